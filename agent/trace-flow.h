/* SPDX-License-Identifier: Apache-2.0 */

/* Flows as an operator names them for "tpr/trace", and what the switch says of
 * them.
 *
 * In: a subset of ovs-ofctl's flow syntax, or just the client:
 *
 *   10.0.0.9:4321                          tcp,nw_src=10.0.0.9,tp_src=4321
 *   [2001:db8::9]:4321                     in_port=eth0,dl_vlan=7,tcp6,...
 *
 * What is not named is taken from the service, or made up, and listed as
 * assumed.  Out: the whole flow for "ofproto/trace", and, from that command's
 * output, what concerns redirection.
 *
 * Pure: no socket, clock or OVSDB header.  Threads: any; no state. */

#ifndef TPR_TRACE_FLOW_H
#define TPR_TRACE_FLOW_H 1

#include <stdbool.h>
#include <stdint.h>
#include "model.h"

struct ds;

/* Fields of a flow; in the order of trace_flow_format(). */
#define TRACE_FIELDS                            \
    TRACE_FIELD(IN_PORT, "in_port")             \
    TRACE_FIELD(DL_SRC, "dl_src")               \
    TRACE_FIELD(DL_DST, "dl_dst")               \
    TRACE_FIELD(DL_VLAN, "dl_vlan")             \
    TRACE_FIELD(PROTO, "nw_proto")              \
    TRACE_FIELD(SRC, "nw_src")                  \
    TRACE_FIELD(DST, "nw_dst")                  \
    TRACE_FIELD(TP_SRC, "tp_src")               \
    TRACE_FIELD(TP_DST, "tp_dst")
enum trace_field {
#define TRACE_FIELD(ENUM, NAME) TRACE_##ENUM,
    TRACE_FIELDS
#undef TRACE_FIELD
    TRACE_N_FIELDS
};

struct trace_flow {
    bool has[TRACE_N_FIELDS];   /* The operator named it. */
    char *in_port;              /* Port's name or number. */
    struct eth_addr dl_src, dl_dst;
    uint16_t dl_vlan;           /* VID; 0: untagged. */
    uint8_t proto;              /* IP protocol. */
    int family;                 /* 4, 6, or 0: nothing says. */
    struct in6_addr src, dst;   /* IPv4 as IPv4-mapped. */
    uint16_t tp_src, tp_dst;
};

char *trace_flow_parse(const char *, struct trace_flow *)
    __attribute__((warn_unused_result));
void trace_flow_uninit(struct trace_flow *);
void trace_flow_complete(struct trace_flow *, const struct tpr_service *,
                         const struct eth_addr *vip_mac);
char *trace_flow_mismatch(const struct trace_flow *,
                          const struct tpr_service *)
    __attribute__((warn_unused_result));
char *trace_flow_format(const struct trace_flow *);
void trace_flow_format_assumed(const struct trace_flow *, struct ds *);

/* What "ofproto/trace" has said. */
struct trace_answer {
    char *rule;                 /* The first flow with a cookie of the
                                 * agent's, else the first; NULL: none. */
    bool ours;                  /* 'rule' is the agent's. */
    bool met;                   /* Its action "redirect" was reached. */
    char *connection;           /* Of the switch, e.g. "10.0.0.9:1 ->...";
                                 * NULL: none. */
    struct in6_addr backend;    /* Of 'connection'. */
    uint16_t backend_port;
    int chosen;                 /* Backend that a new one would be given, by
                                 * its index; -1: none... */
    bool held;                  /* ...by affinity, not by the policy. */
    char *how;                  /* "by ring slot 7 of 1021", or NULL. */
    char **whys;                /* By backend's index: "usable", ... */
    size_t n_whys;
    uint32_t bucket;            /* Of a group, that it got; UINT32_MAX:
                                 * none. */
    char *note;                 /* What else the switch said of it, or
                                 * NULL. */
    char *actions;              /* "Datapath actions", or NULL. */
};

void trace_answer_parse(struct trace_answer *, const char *text,
                        uint64_t cookie, uint64_t mask);
void trace_answer_uninit(struct trace_answer *);

#endif /* trace-flow.h */
