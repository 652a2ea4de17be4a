/* SPDX-License-Identifier: Apache-2.0 */

/* Redirects of a bridge: OpenFlow's view of them.
 *
 * Why: OpenFlow numbers redirects and ports per bridge, a datapath serves many
 * bridges.  This file keeps a bridge's objects as OpenFlow described them,
 * with the datapath's number of each, translates their ports, and knows how
 * many flows use which.
 *
 * How: ofproto.c hands over the messages and says when rules and ports come
 * and go.  A backend whose port is missing, or has become a port that cannot
 * be used, is withdrawn; refreshing the objects brings it back.
 *
 * Threads: the caller holds ofproto_mutex, except where said. */

#ifndef TPR_REDIRECT_OFPROTO_H
#define TPR_REDIRECT_OFPROTO_H 1

#include <stddef.h>
#include <stdint.h>
#include "openvswitch/ofp-errors.h"
#include "openvswitch/ofp-msgs.h"
#include "openvswitch/types.h"

struct ofconn;
struct ofp_header;
struct ofpact;
struct ofpact_redirect;
struct ofproto;
struct ofproto_redirects;

/* One for each bridge.  Main thread, without ofproto_mutex. */
struct ofproto_redirects *ofproto_redirects_create(void);
void ofproto_redirects_destroy(struct ofproto_redirects *);

/* The number that tells bridges of a datapath apart, never 0.  Any thread. */
uint32_t ofproto_redirects_scope(const struct ofproto_redirects *);

/* Handles the redirect messages of OpenFlow.  Main thread, without
 * ofproto_mutex. */
enum ofperr ofproto_redirects_handle(struct ofconn *,
                                     const struct ofp_header *, enum ofptype);

/* Gives 'action' the datapath's number.  Returns 0, or an error if there is no
 * such redirect. */
enum ofperr ofproto_redirects_fix_action(struct ofproto *,
                                         struct ofpact_redirect *action);

/* A flow with these actions comes (+1) or goes (-1). */
void ofproto_redirects_count(struct ofproto *, const struct ofpact *,
                             size_t ofpacts_len, int change);

/* 'port' goes; the datapath has withdrawn it already.  Main thread, without
 * ofproto_mutex. */
void ofproto_redirects_withdraw(struct ofproto *, ofp_port_t port);

/* Ports may have changed: all that use others than before are told to the
 * datapath.  Cheap if none have.  Main thread, without ofproto_mutex. */
void ofproto_redirects_refresh(struct ofproto *);

/* Deletes all, in use or not: the bridge goes.  Main thread, without
 * ofproto_mutex. */
void ofproto_redirects_flush(struct ofproto *);

#endif /* redirect-ofproto.h */
