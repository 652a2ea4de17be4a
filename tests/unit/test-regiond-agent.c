/* SPDX-License-Identifier: Apache-2.0 */

/* Tests tpr-regiond's agent-check server on real sockets of 127.0.0.1. */

#include <config.h>
#include "regiond.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include "openvswitch/poll-loop.h"
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

UNIT_MAIN("regiond-agent", who_asks_has_a_line, shortage_is_waited_for)
