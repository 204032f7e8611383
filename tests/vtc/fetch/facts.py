#!/usr/bin/env python3
"""Facts that a log tells at the end of a transaction: times, bytes, connections on both sides, what decided, load of the process."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

NUMBER = r'\d+'
SHORT = r'\d{1,5}'              # ms, of what takes a moment
NS = r'[1-9]\d{2,9}'           # ns, of what takes less than 10 s
PERCENT = r'100|\d\d?'
# What 2.6 knows, and what is newer: expression, pattern of the value. Where an alias of log formats is the same fact, the value is the same.
OLD = [('fe_req_rate', '2'), ('fe_sess_rate', '[23]'), ('dst_conn', '[12]'), ('fc_rtt', SHORT), ('fc_rttvar', SHORT), ('fc_sacked', '0'), ('fc_lost', '0'),
       ('fc_retrans', '0'), ('fc_unacked', NUMBER), ('fc_fackets', '0?|-'), ('fc_reordering', r'[1-9]\d?'), ('fe_conn', '%fc'), ('thread', '0'),
       ('date_us', r'\d{1,6}'), ('src_port', '<<client>>'), ('dst_port', '<<fe_port>>')]
NEW = [('pid', '<<pid>>'), ('bc.timer.connect', '%Tc'), ('fc.timer.handshake', '0'), ('fc.timer.total', '%Tt'), ('req.timer.queue', '0'),
       ('res.timer.data', '%Td'), ('txn.timer.total', '%Ta'), ('txn.timer.user', '%Tu'), ('bytes_in', '<<in>>'), ('bytes_out', '<<out>>'),
       ('req.bytes_in', '<<in>>'), ('req.bytes_out', '<<to_server>>'), ('res.bytes_in', '<<out>>'), ('res.bytes_out', '<<to_client>>'), ('bc_be_queue', '0'),
       ('bc_srv_queue', '0'), ('txn.conn_retries', '0'), ('txn.redispatched', '0'), ('txn.id32', '%rt'), ('txn.sess_term_state', '--'),
       ('last_rule_file', '<<file>>'), ('last_rule_line', '<<line>>'), ('last_entity', '<<file>>:<<line>>'), ('waiting_entity', '-'),
       ('cpu_usage_thr', PERCENT), ('cpu_usage_grp', PERCENT), ('cpu_usage_proc', PERCENT), ('cur_queue_timeout', '3000'), ('cur_tarpit_timeout', '4000'),
       ('fc_src_port', '<<client>>'), ('fc_dst_port', '<<fe_port>>'), ('bc_src_port', '<<from>>'), ('bc_dst_port', '<<s1>>'), ('fc_dst_is_local', '1'),
       ('bc_rtt', SHORT), ('bc_rttvar', SHORT), ('cpu_ns_tot', NS), ('cpu_ns_avg', NS), ('lat_ns_tot', r'\d{1,10}'), ('lat_ns_avg', r'\d{1,10}'), ('act_conn', '%ac'),
       ('accept_date', '%Ts'), ('request_date,utime("%d/%b/%Y:%H:%M:%S %z")', '%trg'),
       ('bs.id', '0'), ('bs.rst_code', '-'), ('fs.debug_str', '<<debug>>'), ('bs.debug_str', '<<debug>>')]
# Newer, and known while the rules run.
KEPT = [('http-request', 'req.timer.idle', '%Ti'), ('http-request', 'req.timer.tq', '%Tq'), ('http-request', 'req.timer.hdr', '%TR'),
        ('http-response', 'res.timer.hdr', '%Tr')]
FACTS = OLD + ([] if REFERENCE else NEW)
FORMAT = '|'.join(f'%[{name}]' for name, _ in FACTS)
RULES = ''
for at, (rules, name, pattern) in enumerate(() if REFERENCE else KEPT):
    RULES += f'    {rules} set-var(txn.k{at}) {name}\n'
    FORMAT += f'|%[var(txn.k{at})]'
    FACTS.append((name, pattern))
SAME = [pattern for _, pattern in FACTS if pattern.startswith('%')]
FORMAT = '|'.join([FORMAT] + SAME).replace('\\', '\\\\').replace('"', '\\"')
CONFIG = f'''    nbthread 1
    profiling.tasks on
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


DEBUG = (r'fd=\d+ conn\.flg=0x[0-9a-f]+ conn\.err=0 conn\.code=0 xprt=RAW mux\.req=\d+ mux\.glitches=0 mux\.rx=\d+ '
         r'strm\.step=\d+ strm\.flg=0x[0-9a-f]+ in=%s out=%s eom=1/1')
with Origin(answer) as s1, Syslog() as log, Proxy(CONFIG, s1=s1.port, log=log.port) as p:
    c = p.connect()
    request = b'GET / HTTP/1.1\r\nHost: h\r\n\r\n'
    for _ in range(2):
        c = p.connect()
        client = c.sock.getsockname()[1]
        eq(c.send(request).response().status, 200, 'status')
        c.close()
        line = log.line()
    text = line.decode() if isinstance(line, bytes) else line
    values = re.sub(r'^<\d+>\w+ +\d+ [\d:]+ (\S+ )?\w+\[\d+\]: ', '', text.strip()).split('|')
    eq(len(values), len(FACTS) + len(SAME), f'fields of {text!r}')
    sent = str(len(request)), str(len(response(b'body')))       # nothing is added on the way
    known = {'in': sent[0], 'out': sent[1], 'to_server': sent[0], 'to_client': sent[1], 'client': str(client), 'fe_port': str(p.ports['fe']),
             's1': str(s1.port), 'from': str(s1.peers[-1][1]), 'file': re.escape(p.path), 'pid': str(p.process.pid)}
    with open(p.path, encoding='ascii') as f:
        known['line'] = str(1 + [line.strip()[:18] for line in f].index('http-request allow'))
    same = dict(zip(SAME, values[len(FACTS):]))
    for (name, pattern), value in zip(FACTS, values):
        if pattern in same:
            eq(value, same[pattern], f'{name}, which is {pattern}')
            continue
        if pattern == '<<debug>>':
            pattern = DEBUG % ((sent[name[0] == 'b'],) * 2)
        true(re.fullmatch(re.sub(r'<<(\w+)>>', lambda m: known[m.group(1)], pattern), value), f'{name}: got {value!r}, wanted {pattern!r}')
    if not REFERENCE:
        true(re.fullmatch(r'[5-9]\d|[1-9]\d\d', same['%Tr']), f'%Tr: got {same["%Tr"]}')
        true(abs(int(same['%Ts']) - time.time()) < LIMIT, f'%Ts: got {same["%Ts"]}')

# Newer ones that say nothing about an ordinary request: the rule that it waited for when it was ended, and the packet that it began with.
WAITING = DEFAULTS + '''
listen fe
    bind 127.0.0.1:<<port>> tcp-ss 1
    log 127.0.0.1:<<log>> len 8192 local0
    log-format "says %[waiting_entity] %[var(sess.syn)]"
    tcp-request connection set-var(sess.syn) fc_saved_syn,hex
    http-request pause 9s
    server s1 127.0.0.1:1
'''
TCP_SAVE_SYN, TCP_SAVED_SYN = 27, 28


def saved_syn():
    """The first packet of a connection to a socket of our own."""
    with socket.create_server(('127.0.0.1', 0)) as listening:
        listening.setsockopt(socket.IPPROTO_TCP, TCP_SAVE_SYN, 1)
        with socket.create_connection(listening.getsockname(), LIMIT), listening.accept()[0] as accepted:
            return accepted.getsockopt(socket.IPPROTO_TCP, TCP_SAVED_SYN, 500)


def comparable(packet):
    """A SYN packet without identification, checksums, ports, sequence number and time stamps."""
    p = bytearray(packet)
    for at, size in (4, 2), (10, 2), (20, 8), (36, 2):
        p[at:at + size] = bytes(size)
    at = 40
    while at < len(p) and p[at] != 0:
        if p[at] == 8:
            p[at + 2:at + 10] = bytes(8)
        at += 1 if p[at] == 1 else p[at + 1]
    return bytes(p)


if not REFERENCE:
    with socket.create_server(('127.0.0.1', 0)) as free:
        port = free.getsockname()[1]
    with Syslog() as log, Proxy(WAITING, log=log.port, port=port) as p:
        p.ports['fe'] = port
        c = p.connect().send(b'GET / HTTP/1.1\r\nHost: h\r\n\r\n')
        client = c.sock.getsockname()[1]
        found = wait_for(lambda: re.search(r'^(0x\w+): .* fe=fe ', p.cli('show sess'), re.M), 'a session')
        p.cli('shutdown session ' + found.group(1))
        entity, syn = log.line('says ').split('says ')[1].split(' ')
        with open(p.path, encoding='ascii') as f:
            at = 1 + [line.strip() for line in f].index('http-request pause 9s')
        eq(entity, f'{p.path}:{at}', 'waiting_entity')
        syn = bytes.fromhex(syn)
        eq((int.from_bytes(syn[20:22], 'big'), int.from_bytes(syn[22:24], 'big')), (client, p.ports['fe']), 'ports in fc_saved_syn')
        eq(comparable(syn).hex(), comparable(saved_syn()).hex(), 'fc_saved_syn')
done()
