"""harness.py - what the end-to-end tests written in Python share: the program under test, origins, raw connections, a log sink.

    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
    from harness import *

    with Origin() as s1, Proxy('... bind <<fe>> ... server s1 127.0.0.1:<<s1>>', s1=s1.port) as p:
        c = p.connect('fe')
        c.send(b'GET / HTTP/1.1\\r\\nHost: h\\r\\n\\r\\n')
        r = c.response()
        eq(r.status, 200, 'status')
    done()

<<name>> in a configuration is the value of the keyword argument of that name, else a listening socket on 127.0.0.1 that the program
inherits ("fd@N"), so that there is no port to guess and no start to wait for. Every wait has a limit; a test that fails says what it
got and goes on, done() exits with 1 then.
"""
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

__all__ = ['Proxy', 'Origin', 'Conn', 'Closed', 'Request', 'Syslog', 'eq', 'true', 'has', 'done', 'skip', 'response', 'wait_for',
           'DEFAULTS', 'PROGRAM', 'REFERENCE', 'LIMIT', 'time', 'socket', 'threading', 're', 'os', 'sys', 'signal', 'tempfile', 'subprocess']

PROGRAM = os.environ.get('STEELYARD', 'build/steelyard')
REFERENCE = os.path.basename(PROGRAM) == 'haproxy' and os.path.realpath(PROGRAM).startswith('/usr/')
LIMIT = 10.0        # seconds after which a silent peer is a failure
DEFAULTS = '''
defaults
    mode http
    timeout client 10s
    timeout server 10s
    timeout connect 2s
'''
failures = []


def fail(text):
    failures.append(text)
    print('FAILED: ' + text, flush=True)


def true(value, what):
    if not value:
        fail(what)
    return bool(value)


def eq(got, wanted, what):
    return true(got == wanted, f'{what}: got {got!r}, wanted {wanted!r}')


def has(text, pattern, what):
    """Is the regular expression found in the text (both bytes or both str)?"""
    return true(re.search(pattern, text), f'{what}: {pattern!r} is not in {text!r}')


def skip(reason):
    print(reason)
    sys.exit(77)


def done():
    if not failures:
        print('passed')
    sys.exit(1 if failures else 0)


def wait_for(condition, what, seconds=LIMIT):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    fail(f'did not happen in {seconds} s: {what}')
    return None


class Message:
    """A parsed message: start line, headers as a list of (name, value) in order and as received, body, trailers."""

    def __init__(self, start, headers):
        self.start, self.headers, self.body, self.trailers, self.chunks = start, headers, b'', [], []

    def all(self, name):
        wanted = name.lower().encode()
        return [v for n, v in self.headers if n.lower() == wanted]

    def get(self, name, default=None):
        return (self.all(name) or [default])[0]

    @property
    def status(self):
        return int(self.start.split(b' ')[1])

    @property
    def method(self):
        return self.start.split(b' ')[0]

    @property
    def target(self):
        return self.start.split(b' ')[1]


Request = Message


def parse_fields(block):
    fields = []
    for line in block.split(b'\r\n'):
        if line:
            name, _, value = line.partition(b':')
            fields.append((name, value.strip(b' \t')))
    return fields


class Closed(Exception):
    pass


