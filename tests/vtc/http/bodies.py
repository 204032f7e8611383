#!/usr/bin/env python3
"""Bodies in both directions: Content-Length, chunked with extensions and trailers, until close, none at all; HEAD, 204, 304."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CONFIG = DEFAULTS + '''
listen fe
    bind <<fe>>
    server s1 127.0.0.1:<<s1>>
'''
BIG = bytes(range(256)) * 1200      # more than any buffer


def answer(request, origin):
    path = request.target
    if path == b'/chunked':
        return (b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
                b'5\r\nhello\r\n6;name=value\r\n world\r\n0\r\nX-Sum: 42\r\n\r\n')
    if path == b'/pieces':
        return [b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chun', 0.05, b'ked\r\n\r\n', 0.05, b'5\r', 0.05, b'\nhel', 0.05, b'lo\r\n', 0.05,
                b'0\r\n', 0.05, b'\r\n']
    if path == b'/close':
        return [b'HTTP/1.1 200 OK\r\n\r\nuntil close', None]
    if path == b'/big':
        return response(BIG)
    if path == b'/bigchunked':
        chunks = b''.join(b'%x\r\n%s\r\n' % (len(BIG[i:i + 7000]), BIG[i:i + 7000]) for i in range(0, len(BIG), 7000))
        return b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n' + chunks + b'0\r\n\r\n'
    if path == b'/204':
        return b'HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n'
    if path == b'/304':
        return b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 100\r\n\r\n'
    if path == b'/empty':
        return response(b'')
    if request.method == b'HEAD':
        return b'HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n'
    return response(request.body, headers=b'X-Trailer: %s\r\n' % b','.join(n + b'=' + v for n, v in request.trailers))


with Origin(answer) as s1, Proxy(CONFIG, s1=s1.port) as p:
    c = p.connect()
    r = c.get(b'/chunked')
    eq(r.body, b'hello world', 'chunked response')
    eq(r.get('transfer-encoding'), b'chunked', 'transfer-encoding passed on')
    eq(r.get('content-length'), None, 'no length beside chunks')
    eq([(n.lower(), v) for n, v in r.trailers], [(b'x-sum', b'42')], 'trailer of the response')
    eq(c.get(b'/pieces').body, b'hello', 'chunked response in small pieces')
    eq(c.get(b'/big').body, BIG, 'large body with a length')
    eq(c.get(b'/bigchunked').body, BIG, 'large chunked body')
    r = c.get(b'/empty')
    eq((r.status, r.get('content-length'), r.body), (200, b'0', b''), 'empty body')
    r = c.get(b'/204')
    eq((r.status, r.get('content-length'), r.get('transfer-encoding'), r.get('x-a')), (204, None, None, b'b'), '204')
    r = c.get(b'/304')
    eq((r.status, r.get('content-length'), r.get('etag')), (304, b'100', b'"x"'), '304 keeps its length and has no body')
    r = c.get(b'/head', method=b'HEAD')
    eq((r.status, r.get('content-length')), (200, b'1234'), 'HEAD keeps the length and has no body')
    eq(c.get(b'/empty').status, 200, 'the connection is still in step')

    # Requests with bodies.
    c.send(b'POST /len HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nabcd')
    eq(c.response().body, b'abcd', 'request with a length')
    c.send(b'POST /chunks HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;ext="x"\r\n0123456789\r\n0\r\nX-T: v\r\n\r\n')
    r = c.response()
    eq(r.body, b'abc0123456789', 'chunked request')
    eq(r.get('x-trailer').lower(), b'x-t=v', 'trailer of the request')
    c.send(b'POST /big HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n' % len(BIG))
    for at in range(0, len(BIG), 10000):
        c.send(BIG[at:at + 10000])
    eq(c.response().status, 200, 'large request')
    eq(s1.requests[-1].body, BIG, 'large request body')
    c.send(b'POST /zero HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n')
    eq(c.response().status, 200, 'request with an empty body')
    c.send(b'POST /slow HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n')
    for piece in (b'5', b'\r\n', b'he', b'llo\r', b'\n1\r\n!\r\n', b'0\r\n\r', b'\n'):
        time.sleep(0.03)
        c.send(piece)
    eq(c.response().body, b'hello!', 'chunked request in small pieces')
    c.send(b'DELETE /d HTTP/1.1\r\nHost: h\r\n\r\n')
    eq(c.response().status, 200, 'a method without body')

    # A body that ends with the connection: chunked towards a client that can, until close for one that cannot.
    r = c.get(b'/close')
    eq((r.status, r.body), (200, b'until close'), 'body until close')
    c = p.connect()
    r = c.get(b'/close', version=b'HTTP/1.0')
    eq((r.status, r.body, r.get('transfer-encoding')), (200, b'until close', None), 'body until close for HTTP/1.0')
    c = p.connect()
    r = c.get(b'/chunked', version=b'HTTP/1.0')
    eq((r.status, r.body), (200, b'hello world'), 'chunks for a client of HTTP/1.0: what the server chose to send')
done()
