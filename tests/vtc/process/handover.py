#!/usr/bin/env python3
"""-x: a process takes the listening sockets of another through its runtime API, in both directions between programs, and no request
under way or in an accept queue is lost."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *
import array
import struct

HAPROXY = '/usr/sbin/haproxy'
MORE = 300      # listeners: more than one message holds
CONFIG = '''
global
    nbthread <<n>>
    stats socket <<dir>>/cli.sock level admin expose-fd listeners
''' + DEFAULTS + '''
listen fe
    bind 127.0.0.1:<<port>>
    bind <<dir>>/fe.sock
    http-request return status 200 content-type text/plain string "<<text>>"
listen more
    bind 127.0.0.1:<<low>>-<<high>>
    http-request return status 200
'''
folder = os.getcwd()


def free_port():
    with socket.create_server(('127.0.0.1', 0)) as s:
        return s.getsockname()[1]


def free_range(count):
    for low in range(12000, 32000, 500):
        try:
            for i in range(count):
                socket.create_server(('127.0.0.1', low + i)).close()
            return low
        except OSError:
            continue
    return skip('no free ports')


port, low = free_port(), free_range(MORE)


def start(program, text, n, *args):
    path = os.path.join(folder, f'{text}.cfg')
    with open(path, 'w', encoding='ascii') as f:
        f.write(CONFIG.replace('<<port>>', str(port)).replace('<<dir>>', folder).replace('<<text>>', text).replace('<<n>>', str(n))
                .replace('<<low>>', str(low)).replace('<<high>>', str(low + MORE - 1)))
    out = open(os.path.join(folder, f'{text}.out'), 'wb')
    return subprocess.Popen([program, '-db', '-f', path, *args], stdin=subprocess.DEVNULL, stdout=out, stderr=out)


def ask(unix=False):
    if unix:
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(LIMIT)
        sock.connect(os.path.join(folder, 'fe.sock'))
    else:
        sock = socket.create_connection(('127.0.0.1', port), LIMIT)
    c = Conn(sock)
    try:
        return c.get(b'/', b'Connection: close\r\n').body
    finally:
        c.close()


def answers(text, unix=False):
    def check():
        try:
            return ask(unix) == text
        except OSError:
            return False
    return check


def question(path):
    """What the other side of -x sees: the number of sockets, and all that were sent."""
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(LIMIT)
    sock.connect(path)
    sock.send(b'_getsocks\n')
    head = sock.recv(4)
    if len(head) < 4:
        return 0, 0
    fds, total = 0, struct.unpack('i', head)[0]
    while fds < total:
        data, extra, _, _ = sock.recvmsg(1 << 16, 4096)
        got = array.array('i')
        for _, _, d in extra:
            got.frombytes(d)
        if not got:
            break
        for fd in got:
            os.close(fd)
        eq(len(data), 6 * len(got), 'bytes of a message')
        sock.send(struct.pack('i', fds)) if fds + len(got) < total else None
        fds += len(got)
    sock.close()
    return total, fds


# (program, threads) in turn; numbers of threads change so that there are more sockets than threads, and fewer.
chain = [(PROGRAM, 2), (PROGRAM, 4), (PROGRAM, 1)]
if not REFERENCE and os.path.exists(HAPROXY):
    chain += [(HAPROXY, 2), (PROGRAM, 3), (HAPROXY, 1), (PROGRAM, 2)]
stop, results = threading.Event(), []


def load(unix):
    while not stop.is_set():
        try:
            results.append(ask(unix))
        except Exception as e:      # whatever it is, it is a request that failed
            results.append(repr(e))


process = start(chain[0][0], 'p0', chain[0][1])
try:
    wait_for(answers(b'p0'), 'start')
    total, sent = question(os.path.join(folder, 'cli.sock'))
    true(total >= MORE + 3 and sent == total, f'{sent} of {total} sockets sent')
    workers = [threading.Thread(target=load, args=(i == 0,)) for i in range(3)]
    for w in workers:
        w.start()
    for i, (program, n) in enumerate(chain[1:], 1):
        text = f'p{i}'
        old, process = process, start(program, text, n, '-x', os.path.join(folder, 'cli.sock'), '-sf', str(process.pid))
        try:
            old.wait(LIMIT)
        except subprocess.TimeoutExpired:
            true(False, f'the process before {text} has not ended')
            old.kill()
        wait_for(answers(text.encode()), f'{text}, which is {program}')
        wait_for(answers(text.encode(), True), f'{text} on its unix socket')
        time.sleep(0.2)
    stop.set()
    for w in workers:
        w.join()
    bad = [r for r in results if not re.fullmatch(rb'p\d', r if isinstance(r, bytes) else b'')]
    true(len(results) > 50, f'{len(results)} requests')
    eq(bad[:3], [], f'{len(bad)} of {len(results)} requests failed')
finally:
    stop.set()
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()

# Who is not asked to expose sockets says nothing, and the start fails.
with Proxy(DEFAULTS + 'listen fe\n    bind <<fe>>\n    http-request return status 200\n') as p:
    eq(question(os.path.join(p.folder, 'cli.sock')), (0, 0), 'a socket without expose-fd')
    for where, message in ((p.folder + '/cli.sock', 'number of sockets to be transferred'), (p.folder + '/none', 'Failed to connect to the old')):
        r = subprocess.run([PROGRAM, '-db', '-f', os.path.join(folder, 'p0.cfg'), '-x', where], capture_output=True, timeout=30)
        eq(r.returncode, 1, f'exit status with -x {where}')
        has(r.stderr.decode(), message + r"(?s:.*)Failed to get the sockets from the old process!", 'message')
done()
