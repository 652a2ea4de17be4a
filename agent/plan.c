/* SPDX-License-Identifier: Apache-2.0 */

/* The plan; plan.h says what and why. */

#include <config.h>
#include "plan.h"

#include <stdlib.h>
#include <string.h>

#include "flow-check.h"
#include "hash.h"
#include "neigh.h"
#include "policy.h"
#include "sset.h"
#include "util.h"
#include "vswitch.h"
#include "words.h"

enum { MIN_SWITCHED_INTERVAL_US = 10 * 1000 };

/* Adds one sentence to 'complaints'. */
static void OVS_PRINTF_FORMAT(2, 3)
complain(struct sset *complaints, const char *format, ...)
{
    va_list args;
    char *s;

    va_start(args, format);
    s = xvasprintf(format, args);
    va_end(args);
    sset_add_and_free(complaints, s);
}

/* Regions. */

static void
place_region(struct plan_region *pr, const struct plan_input *in,
             struct sset *complaints)
{
    const struct tpr_region *region = pr->region;
    struct vswitch_port port;
    struct neigh_link link;

    if (vswitch_find_port(in->vswitch, region->port, &port)) {
        pr->bridge = xstrdup(port.bridge);
        pr->bypass = vswitch_port_bypasses(&port);
    } else if (!vswitch_ready(in->vswitch) && in->config->bridge) {
        /* The switch's database is away: believe the configuration. */
        pr->bridge = xstrdup(in->config->bridge);
        pr->bypass = neigh_link(in->neigh, region->port, &link);
    } else {
        if (vswitch_ready(in->vswitch)) {
            complain(complaints, "Region %s: no bridge has port %s",
                     region->name, region->port);
        }
        return;
    }
    if (in->config->bridge && strcmp(in->config->bridge, pr->bridge)) {
        complain(complaints, "Region %s: port %s is in bridge %s, but the "
                 "configuration says %s", region->name, region->port,
                 pr->bridge, in->config->bridge);
    }
    ovs_strlcpy(pr->ifname, pr->bypass ? region->port : pr->bridge,
                sizeof pr->ifname);
    pr->has_link = neigh_link(in->neigh, pr->ifname, &link);
    if (!pr->has_link) {
        complain(complaints, "Region %s: this host has no device %s",
                 region->name, pr->ifname);
    }
    /* The port's own carrier counts, where it is a device of this host. */
    pr->link_up = pr->has_link;
    if (pr->has_link && (pr->bypass
                         || neigh_link(in->neigh, region->port, &link))) {
        pr->link_up = link.carrier;
    }
}

/* Chooses the address and MAC that beats come from.  Returns false after a
 * complaint if there is none. */
static bool
choose_local(struct plan_region *pr, const struct plan_input *in,
             struct sset *complaints)
{
    struct hb_session_config *s = &pr->session;
    const struct tpr_region *region = pr->region;
    char owner[IFNAMSIZ];
    struct eth_addr mac;
    struct neigh_link link;

    s->local = region->local;
    if (!ipv6_addr_is_set(&s->local)
        && !neigh_choose_source(in->neigh, pr->bridge, &s->peer, &s->local)
        && !neigh_choose_source(in->neigh, region->port, &s->peer,
                                &s->local)) {
        char *peer = tpr_format_address(&s->peer);

        complain(complaints, "Region %s: no address of %s or %s is in the "
                 "subnet of peer %s; set the heartbeat's local address",
                 region->name, pr->bridge, region->port, peer);
        free(peer);
        return false;
    }
    if (neigh_owns(in->neigh, &s->local, owner, &mac)
        && !eth_addr_is_zero(mac)) {
        pr->path.answer = false;        /* The kernel answers ARP. */
    } else {
        if (!neigh_link(in->neigh, pr->ifname, &link)) {
            return false;
        }
        mac = link.mac;
        pr->path.answer = true;
    }
    memcpy(s->local_mac, mac.ea, sizeof s->local_mac);
    pr->path.local_mac = mac;
    return true;
}

/* Returns why the kernel shall not have the session, or NULL. */
static const char *
no_offload(const struct plan_region *pr)
{
    const struct tpr_region *region = pr->region;

    return (region->hb_type != HB_BFD ? "only BFD is done in the kernel"
            : region->offload == TPR_OFFLOAD_OFF ? "offload is off"
            : !pr->bypass ? "beats go through the switch"
            : region->bfd.auth.type != BFD_AUTH_NONE
            ? "the kernel does no authentication"
            : region->offload == TPR_OFFLOAD_AUTO
              && region->hb.interval_us >= TPR_OFFLOAD_BELOW_US
            ? "offload is auto and the interval not below 10 ms"
            : NULL);
}

