#!/usr/bin/env python3
"""tcp-request and tcp-response content: inspection, rejection, choice of a backend; connection rules."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CONFIG = '''
defaults
    mode tcp
    timeout client 5s
    timeout server 5s
    timeout connect 2s
frontend fe
    bind <<fe>>
    tcp-request inspect-delay 400ms
    tcp-request content reject if { req.payload(0,3) -m bin 424144 }
    tcp-request content accept if { req.len ge 3 }
    use_backend one if { req.payload(0,3) -m str one }
    default_backend two
backend one
    server s1 127.0.0.1:<<s1>>
backend two
    server s2 127.0.0.1:<<s2>>
listen nobody
    bind <<nobody>>
    tcp-request connection reject if { src 127.0.0.0/8 }
    server s1 127.0.0.1:<<s1>>
listen session
    bind <<session>>
    tcp-request session reject if { dst_port gt 0 }
    server s1 127.0.0.1:<<s1>>
listen response
    bind <<response>>
    tcp-response inspect-delay 1s
    tcp-response content reject if { res.payload(0,4) -m str two: }
    tcp-response content accept if { res.len ge 4 }
    server s2 127.0.0.1:<<s2>>
'''


def server(conn, origin):
    conn.fill()
    conn.send(origin.name + b':' + conn.data)


with Origin(raw=server, name=b'one') as s1, Origin(raw=server, name=b'two') as s2, \
        Proxy(CONFIG, s1=s1.port, s2=s2.port) as p:
    eq(p.connect().send(b'one more').rest(), b'one:one more', 'first backend')
    eq(p.connect().send(b'two more').rest(), b'two:two more', 'default backend')
    eq(p.connect().send(b'BAD').rest(), b'', 'rejected by content')
    c = p.connect().send(b'o')
    time.sleep(0.1)
    c.send(b'ne')
    eq(c.rest(), b'one:one', 'waits for what it needs')
    began = time.monotonic()
    eq(p.connect().send(b'x').rest(), b'two:x', 'no match until the delay is over')
    true(0.3 <= time.monotonic() - began <= 1.5, f'inspect-delay: {time.monotonic() - began:.2f} s')
    for name in ('nobody', 'session'):
        c = p.connect(name)
        true(c.closed(), f'{name}: rejected')
    eq(p.connect('response').send(b'x').rest(), b'', 'rejected by the response')
    eq((p.stat('nobody', 'FRONTEND').get('dcon'), p.stat('session', 'FRONTEND').get('dses')), ('1', '1'), 'counters of rejections')
done()
