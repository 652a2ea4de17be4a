/* SPDX-License-Identifier: Apache-2.0 */

/* Builders for OpenFlow actions: see flow-acts.h.  What a "learn" action looks
 * like in memory follows OVS lib/learn.c, learn_parse__(). */

#include <config.h>
#include "flow-acts.h"
#include <string.h>
#include "byte-order.h"
#include "openflow/nicira-ext.h"
#include "util.h"

static struct mf_subfield
subfield(enum mf_field_id id, unsigned int ofs, unsigned int n_bits)
{
    const struct mf_field *mf = mf_from_id(id);
    struct mf_subfield sf;

    memset(&sf, 0, sizeof sf);
    sf.field = mf;
    sf.ofs = ofs;
    sf.n_bits = n_bits ? n_bits : (unsigned int) mf->n_bits;
    return sf;
}

/* Appends "set_field:VALUE->ID"; 'value' has the field's size, in network byte
 * order. */
void
flow_act_set(struct ofpbuf *acts, enum mf_field_id id, const void *value)
{
    const struct mf_field *mf = mf_from_id(id);
    struct ofpact_set_field *sf = ofpact_put_set_field(acts, mf, NULL, NULL);

    /* A NULL value makes ofpact_put_set_field() write zeros, padding
     * included; with a value it would leave the padding as it was. */
    memcpy(sf->value, value, mf->n_bytes);
    memset(ofpact_set_field_mask(sf), 0xff, mf->n_bytes);
}

/* Appends "set_field:VALUE/MASK->ID". */
void
flow_act_set_masked(struct ofpbuf *acts, enum mf_field_id id,
                    const void *value, const void *mask)
{
    const struct mf_field *mf = mf_from_id(id);
    struct ofpact_set_field *sf = ofpact_put_set_field(acts, mf, NULL, NULL);

    memcpy(sf->value, value, mf->n_bytes);
    memcpy(ofpact_set_field_mask(sf), mask, mf->n_bytes);
}

/* Appends "move:SRC[..]->DST[..]". */
void
flow_act_move(struct ofpbuf *acts, enum mf_field_id src, unsigned int src_ofs,
              enum mf_field_id dst, unsigned int dst_ofs, unsigned int n_bits)
{
    struct ofpact_reg_move *move = ofpact_put_REG_MOVE(acts);

    move->src = subfield(src, src_ofs, n_bits);
    move->dst = subfield(dst, dst_ofs, n_bits);
}

/* Appends a move of the whole field. */
void
flow_act_move_all(struct ofpbuf *acts, enum mf_field_id src,
                  enum mf_field_id dst)
{
    flow_act_move(acts, src, 0, dst, 0, mf_from_id(src)->n_bits);
}

/* Appends "output:PORT", also for OFPP_NORMAL, OFPP_LOCAL and OFPP_IN_PORT. */
void
flow_act_output(struct ofpbuf *acts, ofp_port_t port)
{
    ofpact_put_OUTPUT(acts)->port = port;
}

/* Appends "controller(...)": the whole packet goes to the connection that
 * calls itself 'controller_id', with 'mac' beside it. */
void
flow_act_ask_agent(struct ofpbuf *acts, uint16_t controller_id,
                   const struct eth_addr *mac)
{
    struct ofpact_controller *oc = ofpact_put_CONTROLLER(acts);

    oc->max_len = UINT16_MAX;
    oc->controller_id = controller_id;
    oc->reason = OFPR_ACTION;
    oc->meter_id = NX_CTLR_NO_METER;
    ofpbuf_put(acts, mac, sizeof *mac);
    oc = acts->header;
    oc->userdata_len = sizeof *mac;
    ofpact_finish_CONTROLLER(acts, &oc);
}

/* Appends "resubmit(,TABLE)". */
void
flow_act_resubmit(struct ofpbuf *acts, uint8_t table)
{
    struct ofpact_resubmit *resubmit = ofpact_put_RESUBMIT(acts);

    resubmit->in_port = OFPP_IN_PORT;
    resubmit->table_id = table;
}

/* Begins a "learn" action.  Until flow_learn_end(), only flow_learn_*() may
 * append to 'acts'; acts->header stands on the action. */
