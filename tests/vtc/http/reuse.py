#!/usr/bin/env python3
"""http-reuse never, safe, aggressive, always: whose server connection a request gets."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CONFIG = '''
global
    nbthread 1
''' + DEFAULTS + ''.join(f'''
listen {mode}
    bind <<{mode}>>
    http-reuse {mode}
    server s1 127.0.0.1:<<s1>>
''' for mode in ('never', 'safe', 'aggressive', 'always')) + '''
listen nopool
    bind <<nopool>>
    http-reuse always
    server s1 127.0.0.1:<<s1>> pool-max-conn 0
'''


def number(c):
    r = c.get(b'/')
    eq(r.status, 200, 'status')
    time.sleep(0.02)        # the connection is idle when the next one looks for it
    return int(r.get('x-conn'))


with Origin() as s1, Proxy(CONFIG, s1=s1.port) as p:
    # never: two clients never share a server connection; one client keeps its own.
    a, b = p.connect('never'), p.connect('never')
    conns = [number(a), number(b), number(a), number(b)]
    eq((conns[0] == conns[2], conns[1] == conns[3], conns[0] != conns[1]), (True, True, True), f'never: {conns}')
    a.close()
    wait_for(lambda: p.stat('never', 'FRONTEND').get('scur') == '1', 'the first client is gone')
    true(number(p.connect('never')) not in conns, 'never: a later client gets a new connection')

    # safe: a first request of a connection does not ride on somebody else's idle connection; later ones may.
    a, b = p.connect('safe'), p.connect('safe')
    first, second = number(a), number(b)
    true(first != second, 'safe: first requests have connections of their own')
    true(number(a) in (first, second), 'safe: later requests take an idle one')

    # aggressive: a first request may ride on a connection that has proved to be reusable.
    a, b, c = (p.connect('aggressive') for _ in range(3))
    first = number(a)
    eq(number(a), first, 'aggressive: kept')
    eq(number(b), first, 'aggressive: a connection that was reused once is shared')

    # always: any idle connection will do.
    a, b = p.connect('always'), p.connect('always')
    first = number(a)
    eq([number(b), number(a), number(b)], [first] * 3, 'always: one for all')
    a.close()
    b.close()
    eq(number(p.connect('always')), first, 'always: also after the client has gone')

    # Without a pool an idle connection goes with the client that had it.
    a = p.connect('nopool')
    first = number(a)
    a.close()
    wait_for(lambda: p.stat('nopool', 'FRONTEND').get('scur') == '0', 'the client is gone')
    true(number(p.connect('nopool')) != first, 'pool-max-conn 0: nothing is kept')
done()
