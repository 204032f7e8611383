#!/usr/bin/env python3
"""retries, redispatch, retry-on: how many attempts, where they go, what the client and the log see."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CONFIG = 'global\n    nbthread 1\n' + '''
defaults
    mode http
    timeout client 10s
    timeout server 1s
    timeout connect 500ms
    balance roundrobin
    log 127.0.0.1:<<log>> local0
    option httplog
listen dead
    bind <<dead>>
    retries 2
    server s1 127.0.0.1:<<closed>>
listen redispatch
    bind <<redispatch>>
    retries 3
    option redispatch 1
    server s1 127.0.0.1:<<closed>>
    server s2 127.0.0.1:<<ok>>
listen empty
    bind <<empty>>
    retries 3
    option redispatch 1
    retry-on empty-response conn-failure
    server s1 127.0.0.1:<<hangup>>
    server s2 127.0.0.1:<<ok>>
listen status
    bind <<status>>
    retries 3
    option redispatch 1
    retry-on 503
    server s1 127.0.0.1:<<busy>>
    server s2 127.0.0.1:<<ok>>
listen slow
    bind <<slow>>
    timeout server 300ms
    retries 1
    option redispatch 1
    retry-on response-timeout
    server s1 127.0.0.1:<<mute>>
    server s2 127.0.0.1:<<ok>>
listen norety
    bind <<noretry>>
    retries 3
    retry-on empty-response
    http-request disable-l7-retry if METH_POST
    server s1 127.0.0.1:<<hangup>>
listen none
    bind <<none>>
'''


def hangup(conn, origin):
    conn.head()
    origin.requests.append(1)


def mute(conn, origin):
    conn.head()
    time.sleep(2)


taken = socket.create_server(('127.0.0.1', 0))
closed = taken.getsockname()[1]
taken.close()
with Syslog() as log, Origin(name=b'ok') as ok, Origin(raw=hangup) as h, Origin(raw=mute) as m, \
        Origin(lambda r, o: response(b'busy', b'503 Busy')) as busy, \
        Proxy(CONFIG, log=log.port, closed=closed, ok=ok.port, hangup=h.port, mute=m.port, busy=busy.port) as p:
    began = time.monotonic()
    r = p.connect('dead').get(b'/')
    took = time.monotonic() - began
    eq(r.status, 503, 'server that refuses connections')
    true(took < 4, f'attempts of a second at most each: {took:.1f} s')
    has(log.line(), r'dead dead/s1 \d+/\d+/-1/-1/\d+ 503 \d+ - - SC-- \d+/\d+/\d+/\d+/2 0/0 ', 'two retries in the log')

    for n in range(3):
        r = p.connect('redispatch').get(b'/')
        eq((r.status, r.body), (200, b'hello'), 'redispatched')
    lines = [log.line() for _ in range(3)]
    true(any(re.search(r'redispatch redispatch/s2 .* 200 .* /?\d+/\d+/\d+/\d+/\+1 ', line) for line in lines), f'+1 in the log: {lines}')

    for name in ('empty', 'status', 'slow'):
        for n in range(2):
            r = p.connect(name).get(b'/')
            eq((r.status, r.body), (200, b'hello'), f'{name}: tried again')
            log.line()
    h.requests.clear()
    eq(p.connect('noretry').get(b'/').status, 502, 'all attempts failed')
    eq(len(h.requests), 4, 'one attempt and three retries')
    log.line()
    h.requests.clear()
    eq(p.connect('noretry').get(b'/', method=b'POST', body=b'x').status, 502, 'POST without retry')
    eq(len(h.requests), 1, 'one attempt')
    log.line()
    eq(p.connect('none').get(b'/').status, 503, 'no server at all')
    has(log.line(), r'none none/<NOSRV> \d+/-1/-1/-1/\d+ 503 \d+ - - SC-- ', 'log without a server')
done()
