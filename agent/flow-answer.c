/* SPDX-License-Identifier: Apache-2.0 */

/* Flows by which the switch answers for an address whose owner can not: ARP,
 * neighbour discovery, ping.
 *
 * A request becomes its own answer, in place, and leaves by the port where it
 * came in; a VLAN tag stays.  Two kinds of request are never answered, and go
 * to NORMAL instead, because the owner that comes back sends them and would
 * take our answer for somebody else's claim to its address:
 *
 *   - probes: ARP with sender address 0 (RFC 5227 2.1.1); NS from "::"
 *     (RFC 4862 5.4.3);
 *   - announcements: ARP with sender address = target (RFC 5227 2.3).
 *
 * Nor are LOCAL's own requests answered while the address has an owner: the
 * agent's checks must find the owner's real MAC.
 *
 * ND takes two flows.  OpenFlow lets a flow set the link-layer option of an
 * advertisement only if the flow matches an advertisement; so the first makes
 * the solicitation one, and the second, in client_table, fills it in.  The
 * fields nd_reserved and nd_options_type exist since OVS 2.11, and only in its
 * userspace datapath: with the kernel's, the switch refuses these flows
 * (OFPBAC_BAD_SET_ARGUMENT).  Then 'nd_by_agent' is set, and a flow hands the
 * solicitation to the agent.  The second flow is there before anybody needs an
 * answer, so that this is known before an owner dies.
 *
 * Pure.  Threads: any; no state. */

#include <config.h>
#include "flow-maker.h"
#include <netinet/icmp6.h>
#include "flow-acts.h"
#include "packets.h"

/* RFC 4861 4.4: the flags Solicited and Override of an advertisement. */
#define NA_SOLICITED 0x40000000u
#define NA_OVERRIDE 0x20000000u

enum { ANSWER_TTL = 64 };

static void
match_answer(struct flow_maker *m, ofp_port_t in_port)
{
    if (in_port != OFPP_ANY) {
        match_set_in_port(&m->d.match, in_port);
    }
}

/* Appends "send it back to whom it came from". */
static void
act_eth_reply(struct ofpbuf *acts, const struct eth_addr *mac)
{
    flow_act_move_all(acts, MFF_ETH_SRC, MFF_ETH_DST);
    flow_act_set(acts, MFF_ETH_SRC, mac);
}

static void
match_arp_request(struct flow_maker *m, ovs_be32 ip, ofp_port_t in_port)
{
    struct match *match = &m->d.match;

    match_answer(m, in_port);
    match_set_dl_type(match, htons(ETH_TYPE_ARP));
    match_set_nw_proto(match, ARP_OP_REQUEST);
    match_set_nw_dst(match, ip);
}

static void
make_arp(struct flow_maker *m, ovs_be32 ip, const struct eth_addr *mac,
         ofp_port_t in_port, bool pure)
{
    const ovs_be32 claims[] = { 0, ip };
    const ovs_be16 reply = htons(ARP_OP_REPLY);
    struct ofpbuf *acts = &m->d.actions;

    maker_begin(m, FLOW_ARP, OFFSET_ANSWER);
    match_arp_request(m, ip, in_port);
    act_eth_reply(acts, mac);
    flow_act_set(acts, MFF_ARP_OP, &reply);
    flow_act_move_all(acts, MFF_ARP_SHA, MFF_ARP_THA);
    flow_act_set(acts, MFF_ARP_SHA, mac);
    flow_act_move_all(acts, MFF_ARP_SPA, MFF_ARP_TPA);
    flow_act_set(acts, MFF_ARP_SPA, &ip);
    flow_act_output(acts, OFPP_IN_PORT);
    maker_end(m);

    for (size_t i = 0; i < ARRAY_SIZE(claims); i++) {
        maker_begin(m, FLOW_GUARD, OFFSET_GUARD);
        match_arp_request(m, ip, in_port);
        match_set_nw_src(&m->d.match, claims[i]);
        maker_end_normal(m);
    }
    if (!pure) {
        maker_begin(m, FLOW_EXEMPT, OFFSET_EXEMPT);
        match_arp_request(m, ip, OFPP_LOCAL);
        maker_end_normal(m);
    }
}

