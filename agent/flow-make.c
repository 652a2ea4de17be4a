/* SPDX-License-Identifier: Apache-2.0 */

/* Services and heartbeat paths to flows: see flow-make.h for the tables.
 * Answers to ARP, ND and ping stand in flow-answer.c. */

#include <config.h>
#include "flow-make.h"
#include <netinet/icmp6.h>
#include <netinet/ip6.h>
#include <string.h>
#include "check.h"
#include "flow-acts.h"
#include "flow-maker.h"
#include "hash.h"
#include "openvswitch/ofp-flow.h"
#include "packets.h"
#include "util.h"

/* Returns the kind's name, or "unknown". */
const char *
flow_kind_to_string(enum flow_kind kind)
{
    switch (kind) {
#define FLOW_KIND(ENUM, VALUE, NAME) case FLOW_##ENUM: return NAME;
        FLOW_KINDS
#undef FLOW_KIND
    }
    return "unknown";
}

/* Returns the cookie (host byte order) of a flow of 'kind'. */
uint64_t
flow_cookie(enum flow_kind kind, uint32_t hash)
{
    return FLOW_COOKIE | (uint64_t) kind << 24 | (hash & 0xffffff);
}

/* Returns the hash of an address, for the cookies of shared and of learned
 * flows.  It does not change between versions: flows outlive the agent. */
uint32_t
flow_addr_hash(const struct in6_addr *addr)
{
    return hash_bytes(addr, sizeof *addr, 0);
}

/* Returns the types of ICMP errors, '*n' in number, that are about a packet of
 * IPv4 or, 'v4' false, IPv6. */
const uint8_t *
flow_icmp_errors(bool v4, size_t *n)
{
    static const uint8_t errors4[] = {
        ICMP4_DST_UNREACH, ICMP4_SOURCEQUENCH, ICMP4_REDIRECT,
        ICMP4_TIME_EXCEEDED, ICMP4_PARAM_PROB,
    };
    static const uint8_t errors6[] = {
        ICMP6_DST_UNREACH, ICMP6_PACKET_TOO_BIG, ICMP6_TIME_EXCEEDED,
        ICMP6_PARAM_PROB,
    };

    *n = v4 ? ARRAY_SIZE(errors4) : ARRAY_SIZE(errors6);
    return v4 ? errors4 : errors6;
}

/* Splits the 'n' ranges in 'r' into the least number of (value, mask) pairs,
 * host byte order.  Stores a malloc'd array in '*maskp' and returns its
 * size, at most 30 a range. */
size_t
flow_port_masks(const struct tpr_port_range *r, size_t n,
                uint16_t (**maskp)[2])
{
    uint16_t (*masks)[2] = xmalloc(MAX(n, 1) * 32 * sizeof *masks);
    size_t n_masks = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t first = r[i].first, last = r[i].last;

        while (first <= last) {
            /* The largest aligned block that begins at 'first' and fits. */
            uint32_t size = first ? first & -first : 0x10000;

            while (first + size - 1 > last) {
                size >>= 1;
            }
            masks[n_masks][0] = first;
            masks[n_masks][1] = 0x10000 - size;
            n_masks++;
            first += size;
        }
    }
    *maskp = masks;
    return n_masks;
}

/* Begins a flow; its match is empty, its actions too (drop). */
void
maker_begin(struct flow_maker *m, enum flow_kind kind, unsigned int offset)
{
    m->d.table = m->ctx->flow_table;
    m->d.priority = m->ctx->priority + offset;
    m->d.cookie = flow_cookie(kind, m->hash);
    /* Who deletes it tells us so: it is put back at once. */
    m->d.flags = OFPUTIL_FF_SEND_FLOW_REM;
    match_init_catchall(&m->d.match);
    ofpbuf_clear(&m->d.actions);
}

/* Ends the flow and hands it out, in the form in which a switch tells it. */
void
maker_end(struct flow_maker *m)
{
    if (m->d.match.wc.masks.dl_type) {
        match_set_default_packet_type(&m->d.match);
    }
    m->sink(m->aux, &m->d);
}

/* Ends the flow with action NORMAL. */
void
maker_end_normal(struct flow_maker *m)
{
    flow_act_output(&m->d.actions, OFPP_NORMAL);
    maker_end(m);
}

void
maker_init(struct flow_maker *m, const struct flow_context *ctx,
           const char *owner, flow_sink *sink, void *aux)
{
    m->ctx = ctx;
    m->hash = hash_string(owner, 0);
    m->sink = sink;
    m->aux = aux;
    ofpbuf_init(&m->d.actions, 512);
}

