/* SPDX-License-Identifier: Apache-2.0 */

/* The OpenFlow connection to a bridge's management socket.
 *
 * Why not rconn alone: its back-off begins at one second, and a switch that
 * comes back must have our flows at once.  So the run directory is watched
 * (inotify), and a socket that appears is tried at once, every few
 * milliseconds until it answers.  Without inotify the back-off remains.
 *
 *                    rconn connected
 *                    send OFPT_GET_CONFIG_REQUEST
 *     +---------+ ------------------------------> +--------+
 *     | CONNECT |                                 | CONFIG |
 *     +---------+                                 +--------+
 *       ^  ^  ^                                       | OFPT_GET_CONFIG_REPLY
 *       |  |  |                                       | send SET_CONFIG,
 *       |  |  |     connection lost, in any state:    | SET_ASYNC,
 *       |  |  +------------- cb->lost() ----------+   | PORT_DESC request
 *       |  |                                      |   v
 *       |  +----------------- .. ------------ +-------+
 *       |                                     | PORTS |
 *       |                                     +-------+
 *       |                                         | last OFPMP_PORT_DESC reply
 *       |                                         | cb->redirects_begin()
 *       |                                         | send redirects request
 *       |                                   +-----------+
 *       |                                   | REDIRECTS |
 *       |                                   +-----------+
 *       |                                         | last reply, or an error
 *       |                                         | cb->redirects_end()
 *       |                                         | cb->groups_begin()
 *       |                                         | send GROUP_DESC request
 *       |                                     +--------+
 *       |                                     | GROUPS |
 *       |                                     +--------+
 *       |                                         | last reply, or an error
 *       |                                         | cb->dump_begin()
 *       |                                         | send FLOW request
 *       |     cb->dump_end()                      v
 *     +-------+ <--------------------------- +------+
 *     | READY |   last OFPMP_FLOW reply      | DUMP |
 *     +-------+ ---------------------------> +------+
 *                 ofconn_redump(), or a flow
 *                 of ours was removed by others
 *
 * SET_CONFIG repeats what the switch has (fragment handling is everybody's),
 * only with a miss_send_len other than zero: without one, Open vSwitch sends a
 * management connection no asynchronous messages at all.  SET_ASYNC then
 * asks for OFPT_PORT_STATUS and for OFPT_FLOW_REMOVED of deleted flows.
 *
 * Redirect objects: a switch that does not know them answers the first request
 * with an error, and is not asked again on this connection.  Others are asked
 * before each request for flows, which name the objects.
 *
 * Changes of flows travel in OpenFlow 1.4 bundles, atomic and ordered, open,
 * add and commit in one go, without waiting for the replies in between: the
 * switch works on them in order.  A request that is refused is reported by the
 * transaction id of its error.
 *
 * A hung switch is noticed by echo requests after PROBE_S of silence, and the
 * connection is dropped after PROBE_S more.
 *
 * Threads: main thread; ofconn_run() and ofconn_wait() in its poll loop.  The
 * callbacks come from ofconn_run() only. */

#ifndef TPR_OFCONN_H
#define TPR_OFCONN_H 1

#include <stdbool.h>
#include <stdint.h>
#include "datapath.h"
#include "openvswitch/types.h"

struct ofputil_flow_mod;
struct ofputil_group_desc;
struct ofputil_group_mod;
struct ofputil_flow_removed;
struct ofputil_flow_stats;
struct json;
struct tpr_redirect;

struct ofconn_callbacks {
    /* A port appeared, changed or vanished. */
    void (*ports_changed)(void *aux);

    /* The switch tells all redirect objects, others' too; or, 'native' false,
     * it knows no such thing. */
    void (*redirects_begin)(void *aux);
    void (*redirect)(void *aux, const struct tpr_redirect *);
    void (*redirects_end)(void *aux, bool native);

    /* The switch tells its groups, others' too; what is decoded belongs to the
     * caller, but may be changed.  Then follow our flows. */
    void (*groups_begin)(void *aux);
    void (*group)(void *aux, struct ofputil_group_desc *);

    /* The switch tells our flows (OFPMP_FLOW by cookie). */
    void (*dump_begin)(void *aux);
    void (*dumped)(void *aux, const struct ofputil_flow_stats *);
    void (*dump_end)(void *aux);

    /* A flow of ours was removed (OFPT_FLOW_REMOVED, for those that ask for
     * it).  Returns true if that was somebody else: then all our flows are
     * asked for again. */
    bool (*removed)(void *aux, const struct ofputil_flow_removed *);
    /* A packet that a flow of ours handed to us (OFPT_PACKET_IN), with the
     * 'n' bytes beside it in the action. */
    void (*packet)(void *aux, ofp_port_t in_port, const void *frame,
                   size_t size, const void *userdata, size_t n);

    /* Answer to a barrier: all before it is done or was refused. */
    void (*barrier)(void *aux, ovs_be32 xid);

    /* Answers to bundles: request 'xid' was refused with 'sentence'; bundle
     * 'id' is committed, or none of it happened. */
    void (*refused)(void *aux, ovs_be32 xid, const char *sentence);
    void (*committed)(void *aux, uint32_t id, bool ok);

    /* The connection is gone, with all bundles on their way. */
    void (*lost)(void *aux);
};

struct ofconn;

struct ofconn *ofconn_create(const char *bridge, uint64_t cookie,
                             uint64_t cookie_mask,
                             const struct ofconn_callbacks *, void *aux);
void ofconn_destroy(struct ofconn *);

void ofconn_run(struct ofconn *);
void ofconn_wait(struct ofconn *);

bool ofconn_ready(const struct ofconn *);
bool ofconn_can_hash(const struct ofconn *);
void ofconn_redump(struct ofconn *);

bool ofconn_port(const struct ofconn *, const char *name, struct dp_port *);
unsigned int ofconn_port_seqno(const struct ofconn *);

ovs_be32 ofconn_redirect_mod(struct ofconn *, uint32_t id,
                             const struct tpr_redirect *, bool is_new);
void ofconn_send_packet(struct ofconn *, ofp_port_t, const void *frame,
                        size_t size);
void ofconn_learn(struct ofconn *, ofp_port_t in_port, const void *frame,
                  size_t size);
ovs_be32 ofconn_barrier(struct ofconn *);

uint32_t ofconn_bundle_open(struct ofconn *);
ovs_be32 ofconn_bundle_add(struct ofconn *, const struct ofputil_flow_mod *);
ovs_be32 ofconn_bundle_add_group(struct ofconn *,
                                 const struct ofputil_group_mod *);
void ofconn_bundle_commit(struct ofconn *);

void ofconn_show(const struct ofconn *, struct json *);

#endif /* ofconn.h */
