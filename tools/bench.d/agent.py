"""tools/bench agent [--json] [--quick] [--backends N,...] [--regions N]
                  [--seconds N] [--keepalive both|true|false] [--offload]

What the agent's health checks and heartbeats cost, and whether they are in
time: N backends (10, 100, 1000), each checked by HTTP every 100 ms, and a BFD
session every 50 ms for each of 64 regions (--regions: up to 1,024, which takes
more than two processors), 50 at a port, whose peers are on one thread of another
process (as with tools/bench beats).  All that first with a new connection for
each check, then with keepalive=true.  With --offload the kernel has the
switch's sessions (offload=on).

  cpu      seconds of processor time that ovs-tprd took in a second; how much
           of it was the program's own, the rest being the kernel's for it
           (sockets, TCP); and what the whole machine took, checked servers,
           switch and peers included, of as many seconds as it has processors
  rss      its memory
  late     how much later than 100 ms after the request before a request came,
           by the server's own log (whole milliseconds, the server's lateness
           and this machine's included): the worst, and the 999th of 1,000
  over     how many requests came more than 10 % of the interval too late
  start    the worst lateness of a check's start, as the agent has it, since
           the check was configured
  session  the same of a beat

The checks go to a server in a namespace of its own by a device of their own,
past the switch, which forwards in userspace here and would be what is
measured.  Everything runs in a laboratory of tools/lab, whose programs come
from $TPR_BUILD."""

import argparse
import collections
import json
import os
import subprocess
import time

from common import SRC, die, find_program, percentile, run, say, wait_until

LAB = SRC + "/tools/lab"
INTERVAL_MS = 100
BEAT_MS = 50
LIMIT = 0.1                     # Of an interval.
PER_SERVICE = 100
PER_PORT = 50                   # Regions.
NGINX = """\
daemon off;
worker_processes 1;
pid {dir}/checked.pid;
error_log {dir}/checked-error.log;
events {{ worker_connections 4096; }}
http {{
    log_format times "$msec $server_addr";
    access_log {dir}/checked.log times buffer=1m flush=1s;
    keepalive_timeout 60s;
    keepalive_requests 1000000;
    server {{
        listen 81 backlog=4096;
        location / {{ return 200 "ok\\n"; }}
    }}
}}
"""


