/* table.c - stick tables: shards, lookup, creation, order of use, expiry, iteration.
 *
 * The 64-bit keyed hash of a key names its shard (high half) and its place inside (low half).
 * Buckets are indexed by the top bits of the low half and their chains ascend, so all entries of a
 * shard are in hash order however many buckets there are: an iteration remembers a hash, and growth
 * in the middle of it changes nothing.
 *
 * A shard's list is in order of last use, because every use gives an entry the same time to live.
 * To keep that cheap an entry moves to the end only when its place is older than gran_ms: in large
 * tables its memory may be released that much late. Whether it is expired is decided by expire_ms
 * alone. */
#include "stick/data.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <xxhash.h>

#define SHARDS_MAX       256u
#define SHARD_ENTRIES    1024u /* a table gets a shard per so many entries */
#define BUCKETS_LOG2_MIN 4u
#define INDEX_LOG2_MAX   14u /* of buckets that a shard has from the start: 32 MiB in all */
#define CHUNK_MIN        2048u
#define CHUNK_MAX        65536u
#define PURGE_BATCH      8u  /* entries that make room at once in tables of several shards */
#define PURGE_SKIP       64u /* entries in use that are passed over in one shard */
#define GRAN_SHARE       64u /* places in the order of use lag at most this part of an entry's life */
#define GRAN_FOREVER_MS  10000u     /* the same for entries that do not expire */
#define BLOCK_SIZE       (2u << 20) /* a huge page: large tables spare most address translation */

struct stick_chunk {
    struct stick_chunk *next;
    char mem[] __attribute__((aligned(16)));
};

/** What large tables cut their chunks from; on their list of blocks. */
struct stick_block {
    struct stick_block *next;
};

/** Lock order: a shard's lock, then the table's block lock or an entry's, then the dictionary's.
 * Never two shards. */
struct stick_shard {
    struct spin lock; /* protects everything here */
    uint8_t log2;     /* number of buckets */
    unsigned count;
    struct stick_entry **bucket; /* NULL until the first entry */
    struct list lru;
    _Atomic uint32_t oldest_ms; /* queued_ms of the first in lru */
    _Atomic bool any;           /* lru is not empty */
    struct stick_entry *free;
    struct stick_chunk *chunks;
    char *fresh, *fresh_end; /* unused end of the newest chunk */
    unsigned chunk_size;
} ALIGNED_LINE;

/* ---- life ---- */

static unsigned
shards_for(unsigned size)
{
    unsigned n = 1;

    while (n < SHARDS_MAX && size / n > SHARD_ENTRIES)
        n *= 2;
    return n;
}

/* Large tables have all their buckets from the start, in huge pages: a look-up costs two misses of
 * the cache, and with small pages as many of the address translation. Each shard grows its own
 * without memory, and in tables so large that what is never used would matter. */
static void
index_map(struct stick_table *t)
{
    unsigned log2 = BUCKETS_LOG2_MIN;

    while (log2 < 31 && t->size / t->nshards > 1u << log2)
        log2++;
    if (log2 > INDEX_LOG2_MAX)
        return;
    size_t slice = sizeof(struct stick_entry *) << log2, size = slice * t->nshards + BLOCK_SIZE;
    char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0);
    if (p == MAP_FAILED)
        return;
    t->index = p;
    t->index_size = size;
    t->index_log2 = (uint8_t)log2;
    p += BLOCK_SIZE - (uintptr_t)p % BLOCK_SIZE;
    t->buckets = (struct stick_entry **)(void *)p;
    madvise(p, slice * t->nshards, MADV_HUGEPAGE); /* a wish */
    for (unsigned i = 0; i < t->nshards; i++) {
        t->shard[i].bucket = (struct stick_entry **)(void *)(p + i * slice);
        t->shard[i].log2 = (uint8_t)log2;
    }
}

