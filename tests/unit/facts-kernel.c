/* SPDX-License-Identifier: Apache-2.0 */

/* Tests how devices are looked at, in network namespaces of its own: other
 * ends of veths (attach-facts.h, attach-netns.h), and filters that somebody removes
 * (tc-watch.h).  Needs root; t-bpf-facts.sh runs it. */

#include <config.h>
#include "attach-facts.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "attach-netns.h"
#include "tc-watch.h"
#include "timeval.h"
#include "unit.h"

enum { N_HOSTS = 8 };

static int hosts[N_HOSTS];      /* Namespaces that nobody can find: no process
                                 * is in them, and they have no name. */
static uint32_t ports[N_HOSTS];

static void
shell(const char *command)
{
    ck_assert_msg(!system(command), "%s", command);
}

static int
open_netns(void)
{
    int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

    ck_assert_int_ge(fd, 0);
    return fd;
}

/* A switch, in which we are, with N_HOSTS ports; 'hidden' ones lead to
 * hosts that cannot be found, others back to the switch. */
static void
set_up(bool hidden)
{
    int here;

    ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
    here = open_netns();
    for (int i = 0; i < N_HOSTS; i++) {
        char command[256], name[16];

        if (hidden) {
            ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
            hosts[i] = open_netns();
            ck_assert_int_eq(setns(here, CLONE_NEWNET), 0);
        }
        snprintf(command, sizeof command,
                 "ip link add p%d type veth peer name h%d", i, i);
        shell(command);
        if (hidden) {
            snprintf(command, sizeof command,
                     "ip link set h%d netns /proc/%d/fd/%d", i,
                     (int) getpid(), hosts[i]);
            shell(command);
        }
        snprintf(name, sizeof name, "p%d", i);
        ports[i] = if_nametoindex(name);
        ck_assert_uint_ne(ports[i], 0);
    }
    close(here);
}

START_TEST(one_survey_is_for_all)
{
    struct tpr_netns *ns;

    set_up(true);
    ns = tpr_netns_create();
    for (int again = 0; again < 3; again++) {
        for (int i = 0; i < N_HOSTS; i++) {
            struct tpr_device d;

            tpr_device_probe(ports[i], ns, &d);
            ck_assert(d.exists);
            ck_assert_int_eq(d.whole, TPR_UNKNOWN);
            ck_assert_str_eq(d.sender, "");
        }
        ck_assert_uint_eq(tpr_netns_surveys(ns), 1);
    }
    tpr_netns_destroy(ns);
}
END_TEST

START_TEST(nobody_far_needs_no_survey)
{
    struct tpr_netns *ns;

    set_up(false);
    ns = tpr_netns_create();
    for (int i = 0; i < N_HOSTS; i++) {
        struct tpr_device d;
        char name[16];

        tpr_device_probe(ports[i], ns, &d);
        snprintf(name, sizeof name, "h%d", i);
        ck_assert_str_eq(d.sender, name);
        ck_assert_int_ne(d.whole, TPR_UNKNOWN);
    }
    ck_assert_uint_eq(tpr_netns_surveys(ns), 0);
    tpr_netns_destroy(ns);
}
END_TEST

/* What is told of port 'name'. */
static struct tpr_device
look_at(struct tpr_netns *ns, const char *name)
{
    struct tpr_device d;

    tpr_device_probe(if_nametoindex(name), ns, &d);
    ck_assert_msg(d.exists, "%s", name);
    return d;
}

/* Named namespaces come when a survey has just been made. */
START_TEST(a_new_name_is_found_at_once)
{
    struct tpr_netns *ns;
    char command[256];

    set_up(true);
    ns = tpr_netns_create();
    ck_assert_int_eq(look_at(ns, "p0").whole, TPR_UNKNOWN);
    ck_assert_uint_eq(tpr_netns_surveys(ns), 1);
    for (int i = 0; i < 3; i++) {
        char port[16];
        struct tpr_device d;

        snprintf(command, sizeof command,
                 "ip netns add facts-%d-%d && "
                 "ip link add n%d type veth peer name eth0 netns facts-%d-%d",
                 (int) getpid(), i, i, (int) getpid(), i);
        shell(command);
        snprintf(port, sizeof port, "n%d", i);
        d = look_at(ns, port);
        snprintf(command, sizeof command, "ip netns del facts-%d-%d",
                 (int) getpid(), i);
        shell(command);
        ck_assert_str_eq(d.sender, "eth0");
        ck_assert_int_eq(d.again_ms, 0);
    }
    ck_assert_uint_eq(tpr_netns_surveys(ns), 1);
    tpr_netns_destroy(ns);
}
END_TEST

