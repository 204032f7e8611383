/* pattern_int.h - patterns and indexes from inside: for pat_*.c only. */
#ifndef SAMPLE_PATTERN_INT_H
#define SAMPLE_PATTERN_INT_H

#include "base/list.h"
#include "sample/pattern.h"
#include "sample/regex.h"

#include <pthread.h>
#include <stdatomic.h>

#define PAT_SMALL_MAX  2  /* so many patterns are compared one by one */
#define PAT_ORDER_BITS 40 /* entries per list; above them the number of the list */

/** How a method finds patterns. */
enum pat_family {
    FAM_NONE,   /* found, bool */
    FAM_EXACT,  /* hash */
    FAM_PREFIX, /* hash per length */
    FAM_SUFFIX,
    FAM_WORDS, /* between delimiters */
    FAM_INT,   /* hash, and sorted ranges */
    FAM_IP,    /* hash per prefix length */
    FAM_SUB,   /* Aho-Corasick */
    FAM_REG,   /* Aho-Corasick over required literals, then the regex */
};

/** A value as one set's type. Immutable; replaced as a whole. */
struct pat_value {
    struct sample sample;
    char bytes[];
};

/** One entry of a list. Belongs to the list, and to the patterns made of it (`refs`). */
struct pat_elt {
    struct list link;
    struct pat_ref *ref;
    struct pat_elt *hash_next;
    struct pat *pats; /* of all sets; under the list's lock */
    uint64_t seq;     /* position and id */
    uint64_t hash;    /* of the key */
    unsigned version;
    unsigned line; /* in its file, or 0 */
    _Atomic unsigned refs;
    struct slice key;
    struct slice value; /* heap; p NULL: none */
    char bytes[];       /* of the key */
};

/** What a pattern is compared with, by family. */
union pat_compiled {
    struct slice s; /* EXACT, PREFIX, SUFFIX, WORDS, SUB */
    struct {
        int64_t lo, hi; /* inclusive */
    } range;
    struct {
        unsigned char addr[16]; /* masked */
        uint32_t mask;          /* IPv4 with a mask that is no prefix, network order */
        uint8_t bits;
        bool v6, odd;
    } ip;
    struct regex *re;
};

/** One entry as one set sees it. */
struct pat {
    union pat_compiled k;
    uint64_t order; /* lowest comes first */
    uint64_t hash;
    struct pat_elt *elt;
    struct pat_set *set;
    struct pat *elt_next;      /* of the same entry in other sets */
    _Atomic(struct pat *) dup; /* same key in the set, higher order */
    struct pat *dup_last;      /* in the first of them: the last */
    _Atomic(struct pat_value *) value;
    _Atomic bool dead; /* removed, but a segment still has it */
    bool is_regex;
    char *mem; /* of k.s when it is not the entry's */
};

/* ---- hash tables that are read without a lock (pat_tab.c)
 * ------------------------------------------- */

struct pat_tab {
    uint32_t mask;
    uint32_t used, live;   /* writer: slots that are not virgin; patterns */
    _Atomic uint32_t *tag; /* 0 virgin, 1 removed, else bits of the hash */
    _Atomic(struct pat *) *slot;
};

#define TAG_REMOVED 1u

static inline uint32_t
pat_tag(uint64_t hash)
{
    return (uint32_t)(hash >> 32) | 2u;
}

/** Lengths (or prefix lengths) that occur in a table, ascending. */
struct pat_lens {
    unsigned n;
    uint32_t len[];
};

typedef bool (*pat_same_fn)(const struct pat *a, const struct pat *b);

/** Enters a pattern whose .hash is set; equal ones are chained in their order. `tab` is what
 * readers load. */
void pat_tab_add(_Atomic(struct pat_tab *) *tab, struct pat *p, pat_same_fn same);
void pat_tab_del(_Atomic(struct pat_tab *) *tab, struct pat *p, pat_same_fn same);
void pat_tab_free(struct pat_tab *t);

