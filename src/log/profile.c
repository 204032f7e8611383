/* profile.c - log-profile sections, log steps, and the writing of traffic lines. Manual 8.3.5. */
#include "log/log_int.h"

/** What a profile says about one step. */
struct profile_step {
    bool set, drop;
    struct logfmt *fmt, *sd; /* NULL: the proxy's */
};

struct log_profile {
    struct log_profile *next;
    const char *name;
    struct log_tag_info tag;
    struct profile_step step[LOGS_COUNT];
    struct profile_step any;
};

static const char *const step_names[LOGS_COUNT] = {
#define X(id, name, origin) name,
    LOG_STEPS(X)
#undef X
};
static const char *const step_origins[LOGS_COUNT + 1] = {
#define X(id, name, origin) origin,
    LOG_STEPS(X)
#undef X
        [LOGS_UNSPEC] = "unspec",
};

static _Thread_local const char *origin_now;

const char *
log_origin(void)
{
    return origin_now ? origin_now : step_origins[LOGS_UNSPEC];
}

/* ---- log-steps ---- */

/** Steps that log-steps may name: all but `error`, which is no step of a stream. */
#define STEPS_ALL (((1u << LOGS_COUNT) - 1) & ~(1u << LOGS_ERROR))

static int
step_parse(struct slice name)
{
    for (unsigned i = 0; i < LOGS_COUNT; i++) {
        if (slice_eq_str(name, step_names[i]))
            return (int)i;
    }
    return -1;
}

static enum cfg_rc
unknown_step(struct cfg *c, unsigned at, const char *what, struct slice name, unsigned mask,
             const char *more)
{
    char text[512];
    struct out o = OUT(text);
    struct suggest s;
    char *wrong = arena_slicedup(c->arena, name);
    const char *best;

    suggest_init(&s, wrong);
    for (unsigned i = 0; i < LOGS_COUNT; i++) {
        if (!(mask & 1u << i))
            continue;
        out_str(&o, o.len ? ", " : "");
        out_str(&o, step_names[i]);
        suggest_offer(&s, step_names[i]);
    }
    cfg_error(c, at, "%s (%.*s). Expected values are: %.*s%s", what, SLF(name), SLF(out_slice(&o)),
              more);
    best = suggest_result(&s);
    if (best)
        cfg_hint(c, "did you mean '%s'?", best);
    return CFG_ERR;
}

enum cfg_rc
log_steps_parse(struct cfg *c, unsigned at, unsigned *mask)
{
    struct slice list = slice_str(cfg_arg(c, at));
    unsigned steps = 0;

    if (!list.len)
        return cfg_error(c, CFG_WHOLE_LINE, "'log-steps' expects 'all' or a list of log steps.");
    if (at + 1 < c->nwords)
        return cfg_error(c, at + 1, "'log-steps' cannot handle unexpected argument '%s'.",
                         cfg_arg(c, at + 1));
    if (slice_eq(list, SL("all"))) {
        *mask = STEPS_ALL;
        return CFG_OK;
    }
    while (list.p) {
        struct slice name = slice_cut(list, ',', &list);
        int step = step_parse(name);

        if (step < 0 || !(STEPS_ALL & 1u << step))
            return unknown_step(c, at, "invalid log step name", name, STEPS_ALL, "");
        steps |= 1u << step;
    }
    *mask = steps;
    return CFG_OK;
}

/* ---- the section ---- */

const struct log_profile *
log_profile_find(const char *name)
{
    for (const struct log_profile *p = log_conf.profiles; p; p = p->next) {
        if (strcmp(p->name, name) == 0)
            return p;
    }
    return NULL;
}

static enum cfg_rc
profile_begin(struct cfg *c)
{
    struct log_profile *p;

    if (!*cfg_arg(c, 1))
        return cfg_error(c, CFG_WHOLE_LINE, "missing name for log-profile section.");
    if (c->nwords > 2)
        return cfg_error(c, 2, "'log-profile' cannot handle unexpected argument '%s'.",
                         cfg_arg(c, 2));
    if (log_profile_find(cfg_arg(c, 1)))
        return cfg_error(c, 1, "log-profile section '%s' has already been defined.", cfg_arg(c, 1));
    p = ARENA_NEW(c->arena, struct log_profile);
    p->name = cfg_arg(c, 1);
    *log_conf.profiles_last = p;
    log_conf.profiles_last = &p->next;
    c->obj = p;
    return CFG_OK;
}

const struct section log_profile_sections[] = {
    { "log-profile", .args = "<name>", .where = IN_LOG_PROFILE, .begin = profile_begin,
      .help = "formats, tag and exceptions of the log targets that name it" },
    { 0 },
};

