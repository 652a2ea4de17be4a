/* SPDX-License-Identifier: Apache-2.0 */

/* The heartbeat thread and its door to the main thread: see hb-thread.h.
 *
 * The file has two halves.  The first runs on the heartbeat thread: sleep,
 * note lateness, take orders, read beats, judge, send, tell.  The second is
 * what the main thread calls.  They share the queues, the published statistics
 * and nothing else.
 *
 * At most 64 sessions: going through all of them at each wake-up costs less
 * than one system call, so there is no heap of deadlines. */

#include <config.h>
#include "hb-thread.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include "hb-io.h"
#include "hb-session.h"
#include "liveness.h"
#include "openvswitch/vlog.h"
#include "spsc.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(hb_thread);

enum {
    MAX_HUBS = 4,               /* Receiving UDP sockets. */
    N_COMMANDS = 512,
    N_FACTS = 4096,
    STACK_SIZE = 256 * 1024,
};

/* An order to the heartbeat thread. */
struct command {
    enum {
        COMMAND_SET,
        COMMAND_REMOVE,
        COMMAND_LINK,
        COMMAND_ADMIN,
        COMMAND_HUB,
        COMMAND_QUIT,
    } type;
    uint32_t id;                /* Session; HUB: number of the hub. */
    bool flag;                  /* LINK: up; ADMIN: down. */
    enum bfd_diag diag;         /* ADMIN. */
    struct hb_io io;            /* SET, HUB: ownership goes along. */
    int hub;                    /* SET. */
    uint32_t discr;             /* SET. */
    uint64_t seed;              /* SET. */
    struct hb_session_config cfg;   /* SET. */
};

/* A struct that one thread writes and others copy out whole: a sequence lock.
 * 'seqno' is odd while it is being written. */
enum { STATS_WORDS = DIV_ROUND_UP(sizeof(struct hb_stats), 8) };
struct published {
    unsigned int seqno;
    uint64_t words[STATS_WORDS];
};

/* Facts that found the queue full: the newest of each kind, in order UP or
 * DOWN, EXCUSED, SESSION, ERROR. */
enum { N_HELD = 4 };
struct held {
    struct hb_fact facts[N_HELD];
    unsigned int mask;
};

struct hb_thread {
    /* Constant. */
    struct liveness *liveness;  /* May be NULL. */
    unsigned int max;
    pthread_t thread;
    int epoll_fd, timer_fd;
    int command_fd;             /* Wakes the heartbeat thread. */
    int fact_fd;                /* Wakes the main thread. */

    /* Between the threads. */
    struct spsc commands, facts;
    struct spsc retired;        /* Descriptors for the main thread to close,
                                 * which may take milliseconds. */
    bool holding;               /* Some facts are held back: the main thread
                                 * wakes us when it has made room. */
    struct published *published;        /* 'max' of them. */
    struct hb_thread_stats self;        /* Single words, atomic access. */

    /* The heartbeat thread's own. */
    struct hb_session *sessions;        /* 'max' of them. */
    struct held *held;                  /* 'max' of them. */
    struct epoll_event *events;         /* 'max_events' of them. */
    int max_events;
    struct hb_io hubs[MAX_HUBS];
    unsigned int n_hubs;
    struct hb_rx rx;
    long long int planned_us;   /* When we asked to be woken. */
    bool told;                  /* A fact was queued since the last wake. */
    bool quit;

    /* The main thread's own. */
    struct in6_addr hub_local[MAX_HUBS];
    char hub_ifname[MAX_HUBS][IFNAMSIZ];
    unsigned int n_known_hubs;
};

/* epoll's data: a session's number, or one of these. */
enum {
    EVENT_HUB = 0x10000,        /* Plus the number of the hub. */
    EVENT_TIMER = 0x20000,
    EVENT_COMMAND,
};

static long long int
now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

/* The heartbeat thread. */