bool
stick_table_start(struct stick_table *t)
{
    t->nshards = shards_for(t->size);
    /* A table small enough to be looked at by eye keeps the exact order. */
    t->gran_ms = t->nshards == 1 ? 0 : GRAN_FOREVER_MS;
    if (t->expire_ms > 0 && t->gran_ms)
        t->gran_ms = (unsigned)t->expire_ms / GRAN_SHARE;
    if (getrandom(&t->seed, sizeof(t->seed), 0) != sizeof(t->seed))
        t->seed = (uint64_t)(uintptr_t)t * 0x9e3779b97f4a7c15u;
    t->shard = aligned_alloc(CACHELINE, sizeof(*t->shard) * t->nshards);
    if (!t->shard)
        return false;
    memset(t->shard, 0, sizeof(*t->shard) * t->nshards);
    for (unsigned i = 0; i < t->nshards; i++)
        list_init(&t->shard[i].lru);
    if (t->nshards == SHARDS_MAX)
        index_map(t);
    return true;
}

static void
shard_fini(struct stick_table *t, struct stick_shard *s)
{
    struct stick_entry *e, *tmp;

    list_each_safe (e, tmp, &s->lru, lru) {
        stick_data_fini(t, e);
        if (WITH_ASAN)
            free(e);
    }
    while (s->chunks) {
        struct stick_chunk *next = s->chunks->next;
        free(s->chunks);
        s->chunks = next;
    }
    if (!t->index)
        free(s->bucket);
}

static void
blocks_free(struct stick_table *t)
{
    while (t->blocks) {
        struct stick_block *next = t->blocks->next;
        free(t->blocks);
        t->blocks = next;
    }
    t->block_at = 0;
}

void
stick_table_stop(struct stick_table *t)
{
    if (!t->shard)
        return;
    for (unsigned i = 0; i < t->nshards; i++)
        shard_fini(t, &t->shard[i]);
    blocks_free(t);
    if (t->index)
        munmap(t->index, t->index_size);
    t->index = NULL;
    free(t->shard);
    t->shard = NULL;
    atomic_store(&t->used, 0);
}

void
stick_table_store(struct stick_table *t, enum stick_data type)
{
    ASSERT(!t->shard);
    if (!t->count[type]) {
        t->count[type] = 1;
        stick_table_layout(t);
    }
}

struct stick_table *
stick_table_find(const struct list *tables, const char *name)
{
    struct stick_table *t;

    list_each (t, tables, link)
        if (strcmp(t->name, name) == 0)
            return t;
    return NULL;
}

/* ---- memory of a shard; all under its lock ---- */

/* CHUNK_MAX bytes of a block, for tables that are large enough to fill blocks. NULL when memory is
 * out. */
static char *
block_cut(struct stick_table *t)
{
    char *p = NULL;

    spin_lock(&t->block_lock);
    if (!t->blocks || t->block_at + CHUNK_MAX > BLOCK_SIZE) {
        struct stick_block *b = aligned_alloc(BLOCK_SIZE, BLOCK_SIZE);
        if (b) {
            madvise(b, BLOCK_SIZE, MADV_HUGEPAGE); /* a wish */
            b->next = t->blocks;
            t->blocks = b;
            t->block_at = CACHELINE;
        }
    }
    if (t->blocks && t->block_at + CHUNK_MAX <= BLOCK_SIZE) {
        p = (char *)t->blocks + t->block_at;
        t->block_at += CHUNK_MAX;
    }
    spin_unlock(&t->block_lock);
    return p;
}

/* Gets fresh memory for at least one entry. */
static bool
shard_refill(struct stick_table *t, struct stick_shard *s)
{
    s->chunk_size = s->chunk_size ? MIN(s->chunk_size * 2, CHUNK_MAX) : CHUNK_MIN;
    size_t n = MAX(s->chunk_size, t->entry_size);

    if (s->chunk_size == CHUNK_MAX && t->entry_size <= CHUNK_MAX / 16 && t->nshards == SHARDS_MAX) {
        char *p = block_cut(t);
        if (!p)
            return false;
        s->fresh = p;
        s->fresh_end = p + CHUNK_MAX;
        return true;
    }
    struct stick_chunk *c = malloc(sizeof(*c) + n);
    if (!c)
        return false;
    c->next = s->chunks;
    s->chunks = c;
    s->fresh = c->mem;
    s->fresh_end = c->mem + n;
    return true;
}

