#!/usr/bin/env python3
"""PROXY v2 headers say what is known of the client's TLS: send-proxy-v2-ssl, -ssl-cn, proxy-v2-options; and what check connections send."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

import ssl
import struct

folder = tempfile.mkdtemp(prefix='pp-')
subprocess.run(['sh', os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib', 'certs.sh'), folder, 'www', 'client', 'expired'], check=True)
SSL, VERSION, CN, CIPHER, SIG, KEY = 0x20, 0x21, 0x22, 0x23, 0x24, 0x25
ALPN, AUTHORITY, CRC, UNIQUE = 1, 2, 3, 5


def path(name):
    return os.path.join(folder, name)


def tlvs(data):
    found = {}
    while data:
        kind, size = struct.unpack('>BH', data[:3])
        found[kind] = data[3:3 + size]
        data = data[3 + size:]
    return found


class Header:
    """One that a server received; .tls: what is inside the TLS part, .client and .verify its bits and result."""

    def __init__(self, conn):
        head = conn.take(16)
        eq(head[:12], b'\r\n\r\n\0\r\nQUIT\n', 'signature')
        self.kind, self.family = head[12], head[13]
        data = conn.take(struct.unpack('>H', head[14:])[0])
        self.tlvs = tlvs(data[{0x11: 12, 0x21: 36, 0: 0}[self.family]:])
        self.tls, self.client, self.verify = None, None, None
        if SSL in self.tlvs:
            self.client, self.verify = struct.unpack('>BI', self.tlvs[SSL][:5])
            self.tls = tlvs(self.tlvs[SSL][5:])


headers = []


def origin(conn, self):
    headers.append(Header(conn))
    while True:
        conn.head()
        conn.send(response(b'ok'))


CONFIG = DEFAULTS + '''
frontend tls
    bind <<tls>> ssl crt <<dir>>/www.pem ca-file <<dir>>/ca.crt verify optional crt-ignore-err all ssl-max-ver TLSv1.2 ciphers ECDHE-ECDSA-AES128-GCM-SHA256 alpn http/1.1
    unique-id-format id-7
    use_backend %[path,field(2,/)]
frontend clear
    bind <<clear>>
    use_backend %[path,field(2,/)]
backend plain
    http-reuse never
    server s 127.0.0.1:<<s>> send-proxy-v2
backend ssl
    http-reuse never
    server s 127.0.0.1:<<s>> send-proxy-v2-ssl
backend cn
    http-reuse never
    server s 127.0.0.1:<<s>> send-proxy-v2-ssl-cn
backend options
    http-reuse never
    server s 127.0.0.1:<<s>> send-proxy-v2 proxy-v2-options ssl,cert-cn,ssl-cipher,cert-sig,cert-key,authority,crc32c,unique-id
'''


def ask(port, target, pem=None):
    del headers[:]
    if port == 'clear':
        c = p.connect('clear')
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(['http/1.1'])
        if pem:
            context.load_cert_chain(path(pem))
        c = Conn(context.wrap_socket(socket.create_connection(('127.0.0.1', p.ports['tls']), LIMIT), server_hostname='www.example'))
    eq(c.get(target).status, 200, f'{port} {target!r}')
    c.close()
    return headers[0]


FILES = {n: open(path(n), encoding='ascii').read() for n in ('www.pem', 'ca.crt')}
with Origin(raw=origin) as s, Proxy(CONFIG, files=FILES, s=s.port) as p:
    h = ask('tls', b'/plain')
    eq((h.kind, h.family, h.tls), (0x21, 0x11, None), 'without facts')
    h = ask('tls', b'/ssl')
    eq((h.client, h.verify, h.tls), (1, 0, {VERSION: b'TLSv1.2'}), 'TLS without a certificate')
    h = ask('tls', b'/ssl', 'client.pem')
    eq((h.client, h.verify, h.tls), (7, 0, {VERSION: b'TLSv1.2'}), 'TLS with a certificate')
    h = ask('tls', b'/cn', 'client.pem')
    eq((h.client, h.verify, h.tls), (7, 0, {VERSION: b'TLSv1.2', CN: b'client'}), 'its name')
    h = ask('tls', b'/cn')
    eq((h.client, h.verify, h.tls), (1, 0, {VERSION: b'TLSv1.2'}), 'no name without a certificate')
    h = ask('tls', b'/cn', 'expired.pem')
    eq((h.client, h.verify, h.tls.get(CN)), (7, 10, b'expired'), 'a certificate that was let through')
    h = ask('tls', b'/options', 'client.pem')
    eq({k: v for k, v in h.tls.items() if k <= KEY}, {VERSION: b'TLSv1.2', CN: b'client', KEY: b'EC256', CIPHER: b'ECDHE-ECDSA-AES128-GCM-SHA256',
                                                      SIG: b'ecdsa-with-SHA256'},
       'all facts')
    eq(h.tlvs.get(AUTHORITY), b'www.example', 'the name that was asked for')
    eq(h.tlvs.get(UNIQUE), b'id-7', 'unique id')
    eq(len(h.tlvs.get(CRC, b'')), 4, 'checksum')
    h = ask('clear', b'/ssl')
    eq((h.client, h.verify, h.tls), (0, 0, {}), 'a clear connection')
    h = ask('clear', b'/options')
    eq((h.tlvs.get(AUTHORITY), h.tlvs.get(UNIQUE) or None), (None, None), 'nothing to say')     # the reference sends an empty id
done()
