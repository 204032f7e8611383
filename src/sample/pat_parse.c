/* pat_parse.c - reads patterns: integers and ranges, addresses and networks, hexadecimal blocks,
 * words, regexes. Manual 7.1.1 to 7.1.6. */
#include "sample/pattern_int.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>

static const struct {
    const char *name;
    enum pat_family family;
    enum sample_type type;
} methods[PM_COUNT] = {
    [PM_FOUND] = { "found", FAM_NONE, SMP_ANY }, [PM_BOOL] = { "bool", FAM_NONE, SMP_SINT },
    [PM_INT] = { "int", FAM_INT, SMP_SINT },     [PM_VER] = { "int", FAM_INT, SMP_SINT },
    [PM_IP] = { "ip", FAM_IP, SMP_ADDR },        [PM_BIN] = { "bin", FAM_EXACT, SMP_BIN },
    [PM_LEN] = { "len", FAM_INT, SMP_STR },      [PM_STR] = { "str", FAM_EXACT, SMP_STR },
    [PM_BEG] = { "beg", FAM_PREFIX, SMP_STR },   [PM_SUB] = { "sub", FAM_SUB, SMP_STR },
    [PM_DIR] = { "dir", FAM_WORDS, SMP_STR },    [PM_DOM] = { "dom", FAM_WORDS, SMP_STR },
    [PM_END] = { "end", FAM_SUFFIX, SMP_STR },   [PM_REG] = { "reg", FAM_REG, SMP_STR },
};

const char *
pat_match_name(enum pat_match m)
{
    return methods[m].name;
}

bool
pat_match_find(const char *name, enum pat_match *out)
{
    for (unsigned i = 0; i < PM_COUNT; i++) {
        if (i != PM_VER && strcmp(methods[i].name, name) == 0) {
            *out = (enum pat_match)i;
            return true;
        }
    }
    return false;
}

enum sample_type
pat_match_type(enum pat_match m)
{
    return methods[m].type;
}

enum pat_family
pat_family_of(enum pat_match m)
{
    return methods[m].family;
}

bool
pat_is_delim(enum pat_match m, char c)
{
    return c == '/' || c == '?' || (m == PM_DOM && (c == '.' || c == ':'));
}

/* ---- integers
 * ------------------------------------------------------------------------------------------- */

/** Digits, or for PM_VER major[.minor]. */
static bool
parse_number(enum pat_match m, struct slice s, int64_t *out)
{
    struct slice minor;
    uint64_t a, b = 0;

    if (m != PM_VER) {
        if (!slice_to_uint(s, &a) || a > INT64_MAX)
            return false;
        *out = (int64_t)a;
        return true;
    }
    s = slice_cut(s, '.', &minor);
    if (!slice_to_uint(s, &a) || (minor.p && !slice_to_uint(minor, &b)) || a > 0xffff || b > 0xffff)
        return false;
    *out = (int64_t)(a << 16 | b);
    return true;
}

/** The upper end of a range, the only place where a number may be negative. */
static bool
parse_upper(enum pat_match m, struct slice s, int64_t *out)
{
    bool neg = m != PM_VER && s.len > 1 && s.p[0] == '-';

    if (!parse_number(m, neg ? slice(s.p + 1, s.len - 1) : s, out))
        return false;
    if (neg)
        *out = -*out;
    return true;
}

/** "n", "a:b", "a:", ":b", where '-' is as good as ':'. Open ends are the extremes; *is_range tells
 * whether it is one. So
 * "-3" means 3 and below: single negative numbers cannot be written. */
static bool
parse_range(enum pat_match m, struct slice key, int64_t *lo, int64_t *hi, bool *is_range)
{
    size_t at = 0;

    while (at < key.len && key.p[at] != ':' && key.p[at] != '-')
        at++;
    *is_range = at < key.len;
    if (!*is_range) {
        if (!parse_number(m, key, lo))
            return false;
        *hi = *lo;
        return true;
    }
    struct slice lower = slice(key.p, at), upper = slice(key.p + at + 1, key.len - at - 1);
    *lo = INT64_MIN;
    *hi = INT64_MAX;
    if (lower.len == 0 && upper.len == 0)
        return false;
    if ((lower.len && !parse_number(m, lower, lo)) || (upper.len && !parse_upper(m, upper, hi)))
        return false;
    return *lo <= *hi;
}

static bool
parse_int_key(enum pat_match m, struct slice key, union pat_compiled *k, char **err)
{
    bool is_range;

    if (parse_range(m, key, &k->range.lo, &k->range.hi, &is_range))
        return true;
    *err = xasprintf(is_range ? "'%.*s' is not a valid number range" : "'%.*s' is not a number",
                     SLF(key));
    return false;
}

enum pat_op
pat_op_find(const char *word)
{
    static const char names[][3] = { "", "eq", "gt", "ge", "lt", "le", "ne" };

    for (unsigned i = POP_EQ; i < COUNT_OF(names); i++)
        if (strcmp(word, names[i]) == 0)
            return (enum pat_op)i;
    return POP_NONE;
}

