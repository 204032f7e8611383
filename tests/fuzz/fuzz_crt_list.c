/* fuzz_crt_list.c - crt-list files. Names of files are kept below a folder that does not exist; one
 * certificate is known. */
#include "tlsconf/tlsconf.h"

#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A certificate under the name "c". */
static void
prepare(void)
{
    static bool done;
    char dir[] = "/tmp/fuzz-crt.XXXXXX";
    struct text err = { 0 };

    tlsconf_global.crt_base = tlsconf_global.ca_base = tlsconf_global.key_base = "/nonexistent";
    if (done || !mkdtemp(dir))
        return;
    done = true;
    char *file = xasprintf("%s/c.pem", dir);
    char *command = xasprintf("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 "
                              "-nodes -keyout %s/k -out "
                              "%s/x -subj /CN=c 2>/dev/null && cat %s/k %s/x > %s",
                              dir, dir, dir, dir, file);
    if (system(command) == 0) {
        struct tls_files f = { .crt = file };
        ASSERT(tls_store_load("c", &f, 0, &err));
    }
    free(command);
    free(file);
    command = xasprintf("rm -rf %s", dir);
    if (system(command) != 0)
        abort();
    free(command);
    text_fini(&err);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct crt_refs refs = { 0 };
    struct text err = { 0 };
    struct arena arena;

    prepare();
    if (memchr(data, '/', size) || memchr(data, '@', size))
        return 0; /* it would open real files */
    if (memmem(data, size, "generate-dummy", 14))
        return 0; /* large keys take minutes, and every name would stay in the store */
    arena_init_config(&arena);
    bool ok = crt_list_read(&refs, &arena, "list", slice((const char *)data, size), &err);
    ASSERT(ok == !err.len);
    for (const struct crt_ref *r = refs.first; r; r = r->next)
        ASSERT(r->cert);
    arena_fini(&arena);
    text_fini(&err);
    return 0;
}
