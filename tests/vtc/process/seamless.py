#!/usr/bin/env python3
"""Reloads under load: no request fails while the master reloads several times."""
import os
import sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '_lib'))
from harness import *

CONFIG = 'global\n    nbthread 2\n' + DEFAULTS + '''
listen fe
    bind 127.0.0.1:<<port>>
    http-request return status 200 content-type text/plain string fine
'''
with socket.create_server(('127.0.0.1', 0)) as s:
    number = s.getsockname()[1]
path = os.path.join(os.getcwd(), 'x.cfg')
with open(path, 'w', encoding='ascii') as f:
    f.write(CONFIG.replace('<<port>>', str(number)))
master = subprocess.Popen([os.environ['STEELYARD'], '-W', '-f', path], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
stop, results = threading.Event(), []


def ask():
    c = Conn(socket.create_connection(('127.0.0.1', number), LIMIT))
    try:
        return c.get(b'/', b'Connection: close\r\n').body
    finally:
        c.close()


def load():
    while not stop.is_set():
        try:
            results.append(ask())
        except Exception as e:      # whatever it is, it is a request that failed
            results.append(repr(e))


try:
    def started():
        try:
            return ask() == b'fine'
        except OSError:
            return False
    wait_for(started, 'start')
    workers = [threading.Thread(target=load) for _ in range(2)]
    for w in workers:
        w.start()
    for _ in range(3):
        time.sleep(0.6)
        master.send_signal(signal.SIGUSR2)
    time.sleep(1)
    stop.set()
    for w in workers:
        w.join()
    bad = [r for r in results if r != b'fine']
    true(len(results) > 50, f'{len(results)} requests')
    eq(bad[:3], [], f'{len(bad)} of {len(results)} requests failed')
finally:
    master.terminate()
    try:
        master.wait(5)
    except subprocess.TimeoutExpired:
        master.kill()
done()
