#!/usr/bin/env python3
"""mutate - proves that the value of every fetch and converter, and what every action does, is checked by a test.

  mutate.py [options] [REGEX...]     only the rows whose name ("fetch src", "conv lower", "action http-request deny") contains a match

  -b, --binary PATH   a program built with -Dmutation=true (default: build-mutation/steelyard)
  -r FILE             results (default: mutate.jsonl beside the program): what is known is not run again
  -j N                rows at the same time (default 2)
  --again             runs also the rows that a test was found for
  --list              only says which test notices which row, from the results
  -v                  says what was tried for a row that survives

Each row is made to misbehave by $STEELYARD_MUTATE (src/sample/mutate.h): a fetch or converter gives another value, an action does
nothing, and so do converters that only have an effect. Tests that use the row are run until one fails, twice, the fast ones first:
unit tests, conv_cases.txt, end-to-end tests, cases of rules.py. A row that no test notices survives; exit status 1.
Which tests use a row is recorded by running each once without a change ($STEELYARD_MUTATE_RECORD); tests that fail then are left out.
rows.txt tells why rows may survive: "untested KIND NAME reason" (KIND of an action: action); and which values are measured, so that a
test can only say how large they may be: "measured fetch NAME what". Those are changed by far.
"""
import argparse
import glob
import hashlib
import json
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
import conv             # noqa: E402
import rows             # noqa: E402
import rules            # noqa: E402

EFFECTS = {'set-var', 'unset-var', 'capture-req', 'capture-res', 'debug'}   # converters whose value is their input
EXPRESSIONS = 60        # of conv_cases.txt that are run for one row,
CASES = 30              # and of rules.py
COMPARES_ROWS = ('test_fetch_fetch_rows', 'test_action_parse')      # tests that see a change in the table, not in what is done
FAST = 4                # end-to-end tests that are run before cases
TEST_S = 60             # longest time of one test
WORDS = re.compile(r'[\w.+-]+')


def digest(*paths):
    h = hashlib.sha1()
    for path in paths:
        with open(path, 'rb') as f:
            h.update(f.read())
    return h.hexdigest()


class Results:
    """What is known, in a file of lines that only grows: tests {name: facts}, rows {name: test that fails, or None}."""

    def __init__(self, path):
        self.path, self.tests, self.rows, self.tried = path, {}, {}, {}
        if os.path.exists(path):
            with open(path, encoding='utf-8') as f:
                for line in f:
                    self.take(json.loads(line))

    def take(self, entry):
        if 'test' in entry:
            self.tests[entry['test']] = entry
        else:
            self.rows[entry['row']] = entry['by']
            self.tried[entry['row']] = entry['tried']

    def add(self, entry):
        self.take(entry)
        with open(self.path, 'a', encoding='utf-8') as f:
            f.write(json.dumps(entry) + '\n')


# ---- unit and end-to-end tests

def test_files(binary):
    """Returns {name: files it is made of}. Unit tests are those that were built beside the program."""
    found = {}
    for path in sorted(glob.glob(os.path.join(os.path.dirname(binary), 'tests', 'unit', 'test_*'))):
        if os.access(path, os.X_OK) and os.path.isfile(path) and os.path.basename(path) not in COMPARES_ROWS:
            found[path] = [path]
    library = glob.glob(os.path.join(ROOT, 'tests', 'vtc', '_lib', '*.py'))
    for path in subprocess.run([os.path.join(ROOT, 'tools', 'vtc'), '--list'], capture_output=True, text=True,
                               check=True).stdout.split('\n'):
        if path.endswith(('.py', '.vtc', '.sh')) and ' ' not in path and os.path.basename(path) not in rows.LISTS:
            found[path] = [os.path.join(ROOT, path)] + library
    return found


def run_test(name, binary, mutation=None, record=None):
    """Runs one test. Returns True when it passes, None when it says that it cannot run here."""
    env = dict(os.environ)
    env.pop('STEELYARD_MUTATE', None)
    if mutation:
        env['STEELYARD_MUTATE'] = mutation
    if record:
        env['STEELYARD_MUTATE_RECORD'] = record
    if os.path.isabs(name):
        command = [name]
    else:
        command = [os.path.join(ROOT, 'tools', 'vtc'), '-b', binary, '-j', '1', '-t', str(TEST_S), name]
    try:
        out = subprocess.run(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                             errors='replace', check=False, timeout=2 * TEST_S)
    except subprocess.TimeoutExpired:
        return False
    if re.search(r'\b0 passed, 0 failed', out.stdout):
        return None
    return out.returncode == 0


def learn(job):
    """Runs a test as it is. Returns what is to be known about it."""
    name, files, binary = job
    with tempfile.TemporaryDirectory(prefix='steelyard-mutate-') as folder:
        record = os.path.join(folder, 'rows')
        began = time.monotonic()
        passed = run_test(name, binary, record=record)
        took = time.monotonic() - began
        used = []
        if os.path.exists(record):
            with open(record, encoding='utf-8') as f:
                used = sorted(set(f.read().split('\n')) - {''})
    return {'test': name, 'sum': digest(*files), 'passed': passed, 'seconds': round(took, 2), 'rows': used}


