/* test_logformat.c - log-format strings: what is refused, plain lines as the reference writes them,
 * JSON and CBOR. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conv_fixture.h"

#include "config/cfg.h"
#include "sample/args.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- aliases as the log module has them -------------------------------------------------------
 */

static bool
alias_int(struct sample_ctx *x, struct sample *out, void *private)
{
    const int64_t *v = private;

    sample_set_int(out, *v);
    return true;
}

static bool
alias_str(struct sample_ctx *x, struct sample *out, void *private)
{
    sample_set_str(out, slice_str(private));
    return true;
}

static bool
alias_none(struct sample_ctx *x, struct sample *out, void *private)
{
    return false;
}

static bool
alias_nothing(struct sample_ctx *x, struct sample *out, void *private)
{
    return true;
}

static bool
alias_ci(struct sample_ctx *x, struct sample *out, void *private)
{
    static const unsigned char ip[4] = { 127, 0, 0, 1 };

    out->type = SMP_IPV4;
    memcpy(&out->u.v4, ip, 4);
    return true;
}

static bool
alias_si6(struct sample_ctx *x, struct sample *out, void *private)
{
    out->type = SMP_IPV6;
    memset(&out->u.v6, 0, 16);
    out->u.v6.s6_addr[15] = 1;
    return true;
}

static bool
alias_plus(struct sample_ctx *x, struct sample *out, void *private)
{
    sample_set_int(out, 12);
    out->flags |= SMPF_MAY_CHANGE;
    return true;
}

/** Three captures, the last one missing. */
static bool
alias_list(struct sample_ctx *x, struct sample *out, void *private)
{
    static const struct slice values[] = { SL("v1 {|}\"\x7f\x80#%"), SL("\x01<>`^\\[]~'") };
    size_t i = out->iter[0]++;

    if (i < 2)
        out->flags |= SMPF_NOT_LAST;
    if (i >= COUNT_OF(values))
        return false;
    sample_set_str(out, values[i]);
    return true;
}

static const int64_t port = 39614, pid = 855, date = 1795335878, ms = 7, status = 200, minus = -1;

#define V(v) .private = (void *)&(v)
static const struct logfmt_alias aliases[] = {
    { "B", alias_plus, .flags = LOGA_PLUS, .help = "bytes" },
    { "CC", alias_none, .help = "cookie" },
    { "HM", alias_str, .private = (void *)"GET", .flags = LOGA_HTTP, .help = "method" },
    { "ST", alias_int, V(status), .help = "status" },
    { "Tq", alias_int, V(minus), .help = "timer" },
    { "Ts", alias_int, V(date), .flags = LOGA_HEX, .help = "date" },
    { "ci", alias_ci, .help = "client" },
    { "cp", alias_int, V(port), .flags = LOGA_HEX, .help = "port" },
    { "hr", alias_list, .flags = LOGA_BRACES, .help = "captures" },
    { "hrl", alias_list, .flags = LOGA_LIST, .help = "captures" },
    { "hs", alias_nothing, .flags = LOGA_BRACES, .help = "captures" },
    { "hsl", alias_nothing, .flags = LOGA_LIST, .help = "captures" },
    { "ms", alias_int, V(ms), .flags = LOGA_HEX2 | LOGA_PAD3, .help = "milliseconds" },
    { "pid", alias_int, V(pid), .flags = LOGA_HEX, .help = "process" },
    { "r", alias_str, .private = (void *)"GET /p{|}\"%22|`^~x?q=<>&\" HTTP/1.1",
      .flags = LOGA_HTTP | LOGA_URL, .help = "request" },
    { "si", alias_si6, .help = "server" },
    { "sp", alias_none, .flags = LOGA_HEX, .help = "port" },
    { "t", alias_str, .private = (void *)"22/Nov/2026:08:24:38.938", .flags = LOGA_BARE,
      .help = "date" },
    { 0 },
};

static int
setup(void **state)
{
    conv_setup();
    logfmt_aliases = aliases;
    return 0;
}

static int
teardown(void **state)
{
    logfmt_aliases = NULL;
    logfmt_proxy_is_http = NULL;
    conv_teardown();
    return 0;
}

static const struct logfmt_opt log_opt = { .where = PT_LOG, .flags = LOGF_DASH | LOGF_MERGE };
static const struct logfmt_opt http_opt = { .where = PT_FE_HTTP_REQ, .flags = LOGF_HTTP };
static const struct logfmt_opt plain_opt = { .where = PT_FE_HTTP_REQ };

