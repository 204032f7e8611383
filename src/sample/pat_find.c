/* pat_find.c - matches samples against patterns: one by one for small sets, through hash tables for
 * the others. */
#include "sample/pat_hash.h"
#include "sample/pattern_int.h"

#include <arpa/inet.h>

uint64_t pat_seed[2] = { 0x243f6a8885a308d3ull, 0x13198a2e03707344ull };

static inline bool
is_icase(const struct pat_set *s)
{
    return s->flags & PSF_ICASE;
}

static inline bool
text_eq(struct slice a, struct slice b, bool icase)
{
    return icase ? slice_eq_nocase(a, b) : slice_eq(a, b);
}

/* ---- hashes of patterns
 * ---------------------------------------------------------------------------------- */

static uint64_t
hash_ip(const unsigned char *addr, unsigned bits, bool v6)
{
    uint64_t a = 0, b = 0;

    memcpy(&a, addr, v6 ? 8 : 4);
    if (v6)
        memcpy(&b, addr + 8, 8);
    return pat_hash_end(pat_hash_word(pat_hash_start(), a), b, bits);
}

static uint64_t
hash_int(int64_t v)
{
    return pat_hash_end(pat_hash_start(), (uint64_t)v, 8);
}

uint64_t
pat_hash(const struct pat_set *s, const struct pat *p, uint32_t *len)
{
    switch (s->family) {
    case FAM_IP:
        *len = p->k.ip.bits;
        return hash_ip(p->k.ip.addr, p->k.ip.bits, p->k.ip.v6);
    case FAM_INT:
        *len = 0;
        return hash_int(p->k.range.lo);
    case FAM_SUFFIX:
        *len = (uint32_t)p->k.s.len;
        return pat_hash_bytes_back(p->k.s.p, p->k.s.len, is_icase(s));
    default:
        *len = (uint32_t)p->k.s.len;
        return pat_hash_bytes(p->k.s.p, p->k.s.len, is_icase(s));
    }
}

bool
pat_same(const struct pat *a, const struct pat *b)
{
    switch (a->set->family) {
    case FAM_IP:
        return a->k.ip.bits == b->k.ip.bits && memcmp(a->k.ip.addr, b->k.ip.addr, 16) == 0;
    case FAM_INT:
        return a->k.range.lo == b->k.range.lo;
    default:
        return text_eq(a->k.s, b->k.s, is_icase(a->set));
    }
}

/* ---- picking
 * --------------------------------------------------------------------------------------------------
 */

/** What a map prefers when several match. Keys without case are kept in lists, and the first of a
 * list wins. */
static bool
longest_wins(const struct pat_set *s)
{
    return s->family == FAM_IP || (s->family == FAM_PREFIX && !is_icase(s));
}

static size_t
breadth(const struct pat_set *s, const struct pat *p)
{
    if (s->family == FAM_IP)
        return p->k.ip.odd ? 0 : p->k.ip.bits + (p->k.ip.v6 ? 1000u : 1u);
    return p->k.s.len;
}

bool
pat_better(const struct pat_set *s, const struct pat *a, const struct pat *b, enum pat_pick pick)
{
    if (!b)
        return true;
    if (pick == PICK_MAP && longest_wins(s)) {
        size_t la = breadth(s, a), lb = breadth(s, b);
        if (la != lb)
            return la > lb;
    }
    return a->order < b->order;
}

/** Notes a match; true when the search can end. */
static inline bool
take(const struct pat_set *s, struct pat **best, struct pat *p, enum pat_pick pick)
{
    if (pick == PICK_ANY) {
        *best = p;
        return true;
    }
    if (pat_better(s, p, *best, pick))
        *best = p;
    return false;
}

/* ---- one pattern
 * ------------------------------------------------------------------------------------------------
 */

/** Whether the word stands in the text between delimiters or its ends. */
static bool
word_in(struct slice text, struct slice word, enum pat_match m, bool icase)
{
    size_t i = 0;

    if (word.len == 0 || text.len < word.len)
        return word.len == text.len;
    for (;;) {
        size_t end = i + word.len;
        if (end > text.len)
            return false;
        if ((end == text.len || pat_is_delim(m, text.p[end])) &&
            text_eq(slice(text.p + i, word.len), word, icase))
            return true;
        while (i < text.len && !pat_is_delim(m, text.p[i]))
            i++;
        i++;
    }
}

