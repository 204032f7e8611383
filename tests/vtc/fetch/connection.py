#!/usr/bin/env python3
"""Sample fetches about connections and proxies: addresses, PROXY header, names, numbers, free slots, the process."""
import os
import struct
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from _values import *

GET = b'GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n'


def tlv(kind, value):
    return bytes([kind]) + struct.pack('>H', len(value)) + value


def v2(tlvs=b'', command=0x21, family=0x11, addresses=bytes([10, 1, 2, 3, 10, 4, 5, 6]) + struct.pack('>HH', 1111, 2222)):
    return b'\r\n\r\n\0\r\nQUIT\n' + bytes([command, family]) + struct.pack('>H', len(addresses + tlvs)) + addresses + tlvs


PROXIED = DEFAULTS + '''
frontend fe
    bind <<fe>> accept-proxy name sock1 id 77
<<rules>>
    http-request return status 200
'''
REQUESTS = [head + GET for head in (b'PROXY TCP4 1.2.3.4 5.6.7.8 11 22\r\n', b'PROXY UNKNOWN\r\n', b'PROXY TCP6 ::1 2001:db8::2 11 22\r\n',
                                    v2(tlv(2, b'auth.x') + tlv(5, b'uid1')), v2(command=0x20, family=0, addresses=b''))]
TABLE = [
    ('src', '1.2.3.4', '127.0.0.1', '::1', '10.1.2.3', '127.0.0.1'),
    ('src_port,field(1,_)', '11', None, '11', '1111', None),
    ('dst', '5.6.7.8', '127.0.0.1', '2001:db8::2', '10.4.5.6', '127.0.0.1'),
    ('fc_src', *['127.0.0.1'] * 5),
    ('fc_dst', *['127.0.0.1'] * 5),
    ('fc_rcvd_proxy', *['1'] * 5),
    ('fc_pp_authority', None, None, None, 'auth.x', None),
    ('fc_pp_unique_id', None, None, None, 'uid1', None),
    ('src_is_local', '0', '1', '1', '0', '1'),
    ('fc_src_is_local', *['1'] * 5),
    ('dst_is_local', '0', '1', '0', '0', '1'),
    ('so_id', *['77'] * 5),
    ('so_name', *['sock1'] * 5),
    ('base32+src,hex', '763EF3B901020304', '763EF3B97F000001', '763EF3B9' + '0' * 31 + '1', '763EF3B90A010203', '763EF3B97F000001'),
    ('fc_err', *['0'] * 5),
]
TABLE = [row for row in TABLE if 'field' not in row[0]]
compare(TABLE, ask(PROXIED, [row[0] for row in TABLE], REQUESTS), REQUESTS)

if not REFERENCE:
    TLVS = [head + GET for head in (v2(tlv(2, b'a') + tlv(0xe0, b'one') + tlv(0xe0, b'two') + tlv(0x20, b'\1\0\0\0\0' + tlv(0x22, b'cn'))),
                                    b'PROXY TCP4 1.2.3.4 5.6.7.8 11 22\r\n')]
    NEWER = [('fc_pp_tlv(0xE0)', 'one', None), ('fc_pp_tlv(224)', 'one', None), ('fc_pp_tlv(AUTHORITY)', 'a', None),
             ('fc_pp_tlv(SSL_CN)', 'cn', None), ('fc_pp_tlv(1)', None, None)]
    compare(NEWER, ask(PROXIED, [row[0] for row in NEWER], TLVS), TLVS)
    with Proxy(PROXIED.replace('<<rules>>', '    http-request deny if !{ fc_pp_tlv(0xE0) -m str two }')) as p:
        eq([p.connect().send(r).response().status for r in TLVS], [200, 403], 'a second TLV of the same type')

