#!/usr/bin/env python3
"""Sample fetches about responses, in http-response rules and in logs; what of the request is still known then."""
import os
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from _values import *

HEAD = (b'Content-Length: 5\r\nX: a, b\r\nX: c\r\nN: 7\r\nIp: 9.8.7.6\r\nSet-Cookie: a=1; Path=/; a=3\r\n'
            b'Set-Cookie: b=2, c=3\r\nSet-Cookie: a=\r\nServer: s\r\n')
LOWER = re.sub(rb'^[\w-]+:', lambda m: m.group().lower(), HEAD, flags=re.M)
RESPONSE = b'HTTP/1.1 404 Nope\r\n' + HEAD + b'\r\nhello'
REQUEST = b'POST http://hh/a?b HTTP/1.1\r\nHost: hh\r\nCookie: a=9\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc'

IN_RULES = [
    ('status', '404'), ('res.ver', '1.1'), ('resp_ver', '1.1'), ('res.hdr(x)', 'c'), ('res.hdr(x,1)', 'a'), ('shdr(x)', 'c'),
    ('res.fhdr(x)', 'c'), ('res.fhdr(x,1)', 'a, b'), ('res.hdr_cnt(x)', '3'), ('res.fhdr_cnt(x)', '2'), ('shdr_cnt(x)', '3'),
    ('res.hdr_val(n)', '7'), ('shdr_val(n)', '7'), ('res.hdr_ip(ip)', '9.8.7.6'), ('shdr_ip(ip)', '9.8.7.6'),
    ('res.hdr(none)', None),
    ('res.hdr_names', 'content-length,x,x,n,ip,set-cookie,set-cookie,set-cookie,server'),
    ('res.hdr_names(;)', 'content-length;x;x;n;ip;set-cookie;set-cookie;set-cookie;server'),
    ('res.cook(a)', '1'), ('res.cook(b)', '2'), ('res.cook(c)', '3'), ('res.cook(path)', None), ('res.cook', '1'),
    ('res.cook_cnt(a)', '1'), ('res.cook_cnt', '6'), ('res.cook_val(b)', '2'), ('scook(a)', '1'), ('scook_cnt(a)', '1'),
    ('scook_val(b)', '2'), ('cookie(a)', '1'),
    ('res.body_size', '5'), ('res.payload(0,2)', None), ('res.ssl_hello_type', None), 
    ('res.hdrs,hex', (LOWER + b'\r\n').hex().upper()),
    ('capture.req.hdr(0)', 'hh'), ('capture.res.hdr(0)', 'c'), ('capture.req.uri', '/a?b'), ('capture.req.method', 'POST'),
    ('capture.req.ver', 'HTTP/1.1'), ('capture.res.ver', 'HTTP/1.1'), ('unique-id', 'uid-127.0.0.1'), ('http_first_req', '1'),
    ('method', 'POST'), ('bc_dst', '127.0.0.1'), ('bc_src', '127.0.0.1'), ('bc_http_major', '1'), ('bc_err', '0'),
    ('bc_err_str', 'Success'), ('be_name', 'b'), ('be_server_timeout', '10000'), ('be_tunnel_timeout', '0'),
    ('cur_server_timeout', '7000'), ('cur_tunnel_timeout', '0'), ('srv_id', '1'), ('srv_name', 's1'), ('fe_name', 'fe'),
    ('fe_defbe', 'b'), ('be_id', '55'), ('src', '127.0.0.1'), ('ssl_bc', '0'), ('ssl_fc', '0'), ('be_conn(b)', '1'), ('srv_conn(b/s1)', '1'),
    ('internal.htx_blk.start_line(0)', 'HTTP/1.1 404 Nope'), ('internal.htx_blk.type(0)', 'HTX_BLK_RES_SL'), ('wait_end', '1'),
]
IN_LOGS = [
    ('status', '404'), ('capture.req.uri', '/a?b'), ('capture.req.method', 'POST'), ('capture.req.hdr(0)', 'hh'),
    ('capture.res.hdr(0)', 'c'), ('unique-id', 'uid-127.0.0.1'), ('bc_dst', '127.0.0.1'), ('be_name', 'b'), ('srv_name', 's1'),
    ('fe_name', 'fe'), ('fc_err_str', 'Success'), ('ssl_fc', '0'), ('http_first_req', '1'),
]
if not REFERENCE:
    IN_RULES += [
        ('set-cookie(b)', '2'), ('server_status', '404'), ('txn.status', '404'), ('res.cook_names', 'a,b,c,a'), ('res.cook_names(;)', 'a;b;c;a'),
        ('bc_reused', '0'), ('bc_nb_streams', '1'), ('bc_settings_streams_limit', '1'), ('bc_err_name', ''), ('bs.aborted', '0'),
        ('bc_glitches', '0'), ('be_connect_timeout', '2000'), ('be_queue_timeout', '2000'), ('be_max_retries', '3'),
        ('cur_max_retries', '3'), ('cur_connect_timeout', '2000'), ('be_tarpit_timeout', '2000'),
    ]
    IN_LOGS += [('server_status', '404'), ('req.ver', '1.1'), ('res.ver', '1.1')]

CONFIG = DEFAULTS + '''
frontend fe
    bind <<fe>>
    log 127.0.0.1:<<log>> len 8192 local0
    log-format "''' + '|'.join(f'<%[{e}]>' for e, _ in IN_LOGS) + '''"
    capture request header host len 10
    capture response header x len 10
    unique-id-format uid-%[src]
    default_backend b
<<rules>>

backend b
    id 55
    http-request set-timeout server 7s
    server s1 127.0.0.1:<<s1>>
'''

with Origin(lambda request, origin: RESPONSE) as s1, Syslog() as log:
    found = ask(CONFIG, [e for e, _ in IN_RULES], [REQUEST], 'http-response', s1=s1.port, log=log.port)
    compare(IN_RULES, found, [REQUEST])
    line = log.line('uid-').split(': ', 1)[1].split('|')
    for (e, wanted), got in zip(IN_LOGS, line):
        eq(got, f'<{wanted}>', f'{e} in the log')
done()
