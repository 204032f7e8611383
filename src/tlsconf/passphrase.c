/* passphrase.c - ssl-passphrase-cmd: a program that knows the passphrases of encrypted keys.
 * Configuration time only. */
#include "tlsconf/tlsconf.h"

#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define PASSPHRASE_MAX 1024

/* What the program prints, up to the first line end. */
static char *
read_answer(int fd)
{
    char buf[PASSPHRASE_MAX];
    size_t len = 0;
    ssize_t n;

    while (len < sizeof(buf) && (n = read(fd, buf + len, sizeof(buf) - len)) != 0) {
        if (n < 0 && errno != EINTR)
            break;
        len += n > 0 ? (size_t)n : 0;
    }
    size_t end = 0;
    while (end < len && buf[end] != '\n' && buf[end] != '\r' && buf[end] != '\0')
        end++;
    char *answer = end ? xstrndup(buf, end) : NULL;
    explicit_bzero(buf, sizeof(buf));
    return answer;
}

/* The command with the key's path as its first argument. */
static const char **
make_argv(const char *key_file)
{
    const char *const *cmd = tlsconf_global.passphrase_cmd;
    unsigned n = 0;

    while (cmd[n])
        n++;
    const char **argv = xcalloc(n + 2, sizeof(*argv));
    argv[0] = cmd[0];
    argv[1] = key_file;
    for (unsigned i = 1; i < n; i++)
        argv[i + 1] = cmd[i];
    return argv;
}

char *
tlsconf_passphrase(const char *key_file)
{
    posix_spawn_file_actions_t fa;
    char *answer = NULL;
    int p[2], status;
    pid_t pid;

    if (!tlsconf_global.passphrase_cmd || pipe(p) < 0)
        return NULL;
    const char **argv = make_argv(key_file);
    posix_spawn_file_actions_init(&fa);
    posix_spawn_file_actions_adddup2(&fa, p[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&fa, p[0]);
    posix_spawn_file_actions_addclose(&fa, p[1]);
    int e = posix_spawnp(&pid, argv[0], &fa, NULL, (char **)(uintptr_t)argv, environ);
    posix_spawn_file_actions_destroy(&fa);
    close(p[1]);
    if (e == 0) {
        answer = read_answer(p[0]);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
    }
    close(p[0]);
    free(argv);
    return answer;
}
