/* test_parse.c - arguments of actions: what is accepted, what is refused and in which words (those
 * of the reference where it knows the action). */
#include "config/cfg.h"
#include "process/load.h"
#include "proxy/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct config cf;
static struct cfg cfg;
static struct cmdline opts;

/** A line in a proxy, and the error it must give; NULL: none. */
struct line {
    const char *text, *error;
};

enum kind { FE, LI, TCP, BE };
static const char *const heads[] = {
    [FE] = "frontend f\n mode http\n",
    [LI] = "listen l\n mode http\n",
    [TCP] = "listen l\n mode tcp\n",
    [BE] = "backend b\n mode http\n",
};
static const char head[] =
    "global\n expose-experimental-directives\n"
    "http-errors errs\n"
    "userlist users\n user u insecure-password p\n"
    "backend tables\n stick-table type ip size 10 store bytes_out_rate(1s)\n";

/* All diagnostics in one text. */
static char *
read_line(enum kind k, const char *line)
{
    struct text t = { 0 }, out = { 0 };
    struct diag *g;

    text_printf(&t, "%s%s %s\n", head, heads[k], line);
    load_begin(&cfg, &cf, &opts);
    if (cfg_read_text(&cfg, "t.cfg", text_get(&t)) == CFG_OK && !cfg.diags.errors)
        (void)cfg_finish(&cfg);
    list_each (g, &cfg.diags.list, link)
        if (g->level == DIAG_ALERT)
            text_printf(&out, "%s\n", g->text);
    text_fini(&t);
    load_end(&cfg);
    text_char(&out, '\0');
    return out.p;
}

static void
check_lines(enum kind k, const struct line *l, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        char *got = read_line(k, l[i].text);
        bool ok = l[i].error ? strstr(got, l[i].error) != NULL : !*got;
        if (!ok)
            fail_msg("%s\n   gave   %s\n   wanted %s", l[i].text, *got ? got : "nothing",
                     l[i].error ? l[i].error : "nothing");
        free(got);
    }
}

#define FRAME(rule) "error detected in frontend 'f' while parsing 'http-request " rule "' rule : "

static void
test_final(void **state)
{
    static const struct line lines[] = {
        { "http-request deny", NULL },
        { "http-request deny foo", "'http-request deny' expects either 'if' or 'unless' followed "
                                   "by a condition but found 'foo'." },
        { "http-request deny deny_status 429", NULL },
        { "http-request deny deny_status",
          FRAME("deny") "'deny_status' expects <status_code> as argument" },
        { "http-request deny deny_status 402",
          "status code '402' not handled by default with 'default-errorfiles' argument." },
        { "http-request deny status 402", NULL },
        { "http-request deny status 199", FRAME("deny") "Unexpected status code '199'" },
        { "http-request deny status 600", "Unexpected status code '600'" },
        { "http-request deny string x",
          "a content type must be defined when non-empty payload is configured" },
        { "http-request deny content-type a string x", NULL },
        { "http-request deny content-type a string x string y",
          "unexpected 'string' argument, 'string' already defined" },
        { "http-request deny content-type a string x hdr",
          "'hdr' expects <name> and <value> as arguments" },
        { "http-request deny hdr a \"%[src]\"", NULL },
        { "http-request deny hdr a \"%[nothing]\"", "unknown fetch method 'nothing'" },
        { "http-request deny errorfile /nonexistent", "/nonexistent" },
        { "http-request deny errorfiles errs", NULL },
        { "http-request deny errorfiles nope",
          "Proxy 'f': unknown http-errors section 'nope' referenced by an http reply ." },
        { "http-request return", NULL },
        { "http-request return status 204 content-type a string x",
          "No body expected for 204 responses" },
        { "http-request return deny_status 404", "but found 'deny_status'" },
        { "http-request tarpit deny_status 430", "status code '430' not handled by default" },
        { "http-request tarpit status 418 hdr a b if TRUE", NULL },
        { "http-request auth", NULL },
        { "http-request auth realm", FRAME("auth") "missing realm value." },
        { "http-request auth realm \"a b\" unless { http_auth(users) }", NULL },
        { "http-request reject foo", "'http-request reject' expects either" },
        { "http-request allow", NULL },
        { "http-request silent-drop rst-ttl 5", NULL },
        { "http-request silent-drop rst-ttl 256", "invalid rst-ttl value '256'" },
        { "http-request accept", "'http-request' expects " },
    };
    check_lines(FE, lines, COUNT_OF(lines));
}

