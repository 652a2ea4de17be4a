/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Our filters at tc ingress: see tc-filter.h. */

#include <config.h>
#include "tc-filter.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include "byte-order.h"
#include "netlink.h"
#include "netlink-socket.h"
#include "openvswitch/ofpbuf.h"
#include "util.h"

const struct tpr_tc_place tpr_tc_redirect = {
    .priority = 0xfff0,         /* After those whose priority the kernel
                                 * chose. */
    .handle = 0x747072,
    .name = "tpr_tc",
};

static void
begin(struct ofpbuf *request, uint16_t type, uint16_t flags,
      const struct tcmsg *tcm)
{
    ofpbuf_init(request, 0);
    nl_msg_put_nlmsghdr(request, sizeof *tcm, type, NLM_F_REQUEST | flags);
    ofpbuf_put(request, tcm, sizeof *tcm);
}

/* Sends the request, which it frees. */
static int
end(struct ofpbuf *request)
{
    int error = nl_transact(NETLINK_ROUTE, request, NULL);

    ofpbuf_uninit(request);
    return error;
}

/* ## The qdisc. ## */

static int
change_qdisc(uint32_t ifindex, uint16_t type, uint16_t flags)
{
    const struct tcmsg tcm = {
        .tcm_family = AF_UNSPEC, .tcm_ifindex = ifindex,
        .tcm_parent = TC_H_INGRESS,
        .tcm_handle = TC_H_MAKE(TC_H_INGRESS, 0),
    };
    struct ofpbuf request;

    begin(&request, type, flags | NLM_F_ACK, &tcm);
    nl_msg_put_string(&request, TCA_KIND, "ingress");
    return end(&request);
}

int
tpr_tc_add_qdisc(uint32_t ifindex)
{
    return change_qdisc(ifindex, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL);
}

/* Has the qdisc a filter?  It has if that cannot be told. */
static bool
has_filters(uint32_t ifindex)
{
    const struct tcmsg tcm = {
        .tcm_family = AF_UNSPEC, .tcm_ifindex = ifindex,
        .tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
    };
    uint64_t stub[2048 / 8];
    struct ofpbuf request, reply, buf;
    struct nl_dump dump;
    bool found = false;

    begin(&request, RTM_GETTFILTER, 0, &tcm);
    nl_dump_start(&dump, NETLINK_ROUTE, &request);
    ofpbuf_uninit(&request);
    ofpbuf_use_stub(&buf, stub, sizeof stub);
    while (nl_dump_next(&dump, &reply, &buf)) {
        found = true;
    }
    ofpbuf_uninit(&buf);
    return nl_dump_done(&dump) || found;
}

void
tpr_tc_del_qdisc(uint32_t ifindex)
{
    if (!has_filters(ifindex)) {
        change_qdisc(ifindex, RTM_DELQDISC, 0);
    }
}

/* ## Filters. ## */

static void
begin_filter(struct ofpbuf *request, uint16_t type, uint16_t flags,
             uint32_t ifindex, const struct tpr_tc_place *place)
{
    const struct tcmsg tcm = {
        .tcm_family = AF_UNSPEC, .tcm_ifindex = ifindex,
        .tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
        .tcm_handle = place->handle,
        .tcm_info = TC_H_MAKE((uint32_t) place->priority << 16,
                              (OVS_FORCE uint16_t) htons(ETH_P_ALL)),
    };

    begin(request, type, flags, &tcm);
    nl_msg_put_string(request, TCA_KIND, "bpf");
}

int
tpr_tc_put(uint32_t ifindex, const struct tpr_tc_place *place, int fd,
           bool replace)
{
    struct ofpbuf request;
    size_t options;

    begin_filter(&request, RTM_NEWTFILTER,
                 NLM_F_ACK | NLM_F_CREATE | (replace ? 0 : NLM_F_EXCL),
                 ifindex, place);
    options = nl_msg_start_nested(&request, TCA_OPTIONS);
    nl_msg_put_u32(&request, TCA_BPF_FD, fd);
    nl_msg_put_string(&request, TCA_BPF_NAME, place->name);
    nl_msg_put_u32(&request, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
    nl_msg_end_nested(&request, options);
    return end(&request);
}

/* What 'msg' says of a filter, whose name should be 'expected'. */
static uint32_t
parse(const struct ofpbuf *msg, const char *expected, bool *ours)
{
    const size_t ofs = NLMSG_HDRLEN + sizeof(struct tcmsg);
    const struct nlattr *options = nl_attr_find(msg, ofs, TCA_OPTIONS);
    const struct nlattr *id = NULL, *name = NULL;

    if (options) {
        id = nl_attr_find_nested(options, TCA_BPF_ID);
        name = nl_attr_find_nested(options, TCA_BPF_NAME);
    }
    /* Other makers of the same filter append the program's id. */
    *ours = name && !strncmp(nl_attr_get_string(name), expected,
                             strlen(expected));
    return id ? nl_attr_get_u32(id) : UINT32_MAX;
}

uint32_t
tpr_tc_get(uint32_t ifindex, const struct tpr_tc_place *place, bool *ours)
{
    struct ofpbuf request, *reply = NULL;
    uint32_t program = 0;

    *ours = false;
    begin_filter(&request, RTM_GETTFILTER, NLM_F_ECHO, ifindex, place);
    if (!nl_transact(NETLINK_ROUTE, &request, &reply) && reply) {
        program = parse(reply, place->name, ours);
    }
    ofpbuf_uninit(&request);
    ofpbuf_delete(reply);
    return program;
}

int
tpr_tc_del(uint32_t ifindex, const struct tpr_tc_place *place)
{
    struct ofpbuf request;

    begin_filter(&request, RTM_DELTFILTER, NLM_F_ACK, ifindex, place);
    return end(&request);
}
