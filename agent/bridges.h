/* SPDX-License-Identifier: Apache-2.0 */

/* The bridges that the agent acts on, each with a datapath provider.
 *
 * A bridge is opened when something is planned for it, with the provider that
 * its own other_config:tpr-datapath names or, by default, the configuration;
 * and closed when the switch no longer has it or another provider is wanted.
 * What a closed one leaves in the switch the next one finds and takes over.
 *
 * Threads: main thread. */

#ifndef TPR_BRIDGES_H
#define TPR_BRIDGES_H 1

#include <stdbool.h>
#include "datapath.h"
#include "openvswitch/shash.h"

struct plan;
struct sset;
struct tpr_config;
struct vswitch;

struct bridges {
    struct shash datapaths;     /* Name -> struct datapath *. */
    struct shash set_seqs;      /* Name -> uint64_t *: newest set(). */
    struct shash away;          /* Name -> long long int *: when it was away
                                 * last, 0: never. */
    struct dp_env env;          /* For providers. */
    bool swept;                 /* Other bridges have no programs of ours. */
};

void bridges_init(struct bridges *, const struct dp_env *);
void bridges_destroy(struct bridges *);
void bridges_close_all(struct bridges *);
void bridges_clear(struct bridges *);

struct datapath *bridges_get(struct bridges *, const struct tpr_config *,
                             const char *name);
void bridges_open(struct bridges *, const struct tpr_config *,
                  const struct plan *);
void bridges_set(struct bridges *, const struct tpr_config *,
                 const struct plan *, const struct vswitch *,
                 long long int words_us);
void bridges_complain(struct bridges *, const struct tpr_config *,
                      const struct plan *, struct sset *complaints);

bool bridges_next_suspect(struct bridges *, struct dp_suspect *);
void bridges_run(struct bridges *);
void bridges_wait(struct bridges *);
bool bridges_applied(const struct bridges *);
bool bridges_here_since(const struct bridges *, const char *name,
                        long long int since_us);
unsigned int bridges_ports_seqno(const struct bridges *);

#endif /* bridges.h */