static void
plan_session(struct plan_region *pr, const struct plan_input *in,
             struct sset *complaints)
{
    const struct tpr_region *region = pr->region;
    struct hb_session_config *s = &pr->session;
    struct neigh_link link;

    memset(s, 0, sizeof *s);
    s->id = region->index;
    ovs_strlcpy(s->name, region->name, sizeof s->name);
    s->type = region->has_heartbeat ? region->hb_type : HB_LINK;
    s->path = HB_PATH_PACKET;
    s->hb = region->hb;
    if (s->type == HB_LINK) {
        pr->has_session = true;
        return;
    }
    if (!pr->has_link || !neigh_link(in->neigh, pr->ifname, &link)) {
        return;
    }
    s->peer = region->peer;
    ovs_strlcpy(s->ifname, pr->ifname, sizeof s->ifname);
    s->ifindex = link.ifindex;
    s->vlan = region->vlan;
    s->detect_override_us = region->detect_override_us;
    s->bfd = region->bfd;
    if (!pr->bypass && s->hb.interval_us < MIN_SWITCHED_INTERVAL_US) {
        complain(complaints, "Region %s: interval below 10ms needs a port "
                 "whose packets this host sees before the switch does, and "
                 "%s is none", region->name, region->port);
        return;
    }
    if (!choose_local(pr, in, complaints)) {
        return;
    }
    memcpy(s->peer_mac, region->peer_mac.ea, sizeof s->peer_mac);
    pr->has_session = true;
    pr->no_offload = no_offload(pr);
    s->offload.receive = s->offload.send = !pr->no_offload;
    s->offload.ifindex = link.ifindex;
    s->offload.lease_us = TPR_OFFLOAD_LEASE_US;

    pr->path.port = CONST_CAST(char *, region->port);
    pr->path.through_switch = !pr->bypass;
    pr->path.type = s->type;
    pr->path.local = s->local;
    pr->path.peer = s->peer;
    pr->path.vlan = region->vlan;
}

static int
compare_addresses(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct in6_addr));
}

static size_t
count_backends(const struct tpr_config *config)
{
    struct shash_node *node;
    size_t n = 0;

    SHASH_FOR_EACH (node, &config->services) {
        n += ((const struct tpr_service *) node->data)->n_backends;
    }
    return n;
}

/* Lists the addresses of all backends, sorted. */
static void
list_owners(struct plan *plan, const struct plan_input *in)
{
    struct shash_node *node;

    plan->owners = xcalloc(MAX(1, count_backends(in->config)),
                           sizeof *plan->owners);
    SHASH_FOR_EACH (node, &in->config->services) {
        const struct tpr_service *svc = node->data;

        for (size_t i = 0; i < svc->n_backends; i++) {
            plan->owners[plan->n_owners++] = svc->backends[i]->addr;
        }
    }
    qsort(plan->owners, plan->n_owners, sizeof *plan->owners,
          compare_addresses);
}

/* Returns a plan of the regions of 'in'; sentences about what can't be done go
 * to 'complaints'.  The caller frees it with plan_destroy(), before the
 * configuration that it points to. */
struct plan *
plan_create(const struct plan_input *in, struct sset *complaints)
{
    struct plan *plan = xzalloc(sizeof *plan);
    struct shash_node *node;

    shash_init(&plan->regions);
    shash_init(&plan->bridges);
    SHASH_FOR_EACH (node, &in->config->regions) {
        struct plan_region *pr = xzalloc(sizeof *pr);

        pr->region = node->data;
        place_region(pr, in, complaints);
        if (pr->bridge) {
            plan_session(pr, in, complaints);
        }
        shash_add(&plan->regions, node->name, pr);
    }
    list_owners(plan, in);
    return plan;
}

static void
plan_bridge_destroy(struct plan_bridge *pb)
{
    free(pb->name);
    free(pb->services);
    free(pb->targets);
    free(pb->paths);
    free(pb->locals);
    free(pb);
}

static void
clear_bridges(struct plan *plan)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &plan->bridges) {
        plan_bridge_destroy(node->data);
    }
    shash_clear(&plan->bridges);
}

