#!/usr/bin/env python3
"""A flood of full handshakes does not hold up other connections: their share of a turn of the loop is bounded."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

import select
import ssl

CLIENTS = 120
CONFIG = '''
global
    nbthread 1
    maxconn 1000
''' + DEFAULTS + '''
frontend fe
    bind <<fe>>
    http-request return status 200
frontend patient
    bind <<patient>> ssl crt <<dir>>/both.pem ssl-max-ver TLSv1.2
    no option abortonclose
    http-request return status 200
frontend tls
    bind <<tls>> ssl crt <<dir>>/both.pem ssl-max-ver TLSv1.2
    http-request return status 200
'''
folder = tempfile.mkdtemp(prefix='flood-')
key, crt = os.path.join(folder, 'k'), os.path.join(folder, 'c')
subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:4096', '-nodes', '-days', '10', '-subj', '/CN=localhost', '-keyout', key, '-out', crt],
               check=True, stderr=subprocess.DEVNULL)
with open(crt, encoding='ascii') as c, open(key, encoding='ascii') as k:
    BOTH = c.read() + k.read()


context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE


class Hello:
    """A client whose first message is ready; the rest is not of interest."""

    def __init__(self, port):
        self.sock = socket.create_connection(('127.0.0.1', port), LIMIT)
        into, self.out = ssl.MemoryBIO(), ssl.MemoryBIO()
        try:
            context.wrap_bio(into, self.out).do_handshake()
        except ssl.SSLWantReadError:
            pass

    def send(self):
        self.sock.sendall(self.out.read())


with Proxy(CONFIG, files={'both.pem': BOTH}) as p:
    hellos = [Hello(p.ports['tls']) for _ in range(CLIENTS)]
    c = p.connect()
    c.get(b'/')
    begin = time.monotonic()
    for h in hellos:
        h.send()
    waiting, times = [h.sock for h in hellos], []
    while waiting and time.monotonic() - begin < LIMIT:
        t = time.monotonic()
        eq(c.get(b'/').status, 200, 'a request meanwhile')
        times.append(time.monotonic() - t)
        ready = select.select(waiting, [], [], 0)[0]
        waiting = [s for s in waiting if s not in ready]
    total = time.monotonic() - begin
    true(not waiting, 'all handshakes are answered')
    true(len(times) >= 10 and max(times) < max(total / 4, 0.05), 'requests between handshakes: %d in %.3f s, the slowest took %.3f s' % (len(times), total, max(times)))
    for h in hellos:
        h.sock.close()
    # Those who leave while they wait cost nothing, unless they are to be waited for.
    for port, wanted in (('tls', False), ('patient', True)):
        hellos = [Hello(p.ports[port]) for _ in range(CLIENTS)]
        for h in hellos:
            h.send()
            h.sock.shutdown(socket.SHUT_WR)
        answered = 0
        for h in hellos:
            h.sock.settimeout(LIMIT)
            try:
                answered += h.sock.recv(10) != b''
            except ConnectionResetError:
                pass
            h.sock.close()
        if not REFERENCE:
            true(answered == CLIENTS if wanted else answered < CLIENTS / 2, '%s: %d of %d clients that left are answered' % (port, answered, CLIENTS))
done()
