#!/usr/bin/env python3
"""What is refused, with which status, and that the connection closes then; what is accepted although it looks odd."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CONFIG = DEFAULTS + '''
listen fe
    bind <<fe>>
    timeout http-request 3s
    server s1 127.0.0.1:<<s1>>
'''
H = b'Host: h\r\n'

# (what, request, status); 0: the connection closes without an answer.
SAME = [
    ('space before the colon', b'GET / HTTP/1.1\r\nHost : h\r\n\r\n', 400),
    ('empty header name', b'GET / HTTP/1.1\r\n' + H + b': x\r\n\r\n', 400),
    ('no colon', b'GET / HTTP/1.1\r\n' + H + b'nonsense\r\n\r\n', 400),
    ('invalid character in a name', b'GET / HTTP/1.1\r\n' + H + b'a(b: c\r\n\r\n', 400),
    ('bare CR in a value', b'GET / HTTP/1.1\r\n' + H + b'a: b\rc\r\n\r\n', 400),
    ('two different lengths', b'POST / HTTP/1.1\r\n' + H + b'Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd', 400),
    ('two different lengths in a list', b'POST / HTTP/1.1\r\n' + H + b'Content-Length: 3, 4\r\n\r\nabcd', 400),
    ('negative length', b'POST / HTTP/1.1\r\n' + H + b'Content-Length: -3\r\n\r\nabcd', 400),
    ('length with a sign', b'POST / HTTP/1.1\r\n' + H + b'Content-Length: +3\r\n\r\nabc', 400),
    ('empty length', b'POST / HTTP/1.1\r\n' + H + b'Content-Length: \r\n\r\n', 400),
    ('length of more than 64 bits', b'POST / HTTP/1.1\r\n' + H + b'Content-Length: 99999999999999999999\r\n\r\n', 400),
    ('length in hexadecimal', b'POST / HTTP/1.1\r\n' + H + b'Content-Length: 0x3\r\n\r\nabc', 400),
    ('chunked twice', b'POST / HTTP/1.1\r\n' + H + b'Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n', 400),
    ('gzip alone', b'POST / HTTP/1.1\r\n' + H + b'Transfer-Encoding: gzip\r\n\r\n', 400),
    ('identity', b'POST / HTTP/1.1\r\n' + H + b'Transfer-Encoding: identity\r\n\r\n', 400),
    ('gzip, chunked', b'POST / HTTP/1.1\r\n' + H + b'Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n', 422),
    ('chunk size that is no number', b'POST / HTTP/1.1\r\n' + H + b'Transfer-Encoding: chunked\r\n\r\nxyz\r\n', 400),
    ('two hosts', b'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400),
    ('target and Host disagree', b'GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n', 400),
    ('not HTTP', b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03rubbish\r\n\r\n', 400),
    ('no version', b'GET /\r\n\r\n', 400),
    ('wrong protocol name', b'GET / HTTX/1.1\r\n' + H + b'\r\n', 400),
    ('long version', b'GET / HTTP/1.12\r\n' + H + b'\r\n', 400),
    ('control character in the target', b'GET /\x01 HTTP/1.1\r\n' + H + b'\r\n', 400),
    ('fragment in the target', b'GET /a#b HTTP/1.1\r\n' + H + b'\r\n', 400),
    ('space in the target', b'GET /a b HTTP/1.1\r\n' + H + b'\r\n', 400),
    ('invalid character in the method', b'GE(T / HTTP/1.1\r\n' + H + b'\r\n', 400),
    ('too many headers', b'GET / HTTP/1.1\r\n' + H + b''.join(b'x%d: y\r\n' % n for n in range(110)) + b'\r\n', 400),
    ('body on a GET of HTTP/1.0', b'GET / HTTP/1.0\r\n' + H + b'Content-Length: 3\r\n\r\nabc', 413),
    ('websocket without a key', b'GET / HTTP/1.1\r\n' + H + b'Connection: upgrade\r\nUpgrade: websocket\r\n\r\n', 400),
    ('relative target', b'GET a HTTP/1.1\r\n' + H + b'\r\n', 400),
    ('the same length twice', b'POST / HTTP/1.1\r\n' + H + b'Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc', 200),
    ('no Host', b'GET / HTTP/1.1\r\n\r\n', 200),
    ('unknown method', b'BREW / HTTP/1.1\r\n' + H + b'\r\n', 200),
    ('folded header', b'GET / HTTP/1.1\r\n' + H + b'a: b\r\n  c\r\n\r\n', 200),
    ('header without a value', b'GET / HTTP/1.1\r\n' + H + b'a:\r\n\r\n', 200),
    ('bare line feeds in the head', b'GET / HTTP/1.1\nHost: h\n\n', 200),
    ('bytes above 127 in a value', b'GET / HTTP/1.1\r\n' + H + b'a: \xc3\xa9\r\n\r\n', 200),
    ('100 headers', b'GET / HTTP/1.1\r\n' + H + b''.join(b'x%d: y\r\n' % n for n in range(95)) + b'\r\n', 200),
    ('OPTIONS *', b'OPTIONS * HTTP/1.1\r\n' + H + b'\r\n', 200),
    ('absolute target', b'GET http://h/x HTTP/1.1\r\n' + H + b'\r\n', 200),
    ('percent-encoding', b'GET /%2e%2e/%00?a=%zz HTTP/1.1\r\n' + H + b'\r\n', 200),
]
# (what, request, status of the reference, ours): where 3.5 is stricter.
NEWER = [
    ('NUL in a value', b'GET / HTTP/1.1\r\n' + H + b'a: b\0c\r\n\r\n', 200, 400),
    ('empty transfer coding', b'POST / HTTP/1.1\r\n' + H + b'Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n', 200, 400),
    ('scheme in CONNECT', b'CONNECT http://a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n', 200, 400),
    ('comma in Host', b'GET / HTTP/1.1\r\nHost: a,b\r\n\r\n', 200, 400),
    ('userinfo in Host', b'GET / HTTP/1.1\r\nHost: a@b\r\n\r\n', 200, 400),
    ('slash in Host', b'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n', 200, 400),
    ('GET *', b'GET * HTTP/1.1\r\n' + H + b'\r\n', 200, 400),
    ('quote in a chunk extension', b'POST / HTTP/1.1\r\n' + H + b'Transfer-Encoding: chunked\r\n\r\n1;a="b\r\nx\r\n0\r\n\r\n', 200, 400),
    ('chunks with bare line feeds', b'POST / HTTP/1.1\r\n' + H + b'Transfer-Encoding: chunked\r\n\r\n1\nx\n0\n\n', 200, 400),
    ('long request line', b'GET /' + b'a' * 20000 + b' HTTP/1.1\r\n' + H + b'\r\n', 400, 414),
    ('large headers', b'GET / HTTP/1.1\r\n' + H + b''.join(b'x%d: %s\r\n' % (n, b'y' * 1000) for n in range(20)) + b'\r\n', 400, 431),
]


def ask(p, data):
    c = p.connect()
    try:
        c.send(data)
        r = c.response()
        status = r.status
        closed = c.closed(1) if status >= 400 else None
    except Closed:
        status, closed = 0, True
    except ConnectionResetError:
        status, closed = -1, True
    c.close()
    return status, closed


def server(conn, origin):
    # One answer whatever comes, and the end: what is wrong with a body may show only behind the answer.
    conn.head()
    time.sleep(0.02)
    conn.send(response(b'ok', headers=b'Connection: close\r\n'))


with Origin(raw=server) as s1, Proxy(CONFIG, s1=s1.port) as p:
    for what, data, wanted in SAME:
        status, closed = ask(p, data)
        eq(status, wanted, what)
        if status >= 400:
            true(closed, f'{what}: the connection closes')
    for what, data, reference, ours in NEWER:
        eq(ask(p, data)[0], reference if REFERENCE else ours, what)
done()
