/* data.c - what is stored with a key: where it is in an entry, reading, counting, setting.
 * Counters are atomics; rates and the server key are under the entry's lock. */
#include "stick/data.h"

#include "stick/dict.h"

#include <string.h>

const struct stick_data_row stick_data_rows[STICK_DATA_TYPES] = {
#define X(id, name, kind, args) { name, STICKK_##kind, STICKA_##args },
    STICK_DATA(X)
#undef X
};

enum stick_data
stick_data_find(struct slice name)
{
    unsigned d = 0;

    while (d < STICK_DATA_TYPES && !slice_eq_str(name, stick_data_rows[d].name))
        d++;
    return (enum stick_data)d;
}

static unsigned
kind_size(enum stick_kind kind)
{
    switch (kind) {
    case STICKK_UINT:
        return sizeof(uint32_t);
    case STICKK_ULONG:
        return sizeof(uint64_t);
    case STICKK_RATE:
        return sizeof(struct freq);
    default:
        return sizeof(struct stick_name *);
    }
}

void
stick_table_layout(struct stick_table *t)
{
    size_t at = offsetof(struct stick_entry, data);

    /* What needs 4-byte alignment first, then what needs 8, then the key: at most 4 bytes are lost.
     */
    at = (at + 3) & ~(size_t)3;
    for (unsigned pass = 4; pass <= 8; pass += 4) {
        for (unsigned d = 0; d < STICK_DATA_TYPES; d++) {
            unsigned size = kind_size(stick_data_rows[d].kind);
            if (!t->count[d] || (size % 8 == 0) != (pass == 8))
                continue;
            at = (at + pass - 1) & ~(size_t)(pass - 1);
            t->offset[d] = (uint16_t)at;
            at += (size_t)size * t->count[d];
        }
    }
    t->key_offset = (unsigned)((at + 3) & ~(size_t)3);
    t->entry_size = (unsigned)((t->key_offset + t->key_size + 7) & ~(size_t)7);
    ASSERT(at <= UINT16_MAX);
}

void
stick_data_init(const struct stick_table *t, struct stick_entry *e)
{
    memset(e->data, 0, t->key_offset - offsetof(struct stick_entry, data));
}

static inline void *
data_at(const struct stick_table *t, struct stick_entry *e, enum stick_data d, unsigned i)
{
    if (i >= t->count[d])
        return NULL;
    return (char *)e + t->offset[d] + (size_t)i * kind_size(stick_data_rows[d].kind);
}

void
stick_data_fini(const struct stick_table *t, struct stick_entry *e)
{
    if (stick_has(t, STICK_SERVER_KEY))
        stick_name_put(*(struct stick_name **)data_at(t, e, STICK_SERVER_KEY, 0));
}

/* Bytes rates count units of brates_factor bytes, so that large ones fit; part of a unit counts as
 * one. */
static inline unsigned
rate_unit(const struct stick_table *t, enum stick_data d)
{
    return d == STICK_BYTES_IN_RATE || d == STICK_BYTES_OUT_RATE ? t->brates_factor : 1;
}

bool
stick_read(const struct stick_table *t, struct stick_entry *e, enum stick_data d, unsigned i,
           int64_t now_ms, uint64_t *out)
{
    void *p = data_at(t, e, d, i);

    if (!p)
        return false;
    switch (stick_data_rows[d].kind) {
    case STICKK_UINT:
        *out = atomic_load_explicit((_Atomic uint32_t *)p, memory_order_relaxed);
        return true;
    case STICKK_ULONG:
        *out = atomic_load_explicit((_Atomic uint64_t *)p, memory_order_relaxed);
        return true;
    case STICKK_RATE:
        spin_lock(&e->lock);
        struct freq copy = *(struct freq *)p;
        spin_unlock(&e->lock);
        *out = (uint64_t)freq_read(&copy, t->period_ms[d], now_ms) * rate_unit(t, d);
        return true;
    default:
        return false;
    }
}

bool
stick_set(const struct stick_table *t, struct stick_entry *e, enum stick_data d, unsigned i,
          int64_t now_ms, uint64_t v)
{
    void *p = data_at(t, e, d, i);

    if (!p)
        return false;
    switch (stick_data_rows[d].kind) {
    case STICKK_UINT:
        atomic_store_explicit((_Atomic uint32_t *)p, (uint32_t)v, memory_order_relaxed);
        return true;
    case STICKK_ULONG:
        atomic_store_explicit((_Atomic uint64_t *)p, v, memory_order_relaxed);
        return true;
    case STICKK_RATE:
        v = v / rate_unit(t, d) + (v % rate_unit(t, d) != 0);
        spin_lock(&e->lock);
        freq_set(p, (uint32_t)MIN(v, (uint64_t)UINT32_MAX), now_ms);
        spin_unlock(&e->lock);
        return true;
    default:
        return false;
    }
}

void
stick_add(const struct stick_table *t, struct stick_entry *e, enum stick_data d, unsigned i,
          int64_t now_ms, uint64_t n)
{
    void *p = data_at(t, e, d, i);

    if (!p || !n)
        return;
    switch (stick_data_rows[d].kind) {
    case STICKK_UINT:
        atomic_fetch_add_explicit((_Atomic uint32_t *)p, (uint32_t)n, memory_order_relaxed);
        return;
    case STICKK_ULONG:
        atomic_fetch_add_explicit((_Atomic uint64_t *)p, n, memory_order_relaxed);
        return;
    case STICKK_RATE:
        n = n / rate_unit(t, d) + (n % rate_unit(t, d) != 0);
        spin_lock(&e->lock);
        freq_add(p, t->period_ms[d], (uint32_t)MIN(n, (uint64_t)UINT32_MAX), now_ms);
        spin_unlock(&e->lock);
        return;
    default:
        return;
    }
}