STATE = DEFAULTS + '''
frontend fe
    bind <<fe>>
    http-request set-src hdr(x-src) if { hdr(x-src) -m found }
    http-request set-dst hdr(x-dst) if { hdr(x-dst) -m found }
    http-request set-priority-class int(5) if { hdr(x-src) -m found }
<<rules>>
    http-request return status 200
backend b
    stick-table type string size 10
    server s1 127.0.0.1:1 maxconn 10 maxqueue 5
    server s2 127.0.0.1:1 disabled maxconn 4 maxqueue 2
    server s3 127.0.0.1:1 weight 0 maxconn 3 maxqueue 1
    server s4 127.0.0.1:1 weight 100 maxconn 7 maxqueue 1 backup
backend c
    server s1 127.0.0.1:1
    server s2 127.0.0.1:1 maxconn 3
backend d
    server s1 127.0.0.1:1 disabled maxconn 3 maxqueue 3
    server s2 127.0.0.1:1 maxconn 3 maxqueue 2 backup
    server s3 127.0.0.1:1 maxconn 4 maxqueue 2 backup
'''
REQUESTS = [GET, GET.replace(b'Host', b'X-Src: 9.8.7.6\r\nX-Dst: 2001:db8::9\r\nHost')]
os.environ['FETCH_TEST'] = 'value'
TABLE = [
    ('src', '127.0.0.1', '9.8.7.6'), ('fc_src', '127.0.0.1', '127.0.0.1'), ('dst', '127.0.0.1', '2001:db8::9'),
    ('fc_dst', '127.0.0.1', '127.0.0.1'), ('fc_rcvd_proxy', '0', '0'), ('prio_class', '0', '5'), ('prio_offset', '0', '0'),
    ('nbsrv(b)', '1', '1'), ('nbsrv(c)', '2', '2'), ('nbsrv(d)', '1', '1'), ('be_conn(b)', '0', '0'), ('be_conn_free(b)', '10', '10'),
    ('be_conn_free(c)', '-1', '-1'), ('be_conn_free(d)', '3', '3'), ('connslots(b)', '27', '27'), ('connslots(c)', '-1', '-1'),
    ('connslots(d)', '11', '11'), ('queue(b)', '0', '0'), ('avg_queue(b)', '0', '0'), ('be_sess_rate(b)', '0', '0'),
    ('srv_conn(b/s1)', '0', '0'), ('srv_conn_free(b/s1)', '10', '10'), ('srv_conn_free(c/s1)', '-1', '-1'), ('srv_is_up(b/s1)', '1', '1'),
    ('srv_is_up(b/s2)', '0', '0'), ('srv_is_up(b/s3)', '1', '1'), ('srv_iweight(b/s4)', '100', '100'), ('srv_uweight(b/s3)', '0', '0'),
    ('srv_weight(b/s4)', '100', '100'), ('srv_queue(b/s1)', '0', '0'), ('str(b/s1),srv_queue', '0', '0'), ('srv_sess_rate(b/s1)', '0', '0'), ('fe_name', 'fe', 'fe'),
    ('fe_defbe', None, None), ('fe_client_timeout', '10000', '10000'), ('fc_http_major', '1', '1'), ('fc_err_str', 'Success', 'Success'),
    ('fc_lost', '0', '0'), ('fc_retrans', '0', '0'), ('fc_reordering,bool', '1', '1'), ('fc_unacked', '0', '0'), ('env(FETCH_TEST)', 'value', 'value'),
    ('env(NO_SUCH_VARIABLE)', None, None), ('proc', '1', '1'), ('nbproc', '1', '1'), ('stopping', '0', '0'), ('rand(1)', '0', '0'),
    ('uuid,length', '36', '36'), ('cpu_calls', '1', '1'), ('cpu_ns_tot', '0', '0'), ('ssl_fc', '0', '0'),
    ('hostname', socket.gethostname(), socket.gethostname()),
]
if not REFERENCE:
    TABLE += [('fe_id,bool', '1', '1'), ('act_conn,bool', '1', '1'), ('uptime,bool,not,bool', '1', '1')]
compare(TABLE, ask(STATE, [row[0] for row in TABLE], REQUESTS), REQUESTS)

# Dates are those of this host.
with Proxy(STATE.replace('<<rules>>', lines(['date', 'date(-100)', 'date(0,ms)', 'date(7,us)', 'date_us'], 'http-request'))) as p:
    before = time.time()
    v = told(p.connect().send(GET).response(), ['date', 'date(-100)', 'date(0,ms)', 'date(7,us)', 'date_us'])
    now = int(v['date'])
    true(int(before) <= now <= time.time(), 'date')
    eq(int(v['date(-100)']), now - 100, 'date with an offset')
    true(abs(int(v['date(0,ms)']) - now * 1000) <= 1000, 'date in ms')
    true(abs(int(v['date(7,us)']) - now * 1000000) <= 1000000, 'date in us')
    true(0 <= int(v['date_us']) < 1000000, 'date_us')
done()
