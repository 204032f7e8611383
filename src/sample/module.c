/* module.c - constants, variables and maps as a module, and what happens to all expressions at the
 * end of the configuration and of the process. */
#include "sample/module.h"

#include "base/epoch.h"
#include "config/cfg.h"
#include "sample/acl_int.h"
#include "sample/args.h"
#include "sample/pattern.h"
#include "sample/regex.h"
#include "sample/vars.h"

static void
sample_defaults(struct config *cf)
{
    args_forget(NULL);
    acl_predefined_forget();
    acl_groups_forget();
    pat_refs_start();
}

static void
sample_check(struct cfg *c)
{
    expr_resolve_all(c);
    acl_groups_check(c);
    pat_refs_finish();
}

static bool
sample_thread_start(struct config *cf)
{
    epoch_enter();
    return true;
}

static void
sample_thread_stop(struct config *cf)
{
    epoch_leave();
    sample_tmp_fini();
    regex_thread_fini();
    vars_thread_fini();
}

static void
sample_stop(struct config *cf)
{
    args_forget(NULL);
    acl_predefined_forget();
    acl_groups_forget();
    pat_refs_fini();
    regex_free_kept();
    regex_thread_fini();
    vars_proc_fini();
    sample_tmp_fini();
    expr_lookup_fini();
}

const struct module sample_module = {
    .name = "sample",
    .fetches = sample_fetches,
    .convs = map_convs,
    .defaults = sample_defaults,
    .check = sample_check,
    .thread_start = sample_thread_start,
    .thread_stop = sample_thread_stop,
    .stop = sample_stop,
};