class Conn:
    """One TCP (or unix) connection with its own buffer."""

    def __init__(self, sock):
        self.sock, self.data = sock, b''
        sock.settimeout(LIMIT)

    def send(self, data):
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass        # a peer that has closed already: reading says so
        return self

    def fill(self):
        more = self.sock.recv(1 << 16)
        if not more:
            raise Closed(self.data)
        self.data += more

    def line(self):
        while b'\r\n' not in self.data:
            self.fill()
        line, _, self.data = self.data.partition(b'\r\n')
        return line

    def take(self, count):
        while len(self.data) < count:
            self.fill()
        taken, self.data = self.data[:count], self.data[count:]
        return taken

    def rest(self, seconds=LIMIT):
        """Everything until the peer closes."""
        self.sock.settimeout(seconds)
        try:
            while True:
                self.fill()
        except Closed:
            pass
        except ConnectionResetError:
            pass
        except TimeoutError:
            fail(f'connection is still open after {self.data[-200:]!r}')
        finally:
            self.sock.settimeout(LIMIT)
        rest, self.data = self.data, b''
        return rest

    def closed(self, seconds=LIMIT):
        """Does the peer close without sending anything more?"""
        self.sock.settimeout(seconds)
        try:
            self.fill()
        except (Closed, ConnectionResetError):
            return self.data == b''
        except TimeoutError:
            return False
        finally:
            self.sock.settimeout(LIMIT)
        return False

    def silent(self, seconds=0.3):
        """Does the peer neither send nor close for a while?"""
        if self.data:
            return False
        self.sock.settimeout(seconds)
        try:
            self.fill()
            return False
        except TimeoutError:
            return True
        except (Closed, ConnectionResetError):
            return False
        finally:
            self.sock.settimeout(LIMIT)

    def head(self):
        while b'\r\n\r\n' not in self.data:
            self.fill()
        block, _, self.data = self.data.partition(b'\r\n\r\n')
        start, _, fields = block.partition(b'\r\n')
        return Message(start, parse_fields(fields))

    def read_chunks(self, message):
        while True:
            size = int(self.line().split(b';')[0], 16)
            if size == 0:
                break
            message.chunks.append(self.take(size))
            self.take(2)
        lines = []
        while True:
            line = self.line()
            if not line:
                break
            lines.append(line)
        message.trailers = parse_fields(b'\r\n'.join(lines))
        message.body = b''.join(message.chunks)

    def response(self, to=b'GET', interim=False):
        """Reads one response to a request with method `to`; 1xx are skipped unless asked for."""
        r = self.head()
        if r.status < 200 and r.status != 101 and not interim:
            return self.response(to)
        if to == b'HEAD' or r.status in (204, 304) or r.status < 200:
            return r
        if b'chunked' in (r.get('transfer-encoding') or b'').lower():
            self.read_chunks(r)
        elif r.get('content-length') is not None:
            r.body = self.take(int(r.get('content-length')))
        else:
            r.body = self.rest()
        return r

    def request(self):
        r = self.head()
        if b'chunked' in (r.get('transfer-encoding') or b'').lower():
            self.read_chunks(r)
        elif r.get('content-length') is not None:
            r.body = self.take(int(r.get('content-length')))
        return r

    def get(self, target=b'/', headers=b'', method=b'GET', body=b'', version=b'HTTP/1.1', host=b'h.example'):
        head = method + b' ' + target + b' ' + version + b'\r\n'
        if host is not None:
            head += b'Host: ' + host + b'\r\n'
        if body:
            head += b'Content-Length: %d\r\n' % len(body)
        self.send(head + headers + b'\r\n' + body)
        return self.response(method)

    def finish(self):
        self.sock.shutdown(socket.SHUT_WR)
        return self

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
        self.sock.close()

    def close(self):
        self.sock.close()


def response(body=b'', status=b'200 OK', headers=b''):
    return b'HTTP/1.1 ' + status + b'\r\n' + headers + b'Content-Length: %d\r\n\r\n' % len(body) + body


