#! /usr/bin/env python3
"""Numbered packets and checked transfers, for tests of the BPF programs.

    traffic.py server NAME SOCKET    on all addresses; "traffic.py stats SOCKET"
                                     asks it what arrived
    traffic.py udp VIP N [LENGTH]    N datagrams and their answers
    traffic.py tcp VIP BYTES         there and back
    traffic.py hold VIP N FILE       N connections that never rest, until
                                     interrupted

A server answers datagrams to port 7000 and connections to port 7001, and
counts frames that arrive, before its kernel looks at them.  The others print
one line and succeed if nothing was lost, doubled or changed.
"""

import hashlib
import os
import select
import signal
import socket
import struct
import sys
import time

UDP, TCP = 7000, 7001
TIMEOUT = float(os.environ.get(
    'TRAFFIC_TIMEOUT', 10 * int(os.environ.get('TPR_PATIENCE', 1))))


def family(address):
    return socket.AF_INET6 if ':' in address else socket.AF_INET


# Server ----------------------------------------------------------------------

class Server:
    """One thread; connections are served in turns."""

    def __init__(self, name, path):
        self.name = name.encode()
        self.frames = {}
        self.poll = select.poll()
        self.handlers = {}
        self.listen(path)

    def add(self, sock, handler):
        self.handlers[sock.fileno()] = (sock, handler)
        self.poll.register(sock, select.POLLIN)

    def listen(self, path):
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                            socket.htons(3))
        raw.setsockopt(socket.SOL_SOCKET, 33, 1 << 26)   # SO_RCVBUFFORCE
        raw.setsockopt(263, 8, 1)       # SOL_PACKET, PACKET_AUXDATA
        self.add(raw, self.on_frame)
        udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        udp.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)
        udp.bind(('::', UDP))
        self.add(udp, self.on_datagram)
        tcp = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        tcp.bind(('::', TCP))
        tcp.listen(512)
        self.add(tcp, self.on_connection)
        asked = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        asked.bind(path)
        asked.listen(8)
        self.add(asked, self.on_question)

    def on_frame(self, sock):
        frame, aside, _, where = sock.recvmsg(128, 64)
        if where[2] == socket.PACKET_OUTGOING:
            return
        kind, l3, tag = frame[12:14], 14, ''
        # The kernel has put tags aside: struct tpacket_auxdata.
        for _, _, data in aside:
            status, tci = struct.unpack_from('=I12xH', data)
            if status & 1 << 4:         # TP_STATUS_VLAN_VALID
                tag = '@%d' % (tci & 0xfff)
        if kind == b'\x08\x00' and frame[l3 + 9] == 17:
            to = socket.inet_ntop(socket.AF_INET, frame[l3 + 16:l3 + 20])
            at = l3 + 20
        elif kind == b'\x86\xdd' and frame[l3 + 6] == 17:
            to = socket.inet_ntop(socket.AF_INET6, frame[l3 + 24:l3 + 40])
            at = l3 + 40
        else:
            return
        if struct.unpack('!H', frame[at + 2:at + 4])[0] == UDP:
            self.frames[to + tag] = self.frames.get(to + tag, 0) + 1

    def on_datagram(self, sock):
        data, where = sock.recvfrom(65536)
        sock.sendto(data, where)

    def on_connection(self, sock):
        new, _ = sock.accept()
        new.settimeout(TIMEOUT)
        self.add(new, self.on_request)

    def on_request(self, sock):
        """Length, 'echo' or 'hash', and that many bytes."""
        try:
            head = sock.recv(8, socket.MSG_WAITALL)
            if len(head) < 8:
                raise OSError
            length = struct.unpack('!Q', head)[0]
            got = hashlib.sha256()
            parts = []
            while length:
                part = sock.recv(min(length, 1 << 16))
                if not part:
                    raise OSError
                got.update(part)
                parts.append(part)
                length -= len(part)
            sock.sendall(got.digest() + b''.join(parts))
        except OSError:
            del self.handlers[sock.fileno()]
            self.poll.unregister(sock)
            sock.close()

    def on_question(self, sock):
        new, _ = sock.accept()
        new.sendall(' '.join('%s=%d' % item for item
                             in sorted(self.frames.items())).encode())
        self.frames = {}
        new.close()

    def run(self):
        while True:
            for fd, _ in self.poll.poll():
                if fd in self.handlers:
                    sock, handler = self.handlers[fd]
                    handler(sock)


