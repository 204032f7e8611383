/* live.h - certificates, authorities and lists of them change while the process serves: what the
 * commands of the runtime API do (management manual 9.3).
 *
 * Any thread; one change at a time. A change is made in a transaction and takes effect when it is
 * committed, for handshakes that begin then. Functions that return false say why in `out`, in
 * HAProxy's words; others put their answer there. */
#ifndef TLSCONF_LIVE_H
#define TLSCONF_LIVE_H

#include "base/out.h"
#include "base/slice.h"
#include "tls/tls.h"

/* ---- certificates ---- */

bool live_cert_new(const char *name, struct text *out);
/** `name` may end with .key, .issuer, .ocsp or .sctl: only that part is replaced. */
bool live_cert_set(const char *name, struct slice payload, struct text *out);
bool live_cert_commit(const char *name, struct text *out);
bool live_cert_abort(const char *name, struct text *out);
bool live_cert_del(const char *name, struct text *out);
/** "" the list, else details of one; "*name" is that of the transaction. */
bool live_cert_show(const char *name, struct text *out);
bool live_cert_dump(const char *name, struct text *out);
/** Verification of tokens: on, off; and those that do. */
bool live_jwt_set(const char *name, bool on, struct text *out);
void live_jwt_show(struct text *out);

/* ---- lists ---- */

/** `line`: a certificate's name, or as a line of the file. */
bool live_list_add(const char *list, struct slice line, struct text *out);
/** `cert`: a name, perhaps with ":line". */
bool live_list_del(const char *list, const char *cert, struct text *out);
bool live_list_show(const char *list, bool numbers, struct text *out);

/* ---- authorities and revocations ---- */

bool live_ca_new(const char *name, bool crl, struct text *out);
/** `append`: what is there stays. */
bool live_ca_set(const char *name, bool crl, bool append, struct slice payload, struct text *out);
bool live_ca_commit(const char *name, bool crl, struct text *out);
bool live_ca_abort(const char *name, bool crl, struct text *out);
bool live_ca_del(const char *name, bool crl, struct text *out);
/** "" the list, else "name" or "name:index"; "*name" is that of the transaction. */
bool live_ca_show(const char *name, bool crl, struct text *out);

/* ---- keys of tickets ---- */

/** See tls_ticket_key_set(). */
enum tls_key_rc live_key_set(const char *id, struct slice base64);

/* ---- names ---- */

/** Server names and their certificates, of one frontend (NULL: all); `ended_at` (0: all): only
 * those that have ended then, seconds since the epoch. */
void live_sni_show(const char *frontend, int64_t ended_at, struct text *out);

/** Nothing runs any more. */
void live_release(void);

#endif
