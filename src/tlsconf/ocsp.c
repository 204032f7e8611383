/* ocsp.c - keeps OCSP responses fresh.
 *
 * Every certificate that takes part has a job. Jobs belong to the first worker thread: each has a
 * timer, and a few at a time fetch. What the runtime API shows of them is protected by a lock. */
#include "tlsconf/ocsp.h"

#include "config/cfg.h"
#include "log/log.h"
#include "loop/loop.h"
#include "proxy/config.h"
#include "sample/conv.h"
#include "tls/ocsp.h"
#include "tlsconf/webget.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ANSWER_MAX   (64u << 10)
#define TIMEOUT_MS   10000
#define AT_ONCE      8   /* fetches under way */
#define MARGIN_S     60  /* before a response ends, the next one is fetched */
#define GET_MAX      255 /* RFC 6960, A.1: longer encoded requests are sent by POST */
#define CONTENT_TYPE "application/ocsp-response"

struct ocsp_settings ocsp_settings;

/** One certificate's responses. */
struct job {
    struct list link, due; /* in `jobs`; in `waiting` */
    struct letter hello;   /* brings it to its thread */
    struct timer timer;
    char *name; /* of the certificate, which may be replaced at run time */
    struct ocsp_fetch *fetch;
    /* shown, under the lock: */
    int64_t next_s, last_s; /* wall clock; 0: none */
    uint64_t succeeded, failed;
    enum ocsp_status status;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* leaf; `jobs`, shown members of jobs */
static struct list jobs = LIST_INIT(jobs);
static struct list waiting = LIST_INIT(waiting); /* first thread only, as `running` */
static unsigned running;
static struct loop *_Atomic home; /* the first thread's, while it runs */

const char *
ocsp_status_text(enum ocsp_status s)
{
    static const char *const text[] = {
        [OCSP_UNKNOWN] = "Unknown",
        [OCSP_UPDATED] = "Update successful",
        [OCSP_HTTP_ERROR] = "HTTP error",
        [OCSP_NO_HEADER] = "Missing \"ocsp-response\" header",
        [OCSP_CHECK_FAILED] = "OCSP response check failure",
        [OCSP_NOT_STORED] = "Error during insertion",
    };

    return text[s];
}

/* ---- logs ---- */

static void
put_date(struct out *o, int64_t wall_us)
{
    time_t sec = (time_t)(wall_us / 1000000);
    struct tm tm;
    char date[40];

    localtime_r(&sec, &tm);
    size_t n = strftime(date, sizeof(date), "%d/%b/%Y:%H:%M:%S", &tm);
    out_printf(o, "%.*s.%03d", (int)n, date, (int)(wall_us / 1000 % 1000));
}

static void
log_result(const char *name, enum ocsp_status s, int64_t wall_us, uint64_t failed, uint64_t ok)
{
    char line[1024];
    struct out o = OUT(line);

    out_str(&o, "-:- [");
    put_date(&o, wall_us);
    out_printf(&o, "] <OCSP-UPDATE> %.800s %d \"", name, s);
    for (const char *p = ocsp_status_text(s); *p; p++) {
        if (*p == '"')
            out_char(&o, '\\');
        out_char(&o, *p);
    }
    out_printf(&o, "\" %llu %llu", (unsigned long long)failed, (unsigned long long)ok);
    log_printf(log_global(), NULL, LOGL_NOTICE, "%.*s", (int)o.len, line);
}

/* The line of `option httplog` for the request itself. */
static void
log_http(const char *method, const char *url, const struct webget_answer *a, int64_t wall_us)
{
    char line[2048];
    struct out o = OUT(line);

    out_str(&o, "-:- [");
    put_date(&o, wall_us);
    out_printf(&o,
               "] <OCSP-UPDATE> -/- 0/0/%d/%d/%d %d %zu - - %s-- 0/0/0/0/0 0/0 \"%s %.1500s "
               "HTTP/1.1\"",
               a->connect_ms, a->response_ms, a->total_ms, a->status ? (int)a->status : -1,
               a->bytes, a->end, method, url);
    log_printf(log_global(), NULL, LOGL_NOTICE, "%.*s", (int)o.len, line);
}

/* ---- one fetch ---- */

struct ocsp_fetch {
    struct tls_cert *cert;
    struct webget *get;
    struct text url;
    const char *method;
    int64_t wall_us;
    ocsp_fetch_fn done;
    void *arg;
};

static void
fetch_free(struct ocsp_fetch *f)
{
    webget_cancel(&f->get);
    tls_cert_free(&f->cert);
    text_fini(&f->url);
    free(f);
}

void
ocsp_fetch_cancel(struct ocsp_fetch **f)
{
    if (*f)
        fetch_free(*f);
    *f = NULL;
}

static struct job *
find_job(const char *name)
{
    struct job *j;

    list_each (j, &jobs, link)
        if (strcmp(j->name, name) == 0)
            return j;
    return NULL;
}

/* The response ends: earlier than that, but neither too often nor too rarely. */
static int64_t
next_update(const struct tls_cert *c, int64_t now_s)
{
    int64_t at = now_s + ocsp_settings.max_s, expires = tls_ocsp_expires(c);

    if (expires)
        at = MIN(at, expires - MARGIN_S);
    return MAX(at, now_s + ocsp_settings.min_s);
}

/* Notes the result with the certificate's job, if it has one, and says it in the log. */
static void
account(struct ocsp_fetch *f, enum ocsp_status s)
{
    uint64_t failed = s != OCSP_UPDATED, ok = s == OCSP_UPDATED;
    int64_t now_s = loop_wall_us() / 1000000;

    pthread_mutex_lock(&lock);
    struct job *j = find_job(tls_cert_name(f->cert));
    if (j) {
        failed = j->failed += failed;
        ok = j->succeeded += ok;
        j->status = s;
        if (s == OCSP_UPDATED)
            j->last_s = now_s;
        j->next_s =
            s == OCSP_UPDATED ? next_update(f->cert, now_s) : now_s + MAX(ocsp_settings.min_s, 1u);
    }
    pthread_mutex_unlock(&lock);
    log_result(tls_cert_name(f->cert), s, f->wall_us, failed, ok);
}

static enum ocsp_status
judge(struct ocsp_fetch *f, const struct webget_answer *a, struct text *why)
{
    struct slice type = a->content_type;

    if (a->status != 200) {
        text_printf(why, "%s", a->error ? a->error : "the responder's answer is not 200");
        return OCSP_HTTP_ERROR;
    }
    type = slice_trim(slice_cut(type, ';', &(struct slice){ 0 }));
    if (!slice_eq_nocase(type, SL(CONTENT_TYPE))) {
        text_str(why, "the answer is not of type " CONTENT_TYPE);
        return OCSP_NO_HEADER;
    }
    return tls_ocsp_install(f->cert, a->body, TLS_OCSP_SIGNED, why) ? OCSP_UPDATED
                                                                    : OCSP_CHECK_FAILED;
}

static void
on_answer(const struct webget_answer *a, void *arg)
{
    struct ocsp_fetch *f = arg;
    struct text why = { 0 };
    enum ocsp_status s = judge(f, a, &why);

    f->get = NULL; /* it releases itself */
    account(f, s);
    if (s == OCSP_HTTP_ERROR)
        log_http(f->method, f->url.p, a, f->wall_us);
    f->done(s, why.p, f->arg);
    text_fini(&why);
    fetch_free(f);
}

/* Base64 of the request behind the URI, percent-encoded (RFC 6960, A.1). False: too long. */
static bool
append_request(struct text *url, const struct text *der)
{
    char line[4 * GET_MAX + 8];
    size_t mark = url->len;

    if (der->len > GET_MAX)
        return false;
    int n = (int)base64_encode(line, text_get(der), false);
    if (url->p[url->len - 1] != '/')
        text_char(url, '/');
    size_t begin = url->len;
    for (int i = 0; i < n; i++) {
        if (line[i] == '+' || line[i] == '/' || line[i] == '=')
            text_printf(url, "%%%02X", (unsigned)(unsigned char)line[i]);
        else
            text_char(url, line[i]);
    }
    if (n > 0 && url->len - begin <= GET_MAX)
        return true;
    url->len = mark;
    url->p[mark] = '\0';
    return false;
}

struct ocsp_fetch *
ocsp_fetch_start(const char *name, ocsp_fetch_fn done, void *arg, struct text *err)
{
    struct ocsp_fetch *f = xcalloc(1, sizeof(*f));
    struct text der = { 0 };
    struct webget_request r = { .accept = CONTENT_TYPE,
                                .timeout_ms = TIMEOUT_MS,
                                .answer_max = ANSWER_MAX,
                                .proxy = ocsp_settings.has_proxy ? &ocsp_settings.proxy : NULL };

    f->cert = tls_store_ref(name);
    f->done = done;
    f->arg = arg;
    f->wall_us = loop_wall_us();
    if (!f->cert)
        text_str(err, "the certificate is not known");
    else if (!tls_ocsp_uri(f->cert, &f->url))
        text_str(err, "the certificate has no OCSP URI");
    else if (!tls_ocsp_request(f->cert, &der))
        text_str(err, "the issuer of the certificate is not known");
    else {
        r.method = f->method = append_request(&f->url, &der) ? "GET" : "POST";
        r.url = text_get(&f->url);
        if (r.method[0] == 'P') {
            r.content_type = "application/ocsp-request";
            r.body = text_get(&der);
        }
        f->get = webget_start(&r, on_answer, f);
        if (!f->get)
            text_printf(err, "the OCSP URI '%s' cannot be used", f->url.p);
    }
    text_fini(&der);
    if (!f->get)
        ocsp_fetch_cancel(&f);
    return f;
}

/* ---- jobs: first thread only ---- */

static void on_timer(struct timer *t);

static void
job_free(struct job *j)
{
    timer_cancel(&j->timer);
    list_del(&j->due);
    list_del(&j->link);
    free(j->name);
    free(j);
}

static void
plan(struct job *j)
{
    pthread_mutex_lock(&lock);
    int64_t wait_ms = j->next_s * 1000 - loop_wall_us() / 1000;
    pthread_mutex_unlock(&lock);
    timer_set(&j->timer, loop_now_ms() + MAX(wait_ms, (int64_t)1), on_timer);
}

static void run_waiting(void);

static void
on_done(enum ocsp_status s, const char *why, void *arg)
{
    struct job *j = arg;

    j->fetch = NULL;
    running--;
    plan(j);
    run_waiting();
}

static void
run(struct job *j)
{
    struct text err = { 0 };

    j->fetch = ocsp_fetch_start(j->name, on_done, j, &err);
    text_fini(&err);
    if (j->fetch) {
        running++;
    } else if (!tls_store_get(j->name)) { /* removed at run time */
        pthread_mutex_lock(&lock);
        job_free(j);
        pthread_mutex_unlock(&lock);
    } else { /* replaced by one that cannot be asked about */
        pthread_mutex_lock(&lock);
        j->failed++;
        j->status = OCSP_NOT_STORED;
        j->next_s = loop_wall_us() / 1000000 + MAX(ocsp_settings.max_s, 1u);
        pthread_mutex_unlock(&lock);
        plan(j);
    }
}

static void
run_waiting(void)
{
    struct list *n;

    while (running < AT_ONCE && (n = list_pop_front(&waiting)))
        run(container_of(n, struct job, due));
}

static void
on_timer(struct timer *t)
{
    struct job *j = container_of(t, struct job, timer);

    pthread_mutex_lock(&lock);
    bool early = j->next_s * 1000 > loop_wall_us() / 1000; /* updated by a command meanwhile */
    pthread_mutex_unlock(&lock);
    if (early) {
        plan(j);
        return;
    }
    list_push_back(&waiting, &j->due);
    run_waiting();
}

static void
on_hello(struct letter *l)
{
    plan(container_of(l, struct job, hello));
}

/* ---- which certificates take part ---- */

static bool
takes_part(const struct tls_cert *c)
{
    int said = tls_ocsp_update(c);

    return !ocsp_settings.disabled && (said ? said > 0 : ocsp_settings.mode);
}

static bool
can_be_asked(const struct tls_cert *c)
{
    struct text t = { 0 };
    bool ok = tls_ocsp_uri(c, &t) && tls_ocsp_id(c, &t);

    text_fini(&t);
    return ok;
}

static struct job *
job_new(const struct tls_cert *c)
{
    struct job *j = xcalloc(1, sizeof(*j));
    int64_t now_s = (int64_t)time(NULL);

    j->name = xstrdup(tls_cert_name(c));
    j->hello.deliver = on_hello;
    list_init(&j->due);
    /* one that is there already is not asked for at once: reloads would multiply requests */
    j->next_s = tls_ocsp_expires(c) ? next_update(c, now_s) : now_s;
    list_push_back(&jobs, &j->link);
    return j;
}

static void
note_name(const char *name, void *arg)
{
    struct text *names = arg;

    text_str(names, name);
    text_char(names, '\n');
}

void
ocsp_check(struct cfg *c)
{
    struct text names = { 0 };

    if (ocsp_settings.max_s < ocsp_settings.min_s)
        cfg_error_at(c, NULL,
                     "'ocsp-update.maxdelay' (%u) must not be lower than 'ocsp-update.mindelay' "
                     "(%u).",
                     ocsp_settings.max_s, ocsp_settings.min_s);
    if (ocsp_settings.disabled)
        return;
    tls_store_names(note_name, &names);
    for (struct slice rest = text_get(&names); rest.p && rest.len;) {
        struct slice line = slice_cut(rest, '\n', &rest);
        char *name = xstrndup(line.p, line.len);
        struct tls_cert *cert = tls_store_get(name);
        if (!takes_part(cert))
            ;
        else if (can_be_asked(cert))
            job_new(cert);
        else if (tls_ocsp_update(cert) > 0) /* `mode on` means those that can */
            cfg_warn_at(c, NULL,
                        "'ocsp-update' has no effect on certificate '%s': it has no http OCSP URI, "
                        "or its issuer is not known.",
                        name);
        free(name);
    }
    text_fini(&names);
}

void
ocsp_adopt(struct tls_cert *cert)
{
    struct loop *to = atomic_load(&home);

    if (!to || !takes_part(cert) || !can_be_asked(cert))
        return;
    pthread_mutex_lock(&lock);
    struct job *j = find_job(tls_cert_name(cert)) ? NULL : job_new(cert);
    pthread_mutex_unlock(&lock);
    if (j)
        loop_post(to, &j->hello);
}

/* ---- the process ---- */

bool
ocsp_thread_start(void)
{
    struct job *j;

    if (loop_tid() != 0)
        return true;
    atomic_store(&home, loop_self());
    list_each (j, &jobs, link)
        plan(j);
    return true;
}

void
ocsp_thread_stop(void)
{
    struct job *j;

    if (loop_self() == atomic_load(&home)) {
        atomic_store(&home, NULL);
        list_each (j, &jobs, link) {
            timer_cancel(&j->timer);
            ocsp_fetch_cancel(&j->fetch);
        }
    }
    webget_thread_stop();
}

void
ocsp_release(void)
{
    while (!list_empty(&jobs))
        job_free(container_of(jobs.next, struct job, link));
    list_init(&waiting);
    running = 0;
}

/* ---- show ssl ocsp-updates ---- */

static int
by_next(const void *a, const void *b)
{
    const struct job *x = *(struct job *const *)a, *y = *(struct job *const *)b;

    return x->next_s < y->next_s ? -1 : x->next_s > y->next_s;
}

static void
put_time(struct text *to, int64_t sec)
{
    time_t t = (time_t)sec;
    struct tm tm;
    char date[64];

    if (!sec) {
        text_str(to, "-");
        return;
    }
    localtime_r(&t, &tm);
    text_mem(to, date, strftime(date, sizeof(date), "%d/%b/%Y:%H:%M:%S %z", &tm));
}

static void
show_job(struct text *to, const struct job *j)
{
    const struct tls_cert *c = tls_store_get(j->name);

    if (!c || !tls_ocsp_id(c, to))
        return;
    text_printf(to, " | %s | ", j->name);
    put_time(to, j->next_s);
    text_str(to, " | ");
    put_time(to, j->last_s);
    text_printf(to, " | %llu | %llu | %d | %s\n", (unsigned long long)j->succeeded,
                (unsigned long long)j->failed, j->status, ocsp_status_text(j->status));
}

void
ocsp_show_updates(struct text *to)
{
    unsigned n = 0, i = 0;
    struct job *j, **all;

    text_str(to,
             "OCSP Certid | Path | Next Update | Last Update | Successes | Failures | Last Update "
             "Status | Last Update Status (str)\n");
    pthread_mutex_lock(&lock);
    list_each (j, &jobs, link)
        n++;
    all = xcalloc(n + 1, sizeof(struct job *));
    list_each (j, &jobs, link)
        all[i++] = j;
    qsort(all, n, sizeof(struct job *), by_next);
    for (i = 0; i < n; i++)
        show_job(to, all[i]);
    pthread_mutex_unlock(&lock);
    free(all);
}
