/* conv_jwe.c - encrypted JSON Web Tokens: jwt_decrypt_secret(), jwt_decrypt_cert(),
 * jwt_decrypt_jwk(), and the lists of what they accept (manual 7.3.1 and 3.1 of 3.x). */
#include "tls/jwe.h"

#include "sample/json.h"
#include "sample/jwt_parts.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(JWE_NALGS < 32 && JWE_NENCS < 32, "sets are bits");

/* RSA1_5 is known to give keys away where padding errors can be told apart (RFC 8017, 7.2). */
#define ALGS_DEFAULT (((1u << JWE_NALGS) - 1) & ~(1u << JWE_RSA1_5))
#define ENCS_DEFAULT ((1u << JWE_NENCS) - 1)

/** What is accepted: bits 1 << enum. Constant once threads run. */
static struct {
    unsigned algs, encs;
} allowed = { ALGS_DEFAULT, ENCS_DEFAULT };

/** A JSON Web Key, read. */
struct jwk {
    enum jwe_family family;
    struct slice secret; /* JWE_SECRET; borrowed */
    struct jwt_key *key;
    struct jwk *next; /* of the configuration's */
};

static struct jwk *jwks; /* constant ones; in the configuration's arena, but for their keys */

/* ---- JSON ---- */

/* A member's text; false when it is something else. Absent: empty. */
static bool
member(struct slice doc, const char *path, struct slice *to)
{
    enum json_type t = json_find(doc, slice_str(path), to);

    if (t == JSON_NONE)
        *to = slice("", 0);
    return t == JSON_NONE || t == JSON_STRING;
}

/* A member's bytes, from base64. */
static bool
member_bytes(struct slice doc, const char *path, struct arena *a, struct slice *to)
{
    struct slice text;

    if (!member(doc, path, &text))
        return false;
    char *p = arena_alloc(a, text.len + 1);
    ptrdiff_t n = p ? base64_decode(p, text, true) : -1;
    *to = slice(p, n > 0 ? (size_t)n : 0);
    return n >= 0;
}

/** Where a member's bytes go. */
struct place {
    const char *path;
    size_t offset; /* of a struct slice */
};

static bool
members(struct slice doc, const struct place *p, unsigned n, struct arena *a, void *to)
{
    for (unsigned i = 0; i < n; i++)
        if (!member_bytes(doc, p[i].path, a, (struct slice *)(void *)((char *)to + p[i].offset)))
            return false;
    return true;
}

/* ---- keys ---- */

/* The secrets stay in the arena `a`; jwk->key is the caller's. */
static bool
read_jwk(struct slice doc, struct arena *a, struct jwk *to)
{
#define RSA_(m)                                                                                    \
    {                                                                                              \
        "$." #m, offsetof(struct jwk_rsa, m)                                                       \
    }
    static const struct place rsa_places[] = { RSA_(n), RSA_(e),  RSA_(d),  RSA_(p),
                                               RSA_(q), RSA_(dp), RSA_(dq), RSA_(qi) };
    static const struct place ec_places[] = { { "$.x", offsetof(struct jwk_ec, x) },
                                              { "$.y", offsetof(struct jwk_ec, y) },
                                              { "$.d", offsetof(struct jwk_ec, d) } };
    struct slice kty;

    *to = (struct jwk){ 0 };
    if (!member(doc, "$.kty", &kty))
        return false;
    if (slice_eq_str(kty, "oct")) {
        to->family = JWE_SECRET;
        return member_bytes(doc, "$.k", a, &to->secret) && to->secret.len;
    }
    if (slice_eq_str(kty, "RSA")) {
        struct jwk_rsa k = { .n = { 0 } };
        to->family = JWE_RSA;
        to->key = members(doc, rsa_places, COUNT_OF(rsa_places), a, &k) ? jwe_key_rsa(&k) : NULL;
    } else if (slice_eq_str(kty, "EC")) {
        struct jwk_ec k = { .crv = { 0 } };
        to->family = JWE_EC;
        to->key = member(doc, "$.crv", &k.crv) &&
                          members(doc, ec_places, COUNT_OF(ec_places), a, &k) && k.d.len
                      ? jwe_key_ec(&k)
                      : NULL;
    }
    return to->key != NULL;
}

/* ---- tokens ---- */

/* The header: what is needed, and nothing that would have to be understood (RFC 7516, 4.1.13) or
 * undone (4.1.3). */
