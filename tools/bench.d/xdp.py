"""tools/bench xdp [--json] [--quick]

Nanoseconds a packet of the XDP program, by BPF_PROG_RUN: nothing is attached
but for the loopback device as the target of redirects.  Each packet is one of
many flows and written anew before the program sees it; a program that only
does this, the harness, takes turns with ours, and the difference is what ours
costs.  Beside it, a bare XDP_TX and a program that rewrites and redirects
without a look at any table.

A cell is a kind of packet, a number of services and of connections: hits of
IPv4 TCP, IPv4 UDP and IPv6 TCP towards a service, of IPv4 TCP back from it, a
packet that opens a connection, and one that is not ours.  Counters are checked:
each hit was one."""

import argparse
import json
import subprocess

from common import die, enter_namespace, find_program, say

COLUMNS = ("minimum", "median")


def measure(rounds, repeat):
    """Returns {(name, services, connections): (minimum, median)}."""
    cells = {}
    runner = find_program("tools/xdp-run", "build without --disable-bpf")
    with subprocess.Popen([runner, str(rounds), str(repeat)],
                          stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            name, services, connections, *ns = line.split()
            cells[name, int(services), int(connections)] = tuple(map(int, ns))
            say(line.strip())
    if process.returncode:
        die("xdp-run failed")
    return cells


def result_of(cells):
    bare = cells["bare-tx", 0, 0]
    runs = []
    for (name, services, connections), ns in cells.items():
        harness = cells.get((name + "-harness", services, connections))
        if not harness:
            continue
        over = [max(a - b, 0) for a, b in zip(ns, harness)]
        run = {"packet": name, "services": services,
               "connections": connections}
        for i, column in enumerate(COLUMNS):
            run["ns_over_bare_" + column] = over[i]
            run["ns_" + column] = over[i] + bare[i]
            run["ratio_" + column] = round((over[i] + bare[i]) / bare[i], 2)
        runs.append(run)
    rewrite = [a - b for a, b in zip(cells["bare-rewrite", 0, 0],
                                     cells["harness", 0, 0])]
    return {"bare_tx_ns": dict(zip(COLUMNS, bare)),
            "bare_rewrite_ns": {c: r + b for c, r, b in
                                zip(COLUMNS, rewrite, bare)},
            "runs": runs}


def main(argv):
    parser = argparse.ArgumentParser(
        prog="bench xdp", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args(argv)
    enter_namespace()
    rounds, repeat = (3, 20000) if args.quick else (21, 48000)
    result = result_of(measure(rounds, repeat))
    say("%-18s %8s %11s %12s %7s  (bare XDP_TX %d ns, bare rewrite %d ns)" % (
        "packet", "services", "connections", "ns over bare", "ratio",
        result["bare_tx_ns"]["minimum"], result["bare_rewrite_ns"]["minimum"]))
    for r in result["runs"]:
        say("%-18s %8d %11d %5d %6d %7.1f" % (
            r["packet"], r["services"], r["connections"],
            r["ns_over_bare_minimum"], r["ns_over_bare_median"],
            r["ratio_minimum"]))
    if args.json:
        print(json.dumps(result))
    return 0
