/* SPDX-License-Identifier: Apache-2.0 */

/* The set of all health checks: see check.h.
 *
 * A "probe" is one check of one address and port.  Backends whose checks agree
 * in everything share a probe: a server behind a hundred services is asked
 * once, and its verdict is everybody's.
 *
 * All probes stand in one heap by the time of their next deadline: the next
 * start, or the timeout of the conversation under way.  Sockets stand in one
 * epoll descriptor, edge-triggered, which the poll loop watches.  Each run
 * takes a bounded time, so that a region's death never waits behind a thousand
 * checks, or behind what their TLS takes; what is left over has its turn next.
 *
 * The guard against our own stall: check_set_wait() is called when the process
 * is about to sleep and check_set_run() when it woke and whenever it looks;
 * the time between is time in which nobody looked.  A conversation that would
 * time out although we were blind for more than half of its time gets its time
 * once more.  While there are sockets that a run had no time for, we are
 * blind, too. */

#include <config.h>
#include "check-private.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "hash.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "tpr-time.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(check);

enum {
    TURN_US = 1000,             /* Sockets have this in one run, and deadlines
                                 * likewise; the last one may exceed it. */
    MIN_BLIND_US = 2000,        /* Shorter gaps between two looks are none. */
};

static struct probe *
first_probe(const struct check_set *set)
{
    return (heap_is_empty(&set->deadlines) ? NULL
            : CONTAINER_OF(heap_max(&set->deadlines), struct probe,
                           heap_node));
}

/* Life of members. */

static struct probe *
find_probe(const struct check_set *set, const char *key)
{
    struct probe *p;

    HMAP_FOR_EACH_WITH_HASH (p, hmap_node, hash_string(key, 0),
                             &set->probes) {
        if (!strcmp(p->key, key)) {
            return p;
        }
    }
    return NULL;
}

static void
member_leave(struct member *m)
{
    struct probe *p = m->probe;

    if (p) {
        ovs_list_remove(&m->probe_node);
        m->probe = NULL;
        if (ovs_list_is_empty(&p->members)) {
            probe_destroy(p);
        }
    }
}

static void
member_destroy(struct member *m)
{
    member_leave(m);
    if (m->pending) {
        ovs_list_remove(&m->node);
    }
    free(m->complaint);
    free(m);
}

/* Returns true if 'm' does not know yet what its probe has found out. */
static bool
member_has_turned(const struct member *m)
{
    return (m->probe->verdict_us
            && m->probe->logic.state != CHECK_UNKNOWN
            && m->probe->logic.state != m->told);
}

/* The same for what an agent has said. */
static bool
member_has_news(const struct member *m)
{
    return !agent_words_equal(&m->probe->agent, &m->heard);
}

/* Queues a change if there is one for 'm'. */
void
member_queue(struct check_set *set, struct member *m)
{
    if (!m->pending && (member_has_turned(m) || member_has_news(m))) {
        m->pending = true;
        ovs_list_push_back(&set->changed, &m->node);
    }
}

void
member_complain(struct member *m)
{
    const struct probe *p = m->probe;

    free(m->complaint);
    m->complaint = (p->own_error
                    ? xasprintf("%sbackend \"%s\" cannot be %s: %s",
                                p->set->agents ? "the agent of " : "",
                                m->backend->name,
                                p->set->agents ? "asked" : "checked",
                                p->trouble)
                    : NULL);
}

/* Returns a set without checks. */
struct check_set *
check_set_create(void)
{
    struct check_set *set = xzalloc(sizeof *set);

    hmap_init(&set->probes);
    heap_init(&set->deadlines);
    shash_init(&set->members);
    ovs_list_init(&set->changed);
    set->quiet_us = LLONG_MAX;
    set->epfd = epoll_create1(EPOLL_CLOEXEC);
    if (set->epfd < 0) {
        VLOG_FATAL("epoll_create1 failed (%s)", ovs_strerror(errno));
    }
    return set;
}

/* From now on silence counts only if 'way'('aux') says so. */
void
check_set_way(struct check_set *set, check_way_func *way, void *aux)
{
    set->way = way;
    set->way_aux = aux;
}

/* The same for agent-checks. */
struct check_set *
check_set_create_agents(void)
{
    struct check_set *set = check_set_create();

    set->agents = true;
    return set;
}

