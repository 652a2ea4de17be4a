/* SPDX-License-Identifier: Apache-2.0 */

/* What the heartbeat thread does: see hb-loop.h and hb-thread.h.
 *
 * A wake-up costs what the sessions cost that it concerns, however many there
 * are: hb-due.h knows them. */

#include <config.h>
#include "hb-loop.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "hash.h"
#include "liveness.h"
#include "model.h"
#include "tpr-time.h"

static void
publish(struct hb_thread *t, uint32_t id)
{
    struct hb_published *p = &t->published[id];
    union {
        struct hb_stats stats;
        uint64_t words[HB_STATS_WORDS];
    } copy;

    copy.words[HB_STATS_WORDS - 1] = 0;
    hb_session_stats(&t->sessions[id], &copy.stats);

    unsigned int seqno = p->seqno;
    __atomic_store_n(&p->seqno, seqno + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    for (size_t i = 0; i < HB_STATS_WORDS; i++) {
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
    struct hb_held *held = &t->held[fact->id];

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
        struct hb_held *held = &t->held[id];

        for (unsigned int i = 0; held->mask && i < HB_N_HELD; i++) {
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

/* True if it is no proof of death: this session has had no good beat yet, who
 * kept the word before us had, and what we see may be our own restart.  The
 * main thread knows how long to believe that (policy.h), and says its verdict
 * in the backends' words. */
static bool
is_own_restart(const struct hb_thread *t, uint32_t id,
               const struct heartbeat *hb)
{
    return (!hb->last_beat_us
            && hb->cause != HEARTBEAT_CAUSE_LINK_DOWN
            && hb->cause != HEARTBEAT_CAUSE_PEER_ADMIN_DOWN
            && tpr_word_state(liveness_get_region(t->liveness, id))
               == TPR_LIVENESS_UP);
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
        if (t->liveness
            && (decision == HEARTBEAT_WENT_UP || !is_own_restart(t, id, hb))) {
            liveness_set_region(t->liveness, id,
                                decision == HEARTBEAT_WENT_UP
                                ? TPR_LIVENESS_UP : TPR_LIVENESS_DOWN);
        }
        break;
    case HEARTBEAT_EXCUSED:
        fact.type = HB_FACT_EXCUSED;
        fact.late_us = hb->guard.late_us;
        break;
    }
    fact.cause = hb->cause;
    fact.now_us = tpr_now_us();
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
            .id = id, .type = HB_FACT_SESSION, .now_us = tpr_now_us(),
        };

        s->told_seqno = s->bfd.seqno;
        tell(t, &fact);
    }
    if (s->told_error != s->error) {
        s->told_error = s->error;
        if (s->error) {
            struct hb_fact fact = {
                .id = id, .type = HB_FACT_ERROR, .now_us = tpr_now_us(),
                .error = s->error,
            };

            tell(t, &fact);
        }
    }
}

/* Adds 'fd' to what wakes the heartbeat thread.  'data' is a session's number
 * or one of HB_EVENT_*. */
void
hb_loop_watch(struct hb_thread *t, int fd, uint32_t data)
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
obey_set(struct hb_thread *t, const struct hb_command *c, long long int now)
{
    struct hb_session *s = &t->sessions[c->id];
    enum heartbeat_decision decision = HEARTBEAT_NOTHING;

    if (s->used) {
        hb_kernel_stop(s, c->id, now);
        retire(t, &s->io);
    }
    if (hb_session_is_same(s, &c->cfg)) {
        decision = hb_session_configure(s, &c->cfg, &c->io, c->hub, now);
    } else {
        hb_session_start(s, &c->cfg, &c->io, c->hub, c->discr, c->seed, now);
        t->held[c->id].mask = 0;
    }
    if (s->io.class == &hb_io_packet) {
        hb_loop_watch(t, s->io.fd, c->id);
    }
    act_on(t, c->id, decision, 0);
}

static void
obey_remove(struct hb_thread *t, uint32_t id)
{
    struct hb_session *s = &t->sessions[id];

    if (s->used) {
        hb_kernel_stop(s, id, tpr_now_us());
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
obey_offload(struct hb_thread *t, const struct hb_command *c,
             long long int now)
{
    static const struct hb_offload nothing;
    struct hb_session *s = &t->sessions[c->id];

    if (c->beat && !t->beat) {
        t->beat = c->beat;
        hb_loop_watch(t, tpr_beat_fd(t->beat), HB_EVENT_KERNEL);
    }
    if (s->used) {
        hb_kernel_set(s, c->id, c->offload.receive ? c->beat : NULL,
                      c->offload.receive ? &c->offload : &nothing, now);
    }
}

static void
obey(struct hb_thread *t, const struct hb_command *c, long long int now)
{
    struct hb_session *s = &t->sessions[c->id];

    if (c->type != HB_COMMAND_HUB && c->type != HB_COMMAND_QUIT) {
        hb_due_visit(&t->due, c->id);
    }
    switch (c->type) {
    case HB_COMMAND_SET:
        obey_set(t, c, now);
        break;
    case HB_COMMAND_REMOVE:
        obey_remove(t, c->id);
        break;
    case HB_COMMAND_LINK:
        if (s->used) {
            unsigned int missed = heartbeat_missed(hb_session_heartbeat(s),
                                                   now);
            act_on(t, c->id, hb_session_set_link(s, c->flag, now), missed);
        }
        break;
    case HB_COMMAND_ADMIN:
        if (s->used) {
            act_on(t, c->id,
                   hb_session_set_admin(s, c->flag, c->diag, now), 0);
        }
        break;
    case HB_COMMAND_HUB:
        t->hubs[c->id] = c->io;
        t->n_hubs = c->id + 1;
        hb_loop_watch(t, c->io.fd, HB_EVENT_HUB + c->id);
        break;
    case HB_COMMAND_OFFLOAD:
        obey_offload(t, c, now);
        break;
    case HB_COMMAND_QUIT:
        t->quit = true;
        break;
    }
}

/* The event is taken back before the queue is read: a command that comes in
 * between wakes the thread once more, instead of never. */
static void
obey_all(struct hb_thread *t, long long int now)
{
    struct hb_command c;
    uint64_t count;

    ignore(read(t->command_fd, &count, sizeof count) < 0);
    while (spsc_pop(&t->commands, &c)) {
        obey(t, &c, now);
    }
    /* Either we see that orders wait, or who has them sees the room. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    t->told |= __atomic_load_n(&t->owing, __ATOMIC_RELAXED);
}

static void
receive(struct hb_thread *t, uint32_t id, long long int now)
{
    struct hb_session *s = &t->sessions[id];

    hb_due_visit(&t->due, id);
    act_on(t, id, hb_session_receive(s, &t->rx, now), 0);
}

/* Reads what waits for session 'id' on its packet socket. */
static void
drain_session(struct hb_thread *t, uint32_t id, long long int now)
{
    struct hb_session *s = &t->sessions[id];

    hb_due_visit(&t->due, id);
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

/* Does the packet in t->rx, which came by 'hub', belong to 's'? */
static bool
is_from_peer(const struct hb_thread *t, int hub, const struct hb_session *s)
{
    return (s->used && s->hub == hub
            && IN6_ARE_ADDR_EQUAL(&s->peer, &t->rx.src)
            && (!IN6_IS_ADDR_LINKLOCAL(&s->peer) || !s->ifindex
                || s->ifindex == t->rx.ifindex));
}

/* The session of 'hub' that the packet in t->rx belongs to, or one that may
 * adopt its sender; NULL if there is none. */
static struct hb_session *
find_by_peer(struct hb_thread *t, int hub, long long int now)
{
    uint32_t hash = hash_bytes(&t->rx.src, sizeof t->rx.src, 0);
    uint32_t *guess = &t->guesses[hash % t->max];
    struct hb_session *adopter = NULL;

    if (is_from_peer(t, hub, &t->sessions[*guess])) {
        return &t->sessions[*guess];
    }
    for (unsigned int i = 0; i < t->max; i++) {
        struct hb_session *s = &t->sessions[i];

        if (is_from_peer(t, hub, s)) {
            *guess = i;
            return s;
        }
        if (!s->used || s->hub != hub) {
            continue;
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

    if (data == HB_EVENT_COMMAND || data == HB_EVENT_KERNEL) {
        return;                 /* Others see to it. */
    } else if (data == HB_EVENT_TIMER) {
        ignore(read(t->timer_fd, &count, sizeof count) < 0);
    } else if (data >= HB_EVENT_HUB) {
        drain_hub(t, data - HB_EVENT_HUB, now);
    } else {
        drain_session(t, data, now);
    }
}

/* The kernel has decided something about a session.  The packet that made it
 * do so is read first. */
static void
obey_kernel(void *t_, const struct tpr_beat_event *event)
{
    struct hb_thread *t = t_;
    long long int now = tpr_now_us();

    if (event->id >= t->max || !t->sessions[event->id].used) {
        return;
    }

    struct hb_session *s = &t->sessions[event->id];
    hb_due_visit(&t->due, event->id);
    if (s->hub >= 0) {
        drain_hub(t, s->hub, now);
    } else {
        drain_session(t, event->id, now);
    }

    /* As the kernel saw it, and with the interval of then. */
    unsigned int missed
        = ((event->now_us - event->rx_us)
           / hb_session_heartbeat(s)->cfg.interval_us);
    act_on(t, event->id, hb_kernel_event(s, event->id, event, now), missed);
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

/* Who sends for us has stopped. */
static void
check_token(struct hb_thread *t, long long int now)
{
    if (!tpr_beat_token(t->beat)->lost) {
        return;
    }
    for (unsigned int i = 0; i < t->max; i++) {
        hb_kernel_check_token(&t->sessions[i], i, now);
        if (t->sessions[i].touched) {
            hb_due_visit(&t->due, i);
        }
    }
}

static void
run_session(struct hb_thread *t, uint32_t id, long long int now)
{
    struct hb_session *s = &t->sessions[id];

    if (s->touched || now >= s->deadline_us) {
        if (t->late_us > 0) {
            hb_session_late(s, t->late_us);
        }
        if (hb_session_must_judge(s, now)) {
            judge(t, id, now);
        }
        if (now >= s->kernel.look_us) {
            hb_kernel_look(s, id, now);
        }
        if (s->kernel.sending && s->bfd.state != BFD_STATE_UP) {
            /* No "up" shall follow what we are about to say. */
            hb_kernel_stop(s, id, now);
        }
        hb_session_send(s, now);
        hb_kernel_update(s, id, now);
        s->deadline_us = hb_session_deadline(s);
        tell_changes(t, id);
    }
    if (s->touched) {
        s->touched = false;
        publish(t, id);
    }
}

/* Should be called right after waking up.  Half of the shortest interval
 * (TPR_INTERVAL_MIN_US) excuses nobody, so that only those are told who had to
 * wait. */
static void
note_lateness(struct hb_thread *t, long long int now)
{
    long long int late_us = now - t->planned_us;

    BUILD_ASSERT_DECL(2 * HB_LATE_US <= TPR_INTERVAL_MIN_US);
    __atomic_fetch_add(&t->self.n_wakeups, 1, __ATOMIC_RELAXED);
    t->late_us = late_us <= HB_LATE_US ? late_us : 0;
    if (late_us <= 0) {
        return;
    }
    if (late_us > HB_LATE_US) {
        for (unsigned int i = 0; i < t->max; i++) {
            if (t->sessions[i].used) {
                hb_session_late(&t->sessions[i], late_us);
            }
        }
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
    long long int next_us = hb_due_earliest(&t->due);

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

/* main() of the heartbeat thread. */
void *
hb_loop_main(void *t_)
{
    struct hb_thread *t = t_;

    prctl(PR_SET_NAME, "heartbeat");
    prctl(PR_SET_TIMERSLACK, 1);
    t->planned_us = LLONG_MAX;
    while (!t->quit) {
        int n = epoll_wait(t->epoll_fd, t->events, t->max_events, -1);
        long long int now = tpr_now_us();
        uint32_t id;

        note_lateness(t, now);
        obey_all(t, now);
        for (int i = 0; i < n; i++) {
            drain_event(t, t->events[i].data.u32, now);
        }
        if (t->beat) {
            tpr_beat_run(t->beat, now, obey_kernel, t);
            check_token(t, now);
        }
        hb_due_collect(&t->due, now);
        while (hb_due_next(&t->due, &id)) {
            if (t->sessions[id].used) {
                run_session(t, id, now);
            }
            hb_due_set(&t->due, id, t->sessions[id].deadline_us);
        }
        tell_held(t);
        wake_main(t);
        arm_timer(t, now);
    }
    return NULL;
}
