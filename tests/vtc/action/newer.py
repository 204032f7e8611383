#!/usr/bin/env python3
"""Actions that came after 2.6, and one of our own: pause, set-retries, set-timeout, do-log, *-headers-bin, keep-query, set-cookie-fmt,
bandwidth limits, rate-limit."""
# reference: no (2.6 does not know them)
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CONFIG = 'global\n    log 127.0.0.1:<<log>> local0\n' + DEFAULTS + '''
    log global
listen fe
    bind <<fe>>
    log-format "%OG %HU"
    http-request do-log if { path /log }
    http-response do-log if { capture.req.uri -m beg /log }
    http-request pause 200ms if { path /pause }
    http-request pause req.hdr(x-ms) if { path /expr }
    http-request set-timeout server 100ms if { path /slow }
    http-request set-timeout tarpit 100ms if { path /tarpit }
    http-request set-retries 2 if { path /retries }
    http-request tarpit if { path /tarpit }
    http-request redirect location /new?a=1 keep-query if { path /keep }
    http-request redirect location /new keep-query set-cookie-fmt "A=%[path]" if { path /keep2 }
    http-request silent-drop rst-ttl 1 if { path /drop }
    http-request set-fc-tos 0x10 if { path /marks }
    http-request set-bc-tos int(16) if { path /marks }
    http-request set-var(txn.all) req.hdrs_bin if { path /bin }
    http-request del-headers-bin var(txn.all) -m beg if { path /bin }
    http-request set-headers-bin var(txn.all) prefix x-keep if { path /bin }
    http-request rate-limit 2/1h key req.hdr(x-user)
    http-request rate-limit 1/100ms burst 2 key req.hdr(x-fast)
    server s1 127.0.0.1:<<s1>>
listen bw
    bind <<bw>>
    filter bwlim-out out default-limit 100k default-period 200ms
    filter bwlim-in in default-limit 1m default-period 1s min-size 1000
    http-request set-bandwidth-limit out
    http-request set-bandwidth-limit in limit 200k period 500ms if { method POST }
    server s1 127.0.0.1:<<s1>>
listen bwr
    bind <<bwr>>
    filter bwlim-out out default-limit 100k default-period 200ms
    http-response set-bandwidth-limit out
    server s1 127.0.0.1:<<s1>>
listen bwt
    bind <<bwt>>
    mode tcp
    filter bwlim-out out default-limit 100k default-period 200ms
    tcp-response content set-bandwidth-limit out
    server s1 127.0.0.1:<<s1>>
listen bwq
    bind <<bwq>>
    mode tcp
    filter bwlim-out out default-limit 100k default-period 200ms
    tcp-request content set-bandwidth-limit out
    server s1 127.0.0.1:<<s1>>
listen res
    bind <<res>>
    log-format "timeout %[cur_server_timeout]"
    http-response pause 200ms
    http-response set-timeout server 7s
    http-response set-header x-b other
    http-response set-header x-c other
    http-response add-headers-bin %(x-a)
    http-response set-headers-bin %(x-b)
    http-response del-headers-bin %(x-c)
    http-after-response set-header x-e other
    http-after-response set-header x-f other
    http-after-response add-headers-bin %(x-d)
    http-after-response set-headers-bin %(x-e)
    http-after-response del-headers-bin %(x-f)
    http-request add-headers-bin %(x-g)
    server s1 127.0.0.1:<<s1>>
listen shared
    bind <<shared>>
    stick-table type ip size 10 expire 1m store bytes_out_rate(1s)
    filter bwlim-out sh limit 300k key src
    http-request set-bandwidth-limit sh
    server s1 127.0.0.1:<<s1>>
'''
# A list of header fields with one field, name: 1.
CONFIG = re.sub(r'%\((x-.)\)', lambda m: f'bin(03{m.group(1).encode().hex()}01310000)', CONFIG)
BIG = b'x' * 500000


def answer(request, origin):
    if request.target == b'/slow':
        return [0.6, response(b'late')]
    if request.target == b'/big':
        return response(BIG)
    if request.target == b'/chunks':
        return b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n' + b''.join(b'%x\r\n%s\r\n' % (5000, BIG[:5000]) for _ in range(100)) + b'0\r\n\r\n'
    return response(b'hello')


def timed(what, low, high, run):
    began = time.monotonic()
    value = run()
    took = time.monotonic() - began
    true(low <= took <= high, f'{what} took {took:.2f} s, wanted {low} to {high}')
    return value


