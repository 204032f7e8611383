#!/usr/bin/env python3
"""maxconn of a server and the queue: order, priorities, limits; maxconn of a frontend and of the process."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CONFIG = 'global\n    nbthread 1\n' + DEFAULTS + '''
listen one
    bind <<one>>
    timeout queue 5s
    server s1 127.0.0.1:<<s1>> maxconn 1
listen limited
    bind <<limited>>
    timeout queue 5s
    server s1 127.0.0.1:<<s1>> maxconn 1 maxqueue 1
listen prio
    bind <<prio>>
    timeout queue 5s
    http-request set-priority-class int(-10) if { path_beg /vip }
    server s1 127.0.0.1:<<s1>> maxconn 1
frontend small
    bind <<small>>
    maxconn 2
    default_backend plain
backend plain
    server s1 127.0.0.1:<<s1>>
'''
busy, most = [0], [0]


def answer(request, origin):
    with origin.lock:
        busy[0] += 1
        most[0] = max(most[0], busy[0])
    time.sleep(0.15)
    with origin.lock:
        busy[0] -= 1
    return response(request.target)


def send(p, name, target):
    c = p.connect(name).send(b'GET ' + target + b' HTTP/1.1\r\nHost: h\r\n\r\n')
    if target in (b'/0', b'/first'):
        s1.got(target)
    else:
        time.sleep(0.03)
    return c


with Origin(answer) as s1, Proxy(CONFIG, s1=s1.port) as p:
    conns = [send(p, 'one', b'/%d' % n) for n in range(6)]
    true(int(p.stat('one', 's1').get('qcur') or 0) + int(p.stat('one', 'BACKEND').get('qcur') or 0) >= 2, 'requests wait in a queue')
    eq([c.response().status for c in conns], [200] * 6, 'all are served')
    eq(most[0], 1, 'one at a time')
    eq([r.target for r in s1.requests], [b'/%d' % n for n in range(6)], 'in order')

    s1.requests.clear()
    conns = [send(p, 'prio', t) for t in (b'/first', b'/a', b'/b', b'/vip1', b'/vip2')]
    for c in conns:
        c.response()
    eq([r.target for r in s1.requests], [b'/first', b'/vip1', b'/vip2', b'/a', b'/b'], 'priority class')

    most[0] = 0
    conns = [p.connect('small') for _ in range(4)]
    for n, c in enumerate(conns):
        c.send(b'GET /s%d HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n' % n)
    eq([c.response().status for c in conns], [200] * 4, 'a full frontend makes connections wait')
    true(most[0] <= 2, f'at most two at once: {most[0]}')
    eq(p.stat('small', 'FRONTEND').get('smax'), '2', 'highest number of sessions')
done()
