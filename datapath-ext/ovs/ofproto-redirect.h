/* SPDX-License-Identifier: Apache-2.0 */

/* A bridge's redirects: OpenFlow's ids, who uses them, and the way to the
 * datapath.
 *
 * Ids are per bridge, as those of meters are: each maps to an id of the
 * datapath, which is what datapath flows have.  A flow or group may only name
 * a redirect that is there, and one that is named cannot be deleted.  Backends'
 * ports are translated; a backend whose port does not exist or cannot be used
 * is withdrawn until it can (ofproto_redirects_refresh()).
 *
 * Threads: the main thread, with ofproto_mutex where that is said. */

#ifndef TPR_OFPROTO_REDIRECT_H
#define TPR_OFPROTO_REDIRECT_H 1

#include "ofproto/ofproto-provider.h"
#include "openvswitch/ofp-errors.h"
#include "redirect.h"

struct ofconn;
struct ofp_header;

void ofproto_redirects_init(struct ofproto *);
void ofproto_redirects_destroy(struct ofproto *);
void ofproto_redirects_delete_all(struct ofproto *)
    OVS_REQUIRES(ofproto_mutex);
void ofproto_redirects_refresh(struct ofproto *);

enum ofperr ofproto_redirect_check_action(const struct ofproto *,
                                          struct ofpact_redirect *)
    OVS_REQUIRES(ofproto_mutex);
void ofproto_redirects_count(struct ofproto *, const struct rule_actions *,
                             int delta)
    OVS_REQUIRES(ofproto_mutex);

enum ofperr ofproto_handle_redirect_mod(struct ofproto *,
                                        const struct ofp_header *)
    OVS_EXCLUDED(ofproto_mutex);
enum ofperr ofproto_handle_set_liveness(struct ofproto *,
                                        const struct ofp_header *);
enum ofperr ofproto_handle_redirect_request(struct ofproto *, struct ofconn *,
                                            const struct ofp_header *)
    OVS_EXCLUDED(ofproto_mutex);

#endif /* ofproto-redirect.h */
