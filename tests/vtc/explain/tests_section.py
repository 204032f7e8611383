#!/usr/bin/env python3
"""The tests section: run by -c, silent when all is well, errors with place, expected and got; ignored when serving."""
# reference: no (an extension)
import json
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CONFIG = DEFAULTS + '''
frontend web
    bind <<fe>>
    http-request track-sc0 src table st
    http-request deny deny_status 429 if { sc_http_req_rate(0) gt 3 }
    http-request set-header X-A b
    http-request set-path /n%[path] if { path_beg /api/ }
    http-request set-query q=%[req.body] if { method POST }
    http-request set-method PUT if { path /put }
    http-request return status 200 content-type text/plain string "hello you" if { path /hi }
    http-request reject if { path /reject }
    http-request deny if { src 10.0.0.0/8 }
    http-request set-header X-Dst %[dst]:%[dst_port]
    http-request wait-for-body time 1s if { method POST }
    http-request redirect location https://x%[path] code 301 if { path_beg /old }
    use_backend api if { path_beg /n/api }
    default_backend pages
backend api
    balance hdr(x-key)
    server s1 127.0.0.1:1
    server s2 127.0.0.1:2
backend pages
    server p1 127.0.0.1:1
    server p2 127.0.0.1:1
    server p3 127.0.0.1:1 disabled
backend st
    stick-table type ip size 100 expire 10s store http_req_rate(10s)
'''
GOOD = '''
tests routing
    request "GET http://h/api/x" expect backend api header "X-A: b" path /n/api/x no-header x-b
    request GET http://h/api/x?a=b expect backend api query a=b uri /n/api/x?a=b
    request "http://h/old/y" expect redirect "https://x/old/y" status 301
    request "http://h/" expect backend pages server p1 server pages/p2
    request "http://h/" src 10.1.1.1 expect status 403
    request "http://h/hi" expect status 200 body hello header "Content-Type: text/plain"
    request "http://h/reject" expect closed
    request "http://h/put" expect method PUT
    request "http://h/" dst 127.0.0.7:99 frontend web expect header "X-Dst: 127.0.0.7:99"
tests counters
    request "http://h/" repeat 3 expect backend pages
    request "http://h/" repeat 4 \\
        expect status 429
    request "http://h/" expect backend pages
'''
BAD = (   # (line, what is reported)
    ('request "http://h/api/x" expect backend pages', "test failed: expected backend pages, got backend api, server s"),
    ('request "http://h/" expect backend nil', "test failed: expected backend nil, got backend pages, server p"),
    ('request "http://h/hi" expect backend pages', "test failed: expected backend pages, got status 200."),
    ('request "http://h/" expect status 200', "test failed: expected status 200, got backend pages, server p"),
    ('request "http://h/hi" expect status 403', "test failed: expected status 403, got status 200."),
    ('request "http://h/old" expect redirect https://y/', "test failed: expected redirect https://y/, got 301 to https://x/old."),
    ('request "http://h/" expect header "X-A: c"', "test failed: expected header X-A: c, got X-A: b."),
    ('request "http://h/" expect header "X-B: c"', "test failed: expected header X-B: c, got no header X-B."),
    ('request "http://h/" expect no-header x-a', "test failed: expected no-header x-a, got x-a: b."),
    ('request "http://h/" expect path /x', "test failed: expected path /x, got /."),
    ('request "http://h/" expect query a', "test failed: expected query a, got nothing."),
    ('request "http://h/" expect server p3', "test failed: expected server p3, got backend pages, server p"),
    ('request "http://h/" expect server api/p1', "test failed: expected server api/p1, got backend pages, server p"),
    ('request "http://h/" expect closed', "test failed: expected closed, got backend pages, server p"),
    ('request "http://h/reject" expect status 403', "test failed: expected status 403, got connection closed."),
    ('request "http://h/hi" expect body bye', "test failed: expected body bye, got a body without it."),
    ('request "http://h/" frontend wob expect status 200', "test cannot be run: there is no frontend 'wob'. Did you mean 'web'?"),
    ('request "http://h/" src x expect status 200', "test cannot be run: 'x' is not an IP address for the client"),
)
SYNTAX = (
    ('request', "'request' expects a request such as"),
    ('request "GET h" expect status 200', "'request' expects a request such as"),
    ('request "http://h/"', "'request' needs 'expect' and what is expected."),
    ('request "http://h/" expect', "'request' needs 'expect' and what is expected."),
    ('request "http://h/" expect bakend api', "but got 'bakend'"),
    ('request "http://h/" expect backend', "'request ... expect backend' expects <name>."),
    ('request "http://h/" expect status ok', "expects a code from 100 to 999, but got 'ok'"),
    ('request "http://h/" expect header x', "expects \"Name: value\", but got 'x'"),
    ('request "http://h/" header x expect closed', "expects \"Name: value\", but got 'x'"),
    ('request "http://h/" heder "a: b" expect closed', "but got 'heder'"),
    ('request "http://h/" repeat x expect closed', "repeat"),
    ('nonsense', "nonsense"),
)


def check(text, *arguments):
    with open('x.cfg', 'w') as f:
        f.write(text.replace('<<fe>>', '127.0.0.1:80'))
    return subprocess.run([PROGRAM, '-c', '-f', 'x.cfg', *arguments], capture_output=True, text=True, timeout=LIMIT)


PROGRAM = os.environ['STEELYARD']
r = check(CONFIG + GOOD)
eq((r.returncode, r.stderr), (0, ''), 'tests that pass')

# every failure is reported, with its place
r = check(CONFIG + 'tests\n' + ''.join(f'    {line}\n' for line, _ in BAD))
eq(r.returncode, 1, 'tests that fail: exit status')
first = (CONFIG + 'tests\n').count('\n') + 1
for n, (line, message) in enumerate(BAD):
    true(f'[x.cfg:{first + n}] : {message}' in r.stderr, f'{line}: {message!r} is not in\n{r.stderr}')
eq(r.stderr.count('test failed') + r.stderr.count('test cannot be run'), len(BAD), 'one error for each')
has(r.stderr, r'\n +request "http://h/api/x" expect backend pages\n +\^~+\n', 'excerpt')
for option in ('-V', '-dW'):
    eq(check(CONFIG + GOOD, option).returncode, 0, option)

for line, message in SYNTAX:
    r = check(CONFIG + 'tests\n    ' + line + '\n')
    eq(r.returncode, 1, f'{line}: exit status')
    true(message in r.stderr, f'{line}: {message!r} is not in {r.stderr!r}')

# serving: read over
with Proxy(CONFIG + 'tests\n    request "http://h/hi" expect status 500\n') as p:
    c = p.connect('fe')
    c.send(b'GET /hi HTTP/1.1\r\nHost: h\r\n\r\n')
    eq(c.response().status, 200, 'served')
done()
