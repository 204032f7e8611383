#!/usr/bin/env python3
"""rows - every fetch, converter and action has an example that is accepted, one that is refused, and a test of what it gives or does.

  rows.py [BINARY]      default: build/steelyard

The rows come from the program itself (-dK). The example that is accepted is made from a row's arguments, or given in rows.txt; the
one that is refused is the row's name with a list of arguments that does not end, or for actions with words that mean nothing. A value
is tested by a differential case, or else by an end-to-end or unit test that uses the name, or a comment "tests: PATTERN" in it where
names are put together (tests that list all names do not count). Whether that test looks at the value is what mutate.py finds out.
rows.txt has lines "KIND NAME EXAMPLE" (KIND: fetch, conv, or the rule set of an action or "*") and "untested KIND NAME reason".
See mutate.py for "measured KIND NAME what".
"""
import glob
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
LISTS = ('fetch_rows.h', 'test_fetch_rows.c', 'rows.txt', 'rows.py')      # that name all rows
WORDS = {'string': 'x', 'integer': '1', 'unsigned integer': '1', 'table': 't', 'frontend': 'fe', 'backend': 'be', 'server': 'be/s',
         'userlist': 'u', 'regex': 'x', 'variable': 'txn.v', 'delay': '1s', 'size': '1', 'IPv4 address': '1.2.3.4', 'IPv6 address': '::1'}
INPUTS = {'any': 'str(x)', 'str': 'str(x)', 'bin': 'bin(61)', 'sint': 'int(1)', 'addr': 'ipv4(1.2.3.4)', 'bool': 'bool(1)'}
HEAD = '''global
    expose-experimental-directives
userlist u
    group g users x
    user x insecure-password y
backend t
    stick-table type ip size 10 store server_id,gpt0,gpt1,gpc0,gpc1,gpc0_rate(1s),gpc1_rate(1s),conn_cnt,conn_cur,conn_rate(1s)
http-errors errors
log-profile profile
    on any format x
defaults
    mode http
    timeout client 1s
    timeout server 1s
    timeout connect 1s
backend be
    server s 127.0.0.1:9
'''


def dumped(binary, folder):
    """Returns fetches {name: arguments}, converters {name: (arguments, input)}, actions [(rule set, name)]."""
    path = os.path.join(folder, 'empty.cfg')
    with open(path, 'w', encoding='utf-8') as f:
        f.write('global\n')
    text = subprocess.run([binary, '-c', '-f', path, '-dKall'], capture_output=True, text=True, check=False, timeout=60).stdout
    fetches, convs, actions, part = {}, {}, [], ''
    for line in text.split('\n'):
        if not line.startswith('\t'):
            part = line
        elif 'sample fetch' in part:
            name, args = re.match(r'\t([^\s(]+)(?:\((.*)\))? => ', line).groups()
            fetches[name] = args
        elif 'converter' in part:
            name, args, kind = re.match(r'\t([^\s(:]+)(?:\((.*?)\))? *:? *(\S+) => ', line).groups()
            convs[name] = (args, kind)
        elif 'actions' in part:
            rules, _, name = line.strip().rpartition(' ')
            actions.append((rules, name))
    if not fetches or not convs or not actions:
        sys.exit('rows: -dKall lists nothing')
    return fetches, convs, actions


def default_args(args):
    """The arguments that must be given, one word for each; '' when there are none."""
    must = (args or '').split('[')[0].rstrip(',')
    return '(%s)' % ','.join(WORDS.get(a, 'x') for a in must.split(',')) if must else ''


def given():
    """What rows.txt says: {(kind, name): example}, {(kind, name): reason to be untested}, {(kind, name): what is measured}."""
    examples, untested, measured = {}, {}, {}
    with open(os.path.join(HERE, 'rows.txt'), encoding='utf-8') as f:
        for line in f:
            line = line.rstrip('\n')
            if not line or line.startswith('#'):
                continue
            if line.startswith('untested '):
                _, kind, name, reason = line.split(' ', 3)
                untested[(kind, name)] = reason
            elif line.startswith('measured '):
                _, kind, name, what = line.split(' ', 3)
                measured[(kind, name)] = what
            else:
                kind, name, example = line.split('\t')
                examples[(kind, name)] = example
    return examples, untested, measured


def plain(name):
    """An action's name without what stands for an argument."""
    return name.rstrip('*').replace('(*)', '').rstrip('(')


