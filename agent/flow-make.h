/* SPDX-License-Identifier: Apache-2.0 */

/* From a service or a heartbeat path to the OpenFlow flows that carry it out.
 *
 * Table 'flow_table', highest priority first (offset to the base priority):
 *
 *   +7  beats           drop the switch's copy, or LOCAL <-> port
 *   +6  exempt          checks from LOCAL; LOCAL's own ARP and ND; ND of
 *                       backends of services for "any" protocol
 *   +5  answer's guard  address claims of a returning owner -> NORMAL
 *   +4  answer, direct  ARP, ND, ping; learned: a direct connection's replies
 *   +3  redirect        protocol and ports  (forward and reverse)
 *   +2  redirect        protocol
 *   +1  redirect        any IP
 *   +0  direct          a client's packet to a backend's own address:
 *                       remember it, NORMAL
 *
 * Table 'client_table':
 *
 *   300 nd              second half of the ND answer (the option of an
 *                       advertisement may only be set in a flow that matches
 *                       one)
 *   100 learned         (VIP, client's MAC) -> port and VLAN
 *     0 miss            the backend's MAC back in place, NORMAL
 *
 * forward: VIP:P -> remember the client's port and VLAN, set destination MAC,
 * address, port and VLAN, output.  reverse: region's port, B:Pb -> set source
 * address, port and MAC, and look the client's MAC up in client_table.  A
 * client that is not known there gets its reply by NORMAL with the backend's
 * own source MAC: NORMAL would otherwise learn that the VIP's MAC lives behind
 * the region's port.
 *
 * What flows without state can not do:
 *
 *   - The switch shows every fragment without ports (mode "normal"): fragments
 *     meet only services without ports; others let them pass.
 *   - ICMP errors that quote a redirected packet are not translated.
 *   - A client that speaks to the VIP and, within DIRECT_IDLE_S after its
 *     last packet, from the same port to the backend's own address (or the
 *     other way round) gets replies from one of them only.  The same holds for
 *     all direct packets of a service without ports ("any" protocol).
 *     Every direct connection to a backend that serves redirected clients
 *     costs the switch an upcall and a learned flow, DIRECT_LIMIT at most.
 *   - Two services whose active backends are the same address and port: only
 *     one of them can have its replies (a conflict, see flow-table.h).
 *   - Clients on the port of the region itself are not redirected (the switch
 *     sends no packet back to where it came from).
 *
 * With policy weighted (flow-balance.c) forward is: remember the client, then
 * group:ID, a select group.  A backend is as many buckets of it as it has
 * weight; reverse, direct and exempt are there for every backend, alive or
 * not, so that a death changes the group and no flow.
 *
 * With redirect objects (flow-redirect.c) the same table has, instead of
 * redirect and direct:
 *
 *   +4  any             fragments to a VIP, ICMP errors to it or from a region
 *   +3  forward         redirect(ID): protocol and ports
 *   +2  forward         protocol
 *   +1  forward         any IP
 *   +0  reverse         all IP from a region's port: redirect(reverse)
 *
 * The switch keeps the connections; what it does not redirect goes on to
 * NORMAL.  None of what flows without state can not do holds then.
 *
 * A cookie says whose flow it is: "tpr " in the upper half, the kind in the
 * next byte, and 24 bits of hash: of the owner's name, or, for flows that
 * owners share and for learned ones, of the address.
 *
 * Pure: no socket, clock, log.  Threads: any; no state. */

#ifndef TPR_FLOW_MAKE_H
#define TPR_FLOW_MAKE_H 1

#include "datapath.h"
#include "openvswitch/match.h"
#include "openvswitch/ofpbuf.h"
#include "redirect-plan.h"

#define FLOW_COOKIE UINT64_C(0x7470722000000000)
#define FLOW_COOKIE_MASK UINT64_C(0xffffffff00000000)

