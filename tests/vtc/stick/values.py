#!/usr/bin/env python3
"""What every fetch and converter over a stick table says, in all its spellings: sc_x(0), sc0_x, sc1_x, sc2_x, src_x(table), table_x(table)."""
# tests: (sc[012]?|src|table)_((conn|sess|http_req|http_err|http_fail|glitch)_(cnt|rate)|conn_cur|bytes_(in|out)_rate|kbytes_(in|out)|gpc[01]_rate)
# tests: (sc[012]?|src)_(get|inc|clr)_gpc[01]|(sc[012]?|src)_get_gpt0|table_((inc_|clr_)?gpc[01]|gpt0|gpc_rate|server_id)|sc[012]?_(tracked|trackers|key)
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'fetch'))
from _values import *

RATES = ('conn_rate', 'sess_rate', 'http_req_rate', 'http_err_rate', 'http_fail_rate', 'bytes_in_rate', 'bytes_out_rate', 'gpc0_rate', 'gpc1_rate')
COUNTS = ('conn_cnt', 'conn_cur', 'sess_cnt', 'http_req_cnt', 'http_err_cnt', 'http_fail_cnt', 'bytes_in_cnt', 'bytes_out_cnt', 'gpc0', 'gpc1',
          'gpt0', 'server_id')
GLITCHES = () if REFERENCE else ('glitch_cnt', 'glitch_rate')
STORE = ','.join(COUNTS + GLITCHES[:1] + tuple(r + '(10m)' for r in RATES + GLITCHES[1:]))
TABLES = ''.join(f'''
backend t{i}
    stick-table type ip size 100 expire 10m store {STORE}
''' for i in range(3)) + '''
backend g
    stick-table type ip size 100 expire 10m store gpc(4),gpt(4),gpc_rate(4,10m)
'''
TRACK = '''
    http-request track-sc0 src table t0
    http-request track-sc1 src table t1 if { path_beg /b /c }
    http-request track-sc2 src table t2 if { path /c }
    http-request sc-inc-gpc0(0)
    http-request sc-inc-gpc0(1)
    http-request sc-inc-gpc0(2)
    http-request sc-inc-gpc1(0)
    http-request sc-inc-gpc1(1)
    http-request sc-inc-gpc1(2)
    http-request sc-set-gpt0(0) 70
    http-request sc-set-gpt0(1) 71
    http-request sc-set-gpt0(2) 72
'''
CONFIG = 'global\n    nbthread 1\n' + DEFAULTS + '''
listen fe
    bind <<fe>>
''' + TRACK + '''
<<rules>>
    server s1 127.0.0.1:<<s1>>
''' + TABLES


def get(target):
    return b'GET %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n' % target


REQUESTS = [get(target) for target in (b'/a', b'/b?404', b'/c?404', b'/c?500', b'/c?show')]
# What each counter is in the last request, for the tables of sc0, sc1 and sc2.
WANTED = {'conn_cnt': (5, 4, 3), 'conn_cur': (1, 1, 1), 'conn_rate': (5, 4, 3), 'sess_cnt': (0, 0, 0), 'sess_rate': (0, 0, 0),
          'http_req_cnt': (5, 4, 3), 'http_req_rate': (5, 4, 3), 'http_err_cnt': (2, 2, 1), 'http_err_rate': (2, 2, 1),
          'http_fail_cnt': (1, 1, 1), 'http_fail_rate': (1, 1, 1), 'gpc0_rate': (5, 4, 3), 'gpc1_rate': (5, 4, 3),
          'get_gpc0': (5, 4, 3), 'get_gpc1': (5, 4, 3), 'get_gpt0': (70, 71, 72), 'kbytes_in': (0, 0, 0), 'kbytes_out': (0, 0, 0)}
if not REFERENCE:
    WANTED.update({'glitch_cnt': (0, 0, 0), 'glitch_rate': (0, 0, 0)})
EXPECTED = {}
for what, values in WANTED.items():
    EXPECTED[f'sc_{what}(1)'] = values[1]
    for n in range(3):
        EXPECTED[f'sc{n}_{what}'] = values[n]
        EXPECTED[f'src_{what}(t{n})'] = values[n]
        if what != 'get_gpt0' or not REFERENCE:
            EXPECTED[f'src,table_{what.replace("get_", "")}(t{n})'] = values[n]
for n in range(3):
    EXPECTED[f'sc{n}_tracked'] = 1
    EXPECTED[f'sc_tracked({n})'] = 1
    EXPECTED[f'sc{n}_trackers'] = 1
    EXPECTED[f'sc_trackers({n})'] = 1
    EXPECTED[f'src,table_trackers(t{n})'] = 2 if REFERENCE else 1       # 2.6 counts the look-up itself
    EXPECTED[f'src,in_table(t{n})'] = 1
    if not REFERENCE:
        EXPECTED[f'sc{n}_key'] = '127.0.0.1'
        EXPECTED[f'sc_key({n})'] = '127.0.0.1'
