#!/usr/bin/env python3
"""rules - sends the same requests through the reference and through Steelyard, and shows where they differ.

  rules.py [options] [REGEX...]     only the cases whose name contains a match of one of the REGEX

  -b, --binary PATH   program under test (default: build/steelyard)
  --show              says what the reference does with the cases, compares nothing
  --list              only the names
  -f FILE             the cases of FILE, instead of all
  -v                  prints the configuration of each case that differs
  -j N                cases per process (default 40; listening sockets must fit into the limit of descriptors)
  -w N                processes of each program at a time (default 4)

A case is a frontend with rules, a backend with one origin, and requests. Cases come from cases/*.txt (format: cases/README.md) and
from families.py. Compared are: the first error of -c, what the client receives, what the origin receives, what is logged.
A case with "differs REASON", or named in intended.txt, documents an intended difference: it is run, for what sanitizers say.
Needs the reference as `haproxy` in the PATH. Binds 127.0.0.1 only; listening sockets are inherited, hence no port is guessed.
"""
import argparse
import glob
import os
import re
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
import families                     # noqa: E402
from cases import read_cases        # noqa: E402
from programs import Program        # noqa: E402


def select(cases, patterns):
    return [c for c in cases if not patterns or any(re.search(p, c.name) for p in patterns)]


def intended():
    """Returns the (pattern of names, reason) of intended.txt."""
    with open(os.path.join(HERE, 'intended.txt'), encoding='utf-8') as f:
        return [line.rstrip('\n').split('  ', 1) for line in f if line.strip() and not line.startswith('#')]


def load(only):
    cases = []
    for path in [only] if only else sorted(glob.glob(os.path.join(HERE, 'cases', '*.txt'))):
        with open(path, encoding='utf-8') as f:
            cases += read_cases(f, os.path.basename(path)[:-4])
    cases += [] if only else families.cases()
    for pattern, reason in intended():
        for case in cases:
            if re.search(pattern, case.name):
                case.differs = reason
    names = [c.name for c in cases]
    for twice in {n for n in names if names.count(n) > 1}:
        sys.exit('rules: two cases are named %s' % twice)
    return cases


def explain(got, expected):
    """Returns the lines that say where two observations differ."""
    lines = []
    for key in expected.keys() | got.keys():
        theirs, ours = expected.get(key), got.get(key)
        if theirs != ours:
            lines.append('    %s' % key)
            lines.append('      reference %s' % theirs)
            lines.append('      ours      %s' % ours)
    return lines


class Team:
    """One program, run by several workers at a time: most of the time of a case is waiting."""

    def __init__(self, binary, folder, options):
        self.binary, self.seen, self.reports = binary, {}, []
        self.workers = [Program(binary, '%s%d' % (folder, i), options.j) for i in range(options.w)]

    def start(self, cases):
        numbered = list(enumerate(cases))
        self.threads = []
        for at, worker in enumerate(self.workers):
            t = threading.Thread(target=worker.run, args=(numbered[at::len(self.workers)],))
            self.threads.append(t)
            t.start()

    def join(self):
        for t, worker in zip(self.threads, self.workers):
            t.join()
            if worker.failure:
                sys.exit('rules: %s: %s' % (self.binary, worker.failure))
            self.seen.update(worker.seen)
            self.reports += worker.reports


def run_all(teams, cases):
    """Runs the cases in all programs at the same time."""
    for team in teams:
        team.start(cases)
    for team in teams:
        team.join()


def compare(reference, ours, cases, verbose):
    passed = failed = intended = 0
    for case in cases:
        got, expected = ours.seen[case], reference.seen[case]
        broken = got.get('process')
        if case.differs and not broken:
            intended += 1
            if got == expected:
                print('same    %s: expected was that %s' % (case.name, case.differs))
            continue
        if got == expected:
            passed += 1
            continue
        failed += 1
        print('FAILED  %s' % case.name)
        if verbose:
            print(''.join('    | %s\n' % line for line in case.text()), end='')
        print('\n'.join(explain(got, expected)), flush=True)
    for text in ours.reports:
        failed += 1
        print('FAILED  the process reports\n' + text)
    print('rules and expressions compared with the reference: %d passed, %d failed, %d intended differences'
          % (passed, failed, intended))
    return failed != 0


def main():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument('-h', '--help', action='store_true')
    parser.add_argument('-b', '--binary', default=os.path.join(ROOT, 'build', 'steelyard'))
    parser.add_argument('--show', action='store_true')
    parser.add_argument('--list', action='store_true')
    parser.add_argument('-f')
    parser.add_argument('-v', action='store_true')
    parser.add_argument('-j', type=int, default=40)
    parser.add_argument('-w', type=int, default=4)
    parser.add_argument('patterns', nargs='*')
    options = parser.parse_args()
    if options.help:
        print(__doc__)
        return 0
    cases = select(load(options.f), options.patterns)
    if options.list:
        print('\n'.join(c.name for c in cases))
        return 0
    with tempfile.TemporaryDirectory(prefix='steelyard-diff-') as folder:
        reference = Team('haproxy', os.path.join(folder, 'r'), options)
        if options.show:
            run_all([reference], cases)
            for case in cases:
                print('%s\n  %s' % (case.name, '\n  '.join('%s: %s' % kv for kv in reference.seen[case].items())))
            return 0
        ours = Team(os.path.abspath(options.binary), os.path.join(folder, 'o'), options)
        run_all([reference, ours], cases)
        return compare(reference, ours, cases, options.v)


if __name__ == '__main__':
    sys.exit(main())
