/* SPDX-License-Identifier: Apache-2.0 */

/* Tests what comes before the switch's own XDP program (attach-next.h), on a
 * veth in a network namespace of its own.  Needs root; t-bpf-next.sh runs it.
 *
 *     v1 --frames--> v0: ours --jump--> the switch's
 *
 * The switch's program is one that drops, ours one that passes on what it has
 * nowhere to jump with; the programs' names are all that counts. */

#include <config.h>
#include "attach-next.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "layout.h"
#include "unit.h"

static uint32_t ifindex;
static int own = -1, ours = -1, newer = -1, jumps = -1;

static int
load(const char *name, const struct bpf_insn *insns, size_t n)
{
    int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, name, "GPL", insns, n, NULL);

    ck_assert_msg(fd >= 0, "%s: %s", name, ovs_strerror(errno));
    return fd;
}

/* XDP_DROP. */
static int
load_own(void)
{
    static const struct bpf_insn insns[] = {
        { .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0,
          .imm = XDP_DROP },
        { .code = BPF_JMP | BPF_EXIT },
    };

    return load("xsk_def_prog", insns, ARRAY_SIZE(insns));
}

/* A jump by 'jumps'; else XDP_PASS. */
static int
load_ours(void)
{
    const struct bpf_insn insns[] = {
        { .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = BPF_REG_2,
          .src_reg = BPF_PSEUDO_MAP_FD, .imm = jumps },
        { .code = 0 },
        { .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3,
          .imm = (int) (ifindex % TPR_BPF_NEXT) },
        { .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_tail_call },
        { .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0,
          .imm = XDP_PASS },
        { .code = BPF_JMP | BPF_EXIT },
    };

    return load("ours", insns, ARRAY_SIZE(insns));
}

static void
set_up(void)
{
    ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
    ck_assert(!system("ip link add v0 type veth peer name v1 &&"
                      " ip link set v0 up && ip link set v1 up"));
    ifindex = if_nametoindex("v0");
    jumps = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "next", 4, 4,
                           TPR_BPF_NEXT, NULL);
    ck_assert_int_ge(jumps, 0);
    own = load_own();
    ours = load_ours();
    newer = load_ours();
    ck_assert_int_eq(bpf_xdp_attach(ifindex, own, XDP_FLAGS_DRV_MODE, NULL),
                     0);
}

static void
tear_down(void)
{
    close(own);
    close(ours);
    close(newer);
    close(jumps);
}

static uint32_t
id_of(int fd)
{
    struct bpf_prog_info info = { .id = 0 };
    uint32_t size = sizeof info;

    ck_assert_int_eq(bpf_obj_get_info_by_fd(fd, &info, &size), 0);
    return info.id;
}

static void
expect_attached(int fd)
{
    ck_assert(tpr_next_is_there(ifindex, id_of(fd)));
}

/* What becomes of a frame that program 'fd' sees. */
static int
verdict(int fd)
{
    uint8_t frame[64] = { 0 };
    LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame,
                .data_size_in = sizeof frame);

    ck_assert_int_eq(bpf_prog_test_run_opts(fd, &opts), 0);
    return opts.retval;
}

/* Takes CAP_NET_ADMIN, without which nothing is attached anywhere, or gives it
 * back. */
static void
set_net_admin(bool on)
{
    struct __user_cap_header_struct header = {
        .version = _LINUX_CAPABILITY_VERSION_3,
    };
    struct __user_cap_data_struct data[2];

    ck_assert_int_eq(syscall(SYS_capget, &header, data), 0);
    if (on) {
        data[0].effective |= 1u << CAP_NET_ADMIN;
    } else {
        data[0].effective &= ~(1u << CAP_NET_ADMIN);
    }
    ck_assert_int_eq(syscall(SYS_capset, &header, data), 0);
}

START_TEST(there_and_back)
{
    ck_assert_int_eq(verdict(ours), XDP_PASS);
    ck_assert_int_eq(tpr_next_attach(ifindex, ours), 0);
    expect_attached(ours);
    ck_assert_int_eq(verdict(ours), XDP_DROP);
    ck_assert_int_eq(tpr_next_update(ifindex, ours, newer), 0);
    expect_attached(newer);
    ck_assert_int_eq(tpr_next_detach(ifindex, newer), 0);
    expect_attached(own);
    ck_assert_int_eq(verdict(newer), XDP_PASS);
    /* Once more is nothing. */
    ck_assert_int_eq(tpr_next_detach(ifindex, newer), 0);
    expect_attached(own);
}
END_TEST

/* Where the switch's program cannot be put back, it gets its packets all the
 * same, and has its place when that is possible. */
START_TEST(a_failure_is_no_deafness)
{
    ck_assert_int_eq(tpr_next_attach(ifindex, ours), 0);
    set_net_admin(false);
    ck_assert_int_eq(tpr_next_detach(ifindex, ours), EPERM);
    expect_attached(ours);
    ck_assert_int_eq(verdict(ours), XDP_DROP);
    set_net_admin(true);
    ck_assert_int_eq(tpr_next_detach(ifindex, ours), 0);
    expect_attached(own);
}
END_TEST

/* What is not there any more needs no way back. */
START_TEST(others_are_left_alone)
{
    LIBBPF_OPTS(bpf_xdp_attach_opts, opts);

    ck_assert_int_eq(tpr_next_attach(ifindex, ours), 0);
    opts.old_prog_fd = ours;
    ck_assert_int_eq(bpf_xdp_attach(ifindex, own, XDP_FLAGS_DRV_MODE
                                    | XDP_FLAGS_REPLACE, &opts), 0);
    ck_assert_int_eq(tpr_next_detach(ifindex, ours), 0);
    expect_attached(own);
    ck_assert_int_eq(verdict(ours), XDP_PASS);
    ck_assert(!system("ip link del v0"));
    ck_assert_int_eq(tpr_next_detach(ifindex, ours), 0);
}
END_TEST

static Suite *
make_suite(void)
{
    const TTest *const tests[] = {
        there_and_back, a_failure_is_no_deafness, others_are_left_alone,
    };
    Suite *suite = suite_create("next-kernel");

    for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
        TCase *tcase = tcase_create(tests[i]->name);

        tcase_add_checked_fixture(tcase, set_up, tear_down);
        tcase_add_test(tcase, tests[i]);
        suite_add_tcase(suite, tcase);
    }
    return suite;
}

UNIT_MAIN_SUITE(make_suite)
