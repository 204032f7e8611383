/* thread.c - the beginning and the end of a thread with a loop: of workers, and of programs that
 * run a configuration in one thread. */
#include "process/thread.h"

#include "base/epoch.h"
#include "config/module.h"
#include "net/conn.h"
#include "proxy/session.h"
#include "proxy/stream_int.h"

bool
thread_open(struct config *cf, unsigned tid)
{
    if (!loop_open(tid))
        return false;
    cf->loops[tid] = loop_self();
    loop_on_turn_end(epoch_quiescent);
    for (unsigned m = 0; modules[m]; m++)
        if (modules[m]->thread_start && !modules[m]->thread_start(cf))
            return false;
    return true;
}

void
thread_end_sessions(void)
{
    struct stream *s, *stmp;
    struct session *se, *setmp;

    list_each_safe (s, stmp, streams_of_thread(), link)
        stream_kill(s, 'K', 'D');
    for (unsigned i = 0; i < 3; i++)
        loop_turn(0);
    list_each_safe (se, setmp, sessions_of_thread(), link)
        session_end(se);
}

void
thread_end(struct config *cf)
{
    thread_end_sessions();
    for (unsigned m = 0; modules[m]; m++)
        if (modules[m]->thread_stop)
            modules[m]->thread_stop(cf);
    loop_turn(0);
}

void
thread_close(void)
{
    streams_thread_fini();
    sessions_thread_fini();
    conn_thread_fini();
    buf_thread_fini();
    pipe_thread_fini();
    queue_thread_fini();
    sample_tmp_fini();
    loop_close();
}
