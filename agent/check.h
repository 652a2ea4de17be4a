/* SPDX-License-Identifier: Apache-2.0 */

/* Health checks: periodic proof that a backend serves.  And agent-checks: what
 * a server's agent says about it; they are checks in a set of their own.
 *
 * check.c holds the set of all checks, check-probe.c one of them;
 * check-logic.[ch], pure, knows when the next one starts and how many
 * consecutive verdicts make a transition;
 * check-talk.[ch] the socket that checks from the reserved source ports;
 * check-http.c, check-tcp.c, check-udp.c and check-icmp.c one conversation
 * each, behind struct check_class; check-tls.[ch] TLS, check-answer.[ch],
 * pure, whether an answer contains what is expected.
 *
 * A backend whose server dies is "down" after interval * fall + timeout at the
 * latest.  A new backend is "up" with its first good check, that is after one
 * interval and one answer at the latest; one that was down, after 'rise' good
 * checks in a row.  What the database remembers from before a restart stays in
 * force until checks prove something else.
 *
 * Real traffic may say that a backend is dead before its check is due
 * (check_set_suspect(), suspicion.h).  It is then checked at once, and may
 * take no longer for the connection than clients were to wait.  One check that
 * is refused, reset or answered wrongly is enough; one without an answer is
 * followed by another at once, and both must miss it: a server that falls
 * silent is down after three times the bound that clients have, from the
 * client's packet on, and what it takes to look at the datapath (50 ms at
 * most).
 *
 * With 'keepalive' checks of http and https keep their connection, as long as
 * the server does and nothing is in doubt: a backend that is suspect, or whose
 * last check missed, has the next one on a new connection.
 *
 * A failure of our own (no route, no free port, out of memory) is never a
 * miss: the state stays and check_set_complaint() says why.  Nor is silence
 * while there is no way through the switch, which is no complaint, either.
 *
 * Threads: main thread; driven by check_run() and check_wait() in the poll
 * loop, thousands of checks by one heap of deadlines. */

#ifndef TPR_CHECK_H
#define TPR_CHECK_H 1

#include <stdbool.h>
#include <stdint.h>
#include "agent-words.h"
#include "model.h"
#include "suspicion.h"

enum {
    /* Source ports of checks: flows exempt them from redirection.  Outside
     * Linux's default range for ephemeral ports. */
    CHECK_SRC_PORT = 0xf000,
    CHECK_SRC_PORT_MASK = 0xfe00,

    /* A check that suspicion brings forward begins at least so long after the
     * one before. */
    CHECK_EARLY_SPACING_US = 100 * 1000,

    /* So many checks in a row must miss an answer before a backend that is
     * suspect is down; the second one begins when the first one has ended. */
    CHECK_SUSPECT_SILENCES = 2,

    /* Checks that a connection serves at most, if it is kept: so often at
     * least it is proven that the server still accepts any. */
    CHECK_MAX_USES = 100,

    /* Bytes that one check takes at most while nothing is said; a conversation
     * takes a socket and 1 KB more, with TLS some 50 KB, and so does a
     * connection that is kept. */
    CHECK_MEMORY = 2048,
};

enum check_state { CHECK_UNKNOWN, CHECK_UP, CHECK_DOWN };

/* A transition.  'cause' is one clause ("HTTP status 500", "connection
 * refused", "no answer in 100 ms"), owned by the check set until the next
 * call.
 *
 * In a set of agent-checks 'up' tells whether the agent answers, and 'agent',
 * if it has said something new, is all that it has said so far, owned by the
 * check set; nothing at all, if it is another agent from now on. */
struct check_change {
    const struct tpr_backend *backend;
    bool up;
    bool turned;                        /* 'up' is new... */
    bool returned;                      /* ...and it was down before. */
    const struct agent_words *agent;    /* NULL: nothing new. */
    const char *cause;
    long long int last_good_us;         /* 0: never. */
    long long int now_us;
};

struct check_stats {
    enum check_state state;
    uint64_t n_ok, n_failed, n_own_errors;
    long long int latency_us;           /* Of the last good check. */
    long long int late_us;              /* Worst lateness of a start. */
    char last[160];                     /* The last verdict, for people. */
    struct suspicion suspicion;
};

struct check_set;

/* Was there a way through the switch to 'backend', ever since 'since_us'? */
typedef bool check_way_func(void *aux, const struct tpr_backend *backend,
                            long long int since_us);

struct check_set *check_set_create(void);
struct check_set *check_set_create_agents(void);
void check_set_way(struct check_set *, check_way_func *, void *aux);
void check_set_destroy(struct check_set *);
void check_set_configure(struct check_set *, const struct tpr_config *,
                         long long int now_us);
void check_set_run(struct check_set *, long long int now_us);
void check_set_wait(struct check_set *);
bool check_set_next_change(struct check_set *, struct check_change *);
bool check_set_suspect(struct check_set *, const struct tpr_backend *,
                       uint32_t refused, uint32_t silent,
                       long long int bound_us, long long int now_us);
const struct tpr_backend *check_set_trusted(struct check_set *,
                                            long long int now_us);
bool check_set_stats(const struct check_set *, const struct tpr_backend *,
                     struct check_stats *);
const struct agent_words *check_set_agent(const struct check_set *,
                                          const struct tpr_backend *);
const char *check_set_complaint(const struct check_set *,
                                const struct tpr_backend *);

#endif /* check.h */
