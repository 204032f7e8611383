#!/usr/bin/env python3
"""Unix sockets for bind and server, several addresses on a line, port ranges, interfaces of log and stats sockets."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CONFIG = DEFAULTS + '''
listen unix
    bind unix@<<dir>>/fe.sock mode 600
    bind <<dir>>/abs.sock
    server s1 127.0.0.1:<<s1>>
listen tounix
    bind <<tounix>>
    server s1 unix@<<dir>>/back.sock
listen back
    bind unix@<<dir>>/back.sock accept-proxy
    http-request return status 200 content-type text/plain lf-string "%[src]"
listen proxied
    bind <<proxied>>
    server s1 <<dir>>/back.sock send-proxy
listen range
    bind 127.0.0.1:<<low>>-<<high>>,127.0.0.2:<<low>>
    http-request return status 200 content-type text/plain lf-string "%[dst]:%[dst_port]"
listen abstract
    bind abns@steelyard-test-<<low>>
    http-request return status 200 content-type text/plain string abstract
'''


def free_range(count):
    for low in range(21000, 25000, 7):
        try:
            for port in range(low, low + count):
                socket.create_server(('127.0.0.1', port)).close()
            return low
        except OSError:
            continue
    skip('no free ports')


low = free_range(3)
with Origin() as s1, Proxy(CONFIG, s1=s1.port, low=low, high=low + 2) as p:
    for name in ('fe.sock', 'abs.sock'):
        eq(p.unix(name).get(b'/').status, 200, f'bind to {name}')
    eq(oct(os.stat(f'{p.folder}/fe.sock').st_mode & 0o777), '0o600', 'mode')
    eq(p.connect('proxied').get(b'/').body, b'127.0.0.1', 'server on a unix socket, with the PROXY protocol')
    for address, port in (('127.0.0.1', low), ('127.0.0.1', low + 2), ('127.0.0.2', low)):
        c = Conn(socket.create_connection((address, port)))
        eq(c.get(b'/').body, f'{address}:{port}'.encode(), 'address of a list or range')
        c.close()
    s = socket.socket(socket.AF_UNIX)
    s.connect(f'\0steelyard-test-{low}'.ljust(108, '\0'))       # abns@ fills the whole address
    eq(Conn(s).get(b'/').body, b'abstract', 'abstract socket')
done()
