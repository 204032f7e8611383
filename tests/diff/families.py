"""families - cases that are products of tables: a fetch with a way of matching, flags, patterns, and requests."""
import random

from cases import Case

# Ways of matching strings: patterns that are interesting for each.
STRING_PATTERNS = {
    'str': ['/foo/bar', '/FOO/bar', '/foo', '/', '""'],
    'beg': ['/foo', '/FOO', '/', '/foo/bar/', 'foo'],
    'end': ['bar', 'BAR', '/foo/bar', '.gif', '/'],
    'sub': ['oo/b', 'OO/B', 'x', '/'],
    'dir': ['foo', 'bar', 'foo/bar', '/foo', 'BAR', 'fo'],
    'dom': ['foo', 'bar', 'b.c', 'foo.'],
    'reg': ['^/foo', 'ba[rz]$', '^/FOO', 'o{2}/(b|c)', '^$'],
    'len': ['8', '1:4', 'ge 5', '0'],
}
PATHS = ['/foo/bar', '/FOO/BAR', '/foo', '/', '/a.b.c/foo.gif', '/foobar/fo']
HOSTS = ['www.Example.com', 'example.com', 'sub.www.example.com:8080', '10.0.0.1', 'a', 'example.com.evil.org', 'WWW']
HOST_PATTERNS = {
    'str': ['www.example.com', 'a', '10.0.0.1'],
    'beg': ['www', 'sub.'],
    'end': ['.com', 'example.com', ':8080'],
    'sub': ['example', 'EXAMPLE'],
    'dom': ['example.com', 'www', 'com', 'example', 'www.example'],
    'dir': ['www', 'a'],
    'reg': ['^(www\\\\.)?example\\\\.com', '[0-9]+$'],
    'ip': ['10.0.0.0/8', '10.0.0.1', '127.0.0.1'],
    'len': ['1', '3:15'],
}
LEGACY = [('path', ''), ('path_beg', '_beg'), ('path_end', '_end'), ('path_sub', '_sub'), ('path_dir', '_dir'),
          ('path_dom', '_dom'), ('path_reg', '_reg'), ('path_len', '_len')]
INT_PATTERNS = ['5', 'eq 5', 'ge 5', 'gt 5', 'le 5', 'lt 5', '1:5', ':5', '6:', 'ge 1 lt 0', '-3', '5 7 9', '0', 'eq 1:4']
INT_VALUES = ['5', '4', '6', '-3', '0', '7abc', 'abc', '', '+5', ' 5', '99999999999', '1,5']
IP_PATTERNS = ['127.0.0.1', '10.0.0.0/8', '10.0.0.0/255.0.0.0', '::1', '2001:db8::/32', '0.0.0.0/0', '127.0.0.1 192.168.1.0/24',
               '10/8', '192.168.1', 'localhost', '1.2.3.4/33', 'nonsense.invalid.']
IP_VALUES = ['127.0.0.1', '10.1.2.3', '192.168.1.77', '::1', '2001:db8::5', '::ffff:10.0.0.1', 'x', '10.1.2.3:80', '']
BOOL_EXPRS = ['always_true', 'always_false', 'int(0)', 'int(1)', 'bool(true)', 'bool(false)', 'str(0)', 'str(1)', 'str()',
              'path,len', 'hdr(x)', 'hdr_cnt(x)', 'hdr(x),bool', 'ipv4(0.0.0.0)', 'urlp(a)', 'src', 'req.fhdr(x)', 'bin(00)']


def quiet(text):
    """A name made of what is readable in `text`."""
    return ''.join(c if c.isalnum() or c in '_-.,:()/^$[]+*=<>!{}&' else '_' for c in text)


def holds(name, condition, requests):
    case = Case(name)
    case.fe += ['http-request return status 200 if ' + condition, 'http-request return status 204']
    for at, text in enumerate(requests):
        case.ask(text, at > 0 and at % 3 != 0)
    return case


def string_matches():
    for method, patterns in STRING_PATTERNS.items():
        for flags in ('', '-i '):
            for pattern in patterns:
                yield holds('match/path_-m_%s_%s%s' % (method, quiet(flags), quiet(pattern)),
                            '{ path %s-m %s %s }' % (flags, method, pattern), ['GET ' + p for p in PATHS])
    for name, suffix in LEGACY:
        method = suffix[1:] or 'str'
        patterns = STRING_PATTERNS[method]
        for flags in ('', '-i ', '-n '):
            several = ' '.join(p for p in patterns[:2] if ' ' not in p and '"' not in p) or patterns[0]
            yield holds('match/%s_%s%s' % (name, quiet(flags), quiet(several)), '{ %s %s%s }' % (name, flags, several),
                        ['GET ' + p for p in PATHS])