static void
expect(const struct logfmt_opt *opt, const char *format, struct slice expected)
{
    char text[1024];
    struct out o = OUT(text);
    struct logfmt *f = logfmt_compile(conv_cfg(), CFG_WHOLE_LINE, format, NULL, opt);

    if (!f)
        fail_msg("%s: refused", format);
    args_resolve(conv_cfg());
    assert_true(logfmt_render(f, conv_ctx(), &o));
    if (!slice_eq(out_slice(&o), expected))
        fail_msg("%s: '%.*s', expected '%.*s'", format, SLF(out_slice(&o)), SLF(expected));
}

static void
log_is(const char *format, const char *expected)
{
    expect(&log_opt, format, slice_str(expected));
}

static void
http_is(const char *format, const char *expected)
{
    expect(&http_opt, format, slice_str(expected));
}

static void
refused(const char *format, const char *why)
{
    struct cfg *c = conv_cfg();
    struct logfmt_opt opt = log_opt;
    struct cfg_loc loc = { .file = "x.cfg", .line = 3 };

    opt.loc = &loc;
    opt.what = "failed to parse log-format";
    if (logfmt_compile(c, CFG_WHOLE_LINE, format, NULL, &opt))
        fail_msg("%s: accepted", format);
    struct diag *g = list_last(&c->diags.list, struct diag, link);
    assert_non_null(g);
    char *text = xasprintf("failed to parse log-format : %s.", why);
    if (strcmp(g->text, text) != 0)
        fail_msg("%s: '%s', expected '%s'", format, g->text, text);
    assert_int_equal(g->loc.line, 3);
    free(text);
}

/* ---- tests ------------------------------------------------------------------------------------
 */

static void
test_plain(void **state)
{
    log_is("%ci:%cp", "127.0.0.1:39614");
    log_is("%{+Q}ci %{+Q}cp %{+Q}HM %{+Q}t %{+Q}ST",
           "\"127.0.0.1\" 39614 \"GET\" 22/Nov/2026:08:24:38.938 200");
    log_is("%{+X}ci %{+X}cp %{+X}pid %{+X}Ts %{+X}ms %{+X}ST",
           "7F000001 9ABE 0357 6B02A6C6 07 200");
    log_is("%{+X}si %{+X}sp %{+Q,+X}ci", "00000000000000000000000000000001 - 7F000001");
    log_is("%ms %Tq %{+X}Tq %B %{+Q}B", "007 -1 -1 +12 +12");
    log_is("%CC|%{+Q}CC|%sp|%{+Q}sp", "-|\"\"|-|\"\"");
    log_is("%{+Q}o %ci %HM %{-Q}HM", "\"127.0.0.1\" \"GET\" GET");
    log_is("%{Q}o %HM %{-Q}HM", "\"GET\" GET");
    log_is("%{+Q}o%{-Q}HM %HM", "GET \"GET\"");
    log_is("x%{+Q}o y %ci", "x y \"127.0.0.1\"");
    log_is("%r|%{+Q}r",
           "GET /p{|}#22%22|`^~x?q=<>&#22 HTTP/1.1|\"GET /p{|}#22%22|`^~x?q=<>&#22 HTTP/1.1\"");
    log_is("%% a%%b 100%%", "% a%b 100%");
    log_is("%ci%HM%%%ci", "127.0.0.1GET%127.0.0.1");
    log_is("%ci_x %ci-x %ci.x %ci,x", "127.0.0.1_x 127.0.0.1-x 127.0.0.1.x 127.0.0.1,x");
    log_is("%-ci %_ci %]", "-ci _ci ]");
    log_is("a]b {x}", "a]b {x}");
}

static void
test_flags(void **state)
{
    log_is("%{ +Q}HM %{+Q,}HM %{,+Q}HM %{+Q +X}HM", "\"GET\" \"GET\" \"GET\" \"GET\"");
    log_is("%{}HM %{+}HM %{+QX}HM %{+q}HM %{+M}HM", "GET GET GET GET GET");
    log_is("%{+Q,-Q}HM", "GET");
}

static void
test_spaces(void **state)
{
    log_is("  a   b  ", "a b ");
    log_is("a  %ci   b  ", "a 127.0.0.1 b ");
    log_is(" %ci", "127.0.0.1");
    log_is("a %hs b", "a b");
    log_is("a %hs%hsl b", "a b");
    log_is("a %hs %hs b", "a b");
    log_is("a %o %o b", "a b");
    log_is("%hs x", "x");
    log_is("a %[str( )]  b", "a   b");
    log_is("%ci\ttab", "127.0.0.1\ttab");
    http_is("  x   y |", "  x   y |");
}

