/* SPDX-License-Identifier: Apache-2.0 */

/* The switch's own database; vswitch.h says what and why. */

#include <config.h>
#include "vswitch.h"

#include <stdlib.h>
#include <string.h>

#include "eligible.h"
#include "openvswitch/dynamic-string.h"
#include "db-socket.h"
#include "ovsdb-idl.h"
#include "smap.h"
#include "util.h"
#include "vswitch-idl.h"

struct vswitch {
    struct ovsdb_idl *idl;
    struct db_socket socket;
};

/* What vswitch_facts() needs. */
static void
add_facts(struct ovsdb_idl *idl)
{
    static const struct ovsdb_idl_column *const columns[] = {
        &ovsrec_bridge_col_mirrors, &ovsrec_bridge_col_sflow,
        &ovsrec_bridge_col_netflow, &ovsrec_bridge_col_ipfix,
        &ovsrec_bridge_col_stp_enable, &ovsrec_bridge_col_rstp_enable,
        &ovsrec_bridge_col_other_config, &ovsrec_port_col_tag,
        &ovsrec_port_col_trunks, &ovsrec_port_col_vlan_mode,
        &ovsrec_port_col_qos, &ovsrec_port_col_status,
        &ovsrec_port_col_rstp_status, &ovsrec_port_col_protected_,
        &ovsrec_interface_col_ingress_policing_rate,
        &ovsrec_interface_col_ingress_policing_kpkts_rate,
        &ovsrec_mirror_col_name,
    };

    ovsdb_idl_add_table(idl, &ovsrec_table_mirror);
    ovsdb_idl_add_table(idl, &ovsrec_table_sflow);
    ovsdb_idl_add_table(idl, &ovsrec_table_netflow);
    ovsdb_idl_add_table(idl, &ovsrec_table_ipfix);
    ovsdb_idl_add_table(idl, &ovsrec_table_qos);
    for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
        ovsdb_idl_add_column(idl, columns[i]);
    }
}

/* Starts following the Open_vSwitch database at 'remote'. */
struct vswitch *
vswitch_create(const char *remote)
{
    struct vswitch *vs = xmalloc(sizeof *vs);

    db_socket_init(&vs->socket, remote);
    vs->idl = ovsdb_idl_create(remote, &ovsrec_idl_class, false, true);
    ovsdb_idl_add_table(vs->idl, &ovsrec_table_bridge);
    ovsdb_idl_add_column(vs->idl, &ovsrec_bridge_col_name);
    ovsdb_idl_add_column(vs->idl, &ovsrec_bridge_col_ports);
    ovsdb_idl_add_column(vs->idl, &ovsrec_bridge_col_datapath_type);
    ovsdb_idl_add_table(vs->idl, &ovsrec_table_port);
    ovsdb_idl_add_column(vs->idl, &ovsrec_port_col_name);
    ovsdb_idl_add_column(vs->idl, &ovsrec_port_col_interfaces);
    ovsdb_idl_add_table(vs->idl, &ovsrec_table_interface);
    ovsdb_idl_add_column(vs->idl, &ovsrec_interface_col_name);
    ovsdb_idl_add_column(vs->idl, &ovsrec_interface_col_type);
    add_facts(vs->idl);
    return vs;
}

void
vswitch_destroy(struct vswitch *vs)
{
    if (vs) {
        ovsdb_idl_destroy(vs->idl);
        db_socket_uninit(&vs->socket);
        free(vs);
    }
}

void
vswitch_run(struct vswitch *vs)
{
    db_socket_run(&vs->socket, vs->idl);
    ovsdb_idl_run(vs->idl);
}

void
vswitch_wait(struct vswitch *vs)
{
    ovsdb_idl_wait(vs->idl);
    db_socket_wait(&vs->socket, vs->idl);
}

/* Returns a number that changes whenever an answer of this module may. */
unsigned int
vswitch_seqno(const struct vswitch *vs)
{
    return ovsdb_idl_get_seqno(vs->idl);
}

/* Returns true once the database's contents have arrived. */
bool
vswitch_ready(const struct vswitch *vs)
{
    return ovsdb_idl_has_ever_connected(vs->idl);
}

static bool
bridge_has_interface(const struct ovsrec_bridge *br, const char *name,
                     struct vswitch_port *out)
{
    for (size_t i = 0; i < br->n_ports; i++) {
        const struct ovsrec_port *port = br->ports[i];

        for (size_t j = 0; j < port->n_interfaces; j++) {
            const struct ovsrec_interface *iface = port->interfaces[j];

            if (!strcmp(iface->name, name)) {
                out->bridge = br->name;
                out->type = iface->type;
                out->datapath_type = br->datapath_type;
                return true;
            }
        }
    }
    return false;
}

/* Stores in '*out' where the interface 'port' is.  Returns false if no bridge
 * has it, or the database has not been read yet. */
bool
vswitch_find_port(const struct vswitch *vs, const char *port,
                  struct vswitch_port *out)
{
    const struct ovsrec_bridge *br;

    OVSREC_BRIDGE_FOR_EACH (br, vs->idl) {
        if (bridge_has_interface(br, port, out)) {
            return true;
        }
    }
    return false;
}