static void
match_nd(struct flow_maker *m, const struct in6_addr *ip, uint8_t type)
{
    struct match *match = &m->d.match;

    match_set_dl_type(match, htons(ETH_TYPE_IPV6));
    match_set_nw_proto(match, IPPROTO_ICMPV6);
    match_set_icmp_type(match, type);
    match_set_icmp_code(match, 0);
    match_set_nd_target(match, ip);
}

/* Begins the answer to a solicitation: all but its link-layer option.  With
 * 'option', it answers solicitations that have one; without, only unicast
 * ones, whose answer must not name a link-layer address then (RFC 4861
 * 7.2.4). */
static void
begin_nd_answer(struct flow_maker *m, const struct in6_addr *ip,
                const struct eth_addr *mac, ofp_port_t in_port, bool option)
{
    const ovs_be32 flags = htonl(NA_SOLICITED | (option ? NA_OVERRIDE : 0));
    static const uint8_t advert = ND_NEIGHBOR_ADVERT;
    struct ofpbuf *acts = &m->d.actions;

    maker_begin(m, FLOW_ND, OFFSET_ANSWER);
    match_answer(m, in_port);
    match_nd(m, ip, ND_NEIGHBOR_SOLICIT);
    match_set_nw_ttl(&m->d.match, 255);         /* RFC 4861 7.1.1. */
    match_set_nd_options_type(&m->d.match,
                              option ? ND_OPT_SOURCE_LINKADDR : 0);
    if (!option) {
        match_set_ipv6_dst(&m->d.match, ip);
    }
    act_eth_reply(acts, mac);
    flow_act_move_all(acts, MFF_IPV6_SRC, MFF_IPV6_DST);
    act_set_ip(acts, true, ip);
    flow_act_set(acts, MFF_ND_RESERVED, &flags);
    flow_act_set(acts, MFF_ICMPV6_TYPE, &advert);
}

/* The second half, for solicitations with option: what only a flow that
 * matches an advertisement may set. */
static void
make_nd_option(struct flow_maker *m, const struct in6_addr *ip,
               const struct eth_addr *mac)
{
    static const uint8_t tll = ND_OPT_TARGET_LINKADDR;
    struct ofpbuf *acts = &m->d.actions;

    maker_begin(m, FLOW_ND, 0);
    m->d.table = m->ctx->client_table;
    m->d.priority = CLIENT_PRIORITY_ND;
    match_nd(m, ip, ND_NEIGHBOR_ADVERT);
    match_set_reg(&m->d.match, 0, 1);
    match_set_nd_options_type(&m->d.match, ND_OPT_SOURCE_LINKADDR);
    flow_act_set(acts, MFF_ND_OPTIONS_TYPE, &tll);
    flow_act_set(acts, MFF_ND_TLL, mac);
    flow_act_output(acts, OFPP_IN_PORT);
    maker_end(m);
}

/* The switch itself answers. */
static void
make_nd_by_flows(struct flow_maker *m, const struct in6_addr *ip,
                 const struct eth_addr *mac, ofp_port_t in_port)
{
    static const ovs_be32 mark = CONSTANT_HTONL(1);

    begin_nd_answer(m, ip, mac, in_port, false);
    flow_act_output(&m->d.actions, OFPP_IN_PORT);
    maker_end(m);

    begin_nd_answer(m, ip, mac, in_port, true);
    flow_act_set(&m->d.actions, MFF_REG0, &mark);
    flow_act_resubmit(&m->d.actions, m->ctx->client_table);
    maker_end(m);
}

/* The agent answers what the switch hands it, with the address beside it. */
static void
make_nd_by_agent(struct flow_maker *m, const struct in6_addr *ip,
                 const struct eth_addr *mac, ofp_port_t in_port)
{
    maker_begin(m, FLOW_ND, OFFSET_ANSWER);
    match_answer(m, in_port);
    match_nd(m, ip, ND_NEIGHBOR_SOLICIT);
    match_set_nw_ttl(&m->d.match, 255);         /* RFC 4861 7.1.1. */
    flow_act_ask_agent(&m->d.actions, CONTROLLER_ID, mac);
    maker_end(m);
}

