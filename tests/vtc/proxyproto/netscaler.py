#!/usr/bin/env python3
"""NetScaler Client IP headers, in both layouts and families: accept-netscaler-cip on a bind line, and asked for by a rule."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

import struct

MAGIC = 0x01020304
SAY = 'http-request return status 200 content-type text/plain lf-string "%[src]:%[src_port] %[dst]:%[dst_port]"'
CONFIG = DEFAULTS + f'''
frontend fe
    bind <<fe>> accept-netscaler-cip {MAGIC}
    {SAY}
frontend rule
    bind <<rule>>
    tcp-request connection expect-netscaler-cip layer4 if {{ src 127.0.0.1 }}
    {SAY}
'''
TCP = struct.pack('>HHIIHHHH', 4321, 80, 0, 0, 0x5002, 0, 0, 0)
IP4 = struct.pack('>BBHHHBBH', 0x45, 0, 40, 0, 0, 64, 6, 0) + socket.inet_aton('10.1.2.3') + socket.inet_aton('10.9.8.7') + TCP
IP6 = struct.pack('>IHBB', 6 << 28, 20, 6, 64) + socket.inet_pton(socket.AF_INET6, '2001:db8::1') + socket.inet_pton(socket.AF_INET6, '2001:db8::2') + TCP


def legacy(packet, magic=MAGIC):
    return struct.pack('>II', magic, len(packet)) + packet


def standard(packet, magic=MAGIC):
    return struct.pack('>IIHH', magic, 12 + len(packet), 1, len(packet)) + packet


FOUR, SIX = b'10.1.2.3:4321 10.9.8.7:80', b'2001:db8::1:4321 2001:db8::2:80'
with Proxy(CONFIG) as p:
    for what, name, header, wanted in (('legacy', 'fe', legacy(IP4), FOUR), ('standard', 'fe', standard(IP4), FOUR), ('IPv6', 'fe', legacy(IP6), SIX),
                                       ('standard with IPv6', 'fe', standard(IP6), SIX), ('by a rule', 'rule', legacy(IP4, 0), FOUR)):
        c = p.connect(name).send(header)
        try:
            eq(c.get(b'/').body, wanted, what)
        except Closed as e:
            true(False, f'{what}: closed after {e}')
    for what, header in (('another magic number', legacy(IP4, 5)), ('no header', b'GET / HTTP/1.1\r\nHost: h\r\n\r\n'),
                         ('another protocol', legacy(IP4[:9] + b'\x11' + IP4[10:])), ('no address', legacy(IP4[:20]))):
        true(p.connect().send(header).closed(), what + ' is refused')
done()
