"""tools/bench beats [--json] [--quick] [--sessions N,...] [--interval MS]

What many BFD sessions cost one heartbeat thread, the agent's own (which has one
for each of 1,024 regions at most) and tpr-regiond's, and whether its beats are in
time: 100 and 1,000 sessions, 50 ms, with as many peers, whose sessions are on
one thread of another process at the same machine.

  cpu   seconds of processor time a second, the kernel's for it included
  late  wakeups more than 0.5 ms late, and the worst since the thread began,
        when it sets up all sessions; 10 % of the interval is the limit
  lost  sessions that went down"""

import argparse
import json
import os
import subprocess
import time

from common import die, enter_namespace, find_program, run, say, wait_until

LIMIT = 0.1                     # Of an interval.
NAMES = ("up", "down", "sent", "received", "wakeups", "late", "worst_us",
         "user_us", "system_us", "rss_kb")


class Peers:
    """The other machine: a namespace at the end of a device of ours, where
    each session has an address of its own at both ends."""

    def __init__(self, sessions):
        self.holder = subprocess.Popen(["unshare", "-n", "sleep", "infinity"])
        self.enter = ["nsenter", "-t", str(self.holder.pid), "-n"]
        wait_until(lambda: self.netns(self.holder.pid) != self.netns("self"),
                   "a network namespace")
        run("ip", "link", "add", "b0", "type", "veth", "peer", "name", "b1",
            "netns", str(self.holder.pid))
        for enter, device, side, other in (([], "b0", 1, 2),
                                           (self.enter, "b1", 2, 1)):
            run(*enter, "ip", "-batch", "-", input="\n".join([
                "link set lo up",
                "link set %s up" % device,
                "address add 10.95.0.%d/24 dev %s" % (side, device),
                "route add local 10.%d.0.0/16 dev lo" % (100 + side)] + [
                    "route add %s/32 via 10.95.0.%d src %s"
                    % (address(other, i), other, address(side, i))
                    for i in range(sessions)]))

    @staticmethod
    def netns(pid):
        return os.readlink("/proc/%s/ns/net" % pid)

    def stop(self):
        run("ip", "link", "delete", "b0")
        run("ip", "route", "flush", "table", "local", "10.101.0.0/16")
        self.holder.terminate()
        self.holder.wait()


def address(side, number=0):
    return "10.%d.%d.%d" % (100 + side, number >> 8, number & 255)


class End:
    def __init__(self, enter, sessions, interval_ms, peer):
        self.process = subprocess.Popen(
            enter + [find_program("tools/beats-run", "make tools/beats-run"),
                     str(sessions), str(interval_ms), peer],
            text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self):
        print(file=self.process.stdin, flush=True)
        words = self.process.stdout.readline().split()
        if len(words) != len(NAMES):
            die("beats-run failed")
        return dict(zip(NAMES, map(int, words)))

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


def measure(sessions, interval_ms, seconds):
    peers = Peers(sessions)
    ends = [End(peers.enter, sessions, interval_ms, address(1)),
            End([], sessions, interval_ms, address(2))]
    hub = ends[1]
    try:
        wait_until(lambda: hub.ask()["up"] == sessions,
                   "%d sessions to come up" % sessions, 60, 0.5)
        time.sleep(2)
        before = hub.ask()
        start = time.monotonic()
        time.sleep(seconds)
        after = hub.ask()
        seconds = time.monotonic() - start
    finally:
        for end in ends:
            end.stop()
        peers.stop()
    worst = after["worst_us"]
    return {"sessions": sessions, "interval_ms": interval_ms,
            "sent_per_s": round((after["sent"] - before["sent"]) / seconds),
            "cpu": round((after["user_us"] + after["system_us"]
                          - before["user_us"] - before["system_us"])
                         / 1e6 / seconds, 4),
            "cpu_own": round((after["user_us"] - before["user_us"])
                             / 1e6 / seconds, 4),
            "rss_kb": after["rss_kb"],
            "late": after["late"] - before["late"],
            "wakeups": after["wakeups"] - before["wakeups"],
            # What was worse before is none of this time's.
            "worst_us": worst if worst > before["worst_us"] else None,
            "worst_us_ever": worst,
            "lost": after["down"] - before["down"]}


def main(argv):
    parser = argparse.ArgumentParser(
        prog="bench beats", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--sessions", default="100,1000")
    parser.add_argument("--interval", type=int, default=50, metavar="MS")
    args = parser.parse_args(argv)
    try:
        sizes = sorted(int(n) for n in args.sessions.split(","))
    except ValueError:
        die("--sessions needs numbers, separated by commas")
    if sizes[0] < 1 or sizes[-1] > 10000 or args.interval < 1:
        die("1 to 10000 sessions, please, at 1 ms or more")
    enter_namespace()
    runs = []
    for n in sizes:
        runs.append(measure(n, args.interval, 5 if args.quick else 30))
        row = runs[-1]
        say("%(sessions)5d sessions: %(sent_per_s)d beats/s sent, cpu "
            "%(cpu).3f (own %(cpu_own).3f), %(rss_kb)d kB; %(late)d of "
            "%(wakeups)d wakeups late, worst %(worst_us_ever)d us ever; lost "
            "%(lost)d" % row)
    growth = None
    if len(runs) > 1:
        a, b = runs[-2:]
        growth = round(b["cpu"] / a["cpu"] / (b["sessions"] / a["sessions"]),
                       3)
        say("cpu grows by %.2f of linear from %d to %d"
            % (growth, a["sessions"], b["sessions"]))
    limit_us = LIMIT * args.interval * 1000
    holds = all(r["worst_us_ever"] <= limit_us and not r["lost"]
                for r in runs)
    if args.json:
        print(json.dumps({"runs": runs, "growth_vs_linear": growth,
                          "holds": holds}))
    return 0
