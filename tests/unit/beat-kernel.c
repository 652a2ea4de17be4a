/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of heartbeats in the kernel: the real programs, packets by
 * BPF_PROG_RUN and the real timer; the token in a network namespace of its
 * own.  Needs root; t-bpf-beat.sh runs it.
 *
 * A machine that takes our processor away delays things here.  So nothing is
 * said of how soon something happens, only of what, and of what is not before
 * its time. */

#include <config.h>
#include "beat-loader.h"
#include "unit.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include "bfd-packet.h"
#include "frame.h"
#include "tpr-time.h"

enum { XDP_DROP_ = 1, XDP_PASS_ = 2 };
enum { LAST = TPR_BEAT_SESSIONS - 1 };

static struct tpr_beat *b;
static struct tpr_page *page;
static int page_fd;

static struct bfd_packet usual = {
    .state = BFD_STATE_UP, .mult = 3, .my_discr = 7, .your_discr = 0x01020304,
    .min_tx_us = 10000, .min_rx_us = 10000,
};

static void
set_up(void)
{
    LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
    char *error = tpr_beat_create("test", NULL, &b);

    ck_assert_msg(!error, "%s", error);
    page_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "page", 4, sizeof *page, 1,
                             &opts);
    ck_assert_int_ge(page_fd, 0);
    page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED,
                page_fd, 0);
    ck_assert(page != MAP_FAILED);
    for (int i = 0; i < TPR_MAX_REGIONS; i++) {
        page->region[i] = tpr_word_next(41 << 8, TPR_LIVENESS_UP);
    }
    error = tpr_beat_add_page(b, page_fd);
    ck_assert_msg(!error, "%s", error);
}

static void
tear_down(void)
{
    tpr_beat_destroy(b);
    munmap(page, sizeof *page);
    close(page_fd);
}

static void
put_addresses(struct frame *f, bool ipv6)
{
    ck_assert_int_eq(1, inet_pton(AF_INET6, ipv6 ? "fd00::2"
                                  : "::ffff:10.0.0.2", &f->src));
    ck_assert_int_eq(1, inet_pton(AF_INET6, ipv6 ? "fd00::1"
                                  : "::ffff:10.0.0.1", &f->dst));
}

static struct tpr_beat_arming
arming(bool ipv6)
{
    struct bfd_auth none = { .type = BFD_AUTH_NONE };
    struct tpr_beat_arming a = {
        .discr = usual.your_discr, .ipv6 = ipv6, .consume = true,
        .max_excuses = 2, .interval_us = 10000, .detect_us = 30000,
        .rx_us = tpr_now_us(),
    };
    uint8_t buf[BFD_MAX_LEN];
    struct frame f;

    put_addresses(&f, ipv6);
    memcpy(&a.addr[0], &f.src.s6_addr[ipv6 ? 0 : 12], ipv6 ? 16 : 4);
    memcpy(&a.addr[ipv6 ? 4 : 1], &f.dst.s6_addr[ipv6 ? 0 : 12],
           ipv6 ? 16 : 4);
    bfd_packet_encode(&usual, &none, 0, buf);
    memcpy(a.expected, buf, sizeof a.expected);
    return a;
}

/* Lets the programs see 'p' in 'f'; returns true if it ended there.  XDP and
 * tc agree. */
static bool
receive_frame(struct frame *f, const struct bfd_packet *p)
{
    struct bfd_auth none = { .type = BFD_AUTH_NONE };
    uint8_t buf[BFD_MAX_LEN], frame[FRAME_MAX];
    uint32_t verdict, xdp_verdict;
    size_t size;

    f->kind = FRAME_UDP;
    f->payload = buf;
    f->size = bfd_packet_encode(p, &none, 0, buf);
    size = frame_build(f, frame);
    ck_assert_int_eq(tpr_beat_test_packet(b, true, frame, size,
                                          &xdp_verdict), 0);
    ck_assert_int_eq(tpr_beat_test_packet(b, false, frame, size, &verdict),
                     0);
    ck_assert(xdp_verdict == XDP_DROP_ || xdp_verdict == XDP_PASS_);
    if (p->state == BFD_STATE_UP) {
        ck_assert_int_eq(verdict == TC_ACT_SHOT, xdp_verdict == XDP_DROP_);
    }
    return verdict == TC_ACT_SHOT;
}

static bool
receive(bool ipv6, const struct bfd_packet *p)
{
    struct frame f = { .ttl = 255, .port_src = 50000, .port_dst = 3784 };

    put_addresses(&f, ipv6);
    return receive_frame(&f, p);
}