void
plan_destroy(struct plan *plan)
{
    struct shash_node *node;

    if (!plan) {
        return;
    }
    SHASH_FOR_EACH (node, &plan->regions) {
        struct plan_region *pr = node->data;

        free(pr->bridge);
        free(pr);
    }
    shash_destroy(&plan->regions);
    clear_bridges(plan);
    shash_destroy(&plan->bridges);
    free(plan->owners);
    free(plan);
}

/* Returns the plan of 'region', which is never NULL for a region of the plan's
 * configuration. */
const struct plan_region *
plan_region(const struct plan *plan, const struct tpr_region *region)
{
    return shash_find_data(&plan->regions, region->name);
}

/* MAC addresses. */

/* The address whose MAC takes packets to 'b': itself or its gateway. */
static const struct in6_addr *
next_hop(const struct tpr_backend *b)
{
    return b->region->has_gateway ? &b->region->gateway : &b->addr;
}

/* Stores in '*mac' the Ethernet address that takes packets to 'b'.  Returns
 * false if it is not known yet. */
bool
plan_backend_mac(const struct plan *plan, const struct plan_input *in,
                 const struct tpr_backend *b, struct eth_addr *mac)
{
    const struct plan_region *pr = plan_region(plan, b->region);

    if (!eth_addr_is_zero(b->mac)) {
        *mac = b->mac;
        return true;
    }
    if (pr->ifname[0]
        && neigh_lookup(in->neigh, pr->ifname, b->region->vlan, next_hop(b),
                        mac)) {
        return true;
    }
    *mac = b->last_mac;
    return !eth_addr_is_zero(*mac);
}

/* A stable, locally administered unicast address for 'vip'. */
static void
derive_mac(const struct tpr_vip *vip, struct eth_addr *mac)
{
    uint32_t a = hash_bytes(&vip->addr, sizeof vip->addr, 0x7470);
    uint32_t b = hash_bytes(&vip->addr, sizeof vip->addr, a);

    mac->ea[0] = 0x02;
    mac->ea[1] = b;
    memcpy(mac->ea + 2, &a, 4);
}

/* Stores in '*mac' the Ethernet address that clients know the VIP by: the
 * configured one, else its owner's, else the one remembered, else one derived
 * from the VIP. */
void
plan_vip_mac(const struct plan *plan, const struct plan_input *in,
             const struct tpr_service *svc, struct eth_addr *mac)
{
    if (!eth_addr_is_zero(svc->vip_mac)) {
        *mac = svc->vip_mac;
        return;
    }
    for (size_t i = 0; i < svc->n_backends; i++) {
        const struct tpr_backend *b = svc->backends[i];

        if (ipv6_addr_equals(&b->addr, &svc->vip.addr)
            && !b->region->has_gateway
            && plan_backend_mac(plan, in, b, mac)) {
            return;
        }
    }
    *mac = svc->last_vip_mac;
    if (eth_addr_is_zero(*mac)) {
        derive_mac(&svc->vip, mac);
    }
}

/* Tells 'neigh' every address whose MAC the plan needs. */
void
plan_want_neighbours(const struct plan *plan, const struct plan_input *in,
                     struct neigh *neigh)
{
    struct shash_node *node;

    neigh_want_begin(neigh);
    SHASH_FOR_EACH (node, &in->config->services) {
        const struct tpr_service *svc = node->data;

        for (size_t i = 0; i < svc->n_backends; i++) {
            const struct tpr_backend *b = svc->backends[i];
            const struct plan_region *pr = plan_region(plan, b->region);

            if (pr->ifname[0] && eth_addr_is_zero(b->mac)) {
                neigh_want(neigh, pr->ifname, b->region->vlan, next_hop(b),
                           &b->last_mac);
            }
        }
    }
    neigh_want_end(neigh);
}

/* Bridges. */

