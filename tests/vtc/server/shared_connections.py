#!/usr/bin/env python3
# reference: no (pool-conn-name since 3.0, strict-maxconn since 3.2)
"""pool-conn-name and strict-maxconn: which requests share connections to servers, and how many there may be."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

with Origin() as s, Origin() as t, Proxy('global\n    nbthread 1\n' + DEFAULTS + '''
    http-reuse always
    retries 5
listen named
    bind <<named>>
    server s 127.0.0.1:<<s>> pool-conn-name req.hdr(x-tenant)
listen strict
    bind <<strict>>
    timeout connect 200ms
    server s 127.0.0.1:<<t>> maxconn 1 strict-maxconn pool-conn-name req.hdr(x-tenant)
''', s=s.port, t=t.port) as p:
    def conn(name, tenant):
        r = p.connect(name).get(b'/', b'X-Tenant: ' + tenant + b'\r\n')
        eq(r.status, 200, name)
        return r.get('x-conn')
    a, b, c = conn('named', b'a'), conn('named', b'b'), conn('named', b'a')
    true(a == c and a != b, f'connections by name: {a} {b} {c}')
    for i in range(3):      # an idle connection of another name makes room
        conn('strict', b'%d' % i)
        true(t.open <= 1, f'{t.open} connections at once')
    eq(t.conns, 3, 'connections')
done()
