/* test_store.c - certificate files: orders, companions, bundles, folders, and everything that can
 * be wrong with them. */
#include "tls/ocsp.h"
#include "tls/tls_int.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "fixture.h"

static struct text err;

static struct tls_cert *
load(const char *name, unsigned extra)
{
    const char *path = path_of(name);
    struct tls_files f = { .crt = path };

    err.len = 0;
    return tls_store_load(path, &f, extra, &err);
}

static void
refused(const char *name, const char *because)
{
    assert_null(load(name, TLSX_DEFAULT));
    assert_non_null(err.p);
    if (!strstr(err.p, because))
        fail_msg("'%s' does not say '%s'", err.p, because);
}

static int
setup(void **state)
{
    tls_init();
    return make_certificates() ? 0 : -1;
}

static int
teardown(void **state)
{
    tls_store_clear();
    text_fini(&err);
    remove_certificates();
    return 0;
}

static void
test_orders(void **state)
{
    assert_true(shell(
        "cat a.key a.crt ca.crt > key-first.pem; cat a.crt ca.crt a.key > key-last.pem; "
        "openssl dhparam -dsaparam -out dh.pem 1024; cat a.crt dh.pem a.key > dh-inside.pem; "
        "printf 'text before\\n' | cat - a.pem > noise.pem; sed 's/$/\\r/' a.pem > crlf.pem"));
    assert_non_null(load("key-first.pem", 0));
    assert_non_null(load("key-last.pem", 0));
    assert_non_null(load("dh-inside.pem", 0));
    assert_non_null(load("noise.pem", 0));
    assert_non_null(load("crlf.pem", 0));
    assert_non_null(load("b.pem", 0));
}

static void
test_key_formats(void **state)
{
    assert_true(shell("openssl ec -in a.key -out sec1.key && cat a.crt sec1.key > sec1.pem; "
                      "openssl rsa -in b.key "
                      "-traditional -out pkcs1.key && cat b.crt pkcs1.key > pkcs1.pem"));
    assert_non_null(load("sec1.pem", 0));
    assert_non_null(load("pkcs1.pem", 0));
}

static void
test_companion_key(void **state)
{
    assert_true(
        shell("cp a.crt sep.crt; cp a.key sep.crt.key; cp a.crt short.crt; cp a.key short.key"));
    assert_non_null(load("sep.crt", TLSX_KEY));
    refused("short.crt", "No Private Key found in");
    assert_non_null(load("short.crt", TLSX_KEY | TLSX_DEL_EXT));
}

static void
test_refused(void **state)
{
    assert_true(shell(
        "cat a.crt b.key > mismatch.pem; : > empty.pem; echo junk > junk.pem; cp a.key "
        "only-key.pem; "
        "head -c 200 a.crt > cut.pem; cat a.key >> cut.pem; "
        "openssl rsa -in b.key -aes128 -passout pass:x -out enc.key; cat b.crt enc.key > enc.pem; "
        "openssl pkcs8 -topk8 -in b.key -passout pass:x -out enc8.key; cat b.crt enc8.key > "
        "enc8.pem; "
        "(cat a.crt; echo '-----BEGIN PRIVATE KEY-----'; echo AAAA; echo '-----END PRIVATE "
        "KEY-----') > bad.pem"));
    refused("mismatch.pem", "inconsistencies between private key and certificate loaded");
    refused("empty.pem", "unable to load certificate from file");
    refused("junk.pem", "unable to load certificate from file");
    refused("only-key.pem", "unable to load certificate from file");
    refused("cut.pem", "unable to load certificate from file");
    refused("a.crt", "No Private Key found in");
    refused("enc.pem", "encrypted");
    refused("enc8.pem", "encrypted");
    refused("bad.pem", "unable to load private key");
    refused("missing.pem", "No such file or directory");
    assert_true(shell("mkdir -p sub"));
    refused("sub", "unable to stat SSL certificate");
}

static char *
passphrase(const char *key_file)
{
    return xstrdup(strstr(key_file, "wrong") ? "no" : "x");
}

static void
test_passphrase(void **state)
{
    assert_true(shell(
        "openssl rsa -in b.key -aes128 -passout pass:x -out p.key; cat b.crt p.key > wrong.pem; "
        "cp wrong.pem right.pem; cp wrong.pem wrong-again.pem"));
    tls_passphrase = passphrase;
    refused("wrong.pem", "encrypted");
    assert_non_null(load("right.pem", 0));
    assert_non_null(load("wrong-again.pem", 0)); /* the good one is remembered */
    tls_passphrase = NULL;
}

static void
test_expired(void **state)
{
    struct text t = { 0 };

    assert_true(shell("openssl req -newkey rsa:2048 -nodes -keyout e.key -out e.csr -subj /CN=e && "
                      "openssl x509 -req -in "
                      "e.csr -signkey e.key -days -1 -out e.crt && cat e.crt e.key > e.pem"));
    struct tls_cert *c = load("e.pem", 0);
    assert_non_null(c);
    assert_true(tls_cert_warning(c, &t));
    assert_non_null(strstr(t.p, "has expired"));
    text_fini(&t);
    assert_false(tls_cert_warning(load("b.pem", 0), &t));
}

