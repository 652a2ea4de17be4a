/* SPDX-License-Identifier: Apache-2.0 */

/* Who removes what of tc: see tc-watch.h. */

#include <config.h>
#include "tc-watch.h"

#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdlib.h>
#include "netlink.h"
#include "netlink-socket.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(tc_watch);

enum { MAX_MESSAGES = 256 };    /* In one run. */

struct tc_watch {
    struct nl_sock *sock;       /* NULL: nothing is noticed. */
};

/* Begins to watch this thread's network namespace. */
struct tc_watch *
tc_watch_create(void)
{
    struct tc_watch *w = xzalloc(sizeof *w);
    int error = nl_sock_create(NETLINK_ROUTE, &w->sock);

    if (!error) {
        error = nl_sock_join_mcgroup(w->sock, RTNLGRP_TC);
    }
    if (error) {
        VLOG_WARN("tc filters that somebody removes are put back after 10 s "
                  "only (%s)", ovs_strerror(error));
        nl_sock_destroy(w->sock);
        w->sock = NULL;
    }
    return w;
}

/* NULL is allowed. */
void
tc_watch_destroy(struct tc_watch *w)
{
    if (w) {
        nl_sock_destroy(w->sock);
        free(w);
    }
}

/* What message 'msg' says.  Returns false if that does not matter. */
static bool
parse(const struct ofpbuf *msg, enum tc_event *event, uint32_t *ifindex)
{
    const uint16_t type = nl_msg_nlmsghdr(msg)->nlmsg_type;
    const struct tcmsg *tcm = ofpbuf_at(msg, NLMSG_HDRLEN, sizeof *tcm);

    if (!tcm) {
        return false;
    }
    *ifindex = tcm->tcm_ifindex;
    if (type == RTM_DELTFILTER) {
        *event = TC_FILTER_GONE;
        return true;
    }
    *event = type == RTM_DELQDISC ? TC_QDISC_GONE : TC_QDISC_NEW;
    return ((type == RTM_DELQDISC || type == RTM_NEWQDISC)
            && tcm->tcm_parent == TC_H_INGRESS);
}

/* Tells 'cb' what happened since the last call, by ourselves, too. */
void
tc_watch_run(struct tc_watch *w, tc_watch_func *cb, void *aux)
{
    for (int i = 0; w->sock && i < MAX_MESSAGES; i++) {
        uint64_t stub[4096 / 8];
        enum tc_event event;
        struct ofpbuf buf;
        uint32_t ifindex;
        int error;

        ofpbuf_use_stub(&buf, stub, sizeof stub);
        error = nl_sock_recv(w->sock, &buf, NULL, false);
        if (!error && parse(&buf, &event, &ifindex)) {
            cb(aux, event, ifindex);
        }
        ofpbuf_uninit(&buf);
        if (error == EAGAIN) {
            break;
        } else if (error) {
            cb(aux, TC_UNKNOWN, 0);     /* ENOBUFS, mostly. */
        }
    }
}

/* Makes the poll loop wake up when tc_watch_run() has something to say. */
void
tc_watch_wait(struct tc_watch *w)
{
    if (w->sock) {
        nl_sock_wait(w->sock, POLLIN);
    }
}
