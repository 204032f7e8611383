/* module.c - health checks in the life of the process. The rows of servers are registered with the
 * proxies. */
#include "config/tune.h"
#include "server/check_int.h"
#include "server/state_int.h"

static void
forget(struct config *cf)
{
    (void)cf;
    check_install();
    check_forget_all();
    check_sections_forget();
}

static bool
thread_start(struct config *cf)
{
    (void)cf;
    if (tune.offline)
        return true;
    if (loop_tid() == 0)
        server_warmup_start();
    check_thread_start(loop_tid(), server_nthread());
    return true;
}

static void
thread_stop(struct config *cf)
{
    (void)cf;
    if (tune.offline)
        return;
    check_thread_stop();
    if (loop_tid() == 0)
        server_warmup_stop();
}

const struct module check_module = {
    .name = "health checks",
    .sections = check_sections,
    .keywords = check_keywords,
    .defaults = forget,
    .thread_start = thread_start,
    .thread_stop = thread_stop,
};
