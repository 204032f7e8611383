#!/usr/bin/env python3
"""The statistics page: authentication, URI, CSV, hidden version, admin actions, Prometheus."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CONFIG = DEFAULTS + '''
listen stats
    bind <<stats>>
    stats enable
    stats uri /stats
    stats realm HAProxy\\\\ Statistics
    stats auth admin:password
    stats auth second:pass:word
    stats refresh 10s
    stats hide-version
    stats admin if TRUE
    http-request use-service prometheus-exporter if { path /metrics }
frontend open
    bind <<open>>
    stats enable
    stats uri /open
    stats show-legends
    stats show-node
    default_backend be
frontend fe
    bind <<fe>>
    default_backend be
backend be
    balance roundrobin
    server s1 127.0.0.1:<<s1>>
    server s2 127.0.0.1:<<s1>>
'''.replace('\\\\', '\\')
ADMIN = b'Authorization: Basic YWRtaW46cGFzc3dvcmQ=\r\n'
SECOND = b'Authorization: Basic c2Vjb25kOnBhc3M6d29yZA==\r\n'

with Origin() as s1, Proxy(CONFIG, s1=s1.port) as p:
    for n in range(4):
        p.connect('fe').get(b'/')
    c = p.connect('stats')
    r = c.get(b'/stats')
    eq((r.status, r.get('www-authenticate')), (401, b'Basic realm="HAProxy Statistics"'), 'challenge')
    eq(p.connect('stats').get(b'/stats', b'Authorization: Basic eHg6eXk=\r\n').status, 401, 'wrong password')
    eq(p.connect('stats').get(b'/elsewhere').status, 503, 'another URI is not the page')
    r = p.connect('stats').get(b'/stats', ADMIN)
    eq((r.status, r.get('content-type'), r.get('refresh')), (200, b'text/html', b'10'), 'page')
    page = r.body.decode('utf-8', 'replace')
    for word in ('be', 'fe', 's1', 'Backend', 'Frontend'):
        true(word in page, f'{word} is on the page')
    true(p.cli('show info').split('Version: ')[1].split('\n')[0] not in page, 'version is hidden')
    eq(p.connect('stats').get(b'/stats', SECOND).status, 200, 'second user')
    r = p.connect('stats').get(b'/stats;csv', ADMIN)
    has(r.body.decode(), r'^# pxname,svname,', 'CSV')
    rows = {tuple(line.split(',')[:2]): line.split(',') for line in r.body.decode().splitlines()[1:]}
    eq(rows[('be', 's1')][7], '2', 'sessions of a server in the CSV')

    # The page can change servers.
    r = p.connect('stats').get(b'/stats', ADMIN + b'Content-Type: application/x-www-form-urlencoded\r\n', method=b'POST',
                               body=b's=s1&action=drain&b=be')
    eq(r.status, 303, 'action is answered with a redirect')
    has(r.get('location') or b'', rb'^/stats;st=DONE$|^/stats;up;st=DONE|st=DONE', 'result of the action')
    eq(p.stat('be', 's1')['status'], 'DRAIN', 'drained by the page')
    p.connect('stats').get(b'/stats', ADMIN, method=b'POST', body=b's=s1&action=ready&b=be')
    eq(p.stat('be', 's1')['status'], 'no check', 'ready by the page')
    r = p.connect('open').get(b'/open')
    eq(r.status, 200, 'page in a frontend, without authentication')
    r = p.connect('open').get(b'/open', method=b'POST', body=b's=s1&action=drain&b=be')
    has(r.get('location') or b'', rb'st=DENY', 'no admin rights')
    eq(p.connect('open').get(b'/other').body, b'hello', 'the rest is served as usual')

    r = p.connect('stats').get(b'/metrics')
    eq(r.status, 200, 'prometheus')
    has(r.get('content-type') or b'', rb'^text/plain; version=0\.0\.4', 'content type of prometheus')
    text = r.body.decode()
    has(text, r'# TYPE haproxy_process_nbthread gauge\n', 'type line')
    has(text, r'\nhaproxy_server_sessions_total\{proxy="be",server="s2"\} \d+\n', 'counter of a server')
    has(text, r'\nhaproxy_frontend_status\{proxy="fe",state="UP"\} 1\n', 'state of a frontend')
done()
