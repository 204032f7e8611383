#!/usr/bin/env python3
"""Section headers that are wrong: the first line of what is said."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CASES = {
    'frontend': "'frontend' expects an <id> argument",
    'backend': "'backend' expects an <id> argument",
    'listen': "'listen' expects an <id> argument",
    'frontend a!': "character '!' is not permitted in 'frontend' name 'a!'.",
    'listen "a b"': "character ' ' is not permitted in 'listen' name 'a b'.",
    'listen a :80': "please use the 'bind' keyword for listening addresses.",
    'listen a from x': "defaults section 'x' not found for proxy 'a'.",
    'backend a from x y': "'backend' cannot handle unexpected argument 'y'.",
    'global x': "'global' cannot handle unexpected argument 'x'.",
    'http-errors': 'missing name for http-errors section.',
    'http-errors a!': "character '!' is not permitted in 'http-errors' name 'a!'.",
    'http-errors a\nhttp-errors a': "http-errors section 'a' already exists (declared at ",
    'userlist a b': "'userlist' cannot handle unexpected argument 'b'.",
    'listen a': "proxy 'a' has no 'bind' directive. Please declare it as a backend if this was intended.",
    'global\n maxconn': "'maxconn' expects an integer argument.",
}
if not REFERENCE:
    CASES['peers x\n peer a 1.2.3.4:5'] = "section 'peers' is not supported yet."
for text, message in CASES.items():
    r = subprocess.run([PROGRAM, '-c', '-f', '/dev/stdin'], input=(text + '\n').encode(), capture_output=True)
    lines = [line for line in r.stderr.decode().splitlines() if line.startswith(('[ALERT]', '[WARNING]'))]
    true(any(message in line for line in lines), f'{text!r}: {message!r} is not in {lines}')
done()
