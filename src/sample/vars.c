/* vars.c - variables: interned names, sets of values per scope, limits. Manual 7.3.1
 * (set-var), 7.3.2 (var). Sets belong to the thread that runs their stream or session; only the
 * proc scope is shared and has a lock. */
#include "sample/vars.h"

#include "base/htab.h"
#include "base/spin.h"
#include "config/tune.h"

#include <stdlib.h>

#define VAR_INLINE    40  /* longer strings are on the heap */
#define VAR_CACHE_MAX 512 /* nodes that a thread keeps */

struct var_name {
    enum var_scope scope;
    char *text;       /* "txn.name" */
    const char *name; /* in text */
    size_t name_len;
};

struct var {
    struct var *next;
    const struct var_name *name;
    bool set;       /* false: exists, without a value */
    size_t charged; /* bytes counted in the set */
    struct sample value;
    char *heap; /* string longer than VAR_INLINE, or NULL */
    char bytes[VAR_INLINE];
};

struct vars *(*vars_scope_of)(struct sample_ctx *x, enum var_scope scope);

/* proc: `lock` covers the set and everything in it. names: `names_lock`. Both are leaf locks. */
static struct vars proc_vars;
static struct spin lock;
static struct htab names;
static struct spin names_lock;
static _Atomic size_t
    total_size; /* of all scopes; kept only while tune.vars.global-max-size is set */

static _Thread_local struct var *cache;
static _Thread_local unsigned ncache;

/* ---- names
 * ------------------------------------------------------------------------------------------- */

static const struct {
    const char *prefix;
    enum var_scope scope;
} scopes[] = {
    { "proc.", VAR_PROC }, { "sess.", VAR_SESS },   { "txn.", VAR_TXN },     { "req.", VAR_REQ },
    { "res.", VAR_RES },   { "check.", VAR_CHECK }, { "psess.", VAR_PSESS }, { "ptxn.", VAR_PTXN },
    { "preq.", VAR_PREQ }, { "pres.", VAR_PRES },
};

static void create_proc(const struct var_name *name);

/** Length of the scope's prefix, 0 when there is none or nothing follows it. */
static size_t
find_scope(struct slice text, enum var_scope *scope)
{
    for (unsigned i = 0; i < COUNT_OF(scopes); i++) {
        struct slice prefix = slice_str(scopes[i].prefix);
        if (text.len > prefix.len && slice_starts(text, prefix)) {
            *scope = scopes[i].scope;
            return prefix.len;
        }
    }
    return 0;
}

static struct var_name *
intern(struct slice text, enum var_scope scope, size_t prefix)
{
    struct var_name *v;

    spin_lock(&names_lock);
    v = htab_get(&names, text);
    if (!v) {
        v = xcalloc(1, sizeof(*v));
        v->scope = scope;
        v->text = xstrndup(text.p, text.len);
        v->name = v->text + prefix;
        v->name_len = text.len - prefix;
        htab_put(&names, slice(v->text, text.len), v);
    }
    spin_unlock(&names_lock);
    return v;
}

