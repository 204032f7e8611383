/* fuzz_h1_request.c - HTTP/1 requests: head and body, whole and in pieces. */
#include "fuzz_h1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_run(H1_REQUEST, data, size);
}
