#!/usr/bin/env python3
"""The routing examples of the two tutorials that the project was created from, as they stand there, with tests."""
# reference: no (an extension)
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

DEFAULTS5 = '''
defaults
    mode http
    timeout connect 5000ms
    timeout client 50000ms
    timeout server 50000ms
'''
WEB = ''.join(f'\nbackend {name}\n    server web1 192.168.1.10:8080\n' for name in ('api_servers', 'static_servers', 'admin_servers',
                                                                                     'web_servers'))
PATHS = DEFAULTS5 + '''
frontend web_frontend
    bind *:80

    # 定义ACL规则（访问控制列表）
    acl is_api path_beg /api/
    acl is_static path_beg /static/
    acl is_admin path_beg /admin/

    # 根据路径选择不同后端
    use_backend api_servers if is_api
    use_backend static_servers if is_static
    use_backend admin_servers if is_admin

    # 默认后端
    default_backend web_servers
''' + WEB + '''
tests
    request "http://www.example.com/api/users" expect backend api_servers
    request "http://www.example.com/static/a.css?v=1" expect backend static_servers
    request "http://www.example.com/admin/" expect backend admin_servers
    request "http://www.example.com/admin" expect backend web_servers
    request "http://www.example.com/" expect backend web_servers server web1
'''
HOSTS = DEFAULTS5 + '''
frontend web_frontend
    bind *:80

    # 域名匹配规则
    acl is_api_domain hdr(host) -i api.example.com
    acl is_www_domain hdr(host) -i www.example.com

    # 根据域名选择后端
    use_backend api_servers if is_api_domain
    use_backend web_servers if is_www_domain
''' + WEB + '''
tests
    request "http://API.example.com/" expect backend api_servers
    request "http://www.example.com/api/" expect backend web_servers
    request "http://other.example.com/" expect status 503
'''
ADDRESSES = DEFAULTS5 + '''
frontend web_frontend
    bind *:80

    # 限制请求大小（防止攻击）
    option http-buffer-request

    # 添加安全头
    http-response set-header X-Frame-Options DENY
    http-response set-header X-Content-Type-Options nosniff

    # IP限制（可选）
    acl allowed_ips src 192.168.1.0/24
    http-request deny unless allowed_ips

    default_backend web_servers
''' + WEB + '''
tests
    request "http://h/" src 192.168.1.77 expect backend web_servers
    request "http://h/" src 192.168.2.77 expect status 403
    request "POST http://h/" body "a=b" src 192.168.1.77 expect backend web_servers header "content-length: 3"
'''
NAMES = {'go': ('go-backend', 'go1'), 'java': ('java-backend', 'java1'), 'python': ('python-backend', 'py1'),
         'stars': ('stars', 'stars1'), 'touch': ('touch', 'touch1'), 'vueb': ('vueb', 'vueb1'), 'vuew': ('vuew', 'vuew1')}
DOMAINS = {'go': 'go-backend', 'java': 'java-backend', 'python': 'python-backend', 'stars': 'stars', 'touch': 'touch',
           'vueb': 'vue-backup', 'vuew': 'vue-web'}
LAB = '''
defaults
    timeout connect 5s
    timeout client 1m
    timeout server 1m

# 监听 80 端口（HTTP）
frontend http-in
    bind *:80
    mode http
''' + ''.join(f'    acl host_{n} hdr(host) -i {d}.liujun.com\n' for n, d in DOMAINS.items()) + \
    ''.join(f'    use_backend {b} if host_{n}\n' for n, (b, _) in NAMES.items()) + '''    default_backend go-backend

# 各业务后端
''' + ''.join(f'backend {b}\n    mode http\n    server {s} 127.0.0.1:10080 check\n' for b, s in NAMES.values()) + '''
tests
    request "http://unknown.liujun.com/" expect backend go-backend
''' + ''.join(f'    request "http://{d}.liujun.com/" expect backend {NAMES[n][0]} server {NAMES[n][1]}\n' for n, d in DOMAINS.items())
STICKY = DEFAULTS5 + '''
frontend web_frontend
    bind *:80
    default_backend web_servers

backend web_servers
    balance roundrobin

    # HAProxy生成会话cookie
    cookie SERVERID insert indirect nocache

    server web1 192.168.1.10:8080 check cookie web1
    server web2 192.168.1.11:8080 check cookie web2
    server web3 192.168.1.12:8080 check cookie web3

tests
    request "http://h/" header "Cookie: SERVERID=web2" expect server web2 no-header cookie
    request "http://h/" header "Cookie: SERVERID=web3; a=b" expect server web3 header "Cookie: a=b"
    request "http://h/" header "Cookie: SERVERID=gone" expect server web1 server web2 server web3
'''

PROGRAM = os.environ['STEELYARD']
for name, text in (('paths', PATHS), ('hosts', HOSTS), ('addresses', ADDRESSES), ('lab', LAB), ('sticky', STICKY)):
    with open('x.cfg', 'w') as f:
        f.write(text)
    r = subprocess.run([PROGRAM, '-c', '-f', 'x.cfg'], capture_output=True, text=True, timeout=LIMIT)
    eq(r.returncode, 0, f'{name} ({r.stderr})')
done()
