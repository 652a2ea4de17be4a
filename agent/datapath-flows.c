/* SPDX-License-Identifier: Apache-2.0 */

/* Datapath provider "flows": plain OpenFlow flows on any Open vSwitch, patched
 * or not.  datapath-of.h has the machine; flow-make.h says what flows without
 * state cannot do.  Redirect objects that another provider of the agent has
 * left in the switch are removed.
 *
 * Threads: main thread. */

#include <config.h>
#include "datapath-of.h"
#include "flow-check.h"

static struct datapath *
flows_open(const char *bridge)
{
    return of_open(&datapath_flows_class, OF_WISH_FLOWS, bridge);
}

const struct datapath_class datapath_flows_class = {
    .name = "flows",
    .open = flows_open,
    .check = flow_check,
    OF_CLASS_MEMBERS,
};
