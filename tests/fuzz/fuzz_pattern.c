/* fuzz_pattern.c - pattern sets under edits: what the index finds is what trying every pattern
 * finds. Input: method, flags, then commands: + key, - key, ? text, each ended by a line feed; 'v'
 * switches to a new version. */
#include "base/epoch.h"
#include "sample/pattern_int.h"

#include <stdlib.h>

#define INPUT_MAX 4000u

static enum pat_match methods[] = { PM_INT, PM_VER, PM_IP,  PM_BIN, PM_LEN, PM_STR,
                                    PM_BEG, PM_SUB, PM_DIR, PM_DOM, PM_END, PM_REG };

/** The first of the list that matches by itself. */
static const struct pat *
slow(struct pat_ref *r, const struct pat_set *s, const struct sample *v)
{
    const struct pat *best = NULL;
    struct pat_elt *e;

    list_each (e, &r->elts, link) {
        for (const struct pat *p = e->pats; p; p = p->elt_next)
            if (p->set == s && pat_one_matches(s, p, v, NULL) && (!best || p->order < best->order))
                best = p;
    }
    return best;
}

static void
ask(struct pat_ref *r, const struct pat_set *s, struct slice text)
{
    struct sample_ctx x = { .tmp = sample_tmp() };
    struct sample v = { .type = SMP_STR, .flags = SMPF_CONST, .u.s = text };
    const struct pat *want, *got;

    if (!sample_cast(&v, pat_match_type(s->match), &x))
        return;
    want = slow(r, s, &v);
    got = pat_set_match(s, &v, PICK_FIRST);
    if (got != want)
        abort();
    if (!pat_set_match(s, &v, PICK_ANY) != !want || !pat_set_match(s, &v, PICK_MAP) != !want)
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice((const char *)data, size);
    char *err = NULL;
    struct pat_ref *r;
    struct pat_set *s;
    unsigned n = 0;

    if (size < 2 || size > INPUT_MAX)
        return 0;
    r = pat_ref_new(-1, "fuzz", &err);
    pat_refs_finish(); /* no host names */
    s = pat_set_get(r, methods[data[0] % COUNT_OF(methods)], data[1] & PSF_ICASE, SMP_ANY, &err);
    in = slice_sub(in, 2, SIZE_MAX);
    while (in.p && in.len && n++ < 200) {
        struct slice line = slice_cut(in, '\n', &in), key = slice_sub(line, 1, SIZE_MAX);
        if (line.len == 0)
            continue;
        if (line.p[0] == '+' && !pat_ref_add(r, PAT_CURRENT, key, SLICE_NONE, &err)) {
            free(err);
            err = NULL;
        } else if (line.p[0] == '-') {
            pat_ref_del(r, key);
        } else if (line.p[0] == 'v') {
            unsigned ver = pat_ref_prepare(r);
            if (!pat_ref_add(r, ver, key, SLICE_NONE, &err))
                free(err);
            err = NULL;
            if (!pat_ref_commit(r, ver))
                abort();
        }
        ask(r, s, key);
    }
    sample_tmp_reset();
    pat_refs_fini();
    return 0;
}
