#!/usr/bin/env python3
"""Certificates that cannot be used: what is said about them, and that a reload with one leaves the old worker in service."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

import shutil
import ssl

folder = tempfile.mkdtemp(prefix='bad-')
program = os.environ['STEELYARD']


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


for name in ('a', 'b'):
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', f'{name}.key', '-out', f'{name}.crt', '-days', '30',
            '-subj', f'/CN={name}.example')
openssl('req', '-new', '-key', 'a.key', '-out', 'a.csr', '-subj', '/CN=old.example')
write('index', '')
write('serial', '01\n')
write('ca.cnf', f'[ca]\ndefault_ca=x\n[x]\ndatabase={path("index")}\nnew_certs_dir={folder}\nserial={path("serial")}\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n')
openssl('ca', '-batch', '-config', 'ca.cnf', '-cert', 'a.crt', '-keyfile', 'a.key', '-in', 'a.csr', '-out', 'old.crt', '-notext', '-startdate', '20200101000000Z',
        '-enddate', '20200201000000Z')
openssl('pkey', '-in', 'a.key', '-aes128', '-passout', 'pass:x', '-out', 'locked.key')
write('good.pem', text('a.crt') + text('a.key'))
write('mismatch.pem', text('a.crt') + text('b.key'))
write('locked.pem', text('a.crt') + text('locked.key'))
write('nokey.pem', text('a.crt'))
write('junk.pem', 'this is no certificate\n')
write('empty.pem', '')
write('cut.pem', text('a.crt')[:300])
write('base64.pem', text('a.crt').replace('M', '!', 3) + text('a.key'))
write('expired.pem', text('old.crt') + text('a.key'))


def config(port, crt, name='cfg'):
    write(name, f'{DEFAULTS}frontend fe\n    bind 127.0.0.1:{port} ssl crt {crt}\n    http-request return status 200\n')
    return path(name)


def check(file):
    r = subprocess.run([program, '-c', '-f', file], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT)
    return r.returncode, r.stdout.decode('latin-1')


CASES = {
    'missing': r"unable to stat SSL certificate from file '{}' : No such file or directory",
    'mismatch': r"inconsistencies between private key and certificate loaded '{}'",
    'nokey': r"No Private Key found in '{}",
    'junk': r"unable to load certificate from file '{}'",
    'empty': r"unable to load certificate from file '{}'",
    'cut': r"unable to load certificate from file '{}'",
    'base64': r"unable to load certificate from file '{}'",
    'locked': r"No Private Key found in '{}" if REFERENCE else r"unable to load private key from file '{}': it is encrypted, and no passphrase",
}
REASONS = {'junk': 'it holds no certificate', 'empty': 'it holds no certificate', 'cut': 'its PEM text is cut short', 'base64': 'its base64 is damaged'}
for name, wanted in CASES.items():
    status, out = check(config(1, path(name + '.pem')))
    true(status != 0, f'{name} is refused')
    has(out, r'parsing \[\S+:\d+\] : .*' + wanted.replace('{}', re.escape(path(name + '.pem'))), name)
    if name in REASONS and not REFERENCE:
        has(out, re.escape(REASONS[name]), f'the reason of {name}')
status, out = check(config(1, path('expired.pem')))
eq(status, 0, 'an expired one still works')
if not REFERENCE:
    has(out, r"certificate '\S+expired.pem' has expired", 'and is warned about')
    # one error per line that is wrong, not just the first
    write('two', f'{DEFAULTS}frontend fe\n    bind 127.0.0.1:1 ssl crt {path("junk.pem")}\n    bind 127.0.0.1:2 ssl crt {path("mismatch.pem")}\n')
    out = check(path('two'))[1]
    true('junk.pem' in out and 'mismatch.pem' in out, f'both are named: {out}')

# A reload with a broken certificate: the service goes on.
with socket.create_server(('127.0.0.1', 0)) as s:
    port = s.getsockname()[1]
file = config(port, path('live.pem'))
shutil.copy(path('good.pem'), path('live.pem'))
log = open(path('log'), 'w+b')
master = subprocess.Popen([program, '-W', '-f', file], stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def subject():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(socket.create_connection(('127.0.0.1', port), LIMIT)) as sock:
        der = sock.getpeercert(True)
        eq(Conn(sock).get(b'/', b'Connection: close\r\n').status, 200, 'a request')
    return ssl.DER_cert_to_PEM_cert(der).strip()


def started():
    try:
        return subject()
    except OSError:
        return None


def output():
    with open(path('log'), 'rb') as f:
        return f.read().decode('latin-1')


try:
    first = wait_for(started, 'start')
    eq(first, text('a.crt').strip(), 'the certificate')
    for name in ('mismatch', 'junk', 'locked', 'missing'):
        os.remove(path('live.pem'))
        if name != 'missing':
            shutil.copy(path(name + '.pem'), path('live.pem'))
        seen = output().count('live.pem')
        master.send_signal(signal.SIGUSR2)
        wait_for(lambda: output().count('live.pem') > seen, f'{name}: the failure is told')
        eq(subject(), first, f'{name}: the old worker goes on')
    write('live.pem', text('b.crt') + text('b.key'))
    master.send_signal(signal.SIGUSR2)
    wait_for(lambda: started() == text('b.crt').strip(), 'the next good one is taken')
finally:
    master.terminate()
    try:
        master.wait(5)
    except subprocess.TimeoutExpired:
        master.kill()
    log.close()
shutil.rmtree(folder)
done()
