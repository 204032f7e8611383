/* check_parse.h - between the files that read check rules. */
#ifndef SERVER_CHECK_PARSE_H
#define SERVER_CHECK_PARSE_H

#include "server/check_int.h"

/** A tcp-check or http-check line being read. */
struct check_parse {
    struct cfg *c;
    struct proxy *px;
    struct check_conf *conf;
    struct list *rules;
    bool http;
    const char *action; /* word 1 of the line */
};

/** Reports "'http-check send' : <text>" about word `i`. */
enum cfg_rc check_parse_error(const struct check_parse *p, unsigned i, const char *text);
/** Takes the argument of the option at *at; NULL after "'<option>' expects <what> as argument.". */
const char *check_parse_value(struct check_parse *p, unsigned *at, const char *what);
/** Compiles word `i` as a log-format; NULL after an error. */
struct logfmt *check_parse_fmt(struct check_parse *p, unsigned i);
/** Number that the next rule gets in messages. */
unsigned check_next_step(const struct list *rules);
/** `expect ...`. */
enum cfg_rc check_parse_expect(struct check_parse *p, unsigned *at);

#endif
