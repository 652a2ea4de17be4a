/* SPDX-License-Identifier: Apache-2.0 */

/* Runs one heartbeat session of the agent's heartbeat thread by hand, for
 * system tests and measurements:
 *
 *     hb-probe [OPTION]...
 *
 * Prints one line a fact, "TIME_US FACT NAME=VALUE...", TIME_US being
 * CLOCK_MONOTONIC, and at its end the session's statistics.  Ends after
 * --time-ms, with --until up or --until down at that fact, or on SIGTERM.
 * SIGHUP sets the session again, as the agent does when a device has changed.
 * With --kernel=receive or --kernel=send, the kernel has the session as far as
 * it can.  --page=FILE, in a BPF file system, is a liveness page for it, whose
 * first word the probe sets when the region comes up; --read=FILE prints that
 * word's state and does nothing else.
 * Exit status 0, or 1 if --until did not happen in time. */

#include <config.h>
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include "redirect.h"
#include "hb-thread.h"
#include "util.h"

static struct hb_session_config cfg = {
    .name = "probe",
    .hb = { .interval_us = 10000, .fall = 3, .rise = 1, .max_excuses = 2 },
    .bfd = { .mult = 3 },
    .offload = { .lease_us = 10 * 1000000LL },
};
static long long int duration_us = 10 * 1000000LL;
static long long int link_down_us;      /* When to say that the link is down. */
static int until = -1;                  /* Fact that ends the program. */
static const char *page_file;
static struct tpr_page *page;
static volatile sig_atomic_t terminated, hung_up;
static sigset_t unblocked;              /* Signals arrive in ppoll() only. */

static long long int
now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

static struct tpr_page *
map_page(int fd)
{
    void *p = (fd < 0 ? MAP_FAILED
               : mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED,
                      fd, 0));

    if (p == MAP_FAILED) {
        ovs_fatal(errno, "cannot have a liveness page");
    }
    return p;
}

static void
make_page(struct hb_thread *t)
{
    LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
    int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "page", 4, sizeof *page, 1,
                            &opts);
    char *error;

    page = map_page(fd);
    if (bpf_obj_pin(fd, page_file)) {
        ovs_fatal(errno, "%s: cannot pin", page_file);
    }
    error = hb_thread_add_page(t, fd);
    if (error) {
        ovs_fatal(0, "%s", error);
    }
}

static void
read_page(const char *file)
{
    static const char *const names[] = { "unknown", "up", "down", "drain" };

    printf("%s\n", names[tpr_word_state(map_page(bpf_obj_get(file))
                                        ->region[0])]);
    exit(EXIT_SUCCESS);
}

static void
handle_signal(int signo)
{
    if (signo == SIGHUP) {
        hung_up = 1;
    } else {
        terminated = 1;
    }
}

static void
catch_signals(void)
{
    struct sigaction sa = { .sa_handler = handle_signal };
    const int signals[] = { SIGTERM, SIGINT, SIGHUP };
    sigset_t blocked;

    sigemptyset(&blocked);
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
        sigaddset(&blocked, signals[i]);
        sigaction(signals[i], &sa, NULL);
    }
    sigprocmask(SIG_BLOCK, &blocked, &unblocked);
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
        sigdelset(&unblocked, signals[i]);
    }
}

static void
parse_address(const char *s, struct in6_addr *addr)
{
    char mapped[64];

    snprintf(mapped, sizeof mapped, "%s%s", strchr(s, ':') ? "" : "::ffff:",
             s);
    if (inet_pton(AF_INET6, mapped, addr) != 1) {
        ovs_fatal(0, "%s: not an address", s);
    }
}

static void
parse_auth(const char *type, const char *key)
{
    struct bfd_auth *auth = &cfg.bfd.auth;

    auth->type = (!strcmp(type, "simple") ? BFD_AUTH_SIMPLE
                  : !strcmp(type, "sha1") ? BFD_AUTH_SHA1
                  : BFD_AUTH_METICULOUS_SHA1);
    auth->key_id = 1;
    auth->key_len = MIN(strlen(key), sizeof auth->key);
    memcpy(auth->key, key, auth->key_len);
}

