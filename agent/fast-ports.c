/* SPDX-License-Identifier: Apache-2.0 */

/* The ports of a bridge as BPF programs meet them: see fast-ports.h. */

#include <config.h>
#include "fast-ports.h"
#include <limits.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include "openvswitch/json.h"
#include "util.h"
#include "vswitch.h"

/* Makes 'fp' know nothing.  'bridge' must outlive it. */
void
fast_ports_init(struct fast_ports *fp, const char *bridge)
{
    *fp = (struct fast_ports) { .bridge = bridge };
}

static void
forget(struct fast_ports *fp)
{
    for (size_t i = 0; i < fp->n; i++) {
        struct fast_port *p = &fp->ports[i];

        free(p->name);
        free(p->mode);
        free(p->why);
        free(p->unattached);
    }
    free(fp->ports);
    fp->ports = NULL;
    fp->n = 0;
    vswitch_facts_free(fp->facts);
    fp->facts = NULL;
    free(fp->refusal);
    fp->refusal = NULL;
}

/* Frees all that 'fp' owns; if 'detach', no program stays attached. */
void
fast_ports_destroy(struct fast_ports *fp, bool detach)
{
    forget(fp);
    tpr_attach_destroy(fp->attach, detach);
    free(fp->attached);
    fp->attached = NULL;
    fp->n_attached = 0;
    fp->attach = NULL;
    fp->bpf = NULL;
}

/* From now on programs of 'bpf' are attached by 'attach', which becomes
 * 'fp''s. */
void
fast_ports_load(struct fast_ports *fp, struct tpr_bpf *bpf,
                struct tpr_attach *attach)
{
    fp->bpf = bpf;
    fp->attach = attach;
}

static bool
has_prefix(const char *s, const char *prefix)
{
    return !strncmp(s, prefix, strlen(prefix));
}

static enum tpr_port_kind
kind_of(const struct eligible_bridge *br, const struct eligible_port *p)
{
    if (eligible_is_internal(p)) {
        return TPR_PORT_INTERNAL;
    } else if (has_prefix(p->type, "dpdk")) {
        return TPR_PORT_DPDK;
    } else if (has_prefix(p->type, "afxdp")) {
        return TPR_PORT_AF_XDP;
    } else if (p->type[0] && strcmp(p->type, "system")) {
        return TPR_PORT_VIRTUAL;
    }
    return (strcmp(br->datapath_type, "netdev") ? TPR_PORT_KERNEL
            : TPR_PORT_AF_PACKET);
}

/* Fills in what the switch says of the ports, and which of them can do without
 * looking at their devices. */
static void
look_at_switch(struct fast_ports *fp, const struct datapath *inner)
{
    struct eligible_port *facts
        = CONST_CAST(struct eligible_port *, fp->facts->ports);

    fp->n = fp->facts->n_ports;
    fp->ports = xcalloc(fp->n, sizeof *fp->ports);
    for (size_t i = 0; i < fp->n; i++) {
        struct fast_port *p = &fp->ports[i];
        struct dp_port port;
        bool found = inner->class->port(inner, facts[i].name, &port);

        p->name = xstrdup(facts[i].name);
        p->ofport = found ? port.ofport : 0;
        p->link_up = found && port.link_up;
        facts[i].blocked = !found || port.blocked;
        p->unattached = eligible_check_attach(fp->facts, &facts[i]);
        facts[i].unattached = p->unattached;
    }
}

/* Takes over what came of port 'p'.  'xdp': some port has XDP, which cannot
 * send by just any port; one that is down is not proven, but what is behind it
 * is dead anyway. */
static void
take(struct fast_port *p, const struct tpr_attached *a, bool xdp)
{
    p->mode = xstrdup(tpr_attach_mode_name(a->mode));
    p->why = xstrdup(a->why ? a->why : "");
    if (a->mode == TPR_ATTACH_NONE) {
        p->unattached = xstrdup(p->why);
    } else if (xdp && !a->reachable && p->link_up) {
        p->unattached = xasprintf("XDP cannot send by it (%s)",
                                  a->no_target ? a->no_target : "not proven");
    } else {
        p->ifindex = a->port.ifindex;
    }
}

static void
look_at_attached(struct fast_ports *fp)
{
    struct eligible_port *facts
        = CONST_CAST(struct eligible_port *, fp->facts->ports);
    bool xdp = false;
    size_t n;
    const struct tpr_attached *list = tpr_attach_list(fp->attach, &n);

    for (size_t i = 0; i < n; i++) {
        xdp |= (list[i].mode == TPR_ATTACH_XDP
                || list[i].mode == TPR_ATTACH_GENERIC
                || list[i].mode == TPR_ATTACH_NEXT
                || list[i].mode == TPR_ATTACH_DISPATCHER);
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < fp->n; j++) {
            struct fast_port *p = &fp->ports[j];

            if (!p->mode && !p->unattached
                && !strcmp(p->name, list[i].port.name)) {
                take(p, &list[i], xdp);
                facts[j].unattached = p->unattached;
            }
        }
    }
}

/* Of the ports that had programs, those that are not among the 'n' in 'ports'
 * are about to lose them: nothing is sent there any more. */
static void
withdraw(const struct fast_ports *fp, const struct tpr_port *ports, size_t n)
{
    for (size_t i = 0; i < fp->n_attached; i++) {
        size_t j = 0;

        while (j < n && ports[j].ifindex != fp->attached[i]) {
            j++;
        }
        if (j >= n) {
            tpr_bpf_withdraw_port(fp->bpf, fp->attached[i]);
        }
    }
}

