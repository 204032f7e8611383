#!/usr/bin/env python3
"""steelyard explain: rules, tests, changes, backends, servers, replies; text and JSON; wrong questions."""
# reference: no (an extension)
import json
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CONFIG = '''
global
    log 127.0.0.1:<<syslog>> local0
defaults
    mode http
    log global
    option httplog
    timeout client 10s
    timeout server 10s
    timeout connect 2s
    timeout tarpit 60s
    option forwardfor

frontend web
    bind :80
    bind 127.0.0.9:8080
    tcp-request connection reject if { src 10.9.0.0/16 }
    acl is_api path_beg /api/ /v2/
    http-request set-header X-Proto https if { ssl_fc }
    http-request set-var(txn.who) req.hdr(user-agent) # a comment
    http-request deny if { path /secret } !{ req.hdr(x-token) -m str letmein }
    http-request track-sc0 src table counts if { path /counted }
    http-request deny deny_status 429 if { sc_http_req_rate(0) gt 2 }
    http-request set-path /new%[path] if is_api \\
        { method GET }
    http-request tarpit if { path /tar }
    http-request silent-drop if { path /drop }
    http-request pause 30s if { path /slow }
    http-request return status 200 content-type text/plain string hello if { path /hi }
    http-after-response set-header X-After %[status]
    http-request redirect location https://x.example%[path] if { path_beg /old }
    use_backend api if { path_beg /new/ }
    use_backend h1 if { req.hdr(host) -i h1.example }
    use_backend h2 if { req.hdr(host) -i h2.example }
    use_backend h3 if { req.hdr(host) -i h3.example }
    use_backend h4 if { req.hdr(host) -i h4.example }
    use_backend %[path,field(2,/)] if { path_beg /dyn }
    use_backend empty if { path /empty }
    default_backend pages
frontend secure
    bind :8443
    mode tcp
    tcp-request inspect-delay 5s
    tcp-request content accept if { req.ssl_hello_type 1 }
    use_backend sni if { req.ssl_sni -i a.example }
    default_backend raw
frontend off
    bind :81
    disabled
backend api
    balance hdr(x-key)
    http-request del-header user-agent
    http-request set-header X-Be %[be_name]
    server s1 127.0.0.1:<<origin>>
    server s2 127.0.0.1:<<origin>> weight 20
    server s3 127.0.0.1:<<origin>> disabled
backend pages
    cookie SRV insert indirect
    balance roundrobin
    use-server p3 if { req.hdr(x-server) 3 }
    server p1 127.0.0.1:<<origin>> cookie c1 check
    server p2 127.0.0.1:<<origin>> cookie c2
    server p3 127.0.0.1:<<origin>> weight 0
    server pb 127.0.0.1:<<origin>> backup
backend empty
backend counts
    stick-table type ip size 10 expire 1m store http_req_rate(10s)
backend raw
    mode tcp
    server r 127.0.0.1:<<origin>> send-proxy
backend sni
    mode tcp
    server n 0.0.0.0:0
''' + ''.join(f'backend {n}\n    server s 127.0.0.1:1\n' for n in ('h1', 'h2', 'h3', 'h4', 'dyn1'))


def run(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=LIMIT)


def explain(url, *arguments):
    """The answer as an object."""
    r = run('explain', '-f', 'x.cfg', '--request', url, '--json', *arguments)
    if not eq(r.returncode, 0, f'{url}: exit status ({r.stderr})'):
        return None
    return json.loads(r.stdout)


def rule(answer, text):
    """The event of the rule that begins with these words."""
    for e in answer['events']:
        if e.get('rule', '').startswith(text):
            return e
    true(False, f'no rule {text!r}')
    return {'tests': [], 'changes': []}


def headers(answer):
    return {n: v for n, v in answer['sent']['headers']}


PROGRAM = os.environ['STEELYARD']
listener = socket.create_server(('127.0.0.1', 0))          # nobody may come here
syslog = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)  # nor write here
syslog.bind(('127.0.0.1', 0))
text = CONFIG.replace('<<origin>>', str(listener.getsockname()[1])).replace('<<syslog>>', str(syslog.getsockname()[1]))
with open('x.cfg', 'w') as f:
    f.write(text)
LINE = {l.strip(): n + 1 for n, l in enumerate(text.split('\n'))}

# a request with changes
a = explain('https://www.example/api/x?y=1', '--header', 'User-Agent: me', '--header', 'X-Key: 7', '--src', '10.1.2.3:77')
eq(a['request'], {'method': 'GET', 'url': 'https://www.example/api/x?y=1', 'from': '10.1.2.3:77', 'to': '127.0.0.1:80', 'tls': True},
   'request')
