#! /usr/bin/env python3
"""Sends SYNs of clients that give up, made by hand:

    syns.py SOURCE VIP PORT N [reset]

N connections, from ports of their own.  Nobody waits for the answer: the
kernel, which knows nothing of them, resets what is answered.  With "reset",
each is reset at once."""

import random
import socket
import struct
import sys
import time

SYN, RST = 2, 4
SPACING_S = 0.0005


def checksum(data):
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def segment(addresses, ports, seq, flags):
    tcp = struct.pack('!HHIIBBHHH', *ports, seq, 0, 5 << 4, flags, 64240, 0,
                      0)
    pseudo = addresses + struct.pack('!HH', 6, len(tcp))
    return tcp[:16] + struct.pack('!H', checksum(pseudo + tcp)) + tcp[18:]


def main(source, vip, port, n, how=''):
    sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
    sock.bind((source, 0))
    addresses = socket.inet_aton(source) + socket.inet_aton(vip)
    first = random.randrange(1024, 20000)
    for i in range(int(n)):
        ports = (first + i, int(port))
        seq = random.getrandbits(31)
        sock.sendto(segment(addresses, ports, seq, SYN), (vip, 0))
        if how == 'reset':
            sock.sendto(segment(addresses, ports, seq + 1, RST), (vip, 0))
        time.sleep(SPACING_S)


main(*sys.argv[1:])
