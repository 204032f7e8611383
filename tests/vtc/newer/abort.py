#!/usr/bin/env python3
"""option abortonclose is the default of 3.3: a client that leaves ends the attempts."""
# reference: no (default of 3.3)
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

full = socket.socket()
full.bind(('127.0.0.1', 0))
full.listen(0)
fillers = []
for _ in range(4):
    s = socket.socket()
    s.setblocking(False)
    s.connect_ex(full.getsockname())
    fillers.append(s)
CONFIG = '''
defaults
    mode http
    timeout client 10s
    timeout server 10s
    timeout connect 3s
    retries 3
listen fe
    bind <<fe>>
    log 127.0.0.1:<<log>> local0
    option httplog
    server s1 127.0.0.1:<<full>>
listen keeps
    bind <<keeps>>
    no option abortonclose
    timeout connect 500ms
    retries 0
    log 127.0.0.1:<<log>> local0
    option httplog
    server s1 127.0.0.1:<<full>>
'''
with Syslog() as log, Proxy(CONFIG, log=log.port, full=full.getsockname()[1]) as p:
    began = time.monotonic()
    c = p.connect().send(b'GET / HTTP/1.1\r\nHost: h\r\n\r\n')
    time.sleep(0.3)
    c.close()
    has(log.line(), r' fe fe/s1 \d+/\d+/-1/-1/\d+ -1 0 - - CC-- ', 'log of an aborted attempt')
    true(time.monotonic() - began < 2, 'at once')
    c = p.connect('keeps').send(b'GET / HTTP/1.1\r\nHost: h\r\n\r\n')
    time.sleep(0.1)
    c.close()
    has(log.line(), r' keeps keeps/s1 .* 503 \d+ - - sC-- | 503 .* SC-- ', 'without the option the attempt goes on')
done()
