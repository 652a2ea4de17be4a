/* SPDX-License-Identifier: Apache-2.0 */

/* One check of one address and port, a "probe": see check.c.
 *
 * A probe whose backend is suspect has an early start beside its next regular
 * one, and the time it has for the connection is the bound by which traffic
 * made it suspect ("hurried"); once it is connected, it has its own.
 *
 * Between two conversations a probe may keep its connection. */

#include <config.h>
#include "check-private.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include "coverage.h"
#include "hash.h"
#include "openvswitch/dynamic-string.h"
#include "tpr-time.h"
#include "util.h"

COVERAGE_DEFINE(check_good);
COVERAGE_DEFINE(check_miss);
COVERAGE_DEFINE(check_own_error);
COVERAGE_DEFINE(check_excused);
COVERAGE_DEFINE(check_suspect);

/* Deadlines. */

static uint64_t
deadline_priority(long long int deadline_us)
{
    return UINT64_MAX - (uint64_t) deadline_us;
}

long long int
probe_deadline(const struct probe *p)
{
    return p->talking ? p->timeout_us : MIN(p->start_us, p->early_us);
}

static void
update_deadline(struct probe *p)
{
    heap_change(&p->set->deadlines, &p->heap_node,
                deadline_priority(probe_deadline(p)));
}

/* Life. */

/* Nothing is something else than no bytes. */
static void
put_bytes(struct ds *s, const struct tpr_bytes *bytes)
{
    ds_put_char(s, ' ');
    if (bytes->data) {
        ds_put_char(s, '"');
        tpr_put_escaped(s, bytes->data, bytes->n);
    }
}

/* Names everything by which two checks may differ. */
char *
probe_key(const struct tpr_check *check, const struct in6_addr *addr,
          uint16_t port)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    ipv6_format_mapped(addr, &s);
    ds_put_format(&s, " %"PRIu16" %d %lld %lld %u %u %"PRIu16" %"PRIu16
                  " %s %s", port, check->type, check->interval_us,
                  check->timeout_us, check->fall, check->rise,
                  check->expect_min, check->expect_max,
                  check->path ? check->path : "/",
                  check->host ? check->host : "");
    ds_put_format(&s, " %lld %d %d %s %s", check->fast_us, check->keepalive,
                  check->no_verify,
                  check->sni ? check->sni : "",
                  check->ca_file ? check->ca_file : "");
    put_bytes(&s, &check->send);
    put_bytes(&s, &check->expect);
    return ds_steal_cstr(&s);
}
static void
close_talk(struct probe *p)
{
    if (p->talking || p->kept) {
        /* Explicitly: a child that is being spawned may hold a copy of the
         * descriptor, and then close() alone would not end the events. */
        epoll_ctl(p->set->epfd, EPOLL_CTL_DEL, p->talk.fd, NULL);
        check_talk_close(&p->talk);
        p->talking = p->kept = false;
    }
}

void
probe_destroy(struct probe *p)
{
    close_talk(p);
    hmap_remove(&p->set->probes, &p->hmap_node);
    heap_remove(&p->set->deadlines, &p->heap_node);
    free(p->key);
    free(p);
}
/* Makes a probe for 'm', whose state it inherits, and 'words' that its agent
 * has said.  Takes 'key'. */
struct probe *
probe_create(struct check_set *set, char *key, const struct member *m,
             uint16_t port, const struct agent_words *words,
             long long int now_us)
{
    const struct tpr_check *check = backend_check(set, m->backend);
    uint32_t hash = hash_string(m->backend->name, 0);
    struct probe *p = xzalloc(sizeof *p);

    p->set = set;
    p->key = key;
    ovs_list_init(&p->members);
    p->check = check;
    p->addr = m->backend->addr;
    p->port = port;
    p->hash = hash;
    p->agent = *words;
    check_logic_init(&p->logic, m->told);
    p->start_us = check_first_start(hash, check->interval_us, now_us);
    p->early_us = LLONG_MAX;
    p->src_port = hash;
    hmap_insert(&set->probes, &p->hmap_node, hash_string(key, 0));
    heap_insert(&set->deadlines, &p->heap_node,
                deadline_priority(p->start_us));
    return p;
}
/* Running. */

/* Ends the conversation of 'p', and its connection unless 'keep', and sets up
 * the next one. */