static struct tpr_beat_event last;
static unsigned int n_events;

static void
note_event(void *aux OVS_UNUSED, const struct tpr_beat_event *event)
{
    last = *event;
    n_events++;
}

/* Waits for one event. */
static void
wait_event(void)
{
    struct pollfd pfd = { .fd = tpr_beat_fd(b), .events = POLLIN };
    unsigned int old = n_events;

    while (n_events == old) {
        ck_assert_int_eq(poll(&pfd, 1, 10000), 1);
        tpr_beat_run(b, tpr_now_us(), note_event, NULL);
    }
}

static bool
is_armed(uint32_t id)
{
    return tpr_beat_session(b, id)->rx.armed;
}

START_TEST(ordinary_beats_end_here)
{
    for (int ipv6 = 0; ipv6 < 2; ipv6++) {
        struct tpr_beat_arming a = arming(ipv6);
        struct bfd_packet p = usual;
        const struct tpr_beat_rx *rx = &tpr_beat_session(b, 5)->rx;
        uint64_t n = rx->n_rx;

        a.detect_us = 3600 * 1000000LL;
        ck_assert(!receive(ipv6, &usual));
        ck_assert_int_eq(tpr_beat_arm(b, 5, &a), 0);
        ck_assert(receive(ipv6, &usual));
        ck_assert_uint_eq(rx->n_rx, n + 2);
        ck_assert_int_gt(rx->rx_us, a.rx_us);
        ck_assert(!receive(!ipv6, &usual));
        ck_assert_uint_eq(rx->n_rx, n + 2);

        /* News goes on, and proves life. */
        int64_t rx_us = rx->rx_us;
        p.poll = true;
        ck_assert(!receive(ipv6, &p));
        ck_assert_int_gt(rx->rx_us, rx_us);

        /* What is strange proves nothing. */
        rx_us = rx->rx_us;
        p = usual;
        p.my_discr++;
        ck_assert(!receive(ipv6, &p));
        p = usual;
        p.your_discr++;
        ck_assert(!receive(ipv6, &p));
        ck_assert_int_eq(rx->rx_us, rx_us);
        ck_assert(is_armed(5));

        a.consume = false;
        ck_assert_int_eq(tpr_beat_arm(b, 5, &a), 0);
        ck_assert(!receive(ipv6, &usual));
        ck_assert_int_gt(rx->rx_us, rx_us);
        tpr_beat_disarm(b, 5);
    }
}
END_TEST

START_TEST(headers_are_checked)
{
    struct tpr_beat_arming a = arming(false);
    struct frame f = { .ttl = 255, .port_src = 50000, .port_dst = 3784 };

    put_addresses(&f, false);
    a.detect_us = 3600 * 1000000LL;
    ck_assert_int_eq(tpr_beat_arm(b, 0, &a), 0);
    ck_assert(receive_frame(&f, &usual));
    f.ttl = 254;
    ck_assert(!receive_frame(&f, &usual));
    f.ttl = 255;
    f.port_dst = 4784;
    ck_assert(!receive_frame(&f, &usual));
    f.port_dst = 3784;
    f.src.s6_addr[15]++;
    ck_assert(!receive_frame(&f, &usual));
    f.src.s6_addr[15]--;
    f.vlan = 9;
    ck_assert(!receive_frame(&f, &usual));
    a.vlan = 9;
    ck_assert_int_eq(tpr_beat_arm(b, 0, &a), 0);
    ck_assert(receive_frame(&f, &usual));
    a.ifindex = 4711;
    ck_assert_int_eq(tpr_beat_arm(b, 0, &a), 0);
    ck_assert(!receive_frame(&f, &usual));
}
END_TEST

START_TEST(a_down_flips_the_word_at_once)
{
    for (int state = BFD_STATE_ADMIN_DOWN; state <= BFD_STATE_DOWN; state++) {
        struct tpr_beat_arming a = arming(false);
        struct bfd_packet p = usual;

        page->region[3] = tpr_word_next(41 << 8, TPR_LIVENESS_UP);
        a.detect_us = 3600 * 1000000LL;
        ck_assert_int_eq(tpr_beat_arm(b, 3, &a), 0);
        p.state = state;
        ck_assert(!receive(false, &p));
        ck_assert_uint_eq(page->region[3],
                          tpr_word_next(42 << 8, TPR_LIVENESS_DOWN));
        ck_assert(!is_armed(3));
        wait_event();
        ck_assert_uint_eq(last.type, TPR_BEAT_EVENT_PEER_DOWN);
        ck_assert_uint_eq(last.id, 3);
        /* It is the agent's again. */
        ck_assert(!receive(false, &usual));
        ck_assert(!tpr_beat_disarm(b, 3));
    }
    ck_assert_uint_eq(page->region[2],
                      tpr_word_next(41 << 8, TPR_LIVENESS_UP));
}
END_TEST