static struct stick_entry *
shard_alloc(struct stick_table *t, struct stick_shard *s)
{
    struct stick_entry *e = s->free;

    if (WITH_ASAN)
        return malloc(t->entry_size);
    if (e) {
        s->free = e->next;
        return e;
    }
    if ((size_t)(s->fresh_end - s->fresh) < t->entry_size && !shard_refill(t, s))
        return NULL;
    e = (struct stick_entry *)(void *)s->fresh;
    s->fresh += t->entry_size;
    return e;
}

static void
shard_release(struct stick_shard *s, struct stick_entry *e)
{
    if (WITH_ASAN) {
        free(e);
        return;
    }
    e->next = s->free;
    s->free = e;
}

/* ---- buckets; all under the shard's lock ---- */

static inline struct stick_entry **
bucket_of(const struct stick_shard *s, uint32_t hash)
{
    return &s->bucket[hash >> (32 - s->log2)];
}

/* Doubles the buckets; each chain falls apart into two, in order. Without memory chains just get
 * longer. */
static void
shard_grow(struct stick_shard *s)
{
    unsigned n = 1u << s->log2;
    struct stick_entry **new = calloc((size_t)n * 2, sizeof(*new));

    if (!new)
        return;
    for (unsigned i = 0; i < n; i++) {
        struct stick_entry **low = &new[2 * i], **high = &new[2 * i + 1];
        for (struct stick_entry *e = s->bucket[i]; e; e = e->next) {
            struct stick_entry ***end = (e->hash >> (31 - s->log2)) & 1 ? &high : &low;
            **end = e;
            *end = &e->next;
        }
        *low = *high = NULL;
    }
    free(s->bucket);
    s->bucket = new;
    s->log2++;
}

static inline bool
key_is(const struct stick_table *t, const struct stick_entry *e, const struct stick_key *k)
{
    const char *p = (const char *)e + t->key_offset;

    return memcmp(p, k->p, k->len) == 0 && (k->len == t->key_size || p[k->len] == '\0');
}

/* The link that points at the entry of `k`, or at where it would be. */
static inline struct stick_entry **
shard_find(const struct stick_table *t, struct stick_shard *s, uint32_t hash,
           const struct stick_key *k, bool *found)
{
    struct stick_entry **at = bucket_of(s, hash);

    for (; *at && (*at)->hash <= hash; at = &(*at)->next) {
        if ((*at)->hash == hash && key_is(t, *at, k)) {
            *found = true;
            return at;
        }
    }
    *found = false;
    return at;
}

static void
shard_oldest(struct stick_shard *s)
{
    struct stick_entry *e = list_first(&s->lru, struct stick_entry, lru);

    atomic_store_explicit(&s->any, e != NULL, memory_order_relaxed);
    if (e)
        atomic_store_explicit(&s->oldest_ms,
                              atomic_load_explicit(&e->queued_ms, memory_order_relaxed),
                              memory_order_relaxed);
}

/* Gives the entry its place in the order of use; `when` is normally now. */
static void
shard_queue(struct stick_shard *s, struct stick_entry *e, uint32_t when)
{
    struct list *after = s->lru.prev;

    /* Entries from peers, and clocks a little apart: look back a few places. */
    for (unsigned i = 0; i < 16 && after != &s->lru; i++, after = after->prev) {
        struct stick_entry *other = list_entry(after, struct stick_entry, lru);
        uint32_t queued = atomic_load_explicit(&other->queued_ms, memory_order_relaxed);
        if ((int32_t)(when - queued) >= 0)
            break;
    }
    atomic_store_explicit(&e->queued_ms, when, memory_order_relaxed);
    list_insert_between(&e->lru, after, after->next);
    if (e->lru.prev == &s->lru)
        shard_oldest(s);
}

