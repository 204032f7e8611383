/* fixture.c - a whole process of one thread, and clients that hold the other end of a socket pair.
 */
#include "fixture.h"

#include "base/epoch.h"
#include "config/cfg.h"
#include "config/module.h"
#include "config/tune.h"
#include "net/conn.h"
#include "process/thread.h"
#include "proxy/session.h"
#include "proxy/stream_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct config cf;
static struct cfg cfg;

/* ---- the process ---- */

static bool
read_config(const char *text)
{
    struct text t = { 0 };

    if (cfg_read_text(&cfg, "test", slice_str(text)) == CFG_OK && cfg_finish(&cfg) == CFG_OK)
        return true;
    diags_print(&cfg.diags, &t, true);
    fputs(t.p ? t.p : "bad configuration\n", stderr);
    text_fini(&t);
    return false;
}

bool
rt_start(const char *config_text)
{
    tune_defaults();
    tune.hostname = "test";
    config_init(&cf);
    cfg_init(&cfg, &cf, &cf.arena);
    if (!read_config(config_text))
        return false;
    cf.nthread = 1;
    cf.loops = xcalloc(1, sizeof(struct loop *));
    for (unsigned m = 0; modules[m]; m++)
        if (modules[m]->start && !modules[m]->start(&cf))
            return false;
    if (!thread_open(&cf, 0))
        return false;
    cf.start_wall_us = loop_wall_us();
    return true;
}

void
rt_stop(void)
{
    thread_end(&cf);
    thread_close();
    for (unsigned m = 0; modules[m]; m++)
        if (modules[m]->stop)
            modules[m]->stop(&cf);
    free(cf.loops);
    cf.loops = NULL;
    cfg_fini(&cfg);
    config_fini(&cf);
}

/* ---- clients ---- */

static int
pair(struct rt_client *c)
{
    int fd[2];

    *c = (struct rt_client){ .fd = -1 };
    ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) == 0);
    c->fd = fd[0];
    return fd[1];
}

static void
count(struct listener *li)
{
    atomic_fetch_add(&li->conn, 1);
    if (!(li->px->cap & PX_INTERNAL))
        atomic_fetch_add(&config->conn, 1);
}

void
rt_connect_cli(struct rt_client *c, int level)
{
    struct listener *li = list_first(&config->cli->listeners, struct listener, link);
    int fd = pair(c);

    li->bind->level = level;
    count(li);
    listener_cli_accept(li, fd);
}

void
rt_connect(struct rt_client *c, const char *frontend)
{
    struct proxy *px = proxy_find(config, frontend, PX_FE);
    struct listener *li = list_first(&px->listeners, struct listener, link);
    struct sockaddr_un peer = { .sun_family = AF_UNIX };
    int fd = pair(c);

    count(li);
    session_accept(li, fd, (struct sockaddr *)&peer, sizeof(sa_family_t));
}

static bool
take(struct rt_client *c)
{
    char buf[16384];
    bool any = false;

    while (!c->ended) {
        ssize_t n = recv(c->fd, buf, sizeof(buf), 0);
        if (n <= 0) {
            c->ended = n == 0 || errno != EAGAIN;
            break;
        }
        text_mem(&c->got, buf, (size_t)n);
        any = true;
    }
    return any;
}

void
rt_send(struct rt_client *c, const void *data, size_t len)
{
    const char *p = data;

    for (unsigned idle = 0; len && !c->ended && idle < 1000; idle++) {
        ssize_t n = send(c->fd, p, len, MSG_NOSIGNAL);
        if (n > 0) {
            p += n;
            len -= (size_t)n;
            idle = 0;
        } else if (n < 0 && errno != EAGAIN) {
            return;
        }
        loop_turn(0);
        take(c);
    }
}

void
rt_send_str(struct rt_client *c, const char *text)
{
    rt_send(c, text, strlen(text));
}

void
rt_shut(struct rt_client *c)
{
    shutdown(c->fd, SHUT_WR);
}

void
rt_read(struct rt_client *c, unsigned idle_turns)
{
    for (unsigned idle = 0; !c->ended && idle < idle_turns; idle++) {
        loop_turn(idle < 3 ? 0 : 1);
        if (take(c))
            idle = 0;
    }
}

void
rt_close(struct rt_client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    text_fini(&c->got);
    for (int i = 0; i < 4; i++)
        loop_turn(0);
}

const char *
rt_ask(int level, const char *line)
{
    static struct text answer;
    struct rt_client c;

    rt_connect_cli(&c, level);
    rt_send_str(&c, line);
    rt_send_str(&c, "\n");
    rt_read(&c, 50);
    text_fini(&answer);
    text_slice(&answer, text_get(&c.got));
    text_char(&answer, '\0');
    rt_close(&c);
    return answer.p;
}
