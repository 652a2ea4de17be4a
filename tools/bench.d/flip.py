"""tools/bench flip [--json] [--quick] [--services N,...] [--methods NAME,...]

From the decision that a region is dead to the last packet that still leaves
towards it, while clients send without a pause.

  redirect   one store into the liveness page, as the heartbeat thread does it
  bundle     stock Open vSwitch: one OpenFlow 1.4 bundle that modifies the flow
             of every service strictly
  group-mod  stock Open vSwitch: all flows name one group, which is modified

The clock starts before the store, before the bundle's or group's message is
sent; it ends with the time stamp that the kernel gave to the last packet at
the dead region's side.  'connections' is how many 5-tuples the client's
traffic goes round; the first region has answered each one, so that none is
half open, and redirects have on_down=reselect.  'stolen': in how many samples
the hypervisor took a processor away meanwhile, by /proc/stat, which counts
hundredths of a second.

The main thread of ovs-vswitchd forwards, but in the case 'blocked': there a
PMD thread does, between AF_XDP ports, while the main thread is kept busy by
dumps of all flows, one after another.

Where there are several processors, the thread that forwards has the last one
and the rest of ovs-vswitchd and of the bench the others, whatever the method;
that thread and the one with the clock run at nice -20: else what is measured
is how long the scheduler lets others go on."""

import argparse
import json
import mmap
import multiprocessing
import os
import select
import socket
import struct
import threading
import time

from common import (DOWN, TPR_PAGE_HEADER, UP, Switch, die, enter_namespace,
                    find_tree, mac_text, median, percentile, raw_socket, say,
                    tcp_frame, wait_until)

SYN, ACK = 2, 16
SO_TIMESTAMPNS = 35
REGION_1, REGION_2 = 0, 1
BACKENDS = ("172.31.0.1", "172.31.0.2")


def vip_of(service):
    return "172.20.%d.%d" % (service >> 8, service & 255)


def client_of(number):
    return "10.%d.%d.1" % (number >> 16 & 255, number >> 8 & 255), \
        1024 + (number & 255)


def frames_for(services, connections):
    """A frame for each connection; they spread over the services."""
    return [tcp_frame(*client_of(n), vip_of(n % services), 80,
                      ACK, 1, 9, b"x" * 10)
            for n in range(max(connections, services))]


def answers_for(connections):
    """A frame of the first region's server for each connection."""
    return [tcp_frame(BACKENDS[REGION_1], 80, *client_of(n), ACK, 2, 1, b"x")
            for n in range(connections)]


class Generator:
    """A process that sends frames, in order, over and over."""

    def __init__(self, frames):
        self.go = multiprocessing.Event()
        self.process = multiprocessing.Process(target=self.send,
                                               args=(frames,), daemon=True)
        self.process.start()

    def send(self, frames):
        os.setpriority(os.PRIO_PROCESS, 0, 0)
        sock = raw_socket("cx", 1 << 20)
        while True:
            for frame in frames:
                sock.send(frame)

    def stop(self):
        self.process.terminate()
        self.process.join()


class Page:
    """The liveness page as the agent's heartbeat thread has it."""

    def __init__(self, path):
        with open(path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), 0)
        self.words = memoryview(self.map).cast("Q")

    def set_region(self, index, state):
        at = TPR_PAGE_HEADER // 8 + index
        self.words[at] = ((self.words[at] >> 8) + 1) << 8 | state


class Method:
    """One way to lead all services to region 'to'."""

    def __init__(self, switch, services):
        self.switch, self.services = switch, services

    def answer(self, frames):
        """Sends the server's answers to clients, where that matters."""

    def healed(self):
        """All traffic is back at the first region."""


