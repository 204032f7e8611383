#!/usr/bin/env python3
"""Server states of before the start: load-server-state-from-file, server-state-file, server-state-base, server-state-file-name, init-addr last."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

HEAD = '''1
# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_time_since_last_change \
srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn \
srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port
'''


def line(px, srv, op, admin, weight, old, health, port, addr='127.0.0.1', fqdn='-'):
    return f'2 {px} {srv[1:]} {srv} {addr} {op} {admin} {weight} {old} 50 6 3 {health} 6 0 0 0 {fqdn} {port} - 0 0 - - 0\n'


SAVED = HEAD + line('a', 's1', 2, 0, 77, 10, 4, 1) + line('a', 's2', 0, 0, 20, 20, 0, 2) + line('a', 's3', 2, 8, 5, 99, 4, 33) \
    + line('a', 's4', 2, 1, 10, 10, 4, 4) + line('a', 's5', 2, 5, 10, 10, 4, 5) + line('a', 's6', 2, 4, 10, 10, 4, 6) \
    + line('a', 's7', 3, 0, 10, 10, 4, 7) + line('a', 's8', 2, 9, 10, 10, 4, 8) + line('elsewhere', 's1', 0, 0, 1, 1, 0, 9) \
    + line('a', 's9', 2, 0, 10, 10, 4, 9, addr='127.0.0.77', fqdn='localhost')
CONFIG = DEFAULTS + '''
    load-server-state-from-file global
frontend f
    bind <<fe>>
    default_backend a
backend a
    server s1 127.0.0.1:1 weight 10
    server s2 127.0.0.1:2 weight 20 check inter 100s rise 3 fall 5
    server s3 127.0.0.1:3 weight 30
    server s4 127.0.0.1:4 weight 10
    server s5 127.0.0.1:5 weight 10
    server s6 127.0.0.1:6 weight 10 disabled
    server s7 127.0.0.1:7 weight 10
    server s8 127.0.0.1:8 weight 10
    server s9 localhost:9 weight 10 init-addr last,libc,none
backend own
    load-server-state-from-file local
    server-state-file-name mine
    server s1 127.0.0.1:1
backend named
    load-server-state-from-file local
    server s1 127.0.0.1:1
backend none
    load-server-state-from-file none
    server s1 127.0.0.1:1
'''


def states(p):
    """name -> address, operational state, administrative state, weight, configured weight, health, port"""
    found = {}
    for text in p.cli('show servers state').splitlines():
        f = text.split()
        if len(f) > 20 and f[0] != '#':
            found[f'{f[1]}/{f[3]}'] = (f[4], int(f[5]), int(f[6]), int(f[7]), int(f[8]), int(f[12]), int(f[18]))
    return found


files = {'all': SAVED, 'mine': HEAD + line('own', 's1', 2, 8, 3, 1, 2, 1), 'named': HEAD + line('named', 's1', 0, 1, 4, 1, 2, 1),
         'none': HEAD + line('none', 's1', 0, 1, 4, 1, 2, 1)}
folder = os.getcwd()
for name, text in files.items():
    with open(os.path.join(folder, name), 'w', encoding='ascii') as f:
        f.write(text)
STATE = f'''
global
    server-state-base {folder}
    server-state-file all
'''
with Proxy(STATE + CONFIG) as p:
    got = states(p)
    local = '127.0.0.1'
    eq(got['a/s1'], (local, 2, 0, 77, 10, 4, 1), 'weight set at run time')
    eq(got['a/s2'], (local, 0, 0, 20, 20, 0, 2), 'down')
    eq(got['a/s3'], (local, 2, 8, 30, 30, 4, 33), 'drained; the weight was changed in the configuration; port')
    eq(got['a/s4'], (local, 0, 1, 10, 10, 0, 4), 'maintenance')
    eq(got['a/s5'], (local, 2, 0, 10, 10, 4, 5), 'not disabled any more')
    eq(got['a/s6'][:4], (local, 2, 4, 10), 'disabled, but enabled at run time')
    eq(got['a/s7'][:4], (local, 3, 0, 10), 'stopping')
    eq(got['a/s8'][:4], (local, 2, 0, 10), 'states that exclude each other are ignored')
    eq(got['a/s9'][0], '127.0.0.77', 'init-addr last')
    eq(got['own/s1'][:4], (local, 2, 8, 3), 'a file of its own')
    eq(got['named/s1'][:4], (local, 0, 1, 4), 'a file of the name of the backend')
    eq(got['none/s1'][:4], (local, 2, 0, 1), 'none')
    saved = p.cli('show servers state')

# What one process shows the next one takes.
with open(os.path.join(folder, 'all'), 'w', encoding='ascii') as f:
    f.write(saved)
with Proxy(STATE + CONFIG) as p:
    again = states(p)
    eq([again[n][:4] for n in sorted(again) if n.startswith('a/')], [got[n][:4] for n in sorted(got) if n.startswith('a/')], 'twice')

for text, message in (('2\n', "Can't get version of the global server state file"), ('', "Can't get version of"),
                      ('1\nnonsense\n', "corrupted global server state file '[^']*all' at line 1")):
    with open(os.path.join(folder, 'all'), 'w', encoding='ascii') as f:
        f.write(text)
    with Proxy(STATE + CONFIG) as p:
        eq(states(p)['a/s1'][:4], (local, 2, 0, 10), 'a bad file changes nothing')
        if text or not REFERENCE:
            has(p.output(), message, 'warning')
os.unlink(os.path.join(folder, 'all'))
with Proxy(STATE + CONFIG) as p:
    has(p.output(), r"Can't open global server state file '[^']*all': No such file", 'warning about a missing file')
done()