/* Whoever has to excuse itself gives it an hour. */
START_TEST(silence_flips_the_word)
{
    struct tpr_beat_arming a = arming(false);

    a.max_excuses = 0;
    ck_assert_int_eq(tpr_beat_arm(b, LAST, &a), 0);
    wait_event();
    ck_assert_uint_eq(last.type, TPR_BEAT_EVENT_DOWN);
    ck_assert_uint_eq(last.id, LAST);
    ck_assert_int_eq(last.rx_us, a.rx_us);
    ck_assert_int_ge(last.now_us, a.rx_us + a.detect_us);
    ck_assert_uint_eq(tpr_word_state(page->region[LAST]), TPR_LIVENESS_DOWN);
    ck_assert_uint_eq(tpr_word_state(page->region[LAST - 1]), TPR_LIVENESS_UP);
    ck_assert(!is_armed(LAST));
}
END_TEST

START_TEST(a_word_that_is_not_up_stays)
{
    struct tpr_beat_arming a = arming(false);
    tpr_word word = tpr_word_next(41 << 8, TPR_LIVENESS_UNKNOWN);

    page->region[4] = word;
    a.max_excuses = 0;
    ck_assert_int_eq(tpr_beat_arm(b, 4, &a), 0);
    wait_event();
    ck_assert_uint_eq(last.type, TPR_BEAT_EVENT_DOWN);
    ck_assert_uint_eq(page->region[4], word);
}
END_TEST

START_TEST(beats_keep_it_up)
{
    struct tpr_beat_arming a = arming(false);
    const struct tpr_beat_state *state = tpr_beat_state(b);
    uint64_t scans;

    /* Long, as we are not always there to send one. */
    a.interval_us = 1000;
    a.detect_us = 2000000;
    ck_assert_int_eq(tpr_beat_arm(b, 1, &a), 0);
    scans = state->n_scans;
    while (state->n_scans < scans + 50) {
        ck_assert(receive(false, &usual));
    }
    ck_assert(is_armed(1));
    ck_assert_uint_eq(state->tick_us, 250);
    ck_assert(tpr_beat_disarm(b, 1));
    ck_assert_uint_eq(state->tick_us, TPR_BEAT_TICK_MAX_US);
}
END_TEST

/* A processor stands still: nobody else is dead. */
START_TEST(a_pulse_that_stops_is_a_stall)
{
    struct tpr_beat_arming a = arming(false);
    struct tpr_beat_state *state
        = CONST_CAST(struct tpr_beat_state *, tpr_beat_state(b));
    int64_t started_us = tpr_now_us(), told_us = 0;

    if (!state->n_cpus) {
        return;                 /* This kernel has no pinned timers. */
    }
    for (uint32_t i = 0; i < state->n_cpus; i++) {
        int64_t due_us = state->pulse_due_us[i];

        while (__atomic_load_n(&state->pulse_due_us[i], __ATOMIC_RELAXED)
               == due_us) {
            sched_yield();
        }
    }
    /* One more that nobody drives. */
    ck_assert_uint_lt(state->n_cpus, TPR_BEAT_CPUS);
    state->pulse_due_us[state->n_cpus] = started_us;
    state->n_cpus++;
    a.rx_us = tpr_now_us();
    ck_assert_int_eq(tpr_beat_arm(b, 1, &a), 0);
    wait_event();
    ck_assert_int_eq(last.type, TPR_BEAT_EVENT_EXCUSED);
    /* Whoever judges a session in user space is told, too. */
    ck_assert_int_gt(tpr_beat_ask_stall(&state->stall, a.rx_us, &told_us),
                     30000);
    /* That goes on for a while, but not for ever. */
    do {
        wait_event();
    } while (last.type == TPR_BEAT_EVENT_EXCUSED);
    ck_assert_int_eq(last.type, TPR_BEAT_EVENT_DOWN);
    ck_assert_int_ge(last.now_us - last.rx_us, 30000 + TPR_BEAT_HOLD_US);
}
END_TEST

