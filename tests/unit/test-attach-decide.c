/* SPDX-License-Identifier: Apache-2.0 */

/* Tests which program a port gets: a table of facts, decisions and words that
 * their sentence must contain. */

#include <config.h>
#include <stdlib.h>
#include <string.h>
#include "attach-decide.h"
#include "unit.h"
#include "util.h"

#define KERNEL .name = "p1", .kind = TPR_PORT_KERNEL, .exists = true
#define SOCKET .name = "p1", .kind = TPR_PORT_AF_PACKET, .exists = true
#define XSK .name = "p1", .kind = TPR_PORT_AF_XDP, .exists = true
#define WHOLE .whole = TPR_YES

static const struct row {
    struct tpr_attach_facts facts;
    enum tpr_attach_mode mode;
    const char *words;
} rows[] = {
    /* The kernel's datapath. */
    { { KERNEL, WHOLE }, TPR_ATTACH_XDP, "native XDP" },
    { { KERNEL, .whole = TPR_NO, .sender = "eth0" }, TPR_ATTACH_TC,
      "what eth0 sends to p1 has unfinished checksums" },
    { { KERNEL, .whole = TPR_NO }, TPR_ATTACH_TC, "its user asked" },
    { { KERNEL, .whole = TPR_UNKNOWN }, TPR_ATTACH_TC, "cannot be looked at" },
    { { KERNEL, WHOLE, .foreign = 42 }, TPR_ATTACH_TC, "(id 42)" },
    { { KERNEL, WHOLE, .foreign = 42, .dispatcher = true },
      TPR_ATTACH_DISPATCHER, "in libxdp's dispatcher (id 42)" },
    { { KERNEL, WHOLE, .foreign = 42, .dispatcher = true, .no_join = "x" },
      TPR_ATTACH_TC, "(id 42), which is not replaced and cannot be joined (x)" },
    { { KERNEL, WHOLE, .foreign = 42, .dispatcher = true, .no_native = "x" },
      TPR_ATTACH_DISPATCHER, "(id 42)" },
    { { KERNEL, WHOLE, .foreign = 42, .dispatcher = true, .no_target = "p2" },
      TPR_ATTACH_TC, "cannot transmit by p2" },
    { { KERNEL, .whole = TPR_NO, .foreign = 42, .dispatcher = true },
      TPR_ATTACH_TC, "unfinished checksums" },
    { { KERNEL, WHOLE, .foreign = 42, .dispatcher = true, .tags_aside = true,
        .tagged = true }, TPR_ATTACH_TC, "VLAN tags" },
    { { KERNEL, WHOLE, .no_target = "p2" }, TPR_ATTACH_TC,
      "cannot transmit by p2" },
    { { KERNEL, WHOLE, .no_native = "Invalid argument" }, TPR_ATTACH_TC,
      "refuses native XDP (Invalid argument)" },
    { { KERNEL, WHOLE, .tags_aside = true }, TPR_ATTACH_XDP, "native XDP" },
    { { KERNEL, WHOLE, .tags_aside = true, .tagged = true }, TPR_ATTACH_TC,
      "ethtool -K p1 rxvlan off" },
    { { KERNEL, WHOLE, .tags_aside = true, .tagged = true, .sender = "eth0" },
      TPR_ATTACH_TC, "ethtool -K eth0 txvlan off" },
    { { KERNEL, WHOLE, .gro = true }, TPR_ATTACH_XDP, "native XDP" },
    { { KERNEL, WHOLE, .foreign = 1, .no_tc = "No such device" },
      TPR_ATTACH_NONE, "No such device" },

    { { KERNEL, WHOLE, .no_room = "no more than 9 ports" }, TPR_ATTACH_TC,
      "no more than 9 ports" },

    /* Userspace: never tc. */
    { { SOCKET, WHOLE }, TPR_ATTACH_XDP, "native XDP" },
    { { SOCKET, WHOLE, .gro = true }, TPR_ATTACH_XDP, "native XDP" },
    { { SOCKET, WHOLE, .no_native = "x" }, TPR_ATTACH_GENERIC,
      "generic XDP" },
    { { SOCKET, WHOLE, .no_target = "p2" }, TPR_ATTACH_GENERIC,
      "cannot transmit by p2" },
    { { SOCKET, WHOLE, .no_target = "p2", .gro = true }, TPR_ATTACH_NONE,
      "ethtool -K p1 gro off" },
    { { SOCKET, WHOLE, .no_native = "x", .no_generic = "y" },
      TPR_ATTACH_NONE, "refuses generic XDP, too (y)" },
    { { SOCKET, WHOLE, .guest = true }, TPR_ATTACH_XDP, "native XDP" },
    { { SOCKET, WHOLE, .guest = true, .no_native = "x" }, TPR_ATTACH_NONE,
      "unfinished for generic XDP" },
    { { KERNEL, WHOLE, .guest = true, .no_native = "x" }, TPR_ATTACH_TC,
      "(x)" },
    { { SOCKET, WHOLE, .no_room = "no more than 9 ports" }, TPR_ATTACH_NONE,
      "no more than 9 ports; and" },
    { { SOCKET, .whole = TPR_NO, .sender = "eth0" }, TPR_ATTACH_NONE,
      "a second time" },
    { { SOCKET, .whole = TPR_UNKNOWN }, TPR_ATTACH_NONE, "a second time" },
    { { SOCKET, WHOLE, .foreign = 42 }, TPR_ATTACH_NONE, "(id 42)" },
    { { SOCKET, WHOLE, .foreign = 42, .dispatcher = true },
      TPR_ATTACH_DISPATCHER, "in libxdp's dispatcher (id 42)" },
    { { SOCKET, WHOLE, .foreign = 42, .dispatcher = true, .no_join = "x" },
      TPR_ATTACH_NONE, "cannot be joined (x); and what tc takes" },
    { { SOCKET, WHOLE, .foreign = 42, .dispatcher = true, .no_target = "p2" },
      TPR_ATTACH_NONE, "by p2; and generic XDP has no place beside" },
    { { SOCKET, WHOLE, .tags_aside = true, .tagged = true },
      TPR_ATTACH_NONE, "VLAN tags" },

    /* Others. */
    { { .name = "p1", .kind = TPR_PORT_KERNEL, WHOLE }, TPR_ATTACH_NONE,
      "no device p1" },
    { { XSK, WHOLE, .own = 9 }, TPR_ATTACH_NEXT, "before the switch's own" },
    { { XSK, WHOLE }, TPR_ATTACH_NONE, "no XDP program at p1 yet" },
    { { XSK, WHOLE, .own = 9, .foreign = 42 }, TPR_ATTACH_NONE,
      "(id 42), which is not replaced" },
    { { XSK, WHOLE, .own = 9, .foreign = 42, .dispatcher = true },
      TPR_ATTACH_DISPATCHER, "in libxdp's dispatcher (id 42)" },
    { { XSK, WHOLE, .own = 9, .foreign = 42, .dispatcher = true, .no_next = "x" },
      TPR_ATTACH_DISPATCHER, "(id 42)" },
    { { XSK, WHOLE, .own = 9, .foreign = 42, .dispatcher = true, .no_target = "p2" },
      TPR_ATTACH_NONE, "cannot transmit by p2" },
    { { XSK, WHOLE, .foreign = 42, .dispatcher = true }, TPR_ATTACH_NONE,
      "no XDP program at p1 yet" },
    { { XSK, WHOLE, .foreign = 42, .dispatcher = true, .no_join = "x" },
      TPR_ATTACH_NONE,
      "(x; \"LIBXDP_SKIP_DISPATCHER=1\" in ovs-vswitchd's environment" },
    { { XSK, WHOLE, .generic = true }, TPR_ATTACH_NONE, "a generic one" },
    { { XSK, .whole = TPR_NO, .sender = "eth0", .own = 9 }, TPR_ATTACH_NONE,
      "ethtool -K eth0 tx off" },
    { { XSK, WHOLE, .own = 9, .no_next = "x" }, TPR_ATTACH_NONE, "at p1 (x)" },
    { { XSK, WHOLE, .own = 9, .no_target = "p2" }, TPR_ATTACH_NONE,
      "cannot transmit by p2" },
    { { .name = "p1", .kind = TPR_PORT_AF_XDP, .own = 9, WHOLE },
      TPR_ATTACH_NONE, "no device p1" },
    { { .name = "p1", .kind = TPR_PORT_DPDK }, TPR_ATTACH_NONE, "DPDK" },
    { { .name = "br0", .kind = TPR_PORT_INTERNAL, .exists = true, WHOLE },
      TPR_ATTACH_NONE, "internal" },
    { { .name = "gre0", .kind = TPR_PORT_VIRTUAL }, TPR_ATTACH_NONE,
      "tunnel" },
};

