"""cases - what is sent to both programs: see cases/README.md."""


def unescape(text):
    return text.encode('latin-1', 'backslashreplace').decode('unicode_escape').encode('latin-1')


def message(text, first):
    """Turns 'line|Name: value||body' into the bytes of an HTTP message. `first` completes the start line and the header fields."""
    head, _, body = text.partition('||')
    lines = [unescape(part) for part in head.split('|')]
    body = unescape(body)
    names = [line.split(b':')[0].lower() for line in lines[1:]]
    lines = first(lines, names)
    if body and b'content-length' not in names and b'transfer-encoding' not in names:
        lines.append(b'Content-Length: %d' % len(body))
    return b'\r\n'.join(lines) + b'\r\n\r\n' + body


def request_lines(lines, names):
    if b' HTTP/' not in lines[0]:
        lines[0] += b' HTTP/1.1'
    if b'host' not in names and b'-' not in names:
        lines.insert(1, b'Host: h.test')
    return [line for line in lines if line != b'-']


def response_lines(lines, names):
    lines[0] = b'HTTP/1.1 ' + lines[0]
    return [line for line in lines if line != b'-']


def response(text):
    made = message(text, response_lines)
    head, _, body = made.partition(b'\r\n\r\n')
    low = head.lower()
    if not body and b'\r\ncontent-length:' not in low and b'\r\ntransfer-encoding:' not in low \
            and not low.startswith((b'http/1.1 204', b'http/1.1 304', b'http/1.1 1')):
        head += b'\r\nContent-Length: 0'
    return head + b'\r\n\r\n' + body


ANSWER = response('200 OK|Content-Type: text/plain||hello')


class Case:
    def __init__(self, name):
        self.name = name
        self.fe, self.be, self.sec, self.glob = [], [], [], []
        self.files = {}             # name: text
        self.steps = []             # (bytes to send, bytes of the origin, is it on the connection of the step before)
        self.tcp = self.log = False
        self.listen = False         # one section, not two
        self.differs = None
        self.server = ''            # options of the server
        self.answer = ANSWER

    def ask(self, text, again=False):
        self.steps.append((message(text, request_lines), self.answer, again))
        return self

    def text(self):
        return ['frontend'] + self.fe + ['backend'] + self.be + self.sec + [repr(s[0]) for s in self.steps]


def directive(case, word, rest):
    """Takes one line of a case. Returns False if its first word means nothing."""
    if word in ('fe', 'be', 'sec'):
        getattr(case, word).append(rest)
    elif word == 'global':
        case.glob.append(rest)
    elif word == 'both':
        case.fe.append(rest)
        case.be.append(rest)
    elif word == 'show':            # the value of an expression, or status 204
        case.fe.append('http-request set-var(txn.shown) ' + rest)
        case.fe.append('http-request return status 200 content-type text/plain lf-string "<%[var(txn.shown)]>" '
                       'if { var(txn.shown) -m found }')
        case.fe.append('http-request return status 204')
    elif word == 'when':            # a condition: status 200, or status 204
        case.fe.append('http-request return status 200 if ' + rest)
        case.fe.append('http-request return status 204')
    elif word == 'file':
        name, _, text = rest.partition(' ')
        case.files[name] = unescape(text + '\n').decode('latin-1')
    elif word in ('>', '+>'):
        case.ask(rest, word == '+>')
    elif word in ('>>', '+>>'):
        case.steps.append((unescape(rest), case.answer, word == '+>>'))
    elif word == '<':
        case.answer = response(rest)
    elif word == '<<':
        case.answer = unescape(rest)
    elif word == 'server':
        case.server = rest
    elif word == 'differs':
        case.differs = rest
    elif word in ('tcp', 'log', 'listen'):
        setattr(case, word, True)
    else:
        return False
    return True


def read_cases(lines, prefix):
    """Yields the cases of a file; a case without requests is only checked with -c."""
    case, found = None, []
    for number, line in enumerate(lines, 1):
        line = line.rstrip('\n')
        if not line.strip() or line.startswith('#'):
            continue
        word, _, rest = line.partition(' ')
        if word == 'case':
            case = Case(prefix + '/' + rest)
            found.append(case)
        elif case is None or not directive(case, word, rest):
            raise SystemExit('%s.txt:%d: %r is no directive of a case' % (prefix, number, word))
    return found
