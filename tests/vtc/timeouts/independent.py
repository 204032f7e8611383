#!/usr/bin/env python3
"""option independent-streams: what a server is sent does not refresh its timeout."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *


def silent(c, origin):
    """Reads for ever."""
    while True:
        c.fill()
        c.data = b''


with Origin(raw=silent) as s, Proxy(DEFAULTS.replace('mode http', 'mode tcp').replace('timeout server 10s', 'timeout server 600ms') + '''
listen one
    bind <<one>>
    server s 127.0.0.1:<<s>>
listen independent
    bind <<independent>>
    option independent-streams
    server s 127.0.0.1:<<s>>
''', s=s.port) as p:
    for name, closes in (('one', False), ('independent', True)):
        c = p.connect(name)
        begin, gone = time.monotonic(), False
        while time.monotonic() - begin < 2 and not gone:
            c.send(b'x')
            gone = c.closed(0.1)
        eq(gone, closes, f'{name}: closed although bytes were sent')
done()
