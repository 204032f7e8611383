/* fuzz_pp.c - PROXY protocol and NetScaler headers. Invariants: bytes beyond the header do not
 * matter, every beginning of an accepted header is incomplete, and what was read can be written. */
#include "net/pp.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(struct slice in, bool cip)
{
    struct pp_in h, again;
    enum pp_rc rc = cip ? pp_cip_parse(in, 0x01020304, &h) : pp_parse(in, &h);

    if (rc != PP_DONE)
        return;
    ASSERT(h.used > 0 && h.used <= in.len);
    struct slice exact = slice(in.p, h.used), part = slice(in.p, h.used - 1);
    rc = cip ? pp_cip_parse(exact, 0x01020304, &again) : pp_parse(exact, &again);
    ASSERT(rc == PP_DONE && again.used == h.used && again.local == h.local);
    rc = cip ? pp_cip_parse(part, 0x01020304, &again) : pp_parse(part, &again);
    ASSERT(rc == PP_MORE);

    struct pp_walk w = { .rest = h.tlvs };
    struct pp_tlv t;
    struct pp_ssl ssl;
    while (pp_tlv_walk(&w, &t)) {
        if (t.type == PP_TLV_SSL && !pp_ssl_parse(t.value, &ssl))
            continue;
    }
    if (h.local)
        return;
    char buf[PP_V2_MIN + 64];
    struct pp_out o = { .src = &h.src, .dst = &h.dst, .crc32c = true };
    size_t n = pp_write_v2(buf, sizeof(buf), &o);
    ASSERT(n > 0 && pp_parse(slice(buf, n), &again) == PP_DONE && again.used == n);
    if (addr_is_ip(&h.src))
        ASSERT(addr_eq(&h.src, &again.src, true) && addr_eq(&h.dst, &again.dst, true));
    n = pp_write_v1(buf, sizeof(buf), &h.src, &h.dst);
    ASSERT(n <= PP_V1_MAX);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check(slice((const char *)data, size), false);
    check(slice((const char *)data, size), true);
    return 0;
}