/** The address to compare IPv4 patterns with. */
static bool
as_ipv4(const struct sample *v, struct in_addr *v4)
{
    if (v->type == SMP_IPV4) {
        *v4 = v->u.v4;
        return true;
    }
    return sample_v6_to_v4(&v->u.v6, v4);
}

static void
as_ipv6(const struct sample *v, unsigned char addr[static 16])
{
    if (v->type == SMP_IPV6) {
        memcpy(addr, &v->u.v6, 16);
        return;
    }
    memset(addr, 0, 10);
    addr[10] = addr[11] = 0xff;
    memcpy(addr + 12, &v->u.v4, 4);
}

static void
mask6(unsigned char *to, const unsigned char *from, unsigned bits)
{
    unsigned whole = bits / 8;

    memcpy(to, from, whole);
    memset(to + whole, 0, 16 - whole);
    if (bits % 8)
        to[whole] = (unsigned char)(from[whole] & (0xff00u >> (bits % 8)));
}

static bool
ip_matches(const struct pat *p, const struct sample *v)
{
    unsigned char addr[16], masked[16];
    struct in_addr v4;
    uint32_t want;

    if (p->k.ip.v6) {
        as_ipv6(v, addr);
        mask6(masked, addr, p->k.ip.bits);
        return memcmp(masked, p->k.ip.addr, 16) == 0;
    }
    memcpy(&want, p->k.ip.addr, 4);
    return as_ipv4(v, &v4) && (v4.s_addr & p->k.ip.mask) == want;
}

static int64_t
int_of(const struct pat_set *s, const struct sample *v)
{
    return s->match == PM_LEN ? (int64_t)v->u.s.len : v->u.i;
}

static bool
regex_matches(const struct pat *p, struct slice text, struct regex_captures *cap)
{
    return cap ? regex_exec(p->k.re, text, 0, cap) : regex_match(p->k.re, text);
}

bool
pat_one_matches(const struct pat_set *s, const struct pat *p, const struct sample *v,
                struct regex_captures *cap)
{
    bool icase = is_icase(s);
    struct slice text = v->u.s;
    int64_t n;

    switch (s->family) {
    case FAM_EXACT:
        return text_eq(text, p->k.s, icase);
    case FAM_PREFIX:
        return icase ? slice_starts_nocase(text, p->k.s) : slice_starts(text, p->k.s);
    case FAM_SUFFIX:
        return icase ? slice_ends_nocase(text, p->k.s) : slice_ends(text, p->k.s);
    case FAM_WORDS:
        return word_in(text, p->k.s, s->match, icase);
    case FAM_INT:
        n = int_of(s, v);
        return n >= p->k.range.lo && n <= p->k.range.hi;
    case FAM_IP:
        return ip_matches(p, v);
    case FAM_SUB:
        return (icase ? slice_search_nocase(text, p->k.s) : slice_search(text, p->k.s)) != SIZE_MAX;
    case FAM_REG:
        return regex_matches(p, text, cap);
    default:
        return false;
    }
}

static struct pat *
find_small(const struct pat_set *s, const struct pat_small *small, const struct sample *v,
           enum pat_pick pick, struct regex_captures *cap)
{
    struct pat *best = NULL;

    for (unsigned i = 0; i < small->n; i++) {
        struct pat *p = small->pat[i];
        if (best && !pat_better(s, p, best, pick))
            continue;
        if (pat_one_matches(s, p, v, cap) && take(s, &best, p, pick))
            break;
    }
    return best;
}

/* ---- tables
 * --------------------------------------------------------------------------------------------------------
 */

static inline const struct pat_tab *
table(const struct pat_index *ix, unsigned i)
{
    return atomic_load_explicit(&ix->tab[i], memory_order_acquire);
}

static inline const struct pat_lens *
lengths(const struct pat_index *ix, unsigned i)
{
    return atomic_load_explicit(&ix->lens[i], memory_order_acquire);
}

