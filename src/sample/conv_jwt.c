/* conv_jwt.c - JSON Web Tokens: jwt_header_query(), jwt_payload_query(), jwt_verify(),
 * jwt_verify_cert() (manual 7.3.1). */
#include "sample/conv.h"
#include "sample/json.h"
#include "sample/jwt_parts.h"
#include "tls/jwt.h"
#include "tls/tls.h"

#include <stdlib.h>
#include <string.h>

/** What verifying may result in, besides 0 and 1. */
enum {
    JWT_UNKNOWN_ALG = -1,
    JWT_BAD_TOKEN = -3,
    JWT_NO_MEMORY = -4,
    JWT_UNKNOWN_KEY = -5,
    JWT_NOT_ALLOWED = -7,
};

void
jwt_split(struct slice token, struct jwt_parts *p)
{
    p->n = 0;
    while (token.p && p->n < COUNT_OF(p->part))
        p->part[p->n++] = slice_cut(token, '.', &token);
    if (token.p)
        p->n = 0; /* too many */
}

/* ---- queries ---- */

static bool
check_query(struct expr_arg *arg, struct cfg *c, char **err)
{
    if (arg[0].type != ARG_END && arg[1].type != ARG_END && arg[1].s.len &&
        !slice_eq_str(arg[1].s, "int")) {
        *err = xstrdup("output_type only supports \"int\" as argument");
        return false;
    }
    return true;
}

/* private: which part. */
static bool
conv_query(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    size_t which = private ? 1 : 0;
    struct jwt_parts p;

    jwt_split(s->u.s, &p);
    if (!(p.n == 3 ||
          (p.n == 5 && which == 0))) /* the payload of an encrypted token cannot be read */
        return false;
    char *to = conv_alloc(p.part[which].len + 1, x);
    ptrdiff_t n = to ? base64_decode(to, p.part[which], true) : -1;
    if (n < 0)
        return false;
    s->type = SMP_STR;
    s->flags &= ~(unsigned)SMPF_CONST;
    s->u.s = slice(to, (size_t)n);
    if (arg[0].type == ARG_END || !arg[0].s.len)
        return true;
    return conv_json_find(arg[0].s, arg[1].type != ARG_END && arg[1].s.len, x, s);
}

/* ---- verification ---- */

/** Reads the key of a constant argument: a file may be named by a secret only by accident. */
static bool
load_key(struct expr_arg *key, bool alg_known, struct cfg *c, char **err)
{
    struct text why = { 0 };
    bool is_cert;

    if (!jwt_key_load(key->s.p, &is_cert, &why) && alg_known)
        *err = xstrdup(why.p);
    else if (is_cert && c)
        cfg_warn(
            c, CFG_WHOLE_LINE,
            "'%s' is a certificate: 'jwt_verify' wants a public key, please use 'jwt_verify_cert'.",
            key->s.p);
    text_fini(&why);
    return !*err;
}

static bool
check_verify(struct expr_arg *arg, struct cfg *c, char **err)
{
    enum jwt_alg alg = JWT_NALGS;

    if (!arg[0].u.var) {
        alg = jwt_alg_find(arg[0].s);
        if (alg == JWT_NALGS) {
            *err = xasprintf("unknown JWT algorithm: %s", arg[0].s.p);
            return false;
        }
    }
    arg[0].i = alg;
    if (arg[1].u.var || alg == JWT_NONE || (alg != JWT_NALGS && jwt_alg_is_secret(alg)))
        return true;
    return load_key(&arg[1], alg != JWT_NALGS, c, err);
}

bool
jwt_need_cert(const struct expr_arg *arg, char **err)
{
    struct tls_files files = { .crt = arg->s.p };
    struct text why = { 0 };
    bool allowed;

    if (arg->u.var || jwt_key_of_cert(arg->s, &allowed))
        return true;
    struct tls_cert *cert = tls_store_load(arg->s.p, &files, TLSX_DEFAULT, &why);
    if (cert)
        tls_cert_allow_jwt(cert);
    else
        *err = xstrdup(why.p);
    text_fini(&why);
    return cert != NULL;
}