e = rule(a, 'tcp-request connection')
eq((e['step'], e['condition'], e['tests'][0]['value']), ('tcp_connection', 'not matched', '10.1.2.3'), 'connection rule')
e = rule(a, 'http-request set-header X-Proto')
eq((e['line'], e['condition'], e['changes']),
   (LINE['http-request set-header X-Proto https if { ssl_fc }'], 'matched',
    [{'what': 'header', 'name': 'x-proto', 'before': None, 'after': 'https'}]), 'set-header')
e = rule(a, 'http-request set-var(txn.who) req.hdr(user-agent)')
eq((e['rule'], e['changes']), ('http-request set-var(txn.who) req.hdr(user-agent)',
                               [{'what': 'variable', 'name': 'txn.who', 'before': None, 'after': 'me'}]), 'set-var')
e = rule(a, 'http-request set-path')
eq(e['rule'], 'http-request set-path /new%[path] if is_api { method GET }', 'rule on two lines')
eq(e['tests'], [{'acl': 'is_api', 'test': 'path_beg /api/ /v2/', 'result': 'matched', 'value': '/api/x'},
                {'acl': None, 'test': 'method GET', 'result': 'matched', 'value': 'GET'}], 'tests of set-path')
eq(e['changes'], [{'what': 'path', 'name': None, 'before': '/api/x', 'after': '/new/api/x'}], 'changes of set-path')
e = rule(a, 'http-request deny if')
eq(e['tests'], [{'acl': None, 'test': 'path /secret', 'result': 'not matched', 'value': '/api/x'}], 'a condition stops at its first failure')
eq((a['backend'], a['backend_by'], a['server_is_fixed'], a['end']), ('api', 'use_backend', True, 'server'), 'backend')
eq([(s['name'], s['candidate'], s['weight']) for s in a['servers']], [('s1', True, 1), ('s2', True, 20), ('s3', False, 1)], 'servers')
eq([s['status'] for s in a['servers']], ['no check', 'no check', 'MAINT'], 'states')
has(a['server_by'], 'balance hdr, by its key', 'how the server was chosen')
h = headers(a)
eq((a['sent']['uri'], h['x-be'], h.get('user-agent'), h['x-forwarded-for'], h['host']),
   ('/new/api/x?y=1', 'api', None, '10.1.2.3', 'www.example'), 'what is sent')
eq(explain('https://www.example/api/x?y=1', '--header', 'X-Key: 7')['server'], a['server'], 'the same key, the same server')

# how servers are chosen
a = explain('http://h/')
eq((a['backend_by'], a['server_is_fixed'], a['server_by']), ('default_backend', False, 'balance roundrobin'), 'round robin')
eq([(s['name'], s['candidate'], s['backup']) for s in a['servers']],
   [('p1', True, False), ('p2', True, False), ('p3', False, False), ('pb', False, True)], 'candidates')
a = explain('http://h/', '--header', 'Cookie: a=b; SRV=c2; c=d')
eq((a['server'], a['server_by'], headers(a)['cookie']), ('p2', 'the cookie SRV', 'a=b; c=d'), 'cookie')
a = explain('http://h/dyn1/')
eq((a['backend'], rule(a, 'use_backend %[')['outcome']), ('dyn1', 'backend dyn1'), 'dynamic backend')
a = explain('http://h3.example/')
eq(a['backend'], 'h3', 'indexed rules')
eq([rule(a, f'use_backend h{i}')['condition'] for i in (1, 2, 3)], ['not matched', 'not matched', 'matched'], 'indexed rules, one by one')
eq(rule(a, 'use_backend h3')['tests'][0]['value'], 'h3.example', 'value of an indexed rule')