void
flow_learn_begin(struct ofpbuf *acts, uint8_t table, uint16_t priority,
                 uint64_t cookie, uint16_t idle_s)
{
    struct ofpact_learn *learn = ofpact_put_LEARN(acts);

    learn->idle_timeout = idle_s;
    learn->hard_timeout = OFP_FLOW_PERMANENT;
    learn->priority = priority;
    learn->table_id = table;
    learn->cookie = htonll(cookie);
}

/* Shortens life after a FIN or RST, and limits the number of flows with this
 * cookie in the table. */
void
flow_learn_options(struct ofpbuf *acts, uint16_t fin_idle_s, uint32_t limit)
{
    struct ofpact_learn *learn = acts->header;

    learn->fin_idle_timeout = fin_idle_s;
    learn->limit = limit;
}

static struct ofpact_learn_spec *
put_spec(struct ofpbuf *acts, uint16_t dst_type, uint16_t src_type,
         unsigned int n_bits)
{
    struct ofpact_learn_spec *spec = ofpbuf_put_zeros(acts, sizeof *spec);

    spec->dst_type = dst_type;
    spec->src_type = src_type;
    spec->n_bits = n_bits;
    return spec;
}

static void
put_field_spec(struct ofpbuf *acts, uint16_t dst_type,
               enum mf_field_id dst, enum mf_field_id src)
{
    struct ofpact_learn_spec *spec
        = put_spec(acts, dst_type, NX_LEARN_SRC_FIELD,
                   mf_from_id(dst)->n_bits);

    spec->dst = subfield(dst, 0, 0);
    spec->src = subfield(src, 0, 0);
}

/* The learned flow matches DST = the packet's SRC. */
void
flow_learn_match(struct ofpbuf *acts, enum mf_field_id dst,
                 enum mf_field_id src)
{
    put_field_spec(acts, NX_LEARN_DST_MATCH, dst, src);
}

/* The learned flow matches DST = 'value' (network byte order). */
void
flow_learn_match_value(struct ofpbuf *acts, enum mf_field_id dst,
                       const void *value)
{
    const struct mf_field *mf = mf_from_id(dst);
    struct ofpact_learn_spec *spec
        = put_spec(acts, NX_LEARN_DST_MATCH, NX_LEARN_SRC_IMMEDIATE,
                   mf->n_bits);

    spec->dst = subfield(dst, 0, 0);

    /* Value last: this may move 'spec'. */
    unsigned int n = DIV_ROUND_UP((unsigned int) mf->n_bits, 8);
    memcpy(ofpbuf_put_zeros(acts, OFPACT_ALIGN(n)), value, n);
}

/* The learned flow's actions: load the packet's SRC into DST. */
void
flow_learn_load(struct ofpbuf *acts, enum mf_field_id dst,
                enum mf_field_id src)
{
    put_field_spec(acts, NX_LEARN_DST_LOAD, dst, src);
}

/* The learned flow's actions: output to the port in the packet's SRC. */
void
flow_learn_output(struct ofpbuf *acts, enum mf_field_id src)
{
    struct ofpact_learn_spec *spec
        = put_spec(acts, NX_LEARN_DST_OUTPUT, NX_LEARN_SRC_FIELD,
                   mf_from_id(src)->n_bits);

    spec->src = subfield(src, 0, 0);
}

/* Ends the "learn" action. */
void
flow_learn_end(struct ofpbuf *acts)
{
    struct ofpact_learn *learn = acts->header;

    ofpact_finish_LEARN(acts, &learn);
}

/* Actions that were decoded remember how they stood on the wire, and have
 * random padding; actions that are built here do not.  Makes the former
 * look like the latter. */
void
flow_acts_normalize(struct ofpact *actions, size_t actions_len)
{
    struct ofpact *a;

    OFPACT_FOR_EACH (a, actions, actions_len) {
        a->raw = -1;
        if (a->type == OFPACT_SET_FIELD) {
            struct ofpact_set_field *sf = ofpact_get_SET_FIELD(a);
            size_t n = sf->field->n_bytes;
            size_t pad = ROUND_UP(n, OFPACT_ALIGNTO) - n;
            union mf_value *value = sf->value;

            memset(&value->b[n], 0, pad);
            memset((uint8_t *) ofpact_set_field_mask(sf) + n, 0, pad);
        }
    }
}
