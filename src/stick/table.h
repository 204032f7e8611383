/* table.h - stick tables: keys, the data stored with them, lookup, expiry (manual: "stick-table").
 *
 * A table is shared by all threads. Its entries are spread over shards by a keyed hash; each shard
 * has one leaf lock around its buckets, its list in order of last use and its memory. Entries are
 * counted references: who holds one may read and change the data without any table lock; an entry
 * in use is never removed. Time always comes in as monotonic milliseconds.
 *
 * Memory: 44 bytes per entry, plus the key (4, 16 or <len>), plus 4 bytes per counter, 8 per byte
 * counter or server key, 12 per rate, rounded up to 8; plus 11 bytes of buckets, in
 * tables of 131072 to 4194304 entries 8 to 16 for each that they may hold. `type ip store
 * gpc0,conn_rate(30s)` takes 72. */
#ifndef STICK_TABLE_H
#define STICK_TABLE_H

#include "base/freq.h"
#include "base/list.h"
#include "base/out.h"
#include "base/spin.h"
#include "config/cfg.h"
#include "sample/sample.h"

#define STICK_ARRAY_MAX   100u   /* elements of gpc(n), gpt(n), gpc_rate(n) */
#define STICK_KEY_MAX     65536u /* bytes of a key */
#define STICK_KEY_DEFAULT 32u    /* `type string` and `type binary` without len */

enum stick_type { STICK_IP, STICK_IPV6, STICK_INTEGER, STICK_STRING, STICK_BINARY, STICK_TYPES };

/** How a datum is kept. */
enum stick_kind { STICKK_UINT, STICKK_ULONG, STICKK_RATE, STICKK_NAME };

/** What a data type takes between parentheses. */
enum stick_args { STICKA_NONE, STICKA_PERIOD, STICKA_COUNT, STICKA_COUNT_PERIOD };

/** X(enumerator, configuration name, kind, arguments, `show table` name after the index). In the
 * order of the numbers of the peers protocol, which is also the order of `show table`. */
#define STICK_DATA(X)                                                                              \
    X(SERVER_ID, "server_id", UINT, NONE)                                                          \
    X(GPT0, "gpt0", UINT, NONE)                                                                    \
    X(GPC0, "gpc0", UINT, NONE)                                                                    \
    X(GPC0_RATE, "gpc0_rate", RATE, PERIOD)                                                        \
    X(CONN_CNT, "conn_cnt", UINT, NONE)                                                            \
    X(CONN_RATE, "conn_rate", RATE, PERIOD)                                                        \
    X(CONN_CUR, "conn_cur", UINT, NONE)                                                            \
    X(SESS_CNT, "sess_cnt", UINT, NONE)                                                            \
    X(SESS_RATE, "sess_rate", RATE, PERIOD)                                                        \
    X(HTTP_REQ_CNT, "http_req_cnt", UINT, NONE)                                                    \
    X(HTTP_REQ_RATE, "http_req_rate", RATE, PERIOD)                                                \
    X(HTTP_ERR_CNT, "http_err_cnt", UINT, NONE)                                                    \
    X(HTTP_ERR_RATE, "http_err_rate", RATE, PERIOD)                                                \
    X(BYTES_IN_CNT, "bytes_in_cnt", ULONG, NONE)                                                   \
    X(BYTES_IN_RATE, "bytes_in_rate", RATE, PERIOD)                                                \
    X(BYTES_OUT_CNT, "bytes_out_cnt", ULONG, NONE)                                                 \
    X(BYTES_OUT_RATE, "bytes_out_rate", RATE, PERIOD)                                              \
    X(GPC1, "gpc1", UINT, NONE)                                                                    \
    X(GPC1_RATE, "gpc1_rate", RATE, PERIOD)                                                        \
    X(SERVER_KEY, "server_key", NAME, NONE)                                                        \
    X(HTTP_FAIL_CNT, "http_fail_cnt", UINT, NONE)                                                  \
    X(HTTP_FAIL_RATE, "http_fail_rate", RATE, PERIOD)                                              \
    X(GPT, "gpt", UINT, COUNT)                                                                     \
    X(GPC, "gpc", UINT, COUNT)                                                                     \
    X(GPC_RATE, "gpc_rate", RATE, COUNT_PERIOD)                                                    \
    X(GLITCH_CNT, "glitch_cnt", UINT, NONE)                                                        \
    X(GLITCH_RATE, "glitch_rate", RATE, PERIOD)