def host_matches():
    for method, patterns in HOST_PATTERNS.items():
        for pattern in patterns:
            for fetch in ('hdr(host)', 'req.hdr(Host),lower'):
                yield holds('match/%s_-m_%s_%s' % (quiet(fetch), method, quiet(pattern)),
                            '{ %s -m %s %s }' % (fetch, method, pattern), ['GET /|Host: ' + h for h in HOSTS])
    for suffix in ('_beg', '_end', '_dom', '_dir', '_sub', '_reg', '_len', '_ip', '_val', '_cnt', ''):
        pattern = {'_len': '3', '_ip': '10.0.0.0/8', '_val': '10', '_cnt': '1', '_beg': 'www', '_end': '.com',
                   '_reg': '^www'}.get(suffix, 'www.example.com')
        for name in ('hdr', 'req.hdr', 'req.fhdr'):
            yield holds('match/%s%s(host)' % (name, suffix), '{ %s%s(host) -i %s }' % (name, suffix, pattern),
                        ['GET /|Host: ' + h for h in HOSTS])


def number_matches():
    for pattern in INT_PATTERNS:
        for fetch in ('hdr_val(x)', 'hdr(x)', 'hdr(x),mul(1)'):
            yield holds('match/%s_-m_int_%s' % (quiet(fetch), quiet(pattern)), '{ %s -m int %s }' % (fetch, pattern),
                        ['GET /|X: ' + v for v in INT_VALUES])
    for pattern in ('eq 5', '1:5'):
        for fetch in ('hdr_val(x)', 'hdr_cnt(x)', 'urlp_val(n)', 'cook_val(n)', 'path,length'):
            yield holds('match/%s_%s' % (quiet(fetch), quiet(pattern)), '{ %s %s }' % (fetch, pattern),
                        ['GET /abcd', 'GET /?n=5|X: 5|Cookie: n=5', 'GET /?n=5x|X: 1|X: 2|X: 3|X: 4|X: 5|Cookie: n=5x',
                         'GET /?n=|X: |Cookie: n=', 'GET /?n=-5|X: -5|Cookie: n=-5'])


def address_matches():
    for pattern in IP_PATTERNS:
        for fetch in ('hdr_ip(x)', 'hdr(x)'):
            yield holds('match/%s_-m_ip_%s' % (quiet(fetch), quiet(pattern)), '{ %s -m ip %s }' % (fetch, pattern),
                        ['GET /|X: ' + v for v in IP_VALUES])
    for pattern in IP_PATTERNS[:8]:
        yield holds('match/src_%s' % quiet(pattern), '{ src %s }' % pattern, ['GET /'])
        yield holds('match/hdr(x),ipmask_%s' % quiet(pattern), '{ hdr(x),ipmask(8,32) %s }' % pattern,
                    ['GET /|X: ' + v for v in IP_VALUES])


def boolean_matches():
    for e in BOOL_EXPRS:
        for flags in ('', '-m bool', '-m found', '-m bool 1', '-m int 1', '-m str 1'):
            yield holds('match/%s_%s' % (quiet(e), quiet(flags)), '{ %s %s }' % (e, flags),
                        ['GET /', 'GET /?a=1|X: 1', 'GET /?a=0|X: 0', 'GET /?a=true|X: true', 'GET /?a=|X: '])


CONDITIONS = ['a b', 'a or b', 'a || b', '!a', '! a', 'a !b', '!a !b or c', 'a b or c', 'a or b c', 'a !b or !a b', 'a a',
              '{ path /a } b', '!{ path /a } or c', 'TRUE', 'FALSE', '!TRUE or a', 'HTTP METH_GET a', 'LOCALHOST b', 'METH_POST or a',
              'HTTP_1.1 a', 'HTTP_1.0', 'HTTP_URL_ABS', 'HTTP_URL_SLASH', 'HTTP_URL_STAR', 'HTTP_CONTENT', 'METH_HEAD', 'HTTP_2.0',
              'WAIT_END a', 'REQ_CONTENT', 'METH_OPTIONS or METH_TRACE or METH_CONNECT', 'a and b', '', 'or a', 'a or', 'a or or b',
              'nothing', '{ path /a', 'a }', '{ }', '{path /a}', '!!a', '{ path /a b c }', '{ a }', '{ acl(a) }', '{ acl(a,b) }',
              '{ acl(!a,b) }', '{ acl(nothing) }']


