/* SPDX-License-Identifier: Apache-2.0 */

/* Tests a session of the heartbeat thread with a transport of its own: what
 * goes out is kept, what comes in is made here. */

#include <config.h>
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include "hb-session.h"
#include "unit.h"
#include "util.h"

enum { MS = 1000 };

/* The transport. */
static struct hb_tx sent;
static uint8_t sent_data[BFD_MAX_LEN];
static int n_sent;
static int send_error;

static int
fake_send(const struct hb_io *io OVS_UNUSED, const struct hb_tx *tx)
{
    if (send_error) {
        return send_error;
    }
    sent = *tx;
    memcpy(sent_data, tx->data, tx->size);
    n_sent++;
    return 0;
}

static const struct hb_io_class fake_class = {
    .name = "fake",
    .send = fake_send,
};
static const struct hb_io fake_io = { .class = &fake_class, .fd = -1 };
static const struct hb_io no_io = { .class = NULL };

static struct in6_addr
addr(const char *s)
{
    struct in6_addr a;

    ck_assert_int_eq(inet_pton(AF_INET6, s, &a), 1);
    return a;
}

static struct hb_session_config
config(enum hb_type type, enum hb_path path, const char *peer)
{
    struct hb_session_config cfg = {
        .type = type,
        .path = path,
        .local = addr("::ffff:10.0.0.1"),
        .peer = addr(peer),
        .hb = { .interval_us = 10 * MS, .fall = 3, .rise = 1,
                .max_excuses = 1 },
        .bfd = { .min_tx_us = 10 * MS, .min_rx_us = 10 * MS, .mult = 3 },
    };

    cfg.bfd.passive = !strcmp(peer, "::");
    return cfg;
}

/* A fresh session at time 0. */
static struct hb_session s;
static void
start(const struct hb_session_config *cfg, const struct hb_io *io)
{
    n_sent = 0;
    send_error = 0;
    hb_session_start(&s, cfg, io, cfg->path == HB_PATH_UDP ? 0 : -1, 77, 99,
                     0);
}

/* A BFD packet from 'src'. */
static struct hb_rx rx;
static const struct hb_rx *
packet(const char *src, enum bfd_state state, uint32_t your_discr)
{
    struct bfd_packet p = {
        .state = state, .mult = 3, .my_discr = 55, .your_discr = your_discr,
        .min_tx_us = 10 * MS, .min_rx_us = 10 * MS,
    };
    struct bfd_auth none = { .type = BFD_AUTH_NONE };

    memset(&rx, 0, sizeof rx);
    rx.kind = HB_RX_BFD;
    rx.src = addr(src);
    rx.dst = addr("::ffff:10.0.0.1");
    rx.ttl = 255;
    memcpy(rx.mac_src, "\x02\0\0\0\0\x09", 6);
    rx.size = bfd_packet_encode(&p, &none, 0, rx.buf);
    rx.data = rx.buf;
    return &rx;
}

static const char peer_ip[] = "::ffff:10.0.0.2";

/* Down, Init, Up. */
static long long int
bring_up(void)
{
    hb_session_send(&s, 0);
    ck_assert_int_eq(n_sent, 1);
    ck_assert_int_eq(hb_session_receive(&s, packet(peer_ip, BFD_STATE_DOWN, 0),
                                        MS), HEARTBEAT_NOTHING);
    hb_session_send(&s, MS);
    ck_assert_int_eq(hb_session_receive(&s, packet(peer_ip, BFD_STATE_UP, 77),
                                        2 * MS), HEARTBEAT_WENT_UP);
    hb_session_send(&s, 2 * MS);
    return 2 * MS;
}

START_TEST(bfd_comes_up_and_dies)
{
    struct hb_session_config cfg = config(HB_BFD, HB_PATH_PACKET, peer_ip);

    start(&cfg, &fake_io);
    long long int now = bring_up() + 30 * MS;
    ck_assert(!hb_session_must_judge(&s, now - 1));
    ck_assert(hb_session_must_judge(&s, now));
    ck_assert_int_eq(hb_session_judge(&s, now), HEARTBEAT_WENT_DOWN);
}
END_TEST

