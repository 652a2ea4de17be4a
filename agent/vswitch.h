/* SPDX-License-Identifier: Apache-2.0 */

/* What the switch's own database says about ports: in which bridge a port is,
 * of what type, on which datapath; and what else the switch is told to do with
 * their packets.  Read only.
 *
 * While that database is out of reach the last known answers stay.
 *
 * Threads: main thread; vswitch_run() and vswitch_wait() in its poll loop. */

#ifndef TPR_VSWITCH_H
#define TPR_VSWITCH_H 1

#include <stdbool.h>

struct eligible_bridge;
struct vswitch;

struct vswitch_port {
    const char *bridge;         /* Owned by the database's copy: use it */
    const char *type;           /* before the next vswitch_run(). */
    const char *datapath_type;
};

struct vswitch *vswitch_create(const char *remote);
void vswitch_destroy(struct vswitch *);
void vswitch_run(struct vswitch *);
void vswitch_wait(struct vswitch *);
unsigned int vswitch_seqno(const struct vswitch *);
bool vswitch_ready(const struct vswitch *);

bool vswitch_find_port(const struct vswitch *, const char *port,
                       struct vswitch_port *);
bool vswitch_has_bridge(const struct vswitch *, const char *bridge);
bool vswitch_port_bypasses(const struct vswitch_port *);
const char *vswitch_bridge_option(const struct vswitch *, const char *bridge,
                                  const char *key);

struct eligible_bridge *vswitch_facts(const struct vswitch *,
                                      const char *bridge);
void vswitch_facts_free(struct eligible_bridge *);

#endif /* vswitch.h */
