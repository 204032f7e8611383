#!/usr/bin/env python3
"""Dynamic cookies: values that other nodes come to as well, new ones when an address or the key changes, off and on."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CONFIG = DEFAULTS + '''
listen fe
    bind <<fe>>
    cookie C insert dynamic
    dynamic-cookie-key k3y
    server web1 127.0.0.1:5
    server own 127.0.0.1:6 cookie mine
listen v6
    bind <<v6>>
    cookie C insert dynamic
    dynamic-cookie-key k3y
    server web1 [::1]:45645
'''

with Proxy(CONFIG) as p:
    def cookies():
        lines = p.cli('show stat').splitlines()
        column = lines[0].split(',').index('cookie')
        return [l.split(',')[column] for l in lines if l.startswith(('fe,web1', 'fe,own', 'v6,web1'))]

    eq(cookies(), ['00d5361811506b09', 'mine', 'a1350c6fc5898a27'], 'IPv4, one of its own, IPv6')
    for command, wanted in (('set server fe/web1 addr 127.0.0.2', '4f697e0489b5b938'),
                            ('set server fe/web1 addr 127.0.0.1 port 7', '8f4d4eac66b57992'),
                            ('set dynamic-cookie-key backend fe other', '2ed6e2086a34b451'),
                            ('disable dynamic-cookie backend fe', ''), ('enable dynamic-cookie backend fe', '2ed6e2086a34b451')):
        p.cli(command)
        eq(cookies(), [wanted, 'mine', 'a1350c6fc5898a27'], command)
done()
