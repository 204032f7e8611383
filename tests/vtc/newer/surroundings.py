#!/usr/bin/env python3
# reference: no (since 2.9)
"""Global keywords after 2.6: capabilities, priorities, threads, privileged ports, status codes that count; backends not published."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

with Proxy('''
global
    nbthread 4
    thread-hard-limit 2
    tune.renice.runtime 5
    http-err-codes 400-499 -404 +500
    http-fail-codes 503
    harden.reject-privileged-ports.tcp on
    tune.notsent-lowat.client 64k
    tune.h2.max-concurrent-streams 100
''' + DEFAULTS + '''
frontend fe
    bind <<fe>>
    stick-table type ip size 10 store http_err_cnt,http_fail_cnt
    http-request track-sc0 src
    force-be-switch if { path /force }
    use_backend hidden if { path /hidden /force }
    http-request return status 404 if { path /404 }
    http-request return status 403 if { path /403 }
    default_backend ok
backend ok
    http-request return status 200 hdr x ok
backend hidden
    be-unpublished
    http-request return status 200 hdr x hidden
''') as p:
    has(p.cli('show info'), r'Nbthread: 2\n', 'threads')
    has(p.output(), r'4 threads are reduced to thread-hard-limit 2', 'message about threads')
    with open(f'/proc/{p.process.pid}/stat', encoding='latin-1') as f:
        eq(f.read().rsplit(')', 1)[1].split()[16], '5', 'priority')
    c = p.connect()
    eq(c.get(b'/hidden').get('x'), b'ok', 'a backend that is not published')
    eq(c.get(b'/force').get('x'), b'hidden', 'force-be-switch')
    has(p.stat('hidden', 'BACKEND')['status'], r'UNPUB', 'status')
    p.cli('publish backend hidden')
    eq(c.get(b'/hidden').get('x'), b'hidden', 'once it is published')
    for path in (b'/404', b'/403', b'/403'):
        c.get(path)
    has(p.cli('show table fe'), r'http_err_cnt=2 ', 'errors that count')
    if os.getuid() == 0:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(('127.0.0.1', 923))
        sock.connect(('127.0.0.1', p.ports['fe']))
        true(Conn(sock).closed(), 'a client from a privileged port is refused')

# A user that is not root keeps what it needs.
if os.getuid() == 0:
    with Origin() as s, Proxy('''
global
    user nobody
    setcap cap_net_raw,cap_net_admin
''' + DEFAULTS + '''
listen fe
    bind <<fe>>
    server s 127.0.0.1:<<s>> source 0.0.0.0 usesrc 10.99.99.99
listen plain
    bind <<plain>>
    server s 127.0.0.1:<<s>>
''', global_=False, s=s.port) as p:
        wait_for(lambda: p.connect('plain').get().status == 200, 'start')
        with open(f'/proc/{p.process.pid}/status', encoding='latin-1') as f:
            text = f.read()
        has(text, r'CapEff:\t0000000000003000\n', 'capabilities')
        has(text, r'Uid:\t(?!0\t)', 'user')
        has(text, r'NoNewPrivs:\t1\n', 'no new privileges')
r = subprocess.run([PROGRAM, '-c', '-f', '/dev/stdin'], input=b'global\n setcap foo\n http-err-codes 400-700\n', capture_output=True)
has(r.stderr, rb"unsupported capability 'foo'. Supported ones are: ", 'setcap')
has(r.stderr, rb"Invalid status codes range '400-700' in 'http-err-codes'. Codes must be between 100 and 599 and ranges in ascending order.", 'codes')
done()