/* Whoever has looked at one arming does not end the next. */
START_TEST(each_arming_is_another)
{
    struct tpr_beat_arming a = arming(false);
    struct tpr_beat_rx *rx = CONST_CAST(struct tpr_beat_rx *,
                                        &tpr_beat_session(b, 9)->rx);
    uint32_t armed;

    a.detect_us = 3600 * 1000000LL;
    ck_assert_int_eq(tpr_beat_arm(b, 9, &a), 0);
    armed = rx->armed;
    ck_assert_uint_eq(armed & TPR_BEAT_ARMED_MASK, TPR_BEAT_ARMED);
    ck_assert_int_eq(tpr_beat_arm(b, 9, &a), 0);
    ck_assert_uint_eq(rx->armed & TPR_BEAT_ARMED_MASK, TPR_BEAT_ARMED);
    ck_assert_uint_ne(rx->armed, armed);
    ck_assert_int_eq(tpr_beat_listen(b, 9, &a), 0);
    ck_assert_uint_eq(rx->armed & TPR_BEAT_ARMED_MASK, TPR_BEAT_LISTENING);
    ck_assert(!tpr_beat_disarm(b, 9));
    ck_assert_int_eq(tpr_beat_arm(b, 9, &a), 0);
    ck_assert(tpr_beat_disarm(b, 9));
    ck_assert_uint_eq(rx->armed, TPR_BEAT_OFF);
}
END_TEST

/* Its port is taken away, and whoever arms does not know yet. */
START_TEST(who_is_quiet_is_not_dead)
{
    struct pollfd pfd = { .fd = tpr_beat_fd(b), .events = POLLIN };
    struct tpr_beat_arming a = arming(false);
    const struct tpr_beat_state *state = tpr_beat_state(b);
    uint64_t scans;

    a.max_excuses = 0;
    a.rx_us = tpr_now_us() + 3600 * 1000000LL;
    ck_assert_int_eq(tpr_beat_arm(b, 9, &a), 0);
    tpr_beat_quiet(b, 9);
    ck_assert(!is_armed(9));
    a.rx_us = tpr_now_us() - 3600 * 1000000LL;
    ck_assert_int_eq(tpr_beat_arm(b, 9, &a), ECANCELED);
    ck_assert_int_eq(tpr_beat_listen(b, 9, &a), ECANCELED);
    scans = state->n_scans;
    while (state->n_scans < scans + 3) {
        sched_yield();
    }
    ck_assert_uint_eq(tpr_word_state(page->region[9]), TPR_LIVENESS_UP);
    ck_assert_int_eq(poll(&pfd, 1, 0), 0);
    ck_assert(!tpr_beat_disarm(b, 9));

    tpr_beat_unquiet(b, 9);
    ck_assert_int_eq(tpr_beat_arm(b, 9, &a), 0);
    wait_event();
    ck_assert_uint_eq(last.type, TPR_BEAT_EVENT_DOWN);
    ck_assert_uint_eq(last.id, 9);
}
END_TEST

START_TEST(own_silence_is_excused_and_then_suspends)
{
    struct tpr_beat_arming a = arming(false);
    int excused = 0;

    /* Our last beat is as old as the peer's, and was due after 10 ms. */
    a.tx_interval_us = 10000;
    a.blame_us = 300000;
    a.max_excuses = 100;
    tpr_beat_sent(b, 2, a.rx_us);
    ck_assert_int_eq(tpr_beat_arm(b, 2, &a), 0);
    do {
        wait_event();
        excused += last.type == TPR_BEAT_EVENT_EXCUSED;
    } while (last.type == TPR_BEAT_EVENT_EXCUSED);
    ck_assert_int_gt(excused, 0);
    ck_assert_uint_eq(last.type, TPR_BEAT_EVENT_SUSPENDED);
    ck_assert(!is_armed(2));
    ck_assert_uint_eq(tpr_word_state(page->region[2]), TPR_LIVENESS_UP);
    ck_assert_uint_eq(tpr_beat_session(b, 2)->rx.n_suspended, 1);
}
END_TEST

