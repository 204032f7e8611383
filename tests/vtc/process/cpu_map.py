#!/usr/bin/env python3
"""cpu-map: threads run where it says, the others where the process may."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

mine = sorted(os.sched_getaffinity(0))
if len(mine) < 2:
    skip('one core cannot show it')
first, second = mine[:2]


def cores_of_threads(global_, threads):
    """The cores of each thread, in the order of their creation."""
    with Proxy(f'    nbthread {threads}\n{global_}' + '''
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 5s
frontend fe
    bind <<fe>>
    http-request return status 200
''') as p:
        with open(f'/proc/{p.process.pid}/maps', encoding='ascii') as f:
            if 'libtsan' in f.read():
                skip('the sanitizer has a thread of its own')
        tasks = sorted(int(name) for name in os.listdir(f'/proc/{p.process.pid}/task'))
        return [os.sched_getaffinity(task) for task in tasks]


one, two, all_ = {first}, {second}, set(mine)
if not REFERENCE:       # since 2.7 the first number is a group of threads, and the last line about a thread counts
    eq(cores_of_threads(f'    cpu-map 1/1 {first}\n    cpu-map 1/2 {second}', 2), [one, two], 'a line for each thread')
    eq(cores_of_threads(f'    cpu-map 1/1 {second}', 2), [two, all_], 'only the first')
    eq(cores_of_threads(f'    cpu-map 1/1- {first}-{second}\n    cpu-map 1/even {first}', 2), [all_ & {first, second}, one],
       'the last line counts')
    eq(cores_of_threads(f'    cpu-map 1 {second}', 2), [two, two], 'a number alone is the group')
eq(cores_of_threads(f'    cpu-map 1/all {first}', 2), [one, one], 'all on one')
eq(cores_of_threads(f'    cpu-map auto:1/1-2 {first} {second}', 2), [one, two], 'one core each')
eq(cores_of_threads(f'    cpu-map auto:1/1-2 {second} {first}', 2), [one, two], 'in ascending order')
done()