void
maker_uninit(struct flow_maker *m)
{
    ofpbuf_uninit(&m->d.actions);
}

bool
addr_is_v4(const struct in6_addr *addr)
{
    return IN6_IS_ADDR_V4MAPPED(addr);
}

/* Matches IP packets of the address family of 'addr'. */
static void
match_family(struct match *match, const struct in6_addr *addr)
{
    match_set_dl_type(match, htons(addr_is_v4(addr) ? ETH_TYPE_IP
                                   : ETH_TYPE_IPV6));
}

/* Matches IP source 'addr', with its family. */
void
match_ip_src(struct match *match, const struct in6_addr *addr)
{
    match_family(match, addr);
    if (addr_is_v4(addr)) {
        match_set_nw_src(match, in6_addr_get_mapped_ipv4(addr));
    } else {
        match_set_ipv6_src(match, addr);
    }
}

/* Matches IP destination 'addr', with its family. */
void
match_ip_dst(struct match *match, const struct in6_addr *addr)
{
    match_family(match, addr);
    if (addr_is_v4(addr)) {
        match_set_nw_dst(match, in6_addr_get_mapped_ipv4(addr));
    } else {
        match_set_ipv6_dst(match, addr);
    }
}

void
match_proto(struct match *match, enum tpr_proto proto)
{
    if (proto != TPR_PROTO_ANY) {
        match_set_nw_proto(match, proto);
    }
}

/* Appends "set source (or destination) address". */
void
act_set_ip(struct ofpbuf *acts, bool src, const struct in6_addr *addr)
{
    if (addr_is_v4(addr)) {
        ovs_be32 ip = in6_addr_get_mapped_ipv4(addr);
        flow_act_set(acts, src ? MFF_IPV4_SRC : MFF_IPV4_DST, &ip);
    } else {
        flow_act_set(acts, src ? MFF_IPV6_SRC : MFF_IPV6_DST, addr);
    }
}

/* Appends "leave with VLAN 'vlan'", 0 for untagged, whatever the packet had.
 * The field vlan_tci does that in one action, for tagged and untagged packets
 * alike; push_vlan and pop_vlan would need one flow for each.  A tag's
 * priority stays. */
void
act_set_vlan(struct ofpbuf *acts, uint16_t vlan)
{
    ovs_be16 tci = htons(vlan | VLAN_CFI);
    ovs_be16 mask = htons(VLAN_VID_MASK | VLAN_CFI);

    if (vlan) {
        flow_act_set_masked(acts, MFF_VLAN_TCI, &tci, &mask);
    } else {
        tci = 0;
        flow_act_set(acts, MFF_VLAN_TCI, &tci);
    }
}

/* The field of the source or destination port of 'proto'. */
enum mf_field_id
l4_field(enum tpr_proto proto, bool src)
{
    switch (proto) {
    case TPR_PROTO_UDP:
        return src ? MFF_UDP_SRC : MFF_UDP_DST;
    case TPR_PROTO_SCTP:
        return src ? MFF_SCTP_SRC : MFF_SCTP_DST;
    case TPR_PROTO_TCP:
    case TPR_PROTO_ANY:
    default:
        return src ? MFF_TCP_SRC : MFF_TCP_DST;
    }
}

static void
act_set_l4_port(struct ofpbuf *acts, enum tpr_proto proto, bool src,
                uint16_t port)
{
    ovs_be16 be = htons(port);
    flow_act_set(acts, l4_field(proto, src), &be);
}

/* True if the service has ports to match. */
bool
has_ports(const struct tpr_vip *vip)
{
    return vip->proto != TPR_PROTO_ANY && vip->n_ports;
}

/* Priority offset of a service's flows. */
unsigned int
redirect_offset(const struct tpr_vip *vip)
{
    return has_ports(vip) ? OFFSET_PORTS
           : vip->proto != TPR_PROTO_ANY ? OFFSET_PROTO
           : OFFSET_ANY;
}

/* Port that the backend listens on if it differs from the service's only
 * port, else 0. */
static uint16_t
translated_port(const struct dp_service *s)
{
    const struct tpr_vip *vip = &s->vip;

    return (s->active && s->active->l4_port && has_ports(vip)
            && vip->n_ports == 1 && vip->ports[0].first == vip->ports[0].last
            && vip->proto != TPR_PROTO_SCTP
            && vip->ports[0].first != s->active->l4_port)
           ? s->active->l4_port : 0;
}

