/* SPDX-License-Identifier: Apache-2.0 */

/* Redirect objects in OpenFlow: see redirect-codec.h. */

#include <config.h>
#include "redirect-codec.h"

#include <stddef.h>
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofp-errors.h"
#include "openvswitch/ofpbuf.h"
#include "tpr/ofp-redirect.h"
#include "tpr/redirect-ext.h"

/* Appends the action "redirect": object 'id' for TPR_MODE_FORWARD, else 0. */
void
flow_act_redirect(struct ofpbuf *acts, enum tpr_mode mode, uint32_t id)
{
    struct ofpact_redirect *redirect = ofpact_put_REDIRECT(acts);

    redirect->mode = mode;
    redirect->redirect_id = id;
}

/* Returns a message that has the switch add object 'id', or change it, to 'r';
 * or delete it, if 'r' is NULL.  The caller owns it. */
struct ofpbuf *
redirect_encode_mod(enum ofp_version version, uint32_t id,
                    const struct tpr_redirect *r, bool is_new)
{
    struct ofputil_redirect_mod rm = {
        .command = !r ? OFPRDC_DELETE : is_new ? OFPRDC_ADD : OFPRDC_MODIFY,
    };

    if (r) {
        rm.redirect = *r;
    } else {
        rm.redirect.id = id;
    }
    return ofputil_encode_redirect_mod(version, &rm);
}

/* Returns a request for the descriptions of all objects, owned by the
 * caller. */
struct ofpbuf *
redirect_encode_desc_request(enum ofp_version version)
{
    return ofputil_encode_redirect_desc_request(version, OFPRD_ALL);
}

/* True if 'type' is that of a reply to such a request. */
bool
redirect_is_desc_reply(enum ofptype type)
{
    return type == OFPTYPE_REDIRECT_DESC_REPLY;
}

/* Takes the next object out of reply 'msg'.  Returns 0 and the object in '*r',
 * whose backends the caller frees; EOF at the end; or an OFPERR_*.
 *
 * After an error '*r' has the id and nothing else, and the next call goes on
 * with the next object: a later release's may be of a form that we do not
 * know.  Id 0: it cannot be known where the next one begins. */
int
redirect_decode_desc(struct ofpbuf *msg, struct tpr_redirect *r)
{
    const struct tpr_ofp_redirect *hdr;
    enum { KNOWN = offsetof(struct tpr_ofp_redirect, policy) };
    struct ofpbuf one;
    int error;

    *r = (struct tpr_redirect) { .id = 0 };
    if (!msg->header) {
        ofpraw_pull_assert(msg);
    }
    if (!msg->size) {
        return EOF;
    }
    hdr = msg->data;
    if (msg->size < KNOWN || ntohs(hdr->length) < KNOWN
        || ntohs(hdr->length) > msg->size) {
        return OFPERR_OFPBRC_BAD_LEN;
    }
    ofpbuf_use_const(&one, hdr, ntohs(hdr->length));
    one.header = msg->header;
    error = ofputil_decode_redirect_desc(&one, r);
    if (error) {
        *r = (struct tpr_redirect) { .id = ntohl(hdr->id) };
    }
    ofpbuf_pull(msg, ntohs(hdr->length));
    return error;
}