START_TEST(the_peer_may_blame_our_stall)
{
    struct tpr_beat_arming a = arming(false);
    struct bfd_packet p = usual;
    const struct tpr_beat_state *state = tpr_beat_state(b);
    uint64_t scans;

    a.detect_us = 3600 * 1000000LL;
    a.tx_interval_us = 10000;
    a.blame_us = 3600 * 1000000LL;
    tpr_beat_sent(b, 2, a.rx_us - 1000000);
    ck_assert_int_eq(tpr_beat_arm(b, 2, &a), 0);
    scans = state->n_scans;
    while (state->n_scans < scans + 2) {
        sched_yield();
    }
    p.state = BFD_STATE_DOWN;
    p.diag = BFD_DIAG_EXPIRED;
    ck_assert(!receive(false, &p));
    ck_assert(is_armed(2));
    ck_assert_uint_eq(tpr_word_state(page->region[2]), TPR_LIVENESS_UP);
    p.diag = BFD_DIAG_NONE;
    ck_assert(!receive(false, &p));
    ck_assert(!is_armed(2));
    ck_assert_uint_eq(tpr_word_state(page->region[2]), TPR_LIVENESS_DOWN);
}
END_TEST

/* Transmission. */

static void
set_link_up(const char *name)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq ifr;

    memset(&ifr, 0, sizeof ifr);
    ovs_strlcpy(ifr.ifr_name, name, sizeof ifr.ifr_name);
    ck_assert_int_eq(ioctl(fd, SIOCGIFFLAGS, &ifr), 0);
    ifr.ifr_flags |= IFF_UP;
    ck_assert_int_eq(ioctl(fd, SIOCSIFFLAGS, &ifr), 0);
    close(fd);
}

static int
open_device(const char *name)
{
    struct sockaddr_ll sll = {
        .sll_family = AF_PACKET, .sll_protocol = htons(0x0003),
        .sll_ifindex = if_nametoindex(name),
    };
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

    ck_assert_int_eq(bind(fd, (struct sockaddr *) &sll, sizeof sll), 0);
    return fd;
}

static uint8_t
receive_byte(int fd, int64_t *now_us)
{
    uint8_t buf[2048];
    struct sockaddr_ll from;
    ssize_t n;

    do {
        socklen_t len = sizeof from;
        struct pollfd pfd = { .fd = fd, .events = POLLIN };

        ck_assert_int_eq(poll(&pfd, 1, 10000), 1);
        n = recvfrom(fd, buf, sizeof buf, 0, (struct sockaddr *) &from, &len);
    } while (n != 70 || from.sll_pkttype == PACKET_OUTGOING);
    *now_us = tpr_now_us();
    return buf[69];
}

START_TEST(the_token_sends_beats)
{
    struct tpr_beat_sending s = {
        .interval_us = 1000, .len = { 70, 70 }, .random = 1,
    };
    const struct tpr_beat_tx *tx = &tpr_beat_session(b, 0)->tx;
    int64_t now_us, start_us;
    char *error;
    int fd;

    ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
    set_link_up("lo");
    error = tpr_beat_start_token(b);
    ck_assert_msg(!error, "%s", error);
    ck_assert(tpr_beat_has_token(b));
    fd = open_device("lo");

    s.ifindex = if_nametoindex("lo");
    s.frame[0][69] = 1;
    s.frame[1][69] = 2;
    start_us = tpr_now_us();
    s.lease_until_us = start_us + 300000;
    tpr_beat_send(b, 0, &s, start_us);
    for (int i = 0; i < 100; i++) {
        ck_assert_uint_eq(receive_byte(fd, &now_us), 1);
    }
    /* 75 % of an interval is the least between two. */
    ck_assert_int_ge(now_us - start_us, 99 * 750);

    /* The lease runs out. */
    while (receive_byte(fd, &now_us) == 1) {
        continue;
    }
    ck_assert_int_ge(now_us, s.lease_until_us);
    for (int i = 0; i < 10; i++) {
        ck_assert_uint_eq(receive_byte(fd, &now_us), 2);
    }
    ck_assert_uint_ge(tx->n_farewells, 10);

    /* Renewed, it says the truth again. */
    tpr_beat_renew(b, 0, INT64_MAX);
    while (receive_byte(fd, &now_us) == 2) {
        continue;
    }
    tpr_beat_unsend(b, 0);
    close(fd);
    ck_assert_uint_eq(tx->n_errors, 0);
}
END_TEST

static void
run_token(int64_t now_us)
{
    tpr_beat_run(b, now_us, note_event, NULL);
}

/* Until the token was seen to run for as long as it takes. */
static void
wait_for_token(void)
{
    while (tpr_beat_token(b)->lost) {
        run_token(tpr_now_us());
        sched_yield();
    }
}

static void
start_token(void)
{
    char *error;

    ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
    set_link_up("lo");
    error = tpr_beat_start_token(b);
    ck_assert_msg(!error, "%s", error);
}