bool
stick_count(const struct stick_table *t, struct stick_entry *e, enum stick_data d, unsigned i,
            uint32_t n, uint32_t *out)
{
    _Atomic uint32_t *p = data_at(t, e, d, i);

    if (!p || stick_data_rows[d].kind != STICKK_UINT)
        return false;
    uint32_t v = atomic_fetch_add_explicit(p, n, memory_order_relaxed) + n;
    if (out)
        *out = v;
    return true;
}

bool
stick_clear(const struct stick_table *t, struct stick_entry *e, enum stick_data d, unsigned i,
            uint32_t *old)
{
    _Atomic uint32_t *p = data_at(t, e, d, i);

    if (!p || stick_data_rows[d].kind != STICKK_UINT)
        return false;
    *old = atomic_exchange_explicit(p, 0, memory_order_relaxed);
    return true;
}

void
stick_conn_cur_down(const struct stick_table *t, struct stick_entry *e)
{
    _Atomic uint32_t *p = data_at(t, e, STICK_CONN_CUR, 0);

    if (!p)
        return;
    uint32_t v = atomic_load_explicit(p, memory_order_relaxed);
    while (v > 0 && !atomic_compare_exchange_weak_explicit(p, &v, v - 1, memory_order_relaxed,
                                                           memory_order_relaxed))
        ;
}

/* ---- general purpose counters and tags: arrays, or the old single ones ---- */

struct family {
    enum stick_data array, first, second; /* second: STICK_DATA_TYPES when there is none */
};

static const struct family gpc = { STICK_GPC, STICK_GPC0, STICK_GPC1 };
static const struct family gpc_rate = { STICK_GPC_RATE, STICK_GPC0_RATE, STICK_GPC1_RATE };
static const struct family gpt = { STICK_GPT, STICK_GPT0, STICK_DATA_TYPES };

static bool
array_or(const struct stick_table *t, unsigned i, struct family f, enum stick_data *d, unsigned *at)
{
    if (stick_has(t, f.array)) {
        *d = f.array;
        *at = i;
        return i < t->count[f.array];
    }
    *d = i == 0 ? f.first : f.second;
    *at = 0;
    return i < 2 && *d != STICK_DATA_TYPES && stick_has(t, *d);
}

bool
stick_gpc_at(const struct stick_table *t, unsigned i, enum stick_data *d, unsigned *at)
{
    return array_or(t, i, gpc, d, at);
}

bool
stick_gpc_rate_at(const struct stick_table *t, unsigned i, enum stick_data *d, unsigned *at)
{
    return array_or(t, i, gpc_rate, d, at);
}

bool
stick_gpt_at(const struct stick_table *t, unsigned i, enum stick_data *d, unsigned *at)
{
    return array_or(t, i, gpt, d, at);
}

bool
stick_gpc_add(const struct stick_table *t, struct stick_entry *e, struct stick_gpc_change by,
              int64_t now_ms, uint32_t *out)
{
    enum stick_data d, rd;
    unsigned at, rat;
    bool has = stick_gpc_at(t, by.index, &d, &at) && (!by.arrays_only || d == STICK_GPC);
    bool has_rate =
        stick_gpc_rate_at(t, by.index, &rd, &rat) && (!by.arrays_only || rd == STICK_GPC_RATE);
    uint64_t rate;

    if (has_rate) {
        stick_add(t, e, rd, rat, now_ms, by.add);
        if (!has && out && stick_read(t, e, rd, rat, now_ms, &rate))
            *out = (uint32_t)rate;
    }
    if (has)
        stick_count(t, e, d, at, by.add, out);
    return has || has_rate;
}

/* ---- server key ---- */

bool
stick_server_key(const struct stick_table *t, struct stick_entry *e, char *out, size_t size)
{
    struct stick_name **p = data_at(t, e, STICK_SERVER_KEY, 0);
    bool set = false;

    if (!p || size == 0)
        return false;
    spin_lock(&e->lock);
    if (*p) {
        size_t n = MIN((size_t)(*p)->len, size - 1);
        memcpy(out, (*p)->s, n);
        out[n] = '\0';
        set = true;
    }
    spin_unlock(&e->lock);
    return set;
}

bool
stick_set_server_key(const struct stick_table *t, struct stick_entry *e, struct slice name)
{
    struct stick_name **p = data_at(t, e, STICK_SERVER_KEY, 0);

    if (!p)
        return false;
    spin_lock(&e->lock);
    bool same = *p ? slice_eq(slice((*p)->s, (*p)->len), name) : name.len == 0;
    spin_unlock(&e->lock);
    if (same)
        return true;
    struct stick_name *new = name.len ? stick_name_get(name) : NULL;
    if (name.len && !new)
        return false;
    spin_lock(&e->lock);
    struct stick_name *old = *p;
    *p = new;
    spin_unlock(&e->lock);
    stick_name_put(old);
    return true;
}
