/* SPDX-License-Identifier: Apache-2.0 */

/* Whole Ethernet frames of heartbeats: build and parse.
 *
 * Why: beats that bypass the switch travel by packet socket, so there is no
 * kernel below to make headers.
 *
 * What: Ethernet II, at most one 802.1Q tag, IPv4 (options are skipped) or
 * IPv6 (without extension headers), then UDP or an ICMP echo.  Fragments are
 * refused.  Pure: bytes in, a struct out, and the other way round.
 *
 * Threads: none; no state. */

#ifndef TPR_FRAME_H
#define TPR_FRAME_H 1

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FRAME_MAX_PAYLOAD = 64,     /* Of frames that we build. */
    FRAME_MAX = 14 + 4 + 40 + 8 + FRAME_MAX_PAYLOAD,
    FRAME_TOS = 0xc0,           /* DSCP CS6, network control. */
};

enum frame_kind {
    FRAME_UDP,                  /* 'port_src', 'port_dst'. */
    FRAME_ECHO_REQUEST,         /* ICMP or ICMPv6: 'echo_id', 'echo_seq'. */
    FRAME_ECHO_REPLY,
};

struct frame {
    uint8_t mac_src[6], mac_dst[6];
    uint16_t vlan;              /* VID of the tag, 0 without one. */
    struct in6_addr src, dst;   /* Both IPv4-mapped or neither. */
    uint8_t ttl;                /* Or hop limit. */
    enum frame_kind kind;
    uint16_t port_src, port_dst;
    uint16_t echo_id, echo_seq;
    const uint8_t *payload;     /* Parsed: points into the frame. */
    size_t size;                /* Of 'payload', bytes. */
};

size_t frame_build(const struct frame *, uint8_t buf[FRAME_MAX]);
bool frame_parse(const uint8_t *data, size_t size, bool check_l4,
                 struct frame *);

#endif /* frame.h */
