#!/usr/bin/env python3
"""Connections are kept: several requests on one, pipelined requests answered in order, close when asked for."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CONFIG = DEFAULTS + '''
listen fe
    bind <<fe>>
    server s1 127.0.0.1:<<s1>>
'''


def echo(request, origin):
    return response(request.target, headers=b'X-Conn: %d\r\n' % request.conn)


with Origin(echo) as s1, Proxy(CONFIG, s1=s1.port) as p:
    c = p.connect()
    for n in range(5):
        r = c.get(b'/%d' % n)
        eq((r.status, r.body), (200, b'/%d' % n), f'request {n} on a kept connection')
        eq(r.get('connection'), None, 'no Connection header on a kept connection')
    eq(s1.conns, 1, 'server connections of one client connection')

    # Pipelining: all requests at once, answers in order.
    c.send(b''.join(b'GET /p%d HTTP/1.1\r\nHost: h\r\n\r\n' % n for n in range(10)))
    eq([c.response().body for _ in range(10)], [b'/p%d' % n for n in range(10)], 'pipelined requests')

    # A body before the next pipelined request; the second request cut in two.
    c.send(b'POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n12345GET /n')
    eq(c.response().body, b'/b', 'request with a body')
    c.send(b'ext HTTP/1.1\r\nHost: h\r\n\r\n')
    eq(c.response().body, b'/next', 'request that came in two pieces')
    eq([r.body for r in s1.requests if r.target == b'/b'], [b'12345'], 'body')

    # Byte by byte.
    for byte in b'GET /slow HTTP/1.1\r\nHost: h\r\n\r\n':
        c.send(bytes([byte]))
    eq(c.response().body, b'/slow', 'request byte by byte')

    # Empty lines before a request are ignored (RFC 9112, 2.2).
    c.send(b'\r\nGET /crlf HTTP/1.1\r\nHost: h\r\n\r\n')
    eq(c.response().body, b'/crlf', 'empty line before the request')

    r = c.get(b'/last', b'Connection: close\r\n')
    eq((r.body, r.get('connection')), (b'/last', b'close'), 'close that the client asked for')
    true(c.closed(), 'connection closes after Connection: close')

    # HTTP/1.0: closes unless keep-alive was asked for, and then says so.
    c = p.connect()
    r = c.get(b'/10', version=b'HTTP/1.0')
    eq((r.status, r.body), (200, b'/10'), 'HTTP/1.0')
    eq(r.get('connection'), b'close', 'HTTP/1.0 answer says close')
    true(c.closed(), 'HTTP/1.0 connection closes')
    c = p.connect()
    for n in range(2):
        r = c.get(b'/10k', b'Connection: keep-alive\r\n', version=b'HTTP/1.0')
        eq((r.body, r.get('connection')), (b'/10k', b'keep-alive'), 'HTTP/1.0 keep-alive')
    c.close()

    # The server closes: the client's connection is none of its business.
    c = p.connect()
    c.get(b'/a')
    s1.close_all()
    time.sleep(0.1)
    eq(c.get(b'/b').body, b'/b', 'client connection outlives the server connection')
done()