/* Sends beats nobody knows where. */
static void
send_anything(void)
{
    struct tpr_beat_sending s = {
        .interval_us = 1000, .len = { 70, 70 }, .random = 1,
        .ifindex = if_nametoindex("lo"), .lease_until_us = INT64_MAX,
    };

    tpr_beat_send(b, 0, &s, tpr_now_us());
}

/* The token is not let through any more. */
static void
lose_token(void)
{
    struct tpr_beat_state *state
        = CONST_CAST(struct tpr_beat_state *, tpr_beat_state(b));

    state->token_generation += 10;
    while (!state->n_foreign) {
        sched_yield();
    }
}

START_TEST(a_lost_token_is_replaced)
{
    start_token();
    ck_assert(tpr_beat_token(b)->lost);
    wait_for_token();
    lose_token();
    run_token(tpr_now_us() + 1000000);
    ck_assert(tpr_beat_token(b)->lost);
    wait_for_token();
    ck_assert_ptr_null(tpr_beat_check(b, tpr_now_us()));
}
END_TEST

/* The token of somebody who is dead ends, once it has nothing to send. */
START_TEST(an_abandoned_token_ends)
{
    struct tpr_beat_state *state
        = CONST_CAST(struct tpr_beat_state *, tpr_beat_state(b));
    const int64_t end_us = tpr_now_us() + 20000000;
    uint64_t n_tokens;

    start_token();
    wait_for_token();
    send_anything();
    state->owner.seen_us = tpr_now_us() - TPR_BEAT_ABANDONED_US - 1;
    n_tokens = __atomic_load_n(&state->n_tokens, __ATOMIC_RELAXED);
    while (__atomic_load_n(&state->n_tokens, __ATOMIC_RELAXED)
           < n_tokens + 100) {
        ck_assert_int_lt(tpr_now_us(), end_us);
        sched_yield();
    }
    tpr_beat_unsend(b, 0);
    while (tpr_now_us() - __atomic_load_n(&state->token_us, __ATOMIC_RELAXED)
           < 100000) {
        ck_assert_int_lt(tpr_now_us(), end_us);
        sched_yield();
    }
    /* It was not dead. */
    ck_assert_ptr_null(tpr_beat_check(b, tpr_now_us()));
    wait_for_token();
}
END_TEST

static void
shell(const char *command)
{
    ck_assert_msg(!system(command), "%s", command);
}

/* The loop goes by 'command', and with it the token, until there is another
 * one. */
static void
expect_new_loop(const char *command)
{
    char *sentence;

    wait_for_token();
    send_anything();
    shell(command);
    while (!tpr_beat_token(b)->lost) {
        run_token(tpr_now_us());
        sched_yield();
    }
    sentence = tpr_beat_check(b, tpr_now_us());
    ck_assert_ptr_nonnull(sentence);
    free(sentence);
    ck_assert_ptr_null(tpr_beat_loop_trouble(b));
    wait_for_token();
    ck_assert_ptr_null(tpr_beat_check(b, tpr_now_us()));
    tpr_beat_unsend(b, 0);
}

START_TEST(a_broken_loop_is_made_anew)
{
    start_token();
    expect_new_loop("ip link del $(ip -br link | grep -o '^beat0-[0-9a-f]*')");
    expect_new_loop("ip link set $(ip -br link | grep -o '^beat0-[0-9a-f]*')"
                    " down");
    expect_new_loop("tc qdisc del dev $(ip -br link |"
                    " grep -o '^beat1-[0-9a-f]*') ingress");
}
END_TEST

/* The timer tells, for those who sleep. */
START_TEST(the_timer_misses_the_token)
{
    struct pollfd pfd = { .fd = tpr_beat_fd(b), .events = POLLIN };

    start_token();
    wait_for_token();
    send_anything();
    while (poll(&pfd, 1, 0) == 1) {
        run_token(tpr_now_us());        /* What this machine did itself. */
    }
    lose_token();
    ck_assert_int_eq(poll(&pfd, 1, 10000), 1);
    run_token(tpr_now_us());
    ck_assert(tpr_beat_token(b)->lost);
    tpr_beat_unsend(b, 0);
}
END_TEST

/* ## Ports. ## */

