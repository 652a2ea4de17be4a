"""tools/bench clients [--json] [--quick] [--clients N] [--rounds N]
                    [--interval MS] [--fall N] [--vip ADDRESS]
                    [--methods NAME,...] [--limit SECONDS]
                    [--datapath netdev|afxdp] [--verbose]

TCP clients in all states when a region dies silently (all packets vanish, the
link stays up): the time from the death to each client's next successful
answer.  1,000 clients, a quarter in each state:

  half-open  its SYN leaves within T_h * n after the death
  idle       on a keep-alive connection that has had an answer; its next
             request leaves within T_h * n after the death
  sending    uploads, a piece each 50 ms; the last one leaves within T_h * n
             after the death, and an answer is due
  receiving  in the middle of a slow response, a burst a second

T_h is --interval (10 ms), n is --fall (3).  A client whose connection breaks
opens a new one at once and asks with a small GET.  No client has a timeout of
its own, only TCP's count; after --limit (10 s) it is counted as "never", and
takes no part in median and worst.  The goal, for redirect and bpf: nobody
takes longer than T_h * n + 20 ms.

  told       no redirection: a stock switch, and T_h * n after the death all
             clients turn to the other region's own address by themselves: what
             so many new connections at once cost on this machine
  redirect   the redirect action: resets, and repeated SYNs
  bpf        the same by BPF programs before the switch
  flows      stock OpenFlow set-field flows; heartbeats and agent as above
  haproxy    Debian's HAProxy, mode http, in the switch's place on the kernel's
             bridge, which costs less than a switch in userspace.  Checks each
             T_h with T_h for an answer, the next one 1 ms after a failed one,
             down after n; on-marked-down shutdown-sessions, redispatch
  nginx      Debian's nginx as proxy in the same place.  Open-source nginx
             has no health checks but what happens to requests: a connect that
             takes longer than T_h * n goes to the other region, a response
             must not pause for longer than 2 s.  Uploads are buffered, as by
             default: the death does not break them

Each method has a lab of its own (tools/lab) with the same two regions of
nginx; methods take turns, --rounds (3) times.  A proxy that is not installed
is left out.  --vip gives redirect, bpf and flows another address of the
service than 172.20.126.100, which is nobody's own; 172.20.126.50 is the first
region's server itself, which proxies cannot be.  --datapath is the kind of
the switch's ports, AF_PACKET (netdev) or AF_XDP.  --verbose tells of each
round what the slowest clients were."""

import argparse
import json
import os
import shutil
import subprocess

from common import SRC, die, run, say, wait_until

NET, HOST = "172.20.126.", {"r1": 50, "r2": 60}
STATES = ("half-open", "idle", "sending", "receiving")
GOAL_MS = 20                    # Beyond T_h * n.


