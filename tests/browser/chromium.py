#!/usr/bin/env python3
"""Chromium, headless, through Steelyard with TLS: a page with sub-resources, a POST, a WebSocket and a big download.

    STEELYARD=build/steelyard tests/browser/chromium.py

Needs the Debian package chromium; says so and ends with 77 when it is not installed.
"""
import base64
import hashlib
import json
import os
import shutil
import struct
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'vtc', '_lib'))
from harness import *

RESOURCES, BIG, POSTED, MESSAGES, PATIENCE = 60, 30 << 20, 400_000, 40, 60.0
CONFIG = '''
global
    maxconn 200
''' + DEFAULTS + '''
    timeout tunnel 20s
frontend https
    bind <<https>> ssl crt <<dir>>/both.pem alpn h2,http/1.1
    http-request set-header X-Forwarded-Proto https if { ssl_fc }
    http-response set-header Strict-Transport-Security max-age=60
    default_backend site
backend site
    option forwardfor
    server s1 127.0.0.1:<<s1>>
'''
PAGE = '''<!doctype html><meta charset="utf-8"><title>waiting</title><link rel="stylesheet" href="/style.css"><body>
%(images)s
<script>
const hex = async data => [...new Uint8Array(await crypto.subtle.digest('SHA-256', data))].map(b => b.toString(16).padStart(2, '0')).join('');
const bytes = n => Uint8Array.from({length: n}, (_, i) => (i * 31 + (i >> 8)) & 255);
const loaded = new Promise(done => addEventListener('load', done));
const echo = () => new Promise((done, failed) => {
    const socket = new WebSocket('wss://' + location.host + '/socket'), sizes = [...Array(%(messages)d).keys()].map(i => 1 + i * i * 97), got = [];
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => sizes.forEach(n => socket.send(bytes(n)));
    socket.onmessage = e => { got.push(e.data.byteLength); if (got.length == sizes.length) socket.close(1000); };
    socket.onclose = e => done(e.code == 1000 && JSON.stringify(got) == JSON.stringify(sizes));
    socket.onerror = e => failed('websocket');
});
(async () => {
    const r = {};
    try {
        await loaded;
        r.images = [...document.images].filter(i => i.complete && i.naturalWidth == 1).length;
        r.style = getComputedStyle(document.body).color;
        const post = await fetch('/post', {method: 'POST', body: bytes(%(posted)d)});
        r.posted = await post.text() == await hex(bytes(%(posted)d));
        r.socket = await echo();
        r.big = await hex(await (await fetch('/big')).arrayBuffer());
        const many = await Promise.all([...Array(30).keys()].map(i => fetch('/number/' + i).then(a => a.text())));
        r.many = many.every((t, i) => t == 'number ' + i);
        r.hsts = post.headers.get('strict-transport-security');
        r.protocols = [...new Set(performance.getEntriesByType('resource').map(e => e.nextHopProtocol))];
    } catch (e) { r.error = String(e); }
    await fetch('/result', {method: 'POST', body: JSON.stringify(r)});
})();
</script>'''
PIXEL = base64.b64decode('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7')
big = hashlib.shake_128(b'big').digest(BIG)
results = []


def answer(request, _):
    path = request.target.split(b'?')[0]
    if path == b'/':
        images = ''.join(f'<img src="/image/{i}.gif" alt="">' for i in range(RESOURCES))
        page = PAGE % {'images': images, 'messages': MESSAGES, 'posted': POSTED}
        return response(page.encode(), headers=b'Content-Type: text/html\r\n')
    if path == b'/style.css':
        return response(b'body { color: rgb(1, 2, 3) }', headers=b'Content-Type: text/css\r\n')
    if path.startswith(b'/image/'):
        return response(PIXEL, headers=b'Content-Type: image/gif\r\nCache-Control: no-store\r\n')
    if path.startswith(b'/number/'):
        return response(b'number ' + path[8:])
    if path == b'/post':
        return response(hashlib.sha256(request.body).hexdigest().encode())
    if path == b'/big':
        return response(big, headers=b'Content-Type: application/octet-stream\r\n')
    if path == b'/result':
        results.append(json.loads(request.body))
        return response(b'')
    return response(b'', status=b'404 Not Found')


