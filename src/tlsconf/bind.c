/* bind.c - TLS options of bind lines, and the objects made of them once all is read. */
#include "tlsconf/tlsconf.h"

#include "proxy/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct bind_tls *
bind_tls(struct cfg *c, struct bind_conf *b)
{
    if (!b->ext)
        b->ext = ARENA_NEW(c->arena, struct bind_tls);
    return b->ext;
}

/* Reads a small file; NULL with errno. */
static char *
read_file(const char *path, size_t *len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct text t = { 0 };
    char chunk[4096];
    ssize_t n;

    if (fd < 0)
        return NULL;
    while ((n = read(fd, chunk, sizeof(chunk))) > 0 && t.len < 64u << 20)
        text_mem(&t, chunk, (size_t)n);
    int e = errno;
    close(fd);
    if (n < 0) {
        text_fini(&t);
        errno = e;
        return NULL;
    }
    if (!t.p)
        text_str(&t, "");
    *len = t.len;
    return t.p ? t.p : xstrdup("");
}

/* ---- options ---- */

static enum cfg_rc
parse_option(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    const struct tls_option *opt = tls_option_find(kw->name, OPT_BIND);
    struct bind_tls *t = bind_tls(c, obj);
    const char *value = NULL;
    struct text err = { 0 }, warn = { 0 };
    unsigned word = *at - 1;

    if (tls_option_has_argument(opt) && *at < c->nwords)
        value = c->word[(*at)++].s;
    if (strcmp(kw->name, "npn") == 0)
        t->npn = true;
    tls_option_set(opt, OPT_BIND, &t->o, value, c->arena, &err);
    tls_option_warning(opt, &t->o, &warn);
    return tlsconf_report(c, value ? *at - 1 : word, &err, &warn, false);
}

static enum cfg_rc
parse_ssl(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct bind_conf *b = obj;

    if (b->px->mode == PX_CLI)
        return cfg_error(c, *at - 1,
                         "'ssl' is not supported yet on the sockets of the runtime API");
    b->flags |= BINDF_TLS;
    bind_tls(c, b);
    return CFG_OK;
}

static void
warn_about_certs(struct cfg *c, unsigned word, const struct crt_ref *r)
{
    for (; r; r = r->next) {
        struct text t = { 0 };
        if (tls_cert_warning(r->cert, &t))
            cfg_warn(c, word, "%s", t.p);
        text_fini(&t);
    }
}

static enum cfg_rc
parse_crt(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct bind_tls *t = bind_tls(c, obj);
    struct crt_ref like = { .is_default = kw->max };
    struct text err = { 0 }, none = { 0 };

    if (*at >= c->nwords)
        return cfg_error(c, *at - 1, "'%s' : missing certificate location", kw->name);
    struct crt_ref **tail = t->certs.tail ? t->certs.tail : &t->certs.first;
    if (crt_refs_add(&t->certs, c->arena, c->word[*at].s, &like, &err))
        crt_refs_note_dir(*tail, c->word[*at].s);
    ++*at;
    warn_about_certs(c, *at - 1, *tail);
    return tlsconf_report(c, *at - 1, &err, &none, false);
}

static enum cfg_rc
parse_crt_list(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct bind_tls *t = bind_tls(c, obj);
    struct text err = { 0 }, none = { 0 };
    size_t len;

    if (*at >= c->nwords)
        return cfg_error(c, *at - 1, "'%s' : missing certificate location", kw->name);
    const char *path = c->word[(*at)++].s;
    struct crt_ref **tail = t->certs.tail ? t->certs.tail : &t->certs.first;
    char *text = read_file(path, &len);
    if (!text)
        return cfg_error(c, *at - 1, "'%s' : cannot open file '%s' : %s", kw->name, path,
                         strerror(errno));
    t->certs.list = crt_list_get(path);
    crt_list_read(&t->certs, c->arena, path, slice(text, len), &err);
    t->certs.list = NULL;
    free(text);
    warn_about_certs(c, *at - 1, *tail);
    if (err.len) {
        struct text why = { 0 };
        const char *last = strchr(err.p, '\n');
        last = last ? last + 1 : err.p;
        text_printf(&why, "%.*s'%s' : %s", (int)(last - err.p), err.p, kw->name, last);
        text_fini(&err);
        err = why;
    }
    return tlsconf_report(c, *at - 1, &err, &none, false);
}

