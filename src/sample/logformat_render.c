/* logformat_render.c - renders compiled log-formats.
 * Hot: writes into the caller's memory; what does not fit is cut. */
#include "sample/conv.h"
#include "sample/logformat_int.h"

#include <stdlib.h>

/* ---- values -----------------------------------------------------------------------------------
 */

static void
put_address_hex(struct out *o, const struct sample *s)
{
    static const char digit[] = "0123456789ABCDEF";
    const unsigned char *a =
        s->type == SMP_IPV4 ? (const unsigned char *)&s->u.v4 : s->u.v6.s6_addr;
    unsigned n = s->type == SMP_IPV4 ? 4 : 16;

    for (unsigned i = 0; i < n; i++) {
        out_char(o, digit[a[i] >> 4]);
        out_char(o, digit[a[i] & 15]);
    }
}

/** Upper-case hexadecimal of 32 bits, at least `width` digits. */
static void
put_int_hex(struct out *o, int64_t v, int width)
{
    static const char digit[] = "0123456789ABCDEF";
    uint32_t u = (uint32_t)v;

    for (int i = 7; i >= 0; i--)
        if (i < width || u >> (4 * i))
            out_char(o, digit[u >> (4 * i) & 15]);
}

/** The form an alias's number or address takes; false when it is text. */
static bool
put_alias_number(struct out *o, const struct logfmt_alias *a, unsigned flags,
                 const struct sample *s)
{
    if (s->type == SMP_SINT) {
        if (flags & LF_HEX && a->flags & (LOGA_HEX | LOGA_HEX2))
            put_int_hex(o, s->u.i, a->flags & LOGA_HEX ? 4 : 2);
        else if (a->flags & LOGA_PAD3 && s->u.i >= 0)
            out_uint_pad(o, (uint64_t)s->u.i, 3);
        else
            out_int(o, s->u.i);
        return true;
    }
    if (flags & LF_HEX && (s->type == SMP_IPV4 || s->type == SMP_IPV6)) {
        put_address_hex(o, s);
        return true;
    }
    return false;
}

/** Text with quotes and escapes. Empty is the same as missing: "-" or "" */
static void
put_text(struct out *o, struct slice s, unsigned flags, unsigned mask)
{
    if (flags & LF_QUOTE)
        out_char(o, '"');
    if (s.len)
        lf_put_bytes(o, s, mask | (flags & LF_ESCAPE ? B_ESCAPE : 0));
    else if ((flags & (LF_DASH | LF_QUOTE)) == LF_DASH)
        out_char(o, '-');
    if (flags & LF_QUOTE)
        out_char(o, '"');
}

/** The text of a value; up to a NUL where nothing makes it harmless. False when it cannot be text.
 */
static bool
text_of(struct sample *s, unsigned flags, struct sample_ctx *x, struct slice *text)
{
    if (!(flags & LF_BIN && s->type == SMP_BIN) && !sample_cast(s, SMP_STR, x))
        return false;
    *text = s->u.s;
    if (!(flags & (LF_BIN | LF_HTTP)) && text->len) {
        const char *nul = memchr(text->p, '\0', text->len);

        if (nul)
            text->len = (size_t)(nul - text->p);
    }
    return true;
}

static void
render_expr(const struct lf_node *n, struct sample *s, bool found, struct sample_ctx *x,
            struct out *o)
{
    struct slice text = SLICE_NONE;

    if (found)
        found = text_of(s, n->flags, x, &text);
    if (n->flags & LF_HTTP) /* encoded, hence never quoted */
        put_text(o, text, n->flags & ~(unsigned)LF_QUOTE, B_HTTP);
    else if (found || n->flags & LF_DASH)
        put_text(o, text, n->flags, 0);
}

static void
render_alias(const struct lf_node *n, struct sample *s, bool found, struct sample_ctx *x,
             struct out *o)
{
    const struct logfmt_alias *a = n->alias;
    unsigned flags = n->flags;
    struct slice text = SLICE_NONE;

    if (a->flags & LOGA_BARE)
        flags &= ~(unsigned)LF_QUOTE;
    if (a->flags & LOGA_EMPTY)
        flags &= ~(unsigned)LF_DASH;
    if (found && a->flags & LOGA_PLUS && s->flags & SMPF_MAY_CHANGE)
        out_char(o, '+');
    if (found && put_alias_number(o, a, flags, s))
        return;
    if (found && !text_of(s, flags, x, &text))
        text = SLICE_NONE;
    put_text(o, text, flags, a->flags & LOGA_URL ? B_URL : 0);
}

