"""programs - runs cases in one program: configuration, process, client, origin, log."""
import os
import re
import selectors
import socket
import subprocess
import threading
import time

LIMIT_S = 4.0               # for one response
START_S = 20.0
QUIET_S = 0.15              # after which a raw connection has nothing more to say
LOG_S = 0.6                 # a log line that did not come by then does not come


def listening():
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(('127.0.0.1', 0))
    s.listen(64)
    return s


def body_end(data, at, head, is_request, method=b'GET'):
    """Returns where the message ends, None when more bytes are needed, -1 when it ends with the connection."""
    status = head[9:12]
    if not is_request and (method == b'HEAD' or status in (b'204', b'304')):
        return at
    chunked = re.search(rb'\r\ntransfer-encoding:[^\r]*chunked', head, re.I)
    if chunked:
        while True:
            line = data.find(b'\r\n', at)
            if line < 0:
                return None
            try:
                size = int(data[at:line].split(b';')[0], 16)
            except ValueError:
                return len(data)
            at = line + 2 + size + 2
            if size == 0:
                end = data.find(b'\r\n\r\n', line)
                return None if end < 0 else end + 4
            if at > len(data):
                return None
    length = re.search(rb'\r\ncontent-length:\s*(\d+)', head, re.I)
    if length:
        end = at + int(length.group(1))
        return end if end <= len(data) else None
    return at if is_request else -1


def plain(head, port):
    """A head with lower-case names and without what differs between two runs."""
    lines = head.decode('latin-1').replace(':%d' % port, ':PORT').split('\r\n')
    out = [lines[0]]
    for line in lines[1:]:
        name, colon, value = line.partition(':')
        if name.lower() == 'set-cookie':        # dates of cookies with a limited life
            value = re.sub(r'(\|[\w+/]{5}){1,2}(?=;)', '|DATE', value)
        out.append(name.lower() + colon + value)
    return '|'.join(line for line in out if line)


class Origin:
    """Answers every request that comes to its sockets with the bytes of self.answer; notes what came."""

    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self.answer, self.seen, self.raw, self.raw_seen = b'', [], False, {}
        self.wake, self.woken = socket.socketpair()
        self.selector.register(self.woken, selectors.EVENT_READ, None)
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self.loop, daemon=True)
        self.thread.start()

    def add(self):
        s = listening()
        s.setblocking(False)
        with self.lock:
            self.selector.register(s, selectors.EVENT_READ, 'listen')
        self.wake.send(b'x')
        return s

    def loop(self):
        while True:
            for key, _ in self.selector.select():
                if key.data is None:
                    self.woken.recv(100)
                elif key.data == 'listen':
                    try:
                        c, _ = key.fileobj.accept()
                    except OSError:
                        continue
                    c.setblocking(True)
                    self.selector.register(c, selectors.EVENT_READ, bytearray())
                else:
                    self.take(key.fileobj, key.data)

    def take(self, c, data):
        try:
            got = c.recv(65536)
        except OSError:
            got = b''
        if not got:
            self.selector.unregister(c)
            c.close()
            return
        data += got
        if self.raw:
            self.raw_seen[c] = re.sub(rb'^(PROXY TCP4 \S+ \S+) \d+ \d+', rb'\1 PORT PORT', bytes(data))
            self.seen = ['raw %r' % text for text in self.raw_seen.values()]
            self.reply(c)
            return
        while True:
            end = data.find(b'\r\n\r\n')
            if end < 0:
                return
            head = bytes(data[:end + 2])
            stop = body_end(data, end + 4, head, True)
            if stop is None:
                return
            body = bytes(data[end + 4:stop])
            del data[:stop]
            self.seen.append(plain(head, -1) + ('||%r' % body if body else ''))
            self.reply(c)

    def reply(self, c):
        try:
            c.sendall(self.answer)
            head = self.answer.split(b'\r\n\r\n')[0]
            if self.raw or body_end(self.answer, len(head) + 4, head + b'\r\n', False) == -1:
                c.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class Client:
    """One connection to the program under test."""

    def __init__(self, port):
        self.port = port
        self.data = b''
        self.socket = socket.socket()
        self.socket.settimeout(LIMIT_S)
        try:
            self.socket.connect(('127.0.0.1', port))
        except ConnectionError:
            pass                    # seen again when it is used

    def read(self):
        got = self.socket.recv(65536)
        self.data += got
        return got

    def ask(self, request, raw):
        try:
            self.socket.sendall(request)
        except OSError:
            pass
        try:
            return self.raw() if raw else self.response(request.split(b' ')[0])
        except socket.timeout:
            return 'nothing for %d s, after %r' % (LIMIT_S, self.data)
        except OSError:             # a reset, as far as anybody can tell from a close with bytes that nobody read
            if raw:
                return 'raw %r end' % self.data
            return 'closed, after %r' % self.data if self.data else 'closed'

    def raw(self):
        end = ''
        self.socket.settimeout(QUIET_S if self.data else QUIET_S * 4)
        try:
            while self.read():
                self.socket.settimeout(QUIET_S)
            end = ' end'
        except socket.timeout:
            pass
        data, self.data = self.data, b''
        return 'raw %r%s' % (data, end)

    def response(self, method):
        before = ''
        while True:
            end = self.data.find(b'\r\n\r\n')
            if end < 0:
                if not self.read():
                    return before + ('closed' if not self.data else 'closed, after %r' % self.data)
                continue
            head = self.data[:end + 2]
            if head[9:10] == b'1' and head[9:12] != b'101':
                before += plain(head, self.port) + ' then '
                self.data = self.data[end + 4:]
                continue
            stop = body_end(self.data, end + 4, head, False, method)
            if stop is None or stop == -1:
                if self.read():
                    continue
                closed = stop is None
                stop = len(self.data)
                before += 'cut: ' if closed else ''
            body = self.data[end + 4:stop]
            self.data = self.data[stop:]
            return before + plain(head, self.port) + ('||' + body.decode('latin-1').replace(':%d' % self.port, ':PORT')
                                                      if body else '')

    def close(self):
        self.socket.close()


