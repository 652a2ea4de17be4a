/* SPDX-License-Identifier: Apache-2.0 */

/* What flow-make.c, flow-answer.c and flow-redirect.c share; nobody else
 * includes this.
 *
 * A flow is made between maker_begin() and maker_end(); in between, 'd.match'
 * and 'd.actions' are filled in.
 *
 * Pure.  Threads: any; no state. */

#ifndef TPR_FLOW_MAKER_H
#define TPR_FLOW_MAKER_H 1

#include "flow-make.h"

/* Offsets to the base priority, see flow-make.h. */
enum {
    OFFSET_DIRECT = 0,
    OFFSET_ANY = 1,
    OFFSET_PROTO = 2,
    OFFSET_PORTS = 3,
    OFFSET_ANSWER = 4,
    OFFSET_GUARD = 5,
    OFFSET_EXEMPT = 6,
    OFFSET_BEAT = 7,
};

struct flow_maker {
    const struct flow_context *ctx;
    uint32_t hash;              /* For cookies: of the owner's name or, for
                                 * flows that owners share, of an address. */
    flow_sink *sink;
    void *aux;
    struct flow_desc d;         /* The flow being made. */
};

void maker_init(struct flow_maker *, const struct flow_context *,
                const char *owner, flow_sink *, void *aux);
void maker_uninit(struct flow_maker *);
void maker_begin(struct flow_maker *, enum flow_kind, unsigned int offset);
void maker_end(struct flow_maker *);
void maker_end_normal(struct flow_maker *);

/* flow-make.c */
bool has_ports(const struct tpr_vip *);
unsigned int redirect_offset(const struct tpr_vip *);
void match_proto(struct match *, enum tpr_proto);
void make_exempt_vip(struct flow_maker *, const struct dp_service *);
void make_exempt_nd_from(struct flow_maker *, const struct dp_service *,
                         const struct in6_addr *, ofp_port_t);
void make_exempt_nd_to(struct flow_maker *, const struct dp_service *);

enum mf_field_id l4_field(enum tpr_proto, bool src);
bool addr_is_v4(const struct in6_addr *);
void match_ip_src(struct match *, const struct in6_addr *);
void match_ip_dst(struct match *, const struct in6_addr *);
void act_set_ip(struct ofpbuf *, bool src, const struct in6_addr *);
void act_set_vlan(struct ofpbuf *, uint16_t vlan);

void act_to_backend(struct ofpbuf *, const struct dp_service *, ofp_port_t);
void make_forwards(struct flow_maker *, const struct dp_service *, ofp_port_t,
                   uint32_t group);
void make_backwards(struct flow_maker *, const struct dp_service *,
                    ofp_port_t);
void make_exempt_backend(struct flow_maker *, const struct dp_service *,
                         ofp_port_t);

/* flow-answer.c */
void make_answers(struct flow_maker *, const struct in6_addr *,
                  const struct eth_addr *, ofp_port_t in_port, bool pure);
void make_answers_ready(struct flow_maker *, const struct in6_addr *,
                        const struct eth_addr *);
void make_service_answers(struct flow_maker *, const struct dp_service *);

#endif /* flow-maker.h */