static enum cfg_rc
parse_ticket_keys(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct bind_tls *t = bind_tls(c, obj);
    struct text err = { 0 }, none = { 0 };
    size_t len;

    if (*at >= c->nwords)
        return cfg_error(c, *at - 1, "'%s' : missing TLS ticket keys file path", kw->name);
    t->ticket_file = c->word[(*at)++].s;
    char *text = read_file(t->ticket_file, &len);
    if (!text)
        return cfg_error(c, *at - 1, "'%s' : unable to load ssl tickets keys file", t->ticket_file);
    t->tickets = slice(arena_slicedup(c->arena, slice(text, len)), len);
    free(text);
    struct tls_server *probe = tls_server_new("", &t->o);
    struct text why = { 0 };
    if (!tls_server_ticket_keys(probe, t->ticket_file, t->tickets, &why))
        text_printf(&err, "'%s' : %s", t->ticket_file, why.p);
    text_fini(&why);
    tls_server_free(&probe);
    return tlsconf_report(c, *at - 1, &err, &none, false);
}

static enum cfg_rc
parse_generate(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    bind_tls(c, obj)->generate = true;
    return CFG_OK;
}

static enum cfg_rc
parse_ca_sign(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at)
{
    struct bind_tls *t = bind_tls(c, obj);
    bool pass = kw->max;

    if (*at >= c->nwords)
        return cfg_error(c, *at - 1, "'%s' : missing %s", kw->name,
                         pass ? "CAkey password" : "CAfile path");
    const char *value = c->word[(*at)++].s;
    if (pass)
        t->ca_sign_pass = value;
    else
        t->ca_sign_file = tls_path(c->arena, tlsconf_global.ca_base, value);
    return CFG_OK;
}

/* ---- once all is read ---- */

static enum cfg_rc PRINTF(3, 4)
    bind_error(struct cfg *c, const struct bind_conf *b, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return cfg_error_at(c, &b->loc, DIAG_BARE "Proxy '%s': %s for bind '%s' at [%s:%u].",
                        b->px->name, text, b->text, b->loc.file, b->loc.line);
}

static void
check_versions(struct cfg *c, const struct bind_conf *b, struct tls_options *o)
{
    if (o->no_versions && (o->min || o->max))
        cfg_warn_at(c, &b->loc,
                    DIAG_BARE "Proxy '%s': no-sslv3/no-tlsv1x are ignored for bind '%s' at "
                              "[%s:%u]. Use only 'ssl-min-ver' "
                              "and 'ssl-max-ver' to fix.",
                    b->px->name, b->text, b->loc.file, b->loc.line);
    if (!o->min && o->max && o->max < TLS_1_2) {
        cfg_warn_at(c, &b->loc,
                    DIAG_BARE "Proxy '%s': Ambiguous configuration for bind '%s' at [%s:%u]: the "
                              "ssl-min-ver value is not "
                              "configured and the ssl-max-ver value is lower than the default "
                              "ssl-min-ver value (TLSv1.2). "
                              "Setting the ssl-min-ver to %s. Use 'ssl-min-ver' to fix this.",
                    b->px->name, b->text, b->loc.file, b->loc.line, tls_version_name(o->max));
        o->min = o->max;
    }
}

/* HTTP/2 is not spoken yet: it must not be negotiated. */
void
tlsconf_without_h2(struct arena *arena, struct tls_options *o, bool *dropped)
{
    char *kept = arena_alloc(arena, o->alpn.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < o->alpn.len;) {
        size_t n = (unsigned char)o->alpn.p[i];
        struct slice name = slice(o->alpn.p + i + 1, n);
        if (slice_eq(name, SL("h2")) || slice_eq(name, SL("h3"))) {
            *dropped = true;
        } else {
            memcpy(kept + len, o->alpn.p + i, n + 1);
            len += n + 1;
        }
        i += n + 1;
    }
    o->alpn = slice(kept, len);
}

static void
settle_alpn(struct cfg *c, const struct bind_conf *b, struct bind_tls *t)
{
    static bool told;
    bool dropped = false;

    if (b->px->mode != PX_HTTP)
        return;
    if (!t->o.alpn.p && !(t->o.flags & TLSF_NO_ALPN) && !t->npn)
        t->o.alpn = SL("\010http/1.1");
    else if (t->o.alpn.len)
        tlsconf_without_h2(c->arena, &t->o, &dropped);
    for (struct crt_ref *r = t->certs.first; r; r = r->next)
        if (r->line && r->line->alpn.len)
            tlsconf_without_h2(c->arena, r->line, &dropped);
    if (dropped && !told) {
        told = true;
        cfg_warn_at(c, &b->loc,
                    "'bind %s' : HTTP/2 and HTTP/3 are not supported yet: only http/1.1 is "
                    "announced by ALPN.",
                    b->text);
    }
}

