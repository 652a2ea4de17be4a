"""What all benchmarks share: a namespace, a switch, frames, figures.

A benchmark runs in a network namespace that enter_namespace() makes for the
whole process: with the last process in it, it is gone."""

import atexit
import ctypes
import math
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

SRC = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.realpath(__file__))))
CLONE_NEWNET = 0x40000000
TPR_PAGE_HEADER = 64
TPR_MAX_REGIONS = 64
UP, DOWN = 1, 2


def die(sentence):
    sys.exit("bench: " + sentence)


def say(sentence):
    print(sentence, file=sys.stderr, flush=True)


def find_tree(name="ovs"):
    """The built Open vSwitch: 'ovs' is patched, 'unpatched' is stock."""
    build = os.environ.get("TPR_BUILD", SRC + "/_build")
    for path in (os.environ.get("TPR_OVS_DIR", "") if name == "ovs" else "",
                 "%s/%s/tree" % (build, name)):
        if path and os.path.exists(path + "/vswitchd/ovs-vswitchd"):
            return path
    die("there is no built Open vSwitch in %s/%s/tree; run tools/quickstart "
        "first" % (build, name))


def find_program(name, needs=""):
    """A program that was built for benchmarks; 'needs' is what else it takes
    to have it."""
    build = os.environ.get("TPR_BUILD", SRC + "/_build")
    for path in (os.environ.get("TPR_BUILDDIR", build + "/main"),
                 build + "/main", build):
        path = os.path.abspath(os.path.join(path, name))
        if os.access(path, os.X_OK):
            return path
    die("there is no %s in %s; run tools/quickstart first%s"
        % (name, build, needs and ", or " + needs))


