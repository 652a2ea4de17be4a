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
 * does a bounded amount of work, so that a region's death never waits behind a
 * thousand checks.
 *
 * The guard against our own stall: check_set_wait() is called when the process
 * is about to sleep and check_set_run() when it woke and whenever it looks;
 * the time between is time in which nobody looked.  A conversation that would
 * time out although we were blind for more than half of its time gets its time
 * once more. */

#include <config.h>
#include "check.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "check-logic.h"
#include "check-talk.h"
#include "coverage.h"
#include "hash.h"
#include "heap.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/hmap.h"
#include "openvswitch/list.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "tpr-time.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(check);

COVERAGE_DEFINE(check_good);
COVERAGE_DEFINE(check_miss);
COVERAGE_DEFINE(check_own_error);
COVERAGE_DEFINE(check_excused);

enum {
    MAX_EVENTS = 64,            /* Ready sockets served in one run. */
    MAX_DEADLINES = 64,         /* Starts and timeouts in one run. */
    MIN_BLIND_US = 2000,        /* Shorter gaps between two looks are none. */
};

/* One check of one address and port. */
struct probe {
    struct hmap_node hmap_node; /* In set's 'probes' by key. */
    struct heap_node heap_node; /* In set's 'deadlines'. */
    struct check_set *set;
    char *key;                  /* Everything that members agree in. */
    struct ovs_list members;    /* struct member's 'probe_node'. */

    /* What to do.  'check' belongs to the configuration and to the first
     * member. */
    const struct tpr_check *check;
    struct in6_addr addr;
    uint16_t port;

    /* State. */
    struct check_logic logic;
    long long int start_us;     /* Next start, or present one's. */
    bool talking;
    struct check_talk talk;     /* While 'talking'. */
    unsigned int src_port;      /* Hint. */
    char clause[128];           /* The last verdict's. */
    long long int verdict_us;   /* When it came, 0: never. */
    bool own_error;             /* The last check failed by our fault... */
    char trouble[128];          /* ...and this is why. */

    /* The conversation under way. */
    long long int began_us;     /* When it really began. */
    long long int blind_us;     /* set->blind_us at that time. */
    long long int timeout_us;   /* When it ends, a point in time. */
    bool excused;               /* Has had its time once more. */

    /* Statistics. */
    uint64_t n_ok, n_failed, n_own_errors;
    long long int latency_us, late_us;
};

/* One backend that has a check. */
struct member {
    const struct tpr_backend *backend;
    struct probe *probe;
    struct ovs_list probe_node; /* In probe's 'members'. */
    struct ovs_list node;       /* In set's 'changed', if 'pending'. */
    bool pending;
    bool seen;                  /* In the newest configuration. */
    enum check_state told;      /* What check_set_next_change() said last, or
                                 * the database. */
    char *complaint;            /* NULL: none. */
};

struct check_set {
    struct hmap probes;         /* struct probe. */
    struct heap deadlines;      /* struct probe; soonest is maximum. */
    struct shash members;       /* Backend's name -> struct member. */
    struct ovs_list changed;    /* struct member, oldest first. */
    int epfd;
    long long int looked_us;    /* Last look while awake, 0: asleep. */
    long long int blind_us;     /* Sum of long gaps between looks. */
};

/* Deadlines. */

static uint64_t
deadline_priority(long long int deadline_us)
{
    return UINT64_MAX - (uint64_t) deadline_us;
}

static long long int
probe_deadline(const struct probe *p)
{
    return p->talking ? p->timeout_us : p->start_us;
}

static void
update_deadline(struct probe *p)
{
    heap_change(&p->set->deadlines, &p->heap_node,
                deadline_priority(probe_deadline(p)));
}

static struct probe *
first_probe(const struct check_set *set)
{
    return (heap_is_empty(&set->deadlines) ? NULL
            : CONTAINER_OF(heap_max(&set->deadlines), struct probe,
                           heap_node));
}

/* Life of probes and members. */

/* Names everything by which two checks may differ. */
static char *
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
    return ds_steal_cstr(&s);
}

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
close_talk(struct probe *p)
{
    if (p->talking) {
        /* Explicitly: a child that is being spawned may hold a copy of the
         * descriptor, and then close() alone would not end the events. */
        epoll_ctl(p->set->epfd, EPOLL_CTL_DEL, p->talk.fd, NULL);
        check_talk_close(&p->talk);
        p->talking = false;
    }
}

static void
probe_destroy(struct probe *p)
{
    close_talk(p);
    hmap_remove(&p->set->probes, &p->hmap_node);
    heap_remove(&p->set->deadlines, &p->heap_node);
    free(p->key);
    free(p);
}

