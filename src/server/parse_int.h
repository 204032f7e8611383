/* parse_int.h - what the files that read server lines share. */
#ifndef SERVER_PARSE_INT_H
#define SERVER_PARSE_INT_H

#include "server/server.h"

/** A server without a place in any list: defaults, or a copy of `from`'s settings. */
struct server *server_make(struct cfg *c, struct proxy *px, const char *name,
                           const struct server *from);
/** Finds a named server of a backend; NULL. */
struct server *server_find(struct list *servers, const char *name);
/** The server's address at start (init-addr). Reports errors. */
enum cfg_rc server_resolve_start(struct cfg *c, struct server *s);
/** Links a server to the one it tracks. Reports errors. */
enum cfg_rc server_resolve_track(struct cfg *c, struct server *s);
/** An error about a server line, after parsing: "'server b/s' : ...". */
enum cfg_rc server_error(struct cfg *c, const struct server *s, const char *fmt, ...) PRINTF(3, 4);
/* source.c: options about the way of connections. */
enum cfg_rc server_opt_source(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at);
enum cfg_rc server_opt_usesrc(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at);
enum cfg_rc server_opt_socks4(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at);
enum cfg_rc server_opt_namespace(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at);
enum cfg_rc server_opt_md5sig(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at);
enum cfg_rc server_opt_log_proto(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at);
enum cfg_rc server_opt_log_bufsize(struct cfg *c, const struct keyword *kw, void *obj,
                                   unsigned *at);
enum cfg_rc server_opt_pool_name(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at);

#endif
