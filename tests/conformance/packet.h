/* SPDX-License-Identifier: Apache-2.0 */

/* Packets of the conformance suite: a description in words, the description
 * as a structure, and the frame it stands for.
 *
 *     tcp 10.0.0.9:4321>172.20.126.50:80 S seq=1 vlan=5
 *     udp [2001:db8::9]:53>[2001:db8::50]:53 len=20 frag=first id=7
 *     sctp 10.0.0.9:4321>172.20.126.50:80 chunk=6 tbit seq=1
 *     icmp 10.0.0.1>10.0.0.9 type=3 code=4 quote tcp 10.0.0.9:1>10.0.0.2:2 S
 *
 * The builder always computes whole checksums: whoever rewrites a packet in
 * this suite changes its description and builds it anew, so that nothing here
 * shares code with what it tests.  Pure; one thread. */

#ifndef CONFORMANCE_PACKET_H
#define CONFORMANCE_PACKET_H 1

#include <stdlib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "redirect.h"

enum { FRAME_MAX = 2048 };

struct frame {
    size_t len;
    uint8_t data[FRAME_MAX];
};

enum { NOT_FRAGMENT, FIRST_FRAGMENT, LATER_FRAGMENT };
enum { F_FIN = 1, F_SYN = 2, F_RST = 4, F_PSH = 8, F_ACK = 16 };
enum { PROTO_ICMP = 1, PROTO_ICMP6 = 58 };

struct pkt {
    struct tpr_addr src, dst;
    uint16_t sport, dport;      /* Host byte order. */
    uint8_t proto;
    bool is_v6;
    bool is_ip;                 /* Else ARP. */
    uint8_t flags;              /* F_*. */
    uint32_t seq, ack;          /* SCTP: verification and initiate tag. */
    int chunk;                  /* SCTP: type of the first one, -1: none. */
    bool tbit;                  /* Its T bit. */
    uint16_t payload;           /* Bytes behind the transport's header. */
    uint8_t smac[6], dmac[6];
    int tci;                    /* Without CFI bit; -1: untagged. */
    uint8_t ttl;
    uint32_t id;
    uint8_t frag;               /* *_FRAGMENT. */
    bool reset_style;           /* As a switch's own reset: DF, window 0. */
    bool nocsum;                /* UDP: checksum zero. */
    uint16_t badcsum;           /* Added to the right checksum. */
    uint8_t type, code;         /* ICMP. */
    uint8_t options;            /* 4-byte words of IPv4 options. */
    uint8_t ext;                /* Destination options headers, IPv6. */
    bool ah;                    /* An authentication header, IPv6. */
    bool atomic;                /* A fragment header that divides nothing. */
    bool partial;               /* Of the transport's checksum, only the
                                 * pseudo-header's sum is there. */
    uint8_t pad;                /* Bytes behind the packet. */

    /* What makes it malformed; -1: as it should be. */
    int cut, ip_len, ihl, doff, udp_len, version;
    int ext_len;                /* Of the destination options headers. */
    int l4_cut;                 /* So many bytes of transport, and IP says
                                 * so. */
    int routing;                /* An IPv6 routing header with so many segments
                                 * left; 0 is no mistake. */
    int outer;                  /* VLAN of a second tag, outside (802.1ad). */

    struct pkt *quote;          /* What an ICMP error quotes: owned by the
                                 * caller. */
    uint16_t quote_bytes;       /* Of its transport; 0: all. */
};

void pkt_init(struct pkt *);
bool pkt_is_malformed(const struct pkt *);
bool pkt_is_other(const struct pkt *);
void pkt_build(const struct pkt *, struct frame *);
const char *pkt_parse(char *text, struct pkt *, struct pkt *quote);
const char *parse_addr(const char *text, struct tpr_addr *, bool *is_v6);
void parse_mac(const char *text, uint8_t mac[6]);
bool has_ports(uint8_t proto);

/* A number in a text of the suite's own. */
static inline unsigned long int
number(const char *s)
{
    return strtoul(s, NULL, 10);
}

#endif /* packet.h */
