#!/usr/bin/env python3
"""Actions of tcp-request content: variables, priorities, log levels, reject, silent-drop, switch-mode http."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CONFIG = '''
defaults
    timeout client 5s
    timeout server 5s
    timeout connect 2s
frontend up
    mode tcp
    bind <<up>>
    tcp-request inspect-delay 2s
    tcp-request content set-var(txn.first) req.payload(0,4)
    tcp-request content set-priority-class int(5)
    tcp-request content set-log-level silent
    tcp-request content reject if { var(txn.first) -m str DROP }
    tcp-request content switch-mode http if HTTP
    tcp-request content set-var(sess.after) int(1)
    http-request set-header X-Frontend yes
    use_backend http if { req.hdr(host) -m found }
    use_backend http if { var(txn.first) -m str "GET " }
    default_backend raw
backend http
    mode http
    http-request set-header X-First "%[var(txn.first)]"
    http-request set-header X-After "%[var(sess.after)]"
    server s1 127.0.0.1:<<s1>>
backend raw
    mode tcp
    server s2 127.0.0.1:<<s2>>
frontend quiet
    mode tcp
    bind <<quiet>>
    tcp-request content silent-drop
    default_backend raw
'''


def echo(conn, origin):
    conn.send(b'raw:' + conn.line() + b'\r\n')


with Origin() as s1, Origin(raw=echo) as s2, Proxy(CONFIG, s1=s1.port, s2=s2.port) as p:
    c = p.connect('up')
    eq(c.get(b'/').body, b'hello', 'HTTP')
    eq(s1.requests[-1].get('x-first'), b'GET', 'a variable from the first bytes')
    eq((s1.requests[-1].get('x-after'), s1.requests[-1].get('x-frontend')), (b'', b'yes'), 'no more rules of TCP after the switch, but those of HTTP')
    eq(c.get(b'/again').body, b'hello', 'keep-alive after the switch')
    eq(p.connect('up').send(b'SSH-2.0-x\r\n').line(), b'raw:SSH-2.0-x', 'not HTTP')
    true(p.connect('up').send(b'DROP it\r\n').closed(), 'reject')
    # Without privileges a reset comes through on the loopback interface; with them nothing does.
    c = p.connect('quiet').send(b'x\r\n')
    c.sock.settimeout(0.3)
    try:
        eq(c.sock.recv(10), b'never', 'silent-drop: an answer')
    except (TimeoutError, ConnectionResetError):
        pass
done()