def stats(path):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.connect(path)
    print(sock.makefile().read())


# Clients ---------------------------------------------------------------------

def udp(vip, n, length):
    sock = socket.socket(family(vip), socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)
    sock.connect((vip, UDP))
    pad = bytes(length)
    got = [0] * n
    sent, answered = 0, 0
    deadline = time.monotonic() + TIMEOUT
    while answered < n and time.monotonic() < deadline:
        while sent < n and sent - answered < 16:
            sock.send(struct.pack('!I', sent) + pad)
            sent += 1
        sock.settimeout(1)
        try:
            number = struct.unpack('!I', sock.recv(65536)[:4])[0]
        except (socket.timeout, ConnectionError):
            continue
        got[number] += 1
        answered += got[number] == 1
    # Whatever comes twice has come by now, or is on its way.
    sock.settimeout(0.05)
    try:
        while True:
            got[struct.unpack('!I', sock.recv(65536)[:4])[0]] += 1
    except (socket.timeout, ConnectionError):
        pass
    lost, doubled = got.count(0), sum(1 for x in got if x > 1)
    print('sent=%d lost=%d doubled=%d' % (n, lost, doubled))
    return not lost and not doubled


def transfer(sock, data):
    """Sends a request while its answer comes; what comes is compared."""
    request = memoryview(struct.pack('!Q', len(data)) + data)
    sock.sendall(request)
    want = len(data) + 32
    parts = []
    while want:
        part = sock.recv(min(want, 1 << 16))
        if not part:
            return False
        parts.append(part)
        want -= len(part)
    answer = b''.join(parts)
    return answer == hashlib.sha256(data).digest() + data


def retransmits(sock):
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    return struct.unpack_from('I', info, 100)[0]        # tcpi_total_retrans


def tcp(vip, length):
    started = time.monotonic()
    with socket.create_connection((vip, TCP), TIMEOUT) as sock:
        ok = transfer(sock, os.urandom(length))
        print('bytes=%d ok=%d retransmits=%d ms=%d'
              % (length, ok, retransmits(sock),
                 (time.monotonic() - started) * 1000))
    return ok


def hold(vip, n, path):
    stop = []
    signal.signal(signal.SIGINT, lambda *_: stop.append(1))
    socks = [socket.create_connection((vip, TCP), TIMEOUT) for _ in range(n)]
    rounds, worst, failures = 0, 0, 0
    while not stop:
        for sock in socks:
            started = time.monotonic()
            try:
                if not transfer(sock, os.urandom(1000)):
                    failures += 1
            except OSError:
                failures += 1
            worst = max(worst, time.monotonic() - started)
        rounds += 1
        with open(path + '.new', 'w') as f:
            f.write('%d\n' % rounds)
        os.rename(path + '.new', path)
        if failures:
            break
    again = sum(retransmits(sock) for sock in socks)
    print('rounds=%d failures=%d retransmits=%d worst_ms=%d'
          % (rounds, failures, again, worst * 1000))
    return not failures and not again


def main(args):
    if args[0] == 'server':
        Server(args[1], args[2]).run()
    elif args[0] == 'stats':
        stats(args[1])
    elif args[0] == 'udp':
        return udp(args[1], int(args[2]), int(args[3]) if args[3:] else 100)
    elif args[0] == 'tcp':
        return tcp(args[1], int(args[2]))
    elif args[0] == 'hold':
        return hold(args[1], int(args[2]), args[3])
    return True


sys.exit(0 if main(sys.argv[1:]) else 1)