/** Walks the patterns whose hash may be `hash`:
 *  PAT_TAB_EACH(t, hash, i, p) { ... } with `uint32_t i` and `struct pat *p` declared. */
#define PAT_TAB_EACH(t, hash, i, p)                                                                \
    for (i = (uint32_t)(hash) & (t)->mask; ((p) = pat_tab_at((t), pat_tag(hash), &i)) != NULL;     \
         i = (i + 1) & (t)->mask)

/** The next candidate at or behind slot *i. */
static inline struct pat *
pat_tab_at(const struct pat_tab *t, uint32_t tag, uint32_t *i)
{
    for (;; *i = (*i + 1) & t->mask) {
        uint32_t have = atomic_load_explicit(&t->tag[*i], memory_order_acquire);
        if (likely(have == 0))
            return NULL;
        if (have == tag)
            return atomic_load_explicit(&t->slot[*i], memory_order_acquire);
    }
}

/** Counts of lengths, for the writer; publishes the list when it changes. */
struct pat_lencount {
    unsigned n, size;
    struct {
        uint32_t len, count;
    } * item;
};
void pat_lens_add(_Atomic(struct pat_lens *) *lens, struct pat_lencount *c, uint32_t len);
void pat_lens_del(_Atomic(struct pat_lens *) *lens, struct pat_lencount *c, uint32_t len);

/* ---- segments: what must be compiled as a whole (pat_seg.c)
 * ------------------------------------------ */

struct aho;

/** An immutable group of patterns, sorted by order. Small ones have nothing compiled and are tried
 * one by one. */
struct pat_seg {
    unsigned n;
    _Atomic unsigned dead;
    struct pat **pat;
    struct aho *aho;       /* SUB: over the patterns; REG: over their literals */
    unsigned *literal_of;  /* REG: literal -> index of its pattern */
    uint32_t *literal_len; /* REG: length when it must be at the start, else 0 */
    uint64_t *always;      /* REG: bitmap of patterns without literals */
    struct pat_interval {
        int64_t from;      /* up to the next one's `from` - 1 */
        struct pat *first; /* lowest order that covers it, or NULL */
    } * interval;          /* INT: sorted */
    unsigned nintervals;
};

struct pat_segs {
    unsigned n;
    struct pat_seg *seg[]; /* largest first */
};

struct pat_index;

void pat_segs_add(const struct pat_set *s, struct pat_index *ix, struct pat **pats, unsigned n);
void pat_segs_del(const struct pat_set *s, struct pat_index *ix, struct pat *p);
/** Releases the segments, and the dead patterns in them. */
void pat_segs_free(struct pat_segs *segs);
/** The best live pattern; groups of its regex in *cap when not NULL. */
struct pat *pat_segs_match(const struct pat_set *s, const struct pat_index *ix, struct slice text,
                           int64_t num, enum pat_pick pick, struct regex_captures *cap);

/* ---- sets
 * --------------------------------------------------------------------------------------------- */

/** Immutable. */
struct pat_small {
    unsigned n;
    struct pat *pat[PAT_SMALL_MAX];
};

/** A list in a set. */
struct pat_link {
    struct list of_ref;
    struct pat_ref *ref;
    struct pat_set *set;
    unsigned index; /* order of attachment */
    struct pat_link *next;
};

/** The searchable form of a set's patterns. Changed in place, or replaced as a whole. */
struct pat_index {
    _Atomic(struct pat_small *) small; /* NULL: the members below are in use */
    _Atomic(struct pat_tab *) tab[2];  /* IP: v4, v6; others use the first */
    _Atomic(struct pat_lens *) lens[2];
    _Atomic(struct pat_segs *) segs;
    struct pat_lencount lencount[2]; /* writer's */
    _Atomic unsigned count;
};

