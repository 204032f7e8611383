#!/usr/bin/env python3
"""Answers of rules, byte by byte: deny, return, tarpit, auth, reject, silent-drop; the order of headers, what is logged, what stays open."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CONFIG = 'global\n    log 127.0.0.1:<<log>> local0\n' + DEFAULTS + '''
listen fe
    bind <<fe>>
    log global
    option httplog
    timeout tarpit 200ms
    errorloc302 429 /slow
    http-request deny if { path /deny }
    http-request deny deny_status 404 if { path /deny404 }
    http-request deny deny_status 429 if { path /deny429 }
    http-request deny status 418 hdr X-Why "%[src]" if { path /deny418 }
    http-request deny status 404 content-type text/plain string gone hdr X-A b if { path /text }
    http-request deny errorfile <<dir>>/raw if { path /raw }
    http-request return if { path /empty }
    http-request return status 204 if { path /204 }
    http-request return status 304 hdr etag '"x"' if { path /304 }
    http-request return status 201 content-type text/x lf-string "%[path]|%[req.hdr(x-in)]" hdr X-A "%[req.hdr(x-in)]" if { path /lf }
    http-request return content-type text/plain lf-file <<dir>>/page if { path /file }
    http-request return status 404 default-errorfiles if { path /default }
    http-request return status 200 content-type a string bye hdr connection close if { path /bye }
    http-request auth realm "Some realm" if { path /auth }
    http-request auth if { path /auth2 }
    http-request tarpit deny_status 403 if { path /tarpit }
    http-request reject if { path /reject }
    http-response deny if { res.hdr(x-do) deny }
    http-response deny deny_status 503 if { res.hdr(x-do) deny503 }
    http-response return status 202 content-type a string other if { res.hdr(x-do) return }
    http-response redirect location /there if { res.hdr(x-do) redirect }
    http-after-response set-header X-After 1
    server s1 127.0.0.1:<<s1>>
'''
FILES = {'page': 'path=%[path]\n', 'raw': 'HTTP/1.1 403 Go away\r\nX-Raw: yes\r\nContent-Length: 3\r\n\r\nraw'}
PAGE = b'<html><body><h1>%s</h1>\n%s\n</body></html>\n'
FORBIDDEN = PAGE % (b'403 Forbidden', b'Request forbidden by administrative rules.')
HTML = [(b'cache-control', b'no-cache'), (b'content-type', b'text/html')]
AFTER = [(b'x-after', b'1')]


def length(body):
    return [(b'content-length', b'%d' % len(body))]


def answer(request, origin):
    what = request.target[1:]
    return response(b'from the server', headers=b'X-Do: ' + what + b'\r\n' if what else b'')


with Syslog() as log, Origin(answer) as s1, Proxy(CONFIG, s1=s1.port, log=log.port, files=FILES) as p:
    def check(target, start, headers, body, flags, status=None, closes=False, headers_in=b''):
        c = p.connect()
        r = c.get(target, headers_in)
        what = target.decode()
        eq(r.start, b'HTTP/1.1 ' + start, what)
        eq(r.headers, headers + AFTER + ([(b'connection', b'close')] if closes else []), what + ' headers')
        eq(r.body, body, what + ' body')
        if closes:
            true(c.closed(), what + ' closes')
        else:
            eq(c.get(b'/').body, b'from the server', what + ': the connection serves another request')
        c.close()
        line = log.line(rf'"GET {re.escape(what)} HTTP')
        has(line, rf' {status or int(start[:3])} \d+ - - {flags} ', what + ' log')

    check(b'/deny', b'403 Forbidden', length(FORBIDDEN) + HTML, FORBIDDEN, 'PR--')
    body = PAGE % (b'404 Not Found', b'The resource could not be found.')
    check(b'/deny404', b'404 Not Found', length(body) + HTML, body, 'PR--')
    check(b'/default', b'404 Not Found', length(body) + HTML, body, 'LR--')
    check(b'/deny429', b'302 Found', [(b'cache-control', b'no-cache')] + length(b'') + [(b'location', b'/slow')], b'', 'PR--', 429)
    check(b'/deny418', b"418 I'm a teapot", [(b'x-why', b'127.0.0.1')] + length(b''), b'', 'PR--')
    check(b'/text', b'404 Not Found', [(b'x-a', b'b')] + length(b'gone') + [(b'content-type', b'text/plain')], b'gone', 'PR--')
    check(b'/raw', b'403 Go away', [(b'x-raw', b'yes')] + length(b'raw'), b'raw', 'PR--')
    check(b'/empty', b'200 OK', length(b''), b'', 'LR--')
    check(b'/204', b'204 No Content', [], b'', 'LR--')
    check(b'/304', b'304 Not Modified', [(b'etag', b'"x"')] + length(b''), b'', 'LR--')
    check(b'/lf', b'201 Created', [(b'x-a', b'in')] + length(b'/lf|in') + [(b'content-type', b'text/x')], b'/lf|in', 'LR--', headers_in=b'X-In: in\r\n')
    check(b'/file', b'200 OK', length(b'path=/file\n') + [(b'content-type', b'text/plain')], b'path=/file\n', 'LR--')
    check(b'/bye', b'200 OK', length(b'bye') + [(b'content-type', b'a')], b'bye', 'LR--', closes=True)
    body = PAGE % (b'401 Unauthorized', b'You need a valid user and password to access this content.')
    check(b'/auth', b'401 Unauthorized', length(body) + HTML + [(b'www-authenticate', b'Basic realm="Some realm"')], body, 'LR--')
    check(b'/auth2', b'401 Unauthorized', length(body) + HTML + [(b'www-authenticate', b'Basic realm="fe"')], body, 'LR--')
    began = time.monotonic()
    check(b'/tarpit', b'403 Forbidden', length(FORBIDDEN) + HTML, FORBIDDEN, 'PT--')
    true(time.monotonic() - began >= 0.19, 'the tarpit takes its time')

    c = p.connect()
    for what, start, body, flags in ((b'deny503', b'503 Service Unavailable', None, 'PH--'), (b'return', b'202 Accepted', b'other', 'LH--'),
                                     (b'redirect', b'302 Found', b'', 'LH--')):
        r = c.get(b'/' + what)
        eq(r.start, b'HTTP/1.1 ' + start, 'response rule ' + what.decode())
        if body is not None:
            eq(r.body, body, 'response rule ' + what.decode() + ' body')
        has(log.line(rf'"GET /{what.decode()} HTTP'), rf' {flags} ', what.decode() + ' log')
    true(p.connect().send(b'GET /reject HTTP/1.1\r\nHost: h\r\n\r\n').closed(), 'reject closes without a word')
done()