START_TEST(mac_is_broadcast_until_learned)
{
    static const uint8_t broadcast[6] = { 255, 255, 255, 255, 255, 255 };
    static const uint8_t peer[6] = { 2, 0, 0, 0, 0, 9 };
    struct hb_session_config cfg = config(HB_BFD, HB_PATH_PACKET, peer_ip);

    start(&cfg, &fake_io);
    hb_session_send(&s, 0);
    ck_assert_mem_eq(sent.mac_dst, broadcast, 6);

    /* Not from a packet that does not count, nor from a group's address. */
    packet(peer_ip, BFD_STATE_DOWN, 0);
    rx.ttl = 254;
    hb_session_receive(&s, &rx, MS);
    ck_assert_uint_eq(s.n_rx_bad[BFD_ERR_TTL], 1);
    packet(peer_ip, BFD_STATE_DOWN, 0);
    rx.mac_src[0] = 1;
    hb_session_receive(&s, &rx, MS);
    ck_assert_mem_eq(s.peer_mac, broadcast, 6);

    hb_session_receive(&s, packet(peer_ip, BFD_STATE_DOWN, 0), MS);
    hb_session_send(&s, MS);
    ck_assert_mem_eq(sent.mac_dst, peer, 6);

    /* It survives a new configuration. */
    hb_session_configure(&s, &cfg, &fake_io, -1, 2 * MS);
    ck_assert_mem_eq(s.peer_mac, peer, 6);

    /* A configured one is never replaced. */
    memset(cfg.peer_mac, 4, 6);
    hb_session_configure(&s, &cfg, &fake_io, -1, 2 * MS);
    hb_session_receive(&s, packet(peer_ip, BFD_STATE_DOWN, 0), 3 * MS);
    ck_assert_mem_eq(s.peer_mac, cfg.peer_mac, 6);
}
END_TEST

START_TEST(malformed_packets_are_counted)
{
    struct hb_session_config cfg = config(HB_BFD, HB_PATH_PACKET, peer_ip);

    start(&cfg, &fake_io);
    packet(peer_ip, BFD_STATE_DOWN, 0);
    rx.size = 23;
    hb_session_receive(&s, &rx, MS);
    packet(peer_ip, BFD_STATE_DOWN, 0);
    rx.kind = HB_RX_ECHO;
    hb_session_receive(&s, &rx, MS);
    hb_session_receive(&s, packet(peer_ip, BFD_STATE_UP, 78), MS);

    struct hb_stats stats;
    hb_session_stats(&s, &stats);
    ck_assert_uint_eq(stats.rx, 0);
    ck_assert_uint_eq(stats.rx_bad[BFD_ERR_SHORT], 1);
    ck_assert_uint_eq(stats.rx_bad[BFD_ERR_FRAME], 1);
    ck_assert_uint_eq(stats.rx_bad[BFD_ERR_YOUR_DISCR], 1);
}
END_TEST

START_TEST(link_down_is_down_and_old_packets_do_not_count)
{
    struct hb_session_config cfg = config(HB_BFD, HB_PATH_PACKET, peer_ip);

    start(&cfg, &fake_io);
    bring_up();
    ck_assert_int_eq(hb_session_set_link(&s, false, 3 * MS),
                     HEARTBEAT_WENT_DOWN);
    ck_assert_int_eq(s.bfd.hb.cause, HEARTBEAT_CAUSE_LINK_DOWN);
    ck_assert_int_eq(s.bfd.state, BFD_STATE_DOWN);
    ck_assert_int_eq(s.bfd.diag, BFD_DIAG_PATH_DOWN);
    hb_session_receive(&s, packet(peer_ip, BFD_STATE_DOWN, 0), 3 * MS);
    ck_assert_int_eq(s.bfd.state, BFD_STATE_DOWN);

    ck_assert_int_eq(hb_session_set_link(&s, true, 9 * MS),
                     HEARTBEAT_NOTHING);
    hb_session_receive(&s, packet(peer_ip, BFD_STATE_DOWN, 77), 10 * MS);
    ck_assert_int_eq(hb_session_receive(&s,
                                        packet(peer_ip, BFD_STATE_UP, 77),
                                        11 * MS),
                     HEARTBEAT_WENT_UP);
}
END_TEST

