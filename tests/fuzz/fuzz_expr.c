/* fuzz_expr.c - text of expressions and ACL lines: parse, resolve, run. The first byte chooses what
 * the rest is. */
#include "config/cfg.h"
#include "config/lexer.h"
#include "sample/acl.h"
#include "sample/module.h"

#include <stdlib.h>

#define TEXT_MAX 2000u

static struct arena arena;
static struct cfg cfg;

static void
run_expression(char *text, struct sample_ctx *x)
{
    char *err = NULL;
    size_t used;
    struct expr *e = expr_parse_text_err(&cfg, text, &used, NULL, PT_ANY, &err);
    unsigned errors = cfg.diags.errors;
    struct sample s;

    free(err);
    expr_resolve_all(&cfg);
    if (!e || cfg.diags.errors != errors)
        return;
    if (expr_eval_as(e, x, SMP_STR, &s))
        free(xstrndup(s.u.s.p ? s.u.s.p : "", s.u.s.len)); /* reads all of it */
    if (used > strlen(text) || !expr_same(e, e))
        abort();
}

/** A line is lexed, and its words are a condition or an ACL. */
static void
run_line(char *text, size_t len, bool is_acl, struct sample_ctx *x)
{
    struct lexer lexer;
    struct acl_list *acls = NULL;
    unsigned errors = cfg.diags.errors;

    lexer_init(&lexer, &arena, "fuzz", text, len);
    if (lexer_next(&lexer) == LEX_LINE && lexer.nwords) {
        struct cond *cond = NULL;
        char *err = NULL;
        cfg.raw = lexer_raw(&lexer);
        cfg.word = lexer.words;
        cfg.nwords = lexer.nwords;
        if (is_acl)
            (void)acl_parse(&cfg, 0, &acls, NULL);
        else
            cond = cond_parse_err(&cfg, 0, NULL, NULL, PT_FE_HTTP_REQ, &err);
        expr_resolve_all(&cfg);
        if (cond && cfg.diags.errors == errors)
            (void)cond_eval(cond, x);
        free(err);
        cfg.nwords = 0;
    }
    lexer_fini(&lexer);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sample_ctx x = { .opt = SMPO_FINAL };
    char *text;

    if (size < 1 || size > TEXT_MAX || memmem(data, size, "-f", 2) ||
        memmem(data, size, "map", 3) || memmem(data, size, "-M", 2))
        return 0; /* no files of the machine */
    arena_init_config(&arena);
    cfg_init(&cfg, NULL, &arena);
    sample_module.defaults(NULL);
    sample_module.check(&cfg); /* no host names */
    text = xcalloc(size + 2, 1);
    memcpy(text, data + 1, size - 1);
    x.tmp = sample_tmp();
    if (data[0] % 3 == 0)
        run_expression(text, &x);
    else
        run_line(text, size - 1, data[0] % 3 == 1, &x);
    free(text);
    sample_tmp_reset();
    sample_module.stop(NULL);
    cfg_fini(&cfg);
    arena_fini(&arena);
    return 0;
}
