#!/usr/bin/env python3
"""Backends that content switching leaves out: be-unpublished, disabled, publish backend, force-be-switch."""
# reference: no (3.4 and 3.5)
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

with Origin(name=b'hidden') as h, Origin(name=b'plain') as o, Proxy(DEFAULTS + '''
frontend fe
    bind <<fe>>
    force-be-switch if { req.hdr(x-force) -m found }
    use_backend hidden if { path_beg /h }
    use_backend off if { path_beg /off }
    use_backend plain if { path_beg /h /off }
    default_backend hidden
frontend only
    bind <<only>>
    default_backend hidden
backend hidden
    be-unpublished
    server s 127.0.0.1:<<h>>
backend off
    disabled
    server s 127.0.0.1:<<h>>
backend plain
    server s 127.0.0.1:<<o>>
''', h=h.port, o=o.port) as p:
    c = p.connect()
    eq(c.get(b'/h').get('x-server'), b'plain', 'the next rule takes over for an unpublished backend')
    eq(c.get(b'/off').get('x-server'), b'plain', 'and for a disabled one')
    eq(c.get(b'/h', b'x-force: 1\r\n').get('x-server'), b'hidden', 'force-be-switch')
    eq(p.connect().get(b'/off', b'x-force: 1\r\n').status, 503, 'a disabled backend has no usable server')
    eq(p.connect('only').get(b'/').status, 503, 'no backend is left')
    has(p.cli('show stat'), r'hidden,BACKEND,.*UP \(UNPUB\)', 'state')
    p.cli('publish backend hidden')
    eq(p.connect('only').get(b'/').get('x-server'), b'hidden', 'published')
    p.cli('unpublish backend hidden')
    eq(p.connect('only').get(b'/').status, 503, 'and not any more')

for text, message in (('defaults\n    be-unpublished\n', "'be-unpublished' not allowed in 'defaults' section"),
                      ('listen l\n    bind <<l>>\n    clitcpka-idle never\n', r"unexpected character in 'never', argument to <clitcpka-idle>"),
                      ('listen l\n    bind <<l>>\n    load-server-state-from-file here\n', "expects 'global', 'local' or 'none'. Got 'here'"),
                      ('frontend l\n    bind <<l>>\n    force-be-switch\n', "requires either 'if' or 'unless' followed by a condition"),
                      ('backend b\n    compression algo gzip\n', "'compression algo' is not supported yet"),
                      ('backend b\n    filter compression\n', "'filter compression' is not supported yet"),
                      ('backend b\n    email-alert to x\n', "'email-alert to' is not supported yet")):
    with Proxy(text, expect_exit=1, global_=False) as p:
        p.process.wait(10)
        has(p.output(), message, 'refused')
with Proxy(DEFAULTS + '''
    clitcpka-idle 10
    clitcpka-intvl 5s
    srvtcpka-idle 1m
    srvtcpka-intvl 1500ms
    option tcpka
listen fe
    bind <<fe>>
    server o 127.0.0.1:<<o>>
''', o=1) as p:
    true(p.process.poll() is None, 'times of keep-alives')
done()
