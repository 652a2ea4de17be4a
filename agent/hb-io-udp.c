/* SPDX-License-Identifier: Apache-2.0 */

/* Beats by UDP sockets of the kernel: see hb-io.h. */

#include <config.h>
#include "hb-io.h"

#include <errno.h>
#include <linux/filter.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>
#include "bfd-packet.h"
#include "frame.h"
#include "hb-thread.h"
#include "util.h"

/* Returns a port of RFC 5881 section 4 to send BFD packets from. */
uint16_t
hb_io_random_port(void)
{
    uint16_t random = 0;

    ignore(getrandom(&random, sizeof random, 0) < 0);
    return (BFD_SRC_PORT_MIN
            + random % (BFD_SRC_PORT_MAX - BFD_SRC_PORT_MIN + 1));
}

union address {
    struct sockaddr sa;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

/* Fills in '*a' for a socket of 'family'; returns its length.  Without a
 * scope, 'ifindex' is 0. */
static socklen_t
make_address(union address *a, int family, const struct in6_addr *addr,
             uint16_t port, unsigned int ifindex)
{
    memset(a, 0, sizeof *a);
    if (family == AF_INET) {
        a->in.sin_family = AF_INET;
        a->in.sin_port = htons(port);
        if (!IN6_IS_ADDR_UNSPECIFIED(addr)) {
            memcpy(&a->in.sin_addr, &addr->s6_addr[12], 4);
        }
        return sizeof a->in;
    }
    a->in6.sin6_family = AF_INET6;
    a->in6.sin6_port = htons(port);
    a->in6.sin6_addr = *addr;
    if (IN6_IS_ADDR_LINKLOCAL(addr)) {
        a->in6.sin6_scope_id = ifindex;
    }
    return sizeof a->in6;
}

static int
set_int(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value) ? errno : 0;
}

/* What every packet carries, and what we want to know of received ones.  An
 * AF_INET6 socket that also does IPv4 has both sets of options. */
static int
set_options(const struct hb_io *io, bool dual)
{
    int error = set_int(io->fd, SOL_SOCKET, SO_RCVBUF, HB_IO_RCVBUF);

    set_int(io->fd, SOL_SOCKET, SO_PRIORITY, 7);
    if (io->family == AF_INET6) {
        error = error ? error : set_int(io->fd, SOL_IPV6, IPV6_V6ONLY, !dual);
        error = error ? error : set_int(io->fd, SOL_IPV6, IPV6_UNICAST_HOPS,
                                        BFD_TTL);
        error = error ? error : set_int(io->fd, SOL_IPV6, IPV6_RECVHOPLIMIT,
                                        1);
        error = error ? error : set_int(io->fd, SOL_IPV6, IPV6_RECVPKTINFO,
                                        1);
        set_int(io->fd, SOL_IPV6, IPV6_TCLASS, FRAME_TOS);
    }
    if (io->family == AF_INET || dual) {
        error = error ? error : set_int(io->fd, SOL_IP, IP_TTL, BFD_TTL);
        error = error ? error : set_int(io->fd, SOL_IP, IP_RECVTTL, 1);
        error = error ? error : set_int(io->fd, SOL_IP, IP_PKTINFO, 1);
        set_int(io->fd, SOL_IP, IP_TOS, FRAME_TOS);
    }
    return error;
}

/* Opens a socket of 'family' at 'local' and 'port' into 'io'. */
static int
open_at(int family, bool dual, const struct in6_addr *local, uint16_t port,
        const char *ifname, struct hb_io *io)
{
    memset(io, 0, sizeof *io);
    io->class = &hb_io_udp;
    io->family = family;
    io->local = *local;
    io->port = port;
    io->fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (io->fd < 0) {
        return errno;
    }

    int error = set_options(io, dual);

    /* An address may be configured later, or be tentative for a second. */
    set_int(io->fd, SOL_IP, IP_FREEBIND, 1);
    if (!error && ifname[0]
        && setsockopt(io->fd, SOL_SOCKET, SO_BINDTODEVICE, ifname,
                      strlen(ifname) + 1)) {
        error = errno;
    }
    if (!error) {
        union address a;
        unsigned int ifindex = ifname[0] ? if_nametoindex(ifname) : 0;
        socklen_t len = make_address(&a, family, local, port, ifindex);

        error = bind(io->fd, &a.sa, len) ? errno : 0;
    }
    if (error) {
        close(io->fd);
        io->class = NULL;
    }
    return error;
}

/* The family follows the address; without one both are served, or IPv4 alone
 * where the kernel has no IPv6. */
static int
open_any(const struct in6_addr *local, uint16_t port, const char *ifname,
         struct hb_io *io)
{
    if (IN6_IS_ADDR_V4MAPPED(local)) {
        return open_at(AF_INET, false, local, port, ifname, io);
    } else if (!IN6_IS_ADDR_UNSPECIFIED(local)) {
        return open_at(AF_INET6, false, local, port, ifname, io);
    }

    int error = open_at(AF_INET6, true, local, port, ifname, io);
    return (error == EAFNOSUPPORT || error == EADDRNOTAVAIL
            ? open_at(AF_INET, false, local, port, ifname, io)
            : error);
}

/* Opens the socket on which all sessions with this 'local' address (or any,
 * if it is unspecified) receive.  'ifname' may be empty. */
