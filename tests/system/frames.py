#! /usr/bin/env python3
"""Sends N datagrams to port 7000 in frames with a VLAN tag, made by hand:

    frames.py SOURCE VIP VIP_MAC VID N
"""

import socket
import struct
import sys


def checksum(data):
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def main(source, vip, mac, vid, n):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind(('eth0', 0))
    own = sock.getsockname()[4]
    addresses = socket.inet_aton(source) + socket.inet_aton(vip)
    for i in range(int(n)):
        payload = struct.pack('!I', i) + bytes(20)
        length = 8 + len(payload)
        udp = struct.pack('!HHHH', 5000, 7000, length, 0) + payload
        pseudo = addresses + struct.pack('!HH', 17, length)
        udp = udp[:6] + struct.pack('!H', checksum(pseudo + udp)) + udp[8:]
        ip = struct.pack('!BBHHHBBH', 0x45, 0, 20 + length, i, 0, 64, 17, 0)
        ip = ip[:10] + struct.pack('!H', checksum(ip + addresses)) + addresses
        sock.send(bytes.fromhex(mac.replace(':', '')) + own
                  + struct.pack('!HHH', 0x8100, int(vid), 0x0800) + ip + udp)


main(*sys.argv[1:])