/* If the kernel does not take our beats, silence is excused. */
START_TEST(own_silence_is_our_fault)
{
    struct hb_session_config cfg = config(HB_BFD, HB_PATH_PACKET, peer_ip);

    start(&cfg, &fake_io);
    long long int now = bring_up();
    send_error = ENOBUFS;
    hb_session_send(&s, now + 10 * MS);
    ck_assert_int_eq(s.error, ENOBUFS);
    ck_assert_uint_eq(s.n_tx_errors, 1);
    now += 30 * MS;
    ck_assert_int_eq(hb_session_judge(&s, now), HEARTBEAT_EXCUSED);
    /* While it goes on, but not for ever. */
    now += 10 * MS;
    ck_assert_int_eq(hb_session_judge(&s, now), HEARTBEAT_NOTHING);
    now += 100 * MS;
    ck_assert_int_eq(hb_session_judge(&s, now), HEARTBEAT_WENT_DOWN);
}
END_TEST

/* A device that is down is no fault of ours, and needs no detection time. */
START_TEST(device_down_is_down)
{
    struct hb_session_config cfg = config(HB_BFD, HB_PATH_PACKET, peer_ip);

    start(&cfg, &fake_io);
    long long int now = bring_up();
    ck_assert_int_eq(hb_session_trouble(&s, EIO, now), HEARTBEAT_NOTHING);
    ck_assert_int_eq(hb_session_trouble(&s, ENETDOWN, now),
                     HEARTBEAT_WENT_DOWN);
    ck_assert_int_eq(s.bfd.hb.cause, HEARTBEAT_CAUSE_LINK_DOWN);

    start(&cfg, &fake_io);
    now = bring_up();
    send_error = ENXIO;
    hb_session_send(&s, now + 10 * MS);
    ck_assert_int_eq(hb_session_judge(&s, now + 30 * MS),
                     HEARTBEAT_WENT_DOWN);
}
END_TEST

/* A device that is gone: the session lives on until its time is over, and
 * beyond. */
START_TEST(session_survives_its_socket)
{
    struct hb_session_config cfg = config(HB_BFD, HB_PATH_PACKET, peer_ip);

    start(&cfg, &fake_io);
    bring_up();
    hb_session_configure(&s, &cfg, &no_io, -1, 3 * MS);
    hb_session_send(&s, 30 * MS);
    ck_assert_int_eq(s.error, ENODEV);
    ck_assert_int_eq(hb_session_heartbeat(&s)->state, HEARTBEAT_UP);
    hb_session_configure(&s, &cfg, &fake_io, -1, 31 * MS);
    ck_assert_int_eq(s.error, 0);
    ck_assert_int_eq(hb_session_receive(&s, packet(peer_ip, BFD_STATE_UP, 77),
                                        31 * MS), HEARTBEAT_NOTHING);
    ck_assert_int_eq(hb_session_heartbeat(&s)->state, HEARTBEAT_UP);
}
END_TEST

/* The same description in memory full of 'fill'. */
static struct hb_session_config
filled(int fill)
{
    struct hb_session_config c;

    memset(&c, fill, sizeof c);
    c.id = 3;
    ovs_strlcpy(c.name, "r1", sizeof c.name);
    c.type = HB_BFD;
    c.path = HB_PATH_PACKET;
    c.local = addr("::ffff:10.0.0.1");
    c.peer = addr("::ffff:10.0.0.2");
    ovs_strlcpy(c.ifname, "eth1", sizeof c.ifname);
    c.ifindex = 7;
    memset(c.local_mac, 2, sizeof c.local_mac);
    memset(c.peer_mac, 0, sizeof c.peer_mac);
    c.vlan = 5;
    c.hb.interval_us = 10 * MS;
    c.hb.fall = c.hb.rise = c.hb.max_excuses = 3;
    c.detect_override_us = 0;
    c.bfd.min_tx_us = c.bfd.min_rx_us = 10 * MS;
    c.bfd.mult = 3;
    c.bfd.passive = c.bfd.admin_down = false;
    c.bfd.admin_diag = BFD_DIAG_NONE;
    c.bfd.auth.type = BFD_AUTH_SIMPLE;
    c.bfd.auth.key_id = 1;
    c.bfd.auth.key_len = 2;
    memcpy(c.bfd.auth.key, "ab", 2);
    c.offload.receive = c.offload.send = true;
    c.offload.ifindex = 7;
    c.offload.lease_us = 1000 * MS;
    return c;
}

