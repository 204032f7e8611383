/* test_crtlist.c - crt-list files: options, names, and HAProxy's words for what is wrong. */
#include "tlsconf/tlsconf.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../tls/fixture.h"

static struct arena arena;
static struct text err;

static int
setup(void **state)
{
    tls_init();
    arena_init_config(&arena);
    tlsconf_global = (struct tlsconf_global){
        .extra = TLSX_DEFAULT, .crt_base = folder, .ca_base = folder, .key_base = folder
    };
    return make_certificates() ? 0 : -1;
}

static int
teardown(void **state)
{
    tls_store_clear();
    arena_fini(&arena);
    text_fini(&err);
    remove_certificates();
    return 0;
}

static struct crt_ref *
reads(const char *text)
{
    struct crt_refs refs = { 0 };

    err.len = 0;
    if (!crt_list_read(&refs, &arena, "list", slice_str(text), &err))
        fail_msg("%s", err.p);
    return refs.first;
}

static void
refuses(const char *text, const char *because)
{
    struct crt_refs refs = { 0 };

    err.len = 0;
    assert_false(crt_list_read(&refs, &arena, "list", slice_str(text), &err));
    assert_string_equal(err.p, because);
}

static void
test_lines(void **state)
{
    struct crt_ref *r =
        reads("# comment\n\n  \t\na.pem\nb.pem x.example  *.y.example !z.y.example\n");

    assert_non_null(r);
    assert_int_equal(r->nfilters, 0);
    assert_null(r->line);
    r = r->next;
    assert_int_equal(r->nfilters, 3);
    assert_string_equal(r->filters[0], "x.example");
    assert_string_equal(r->filters[2], "!z.y.example");
    assert_null(r->next);
    assert_null(reads(""));
}

static void
test_options(void **state)
{
    struct crt_ref *r = reads("a.pem [alpn h2,http/1.1 ssl-min-ver TLSv1.3 no-ca-names verify "
                              "optional ca-file ca.crt] q\n"
                              "a.pem [ ciphers X:Y ] *\n"
                              "a.pem []\n"
                              "a.pem [ssl-max-ver TLSv1.2\n"
                              "a.crt [key a.key ocsp-update off] k.example\n");

    assert_true(slice_eq(r->line->alpn, SL("\2h2\10http/1.1")));
    assert_int_equal(r->line->min, TLS_1_3);
    assert_int_equal(r->line->verify, TLS_VERIFY_OPTIONAL);
    assert_true(r->line->flags & TLSF_NO_CA_NAMES);
    assert_string_equal(r->line->ca_file, path_of("ca.crt"));
    assert_string_equal(r->filters[0], "q");
    r = r->next;
    assert_string_equal(r->line->ciphers, "X:Y");
    assert_string_equal(r->filters[0], "*");
    r = r->next;
    assert_null(r->line);
    assert_int_equal(r->next->line->max, TLS_1_2);
    r = r->next->next;
    assert_null(r->line);
    assert_string_equal(r->filters[0], "k.example");
}

static void
test_refused(void **state)
{
    refuses(
        "a.pem",
        "parsing [list:1]: Missing LF on last line, file might have been truncated at position 6.");
    refuses("a.pem [foo]\n", "parsing [list:1]: unknown ssl keyword foo");
    refuses("\na.pem x] y\n", "parsing [list:2]: missing '['");
    refuses("a.pem [] []\n", "parsing [list:1]: too many '['");
    refuses("[alpn h2]\n", "parsing [list:1]: file must start with a cert");
    refuses("a.pem [alpn]\n", "parsing [list:1]: ssl args out of '[]' for alpn");
    refuses("a.pem [ssl-min-ver X]\n", "'X' : unknown ssl/tls version");
    refuses("a.pem [ocsp-update x]\n",
            "cannot parse 'ocsp-update' value 'x', 'on' or 'off' is expected");
    refuses("a.pem [key a.key key b.key]\n", "'key' was already specified with another value");
}

static void
test_ocsp_update(void **state)
{
    char because[256];

    snprintf(because, sizeof(because),
             "Incompatibilities found in OCSP update mode for certificate %s", path_of("b.pem"));
    assert_non_null(reads("b.pem [ocsp-update on]\nb.pem\nb.pem [ocsp-update on]\n"));
    refuses("b.pem [ocsp-update off]\n", because);
    snprintf(because, sizeof(because),
             "certificate '%s' was loaded before with another 'key': none "
             "of its own, not '%s'.",
             path_of("b.pem"), path_of("a.key"));
    refuses("b.pem [key a.key]\n", because);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_ocsp_update),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
