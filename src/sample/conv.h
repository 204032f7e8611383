/* conv.h - what the converter families share: bounded results, argument checks, and hooks into
 * higher layers. Manual 7.3.1. */
#ifndef SAMPLE_CONV_H
#define SAMPLE_CONV_H

#include "base/out.h"
#include "config/cfg.h"
#include "config/module.h"
#include "sample/acl.h"
#include "sample/vars.h"

/** Longest result of a converter in bytes: tune.bufsize, set once while the configuration is read.
 */
extern size_t conv_size_max;

/** Memory of this evaluation, or NULL. */
MUST_CHECK void *conv_alloc(size_t size, struct sample_ctx *x);
/** Makes *o a writer into x->tmp with room for `want` bytes, at most conv_size_max. False: out of
 * memory. */
MUST_CHECK bool conv_out(struct out *o, size_t want, struct sample_ctx *x);
/** Ends a conv_out(): the bytes become the value of *s. */
void conv_out_end(struct sample *s, enum sample_type type, const struct out *o);
/** Makes *s a value whose bytes live as long as the configuration or the message. */
void conv_set_const(struct sample *s, enum sample_type type, struct slice v);
/** The value of a variable as `t`; false when it is unset or cannot be cast. */
MUST_CHECK bool conv_var_as(const struct var_name *v, struct sample_ctx *x, enum sample_type t,
                            struct sample *out);

/* ---- argument checks, for the rows' check functions: false with *err set ----------------------
 */

/** ARG_STR becomes ARG_SINT (a decimal number, empty is 0) or ARG_VAR. */
bool conv_check_int_or_var(struct expr_arg *arg, char **err);
/** ARG_STR becomes ARG_VAR; `missing` is the error when it is empty. */
bool conv_check_var(struct expr_arg *arg, const char *missing, char **err);
/** ARG_STR becomes ARG_VAR, or stays ARG_STR with the text decoded from base64. `what` names it in
 * the error. */
bool conv_check_base64_or_var(struct expr_arg *arg, const char *what, struct cfg *c, char **err);

/** The integer an argument stands for at run time (see conv_check_int_or_var). False: variable
 * without number. */
MUST_CHECK bool conv_arg_int(const struct expr_arg *arg, struct sample_ctx *x, int64_t *out);
/** The bytes an argument checked by conv_check_base64_or_var() stands for; variables hold base64.
 * False: none. */
MUST_CHECK bool conv_arg_base64(const struct expr_arg *arg, struct sample_ctx *x,
                                struct slice *out);

/** Number at the start of `s`, as HAProxy reads integers: optional sign, digits, saturating. *used
 * tells how many bytes. */
int64_t conv_read_int(struct slice s, size_t *used);

/* ---- base64, shared with argument checks ------------------------------------------------------
 */

/** Room that `n` bytes need when encoded. */
static inline size_t
base64_room(size_t n)
{
    return (n + 2) / 3 * 4;
}

/** Encodes with the standard alphabet and padding, or (`url`) the URL-safe one without. `dst` has
 * base64_room() bytes. Returns the length. */
size_t base64_encode(char *dst, struct slice src, bool url);
/** Decodes into `dst`, which has src.len bytes and may be src.p. Returns the length or -1 when
 * malformed. */
ptrdiff_t base64_decode(char *dst, struct slice src, bool url);

/** The value at `path` of the JSON text in *s replaces it; `as_int`: numbers stay integers. False:
 * none. */
bool conv_json_find(struct slice path, bool as_int, struct sample_ctx *x, struct sample *s);

/* ---- what only higher layers know -------------------------------------------------------------
 */

/** Conditions of when(). */
enum conv_when {
    WHEN_STOPPING,
    WHEN_NORMAL,
    WHEN_ERROR,
    WHEN_FORWARDED,
    WHEN_TOAPPLET,
    WHEN_PROCESSED
};

/** Set once at start-up by the layers that own the objects. A NULL member: there is no such object.
 */
struct conv_hooks {
    /** nbsrv: usable servers of a backend; false when the backend is unknown. */
    bool (*backend_servers)(struct slice name, int64_t *n);
    /** srv_queue and srv_is_up: `name` is a server of x->px's backend or "backend/server"; false
     * when unknown. */
    bool (*server_queue)(struct sample_ctx *x, struct slice name, int64_t *n);
    bool (*server_up)(struct sample_ctx *x, struct slice name, bool *up);
    bool (*frontend_exists)(struct slice name);
    /** capture-req and capture-res: false when the frontend has no such slot. */
    bool (*capture)(struct sample_ctx *x, bool response, int64_t slot, struct slice value);
    bool (*when)(struct sample_ctx *x, enum conv_when cond);
    /** debug(): event sinks by name. `sink_find` returns NULL when unknown; lines end without
     * newline. */
    void *(*sink_find)(struct cfg *c, const char *name);
    void (*sink_write)(void *sink, struct slice line);
};
extern struct conv_hooks conv_hooks;

/* ---- the families, one module each: for process/modules.c --------------------------------------
 */

#define CONV_FAMILIES(X)                                                                           \
    X(hash)                                                                                        \
    X(math)                                                                                        \
    X(string)                                                                                      \
    X(field)                                                                                       \
    X(encode)                                                                                      \
    X(url)                                                                                         \
    X(json)                                                                                        \
    X(date)                                                                                        \
    X(net)                                                                                         \
    X(crypto)                                                                                      \
    X(mqtt)                                                                                        \
    X(fix)                                                                                         \
    X(protobuf)                                                                                    \
    X(http)                                                                                        \
    X(rfc7239)                                                                                     \
    X(var)                                                                                         \
    X(live)                                                                                        \
    X(jwt)                                                                                         \
    X(jwe)

#define X(family)                                                                                  \
    extern const struct conv conv_##family[];                                                      \
    extern const struct module conv_##family##_module;
CONV_FAMILIES(X)
#undef X

#endif