/* Makes a probe for 'm', whose knowledge it inherits.  Takes 'key'. */
static struct probe *
probe_create(struct check_set *set, char *key, const struct member *m,
             uint16_t port, long long int now_us)
{
    const struct tpr_check *check = m->backend->check;
    uint32_t hash = hash_string(m->backend->name, 0);
    struct probe *p = xzalloc(sizeof *p);

    p->set = set;
    p->key = key;
    ovs_list_init(&p->members);
    p->check = check;
    p->addr = m->backend->addr;
    p->port = port;
    check_logic_init(&p->logic, m->told);
    p->start_us = check_first_start(hash, check->interval_us, now_us);
    p->src_port = hash;
    hmap_insert(&set->probes, &p->hmap_node, hash_string(key, 0));
    heap_insert(&set->deadlines, &p->heap_node,
                deadline_priority(p->start_us));
    return p;
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

/* Queues a change if 'm' does not know yet what its probe has found out. */
static void
member_queue(struct check_set *set, struct member *m)
{
    const struct probe *p = m->probe;

    if (!m->pending && p->verdict_us && p->logic.state != CHECK_UNKNOWN
        && p->logic.state != m->told) {
        m->pending = true;
        ovs_list_push_back(&set->changed, &m->node);
    }
}

static void
member_complain(struct member *m)
{
    const struct probe *p = m->probe;

    free(m->complaint);
    m->complaint = (p->own_error
                    ? xasprintf("backend \"%s\" cannot be checked: %s",
                                m->backend->name, p->trouble)
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
    set->epfd = epoll_create1(EPOLL_CLOEXEC);
    if (set->epfd < 0) {
        VLOG_FATAL("epoll_create1 failed (%s)", ovs_strerror(errno));
    }
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

static void
configure_backend(struct check_set *set, const struct tpr_backend *backend,
                  long long int now_us)
{
    const struct tpr_check *check = backend->check;
    struct member *m = shash_find_data(&set->members, backend->name);
    uint16_t port = check->port ? check->port : backend->port;
    struct probe *p;
    char *key;

    if (!m) {
        m = xzalloc(sizeof *m);
        m->told = (backend->last_up < 0 ? CHECK_UNKNOWN
                   : backend->last_up ? CHECK_UP : CHECK_DOWN);
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
    member_leave(m);
    p = find_probe(set, key);
    if (p) {
        free(key);
        p->check = check;
    } else {
        p = probe_create(set, key, m, port, now_us);
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
            if (svc->backends[i]->check) {
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

/* Ends the conversation of 'p' and sets up the next one. */
static void
probe_end(struct probe *p, long long int now_us)
{
    close_talk(p);
    p->start_us = check_next_start(p->start_us, p->check->interval_us,
                                   now_us);
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
    probe_end(p, now_us);
}

/* Should be called when the conversation of 'p' has proved something. */
static void
probe_verdict(struct probe *p, bool good, long long int now_us)
{
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
    ovs_strlcpy(p->clause, p->talk.clause, sizeof p->clause);
    check_logic_verdict(&p->logic, p->check, good, now_us);
    LIST_FOR_EACH (m, probe_node, &p->members) {
        member_complain(m);
        member_queue(p->set, m);
    }
    probe_end(p, now_us);
}

static void
probe_judge(struct probe *p, enum check_verdict verdict, long long int now_us)
{
    switch (verdict) {
    case CHECK_TALKING:
        break;
    case CHECK_GOOD:
    case CHECK_MISS:
        probe_verdict(p, verdict == CHECK_GOOD, now_us);
        break;
    case CHECK_OWN_ERROR:
        probe_own_error(p, now_us);
        break;
    }
}

/* Lets the conversation of 'p' go on. */
static void
probe_talk(struct probe *p)
{
    probe_judge(p, check_talk_run(&p->talk, p->check, &p->addr, p->port),
                tpr_now_us());
}

static void
probe_start(struct probe *p)
{
    struct epoll_event event = {
        .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
        .data.ptr = p,
    };
    long long int now_us = tpr_now_us();
    enum check_verdict verdict;

    p->late_us = MAX(p->late_us, now_us - p->start_us);
    p->began_us = now_us;
    p->timeout_us = now_us + p->check->timeout_us;
    p->blind_us = p->set->blind_us;
    p->excused = false;
    verdict = check_talk_open(&p->talk, p->check, &p->addr, p->port,
                              &p->src_port);
    if (verdict != CHECK_TALKING) {
        probe_judge(p, verdict, now_us);
        return;
    }
    p->talking = true;
    if (epoll_ctl(p->set->epfd, EPOLL_CTL_ADD, p->talk.fd, &event)) {
        snprintf(p->talk.clause, sizeof p->talk.clause,
                 "cannot watch its socket (%s)", ovs_strerror(errno));
        probe_own_error(p, now_us);
        return;
    }
    update_deadline(p);
}

/* Should be called when the conversation of 'p' has had its time: ends it,
 * unless it was us who were away. */
static void
probe_timeout(struct probe *p)
{
    long long int now_us = tpr_now_us();
    long long int blind_us = (p->set->blind_us - p->blind_us
                              + MAX(0, now_us - p->timeout_us));

    if (!p->excused && blind_us > p->check->timeout_us / 2) {
        COVERAGE_INC(check_excused);
        p->excused = true;
        p->timeout_us = now_us + p->check->timeout_us;
        update_deadline(p);
        return;
    }
    check_talk_timeout(&p->talk, p->check);
    probe_verdict(p, false, now_us);
}

static void
run_sockets(struct check_set *set)
{
    struct epoll_event events[MAX_EVENTS];
    int n = epoll_wait(set->epfd, events, MAX_EVENTS, 0);

    for (int i = 0; i < n; i++) {
        probe_talk(events[i].data.ptr);
    }
}

static void
run_deadlines(struct check_set *set, long long int now_us)
{
    for (int i = 0; i < MAX_DEADLINES; i++) {
        struct probe *p = first_probe(set);

        if (!p || probe_deadline(p) > now_us) {
            break;
        } else if (p->talking) {
            probe_timeout(p);
        } else {
            probe_start(p);
        }
    }
}

/* Should be called at each look at the sockets, and before sleep. */
static void
note_look(struct check_set *set, long long int now_us)
{
    long long int gap_us = set->looked_us ? now_us - set->looked_us : 0;

    if (gap_us >= MIN_BLIND_US) {
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
    poll_fd_wait(set->epfd, POLLIN);
    note_look(set, tpr_now_us());
    set->looked_us = 0;
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

        m->pending = false;
        if (p->logic.state != m->told) {
            m->told = p->logic.state;
            change->backend = m->backend;
            change->up = m->told == CHECK_UP;
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
    ovs_strlcpy(stats->last, p->own_error ? p->trouble : p->clause,
                sizeof stats->last);
    return true;
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
