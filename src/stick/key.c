/* key.c - keys of stick tables: from samples and text, to samples and text. */
#include "stick/table.h"

#include <arpa/inet.h>
#include <string.h>

const char *const stick_type_names[STICK_TYPES] = {
    [STICK_IP] = "ip",         [STICK_IPV6] = "ipv6",     [STICK_INTEGER] = "integer",
    [STICK_STRING] = "string", [STICK_BINARY] = "binary",
};

static bool
key_from(struct stick_key *k, const void *p, unsigned len)
{
    memcpy(k->buf, p, len);
    k->p = k->buf;
    k->len = len;
    return true;
}

static void
key_from_string(const struct stick_table *t, struct slice s, struct stick_key *k)
{
    k->p = s.len ? s.p : "";
    k->len = (unsigned)strnlen(k->p, MIN(s.len, (size_t)t->key_size));
}

/* Cut, or padded with zeros. */
static bool
key_from_binary(const struct stick_table *t, struct slice s, struct arena *tmp, struct stick_key *k)
{
    k->p = s.p;
    k->len = t->key_size;
    if (s.len >= t->key_size)
        return true;
    char *p = t->key_size <= sizeof(k->buf) ? k->buf : arena_alloc(tmp, t->key_size);
    if (!p)
        return false;
    if (s.len)
        memcpy(p, s.p, s.len);
    memset(p + s.len, 0, t->key_size - s.len);
    k->p = p;
    return true;
}

bool
stick_key_sample(const struct stick_table *t, struct sample *s, struct sample_ctx *x,
                 struct stick_key *k)
{
    static const enum sample_type as[STICK_TYPES] = {
        [STICK_IP] = SMP_IPV4,    [STICK_IPV6] = SMP_IPV6,  [STICK_INTEGER] = SMP_SINT,
        [STICK_STRING] = SMP_STR, [STICK_BINARY] = SMP_BIN,
    };
    uint32_t i;

    if (s->type != as[t->type] && !sample_cast(s, as[t->type], x))
        return false;
    switch (t->type) {
    case STICK_IP:
        return key_from(k, &s->u.v4, sizeof(s->u.v4));
    case STICK_IPV6:
        return key_from(k, &s->u.v6, sizeof(s->u.v6));
    case STICK_INTEGER:
        i = (uint32_t)s->u.i;
        return key_from(k, &i, sizeof(i));
    case STICK_STRING:
        key_from_string(t, s->u.s, k);
        return true;
    case STICK_BINARY:
        return key_from_binary(t, s->u.s, x->tmp, k);
    default:
        return false;
    }
}

bool
stick_key_text(const struct stick_table *t, const char *text, struct stick_key *k)
{
    struct in6_addr v6;
    struct in_addr v4;
    uint64_t u;
    uint32_t i;

    switch (t->type) {
    case STICK_IP:
        return inet_pton(AF_INET, text, &v4) == 1 && key_from(k, &v4, sizeof(v4));
    case STICK_IPV6:
        return inet_pton(AF_INET6, text, &v6) == 1 && key_from(k, &v6, sizeof(v6));
    case STICK_INTEGER:
        if (!slice_to_uint(slice_str(text), &u) || u > UINT32_MAX)
            return false;
        i = (uint32_t)u;
        return key_from(k, &i, sizeof(i));
    case STICK_STRING:
        key_from_string(t, slice_str(text), k);
        return true;
    default:
        return false;
    }
}

void
stick_key_get(const struct stick_table *t, const struct stick_entry *e, struct sample *out)
{
    const char *p = (const char *)e + t->key_offset;
    uint32_t i;

    *out = (struct sample){ .flags = SMPF_CONST };
    switch (t->type) {
    case STICK_IP:
        out->type = SMP_IPV4;
        memcpy(&out->u.v4, p, sizeof(out->u.v4));
        break;
    case STICK_IPV6:
        out->type = SMP_IPV6;
        memcpy(&out->u.v6, p, sizeof(out->u.v6));
        break;
    case STICK_INTEGER:
        memcpy(&i, p, sizeof(i));
        sample_set_int(out, i);
        break;
    case STICK_STRING:
        sample_set_str(out, slice(p, strnlen(p, t->key_size)));
        break;
    default:
        out->type = SMP_BIN;
        out->u.s = slice(p, t->key_size);
        break;
    }
}

/* One byte of a string key: what would break a line of "name=value" words is escaped. */
static void
put_escaped(struct text *to, unsigned char ch)
{
    static const char plain[] = { '\t', 't', '\n', 'n', '\r', 'r', '\033', 'e' };

    for (unsigned i = 0; i < sizeof(plain); i += 2) {
        if (ch == (unsigned char)plain[i]) {
            text_char(to, '\\');
            text_char(to, plain[i + 1]);
            return;
        }
    }
    if (ch < ' ' || ch >= 0x7f) {
        text_printf(to, "\\x%02X", ch);
        return;
    }
    if (ch == '\\' || ch == ' ' || ch == '=')
        text_char(to, '\\');
    text_char(to, (char)ch);
}

void
stick_key_put(const struct stick_table *t, const struct stick_entry *e, struct text *to)
{
    const char *p = (const char *)e + t->key_offset;
    char ip[INET6_ADDRSTRLEN];
    uint32_t i;

    switch (t->type) {
    case STICK_IP:
        text_str(to, inet_ntop(AF_INET, p, ip, sizeof(ip)));
        return;
    case STICK_IPV6:
        text_str(to, inet_ntop(AF_INET6, p, ip, sizeof(ip)));
        return;
    case STICK_INTEGER:
        memcpy(&i, p, sizeof(i));
        text_printf(to, "%u", i);
        return;
    case STICK_STRING:
        for (size_t n = 0; n < t->key_size && p[n]; n++)
            put_escaped(to, (unsigned char)p[n]);
        return;
    default:
        for (size_t n = 0; n < t->key_size; n++)
            text_printf(to, "%02X", (unsigned char)p[n]);
        return;
    }
}