static bool
read_header(struct slice doc, struct arena *a, struct jwe *t)
{
    static const struct place places[] = {
        { "$.iv", offsetof(struct jwe, key_iv) },   { "$.tag", offsetof(struct jwe, key_tag) },
        { "$.apu", offsetof(struct jwe, apu) },     { "$.apv", offsetof(struct jwe, apv) },
        { "$.epk.x", offsetof(struct jwe, epk.x) }, { "$.epk.y", offsetof(struct jwe, epk.y) }
    };
    struct slice alg, enc, ignored;

    if (!member(doc, "$.alg", &alg) || !member(doc, "$.enc", &enc) ||
        !member(doc, "$.epk.crv", &t->epk.crv) ||
        json_find(doc, SL("$.zip"), &ignored) != JSON_NONE ||
        json_find(doc, SL("$.crit"), &ignored) != JSON_NONE)
        return false;
    t->alg = jwe_alg_find(alg);
    t->enc = jwe_enc_find(enc);
    return t->alg < JWE_NALGS && t->enc < JWE_NENCS && allowed.algs & 1u << t->alg &&
           allowed.encs & 1u << t->enc && members(doc, places, COUNT_OF(places), a, t);
}

static bool
read_token(struct slice text, struct arena *a, struct jwe *t)
{
    struct slice header, *const to[5] = { &header, &t->key, &t->iv, &t->text, &t->tag };
    struct jwt_parts p;

    *t = (struct jwe){ .alg = JWE_NALGS };
    jwt_split(text, &p);
    if (p.n != 5)
        return false;
    for (unsigned i = 0; i < 5; i++) {
        char *b = arena_alloc(a, p.part[i].len + 1);
        ptrdiff_t n = b ? base64_decode(b, p.part[i], true) : -1;
        if (n < 0)
            return false;
        *to[i] = slice(b, (size_t)n);
    }
    t->aad = p.part[0];
    return read_header(header, a, t);
}

/* ---- converters ---- */

static struct arena *
arena_of(struct sample_ctx *x)
{
    return x->tmp ? x->tmp : sample_tmp();
}

/* Whatever fails gives an empty value. */
static bool
give(struct sample *s, struct slice v)
{
    conv_set_const(s, SMP_BIN, v);
    s->flags &= ~(unsigned)SMPF_CONST;
    return true;
}

static bool
decrypt(const struct jwe *t, const struct jwt_key *key, struct slice secret, struct sample_ctx *x,
        struct sample *s)
{
    unsigned char *to = conv_alloc(t->text.len + 16, x);
    ptrdiff_t n = to ? jwe_decrypt(t, key, secret, to) : -1;

    return give(s, slice(n > 0 ? (char *)to : "", n > 0 ? (size_t)n : 0));
}

static bool
conv_secret(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    struct slice secret;
    struct jwe t;

    if (!conv_arg_base64(&arg[0], x, &secret) || !read_token(s->u.s, arena_of(x), &t) ||
        jwe_alg_family(t.alg) != JWE_SECRET)
        return give(s, SL(""));
    return decrypt(&t, NULL, secret, x, s);
}

static bool
conv_cert(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    const struct jwt_key *key = NULL;
    struct slice name;
    bool on = false;
    struct jwe t;

    if (jwt_arg_text(&arg[0], x, &name))
        key = jwe_key_of_cert(name, &on);
    if (!key || !on || !read_token(s->u.s, arena_of(x), &t) || jwe_alg_family(t.alg) == JWE_SECRET)
        return give(s, SL(""));
    return decrypt(&t, key, SL(""), x, s);
}

static bool
conv_jwk(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    struct jwk own = { 0 }, *k = arg[0].u.ptr;
    struct slice text;
    struct jwe t;
    bool ok = true;

    if (arg[0].type == ARG_VAR) {
        k = &own;
        ok = jwt_arg_text(&arg[0], x, &text) && read_jwk(text, arena_of(x), k);
    }
    if (ok && read_token(s->u.s, arena_of(x), &t) && jwe_alg_family(t.alg) == k->family)
        ok = decrypt(&t, k->key, k->secret, x, s);
    else
        ok = give(s, SL(""));
    jwe_key_free(&own.key);
    return ok;
}

/* ---- configuration ---- */

