#!/usr/bin/env python3
"""What the proxy makes of responses that are wrong: 502 towards the client, and the server connection is not used again."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CONFIG = DEFAULTS + '''
    retries 0
listen fe
    bind <<fe>>
    log 127.0.0.1:<<log>> local0
    option httplog
    server s1 127.0.0.1:<<s1>>
'''
OK = b'HTTP/1.1 200 OK\r\n'
# (what, response, status of the reference, ours)
CASES = [
    ('not HTTP', b'rubbish\r\n\r\n', 502, 502),
    ('other protocol', b'ICY 200 OK\r\n\r\n', 502, 502),
    ('no status', b'HTTP/1.1\r\n\r\n', 502, 502),
    ('status of letters', b'HTTP/1.1 abc OK\r\n\r\n', 502, 502),
    ('bad header name', OK + b'a b: c\r\nContent-Length: 0\r\n\r\n', 502, 502),
    ('empty header name', OK + b': c\r\nContent-Length: 0\r\n\r\n', 502, 502),
    ('two different lengths', OK + b'Content-Length: 1\r\nContent-Length: 2\r\n\r\nab', 502, 502),
    ('negative length', OK + b'Content-Length: -1\r\n\r\n', 502, 502),
    ('head larger than the buffer', OK + b''.join(b'x%d: %s\r\n' % (n, b'y' * 1000) for n in range(20)) + b'\r\n', 502, 502),
    ('too many headers', OK + b''.join(b'x%d: y\r\n' % n for n in range(120)) + b'\r\n', 502, 502),
    ('closes without a word', b'', 502, 502),
    ('closes within the head', b'HTTP/1.1 200 OK\r\nContent-', 502, 502),
    ('NUL in a value', OK + b'a: b\0c\r\nContent-Length: 0\r\n\r\n', 200, 502),
    ('status of four digits', b'HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n', 2000, 502),
    ('length twice, the same', OK + b'Content-Length: 2\r\nContent-Length: 2\r\n\r\nok', 200, 200),
    ('HTTP/1.0', b'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok', 200, 200),
    ('no reason', b'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n', 200, 200),
    ('unusual status', b'HTTP/1.1 299 Odd\r\nContent-Length: 0\r\n\r\n', 299, 299),
    ('bare line feeds', b'HTTP/1.1 200 OK\nContent-Length: 0\n\n', 200, 200),
]
current = [b'']


def server(conn, origin):
    while True:
        conn.head()
        data = current[0]
        conn.send(data)
        if not data.endswith((b'\r\n\r\n', b'ok', b'\n\n')) or data.startswith(b'rubbish'):
            return


with Syslog() as log, Origin(raw=server) as s1, Proxy(CONFIG, s1=s1.port, log=log.port) as p:
    for what, data, reference, ours in CASES:
        current[0] = data
        wanted = reference if REFERENCE else ours
        c = p.connect()
        r = c.get(b'/')
        eq(r.status, wanted, what)
        line = log.line()
        if wanted == 502:
            has(line, r'fe fe/s1 \d+/\d+/\d+/-1/\d+ 502 \d+ - - (PH|SH)-- ', f'{what}: log line')
        c.close()

    # A body that is cut off: the client sees a broken message, not a complete one.
    current[0] = OK + b'Content-Length: 100\r\n\r\nshort'
    c = p.connect()
    c.send(b'GET /cut HTTP/1.1\r\nHost: h\r\n\r\n')
    eq(c.head().status, 200, 'cut body: head')
    eq(c.rest(), b'short', 'cut body: what there was of it, then the end')
    has(log.line(), r' 200 \d+ - - SD-- ', 'cut body: log line')
    current[0] = OK + b'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'
    c = p.connect()
    c.send(b'GET /cut HTTP/1.1\r\nHost: h\r\n\r\n')
    eq(c.head().status, 200, 'cut chunks: head')
    true(b'0\r\n\r\n' not in c.rest(), 'cut chunks are not ended properly')
    has(log.line(), r' 200 \d+ - - SD-- ', 'cut chunks: log line')
done()
