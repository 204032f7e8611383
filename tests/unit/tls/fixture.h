/* fixture.h - certificates for tests, made once per program by the openssl command. */
#ifndef TESTS_TLS_FIXTURE_H
#define TESTS_TLS_FIXTURE_H

#include "base/out.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[64];

/** Path of a file in the folder of this run; valid until the fourth call after this one. */
static inline const char *
path_of(const char *name)
{
    static char kept[4][256];
    static unsigned at;
    char *p = kept[at++ % 4];

    snprintf(p, sizeof(kept[0]), "%s/%s", folder, name);
    return p;
}

static inline bool
shell(const char *command)
{
    char *line = xasprintf("cd '%s' && { %s; } >/dev/null 2>&1", folder, command);
    int rc = system(line);

    free(line);
    return rc == 0;
}

/** A new folder with ca, a (EC), b (RSA): x.crt, x.key, x.pem. False when the command is missing.
 */
static inline bool
make_certificates(void)
{
    snprintf(folder, sizeof(folder), "/tmp/tls-test.XXXXXX");
    if (!mkdtemp(folder))
        return false;
    return shell("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
                 "-keyout ca.key -out ca.crt "
                 "-days 30 -subj '/CN=Test CA' -addext keyUsage=keyCertSign") &&
           shell("openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "
                 "a.key -out a.csr -subj "
                 "/CN=A.example && printf 'subjectAltName=DNS:a.example,DNS:*.w.example' > ext && "
                 "openssl x509 -req -in a.csr "
                 "-CA ca.crt -CAkey ca.key -CAcreateserial -out a.crt -days 30 -extfile ext && cat "
                 "a.crt a.key > a.pem") &&
           shell("openssl req -x509 -newkey rsa:2048 -nodes -keyout b.key -out b.crt -days 30 "
                 "-subj /CN=b.example && "
                 "cat b.key b.crt > b.pem");
}

static inline void
remove_certificates(void)
{
    shell("rm -rf \"$PWD\"");
}

#endif
