#!/usr/bin/env python3
"""What fetches say about TLS on both sides, against what was on the wire and what the peers' own libraries know: randoms, identifiers,
session keys, secrets of TLS 1.3, everything in the ClientHello, fingerprints, certificate chains."""
# tests: ssl_[fb]c_(session_id|session_key|(client|server)_random|unique_id|cipher|curve)
# tests: ssl_[fb]c_((client|server)_(handshake_traffic_secret|traffic_secret_0)|exporter_secret)
# tests: ssl_fc_((cipherlist|extlist|eclist|ecformats|sigalgs|supported_versions)_bin|cipherlist_(str|xxh)|ja3|ja3_str|ja4|crtname)
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

import hashlib
import ssl

GROUPS = {0x17: 'secp256r1', 0x18: 'secp384r1', 0x1d: 'x25519'}
folder = tempfile.mkdtemp(prefix='wire-')


def path(name):
    return os.path.join(folder, name)


def openssl(*arguments):
    subprocess.run(['openssl', *arguments], check=True, stderr=subprocess.DEVNULL, cwd=folder)


def text_of(name):
    with open(path(name), encoding='ascii') as f:
        return f.read()


KEY = ('-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30')
openssl('req', '-x509', *KEY, '-subj', '/CN=Root', '-keyout', 'ca.key', '-out', 'ca.crt')
for name in ('client', 'front', 'server'):
    openssl('req', *KEY[:5], '-nodes', '-subj', f'/CN={name}.example', '-keyout', name + '.key', '-out', name + '.csr')
    openssl('x509', '-req', '-in', name + '.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '30', '-out', name + '.crt')
    with open(path(name + '.pem'), 'w', encoding='ascii') as f:
        f.write(text_of(name + '.crt') + text_of('ca.crt') + text_of(name + '.key'))
DER = {name: ssl.PEM_cert_to_DER_cert(text_of(name + '.crt')).hex().upper() for name in ('ca', 'client', 'front', 'server')}


class Reader:
    """Reads numbers and vectors of a handshake message."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        self.at += n
        return self.data[self.at - n:self.at]

    def number(self, n):
        return int.from_bytes(self.take(n), 'big')

    def vector(self, n):
        return self.take(self.number(n))

    def extensions(self):
        found, inner = {}, Reader(self.vector(2))
        while inner.at < len(inner.data):
            kind = inner.number(2)
            found[kind] = inner.vector(2)
        return found


def pairs(data):
    return [int.from_bytes(data[i:i + 2], 'big') for i in range(0, len(data), 2)]


def hello(stream, client):
    """The first handshake message of one direction as a dictionary."""
    r = Reader(stream[5:])
    r.take(4)
    said = {'version': r.number(2), 'random': r.take(32), 'session_id': r.vector(1)}
    if client:
        said['ciphers'], said['compression'] = r.vector(2), r.vector(1)
    else:
        said['cipher'], said['compression'] = r.number(2), r.number(1)
    said['extensions'] = r.extensions() if r.at < len(r.data) else {}
    return said


class Tls:
    """One side of a TLS connection that keeps the bytes of both directions."""

    def __init__(self, sock, context, **kind):
        self.sock, self.sent, self.received = sock, b'', b''
        self.input, self.output = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.input, self.output, **kind)
        sock.settimeout(LIMIT)

    def run(self, step):
        while True:
            try:
                result = step()
                self.flush()
                return result
            except ssl.SSLWantReadError:
                self.flush()
                more = self.sock.recv(65536)
                if not more:
                    raise Closed(b'') from None
                self.received += more
                self.input.write(more)

    def flush(self):
        data = self.output.read()
        self.sent += data
        if data:
            self.sock.sendall(data)

    def said(self, client):
        return hello(self.sent if client != self.tls.server_side else self.received, client)


def secrets(log, random):
    """What a key log says about the connection: {label: secret in hexadecimal}."""
    return {words[0]: words[2].upper() for words in (line.split() for line in text_of(log).splitlines())
            if len(words) == 3 and words[1] == random.hex()}


def serve(conn, origin):
    peer = Tls(conn.sock, server, server_side=True)
    peer.run(peer.tls.do_handshake)
    request = b''
    while b'\r\n\r\n' not in request:
        request += peer.run(lambda: peer.tls.read(65536))
    origin.tls = peer
    peer.run(lambda: peer.tls.write(response(b'')))
    conn.rest()


def contexts(version):
    """The libraries of both peers, for one version of the protocol."""
    client = ssl.create_default_context(cafile=path('ca.crt'))
    client.check_hostname = False
    client.load_cert_chain(path('client.pem'))
    back = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    back.load_cert_chain(path('server.pem'))
    back.options |= ssl.OP_NO_TICKET
    client.set_alpn_protocols(['http/1.1', 'x'])
    for context, name in ((client, 'client.log'), (back, 'server.log')):
        context.minimum_version = context.maximum_version = version
        context.keylog_filename = path(name)
    return client, back


CAPTURED = ['cipherlist_bin', 'extlist_bin', 'eclist_bin', 'ecformats_bin'] + ([] if REFERENCE else ['sigalgs_bin', 'supported_versions_bin'])
FACTS = ['ssl_fc_cipherlist_str', 'ssl_fc_cipherlist_hex', 'ssl_fc_cipherlist_xxh', 'ssl_fc_cipherlist_bin,xxh64', 'ssl_fc_protocol_hello_id',
         'ssl_fc_cipher', 'ssl_bc_cipher', 'ssl_fc_session_key,hex', 'ssl_bc_session_key,hex', 'ssl_fc_unique_id,hex', 'ssl_bc_unique_id,hex']
FACTS += [f'ssl_fc_{name},hex' for name in CAPTURED]
FACTS += [f'ssl_{side}c_{name},hex' for side in 'fb' for name in ('session_id', 'client_random', 'server_random')]
FACTS += ['ssl_c_chain_der,hex', 'ssl_s_chain_der,hex']
TRAFFIC = {'client_handshake_traffic_secret': 'CLIENT_HANDSHAKE_TRAFFIC_SECRET', 'server_handshake_traffic_secret': 'SERVER_HANDSHAKE_TRAFFIC_SECRET',
           'client_traffic_secret_0': 'CLIENT_TRAFFIC_SECRET_0', 'server_traffic_secret_0': 'SERVER_TRAFFIC_SECRET_0', 'exporter_secret': 'EXPORTER_SECRET'}
FACTS += [f'ssl_{side}c_{name}' for side in ('f' if REFERENCE else 'fb') for name in TRAFFIC]
if not REFERENCE:
    FACTS += ['ssl_fc_ja3', 'ssl_fc_ja3_str', 'ssl_fc_ja4', 'ssl_fc_curve', 'ssl_bc_curve', 'ssl_fc_crtname']
CONFIG = '''
global
    tune.ssl.keylog on
    tune.ssl.capture-buffer-size 800
''' + DEFAULTS + '''
listen fe
    bind <<fe>> ssl crt <<front>> alpn http/1.1 no-tls-tickets verify required ca-file <<ca>>
    log 127.0.0.1:<<log>> len 60000 local0
    log-format "''' + '|'.join('%[' + name + ']' for name in FACTS) + '''"
    server s1 127.0.0.1:<<s1>> ssl verify none
'''


def upper(data):
    return data.hex().upper() or '-'


def ja4(said):
    """FoxIO's fingerprint, from its description: how many ciphers and extensions, ALPN, and digests of the sorted lists."""
    ciphers, extensions = pairs(said['ciphers']), list(said['extensions'])
    alpn = Reader(said['extensions'][16][2:]).vector(1).decode()
    versions = pairs(said['extensions'][43][1:]) if 43 in said['extensions'] else [said['version']]
    signatures = ','.join('%04x' % n for n in pairs(said['extensions'][13][2:]))

    def digest(text):
        return hashlib.sha256(text.encode()).hexdigest()[:12]
    listed = ','.join('%04x' % n for n in sorted(extensions) if n not in (0, 16))
    return 't%s%s%02d%02d%s_%s_%s' % ({0x304: '13', 0x303: '12'}[max(versions)], 'd' if 0 in extensions else 'i', len(ciphers), len(extensions),
                                      alpn[0] + alpn[-1], digest(','.join('%04x' % n for n in sorted(ciphers))), digest(listed + '_' + signatures))


def check_hello(got, said):
    """What was captured of the client's hello."""
    extensions = said['extensions']
    names = {c['id'] & 0xffff: c['name'] for c in client_context.get_ciphers()}
    names[0xff] = 'TLS_EMPTY_RENEGOTIATION_INFO_SCSV'
    eq(got['ssl_fc_protocol_hello_id'], str(said['version']), 'version in the hello')
    eq(got['ssl_fc_cipherlist_bin,hex'], upper(said['ciphers']), 'ciphers')
    eq(got['ssl_fc_cipherlist_hex'].upper(), upper(said['ciphers']), 'ciphers, hexadecimal')
    eq(got['ssl_fc_cipherlist_xxh'], got['ssl_fc_cipherlist_bin,xxh64'], 'hash of the ciphers')
    for listed, number in zip(got['ssl_fc_cipherlist_str'].split(','), pairs(said['ciphers'])):
        true(listed == names[number] or number == 0xff, f'name of the cipher {number:x}: {listed}')
    eq(got['ssl_fc_cipherlist_str'].count(',') + 1, len(pairs(said['ciphers'])), 'names of ciphers')
    eq(got['ssl_fc_extlist_bin,hex'], ''.join('%04X' % kind for kind in extensions), 'extensions')
    eq(got['ssl_fc_eclist_bin,hex'], upper(extensions[10][2:]), 'groups')
    eq(got['ssl_fc_ecformats_bin,hex'], upper(extensions[11][1:]), 'point formats')
    if REFERENCE:
        return
    eq(got['ssl_fc_sigalgs_bin,hex'], upper(extensions[13][2:]), 'signature algorithms')
    eq(got['ssl_fc_supported_versions_bin,hex'], upper(extensions[43][1:] if 43 in extensions else b''), 'versions')
    ja3 = ','.join('-'.join(map(str, part)) for part in ([said['version']], pairs(said['ciphers']), extensions, pairs(extensions[10][2:]),
                                                         extensions[11][1:]))
    eq(got['ssl_fc_ja3_str'], ja3, 'JA3')
    eq(got['ssl_fc_ja3'], hashlib.md5(ja3.encode()).hexdigest(), 'digest of JA3')
    eq(got['ssl_fc_ja4'], ja4(said), 'JA4')


def check_side(got, side, peer, version, known):
    """One connection, as its peer saw it. `known`: the peer's key log."""
    c, s, name = peer.said(True), peer.said(False), f'ssl_{side}c_'
    eq(got[name + 'client_random,hex'], upper(c['random']), name + 'client_random')
    eq(got[name + 'server_random,hex'], upper(s['random']), name + 'server_random')
    eq(got[name + 'cipher'], peer.tls.cipher()[0], name + 'cipher')
    if version == ssl.TLSVersion.TLSv1_2:
        eq(got[name + 'session_id,hex'], upper(s['session_id']), name + 'session_id')
        eq(len(s['session_id']), 32, 'length of the session identifier')
        eq(got[name + 'session_key,hex'], known.get('CLIENT_RANDOM'), name + 'session_key')
        if side == 'f' or not REFERENCE:        # 2.6.12 tells the other side's
            eq(got[name + 'unique_id,hex'], upper(peer.tls.get_channel_binding('tls-unique')), name + 'unique_id')
        return
    for fetch, label in TRAFFIC.items() if side == 'f' or not REFERENCE else ():
        eq(got[name + fetch].upper(), known.get(label), name + fetch)
    if not REFERENCE:
        eq(got[name + 'curve'], GROUPS[pairs(s['extensions'][51][:2])[0]], name + 'curve')


for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
    client_context, server = contexts(version)
    with Origin(raw=serve) as s1, Syslog() as log, Proxy(CONFIG, log=log.port, s1=s1.port, front=path('front.pem'), ca=path('ca.crt')) as p:
        peer = Tls(socket.create_connection(('127.0.0.1', p.ports['fe']), LIMIT), client_context, server_hostname='front.example')
        peer.run(peer.tls.do_handshake)
        peer.run(lambda: peer.tls.write(b'GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n'))
        true(peer.run(lambda: peer.tls.read(1000)).startswith(b'HTTP/1.1 200'), 'an answer')
        line = log.line()
        text = line.decode('latin-1') if isinstance(line, bytes) else line
        values = re.sub(r'^<\d+>\w+ +\d+ [\d:]+ (\S+ )?\w+\[\d+\]: ', '', text.strip()).split('|')
        eq(len(values), len(FACTS), f'fields of {text[:300]!r}')
        got = dict(zip(FACTS, values))
        check_hello(got, peer.said(True))
        check_side(got, 'f', peer, version, secrets('client.log', peer.said(True)['random']))
        check_side(got, 'b', s1.tls, version, secrets('server.log', s1.tls.said(True)['random']))
        eq(got['ssl_c_chain_der,hex'], DER['ca'], 'chain of the client: without its own certificate')
        eq(got['ssl_s_chain_der,hex'], DER['server'] + DER['ca'], 'chain of the server')
        if not REFERENCE:
            eq(got['ssl_fc_crtname'], path('front.pem'), 'ssl_fc_crtname')
        peer.sock.close()
done()