class Lab:
    """A lab with a switch, a client and two regions, and what redirects."""

    agent = True
    program = None              # That is needed beside the build.

    def __init__(self, args):
        self.args = args
        self.name = "b%d%s" % (os.getpid(), self.method)
        self.ns = "tpr-" + self.name
        self.extra = []         # Processes beside the lab's own.

    def lab(self, command, *words):
        # Options stand first: what follows "exec" is its own.
        return run(SRC + "/tools/lab", command, "--name", self.name,
                   *words)

    def __enter__(self):
        up = ["--vip", self.args.vip, "--interval",
              "%gms" % self.args.interval, "--fall", str(self.args.fall),
              "--datapath", self.args.datapath]
        self.lab("up", *up, *([] if self.agent else ["--no-agent"]))
        try:
            self.dir = self.lab("path").strip()
            self.redirect()
            wait_until(self.answers, "an answer by " + self.method)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        # Ends whatever runs in the lab's namespaces.
        self.lab("down")
        for process in self.extra:
            process.wait()

    def answers(self):
        reply = self.lab("exec", "client", "tpr-perf", "--json", "--requests",
                         "1", "-t", "1s", "http://%s/" % self.args.vip)
        return json.loads(reply)["successes"] == 1

    def options(self):
        """Of tpr-states."""
        return ()

    def measure(self, seed):
        """Returns (state, ms or None, breaks) for each client, and how late
        in ms the clients' program was itself."""
        killer = subprocess.Popen(
            ["ip", "-n", self.ns + "-w", "-batch", "-"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        try:
            # It has read its first line before the clients are ready.
            killer.stdin.write(b"link show r1\n")
            killer.stdin.flush()
            fd = killer.stdin.fileno()
            out = run(SRC + "/tools/lab", "exec", "--name", self.name,
                      "client", "tpr-states", "--clients",
                      str(self.args.clients), "--seed", str(seed),
                      "--within", str(round(self.args.t_ms * 1000)),
                      "--limit", str(round(self.args.limit * 1000)),
                      "--kill-fd", str(fd), "--kill-line",
                      "link set r1 nomaster", *self.options(), self.args.vip,
                      pass_fds=(fd,))
        finally:
            killer.stdin.close()
            killer.wait()
        *lines, late = [line.split() for line in out.splitlines()]
        return [(state, None if time == "never" else int(time) / 1000,
                 int(breaks)) for state, time, breaks in lines], \
            int(late[1]) / 1000


class Told(Lab):
    """The service's address is one more of the first region's server."""

    agent, method = False, "told"

    def redirect(self):
        run("ip", "-n", self.ns + "-r1", "address", "replace",
            self.args.vip + "/32", "dev", "eth0")

    def options(self):
        return "--told", NET + str(HOST["r2"])


class Agent(Lab):
    def redirect(self):
        self.tprctl("set-option", "datapath=" + self.datapath)
        self.tprctl("--timeout=20", "wait-until", "Service", "web",
                    "provider=" + self.datapath)
        self.lab("wait-up")

    def tprctl(self, *words):
        return self.lab("exec", "switch", "ovs-tprctl", *words)


class Redirect(Agent):
    method, datapath = "redirect", "ovs"


class Bpf(Agent):
    method, datapath = "bpf", "bpf"


class Flows(Agent):
    method, datapath = "flows", "flows"


class Proxy(Lab):
    """In the switch's place: the kernel's own bridge, not Open vSwitch's
    userspace datapath, leads the packets to it."""

    agent = False

    def redirect(self):
        for daemon in ("ovs-vswitchd", "ovsdb-server"):
            self.lab("daemon", daemon, "stop")
        self.bridge()
        config = self.dir + "/proxy.conf"
        with open(config, "w") as f:
            f.write(self.config.format(
                t=self.args.t_ms, interval=self.args.interval,
                fall=self.args.fall, vip=self.args.vip, dir=self.dir,
                r1=NET + str(HOST["r1"]), r2=NET + str(HOST["r2"])))
        log = open(self.dir + "/proxy.log", "w")
        self.extra.append(subprocess.Popen(
            ["ip", "netns", "exec", self.ns + "-sw", *self.command(config)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log))

    def bridge(self):
        ns = self.ns + "-sw"
        batch = ["link add bridge type bridge stp_state 0 mcast_snooping 0",
                 "link set bridge up"]
        batch += ["address add %s dev bridge" % address
                  for address in (NET + "1/24", self.args.vip + "/32")]
        batch += ["link set eth%d master bridge" % i for i in range(3)]
        subprocess.run(["ip", "-n", ns, "link", "del", "br0"],
                       stderr=subprocess.DEVNULL)
        run("ip", "-n", ns, "-batch", "-", input="\n".join(batch))


class HAProxy(Proxy):
    method = program = "haproxy"
    config = """\
global
    maxconn 5000
defaults
    mode http
    maxconn 5000
    timeout client 60s
    timeout server 60s
    timeout connect {t:g}ms
    timeout check {interval:g}ms
    retries 10
    option redispatch 1
    retry-on all-retryable-errors
    default-server inter {interval:g}ms fastinter 1ms \
downinter {interval:g}ms fall {fall} rise 2 on-marked-down shutdown-sessions
frontend web
    bind {vip}:80 backlog 4096
    default_backend regions
backend regions
    option httpchk GET /health
    server r1 {r1}:80 check
    server r2 {r2}:80 check backup
"""

    def command(self, config):
        return "haproxy", "-db", "-f", config


class Nginx(Proxy):
    method = program = "nginx"
    config = """\
daemon off;
worker_processes 1;
error_log {dir}/proxy-error.log;
pid {dir}/proxy.pid;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    client_body_temp_path {dir}/proxy-body;
    proxy_temp_path {dir}/proxy-temp;
    fastcgi_temp_path {dir}/proxy-fastcgi;
    uwsgi_temp_path {dir}/proxy-uwsgi;
    scgi_temp_path {dir}/proxy-scgi;
    upstream regions {{
        server {r1}:80 max_fails=1 fail_timeout=10s;
        server {r2}:80 backup;
    }}
    server {{
        listen {vip}:80 backlog=4096;
        location / {{
            proxy_pass http://regions;
            proxy_connect_timeout {t:g}ms;
            proxy_read_timeout 2s;
            proxy_next_upstream error timeout;
        }}
    }}
}}
"""

    def command(self, config):
        return "nginx", "-p", self.dir, "-c", config, "-e", \
            self.dir + "/proxy-error.log"


METHODS = {kind.method: kind for kind in (Told, Redirect, Bpf, Flows,
                                             HAProxy, Nginx)}


def summary(method, state, clients):
    """One line of the result; 'clients' are (state, ms, breaks)."""
    times = sorted(ms for s, ms, _ in clients
                   if ms is not None and state in (s, "all"))
    count = sum(state in (s, "all") for s, _, _ in clients)
    return {"method": method, "state": state, "clients": count,
            "median_ms": times[len(times) // 2] if times else None,
            "worst_ms": times[-1] if times else None,
            "never": count - len(times)}


def tell_round(number, method, clients, late, verbose):
    line = summary(method, "all", clients)
    say("round %d, %-8s: median %s, worst %s ms, never %d; own lateness "
        "%.1f ms" % (number, method, figure(line["median_ms"]),
                     figure(line["worst_ms"]), line["never"], late))
    if verbose:
        slowest = sorted(clients, key=lambda c: (c[1] is not None, c[1]))
        slowest = [c for c in slowest if c[1] is None] + slowest[-10:]
        for state, ms, breaks in slowest[:20]:
            say("    %-9s %10s ms, connection broken %d times"
                % (state, figure(ms), breaks))


def figure(ms):
    return "-" if ms is None else "%.1f" % ms


def beside_told(runs):
    """The goal on a machine for which so many new connections are much: as
    soon as clients that need no redirection, and 20 ms."""
    told = [line["worst_ms"] for line in runs if line["method"] == "told"
            and line["state"] == "all" and line["never"] == 0]
    return told[0] + GOAL_MS if told else None


def holds(runs, goal_ms, method="redirect"):
    """Whether the method reaches the goal; None if that was not measured."""
    lines = [line for line in runs if line["method"] == method]
    if not lines or goal_ms is None:
        return None
    return all(line["never"] == 0 and line["worst_ms"] <= goal_ms
               for line in lines)


def print_table(runs, goal):
    print("%-10s %-10s %8s %11s %11s %6s" % (
        "method", "state", "clients", "median, ms", "worst, ms", "never"))
    for line in runs:
        print("%-10s %-10s %8d %11s %11s %6d" % (
            line["method"], line["state"], line["clients"],
            figure(line["median_ms"]), figure(line["worst_ms"]),
            line["never"]))
    words = {None: "not measured", True: "holds", False: "missed"}
    for method in ("redirect", "bpf"):
        print("goal for %s: worst <= %g ms: %s; <= worst of told + %d ms: %s"
              % (method, goal, words[holds(runs, goal, method)], GOAL_MS,
                 words[holds(runs, beside_told(runs), method)]))


def parse(argv):
    parser = argparse.ArgumentParser(
        prog="bench clients", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--clients", type=int)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--interval", type=float, default=10)
    parser.add_argument("--fall", type=int, default=3)
    parser.add_argument("--limit", type=float, default=10)
    parser.add_argument("--datapath", choices=("netdev", "afxdp"),
                        default="netdev")
    parser.add_argument("--vip", default=NET + "100")
    parser.add_argument("--methods", default=",".join(METHODS))
    args = parser.parse_args(argv)
    args.clients = args.clients or (200 if args.quick else 1000)
    args.rounds = args.rounds or (1 if args.quick else 3)
    args.t_ms = args.interval * args.fall
    return args


def choose(args):
    """The methods that are asked for and can be had."""
    kinds = []
    for name in args.methods.split(","):
        kind = METHODS.get(name) or die("there is no method %s, only %s"
                                        % (name, ", ".join(METHODS)))
        if kind.program and not shutil.which(kind.program):
            say("%s is left out: it is not installed" % name)
        elif issubclass(kind, Proxy) and args.vip in (
                NET + str(host) for host in HOST.values()):
            say("%s is left out: %s is a server's own address"
                % (name, args.vip))
        else:
            kinds.append(kind)
    return kinds


def main(argv):
    args = parse(argv)
    if os.geteuid():
        die("needs root, to make network namespaces")
    os.environ["PATH"] += ":/usr/local/sbin:/usr/sbin:/sbin"
    kinds = choose(args)
    seen = {kind.method: [] for kind in kinds}
    late = {kind.method: 0 for kind in kinds}
    for number in range(1, args.rounds + 1):
        for kind in kinds:
            with kind(args) as lab:
                clients, own = lab.measure(number)
            seen[kind.method] += clients
            late[kind.method] = max(late[kind.method], own)
            tell_round(number, kind.method, clients, own, args.verbose)
    runs = [summary(method, state, clients) for method, clients in seen.items()
            for state in (*STATES, "all")]
    goal = args.t_ms + GOAL_MS
    print_table(runs, goal)
    if args.json:
        print(json.dumps({
            "runs": runs, "late_ms": late, "goal_ms": goal,
            "holds": holds(runs, goal),
            "holds_beside_told": holds(runs, beside_told(runs)),
            "bpf_holds": holds(runs, goal, "bpf"),
            "bpf_holds_beside_told": holds(runs, beside_told(runs),
                                           "bpf")}))
    return 0