static void
test_redirect(void **state)
{
    static const struct line lines[] = {
        { "http-request redirect",
          FRAME("redirect") "redirection type expected ('prefix', 'location', or 'scheme')." },
        { "http-request redirect foo", "(was 'foo')" },
        { "http-request redirect location", "missing argument for 'location'." },
        { "http-request redirect location / code 300",
          "'code': unsupported HTTP code '300' (must be one of 301, 302, 303, 307 or 308)." },
        { "http-request redirect code 308 prefix / drop-query append-slash set-cookie A=1 if TRUE",
          NULL },
        { "http-request redirect location /%[path] keep-query set-cookie-fmt A=%[src] ignore-empty",
          NULL },
        { "http-request redirect scheme https keep-query",
          "'keep-query' is only supported with 'location'" },
        { "redirect foo",
          "error detected in frontend 'f' while parsing redirect rule : expects 'code'" },
        { "redirect scheme https code 301 if { dst_port 80 }", NULL },
    };
    check_lines(FE, lines, COUNT_OF(lines));
}

static void
test_headers(void **state)
{
    static const struct line lines[] = {
        { "http-request add-header", FRAME("add-header") "expects exactly 2 arguments." },
        { "http-request add-header a b c", "but found 'c'" },
        { "http-request set-header a %[src", "missing ']' after 'src'" },
        { "http-request set-header a %[res.hdr(x)]", "HTTP response headers" },
        { "http-request del-header", "expects at least 1 argument." },
        { "http-request del-header a -m", "-m flag expects exactly 1 argument." },
        { "http-request del-header a -m found", "-m with unsupported matching method 'found'." },
        { "http-request del-header ([ -m reg", "regex '([' is invalid" },
        { "http-request del-header a -m beg if TRUE", NULL },
        { "http-request replace-header a b", "expects exactly 3 arguments." },
        { "http-request replace-header a ([ c", "regex '([' is invalid" },
        { "http-request replace-value a b c", NULL },
        { "http-request early-hint a", "expects exactly 2 arguments." },
        { "http-request early-hint Link \"</a>\"", NULL },
        { "http-request add-headers-bin req.hdrs_bin prefix x-", NULL },
        { "http-request add-headers-bin", "missing fetch method." },
        { "http-request set-headers-bin req.hdrs_bin prefix", "missing argument for 'prefix'." },
        { "http-request del-headers-bin req.hdrs_bin -m reg",
          "-m with unsupported matching method 'reg'." },
    };
    check_lines(FE, lines, COUNT_OF(lines));
}

static void
test_start_line(void **state)
{
    static const struct line lines[] = {
        { "http-request set-method", FRAME("set-method") "expects exactly 1 argument <format>." },
        { "http-request set-path a b", "expects exactly 1 argument <format>." },
        { "http-request set-path /a%[path]", NULL },
        { "http-request set-query a=%[src] if TRUE", NULL },
        { "http-request set-uri /", NULL },
        { "http-request set-pathq /", NULL },
        { "http-request replace-path a",
          "expects exactly 2 arguments <match-regex> and <replace-format>." },
        { "http-request replace-path ([ c", "failed to parse the regex : regex '([' is invalid" },
        { "http-request replace-uri a b if TRUE", NULL },
        { "http-request normalize-uri", "missing argument <normalizer>." },
        { "http-request normalize-uri foo", "unknown normalizer 'foo'." },
        { "http-request normalize-uri path-strip-dotdot foo",
          "unknown argument 'foo' for 'path-strip-dotdot' normalizer." },
        { "http-request normalize-uri path-strip-dotdot full", NULL },
        { "http-request set-status 200", "'http-request' expects " },
        { "http-response set-status",
          "expects 1 argument: <status>; or 3 arguments: <status> reason <fmt>." },
        { "http-response set-status 99", "expects an integer status code between 100 and 999." },
        { "http-response set-status 200 reason \"a b\"", NULL },
        { "http-response set-status 200 foo", "but found 'foo'" },
    };
    check_lines(FE, lines, COUNT_OF(lines));
}

