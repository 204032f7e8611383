/* cfg_int.h - between the files of the reader. */
#ifndef CONFIG_CFG_INT_H
#define CONFIG_CFG_INT_H

#include "config/cfg.h"
#include "config/lexer.h"
#include "config/module.h"

/** Nesting of .if blocks; HAProxy's limit. */
#define CFG_IF_MAX 100

/** One .if block. */
struct cfg_if {
    unsigned line; /* of the .if */
    bool taken;    /* a branch was chosen, or the condition was broken */
    bool active;   /* the current branch is the chosen one */
    bool else_seen;
};

/** cfg->private: the file being read. */
struct cfg_reader {
    struct lexer lexer;
    struct cfg_if ifs[CFG_IF_MAX];
    unsigned nifs;
    unsigned ifs_too_deep; /* blocks opened beyond the limit, all left out */
};

static inline struct cfg_reader *
cfg_reader(const struct cfg *c)
{
    return c->private;
}

/** Handles a line that begins with a dot. */
void cfg_directive(struct cfg *c);
/** False inside a block that is left out. */
bool cfg_is_active(const struct cfg *c);

/** Appends a template to `t`: put() appends what $<letter> stands for, but for $P: the section with
 * its name in quotes. */
void cfg_fill(struct cfg *c, const char *form,
              void (*put)(struct cfg *c, struct text *t, char letter, const void *arg),
              const void *arg, struct text *t);
/** True, and an error, when the line begins with a keyword that HAProxy removed. */
bool cfg_report_gone(struct cfg *c);
/** Says what is wrong with a line that no row of the current section accepts. */
void cfg_report_unknown(struct cfg *c);
/** What is wrong with word `at`, which no option row of `where` accepts. */
void cfg_report_unknown_option(struct cfg *c, unsigned where, unsigned at);
/** Called for every row valid in `where`, with the words of its name. */
typedef void (*cfg_row_fn)(const struct keyword *kw, void *arg);
void cfg_each_row(unsigned where, cfg_row_fn fn, void *arg);
void cfg_each_section(void (*fn)(const struct section *s, void *arg), void *arg);
/** Copies the next word of `name` behind its first `skip` words; false when there is none. */
bool cfg_name_word(const char *name, unsigned skip, char *buf, size_t size);

#endif
