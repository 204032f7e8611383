/* regex_lit.c - reads from a regex which strings a text must contain to match it, so that most
 * texts need not be given to the regex engine at all. Must not be wrong: whatever is not understood
 * makes the answer "nothing is known". Assumes that PCRE2 accepted the pattern. */
#include "sample/regex_int.h"

#include <stdlib.h>

#define DEPTH_MAX 40

/** Alternatives of which one occurs in each match; n 0: unknown. */
struct need {
    unsigned n;
    unsigned char len[REGEX_LITERALS_MAX];
    char s[REGEX_LITERALS_MAX][REGEX_LITERAL_LEN];
};

/** The literal characters that stand side by side. */
struct run {
    unsigned len;
    char s[REGEX_LITERAL_LEN];
    bool at_start; /* begins where the anchored pattern begins */
};

struct parser {
    const char *p, *end;
    bool icase;
    bool failed; /* something was not understood */
    unsigned depth;
    bool anchored;     /* pattern begins with '^', and */
    struct run prefix; /* this follows */
};

struct quantifier {
    bool present, optional;
};

static void parse_alternatives(struct parser *ps, struct need *out);

static unsigned
shortest(const struct need *n)
{
    unsigned min = REGEX_LITERAL_LEN;

    for (unsigned i = 0; i < n->n; i++)
        min = MIN(min, n->len[i]);
    return n->n ? min : 0;
}

/** Keeps the stronger requirement in *best. */
static void
prefer(struct need *best, const struct need *other)
{
    unsigned a = shortest(best), b = shortest(other);

    if (b > a || (b == a && b && other->n < best->n))
        *best = *other;
}

/** Ends a run of literals: it becomes a candidate. */
static void
flush(struct parser *ps, struct run *r, struct need *best)
{
    if (r->len >= 2) {
        struct need one;
        one.n = 1;
        one.len[0] = (unsigned char)r->len;
        memcpy(one.s[0], r->s, r->len);
        prefer(best, &one);
    }
    if (r->at_start && ps->depth == 1)
        ps->prefix = *r;
    r->len = 0;
    r->at_start = false;
}

/** "{n", "{n,", "{n,m}" at the position: reads it. False when the brace is an ordinary character.
 */
static bool
take_brace(struct parser *ps, struct quantifier *q)
{
    const char *p = ps->p + 1;
    bool zero = true;

    if (p == ps->end || !((*p >= '0' && *p <= '9') || *p == ',' || *p == ' '))
        return false;
    while (p < ps->end && *p != '}') {
        if (*p == ',')
            break;
        if (*p >= '1' && *p <= '9')
            zero = false;
        p++;
    }
    while (p < ps->end && *p != '}')
        p++;
    if (p == ps->end)
        return false;
    q->present = true;
    q->optional = zero;
    ps->p = p + 1;
    return true;
}

static struct quantifier
take_quantifier(struct parser *ps)
{
    struct quantifier q = { false, false };

    if (ps->p == ps->end)
        return q;
    switch (*ps->p) {
    case '?':
    case '*':
        q = (struct quantifier){ true, true };
        ps->p++;
        break;
    case '+':
        q.present = true;
        ps->p++;
        break;
    case '{':
        if (!take_brace(ps, &q))
            return q;
        break;
    default:
        return q;
    }
    if (ps->p < ps->end && (*ps->p == '?' || *ps->p == '+'))
        ps->p++; /* lazy, possessive */
    return q;
}

/** A literal character, with its quantifier. */
static void
add_char(struct parser *ps, char c, struct run *r, struct need *best)
{
    struct quantifier q = take_quantifier(ps);

    if (q.optional || (ps->icase && (unsigned char)c >= 0x80)) {
        flush(ps, r, best);
        return;
    }
    if (r->len == REGEX_LITERAL_LEN)
        flush(ps, r, best);
    r->s[r->len++] = ps->icase ? (char)ascii_lower((unsigned char)c) : c;
    if (q.present)
        flush(ps, r, best);
}

/** "[...]": skipped. */
static void
skip_class(struct parser *ps)
{
    const char *p = ps->p + 1;

    if (p < ps->end && *p == '^')
        p++;
    if (p < ps->end && *p == ']')
        p++;
    for (; p < ps->end && *p != ']'; p++) {
        if (*p == '\\' && p + 1 < ps->end) {
            p++;
            if (*p == 'Q' || *p == 'E')
                ps->failed = true;
        } else if (*p == '[' && p + 1 < ps->end && (p[1] == ':' || p[1] == '.' || p[1] == '=')) {
            const char *q = p + 2; /* a class such as [:alpha:] */
            while (q < ps->end && (*q == '^' || (*q >= 'a' && *q <= 'z')))
                q++;
            if (q + 1 < ps->end && q[0] == p[1] && q[1] == ']')
                p = q + 1;
            else
                ps->failed = true;
        }
    }
    if (p >= ps->end)
        ps->failed = true;
    else
        ps->p = p + 1;
}

/** After a backslash. Returns a literal character, -1 for something that is none. */
static int
take_escape(struct parser *ps)
{
    char c;

    if (++ps->p == ps->end) {
        ps->failed = true;
        return -1;
    }
    c = *ps->p++;
    switch (c) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'd':
    case 'D':
    case 'w':
    case 'W':
    case 's':
    case 'S':
    case 'h':
    case 'H':
    case 'v':
    case 'V':
    case 'N':
    case 'R':
    case 'b':
    case 'B':
    case 'z':
    case 'Z':
    case 'A':
    case 'G':
        return -1;
    default:
        break;
    }
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
        ps->failed = true; /* references, \Q, \K, \x, \p ... */
        return -1;
    }
    return (unsigned char)c;
}