static void
make_nd(struct flow_maker *m, const struct in6_addr *ip,
        const struct eth_addr *mac, ofp_port_t in_port, bool pure)
{
    static const struct in6_addr unspecified = IN6ADDR_ANY_INIT;

    if (m->ctx->nd_by_agent) {
        make_nd_by_agent(m, ip, mac, in_port);
    } else {
        make_nd_by_flows(m, ip, mac, in_port);
    }

    maker_begin(m, FLOW_GUARD, OFFSET_GUARD);
    match_answer(m, in_port);
    match_nd(m, ip, ND_NEIGHBOR_SOLICIT);
    match_set_ipv6_src(&m->d.match, &unspecified);
    maker_end_normal(m);

    if (!pure) {
        maker_begin(m, FLOW_EXEMPT, OFFSET_EXEMPT);
        match_set_in_port(&m->d.match, OFPP_LOCAL);
        match_nd(m, ip, ND_NEIGHBOR_SOLICIT);
        maker_end_normal(m);
    }
}

/* Ping of an address that nobody has.  Whole packets only: the switch shows a
 * fragment's type as 0. */
static void
make_echo(struct flow_maker *m, const struct in6_addr *ip,
          const struct eth_addr *mac, ofp_port_t in_port)
{
    bool v4 = addr_is_v4(ip);
    const uint8_t reply = v4 ? ICMP4_ECHO_REPLY : ICMP6_ECHO_REPLY;
    static const uint8_t ttl = ANSWER_TTL;
    struct ofpbuf *acts = &m->d.actions;

    maker_begin(m, FLOW_ECHO, OFFSET_ANSWER);
    match_answer(m, in_port);
    match_ip_dst(&m->d.match, ip);
    match_set_nw_proto(&m->d.match, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
    match_set_icmp_type(&m->d.match,
                        v4 ? ICMP4_ECHO_REQUEST : ICMP6_ECHO_REQUEST);
    match_set_icmp_code(&m->d.match, 0);
    match_set_nw_frag_masked(&m->d.match, 0, FLOW_NW_FRAG_MASK);
    act_eth_reply(acts, mac);
    flow_act_move_all(acts, v4 ? MFF_IPV4_SRC : MFF_IPV6_SRC,
                      v4 ? MFF_IPV4_DST : MFF_IPV6_DST);
    act_set_ip(acts, true, ip);
    flow_act_set(acts, v4 ? MFF_ICMPV4_TYPE : MFF_ICMPV6_TYPE, &reply);
    flow_act_set(acts, MFF_IP_TTL, &ttl);
    flow_act_output(acts, OFPP_IN_PORT);
    maker_end(m);
}

/* Makes what answers for 'ip' with 'mac' will need, and answers nothing by
 * itself. */
void
make_answers_ready(struct flow_maker *m, const struct in6_addr *ip,
                   const struct eth_addr *mac)
{
    m->hash = flow_addr_hash(ip);
    if (!addr_is_v4(ip) && !m->ctx->nd_by_agent) {
        make_nd_option(m, ip, mac);
    }
}

/* Makes the flows that answer for 'ip' with 'mac', on 'in_port' or, with
 * OFPP_ANY, on all.  'pure': nobody else has the address. */
void
make_answers(struct flow_maker *m, const struct in6_addr *ip,
             const struct eth_addr *mac, ofp_port_t in_port, bool pure)
{
    make_answers_ready(m, ip, mac);
    if (addr_is_v4(ip)) {
        make_arp(m, in6_addr_get_mapped_ipv4(ip), mac, in_port, pure);
    } else {
        make_nd(m, ip, mac, in_port, pure);
    }
    if (pure) {
        make_echo(m, ip, mac, in_port);
    }
}

/* Makes the flows that answer for the VIP of 's', if the switch shall. */
void
make_service_answers(struct flow_maker *m, const struct dp_service *s)
{
    if (s->answer) {
        make_answers(m, &s->vip.addr, &s->vip_mac, OFPP_ANY, s->pure);
    } else {
        make_answers_ready(m, &s->vip.addr, &s->vip_mac);
    }
}
