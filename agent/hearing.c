/* SPDX-License-Identifier: Apache-2.0 */

/* What servers' agents say: see hearing.h. */

#include <config.h>
#include "hearing.h"

#include <limits.h>
#include <stdlib.h>
#include "agent-words.h"
#include "check.h"
#include "coverage.h"
#include "journal.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "policy.h"
#include "say-limit.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(hearing);

COVERAGE_DEFINE(agent_check_words);
COVERAGE_DEFINE(agent_check_left_out);

/* The agent of a backend that has said something lately. */
struct speaker {
    struct say_limit limit;
    enum journal_event event;   /* What waits, if anything does... */
    char *clause;               /* ...or NULL. */
};

struct hearing {
    struct shash speakers;      /* Backend's name -> struct speaker. */
};

struct hearing *
hearing_create(void)
{
    struct hearing *h = xzalloc(sizeof *h);

    shash_init(&h->speakers);
    return h;
}

static void
speaker_destroy(struct speaker *s)
{
    free(s->clause);
    free(s);
}

/* NULL is allowed. */
void
hearing_destroy(struct hearing *h)
{
    struct shash_node *node;

    if (h) {
        SHASH_FOR_EACH (node, &h->speakers) {
            speaker_destroy(node->data);
        }
        shash_destroy(&h->speakers);
        free(h);
    }
}

/* ## Lines. ## */

static void
write_line(struct journal *j, const char *backend, enum journal_event event,
           const char *clause)
{
    char *object = xasprintf("backend %s", backend);

    journal_note(j, event, object, "", "", clause);
    free(object);
}

/* Writes a line about the agent of 'backend', now or later. */
static void
note(struct hearing *h, struct journal *j, const char *backend,
     enum journal_event event, const char *clause, long long int now_us)
{
    struct speaker *s = shash_find_data(&h->speakers, backend);

    if (!s) {
        s = xzalloc(sizeof *s);
        shash_add(&h->speakers, backend, s);
    }
    if (say_limit_take(&s->limit, now_us)) {
        write_line(j, backend, event, clause);
    } else {
        COVERAGE_INC(agent_check_left_out);
        s->event = event;
        free(s->clause);
        s->clause = xstrdup(clause);
    }
}

/* Writes what has waited for long enough. */
static void
run_speakers(struct hearing *h, struct journal *j, long long int now_us)
{
    struct shash_node *node;

    SHASH_FOR_EACH_SAFE (node, &h->speakers) {
        struct speaker *s = node->data;
        uint64_t n;

        if (say_limit_run(&s->limit, now_us, &n)) {
            char *clause = (n > 1
                            ? xasprintf("%s, after %"PRIu64" changes of it "
                                        "that are not listed", s->clause,
                                        n - 1)
                            : xstrdup(s->clause));

            write_line(j, node->name, s->event, clause);
            free(clause);
        } else if (say_limit_is_idle(&s->limit, now_us)) {
            speaker_destroy(s);
            shash_delete(&h->speakers, node);
        }
    }
}

/* ## Words. ## */

/* What words mean for new connections. */
enum meaning { USE, DRAIN, MAINT, DOWN };

static enum meaning
meaning_of(const struct agent_words *words)
{
    return (agent_words_is_down(words) ? DOWN
            : words->admin == AGENT_ADMIN_MAINT ? MAINT
            : agent_words_is_draining(words) ? DRAIN
            : USE);
}

/* An agent has said something new. */
static void
hear(struct hearing *h, const struct hearing_env *env,
     const struct check_change *change, long long int now_us, bool *reset)
{
    static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(10, 10);
    const char *backend = change->backend->name;
    const struct agent_words *said = change->agent;
    struct ds s = DS_EMPTY_INITIALIZER;
    struct agent_words before;

    COVERAGE_INC(agent_check_words);
    policy_backend_words(env->policy, change->backend, &before);
    if (policy_backend_agent(env->policy, change->backend, said)) {
        *reset = true;
    }
    agent_words_put(said, &s);
    VLOG_DBG_RL(&rl, "backend %s: its agent says \"%s\"", backend,
                ds_cstr(&s));
    if (meaning_of(said) != meaning_of(&before)) {
        char *clause = (s.length
                        ? xasprintf("its agent says \"%s\"", ds_cstr(&s))
                        : xstrdup("it has another agent, which has said "
                                  "nothing yet"));

        note(h, env->journal, backend, JOURNAL_AGENT_SAYS, clause, now_us);
        free(clause);
    }
    ds_destroy(&s);
}

/* Takes what agent-checks have found out.  Returns true if anything has
 * changed that people see; '*reset' becomes true if the datapath must learn of
 * it. */
bool
hearing_collect(struct hearing *h, const struct hearing_env *env,
                long long int now_us, bool *reset)
{
    struct check_change change;
    bool changed = false;

    check_set_run(env->agents, now_us);
    while (check_set_next_change(env->agents, &change)) {
        if (change.agent) {
            hear(h, env, &change, now_us, reset);
        }
        if (change.turned && (!change.up || change.returned)) {
            note(h, env->journal, change.backend->name,
                 change.up ? JOURNAL_AGENT_ANSWERS : JOURNAL_AGENT_SILENT,
                 change.cause, now_us);
        }
        changed = true;
    }
    run_speakers(h, env->journal, now_us);
    return changed;
}

/* Wakes the poll loop when there is something to write. */
void
hearing_wait(const struct hearing *h)
{
    const struct shash_node *node;
    long long int deadline_us = LLONG_MAX;

    SHASH_FOR_EACH (node, &h->speakers) {
        const struct speaker *s = node->data;

        deadline_us = MIN(deadline_us, say_limit_deadline(&s->limit));
    }
    if (deadline_us != LLONG_MAX) {
        poll_timer_wait_until(deadline_us / 1000 + 1);
    }
}
