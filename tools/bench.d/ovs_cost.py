"""tools/bench ovs-cost [--json] [--quick]

What a packet costs in Open vSwitch's userspace datapath.

Instructions per packet, counted by callgrind within dp_netdev_input (look up
the flow, carry out its actions, queue for output; not the system calls that
receive and send), for a fixed trace of packets of established connections
from client to server, with 1 and with 1,000 connections:

  output     to the server's port, nothing else: the limit
  set-field  Ethernet and IP destination rewritten, then output
  ct-nat     conntrack with NAT, the connection committed when it was new
  redirect   the redirect action, connection known

The same for packets each of which opens a connection.  And new connections per
second of a forwarding thread that is alone on its processor:

  memory     its ports have their packets in memory, give them a batch at a
             time and forget what they are sent, as drivers in userspace do,
             and are not counted: what is left is Open vSwitch's own
             (memory-port.c)
  afxdp      an AF_XDP port, whose time is counted, most of it the kernel's on
             this side of the driver; the other one has no device

Output, which opens no connection, shows what of the time is the port's and the
flow's.  Rounds are averages of many thousand connections, whatever happened
meanwhile; the batch in the middle of all (memory only) is what they cost while
nobody else took the processor away.  The half-open pool has room for all of a
round.  The methods take turns.

Where instructions are counted, the cache of exact matches takes every flow at
once (emc-insert-inv-prob=1), so that all methods meet the same hits."""

import collections
import ctypes
import glob
import json
import os
import re
import signal
import socket

from common import (Switch, die, enter_namespace, find_program, find_tree,
                    mac_text, median, raw_socket, run, say, tcp_frame,
                    wait_until)

VIP, BACKEND = "172.20.126.50", "172.20.126.60"
SYN, ACK = 2, 16
CLIENT_MAC, VIP_MAC, BACKEND_MAC = 1, 9, 2
BURST = 32

REDIRECT = ("id=7,vip=%s,tcp,port=80,policy=failover,"
            "backend=%s,mac=%s,output=2" % (VIP, BACKEND,
                                            mac_text(BACKEND_MAC)))
FORWARD = "priority=100,in_port=1,tcp,nw_dst=%s,tp_dst=80" % VIP
REVERSE = "priority=100,in_port=2,tcp,nw_src=%s,tp_src=80" % BACKEND
TO_SERVER = "set_field:%s->eth_dst" % mac_text(BACKEND_MAC)
TO_CLIENT = "set_field:%s->eth_dst,set_field:%s->eth_src,output:1" % (
    mac_text(CLIENT_MAC), mac_text(VIP_MAC))
METHODS = {
    "output": [FORWARD + ",actions=output:2", REVERSE + ",actions=output:1"],
    "set-field": [
        "%s,actions=%s,set_field:%s->ip_dst,output:2" % (FORWARD, TO_SERVER,
                                                         BACKEND),
        "%s,actions=set_field:%s->ip_src,%s" % (REVERSE, VIP, TO_CLIENT)],
    "ct-nat": [
        FORWARD + ",ct_state=-trk,actions=ct(table=1,zone=1,nat)",
        "table=1,priority=100,ct_state=+new+trk,tcp,actions="
        "ct(commit,zone=1,nat(dst=%s:80)),%s,output:2" % (BACKEND, TO_SERVER),
        "table=1,priority=90,ct_state=+est+trk,tcp,actions=%s,output:2"
        % TO_SERVER,
        REVERSE + ",ct_state=-trk,actions=ct(table=2,zone=1,nat)",
        "table=2,priority=100,ct_state=+est+trk,tcp,actions=" + TO_CLIENT],
    "redirect": [FORWARD + ",actions=redirect(7)",
                 REVERSE + ",actions=redirect(reverse)"],
}


