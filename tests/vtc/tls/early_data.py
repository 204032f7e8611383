#!/usr/bin/env python3
"""Early data of TLS 1.3: from clients (ssl_fc_has_early, Early-Data, wait-for-handshake, replays) and to servers (0rtt-rejected, 425)."""
# reference: no (HAProxy 2.6 keeps no track of sessions that were used, and ends when a response comes before the handshake is over)
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

FRONT = '''
global
    tune.ssl.keylog on
''' + DEFAULTS + '''
frontend early
    bind <<early>> ssl crt <<dir>>/both.pem allow-0rtt
    http-request set-header x-at-first %[ssl_fc_has_early]
    http-request set-header x-secrets %[ssl_fc_client_early_traffic_secret],%[ssl_fc_early_exporter_secret]
    http-request wait-for-handshake if { path /wait }
    http-request set-header x-then %[ssl_fc_has_early],%[ssl_fc_early_rcvd]
    http-request return status 200 content-type text/plain string closed hdr connection close if { path /closed }
    default_backend be
frontend silent
    bind <<silent>> ssl crt <<dir>>/both.pem no-alpn allow-0rtt
    http-request set-header x-then %[ssl_fc_has_early],%[ssl_fc_early_rcvd]
    default_backend be
frontend never
    bind <<never>> ssl crt <<dir>>/both.pem
    default_backend be
backend be
    server s1 127.0.0.1:<<s1>>
'''
BACK = '''
global
    tune.ssl.keylog on
    nbthread 1
''' + DEFAULTS + '''
frontend fe
    bind <<fe>>
    http-response set-header x-secrets %[ssl_bc_client_early_traffic_secret],%[ssl_bc_early_exporter_secret]
    use_backend retry if { path_beg /retry }
    default_backend plain
frontend tls
    bind <<tls>> ssl crt <<dir>>/both.pem allow-0rtt
    default_backend plain
backend retry
    retry-on 0rtt-rejected
    http-reuse never
    server s1 127.0.0.1:<<target>> ssl verify none allow-0rtt no-sni-auto alpn http/1.1
backend plain
    http-reuse never
    server s1 127.0.0.1:<<target>> ssl verify none allow-0rtt no-sni-auto alpn http/1.1
'''
folder = tempfile.mkdtemp(prefix='early-')


def path(name):
    return os.path.join(folder, name)


subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30', '-subj', '/CN=localhost',
                '-keyout', path('k'), '-out', path('c')], check=True, stderr=subprocess.DEVNULL)
with open(path('c'), encoding='ascii') as cert, open(path('k'), encoding='ascii') as key:
    BOTH = cert.read() + key.read()


