#!/usr/bin/env python3
"""Sample fetches about raw bytes in TCP mode: payload, TLS hellos, RDP cookies, distcc, and HTTP seen from TCP."""
import os
import ssl
import struct
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from _values import *


def client_hello(extensions, session=b'', version=b'\x03\x03'):
    ext = b''.join(struct.pack('>HH', t, len(d)) + d for t, d in extensions)
    body = version + b'r' * 32 + bytes([len(session)]) + session + b'\0\4\x13\1\0\x2f\1\0' + struct.pack('>H', len(ext)) + ext
    return b'\1' + struct.pack('>I', len(body))[1:] + body


def record(message):
    return b'\x16\3\1' + struct.pack('>H', len(message)) + message


def name(*names):
    entries = b''.join(b'\0' + struct.pack('>H', len(n)) + n for n in names)
    return (0, struct.pack('>H', len(entries)) + entries)


def real_hello():
    """What a library sends."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(['h2', 'http/1.1'])
    out = ssl.MemoryBIO()
    try:
        context.wrap_bio(ssl.MemoryBIO(), out, server_hostname='Www.Example.com').do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


def rdp(cookie):
    return struct.pack('>BBHB', 3, 0, 11 + len(cookie), 6 + len(cookie)) + b'\xe0\0\0\0\0\0' + cookie



HELLO = ('req.ssl_hello_type', 'req.ssl_ver', 'req.ssl_sni', 'req.ssl_alpn', 'req.ssl_ec_ext', 'req.ssl_st_ext', 'req_ssl_hello_type',
         'req_ssl_ver', 'req_ssl_sni')
RDP = ('req.rdp_cookie', 'req.rdp_cookie(mstshash)', 'rdp_cookie(MSTS)', 'req.rdp_cookie_cnt', 'rdp_cookie_cnt(mstshash)')
DISTCC = ('distcc_param(DIST)', 'distcc_param(ARGV)', 'distcc_param(ARGV,2)', 'distcc_body(ARGV,2)', 'distcc_body(DOTI)')
HTTP = ('req.proto_http', 'method', 'path', 'req.hdr(host)', 'base')
BYTES = ('req.payload(0,5),hex', 'req.payload_lv(0,1),hex', 'req.payload_lv(1,1,+1),hex', 'req.payload_lv(0,1,0),hex', 'payload(0,5),hex',
         'payload_lv(0,1),hex')

full = ('1', '196611', 'a.b', None, None, '0', '1', '196611', 'a.b')
CASES = [
    (real_hello(), HELLO, ('1', '196611', 'Www.Example.com', 'h2', '1', '1', '1', '196611', 'Www.Example.com')),
    (record(client_hello([name(b'a.b')])), HELLO, full),
    (record(client_hello([name(b'a.b', b'c.d')], b's' * 32)) + b'more', HELLO, full),
    (record(client_hello([])), HELLO, ('1', '196611', None, None, None, '0', '1', '196611', None)),
    (record(client_hello([(35, b'xx'), (10, b'\0\2\0\x1d')])), HELLO, ('1', '196611', None, None, '1', '2', '1', '196611', None)),
    (b'\x16\3\1\0\4\2\0\0\0', HELLO, ('2',) + (None,) * 5 + ('2', None, None)),
    (b'\x80\x2e\1\3\1\0\x15\0\0\0\x10' + b'x' * 37, HELLO, (None, '196609') + (None,) * 5 + ('196609', None)),
    (b'\x16\2\1\0\4\1\0\0\0', HELLO, (None,) * 9),
    (b'hello', HELLO, (None,) * 9),
    (rdp(b'Cookie: mstshash=user\r\n'), RDP, ('user', 'user', None, '1', '1')),
    (rdp(b'COOKIE:MSTS=3640205228.15629.0000\r\n\1\0\x08\0\3\0\0\0'), RDP, ('3640205228.15629.0000', None, '3640205228.15629.0000', '1', '0')),
    (rdp(b'Cookix: mstshash=user\r\n'), RDP, (None, None, None, '0', '0')),
    (rdp(b'Cookie: mstshash=us'), RDP, (None, None, None, None, None)),
    (b'DIST00000001ARGC00000002ARGV00000003abcARGV00000002deDOTI00000005helloXXXX', DISTCC, ('1', '3', '2', 'de', 'hello')),
    (b'DIST0000000gARGC', DISTCC, (None,) * 5),
    (b'GET /x?y HTTP/1.1\r\nHost: Hh\r\n\r\n', HTTP, ('1', 'GET', '/x', 'Hh', 'Hh/x')),
    (b'GET /x HTTP/1.1\r\nHos', HTTP, (None,) * 5),
    (b'\x15\3\1\0\2\1\0', HTTP, (None,) * 5),
    (b'\2\2abcdef', BYTES, ('0202616263', '0261', '6263', '0202', '0202616263', '0261')),
    (b'\2', BYTES, (None,) * 6),
]
if not REFERENCE:
    NEW = ('req.ssl_cipherlist,hex', 'req.ssl_supported_groups,hex', 'req.ssl_sigalgs,hex', 'req.ssl_keyshare_groups,hex', 'req.ssl_sni')
    hello = client_hello([(10, b'\0\4\0\x1d\0\x17'), (13, b'\0\2\4\3'), (51, b'\0\6\0\x1d\0\2ab'), name(b'x')])
    CASES += [
        (record(hello), NEW, ('1301002F', '001D0017', '0403', '001D', 'x')),
        # One message in several records.
        (record(hello[:5]) + record(hello[5:20]) + record(hello[20:]), NEW, ('1301002F', '001D0017', '0403', '001D', 'x')),
        (record(hello[:5]) + record(hello[5:20]), NEW, (None,) * 5),
        # Half of a name is no name.
        (record(client_hello([name(b'a.b')]))[:-1], HELLO, (None,) * 9),
    ]


def config(exprs):
    rules = ''.join(f'    tcp-request content set-var(sess.v{i}) {e}\n    tcp-request content set-var(sess.f{i}) str(yes) '
                    f'if {{ {e} -m found }}\n' for i, e in enumerate(exprs))
    told = '|'.join(f'%[var(sess.f{i})]<%[var(sess.v{i})]>' for i in range(len(exprs)))
    return f'''
defaults
    mode tcp
    timeout client 10s
    timeout server 10s
    timeout connect 2s
frontend fe
    bind <<fe>>
    log 127.0.0.1:<<log>> len 8192 local0
    log-format "told {told}"
    tcp-request inspect-delay 300ms
    tcp-request content accept if !WAIT_END FALSE
{rules}    tcp-request content reject
'''


for exprs in (HELLO, RDP, DISTCC, HTTP, BYTES) + (() if REFERENCE else (NEW,)):
    with Syslog() as log, Proxy(config(exprs), log=log.port) as p:
        for data, used, wanted in CASES:
            if used is not exprs:
                continue
            p.connect().send(data).closed()
            line = log.line('told ').split('told ', 1)[1].split('|')
            for e, w, got in zip(exprs, wanted, line):
                eq(got, '-<->' if w is None else f'yes<{w}>', f'{e} of {data[:30]!r}')

# What a server says first.
ANSWER = ('res.ssl_hello_type', 'rep_ssl_hello_type', 'res.payload(0,3),hex', 'res.payload_lv(3,2),hex', 'payload(0,3),hex', 'payload_lv(3,2),hex')
SERVER_HELLO = record(b'\2\0\0\x03\3\3x')
rules = ''.join(f'    tcp-response content set-var(sess.v{i}) {e}\n' for i, e in enumerate(ANSWER))
with Origin(raw=lambda conn, origin: conn.send(SERVER_HELLO).rest()) as s1, Syslog() as log, Proxy(f'''
defaults
    mode tcp
    timeout client 10s
    timeout server 10s
    timeout connect 2s
listen fe
    bind <<fe>>
    log 127.0.0.1:<<log>> local0
    log-format "told {'|'.join(f'%[var(sess.v{i})]' for i in range(len(ANSWER)))}|%ts"
    tcp-response inspect-delay 300ms
    tcp-response content accept if !WAIT_END FALSE
{rules}
    server s1 127.0.0.1:<<s1>>
''', s1=s1.port, log=log.port) as p:
    c = p.connect()
    eq(c.take(len(SERVER_HELLO)), SERVER_HELLO, 'the first bytes of the server')
    c.close()
    first, rest = SERVER_HELLO[:3].hex().upper(), SERVER_HELLO[5:].hex().upper()
    eq(log.line('told ').split('told ', 1)[1].split('|'), ['2', '2', first, rest, first, rest, '--'], 'what is said of them')

# Passing through by server name: nobody deciphers anything.
ROUTES = '''
defaults
    mode tcp
    timeout client 10s
    timeout server 10s
    timeout connect 2s
frontend fe
    bind <<fe>>
    tcp-request inspect-delay 5s
    tcp-request content accept if { req.ssl_hello_type 1 }
    use_backend a if { req.ssl_sni -i a.example }
    use_backend alpn if { req.ssl_alpn acme-tls/1 }
    default_backend b
backend a
    server s 127.0.0.1:<<a>>
backend b
    server s 127.0.0.1:<<b>>
backend alpn
    server s 127.0.0.1:<<c>>
'''


def say(text):
    def raw(conn, origin):
        conn.fill()
        conn.send(text)
    return raw


with Origin(raw=say(b'a')) as a, Origin(raw=say(b'b')) as b, Origin(raw=say(b'c')) as c, \
        Proxy(ROUTES, a=a.port, b=b.port, c=c.port) as p:
    for extensions, wanted in (([name(b'A.example')], b'a'), ([name(b'z')], b'b'), ([], b'b'), ([(16, b'\0\x0b\x0aacme-tls/1')], b'c')):
        hello = record(client_hello(extensions))
        conn = p.connect().send(hello[:20])
        time.sleep(0.05)        # the hello comes in two packets
        eq(conn.send(hello[20:]).take(1), wanted, f'way of {extensions}')
        conn.close()
done()
