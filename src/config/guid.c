/* guid.c - identifiers that are unique over all objects of a configuration. */
#include "config/guid.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

bool
guid_valid(const char *guid, char *why, size_t size)
{
    if (strlen(guid) > GUID_LEN_MAX) {
        snprintf(why, size, "longer than %d characters", GUID_LEN_MAX);
        return false;
    }
    for (const char *p = guid; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr(".:_-", *p)) {
            snprintf(why, size, "invalid character '%c'", *p);
            return false;
        }
    return true;
}