class Redirect(Method):
    name = "redirect"

    def set_up(self):
        redirects, flows = [], []
        for i in range(self.services):
            backends = ",".join(
                "backend=%s,mac=%s,output=%d,priority=%d,region=%d"
                % (BACKENDS[r], mac_text(2 + r), 2 + r, r, r)
                for r in (0, 1))
            redirects.append("id=%d,vip=%s,tcp,port=80,policy=failover,"
                             "on_down=reselect,timeout=syn:1h,%s"
                             % (i + 1, vip_of(i), backends))
            flows.append("tcp,nw_dst=%s,tp_dst=80,actions=redirect(%d)"
                         % (vip_of(i), i + 1))
        flows.append("in_port=2,tcp,nw_src=%s,tp_src=80,"
                     "actions=redirect(reverse)" % BACKENDS[REGION_1])
        self.switch.ofctl("add-redirects", "-", input="\n".join(redirects))
        self.switch.ofctl("--bundle add-flows", "-",
                          input="\n".join(flows))
        self.page = Page(self.switch.dir + "/tpr-liveness")
        for region in (REGION_1, REGION_2):
            self.page.set_region(region, UP)

    def answer(self, frames):
        """Until every connection is known, and none half open: of those there
        may be few, and the oldest would be pushed out."""
        sock = raw_socket("r1x")
        end = time.monotonic() + 120
        while self.answered() < len(frames):
            for i, frame in enumerate(frames):
                sock.send(frame)
                if i % 200 == 199:
                    time.sleep(0.004)       # What a port's queue can take.
            if time.monotonic() > end:
                die("only %d connections are known" % self.answered())
        sock.close()

    def answered(self):
        return self.switch.appctl(
            "dpctl/dump-redirect-connections").count("answered")

    def tear_down(self):
        self.switch.ofctl("del-flows")
        self.switch.ofctl("del-redirects")

    def kill(self):
        start = time.clock_gettime_ns(time.CLOCK_REALTIME)
        self.page.set_region(REGION_1, DOWN)
        return start

    def heal(self):
        # Connections stay where they are: lead them back by another death.
        self.page.set_region(REGION_1, UP)
        self.page.set_region(REGION_2, DOWN)

    def healed(self):
        self.page.set_region(REGION_2, UP)


class Messages:
    """OpenFlow messages that ovs-ofctl sent once, to be sent again and again
    without the time that it takes to start and to parse."""

    def __init__(self, switch, *command):
        self.target = switch.mgmt
        self.sent = b""
        path = switch.dir + "/proxy"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(4)
        done = threading.Event()
        proxy = threading.Thread(target=self.proxy, args=(listener, done))
        proxy.start()
        try:
            switch.ofctl(*command, target=path)
        finally:
            done.set()
            proxy.join()
            listener.close()
            os.unlink(path)
        size = struct.unpack("!H", self.sent[2:4])[0]
        self.hello, self.rest = self.sent[:size], self.sent[size:]

    def proxy(self, listener, done):
        """Passes connections on.  ovs-ofctl may look first whether anybody is
        there: the connection that sent most is the one to repeat."""
        while not done.is_set():
            if select.select([listener], [], [], 0.05)[0]:
                client, _ = listener.accept()
                sent = self.pass_on(client)
                if len(sent) > len(self.sent):
                    self.sent = sent

    def pass_on(self, client):
        switch = socket.socket(socket.AF_UNIX)
        switch.connect(self.target)
        sent = b""
        while True:
            ready, _, _ = select.select([client, switch], [], [])
            try:
                for source, sink in ((client, switch), (switch, client)):
                    data = source.recv(1 << 20) if source in ready else None
                    if data == b"":
                        return sent
                    elif data:
                        sink.sendall(data)
                        sent += data if source is client else b""
            except OSError:
                return sent

    def connect(self):
        """A connection with the greeting done."""
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(self.target)
        sock.sendall(self.hello)
        sock.recv(65536)
        return sock

    def send(self, sock):
        """Sends the messages.  The switch's answers are read at the end, for
        nothing in them is needed."""
        sock.setblocking(False)
        data = memoryview(self.rest)
        while data:
            select.select([], [sock], [])
            data = data[sock.send(data):]
            try:
                sock.recv(1 << 20)
            except BlockingIOError:
                pass


