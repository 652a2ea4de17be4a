/* SPDX-License-Identifier: Apache-2.0 */

/* Beats by packet socket: see hb-io.h.
 *
 * The socket is bound to all protocols: a device that belongs to a switch
 * hands its packets to the switch before anybody who asked for one protocol
 * only. */

#include <config.h>
#include "hb-io.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "bfd-packet.h"
#include "frame.h"
#include "hb-thread.h"
#include "util.h"

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

/* The socket filter, in classic BPF.  The kernel has taken an 802.1Q tag off
 * before; fragments are refused. */
struct filter {
    struct sock_filter insns[40];
    unsigned short int n;
};

/* Where a jump leads, before filter_finish(): its distance comes later. */
enum { REFUSE = 1, ACCEPT = 2 };

static void
filter_add(struct filter *f, uint16_t code, uint8_t jt, uint8_t jf, uint32_t k)
{
    ovs_assert(f->n < ARRAY_SIZE(f->insns));
    f->insns[f->n++] = (struct sock_filter) { code, jt, jf, k };
}

/* Accepts only packets whose 'size' bytes (1, 2, 4) at 'offset' are
 * 'value'. */
static void
filter_want(struct filter *f, uint32_t offset, int size, uint32_t value)
{
    uint16_t width = size == 1 ? BPF_B : size == 2 ? BPF_H : BPF_W;

    filter_add(f, BPF_LD | BPF_ABS | width, 0, 0, offset);
    filter_add(f, BPF_JMP | BPF_JEQ | BPF_K, 0, REFUSE, value);
}

static void
filter_want_addr(struct filter *f, uint32_t offset,
                 const struct in6_addr *addr)
{
    size_t i = IN6_IS_ADDR_V4MAPPED(addr) ? 12 : 0;

    for (; i < 16; i += 4, offset += 4) {
        const uint8_t *p = &addr->s6_addr[i];

        filter_want(f, offset, 4, ((uint32_t) p[0] << 24 | p[1] << 16
                                   | p[2] << 8 | p[3]));
    }
}

/* Refuses packets that are 'expected', which is at 'offset' after register X
 * (mode BPF_IND) or the beginning (BPF_ABS). */
static void
filter_skip(struct filter *f, uint16_t mode, uint32_t offset,
            const uint8_t *expected)
{
    for (size_t i = 0; i < BFD_LEN; i += 4) {
        const uint8_t *p = &expected[i];
        bool last = i + 4 == BFD_LEN;

        filter_add(f, BPF_LD | BPF_W | mode, 0, 0, offset + i);
        filter_add(f, BPF_JMP | BPF_JEQ | BPF_K, last ? REFUSE : 0, ACCEPT,
                   ((uint32_t) p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3]));
    }
}

/* Ends the program: 'accept' follows, then 'refuse'. */
static void
filter_finish(struct filter *f)
{
    filter_add(f, BPF_RET | BPF_K, 0, 0, HB_IO_BUF);
    filter_add(f, BPF_RET | BPF_K, 0, 0, 0);
    for (unsigned short int i = 0; i < f->n; i++) {
        struct sock_filter *insn = &f->insns[i];

        if (BPF_CLASS(insn->code) == BPF_JMP) {
            uint8_t refuse = f->n - 1 - (i + 1);

            if (insn->jt) {
                insn->jt = insn->jt == REFUSE ? refuse : refuse - 1;
            }
            if (insn->jf) {
                insn->jf = insn->jf == REFUSE ? refuse : refuse - 1;
            }
        }
    }
}

static void
filter_ipv4(struct filter *f, const struct hb_session_config *cfg,
            const uint8_t *expected)
{
    bool bfd = cfg->type == HB_BFD;

    filter_want(f, 12, 2, ETH_P_IP);
    filter_want_addr(f, 26, &cfg->peer);
    filter_want_addr(f, 30, &cfg->local);
    filter_want(f, 23, 1, bfd ? IPPROTO_UDP : IPPROTO_ICMP);
    filter_add(f, BPF_LD | BPF_ABS | BPF_H, 0, 0, 20);
    filter_add(f, BPF_JMP | BPF_JSET | BPF_K, REFUSE, 0, 0x3fff);
    filter_add(f, BPF_LDX | BPF_MSH | BPF_B, 0, 0, 14);
    if (bfd) {
        filter_add(f, BPF_LD | BPF_IND | BPF_H, 0, 0, 14 + 2);
        filter_add(f, BPF_JMP | BPF_JEQ | BPF_K, 0, REFUSE, BFD_PORT);
        if (expected) {
            filter_skip(f, BPF_IND, 14 + 8, expected);
        }
    } else {
        filter_add(f, BPF_LD | BPF_IND | BPF_B, 0, 0, 14);
        filter_add(f, BPF_JMP | BPF_JEQ | BPF_K, 0, REFUSE, 0); /* Reply. */
    }
}

