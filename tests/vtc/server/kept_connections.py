#!/usr/bin/env python3
"""Connections that stay with a client's session: max-session-srv-conns, max-keep-alive-queue."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *


go = threading.Event()


def slow(request, origin):
    return [go, response(b'slow')] if request.target == b'/slow' else Origin.hello(request, origin)


with Origin() as s, Origin() as t, Proxy(DEFAULTS + '''
    http-reuse never
frontend two
    bind <<two>>
    use_backend s if { path /s }
    default_backend t
frontend none
    bind <<none>>
    max-session-srv-conns 0
    default_backend s
backend s
    server s 127.0.0.1:<<s>>
backend t
    server t 127.0.0.1:<<t>>
''', s=s.port, t=t.port) as p:
    c = p.connect('two')
    got = [c.get(path).get('x-conn') for path in (b'/s', b'/t', b'/s', b'/t', b'/s')]
    eq(got, [b'1'] * 5, 'a session keeps connections to two servers')
    c = p.connect('none')
    first, second = c.get(b'/s').get('x-conn'), c.get(b'/s').get('x-conn')
    true(first != second, f'a session that keeps none: {first} {second}')

with Origin(slow, name=b's') as s, Origin(slow, name=b't') as t, Proxy(DEFAULTS + '''
    http-reuse never
listen limit
    bind <<limit>>
    balance roundrobin
    option prefer-last-server
    max-keep-alive-queue 0
    server s 127.0.0.1:<<s>> maxconn 1
    server t 127.0.0.1:<<t>> maxconn 1
listen nolimit
    bind <<nolimit>>
    balance roundrobin
    option prefer-last-server
    server s 127.0.0.1:<<s>> maxconn 1
    server t 127.0.0.1:<<t>> maxconn 1
''', s=s.port, t=t.port) as p:
    seen = []
    for name, stays in (('limit', False), ('nolimit', True)):
        c, d = p.connect(name), p.connect(name)
        mine = c.get().get('x-server')
        while d.get().get('x-server') != mine:
            d.close()
            d = p.connect(name)
        d.send(b'GET /slow HTTP/1.1\r\nHost: h\r\n\r\n')
        (s if mine == b's' else t).got(b'/slow', 1 if mine not in seen else 2)
        seen.append(mine)
        if stays:   # it waits for its turn
            threading.Timer(0.3, go.set).start()
        eq(c.get().get('x-server') == mine, stays, f'{name}: stays with a busy server')
        go.set()
        d.response()
        go.clear()


def ntlm(request, origin):
    if not request.get('authorization'):
        return response(b'', b'401 Unauthorized', b'WWW-Authenticate: NTLM\r\n')
    return Origin.hello(request, origin)


# A connection that is authenticated is its client's alone.
with Origin(ntlm, name=b's') as s, Origin(ntlm, name=b't') as t, Proxy(DEFAULTS + '''
listen fe
    bind <<fe>>
    http-reuse always
    balance roundrobin
    server s 127.0.0.1:<<s>>
    server t 127.0.0.1:<<t>>
''', s=s.port, t=t.port) as p:
    c = p.connect()
    eq(c.get().status, 401, 'a challenge')
    answers = {(r.get('x-server'), r.get('x-conn')) for r in (c.get(b'/', b'Authorization: NTLM x\r\n') for _ in range(4))}
    eq(len(answers), 1, f'server and connection after a challenge: {answers}')
    other = {(r.get('x-server'), r.get('x-conn')) for r in (p.connect().get(b'/', b'Authorization: y\r\n') for _ in range(2))}
    eq(answers & other, set(), 'another client uses other connections')
done()