static void
shard_unqueue(struct stick_shard *s, struct stick_entry *e)
{
    bool first = e->lru.prev == &s->lru;

    list_del(&e->lru);
    if (first)
        shard_oldest(s);
}

/* Takes out an entry that nobody references; `at` is the link that points at it. */
static void
shard_remove(struct stick_table *t, struct stick_shard *s, struct stick_entry **at)
{
    struct stick_entry *e = *at;

    *at = e->next;
    shard_unqueue(s, e);
    stick_data_fini(t, e);
    shard_release(s, e);
    s->count--;
    atomic_fetch_sub_explicit(&t->used, 1, memory_order_relaxed);
}

static void
shard_remove_entry(struct stick_table *t, struct stick_shard *s, struct stick_entry *e)
{
    struct stick_entry **at = bucket_of(s, e->hash);

    while (*at != e)
        at = &(*at)->next;
    shard_remove(t, s, at);
}

/* Under the shard's lock nobody can take a first reference; acquire pairs with the release of the
 * last one. */
static inline bool
in_use(struct stick_entry *e)
{
    return atomic_load_explicit(&e->ref, memory_order_acquire) != 0;
}

static inline bool
is_expired(const struct stick_table *t, struct stick_entry *e, int64_t now_ms)
{
    uint32_t at = atomic_load_explicit(&e->expire_ms, memory_order_relaxed);

    return t->expire_ms > 0 && (int32_t)((uint32_t)now_ms - at) >= 0;
}

/* ---- lookup and creation ---- */

static inline uint64_t
key_hash(const struct stick_table *t, const struct stick_key *k)
{
    return XXH3_64bits_withSeed(k->p, k->len, t->seed);
}

static inline struct stick_shard *
shard_of(const struct stick_table *t, uint64_t hash)
{
    return &t->shard[(hash >> 32) & (t->nshards - 1)];
}

/* Asks for the bucket while the lock's line is still on its way from another core. */
static inline void
prefetch_bucket(const struct stick_table *t, const struct stick_shard *s, uint32_t hash)
{
    if (t->index)
        __builtin_prefetch(&t->buckets[((size_t)(s - t->shard) << t->index_log2) +
                                       (hash >> (32 - t->index_log2))]);
}

/* The live entry of a locked shard; an expired one is removed on the way. */
static struct stick_entry *
shard_live(struct stick_table *t, struct stick_shard *s, uint32_t hash, const struct stick_key *k,
           int64_t now_ms)
{
    bool found;

    if (!s->bucket)
        return NULL;
    struct stick_entry **at = shard_find(t, s, hash, k, &found);
    if (!found)
        return NULL;
    struct stick_entry *e = *at;
    if (unlikely(is_expired(t, e, now_ms) && !in_use(e))) {
        shard_remove(t, s, at);
        return NULL;
    }
    return e;
}

struct stick_entry *
stick_lookup(struct stick_table *t, const struct stick_key *k, int64_t now_ms)
{
    uint64_t hash = key_hash(t, k);
    struct stick_shard *s = shard_of(t, hash);

    prefetch_bucket(t, s, (uint32_t)hash);
    spin_lock(&s->lock);
    struct stick_entry *e = shard_live(t, s, (uint32_t)hash, k, now_ms);
    if (e)
        stick_ref(e);
    spin_unlock(&s->lock);
    return e;
}

/* Removes up to `max` entries that are used longest ago from a shard. Those in use go to the end.
 */
static unsigned
shard_purge(struct stick_table *t, struct stick_shard *s, unsigned max, int64_t now_ms)
{
    unsigned n = 0;

    spin_lock(&s->lock);
    for (unsigned skipped = 0; n < max && skipped < PURGE_SKIP;) {
        struct stick_entry *e = list_first(&s->lru, struct stick_entry, lru);
        if (!e)
            break;
        if (in_use(e)) {
            shard_unqueue(s, e);
            shard_queue(s, e, (uint32_t)now_ms);
            skipped++;
            continue;
        }
        shard_remove_entry(t, s, e);
        n++;
    }
    spin_unlock(&s->lock);
    return n;
}

