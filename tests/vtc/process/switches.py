#!/usr/bin/env python3
"""Options that change how a configuration is read: -dD, -dL, -dV, -dr."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

PROGRAM = os.environ['STEELYARD']
HEAD = '''defaults
    mode http
    timeout client 1s
    timeout server 1s
    timeout connect 1s
listen l
    bind 127.0.0.1:1
'''


def check(text, *options):
    """Status and messages of a configuration."""
    with open('x.cfg', 'w', encoding='ascii') as f:
        f.write(text)
    r = subprocess.run([PROGRAM, *options, '-c', '-f', 'x.cfg'], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20,
                       check=False)
    return r.returncode, r.stderr, r.stdout


late = 'global\n    nbthread 1\n    nbthread 2\n' + HEAD + '    server a 127.0.0.1:2 weight 0\nglobal\n    maxconn 10\n'
status, said, _ = check(late, '-dD')
eq(status, 0, '-dD does not change the status')
for text in (r"\[DIAG\] .* : config : \[x\.cfg:11\] : 'server l/a' : configured with weight of 0 will never be selected by load balancing "
             r'algorithms\n',
             r'\[DIAG\] .* : config : parsing \[x\.cfg:12\] : global section detected after a non-global one, the prevalence of their '
             r'statements is unspecified\n',
             r"\[DIAG\] .* : config : parsing \[x\.cfg:3\] : 'nbthread' is already defined and will be overridden\.\n"):
    has(said, text, '-dD')
true('DIAG' not in check(late)[1], 'nothing of that without -dD')

unknown = HEAD + '    server a no-such-name.invalid:80\n'
status, said, _ = check(unknown)
eq(status, 1, 'a name that does not resolve')
has(said, r"\[ALERT\] .* : config : \[x\.cfg:8\] : 'server l/a' : could not resolve address 'no-such-name\.invalid'\.\n", 'why')
status, said, _ = check(unknown, '-dr')
eq(status, 0, '-dr')
has(said, r"\[WARNING\] .* : config : \[x\.cfg:8\] : 'server l/a' : could not resolve address 'no-such-name\.invalid', disabling server\.\n",
    '-dr')

secure = HEAD + '    server a 127.0.0.1:2 ssl\n'
eq(check(secure)[0], 1, 'a server whose certificate nothing can verify')
eq(check(secure, '-dV')[0], 0, '-dV')

_, _, libraries = check(HEAD + '    server a 127.0.0.1:2\n', '-dL', '-q')
lines = libraries.splitlines()
eq(lines[0], os.path.realpath(PROGRAM), '-dL begins with the program')
true(all(os.path.exists(line) for line in lines), '-dL lists files')
true(any('libc.so' in line for line in lines), '-dL lists libraries')
eq(check('nonsense\n', '-dL', '-q')[2], '', '-dL says nothing when the configuration is wrong')
done()
