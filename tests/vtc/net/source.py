#!/usr/bin/env python3
"""Where connections to servers come from: source, ports, usesrc, interface; SOCKS4 proxies on the way."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *
import struct


def free_range(count):
    """The first of some ports in a row that nobody uses now."""
    for low in range(21000, 32000, 100):
        try:
            for port in range(low, low + count):
                with socket.socket() as s:
                    s.bind(('127.0.0.9', port))
            return low
        except OSError:
            continue
    return skip('no free ports')


def peer(p, s, name, headers=b'', source=None):
    """Sends a request; the address that the server saw it come from, and the client's own."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)      # usesrc client binds to the same port
    sock.bind(source or ('127.0.0.1', 0))
    sock.connect(('127.0.0.1', p.ports[name]))
    c = Conn(sock)
    r = c.get(b'/', headers + b'Connection: close\r\n')
    own = sock.getsockname()
    c.close()
    if not eq(r.status, 200, name):
        return ('', 0), own
    return s.peers[int(r.get('x-conn')) - 1], own


low = free_range(4)
with Origin() as s, Proxy(DEFAULTS + '''
listen of_backend
    bind <<of_backend>>
    source 127.0.0.5
    server s 127.0.0.1:<<s>>
listen of_server
    bind <<of_server>>
    source 127.0.0.5
    server s 127.0.0.1:<<s>> source 127.0.0.6
listen of_default
    bind <<of_default>>
    default-server source 127.0.0.7
    server s 127.0.0.1:<<s>>
listen ports
    bind <<ports>>
    server s 127.0.0.1:<<s>> source 127.0.0.9:<<low>>-<<high>>
listen device
    bind <<device>>
    server s 127.0.0.1:<<s>> source 127.0.0.8 interface lo
listen checked
    bind <<checked>>
    source 127.0.0.10
    option httpchk
    server s 127.0.0.1:<<c>> check inter 100
''', s=s.port, c=s.port, low=low, high=low + 3) as p:
    eq(peer(p, s, 'of_backend')[0][0], '127.0.0.5', 'source of the backend')
    eq(peer(p, s, 'of_server')[0][0], '127.0.0.6', 'source of the server')
    eq(peer(p, s, 'of_default')[0][0], '127.0.0.7', 'source of default-server')
    if os.getuid() == 0:
        eq(peer(p, s, 'device')[0][0], '127.0.0.8', 'source with an interface')
    seen = [peer(p, s, 'ports')[0] for _ in range(4)]
    eq([a for a, _ in seen], ['127.0.0.9'] * 4, 'source of a range')
    true(all(low <= port <= low + 3 for _, port in seen), f'ports of the range: {seen}, from {low}')
    wait_for(lambda: any(a == '127.0.0.10' for a, _ in s.peers), f'a check from the source of the backend {s.peers}')

# A range is used up when as many connections are open; a port that is free again is used again.
with Origin() as s, Proxy(DEFAULTS + '''
    retries 0
listen ports
    bind <<ports>>
    http-reuse never
    server s 127.0.0.1:<<s>> source 127.0.0.9:<<low>>-<<high>>
''', s=s.port, low=low, high=low + 3) as p:
    cs = [p.connect('ports') for _ in range(5)]
    got = [c.get().status for c in cs]
    eq(got, [200, 200, 200, 200, 503], 'five connections over four ports')

# A listener for an address of somebody else.
if os.getuid() == 0:
    FOREIGN = 'listen l\n mode tcp\n timeout client 1s\n timeout server 1s\n timeout connect 1s\n bind 10.255.3.4:2345'
    for word, wanted in (('', 1), (' transparent', 0)):
        with open('foreign.cfg', 'w', encoding='ascii') as f:
            f.write(FOREIGN + word + '\n')
        process = subprocess.Popen([PROGRAM, '-db', '-f', 'foreign.cfg'], stderr=subprocess.DEVNULL)
        try:
            got = process.wait(2)
        except subprocess.TimeoutExpired:
            got = 0
        process.kill()
        process.wait()
        eq(got, wanted, f'bind to a foreign address{word}')

if os.getuid() == 0:
    with Origin() as s, Proxy(DEFAULTS + '''
listen client
    bind <<client>>
    source 0.0.0.0 usesrc client
    server s 127.0.0.1:<<s>>
listen clientip
    bind <<clientip>>
    source 0.0.0.0 usesrc clientip
    server s 127.0.0.1:<<s>>
listen addr
    bind <<addr>>
    server s 127.0.0.1:<<s>> source 0.0.0.0 usesrc 127.0.0.77
listen hdr
    bind <<hdr>>
    server s 127.0.0.1:<<s>> source 0.0.0.0 usesrc hdr_ip(x-from)
listen first
    bind <<first>>
    server s 127.0.0.1:<<s>> source 0.0.0.0 usesrc hdr_ip(x-from,1)
''', s=s.port) as p:
        got, own = peer(p, s, 'client', source=('127.0.0.20', 0))
        eq(got, own, 'usesrc client')
        got, own = peer(p, s, 'clientip', source=('127.0.0.21', 0))
        eq(got[0], '127.0.0.21', 'usesrc clientip')
        eq(peer(p, s, 'addr')[0][0], '127.0.0.77', 'usesrc of an address')
        eq(peer(p, s, 'hdr', b'X-From: 127.0.0.31, 127.0.0.32\r\n')[0][0], '127.0.0.32', 'usesrc of the last address in a header')
        eq(peer(p, s, 'first', b'X-From: 127.0.0.31, 127.0.0.32\r\n')[0][0], '127.0.0.31', 'usesrc of the first')
        if not REFERENCE:       # 2.6 answers 500; the manual: "no binding is performed"
            eq(peer(p, s, 'hdr')[0][0], '127.0.0.1', 'usesrc without the header')


asked = []


def socks(c, origin):
    """A SOCKS4 proxy that is the server as well; port 9 is forbidden."""
    head = c.take(8)
    user = b''
    while not user.endswith(b'\0'):
        user += c.take(1)
    asked.append((head, user))
    if head[2:4] == struct.pack('!H', 9):
        c.send(b'\0\x5b' + head[2:8])
        return
    c.send(b'\0\x5a' + head[2:8])
    c.request()
    c.send(response(b'through'))


with Origin(raw=socks) as s, Proxy(DEFAULTS + '''
    retries 0
listen ok
    bind <<ok>>
    server s 10.9.8.7:81 socks4 127.0.0.1:<<s>>
listen denied
    bind <<denied>>
    server s 10.9.8.7:9 socks4 127.0.0.1:<<s>>
listen checked
    bind <<checked>>
    server s 10.9.8.6:82 socks4 127.0.0.1:<<s>> check check-via-socks4 inter 100
''', s=s.port) as p:
    eq(p.connect('ok').get().body, b'through', 'a request through a SOCKS4 proxy')
    has(repr(asked), r'x04.x01.x00Q.n.t.x08.x07.*HAProxy', 'what the proxy is asked for')
    eq(p.connect('denied').get().status, 503, 'a proxy that denies')
    wait_for(lambda: any(h == b'\4\1\0R\n\t\x08\6' for h, _ in asked), 'a check through the proxy')
done()
