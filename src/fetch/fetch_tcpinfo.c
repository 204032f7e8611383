/* fetch_tcpinfo.c - what the kernel measures on TCP connections. Manual 7.3.3. */
#include "fetch/fetch.h"

#include "config/cfg.h"

#include <netinet/tcp.h>

/** A number of struct tcp_info. Times are in microseconds there. */
struct what {
    size_t at;
    bool back, is_time;
};

static bool
read_info(const struct conn *c, struct tcp_info *info)
{
    socklen_t len = sizeof(*info);

    return c && !(c->flags & CONN_UNIX) && c->io.fd >= 0 &&
           getsockopt(c->io.fd, IPPROTO_TCP, TCP_INFO, info, &len) == 0;
}

/** Microseconds per unit, in arg[0].i. */
static bool
check_unit(struct expr_arg *arg, struct cfg *c, char **err)
{
    if (arg[0].type == ARG_END)
        return true;
    arg[0].i = slice_eq(arg[0].s, SL("us")) ? 1 : 1000;
    if (arg[0].i == 1 || slice_eq(arg[0].s, SL("ms")))
        return true;
    *err = xasprintf("expects 'us' or 'ms', got '%s'", arg[0].s.p);
    return false;
}

/** As the reference has it: an argument is let pass. */
static bool
check_none(struct expr_arg *arg, struct cfg *c, char **err)
{
    if (arg[0].type != ARG_END)
        cfg_warn_at(c, NULL,
                    "no argument supported for 'fc_*' sample expressions returning counters.");
    return true;
}

static bool
fetch_info(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct what *w = private;
    struct tcp_info info;
    uint32_t v;

    if (!read_info(w->back ? fetch_back(x) : fetch_front(x), &info))
        return false;
    memcpy(&v, (const char *)&info + w->at, sizeof(v));
    if (w->is_time)
        return fetch_give_int(out, v / (arg[0].type == ARG_END ? 1000 : arg[0].i));
    return fetch_give_int(out, v);
}

/* clang-format off */
#define WHAT(member, back, is_time) (void *)&(const struct what){ offsetof(struct tcp_info, member), back, is_time }
#define TIME(name, needs, member, back, help)                                                      \
    { name, FETCH_OPT_STR, SMP_SINT, needs, fetch_info, help, check_unit, WHAT(member, back, true), "[<unit>]" }
#define COUNT(name, member, help)                                                                  \
    { name, FETCH_OPT_STR, SMP_SINT, NEEDS_CLIENT, fetch_info, help, check_none, WHAT(member, false, false), "" }

static const struct fetch tcpinfo_fetches[] = {
    TIME("fc_rtt", NEEDS_CLIENT, tcpi_rtt, false, "round trip time to the client"),
    TIME("fc_rttvar", NEEDS_CLIENT, tcpi_rttvar, false, "variance of the round trip time to the client"),
    /* As the reference has it: valid wherever the client's are, without a value before there is a server. */
    TIME("bc_rtt", NEEDS_CLIENT, tcpi_rtt, true, "round trip time to the server"),
    TIME("bc_rttvar", NEEDS_CLIENT, tcpi_rttvar, true, "variance of the round trip time to the server"),
    COUNT("fc_unacked", tcpi_unacked, "packets the client did not acknowledge"),
    COUNT("fc_sacked", tcpi_sacked, "packets the client acknowledged selectively"),
    COUNT("fc_lost", tcpi_lost, "packets lost on the way to the client"),
    COUNT("fc_retrans", tcpi_retrans, "packets sent again to the client"),
    COUNT("fc_fackets", tcpi_fackets, "forward acknowledgements of the client"),
    COUNT("fc_reordering", tcpi_reordering, "reordering seen on the way to the client"),
    { 0 },
};
/* clang-format on */

const struct module fetch_tcpinfo_module = { .name = "TCP fetches", .fetches = tcpinfo_fetches };
