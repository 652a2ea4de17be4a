"""tools/bench forward [--json] [--quick]

Packets a second, end to end: UDP of 64 bytes goes from a client's veth through
what forwards to a server's veth, where those are counted whose destination is
the backend's address (the service's, where that stays).  One processor sends,
and forwards where the kernel does; Open vSwitch's threads have another one.

  plain-xdp    XDP redirects without a look: the limit
  ours         the XDP program, each flow a connection in its table
  stateless    the XDP program, a stateless service: each packet gets a backend
               and a MAC address, none is remembered
  nft-dnat     the kernel forwards, nftables translates the destination
  ovs-afpacket Open vSwitch on AF_PACKET, set_field and output
  ovs-afxdp    the same on AF_XDP, native

with 1 flow and with 60,000.  The methods take turns; a switch is started for
each of its own.  Ratios are those of 1 flow, and of 60,000 beside them."""

import argparse
import json
import shutil
import subprocess

from common import (Switch, die, enter_namespace, find_program, find_tree,
                    mac_text, median, run, say, wait_until)

VIP, BACKEND, BACKEND_MAC = "172.20.126.50", "172.20.126.60", 2
FLOWS = (1, 60000)
SENDER_CPU, SWITCH_CPU = 0, 1


class Path:
    """Two pairs of devices, CLIENT-INGRESS and EGRESS-SERVER.  Their receiving
    ends have GRO, or the kernel would lose redirected frames."""

    def __init__(self, name):
        self.ingress, self.egress = "c" + name, "r" + name
        self.client, self.server = self.ingress + "x", self.egress + "x"
        self.prepare()

    def prepare(self):
        for a, b in ((self.ingress, self.client),
                     (self.egress, self.server)):
            run("ip", "link", "add", a, "type", "veth", "peer", "name", b)
            for device in (a, b):
                run("ip", "link", "set", device, "arp", "off", "up")
        self.set_devices()

    def set_devices(self):
        for device in (self.ingress, self.egress, self.client, self.server):
            run("ethtool", "-K", device, "tx", "off", "gro", "on")

    def resume(self):
        pass

    def pause(self):
        pass

    def stop(self):
        pass


class Nft(Path):
    def __init__(self):
        super().__init__("n")
        for key in ("ip_forward", "conf/all/rp_filter",
                    "conf/%s/rp_filter" % self.ingress):
            with open("/proc/sys/net/ipv4/" + key, "w") as f:
                f.write("1" if key == "ip_forward" else "0")
        run("ip", "addr", "add", "172.20.126.1/24", "dev", self.egress)
        run("ip", "addr", "add", "10.255.255.1/8", "dev", self.ingress)
        run("ip", "neigh", "replace", BACKEND, "lladdr",
            mac_text(BACKEND_MAC), "dev", self.egress, "nud", "permanent")
        run("ip", "link", "set", self.ingress, "address", mac_text(9))
        run("nft", "-f", "-", input="""
            table ip bench {
              chain prerouting {
                type nat hook prerouting priority dstnat;
                ip daddr %s udp dport 53 dnat to %s
              }
            }""" % (VIP, BACKEND))


class OvsPath(Path):
    """A switch, which is there only when it has its turn."""

    def __init__(self, name, kind):
        self.kind = kind
        self.switch = None
        super().__init__(name)

    def prepare(self):
        pass

    def resume(self):
        self.switch = Switch(find_tree(), [self.ingress, self.egress])
        switch = self.switch
        if self.kind == "afxdp":
            switch.vsctl("set", "Open_vSwitch", ".",
                         "other_config:pmd-cpu-mask=%#x" % (1 << SWITCH_CPU))
            for device in (self.ingress, self.egress):
                switch.vsctl("--timeout=60", "set", "Interface", device,
                             "type=afxdp", "options:xdp-mode=native",
                             "options:n_rxq=1")
        else:
            run("taskset", "-a", "-p", "-c", str(SWITCH_CPU),
                str(switch.vswitchd))
        for device in (self.ingress, self.egress):
            wait_until(lambda d=device: switch.vsctl(
                "get", "Interface", d, "ofport").strip() in ("1", "2"),
                device)
        self.set_devices()
        switch.ofctl(
            "add-flows", "-",
            input="priority=100,in_port=1,udp,nw_dst=%s,tp_dst=53,actions="
                  "set_field:%s->eth_dst,set_field:%s->ip_dst,output:2\n"
                  % (VIP, mac_text(BACKEND_MAC), BACKEND))

    def pause(self):
        if self.switch:
            self.switch.stop()
            self.switch = None

    def stop(self):
        self.pause()


