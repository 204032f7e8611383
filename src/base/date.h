/* date.h - English names in dates, whatever the locale, and the date of logs. */
#ifndef BASE_DATE_H
#define BASE_DATE_H

#include "base/out.h"

#include <time.h>

/** "Jan" by tm_mon, "Sun" by tm_wday. */
extern const char date_month[12][4];
extern const char date_day[7][4];

/** "22/Nov/2026:08:33:51" (manual 8.2.4, %t and others): 20 bytes for years of four digits. */
void out_log_date(struct out *o, const struct tm *tm);

#endif
