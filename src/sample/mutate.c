/* mutate.c - fetches and converters that give wrong values on purpose: see mutate.h. */
#include "sample/mutate.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Set while the configuration is read, before threads run. */
static const struct fetch *fetch_row;
static const struct conv *conv_row;
static struct fetch fetch_copy;
static struct conv conv_copy;
static bool far_off;

#define FAR_OFF 1000000000003 /* beyond what anybody waits, in ns */

void
mutate_record(const char *kind, const char *name)
{
    const char *path = getenv("STEELYARD_MUTATE_RECORD");
    int fd = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666) : -1;

    if (fd < 0)
        return;
    dprintf(fd, "%s %s\n", kind, name);
    close(fd);
}

bool
mutate_wants(const char *kind, const char *name)
{
    const char *wanted = getenv("STEELYARD_MUTATE");
    size_t n = strlen(kind);

    return wanted && strncmp(wanted, kind, n) == 0 && wanted[n] == ' ' &&
           strcmp(wanted + n + 1, name) == 0;
}

/** Another last byte; one more where there was none, or for what nobody can foresee. */
static bool
change_bytes(struct sample *s, struct sample_ctx *x)
{
    size_t len = s->u.s.len;

    s->flags |= SMPF_CONST; /* others may look at the same bytes */
    if (!sample_own(s, 1, x))
        return false;
    char *p = (char *)s->u.s.p;
    if (len && !far_off)
        p[len - 1] ^= 1;
    else
        p[s->u.s.len++] = 'x';
    return true;
}

static bool
change(struct sample *s, struct sample_ctx *x)
{
    switch (s->type) {
    case SMP_BOOL:
        s->u.i = !s->u.i;
        return true;
    case SMP_SINT:
        s->u.i = (int64_t)((uint64_t)s->u.i + (far_off ? FAR_OFF : 1));
        return true;
    case SMP_IPV4:
        s->u.v4.s_addr ^= htonl(1);
        return true;
    case SMP_IPV6:
        s->u.v6.s6_addr[15] ^= 1;
        return true;
    case SMP_METH:
        s->u.meth.id = HTTP_OTHER;
        s->u.meth.name = SL("CHANGED");
        return true;
    case SMP_STR:
    case SMP_BIN:
        return change_bytes(s, x);
    case SMP_ANY:
    case SMP_ADDR:
    case SMP_TYPES:
        break;
    }
    return false;
}

static bool
fetch_changed(const struct expr_arg *arg, struct sample_ctx *x, struct sample *out, void *private)
{
    return fetch_row->fn(arg, x, out, private) && change(out, x);
}

static bool
conv_changed(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    return conv_row->fn(arg, x, s, private) && change(s, x);
}

static bool
conv_skipped(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    return true;
}

const struct fetch *
mutate_fetch(const struct fetch *f)
{
    if (!f)
        return NULL;
    mutate_record("fetch", f->name);
    bool far = mutate_wants("far fetch", f->name);
    if (!far && !mutate_wants("fetch", f->name))
        return f;
    far_off = far;
    fetch_row = f;
    fetch_copy = *f;
    fetch_copy.fn = fetch_changed;
    return &fetch_copy;
}

const struct conv *
mutate_conv(const struct conv *v)
{
    if (!v)
        return NULL;
    mutate_record("conv", v->name);
    bool far = mutate_wants("far conv", v->name);
    bool changes = far || mutate_wants("conv", v->name), skips = mutate_wants("skip", v->name);
    if (!changes && !skips)
        return v;
    far_off = far;
    conv_row = v;
    conv_copy = *v;
    conv_copy.fn = changes ? conv_changed : conv_skipped;
    return &conv_copy;
}