/* "learn": packets from this VIP to this client's MAC go where the client's
 * packet came from. */
static void
act_learn_client(struct flow_maker *m, const struct dp_service *s)
{
    struct ofpbuf *acts = &m->d.actions;
    bool v4 = addr_is_v4(&s->vip.addr);
    ovs_be16 eth_type = htons(v4 ? ETH_TYPE_IP : ETH_TYPE_IPV6);

    flow_learn_begin(acts, m->ctx->client_table, CLIENT_PRIORITY_LEARNED,
                     flow_cookie(FLOW_LEARN_CLIENT,
                                 flow_addr_hash(&s->vip.addr)),
                     CLIENT_IDLE_S);
    flow_learn_match_value(acts, MFF_ETH_TYPE, &eth_type);
    if (v4) {
        flow_learn_match(acts, MFF_IPV4_SRC, MFF_IPV4_DST);
    } else {
        flow_learn_match(acts, MFF_IPV6_SRC, MFF_IPV6_DST);
    }
    flow_learn_match(acts, MFF_ETH_DST, MFF_ETH_SRC);
    flow_learn_load(acts, MFF_VLAN_TCI, MFF_VLAN_TCI);
    flow_learn_output(acts, MFF_IN_PORT);
    flow_learn_end(acts);
}

/* "learn": replies of this direct connection are left alone. */
static void
act_learn_direct(struct flow_maker *m, const struct dp_service *s)
{
    struct ofpbuf *acts = &m->d.actions;
    bool v4 = addr_is_v4(&s->vip.addr);
    ovs_be16 eth_type = htons(v4 ? ETH_TYPE_IP : ETH_TYPE_IPV6);
    uint8_t proto = s->vip.proto;

    flow_learn_begin(acts, m->ctx->flow_table,
                     m->ctx->priority + OFFSET_ANSWER,
                     flow_cookie(FLOW_LEARN_DIRECT, m->hash),
                     DIRECT_IDLE_S);
    flow_learn_options(acts, proto == TPR_PROTO_TCP ? DIRECT_FIN_IDLE_S : 0,
                       DIRECT_LIMIT);
    flow_learn_match_value(acts, MFF_ETH_TYPE, &eth_type);
    flow_learn_match_value(acts, MFF_IP_PROTO, &proto);
    if (v4) {
        flow_learn_match(acts, MFF_IPV4_SRC, MFF_IPV4_DST);
        flow_learn_match(acts, MFF_IPV4_DST, MFF_IPV4_SRC);
    } else {
        flow_learn_match(acts, MFF_IPV6_SRC, MFF_IPV6_DST);
        flow_learn_match(acts, MFF_IPV6_DST, MFF_IPV6_SRC);
    }
    flow_learn_match(acts, l4_field(proto, true), l4_field(proto, false));
    flow_learn_match(acts, l4_field(proto, false), l4_field(proto, true));
    flow_learn_load(acts, MFF_VLAN_TCI, MFF_VLAN_TCI);
    flow_learn_output(acts, MFF_IN_PORT);
    flow_learn_end(acts);
}

/* Appends what sends a client's packet to the active backend of 's', behind
 * 'port'. */
void
act_to_backend(struct ofpbuf *acts, const struct dp_service *s,
               ofp_port_t port)
{
    const struct dp_target *t = s->active;
    uint16_t l4_port = translated_port(s);

    flow_act_set(acts, MFF_ETH_DST, &t->mac);
    if (t->routed) {
        flow_act_set(acts, MFF_ETH_SRC, &s->vip_mac);
    }
    act_set_ip(acts, false, &t->addr);
    if (l4_port) {
        act_set_l4_port(acts, s->vip.proto, false, l4_port);
    }
    act_set_vlan(acts, t->vlan);
    flow_act_output(acts, port);
}

static void
act_reverse(struct flow_maker *m, const struct dp_service *s)
{
    struct ofpbuf *acts = &m->d.actions;

    flow_act_move(acts, MFF_ETH_SRC, 0, MFF_XXREG0, 0, 48);
    flow_act_set(acts, MFF_ETH_SRC, &s->vip_mac);
    act_set_ip(acts, true, &s->vip.addr);
    if (translated_port(s)) {
        act_set_l4_port(acts, s->vip.proto, true, s->vip.ports[0].first);
    }
    flow_act_resubmit(acts, m->ctx->client_table);
}

/* What a client's packet to 's' meets: its group 'group', or else its active
 * backend behind 'port', which may be OFPP_NONE. */
