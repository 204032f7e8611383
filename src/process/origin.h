/* origin.h - a small HTTP/1.1 server on our own engine: for the demonstration, tests and
 * benchmarks. */
#ifndef PROCESS_ORIGIN_H
#define PROCESS_ORIGIN_H

#include "base/base.h"

/** `steelyard origin [--listen <addr>:<port>]... [--name <text>]`: serves until killed. Returns the
 * exit status. */
int origin_main(int argc, char **argv);
/** Starts one on 127.0.0.1:`port` in a child process that ends with this one. False after printing
 * why not. */
bool origin_spawn(unsigned short port, const char *name);

#endif
