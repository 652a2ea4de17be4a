/* SPDX-License-Identifier: Apache-2.0 */

/* Tests tpr-regiond's agent-check server on real sockets of 127.0.0.1, and
 * what it is told about that. */

#include <config.h>
#include "regiond.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "openvswitch/poll-loop.h"
#include "ovs-thread.h"
#include "tpr-time.h"
#include "unit.h"

enum { LIMIT_US = 20 * 1000 * 1000, LOOK_MS = 20 };

static struct tpr_service service;
static struct regiond regiond = { .options.service = &service };

/* Returns a port that is free. */
static uint16_t
free_port(void)
{
    struct sockaddr_in sin = { .sin_family = AF_INET };
    socklen_t len = sizeof sin;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert(!bind(fd, (struct sockaddr *) &sin, sizeof sin));
    getsockname(fd, (struct sockaddr *) &sin, &len);
    close(fd);
    return ntohs(sin.sin_port);
}

static void
setup(void)
{
    in6_addr_set_mapped_ipv4(&regiond.options.agent_addr,
                             htonl(INADDR_LOOPBACK));
    regiond.options.agent_port = free_port();
    regiond.agent = regiond_agent_create(&regiond.options);
}

static int
ask(void)
{
    struct sockaddr_in sin = {
        .sin_family = AF_INET,
        .sin_port = htons(regiond.options.agent_port),
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_ge(fd, 0);
    connect(fd, (struct sockaddr *) &sin, sizeof sin);
    return fd;
}

/* One turn of the main loop, of LOOK_MS at most. */
static void
turn(void)
{
    regiond_agent_run(regiond.agent, &regiond);
    regiond_agent_wait(regiond.agent, &regiond);
    poll_timer_wait(LOOK_MS);
    poll_block();
}

static void
expect_line(int fd, const char *line)
{
    long long int end_us = tpr_now_us() + LIMIT_US;
    char buf[64];
    ssize_t n;

    while ((n = recv(fd, buf, sizeof buf - 1, 0)) < 0) {
        ck_assert_int_lt(tpr_now_us(), end_us);
        turn();
    }
    buf[n] = '\0';
    ck_assert_str_eq(buf, line);
}

START_TEST(who_asks_has_a_line)
{
    int fd;

    setup();
    fd = ask();
    expect_line(fd, "ready up\n");
    close(fd);
    regiond_agent_destroy(regiond.agent);
}
END_TEST

/* Those who ask all at once have a place, and need not come again a second
 * later. */
START_TEST(many_may_ask_at_once)
{
    enum { N = 60 };
    int fds[N], n_again = 0;

    setup();
    for (int i = 0; i < N; i++) {
        fds[i] = ask();
    }
    for (int i = 0; i < N; i++) {
        struct tcp_info info;
        socklen_t len = sizeof info;

        expect_line(fds[i], "ready up\n");
        ck_assert(!getsockopt(fds[i], IPPROTO_TCP, TCP_INFO, &info, &len));
        n_again += info.tcpi_total_retrans > 0;
        close(fds[i]);
    }
    ck_assert_int_lt(n_again, N / 2);
    regiond_agent_destroy(regiond.agent);
}
END_TEST

/* A load that cannot be measured any more is taken back. */
START_TEST(a_load_that_is_not_known_is_said)
{
    int fd;

    regiond.options.metrics[0] = (struct regiond_metric) {
        .type = REGIOND_CGROUP, .text = xstrdup("cgroup:/nowhere"),
        .name = xstrdup("/nowhere"),
    };
    regiond.options.n_metrics = 1;
    regiond.options.agent_interval_us = REGIOND_AGENT_INTERVAL_US;
    setup();
    fd = ask();
    expect_line(fd, "100% ready up # cpu=-\n");
    close(fd);
    regiond_agent_destroy(regiond.agent);
    free(regiond.options.metrics[0].text);
    free(regiond.options.metrics[0].name);
    regiond.options.n_metrics = 0;
}
END_TEST

/* While there is no descriptor, it does not spin; whoever has asked has an
 * answer afterwards. */
START_TEST(shortage_is_waited_for)
{
    struct rlimit old, none;
    long long int us;
    int fd;

    setup();
    turn();
    fd = ask();
    getrlimit(RLIMIT_NOFILE, &old);
    none = old;
    none.rlim_cur = fd + 1;
    ck_assert(!setrlimit(RLIMIT_NOFILE, &none));
    turn();
    us = tpr_now_us();
    turn();
    ck_assert_int_ge(tpr_now_us() - us, (LOOK_MS - 1) * 1000);
    ck_assert(!setrlimit(RLIMIT_NOFILE, &old));
    expect_line(fd, "ready up\n");
    close(fd);
    regiond_agent_destroy(regiond.agent);
}
END_TEST

/* HAProxy, or whoever else asks, may be on the same host. */
static const struct {
    const char *arg, *addr;
    int port;
} listeners[] = {
    { "9777", "::", 9777 },
    { "192.0.2.1:9777", "192.0.2.1", 9777 },
    { "[2001:db8::1]:9777", "2001:db8::1", 9777 },
    { "127.0.0.1:9777", "127.0.0.1", 9777 },
    { "[::1]:9777", "::1", 9777 },
    { "0.0.0.0:9777", "0.0.0.0", 9777 },
    { "[::]:9777", "::", 9777 },
};

START_TEST(it_listens_where_it_is_told_to)
{
    char *arg = xasprintf("--agent-check=%s", listeners[_i].arg);
    char name[] = "tpr-regiond", no_bfd[] = "--no-bfd";
    char *argv[] = { name, no_bfd, arg, NULL };
    struct regiond_options o;
    char *addr;

    optind = 0;                 /* Begin anew. */
    regiond_options_parse(&o, 3, argv);
    addr = tpr_format_address(&o.agent_addr);
    ck_assert_str_eq(addr, listeners[_i].addr);
    ck_assert_int_eq(o.agent_port, listeners[_i].port);
    regiond_options_destroy(&o);
    free(addr);
    free(arg);
}
END_TEST

/* A server may have several hosts, each with a check. */
START_TEST(checks_differ_in_what_follows_the_url)
{
    static const char *const args[] = {
        "tpr-regiond", "--check=http://127.0.0.1/,host=a.example.org",
        "--check=http://127.0.0.1/,host=b.example.org",
        "--check=http://127.0.0.1/b,host=b.example.org",
        "--check=http://127.0.0.1/", NULL,
    };
    char *argv[ARRAY_SIZE(args)];
    struct regiond_options o;

    for (size_t i = 0; i < ARRAY_SIZE(args); i++) {
        argv[i] = nullable_xstrdup(args[i]);
    }
    optind = 0;                 /* Begin anew. */
    regiond_options_parse(&o, ARRAY_SIZE(args) - 1, argv);
    ck_assert_uint_eq(o.service->n_backends, 4);
    ck_assert_str_eq(o.service->backends[0]->name,
                     "http://127.0.0.1/,host=a.example.org");
    ck_assert_str_eq(o.service->backends[1]->name,
                     "http://127.0.0.1/,host=b.example.org");
    ck_assert_str_eq(o.service->backends[2]->name, "http://127.0.0.1/b");
    ck_assert_str_eq(o.service->backends[3]->name, "http://127.0.0.1/");
    regiond_options_destroy(&o);
    for (size_t i = 0; i < ARRAY_SIZE(args); i++) {
        free(argv[i]);
    }
}
END_TEST

/* Writes 'text' into 'file' of 'dir', a folder that it makes. */
static void
put(const char *dir, const char *file, const char *text)
{
    char *path = xasprintf("%s/%s", dir, file);
    FILE *stream;

    mkdir(dir, 0777);
    stream = fopen(path, "w");
    ck_assert_ptr_nonnull(stream);
    fputs(text, stream);
    fclose(stream);
    free(path);
}

/* A cgroup may use what all around it may. */
START_TEST(groups_limit_those_in_them)
{
    char root[] = "/tmp/test-regiond.XXXXXX";
    double all = count_total_cores();
    char *slice, *leaf, *command;

    ck_assert_ptr_nonnull(mkdtemp(root));
    slice = xasprintf("%s/web.slice", root);
    leaf = xasprintf("%s/nginx.service", slice);

    put(root, "cgroup.controllers", "cpu\n");
    put(slice, "cgroup.controllers", "cpu\n");
    put(slice, "cpu.max", "max 100000\n");
    put(leaf, "cgroup.controllers", "\n");
    ck_assert(regiond_cgroup_cpus(root) == all);
    ck_assert(regiond_cgroup_cpus(leaf) == all);
    put(leaf, "cpu.max", "50000 100000\n");
    ck_assert(regiond_cgroup_cpus(leaf) == 0.5);
    put(slice, "cpu.max", "20000 100000\n");
    ck_assert(regiond_cgroup_cpus(leaf) == 0.2);
    put(leaf, "cpu.max", "max 100000\n");
    ck_assert(regiond_cgroup_cpus(leaf) == 0.2);
    put(slice, "cpu.max", "max 100000\n");
    put(leaf, "cpuset.cpus.effective", "0\n");
    put(slice, "cpuset.cpus.effective", "0-1\n");
    ck_assert(regiond_cgroup_cpus(leaf) == 1);
    put(leaf, "cpuset.cpus.effective", "\n");
    ck_assert(regiond_cgroup_cpus(leaf) == MIN(2, all));
    ck_assert(regiond_cgroup_cpus("/nowhere") == all);

    command = xasprintf("rm -r %s", root);
    ck_assert_int_eq(system(command), 0);
    free(command);
    free(leaf);
    free(slice);
}
END_TEST

static Suite *
regiond_agent_suite(void)
{
    Suite *suite = suite_create("regiond-agent");
    TCase *tcase = tcase_create("regiond-agent");

    tcase_add_test(tcase, who_asks_has_a_line);
    tcase_add_test(tcase, many_may_ask_at_once);
    tcase_add_test(tcase, a_load_that_is_not_known_is_said);
    tcase_add_test(tcase, shortage_is_waited_for);
    tcase_add_loop_test(tcase, it_listens_where_it_is_told_to, 0,
                        ARRAY_SIZE(listeners));
    tcase_add_test(tcase, checks_differ_in_what_follows_the_url);
    tcase_add_test(tcase, groups_limit_those_in_them);
    suite_add_tcase(suite, tcase);
    return suite;
}
UNIT_MAIN_SUITE(regiond_agent_suite)