def conditions():
    for condition in CONDITIONS:
        for word in ('if', 'unless'):
            case = Case('condition/%s_%s' % (word, quiet(condition)))
            case.fe += ['acl a path /a', 'acl a hdr(x) a', 'acl b hdr(x) b', 'acl c path_beg /c',
                        'http-request return status 200 %s %s' % (word, condition), 'http-request return status 204']
            for path in ('/a', '/b', '/c'):
                for x in 'ab':
                    case.ask('GET %s|X: %s' % (path, x))
            case.ask('POST /a||body').ask('GET / HTTP/1.0').ask('OPTIONS *').ask('GET http://h.test/a')
            yield case


# Headers: what an occurrence gives.
FIELDS = ['X: one', 'X: one, two', 'X: one|X: two,three|X: four', 'X: "a,b", c', 'X:', 'X: ,', 'X:  padded  ,  twice  ',
          'x: lower|X: Upper', 'X: a;q=1,b;q=2', 'Y: none', 'X: "open, quote', 'X: a\\tb', 'X: a|Y: b|X: c,', 'X: ,a,,b,']
OCCURRENCES = ['', ',1', ',2', ',3', ',-1', ',-2', ',-3', ',0', ',10', ',-10']


def headers():
    for fetch in ('req.hdr', 'req.fhdr', 'hdr', 'req.hdr_cnt', 'req.fhdr_cnt', 'req.hdr_val', 'req.hdr_ip', 'req.hdr_names',
                  'res.hdr'):
        for occurrence in OCCURRENCES:
            expr = '%s(x%s)' % (fetch, occurrence) if fetch != 'req.hdr_names' else 'req.hdr_names(%s)' % (occurrence[1:] or '_')
            if fetch.endswith('_cnt') and occurrence:
                continue
            case = Case('header/%s' % expr)
            directive_show(case, expr)
            for f in FIELDS:
                case.ask('GET /|' + f)
            for v in ('1', '-7', '1.2.3.4', '::1', '1.2.3.4:80', '10.0.0.1, 10.0.0.2'):
                case.ask('GET /|X: ' + v)
            yield case
        for expr in ('req.hdr(x),lower', 'req.fhdr(x),length', 'req.hdrs', 'req.hdrs_bin,hex', 'req.hdrs,length', 'req.hdr_names',
                     'req.hdr_cnt', 'req.fhdr_cnt', 'req.hdr', 'req.fhdr', 'shdr(x)', 'req.body', 'base', 'base32', 'url', 'url32'):
            if fetch == 'req.hdr':
                case = Case('header/alone_%s' % expr)
                directive_show(case, expr)
                case.ask('GET /a?b|X: one|Y: two').ask('GET /|X: A, B|X: C').ask('POST /p||body')
                yield case


def directive_show(case, expr):
    case.fe += ['http-request set-var(txn.shown) ' + expr,
                'http-request return status 200 content-type text/plain lf-string "<%[var(txn.shown)]>" '
                'if { var(txn.shown) -m found }',
                'http-request return status 204']


COOKIES = ['Cookie: a=1', 'Cookie: a=1; b=2; a=3', 'Cookie: b=2|Cookie: a=9', 'Cookie: a="q;x"; b=1', 'Cookie: a', 'Cookie: a=',
           'Cookie: A=1', 'Cookie: ab=1; a=2', 'Cookie: a =1', 'Cookie: a= 1 ; b=2', 'Cookie: a=1,b=2', 'Cookie: $a=1; a=2', 'Cookie:',
           'Cookie: a=b=c', 'Cookie: ;;a=1;', 'X: none', 'Cookie: a=\\"1\\"', 'Cookie: b="x; a=7"; a=8']
SET_COOKIES = ['Set-Cookie: a=1', 'Set-Cookie: a=1; path=/; HttpOnly', 'Set-Cookie: b=2|Set-Cookie: a=3', 'Set-Cookie: a="x,y"; z',
               'Set-Cookie: a=1, a=2', 'Set-Cookie: a', 'X: 1', 'Set-Cookie: A=1; a=2', 'Set-Cookie: a=1|Set-Cookie: a=2']


def cookies():
    for fetch in ('cook(a)', 'req.cook(a)', 'req.cook(b)', 'req.cook_cnt(a)', 'req.cook_val(a)', 'req.cook', 'req.cook_cnt', 'cookie(a)',
                  'cook_cnt(a)', 'hdr(cookie)', 'req.cook(a),length', 'cook_beg(a)'):
        case = Case('cookie/%s' % fetch)
        directive_show(case, fetch)
        for c in COOKIES:
            case.ask('GET /|' + c)
        yield case
    for fetch in ('res.cook(a)', 'res.cook_cnt(a)', 'res.cook_val(a)', 'scook(a)', 'res.cook', 'res.scook(a)', 'set-cookie(a)'):
        case = Case('cookie/%s' % fetch)
        case.be += ['http-response set-header x-value "<%%[%s]>"' % fetch]
        for c in SET_COOKIES:
            case.answer = b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n' + c.replace('|', '\r\n').encode() + b'\r\n\r\n'
            case.ask('GET /')
        yield case
    for kind in ('_beg', '_dir', '_dom', '_end', '_len', '_reg', '_sub', ''):
        yield holds('cookie/cook%s' % kind, '{ cook%s(a) -i %s }' % (kind, '1' if kind != '_reg' else '^[0-9]$'),
                    ['GET /|' + c for c in COOKIES[:8]])
        yield holds('cookie/urlp%s' % kind, '{ urlp%s(a) -i %s }' % (kind, '1' if kind != '_reg' else '^[0-9]$'),
                    ['GET /?' + c for c in ('a=1', 'b=1', 'a=', 'a', 'a=11', 'a=x1&a=1', 'a=1/2', 'a=x.1')])


