/* fuzz_log.c - the options of a `log` line, log-steps, and lines of any content and length through
 * every format. */
#include "log/log.h"

#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define WORDS_MAX 12

/** Words of `text` behind "log <target>"; the target is fixed so that no name is looked up. */
static void
make_line(struct cfg *c, struct cfg_word *words, char *text)
{
    static char keyword[] = "log", target[] = "fd@1023";
    char *save = NULL;

    c->word = words;
    c->raw = text;
    words[0] = (struct cfg_word){ .s = keyword, .len = 3 };
    words[1] = (struct cfg_word){ .s = target, .len = strlen(target) };
    c->nwords = 2;
    for (char *w = strtok_r(text, " ", &save); w && c->nwords < WORDS_MAX;
         w = strtok_r(NULL, " ", &save))
        words[c->nwords++] = (struct cfg_word){ .s = w, .len = strlen(w) };
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cfg_word words[WORDS_MAX];
    struct log_targets targets = { 0 };
    struct arena arena;
    struct cfg c;
    unsigned steps;

    arena_init_config(&arena);
    cfg_init(&c, NULL, &arena);
    log_module.defaults(NULL);
    make_line(&c, words, arena_slicedup(&arena, slice((const char *)data, size)));
    log_steps_parse(&c, 2, &steps);
    if (log_parse(&c, 1, &targets, log_global(), false) == CFG_OK) {
        for (unsigned i = 0; i < 5; i++)
            log_emit(&targets, NULL, i, slice((const char *)data, size),
                     i & 1 ? SL("[a b=\"c\"]") : SLICE_NONE);
        log_flush();
    }
    log_module.stop(NULL);
    cfg_fini(&c);
    arena_fini(&arena);
    return 0;
}