def address(number):
    return "10.99.%d.%d" % (1 + number // 250, 1 + number % 250)


def beat_address(side, number):
    return "10.%d.%d.%d" % (100 + side, number >> 8, number & 255)


class Lab:
    def __init__(self, regions, offload):
        self.name = "agent%d" % os.getpid()
        self.ns = "tpr-" + self.name
        self.peers = self.ns + "-hb"
        self.regions = regions
        self.offload = offload
        self.processes = []
        self.services = self.backends = 0
        self.lab("up", "--check", "none", "--interval", "%dms" % BEAT_MS)
        try:
            self.dir = self.lab("path").strip()
            self.network()
            self.server()
            self.sessions()
        except BaseException:
            self.down()
            raise

    def lab(self, command, *args, **kwargs):
        return run(LAB, command, "--name", self.name, *args, **kwargs)

    def tprctl(self, *words):
        return self.lab("exec", "switch", "--", "ovs-tprctl", "--timeout=60",
                        *words)

    def network(self):
        """A device from the switch's machine to the servers' addresses."""
        run("ip", "-n", self.ns + "-sw", "link", "add", "checks", "type",
            "veth", "peer", "name", "checks", "netns", self.ns + "-r1")
        for end, mine in (("sw", "10.98.0.1/30"), ("r1", "10.98.0.2/30")):
            run("ip", "-n", "%s-%s" % (self.ns, end), "address", "add", mine,
                "dev", "checks")
            run("ip", "-n", "%s-%s" % (self.ns, end), "link", "set", "checks",
                "up")
        run("ip", "-n", self.ns + "-sw", "route", "add", "10.99.0.0/16",
            "via", "10.98.0.2")
        run("ip", "-n", self.ns + "-r1", "route", "add", "local",
            "10.99.0.0/16", "dev", "lo")

    def start(self, command, stdin=subprocess.DEVNULL):
        log = open(self.dir + "/bench.log", "a")
        self.processes.append(subprocess.Popen(command, stdin=stdin,
                                               stdout=log, stderr=log))

    def server(self):
        self.log = self.dir + "/checked.log"
        config = self.dir + "/checked.conf"
        with open(config, "w") as f:
            f.write(NGINX.format(dir=self.dir))
        self.start([LAB, "exec", "--name", self.name, "r1", "--", "nginx",
                    "-p", self.dir, "-c", config, "-e",
                    self.dir + "/checked-error.log"])
        wait_until(lambda: os.path.exists(self.dir + "/checked.pid"), "nginx")

    def sessions(self):
        """Regions beside the lab's own two, PER_PORT at each port; each has an
        address of its own at both ends."""
        n = self.regions - 2
        run("ip", "netns", "add", self.peers)
        for port in range(-(-n // PER_PORT)):
            self.port("hb%d" % port,
                      range(port * PER_PORT, min((port + 1) * PER_PORT, n)))
        program = find_program("tools/beats-run", "make tools/beats-run")
        if n:
            self.start(["ip", "netns", "exec", self.peers, program, str(n),
                        str(BEAT_MS), beat_address(1, 0)],
                       stdin=subprocess.PIPE)
        for first in range(0, n, PER_PORT):
            words = []
            for i in range(first, min(first + PER_PORT, n)):
                words += ["--", "add-region", "r%d" % (i + 3),
                          "hb%d" % (i // PER_PORT), "--",
                          "set-heartbeat", "r%d" % (i + 3), "bfd",
                          "local=" + beat_address(1, i),
                          "peer=" + beat_address(2, i),
                          "interval=%dms" % BEAT_MS, "fall=3"]
                if self.offload:
                    words.append("offload=on")
            self.tprctl(*words[1:])
        wait_until(lambda: self.up() == self.regions,
                   "%d regions to come up" % self.regions, 120, 1)

    def port(self, name, numbers):
        """Another port of the switch, and what the peers' machine has to know
        there for sessions 'numbers'."""
        switch = self.ns + "-sw"
        run("ip", "-n", switch, "link", "add", name, "type", "veth", "peer",
            "name", name, "netns", self.peers)
        run("ip", "-n", switch, "link", "set", name, "up")
        self.lab("exec", "switch", "--", "ovs-vsctl", "add-port", "br0", name)
        mac = json.loads(run("ip", "-n", switch, "-j", "link", "show",
                             name))[0]["address"]
        run("ip", "-n", self.peers, "-batch", "-", input="\n".join(
            ["link set %s up" % name] +
            ["address add %s/32 dev %s" % (beat_address(2, i), name)
             for i in numbers] +
            ["route add %s/32 dev %s src %s"
             % (beat_address(1, i), name, beat_address(2, i))
             for i in numbers] +
            ["neighbour add %s lladdr %s dev %s nud permanent"
             % (beat_address(1, i), mac, name) for i in numbers]))

    def up(self):
        """How many regions are up."""
        return self.tprctl("--bare", "--columns=state", "list",
                           "Region").split().count("up")

    def beat_late_us(self):
        reply = self.lab("exec", "switch", "--", "ovs-appctl", "-t",
                         "ovs-tprd", "tpr/heartbeats", "--json")
        found = json.loads(reply)
        found = found["regions"] if isinstance(found, dict) else found
        return max(r.get("max_late_us", 0) for r in found)

    def start_late_us(self):
        reply = self.lab("exec", "switch", "--", "ovs-appctl", "-t",
                         "ovs-tprd", "tpr/show", "--json")
        return max(c["check"]["max_late_us"]
                   for s in json.loads(reply)["services"]
                   for c in s["backends"] if "check" in c)

    def configure(self, backends, keepalive):
        """Adds backends until there are so many with a check; the checks are
        all new."""
        for i in range(1, self.services + 1):
            self.check("s%d" % i, keepalive)
        while self.backends < backends:
            first = self.backends
            self.backends = min(first + PER_SERVICE, backends)
            self.services += 1
            name = "s%d" % self.services
            words = ["add-service", name, "172.21.0.%d:80/tcp"
                     % self.services, "policy=round-robin"]
            for i in range(first, self.backends):
                words += ["--", "add-backend", name,
                          "r%d" % (1 + i % self.regions), address(i) + ":81",
                          "name=b%d" % i, "mac=02:00:00:00:%02x:%02x"
                          % (i >> 8, i & 255)]
            self.tprctl(*words)
            self.check(name, keepalive)

    def check(self, service, keepalive):
        self.tprctl("set-check", service, "http", "path=/",
                    "interval=%dms" % INTERVAL_MS,
                    "timeout=%dms" % INTERVAL_MS,
                    "keepalive=%s" % ("true" if keepalive else "false"))

    def cpu_s(self):
        """Processor time: the agent's own, the kernel's for it, and all of
        the machine's."""
        tick = os.sysconf("SC_CLK_TCK")
        with open("/proc/%d/stat" % self.pid()) as f:
            fields = f.read().rsplit(")", 1)[1].split()
        with open("/proc/stat") as f:
            cpu = [int(n) for n in f.readline().split()[1:9]]
        return (int(fields[11]) / tick, int(fields[12]) / tick,
                (sum(cpu) - cpu[3] - cpu[4] - cpu[7]) / tick)

    def rss_kb(self):
        with open("/proc/%d/status" % self.pid()) as f:
            for line in f:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1])

    def pid(self):
        with open(self.dir + "/run/ovs-tprd.pid") as f:
            return int(f.read())

    def down(self):
        self.lab("down")
        for process in self.processes:
            process.terminate()
            process.wait()
        run("ip", "netns", "delete", self.peers)


def gaps(path, begin, end):
    """Milliseconds by which requests between those times came too late."""
    last, late = {}, []
    with open(path) as f:
        for line in f:
            when, server = line.split()
            when = float(when)
            if not begin <= when <= end:
                continue
            if server in last:
                late.append((when - last[server]) * 1000 - INTERVAL_MS)
            last[server] = when
    return late, len(last)


def measure(lab, backends, keepalive, seconds):
    lab.configure(backends, keepalive)
    time.sleep(3)               # All have begun, and nothing else goes on.
    begin, before = time.time(), lab.cpu_s()
    time.sleep(seconds)
    end, after = time.time(), lab.cpu_s()
    time.sleep(2)               # The log is written each second.
    late, seen = gaps(lab.log, begin, end)
    if seen != backends:
        die("%d of %d backends were checked" % (seen, backends))
    user, kernel, machine = [(b - a) / (end - begin)
                             for a, b in zip(before, after)]
    return {"backends": backends, "sessions": lab.regions,
            "keepalive": keepalive, "requests": len(late) + seen,
            "cpu": round(user + kernel, 4), "cpu_own": round(user, 4),
            "cpu_machine": round(machine, 3), "cpus": os.cpu_count(),
            "rss_kb": lab.rss_kb(), "late_ms_worst": round(max(late), 1),
            "late_ms_p999": round(percentile(late, 99.9), 1),
            "over": sum(ms > LIMIT * INTERVAL_MS for ms in late),
            "start_late_us_worst": lab.start_late_us(),
            "beat_late_us_worst": lab.beat_late_us()}


def measure_all(lab, sizes, keepalive, seconds):
    """Returns the runs and by how much more than linearly the last two of
    them grow."""
    runs = []
    say("keepalive=true:" if keepalive else "a new connection each time:")
    for n in sizes:
        runs.append(measure(lab, n, keepalive, seconds))
        say("%(backends)5d backends, %(sessions)d sessions: cpu %(cpu).3f "
            "(own %(cpu_own).3f, machine %(cpu_machine).2f of %(cpus)d), "
            "%(rss_kb)d kB; late worst %(late_ms_worst).1f ms, 999th "
            "%(late_ms_p999).1f ms, over the limit %(over)d of %(requests)d; "
            "late at worst: starts %(start_late_us_worst)d us, beats "
            "%(beat_late_us_worst)d us" % runs[-1])
    if len(runs) < 2:
        return runs, None
    a, b = runs[-2:]
    growth = round(b["cpu"] / a["cpu"] / (b["backends"] / a["backends"]), 3)
    say("cpu grows by %.2f of linear from %d to %d"
        % (growth, a["backends"], b["backends"]))
    return runs, growth


def main(argv):
    parser = argparse.ArgumentParser(
        prog="bench agent", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--backends", default="10,100,1000")
    parser.add_argument("--regions", type=int, default=64)
    parser.add_argument("--offload", action="store_true")
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--keepalive", choices=("both", "true", "false"),
                        default="both")
    args = parser.parse_args(argv)
    try:
        sizes = sorted(int(n) for n in args.backends.split(","))
    except ValueError:
        die("--backends needs numbers, separated by commas")
    if sizes[0] < 1 or sizes[-1] > 10000 or not 2 <= args.regions <= 1024:
        die("1 to 10000 backends, please, in 2 to 1024 regions")
    seconds = args.seconds or (5 if args.quick else 30)
    runs, growth = [], {}
    for keepalive in (False, True):
        if args.keepalive not in ("both", str(keepalive).lower()):
            continue
        lab = Lab(args.regions, args.offload)
        try:
            some, by = measure_all(lab, sizes, keepalive, seconds)
        finally:
            lab.down()
        runs += some
        growth["keepalive" if keepalive else "new"] = by
    if args.json:
        print(json.dumps({"runs": runs, "growth_vs_linear": growth}))
    return 0
