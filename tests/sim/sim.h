/* sim.h - a world for the real stream code: virtual clock, virtual sockets, clients and servers
 * driven by a seed.
 *
 * The program links poll_sim.c and sys_sim.c in place of loop/poll_epoll.c and net/sys_linux.c. */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "base/out.h"
#include "loop/loop.h"

/* ---- chance: the same for the same seed ---- */
void sim_seed(uint64_t seed);
uint64_t sim_random(void);
/** 0..n-1. */
unsigned sim_below(unsigned n);
/** True once in `n` times. */
bool sim_once_in(unsigned n);

/* ---- time ---- */
int64_t sim_now_us(void);
/** Calls fn(arg) after `us`. */
void sim_after(int64_t us, void (*fn)(void *arg), void *arg);

/* ---- sockets ---- */

/** An endpoint that a model (not the proxy) holds. Callbacks come at most once per change. */
struct peer {
    int fd;                           /* own end */
    void (*on_ready)(struct peer *p); /* bytes, an end, or room to write */
};

/** A client connects. Returns the proxy's end, which is handed to session_accept() after a while.
 */
int sim_connect_client(struct peer *p);
/** What models may do with their end: as the system calls. */
ssize_t peer_recv(struct peer *p, void *buf,
                  size_t len); /* 0: end; -1: nothing now or reset (errno) */
ssize_t peer_send(struct peer *p, const void *buf, size_t len);
void peer_shutdown(struct peer *p);
void peer_close(struct peer *p, bool reset);

/** Called for every connection of the proxy to a server: returns the model's end, or NULL to
 * refuse. */
extern struct peer *(*sim_on_connect)(void);
/** Called when a client's connection reaches the proxy. */
extern void (*sim_on_accept)(int fd);
/** Open virtual descriptors. */
unsigned sim_open_fds(void);
/** True when nothing will ever happen again. */
extern bool sim_quiet;

#endif
