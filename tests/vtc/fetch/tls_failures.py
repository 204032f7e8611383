#!/usr/bin/env python3
"""What fetches say about a handshake that failed, with a client and with a server: number and text of the library's error."""
# tests: ssl_[fb]c_err(_str)?
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

import ssl

folder = tempfile.mkdtemp(prefix='failures-')


def path(name):
    return os.path.join(folder, name)


subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30', '-subj', '/CN=h.example',
                '-keyout', path('key'), '-out', path('crt')], check=True, stderr=subprocess.DEVNULL)
subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30', '-subj', '/CN=other',
                '-keyout', path('other.key'), '-out', path('other')], check=True, stderr=subprocess.DEVNULL)
with open(path('pem'), 'w', encoding='ascii') as to:
    for name in ('crt', 'key'):
        with open(path(name), encoding='ascii') as f:
            to.write(f.read())
CONFIG = DEFAULTS + f'''
    log 127.0.0.1:<<log>> local0
frontend strict
    bind <<strict>> ssl crt {path('pem')} verify required ca-file {path('other')}
    error-log-format "front %[ssl_fc_err] %[ssl_fc_err_str]"
    http-request return status 200
frontend be
    bind <<be>> ssl crt {path('pem')}
    http-request return status 200
listen fe
    bind <<fe>>
    log-format "back %[ssl_bc_err] %[ssl_bc_err_str]"
    error-log-format "back %[ssl_bc_err] %[ssl_bc_err_str]"
    retries 0
    server s1 127.0.0.1:<<port>> ssl verify required ca-file {path('other')}
'''
# OpenSSL's numbers: library 20, reasons 199 and 134.
FRONT = '167772359 error:0A0000C7:SSL routines::peer did not return a certificate'
BACK = '167772294 error:0A000086:SSL routines::certificate verify failed'


def logged(log, word):
    return log.line(word + ' ').split(word + ' ', 1)[1]


context = ssl.create_default_context(cafile=path('crt'))
with Syslog() as log, Proxy(CONFIG.replace('127.0.0.1:<<port>>', '127.0.0.1:1'), log=log.port) as p:
    try:
        with context.wrap_socket(socket.create_connection(('127.0.0.1', p.ports['strict']), LIMIT), server_hostname='h.example') as s:
            s.recv(1)
    except (ssl.SSLError, OSError):
        pass
    eq(logged(log, 'front'), FRONT, 'a client without a certificate')
    server = p.ports['be']
    with Proxy(CONFIG.replace('<<port>>', str(server)), log=log.port) as q:
        eq(q.connect().get(b'/').status, 503, 'a server that cannot be verified')
        eq(logged(log, 'back'), BACK, 'its error')
done()
