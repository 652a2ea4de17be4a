/* SPDX-License-Identifier: Apache-2.0 */

/* The heartbeat thread's door to the main thread: see hb-thread.h.  hb-loop.c
 * is what goes on behind it. */

#include <config.h>
#include "hb-thread.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "hb-keeper.h"
#include "hb-loop.h"
#include "openvswitch/vlog.h"

VLOG_DEFINE_THIS_MODULE(hb_thread);

enum { STACK_SIZE = 256 * 1024 };

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
send_command(struct hb_thread *t, struct hb_command *c)
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
    int error = pthread_create(&t->thread, &attr, hb_loop_main, t);
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
    t->max_events = max + HB_MAX_HUBS + 2;
    t->sessions = xcalloc(max, sizeof *t->sessions);
    t->published = xcalloc(max, sizeof *t->published);
    t->held = xcalloc(max, sizeof *t->held);
    t->guesses = xcalloc(max, sizeof *t->guesses);
    t->asked = xcalloc(max, sizeof *t->asked);
    t->events = xcalloc(t->max_events, sizeof *t->events);
    for (unsigned int i = 0; i < max; i++) {
        t->sessions[i].deadline_us = LLONG_MAX;
    }
    hb_due_init(&t->due, max);
    spsc_init(&t->commands, sizeof(struct hb_command), HB_N_COMMANDS);
    spsc_init(&t->retired, sizeof(int), HB_N_COMMANDS);
    spsc_init(&t->facts, sizeof(struct hb_fact), HB_N_FACTS);

    t->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    t->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    t->command_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    t->fact_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (t->epoll_fd < 0 || t->timer_fd < 0 || t->command_fd < 0
        || t->fact_fd < 0) {
        ovs_abort(errno, "cannot set up the heartbeat thread");
    }
    hb_loop_watch(t, t->timer_fd, HB_EVENT_TIMER);
    hb_loop_watch(t, t->command_fd, HB_EVENT_COMMAND);

    t->keeper = hb_keeper_create(max, t->fact_fd);
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

    struct hb_command c = { .type = HB_COMMAND_QUIT };
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
    hb_keeper_destroy(t->keeper);
    for (unsigned int i = 0; i < t->max; i++) {
        free(t->asked[i].why);
    }
    free(t->asked);
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
    free(t->guesses);
    hb_due_destroy(&t->due);
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
    if (t->n_known_hubs >= HB_MAX_HUBS) {
        return EMFILE;
    }

    struct hb_command c = { .type = HB_COMMAND_HUB, .id = t->n_known_hubs };
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
          struct hb_command *c)
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

/* The kernel. */

/* Should be called for each BPF map that holds a liveness page (a mmapable
 * array of one struct tpr_page): where the kernel detects, it stores "down" in
 * that page, too.  It stores nothing else there.  'map_fd' stays the caller's.
 * Returns a sentence to free(), or NULL. */
char *
hb_thread_add_page(struct hb_thread *t, int map_fd)
{
    int error = hb_keeper_add_page(t->keeper, map_fd);

    return (error ? xasprintf("heartbeats in the kernel cannot use a liveness "
                              "page (%s)", ovs_strerror(error))
            : NULL);
}

/* 'map_fd' may be closed then. */
void
hb_thread_del_page(struct hb_thread *t, int map_fd)
{
    hb_keeper_del_page(t->keeper, map_fd);
}

/* Tells the heartbeat thread what the kernel may do for session 'id' now. */
static int
send_offload(struct hb_thread *t, uint32_t id)
{
    const struct hb_asked *a = &t->asked[id];
    struct hb_command c = {
        .type = HB_COMMAND_OFFLOAD, .id = id, .beat = a->beat,
        .offload = a->offload,
    };

    c.offload.receive = c.offload.receive && a->beat;
    c.offload.send = c.offload.receive && c.offload.send && a->can_send;
    return send_command(t, &c);
}

static void
forget_beat(struct hb_thread *t, uint32_t id)
{
    t->asked[id].beat = NULL;
    free(t->asked[id].why);
    t->asked[id].why = NULL;
}

/* Lets the kernel have session 'id', a BFD session that was set, as far as it
 * can and 'o' says, as soon as it is ready to, or takes it back.  What it
 * cannot, hb_thread_offload_why() says.  Returns 0 or EAGAIN. */
int
hb_thread_offload(struct hb_thread *t, uint32_t id,
                  const struct hb_offload *o)
{
    ovs_assert(id < t->max);

    struct hb_asked *a = &t->asked[id];
    struct hb_asked old = *a;
    bool had = old.offload.receive;
    bool stays = had && o->receive && old.offload.ifindex == o->ifindex;

    a->offload = *o;
    if (!stays) {
        a->beat = NULL;
    }
    int error = send_offload(t, id);
    if (error) {
        *a = old;
        return error;
    }
    if (!stays) {
        forget_beat(t, id);
        if (had) {
            hb_keeper_detach(t->keeper, id);
        }
        if (o->receive) {
            hb_keeper_attach(t->keeper, id, o->ifindex);
        }
    }
    return 0;
}