static void
filter_ipv6(struct filter *f, const struct hb_session_config *cfg,
            const uint8_t *expected)
{
    bool bfd = cfg->type == HB_BFD;

    filter_want(f, 12, 2, ETH_P_IPV6);
    filter_want_addr(f, 22, &cfg->peer);
    filter_want_addr(f, 38, &cfg->local);
    filter_want(f, 20, 1, bfd ? IPPROTO_UDP : IPPROTO_ICMPV6);
    if (bfd) {
        filter_want(f, 54 + 2, 2, BFD_PORT);
        if (expected) {
            filter_skip(f, BPF_ABS, 54 + 8, expected);
        }
    } else {
        filter_want(f, 54, 1, 129);             /* Reply. */
    }
}

static int
attach_filter(int fd, const struct hb_session_config *cfg,
              const uint8_t *expected)
{
    struct filter f = { .n = 0 };

    if (IN6_IS_ADDR_V4MAPPED(&cfg->peer)) {
        filter_ipv4(&f, cfg, expected);
    } else {
        filter_ipv6(&f, cfg, expected);
    }
    filter_finish(&f);

    struct sock_fprog prog = { .len = f.n, .filter = f.insns };
    return (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof prog)
            ? errno : 0);
}

static int
set_int(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value) ? errno : 0;
}

/* The device's number and, unless the configuration has one, its MAC. */
static int
look_up_device(int fd, const struct hb_session_config *cfg, struct hb_io *io)
{
    static const uint8_t zero[6];
    struct ifreq ifr;

    memset(&ifr, 0, sizeof ifr);
    ovs_strlcpy(ifr.ifr_name, cfg->ifname, sizeof ifr.ifr_name);
    if (ioctl(fd, SIOCGIFINDEX, &ifr)) {
        return errno;
    }
    io->ifindex = ifr.ifr_ifindex;

    memcpy(io->mac, cfg->local_mac, sizeof io->mac);
    if (!memcmp(io->mac, zero, sizeof zero)) {
        if (ioctl(fd, SIOCGIFHWADDR, &ifr)) {
            return errno;
        }
        memcpy(io->mac, ifr.ifr_hwaddr.sa_data, sizeof io->mac);
    }
    return 0;
}

/* Nothing arrives before the filter stands: the socket is born with protocol
 * 0 and gets its protocol by bind(). */
static int
set_up(int fd, const struct hb_session_config *cfg, struct hb_io *io)
{
    int error = look_up_device(fd, cfg, io);

    error = error ? error : attach_filter(fd, cfg, NULL);
    error = error ? error : set_int(fd, SOL_PACKET, PACKET_AUXDATA, 1);
    error = error ? error : set_int(fd, SOL_SOCKET, SO_RCVBUF, HB_IO_RCVBUF);
    if (error) {
        return error;
    }
    /* The first is a matter of speed only (Linux 4.20), the second of the
     * device's queue. */
    set_int(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
    set_int(fd, SOL_SOCKET, SO_PRIORITY, 7);

    struct sockaddr_ll sll = {
        .sll_family = AF_PACKET,
        .sll_protocol = htons(ETH_P_ALL),
        .sll_ifindex = io->ifindex,
    };
    return (bind(fd, (struct sockaddr *) &sll, sizeof sll) ? errno : 0);
}

static int
packet_open(const struct hb_session_config *cfg, struct hb_io *io)
{
    if (IN6_IS_ADDR_V4MAPPED(&cfg->local) != IN6_IS_ADDR_V4MAPPED(&cfg->peer)
        || IN6_IS_ADDR_UNSPECIFIED(&cfg->local)
        || IN6_IS_ADDR_UNSPECIFIED(&cfg->peer)) {
        return EINVAL;
    }

    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return errno;
    }
    memset(io, 0, sizeof *io);
    io->class = &hb_io_packet;
    io->fd = fd;
    io->vlan = cfg->vlan;
    io->local = cfg->local;
    io->peer = cfg->peer;
    io->port = hb_io_random_port();

    int error = set_up(fd, cfg, io);
    if (error) {
        close(fd);
    }
    return error;
}

