"""tools/bench scale [--json] [--quick]

Configures 16,384 services with 65,536 backends in 64 regions in one switch,
in steps of 256 services, and compares what the last step costs with what the
first one does: redirect objects over one OpenFlow connection a step, then the
flows that use them in one bundle a step.  ovs-ofctl's own time is in it."""

import argparse
import json
import time

from common import Switch, enter_namespace, find_tree, mac_text, median, say

STEP, BACKENDS = 256, 4


def vip_of(service):
    return "172.%d.%d.1" % (20 + (service >> 8), service & 255)


def redirect_of(service):
    backends = []
    for i in range(BACKENDS):
        number = service * BACKENDS + i
        backends.append(
            "backend=10.%d.%d.%d,mac=%s,output=%d,priority=%d,region=%d,"
            "word=%d" % (i, service >> 8, service & 255, mac_text(number),
                         2 + i % 2, i, number % 64, number))
    return "id=%d,vip=%s,tcp,port=80,policy=failover,%s" % (
        service + 1, vip_of(service), ",".join(backends))


def add(switch, first):
    """Adds a step of services; returns seconds for objects and for flows."""
    services = range(first, first + STEP)
    start = time.monotonic()
    switch.ofctl("add-redirects", "-",
                 input="\n".join(map(redirect_of, services)))
    objects = time.monotonic()
    switch.ofctl("--bundle add-flows", "-", input="\n".join(
        "tcp,nw_dst=%s,tp_dst=80,actions=redirect(%d)" % (vip_of(n), n + 1)
        for n in services))
    return objects - start, time.monotonic() - objects


def main(argv):
    parser = argparse.ArgumentParser(
        prog="bench scale", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args(argv)
    services = 2048 if args.quick else 16384
    enter_namespace()
    switch = Switch(find_tree(), ["c", "r1", "r2"])
    try:
        steps = [add(switch, n) for n in range(0, services, STEP)]
        held = switch.ofctl("dump-redirects").count(",vip=")
    finally:
        switch.stop()
    result = {"services": held, "backends": held * BACKENDS}
    for index, name in enumerate(("objects", "flows")):
        values = [step[index] * 1e6 / STEP for step in steps]
        first, last = median(values[:3]), median(values[-3:])
        result[name] = {"first_us": round(first, 1),
                        "last_us": round(last, 1),
                        "ratio": round(last / first, 2)}
        say("%-8s per service: first %.1f us, last %.1f us, ratio %.2f"
            % (name, first, last, last / first))
    say("%d services, %d backends held" % (held, held * BACKENDS))
    if args.json:
        print(json.dumps(result))
    return 0