# A table that is not there for the key: nothing, or 0.
EXPECTED['ipv4(9.9.9.9),table_conn_cnt(t0)'] = 0
EXPECTED['ipv4(9.9.9.9),in_table(t0)'] = 0
EXPECTED['ipv4(9.9.9.9),table_gpt0(t0)'] = 0
EXPECTED['src,table_server_id(t0)'] = 0
# Bytes of the requests before the last one, and of the responses to them; 2.6 counts what it adds and takes away, too.
BEFORE = [sum(map(len, REQUESTS[at:-1])) for at in range(3)]
BYTES = {f'{prefix}_{what}{suffix}': values[n] for what, values in (('bytes_in_rate', BEFORE), ('bytes_out_rate', (149, 111, 74)))
         for n, prefix, suffix in [(1, 'sc', '(1)')] + [(n, f'sc{n}', '') for n in range(3)]
         + [(n, form, f'(t{n})') for form in ('src', 'src,table') for n in range(3)]}


TIMES = ['src,table_expire(t0)', 'src,table_idle(t0)']


def answer(request, origin):
    query = request.target.partition(b'?')[2]
    return response(b'', status=query + b' X' if query.isdigit() else b'200 OK')


with Origin(answer) as s1:
    found = ask(CONFIG, list(EXPECTED), REQUESTS, s1=s1.port)[-1]
    for e, wanted in EXPECTED.items():
        eq(found[e], str(wanted), e)
    found = ask(CONFIG, TIMES, REQUESTS, s1=s1.port)[-1]
    true(590000 < int(found[TIMES[0]]) <= 600000, f'{TIMES[0]}: got {found[TIMES[0]]}')
    true(0 <= int(found[TIMES[1]]) < 10000, f'{TIMES[1]}: got {found[TIMES[1]]}')
    found = ask(CONFIG, list(BYTES), REQUESTS, s1=s1.port)[-1]
    for e, wanted in BYTES.items():
        if REFERENCE:
            true(30 <= int(found[e]) <= 1000, f'{e}: got {found[e]}')
        else:
            eq(found[e], str(wanted), e)

# Fetches and converters that change something, once each: what they say, one after the other.
CHANGES = []
for n, prefix, suffix, index in [(0, 'sc', '(0)', '(0,0)'), (0, 'sc0', '', None), (1, 'sc1', '', None), (2, 'sc2', '', None), (0, 'src', '(t0)', '(0,g)')]:
    for gpc in ('gpc0', 'gpc1'):
        CHANGES += [(f'{prefix}_clr_{gpc}{suffix}', None), (f'{prefix}_inc_{gpc}{suffix}', 1), (f'{prefix}_inc_{gpc}{suffix}', 2),
                    (f'{prefix}_get_{gpc}{suffix}', 2), (f'{prefix}_clr_{gpc}{suffix}', 2), (f'{prefix}_get_{gpc}{suffix}', 0)]
if not REFERENCE:
    for gpc in ('gpc0', 'gpc1'):
        CHANGES += [(f'src,table_inc_{gpc}(t0)', 1), (f'src,table_inc_{gpc}(t0)', 2), (f'src,table_{gpc}(t0)', 2), (f'src,table_clr_{gpc}(t0)', 2),
                    (f'src,table_{gpc}(t0)', 0)]
    CHANGES += [('src,table_inc_gpc(1,g)', 1), ('src,table_inc_gpc(1,g)', 2), ('src,table_gpc(1,g)', 2), ('src,table_clr_gpc(1,g)', 2)]
if not REFERENCE:       # 2.6.12 crashes
    CHANGES += [('src_inc_gpc(0,g)', 1), ('src_get_gpc(0,g)', 1), ('src_inc_gpc(0,g)', 2), ('src_gpc_rate(0,g)', 2), ('src,table_gpc(0,g)', 2),
            ('src,table_gpc_rate(0,g)', 2), ('src_clr_gpc(0,g)', 2), ('src_get_gpc(0,g)', 0), ('src_get_gpt(2,g)', 0), ('src,table_gpt(2,g)', 0)]
    CHANGES += [('sc_inc_gpc(3,0,g)', 1), ('sc_get_gpc(3,0,g)', 1), ('sc_gpc_rate(3,0,g)', 1), ('sc_clr_gpc(3,0,g)', 1),
                ('sc_get_gpc(3,0,g)', 0), ('sc_get_gpt(3,0,g)', 0), ('sc_inc_gpc(2,1,g)', 1), ('sc1_clr_gpc(2,g)', 1), ('sc_get_gpc(2,1,g)', 0)]
rules = ''
for i, (e, _) in enumerate(CHANGES):
    rules += f'    http-request set-var(txn.c{i}) {e}\n'
for i in range(0, len(CHANGES), 20):
    text = ','.join(f'%[var(txn.c{k})]' for k in range(i, min(i + 20, len(CHANGES))))
    rules += f'    http-after-response set-header c{i} "{text}"\n'
with Origin(answer) as s1, Proxy(CONFIG.replace('<<rules>>', rules), s1=s1.port) as p:
    r = p.connect().send(get(b'/c')).response()
    got = b','.join(r.get(f'c{i}') for i in range(0, len(CHANGES), 20)).decode().split(',')
    for i, (e, wanted) in enumerate(CHANGES):
        if wanted is not None:
            eq(got[i], str(wanted), f'{e} after {CHANGES[i - 1][0]}')
done()