class Lab:
    """A switch between a client's port and a server's."""

    def __init__(self, wrapper=()):
        self.switch = Switch(find_tree(), ["c", "r"], wrapper,
                             ["emc-insert-inv-prob=1",
                              "tpr-connections=1000000"])
        self.client, self.server = raw_socket("cx"), raw_socket("rx")
        self.server.settimeout(30)
        self.client.settimeout(30)

    def close(self):
        self.client.close()
        self.server.close()
        self.switch.stop()

    def use(self, method):
        switch = self.switch
        switch.ofctl("del-flows")
        switch.appctl("dpctl/flush-conntrack")
        switch.ofctl("del-redirects")
        if method == "redirect":
            switch.ofctl("add-redirect", REDIRECT)
        switch.ofctl("add-flows", "-", input="\n".join(METHODS[method]))
        switch.appctl("revalidator/purge")  # No flow of the method before.

    def pass_through(self, source, sink, frames):
        """Sends frames in bursts and takes as many at the other side."""
        for first in range(0, len(frames), BURST):
            part = frames[first:first + BURST]
            for frame in part:
                source.send(frame)
            got = 0
            while got < len(part):
                try:
                    frame = sink.recv(2048)
                except TimeoutError:
                    die("%d of %d packets came through" % (got, len(part)))
                if frame[12:14] == b"\x08\0":
                    got += 1

    def to_server(self, frames):
        self.pass_through(self.client, self.server, frames)

    def to_client(self, frames):
        self.pass_through(self.server, self.client, frames)


def client_of(number):
    return "10.%d.%d.%d" % (number >> 16 & 255, number >> 8 & 255,
                            number & 255 or 1), 1024 + number % 60000


def client_frame(number, flags, payload=b""):
    address, port = client_of(number)
    return tcp_frame(address, port, VIP, 80, flags, CLIENT_MAC, VIP_MAC,
                     payload, seq=1 if flags & SYN else 2)


def server_frame(number, flags, method):
    address, port = client_of(number)
    source = VIP if method == "output" else BACKEND
    return tcp_frame(source, 80, address, port, flags, BACKEND_MAC,
                     CLIENT_MAC)


def establish(lab, method, numbers):
    lab.to_server([client_frame(n, SYN) for n in numbers])
    if method != "output":
        lab.to_client([server_frame(n, SYN | ACK, method) for n in numbers])
    lab.to_server([client_frame(n, ACK) for n in numbers])


def count(lab, trace):
    """Instructions that the packets of 'trace' take, per packet."""
    for old in glob.glob(lab.switch.dir + "/callgrind.out.*"):
        os.unlink(old)
    pid = str(lab.switch.vswitchd)
    run("callgrind_control", "-z", pid)
    lab.to_server(trace)
    run("callgrind_control", "-d", pid)
    total = 0
    for name in glob.glob(lab.switch.dir + "/callgrind.out.*"):
        with open(name) as f:
            found = re.findall(r"^(?:totals|summary): (\d+)", f.read(), re.M)
        total += max(map(int, found), default=0)
    if not total:
        die("callgrind counted nothing; has the program symbols?")
    return total / len(trace)


def cost_of_hit(lab, method, connections, packets):
    """Instructions per packet of a known connection."""
    numbers = range(1, connections + 1)
    lab.use(method)
    establish(lab, method, numbers)
    frames = [client_frame(n, ACK, b"x" * 64) for n in numbers]
    trace = (frames * (packets // len(frames) + 1))[:packets]
    lab.to_server(trace[:max(connections * 2, 100)])
    return count(lab, trace)


def cost_of_new(lab, method, packets):
    """Instructions per packet that opens a connection."""
    lab.use(method)
    frames = [client_frame(n, SYN) for n in range(1, packets + 101)]
    lab.to_server(frames[:100])
    return count(lab, frames[100:])


def count_instructions(args):
    results = []
    lab = Lab(("valgrind", "--tool=callgrind",
               "--toggle-collect=dp_netdev_input",
               "--callgrind-out-file={dir}/callgrind.out"))
    try:
        for connections in (1, 1000):
            for method in METHODS:
                cost = cost_of_hit(lab, method, connections,
                                   2000 if args.quick else 10000)
                say("%-10s %5d connections: %7.0f instructions a packet"
                    % (method, connections, cost))
                results.append({"method": method, "connections": connections,
                                "instructions_per_packet": round(cost, 1)})
        for method in METHODS:
            cost = cost_of_new(lab, method, 2000)
            say("%-10s   new connection: %7.0f instructions" % (method, cost))
            results.append({"method": method, "connections": "new",
                            "instructions_per_packet": round(cost, 1)})
    finally:
        lab.close()
    return results


class Control:
    """ovs-vswitchd's control socket, for many commands in a row."""

    def __init__(self, switch):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect("%s/ovs-vswitchd.%d.ctl" % (switch.dir,
                                                        switch.vswitchd))

    def call(self, method, *params):
        self.socket.sendall(json.dumps({"method": method, "id": 0,
                                        "params": params}).encode())
        text = ""
        while True:
            text += self.socket.recv(65536).decode()
            try:
                reply = json.loads(text)
            except ValueError:
                continue                    # It is not whole yet.
            if reply["error"]:
                die("%s: %s" % (method, reply["error"]))
            return reply["result"]


class Burst:
    """Frames that one system call sends."""

    class Message(ctypes.Structure):
        """struct mmsghdr."""
        _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint),
                    ("iov", ctypes.c_void_p), ("iovlen", ctypes.c_size_t),
                    ("control", ctypes.c_void_p),
                    ("controllen", ctypes.c_size_t), ("flags", ctypes.c_int),
                    ("len", ctypes.c_uint)]

    libc = ctypes.CDLL(None, use_errno=True)

    def __init__(self, frames):
        self.n = len(frames)
        self.frames = [ctypes.create_string_buffer(f, len(f)) for f in frames]
        # struct iovec
        self.iov = (ctypes.c_size_t * (2 * self.n))()
        self.messages = (self.Message * self.n)()
        for i, frame in enumerate(self.frames):
            self.iov[2 * i] = ctypes.addressof(frame)
            self.iov[2 * i + 1] = len(frame)
            self.messages[i].iov = ctypes.addressof(self.iov) + 16 * i
            self.messages[i].iovlen = 1

    def send(self, sock):
        done = 0
        while done < self.n:
            n = self.libc.sendmmsg(
                sock.fileno(), ctypes.byref(self.messages[done]),
                self.n - done, 0)
            if n < 0:
                die("sendmmsg: " + os.strerror(ctypes.get_errno()))
            done += n


