/* SPDX-License-Identifier: Apache-2.0 */

/* Fuzzes what a neighbour can answer: the input is one Ethernet frame.  What
 * is accepted must be a unicast MAC address and fit into the frame. */

#include <config.h>
#include "arp-nd.h"
#include <stdlib.h>
#include <string.h>
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A copy of exactly this size, so that reading beyond it shows. */
    uint8_t *copy = xmemdup(data, size);
    struct in6_addr addr;
    struct eth_addr mac;
    uint16_t vlan;

    if (arp_nd_parse_answer(copy, size, &addr, &mac, &vlan)) {
        ovs_assert(!(mac.ea[0] & 1));
        ovs_assert(!eth_addr_is_zero(mac));
        ovs_assert(vlan < 4096);
        ovs_assert(size >= 42);
    }

    static const struct eth_addr answerer = ETH_ADDR_C(02,00,00,00,00,01);
    uint8_t answer[ARP_ND_MAX_FRAME];
    size_t n = nd_answer(copy, size, &answerer, answer);

    if (n) {
        ovs_assert(n <= sizeof answer);
        ovs_assert(!memcmp(answer + 6, answerer.ea, sizeof answerer.ea));
    }
    free(copy);
    return 0;
}
