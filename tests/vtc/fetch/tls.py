#!/usr/bin/env python3
"""What fetches say about TLS on both sides: the connection, its secrets, the hello, the three certificates."""
# tests: ssl_[cfs]_(der|serial|sha1|key_alg|sig_alg|notafter|notbefore|version|s_dn|i_dn)
# tests: ssl_[fb]c_(cipher|protocol|alpn|npn|alg_keysize|use_keysize|is_resumed|session_id|session_key|(client|server)_random|unique_id|err|err_str)
# tests: ssl_[fb]c_((client|server)_(handshake_traffic_secret|traffic_secret_0)|(early_)?exporter_secret|client_early_traffic_secret)
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

import base64
import hashlib
import ssl

folder = tempfile.mkdtemp(prefix='tls-')


def openssl(*arguments, data=None):
    return subprocess.run(['openssl', *arguments], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=folder, input=data).stdout


def read(name):
    with open(os.path.join(folder, name), encoding='ascii') as f:
        return f.read()


def write(name, text):
    with open(os.path.join(folder, name), 'w', encoding='ascii') as f:
        f.write(text)


def issue(name, subject, key, san):
    openssl('req', '-newkey', *key, '-nodes', '-keyout', name + '.key', '-out', name + '.csr', '-subj', subject)
    write('ext', f'subjectAltName={san}\ncertificatePolicies=1.2.3.4\n')
    openssl('x509', '-req', '-in', name + '.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-set_serial', '0x' + name.encode().hex(), '-days', '30',
            '-sha256', '-out', name + '.crt', '-extfile', 'ext')
    write(name + '.pem', read(name + '.crt') + read(name + '.key'))


EC, RSA = ('ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'), ('rsa:2048',)
openssl('req', '-x509', '-newkey', *EC, '-nodes', '-keyout', 'ca.key', '-out', 'ca.crt', '-days', '30', '-subj', '/O=Tests/CN=Root')
issue('client', '/O=Clients/CN=someone', EC, 'email:someone@client.example')
issue('front', '/O=Front/CN=front.example', RSA, 'DNS:front.example')
issue('server', '/O=Servers/CN=server.example', EC, 'DNS:server.example')


def certificate(name):
    """Facts about a certificate: {suffix of the fetch: pattern}."""
    der = ssl.PEM_cert_to_DER_cert(read(name + '.crt'))
    sha1 = hashlib.sha1(der).hexdigest().upper()
    subject = {'client': ('Clients', 'someone'), 'front': ('Front', 'front.example'), 'server': ('Servers', 'server.example')}[name]
    return {'der,sha1,hex': sha1, 'serial,hex': name.encode().hex().upper(), 'sha1,hex': sha1,
            'key_alg': 'rsaEncryption' if name == 'front' else 'id-ecPublicKey', 'sig_alg': 'ecdsa-with-SHA256', 'notafter': r'\d{12}Z',
            'notbefore': r'\d{12}Z', 'version': '3', 's_dn': '/O=%s/CN=%s' % subject, 'i_dn': '/O=Tests/CN=Root', 'i_dn(cn)': 'Root'}


HEX = '[0-9A-Fa-f]'
SECRET = HEX + '{64,96}'
FACTS = [(f'ssl_{which}_{what}', pattern) for which, name in (('c', 'client'), ('f', 'front'), ('s', 'server'))
         for what, pattern in certificate(name).items()]
for side in 'fb':
    s = f'ssl_{side}c_'
    FACTS += [(s + 'cipher', 'TLS_AES_.*'), (s + 'protocol', 'TLSv1.3'), (s + 'alpn', 'http/1.1'), (s + 'npn', '-'), (s + 'alg_keysize', '128|256'),
              (s + 'use_keysize', '128|256'), (s + 'is_resumed', '0'), (s + 'session_id,hex', '-|' + HEX + '{64}'), (s + 'session_key,hex', SECRET),
              (s + 'client_random,hex', HEX + '{64}'), (s + 'server_random,hex', HEX + '{64}'), (s + 'unique_id,hex,length', r'\d+'),
              (s + 'err', '0'), (s + 'err_str', r'error:\S*:.*|-?')]
FACTS += [('ssl_fc_' + name, SECRET) for name in ('client_handshake_traffic_secret', 'server_handshake_traffic_secret', 'client_traffic_secret_0',
                                                 'server_traffic_secret_0', 'exporter_secret')]
