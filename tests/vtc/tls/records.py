#!/usr/bin/env python3
"""Sizes of records on the wire, memory of idle connections, renegotiation, and what a session may be resumed for."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

import ssl

SIZE = 300_000          # bytes of a big response
FRAMING = 24            # nonce and tag of AES-GCM in TLS 1.2
folder = tempfile.mkdtemp(prefix='records-')
subprocess.run(['sh', os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib', 'certs.sh'), folder, 'www', 'shop', 'server', 'client', 'stranger'],
               check=True)


def path(name):
    return os.path.join(folder, name)


with open(path('list'), 'w', encoding='ascii') as f:
    f.write(f'{path("www.pem")} www.example\n{path("shop.pem")} shop.example\n'
            f'{path("server.pem")} [verify required ca-file {path("ca.crt")}] ours.example\n'
            f'{path("server.pem")} [verify required ca-file {path("other.crt")}] theirs.example\n')

CONFIG = '''
global
    nbthread 1
    %s
''' + DEFAULTS + '''
frontend fe
    bind <<fe>> ssl crt-list <<dir>>/list ssl-max-ver TLSv1.2 ciphers ECDHE-ECDSA-AES128-GCM-SHA256
    timeout http-keep-alive 20s
    http-request return status 200 if { path /small }
    default_backend be
frontend fe13
    bind <<fe13>> ssl crt-list <<dir>>/list ssl-min-ver TLSv1.3
    http-request return status 200 content-type text/plain lf-string "%%[ssl_c_s_dn(cn)]"
backend be
    server s1 127.0.0.1:<<s1>>
'''


def context(pem=None, version=None):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    if pem:
        c.load_cert_chain(path(pem))
    if version:
        c.maximum_version = version
    return c


class Wire:
    """A TLS client that sees the records that come."""

    def __init__(self, port):
        self.sock = socket.create_connection(('127.0.0.1', port), LIMIT)
        self.into, self.out, self.raw, self.sizes = ssl.MemoryBIO(), ssl.MemoryBIO(), b'', []
        self.tls = context().wrap_bio(self.into, self.out, server_hostname='www.example')
        self.step(self.tls.do_handshake)

    def step(self, call, *arguments):
        while True:
            try:
                return call(*arguments)
            except ssl.SSLWantReadError:
                self.flush()
                data = self.sock.recv(1 << 16)
                if not data:
                    raise Closed(b'') from None
                self.note(data)
                self.into.write(data)
            finally:
                self.flush()

    def flush(self):
        data = self.out.read()
        if data:
            self.sock.sendall(data)

    def note(self, data):
        self.raw += data
        while len(self.raw) >= 5 and len(self.raw) >= 5 + int.from_bytes(self.raw[3:5], 'big'):
            size = int.from_bytes(self.raw[3:5], 'big')
            if self.raw[0] == 23:
                self.sizes.append(size - FRAMING)
            self.raw = self.raw[5 + size:]

    def get(self, target):
        """Returns the sizes of the records of the response, and its body."""
        self.sizes = []
        self.step(self.tls.write, b'GET ' + target + b' HTTP/1.1\r\nHost: www.example\r\n\r\n')
        got = b''
        while b'\r\n\r\n' not in got:
            got += self.step(self.tls.read, 1 << 16)
        head, _, body = got.partition(b'\r\n\r\n')
        size = int(re.search(rb'(?i)content-length: (\d+)', head).group(1))
        while len(body) < size:
            body += self.step(self.tls.read, 1 << 16)
        return self.sizes, body


def files():
    names = ['list']
    return {n: open(path(n), encoding='ascii').read() for n in names}


def proxy(tune, s1):
    return Proxy(CONFIG % tune, s1=s1.port, files=files())


BODY = bytes(range(256)) * (SIZE // 256)
with Origin(lambda request, origin: response(BODY)) as s1:
    # Small records first, so that a client can begin early; then large ones, which cost less.
    with proxy('tune.ssl.maxrecord 1400', s1) as p:
        sizes, body = Wire(p.ports['fe']).get(b'/')
        true(body == BODY, 'the body is whole')
        true(max(sizes[:3]) <= 1400, f'the first records are small: {sizes[:8]}')
        true(max(sizes) >= 16000, f'later ones are large: {max(sizes)}')
    with proxy('tune.ssl.hard-maxrecord 2000', s1) as p:
        sizes, body = Wire(p.ports['fe']).get(b'/')
        true(body == BODY, 'the body is whole')
        true(max(sizes) <= 2000, f'none is larger than the limit: {max(sizes)}')
    with proxy('', s1) as p:
        w = Wire(p.ports['fe'])
        sizes, body = w.get(b'/')
        true(body == BODY, 'the body is whole')
        true(max(sizes) >= 16000, f'large records: {max(sizes)}')
        if not REFERENCE:
            small = [s for s in sizes if s < 16384]
            true(max(sizes[:3]) <= 4229 and sum(sizes[:4]) >= 14000, f'small ones at first: {sizes[:6]}')
            eq(sizes.index(16384), 4, 'one window of them')
            true(len(small) <= 10, f'and hardly any later: {len(small)} of {len(sizes)}')
            sizes, _ = w.get(b'/')
            true(max(sizes[:2]) == 16384, f'what follows at once is large: {sizes[:6]}')
            time.sleep(1.3)
            sizes, _ = w.get(b'/')
            true(max(sizes[:3]) <= 4229, f'small again after a pause: {sizes[:6]}')

        # Idle connections hold no buffers: less than what the best of the others holds.
        with open(f'/proc/{p.process.pid}/maps', encoding='ascii') as f:
            text = f.read()
            sanitized = 'libasan' in text or 'libtsan' in text

        def resident():
            with open(f'/proc/{p.process.pid}/status', encoding='ascii') as f:
                return int(re.search(r'VmRSS:\s+(\d+)', f.read()).group(1))
        idle = [Wire(p.ports['fe']) for _ in range(100)]
        for w in idle:
            w.get(b'/small')
        before = resident()
        more = [Wire(p.ports['fe']) for _ in range(200)]
        for w in more:
            w.get(b'/')
        time.sleep(0.2)
        each = (resident() - before) / 200
        if not sanitized and not REFERENCE:
            true(each < 15, f'an idle connection holds {each:.1f} KB')
        for w in idle + more:
            w.sock.close()

        # A client may not ask for another handshake.
        c = subprocess.Popen(['openssl', 's_client', '-tls1_2', '-connect', f'127.0.0.1:{p.ports["fe"]}', '-servername', 'www.example'], cwd=folder,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        c.stdin.write(b'R\n')
        c.stdin.flush()
        out = c.communicate(timeout=LIMIT)[0]
        has(out, b'RENEGOTIATING', 'the client asks')
        has(out, b'no renegotiation|unexpected message|closed', 'and is refused')
        eq(out.count(b'CONNECTED'), 1, 'in the only connection')

        # A session is good for the name, and so for the certificate and the authorities, that it was made with.
        for port, version in (('fe', ssl.TLSVersion.TLSv1_2), ('fe13', None)):
            mutual = context('client.pem', version)

            def shake(name, session=None):
                s = mutual.wrap_socket(socket.create_connection(('127.0.0.1', p.ports[port]), LIMIT), server_hostname=name, session=session)
                s.sendall(b'GET /small HTTP/1.1\r\nHost: x\r\n\r\n')
                data = s.recv(4096)
                result = (s.session_reused, s.session, data)
                s.close()
                return result
            _, session, _ = shake('ours.example')
            true(shake('ours.example', session)[0], f'{port}: resumed for the same name')
            if not REFERENCE:
                true(not shake('www.example', session)[0], f'{port}: not for another certificate')
                try:
                    reused, _, data = shake('theirs.example', session)
                except OSError:
                    reused, data = False, b''
                true(not reused and not data.startswith(b'HTTP/1.1 200'), f'{port}: not where other authorities count: {data[:30]}')
                _, plain, _ = shake('www.example')
                true(not shake('shop.example', plain)[0], f'{port}: not for another name')
                try:
                    eq(shake('ours.example', plain)[0], False, f'{port}: a session without a certificate')
                except OSError:
                    pass
done()
