#!/usr/bin/env python3
"""TLS towards clients: certificates by name from a folder, redirects to https, versions, ALPN, client certificates; towards servers: verify, SNI."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

import ssl

CONFIG = '''
global
    ssl-default-bind-options ssl-min-ver TLSv1.2
''' + DEFAULTS + '''
frontend https
    bind <<https>> ssl crt <<certs>>/ alpn h2,http/1.1
    http-request return status 200 content-type text/plain lf-string "%[ssl_fc] %[ssl_fc_sni] %[ssl_fc_protocol] %[ssl_fc_alpn] %[ssl_c_used]" if { path /info }
    use_backend other if { ssl_fc_sni b.example }
    default_backend be
frontend both
    bind <<plain>>
    bind <<secure>> ssl crt <<certs>>/a.pem
    redirect scheme https if !{ ssl_fc }
    default_backend be
frontend clients
    bind <<clients>> ssl crt <<certs>>/a.pem ca-file <<dir>>/ca.crt verify required
    http-request return status 200 content-type text/plain lf-string "%[ssl_c_s_dn(cn)]"
frontend strict
    bind <<strict>> ssl crt <<certs>>/a.pem strict-sni
    default_backend be
frontend old
    bind <<old>> ssl crt <<certs>>/a.pem ssl-min-ver TLSv1.2 ssl-max-ver TLSv1.2
    default_backend be
backend be
    http-request set-header X-Forwarded-Proto https if { ssl_fc }
    server s1 127.0.0.1:<<s1>>
backend other
    server s2 127.0.0.1:<<s2>>
listen reencrypt
    bind <<reencrypt>>
    server s1 127.0.0.1:<<tls>> ssl verify required ca-file <<dir>>/ca.crt verifyhost a.example sni str(a.example)
listen mistrust
    bind <<mistrust>>
    retries 0
    server s1 127.0.0.1:<<tls>> ssl verify required ca-file <<dir>>/ca.crt verifyhost wrong.example
listen blind
    bind <<blind>>
    server s1 127.0.0.1:<<tls>> ssl verify none check-ssl
listen through
    mode tcp
    bind <<through>>
    tcp-request inspect-delay 2s
    tcp-request content accept if { req.ssl_hello_type 1 }
    use_backend %[req.ssl_sni]
backend passed.example
    mode tcp
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
for name in ('a.example', 'b.example', 'client'):
    openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', f'{name}.key', '-out', f'{name}.csr', '-subj', f'/CN={name}')
    with open(os.path.join(folder, 'ext'), 'w', encoding='ascii') as f:
        f.write(f'subjectAltName=DNS:{name}\n')
    openssl('x509', '-req', '-in', f'{name}.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-out', f'{name}.crt', '-days', '30',
            '-extfile', 'ext')
    with open(os.path.join(folder, 'pem' if name != 'client' else '', f'{name[0]}.pem'), 'w', encoding='ascii') as f:
        f.write(text(f'{name}.crt') + text(f'{name}.key'))


def client(p, port, name='a.example', alpn=('http/1.1',), pem=None, version=None):
    context = ssl.create_default_context(cafile=os.path.join(folder, 'ca.crt'))
    context.verify_flags &= ~getattr(ssl, 'VERIFY_X509_STRICT', 0)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    if pem:
        context.load_cert_chain(os.path.join(folder, pem))
    if version:
        context.minimum_version = context.maximum_version = version
    if name is None:
        context.check_hostname = False
    raw = socket.create_connection(('127.0.0.1', p.ports[port]), LIMIT)
    return Conn(context.wrap_socket(raw, server_hostname=name))


def refused(call, what):
    try:
        c = call()
        c.send(b'GET / HTTP/1.1\r\nHost: h\r\n\r\n')
        true(not c.rest(2), what)
    except (ssl.SSLError, OSError, Closed):
        pass


class TlsOrigin(Origin):
    context = None

    def serve(self, conn, number):
        try:
            conn.sock = self.context.wrap_socket(conn.sock, server_side=True)
        except (ssl.SSLError, OSError):
            conn.close()
            return
        super().serve(conn, number)


TlsOrigin.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
TlsOrigin.context.load_cert_chain(os.path.join(folder, 'pem', 'a.pem'))
names = []
TlsOrigin.context.sni_callback = lambda sock, name, context: names.append(name)

with Origin(name=b's1') as s1, Origin(name=b's2') as s2, TlsOrigin(name=b'tls') as tls, \
        Proxy(CONFIG, s1=s1.port, s2=s2.port, tls=tls.port, certs=os.path.join(folder, 'pem'), files={'ca.crt': text('ca.crt')}) as p:
    for name, server in (('a.example', b's1'), ('b.example', b's2')):
        c = client(p, 'https', name)
        eq(dict(x[0] for x in c.sock.getpeercert()['subject'])['commonName'], name, 'certificate by name')
        r = c.get(b'/', host=name.encode())
        eq((r.status, r.get('x-server')), (200, server), 'request over TLS')
        eq(c.get(b'/info', host=name.encode()).body, b'1 %s %s http/1.1 0' % (name.encode(), c.sock.version().encode()), 'fetches')
        c.close()
    c = client(p, 'https', None)
    eq(c.get(b'/').status, 200, 'without a name: the first certificate')
    eq(client(p, 'https', alpn=('h2', 'http/1.1')).sock.selected_alpn_protocol(), 'h2' if REFERENCE else 'http/1.1',
       'ALPN: the order of the program, among what it speaks')
    eq(client(p, 'https', version=ssl.TLSVersion.TLSv1_3).sock.version(), 'TLSv1.3', 'TLS 1.3')
    eq(client(p, 'https', version=ssl.TLSVersion.TLSv1_2).sock.version(), 'TLSv1.2', 'TLS 1.2')
    eq(client(p, 'old').sock.version(), 'TLSv1.2', 'ssl-max-ver')
    refused(lambda: client(p, 'old', version=ssl.TLSVersion.TLSv1_3), 'a version that is switched off')
    refused(lambda: client(p, 'strict', 'unknown.example'), 'strict-sni')

    r = p.connect('plain').get(b'/x?y=z', host=b'a.example')
    eq((r.status, r.get('location')), (302, b'https://a.example/x?y=z'), 'redirect scheme https')
    client(p, 'secure').get(b'/')
    eq(s1.requests[-1].get('x-forwarded-proto'), b'https', 'ssl_fc in a backend')
    eq(client(p, 'clients', pem='c.pem').get(b'/').body, b'client', 'client certificate')
    refused(lambda: client(p, 'clients'), 'no client certificate')
    loose = ssl.create_default_context()
    loose.check_hostname, loose.verify_mode = False, ssl.CERT_NONE
    c = Conn(loose.wrap_socket(socket.create_connection(('127.0.0.1', p.ports['through'])), server_hostname='passed.example'))
    eq((c.get(b'/').get('x-server'), names[-1]), (b'tls', 'passed.example'), 'TCP mode: the name in the hello chooses the backend')
    c.close()

    eq(p.connect('reencrypt').get(b'/').get('x-server'), b'tls', 'TLS towards the server')
    eq(names[-1], 'a.example', 'SNI towards the server')
    eq(p.connect('mistrust').get(b'/').status, 503, 'the server\'s certificate has another name')
    eq(p.connect('blind').get(b'/').status, 200, 'verify none')

    # A big body, both ways, and a session that is resumed.
    c = client(p, 'https')
    c.send(b'POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 500000\r\n\r\n' + b'b' * 500000)
    eq(c.response().status, 200, 'much data over TLS')
    eq(len(s1.requests[-1].body), 500000, 'all of it')
    context = ssl.create_default_context(cafile=os.path.join(folder, 'ca.crt'))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    first = context.wrap_socket(socket.create_connection(('127.0.0.1', p.ports['https'])), server_hostname='a.example')
    second = context.wrap_socket(socket.create_connection(('127.0.0.1', p.ports['https'])), server_hostname='a.example', session=first.session)
    true(second.session_reused, 'session resumption')
    first.close()
    second.close()
done()
