#!/usr/bin/env python3
# Holds connections open, and asks for a page on each, in turns.
#
# hold.py ADDRESS N FILE: FILE appears when all N connections have had their
# first page.  After SIGINT each is asked once more; then a JSON object is
# printed.  A connection that breaks stays broken and counts once.

import json
import os
import signal
import socket
import sys
import time

PAUSE_S = 0.002                 # Between two requests: 200 take 0.4 s.
PATIENCE_S = 2


def ask(sock, address):
    """One page; the server's name, or None if the connection is broken."""
    sock.sendall(b'GET / HTTP/1.1\r\nHost: %s\r\n\r\n' % address.encode())
    data = b''
    while b'\r\n\r\n' not in data:
        part = sock.recv(4096)
        if not part:
            return None
        data += part
    head, body = data.split(b'\r\n\r\n', 1)
    fields = dict(line.lower().split(b': ', 1)
                  for line in head.split(b'\r\n')[1:])
    while len(body) < int(fields[b'content-length']):
        part = sock.recv(4096)
        if not part:
            return None
        body += part
    return fields[b'x-served-by'].decode()


def main(address, n, path):
    stop = []
    signal.signal(signal.SIGINT, lambda *_: stop.append(1))
    result = {'connections': n, 'pages': 0, 'resets': 0, 'timeouts': 0,
              'closed': 0, 'moved': 0}
    socks = [(socket.create_connection((address, 80), PATIENCE_S), i)
             for i in range(n)]
    first = {}
    last = False
    while not last:
        last = bool(stop)
        for pair in list(socks):
            sock, i = pair
            try:
                name = ask(sock, address)
                if name is None:
                    result['closed'] += 1
                    socks.remove(pair)
                    continue
                result['pages'] += 1
                result['moved'] += first.setdefault(i, name) != name
            except ConnectionError:
                result['resets'] += 1
                socks.remove(pair)
            except OSError:             # socket.timeout is one, too.
                result['timeouts'] += 1
                socks.remove(pair)
            time.sleep(0 if stop else PAUSE_S)
        if not os.path.exists(path) and len(first) == n:
            open(path, 'w').close()
        if not socks and not stop:
            signal.pause()
    servers = list(first.values())
    result['servers'] = {name: servers.count(name)
                         for name in sorted(set(servers))}
    print(json.dumps(result))


main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
