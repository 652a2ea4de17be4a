/* SPDX-License-Identifier: Apache-2.0 */

/* May BPF programs take a service before the switch sees its packets?
 *
 * What the programs take passes by the switch, and with it by everything that
 * somebody has told the switch to do with packets.  So they take a service
 * only if nothing of that applies to it: "plain" ports, no flow of somebody
 * else's that comes first.  Everything else stays with the switch, which
 * carries all services anyway (datapath-bpf.c).
 *
 * Clients may be behind any port.  A port that no program is attached to
 * therefore keeps every service from BPF, with two exceptions: ports of the
 * switch's own host, whose connections the switch redirects itself as long as
 * there are no limits to be counted together; and ports that spanning tree
 * blocks, through which nothing comes.
 *
 * Each question is answered by NULL, "yes", or by a clause that says why not,
 * which the caller frees: small first letter, no full stop.
 *
 * Pure.  Threads: any; no state. */

#ifndef TPR_ELIGIBLE_H
#define TPR_ELIGIBLE_H 1

#include <stdbool.h>
#include <stddef.h>

/* One interface of a bridge.  Strings are never NULL but where said. */
struct eligible_port {
    const char *name;
    const char *type;           /* Interface's type; "" and "system" are
                                 * ordinary devices. */
    const char *stp;            /* State in spanning tree, "" if it takes no
                                 * part. */
    const char *vlan_mode;      /* Port's, or "". */
    const char *vlans;          /* Its VLANs: "" for all, "tag 5", .. */
    bool bonded;                /* One of several interfaces of a port. */
    bool policed;               /* Ingress policing. */
    bool queued;                /* Quality of service. */
    bool is_protected;          /* Not to be connected with its like. */
    bool blocked;               /* By OpenFlow: no-receive, no-forward, or
                                 * not there at all. */
    const char *unattached;     /* NULL: a program is attached; else why
                                 * not. */
};

struct eligible_bridge {
    const char *name;
    const char *datapath_type;
    const char *mirror;         /* Name of one that there is, or NULL. */
    const char *probe;          /* "sFlow", "IPFIX", "NetFlow" or NULL. */
    unsigned int flow_table;    /* Of the agent's flows. */
    const struct eligible_port *ports;
    size_t n_ports;
};

struct eligible_service {
    const char *const *outputs; /* Names of its backends' ports. */
    size_t n_outputs;
    bool limited;               /* Some backend has a limit. */
    bool flows_known;           /* The switch has told all flows. */
    const char *foreign;        /* A flow of somebody else's that comes before
                                 * the service's, in words; or NULL. */
};

bool eligible_is_internal(const struct eligible_port *);
char *eligible_check_attach(const struct eligible_bridge *,
                            const struct eligible_port *)
    __attribute__((warn_unused_result));
char *eligible_check_bridge(const struct eligible_bridge *)
    __attribute__((warn_unused_result));
char *eligible_check_service(const struct eligible_bridge *,
                             const struct eligible_service *)
    __attribute__((warn_unused_result));

#endif /* eligible.h */