/* Makes room: from the shard whose oldest entry is the oldest, or from any. */
static bool
table_purge(struct stick_table *t, int64_t now_ms)
{
    unsigned oldest = 0;
    int32_t age_max = -1;

    if (t->nshards == 1)
        return shard_purge(t, &t->shard[0], 1, now_ms) > 0;
    for (unsigned i = 0; i < t->nshards; i++) {
        struct stick_shard *s = &t->shard[i];
        if (!atomic_load_explicit(&s->any, memory_order_relaxed))
            continue;
        int32_t age =
            (int32_t)((uint32_t)now_ms - atomic_load_explicit(&s->oldest_ms, memory_order_relaxed));
        if (age > age_max) {
            age_max = age;
            oldest = i;
        }
    }
    for (unsigned i = 0; i < t->nshards; i++)
        if (shard_purge(t, &t->shard[(oldest + i) % t->nshards], PURGE_BATCH, now_ms) > 0)
            return true;
    return false;
}

/* Reserves one of the table's `size` places. */
static bool
table_reserve(struct stick_table *t, int64_t now_ms)
{
    for (unsigned tries = 0; tries < 4; tries++) {
        if (likely(atomic_fetch_add_explicit(&t->used, 1, memory_order_relaxed) < t->size))
            return true;
        atomic_fetch_sub_explicit(&t->used, 1, memory_order_relaxed);
        if (stick_table_expire(t, now_ms, PURGE_BATCH) == 0 &&
            (t->nopurge || !table_purge(t, now_ms)))
            return false;
    }
    return false;
}

static struct stick_entry *
shard_insert(struct stick_table *t, struct stick_shard *s, uint32_t hash, const struct stick_key *k,
             int64_t now_ms)
{
    bool found;

    if (unlikely(!s->bucket)) {
        s->log2 = BUCKETS_LOG2_MIN;
        s->bucket = calloc((size_t)1 << s->log2, sizeof(*s->bucket));
        if (!s->bucket)
            return NULL;
    } else if (!t->index && s->count >= (1u << s->log2) / 4 * 3 && s->log2 < 31) {
        shard_grow(s);
    }
    struct stick_entry *e = shard_alloc(t, s);
    if (!e)
        return NULL;
    struct stick_entry **at = shard_find(t, s, hash, k, &found);

    e->next = *at;
    e->hash = hash;
    atomic_init(&e->ref, 0);
    atomic_init(&e->lock.taken, 0);
    atomic_init(&e->expire_ms, (uint32_t)now_ms + (uint32_t)t->expire_ms);
    stick_data_init(t, e);
    char *key = (char *)e + t->key_offset;
    memcpy(key, k->p, k->len);
    memset(key + k->len, 0, t->key_size - k->len);
    *at = e;
    s->count++;
    shard_queue(s, e, (uint32_t)now_ms);
    return e;
}

struct stick_entry *
stick_get(struct stick_table *t, const struct stick_key *k, int64_t now_ms, bool *made)
{
    uint64_t hash = key_hash(t, k);
    struct stick_shard *s = shard_of(t, hash);

    DASSERT(k->len <= t->key_size);
    if (made)
        *made = false;
    prefetch_bucket(t, s, (uint32_t)hash);
    spin_lock(&s->lock);
    struct stick_entry *e = shard_live(t, s, (uint32_t)hash, k, now_ms);
    if (likely(e != NULL)) {
        stick_ref(e);
        spin_unlock(&s->lock);
        return e;
    }
    spin_unlock(&s->lock);

    /* Room is made without the lock, because it may have to come from another shard. */
    if (!table_reserve(t, now_ms))
        return NULL;
    spin_lock(&s->lock);
    e = shard_live(t, s, (uint32_t)hash, k, now_ms);
    bool ours = !e;
    if (ours)
        e = shard_insert(t, s, (uint32_t)hash, k, now_ms);
    if (e)
        stick_ref(e);
    spin_unlock(&s->lock);
    if (!ours || !e)
        atomic_fetch_sub_explicit(&t->used, 1, memory_order_relaxed);
    if (made)
        *made = ours && e;
    return e;
}

