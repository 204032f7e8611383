#!/usr/bin/env python3
"""conv - evaluates sample expressions with the reference and with Steelyard, and shows where they differ.

  conv.py compare [OURS]     runs both (OURS: path of the binary, default build/steelyard) over conv_cases.txt
  conv.py record             prints a C table of what the reference says, for tests/unit/sample/conv_ref.h
  conv.py eval [FILE]        shows what the reference says about the expressions of FILE or stdin

Each expression becomes two rules of one configuration: a path is answered with 404 when the expression has no value, else with
the value. Expressions that are refused are found with -c and left out. Needs the reference as `haproxy` in the PATH.
"""
import http.client
import os
import re
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = os.path.join(HERE, 'conv_cases.txt')
HEAD = ['global', '  maxconn 50', 'defaults', '  mode http', '  timeout client 5s', '  timeout server 5s',
        '  timeout connect 5s', 'frontend f']


def word(text):
    """A word of the configuration, in double quotes."""
    return '"' + re.sub(r'(["\\$])', r'\\\1', text) + '"'


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def read_cases(lines):
    """Returns presets, expressions, and the expectations that are given by hand."""
    before, exprs, given = [], [], {}
    for line in lines:
        line = line.rstrip('\n')
        if not line or line.startswith('#'):
            continue
        if line.startswith('! '):
            before.append(line[2:])
            continue
        expr, arrow, value = line.partition(' ==> ')
        exprs.append(expr)
        if arrow:
            kind, _, text = value.partition(' ')
            value = value.encode().decode('latin-1')
            given[expr] = ('none', '') if value == 'none' else ('error', text) if kind == 'error' else ('value', value)
    return before, exprs, given


def configuration(before, exprs, port):
    """Returns the lines and, for each line number, the expression it is about."""
    lines = HEAD + ['  bind 127.0.0.1:%d' % port]
    lines += ['  http-request set-var(txn.preset) ' + word(p) for p in before]
    about = {}
    for i, e in enumerate(exprs):
        lines.append('  http-request return status 404 if { path /%d } !{ %s -m found }' % (i, word(e)))
        about[len(lines)] = i
        lines.append('  http-request return status 200 content-type text/plain lf-string %s if { path /%d }'
                     % (word('%[' + e + ']'), i))
        about[len(lines)] = i
    return lines, about


def refused(binary, path, about):
    """Runs -c; returns {expression index: why}."""
    out = subprocess.run([binary, '-c', '-f', path], capture_output=True, text=True, errors='replace')
    bad = {}
    for m in re.finditer(r'^\[ALERT\].*arsing \[[^\]]*:(\d+)\] ?: (.*)$', out.stderr, re.M):
        i = about.get(int(m.group(1)))
        if i is not None:
            bad.setdefault(i, m.group(2))
    if out.returncode < 0:
        raise Crash
    if out.returncode and not bad:
        sys.exit(out.stderr)
    return bad


def why(text):
    """The part of a message that is about the expression."""
    text = re.sub(r"^.*? condition : ", '', text)
    return re.sub(r" in ACL expression '.*$", '', text)


def ask(port, i):
    c = http.client.HTTPConnection('127.0.0.1', port, timeout=5)
    try:
        c.request('GET', '/%d' % i)
        r = c.getresponse()
        body = r.read().decode('latin-1')
        return ('value', body) if r.status == 200 else ('none', '') if r.status == 404 else ('error', 'status %d' % r.status)
    except OSError as e:
        return ('error', 'no answer: %s' % e)
    finally:
        c.close()


class Crash(Exception):
    pass


def evaluate(binary, before, exprs):
    """Returns a list of (kind, text). 2.6.12 crashes with some sets of expressions: then in two parts."""
    try:
        return evaluate_some(binary, before, exprs)
    except Crash:
        if len(exprs) < 2 or binary != 'haproxy':
            sys.exit('%s -c crashes with %s' % (binary, exprs[:9]))
        half = len(exprs) // 2
        return evaluate(binary, before, exprs[:half]) + evaluate(binary, before, exprs[half:])


def evaluate_some(binary, before, exprs):
    port = free_port()
    result = [None] * len(exprs)
    with tempfile.TemporaryDirectory() as tmp:
        path = os.path.join(tmp, 'conv.cfg')
        todo = list(range(len(exprs)))
        while True:
            lines, about = configuration(before, [exprs[i] for i in todo], port)
            with open(path, 'w', encoding='utf-8') as f:
                f.write('\n'.join(lines) + '\n')
            bad = refused(binary, path, about)
            if not bad:
                break
            for i, text in bad.items():
                result[todo[i]] = ('error', why(text))
            todo = [e for i, e in enumerate(todo) if i not in bad]
        proxy = subprocess.Popen([binary, '-f', path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            for _ in range(100):
                try:
                    socket.create_connection(('127.0.0.1', port)).close()
                    break
                except OSError:
                    time.sleep(0.05)
            for i, e in enumerate(todo):
                result[e] = ask(port, i)
        finally:
            proxy.terminate()
            proxy.wait()
    return result


def c_string(text):
    def one(m):
        return '\\%03o' % ord(m.group()) if m.group() not in '"\\' else '\\' + m.group()
    return '"' + re.sub(r'[^ !#->@-\[\]-~]|["\\?]', one, text) + '"'


def record(before, exprs, given):
    known = [e for e in exprs if e not in given]
    found = dict(zip(known, evaluate('haproxy', before, known)))
    found.update(given)
    print('/* conv_ref.h - what expressions give, recorded from the reference by conv.py. Do not edit. */')
    print('/* clang-format off */')
    print('static const char *const presets[] = {')
    for p in before:
        print('    %s,' % c_string(p))
    print('    NULL,\n};\n\nstatic const struct ref refs[] = {')
    for e in exprs:
        kind, text = found[e]
        print('    { %s, REF_%s, %s },' % (c_string(e.encode().decode('latin-1')), kind.upper(), c_string(text)))
    print('};\n/* clang-format on */')


def compare(before, exprs, given, ours):
    known = [e for e in exprs if e not in given]
    expected = dict(zip(known, evaluate('haproxy', before, known)))
    expected.update(given)
    wrong = 0
    for e, got in zip(exprs, evaluate(ours, before, exprs)):
        if got != expected[e]:
            wrong += 1
            print('%s\n    expected %s %r\n    got      %s %r' % ((e,) + expected[e] + got))
    print('%d expressions, %d differ' % (len(exprs), wrong))
    return wrong != 0


def main():
    mode = sys.argv[1] if len(sys.argv) > 1 else ''
    if mode == 'eval':
        with open(sys.argv[2], encoding='utf-8') if len(sys.argv) > 2 else sys.stdin as f:
            before, exprs, _ = read_cases(f)
        for e, r in zip(exprs, evaluate('haproxy', before, exprs)):
            print('%-60s %s %r' % ((e,) + r))
        return 0
    with open(CASES, encoding='utf-8') as f:
        before, exprs, given = read_cases(f)
    if mode == 'record':
        record(before, exprs, given)
        return 0
    if mode == 'compare':
        return compare(before, exprs, given, sys.argv[2] if len(sys.argv) > 2 else 'build/steelyard')
    sys.exit(__doc__)


if __name__ == '__main__':
    sys.exit(main())
