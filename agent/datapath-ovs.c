/* SPDX-License-Identifier: Apache-2.0 */

/* Datapath provider "ovs", and what is behind the programs of "bpf" and "auto"
 * (datapath-bpf.c): services are redirect objects of the patched Open vSwitch,
 * which keeps their connections and chooses backends by liveness words.
 * datapath-of.h has the machine, redirects.h the objects, flow-make.h the
 * flows.
 *
 * "ovs" leaves all services out while the switch has no redirect objects.
 * The other asks at every connection and does with plain flows then; a service
 * that these cannot carry out is left out, with a complaint, and the others
 * work.
 *
 * Threads: main thread. */

#include <config.h>
#include "datapath-of.h"

static struct datapath *
ovs_open(const char *bridge)
{
    return of_open(&datapath_ovs_class, OF_WISH_NATIVE, bridge);
}

const struct datapath_class datapath_ovs_class = {
    .name = "ovs",
    .open = ovs_open,
    .check = redirect_check_service,
    OF_CLASS_MEMBERS,
};

static struct datapath *
auto_open(const char *bridge)
{
    return of_open(&datapath_auto_class, OF_WISH_BEST, bridge);
}

const struct datapath_class datapath_auto_class = {
    .name = "auto",
    .open = auto_open,
    .check = redirect_check_service,
    OF_CLASS_MEMBERS,
};
