/* target.c - reads the `log` keyword (manual 3.1 and 4.2) and `log-tag`. */
#include "log/log_int.h"

#include <stdlib.h>

#define SYSLOG_PORT 514
#define LEN_MIN     80
#define LEN_MAX     65535
#define LEN_DEFAULT 1024
_Static_assert(LEN_MAX + 1 <= LOG_LINE_MAX, "a line and its newline");

static const char *const level_names[LOGL_COUNT] = { "emerg",   "alert",  "crit", "err",
                                                     "warning", "notice", "info", "debug" };

static const char *const facility_names[] = {
    "kern",   "user",   "mail",   "daemon", "auth",   "syslog", "lpr",    "news",
    "uucp",   "cron",   "auth2",  "ftp",    "ntp",    "audit",  "alert",  "cron2",
    "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
};

static const char *const format_names[LOGH_COUNT] = {
    [LOGH_DEFAULT] = "", /* not a word that can be written */
    [LOGH_LOCAL] = "local",       [LOGH_RFC3164] = "rfc3164", [LOGH_RFC5424] = "rfc5424",
    [LOGH_PRIORITY] = "priority", [LOGH_SHORT] = "short",     [LOGH_TIMED] = "timed",
    [LOGH_ISO] = "iso",           [LOGH_RAW] = "raw",
};

/* ---- names ---- */

/** Index of `name`, -1 when unknown. */
static int
name_index(const char *const *names, unsigned n, struct slice name)
{
    for (unsigned i = 0; name.len && i < n; i++) {
        if (slice_eq_str(name, names[i]))
            return (int)i;
    }
    return -1;
}

/** The same for word `at`; after a failure the caller's error gets a suggestion through
 * hint_name(). */
static int
word_index(struct cfg *c, unsigned at, const char *const *names, unsigned n)
{
    return name_index(names, n, slice_str(cfg_arg(c, at)));
}

static enum cfg_rc
hint_name(struct cfg *c, unsigned at, const char *const *names, unsigned n)
{
    struct suggest s;
    const char *best;

    suggest_init(&s, cfg_arg(c, at));
    for (unsigned i = 0; i < n; i++) {
        if (*names[i])
            suggest_offer(&s, names[i]);
    }
    best = suggest_result(&s);
    if (best)
        cfg_hint(c, "did you mean '%s'?", best);
    return CFG_ERR;
}

int
log_level_parse(struct slice name)
{
    return name_index(level_names, LOGL_COUNT, name);
}

const char *
log_level_name(enum log_level level)
{
    return level_names[level];
}

/* ---- lists ---- */

void
log_targets_add(struct log_targets *l, struct log_target *t)
{
    t->next = NULL;
    *(l->first ? l->last : &l->first) = t;
    l->last = &t->next;
    l->maxlen = MAX(l->maxlen, t->maxlen);
}

static void
targets_copy(struct log_targets *to, const struct log_targets *from, struct arena *arena,
             bool from_global)
{
    for (const struct log_target *t = from->first; t; t = t->next) {
        struct log_target *copy = ARENA_NEW(arena, struct log_target);

        *copy = *t;
        copy->from_global |= from_global;
        if (copy->profile_name) {
            copy->next_unresolved = log_conf.unresolved;
            log_conf.unresolved = copy;
        }
        log_targets_add(to, copy);
    }
}

void
log_inherit(struct log_targets *to, const struct log_targets *from, struct arena *arena)
{
    targets_copy(to, from, arena, false);
}

/** `log global`: once per list, and where it was written last. */
static void
targets_add_global(struct log_targets *l, const struct log_targets *global, struct arena *arena)
{
    struct log_target *t = l->first;

    *l = (struct log_targets){ 0 };
    while (t) {
        struct log_target *next = t->next;

        if (!t->from_global)
            log_targets_add(l, t);
        t = next;
    }
    targets_copy(l, global, arena, true);
}

/* ---- address ---- */

/** Kinds of targets that are known and not built. */
static const struct {
    const char *prefix, *what;
} unbuilt[] = {
    { "ring@", "logging to a ring" },
    { "backend@", "logging to a backend" },
};

