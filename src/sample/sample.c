/* sample.c - casts between value types, and the scratch memory of evaluations. Manual 7.1 and 7.3.
 * Must not know fetches, expressions or configuration. */
#include "sample/sample.h"

#include <arpa/inet.h>
#include <stdlib.h>

#define SCRATCH_FIRST 32768u     /* bytes that a thread keeps */
#define SCRATCH_LIMIT (4u << 20) /* bytes that one turn of rules may use beyond them */

static _Thread_local struct arena scratch;
static _Thread_local char *scratch_first;

static COLD void
scratch_start(void)
{
    scratch_first = malloc(SCRATCH_FIRST);
    arena_init(&scratch, scratch_first, scratch_first ? SCRATCH_FIRST : 0, SCRATCH_LIMIT);
}

struct arena *
sample_tmp(void)
{
    if (unlikely(!scratch_first))
        scratch_start();
    return &scratch;
}

void
sample_tmp_reset(void)
{
    if (!scratch_first)
        return;
    if (likely(!scratch.blocks)) {
        scratch.at = scratch_first;
        return;
    }
    arena_fini(&scratch);
    arena_init(&scratch, scratch_first, SCRATCH_FIRST, SCRATCH_LIMIT);
}

void
sample_tmp_fini(void)
{
    if (!scratch_first)
        return;
    arena_fini(&scratch);
    free(scratch_first);
    scratch_first = NULL;
}

static const char *const type_names[SMP_TYPES] = {
    [SMP_ANY] = "any",   [SMP_BOOL] = "bool", [SMP_SINT] = "sint",
    [SMP_ADDR] = "addr", [SMP_IPV4] = "ipv4", [SMP_IPV6] = "ipv6",
    [SMP_STR] = "str",   [SMP_BIN] = "bin",   [SMP_METH] = "meth",
};

const char *
sample_type_name(enum sample_type t)
{
    return (unsigned)t < SMP_TYPES ? type_names[t] : "?";
}

static struct arena *
ctx_tmp(const struct sample_ctx *x)
{
    return x && x->tmp ? x->tmp : sample_tmp();
}

bool
sample_own(struct sample *s, size_t room, struct sample_ctx *x)
{
    if (!(s->flags & SMPF_CONST) && room == 0)
        return true;
    if (room > SIZE_MAX / 4 || s->u.s.len > SIZE_MAX / 4)
        return false;
    char *p = arena_alloc(ctx_tmp(x), s->u.s.len + room + 1);
    if (!p)
        return false;
    if (s->u.s.len)
        memcpy(p, s->u.s.p, s->u.s.len);
    p[s->u.s.len] = '\0';
    s->u.s.p = p;
    s->flags &= ~(unsigned)SMPF_CONST;
    return true;
}

/* ---- casts: each changes *s in place, false when this value cannot be converted
 * ------------------- */

typedef bool (*cast_fn)(struct sample *s, struct sample_ctx *x);

/** Gives *s a fresh string of `len` bytes. */
static bool
set_bytes(struct sample *s, enum sample_type t, const void *p, size_t len, struct sample_ctx *x)
{
    char *d = arena_alloc(ctx_tmp(x), len + 1);

    if (!d)
        return false;
    memcpy(d, p, len);
    d[len] = '\0';
    s->type = t;
    s->flags &= ~(unsigned)SMPF_CONST;
    s->u.s = slice(d, len);
    return true;
}

static bool
none_to_any(struct sample *s, struct sample_ctx *x)
{
    return true;
}

static bool
bool_to_int(struct sample *s, struct sample_ctx *x)
{
    s->type = SMP_SINT;
    return true;
}

static bool
int_to_bool(struct sample *s, struct sample_ctx *x)
{
    s->type = SMP_BOOL;
    s->u.i = s->u.i != 0;
    return true;
}

