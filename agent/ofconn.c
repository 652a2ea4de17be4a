/* SPDX-License-Identifier: Apache-2.0 */

/* The OpenFlow connection to a bridge: see ofconn.h for the machine. */

#include <config.h>
#include "ofconn.h"
#include <errno.h>
#include <sys/inotify.h>
#include <unistd.h>
#include "byte-order.h"
#include "coverage.h"
#include "dirs.h"
#include "flow.h"
#include "flow-make.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/ofp-bundle.h"
#include "openvswitch/ofp-connection.h"
#include "openvswitch/ofp-errors.h"
#include "openvswitch/ofp-flow.h"
#include "openvswitch/ofp-group.h"
#include "openvswitch/ofp-monitor.h"
#include "openvswitch/ofp-msgs.h"
#include "openvswitch/ofp-packet.h"
#include "openvswitch/ofp-port.h"
#include "openvswitch/ofp-switch.h"
#include "openvswitch/ofp-util.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/rconn.h"
#include "openvswitch/shash.h"
#include "openvswitch/vconn.h"
#include "openvswitch/vlog.h"
#include "redirect-codec.h"
#include "redirect-plan.h"
#include "socket-util.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(ofconn);

COVERAGE_DEFINE(tpr_of_connected);
COVERAGE_DEFINE(tpr_of_dump);
COVERAGE_DEFINE(tpr_of_bundle);
COVERAGE_DEFINE(tpr_of_refused);
COVERAGE_DEFINE(tpr_of_removed_by_others);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(10, 20);

enum {
    PROBE_S = 5,                /* Silence before an echo request. */
    MAX_BACKOFF_S = 1,          /* Between attempts without inotify. */
    EAGER_RETRY_MS = 2,         /* Between attempts at a new socket, */
    EAGER_MS = 1000,            /* for so long. */
    MAX_MESSAGES = 500,         /* Received in one run. */
};

#define STATES                                              \
    STATE(CONNECT, "connecting")                            \
    STATE(CONFIG, "asking for the switch's configuration")  \
    STATE(PORTS, "asking for ports")                        \
    STATE(REDIRECTS, "asking for redirect objects")         \
    STATE(GROUPS, "asking for groups")                      \
    STATE(DUMP, "asking for flows")                         \
    STATE(READY, "ready")
enum state {
#define STATE(ENUM, NAME) S_##ENUM,
    STATES
#undef STATE
};

struct ofconn {
    /* Configuration. */
    char *bridge;
    char *socket_name;          /* "BRIDGE.mgmt". */
    char *target;               /* "unix:RUNDIR/BRIDGE.mgmt". */
    uint64_t cookie, cookie_mask;
    const struct ofconn_callbacks *cb;
    void *aux;

    /* State. */
    struct rconn *rconn;
    unsigned int rconn_seqno;   /* Connection that 'state' is about. */
    enum state state;
    ovs_be32 xid;               /* Of the request that 'state' waits for. */
    bool redump;                /* Another dump is due after this one. */
    bool asked;                 /* For redirect objects, with an answer, */
    bool native;                /* and the switch knows them. */
    struct shash ports;         /* Name -> struct dp_port. */
    unsigned int port_seqno;
    uint32_t bundle_id;         /* Of the last bundle. */

    /* Watching the run directory. */
    int inotify_fd;             /* -1: none. */
    int watch;                  /* -1: the directory does not exist. */
    long long int eager_until;  /* Milliseconds; LLONG_MIN: not eager. */
    long long int eager_next;

    /* Statistics. */
    uint64_t n_connections, n_bundles, n_refused, n_dumps;
    uint64_t n_removed;         /* Flows that others took away, as far as
                                 * the switch reports it. */
};

static const char *
state_to_string(enum state state)
{
    switch (state) {
#define STATE(ENUM, NAME) case S_##ENUM: return NAME;
        STATES
#undef STATE
    }
    return "unknown";
}