QUERIES = ['/', '/?a=1', '/?a=1&b=2', '/?b=2&a=3&a=4', '/?a=', '/?a', '/?A=5', '/?a=%41%20b', '/?a=x+y', '/p?q?a=1', '/?aa=1', '/;a=6?b=1',
           '/?b=1;a=7', '/?&a=8', '/?a=1#f', '/?a[]=9', '/x?a=1&', '/?=1', 'http://other.test:80/y?a=2', '/a//b/../c/./d?a=%2e',
           '/%7Euser/%zz?a=%zz', '/p?a=1/2?3']


def parameters():
    for fetch in ('url_param(a)', 'urlp(a)', 'urlp(a,;)', 'url_param(a,&)', 'urlp(a,,i)', 'urlp', 'urlp_val(a)', 'query', 'path', 'pathq', 'url',
                  'base', 'base32', 'url32', 'path,url_dec', 'query,url_dec', 'urlp(a),url_dec', 'urlp(a),url_dec(1)', 'method', 'req.ver',
                  'url_ip', 'url_port', 'capture.req.uri', 'capture.req.method', 'capture.req.ver', 'path,field(2,/)', 'path,word(1,/)',
                  'path,word(-1,/)', 'path,regsub(/,-,g)', 'path,regsub("/+","/",g)', 'query,param(a)', 'url,lower,length', 'path,bytes(1)',
                  'path,bytes(1,2)', 'path,djb2', 'path,crc32', 'path,hex', 'path,base64', 'query,json', 'query,url_enc', 'path,language(a)',
                  'hdr(host),host_only', 'url,host_only', 'base,sha1,hex', 'http_first_req', 'req.body_len', 'baseq', 'url,rtrim(/)',
                  'path,strcmp(txn.none)', 'path,concat(-,txn.none,+)', 'path,iif(a,b)', 'path,length,iif(a,b)', 'path,bool',
                  'path,map_str(/nonexistent)', 'path,ltrim(/),upper'):
        case = Case('url/%s' % fetch)
        directive_show(case, fetch)
        if fetch.startswith('capture'):     # the reference keeps them for logs only
            case.log = True
            case.fe.append('log-format "%HM %HU %ST %ts"')
        for q in QUERIES:
            case.ask('GET ' + q)
        yield case