enum stick_data {
#define X(id, name, kind, args) STICK_##id,
    STICK_DATA(X)
#undef X
        STICK_DATA_TYPES
};

struct stick_data_row {
    const char *name;
    enum stick_kind kind;
    enum stick_args args;
};
extern const struct stick_data_row stick_data_rows[STICK_DATA_TYPES];
/** The type called so; STICK_DATA_TYPES when there is none. */
enum stick_data stick_data_find(struct slice name);
extern const char *const stick_type_names[STICK_TYPES];

/** One key and its data. Members are the table's; use the functions. */
struct stick_entry {
    struct stick_entry *next; /* in the bucket, ascending hash; or free list */
    struct list lru;          /* in the shard, least recently used first */
    uint32_t hash;
    _Atomic uint32_t ref;
    _Atomic uint32_t expire_ms; /* low 32 bits of the time it expires */
    _Atomic uint32_t queued_ms; /* when it got its place in lru */
    struct spin lock;           /* protects rates and the server key; leaf, inside the shard's */
    char data[];
};

struct stick_shard;
struct stick_block;
struct peers;

struct stick_table {
    struct list link;  /* in the configuration's list of tables */
    const char *name;  /* the proxy's, or "<peers>/<table>" */
    const char *owner; /* "backend", "frontend", "proxy" or "peers section": for messages */
    struct cfg_loc loc;
    enum stick_type type;
    unsigned key_size; /* bytes kept of a key */
    unsigned size;     /* entries at most */
    int expire_ms;     /* 0: never */
    bool nopurge, recv_only;
    bool asked, tracked;    /* named by a fetch or converter; by a track-sc rule */
    bool srvkey_addr;       /* servers are known by address, not by name */
    unsigned brates_factor; /* bytes rates are counted in units of so many bytes */
    const char *peers_name; /* NULL: none */
    struct peers *peers;    /* resolved by the peers module */
    const char *write_to_name;
    struct stick_table *write_to;

    uint16_t offset[STICK_DATA_TYPES];    /* in an entry; 0: not stored */
    uint8_t count[STICK_DATA_TYPES];      /* elements, 1 unless an array */
    uint32_t period_ms[STICK_DATA_TYPES]; /* of rates */
    unsigned key_offset, entry_size;

    /** Called after a local change with the entry referenced by the caller; NULL: nobody listens.
     * Any thread. */
    void (*on_update)(struct stick_table *t, struct stick_entry *e);
    _Atomic uint32_t local_updates; /* counted when on_update is set */

    /* running */
    struct stick_shard *shard;
    unsigned nshards; /* power of two */
    void *index;      /* buckets of all shards of a large table, of index_size bytes; else NULL */
    size_t index_size;
    struct stick_entry **buckets; /* inside index; each shard has 2^index_log2 of them */
    uint8_t index_log2;
    unsigned gran_ms; /* how far an entry's place in lru may lag behind its last use */
    uint64_t seed;
    _Atomic unsigned used;
    _Atomic unsigned expire_at; /* shard where the next stick_table_expire() begins */
    struct spin block_lock;     /* protects blocks and block_at; leaf, inside a shard's */
    struct stick_block *blocks; /* memory that shards cut chunks from, newest first */
    unsigned block_at;          /* used bytes of the newest block */
};

/* ---- life ---- */

/** Allocates what a parsed table needs to run. False when memory is out. Called once, before
 * threads start. */
