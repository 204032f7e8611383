/* test_layer.c - both sides of the TLS layer over socket pairs: handshakes, names, verification,
 * partial writes, closing. */
#include "tls/info.h"
#include "tls/tls.h"

#include "net/conn_code.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "fixture.h"

#define TURNS 2000

static struct text err;

/** A client and a server joined by a socket pair. */
struct pair {
    struct conn *cli, *srv;
};

static void
on_event(struct conn *c)
{
}

static void
join(struct pair *p, struct tls_server *s, struct tls_client *t, const char *sni)
{
    int fd[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
    p->srv = conn_new(fd[0], CONN_WR_READY | CONN_RD_READY | CONN_UNIX);
    p->cli = conn_new(fd[1], CONN_WR_READY | CONN_BACK | CONN_UNIX);
    p->srv->on_event = p->cli->on_event = on_event;
    assert_true(tls_accept(p->srv, s));
    assert_true(tls_client_start(p->cli, t, sni, sni ? strlen(sni) : 0, TLS_NAME_GUESSED));
}

static void
shake(struct pair *p)
{
    for (unsigned i = 0; i < TURNS; i++) {
        if (p->cli->flags & CONN_HANDSHAKE && !(p->cli->flags & CONN_ERR))
            p->cli->layer->handshake(p->cli);
        if (p->srv->flags & CONN_HANDSHAKE && !(p->srv->flags & CONN_ERR))
            p->srv->layer->handshake(p->srv);
        loop_turn(0);
        if (!((p->cli->flags | p->srv->flags) & CONN_HANDSHAKE) ||
            p->cli->flags & p->srv->flags & CONN_ERR)
            return;
    }
}

static bool
is_up(const struct pair *p)
{
    return !((p->cli->flags | p->srv->flags) & (CONN_HANDSHAKE | CONN_ERR));
}

static void
part(struct pair *p)
{
    conn_free(&p->cli);
    conn_free(&p->srv);
}

/** A listener with a.pem and b.pem; options may be NULL. */
static struct tls_server *
server(const struct tls_options *o)
{
    static const struct tls_options plain;
    static const char *const names[] = { "a.pem", "b.pem" };
    struct tls_server *s = tls_server_new("test", o ? o : &plain);

    for (unsigned i = 0; i < 2; i++) {
        struct tls_files f = { .crt = path_of(names[i]) };
        struct tls_cert *c = tls_store_load(f.crt, &f, 0, &err);
        assert_non_null(c);
        tls_server_add(s, c, NULL, NULL, 0, NULL);
    }
    if (!tls_server_finish(s, &err))
        fail_msg("%s", err.p);
    return s;
}

static struct tls_client *
client(const struct tls_options *o, const char *verify_host)
{
    static const struct tls_options trusting = { .verify = TLS_VERIFY_NONE };
    struct tls_client *t = tls_client_new(o ? o : &trusting, NULL, verify_host, &err);

    assert_non_null(t);
    return t;
}

static int
setup(void **state)
{
    tls_init();
    return make_certificates() && loop_open(0) ? 0 : -1;
}

static int
teardown(void **state)
{
    tls_thread_fini();
    conn_thread_fini();
    buf_thread_fini();
    loop_close();
    tls_store_clear();
    text_fini(&err);
    remove_certificates();
    return 0;
}

static struct arena *
scratch(void)
{
    static struct arena a;
    static bool made;

    if (made)
        arena_fini(&a);
    made = true;
    arena_init(&a, NULL, 0, SIZE_MAX);
    return &a;
}

static void
chosen(struct tls_server *s, struct tls_client *t, const char *sni, const char *file)
{
    struct pair p;

    join(&p, s, t, sni);
    shake(&p);
    if (!file) {
        assert_false(is_up(&p));
    } else {
        assert_true(is_up(&p));
        struct slice name = tls_conn_text(p.srv, TLS_T_CRTNAME, NULL);
        assert_non_null(name.p);
        assert_string_equal(strrchr(name.p, '/') + 1, file);
        struct slice cn =
            tls_cert_dn(p.cli, TLS_OF_SERVER, TLS_DN_SUBJECT,
                        &(struct tls_dn_part){ .entry = SL("CN"), .occurrence = 1 }, scratch());
        assert_string_equal(cn.p, file[0] == 'a' ? "A.example" : "b.example");
    }
    part(&p);
}

static void
test_names(void **state)
{
    struct tls_options strict = { .flags = TLSF_STRICT_SNI };
    struct tls_server *s = server(NULL), *picky = server(&strict);
    struct tls_client *t = client(NULL, NULL);

    chosen(s, t, NULL, "a.pem");
    chosen(s, t, "a.example", "a.pem");
    chosen(s, t, "A.EXAMPLE", "a.pem");
    chosen(s, t, "B.example", "b.pem");
    chosen(s, t, "x.w.example", "a.pem");
    chosen(s, t, "unknown", "a.pem");
    chosen(picky, t, "b.example", "b.pem");
    chosen(picky, t, "x.w.example", "a.pem");
    chosen(picky, t, "x.y.w.example", NULL);
    chosen(picky, t, "unknown", NULL);
    chosen(picky, t, NULL, NULL);
    tls_client_free(&t);
    tls_server_free(&s);
    tls_server_free(&picky);
}

static void
test_filters(void **state)
{
    static const struct tls_options plain;
    static const char *const of_a[] = { "*.shop", "!old.shop" }, *const of_b[] = { "*",
                                                                                   "old2.shop" };
    struct tls_server *s = tls_server_new("test", &plain);
    struct tls_files a = { .crt = path_of("a.pem") }, b = { .crt = path_of("b.pem") };
    struct tls_client *t = client(NULL, NULL);

    tls_server_add(s, tls_store_load(a.crt, &a, 0, &err), NULL, of_a, 2, NULL);
    tls_server_add(s, tls_store_load(b.crt, &b, 0, &err), NULL, of_b, 2, NULL);
    assert_true(tls_server_finish(s, &err));
    chosen(s, t, "new.shop", "a.pem");
    chosen(s, t, "old2.shop", "b.pem");
    chosen(s, t, "a.example", "a.pem"); /* not by its own name: by default, the first one */
    tls_client_free(&t);
    tls_server_free(&s);
}

static void
test_verify(void **state)
{
    char *ca = xstrdup(path_of("ca.crt"));
    struct tls_options o = { .verify = TLS_VERIFY_REQUIRED, .ca_file = ca };
    struct tls_options old = { .max = TLS_1_2, .min = TLS_1_2 };
    struct tls_server *s = server(NULL), *s12 = server(&old);
    struct {
        struct tls_client *t;
        const char *sni;
        enum conn_code code;
    } cases[] = {
        { client(&o, NULL), "a.example", CONN_CODE_NONE },
        { client(&o, NULL), NULL, CONN_CODE_NONE }, /* no name to compare with */
        { client(&o, NULL), "c.example", CONN_CODE_SSL_MISMATCH_SNI },
        { client(&o, NULL), "b.example", CONN_CODE_SSL_HANDSHAKE }, /* signed by itself */
        { client(&o, "y.w.example"), "a.example", CONN_CODE_NONE },
        { client(&o, "other.example"), "a.example", CONN_CODE_SSL_MISMATCH },
    };

    for (unsigned i = 0; i < 2 * COUNT_OF(cases); i++) {
        struct pair p;
        unsigned k = i / 2;
        join(&p, i % 2 ? s12 : s, cases[k].t, cases[k].sni);
        shake(&p);
        assert_int_equal(conn_code(p.cli), cases[k].code);
        assert_int_equal(!(p.cli->flags & CONN_ERR), cases[k].code == CONN_CODE_NONE);
        part(&p);
    }
    for (unsigned i = 0; i < COUNT_OF(cases); i++)
        tls_client_free(&cases[i].t);
    tls_server_free(&s);
    tls_server_free(&s12);
    free(ca);
}

static void
test_resumption(void **state)
{
    static const enum tls_version versions[] = { TLS_1_2, TLS_1_3 };

    for (unsigned i = 0; i < 4; i++) {
        struct tls_options o = { .min = versions[i / 2],
                                 .max = versions[i / 2],
                                 .flags = i % 2 ? TLSF_NO_TICKETS : 0 };
        struct tls_server *s = server(&o);
        struct tls_client *t = client(NULL, NULL);
        for (unsigned round = 0; round < 3; round++) {
            struct pair p;
            char buf[16];
            join(&p, s, t, round == 1 ? "b.example" : "a.example");
            shake(&p);
            assert_true(is_up(&p));
            /* the ticket of TLS 1.3 travels with the first bytes */
            struct iovec iov = { (char *)"hello", 5 };
            assert_int_equal(conn_sendv(p.srv, &iov, 1, false), 5);
            loop_turn(0);
            assert_int_equal(conn_recv(p.cli, buf, sizeof(buf)), 5);
            /* another name has another certificate: its sessions are not mixed up; no tickets:
             * TLS 1.3 resumes nothing */
            bool resumed = round == 2 && !(versions[i / 2] == TLS_1_3 && i % 2);
            assert_int_equal(tls_conn_bool(p.srv, TLS_B_RESUMED), resumed);
            assert_int_equal(tls_conn_bool(p.cli, TLS_B_RESUMED), resumed);
            assert_non_null(tls_conn_text(p.srv, TLS_T_SNI, NULL).p);
            part(&p);
        }
        tls_client_free(&t);
        tls_server_free(&s);
    }
}

/* ---- transfers ---- */

static unsigned
noise(unsigned *seed)
{
    *seed = *seed * 1103515245 + 12345;
    return *seed >> 8;
}

/** Sends `total` bytes in odd pieces over a small socket buffer and checks every one of them. */
static void
transfer(struct conn *from, struct conn *to, size_t total, unsigned seed)
{
    size_t sent = 0, got = 0;
    int small = 4096;
    char *data = malloc(total), *back = malloc(70000);

    for (size_t i = 0; i < total; i++)
        data[i] = (char)(i * 7 + i / 251);
    setsockopt(from->io.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    size_t planned = 0; /* a caller comes back with what was not taken, and maybe more */
    for (unsigned turn = 0; got < total && turn < 1000000; turn++) {
        if (sent < total && from->flags & CONN_WR_READY) {
            struct iovec iov[3];
            size_t more = 1 + noise(&seed) % 200000, at = sent;
            size_t want = MIN(total - sent, MAX(planned - sent, more));
            planned = MAX(planned, sent + want);
            for (unsigned i = 0; i < 3; i++) {
                size_t n = noise(&seed) % 9000;
                n = i == 2 ? sent + want - at : MIN(sent + want - at, n);
                iov[i] = (struct iovec){ data + at, n };
                at += n;
            }
            ssize_t n = conn_sendv(from, iov, 3, noise(&seed) % 4 == 0);
            assert_true(n >= 0 && (size_t)n <= want);
            sent += (size_t)n;
            if ((size_t)n == want)
                planned = sent;
            else
                assert_false(from->flags & CONN_WR_READY);
        }
        loop_turn(0);
        if (to->flags & CONN_RD_READY) {
            size_t want = 1 + noise(&seed) % 70000;
            ssize_t n = conn_recv(to, back, want);
            assert_true(n >= 0 && got + (size_t)n <= total);
            assert_memory_equal(back, data + got, (size_t)n);
            got += (size_t)n;
        }
        assert_false((from->flags | to->flags) & CONN_ERR);
    }
    assert_int_equal(got, total);
    assert_int_equal(sent, total);
    free(data);
    free(back);
}

static void
test_transfers(void **state)
{
    struct tls_server *s = server(NULL);
    struct tls_client *t = client(NULL, NULL);
    struct pair p;

    for (unsigned seed = 1; seed < 6; seed++) {
        join(&p, s, t, "a.example");
        shake(&p);
        assert_true(is_up(&p));
        transfer(p.srv, p.cli, 600000, seed);
        transfer(p.cli, p.srv, 300000, seed + 100);
        transfer(p.srv, p.cli, 1, seed);
        part(&p);
    }
    tls_client_free(&t);
    tls_server_free(&s);
}

/** Connections of one thread share its buffers: reads in turns must not mix them up. */
static void
test_interleaved(void **state)
{
    enum { N = 8, ROUNDS = 50 };
    struct tls_server *s = server(NULL);
    struct tls_client *t = client(NULL, NULL);
    struct pair p[N];
    char big[40000], back[1000];

    for (unsigned i = 0; i < N; i++) {
        join(&p[i], s, t, "a.example");
        shake(&p[i]);
        assert_true(is_up(&p[i]));
        memset(big, 'a' + (int)i, sizeof(big));
        struct iovec iov = { big, sizeof(big) };
        assert_int_equal(conn_sendv(p[i].cli, &iov, 1, false), sizeof(big));
    }
    loop_turn(0);
    for (unsigned got = 0; got < sizeof(big); got += sizeof(back)) {
        for (unsigned i = 0; i < N; i++) {
            assert_int_equal(conn_recv(p[i].srv, back, sizeof(back)), sizeof(back));
            for (unsigned k = 0; k < sizeof(back); k++)
                assert_int_equal(back[k], 'a' + (int)i);
        }
    }
    for (unsigned i = 0; i < N; i++) {
        assert_int_equal(conn_recv(p[i].srv, back, sizeof(back)), 0);
        assert_false(p[i].srv->flags & (CONN_RD_READY | CONN_ERR | CONN_EOF));
        part(&p[i]);
    }
    tls_client_free(&t);
    tls_server_free(&s);
}

static void
test_ends(void **state)
{
    struct tls_server *s = server(NULL);
    struct tls_client *t = client(NULL, NULL);
    struct pair p;
    char buf[10];

    /* announced */
    join(&p, s, t, NULL);
    shake(&p);
    conn_shut_wr(p.cli);
    loop_turn(0);
    assert_int_equal(conn_recv(p.srv, buf, sizeof(buf)), 0);
    assert_true(p.srv->flags & CONN_EOF);
    part(&p);
    /* cut off */
    join(&p, s, t, NULL);
    shake(&p);
    p.cli->flags |= CONN_SHUT_WR; /* no goodbye */
    conn_free(&p.cli);
    loop_turn(0);
    assert_int_equal(conn_recv(p.srv, buf, sizeof(buf)), 0);
    assert_true(p.srv->flags & (CONN_EOF | CONN_ERR));
    conn_free(&p.srv);
    /* before the handshake */
    join(&p, s, t, NULL);
    conn_free(&p.cli);
    loop_turn(0);
    p.srv->layer->handshake(p.srv);
    assert_true(p.srv->flags & CONN_ERR);
    assert_int_equal(conn_code(p.srv), CONN_CODE_SSL_EMPTY);
    conn_free(&p.srv);
    tls_client_free(&t);
    tls_server_free(&s);
}

static void
test_no_tls(void **state)
{
    struct tls_server *s = server(NULL);
    char text[256];
    int fd[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
    struct conn *c = conn_new(fd[0], CONN_WR_READY | CONN_RD_READY | CONN_UNIX);
    assert_true(tls_accept(c, s));
    assert_int_equal(write(fd[1], "GET / HTTP/1.1\r\n\r\n", 18), 18);
    loop_turn(0);
    c->layer->handshake(c);
    assert_true(c->flags & CONN_ERR);
    assert_int_equal(conn_code(c), CONN_CODE_SSL_HANDSHAKE);
    tls_conn_lib_error_text(c, text, sizeof(text));
    assert_non_null(strstr(text, "http request"));
    conn_free(&c);
    close(fd[1]);
    tls_server_free(&s);
}

/** More handshakes at once than a turn of the loop may do: all of them end well. */
static void
test_flood(void **state)
{
    enum { N = 60 };
    struct tls_server *s = server(NULL);
    struct tls_client *t = client(NULL, NULL);
    struct pair p[N];
    unsigned up = 0;

    for (unsigned i = 0; i < N; i++)
        join(&p[i], s, t, NULL);
    for (unsigned turn = 0; turn < TURNS && up < N; turn++) {
        up = 0;
        for (unsigned i = 0; i < N; i++) {
            if (p[i].cli->flags & CONN_HANDSHAKE)
                p[i].cli->layer->handshake(p[i].cli);
            if (p[i].srv->flags & CONN_HANDSHAKE)
                p[i].srv->layer->handshake(p[i].srv);
            up += is_up(&p[i]);
        }
        loop_turn(0);
    }
    assert_int_equal(up, N);
    for (unsigned i = 0; i < N; i++)
        part(&p[i]);
    tls_client_free(&t);
    tls_server_free(&s);
}

static void
test_tickets_from_file(void **state)
{
    static const struct tls_options plain;
    struct tls_server *s = tls_server_new("x", &plain);

    assert_true(
        shell("for i in 1 2 3; do openssl rand -base64 80 | tr -d '\\n'; echo; done > keys; "
              "for i in 1 2 3; do openssl rand -base64 48 | tr -d '\\n'; echo; done > keys48; head "
              "-2 keys > few; "
              "cat keys keys48 > mixed; echo '###' > junk"));
    static const struct {
        const char *file;
        bool good;
    } cases[] = { { "keys", true },
                  { "keys48", true },
                  { "few", false },
                  { "mixed", false },
                  { "junk", false } };
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        char text[1024] = "";
        FILE *f = fopen(path_of(cases[i].file), "r");
        size_t n = fread(text, 1, sizeof(text), f);
        fclose(f);
        assert_int_equal(tls_server_ticket_keys(s, "keys", slice(text, n), &err), cases[i].good);
    }
    tls_server_free(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),     cmocka_unit_test(test_filters),
        cmocka_unit_test(test_verify),    cmocka_unit_test(test_resumption),
        cmocka_unit_test(test_transfers), cmocka_unit_test(test_interleaved),
        cmocka_unit_test(test_ends),      cmocka_unit_test(test_no_tls),
        cmocka_unit_test(test_flood),     cmocka_unit_test(test_tickets_from_file),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
