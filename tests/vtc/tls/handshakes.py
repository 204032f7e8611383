#!/usr/bin/env python3
"""Handshakes that fail: log lines, error-log-format, codes of both sides, counters; PROXY v2 with facts of TLS; checks over TLS."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

import ssl
import struct

FACTS = 'err fc=%[fc_err] %[fc_err_str] ssl=%[ssl_fc_err] crt=%[ssl_c_err] ca=%[ssl_c_ca_err] hs=%[ssl_fc_has_crt]'
CONFIG = '''
global
    log 127.0.0.1:<<log>> local0
    maxconn 100
''' + DEFAULTS + '''
    log global
    timeout client 1s
    retries 0
frontend plain
    bind <<plain>> ssl crt <<dir>>/both.pem
    option httpslog
    default_backend be
frontend asks
    bind <<asks>> ssl crt <<dir>>/both.pem ca-file <<dir>>/ca.pem verify required
    error-log-format "''' + FACTS + '''"
    option httpslog
    default_backend be
frontend fe
    bind <<fe>>
    log-format "bc=%[bc_err] %[bc_err_str] ssl=%[ssl_bc_err] %ST %ts"
    default_backend be
    use_backend unknown if { path /unknown }
    use_backend name if { path /name }
frontend pp
    bind <<pp>> ssl crt <<dir>>/both.pem ca-file <<dir>>/ca.pem verify optional crt-ignore-err all
    unique-id-format "id-%[path]"
    use_backend pp_ssl if { path /ssl }
    use_backend pp_cn if { path /cn }
    default_backend pp_all
backend be
    server s1 127.0.0.1:<<s1>>
backend unknown
    server s1 127.0.0.1:<<tls>> ssl verify required ca-file <<dir>>/other.pem check inter 200ms
backend name
    server s1 127.0.0.1:<<tls>> ssl verify required ca-file <<dir>>/both.pem verifyhost other.example check inter 200ms
backend good
    option httpchk
    http-check send meth GET uri /health hdr Host www.example
    server s1 127.0.0.1:<<tls>> ssl verify required ca-file <<dir>>/both.pem verifyhost other.example check check-sni localhost check-alpn http/1.1 inter 200ms
backend pp_ssl
    server s1 127.0.0.1:<<raw>> send-proxy-v2-ssl
backend pp_cn
    server s1 127.0.0.1:<<raw>> send-proxy-v2-ssl-cn
backend pp_all
    server s1 127.0.0.1:<<raw>> send-proxy-v2 proxy-v2-options ssl,cert-cn,cert-key,cert-sig,ssl-cipher,authority,crc32c,unique-id
'''
folder = tempfile.mkdtemp(prefix='certs-')


def path(name):
    return os.path.join(folder, name)


def openssl(*arguments):
    subprocess.run(['openssl', *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)


def text(*names):
    return ''.join(open(path(name), encoding='ascii').read() for name in names)


def make(name, subject):
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30', '-subj', f'/CN={subject}',
            '-keyout', f'{name}.key', '-out', f'{name}.crt')


make('own', 'localhost')
make('ca', 'Test CA')
make('self', 'unknown')
openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'client.key', '-out', 'client.csr', '-subj', '/CN=client')
openssl('x509', '-req', '-in', 'client.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-out', 'client.crt', '-days', '30')
openssl('x509', '-req', '-in', 'client.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-out', 'expired.crt', '-days', '-1')


def client(p, port, crt=None, key=None, name='a.example'):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if crt:
        context.load_cert_chain(path(crt), path(key))
    raw = socket.create_connection(('127.0.0.1', p.ports[port]), LIMIT)
    try:
        return Conn(context.wrap_socket(raw, server_hostname=name))
    except OSError:
        raw.close()
        return None


def fails(p, port, **more):
    c = client(p, port, **more)
    if c:
        try:
            c.get(b'/')     # TLS 1.3: the client is told after its own part
            fail('the handshake did not fail')
        except (OSError, Closed):
            pass
        c.close()


def raw(p, port, data, reset=False, wait=0.1):
    c = p.connect(port)
    c.send(data)
    time.sleep(wait)
    c.reset() if reset else c.close()


class TlsOrigin(Origin):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    def serve(self, conn, number):
        try:
            conn.sock = self.context.wrap_socket(conn.sock, server_side=True)
        except OSError:
            conn.close()
            return
        super().serve(conn, number)


names, headers = [], []
TlsOrigin.context.load_cert_chain(path('own.crt'), path('own.key'))
TlsOrigin.context.set_alpn_protocols(['http/1.1'])
TlsOrigin.context.sni_callback = lambda sock, name, context: names.append(name)


def tlvs(data):
    found = {}
    while data:
        kind, length = struct.unpack('>BH', data[:3])
        value, data = data[3:3 + length], data[3 + length:]
        found[kind] = (value[0], struct.unpack('>I', value[1:5])[0], tlvs(value[5:])) if kind == 0x20 else value
    return found


def read_header(conn):
    head = conn.take(16)
    data = conn.take(struct.unpack('>H', head[14:])[0])
    headers.append(tlvs(data[12:]))
    conn.request()
    conn.send(b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
    conn.close()


files = {'both.pem': text('own.crt', 'own.key'), 'ca.pem': text('ca.crt'), 'other.pem': text('self.crt')}
with Syslog() as log, Origin(name=b's1') as s1, TlsOrigin(name=b'tls') as tls, Origin(raw=lambda conn, *_: read_header(conn)) as sink, \
        Proxy(CONFIG, log=log.port, s1=s1.port, tls=tls.port, raw=sink.port, files=files) as p:
    # Towards clients.
    fail_line = 'SSL handshake failure'
    c = client(p, 'plain')
    eq(c.get(b'/').status, 200, 'a request')
    c.close()
    has(log.line('plain~'), r' 0/0000000000000000/0/0/0 a\.example/TLSv1\.3/TLS_AES_256_GCM_SHA384$', 'httpslog')
    for data, wanted in ((b'GET / HTTP/1.1\r\n\r\n', r'plain/1: SSL handshake failure( \(error:0A00009C:SSL routines::http request\))?$'),
                         (b'\x16\x03\x01\x00\x05hello', r'plain/1: SSL handshake failure( \(error:0A0000F4:SSL routines::unexpected message\))?$'),
                         (b'\x16\x03\x01', r'plain/1: Connection closed during SSL handshake$')):
        raw(p, 'plain', data)
        log.line(wanted)
    raw(p, 'plain', b'\x16', reset=True)
    log.line('plain/1: SSL handshake failure$')
    raw(p, 'plain', b'\x16', wait=1.3)
    log.line('plain/1: Timeout during SSL handshake$')
    fails(p, 'asks')
    has(log.line('err fc'), r'fc=34 SSL handshake failure ssl=167772359 crt=0 ca=0 hs=-$', 'no certificate')
    for crt, key, code in (('self.crt', 'self.key', 18), ('expired.crt', 'client.key', 10)):
        fails(p, 'asks', crt=crt, key=key)
        has(log.line('err fc'), r'fc=31 SSL client certificate not trusted ssl=167772294 crt=%d ca=0 hs=-$' % code, crt)
    c = client(p, 'asks', crt='client.crt', key='client.key')
    eq(c.get(b'/').status, 200, 'a good certificate')
    c.close()
    log.line(' asks~ ')
    row = p.stat('asks', 'FRONTEND')
    eq((row['ssl_sess'], row['ssl_failed_handshake'], row['dses']), ('1', '3', '0'), 'counters of the frontend')
    row = p.stat('plain', 'FRONTEND')
    eq((row['ssl_sess'], row['ssl_failed_handshake']), ('1', '4'), 'counters of the other one')
    has(p.cli('show info'), r'SslFrontendMaxKeyRate: [1-9]', 'key rate')

    # Towards servers.
    for target, wanted in ((b'/unknown', 'bc=34 SSL handshake failure ssl=167772294 503 SC$'),
                           (b'/name', 'bc=32 Server presented an SSL certificate different from the configured one ssl=167772294 503 SC$')):
        backend = target[1:].decode()
        p.cli(f'set server {backend}/s1 health up; disable health {backend}/s1')
        c = p.connect()
        eq(c.get(target).status, 503, 'a certificate that is not accepted')
        c.close()
        log.line(wanted)
        true(int(p.stat(backend, 's1')['ssl_failed_handshake']) >= 1, 'counters of the server')

    # Checks.
    wait_for(lambda: p.stat('good', 's1')['check_status'] == 'L7OK', 'a check over TLS')
    true('localhost' in names, 'check-sni is sent, and is what the certificate must have')
    eq(tls.requests[-1].get('host'), b'www.example', 'the check\'s request')
    q = Proxy(CONFIG, log=log.port, s1=s1.port, tls=tls.port, raw=sink.port, files=files)
    with q:
        wait_for(lambda: q.stat('unknown', 's1')['check_status'] == 'L6RSP', 'a check that fails')
        has(q.stat('unknown', 's1')['last_chk'], 'SSL handshake failure', 'tells why')
        wait_for(lambda: q.stat('name', 's1')['check_status'] == 'L6RSP', 'another one')
        has(q.stat('name', 's1')['last_chk'], 'different from the configured one', 'tells why')

    # PROXY headers.
    for target, crt, flags, verify, subs in ((b'/ssl', None, 1, 0, {0x21: b'TLSv1.3'}),
                                             (b'/cn', 'client', 7, 0, {0x21: b'TLSv1.3', 0x22: b'client'}),
                                             (b'/cn', 'self', 7, 18, {0x21: b'TLSv1.3', 0x22: b'unknown'})):
        c = client(p, 'pp', crt and crt + '.crt', crt and crt + '.key')
        eq(c.get(target).status, 200, 'through')
        c.close()
        eq(headers[-1], {0x20: (flags, verify, subs)}, 'PROXY header %s %s' % (target, crt))
    c = client(p, 'pp', 'client.crt', 'client.key')
    c.get(b'/all')
    c.close()
    got = headers[-1]
    eq(len(got.pop(3)), 4, 'checksum')
    eq(got, {2: b'a.example', 5: b'id-/all',
             0x20: (7, 0, {0x21: b'TLSv1.3', 0x22: b'client', 0x23: b'TLS_AES_256_GCM_SHA384', 0x24: b'ecdsa-with-SHA256', 0x25: b'EC256'})}, 'all of it')
done()