static void
probe_end(struct probe *p, bool keep, long long int now_us)
{
    if (keep) {
        p->talking = false;
        p->kept = true;
    } else {
        close_talk(p);
    }
    if (p->regular) {
        p->start_us = check_logic_next_start(&p->logic, p->check, p->hash,
                                             p->start_us, now_us);
    }
    update_deadline(p);
}

/* Should be called when the conversation of 'p' has failed by our own
 * fault. */
static void
probe_own_error(struct probe *p, long long int now_us)
{
    struct member *m;

    COVERAGE_INC(check_own_error);
    p->n_own_errors++;
    p->own_error = true;
    ovs_strlcpy(p->trouble, p->talk.clause, sizeof p->trouble);
    LIST_FOR_EACH (m, probe_node, &p->members) {
        member_complain(m);
    }
    probe_end(p, false, now_us);
}

/* Tells what the verdict of 'p' at 'now_us' means for suspicion: a good one
 * ends it, unless it is of a conversation that began before; who was silent is
 * asked once more. */
static void
probe_clear(struct probe *p, bool good, long long int now_us)
{
    struct member *m;

    if (good && p->began_us < p->suspect_us) {
        check_logic_suspect(&p->logic);
        return;
    }
    p->early_us = p->logic.suspect ? now_us + 1 : LLONG_MAX;
    LIST_FOR_EACH (m, probe_node, &p->members) {
        if (good) {
            suspicion_good(&m->suspicion);
            p->set->quiet_us = MIN(p->set->quiet_us,
                                   suspicion_deadline(&m->suspicion));
        } else if (p->logic.state == CHECK_DOWN) {
            suspicion_down(&m->suspicion);
        }
    }
}

/* May 'p', whose check was good, keep its connection?  What is in doubt needs
 * the proof that a new one is. */
static bool
may_keep(struct probe *p)
{
    return (p->check->keepalive && p->logic.state == CHECK_UP
            && !p->logic.suspect && !check_logic_in_doubt(&p->logic)
            && check_talk_keep(&p->talk, false));
}

/* Should be called when the conversation of 'p' has proved something. */
static void
probe_verdict(struct probe *p, enum check_proof proof, long long int now_us)
{
    bool good = proof == CHECK_PROOF_GOOD;
    bool suspect = p->logic.suspect;
    struct member *m;

    if (good) {
        COVERAGE_INC(check_good);
        p->n_ok++;
        p->latency_us = now_us - p->began_us;
    } else {
        COVERAGE_INC(check_miss);
        p->n_failed++;
    }
    p->own_error = false;
    p->verdict_us = now_us;
    snprintf(p->clause, sizeof p->clause, "%s%s", p->talk.clause,
             !good && suspect ? ", after clients met the same" : "");
    check_logic_verdict(&p->logic, p->check, proof, now_us);
    if (good && p->talk.said) {
        agent_words_merge(&p->agent, p->talk.said);
    }
    probe_clear(p, good, now_us);
    LIST_FOR_EACH (m, probe_node, &p->members) {
        member_complain(m);
        member_queue(p->set, m);
    }
    probe_end(p, good && may_keep(p), now_us);
}

static void
probe_judge(struct probe *p, enum check_verdict verdict, long long int now_us)
{
    switch (verdict) {
    case CHECK_TALKING:
        break;
    case CHECK_GOOD:
        probe_verdict(p, CHECK_PROOF_GOOD, now_us);
        break;
    case CHECK_MISS:
        probe_verdict(p, CHECK_PROOF_BAD, now_us);
        break;
    case CHECK_SILENCE:
        probe_verdict(p, CHECK_PROOF_SILENCE, now_us);
        break;
    case CHECK_OWN_ERROR:
        probe_own_error(p, now_us);
        break;
    }
}

/* Gives the conversation of 'p' 'limit_us' from its begin. */
static void
probe_limit(struct probe *p, long long int limit_us)
{
    p->limit_us = limit_us;
    p->timeout_us = p->began_us + limit_us;
    update_deadline(p);
}

