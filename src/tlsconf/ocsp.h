/* ocsp.h - OCSP responses that are fetched by themselves (`ocsp-update`, manual 12.7.1 of 3.x). */
#ifndef TLSCONF_OCSP_H
#define TLSCONF_OCSP_H

#include "base/out.h"
#include "net/addr.h"
#include "tls/tls.h"

struct cfg;

/** ocsp-update.* of the global section. */
struct ocsp_settings {
    bool mode, disabled;
    unsigned min_s, max_s;
    bool has_proxy;
    struct addr proxy;
};
#define OCSP_MINDELAY_S 300
#define OCSP_MAXDELAY_S 3600
extern struct ocsp_settings ocsp_settings;

/** After all certificates are known: chooses those whose responses are fetched. Reports what keeps
 * others from it. */
void ocsp_check(struct cfg *c);
/** A certificate that came at run time is looked after as well, if its options or the mode say so.
 * Any worker thread. */
void ocsp_adopt(struct tls_cert *cert);
bool ocsp_thread_start(void);
void ocsp_thread_stop(void);
void ocsp_release(void);

/** How fetching went; numbers and texts are those of `show ssl ocsp-updates`. */
enum ocsp_status {
    OCSP_UNKNOWN,
    OCSP_UPDATED,
    OCSP_HTTP_ERROR,
    OCSP_NO_HEADER,
    OCSP_CHECK_FAILED,
    OCSP_NOT_STORED,
};
const char *ocsp_status_text(enum ocsp_status s);

/** Fetches the response of a certificate now, on the calling thread, checks and installs it, and
 * logs that. done(): once, later; `why` is a detail or NULL. NULL when it cannot be asked for, with
 * why in `err`. */
struct ocsp_fetch;
typedef void (*ocsp_fetch_fn)(enum ocsp_status s, const char *why, void *arg);
MUST_CHECK struct ocsp_fetch *ocsp_fetch_start(const char *name, ocsp_fetch_fn done, void *arg,
                                               struct text *err);
void ocsp_fetch_cancel(struct ocsp_fetch **f);

/** The table of `show ssl ocsp-updates`. Any thread. */
void ocsp_show_updates(struct text *to);

#endif