static struct plan_bridge *
get_bridge(struct plan *plan, const struct plan_input *in, const char *name)
{
    struct plan_bridge *pb = shash_find_data(&plan->bridges, name);

    if (!pb) {
        size_t n_services = shash_count(&in->config->services);

        pb = xzalloc(sizeof *pb);
        pb->name = xstrdup(name);
        pb->services = xcalloc(n_services, sizeof *pb->services);
        pb->targets = xcalloc(MAX(1, count_backends(in->config)),
                              sizeof *pb->targets);
        pb->paths = xcalloc(shash_count(&plan->regions), sizeof *pb->paths);
        pb->state.services = pb->services;
        pb->state.paths = pb->paths;
        pb->state.n_locals = neigh_addresses(in->neigh, name, &pb->locals);
        pb->state.locals = pb->locals;
        pb->state.flow_table = in->config->flow_table;
        pb->state.client_table = in->config->client_table;
        pb->state.flow_priority = in->config->flow_priority;
        shash_add(&plan->bridges, name, pb);
    }
    return pb;
}

/* Returns the bridge that all backends of 'svc' are in, or NULL, after a
 * complaint where they are in several. */
static const char *
service_bridge(const struct plan *plan, const struct tpr_service *svc,
               struct sset *complaints)
{
    const char *bridge = NULL;

    for (size_t i = 0; i < svc->n_backends; i++) {
        const struct plan_region *pr = plan_region(plan,
                                                   svc->backends[i]->region);

        if (!pr->bridge) {
            continue;
        }
        if (bridge && strcmp(bridge, pr->bridge)) {
            complain(complaints, "Service %s: its regions are in different "
                     "bridges, %s and %s", svc->name, bridge, pr->bridge);
            return NULL;
        }
        bridge = pr->bridge;
    }
    return bridge;
}

/* Returns the bridge that backends of 'svc' are in, or NULL. */
const char *
plan_service_bridge(const struct plan *plan, const struct tpr_service *svc)
{
    for (size_t i = 0; i < svc->n_backends; i++) {
        const struct plan_region *pr = plan_region(plan,
                                                   svc->backends[i]->region);

        if (pr->bridge) {
            return pr->bridge;
        }
    }
    return NULL;
}

static bool
is_identity(const struct tpr_service *svc, const struct tpr_backend *b)
{
    return (ipv6_addr_equals(&svc->vip.addr, &b->addr)
            && !b->region->has_gateway
            && (!b->port || (svc->vip.n_ports == 1
                             && svc->vip.ports[0].first == b->port
                             && svc->vip.ports[0].last == b->port)));
}

/* Returns true if any backend has 'addr' as its own. */
static bool
has_owner(const struct plan *plan, const struct in6_addr *addr)
{
    return bsearch(addr, plan->owners, plan->n_owners, sizeof *addr,
                   compare_addresses) != NULL;
}

/* Complains of a VIP that works less well than somebody may think. */
static void
complain_vip(const struct tpr_service *svc, const char *owner,
             struct sset *complaints)
{
    const struct in6_addr *addr = &svc->vip.addr;
    char *s = tpr_format_address(addr);

    if (owner) {
        complain(complaints, "Service %s: vip: %s is an address of this "
                 "switch itself (%s): use one that nobody has, or a backend",
                 svc->name, s, owner);
    }
    if (IN6_IS_ADDR_V4MAPPED(addr)
        ? ntohl(in6_addr_get_mapped_ipv4(addr)) >> 16 == 0xa9fe
        : IN6_IS_ADDR_LINKLOCAL(addr)) {
        complain(complaints, "Service %s: vip: %s is link-local: no client "
                 "behind a router can reach it", svc->name, s);
    }
    free(s);
}

/* Returns the priority of 'b' in the switch's 16 bits.  With backup backends
 * the numbers have no room: the order is all that counts. */
static uint16_t
target_priority(const struct tpr_service *svc, const struct tpr_backend *b)
{
    uint16_t rank = 0;

    if (svc->backends[svc->n_backends - 1]->priority < TPR_BACKUP) {
        return b->priority;
    }
    for (size_t i = 0; svc->backends[i] != b; i++) {
        rank += (svc->backends[i]->priority
                 != svc->backends[i + 1]->priority);
    }
    return rank;
}