static bool
int_to_str(struct sample *s, struct sample_ctx *x)
{
    char text[24];
    char *p = text + sizeof(text);
    uint64_t v = s->u.i < 0 ? 0 - (uint64_t)s->u.i : (uint64_t)s->u.i;

    do {
        *--p = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    if (s->u.i < 0)
        *--p = '-';
    return set_bytes(s, SMP_STR, p, (size_t)(text + sizeof(text) - p), x);
}

/** Eight bytes, most significant first. */
static bool
int_to_bin(struct sample *s, struct sample_ctx *x)
{
    uint64_t v = __builtin_bswap64((uint64_t)s->u.i);

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = (uint64_t)s->u.i;
#endif
    return set_bytes(s, SMP_BIN, &v, sizeof(v), x);
}

static bool
int_to_ipv4(struct sample *s, struct sample_ctx *x)
{
    s->type = SMP_IPV4;
    s->u.v4.s_addr = htonl((uint32_t)s->u.i);
    return true;
}

static bool
ipv4_to_ipv6(struct sample *s, struct sample_ctx *x)
{
    struct in_addr v4 = s->u.v4;

    s->type = SMP_IPV6;
    memset(&s->u.v6, 0, 10);
    s->u.v6.s6_addr[10] = s->u.v6.s6_addr[11] = 0xff;
    memcpy(&s->u.v6.s6_addr[12], &v4, 4);
    return true;
}

static bool
int_to_ipv6(struct sample *s, struct sample_ctx *x)
{
    return int_to_ipv4(s, x) && ipv4_to_ipv6(s, x);
}

static bool
ipv4_to_int(struct sample *s, struct sample_ctx *x)
{
    sample_set_int(s, ntohl(s->u.v4.s_addr));
    return true;
}

static bool
ipv4_to_str(struct sample *s, struct sample_ctx *x)
{
    char text[INET_ADDRSTRLEN];
    char *p = text;
    const unsigned char *a = (const unsigned char *)&s->u.v4;

    for (unsigned i = 0; i < 4; i++) {
        if (a[i] >= 100)
            *p++ = (char)('0' + a[i] / 100);
        if (a[i] >= 10)
            *p++ = (char)('0' + a[i] / 10 % 10);
        *p++ = (char)('0' + a[i] % 10);
        *p++ = '.';
    }
    return set_bytes(s, SMP_STR, text, (size_t)(p - text - 1), x);
}

static bool
ipv4_to_bin(struct sample *s, struct sample_ctx *x)
{
    struct in_addr a = s->u.v4;

    return set_bytes(s, SMP_BIN, &a, sizeof(a), x);
}

static bool
ipv6_to_ipv4(struct sample *s, struct sample_ctx *x)
{
    struct in_addr v4;

    if (!sample_v6_to_v4(&s->u.v6, &v4))
        return false;
    s->type = SMP_IPV4;
    s->u.v4 = v4;
    return true;
}

static bool
ipv6_to_str(struct sample *s, struct sample_ctx *x)
{
    char text[INET6_ADDRSTRLEN];

    if (!inet_ntop(AF_INET6, &s->u.v6, text, sizeof(text)))
        return false;
    return set_bytes(s, SMP_STR, text, strlen(text), x);
}

static bool
ipv6_to_bin(struct sample *s, struct sample_ctx *x)
{
    struct in6_addr a = s->u.v6;

    return set_bytes(s, SMP_BIN, &a, sizeof(a), x);
}

int64_t
sample_parse_int(struct slice v)
{
    size_t i = 0;
    bool neg = false;
    uint64_t n = 0, limit = INT64_MAX;

    if (v.len && (v.p[0] == '-' || v.p[0] == '+')) {
        neg = v.p[0] == '-';
        i = 1;
    }
    limit += neg;
    for (; i < v.len && v.p[i] >= '0' && v.p[i] <= '9'; i++) {
        unsigned d = (unsigned)(v.p[i] - '0');
        if (n > (limit - d) / 10)
            return neg ? INT64_MIN : INT64_MAX;
        n = n * 10 + d;
    }
    return (int64_t)(neg ? 0 - n : n);
}

static bool
str_to_int(struct sample *s, struct sample_ctx *x)
{
    if (s->u.s.len == 0)
        return false;
    sample_set_int(s, sample_parse_int(s->u.s));
    return true;
}

static bool
str_to_bool(struct sample *s, struct sample_ctx *x)
{
    return str_to_int(s, x) && int_to_bool(s, x);
}

/** Copies an address that inet_pton() can read: it wants a NUL. */
static bool
addr_text(struct slice v, char text[static INET6_ADDRSTRLEN])
{
    if (v.len == 0 || v.len >= INET6_ADDRSTRLEN || memchr(v.p, '\0', v.len))
        return false;
    memcpy(text, v.p, v.len);
    text[v.len] = '\0';
    return true;
}

/** Four numbers; leading zeros do not matter, nor does what follows unless it is another dot:
 * addresses with ports, blanks or prefix lengths are often what headers have. */
static bool
str_to_ipv4(struct sample *s, struct sample_ctx *x)
{
    struct slice v = s->u.s;
    size_t at = 0;
    uint32_t addr = 0;

    for (unsigned part = 0; part < 4; part++) {
        size_t from = at;
        unsigned n = 0;
        for (; at < v.len && v.p[at] >= '0' && v.p[at] <= '9' && n <= 255; at++)
            n = n * 10 + (unsigned)(v.p[at] - '0');
        bool dot = at < v.len && v.p[at] == '.';
        if (at == from || n > 255 || dot != (part < 3))
            return false;
        addr = addr << 8 | n;
        at += dot;
    }
    s->type = SMP_IPV4;
    s->u.v4.s_addr = htonl(addr);
    return true;
}

static bool
str_to_ipv6(struct sample *s, struct sample_ctx *x)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr a;

    if (!addr_text(s->u.s, text) || inet_pton(AF_INET6, text, &a) != 1)
        return false;
    s->type = SMP_IPV6;
    s->u.v6 = a;
    return true;
}

static bool
str_to_addr(struct sample *s, struct sample_ctx *x)
{
    return str_to_ipv4(s, x) || str_to_ipv6(s, x);
}

static bool
str_to_bin(struct sample *s, struct sample_ctx *x)
{
    s->type = SMP_BIN;
    return true;
}

