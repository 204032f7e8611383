#!/usr/bin/env python3
"""Soft stops: grace keeps accepting, close-spread-time lets idle connections go one after the other."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CONFIG = DEFAULTS + '''
listen fe
    bind <<fe>>
    http-request return status 200 hdr x-stopping %[stopping]
'''


def run(words, count):
    """Starts with idle connections, stops; how many of them are closed when, and what became of the process."""
    p = Proxy('global\n    ' + words + '\n' + CONFIG)
    with p:
        cs = [p.connect() for _ in range(count)]
        for c in cs:
            eq(c.get().get('x-stopping'), b'0', 'before the stop')
        p.process.send_signal(signal.SIGUSR1)
        begin = time.monotonic()
        yield p, cs
        closed = []
        for c in cs:
            true(c.closed(8), 'an idle connection was closed')
            closed.append(time.monotonic() - begin)
        yield closed


# Idle connections go at once.
steps = run('hard-stop-after 20s', 10)
next(steps)
true(max(next(steps)) < 1, 'all connections were closed at once')

# Over two seconds: some early, some late.
steps = run('close-spread-time 2s', 40)
p, cs = next(steps)
time.sleep(0.9)
early = sum(c.closed(0.001) for c in cs)
true(4 <= early <= 36, f'{early} of 40 connections were closed after half of the time')
true(max(next(steps)) < 4, 'all connections were closed in the end')

# Never by us.
with Proxy('global\n    close-spread-time infinite\n' + CONFIG.replace('timeout client 10s', 'timeout client 1500ms')) as p:
    c = p.connect()
    c.get()
    p.process.send_signal(signal.SIGUSR1)
    true(c.silent(0.5), 'an idle connection stays')
    eq(c.get().get('connection'), None, 'a response does not announce a close')
    true(c.closed(4), 'its timeout ends it')

# grace: still there, and rules know.
with Proxy('global\n    grace 1s\n' + CONFIG) as p:
    eq(p.connect().get(b'/', b'Connection: close\r\n').get('x-stopping'), b'0', 'stopping, before')
    p.process.send_signal(signal.SIGUSR1)
    wait_for(lambda: re.search('Stopping: 1', p.cli('show info')), 'show info says that it is stopping')
    eq(p.connect().get(b'/', b'Connection: close\r\n').get('x-stopping'), b'1', 'stopping, while grace lasts')
    begin = time.monotonic()
    eq(p.process.wait(5), 0, 'exit status')
    true(time.monotonic() - begin < 3, 'it ends after the grace period')
    has(p.output(), r'Scheduling a soft-stop in 1000 ms(?s:.*)Grace period expired', 'messages')
    has(p.output(), r'\[WARNING\] .* Proxy fe stopped \(cumulated conns: FE: 2, BE: \d\)\.', 'message at the end')
done()
