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
# The same by rules of responses; what is looked up comes with the next request. http-after-response: not in 2.6.
SETS = ('http-response',) if REFERENCE else ('http-response', 'http-after-response')
for number, rules in enumerate(SETS):
    CONFIG += f'''
listen l{number}
    bind <<l{number}>>
    http-request set-var(txn.key) req.hdr(x-key)
    http-request set-header x-known "%[var(txn.key),map(<<dir>>/m{number},none)]"
    http-request set-header x-in yes if {{ var(txn.key) -m str -f <<dir>>/a{number} }}
    {rules} set-map(<<dir>>/m{number}) %[var(txn.key)] new if {{ capture.req.uri /set }}
    {rules} del-map(<<dir>>/m{number}) %[var(txn.key)] if {{ capture.req.uri /del }}
    http-response add-acl(<<dir>>/a{number}) %[var(txn.key)] if {{ capture.req.uri /add }}
    {rules} del-acl(<<dir>>/a{number}) %[var(txn.key)] if {{ capture.req.uri /remove }}
    server s1 127.0.0.1:<<s1>>
'''
FILES = {f'm{number}': 'k1 v1\n' for number in range(len(SETS))} | {f'a{number}': 'k2\n' for number in range(len(SETS))}

with Origin() as s1, Proxy(CONFIG, s1=s1.port, files={'m': 'k1 v1\n', 'a': 'k2\n'} | FILES) as p:
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

    for number, rules in enumerate(SETS):
        c = p.connect(f'l{number}')

        def known(target, key):
            c.get(target, b'X-Key: ' + key + b'\r\n')
            c.get(b'/', b'X-Key: ' + key + b'\r\n')
            return s1.requests[-1].get('x-known'), s1.requests[-1].get('x-in')
        eq(known(b'/', b'k1'), (b'v1', None), rules + ': as loaded')
        eq(known(b'/set', b'k1'), (b'new', None), rules + ': changed')
        eq(known(b'/set', b'k3'), (b'new', None), rules + ': added')
        eq(known(b'/del', b'k1'), (b'none', None), rules + ': removed')
        eq(known(b'/add', b'k3'), (b'new', b'yes'), rules + ': added to the acl')
        eq(known(b'/remove', b'k3'), (b'new', None), rules + ': removed from it')
        eq(known(b'/remove', b'k2'), (b'none', None), rules + ': removed from what was loaded')
done()
