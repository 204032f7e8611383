/* crtstore.c - crt-store sections (manual 12.7 of 3.x) and ssl-f-use lines. */
#include "tlsconf/tlsconf.h"

#include <stdlib.h>

/* ---- crt-store ---- */

/** The section being read. */
struct crt_store {
    const char *name; /* "": unnamed */
    const char *crt_base, *key_base;
};

static enum cfg_rc
begin_store(struct cfg *c)
{
    struct crt_store *s = ARENA_NEW(c->arena, struct crt_store);

    s->name = c->nwords > 1 ? c->word[1].s : "";
    c->obj = s;
    c->section_name = s->name;
    return cfg_expect_end(c, 2);
}

static enum cfg_rc
parse_store_base(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    const char *dir = cfg_take(c, at, kw->name);

    if (!dir)
        return CFG_ERR;
    *(const char **)((char *)obj + kw->offset) = dir;
    return CFG_OK;
}

/* The name by which bind lines refer to it. */
static const char *
name_in_store(struct cfg *c, const struct crt_store *s, const struct load_options *l,
              const char *path)
{
    if (l->alias)
        return arena_printf(c->arena, "@%s/%s", s->name, l->alias);
    return *s->name ? arena_printf(c->arena, "@%s/%s", s->name, l->files.crt) : path;
}

static enum cfg_rc
parse_load(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    const struct crt_store *s = obj;
    struct load_options l = { 0 };
    struct text err = { 0 }, none = { 0 };
    bool ok = true;

    while (*at < c->nwords) {
        const char *name = c->word[(*at)++].s;
        const char *value = *at < c->nwords ? c->word[*at].s : NULL;
        if (!load_option_set(&l, name, value, &err, &ok))
            return cfg_error(c, *at - 1, "'%s %s' in section 'crt-store': unknown keyword '%s'.",
                             kw->name, cfg_arg(c, 1), name);
        *at += value != NULL;
        if (!ok)
            return tlsconf_report(c, *at - 1, &err, &none, true);
    }
    if (!l.files.crt)
        return cfg_error(c, CFG_WHOLE_LINE,
                         "'%s' in section 'crt-store': mandatory 'crt' parameter not found.",
                         kw->name);
    const char *crt_base = s->crt_base ? s->crt_base : tlsconf_global.crt_base;
    const char *key_base = s->key_base ? s->key_base : tlsconf_global.key_base;
    const char *name = name_in_store(c, s, &l, tls_path(c->arena, crt_base, l.files.crt));
    if (tls_store_get(name))
        return cfg_error(c, CFG_WHOLE_LINE,
                         "'%s' in section 'crt-store': store '%s' was already defined.", kw->name,
                         name);
    load_options_run(&l, c->arena, name, crt_base, key_base, &err);
    if (!err.len)
        return CFG_OK;
    struct text why = { 0 };
    text_printf(&why, "'%s' in section 'crt-store': %s", kw->name, err.p);
    text_fini(&err);
    return tlsconf_report(c, CFG_WHOLE_LINE, &why, &none, true);
}

/* ---- ssl-f-use ---- */

/** Certificates of a frontend. */
struct f_use {
    struct f_use *next;
    const struct proxy *px;
    struct crt_refs refs;
};

static struct f_use *f_uses; /* in the configuration's arena */

const struct crt_refs *
ssl_f_use_of(const struct proxy *px)
{
    for (const struct f_use *u = f_uses; u; u = u->next)
        if (u->px == px)
            return &u->refs;
    return NULL;
}

void
ssl_f_use_forget(void)
{
    f_uses = NULL;
}

/* Its certificates are lines of a list that the runtime API knows as "@frontend". */
static struct f_use *
f_use_for(struct cfg *c, const struct proxy *px)
{
    struct f_use *u;

    for (u = f_uses; u; u = u->next)
        if (u->px == px)
            return u;
    u = ARENA_NEW(c->arena, struct f_use);
    u->px = px;
    u->refs.list = crt_list_get(arena_printf(c->arena, "@%s", px->name));
    u->next = f_uses;
    f_uses = u;
    return u;
}

