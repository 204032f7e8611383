/* fuzz_check.c - what servers and agents answer to health checks. The first byte picks the script,
 * the second how the rest is cut into pieces. */
#include "../unit/server/fixture.h"

#include "server/check_int.h"

#include <stdlib.h>

static const char backends[] =
    "tcp-backend b0\n option smtpchk\n server s 127.0.0.1:1 check agent-check agent-port 9\n"
    "tcp-backend b1\n option mysql-check user foo\n server s 127.0.0.1:1 check\n"
    "tcp-backend b2\n option pgsql-check user foo\n server s 127.0.0.1:1 check\n"
    "tcp-backend b3\n option redis-check\n server s 127.0.0.1:1 check\n"
    "tcp-backend b4\n option ldap-check\n server s 127.0.0.1:1 check\n"
    "tcp-backend b5\n option ssl-hello-chk\n server s 127.0.0.1:1 check\n"
    "tcp-backend b6\n option spop-check\n server s 127.0.0.1:1 check\n"
    "tcp-backend b7\n option tcp-check\n tcp-check expect rstring ^[0-9]+\n tcp-check expect ! "
    "binary 00ff\n"
    " tcp-check expect min-recv 4 rbinary ^30\n server s 127.0.0.1:1 check\n"
    "backend b8\n option httpchk GET / HTTP/1.1\n http-check expect rstring hel+o\n server s "
    "127.0.0.1:1 check\n"
    "backend b9\n option httpchk\n http-check disable-on-404\n http-check expect hdr name -m beg "
    "x- value -m sub y\n"
    " server s 127.0.0.1:1 check\n";
#define BACKENDS 10

static void
start(void)
{
    if (fx_setup(NULL) || fx_load(backends))
        abort();
}

static struct check *
pick(uint8_t n)
{
    char name[8] = "b0";
    struct server *s;

    n %= BACKENDS + 1;
    name[1] = (char)('0' + n % BACKENDS);
    s = fx_server(name, "s");
    return n == BACKENDS ? s->agent : s->check;
}

/** Steps until it is done or wants more. */
static bool
wants_more(struct check_run *r)
{
    for (;;) {
        switch (check_engine_step(r)) {
        case CHECK_WANT_CONNECT:
            r->connected = true;
            break;
        case CHECK_WANT_SEND:
            r->tx_off = r->tx_len;
            break;
        case CHECK_WANT_RECV:
            return true;
        case CHECK_DONE:
            return false;
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool started;
    struct check_run *r;
    size_t piece, at = 2;

    if (!started)
        start();
    started = true;
    if (size < 2)
        return 0;
    r = check_run_new(pick(data[0]));
    piece = data[1] % 32 + 1u;
    while (wants_more(r) && !r->eof) {
        size_t n = MIN(MIN(piece, size - at), r->rx_size - r->rx_len);

        memcpy(r->rx + r->rx_len, data + at, n);
        r->rx_len += n;
        at += n;
        r->full = r->rx_len == r->rx_size;
        r->eof = at == size;
    }
    check_report(r->ck, r->status, r->code, r->desc);
    check_run_free(&r);
    text_fini(&fx.log);
    return 0;
}
