#!/usr/bin/env python3
"""408, 504, 503 by time: how long it takes, what is sent, what is logged."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CONFIG = '''
defaults
    mode http
    timeout connect 300ms
    timeout client 5s
    timeout server 5s
    retries 0
    log 127.0.0.1:<<log>> local0
    option httplog
frontend request
    bind <<request>>
    timeout http-request 400ms
    default_backend fine
frontend keepalive
    bind <<keepalive>>
    timeout http-request 2s
    timeout http-keep-alive 300ms
    default_backend fine
frontend buffer
    bind <<buffer>>
    option http-buffer-request
    timeout http-request 400ms
    default_backend fine
backend fine
    server s1 127.0.0.1:<<s1>>
listen server
    bind <<server>>
    timeout server 400ms
    server s1 127.0.0.1:<<s1>>
listen connect
    bind <<connect>>
    timeout connect 400ms
    server s1 127.0.0.1:<<full>>
listen queue
    bind <<queue>>
    timeout queue 400ms
    server s1 127.0.0.1:<<s1>> maxconn 1
listen tunnel
    bind <<tunnel>>
    timeout tunnel 400ms
    server s1 127.0.0.1:<<s1>>
'''


def server(conn, origin):
    while True:
        r = conn.request()
        if r.target == b'/never':
            time.sleep(3)
            return
        if r.target == b'/up':
            conn.send(b'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n')
            conn.rest()
            return
        if r.target == b'/half':
            conn.send(b'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')
            time.sleep(3)
            return
        conn.send(response(b'ok'))


def between(began, low, high, what):
    took = time.monotonic() - began
    true(low <= took <= high, f'{what}: took {took:.2f} s, wanted {low} to {high}')


# A listening socket whose queue is full: connections to it stay unanswered.
full = socket.socket()
full.bind(('127.0.0.1', 0))
full.listen(0)
fillers = []
for _ in range(4):
    s = socket.socket()
    s.setblocking(False)
    s.connect_ex(full.getsockname())
    fillers.append(s)
time.sleep(0.1)

with Syslog() as log, Origin(raw=server) as s1, \
        Proxy(CONFIG, s1=s1.port, log=log.port, full=full.getsockname()[1]) as p:
    began = time.monotonic()
    c = p.connect('request').send(b'GET / HTTP/1.1\r\nHost: ')
    r = c.response()
    eq(r.status, 408, 'incomplete request')
    between(began, 0.3, 1.5, 'timeout http-request')
    true(c.closed(), 'connection closes after 408')
    has(log.line(), r'request request/<NOSRV> -1/-1/-1/-1/\d+ 408 \d+ - - cR-- .* "<BADREQ>"', 'log of 408')

    # An idle connection that never sent anything gets the answer too, one that served a request just closes.
    eq(p.connect('request').response().status, 408, 'connection without a request')
    log.line()
    c = p.connect('keepalive')
    eq(c.get(b'/').status, 200, 'keep-alive')
    log.line()
    began = time.monotonic()
    true(c.closed(), 'kept connection closes without a word')
    between(began, 0.2, 1.5, 'timeout http-keep-alive')

    began = time.monotonic()
    c = p.connect('server').send(b'GET /never HTTP/1.1\r\nHost: h\r\n\r\n')
    eq(c.response().status, 504, 'server that does not answer')
    between(began, 0.3, 1.5, 'timeout server')
    has(log.line(), r'server server/s1 \d+/\d+/\d+/-1/\d+ 504 \d+ - - sH-- ', 'log of 504')
    began = time.monotonic()
    c = p.connect('server').send(b'GET /half HTTP/1.1\r\nHost: h\r\n\r\n')
    eq(c.head().status, 200, 'response that stops: head')
    eq(c.rest(), b'half', 'response that stops: the part')
    between(began, 0.3, 1.5, 'timeout server within a body')
    has(log.line(), r' 200 \d+ - - sD-- ', 'log of a response that stops')

    began = time.monotonic()
    eq(p.connect('connect').get(b'/').status, 503, 'server that does not accept')
    between(began, 0.3, 1.5, 'timeout connect')
    has(log.line(), r'connect connect/s1 \d+/\d+/-1/-1/\d+ 503 \d+ - - sC-- ', 'log of 503')

    # One request holds the only slot, the next waits in the queue until its time is over.
    first = p.connect('queue').send(b'GET /never HTTP/1.1\r\nHost: h\r\n\r\n')
    time.sleep(0.1)
    began = time.monotonic()
    eq(p.connect('queue').get(b'/').status, 503, 'queue')
    between(began, 0.3, 1.5, 'timeout queue')
    has(log.line(), r'queue queue/<NOSRV> \d+/\d+/-1/-1/\d+ 503 \d+ - - sQ-- .* 0/1 ', 'log of a request that left the queue')
    first.close()

    # A body that the proxy waits for counts as part of the request.
    began = time.monotonic()
    c = p.connect('buffer').send(b'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf')
    eq(c.response().status, 408, 'body that stops')
    between(began, 0.3, 1.5, 'timeout http-request within a body')
    has(log.line(), r'buffer buffer/<NOSRV> -1/-1/-1/-1/\d+ 408 \d+ - - cR-- ', 'log of a body that stops')

    c = p.connect('tunnel')
    r = c.get(b'/up', b'Connection: Upgrade\r\nUpgrade: x\r\n')
    eq(r.status, 101, 'tunnel')
    began = time.monotonic()
    true(c.closed(), 'idle tunnel closes')
    between(began, 0.2, 1.5, 'timeout tunnel')
done()
