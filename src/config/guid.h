/* guid.h - identifiers that are unique over all objects of a configuration. */
#ifndef CONFIG_GUID_H
#define CONFIG_GUID_H

#include <stdbool.h>
#include <stddef.h>

#define GUID_LEN_MAX 127

/** Whether `guid` may be one: letters, digits and ".:_-", at most GUID_LEN_MAX of them. False with
 * the reason in why[0..size). */
bool guid_valid(const char *guid, char *why, size_t size);

#endif