static void
parse_options(int argc, char *argv[])
{
    static const struct option options[] = {
        { "local", required_argument, NULL, 'l' },
        { "peer", required_argument, NULL, 'p' },
        { "device", required_argument, NULL, 'd' },
        { "udp", no_argument, NULL, 'u' },
        { "icmp", no_argument, NULL, 'i' },
        { "interval-us", required_argument, NULL, 'I' },
        { "fall", required_argument, NULL, 'n' },
        { "rise", required_argument, NULL, 'r' },
        { "excuses", required_argument, NULL, 'k' },
        { "override-us", required_argument, NULL, 'o' },
        { "vlan", required_argument, NULL, 'v' },
        { "auth", required_argument, NULL, 'a' },
        { "time-ms", required_argument, NULL, 't' },
        { "link-down-ms", required_argument, NULL, 'L' },
        { "until", required_argument, NULL, 'U' },
        { "kernel", required_argument, NULL, 'K' },
        { "lease-ms", required_argument, NULL, 'e' },
        { "page", required_argument, NULL, 'P' },
        { "read", required_argument, NULL, 'R' },
        { NULL, 0, NULL, 0 },
    };
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        long long int number = optarg ? strtoll(optarg, NULL, 10) : 0;

        switch (c) {
        case 'l':
            parse_address(optarg, &cfg.local);
            break;
        case 'p':
            parse_address(optarg, &cfg.peer);
            break;
        case 'd':
            ovs_strlcpy(cfg.ifname, optarg, sizeof cfg.ifname);
            break;
        case 'u':
            cfg.path = HB_PATH_UDP;
            break;
        case 'i':
            cfg.type = HB_ICMP;
            break;
        case 'I':
            cfg.hb.interval_us = number;
            break;
        case 'n':
            cfg.hb.fall = cfg.bfd.mult = number;
            break;
        case 'r':
            cfg.hb.rise = number;
            break;
        case 'k':
            cfg.hb.max_excuses = number;
            break;
        case 'o':
            cfg.detect_override_us = number;
            break;
        case 'v':
            cfg.vlan = number;
            break;
        case 'a': {
            char *key = strchr(optarg, ':');
            if (!key) {
                ovs_fatal(0, "--auth=TYPE:KEY");
            }
            *key = '\0';
            parse_auth(optarg, key + 1);
            break;
        }
        case 't':
            duration_us = number * 1000;
            break;
        case 'L':
            link_down_us = number * 1000;
            break;
        case 'U':
            until = (!strcmp(optarg, "up") ? HB_FACT_UP : HB_FACT_DOWN);
            break;
        case 'K':
            cfg.offload.receive = true;
            cfg.offload.send = !strcmp(optarg, "send");
            break;
        case 'e':
            cfg.offload.lease_us = number * 1000;
            break;
        case 'P':
            page_file = optarg;
            break;
        case 'R':
            read_page(optarg);
            break;
        default:
            exit(EXIT_FAILURE);
        }
    }
    cfg.bfd.min_tx_us = cfg.bfd.min_rx_us = cfg.hb.interval_us;
}

static void
print_fact(const struct hb_thread *t, const struct hb_fact *fact)
{
    struct hb_stats stats;

    printf("%lld ", fact->now_us);
    switch (fact->type) {
    case HB_FACT_UP:
        if (page) {
            page->region[0] = tpr_word_next(page->region[0],
                                            TPR_LIVENESS_UP);
        }
        printf("up\n");
        break;
    case HB_FACT_DOWN:
        printf("down cause=\"%s\" missed=%u silent_us=%lld\n",
               heartbeat_cause_to_string(fact->cause), fact->missed,
               fact->last_beat_us ? fact->now_us - fact->last_beat_us : 0);
        break;
    case HB_FACT_EXCUSED:
        printf("excused late_us=%lld\n", fact->late_us);
        break;
    case HB_FACT_SESSION:
        ignore(hb_thread_stats(t, 0, &stats));
        printf("session state=%s remote=%s diag=\"%s\" remote_diag=\"%s\" "
               "tx_us=%lld detect_us=%lld\n",
               bfd_state_to_string(stats.bfd.state),
               bfd_state_to_string(stats.bfd.remote_state),
               bfd_diag_to_string(stats.bfd.diag),
               bfd_diag_to_string(stats.bfd.remote_diag),
               stats.bfd.tx_interval_us, stats.bfd.detect_us);
        break;
    case HB_FACT_ERROR:
        printf("error %s\n", ovs_strerror(fact->error));
        break;
    }
}

