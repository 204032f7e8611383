/* anon_words.c - -dC<key>: words of a configuration, without names, addresses and texts. */
#include "process/anon_words.h"

#include "base/anon.h"
#include "base/htab.h"
#include "config/module.h"
#include "rules/rule.h"
#include "sample/sample.h"

#include <ctype.h>
#include <string.h>

#define NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."
#define JOINTS     "(),:{}[]!=|;&?"

/* ---- the words of the language: everything else is somebody's ---- */

static struct htab language;
static uint32_t key;

/* Words of operators and values that no table lists. */
static const char *const more_words[] = {
    "if",       "unless", "or",     "eq",     "ge",      "gt",         "le",         "lt",
    "on",       "off",    "true",   "false",  "-m",      "-i",         "-f",         "-n",
    "-M",       "-u",     "--",     "no",     "tcp",     "http",       "str",        "beg",
    "end",      "sub",    "reg",    "dir",    "dom",     "len",        "found",      "bool",
    "int",      "ip",     "all",    "none",   "default", "roundrobin", "static-rr",  "leastconn",
    "first",    "random", "source", "uri",    "hdr",     "url_param",  "rdp-cookie", "admin",
    "operator", "user",   "size",   "expire", "store",   "type",       "local0",     "info",
    "notice",   "err",    "crit",
};

static void
learn(const char *text)
{
    static bool known = true;

    while (text && *text) {
        text += strcspn(text, NAME_CHARS);
        size_t n = strspn(text, NAME_CHARS);
        if (n)
            htab_put(&language, slice(text, n), &known);
        text += n;
    }
}

static void
learn_language(void)
{
    for (unsigned m = 0; modules[m]; m++) {
        for (const struct section *s = modules[m]->sections; s && s->name; s++)
            learn(s->name);
        for (const struct keyword *k = modules[m]->keywords; k && k->name; k++) {
            learn(k->name);
            learn(k->args);
        }
        for (const struct fetch *f = modules[m]->fetches; f && f->name; f++)
            learn(f->name);
        for (const struct conv *v = modules[m]->convs; v && v->name; v++)
            learn(v->name);
        for (const struct action *a = modules[m]->actions; a && a->name; a++) {
            learn(a->name);
            learn(a->args);
        }
    }
    for (unsigned i = 0; i < COUNT_OF(more_words); i++)
        learn(more_words[i]);
}

/* Numbers, ranges of them, times and sizes. */
static bool
is_number(struct slice s)
{
    size_t i = 0;

    while (i < s.len && (isdigit((unsigned char)s.p[i]) || (i && s.p[i] == '-')))
        i++;
    return i > 0 && s.len - i <= 2 &&
           (i == s.len || isalpha((unsigned char)s.p[i]) || s.p[i] == '%');
}

/* "path_beg": a fetch and a match method. */
static bool
is_of_language(struct slice s)
{
    if (htab_get(&language, s))
        return true;
    for (size_t i = s.len; i-- > 1;)
        if (s.p[i] == '_')
            return htab_get(&language, slice_sub(s, 0, i)) &&
                   htab_get(&language, slice_sub(s, i + 1, SIZE_MAX));
    return false;
}

static void
put_part(struct out *o, struct slice part)
{
    if (!part.len || is_number(part) || is_of_language(part))
        out_slice_put(o, part);
    else if (!anon_put_addr(o, key, part))
        anon_put_id(o, key, part);
}

/* "ipv4@", "unix@" and the like stay. */
static struct slice
put_family(struct out *o, struct slice word)
{
    size_t at = slice_find(word, '@', 0);

    if (at == SIZE_MAX || at > 8)
        return word;
    out_slice_put(o, slice_sub(word, 0, at + 1));
    return slice_sub(word, at + 1, SIZE_MAX);
}

/* An address, or names joined by signs. */
static void
put_item(struct out *o, struct slice item)
{
    if (anon_put_addr(o, key, item))
        return;
    while (item.len) {
        size_t n = strcspn(item.p, JOINTS);
        n = MIN(n, item.len);
        put_part(o, slice_sub(item, 0, n));
        item = slice_sub(item, n, SIZE_MAX);
        if (item.len) {
            out_char(o, item.p[0]);
            item = slice_sub(item, 1, SIZE_MAX);
        }
    }
}

void
anon_words_begin(uint32_t with_key)
{
    key = with_key;
    learn_language();
}

void
anon_words_end(void)
{
    htab_fini(&language);
    language = (struct htab){ 0 };
}

void
anon_words_put(struct out *o, const char *text)
{
    struct slice word = slice_str(text);

    if (strpbrk(text, " \t%\"'\\$")) { /* formats, regular expressions, texts */
        out_lit(o, "[...]");
        return;
    }
    if (is_number(word) || is_of_language(word)) {
        out_slice_put(o, word);
        return;
    }
    while (word.p) {
        struct slice item = slice_cut(word, ',', &word);
        put_item(o, put_family(o, item));
        if (word.p)
            out_char(o, ',');
    }
}