with Syslog() as log, Origin(answer) as s1, Proxy(CONFIG, s1=s1.port, log=log.port) as p:
    c = p.connect()
    c.get(b'/log')
    eq([log.line().split(': ')[1] for _ in range(3)], ['http-req /log', 'http-res /log', 'txn_close /log'], 'do-log')
    timed('pause', 0.19, 3, lambda: c.get(b'/pause'))
    timed('pause by an expression', 0.29, 3, lambda: c.get(b'/expr', b'X-Ms: 300\r\n'))
    timed('pause without a value', 0, 0.2, lambda: c.get(b'/expr'))
    eq(timed('set-timeout server', 0.09, 0.5, lambda: c.get(b'/slow')).status, 504, 'set-timeout server')
    c = p.connect()
    eq(timed('set-timeout tarpit', 0.09, 3, lambda: c.get(b'/tarpit')).status, 500, 'set-timeout tarpit')
    c = p.connect()
    eq(c.get(b'/keep?b=2').get('location'), b'/new?a=1&b=2', 'keep-query')
    r = c.get(b'/keep2?b=2')
    eq((r.get('location'), r.get('set-cookie')), (b'/new?b=2', b'A=/keep2; path=/;'), 'keep-query and set-cookie-fmt')
    eq(c.get(b'/keep2').get('location'), b'/new', 'keep-query without a query')
    eq(c.get(b'/marks').body, b'hello', 'TOS')
    c.get(b'/bin', b'X-Keep-A: 1\r\nX-Keep-B: 2\r\nX-Other: 3\r\n')
    eq([n for n, _ in s1.requests[-1].headers if n.startswith(b'x-')], [b'x-keep-a', b'x-keep-b'], 'headers in binary')
    eq([c.get(b'/', b'X-User: ann\r\n').status for _ in range(3)], [200, 200, 429], 'rate-limit')
    r = c.get(b'/', b'X-User: ann\r\n')
    eq((r.get('ratelimit-limit'), r.get('ratelimit-remaining')), (b'2', b'0'), 'what it says')
    true(1700 <= int(r.get('retry-after')) <= 1800 and r.get('retry-after') == r.get('ratelimit-reset'), f'when: {r.headers}')
    eq(c.get(b'/', b'X-User: bob\r\n').status, 200, 'another key')
    eq(c.get(b'/').status, 200, 'no key')
    eq([c.get(b'/', b'X-Fast: x\r\n').status for _ in range(3)], [200, 200, 429], 'burst')
    time.sleep(0.12)
    eq([c.get(b'/', b'X-Fast: x\r\n').status for _ in range(2)], [200, 429], 'one more after a period')
    p.connect().send(b'GET /drop HTTP/1.1\r\nHost: h\r\n\r\n')

    c = p.connect('bw')
    eq(timed('500 kB at 100 kB per 200 ms', 0.75, 2.5, lambda: c.get(b'/big')).body, BIG, 'limited')
    eq(timed('the same in chunks', 0.75, 2.5, lambda: c.get(b'/chunks')).body, BIG, 'limited chunks')
    timed('an upload of 500 kB at 200 kB per 500 ms', 0.7, 3, lambda: c.get(b'/up', method=b'POST', body=BIG))
    eq(s1.requests[-1].body, BIG, 'uploaded')
    for name in ('bwr', 'bwt', 'bwq'):
        slow = p.connect(name)
        eq(timed('500 kB through ' + name, 0.75, 2.5, lambda slow=slow: slow.get(b'/big')).body, BIG, 'limited by ' + name)
    slow = p.connect('res')
    r = timed('pause in a response', 0.19, 3, lambda: slow.get(b'/'))
    eq([r.all('x-' + letter) for letter in 'abcdef'], [[b'1'], [b'1'], [], [b'1'], [b'1'], []], 'headers in binary of responses')
    eq(s1.requests[-1].all('x-g'), [b'1'], 'a header in binary is added')
    true(log.line('timeout 7000'), 'set-timeout in a response')
    timed('small ones', 0, 0.3, lambda: [c.get(b'/') for _ in range(3)])
    c = p.connect('shared')
    eq(timed('500 kB at 300 kB per s', 0.4, 5, lambda: c.get(b'/big')).body, BIG, 'shared limit')
done()