/* Ends all conversations and frees 'set', which may be NULL. */
void
check_set_destroy(struct check_set *set)
{
    struct shash_node *node;

    if (!set) {
        return;
    }
    SHASH_FOR_EACH (node, &set->members) {
        member_destroy(node->data);
    }
    shash_destroy(&set->members);
    hmap_destroy(&set->probes);
    heap_destroy(&set->deadlines);
    close(set->epfd);
    free(set);
}

/* Configuration. */

/* Returns true if whom 'p' asks is at another address or port. */
static bool
asks_another(const struct probe *p, const struct in6_addr *addr,
             uint16_t port)
{
    return !ipv6_addr_equals(&p->addr, addr) || p->port != port;
}

static void
configure_backend(struct check_set *set, const struct tpr_backend *backend,
                  long long int now_us)
{
    const struct tpr_check *check = backend_check(set, backend);
    struct member *m = shash_find_data(&set->members, backend->name);
    uint16_t port = (check->type == TPR_CHECK_ICMP ? 0
                     : check->port ? check->port : backend->port);
    struct agent_words words;
    struct probe *p;
    char *key;

    if (!m) {
        m = xzalloc(sizeof *m);
        m->told = (set->agents || backend->last_up < 0 ? CHECK_UNKNOWN
                   : backend->last_up ? CHECK_UP : CHECK_DOWN);
        if (set->agents) {
            m->heard = backend->last_agent;
        }
        shash_add(&set->members, backend->name, m);
    }
    m->backend = backend;
    m->seen = true;

    key = probe_key(check, &backend->addr, port);
    if (m->probe && !strcmp(m->probe->key, key)) {
        free(key);
        m->probe->check = check;
        return;
    }
    /* What one agent has said is none of another's. */
    words = m->heard;
    if (m->probe && asks_another(m->probe, &backend->addr, port)) {
        agent_words_init(&words);
    }
    member_leave(m);
    p = find_probe(set, key);
    if (p) {
        free(key);
        p->check = check;
    } else {
        p = probe_create(set, key, m, port, &words, now_us);
    }
    m->probe = p;
    ovs_list_push_back(&p->members, &m->probe_node);
    member_complain(m);
    member_queue(set, m);
}

/* Makes 'config' the configuration in force.  It must live until the next call
 * or check_set_destroy().  A backend keeps its state under its name, and
 * its conversation as long as nothing about its check has changed. */
void
check_set_configure(struct check_set *set, const struct tpr_config *config,
                    long long int now_us)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &set->members) {
        ((struct member *) node->data)->seen = false;
    }
    SHASH_FOR_EACH (node, &config->services) {
        const struct tpr_service *svc = node->data;

        for (size_t i = 0; i < svc->n_backends; i++) {
            if (backend_check(set, svc->backends[i])) {
                configure_backend(set, svc->backends[i], now_us);
            }
        }
    }
    SHASH_FOR_EACH_SAFE (node, &set->members) {
        struct member *m = node->data;

        if (!m->seen) {
            member_destroy(m);
            shash_delete(&set->members, node);
        }
    }
}

/* Running. */

/* One at a time: the kernel keeps what is not asked for. */
static void
run_sockets(struct check_set *set)
{
    const long long int end_us = tpr_now_us() + TURN_US;
    struct epoll_event event;

    set->behind = false;
    while (!set->behind && epoll_wait(set->epfd, &event, 1, 0) > 0) {
        probe_talk(event.data.ptr);
        set->behind = tpr_now_us() >= end_us;
    }
}

static void
run_deadlines(struct check_set *set, long long int now_us)
{
    const long long int end_us = tpr_now_us() + TURN_US;

    do {
        struct probe *p = first_probe(set);

        if (!p || probe_deadline(p) > now_us) {
            break;
        } else if (p->talking) {
            probe_timeout(p);
        } else {
            probe_start(p);
        }
    } while (tpr_now_us() < end_us);
}

/* Should be called at each look at the sockets, and before sleep. */
static void
note_look(struct check_set *set, long long int now_us)
{
    long long int gap_us = set->looked_us ? now_us - set->looked_us : 0;

    if (gap_us >= MIN_BLIND_US || set->behind) {
        set->blind_us += gap_us;
    }
    set->looked_us = now_us;
}

/* Does what is due: goes on with conversations, ends those whose time is over,
 * begins new ones.  Afterwards check_set_next_change() has what follows. */
void
check_set_run(struct check_set *set, long long int now_us)
{
    note_look(set, now_us);
    run_sockets(set);
    run_deadlines(set, now_us);
}

/* Makes the poll loop wake up when check_set_run() has something to do.
 * Should be called right before poll_block(). */