START_TEST(matrix)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char *why = NULL;
        enum tpr_attach_mode mode = tpr_attach_decide(&rows[i].facts, &why);

        ck_assert_msg(mode == rows[i].mode, "row %"PRIuSIZE": %s, not %s (%s)",
                      i, tpr_attach_mode_name(mode),
                      tpr_attach_mode_name(rows[i].mode), why);
        ck_assert_msg(strstr(why, rows[i].words) != NULL,
                      "row %"PRIuSIZE": \"%s\" is not in \"%s\"", i, rows[i].words, why);
        free(why);
    }
}
END_TEST

/* Whatever is refused, there is an end: a refused mode is not decided again,
 * and tc is never beside a packet socket. */
START_TEST(all_facts)
{
    for (int bits = 0; bits < 1 << 12; bits++) {
        struct tpr_attach_facts f = {
            .name = "p1", .kind = bits & 1 ? TPR_PORT_AF_PACKET : TPR_PORT_KERNEL,
            .exists = true, .whole = bits & 2 ? TPR_YES : TPR_NO,
            .foreign = bits & 4 ? 7 : 0, .no_target = bits & 8 ? "p2" : NULL,
            .no_native = bits & 16 ? "x" : NULL, .no_generic = bits & 32 ? "x" : NULL,
            .no_tc = bits & 64 ? "x" : NULL, .gro = bits & 128,
            .tagged = bits & 256, .tags_aside = bits & 256,
            .guest = bits & 512, .dispatcher = bits & 1024,
            .no_join = bits & 2048 ? "x" : NULL,
        };
        char *why = NULL;
        enum tpr_attach_mode mode = tpr_attach_decide(&f, &why);
        const bool joins = mode == TPR_ATTACH_DISPATCHER;
        const bool is_xdp = mode == TPR_ATTACH_XDP || mode == TPR_ATTACH_GENERIC;

        ck_assert(why != NULL && why[strlen(why) - 1] != '.');
        ck_assert(mode != TPR_ATTACH_TC || (f.kind == TPR_PORT_KERNEL && !f.no_tc));
        ck_assert(mode != TPR_ATTACH_XDP || (!f.no_native && !f.no_target));
        ck_assert(mode != TPR_ATTACH_GENERIC
                  || (f.kind == TPR_PORT_AF_PACKET && !f.no_generic && !f.gro
                      && !f.guest));
        ck_assert(!joins || (f.foreign && f.dispatcher && !f.no_join && !f.no_target
                             && f.whole == TPR_YES && !f.tagged));
        ck_assert(!is_xdp || (f.whole == TPR_YES && !f.foreign && !f.tagged));
        free(why);
    }
}
END_TEST

START_TEST(names)
{
    enum tpr_port_kind kind;

    for (int i = 0; i < TPR_N_PORT_KINDS; i++) {
        ck_assert(tpr_port_kind_from_name(tpr_port_kind_name(i), &kind));
        ck_assert_int_eq(kind, i);
    }
    ck_assert(!tpr_port_kind_from_name("ker", &kind));
    ck_assert_str_eq(tpr_attach_mode_name(TPR_N_ATTACH_MODES), "unknown");
}
END_TEST

UNIT_MAIN("attach-decide", matrix, all_facts, names)