def plain_log(line, port):
    line = re.sub(r'^(<\d+>)\w{3} [ \d]\d \d\d:\d\d:\d\d ', r'\1', line.rstrip('\n'))
    line = re.sub(r'\[\d+\]: ', ': ', line, 1)
    line = re.sub(r'\[\d+/\w{3}/\d{4}:[\d:. +-]*\]', '[DATE]', line)
    line = line.replace(':%d' % port, ':PORT')
    line = re.sub(r'127\.0\.0\.1:\d+', '127.0.0.1:CLIENT', line)

    # 3.3 counts what servers sent, 2.6 what clients received; common log format has the port and times too.
    line = re.sub(r' (\d{3}) \d+ (\S+ \S+ [-A-Za-z]{4} )', r' \1 BYTES \2', line)
    line = re.sub(r'" (\d{3}|-1) \d+ "([^"]*)" "([^"]*)" \d+ \d+ ("\S+" "\S+" "\S+") [-\d]+ [-\d]+ [-\d]+ [-\d]+ [-\d]+ ',
                  r'" \1 BYTES "\2" "\3" PORT MS \4 TIMES ', line)

    def numbers(m):
        return '/'.join(n if n == '-1' else 'N' for n in m.group().split('/'))
    return re.sub(r'(?<![\w/-])\+?-?\d+(/\+?-?\d+){2,4}(?![\w/])', numbers, line)


class Log:
    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(('127.0.0.1', 0))
        self.port = self.socket.getsockname()[1]

    def lines(self, port, count):
        out = []
        self.socket.settimeout(LOG_S)
        try:
            while True:
                out.append(plain_log(self.socket.recv(65536).decode('latin-1'), port))
                if len(out) >= count:
                    self.socket.settimeout(0.03)
        except socket.timeout:
            return out


def plain_error(text):
    """An error without places, and without what is a list of everything this program knows."""
    text = re.sub(r'^(\[\w+\] )?[Pp]arsing (\[[^\]]*\]) ?:', r'parsing \2:', text)
    text = re.sub(r"('(?:tcp|http)-[\w-]+(?: \w+)?' expects ).*?(?:, but got|, got|$)", r'\1..., got', text)
    text = re.sub(r'\[/[^\]]*?:\d+\]', '[FILE]', text)
    text = re.sub(r"'/[^' ]*/(?:batch\.cfg)(?::\d+)?'?", "'FILE'", text)
    text = re.sub(r'/\S*/batch\.cfg:\d+', 'FILE', text)
    text = re.sub(r'/\S*/files/', 'DIR/', text)
    text = re.sub(r"\.? Did you mean '[^']*' maybe \?", '', text)
    text = re.sub(r'^\[NOTICE\].*\n', '', text, flags=re.M)
    text = re.sub(r'^(\[\w+\]) +\(\d+\)', r'\1', text, flags=re.M)
    return text.rstrip('. ')


