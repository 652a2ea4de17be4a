/* SPDX-License-Identifier: Apache-2.0 */

/* The journal: every transition becomes one log line, one history entry and
 * one run of each notify hook.
 *
 * Entries are kept in memory up to the configured limit; status.c writes them
 * into the database and reads those of earlier lives back.
 *
 * A failure that moves many services is one line about the region; beyond
 * JOURNAL_SERVICES_MAX services in one go their own lines are summed up in it.
 *
 * Threads: main thread. */

#ifndef TPR_JOURNAL_H
#define TPR_JOURNAL_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json;
struct policy_change;
struct tpr_config;

enum { JOURNAL_SERVICES_MAX = 32 };

/* Events have stable ids: programs may look for them in the log. */
#define JOURNAL_EVENTS                                                      \
    JOURNAL_EVENT(REGION_DOWN, "TPR-101", "region down")                    \
    JOURNAL_EVENT(REGION_UP, "TPR-102", "region up")                        \
    JOURNAL_EVENT(STALL_EXCUSED, "TPR-103", "our own stall excused")        \
    JOURNAL_EVENT(BACKEND_DOWN, "TPR-201", "backend down")                  \
    JOURNAL_EVENT(BACKEND_UP, "TPR-202", "backend up")                      \
    JOURNAL_EVENT(BACKEND_SUSPECT, "TPR-203", "backend suspect")            \
    JOURNAL_EVENT(BACKEND_TRUSTED, "TPR-204", "backend no longer suspect")  \
    JOURNAL_EVENT(BACKEND_DRAINED, "TPR-205", "backend's drain timeout over") \
    JOURNAL_EVENT(AGENT_SAYS, "TPR-211", "a server's agent says")           \
    JOURNAL_EVENT(AGENT_SILENT, "TPR-212", "a server's agent is silent")    \
    JOURNAL_EVENT(AGENT_ANSWERS, "TPR-213", "a server's agent answers")     \
    JOURNAL_EVENT(SERVICE_MOVED, "TPR-301", "service moved")                \
    JOURNAL_EVENT(SERVICE_DOWN, "TPR-302", "service has no backend")        \
    JOURNAL_EVENT(SERVICE_UP, "TPR-303", "service has a backend")           \
    JOURNAL_EVENT(INTENT_BEGIN, "TPR-401", "operator's order")              \
    JOURNAL_EVENT(INTENT_END, "TPR-402", "operator's order ended")          \
    JOURNAL_EVENT(PANIC_BEGIN, "TPR-501", "panic threshold exceeded")       \
    JOURNAL_EVENT(PANIC_END, "TPR-502", "panic ended")                      \
    JOURNAL_EVENT(START, "TPR-503", "agent started")

enum journal_event {
#define JOURNAL_EVENT(ENUM, ID, TITLE) JOURNAL_##ENUM,
    JOURNAL_EVENTS
#undef JOURNAL_EVENT
    JOURNAL_N_EVENTS
};
const char *journal_event_id(enum journal_event);

struct journal_entry {
    uint64_t seq;               /* Grows by 1. */
    int64_t when_ms;            /* Wall clock of the decision. */
    long long int last_beat_us; /* Last good beat or check, 0: none. */
    long long int decided_us;
    long long int applied_us;   /* Switch confirmed, 0: not or not needed. */
    char *event;                /* Id, "TPR-101". */
    char *object;               /* "region r1". */
    char *from, *to;
    char *reason;               /* Clauses. */
};

struct journal;

struct journal *journal_create(void);
void journal_destroy(struct journal *);
void journal_configure(struct journal *, const struct tpr_config *);
void journal_run(struct journal *);
void journal_wait(struct journal *);

void journal_report(struct journal *, const struct policy_change *, size_t n,
                    long long int applied_us);
void journal_excused(struct journal *, const char *region,
                     long long int late_us, long long int now_us);
void journal_note(struct journal *, enum journal_event, const char *object,
                  const char *from, const char *to, const char *reason);

/* For status.c and show.c. */
const char *journal_boot_id(const struct journal *);
uint64_t journal_written(const struct journal *);
void journal_set_written(struct journal *, uint64_t seq);
bool journal_has_unwritten(const struct journal *);
const struct journal_entry *journal_first(const struct journal *,
                                          uint64_t after);
const struct journal_entry *journal_next(const struct journal *,
                                         const struct journal_entry *);
void journal_load(struct journal *, const struct journal_entry *);
void journal_load_done(struct journal *);
struct json *journal_entry_to_json(const struct journal_entry *);

#define JOURNAL_FOR_EACH_UNWRITTEN(ENTRY, JOURNAL)                      \
    for ((ENTRY) = journal_first(JOURNAL, journal_written(JOURNAL));    \
         (ENTRY); (ENTRY) = journal_next(JOURNAL, ENTRY))
#define JOURNAL_FOR_EACH(ENTRY, JOURNAL)                                \
    for ((ENTRY) = journal_first(JOURNAL, 0); (ENTRY);                  \
         (ENTRY) = journal_next(JOURNAL, ENTRY))

#endif /* journal.h */
