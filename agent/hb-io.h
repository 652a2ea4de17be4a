/* SPDX-License-Identifier: Apache-2.0 */

/* How beats get in and out: sockets of the heartbeat thread.
 *
 * Two transports behind one small table of functions:
 *
 *   packet   an AF_PACKET socket on the device of the region's port.  Beats
 *            pass the switch by: they are whole frames, sent to and taken from
 *            the device itself.  A socket filter lets in the peer's BFD
 *            packets or echo replies to us and nothing else.
 *
 *   udp      kernel UDP sockets, for a host that owns its address
 *            (tpr-regiond).  Each session sends from a port of its own
 *            (RFC 5881 section 4); all sessions with the same local address
 *            receive on one socket, a 'hub', and are told apart by the peer's
 *            address.
 *
 * Threads: the main thread opens and closes, which may take its time; the
 * heartbeat thread sends and receives, which never blocks or allocates.
 * Errors are errno values. */

#ifndef TPR_HB_IO_H
#define TPR_HB_IO_H 1

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hb_session_config;

enum {
    /* Bytes of a receive buffer: longer frames are cut, and then malformed. */
    HB_IO_BUF = 256,

    /* Size of a socket's queue, SO_RCVBUF.  The kernel doubles it, and the
     * smallest packet takes 768 bytes of it: 341 fit in. */
    HB_IO_RCVBUF = 128 * 1024,

    /* So after as many packets the queue was emptied, flood or no flood, of
     * all that had arrived when reading began. */
    HB_IO_BATCH = 512,
};

/* A beat that came in. */
struct hb_rx {
    enum { HB_RX_BFD, HB_RX_ECHO } kind;
    struct in6_addr src, dst;   /* IPv4 as IPv4-mapped. */
    unsigned int ifindex;       /* Where it came in, 0: unknown. */
    uint8_t ttl;                /* Or hop limit. */
    uint8_t mac_src[6];         /* Packet transport, else zero. */
    uint16_t echo_id, echo_seq; /* HB_RX_ECHO. */
    const uint8_t *data;        /* Payload, in 'buf'. */
    size_t size;
    uint8_t buf[HB_IO_BUF];
};

/* A beat that goes out. */
struct hb_tx {
    struct in6_addr src, dst;   /* UDP: unspecified 'src' lets the kernel
                                 * choose. */
    unsigned int ifindex;       /* UDP: scope of a link-local 'dst'. */
    uint8_t mac_dst[6];         /* Packet transport. */
    bool echo;                  /* Echo request instead of BFD. */
    uint16_t echo_id, echo_seq;
    const uint8_t *data;
    size_t size;
};

struct hb_io;

struct hb_io_class {
    const char *name;

    /* Opens what 'cfg' asks for.  'io' is uninitialized. */
    int (*open)(const struct hb_session_config *cfg, struct hb_io *io);

    /* Takes the next beat.  EAGAIN: there is none; EBADMSG: what came was no
     * beat for this session and was dropped.  Others: trouble of the socket;
     * it may go on later (ENETDOWN) or not (ENXIO, ENODEV). */
    int (*recv)(const struct hb_io *io, struct hb_rx *rx);

    int (*send)(const struct hb_io *io, const struct hb_tx *tx);

    /* BFD: lets no packets in that are 'expected', BFD_LEN bytes, as somebody
     * else receives those; NULL: lets them in again.  May be NULL, if they do
     * not get here then. */
    void (*skip)(const struct hb_io *io, const struct hb_session_config *cfg,
                 const uint8_t *expected);
};
extern const struct hb_io_class hb_io_packet;   /* hb-io-packet.c */
extern const struct hb_io_class hb_io_udp;      /* hb-io-udp.c */

/* One open transport.  Copied by value; 'fd' has one owner. */
struct hb_io {
    const struct hb_io_class *class;    /* NULL: not open. */
    int fd;

    /* Packet. */
    int ifindex;
    uint8_t mac[6];             /* Source MAC. */
    uint16_t vlan;              /* VID, 0: untagged. */
    uint16_t port;              /* Source port, of both transports. */
    struct in6_addr local, peer;

    /* UDP. */
    int family;                 /* AF_INET, AF_INET6 (which does both if
                                 * 'local' is unspecified). */
};

int hb_io_udp_open_hub(const struct in6_addr *local, const char *ifname,
                       struct hb_io *);
uint16_t hb_io_random_port(void);

#endif /* hb-io.h */