def enter_namespace():
    """Moves this process and its children to come into a network namespace
    of their own."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if os.geteuid():
        die("needs root, to make a network namespace")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET):
        die("cannot make a network namespace: "
            + os.strerror(ctypes.get_errno()))
    run("ip", "link", "set", "lo", "up")
    for key in ("all", "default"):
        with open("/proc/sys/net/ipv6/conf/%s/disable_ipv6" % key, "w") as f:
            f.write("1")


def run(*command, **kwargs):
    result = subprocess.run(command, text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, **kwargs)
    if result.returncode:
        die("%s: %s" % (" ".join(command)[:200], result.stderr.strip()))
    return result.stdout


def wait_until(condition, what, seconds=30, pause=0.01):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            die("waited %d s for %s" % (seconds, what))
        time.sleep(pause)


def veth(name):
    """Makes a pair NAME-NAMEx; the switch gets NAME, the benchmark NAMEx."""
    run("ip", "link", "add", name, "type", "veth", "peer", "name", name + "x")
    for end in (name, name + "x"):
        run("ethtool", "-K", end, "tx", "off", "gro", "off")
        run("ip", "link", "set", end, "arp", "off", "up")


class Switch:
    """An Open vSwitch with a bridge br0 in the userspace datapath.  'wrapper'
    is a command that runs ovs-vswitchd, {dir} in it the run directory.  Ports
    are ends of veth pairs, those in 'bare' have no device: what they send is
    forgotten.  'program' is another ovs-vswitchd than the tree's."""

    def __init__(self, tree, ports, wrapper=(), other_config=(), bare=(),
                 program="vswitchd/ovs-vswitchd"):
        self.tree = tree
        self.program = program
        self.dir = tempfile.mkdtemp(prefix="ovs-tpr-bench.")
        self.env = dict(os.environ, OVS_RUNDIR=self.dir, OVS_DBDIR=self.dir,
                        OVS_LOGDIR=self.dir, OVS_SYSCONFDIR=self.dir)
        self.processes = []
        self.ports = ports
        self.bare = bare
        atexit.register(self.stop)          # Whatever happens.
        self.start(wrapper, other_config)

    def start(self, wrapper, other_config):
        db = self.dir + "/conf.db"
        self.tool("ovsdb/ovsdb-tool", "create", db,
                  self.tree + "/vswitchd/vswitch.ovsschema")
        self.spawn("ovsdb/ovsdb-server", db,
                   "--remote=punix:%s/db.sock" % self.dir)
        wait_until(lambda: os.path.exists(self.dir + "/db.sock"),
                   "ovsdb-server")
        self.vsctl("--no-wait", "init")
        self.spawn(self.program, "unix:%s/db.sock" % self.dir,
                   "--log-file=%s/ovs-vswitchd.log" % self.dir,
                   "--pidfile", "--disable-system",
                   *(["--enable-dummy"] if self.bare else []),
                   wrapper=wrapper)
        for name in self.ports:
            if name not in self.bare:
                veth(name)
        args = ["--", "set", "Open_vSwitch", ".", "other_config:"
                "flow-limit=200000", "other_config:max-idle=100000"]
        args += ["other_config:" + item for item in other_config]
        args += ["--", "add-br", "br0", "--", "set", "Bridge", "br0",
                 "datapath_type=netdev", "fail_mode=secure"]
        for number, name in enumerate(self.ports, 1):
            args += ["--", "add-port", "br0", name, "--", "set", "Interface",
                     name, "ofport_request=%d" % number]
            args += ["type=dummy"] if name in self.bare else []
        self.vsctl("--timeout=120", *args)

    def use_afxdp(self, processor):
        """Makes all ports with a device AF_XDP ports, which a thread on
        'processor' polls.  They keep their numbers."""
        self.vsctl("set", "Open_vSwitch", ".",
                   "other_config:pmd-cpu-mask=%#x" % (1 << processor))
        for name in self.ports:
            if name in self.bare:
                continue
            self.vsctl("--timeout=60", "set", "Interface", name, "type=afxdp",
                       "options:xdp-mode=native", "options:n_rxq=1")
        self.wait_for_ports()

    def wait_for_ports(self):
        for number, name in enumerate(self.ports, 1):
            wait_until(lambda: self.vsctl("get", "Interface", name,
                                          "ofport").strip() == str(number),
                       name)

    def spawn(self, program, *args, wrapper=()):
        log = open(self.dir + "/" + os.path.basename(program) + ".out", "w")
        wrapper = [word.replace("{dir}", self.dir) for word in wrapper]
        self.processes.append(subprocess.Popen(
            [*wrapper, os.path.join(self.tree, program), *args], env=self.env,
            stdin=subprocess.DEVNULL, stdout=log, stderr=log))
        return self.processes[-1]

    def tool(self, program, *args, **kwargs):
        return run(self.tree + "/" + program, *args, env=self.env, **kwargs)

    def vsctl(self, *args):
        return self.tool("utilities/ovs-vsctl",
                         "--db=unix:%s/db.sock" % self.dir, *args)

    def ofctl(self, command, *args, target=None, **kwargs):
        """Runs ovs-ofctl; options stand before the command, in one word."""
        return self.tool("utilities/ovs-ofctl", "-OOpenFlow15",
                         *command.split(), "unix:" + (target or self.mgmt),
                         *args, **kwargs)

    @property
    def mgmt(self):
        return self.dir + "/br0.mgmt"

    def appctl(self, *args):
        return self.tool("utilities/ovs-appctl", "--timeout=120", *args)

    @property
    def vswitchd(self):
        return self.processes[1].pid

    def confine(self, forwards, others, own=None):
        """Lets threads of ovs-vswitchd run only on processors 'others', but
        those whose names begin with 'forwards'.  These have processors 'own'
        for themselves and go first there, if it is given."""
        tasks = "/proc/%d/task/" % self.vswitchd
        for task in map(int, os.listdir(tasks)):
            with open("%s%d/comm" % (tasks, task)) as f:
                is_one = f.read().startswith(forwards)
            if not is_one:
                os.sched_setaffinity(task, others)
                os.setpriority(os.PRIO_PROCESS, task, 0)
            elif own:
                os.sched_setaffinity(task, own)
                os.setpriority(os.PRIO_PROCESS, task, -20)

    def set_word(self, is_region, index, state):
        self.ofctl("set-liveness", "%s=%d,state=%s" % (
            "region" if is_region else "backend", index,
            {UP: "up", DOWN: "down"}[state]))

    def stop(self):
        """Ends it; does no harm the second time."""
        atexit.unregister(self.stop)
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        for process in reversed(self.processes):
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for name in self.ports:
            subprocess.run(["ip", "link", "del", name],
                           stderr=subprocess.DEVNULL)
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def mac(number):
    return struct.pack("!BBL", 0x02, 0x54, number)


def mac_text(number):
    return ":".join("%02x" % byte for byte in mac(number))


def tcp_frame(src, sport, dst, dport, flags, eth_src=1, eth_dst=9,
              payload=b"", seq=1, ack=2):
    """An Ethernet frame with IPv4 and TCP; addresses as text, 'flags' as
    TCP's bits: 2 SYN, 16 ACK."""
    src, dst = socket.inet_aton(src), socket.inet_aton(dst)
    tcp = struct.pack("!HHLLBBHHH", sport, dport, seq, ack, 5 << 4, flags,
                      65535, 0, 0) + payload
    csum = checksum(src + dst + struct.pack("!HH", 6, len(tcp)) + tcp)
    tcp = tcp[:16] + struct.pack("!H", csum) + tcp[18:]
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 1, 0x4000, 64,
                     6, 0, src, dst)
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    return mac(eth_dst) + mac(eth_src) + b"\x08\0" + ip + tcp


def raw_socket(name, buffer=64 << 20):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                         socket.htons(3))
    sock.setsockopt(socket.SOL_SOCKET, 33, buffer)       # SO_RCVBUFFORCE
    sock.setsockopt(socket.SOL_SOCKET, 32, buffer)       # SO_SNDBUFFORCE
    sock.bind((name, 0))
    return sock


def median(values):
    values = sorted(values)
    return values[len(values) // 2]


def percentile(values, part):
    """The smallest of 'values' that 'part' percent of them do not exceed: of
    100 values, the 99th is that of 99 percent (nearest rank)."""
    values = sorted(values)
    return values[max(0, math.ceil(len(values) * part / 100) - 1)]
