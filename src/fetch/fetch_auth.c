/* fetch_auth.c - sample fetches about HTTP authentication (manual 7.3.6): http_auth,
 * http_auth_group and their like. */
#include "fetch/fetch.h"

#include "http/auth.h"
#include "proxy/config.h"
#include "proxy/userlist.h"

/* Clients that were told to use a proxy authenticate to the proxy (option http-use-proxy-header).
 */
static struct slice
header_name(const struct sample_ctx *x, const struct http_head *h)
{
    const struct session *sess = fetch_session(x);
    bool proxy = sess && sess->fe->options & PO_HTTP_USE_PROXY_HEADER && h->target.len &&
                 h->target.p[0] != '/' && h->target.p[0] != '*';

    return proxy ? SL("proxy-authorization") : SL("authorization");
}

/* The credentials; decoded ones are in the memory of the evaluation. */
static bool
credentials(struct sample_ctx *x, struct sample *out, struct http_auth *a)
{
    struct http_head *h = fetch_request(x, out);
    struct http_hdr *f = h ? http_hdr_first(h, header_name(x, h)) : NULL;

    if (!f)
        return false;
    char *buf = arena_alloc(x->tmp, f->value.len + 1);
    if (!buf)
        return false;
    *a = http_auth_decode(f->value, buf, f->value.len + 1);
    return a->scheme != HTTP_AUTH_NONE;
}

static const struct user *
verified_user(const struct userlist *l, struct sample_ctx *x, struct sample *out)
{
    struct http_auth a;

    if (!l || !credentials(x, out, &a) || a.scheme != HTTP_AUTH_BASIC)
        return NULL;
    return userlist_verify(l, a.user, a.pass);
}

static bool
fetch_http_auth(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct user *u = verified_user(arg[0].u.users, x, out);

    if (!u && out->flags & SMPF_MAY_CHANGE)
        return false;
    return fetch_give_bool(out, u != NULL);
}

static bool
fetch_auth_name(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    const struct user *u = verified_user(arg[0].u.users, x, out);

    return u && fetch_give_str(out, slice_str(u->name));
}

/* One group after the other: what the ACL keyword http_auth_group compares with. */
static bool
fetch_auth_groups(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out,
                  void *private)
{
    const struct user *u = verified_user(arg[0].u.users, x, out);
    size_t i = out->iter[0]++;

    if (!u || i >= u->ngroups)
        return false;
    if (i + 1 < u->ngroups)
        out->flags |= SMPF_NOT_LAST;
    return fetch_give_str(out, slice_str(u->groups[i]->name));
}

static bool
fetch_auth_type(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct http_auth a;

    return credentials(x, out, &a) && fetch_give_str(out, http_auth_scheme_name(a.scheme));
}

static bool
fetch_auth_user(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct http_auth a;

    return credentials(x, out, &a) && a.scheme == HTTP_AUTH_BASIC && fetch_give_str(out, a.user);
}

static bool
fetch_auth_pass(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct http_auth a;

    return credentials(x, out, &a) && a.scheme == HTTP_AUTH_BASIC && fetch_give_str(out, a.pass);
}

static bool
fetch_auth_bearer(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out,
                  void *private)
{
    struct http_head *h = fetch_request(x, out);
    struct http_auth a;
    char buf[1];

    if (!h || arg[0].type == ARG_END)
        return h && credentials(x, out, &a) && a.scheme == HTTP_AUTH_BEARER &&
               fetch_give_str(out, a.token);
    struct http_hdr *f;
    unsigned pos = 0;
    while ((f = http_hdr_next(h, SLICE_NONE, &pos)))
        if (slice_eq_nocase(f->name, arg[0].s))
            break;
    if (!f)
        return false;
    a = http_auth_decode(f->value, buf, sizeof(buf));
    return a.scheme == HTTP_AUTH_BEARER && fetch_give_str(out, a.token);
}

#define USERLIST                                                                                   \
    {                                                                                              \
        ARG_USERLIST                                                                               \
    }

static const struct fetch fetches[] = {
    { "http_auth", USERLIST, SMP_BOOL, NEEDS_REQ_HTTP, fetch_http_auth,
      "whether user name and password are those of a user of the list", .usage = "<userlist>" },
    { "http_auth_group", USERLIST, SMP_STR, NEEDS_REQ_HTTP, fetch_auth_name,
      "name of the user whose password is right; as an ACL it compares with the user's groups",
      .usage = "<userlist>" },
    { "http_auth_groups", USERLIST, SMP_STR, NEEDS_REQ_HTTP, fetch_auth_groups,
      "groups of the user whose password is right", .usage = "<userlist>" },
    { "http_auth_type", FETCH_NO_ARGS, SMP_STR, NEEDS_REQ_HTTP, fetch_auth_type,
      "scheme: Basic or Bearer" },
    { "http_auth_user", FETCH_NO_ARGS, SMP_STR, NEEDS_REQ_HTTP, fetch_auth_user,
      "user name, not verified" },
    { "http_auth_pass", FETCH_NO_ARGS, SMP_STR, NEEDS_REQ_HTTP, fetch_auth_pass,
      "password, not verified" },
    { "http_auth_bearer", FETCH_OPT_STR, SMP_STR, NEEDS_REQ_HTTP, fetch_auth_bearer,
      "bearer token, not verified", .usage = "[<header>]" },
    { 0 },
};

const struct module fetch_auth_module = { .name = "authentication", .fetches = fetches };
