/* stats.h - what the process counts, as rows of values: `show info`, `show stat`, CSV, JSON, the
 * page, Prometheus.
 *
 * Counters belong to the threads that count; rows hold their sums at the time of reading. Any
 * thread may read: sums of plain 64-bit words that others write may miss the events of the last
 * moment, never more. */
#ifndef STATS_STATS_H
#define STATS_STATS_H

#include "proxy/config.h"
#include "proxy/listener.h"
#include "stats/columns.h"

/* ---- values ---- */

enum stats_type { STATS_EMPTY, STATS_U32, STATS_S32, STATS_U64, STATS_FLT, STATS_STR };

struct stats_value {
    enum stats_type type; /* STATS_EMPTY: the column has no meaning for the object */
    const char *tag;      /* origin, nature, scope; NULL: the column's */
    union {
        uint64_t u;
        int64_t s;
        double f;
        const char *str;
    };
};

struct stats_desc {
    const char *name;
    enum stats_type type; /* of the value, when there is one */
    const char *tag;
    bool lasting;
    const char *help;
};
extern const struct stats_desc stats_columns[ST_COUNT], stats_infos[INF_COUNT];

/** Plain text. Doubles without trailing zeros; control characters of strings become spaces. */
void stats_put(struct text *to, const struct stats_value *v);
/** The same, quoted for CSV where needed. */
void stats_put_csv(struct text *to, const struct stats_value *v);
/** A JSON string with its quotes. */
void stats_put_json_str(struct text *to, const char *s);

/* ---- rows ---- */

enum stats_kind { STATS_FE = 0, STATS_BE = 1, STATS_SRV = 2, STATS_LI = 3 };
/** The bits of `show stat <iid> <type> <sid>`. */
enum stats_want {
    STATS_WANT_FE = 1,
    STATS_WANT_BE = 2,
    STATS_WANT_SRV = 4,
    STATS_WANT_LI = 8,
    STATS_WANT_ALL = 15
};

/** One object's values. Strings are borrowed from the object or kept in `mem`. */
struct stats_row {
    enum stats_kind kind;
    const struct proxy *px;
    const struct server *srv;  /* STATS_SRV */
    const struct listener *li; /* STATS_LI */
    struct stats_value v[ST_COUNT];
    char mem[2048];
    struct out text;
};

/** Fill a row with the counters of one object. */
void stats_frontend(struct stats_row *r, struct proxy *px);
void stats_listener(struct stats_row *r, struct proxy *px, struct listener *li);
void stats_server(struct stats_row *r, struct proxy *px, struct server *srv);
/** `count_up`: the status tells how many servers are up, "UP (1/3)". */
void stats_backend(struct stats_row *r, struct proxy *px, bool count_up);

/** Whether the statistics show the proxy at all. */
bool stats_shows_proxy(const struct proxy *px);

/** Where a dump of rows is; { .want = ... } starts. Survives changes of the lists between two
 * calls. */
struct stats_walk {
    unsigned want; /* enum stats_want */
    unsigned iid;  /* this proxy only; 0: all */
    int sid;       /* this server or listener only; -1: all */
    bool hide_maint, hide_down, count_up;
    bool (*scope)(const struct proxy *px, void *arg); /* NULL: every proxy */
    void *scope_arg;
    /* private */
    struct proxy *px;
    unsigned stage, index;
    bool begun, over;
};
/** Fills the next row; false at the end. */
bool stats_walk_next(struct stats_walk *w, struct stats_row *r);

/* ---- the process ---- */

/** What other folders know and the statistics show; written by their owners at start or while they
 * work. */
struct stats_process {
    const char *version, *release_date, *name;
    unsigned hard_maxconn;      /* what maxconn was at start */
    unsigned fd_limit, maxsock; /* at start */
    uint64_t mem_max;           /* bytes, 0: no limit */
    unsigned boot_ms;
    _Atomic unsigned warnings, debug_commands, failed_resolutions, active_peers, connected_peers;
    _Atomic unsigned tainted;
    _Atomic uint64_t recv_logs, cli_commands, cli_bytes_out;
    struct freq_shared comp_in, comp_out;
    _Atomic uint64_t zlib_mem;
};
extern struct stats_process stats_process;

/** Fills v[INF_COUNT]; strings live in `mem` and the configuration. `flt`: doubles where there are
 * decimals. */
struct stats_info {
    struct stats_value v[INF_COUNT];
    char mem[256];
    struct out text;
};
void stats_info_fill(struct stats_info *i, bool flt);

/* ---- sums ---- */

/** Sums over threads; maxima and sliding sums are combined as their meaning demands. */
void stats_sum_px(struct px_counters *to, const struct px_counters *from);
/** q_time, c_time, d_time, t_time are averages in milliseconds after this one. */
void stats_sum_srv(struct srv_counters *to, const struct srv_counters *from, bool http);
void stats_sum_be(struct px_counters *to, const struct px_counters *from, bool http);

/** `clear counters`: on the calling thread, what belongs to it; `all`: counters too, not only
 * maxima. */
void stats_clear_thread(bool all);
/** The same for one server's counters of the calling thread. */
void stats_clear_srv(struct srv_counters *c, bool all);
/** ... and what is shared; once. */
void stats_clear_shared(bool all);
void stats_clear_server(struct server *srv);

/* ---- texts ---- */

enum stats_format { STATS_CSV, STATS_TYPED, STATS_JSON };

/** Appends the line of column names, "# pxname,svname,...". */
void stats_csv_header(struct text *to);
/** One row: a CSV line, lines of typed values, or objects of a JSON array (`first`: the array's
 * first row). */
void stats_put_row(struct text *to, const struct stats_row *r, enum stats_format f, bool desc,
                   bool first);
void stats_put_info(struct text *to, const struct stats_info *i, enum stats_format f, bool desc);
/** The schema of both JSON outputs. */
void stats_put_schema(struct text *to);
/** "2d3h", "4m05s": ages for people. */
void stats_put_age(struct text *to, int64_t s);

#endif
