/* SPDX-License-Identifier: Apache-2.0 */

/* Changes on their way through the switch: see batches.h. */

#include <config.h>
#include "batches.h"

#include <stdlib.h>

#include "bridges.h"
#include "datapath.h"
#include "journal.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/shash.h"
#include "policy.h"
#include "tpr-time.h"
#include "util.h"

enum {
    /* After this long a change is reported though the switch did not
     * confirm. */
    BATCH_PATIENCE_US = 2 * 1000 * 1000,
};

struct batch {
    struct ovs_list node;       /* In struct batches. */
    long long int decided_us;
    struct policy_change *changes;
    size_t n_changes, allocated;
    struct shash seqs;          /* Bridge -> uint64_t *: needed there. */
};

void
batches_init(struct batches *batches)
{
    ovs_list_init(&batches->list);
}

static void
batch_destroy(struct batch *b)
{
    for (size_t i = 0; i < b->n_changes; i++) {
        free(b->changes[i].cause);
    }
    free(b->changes);
    shash_destroy_free_data(&b->seqs);
    ovs_list_remove(&b->node);
    free(b);
}

/* Forgets all of them; nothing is reported. */
void
batches_destroy(struct batches *batches)
{
    struct batch *b;

    LIST_FOR_EACH_SAFE (b, node, &batches->list) {
        batch_destroy(b);
    }
}

/* Takes the changes that 'policy' has decided.  Returns them, which stay
 * owned by 'batches', or NULL if there are none. */
struct batch *
batches_take(struct batches *batches, struct policy *policy)
{
    struct policy_change change;
    struct batch *b = NULL;

    while (policy_next_change(policy, &change)) {
        if (!b) {
            b = xzalloc(sizeof *b);
            b->decided_us = change.decided_us;
            shash_init(&b->seqs);
            ovs_list_push_back(&batches->list, &b->node);
        }
        if (b->n_changes >= b->allocated) {
            b->changes = x2nrealloc(b->changes, &b->allocated,
                                    sizeof *b->changes);
        }
        b->changes[b->n_changes++] = change;
    }
    return b;
}

/* Makes 'b' wait for what 'bridges' have just been handed. */
void
batch_needs(struct batch *b, const struct bridges *bridges)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &bridges->set_seqs) {
        shash_add(&b->seqs, node->name,
                  xmemdup(node->data, sizeof(uint64_t)));
    }
}

static bool
batch_is_done(const struct batch *b, const struct bridges *bridges,
              long long int *applied_us)
{
    struct shash_node *node;

    *applied_us = 0;
    SHASH_FOR_EACH (node, &b->seqs) {
        const struct datapath *dp = shash_find_data(&bridges->datapaths,
                                                    node->name);
        const uint64_t *need = node->data;
        long long int when_us = 0;
        uint64_t seq = 0;

        if (!dp) {
            continue;           /* Closed meanwhile. */
        }
        if (dp->class->applied(dp, &seq, &when_us) && seq >= *need) {
            *applied_us = MAX(*applied_us, when_us);
        } else if (dp->class->connected(dp)) {
            return false;
        }
    }
    return true;
}

/* Reports what the switch has carried out, or failed to in good time; 'all'
 * reports the rest too. */
void
batches_report(struct batches *batches, const struct bridges *bridges,
               struct journal *journal, bool all)
{
    struct batch *b, *next;

    LIST_FOR_EACH_SAFE (b, next, node, &batches->list) {
        long long int applied_us;
        bool done = batch_is_done(b, bridges, &applied_us);

        if (!done && !all
            && tpr_now_us() - b->decided_us < BATCH_PATIENCE_US) {
            break;
        }
        journal_report(journal, b->changes, b->n_changes,
                       done ? applied_us : 0);
        batch_destroy(b);
    }
}

/* Wakes the poll loop when batches_report() may have something to do. */
void
batches_wait(const struct batches *batches)
{
    if (!ovs_list_is_empty(&batches->list)) {
        poll_timer_wait(BATCH_PATIENCE_US / 1000);
    }
}