static void
test_vars_and_lists(void **state)
{
    static const struct line lines[] = {
        { "http-request set-var",
          "invalid or incomplete action 'set-var'. Expects 'set-var(<var-name>)'" },
        { "http-request set-var(", "incomplete argument after action 'set-var('." },
        { "http-request set-var(foo) src", "invalid variable name 'foo'" },
        { "http-request set-var(txn.a)", "missing fetch method." },
        { "http-request set-var(txn.a) src x", "but found 'x'" },
        { "http-request set-var(txn.a,ifexists,ifgt) src", NULL },
        { "http-request set-var(txn.a,foo) src", "unknown condition \"foo\"" },
        { "http-request set-var-fmt(txn.a) \"%[src] %ci\"", NULL },
        { "http-request set-var-fmt(txn.a) %[nothing]", "unknown fetch method 'nothing'" },
        { "http-request unset-var(txn.a)", NULL },
        { "http-request unset-var", "invalid or incomplete action 'unset-var'" },
        { "http-request set-map(virt@m) %[src]", "expects exactly 2 arguments." },
        { "http-request set-map(virt@m) %[src] b", NULL },
        { "http-request del-map(virt@m) %[src]", NULL },
        { "http-request add-acl(virt@a)", "expects exactly 1 arguments." },
        { "http-request add-acl(virt@a) %[src] if TRUE", NULL },
        { "http-request del-acl(virt@a) %[src]", NULL },
        { "http-after-response add-acl(virt@a) %[src]", "'http-after-response' expects " },
    };
    check_lines(FE, lines, COUNT_OF(lines));
}

static void
test_stream(void **state)
{
    static const struct line in_frontend[] = {
        { "http-request set-nice", "expects exactly 1 argument (integer value)." },
        { "http-request set-nice -5", NULL },
        { "http-request set-log-level foo",
          "expects exactly 1 argument (log level name or 'silent')." },
        { "http-request set-log-level silent", NULL },
        { "http-request set-priority-class 5", "unknown fetch method '5'" },
        { "http-request set-priority-class int(5)", NULL },
        { "http-request set-timeout foo 1", "'set-timeout' rule supports" },
        { "http-request set-timeout server 1s", "'f' has no backend capability." },
        { "http-request set-timeout client 1s", NULL },
        { "http-request set-retries 3", "'f' has no backend capability." },
        { "http-request strict-mode", "expects exactly 1 arguments." },
        { "http-request strict-mode foo",
          "Unexpected value 'foo'. Only 'on' and 'off' are supported." },
        { "http-request strict-mode off", NULL },
        { "http-request wait-for-body", "expects time <time> [ at-least <bytes> ]." },
        { "http-request wait-for-body time x", "unexpected character 'x'." },
        { "http-request wait-for-body time 1s at-least 5k if TRUE", NULL },
        { "http-request pause foo", "unexpected character 'f' in rule 'pause'." },
        { "http-request pause 5ms", NULL },
        { "http-request pause int(5),mul(2)", NULL },
        { "http-request wait-for-handshake", NULL },
        { "http-request disable-l7-retry x", "but found 'x'" },
        { "http-request capture foo len 3", "unknown fetch method 'foo'" },
        { "http-request capture src len 0", "length must be > 0." },
        { "http-request capture src", "expects <expression> [ 'len' <length> | id <idx> ]." },
        { "http-request capture src id x", "cannot parse id 'x'." },
        { "http-request capture src id 0",
          "Proxy 'f': unable to find capture id '0' referenced by http-request capture rule." },
        { "http-request capture src len 9", NULL },
        { "http-response capture res.hdr(x) len 9", "expects 'id', found 'len'." },
        { "http-request do-log", NULL },
        { "http-request do-log profile nope", "unable to find log-profile 'nope'" },
        { "http-request use-service nope", FRAME("use-service") "'nope' unknown service name." },
        { "http-request use-service", "'use-service' expects a service name." },
    };
    static const struct line in_listen[] = {
        { "http-request set-timeout server 0",
          "null value is not valid for a 'set-timeout server' rule." },
        { "http-request set-timeout server 1x",
          "unexpected character 'x' in rule 'set-timeout server'." },
        { "http-request set-timeout server 99999999999",
          "timer overflow in argument '99999999999' to rule 'set-timeout server'" },
        { "http-request set-timeout tunnel hdr(x)", NULL },
        { "http-request set-timeout queue 1s", NULL },
        { "http-request set-retries 0", "expects an expression or an integer between 1 and 100." },
        { "http-request set-retries int(3)", NULL },
        { "http-response redirect prefix /", "response only supports redirect type 'location'." },
        { "http-request cache-use x", "action 'cache-use' is not supported yet" },
        { "http-request lua.f", "action 'lua.' is not supported yet" },
    };
    static const struct line in_backend[] = {
        { "http-request capture src len 4", "proxy 'b' has no frontend capability." },
        { "http-request capture src id 0", NULL },
        { "http-request set-timeout client 1s", "'b' has no frontend capability." },
    };
    check_lines(FE, in_frontend, COUNT_OF(in_frontend));
    check_lines(LI, in_listen, COUNT_OF(in_listen));
    check_lines(BE, in_backend, COUNT_OF(in_backend));
}

