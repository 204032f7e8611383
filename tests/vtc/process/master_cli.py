#!/usr/bin/env python3
# steelyard: not yet (master CLI: operations)
"""The master's command line interface: show proc, a command for the worker."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

folder = os.getcwd()
path = os.path.join(folder, 'x.cfg')
with socket.create_server(('127.0.0.1', 0)) as free:
    number = free.getsockname()[1]
with open(path, 'w', encoding='ascii') as f:
    f.write(DEFAULTS + f'''
listen fe
    bind 127.0.0.1:{number}
    http-request return status 200
''')
child = subprocess.Popen([os.environ['STEELYARD'], '-W', '-S', os.path.join(folder, 'master.sock'), '-f', path],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
try:
    def once(command):
        s = socket.socket(socket.AF_UNIX)
        try:
            s.connect(os.path.join(folder, 'master.sock'))
            return Conn(s).send(command.encode() + b'\n').finish().rest().decode()
        except OSError:
            return ''

    def master(command):    # the socket may be between two generations of the master
        return wait_for(lambda: once(command), f'answer of the master to {command}') or ''

    has(master('show proc'), r'(?m)^\d+ +master ', 'show proc: master')
    has(master('show proc'), r'(?m)^\d+ +worker ', 'show proc: worker')
    has(master('@1 show info'), r'Pid: \d+', 'a command for the worker')
finally:
    child.kill()
    child.wait()
done()
