#!/usr/bin/env python3
"""Facts that a log tells at the end of a transaction: times, bytes, connections on both sides, what decided, load of the process."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

NUMBER = r'\d+'
# What 2.6 knows, and what is newer: expression, pattern of the value.
OLD = [('fe_req_rate', '2'), ('fe_sess_rate', '[23]'), ('dst_conn', '[12]'), ('fc_rtt', NUMBER), ('fc_rttvar', NUMBER), ('fc_sacked', '0'), ('fc_lost', '0'),
       ('fc_retrans', '0'), ('fc_unacked', NUMBER), ('fc_fackets', '0?|-'), ('fc_reordering', NUMBER)]
NEW = [('bc.timer.connect', NUMBER), ('fc.timer.handshake', '0'), ('fc.timer.total', NUMBER), ('req.timer.queue', '0'),
       ('res.timer.data', NUMBER),
       ('txn.timer.total', NUMBER), ('txn.timer.user', NUMBER), ('bytes_in', '<<in>>'), ('bytes_out', '<<out>>'),
       ('req.bytes_in', '<<in>>'), ('req.bytes_out', NUMBER), ('res.bytes_in', '<<out>>'), ('res.bytes_out', NUMBER), ('bc_be_queue', '0'),
       ('bc_srv_queue', '0'), ('txn.conn_retries', '0'), ('txn.redispatched', '0'), ('txn.id32', NUMBER), ('txn.sess_term_state', '--'),
       ('last_rule_file', '.*cfg'), ('last_rule_line', NUMBER), ('last_entity', '.*'), ('waiting_entity', '-'), ('cpu_usage_thr', NUMBER),
       ('cpu_usage_grp', NUMBER), ('cpu_usage_proc', NUMBER), ('cur_queue_timeout', '3000'), ('cur_tarpit_timeout', '4000'), ('fc_src_port', '<<client>>'),
       ('fc_dst_port', '<<fe_port>>'), ('bc_src_port', NUMBER), ('bc_dst_port', '<<s1>>'), ('fc_dst_is_local', '1'), ('fc_saved_syn', '-|[0-9A-F]+'),
       ('bc_rtt', NUMBER), ('bc_rttvar', NUMBER), ('cpu_ns_tot', NUMBER), ('cpu_ns_avg', NUMBER), ('lat_ns_tot', NUMBER), ('lat_ns_avg', NUMBER),
       ('bs.id', '0'), ('bs.rst_code', '-'), ('fs.debug_str', '.*'), ('bs.debug_str', '.*')]
# Newer, and known while the rules run.
KEPT = [('http-request', 'req.timer.idle', NUMBER), ('http-request', 'req.timer.tq', NUMBER), ('http-request', 'req.timer.hdr', NUMBER),
        ('http-response', 'res.timer.hdr', '[5-9][0-9]|[1-9][0-9][0-9]')]
FACTS = OLD + ([] if REFERENCE else NEW)
FORMAT = '|'.join(f'%[{name}]' for name, _ in FACTS)
RULES = ''
for at, (rules, name, pattern) in enumerate(() if REFERENCE else KEPT):
    RULES += f'    {rules} set-var(txn.k{at}) {name}\n'
    FORMAT += f'|%[var(txn.k{at})]'
    FACTS.append((name, pattern))
CONFIG = f'''
defaults
    mode http
    timeout client 10s
    timeout server 10s
    timeout connect 2s
    timeout queue 3s
    timeout tarpit 4s
frontend fe
    bind <<fe>>
    log 127.0.0.1:<<log>> local0
    log-format "{FORMAT}"
{RULES}
    http-request allow if {{ path / }}
    default_backend be
backend be
    server s1 127.0.0.1:<<s1>>
'''


def answer(request, origin):
    time.sleep(0.05)
    return response(b'body')


with Origin(answer) as s1, Syslog() as log, Proxy(CONFIG, s1=s1.port, log=log.port) as p:
    c = p.connect()
    for _ in range(2):
        c = p.connect()
        request = b'GET / HTTP/1.1\r\nHost: h\r\n\r\n'
        eq(c.send(request).response().status, 200, 'status')
        c.close()
        line = log.line()
    text = line.decode() if isinstance(line, bytes) else line
    values = re.sub(r'^<\d+>\w+ +\d+ [\d:]+ (\S+ )?\w+\[\d+\]: ', '', text.strip()).split('|')
    eq(len(values), len(FACTS), f'fields of {text!r}')
    known = {'in': str(len(request)), 'out': NUMBER, 'client': NUMBER, 'fe_port': NUMBER, 's1': str(s1.port)}
    for (name, pattern), value in zip(FACTS, values):
        true(re.fullmatch(re.sub(r'<<(\w+)>>', lambda m: known[m.group(1)], pattern), value), f'{name}: got {value!r}, wanted {pattern!r}')
done()
