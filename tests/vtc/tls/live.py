#!/usr/bin/env python3
"""Certificates, lists, authorities and ticket keys change at run time: transactions, answers, and what new handshakes get."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

import base64
import shutil
import ssl

folder = tempfile.mkdtemp(prefix='live-')
EC = ('-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes')


def openssl(*arguments):
    subprocess.run(['openssl', *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)


def path(name):
    return os.path.join(folder, name)


def text(name):
    with open(path(name), encoding='ascii') as f:
        return f.read()


def write(name, data):
    with open(path(name), 'w', encoding='ascii') as f:
        f.write(data)
    return data


for ca in ('ca', 'other'):
    openssl('req', '-x509', *EC, '-keyout', f'{ca}.key', '-out', f'{ca}.crt', '-days', '30', '-subj', f'/CN={ca}', '-addext', 'keyUsage=keyCertSign,cRLSign')


def make(file, name, ca='ca', serial='1001'):
    openssl('req', *EC, '-keyout', f'{file}.key', '-out', f'{file}.csr', '-subj', f'/CN={file}')
    write('ext', f'subjectAltName=DNS:{name}\n')
    openssl('x509', '-req', '-in', f'{file}.csr', '-CA', f'{ca}.crt', '-CAkey', f'{ca}.key', '-set_serial', '0x' + serial, '-out', f'{file}.crt', '-days', '30',
            '-extfile', 'ext')
    return write(f'{file}.pem', text(f'{file}.crt') + text(f'{file}.key'))


A1, A2, B, NEW = make('a1', 'a.example'), make('a2', 'a.example', serial='1002'), make('b', 'b.example', serial='1003'), make('new', 'new.example', serial='1004')
CLIENT, STRANGER = make('client', 'client', serial='1005'), make('stranger', 'stranger', 'other', '1006')
write('a.pem', A1)
os.mkdir(path('dir'))
shutil.copy(path('b.pem'), path('dir/b.pem'))
write('list', f'{path("b.pem")} [ssl-min-ver TLSv1.2] b.example *.b.example !no.b.example\n')
keys = [base64.b64encode(os.urandom(48)).decode() for _ in range(6)]
write('tickets', '\n'.join(keys[:3]) + '\n')
write('crldb', '')
write('crl.cnf', f'[ca]\ndefault_ca=x\n[x]\ndatabase={path("crldb")}\ndefault_md=sha256\n')
openssl('ca', '-config', 'crl.cnf', '-gencrl', '-cert', 'ca.crt', '-keyfile', 'ca.key', '-crldays', '10', '-out', 'empty.crl')
write('crldb', f'R\t360101000000Z\t260101000000Z\t1005\tunknown\t/CN=client\n')
openssl('ca', '-config', 'crl.cnf', '-gencrl', '-cert', 'ca.crt', '-keyfile', 'ca.key', '-crldays', '10', '-out', 'revoked.crl')
shutil.copy(path('empty.crl'), path('live.crl'))
shutil.copy(path('ca.crt'), path('live.crt'))


def loose(pem=None, version=None):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if pem:
        context.load_cert_chain(path(pem))
    if version:
        context.maximum_version = version
    return context


def connect(p, port, name, context=None, session=None):
    sock = (context or loose()).wrap_socket(socket.create_connection(('127.0.0.1', p.ports[port]), LIMIT), server_hostname=name, session=session)
    p.opened.append(sock)
    return sock


def subject(p, port, name):
    with connect(p, port, name) as sock:
        der = sock.getpeercert(True)
    out = subprocess.run(['openssl', 'x509', '-inform', 'der', '-noout', '-subject'], input=der, stdout=subprocess.PIPE).stdout.decode()
    return out.strip().rpartition('=')[2].strip()


def accepted(p, port, pem):
    try:
        c = Conn(connect(p, port, 'a.example', loose(pem)))
        return c.get(b'/').status == 200
    except (OSError, ssl.SSLError, Closed):
        return False


CONFIG = DEFAULTS + '''
frontend fe
    bind <<fe>> ssl crt <<certs>>/a.pem crt-list <<certs>>/list
    bind <<folder>> ssl crt <<certs>>/dir/
    http-request return status 200
frontend mutual
    bind <<mutual>> ssl crt <<certs>>/a.pem ca-file <<certs>>/live.crt crl-file <<certs>>/live.crl verify required tls-ticket-keys <<certs>>/tickets
    http-request return status 200
frontend origin
    bind 127.0.0.1:<<originport>> ssl crt <<certs>>/a.pem
    http-request return status 200
listen back
    bind <<back>>
    retries 0
    server s1 127.0.0.1:<<originport>> ssl verify required ca-file <<certs>>/live.crt verifyhost a.example
'''
with socket.create_server(('127.0.0.1', 0)) as s:
    origin_port = s.getsockname()[1]
with Proxy(CONFIG, certs=folder, originport=origin_port) as p:
    a, listed, new = path('a.pem'), path('list'), path('new.pem')

    def cli(command, payload=None):
        if payload is None:
            return p.cli(command)
        conn = p.unix('cli.sock')
        conn.send(f'{command} <<\n{payload.rstrip()}\n\n'.encode())
        out = conn.rest().decode('latin-1')
        conn.close()
        return out

    # certificates
    eq(subject(p, 'fe', 'a.example'), 'a1', 'before')
    old = Conn(connect(p, 'fe', 'a.example'))
    eq(old.get(b'/').status, 200, 'a connection of before')
    context = loose(version=ssl.TLSVersion.TLSv1_2)
    session = connect(p, 'fe', 'a.example', context).session
    true(connect(p, 'fe', 'a.example', context, session).session_reused, 'resumption before')
    eq(cli(f'set ssl cert {a}', A2), f'Transaction created for certificate {a}!\n\n', 'set')
    eq(cli(f'set ssl cert {a}', A2), f'Transaction updated for certificate {a}!\n\n', 'set again')
    eq(subject(p, 'fe', 'a.example'), 'a1', 'nothing happens before the commit')
    has(cli('show ssl cert'), rf'^# transaction\n\*{a}\n# filename\n{a}\n{path("b.pem")}\n{path("dir/b.pem")}\n\n$', 'list')
    has(cli(f'show ssl cert *{a}'), r'^Filename: \*\S+\n(.*\n)*Status: Unused\nSerial: 1002\nnotBefore: .*\nnotAfter: .*\n'
        r'Subject Alternative Name: DNS:a.example\nAlgorithm: EC256\nSHA1 FingerPrint: [0-9A-F]{40}\nSubject: /CN=a2\nIssuer: /CN=ca\n', 'the draft')
    has(cli(f'show ssl cert {a}'), r'Status: Used\nSerial: 1001\n', 'the one in use')
    eq(cli(f'commit ssl cert {path("b.pem")}'),
       f"The ongoing transaction is about '{a}' but you are trying to set '{path('b.pem')}'\nCan't commit {path('b.pem')}!\n\n", 'another name')
    has(cli(f'commit ssl cert {a}'), rf'^Committing {a}\.+\nSuccess!\n\n$', 'commit')
    eq(subject(p, 'fe', 'a.example'), 'a2', 'new handshakes')
    eq(subject(p, 'fe', 'unknown.example'), 'a2', 'the default certificate too')
    eq(old.get(b'/').status, 200, 'the old connection goes on')
    true(REFERENCE or not connect(p, 'fe', 'a.example', context, session).session_reused, 'sessions of the old certificate are not resumed')
    eq(cli(f'commit ssl cert {a}'), f"No ongoing transaction! !\nCan't commit {a}!\n\n", 'commit again')
    eq(cli(f'abort ssl cert {a}'), 'No ongoing transaction!\n\n', 'abort nothing')
    cli(f'set ssl cert {a}', A1)
    eq(cli(f'abort ssl cert {a}'), f"Transaction aborted for certificate '{a}'!\n\n", 'abort')
    has(cli(f'set ssl cert {a}', 'junk'), rf"unable to load certificate from file '{a}'.*\nCan't load the payload\nCan't update {a}!\n\n$", 'junk')
    cli(f'set ssl cert {a}', A2)
    cli(f'set ssl cert {a}.key', text('b.key'))
    has(cli(f'commit ssl cert {a}'), rf"^inconsistencies between private key and certificate loaded '{a}'.\nCan't commit {a}!\n\n$", 'wrong key')
    eq(subject(p, 'fe', 'a.example'), 'a2', 'still the old one')
    cli(f'abort ssl cert {a}')
    eq(cli('set ssl cert nope', A1), "Can't replace a certificate which is not referenced by the configuration!\nCan't update nope!\n\n", 'unknown')
    eq(cli(f'show ssl cert nope'), "Can't display the certificate: Not found or the certificate is a bundle!\n\n", 'show unknown')
    eq(cli(f'del ssl cert {a}').rstrip(), f"Can't remove the certificate: certificate '{a}' in use, can't be deleted!", 'del a used one')

    # a new one, and lists
    eq(cli(f'new ssl cert {new}'), f"New empty certificate store '{new}'!\n\n", 'new')
    eq(cli(f'new ssl cert {new}'), f"Certificate '{new}' already exists!\n\n", 'new again')
    has(cli(f'show ssl cert {new}'), r'Status: Empty\n', 'empty')
    cli(f'set ssl cert {new}', NEW)
    eq(cli(f'commit ssl cert {new}'), f'Committing {new}\nSuccess!\n\n', 'commit unused')
    has(cli(f'show ssl cert {new}'), r'Status: Unused\nSerial: 1004\n', 'unused')
    eq(cli('show ssl crt-list'), f'{path("dir")}\n{listed}\n\n', 'lists')
    eq(cli(f'show ssl crt-list -n {listed}'), f'# {listed}\n{path("b.pem")}:1 [ssl-min-ver TLSv1.2] b.example *.b.example !no.b.example\n\n', 'a list')
    eq(subject(p, 'fe', 'new.example'), 'a2', 'not in the list yet')
    has(cli(f'add ssl crt-list {listed} {new}'), rf"^Inserting certificate '{new}' in crt-list '{listed}'\.+\nSuccess!\n\n$", 'add to a list')
    eq(subject(p, 'fe', 'new.example'), 'new', 'its names are known')
    has(cli(f'add ssl crt-list {listed}', f'{new} [ssl-min-ver TLSv1.3] q.example *.w.example !no.w.example'), 'Success!', 'add with options')
    eq((subject(p, 'fe', 'q.example'), subject(p, 'fe', 'x.w.example'), subject(p, 'fe', 'no.w.example')), ('new', 'new', 'a2'), 'filters of the new line')
    try:
        connect(p, 'fe', 'q.example', loose(version=ssl.TLSVersion.TLSv1_2))
        true(False, 'options of the new line')
    except (ssl.SSLError, OSError):
        pass
    eq(cli(f'show ssl crt-list -n {listed}').splitlines()[2:4],
       [f'{new}:2', f'{new}:3 [ssl-min-ver TLSv1.3] q.example *.w.example !no.w.example'], 'the new lines')
    eq(cli(f'add ssl crt-list {listed} zzz'), "Can't edit the crt-list: certificate 'zzz' does not exist!\n\n", 'an unknown certificate')
    eq(cli(f'add ssl crt-list nope {a}'), "Can't edit the crt-list: crt-list 'nope' does not exist!\n\n", 'an unknown list')
    eq(cli(f'del ssl cert {new}').rstrip(), f"Can't remove the certificate: certificate '{new}' in use, can't be deleted!", 'in use')
    eq(cli(f'del ssl crt-list {listed} {new}'),
       f"Can't delete the entry: found the certificate '{new}' in several entries, please specify a line number preceded by colons (2, 3)!\n\n", 'ambiguous')
    eq(cli(f'del ssl crt-list {listed} {new}:3'), f"Entry '{new}' deleted in crtlist '{listed}'!\n\n", 'del a line')
    eq((subject(p, 'fe', 'q.example'), subject(p, 'fe', 'new.example')), ('a2', 'new'), 'its names are gone, the others are not')
    cli(f'del ssl crt-list {listed} {new}')
    eq(subject(p, 'fe', 'new.example'), 'a2', 'all are gone')
    has(cli(f'del ssl crt-list {path("dir")} {path("dir/b.pem")}'), 'it is used as default certificate by the following frontends:\n\t- ', 'a default certificate')
    eq(cli(f'del ssl cert {new}'), f"Certificate '{new}' deleted!\n\n", 'del')
    eq(cli(f'del ssl cert {new}').rstrip(), f"Can't remove the certificate: certificate '{new}' doesn't exist!", 'del again')

    # authorities and revocations
    crt, crl = path('live.crt'), path('live.crl')
    eq((accepted(p, 'mutual', 'client.pem'), accepted(p, 'mutual', 'stranger.pem')), (True, False), 'clients before')
    eq(p.connect('back').get(b'/').status, 200, 'the server is trusted')
    context = loose('client.pem', ssl.TLSVersion.TLSv1_2)
    session = connect(p, 'mutual', 'a.example', context).session
    true(connect(p, 'mutual', 'a.example', context, session).session_reused, 'resumption with ticket keys')
    eq(cli(f'set ssl ca-file {crt}', text('other.crt')), f'transaction created for CA {crt}!\n\n', 'set ca-file')
    has(cli('show ssl ca-file'), rf'^# transaction\n\*{crt} - 1 certificate\(s\)\n# filename\n(.*\n)*{crt} - 1 certificate\(s\)\n', 'list of ca-files')
    has(cli(f'show ssl ca-file *{crt}'), rf'^Filename: \*{crt}\nStatus: Unused\n \nCertificate #1:\nSerial: ', 'a ca-file')
    has(cli(f'commit ssl ca-file {crt}'), rf'^Committing {crt}\.+\nSuccess!\n\n$', 'commit ca-file')
    if not REFERENCE:       # its crl-file has nothing for the other authority
        eq(accepted(p, 'mutual', 'client.pem'), False, 'another authority')
    eq(p.connect('back').get(b'/').status, 200 if REFERENCE else 503, 'the server is not trusted any more')
    cli(f'set ssl ca-file {crt}', text('ca.crt'))
    cli(f'commit ssl ca-file {crt}')
    eq((accepted(p, 'mutual', 'client.pem'), p.connect('back').get(b'/').status), (True, 200), 'the old authority again')
    eq(cli('new ssl ca-file x.ca'), "New CA file created 'x.ca'!\n\n", 'new ca-file')
    eq(cli('del ssl ca-file x.ca'), "CA file 'x.ca' deleted!\n\n", 'del ca-file')
    eq(cli(f'del ssl ca-file {crt}').rstrip(), f"Can't remove the CA file: CA file '{crt}' in use, can't be deleted!", 'del a used one')
    eq(cli(f'set ssl crl-file {crl}', text('revoked.crl')), f'transaction created for CRL {crl}!\n\n', 'set crl-file')
    has(cli(f'show ssl crl-file *{crl}:1'), r'Certificate Revocation List #1:\nVersion 1\nSignature Algorithm: ecdsa-with-SHA256\nIssuer: /CN=ca\n'
        r'Last Update: .*\nNext Update: .*\nRevoked Certificates:\n    Serial Number: 1005\n        Revocation Date: ', 'a crl-file')
    has(cli(f'commit ssl crl-file {crl}'), 'Success!', 'commit crl-file')
    eq(accepted(p, 'mutual', 'client.pem'), False, 'the client is revoked')
    cli(f'set ssl crl-file {crl}', text('empty.crl'))
    cli(f'commit ssl crl-file {crl}')
    eq(accepted(p, 'mutual', 'client.pem'), True, 'and is not')

    # ticket keys
    eq(cli('show tls-keys'), f'# id (file)\n0 ({path("tickets")})\n\n', 'files of keys')
    eq(cli('show tls-keys #0'), f'# id secret\n# 0 ({path("tickets")})\n' + ''.join(f'0.{i} {k}\n' for i, k in enumerate(keys[:3])) + '\n', 'keys')
    context = loose('client.pem', ssl.TLSVersion.TLSv1_2)
    session = connect(p, 'mutual', 'a.example', context).session
    eq(cli(f'set ssl tls-key #0 {keys[3]}'), 'TLS ticket key updated!\n\n', 'set a key')
    eq(cli(f'show tls-keys {path("tickets")}').splitlines()[2:5], [f'0.{i} {k}' for i, k in enumerate(keys[1:4])], 'keys move on')
    true(connect(p, 'mutual', 'a.example', context, session).session_reused, 'the older key still decrypts')
    cli(f'set ssl tls-key #0 {keys[4]}')
    cli(f'set ssl tls-key #0 {keys[5]}')
    true(not connect(p, 'mutual', 'a.example', context, session).session_reused, 'a forgotten key does not')
    eq(cli(f'set ssl tls-key #0 {base64.b64encode(bytes(80)).decode()}'), "'set ssl tls-key' received a key of wrong size.\n\n", 'wrong size')
    eq(cli('show tls-keys nope'), "'show tls-keys' unable to locate referenced filename\n\n", 'unknown keys')
    has(cli('show ssl providers'), r'^Loaded providers : \n\t- default\n', 'providers')

    if not REFERENCE:
        has(cli(f'dump ssl cert {a}'), r'^-----BEGIN (EC )?PRIVATE KEY-----\n(.*\n)+-----BEGIN CERTIFICATE-----\n', 'dump')
        has(cli('show ssl sni -f fe'), r'^# Frontend/Bind\tSNI\tNegative Filter\tType\tFilename\tNotAfter\tNotBefore\n(.*\n)*fe/\S+:\d+\t\*.b.example\t!no.b.example\t'
            r'ecdsa\t\S+/b.pem\t\w{3} .* GMT\t\w{3} .* GMT\n', 'names')
        cli(f'add ssl jwt {a}')
        eq(cli('show ssl jwt'), f'# filename\n{a}\n\n', 'jwt')
        cli(f'add ssl ca-file {crt}', text('other.crt'))
        cli(f'commit ssl ca-file {crt}')
        has(cli('show ssl ca-file'), rf'{crt} - 2 certificate', 'add ssl ca-file')
        # many changes under load
        stop, bad = threading.Event(), []

        def load():
            while not stop.is_set():
                try:
                    if subject(p, 'fe', 'a.example') not in ('a1', 'a2'):
                        bad.append('subject')
                except Exception as e:      # whatever it is, it is a handshake that failed
                    bad.append(repr(e))
        workers = [threading.Thread(target=load) for _ in range(2)]
        for w in workers:
            w.start()
        for i in range(30):
            cli(f'set ssl cert {a}', A1 if i % 2 else A2)
            has(cli(f'commit ssl cert {a}'), 'Success!', 'commit under load')
        stop.set()
        for w in workers:
            w.join()
        eq(bad[:3], [], 'handshakes while certificates change')
shutil.rmtree(folder)
done()
