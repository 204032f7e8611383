/* pat_file.c - reads lists from files: a pattern per line, or a key and its value. Manual 7.1 (-f,
 * -M) and 7.3.1 (map). */
#include "sample/pattern_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_SIZE_MAX (1ull << 31)

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void
add_line(struct pat_ref *r, struct slice line, unsigned number)
{
    struct slice key, value = SLICE_NONE;
    size_t i = 0;

    if (line.len && line.p[line.len - 1] == '\r')
        line.len--;
    if (line.len == 0 || line.p[0] == '#')
        return;
    while (line.len && is_blank(line.p[0]))
        line.p++, line.len--;
    if (line.len == 0)
        return;
    key = line;
    if (r->flags & PREF_MAP) {
        while (i < line.len && !is_blank(line.p[i]))
            i++;
        key.len = i;
        value = slice_trim(slice_sub(line, i, SIZE_MAX));
    }
    pat_elt_add(r, r->curr_ver, key, value, number);
}

static void
add_lines(struct pat_ref *r, struct slice all)
{
    unsigned number = 0;

    while (all.p) {
        struct slice line = slice_cut(all, '\n', &all);
        add_line(r, line, ++number);
    }
}

/** NULL with *err. */
static char *
read_all(int fd, const char *path, size_t *len, char **err)
{
    size_t size = 65536;
    char *buf = xmalloc(size);
    ssize_t n;

    *len = 0;
    while ((n = read(fd, buf + *len, size - *len)) > 0 || (n < 0 && errno == EINTR)) {
        *len += n > 0 ? (size_t)n : 0;
        if (*len < size)
            continue;
        if (size >= FILE_SIZE_MAX) {
            errno = EFBIG;
            n = -1;
            break;
        }
        size *= 2;
        buf = xrealloc(buf, size);
    }
    if (n == 0)
        return buf;
    *err = xasprintf("error encountered while reading  <%s> : %s", path, strerror(errno));
    free(buf);
    return NULL;
}

bool
pat_file_read(struct pat_ref *r, const char *path, bool optional, char **err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *buf;
    size_t len;

    if (fd < 0) {
        r->optional_missing = optional && errno == ENOENT;
        if (r->optional_missing)
            return true;
        *err = xasprintf("failed to open pattern file <%s>", path);
        return false;
    }
    buf = read_all(fd, path, &len, err);
    close(fd);
    if (!buf)
        return false;
    add_lines(r, slice(buf, len));
    free(buf);
    return true;
}
