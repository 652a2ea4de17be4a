/* SPDX-License-Identifier: Apache-2.0 */

/* Changes that the policy has decided, on their way through the switch: what
 * was decided together is reported together, in the order of decisions, when
 * every bridge concerned has carried it out, or has failed to in good time.
 *
 * Threads: main thread. */

#ifndef TPR_BATCHES_H
#define TPR_BATCHES_H 1

#include <stdbool.h>
#include "openvswitch/list.h"

struct bridges;
struct journal;
struct policy;

/* Changes that were decided together. */
struct batch;

struct batches {
    struct ovs_list list;       /* struct batch, oldest first. */
};

void batches_init(struct batches *);
void batches_destroy(struct batches *);
struct batch *batches_take(struct batches *, struct policy *);
void batch_needs(struct batch *, const struct bridges *);
void batches_report(struct batches *, const struct bridges *,
                    struct journal *, bool all);
void batches_wait(const struct batches *);

#endif /* batches.h */
