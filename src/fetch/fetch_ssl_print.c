/* fetch_ssl_print.c - fingerprints of TLS clients: ssl_fc_ja3 and ssl_fc_ja4, ready made from what
 * the hello offered.
 *
 * JA3: MD5 of "version,ciphers,extensions,groups,formats" in decimal. JA4: protocol, version,
 * presence of a name, counts and first ALPN value, then truncated SHA-256 of the sorted ciphers,
 * and of the sorted extensions with the signature algorithms. GREASE values (RFC 8701) do not
 * count. */
#include "fetch/fetch.h"

#include "tls/digest.h"
#include "tls/info.h"
#include "tls/tls.h"

#include <stdlib.h>

#define CAPTURE_DEFAULT 1024 /* bytes of a list when tune.ssl.capture-buffer-size does not say */
#define NVALUES         512

static const struct digest *md5, *sha256;

/** Values of a list, without GREASE. */
struct values {
    uint16_t v[NVALUES];
    unsigned n;
};

static void
read_values(struct values *to, struct slice list)
{
    to->n = 0;
    for (size_t i = 0; i + 1 < list.len && to->n < NVALUES; i += 2) {
        unsigned v = (unsigned)((unsigned char)list.p[i] << 8 | (unsigned char)list.p[i + 1]);
        if ((v & 0x0f0f) != 0x0a0a || v >> 8 != (v & 0xff))
            to->v[to->n++] = (uint16_t)v;
    }
}

static bool
has_value(const struct values *in, uint16_t v)
{
    for (unsigned i = 0; i < in->n; i++)
        if (in->v[i] == v)
            return true;
    return false;
}

static void
drop_value(struct values *in, uint16_t v)
{
    unsigned n = 0;

    for (unsigned i = 0; i < in->n; i++)
        if (in->v[i] != v)
            in->v[n++] = in->v[i];
    in->n = n;
}

static int
by_value(const void *a, const void *b)
{
    return *(const uint16_t *)a - *(const uint16_t *)b;
}

static void
put_hex(struct out *o, const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out_printf(o, "%02x", p[i]);
}

static void
put_list(struct out *o, const struct values *in, const char *fmt_sep, bool hex)
{
    for (unsigned i = 0; i < in->n; i++) {
        if (i)
            out_str(o, fmt_sep);
        if (hex)
            out_printf(o, "%04x", in->v[i]);
        else
            out_uint(o, in->v[i]);
    }
}

/* ---- JA3 ---- */

static bool
fetch_ja3(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    static const enum tls_list lists[] = { TLS_L_CIPHERS, TLS_L_EXTENSIONS, TLS_L_GROUPS };
    const struct conn *c = fetch_front(x);
    char text[8192], hex[33];
    struct out o = OUT(text), h = OUT(hex);
    unsigned char md[DIGEST_MAX];
    struct values v;
    int64_t version;

    if (!c || !tls_conn_number(c, TLS_N_HELLO, &version))
        return false;
    out_uint(&o, (uint64_t)version);
    for (unsigned i = 0; i < COUNT_OF(lists); i++) {
        read_values(&v, tls_conn_list(c, lists[i]));
        out_char(&o, ',');
        put_list(&o, &v, "-", false);
    }
    struct slice formats = tls_conn_list(c, TLS_L_FORMATS);
    out_char(&o, ',');
    for (size_t i = 0; i < formats.len; i++)
        out_printf(&o, "%s%u", i ? "-" : "", (unsigned char)formats.p[i]);
    if (private) /* the text itself */
        return fetch_give_copy(x, out, SMP_STR, out_slice(&o));
    size_t n = digest_run(md5, out_slice(&o), md);
    put_hex(&h, md, MIN(n, (size_t)16));
    return n && fetch_give_copy(x, out, SMP_STR, out_slice(&h));
}

/* ---- JA4 ---- */

static const char *
version_text(const struct conn *c)
{
    static const struct {
        unsigned wire;
        const char *text;
    } known[] = {
        { 0x0304, "13" }, { 0x0303, "12" }, { 0x0302, "11" }, { 0x0301, "10" }, { 0x0300, "s3" }
    };
    struct values v;
    int64_t version = 0;

    (void)!tls_conn_number(c, TLS_N_HELLO, &version);
    read_values(&v, tls_conn_list(c, TLS_L_VERSIONS));
    for (unsigned i = 0; i < v.n; i++)
        if (i == 0 || v.v[i] > version)
            version = v.v[i];
    for (unsigned i = 0; i < COUNT_OF(known); i++)
        if (known[i].wire == version)
            return known[i].text;
    return "00";
}

