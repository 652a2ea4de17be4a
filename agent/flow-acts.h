/* SPDX-License-Identifier: Apache-2.0 */

/* Builders for the few OpenFlow actions that our flows use.
 *
 * Every builder leaves all padding zero, so that two lists of actions are
 * equal exactly if ofpacts_equal() says so, also after one of them went to a
 * switch and came back.
 *
 * Pure.  Threads: any; no state. */

#ifndef TPR_FLOW_ACTS_H
#define TPR_FLOW_ACTS_H 1

#include "openvswitch/meta-flow.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofpbuf.h"

void flow_act_set(struct ofpbuf *, enum mf_field_id, const void *value);
void flow_act_set_masked(struct ofpbuf *, enum mf_field_id, const void *value,
                         const void *mask);
void flow_act_move(struct ofpbuf *, enum mf_field_id src, unsigned int src_ofs,
                   enum mf_field_id dst, unsigned int dst_ofs,
                   unsigned int n_bits);
void flow_act_move_all(struct ofpbuf *, enum mf_field_id src,
                       enum mf_field_id dst);
void flow_act_output(struct ofpbuf *, ofp_port_t);
void flow_act_ask_agent(struct ofpbuf *, uint16_t controller_id,
                        const struct eth_addr *);
void flow_act_resubmit(struct ofpbuf *, uint8_t table);

void flow_acts_normalize(struct ofpact *, size_t actions_len);

/* A "learn" action: begin, any number of specifications, end. */
struct ofpact_learn;
void flow_learn_begin(struct ofpbuf *, uint8_t table, uint16_t priority,
                      uint64_t cookie, uint16_t idle_s);
void flow_learn_options(struct ofpbuf *, uint16_t fin_idle_s, uint32_t limit);
void flow_learn_match(struct ofpbuf *, enum mf_field_id dst,
                      enum mf_field_id src);
void flow_learn_match_value(struct ofpbuf *, enum mf_field_id dst,
                            const void *value);
void flow_learn_load(struct ofpbuf *, enum mf_field_id dst,
                     enum mf_field_id src);
void flow_learn_output(struct ofpbuf *, enum mf_field_id src);
void flow_learn_end(struct ofpbuf *);

#endif /* flow-acts.h */
