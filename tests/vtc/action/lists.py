#!/usr/bin/env python3
"""set-map, del-map, add-acl, del-acl: lists that rules fill and others look up; strict-mode, set-timeout, disable-l7-retry are accepted."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CONFIG = DEFAULTS + '''
listen fe
    bind <<fe>>
    http-request strict-mode off
    http-request strict-mode on if TRUE
    http-request disable-l7-retry
    http-request set-timeout server 5s
    http-request set-timeout tunnel int(5000)
    http-request set-nice 10
    http-request set-priority-offset int(-5)
    http-request set-map(<<dir>>/m) %[req.hdr(x-key)] "%[req.hdr(x-value)]" if { path /set }
    http-request del-map(<<dir>>/m) %[req.hdr(x-key)] if { path /del }
    http-request add-acl(<<dir>>/a) %[req.hdr(x-key)] if { path /add }
    http-request del-acl(<<dir>>/a) %[req.hdr(x-key)] if { path /remove }
    http-request return content-type a lf-string "%[req.hdr(x-key),map(<<dir>>/m,none)] in" if { req.hdr(x-key) -f <<dir>>/a }
    http-request return content-type a lf-string "%[req.hdr(x-key),map(<<dir>>/m,none)] out"
    server s1 127.0.0.1:<<s1>>
'''

with Origin() as s1, Proxy(CONFIG, s1=s1.port, files={'m': 'k1 v1\n', 'a': 'k2\n'}) as p:
    c = p.connect()

    def ask(target, key, value=b''):
        return c.get(target, b'X-Key: ' + key + b'\r\nX-Value: ' + value + b'\r\n').body

    eq(ask(b'/', b'k1'), b'v1 out', 'as loaded')
    eq(ask(b'/set', b'k1', b'new'), b'new out', 'changed')
    eq(ask(b'/set', b'k3', b'v3'), b'v3 out', 'added')
    eq(ask(b'/del', b'k1'), b'none out', 'removed')
    eq(ask(b'/', b'k2'), b'none in', 'in the acl')
    eq(ask(b'/remove', b'k2'), b'none out', 'removed from it')
    eq(ask(b'/add', b'k3'), b'v3 in', 'added to it')
    ask(b'/add', b'k3')
    eq(ask(b'/remove', b'k3'), b'v3 out', 'it was there once')
done()