class PmdLab(Lab):
    """A switch with a port 'c' that a thread of its own polls, and a port
    'r'."""

    def __init__(self, bare, program="vswitchd/ovs-vswitchd"):
        self.processors = sorted(os.sched_getaffinity(0))
        self.others = self.processors[:-1] or self.processors
        os.sched_setaffinity(0, self.others)
        self.switch = Switch(
            find_tree(), ["c", "r"], (),
            ["tpr-connections=1000000", "tpr-half-open=65536",
             "pmd-cpu-mask=%#x" % (1 << self.processors[-1])], bare, program)
        self.control = Control(self.switch)

    def give_processors(self):
        """Nobody else is where the forwarding thread is."""
        self.switch.confine("pmd", self.others)

    def close(self):
        self.switch.stop()
        os.sched_setaffinity(0, self.processors)


class AfxdpLab(PmdLab):
    """The thread counts the cycles from a packet's arrival at an AF_XDP port
    to its sending to a port without a device."""

    ring = 1024                 # Less than what a port's ring holds.

    def __init__(self):
        super().__init__(["r"])
        self.switch.use_afxdp(self.processors[-1])
        self.give_processors()
        self.client = raw_socket("cx")

    def close(self):
        self.client.close()
        super().close()

    def give(self, frames):
        """The switch finds all of them when it goes on: it takes whole
        batches, as one that is busy does."""
        burst = Burst(frames)
        os.kill(self.switch.vswitchd, signal.SIGSTOP)
        try:
            burst.send(self.client)
        finally:
            os.kill(self.switch.vswitchd, signal.SIGCONT)

    def to_server(self, frames):
        for first in range(0, len(frames), self.ring):
            part = frames[first:first + self.ring]
            wanted = self.packets() + len(part)
            self.give(part)
            wait_until(lambda: self.packets() >= wanted, "the packets",
                       pause=0)

    def stats(self, pattern):
        found = re.search(pattern, self.control.call(
            "dpif-netdev/pmd-perf-show", "-nh"))
        return float(found.group(1)) if found else 0

    def packets(self):
        return self.stats(r"Rx packets: +(\d+)")

    def ns_per_connection(self, method, frames):
        self.use(method)
        self.to_server(frames[:100])        # The megaflows are there.
        self.control.call("dpif-netdev/pmd-stats-clear")
        wait_until(lambda: not self.packets(), "the counters")
        self.to_server(frames[100:])
        per_ns = (self.stats(r"Used TSC cycles: +(\d+)")
                  / self.stats(r"Used TSC cycles:.*\( *([\d.]+) % of total")
                  * 100 / self.stats(r"duration: ([\d.]+) s") / 1e9)
        return self.stats(r"Rx packets:.*, (\d+) cycles/pkt") / per_ns


