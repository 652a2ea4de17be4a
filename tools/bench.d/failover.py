"""tools/bench failover [--json] [--quick] [--datapath NAME] [--offload MODE]

How long clients are without an answer when a region falls silent, with BFD at
1 ms x 3: T_un as tpr-perf sees it, with two requests at a time, each given up
after 2 ms.  Fifty deaths (--quick: ten) under each load:

  idle    nothing else runs
  cpu     both processors are taken 100 % (stress-ng, or loops of our own)
  flood   packets without a pause between two devices of their own, on one
          processor

After them, ten minutes (--quick: 60 s) under the same load, in which nothing
dies: whoever is taken down then, or beside the one that was to die, is a false
failover.  'stalls_excused': how often silence was excused because this machine
had stood still itself.  The machine's own stalls are in T_un, too; 'stalled'
counts the deaths in which there were any, agent's or client's.
'silence_median_ms': how long the region had been silent when it was taken
down; the rest of T_un is the switch's, the server's and the client's.

What is measured is the fast path: services in BPF programs (datapath=bpf),
beats sent, received and missed in the kernel, at both ends (offload=on).  The
load is the switch's: client and servers, machines of their own elsewhere, run
at real-time priority here, below that of heartbeats ("--ends normal": not).

Everything runs in a laboratory of tools/lab, whose programs come from
$TPR_BUILD."""

import argparse
import json
import multiprocessing
import os
import shutil
import socket
import subprocess
import sys
import time

from common import (SRC, die, enter_namespace, median, percentile, run, say)

LAB = SRC + "/tools/lab"
LOADS = ("idle", "cpu", "flood")
VICTIM = "r1"


REAL_TIME = ["chrt", "-r", "1"]


