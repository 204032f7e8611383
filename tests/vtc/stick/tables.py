#!/usr/bin/env python3
"""Stick tables: tracked counters, rates that reject, stick on, CLI commands."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CONFIG = 'global\n    nbthread 1\n' + DEFAULTS + '''
frontend rate
    bind <<rate>>
    stick-table type ip size 100k expire 30s store conn_rate(3s)
    tcp-request connection track-sc0 src
    tcp-request connection reject if { sc0_conn_rate gt 5 }
    default_backend be
frontend reqs
    bind <<reqs>>
    http-request track-sc1 req.hdr(x-user) table users
    http-request set-header X-Count %[sc1_http_req_cnt]
    http-request set-header X-Gpc %[sc1_get_gpc0]
    http-request sc-inc-gpc0(1) if { path /bad }
    http-request deny deny_status 429 if { sc1_get_gpc0 gt 2 }
    default_backend be
backend users
    stick-table type string len 32 size 1k expire 1m store http_req_cnt,http_req_rate(10s),gpc0,http_err_cnt,bytes_out_cnt
backend be
    server s1 127.0.0.1:<<s1>>
listen sticky
    bind <<sticky>>
    balance roundrobin
    stick-table type string len 40 size 10k expire 1m
    stick on url_param(user)
    server s1 127.0.0.1:<<s1>>
    server s2 127.0.0.1:<<s2>>
listen stored
    bind <<stored>>
    balance roundrobin
    stick-table type string len 40 size 10k
    stick store-response res.cook(SID)
    stick match req.cook(SID)
    server s1 127.0.0.1:<<s1>>
    server s2 127.0.0.1:<<s2>>
'''


def answer(request, origin):
    extra = b'Set-Cookie: SID=%s-%d; path=/\r\n' % (origin.name, request.conn) if request.target == b'/login' else b''
    return response(origin.name, headers=extra)


with Origin(answer, name=b's1') as s1, Origin(answer, name=b's2') as s2, Proxy(CONFIG, s1=s1.port, s2=s2.port) as p:
    results = []
    for n in range(8):
        try:
            c = p.connect('rate')
            results.append(c.get(b'/').status)
            c.close()
        except (Closed, ConnectionError):
            results.append(0)
    eq(results, [200] * 5 + [0] * 3, 'connections beyond the rate are rejected')
    has(p.cli('show table rate'), r'^# table: rate, type: ip, size:\d+, used:1\n0x[0-9a-f]+: key=127\.0\.0\.1 use=0 exp=\d+ (shard=0 )?conn_rate\(3000\)=8\n', 'show table')
    p.cli('clear table rate')
    has(p.cli('show table rate'), r'used:0', 'clear table')
    eq(p.connect('rate').get(b'/').status, 200, 'accepted again')

    c = p.connect('reqs')
    for n in range(1, 4):
        c.get(b'/', b'X-User: bob\r\n')
        eq((s1.requests[-1].get('x-count'), s1.requests[-1].get('x-gpc')), (b'%d' % n, b'0'), 'http_req_cnt')
    eq([c.get(b'/bad', b'X-User: bob\r\n').status for _ in range(3)], [200, 200, 429], 'gpc0')
    eq(p.connect('reqs').get(b'/', b'X-User: alice\r\n').status, 200, 'another key')
    has(p.cli('show table users data.gpc0 gt 2'), r'key=bob use=\d exp=\d+ (shard=0 )?gpc0=3 http_req_cnt=6 http_req_rate\(10000\)=6 http_err_cnt=1 bytes_out_cnt=\d+\n', 'filter')
    p.cli('set table users key bob data.gpc0 0')
    eq(p.connect('reqs').get(b'/', b'X-User: bob\r\n').status, 200, 'set table')
    p.cli('clear table users key bob')
    true('key=bob' not in p.cli('show table users'), 'clear table key')

    for user in (b'a', b'b', b'c'):
        eq(len({p.connect('sticky').get(b'/?user=' + user).body for _ in range(4)}), 1, f'stick on: {user}')
    eq(len({p.connect('sticky').get(b'/').body for _ in range(4)}), 2, 'stick on: without a key, in turn')
    has(p.cli('show table sticky'), r'key=a use=0 exp=\d+ (shard=0 )?server_id=[12] server_key=s[12]\n', 'entry of stick on')

    r = p.connect('stored').get(b'/login')
    sid = r.get('set-cookie').split(b';')[0]
    eq({p.connect('stored').get(b'/', b'Cookie: ' + sid + b'\r\n').body for _ in range(4)}, {r.body}, 'stored from the response')
done()
