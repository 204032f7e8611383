/* regex.c - PCRE2 with JIT: bounded matching, captures, replacement.
 * Compiled expressions are immutable; what a match writes to belongs to the thread. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "sample/regex.h"

#include "sample/regex_int.h"

#include <pcre2.h>
#include <stdatomic.h>
#include <stdlib.h>

#define JIT_STACK_MIN  32768u
#define JIT_STACK_MAX  524288u
#define MATCH_LIMIT    1000000u /* steps of backtracking: some 10 ms */
#define HEAP_LIMIT_KIB 8192u    /* of the interpreter, where there is no JIT */

struct regex {
    pcre2_code *code;
    char *source;
    bool jit, icase;
    struct regex_lits lits;
    struct regex *next_kept;
};

struct matcher {
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
};

static _Thread_local struct matcher matcher;
static _Atomic unsigned long limits_hit;
static _Atomic(struct regex *) kept;

static COLD bool
matcher_start(void)
{
    struct matcher *m = &matcher;

    m->data = pcre2_match_data_create(REGEX_GROUPS, NULL);
    m->context = pcre2_match_context_create(NULL);
    m->stack = pcre2_jit_stack_create(JIT_STACK_MIN, JIT_STACK_MAX, NULL);
    if (!m->data || !m->context) {
        regex_thread_fini();
        return false;
    }
    if (m->stack)
        pcre2_jit_stack_assign(m->context, NULL, m->stack);
    pcre2_set_match_limit(m->context, MATCH_LIMIT);
    pcre2_set_heap_limit(m->context, HEAP_LIMIT_KIB);
    return true;
}

void
regex_thread_fini(void)
{
    pcre2_match_data_free(matcher.data);
    pcre2_match_context_free(matcher.context);
    pcre2_jit_stack_free(matcher.stack);
    matcher = (struct matcher){ 0 };
}

struct regex *
regex_new(struct slice pattern, unsigned flags, char **err)
{
    int code = 0;
    PCRE2_SIZE at = 0;
    pcre2_code *pc = pcre2_compile((PCRE2_SPTR)(pattern.p ? pattern.p : ""), pattern.len,
                                   flags & REGEX_ICASE ? PCRE2_CASELESS : 0, &code, &at, NULL);

    if (!pc) {
        char text[200] = "";
        pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof(text));
        *err = xasprintf("regex '%.*s' is invalid (error=%s, erroffset=%zu)", SLF(pattern), text,
                         (size_t)at);
        return NULL;
    }
    struct regex *re = xcalloc(1, sizeof(*re));
    re->code = pc;
    re->source = xstrndup(pattern.p ? pattern.p : "", pattern.len);
    re->icase = flags & REGEX_ICASE;
    re->jit = pcre2_jit_compile(pc, PCRE2_JIT_COMPLETE) == 0;
    regex_lits_find(pattern, re->icase, &re->lits);
    return re;
}

void
regex_free(struct regex **re)
{
    if (!*re)
        return;
    pcre2_code_free((*re)->code);
    regex_lits_fini(&(*re)->lits);
    free((*re)->source);
    free(*re);
    *re = NULL;
}

void
regex_keep(struct regex *re)
{
    re->next_kept = atomic_load(&kept);
    while (!atomic_compare_exchange_weak(&kept, &re->next_kept, re))
        ;
}

void
regex_free_kept(void)
{
    struct regex *re = atomic_exchange(&kept, NULL);

    while (re) {
        struct regex *next = re->next_kept;
        regex_free(&re);
        re = next;
    }
}

const struct regex_literals *
regex_required(const struct regex *re)
{
    return &re->lits.found;
}

unsigned long
regex_limit_count(void)
{
    return atomic_load_explicit(&limits_hit, memory_order_relaxed);
}

/** False: no match is possible. Only worth it for one string; with several the regex itself is as
 * fast. */
static inline bool
may_match(const struct regex *re, struct slice text)
{
    const struct regex_literals *l = &re->lits.found;

    if (l->n != 1)
        return true;
    if (l->anchored)
        return re->icase ? slice_starts_nocase(text, l->s[0]) : slice_starts(text, l->s[0]);
    return re->icase || slice_search(text, l->s[0]) != SIZE_MAX;
}

