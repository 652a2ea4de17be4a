/* SPDX-License-Identifier: Apache-2.0 */

/* Watches the flows that others have in a bridge: see flow-watch.h. */

#include <config.h>
#include "flow-watch.h"
#include <errno.h>
#include "byte-order.h"
#include "coverage.h"
#include "dirs.h"
#include "flow-make.h"
#include "foreign.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofp-errors.h"
#include "openvswitch/ofp-monitor.h"
#include "openvswitch/ofp-msgs.h"
#include "openvswitch/ofp-util.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/rconn.h"
#include "openvswitch/vconn.h"
#include "openvswitch/vlog.h"
#include "socket-util.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(flow_watch);

COVERAGE_DEFINE(tpr_foreign_flow);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 5);

enum {
    MONITOR_ID = 1,
    MAX_BACKOFF_S = 1,          /* Between attempts to connect. */
    PROBE_S = 5,                /* Silence before an echo request. */
    MAX_MESSAGES = 8,           /* In one run; each has up to 64 kB. */
};

struct flow_watch {
    char *bridge;
    struct foreign *foreign;
    struct rconn *rconn;
    unsigned int seqno;         /* Connection on which was asked... */
    bool asked;                 /* ...or not. */
    ovs_be32 xid;               /* Of the request, until all is told; or 0. */
    bool more;                  /* Messages may be waiting. */
};

/* Starts to watch 'bridge' of the Open vSwitch in ovs_rundir(), which need not
 * exist yet.  'foreign' must outlive the watch. */
struct flow_watch *
flow_watch_create(const char *bridge, struct foreign *foreign)
{
    struct flow_watch *w = xzalloc(sizeof *w);
    char *target = xasprintf("unix:%s/%s.mgmt", ovs_rundir(), bridge);

    w->bridge = xstrdup(bridge);
    w->foreign = foreign;
    w->rconn = rconn_create(0, MAX_BACKOFF_S, DSCP_DEFAULT,
                            1u << OFP14_VERSION);
    rconn_connect(w->rconn, target, bridge);
    rconn_set_probe_interval(w->rconn, PROBE_S);
    free(target);
    return w;
}

/* Ends the watch. */
void
flow_watch_destroy(struct flow_watch *w)
{
    if (w) {
        rconn_destroy(w->rconn);
        free(w->bridge);
        free(w);
    }
}

/* Has the switch tell everything anew. */
void
flow_watch_again(struct flow_watch *w)
{
    rconn_reconnect(w->rconn);
}

static void
ask(struct flow_watch *w)
{
    struct ofputil_flow_monitor_request rq = {
        .id = MONITOR_ID,
        .command = OFPFMC_ADD,
        .flags = (OFPFMF_INITIAL | OFPFMF_ADD | OFPFMF_REMOVED
                  | OFPFMF_MODIFY),
        .out_port = OFPP_ANY,
        .out_group = OFPG_ANY,
        .table_id = 0,
    };
    struct ofpbuf *msg = ofpbuf_new(0);

    match_init_catchall(&rq.match);
    ofputil_append_flow_monitor_request(&rq, msg, OFPUTIL_P_OF14_OXM);
    w->xid = ((const struct ofp_header *) msg->data)->xid;
    w->asked = true;
    foreign_begin(w->foreign);
    rconn_send(w->rconn, msg, NULL);
}

static void
handle_update(struct flow_watch *w, const struct ofputil_flow_update *u)
{
    if (u->event == OFPFME_ABBREV || u->event == OFPFME_PAUSED
        || u->event == OFPFME_RESUMED || u->table_id
        || (ntohll(u->cookie) & FLOW_COOKIE_MASK) == FLOW_COOKIE) {
        return;
    }
    COVERAGE_INC(tpr_foreign_flow);
    if (u->event == OFPFME_REMOVED) {
        foreign_del(w->foreign, u->priority, &u->match);
    } else {
        foreign_put(w->foreign, u->priority, &u->match);
    }
}

static void
handle_updates(struct flow_watch *w, struct ofpbuf *msg)
{
    const struct ofp_header *oh = msg->data;
    bool last = oh->xid == w->xid && !ofpmp_more(oh);
    struct ofputil_flow_update u;
    struct ofpbuf ofpacts;
    int error;

    ofpbuf_init(&ofpacts, 64);
    while (!(error = ofputil_decode_flow_update(&u, msg, &ofpacts))) {
        handle_update(w, &u);
    }
    ofpbuf_uninit(&ofpacts);
    if (error != EOF) {
        VLOG_WARN_RL(&rl, "%s: what the switch tells about flows makes no "
                     "sense (%s); asking again after a new connection",
                     w->bridge, ofperr_to_string(error));
        rconn_reconnect(w->rconn);
    } else if (last) {
        w->xid = 0;
        foreign_end(w->foreign);
    }
}

static void
handle_message(struct flow_watch *w, struct ofpbuf *msg)
{
    const struct ofp_header *oh = msg->data;
    enum ofptype type;

    if (ofptype_decode(&type, oh)) {
        return;
    } else if (type == OFPTYPE_ECHO_REQUEST) {
        rconn_send(w->rconn, ofputil_encode_echo_reply(oh), NULL);
    } else if (type == OFPTYPE_FLOW_MONITOR_STATS_REPLY) {
        handle_updates(w, msg);
    } else if (type == OFPTYPE_ERROR && oh->xid == w->xid) {
        VLOG_WARN_RL(&rl, "%s: the switch does not tell which flows it has "
                     "(%s): no service of it can be taken by BPF programs",
                     w->bridge, ofperr_to_string(ofperr_decode_msg(oh,
                                                                   NULL)));
    }
}

/* Does whatever is due: connects, asks, takes in what the switch tells. */
void
flow_watch_run(struct flow_watch *w)
{
    rconn_run(w->rconn);
    w->more = false;
    for (int i = 0; ; i++) {
        unsigned int seqno = rconn_get_connection_seqno(w->rconn);
        struct ofpbuf *msg;

        if (seqno != w->seqno) {
            w->seqno = seqno;
            w->asked = false;
        }
        if (!rconn_is_connected(w->rconn)) {
            return;
        }
        if (!w->asked) {
            ask(w);
        }
        if (i >= MAX_MESSAGES) {
            w->more = true;
            return;
        }
        msg = rconn_recv(w->rconn);
        if (!msg) {
            return;
        }
        handle_message(w, msg);
        ofpbuf_delete(msg);
    }
}

/* Wakes the poll loop when flow_watch_run() has something to do. */
void
flow_watch_wait(struct flow_watch *w)
{
    rconn_run_wait(w->rconn);
    rconn_recv_wait(w->rconn);
    if (w->more) {
        poll_immediate_wake();
    }
}
