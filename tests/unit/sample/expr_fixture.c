/* expr_fixture.c - see the header. */
#include "expr_fixture.h"

#include "sample/args.h"
#include "sample/expr_int.h"
#include "sample/module.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const char *fix_host, *fix_list;
bool fix_unstable;
unsigned fix_asked;

static struct fix *current;

static struct vars *
scope_of(struct sample_ctx *x, enum var_scope scope)
{
    return scope < VAR_PSESS ? &current->vars : NULL;
}

static bool
fetch_host(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    fix_asked++;
    if (fix_unstable)
        out->flags |= SMPF_MAY_CHANGE;
    if (!fix_host)
        return false;
    sample_set_str(out, slice_str(fix_host));
    return true;
}

/** "a,b,c": each element in turn. */
static bool
fetch_list(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    struct slice all = slice_str(fix_list), rest;

    if (fix_unstable)
        out->flags |= SMPF_MAY_CHANGE;
    if (!fix_list || out->iter[0] > all.len)
        return false;
    all = slice_sub(all, out->iter[0], SIZE_MAX);
    all = slice_cut(all, ',', &rest);
    out->iter[0] += all.len + 1;
    if (rest.p)
        out->flags |= SMPF_NOT_LAST;
    sample_set_str(out, all);
    return true;
}

static const struct fetch rows[] = {
    { "t.host", { ARG_STR | ARG_OPT }, SMP_STR, NEEDS_REQ_HTTP, fetch_host, "" },
    { "t.list", { 0 }, SMP_STR, NEEDS_REQ_HTTP, fetch_list, "" },
    { "t.backend", { ARG_BACKEND }, SMP_SINT, NEEDS_NOTHING, fetch_host, "" },
    { "t.opt", { ARG_SINT | ARG_OPT, ARG_STR | ARG_OPT }, SMP_STR, NEEDS_NOTHING, fetch_host, "" },
    { "t.res", { 0 }, SMP_STR, NEEDS_RES_HTTP, fetch_host, "" },
};

void
fix_init(struct fix *f)
{
    *f = (struct fix){ 0 };
    arena_init_config(&f->arena);
    cfg_init(&f->c, NULL, &f->arena);
    f->c.loc = (struct cfg_loc){ .file = "test.cfg", .line = 7 };
    sample_module.defaults(NULL);
    for (unsigned i = 0; i < COUNT_OF(rows); i++)
        (void)fetch_register(&rows[i]);
    current = f;
    vars_scope_of = scope_of;
    f->x.tmp = sample_tmp();
    f->x.opt = SMPO_FINAL;
    fix_host = fix_list = NULL;
    fix_unstable = false;
}

static void
end_line(struct fix *f)
{
    if (f->lexing)
        lexer_fini(&f->lexer);
    f->lexing = false;
}

void
fix_fini(struct fix *f)
{
    end_line(f);
    vars_fini(&f->vars);
    sample_module.stop(NULL);
    cfg_fini(&f->c);
    arena_fini(&f->arena);
}

void
fix_line(struct fix *f, const char *line)
{
    int n = snprintf(f->line, sizeof(f->line) - 1, "%s\n", line);

    end_line(f);
    lexer_init(&f->lexer, &f->arena, "test.cfg", f->line, (size_t)n);
    f->lexing = true;
    if (lexer_next(&f->lexer) != LEX_LINE) {
        f->c.nwords = 0;
        return;
    }
    f->c.raw = lexer_raw(&f->lexer);
    f->c.word = f->lexer.words;
    f->c.nwords = f->lexer.nwords;
}

static const char *
keep(struct fix *f, const char *text)
{
    snprintf(f->result, sizeof(f->result), "%s", text);
    return f->result;
}

static const char *
value_of(struct fix *f, const struct expr *e, char *err)
{
    struct sample s;
    unsigned errors;

    if (!e) {
        keep(f, err);
        free(err);
        return f->result;
    }
    errors = f->c.diags.errors;
    expr_resolve_all(&f->c);
    sample_tmp_reset();
    if (f->c.diags.errors != errors)
        return "(unresolved)";
    if (!expr_eval_as(e, &f->x, SMP_STR, &s))
        return "(none)";
    snprintf(f->result, sizeof(f->result), "%.*s", SLF(s.u.s));
    return f->result;
}

const char *
fix_eval(struct fix *f, const char *text)
{
    char *err = NULL;
    struct expr *e;

    fix_line(f, "http-request test");
    e = expr_parse_text_err(&f->c, text, NULL, NULL, PT_ANY, &err);
    return value_of(f, e, err);
}

const char *
fix_eval_words(struct fix *f, const char *line)
{
    unsigned at = 0;
    char *err = NULL;
    struct expr *e;
    const char *v;

    fix_line(f, line);
    e = expr_parse_err(&f->c, &at, NULL, PT_ANY, &err);
    v = value_of(f, e, err);
    if (e && at < f->c.nwords) {
        size_t len = strlen(v);
        char *tail = xasprintf("%.*s [%s]", (int)len, v, f->c.word[at].s);
        keep(f, tail);
        free(tail);
        return f->result;
    }
    return v;
}

const char *
fix_last(const struct fix *f)
{
    const struct diag *g = list_last(&f->c.diags.list, struct diag, link);

    return g ? g->text : "";
}

const char *
fix_acl(struct fix *f, const char *line)
{
    fix_line(f, line);
    return acl_parse(&f->c, 1, &f->acls, NULL) == CFG_OK ? NULL : fix_last(f);
}

struct cond *
fix_cond_parse(struct fix *f, const char *text)
{
    char *line = xasprintf("http-request deny if %s", text);
    struct cond *cond;

    fix_line(f, line);
    free(line);
    cond = cond_parse(&f->c, 2, NULL, f->acls, PT_FE_HTTP_REQ);
    return cond;
}

const char *
fix_cond(struct fix *f, const char *text)
{
    struct cond *cond = fix_cond_parse(f, text);

    if (!cond)
        return fix_last(f);
    expr_resolve_all(&f->c);
    sample_tmp_reset();
    switch (cond_eval(cond, &f->x)) {
    case COND_PASS:
        return "T";
    case COND_FAIL:
        return "F";
    default:
        return "M";
    }
}

const char *
fix_file(const char *name, const char *content)
{
    static char names[4][256];
    static unsigned next;
    char *path = names[next++ % 4];
    const char *dir = getenv("TMPDIR");
    FILE *fp;

    snprintf(path, sizeof(names[0]), "%s/steelyard-%d-%s", dir ? dir : "/tmp", (int)getpid(), name);
    fp = fopen(path, "we");
    if (fp) {
        fputs(content, fp);
        fclose(fp);
    }
    return path;
}