/* One without a name is found by a survey, for which there is a time; not so
 * late if a namespace that was not found had the same number. */
START_TEST(a_new_process_is_found_within_a_second)
{
    struct tpr_netns *ns;
    struct tpr_device d;
    char command[256];
    pid_t child;
    int pipe_fds[2];
    char byte;

    set_up(true);
    ns = tpr_netns_create();
    d = look_at(ns, "p0");
    ck_assert_int_eq(d.whole, TPR_UNKNOWN);
    ck_assert_int_gt(d.again_ms, time_msec() + 30 * 1000);
    /* Its number becomes free. */
    close(hosts[0]);
    while (if_nametoindex("p0")) {
        usleep(1000);
    }

    ck_assert_int_eq(pipe(pipe_fds), 0);
    child = fork();
    if (!child) {
        ignore(unshare(CLONE_NEWNET));
        ignore(write(pipe_fds[1], "", 1));
        for (;;) {
            pause();
        }
    }
    ck_assert_int_eq(read(pipe_fds[0], &byte, 1), 1);
    snprintf(command, sizeof command,
             "ip link add n0 type veth peer name eth0 netns %d",
             (int) child);
    shell(command);
    d = look_at(ns, "n0");
    ck_assert_int_eq(d.whole, TPR_UNKNOWN);
    ck_assert_int_gt(d.again_ms, time_msec());
    ck_assert_int_le(d.again_ms, time_msec() + 1000);
    while (time_msec() < d.again_ms) {
        usleep(1000);
    }
    d = look_at(ns, "n0");
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    ck_assert_str_eq(d.sender, "eth0");
    ck_assert_int_eq(d.again_ms, 0);
    ck_assert_uint_eq(tpr_netns_surveys(ns), 2);
    tpr_netns_destroy(ns);
}
END_TEST

/* What the watch has said, a letter an event; of one device. */
struct heard {
    uint32_t ifindex;
    char events[16];
};

static void
hear(void *heard_, enum tc_event event, uint32_t ifindex)
{
    struct heard *heard = heard_;

    if (ifindex == heard->ifindex) {
        size_t n = strlen(heard->events);

        ck_assert_uint_lt(n, sizeof heard->events - 1);
        heard->events[n] = "fqn?"[event];
    }
}

static void
expect_heard(struct tc_watch *w, const char *events)
{
    struct heard heard = { .ifindex = if_nametoindex("lo") };

    tc_watch_run(w, hear, &heard);
    ck_assert_str_eq(heard.events, events);
}

/* Whoever takes the qdisc takes the filters, too. */
START_TEST(removals_are_noticed)
{
    struct tc_watch *w;

    ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
    w = tc_watch_create();
    shell("ip link set lo up && ip link add v0 type veth peer name v1");
    expect_heard(w, "");
    shell("tc qdisc add dev lo ingress");
    expect_heard(w, "n");
    shell("tc filter add dev lo ingress protocol all u32 match u32 0 0");
    expect_heard(w, "");
    shell("tc filter del dev lo ingress");
    expect_heard(w, "f");
    shell("tc qdisc del dev lo ingress");
    expect_heard(w, "q");
    /* Other devices, and what is sent. */
    shell("tc qdisc add dev v0 ingress && tc qdisc del dev v0 ingress");
    shell("tc qdisc add dev lo root pfifo && tc qdisc del dev lo root");
    expect_heard(w, "");
    shell("tc qdisc add dev lo clsact && tc qdisc del dev lo clsact");
    expect_heard(w, "nq");
    tc_watch_destroy(w);
}
END_TEST

UNIT_MAIN("facts-kernel", one_survey_is_for_all, nobody_far_needs_no_survey,
          a_new_name_is_found_at_once, a_new_process_is_found_within_a_second,
          removals_are_noticed)
