#!/usr/bin/env python3
"""HTTP/1 where 3.5 differs from 2.6: pages of 414 and 431, headers of low-level errors, drained bodies, both lengths."""
# reference: no (behaviour of 3.1 to 3.4)
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CONFIG = DEFAULTS + '''
listen fe
    bind <<fe>>
    log 127.0.0.1:<<log>> local0
    option httplog
    http-request deny if { path /deny }
    http-request return status 405 default-errorfiles if { path /405 }
    http-request return status 501 default-errorfiles if { path /501 }
    server s1 127.0.0.1:<<s1>>
'''
H = b'Host: h\r\n'


def answer(request, origin):
    if request.target == b'/noreason':
        return b'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n'
    return response(b'ok')


with Syslog() as log, Origin(answer) as s1, Proxy(CONFIG, s1=s1.port, log=log.port) as p:
    for what, data, status, body in (
            ('long request line', b'GET /' + b'a' * 20000 + b' HTTP/1.1\r\n' + H + b'\r\n', 414,
             b'<html><body><h1>414 URI Too Long</h1>\nThe URI provided was too long for the server to process.\n</body></html>\n'),
            ('large headers', b'GET / HTTP/1.1\r\n' + H + b'a: ' + b'y' * 20000 + b'\r\n\r\n', 431,
             b'<html><body><h1>431 Request Header Fields Too Large</h1>\nRequest Header Fields Too Large.\n</body></html>\n')):
        r = p.connect().send(data).response()
        eq((r.status, r.body, r.get('content-length')), (status, body, b'%d' % len(body)), what)
        eq([n for n, _ in r.headers], [b'content-length', b'cache-control', b'connection', b'content-type'], f'{what}: headers, lower case, in order')
        has(log.line(), rf' {status} \d+ - - PR-- ', f'{what}: log')
    r = p.connect().get(b'/405')
    eq(r.get('content-length'), b'147', 'page of 405')
    eq(p.connect().get(b'/501').get('content-length'), b'135', 'page of 501')
    log.line()
    log.line()

    # An answer before the body was read: the connection stays, the body is drained.
    c = p.connect()
    c.send(b'POST /deny HTTP/1.1\r\n' + H + b'Content-Length: 100000\r\n\r\n' + b'x' * 1000)
    r = c.response()
    eq((r.status, r.get('connection')), (403, None), 'answered before the body')
    has(log.line(), r' 403 0 - - PR-- ', 'bytes of an answer of the proxy are not counted')
    c.send(b'x' * 99000)
    eq(c.get(b'/next').status, 200, 'next request on the same connection')
    log.line()

    # Both lengths: the chunks count, and the connection ends with the answer.
    c = p.connect()
    c.send(b'POST /both HTTP/1.1\r\n' + H + b'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n')
    r = c.response()
    eq((r.status, s1.requests[-1].body, s1.requests[-1].get('content-length')), (200, b'abc', None), 'Content-Length beside chunks is dropped')
    true(c.closed(), 'and the connection closes')
    eq(p.connect().get(b'/noreason').start, b'HTTP/1.1 200 OK', 'a missing reason is filled in')

with Origin(answer) as s1, Proxy('''
global
    h1-do-not-close-on-insecure-transfer-encoding
''' + CONFIG.replace('log 127.0.0.1:<<log>> local0', ''), s1=s1.port) as p:
    c = p.connect()
    for _ in range(2):
        c.send(b'POST /both HTTP/1.1\r\n' + H + b'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n')
        eq(c.response().status, 200, 'both lengths, and the connection stays open')
done()
