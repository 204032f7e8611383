#!/usr/bin/env python3
"""floor.py - where the CPU time of a request goes, and what a goal leaves for user space.

  floor.py [-w a10,a100,a1000,d100,e100] [-r 5] [-d 2] ./steelyard

Runs the workloads of bench.py (which must be able to run: root, two cores, see README.md) with the program, the packaged haproxy and
the null pump, in turn, each under `perf record -e cpu-clock`. Prints for each the CPU time per request, and how much of it is spent in
which system call, in the rest of the kernel, in the program and in libraries: medians over the repetitions. Below: the goal in
microseconds (of haproxy's figure here), less the kernel's part of our own, is what is left for user space.
"""
import argparse
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time

import bench

CALLS = {'send': 'sendto|sendmsg|sendmmsg|writev?', 'receive': 'recvfrom|recvmsg|readv?', 'wait': 'epoll_wait|epoll_pwait2?', 'splice': 'splice'}


def shares(data):
    """Of perf's samples: {what: share}. System calls with everything below them; 'kernel', 'program' and 'libraries' are all there is."""
    def report(*options):
        return subprocess.run(['perf', 'report', '-i', data, '--stdio', '-q', '-g', 'none', *options], capture_output=True, text=True,
                              check=False).stdout.splitlines()
    found = {'kernel': 0.0, 'program': 0.0, 'libraries': 0.0}
    for line in report('--no-children', '--sort', 'dso'):
        m = re.match(r'\s*([\d.]+)%\s+(\S+)', line)
        if m:
            kind = 'kernel' if m[2].startswith('[kernel') else 'libraries' if '.so' in m[2] or m[2].startswith('[') else 'program'
            found[kind] += float(m[1]) / 100
    for line in report('--children', '--sort', 'sym'):
        m = re.match(r'\s*([\d.]+)%\s+([\d.]+)%\s+\[k\] __x64_sys_(\w+)', line)
        for what, names in CALLS.items() if m else ():
            if re.fullmatch(names, m[3]):
                found[what] = found.get(what, 0.0) + float(m[1]) / 100
    return found


def run_one(lab, program, name, seconds):
    """A measured run under perf: {what: microseconds per request}, or None."""
    service = lab.service(program, bench.WORKLOADS[name].kind)
    if not service:
        return None
    data = os.path.join(lab.run, 'perf.data')
    perf = subprocess.Popen(['perf', 'record', '-q', '-e', 'cpu-clock', '-F', '4999', '-g', '-o', data, '-p', str(service[0].pid)],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.3)
    r = lab.measure(program, name, seconds)
    perf.send_signal(signal.SIGINT)
    perf.wait()
    if not r or r['err']:
        return None
    return {'total': r['us'], **{what: share * r['us'] for what, share in shares(data).items()}}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('dut')
    p.add_argument('-w', '--workloads', default='a10,a100,a1000,d100')
    p.add_argument('-r', '--reps', type=int, default=5)
    p.add_argument('-d', '--seconds', type=int, default=2)
    o = p.parse_args()
    if not shutil.which('perf'):
        sys.exit('floor.py: needs perf (package linux-perf)')
    names, wanted = o.workloads.split(','), ('steelyard', 'haproxy', 'pump')
    lab_options = argparse.Namespace(two=False, build=None, verbose=False, keep=False, dut=o.dut)
    programs = [bench.Haproxy('steelyard', o.dut), bench.Haproxy('haproxy', 'haproxy'), bench.Pump('pump', False)]
    lab, results = bench.Lab(lab_options), {n: {w: [] for w in wanted} for n in names}
    try:
        lab.compile()
        lab.enter_namespace()
        lab.certificate()
        lab.begin()
        for rep in range(o.reps):
            for name in names:
                for program in programs[::-1 if rep % 2 else 1]:
                    if program.able(bench.WORKLOADS[name]):
                        results[name][program.name].append(run_one(lab, program, name, o.seconds))
    finally:
        lab.close(False)
    columns = ('total', 'kernel', 'send', 'receive', 'wait', 'splice', 'program', 'libraries')
    for name in names:
        print(f'\n{name}: microseconds per request\n  {"":10}' + ''.join(f'{c:>10}' for c in columns))
        median = {}
        for w in wanted:
            runs = [r for r in results[name][w] if r]
            if runs:
                median[w] = {c: statistics.median(r.get(c, 0.0) for r in runs) for c in columns}
                print(f'  {w:10}' + ''.join(f'{median[w][c]:10.2f}' for c in columns))
        goal = bench.GOALS.get(name, {}).get('haproxy')
        if goal and 'steelyard' in median and 'haproxy' in median:
            at, ours = goal * median['haproxy']['total'], median['steelyard']
            print(f'  goal {goal:.2f} of haproxy: {at:.2f}; left for user space beside our kernel part: {at - ours["kernel"]:.2f}, '
                  f'used: {ours["total"] - ours["kernel"]:.2f}' + (f'; the pump is at {median["pump"]["total"] / median["haproxy"]["total"]:.2f}'
                                                                  if 'pump' in median else ''))
    return 0


if __name__ == '__main__':
    sys.exit(main())
