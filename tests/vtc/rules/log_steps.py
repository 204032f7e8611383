#!/usr/bin/env python3
# reference: no (3.1)
"""log-steps: one line for each step of a stream; a log-profile says how each looks."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CONFIG = '''
log-profile steps
    log-tag tagged
    on accept format "accept %ci %ST"
    on request format "request %HM %HU %hr %s"
    on connect format "connect %b/%s %Tc"
    on response format "response %ST %Tr"
    on http-req format "do-log %HU"
    on any format "other %OG %ST %ts"
''' + DEFAULTS + '''
frontend all
    bind <<all>>
    log 127.0.0.1:<<log>> profile steps local0
    log-steps all
    log-format "plain %ST"
    capture request header x-name len 10
    http-request do-log if { path /do }
    http-request return status 201 if { path /here }
    default_backend be
frontend some
    bind <<some>>
    log 127.0.0.1:<<log>> local0
    log-steps request,close
    log-format "%OG %HU %ST"
    default_backend be
frontend dropped
    bind <<dropped>>
    log 127.0.0.1:<<log>> profile quiet local0
    log-format "%OG %ST"
    log-steps accept,connect,close
    default_backend be
log-profile quiet
    on accept drop
    on connect drop
frontend raw
    mode tcp
    bind <<raw>>
    log 127.0.0.1:<<log>> local0
    log-steps accept,request,connect,close
    log-format "%OG %b/%s"
    default_backend tcp
backend tcp
    mode tcp
    server s1 127.0.0.1:<<s1>>
backend be
    server s1 127.0.0.1:<<s1>>
'''


def lines(log, n):
    out = []
    for _ in range(n):
        line = log.line()
        text = line.decode() if isinstance(line, bytes) else line
        out.append(re.sub(r'^<\d+>\w+ +\d+ [\d:]+ ', '', text).strip())
    return out


def seen(log, n):
    return [re.sub(r'^(\w+)\[\d+\]: ', '', line) for line in lines(log, n)]


with Origin() as s1, Syslog() as log, Proxy(CONFIG, s1=s1.port, log=log.port) as p:
    close = b'Connection: close\r\n'
    p.connect('all').get(b'/x', close + b'X-Name: me\r\n')
    got = lines(log, 5)
    true(all(line.startswith('tagged[') for line in got), f'log-tag: {got}')
    got = [re.sub(r'^\w+\[\d+\]: ', '', line) for line in got]
    eq(got[:2], ['accept 127.0.0.1 -1', 'request GET /x {me} <NOSRV>'], 'before the server')
    has(got[2], r'^connect be/s1 \d+$', 'connect')
    has(got[3], r'^response 200 \d+$', 'response')
    eq(got[4], 'other txn_close 200 --', 'close')
    p.connect('all').get(b'/do', close)
    eq([line.split(' ')[0] for line in seen(log, 6)], ['accept', 'request', 'do-log', 'connect', 'response', 'other'], 'with do-log')
    p.connect('all').get(b'/here', close)
    eq([line.split(' ')[0] for line in seen(log, 3)], ['accept', 'request', 'other'], 'answered here')
    c = p.connect('some')
    c.get(b'/1')
    c.get(b'/2', close)
    eq(seen(log, 4), ['txn_request /1 -1', 'txn_close /1 200', 'txn_request /2 -1', 'txn_close /2 200'], 'two requests of a connection')
    p.connect('dropped').get(b'/', close)
    eq(seen(log, 1), ['txn_close 200'], 'steps that a profile drops')
    c = p.connect('raw')
    c.get(b'/', close)
    c.close()
    eq(seen(log, 4), ['txn_accept raw/<NOSRV>', 'txn_request raw/<NOSRV>', 'txn_connect tcp/s1', 'txn_close tcp/s1'], 'mode tcp')
done()
