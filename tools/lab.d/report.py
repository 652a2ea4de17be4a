#!/usr/bin/env python3
# What tools/lab measured: from the output of tpr-perf and of the agent to
# rows, a row is a JSON object, and from rows to tables.

import argparse
import json
import statistics
import sys

# The published Table I: (T_h in ms, n) -> requests, success in %, T_un in s.
PUBLISHED = {
    (2000, 10): (8398, 91.24, 24.72),
    (2000, 5): (8631, 96.85, 9.88),
    (1000, 5): (9631, 98.66, 5.09),
    (500, 5): (9614, 99.5, 3.25),
}

PUBLISHED_S = 60                # Each run took that long.

# What may be lost beside detection: T_nrp + T_nd.
ALLOWANCE_MS = 10


def load(name):
    with open(name) as f:
        return json.load(f)


def number(value):
    """Prints 10.0 as 10."""
    return int(value) if value == int(value) else value


def decision(history, after):
    """The first transition that says what died: what the switch had to
    follow."""
    for entry in history:
        if (entry.get("seq", 0) > after and "applied_us" in entry
                and entry.get("event") in ("TPR-101", "TPR-201")):
            return entry
    return {}


def make_row(args):
    perf = load(args.perf)
    entry = decision(load(args.history), args.after)
    t_h_ms = args.interval_us / 1000
    row = {
        "t_h_ms": number(t_h_ms),
        "n": args.fall,
        "how": args.how,
        "duration_s": round(perf["duration_s"], 3),
        "requests": perf["requests"],
        "success_pct": round(perf["success_pct"], 4),
        "t_un_ms": round(perf["t_un_ms"], 3),
        "bound_ms": number(t_h_ms * args.fall + ALLOWANCE_MS),
        "decision_to_flows_us": entry.get("applied_us"),
        "silence_us": entry.get("silence_us"),
        "failures": perf["failures"],
        "recovered": perf["t_un_cut"] == "no",
        "stalls_excused": args.stalls,
        "client_stall": perf["t_un_own_stall"],
        "client_stall_max_ms": round(perf["own_stall_max_ms"], 3),
        "servers": {s["server"]: s["successes"] for s in perf["servers"]},
    }
    print(json.dumps(row))


def span(ms):
    if ms is None:
        return "-"
    if ms >= 1000:
        return "%.2f s" % (ms / 1000)
    return "%.1f ms" % ms


def stood_still(row):
    """Was the agent or the client itself late during the outage?"""
    return row["stalls_excused"] > 0 or row["client_stall"]


def verdict(row):
    if not row["recovered"]:
        return "no success after it"
    if row["t_un_ms"] <= row["bound_ms"]:
        return "ok"
    if stood_still(row):
        return "late, own stall"
    return "late"


COLUMNS = ("T_h", "n", "requests", "success", "T_un", "bound", "flows",
           "published: requests", "success", "T_un", "")


def cells(row):
    published = PUBLISHED.get((row["t_h_ms"], row["n"]))
    flows = row["decision_to_flows_us"]
    yield span(row["t_h_ms"])
    yield str(row["n"])
    yield str(row["requests"])
    yield "%.2f %%" % row["success_pct"]
    yield span(row["t_un_ms"])
    yield span(row["bound_ms"])
    yield "-" if flows is None else "%d us" % flows
    if published:
        yield str(published[0])
        yield "%.2f %%" % published[1]
        yield "%.2f s" % published[2]
    else:
        yield from ("-", "-", "-")
    yield verdict(row)


