#!/usr/bin/env python3
"""Stick tables that a tutorial reads and never fills: connections are tracked by their address, with a warning."""
# reference: no (it never rejects anybody there)
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *


def tries(p, name='fe'):
    got = 0
    for _ in range(15):
        try:
            got += p.connect(name).get(b'/').status == 200
        except (OSError, Closed):
            pass
    return got


LISTEN = '''
frontend http-in
    bind <<fe>>
    stick-table type ip size 100k expire 30s store conn_rate(3s)
    %s
    tcp-request connection reject if { src_conn_rate gt 10 }
    %s
    http-request return status 200
'''
with Proxy(DEFAULTS + LISTEN % ('', '')) as p:
    eq(tries(p), 10, 'those beyond ten in three seconds are rejected')
    has(p.output(), r"stick-table 'http-in' is read, but nothing fills it: .*'tcp-request connection track-sc\d src'", 'warning')
    has(p.cli('show table http-in'), r'key=127.0.0.1 .*conn_rate\(3000\)=15', 'the entry')
with Proxy(DEFAULTS + LISTEN % ('tcp-request connection track-sc0 src', '')) as p:
    eq(tries(p), 10, 'the same written out')
    true('nothing fills it' not in p.output(), 'no warning')
# What is filled in another way, or stores more, is left alone.
for what, before, after in (('tracked elsewhere', '', 'http-request track-sc1 src table http-in if { path /never }'),
                            ('counters set by rules', 'http-request sc-inc-gpc0(0) if { path /never }', '')):
    text = LISTEN % (before, after)
    if 'gpc0' in before:
        text = text.replace('store conn_rate(3s)', 'store conn_rate(3s),gpc0')
    with Proxy(DEFAULTS + text) as p:
        eq(tries(p), 15, what)
        true('nothing fills it' not in p.output(), f'{what}: no warning')
done()
