/* date.c - English names in dates, whatever the locale, and the date of logs. */
#include "base/date.h"

const char date_month[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
const char date_day[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };

void
out_log_date(struct out *o, const struct tm *tm)
{
    const int clock[] = { tm->tm_hour, tm->tm_min, tm->tm_sec };

    out_uint_pad(o, (uint64_t)tm->tm_mday, 2);
    out_char(o, '/');
    out_mem(o, date_month[tm->tm_mon], 3);
    out_char(o, '/');
    out_uint_pad(o, (uint64_t)tm->tm_year + 1900, 4);
    for (unsigned i = 0; i < COUNT_OF(clock); i++) {
        out_char(o, ':');
        out_uint_pad(o, (uint64_t)clock[i], 2);
    }
}