class Flows(Method):
    def __init__(self, switch, services):
        super().__init__(switch, services)
        self.messages = {}
        self.last = None

    def send(self, region):
        """Leads all services to 'region'; returns when it began."""
        if self.last:
            self.last.close()
        if region not in self.messages:
            self.messages[region] = Messages(self.switch,
                                             *self.command(region))
        messages = self.messages[region]
        self.last = messages.connect()
        start = time.clock_gettime_ns(time.CLOCK_REALTIME)
        messages.send(self.last)
        return start

    def kill(self):
        return self.send(1)

    def heal(self):
        self.send(0)

    def actions(self, region):
        return "set_field:%s->eth_dst,set_field:%s->ip_dst,output:%d" % (
            mac_text(2 + region), BACKENDS[region], 2 + region)

    def match(self, i):
        return "priority=100,tcp,nw_dst=%s,tp_dst=80" % vip_of(i)

    def tear_down(self):
        if self.last:
            self.last.close()
        self.switch.ofctl("del-flows")
        self.switch.ofctl("del-groups")


class Bundle(Flows):
    name = "bundle"

    def file(self, command, region):
        path = "%s/flows-%d" % (self.switch.dir, region)
        with open(path, "w") as f:
            for i in range(self.services):
                f.write("%s %s,actions=%s\n" % (command, self.match(i),
                                                self.actions(region)))
        return path

    def set_up(self):
        self.switch.ofctl("--bundle add-flows", self.file("add", 0))

    def command(self, region):
        return ("--bundle add-flows", self.file("modify_strict", region))


class GroupMod(Flows):
    name = "group-mod"

    def group(self, region):
        return ("group_id=1,type=indirect,bucket=actions="
                + self.actions(region))

    def set_up(self):
        self.switch.ofctl("add-group", self.group(0))
        self.switch.ofctl("--bundle add-flows", "-", input="\n".join(
            self.match(i) + ",actions=group:1" for i in range(self.services)))

    def command(self, region):
        return ("mod-group", self.group(region))


METHODS = {kind.name: kind for kind in (Redirect, Bundle, GroupMod)}


def stamps(sock, until):
    """Time stamps of the frames that came to 'sock' until 'until' (monotonic):
    waits for one until then, and never reads on behind it, or a sender that is
    faster than this reader would keep it here."""
    end = time.clock_gettime_ns(time.CLOCK_REALTIME) + max(
        0, round((until - time.monotonic()) * 1e9))
    times = []
    while True:
        left = until - time.monotonic()
        if not select.select([sock], [], [], max(left, 0))[0]:
            return times
        try:
            while not times or times[-1] <= end:
                _, control, _, _ = sock.recvmsg(64, 128, socket.MSG_DONTWAIT)
                for _, kind, data in control:
                    if kind == SO_TIMESTAMPNS:
                        seconds, ns = struct.unpack("qq", data[:16])
                        times.append(seconds * 10**9 + ns)
            return times
        except BlockingIOError:
            pass
        if time.monotonic() > until:
            return times


class Lab:
    def __init__(self, pmd=False):
        self.processors = sorted(os.sched_getaffinity(0))
        self.others = self.processors[:-1] or self.processors
        os.sched_setaffinity(0, self.others)
        self.switch = Switch(find_tree(), ["c", "r1", "r2"], (),
                             ["tpr-connections=262144",
                              "tpr-half-open=262144"])
        if pmd:
            self.switch.use_afxdp(self.processors[-1])
        # This process has the clock and makes the change: nobody gets between.
        os.setpriority(os.PRIO_PROCESS, 0, -20)
        self.forwards = "pmd" if pmd else "ovs-vswitchd"
        self.spread()
        self.switch.appctl("upcall/set-flow-limit", "200000")
        self.sinks = []
        self.drain()

    def spread(self):
        """The thread that forwards has a processor for itself: others have
        inherited it from the thread that made them."""
        self.switch.confine(self.forwards, self.others, self.processors[-1:])

    def drain(self):
        """Forgets what came: new sockets, for what waits at the old ones can
        be more than this process reads before as much has come again."""
        for sock in self.sinks:
            sock.close()
        self.sinks = [raw_socket("r1x"), raw_socket("r2x")]
        for sock in self.sinks:
            sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)

    def arrives(self, region):
        return bool(stamps(self.sinks[region], time.monotonic() + 0.02))

    def close(self):
        for sock in self.sinks:
            sock.close()
        self.switch.stop()
        os.sched_setaffinity(0, self.processors)


