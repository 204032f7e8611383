#!/usr/bin/env python3
"""Answers of the proxy itself: default pages byte by byte, errorfile, http-errors, errorloc, return, deny, redirect."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

PAGE = 'HTTP/1.0 503 Custom\r\nX-Custom: yes\r\nContent-Type: text/plain\r\n\r\ncustom body\n'
CONFIG = DEFAULTS + '''
http-errors named
    errorfile 403 <<dir>>/403.http
listen plain
    bind <<plain>>
    http-request deny if { path /deny }
    http-request deny deny_status 429 if { path /many }
    http-request deny deny_status 404 if { path /gone }
    http-request return status 200 content-type text/plain string hello hdr X-A b if { path /return }
    http-request return status 200 content-type text/plain lf-string "%[path] %[src]" if { path /lf }
    http-request return status 204 if { path /204 }
    http-request redirect location /there if { path /301 } FALSE or { path /302 }
    http-request redirect code 301 location http://x.example/ if { path /loc }
    http-request redirect prefix https://y.example code 308 if { path_beg /pre }
    http-request redirect scheme https code 303 if { path_beg /sch }
    http-request redirect prefix / drop-query append-slash if { path /drop }
    http-request redirect location / set-cookie SEEN=1 if { path /cookie }
    http-request auth realm Secret if { path /auth }
    http-request tarpit deny_status 403 if { path /tarpit }
    timeout tarpit 300ms
listen custom
    bind <<custom>>
    errorfile 503 <<dir>>/503.http
    errorfiles named
    http-request deny if { path /deny }
listen away
    bind <<away>>
    errorloc302 503 http://sorry.example/
    errorloc303 403 http://forbidden.example/
    http-request deny if { path /deny }
listen error
    bind <<error>>
    http-error status 503 content-type text/plain string "sorry\\n" hdr X-Why none
'''
PAGES = {   # status: (reason, text)
    400: ('Bad request', '<h1>400 Bad request</h1>\nYour browser sent an invalid request.\n'),
    403: ('Forbidden', '<h1>403 Forbidden</h1>\nRequest forbidden by administrative rules.\n'),
    429: ('Too Many Requests', '<h1>429 Too Many Requests</h1>\nYou have sent too many requests in a given amount of time.\n'),
    503: ('Service Unavailable', '<h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n'),
}

with Proxy(CONFIG, files={'503.http': PAGE, '403.http': PAGE.replace('503', '403')}) as p:
    def page(listener, target, status):
        c = p.connect(listener)
        r = c.get(target)
        reason, text = PAGES[status]
        body = f'<html><body>{text}</body></html>\n'.encode()
        eq(r.start, f'HTTP/1.1 {status} {reason}'.encode(), f'{target}: status line')
        eq(r.body, body, f'{target}: body')
        eq((r.get('content-type'), r.get('cache-control')), (b'text/html', b'no-cache'), f'{target}: headers')
        c.close()

    page('plain', b'/', 503)
    page('plain', b'/deny', 403)
    page('plain', b'/many', 429)
    c = p.connect('plain').send(b'bad\r\n\r\n')
    r = c.response()
    eq((r.status, r.body), (400, f'<html><body>{PAGES[400][1]}</body></html>\n'.encode()), '400')
    eq([n.lower() for n, _ in r.headers], [b'content-length', b'cache-control', b'connection', b'content-type'], 'headers of a 400')
    eq(p.connect('plain').get(b'/gone').status, 404, 'deny_status')

    c = p.connect('plain')
    r = c.get(b'/return')
    eq((r.status, r.body, r.get('content-type'), r.get('x-a')), (200, b'hello', b'text/plain', b'b'), 'return')
    eq(c.get(b'/lf').body, b'/lf 127.0.0.1', 'return with a format')
    eq(c.get(b'/204').status, 204, 'return without a body')
    for target, status, location in ((b'/302', 302, b'/there'), (b'/loc', 301, b'http://x.example/'),
                                     (b'/pre/a?b=c', 308, b'https://y.example/pre/a?b=c'),
                                     (b'/sch/a?b', 303, b'https://h.example/sch/a?b'), (b'/drop?x=y', 302, b'/drop/')):
        r = c.get(target)
        eq((r.status, r.get('location'), r.body), (status, location, b''), f'redirect of {target}')
    eq(c.get(b'/cookie').get('set-cookie'), b'SEEN=1; path=/;', 'cookie of a redirect')
    r = c.get(b'/auth')
    eq((r.status, r.get('www-authenticate')), (401, b'Basic realm="Secret"'), 'challenge')
    began = time.monotonic()
    eq(c.get(b'/tarpit').status, 403, 'tarpit')
    true(time.monotonic() - began >= 0.25, 'tarpit takes its time')

    for target, status in ((b'/', 503), (b'/deny', 403)):
        r = p.connect('custom').get(target)
        eq((r.status, r.get('x-custom'), r.body), (status, b'yes', b'custom body\n'), f'errorfile {status}')
    for target, status, location in ((b'/', 302, b'http://sorry.example/'), (b'/deny', 303, b'http://forbidden.example/')):
        r = p.connect('away').get(target)
        eq((r.status, r.get('location')), (status, location), 'errorloc')
    r = p.connect('error').get(b'/')
    eq((r.status, r.body, r.get('x-why')), (503, b'sorry\n', b'none'), 'http-error')
    eq(p.connect('plain').get(b'/return', method=b'HEAD').body, b'', 'HEAD has no body')
done()
