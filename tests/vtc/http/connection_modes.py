#!/usr/bin/env python3
"""option httpclose, http-server-close, keep-alive: who closes, and what is said in Connection."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CONFIG = DEFAULTS + '''
listen keep
    bind <<keep>>
    option http-keep-alive
    server s1 127.0.0.1:<<s1>>
listen servclose
    bind <<servclose>>
    option http-server-close
    server s1 127.0.0.1:<<s1>>
listen close
    bind <<close>>
    option httpclose
    server s1 127.0.0.1:<<s1>>
frontend fclose
    bind <<fclose>>
    option httpclose
    default_backend bkeep
backend bkeep
    option http-keep-alive
    server s1 127.0.0.1:<<s1>>
'''

with Origin() as s1, Proxy(CONFIG, s1=s1.port) as p:
    for name, server_conns, client_closes in (('keep', 1, False), ('servclose', 3, False)):
        before = s1.conns
        c = p.connect(name)
        for n in range(3):
            r = c.get(b'/')
            eq((r.status, r.get('connection')), (200, None), f'{name}: request {n}')
            eq((s1.requests[-1].get('connection') or b'').lower(), b'close' if name == 'servclose' else b'', f'{name}: towards the server')
            time.sleep(0.03)
        eq(s1.conns - before, server_conns, f'{name}: server connections of three requests')
        c.close()

    for name in ('close', 'fclose'):
        before = s1.conns
        for n in range(2):
            c = p.connect(name)
            r = c.get(b'/')
            eq((r.status, r.get('connection')), (200, b'close'), f'{name}: the client is told')
            eq(s1.requests[-1].get('connection'), b'close', f'{name}: the server is told')
            true(c.closed(), f'{name}: the connection closes')
        eq(s1.conns - before, 2, f'{name}: server connections of two requests')

    # A server that closes does not make the client's connection close.
    with Origin(lambda r, o: [response(b'x', headers=b'Connection: close\r\n'), None]) as s2, \
            Proxy(CONFIG, s1=s2.port) as p2:
        c = p2.connect('keep')
        for n in range(3):
            r = c.get(b'/')
            eq((r.status, r.get('connection')), (200, None), f'server closes: request {n}')
done()