/* Remembers which interfaces have programs. */
static void
remember(struct fast_ports *fp)
{
    free(fp->attached);
    fp->attached = xcalloc(fp->n + 1, sizeof *fp->attached);
    fp->n_attached = 0;
    for (size_t i = 0; i < fp->n; i++) {
        if (fp->ports[i].ifindex) {
            fp->attached[fp->n_attached++] = fp->ports[i].ifindex;
        }
    }
}

/* Has programs attached to the ports that may have one. */
static void
attach(struct fast_ports *fp)
{
    struct tpr_port *ports = xcalloc(fp->n + 1, sizeof *ports);
    size_t n = 0;

    for (size_t i = 0; i < fp->n; i++) {
        const struct eligible_port *facts = &fp->facts->ports[i];
        struct tpr_port *p = &ports[n];

        p->ifindex = if_nametoindex(facts->name);
        if (!fp->ports[i].unattached && p->ifindex) {
            ovs_strlcpy(p->name, facts->name, sizeof p->name);
            p->kind = kind_of(fp->facts, facts);
            p->tagged = !has_prefix(facts->vlans, "tag");
            n++;
        }
    }
    withdraw(fp, ports, n);
    tpr_attach_set_ports(fp->attach, ports, n);
    free(ports);
    look_at_attached(fp);
    remember(fp);
}

/* Those that have no program and no reason yet have one now. */
static void
finish(struct fast_ports *fp, const char *why)
{
    struct eligible_port *facts
        = CONST_CAST(struct eligible_port *, fp->facts->ports);

    for (size_t i = 0; i < fp->n; i++) {
        struct fast_port *p = &fp->ports[i];

        if (!p->ifindex && !p->unattached) {
            p->unattached = xstrdup(why);
            facts[i].unattached = p->unattached;
        }
        if (!p->mode) {
            p->mode = xstrdup("none");
            p->why = xstrdup(p->unattached);
        }
    }
}

/* Looks at the ports anew and attaches programs, if the bridge is plain, there
 * are any and 'wanted'; else detaches them. */
void
fast_ports_update(struct fast_ports *fp, const struct vswitch *vswitch,
                  const struct datapath *inner, unsigned int flow_table,
                  bool wanted)
{
    forget(fp);
    fp->facts = vswitch_facts(vswitch, fp->bridge);
    if (!fp->facts) {
        fp->refusal = xasprintf("the switch has no bridge %s", fp->bridge);
    } else {
        fp->facts->flow_table = flow_table;
        look_at_switch(fp, inner);
        fp->refusal = eligible_check_bridge(fp->facts);
    }
    if (fp->attach && wanted && !fp->refusal) {
        attach(fp);
        finish(fp, "it has no device");
        fp->refusal = eligible_check_bridge(fp->facts);
    } else {
        if (fp->attach) {
            /* The switch has everything; objects are deleted next. */
            tpr_attach_set_ports(fp->attach, NULL, 0);
            fp->n_attached = 0;
        }
        if (fp->facts) {
            finish(fp, wanted ? "nothing can be taken"
                   : "there is nothing to take");
        }
    }
}

/* When the ports are to be looked at again, as one may be known better then;
 * LLONG_MAX: it makes no difference. */
long long int
fast_ports_again_ms(const struct fast_ports *fp)
{
    return fp->attach ? tpr_attach_again_ms(fp->attach) : LLONG_MAX;
}

/* True if programs might be attached if there were any. */
bool
fast_ports_attachable(const struct fast_ports *fp)
{
    return fp->facts && !fp->refusal;
}

/* Returns the port called 'name', or NULL. */
const struct fast_port *
fast_ports_find(const struct fast_ports *fp, const char *name)
{
    for (size_t i = 0; i < fp->n; i++) {
        if (!strcmp(fp->ports[i].name, name)) {
            return &fp->ports[i];
        }
    }
    return NULL;
}

/* Returns the port with a program that is interface 'ifindex', or NULL. */
const struct fast_port *
fast_ports_by_ifindex(const struct fast_ports *fp, uint32_t ifindex)
{
    for (size_t i = 0; ifindex && i < fp->n; i++) {
        if (fp->ports[i].ifindex == ifindex) {
            return &fp->ports[i];
        }
    }
    return NULL;
}

/* Packets that XDP redirected to port 'name' and that were dropped there. */
static uint64_t
drops_of(const struct tpr_attached *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (!strcmp(list[i].port.name, name)) {
            return list[i].drops;
        }
    }
    return 0;
}

/* Adds the array "bpf_ports" to the object 'json'. */
void
fast_ports_show(const struct fast_ports *fp, struct json *json)
{
    struct json *a = json_array_create_empty();
    const struct tpr_attached *list = NULL;
    size_t n = 0;

    if (fp->attach) {
        list = tpr_attach_list(fp->attach, &n);
    }
    for (size_t i = 0; i < fp->n; i++) {
        struct json *o = json_object_create();

        json_object_put_string(o, "name", fp->ports[i].name);
        json_object_put_string(o, "mode", fp->ports[i].mode);
        json_object_put_string(o, "why", fp->ports[i].why);
        json_object_put(o, "drops",
                        json_integer_create(drops_of(list, n,
                                                     fp->ports[i].name)));
        json_array_add(a, o);
    }
    json_object_put(json, "bpf_ports", a);
    if (fp->attach && tpr_attach_no_drops(fp->attach)) {
        json_object_put_string(json, "bpf_no_drops",
                               tpr_attach_no_drops(fp->attach));
    }
}