# ---- differential cases

def learn_expressions(binary):
    """Returns the expressions on which both programs agree: {expression: [kind, text]}."""
    before, exprs, given = read_expressions()
    known = [e for e in exprs if e not in given]
    expected = dict(zip(known, conv.evaluate('haproxy', before, known)))
    expected.update(given)
    agreed = {e: got for e, got in zip(exprs, conv.evaluate(binary, before, exprs)) if got == expected[e]}
    return {'test': 'conv_cases.txt', 'sum': digest(conv.CASES), 'seen': agreed}


def read_expressions():
    with open(conv.CASES, encoding='utf-8') as f:
        return conv.read_cases(f)


def learn_cases(binary):
    """Returns what both programs do alike: {name of a case: observations}."""
    cases = [c for c in rules.load(None) if not c.differs]
    with tempfile.TemporaryDirectory(prefix='steelyard-mutate-') as folder:
        options = argparse.Namespace(j=40, w=4)
        reference = rules.Team('haproxy', os.path.join(folder, 'r'), options)
        ours = rules.Team(binary, os.path.join(folder, 'o'), options)
        rules.run_all([reference, ours], cases)
        agreed = {c.name: ours.seen[c] for c in cases if ours.seen[c] == reference.seen[c]}
    return {'test': 'rules.py', 'sum': case_sum(), 'seen': agreed}


def case_sum():
    parts = ['cases.py', 'families.py', 'programs.py', 'rules.py', 'intended.txt']
    return digest(*sorted(glob.glob(os.path.join(HERE, 'cases', '*.txt'))), *[os.path.join(HERE, name) for name in parts])


def expressions_using(row, agreed):
    kind, name = row.split(' ', 1)
    if kind == 'action':
        return []
    return [e for e in agreed if name in WORDS.findall(e)][:EXPRESSIONS]


def cases_using(row, cases):
    """The cases of rules.py that use a row, those that are fast first."""
    kind, name = row.split(' ', 1)
    if kind == 'action':
        found = [c for c in cases if any(line.startswith(name) for line in c.fe + c.be)]
    else:
        found = [c for c in cases if any(name in WORDS.findall(line) for line in c.fe + c.be + c.sec + c.glob + [c.server])]
    found = [c for c in found if c.steps]
    return sorted(found, key=lambda c: (bool(c.glob), c.tcp))[:CASES]


# ---- one row

class Hunt:
    """Looks for a test that notices a row. Lives in a process of its own: the change is in its environment."""

    def __init__(self, binary, known):
        self.binary, self.tests = binary, known
        self.expressions = known['conv_cases.txt']['seen']
        self.agreed = known['rules.py']['seen']
        cases = [c for c in rules.load(None) if not c.differs]
        self.number = {c: i for i, c in enumerate(cases)}       # it is in names that are seen
        self.cases = [c for c in cases if c.name in self.agreed and '-c' not in self.agreed[c.name]]
        self.before = read_expressions()[0]
        self.measured = {'%s %s' % key for key in rows.given()[2]}

    def using(self, row, unit):
        """The tests that use a row, fast ones first."""
        found = [t for t in self.tests.values() if row in t.get('rows', ()) and t['passed'] and os.path.isabs(t['test']) == unit]
        return [t['test'] for t in sorted(found, key=lambda t: t['seconds'])]

    def by_test(self, names, mutation, tried):
        for name in names:
            tried.append(os.path.relpath(name, ROOT))
            if run_test(name, self.binary, mutation) is False and run_test(name, self.binary, mutation) is False:
                return os.path.basename(name) if os.path.isabs(name) else name
        return None

    def by_expression(self, row, tried):
        chosen = expressions_using(row, self.expressions)
        if not chosen:
            return None
        tried.append('%d expressions' % len(chosen))
        for _ in range(2):
            try:
                got = conv.evaluate(self.binary, self.before, chosen)
            except SystemExit as e:
                return 'conv_cases.txt: does not start: %s' % str(e)[-200:]
            chosen = [e for e, value in zip(chosen, got) if list(value) != list(self.expressions[e])]
            if not chosen:
                return None
        return 'conv_cases.txt: ' + chosen[0]

    def by_case(self, row, tried):
        chosen = cases_using(row, self.cases)
        if not chosen:
            return None
        tried.append('%d cases' % len(chosen))
        for _ in range(2):
            with tempfile.TemporaryDirectory(prefix='steelyard-mutate-') as folder:
                program = rules.Program(self.binary, os.path.join(folder, 'o'), CASES)
                program.run([(self.number[c], c) for c in chosen])
                if program.failure:
                    return 'rules.py: does not start: %s' % program.failure[-200:]
                chosen = [c for c in chosen if program.seen[c] != self.agreed[c.name]]
            if not chosen:
                return None
        return 'rules.py: ' + chosen[0].name

    def run(self, row):
        kind, name = row.split(' ', 1)
        mutation = 'skip ' + name if kind == 'conv' and name in EFFECTS else 'far ' + row if row in self.measured else row
        tried, programs = [], self.using(row, False)
        by = self.by_test(self.using(row, True), mutation, tried)
        by = by or self.by_suite(self.by_expression, row, mutation, tried)
        by = by or self.by_test(programs[:FAST], mutation, tried)
        by = by or self.by_suite(self.by_case, row, mutation, tried)
        by = by or self.by_test(programs[FAST:], mutation, tried)
        return {'row': row, 'by': by, 'tried': tried}

    def by_suite(self, suite, row, mutation, tried):
        os.environ['STEELYARD_MUTATE'] = mutation
        try:
            return suite(row, tried)
        finally:
            del os.environ['STEELYARD_MUTATE']