MUST_CHECK bool stick_table_start(struct stick_table *t);
/** Releases all entries, referenced or not. The struct itself belongs to the arena. */
void stick_table_stop(struct stick_table *t);
/** Makes the table store `type` (server_id of tables used by stick rules). Only before the start.
 */
void stick_table_store(struct stick_table *t, enum stick_data type);
/** The table called `name` in a list of tables, or NULL. */
struct stick_table *stick_table_find(const struct list *tables, const char *name);

/* ---- keys ---- */

/** A key in the form of its table: IP addresses in network order, integers in host order, strings
 * unpadded, binaries padded. `p` is borrowed or points at `buf`: not to be copied. */
struct stick_key {
    const char *p;
    unsigned len;
    char buf[16];
};

/** Casts the sample to the table's type. Uses x->tmp for what does not fit. False: no such cast or
 * no memory. */
MUST_CHECK bool stick_key_sample(const struct stick_table *t, struct sample *s,
                                 struct sample_ctx *x, struct stick_key *k);
/** From text, as the runtime API takes it. False: not of the table's type. Binary tables take none.
 */
MUST_CHECK bool stick_key_text(const struct stick_table *t, const char *text, struct stick_key *k);
/** The key of an entry as a sample; borrowed from the entry. */
void stick_key_get(const struct stick_table *t, const struct stick_entry *e, struct sample *out);
/** As `show table` prints it. */
void stick_key_put(const struct stick_table *t, const struct stick_entry *e, struct text *to);

/* ---- entries ---- */

/** The entry of `k`, referenced, or NULL. Does not refresh it. */
MUST_CHECK HOT struct stick_entry *stick_lookup(struct stick_table *t, const struct stick_key *k,
                                                int64_t now_ms);
/** The same; makes an empty one when there is none. NULL when the table is full (nopurge, or
 * everything is in use) or memory is out. *made (may be NULL) tells which. */
MUST_CHECK HOT struct stick_entry *stick_get(struct stick_table *t, const struct stick_key *k,
                                             int64_t now_ms, bool *made);
/** Gives the reference back. */
static inline void
stick_unref(struct stick_entry *e)
{
    atomic_fetch_sub_explicit(&e->ref, 1, memory_order_release);
}
/** One more reference for who has one. */
static inline void
stick_ref(struct stick_entry *e)
{
    atomic_fetch_add_explicit(&e->ref, 1, memory_order_relaxed);
}
/** It was used: lives `expire` longer. For local changes: tells the peers. */
HOT void stick_touch(struct stick_table *t, struct stick_entry *e, int64_t now_ms);
/** The same without telling anybody, living `left_ms` longer (at most `expire`): what came from a
 * peer. */
void stick_touch_remote(struct stick_table *t, struct stick_entry *e, int64_t now_ms,
                        uint32_t left_ms);
/** Milliseconds until it expires, 0 when it does not or already has. */
uint32_t stick_left_ms(const struct stick_table *t, const struct stick_entry *e, int64_t now_ms);

enum stick_del { STICK_DEL_OK, STICK_DEL_NONE, STICK_DEL_IN_USE };
/** Takes the entry of a key out of the table, unless a stream tracks it. */
enum stick_del stick_delete(struct stick_table *t, const struct stick_key *k, int64_t now_ms);

/** Removes expired entries, `budget` at most; returns how many. For a timer; safe from several
 * threads. */
unsigned stick_table_expire(struct stick_table *t, int64_t now_ms, unsigned budget);
/** Milliseconds until an entry may expire; -1: none will. */
int64_t stick_table_next_ms(const struct stick_table *t, int64_t now_ms);

/** A place in a table; { 0 } is the start. Entries that exist all the time are seen exactly once,
 * whatever happens between the calls. */
struct stick_iter {
    unsigned shard;
    uint64_t hash; /* first one not seen in that shard; above 2^32: none left */
};
/** Writes up to `max` (at least 16) referenced entries to out[]; returns how many, 0 at the end. */
unsigned stick_table_page(struct stick_table *t, struct stick_iter *at, struct stick_entry **out,
                          unsigned max, int64_t now_ms);

