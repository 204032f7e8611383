#!/usr/bin/env python3
"""100-continue and other interim responses."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CONFIG = DEFAULTS + '''
listen fe
    bind <<fe>>
    server s1 127.0.0.1:<<s1>>
'''


def server(conn, origin):
    while True:
        head = conn.head()
        if head.target == b'/expect':
            true((head.get('expect') or b'').lower() == b'100-continue', 'Expect reaches the server')
            conn.send(b'HTTP/1.1 100 Continue\r\n\r\n')
            conn.send(response(conn.take(int(head.get('content-length')))))
        elif head.target == b'/refuse':
            conn.send(response(b'no', b'417 Expectation Failed', b'Connection: close\r\n'))
            return
        elif head.target == b'/hints':
            conn.send(b'HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n')
            time.sleep(0.1)
            conn.send(response(b'final'))


with Origin(raw=server) as s1, Proxy(CONFIG, s1=s1.port) as p:
    c = p.connect()
    c.send(b'POST /expect HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n')
    r = c.response(interim=True)
    eq(r.status, 100, 'interim response before the body is sent')
    c.send(b'body')
    r = c.response()
    eq((r.status, r.body), (200, b'body'), 'final response')

    c.send(b'GET /hints HTTP/1.1\r\nHost: h\r\n\r\n')
    r = c.response(interim=True)
    eq((r.status, r.get('link')), (103, b'</a.css>'), 'early hints')
    eq(c.response(interim=True).status, 102, 'second interim response')
    eq(c.response().body, b'final', 'final response after interim ones')

    c.send(b'POST /refuse HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n')
    eq(c.response().status, 417, 'refused expectation')
done()