def stolen():
    """What the hypervisor took of all processors so far, in 1/100 s."""
    with open("/proc/stat") as f:
        return int(f.readline().split()[8])


def sample(lab, method, round_size):
    """One death; returns microseconds, and whether the machine stood still.
    'round_size' is how many packets all connections make."""
    lab.drain()
    wait_until(lambda: lab.arrives(0), "traffic to the first region")
    steal = stolen()
    start = method.kill()
    wait_until(lambda: lab.arrives(1), "traffic to the second region")
    # Quiet for 50 ms: the last one has left.
    times = []
    while True:
        more = stamps(lab.sinks[0], time.monotonic() + 0.05)
        if not more:
            break
        times += more
    steal = stolen() - steal
    method.heal()
    back = 0
    end = time.monotonic() + 60
    while back < round_size:
        back += len(stamps(lab.sinks[0], time.monotonic() + 0.01))
        if time.monotonic() > end:
            die("traffic does not come back to the first region")
    method.healed()
    return max([0] + [t - start for t in times]) / 1000, steal > 0


def dump_flows_forever(switch):
    while True:
        switch.ofctl("dump-flows")


def measure(lab, kind, services, connections, samples, blocked=False):
    method = kind(lab.switch, services)
    method.set_up()
    lab.spread()
    frames = frames_for(services, connections)
    generator = Generator(frames)
    dumper = multiprocessing.Process(target=dump_flows_forever,
                                     args=(lab.switch,), daemon=True)
    try:
        if blocked:
            dumper.start()
        # Once round, so that all flows and connections are known.
        wait_until(lambda: lab.arrives(0), "the first packet", 60)
        time.sleep(len(frames) / 40000)
        method.answer(answers_for(len(frames)))
        taken = [sample(lab, method, len(frames)) for _ in range(samples)]
    finally:
        if blocked:
            dumper.terminate()
            dumper.join()
        generator.stop()
        method.tear_down()
    values = [us for us, _ in taken]
    result = {"method": method.name, "services": services,
              "connections": len(frames), "min_us": round(min(values), 1),
              "median_us": round(median(values), 1),
              "p99_us": round(percentile(values, 99), 1),
              "worst_us": [round(us, 1) for us in sorted(values)[-5:]],
              "samples": len(values), "stolen": sum(s for _, s in taken)}
    if blocked:
        result["blocked"] = True
    say("%-10s %6d services %7d connections: min %9.1f  median %9.1f  "
        "p99 %9.1f us  (%d samples, %d stolen)%s" % (*(result[k] for k in (
            "method", "services", "connections", "min_us", "median_us",
            "p99_us", "samples", "stolen")), " blocked" if blocked else ""))
    return result


def free_runs(lab, services, kinds, quick, samples):
    runs = []
    for n in services:
        connections = n if quick else max(n, min(200000, n * 200))
        for kind in kinds:
            few = samples if kind is Redirect else \
                max(samples // (5 if connections <= 50000 else 20), 5)
            runs.append(measure(lab, kind, n, connections, few))
    return runs


def in_lab(lab, function):
    try:
        return function(lab)
    finally:
        lab.close()


def main(argv):
    parser = argparse.ArgumentParser(
        prog="bench flip", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--services", default="1,100,10000")
    parser.add_argument("--methods", default=",".join(METHODS))
    args = parser.parse_args(argv)
    try:
        services = [int(n) for n in args.services.split(",")]
    except ValueError:
        die("--services needs numbers, separated by commas")
    kinds = [METHODS.get(name) or die("there is no method %s, only %s"
                                      % (name, ", ".join(METHODS)))
             for name in args.methods.split(",")]
    samples = 10 if args.quick else 100
    enter_namespace()
    runs = in_lab(Lab(), lambda lab: free_runs(lab, services, kinds,
                                               args.quick, samples))
    if Redirect in kinds:
        n = services[-1]
        runs += in_lab(Lab(pmd=True), lambda lab: [
            measure(lab, Redirect, n, n, samples, blocked=True)])
    if args.json:
        print(json.dumps({"runs": runs}))
    return 0