/** Number of groups set, 0 for no match or an error. */
static int
run(const struct regex *re, struct slice text, size_t from, uint32_t options)
{
    PCRE2_SPTR subject = (PCRE2_SPTR)(text.p ? text.p : "");
    int rc;

    if (unlikely(!matcher.data) && !matcher_start())
        return 0;
    if (likely(re->jit))
        rc = pcre2_jit_match(re->code, subject, text.len, from, options, matcher.data,
                             matcher.context);
    else
        rc = pcre2_match(re->code, subject, text.len, from, options, matcher.data, matcher.context);
    if (unlikely(rc == PCRE2_ERROR_JIT_STACKLIMIT))
        rc = pcre2_match(re->code, subject, text.len, from, options | PCRE2_NO_JIT, matcher.data,
                         matcher.context);
    if (rc > 0)
        return rc;
    if (rc == 0) /* more groups than we keep */
        return REGEX_GROUPS;
    if (rc != PCRE2_ERROR_NOMATCH)
        atomic_fetch_add_explicit(&limits_hit, 1, memory_order_relaxed);
    return 0;
}

bool
regex_match(const struct regex *re, struct slice text)
{
    return may_match(re, text) && run(re, text, 0, 0) > 0;
}

/** Copies the groups of the thread's last match. */
static void
take_groups(struct slice text, int n, struct regex_captures *cap)
{
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(matcher.data);

    cap->n = (unsigned)n;
    for (unsigned i = 0; i < REGEX_GROUPS; i++) {
        bool set = i < (unsigned)n && at[2 * i] != PCRE2_UNSET && at[2 * i] <= at[2 * i + 1];
        cap->group[i] = set ? slice(text.p + at[2 * i], at[2 * i + 1] - at[2 * i]) : SLICE_NONE;
    }
}

bool
regex_exec(const struct regex *re, struct slice text, size_t from, struct regex_captures *cap)
{
    int n;

    if (text.p == NULL)
        text = SL("");
    if (from > text.len || (from == 0 && !may_match(re, text)))
        return false;
    n = run(re, text, from, 0);
    if (n == 0)
        return false;
    take_groups(text, n, cap);
    return true;
}

/* ---- replacement
 * ------------------------------------------------------------------------------------- */

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)ascii_lower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
regex_check_replacement(struct slice repl, char **err)
{
    for (size_t i = 0; i < repl.len; i++) {
        if (repl.p[i] != '\\')
            continue;
        if (++i == repl.len) {
            *err = xstrdup("invalid replacement string: '\\' at its end");
            return false;
        }
        if (repl.p[i] == 'x' &&
            (i + 2 >= repl.len || hex_digit(repl.p[i + 1]) < 0 || hex_digit(repl.p[i + 2]) < 0)) {
            *err = xstrdup("invalid replacement string: '\\x' must be followed by two hexadecimal "
                           "digits");
            return false;
        }
    }
    return true;
}

bool
regex_expand(struct slice repl, const struct regex_captures *cap, struct out *o)
{
    for (size_t i = 0; i < repl.len; i++) {
        char c = repl.p[i];

        if (c != '\\' || i + 1 == repl.len) {
            out_char(o, c);
            continue;
        }
        c = repl.p[++i];
        if (c >= '0' && c <= '9') {
            out_slice_put(o, cap->group[c - '0']);
        } else if (c == 'x' && i + 2 < repl.len && hex_digit(repl.p[i + 1]) >= 0 &&
                   hex_digit(repl.p[i + 2]) >= 0) {
            out_char(o, (char)(hex_digit(repl.p[i + 1]) << 4 | hex_digit(repl.p[i + 2])));
            i += 2;
        } else {
            out_char(o, c);
        }
    }
    return !o->full;
}

/* As sed: an empty match right behind the previous match does not count. */
bool
regex_replace(const struct regex *re, struct slice text, struct slice repl, bool all, struct out *o,
              unsigned *count)
{
    struct regex_captures cap;
    size_t at = 0, copied = 0, last_end = SIZE_MAX;
    unsigned n = 0;

    if (text.p == NULL)
        text = SL("");
    while (at <= text.len && !o->full && regex_exec(re, text, at, &cap)) {
        struct slice m = cap.group[0];
        size_t start = m.p ? (size_t)(m.p - text.p) : 0;

        if (m.p == NULL || start < copied) /* the pattern plays with \K */
            break;
        if (m.len == 0 && start == last_end) {
            if (start == text.len)
                break;
            out_char(o, text.p[start]);
            at = copied = start + 1;
            continue;
        }
        out_mem(o, text.p + copied, start - copied);
        regex_expand(repl, &cap, o);
        at = copied = last_end = start + m.len;
        n++;
        if (!all)
            break;
    }
    if (copied < text.len)
        out_mem(o, text.p + copied, text.len - copied);
    if (count)
        *count = n;
    return !o->full;
}
