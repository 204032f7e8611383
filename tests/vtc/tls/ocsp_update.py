#!/usr/bin/env python3
# reference: no (ocsp-update came with 2.8)
"""OCSP responses are fetched by themselves, stapled, refreshed, and shown: with a real responder behind a small HTTP server."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

import base64
import shutil
import urllib.parse

folder = tempfile.mkdtemp(prefix='ocsp-')
lock = threading.Lock()


def openssl(*arguments, data=None):
    return subprocess.run(['openssl', *arguments], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=folder, input=data).stdout


def path(name):
    return os.path.join(folder, name)


def text(name):
    with open(path(name), encoding='ascii') as f:
        return f.read()


def write(name, data):
    with open(path(name), 'w', encoding='ascii') as f:
        f.write(data)


def responder(request, origin):
    """Answers like an OCSP responder over HTTP (RFC 6960, appendix A)."""
    where = request.target.decode()
    if where.startswith('http://'):     # through the HTTP proxy
        where = '/' + where.split('/', 3)[3]
    service, _, rest = where[1:].partition('/')
    if service == 'broken':
        return response(b'nothing here', status=b'503 Service Unavailable')
    if service == 'plain':
        return response(b'not OCSP', headers=b'Content-Type: text/plain\r\n')
    if service == 'liar':
        return response(b'not OCSP', headers=b'Content-Type: application/ocsp-response\r\n')
    der = request.body if request.method == b'POST' else base64.b64decode(urllib.parse.unquote(rest))
    signer = 'other' if service == 'forged' else 'ca'
    with lock:
        with open(path('request'), 'wb') as f:
            f.write(der)
        openssl('ocsp', '-index', 'index', '-CA', 'ca.crt', '-rsigner', f'{signer}.crt', '-rkey', f'{signer}.key', '-reqin', 'request',
                '-respout', 'response', '-ndays', '5')
        with open(path('response'), 'rb') as f:
            return response(f.read(), headers=b'Content-Type: application/ocsp-response\r\n')


def stapled(p, port, name):
    out = subprocess.run(['openssl', 's_client', '-connect', f'127.0.0.1:{p.ports[port]}', '-servername', name, '-status'], stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=LIMIT).stdout.decode('latin-1')
    return 'OCSP Response Status: successful' in out


def rows(p):
    lines = p.cli('show ssl ocsp-updates').splitlines()
    head = [x.strip() for x in lines[0].split('|')]
    return {os.path.basename(r[1].strip()): dict(zip(head, (x.strip() for x in r))) for r in (line.split('|') for line in lines[1:] if line)}


EC = ('-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes')
SERVICES = ('good', 'long', 'broken', 'plain', 'liar', 'forged', 'manual')
with Origin(responder) as web, Syslog() as log:
    for ca in ('ca', 'other'):
        openssl('req', '-x509', *EC, '-keyout', f'{ca}.key', '-out', f'{ca}.crt', '-days', '30', '-subj', '/CN=Test CA', '-addext', 'keyUsage=keyCertSign')
    index = ''
    for number, name in enumerate(SERVICES, 0x1001):
        openssl('req', *EC, '-keyout', f'{name}.key', '-out', f'{name}.csr', '-subj', f'/CN={name}.example')
        host = 'localhost' if name == 'long' else '127.0.0.1'     # a name that has to be resolved
        write('ext', f'subjectAltName=DNS:{name}.example\nauthorityInfoAccess=OCSP;URI:http://{host}:{web.port}/{name}\n')
        serial = f'{number:X}' if name != 'long' else f'{number:X}' + 'AB' * 16
        openssl('x509', '-req', '-in', f'{name}.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-set_serial', '0x' + serial, '-out', f'{name}.crt',
                '-days', '30', '-extfile', 'ext')
        index += f'V\t360101000000Z\t\t{serial}\tunknown\t/CN={name}.example\n'
        write(f'{name}.pem', text(f'{name}.crt') + text(f'{name}.key') + (text('ca.crt') if name == 'good' else ''))
        if name != 'good':
            write(f'{name}.pem.issuer', text('ca.crt'))
    write('index', index)
    shutil.copy(path('manual.pem'), path('nobody.pem'))     # the same certificate, issuer unknown
    write('list', ''.join(f'{path(n)}.pem [ocsp-update on]\n' for n in SERVICES if n != 'manual'))

    with Proxy('''
    log 127.0.0.1:<<syslog>> local0
    ocsp-update.mindelay 1
    ocsp-update.maxdelay 2
''' + DEFAULTS + '''
crt-store
    load crt <<certs>>/manual.pem issuer <<certs>>/manual.pem.issuer ocsp-update off
frontend fe
    bind <<tls>> ssl crt-list <<certs>>/list crt <<certs>>/manual.pem
    http-request return status 200
''', certs=folder, syslog=log.port) as p:
        line = log.line(r'<OCSP-UPDATE> .*/good.pem 1')
        has(line, r'-:- \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d\.\d{3}\] <OCSP-UPDATE> /\S+/good.pem 1 "Update successful" 0 1$', 'log of an update')
        wait_for(lambda: stapled(p, 'tls', 'good.example'), 'a stapled response')
        wait_for(lambda: stapled(p, 'tls', 'long.example'), 'a stapled response, host name resolved')
        has(log.line(r'/broken.pem 2'), r'/broken.pem 2 "HTTP error" \d+ 0', 'log of an HTTP error')
        has(log.line(r'GET http://127.0.0.1:\d+/broken'), r'<OCSP-UPDATE> -/- 0/0/\d+/\d+/\d+ 503 \d+ - - ---- ', 'the HTTP line')
        state = wait_for(lambda: rows(p) if all(int(r['Failures']) + int(r['Successes']) for r in rows(p).values()) else None, 'all were tried')
        eq(sorted(state), sorted(n + '.pem' for n in SERVICES if n != 'manual'), 'certificates with updates')
        for name, status, words in (('good', '1', 'Update successful'), ('broken', '2', 'HTTP error'), ('plain', '3', 'Missing "ocsp-response" header'),
                                    ('liar', '4', 'OCSP response check failure'), ('forged', '4', 'OCSP response check failure')):
            row = state[name + '.pem']
            eq((row['Last Update Status'], row['Last Update Status (str)']), (status, words), f'status of {name}')
            true((row['Last Update'] == '-') == (name != 'good'), f'last update of {name}')
        for name in ('broken', 'plain', 'liar', 'forged', 'manual'):
            true(not stapled(p, 'tls', f'{name}.example'), f'nothing is stapled for {name}')
        methods = {(r.method, r.target.split(b'/')[1]) for r in web.requests}
        true((b'GET', b'good') in methods, f'short requests are sent by GET: {methods}')
        wait_for(lambda: int(rows(p)['good.pem']['Successes']) >= 2, 'the response is refreshed')

        # by hand
        has(p.cli(f'update ssl ocsp-response {path("manual.pem")}'), r'OCSP Response Data:\n(.|\n)*Cert Status: good', 'update by a command')
        true(stapled(p, 'tls', 'manual.example'), 'the response is used')
        has(p.cli(f'update ssl ocsp-response {path("broken.pem")}'), r'not updated: HTTP error', 'a command that fails says why')
        has(p.cli('update ssl ocsp-response nope'), r'Unknown certificate!', 'an unknown certificate')
        listed = p.cli('show ssl ocsp-response')
        has(listed, r'^# Certificate IDs\nCertificate ID key : [0-9a-f]+\n', 'list of responses')
        has(listed, r'Certificate path : /\S+/manual.pem\n Certificate ID:\n   Issuer Name Hash: [0-9A-F]{40}\n   Issuer Key Hash: [0-9A-F]{40}\n'
            r'   Serial Number: 1007\n', 'entry of the list')
        has(p.cli(f'show ssl ocsp-response {state["good.pem"]["OCSP Certid"]}'), 'Serial Number: 1001', 'a response by its identifier')
        der = base64.b64decode(p.cli(f'show ssl ocsp-response base64 {path("manual.pem")}').strip())
        has(p.cli('set ssl ocsp-response ' + base64.b64encode(der).decode()), r'OCSP Response updated!', 'set')
    with Proxy('''
    ocsp-update.mode on
    ocsp-update.httpproxy 127.0.0.1:<<web>>
''' + DEFAULTS + '''
frontend fe
    bind <<tls>> ssl crt <<certs>>/good.pem crt <<certs>>/nobody.pem
    http-request return status 200
''', certs=folder, web=web.port) as p:
        wait_for(lambda: stapled(p, 'tls', 'good.example'), 'through the HTTP proxy')
        true(web.requests[-1].target.startswith(b'http://127.0.0.1:'), 'the whole URL is sent to the proxy')
    with Proxy('''
    ocsp-update.mode on
    ocsp-update.disable on
''' + DEFAULTS + '''
frontend fe
    bind <<tls>> ssl crt <<certs>>/good.pem
    http-request return status 200
''', certs=folder) as p:
        eq(p.cli('show ssl ocsp-updates').count('\n'), 2, 'ocsp-update.disable')
shutil.rmtree(folder)
done()
