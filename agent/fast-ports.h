/* SPDX-License-Identifier: Apache-2.0 */

/* The ports of a bridge as BPF programs meet them: from what the database, the
 * switch and the kernel say of each to a program on it, or a reason.
 *
 * Threads: main thread. */

#ifndef TPR_FAST_PORTS_H
#define TPR_FAST_PORTS_H 1

#include <stdbool.h>
#include "attach.h"
#include "datapath.h"
#include "eligible.h"

struct json;

/* One port of the last fast_ports_update(). */
struct fast_port {
    char *name;
    uint32_t ifindex;           /* 0: no program is attached, */
    uint32_t ofport;            /* 0: the switch has no such port. */
    bool link_up;
    char *mode;                 /* For people: "xdp", .. "none", */
    char *why;                  /* and why it is that one. */
    char *unattached;           /* NULL: packets can be taken from it and sent
                                 * by it; else a clause. */
};

struct fast_ports {
    const char *bridge;
    struct tpr_bpf *bpf;        /* NULL: not loaded yet. */
    struct tpr_attach *attach;
    struct eligible_bridge *facts;      /* NULL: there is no such bridge. */
    struct fast_port *ports;    /* As many as 'facts' has. */
    size_t n;
    char *refusal;              /* Against all services; NULL: nothing. */
    uint32_t *attached;         /* Interfaces that had programs last, */
    size_t n_attached;          /* so many. */
};

void fast_ports_init(struct fast_ports *, const char *bridge);
void fast_ports_destroy(struct fast_ports *, bool detach);
void fast_ports_load(struct fast_ports *, struct tpr_bpf *,
                     struct tpr_attach *);

void fast_ports_update(struct fast_ports *, const struct vswitch *,
                       const struct datapath *inner, unsigned int flow_table,
                       bool wanted);
long long int fast_ports_again_ms(const struct fast_ports *);
bool fast_ports_attachable(const struct fast_ports *);
const struct fast_port *fast_ports_find(const struct fast_ports *,
                                        const char *name);
const struct fast_port *fast_ports_by_ifindex(const struct fast_ports *,
                                              uint32_t ifindex);
void fast_ports_show(const struct fast_ports *, struct json *);

#endif /* fast-ports.h */
