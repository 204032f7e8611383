#!/usr/bin/env python3
"""Session tickets outlive a reload, and belong to one listener."""
# reference: no (HAProxy makes new keys at every reload, unless they come from a file)
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

import ssl

CONFIG = 'global\n    nbthread 2\n' + DEFAULTS + '''
frontend one
    bind 127.0.0.1:<<one>> ssl crt <<pem>>
    http-request return status 200 content-type text/plain lf-string "%[ssl_fc_is_resumed] %pid"
frontend two
    bind 127.0.0.1:<<two>> ssl crt <<pem>>
    http-request return status 200 content-type text/plain lf-string "%[ssl_fc_is_resumed] %pid"
'''
here = os.getcwd()
subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '10', '-subj', '/CN=localhost',
                '-keyout', 'k', '-out', 'c'], check=True, stderr=subprocess.DEVNULL)
with open('both.pem', 'w', encoding='ascii') as f, open('c', encoding='ascii') as c, open('k', encoding='ascii') as k:
    f.write(c.read() + k.read())
ports = []
for _ in range(2):
    with socket.create_server(('127.0.0.1', 0)) as s:
        ports.append(s.getsockname()[1])
with open('x.cfg', 'w', encoding='ascii') as f:
    f.write(CONFIG.replace('<<one>>', str(ports[0])).replace('<<two>>', str(ports[1])).replace('<<pem>>', os.path.join(here, 'both.pem')))
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
master = subprocess.Popen([os.environ['STEELYARD'], '-W', '-f', os.path.join(here, 'x.cfg')], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL)


def ask(port, session=None):
    try:
        c = Conn(context.wrap_socket(socket.create_connection(('127.0.0.1', port), LIMIT), session=session))
    except OSError:
        return None, None, None
    resumed, pid = c.get(b'/', b'Connection: close\r\n').body.split()
    session = c.sock.session
    c.close()
    return resumed, pid, session


try:
    wait_for(lambda: ask(ports[0])[0] == b'0', 'start')
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1_2, version
        resumed, before, session = ask(ports[0])
        eq(resumed, b'0', 'a first session')
        eq(ask(ports[1], session)[0], b'0', 'is not good for another listener')
        master.send_signal(signal.SIGUSR2)
        wait_for(lambda: ask(ports[0])[1] not in (None, before), 'a new worker')
        resumed, after, _ = ask(ports[0], session)
        eq(resumed, b'1', 'is resumed by the next worker')
        true(after != before, 'which is another process')
finally:
    master.terminate()
    try:
        master.wait(LIMIT)
    except subprocess.TimeoutExpired:
        master.kill()
done()