#define FLOW_KINDS                              \
    FLOW_KIND(MISS, 0x01, "miss")               \
    FLOW_KIND(FORWARD, 0x10, "forward")         \
    FLOW_KIND(REVERSE, 0x11, "reverse")         \
    FLOW_KIND(DIRECT, 0x12, "direct")           \
    FLOW_KIND(NONE, 0x13, "none")               \
    FLOW_KIND(ANY, 0x14, "any")                 \
    FLOW_KIND(EXEMPT, 0x20, "exempt")           \
    FLOW_KIND(ARP, 0x30, "arp")                 \
    FLOW_KIND(ND, 0x31, "nd")                   \
    FLOW_KIND(GUARD, 0x32, "guard")             \
    FLOW_KIND(ECHO, 0x33, "echo")               \
    FLOW_KIND(BEAT, 0x40, "beat")               \
    FLOW_KIND(LEARN_CLIENT, 0x80, "client")     \
    FLOW_KIND(LEARN_DIRECT, 0x81, "direct-client")
enum flow_kind {
#define FLOW_KIND(ENUM, VALUE, NAME) FLOW_##ENUM = VALUE,
    FLOW_KINDS
#undef FLOW_KIND
};
const char *flow_kind_to_string(enum flow_kind);

/* Kinds from this one on are made by the switch itself, by "learn". */
#define FLOW_KIND_LEARNED 0x80

enum {
    FLOW_PRIORITY_SPAN = 8,     /* Priorities used above the base. */
    CLIENT_PRIORITY_ND = 300,
    CLIENT_PRIORITY_LEARNED = 100,
    CLIENT_IDLE_S = 300,        /* Learned client, as NORMAL's MACs. */
    DIRECT_IDLE_S = 60,         /* Learned direct connection, */
    DIRECT_FIN_IDLE_S = 5,      /* and once it has ended. */
    CONTROLLER_ID = 0x7470,     /* The agent's connection, for packets. */
    DIRECT_LIMIT = 65536,       /* Learned direct connections per backend. */
    BALANCE_BUCKETS = 64,       /* Buckets of a group, about. */
    BALANCE_BACKENDS = 256,     /* Backends of a service, at most. */
};

/* What all flows have in common. */
struct flow_context {
    uint8_t flow_table, client_table;
    uint16_t priority;          /* Base, at most 65535 - span. */
    const struct in6_addr *locals;
    size_t n_locals;
    bool nd_by_agent;           /* The switch cannot answer ND by itself. */
};

struct ofputil_group_desc;

/* One desired flow.  Owned by the maker, valid during the call of the sink. */
struct flow_desc {
    uint8_t table;
    uint16_t priority;
    uint64_t cookie;
    uint16_t flags;             /* OFPUTIL_FF_*. */
    struct match match;
    struct ofpbuf actions;
};
typedef void flow_sink(void *aux, const struct flow_desc *);

uint64_t flow_cookie(enum flow_kind, uint32_t hash);
uint32_t flow_addr_hash(const struct in6_addr *);

void flow_make_common(const struct flow_context *, flow_sink *, void *aux);
void flow_make_service(const struct flow_context *, const struct dp_service *,
                       ofp_port_t active, flow_sink *, void *aux);
void flow_make_redirect(const struct flow_context *,
                        const struct dp_service *, uint32_t id,
                        redirect_port_func *, void *port_aux,
                        flow_sink *, void *aux);
void flow_make_balanced(const struct flow_context *,
                        const struct dp_service *, uint32_t group,
                        redirect_port_func *, void *port_aux,
                        flow_sink *, void *aux);
void flow_make_group(const struct dp_service *, redirect_port_func *,
                     void *port_aux, struct ofputil_group_desc *);
const struct dp_target *flow_bucket_target(const struct dp_service *,
                                           uint32_t bucket_id);
void flow_make_path(const struct flow_context *, const struct dp_path *,
                    ofp_port_t port, flow_sink *, void *aux);

const uint8_t *flow_icmp_errors(bool v4, size_t *n);
size_t flow_port_masks(const struct tpr_port_range *, size_t n,
                       uint16_t (**maskp)[2]);

#endif /* flow-make.h */
