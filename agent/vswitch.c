/* SPDX-License-Identifier: Apache-2.0 */

/* The switch's own database; vswitch.h says what and why. */

#include <config.h>
#include "vswitch.h"

#include <stdlib.h>
#include <string.h>

#include "ovsdb-idl.h"
#include "util.h"
#include "vswitch-idl.h"

struct vswitch {
    struct ovsdb_idl *idl;
};

/* Starts following the Open_vSwitch database at 'remote'. */
struct vswitch *
vswitch_create(const char *remote)
{
    struct vswitch *vs = xmalloc(sizeof *vs);

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
    return vs;
}

void
vswitch_destroy(struct vswitch *vs)
{
    if (vs) {
        ovsdb_idl_destroy(vs->idl);
        free(vs);
    }
}

void
vswitch_run(struct vswitch *vs)
{
    ovsdb_idl_run(vs->idl);
}

void
vswitch_wait(struct vswitch *vs)
{
    ovsdb_idl_wait(vs->idl);
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

/* Returns true if the switch has a bridge called 'bridge'. */
bool
vswitch_has_bridge(const struct vswitch *vs, const char *bridge)
{
    const struct ovsrec_bridge *br;

    OVSREC_BRIDGE_FOR_EACH (br, vs->idl) {
        if (!strcmp(br->name, bridge)) {
            return true;
        }
    }
    return false;
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