/** "{a|b}" or "a b": the elements that fn gives one by one. False when there is no list at all. */
static bool
render_list(const struct lf_node *n, unsigned flags, struct sample_ctx *x, struct out *o)
{
    const struct logfmt_alias *a = n->alias;
    bool braces = a->flags & LOGA_BRACES;
    unsigned each = braces ? flags & ~(unsigned)(LF_QUOTE | LF_DASH) : flags;
    struct sample s = { 0 };
    bool first = true;

    do {
        struct slice text = SLICE_NONE;

        s.flags = 0;
        s.type = SMP_ANY;
        bool found = a->fn(x, &s, a->private);
        if (found && s.type == SMP_ANY)
            break;
        bool more = s.flags & SMPF_NOT_LAST;
        if (found && !text_of(&s, flags, x, &text))
            text = SLICE_NONE;
        if (first && braces)
            out_str(o, flags & LF_QUOTE ? "\"{" : "{");
        else if (!first)
            out_char(o, braces ? '|' : ' ');
        put_text(o, text, each, B_HDR);
        first = false;
        if (!more)
            break;
    } while (!o->full);
    if (!first && braces)
        out_str(o, flags & LF_QUOTE ? "}\"" : "}");
    return !first;
}

/* ---- JSON and CBOR ----------------------------------------------------------------------------
 */

/** Room for the text of a list that is to be encoded. */
#define LIST_MAX 8192u

/** Turns the value of an item into one of the types that encodings know. False: missing. */
static bool
encodable(const struct lf_node *n, struct sample *s, struct sample_ctx *x)
{
    static const enum sample_type forced[] = {
        [LF_STR] = SMP_STR, [LF_SINT] = SMP_SINT, [LF_BOOL] = SMP_BOOL, [LF_RAW] = SMP_STR
    };

    bool hex = n->kind == LF_ALIAS && n->flags & LF_HEX &&
               (s->type == SMP_IPV4 || s->type == SMP_IPV6 ||
                (s->type == SMP_SINT && n->alias->flags & (LOGA_HEX | LOGA_HEX2)));

    if (hex) {
        struct out o;

        if (!conv_out(&o, 40, x))
            return false;
        put_alias_number(&o, n->alias, n->flags, s);
        conv_out_end(s, SMP_STR, &o);
    }
    if (n->type != LF_ANY)
        return sample_cast(s, forced[n->type], x);
    if (s->type == SMP_BOOL || s->type == SMP_SINT || s->type == SMP_STR)
        return true;
    if (s->type == SMP_BIN)
        return n->flags & LF_CBOR; /* JSON has no bytes */
    return sample_cast(s, SMP_STR, x);
}

static void
encode(const struct lf_node *n, struct sample *s, bool found, struct sample_ctx *x, struct out *o)
{
    if (found)
        found = s->type != SMP_ANY && encodable(n, s, x);
    if (n->flags & LF_JSON) {
        if (found)
            lf_json_value(o, n, s);
        else
            out_lit(o, "\"\"");
    } else if (!found) {
        lf_cbor_byte(o, n->flags, CBOR_NULL);
    } else if (n->type == LF_RAW) {
        out_slice_put(o, s->u.s);
    } else {
        lf_cbor_value(o, n->flags, s);
    }
}

/** The value of an item; lists become their text. */
static bool
value_of(const struct lf_node *n, struct sample_ctx *x, struct sample *s)
{
    struct out o;

    *s = (struct sample){ 0 };
    if (n->kind == LF_EXPR)
        return expr_eval(n->expr, x, s);
    if (!(n->alias->flags & (LOGA_BRACES | LOGA_LIST)))
        return n->alias->fn(x, s, n->alias->private);
    if (!conv_out(&o, LIST_MAX, x) || !render_list(n, LF_DASH, x, &o))
        return false;
    conv_out_end(s, SMP_STR, &o);
    return true;
}

/** Key and separator of an item of an object. */
static void
put_key(struct out *o, const struct lf_node *n, unsigned whole, bool first)
{
    if (whole & LF_CBOR) {
        lf_cbor_string(o, n->flags, CBOR_TEXT, n->text);
        return;
    }
    if (!first)
        out_lit(o, ", ");
    out_char(o, '"');
    out_slice_put(o, n->text); /* names have no characters that need an escape */
    out_lit(o, "\": ");
}