class Origin:
    """A server. answer(request, origin) returns bytes to send; a list is sent piece by piece, numbers in it are pauses in seconds,
    events are waited for, None closes. raw(conn, origin) replaces the whole conversation. Keeps every request; request.conn is the connection's number."""

    def __init__(self, answer=None, raw=None, name=b's'):
        self.answer, self.raw, self.name = answer or Origin.hello, raw, name
        self.requests, self.conns, self.open, self.peers = [], 0, 0, []
        self.sockets = []
        self.lock = threading.Lock()
        self.sock = socket.create_server(('127.0.0.1', 0), backlog=128)
        self.port = self.sock.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    @staticmethod
    def hello(request, origin):
        return response(b'hello', headers=b'X-Server: %s\r\nX-Conn: %d\r\n' % (origin.name, request.conn))

    def accept(self):
        while True:
            try:
                sock, peer = self.sock.accept()
            except OSError:
                return
            with self.lock:
                self.conns += 1
                self.open += 1
                number = self.conns
                self.peers.append(peer)
                self.sockets.append(sock)
            threading.Thread(target=self.serve, args=(Conn(sock), number), daemon=True).start()

    def serve(self, conn, number):
        conn.sock.settimeout(30)
        conn.number = number
        try:
            if self.raw:
                self.raw(conn, self)
                return
            while True:
                request = conn.request()
                request.conn, request.at = number, time.monotonic()
                with self.lock:
                    self.requests.append(request)
                pieces = self.answer(request, self)
                for piece in pieces if isinstance(pieces, list) else [pieces]:
                    if piece is None:
                        return
                    if isinstance(piece, (int, float)):
                        time.sleep(piece)
                    elif isinstance(piece, threading.Event):
                        piece.wait(LIMIT)
                    else:
                        conn.send(piece)
        except (Closed, OSError):
            pass
        finally:
            with self.lock:
                self.open -= 1
            conn.close()

    def got(self, target, count=1):
        """Waits until requests for the target have come."""
        wait_for(lambda: sum(r.target == target for r in list(self.requests)) >= count, f'{count} requests for {target!r}')

    def close_all(self):
        """Closes every connection it has, as a server that restarts does."""
        for sock in self.sockets:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def stop(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.stop()
        except OSError:
            pass
        self.close_all()


class Syslog:
    """A UDP log sink: line() waits for the next datagram."""

    def __init__(self):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(('127.0.0.1', 0))
        self.port = self.sock.getsockname()[1]

    def line(self, pattern=None, seconds=LIMIT):
        """The next line, or the next that the pattern is found in; '' when none comes."""
        end, seen = time.monotonic() + seconds, []
        while True:
            left = end - time.monotonic()
            if left <= 0:
                if pattern:
                    fail(f'no log line with {pattern!r}; there were {seen}')
                return ''
            self.sock.settimeout(left)
            try:
                text = self.sock.recv(65536).decode('latin-1').rstrip('\n')
            except TimeoutError:
                continue
            seen.append(text)
            if not pattern or re.search(pattern, text):
                return text

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()


class Proxy:
    """The program under test with one configuration, in the foreground."""

    def __init__(self, config, args=(), expect_exit=0, global_=True, files=None, **values):
        self.folder = tempfile.mkdtemp(prefix='p-')
        self.sockets, self.opened, self.expect_exit = {}, [], expect_exit
        for name, text in (files or {}).items():
            with open(os.path.join(self.folder, name), 'wb') as f:
                f.write(text if isinstance(text, bytes) else text.encode())
        values.setdefault('dir', self.folder)

        def fill(match):
            name = match.group(1)
            if name in values:
                return str(values[name])
            if name not in self.sockets:
                sock = socket.create_server(('127.0.0.1', 0), backlog=128)
                sock.set_inheritable(True)
                self.sockets[name] = sock
            return f'fd@{self.sockets[name].fileno()}'
        text = re.sub(r'<<(\w+)>>', fill, config)
        if global_:
            text = f'global\n    stats socket {self.folder}/cli.sock level admin mode 600\n' + text
        self.path = os.path.join(self.folder, 'cfg')
        with open(self.path, 'w', encoding='latin-1') as f:
            f.write(text)
        self.ports = {name: sock.getsockname()[1] for name, sock in self.sockets.items()}
        self.log = open(os.path.join(self.folder, 'out'), 'w+b')
        self.process = subprocess.Popen([PROGRAM, '-db', *args, '-f', self.path], stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log, cwd=self.folder, pass_fds=[s.fileno() for s in self.sockets.values()])
        for sock in self.sockets.values():      # the program's alone from now on: it must accept, and its close must refuse
            sock.close()
        if global_:
            wait_for(self.ready, 'start of the program')

    def ready(self):
        if self.process.poll() is not None:
            return True     # what comes next will fail and say so
        try:
            return self.cli('show info') != ''
        except OSError:
            return False

    def connect(self, name='fe'):
        try:
            sock = socket.create_connection(('127.0.0.1', self.ports[name]), LIMIT)
        except ConnectionResetError:    # closed at once, so fast that connect() has seen it: as good as closed a moment later
            sock, other = socket.socketpair()
            other.close()
        self.opened.append(sock)
        return Conn(sock)

    def unix(self, name):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(os.path.join(self.folder, name))
        self.opened.append(sock)
        return Conn(sock)

    def cli(self, command):
        """Runs one line of commands; the answer without the empty line at its end."""
        conn = self.unix('cli.sock')
        conn.send(command.encode() + b'\n')
        text = conn.rest().decode('latin-1')
        conn.close()
        return text

    def stat(self, px, sv):
        """One line of `show stat` as a dictionary."""
        lines = self.cli('show stat').splitlines()
        names = lines[0].lstrip('# ').split(',')
        for line in lines[1:]:
            row = dict(zip(names, line.split(',')))
            if row.get('pxname') == px and row.get('svname') == sv:
                return row
        return {}

    def output(self):
        self.log.flush()
        with open(self.log.name, 'rb') as f:
            return f.read().decode('latin-1')

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for sock in self.opened:
            sock.close()
        status = self.process.poll()
        if status is None:
            self.process.send_signal(signal.SIGUSR1)        # a soft stop frees everything: leaks show under ASan
            try:
                status = self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.terminate()
                try:
                    self.process.wait(5)
                    status = self.expect_exit               # connections that a test leaves open are no fault
                except subprocess.TimeoutExpired:
                    self.process.kill()
                    status = 'had to be killed'
        if REFERENCE and status in (-signal.SIGUSR1, -signal.SIGSEGV):
            # It was ending already, and takes no signals then; or it crashed while it ended. What it did before counts.
            print(f'the reference ended with {status}', flush=True)
            status = self.expect_exit
        if status != self.expect_exit:
            fail(f'exit status of the program: {status}, wanted {self.expect_exit}')
        if kind or failures:
            print('--- output of the program\n' + self.output()[-6000:], flush=True)
        self.log.close()
        import shutil
        shutil.rmtree(self.folder, ignore_errors=True)
