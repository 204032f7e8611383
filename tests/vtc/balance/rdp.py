#!/usr/bin/env python3
"""persist rdp-cookie: the server that the routing token of a remote desktop client names; balance rdp-cookie without one."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *
import struct


def name_of(number):
    def raw(c, origin):
        c.fill()
        c.send(b'%d' % number)
    return raw


def hello(cookie):
    """A connection request of T.125 with a cookie."""
    text = b'Cookie: ' + cookie + b'\r\n'
    return struct.pack('!BBH', 3, 0, 11 + len(text)) + struct.pack('!BBHHB', 6 + len(text), 0xe0, 0, 0, 0) + text


def token(port):
    """As Windows writes it: address and port in network order, read as little endian."""
    ip = struct.unpack('<I', socket.inet_aton('127.0.0.1'))[0]
    return b'msts=%d.%d.0000' % (ip, struct.unpack('<H', struct.pack('>H', port))[0])


with Origin(raw=name_of(1)) as s, Origin(raw=name_of(2)) as t, Proxy(DEFAULTS.replace('mode http', 'mode tcp') + '''
listen fe
    bind <<fe>>
    tcp-request inspect-delay 2s
    tcp-request content accept if RDP_COOKIE
    persist rdp-cookie
    balance rdp-cookie
    server s 127.0.0.1:<<s>>
    server t 127.0.0.1:<<t>>
''', s=s.port, t=t.port) as p:
    def ask(cookie):
        return p.connect().send(hello(cookie)).take(1)
    for _ in range(2):
        eq(ask(token(s.port)), b'1', 'the first server by its token')
        eq(ask(token(t.port)), b'2', 'the second')
    users = [b'mstshash=%d' % i for i in range(8)]
    eq([ask(u) for u in users], [ask(u) for u in users], 'balancing without a token')
    true(ask(b'msts=1.2.0000') in b'12' and ask(b'msts=x') in b'12', 'a token of nobody')
done()