static enum cfg_rc
add_certs(struct tls_server *s, const struct crt_refs *refs, const struct tls_options *bind)
{
    for (struct crt_ref *r = refs->first; r; r = r->next) {
        if (r->is_default) {
            tls_server_add_default(s, r->cert);
            continue;
        }
        if (r->line)
            tls_options_inherit(r->line, bind);
        tls_server_add(s, r->cert, r->line, r->filters, r->nfilters, r->owner);
    }
    return CFG_OK;
}

static enum cfg_rc
add_generation(struct cfg *c, const struct bind_conf *b, struct bind_tls *t, struct tls_server *s)
{
    struct text why = { 0 };

    if (!t->generate)
        return CFG_OK;
    if (!t->ca_sign_file)
        return cfg_error_at(
            c, &b->loc,
            DIAG_BARE
            "Proxy '%s': cannot enable certificate generation, no CA certificate File configured "
            "at [%s:%u].",
            b->px->name, b->loc.file, b->loc.line);
    if (tls_server_mint(s, t->ca_sign_file, t->ca_sign_pass, &why))
        return CFG_OK;
    cfg_error_at(c, &b->loc,
                 DIAG_BARE "Proxy '%s': Failed to read CA certificate file '%s' at [%s:%u]. %s.",
                 b->px->name, t->ca_sign_file, b->loc.file, b->loc.line, why.p);
    text_fini(&why);
    return CFG_ERR;
}

static enum cfg_rc
check_certs(struct cfg *c, const struct bind_conf *b, const struct bind_tls *t,
            const struct tls_server *s)
{
    bool strict = t->o.flags & TLSF_STRICT_SNI, explicit = false;

    for (const struct crt_ref *r = t->certs.first; r; r = r->next)
        explicit |= r->is_default;
    if (strict && explicit)
        cfg_warn_at(c, &b->loc, "'bind %s' : 'default-crt' has no effect with 'strict-sni'.",
                    b->text);
    if (!tls_server_is_empty(s) || t->generate)
        return CFG_OK;
    if (!strict)
        return cfg_error_at(
            c, &b->loc,
            DIAG_BARE
            "Proxy '%s': no SSL certificate specified for bind '%s' at [%s:%u] (use 'crt').",
            b->px->name, b->text, b->loc.file, b->loc.line);
    cfg_warn_at(c, &b->loc,
                DIAG_BARE "Proxy '%s': no SSL certificate specified for bind '%s' at [%s:%u], ssl "
                          "connections will fail "
                          "(use 'crt').",
                b->px->name, b->text, b->loc.file, b->loc.line);
    return CFG_OK;
}

static void
finish_bind(struct cfg *c, struct bind_conf *b)
{
    struct bind_tls *t = b->ext;
    struct text why = { 0 };
    const struct crt_refs *more = ssl_f_use_of(b->px);

    tls_options_inherit(&t->o, &tlsconf_global.bind);
    if (b->px->options & PO_NO_ABORTONCLOSE)
        t->o.flags |= TLSF_HALF_CLOSED;
    check_versions(c, b, &t->o);
    settle_alpn(c, b, t);
    /* the same after a reload, so that sessions stay usable */
    char *id = xasprintf("%s/%s", b->px->name, b->text);
    struct tls_server *s = tls_server_new(id, &t->o);
    free(id);
    b->tls = s;
    tlsconf_keep_server(s);
    add_certs(s, &t->certs, &t->o);
    if (more)
        add_certs(s, more, &t->o);
    const struct crt_list_use use = { .server = s, .bind = b, .o = &t->o };
    crt_list_uses(&t->certs, &use);
    if (more)
        crt_list_uses(more, &use);
    if (t->tickets.p)
        (void)!tls_server_ticket_keys(s, t->ticket_file, t->tickets, &why);
    if (add_generation(c, b, t, s) == CFG_OK && check_certs(c, b, t, s) == CFG_OK &&
        !tls_server_finish(s, &why)) {
        if (strncmp(why.p, "unable to load SSL certificate", 30) ==
            0) /* of a file, not of the line's options */
            cfg_error_at(c, &b->loc, DIAG_PARSING "'bind %s' in section '%s' : %s.", b->text,
                         b->px->cap & PX_BE ? "listen" : "frontend", why.p);
        else
            bind_error(c, b, "%s", why.p);
    }
    text_fini(&why);
}

void
tlsconf_check_binds(struct cfg *c)
{
    struct proxy *px;
    struct bind_conf *b;

    list_each (px, &c->config->proxies, link)
        list_each (b, &px->binds, link)
            if (b->flags & BINDF_TLS && b->ext)
                finish_bind(c, b);
}

