#!/usr/bin/env python3
"""balance roundrobin, static-rr, first, leastconn: who gets what, with weights, backup and disabled servers."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

def servers(extra=('', '', '')):
    return ''.join(f'    server s{n} 127.0.0.1:<<s{n}>> {extra[n - 1]}\n' for n in (1, 2, 3))


CONFIG = 'global\n    nbthread 1\n' + DEFAULTS + '''
listen rr
    bind <<rr>>
    balance roundrobin
''' + servers() + '''
listen weights
    bind <<weights>>
    balance roundrobin
''' + servers(('weight 1', 'weight 2', 'weight 3')) + '''
listen zero
    bind <<zero>>
    balance roundrobin
''' + servers(('weight 0', '', '')) + '''
listen static
    bind <<static>>
    balance static-rr
''' + servers(('weight 10', 'weight 20', 'weight 30')) + '''
listen disabled
    bind <<disabled>>
    balance roundrobin
''' + servers(('', 'disabled', '')) + '''
listen backup
    bind <<backup>>
    balance roundrobin
''' + servers(('', 'backup', 'backup')) + '''
listen allbackups
    bind <<allbackups>>
    balance roundrobin
    option allbackups
''' + servers(('disabled', 'backup', 'backup')) + '''
listen first
    bind <<first>>
    balance first
''' + servers(('maxconn 1', 'maxconn 1', 'maxconn 1')) + '''
listen least
    bind <<least>>
    balance leastconn
''' + servers()


go = threading.Event()


def answer(request, origin):
    if request.target == b'/hold':
        return [go, response(origin.name)]
    return response(origin.name)


def ask(p, name, count):
    c = p.connect(name)
    return [c.get(b'/').body.decode() for _ in range(count)]


def shares(got):
    return {name: got.count(name) for name in sorted(set(got))}


with Origin(answer, name=b's1') as s1, Origin(answer, name=b's2') as s2, Origin(answer, name=b's3') as s3, \
        Proxy(CONFIG, s1=s1.port, s2=s2.port, s3=s3.port) as p:
    eq(ask(p, 'rr', 6), ['s1', 's2', 's3'] * 2, 'roundrobin in turn')
    eq(shares(ask(p, 'weights', 60)), {'s1': 10, 's2': 20, 's3': 30}, 'roundrobin by weight')
    got = ask(p, 'weights', 6)
    true(all(a != b for a, b in zip(got, got[1:])) or got.count('s3') == 3, f'roundrobin is smooth: {got}')
    eq(shares(ask(p, 'zero', 10)), {'s2': 5, 's3': 5}, 'weight 0 gets nothing')
    eq(shares(ask(p, 'static', 60)), {'s1': 10, 's2': 20, 's3': 30}, 'static-rr by weight')
    eq(ask(p, 'disabled', 4), ['s1', 's3'] * 2, 'disabled server')
    eq(ask(p, 'backup', 3), ['s1'] * 3, 'backup servers wait')
    p.cli('disable server backup/s1')
    eq(ask(p, 'backup', 3), ['s2'] * 3, 'the first backup takes over, alone')
    p.cli('disable server backup/s2')
    eq(ask(p, 'backup', 2), ['s3'] * 2, 'then the second')
    p.cli('disable server backup/s3')
    r = p.connect('backup').get(b'/')
    eq(r.status, 503, 'none left')
    eq(ask(p, 'allbackups', 4), ['s2', 's3'] * 2, 'option allbackups')

    # first: the next server only when the one before is full.
    eq(ask(p, 'first', 3), ['s1'] * 3, 'first')
    held = p.connect('first').send(b'GET /hold HTTP/1.1\r\nHost: h\r\n\r\n')
    s1.got(b'/hold')
    eq(ask(p, 'first', 2), ['s2'] * 2, 'first: the next one while the first is full')
    go.set()
    eq(held.response().body, b's1', 'first: the one that was held')

    # leastconn: whoever has fewest; equals in turn.
    go.clear()
    held = [p.connect('least').send(b'GET /hold HTTP/1.1\r\nHost: h\r\n\r\n') for _ in range(2)]
    s1.got(b'/hold', 2)
    s2.got(b'/hold')
    eq(set(ask(p, 'least', 3)), {'s3'}, 'leastconn: the idle server')
    go.set()
    true({c.response().body for c in held} == {b's1', b's2'}, 'leastconn: equals in turn')
done()
