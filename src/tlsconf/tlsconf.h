/* tlsconf.h - what the configuration says about TLS, until it is handed to src/tls/. */
#ifndef TLSCONF_TLSCONF_H
#define TLSCONF_TLSCONF_H

#include "config/cfg.h"
#include "config/module.h"
#include "proxy/listener.h"
#include "server/server.h"
#include "tls/tls.h"

/** A certificate named by a bind line, a crt-list or ssl-f-use. */
struct crt_ref {
    struct crt_ref *next;
    struct tls_cert *cert;
    struct tls_options *line; /* its own options; NULL: those of the bind line */
    const char *const *filters;
    unsigned nfilters;
    bool is_default;              /* default-crt */
    const struct crt_line *owner; /* of a list; NULL: it was named alone */
};

/** Certificates in the order they are named. */
struct crt_refs {
    struct crt_ref *first, **tail;
    struct crt_list *list; /* where lines are noted; NULL: nowhere */
};

/** A line of a crt-list or a file of a folder, as `show ssl crt-list` prints it. Heap. */
struct crt_line {
    struct crt_line *next;
    char *cert, *options; /* options: "alpn h2"; NULL: no brackets */
    char **filters;
    unsigned nfilters, number;
};

/** A bind line that uses a list. */
struct crt_list_use {
    struct crt_list_use *next;
    struct tls_server *server;
    const struct bind_conf *bind;
    const struct tls_options *o; /* the bind line's */
};

/** A crt-list or a folder, once per name. */
struct crt_list {
    struct crt_list *next;
    char *name;
    struct crt_line *first, **tail;
    unsigned last;          /* number of a line, the highest given */
    bool is_dir;            /* a folder: its lines are its files */
    bool complete;          /* it was read once: another bind line gets the same lines */
    struct crt_line *again; /* where that is */
    struct crt_list_use *uses;
};
/** All of them; only the configuration and, later, tlsconf/live.c touch them. */
extern struct crt_list *crt_lists;
struct crt_list *crt_list_find(const char *name);
/** Finds or makes it, to be read (again). */
struct crt_list *crt_list_get(const char *name);
/** The line `number` about `cert`: noted now, unless the list was read before. */
struct crt_line *crt_list_note(struct crt_list *l, const struct crt_line *like);
void crt_line_free(struct crt_line *line);
/** A bind line uses the lists of its certificates. */
void crt_list_uses(const struct crt_refs *refs, const struct crt_list_use *like);
void crt_lists_clear(void);

/** Of one bind line; bind_conf.ext. */
struct bind_tls {
    struct tls_options o;
    struct crt_refs certs;
    const char *ticket_file, *ca_sign_file, *ca_sign_pass;
    struct slice tickets;
    bool generate, npn;
};

/** Of one server; found by its address, see server_tls(). */
struct server_tls {
    struct tls_options o;
    const char *crt, *verify_host;
    struct tls_cert *cert;
    bool no_sni_auto, sni_is_auto;
};

/** The global section's. */
struct tlsconf_global {
    const char *ca_base, *crt_base, *key_base;
    struct tls_options bind, server; /* ssl-default-... */
    unsigned extra;                  /* enum tls_extra */
    bool server_verify_none;
    const char *const *passphrase_cmd; /* words, NULL-terminated */
};
extern struct tlsconf_global tlsconf_global;

/* ---- options.c: what bind lines, crt-lists, servers and defaults have in common ---- */

enum option_side {
    OPT_BIND = 1 << 0,
    OPT_LINE = 1 << 1,
    OPT_SERVER = 1 << 2,
    OPT_DEF_BIND = 1 << 3,
    OPT_DEF_SERVER = 1 << 4
};

struct tls_option;
/** The option called `name` where `side` accepts it, else NULL. */
const struct tls_option *tls_option_find(const char *name, enum option_side side);
bool tls_option_has_argument(const struct tls_option *opt);
/** Stores it. `value`: its argument or NULL; strings are kept in `arena`. False with HAProxy's text
 * in `err`, without a full stop. */
bool tls_option_set(const struct tls_option *opt, enum option_side side, struct tls_options *o,
                    const char *value, struct arena *arena, struct text *err);
/** What is to be said to those who use the option, which was set in `o`; nothing about most. */
void tls_option_warning(const struct tls_option *opt, const struct tls_options *o,
                        struct text *warn);