static void
print_stats(const struct hb_thread *t)
{
    struct hb_thread_stats self;
    struct hb_stats s;

    hb_thread_self_stats(t, &self);
    if (hb_thread_stats(t, 0, &s)) {
        uint64_t bad = 0;
        for (int i = 0; i < BFD_N_ERRORS; i++) {
            bad += s.rx_bad[i];
        }
        printf("stats state=%s tx=%"PRIu64" rx=%"PRIu64" bad=%"PRIu64
               " tx_errors=%"PRIu64" up=%"PRIu64" down=%"PRIu64
               " excused=%"PRIu64" max_gap_us=%lld max_late_us=%lld"
               " realtime=%d wakeups=%"PRIu64" late=%"PRIu64
               " strays=%"PRIu64" kernel_rx=%d kernel_tx=%d"
               " kernel_late_us=%lld kernel_tx_late_us=%lld\n",
               heartbeat_state_to_string(s.hb.state), s.tx, s.rx, bad,
               s.tx_errors, s.hb.n_up, s.hb.n_down, s.hb.n_excused,
               s.hb.max_gap_us, self.max_late_us, self.realtime,
               self.n_wakeups, self.n_late, self.n_strays, s.kernel_rx,
               s.kernel_tx, s.kernel_late_us, s.kernel_tx_late_us);
        for (int i = 0; i < BFD_N_ERRORS; i++) {
            if (s.rx_bad[i]) {
                printf("bad %"PRIu64" %s\n", s.rx_bad[i],
                       bfd_error_to_string(i));
            }
        }
    }
}

/* Returns true if 'until' has happened. */
static bool
print_facts(struct hb_thread *t)
{
    struct hb_fact fact;
    bool done = false;

    while (hb_thread_next_fact(t, &fact)) {
        print_fact(t, &fact);
        done = done || (int) fact.type == until;
    }
    return done;
}

static int
wait_for_events(const struct hb_thread *t, long long int end_us)
{
    struct pollfd pfd = { .fd = hb_thread_fd(t), .events = POLLIN };
    long long int left_us = MAX(end_us - now_us(), 0);
    struct timespec ts = { left_us / 1000000, left_us % 1000000 * 1000 };

    return ppoll(&pfd, 1, &ts, &unblocked);
}

int
main(int argc, char *argv[])
{
    ovs_set_program_name(argv[0], "test");
    parse_options(argc, argv);
    catch_signals();
    setvbuf(stdout, NULL, _IOLBF, 0);

    cfg.offload.ifindex = if_nametoindex(cfg.ifname);
    struct hb_thread *t = hb_thread_create(NULL, 1);
    if (page_file) {
        make_page(t);
    }
    int error = hb_thread_set(t, &cfg);
    if (error) {
        ovs_fatal(error, "cannot set up the session");
    }

    if (cfg.offload.receive) {
        if (hb_thread_offload_why(t, 0)) {
            printf("kernel: %s\n", hb_thread_offload_why(t, 0));
        }
    }

    long long int end_us = now_us() + duration_us;
    long long int down_us = link_down_us ? now_us() + link_down_us : end_us;
    bool done = false;
    while (!done && !terminated && now_us() < end_us) {
        wait_for_events(t, MIN(end_us, down_us));
        if (down_us < end_us && now_us() >= down_us) {
            printf("%lld link down\n", now_us());
            hb_thread_set_link(t, 0, false);
            down_us = end_us;
        }
        if (hung_up) {
            hung_up = 0;
            error = hb_thread_set(t, &cfg);
            printf("%lld set again: %s\n", now_us(),
                   error ? ovs_strerror(error) : "ok");
        }
        done = print_facts(t);
    }
    print_stats(t);
    hb_thread_destroy(t);
    return until < 0 || done ? EXIT_SUCCESS : EXIT_FAILURE;
}
