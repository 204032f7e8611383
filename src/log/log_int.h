/* log_int.h - log targets and the writing of one line; used by src/log only. */
#ifndef LOG_LOG_INT_H
#define LOG_LOG_INT_H

#include "log/log.h"
#include "log/sink.h"

/** `format` of a target. */
enum log_format {
    LOGH_DEFAULT, /* rfc3164 with log-send-hostname, else local */
    LOGH_LOCAL,
    LOGH_RFC3164,
    LOGH_RFC5424,
    LOGH_PRIORITY,
    LOGH_SHORT,
    LOGH_TIMED,
    LOGH_ISO,
    LOGH_RAW,
    LOGH_COUNT,
};

/** `sample`: which lines out of every `size` are sent. Counted per thread, so that targets that
 * share the lines among them stay in step. */
struct log_sampling {
    struct log_sampling *next; /* all of the configuration */
    unsigned slot;             /* index of its counter in each thread */
    uint32_t size;
    unsigned nranges;
    struct log_range {
        uint32_t low, high; /* 1-based, inclusive, ascending */
    } range[];
};

struct log_target {
    struct log_target *next;
    struct log_sink *sink;
    const struct log_sampling *sampling; /* NULL: every line */
    const char *profile_name;            /* NULL: none */
    const struct log_profile *profile;   /* resolved by log_check_profiles() */
    struct log_target *next_unresolved;
    struct cfg_loc loc;
    unsigned maxlen;
    uint8_t format;    /* enum log_format */
    uint8_t facility;  /* 0..23 */
    uint8_t level;     /* enum log_level: less important lines are not sent */
    uint8_t min_level; /* more important lines are sent at this level */
    bool from_global;  /* copied by `log global` */
};

/** Everything that one configuration says about logging outside of proxies. */
struct log_conf {
    struct log_targets targets;
    struct log_tag_info tag;
    const char *hostname; /* log-send-hostname; NULL without */
    struct log_profile *profiles, **profiles_last;
    struct log_target *unresolved; /* targets that name a profile */
    unsigned nsamplings;
};
extern struct log_conf log_conf;

/** Appends a target. */
void log_targets_add(struct log_targets *l, struct log_target *t);

/** Whether `t` takes a line of `level`; counts it in its sampling. */
HOT bool log_target_wants(const struct log_target *t, enum log_level level);
/** Puts one line into the target's batch. */
HOT void log_target_write(const struct log_target *t, struct slice tag, enum log_level level,
                          struct slice text, struct slice sd);
/** Ends what the thread keeps for formatting. */
void log_format_thread_stop(void);
/** Reads clock, name and pid again (after a fork). */
void log_format_refresh(void);

/** The thread's buffers of LOG_LINE_MAX bytes for rendering, NULL when memory is out. */
struct log_scratch {
    char text[LOG_LINE_MAX], sd[LOG_LINE_MAX];
};
struct log_scratch *log_scratch(void);

/** Section and rows of log-profile; resolution of names. */
extern const struct section log_profile_sections[];
enum cfg_rc log_profile_tag_row(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at);
enum cfg_rc log_profile_on_row(struct cfg *c, const struct keyword *kw, void *obj, unsigned *at);
void log_check_profiles(struct cfg *c);

#endif