const struct var_name *
var_parse(struct slice text, char **err)
{
    enum var_scope scope;
    size_t prefix;

    if (text.len == 0) {
        *err = xstrdup("Empty variable name cannot be accepted");
        return NULL;
    }
    prefix = find_scope(text, &scope);
    if (prefix == 0) {
        *err =
            xasprintf("invalid variable name '%.*s'. A variable name must be start by its scope. "
                      "The scope can be 'proc', 'sess', 'txn', 'req', 'res' or 'check'",
                      SLF(text));
        return NULL;
    }
    for (size_t i = prefix; i < text.len; i++) {
        unsigned char c = (unsigned char)text.p[i], l = ascii_lower(c);
        if (!((l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.')) {
            *err = xasprintf("invalid syntax at char '%.*s'", (int)(text.len - i), text.p + i);
            return NULL;
        }
    }
    struct var_name *v = intern(text, scope, prefix);
    if (scope == VAR_PROC)
        create_proc(v);
    return v;
}

unsigned
var_cond_parse(const char *name)
{
    static const struct {
        const char *name;
        unsigned bit;
    } conds[] = {
        { "ifexists", VARC_IFEXISTS }, { "ifnotexists", VARC_IFNOTEXISTS },
        { "ifempty", VARC_IFEMPTY },   { "ifnotempty", VARC_IFNOTEMPTY },
        { "ifset", VARC_IFSET },       { "ifnotset", VARC_IFNOTSET },
        { "ifgt", VARC_IFGT },         { "iflt", VARC_IFLT },
    };

    for (unsigned i = 0; i < COUNT_OF(conds); i++)
        if (strcmp(name, conds[i].name) == 0)
            return conds[i].bit;
    return 0;
}

bool
var_is_writable(const struct var_name *v)
{
    return v->scope < VAR_PSESS;
}

enum var_scope
var_scope_of(const struct var_name *v)
{
    return v->scope;
}

const char *
var_text(const struct var_name *v)
{
    return v->text;
}

/* ---- nodes
 * ------------------------------------------------------------------------------------------- */

static struct var *
node_new(const struct var_name *name)
{
    struct var *v = cache;

    if (v) {
        cache = v->next;
        ncache--;
    } else if (!(v = malloc(sizeof(*v)))) {
        return NULL;
    }
    v->next = NULL;
    v->name = name;
    v->set = false;
    v->charged = 0;
    v->heap = NULL;
    return v;
}

static void
node_free(struct var *v)
{
    free(v->heap);
#ifndef __SANITIZE_ADDRESS__
    if (ncache < VAR_CACHE_MAX) {
        v->next = cache;
        cache = v;
        ncache++;
        return;
    }
#endif
    free(v);
}

void
vars_thread_fini(void)
{
    while (cache) {
        struct var *v = cache;
        cache = v->next;
        free(v);
    }
    ncache = 0;
}

static struct var *
node_find(const struct vars *set, const struct var_name *name)
{
    struct var *v = set->first;

    while (v && v->name != name)
        v = v->next;
    return v;
}

/** The one of that name, appended when new. */
static struct var *
node_get(struct vars *set, const struct var_name *name)
{
    struct var **end = &set->first;

    for (; *end; end = &(*end)->next)
        if ((*end)->name == name)
            return *end;
    *end = node_new(name);
    return *end;
}

static bool
has_bytes(const struct sample *s)
{
    return s->type == SMP_STR || s->type == SMP_BIN ||
           (s->type == SMP_METH && s->u.meth.id == HTTP_OTHER);
}

static struct slice *
bytes_of(struct sample *s)
{
    return s->type == SMP_METH ? &s->u.meth.name : &s->u.s;
}

/** Copies a value into a node. The value may be the node's own. */
static bool
node_store(struct var *v, const struct sample *value)
{
    char *old = v->heap;
    struct sample s = *value;

    if (has_bytes(&s)) {
        struct slice *b = bytes_of(&s);
        char *d = v->bytes;
        if (b->len > VAR_INLINE - 1 && !(d = malloc(b->len + 1)))
            return false;
        if (b->len)
            memmove(d, b->p, b->len);
        d[b->len] = '\0';
        b->p = d;
        v->heap = d == v->bytes ? NULL : d;
    } else {
        v->heap = NULL;
    }
    free(old);
    s.flags = SMPF_CONST;
    s.iter[0] = s.iter[1] = 0;
    v->value = s;
    v->set = true;
    return true;
}

/* ---- limits
 * ------------------------------------------------------------------------------------------ */

static size_t
cost_of(const struct sample *value)
{
    struct sample s = *value;

    return sizeof(struct var) + (has_bytes(&s) ? bytes_of(&s)->len : 0);
}

static size_t
scope_size(struct sample_ctx *x, enum var_scope scope)
{
    const struct vars *v = vars_scope_of ? vars_scope_of(x, scope) : NULL;

    return v ? v->size : 0;
}

/** Sizes are hierarchical: a scope counts what is inside its finer scopes. */
static bool
fits(struct sample_ctx *x, enum var_scope scope, size_t more)
{
    size_t reqres, txn, sess;

    if (tune.vars_global_max &&
        atomic_load_explicit(&total_size, memory_order_relaxed) + more > tune.vars_global_max)
        return false;
    if (scope == VAR_PROC)
        return !tune.vars_proc_max || proc_vars.size + more <= tune.vars_proc_max;
    if (scope == VAR_CHECK)
        return !tune.vars_check_max || scope_size(x, VAR_CHECK) + more <= tune.vars_check_max;
    if (!(tune.vars_reqres_max | tune.vars_txn_max | tune.vars_sess_max))
        return true;
    reqres = scope_size(x, VAR_REQ);
    if (!vars_scope_of || vars_scope_of(x, VAR_RES) != vars_scope_of(x, VAR_REQ))
        reqres += scope_size(x, VAR_RES);
    if ((scope == VAR_REQ || scope == VAR_RES) && tune.vars_reqres_max &&
        scope_size(x, scope) + more > tune.vars_reqres_max)
        return false;
    txn = reqres + scope_size(x, VAR_TXN);
    if (scope != VAR_SESS && tune.vars_txn_max && txn + more > tune.vars_txn_max)
        return false;
    sess = txn + scope_size(x, VAR_SESS);
    return !tune.vars_sess_max || sess + more <= tune.vars_sess_max;
}

static void
charge(struct vars *set, struct var *v, size_t cost)
{
    set->size += cost - v->charged;
    if (tune.vars_global_max)
        atomic_fetch_add_explicit(&total_size, cost - v->charged, memory_order_relaxed);
    v->charged = cost;
}

/* ---- access
 * ------------------------------------------------------------------------------------------ */

static void
create_proc(const struct var_name *name)
{
    spin_lock(&lock);
    (void)node_get(&proc_vars, name);
    spin_unlock(&lock);
}

static bool
get_proc(const struct var_name *name, struct sample_ctx *x, struct sample *out)
{
    struct var *v;
    bool ok = false;

    spin_lock(&lock);
    v = node_find(&proc_vars, name);
    if (v && v->set) {
        *out = v->value;
        ok = true;
        if (has_bytes(out)) { /* another thread may change it any time */
            struct slice *b = bytes_of(out);
            char *d = arena_alloc(x && x->tmp ? x->tmp : sample_tmp(), b->len + 1);
            ok = d != NULL;
            if (ok) {
                memcpy(d, b->p, b->len + 1);
                b->p = d;
                out->flags &= ~(unsigned)SMPF_CONST;
            }
        }
    }
    spin_unlock(&lock);
    return ok;
}

static struct vars *
scope_vars(struct sample_ctx *x, enum var_scope scope)
{
    if (scope == VAR_PROC)
        return &proc_vars;
    return vars_scope_of && x ? vars_scope_of(x, scope) : NULL;
}

bool
var_get(const struct var_name *name, struct sample_ctx *x, struct sample *out)
{
    struct vars *set;
    struct var *v;

    if (name->scope == VAR_PROC)
        return get_proc(name, x, out);
    set = scope_vars(x, name->scope);
    v = set ? node_find(set, name) : NULL;
    if (!v || !v->set)
        return false;
    out->type = v->value.type;
    out->flags |= SMPF_CONST;
    out->u = v->value.u;
    return true;
}

static bool
is_empty(const struct sample *value)
{
    struct sample s = *value;

    return has_bytes(&s) && bytes_of(&s)->len == 0;
}

/** Whether the conditions let `value` replace what is in `v` (NULL: does not exist). */
static bool
conds_hold(const struct var *v, const struct sample *value, unsigned cond)
{
    bool set = v && v->set;

    if (((cond & VARC_IFEXISTS) && !v) || ((cond & VARC_IFNOTEXISTS) && v))
        return false;
    if (((cond & VARC_IFSET) && !set) || ((cond & VARC_IFNOTSET) && set))
        return false;
    if (((cond & VARC_IFEMPTY) && !is_empty(value)) ||
        ((cond & VARC_IFNOTEMPTY) && is_empty(value)))
        return false;
    if (!(cond & (VARC_IFGT | VARC_IFLT)) || !set || v->value.type != SMP_SINT ||
        value->type != SMP_SINT)
        return true;
    return !((cond & VARC_IFGT) && v->value.u.i <= value->u.i) &&
           !((cond & VARC_IFLT) && v->value.u.i >= value->u.i);
}

static bool
set_in(struct vars *set, const struct var_name *name, struct sample_ctx *x,
       const struct sample *value, unsigned cond)
{
    struct var *v = node_find(set, name);
    size_t cost = cost_of(value);

    if (cond && !conds_hold(v, value, cond))
        return false;
    if (!v || cost > v->charged) {
        if (!fits(x, name->scope, cost - (v ? v->charged : 0)))
            return false;
    }
    if (!v && !(v = node_get(set, name)))
        return false;
    if (!node_store(v, value))
        return false;
    charge(set, v, cost);
    return true;
}

bool
var_set(const struct var_name *name, struct sample_ctx *x, const struct sample *value,
        unsigned cond)
{
    struct vars *set = scope_vars(x, name->scope);
    bool ok;

    if (!set || !var_is_writable(name))
        return false;
    if (name->scope != VAR_PROC)
        return set_in(set, name, x, value, cond);
    spin_lock(&lock);
    ok = set_in(set, name, x, value, cond);
    spin_unlock(&lock);
    return ok;
}

static void
unset_in(struct vars *set, const struct var_name *name)
{
    struct var *v = node_find(set, name);

    if (!v || !v->set)
        return;
    free(v->heap);
    v->heap = NULL;
    v->set = false;
    charge(set, v, 0);
}

void
var_unset(const struct var_name *name, struct sample_ctx *x)
{
    struct vars *set = scope_vars(x, name->scope);

    if (!set || !var_is_writable(name))
        return;
    if (name->scope == VAR_PROC)
        spin_lock(&lock);
    unset_in(set, name);
    if (name->scope == VAR_PROC)
        spin_unlock(&lock);
}

bool
vars_each(struct sample_ctx *x, enum var_scope scope,
          bool (*fn)(const struct var_name *v, const struct sample *value, void *arg), void *arg)
{
    struct vars *set = scope_vars(x, scope);
    bool go_on = true;

    if (!set)
        return true;
    if (scope == VAR_PROC)
        spin_lock(&lock);
    for (struct var *v = set->first; v && go_on; v = v->next)
        if (v->set)
            go_on = fn(v->name, &v->value, arg);
    if (scope == VAR_PROC)
        spin_unlock(&lock);
    return go_on;
}

void
vars_fini(struct vars *set)
{
    struct var *v = set->first;

    while (v) {
        struct var *next = v->next;
        charge(set, v, 0);
        node_free(v);
        v = next;
    }
    *set = (struct vars){ 0 };
}

void
vars_proc_fini(void)
{
    const struct htab_item *it;
    unsigned at = 0;

    vars_fini(&proc_vars);
    while ((it = htab_next(&names, &at))) {
        struct var_name *v = it->value;
        free(v->text);
        free(v);
    }
    htab_fini(&names);
    names = (struct htab){ 0 };
    vars_thread_fini();
}