# What becomes of a request or a response: the origin and the client see it.
REQUEST_RULES = [
    'add-header X-New "a b"', 'add-header x "%[path]"', 'set-header X "new"', 'set-header X-%[path] v', 'set-header Host other.test',
    'del-header x', 'del-header X', 'del-header none', 'del-header ^x -m reg', 'del-header x -m beg', 'del-header t -m end',
    'del-header oo -m sub', 'del-header x -m str', 'replace-header X (.*) <\\\\1>', 'replace-header X "^a(.)" "\\\\1\\\\1"',
    'replace-header x "b" "B"', 'replace-header Cookie "a=([^;]*)" "a=\\\\1x"', 'replace-value X (.*) <\\\\1>', 'replace-value X "b" "BB"',
    'replace-path (.*) /new\\\\1', 'replace-path "^/a(/)?" /z\\\\1', 'replace-path "([^?]*)(\\\\?.*)?" "/x\\\\1\\\\2"', 'replace-pathq "\\\\?a=(.*)" "?b=\\\\1"',
    'replace-pathq (.*) /new\\\\1', 'replace-uri ^/(.*) /u/\\\\1', 'replace-uri "^http://([^/]*)/(.*)" "/\\\\1/\\\\2"', 'set-method PUT',
    'set-method "%[hdr(x)]"', 'set-path /fixed', 'set-path "%[path,upper]"', 'set-path "/x%[path]?q=1"', 'set-pathq "/y%[path]?z=%[query]"',
    'set-query "a=%[path]"', 'set-query ""', 'set-query "%[query,regsub(a=,b=)]"', 'set-query ""', 'set-uri "/uri%[path]"',
    'set-uri "http://other.test/uri%[path]"', 'set-uri "*"', 'set-header X-Src "%[src]:%[dst]:%[method]:%[req.ver]"', 'disable-l7-retry',
    'set-header X-Id "%[hdr(x),lower] %ID %[rand(1)]"', 'early-hint Link "</s.css>; rel=preload"', 'set-nice 5', 'set-log-level silent',
    'set-priority-class int(1)', 'set-priority-offset int(-5)', 'set-tos 0x10', 'set-mark 1', 'set-src hdr(x)', 'set-src-port int(5)',
    'set-dst ipv4(127.0.0.9)', 'cache-use none', 'use-service none', 'reject', 'deny', 'deny status 429', 'deny deny_status 418', 'allow', 'tarpit',
    'deny status 404 content-type text/html string "<b>"', 'deny hdr X-A b', 'return', 'return status 200', 'return status 99', 'return status 404',
    'return status 204 hdr X-A "%[path]"', 'return content-type text/plain string "a b"', 'return content-type text/plain lf-string "%[path] %%"',
    'return string x', 'return status 503 default-errorfiles', 'return status 200 default-errorfiles', 'return status 418 errorfiles none',
    'return content-type text/plain hdr A 1 hdr A 2 string x', 'return status 200 content-type "" string x', 'auth', 'auth realm "x y"',
    'auth realm', 'strict-mode on', 'strict-mode off', 'strict-mode maybe', 'nonsense', 'set-header', 'set-header x',
    'set-header x a b', 'add-header x "%[nofetch]"', 'set-var(txn.a) path', 'set-var(bad.a) path', 'set-var(a) path', 'set-var() path',
    'set-var(txn.a)', 'set-var(txn.a,ifnotexists) path', 'set-var(txn.a,bad) path', 'set-var-fmt(txn.a) "%[path]"', 'unset-var(txn.a)',
    'unset-var(bad.x)', 'capture path len 10', 'capture path id 0', 'capture path', 'track-sc0 src', 'track-sc9 src', 'sc-inc-gpc0(0)',
    'sc-inc-gpc0(7)', 'wait-for-body time 1s', 'wait-for-body', 'wait-for-handshake', 'do-resolve(txn.a,none) path', 'silent-drop', 'return if', 'deny unless',
    'deny if', 'deny status', 'deny status x', 'deny status 600', 'deny status 100', 'deny string x', 'return foo', 'normalize-uri path-strip-dot',
    'set-timeout server 1s', 'set-timeout tunnel 1s', 'set-timeout server', 'set-bandwidth-limit x', 'send-spoe-group a b', 'del-header', 'del-header x -m foo',
    'replace-header X', 'replace-header X ( y', 'replace-path (', 'add-acl(x) path', 'set-map(x) path', 'set-map(x) path method', 'lua.x',
]
FORMS = ['GET /a/b?a=1|X: abc|x: b, abb|Foot: z|Cookie: a=1; b=2', 'GET /|X-Y: 1', 'POST /a||body', 'GET http://h.test/a/c?d HTTP/1.1', 'OPTIONS *']


def requests():
    once = set()
    for rule in REQUEST_RULES:
        if rule in once:
            continue
        once.add(rule)
        case = Case('http-request/%s' % quiet(rule))
        case.fe.append('http-request ' + rule)
        for f in FORMS:
            case.ask(f)
        yield case


RESPONSE_RULES = [
    'add-header X-New "a b"', 'set-header X "new"', 'set-header X "%[status] %[res.hdr(x)]"', 'del-header x', 'del-header ^x -m reg',
    'replace-header X (.*) <\\\\1>', 'replace-value X (.*) <\\\\1>', 'replace-header Set-Cookie "(a=[^;]*)(.*)" "\\\\1; Secure\\\\2"', 'set-status 404',
    'set-status 503 reason "Not Now"', 'set-status 299', 'set-status 99', 'set-status x', 'deny', 'deny status 418', 'deny deny_status 502', 'allow',
    'return status 200 content-type text/plain string "x"', 'return status 404', 'redirect location /x', 'redirect prefix /x', 'set-var(res.a) status',
    'set-header X "%[var(txn.p)] %[capture.req.uri]"', 'cache-store none', 'capture res.hdr(x) id 0', 'set-log-level debug', 'strict-mode off', 'nonsense',
    'set-header X "%[req.hdr(x)]"', 'set-header X "%[path]"', 'add-header X "%[res.hdr_cnt(x)] %[res.hdr(x,-1)] %[res.fhdr(x)]"', 'track-sc0 src', 'silent-drop',
    'wait-for-body time 1s', 'set-tos 1', 'set-mark 1', 'set-nice 1', 'set-header X "%[res.ver] %[res.comp] %[res.body]"', 'sc-set-gpt0(0) 1', 'tarpit', 'reject',
    'set-uri /x', 'add-header X "%[res.hdrs,length] %[res.hdr_names]"', 'add-header X "%[srv_name] %[be_name] %[fe_name] %[srv_id] %[be_nbsrv]"', 'return', 'auth',
]
ANSWERS = [b'HTTP/1.1 200 OK\r\nX: one\r\nX: two, three\r\nSet-Cookie: a=1; path=/\r\nContent-Length: 5\r\n\r\nhello',
           b'HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
           b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n', b'HTTP/1.1 204 No Content\r\nX: a\r\n\r\n',
           b'HTTP/1.0 200 Fine\r\nX: old\r\n\r\nuntil the end', b'HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n']


