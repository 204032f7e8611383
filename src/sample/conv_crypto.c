/* conv_crypto.c - digests, HMAC, AES, and names of verification errors. */
#include "sample/conv.h"
#include "tls/digest.h"
#include "tls/tls.h"

#include <stdlib.h>

/* ---- digests ----------------------------------------------------------------------------------
 */

static bool
check_algorithm(struct expr_arg *arg, struct cfg *c, char **err)
{
    arg[0].u.ptr = (void *)digest_find(arg[0].s.p);
    if (arg[0].u.ptr)
        return true;
    *err = xstrdup("algorithm must be a valid OpenSSL message digest name.");
    return false;
}

static bool
check_sha2(struct expr_arg *arg, struct cfg *c, char **err)
{
    int64_t bits = arg[0].type == ARG_END ? 256 : arg[0].i;
    char name[] = "sha000";

    if (bits != 224 && bits != 256 && bits != 384 && bits != 512) {
        *err = xasprintf("Unsupported number of bits: '%lld'", (long long)bits);
        return false;
    }
    struct out o = { name, 3, sizeof(name) - 1, false };
    out_uint(&o, (uint64_t)bits);
    arg[0].u.ptr = (void *)digest_find(name);
    return arg[0].u.ptr != NULL;
}

/* Rows without arguments have nowhere to keep it. Set while the configuration is read. */
static const struct digest *sha1;

static bool
check_sha1(struct expr_arg *arg, struct cfg *c, char **err)
{
    sha1 = digest_find("sha1");
    return sha1 != NULL;
}

static bool
set_digest(struct sample *s, const unsigned char *digest, size_t len, struct sample_ctx *x)
{
    struct out o;

    if (len == 0 || !conv_out(&o, len, x))
        return false;
    out_mem(&o, digest, len);
    conv_out_end(s, SMP_BIN, &o);
    return true;
}

static bool
conv_digest(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    unsigned char digest[DIGEST_MAX];

    return set_digest(s, digest, digest_run(arg[0].u.ptr, s->u.s, digest), x);
}

static bool
conv_sha1(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    unsigned char digest[DIGEST_MAX];

    return set_digest(s, digest, digest_run(sha1, s->u.s, digest), x);
}

static bool
check_hmac(struct expr_arg *arg, struct cfg *c, char **err)
{
    return check_algorithm(arg, c, err) && conv_check_base64_or_var(&arg[1], "key", c, err);
}

static bool
conv_hmac(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    unsigned char digest[DIGEST_MAX];
    struct slice key;

    return conv_arg_base64(&arg[1], x, &key) &&
           set_digest(s, digest, digest_hmac(arg[0].u.ptr, key, s->u.s, digest), x);
}

/* The number stays when it is not one of the library's. */
static bool
conv_x509_err(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    int64_t id = s->u.i;
    const char *name = tls_error_name(id);
    struct out o;

    if (name) {
        conv_set_const(s, SMP_STR, slice_str(name));
        return true;
    }
    if (!conv_out(&o, 24, x))
        return false;
    out_int(&o, id);
    conv_out_end(s, SMP_STR, &o);
    return true;
}

/* ---- AES --------------------------------------------------------------------------------------
 */

/** Arguments: bits, nonce, key, then for GCM the tag, then the additional data. */
struct aes_kind {
    enum aes_mode mode;
    bool encrypt;
};

static const struct aes_kind cbc_dec = { AES_CBC, false }, cbc_enc = { AES_CBC, true },
                             gcm_dec = { AES_GCM, false }, gcm_enc = { AES_GCM, true };

static bool
check_aes(struct expr_arg *arg, enum aes_mode mode, struct cfg *c, char **err)
{
    arg[0].u.ptr = (void *)aes_find(mode, arg[0].i);
    if (!arg[0].u.ptr) {
        *err = xstrdup("key size must be 128, 192 or 256 (bits).");
        return false;
    }
    return conv_check_base64_or_var(&arg[1], "nonce", c, err) &&
           conv_check_base64_or_var(&arg[2], "key", c, err);
}

static bool
check_aad(struct expr_arg *arg, struct cfg *c, char **err)
{
    return arg->type == ARG_END || conv_check_base64_or_var(arg, "aad", c, err);
}

static bool
check_aes_cbc(struct expr_arg *arg, struct cfg *c, char **err)
{
    return check_aes(arg, AES_CBC, c, err) && check_aad(&arg[3], c, err);
}

static bool
check_aes_gcm_dec(struct expr_arg *arg, struct cfg *c, char **err)
{
    return check_aes(arg, AES_GCM, c, err) &&
           conv_check_base64_or_var(&arg[3], "aead_tag", c, err) && check_aad(&arg[4], c, err);
}

/** Encryption writes the tag: a variable. */
static bool
check_aes_gcm_enc(struct expr_arg *arg, struct cfg *c, char **err)
{
    return check_aes(arg, AES_GCM, c, err) &&
           conv_check_var(&arg[3], "failed to parse aead_tag : argument must be a variable", err) &&
           check_aad(&arg[4], c, err);
}