static bool
check_secret(struct expr_arg *arg, struct cfg *c, char **err)
{
    jwe_prepare();
    return conv_check_base64_or_var(&arg[0], "secret", c, err);
}

static bool
check_cert(struct expr_arg *arg, struct cfg *c, char **err)
{
    jwe_prepare();
    return jwt_need_cert(&arg[0], err);
}

static bool
check_jwk(struct expr_arg *arg, struct cfg *c, char **err)
{
    jwe_prepare();
    if (arg[0].u.var) {
        arg[0].type = ARG_VAR;
        return true;
    }
    struct jwk *k = ARENA_NEW(c->arena, struct jwk);
    if (!read_jwk(arg[0].s, c->arena, k)) {
        *err =
            xasprintf("'%s' is not a JSON Web Key with which tokens can be decrypted", arg[0].s.p);
        return false;
    }
    k->next = jwks;
    jwks = k;
    arg[0].u.ptr = k;
    return true;
}

/** One of the two lists. */
struct list_kind {
    unsigned *set;
    unsigned all, unknown;
    unsigned (*find)(struct slice name);
};

static unsigned
find_alg(struct slice name)
{
    return jwe_alg_find(name);
}

static unsigned
find_enc(struct slice name)
{
    return jwe_enc_find(name);
}

static const struct list_kind list_kinds[] = {
    { &allowed.algs, (1u << JWE_NALGS) - 1, JWE_NALGS, find_alg },
    { &allowed.encs, (1u << JWE_NENCS) - 1, JWE_NENCS, find_enc },
};

/* kw->offset: which list. */
static enum cfg_rc
parse_list(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    const struct list_kind *kind = &list_kinds[kw->offset];
    const char *text = cfg_take(c, at, kw->name);
    struct slice rest = slice_str(text ? text : "");
    unsigned with = 0, without = 0;

    if (!text)
        return CFG_ERR;
    while (rest.p) {
        struct slice name = slice_cut(rest, ':', &rest);
        bool no = name.len && name.p[0] == '!';
        struct slice bare = no ? slice(name.p + 1, name.len - 1) : name;
        unsigned bits = slice_eq_str(bare, "ALL") ? kind->all : 1u << kind->find(bare);
        if (bits == 1u << kind->unknown)
            return cfg_error(c, *at - 1, "'%s' : Unknown algorithm/encoding %.*s.", kw->name,
                             SLF(bare));
        *(no ? &without : &with) |= bits;
    }
    *kind->set = with & ~without;
    return CFG_OK;
}

static void
defaults(struct config *cf)
{
    allowed.algs = ALGS_DEFAULT;
    allowed.encs = ENCS_DEFAULT;
    jwks = NULL;
}

static void
release(struct config *cf)
{
    for (struct jwk *k = jwks; k; k = k->next)
        jwe_key_free(&k->key);
    jwks = NULL;
}

/* ---- rows ---- */

const struct conv conv_jwe[] = {
    { "jwt_decrypt_cert",
      { ARG_FMT_STR },
      SMP_BIN,
      SMP_BIN,
      conv_cert,
      "content of a token, decrypted by a certificate's key; empty when it fails",
      check_cert,
      .usage = "<cert>" },
    { "jwt_decrypt_jwk",
      { ARG_FMT_STR },
      SMP_BIN,
      SMP_BIN,
      conv_jwk,
      "content of a token, decrypted by a JSON Web Key; empty when it fails",
      check_jwk,
      .usage = "<jwk>" },
    { "jwt_decrypt_secret",
      { ARG_STR },
      SMP_BIN,
      SMP_BIN,
      conv_secret,
      "content of a token, decrypted by a secret in base64; empty when it fails",
      check_secret,
      .usage = "<secret>" },
    { 0 },
};

static const struct keyword keywords[] = {
    { "jwt.decrypt_alg_list", "<list>", IN_GLOBAL, .parse = parse_list, .offset = 0,
      .help = "protections of keys that encrypted tokens may have" },
    { "jwt.decrypt_enc_list", "<list>", IN_GLOBAL, .parse = parse_list, .offset = 1,
      .help = "encryptions that tokens may have" },
    { 0 },
};

const struct module conv_jwe_module = { .name = "converters: encrypted tokens",
                                        .keywords = keywords,
                                        .convs = conv_jwe,
                                        .defaults = defaults,
                                        .stop = release };
