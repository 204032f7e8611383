#!/usr/bin/env python3
"""balance source, uri, url_param, hdr, hash: the same key gets the same server; keys spread; a missing key falls back."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

def listen(name, rule, extra=''):
    return f'''
listen {name}
    bind <<{name}>>
    balance {rule}
{extra}
    server s1 127.0.0.1:<<s1>>
    server s2 127.0.0.1:<<s2>>
    server s3 127.0.0.1:<<s3>>
'''


CONFIG = 'global\n    nbthread 1\n' + DEFAULTS + listen('source', 'source') + listen('uri', 'uri') + listen('whole', 'uri whole') + \
    listen('depth', 'uri depth 1') + listen('param', 'url_param user') + listen('hdr', 'hdr(X-Key)') + \
    listen('host', 'hdr(host) use_domain_only') + listen('consistent', 'uri', '    hash-type consistent') + \
    listen('random', 'random(2)')


def ask(p, name, target=b'/', headers=b'', host=b'h.example'):
    c = p.connect(name)
    r = c.get(target, headers, host=host)
    c.close()
    return r.body.decode()


def spread(got, what, servers=3):
    true(len(set(got)) == servers, f'{what} spread over {servers} servers: {sorted(set(got))}')


def answer(request, origin):
    return response(origin.name)


with Origin(answer, name=b's1') as s1, Origin(answer, name=b's2') as s2, Origin(answer, name=b's3') as s3, \
        Proxy(CONFIG, s1=s1.port, s2=s2.port, s3=s3.port) as p:
    eq(len({ask(p, 'source') for _ in range(5)}), 1, 'source: one client, one server')
    uris = [b'/a%d' % n for n in range(30)]
    first = [ask(p, 'uri', u) for u in uris]
    eq([ask(p, 'uri', u) for u in uris], first, 'uri: stable')
    spread(first, 'uri')
    eq(ask(p, 'uri', b'/a1?x=1'), ask(p, 'uri', b'/a1?y=2'), 'uri: the query does not count')
    spread([ask(p, 'whole', b'/a?%d' % n) for n in range(30)], 'uri whole: the query counts')
    eq(len({ask(p, 'depth', b'/dir/%d' % n) for n in range(10)}), 1, 'uri depth 1')
    spread([ask(p, 'depth', b'/dir%d/x' % n) for n in range(30)], 'uri depth 1')
    eq(len({ask(p, 'param', b'/%d?a=%d&user=bob' % (n, n)) for n in range(8)}), 1, 'url_param: one user, one server')
    spread([ask(p, 'param', b'/?user=u%d' % n) for n in range(30)], 'url_param')
    spread([ask(p, 'param', b'/') for n in range(6)], 'url_param: without it, in turn')
    eq(len({ask(p, 'hdr', b'/%d' % n, b'X-Key: k\r\n') for n in range(8)}), 1, 'hdr: one value, one server')
    spread([ask(p, 'hdr', b'/', b'X-Key: k%d\r\n' % n) for n in range(30)], 'hdr')
    eq(len({ask(p, 'host', host=h) for h in (b'a.site.example', b'b.site.example', b'site.example')} - {''}) <= 2, True, 'use_domain_only')

    # Consistent hashing moves only the keys of the server that went away; the map of slots moves more.
    before = {u: ask(p, 'consistent', u) for u in uris}
    spread(list(before.values()), 'consistent')
    p.cli('disable server consistent/s2')
    after = {u: ask(p, 'consistent', u) for u in uris}
    true('s2' not in after.values(), 'consistent: a disabled server gets nothing')
    eq([u for u in uris if before[u] != 's2' and before[u] != after[u]], [], 'consistent: other keys stay')
    p.cli('enable server consistent/s2')
    eq({u: ask(p, 'consistent', u) for u in uris}, before, 'consistent: all as before when it is back')
    spread([ask(p, 'random') for _ in range(40)], 'random')
done()
