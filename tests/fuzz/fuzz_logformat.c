/* fuzz_logformat.c - log-format strings: whatever the text, it is refused with a message or
 * compiled, and what was compiled can be rendered into any room. The first byte chooses context and
 * room. */
#include "fuzz_conv.h"

#include "sample/logformat.h"
#include "sample/regex.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
alias(struct sample_ctx *x, struct sample *out, void *private)
{
    switch (fuzz_input.len % 5) {
    case 0:
        return false;
    case 1:
        sample_set_int(out, (int64_t)fuzz_input.len * -77);
        return true;
    case 2:
        out->type = SMP_IPV6;
        memset(&out->u.v6, 0x5a, sizeof(out->u.v6));
        out->flags |= SMPF_MAY_CHANGE;
        return true;
    case 3:
        return true; /* nothing at all */
    default:
        sample_set_str(out, fuzz_input);
        return true;
    }
}

static bool
list_alias(struct sample_ctx *x, struct sample *out, void *private)
{
    size_t i = out->iter[0]++;

    if (i < fuzz_input.len % 7)
        out->flags |= SMPF_NOT_LAST;
    sample_set_str(out, fuzz_input);
    return i % 2;
}

static const struct logfmt_alias aliases[] = {
    { "a", alias, .flags = LOGA_PLUS | LOGA_HEX, .help = "value" },
    { "b", alias, .flags = LOGA_URL | LOGA_HEX2 | LOGA_PAD3, .help = "value" },
    { "c", alias, .flags = LOGA_BARE, .help = "value" },
    { "d", list_alias, .flags = LOGA_BRACES, .help = "list" },
    { "e", list_alias, .flags = LOGA_LIST, .help = "list" },
    { 0 },
};

static void
render(struct cfg *c, const char *text, unsigned choice)
{
    struct logfmt_opt opt = { .where = PT_LOG, .flags = choice & 7, .what = "fuzz" };
    struct logfmt *f = logfmt_compile(c, CFG_WHOLE_LINE, text, NULL, &opt);
    struct sample_ctx x = { .tmp = sample_tmp(), .opt = SMPO_FINAL };
    char room[2048], small[8];
    struct out all = OUT(room), cut = OUT(small);

    ASSERT((f == NULL) == (c->diags.errors > 0));
    if (!f)
        return;
    args_resolve(c);
    if (c->diags.errors) /* a regex */
        return;
    bool fits = logfmt_render(f, &x, &all);
    ASSERT(fits || all.len == all.size);
    logfmt_render(f, &x, &cut);
    ASSERT(cut.len <= cut.size);
    struct slice s = logfmt_slice(f, &x);
    ASSERT(!s.p || s.p[s.len] == '\0');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool started;
    struct arena arena;
    struct cfg cfg;

    if (!started) {
        started = true;
        fuzz_conv_start();
        logfmt_aliases = aliases;
    }
    if (size < 1 || size > 1024)
        return 0;
    char *text = malloc(size);
    if (!text)
        return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    fuzz_input = slice((const char *)data, size);
    arena_init_config(&arena);
    cfg_init(&cfg, NULL, &arena);
    render(&cfg, text, data[0]);
    cfg_fini(&cfg);
    args_forget(NULL);
    vars_fini(&fuzz_vars);
    vars_proc_fini();
    regex_free_kept();
    sample_tmp_reset();
    arena_fini(&arena);
    free(text);
    return 0;
}
