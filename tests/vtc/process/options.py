#!/usr/bin/env python3
"""Options of the command line that came after 2.6: short versions, the dump of the configuration, switches."""
# reference: no (options of 2.7 to 3.4)
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

PROGRAM = os.environ['STEELYARD']
folder = os.getcwd()
path = os.path.join(folder, 'x.cfg')
with open(path, 'w', encoding='ascii') as f:
    f.write('''# a comment
defaults
    mode   "http"   # and another
    timeout client 1s
    timeout server 1s
    timeout connect 1s
.if version_atleast(1.0)
frontend f
    bind 127.0.0.1:1
    http-request deny if { path /a\\ b } \\  # goes on
        { src 127.0.0.1 }
.else
frontend never
.endif
''')


def run(*args):
    return subprocess.run([PROGRAM, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False)


has(run('-vq').stdout, r'^3\.5\.\d+-\S+\n$', '-vq')
has(run('-vqs').stdout, r'^3\.5\.\d+\n$', '-vqs')
eq(run('-vqb').stdout, '3.5\n', '-vqb')
has(run('-vv').stdout, r'bufsize = 16384, maxrewrite = 1024, maxpollevents = 200', '-vv knows the defaults')

dump = '''defaults
\tmode http
\ttimeout client 1s
\ttimeout server 1s
\ttimeout connect 1s
frontend f
\tbind 127.0.0.1:1
\thttp-request deny if { path /a b } { src 127.0.0.1 }
'''
eq(run('-c', '-dC', '-f', path).stdout, dump, '-dC')
lines = run('-c', '-dC,line', '-f', path).stdout.splitlines()
eq(lines[0], '2\tdefaults', '-dC,line')
eq(lines[1], '3\t\tmode http', '-dC,line within a section')
eq(run('-c', '-dCnothing', '-f', path).returncode, 1, '-dC with what is no key is refused')

for switch in ('-dF', '-dZ', '-dT', '-dI', '-4', '-dc'):
    r = run(switch, '-c', '-f', path)
    eq((switch, r.returncode), (switch, 0), 'accepted')
for option, why in (('-dt', 'not supported yet'), ('-dA', 'not supported yet'), ('-dY', 'unknown option'), ('-S', 'expects')):
    r = run('-c', '-f', path, option)
    true(r.returncode == 1 and why in r.stderr, f'{option}: {r.stderr[:100]!r}')
r = run('-S', folder + '/m', '-c', '-f', path)
true(r.returncode == 1 and '-W' in r.stderr, '-S without -W')
done()
