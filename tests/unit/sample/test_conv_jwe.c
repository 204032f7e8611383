/* test_conv_jwe.c - jwt_decrypt_secret, jwt_decrypt_jwk: every algorithm of RFC 7518 sections 4 and
 * 5, and tokens that were changed; x509_v_err_str. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conv_fixture.h"
#include "jwe_vectors.h"
#include "tls/jwe.h"

#include <stdio.h>
#include <stdlib.h>

/* RFC 7516, appendix A.3. */
#define RFC_SECRET "GawgguFyGrWKav7AX4VKUg=="
#define RFC_TOKEN                                                                                  \
    "eyJhbGciOiJBMTI4S1ciLCJlbmMiOiJBMTI4Q0JDLUhTMjU2In0."                                         \
    "6KB707dM9YTIgHtLvtgWQ8mKwboJW3of9locizkDTHzBC2IlrT1oOQ.AxY8DCtDaGlsbGljb3RoZQ."               \
    "KDlTtXchhZTGufMYmOYGS4HffxPSUrfmqCHXaI9wOGY.U0m_YmjN04DJvceFICbCVQ"

static int
setup(void **state)
{
    conv_setup();
    conv_jwe_module.defaults(NULL);
    return 0;
}

static int
teardown(void **state)
{
    conv_jwe_module.stop(NULL);
    conv_teardown();
    return 0;
}

/* What `key` makes of a token; static. */
static struct slice
opened(const char *token, const char *converter, const char *key)
{
    static char expr[8192];
    struct slice text;

    snprintf(expr, sizeof(expr), "str(%s),%s(%s)", token, converter, key);
    assert_int_equal(conv_eval(expr, &text), CONV_VALUE);
    return text;
}

static struct slice
open_vector(const struct jwe_vector *v, const char *token)
{
    static char quoted[4096];

    if (v->secret)
        return opened(token, "jwt_decrypt_secret", v->secret);
    snprintf(quoted, sizeof(quoted), "'%s'", v->jwk);
    return opened(token, "jwt_decrypt_jwk", quoted);
}

static void
test_rfc(void **state)
{
    conv_is("str(" RFC_TOKEN "),jwt_decrypt_secret(" RFC_SECRET ")", "Live long and prosper.");
    conv_is("str(" RFC_TOKEN
            "),jwt_decrypt_jwk('{\"kty\":\"oct\",\"k\":\"GawgguFyGrWKav7AX4VKUg\"}')",
            "Live long and prosper.");
    conv_is("str(" RFC_TOKEN "),jwt_header_query('$.enc')", "A128CBC-HS256");
    conv_is("str(" RFC_TOKEN "),jwt_payload_query", NULL);
}

static void
test_algorithms(void **state)
{
    for (unsigned i = 0; i < COUNT_OF(jwe_vectors); i++) {
        const struct jwe_vector *v = &jwe_vectors[i];
        bool off = strcmp(v->alg, "RSA1_5") == 0;
        struct slice got = open_vector(v, v->token);
        if (!slice_eq_str(got, off ? "" : v->text))
            fail_msg("%s %s: '%.*s'", v->alg, v->enc, SLF(got));
    }
}

/* One bit of any part: nothing comes out. */
static void
test_changed(void **state)
{
    char token[2048];

    for (unsigned i = 0; i < COUNT_OF(jwe_vectors); i++) {
        const struct jwe_vector *v = &jwe_vectors[i];
        size_t len = strlen(v->token);
        assert_true(len < sizeof(token));
        for (size_t at = len - 3; at < len; at -= MAX((size_t)7, len / 16)) {
            memcpy(token, v->token, len + 1);
            if (token[at] == '.')
                continue;
            token[at] = token[at] == 'A' ? 'Q' : 'A';
            if (open_vector(v, token).len)
                fail_msg("%s %s: changed at %zu", v->alg, v->enc, at);
        }
    }
}

static void
test_malformed(void **state)
{
    static const char *const tokens[] = {
        "",
        "a.b.c",
        "....",
        "a.b.c.d.e.f",
        "e30....",                                     /* {} */
        "eyJhbGciOiJkaXIifQ....",                      /* no enc */
        "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0....", /* nothing in it */
        "bnVsbA....",
        "%%%%....",
    };

    for (unsigned i = 0; i < COUNT_OF(tokens); i++) {
        assert_int_equal(opened(tokens[i], "jwt_decrypt_secret", RFC_SECRET).len, 0);
        assert_int_equal(opened(tokens[i], "jwt_decrypt_jwk", "'" JWK_P256 "'").len, 0);
    }
    conv_is("str(" RFC_TOKEN "),jwt_decrypt_secret(AAAA)", "");
    conv_is("str(" RFC_TOKEN "),jwt_decrypt_secret(txn.unset)", "");
    conv_is("str(" RFC_TOKEN "),jwt_decrypt_jwk(txn.unset)", "");
    conv_is("str(" RFC_TOKEN "),jwt_decrypt_jwk('" JWK_P256 "')", "");
}

static void
test_variables(void **state)
{
    conv_is("str(" RFC_SECRET "),set-var(txn.s)", RFC_SECRET);
    conv_is("str(" RFC_TOKEN "),jwt_decrypt_secret(txn.s)", "Live long and prosper.");
    conv_reset();
    conv_is("str('{\"kty\":\"oct\",\"k\":\"GawgguFyGrWKav7AX4VKUg\"}'),set-var(txn.k),length",
            "42");
    conv_is("str(" RFC_TOKEN "),jwt_decrypt_jwk(txn.k)", "Live long and prosper.");
}

static void
test_keys(void **state)
{
    enum conv_result rc;
    struct slice text;

    rc = conv_eval("str(x),jwt_decrypt_jwk('{\"kty\":\"oct\"}')", &text);
    assert_int_equal(rc, CONV_ERROR);
    rc = conv_eval(
        "str(x),jwt_decrypt_jwk('{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\","
        "\"d\":\"AA\"}')",
        &text);
    assert_int_equal(rc, CONV_ERROR);
    rc = conv_eval("str(x),jwt_decrypt_jwk(nonsense)", &text);
    assert_int_equal(rc, CONV_ERROR);
    rc = conv_eval("str(x),jwt_decrypt_secret(***)", &text);
    assert_int_equal(rc, CONV_ERROR);
}

static void
test_x509_errors(void **state)
{
    conv_is("int(0),x509_v_err_str", "X509_V_OK");
    conv_is("int(10),x509_v_err_str", "X509_V_ERR_CERT_HAS_EXPIRED");
    conv_is("int(23),x509_v_err_str", "X509_V_ERR_CERT_REVOKED");
    conv_is("int(24),x509_v_err_str", "X509_V_ERR_NO_ISSUER_PUBLIC_KEY");
    conv_is("int(9999),x509_v_err_str", "9999");
    conv_is("int(-1),x509_v_err_str", "-1");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rfc, setup, teardown),
        cmocka_unit_test_setup_teardown(test_algorithms, setup, teardown),
        cmocka_unit_test_setup_teardown(test_changed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_malformed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_variables, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(test_x509_errors, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