/* Sends ordinary beats by 'fd' until 'done'. */
static void
beat_until(int fd, bool (*done)(void))
{
    struct bfd_auth none = { .type = BFD_AUTH_NONE };
    struct frame f = { .ttl = 255, .port_src = 50000, .port_dst = 3784 };
    uint8_t buf[BFD_MAX_LEN], frame[FRAME_MAX];
    size_t size;

    put_addresses(&f, false);
    f.kind = FRAME_UDP;
    f.payload = buf;
    f.size = bfd_packet_encode(&usual, &none, 0, buf);
    size = frame_build(&f, frame);
    while (!done()) {
        ck_assert_int_eq(send(fd, frame, size, 0), size);
        run_token(tpr_now_us());
        usleep(5000);
    }
}

static bool
has_listened(void)
{
    return tpr_beat_session(b, 6)->rx.n_listened > 0;
}

static bool
has_heard(void)
{
    return tpr_beat_session(b, 6)->rx.heard_us > 0;
}

static bool
has_event(void)
{
    return n_events > 0;
}

/* v0, by which beats are sent, and v1, where they come in.  Returns a socket
 * at v0. */
static int
make_port(struct tpr_beat_arming *a)
{
    int fd;

    ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
    shell("ip link add v0 type veth peer name v1 &&"
          " ip link set v0 up && ip link set v1 up");
    fd = open_device("v0");
    *a = arming(false);
    a->ifindex = if_nametoindex("v1");
    a->interval_us = 100000;
    a->detect_us = 300000;
    return fd;
}

START_TEST(who_listens_decides_nothing)
{
    const struct tpr_beat_rx *rx = &tpr_beat_session(b, 6)->rx;
    struct tpr_beat_arming a;
    int fd = make_port(&a);

    ck_assert_ptr_null(tpr_beat_attach(b, a.ifindex));
    n_events = 0;
    ck_assert_int_eq(tpr_beat_listen(b, 6, &a), 0);
    beat_until(fd, has_listened);
    beat_until(fd, has_heard);
    usleep(400000);
    run_token(tpr_now_us());
    ck_assert_uint_eq(n_events, 0);
    ck_assert_uint_eq(rx->n_rx, 0);
    ck_assert(!tpr_beat_disarm(b, 6));
    close(fd);
}
END_TEST

START_TEST(the_ear_hears_what_the_filter_does_not)
{
    struct tpr_beat_rx *rx = CONST_CAST(struct tpr_beat_rx *,
                                        &tpr_beat_session(b, 6)->rx);
    struct tpr_beat_arming a;
    int fd = make_port(&a);
    char *sentence;

    ck_assert_ptr_null(tpr_beat_attach(b, a.ifindex));
    ck_assert_ptr_null(tpr_beat_check(b, tpr_now_us()));

    /* The filter goes, beats come: nobody is dead. */
    n_events = 0;
    a.rx_us = tpr_now_us();
    ck_assert_int_eq(tpr_beat_arm(b, 6, &a), 0);
    shell("tc qdisc del dev v1 ingress");
    beat_until(fd, has_event);
    ck_assert_int_eq(last.type, TPR_BEAT_EVENT_DEAF);
    ck_assert_uint_eq(last.id, 6);
    ck_assert_uint_eq(rx->n_rx, 0);
    ck_assert_uint_eq(rx->n_deaf, 1);
    ck_assert_uint_eq(rx->armed, TPR_BEAT_OFF);
    ck_assert_uint_eq(tpr_word_state(page->region[6]), TPR_LIVENESS_UP);

    /* It is put back. */
    sentence = tpr_beat_check(b, tpr_now_us());
    ck_assert_ptr_nonnull(sentence);
    free(sentence);
    ck_assert_ptr_null(tpr_beat_port_trouble(b, a.ifindex));
    ck_assert_ptr_null(tpr_beat_check(b, tpr_now_us()));
    ck_assert_int_eq(tpr_beat_listen(b, 6, &a), 0);
    rx->n_listened = 0;
    beat_until(fd, has_listened);

    /* With the device it goes for good. */
    shell("ip link del v0");
    sentence = tpr_beat_check(b, tpr_now_us());
    ck_assert_ptr_null(sentence);
    ck_assert_ptr_nonnull(tpr_beat_port_trouble(b, a.ifindex));
    close(fd);
}
END_TEST

