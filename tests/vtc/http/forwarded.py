#!/usr/bin/env python3
# reference: no (since 2.8)
"""option forwarded: elements of RFC 7239 in requests."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

with Origin() as s, Proxy(DEFAULTS + '''
    option forwarded
listen plain
    bind <<plain>>
    server s 127.0.0.1:<<s>>
listen off
    bind <<off>>
    no option forwarded
    server s 127.0.0.1:<<s>>
listen all
    bind <<all>>
    option forwarded proto host by by_port for for_port
    server s 127.0.0.1:<<s>>
listen names
    bind <<names>>
    option forwarded host-expr req.hdr(x-name) by-expr str(_me) by_port-expr int(8080) for-expr req.hdr(x-for) for_port-expr str(_p)
    server s 127.0.0.1:<<s>>
listen six
    bind <<six>>
    http-request set-src str(2001:db8::1)
    option forwarded for for_port
    server s 127.0.0.1:<<s>>
listen set
    bind <<set>>
    http-request set-src req.hdr(x-src)
    option forwarded for
    server s 127.0.0.1:<<s>>
''', s=s.port) as p:
    NAME = b'X-Name: h"x\r\n'

    def seen(name, headers=b'', host=b'a.example:81'):
        c = p.connect(name)
        own = '%s:%d' % c.sock.getsockname()
        there = '%s:%d' % c.sock.getpeername()
        eq(c.get(b'/', headers, host=host).status, 200, name)
        return s.requests[-1].all('forwarded'), own.encode(), there.encode()
    eq(seen('plain')[0], [b'proto=http;for=127.0.0.1'], 'without arguments')
    eq(seen('plain', b'Forwarded: for=1.2.3.4\r\n')[0], [b'for=1.2.3.4,proto=http;for=127.0.0.1'], 'appended')
    eq(seen('off')[0], [], 'no option')
    got, own, there = seen('all')
    eq(got, [b'proto=http;host="a.example:81";by="' + there + b'";for="' + own + b'"'], 'all arguments')
    eq(seen('names', NAME + b'X-For: 10.0.0.1\r\n')[0], [b'host="h\\"x";by="_me:8080";for="10.0.0.1:_p"'], 'expressions')
    eq(seen('names', NAME + b'X-For: bad name\r\n')[0], [b'host="h\\"x";by="_me:8080";for=unknown'], 'neither address nor name')
    eq(seen('names', NAME)[0], [b'host="h\\"x";by="_me:8080";for=unknown'], 'an expression without a result')
    has(seen('six')[0][0], rb'^for="\[2001:db8::1\](:\d+)?"$', 'IPv6')
    eq(seen('set', b'X-Src: 10.1.1.1\r\n')[0], [b'for=10.1.1.1'], 'an address that rules set')
for words, message in (('foo', "only supports 'proto'"), ('by-expr', 'expects an expression'), ('proto-expr src', "only supports 'proto'")):
    r = subprocess.run([PROGRAM, '-c', '-f', '/dev/stdin'], input=f'backend b\n mode http\n option forwarded {words}\n'.encode(),
                       capture_output=True)
    has(r.stderr.decode(), message, words)
done()