static bool
check_verify_cert(struct expr_arg *arg, struct cfg *c, char **err)
{
    if (!arg[0].u.var) {
        arg[0].i = jwt_alg_find(arg[0].s);
        if (arg[0].i == JWT_NALGS || jwt_alg_is_secret((enum jwt_alg)arg[0].i)) {
            *err = xasprintf("unknown JWT algorithm: %s", arg[0].s.p);
            return false;
        }
    }
    return jwt_need_cert(&arg[1], err);
}

bool
jwt_arg_text(const struct expr_arg *arg, struct sample_ctx *x, struct slice *to)
{
    struct sample v;

    *to = arg->s;
    if (!arg->u.var)
        return true;
    if (!conv_var_as(arg->u.var, x, SMP_STR, &v))
        return false;
    *to = v.u.s;
    return true;
}

static int
verify(enum jwt_alg alg, const struct jwt_key *key, struct slice secret, struct slice token,
       struct sample_ctx *x)
{
    struct jwt_parts p;

    jwt_split(token, &p);
    if (p.n != 3 || !p.part[0].len || !p.part[1].len || (alg == JWT_NONE) != !p.part[2].len)
        return p.n == 3 && alg == JWT_NONE && p.part[2].len ? 0 : JWT_BAD_TOKEN;
    char *to = conv_alloc(p.part[2].len + 1, x);
    if (!to)
        return JWT_NO_MEMORY;
    ptrdiff_t n = p.part[2].len ? base64_decode(to, p.part[2], true) : 0;
    if (n < 0)
        return 0;
    struct slice text = slice(token.p, p.part[0].len + 1 + p.part[1].len);
    return jwt_check(alg, key, secret, text, slice(to, (size_t)n));
}

/* private: the key is a certificate of the store. */
static bool
conv_verify(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    enum jwt_alg alg = (enum jwt_alg)arg[0].i;
    const struct jwt_key *key = NULL;
    struct slice alg_name, name;
    bool allowed = true;
    int rc = 0;

    if (!jwt_arg_text(&arg[0], x, &alg_name) || !jwt_arg_text(&arg[1], x, &name))
        return false;
    if (arg[0].u.var)
        alg = jwt_alg_find(alg_name);
    if (alg == JWT_NALGS || (private && jwt_alg_is_secret(alg))) {
        rc = JWT_UNKNOWN_ALG;
    } else if (alg != JWT_NONE && !jwt_alg_is_secret(alg)) {
        key = private ? jwt_key_of_cert(name, &allowed) : jwt_key_find(name);
        rc = !key ? JWT_UNKNOWN_KEY : !allowed ? JWT_NOT_ALLOWED : 0;
    }
    sample_set_int(s, rc ? rc : verify(alg, key, name, s->u.s, x));
    return true;
}

static void
release(struct config *cf)
{
    jwt_keys_clear();
}

#define OPT(t) ((t) | ARG_OPT)

const struct conv conv_jwt[] = {
    { "jwt_header_query",
      { OPT(ARG_STR), ARG_STR },
      SMP_STR,
      SMP_STR,
      conv_query,
      "header of a token, or a value in it",
      check_query,
      NULL,
      "[<json_path>[,<output_type>]]" },
    { "jwt_payload_query",
      { OPT(ARG_STR), ARG_STR },
      SMP_STR,
      SMP_STR,
      conv_query,
      "payload of a token, or a value in it",
      check_query,
      (void *)1,
      "[<json_path>[,<output_type>]]" },
    { "jwt_verify",
      { ARG_FMT_STR, ARG_FMT_STR },
      SMP_STR,
      SMP_SINT,
      conv_verify,
      "verifies a token's signature: 1 when good",
      check_verify,
      NULL,
      "<alg>,<key>" },
    { "jwt_verify_cert",
      { ARG_FMT_STR, ARG_FMT_STR },
      SMP_STR,
      SMP_SINT,
      conv_verify,
      "verifies a token's signature by a certificate: 1 when good",
      check_verify_cert,
      (void *)1,
      "<alg>,<cert>" },
    { 0 },
};

const struct module conv_jwt_module = { .name = "converters: tokens",
                                        .convs = conv_jwt,
                                        .stop = release };
