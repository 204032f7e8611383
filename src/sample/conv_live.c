/* conv_live.c - converters that ask higher layers: captures, servers, frontends, when() and
 * debug(). They find what they need through conv_hooks; where there is no such thing there is no
 * value. */
#include "sample/acl_int.h"
#include "sample/conv.h"
#include "sample/expr_int.h"

#include <stdlib.h>

/* ---- captures ---------------------------------------------------------------------------------
 */

static const bool of_request = false, of_response = true;

static bool
conv_capture(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    const bool *response = private;

    return conv_hooks.capture && conv_hooks.capture(x, *response, arg[0].i, s->u.s);
}

/* ---- proxies and servers by name --------------------------------------------------------------
 */

static bool
conv_nbsrv(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    int64_t n;

    if (!conv_hooks.backend_servers || !conv_hooks.backend_servers(s->u.s, &n))
        return false;
    sample_set_int(s, n);
    return true;
}

static bool
conv_srv_queue(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    int64_t n;

    if (!conv_hooks.server_queue || !conv_hooks.server_queue(x, s->u.s, &n))
        return false;
    sample_set_int(s, n);
    return true;
}

static bool
conv_srv_is_up(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    bool up;

    if (!conv_hooks.server_up || !conv_hooks.server_up(x, s->u.s, &up))
        return false;
    sample_set_bool(s, up);
    return true;
}

static bool
conv_fe_exists(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    sample_set_bool(s, conv_hooks.frontend_exists && conv_hooks.frontend_exists(s->u.s));
    return true;
}

/* ---- when -------------------------------------------------------------------------------------
 */

#define WHEN_LIST "stopping,normal,error,forwarded,toapplet,processed,acl"
#define WHEN_ACL  16 /* behind enum conv_when */
#define WHEN_NOT  (1 << 8)

static const struct {
    struct slice name;
    int64_t cond;
} when_names[] = {
    { SL("stopping"), WHEN_STOPPING }, { SL("normal"), WHEN_NORMAL },
    { SL("error"), WHEN_ERROR },       { SL("forwarded"), WHEN_FORWARDED },
    { SL("toapplet"), WHEN_TOAPPLET }, { SL("processed"), WHEN_PROCESSED },
    { SL("acl"), WHEN_ACL },
};

/** The condition goes to the first argument's .i. */
static bool
check_when(struct expr_arg *arg, struct cfg *c, char **err)
{
    bool not = arg[0].s.len && arg[0].s.p[0] == '!';
    struct slice name = slice_sub(arg[0].s, not, SIZE_MAX);
    unsigned i = 0;

    while (i < COUNT_OF(when_names) && !slice_eq(name, when_names[i].name))
        i++;
    if (i == COUNT_OF(when_names)) {
        *err = xasprintf("expects a supported keyword among {" WHEN_LIST "} but got '%s'.", name.p);
        return false;
    }
    arg[0].i = when_names[i].cond | (not ? WHEN_NOT : 0);
    if (when_names[i].cond != WHEN_ACL)
        return true;
    if (arg[1].type == ARG_END || arg[1].s.len == 0) {
        *err = xstrdup("'acl' selector requires an extra argument with the ACL name.");
        return false;
    }
    const struct proxy *px = expr_parsing_proxy();
    const struct acl_list *acls = px && name_resolver.acls ? name_resolver.acls(px) : NULL;
    arg[1].u.ptr = (void *)(uintptr_t)acl_find(c, acls, arg[1].s, err);
    if (!arg[1].u.ptr && !*err)
        *err = xasprintf("ACL '%s' not found", arg[1].s.p);
    return arg[1].u.ptr;
}

static bool
when_holds(int64_t cond, const struct expr_arg *arg, struct sample_ctx *x)
{
    if (cond != WHEN_ACL)
        return conv_hooks.when && conv_hooks.when(x, (enum conv_when)cond);
    return acl_eval(arg[1].u.ptr, x) == COND_PASS;
}

/** The input, if the condition holds. */
static bool
conv_when(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    bool not = arg[0].i & WHEN_NOT;

    return when_holds(arg[0].i & ~(int64_t)WHEN_NOT, arg, x) != not ;
}

/* ---- debug ------------------------------------------------------------------------------------
 */

#define DEBUG_LINE_MAX 1024

static bool
check_debug(struct expr_arg *arg, struct cfg *c, char **err)
{
    const char *name =
        arg[0].type != ARG_END && arg[1].type != ARG_END && arg[1].s.len ? arg[1].s.p : "buf0";

    arg[0].u.ptr = conv_hooks.sink_find ? conv_hooks.sink_find(c, name) : NULL;
    if (arg[0].u.ptr || !conv_hooks.sink_find)
        return true;
    *err = xasprintf("No such sink '%s'", name);
    return false;
}

/** "[debug] prefix: type=str <value>" goes to the sink; the value goes on as it is. */
static bool
conv_debug(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    char line[DEBUG_LINE_MAX];
    struct out o = OUT(line);
    struct sample text = *s;

    if (!conv_hooks.sink_write || !arg[0].u.ptr)
        return true;
    text.flags |= SMPF_CONST;
    out_lit(&o, "[debug] ");
    out_slice_put(&o, arg[0].s);
    out_lit(&o, ": type=");
    out_str(&o, sample_type_name(s->type));
    out_lit(&o, " <");
    if (!sample_cast(&text, SMP_STR, x) || (s->type == SMP_BIN && text.u.s.len == 0))
        out_lit(&o, "...");
    else
        out_slice_put(&o, text.u.s);
    out_char(&o, '>');
    conv_hooks.sink_write(arg[0].u.ptr, out_slice(&o));
    return true;
}

#define OPT(t) ((t) | ARG_OPT)

const struct conv conv_live[] = {
    { "capture-req",
      { ARG_SINT },
      SMP_STR,
      SMP_STR,
      conv_capture,
      .private = (void *)&of_request,
      .usage = "<id>",
      .help = "keeps the value in a request capture slot" },
    { "capture-res",
      { ARG_SINT },
      SMP_STR,
      SMP_STR,
      conv_capture,
      .private = (void *)&of_response,
      .usage = "<id>",
      .help = "keeps the value in a response capture slot" },
    { "debug",
      { OPT(ARG_STR), ARG_STR },
      SMP_ANY,
      SMP_ANY,
      conv_debug,
      .check = check_debug,
      .usage = "[<prefix>[,<destination>]]",
      .help = "shows the value in an event sink" },
    { "fe_exists",
      { 0 },
      SMP_STR,
      SMP_BOOL,
      conv_fe_exists,
      .help = "true when a frontend has that name" },
    { "nbsrv",
      { 0 },
      SMP_STR,
      SMP_SINT,
      conv_nbsrv,
      .help = "usable servers of the backend of that name" },
    { "srv_is_up",
      { 0 },
      SMP_STR,
      SMP_BOOL,
      conv_srv_is_up,
      .help = "true when the server of that name is up" },
    { "srv_queue",
      { 0 },
      SMP_STR,
      SMP_SINT,
      conv_srv_queue,
      .help = "streams queued on the server of that name" },
    { "when",
      { ARG_STR, OPT(ARG_STR) },
      SMP_ANY,
      SMP_ANY,
      conv_when,
      .check = check_when,
      .usage = "<condition>[,<args>]",
      .help = "the value, if a condition on the stream holds" },
    { 0 },
};

const struct module conv_live_module = { .name = "conv_live", .convs = conv_live };