static void
test_connections(void **state)
{
    static const struct line in_http[] = {
        { "http-request set-src", "missing fetch method." },
        { "http-request set-src foo", "unknown fetch method 'foo'" },
        { "http-request set-dst hdr(x) if TRUE", NULL },
        { "http-request set-dst-port int(3)", NULL },
        { "http-request set-mark 0xffffffff", NULL },
        { "http-request set-mark", "expects an argument (integer/hex value or expression)." },
        { "http-request set-fc-mark int(7)", NULL },
        { "http-request set-bc-tos 16", NULL },
        { "http-request set-tos 0xzz", "unknown fetch method '0xzz'" },
        { "http-request rate-limit 10/1m burst 20 key hdr(x)", NULL },
        { "http-request rate-limit 10/s", NULL },
        { "http-request rate-limit 10", "expects <requests>/<period>, as in 100/10s (got '10')." },
        { "http-request rate-limit 0/s", "expects <requests>/<period>" },
        { "http-request rate-limit 1/2y", "invalid period '2y'" },
        { "http-request rate-limit 1/s burst 0",
          "'burst' expects a number of requests (got '0')." },
        { "http-request rate-limit 1/s foo", "expects 'burst' or 'key' (got 'foo')." },
    };
    static const struct line in_tcp[] = {
        { "tcp-request connection expect-proxy",
          "'tcp-request connection expect-proxy' only supports 'layer4' in proxy 'l' (got '')" },
        { "tcp-request connection expect-proxy layer4 if { src 127.0.0.1 }", NULL },
        { "tcp-request connection expect-netscaler-cip layer4", NULL },
        { "tcp-request session expect-proxy layer4", "'tcp-request session' expects " },
        { "tcp-request content accept foo",
          "'tcp-request content accept' only accepts 'if' or 'unless', in proxy 'l' (got 'foo')" },
        { "tcp-request content deny", "'tcp-request content' expects " },
        { "tcp-request content switch-mode",
          "'tcp-request switch-mode' expects a mode as argument." },
        { "tcp-request content switch-mode foo",
          "'tcp-request switch-mode' expects a valid mode (got 'foo')." },
        { "tcp-request content switch-mode http proto h1", NULL },
        { "tcp-request content set-bandwidth-limit nope",
          "unable to find bwlim filter 'nope' referenced by set-bandwidth-limit rule" },
        { "filter bwlim-in x default-limit 1k", "'bwlim-in' : <default-period> option is missing" },
        { "filter bwlim-in x default-limit 1k limit 2k key src",
          "cannot mix per-stream and shared parameter" },
        { "filter bwlim-out x limit 2k key src",
          "unable to find table 'l' referenced by bwlim filter 'x'" },
        { "filter bwlim-in x limit 2k key src table tables", "It must be 'bytes_in_rate'" },
        { "filter bwlim-out x limit 2k key src table tables\n tcp-request content "
          "set-bandwidth-limit x",
          NULL },
        { "filter bwlim-out x default-limit 2k default-period 1s\n filter bwlim-in x default-limit "
          "1 default-period 1s",
          "bwlim filter 'x' already declared for proxy 'l'" },
        { "tcp-response content close", NULL },
        { "tcp-response content set-var(txn.a) res.len", NULL },
    };
    check_lines(FE, in_http, COUNT_OF(in_http));
    check_lines(TCP, in_tcp, COUNT_OF(in_tcp));
}