/* ---- use and expiry ---- */

static inline struct stick_shard *
shard_of_entry(const struct stick_table *t, const struct stick_entry *e)
{
    struct stick_key k = { .p = (const char *)e + t->key_offset, .len = t->key_size };

    if (t->type == STICK_STRING)
        k.len = (unsigned)strnlen(k.p, t->key_size);
    return shard_of(t, key_hash(t, &k));
}

static void
entry_requeue(struct stick_table *t, struct stick_entry *e, uint32_t when)
{
    struct stick_shard *s = shard_of_entry(t, e);

    spin_lock(&s->lock);
    shard_unqueue(s, e);
    shard_queue(s, e, when);
    spin_unlock(&s->lock);
}

void
stick_touch(struct stick_table *t, struct stick_entry *e, int64_t now_ms)
{
    uint32_t now = (uint32_t)now_ms;
    uint32_t lag = now - atomic_load_explicit(&e->queued_ms, memory_order_relaxed);

    atomic_store_explicit(&e->expire_ms, now + (uint32_t)t->expire_ms, memory_order_relaxed);
    if (lag > t->gran_ms && lag <= INT32_MAX)
        entry_requeue(t, e, now);
    if (t->on_update) {
        atomic_fetch_add_explicit(&t->local_updates, 1, memory_order_relaxed);
        t->on_update(t, e);
    }
}

void
stick_touch_remote(struct stick_table *t, struct stick_entry *e, int64_t now_ms, uint32_t left_ms)
{
    uint32_t now = (uint32_t)now_ms;

    left_ms = MIN(left_ms, (uint32_t)t->expire_ms);
    atomic_store_explicit(&e->expire_ms, now + left_ms, memory_order_relaxed);
    entry_requeue(t, e, now - ((uint32_t)t->expire_ms - left_ms));
}

uint32_t
stick_left_ms(const struct stick_table *t, const struct stick_entry *e, int64_t now_ms)
{
    uint32_t at = atomic_load_explicit(&e->expire_ms, memory_order_relaxed);
    int32_t left = (int32_t)(at - (uint32_t)now_ms);

    return t->expire_ms > 0 && left > 0 ? (uint32_t)left : 0;
}

enum stick_del
stick_delete(struct stick_table *t, const struct stick_key *k, int64_t now_ms)
{
    uint64_t hash = key_hash(t, k);
    struct stick_shard *s = shard_of(t, hash);
    enum stick_del rc = STICK_DEL_NONE;
    bool found;

    spin_lock(&s->lock);
    if (shard_live(t, s, (uint32_t)hash, k, now_ms)) {
        struct stick_entry **at = shard_find(t, s, (uint32_t)hash, k, &found);
        rc = in_use(*at) ? STICK_DEL_IN_USE : STICK_DEL_OK;
        if (rc == STICK_DEL_OK)
            shard_remove(t, s, at);
    }
    spin_unlock(&s->lock);
    return rc;
}

/* Whether the shard's first entry is old enough to be looked at. */
static bool
shard_is_due(const struct stick_table *t, const struct stick_shard *s, int64_t now_ms)
{
    uint32_t oldest = atomic_load_explicit(&s->oldest_ms, memory_order_relaxed);

    return atomic_load_explicit(&s->any, memory_order_relaxed) &&
           (int32_t)((uint32_t)now_ms - (oldest + (uint32_t)t->expire_ms)) >= 0;
}

