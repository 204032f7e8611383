"""_values.py - what sample fetches say about a request, told in headers of the response."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

PER_PROXY = 80      # a head has room for a hundred headers


def lines(exprs, rules, tell=True):
    """Rules that keep the value of each expression, and put it into a header of the response: <value>, or nothing without one."""
    text = ''
    for i, e in enumerate(exprs):
        quoted = e.replace('\\', '\\\\').replace('"', '\\"')
        text += f'    {rules} set-var-fmt(txn.v{i}) "<%[{quoted}]>" if {{ {e} -m found }}\n'
        if tell:
            text += f'    http-after-response set-header v{i} %[var(txn.v{i})] if {{ var(txn.v{i}) -m found }}\n'
    return text


def told(response, exprs):
    """{expression: value or None} of a response made with lines()."""
    values = {}
    for i, e in enumerate(exprs):
        v = response.get(f'v{i}')
        values[e] = None if v is None else v.decode('latin-1')[1:-1]
    return values


def ask(config, exprs, requests, rules='http-request', **values):
    """One dictionary of values per request. <<rules>> in the configuration is where the rules go; each request is a connection."""
    found = [{} for _ in requests]
    for at in range(0, len(exprs), PER_PROXY):
        part = exprs[at:at + PER_PROXY]
        with Proxy(config.replace('<<rules>>', lines(part, rules)), **values) as p:
            for i, raw in enumerate(requests):
                r = p.connect().send(raw).response(b'HEAD')
                found[i].update(told(r, part))
    return found


def compare(table, found, requests):
    """table: (expression, wanted value for each request)."""
    for row in table:
        for i, wanted in enumerate(row[1:]):
            eq(found[i][row[0]], wanted, f'{row[0]} of {requests[i][:40]!r}')
