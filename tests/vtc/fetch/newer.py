#!/usr/bin/env python3
"""Converters, fetches and actions that are newer than the reference: map_*_key, groups of a user, marks of packets to the server."""
# reference: no (newer)
import os
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from _values import *

KEYS = {'str': ('abc', 'abc'), 'beg': ('ab', 'abc'), 'sub': ('bc', 'abcd'), 'dir': ('b', 'a/b/c'), 'dom': ('b.c', 'a.b.c'), 'end': ('bc', 'abc'),
        'reg': ('^a.c$', 'abc'), 'ip': ('10.0.0.0/8', '10.1.2.3'), 'int': ('1:5', '3')}
CONFIG = '''
userlist u
    group one users x
    group two users x
    user x insecure-password y
''' + DEFAULTS + '''
listen fe
    bind <<fe>>
<<rules>>
    http-request set-bc-mark 7
    http-request return status 200
'''
TABLE = [('http_auth_groups(u)', 'one')]
GET = b'GET / HTTP/1.1\r\nHost: h\r\nAuthorization: Basic eDp5\r\nConnection: close\r\n\r\n'

with tempfile.TemporaryDirectory() as folder:
    for kind, (key, value) in KEYS.items():
        path = os.path.join(folder, kind)
        with open(path, 'w', encoding='utf-8') as f:
            f.write(f'nothing-like-it.{kind} x\n' if kind not in ('ip', 'int') else '')
            f.write(f'{key} value\n')
        TABLE.append((f'str({value}),map_{kind}_key({path})', key))
# tests: map_(str|beg|sub|dir|dom|end|reg|ip|int)_key
    compare(TABLE, ask(CONFIG, [row[0] for row in TABLE], [GET]), [GET])
done()
