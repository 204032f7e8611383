#!/usr/bin/env python3
"""Commands of the runtime API: servers that come and go, waiting, sessions, captures of errors, maps, variables, prompts, payloads."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CONFIG = '''
global
    nbthread 2
''' + DEFAULTS + '''
frontend fe
    bind <<fe>>
    http-request set-var(txn.m) path,map(virt@m,none)
    http-response set-header x-m %[var(txn.m)]
    default_backend be
backend be
    balance roundrobin
    server s1 127.0.0.1:<<s1>>
backend other
    balance roundrobin
    server s1 127.0.0.1:<<s1>> track be/s1
backend static
    balance static-rr
    server s1 127.0.0.1:<<s1>>
'''
if REFERENCE:
    skip('3.5 only')


def line(text):
    return text.strip()


with Origin() as s1, Proxy(CONFIG.replace(' track be/s1', ''), s1=s1.port) as p:
    # servers that come and go
    eq(p.cli('add server be').strip(), "Require 'backend/server'.", 'add server without a name')
    eq(p.cli('add server nope/x 127.0.0.1:1').strip(), 'No such backend.', 'add server to nothing')
    has(p.cli('add server static/x 127.0.0.1:1'), 'dynamic load balancing', 'static algorithm')
    has(p.cli('add server be/new'), r"'server' expects <name> and <addr>\[:<port>\] as arguments\.", 'add server without address')
    has(p.cli('add server be/new 127.0.0.1:1 nonsense'), 'nonsense', 'unknown option')
    eq([r for r in p.cli('show stat').splitlines() if r.startswith('be,new')], [], 'nothing is left of a server that was refused')
    eq(line(p.cli(f'add server be/new 127.0.0.1:{s1.port} weight 3 check inter 100')), 'New server registered.', 'add server')
    eq(line(p.cli(f'add server be/new 127.0.0.1:{s1.port}')), 'Already exists a server with the same name in backend.', 'twice')
    eq((p.stat('be', 'new')['status'], p.stat('be', 'new')['weight'], p.stat('be', 'new')['sid']), ('MAINT', '3', '2'), 'begins in maintenance')
    p.cli('enable server be/new')
    p.cli('enable health be/new')
    wait_for(lambda: p.stat('be', 'new')['status'] == 'UP' and p.stat('be', 'new')['check_status'].startswith('L4OK'), 'is checked')
    for n in range(8):
        eq(p.connect().get(b'/').status, 200, 'traffic with the new server')
    eq(p.stat('be', 'new')['stot'], '6', 'takes its share')
    eq(line(p.cli('del server be/new')), 'Only servers in maintenance mode can be deleted.', 'must be in maintenance')
    has(p.cli('wait 5s srv-removable be/new'), r'^Failed\. Only servers in maintenance', 'hopeless')
    p.cli('disable server be/new')
    eq(line(p.cli('wait 5s srv-removable be/new')), 'Done.', 'wait until it can go')
    eq(line(p.cli('del server be/new')), 'Server deleted.', 'del server')
    eq(line(p.cli('del server be/new')), 'No such server.', 'deleted twice')
    for n in range(4):
        eq(p.connect().get(b'/').status, 200, 'traffic without it')
    for n in range(20):
        p.cli(f'add server be/n{n} 127.0.0.1:{s1.port};enable server be/n{n}')
        eq(p.connect().get(b'/').status, 200, 'traffic while servers come')
        p.cli(f'disable server be/n{n};wait 1s srv-removable be/n{n};del server be/n{n}')
    eq([r.split(',')[1] for r in p.cli('show stat be 4 -1').splitlines() if r.startswith('be,')], ['s1'], 'and go')

    # waiting
    t = time.monotonic()
    eq(line(p.cli('wait 200')), 'Done.', 'wait')
    true(0.15 < time.monotonic() - t < 2, 'as long as it was told')

    # sessions
    c = p.connect()
    c.send(b'GET / HTTP/1.1\r\nHost: h\r\n')
    sess = wait_for(lambda: [x for x in p.cli('show sess').splitlines() if ' fe=fe ' in x], 'session of a request')
    ident = sess[0].split(':')[0]
    has(p.cli(f'show sess {ident}'), r'frontend=fe \(id=\d+ mode=http\)', 'all about one')
    eq(line(p.cli('show sess 0x1')), 'Session not found.', 'unknown session')
    eq(line(p.cli('shutdown session nope')), "Session pointer expected (use 'show sess').", 'no pointer')
    eq(line(p.cli(f'shutdown session {ident}')), '', 'shutdown session')
    wait_for(lambda: not [x for x in p.cli('show sess').splitlines() if ' fe=fe ' in x], 'session is gone')
    eq(line(p.cli('show sess older 1h')), '', 'none is so old')

    # captures of errors
    eq(p.connect().send(b'GET / HTTP/1.1\r\nHost: h\r\nbad header: x\x01\r\n\r\n').response().status, 400, 'bad request')
    text = p.cli('show errors')
    has(text, r'^Total events captured on \[[^]]+\] : 1\n', 'one capture')
    has(text, r'frontend fe \(#\d+\): invalid request', 'whose')
    has(text, r'error at position 28', 'where')
    has(text, r'  00025  bad header: x\\x01\\r\\n', 'what')
    true('invalid' not in p.cli('show errors fe response'), 'responses only')
    eq(line(p.cli('show errors nope')), 'No such proxy.', 'unknown proxy')

    # maps
    eq(p.connect().get(b'/a').get('x-m'), b'none', 'empty map')
    eq(line(p.cli('add map virt@m /a one')), '', 'add map')
    eq(p.connect().get(b'/a').get('x-m'), b'one', 'entry')
    eq(line(p.cli('set map virt@m /a two')), '', 'set map')
    eq(p.connect().get(b'/a').get('x-m'), b'two', 'changed entry')
    eq(line(p.cli('add map virt@m <<\n/b three\n/c four\n\n')), '', 'payload')
    eq((p.connect().get(b'/b').get('x-m'), p.connect().get(b'/c').get('x-m')), (b'three', b'four'), 'entries of a payload')
    eq(line(p.cli('add map virt@m <<END\n/d five\nEND\n')), '', 'payload with a mark')
    eq(p.connect().get(b'/d').get('x-m'), b'five', 'entry of it')
    eq(len(line(p.cli('show map virt@m')).splitlines()), 4, 'show map')
    version = re.search(r'New version created: (\d+)', p.cli('prepare map virt@m')).group(1)
    p.cli(f'add map @{version} virt@m /a six')
    eq(p.connect().get(b'/a').get('x-m'), b'two', 'not committed')
    eq(line(p.cli(f'commit map @{version} virt@m')), '', 'commit')
    eq((p.connect().get(b'/a').get('x-m'), p.connect().get(b'/b').get('x-m')), (b'six', b'none'), 'committed')
    eq(line(p.cli('del map virt@m /nope')), 'Key not found.', 'del map')
    eq(line(p.cli('clear map virt@m')), '', 'clear map')
    eq(p.connect().get(b'/a').get('x-m'), b'none', 'cleared')
    has(p.cli('get map nope x'), '^Unknown map identifier', 'unknown map')

    # variables
    eq(line(p.cli('set var proc.x str(a)')), 'This command is restricted to experimental mode only.', 'experimental')
    has(p.cli('experimental-mode on;set var proc.x str(hello),upper;get var proc.x'), r'proc\.x: type=str value=<HELLO>', 'set var')
    eq(line(p.cli('get var proc.nope')), 'Variable not found.', 'get var')

    # modes of the connection
    c = p.unix('cli.sock').send(b'prompt i\nget weight be/s1\nget weight be/s1\n')
    eq(c.take(3 + 2 * 14 - 2), b'\n1 (initial 1)\n\n1 (initial 1)\n\n'[:29], 'interactive without a prompt')
    c.close()
    has(p.cli('prompt nonsense'), '^Usage: prompt', 'prompt mode')
    has(p.cli('help show ser'), r'show servers conn[^\n]*\n  show servers state', 'help about words')
    has(p.cli('sho info'), r"^Unknown command: 'sho', but maybe one of the following ones is a better match:\n", 'mistyped')
    has(p.cli('show cache'), "^'show cache' is not supported yet", 'not there yet')
    has(p.cli('set severity-output number;get weight be/nope'), r'\[3\]: No such server\.', 'severity')

    # the rest answers
    for command, expect in (('show threads', r'Thread 1 .*Thread 2 '), ('show activity', r'loops: \d+ \[ \d+ \d+ \]'), ('show fd', r'l\.st=RDY fe=fe'),
                            ('show pools', r'^Dumping pools usage'), ('show libs', r'^0x[0-9a-f]+-0x[0-9a-f]+ \(0x'), ('show dev', r'Process info'),
                            ('show events', r'^Supported events sinks'), ('show schema json', r'^\{"\$schema"'), ('show backend', r'^# name\nbe\n'),
                            ('show servers conn', r'\nbe/s1 \d+/1 127\.0\.0\.1 \d+ - 5000 '), ('show info json', r'^\[\{"field":\{"pos":0,"name":"Name"\}'),
                            ('show stat typed', r'^F\.\d+\.0\.0\.pxname\.1:KNSV:str:fe\n'), ('debug counters', r'^Count')):
        true(re.search(expect, p.cli(command), re.S), f'{command}: {expect}')
done()
