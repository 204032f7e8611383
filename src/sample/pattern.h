/* pattern.h - lists of patterns (ACL values, maps) and the indexes that match samples against them.
 * Manual 7.1.
 *
 * A `pat_ref` is a list as it was written: inline values of one ACL line, a file, or a virtual
 * list. It can be edited at run time and has versions. A `pat_set` is the index over one or more
 * lists for one match method. Lists have a lock; indexes are read without one, and change while
 * they are read (base/epoch.h: readers are threads that called epoch_enter(), and what a match
 * returned is valid until their next quiescent point). */
#ifndef SAMPLE_PATTERN_H
#define SAMPLE_PATTERN_H

#include "base/out.h"
#include "sample/sample.h"

struct cfg_loc;
struct pat;
struct pat_elt;
struct pat_ref;
struct pat_set;
struct regex_captures;

enum pat_match {
    PM_FOUND,
    PM_BOOL,
    PM_INT,
    PM_VER, /* integers written as 3.1: major << 16 | minor */
    PM_IP,
    PM_BIN,
    PM_LEN,
    PM_STR,
    PM_BEG,
    PM_SUB,
    PM_DIR,
    PM_DOM,
    PM_END,
    PM_REG,
    PM_COUNT
};

/** The name used after -m; PM_VER is "int". */
const char *pat_match_name(enum pat_match m);
/** False when unknown. */
bool pat_match_find(const char *name, enum pat_match *out);
/** The type that samples are cast to before they are matched (SMP_ANY for found). */
enum sample_type pat_match_type(enum pat_match m);

/** Operators of integer patterns. */
enum pat_op { POP_NONE, POP_EQ, POP_GT, POP_GE, POP_LT, POP_LE, POP_NE };
enum pat_op pat_op_find(const char *word);
/** Writes the range that "op key" stands for as a key: "gt 4" is "5:". False when `key` is no
 * number or range. */
MUST_CHECK bool pat_op_apply(enum pat_match m, enum pat_op op, struct slice key, struct out *o);

/* ---- lists
 * ----------------------------------------------------------------------------------------- */

enum pat_ref_flag {
    PREF_MAP = 1 << 0, /* lines have two columns */
    PREF_ACL = 1 << 1,
    PREF_FILE = 1 << 2, /* has a name that stands for a file or a virtual list */
    PREF_VIRT = 1 << 3,
};

/** A new anonymous list. `id` < 0: one is given to it by pat_refs_finish(). NULL with *err when the
 * id is taken. */
MUST_CHECK struct pat_ref *pat_ref_new(int id, const char *about, char **err);
/** The list called `name` ([file@]path, opt@path, virt@name), read on first use. `map`: two
 * columns. `use` is the text of one user ("acl at file 'x' line 3"), kept for show. NULL with *err.
 */
MUST_CHECK struct pat_ref *pat_ref_open(const char *name, bool map, const char *use, char **err);
/** By name or "#id"; NULL when there is none. */
struct pat_ref *pat_ref_find(struct slice name);
/** In the order of creation: NULL starts, NULL ends. */
struct pat_ref *pat_ref_next(const struct pat_ref *r);
/** Before a configuration is read: host names in lists of addresses are resolved from now on. */
void pat_refs_start(void);
/** Gives ids to lists that have none, and ends the resolution of names; after the configuration was
 * read. */
void pat_refs_finish(void);
/** Frees all lists and indexes; no reader is left. */
void pat_refs_fini(void);

/** What `show map` prints before the name. */
int pat_ref_id(const struct pat_ref *r);
/** As it was written, without file@ and opt@; "" for anonymous lists. */
const char *pat_ref_name(const struct pat_ref *r);
unsigned pat_ref_flags(const struct pat_ref *r);
/** "pattern loaded from file 'x' used by acl at ..., by map at ..." or "acl 'path' file 'x' line
 * 3". */
const char *pat_ref_about(const struct pat_ref *r);
/** Versions and number of entries, of all versions. */
void pat_ref_info(struct pat_ref *r, unsigned *curr_ver, unsigned *next_ver, size_t *entries);

#define PAT_CURRENT UINT64_MAX /* as a version: the one that is matched */

/** All edits take the list's lock, change every index over it, and are visible to matches at once
 * (the current version). `value` has p NULL for lists of one column. */
MUST_CHECK bool pat_ref_add(struct pat_ref *r, uint64_t version, struct slice key,
                            struct slice value, char **err);
