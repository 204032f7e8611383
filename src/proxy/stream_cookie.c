/* stream_cookie.c - persistence cookies in requests and responses (manual 4.2: `cookie`, `option
 * checkcache`; 8.5 for the letters in logs). */
#include "proxy/stream_int.h"

#include <endian.h>

#include "http/cookie.h"
#include "proxy/cookie.h"

#define DATE_CHARS  5     /* base64 digits of a date: seconds / 4 */
#define FUTURE_S    86400 /* dates further ahead are not believed */
#define DATE_MARK   '|'   /* between value, last date and first date */
#define PREFIX_MARK '~'   /* behind the server's value, mode prefix */
#define VALUE_MAX   8192  /* of a Set-Cookie header that is made here */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* ---- dates ---- */

static int64_t
now_s(void)
{
    return loop_wall_us() / 1000000;
}

static void
put_date(struct out *o, int64_t s)
{
    uint64_t n = (uint64_t)s >> 2;

    for (int i = DATE_CHARS - 1; i >= 0; i--)
        out_char(o, digits[n >> (6 * i) & 63]);
}

/* 0 when there is none that can be read. */
static int64_t
read_date(struct slice s)
{
    int64_t n = 0;

    if (s.len < DATE_CHARS)
        return 0;
    for (unsigned i = 0; i < DATE_CHARS; i++) {
        const char *d = s.p[i] ? strchr(digits, s.p[i]) : NULL;
        if (!d)
            return 0;
        n = n << 6 | (d - digits);
    }
    return n << 2;
}

static bool
is_expired(int64_t date_s, int max_s)
{
    int64_t now = now_s();

    return max_s && date_s && (date_s + max_s < now || date_s > now + FUTURE_S);
}

/* ---- request ---- */

static struct server *
server_of_cookie(const struct proxy *be, struct slice value)
{
    struct server *srv;

    list_each (srv, &be->servers, link)
        if (srv->cookie && slice_eq_str(value, srv->cookie))
            return srv;
    return NULL;
}

/* What the cookie says: a letter for the log, and perhaps the server. */
static void
use_value(struct stream *s, struct slice value)
{
    struct proxy *be = s->be;

    if (s->flags & (SF_IGNORE_PERSIST | SF_ASSIGNED)) {
        s->ck_req = 'U'; /* something else decides */
        return;
    }
    struct server *srv = server_of_cookie(be, value);
    if (!srv) {
        if (s->ck_req != 'D')
            s->ck_req = 'I';
        return;
    }
    bool up = server_is_up(srv);
    s->ck_req = up ? 'V' : 'D';
    if (up || be->options & PO_PERSIST || s->flags & SF_FORCED) {
        s->srv = srv;
        s->flags |= SF_ASSIGNED;
    }
}

/* "value|last|first": takes the dates off. False when one of them is too old. */
static bool
take_dates(struct stream *s, struct slice *value)
{
    const struct proxy *be = s->be;
    struct slice rest, first;

    *value = slice_cut(*value, DATE_MARK, &rest);
    s->ck_last_s = s->ck_first_s = 0;
    if (rest.p) {
        slice_cut(rest, DATE_MARK, &first);
        s->ck_last_s = read_date(rest);
        s->ck_first_s = first.p ? read_date(first) : 0;
    }
    if (is_expired(s->ck_first_s, be->cookie_maxlife_s)) {
        s->ck_req = 'O';
        return false;
    }
    if (is_expired(s->ck_last_s, be->cookie_maxidle_s)) {
        s->ck_req = 'E';
        return false;
    }
    return true;
}

/* A header value that is rewritten from left to right; it only gets shorter. */
struct edit {
    struct slice old;
    size_t done;  /* bytes of it that were looked at */
    struct out o; /* p NULL: nothing was changed so far */
};