/** The whole line as one object of its named items. */
static void
render_object(const struct logfmt *f, struct sample_ctx *x, struct out *o)
{
    bool first = true, cbor = f->whole & LF_CBOR;

    if (cbor)
        lf_cbor_byte(o, f->whole, CBOR_MAP_OPEN);
    else
        out_char(o, '{');
    for (unsigned i = 0; i < f->n && !o->full; i++) {
        const struct lf_node *n = &f->node[i];
        struct sample s;

        if (n->kind == LF_TEXT || n->text.len == 0)
            continue;
        put_key(o, n, f->whole, first);
        first = false;
        encode(n, &s, value_of(n, x, &s), x, o);
    }
    if (cbor)
        lf_cbor_byte(o, f->whole, CBOR_CLOSE);
    else
        out_char(o, '}');
}

/* ---- plain lines ------------------------------------------------------------------------------
 */

/** False when nothing at all was written: such an item does not separate the spaces around it. */
static bool
render_item(const struct lf_node *n, struct sample_ctx *x, struct out *o)
{
    struct sample s;

    if (n->flags & LF_ENCODE) {
        encode(n, &s, value_of(n, x, &s), x, o);
        return true;
    }
    if (n->kind == LF_ALIAS && n->alias->flags & (LOGA_BRACES | LOGA_LIST))
        return render_list(n, n->flags, x, o);
    bool found = value_of(n, x, &s);
    if (n->kind == LF_EXPR) {
        render_expr(n, &s, found, x, o);
        return true;
    }
    if (found && s.type == SMP_ANY)
        return false;
    render_alias(n, &s, found, x, o);
    return true;
}

bool
logfmt_render(const struct logfmt *f, struct sample_ctx *x, struct out *o)
{
    bool space = f->merge; /* spaces at the start are dropped like those that follow one */

    if (f->whole & LF_ENCODE) {
        render_object(f, x, o);
        return !o->full;
    }
    for (unsigned i = 0; i < f->n && !o->full; i++) {
        const struct lf_node *n = &f->node[i];

        if (n->kind == LF_TEXT) {
            bool skip = space && n->text.p[0] == ' ';

            out_mem(o, n->text.p + skip, n->text.len - skip);
            if (n->text.len > skip)
                space = f->merge && n->text.p[n->text.len - 1] == ' ';
        } else if (render_item(n, x, o)) {
            space = false;
        }
    }
    return !o->full;
}

/* ---- into memory of the evaluation ------------------------------------------------------------
 */

/** The thread's buffer. Rendering may render again (a fetch that makes the unique id): then the
 * inner one allocates. */
static _Thread_local struct {
    char *p;
    size_t size;
    bool busy;
} scratch;

void
logfmt_thread_fini(void)
{
    free(scratch.p);
    scratch.p = NULL;
    scratch.size = 0;
}

/** A buffer of conv_size_max bytes, or NULL. */
static char *
take_buffer(struct sample_ctx *x, bool *own)
{
    *own = !scratch.busy;
    if (!*own)
        return conv_alloc(conv_size_max, x);
    if (scratch.size < conv_size_max) {
        free(scratch.p);
        scratch.p = malloc(conv_size_max);
        scratch.size = scratch.p ? conv_size_max : 0;
    }
    scratch.busy = scratch.p != NULL;
    return scratch.p;
}

struct slice
logfmt_slice(const struct logfmt *f, struct sample_ctx *x)
{
    struct slice text;
    bool own;

    if (logfmt_is_const(f, &text))
        return text;
    struct out o = { take_buffer(x, &own), 0, conv_size_max, false };
    if (!o.p)
        return SLICE_NONE;
    logfmt_render(f, x, &o);
    char *p = conv_alloc(o.len + 1, x);
    if (p) {
        memcpy(p, o.p, o.len);
        p[o.len] = '\0';
    }
    if (own)
        scratch.busy = false;
    return p ? slice(p, o.len) : SLICE_NONE;
}

static void
thread_stop(struct config *cf)
{
    logfmt_thread_fini();
}

const struct module logfmt_module = { .name = "log-format", .thread_stop = thread_stop };
