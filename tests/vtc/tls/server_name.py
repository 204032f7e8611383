#!/usr/bin/env python3
"""Server names towards servers (automatic, configured, none), what is verified with them, and sessions that are resumed for the same name only."""
# reference: no (the automatic server name came after 2.6)
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

import ssl

CONFIG = '''
global
    nbthread 1
    maxconn 100
''' + DEFAULTS + '''
    retries 0
    http-reuse never
frontend fe
    bind <<fe>>
    use_backend %[path,field(2,/)]
    default_backend auto
frontend names
    bind <<names>> ssl crt <<dir>>/pem/ alpn h2,http/1.1
    http-request return status 200 content-type text/plain lf-string "%[ssl_fc_is_resumed]"
frontend default
    bind <<default>> ssl crt <<dir>>/pem/a.pem
    http-request return status 200 content-type text/plain lf-string "alpn=%[ssl_fc_alpn]"
backend auto
    server s1 127.0.0.1:<<tls>> ssl verify none
backend strict
    server s1 127.0.0.1:<<tls>> ssl verify required ca-file <<dir>>/ca.crt
backend pinned
    server s1 127.0.0.1:<<tls>> ssl verify required ca-file <<dir>>/ca.crt verifyhost a.example
backend set
    server s1 127.0.0.1:<<tls>> ssl verify required ca-file <<dir>>/ca.crt verifyhost wrong.example sni str(a.example)
backend off
    server s1 127.0.0.1:<<tls>> ssl verify none no-sni-auto
backend inherited
    default-server ssl verify required ca-file <<dir>>/ca.crt sni str(a.example)
    server s1 127.0.0.1:<<tls>>
'''
folder = tempfile.mkdtemp(prefix='certs-')


def openssl(*arguments):
    subprocess.run(['openssl', *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)


def text(name):
    with open(os.path.join(folder, name), encoding='ascii') as f:
        return f.read()


openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'ca.key', '-out', 'ca.crt', '-days', '30',
        '-subj', '/CN=Test CA', '-addext', 'keyUsage=keyCertSign')
os.mkdir(os.path.join(folder, 'pem'))
for name in ('a.example', 'b.example'):
    openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', f'{name}.key', '-out', f'{name}.csr', '-subj', f'/CN={name}')
    with open(os.path.join(folder, 'ext'), 'w', encoding='ascii') as f:
        f.write(f'subjectAltName=DNS:{name}\n')
    openssl('x509', '-req', '-in', f'{name}.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-out', f'{name}.crt', '-days', '30', '-extfile', 'ext')
    with open(os.path.join(folder, 'pem', f'{name[0]}.pem'), 'w', encoding='ascii') as f:
        f.write(text(f'{name}.crt') + text(f'{name}.key'))


class TlsOrigin(Origin):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    def serve(self, conn, number):
        try:
            conn.sock = self.context.wrap_socket(conn.sock, server_side=True)
            resumed.append(conn.sock.session_reused)
        except OSError:
            conn.close()
            return
        super().serve(conn, number)


names, resumed = [], []
TlsOrigin.context.load_cert_chain(os.path.join(folder, 'pem', 'a.pem'))
TlsOrigin.context.sni_callback = lambda sock, name, context: names.append(name)


def get(p, target, host):
    c = p.connect()
    r = c.get(target, host=host)
    c.close()
    return r.status, names[-1] if names else None


def asks(p, port, name, session=None, version=ssl.TLSVersion.TLSv1_2, alpn=()):
    context.maximum_version = version
    context.set_alpn_protocols(list(alpn) or ['http/1.1'])
    c = Conn(context.wrap_socket(socket.create_connection(('127.0.0.1', p.ports[port]), LIMIT), server_hostname=name, session=session))
    body = c.get(b'/').body
    session = c.sock.session
    c.close()
    return body, session


context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
with TlsOrigin(name=b'tls') as tls, Proxy(CONFIG, tls=tls.port, files={'ca.crt': text('ca.crt')}, certs=folder,
                                          dir=folder) as p:
    # Towards servers.
    eq(get(p, b'/auto', b'www.example:8080'), (200, 'www.example'), 'the Host without its port')
    eq(get(p, b'/auto', b'192.0.2.1:80'), (200, None), 'an address is no name')
    eq(get(p, b'/auto', b'[2001:db8::1]:80'), (200, None), 'an address in brackets neither')
    eq(get(p, b'/off', b'www.example'), (200, None), 'no-sni-auto')
    eq(get(p, b'/strict', b'a.example'), (200, 'a.example'), 'the certificate has the name')
    eq(get(p, b'/strict', b'b.example')[0], 503, 'another name is refused')
    eq(get(p, b'/strict', b'b.example')[0], 503, 'however often: no session was kept')
    eq(get(p, b'/pinned', b'b.example'), (200, 'b.example'), 'verifyhost stays what is verified')
    eq(get(p, b'/set', b'b.example'), (200, 'a.example'), 'a configured name is sent and verified')
    eq(get(p, b'/inherited', b'b.example'), (200, 'a.example'), 'default-server')
    del resumed[:]
    for host in (b'one.example', b'one.example', b'two.example', b'one.example'):
        get(p, b'/auto', host)
    eq(resumed, [False, True, False, True], 'sessions belong to a name')

    # Towards clients: a session belongs to the certificate of its name.
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        body, session = asks(p, 'names', 'a.example', version=version)
        eq(body, b'0', 'a new session')
        body, again = asks(p, 'names', 'a.example', session, version=version)
        eq(body, b'1', 'is resumed for the same name')
        eq(asks(p, 'names', 'b.example', again, version=version)[0], b'0', 'and not for another certificate')
    # HTTP/2 is not announced.
    eq(asks(p, 'default', 'a.example', alpn=('h2', 'http/1.1'))[0], b'alpn=http/1.1', 'without alpn')
    for port in ('names', 'default'):
        out = subprocess.run(['curl', '-sk', '--http2', '-o', '/dev/null', '-w', '%{http_version} %{http_code}', f'https://127.0.0.1:{p.ports[port]}/'],
                             capture_output=True, check=False).stdout
        eq(out, b'1.1 200', 'curl --http2')
    has(p.output(), 'only http/1.1 is announced', 'which is said')
done()