/* Opens a connection for the conversation of 'p'. */
static enum check_verdict
probe_open(struct probe *p)
{
    struct epoll_event event = {
        .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
        .data.ptr = p,
    };
    enum check_verdict verdict = check_talk_open(&p->talk, p->check, &p->addr,
                                                 p->port, &p->src_port);

    if (verdict == CHECK_TALKING) {
        p->talking = true;
        if (epoll_ctl(p->set->epfd, EPOLL_CTL_ADD, p->talk.fd, &event)) {
            return check_talk_own_error(&p->talk,
                                        "cannot watch its socket (%s)",
                                        ovs_strerror(errno));
        }
    }
    return verdict;
}

/* Should be called when the socket of 'p' is ready: lets the conversation go
 * on, or notes what happened to the connection that is kept. */
void
probe_talk(struct probe *p)
{
    enum check_verdict verdict;

    if (p->kept) {
        if (!check_talk_keep(&p->talk, true)) {
            close_talk(p);
        }
        return;
    }
    verdict = check_talk_run(&p->talk, p->check, &p->addr, p->port);
    if (p->talk.stale) {
        close_talk(p);
        verdict = probe_open(p);
    }
    if (verdict == CHECK_TALKING && p->hurried && p->talk.connected) {
        p->hurried = false;
        probe_limit(p, p->check->timeout_us);
    }
    probe_judge(p, verdict, tpr_now_us());
}

/* Begins a conversation of 'p'. */
void
probe_start(struct probe *p)
{
    long long int now_us = tpr_now_us();

    p->late_us = MAX(p->late_us, now_us - MIN(p->start_us, p->early_us));
    p->regular = p->start_us <= now_us;
    p->early_us = LLONG_MAX;
    p->began_us = now_us;
    p->hurried = p->logic.suspect && p->bound_us < p->check->timeout_us;
    p->limit_us = p->hurried ? p->bound_us : p->check->timeout_us;
    p->timeout_us = now_us + p->limit_us;
    p->blind_us = p->set->blind_us;
    p->excused = false;
    if (p->kept && !p->logic.suspect && check_talk_again(&p->talk)) {
        p->kept = false;
        p->talking = true;
        update_deadline(p);
        probe_talk(p);
        return;
    }
    close_talk(p);
    probe_judge(p, probe_open(p), now_us);
    if (p->talking) {
        update_deadline(p);
    }
}

/* Could packets of the conversation pass through the switch?  All members of
 * 'p' have the same address: one is as good as the other. */
static bool
has_way(const struct probe *p)
{
    const struct member *m = CONTAINER_OF(ovs_list_front(&p->members),
                                          struct member, probe_node);

    return (!p->set->way
            || p->set->way(p->set->way_aux, m->backend, p->began_us));
}

/* Ends the conversation of 'p', which has had its time, unless it was us who
 * were away. */
static void
probe_give_up(struct probe *p)
{
    long long int now_us = tpr_now_us();
    long long int blind_us = (p->set->blind_us - p->blind_us
                              + MAX(0, now_us - p->timeout_us));

    if (!p->excused && blind_us > p->limit_us / 2) {
        COVERAGE_INC(check_excused);
        p->excused = true;
        p->timeout_us = now_us + p->limit_us;
        update_deadline(p);
        return;
    }
    if (!has_way(p)) {
        /* No verdict, and no complaint: others say that the switch is away,
         * and a moment after it is back nobody needs to. */
        COVERAGE_INC(check_own_error);
        p->n_own_errors++;
        probe_end(p, false, now_us);
        return;
    }
    probe_judge(p, check_talk_timeout(&p->talk, p->check, p->limit_us),
                now_us);
}

/* Should be called when the conversation of 'p' has had its time. */
void
probe_timeout(struct probe *p)
{
    if (p->set->behind) {
        probe_talk(p);          /* What we had no time to look at counts. */
    }
    if (p->talking && probe_deadline(p) <= tpr_now_us()) {
        probe_give_up(p);
    }
}

/* Brings the check of 'p' forward: clients were to wait no longer than
 * 'bound_us'. */
void
probe_suspect(struct probe *p, long long int bound_us, long long int now_us)
{
    COVERAGE_INC(check_suspect);
    check_logic_suspect(&p->logic);
    p->suspect_us = now_us;
    p->bound_us = bound_us;
    p->early_us = MIN(p->early_us, check_early_start(p->began_us, now_us));
    if (p->talking && !p->talk.connected && !p->hurried
        && now_us + bound_us < p->timeout_us) {
        p->hurried = true;
        probe_limit(p, now_us + bound_us - p->began_us);
    } else {
        update_deadline(p);
    }
}
