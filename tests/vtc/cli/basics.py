#!/usr/bin/env python3
"""The command line interface: show info, show stat, servers, weights, states, errors, levels, several commands, prompt."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CONFIG = 'global\n    stats socket <<dir>>/user.sock level user\n    stats socket <<dir>>/operator.sock level operator\n    maxconn 500\n' + DEFAULTS + '''
frontend fe
    bind <<fe>>
    default_backend be
backend be
    balance roundrobin
    server s1 127.0.0.1:<<s1>> weight 10
    server s2 127.0.0.1:<<s1>> weight 10
    server s3 127.0.0.1:<<s1>> disabled
backend empty
'''

with Origin() as s1, Proxy(CONFIG, s1=s1.port) as p:
    info = dict(line.split(': ', 1) for line in p.cli('show info').splitlines() if ': ' in line)
    eq((info.get('Maxconn'), info.get('Pid')), ('500', str(p.process.pid)), 'show info')
    true({'Name', 'Version', 'Nbthread', 'Uptime_sec', 'CurrConns', 'CumReq', 'Idle_pct', 'Listeners'} <= info.keys(), 'fields of show info')

    lines = p.cli('show stat').strip().splitlines()
    true(lines[0].startswith('# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,wredis,status,'
                             'weight,act,bck,chkfail,chkdown,lastchg,downtime,qlimit,pid,iid,sid,throttle,lbtot,tracked,type,rate,'), 'header of show stat')
    eq([line.split(',')[:2] for line in lines[1:] if not line.startswith('GLOBAL')],
       [['fe', 'FRONTEND'], ['be', 's1'], ['be', 's2'], ['be', 's3'], ['be', 'BACKEND'], ['empty', 'BACKEND']], 'rows of show stat')
    eq((p.stat('fe', 'FRONTEND')['status'], p.stat('be', 's1')['status'], p.stat('be', 's3')['status']), ('OPEN', 'no check', 'MAINT'), 'states')
    for n in range(4):
        p.connect().get(b'/')
    row = p.stat('be', 's1')
    eq((row['stot'], row['lbtot'], row['hrsp_2xx']), ('2', '2', '2'), 'counters of a server')
    eq((p.stat('fe', 'FRONTEND')['req_tot'], p.stat('be', 'BACKEND')['act']), ('4', '2'), 'counters of proxies')

    eq(p.cli('get weight be/s1').strip(), '10 (initial 10)', 'get weight')
    eq(p.cli('set weight be/s1 50%').strip(), '', 'set weight in percent')
    eq(p.cli('get weight be/s1').strip(), '5 (initial 10)', 'weight changed')
    p.cli('set server be/s1 weight 20')
    eq(p.cli('get weight be/s1').strip(), '20 (initial 10)', 'set server weight')
    p.cli('set weight be/s1 100%')

    p.cli('disable server be/s1')
    eq(p.stat('be', 's1')['status'], 'MAINT', 'disable server')
    p.cli('enable server be/s1')
    eq(p.stat('be', 's1')['status'], 'no check', 'enable server')
    p.cli('set server be/s1 state drain')
    eq(p.stat('be', 's1')['status'], 'DRAIN', 'set server state drain')
    before = p.stat('be', 's1')['stot']
    for n in range(3):
        p.connect().get(b'/')
    eq(p.stat('be', 's1')['stot'], before, 'a draining server gets nothing new')
    p.cli('set server be/s1 state maint')
    eq(p.stat('be', 's1')['status'], 'MAINT', 'set server state maint')
    p.cli('set server be/s1 state ready')
    eq(p.stat('be', 's1')['status'], 'no check', 'set server state ready')
    state = p.cli('show servers state be').splitlines()
    eq(state[0], '1', 'format of show servers state')
    has(state[1], r'^# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight ', 'header of show servers state')
    eq(state[2].split()[1:5], ['be', '1', 's1', '127.0.0.1'], 'row of show servers state')
    p.cli(f'set server be/s2 addr 127.0.0.1 port {s1.port}')
    has(p.cli('set server be/s2 addr 127.0.0.2'), r'IP changed from .127\.0\.0\.1. to .127\.0\.0\.2.', 'set server addr')
    p.cli('set server be/s2 addr 127.0.0.1')

    p.cli('disable frontend fe')
    eq(p.stat('fe', 'FRONTEND')['status'], 'PAUSED', 'disable frontend')
    p.cli('enable frontend fe')
    eq((p.stat('fe', 'FRONTEND')['status'], p.connect().get(b'/').status), ('OPEN', 200), 'enable frontend')
    p.cli('set maxconn frontend fe 77')
    eq(p.stat('fe', 'FRONTEND')['slim'], '77', 'set maxconn frontend')

    has(p.cli('nonsense'), r"^Unknown command(: 'nonsense')?, but maybe one of the following", 'unknown command')
    eq(p.cli('set weight be/nope 1').strip(), 'No such server.', 'unknown server')
    has(p.cli('set weight be/s1 999999'), r'[Ww]eight', 'weight out of range')
    has(p.cli('help'), r'The following commands are valid', 'help')
    answers = p.cli('show version;get weight be/s1;get weight be/s2')
    eq(answers.count('(initial 10)'), 2, 'several commands on a line')
    eq(p.cli('show stat').count('\n\n'), 1, 'an answer ends with an empty line')

    for name, command, allowed in (('user', 'show stat', True), ('user', 'disable server be/s1', False), ('user', 'set weight be/s1 1', False),
                                   ('operator', 'show sess', True), ('operator', 'disable server be/s1', False)):
        c = p.unix(f'{name}.sock').send(command.encode() + b'\n')
        eq(b'Permission denied' not in c.rest(), allowed, f'{name}: {command}')

    c = p.unix('cli.sock').send(b'prompt\n')
    true(c.take(3).endswith(b'> '), 'prompt')
    c.send(b'get weight be/s1\n')
    eq(c.take(19), b'10 (initial 10)\n\n> ', 'interactive: first command')
    c.send(b'get weight be/s2\nquit\n')
    has(c.rest(), rb'10 \(initial 10\)', 'interactive: second command')
    p.cli('clear counters all')
    eq(p.stat('fe', 'FRONTEND')['stot'], '0', 'clear counters all')
    has(p.cli('show sess'), r'^0x', 'show sess')
    eq(p.cli('show errors').splitlines()[0].startswith('Total events captured on ['), True, 'show errors')
done()