START_TEST(padding_does_not_count)
{
    struct hb_session_config a = filled(0), b = filled(0xff);

    ck_assert(hb_session_config_equal(&a, &b));
}
END_TEST

START_TEST(every_field_counts)
{
    const struct hb_session_config a = filled(0);
    struct hb_session_config b;

#define DIFFERS(MEMBER)                                         \
    b = a;                                                      \
    *(uint8_t *) &b.MEMBER ^= 1;                                \
    ck_assert_msg(!hb_session_config_equal(&a, &b), #MEMBER)
    DIFFERS(id);
    DIFFERS(name);
    DIFFERS(type);
    DIFFERS(path);
    DIFFERS(local);
    DIFFERS(peer);
    DIFFERS(ifname);
    DIFFERS(ifindex);
    DIFFERS(local_mac);
    DIFFERS(peer_mac);
    DIFFERS(vlan);
    DIFFERS(hb.interval_us);
    DIFFERS(hb.fall);
    DIFFERS(hb.rise);
    DIFFERS(hb.max_excuses);
    DIFFERS(detect_override_us);
    DIFFERS(bfd.min_tx_us);
    DIFFERS(bfd.min_rx_us);
    DIFFERS(bfd.mult);
    DIFFERS(bfd.passive);
    DIFFERS(bfd.admin_down);
    DIFFERS(bfd.admin_diag);
    DIFFERS(bfd.auth.type);
    DIFFERS(bfd.auth.key_id);
    DIFFERS(bfd.auth.key_len);
    DIFFERS(bfd.auth.key);
#undef DIFFERS
}
END_TEST

START_TEST(same_session_or_another)
{
    struct hb_session_config cfg = config(HB_BFD, HB_PATH_PACKET, peer_ip);

    start(&cfg, &fake_io);
    ck_assert(hb_session_is_same(&s, &cfg));
    cfg.bfd.mult = 5;
    cfg.vlan = 7;
    ck_assert(hb_session_is_same(&s, &cfg));
    cfg.peer = addr("::ffff:10.0.0.3");
    ck_assert(!hb_session_is_same(&s, &cfg));
    cfg = config(HB_ICMP, HB_PATH_PACKET, peer_ip);
    ck_assert(!hb_session_is_same(&s, &cfg));
}
END_TEST

/* Adoption. */

START_TEST(first_valid_packet_is_adopted)
{
    struct hb_session_config cfg = config(HB_BFD, HB_PATH_UDP, "::");

    start(&cfg, &fake_io);
    ck_assert_int_eq(hb_session_deadline(&s), LLONG_MAX);
    hb_session_send(&s, 0);
    ck_assert_int_eq(n_sent, 0);

    /* None of these. */
    packet(peer_ip, BFD_STATE_DOWN, 0);
    rx.ttl = 64;
    ck_assert(!hb_session_may_adopt(&s, &rx, MS));
    packet(peer_ip, BFD_STATE_DOWN, 0);
    rx.size = 20;
    ck_assert(!hb_session_may_adopt(&s, &rx, MS));
    ck_assert(!hb_session_may_adopt(&s, packet(peer_ip, BFD_STATE_UP, 4), MS));

    packet(peer_ip, BFD_STATE_DOWN, 0);
    ck_assert(hb_session_may_adopt(&s, &rx, MS));
    hb_session_adopt(&s, &rx, MS);
    hb_session_receive(&s, &rx, MS);
    hb_session_send(&s, MS);
    ck_assert_int_eq(n_sent, 1);
    ck_assert_mem_eq(&sent.dst, &rx.src, sizeof sent.dst);
    ck_assert_mem_eq(&sent.src, &rx.dst, sizeof sent.src);
    ck_assert_int_ne(hb_session_deadline(&s), LLONG_MAX);
}
END_TEST

START_TEST(a_peer_that_is_gone_makes_room)
{
    const char other[] = "2001:db8::9";
    struct hb_session_config cfg = config(HB_BFD, HB_PATH_UDP, "::");

    start(&cfg, &fake_io);
    hb_session_adopt(&s, packet(peer_ip, BFD_STATE_DOWN, 0), MS);
    hb_session_receive(&s, &rx, MS);
    packet(other, BFD_STATE_DOWN, 0);
    ck_assert(!hb_session_may_adopt(&s, &rx, 9000LL * MS));
    ck_assert(hb_session_may_adopt(&s, &rx, 10001LL * MS));

    /* A configured peer never does. */
    cfg = config(HB_BFD, HB_PATH_UDP, peer_ip);
    start(&cfg, &fake_io);
    ck_assert(!hb_session_may_adopt(&s, &rx, 100000LL * MS));
}
END_TEST

START_TEST(adopted_sessions_keep_admin_down)
{
    struct hb_session_config cfg = config(HB_BFD, HB_PATH_UDP, "::");
    struct bfd_packet p;

    start(&cfg, &fake_io);
    hb_session_set_admin(&s, true, BFD_DIAG_CONCAT_DOWN, 0);
    hb_session_adopt(&s, packet(peer_ip, BFD_STATE_DOWN, 0), MS);
    hb_session_receive(&s, &rx, MS);
    hb_session_send(&s, MS);
    ck_assert_int_eq(n_sent, 1);
    ck_assert_int_eq(bfd_packet_decode(sent_data, 24, &p), BFD_ERR_NONE);
    ck_assert_int_eq(p.state, BFD_STATE_ADMIN_DOWN);
    ck_assert_int_eq(p.diag, BFD_DIAG_CONCAT_DOWN);
}
END_TEST

/* Other types. */

START_TEST(echo_sends_and_believes_its_own_replies)
{
    struct hb_session_config cfg = config(HB_ICMP, HB_PATH_PACKET, peer_ip);

    start(&cfg, &fake_io);
    hb_session_send(&s, 0);
    ck_assert(sent.echo);
    packet(peer_ip, BFD_STATE_UP, 0);
    rx.kind = HB_RX_ECHO;
    rx.echo_id = sent.echo_id;
    rx.echo_seq = sent.echo_seq;
    rx.size = sent.size;
    ck_assert_int_eq(hb_session_receive(&s, &rx, MS), HEARTBEAT_NOTHING);
    ck_assert_uint_eq(s.n_rx_bad[BFD_ERR_AUTH_FAILED], 1);
    memcpy(rx.buf, sent_data, sent.size);
    ck_assert_int_eq(hb_session_receive(&s, &rx, MS), HEARTBEAT_WENT_UP);
    ck_assert_int_eq(hb_session_judge(&s, 31 * MS), HEARTBEAT_WENT_DOWN);
}
END_TEST

START_TEST(link_alone)
{
    struct hb_session_config cfg = config(HB_LINK, HB_PATH_PACKET, "::");

    start(&cfg, &no_io);
    ck_assert_int_eq(hb_session_deadline(&s), LLONG_MAX);
    ck_assert_int_eq(hb_session_set_link(&s, true, MS), HEARTBEAT_WENT_UP);
    ck_assert_int_eq(hb_session_set_link(&s, true, 2 * MS),
                     HEARTBEAT_NOTHING);
    ck_assert_int_eq(hb_session_deadline(&s), LLONG_MAX);
    ck_assert(!hb_session_must_judge(&s, LLONG_MAX / 8));
    ck_assert_int_eq(hb_session_set_link(&s, false, 3 * MS),
                     HEARTBEAT_WENT_DOWN);
    ck_assert_int_eq(hb_session_set_link(&s, true, 4 * MS),
                     HEARTBEAT_WENT_UP);
}
END_TEST

UNIT_MAIN("hb-session", bfd_comes_up_and_dies, mac_is_broadcast_until_learned,
          malformed_packets_are_counted,
          link_down_is_down_and_old_packets_do_not_count,
          own_silence_is_our_fault, device_down_is_down,
          session_survives_its_socket,
          padding_does_not_count, every_field_counts,
          same_session_or_another, first_valid_packet_is_adopted,
          a_peer_that_is_gone_makes_room, adopted_sessions_keep_admin_down,
          echo_sends_and_believes_its_own_replies, link_alone)
