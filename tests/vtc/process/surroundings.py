#!/usr/bin/env python3
"""The global section about paths, states of servers, external checks, spelling of headers."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

here = os.getcwd()
os.makedirs('conf/sub')
for name, text in (('conf/err', b'config'), ('err', b'parent'), ('conf/sub/err', b'origin')):
    with open(name, 'wb') as f:
        f.write(b'HTTP/1.0 404 Not Found\r\n\r\n' + text)
with open('conf/names', 'w', encoding='ascii') as f:
    f.write('# spelled oddly\n\n  x-odd  X-oDD\n')
for mode, wanted in (('config', b'config'), ('parent', b'parent'), (f'origin {here}/conf/sub', b'origin')):
    with socket.create_server(('127.0.0.1', 0)) as s:
        port = s.getsockname()[1]
    with open('conf/x.cfg', 'w', encoding='ascii') as f:
        f.write(f'global\n default-path {mode}\n' + DEFAULTS +
                f' errorfile 404 err\nlisten l\n bind 127.0.0.1:{port}\n http-request deny deny_status 404\n')
    process = subprocess.Popen([PROGRAM, '-db', '-f', 'conf/x.cfg'], stderr=subprocess.DEVNULL)

    def body():
        try:
            return Conn(socket.create_connection(('127.0.0.1', port), LIMIT)).get().body
        except OSError:
            return None
    wait_for(body, 'start')
    eq(body(), wanted, f'default-path {mode}')
    process.terminate()
    process.wait()
r = subprocess.run([PROGRAM, '-c', '-f', '/dev/stdin'], input=b'global\n default-path nix\n', capture_output=True)
has(r.stderr, rb"unsupported default-path mode 'nix' for 'default-path', supported modes include 'current', 'config'", 'message')

# States of servers: what one process says is where the next one begins.
STATE = '''
backend one
    load-server-state-from-file global
    server a 127.0.0.1:1 weight 10
    server b 127.0.0.1:2 weight 10
backend two
    load-server-state-from-file local
    server-state-file-name states2
    server a 127.0.0.1:3
backend three
    server a 127.0.0.1:4
listen fe
    bind <<fe>>
'''
PATHS = f'global\n    server-state-base {here}\n    server-state-file states\n' + DEFAULTS
with Proxy(PATHS + STATE) as p:
    for line in ('set weight one/a 5', 'disable server one/b', 'set weight two/a 50%', 'disable server three/a'):
        p.cli(line)
    for name, which in (('states', ''), ('states2', ' two')):
        with open(name, 'w', encoding='latin-1') as f:
            f.write(p.cli('show servers state' + which))
with Proxy(PATHS + STATE) as p:
    eq(p.stat('one', 'a')['weight'], '5', 'weight from the state file')
    eq(p.stat('one', 'b')['status'], 'MAINT', 'state from the state file')
    has(p.cli('get weight two/a'), '^(0|1) ', 'weight from a file of its own')
    true(p.stat('three', 'a')['status'] != 'MAINT', 'a backend that does not load')

# Names as buggy clients want them.
with Origin(lambda r, o: response(b'', headers=b'X-Odd: 1\r\n')) as s, Proxy(f'global\n    h1-case-adjust-file {here}/conf/names\n' + DEFAULTS + '''
listen fe
    bind <<fe>>
    option h1-case-adjust-bogus-client
    server s 127.0.0.1:<<s>>
''', s=s.port) as p:
    true(b'X-oDD' in [n for n, _ in p.connect().get().headers], 'a header from the file')

# External checks must be allowed.
CHECK = DEFAULTS + '''
listen fe
    bind 127.0.0.1:9
    option external-check
    external-check command /bin/true
    server s 127.0.0.1:1 check
'''
r = subprocess.run([PROGRAM, '-c', '-f', '/dev/stdin'], input=CHECK.encode(), capture_output=True)
has(r.stderr, rb"'option external-check' unable to find required 'global.external-check'", 'external checks are forbidden')
r = subprocess.run([PROGRAM, '-c', '-f', '/dev/stdin'], input=b'global\n external-check\n insecure-fork-wanted\n' + CHECK.encode(), capture_output=True)
eq(r.returncode, 0, f'external checks are allowed {r.stderr}')
done()