static bool
edit_copy_to(struct edit *e, size_t to, struct arena *arena)
{
    if (!e->o.p) {
        e->o.size = e->old.len;
        e->o.p = arena_alloc(arena, e->o.size + 1);
        if (!e->o.p)
            return false;
    }
    out_mem(&e->o, e->old.p + e->done, to - e->done);
    e->done = to;
    return true;
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Leaves the pair out, and one of the delimiters around it. */
static bool
edit_remove(struct edit *e, const struct http_cookie *k, struct arena *arena)
{
    struct out *o = &e->o;
    size_t at = k->to;
    char delimiter = ';';

    if (!edit_copy_to(e, k->from, arena))
        return false;
    while (o->len && is_blank(o->p[o->len - 1]))
        o->len--;
    if (o->len && (o->p[o->len - 1] == ';' || o->p[o->len - 1] == ','))
        delimiter = o->p[--o->len];
    while (o->len && is_blank(o->p[o->len - 1]))
        o->len--;
    while (at < e->old.len && is_blank(e->old.p[at]))
        at++;
    if (at < e->old.len && (e->old.p[at] == ';' || e->old.p[at] == ','))
        at++;
    while (at < e->old.len && is_blank(e->old.p[at]))
        at++;
    e->done = at;
    if (o->len && at < e->old.len) {
        out_char(o, delimiter);
        out_char(o, ' ');
    }
    return true;
}

/* Looks at one pair, and edits the header as the mode demands. False when memory is out. */
static bool
request_pair(struct stream *s, struct edit *e, const struct http_cookie *k)
{
    unsigned opts = s->be->ck_opts;
    bool decided = s->flags & SF_ASSIGNED && (s->ck_req == 'V' || s->ck_req == 'D');
    struct slice value = k->value, rest = SLICE_NONE;

    if (opts & CK_PREFIX) {
        value = slice_cut(value, PREFIX_MARK, &rest);
        if (!decided)
            use_value(s, value);
        if (!rest.p)
            return true;
        if (!edit_copy_to(e, (size_t)(value.p - e->old.p), &s->arena))
            return false;
        e->done += value.len + 1;
        return true;
    }
    if (!decided && take_dates(s, &value))
        use_value(s, value);
    if ((opts & (CK_INSERT | CK_INDIRECT)) != (CK_INSERT | CK_INDIRECT))
        return true;
    return edit_remove(e, k, &s->arena);
}

static bool
request_header(struct stream *s, struct http_hdr *f, struct slice name)
{
    struct http_cookie k = { 0 };
    struct edit e = { .old = f->value };

    while (http_cookie_next(e.old, false, &k))
        if (slice_eq(k.name, name) && !request_pair(s, &e, &k))
            return false;
    if (!e.o.p)
        return true;
    if (!edit_copy_to(&e, e.old.len, &s->arena))
        return false;
    f->value = slice_trim(out_slice(&e.o));
    s->rq.flags |= HTTP_HF_MODIFIED;
    if (!f->value.len)
        http_hdr_del_one(&s->rq, f);
    return true;
}

void
stream_cookie_request(struct stream *s)
{
    struct slice name = slice_str(s->be->cookie_name);
    struct http_hdr *f;
    unsigned pos = 0;

    s->ck_req = 'N';
    s->ck_res = 'N';
    while ((f = http_hdr_next(&s->rq, SL("cookie"), &pos)))
        if (!request_header(s, f, name))
            break; /* out of memory: the server sees a cookie that it does not know, nothing worse
                    */
    if (!(s->be->ck_opts & CK_ANY_MODE))
        s->ck_req = s->ck_res = '-';
}

/* ---- response: what the server sets ---- */

static bool
response_pair(struct stream *s, struct http_hdr *f, const struct http_cookie *k)
{
    unsigned opts = s->be->ck_opts;
    const char *mine = s->srv->cookie;
    struct slice value = slice_str(mine);

    s->ck_res = 'P';
    if (opts & CK_PRESERVE)
        return true;
    if (opts & CK_INSERT || (opts & CK_INDIRECT && s->flags & SF_ASSIGNED)) {
        http_hdr_del_one(&s->rs, f);
        s->ck_res = 'D';
        return true;
    }
    if (!mine)
        return true;
    if (opts & CK_REWRITE) {
        s->ck_res = 'R';
        return http_hdr_replace_part(&s->rs, f, k->value, value);
    }
    if (opts & CK_PREFIX) {
        char text[VALUE_MAX];
        struct out o = OUT(text);
        out_slice_put(&o, value);
        out_char(&o, PREFIX_MARK);
        s->ck_res = 'R';
        return !o.full && http_hdr_replace_part(&s->rs, f, slice(k->value.p, 0), out_slice(&o));
    }
    return true;
}

static bool
filter_set_cookies(struct stream *s)
{
    struct slice name = slice_str(s->be->cookie_name);
    struct http_hdr *f;
    unsigned pos = 0;

    while ((f = http_hdr_next(&s->rs, SL("set-cookie"), &pos))) {
        struct http_cookie k = { 0 };
        /* One cookie per header (RFC 6265, 3): what follows a comma is not ours. */
        if (http_cookie_next(f->value, true, &k) && !k.is_attribute && slice_eq(k.name, name) &&
            !response_pair(s, f, &k))
            return false;
    }
    return true;
}

/* ---- response: what we set ---- */

/* The dates that the client has are those we would write now? (Both are written in units of 4 s.)
 */
static bool
dates_are_stale(const struct stream *s)
{
    const struct proxy *be = s->be;
    bool dated = be->cookie_maxidle_s || be->cookie_maxlife_s;

    if (s->ck_req == 'N' || s->ck_req == '-')
        return false;
    if (s->ck_last_s ? s->ck_last_s >> 2 < now_s() >> 2 : dated)
        return true;
    return (s->ck_first_s != 0) != (be->cookie_maxlife_s != 0);
}

static bool
must_insert(const struct stream *s)
{
    unsigned opts = s->be->ck_opts;

    if (!(opts & CK_INSERT) || s->flags & SF_IGNORE_PERSIST)
        return false;
    if (opts & CK_POSTONLY && s->rq.meth != HTTP_POST)
        return false;
    if (opts & CK_PRESERVE && s->ck_res == 'P')
        return false;
    return !(s->flags & SF_ASSIGNED) || dates_are_stale(s);
}

static bool
add_set_cookie(struct stream *s)
{
    const struct proxy *be = s->be;
    char text[VALUE_MAX];
    struct out o = OUT(text);

    out_str(&o, be->cookie_name);
    out_char(&o, '=');
    if (s->srv->cookie) {
        out_str(&o, s->srv->cookie);
        if (be->cookie_maxidle_s || be->cookie_maxlife_s) {
            out_char(&o, DATE_MARK);
            put_date(&o, now_s());
        }
        if (be->cookie_maxlife_s) {
            bool keeps = s->flags & SF_ASSIGNED && s->ck_first_s;
            out_char(&o, DATE_MARK);
            put_date(&o, keeps ? s->ck_first_s : now_s());
        }
    } else {
        out_lit(&o, "; Expires=Thu, 01-Jan-1970 00:00:01 GMT");
    }
    out_lit(&o, "; path=/");
    if (be->cookie_domain) {
        out_lit(&o, "; domain=");
        out_str(&o, be->cookie_domain);
    }
    if (be->ck_opts & CK_HTTPONLY)
        out_lit(&o, "; HttpOnly");
    if (be->ck_opts & CK_SECURE)
        out_lit(&o, "; Secure");
    if (be->cookie_attrs) {
        out_lit(&o, "; ");
        out_str(&o, be->cookie_attrs);
    }
    s->ck_res = s->flags & SF_ASSIGNED ? 'U' : 'I';
    return !o.full && http_hdr_add(&s->rs, SL("set-cookie"), out_slice(&o));
}

/* ---- caches ---- */

enum { CACHEABLE = 1, CACHEABLE_COOKIE = 2 };

/* By method and status alone. */
static unsigned
cacheable_by_default(const struct stream *s)
{
    static const uint16_t list[] = { 200, 203, 204, 206, 300, 301, 404, 405, 410, 414, 501 };
    enum http_method m = s->rq.meth;

    if (m != HTTP_GET && m != HTTP_HEAD && m != HTTP_OPTIONS && m != HTTP_TRACE)
        return 0;
    for (unsigned i = 0; i < COUNT_OF(list); i++)
        if (list[i] == s->rs.status)
            return CACHEABLE | CACHEABLE_COOKIE;
    return 0;
}

/* Whether caches may keep the response, and its cookies with it (manual, option checkcache). The
 * last word counts. */
static unsigned
cacheability(const struct stream *s)
{
    const struct http_head *rs = &s->rs;
    unsigned may = cacheable_by_default(s);
    struct http_val it = { .full = true };
    bool fresh = false, zero_age = false;

    while (http_val_next(rs, SL("pragma"), &it))
        if (slice_eq_nocase(it.value, SL("no-cache")))
            return 0;
    it = (struct http_val){ .full = false };
    while (http_val_next(rs, SL("cache-control"), &it)) {
        struct slice v = it.value;
        if (slice_eq_nocase(v, SL("public"))) {
            may = CACHEABLE | CACHEABLE_COOKIE;
            zero_age = false;
        } else if (slice_eq_nocase(v, SL("private")) || slice_eq_nocase(v, SL("no-cache")) ||
                   slice_eq_nocase(v, SL("no-store"))) {
            may = 0;
        } else if (slice_eq_nocase(v, SL("max-age=0")) || slice_eq_nocase(v, SL("s-maxage=0"))) {
            zero_age = true;
        } else if (slice_starts_nocase(v, SL("no-cache=\"set-cookie"))) {
            may &= ~(unsigned)CACHEABLE_COOKIE;
        } else if (slice_starts_nocase(v, SL("max-age")) ||
                   slice_starts_nocase(v, SL("s-maxage"))) {
            fresh = true;
        }
    }
    /* Caches need a lifetime, or something to guess it from. */
    if (zero_age || !(fresh || http_hdr_first(rs, SL("expires")) ||
                      http_hdr_first(rs, SL("etag")) || http_hdr_first(rs, SL("last-modified"))))
        return 0;
    return may;
}

static bool
leaks_cookie(const struct stream *s, bool has_cookie)
{
    return has_cookie && s->be->options & PO_CHECKCACHE &&
           cacheability(s) == (CACHEABLE | CACHEABLE_COOKIE);
}

bool
stream_cookie_response(struct stream *s)
{
    const struct proxy *be = s->be;
    bool has_cookie = http_hdr_first(&s->rs, SL("set-cookie"));

    if (!s->srv || s->rs.status == 101)
        return true;
    if (be->cookie_name) {
        if (!filter_set_cookies(s))
            return false;
        if (must_insert(s)) {
            bool cached = be->ck_opts & CK_NOCACHE && cacheability(s);
            if (!add_set_cookie(s) ||
                (cached && !http_hdr_add_ref(&s->rs, SL("cache-control"), SL("private"))))
                return false;
        }
        if (!(be->ck_opts & CK_ANY_MODE))
            s->ck_res = '-';
    }
    if (!leaks_cookie(s, has_cookie))
        return true;
    log_printf(&be->log, NULL, LOGL_ALERT,
               "Blocking cacheable cookie in response from instance %s, server %s.\n", be->name,
               s->srv->name);
    return false;
}

/* ---- RDP ---- */

/* What Windows servers put into a routing token: "<address>.<port>.<reserved>" in decimal, both
 * numbers in network order read as little endian (MS-RDPBCGR, section 3.2.5.3.1). */
static bool
parse_token(struct slice v, struct addr *a)
{
    struct slice rest, ip = slice_cut(v, '.', &rest), port;
    uint64_t n, p;

    if (!rest.p)
        return false;
    port = slice_cut(rest, '.', &rest);
    if (!rest.p || !slice_to_uint(ip, &n) || !slice_to_uint(port, &p) || n > UINT32_MAX ||
        p > UINT16_MAX)
        return false;
    struct in_addr in = { .s_addr = htole32((uint32_t)n) };
    addr_from_ip4(a, in, be16toh(htole16((uint16_t)p)));
    return true;
}

void
stream_rdp_cookie(struct stream *s)
{
    struct server *srv;
    struct sample smp;
    struct addr a;

    if (!expr_eval_as(s->be->rdp_cookie, stream_ctx(s, s->be, PT_SRV, SMPO_FINAL), SMP_STR, &smp) ||
        !parse_token(smp.u.s, &a))
        return;
    list_each (srv, &s->be->servers, link) {
        if (srv->port != addr_port(&a) || !addr_eq(&srv->addr, &a, false))
            continue;
        if (server_is_up(srv) || s->be->options & PO_PERSIST) {
            s->srv = srv;
            s->flags |= SF_ASSIGNED;
            return;
        }
    }
}