def responses():
    for after in ('http-response', 'http-after-response'):
        for where in ('be', 'fe'):
            for rule in RESPONSE_RULES:
                if where == 'fe' and (after, rule) not in (('http-response', RESPONSE_RULES[1]), ('http-after-response', RESPONSE_RULES[1])):
                    continue
                case = Case('%s/%s_%s' % (after, where, quiet(rule)))
                getattr(case, where).append('%s %s' % (after, rule))
                case.fe.append('http-request set-var(txn.p) path')
                if 'capture.req' in rule:
                    case.log = True
                    case.fe.append('log-format "%HM %HU %ST %ts"')
                for answer in ANSWERS:
                    case.answer = answer
                    case.ask('GET /p|X: q')
                case.ask('HEAD /p')
                yield case


REDIRECTS = [
    'location /x', 'location http://o.test/', 'prefix http://o.test', 'prefix /p', 'prefix /', 'scheme https', 'location /x code 301', 'location /x code 303',
    'location /x code 307', 'location /x code 308', 'location /x code 200', 'location /x code 309', 'prefix /p drop-query', 'prefix /p append-slash',
    'prefix / append-slash', 'prefix /p drop-query append-slash', 'location /x set-cookie A=1', 'location /x set-cookie A=1;path=/', 'location /x clear-cookie A',
    'location /x clear-cookie A=', 'scheme https code 301 drop-query', 'location "/x?%[path]"', 'prefix "http://%[hdr(host),lower]"', 'scheme "%[path,field(2,/)]"',
    'location', 'prefix', '', 'nonsense /x', 'location /x prefix /y', 'location /x ignore-empty', 'location "%[hdr(none)]" ignore-empty', 'location ""',
    'location "%[hdr(none)]"', 'location /x drop-query', 'location /x code', 'location "/a b"', 'location "/%[urlp(a)]" code 302',
]


def redirects():
    for rule in REDIRECTS:
        for head in ('http-request redirect ', 'redirect '):
            case = Case('redirect/%s%s' % (head[:1], quiet(rule)))
            case.fe.append(head + rule)
            for f in ['GET /a/b?a=1', 'GET /', 'GET /a/?', 'HEAD /x?y', 'GET http://h.test/a?b', 'GET /a HTTP/1.0', 'OPTIONS *']:
                case.ask(f)
            yield case


VAR_SCOPES = ['proc', 'sess', 'txn', 'req', 'res']


def variables():
    for scope in VAR_SCOPES:
        case = Case('var/scope_%s' % scope)
        case.fe += ['http-request set-header X-Before "<%%[var(%s.v@n@)]>"' % scope, 'http-request set-var(%s.v@n@) path' % scope,
                    'http-request set-header X-After "<%%[var(%s.v@n@)]>"' % scope]
        case.be += ['http-request set-header X-Be "<%%[var(%s.v@n@)]>"' % scope, 'http-response set-header X-Res "<%%[var(%s.v@n@)]>"' % scope,
                    'http-response set-var(%s.v@n@) status' % scope, 'http-response set-header X-Res2 "<%%[var(%s.v@n@)]>"' % scope]
        for at in range(4):
            case.ask('GET /%d' % at, at % 2 == 1)
        yield case
    for condition in ('ifexists', 'ifnotexists', 'ifempty', 'ifnotempty', 'ifset', 'ifnotset', 'ifgt', 'iflt', 'ifgt,ifexists', 'ifexists,iflt'):
        for first in ('none', 'int(5)', 'str()', 'str(x)', 'int(0)', 'bool(true)'):
            for value in ('int(7)', 'int(3)', 'str(y)', 'str()'):
                case = Case('var/%s_%s_%s' % (condition, quiet(first), quiet(value)))
                if first != 'none':
                    case.fe.append('http-request set-var(txn.v) ' + first)
                case.fe.append('http-request set-var(txn.v,%s) %s' % (condition, value))
                directive_show(case, 'var(txn.v)')
                case.ask('GET /')
                yield case