static void
make_forward(struct flow_maker *m, const struct dp_service *s,
             ofp_port_t port, uint32_t group, const uint16_t ports[2])
{
    bool none = !group && (!s->active || port == OFPP_NONE);

    maker_begin(m, none ? FLOW_NONE : FLOW_FORWARD, redirect_offset(&s->vip));
    match_ip_dst(&m->d.match, &s->vip.addr);
    match_proto(&m->d.match, s->vip.proto);
    if (ports) {
        match_set_tp_dst_masked(&m->d.match, htons(ports[0]),
                                htons(ports[1]));
    }
    if (!none) {
        act_learn_client(m, s);
    }
    if (group) {
        ofpact_put_GROUP(&m->d.actions)->group_id = group;
    } else if (!none) {
        act_to_backend(&m->d.actions, s, port);
    }
    maker_end(m);
}

static void
make_reverse(struct flow_maker *m, const struct dp_service *s,
             ofp_port_t port, const uint16_t ports[2])
{
    maker_begin(m, FLOW_REVERSE, redirect_offset(&s->vip));
    match_set_in_port(&m->d.match, port);
    match_ip_src(&m->d.match, &s->active->addr);
    match_proto(&m->d.match, s->vip.proto);
    if (ports) {
        match_set_tp_src_masked(&m->d.match, htons(ports[0]),
                                htons(ports[1]));
    }
    act_reverse(m, s);
    maker_end(m);
}

static void
make_direct(struct flow_maker *m, const struct dp_service *s,
            const uint16_t ports[2])
{
    uint32_t owner = m->hash;

    /* Services with the same backend share this. */
    m->hash = flow_addr_hash(&s->active->addr);
    maker_begin(m, FLOW_DIRECT, OFFSET_DIRECT);
    match_ip_dst(&m->d.match, &s->active->addr);
    match_proto(&m->d.match, s->vip.proto);
    if (ports) {
        match_set_tp_dst_masked(&m->d.match, htons(ports[0]),
                                htons(ports[1]));
    }
    act_learn_direct(m, s);
    maker_end_normal(m);
    m->hash = owner;
}

/* Exempts checks by 'proto' between 'local' and the backend at 'addr'.  'port'
 * is the backend's port if its replies need exemption, too, else OFPP_NONE. */
static void
make_exempt_pair(struct flow_maker *m, uint8_t proto,
                 const struct in6_addr *local, const struct in6_addr *addr,
                 ofp_port_t port)
{
    m->hash = flow_addr_hash(addr);
    maker_begin(m, FLOW_EXEMPT, OFFSET_EXEMPT);
    match_set_in_port(&m->d.match, OFPP_LOCAL);
    match_ip_src(&m->d.match, local);
    match_ip_dst(&m->d.match, addr);
    match_set_nw_proto(&m->d.match, proto);
    match_set_tp_src_masked(&m->d.match, htons(CHECK_SRC_PORT),
                            htons(CHECK_SRC_PORT_MASK));
    maker_end_normal(m);

    if (port != OFPP_NONE) {
        maker_begin(m, FLOW_EXEMPT, OFFSET_EXEMPT);
        match_set_in_port(&m->d.match, port);
        match_ip_src(&m->d.match, addr);
        match_ip_dst(&m->d.match, local);
        match_set_nw_proto(&m->d.match, proto);
        match_set_tp_dst_masked(&m->d.match, htons(CHECK_SRC_PORT),
                                htons(CHECK_SRC_PORT_MASK));
        maker_end_normal(m);
    }
}

/* Exempts checks of 's' between all our addresses and 'addr'; 'port' as
 * above.  Checks have ports of TCP or UDP. */
static void
make_exempt_all(struct flow_maker *m, const struct dp_service *s,
                const struct in6_addr *addr, ofp_port_t port)
{
    enum tpr_proto proto = s->vip.proto;

    for (size_t i = 0; i < m->ctx->n_locals; i++) {
        const struct in6_addr *local = &m->ctx->locals[i];

        if (addr_is_v4(local) != addr_is_v4(&s->vip.addr)) {
            continue;
        }
        if (proto == TPR_PROTO_TCP || proto == TPR_PROTO_ANY) {
            make_exempt_pair(m, IPPROTO_TCP, local, addr, port);
        }
        if (proto == TPR_PROTO_UDP || proto == TPR_PROTO_ANY) {
            make_exempt_pair(m, IPPROTO_UDP, local, addr, port);
        }
    }
}

