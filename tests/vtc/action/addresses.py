#!/usr/bin/env python3
"""set-src, set-dst and ports on connections and requests: what fetches, logs, forwardfor and PROXY headers say afterwards; captures by rules."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CONFIG = 'global\n    log 127.0.0.1:<<log>> local0\n' + DEFAULTS + '''
    log global
listen fe
    bind <<fe>>
    option httplog
    option forwardfor
    declare capture request len 4
    declare capture response len 3
    http-request capture req.hdr(x-one) id 0
    http-request capture req.hdr(x-two) len 2
    http-response capture res.hdr(x-server) id 0
    http-request set-src req.hdr(x-src) if { req.hdr(x-src) -m found }
    http-request set-src-port int(77) if { req.hdr(x-src) -m found }
    http-request set-dst str(1.2.3.4) if { req.hdr(x-src) -m found }
    http-request set-dst-port int(99) if { req.hdr(x-src) -m found }
    http-request set-header X-Seen "%[src]:%[src_port] %[dst]:%[dst_port]"
    server s1 127.0.0.1:<<s1>>
frontend conn
    bind <<conn>>
    tcp-request connection set-src str(9.9.9.9)
    tcp-request connection set-var(sess.who) src
    tcp-request session set-var-fmt(sess.fmt) "<%[var(sess.who)]>"
    http-request return content-type a lf-string "%[src] %[var(sess.fmt)]"
'''

with Syslog() as log, Origin() as s1, Proxy(CONFIG, s1=s1.port, log=log.port) as p:
    c = p.connect('fe')
    c.get(b'/', b'X-Src: 2001:db8::7\r\nX-One: abcdef\r\nX-Two: xyz\r\n')
    q = s1.requests[-1]
    eq(q.get('x-seen'), b'2001:db8::7:77 1.2.3.4:99', 'addresses of the request')
    eq(q.get('x-forwarded-for'), b'2001:db8::7', 'forwardfor')
    line = log.line()
    has(line, r'2001:db8::7:77 \[', 'address in the log')
    has(line, r'\{abcd\|xy\} \{s\}', 'captures')
    c.get(b'/')
    has(s1.requests[-1].get('x-seen'), rb'^127\.0\.0\.1:\d+ 127\.0\.0\.1:\d+$', 'the next request has the real ones')
    has(log.line(), r'\{\|\} \{s\}', 'and no captures')
    eq(p.connect('conn').get(b'/').body, b'9.9.9.9 <9.9.9.9>', 'a connection keeps them')
done()