/* What the kernel says beside the frame. */
static void
parse_auxdata(struct msghdr *msg, uint16_t *vlan, bool *check_l4)
{
    *vlan = 0;
    *check_l4 = true;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA
            && c->cmsg_len >= CMSG_LEN(sizeof(struct tpacket_auxdata))) {
            struct tpacket_auxdata aux;

            memcpy(&aux, CMSG_DATA(c), sizeof aux);
            if (aux.tp_status & TP_STATUS_VLAN_VALID) {
                *vlan = aux.tp_vlan_tci & 0xfff;
            }
            /* The sender is on this machine and left it to a NIC that does
             * not exist. */
            *check_l4 = !(aux.tp_status & TP_STATUS_CSUMNOTREADY);
        }
    }
}

static int
packet_recv(const struct hb_io *io, struct hb_rx *rx)
{
    union {
        struct cmsghdr align;
        char buf[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
    } control;
    struct sockaddr_ll from;
    struct iovec iov = { rx->buf, sizeof rx->buf };
    struct msghdr msg = {
        .msg_name = &from,
        .msg_namelen = sizeof from,
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof control,
    };
    ssize_t n = recvmsg(io->fd, &msg, MSG_DONTWAIT);
    if (n < 0) {
        return errno;
    }

    struct frame f;
    uint16_t vlan;
    bool check_l4;
    parse_auxdata(&msg, &vlan, &check_l4);
    if (from.sll_pkttype == PACKET_OUTGOING
        || !frame_parse(rx->buf, n, check_l4, &f)
        || (vlan ? vlan : f.vlan) != io->vlan
        || !IN6_ARE_ADDR_EQUAL(&f.src, &io->peer)
        || !IN6_ARE_ADDR_EQUAL(&f.dst, &io->local)
        || (f.kind == FRAME_UDP
            ? f.port_dst != BFD_PORT : f.kind != FRAME_ECHO_REPLY)) {
        return EBADMSG;
    }

    rx->kind = f.kind == FRAME_UDP ? HB_RX_BFD : HB_RX_ECHO;
    rx->src = f.src;
    rx->dst = f.dst;
    rx->ifindex = io->ifindex;
    rx->ttl = f.ttl;
    memcpy(rx->mac_src, f.mac_src, sizeof rx->mac_src);
    rx->echo_id = f.echo_id;
    rx->echo_seq = f.echo_seq;
    rx->data = f.payload;
    rx->size = f.size;
    return 0;
}

static void
packet_skip(const struct hb_io *io, const struct hb_session_config *cfg,
            const uint8_t *expected)
{
    /* Whatever still comes is counted twice, no more. */
    ignore(attach_filter(io->fd, cfg, expected));
}

static int
packet_send(const struct hb_io *io, const struct hb_tx *tx)
{
    struct frame f = {
        .vlan = io->vlan,
        .src = io->local,
        .dst = io->peer,
        .ttl = BFD_TTL,
        .kind = tx->echo ? FRAME_ECHO_REQUEST : FRAME_UDP,
        .port_src = io->port,
        .port_dst = BFD_PORT,
        .echo_id = tx->echo_id,
        .echo_seq = tx->echo_seq,
        .payload = tx->data,
        .size = tx->size,
    };
    uint8_t buf[FRAME_MAX];

    memcpy(f.mac_src, io->mac, sizeof f.mac_src);
    memcpy(f.mac_dst, tx->mac_dst, sizeof f.mac_dst);
    size_t size = frame_build(&f, buf);
    return (send(io->fd, buf, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0
            ? errno : 0);
}

const struct hb_io_class hb_io_packet = {
    .name = "packet",
    .open = packet_open,
    .recv = packet_recv,
    .send = packet_send,
    .skip = packet_skip,
};
