"""tools/bench memory [--json] [--quick]

Memory of the switch per tracked connection, both directions included: the
resident memory of ovs-vswitchd with a table of a million connections, full,
less the same with a table of one connection.  A UDP packet and its answer
each fill it, so that none waits in the pool of half-open connections."""

import argparse
import json
import re
import socket
import struct

from common import (Switch, checksum, die, enter_namespace, find_tree, mac,
                    mac_text, raw_socket, say, wait_until)

VIP, BACKEND = "172.20.126.50", "172.20.126.60"
REDIRECT = ("id=7,vip=%s,udp,port=53,policy=failover,timeout=answered:1h,"
            "backend=%s,mac=%s,output=2" % (VIP, BACKEND, mac_text(2)))


def udp_frame(number):
    """The frame of client 'number'; without a UDP checksum."""
    address = struct.pack("!L", 10 << 24 | number >> 4)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 46, 1, 0x4000, 64, 17, 0,
                     address, socket.inet_aton(VIP))
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    udp = struct.pack("!HHHH", 1024 + (number & 15), 53, 26, 0) + b"x" * 18
    return mac(9) + mac(1) + b"\x08\0" + ip + udp


def answer(frame):
    """The answer to 'frame', whose addresses and ports change places; the sums
    stay right."""
    return (frame[6:12] + frame[:6] + frame[12:26] + frame[30:34]
            + frame[26:30] + frame[36:38] + frame[34:36] + frame[38:])


def resident(pid):
    with open("/proc/%d/status" % pid) as f:
        return int(re.search(r"VmRSS:\s*(\d+) kB", f.read()).group(1)) * 1024


def connections(switch):
    text = switch.ofctl("dump-redirect-stats", "7")
    return int(re.search(r"connections=(\d+)", text).group(1))


def fill(count, capacity):
    """Returns (connections held, resident bytes) after 'count' clients."""
    switch = Switch(find_tree(), ["c", "r"], (),
                    ["tpr-connections=%d" % capacity])
    try:
        switch.ofctl("add-redirect", REDIRECT)
        switch.ofctl("add-flow", "udp,nw_dst=%s,actions=redirect(7)" % VIP)
        switch.ofctl("add-flow", "udp,in_port=2,actions=redirect(reverse)")
        client, server = raw_socket("cx"), raw_socket("rx")
        seen = 0
        for first in range(0, count, 32):
            part = range(first, min(first + 32, count))
            for number in part:
                client.send(udp_frame(number))
            server.settimeout(30)
            while seen < part[-1] + 1:
                try:
                    server.send(answer(server.recv(128)))
                except TimeoutError:
                    die("packet %d did not come through" % seen)
                seen += 1
        wait_until(lambda: connections(switch) >= min(count, capacity),
                   "%d connections" % count)
        held = connections(switch)
        client.close()
        server.close()
        return held, resident(switch.vswitchd)
    finally:
        switch.stop()


def main(argv):
    parser = argparse.ArgumentParser(
        prog="bench memory", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args(argv)
    count = 100000 if args.quick else 1000000
    enter_namespace()
    _, base = fill(1, 1)
    held, full = fill(count, count)
    result = {"connections": held, "resident_bytes": full - base,
              "bytes_per_connection": round((full - base) / held, 1)}
    say("%d connections held, %.1f bytes each" % (
        held, result["bytes_per_connection"]))
    if args.json:
        print(json.dumps(result))
    return 0