static enum ofp_version
version(const struct ofconn *oc)
{
    return rconn_get_version(oc->rconn);
}

static enum ofputil_protocol
protocol(const struct ofconn *oc)
{
    return ofputil_protocol_from_ofp_version(version(oc));
}

/* Sends 'msg' and returns its transaction id. */
static ovs_be32
send_msg(struct ofconn *oc, struct ofpbuf *msg)
{
    ovs_be32 xid = ((const struct ofp_header *) msg->data)->xid;

    rconn_send(oc->rconn, msg, NULL);
    return xid;
}

static void
set_state(struct ofconn *oc, enum state state)
{
    VLOG_DBG("%s: %s", oc->bridge, state_to_string(state));
    oc->state = state;
}

/* The run directory. */

static void
watch_run(struct ofconn *oc)
{
    if (oc->inotify_fd >= 0 && oc->watch < 0) {
        oc->watch = inotify_add_watch(oc->inotify_fd, ovs_rundir(),
                                      IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
        if (oc->watch >= 0) {
            VLOG_DBG("%s: watching %s", oc->bridge, ovs_rundir());
        }
    }
}

/* Reads all events; returns true if the bridge's socket appeared. */
static bool
watch_events(struct ofconn *oc)
{
    union {
        struct inotify_event align;
        char data[4096];
    } buf;
    bool appeared = false;
    ssize_t n;

    while (oc->inotify_fd >= 0
           && (n = read(oc->inotify_fd, buf.data, sizeof buf.data)) > 0) {
        const struct inotify_event *event;

        for (const char *p = buf.data; p < buf.data + n;
             p += sizeof *event + event->len) {
            event = (const void *) p;
            if (event->mask & IN_IGNORED) {
                oc->watch = -1;
            } else if (event->mask & IN_Q_OVERFLOW
                       || (event->len
                           && !strcmp(event->name, oc->socket_name))) {
                appeared = true;
            }
        }
    }
    return appeared;
}

/* Sets the connection up, or anew.  rconn takes the peer of a Unix domain
 * socket for alive as long as the socket is; a switch that hangs is not. */
static void
start_rconn(struct ofconn *oc)
{
    rconn_connect(oc->rconn, oc->target, oc->bridge);
    rconn_set_probe_interval(oc->rconn, PROBE_S);
}

static void
connect_now(struct ofconn *oc)
{
    /* rconn_reconnect() does nothing during back-off; a new target ends it. */
    rconn_disconnect(oc->rconn);
    start_rconn(oc);
    rconn_run(oc->rconn);
}

static void
eager_run(struct ofconn *oc)
{
    long long int now = time_msec();

    if (watch_events(oc)) {
        VLOG_DBG("%s: %s appeared", oc->bridge, oc->target);
        oc->eager_until = now + EAGER_MS;
        oc->eager_next = now;
        if (rconn_is_connected(oc->rconn)) {
            /* A new switch: the old connection is dead, even if nobody has
             * told us yet. */
            rconn_disconnect(oc->rconn);
        }
    }
    watch_run(oc);

    if (oc->eager_until != LLONG_MIN) {
        if (rconn_is_connected(oc->rconn) || now >= oc->eager_until) {
            oc->eager_until = LLONG_MIN;
            if (!rconn_is_connected(oc->rconn)) {
                connect_now(oc);
            }
        } else if (now >= oc->eager_next) {
            oc->eager_next = now + EAGER_RETRY_MS;
            if (strcmp(rconn_get_state(oc->rconn), "CONNECTING")) {
                connect_now(oc);
            }
        }
    }
}

/* Ports. */

static void
ports_clear(struct ofconn *oc)
{
    shash_clear_free_data(&oc->ports);
}

/* Takes note of a port; returns true if anything has changed. */
static bool
port_put(struct ofconn *oc, const struct ofputil_phy_port *pp, bool deleted)
{
    struct dp_port *port = shash_find_data(&oc->ports, pp->name);
    struct dp_port new = {
        .ofport = ofp_to_u16(pp->port_no),
        .link_up = !(pp->state & OFPUTIL_PS_LINK_DOWN),
        .blocked = (pp->config & (OFPUTIL_PC_NO_RECV
                                  | OFPUTIL_PC_NO_FWD)) != 0,
        .mac = pp->hw_addr,
    };

    if (deleted) {
        free(shash_find_and_delete(&oc->ports, pp->name));
        return port != NULL;
    }
    if (!port) {
        port = xzalloc(sizeof *port);
        shash_add(&oc->ports, pp->name, port);
    } else if (port->ofport == new.ofport && port->link_up == new.link_up
               && port->blocked == new.blocked
               && eth_addr_equals(port->mac, new.mac)) {
        return false;
    }
    *port = new;
    return true;
}

static void
ports_changed(struct ofconn *oc)
{
    oc->port_seqno++;
    oc->cb->ports_changed(oc->aux);
}

/* States. */

static void
enter_connect(struct ofconn *oc)
{
    if (oc->state != S_CONNECT) {
        set_state(oc, S_CONNECT);
        oc->redump = false;
        oc->cb->lost(oc->aux);
    }
}

static void
enter_config(struct ofconn *oc)
{
    COVERAGE_INC(tpr_of_connected);
    oc->n_connections++;
    oc->asked = false;
    set_state(oc, S_CONFIG);
    oc->xid = send_msg(oc, ofpraw_alloc(OFPRAW_OFPT_GET_CONFIG_REQUEST,
                                        version(oc), 0));
}

/* Asks for packets that flows hand to CONTROLLER_ID, with what is beside them
 * in the action. */
static void
take_packets(struct ofconn *oc)
{
    struct ofpbuf *msg = ofpraw_alloc(OFPRAW_NXT_SET_CONTROLLER_ID,
                                      version(oc), 0);
    struct nx_controller_id *nci = ofpbuf_put_zeros(msg, sizeof *nci);

    nci->controller_id = htons(CONTROLLER_ID);
    send_msg(oc, msg);
    send_msg(oc, ofputil_encode_set_packet_in_format(
                 version(oc), OFPUTIL_PACKET_IN_NXT2));
}

static void
enter_ports(struct ofconn *oc, const struct ofp_header *reply)
{
    struct ofputil_async_cfg ac = OFPUTIL_ASYNC_CFG_INIT;
    struct ofputil_switch_config config;

    ofputil_decode_get_config_reply(reply, &config);
    config.miss_send_len = UINT16_MAX;
    send_msg(oc, ofputil_encode_set_config(&config, version(oc)));

    ac.primary[OAM_PORT_STATUS] = (1u << OFPPR_ADD | 1u << OFPPR_DELETE
                                   | 1u << OFPPR_MODIFY);
    ac.primary[OAM_FLOW_REMOVED] = (1u << OFPRR_DELETE
                                     | 1u << OFPRR_GROUP_DELETE);
    ac.primary[OAM_PACKET_IN] = 1u << OFPR_ACTION;
    send_msg(oc, ofputil_encode_set_async_config(
                 &ac, (1u << OAM_PACKET_IN | 1u << OAM_PORT_STATUS
                       | 1u << OAM_FLOW_REMOVED), version(oc)));

    take_packets(oc);
    ports_clear(oc);
    set_state(oc, S_PORTS);
    oc->xid = send_msg(oc, ofputil_encode_port_desc_stats_request(
                           version(oc), OFPP_ANY));
}

static void
enter_flows(struct ofconn *oc)
{
    struct ofputil_flow_stats_request fsr = {
        .cookie = htonll(oc->cookie),
        .cookie_mask = htonll(oc->cookie_mask),
        .out_port = OFPP_ANY,
        .out_group = OFPG_ANY,
        .table_id = OFPTT_ALL,
    };

    match_init_catchall(&fsr.match);
    oc->cb->dump_begin(oc->aux);
    set_state(oc, S_DUMP);
    oc->xid = send_msg(oc, ofputil_encode_flow_stats_request(&fsr,
                                                             protocol(oc)));
}

static void
enter_groups(struct ofconn *oc)
{
    oc->cb->groups_begin(oc->aux);
    set_state(oc, S_GROUPS);
    oc->xid = send_msg(oc, ofputil_encode_group_desc_request(version(oc),
                                                             OFPG_ALL));
}

static void
enter_dump(struct ofconn *oc)
{
    COVERAGE_INC(tpr_of_dump);
    oc->n_dumps++;
    oc->redump = false;
    if (oc->asked && !oc->native) {
        enter_groups(oc);
        return;
    }
    oc->cb->redirects_begin(oc->aux);
    set_state(oc, S_REDIRECTS);
    oc->xid = send_msg(oc, redirect_encode_desc_request(version(oc)));
}

/* The switch has told all its redirect objects, or knows no such thing.  What
 * can be planned depends on that, as it does on ports. */
static void
end_redirects(struct ofconn *oc, bool native)
{
    if (!oc->asked) {
        oc->asked = true;
        oc->port_seqno++;
    }
    oc->native = native;
    oc->cb->redirects_end(oc->aux, native);
    enter_groups(oc);
}

static void
enter_ready(struct ofconn *oc)
{
    set_state(oc, S_READY);
    oc->cb->dump_end(oc->aux);
}

/* Messages. */

static void
handle_ports(struct ofconn *oc, const struct ofp_header *oh)
{
    struct ofpbuf msg = ofpbuf_const_initializer(oh, ntohs(oh->length));
    struct ofputil_phy_port pp;

    if (oc->state != S_PORTS || oh->xid != oc->xid) {
        return;
    }
    ofpraw_pull_assert(&msg);
    while (!ofputil_pull_phy_port(oh->version, &msg, &pp)) {
        port_put(oc, &pp, false);
    }
    if (!ofpmp_more(oh)) {
        ports_changed(oc);
        enter_dump(oc);
    }
}

static void
handle_flows(struct ofconn *oc, struct ofpbuf *msg, bool more)
{
    struct ofputil_flow_stats fs;
    struct ofpbuf ofpacts;
    int error;

    ofpbuf_init(&ofpacts, 512);
    while (!(error = ofputil_decode_flow_stats_reply(&fs, msg, false,
                                                     &ofpacts))) {
        oc->cb->dumped(oc->aux, &fs);
    }
    ofpbuf_uninit(&ofpacts);
    if (error != EOF) {
        VLOG_WARN_RL(&rl, "%s: the switch's list of flows makes no sense "
                     "(%s); asking again after a new connection",
                     oc->bridge, ofperr_to_string(error));
        rconn_reconnect(oc->rconn);
    } else if (!more) {
        enter_ready(oc);
    }
}

static void
handle_groups(struct ofconn *oc, struct ofpbuf *msg, bool more)
{
    struct ofputil_group_desc gd;
    int error;

    while (!(error = ofputil_decode_group_desc_reply(&gd, msg,
                                                     version(oc)))) {
        oc->cb->group(oc->aux, &gd);
        ofputil_uninit_group_desc(&gd);
    }
    if (error != EOF) {
        VLOG_WARN_RL(&rl, "%s: the switch's list of groups makes no sense "
                     "(%s); asking again after a new connection",
                     oc->bridge, ofperr_to_string(error));
        rconn_reconnect(oc->rconn);
    } else if (!more) {
        enter_flows(oc);
    }
}

static void
handle_redirects(struct ofconn *oc, struct ofpbuf *msg, bool more)
{
    struct tpr_redirect r;
    int error;

    while ((error = redirect_decode_desc(msg, &r)) != EOF
           && (!error || r.id)) {
        if (error) {
            /* A foreign one is nobody's business.  One of ours that we cannot
             * read is not what we want, hence it will be replaced. */
            VLOG_DBG("%s: redirect object %#"PRIx32" is of an unknown form "
                     "(%s)", oc->bridge, r.id, ofperr_to_string(error));
        }
        oc->cb->redirect(oc->aux, &r);
        free(r.backends);
    }
    if (error != EOF) {
        VLOG_WARN_RL(&rl, "%s: the switch's list of redirect objects makes no "
                     "sense (%s); asking again after a new connection",
                     oc->bridge, ofperr_to_string(error));
        rconn_reconnect(oc->rconn);
    } else if (!more) {
        end_redirects(oc, true);
    }
}

static void
handle_port_status(struct ofconn *oc, const struct ofp_header *oh)
{
    struct ofputil_port_status ps;

    if (!ofputil_decode_port_status(oh, &ps)
        && port_put(oc, &ps.desc, ps.reason == OFPPR_DELETE)) {
        ports_changed(oc);
    }
}

static void
handle_flow_removed(struct ofconn *oc, const struct ofp_header *oh)
{
    struct ofputil_flow_removed fr;

    if (!ofputil_decode_flow_removed(&fr, oh)
        && (ntohll(fr.cookie) & oc->cookie_mask) == oc->cookie
        && (fr.reason == OFPRR_DELETE || fr.reason == OFPRR_GROUP_DELETE)
        && oc->cb->removed(oc->aux, &fr)) {
        oc->n_removed++;
        COVERAGE_INC(tpr_of_removed_by_others);
        VLOG_INFO_RL(&rl, "%s: somebody removed flows of ours; comparing "
                     "all of them with the switch", oc->bridge);
        ofconn_redump(oc);
    }
}

static void
handle_bundle_reply(struct ofconn *oc, const struct ofp_header *oh)
{
    struct ofputil_bundle_ctrl_msg bc;

    if (!ofputil_decode_bundle_ctrl(oh, &bc)
        && bc.type == OFPBCT_COMMIT_REPLY) {
        oc->cb->committed(oc->aux, bc.bundle_id, true);
    }
}

static void
handle_error(struct ofconn *oc, const struct ofp_header *oh)
{
    struct ofputil_bundle_ctrl_msg bc;
    struct ofpbuf payload;
    enum ofperr error = ofperr_decode_msg(oh, &payload);
    const struct ofp_header *request = payload.data;
    enum ofptype type;

    if (oc->state == S_REDIRECTS && oh->xid == oc->xid) {
        ofpbuf_uninit(&payload);
        end_redirects(oc, false);
        return;
    } else if (oc->state == S_GROUPS && oh->xid == oc->xid) {
        ofpbuf_uninit(&payload);
        enter_flows(oc);        /* It has none. */
        return;
    }
    oc->n_refused++;
    COVERAGE_INC(tpr_of_refused);
    if (payload.size >= sizeof *request
        && ntohs(request->length) <= payload.size
        && !ofptype_decode(&type, request) && type == OFPTYPE_BUNDLE_CONTROL
        && !ofputil_decode_bundle_ctrl(request, &bc)) {
        oc->cb->committed(oc->aux, bc.bundle_id, false);
    } else {
        oc->cb->refused(oc->aux, oh->xid, ofperr_to_string(error));
    }
    ofpbuf_uninit(&payload);
}

static void
handle_packet_in(struct ofconn *oc, const struct ofp_header *oh)
{
    struct ofputil_packet_in pin;
    size_t total_len;
    uint32_t buffer_id;

    if (!ofputil_decode_packet_in(oh, true, NULL, NULL, &pin, &total_len,
                                  &buffer_id, NULL)) {
        oc->cb->packet(oc->aux, pin.flow_metadata.flow.in_port.ofp_port,
                       pin.packet, pin.packet_len, pin.userdata,
                       pin.userdata_len);
    }
}

static void
handle_message(struct ofconn *oc, struct ofpbuf *msg)
{
    const struct ofp_header *oh = msg->data;
    enum ofptype type;

    if (ofptype_decode(&type, oh)) {
        return;
    }
    if (redirect_is_desc_reply(type)) {
        if (oc->state == S_REDIRECTS && oh->xid == oc->xid) {
            bool more = ofpmp_more(oh);
            handle_redirects(oc, msg, more);
        }
        return;
    }
    switch ((int) type) {
    case OFPTYPE_BARRIER_REPLY:
        oc->cb->barrier(oc->aux, oh->xid);
        break;
    case OFPTYPE_ECHO_REQUEST:
        send_msg(oc, ofputil_encode_echo_reply(oh));
        break;
    case OFPTYPE_GET_CONFIG_REPLY:
        if (oc->state == S_CONFIG && oh->xid == oc->xid) {
            enter_ports(oc, oh);
        }
        break;
    case OFPTYPE_PORT_DESC_STATS_REPLY:
        handle_ports(oc, oh);
        break;
    case OFPTYPE_GROUP_DESC_STATS_REPLY:
        if (oc->state == S_GROUPS && oh->xid == oc->xid) {
            bool more = ofpmp_more(oh);
            handle_groups(oc, msg, more);
        }
        break;
    case OFPTYPE_FLOW_STATS_REPLY:
        if (oc->state == S_DUMP && oh->xid == oc->xid) {
            bool more = ofpmp_more(oh);
            handle_flows(oc, msg, more);
        }
        break;
    case OFPTYPE_PORT_STATUS:
        handle_port_status(oc, oh);
        break;
    case OFPTYPE_PACKET_IN:
        handle_packet_in(oc, oh);
        break;
    case OFPTYPE_FLOW_REMOVED:
        handle_flow_removed(oc, oh);
        break;
    case OFPTYPE_BUNDLE_CONTROL:
        handle_bundle_reply(oc, oh);
        break;
    case OFPTYPE_ERROR:
        handle_error(oc, oh);
        break;
    default:
        break;
    }
}

/* Public functions. */

/* Makes a connection to 'bridge' of the Open vSwitch in ovs_rundir(), which
 * need not exist yet.  Flows with 'cookie' under 'cookie_mask' are ours.  The
 * callbacks must not destroy the connection. */
struct ofconn *
ofconn_create(const char *bridge, uint64_t cookie, uint64_t cookie_mask,
              const struct ofconn_callbacks *cb, void *aux)
{
    struct ofconn *oc = xzalloc(sizeof *oc);

    oc->bridge = xstrdup(bridge);
    oc->socket_name = xasprintf("%s.mgmt", bridge);
    oc->target = xasprintf("unix:%s/%s", ovs_rundir(), oc->socket_name);
    oc->cookie = cookie;
    oc->cookie_mask = cookie_mask;
    oc->cb = cb;
    oc->aux = aux;
    shash_init(&oc->ports);
    oc->eager_until = LLONG_MIN;
    oc->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    oc->watch = -1;
    if (oc->inotify_fd < 0) {
        VLOG_WARN("cannot watch %s (%s): a restarted switch will be found "
                  "within %d s", ovs_rundir(), ovs_strerror(errno),
                  MAX_BACKOFF_S);
    }
    watch_run(oc);
    oc->rconn = rconn_create(0, MAX_BACKOFF_S, DSCP_DEFAULT,
                             1u << OFP14_VERSION | 1u << OFP15_VERSION);
    start_rconn(oc);
    oc->rconn_seqno = rconn_get_connection_seqno(oc->rconn);
    return oc;
}

/* Closes the connection.  The switch keeps all flows. */
void
ofconn_destroy(struct ofconn *oc)
{
    if (oc) {
        rconn_destroy(oc->rconn);
        if (oc->inotify_fd >= 0) {
            close(oc->inotify_fd);
        }
        ports_clear(oc);
        shash_destroy(&oc->ports);
        free(oc->bridge);
        free(oc->socket_name);
        free(oc->target);
        free(oc);
    }
}

/* Does whatever is due: connects, sends, receives, calls back. */
void
ofconn_run(struct ofconn *oc)
{
    eager_run(oc);
    rconn_run(oc->rconn);

    for (int i = 0; i < MAX_MESSAGES; i++) {
        unsigned int seqno = rconn_get_connection_seqno(oc->rconn);

        if (seqno != oc->rconn_seqno || !rconn_is_connected(oc->rconn)) {
            oc->rconn_seqno = seqno;
            enter_connect(oc);
        }
        if (!rconn_is_connected(oc->rconn)) {
            return;
        }
        if (oc->state == S_CONNECT) {
            enter_config(oc);
        }

        struct ofpbuf *msg = rconn_recv(oc->rconn);
        if (!msg) {
            rconn_run(oc->rconn);
            break;
        }
        handle_message(oc, msg);
        ofpbuf_delete(msg);
    }
    if (oc->redump && oc->state == S_READY) {
        enter_dump(oc);
    }
}

/* Arranges for the poll loop to wake when ofconn_run() has something to do. */
void
ofconn_wait(struct ofconn *oc)
{
    rconn_run_wait(oc->rconn);
    rconn_recv_wait(oc->rconn);
    if (oc->inotify_fd >= 0) {
        poll_fd_wait(oc->inotify_fd, POLLIN);
    }
    if (oc->eager_until != LLONG_MIN) {
        poll_timer_wait_until(oc->eager_next);
    }
    if (oc->redump && oc->state == S_READY) {
        poll_immediate_wake();
    }
}

/* True while the switch's flows are known and bundles may be sent. */
bool
ofconn_ready(const struct ofconn *oc)
{
    return oc->state == S_READY;
}

/* True if the switch speaks a version of OpenFlow in which a group says what
 * packets are told apart by.  To be called while connected. */
bool
ofconn_can_hash(const struct ofconn *oc)
{
    return version(oc) >= OFP15_VERSION;
}

/* Has the switch tell our flows again, at the next ofconn_run(). */
void
ofconn_redump(struct ofconn *oc)
{
    oc->redump = true;
}

/* Copies what is known of port 'name' into '*port', or returns false.  What
 * was known before the connection was lost is still told. */
bool
ofconn_port(const struct ofconn *oc, const char *name, struct dp_port *port)
{
    const struct dp_port *p = shash_find_data(&oc->ports, name);

    if (p) {
        *port = *p;
    }
    return p != NULL;
}

/* Changes whenever a port does. */
unsigned int
ofconn_port_seqno(const struct ofconn *oc)
{
    return oc->port_seqno;
}

/* Has the switch add object 'id', or change it, to 'r'; or delete it, if 'r'
 * is NULL.  Returns the transaction id by which the switch would refuse it.
 * To be called while ofconn_ready(). */
ovs_be32
ofconn_redirect_mod(struct ofconn *oc, uint32_t id,
                    const struct tpr_redirect *r, bool is_new)
{
    return send_msg(oc, redirect_encode_mod(version(oc), id, r, is_new));
}

/* Has the switch treat the frame as if it had come from 'in_port' and met a
 * flow that outputs to 'port'. */
static void
packet_out(struct ofconn *oc, ofp_port_t in_port, ofp_port_t port,
           const void *frame, size_t size)
{
    uint64_t stub[64 / 8];
    struct ofpbuf acts = OFPBUF_STUB_INITIALIZER(stub);
    struct ofputil_packet_out po = {
        .packet = frame,
        .packet_len = size,
        .buffer_id = UINT32_MAX,
    };

    ofpact_put_OUTPUT(&acts)->port = port;
    po.ofpacts = acts.data;
    po.ofpacts_len = acts.size;
    match_init_catchall(&po.flow_metadata);
    match_set_in_port(&po.flow_metadata, in_port);
    send_msg(oc, ofputil_encode_packet_out(&po, protocol(oc)));
    ofpbuf_uninit(&acts);
}

/* Sends the frame out of 'port', through no flow. */
void
ofconn_send_packet(struct ofconn *oc, ofp_port_t port, const void *frame,
                   size_t size)
{
    packet_out(oc, OFPP_CONTROLLER, port, frame, size);
}

/* Has the switch learn from the frame, as if it had come from 'in_port'. */
void
ofconn_learn(struct ofconn *oc, ofp_port_t in_port, const void *frame,
             size_t size)
{
    packet_out(oc, in_port, OFPP_NORMAL, frame, size);
}

/* Asks the switch to say when it has done all that it was told
 * (OFPT_BARRIER_REQUEST); the answer is cb->barrier() with the transaction id
 * that is returned. */
ovs_be32
ofconn_barrier(struct ofconn *oc)
{
    return send_msg(oc, ofputil_encode_barrier_request(version(oc)));
}

static void
bundle_control(struct ofconn *oc, uint16_t type)
{
    struct ofputil_bundle_ctrl_msg bc = {
        .bundle_id = oc->bundle_id,
        .type = type,
        .flags = OFPBF_ATOMIC | OFPBF_ORDERED,
    };

    send_msg(oc, ofputil_encode_bundle_ctrl_request(version(oc), &bc));
}

/* Opens a bundle (OFPT_BUNDLE_CONTROL) and returns its id.  To be called while
 * ofconn_ready(). */
uint32_t
ofconn_bundle_open(struct ofconn *oc)
{
    oc->bundle_id++;
    bundle_control(oc, OFPBCT_OPEN_REQUEST);
    return oc->bundle_id;
}

/* Adds the request 'inner', which is freed, to the open bundle
 * (OFPT_BUNDLE_ADD_MESSAGE); returns its transaction id. */
static ovs_be32
bundle_add(struct ofconn *oc, struct ofpbuf *inner)
{
    struct ofputil_bundle_add_msg bam = {
        .bundle_id = oc->bundle_id,
        .flags = OFPBF_ATOMIC | OFPBF_ORDERED,
        .msg = inner->data,
    };
    ovs_be32 xid = send_msg(oc, ofputil_encode_bundle_add(version(oc), &bam));

    ofpbuf_delete(inner);
    return xid;
}

/* Adds 'fm' to the open bundle; returns the transaction id by which the switch
 * would refuse it. */
ovs_be32
ofconn_bundle_add(struct ofconn *oc, const struct ofputil_flow_mod *fm)
{
    return bundle_add(oc, ofputil_encode_flow_mod(fm, protocol(oc)));
}

/* The same for 'gm'. */
ovs_be32
ofconn_bundle_add_group(struct ofconn *oc, const struct ofputil_group_mod *gm)
{
    return bundle_add(oc, ofputil_encode_group_mod(version(oc), gm, NULL,
                                                   -1));
}

/* Commits the open bundle.  The answer is cb->committed(). */
void
ofconn_bundle_commit(struct ofconn *oc)
{
    COVERAGE_INC(tpr_of_bundle);
    oc->n_bundles++;
    bundle_control(oc, OFPBCT_COMMIT_REQUEST);
}

/* Adds what people ask for to the object 'json'. */
void
ofconn_show(const struct ofconn *oc, struct json *json)
{
    json_object_put_string(json, "bridge", oc->bridge);
    json_object_put_string(json, "connection", state_to_string(oc->state));
    json_object_put(json, "ports",
                    json_integer_create(shash_count(&oc->ports)));
    json_object_put(json, "connections",
                    json_integer_create(oc->n_connections));
    json_object_put(json, "bundles", json_integer_create(oc->n_bundles));
    json_object_put(json, "dumps", json_integer_create(oc->n_dumps));
    json_object_put(json, "removed_by_others",
                    json_integer_create(oc->n_removed));
    json_object_put(json, "refused", json_integer_create(oc->n_refused));
}