static enum cfg_rc
parse_address(struct cfg *c, unsigned at, struct addr *a)
{
    const char *word = cfg_arg(c, at);
    struct addr_spec spec;
    char err[256];

    for (unsigned i = 0; i < COUNT_OF(unbuilt); i++) {
        if (strncmp(word, unbuilt[i].prefix, strlen(unbuilt[i].prefix)) == 0)
            return cfg_error(c, at, "log : '%s': %s is not supported yet", word, unbuilt[i].what);
    }
    if (strcmp(word, "stdout") == 0 || strcmp(word, "stderr") == 0) {
        *a = (struct addr){ .kind = ADDR_FD, .fd = strcmp(word, "stdout") == 0 ? 1 : 2 };
        return CFG_OK;
    }
    if (!addr_parse(word, ADDR_FOR_LOG, NULL, &spec, err, sizeof(err)))
        return cfg_error(c, at, "log : %s", err);
    *a = spec.addr;
    if (a->kind == ADDR_FD)
        return CFG_OK;
    if (!(a->flags & ADDR_F_DGRAM_SOCK))
        return cfg_error(c, at, "log : '%s': logging over a stream connection is not supported yet",
                         word);
    if (!addr_is_ip(a) && !addr_is_unix(a))
        return cfg_error(c, at, "log : '%s' cannot be logged to", word);
    if (addr_is_ip(a) && addr_port(a) == 0)
        addr_set_port(a, SYSLOG_PORT);
    return CFG_OK;
}

/* ---- options ---- */

static enum cfg_rc
parse_len(struct cfg *c, unsigned *at, struct log_target *t)
{
    const char *word = cfg_arg(c, *at);
    char *end;
    long len = strtol(word, &end, 10);

    if (len < LEN_MIN || len > LEN_MAX)
        return cfg_error(c, *at, "log : invalid log length '%s', must be between %d and %d", word,
                         LEN_MIN, LEN_MAX);
    if (*end)
        cfg_warn(c, *at, "log : log length '%s' is taken as %ld.", word, len);
    t->maxlen = (unsigned)len;
    ++*at;
    return CFG_OK;
}

static enum cfg_rc
parse_format(struct cfg *c, unsigned *at, struct log_target *t)
{
    int f = word_index(c, *at, format_names, LOGH_COUNT);

    if (f < 0) {
        cfg_error(c, *at, "log : unknown log format '%s'", cfg_arg(c, *at));
        return hint_name(c, *at, format_names, LOGH_COUNT);
    }
    t->format = (uint8_t)f;
    ++*at;
    return CFG_OK;
}

static bool
parse_range(struct slice s, struct log_range *r)
{
    struct slice high;
    struct slice low = slice_cut(s, '-', &high);
    uint64_t l, h;

    if (!slice_to_uint(low, &l))
        return false;
    h = l;
    if (high.p && !slice_to_uint(high, &h))
        return false;
    if (l == 0 || h < l || h > UINT32_MAX)
        return false;
    *r = (struct log_range){ (uint32_t)l, (uint32_t)h };
    return true;
}

static int
range_cmp(const void *a, const void *b)
{
    const struct log_range *x = a, *y = b;

    return x->low < y->low ? -1 : x->low > y->low;
}

/** "1-3,5" into s->range. */
static enum cfg_rc
parse_ranges(struct cfg *c, unsigned at, struct slice list, struct log_sampling *s)
{
    while (list.p && list.len) {
        struct slice item = slice_cut(list, ',', &list);

        if (!item.len)
            continue;
        if (!parse_range(item, &s->range[s->nranges]))
            return cfg_error(c, at, "log : wrong sample range '%.*s'", SLF(item));
        s->nranges++;
    }
    if (!s->nranges)
        return cfg_error(c, at, "log : no sampling ranges given");
    qsort(s->range, s->nranges, sizeof(s->range[0]), range_cmp);
    for (unsigned i = 1; i < s->nranges; i++) {
        if (s->range[i].low <= s->range[i - 1].high)
            return cfg_error(c, at, "log : ranges are overlapping");
    }
    return CFG_OK;
}

static enum cfg_rc
parse_sample(struct cfg *c, unsigned *at, struct log_target *t)
{
    struct slice word = slice_str(cfg_arg(c, *at)), size_text;
    struct slice list = slice_cut(word, ':', &size_text);
    struct log_sampling *s;
    uint64_t size;
    uint32_t high;

    if (!size_text.p)
        return cfg_error(c, *at, "log : Missing sample size");
    /* a range takes at least one byte and a comma */
    s = arena_zalloc(c->arena, sizeof(*s) + (list.len / 2 + 1) * sizeof(s->range[0]));
    if (!slice_to_uint(size_text, &size) || size == 0 || size > UINT32_MAX)
        return cfg_error(c, *at, "log : wrong sample size '%.*s' for sample range '%.*s'",
                         SLF(size_text), SLF(list));
    if (parse_ranges(c, *at, list, s) != CFG_OK)
        return CFG_ERR;
    high = s->range[s->nranges - 1].high;
    if (size < high)
        return cfg_error(
            c, *at,
            "log : sample size %u should be greater or equal to %u the maximum of the high "
            "ranges limits",
            (unsigned)size, high);
    s->size = (uint32_t)size;
    s->slot = log_conf.nsamplings++;
    t->sampling = s;
    ++*at;
    return CFG_OK;
}

