/* fuzz_h1_response.c - HTTP/1 responses: head and body, whole and in pieces. */
#include "fuzz_h1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_run(H1_RESPONSE, data, size);
}
