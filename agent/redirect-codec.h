/* SPDX-License-Identifier: Apache-2.0 */

/* Redirect objects in OpenFlow, as the agent needs them: the little that
 * stands between its own words and the patched libopenvswitch.
 *
 * Pure: no socket, clock, log.  Threads: any; no state. */

#ifndef TPR_REDIRECT_CODEC_H
#define TPR_REDIRECT_CODEC_H 1

#include <stdbool.h>
#include <stdint.h>
#include "openvswitch/ofp-msgs.h"
#include "openvswitch/ofp-protocol.h"
#include "redirect.h"

struct ofpbuf;

void flow_act_redirect(struct ofpbuf *, enum tpr_mode, uint32_t id);

struct ofpbuf *redirect_encode_mod(enum ofp_version, uint32_t id,
                                   const struct tpr_redirect *, bool is_new);
struct ofpbuf *redirect_encode_desc_request(enum ofp_version);
bool redirect_is_desc_reply(enum ofptype);
int redirect_decode_desc(struct ofpbuf *, struct tpr_redirect *);

#endif /* redirect-codec.h */
