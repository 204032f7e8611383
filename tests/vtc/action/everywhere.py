#!/usr/bin/env python3
"""Every action that several rule sets know does its work in each of them: one listener per rule set and action."""
# tests: (set|unset)-var|set-var-fmt|set-(src|dst)(-port)?|sc-(inc|add)-gpc[01]?|sc-set-gpt0?|track-sc|set-(fc-|bc-)?(mark|tos)|do-log
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

import ctypes

CONN, SESS, REQ, RES = 'tcp-request connection', 'tcp-request session', 'tcp-request content', 'tcp-response content'
HREQ, HRES, AFTER = 'http-request', 'http-response', 'http-after-response'
STREAM = (REQ, RES, HREQ, HRES, AFTER)
ALL = (CONN, SESS) + STREAM
EARLY = (CONN, SESS, REQ, HREQ)
SILENT_S = 0.4
MARK, TOS = 36, 0x28                # SO_MARK; a value of the TOS field
PIDFD_GETFD, HIDDEN = 438, object()

# Action, rule sets, what is seen, lines before it, lines behind it. What is seen: (expression of the log line, value), or what a function of
# the connection says. <set> stands for the rule set, <n> for the number of the listener.
ROWS = [
    ('close', (RES,), 'server closed', '', ''),
    ('set-var(sess.v) int(3)', ALL, ('var(sess.v)', '3'), '', ''),
    ('set-var-fmt(sess.v) x%[int(3)]', ALL, ('var(sess.v)', 'x3'), '', ''),
    ('unset-var(sess.v)', ALL, ('var(sess.v)', '-'), '<set> set-var(sess.v) int(3)', ''),
    ('set-src ipv4(9.8.7.6)', EARLY, ('src', '9.8.7.6'), '', ''),
    ('set-dst ipv4(9.8.7.6)', EARLY, ('dst', '9.8.7.6'), '', ''),
    ('set-src-port int(77)', EARLY, ('src_port', '77'), '', ''),
    ('set-dst-port int(77)', EARLY, ('dst_port', '77'), '', ''),
    ('sc-inc-gpc(1,0)', ALL, ('sc_get_gpc(1,0)', '1'), 'tcp-request connection track-sc0 int(<n>) table t', ''),
    ('sc-inc-gpc0(0)', ALL, ('sc_get_gpc(0,0)', '1'), 'tcp-request connection track-sc0 int(<n>) table t', ''),
    ('sc-inc-gpc1(0)', ALL, ('sc_get_gpc(1,0)', '1'), 'tcp-request connection track-sc0 int(<n>) table t', ''),
    ('sc-add-gpc(1,0) 5', ALL, ('sc_get_gpc(1,0)', '5'), 'tcp-request connection track-sc0 int(<n>) table t', ''),
    ('sc-set-gpt(1,0) 6', ALL, ('sc_get_gpt(1,0)', '6'), 'tcp-request connection track-sc0 int(<n>) table t', ''),
    ('sc-set-gpt0(0) 7', ALL, ('sc_get_gpt(0,0)', '7'), 'tcp-request connection track-sc0 int(<n>) table t', ''),
    ('track-sc1 int(<n>) table t', EARLY + (HRES,), ('sc1_tracked', '1'), '', ''),
    ('accept', (CONN, SESS, REQ, RES), ('var(sess.v)', '-'), '', '<set> set-var(sess.v) int(3)'),
    ('allow', (HREQ, HRES, AFTER), ('var(sess.v)', '-'), '', '<set> set-var(sess.v) int(3)'),
    ('set-priority-class int(5)', (REQ, HREQ), ('prio_class', '5'), '', ''),
    ('set-priority-offset int(6)', (REQ, HREQ), ('prio_offset', '6'), '', ''),
    ('set-retries 7', (REQ, HREQ), ('cur_max_retries', '7'), '', ''),
    ('capture int(8) len 9', (REQ, HREQ), ('capture.req.hdr(0)', '8'), '', ''),
    ('capture int(8) id 0', (HRES, AFTER), ('capture.res.hdr(0)', '8'), 'declare capture response len 9', ''),
    ('set-log-level alert', STREAM, 'level', '', ''),
    ('do-log profile did<n>', ALL, 'logged', '', ''),
    ('reject', (CONN, SESS, REQ, RES, HREQ), 'refused', '', ''),
    ('deny', (HREQ, HRES), 'refused', '', ''),
    ('silent-drop', (CONN, SESS, REQ, RES, HREQ, HRES), 'silent', '', ''),
    ('set-mark 0x<n>', (CONN, SESS, REQ, RES, HREQ, HRES), 'front mark', '', ''),
    ('set-fc-mark 0x<n>', (CONN, SESS, REQ, RES, HREQ, HRES), 'front mark', '', ''),
    ('set-bc-mark 0x<n>', (REQ, HREQ), 'back mark', '', ''),
    (f'set-tos {TOS}', (CONN, SESS, REQ, RES, HREQ, HRES), 'front tos', '', ''),
    (f'set-fc-tos {TOS}', (CONN, SESS, REQ, RES, HREQ, HRES), 'front tos', '', ''),
    (f'set-bc-tos {TOS}', (REQ, HREQ), 'back tos', '', ''),
]
# What 2.6 does not know, at all or in some rule sets.
NEWER = (('sc-add-gpc', ALL), ('set-retries', ALL), ('do-log', ALL), ('set-fc-', ALL), ('set-bc-', ALL), ('sc-', (AFTER,)), ('set-log-level', (AFTER,)))


