/* SPDX-License-Identifier: Apache-2.0 */

/* May BPF programs take a service?  See eligible.h. */

#include <config.h>
#include "eligible.h"
#include <string.h>
#include "util.h"

/* True for devices of the switch's own host, such as the bridge's own port. */
bool
eligible_is_internal(const struct eligible_port *p)
{
    return !strcmp(p->type, "internal");
}

/* Spanning tree lets nothing pass here but its own messages. */
static bool
is_blocked_by_tree(const struct eligible_port *p)
{
    return p->stp[0] && strcmp(p->stp, "forwarding")
           && strcmp(p->stp, "Forwarding") && strcmp(p->stp, "disabled")
           && strcmp(p->stp, "Disabled");
}

/* Why no program may be attached to 'p', whatever its device is like; NULL:
 * one may. */
char *
eligible_check_attach(const struct eligible_bridge *br,
                      const struct eligible_port *p)
{
    if (eligible_is_internal(p)) {
        return xstrdup("it is the host's own");
    } else if (!strcmp(p->type, "patch")) {
        return xstrdup("it leads to another bridge");
    } else if (!strncmp(p->type, "dpdk", 4)) {
        return xstrdup("the kernel does not see DPDK's packets");
    } else if (p->type[0] && strcmp(p->type, "system")
               && strncmp(p->type, "afxdp", 5)) {
        return xasprintf("programs do not see what is inside of a tunnel or "
                         "device of type %s", p->type);
    } else if (p->bonded) {
        return xstrdup("it is part of a bond, which the switch balances");
    } else if (is_blocked_by_tree(p)) {
        return xasprintf("spanning tree has it in state %s", p->stp);
    } else if (p->blocked) {
        return xstrdup("OpenFlow has it blocked, or not at all");
    } else if (strcmp(br->datapath_type, "") && strcmp(br->datapath_type,
                                                       "system")
               && strcmp(br->datapath_type, "netdev")) {
        return xasprintf("the datapath type %s is not known",
                         br->datapath_type);
    }
    return NULL;
}

/* What the switch does with packets of this port and programs would not. */
static char *
check_port(const struct eligible_port *p)
{
    if (p->policed) {
        return xasprintf("port %s has ingress policing", p->name);
    } else if (p->queued) {
        return xasprintf("port %s has quality of service", p->name);
    } else if (p->is_protected) {
        return xasprintf("port %s is protected from others", p->name);
    } else if (!strcmp(p->vlan_mode, "dot1q-tunnel")) {
        return xasprintf("port %s is a VLAN tunnel", p->name);
    }
    return NULL;
}

/* Ports in different VLANs are kept apart by the switch. */
static char *
check_vlans(const struct eligible_bridge *br)
{
    const struct eligible_port *first = NULL;

    for (size_t i = 0; i < br->n_ports; i++) {
        const struct eligible_port *p = &br->ports[i];

        if (p->unattached) {
            continue;
        } else if (!first) {
            first = p;
        } else if (strcmp(first->vlans, p->vlans)) {
            return xasprintf("the switch keeps VLANs apart: port %s has %s, "
                             "port %s %s", first->name,
                             first->vlans[0] ? first->vlans : "all of them",
                             p->name,
                             p->vlans[0] ? p->vlans : "all of them");
        }
    }
    return NULL;
}

/* Why no service of 'br' may be taken; NULL: some may. */
char *
eligible_check_bridge(const struct eligible_bridge *br)
{
    if (br->mirror) {
        return xasprintf("mirror %s would miss the packets", br->mirror);
    } else if (br->probe) {
        return xasprintf("%s would miss the packets", br->probe);
    } else if (br->flow_table) {
        return xasprintf("the agent's flows are in table %u, and what leads "
                         "there is not known", br->flow_table);
    }
    for (size_t i = 0; i < br->n_ports; i++) {
        const struct eligible_port *p = &br->ports[i];
        char *why = eligible_is_internal(p) ? NULL : check_port(p);

        if (why) {
            return why;
        } else if (p->unattached && !eligible_is_internal(p)
                   && !is_blocked_by_tree(p) && !p->blocked) {
            return xasprintf("no program is attached to port %s: %s",
                             p->name, p->unattached);
        }
    }
    return check_vlans(br);
}

static const struct eligible_port *
find_port(const struct eligible_bridge *br, const char *name)
{
    for (size_t i = 0; i < br->n_ports; i++) {
        if (!strcmp(br->ports[i].name, name)) {
            return &br->ports[i];
        }
    }
    return NULL;
}

static char *
check_output(const struct eligible_bridge *br, const char *name)
{
    const struct eligible_port *p = find_port(br, name);

    if (!p) {
        return xasprintf("port %s is not in bridge %s", name, br->name);
    } else if (p->unattached) {
        return xasprintf("no program is attached to port %s: %s", name,
                         p->unattached);
    }
    return NULL;
}

static char *
check_hosts(const struct eligible_bridge *br)
{
    for (size_t i = 0; i < br->n_ports; i++) {
        const struct eligible_port *p = &br->ports[i];

        if (eligible_is_internal(p)) {
            return xasprintf("a backend has a limit, and clients on the "
                             "host's own port %s would not be counted",
                             p->name);
        }
    }
    return NULL;
}

/* Why service 's' of 'br' may not be taken; NULL: it may.  What stands against
 * the whole bridge comes first. */
char *
eligible_check_service(const struct eligible_bridge *br,
                       const struct eligible_service *s)
{
    char *why = eligible_check_bridge(br);

    if (why) {
        return why;
    }
    if (!s->n_outputs) {
        return xstrdup("no backend can be reached");
    }
    for (size_t i = 0; i < s->n_outputs; i++) {
        why = check_output(br, s->outputs[i]);
        if (why) {
            return why;
        }
    }
    if (s->limited) {
        why = check_hosts(br);
        if (why) {
            return why;
        }
    }
    if (!s->flows_known) {
        return xstrdup("the switch has not told yet which flows it has");
    } else if (s->foreign) {
        return xasprintf("a flow that is not ours comes first: %s",
                         s->foreign);
    }
    return NULL;
}
