/* conn_code.c - why a connection failed, in numbers and words. Manual 7.3.3. */
#include "net/conn_code.h"

#include "net/conn.h"

#include <errno.h>

static const struct {
    struct slice name, text;
} codes[CONN_NCODES] = {
#define X(name, text)                                                                              \
    [CONN_CODE_##name] = { { #name, sizeof(#name) - 1 }, { text, sizeof(text) - 1 } },
    CONN_CODES(X)
#undef X
};

struct slice
conn_code_name(enum conn_code code)
{
    if (code == CONN_CODE_NONE || code >= CONN_NCODES)
        return SL("");
    return codes[code].name;
}

struct slice
conn_code_text(enum conn_code code)
{
    return codes[code < CONN_NCODES ? code : CONN_CODE_SOCK_ERR].text;
}

enum conn_code
conn_code_of_errno(int err)
{
    switch (err) {
    case 0:
        return CONN_CODE_NONE;
    case ECONNREFUSED:
        return CONN_CODE_EREFUSED;
    case ECONNRESET:
        return CONN_CODE_ERESET;
    case EHOSTUNREACH:
    case ENETUNREACH:
        return CONN_CODE_EUNREACH;
    case EMFILE:
        return CONN_CODE_PROC_FDLIM;
    case ENFILE:
        return CONN_CODE_SYS_FDLIM;
    case ENOMEM:
        return CONN_CODE_ENOMEM;
    case ENOBUFS:
        return CONN_CODE_ENOBUFS;
    case EBADF:
        return CONN_CODE_EBADF;
    case EFAULT:
        return CONN_CODE_EFAULT;
    case EINVAL:
        return CONN_CODE_EINVAL;
    case ENOTCONN:
        return CONN_CODE_ENCONN;
    case ENOTSOCK:
        return CONN_CODE_ENSOCK;
    case EPIPE:
        return CONN_CODE_EPIPE;
    case EADDRINUSE:
        return CONN_CODE_ADDR_INUSE;
    case EADDRNOTAVAIL:
        return CONN_CODE_FREE_PORTS;
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT:
        return CONN_CODE_NOPROTO;
    default:
        return CONN_CODE_SOCK_ERR;
    }
}

enum conn_code
conn_code(const struct conn *c)
{
    if (c->code)
        return c->code;
    return c->flags & CONN_ERR ? conn_code_of_errno(c->err ? c->err : EPIPE) : CONN_CODE_NONE;
}
