/* fuzz_pem.c - certificate files: blocks, certificates, keys, DH parameters; a certificate that is
 * accepted has names. */
#include "tls/tls.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text err = { 0 }, warning = { 0 };

    tls_init();
    struct tls_cert *c = tls_cert_from_text("fuzz", slice((const char *)data, size), &err);
    ASSERT(c || err.len);
    if (c)
        tls_cert_warning(c, &warning);
    tls_cert_free(&c);
    tls_store_clear();
    text_fini(&warning);
    text_fini(&err);
    return 0;
}
