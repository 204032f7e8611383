#!/usr/bin/env python3
"""tcp-check scripts: send, expect, connect, comments; agent checks."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CONFIG = '''
defaults
    mode tcp
    timeout client 5s
    timeout server 5s
    timeout connect 500ms
    timeout check 500ms
    default-server inter 200ms fastinter 200ms downinter 200ms fall 1 rise 1
backend redis
    option tcp-check
    tcp-check connect
    tcp-check send PING\\r\\n
    tcp-check expect string +PONG
    tcp-check send-binary 494e464f0d0a
    tcp-check expect rstring role:(master|slave) comment "the role"
    tcp-check send QUIT\\r\\n
    tcp-check expect binary 2b4f4b
    server s1 127.0.0.1:<<s1>> check
backend agent
    server s2 127.0.0.1:<<s1>> check weight 100 agent-check agent-port <<agent>> agent-inter 200ms agent-send who\\n
'''
role, word = [b'master'], [b'up 50%\n']


def redis(conn, origin):
    while True:
        line = conn.line()
        origin.requests.append(line)
        conn.send({b'PING': b'+PONG\r\n', b'INFO': b'# x\r\nrole:' + role[0] + b'\r\n', b'QUIT': b'+OK\r\n'}[line])
        if line == b'QUIT':
            return


def agent(conn, origin):
    conn.fill()
    origin.requests.append(conn.data)
    conn.send(word[0])


def row(p, px, sv, **wanted):
    def same():
        r = p.stat(px, sv)
        return r if all(re.fullmatch(v, r.get(k, '')) for k, v in wanted.items()) else None
    return wait_for(same, f'{px}/{sv}: {wanted}, last {p.stat(px, sv)}') or {}


with Origin(raw=redis) as s1, Origin(raw=agent) as a, Proxy(CONFIG, s1=s1.port, agent=a.port) as p:
    row(p, 'redis', 's1', status='UP', check_status='L7OK')
    eq(s1.requests[:3], [b'PING', b'INFO', b'QUIT'], 'what the script sends')
    role[0] = b'sentinel'
    row(p, 'redis', 's1', status='DOWN', check_status='L7TOUT|L7RSP')
    role[0] = b'slave'
    row(p, 'redis', 's1', status='UP')

    row(p, 'agent', 's2', weight='50', agent_status='L7OK')
    eq(a.requests[0], b'who\n', 'agent-send')
    for said, wanted in ((b'75%\n', {'weight': '75'}), (b'drain\n', {'status': 'DRAIN.*'}), (b'ready 100%\n', {'status': 'UP', 'weight': '100'}),
                         (b'down sick\n', {'status': 'DOWN.*'}), (b'up\n', {'status': 'UP'}), (b'maint\n', {'status': 'MAINT.*'}),
                         (b'ready\n', {'status': 'UP'})):
        word[0] = said
        row(p, 'agent', 's2', **wanted)
done()
