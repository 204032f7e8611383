/* fuzz_hello.c - TLS hellos: everything that is found lies within the input or the scratch memory;
 * fewer bytes never turn a hello into another one. */
#include "tls/hello.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned sink;

/* Touches every byte: an address outside of the memory is found by the sanitizer. */
static void
look_at(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        sink += (unsigned char)s.p[i];
}

static void
look_at_all(const struct tls_hello *h)
{
    struct slice list = h->alpn, item;
    uint16_t group;

    look_at(h->random);
    look_at(h->session_id);
    look_at(h->ciphers);
    look_at(h->sni);
    look_at(h->groups);
    look_at(h->point_formats);
    look_at(h->sigalgs);
    look_at(h->versions);
    look_at(h->key_shares);
    look_at(h->ticket);
    while (tls_hello_alpn_next(&list, &item))
        look_at(item);
    list = h->key_shares;
    while (tls_hello_share_next(&list, &group))
        sink += group;
}

static enum tls_hello_rc
parse(const uint8_t *data, size_t size)
{
    char *in = malloc(size ? size : 1), *scratch = malloc(size ? size : 1);
    struct tls_hello h;
    enum tls_hello_rc rc;
    uint8_t type;

    memcpy(in, data, size);
    rc = tls_hello_parse(slice(in, size), scratch, &h);
    if (rc == TLS_HELLO_OK)
        look_at_all(&h);
    if (tls_hello_type(slice(in, size), size & 1, &type) == TLS_HELLO_OK)
        sink += type;
    free(scratch);
    free(in);
    return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum tls_hello_rc rc = parse(data, size);

    /* A beginning is incomplete, or as good or bad as the whole. */
    for (size_t n = size; n > 0; n /= 2) {
        enum tls_hello_rc part = parse(data, n - 1);
        if (part != TLS_HELLO_MORE && part != rc)
            abort();
    }
    return 0;
}