enum cfg_rc
log_profile_tag_row(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct log_profile *p = obj;
    unsigned from = *at;

    *at = c->nwords;
    return log_tag_parse(c, from, &p->tag);
}

/** `drop`, `format <fmt>` and `sd <fmt>` up to the end of the line. */
static enum cfg_rc
parse_step_options(struct cfg *c, unsigned *at, struct profile_step *s)
{
    while (*at < c->nwords) {
        bool sd = cfg_arg_is(c, *at, "sd");
        struct logfmt **to = sd ? &s->sd : &s->fmt;

        if (cfg_arg_is(c, *at, "drop")) {
            s->drop = true;
            ++*at;
            continue;
        }
        if (!sd && !cfg_arg_is(c, *at, "format"))
            return cfg_error(c, *at, "'on' expects 'drop', 'format' or 'sd', not '%s'.",
                             cfg_arg(c, *at));
        if (*at + 1 >= c->nwords)
            return cfg_error(c, *at, "'%s' expects a log-format string.", cfg_arg(c, *at));
        *to = logfmt_parse(c, *at + 1, cfg_arg(c, *at + 1), NULL, PT_LOG, sd);
        if (!*to)
            return CFG_ERR;
        *at += 2;
    }
    return CFG_OK;
}

enum cfg_rc
log_profile_on_row(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct log_profile *p = obj;
    struct slice name = slice_str(cfg_arg(c, *at));
    struct profile_step parsed = { .set = true };
    unsigned name_at = (*at)++;
    int step = step_parse(name);
    enum cfg_rc rc;

    if (step < 0 && !slice_eq(name, SL("any"))) {
        *at = c->nwords;
        return unknown_step(c, name_at, "invalid log step name", name, STEPS_ALL | 1u << LOGS_ERROR,
                            ", any");
    }
    rc = parse_step_options(c, at, &parsed);
    *at = c->nwords;
    if (rc == CFG_OK)
        *(step < 0 ? &p->any : &p->step[step]) = parsed;
    return rc;
}

void
log_check_profiles(struct cfg *c)
{
    for (struct log_target *t = log_conf.unresolved; t; t = t->next_unresolved) {
        t->profile = log_profile_find(t->profile_name);
        if (!t->profile)
            cfg_error_at(c, &t->loc, "log : unknown log-profile '%s'.", t->profile_name);
    }
}

/* ---- traffic lines ---- */

static const struct profile_step *
profile_step_of(const struct log_profile *p, enum log_step step)
{
    if (!p)
        return NULL;
    if (step < LOGS_COUNT && p->step[step].set)
        return &p->step[step];
    return p->any.set ? &p->any : NULL;
}

/** A text rendered for one target, kept for the next one with the same format. */
struct rendered {
    const struct logfmt *fmt;
    struct out out;
};

static struct slice
render(struct rendered *r, const struct logfmt *fmt, struct sample_ctx *x)
{
    if (!fmt)
        return SLICE_NONE;
    if (r->fmt != fmt) {
        r->fmt = fmt;
        r->out.len = 0;
        r->out.full = false;
        logfmt_render(fmt, x, &r->out); /* what did not fit is beyond every target's `len` */
    }
    return out_slice(&r->out);
}

void
log_event_emit(const struct log_targets *targets, const struct log_event *ev)
{
    struct log_scratch *scratch = log_scratch();
    struct rendered text = { 0 }, sd = { 0 };

    if (unlikely(!scratch))
        return;
    text.out = (struct out){ scratch->text, 0, targets->maxlen, false };
    sd.out = (struct out){ scratch->sd, 0, targets->maxlen, false };
    origin_now = ev->step == LOGS_ERROR && ev->killed ? "sess_killed" : step_origins[ev->step];
    for (const struct log_target *t = targets->first; t; t = t->next) {
        const struct log_profile *p = ev->profile ? ev->profile : t->profile;
        const struct profile_step *s = profile_step_of(p, ev->step);
        const struct logfmt *fmt = s && s->fmt ? s->fmt : ev->fmt;
        struct slice line = fmt ? SLICE_NONE : ev->text;

        if ((s && s->drop) || (!fmt && !line.p) || !log_target_wants(t, ev->level))
            continue;
        if (fmt)
            line = render(&text, fmt, ev->ctx);
        log_target_write(t,
                         p && p->tag.tag.len ? p->tag.tag
                         : ev->who           ? ev->who->tag
                                             : SLICE_NONE,
                         ev->level, line,
                         t->format == LOGH_RFC5424
                             ? render(&sd, s && s->sd ? s->sd : ev->sd, ev->ctx)
                             : SLICE_NONE);
    }
    origin_now = NULL;
}