enum group { GROUP_PLAIN, GROUP_ASIDE /* what is in it need not be in the text */, GROUP_UNKNOWN };

/** At '(': steps behind its opening. */
static enum group
open_group(struct parser *ps)
{
    const char *p = ++ps->p;
    size_t left = (size_t)(ps->end - p);

    if (left && *p == '*')
        return GROUP_UNKNOWN;
    if (left < 2 || *p != '?')
        return GROUP_PLAIN;
    if (p[1] == ':') {
        ps->p += 2;
        return GROUP_PLAIN;
    }
    if (p[1] == '=' || p[1] == '!' || p[1] == '>') {
        ps->p += 2;
        return GROUP_ASIDE;
    }
    if (p[1] == '<' && left > 2 && (p[2] == '=' || p[2] == '!')) {
        ps->p += 3;
        return GROUP_ASIDE;
    }
    return GROUP_UNKNOWN; /* names, options, recursion, conditions, comments */
}

static void
parse_group(struct parser *ps, struct need *best)
{
    struct need inside;
    enum group kind = open_group(ps);

    if (kind == GROUP_UNKNOWN || ps->depth >= DEPTH_MAX) {
        ps->failed = true;
        return;
    }
    ps->depth++;
    parse_alternatives(ps, &inside);
    ps->depth--;
    if (ps->failed || ps->p == ps->end || *ps->p != ')') {
        ps->failed = true;
        return;
    }
    ps->p++;
    struct quantifier q = take_quantifier(ps);
    if (kind == GROUP_PLAIN && !q.optional)
        prefer(best, &inside);
}

static void
parse_atom(struct parser *ps, struct run *r, struct need *best)
{
    char c = *ps->p;
    int lit;

    switch (c) {
    case '(':
        flush(ps, r, best);
        parse_group(ps, best);
        break;
    case '[':
        flush(ps, r, best);
        skip_class(ps);
        take_quantifier(ps);
        break;
    case '.':
    case '$':
    case '^':
        flush(ps, r, best);
        ps->p++;
        take_quantifier(ps);
        break;
    case '\\':
        lit = take_escape(ps);
        if (lit >= 0) {
            add_char(ps, (char)lit, r, best);
        } else {
            flush(ps, r, best);
            take_quantifier(ps);
        }
        break;
    case '{': /* an ordinary brace, or a quantifier we did not recognise */
    case '*':
    case '+':
    case '?':
        ps->failed = true;
        break;
    default:
        ps->p++;
        add_char(ps, c, r, best);
    }
}

/** One branch of an alternation. */
static void
parse_branch(struct parser *ps, struct need *best)
{
    struct run r = { .len = 0 };

    best->n = 0;
    if (ps->depth == 1 && ps->p < ps->end && *ps->p == '^') {
        ps->p++;
        if (ps->p < ps->end && strchr("?*+{", *ps->p)) {
            ps->failed = true;
            return;
        }
        ps->anchored = true;
        r.at_start = true;
    }
    while (!ps->failed && ps->p < ps->end && *ps->p != '|' && *ps->p != ')')
        parse_atom(ps, &r, best);
    flush(ps, &r, best);
}

static void
unite(struct need *a, const struct need *b)
{
    if (a->n == 0 || b->n == 0 || a->n + b->n > REGEX_LITERALS_MAX) {
        a->n = 0;
        return;
    }
    for (unsigned i = 0; i < b->n; i++) {
        a->len[a->n] = b->len[i];
        memcpy(a->s[a->n++], b->s[i], b->len[i]);
    }
}

static void
parse_alternatives(struct parser *ps, struct need *out)
{
    parse_branch(ps, out);
    while (!ps->failed && ps->p < ps->end && *ps->p == '|') {
        struct need branch;
        ps->p++;
        if (ps->depth == 1)
            ps->prefix.len = 0; /* a prefix of one branch is none of the pattern */
        parse_branch(ps, &branch);
        if (ps->depth == 1)
            ps->prefix.len = 0;
        unite(out, &branch);
    }
}

static void
publish(struct regex_lits *out, const struct need *n, bool anchored)
{
    size_t total = 0;
    char *d;

    for (unsigned i = 0; i < n->n; i++)
        total += n->len[i];
    d = out->mem = xmalloc(total + 1);
    for (unsigned i = 0; i < n->n; i++) {
        memcpy(d, n->s[i], n->len[i]);
        out->s[i] = slice(d, n->len[i]);
        d += n->len[i];
    }
    out->found = (struct regex_literals){ n->n, anchored, out->s };
}

void
regex_lits_find(struct slice pattern, bool icase, struct regex_lits *out)
{
    struct parser ps = {
        .p = pattern.p, .end = pattern.p + pattern.len, .icase = icase, .depth = 1
    };
    struct need need;

    *out = (struct regex_lits){ 0 };
    if (pattern.len == 0)
        return;
    parse_alternatives(&ps, &need);
    if (ps.failed || ps.p != ps.end)
        return;
    if (ps.anchored && ps.prefix.len >= 2) {
        need.n = 1;
        need.len[0] = (unsigned char)ps.prefix.len;
        memcpy(need.s[0], ps.prefix.s, ps.prefix.len);
        publish(out, &need, true);
    } else if (need.n) {
        publish(out, &need, false);
    }
}

void
regex_lits_fini(struct regex_lits *l)
{
    free(l->mem);
    *l = (struct regex_lits){ 0 };
}
