#!/usr/bin/env python3
"""certs.py - what many certificates cost: loading 10,000 files, and a handshake among 100,000 names.

    tests/bench/certs.py --dut build/steelyard [--peer haproxy=/usr/sbin/haproxy] [--certs 10000] [--names 100000]

Every figure is the best of three. Loopback only; the folder with the certificates is temporary.
"""
import argparse
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
CONFIG = '''global
    nbthread 1
    stats socket {dir}/cli.sock
defaults
    mode http
    timeout client 10s
    timeout server 10s
    timeout connect 2s
frontend fe
    bind 127.0.0.1:{port} ssl {crt}
    http-request return status 200
'''


def compiled(name, folder, *libraries):
    out = os.path.join(folder, name)
    subprocess.run(['gcc', '-O2', '-w', '-o', out, os.path.join(HERE, name + '.c'), *libraries], check=True)
    return out


def free_port():
    with socket.create_server(('127.0.0.1', 0)) as s:
        return s.getsockname()[1]


def cpu_s(pid):
    with open(f'/proc/{pid}/stat', encoding='ascii') as f:
        fields = f.read().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def write_config(folder, crt):
    port = free_port()
    path = os.path.join(folder, 'cfg')
    with open(path, 'w', encoding='ascii') as f:
        f.write(CONFIG.format(dir=folder, port=port, crt=crt))
    return path, port


def start(program, path, port):
    begin = time.monotonic()
    process = subprocess.Popen([program, '-q', '-db', '-f', path], stderr=subprocess.DEVNULL)
    while True:
        try:
            socket.create_connection(('127.0.0.1', port)).close()
            return process, time.monotonic() - begin
        except OSError:
            if process.poll() is not None:
                sys.exit(f'{program} does not start')
            time.sleep(0.005)


def stop(process):
    process.terminate()
    process.wait()


def loading(program, folder, crt):
    """Seconds: (wall, CPU) of -c, and (wall, CPU) until the first connection is accepted."""
    check = running = (1e9, 1e9)
    for _ in range(3):
        path, port = write_config(folder, crt)
        begin, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([program, '-c', '-q', '-f', path], check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        check = min(check, (time.monotonic() - begin, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime))
        process, took = start(program, path, port)
        running = min(running, (took, cpu_s(process.pid)))
        stop(process)
    return check, running


def handshakes(program, folder, crt, names, client):
    """Microseconds of CPU per full handshake with one request, names chosen at random."""
    best = 1e9
    for _ in range(3):
        path, port = write_config(folder, crt)
        process, _ = start(program, path, port)
        subprocess.run([client, str(port), '20', '0.5', 'full', '1.3', str(names)], check=True, stdout=subprocess.DEVNULL)
        before = cpu_s(process.pid)
        out = subprocess.run([client, str(port), '20', '3', 'full', '1.3', str(names)], check=True, stdout=subprocess.PIPE).stdout.decode()
        done = int(out.split('req=')[1].split()[0])
        best = min(best, (cpu_s(process.pid) - before) / done * 1e6)
        stop(process)
    return best


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--dut', default='build/steelyard')
    parser.add_argument('--peer', action='append', default=[], metavar='NAME=PATH')
    parser.add_argument('--certs', type=int, default=10000)
    parser.add_argument('--names', type=int, default=100000)
    args = parser.parse_args()
    programs = [('steelyard', args.dut)] + [tuple(p.split('=', 1)) for p in args.peer]
    with tempfile.TemporaryDirectory(prefix='certs-') as folder:
        maker = compiled('certgen', folder, '-lcrypto')
        client = compiled('tlshs', folder, '-lssl', '-lcrypto')
        sets = {}
        for title, count, each in (('many', args.certs, 1), ('ten', 10, 1), ('names', args.names // 100, 100)):
            where = os.path.join(folder, title, 'pem')
            os.makedirs(where)
            subprocess.run([maker, where, str(count), str(each)], check=True)
            sets[title] = where
        print(f'{"program":12} {args.certs} certificates, wall/CPU s: {"-c":>12} {"start":>12}   handshake, us CPU: {"10 names":>10} {args.names:>10} names')
        for name, program in programs:
            check, running = loading(program, folder, f'crt {sets["many"]}/')
            few = handshakes(program, folder, f'crt {sets["ten"]}/', 10, client)
            many = handshakes(program, folder, f'crt {sets["names"]}/', args.names, client)
            load = '  '.join(f'{wall:6.2f}/{cpu:.2f}' for wall, cpu in (check, running))
            print(f'{name:12} {"":>31} {load:>30} {few:30.0f} {many:10.0f}', flush=True)


main()
