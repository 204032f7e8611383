#!/usr/bin/env python3
"""redirect rules and lines, byte by byte: location, prefix, scheme, codes, cookies, drop-query, append-slash, ignore-empty; their place."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CONFIG = DEFAULTS + '''
listen fe
    bind <<fe>>
    http-request redirect location /l if { path /location }
    http-request redirect location /l1 code 301 set-cookie A=1 if { path /301 }
    http-request redirect location /l3 code 303 clear-cookie A= if { path /303 }
    http-request redirect location /l7 code 307 clear-cookie A if { path /307 }
    http-request redirect location /l8 code 308 drop-query append-slash if { path /308 }
    http-request redirect location /%[req.hdr(x-to)] if { path /format }
    http-request redirect prefix /p if { path_beg /prefix }
    http-request redirect prefix http://x/ drop-query append-slash if { path_beg /slash }
    http-request redirect prefix / drop-query append-slash if { path_beg /only }
    http-request redirect scheme https code 301 if { path_beg /scheme }
    http-request redirect scheme https drop-query append-slash if { path_beg /drop }
    http-request redirect location "%[req.hdr(x-to)]" ignore-empty if { path /ignore }
    http-request allow if { path_beg /allowed }
    http-request deny if { path /allowed/denied }
    redirect prefix /line if { path_beg /allowed }
    server s1 127.0.0.1:<<s1>>
'''
NOCACHE = [(b'cache-control', b'no-cache')]
TESTS = [
    (b'/location', b'302 Found', b'/l', NOCACHE),
    (b'/301', b'301 Moved Permanently', b'/l1', [(b'set-cookie', b'A=1; path=/;')]),
    (b'/303', b'303 See Other', b'/l3', NOCACHE + [(b'set-cookie', b'A=; path=/; Max-Age=0;')]),
    (b'/307', b'307 Temporary Redirect', b'/l7', NOCACHE + [(b'set-cookie', b'A; path=/; Max-Age=0;')]),
    (b'/308?q', b'308 Permanent Redirect', b'/l8', []),
    (b'/format', b'302 Found', b'/there', NOCACHE),
    (b'/prefix?x=1', b'302 Found', b'/p/prefix?x=1', NOCACHE),
    (b'/slash?y=1', b'302 Found', b'http://x//slash/', NOCACHE),
    (b'/only?1', b'302 Found', b'/only/', NOCACHE),
    (b'/only/?1', b'302 Found', b'/only/', NOCACHE),
    (b'/scheme?x', b'301 Moved Permanently', b'https://h.example:81/scheme?x', []),
    (b'/drop?x', b'302 Found', b'https://h.example:81/drop/', NOCACHE),
    (b'/ignore', b'302 Found', b'there', NOCACHE),
    (b'/allowed/x', b'302 Found', b'/line/allowed/x', NOCACHE),
    (b'/allowed/denied', b'302 Found', b'/line/allowed/denied', NOCACHE),
]

with Origin() as s1, Proxy(CONFIG, s1=s1.port) as p:
    c = p.connect()
    for target, start, location, more in TESTS:
        r = c.get(target, b'X-To: there\r\n', host=b'h.example:81')
        eq(r.start, b'HTTP/1.1 ' + start, target.decode())
        eq(r.headers, [(b'content-length', b'0'), (b'location', location)] + more, target.decode() + ' headers')
    eq(c.get(b'/ignore').body, b'hello', 'an empty location is no redirect with ignore-empty')
    eq(c.get(b'/scheme', host=None).get('location'), b'https:///scheme', 'no host')
    eq(p.connect().get(b'http://a.example/prefix?x', host=b'a.example').get('location'), b'/p/prefix?x', 'absolute target')
    r = p.connect().get(b'/location', version=b'HTTP/1.0')
    eq(r.headers[-1], (b'connection', b'close'), 'HTTP/1.0')
    eq(len(s1.requests), 1, 'requests that reached the server')
done()
