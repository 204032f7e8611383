#!/usr/bin/env python3
"""Conditions look at every occurrence: header values, cookies, parameters. Legacy keywords and predefined ACLs."""
import os
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from _values import *

REQUEST = (b'POST /a/b?x=1&y=2&x=3;z=4 HTTP/1.1\r\nHost: H.example:8080\r\nX: a, "b,c", d\r\nX: e\r\nN: 12abc\r\nN: -5\r\n'
           b'Ip: 1.2.3.4:80\r\nIp: 5.6.7.8\r\nBad: x\r\nBad: 5.6.7.8, y\r\nCookie: a=1; b="2;3"; c=; a=4\r\n'
           b'Content-Length: 13\r\nConnection: close\r\n\r\na=1&b=2&a=55&')

TRUE = r'''
{ req.hdr(x) -m str a }
{ req.hdr(x) -m str d }
{ req.hdr(x) -m str e }
{ req.fhdr(x) -m str e }
{ req.fhdr(x) -m beg a }
{ req.hdr(x) -m sub c }
{ hdr_val(n) 12 }
{ hdr_val(n) -- -5 }
{ hdr_ip(ip) 1.2.3.4 }
{ hdr_ip(ip) 5.6.7.8 }
{ hdr_ip(bad) 5.6.7.8 }
{ req.cook(a) 1 }
{ req.cook(a) 4 }
{ req.cook 4 }
{ req.cook(c) -m found }
{ req.cook_val(a) 1 4 }
{ urlp(x) 1 }
{ urlp(x) 3 }
{ urlp 4 }
{ url_param(x) 3 }
{ urlp_val(x) 3 }
{ req.body_param(a) -m str 55 }
{ req.body_param -m str 2 }
{ req.hdr(,0) -m str e }
{ req.hdr(,0) -m beg H. }
{ hdr(host) -i h.EXAMPLE:8080 }
{ hdr_dom(host) -i example }
{ hdr_cnt(x) 4 }
{ hdr_cnt(none) 0 }
{ path_beg /a }
{ path_dir a }
{ base_dir a }
{ url_reg ^/a }
{ method GET POST }
{ cook_beg(a) 4 }
{ urlp_len(y) 1 }
{ http_first_req }
{ src 127.0.0.0/8 }
{ fe_conn ge 1 }
{ req.len gt 10 }
METH_POST
HTTP_1.1
HTTP_URL_SLASH
HTTP_CONTENT
REQ_CONTENT
LOCALHOST
WAIT_END
HTTP
TRUE
'''.strip().splitlines()
FALSE = r'''
{ req.hdr(x) -m str z }
{ req.hdr(x,1) -m str e }
{ req.hdr(x,-1) -m str a }
{ req.hdr -m found }
{ hdr_val(n) 0 }
{ hdr_val(none) 0 }
{ hdr_ip(ip) 9.9.9.9 }
{ req.cook(a) 2 }
{ urlp(x) 2 }
{ urlp(nope) -m found }
{ req.body_param(a) -m str 2 }
{ method post }
{ hdr_cnt(x) gt 4 }
{ src ::1 }
{ ssl_fc }
{ always_false }
METH_GET
HTTP_1.0
HTTP_URL_ABS
RDP_COOKIE
'''.strip().splitlines()

CONDITIONS = TRUE + FALSE
CONFIG = DEFAULTS + '''
frontend fe
    bind <<fe>>
''' + ''.join(f'''    http-request set-var(txn.v{i}) str(passed) if {c}
    http-after-response set-header v{i} %[var(txn.v{i})] if {{ var(txn.v{i}) -m found }}
''' for i, c in enumerate(CONDITIONS)) + '''
    http-request return status 200
'''

with Proxy(CONFIG) as p:
    r = p.connect().send(REQUEST).response()
    for i, c in enumerate(CONDITIONS):
        eq(r.get(f'v{i}') is not None, c in TRUE, c)
done()
