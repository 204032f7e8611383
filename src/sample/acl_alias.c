/* acl_alias.c - the legacy ACL keywords (path_beg, hdr_dom, ...) and the predefined ACLs.
 * Manual 7.3.6 and 7.4. */
#include "base/htab.h"
#include "sample/acl_int.h"

#define STRINGS(name, fetch)                                                                       \
    { name, fetch, PM_STR, false }, { name "_beg", fetch, PM_BEG, true },                          \
        { name "_dir", fetch, PM_DIR, true }, { name "_dom", fetch, PM_DOM, true },                \
        { name "_end", fetch, PM_END, true }, { name "_len", fetch, PM_LEN, true },                \
        { name "_reg", fetch, PM_REG, true },                                                      \
    {                                                                                              \
        name "_sub", fetch, PM_SUB, true                                                           \
    }

static const struct acl_alias aliases[] = {
    STRINGS("base", "base"),
    STRINGS("cook", "req.cook"),
    STRINGS("hdr", "req.hdr"),
    { "http_auth_group", "http_auth_groups", PM_STR, false, true },
    { "method", "method", PM_STR, false },
    STRINGS("path", "path"),
    { "payload", "req.payload", PM_BIN, false },
    { "payload_lv", "req.payload_lv", PM_BIN, false },
    { "req.ssl_ver", "req.ssl_ver", PM_VER, false },
    { "req_rdp_cookie", "req.rdp_cookie", PM_STR, false },
    { "req_rdp_cookie_cnt", "req.rdp_cookie_cnt", PM_INT, false },
    { "req_ssl_sni", "req.ssl_sni", PM_STR, false },
    { "req_ssl_ver", "req.ssl_ver", PM_VER, false },
    { "req_ver", "req.ver", PM_STR, false },
    { "resp_ver", "res.ver", PM_STR, false },
    STRINGS("scook", "res.cook"),
    STRINGS("shdr", "res.hdr"),
    { "ssl_fc_sni_end", "ssl_fc_sni", PM_END, true },
    { "ssl_fc_sni_reg", "ssl_fc_sni", PM_REG, true },
    STRINGS("url", "url"),
    STRINGS("urlp", "urlp"),
};

const struct acl_alias *
acl_alias_find(struct slice name)
{
    static struct htab index;

    if (index.count == 0)
        for (unsigned i = 0; i < COUNT_OF(aliases); i++)
            htab_put(&index, slice_str(aliases[i].name), (void *)&aliases[i]);
    return htab_get(&index, name);
}

bool
acl_alias_nth(unsigned i, const char **name, const char **fetch, const char **match)
{
    if (i >= COUNT_OF(aliases))
        return false;
    *name = aliases[i].name;
    *fetch = aliases[i].fetch;
    *match = pat_match_name(aliases[i].match);
    return true;
}

void
acl_alias_each(void (*fn)(struct suggest *s, const char *name), struct suggest *s)
{
    for (unsigned i = 0; i < COUNT_OF(aliases); i++)
        fn(s, aliases[i].name);
}

/* ---- predefined
 * -----------------------------------------------------------------------------------------------
 */

#define PREDEFINED_WORDS 4

static const struct {
    const char *name;
    const char *word[PREDEFINED_WORDS];
} predefined[] = {
    { "FALSE", { "always_false" } },
    { "HTTP", { "req.proto_http" } },
    { "HTTP_1.0", { "req.ver", "1.0" } },
    { "HTTP_1.1", { "req.ver", "1.1" } },
    { "HTTP_2.0", { "req.ver", "2.0" } },
    { "HTTP_3.0", { "req.ver", "3.0" } },
    { "HTTP_CONTENT", { "req.hdr_val(content-length)", "gt", "0" } },
    { "HTTP_URL_ABS", { "url_reg", "^[^/:]*://" } },
    { "HTTP_URL_SLASH", { "url_beg", "/" } },
    { "HTTP_URL_STAR", { "url", "*" } },
    { "LOCALHOST", { "src", "127.0.0.1/8", "::1" } },
    { "METH_CONNECT", { "method", "CONNECT" } },
    { "METH_DELETE", { "method", "DELETE" } },
    { "METH_GET", { "method", "GET", "HEAD" } },
    { "METH_HEAD", { "method", "HEAD" } },
    { "METH_OPTIONS", { "method", "OPTIONS" } },
    { "METH_POST", { "method", "POST" } },
    { "METH_PUT", { "method", "PUT" } },
    { "METH_TRACE", { "method", "TRACE" } },
    { "RDP_COOKIE", { "req.rdp_cookie_cnt", "gt", "0" } },
    { "REQ_CONTENT", { "req.len", "gt", "0" } },
    { "TRUE", { "always_true" } },
    { "WAIT_END", { "wait_end" } },
};

/* Parsed ones, in the configuration arena `of`. */
static const struct acl *parsed[COUNT_OF(predefined)];
static const struct arena *parsed_in;

void
acl_predefined_forget(void)
{
    memset(parsed, 0, sizeof(parsed));
    parsed_in = NULL;
}

void
acl_predefined_offer(struct suggest *s)
{
    for (unsigned i = 0; i < COUNT_OF(predefined); i++)
        suggest_offer(s, predefined[i].name);
}

/** Parses the words as if they were a line. */
static const struct acl *
parse_predefined(struct cfg *c, unsigned which, char **err)
{
    struct cfg_word words[PREDEFINED_WORDS] = { 0 }, *line = c->word;
    struct acl *acl = acl_new(c->arena, predefined[which].name);
    struct acl_words w = { .c = c };
    unsigned n = 0, nline = c->nwords;
    bool ok;

    for (; n < PREDEFINED_WORDS && predefined[which].word[n]; n++) {
        words[n].s = arena_strdup(c->arena, predefined[which].word[n]);
        words[n].len = strlen(words[n].s);
    }
    c->word = words;
    c->nwords = n;
    w.to = n;
    ok = acl_expr_parse(&w, NULL, acl, err);
    c->word = line;
    c->nwords = nline;
    return ok ? acl : NULL;
}

const struct acl *
acl_predefined(struct cfg *c, struct slice name, char **err)
{
    if (parsed_in != c->arena) {
        acl_predefined_forget();
        parsed_in = c->arena;
    }
    for (unsigned i = 0; i < COUNT_OF(predefined); i++) {
        if (!slice_eq_str(name, predefined[i].name))
            continue;
        if (!parsed[i])
            parsed[i] = parse_predefined(c, i, err);
        return parsed[i];
    }
    return NULL;
}
