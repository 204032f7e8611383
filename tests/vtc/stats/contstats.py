#!/usr/bin/env python3
"""option contstats: counters follow a transfer that lasts; at its end every byte was counted once."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *
SIZE = 50000


def slow(request, origin):
    head = b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' % SIZE
    return [head + b'x' * (SIZE // 2), 7, b'x' * (SIZE // 2)]


with Origin(slow) as s, Proxy(DEFAULTS + '''
    option contstats
listen fe
    bind <<fe>>
    server s 127.0.0.1:<<s>>
''', s=s.port) as p:
    c = p.connect()
    c.send(b'GET / HTTP/1.1\r\nHost: h\r\n\r\n')
    time.sleep(6)
    seen = [int(p.stat('fe', sv)['bout']) for sv in ('FRONTEND', 'BACKEND', 's')]
    true(all(SIZE // 2 <= n < SIZE for n in seen), f'bytes out in the middle: {seen}')
    eq(len(c.response().body), SIZE, 'body')
    wait_for(lambda: int(p.stat('fe', 's')['bout']) >= SIZE, 'bytes out at the end')
    for sv in ('FRONTEND', 'BACKEND', 's'):
        n = int(p.stat('fe', sv)['bout'])
        true(SIZE <= n < SIZE + 200, f'bytes out of {sv} at the end: {n}')
done()