void
check_set_wait(struct check_set *set)
{
    const struct probe *p = first_probe(set);

    if (p) {
        poll_timer_wait_until(DIV_ROUND_UP(probe_deadline(p), 1000));
    }
    if (set->quiet_us != LLONG_MAX) {
        poll_timer_wait_until(set->quiet_us / 1000 + 1);
    }
    poll_fd_wait(set->epfd, POLLIN);
    note_look(set, tpr_now_us());
    if (!set->behind) {
        set->looked_us = 0;
    }
}

/* Stores the next transition in '*change' and returns true, or returns false
 * if there is none.  Should be called until it returns false before the
 * configuration changes. */
bool
check_set_next_change(struct check_set *set, struct check_change *change)
{
    struct member *m;

    LIST_FOR_EACH_POP (m, node, &set->changed) {
        const struct probe *p = m->probe;
        bool turned = member_has_turned(m);
        bool news = member_has_news(m);

        m->pending = false;
        if (turned || news) {
            change->returned = turned && m->told == CHECK_DOWN;
            m->told = p->logic.state;
            m->heard = p->agent;
            change->backend = m->backend;
            change->up = m->told == CHECK_UP;
            change->turned = turned;
            change->agent = news ? &m->heard : NULL;
            change->cause = p->clause;
            change->last_good_us = p->logic.last_good_us;
            change->now_us = p->verdict_us;
            return true;
        }
    }
    return false;
}

static const struct member *
find_member(const struct check_set *set, const struct tpr_backend *backend)
{
    return shash_find_data(&set->members, backend->name);
}

/* Suspicion. */

/* Should be called when real traffic speaks against 'backend': 'refused'
 * connections were refused, 'silent' SYNs had no answer within 'bound_us'.
 * Checks it at once, unless it is down anyway.  Returns true if that is worth
 * a line. */
bool
check_set_suspect(struct check_set *set, const struct tpr_backend *backend,
                  uint32_t refused, uint32_t silent, long long int bound_us,
                  long long int now_us)
{
    struct member *m = shash_find_data(&set->members, backend->name);

    if (!m || m->probe->logic.state == CHECK_DOWN) {
        return false;
    }
    probe_suspect(m->probe, bound_us, now_us);
    return suspicion_note(&m->suspicion, refused, silent, now_us);
}

/* Returns a backend that is not suspect any more, or NULL.  Should be called
 * until it returns NULL. */
const struct tpr_backend *
check_set_trusted(struct check_set *set, long long int now_us)
{
    struct shash_node *node;

    if (now_us < set->quiet_us) {
        return NULL;
    }
    set->quiet_us = LLONG_MAX;
    SHASH_FOR_EACH (node, &set->members) {
        struct member *m = node->data;

        if (suspicion_run(&m->suspicion, now_us)) {
            set->quiet_us = now_us;
            return m->backend;
        }
        set->quiet_us = MIN(set->quiet_us, suspicion_deadline(&m->suspicion));
    }
    return NULL;
}

/* Stores what is known about the check of 'backend' in '*stats'.  Returns
 * false if it has none. */
bool
check_set_stats(const struct check_set *set,
                const struct tpr_backend *backend, struct check_stats *stats)
{
    const struct member *m = find_member(set, backend);
    const struct probe *p;

    memset(stats, 0, sizeof *stats);
    if (!m) {
        return false;
    }
    p = m->probe;
    stats->state = p->logic.state;
    stats->n_ok = p->n_ok;
    stats->n_failed = p->n_failed;
    stats->n_own_errors = p->n_own_errors;
    stats->latency_us = p->latency_us;
    stats->late_us = p->late_us;
    stats->suspicion = m->suspicion;
    ovs_strlcpy(stats->last, p->own_error ? p->trouble : p->clause,
                sizeof stats->last);
    return true;
}

/* Returns what the agent of 'backend' has said so far, owned by 'set', or NULL
 * if it is not asked. */
const struct agent_words *
check_set_agent(const struct check_set *set,
                const struct tpr_backend *backend)
{
    const struct member *m = find_member(set, backend);

    return m && set->agents ? &m->probe->agent : NULL;
}

/* Returns a sentence about why 'backend' cannot be checked, by our own fault,
 * or NULL.  It is valid until the next run. */
const char *
check_set_complaint(const struct check_set *set,
                    const struct tpr_backend *backend)
{
    const struct member *m = find_member(set, backend);

    return m ? m->complaint : NULL;
}