MAP_INPUTS = {
    'str': 'a 1\\nA 2\\n/a 3\\nexample.com host\\na.b spaced  value\\n# comment\\n\\n  lead 4\\nnovalue\\n',
    'beg': 'a 1\\n/a 2\\nexample 3\\n/ 9\\nwww.e 7\\n', 'end': '.com 1\\nple.com 2\\n/b 3\\na 4\\n', 'sub': 'xamp 1\\n/ 2\\nb 3\\n',
    'dir': 'a 1\\nb/c 2\\n', 'dom': 'example.com 1\\nwww 2\\n', 'reg': '^/a 1\\n^[0-9.]+$ 2\\ncom$ 3\\n', 'regm': '^/(a)(.*) x\\\\1y\\\\2\\n^(w+)\\\\. \\\\1-\\\\0\\n',
    'ip': '10.0.0.0/8 1\\n10.1.0.0/16 2\\n127.0.0.1 3\\n2001:db8::/32 4\\n0.0.0.0/0 5\\n', 'int': '1 one\\n2:5 low\\n10 ten\\n-3 minus\\n',
}
MAP_KEYS = ['a', 'A', '/a/b/c', 'www.example.com', '10.1.2.3', '10.9.9.9', '3', '-3', 'lead', 'a.b', 'none', '2001:db8::1', 'novalue', '99']
MAP_NAMES = ['map', 'map_str', 'map_beg', 'map_end', 'map_sub', 'map_dir', 'map_dom', 'map_reg', 'map_regm', 'map_ip', 'map_int',
             'map_str_int', 'map_str_str', 'map_str_ip', 'map_beg_str', 'map_beg_int', 'map_end_int', 'map_sub_int', 'map_dir_int', 'map_dom_int', 'map_reg_int', 'map_reg_ip',
             'map_beg_ip', 'map_end_ip', 'map_sub_ip', 'map_dir_ip', 'map_dom_ip', 'map_ip_str', 'map_ip_int', 'map_ip_ip', 'map_int_str', 'map_int_int', 'map_int_ip', 'map_nonsense']


def maps():
    for name in MAP_NAMES:
        for default in ('', ',dflt', ',77'):
            kind = (name.split('_') + ['str'])[1]
            if default == ',dflt' and name.count('_') == 2 or default == ',77' and name.count('_') < 2:
                continue
            text = MAP_INPUTS.get(kind, MAP_INPUTS['str'])
            if name.endswith('_int') and name.count('_') == 2:
                text = text.replace('host', '8').replace('spaced  value', '9').replace('novalue\\n', '')
                text = text.replace(' one', ' 1').replace(' low', ' 2').replace(' ten', ' 10').replace(' minus', ' -1')
            if name.endswith('_ip') and name.count('_') == 2:
                text = '\\n'.join(line.split(' ')[0] + ' 192.0.2.%d' % i for i, line in enumerate(text.split('\\n')) if ' ' in line)
            case = Case('map/%s%s' % (name, default))
            case.files['m.map'] = text.replace('\\n', '\n').replace('\\\\', '\\')
            directive_show(case, 'hdr(k),%s(@dir@/m.map%s)' % (name, default))
            for k in MAP_KEYS:
                case.ask('GET /|K: ' + k)
            yield case
    for flags in ('-f', '-i -f', '-n -f', '-m beg -f', '-m reg -f', '-m ip -f', '-m int -f', '-M -f', '-m sub -i -f', '-m end -f', '-m dom -f', '-m dir -f', '-u 7 -f'):
        text = {'-m ip -f': '10.0.0.0/8\n::1\n', '-m int -f': '1\n2:5\n', '-m reg -f': '^a$\n^/a\n'}.get(flags, 'a\n/a/b/c\nexample.com\n# x\n\n  lead\n10.1\n')
        case = holds('map/acl_%s' % quiet(flags), '{ hdr(k) %s @dir@/l }' % flags, ['GET /|K: ' + k for k in MAP_KEYS])
        case.files['l'] = text
        yield case
        case = holds('map/acl_more_%s' % quiet(flags), '{ hdr(k) %s @dir@/l 3 }' % flags, ['GET /|K: ' + k for k in MAP_KEYS])
        case.files['l'] = text
        yield case


LOG_ALIASES = ['B', 'CC', 'CS', 'H', 'HM', 'HP', 'HPO', 'HQ', 'HU', 'HV', 'ID', 'ST', 'U', 'ac', 'b', 'bc', 'bi', 'ci', 'f', 'ft', 'hr', 'hrl', 'hs', 'hsl', 'rc',
               'rt', 's', 'sc', 'si', 'sp', 'sq', 'tsc', 'ts', 'lc', 'pid', 'bq', 'fi', 'fc', 'sslv', 'sslc', 'o', 'Ta', 't', 'T', 'Tq', 'cp', 'ms', 'r', 'nosuch', 'Th']