static unsigned
shard_expire(struct stick_table *t, struct stick_shard *s, int64_t now_ms, unsigned budget)
{
    unsigned n = 0;

    spin_lock(&s->lock);
    for (unsigned looked = 0; looked < budget; looked++) {
        struct stick_entry *e = list_first(&s->lru, struct stick_entry, lru);
        /* One that was used since it got its place, at most gran_ms later, holds up those behind it
         * so long. */
        if (!e || !is_expired(t, e, now_ms))
            break;
        if (in_use(e)) { /* it will be touched when that ends */
            shard_unqueue(s, e);
            shard_queue(s, e, (uint32_t)now_ms);
            continue;
        }
        shard_remove_entry(t, s, e);
        n++;
    }
    spin_unlock(&s->lock);
    return n;
}

unsigned
stick_table_expire(struct stick_table *t, int64_t now_ms, unsigned budget)
{
    unsigned n = 0;

    if (t->expire_ms == 0)
        return 0;
    unsigned first = atomic_load_explicit(&t->expire_at, memory_order_relaxed);
    for (unsigned i = 0; i < t->nshards && n < budget; i++) {
        unsigned at = (first + i) & (t->nshards - 1);
        if (!shard_is_due(t, &t->shard[at], now_ms))
            continue;
        n += shard_expire(t, &t->shard[at], now_ms, budget - n);
        atomic_store_explicit(&t->expire_at, at, memory_order_relaxed);
    }
    return n;
}

int64_t
stick_table_next_ms(const struct stick_table *t, int64_t now_ms)
{
    int64_t next = -1;

    if (t->expire_ms == 0)
        return -1;
    for (unsigned i = 0; i < t->nshards; i++) {
        const struct stick_shard *s = &t->shard[i];
        if (!atomic_load_explicit(&s->any, memory_order_relaxed))
            continue;
        uint32_t oldest = atomic_load_explicit(&s->oldest_ms, memory_order_relaxed);
        int32_t left = (int32_t)(oldest + (uint32_t)t->expire_ms - (uint32_t)now_ms);
        if (next < 0 || left < next)
            next = MAX(left, 0);
    }
    return next;
}

/* ---- iteration ---- */

/* Collects entries of a locked shard from hash *from on; *from becomes the first hash not seen.
 * Entries of the same hash stay together: more than a page of them is not possible with a keyed
 * hash, and would be cut. */
static unsigned
shard_page(struct stick_table *t, struct stick_shard *s, uint64_t *from, struct stick_entry **out,
           unsigned max, int64_t now_ms)
{
    unsigned n = 0;

    while (*from <= UINT32_MAX) {
        unsigned b = (unsigned)(*from >> (32 - s->log2));
        for (struct stick_entry *e = s->bucket[b]; e; e = e->next) {
            if (e->hash < *from || (is_expired(t, e, now_ms) && !in_use(e)))
                continue;
            if (n < max) {
                out[n++] = e;
                continue;
            }
            bool cut = out[0]->hash == e->hash;
            while (!cut && out[n - 1]->hash == e->hash)
                n--;
            *from = (uint64_t)e->hash + cut;
            return n;
        }
        *from = (uint64_t)(b + 1) << (32 - s->log2);
    }
    return n;
}

unsigned
stick_table_page(struct stick_table *t, struct stick_iter *at, struct stick_entry **out,
                 unsigned max, int64_t now_ms)
{
    unsigned n = 0;

    ASSERT(max >= 16);
    for (; at->shard < t->nshards; at->shard++, at->hash = 0) {
        struct stick_shard *s = &t->shard[at->shard];
        if (n > 0 && max - n < 16)
            break;
        spin_lock(&s->lock);
        unsigned more = 0;
        if (s->count)
            more = shard_page(t, s, &at->hash, out + n, max - n, now_ms);
        else
            at->hash = (uint64_t)1 << 32;
        for (unsigned i = n; i < n + more; i++)
            stick_ref(out[i]);
        n += more;
        spin_unlock(&s->lock);
        if (at->hash <= UINT32_MAX)
            break;
    }
    return n;
}