class Program:
    """One program, and the observations of the cases that were run with it: seen[case] = {what: text}."""

    def __init__(self, binary, folder, per_process):
        self.binary, self.folder, self.per_process = binary, folder, per_process
        os.makedirs(folder)
        self.files = os.path.join(folder, 'files')
        os.makedirs(self.files)
        self.config = os.path.join(folder, 'batch.cfg')
        self.seen, self.reports, self.failure = {}, [], None
        self.origin, self.log, self.ready = Origin(), Log(), listening()

    def run(self, numbered):
        """Runs cases, a list of (number, case); the number names the proxies of the case."""
        try:
            alone = [c for c in numbered if c[1].glob]
            rest = [c for c in numbered if not c[1].glob]
            for at in range(0, len(rest), self.per_process):
                self.batch(rest[at:at + self.per_process])
            for case in alone:
                self.batch([case])
        except Exception as e:      # noqa: BLE001 - a thread's end must not go unseen
            import traceback
            self.failure = '%s\n%s' % (e, traceback.format_exc())

    def fill(self, text, number, origin):
        for mark, value in (('@fe@', 'f%d' % number), ('@be@', 'b%d' % number), ('@n@', str(number)),
                            ('@dir@', os.path.join(self.files, str(number))),
                            ('@origin@', '127.0.0.1:%d' % origin)):
            text = text.replace(mark, value)
        return text

    def write(self, batch):
        """Writes the configuration. Returns {line number: case}."""
        lines = ['global', '    nbthread 1', '    maxconn 500']
        lines += [line for _, case in batch for line in case.glob]
        lines += ['defaults', '    mode http', '    balance roundrobin', '    timeout connect 2s', '    timeout client 5s',
                  '    timeout server 3s', '    retries 0']
        about = {}

        def put(case, text, entry):
            lines.append(text)
            about[len(lines)] = entry

        for entry in batch:
            number, case = entry
            s = self.sockets[number]
            folder = os.path.join(self.files, str(number))
            os.makedirs(folder, exist_ok=True)
            for name, text in case.files.items():
                with open(os.path.join(folder, name), 'w', encoding='latin-1') as f:
                    f.write(text)
            mode = ['mode tcp'] if case.tcp else []
            log = ['log 127.0.0.1:%d local0' % self.log.port, 'log-tag c%d' % number] if case.log else []
            front = ['bind fd@%d' % s[0].fileno()] + mode + log + case.fe
            back = mode + case.be + ['server s 127.0.0.1:%d %s' % (s[1].getsockname()[1], case.server)]
            if case.listen:
                text = ['listen @fe@'] + ['    ' + x for x in front + back]
            else:
                text = ['frontend @fe@'] + ['    ' + x for x in front + ['default_backend @be@']]
                text += ['backend @be@'] + ['    ' + x for x in back]
            for line in text + case.sec:
                put(case, self.fill(line, number, s[1].getsockname()[1]), entry)
        # Where the test sees that the program is there.
        lines += ['frontend ready', '    bind fd@%d' % self.ready.fileno(), '    http-request return status 200']
        with open(self.config, 'w', encoding='utf-8') as f:
            f.write('\n'.join(lines) + '\n')
        return about

    def environment(self):
        env = dict(os.environ, LC_ALL='C', TZ='UTC')
        env['ASAN_OPTIONS'] = 'detect_leaks=1:' + os.environ.get('ASAN_OPTIONS', '')
        env['UBSAN_OPTIONS'] = 'print_stacktrace=1:' + os.environ.get('UBSAN_OPTIONS', '')
        return env

    def refused(self, batch, about):
        """Runs -c; returns {number of a case: first error}."""
        out = subprocess.run([self.binary, '-c', '-f', self.config], capture_output=True, text=True, errors='replace',
                             env=self.environment(), pass_fds=self.fds(batch), check=False, timeout=120)
        bad = {}
        for m in re.finditer(r'^\[ALERT\] +\(\d+\) : (.*)$', out.stderr, re.M):
            text = m.group(1)
            at = re.search(r'batch\.cfg:(\d+)', text)
            named = re.search(r"(?:'|\b)[fb](\d+)\b", text)
            number = about[int(at.group(1))][0] if at and int(at.group(1)) in about else \
                int(named.group(1)) if named else None
            if number is not None and number in dict(batch):
                bad.setdefault(number, plain_error(re.sub(r'^config : ', '', text)))
        if out.returncode not in (0, 1) or 'Sanitizer' in out.stderr or 'runtime error' in out.stderr:
            self.reports.append('-c ended with %d:\n%s' % (out.returncode, out.stderr[-6000:]))
        if out.returncode and not bad and len(batch) > 1:
            for entry in batch:         # an error without a place: one by one
                bad.update(self.refused([entry], self.write([entry])))
        elif out.returncode and not bad:
            bad[batch[0][0]] = 'exit %d without an error of a case: %s' % (out.returncode, plain_error(out.stderr[-500:]))
        return bad

    def fds(self, batch):
        return [self.ready.fileno()] + [self.sockets[number][0].fileno() for number, _ in batch]

    def batch(self, batch):
        self.sockets = {number: (listening(), self.origin.add()) for number, _ in batch}
        try:
            while batch:
                bad = self.refused(batch, self.write(batch))
                if not bad:
                    break
                for entry in batch:
                    if entry[0] in bad:
                        self.seen[entry[1]] = {'-c': bad[entry[0]]}
                batch = [entry for entry in batch if entry[0] not in bad]
            for _, case in batch:
                if not case.steps:
                    self.seen[case] = {'-c': 'accepted'}
            todo = [entry for entry in batch if entry[1].steps]
            while todo:
                todo = self.serve(todo)
        finally:
            for s, o in self.sockets.values():
                s.close()
                self.origin.selector.unregister(o)
                o.close()

    def serve(self, todo):
        """Starts the program and runs cases; returns those that are left when the program ended by itself."""
        self.write(todo)
        with open(os.path.join(self.folder, 'stderr'), 'w+', errors='replace', encoding='utf-8') as err:
            process = subprocess.Popen([self.binary, '-db', '-f', self.config], stdout=subprocess.DEVNULL, stderr=err,
                                       env=self.environment(), pass_fds=self.fds(todo))
            try:
                ready = Client(self.ready.getsockname()[1])
                ready.socket.settimeout(START_S)
                ready.ask(b'GET / HTTP/1.1\r\nHost: ready\r\n\r\n', False)
                ready.close()
                if process.poll() is not None:
                    err.seek(0)
                    raise RuntimeError('it does not start: ' + err.read()[-3000:])
                for at, (number, case) in enumerate(todo):
                    self.seen[case] = self.one(number, case)
                    if process.poll() is not None:
                        err.seek(0)
                        self.seen[case]['process'] = 'ended with %s: %s' % (process.returncode, err.read()[-6000:])
                        # The clients of the next cases must not find connections of this one.
                        return todo[at + 1:]
            finally:
                if process.poll() is None:
                    process.terminate()
                    try:
                        process.wait(20)
                    except subprocess.TimeoutExpired:
                        self.reports.append('does not end by SIGTERM')
                        process.kill()
                        process.wait()
                    err.seek(0)
                    text = err.read()
                    if 'Sanitizer' in text or 'runtime error' in text:
                        self.reports.append(text[-8000:])
        return []

    def one(self, number, case):
        """Runs one case; returns what was seen."""
        port = self.sockets[number][0].getsockname()[1]
        seen, client = {}, None
        self.origin.raw = case.tcp
        for at, (request, answer, again) in enumerate(case.steps, 1):
            self.origin.answer, self.origin.seen, self.origin.raw_seen = answer, [], {}
            if not again and client:
                client.close()
                client = None
            client = client or Client(port)
            began = time.monotonic()
            seen['%d received' % at] = client.ask(request, case.tcp)
            if time.monotonic() - began < 0.001:
                time.sleep(0)
            seen['%d at origin' % at] = ' '.join(self.origin.seen) or 'nothing'
        if client:
            client.close()
        if case.log:
            lines = self.log.lines(port, len(case.steps))
            for at, line in enumerate(lines, 1):
                seen['log %d' % at] = line
        return seen