/** Removes entries of the current version with exactly this key; returns how many. */
unsigned pat_ref_del(struct pat_ref *r, struct slice key);
/** Removes one by its id (the number shown by `show map`). */
bool pat_ref_del_id(struct pat_ref *r, uint64_t id);
/** Changes the value of entries with this key. False with *err: "entry not found", or the value
 * cannot be parsed. */
MUST_CHECK bool pat_ref_set(struct pat_ref *r, struct slice key, struct slice value, char **err);
MUST_CHECK bool pat_ref_set_id(struct pat_ref *r, uint64_t id, struct slice value, char **err);
/** Whether the current version has the key. */
bool pat_ref_has(struct pat_ref *r, struct slice key);
/** Adds or changes, in one step: the set-map action. */
MUST_CHECK bool pat_ref_put(struct pat_ref *r, struct slice key, struct slice value, char **err);
/** Removes all entries of a version. */
void pat_ref_clear(struct pat_ref *r, uint64_t version);
/** A new version number. */
unsigned pat_ref_prepare(struct pat_ref *r);
/** Makes `version` the current one and removes all older ones. False when it is not between current
 * and next. */
bool pat_ref_commit(struct pat_ref *r, unsigned version);
/** Gives up a version that was prepared. */
void pat_ref_giveup(struct pat_ref *r, unsigned version);

/** Position in a list, stays valid while others edit it. Zero starts; pat_iter_fini() if not run to
 * the end. */
struct pat_iter {
    struct pat_ref *ref;
    struct pat_elt *at;
    struct pat_iter *next;
};
struct pat_entry {
    uint64_t id;
    struct slice key, value; /* value.p NULL: none; both are copies in the caller's arena */
};
/** The next entry of a version; false at the end. */
bool pat_iter_next(struct pat_iter *it, struct pat_ref *r, uint64_t version, struct arena *arena,
                   struct pat_entry *e);
void pat_iter_fini(struct pat_iter *it);

/** Output of `get map` and `get acl`: one line per index over the list. */
void pat_ref_lookup(struct pat_ref *r, struct slice value, struct text *out);

/** Entries that were ever added and freed (show info: PatternsAdded, PatternsFreed). */
void pat_counts(unsigned long *added, unsigned long *freed);

/* ---- indexes
 * --------------------------------------------------------------------------------------- */

enum pat_set_flag {
    PSF_ICASE = 1 << 0,
    PSF_NO_DNS = 1 << 1, /* names are no addresses */
};

/** The index over `r` for a method; shared between users. `out`: type of the values, SMP_ANY when
 * they are not used. NULL with *err when an entry cannot be parsed. */
MUST_CHECK struct pat_set *pat_set_get(struct pat_ref *r, enum pat_match m, unsigned flags,
                                       enum sample_type out, char **err);
/** A private index to which lists are attached one by one; matches of a list attached earlier come
 * first. */
struct pat_set *pat_set_new(enum pat_match m, unsigned flags);
/** False with *err. */
MUST_CHECK bool pat_set_attach(struct pat_set *s, struct pat_ref *r, char **err);
/** The k-th attached list, NULL past the end. */
struct pat_ref *pat_set_ref(const struct pat_set *s, unsigned k);
bool pat_set_is_icase(const struct pat_set *s);

/** Which of several matching patterns is wanted. */
enum pat_pick {
    PICK_ANY,   /* whether there is one: the cheapest */
    PICK_FIRST, /* the first in the order of the lists */
    PICK_MAP,   /* what a map returns: the longest for beg and ip, else the first */
};

/** Matches a sample of the type pat_match_type(); NULL: none. Not for PM_FOUND and PM_BOOL, which
 * look at no pattern. */
HOT const struct pat *pat_set_match(const struct pat_set *s, const struct sample *v,
                                    enum pat_pick pick);
/** As above, with the groups of the regex that matched. */
const struct pat *pat_set_match_groups(const struct pat_set *s, const struct sample *v,
                                       struct regex_captures *cap);
/** Whether the set has patterns at all. */
bool pat_set_is_empty(const struct pat_set *s);

/** The entry's key as it is written in the list; valid until the next quiescent point. */
struct slice pat_key(const struct pat *p);
/** The value as a sample of the set's type (CONST; valid until the next quiescent point). False: it
 * has none. */
bool pat_value(const struct pat *p, struct sample *out);
/** Number of the list in the order of attachment. */
unsigned pat_attach_index(const struct pat *p);

#endif
