/* fuzz_addr.c - addresses and networks of the configuration: whatever the text, parsing ends with
 * an address that can be printed, or with a message. The first byte chooses what is accepted; names
 * are never resolved. */
#include "net/addr.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
print(const struct addr *a)
{
    char small[16], text[ADDR_TEXT_MAX];
    struct out o = OUT(text);

    addr_format(a, text, sizeof(text));
    addr_format(a, small, sizeof(small));
    addr_put_config(&o, a);
    ASSERT(addr_eq(a, a, true) && addr_cmp(a, a) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned kinds[] = { ADDR_FOR_BIND,      ADDR_FOR_DGRAM_BIND, ADDR_FOR_SERVER,
                                      ADDR_FOR_PEER,      ADDR_FOR_SOURCE,     ADDR_FOR_LOG,
                                      ADDR_FOR_NAMESERVER };
    char err[64];
    struct addr_spec spec;
    struct addr_net net;

    if (size == 0)
        return 0;
    unsigned opts = kinds[data[0] % COUNT_OF(kinds)];
    opts |= data[0] & 0x80 ? ADDR_O_DEFER : ADDR_O_NO_NAME;
    opts |= data[0] & 0x40 ? ADDR_O_QUIC : 0;
    char *s = malloc(size);
    if (!s)
        return 0;
    memcpy(s, data + 1, size - 1);
    s[size - 1] = '\0';
    if (addr_parse(s, opts, data[0] & 0x20 ? "/run/" : NULL, &spec, err, sizeof(err)))
        print(&spec.addr);
    else
        ASSERT(memchr(err, '\0', sizeof(err)));
    if (addr_net_parse(slice(s, size - 1), &net)) {
        char text[ADDR_TEXT_MAX];
        struct out o = OUT(text);
        struct addr_net again;
        addr_net_put(&o, &net);
        ASSERT(addr_net_parse(out_slice(&o), &again));
        ASSERT(memcmp(&net, &again, sizeof(net)) == 0);
    }
    free(s);
    return 0;
}