def newer(action, rules):
    return any(action.startswith(name) and rules in sets for name, sets in NEWER)


CASES = [(number, rules) + row for number, (rules, row) in
         enumerate(((rules, row) for row in ROWS for rules in row[1] if not REFERENCE or not newer(row[0], rules)), 1)]
CONFIG = DEFAULTS + '''
backend t
    stick-table type integer size 10k expire 1m store gpc(2),gpt(2)
'''
for number, rules, action, _, seen, before, behind in CASES:
    lines = [before, f'{rules} {action}', behind]
    text = '\n'.join('    ' + line.replace('<set>', rules).replace('<n>', str(number)) for line in lines if line)
    if action.startswith('do-log'):
        CONFIG += f'log-profile did{number}\n    on any format "did {number} did"\n'
    CONFIG += f'''
listen l{number}
    bind <<l{number}>>
    log 127.0.0.1:<<log>> local0
    log-format "listener {number} says <%[{seen[0] if isinstance(seen, tuple) else 'int(0)'}]>"
{text}
    server s1 127.0.0.1:<<s1>>
'''


def program_sockets(p):
    """Copies of the program's sockets: what it asked of the kernel can be read from them."""
    call, pidfd = ctypes.CDLL(None, use_errno=True).syscall, os.pidfd_open(p.process.pid)
    found = []
    for fd in os.listdir(f'/proc/{p.process.pid}/fd'):
        try:
            if os.readlink(f'/proc/{p.process.pid}/fd/{fd}').startswith('socket:'):
                copy = call(PIDFD_GETFD, pidfd, int(fd), 0)
                if copy >= 0:
                    found.append(socket.socket(fileno=copy))
        except OSError:
            pass
    os.close(pidfd)
    return found


def peer_of(sock):
    try:
        return sock.getpeername()
    except OSError:
        return None


def option(p, c, s1, side, level, name):
    """An option of the program's socket to the client or to the server; HIDDEN where sockets cannot be looked at."""
    sockets = program_sockets(p)
    if not sockets:
        return HIDDEN
    try:
        for sock in sockets:
            if sock.family == socket.AF_INET and (peer_of(sock) == c.sock.getsockname() if side == 'front' else
                                                  peer_of(sock) and sock.getsockname() == s1.peers[-1]):
                return sock.getsockopt(level, name)
    finally:
        for sock in sockets:
            sock.close()
    return None


def same_option(got, wanted, what):
    if got is not HIDDEN:
        eq(got, wanted, what)


def can_mark():
    with socket.socket() as sock:
        try:
            sock.setsockopt(socket.SOL_SOCKET, MARK, 1)
            return True
        except OSError:
            return False


def answered(c):
    try:
        return c.get(b'/').status
    except (Closed, OSError):
        return None


def check(case, p, log, s1):
    number, rules, action, _, seen = case[:5]
    what = f'{rules} {action.replace("<n>", str(number))}'
    c = p.connect(f'l{number}')
    if seen == 'silent':
        c.sock.settimeout(SILENT_S)
        try:
            eq(c.send(b'GET / HTTP/1.1\r\nHost: h\r\n\r\n').sock.recv(100), b'nothing', what)
        except (TimeoutError, ConnectionResetError):
            pass        # without privileges a reset comes through on the loopback interface
        return
    status = answered(c)
    if seen == 'refused':
        true(status in (None, 403, 502), f'{what}: got {status}')
        return
    eq(status, 502 if REFERENCE and action == 'close' else 200, what)      # 2.6 closes before it has passed on what came
    if isinstance(seen, tuple):
        has(log.line(f'listener {number} says'), f'says <{re.escape(seen[1])}>', what)
    elif seen == 'level':
        has(log.line(f'listener {number} says'), '^<129>', what)
    elif seen == 'logged':
        true(log.line(f'did {number} did'), what)
    elif seen == 'server closed':
        wait_for(lambda: s1.open == 0, what)       # the first of all
    elif seen.endswith('mark'):
        if can_mark():
            same_option(option(p, c, s1, seen.split()[0], socket.SOL_SOCKET, MARK), int(str(number), 16), what)
    else:
        same_option(option(p, c, s1, seen.split()[0], socket.IPPROTO_IP, socket.IP_TOS), TOS, what)
    c.close()


with Origin() as s1, Syslog() as log, Proxy(CONFIG, s1=s1.port, log=log.port) as p:
    for case in CASES:
        check(case, p, log, s1)
done()
