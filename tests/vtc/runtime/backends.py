#!/usr/bin/env python3
"""add backend, del backend: backends that come and go while other threads serve."""
# reference: no (since 3.4)
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CONFIG = '''
global
    nbthread 4
defaults plain
    timeout connect 1s
    timeout client 5s
    timeout server 5s
defaults named
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 5s
    http-response set-header x-from-defaults yes
frontend fe from plain
    mode http
    bind <<fe>>
    use_backend %[req.hdr(x-be)] if { req.hdr(x-be) -m found }
    default_backend b
backend b from named
    server s1 127.0.0.1:<<s1>>
backend loose from named
backend table from named
    stick-table type ip size 10
'''


def says(p, command, wanted):
    eq(p.cli(command).strip(), wanted, command)


def get(p, name):
    return p.connect().get(b'/', b'X-Be: ' + name + b'\r\n')


with Origin() as s1, Proxy(CONFIG, s1=s1.port) as p:
    usage = 'Usage: add backend <name> from <defproxy> [mode <px_mode>] [guid <val>].'
    for wrong in ('add backend n', 'add backend n of named', 'add backend n from named mode', 'add backend n from named what x'):
        says(p, wrong, usage)
    says(p, 'add backend n from nope', "Cannot find default proxy 'nope'.")
    says(p, 'add backend n from plain', "Mode is required as 'plain' default proxy does not explicitly defines it.")
    says(p, 'add backend n from named mode log', 'Dynamic backends are compatible with only TCP or HTTP mode.')
    says(p, 'add backend b from named', "Error during backend creation : name is already used by other proxy 'backend b'.")
    says(p, 'add backend n from named guid g1', 'New backend registered.')
    says(p, 'add backend n2 from named guid g1', "Error during backend creation : guid 'g1' is already used.")
    says(p, 'add backend t from plain mode tcp', 'New backend registered.')

    row = p.stat('n', 'BACKEND')
    eq((row.get('status'), row.get('mode')), ('UP (UNPUB)', 'http'), 'its row')
    says(p, f'add server n/s 127.0.0.1:{s1.port}', 'New server registered.')
    p.cli('enable server n/s')
    eq(get(p, b'n').get('x-server'), b's', 'unpublished: the next rule')
    eq(p.stat('n', 'BACKEND').get('stot'), '0', 'unpublished: nothing came')
    says(p, 'publish backend n', 'Backend published.')
    r = get(p, b'n')
    eq((r.status, r.get('x-from-defaults')), (200, b'yes'), 'published')
    eq(p.stat('n', 'BACKEND').get('stot'), '1', 'one request')

    says(p, 'del backend n', 'Backend must be unpublished prior to its deletion.')
    says(p, 'unpublish backend n', 'Backend unpublished.')
    says(p, 'del backend n', 'Only a backend without server can be deleted.')
    p.cli('set server n/s state maint')
    says(p, 'wait 5s srv-removable n/s;del server n/s', 'Done.\n\nServer deleted.')
    says(p, 'wait 5s be-removable n;del backend n', 'Done.\n\nBackend deleted.')
    says(p, 'del backend n', 'No such backend.')
    eq(p.stat('n', 'BACKEND'), {}, 'no row')
    eq(get(p, b'n').status, 200, 'its name means nothing any more')
    says(p, 'del backend b', 'This proxy cannot be removed at runtime due to other configuration elements pointing to it.')
    says(p, 'del backend table', 'Cannot remove a backend with stick-table.')
    says(p, 'unpublish backend loose;del backend loose', 'Backend unpublished.\n\nBackend deleted.')

    # Many, while all threads work and others dump.
    stop, bad = threading.Event(), []

    def load():
        c = p.connect()
        while not stop.is_set():
            for name in (b'b', b'm3', b'm7'):
                r = c.get(b'/', b'X-Be: ' + name + b'\r\n')
                if r.status not in (200, 502, 503):    # 502: its session was shut down
                    bad.append(r.status)

    def dump():
        while not stop.is_set():
            p.cli('show stat;show servers state;show backend')

    workers = [threading.Thread(target=t) for t in (load, load, load, dump, dump)]
    for w in workers:
        w.start()
    for turn in range(3):
        for i in range(10):
            says(p, f'add backend m{i} from named', 'New backend registered.')
            says(p, f'add server m{i}/s 127.0.0.1:{s1.port}', 'New server registered.')
            p.cli(f'enable server m{i}/s;publish backend m{i}')
        for i in range(10):
            p.cli(f'unpublish backend m{i};set server m{i}/s state maint')
            p.cli(f'shutdown sessions server m{i}/s')
            says(p, f'wait 9s srv-removable m{i}/s;del server m{i}/s', 'Done.\n\nServer deleted.')
            says(p, f'wait 9s be-removable m{i};del backend m{i}', 'Done.\n\nBackend deleted.')
    stop.set()
    for w in workers:
        w.join()
    eq(bad, [], 'answers meanwhile')
    eq([line for line in p.cli('show backend').split() if line.startswith('m')], [], 'all are gone')
done()