class MemoryLab(PmdLab):
    """The ports are those of memory-port.c, which measure."""

    def __init__(self):
        super().__init__(["c", "r"],
                         find_program("tools/bench.d/ovs-vswitchd"))
        for port in "c", "r":
            self.switch.vsctl("set", "Interface", port, "type=memory")
        self.switch.wait_for_ports()
        self.give_processors()
        self.loaded = None
        self.batches = collections.defaultdict(list)

    def load(self, frames):
        name = self.switch.dir + "/frames"
        with open(name, "wb") as f:
            f.write(b"".join(frames))
        self.control.call("memory/load", name, str(len(frames[0])))
        self.loaded = frames

    def forward(self, first, n):
        """Lets frames through, and returns the nanoseconds of each batch."""
        self.control.call("memory/run", "c", str(first), str(n))
        wait_until(lambda: self.result() != "busy", "the packets")
        sent, *batches = map(int, self.result().split())
        if sent != n:
            die("%d of %d packets came through" % (sent, n))
        return batches

    def result(self):
        return self.control.call("memory/result").strip()

    def ns_per_connection(self, method, frames):
        if self.loaded is not frames:
            self.load(frames)
        self.use(method)
        self.forward(0, 100)                # The megaflows are there.
        batches = self.forward(100, len(frames) - 100)
        self.batches[method] += batches
        return sum(batches) / (len(frames) - 100)


LABS = {"memory": MemoryLab, "afxdp": AfxdpLab}


def stolen():
    """Hundredths of a second that the hypervisor has taken away so far."""
    with open("/proc/stat") as f:
        return int(f.readline().split()[8])


def new_connections(args, port):
    rounds, count = (3, 5000) if args.quick else (9, 30000)
    frames = [client_frame(n, SYN) for n in range(1, count + 101)]
    cost = {"output": [], "ct-nat": [], "redirect": []}
    lab = LABS[port]()
    stolen_before = stolen()
    try:
        for _ in range(rounds):
            for method in cost:
                cost[method].append(lab.ns_per_connection(method, frames))
    finally:
        lab.close()
    say("while connections were opened (%s), the hypervisor took %d ms"
        % (port, 10 * (stolen() - stolen_before)))
    results = []
    for method, values in cost.items():
        result = {"method": method, "port": port, "rounds": rounds,
                  "connections_per_round": count,
                  "min_ns": round(min(values)),
                  "median_ns": round(median(values)),
                  "best_per_second": round(1e9 / min(values)),
                  "median_per_second": round(1e9 / median(values))}
        if port == "memory":
            result["batch_ns"] = round(median(lab.batches[method]) / BURST)
        say("%-10s new connections (%s): %d ns each (median %d%s), %d/s "
            "(median %d)" % (method, port, result["min_ns"],
                             result["median_ns"],
                             ", batch %d" % result["batch_ns"]
                             if port == "memory" else "",
                             result["best_per_second"],
                             result["median_per_second"]))
        results.append(result)
    return results


def ratio(results, connections, method, other):
    cost = {r["method"]: r["instructions_per_packet"] for r in results
            if r["connections"] == connections}
    return round(cost[method] / cost[other], 3)


def main(argv):
    import argparse
    parser = argparse.ArgumentParser(
        prog="bench ovs-cost", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args(argv)
    enter_namespace()
    counted = count_instructions(args)
    opened = [line for port in LABS for line in new_connections(args, port)]
    ratios = {}
    for n in (1, 1000):
        ratios["vs_set_field_%d" % n] = ratio(counted, n, "redirect",
                                              "set-field")
        ratios["vs_ct_nat_%d" % n] = ratio(counted, n, "redirect", "ct-nat")
    ratios["new_connections_vs_ct_nat"] = round(
        1 / ratio(counted, "new", "redirect", "ct-nat"), 2)
    for port in LABS:
        spent = {r["method"]: r for r in opened if r["port"] == port}
        for ns, what in (("median_ns", ""), ("min_ns", "_best"),
                         ("batch_ns", "_batch")):
            if ns in spent["redirect"]:
                ratios["new_connections_%s_vs_ct_nat%s" % (port, what)] = (
                    round(spent["ct-nat"][ns] / spent["redirect"][ns], 2))
    for name, value in ratios.items():
        say("%-38s %.3f" % (name, value))
    if args.json:
        print(json.dumps({"runs": counted, "new_connections": opened,
                          "ratios": ratios}))
    return 0
