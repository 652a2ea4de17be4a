/* SPDX-License-Identifier: Apache-2.0 */

/* ovs-ofctl's commands about redirects and liveness words, as far as they are
 * not a matter of connections: from arguments to OpenFlow messages.
 *
 * Threads: one; add-redirects reads its file. */

#ifndef TPR_OFCTL_REDIRECT_H
#define TPR_OFCTL_REDIRECT_H 1

#include "openvswitch/compiler.h"
#include "openvswitch/ofp-protocol.h"

struct ofputil_port_map;
struct ovs_cmdl_context;
struct ovs_list;

/* Appends to 'requests' the messages that 'ctx' asks for, whose argv[0] is
 * "add-redirect", "add-redirects", "mod-redirect", "del-redirects",
 * "dump-redirects", "dump-redirect-stats" or "set-liveness", followed by the
 * switch's name and the command's argument, if any.  'port_map' translates
 * names of the switch's ports, or is NULL.
 *
 * Returns NULL, or what is wrong with the argument as a sentence that the
 * caller must free, with 'requests' possibly not empty. */
char *ofctl_redirect_requests(const struct ovs_cmdl_context *ctx,
                              const struct ofputil_port_map *port_map,
                              enum ofp_version, struct ovs_list *requests)
    OVS_WARN_UNUSED_RESULT;

#endif /* ofctl-redirect.h */
