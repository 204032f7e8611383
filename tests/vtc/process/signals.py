#!/usr/bin/env python3
"""The process: -c and its status, -v, soft stop and hard stop, pid file, master with reload by SIGUSR2, -sf, bad reload keeps the old worker."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CONFIG = DEFAULTS + '''
listen fe
    bind 127.0.0.1:<<port>>
    http-request return status 200 content-type text/plain string <<word>>
'''
PROGRAM = os.environ['STEELYARD']


def run(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)


def port():
    with socket.create_server(('127.0.0.1', 0)) as s:
        return s.getsockname()[1]


folder = os.getcwd()
number = port()
path = os.path.join(folder, 'x.cfg')


def write(word, extra=''):
    with open(path, 'w', encoding='ascii') as f:
        f.write(CONFIG.replace('<<port>>', str(number)).replace('<<word>>', word) + extra)


def ask():
    try:
        return Conn(socket.create_connection(('127.0.0.1', number), 1)).get(b'/', b'Connection: close\r\n').body
    except (OSError, Closed):
        return None


def gone(pid):
    try:
        with open(f'/proc/{pid}/stat', encoding='ascii') as f:
            return f.read().split(') ')[1][0] == 'Z'
    except OSError:
        return True


def settle():
    """The reference's master begins anew once a worker has started, and takes no signals until then."""
    if REFERENCE:
        time.sleep(1)


write('one')
eq(run('-c', '-f', path).returncode, 0, '-c of a good file')
true('Configuration file is valid' in run('-c', '-V', '-f', path).stdout, '-c -V')
eq(run('-v').returncode, 0, '-v')
has(run('-v').stdout, r'^\S+ version ', '-v says the version')
has(run('-vv').stdout, r'OPENSSL', '-vv lists features')
eq(run('-cc', 'version_atleast(2.0)').returncode, 0, '-cc true')
eq(run('-cc', 'version_atleast(99.0)').returncode, 1, '-cc false')
eq(run('-c', '-f', folder + '/nowhere.cfg').returncode, 1, '-c of no file')
write('one', '    nonsense here\n')
r = run('-c', '-f', path)
eq(r.returncode, 1, '-c of a bad file')
has(r.stderr, r"\[ALERT\] +\(\d+\) : config : parsing \[.*x\.cfg:\d+\] ?: unknown keyword 'nonsense' in 'listen' section", 'message of -c')
eq(run().returncode if REFERENCE else 1, 1, 'without arguments the reference refuses')

# Foreground: SIGUSR1 ends it when its sessions end, SIGTERM at once.
write('one')
for sig, status in ((signal.SIGUSR1, 0), (signal.SIGTERM, -15), (signal.SIGINT, -2)):
    child = subprocess.Popen([PROGRAM, '-db', '-f', path], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: ask() == b'one', 'start')
    child.send_signal(sig)
    eq(child.wait(10), status, f'status after {sig!r}')
    eq(ask(), None, 'the port is free again')

# Daemon with a pid file; a successor with -sf takes over on the same port.
pidfile = os.path.join(folder, 'pid')
eq(run('-D', '-p', pidfile, '-f', path).returncode, 0, '-D returns when the daemon runs')
first = int(open(pidfile, encoding='ascii').read())
wait_for(lambda: ask() == b'one', 'daemon')
write('two')
eq(run('-D', '-p', pidfile, '-f', path, '-sf', str(first)).returncode, 0, '-sf')
second = int(open(pidfile, encoding='ascii').read())
true(second != first, 'a new process')
wait_for(lambda: gone(first), 'the old process ends')
eq(ask(), b'two', 'the successor answers')
os.kill(second, signal.SIGTERM)
wait_for(lambda: gone(second), 'daemon ends')

# Master and worker.
write('three')
child = subprocess.Popen([PROGRAM, '-W', '-f', path], stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
try:
    wait_for(lambda: ask() == b'three', 'master and worker')
    settle()

    write('four')
    child.send_signal(signal.SIGUSR2)
    wait_for(lambda: ask() == b'four', 'reload')
    settle()
    # A configuration that does not load leaves the old worker at work.
    write('five', '    nonsense here\n')
    child.send_signal(signal.SIGUSR2)
    time.sleep(1)
    eq(ask(), b'four', 'a bad configuration changes nothing')
    eq(child.poll(), None, 'the master is still there')
    write('six')
    child.send_signal(signal.SIGUSR2)
    wait_for(lambda: ask() == b'six', 'reload after a bad one')
    settle()
    child.send_signal(signal.SIGTERM)
    eq(child.wait(10), 0, 'status of the master after SIGTERM')
    eq(ask(), None, 'nothing is left')
finally:
    if child.poll() is None:
        child.kill()
        child.wait()
done()
