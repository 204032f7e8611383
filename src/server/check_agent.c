/* check_agent.c - agent checks: a line of words that set weight, limits and states (manual 5.2,
 * agent-check). */
#include "server/check_int.h"
#include "server/state_int.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static struct check_conf check_agent_script = { .type = CHECK_AGENT, .option = "agent-check" };

/** What the agent's line says. */
struct agent_answer {
    struct slice state;  /* up, down, stopped, fail; p NULL: not said */
    struct slice why;    /* what follows it */
    struct slice admin;  /* ready, drain, maint */
    struct slice weight; /* "75%" or "weight:..." without the prefix */
    struct slice maxconn;
    struct slice unknown; /* the first word that means nothing */
};

static bool
is_one_of(struct slice word, const char *const *set)
{
    for (; *set; set++) {
        if (slice_eq_nocase(word, slice_str(*set)))
            return true;
    }
    return false;
}

/** The next word of a line; separators are blanks and commas. */
static bool
next_word(struct slice *line, struct slice *word)
{
    size_t n = 0;

    while (line->len && strchr(" \t,", line->p[0]))
        *line = slice_sub(*line, 1, SIZE_MAX);
    while (n < line->len && !strchr(" \t,", line->p[n]))
        n++;
    *word = slice_sub(*line, 0, n);
    *line = slice_sub(*line, n, SIZE_MAX);
    return n > 0;
}

/** The explanation behind a state: the rest of the line without '#'. */
static struct slice
explanation(struct slice rest)
{
    rest = slice_trim(rest);
    while (rest.len && (rest.p[0] == '#' || rest.p[0] == ' '))
        rest = slice_sub(rest, 1, SIZE_MAX);
    return rest;
}

static void
read_answer(struct slice line, struct agent_answer *a)
{
    static const char *const down[] = { "down", "stopped", "fail", NULL };
    static const char *const admin[] = { "ready", "drain", "maint", NULL };
    struct slice word;

    while (next_word(&line, &word)) {
        if (word.p[0] == '#')
            return;
        if (is_one_of(word, down)) {
            a->state = word;
            a->why = explanation(line);
            return;
        }
        if (slice_eq_nocase(word, SL("up")))
            a->state = word;
        else if (is_one_of(word, admin))
            a->admin = word;
        else if (slice_starts_nocase(word, SL("maxconn:")))
            a->maxconn = slice_sub(word, 8, SIZE_MAX);
        else if (slice_starts_nocase(word, SL("weight:")))
            a->weight = slice_sub(word, 7, SIZE_MAX);
        else if (slice_ends(word, SL("%")))
            a->weight = word;
        else if (!a->unknown.p)
            a->unknown = word;
    }
}

/** Weight and limits. Returns what was wrong, or NULL. */
static const char *
apply_numbers(struct server *s, const struct agent_answer *a)
{
    const char *err = NULL;
    char text[32];
    uint64_t n;

    if (a->weight.p) {
        snprintf(text, sizeof(text), "%.*s", (int)MIN(a->weight.len, sizeof(text) - 1),
                 a->weight.p);
        err = server_set_weight(s, text);
    }
    if (a->maxconn.p) {
        if (slice_to_uint(a->maxconn, &n) && n <= INT32_MAX) {
            server_lock(s);
            s->maxconn = (unsigned)n;
            server_unlock(s);
            if (server_lb.grab)
                server_lb.grab(s);
        } else {
            err = "invalid maxconn";
        }
    }
    return err;
}

static void
apply_admin(struct server *s, struct slice word)
{
    if (slice_eq_nocase(word, SL("ready"))) {
        server_clear_admin(s, SRVA_FMAINT | SRVA_FDRAIN);
    } else if (slice_eq_nocase(word, SL("drain"))) {
        server_set_admin(s, SRVA_FDRAIN, NULL);
        server_clear_admin(s, SRVA_FMAINT);
    } else {
        server_set_admin(s, SRVA_FMAINT, NULL);
    }
}

/** Acts on the line and sets the run's result. */
static void
apply_answer(struct check_run *r, struct slice line)
{
    struct server *s = r->ck->srv;
    struct agent_answer a = { 0 };
    const char *err;

    read_answer(line, &a);
    err = apply_numbers(s, &a);
    if (a.admin.p)
        apply_admin(s, a.admin);
    if (err)
        check_result(r, CHK_CHECKED, 0, "agent reports an error : %s", err);
    else if (a.unknown.p)
        check_result(r, CHK_CHECKED, 0, "agent reports an error : %.*s", SLF(a.unknown));
    else if (!a.state.p)
        check_result(r, CHK_CHECKED, 0, NULL);
    else if (slice_eq_nocase(a.state, SL("up")))
        check_result(r, CHK_L7OK, 0, "via agent : up");
    else if (a.why.len)
        check_result(r, CHK_L7STS, 0, "via agent : %.*s (%.*s)", SLF(a.state), SLF(a.why));
    else
        check_result(r, CHK_L7STS, 0, "via agent : %.*s", SLF(a.state));
}

static enum check_expect_rc
expect_answer(struct check_run *r, const struct check_rule *rule, bool last)
{
    struct slice line = check_received(r);
    size_t end = 0;

    (void)rule;
    while (end < line.len && line.p[end] != '\n' && line.p[end] != '\r')
        end++;
    if (end == line.len && !last)
        return CX_WAIT;
    line.len = end;
    if (slice_trim(line).len == 0) {
        check_result(r, CHK_L7RSP, 0, NULL);
        return CX_FAIL;
    }
    apply_answer(r, line);
    return CX_FAIL; /* the result is set, whatever it is */
}

/** agent-send; the CLI may change it. */
static bool
send_question(struct check_run *r, const struct check_rule *rule, struct out *o)
{
    struct check *ck = r->ck;

    (void)rule;
    pthread_mutex_lock(&ck->lock);
    if (ck->agent_send || ck->agent_send_cfg)
        out_str(o, ck->agent_send ? ck->agent_send : ck->agent_send_cfg);
    pthread_mutex_unlock(&ck->lock);
    return true;
}

static struct check_rule agent_rules[] = {
    { .kind = CR_CONNECT, .connect.dflt = true },
    { .kind = CR_SEND, .step = 1, .send = { .kind = CS_CUSTOM, .fn = send_question } },
    { .kind = CR_EXPECT,
      .step = 2,
      .expect = { .kind = CE_CUSTOM, .min_recv = -1, .fn = expect_answer } },
};

static void
link_rules(void)
{
    list_init(&check_agent_script.rules);
    for (unsigned i = 0; i < COUNT_OF(agent_rules); i++)
        check_rule_append(&check_agent_script.rules, &agent_rules[i]);
    check_agent_script.finished = true;
}

const struct check_conf *
check_agent_conf(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, link_rules);
    return &check_agent_script;
}
