#!/usr/bin/env python3
"""option forwardfor and originalto: header, except, if-none, own names."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

def listen(name, *options):
    return f'listen {name}\n    bind <<{name}>>\n' + ''.join(f'    {o}\n' for o in options) + '    server s1 127.0.0.1:<<s1>>\n'


CONFIG = DEFAULTS + listen('plain', 'option forwardfor') + listen('except', 'option forwardfor except 127.0.0.0/8') + \
    listen('own', 'option forwardfor header X-Client') + listen('ifnone', 'option forwardfor if-none') + \
    listen('original', 'option originalto', 'option originalto header X-To') + listen('off') + '''
frontend both
    bind <<both>>
    option forwardfor if-none
    default_backend back
backend back
    option forwardfor header X-Back
    server s1 127.0.0.1:<<s1>>
'''

with Origin() as s1, Proxy(CONFIG, s1=s1.port) as p:
    def seen(name, headers=b'', field='x-forwarded-for'):
        eq(p.connect(name).get(b'/', headers).status, 200, name)
        return s1.requests[-1].all(field)

    given = b'X-Forwarded-For: 10.0.0.1\r\n'
    eq(seen('off', given), [b'10.0.0.1'], 'without the option the header is left alone')
    eq(seen('plain'), [b'127.0.0.1'], 'forwardfor')
    eq(seen('plain', given), [b'10.0.0.1', b'127.0.0.1'], 'forwardfor adds, behind what was there')
    eq(seen('except'), [], 'except')
    eq(seen('own', field='x-client'), [b'127.0.0.1'], 'name of the header')
    eq(seen('ifnone', given), [b'10.0.0.1'], 'if-none')
    eq(seen('ifnone'), [b'127.0.0.1'], 'if-none without the header')
    eq(seen('original', field='x-to'), [b'127.0.0.1'], 'originalto')
    seen('both')
    eq(s1.requests[-1].all('x-back'), [b'127.0.0.1'], 'the name of the backend wins')
done()
