/* anon.h - names and addresses hidden behind hashes: anonkey, -dC<key>, set anon. */
#ifndef BASE_ANON_H
#define BASE_ANON_H

#include "base/out.h"

/** Writes what stands for a name: "ID(1ae350)", 24 bits that depend on the key. The same name gives
 * the same hash, hence references can be followed. With key 0 the name itself. */
void anon_put_id(struct out *o, uint32_t key, struct slice name);
/** Writes what stands for an address: "IPV4(c47107):8080", "IPV6(...)", "PATH(...)" for a path;
 * ports stay. False, with nothing written, if it is none of these. */
bool anon_put_addr(struct out *o, uint32_t key, struct slice addr);

#endif