static const struct ovsrec_bridge *
find_bridge(const struct vswitch *vs, const char *bridge)
{
    const struct ovsrec_bridge *br;

    OVSREC_BRIDGE_FOR_EACH (br, vs->idl) {
        if (!strcmp(br->name, bridge)) {
            return br;
        }
    }
    return NULL;
}

/* Returns true if the switch has a bridge called 'bridge'. */
bool
vswitch_has_bridge(const struct vswitch *vs, const char *bridge)
{
    return find_bridge(vs, bridge) != NULL;
}

/* Returns other_config:'key' of 'bridge', or NULL; the database's own. */
const char *
vswitch_bridge_option(const struct vswitch *vs, const char *bridge,
                      const char *key)
{
    const struct ovsrec_bridge *br = find_bridge(vs, bridge);

    return br ? smap_get(&br->other_config, key) : NULL;
}

/* Returns true if a packet socket on the port's own device sees what comes in
 * by it, and can send past the switch: ordinary devices, on the kernel's
 * datapath or read by the userspace datapath through AF_PACKET.  Not so for
 * AF_XDP (XDP takes the frame first), DPDK, tunnels and internal ports. */
bool
vswitch_port_bypasses(const struct vswitch_port *port)
{
    return !port->type[0] || !strcmp(port->type, "system");
}

/* Facts: what the switch is told to do with packets. */

/* The VLANs of 'port' in words, "" for all. */
static char *
vlans_of(const struct ovsrec_port *port)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    if (port->n_tag && *port->tag) {
        ds_put_format(&s, "tag %"PRId64, *port->tag);
    }
    for (size_t i = 0; i < port->n_trunks; i++) {
        ds_put_format(&s, "%s%"PRId64,
                      i ? "," : s.length ? " and trunks " : "trunks ",
                      port->trunks[i]);
    }
    if (port->vlan_mode && !strncmp(port->vlan_mode, "native", 6)) {
        ds_put_format(&s, " (%s)", port->vlan_mode);
    }
    return ds_steal_cstr(&s);
}

static const char *
tree_state(const struct ovsrec_bridge *br, const struct ovsrec_port *port)
{
    return (br->rstp_enable
            ? smap_get_def(&port->rstp_status, "rstp_port_state", "")
            : br->stp_enable ? smap_get_def(&port->status, "stp_state", "")
            : "");
}

static void
fill_port(const struct ovsrec_bridge *br, const struct ovsrec_port *port,
          const struct ovsrec_interface *iface, struct eligible_port *p)
{
    *p = (struct eligible_port) {
        .name = xstrdup(iface->name),
        /* The bridge's own port needs no type. */
        .type = xstrdup(strcmp(iface->name, br->name) ? iface->type
                        : "internal"),
        .stp = xstrdup(tree_state(br, port)),
        .vlan_mode = xstrdup(port->vlan_mode ? port->vlan_mode : ""),
        .vlans = vlans_of(port),
        .bonded = port->n_interfaces > 1,
        .policed = (iface->ingress_policing_rate
                    || iface->ingress_policing_kpkts_rate),
        .queued = port->qos != NULL,
        .is_protected = port->protected_,
    };
}

/* Returns what is known of 'bridge' and its ports, their order as in the
 * database, or NULL if there is no such bridge.  To be given to
 * vswitch_facts_free(). */
struct eligible_bridge *
vswitch_facts(const struct vswitch *vs, const char *bridge)
{
    const struct ovsrec_bridge *br = find_bridge(vs, bridge);
    struct eligible_port *ports = NULL;
    struct eligible_bridge *facts;
    size_t n = 0, allocated = 0;

    if (!br) {
        return NULL;
    }
    for (size_t i = 0; i < br->n_ports; i++) {
        const struct ovsrec_port *port = br->ports[i];

        for (size_t j = 0; j < port->n_interfaces; j++) {
            if (n >= allocated) {
                ports = x2nrealloc(ports, &allocated, sizeof *ports);
            }
            fill_port(br, port, port->interfaces[j], &ports[n++]);
        }
    }
    facts = xmalloc(sizeof *facts);
    *facts = (struct eligible_bridge) {
        .name = xstrdup(br->name),
        .datapath_type = xstrdup(br->datapath_type),
        .mirror = br->n_mirrors ? xstrdup(br->mirrors[0]->name) : NULL,
        .probe = (br->sflow ? xstrdup("sFlow") : br->ipfix ? xstrdup("IPFIX")
                  : br->netflow ? xstrdup("NetFlow") : NULL),
        .ports = ports,
        .n_ports = n,
    };
    return facts;
}

/* Frees 'facts', which may be NULL, with all that it points to, but for what
 * 'unattached' does. */
void
vswitch_facts_free(struct eligible_bridge *facts)
{
    if (!facts) {
        return;
    }
    for (size_t i = 0; i < facts->n_ports; i++) {
        const struct eligible_port *p = &facts->ports[i];

        free(CONST_CAST(char *, p->name));
        free(CONST_CAST(char *, p->type));
        free(CONST_CAST(char *, p->stp));
        free(CONST_CAST(char *, p->vlan_mode));
        free(CONST_CAST(char *, p->vlans));
    }
    free(CONST_CAST(struct eligible_port *, facts->ports));
    free(CONST_CAST(char *, facts->name));
    free(CONST_CAST(char *, facts->datapath_type));
    free(CONST_CAST(char *, facts->mirror));
    free(CONST_CAST(char *, facts->probe));
    free(facts);
}