/* Gives the orders that there was no room for, as far as there is now. */
static void
pay_owed(struct hb_thread *t)
{
    if (!t->owing) {
        return;
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    for (uint32_t id = 0; id < t->max; id++) {
        if (t->asked[id].owed) {
            if (send_offload(t, id)) {
                return;
            }
            t->asked[id].owed = false;
        }
    }
    __atomic_store_n(&t->owing, false, __ATOMIC_RELAXED);
}

/* A session's result. */
static void
take_kept(struct hb_thread *t, struct hb_kept *kept)
{
    struct hb_asked *a = &t->asked[kept->id];

    if (!a->offload.receive || a->offload.ifindex != kept->ifindex) {
        free(kept->why);        /* Nobody wants it any more. */
        return;
    }
    free(a->why);
    a->why = kept->why;
    if (a->beat != kept->beat || a->can_send != kept->can_send) {
        a->beat = kept->beat;
        a->can_send = kept->can_send;
        if (send_offload(t, kept->id)) {
            a->owed = true;
            __atomic_store_n(&t->owing, true, __ATOMIC_RELAXED);
            pay_owed(t);
        }
    }
}

/* Takes what the keeper has to say. */
static void
take_all_kept(struct hb_thread *t)
{
    static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(10, 10);
    struct hb_kept kept;

    pay_owed(t);
    while (hb_keeper_next(t->keeper, &kept)) {
        switch (kept.type) {
        case HB_KEPT_SESSION:
            take_kept(t, &kept);
            continue;
        case HB_KEPT_INFO:
            VLOG_INFO("%s", kept.why);
            break;
        case HB_KEPT_WARNING:
            VLOG_WARN_RL(&rl, "%s", kept.why);
            break;
        }
        free(kept.why);
    }
}

/* Returns a sentence that says what hb_thread_offload() asked for and the
 * kernel cannot do, or NULL. */
const char *
hb_thread_offload_why(const struct hb_thread *t, uint32_t id)
{
    struct hb_stats stats;

    if (id >= t->max || !t->asked[id].offload.receive) {
        return NULL;
    } else if (t->asked[id].why) {
        return t->asked[id].why;
    } else if (!hb_thread_stats(t, id, &stats)) {
        return NULL;
    }
    return (stats.kernel_deaf
            ? "beats come, but not to the filter at the port: user space "
              "detects"
            : stats.kernel_mute
            ? "the loop that paces beats stands still: user space sends"
            : NULL);
}

/* Adds session cfg->id or changes it.  A session whose type, path or addresses
 * have changed starts anew, any other lives on and gets a new socket, so this
 * is also what to do when its device has come, gone or been made anew.
 *
 * Returns 0 or an errno.  EAGAIN: too many orders wait; try again later.
 * Others: the socket could not be opened (ENODEV: no such device).  The
 * session goes on, or begins, without: no beat can come, and its silence means
 * the same as anybody's. */
int
hb_thread_set(struct hb_thread *t, const struct hb_session_config *cfg)
{
    ovs_assert(cfg->id < t->max);

    struct hb_command c = {
        .type = HB_COMMAND_SET, .id = cfg->id, .cfg = *cfg,
    };
    int error = open_path(t, cfg, &c);
    if (error) {
        c.io.class = NULL;
    }
    while (!c.discr) {
        ignore(getrandom(&c.discr, sizeof c.discr, 0) < 0);
    }
    ignore(getrandom(&c.seed, sizeof c.seed, 0) < 0);

    int retval = send_command(t, &c);
    retval = retval ? retval : hb_thread_offload(t, cfg->id, &cfg->offload);
    return retval ? retval : error;
}

/* Removes session 'id'; its liveness word becomes UNKNOWN.  Returns 0 or
 * EAGAIN.  Facts that are on their way may still come. */
int
hb_thread_remove(struct hb_thread *t, uint32_t id)
{
    ovs_assert(id < t->max);

    struct hb_command c = { .type = HB_COMMAND_REMOVE, .id = id };
    int error = send_command(t, &c);
    if (!error && t->asked[id].offload.receive) {
        hb_keeper_detach(t->keeper, id);
        forget_beat(t, id);
        t->asked[id].offload.receive = false;
    }
    return error;
}

/* Should be called when the link of session 'id' went up or down.  Down takes
 * the region down at once.  A new session takes its link for up, except type
 * LINK, which is in state UNKNOWN until this is called.  Returns 0 or
 * EAGAIN. */
int
hb_thread_set_link(struct hb_thread *t, uint32_t id, bool up)
{
    ovs_assert(id < t->max);

    struct hb_command c = { .type = HB_COMMAND_LINK, .id = id, .flag = up };
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

    struct hb_command c = {
        .type = HB_COMMAND_ADMIN, .id = id, .flag = admin_down, .diag = diag,
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

    take_all_kept(t);
    if (spsc_pop(&t->facts, fact)) {
        return true;
    }
    ignore(read(t->fact_fd, &count, sizeof count) < 0);
    close_retired(t);
    take_all_kept(t);
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

    const struct hb_published *p = &t->published[id];
    uint64_t words[HB_STATS_WORDS];
    for (;;) {
        unsigned int before = __atomic_load_n(&p->seqno, __ATOMIC_ACQUIRE);

        if (!before) {
            return false;
        }
        for (size_t i = 0; i < HB_STATS_WORDS; i++) {
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
