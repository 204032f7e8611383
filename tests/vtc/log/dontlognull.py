#!/usr/bin/env python3
"""option dontlognull: connections without data leave no line, requests that cannot be parsed do."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

with Syslog() as log, Proxy(f'''
global
    log 127.0.0.1:{log.port} local0
''' + DEFAULTS + '''
    log global
    option httplog
    option dontlognull
frontend fe
    bind <<fe>>
    http-request return status 200
''') as p:
    for data, wanted in ((b'', None), (b'BAD\r\n\r\n', r'400 0 - - PR-- .* "<BADREQ>"'), (b'GET / HT', r'400 0 - - CR-- .* "<BADREQ>"'),
                         (b'', None), (b'GET /ok HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n', r' 200 .* "GET /ok HTTP/1.1"')):
        c = p.connect()
        c.send(data)
        if not data.endswith(b'\r\n\r\n'):      # what is complete is answered, and closed by the answer
            c.finish()
        c.rest()
        if wanted:
            has(log.line(r' fe fe/'), wanted, repr(data))
done()