/** A string ends at the first NUL (manual 7.1.3). */
static bool
bin_to_str(struct sample *s, struct sample_ctx *x)
{
    const char *nul = s->u.s.len ? memchr(s->u.s.p, '\0', s->u.s.len) : NULL;

    if (nul)
        s->u.s.len = (size_t)(nul - s->u.s.p);
    s->type = SMP_STR;
    return true;
}

static bool
str_to_meth(struct sample *s, struct sample_ctx *x)
{
    struct slice name = s->u.s;

    s->type = SMP_METH;
    s->u.meth.id = http_method_of(name);
    s->u.meth.name = s->u.meth.id == HTTP_OTHER ? name : SLICE_NONE;
    return true;
}

static bool
meth_to_str(struct sample *s, struct sample_ctx *x)
{
    struct slice name =
        s->u.meth.id == HTTP_OTHER ? s->u.meth.name : http_method_name(s->u.meth.id);

    sample_set_str(s, name);
    return true;
}

static bool
meth_to_bin(struct sample *s, struct sample_ctx *x)
{
    return meth_to_str(s, x) && str_to_bin(s, x);
}

#define SAME none_to_any
static const cast_fn casts[SMP_TYPES][SMP_TYPES] = {
    /* values never have the type ANY or ADDR: these two rows answer sample_can_cast() */
    [SMP_ANY] = { [SMP_ANY] = SAME,
                  [SMP_BOOL] = SAME,
                  [SMP_SINT] = SAME,
                  [SMP_ADDR] = SAME,
                  [SMP_IPV4] = SAME,
                  [SMP_IPV6] = SAME,
                  [SMP_STR] = SAME,
                  [SMP_BIN] = SAME,
                  [SMP_METH] = SAME },
    [SMP_ADDR] = { [SMP_ANY] = SAME,
                   [SMP_SINT] = SAME,
                   [SMP_ADDR] = SAME,
                   [SMP_IPV4] = SAME,
                   [SMP_IPV6] = SAME,
                   [SMP_STR] = SAME,
                   [SMP_BIN] = SAME },
    [SMP_BOOL] = { [SMP_ANY] = SAME,
                   [SMP_BOOL] = SAME,
                   [SMP_SINT] = bool_to_int,
                   [SMP_STR] = int_to_str,
                   [SMP_BIN] = int_to_bin },
    [SMP_SINT] = { [SMP_ANY] = SAME,
                   [SMP_BOOL] = int_to_bool,
                   [SMP_SINT] = SAME,
                   [SMP_ADDR] = int_to_ipv4,
                   [SMP_IPV4] = int_to_ipv4,
                   [SMP_IPV6] = int_to_ipv6,
                   [SMP_STR] = int_to_str,
                   [SMP_BIN] = int_to_bin },
    [SMP_IPV4] = { [SMP_ANY] = SAME,
                   [SMP_SINT] = ipv4_to_int,
                   [SMP_ADDR] = SAME,
                   [SMP_IPV4] = SAME,
                   [SMP_IPV6] = ipv4_to_ipv6,
                   [SMP_STR] = ipv4_to_str,
                   [SMP_BIN] = ipv4_to_bin },
    [SMP_IPV6] = { [SMP_ANY] = SAME,
                   [SMP_ADDR] = SAME,
                   [SMP_IPV4] = ipv6_to_ipv4,
                   [SMP_IPV6] = SAME,
                   [SMP_STR] = ipv6_to_str,
                   [SMP_BIN] = ipv6_to_bin },
    [SMP_STR] = { [SMP_ANY] = SAME,
                  [SMP_BOOL] = str_to_bool,
                  [SMP_SINT] = str_to_int,
                  [SMP_ADDR] = str_to_addr,
                  [SMP_IPV4] = str_to_ipv4,
                  [SMP_IPV6] = str_to_ipv6,
                  [SMP_STR] = SAME,
                  [SMP_BIN] = str_to_bin,
                  [SMP_METH] = str_to_meth },
    [SMP_BIN] = { [SMP_ANY] = SAME,
                  [SMP_STR] = bin_to_str,
                  [SMP_BIN] = SAME,
                  [SMP_METH] = str_to_meth },
    [SMP_METH] = { [SMP_ANY] = SAME,
                   [SMP_STR] = meth_to_str,
                   [SMP_BIN] = meth_to_bin,
                   [SMP_METH] = SAME },
};

bool
sample_cast(struct sample *s, enum sample_type to, struct sample_ctx *x)
{
    cast_fn fn;

    if (likely(s->type == to))
        return true;
    fn = casts[s->type][to];
    return fn && fn(s, x);
}

bool
sample_can_cast(enum sample_type from, enum sample_type to)
{
    return casts[from][to] != NULL;
}

bool
sample_v6_to_v4(const struct in6_addr *v6, struct in_addr *v4)
{
    static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
    static const unsigned char compat[12];
    const unsigned char *a = v6->s6_addr;

    if (memcmp(a, mapped, 12) == 0 || memcmp(a, compat, 12) == 0)
        memcpy(v4, a + 12, 4);
    else if (a[0] == 0x20 && a[1] == 0x02)
        memcpy(v4, a + 2, 4);
    else
        return false;
    return true;
}
