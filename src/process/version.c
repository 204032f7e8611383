/* version.c - -v and -vv, in HAProxy's layout. */
#include "process/version.h"

#include "action/service.h"
#include "base/out.h"
#include "config/cfg.h"
#include "config/module.h"
#include "config/tune.h"
#include "stats/uri.h"

#include <ctype.h>
#include <openssl/crypto.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

void
version_print(void)
{
    struct utsname u;

    printf("HAProxy version " FULL_VERSION " " RELEASE_DATE " - Steelyard " STEELYARD_VERSION "\n"
           "Status: a drop-in successor of HAProxy; behaves as HAProxy " COMPAT_VERSION ".\n");
    if (uname(&u) == 0)
        printf("Running on: %s %s %s %s\n", u.sysname, u.release, u.version, u.machine);
}

void
version_print_only(enum version_form form)
{
    int major = 0, minor = 0;

    sscanf(COMPAT_VERSION, "%d.%d", &major, &minor);
    if (form == VERSION_FULL)
        puts(FULL_VERSION);
    else if (form == VERSION_SHORT)
        puts(COMPAT_VERSION);
    else
        printf("%d.%d\n", major, minor);
}

static void
print_services(void)
{
    prometheus_install(); /* as when a configuration is read */
    printf("\nAvailable services :");
    for (const struct service *s = service_next(NULL); s; s = service_next(s))
        printf(" %s", s->name);
    printf("\n");
}

/* "[BWLIM] bwlim-in": the kind is the first part of the name. */
static void
print_filters(void)
{
    printf("\nAvailable filters :\n");
    for (unsigned m = 0; modules[m]; m++)
        for (const struct keyword *kw = modules[m]->keywords; kw && kw->name; kw++) {
            char kind[16] = "";
            if (strncmp(kw->name, "filter ", 7) != 0 || kw->kind == KW_UNSUPPORTED)
                continue;
            for (size_t i = 0; i < sizeof(kind) - 1 && isalnum((unsigned char)kw->name[7 + i]); i++)
                kind[i] = (char)toupper((unsigned char)kw->name[7 + i]);
            printf("\t[%5s] %s\n", kind, kw->name + 7);
        }
}

void
version_print_build(void)
{
    struct text features = { 0 };
    char pcre[64] = "";
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);

    tune_defaults();
    version_print();
    config_features_put(&features);
    pcre2_config(PCRE2_CONFIG_VERSION, pcre);
    printf(
        "Build options :\n"
        "  TARGET  = linux-glibc\n"
        "  CC      = cc\n"
        "\n"
        "Feature list : %s\n"
        "\n"
        "Default settings :\n"
        "  bufsize = %u, maxrewrite = %u, maxpollevents = %u\n"
        "\n"
        "Built with multi-threading support (MAX_TGROUPS=1, MAX_THREADS=1024, default=%ld).\n"
        "Built with OpenSSL version : " OPENSSL_VERSION_TEXT "\n"
        "Running on OpenSSL version : %s\n"
        "OpenSSL library supports TLS extensions : yes\n"
        "OpenSSL library supports SNI : yes\n"
        "OpenSSL library supports : TLSv1.0 TLSv1.1 TLSv1.2 TLSv1.3\n"
        "Built with the Prometheus exporter as a service\n"
        "Built with network namespace support.\n"
        "Built with transparent proxy support using: IP_TRANSPARENT IPV6_TRANSPARENT IP_FREEBIND\n"
        "Built with PCRE2 version : %s\n"
        "PCRE2 library supports JIT : yes\n"
        "Encrypted password support via crypt(3): yes\n"
        "Built with gcc compiler version " __VERSION__ "\n"
        "\n"
        "Available polling systems :\n"
        "      epoll : pref=300,  test result OK\n"
        "Total: 1 (1 usable), will use epoll.\n"
        "\n"
        "Available multiplexer protocols :\n"
        "(protocols marked as <default> cannot be specified using 'proto' keyword)\n"
        "  <default> : mode=HTTP  side=FE|BE  mux=H1    flags=HTX\n"
        "         h1 : mode=HTTP  side=FE|BE  mux=H1    flags=HTX|NO_UPG\n"
        "  <default> : mode=TCP   side=FE|BE  mux=PASS  flags=\n"
        "       none : mode=TCP   side=FE|BE  mux=PASS  flags=NO_UPG\n",
        features.p ? features.p : "", tune.bufsize, tune.maxrewrite, tune.maxpollevents, cpus,
        OpenSSL_version(OPENSSL_VERSION), pcre);
    text_fini(&features);
    print_services();
    print_filters();
}
