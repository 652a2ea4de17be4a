/* SPDX-License-Identifier: Apache-2.0 */

/* Liveness words of backends: words.h says what and why. */

#include <config.h>
#include "words.h"

#include "util.h"

/* True if the datapath would prefer backend 'i' of 'svc' to the active one,
 * which the policy did not (yet): any before it where there is an order, those
 * of a better priority where equals serve by turns. */
static bool
is_ahead(const struct policy *policy, const struct tpr_service *svc, size_t i)
{
    const struct tpr_backend *active = policy_active(policy, svc, NULL, NULL);

    if (!active) {
        return false;
    } else if (!tpr_policy_is_ordered(svc->policy)) {
        return svc->backends[i]->priority < active->priority;
    }
    for (size_t j = 0; j < i; j++) {
        if (svc->backends[j] == active) {
            return false;
        }
    }
    return svc->backends[i] != active;
}

/* The same where several serve by turns, and somebody ordered that those in
 * another region do. */
static bool
is_beside(const struct policy *policy, const struct tpr_service *svc, size_t i)
{
    return (!tpr_policy_is_ordered(svc->policy)
            && policy_is_elsewhere(policy, svc, svc->backends[i]));
}

/* Returns the enum tpr_liveness of backend 'i' of 'svc', or WORDS_LEAVE: the
 * word stays as it is, because nothing is known of its life; after a restart
 * that is so until facts confirm or refute what is remembered. */
int
words_backend(const struct policy *policy, const struct tpr_service *svc,
              size_t i)
{
    const struct tpr_backend *b = svc->backends[i];
    enum policy_mode mode;
    bool active = policy_active(policy, svc, &mode, NULL) == b;
    bool ends = policy_is_drained(policy, b);
    enum tpr_liveness stays = ends ? TPR_LIVENESS_DOWN : TPR_LIVENESS_DRAIN;

    if (mode == POLICY_MODE_STARTING && active) {
        return WORDS_LEAVE;
    }
    switch (policy_usable(policy, b)) {
    case POLICY_OK:
        return (ends || is_ahead(policy, svc, i) || is_beside(policy, svc, i)
                ? stays : TPR_LIVENESS_UP);
    case POLICY_PANIC:
        return (active || !tpr_policy_is_ordered(svc->policy)
                ? TPR_LIVENESS_UP : TPR_LIVENESS_DOWN);
    case POLICY_LOADED:
        /* Where all are busy, all that balance go on. */
        return (active || (mode == POLICY_MODE_LOADED
                           && !tpr_policy_is_ordered(svc->policy))
                ? TPR_LIVENESS_UP : stays);
    case POLICY_DAMPED:
        /* Used only where nothing else is left. */
        return active ? TPR_LIVENESS_UP : stays;
    case POLICY_DRAINING:
    case POLICY_MAINTENANCE:
        return stays;
    case POLICY_REGION_UNKNOWN:
    case POLICY_CHECK_UNKNOWN:
        return TPR_LIVENESS_UNKNOWN;
    case POLICY_REGION_DOWN:
    case POLICY_CHECK_DOWN:
    case POLICY_AGENT_DOWN:
        return TPR_LIVENESS_DOWN;
    case POLICY_NO_MAC:
    case POLICY_NO_PORT:
        return WORDS_LEAVE;     /* No datapath has it, dead or alive. */
    }
    OVS_NOT_REACHED();
}

/* Returns true if the datapath gives backend 'i' of 'svc' new connections;
 * whose limits are reached, which the datapath knows, left aside. */
bool
words_gets_new(const struct policy *p, const struct tpr_service *svc, size_t i)
{
    if (tpr_policy_is_ordered(svc->policy)) {
        return svc->backends[i] == policy_active(p, svc, NULL, NULL);
    } else if (words_backend(p, svc, i) != TPR_LIVENESS_UP) {
        return false;
    }
    /* Sorted by priority: only the first ones that live take part. */
    for (size_t j = 0; j < i; j++) {
        if (svc->backends[j]->priority < svc->backends[i]->priority
            && words_backend(p, svc, j) == TPR_LIVENESS_UP) {
            return false;
        }
    }
    return true;
}

/* Returns true if backend 'i' is one that 'svc' is shown to be on: those who
 * get new connections; the policy's choice, alone, as long as nothing is known
 * of them; none, if the policy has none. */
bool
words_serves(const struct policy *p, const struct tpr_service *svc, size_t i)
{
    const struct tpr_backend *active = policy_active(p, svc, NULL, NULL);

    if (!active || words_gets_new(p, svc, i)) {
        return active != NULL;
    }
    for (size_t j = 0; j < svc->n_backends; j++) {
        if (words_gets_new(p, svc, j)) {
            return false;
        }
    }
    return svc->backends[i] == active;
}