/** What `o` does not say is taken from `def`. */
void tls_options_inherit(struct tls_options *o, const struct tls_options *def);
/** `path` below `base` when it is relative. In the arena, or `path` itself. */
const char *tls_path(struct arena *a, const char *base, const char *path);
/** Reports the texts of tls_option_set(), which it releases. */
enum cfg_rc tlsconf_report(struct cfg *c, unsigned word, struct text *err, struct text *warn,
                           bool stop);

/* ---- certificates ---- */

/** Finds or loads what `path` names and appends it to `refs`. False with `err`. */
bool crt_refs_add(struct crt_refs *refs, struct arena *arena, const char *path,
                  const struct crt_ref *like, struct text *err);
/** When `path` is a folder: it is a list, and the references from `first` on are its lines. */
void crt_refs_note_dir(struct crt_ref *first, const char *path);
void crt_refs_push(struct crt_refs *refs, struct arena *arena, const struct crt_ref *like,
                   struct tls_cert *cert);
/** Reads a crt-list; `name` is for messages. False with `err`. Untrusted enough to be fuzzed. */
bool crt_list_read(struct crt_refs *refs, struct arena *arena, const char *name, struct slice text,
                   struct text *err);
/** One line's words: certificate, options, names. Notes them in refs->list. */
bool crt_list_line(struct crt_refs *refs, struct arena *arena, const char *name, unsigned number,
                   struct slice line, struct text *err);

/** Options of a certificate itself: crt-store's `load`, crt-lists, ssl-f-use. */
struct load_options {
    struct tls_files files;
    const char *alias;
    struct tls_dummy dummy;
    bool jwt, any;           /* any: something was said */
    signed char ocsp_update; /* 1 on, -1 off, 0: not said */
};
/** Finds or loads what a line of a crt-list or ssl-f-use names, with these options, and appends it.
 * Files that are not named are looked for, unless one is. False with `err`. */
bool load_options_add(struct load_options *l, struct crt_refs *refs, struct arena *arena,
                      const char *path, const struct crt_ref *like, struct text *err);
/** True when `name` is one of them; *rc false with `err` when its value is not accepted. */
bool load_option_set(struct load_options *l, const char *name, const char *value, struct text *err,
                     bool *rc);
/** Loads a certificate as the options say (relative names below the bases). NULL with `err`. */
struct tls_cert *load_options_run(struct load_options *l, struct arena *arena, const char *name,
                                  const char *crt_base, const char *key_base, struct text *err);
/** The options that are not about files are given to a certificate. False with `err` when it was
 * told otherwise before. */
bool load_options_apply(const struct load_options *l, struct tls_cert *c, struct text *err);
/** Certificates of ssl-f-use lines of a frontend, NULL: none. */
const struct crt_refs *ssl_f_use_of(const struct proxy *px);
void ssl_f_use_forget(void);

/* ---- rows and checks ---- */

extern const struct keyword tlsconf_bind_keywords[], tlsconf_server_keywords[],
    tlsconf_global_keywords[], tlsconf_store_keywords[];
extern const struct section tlsconf_sections[];
/** The TLS options of a server line, made when it has none yet. */
struct server_tls *server_tls(struct cfg *c, struct server *s);
/** Makes the contexts of all bind lines; errors are reported to c. */
void tlsconf_check_binds(struct cfg *c);
/** Takes protocols that are not spoken out of an ALPN list in HTTP mode; *dropped when there were
 * any.
 */
void tlsconf_without_h2(struct arena *arena, struct tls_options *o, bool *dropped);
/** Makes the contexts of all servers; errors are reported to c. */
void tlsconf_check_servers(struct cfg *c);
/** Around the reading of a line with TLS options while threads run: certificates and authorities
 * stay as they are meanwhile. */
void tlsconf_begin_change(void);
void tlsconf_end_change(void);
/** Makes the context of a server that is added while threads run, between the two above; the files
 * it names must be known. False: errors are reported to c. */
MUST_CHECK bool tlsconf_add_server(struct cfg *c, struct server *s);
/** Before such a server goes: its context is no more changed. The caller frees it. */
void tlsconf_del_server(struct server *s);
/** Threads run: nothing is read from files any more. */
extern bool tlsconf_running;
/** Objects of the configuration, for changes at run time. */
struct tls_server *tlsconf_server(unsigned i);
struct tls_client *tlsconf_client(unsigned i);
/** Remembers an object until the configuration is released. */
void tlsconf_keep_server(struct tls_server *s);
void tlsconf_keep_client(struct tls_client *t);
void tlsconf_drop_client(const struct tls_client *t);
/** A passphrase from ssl-passphrase-cmd, heap; NULL: none. */
char *tlsconf_passphrase(const char *key_file);

#endif
