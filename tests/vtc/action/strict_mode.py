#!/usr/bin/env python3
"""strict-mode: a header that does not fit is an error of the exchange, or with strict-mode off left out, in each rule set."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

LONG = b'X-Long: ' + b'y' * 6000 + b'\r\n'       # three of them are more than a buffer
SETS = ('http-request', 'http-response', 'http-after-response')
CONFIG = DEFAULTS
for number, rules in enumerate(SETS):
    CONFIG += f'''
listen l{number}
    bind <<l{number}>>
    http-request set-var(txn.long) req.hdr(x-long)
    http-request set-var(txn.path) path
    {rules} strict-mode off if {{ var(txn.path) -m str /off }}
    {rules} set-header x-more "%[var(txn.long)]%[var(txn.long)]%[var(txn.long)]"
    {rules} set-header x-then here
    server s1 127.0.0.1:<<s1>>
'''

with Origin() as s1, Proxy(CONFIG, s1=s1.port) as p:
    for number, rules in enumerate(SETS):
        c = p.connect(f'l{number}')
        r = c.get(b'/off', LONG)
        eq(r.status, 200, rules + ': off')
        seen = s1.requests[-1] if rules == 'http-request' else r
        eq((seen.get('x-more'), seen.get('x-then')), (None, b'here'), rules + ': off')
        c = p.connect(f'l{number}')
        eq(c.get(b'/on', LONG).status, 500, rules + ': on')
        eq(p.connect(f'l{number}').get(b'/on').status, 200, rules + ': what fits')
done()
