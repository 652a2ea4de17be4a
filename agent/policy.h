/* SPDX-License-Identifier: Apache-2.0 */

/* Policy: which backend serves, and why.
 *
 * Pure: facts about regions and backends, intents and 'now' in; usable
 * backends, the active one per service and the next deadline out.  No socket,
 * clock, database or log.  DESIGN.md section 3 has the table of events that
 * this file follows.
 *
 * Three stages, each a small machine of its own:
 *   damping   - damping.h: a region or backend that comes back is held down
 *               for a while that doubles while it flaps; it serves all the
 *               same where nothing else is left;
 *   panic     - panic.h: when more than a threshold of all usable backends
 *               fail at once, suspect ourselves and keep the last good set
 *               where nothing proven good is left;
 *   choice    - per service, the usable backend with the lowest priority
 *               number; failback to a better one, which an equal one is not,
 *               after it was usable for the hold time without a break, or by
 *               hand.
 *
 * Orders of the operator:
 *   drain     - region or backend is not usable; connections that it has stay
 *               until they end, or until the service's drain timeout is over,
 *               which counts from the order on;
 *   failover  - a backend in that region serves while it is usable, all that
 *               are there where a policy balances; while it is not, the
 *               choice is automatic, and the order stays in force;
 *               connections of the one that is left stay as those of a drain,
 *               and as those after any failback;
 *   failback  - holds are void until the service has its best backend; the
 *               agent then takes the order out of the database.
 *
 * What a server's agent says (agent-words.h): "down" and the like make a
 * backend unusable, "drain", "maint" and a weight of 0 give it no new
 * connections, as the order to drain; other weights and limits take the place
 * of the configured ones.
 * A load at its limit (max_cpu) gives it no new connections, either, while
 * something else is left; it has them again from 9/10 of that on.
 *
 * After a restart what the database remembers stays in force for a grace time
 * or until facts confirm or refute it.  Silence alone refutes nothing then.
 *
 * Threads: main thread.  Time: *_us, CLOCK_MONOTONIC. */

#ifndef TPR_POLICY_H
#define TPR_POLICY_H 1

#include <stdbool.h>
#include <stdint.h>
#include "model.h"

/* Why a backend is not usable, or a service's choice is what it is.  The
 * strings are what 'show' prints. */
#define POLICY_REASONS                                              \
    POLICY_REASON(OK, "usable")                                     \
    POLICY_REASON(REGION_DOWN, "region down")                       \
    POLICY_REASON(REGION_UNKNOWN, "region not yet proven alive")    \
    POLICY_REASON(CHECK_DOWN, "health check fails")                 \
    POLICY_REASON(CHECK_UNKNOWN, "health check not yet passed")     \
    POLICY_REASON(AGENT_DOWN, "its agent says it is down")          \
    POLICY_REASON(MAINTENANCE, "in maintenance by its agent")       \
    POLICY_REASON(DRAINING, "draining")                             \
    POLICY_REASON(DAMPED, "held down after flapping")               \
    POLICY_REASON(LOADED, "its processors are busy")                \
    POLICY_REASON(NO_MAC, "MAC address not resolved")               \
    POLICY_REASON(NO_PORT, "switch has no such port")               \
    POLICY_REASON(PANIC, "too many failed at once")
enum policy_reason {
#define POLICY_REASON(ENUM, SENTENCE) POLICY_##ENUM,
    POLICY_REASONS
#undef POLICY_REASON
};
const char *policy_reason_to_string(enum policy_reason);

/* How a service came to its active backend. */
enum policy_mode {
    POLICY_MODE_AUTO,           /* By priority. */
    POLICY_MODE_MANUAL,         /* 'failover' intent in force. */
    POLICY_MODE_HELD,           /* A better one is up: failback is manual or
                                 * its hold time runs. */
    POLICY_MODE_DAMPED,         /* Held down after flapping, but alive, and
                                 * nothing else is left. */
    POLICY_MODE_LOADED,         /* Busy, and nothing else is left. */
    POLICY_MODE_PANIC,          /* Kept because too many failed at once. */
    POLICY_MODE_STARTING,       /* Nothing is proven yet: hands off. */
};
const char *policy_mode_to_string(enum policy_mode);

/* A transition of a service, region or backend, for history, log, notify. */
struct policy_change {
    enum { POLICY_REGION, POLICY_BACKEND, POLICY_SERVICE,
           POLICY_AGENT } what;
    const void *object;         /* struct tpr_region, _backend or _service;
                                 * NULL for POLICY_AGENT (panic). */
    const char *from, *to;      /* State or backend's name; static or owned by
                                 * the configuration. */
    char *cause;                /* One clause, malloc'd. */
    const struct tpr_region *culprit;   /* SERVICE: the region behind it. */
    long long int decided_us, last_beat_us;     /* last_beat 0: none. */
};

struct policy;

struct policy *policy_create(void);
struct policy *policy_clone(const struct policy *);
void policy_destroy(struct policy *);

/* Facts.  Regions and backends are known by their configuration's name; a new
 * configuration keeps the state of what has the same name. */
void policy_set_config(struct policy *, const struct tpr_config *,
                       long long int now_us);
void policy_set_now_wall(struct policy *, long long int now_ms);
void policy_region(struct policy *, const struct tpr_region *,
                   enum heartbeat_state, enum heartbeat_cause,
                   unsigned int missed, long long int last_beat_us,
                   long long int now_us);
void policy_backend_check(struct policy *, const struct tpr_backend *,
                          bool up, const char *cause,
                          long long int last_good_us, long long int now_us);
bool policy_backend_agent(struct policy *, const struct tpr_backend *,
                          const struct agent_words *);
void policy_backend_words(const struct policy *, const struct tpr_backend *,
                          struct agent_words *);
void policy_backend_reachable(struct policy *, const struct tpr_backend *,
                              bool has_port, bool has_mac);

/* Decisions. */
void policy_run(struct policy *, long long int now_us);
long long int policy_deadline(const struct policy *);
bool policy_next_change(struct policy *, struct policy_change *);

const struct tpr_backend *policy_active(const struct policy *,
                                        const struct tpr_service *,
                                        enum policy_mode *,
                                        long long int *since_us);
enum policy_reason policy_usable(const struct policy *,
                                 const struct tpr_backend *);
enum heartbeat_state policy_region_state(const struct policy *,
                                         const struct tpr_region *,
                                         bool *draining,
                                         long long int *hold_until_us,
                                         long long int *since_us);
const char *policy_region_reason(const struct policy *,
                                 const struct tpr_region *);
const char *policy_service_reason(const struct policy *,
                                  const struct tpr_service *);
enum tpr_backend_state policy_backend_state(const struct policy *,
                                            const struct tpr_backend *,
                                            long long int *since_us);
bool policy_reweighed(struct policy *);
unsigned int policy_weight(const struct policy *, const struct tpr_backend *);
uint32_t policy_limit(const struct policy *, const struct tpr_backend *);
bool policy_is_drained(const struct policy *, const struct tpr_backend *);
bool policy_is_elsewhere(const struct policy *, const struct tpr_service *,
                         const struct tpr_backend *);
bool policy_owner_answers(const struct policy *, const struct tpr_service *);
bool policy_on_backup(const struct policy *, const struct tpr_service *);
bool policy_panic(const struct policy *);

#endif /* policy.h */
