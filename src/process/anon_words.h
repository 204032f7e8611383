/* anon_words.h - words of a configuration, without names, addresses and texts. */
#ifndef PROCESS_ANON_WORDS_H
#define PROCESS_ANON_WORDS_H

#include "base/out.h"

/** Learns the words of the language, which stay; what is written afterwards depends on the key, not
 * 0. anon_words_end() releases them. */
void anon_words_begin(uint32_t with_key);
void anon_words_end(void);
/** Writes a word of a configuration: keywords, numbers and ports as they are, names and addresses
 * as hashes (base/anon.h), texts as "[...]". */
void anon_words_put(struct out *o, const char *text);

#endif
