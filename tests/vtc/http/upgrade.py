#!/usr/bin/env python3
"""Upgrade (101) and CONNECT become tunnels in both directions; a refused upgrade stays HTTP."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CONFIG = DEFAULTS + '''
    timeout tunnel 5s
listen fe
    bind <<fe>>
    server s1 127.0.0.1:<<s1>>
'''


def server(conn, origin):
    while True:
        r = conn.head()
        origin.requests.append(r)
        if r.target == b'/no':
            conn.send(response(b'plain'))
            continue
        if r.method == b'CONNECT':
            conn.send(b'HTTP/1.1 200 Established\r\n\r\n')
        else:
            conn.send(b'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nbanner|')
        while True:
            while not conn.data:
                try:
                    conn.fill()
                except Closed:
                    origin.ended = True
                    return
            conn.send(conn.data.upper())
            conn.data = b''


with Origin(raw=server) as s1, Proxy(CONFIG, s1=s1.port) as p:
    c = p.connect()
    r = c.get(b'/no', b'Connection: Upgrade\r\nUpgrade: echo\r\n')
    eq((r.status, r.body), (200, b'plain'), 'server that does not upgrade')
    r = c.get(b'/up', b'Connection: Upgrade\r\nUpgrade: echo\r\n')
    eq((r.status, (r.get('upgrade') or b'').lower(), (r.get('connection') or b'').lower()), (101, b'echo', b'upgrade'), 'upgrade')
    up = s1.requests[-1]
    eq(((up.get('upgrade') or b'').lower(), (up.get('connection') or b'').lower()), (b'echo', b'upgrade'), 'upgrade reaches the server')
    eq(c.take(7), b'banner|', 'bytes right behind the 101')
    for n in range(20):
        c.send(b'message %d' % n)
        eq(c.take(len(b'message %d' % n)), b'MESSAGE %d' % n, 'tunnel')
    big = b'x' * 300000
    threading.Thread(target=c.send, args=(big,)).start()
    eq(c.take(len(big)), big.upper(), 'tunnel with much data')
    c.finish()
    c.rest()
    wait_for(lambda: getattr(s1, 'ended', False), 'the end of the tunnel reaches the server')

    c = p.connect()
    c.send(b'CONNECT host.example:443 HTTP/1.1\r\nHost: host.example:443\r\n\r\n')
    eq(c.head().status, 200, 'CONNECT')
    c.send(b'ping')
    eq(c.take(4), b'PING', 'tunnel of CONNECT')
    eq((s1.requests[-1].method, s1.requests[-1].target), (b'CONNECT', b'host.example:443'), 'CONNECT reaches the server')
    c.close()
done()