class Lab:
    def __init__(self, datapath, offload, ends):
        self.name = "failover%d" % os.getpid()
        self.prefix = REAL_TIME if ends == "realtime" else []
        self.lab("up", "--interval", "1ms", "--offload", offload)
        try:
            settings = ["set", "Service", "web", "failback_hold=0s"]
            for region in (VICTIM, "r2"):
                settings += ["--", "set", "Region", region, "damping_hold=0s"]
                if self.prefix:
                    self.hurry_server(region)
            self.on_switch("ovs-tprctl", *settings)
            self.on_switch("ovs-tprctl", "set-option", "datapath=" + datapath)
            self.wait_up()
        except BaseException:
            self.down()
            raise

    def hurry_server(self, region):
        pids = run("ip", "netns", "pids", "tpr-%s-%s" % (self.name, region))
        for pid in pids.split():
            with open("/proc/%s/comm" % pid) as f:
                if f.read().strip() == "nginx":
                    run("chrt", "-r", "-p", "1", pid)

    def lab(self, command, *args, **kwargs):
        return run(LAB, command, "--name", self.name, *args, **kwargs)

    def on_switch(self, *command):
        return self.lab("exec", "switch", "--", *command)

    def wait_up(self):
        self.lab("wait-up")

    def regions(self):
        reply = self.on_switch("ovs-appctl", "-t", "ovs-tprd",
                               "tpr/heartbeats", "--json")
        found = json.loads(reply)
        return found["regions"] if isinstance(found, dict) else found

    def counts(self):
        """Regions taken down, stalls excused: so far."""
        regions = self.regions()
        return (sum(r.get("went_down", 0) for r in regions),
                sum(r.get("stalls_excused", 0) for r in regions))

    def last_seq(self):
        return max([entry.get("seq", 0) for entry in self.history()] + [0])

    def history(self):
        return json.loads(self.on_switch("ovs-appctl", "-t", "ovs-tprd",
                                         "tpr/history", "--json"))

    def death(self):
        """One row of tools/lab run, or None if the service was not well."""
        self.wait_up()
        result = subprocess.run(
            self.prefix + [LAB, "run", "--name", self.name,
                           "--duration", "1s", "--json", "--timeout", "2ms",
                           "--clients", "2"],
            text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if result.returncode:
            if "is not on its best backend" in result.stderr:
                return None
            die("lab run: " + result.stderr.strip())
        self.lab("heal", VICTIM)
        return json.loads(result.stdout.strip().splitlines()[-1])["runs"][0]

    def down(self):
        self.lab("down")


# Loads.

def spin():
    while True:
        pass


def start_cpu():
    if shutil.which("stress-ng"):
        return [subprocess.Popen(
            ["stress-ng", "--cpu", str(os.cpu_count()), "--quiet"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)]
    return [start_process(spin) for _ in range(os.cpu_count())]


def flood():
    os.sched_setaffinity(0, {os.cpu_count() - 1})
    enter_namespace()
    run("ip", "link", "add", "f0", "type", "veth", "peer", "name", "f1")
    for name in ("f0", "f1"):
        run("ip", "link", "set", name, "arp", "off", "up")
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    sock.bind(("f0", 0))
    # 802: local experiments.  Nobody takes it.
    frame = b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x88\xb5" + bytes(46)
    while True:
        try:
            sock.send(frame)
        except OSError:
            pass


def start_process(function):
    process = multiprocessing.Process(target=function, daemon=True)
    process.start()
    return process


def start_load(name):
    return (start_cpu() if name == "cpu"
            else [start_process(flood)] if name == "flood" else [])


def stop_load(processes):
    for process in processes:
        process.terminate()
    for process in processes:
        process.join() if hasattr(process, "join") else process.wait()


# Measuring.

def measure(lab, load, deaths, quiet_s):
    lab.wait_up()
    down, excused = lab.counts()
    seq = lab.last_seq()
    processes = start_load(load)
    rows = []
    try:
        while len(rows) < deaths:
            row = lab.death()
            if row:
                rows.append(row)
        lab.wait_up()
        down_then = lab.counts()[0]
        time.sleep(quiet_s)
        down_after, excused_after = lab.counts()
        if down_after - down != len(rows):
            tell_deaths(lab, seq)
    finally:
        stop_load(processes)
    values = [row["t_un_ms"] for row in rows]
    silences = [row["silence_us"] / 1000 for row in rows
                if row["silence_us"] is not None]
    return {
        "load": load, "deaths": len(rows),
        "median_ms": round(median(values), 2),
        "p90_ms": round(percentile(values, 90), 2),
        "worst_ms": round(max(values), 2),
        "stalls_excused": excused_after - excused,
        "false_failovers": down_after - down - len(rows),
        "stalled": sum(row["stalls_excused"] > 0 or row["client_stall"]
                       for row in rows),
        "silence_median_ms": round(median(silences), 2) if silences else None,
        "quiet_s": quiet_s,
        "false_failovers_quiet": down_after - down_then,
    }


def tell_deaths(lab, seq):
    """Says what the agent says of each region that went down."""
    for entry in lab.history():
        if entry.get("seq", 0) > seq and entry.get("event") == "TPR-101":
            say("  %s" % json.dumps(entry))


def who_detects(lab):
    kernel = [r.get("kernel", {}) for r in lab.regions()]
    return {"detection": ["kernel" if k.get("detection") else "agent"
                          for k in kernel],
            "transmission": ["kernel" if k.get("transmission") else "agent"
                             for k in kernel]}


def main(argv):
    parser = argparse.ArgumentParser(
        prog="bench failover", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--datapath", default="bpf",
                        help="who redirects: bpf (default), ovs, flows")
    parser.add_argument("--offload", default="on",
                        choices=("auto", "on", "off"),
                        help="beats in the kernel, at both ends (default: on)")
    parser.add_argument("--ends", default="realtime",
                        choices=("realtime", "normal"),
                        help="how client and servers run")
    parser.add_argument("--deaths", type=int)
    parser.add_argument("--quiet", type=int, metavar="SECONDS")
    parser.add_argument("--loads", default=",".join(LOADS))
    args = parser.parse_args(argv)
    if os.geteuid():
        die("needs root, for a laboratory in network namespaces")
    deaths = args.deaths or (10 if args.quick else 50)
    quiet_s = args.quiet if args.quiet is not None else (
        60 if args.quick else 600)
    loads = args.loads.split(",")
    if not set(loads) <= set(LOADS):
        die("loads are " + ", ".join(LOADS))

    lab = Lab(args.datapath, args.offload, args.ends)
    runs = []
    try:
        time.sleep(1)
        lab.wait_up()
        who = who_detects(lab)
        who.update(datapath=args.datapath, offload=args.offload,
                   ends=args.ends)
        say("datapath %s, detection by %s, transmission by %s; at the "
            "regions, too; client and servers: %s"
            % (args.datapath, who["detection"], who["transmission"],
               args.ends))
        for load in loads:
            runs.append(measure(lab, load, deaths, quiet_s))
            row = runs[-1]
            say("%-6s %d deaths: T_un median %.2f ms, p90 %.2f ms, worst "
                "%.2f ms, silence median %s ms; stalls excused %d, in %d "
                "deaths own stalls; false failovers %d"
                % (load, row["deaths"], row["median_ms"], row["p90_ms"],
                   row["worst_ms"], row["silence_median_ms"],
                   row["stalls_excused"], row["stalled"],
                   row["false_failovers"]))
    finally:
        lab.down()
    if args.json:
        print(json.dumps(dict(runs=runs, **who)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
