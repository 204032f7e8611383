#!/usr/bin/env python3
"""http-request and http-response rules that change things: paths, queries, headers, variables, status, captures; conditions and order."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CONFIG = DEFAULTS + r'''
listen fe
    bind <<fe>>
    http-request set-var(txn.host) req.hdr(host),lower
    http-request set-var(req.n) int(40),add(2)
    http-request set-header X-Var %[var(txn.host)]-%[var(req.n)]
    http-request set-path /new%[path] if { path_beg /old }
    http-request replace-path /a/(.*)/b /\\1/c if { path_beg /a/ }
    http-request set-query %[query,regsub(x,y,g)] if { query -m found } { path /q }
    http-request set-uri /uri?set=1 if { path /set-uri }
    http-request set-method PATCH if { path /method }
    http-request replace-header X-Re (.*)foo(.*) \\1bar\\2
    http-request replace-value X-List ^b$ B
    http-request add-header X-Multi "%[src] %[path] %[url_param(p)]"
    http-request set-header X-Conv "%[req.hdr(x-in),upper,bytes(0,4)]|%[req.hdr(x-in),base64]|%[req.hdr(x-in),length]|%[str(a:b),field(2,:)]"
    http-request del-header ^x-drop -m reg
    http-request early-hint Link "</style.css>" if { path /hint }
    http-request allow if { path /allowed }
    http-request deny if { path_beg /allowed }
    http-response set-status 299 reason "Quite fine" if { res.hdr(x-status) -m found }
    http-response replace-value Vary ^old$ new
    http-response set-header X-Path %[capture.req.uri]
    http-response del-header Server
    http-after-response set-header X-After yes
    http-after-response del-header X-Path if { status 403 }
    server s1 127.0.0.1:<<s1>>
'''


def answer(request, origin):
    return response(b'', headers=b'Server: x\r\nVary: keep\r\nVary: old\r\n' + (b'X-Status: 1\r\n' if request.target == b'/status' else b''))


with Origin(answer) as s1, Proxy(CONFIG, s1=s1.port) as p:
    c = p.connect()

    def get(target, headers=b'', **more):
        r = c.get(target, headers, **more)
        return r, s1.requests[-1]

    r, q = get(b'/', host=b'Some.Host')
    eq(q.get('x-var'), b'some.host-42', 'variables')
    eq((r.all('vary'), r.get('server'), r.get('x-after'), r.get('x-path')), ([b'keep', b'new'], None, b'yes', b'/'), 'response headers')
    eq(get(b'/old/x?a=b')[1].target, b'/new/old/x?a=b', 'set-path keeps the query')
    eq(get(b'/a/mid/b')[1].target, b'/mid/c', 'replace-path')
    eq(get(b'/q?x=1&xx=2')[1].target, b'/q?y=1&yy=2', 'set-query')
    eq(get(b'/set-uri?gone')[1].target, b'/uri?set=1', 'set-uri')
    eq(get(b'/method')[1].method, b'PATCH', 'set-method')
    eq(get(b'/', b'X-Re: one foo two\r\n')[1].get('x-re'), b'one bar two', 'replace-header')
    eq(get(b'/', b'X-List: a,b,c\r\n')[1].get('x-list'), b'a,B,c', 'replace-value works on each element')
    eq(get(b'/m?p=7')[1].get('x-multi'), b'127.0.0.1 /m 7', 'a format with fetches')
    eq(get(b'/', b'X-In: hello\r\n')[1].get('x-conv'), b'HELL|aGVsbG8=|5|b', 'converters')
    eq([n for n, _ in get(b'/', b'X-Drop-A: 1\r\nX-Keep: 2\r\nX-DropB: 3\r\n')[1].headers if n.startswith((b'x-drop', b'x-keep'))], [b'x-keep'], 'del-header by pattern')
    r, _ = get(b'/status')
    eq(r.start, b'HTTP/1.1 299 Quite fine', 'set-status')
    c.send(b'GET /hint HTTP/1.1\r\nHost: h\r\n\r\n')
    r = c.response(interim=True)
    eq((r.status, r.get('link')), (103, b'</style.css>'), 'early-hint')
    eq(c.response().status, 200, 'answer after the hint')
    eq(get(b'/allowed')[0].status, 200, 'allow ends the rules')
    r = c.get(b'/allowed/not')
    eq((r.status, r.get('x-after'), r.get('x-path')), (403, b'yes', None), 'http-after-response also sees answers of the proxy')
done()