/* Checks from LOCAL always meet the real backend: packets between our
 * addresses with a source port of the checks, and the VIP's owner (not
 * redirected) or a backend (not learned as direct connections; replies not
 * rewritten).  This is about the VIP. */
void
make_exempt_vip(struct flow_maker *m, const struct dp_service *s)
{
    make_exempt_all(m, s, &s->vip.addr, OFPP_NONE);
}

static const uint8_t nd_types[] = { ND_NEIGHBOR_SOLICIT, ND_NEIGHBOR_ADVERT };

static bool
redirects_nd(const struct dp_service *s)
{
    return s->vip.proto == TPR_PROTO_ANY && !addr_is_v4(&s->vip.addr);
}

/* Neighbour discovery is no traffic of a service for "any" protocol: not what
 * is sent to the VIP, */
void
make_exempt_nd_to(struct flow_maker *m, const struct dp_service *s)
{
    if (!redirects_nd(s)) {
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(nd_types); i++) {
        m->hash = flow_addr_hash(&s->vip.addr);
        maker_begin(m, FLOW_EXEMPT, OFFSET_PROTO);
        match_ip_dst(&m->d.match, &s->vip.addr);
        match_set_nw_proto(&m->d.match, IPPROTO_ICMPV6);
        match_set_icmp_type(&m->d.match, nd_types[i]);
        maker_end_normal(m);
    }
}

/* nor what the backend at 'addr' behind 'port' sends. */
void
make_exempt_nd_from(struct flow_maker *m, const struct dp_service *s,
                    const struct in6_addr *addr, ofp_port_t port)
{
    if (!redirects_nd(s)) {
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(nd_types); i++) {
        m->hash = flow_addr_hash(addr);
        maker_begin(m, FLOW_EXEMPT, OFFSET_PROTO);
        match_set_in_port(&m->d.match, port);
        match_ip_src(&m->d.match, addr);
        match_set_nw_proto(&m->d.match, IPPROTO_ICMPV6);
        match_set_icmp_type(&m->d.match, nd_types[i]);
        maker_end_normal(m);
    }
}

/* Stores the masks of the service's ports in '*maskp', malloc'd, or NULL if it
 * has none; returns how many flows it takes. */
static size_t
service_masks(const struct dp_service *s, uint16_t (**maskp)[2])
{
    *maskp = NULL;
    return (has_ports(&s->vip)
            ? flow_port_masks(s->vip.ports, s->vip.n_ports, maskp) : 1);
}

/* Forward flows, for each mask of the service's ports. */
void
make_forwards(struct flow_maker *m, const struct dp_service *s,
              ofp_port_t port, uint32_t group)
{
    uint16_t (*masks)[2];
    size_t n = service_masks(s, &masks);

    for (size_t i = 0; i < n; i++) {
        make_forward(m, s, port, group, masks ? masks[i] : NULL);
    }
    free(masks);
}

/* Reverse and direct flows of the active backend, behind 'port'. */
void
make_backwards(struct flow_maker *m, const struct dp_service *s,
               ofp_port_t port)
{
    uint16_t l4_port = translated_port(s);
    const uint16_t translated[2] = { l4_port, 0xffff };
    uint16_t (*masks)[2];
    size_t n = service_masks(s, &masks);

    for (size_t i = 0; i < n; i++) {
        const uint16_t *rev = l4_port ? translated : masks ? masks[i] : NULL;

        make_reverse(m, s, port, rev);
        if (s->vip.proto != TPR_PROTO_ANY) {
            make_direct(m, s, rev);
        }
    }
    free(masks);
}

/* What the active backend, behind 'port', exempts.  Services may share it. */
void
make_exempt_backend(struct flow_maker *m, const struct dp_service *s,
                    ofp_port_t port)
{
    uint32_t owner = m->hash;

    make_exempt_all(m, s, &s->active->addr, port);
    make_exempt_nd_from(m, s, &s->active->addr, port);
    m->hash = owner;
}

/* Flows that serve all services: today, the miss of client_table. */
void
flow_make_common(const struct flow_context *ctx, flow_sink *sink, void *aux)
{
    struct flow_maker m;

    maker_init(&m, ctx, "", sink, aux);
    maker_begin(&m, FLOW_MISS, 0);
    m.d.table = ctx->client_table;
    m.d.priority = 0;
    flow_act_move(&m.d.actions, MFF_XXREG0, 0, MFF_ETH_SRC, 0, 48);
    maker_end_normal(&m);
    maker_uninit(&m);
}