NUMBERS_THAT_DIFFER = {'ID', 'ac', 'lc', 'pid', 'rt', 'fc', 'bc', 'sc', 'Ta', 't', 'T', 'cp', 'ms', 'sp', 'trg', 'rc', 'Tq', 'Th', 'ci', 'bi', 'fi', 'B', 'U'}


def logs():
    for alias in LOG_ALIASES:
        for flags in ('', '{+Q}', '{-Q,+E}', '{+X}', '{+Q,+E}'):
            if alias in NUMBERS_THAT_DIFFER and flags == '' and alias not in ('ci', 'bi', 'fi'):
                flags = ''
            elif alias in NUMBERS_THAT_DIFFER:
                continue
            case = Case('log/%%%s%s' % (flags, alias))
            case.log = True
            case.fe += ['capture request header x len 10', 'capture request header user-agent len 20', 'capture response header server len 10',
                        'capture cookie a len 8', 'option dontlognull']
            if alias in ('ID', 'ac', 'lc', 'pid', 'rt', 'fc', 'bc', 'sc', 'Ta', 't', 'T', 'cp', 'ms', 'sp', 'rc', 'Tq', 'Th', 'B', 'U'):
                continue
            case.fe.append('log-format "<%%%s%s>"' % (flags, alias))
            case.answer = b'HTTP/1.1 200 OK\r\nServer: o/1\r\nSet-Cookie: a=new; x\r\nContent-Length: 2\r\n\r\nok'
            case.ask('GET /a/b?c=d|X: "v]\\\\ 1\xe9|User-Agent: ua|Cookie: a=12345').ask('POST /|Cookie: b=1||body')
            yield case


DISPATCH_TESTS = ['hdr(host)', 'hdr(host) -i', 'hdr(host),lower', 'hdr_dom(host)', 'hdr_beg(host)', 'path', 'path_beg', 'path_end', 'path -i', 'path -m sub',
                  'path -m reg', 'path_dir', 'src', 'hdr(x) -m int', 'hdr(x)']
DISPATCH_PATTERNS = {'hdr(host)': ['a.test', 'b.test', 'A.test', 'c.a.test', 'h.test', 'a.test b.test'], 'path': ['/', '/a', '/a/b', '/A', '/b.gif', 'b', '/a /b'],
                     'src': ['127.0.0.0/8', '10.0.0.0/8', '127.0.0.1', '::1'], 'hdr(x)': ['1', '2', '3:5', '10', '1 2']}


def dispatch():
    """Runs of use_backend rules that differ in their patterns, whole or broken by others: an index must choose what trying them in order does."""
    rng = random.Random(7)
    for number in range(40):
        case = Case('dispatch/%d' % number)
        tests = rng.sample(DISPATCH_TESTS, rng.choice((1, 1, 2, 3)))
        for i in range(14):
            test = rng.choice(tests)
            kind = 'path' if test.startswith('path') else 'src' if test == 'src' else 'hdr(x)' if test.startswith('hdr(x)') else 'hdr(host)'
            pattern = rng.choice(DISPATCH_PATTERNS[kind])
            if test == 'hdr(x)':
                pattern = pattern.replace(':', '')
            word = 'unless' if rng.random() < 0.06 else 'if'
            more = rng.choice([' METH_GET', ' !METH_POST', ' or { path /special }']) if rng.random() < 0.12 else ''
            name = '@be@' if rng.random() < 0.1 else 'b@n@x%d' % i
            case.fe.append('use_backend %s %s { %s %s }%s' % (name, word, test, pattern, more))
            case.sec += ['backend b@n@x%d' % i, '    http-request return status 200 content-type text/plain string "%d"' % i]
        for _ in range(14):
            host = rng.choice(['a.test', 'A.Test', 'b.test', 'c.a.test', 'x', 'a.test:80'])
            case.ask('%s %s|Host: %s%s' % (rng.choice(['GET', 'GET', 'POST']), rng.choice(['/', '/a', '/A', '/a/b', '/b.gif', '/c/b', '/special', '/b']), host,
                                           rng.choice(['', '|X: 1', '|X: 4', '|X: 2|X: 10', '|X: 10'])))
        yield case


def cases():
    made = []
    for family in (string_matches, host_matches, number_matches, address_matches, boolean_matches, conditions, headers, cookies, parameters,
                   requests, responses, redirects, variables, maps, logs, dispatch):
        made += family()
    return made