static void
put_number(enum pat_match m, int64_t v, struct out *o)
{
    if (m != PM_VER) {
        out_int(o, v);
        return;
    }
    out_uint(o, (uint64_t)v >> 16);
    out_char(o, '.');
    out_uint(o, (uint64_t)v & 0xffff);
}

bool
pat_op_apply(enum pat_match m, enum pat_op op, struct slice key, struct out *o)
{
    int64_t lo, hi;
    bool is_range;

    if (!parse_range(m, key, &lo, &hi, &is_range))
        return false;
    if (!is_range) {
        if (op == POP_GT || op == POP_GE)
            hi = INT64_MAX;
        else if (op == POP_LT || op == POP_LE)
            lo = INT64_MIN;
    }
    if (op == POP_GT && lo != INT64_MIN)
        lo += lo != INT64_MAX;
    if (op == POP_LT && hi != INT64_MAX)
        hi -= hi != INT64_MIN;
    if (lo == hi) {
        put_number(m, lo, o);
        return !o->full;
    }
    if (lo != INT64_MIN || hi == INT64_MAX)
        put_number(m, lo == INT64_MIN && m == PM_VER ? 0 : lo, o);
    out_char(o, ':');
    if (hi != INT64_MAX)
        put_number(m, hi, o);
    return !o->full;
}

/* ---- addresses
 * -------------------------------------------------------------------------------------------- */

/** a[.b[.c[.d]]]; missing ones are zeroes before the last (10.12 is 10.0.0.12). */
static bool
parse_ipv4(struct slice s, unsigned char addr[static 4])
{
    unsigned n = 0, part = 0, digits = 0;
    unsigned char parts[4] = { 0 };

    for (size_t i = 0; i <= s.len; i++) {
        char c = i < s.len ? s.p[i] : '.';
        if (c >= '0' && c <= '9' && digits < 3) {
            part = part * 10 + (unsigned)(c - '0');
            digits++;
        } else if (c == '.' && digits && part <= 255 && n < 4) {
            parts[n++] = (unsigned char)part;
            part = digits = 0;
        } else {
            return false;
        }
    }
    memset(addr, 0, 4);
    memcpy(addr, parts, n - 1);
    addr[3] = parts[n - 1];
    return true;
}

static bool
looks_like_name(struct slice s)
{
    bool letter = false;

    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = ascii_lower((unsigned char)s.p[i]);
        bool alpha = c >= 'a' && c <= 'z';
        if (!alpha && !(c >= '0' && c <= '9') && c != '.' && c != '-' && c != '_')
            return false;
        letter |= alpha;
    }
    return letter && s.len < 256;
}

/** Asks the system (not about odd notations of addresses, which it would take too); only while the
 * configuration is read. */
static bool
resolve_ipv4(struct slice s, unsigned char addr[static 4])
{
    struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *found = NULL;
    struct in_addr odd;
    char name[256];

    if (!looks_like_name(s))
        return false;
    memcpy(name, s.p, s.len);
    name[s.len] = '\0';
    if (inet_aton(name, &odd) || getaddrinfo(name, NULL, &hints, &found) != 0 || !found)
        return false;
    const struct sockaddr_in *sin = (const void *)found->ai_addr;
    memcpy(addr, &sin->sin_addr, 4);
    freeaddrinfo(found);
    return true;
}

static uint32_t
mask4(unsigned bits)
{
    return bits ? htonl(0xffffffffu << (32 - bits)) : 0;
}

/** A prefix length, or a dotted mask (which may have holes). */
static bool
parse_mask4(struct slice s, uint32_t *mask)
{
    unsigned char addr[4];
    uint64_t bits;

    if (s.len <= 2 && slice_to_uint(s, &bits) && bits <= 32) {
        *mask = mask4((unsigned)bits);
        return true;
    }
    if (!memchr(s.p, '.', s.len) || !parse_ipv4(s, addr))
        return false;
    memcpy(mask, addr, 4);
    return true;
}

static bool
parse_net4(struct slice host, struct slice mask_text, bool dns, union pat_compiled *k)
{
    uint32_t addr, mask = 0xffffffffu, host_mask;
    unsigned bits;

    if (mask_text.p && (mask_text.len == 0 || !parse_mask4(mask_text, &mask)))
        return false;
    if (!parse_ipv4(host, k->ip.addr) && !(dns && resolve_ipv4(host, k->ip.addr)))
        return false;
    host_mask = ntohl(mask);
    bits = (unsigned)__builtin_popcount(host_mask);
    k->ip.v6 = false;
    k->ip.odd = mask4(bits) != mask;
    k->ip.bits = (uint8_t)bits;
    k->ip.mask = mask;
    memcpy(&addr, k->ip.addr, 4);
    addr &= mask;
    memcpy(k->ip.addr, &addr, 4);
    return true;
}

