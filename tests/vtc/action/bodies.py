#!/usr/bin/env python3
"""wait-for-body, and bodies that rules have looked at: what was read is forwarded, or dropped, and never becomes a request."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CONFIG = DEFAULTS + '''
listen fe
    bind <<fe>>
    http-request wait-for-body time 400ms at-least 5 if { path_beg /five }
    http-request wait-for-body time 400ms if { path_beg /all }
    http-request return content-type a lf-string "%[req.body]|%[req.body_len]" if { path_end /echo }
    http-request return content-type a string EVIL if { path /evil }
    http-response wait-for-body time 2s
    http-response set-header X-Body "%[res.body]"
    server s1 127.0.0.1:<<s1>>
'''
EVIL = b'GET /evil HTTP/1.1\r\nHost: h\r\n\r\n'
SHOWN = EVIL.replace(b'\r\n', b'%0D%0A')


def chunked(body):
    return b'Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n' % (len(body), body)


def sized(body):
    return b'Content-Length: %d\r\n\r\n%s' % (len(body), body)


def answer(request, origin):
    return [b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n', 0.1, b'2\r\nde\r\n0\r\n\r\n']


with Origin(answer) as s1, Proxy(CONFIG, s1=s1.port) as p:
    for name, framed in (('chunked', chunked), ('sized', sized)):
        for path in (b'/all/echo', b'/five/echo', b'/all/server', b'/server'):
            what = f'{path.decode()} {name}'
            c = p.connect()
            c.send(b'POST ' + path + b' HTTP/1.1\r\nHost: h\r\n' + framed(EVIL) + b'GET /next HTTP/1.1\r\nHost: h\r\n\r\n')
            r = c.response()
            if path.endswith(b'/echo'):
                eq(r.body, SHOWN + b'|%d' % len(EVIL), what)
            else:
                eq([q.body for q in s1.requests if q.target == path][-1], EVIL, what + ' reached the server')
            eq((c.response().body, s1.requests[-1].target), (b'abcde', b'/next'), what + ': the next request')
            true(c.silent(0.1), what + ': nothing more')
            c.close()
    c = p.connect()
    began = time.monotonic()
    c.send(b'POST /all/echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc')
    r = c.response()
    eq((r.status, r.get('connection')), (408, b'close'), 'the body does not come')
    true(0.35 < time.monotonic() - began < 3, 'after the time of the rule')
    c = p.connect()
    c.send(b'POST /five/echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc')
    true(c.silent(0.1), 'three bytes are not enough')
    c.send(b'de')
    eq(c.response().body, b'abcde|5', 'five are')
    c = p.connect()
    c.send(b'POST /all/echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n')
    eq(c.response(interim=True).status, 100, '100 Continue')
    c.send(b'xyz')
    eq(c.response().body, b'xyz|3', 'then the body')
    r = p.connect().get(b'/server')
    eq((r.get('x-body'), r.body), (b'abcde', b'abcde'), 'a response body that a rule looked at')
done()
