/* observe.c - counting consecutive errors of live traffic. */
#include "server/observe.h"

#include "base/counter.h"

enum { OBSERVE_NONE, OBSERVE_LAYER4, OBSERVE_LAYER7 };

void (*server_observe_check)(struct server *srv, enum srv_on_error action, const char *last);

static const char *const texts[] = {
    [SRV_OBS_L4_ERROR] = "L4 unsuccessful connection",
    [SRV_OBS_HTTP_STATUS] = "Wrong http response",
    [SRV_OBS_HTTP_INVALID] = "Invalid http response (headers)",
    [SRV_OBS_HTTP_TIMEOUT] = "Read timeout (http)",
    [SRV_OBS_HTTP_CLOSED] = "Close from server (http)",
    [SRV_OBS_HTTP_READ] = "Read error (http)",
};

static void
observed_ok(struct server *srv)
{
    if (atomic_load_explicit(&srv->consecutive_errors, memory_order_relaxed))
        atomic_store_explicit(&srv->consecutive_errors, 0, memory_order_relaxed);
}

static void
observed_error(struct server *srv, enum srv_observed what)
{
    unsigned n = atomic_fetch_add_explicit(&srv->consecutive_errors, 1, memory_order_relaxed) + 1;

    if (n < srv->error_limit || !server_observe_check)
        return;
    atomic_store_explicit(&srv->consecutive_errors, 0, memory_order_relaxed);
    count_add(&srv->counters[loop_tid()].hanafail, 1);
    server_observe_check(srv, srv->on_error, texts[what]);
}

void
server_observe_layer4(struct server *srv, bool failed)
{
    if (srv->observe != OBSERVE_LAYER4 || !server_is_up(srv))
        return;
    if (failed)
        observed_error(srv, SRV_OBS_L4_ERROR);
    else
        observed_ok(srv);
}

void
server_observe_no_response(struct server *srv, enum srv_observed what)
{
    if (srv->observe == OBSERVE_LAYER7 && server_is_up(srv))
        observed_error(srv, what);
}

void
server_observe_layer7(struct server *srv, unsigned status)
{
    if (srv->observe != OBSERVE_LAYER7 || !server_is_up(srv))
        return;
    /* Manual 5.2 `observe`: 100..499, 501 and 505 are valid responses. */
    if ((status >= 100 && status <= 499) || status == 501 || status == 505)
        observed_ok(srv);
    else
        observed_error(srv, SRV_OBS_HTTP_STATUS);
}
