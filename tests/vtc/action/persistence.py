#!/usr/bin/env python3
"""Persistence cookies: dates of maxidle and maxlife, what is logged, servers without a cookie, what is removed, option checkcache, dynamic."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

SERVERS = '''
    server web1 127.0.0.1:<<s1>> cookie one
    server web2 127.0.0.1:<<s2>> cookie two
    server gone 127.0.0.1:1 cookie down disabled
'''


def listen(name, cookie, more='', servers=SERVERS):
    return f'listen {name}\n    bind <<{name}>>\n    balance roundrobin\n    cookie {cookie}\n{more}{servers}'


CONFIG = 'global\n    log 127.0.0.1:<<log>> local0\n    nbthread 1\n' + DEFAULTS + '    log global\n    option httplog\n' + \
    listen('idle', 'C insert indirect maxidle 30s') + listen('life', 'C insert indirect maxlife 1h') + \
    listen('both', 'C insert indirect maxidle 30s maxlife 1h') + listen('undated', 'C insert indirect') + \
    listen('keep', 'C insert') + listen('indirect', 'C indirect') + listen('bare', 'C') + \
    listen('use', 'C insert indirect', '    use-server web1 if TRUE\n') + \
    listen('none', 'C insert', servers='    server web1 127.0.0.1:<<s1>>\n') + \
    listen('nocache', 'C insert nocache') + \
    listen('check', 'C insert', '    option checkcache\n') + \
    listen('dynamic', 'C insert indirect dynamic', '    dynamic-cookie-key k3y\n', '    server web1 127.0.0.1:1 disabled\n    server fixed 127.0.0.1:<<s1>> cookie own\n')
DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'


def date(seconds_ago):
    n, text = int(time.time() - seconds_ago) >> 2, ''
    for _ in range(5):
        text, n = DIGITS[n & 63] + text, n >> 6
    return text


def answer(request, origin):
    return response(origin.name, headers=b''.join(h + b'\r\n' for h in (request.get('x-answer') or b'').split(b'|') if h))


with Syslog() as log, Origin(answer, name=b'web1') as s1, Origin(answer, name=b'web2') as s2, \
        Proxy(CONFIG, s1=s1.port, s2=s2.port, log=log.port) as p:
    def get(name, cookie='', answer_headers=b''):
        c = p.connect(name)
        r = c.get(b'/', (b'Cookie: ' + cookie.encode() + b'\r\n' if cookie else b'') +
                  (b'X-Answer: ' + answer_headers.replace(b'\r\n', b'|') + b'\r\n' if answer_headers else b''))
        c.close()
        r.letters = re.search(r' [-A-Za-z]{2}([-A-Z]{2}) \d+/\d+/', log.line(rf' {name} ') or '') or ['', '']
        r.letters = r.letters[1]
        r.seen = (s1 if r.body == b'web1' else s2).requests[-1].get('cookie') if r.body in (b'web1', b'web2') else None
        r.cookie = (r.get('set-cookie') or b'').decode()
        return r

    def check(what, name, cookie, letters, pattern=None, server=None, seen=None, answer_headers=b''):
        r = get(name, cookie, answer_headers)
        eq(r.letters, letters, what + ' log')
        true(re.fullmatch(pattern or '', r.cookie), f'{what}: cookie {r.cookie!r}, wanted {pattern!r}')
        if server:
            eq(r.body, server, what + ' server')
        eq(r.seen, seen, what + ': cookie that the server sees')

    D = r'[A-Za-z0-9+/]{5}'
    NEW1, NEWIDLE, NEWLIFE = r'C=(one|two); path=/', rf'C=(one|two)\|{D}; path=/', rf'C=(one|two)\|{D}\|{D}; path=/'
    check('new visitor', 'idle', '', 'NI', NEWIDLE)
    check('no date', 'idle', 'C=two', 'VU', rf'C=two\|{D}; path=/', b'web2')
    check('fresh', 'idle', f'C=two|{date(-3600)}', 'VN', '', b'web2')
    check('a while ago', 'idle', f'C=two|{date(20)}', 'VU', rf'C=two\|{D}; path=/', b'web2')
    check('idle too long', 'idle', f'C=two|{date(60)}', 'EI', NEWIDLE)
    check('far future', 'idle', f'C=two|{date(-2 * 86400)}', 'EI', NEWIDLE)
    check('unreadable date', 'idle', 'C=two|%%%%%', 'VU', rf'C=two\|{D}; path=/', b'web2')
    check('no date', 'life', 'C=two', 'VU', rf'C=two\|{D}\|{D}; path=/', b'web2')
    first = date(600)
    check('first date is kept', 'life', f'C=two|{date(60)}|{first}', 'VU', rf'C=two\|{D}\|{re.escape(first)}; path=/', b'web2')
    check('too old', 'life', f'C=two|{date(5)}|{date(4000)}', 'OI', NEWLIFE)
    check('both over', 'both', f'C=two|{date(4000)}|{date(4000)}', 'OI', NEWLIFE)
    check('idle before old', 'both', f'C=two|{date(60)}|{date(60)}', 'EI', NEWLIFE)
    check('dates that nobody asked for', 'undated', f'C=two|{date(60)}', 'VU', 'C=two; path=/', b'web2')
    check('unknown value', 'undated', 'C=zz', 'II', NEW1)
    check('server is down', 'undated', 'C=down', 'DI', NEW1)
    check('the second one is valid', 'undated', 'C=down; C=two; C=zz', 'VN', '', b'web2')
    check('only ours is removed', 'undated', 'a=1; C=two; b="x; C=y"', 'VN', '', b'web2', b'a=1; b="x; C=y"')
    check('in the middle of many', 'undated', 'a=1;C=zz;C=two;  C=one  ; b=2', 'VN', '', b'web2', b'a=1; b=2')
    check('the server sees it', 'keep', 'C=two', 'VN', '', b'web2', b'C=two')
    check('the server sets one', 'keep', '', 'NI', NEW1, answer_headers=b'Set-Cookie: C=own; path=/')
    check('the server sets one, the client has one', 'keep', 'C=two', 'VD', '', b'web2', b'C=two', b'Set-Cookie: C=own')
    check('indirect alone', 'indirect', 'C=two', 'VD', '', b'web2', b'C=two', b'Set-Cookie: C=own')
    check('indirect alone, new', 'indirect', '', 'NP', 'C=own', answer_headers=b'Set-Cookie: C=own')
    check('no mode', 'bare', 'C=two', '--', 'C=own', b'web2', b'C=two', b'Set-Cookie: C=own')
    check('use-server decides', 'use', 'C=two', 'UN', '', b'web1')
    check('use-server, new', 'use', '', 'NN', '', b'web1')
    check('the server has no cookie', 'none', 'C=zz', 'II', r'C=; Expires=Thu, 01-Jan-1970 00:00:01 GMT; path=/', b'web1', b'C=zz')
    for headers, added in ((b'Cache-Control: max-age=9', True), (b'Expires: x', True), (b'ETag: "x"', True), (b'X-A: b', False),
                           (b'Cache-Control: public', False), (b'ETag: x\r\nCache-Control: public', True),
                           (b'ETag: x\r\nCache-Control: private', False), (b'ETag: x\r\nPragma: no-cache', False),
                           (b'Cache-Control: max-age=9, s-maxage=0', False), (b'ETag: x\r\nCache-Control: no-cache="set-cookie"', True)):
        r = get('nocache', answer_headers=headers)
        eq(r.headers[-1] == (b'cache-control', b'private'), added, f'nocache with {headers!r}')
    for headers, blocked in ((b'ETag: x\r\nSet-Cookie: a=1', True), (b'ETag: x', False), (b'Set-Cookie: a=1', False),
                             (b'ETag: x\r\nSet-Cookie: a=1\r\nCache-Control: no-cache="set-cookie"', False),
                             (b'ETag: x\r\nSet-Cookie: a=1\r\nCache-Control: no-store', False)):
        r = get('check', answer_headers=headers)
        # The reference answers with status 200 and no content of the server.
        eq(r.body not in (b'web1', b'web2'), blocked, f'checkcache with {headers!r}')
        if blocked and not REFERENCE:
            eq(r.status, 502, 'checkcache: status')
    eq(get('dynamic').cookie, 'C=own; path=/', 'a cookie of its own')
done()