/* Fills in 't'; returns false if the MAC of 'b' is not known. */
static bool
plan_target(const struct plan *plan, const struct plan_input *in,
            const struct tpr_service *svc, const struct tpr_backend *b,
            struct dp_target *t)
{
    if (!plan_backend_mac(plan, in, b, &t->mac)) {
        return false;
    }
    t->name = b->name;
    t->port = b->region->port;
    t->addr = b->addr;
    t->l4_port = b->port;
    t->vlan = b->region->vlan;
    t->routed = b->region->has_gateway;
    /* What panic keeps counts as alive though its region's word is down. */
    t->region = (policy_usable(in->policy, b) == POLICY_PANIC
                 ? TPR_NO_WORD : b->region->index);
    t->word = b->index;
    /* Who remembers no connections cannot keep what an agent asks for. */
    t->max_connections = svc->stateless ? 0 : policy_limit(in->policy, b);
    t->max_pps = b->max_pps;
    t->priority = target_priority(svc, b);
    t->weight = MIN(policy_weight(in->policy, b), UINT16_MAX);
    t->full_weight = MIN(b->weight, UINT16_MAX);
    return true;
}

/* Lists all backends that 'ds' could use, 'active' among them. */
static void
plan_targets(const struct plan *plan, const struct plan_input *in,
             const struct tpr_service *svc, const struct tpr_backend *active,
             struct plan_bridge *pb, struct dp_service *ds)
{
    struct dp_target *targets = pb->targets + pb->n_targets;

    for (size_t i = 0; i < svc->n_backends; i++) {
        const struct tpr_backend *b = svc->backends[i];
        struct dp_target *t = &targets[ds->n_targets];

        if (plan_region(plan, b->region)->bridge
            && plan_target(plan, in, svc, b, t)) {
            int word = words_backend(in->policy, svc, i);

            ds->n_targets++;
            t->usable = (word == TPR_LIVENESS_UP
                         || (word == WORDS_LEAVE && b == active));
            if (b == active) {
                ds->active = t;
            }
        }
    }
    ds->targets = targets;
    pb->n_targets += ds->n_targets;
}

static void
plan_service(struct plan *plan, const struct plan_input *in,
             const struct tpr_service *svc, struct sset *complaints)
{
    const char *bridge = service_bridge(plan, svc, complaints);
    const struct tpr_backend *b;
    struct plan_bridge *pb;
    struct dp_service *ds;
    char owner[IFNAMSIZ];
    enum policy_mode mode;
    struct eth_addr mac;
    bool ours;

    ours = neigh_owns(in->neigh, &svc->vip.addr, owner, &mac);
    complain_vip(svc, ours ? owner : NULL, complaints);
    b = policy_active(in->policy, svc, &mode, NULL);
    if (!bridge || (!b && mode == POLICY_MODE_STARTING)) {
        return;                 /* Nothing is proven: leave all as it is. */
    }
    pb = get_bridge(plan, in, bridge);
    ds = &pb->services[pb->state.n_services];
    *ds = (struct dp_service) {
        .name = svc->name,
        .vip = svc->vip,
        .policy = svc->policy,
        .on_down = svc->on_down,
        .on_none = svc->on_none,
        .stateless = svc->stateless,
        .affinity_ms = svc->affinity_us / 1000,
        .passive_ms = svc->passive_us / 1000,
        .unproven = mode == POLICY_MODE_STARTING,
        .answer = !ours && !policy_owner_answers(in->policy, svc),
        .pure = !ours && !has_owner(plan, &svc->vip.addr),
    };
    char *stateless = flow_check(svc);
    ds->needs_state = stateless != NULL;
    free(stateless);
    plan_vip_mac(plan, in, svc, &ds->vip_mac);
    plan_targets(plan, in, svc, b, pb, ds);
    if (b && !ds->active) {
        return;                 /* Policy does not choose such a backend. */
    }
    ds->identity = b && is_identity(svc, b);
    pb->state.n_services++;
}

/* Gives 'plan' the desired state of every bridge, each time that the policy
 * has decided.  With bypass in force it is empty. */
void
plan_bridges(struct plan *plan, const struct plan_input *in,
             struct sset *complaints)
{
    const struct shash_node **sorted = shash_sort(&in->config->services);
    size_t n = shash_count(&in->config->services);
    struct shash_node *node;

    clear_bridges(plan);
    SHASH_FOR_EACH (node, &plan->regions) {
        const struct plan_region *pr = node->data;

        if (pr->bridge) {
            struct plan_bridge *pb = get_bridge(plan, in, pr->bridge);

            if (!in->config->bypass && pr->has_session
                && pr->session.type != HB_LINK) {
                pb->paths[pb->state.n_paths++] = pr->path;
            }
        }
    }
    if (!in->config->bypass) {
        for (size_t i = 0; i < n; i++) {
            plan_service(plan, in, sorted[i]->data, complaints);
        }
    }
    free(sorted);
}