static enum cfg_rc
take_f_use_word(struct cfg *c, unsigned *at, struct load_options *l, struct tls_options *o,
                bool *has_options)
{
    const char *name = c->word[(*at)++].s;
    const char *value = *at < c->nwords ? c->word[*at].s : NULL;
    const struct tls_option *opt = tls_option_find(name, OPT_LINE);
    struct text err = { 0 }, warn = { 0 };
    bool ok = true;

    if (!opt && load_option_set(l, name, value, &err, &ok)) {
        *at += value != NULL;
        return tlsconf_report(c, *at - 1, &err, &warn, true);
    }
    if (!opt)
        return cfg_error(c, *at - 1, "'ssl-f-use' : unknown keyword '%s'.", name);
    *has_options = true;
    tls_option_set(opt, OPT_LINE, o, tls_option_has_argument(opt) ? value : NULL, c->arena, &err);
    tls_option_warning(opt, o, &warn);
    *at += tls_option_has_argument(opt) && value;
    return tlsconf_report(c, *at - 1, &err, &warn, true);
}

/* A bundle has a line per certificate. */
static void
note_f_use(const struct cfg *c, struct crt_list *list, struct crt_ref *r)
{
    struct text options = { 0 };

    for (unsigned i = 1; i < c->nwords; i++)
        if (strcmp(c->word[i].s, "crt") == 0)
            i++;
        else
            text_printf(&options, "%s%s", options.len ? " " : "", c->word[i].s);
    for (; r; r = r->next) {
        const struct crt_line like = { .cert = (char *)(uintptr_t)tls_cert_name(r->cert),
                                       .options = options.p,
                                       .number = list->last + 1 };
        r->owner = crt_list_note(list, &like);
    }
    text_fini(&options);
}

static enum cfg_rc
parse_f_use(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct f_use *u = f_use_for(c, obj);
    struct load_options l = { 0 };
    struct tls_options o = { 0 };
    struct crt_ref like = { 0 };
    struct text err = { 0 }, none = { 0 };
    bool has_options = false;

    while (*at < c->nwords)
        if (take_f_use_word(c, at, &l, &o, &has_options) != CFG_OK)
            return CFG_ERR;
    if (!l.files.crt)
        return cfg_error(c, CFG_WHOLE_LINE, "'%s' : mandatory 'crt' parameter not found.",
                         kw->name);
    if (has_options) {
        like.line = ARENA_NEW(c->arena, struct tls_options);
        *like.line = o;
    }
    const char *path = l.files.crt;
    if (!l.files.key && !l.files.ocsp && !l.files.issuer && !l.files.sctl)
        l.files.crt = NULL; /* companions are looked for */
    struct crt_ref **from = u->refs.tail ? u->refs.tail : &u->refs.first;
    if (load_options_add(&l, &u->refs, c->arena, path, &like, &err))
        note_f_use(c, u->refs.list, *from);
    return tlsconf_report(c, CFG_WHOLE_LINE, &err, &none, true);
}

/* ---- rows ---- */

const struct keyword tlsconf_store_keywords[] = {
    { "crt-base", "<dir>", IN_CRT_STORE, .parse = parse_store_base,
      .offset = offsetof(struct crt_store, crt_base),
      .help = "folder of relative certificate names" },
    { "key-base", "<dir>", IN_CRT_STORE, .parse = parse_store_base,
      .offset = offsetof(struct crt_store, key_base), .help = "folder of relative key names" },
    { "load", "[crt <file>] [<option> <value>]...", IN_CRT_STORE, .parse = parse_load,
      .help = "declares a certificate" },
    { "ssl-f-use", "[<sslbindconf> ...]*", IN_FRONTEND, .parse = parse_f_use,
      .help = "a certificate for all bind lines with ssl" },
    { 0 },
};

const struct section tlsconf_sections[] = {
    { "crt-store", "[<name>]", IN_CRT_STORE, begin_store,
      .help = "certificates declared before their use" },
    { 0 },
};