# replies
a = explain('http://h/secret')
eq((a['end'], a['reply']['status'], rule(a, 'http-request deny if')['outcome']), ('reply', 403, 'refuses the request'), 'deny')
eq(dict(a['reply']['headers'])['x-after'], '403', 'http-after-response')
a = explain('http://h/secret', '--header', 'X-Token: letmein')
eq(a['end'], 'server', 'second test of the condition')
a = explain('http://h/old/page')
eq((a['reply']['status'], dict(a['reply']['headers'])['location']), (302, 'https://x.example/old/page'), 'redirect')
a = explain('http://h/hi')
eq((a['reply']['status'], a['reply']['body']), (200, 'hello'), 'return')
a = explain('http://h/empty')
eq((a['reply']['status'], a['backend'], a['server']), (503, 'empty', None), 'no servers')
a = explain('http://h/drop')
eq(a['end'], 'closed', 'silent-drop')
a = explain('http://h/', '--src', '10.9.1.1')
eq((a['end'], rule(a, 'tcp-request connection')['outcome']), ('closed', 'closes the connection'), 'refused connection')
a = explain('http://h/x', '--header', 'Transfer-Encoding: nonsense')
eq((a['end'], a['reply']['status'] // 100), ('reply', 4), 'malformed request')

# time is passed over
start = time.monotonic()
a = explain('http://h/tar')
true(a['waited_ms'] > 58000 and a['reply']['status'] == 500, 'tarpit')
a = explain('http://h/slow')
true(a['waited_ms'] > 28000 and a['end'] == 'server', 'pause')
true(time.monotonic() - start < 20, 'no time was waited')

# counters
eq([explain('http://h/counted', '--repeat', str(n))['end'] for n in (1, 2, 3)], ['server', 'server', 'reply'], 'repeat')
a = explain('http://h/counted')
eq(rule(a, 'http-request track-sc0')['changes'],
   [{'what': 'tracked', 'name': 'sc0', 'before': None, 'after': 'table counts, key 192.0.2.1'}], 'track')

# TCP, with a ClientHello
a = explain('https://a.example:8443/')
eq((a['frontend']['name'], a['backend'], rule(a, 'use_backend sni')['tests'][0]['value']), ('secure', 'sni', 'a.example'), 'SNI')
eq((a['sent']['http'], a['sent']['address']), (False, '127.0.0.1:8443'), 'server without an address of its own')
a = explain('https://b.example:8443/')
eq((a['backend'], a['sent']['proxy_header']), ('raw', 1), 'other SNI')

# where the request arrives
eq(explain('http://h:8080/')['request']['to'], '127.0.0.9:8080', 'by port')
eq(explain('http://h/', '--dst', '127.0.0.9:8080')['frontend']['bind'], '127.0.0.9:8080', 'by destination')
eq(explain('http://h/', '--frontend', 'secure')['frontend']['name'], 'secure', 'by name')
eq(explain('/', '--header', 'Host: h1.example')['backend'], 'h1', 'a path')
a = explain('POST http://h/', '--body', 'a=b')
eq(headers(a)['content-length'], '3', 'body')

# text
r = run('explain', '-f', 'x.cfg', '--request', 'GET http://h/v2/x')
has(r.stdout, r'(?m)^  \+ x\.cfg:\d+  http-request set-path /new%\[path\] if is_api { method GET }\n'
    r'      matched     acl is_api: path_beg /api/ /v2/   \[/v2/x\]\n'
    r'      matched     { method GET }   \[GET\]\n'
    r'      changed     path: /v2/x -> /new/v2/x$', 'text of a rule')
has(r.stdout, r'(?m)^  - x\.cfg:\d+  http-request tarpit if { path /tar }$', 'text of a rule that does not apply')
has(r.stdout, r'(?m)^  GET /new/v2/x HTTP/1\.1$', 'text of the request')
r = run('explain', '-f', 'x.cfg', '--request', 'GET http://h/', '--header', 'User-Agent: \x1b[31m')
true('\x1b' not in r.stdout, 'no control characters on the terminal')

# wrong questions
for arguments, message in (
        (['--request', 'GET http://h/', '--frontend', 'wob'], "no frontend 'wob'. Did you mean 'web'"),
        (['--request', 'GET http://h/', '--frontend', 'off'], "is disabled"),
        (['--request', 'GET http://h/', '--src', 'x'], "'x' is not an IP address"),
        (['--request', 'GET http://h/', '--header', 'x'], "'x' is not a header"),
        (['--request', 'GET http://h/', '--header', 'x: a\r\nb: c'], "is not a header"),
        (['--request', 'GET h'], "is not a request"),
        (['--request', 'GET http://h/ x'], "is not a request"),
        (['--request', 'GET http://h/', '--nonsense'], "unknown option '--nonsense'"),
        (['--request', 'GET http://h/', '--repeat', '0'], "a number from 1"),
        ([], "usage:")):
    r = run('explain', '-f', 'x.cfg', *arguments)
    eq(r.returncode, 1, f'{arguments}: exit status')
    true(message in r.stderr, f'{arguments}: {message!r} is not in {r.stderr!r}')
with open('bad.cfg', 'w') as f:
    f.write('frontend f\n    nonsense\n')
r = run('explain', '-f', 'bad.cfg', '--request', 'GET http://h/')
eq(r.returncode, 1, 'bad configuration: exit status')
has(r.stderr, r'bad\.cfg:2', 'bad configuration: message')

# nothing left the process
listener.settimeout(0)
syslog.settimeout(0)
for s, what in ((listener.accept, 'connection to a server'), (lambda: syslog.recv(10), 'log line')):
    try:
        s()
        true(False, f'there was a {what}')
    except BlockingIOError:
        pass
done()
