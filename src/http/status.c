/* status.c - reason phrases. */
#include "http/status.h"

#define REASON_FIRST 100u
#define REASON_LAST  599u

static const struct slice reasons[REASON_LAST - REASON_FIRST + 1] = {
#define X(code, text) [code - REASON_FIRST] = { text, sizeof(text) - 1 },
    HTTP_STATUSES(X)
#undef X
};

static const struct slice classes[] = {
    { "Other", 5 },        { "Informational", 13 }, { "Success", 7 },
    { "Redirection", 11 }, { "Client Error", 12 },  { "Server Error", 12 },
};

struct slice
http_reason(unsigned status)
{
    if (status < REASON_FIRST || status > REASON_LAST)
        return classes[0];
    struct slice s = reasons[status - REASON_FIRST];
    return s.p ? s : classes[status / 100];
}
