#!/usr/bin/env python3
"""Persistence cookies: insert indirect nocache, prefix, rewrite, preserve, httponly, domain, maxidle; a server that is down; weights."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

def listen(name, cookie, extra=''):
    return f'''
listen {name}
    bind <<{name}>>
    balance roundrobin
    cookie {cookie}
{extra}
    server web1 127.0.0.1:<<s1>> cookie one
    server web2 127.0.0.1:<<s2>> cookie two
'''


CONFIG = 'global\n    nbthread 1\n' + DEFAULTS + listen('insert', 'SERVERID insert indirect nocache') + listen('plain', 'SRV insert') + \
    listen('attrs', 'SRV insert indirect httponly secure domain .a.example maxidle 30m attr SameSite=Lax') + \
    listen('prefix', 'JSESSIONID prefix nocache') + listen('rewrite', 'APP rewrite') + listen('preserve', 'SRV insert preserve indirect') + \
    listen('down', 'SRV insert indirect', '    option redispatch\n    retries 1') + listen('strict', 'SRV insert indirect', '    no option redispatch') + \
    listen('postonly', 'SRV insert indirect postonly') + listen('persist', 'SRV insert indirect', '    ignore-persist if { path /any }')


def answer(request, origin):
    headers = {b'/session': b'Set-Cookie: JSESSIONID=abc; path=/\r\n', b'/app': b'Set-Cookie: APP=; path=/\r\n',
               b'/own': b'Set-Cookie: SRV=mine\r\n', b'/age': b'Cache-Control: max-age=10\r\n',
               b'/modified': b'Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n'}.get(request.target, b'')
    return response(origin.name, headers=headers)


with Origin(answer, name=b'web1') as s1, Origin(answer, name=b'web2') as s2, Proxy(CONFIG, s1=s1.port, s2=s2.port) as p:
    def get(name, target=b'/', cookie=None, method=b'GET'):
        c = p.connect(name)
        r = c.get(target, b'Cookie: ' + cookie + b'\r\n' if cookie else b'', method=method)
        c.close()
        r.seen = (s1 if r.body == b'web1' else s2).requests[-1] if r.body in (b'web1', b'web2') else None
        return r

    r = get('insert')
    tag = {b'web1': b'one', b'web2': b'two'}[r.body]
    eq(r.get('set-cookie'), b'SERVERID=' + tag + b'; path=/', 'insert: cookie of a new visitor')
    eq(r.get('cache-control'), None, 'nocache: not where no cache would keep the answer anyway')
    for target in (b'/modified', b'/age'):
        eq(get('insert', target).all('cache-control')[-1:], [b'private'], f'nocache: {target}')
        eq(get('insert', target, cookie=b'SERVERID=one').all('cache-control').count(b'private'), 0, 'nocache: only with the cookie')
    for n in range(4):
        r = get('insert', cookie=b'a=b; SERVERID=two; c=d')
        eq((r.body, r.get('set-cookie')), (b'web2', None), 'insert: the visitor comes back')
        eq(r.seen.get('cookie'), b'a=b; c=d', 'indirect: the server does not see the cookie')
    true(get('insert', cookie=b'SERVERID=gone').get('set-cookie') is not None, 'insert: an unknown value gets a new cookie')

    r = get('plain', cookie=b'SRV=one')
    eq((r.body, r.seen.get('cookie'), r.get('set-cookie')), (b'web1', b'SRV=one', None), 'without indirect the server sees the cookie')

    r = get('attrs')
    has(r.get('set-cookie') or b'', rb'^SRV=(one|two)\|[A-Za-z0-9+/]{5}; path=/; domain=\.a\.example; HttpOnly; Secure; SameSite=Lax$', 'attributes')
    value = (r.get('set-cookie') or b'').split(b';')[0]
    eq(get('attrs', cookie=value).body, r.body, 'the dated cookie is understood')

    r = get('prefix', b'/session')
    tag = {b'web1': b'one', b'web2': b'two'}[r.body]
    eq(r.get('set-cookie'), b'JSESSIONID=' + tag + b'~abc; path=/', 'prefix: the application\'s cookie is marked')
    r = get('prefix', cookie=b'JSESSIONID=two~abc')
    eq((r.body, r.seen.get('cookie')), (b'web2', b'JSESSIONID=abc'), 'prefix: the mark is taken off')

    r = get('rewrite', b'/app')
    tag = {b'web1': b'one', b'web2': b'two'}[r.body]
    eq(r.get('set-cookie'), b'APP=' + tag + b'; path=/', 'rewrite: the value is replaced')
    eq(get('rewrite', b'/').get('set-cookie'), None, 'rewrite: nothing is set on its own')
    eq(get('preserve', b'/own', b'SRV=one').get('set-cookie'), b'SRV=mine', 'preserve: what the server sets is left alone')
    eq(get('postonly').get('set-cookie'), None, 'postonly: not for GET')
    true(get('postonly', method=b'POST').get('set-cookie') is not None, 'postonly: for POST')
    eq(len({get('persist', b'/any', b'SRV=two').body for _ in range(4)}), 2, 'ignore-persist')
    eq({get('persist', b'/', b'SRV=two').body for _ in range(4)}, {b'web2'}, 'no ignore-persist')

    for name in ('down', 'strict'):
        p.cli(f'disable server {name}/web2')
        r = get(name, cookie=b'SRV=two')
        eq((r.body, r.get('set-cookie')), (b'web1', b'SRV=one; path=/'), f'{name}: a server in maintenance is replaced')
    s2.stop()
    s2.close_all()
    p.cli('enable server down/web2')
    p.cli('enable server strict/web2')
    r = get('down', cookie=b'SRV=two')
    eq((r.status, r.body, r.get('set-cookie')), (200, b'web1', b'SRV=one; path=/'), 'redispatch from a server that refuses')
    eq(get('strict', cookie=b'SRV=two').status, 503, 'without redispatch the visitor gets an error')
done()
