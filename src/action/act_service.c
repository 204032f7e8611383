/* act_service.c - use-service, and the registry of services. */
#include "action/service.h"

#include "action/action.h"

static struct service *first;

void
service_register(struct service *s)
{
    struct service **at = &first;

    for (; *at; at = &(*at)->next)
        if (*at == s)
            return;
    s->next = NULL;
    *at = s;
}

const struct service *
service_next(const struct service *s)
{
    return s ? s->next : first;
}

const struct service *
service_find(const char *name, enum rule_set set)
{
    for (const struct service *s = first; s; s = s->next)
        if (s->sets & set && strcmp(s->name, name) == 0)
            return s;
    return NULL;
}

void
services_fini(void)
{
    first = NULL;
}

static enum cfg_rc
parse_service(struct cfg *c, unsigned *at, struct rule *r)
{
    const char *name = cfg_arg(c, *at);
    struct suggest near;

    if (!act_has_word(c, *at))
        return cfg_error(c, CFG_WHOLE_LINE, "'use-service' expects a service name.");
    const struct service *s = service_find(name, r->set);
    if (!s) {
        cfg_error(c, *at, "'%s' unknown service name.", name);
        suggest_init(&near, name);
        for (s = first; s; s = s->next)
            if (s->sets & r->set)
                suggest_offer(&near, s->name);
        if (suggest_result(&near))
            cfg_hint(c, "did you mean '%s'?", suggest_result(&near));
        return CFG_ERR;
    }
    (*at)++;
    r->p[0] = (void *)s;
    return s->parse ? s->parse(c, at, r) : CFG_OK;
}

static enum act_rc
exec_service(const struct rule *r, struct rule_ctx *x)
{
    const struct service *s = r->p[0];

    if (x->strm->be == x->strm->fe && !x->resumed)
        FE_COUNT(x->strm->fe, intercepted, 1);
    return s->start(r, x);
}

static const struct action actions[] = {
    { "use-service", RS_TCP_REQ | RS_HTTP_REQ, "<name>", parse_service, exec_service,
      "lets a service of the process answer", ACTF_FINAL, NULL },
    { 0 }
};

const struct module action_service_module = { .name = "services", .actions = actions };
