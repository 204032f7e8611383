/* features.c - what is built in (`-vv`, feature()) and what is switched on (enabled()). */
#include "config/cfg.h"
#include "config/tune.h"

/* Names and order of `haproxy -vv`; those of 3.x are sorted in. */
static const struct {
    const char *name;
    bool built;
} features[] = {
    { "51DEGREES", false },
    { "ACCEPT4", true },
    { "BACKTRACE", false },
    { "CLOSEFROM", false },
    { "CPU_AFFINITY", true },
    { "CRYPT_H", true },
    { "DEVICEATLAS", false },
    { "DL", true },
    { "ECH", false },
    { "ENGINE", false },
    { "EPOLL", true },
    { "EVPORTS", false },
    { "GETADDRINFO", true },
    { "KQUEUE", false },
    { "KTLS", false },
    { "LIBATOMIC", false },
    { "LIBCRYPT", true },
    { "LINUX_CAP", false },
    { "LINUX_SPLICE", true },
    { "LINUX_TPROXY", true },
    { "LUA", false },
    { "MATH", true },
    { "MEMORY_PROFILING", false },
    { "NETFILTER", true },
    { "NS", true },
    { "OBSOLETE_LINKER", false },
    { "OPENSSL", true },
    { "OPENSSL_AWSLC", false },
    { "OPENSSL_WOLFSSL", false },
    { "OT", false },
    { "PCRE", false },
    { "PCRE2", true },
    { "PCRE2_JIT", true },
    { "PCRE_JIT", false },
    { "POLL", false },
    { "PRCTL", true },
    { "PROCCTL", false },
    { "PROMEX", true },
    { "PTHREAD_EMULATION", false },
    { "QUIC", false },
    { "QUIC_OPENSSL_COMPAT", false },
    { "RT", true },
    { "SHM_OPEN", false },
    { "SLZ", false },
    { "SSL", true },
    { "STATIC_PCRE", false },
    { "STATIC_PCRE2", false },
    { "SYSTEMD", false },
    { "TFO", true },
    { "THREAD", true },
    { "THREAD_DUMP", false },
    { "TPROXY", true },
    { "TRACE", false },
    { "WURFL", false },
    { "ZLIB", false },
};

bool
config_feature(const char *name)
{
    for (unsigned i = 0; i < COUNT_OF(features); i++) {
        if (strcmp(features[i].name, name) == 0)
            return features[i].built;
    }
    return false;
}

void
config_features_put(struct text *to)
{
    for (unsigned i = 0; i < COUNT_OF(features); i++)
        text_printf(to, "%s%c%s", i ? " " : "", features[i].built ? '+' : '-', features[i].name);
}

static struct {
    const char *name;
    const bool *tune; /* where the switch lives, or NULL */
    bool on;
} switches[] = {
    { "POLL", NULL, false },
    { "EPOLL", NULL, true },
    { "KQUEUE", NULL, false },
    { "EVPORTS", NULL, false },
    { "SPLICE", &tune.splice, false },
    { "GETADDRINFO", &tune.getaddrinfo, false },
    { "REUSEPORT", &tune.reuseport, false },
    { "FAST-FORWARD", &tune.fast_forward, false },
    { "SERVER-SSL-VERIFY-NONE", NULL, false },
};

bool
config_enabled(const char *name)
{
    for (unsigned i = 0; i < COUNT_OF(switches); i++) {
        if (strcmp(switches[i].name, name) == 0)
            return switches[i].tune ? *switches[i].tune : switches[i].on;
    }
    return false;
}

void
config_set_enabled(const char *name, bool on)
{
    for (unsigned i = 0; i < COUNT_OF(switches); i++) {
        if (strcmp(switches[i].name, name) == 0)
            switches[i].on = on;
    }
}
