/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Of a build without libxdp: no dispatcher is joined, and its parts are not
 * looked at. */

#include <config.h>
#include "attach-dispatcher.h"

#include <errno.h>
#include <string.h>
#include "openvswitch/compiler.h"

int
tpr_dispatcher_look(uint32_t ifindex OVS_UNUSED, struct tpr_parts *parts)
{
    memset(parts, 0, sizeof *parts);
    return EOPNOTSUPP;
}

bool
tpr_parts_have(const struct tpr_parts *parts OVS_UNUSED,
               uint32_t id OVS_UNUSED)
{
    return false;
}

uint32_t
tpr_parts_find(const struct tpr_parts *parts OVS_UNUSED,
               const char *name OVS_UNUSED)
{
    return 0;
}

const char *
tpr_dispatcher_folder(void)
{
    return "";
}

int
tpr_dispatcher_join(uint32_t ifindex OVS_UNUSED, int fd OVS_UNUSED)
{
    return EOPNOTSUPP;
}

int
tpr_dispatcher_leave(uint32_t ifindex OVS_UNUSED, int fd OVS_UNUSED)
{
    return EOPNOTSUPP;
}

void
tpr_dispatcher_remove_stray(uint32_t ifindex OVS_UNUSED,
                            uint32_t keep OVS_UNUSED)
{
}