static void
test_cookies_and_captures(void **state)
{
    static const struct line in_backend[] = {
        { "cookie", "'cookie' expects <cookie_name> as argument." },
        { "cookie A", NULL },
        { "cookie A insert rewrite",
          "cookie 'rewrite', 'insert' and 'prefix' modes are incompatible." },
        { "cookie A rewrite indirect", "cookie 'rewrite' and 'indirect' modes are incompatible." },
        { "cookie A preserve", "cookie 'preserve' requires at least 'insert' or 'indirect'." },
        { "cookie A insert foo", "'cookie' supports 'rewrite', 'insert', 'prefix'" },
        { "cookie A insert domain", "'domain' expects <domain> as argument." },
        { "cookie A insert domain \"a b\"",
          "character ' ' is not permitted in domain name 'a b'." },
        { "cookie A insert attr \"a;b\"", "character '%x3B' is not permitted in attribute value." },
        { "cookie A insert maxidle", "'maxidle' expects <idletime> in seconds as argument." },
        { "cookie A insert maxidle 1x", "unexpected character 'x' in argument to <maxidle>." },
        { "cookie A insert maxlife 100000d", "timer overflow in argument <100000d> to <maxlife>" },
        { "cookie A insert nocache postonly indirect preserve httponly secure domain a.b dynamic "
          "attr x=y maxidle 1d",
          NULL },
        { "dynamic-cookie-key", "'dynamic-cookie-key' expects <secret_key> as argument." },
    };
    static const struct line in_frontend[] = {
        { "capture", "'capture' expects 'cookie' or 'request header' or 'response header'." },
        { "capture request foo",
          "'capture' expects 'cookie' or 'request header' or 'response header'." },
        { "capture request header a",
          "'capture request' expects 'header' <header_name> 'len' <len>." },
        { "capture request header a len 10", NULL },
        { "capture response header a len 10 foo",
          "'capture response' cannot handle unexpected argument 'foo'." },
        { "capture cookie a", "'capture' expects 'cookie' <cookie_name> 'len' <len>." },
        { "capture cookie a= len 20", NULL },
        { "declare foo", "unknown declaration type 'foo' (supports 'capture')" },
        { "declare capture foo",
          "'declare capture' requires a direction ('request' or 'response')" },
        { "declare capture request", "'declare capture' requires a capture length ('len')" },
        { "declare capture request len 0", "length must be > 0" },
        { "declare capture response len 5\n http-response capture res.hdr(x) id 0", NULL },
    };
    check_lines(BE, in_backend, COUNT_OF(in_backend));
    check_lines(FE, in_frontend, COUNT_OF(in_frontend));
}

static void
test_userlists(void **state)
{
    static const struct line lines[] = {
        { "userlist u\n user", "'user' expects <name> as arguments." },
        { "userlist u\n user a foo",
          "'user' only supports 'password', 'insecure-password' and 'groups' options." },
        { "userlist u\n user a insecure-password x groups g",
          "userlist 'u': no such group 'g' specified in user 'a'" },
        { "userlist u\n group g users a", "userlist 'u': no such user 'a' specified in group 'g'" },
        { "userlist u\n group g foo", "'group' only supports 'users' option." },
        { "userlist u\n group g users a\n user a insecure-password x", NULL },
        { "userlist \"u?\"", "character '?' is not permitted in 'userlist' name 'u?'." },
    };
    check_lines(FE, lines, COUNT_OF(lines));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_final),          cmocka_unit_test(test_redirect),
        cmocka_unit_test(test_headers),        cmocka_unit_test(test_start_line),
        cmocka_unit_test(test_vars_and_lists), cmocka_unit_test(test_stream),
        cmocka_unit_test(test_connections),    cmocka_unit_test(test_cookies_and_captures),
        cmocka_unit_test(test_userlists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