hunt = None


def hunt_init(binary, known):
    global hunt             # one per process of the pool
    hunt = Hunt(binary, known)


def hunt_run(row):
    return hunt.run(row)


# ---- all rows

def all_rows(binary):
    """Returns the names of the rows that are there to be used."""
    with tempfile.TemporaryDirectory(prefix='steelyard-rows-') as folder:
        fetches, convs, actions = rows.dumped(binary, folder)
        examples = rows.given()[0]
        built, _ = rows.build(fetches, convs, actions, examples)
        refused = rows.errors(binary, folder, [r[2] or 'acl none always_true' for r in built])
    names = []
    for i, (kind, name, _, _) in enumerate(built):
        if not rows.is_refused_for_now(refused.get(i, '')):
            names.append('%s %s' % (kind, name) if kind in ('fetch', 'conv') else 'action %s %s' % (kind, name))
    return list(dict.fromkeys(names))


def reason_to_survive(row, untested):
    kind, name = row.split(' ', 1)
    return untested.get((kind, name.rpartition(' ')[2]))


def learn_all(binary, results, jobs):
    """Brings what is known about the tests up to date."""
    if results.tests.get('conv_cases.txt', {}).get('sum') != digest(conv.CASES):
        results.add(learn_expressions(binary))
    if results.tests.get('rules.py', {}).get('sum') != case_sum():
        results.add(learn_cases(binary))
    files = test_files(binary)
    new = [(name, made_of, binary) for name, made_of in files.items() if results.tests.get(name, {}).get('sum') != digest(*made_of)]
    with multiprocessing.Pool(jobs) as pool:
        for entry in pool.imap_unordered(learn, new):
            results.add(entry)
            print('%s %s (%.1f s, %d rows)' % ({True: 'usable ', None: 'skipped', False: 'FAILS  '}[entry['passed']],
                                              os.path.relpath(entry['test'], ROOT), entry['seconds'], len(entry['rows'])), flush=True)
    for name in list(results.tests):
        if name not in files and name not in ('conv_cases.txt', 'rules.py'):
            del results.tests[name]             # is gone


def report(names, results, verbose):
    """Prints the survivors; returns how many there are that may not."""
    untested = rows.given()[1]
    survivors = [r for r in names if r in results.rows and not results.rows[r]]
    bad = 0
    for row in survivors:
        reason = reason_to_survive(row, untested)
        print('survives: %s%s' % (row, ' (%s)' % reason if reason else ''))
        if verbose:
            print(''.join('    %s\n' % t for t in results.tried[row]), end='')
        bad += not reason
    for row in names:
        if results.rows.get(row) and reason_to_survive(row, untested) and not row.startswith('action'):
            bad += 1
            print('%s is tested now: take it out of tests/diff/rows.txt' % row)
    print('%d rows: a test notices %d, %d survive, %d of them without a reason, %d not tried'
          % (len(names), sum(1 for r in names if results.rows.get(r)), len(survivors), bad,
             sum(1 for r in names if r not in results.rows)))
    return bad


def main():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument('-h', '--help', action='store_true')
    parser.add_argument('-b', '--binary', default=os.path.join(ROOT, 'build-mutation', 'steelyard'))
    parser.add_argument('-r')
    parser.add_argument('-j', type=int, default=2)
    parser.add_argument('--again', action='store_true')
    parser.add_argument('--list', action='store_true')
    parser.add_argument('-v', action='store_true')
    parser.add_argument('patterns', nargs='*')
    options = parser.parse_args()
    if options.help:
        print(__doc__)
        return 0
    os.nice(10)
    binary = os.path.abspath(options.binary)
    results = Results(options.r or os.path.join(os.path.dirname(binary), 'mutate.jsonl'))
    names = [n for n in all_rows(binary) if not options.patterns or any(re.search(p, n) for p in options.patterns)]
    if options.list:
        for row in names:
            print('%-50s %s' % (row, results.rows.get(row, 'not tried') or 'survives'))
        return 0
    learn_all(binary, results, options.j)
    todo = [n for n in names if options.again or not results.rows.get(n)]
    with multiprocessing.Pool(options.j, hunt_init, (binary, results.tests)) as pool:
        for at, entry in enumerate(pool.imap_unordered(hunt_run, todo), 1):
            results.add(entry)
            print('%d/%d %s: %s' % (at, len(todo), entry['row'], entry['by'] or 'SURVIVES'), flush=True)
    return report(names, results, options.v) != 0


if __name__ == '__main__':
    sys.exit(main())
