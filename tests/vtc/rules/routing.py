#!/usr/bin/env python3
"""ACLs and use_backend: hosts, paths, methods, addresses, negation, and, or, default, rules in order."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

NAMES = ['go', 'java', 'api', 'static', 'admin', 'web', 'post', 'reg', 'len', 'multi', 'map']
CONFIG = DEFAULTS + '''
frontend fe
    bind <<fe>>
    acl host_go hdr(host) -i go-backend.example
    acl host_java hdr(host) -i java-backend.example
    acl is_api path_beg /api/
    acl is_static path_beg /static/ /images/
    acl is_static path_end .css .js
    acl is_admin path_beg /admin/
    acl inside src 127.0.0.0/8
    acl outside src 192.168.0.0/16 10.0.0.0/8
    http-request deny if is_admin outside
    http-request deny if { path /secret } !{ hdr(x-token) -m str letmein }
    http-request deny deny_status 429 if { path_dir many } { hdr_cnt(x-a) gt 2 }
    use_backend go if host_go
    use_backend java if host_java
    use_backend api if is_api
    use_backend static if is_static
    use_backend admin if is_admin inside
    use_backend post if METH_POST or { method PUT }
    use_backend reg if { path_reg ^/item/[0-9]+$ }
    use_backend len if { path_len gt 40 }
    use_backend multi if { hdr_sub(user-agent) -i mobile tablet } { url_param(v) -m int 2:5 }
    use_backend %[req.hdr(x-backend),lower] if { req.hdr(x-backend) -m found }
    use_backend %[path,map_beg(<<dir>>/paths.map)] if { path_beg /mapped }
    default_backend web
''' + ''.join(f'backend {n}\n    http-response set-header X-Backend {n}\n    server s1 127.0.0.1:<<s1>>\n' for n in NAMES)

CASES = [   # (target, headers, method, host, backend or status)
    (b'/', b'', b'GET', b'h.example', 'web'),
    (b'/api/x', b'', b'GET', b'go-backend.example', 'go'),
    (b'/', b'', b'GET', b'GO-Backend.Example', 'go'),
    (b'/', b'', b'GET', b'go-backend.example:8080', 'web'),
    (b'/', b'', b'GET', b'java-backend.example', 'java'),
    (b'/api/users?id=1', b'', b'GET', b'h', 'api'),
    (b'/api', b'', b'GET', b'h', 'web'),
    (b'/API/x', b'', b'GET', b'h', 'web'),
    (b'/images/a.png', b'', b'GET', b'h', 'static'),
    (b'/x/site.css?v=3', b'', b'GET', b'h', 'static'),
    (b'/admin/', b'', b'GET', b'h', 'admin'),
    (b'/secret', b'', b'GET', b'h', 403),
    (b'/secret', b'X-Token: letmein\r\n', b'GET', b'h', 'web'),
    (b'/a/many/b', b'X-A: 1\r\nX-A: 2\r\nX-A: 3\r\n', b'GET', b'h', 429),
    (b'/a/many/b', b'X-A: 1\r\nX-A: 2\r\n', b'GET', b'h', 'web'),
    (b'/amany/b', b'X-A: 1, 2, 3\r\n', b'GET', b'h', 'web'),
    (b'/', b'', b'POST', b'h', 'post'),
    (b'/', b'', b'PUT', b'h', 'post'),
    (b'/item/42', b'', b'GET', b'h', 'reg'),
    (b'/item/42x', b'', b'GET', b'h', 'web'),
    (b'/' + b'l' * 40, b'', b'GET', b'h', 'len'),
    (b'/?v=3', b'User-Agent: A Mobile Thing\r\n', b'GET', b'h', 'multi'),
    (b'/?v=6', b'User-Agent: A Mobile Thing\r\n', b'GET', b'h', 'web'),
    (b'/?v=3', b'User-Agent: desktop\r\n', b'GET', b'h', 'web'),
    (b'/', b'X-Backend: JAVA\r\n', b'GET', b'h', 'java'),
    (b'/', b'X-Backend: unheard-of\r\n', b'GET', b'h', 'web'),
    (b'/mapped/one/x', b'', b'GET', b'h', 'map'),
    (b'/mapped/two', b'', b'GET', b'h', 'reg'),
    (b'/mapped/none', b'', b'GET', b'h', 'web'),
]

with Origin() as s1, Proxy(CONFIG, s1=s1.port, files={'paths.map': '# comment\n/mapped/one map\n/mapped/two   reg\n'}) as p:
    c = p.connect()
    for target, headers, method, host, wanted in CASES:
        r = c.get(target, headers, method=method, host=host)
        got = r.get('x-backend').decode() if r.get('x-backend') else r.status
        eq(got, wanted, f'{method} {target} {headers} at {host}')
        if r.status != 200:
            c = p.connect()
done()
