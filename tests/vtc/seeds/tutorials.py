#!/usr/bin/env python3
# reference: no (old forms that HAProxy dropped)
"""Every configuration of the two tutorials that the project started from, verbatim, passes the check.

The files are named after the document and the number of the block in it. Only what a document leaves to the reader is added:
backends that a fragment refers to, and a certificate where one is named."""
import os
import re
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.environ['STEELYARD']


def check(path):
    return subprocess.run([PROGRAM, '-c', '-f', path], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)


subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'key.pem', '-out', 'cert.pem', '-days', '30',
                '-subj', '/CN=go-backend.liujun.com'], check=True, capture_output=True)
os.mkdir('certs')
with open('certs/site.pem', 'w', encoding='ascii') as pem:
    for part in ('cert.pem', 'key.pem'):
        pem.write(open(part, encoding='ascii').read())
folder = os.getcwd()

names = sorted(f for f in os.listdir(HERE) if f.endswith('.cfg'))
true(len(names) > 50, 'the configurations are there')
for name in names:
    text = open(os.path.join(HERE, name), encoding='utf-8').read()
    text = re.sub(r'^vim .*$', '', text, flags=re.M)        # a command before the file's text
    text = text.replace('/etc/haproxy/certs/', folder + '/certs/')
    text = re.sub(r'/etc/ssl/certs/\w+\.pem', folder + '/certs/site.pem', text)
    text = re.sub(r'/var/(run|lib)/haproxy[\w./-]*', folder, text, count=0) if 'pidfile' in text else text
    defined = set(re.findall(r'^\s*(?:backend|listen)\s+(\S+)', text, re.M))
    used = set(re.findall(r'^\s*(?:use_backend|default_backend)\s+(\S+)', text, re.M))
    mode = '    mode http\n' if re.search(r'^\s*mode\s+http', text, re.M) else ''
    text += '\n' + ''.join(f'backend {missing}\n{mode}' for missing in sorted(used - defined))
    with open(name, 'w', encoding='utf-8') as f:
        f.write(text)
    result = check(name)
    true(result.returncode in (0, 2), f'{name}: {result.returncode}: {result.stderr[-600:]}')
done()