static bool
parse_net6(struct slice host, struct slice mask_text, union pat_compiled *k)
{
    char text[INET6_ADDRSTRLEN];
    uint64_t bits = 128;

    if (mask_text.p &&
        (mask_text.len == 0 || mask_text.len > 3 || !slice_to_uint(mask_text, &bits) || bits > 128))
        return false;
    if (host.len == 0 || host.len >= sizeof(text) || memchr(host.p, '\0', host.len))
        return false;
    memcpy(text, host.p, host.len);
    text[host.len] = '\0';
    if (inet_pton(AF_INET6, text, k->ip.addr) != 1)
        return false;
    k->ip.v6 = true;
    k->ip.odd = false;
    k->ip.bits = (uint8_t)bits;
    for (unsigned i = 0; i < 16; i++) {
        unsigned n = bits > 8 * i ? MIN((unsigned)bits - 8 * i, 8) : 0;
        k->ip.addr[i] &= (unsigned char)(0xff00u >> n);
    }
    return true;
}

static bool
parse_ip_key(unsigned flags, struct slice key, union pat_compiled *k, char **err)
{
    struct slice mask, host = slice_cut(key, '/', &mask);

    memset(k->ip.addr, 0, sizeof(k->ip.addr));
    if (memchr(key.p, ':', key.len) ? parse_net6(host, mask, k)
                                    : parse_net4(host, mask, pat_dns && !(flags & PSF_NO_DNS), k))
        return true;
    *err = xasprintf("'%.*s' is not a valid IPv4 or IPv6 address", SLF(key));
    return false;
}

/* ---- strings
 * ------------------------------------------------------------------------------------------------
 */

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)ascii_lower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
parse_bin_key(struct slice key, union pat_compiled *k, char **mem, char **err)
{
    char *d;

    if (key.len % 2) {
        *err = xstrdup("an even number of hex digit is expected");
        return false;
    }
    for (size_t i = 0; i < key.len; i++) {
        if (hex_digit(key.p[i]) < 0) {
            *err = xasprintf("an hex digit is expected (found '%c')", key.p[i]);
            return false;
        }
    }
    d = *mem = xmalloc(key.len / 2 + 1);
    for (size_t i = 0; i < key.len; i += 2)
        *d++ = (char)(hex_digit(key.p[i]) << 4 | hex_digit(key.p[i + 1]));
    k->s = slice(*mem, key.len / 2);
    return true;
}

/** Delimiters at both ends do not count. */
static struct slice
trim_delims(enum pat_match m, struct slice s)
{
    while (s.len && pat_is_delim(m, s.p[0]))
        s.p++, s.len--;
    while (s.len && pat_is_delim(m, s.p[s.len - 1]))
        s.len--;
    return s;
}

bool
pat_parse(enum pat_match m, unsigned flags, struct slice key, union pat_compiled *k, char **mem,
          char **err)
{
    *mem = NULL;
    switch (pat_family_of(m)) {
    case FAM_INT:
        return parse_int_key(m, key, k, err);
    case FAM_IP:
        return parse_ip_key(flags, key, k, err);
    case FAM_REG:
        k->re = regex_new(key, (flags & PSF_ICASE ? REGEX_ICASE : 0) | REGEX_CAPTURES, err);
        return k->re != NULL;
    case FAM_WORDS:
        k->s = trim_delims(m, key);
        return true;
    case FAM_EXACT:
        if (m == PM_BIN)
            return parse_bin_key(key, k, mem, err);
        k->s = key;
        return true;
    default:
        k->s = key;
        return true;
    }
}

void
pat_parsed_free(enum pat_match m, union pat_compiled *k, char *mem)
{
    if (m == PM_REG)
        regex_free(&k->re);
    free(mem);
}

/* ---- values
 * ---------------------------------------------------------------------------------------------------
 */

bool
pat_value_make(const struct pat_set *s, const struct pat_elt *e, struct pat_value **out, char **err)
{
    struct pat_value *v;
    struct sample parsed = { .type = SMP_STR, .u.s = e->value };
    struct sample_ctx none = { .tmp = NULL };
    bool ok = true;

    *out = NULL;
    if (s->out == SMP_ANY || !e->value.p)
        return true;
    if (s->out == SMP_SINT) {
        parsed.type = SMP_SINT;
        ok = slice_to_int(e->value, &parsed.u.i);
    } else if (s->out != SMP_STR) {
        ok = sample_cast(&parsed, s->out, &none);
    }
    if (!ok) {
        *err = xasprintf("unable to parse '%.*s'", SLF(e->value));
        return false;
    }
    v = xmalloc(sizeof(*v) + e->value.len + 1);
    v->sample = parsed;
    v->sample.flags = SMPF_CONST;
    if (parsed.type == SMP_STR) {
        memcpy(v->bytes, e->value.p, e->value.len);
        v->bytes[e->value.len] = '\0';
        v->sample.u.s = slice(v->bytes, e->value.len);
    }
    *out = v;
    return true;
}