static enum cfg_rc
parse_profile(struct cfg *c, unsigned *at, struct log_target *t)
{
    if (!*cfg_arg(c, *at))
        return cfg_error(c, *at, "log : 'profile' expects the name of a log-profile section");
    t->profile_name = cfg_arg(c, *at);
    t->loc = cfg_loc_of(c, *at);
    ++*at;
    return CFG_OK;
}

/** Options between address and facility, each once. */
static const struct {
    const char *name;
    enum cfg_rc (*parse)(struct cfg *c, unsigned *at, struct log_target *t);
} options[] = {
    { "len", parse_len },
    { "format", parse_format },
    { "sample", parse_sample },
    { "profile", parse_profile },
};

static enum cfg_rc
parse_options(struct cfg *c, unsigned *at, struct log_target *t)
{
    unsigned seen = 0, i = 0;

    while (i < COUNT_OF(options)) {
        if ((seen & 1u << i) || !cfg_arg_is(c, *at, options[i].name)) {
            i++;
            continue;
        }
        ++*at;
        if (options[i].parse(c, at, t) != CFG_OK)
            return CFG_ERR;
        seen |= 1u << i;
        i = 0;
    }
    return CFG_OK;
}

/* ---- the line ---- */

static enum cfg_rc
parse_level(struct cfg *c, unsigned *at, const char *what, uint8_t *out)
{
    int level;

    if (*at >= c->nwords)
        return CFG_OK;
    level = word_index(c, *at, level_names, LOGL_COUNT);
    if (level < 0) {
        cfg_error(c, *at, "log : unknown optional %slog level '%s'", what, cfg_arg(c, *at));
        return hint_name(c, *at, level_names, LOGL_COUNT);
    }
    *out = (uint8_t)level;
    ++*at;
    return CFG_OK;
}

static enum cfg_rc
parse_facility(struct cfg *c, unsigned *at, struct log_target *t)
{
    int facility = word_index(c, *at, facility_names, COUNT_OF(facility_names));

    if (facility < 0) {
        cfg_error(c, *at, "log : unknown log facility '%s'", cfg_arg(c, *at));
        return hint_name(c, *at, facility_names, COUNT_OF(facility_names));
    }
    t->facility = (uint8_t)facility;
    ++*at;
    return CFG_OK;
}

/** `<target> [options] <facility> [<level> [<minlevel>]]`. */
static enum cfg_rc
parse_target(struct cfg *c, unsigned at, struct log_target *t)
{
    struct addr a;
    unsigned addr_at = at++;

    *t = (struct log_target){ .maxlen = LEN_DEFAULT, .level = LOGL_DEBUG, .min_level = LOGL_EMERG };
    if (parse_options(c, &at, t) != CFG_OK || parse_facility(c, &at, t) != CFG_OK ||
        parse_level(c, &at, "", &t->level) != CFG_OK ||
        parse_level(c, &at, "minimum ", &t->min_level) != CFG_OK)
        return CFG_ERR;
    if (at < c->nwords)
        return cfg_error(c, at, "log : cannot handle unexpected argument '%s'", cfg_arg(c, at));
    if (parse_address(c, addr_at, &a) != CFG_OK)
        return CFG_ERR;
    t->sink = log_sink_get(&a);
    return CFG_OK;
}

enum cfg_rc
log_parse(struct cfg *c, unsigned at, struct log_targets *list, const struct log_targets *global,
          bool negated)
{
    struct log_target *t;

    if (negated) {
        if (at < c->nwords)
            return cfg_error(c, at, "log : 'no log' does not expect arguments");
        *list = (struct log_targets){ 0 };
        return CFG_OK;
    }
    if (cfg_arg_is(c, at, "global") && at + 1 == c->nwords) {
        if (!global)
            return cfg_error(c, at, "log : 'global' is not supported for a global syslog server");
        targets_add_global(list, global, c->arena);
        return CFG_OK;
    }
    if (!*cfg_arg(c, at) || !*cfg_arg(c, at + 1))
        return cfg_error(c, CFG_WHOLE_LINE,
                         "log : expects <address> and <facility> %s as arguments",
                         global ? "or global" : "");
    t = ARENA_NEW(c->arena, struct log_target);
    if (parse_target(c, at, t) != CFG_OK)
        return CFG_ERR;
    if (t->profile_name) {
        t->next_unresolved = log_conf.unresolved;
        log_conf.unresolved = t;
    }
    log_targets_add(list, t);
    return CFG_OK;
}

enum cfg_rc
log_tag_parse(struct cfg *c, unsigned at, struct log_tag_info *tag)
{
    if (!*cfg_arg(c, at))
        return cfg_error(c, CFG_WHOLE_LINE, "'log-tag' expects a tag for use in syslog.");
    if (at + 1 < c->nwords)
        return cfg_error(c, at + 1, "'log-tag' cannot handle unexpected argument '%s'.",
                         cfg_arg(c, at + 1));
    tag->tag = slice_str(cfg_arg(c, at));
    return CFG_OK;
}