static void
test_lists(void **state)
{
    log_is("%hr", "{v1 #7B#7C#7D#22#7F#80#23%|#01<>`^\\[]~'|}");
    log_is("%hrl", "v1 #7B#7C#7D#22#7F#80#23% #01<>`^\\[]~' -");
    log_is("%{+Q}hr", "\"{v1 #7B#7C#7D#22#7F#80#23%|#01<>`^\\[]~'|}\"");
    log_is("%{+Q}hrl", "\"v1 #7B#7C#7D#22#7F#80#23%\" \"#01<>`^\\[]~'\" \"\"");
    log_is("%{+E}hr", "{v1 #7B#7C#7D#22#7F#80#23%|#01<>`^\\\\[\\]~'|}");
    log_is("%{+Q}hs|%{+Q}hsl|", "||");
}

static void
test_expressions(void **state)
{
    log_is("%[str(x)]y", "xy");
    log_is("%[int(-5)] %{+Q}[int(-5)] %{+X}[int(255)] %{+X}[ipv4(1.2.3.4)]",
           "-5 \"-5\" 255 1.2.3.4");
    log_is("%[str()]|%{+Q}[str()]|%[var(txn.none)]|%{+Q}[var(txn.none)]", "-|\"\"|-|\"\"");
    log_is("%{+Q}[bin(6122625d632064)] %{+E}[bin(6122625d632064)] %{+Q,+E}[bin(615c62)]",
           "\"a\"b]c d\" a\\\"b\\]c d \"a\\\\b\"");
    log_is("%[bin(61010a7f80ff0062)]|", "a\x01\n\x7f\x80\xff|");
    log_is("%[bool(1)] %[ipv6(::1)]", "1 ::1");
    log_is("%[str(a]b)]x %[str(']')] %[str(a),concat(],,])]", "a]bx ] a]]");
    log_is("%[str(a%00c),url_dec(1)]|", "a|");
    http_is("%[str(a%00c),url_dec(1)]|%[bin(01091f7f80)]", "a%00c|%01\t%1F%7F\x80");
    http_is("%[var(txn.none)]|%{+Q}[var(txn.none)]|%CC|%{+Q}CC|%{+E}[str(x]y)]", "|||\"\"|x\\]y");
    expect(&plain_opt, "%[bin(01207f80)]", SL("\x01 \x7f\x80"));
    expect(&log_opt, "%{+bin}o %[bin(610062)]%{-bin}o%[bin(610062)]", slice("a\0ba", 4));
    expect(&log_opt, "%{+bin}[bin(610062)]", SL("a"));
}

static void
test_refused(void **state)
{
    refused("%{+Q}", "parse argument modifier without variable name near '%{+Q}'");
    refused("%{+Q}%ci", "parse argument modifier without variable name near '%{+Q}'");
    refused("%", "truncated line after '%'");
    refused("a%", "truncated line after '%'");
    refused("%z", "no such format variable 'z'. If you wanted to emit the '%' character verbatim, "
                  "you need to use '%%'");
    refused("%cix", "no such format variable 'cix'. If you wanted to emit the '%' character "
                    "verbatim, you need to use '%%'");
    refused("%[str(a)", "missing ']' after 'str(a)'");
    refused("%{+Q[src]", "truncated line after '+Q[src]'");
    refused("%{+Q", "truncated line after '+Q'");
    refused("%[foo]", "failed to parse sample expression <foo]> : unknown fetch method 'foo'");
    refused("%[str(a),foo]",
            "failed to parse sample expression <str(a),foo]> : unknown converter 'foo'");
    refused("%[]", "failed to parse sample expression <]> : missing fetch method");
    refused("%[str(a) ]", "expected ']' after 'str(a)', but found ' '");
    refused("ab% c", "unexpected variable name near ' ' at position 3 line : 'ab% c'. Maybe you "
                     "want to write a single '%', "
                     "use the syntax '%%'");
    refused("%(a b)ci",
            "invalid character in custom name near ' ' at position 3 line : '%(a b)ci'");
    refused("%(a:foo)ci", "unexpected output type 'foo' at position 4 line : '%(a:foo)ci'. "
                          "Supported types are: str, sint, bool, raw");
    refused("%(a", "truncated line after 'a'");
}

static bool
is_tcp(const struct proxy *px)
{
    return false;
}

static void
test_http_only(void **state)
{
    struct cfg *c = conv_cfg();
    struct proxy *px = (struct proxy *)(void *)&port; /* never looked into */

    logfmt_proxy_is_http = is_tcp;
    assert_null(logfmt_compile(c, CFG_WHOLE_LINE, "%HM", px, &log_opt));
    struct diag *g = list_last(&c->diags.list, struct diag, link);
    assert_string_equal(g->text, "format variable 'HM' is reserved for HTTP mode.");
    assert_non_null(logfmt_compile(c, CFG_WHOLE_LINE, "%ci", px, &log_opt));
    logfmt_proxy_is_http = NULL;
}

