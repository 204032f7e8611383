/* ocsp.h - OCSP responses to be stapled: whose they are, how new ones are asked for, putting them
 * in place (RFC 6960, RFC 6066 section 8). Nothing here does I/O. Any thread. */
#ifndef TLS_OCSP_H
#define TLS_OCSP_H

#include "tls/tls.h"

/** Whether the response of a certificate is fetched by itself (`ocsp-update`). False when the
 * opposite was said before. Configuration time only. */
MUST_CHECK bool tls_ocsp_set_update(struct tls_cert *c, bool on);
/** 1: on, -1: off, 0: nothing was said. */
int tls_ocsp_update(const struct tls_cert *c);

/** Identifier of a certificate towards responders: a CertID with SHA-1 in DER, hexadecimal. False
 * when its issuer is not known. */
bool tls_ocsp_id(const struct tls_cert *c, struct text *to);
/** Where its responder is: the first http URI of the certificate. False: it has none. */
bool tls_ocsp_uri(const struct tls_cert *c, struct text *to);
/** An OCSP request for it in DER. False: the issuer is not known, or out of memory. */
MUST_CHECK bool tls_ocsp_request(const struct tls_cert *c, struct text *to);

/** What a check of a response demands. */
enum tls_ocsp_check {
    TLS_OCSP_CONTENT, /* status, certificate, dates */
    TLS_OCSP_SIGNED,  /* and the issuer's signature: it came over the network */
};
/** Checks a response for `c` (NULL: for any certificate of the store) and gives it to all
 * certificates that it is for. False with why in `err`, without a full stop. Untrusted input. */
MUST_CHECK bool tls_ocsp_install(const struct tls_cert *c, struct slice der,
                                 enum tls_ocsp_check check, struct text *err);
/** When its response ends, seconds since the epoch; 0: it has none. */
int64_t tls_ocsp_expires(const struct tls_cert *c);

/** The list of `show ssl ocsp-response`. */
void tls_ocsp_list(struct text *to);
/** The response of a certificate: by its identifier or its name, as text or base64. False: unknown,
 * or it has none. */
enum tls_ocsp_form { TLS_OCSP_TEXT, TLS_OCSP_BASE64 };
bool tls_ocsp_show(const char *id, enum tls_ocsp_form form, struct text *to);

#endif
