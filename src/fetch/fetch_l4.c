/* fetch_l4.c - sample fetches about the addresses of connections. Manual 7.3.3. */
#include "fetch/fetch.h"

#include <sys/socket.h>
#include <unistd.h>

/** One end of one connection. `src` and `dst` are the client's as rules changed them, `fc_` as
 * accepted, `bc_` the server's. */
enum end { SRC, DST, FC_SRC, FC_DST, BC_SRC, BC_DST };

/** What the kernel knows, whatever a PROXY header said. */
static bool
socket_end(const struct conn *c, bool peer, struct addr *a)
{
    socklen_t len = ADDR_SA_MAX;

    memset(a, 0, sizeof(*a));
    if ((peer ? getpeername(c->io.fd, &a->sa, &len) : getsockname(c->io.fd, &a->sa, &len)) != 0)
        return false;
    addr_filled(a, MIN(len, (socklen_t)ADDR_SA_MAX));
    return a->kind != ADDR_NONE;
}

static bool
end_of(const struct sample_ctx *x, enum end e, struct addr *a)
{
    struct conn *c = e >= BC_SRC ? fetch_back(x) : fetch_front(x);
    const struct addr *set = NULL;

    if (x->strm && e == SRC)
        set = x->strm->src_override;
    if (x->strm && e == DST)
        set = x->strm->dst_override;
    if (set) {
        *a = *set;
        return true;
    }
    if (!c)
        return false;
    if ((e == FC_SRC || e == FC_DST) && c->flags & CONN_PROXIED && socket_end(c, e == FC_SRC, a))
        return true;
    if (e == SRC || e == FC_SRC || e == BC_SRC)
        conn_src(c, a);
    else
        conn_dst(c, a);
    return a->kind != ADDR_NONE;
}

bool
fetch_src(const struct sample_ctx *x, struct addr *a)
{
    return end_of(x, SRC, a);
}

static bool
fetch_addr(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct addr a;

    return end_of(x, (enum end)(uintptr_t) private, &a) && fetch_give_addr(out, &a);
}

static bool
fetch_port(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct addr a;

    return end_of(x, (enum end)(uintptr_t) private, &a) && addr_port(&a) &&
           fetch_give_int(out, addr_port(&a));
}

/** Whether this system has the address: a socket can be bound to it. */
static bool
is_local(struct addr *a)
{
    int fd;
    bool local;

    if (!addr_is_ip(a))
        return true; /* unix sockets do not leave the system */
    fd = socket(a->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    addr_set_port(a, 0);
    local = bind(fd, &a->sa, a->len) == 0;
    close(fd);
    return local;
}

static bool
fetch_is_local(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct addr a;

    return end_of(x, (enum end)(uintptr_t) private, &a) && fetch_give_bool(out, is_local(&a));
}

/* clang-format off */
#define ADDR(name, needs, end, help)                                                               \
    { name, FETCH_NO_ARGS, SMP_ADDR, needs, fetch_addr, help, .private = FETCH_P(end) }
#define PORT(name, needs, end, help)                                                               \
    { name, FETCH_NO_ARGS, SMP_SINT, needs, fetch_port, help, .private = FETCH_P(end) }
#define LOCAL(name, end, help)                                                                     \
    { name, FETCH_NO_ARGS, SMP_BOOL, NEEDS_CLIENT, fetch_is_local, help, .private = FETCH_P(end) }

static const struct fetch l4_fetches[] = {
    ADDR("src", NEEDS_CLIENT, SRC, "address of the client"),
    ADDR("dst", NEEDS_CLIENT, DST, "address the client connected to"),
    ADDR("fc_src", NEEDS_CLIENT, FC_SRC, "address of the client, before rules changed it"),
    ADDR("fc_dst", NEEDS_CLIENT, FC_DST, "address the client connected to, before rules changed it"),
    ADDR("bc_src", NEEDS_SERVER, BC_SRC, "our address towards the server"),
    ADDR("bc_dst", NEEDS_SERVER, BC_DST, "address of the server"),
    PORT("src_port", NEEDS_CLIENT, SRC, "port of the client"),
    PORT("dst_port", NEEDS_CLIENT, DST, "port the client connected to"),
    PORT("fc_src_port", NEEDS_CLIENT, FC_SRC, "port of the client, before rules changed it"),
    PORT("fc_dst_port", NEEDS_CLIENT, FC_DST, "port the client connected to, before rules changed it"),
    PORT("bc_src_port", NEEDS_SERVER, BC_SRC, "our port towards the server"),
    PORT("bc_dst_port", NEEDS_SERVER, BC_DST, "port of the server"),
    LOCAL("src_is_local", SRC, "whether the client's address is one of this system"),
    LOCAL("dst_is_local", DST, "whether the address the client connected to is one of this system"),
    LOCAL("fc_src_is_local", FC_SRC, "whether the client's original address is one of this system"),
    LOCAL("fc_dst_is_local", FC_DST, "whether the original destination is one of this system"),
    { 0 },
};
/* clang-format on */

const struct module fetch_l4_module = { .name = "address fetches", .fetches = l4_fetches };