START_TEST(a_qdisc_goes_with_those_who_made_it)
{
    struct tpr_beat_arming a;

    close(make_port(&a));
    ck_assert_ptr_null(tpr_beat_attach(b, a.ifindex));
    ck_assert_ptr_null(tpr_beat_attach(b, a.ifindex));
    tpr_beat_detach(b, a.ifindex);
    shell("tc filter show dev v1 ingress | grep -q tpr_beat_tc");
    tpr_beat_detach(b, a.ifindex);
    shell("! tc qdisc show dev v1 | grep -q ingress");

    /* It was there before. */
    for (int i = 0; i < 2; i++) {
        shell(i ? "tc qdisc add dev v1 clsact"
              : "tc qdisc add dev v1 ingress");
        ck_assert_ptr_null(tpr_beat_attach(b, a.ifindex));
        shell("tc filter show dev v1 ingress | grep -q tpr_beat_tc");
        tpr_beat_detach(b, a.ifindex);
        shell("! tc filter show dev v1 ingress | grep -q tpr_beat_tc");
        shell(i ? "tc qdisc del dev v1 clsact"
              : "tc qdisc del dev v1 ingress");
    }

    /* Others have come to use it. */
    ck_assert_ptr_null(tpr_beat_attach(b, a.ifindex));
    shell("tc filter add dev v1 ingress protocol all u32 match u32 0 0");
    tpr_beat_detach(b, a.ifindex);
    shell("tc qdisc del dev v1 ingress");

    /* Somebody has put another one in its place. */
    ck_assert_ptr_null(tpr_beat_attach(b, a.ifindex));
    shell("tc qdisc del dev v1 ingress && tc qdisc add dev v1 clsact");
    free(tpr_beat_check(b, tpr_now_us()));
    shell("tc filter show dev v1 ingress | grep -q tpr_beat_tc");
    tpr_beat_detach(b, a.ifindex);
    shell("tc qdisc show dev v1 | grep -q clsact");
}
END_TEST

START_TEST(what_the_dead_left_is_removed)
{
    struct tpr_beat *other;
    struct tpr_beat_state *state;
    uint32_t lo;

    ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
    set_link_up("lo");
    lo = if_nametoindex("lo");
    tpr_beat_destroy(b);
    ck_assert_ptr_null(tpr_beat_create("test", NULL, &b));
    ck_assert_ptr_null(tpr_beat_create("test", NULL, &other));
    state = CONST_CAST(struct tpr_beat_state *, tpr_beat_state(b));
    ck_assert_ptr_null(tpr_beat_start_token(b));
    ck_assert_ptr_null(tpr_beat_start_token(other));
    ck_assert_ptr_null(tpr_beat_attach(b, lo));
    ck_assert_ptr_null(tpr_beat_attach(other, lo));

    /* They live. */
    tpr_beat_remove_old("test", "/nowhere");
    shell("test $(ip -br link | grep -c '^beat0-') = 2");
    shell("test $(tc filter show dev lo ingress | grep -c tpr_beat_tc) = 2");

    /* Another process has the number of one of them now. */
    state->owner.started++;
    tpr_beat_remove_old("else", "/nowhere");
    shell("test $(ip -br link | grep -c '^beat0-') = 2");
    tpr_beat_remove_old("test", "/nowhere");
    shell("test $(ip -br link | grep -c '^beat0-') = 1");
    shell("test $(tc filter show dev lo ingress | grep -c tpr_beat_tc) = 1");
    ck_assert_uint_eq(state->tick_us, 0);
    tpr_beat_destroy(other);
    shell("! ip -br link | grep '^beat0-'");
}
END_TEST

static Suite *
make_suite(void)
{
    const TTest *const tests[] = {
        ordinary_beats_end_here, headers_are_checked,
        a_down_flips_the_word_at_once, silence_flips_the_word,
        a_word_that_is_not_up_stays, beats_keep_it_up,
        a_pulse_that_stops_is_a_stall, each_arming_is_another,
        who_is_quiet_is_not_dead,
        own_silence_is_excused_and_then_suspends,
        the_peer_may_blame_our_stall, the_token_sends_beats,
        a_lost_token_is_replaced, an_abandoned_token_ends,
        a_broken_loop_is_made_anew,
        the_timer_misses_the_token, who_listens_decides_nothing,
        the_ear_hears_what_the_filter_does_not,
        a_qdisc_goes_with_those_who_made_it, what_the_dead_left_is_removed,
    };
    Suite *suite = suite_create("beat-kernel");

    for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
        TCase *tcase = tcase_create(tests[i]->name);

        tcase_add_checked_fixture(tcase, set_up, tear_down);
        tcase_set_timeout(tcase, 60);
        tcase_add_test(tcase, tests[i]);
        suite_add_tcase(suite, tcase);
    }
    return suite;
}

UNIT_MAIN_SUITE(make_suite)
