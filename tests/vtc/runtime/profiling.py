#!/usr/bin/env python3
"""profiling.tasks, set profiling, show profiling: where streams spend their time."""
# reference: no (columns since 3.4; its functions have other names)
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CONFIG = '''
global
    nbthread 2
    profiling.tasks <<mode>>
''' + DEFAULTS + '''
listen fe
    bind <<fe>>
    server s1 127.0.0.1:<<s1>>
'''
TITLE = r'^  function +calls +cpu_tot +cpu_avg +lkw_avg +lkd_avg +mem_avg +lat_avg$'


def rows(p, options=''):
    text = p.cli(f'show profiling tasks {options}')
    true(re.search(TITLE, text, re.M), f'title in {text!r}')
    return {w[0]: w[1:] for w in (line.split() for line in text.splitlines()) if w and w[0].startswith('stream_')}


def state(p):
    return re.search(r'^Per-task CPU profiling +: (\S+) +# set profiling tasks \{on\|auto\|off\}\n'
                     r'Memory usage profiling +: off +# set profiling memory \{on\|off\}$', p.cli('show profiling status'), re.M)[1]


with Origin() as s1, Proxy(CONFIG.replace('<<mode>>', 'on'), s1=s1.port) as p:
    eq(state(p), 'on', 'profiling.tasks on')
    for _ in range(5):
        p.connect().get(b'/')
    got = rows(p)
    for step in ('request_head', 'connect', 'response_head', 'finish'):
        true(int(got[f'stream_{step}'][0]) >= 5, f'{step}: {got}')
    true(re.fullmatch(r'[\d.]+(ns|us|ms|s)', got['stream_request_head'][1]), f'time: {got}')
    eq(len(rows(p, 'byaddr 3')), 3, 'three lines')
    eq(next(iter(rows(p, 'byaddr'))), 'stream_request_head', 'in their order')
    has(p.cli('show profiling'), r'Tasks activity over \d+\.\d{3} sec till 0\.000 sec ago:\n', 'since when')
    eq(p.cli('set profiling tasks on').strip(), '', 'begins again')
    eq(rows(p), {}, 'nothing yet')
    p.cli('set profiling tasks off')
    eq(state(p), 'off', 'off')
    p.connect().get(b'/')
    eq(rows(p), {}, 'nothing is measured')
    p.cli('set profiling tasks auto no-lock')
    eq(state(p), 'auto-off', 'auto')
    for command, wanted in (('set profiling', "Expects either 'tasks' or 'memory'."),
                            ('set profiling memory on', 'Memory profiling not compiled in.'),
                            ('set profiling tasks foo', "Expects a combination of either 'on', 'auto', 'off', 'lock', 'no-lock', "
                                                        "'memory' or 'no-memory'."),
                            ('set profiling tasks', "Expects a combination of either 'on', 'auto', 'off', 'lock', 'no-lock', "
                                                    "'memory' or 'no-memory'.")):
        eq(p.cli(command).strip(), wanted, command)
with Origin() as s1, Proxy(CONFIG.replace('<<mode>>', 'auto'), s1=s1.port) as p:
    eq(state(p), 'auto-off', 'profiling.tasks auto')
done()
