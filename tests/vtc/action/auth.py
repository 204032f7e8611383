#!/usr/bin/env python3
"""userlists: http_auth, http_auth_group, credentials; hashed and clear passwords, groups written both ways."""
import base64
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CONFIG = '''
userlist one
    group admins users ann,bob
    group readers users bob
    user ann insecure-password secret
    user bob password $5$saltsalt$lhN7zS6mMEq3beFzRJMejsfvak8228Z.qBZQ0z0SwZ2
    user admins insecure-password x
userlist two
    group admins
    group readers
    user ann insecure-password other groups admins,readers
    user nobody
''' + DEFAULTS + '''
listen fe
    bind <<fe>>
    http-request auth realm Two if { path_beg /two } !{ http_auth(two) }
    http-request auth realm One if !{ path_beg /two } !{ http_auth(one) }
    http-request deny if { path /admin } !{ http_auth_group(one) admins }
    http-request deny if { path /read } !{ http_auth_group(one) readers }
    http-request return content-type a lf-string "%[http_auth_user]|%[http_auth_pass]|%[http_auth_type]|%[http_auth_group(one)]|%[http_auth_bearer]"
'''

with Proxy(CONFIG) as p:
    c = p.connect()

    def ask(target, user=None, password=''):
        headers = b''
        if user is not None:
            headers = b'Authorization: Basic ' + base64.b64encode(f'{user}:{password}'.encode()) + b'\r\n'
        return c.get(target, headers)

    r = ask(b'/')
    eq((r.status, r.get('www-authenticate')), (401, b'Basic realm="One"'), 'nobody')
    eq(ask(b'/', 'ann', 'secret').body, b'ann|secret|Basic|ann|', 'clear password')
    for password in ('wrong', '', 'secre', 'secrett', 'secretsecret'):
        eq(ask(b'/', 'ann', password).status, 401, f'password {password!r}')
    for n in range(3):
        eq(ask(b'/', 'bob', 'hashed').status, 200, 'hashed password')
        eq(ask(b'/', 'bob', 'hashedx').status, 401, 'wrong hashed password')
    eq(ask(b'/', 'nobody', '').status, 401, 'unknown user')
    if not REFERENCE:       # it crashes
        eq(ask(b'/two', 'nobody', '').status, 401, 'user without a password')
    eq(ask(b'/two', 'ann', 'secret').status, 401, 'password of the other list')
    eq(ask(b'/two', 'ann', 'other').status, 200, 'groups behind the user')
    eq(ask(b'/admin', 'bob', 'hashed').status, 200, 'member')
    eq(ask(b'/read', 'bob', 'hashed').status, 200, 'one of several groups')
    eq(ask(b'/read', 'ann', 'secret').status, 403, 'no member')
    eq(ask(b'/admin', 'admins', 'x').status, 403, 'a user called like the group is no member')
    eq(c.get(b'/', b'Authorization: Basic %%%\r\n').status, 401, 'broken credentials')
done()
