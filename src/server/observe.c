/* observe.c - counting consecutive errors of live traffic. */
#include "server/observe.h"

enum { OBSERVE_NONE, OBSERVE_LAYER4, OBSERVE_LAYER7 };

void (*server_observe_check)(struct server *srv, enum srv_on_error action);

static void
observe(struct server *srv, bool failed)
{
    if (!failed) {
        if (atomic_load_explicit(&srv->consecutive_errors, memory_order_relaxed))
            atomic_store_explicit(&srv->consecutive_errors, 0, memory_order_relaxed);
        return;
    }
    unsigned n = atomic_fetch_add_explicit(&srv->consecutive_errors, 1, memory_order_relaxed) + 1;
    if (n < srv->error_limit || !server_observe_check)
        return;
    atomic_store_explicit(&srv->consecutive_errors, 0, memory_order_relaxed);
    srv->counters[loop_tid()].hanafail++;
    server_observe_check(srv, srv->on_error);
}

void
server_observe_layer4(struct server *srv, bool failed)
{
    if (srv->observe == OBSERVE_LAYER4 && server_is_up(srv))
        observe(srv, failed);
}

void
server_observe_layer7(struct server *srv, unsigned status)
{
    if (srv->observe != OBSERVE_LAYER7 || !server_is_up(srv))
        return;
    /* Manual 5.2 `observe`: 100..499, 501 and 505 are valid responses. */
    bool ok = (status >= 100 && status <= 499) || status == 501 || status == 505;
    observe(srv, !ok);
}