class Slow:
    """Relays to a port; after the target's first bytes the client's are held until released."""

    def __init__(self, port):
        self.port, self.release = port, threading.Event()
        self.sock = socket.create_server(('127.0.0.1', 0))
        self.own = self.sock.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        client = self.sock.accept()[0]
        server = socket.create_connection(('127.0.0.1', self.port))
        time.sleep(0.2)  # the hello and the early data
        first = client.recv(65536)
        server.sendall(first)
        threading.Thread(target=self.pass_on, args=(server, client), daemon=True).start()
        self.release.wait(LIMIT)
        self.pass_on(client, server)

    @staticmethod
    def pass_on(one, other):
        try:
            while data := one.recv(65536):
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class Client:
    """openssl s_client: the only common client that sends early data."""

    def __init__(self, port, alpn=True, first=False, target='/x', session='session', head=None):
        head = head or f'GET {target} HTTP/1.1\r\nHost: h.example\r\n\r\n'
        with open(path('request'), 'w', encoding='ascii', newline='') as f:
            f.write(head)
        more = ['-sess_out', path(session)] if first else ['-sess_in', path(session), '-early_data', path('request'), '-keylogfile', path('keys')]
        self.process = subprocess.Popen(['openssl', 's_client', '-connect', f'127.0.0.1:{port}', '-tls1_3', '-ign_eof', '-servername', 'h.example']
                                        + (['-alpn', 'http/1.1'] if alpn else []) + more,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.output = b''
        threading.Thread(target=self.read, daemon=True).start()
        if first:
            self.process.stdin.write(head.encode())
            self.process.stdin.flush()

    def read(self):
        while data := self.process.stdout.read1(65536):
            self.output += data

    def sees(self, text, what):
        try:
            wait_for(lambda: text in self.output, what)
        except Exception:
            sys.stderr.write(self.output.decode(errors='replace'))
            raise

    def close(self):
        self.process.kill()
        self.process.wait()


def prepare(port, alpn=True, session='session'):
    c = Client(port, alpn=alpn, first=True, session=session, target='/first')
    c.sees(b'HTTP/1.1 200', 'first request')
    wait_for(lambda: os.path.exists(path(session)), 'a ticket')
    c.close()


def early(port, **more):
    slow = Slow(port)
    return slow, Client(slow.own, **more)


def secrets():
    """The early secrets that the last client knew, as the fetches tell them."""
    with open(path('keys'), encoding='ascii') as f:
        known = {line.split()[0]: line.split()[2] for line in f if line[0] != '#'}
    return (known.get('CLIENT_EARLY_TRAFFIC_SECRET', '') + ',' + known.get('EARLY_EXPORTER_SECRET', '')).encode()


def header(origin, name):
    return origin.requests[-1].get(name)


with Origin(name=b's1') as s1, Proxy(FRONT, s1=s1.port, files={'both.pem': BOTH}) as p:
    # Request and response pass before the client's last message of the handshake.
    port = p.ports['early']
    prepare(port)
    slow, c = early(port)
    wait_for(lambda: s1.requests[-1].target == b'/x', 'the early request')
    eq((header(s1, 'x-at-first'), header(s1, 'early-data')), (b'1', b'1'), 'an early request says so')
    eq(header(s1, 'x-then'), b'1,1', 'fetches during the handshake')
    true(len(secrets()) > 100, 'the client writes its keys down')
    eq(header(s1, 'x-secrets').lower(), secrets(), 'early secrets')
    slow.release.set()
    c.sees(b'HTTP/1.1 200', 'the early response')
    c.sees(b'Early data was accepted', 'the client knows')
    c.close()
    # Its session is used up: a replay is not accepted.
    count = len(s1.requests)
    slow, c = early(port)
    slow.release.set()
    c.sees(b'Early data was rejected', 'a replay')
    eq(len(s1.requests), count, 'does not come through')
    c.close()
    # wait-for-handshake
    prepare(port)
    count = len(s1.requests)
    slow, c = early(port, target='/wait')
    time.sleep(0.6)
    eq(len(s1.requests), count, 'wait-for-handshake waits')
    slow.release.set()
    c.sees(b'HTTP/1.1 200', 'and goes on')
    eq((header(s1, 'x-at-first'), header(s1, 'early-data'), header(s1, 'x-then')), (b'1', None, b'0,1'), 'after the handshake it is a normal request')
    c.close()
    # A body of which only the beginning comes early, in several records.
    prepare(port)
    count = len(s1.requests)
    slow, c = early(port, head='POST /body HTTP/1.1\r\nHost: h.example\r\nContent-Length: 40000\r\n\r\n' + 'e' * 12000)
    time.sleep(0.5)
    slow.release.set()
    c.process.stdin.write(b'l' * 28000)
    c.process.stdin.flush()
    c.sees(b'HTTP/1.1 200', 'a request with a body')
    eq(s1.requests[-1].body, b'e' * 12000 + b'l' * 28000, 'early and late bytes')
    c.close()
    # A response that ends the connection is not lost.
    prepare(port)
    slow, c = early(port, target='/closed')
    time.sleep(0.3)
    slow.release.set()
    c.sees(b'closed', 'a response with an end')
    c.close()
    # Without ALPN the data is looked at after the handshake.
    prepare(p.ports['silent'], alpn=False)
    count = len(s1.requests)
    slow, c = early(p.ports['silent'], alpn=False)
    time.sleep(0.4)
    eq(len(s1.requests), count, 'without ALPN')
    slow.release.set()
    c.sees(b'HTTP/1.1 200', 'its request')
    eq((header(s1, 'x-then'), header(s1, 'early-data')), (b'0,1', None), 'is no early one')
    c.close()
    # Where it is not allowed.
    prepare(p.ports['never'], session='other')
    shown = subprocess.run(['openssl', 'sess_id', '-in', path('other'), '-text', '-noout'], check=True, capture_output=True).stdout
    true(re.search(rb'Max Early Data: [1-9]', shown) is None, 'nothing is offered')

class Switch:
    """Relays to the port that is set."""

    def __init__(self, port):
        self.port = port
        self.sock = socket.create_server(('127.0.0.1', 0))
        self.own = self.sock.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            client = self.sock.accept()[0]
            server = socket.create_connection(('127.0.0.1', self.port))
            for pair in ((client, server), (server, client)):
                threading.Thread(target=Slow.pass_on, args=pair, daemon=True).start()


def get(q, target):
    c = q.connect()
    r = c.get(target)
    c.close()
    return r


# Towards a server: a request makes a session, another one uses it. The second target knows no sessions of the first.
with Origin(name=b's1') as s1, Proxy(FRONT, s1=s1.port, files={'both.pem': BOTH}) as one, Proxy(FRONT, s1=s1.port, files={'both.pem': BOTH}) as two:
    target = Switch(one.ports['early'])
    with Proxy(BACK, target=target.own, files={'both.pem': BOTH}) as q:
        eq(get(q, b'/retry').status, 200, 'a first request')
        eq(header(s1, 'x-then'), b'0,0', 'has no session to use')
        r = get(q, b'/retry')
        eq(r.status, 200, 'a second request')
        eq(header(s1, 'x-then').split(b',')[1], b'1', 'goes out early')
        true(len(header(s1, 'x-secrets')) > 100, 'with early secrets')
        eq(r.get('x-secrets'), header(s1, 'x-secrets'), 'that both sides know')
        target.port = two.ports['early']
        eq(get(q, b'/retry').status, 200, 'refused early data is sent again')
        eq(header(s1, 'x-then'), b'0,0', 'after the handshake')
        target.port = one.ports['early']
        for _ in range(2):
            eq(get(q, b'/plain').status, 200, 'a client without early data')
            eq(header(s1, 'x-then').split(b',')[1], b'0', 'is not exposed to replays')
        prepare(q.ports['tls'])
        count = len(s1.requests)
        target.port = two.ports['early']
        slow, c = early(q.ports['tls'])
        c.sees(b'HTTP/1.1 425 Too Early', 'refused early data without a retry')
        eq(len(s1.requests), count, 'is not sent again')
        slow.release.set()
        c.close()
done()
