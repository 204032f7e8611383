#!/usr/bin/env python3
# reference: no (2.6 closes connections with certificates that it made earlier)
"""generate-certificates: names without a certificate get one, made on the fly, signed by ca-sign-file."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

import shutil
import ssl

folder = tempfile.mkdtemp(prefix='mint-')
EC = ('-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1')


def openssl(*arguments):
    subprocess.run(['openssl', *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)


def join(name, *parts):
    with open(os.path.join(folder, name), 'w', encoding='ascii') as out:
        for part in parts:
            with open(os.path.join(folder, part), encoding='ascii') as f:
                out.write(f.read())


openssl('req', '-x509', *EC, '-nodes', '-keyout', 'ca.key', '-out', 'ca.crt', '-days', '30', '-subj', '/CN=Mint CA',
        '-addext', 'keyUsage=keyCertSign')
openssl('req', '-x509', *EC, '-nodes', '-keyout', 'own.key', '-out', 'own.crt', '-days', '30', '-subj', '/O=Organisation/CN=own.example',
        '-addext', 'subjectAltName=DNS:own.example,DNS:*.wild.example')
openssl('req', *EC, '-nodes', '-keyout', 'sub.key', '-out', 'sub.csr', '-subj', '/CN=Sub CA')
with open(os.path.join(folder, 'ext'), 'w', encoding='ascii') as ext:
    ext.write('basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\n')
openssl('x509', '-req', '-in', 'sub.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-out', 'sub.crt',
        '-days', '30', '-extfile', 'ext')
openssl('pkey', '-in', 'ca.key', '-aes128', '-passout', 'pass:secret', '-out', 'locked.key')
join('ca.pem', 'ca.crt', 'ca.key')
join('locked.pem', 'ca.crt', 'locked.key')
join('own.pem', 'own.crt', 'own.key')
join('sub.pem', 'sub.crt', 'sub.key')


def connect(p, port, name, version=ssl.TLSVersion.TLSv1_3, session=None, verify='ca.crt', context=None):
    if not context:
        context = ssl.create_default_context(cafile=os.path.join(folder, verify))
        context.maximum_version = version
        context.check_hostname = name is not None
    sock = context.wrap_socket(socket.create_connection(('127.0.0.1', p.ports[port]), LIMIT), server_hostname=name, session=session)
    p.opened.append(sock)
    return sock, context


def subject(sock):
    return dict(x[0] for x in sock.getpeercert()['subject'])


def refused(what, *args, **kw):
    try:
        connect(*args, **kw)
        true(False, what)
    except (ssl.SSLError, OSError):
        pass


CONFIG = '''
global
    tune.ssl.ssl-ctx-cache-size 100
''' + DEFAULTS + '''
frontend fe
    bind <<fe>> ssl crt <<certs>>/own.pem generate-certificates ca-sign-file <<certs>>/ca.pem
    http-request return status 200 content-type text/plain lf-string "%[ssl_fc_sni]"
frontend strict
    bind <<strict>> ssl crt <<certs>>/own.pem strict-sni generate-certificates ca-sign-file <<certs>>/ca.pem
    http-request return status 200
frontend sub
    bind <<sub>> ssl crt <<certs>>/own.pem generate-certificates ca-sign-file <<certs>>/sub.pem
    http-request return status 200
'''
with Proxy(CONFIG, certs=folder) as p:
    sock, _ = connect(p, 'fe', 'some.where.example')
    eq(subject(sock)['commonName'], 'some.where.example', 'made for the name')
    eq(sock.getpeercert()['subjectAltName'], (('DNS', 'some.where.example'),), 'alternative name')
    eq(Conn(sock).get(b'/').body, b'some.where.example', 'a request')
    first = sock.getpeercert()['serialNumber']
    eq(connect(p, 'fe', 'some.where.example')[0].getpeercert()['serialNumber'], first, 'it is kept')
    true(connect(p, 'fe', 'other.example')[0].getpeercert()['serialNumber'] != first, 'another name has another one')
    eq(subject(connect(p, 'fe', 'some.where.example', ssl.TLSVersion.TLSv1_2)[0])['commonName'], 'some.where.example', 'TLS 1.2')
    eq(subject(connect(p, 'fe', 'own.example', verify='own.crt')[0])['commonName'], 'own.example', 'configured ones come first')
    eq(subject(connect(p, 'fe', 'a.wild.example', verify='own.crt')[0])['commonName'], 'own.example', 'wildcards too')
    eq(subject(connect(p, 'strict', 'x.example')[0])['commonName'], 'x.example', 'with strict-sni')
    # sessions are resumed, but not for another name
    sock, context = connect(p, 'fe', 'one.example', ssl.TLSVersion.TLSv1_2)
    again, _ = connect(p, 'fe', 'one.example', session=sock.session, context=context)
    true(again.session_reused, 'resumption for the same name')
    eq(subject(connect(p, 'fe', None, verify='own.crt')[0])['commonName'], 'own.example', 'without a name: the default certificate')
    refused('strict-sni without a name', p, 'strict', None)
    other, _ = connect(p, 'fe', 'two.example', session=sock.session, context=context)
    true(not other.session_reused, 'no resumption for another name')
    eq(subject(other)['commonName'], 'two.example', 'but a certificate of its own')
    eq(subject(connect(p, 'sub', 'deep.example')[0])['commonName'], 'deep.example', 'an intermediate authority is sent with it')
    # more names than are kept, at once
    seen = []

    def many(base):
        for n in range(40):
            name = f'{base}{n}.example'
            seen.append(subject(connect(p, 'fe', name)[0])['commonName'] == name)
    threads = [threading.Thread(target=many, args=(base,)) for base in 'abcd']
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    eq((len(seen), all(seen)), (160, True), 'many names at once')
with Proxy(DEFAULTS + '''
frontend fe
bind <<fe>> ssl generate-certificates ca-sign-file <<certs>>/locked.pem ca-sign-pass secret
http-request return status 200
''', certs=folder) as p:
    eq(subject(connect(p, 'fe', 'only.example')[0])['commonName'], 'only.example', 'without any certificate')
    refused('nothing for clients without a name', p, 'fe', None)
for words, message in (('generate-certificates', 'cannot enable certificate generation, no CA certificate File configured'),
                       ('generate-certificates ca-sign-file /nonexistent', "Failed to read CA certificate file '/nonexistent'"),
                       (f'generate-certificates ca-sign-file {folder}/locked.pem ca-sign-pass wrong', 'unable to load private key from file')):
    path = os.path.join(folder, 'cfg')
    with open(path, 'w', encoding='ascii') as f:
        f.write(DEFAULTS + f'frontend fe\n    bind 127.0.0.1:1 ssl crt {folder}/own.pem {words}\n')
    out = subprocess.run([PROGRAM, '-c', '-f', path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout.decode()
    true(message in out, f'{words}: {out}')
shutil.rmtree(folder)
done()
