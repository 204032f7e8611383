/* tune.c - default values of the process-wide tunables. */
#include "base/tune.h"

struct tune tune;

void
tune_defaults(void)
{
    tune = (struct tune){
        .bufsize = 16384,
        .maxrewrite = 1024,
        .http_maxhdr = 101,
        .http_logurilen = 1023, /* HAProxy: 1024 with the end of the text; what is set is without */
        .http_cookielen = 63,
        .nbproc = 1,
        .maxaccept = 64,
        .maxpollevents = 200,
        .stick_counters = 3,
        .cli_max_payload = 128 * 1024,
        .mworker_max_reloads = 50,
        .splice = true,
        .reuseport = true,
        .getaddrinfo = true,
        .fast_forward = true,
    };
}
