#!/usr/bin/env python3
"""Log lines: httplog, tcplog, clf, own formats, captures, dontlognull, dontlog-normal, levels, tags."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CONFIG = '''
global
    log 127.0.0.1:<<log>> local0
    log-tag mytag
''' + DEFAULTS + '''
    log global
listen http
    bind <<http>>
    option httplog
    capture request header Host len 20
    capture request header User-Agent len 5
    capture response header Server len 10
    capture cookie ID len 8
    server s1 127.0.0.1:<<s1>>
listen clf
    bind <<clf>>
    option httplog clf
    server s1 127.0.0.1:<<s1>>
listen own
    bind <<own>>
    capture request header X-A len 8
    log-format "%ci %f %b %s %ST %B %U %HM %HP %HQ %HV %[capture.req.hdr(0),upper] %{+Q}r %{+X}Ts %ms %pid %rc %tsc %ID"
    unique-id-format %{+X}o\\ %ci-%rt
    unique-id-header X-Id
    server s1 127.0.0.1:<<s1>>
listen quiet
    bind <<quiet>>
    option httplog
    option dontlog-normal
    http-request deny if { path /deny }
    server s1 127.0.0.1:<<s1>>
listen levels
    bind <<levels>>
    option httplog
    http-request set-log-level err if { path /err }
    http-request set-log-level silent if { path /silent }
    server s1 127.0.0.1:<<s1>>
frontend bare
    bind <<bare>>
    default_backend tcp
listen separate
    bind <<separate>>
    option httplog
    option log-separate-errors
    server s1 127.0.0.1:<<s1>>
listen tcp
    mode tcp
    bind <<tcp>>
    option tcplog
    option dontlognull
    server s1 127.0.0.1:<<s1>>
backend bhttp
    server s1 127.0.0.1:<<s1>>
'''.replace('frontend bare\n    bind <<bare>>\n    default_backend tcp', 'frontend bare\n    bind <<bare>>\n    default_backend bhttp')
DATE = r'\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d\.\d{3}'


def answer(request, origin):
    if request.target.startswith(b'/500'):
        return response(b'', b'500 Oops')
    return response(b'ok', headers=b'Server: apache-2.4.99\r\nSet-Cookie: ID=fromserver; path=/\r\n')


with Syslog() as log, Origin(answer) as s1, Proxy(CONFIG, s1=s1.port, log=log.port) as p:
    c = p.connect('http')
    c.get(b'/path?q=1', b'User-Agent: curl/7.1\r\nCookie: a=b; ID=fromclient\r\n')
    line = log.line()
    has(line, r'^<134>[A-Z][a-z][a-z] [ \d]\d \d\d:\d\d:\d\d mytag\[\d+\]: 127\.0\.0\.1:\d+ \[' + DATE + r'\] http http/s1 '
        r'\d+/\d+/\d+/\d+/\d+ 200 \d+ ID=fromc ID=froms ---- 1/1/0/0/0 0/0 \{h\.example\|curl/\} \{apache-2\.4?\} "GET /path\?q=1 HTTP/1\.1"$', 'httplog')
    c.get(b'/two')
    has(log.line(), r' - ID=froms ---- .* \{h\.example\|\} ', 'second request of a connection')
    c.send(b'bad request\r\n\r\n')
    has(log.line(), r' http http/<NOSRV> -1/-1/-1/-1/\d+ 400 \d+ - - PR-- \d+/\d+/\d+/\d+/\d+ 0/0 (\{\|\} \{\} )?"<BADREQ>"$', 'bad request')

    p.connect('clf').get(b'/c')
    has(log.line(), r': 127\.0\.0\.1 - - \[\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "GET /c HTTP/1\.1" 200 \d+ "" "" '
        r'\d+ \d{3} "clf" "clf" "s1" \d+ \d+ \d+ \d+ \d+ ---- \d+ \d+ \d+ \d+ 0 0 0 "" "" ?$', 'clf')

    p.connect('own').get(b'/o?x=y', b'X-A: abc\r\n')
    has(log.line(), r': 127\.0\.0\.1 own own s1 200 \d+ \d+ GET /o \?x=y HTTP/1\.1 ABC "GET /o\?x=y HTTP/1\.1" [0-9A-F]+ \d+ \d+ 0 ---- 7F000001-[0-9A-F]{4}$'
        , 'own format')
    has((s1.requests[-1].get('x-id') or b'').decode(), r'^7F000001-[0-9A-F]{4}$', 'unique-id-header')

    p.connect('quiet').get(b'/fine')
    p.connect('quiet').get(b'/deny')
    has(log.line(), r' quiet quiet/<NOSRV> \d+/-1/-1/-1/\d+ 403 .* PR-- ', 'dontlog-normal leaves out what went well')

    p.connect('levels').get(b'/silent')
    p.connect('levels').get(b'/err')
    has(log.line(), r'^<131>.* "GET /err ', 'level of a request; a silent one has no line')
    p.connect('separate').get(b'/500')
    has(log.line(), r'^<131>.* separate separate/s1 \d+/\d+/\d+/\d+/\d+ 500 ', 'log-separate-errors')

    p.connect('bare').get(b'/x')
    has(log.line(), r'Connect from 127\.0\.0\.1:\d+ to 127\.0\.0\.1:\d+ \(bare/HTTP\)$', 'no log option')

    p.connect('tcp').close()
    time.sleep(0.1)
    c = p.connect('tcp')
    c.get(b'/t')
    c.close()
    has(log.line(), r': 127\.0\.0\.1:\d+ \[' + DATE + r'\] tcp tcp/s1 \d+/\d+/\d+ \d+ (--|CD) \d+/\d+/\d+/\d+/0 0/0$', 'tcplog; nothing was logged without data')
done()