/** The pattern that is exactly `text`. */
static inline struct pat *
lookup_text(const struct pat_tab *t, uint64_t hash, struct slice text, bool icase)
{
    struct pat *p;
    uint32_t i;

    PAT_TAB_EACH(t, hash, i, p)
    if (text_eq(p->k.s, text, icase))
        return p;
    return NULL;
}

static struct pat *
find_exact(const struct pat_set *s, const struct pat_index *ix, struct slice text)
{
    const struct pat_tab *t = table(ix, 0);

    if (!t)
        return NULL;
    return lookup_text(t, pat_hash_bytes(text.p, text.len, is_icase(s)), text, is_icase(s));
}

static struct pat *
find_prefix(const struct pat_set *s, const struct pat_index *ix, struct slice text,
            enum pat_pick pick)
{
    const struct pat_tab *t = table(ix, 0);
    const struct pat_lens *lens = lengths(ix, 0);
    bool icase = is_icase(s);
    uint64_t state = pat_hash_start();
    size_t done = 0; /* bytes in state */
    struct pat *best = NULL, *p;

    if (!t || !lens)
        return NULL;
    for (unsigned i = 0; i < lens->n && lens->len[i] <= text.len; i++) {
        size_t len = lens->len[i];
        for (; done + 8 <= len; done += 8)
            state = pat_hash_word(state, pat_fold_if(pat_load8(text.p + done), icase));
        uint64_t rest = pat_fold_if(pat_load_few(text.p + done, len - done), icase);
        p = lookup_text(t, pat_hash_end(state, rest, len), slice(text.p, len), icase);
        if (p && take(s, &best, p, pick))
            break;
    }
    return best;
}

static struct pat *
find_suffix(const struct pat_set *s, const struct pat_index *ix, struct slice text,
            enum pat_pick pick)
{
    const struct pat_tab *t = table(ix, 0);
    const struct pat_lens *lens = lengths(ix, 0);
    bool icase = is_icase(s);
    uint64_t state = pat_hash_start();
    size_t done = 0;
    const char *end = text.p + text.len;
    struct pat *best = NULL, *p;

    if (!t || !lens)
        return NULL;
    for (unsigned i = 0; i < lens->n && lens->len[i] <= text.len; i++) {
        size_t len = lens->len[i];
        for (; done + 8 <= len; done += 8)
            state = pat_hash_word(state, pat_fold_if(pat_load8(end - done - 8), icase));
        uint64_t rest = pat_fold_if(pat_load_few(end - len, len - done), icase);
        p = lookup_text(t, pat_hash_end(state, rest, len), slice(end - len, len), icase);
        if (p && take(s, &best, p, pick))
            break;
    }
    return best;
}

/** Words that begin at the start of `rest`: those of a known length that end at a delimiter. */
static bool
words_from(const struct pat_set *s, const struct pat_tab *t, const struct pat_lens *lens,
           struct slice rest, enum pat_pick pick, struct pat **best)
{
    bool icase = is_icase(s);

    for (unsigned i = 0; i < lens->n && lens->len[i] <= rest.len; i++) {
        size_t len = lens->len[i];
        struct pat *p;
        if (len == 0 || (len < rest.len && !pat_is_delim(s->match, rest.p[len])))
            continue;
        p = lookup_text(t, pat_hash_bytes(rest.p, len, icase), slice(rest.p, len), icase);
        if (p && take(s, best, p, pick))
            return true;
    }
    return false;
}

static struct pat *
find_word(const struct pat_set *s, const struct pat_index *ix, struct slice text,
          enum pat_pick pick)
{
    const struct pat_tab *t = table(ix, 0);
    const struct pat_lens *lens = lengths(ix, 0);
    struct pat *best = NULL;
    size_t i = 0;

    if (!t || !lens)
        return NULL;
    if (text.len == 0)
        return find_exact(s, ix, SL(""));
    while (i < text.len) {
        if (words_from(s, t, lens, slice_sub(text, i, SIZE_MAX), pick, &best))
            break;
        while (i < text.len && !pat_is_delim(s->match, text.p[i]))
            i++;
        i++;
    }
    return best;
}