int
hb_io_udp_open_hub(const struct in6_addr *local, const char *ifname,
                   struct hb_io *io)
{
    return open_any(local, BFD_PORT, ifname, io);
}

/* Opens the socket that a session sends from. */
static int
udp_open(const struct hb_session_config *cfg, struct hb_io *io)
{
    enum { ATTEMPTS = 64 };     /* Ports that others have are rare. */
    int error = EADDRINUSE;

    for (int i = 0; i < ATTEMPTS && error == EADDRINUSE; i++) {
        error = open_any(&cfg->local, hb_io_random_port(), cfg->ifname, io);
    }
    if (!error) {
        /* Nobody reads from it, so nothing shall queue there. */
        struct sock_filter refuse = { BPF_RET | BPF_K, 0, 0, 0 };
        struct sock_fprog prog = { .len = 1, .filter = &refuse };

        ignore(setsockopt(io->fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
                          sizeof prog) < 0);
    }
    return error;
}

static void
map_ipv4(struct in6_addr *addr, const struct in_addr *ip)
{
    memset(addr, 0, sizeof *addr);
    addr->s6_addr[10] = addr->s6_addr[11] = 0xff;
    memcpy(&addr->s6_addr[12], ip, 4);
}

/* Our address, the device and the TTL of a received packet. */
static void
parse_control(struct msghdr *msg, struct hb_rx *rx)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level == SOL_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;

            memcpy(&info, CMSG_DATA(c), sizeof info);
            map_ipv4(&rx->dst, &info.ipi_addr);
            rx->ifindex = info.ipi_ifindex;
        } else if (c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;

            memcpy(&info, CMSG_DATA(c), sizeof info);
            rx->dst = info.ipi6_addr;
            rx->ifindex = info.ipi6_ifindex;
        } else if ((c->cmsg_level == SOL_IP && c->cmsg_type == IP_TTL)
                   || (c->cmsg_level == SOL_IPV6
                       && c->cmsg_type == IPV6_HOPLIMIT)) {
            int ttl;

            memcpy(&ttl, CMSG_DATA(c), sizeof ttl);
            rx->ttl = ttl;
        }
    }
}

static int
udp_recv(const struct hb_io *io, struct hb_rx *rx)
{
    union {
        struct cmsghdr align;
        char buf[256];
    } control;
    union address from;
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

    rx->kind = HB_RX_BFD;
    rx->ttl = 0;
    rx->ifindex = 0;
    memset(&rx->dst, 0, sizeof rx->dst);
    memset(rx->mac_src, 0, sizeof rx->mac_src);
    parse_control(&msg, rx);
    if (from.sa.sa_family == AF_INET) {
        map_ipv4(&rx->src, &from.in.sin_addr);
    } else {
        rx->src = from.in6.sin6_addr;
    }
    rx->data = rx->buf;
    rx->size = n;
    return msg.msg_flags & MSG_TRUNC ? EBADMSG : 0;
}

/* Asks for source address 'src' and, if it is link-local, device 'ifindex' in
 * the control message of 'msg'. */
static void
put_source(struct msghdr *msg, int family, const struct hb_tx *tx)
{
    struct cmsghdr *c = msg->msg_control;

    if (family == AF_INET) {
        struct in_pktinfo info = { .ipi_ifindex = 0 };

        memcpy(&info.ipi_spec_dst, &tx->src.s6_addr[12], 4);
        msg->msg_controllen = CMSG_SPACE(sizeof info);
        c->cmsg_level = SOL_IP;
        c->cmsg_type = IP_PKTINFO;
        c->cmsg_len = CMSG_LEN(sizeof info);
        memcpy(CMSG_DATA(c), &info, sizeof info);
    } else {
        struct in6_pktinfo info = { .ipi6_addr = tx->src };

        if (IN6_IS_ADDR_LINKLOCAL(&tx->src)) {
            info.ipi6_ifindex = tx->ifindex;
        }
        msg->msg_controllen = CMSG_SPACE(sizeof info);
        c->cmsg_level = SOL_IPV6;
        c->cmsg_type = IPV6_PKTINFO;
        c->cmsg_len = CMSG_LEN(sizeof info);
        memcpy(CMSG_DATA(c), &info, sizeof info);
    }
}

static int
udp_send(const struct hb_io *io, const struct hb_tx *tx)
{
    union {
        struct cmsghdr align;
        char buf[CMSG_SPACE(sizeof(struct in6_pktinfo))];
    } control;
    union address to;
    struct iovec iov = { CONST_CAST(uint8_t *, tx->data), tx->size };
    struct msghdr msg = {
        .msg_name = &to,
        .msg_namelen = make_address(&to, io->family, &tx->dst, BFD_PORT,
                                    tx->ifindex),
        .msg_iov = &iov,
        .msg_iovlen = 1,
    };

    if (!IN6_IS_ADDR_UNSPECIFIED(&tx->src)) {
        memset(&control, 0, sizeof control);
        msg.msg_control = &control;
        put_source(&msg, io->family, tx);
    }
    return (sendmsg(io->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0
            ? errno : 0);
}

const struct hb_io_class hb_io_udp = {
    .name = "udp",
    .open = udp_open,
    .recv = udp_recv,
    .send = udp_send,
};
