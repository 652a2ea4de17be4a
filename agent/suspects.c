/* SPDX-License-Identifier: Apache-2.0 */

/* Passive detection: see suspects.h. */

#include <config.h>
#include "suspects.h"

#include <inttypes.h>
#include <stdlib.h>
#include "bridges.h"
#include "check.h"
#include "datapath.h"
#include "journal.h"
#include "model.h"
#include "openvswitch/dynamic-string.h"
#include "policy.h"
#include "util.h"

/* Finds the backend with liveness word 'word' among services that have passive
 * detection. */
static const struct tpr_backend *
find_backend(const struct tpr_config *config, uint32_t word,
             const struct tpr_service **svcp)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &config->services) {
        const struct tpr_service *svc = node->data;

        for (size_t i = 0; svc->passive_us && i < svc->n_backends; i++) {
            if (svc->backends[i]->index == word) {
                *svcp = svc;
                return svc->backends[i];
            }
        }
    }
    return NULL;
}

/* Appends "3 connections refused, 2 SYNs without an answer in 200 ms". */
static void
format_counts(struct ds *s, uint64_t refused, uint64_t silent,
              long long int bound_us)
{
    if (refused) {
        ds_put_format(s, "%"PRIu64" connection%s refused", refused,
                      refused == 1 ? "" : "s");
    }
    if (silent) {
        ds_put_format(s, "%s%"PRIu64" SYN%s without an answer in ",
                      refused ? ", " : "", silent, silent == 1 ? "" : "s");
        tpr_put_us(s, bound_us);
    }
}

/* The death of a region is not its backends' fault. */
static bool
region_is_down(const struct suspects_env *env, const struct tpr_backend *b)
{
    long long int hold_us, since_us;
    bool draining;

    return policy_region_state(env->policy, b->region, &draining, &hold_us,
                               &since_us) == HEARTBEAT_DOWN;
}

static void
note_suspect(const struct suspects_env *env, const struct tpr_backend *b,
             const struct dp_suspect *suspect, long long int bound_us)
{
    char *object = xasprintf("backend %s", b->name);
    struct ds s = DS_EMPTY_INITIALIZER;

    ds_put_cstr(&s, "suspect: ");
    format_counts(&s, suspect->refused, suspect->silent, bound_us);
    ds_put_cstr(&s, "; checked at once");
    journal_note(env->journal, JOURNAL_BACKEND_SUSPECT, object, "up",
                 "suspect", ds_cstr(&s));
    ds_destroy(&s);
    free(object);
}

static void
note_trusted(const struct suspects_env *env, const struct tpr_backend *b)
{
    char *object = xasprintf("backend %s", b->name);
    char *text;

    text = xasprintf("no longer suspect: its check was good, and clients "
                     "have met nothing of it for %d s",
                     SUSPICION_QUIET_US / 1000000);
    journal_note(env->journal, JOURNAL_BACKEND_TRUSTED, object, "suspect",
                 "up", text);
    free(text);
    free(object);
}

/* Takes what datapaths have seen, and tells what has become of it.  Returns
 * true if anything has changed that people see. */
bool
suspects_collect(const struct suspects_env *env, long long int now_us)
{
    const struct tpr_backend *b;
    struct dp_suspect suspect;
    bool changed = false;

    while (bridges_next_suspect(env->bridges, &suspect)) {
        const struct tpr_service *svc = NULL;

        b = find_backend(env->config, suspect.word, &svc);
        if (!b || region_is_down(env, b)) {
            continue;           /* Gone, or known to be dead. */
        }
        changed = true;
        if (check_set_suspect(env->checks, b, suspect.refused,
                              suspect.silent, svc->passive_us, now_us)) {
            note_suspect(env, b, &suspect, svc->passive_us);
        }
    }
    while ((b = check_set_trusted(env->checks, now_us))) {
        note_trusted(env, b);
        changed = true;
    }
    return changed;
}
