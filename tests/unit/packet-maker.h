/* SPDX-License-Identifier: Apache-2.0 */

/* Makes frames for tests of the packet's way, from a description.
 *
 * It shares nothing with what it tests: checksums are computed anew, byte by
 * byte.  What a rewrite should give is made from the rewritten description.
 * Single-threaded. */

#ifndef TPR_PACKET_MAKER_H
#define TPR_PACKET_MAKER_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "redirect-parse.h"

enum { MAKER_MAX = 4096 };          /* Room for a frame. */

struct made_end {
    struct tpr_addr addr;
    uint16_t port;                  /* Host byte order. */
};

/* A frame.  Zero is a sensible value of everything but the addresses and
 * 'proto'. */
struct made {
    uint8_t eth_src[6], eth_dst[6];
    uint16_t vlan;                  /* 802.1Q's tag; 0: untagged. */
    struct made_end src, dst;
    uint8_t proto;
    uint8_t tcp_flags;
    uint32_t seq, ack;              /* TCP. */
    bool no_window;                 /* TCP: window 0. */
    bool dont_fragment;             /* IPv4: DF, and identification 0. */
    uint8_t payload[512];           /* Of the transport. */
    size_t size;                    /* Of 'payload'. */
    size_t options;                 /* Bytes of IPv4 options, or of an IPv6
                                     * header of destination options. */
    bool no_csum;                   /* UDP: checksum 0. */
    bool partial;                   /* TCP, UDP: the pseudo-header's sum. */

    /* Fragment: the IP payload's first 'split' bytes, or what follows. */
    enum tpr_frag frag;
    size_t split;                   /* A multiple of 8. */

    /* ICMP: 'type', and instead of a payload the packet that it quotes. */
    uint8_t type;
    const struct made *quoted;
    size_t quoted_size;             /* At most so many bytes of it. */

    size_t padding;                 /* After the end of the packet. */
};

size_t make_frame(const struct made *, uint8_t frame[MAKER_MAX]);
struct tpr_addr make_addr(const char *);
uint16_t naive_csum(const uint8_t *, size_t);

#endif /* packet-maker.h */
