/* SPDX-License-Identifier: Apache-2.0 */

/* Tests that no number of health checks keeps the main loop for long: each
 * look at them takes a bounded time, whatever their TLS costs. */

#include <config.h>
#include "check.h"

#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "openvswitch/poll-loop.h"
#include "tpr-time.h"
#include "unit.h"

enum {
    N_CHECKS = 200,
    N_ROUNDS = 3,
    TIMEOUT_US = 20 * 1000 * 1000,
    TURN_MAX_US = 6000,         /* Two parts of 1 ms, what the last socket
                                 * takes in each, and room for slow hosts. */
};

/* The world: a server that accepts nobody, so that all stand in its queue. */
static int server;
static int fds[N_CHECKS], n_fds;        /* Those it has accepted later. */
static struct tpr_check checks[N_CHECKS];
static struct tpr_backend backends[N_CHECKS], *list[N_CHECKS];
static struct tpr_region region = { .name = (char *) "r1" };
static struct tpr_service service = {
    .name = (char *) "web", .backends = list,
};
static struct tpr_config config;
static struct check_set *set;

static uint16_t
server_open(void)
{
    struct sockaddr_in sin = { .sin_family = AF_INET };
    socklen_t len = sizeof sin;

    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(server, 0);
    ck_assert(!bind(server, (struct sockaddr *) &sin, sizeof sin));
    ck_assert(!listen(server, 2 * N_CHECKS));
    getsockname(server, (struct sockaddr *) &sin, &len);
    return ntohs(sin.sin_port);
}

/* The first 'n' checks, which are due at once. */
static void
configure(size_t n)
{
    service.n_backends = n;
    check_set_configure(set, &config, tpr_now_us() - 2 * TIMEOUT_US);
}

static void
setup(enum tpr_check_type type, size_t n)
{
    uint16_t port = server_open();

    signal(SIGPIPE, SIG_IGN);
    shash_init(&config.regions);
    shash_init(&config.services);
    shash_add(&config.services, "web", &service);
    for (int i = 0; i < N_CHECKS; i++) {
        checks[i] = (struct tpr_check) {
            .type = type, .interval_us = TIMEOUT_US, .timeout_us = TIMEOUT_US,
            .fall = 1, .rise = 1, .no_verify = true, .expect_min = 200,
            .expect_max = 399, .path = xasprintf("/%d", i),
        };
        backends[i] = (struct tpr_backend) {
            .name = xasprintf("web/r%d", i), .region = &region, .port = port,
            .check = &checks[i], .last_up = 1,
        };
        in6_addr_set_mapped_ipv4(&backends[i].addr, htonl(INADDR_LOOPBACK));
        list[i] = &backends[i];
    }
    set = check_set_create();
    configure(n);
}

static void
teardown(void)
{
    check_set_destroy(set);
    close(server);
    while (n_fds) {
        close(fds[--n_fds]);
    }
    for (int i = 0; i < N_CHECKS; i++) {
        free(checks[i].path);
        free(backends[i].name);
    }
    shash_destroy(&config.regions);
    shash_destroy(&config.services);
}

static long long int
cpu_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

/* Reads the beginning of what client 'fd' has to say: returns how much. */
static ssize_t
hear(int fd)
{
    char buf[4096];

    return recv(fd, buf, sizeof buf, MSG_DONTWAIT | MSG_PEEK);
}

/* Accepts everybody who is there already. */
static void
accept_all(void)
{
    int fd;

    while ((fd = accept4(server, NULL, NULL,
                         SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        ck_assert_int_lt(n_fds, N_CHECKS);
        fds[n_fds++] = fd;
    }
}

/* Runs until 'n' clients have said something.  Returns how many turns took more
 * than TURN_MAX_US of the processor: a host may take some away. */
static int
run_until_heard(int n)
{
    long long int end_us = tpr_now_us() + TIMEOUT_US;
    int n_heard = 0, n_long = 0;

    while (n_heard < n) {
        long long int us = cpu_us();

        check_set_run(set, tpr_now_us());
        n_long += cpu_us() - us > TURN_MAX_US;
        check_set_wait(set);
        poll_timer_wait(1);
        poll_block();
        ck_assert_int_lt(tpr_now_us(), end_us);
        accept_all();
        n_heard = 0;
        for (int i = 0; i < n_fds; i++) {
            n_heard += hear(fds[i]) > 0;
        }
    }
    return n_long;
}

/* Hundreds begin their TLS at once, again and again.  One comes first, for what
 * OpenSSL does once a process.  If a turn had no bound, each round would have a
 * long one. */
START_TEST(turns_are_short)
{
    int n_long = 0;

    for (int i = 0; i < N_ROUNDS; i++) {
        setup(TPR_CHECK_HTTPS, 1);
        run_until_heard(1);
        configure(N_CHECKS);
        n_long += run_until_heard(N_CHECKS) > 0;
        if (i < N_ROUNDS - 1) {
            teardown();
        }
    }
    ck_assert_int_lt(n_long, N_ROUNDS);
    teardown();
}
END_TEST

/* What we have no time for is not the servers' fault: all have answered when
 * their time is over. */
START_TEST(nobody_is_forgotten)
{
    uint64_t n_ok = 0;

    setup(TPR_CHECK_TCP, N_CHECKS);
    while (n_ok < N_CHECKS) {
        check_set_run(set, tpr_now_us());
        n_ok = 0;
        for (int i = 0; i < N_CHECKS; i++) {
            struct check_stats st;

            ck_assert(check_set_stats(set, &backends[i], &st));
            ck_assert_uint_eq(st.n_failed + st.n_own_errors, 0);
            n_ok += st.n_ok;
        }
        check_set_wait(set);
        poll_block();
    }
    teardown();
}
END_TEST

UNIT_MAIN("check-turn", turns_are_short, nobody_is_forgotten)