/* Hands the flows of 's' to 'sink'.  'active' is the port of s->active, or
 * OFPP_NONE if the switch has no such port (then nothing is usable). */
void
flow_make_service(const struct flow_context *ctx, const struct dp_service *s,
                  ofp_port_t active, flow_sink *sink, void *aux)
{
    struct flow_maker m;
    bool none = !s->active || active == OFPP_NONE;

    maker_init(&m, ctx, s->name, sink, aux);
    if (!s->identity && !(none && s->on_none == TPR_ON_NONE_PASS)) {
        make_forwards(&m, s, active, 0);
        if (!none) {
            make_backwards(&m, s, active);
        }
        /* What follows may be shared with other services. */
        make_exempt_vip(&m, s);
        if (!none) {
            make_exempt_backend(&m, s, active);
        }
        make_exempt_nd_to(&m, s);
    }
    make_service_answers(&m, s);
    maker_uninit(&m);
}

/* Matches beats between 'path's addresses; 'in' from the region, else to
 * it. */
static void
match_beat(struct match *match, const struct dp_path *path, bool in)
{
    bool v4 = addr_is_v4(&path->peer);

    match_ip_src(match, in ? &path->peer : &path->local);
    match_ip_dst(match, in ? &path->local : &path->peer);
    if (path->type == HB_BFD) {
        match_set_nw_proto(match, IPPROTO_UDP);
        match_set_tp_dst(match, htons(BFD_PORT));
    } else {
        match_set_nw_proto(match, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
        match_set_icmp_type(match,
                            in ? (v4 ? ICMP4_ECHO_REPLY : ICMP6_ECHO_REPLY)
                            : (v4 ? ICMP4_ECHO_REQUEST
                               : ICMP6_ECHO_REQUEST));
        match_set_icmp_code(match, 0);
    }
}

/* Beats in the switch: both directions, and no "port unreachable" of our own
 * kernel, which has no socket for them. */
static void
make_path_through(struct flow_maker *m, const struct dp_path *path,
                  ofp_port_t port)
{
    bool v4 = addr_is_v4(&path->peer);

    maker_begin(m, FLOW_BEAT, OFFSET_BEAT);
    match_set_in_port(&m->d.match, OFPP_LOCAL);
    match_beat(&m->d.match, path, false);
    act_set_vlan(&m->d.actions, path->vlan);
    flow_act_output(&m->d.actions, port);
    maker_end(m);

    maker_begin(m, FLOW_BEAT, OFFSET_BEAT);
    match_set_in_port(&m->d.match, port);
    match_beat(&m->d.match, path, true);
    act_set_vlan(&m->d.actions, 0);
    flow_act_output(&m->d.actions, OFPP_LOCAL);
    maker_end(m);

    if (path->type == HB_BFD) {
        maker_begin(m, FLOW_BEAT, OFFSET_BEAT);
        match_set_in_port(&m->d.match, OFPP_LOCAL);
        match_ip_src(&m->d.match, &path->local);
        match_ip_dst(&m->d.match, &path->peer);
        match_set_nw_proto(&m->d.match, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
        match_set_icmp_type(&m->d.match, v4 ? ICMP4_DST_UNREACH
                            : ICMP6_DST_UNREACH);
        match_set_icmp_code(&m->d.match, v4 ? 3 : ICMP6_DST_UNREACH_NOPORT);
        maker_end(m);
    }
}

/* Hands the flows of 'path' to 'sink'.  'port' is the path's port, or
 * OFPP_NONE if the switch has no such port. */
void
flow_make_path(const struct flow_context *ctx, const struct dp_path *path,
               ofp_port_t port, flow_sink *sink, void *aux)
{
    struct flow_maker m;

    if (port == OFPP_NONE || path->type == HB_LINK
        || !ipv6_addr_is_set(&path->peer)
        || !ipv6_addr_is_set(&path->local)) {
        return;
    }

    maker_init(&m, ctx, path->port, sink, aux);
    if (path->through_switch) {
        make_path_through(&m, path, port);
    } else if (path->type == HB_BFD || path->answer) {
        /* The packet socket has it already.  Replies to pings are dropped
         * only if the address is not the kernel's: else an operator's own
         * "ping" would get none. */
        maker_begin(&m, FLOW_BEAT, OFFSET_BEAT);
        match_set_in_port(&m.d.match, port);
        match_beat(&m.d.match, path, true);
        maker_end(&m);
    }
    if (path->answer) {
        make_answers(&m, &path->local, &path->local_mac, port, true);
    }
    maker_uninit(&m);
}