FACTS += [('ssl_fc_client_early_traffic_secret', '-'), ('ssl_fc_early_exporter_secret', '-')]
FACTS += [('ssl_fc_has_sni', '1'), ('ssl_fc_has_crt', '1'), ('ssl_fc_protocol_hello_id', '771'), ('ssl_fc_cipherlist_bin,hex', '<<ciphers>>'),
          ('ssl_fc_cipherlist_hex', '<<ciphers>>'), ('ssl_fc_cipherlist_str', '.*TLS_AES_.*'), ('ssl_fc_cipherlist_xxh', r'-?\d+'),
          ('ssl_fc_extlist_bin,hex', '(' + HEX + '{4})+'), ('ssl_fc_eclist_bin,hex', '(' + HEX + '{4})+'), ('ssl_fc_ecformats_bin,hex', HEX + '+'),
          ('ssl_c_verify', '0'), ('ssl_c_err', '0'), ('ssl_c_ca_err', '0'), ('ssl_c_ca_err_depth', '0'), ('ssl_c_chain_der,hex,length', r'\d{3,}'),
          ('ssl_s_chain_der,hex,length', r'\d{3,}')]
NEW = [('ssl_fc_curve', r'x25519|X25519|\S+'), ('ssl_bc_curve', r'x25519|X25519|\S+'), ('ssl_bc_sni', 'server.example'), ('ssl_fc_crtname', '.*front.*'),
       ('ssl_fc_sigalgs_bin,hex', '(' + HEX + '{4})+'), ('ssl_fc_supported_versions_bin,hex', '(....)*0304(....)*'),
       ('ssl_c_san', '.*someone@client.example.*'), ('ssl_c_r_dn', '/O=Tests/CN=Root'), ('ssl_c_policies', '.*1.2.3.4.*'),
       ('ssl_fc_ja3', '[0-9a-f]{32}'), ('ssl_fc_ja3_str', r'771,[\d-]+,[\d-]+,[\d-]+,[\d-]*'), ('ssl_fc_ja4', r't13d\d{4}\w\w_[0-9a-f]{12}_[0-9a-f]{12}')]
NEW += [('ssl_bc_' + name, SECRET) for name in ('client_handshake_traffic_secret', 'server_handshake_traffic_secret', 'client_traffic_secret_0',
                                               'server_traffic_secret_0', 'exporter_secret')]
NEW += [('ssl_bc_client_early_traffic_secret', '-'), ('ssl_bc_early_exporter_secret', '-')]


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()


signed = b64(b'{"alg":"RS256"}') + '.' + b64(b'{"sub":"x"}')
token = signed + '.' + b64(openssl('dgst', '-sha256', '-sign', 'front.key', data=signed.encode()))
if not REFERENCE:
    FACTS += NEW
    FACTS += [(f'str({token}),jwt_verify_cert(RS256,{folder}/front.pem)', '1'), (f'str({token}),jwt_verify_cert(RS256,{folder}/server.pem)', '0')]
CONFIG = '''
global
    tune.ssl.keylog on
    tune.ssl.capture-buffer-size 800
''' + ('' if REFERENCE else f'''
crt-store
    load crt {folder}/front.pem jwt on
    load crt {folder}/server.pem jwt on
''') + DEFAULTS + f'''
listen fe
    bind <<fe>> ssl crt {folder}/front.pem alpn http/1.1 verify required ca-file {folder}/ca.crt
    log 127.0.0.1:<<log>> len 60000 local0
    log-format "''' + '|'.join('%[' + name + ']' for name, _ in FACTS) + f'''"
    server s1 127.0.0.1:<<be_port>> ssl verify none crt {folder}/client.pem sni str(server.example) alpn http/1.1
'''
BACK = DEFAULTS + f'''
listen be
    bind <<be>> ssl crt {folder}/server.pem alpn http/1.1
    http-request return status 200
'''
context = ssl.create_default_context(cafile=os.path.join(folder, 'ca.crt'))
context.load_cert_chain(os.path.join(folder, 'client.pem'))
context.set_alpn_protocols(['http/1.1'])
with Proxy(BACK) as back, Syslog() as log, Proxy(CONFIG, log=log.port, be_port=back.ports['be']) as p:
    sock = context.wrap_socket(socket.create_connection(('127.0.0.1', p.ports['fe']), LIMIT), server_hostname='front.example')
    sock.sendall(b'GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n')
    true(sock.recv(1000).startswith(b'HTTP/1.1 200'), 'an answer')
    line = log.line()
    text = line.decode('latin-1') if isinstance(line, bytes) else line
    values = re.sub(r'^<\d+>\w+ +\d+ [\d:]+ (\S+ )?\w+\[\d+\]: ', '', text.strip()).split('|')
    eq(len(values), len(FACTS), f'fields of {text[:300]!r}')
    for (name, pattern), value in zip(FACTS, values):
        pattern = pattern.replace('<<ciphers>>', '(' + HEX + '{4})+')
        true(re.fullmatch(pattern, value), f'{name[-60:]}: got {value[:200]!r}, wanted {pattern!r}')
    eq(sock.cipher()[0], dict(zip((f[0] for f in FACTS), values))['ssl_fc_cipher'], 'cipher of the client')
    sock.close()
done()