def build(fetches, convs, actions, examples):
    """Returns [(kind, name, line that is accepted, line that is refused)]; the first is None without an example."""
    rows, used = [], set()

    def find(*keys):
        for key in keys:
            if key in examples:
                used.add(key)
                return examples[key]
        return None

    for name, args in fetches.items():
        example = find(('fetch', name)) or name + default_args(args)
        rows.append(('fetch', name, 'acl a%d %s -m found' % (len(rows), example), 'acl a %s(' % name))
    for name, (args, kind) in convs.items():
        source = INPUTS.get(kind, 'str(x)')
        example = find(('conv', name)) or '%s,%s%s' % (source, name, '(@list@)' if name.startswith('map') else default_args(args))
        rows.append(('conv', name, 'acl a%d %s -m found' % (len(rows), example), 'acl a %s,%s(' % (source, name)))
    for rules, name in actions:
        example = find((rules, plain(name)), ('*', plain(name)))
        if example is None and name == plain(name):
            example = ''
        line = None if example is None else '%s %s' % (rules, (plain(name) + ' ' + example).strip()) \
            if not example.startswith(('(', '-', '0')) or name == plain(name) else '%s %s%s' % (rules, plain(name), example)
        rows.append((rules, plain(name), line, '%s %s )( no such words' % (rules, plain(name))))
    for key in examples.keys() - used:
        print('rows.txt: %s %s is no row' % key)
    return rows, bool(examples.keys() - used)


def errors(binary, folder, lines):
    """Runs -c over lines of one section; returns {index: first message}."""
    path = os.path.join(folder, 'rows.cfg')
    text = HEAD.rstrip('\n').split('\n') + ['listen fe', '    bind 127.0.0.1:1']
    at = {}
    with open(os.path.join(folder, 'list'), 'w', encoding='utf-8') as f:
        f.write('')
    for i, line in enumerate(lines):
        text.append('    ' + line.replace('@list@', os.path.join(folder, 'list')))
        at[len(text)] = i
    with open(path, 'w', encoding='utf-8') as f:
        f.write('\n'.join(text) + '\n')
    out = subprocess.run([binary, '-c', '-f', path], capture_output=True, text=True, errors='replace', check=False, timeout=120)
    found = {}
    for m in re.finditer(r'^\[ALERT\].*?arsing \[[^\]]*:(\d+)\] ?: (.*)$', out.stderr, re.M):
        if int(m.group(1)) in at:
            found.setdefault(at[int(m.group(1))], m.group(2))
    if out.returncode not in (0, 1) or (out.returncode and not found):
        sys.exit('rows: -c says\n' + out.stderr[-3000:])
    return found


def tested_names(names):
    """Those of the names that tests use."""
    paths = [p for ext in ('py', 'vtc', 'c', 'h', 'txt') for p in glob.glob(os.path.join(TESTS, '**', '*.' + ext), recursive=True)]
    words, patterns = set(), []
    for path in paths:
        if os.path.basename(path) in LISTS or not re.search('/(diff|vtc|unit)/', path):
            continue
        with open(path, encoding='utf-8', errors='replace') as f:
            text = f.read()
        words |= set(re.findall(r'[\w.+-]+', text))
        patterns += re.findall(r'^# tests: (\S+)$', text, re.M)
    words |= {w.strip('-+.') for w in words}
    return {n for n in names if n in words or any(re.fullmatch(p, n) for p in patterns)}


def is_refused_for_now(text):
    """What is not built yet, as services of TCP."""
    return 'not supported' in text or 'unknown service name' in text


def main():
    binary = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else 'build/steelyard')
    with tempfile.TemporaryDirectory(prefix='steelyard-rows-') as folder:
        examples, untested, _ = given()
        rows, bad = build(*dumped(binary, folder), examples)
        refused = errors(binary, folder, [r[2] or 'acl none always_true' for r in rows])
        broken = errors(binary, folder, [r[3] for r in rows])
    tested, count = tested_names({r[1] for r in rows}), 0
    for i, (kind, name, accepted, wrong) in enumerate(rows):
        problems = []
        if accepted is None:
            problems.append('has no example: add one to tests/diff/rows.txt')
        elif i in refused and not is_refused_for_now(refused[i]):
            problems.append('example %r is refused: %s' % (accepted, refused[i]))
        if i not in broken:
            problems.append('%r is accepted' % wrong)
        key = (kind if kind in ('fetch', 'conv') else 'action', name)
        if i in refused and is_refused_for_now(refused[i]):
            pass                                        # nothing to test yet
        elif name not in tested and key not in untested:
            problems.append('no test uses it')
        for text in problems:
            print('%s %s: %s' % (kind, name, text))
        count += len(problems)
    print('%d fetches, converters and actions: %d without example or test, %d known as untested' % (len(rows), count, len(untested)))
    return bad or count != 0


if __name__ == '__main__':
    sys.exit(main())
