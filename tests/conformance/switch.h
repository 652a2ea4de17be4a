/* SPDX-License-Identifier: Apache-2.0 */

/* A running ovs-vswitchd with dummy ports, as hosts of the suite use it.
 *
 * tests/conformance/run-ovs starts the switch and leaves its folder in
 * TPR_CONFORMANCE_DIR.  Messages go by OpenFlow 1.4 on one connection, each
 * with a barrier, so that a packet-out is through when switch_send() returns;
 * packets out are read from the files that dummy ports write.  The switch's
 * clock is stopped and goes on by switch_warp() only.
 *
 * One thread.  Whatever breaks the connection ends the program. */

#ifndef CONFORMANCE_SWITCH_H
#define CONFORMANCE_SWITCH_H 1

#include "host.h"

struct ofpbuf;
struct switch_;

enum { PASS_PORT = 9 };         /* What a packet-out's redirect lets pass. */

struct switch_ *switch_open(void);
void switch_close(struct switch_ *);

/* Sends 'request', which it takes.  Returns false if it was refused. */
bool switch_send(struct switch_ *, struct ofpbuf *request);
bool switch_packet_out(struct switch_ *, uint32_t in_port,
                       const struct frame *, const char *actions);
bool switch_get_stats(struct switch_ *, uint32_t id,
                      struct tpr_redirect_stats *);

/* The output of a command, for free(), or NULL if it failed. */
char *switch_appctl(struct switch_ *, const char *command, const char *arg);
bool switch_shell(char *command);

/* The next packet that port 'port', or any but those of the suite's own
 * ('*port' is 0), has sent; false if there is none. */
bool switch_next(struct switch_ *, uint32_t *port, struct frame *);
void switch_await(struct switch_ *, uint32_t port, struct frame *);

/* Moves the clock; returns after the datapath has seen it. */
void switch_warp(struct switch_ *, uint32_t ms);

#endif /* switch.h */
