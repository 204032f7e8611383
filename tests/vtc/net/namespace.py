#!/usr/bin/env python3
"""Sockets in network namespaces: listeners, servers, and the namespace that a PROXY header names."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *
import ctypes
import struct

NAME = f'vtc{os.getpid()}'
CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def sh(*words):
    return subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def inside(make):
    """Runs make() in the namespace."""
    with open('/proc/self/ns/net') as own, open(f'/var/run/netns/{NAME}') as ns:
        libc.setns(ns.fileno(), CLONE_NEWNET)
        try:
            return make()
        finally:
            libc.setns(own.fileno(), CLONE_NEWNET)


if os.getuid() != 0 or not sh('ip', 'netns', 'add', NAME):
    skip('needs network namespaces')
try:
    sh('ip', 'netns', 'exec', NAME, 'ip', 'link', 'set', 'lo', 'up')
    with inside(lambda: Origin(name=b'inside')) as s, Origin(name=b'outside') as o:
        number = inside(lambda: socket.create_server(('127.0.0.1', 0))).getsockname()[1]
        with Proxy(DEFAULTS + '''
listen server
    bind <<server>>
    server s 127.0.0.1:<<s>> namespace <<name>>
listen outside
    bind <<outside>>
    server s 127.0.0.1:<<o>>
listen client
    bind <<client>> accept-proxy
    server s 127.0.0.1:<<s>> namespace *
listen bind
    bind 127.0.0.1:<<number>> namespace <<name>>
    http-request return status 200 content-type text/plain string bound
''', s=s.port, o=o.port, name=NAME, number=number) as p:
            eq(p.connect('server').get().get('x-server'), b'inside', 'a server in a namespace')
            eq(p.connect('outside').get().get('x-server'), b'outside', 'a server elsewhere')
            c = inside(lambda: Conn(socket.create_connection(('127.0.0.1', number), LIMIT)))
            eq(c.get().body, b'bound', 'a listener in a namespace')
            tlv = b'\x30' + struct.pack('!H', len(NAME)) + NAME.encode()
            c = p.connect('client')
            c.send(b'\r\n\r\n\0\r\nQUIT\n\x21\x11' + struct.pack('!H', 12 + len(tlv)) + b'\x7f\0\0\1\x7f\0\0\1\0\x50\0\x51' + tlv)
            eq(c.get().get('x-server'), b'inside', 'the namespace of a PROXY header')
    r = subprocess.run([PROGRAM, '-c', '-f', '/dev/stdin'], input=b'listen l\n bind 127.0.0.1:0\n server s 127.0.0.1:80 namespace nix\n',
                       capture_output=True)
    has(r.stderr, rb"'server l/s' : Cannot open namespace 'nix'", 'a namespace that does not exist')
finally:
    sh('ip', 'netns', 'del', NAME)
done()