/** Stores the tag in base64. */
static bool
publish_tag(const struct aes_job *job, const struct expr_arg *arg, struct sample_ctx *x)
{
    char text[(AES_TAG + 2) / 3 * 4];
    size_t n = base64_encode(text, slice((const char *)job->tag, job->tag_len), false);
    struct sample v = { .type = SMP_STR, .flags = SMPF_CONST, .u.s = slice(text, n) };

    return var_set(arg->u.var, x, &v, 0);
}

/** CBC takes additional data in its arguments, but the mode has no use for them. */
static bool
conv_aes(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    const struct aes_kind *kind = private;
    struct aes_job job = { .cipher = arg[0].u.ptr };
    struct slice tag;

    if (!conv_arg_base64(&arg[1], x, &job.nonce) || !conv_arg_base64(&arg[2], x, &job.key))
        return false;
    if (kind->mode == AES_GCM) {
        if (arg[4].type != ARG_END && !conv_arg_base64(&arg[4], x, &job.aad))
            return false;
        if (!kind->encrypt) {
            if (!conv_arg_base64(&arg[3], x, &tag) || tag.len > sizeof(job.tag))
                return false;
            memcpy(job.tag, tag.p, tag.len);
            job.tag_len = tag.len;
        }
    }
    unsigned char *to = conv_alloc(s->u.s.len + AES_BLOCK, x);
    if (!to)
        return false;
    ptrdiff_t n = kind->encrypt ? aes_encrypt(&job, s->u.s, to) : aes_decrypt(&job, s->u.s, to);
    if (n < 0 || (size_t)n > conv_size_max)
        return false;
    if (kind->mode == AES_GCM && kind->encrypt && !publish_tag(&job, &arg[3], x))
        return false;
    s->type = SMP_BIN;
    s->flags &= ~(unsigned)SMPF_CONST;
    s->u.s = slice((const char *)to, (size_t)n);
    return true;
}

static void
thread_stop(struct config *cf)
{
    digest_thread_fini();
}

#define OPT(t) ((t) | ARG_OPT)
#define CBC(name_, kind_, help_)                                                                   \
    {                                                                                              \
        name_, { ARG_SINT, ARG_STR, ARG_STR, OPT(ARG_STR) }, SMP_BIN, SMP_BIN, conv_aes,           \
            .check = check_aes_cbc, .private = (void *)&(kind_),                                   \
            .usage = "<bits>,<nonce>,<key>[,<aad>]", .help = help_                                 \
    }
#define GCM(name_, kind_, check_, help_)                                                           \
    {                                                                                              \
        name_, { ARG_SINT, ARG_STR, ARG_STR, ARG_STR, OPT(ARG_STR) }, SMP_BIN, SMP_BIN, conv_aes,  \
            .check = check_, .private = (void *)&(kind_),                                          \
            .usage = "<bits>,<nonce>,<key>,<aead_tag>[,<aad>]", .help = help_                      \
    }

const struct conv conv_crypto[] = {
    CBC("aes_cbc_dec", cbc_dec, "decrypts AES-CBC with PKCS padding"),
    CBC("aes_cbc_enc", cbc_enc, "encrypts with AES-CBC and PKCS padding"),
    GCM("aes_gcm_dec", gcm_dec, check_aes_gcm_dec,
        "decrypts AES-GCM; no value when the tag is wrong"),
    GCM("aes_gcm_enc", gcm_enc, check_aes_gcm_enc,
        "encrypts with AES-GCM; the tag goes to a variable in base64"),
    { "digest",
      { ARG_STR },
      SMP_BIN,
      SMP_BIN,
      conv_digest,
      .check = check_algorithm,
      .usage = "<algorithm>",
      .help = "message digest by OpenSSL's name" },
    { "hmac",
      { ARG_STR, ARG_STR },
      SMP_BIN,
      SMP_BIN,
      conv_hmac,
      .check = check_hmac,
      .usage = "<algorithm>,<key>",
      .help = "message authentication code; the key is base64 or a variable" },
    { "sha1", { 0 }, SMP_BIN, SMP_BIN, conv_sha1, .check = check_sha1, .help = "SHA-1 digest" },
    { "sha2",
      { OPT(ARG_SINT) },
      SMP_BIN,
      SMP_BIN,
      conv_digest,
      .check = check_sha2,
      .usage = "[<bits>]",
      .help = "SHA-2 digest of 224, 256 (default), 384 or 512 bits" },
    { "x509_v_err_str",
      { 0 },
      SMP_SINT,
      SMP_STR,
      conv_x509_err,
      .help = "name of an error of certificate verification" },
    { 0 },
};

const struct module conv_crypto_module = { .name = "conv_crypto",
                                           .convs = conv_crypto,
                                           .thread_stop = thread_stop };
