/* units.h - times and sizes with a unit, and what exactly is wrong with one. */
#ifndef CONFIG_UNITS_H
#define CONFIG_UNITS_H

#include "base/slice.h"

enum unit_err {
    UNIT_OK,
    UNIT_EMPTY,
    UNIT_CHAR,     /* *bad is the character that does not belong there */
    UNIT_TRAILING, /* a valid time, then more: HAProxy accepts "5sec" with a warning; *bad as above
                    */
    UNIT_OVERFLOW,
};

/** Time in microseconds; `unit_us` applies without a suffix. *out is set for UNIT_OK and
 * UNIT_TRAILING. *suffixed (may be NULL) tells whether a unit was written. */
enum unit_err units_time(struct slice s, uint64_t unit_us, uint64_t *out_us, char *bad,
                         bool *suffixed);
/** Size in bytes: decimal with an optional k, m or g (powers of 1024, any case). */
enum unit_err units_size(struct slice s, uint64_t *out, char *bad);

#endif