static bool
is_alnum(unsigned char ch)
{
    return (ch >= '0' && ch <= '9') || (ascii_lower(ch) >= 'a' && ascii_lower(ch) <= 'z');
}

static void
put_alpn(struct out *o, struct slice alpn)
{
    static const char digits[] = "0123456789abcdef";

    if (!alpn.len) {
        out_lit(o, "00");
        return;
    }
    unsigned char first = (unsigned char)alpn.p[0], last = (unsigned char)alpn.p[alpn.len - 1];
    bool plain = is_alnum(first) && is_alnum(last);
    out_char(o, plain ? (char)first : digits[first >> 4]);
    out_char(o, plain ? (char)last : digits[last & 15]);
}

/* Twelve digits of the hash of `text`; zeros when there is nothing. */
static bool
put_hash(struct out *o, struct slice text)
{
    unsigned char md[DIGEST_MAX];

    if (!text.len) {
        out_lit(o, "000000000000");
        return true;
    }
    if (!digest_run(sha256, text, md))
        return false;
    put_hex(o, md, 6);
    return true;
}

static bool
put_ciphers(struct out *o, struct values *ciphers)
{
    char text[NVALUES * 5];
    struct out t = OUT(text);

    qsort(ciphers->v, ciphers->n, sizeof(ciphers->v[0]), by_value);
    put_list(&t, ciphers, ",", true);
    return put_hash(o, out_slice(&t));
}

static bool
put_extensions(struct out *o, struct values *ext, const struct values *sigalgs)
{
    char text[2 * NVALUES * 5];
    struct out t = OUT(text);

    drop_value(ext, 0x0000); /* the server name and ALPN are in the first part */
    drop_value(ext, 0x0010);
    qsort(ext->v, ext->n, sizeof(ext->v[0]), by_value);
    put_list(&t, ext, ",", true);
    if (t.len && sigalgs->n) {
        out_char(&t, '_');
        put_list(&t, sigalgs, ",", true);
    }
    return put_hash(o, out_slice(&t));
}

static bool
fetch_ja4(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct conn *c = fetch_front(x);
    struct slice list = c ? tls_conn_list(c, TLS_L_CIPHERS) : SLICE_NONE;
    struct values ciphers, ext, sigalgs;
    char text[64];
    struct out o = OUT(text);

    if (!list.p)
        return false;
    read_values(&ciphers, list);
    read_values(&ext, tls_conn_list(c, TLS_L_EXTENSIONS));
    read_values(&sigalgs, tls_conn_list(c, TLS_L_SIGALGS));
    out_printf(&o, "t%s%c%02u%02u", version_text(c), has_value(&ext, 0) ? 'd' : 'i',
               MIN(ciphers.n, 99u), MIN(ext.n, 99u));
    put_alpn(&o, tls_conn_first_alpn(c));
    out_char(&o, '_');
    bool ok = put_ciphers(&o, &ciphers);
    out_char(&o, '_');
    ok = ok && put_extensions(&o, &ext, &sigalgs);
    return ok && fetch_give_copy(x, out, SMP_STR, out_slice(&o));
}

/* ---- rows ---- */

/* Who asks for a fingerprint wants hellos to be kept. */
static bool
check_print(struct expr_arg *arg, struct cfg *c, char **err)
{
    md5 = digest_find("md5");
    sha256 = digest_find("sha256");
    if (!md5 || !sha256) {
        *err = xstrdup("MD5 or SHA-256 are not available");
        return false;
    }
    if (!tls_tune.capture_size)
        tls_tune.capture_size = CAPTURE_DEFAULT;
    return true;
}

static const struct fetch ssl_print_fetches[] = {
    { "ssl_fc_ja3", FETCH_NO_ARGS, SMP_STR, NEEDS_CLIENT5, fetch_ja3,
      "JA3 fingerprint of the client", check_print },
    { "ssl_fc_ja3_str", FETCH_NO_ARGS, SMP_STR, NEEDS_CLIENT5, fetch_ja3,
      "what the JA3 fingerprint is made of", check_print, FETCH_P(1) },
    { "ssl_fc_ja4", FETCH_NO_ARGS, SMP_STR, NEEDS_CLIENT5, fetch_ja4,
      "JA4 fingerprint of the client", check_print },
    { 0 },
};

const struct module fetch_ssl_print_module = { .name = "TLS fingerprints",
                                               .fetches = ssl_print_fetches };
