/* SPDX-License-Identifier: Apache-2.0 */

/* Flows of a service that a redirect object of the switch carries: which
 * packets meet the action "redirect".  flow-make.h has the table.
 *
 * Nothing here depends on which backend lives: a failure changes a liveness
 * word and no flow.
 *
 * Pure.  Threads: any; no state. */

#include <config.h>
#include "flow-maker.h"
#include <stdlib.h>
#include "flow-acts.h"
#include "flow.h"
#include "packets.h"
#include "redirect-codec.h"
#include "util.h"

/* Ends the flow with "redirect, NORMAL": what is not taken goes its way. */
static void
end_redirect(struct flow_maker *m, enum tpr_mode mode, uint32_t id)
{
    flow_act_redirect(&m->d.actions, mode, id);
    maker_end_normal(m);
}

/* What clients send to the service.  Without an object ('id' 0) nothing can
 * serve: dropped. */
static void
make_forward(struct flow_maker *m, const struct dp_service *s, uint32_t id)
{
    uint16_t (*masks)[2] = NULL;
    size_t n = 1;

    if (has_ports(&s->vip)) {
        n = flow_port_masks(s->vip.ports, s->vip.n_ports, &masks);
    }
    for (size_t i = 0; i < n; i++) {
        maker_begin(m, id ? FLOW_FORWARD : FLOW_NONE,
                    redirect_offset(&s->vip));
        match_ip_dst(&m->d.match, &s->vip.addr);
        match_proto(&m->d.match, s->vip.proto);
        if (masks) {
            match_set_tp_dst_masked(&m->d.match, htons(masks[i][0]),
                                    htons(masks[i][1]));
        }
        if (id) {
            end_redirect(m, TPR_MODE_FORWARD, id);
        } else {
            maker_end(m);
        }
    }
    free(masks);
}

/* Fragments, which show no ports, and errors about what the VIP has sent. */
static void
make_any(struct flow_maker *m, const struct dp_service *s)
{
    bool v4 = addr_is_v4(&s->vip.addr);
    size_t n;
    const uint8_t *errors = flow_icmp_errors(v4, &n);

    /* Services with the same VIP share these. */
    m->hash = flow_addr_hash(&s->vip.addr);
    maker_begin(m, FLOW_ANY, OFFSET_ANSWER);
    match_ip_dst(&m->d.match, &s->vip.addr);
    match_set_nw_frag_masked(&m->d.match, FLOW_NW_FRAG_ANY, FLOW_NW_FRAG_ANY);
    end_redirect(m, TPR_MODE_ANY, 0);

    for (size_t i = 0; i < n; i++) {
        maker_begin(m, FLOW_ANY, OFFSET_ANSWER);
        match_ip_dst(&m->d.match, &s->vip.addr);
        match_set_nw_proto(&m->d.match, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
        match_set_icmp_type(&m->d.match, errors[i]);
        end_redirect(m, TPR_MODE_ANY, 0);
    }
}

/* All that comes from behind 'port', of the VIP's family: replies, and errors
 * of routers on the way. */
static void
make_reverse(struct flow_maker *m, const struct dp_service *s,
             ofp_port_t port)
{
    /* All services with backends there share this. */
    m->hash = ofp_to_u16(port);
    maker_begin(m, FLOW_REVERSE, OFFSET_DIRECT);
    match_set_in_port(&m->d.match, port);
    match_set_dl_type(&m->d.match, htons(addr_is_v4(&s->vip.addr)
                                         ? ETH_TYPE_IP : ETH_TYPE_IPV6));
    end_redirect(m, TPR_MODE_REVERSE, 0);
}

/* Hands the flows of 's' to 'sink'.  'id' is its redirect object's, or 0 if it
 * has none because the switch has no port to any backend. */
void
flow_make_redirect(const struct flow_context *ctx, const struct dp_service *s,
                   uint32_t id, redirect_port_func *port, void *port_aux,
                   flow_sink *sink, void *aux)
{
    struct flow_maker m;

    maker_init(&m, ctx, s->name, sink, aux);
    if (id || s->on_none != TPR_ON_NONE_PASS) {
        make_forward(&m, s, id);
        make_exempt_vip(&m, s);
        make_exempt_nd_to(&m, s);
    }
    for (size_t i = 0; id && i < s->n_targets; i++) {
        const struct dp_target *t = &s->targets[i];
        uint32_t output = port(port_aux, t->port);

        if (output) {
            make_reverse(&m, s, u16_to_ofp(output));
            make_exempt_nd_from(&m, s, &t->addr, u16_to_ofp(output));
        }
    }
    if (id) {
        make_any(&m, s);
    }
    make_service_answers(&m, s);
    maker_uninit(&m);
}
