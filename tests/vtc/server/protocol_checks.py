#!/usr/bin/env python3
"""Checks that speak a protocol: mysql, postgres, redis, smtp, ldap, TLS hello; send-state, POST, port; track; observe."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

import struct

CONFIG = '''
defaults
    mode tcp
    timeout client 5s
    timeout server 5s
    timeout connect 500ms
    timeout check 500ms
    default-server inter 200ms fastinter 200ms downinter 200ms fall 1 rise 1
''' + ''.join(f'backend {name}\n    {option}\n    server s1 127.0.0.1:<<{name}>> check\n' for name, option in (
    ('mysql', 'option mysql-check user haproxy_check'), ('mysqlpost', 'option mysql-check user haproxy_check post-41'),
    ('pgsql', 'option pgsql-check user haproxy'), ('redis', 'option redis-check'),
    ('smtp', 'option smtpchk EHLO mail.example'), ('ldap', 'option ldap-check'), ('hello', 'option ssl-hello-chk'))) + '''
backend state
    mode http
    option httpchk POST /api/healthcheck
    http-check send-state
    http-check expect string OK
    server s1 127.0.0.1:1 check port <<http>>
backend tracking
    mode http
    server t1 127.0.0.1:<<http>> track state/s1
frontend fe
    mode http
    bind <<fe>>
    default_backend observed
backend observed
    mode http
    server o1 127.0.0.1:<<http>> check inter 1s fastinter 1s downinter 1s rise 100 observe layer7 error-limit 3 on-error mark-down
'''
sick = set()


def mysql_greeting():
    body = b'\x0a8.0.0\0' + struct.pack('<I', 7) + b'saltsalt\0' + b'\xff\xf7\x08\x02\0\xff\x81\x15' + b'\0' * 10 + b'moresaltmore\0'
    return struct.pack('<I', len(body))[:3] + b'\0' + body


def server(name, talk):
    def raw(conn, origin):
        if name in sick:
            conn.send(b'\0\0\0rubbish that is no answer at all\r\n')
            return
        talk(conn, origin)
    return Origin(raw=raw)


def mysql(conn, origin):
    conn.send(mysql_greeting())
    size = struct.unpack('<I', conn.take(3) + b'\0')[0]
    login = conn.take(1 + size)
    origin.requests.append(login)
    conn.send(b'\x07\0\0\x02\0\0\0\x02\0\0\0')      # OK packet
    conn.rest(2)


def pgsql(conn, origin):
    size = struct.unpack('!I', conn.take(4))[0]
    origin.requests.append(conn.take(size - 4))
    conn.send(b'R\0\0\0\x08\0\0\0\0')


def redis(conn, origin):
    origin.requests.append(conn.take(14))
    conn.send(b'+PONG\r\n')


def smtp(conn, origin):
    conn.send(b'220 mail ready\r\n')
    origin.requests.append(conn.line())
    conn.send(b'250-mail\r\n250 fine\r\n')
    conn.line()
    conn.send(b'221 bye\r\n')


def ldap(conn, origin):
    origin.requests.append(conn.take(14))
    conn.send(bytes.fromhex('300c02010161070a010004000400'))


def hello(conn, origin):
    kind, version, size = struct.unpack('!BHH', conn.take(5))
    origin.requests.append((kind, conn.take(size)))
    conn.send(b'\x15\x03\x00\x00\x02\x02\x28')      # an alert is an answer too


def http(request, origin):
    if request.method == b'POST':
        return response(b'all OK' if 'http' not in sick else b'no')
    if request.target == b'/bad':
        return response(b'', b'500 Bad')
    return response()


talks = {'mysql': mysql, 'mysqlpost': mysql, 'pgsql': pgsql, 'redis': redis, 'smtp': smtp, 'ldap': ldap, 'hello': hello}
origins = {name: server(name, talk) for name, talk in talks.items()}
with Origin(http) as web, Proxy(CONFIG, http=web.port, **{n: o.port for n, o in origins.items()}) as p:
    for name, origin in origins.items():
        wait_for(lambda: p.stat(name, 's1').get('check_status') in ('L7OK', 'L6OK'), f'{name}: first check, {p.stat(name, "s1").get("check_status")}')
        eq(p.stat(name, 's1').get('status'), 'UP', f'{name}: state')
        true(origin.requests, f'{name}: the check said something')
    true(b'haproxy_check' in origins['mysql'].requests[0], 'mysql: user')
    true(b'user\0haproxy\0' in origins['pgsql'].requests[0], 'pgsql: user')
    eq(origins['redis'].requests[0], b'*1\r\n$4\r\nPING\r\n', 'redis: PING')
    eq(origins['smtp'].requests[0], b'EHLO mail.example', 'smtp: greeting')
    eq(origins['hello'].requests[0][0], 22, 'TLS hello: a handshake record')

    wait_for(lambda: p.stat('state', 's1').get('check_status') == 'L7OK', 'check port')
    check = [r for r in web.requests if r.method == b'POST'][-1]
    eq(check.target, b'/api/healthcheck', 'POST of a check')
    has(check.get('x-haproxy-server-state') or b'', rb'^(UP|UP \d/\d|DOWN \d/\d|DOWN); address=127\.0\.0\.1; port=1; name=state/s1; node=[^;]+; weight=1/1; scur=0/0; qcur=0$', 'send-state')
    eq(p.stat('tracking', 't1').get('status'), 'UP', 'track')

    sick.update(talks)
    sick.add('http')
    for name in talks:
        wait_for(lambda: p.stat(name, 's1').get('status') == 'DOWN', f'{name}: DOWN on rubbish')
    wait_for(lambda: p.stat('tracking', 't1').get('status', '').startswith('DOWN'), 'the tracking server follows')

    for n in range(3):
        eq(p.connect().get(b'/bad').status, 500, 'an error of the server')
    wait_for(lambda: p.stat('observed', 'o1').get('status') == 'DOWN', 'observe: errors of the traffic mark the server down')
    eq(p.connect().get(b'/').status, 503, 'observe: down')
done()