def print_table(rows, published):
    table = [COLUMNS] + [tuple(cells(row)) for row in rows]
    if published:
        measured = [(row["t_h_ms"], row["n"]) for row in rows]
        for (t_h_ms, n), (requests, pct, t_un_s) in PUBLISHED.items():
            if (t_h_ms, n) not in measured:
                table.append((span(t_h_ms), str(n), "-", "-", "-", "-", "-",
                              str(requests), "%.2f %%" % pct,
                              "%.2f s" % t_un_s, ""))
    widths = [max(len(line[i]) for line in table)
              for i in range(len(COLUMNS))]
    for line in table:
        print("  ".join(cell.rjust(width)
                        for cell, width in zip(line, widths)).rstrip())
    print("""
T_un: longest time without a successful request, seen by the client.
bound: T_h * n + %d ms.  flows: from the decision to the switch's new flows.
published: Table I of the prototype that this design goes back to."""
          % ALLOWANCE_MS)
    if any(row["duration_s"] < PUBLISHED_S - 1 for row in rows):
        print("The published runs took %d s; in a shorter one, the same outage"
              " takes more %% of it." % PUBLISHED_S)


def print_story(row):
    print("     %d pages came, %d requests failed; without a page for %s."
          % (row["requests"] - row["failures"], row["failures"],
             span(row["t_un_ms"])))
    for server, successes in row["servers"].items():
        print("     %d pages came from region %s." % (successes, server))
    if row["stalls_excused"]:
        print("     (This machine itself stood still %d times meanwhile.)"
              % row["stalls_excused"])


def print_spread(rows):
    """Minimum, median and maximum; runs in which this machine itself stood
    still are told apart."""
    late = [row for row in rows if stood_still(row)]
    for name, some in (("all deaths", rows),
                       ("without own stalls",
                        [row for row in rows if row not in late]),
                       ("with own stalls", late)):
        if some:
            spread = sorted(row["t_un_ms"] for row in some)
            print("%-18s %3d: T_un min %s, median %s, max %s"
                  % (name, len(some), span(spread[0]),
                     span(statistics.median(spread)), span(spread[-1])))
    flows = sorted(row["decision_to_flows_us"] for row in rows
                   if row["decision_to_flows_us"] is not None)
    if flows:
        print("decision to flows: min %d us, median %d us, max %d us"
              % (flows[0], statistics.median(flows), flows[-1]))
    print("bound: %s" % span(rows[0]["bound_ms"]))


def print_line(row):
    print("     %d requests, %.2f %% succeeded, T_un %s (bound %s): %s"
          % (row["requests"], row["success_pct"], span(row["t_un_ms"]),
             span(row["bound_ms"]), verdict(row)))


def total_stalls(heartbeats):
    """Sum of stalls_excused, wherever in the reply it is."""
    if isinstance(heartbeats, dict):
        return (heartbeats.get("stalls_excused", 0)
                + sum(total_stalls(v) for v in heartbeats.values()))
    if isinstance(heartbeats, list):
        return sum(total_stalls(v) for v in heartbeats)
    return 0


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    row = commands.add_parser("row")
    row.add_argument("--interval-us", type=int, required=True)
    row.add_argument("--fall", type=int, required=True)
    row.add_argument("--how", required=True)
    row.add_argument("--after", type=int, required=True)
    row.add_argument("--stalls", type=int, required=True)
    row.add_argument("perf")
    row.add_argument("history")
    for name in ("table", "line", "story", "spread", "json"):
        command = commands.add_parser(name)
        command.add_argument("--published", action="store_true")
        command.add_argument("rows", nargs="+")
    commands.add_parser("last-seq")
    commands.add_parser("stalls")
    args = parser.parse_args()

    if args.command == "row":
        make_row(args)
    elif args.command == "last-seq":
        print(max([e.get("seq", 0) for e in json.load(sys.stdin)] + [0]))
    elif args.command == "stalls":
        print(total_stalls(json.load(sys.stdin)))
    else:
        rows = [load(name) for name in args.rows]
        if args.command == "table":
            print_table(rows, args.published)
        elif args.command == "spread":
            print_spread(rows)
        elif args.command == "story":
            print_story(rows[0])
        elif args.command == "line":
            print_line(rows[0])
        else:
            print(json.dumps({"runs": rows}))


main()
