#!/usr/bin/env python3
"""inspect-delay is a limit, not a delay: content rules decide as soon as the bytes are there, and are asked again for every piece."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

RULES = '''
    tcp-request inspect-delay 8s
    tcp-request content accept if { req.len gt 4 }
    tcp-request content reject if WAIT_END
'''
CONFIG = DEFAULTS + f'''
listen tcp
    mode tcp
    bind <<tcp>>
{RULES}
    server s1 127.0.0.1:<<raw>>
listen http
    bind <<http>>
{RULES}
    server s2 127.0.0.1:<<web>>
listen payload
    mode tcp
    bind <<payload>>
    tcp-request inspect-delay 8s
    tcp-request content reject if {{ req.payload(0,8) -m str REJECTED }}
    tcp-request content accept if {{ req.payload(0,8) -m found }}
    server s1 127.0.0.1:<<raw>>
listen response
    mode tcp
    bind <<response>>
    tcp-response inspect-delay 8s
    tcp-response content accept if {{ res.len gt 8 }}
    tcp-response content reject if WAIT_END
    server s3 127.0.0.1:<<drip>>
backend switched
    mode tcp
    tcp-request inspect-delay 8s
    tcp-request content accept if {{ req.len gt 4 }}
    tcp-request content reject if WAIT_END
    server s1 127.0.0.1:<<raw>>
frontend switch
    mode tcp
    bind <<switch>>
    default_backend switched
'''


def echo(conn, origin):
    conn.fill()
    conn.send(b'got ' + conn.data)


def drip(conn, origin):
    conn.fill()
    for piece in (b'12', b'34', b'5678', b'9'):
        conn.send(piece)
        time.sleep(0.15)


def timed(what, limit, make):
    """Runs and returns what make() returns; fails when it takes longer than limit seconds."""
    began = time.monotonic()
    value = make()
    spent = time.monotonic() - began
    true(spent < limit, f'{what}: took {spent:.2f} s')
    return value


def pieces(c, *parts):
    for part in parts:
        c.send(part)
        time.sleep(0.15)
    return c


with Origin(raw=echo) as raw, Origin() as web, Origin(raw=drip) as slow, \
        Proxy(CONFIG, raw=raw.port, web=web.port, drip=slow.port) as p:
    for name in ('tcp', 'switch'):
        eq(timed(name, 1.5, lambda: p.connect(name).send(b'12345').rest()), b'got 12345', f'{name}: enough at once')
        eq(timed(name, 2, lambda: pieces(p.connect(name), b'12', b'34', b'5').rest()), b'got 12345', f'{name}: in pieces')
        eq(timed(name, 3, lambda: pieces(p.connect(name), *[b'%d' % i for i in range(5)]).rest()), b'got 01234',
           f'{name}: byte by byte')
        c = p.connect(name)
        time.sleep(0.3)
        eq(timed(name, 1.5, lambda: c.send(b'later').rest()), b'got later', f'{name}: after a silence')
    eq(timed('payload', 1.5, lambda: pieces(p.connect('payload'), b'ACCE', b'PTED').rest()), b'got ACCEPTED', 'payload in pieces')
    eq(timed('payload', 1.5, lambda: pieces(p.connect('payload'), b'REJE', b'CTED').rest()), b'', 'rejected in pieces')
    head = b'GET / HTTP/1.1\r\nHost: h\r\n\r\n'
    c = p.connect('http')
    eq(timed('http', 1.5, lambda: c.send(head).response().status), 200, 'http: at once')
    eq(timed('http', 1.5, lambda: c.send(head).response().status), 200, 'http: next request')
    eq(timed('http', 2, lambda: pieces(p.connect('http'), b'GE', b'T / HTTP/1.1\r\nHo', head[18:]).response().status), 200,
       'http: in pieces')
    eq(timed('response', 2, lambda: p.connect('response').send(b'x').rest()), b'123456789', 'response in pieces')
done()