static struct pat *
find_int(const struct pat_set *s, const struct pat_index *ix, int64_t v, enum pat_pick pick)
{
    const struct pat_tab *t = table(ix, 0);
    struct pat *best = NULL, *p;
    uint32_t i;

    if (t) {
        PAT_TAB_EACH(t, hash_int(v), i, p)
        {
            if (p->k.range.lo == v) {
                if (take(s, &best, p, pick))
                    return best;
                break;
            }
        }
    }
    p = pat_segs_match(s, ix, SLICE_NONE, v, pick, NULL);
    return p && pat_better(s, p, best, pick) ? p : best;
}

/** The networks of one family that hold an address; the longest is found last. */
static bool
nets_with(const struct pat_set *s, const struct pat_index *ix, unsigned which,
          const unsigned char *addr, enum pat_pick pick, struct pat **best)
{
    const struct pat_tab *t = table(ix, which);
    const struct pat_lens *lens = lengths(ix, which);
    bool v6 = which == 1;
    size_t size = v6 ? 16 : 4;

    for (unsigned n = t && lens ? lens->n : 0; n-- > 0;) {
        unsigned char masked[16] = { 0 };
        unsigned bits = lens->len[n];
        uint64_t hash;
        struct pat *p;
        uint32_t i;

        if (v6) {
            mask6(masked, addr, bits);
        } else {
            uint32_t a;
            memcpy(&a, addr, 4);
            a &= bits ? htonl(0xffffffffu << (32 - bits)) : 0;
            memcpy(masked, &a, 4);
        }
        hash = hash_ip(masked, bits, v6);
        PAT_TAB_EACH(t, hash, i, p)
        if (p->k.ip.bits == bits && memcmp(p->k.ip.addr, masked, size) == 0)
            break;
        if (p && (take(s, best, p, pick) || pick == PICK_MAP))
            return true;
    }
    return false;
}

static struct pat *
find_ip(const struct pat_set *s, const struct pat_index *ix, const struct sample *v,
        enum pat_pick pick)
{
    unsigned char a6[16];
    struct in_addr v4;
    struct pat *best = NULL, *odd;
    bool has_v4 = as_ipv4(v, &v4), found = false;
    const struct pat_segs *segs;

    as_ipv6(v, a6);
    if (v->type == SMP_IPV4)
        found = nets_with(s, ix, 0, (const unsigned char *)&v4, pick, &best);
    found = found || nets_with(s, ix, 1, a6, pick, &best);
    if (!found && v->type == SMP_IPV6 && has_v4)
        found = nets_with(s, ix, 0, (const unsigned char *)&v4, pick, &best);
    segs = atomic_load_explicit(&ix->segs, memory_order_acquire);
    if (found || !segs || !has_v4)
        return best;
    odd = pat_segs_match(s, ix, slice((const char *)&v4, 4), 0, pick, NULL);
    return odd && pat_better(s, odd, best, pick) ? odd : best;
}

struct pat *
pat_find(const struct pat_set *s, const struct sample *v, enum pat_pick pick,
         struct regex_captures *cap)
{
    const struct pat_index *ix = atomic_load_explicit(&s->index, memory_order_acquire);
    const struct pat_small *small = atomic_load_explicit(&ix->small, memory_order_acquire);

    if (small)
        return find_small(s, small, v, pick, cap);
    switch (s->family) {
    case FAM_EXACT:
        return find_exact(s, ix, v->u.s);
    case FAM_PREFIX:
        return find_prefix(s, ix, v->u.s, pick);
    case FAM_SUFFIX:
        return find_suffix(s, ix, v->u.s, pick);
    case FAM_WORDS:
        return find_word(s, ix, v->u.s, pick);
    case FAM_INT:
        return find_int(s, ix, int_of(s, v), pick);
    case FAM_IP:
        return find_ip(s, ix, v, pick);
    case FAM_SUB:
    case FAM_REG:
        return pat_segs_match(s, ix, v->u.s, 0, pick, cap);
    default:
        return NULL;
    }
}
