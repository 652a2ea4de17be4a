#! /usr/bin/env python3
"""bpf-stack.py [OBJECT...]: sees that no chain of calls in BPF objects takes more
stack than Linux 6.1 allows: 512 bytes, each function's part rounded up to 32
(check_max_stack_depth() in kernel/bpf/verifier.c); callbacks of bpf_loop() are
calls like others.  Newer kernels give XDP programs a stack of their own for
each function, and so would not notice.

Without an argument, the objects of the build in whose folder it runs.  Speaks
TAP: one test a program."""

import glob
import struct
import sys

LIMIT, FRAMES = 512, 8
LDDW, CALL, ADD64_K, MOV64_X, FP = 0x18, 0x85, 0x07, 0xbf, 10
STT_FUNC, SHT_SYMTAB, SHT_REL = 2, 2, 9
R_BPF_64_64, R_BPF_64_32 = 1, 10
MEMORY = (1, 2, 3)              # Classes LDX, ST, STX.


class Object:
    """A relocatable BPF object: its functions, their stacks and calls."""

    def __init__(self, path):
        with open(path, "rb") as f:
            self.data = f.read()
        at, = struct.unpack_from("<Q", self.data, 40)
        size, n, names = struct.unpack_from("<HHH", self.data, 58)
        self.sections = [struct.unpack_from("<IIQQQQIIQQ", self.data,
                                            at + i * size) for i in range(n)]
        self.names = self.section(names)
        self.read_symbols()
        self.stacks = {f: 0 for f in self.functions}
        self.calls = {f: set() for f in self.functions}
        for i in {f[0] for f in self.functions}:
            self.read_code(i)

    def section(self, i):
        offset, size = self.sections[i][4:6]
        return self.data[offset:offset + size]

    def text_at(self, table, offset):
        return table[offset:table.index(b"\0", offset)].decode()

    def read_symbols(self):
        """'functions' are names by (section, offset)."""
        self.symbols, self.functions = [], {}
        for i, s in enumerate(self.sections):
            if s[1] != SHT_SYMTAB:
                continue
            strings = self.section(s[6])
            for name, info, _, where, value, _ in struct.iter_unpack(
                    "<IBBHQQ", self.section(i)):
                self.symbols.append((where, value))
                if info & 15 == STT_FUNC:
                    self.functions[where, value] = self.text_at(strings, name)

    def relocations(self, section):
        """(type, symbol's place) by offset."""
        found = {}
        for i, s in enumerate(self.sections):
            if s[1] == SHT_REL and s[7] == section:
                for offset, info in struct.iter_unpack("<QQ",
                                                       self.section(i)):
                    found[offset] = (info & 0xffffffff,
                                     self.symbols[info >> 32])
        return found

    def read_code(self, section):
        code, relocations = self.section(section), self.relocations(section)
        function, frame = None, set()   # Registers that are the frame's.
        for at in range(0, len(code), 8):
            op, regs, offset, value = struct.unpack_from("<BBhi", code, at)
            dst, src = regs & 15, regs >> 4
            if (section, at) in self.functions:
                function, frame = (section, at), set()
            if op & 7 in MEMORY and FP in (dst, src):
                self.use(function, offset)
            if op == MOV64_X and src == FP:
                frame.add(dst)
            elif op == ADD64_K and dst in frame:
                self.use(function, value)
                frame.discard(dst)
            kind, target = relocations.get(at, (0, None))
            if op == CALL and src == 1:
                self.call(function, self.callee(section, at, value, kind,
                                                target))
            elif op == LDDW and kind == R_BPF_64_64:
                self.call(function, (target[0], target[1] + value))

    def use(self, function, offset):
        self.stacks[function] = max(self.stacks[function], -offset)

    def callee(self, section, at, value, kind, target):
        if kind == R_BPF_64_32:
            return target[0], target[1] + (value + 1) * 8
        return section, at + (value + 1) * 8

    def call(self, function, callee):
        if callee in self.functions:            # Or it is data.
            self.calls[function].add(callee)

    def deepest(self, function, above=()):
        """(bytes, chain) of the deepest chain of calls from 'function' on."""
        chain = above + (function,)
        mine = max(1, self.stacks[function]) + 31 & ~31
        ways = [self.deepest(f, chain) for f in self.calls[function]
                if f not in chain]
        depth, rest = max(ways, default=(0, ()))
        return depth + mine, (function,) + rest

    def programs(self):
        called = {f for callees in self.calls.values() for f in callees}
        return sorted(f for f in self.functions if f not in called)


def main():
    lines, n, bad = [], 0, 0
    objects = sys.argv[1:] or sorted(glob.glob("datapath-ext/bpf/*.bpf.o"))
    if not objects:
        print("1..0 # SKIP built without BPF")
        return 0
    for path in objects:
        o = Object(path)
        for program in o.programs():
            depth, chain = o.deepest(program)
            good = depth <= LIMIT and len(chain) <= FRAMES
            n, bad = n + 1, bad + (not good)
            lines.append("%s %d - %s: %d bytes" % (
                "ok" if good else "not ok", n, o.functions[program], depth))
            if not good:
                lines.append("# " + ", ".join(
                    "%s %d" % (o.functions[f], o.stacks[f]) for f in chain))
    print("1..%d" % n)
    print("\n".join(lines))
    return bool(bad or not n)


if __name__ == "__main__":
    sys.exit(main())
