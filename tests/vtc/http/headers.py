#!/usr/bin/env python3
"""Headers: names in lower case towards both sides, order and values kept, hop-by-hop fields, large heads."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CONFIG = DEFAULTS + '''
listen fe
    bind <<fe>>
    http-request set-header X-Set one
    http-request add-header X-Add two
    http-request del-header X-Gone
    http-response set-header X-Set three
    http-response add-header X-Dup b
    http-response del-header X-Gone
    server s1 127.0.0.1:<<s1>>
'''


def answer(request, origin):
    return response(b'', headers=b'X-Set: old\r\nX-Dup: a\r\nX-Gone: x\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\nDate: now\r\n')


with Origin(answer) as s1, Proxy(CONFIG, s1=s1.port) as p:
    c = p.connect()
    c.send(b'GET /p?q=1 HTTP/1.1\r\nHost: H.example\r\nUser-Agent:  spaces around \t\r\nX-Set: old\r\nX-Set: older\r\nX-Add: one\r\n'
           b'X-Gone: x\r\nX-Gone: y\r\nAccept: a\r\nAccept: b\r\nX-Empty:\r\nCookie: k=v; l=w\r\n\r\n')
    r = c.response()
    q = s1.requests[-1]
    eq([(n, v) for n, v in q.headers],
       [(b'host', b'H.example'), (b'user-agent', b'spaces around'), (b'x-add', b'one'), (b'accept', b'a'), (b'accept', b'b'),
        (b'x-empty', b''), (b'cookie', b'k=v; l=w'), (b'x-set', b'one'), (b'x-add', b'two')], 'request headers in order')
    eq(q.start, b'GET /p?q=1 HTTP/1.1', 'target is passed as it is')
    eq([(n, v) for n, v in r.headers],
       [(b'x-dup', b'a'), (b'set-cookie', b'a=b'), (b'set-cookie', b'c=d'), (b'date', b'now'), (b'content-length', b'0'),
        (b'x-set', b'three'), (b'x-dup', b'b')], 'response headers in order')

    # Hop-by-hop: the client's Connection options are not the server's.
    r = c.get(b'/', b'Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n')
    eq(s1.requests[-1].get('connection'), None, 'keep-alive is not passed on')

    # Just below the limit of a head: 16384 - 1024 bytes are for the peer.
    value = b'v' * 7000
    r = c.get(b'/', b'A: ' + value + b'\r\nB: ' + value + b'\r\n')
    eq((r.status, s1.requests[-1].get('a') == value, s1.requests[-1].get('b') == value), (200, True, True), 'head of 14 kB')
done()
