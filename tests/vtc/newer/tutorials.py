#!/usr/bin/env python3
"""What old tutorials write and today's HAProxy refuses: it works here, with a warning that names the modern form."""
# reference: no (removed from HAProxy years ago)
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

PROGRAM = os.environ['STEELYARD']
OLD = '''
global
    daemon
    maxconn 4096
    nbproc 2
defaults
    mode http
    timeout connect 5000ms   # a comment
    timeout client 50000ms
    timeout server 50000ms
frontend http-in
    bind 127.0.0.1:<<port>>
    acl is_admin path_beg /admin    # path of administrators
    acl allowed_ip src 192.168.1.0/24
    block if is_admin !allowed_ip
    default_backend web_servers
backend web_servers
    balance roundrobin
    option httpchk GET /health HTTP/1.1\\r\\nHost:\\ example.com
    server web1 127.0.0.1:<<s1>> check inter 3s rise 2 fall 3
    server web2 127.0.0.1:<<s1>> check \\
        inter 3s \\      # every three seconds
        rise 2 \\        # twice
        fall 3 \\
        timeout 2s      # of the check
'''


def answer(request, origin):
    return response(b'fine')


with socket.create_server(('127.0.0.1', 0)) as s:
    port = s.getsockname()[1]
with Origin(answer) as s1:
    with open('x.cfg', 'w', encoding='ascii') as f:
        f.write(OLD.replace('<<port>>', str(port)).replace('<<s1>>', str(s1.port)).replace('    daemon\n', ''))
    r = subprocess.run([PROGRAM, '-c', '-f', 'x.cfg'], capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
    eq(r.returncode, 0, 'old configuration is accepted')
    for word, modern in (('nbproc', 'nbthread'), ('block', 'http-request deny')):
        has(r.stderr, rf'(?i)warning.*{word}[\s\S]*{modern}', f'{word}: the warning names {modern}')
    child = subprocess.Popen([PROGRAM, '-db', '-f', 'x.cfg'], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        def get(target):
            try:
                c = Conn(socket.create_connection(('127.0.0.1', port), 1))
                return c.get(target, b'Connection: close\r\n').status
            except (OSError, Closed):
                return 0
        wait_for(lambda: get(b'/') == 200, 'start')
        eq(get(b'/admin/x'), 403, 'block')
        checks = wait_for(lambda: [q for q in s1.requests if q.target == b'/health'], 'health check') or []
        true(checks and checks[0].get('host') == b'example.com', 'Host that is hidden in the version of httpchk')
    finally:
        child.terminate()
        child.wait(10)
done()
