/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of eligible.c: what keeps a service from the BPF programs, and in
 * which words. */

#include <config.h>
#include "eligible.h"
#include <string.h>
#include "unit.h"

/* br0 with its own port, clients on eth0, backends behind eth1 and eth2. */
struct fixture {
    struct eligible_port ports[4];
    struct eligible_bridge br;
    const char *outputs[2];
    struct eligible_service s;
};

static void
fixture_init(struct fixture *f)
{
    static const char *const names[] = { "br0", "eth0", "eth1", "eth2" };

    memset(f, 0, sizeof *f);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        f->ports[i] = (struct eligible_port) {
            .name = names[i], .type = i ? "" : "internal", .stp = "",
            .vlan_mode = "", .vlans = "",
            .unattached = i ? NULL : "it is the host's own",
        };
    }
    f->br = (struct eligible_bridge) {
        .name = "br0", .datapath_type = "netdev", .ports = f->ports,
        .n_ports = ARRAY_SIZE(f->ports),
    };
    f->outputs[0] = "eth1";
    f->outputs[1] = "eth2";
    f->s = (struct eligible_service) {
        .outputs = f->outputs, .n_outputs = 2, .flows_known = true,
    };
}

/* The answer about the service is 'want'; NULL: eligible. */
static void
expect(const struct fixture *f, const char *want)
{
    char *why = eligible_check_service(&f->br, &f->s);

    ck_assert_pstr_eq(why, want);
    free(why);
}

static void
expect_attach(const struct fixture *f, size_t port, const char *want)
{
    char *why = eligible_check_attach(&f->br, &f->ports[port]);

    ck_assert_pstr_eq(why, want);
    free(why);
}

START_TEST(plain_ports_are_fine)
{
    struct fixture f;

    fixture_init(&f);
    expect(&f, NULL);
    expect_attach(&f, 1, NULL);
    expect_attach(&f, 0, "it is the host's own");
    f.ports[1].type = "afxdp";
    expect_attach(&f, 1, NULL);
}
END_TEST

START_TEST(who_looks_at_packets_keeps_them)
{
    struct fixture f;

    fixture_init(&f);
    f.br.probe = "sFlow";
    expect(&f, "sFlow would miss the packets");
    f.br.mirror = "m0";
    expect(&f, "mirror m0 would miss the packets");
}
END_TEST

START_TEST(what_the_switch_does_at_a_port)
{
    struct fixture f;

    fixture_init(&f);
    f.ports[1].policed = true;
    expect(&f, "port eth0 has ingress policing");
    fixture_init(&f);
    f.ports[3].queued = true;
    expect(&f, "port eth2 has quality of service");
    fixture_init(&f);
    f.ports[2].is_protected = true;
    expect(&f, "port eth1 is protected from others");
    fixture_init(&f);
    f.ports[2].vlan_mode = "dot1q-tunnel";
    expect(&f, "port eth1 is a VLAN tunnel");
    /* The host's own port is not met. */
    fixture_init(&f);
    f.ports[0].queued = true;
    expect(&f, NULL);
}
END_TEST

START_TEST(vlans_are_kept_apart)
{
    struct fixture f;

    fixture_init(&f);
    f.ports[2].vlans = "tag 5";
    expect(&f, "the switch keeps VLANs apart: port eth0 has all of them, "
               "port eth1 tag 5");
    f.ports[1].vlans = f.ports[3].vlans = "tag 5";
    expect(&f, NULL);
    /* The host may be in another. */
    f.ports[0].vlans = "tag 6";
    expect(&f, NULL);
}
END_TEST

START_TEST(clients_may_be_anywhere)
{
    struct fixture f;

    fixture_init(&f);
    f.ports[1].unattached = "it is part of a bond, which the switch balances";
    expect(&f, "no program is attached to port eth0: it is part of a bond, "
               "which the switch balances");
    /* Not where nothing comes in. */
    f.ports[1].stp = "blocking";
    expect(&f, NULL);
    f.ports[1].stp = "Discarding";
    expect(&f, NULL);
    f.ports[1].stp = "forwarding";
    f.ports[1].blocked = true;
    expect(&f, NULL);
}
END_TEST

START_TEST(backends_need_programs)
{
    struct fixture f;

    fixture_init(&f);
    f.ports[3].unattached = "spanning tree has it in state blocking";
    f.ports[3].stp = "blocking";
    expect(&f, "no program is attached to port eth2: spanning tree has it in "
               "state blocking");
    f.outputs[1] = "eth9";
    expect(&f, "port eth9 is not in bridge br0");
    f.s.n_outputs = 1;
    expect(&f, NULL);
    f.s.n_outputs = 0;
    expect(&f, "no backend can be reached");
}
END_TEST

START_TEST(limits_are_counted_in_one_place)
{
    struct fixture f;

    fixture_init(&f);
    f.s.limited = true;
    expect(&f, "a backend has a limit, and clients on the host's own port "
               "br0 would not be counted");
    f.br.ports++;
    f.br.n_ports--;
    expect(&f, NULL);
}
END_TEST

START_TEST(flows_of_others)
{
    struct fixture f;

    fixture_init(&f);
    f.s.foreign = "priority=65000,tcp";
    expect(&f, "a flow that is not ours comes first: priority=65000,tcp");
    f.s.flows_known = false;
    expect(&f, "the switch has not told yet which flows it has");
    f.br.flow_table = 7;
    expect(&f, "the agent's flows are in table 7, and what leads there is "
               "not known");
}
END_TEST

START_TEST(where_no_program_can_be)
{
    struct fixture f;

    fixture_init(&f);
    f.ports[1].type = "vxlan";
    expect_attach(&f, 1, "programs do not see what is inside of a tunnel or "
                         "device of type vxlan");
    f.ports[1].type = "dpdkvhostuser";
    expect_attach(&f, 1, "the kernel does not see DPDK's packets");
    f.ports[1].type = "patch";
    expect_attach(&f, 1, "it leads to another bridge");
    f.ports[1].type = "system";
    expect_attach(&f, 1, NULL);
    f.ports[1].bonded = true;
    expect_attach(&f, 1, "it is part of a bond, which the switch balances");
    f.ports[1].bonded = false;
    f.ports[1].stp = "listening";
    expect_attach(&f, 1, "spanning tree has it in state listening");
    f.ports[1].stp = "disabled";
    f.ports[1].blocked = true;
    expect_attach(&f, 1, "OpenFlow has it blocked, or not at all");
    f.ports[1].blocked = false;
    f.br.datapath_type = "dummy";
    expect_attach(&f, 1, "the datapath type dummy is not known");
}
END_TEST

UNIT_MAIN("eligible", plain_ports_are_fine, who_looks_at_packets_keeps_them,
          what_the_switch_does_at_a_port, vlans_are_kept_apart,
          clients_may_be_anywhere, backends_need_programs,
          limits_are_counted_in_one_place, flows_of_others,
          where_no_program_can_be)
