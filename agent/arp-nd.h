/* SPDX-License-Identifier: Apache-2.0 */

/* ARP and neighbour discovery packets: build a question, read an answer,
 * answer a question.
 *
 * RFC 826 (ARP), RFC 5227 (ARP probe), RFC 4861 sections 4.3, 4.4, 7.1.2 and
 * 7.2.2 (neighbour solicitation and advertisement).  Pure: whole Ethernet
 * frames in and out.
 *
 * Threads: none; no state. */

#ifndef TPR_ARP_ND_H
#define TPR_ARP_ND_H 1

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "packets.h"

enum { ARP_ND_MAX_FRAME = 96 };         /* Longest frame built here, bytes. */

size_t arp_nd_request(const struct in6_addr *target,
                      const struct in6_addr *source,
                      const struct eth_addr *mac, uint16_t vlan,
                      uint8_t frame[ARP_ND_MAX_FRAME]);
bool arp_nd_parse_answer(const uint8_t *frame, size_t size,
                         struct in6_addr *addr, struct eth_addr *mac,
                         uint16_t *vlan);
size_t nd_answer(const uint8_t *frame, size_t size,
                 const struct eth_addr *mac,
                 uint8_t answer[ARP_ND_MAX_FRAME]);
void arp_nd_link_local(const struct eth_addr *, struct in6_addr *);

#endif /* arp-nd.h */
