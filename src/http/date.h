/* date.h - dates in HTTP (RFC 9110, 5.6.7). */
#ifndef HTTP_DATE_H
#define HTTP_DATE_H

#include "base/slice.h"

/** "Sun, 06 Nov 1994 08:49:37 GMT" is always this long. */
#define HTTP_DATE_LEN 29

/** Writes an IMF-fixdate for seconds since 1970 (years 0 to 9999, clamped); no NUL. */
void http_date_format(int64_t sec, char to[HTTP_DATE_LEN]);
/** The same text, kept per thread as long as the second stays the same. Borrowed until the next
 * call. */
struct slice http_date_cached(int64_t sec);
/** Parses IMF-fixdate, RFC 850 and asctime dates. The day of the week is not checked against the
 * date. Two-digit years below 70 are 20xx. False for anything else. */
MUST_CHECK bool http_date_parse(struct slice s, int64_t *sec);
/** Days since 1970-01-01 of a proleptic Gregorian date; month 1..12. */
int64_t http_days_from_date(int64_t year, unsigned month, unsigned day);

#endif