struct seen {
    unsigned n;
    const char *name[16];
};

static bool
see(struct tls_cert *c, void *arg)
{
    struct seen *s = arg;

    s->name[s->n++] = strrchr(tls_cert_name(c), '/') + 1;
    return true;
}

static void
test_folder(void **state)
{
    struct seen s = { 0 };

    assert_true(shell(
        "mkdir -p dir/nested; cp a.pem dir/2.pem; cp b.pem dir/1.pem; cp a.crt dir/3.crt; cp a.key "
        "dir/3.crt.key; cp a.pem dir/.hidden; : > dir/x.ocsp; : > dir/x.sctl; cp ca.crt "
        "dir/x.issuer"));
    assert_true(tls_store_open(path_of("dir"), TLSX_DEFAULT, see, &s, &err));
    assert_int_equal(s.n, 3);
    assert_string_equal(s.name[0], "1.pem");
    assert_string_equal(s.name[1], "2.pem");
    assert_string_equal(s.name[2], "3.crt");
    assert_true(shell("echo x > dir/9.pem"));
    s.n = 0;
    assert_false(tls_store_open(path_of("dir"), TLSX_DEFAULT, see, &s, &err));
}

static void
test_bundle(void **state)
{
    struct seen s = { 0 };

    assert_true(shell("cp a.pem site.ecdsa; cp b.pem site.rsa"));
    assert_true(tls_store_open(path_of("site"), TLSX_DEFAULT, see, &s, &err));
    assert_int_equal(s.n, 2);
    assert_false(
        tls_store_open(path_of("site"), TLSX_DEFAULT & ~(unsigned)TLSX_BUNDLE, see, &s, &err));
}

/* The certificate is loaded without its response. */
static void
ignored(const char *name, const char *because)
{
    struct tls_cert *c = load(name, TLSX_DEFAULT);
    struct text note = { 0 };

    assert_non_null(c);
    assert_int_equal(tls_ocsp_expires(c), 0);
    assert_true(tls_cert_warning(c, &note));
    assert_non_null(strstr(note.p, because));
    assert_non_null(strstr(note.p, "Content will be ignored."));
    text_fini(&note);
}

static void
test_ocsp(void **state)
{
    assert_true(shell(
        "cat a.pem ca.crt > o.pem; printf 'V\\t351231235959Z\\t\\t%s\\tunknown\\t/CN=A.example\\n' "
        "$(openssl x509 -in a.crt -noout -serial | cut -d= -f2) > index; "
        "openssl ocsp -issuer ca.crt -cert a.crt -reqout req.der && openssl ocsp -index index -CA "
        "ca.crt "
        "-rsigner ca.crt -rkey ca.key -reqin req.der -respout o.pem.ocsp -ndays 5"));
    assert_non_null(load("o.pem", TLSX_DEFAULT));
    assert_true(shell(
        "cp o.pem old.pem; openssl ocsp -index index -CA ca.crt -rsigner ca.crt -rkey ca.key "
        "-reqin req.der "
        "-respout old.pem.ocsp -ndays -1; cp o.pem junk-ocsp.pem; echo junk > junk-ocsp.pem.ocsp; "
        "cp b.pem other.pem; cp o.pem.ocsp other.pem.ocsp; cp o.pem none.pem; : > none.pem.ocsp"));
    ignored("junk-ocsp.pem", "Unable to parse OCSP response");
    ignored("other.pem", "does not match certificate and issuer");
    struct tls_cert *none = load("none.pem", TLSX_DEFAULT);
    assert_non_null(none);

    /* one response serves all that have the certificate */
    size_t len;
    char *der = tls_read_file(path_of("o.pem.ocsp"), &len);
    err.len = 0;
    assert_int_equal(tls_ocsp_expires(none), 0);
    assert_true(tls_ocsp_install(none, slice(der, len), TLS_OCSP_SIGNED, &err));
    assert_true(tls_ocsp_expires(none) > 0);
    assert_true(tls_ocsp_install(NULL, slice(der, len), TLS_OCSP_CONTENT, &err));
    char *date = memchr(der + 30, 'Z', len - 30); /* when it was produced: "20261122111735Z" */
    assert_non_null(date);
    date[-1] ^= 1;
    assert_false(tls_ocsp_install(none, slice(der, len), TLS_OCSP_SIGNED, &err));
    assert_false(tls_ocsp_install(NULL, SL(""), TLS_OCSP_CONTENT, &err));
    free(der);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orders),        cmocka_unit_test(test_key_formats),
        cmocka_unit_test(test_companion_key), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_passphrase),    cmocka_unit_test(test_expired),
        cmocka_unit_test(test_folder),        cmocka_unit_test(test_bundle),
        cmocka_unit_test(test_ocsp),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
