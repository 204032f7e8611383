#!/usr/bin/env python3
"""Health checks: TCP and HTTP, rise and fall, states, log lines, on-marked-down, disabled checks."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CONFIG = '''
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 500ms
    timeout check 400ms
    log 127.0.0.1:<<log>> local0
    default-server inter 200ms fastinter 200ms downinter 200ms
backend tcp
    server s1 127.0.0.1:<<s1>> check fall 2 rise 2
backend http
    option log-health-checks
    option httpchk
    http-check send meth GET uri /health ver HTTP/1.1 hdr Host check.example
    http-check expect status 200-299
    server s2 127.0.0.1:<<s2>> check fall 2 rise 2
backend string
    option httpchk GET /text
    http-check expect rstring ^all.is.well
    server s2 127.0.0.1:<<s2>> check fall 1 rise 1
backend marked
    option httpchk
    server s2 127.0.0.1:<<s2>> check fall 1 rise 1 on-marked-down shutdown-sessions
frontend fe
    bind <<fe>>
    default_backend marked
backend hold
    server s2 127.0.0.1:<<s2>>
'''
healthy = [True]


def answer(request, origin):
    if request.target == b'/text':
        return response(b'all is well' if healthy[0] else b'alas')
    if request.target == b'/hold':
        return [20, response()]
    return response(b'', b'200 OK' if healthy[0] else b'500 Oops')


def state(p, px, sv):
    return p.stat(px, sv).get('status')


with Syslog() as log, Origin(raw=lambda c, o: c.rest(40)) as s1, Origin(answer) as s2, \
        Proxy(CONFIG, log=log.port, s1=s1.port, s2=s2.port) as p:
    for px, sv in (('tcp', 's1'), ('http', 's2'), ('string', 's2')):
        wait_for(lambda: p.stat(px, sv).get('check_status') in ('L4OK', 'L7OK'), f'first check of {px}')
        eq(state(p, px, sv), 'UP', f'{px}: state')
    check = wait_for(lambda: [r for r in s2.requests if r.target == b'/health'], 'HTTP check')[0]
    eq((check.method, check.get('host')), (b'GET', b'check.example'), 'what an HTTP check sends')
    wait_for(lambda: [r.method for r in s2.requests if r.target == b'/'][:1] == [b'OPTIONS'], 'the default check is OPTIONS /')

    held = p.connect().send(b'GET /hold HTTP/1.1\r\nHost: h\r\n\r\n')
    s2.got(b'/hold')
    healthy[0] = False
    log.line(r'Health check for server http/s2 failed, reason: Layer7 wrong status, code: 500, .*status: 1/2 UP')
    # With log-health-checks the reason is in the line of the check; without, in the line of the state.
    log.line(r'Server http/s2 is DOWN\. 0 active and 0 backup servers left\. \d+ sessions active, 0 requeued, 0 remaining in queue\.')
    log.line(r'backend http has no server available!')
    wait_for(lambda: state(p, 'string', 's2') == 'DOWN', 'string: DOWN')
    row = p.stat('string', 's2')
    eq(row.get('check_status'), 'L7RSP', 'string: why')
    wait_for(lambda: state(p, 'marked', 's2') == 'DOWN', 'marked: DOWN')
    held.rest(5)        # it ends although the server still thinks about the answer
    eq(p.connect().get(b'/').status, 503, 'no server is left')

    healthy[0] = True
    log.line(r'Server marked/s2 is UP, reason: Layer7 check passed, code: 200, check duration: \d+ms\. '
             r'1 active and 0 backup servers online\. 0 sessions requeued, 0 total in queue\.')
    wait_for(lambda: state(p, 'string', 's2') == 'UP', 'string: UP again')
    wait_for(lambda: state(p, 'marked', 's2') == 'UP', 'marked: UP again')
    eq(p.connect().get(b'/').status, 200, 'served again')

    s1.stop()
    log.line(r'Server tcp/s1 is DOWN, reason: Layer4 connection problem, info: "Connection refused", check duration: \d+ms\.')
    row = p.stat('tcp', 's1')
    eq((row.get('status'), row.get('check_status')), ('DOWN', 'L4CON'), 'tcp: state')
    true(int(row.get('chkfail') or 0) >= 2 and row.get('chkdown') == '1', 'tcp: counters')
    p.cli('disable health tcp/s1')
    failed = p.stat('tcp', 's1').get('chkfail')
    time.sleep(0.6)
    eq(p.stat('tcp', 's1').get('chkfail'), failed, 'disable health stops the checks')
    p.cli('set server tcp/s1 health up')
    true(state(p, 'tcp', 's1') in ('UP', 'no check'), 'set server health up')
done()
