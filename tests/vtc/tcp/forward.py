#!/usr/bin/env python3
"""mode tcp: bytes both ways, half-close in both directions, much data, server first, RST."""
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
listen fe
    bind <<fe>>
    server s1 127.0.0.1:<<s1>>
listen down
    bind <<down>>
    retries 0
    server s1 127.0.0.1:<<closed>>
'''


def server(conn, origin):
    conn.send(b'220 hello\r\n')         # speaks first
    command = conn.line()
    if command == b'echo':
        conn.send(conn.rest()[::-1])    # answers after the client's end of data
    elif command == b'sink':
        origin.got = len(conn.rest())
        conn.send(b'%d' % origin.got)
    elif command == b'flood':
        conn.send(b'z' * 3000000)
    elif command == b'half':
        conn.send(b'first')
        conn.sock.shutdown(socket.SHUT_WR)
        origin.late = conn.rest()
    elif command == b'reset':
        conn.reset()


taken = socket.create_server(('127.0.0.1', 0))
closed = taken.getsockname()[1]
taken.close()
with Origin(raw=server) as s1, Proxy(CONFIG, s1=s1.port, closed=closed) as p:
    def start(command):
        c = p.connect()
        eq(c.line(), b'220 hello', 'the server speaks first')
        return c.send(command + b'\r\n')

    c = start(b'echo').send(b'abc' * 1000).finish()
    eq(c.rest(), (b'abc' * 1000)[::-1], 'answer after a half-close of the client')

    c = start(b'sink')
    for _ in range(30):
        c.send(b'y' * 100000)
    eq(c.finish().rest(), b'3000000', 'much data from the client')

    eq(len(start(b'flood').rest()), 3000000, 'much data from the server')

    c = start(b'half')
    eq(c.take(5), b'first', 'data before a half-close of the server')
    true(c.closed(), 'half-close of the server')
    c.send(b'late').finish()
    wait_for(lambda: hasattr(s1, 'late'), 'end of the client at the server')
    eq(getattr(s1, 'late', None), b'late', 'the other direction of a half-closed session')

    eq(start(b'reset').rest(), b'', 'reset of the server')
    true(p.connect('down').closed(), 'no server: the connection closes')
    many = [start(b'echo') for _ in range(50)]
    for n, c in enumerate(many):
        c.send(b'%d' % n).finish()
    eq([c.rest() for c in many], [(b'%d' % n)[::-1] for n in range(50)], 'many sessions at once')
    eq(p.stat('fe', 'FRONTEND').get('stot'), '55', 'sessions counted')
done()