class Site(Origin):
    """The site; /socket echoes messages (RFC 6455)."""

    def serve(self, conn, number):
        conn.sock.settimeout(30)
        try:
            while True:
                request = conn.request()
                if (request.get('upgrade') or b'').lower() == b'websocket':
                    self.echo(conn, request)
                    return
                with self.lock:
                    self.requests.append(request)
                conn.send(answer(request, self))
        except (Closed, OSError):
            pass
        finally:
            conn.close()

    @staticmethod
    def echo(conn, request):
        accept = base64.b64encode(hashlib.sha1(request.get('sec-websocket-key') + b'258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest())
        conn.send(b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ' + accept + b'\r\n\r\n')
        while True:
            kind, size = conn.take(2)
            size &= 127
            if size >= 126:
                size = int.from_bytes(conn.take(2 if size == 126 else 8), 'big')
            mask, data = conn.take(4), conn.take(size)
            clear = (int.from_bytes(data, 'big') ^ int.from_bytes((mask * (size // 4 + 1))[:size], 'big')).to_bytes(size, 'big')
            head = bytes([kind]) + (bytes([size]) if size < 126 else struct.pack('>BH', 126, size) if size < 65536 else struct.pack('>BQ', 127, size))
            conn.send(head + clear)
            if kind & 15 == 8:
                return


def certificate(folder):
    key, crt = os.path.join(folder, 'k'), os.path.join(folder, 'c')
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '10', '-subj',
                    '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', key, '-out', crt],
                   check=True, stderr=subprocess.DEVNULL)
    public = subprocess.run(['openssl', 'pkey', '-in', key, '-pubout', '-outform', 'DER'], check=True, capture_output=True).stdout
    with open(crt, encoding='ascii') as c, open(key, encoding='ascii') as k:
        return c.read() + k.read(), base64.b64encode(hashlib.sha256(public).digest()).decode()


def main():
    browser = shutil.which('chromium') or shutil.which('chromium-browser') or shutil.which('google-chrome')
    if not browser:
        skip('chromium is not installed (Debian package chromium): not tested')
    folder = tempfile.mkdtemp(prefix='browser-')
    pem, pin = certificate(folder)
    with Site() as site, Proxy(CONFIG, s1=site.port, files={'both.pem': pem}) as p, open(os.path.join(folder, 'log'), 'wb') as log:
        process = subprocess.Popen([browser, '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run',
                                    '--disable-background-networking', f'--user-data-dir={folder}/profile',
                                    f'--ignore-certificate-errors-spki-list={pin}', f'https://127.0.0.1:{p.ports["https"]}/'],
                                   stdout=log, stderr=log, start_new_session=True)
        try:
            wait_for(lambda: results, 'the result of the page', PATIENCE)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if not results:
            with open(log.name, encoding='utf-8', errors='replace') as f:
                print(f.read()[-3000:])
            done()
        r = results[0]
        eq(r.get('error'), None, 'the page')
        eq(r.get('images'), RESOURCES, 'sub-resources')
        eq(r.get('style'), 'rgb(1, 2, 3)', 'style sheet')
        eq(r.get('posted'), True, 'POST of %d bytes' % POSTED)
        eq(r.get('socket'), True, 'WebSocket, %d messages' % MESSAGES)
        eq(r.get('big'), hashlib.sha256(big).hexdigest(), 'download of %d bytes' % BIG)
        eq(r.get('many'), True, 'many requests at once')
        eq(r.get('hsts'), 'max-age=60', 'header that the frontend sets')
        eq(r.get('protocols'), ['http/1.1'], 'protocol')
        eq(site.requests[0].get('x-forwarded-proto'), b'https', 'ssl_fc')
        eq(p.stat('https', 'FRONTEND')['ssl_failed_handshake'], '0', 'handshakes that failed')
    shutil.rmtree(folder, ignore_errors=True)
    done()


main()
