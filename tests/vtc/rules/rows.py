#!/usr/bin/env python3
# reference: no (about the tables of this program)
"""Every fetch, converter and action has an example that is accepted, one that is refused, and a test of its value: tests/diff/rows.py."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

ROWS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'diff', 'rows.py')
out = subprocess.run([sys.executable, ROWS, PROGRAM], capture_output=True, text=True, check=False)
eq((out.returncode, out.stderr), (0, ''), out.stdout)
done()