class Runner:
    """forward-run, which sends and counts."""

    def __init__(self):
        self.process = subprocess.Popen(
            ["taskset", "-c", str(SENDER_CPU),
             find_program("tools/forward-run", "build without --disable-bpf")],
            text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def measure(self, method, path, flows, milliseconds):
        kind = {"plain-xdp": "plain", "ours": "ours",
                "stateless": "stateless"}.get(method, "other")
        path.resume()
        print(kind, path.client, path.ingress, path.egress, path.server,
              flows, milliseconds, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline().split()
        path.pause()
        if len(answer) != 2:
            die("forward-run failed")
        if method == "ours" and int(answer[1]) != flows:
            die("%s connections instead of %d" % (answer[1], flows))
        if method == "stateless" and int(answer[1]):
            die("%s connections instead of none" % answer[1])
        say("%-14s %6d flows %8s Mpps" % (method, flows, answer[0]))
        return float(answer[0])

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


def result_of(figures):
    medians = {cell: median(values) for cell, values in figures.items()}
    runs = [{"method": method, "flows": flows,
             "mpps_median": round(medians[method, flows], 3),
             "mpps_max": round(max(values), 3)}
            for (method, flows), values in figures.items()]

    def ratios(flows):
        def ratio(other, method="ours"):
            below = medians.get((other, flows))
            return (round(medians[method, flows] / below, 2) if below
                    else None)
        return {"vs_plain_xdp": ratio("plain-xdp"),
                "vs_plain_xdp_stateless": ratio("plain-xdp", "stateless"),
                "vs_ovs_afxdp": ratio("ovs-afxdp"),
                "vs_ovs_afpacket": ratio("ovs-afpacket"),
                "vs_nft_dnat": ratio("nft-dnat")}
    return {"runs": runs, "ratios": ratios(FLOWS[0]),
            "ratios_%d_flows" % FLOWS[1]: ratios(FLOWS[1])}


def main(argv):
    parser = argparse.ArgumentParser(
        prog="bench forward", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args(argv)
    enter_namespace()
    rounds, milliseconds = (3, 300) if args.quick else (11, 1000)
    figures = {}
    paths = []
    runner = Runner()
    try:
        xdp = Path("b")
        methods = {"plain-xdp": xdp, "ours": xdp, "stateless": xdp}
        if shutil.which("nft"):
            methods["nft-dnat"] = Nft()
        else:
            say("nft-dnat is left out: nft is missing (package nftables)")
        paths += methods.values()
        for kind in ("afpacket", "afxdp"):
            methods["ovs-" + kind] = OvsPath(kind[2:4], kind)
            paths.append(methods["ovs-" + kind])
        for _ in range(rounds):
            for flows in FLOWS:
                for method, path in methods.items():
                    mpps = runner.measure(method, path, flows,
                                          milliseconds)
                    figures.setdefault((method, flows), []).append(mpps)
    finally:
        for path in paths:
            path.stop()
        runner.stop()
    result = result_of(figures)
    say("%-14s %8s %10s %8s" % ("method", "flows", "Mpps", "most"))
    for r in result["runs"]:
        say("%-14s %8d %10.3f %8.3f" % (r["method"], r["flows"],
                                        r["mpps_median"], r["mpps_max"]))
    say("ours: %s" % result["ratios"])
    if args.json:
        print(json.dumps(result))
    return 0
