#!/usr/bin/env python3
"""Configurations that 3.5 treats differently: empty arguments, names used twice, suspicious timeouts, silent -c, default balance."""
# reference: no (behaviour of 2.9 to 3.5)
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

PROGRAM = os.environ['STEELYARD']
HEAD = '''
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 5s
'''


def check(text, *arguments):
    with open('x.cfg', 'w', encoding='ascii') as f:
        f.write(text)
    r = subprocess.run([PROGRAM, '-c', *arguments, '-f', 'x.cfg'], capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
    return r.returncode, r.stdout + r.stderr


GOOD = 'global\n    chroot /\n    user nobody\n' + HEAD + 'listen a\n    bind 127.0.0.1:1\n    server s 127.0.0.1:2\n'
status, text = check(GOOD)
eq((status, 'valid' in text), (0, False), '-c is silent')
true('Configuration file is valid' in check(GOOD, '-V')[1], '-c -V is not')

for what, extra, said in (
        ('an empty argument', 'backend b\n    server "" 127.0.0.1:1\n', r'argument number \d+ at position \d+ is empty and marks the end of the argument list'),
        ('an unset variable between quotes', 'backend b\n    http-request set-header X "${NO_SUCH_VARIABLE_HERE}"\n', r'is empty and marks the end of the argument list'),
        ('two proxies of a name', 'frontend b\n    bind 127.0.0.1:3\nbackend b\n', r"backend 'b' has the same name as frontend 'b'|frontend 'b' has the same name as backend 'b'|has the same name"),
        ('two servers of a name', 'backend b\n    server s 127.0.0.1:1\n    server s 127.0.0.1:2\n', r"another server named 's' was already defined at line \d+, please use a distinct name\."),
        ('dispatch', 'backend b\n    dispatch 127.0.0.1:1\n', r'dispatch'),
        ('nonsense with a hint', 'backend b\n    balanse roundrobin\n', r"unknown keyword 'balanse' in 'backend' section; did you mean 'balance' maybe \?")):
    status, text = check(GOOD + extra)
    eq(status, 1, f'{what}: status')
    has(text, said, what)
status, text = check(GOOD + 'backend b\n    timeout tunnel 50\n')
eq(status, 0, 'suspicious timeout: only a warning')
has(text, r"'timeout tunnel 50' in .* is suspiciously small for a value in milliseconds\. Please use an explicit unit \('50ms'\)", 'suspicious timeout')
eq(check('global\n    zero-warning\n    chroot /\n    user nobody\n' + HEAD + 'listen a\n    bind 127.0.0.1:1\n    timeout tunnel 50\n')[0], 1, 'zero-warning makes it fatal')

SERVERS = ''.join(f'    server s{n} 127.0.0.1:<<s1>>\n' for n in range(1, 5))
with Origin() as s1, Proxy(DEFAULTS + 'listen fe\n    bind <<fe>>\n' + SERVERS, s1=s1.port) as p:
    def counts():
        return [int(p.stat('fe', f's{n}')['stot']) for n in range(1, 5)]

    order = []
    for n in range(24):
        before = counts()
        p.connect().get(b'/')
        order.append([a - b for a, b in zip(counts(), before)].index(1))
    # The draws even out, so only the order tells it from a rotation.
    true(order[4:] != order[:-4] and len(set(order)) == 4, f'the default algorithm is random: {order}')
done()