/* ---- data ---- */

static inline bool
stick_has(const struct stick_table *t, enum stick_data d)
{
    return t->offset[d] != 0;
}

/** Reads element `i` of `d`: counters, tags, or the rate at `now_ms` (bytes rates in bytes). False
 * when it is not stored. */
bool stick_read(const struct stick_table *t, struct stick_entry *e, enum stick_data d, unsigned i,
                int64_t now_ms, uint64_t *out);
/** Sets it; a rate becomes `v` events in the current period. False when it is not stored or is the
 * server key. */
bool stick_set(const struct stick_table *t, struct stick_entry *e, enum stick_data d, unsigned i,
               int64_t now_ms, uint64_t v);
/** Counts `n` events: adds to a counter (modulo 2^32 or 2^64) or feeds a rate. Nothing when it is
 * not stored. */
void stick_add(const struct stick_table *t, struct stick_entry *e, enum stick_data d, unsigned i,
               int64_t now_ms, uint64_t n);
/** Adds to a counter, returning its new value in *out (may be NULL). False when it is not stored.
 */
bool stick_count(const struct stick_table *t, struct stick_entry *e, enum stick_data d, unsigned i,
                 uint32_t n, uint32_t *out);
/** Sets a counter to 0, returning what it was. False when it is not stored. */
bool stick_clear(const struct stick_table *t, struct stick_entry *e, enum stick_data d, unsigned i,
                 uint32_t *old);
/** conn_cur ends at 0, whatever was cleared or set meanwhile. */
void stick_conn_cur_down(const struct stick_table *t, struct stick_entry *e);

/** Where gpc<i> is: the array, or for 0 and 1 the old single counters. False when neither is
 * stored. */
bool stick_gpc_at(const struct stick_table *t, unsigned i, enum stick_data *d, unsigned *at);
bool stick_gpc_rate_at(const struct stick_table *t, unsigned i, enum stick_data *d, unsigned *at);
bool stick_gpt_at(const struct stick_table *t, unsigned i, enum stick_data *d, unsigned *at);
/** A change of gpc<index> and its rate. `arrays_only`: the indexed forms do not look at the single
 * counters. */
struct stick_gpc_change {
    unsigned index;
    bool arrays_only;
    uint32_t add;
};
/** *out (may be NULL) is the counter after it, or the rate when only that is stored. False when
 * nothing is stored. */
bool stick_gpc_add(const struct stick_table *t, struct stick_entry *e, struct stick_gpc_change by,
                   int64_t now_ms, uint32_t *out);

/** The server key: copied to *out (NUL-terminated, cut at size). False when unset. */
bool stick_server_key(const struct stick_table *t, struct stick_entry *e, char *out, size_t size);
/** Sets it (empty: unset). False when it is not stored or memory is out. */
bool stick_set_server_key(const struct stick_table *t, struct stick_entry *e, struct slice name);

/* ---- configuration ---- */

/** `stick-table` and `table` lines: parses words from `at` to the end of the line.
 *
 * name    the table's; in the configuration's arena. owner: "backend", "peers section"...
 * tables  list the table is appended to; a name that is there already is an error
 * *out    the table, NULL after an error */
enum cfg_rc stick_table_parse(struct cfg *c, unsigned at, const char *name, const char *owner,
                              struct list *tables, struct stick_table **out);
/** After parsing: write-to. Reports errors. */
void stick_tables_check(struct cfg *c, struct list *tables);
/** Starts / stops all tables of a list. False after memory ran out. */
MUST_CHECK bool stick_tables_start(struct list *tables);
void stick_tables_stop(struct list *tables);
/** stick_table_expire() for each; returns milliseconds until the next call is worth it, 1..1000. */
int stick_tables_expire(struct list *tables, int64_t now_ms, unsigned budget);

#endif