static void
publish(struct hb_thread *t, uint32_t id)
{
    struct published *p = &t->published[id];
    union {
        struct hb_stats stats;
        uint64_t words[STATS_WORDS];
    } copy;

    copy.words[STATS_WORDS - 1] = 0;
    hb_session_stats(&t->sessions[id], &copy.stats);

    unsigned int seqno = p->seqno;
    __atomic_store_n(&p->seqno, seqno + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    for (size_t i = 0; i < STATS_WORDS; i++) {
        __atomic_store_n(&p->words[i], copy.words[i], __ATOMIC_RELAXED);
    }
    __atomic_store_n(&p->seqno, seqno + 2, __ATOMIC_RELEASE);
}

static unsigned int
held_slot(enum hb_fact_type type)
{
    switch (type) {
    case HB_FACT_UP:
    case HB_FACT_DOWN:
        return 0;
    case HB_FACT_EXCUSED:
        return 1;
    case HB_FACT_SESSION:
        return 2;
    case HB_FACT_ERROR:
        return 3;
    }
    return 3;
}

/* Queues 'fact', or keeps it until the main thread has made room. */
static void
tell(struct hb_thread *t, const struct hb_fact *fact)
{
    struct held *held = &t->held[fact->id];

    t->told = true;
    if (held->mask || !spsc_push(&t->facts, fact)) {
        unsigned int slot = held_slot(fact->type);

        held->facts[slot] = *fact;
        held->mask |= 1u << slot;
        __atomic_store_n(&t->holding, true, __ATOMIC_RELAXED);
    }
}

/* Tells what was held back as far as there is room.  Either we see the room
 * that the main thread has made, or it sees 'holding' afterwards. */
static void
tell_held(struct hb_thread *t)
{
    if (!t->holding) {
        return;
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    for (unsigned int id = 0; id < t->max; id++) {
        struct held *held = &t->held[id];

        for (unsigned int i = 0; held->mask && i < N_HELD; i++) {
            if (held->mask & (1u << i)) {
                if (!spsc_push(&t->facts, &held->facts[i])) {
                    return;
                }
                held->mask &= ~(1u << i);
                t->told = true;
            }
        }
    }
    __atomic_store_n(&t->holding, false, __ATOMIC_RELAXED);
}

/* The word first, the fact second. */
static void
act_on(struct hb_thread *t, uint32_t id, enum heartbeat_decision decision,
       unsigned int missed)
{
    const struct heartbeat *hb = hb_session_heartbeat(&t->sessions[id]);
    struct hb_fact fact = { .id = id, .missed = missed };

    switch (decision) {
    case HEARTBEAT_NOTHING:
        return;
    case HEARTBEAT_WENT_UP:
    case HEARTBEAT_WENT_DOWN:
        fact.type = (decision == HEARTBEAT_WENT_UP
                     ? HB_FACT_UP : HB_FACT_DOWN);
        if (t->liveness) {
            liveness_set_region(t->liveness, id,
                                decision == HEARTBEAT_WENT_UP
                                ? TPR_LIVENESS_UP : TPR_LIVENESS_DOWN);
        }
        break;
    case HEARTBEAT_EXCUSED:
        fact.type = HB_FACT_EXCUSED;
        fact.late_us = hb->worst_late_us;
        break;
    }
    fact.cause = hb->cause;
    fact.now_us = now_us();
    fact.last_beat_us = hb->last_beat_us;
    tell(t, &fact);
}

/* Tells what else changed in session 'id'. */
static void
tell_changes(struct hb_thread *t, uint32_t id)
{
    struct hb_session *s = &t->sessions[id];

    if (s->cfg.type == HB_BFD && s->told_seqno != s->bfd.seqno) {
        struct hb_fact fact = {
            .id = id, .type = HB_FACT_SESSION, .now_us = now_us(),
        };

        s->told_seqno = s->bfd.seqno;
        tell(t, &fact);
    }
    if (s->told_error != s->error) {
        s->told_error = s->error;
        if (s->error) {
            struct hb_fact fact = {
                .id = id, .type = HB_FACT_ERROR, .now_us = now_us(),
                .error = s->error,
            };

            tell(t, &fact);
        }
    }
}

static void
watch(struct hb_thread *t, int fd, uint32_t data)
{
    struct epoll_event event = { .events = EPOLLIN, .data.u32 = data };

    /* Can only fail for lack of memory or of watches; then beats are read
     * whenever a deadline comes. */
    ignore(epoll_ctl(t->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0);
}

/* Hands a descriptor back to be closed.  There is always room: see
 * send_command(). */
static void
retire(struct hb_thread *t, const struct hb_io *io)
{
    if (io->class) {
        ignore(epoll_ctl(t->epoll_fd, EPOLL_CTL_DEL, io->fd, NULL) < 0);
        ignore(spsc_push(&t->retired, &io->fd));
        t->told = true;
    }
}

static void
obey_set(struct hb_thread *t, const struct command *c, long long int now)
{
    struct hb_session *s = &t->sessions[c->id];
    enum heartbeat_decision decision = HEARTBEAT_NOTHING;

    if (s->used) {
        retire(t, &s->io);
    }
    if (hb_session_is_same(s, &c->cfg)) {
        decision = hb_session_configure(s, &c->cfg, &c->io, c->hub, now);
    } else {
        hb_session_start(s, &c->cfg, &c->io, c->hub, c->discr, c->seed, now);
        t->held[c->id].mask = 0;
    }
    if (s->io.class == &hb_io_packet) {
        watch(t, s->io.fd, c->id);
    }
    act_on(t, c->id, decision, 0);
}

static void
obey_remove(struct hb_thread *t, uint32_t id)
{
    struct hb_session *s = &t->sessions[id];

    if (s->used) {
        retire(t, &s->io);
        memset(s, 0, sizeof *s);
        s->deadline_us = LLONG_MAX;
        t->held[id].mask = 0;
        if (t->liveness) {
            liveness_set_region(t->liveness, id, TPR_LIVENESS_UNKNOWN);
        }
    }
}

static void
obey(struct hb_thread *t, const struct command *c, long long int now)
{
    struct hb_session *s = &t->sessions[c->id];

    switch (c->type) {
    case COMMAND_SET:
        obey_set(t, c, now);
        break;
    case COMMAND_REMOVE:
        obey_remove(t, c->id);
        break;
    case COMMAND_LINK:
        if (s->used) {
            unsigned int missed = heartbeat_missed(hb_session_heartbeat(s),
                                                   now);
            act_on(t, c->id, hb_session_set_link(s, c->flag, now), missed);
        }
        break;
    case COMMAND_ADMIN:
        if (s->used) {
            act_on(t, c->id,
                   hb_session_set_admin(s, c->flag, c->diag, now), 0);
        }
        break;
    case COMMAND_HUB:
        t->hubs[c->id] = c->io;
        t->n_hubs = c->id + 1;
        watch(t, c->io.fd, EVENT_HUB + c->id);
        break;
    case COMMAND_QUIT:
        t->quit = true;
        break;
    }
}

static void
obey_all(struct hb_thread *t, long long int now)
{
    struct command c;

    while (spsc_pop(&t->commands, &c)) {
        obey(t, &c, now);
    }
}

static void
receive(struct hb_thread *t, uint32_t id, long long int now)
{
    struct hb_session *s = &t->sessions[id];

    act_on(t, id, hb_session_receive(s, &t->rx, now), 0);
}

/* Reads what waits for session 'id' on its packet socket. */
static void
drain_session(struct hb_thread *t, uint32_t id, long long int now)
{
    struct hb_session *s = &t->sessions[id];

    for (int i = 0; i < HB_IO_BATCH && s->io.class == &hb_io_packet; i++) {
        int error = s->io.class->recv(&s->io, &t->rx);

        if (!error) {
            receive(t, id, now);
        } else if (error == EBADMSG) {
            s->n_rx_bad[BFD_ERR_FRAME]++;
            s->touched = true;
        } else if (error != EAGAIN && error != EINTR) {
            act_on(t, id, hb_session_trouble(s, error, now), 0);
        } else if (error == EAGAIN) {
            break;
        }
    }
}

/* The session of 'hub' that the packet in t->rx belongs to, or one that may
 * adopt its sender; NULL if there is none. */
static struct hb_session *
find_by_peer(struct hb_thread *t, int hub, long long int now)
{
    struct hb_session *adopter = NULL;

    for (unsigned int i = 0; i < t->max; i++) {
        struct hb_session *s = &t->sessions[i];

        if (!s->used || s->hub != hub) {
            continue;
        }
        if (IN6_ARE_ADDR_EQUAL(&s->peer, &t->rx.src)
            && (!IN6_IS_ADDR_LINKLOCAL(&s->peer) || !s->ifindex
                || s->ifindex == t->rx.ifindex)) {
            return s;
        }
        /* One that never had a peer is better than one that may have it
         * back. */
        if ((!adopter || (adopter->learned && !s->learned))
            && hb_session_may_adopt(s, &t->rx, now)) {
            adopter = s;
        }
    }
    if (adopter) {
        hb_session_adopt(adopter, &t->rx, now);
    }
    return adopter;
}

static void
drain_hub(struct hb_thread *t, int hub, long long int now)
{
    for (int i = 0; i < HB_IO_BATCH; i++) {
        int error = t->hubs[hub].class->recv(&t->hubs[hub], &t->rx);

        if (error == EAGAIN) {
            break;
        }
        struct hb_session *s = error ? NULL : find_by_peer(t, hub, now);
        if (s) {
            receive(t, s - t->sessions, now);
        } else if (!error || error == EBADMSG) {
            __atomic_fetch_add(&t->self.n_strays, 1, __ATOMIC_RELAXED);
        }
    }
}

static void
drain_event(struct hb_thread *t, uint32_t data, long long int now)
{
    uint64_t count;

    if (data == EVENT_TIMER) {
        ignore(read(t->timer_fd, &count, sizeof count) < 0);
    } else if (data == EVENT_COMMAND) {
        ignore(read(t->command_fd, &count, sizeof count) < 0);
    } else if (data >= EVENT_HUB) {
        drain_hub(t, data - EVENT_HUB, now);
    } else {
        drain_session(t, data, now);
    }
}

/* Silence is judged as of 'now', which is older than this last look into the
 * socket. */
static void
judge(struct hb_thread *t, uint32_t id, long long int now)
{
    struct hb_session *s = &t->sessions[id];

    if (s->hub >= 0) {
        drain_hub(t, s->hub, now);
    } else {
        drain_session(t, id, now);
    }
    if (hb_session_must_judge(s, now)) {
        /* Before, as the interval changes with the state. */
        unsigned int missed = heartbeat_missed(hb_session_heartbeat(s), now);

        act_on(t, id, hb_session_judge(s, now), missed);
    }
}

static void
run_session(struct hb_thread *t, uint32_t id, long long int now)
{
    struct hb_session *s = &t->sessions[id];

    if (s->touched || now >= s->deadline_us) {
        if (hb_session_must_judge(s, now)) {
            judge(t, id, now);
        }
        hb_session_send(s, now);
        s->deadline_us = hb_session_deadline(s);
        tell_changes(t, id);
    }
    if (s->touched) {
        s->touched = false;
        publish(t, id);
    }
}

/* Should be called right after waking up. */
static void
note_lateness(struct hb_thread *t, long long int now)
{
    long long int late_us = now - t->planned_us;

    __atomic_fetch_add(&t->self.n_wakeups, 1, __ATOMIC_RELAXED);
    if (late_us <= 0) {
        return;
    }
    for (unsigned int i = 0; i < t->max; i++) {
        if (t->sessions[i].used) {
            hb_session_late(&t->sessions[i], late_us);
        }
    }
    if (late_us > HB_LATE_US) {
        __atomic_fetch_add(&t->self.n_late, 1, __ATOMIC_RELAXED);
    }
    if (late_us > t->self.max_late_us) {
        __atomic_store_n(&t->self.max_late_us, late_us, __ATOMIC_RELAXED);
    }
}

/* Asks to be woken for the earliest deadline.  What is overdue already is due
 * as of 'now', the time that this round went by: the round itself counts as
 * lateness. */
static void
arm_timer(struct hb_thread *t, long long int now)
{
    long long int next_us = LLONG_MAX;

    for (unsigned int i = 0; i < t->max; i++) {
        next_us = MIN(next_us, t->sessions[i].deadline_us);
    }
    t->planned_us = MAX(next_us, now);

    struct itimerspec its = { .it_value = { 0, 0 } };
    if (next_us != LLONG_MAX) {
        its.it_value.tv_sec = t->planned_us / 1000000;
        its.it_value.tv_nsec = t->planned_us % 1000000 * 1000;
    }
    timerfd_settime(t->timer_fd, TFD_TIMER_ABSTIME, &its, NULL);
}

static void
wake_main(struct hb_thread *t)
{
    if (t->told) {
        uint64_t one = 1;

        t->told = false;
        ignore(write(t->fact_fd, &one, sizeof one) < 0);
    }
}

static void *
hb_thread_main(void *t_)
{
    struct hb_thread *t = t_;

    prctl(PR_SET_NAME, "heartbeat");
    prctl(PR_SET_TIMERSLACK, 1);
    t->planned_us = LLONG_MAX;
    while (!t->quit) {
        int n = epoll_wait(t->epoll_fd, t->events, t->max_events, -1);
        long long int now = now_us();

        note_lateness(t, now);
        obey_all(t, now);
        for (int i = 0; i < n; i++) {
            drain_event(t, t->events[i].data.u32, now);
        }
        for (unsigned int i = 0; i < t->max; i++) {
            if (t->sessions[i].used) {
                run_session(t, i, now);
            }
        }
        tell_held(t);
        wake_main(t);
        arm_timer(t, now);
    }
    return NULL;
}

/* The main thread. */

static void
close_retired(struct hb_thread *t)
{
    int fd;

    while (spsc_pop(&t->retired, &fd)) {
        close(fd);
    }
}

static void
close_io(struct hb_io *io)
{
    if (io->class) {
        close(io->fd);
        io->class = NULL;
    }
}

/* Queues 'c' and wakes the heartbeat thread.  Takes over c->io, also on error.
 *
 * Each command retires one descriptor at most, and 'retired' is as long as
 * 'commands' and empty here, so it cannot overflow. */
static int
send_command(struct hb_thread *t, struct command *c)
{
    uint64_t one = 1;

    close_retired(t);
    if (!spsc_push(&t->commands, c)) {
        close_io(&c->io);
        return EAGAIN;
    }
    ignore(write(t->command_fd, &one, sizeof one) < 0);
    return 0;
}

/* Real-time priority and locked memory, each where allowed. */
static void
make_realtime(struct hb_thread *t)
{
    struct sched_param param = { .sched_priority = HB_PRIORITY };
    int error = pthread_setschedparam(t->thread, SCHED_FIFO, &param);

    t->self.realtime = !error;
    if (error) {
        VLOG_WARN("heartbeats run without real-time priority (%s): expect "
                  "them to be late when the machine is busy; CAP_SYS_NICE or "
                  "a limit on rtprio of at least %d allows it",
                  ovs_strerror(error), HB_PRIORITY);
    }

    /* Not MCL_FUTURE: with a limit, later allocations would fail. */
    t->self.locked = !mlockall(MCL_CURRENT);
    if (!t->self.locked) {
        VLOG_WARN("memory is not locked (%s): heartbeats are late when it is "
                  "swapped out; CAP_IPC_LOCK or a higher limit on memlock "
                  "allows it", ovs_strerror(errno));
    }
    if (t->self.realtime && t->self.locked) {
        VLOG_INFO("heartbeats run at real-time priority %d in locked memory",
                  HB_PRIORITY);
    }
}

static void
start_thread(struct hb_thread *t)
{
    pthread_attr_t attr;
    sigset_t all, old;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_SIZE);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int error = pthread_create(&t->thread, &attr, hb_thread_main, t);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    if (error) {
        ovs_abort(error, "cannot create the heartbeat thread");
    }
}

/* Starts the heartbeat thread for up to 'max' sessions, whose ids are less
 * than that.  Transitions are stored in 'liveness', unless it is NULL, which
 * stays the caller's.  Aborts if the system lacks the resources.  After
 * daemonize_start(): threads do not survive a fork. */
struct hb_thread *
hb_thread_create(struct liveness *liveness, unsigned int max)
{
    struct hb_thread *t = xzalloc_cacheline(sizeof *t);

    t->liveness = liveness;
    t->max = max;
    t->max_events = max + MAX_HUBS + 2;
    t->sessions = xcalloc(max, sizeof *t->sessions);
    t->published = xcalloc(max, sizeof *t->published);
    t->held = xcalloc(max, sizeof *t->held);
    t->events = xcalloc(t->max_events, sizeof *t->events);
    for (unsigned int i = 0; i < max; i++) {
        t->sessions[i].deadline_us = LLONG_MAX;
    }
    spsc_init(&t->commands, sizeof(struct command), N_COMMANDS);
    spsc_init(&t->retired, sizeof(int), N_COMMANDS);
    spsc_init(&t->facts, sizeof(struct hb_fact), N_FACTS);

    t->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    t->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    t->command_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    t->fact_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (t->epoll_fd < 0 || t->timer_fd < 0 || t->command_fd < 0
        || t->fact_fd < 0) {
        ovs_abort(errno, "cannot set up the heartbeat thread");
    }
    watch(t, t->timer_fd, EVENT_TIMER);
    watch(t, t->command_fd, EVENT_COMMAND);

    start_thread(t);
    make_realtime(t);
    return t;
}

/* Stops the thread and frees everything.  What was ordered before is done
 * first: an AdminDown that hb_thread_set_admin() asked for is sent.  Facts
 * that nobody took are lost; liveness words stay.  NULL is allowed. */
void
hb_thread_destroy(struct hb_thread *t)
{
    if (!t) {
        return;
    }

    struct command c = { .type = COMMAND_QUIT };
    while (send_command(t, &c)) {
        sched_yield();
    }
    pthread_join(t->thread, NULL);

    close_retired(t);
    for (unsigned int i = 0; i < t->max; i++) {
        close_io(&t->sessions[i].io);
    }
    for (unsigned int i = 0; i < t->n_hubs; i++) {
        close_io(&t->hubs[i]);
    }
    close(t->epoll_fd);
    close(t->timer_fd);
    close(t->command_fd);
    close(t->fact_fd);
    spsc_destroy(&t->commands);
    spsc_destroy(&t->retired);
    spsc_destroy(&t->facts);
    free(t->sessions);
    free(t->published);
    free(t->held);
    free(t->events);
    free_cacheline(t);
}

/* Finds or opens the hub of a UDP session. */
static int
get_hub(struct hb_thread *t, const struct hb_session_config *cfg, int *hub)
{
    for (unsigned int i = 0; i < t->n_known_hubs; i++) {
        if (IN6_ARE_ADDR_EQUAL(&t->hub_local[i], &cfg->local)
            && !strcmp(t->hub_ifname[i], cfg->ifname)) {
            *hub = i;
            return 0;
        }
    }
    if (t->n_known_hubs >= MAX_HUBS) {
        return EMFILE;
    }

    struct command c = { .type = COMMAND_HUB, .id = t->n_known_hubs };
    int error = hb_io_udp_open_hub(&cfg->local, cfg->ifname, &c.io);
    error = error ? error : send_command(t, &c);
    if (!error) {
        *hub = t->n_known_hubs++;
        t->hub_local[*hub] = cfg->local;
        ovs_strlcpy(t->hub_ifname[*hub], cfg->ifname, IFNAMSIZ);
    }
    return error;
}

static int
open_path(struct hb_thread *t, const struct hb_session_config *cfg,
          struct command *c)
{
    c->hub = -1;
    if (cfg->type == HB_LINK) {
        return 0;
    } else if (cfg->path == HB_PATH_PACKET) {
        return hb_io_packet.open(cfg, &c->io);
    } else if (cfg->type == HB_ICMP) {
        return EOPNOTSUPP;
    }

    int error = get_hub(t, cfg, &c->hub);
    return error ? error : hb_io_udp.open(cfg, &c->io);
}

/* Adds session cfg->id or changes it.  A session whose type, path or addresses
 * have changed starts anew, any other lives on and gets a new socket, so this
 * is also what to do when its device has come, gone or been made anew.
 *
 * Returns 0 or an errno.  EAGAIN: nothing was done, as too many orders wait;
 * try again later.  Others: the socket could not be opened (ENODEV: no such
 * device).  The session goes on, or begins, without: no beat can come, and its
 * silence means the same as anybody's. */
int
hb_thread_set(struct hb_thread *t, const struct hb_session_config *cfg)
{
    ovs_assert(cfg->id < t->max);

    struct command c = { .type = COMMAND_SET, .id = cfg->id, .cfg = *cfg };
    int error = open_path(t, cfg, &c);
    if (error) {
        c.io.class = NULL;
    }
    while (!c.discr) {
        ignore(getrandom(&c.discr, sizeof c.discr, 0) < 0);
    }
    ignore(getrandom(&c.seed, sizeof c.seed, 0) < 0);

    int retval = send_command(t, &c);
    return retval ? retval : error;
}

/* Removes session 'id'; its liveness word becomes UNKNOWN.  Returns 0 or
 * EAGAIN.  Facts that are on their way may still come. */
int
hb_thread_remove(struct hb_thread *t, uint32_t id)
{
    ovs_assert(id < t->max);

    struct command c = { .type = COMMAND_REMOVE, .id = id };
    return send_command(t, &c);
}

/* Should be called when the link of session 'id' went up or down.  Down takes
 * the region down at once.  A new session takes its link for up, except type
 * LINK, which is in state UNKNOWN until this is called.  Returns 0 or
 * EAGAIN. */
int
hb_thread_set_link(struct hb_thread *t, uint32_t id, bool up)
{
    ovs_assert(id < t->max);

    struct command c = { .type = COMMAND_LINK, .id = id, .flag = up };
    return send_command(t, &c);
}

/* Takes BFD session 'id' to AdminDown with diagnostic 'diag' (RFC 5880
 * 6.8.16), or lets it come up again.  hb_thread_set() overrides it by
 * cfg->bfd.admin_down.  Returns 0 or EAGAIN. */
int
hb_thread_set_admin(struct hb_thread *t, uint32_t id, bool admin_down,
                    enum bfd_diag diag)
{
    ovs_assert(id < t->max);

    struct command c = {
        .type = COMMAND_ADMIN, .id = id, .flag = admin_down, .diag = diag,
    };
    return send_command(t, &c);
}

/* Returns a descriptor that is readable when hb_thread_next_fact() may have
 * something. */
int
hb_thread_fd(const struct hb_thread *t)
{
    return t->fact_fd;
}

/* Takes the next fact.  Returns false if there is none; then hb_thread_fd() is
 * not readable any more until there is one. */
bool
hb_thread_next_fact(struct hb_thread *t, struct hb_fact *fact)
{
    uint64_t count;

    if (spsc_pop(&t->facts, fact)) {
        return true;
    }
    ignore(read(t->fact_fd, &count, sizeof count) < 0);
    close_retired(t);
    if (spsc_pop(&t->facts, fact)) {
        return true;
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (__atomic_load_n(&t->holding, __ATOMIC_RELAXED)) {
        count = 1;
        ignore(write(t->command_fd, &count, sizeof count) < 0);
    }
    return false;
}

/* Copies the statistics of session 'id' to '*stats'.  Returns false if there
 * was never one. */
bool
hb_thread_stats(const struct hb_thread *t, uint32_t id,
                struct hb_stats *stats)
{
    if (id >= t->max) {
        return false;
    }

    const struct published *p = &t->published[id];
    uint64_t words[STATS_WORDS];
    for (;;) {
        unsigned int before = __atomic_load_n(&p->seqno, __ATOMIC_ACQUIRE);

        if (!before) {
            return false;
        }
        for (size_t i = 0; i < STATS_WORDS; i++) {
            words[i] = __atomic_load_n(&p->words[i], __ATOMIC_RELAXED);
        }
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (!(before & 1)
            && before == __atomic_load_n(&p->seqno, __ATOMIC_RELAXED)) {
            break;
        }
        sched_yield();
    }
    memcpy(stats, words, sizeof *stats);
    stats->realtime = t->self.realtime;
    return true;
}

/* Copies the thread's own statistics to '*stats'. */
void
hb_thread_self_stats(const struct hb_thread *t, struct hb_thread_stats *stats)
{
    stats->realtime = t->self.realtime;
    stats->locked = t->self.locked;
    stats->n_wakeups = __atomic_load_n(&t->self.n_wakeups, __ATOMIC_RELAXED);
    stats->n_late = __atomic_load_n(&t->self.n_late, __ATOMIC_RELAXED);
    stats->max_late_us = __atomic_load_n(&t->self.max_late_us,
                                         __ATOMIC_RELAXED);
    stats->n_strays = __atomic_load_n(&t->self.n_strays, __ATOMIC_RELAXED);
}
