#!/usr/bin/env python3
# reference: no (ours)
"""option httplog json: one object per request, whatever the client sends."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

import json

CONFIG = DEFAULTS + '''
frontend fe
    bind <<fe>>
    log 127.0.0.1:<<log>> len 8192 local0
    option httplog json
    capture request header user-agent len 40
    capture cookie ID len 8
    unique-id-format "%ci-%rt"
    default_backend be
backend be
    server s1 127.0.0.1:<<s1>>
'''


def logged(log):
    line = log.line()
    text = line.decode('latin-1') if isinstance(line, bytes) else line
    return json.loads(text[text.index('{"time"'):])


with Origin() as s1, Syslog() as log, Proxy(CONFIG, s1=s1.port, log=log.port) as p:
    p.connect().send(b'GET /a?q="\\u0041\\" HTTP/1.1\r\nHost: h\r\nUser-Agent: q"uo\\te \xe9\x9f\r\nCookie: ID=12\r\n\r\n').response()
    got = logged(log)
    wanted = {'client': '127.0.0.1', 'frontend': 'fe', 'backend': 'be', 'server': 's1', 'method': 'GET', 'uri': '/a?q="\\u0041\\"',
              'version': 'HTTP/1.1', 'status': 200, 'termination': '----', 'retries': 0, 'request_cookie': 'ID=12', 'tls_version': ''}
    for name, value in wanted.items():
        eq(got.get(name), value, name)
    has(got['time'], r'^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$', 'time')
    has(got['request_headers'], r'^\{q', 'captured headers')
    has(got['unique_id'], r'^127\.0\.0\.1-\d+$', 'unique id')
    for name in ('time_request', 'time_queue', 'time_connect', 'time_response', 'time_active', 'bytes_read', 'bytes_uploaded', 'client_port'):
        true(isinstance(got[name], int) and got[name] >= 0, f'{name}: {got[name]!r}')
    p.connect().send(b'NOT HTTP "\\\r\n\r\n').response()
    got = logged(log)
    eq((got['status'], got['method'], got['termination'][:2], got['time_connect']), (400, '<BADREQ>', 'PR', -1), 'what is no request')
done()