static void
test_json(void **state)
{
    log_is("%{+json}o %(ts:sint)Ts %(src)ci %(verb)HM %(status)ST %(ua)[str(curl/8.5)]",
           "{\"ts\": 1795335878, \"src\": \"127.0.0.1\", \"verb\": \"GET\", \"status\": 200, "
           "\"ua\": \"curl/8.5\"}");
    log_is("%{+json}o text %ci %(a)CC %(b)[var(txn.none)] %(c)[bin(00ff)] %(d)[bool(1)] "
           "%(e)[bin(61220a015c),cut_crlf]",
           "{\"a\": \"\", \"b\": \"\", \"c\": \"\", \"d\": true, \"e\": \"a\\\"\"}");
    log_is("%{+json}o %(a)[str(a),concat(\"\\\"\n\t\\x01\")] %(b)B",
           "{\"a\": \"a\\\"\\n\\t\\\\x01\", \"b\": 12}");
    log_is("%{+json}o", "{}");
    log_is("%{+json}o %(a:str)ST %(b:bool)ST %(c:sint)[str(12)] %(d:raw)[str([1])] "
           "%(e:sint)[ipv6(::1)]",
           "{\"a\": \"200\", \"b\": true, \"c\": 12, \"d\": [1], \"e\": \"\"}");
    log_is(
        "%{+json,+E,+Q}o %(a)[str(x]y)] %(h)hr %(n)hs",
        "{\"a\": \"x]y\", \"h\": \"{v1 #7B#7C#7D#22#7F#80#23%|#01<>`^\\\\[]~'|}\", \"n\": \"\"}");
    log_is("%{+json}HM %{+json}ST %(k:sint){+json}B %(:str){+json}ST", "\"GET\" 200 12 \"200\"");
    log_is("%(k)HM %(:str)ST", "GET 200");
    log_is("%{+json,+X}o %(a)ci %(b)cp %(c)ST",
           "{\"a\": \"7F000001\", \"b\": \"9ABE\", \"c\": 200}");
}

static void
test_cbor(void **state)
{
    log_is("%{+cbor}o %(m)HM %(st)ST", "BF616D7F63474554FF62737418C8FF");
    log_is("%{+cbor}ST %{+cbor}HM %{+cbor}CC %{+cbor}Tq %{+cbor}[bool(0)] %{+cbor}[str()]",
           "18C8 7F63474554FF F6 20 F4 7FFF");
    log_is("%{+cbor}[int(23)]%{+cbor}[int(24)]%{+cbor}[int(65536)]%{+cbor}[int(4294967296)]%{+cbor}"
           "[int(-500)]",
           "1718181A000100001B00000001000000003901F3");
    log_is("%{+cbor}[bin(00ff)]", "5F4200FFFF");
    expect(&log_opt, "%{+cbor,+bin}o %(a)ST", SL("\xbf\x61\x61\x18\xc8\xff"));
}

static void
test_room(void **state)
{
    char text[8];
    struct out o = OUT(text);
    struct logfmt *f = logfmt_compile(conv_cfg(), CFG_WHOLE_LINE, "%ci %ci", NULL, &log_opt);
    struct slice s;

    assert_non_null(f);
    assert_false(logfmt_render(f, conv_ctx(), &o));
    assert_true(slice_eq(out_slice(&o), SL("127.0.0.")));
    s = logfmt_slice(f, conv_ctx());
    assert_string_equal(s.p, "127.0.0.1 127.0.0.1");
    assert_false(logfmt_is_const(f, &s));
    f = logfmt_compile(conv_cfg(), CFG_WHOLE_LINE, "100%%", NULL, &http_opt);
    assert_true(logfmt_is_const(f, &s));
    assert_string_equal(s.p, "100%");
    f = logfmt_compile(conv_cfg(), CFG_WHOLE_LINE, "", NULL, &http_opt);
    assert_true(logfmt_is_empty(f) && logfmt_is_const(f, &s) && s.len == 0);
    assert_int_equal(logfmt_needs(f), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),       cmocka_unit_test(test_flags),
        cmocka_unit_test(test_spaces),      cmocka_unit_test(test_lists),
        cmocka_unit_test(test_expressions), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_http_only),   cmocka_unit_test(test_json),
        cmocka_unit_test(test_cbor),        cmocka_unit_test(test_room),
    };

    return cmocka_run_group_tests_name("logformat", tests, setup, teardown);
}