struct pat_set {
    enum pat_match match;
    enum pat_family family;
    unsigned flags;
    enum sample_type out;
    bool shared;
    _Atomic(struct pat_index *) index;
    /* for writers, under `lock` (taken while holding the lock of a list) */
    pthread_mutex_t lock;
    struct pat_link *links, **links_end;
    unsigned nlinks;
    struct list all; /* every set */
};

/** Adds compiled patterns (they belong to the set from now on), or takes one out and retires it.
 * Set's lock held. */
void pat_set_add_pats(struct pat_set *s, struct pat **pats, unsigned n);
void pat_set_del_pat(struct pat_set *s, struct pat *p);
/** Replaces all patterns at one moment, and retires the old ones. Only for sets over one list.
 * Set's lock held. */
void pat_set_replace(struct pat_set *s, struct pat **old, unsigned nold, struct pat **pats,
                     unsigned n);
void pat_sets_free_all(void);
/** Releases a pattern that no reader can see. */
void pat_free(void *pat);
/** After the grace period. */
void pat_retire(struct pat *p);

/* ---- lists (pat_ref.c)
 * ----------------------------------------------------------------------------------- */

#define PAT_BUCKETS_MIN 16u

struct pat_ref {
    struct list link; /* all lists */
    int id;           /* -1: not given yet */
    unsigned flags;
    char *name; /* "" for anonymous ones */
    struct text about;
    bool optional_missing; /* opt@ and there was no file */
    /* under `lock` */
    pthread_mutex_t lock;
    struct list elts; /* in order */
    struct pat_elt **bucket;
    uint32_t nbuckets; /* power of two, or 0 */
    size_t count;
    uint64_t next_seq;
    unsigned curr_ver, next_ver;
    struct list links; /* struct pat_link */
    struct pat_iter *iters;
};

void pat_elt_unref(struct pat_elt *e);
/** Appends an entry that matches nothing yet. Lock held. */
struct pat_elt *pat_elt_add(struct pat_ref *r, unsigned version, struct slice key,
                            struct slice value, unsigned line);
/** Reads a file into an empty list (pat_file.c). */
bool pat_file_read(struct pat_ref *r, const char *path, bool optional, char **err);

/** Compiles an entry for a set; NULL with *err. */
struct pat *pat_compile(struct pat_set *s, struct pat_elt *e, unsigned link_index, char **err);
/** The entry's value as the set's type; false with *err. *out may be NULL when the set needs none.
 */
bool pat_value_make(const struct pat_set *s, const struct pat_elt *e, struct pat_value **out,
                    char **err);

/** Parses a key (pat_parse.c). *mem receives memory the caller frees with the pattern. */
bool pat_parse(enum pat_match m, unsigned flags, struct slice key, union pat_compiled *k,
               char **mem, char **err);
void pat_parsed_free(enum pat_match m, union pat_compiled *k, char *mem);
enum pat_family pat_family_of(enum pat_match m);

/** Hash of a compiled pattern for the tables (pat_find.c); `len` is what goes into the list of
 * lengths. */
uint64_t pat_hash(const struct pat_set *s, const struct pat *p, uint32_t *len);
bool pat_same(const struct pat *a, const struct pat *b);
/** True for characters that separate words of dir and dom. */
bool pat_is_delim(enum pat_match m, char c);

/** Whether a single pattern matches. */
bool pat_one_matches(const struct pat_set *s, const struct pat *p, const struct sample *v,
                     struct regex_captures *cap);
/** Search in the tables. */
struct pat *pat_find(const struct pat_set *s, const struct sample *v, enum pat_pick pick,
                     struct regex_captures *cap);
/** Of two matching patterns the one that is wanted. */
bool pat_better(const struct pat_set *s, const struct pat *a, const struct pat *b,
                enum pat_pick pick);

extern _Atomic unsigned long pat_added, pat_freed;
/** Host names may be resolved: only while the configuration is read. */
extern bool pat_dns;

#endif