/* ---- rows ---- */

#define OPT(n, a, h)                                                                               \
    {                                                                                              \
        .name = (n), .args = (a), .where = IN_BIND, .parse = parse_option, .help = (h)             \
    }

const struct keyword tlsconf_bind_keywords[] = {
    { "ssl", NULL, IN_BIND, .parse = parse_ssl, .help = "deciphers TLS" },
    { "crt", "<cert>", IN_BIND, .parse = parse_crt,
      .help = "certificate with key, or a folder of them" },
    { "default-crt", "<cert>", IN_BIND, .parse = parse_crt, .max = 1,
      .help = "certificate for unknown names" },
    { "crt-list", "<file>", IN_BIND, .parse = parse_crt_list,
      .help = "certificates with options and names" },
    { "tls-ticket-keys", "<keyfile>", IN_BIND, .parse = parse_ticket_keys,
      .help = "keys of session tickets" },
    { "generate-certificates", NULL, IN_BIND, .parse = parse_generate,
      .help = "certificates are made on the fly" },
    { "ca-sign-file", "<cafile>", IN_BIND, .parse = parse_ca_sign,
      .help = "authority that signs generated certificates" },
    { "ca-sign-pass", "<passphrase>", IN_BIND, .parse = parse_ca_sign, .max = 1,
      .help = "passphrase of its key" },
    OPT("allow-0rtt", NULL, "accepts early data of TLS 1.3"),
    OPT("alpn", "<protocols>", "protocols announced, by preference"),
    OPT("no-alpn", NULL, "announces no protocol"),
    OPT("npn", "<protocols>", "predecessor of alpn"),
    OPT("ca-file", "<cafile>", "authorities of client certificates"),
    OPT("ca-verify-file", "<cafile>", "more of them, not announced to clients"),
    OPT("ca-ignore-err", "[all|<errorID>,...]",
        "errors tolerated in the chain of a client certificate"),
    OPT("crt-ignore-err", "[all|<errorID>,...]", "errors tolerated in a client certificate"),
    OPT("crl-file", "<crlfile>", "revoked client certificates"),
    OPT("ciphers", "<ciphers>", "ciphers up to TLS 1.2"),
    OPT("ciphersuites", "<ciphersuites>", "ciphers of TLS 1.3"),
    OPT("client-sigalgs", "<sigalgs>", "signature algorithms accepted from clients"),
    OPT("sigalgs", "<sigalgs>", "signature algorithms used"),
    OPT("curves", "<curves>", "curves of key agreements"),
    OPT("ecdhe", "<named curve>", "the only curve of key agreements"),
    OPT("force-sslv3", NULL, "only SSL 3"),
    OPT("force-tlsv10", NULL, "only TLS 1.0"),
    OPT("force-tlsv11", NULL, "only TLS 1.1"),
    OPT("force-tlsv12", NULL, "only TLS 1.2"),
    OPT("force-tlsv13", NULL, "only TLS 1.3"),
    OPT("no-sslv3", NULL, "no SSL 3"),
    OPT("no-tlsv10", NULL, "no TLS 1.0"),
    OPT("no-tlsv11", NULL, "no TLS 1.1"),
    OPT("no-tlsv12", NULL, "no TLS 1.2"),
    OPT("no-tlsv13", NULL, "no TLS 1.3"),
    OPT("no-ca-names", NULL, "does not tell clients the names of authorities"),
    OPT("no-tls-tickets", NULL, "no resumption by tickets"),
    OPT("tls-tickets", NULL, "undoes no-tls-tickets"),
    OPT("prefer-client-ciphers", NULL, "the client's preference of ciphers decides"),
    OPT("ssl-min-ver", "[ SSLv3 | TLSv1.0 | TLSv1.1 | TLSv1.2 | TLSv1.3 ]",
        "oldest version accepted"),
    OPT("ssl-max-ver", "[ SSLv3 | TLSv1.0 | TLSv1.1 | TLSv1.2 | TLSv1.3 ]",
        "newest version accepted"),
    OPT("strict-sni", NULL, "refuses clients that name no known host"),
    OPT("no-strict-sni", NULL, "undoes strict-sni"),
    OPT("verify", "[none|optional|required]", "whether client certificates are asked for"),
    { "ktls", "<on|off>", IN_BIND, .kind = KW_UNSUPPORTED, .flags = KWF_EXPERIMENTAL,
      .help = "TLS by the kernel" },
    { "ech", "<dir>", IN_BIND, .kind = KW_UNSUPPORTED, .flags = KWF_EXPERIMENTAL,
      .help = "encrypted client hello" },
    { 0 },
};
