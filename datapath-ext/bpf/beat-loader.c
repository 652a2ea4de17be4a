/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Loads and speaks to the programs of heartbeats: see beat-loader.h. */

#include <config.h>
#include "beat-loader.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "beat-private.h"
#include "beat.skel.h"
#include "bpffs.h"
#include "libbpf-log.h"
#include "openvswitch/dynamic-string.h"
#include "util.h"

enum { LOG_TAIL = 2000 };      /* What is said of the verifier's log. */

/* What programs and user space both write or read at any time. */
#define GET(P) __atomic_load_n(P, __ATOMIC_ACQUIRE)
#define PUT(P, X) __atomic_store_n(P, X, __ATOMIC_RELEASE)

static char *
load(struct tpr_beat *b)
{
    struct ds said = DS_EMPTY_INITIALIZER;
    struct ds *before = tpr_libbpf_listen(&said);
    struct bpf_program *program;
    char *sentence = NULL;
    int error;

    bpf_object__for_each_program (program, b->skel->obj) {
        bpf_program__set_log_level(program, 0);
    }
    error = -tpr_beat_skel__load(b->skel);
    if (error) {
        size_t n = said.length;

        sentence = xasprintf(
            "cannot load the heartbeats' BPF programs (%s)%s%s",
            ovs_strerror(error),
            error == EPERM ? ": that takes CAP_BPF, CAP_NET_ADMIN and "
            "CAP_PERFMON, or root" : n ? ": " : "",
            n ? said.string + (n > LOG_TAIL ? n - LOG_TAIL : 0) : "");
    }
    tpr_libbpf_listen(before);
    ds_destroy(&said);
    return sentence;
}

/* Starts the timer, or makes it tick if it has ended. */
static int
start_timer(struct tpr_beat *b)
{
    LIBBPF_OPTS(bpf_test_run_opts, opts);
    int error = bpf_prog_test_run_opts(
        bpf_program__fd(b->skel->progs.tpr_beat_start), &opts);

    return error ? -error : -(int) opts.retval;
}

/* Starts a pulse on each processor that this thread may run on, where there
 * are few and the kernel can: without, only stalls of some are noticed. */
static void
start_pulses(struct tpr_beat *b)
{
    uint32_t cpu = 0, n = 0;
    cpu_set_t all;
    int error = 0;

    if (sched_getaffinity(0, sizeof all, &all)) {
        return;
    }
    for (; cpu < CPU_SETSIZE && n < (uint32_t) CPU_COUNT(&all) && !error;
         cpu++) {
        LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &n,
                    .ctx_size_in = sizeof n);
        cpu_set_t one;

        if (!CPU_ISSET(cpu, &all)) {
            continue;
        }
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        error = (n >= TPR_BEAT_CPUS
                 || sched_setaffinity(0, sizeof one, &one)
                 || bpf_prog_test_run_opts(
                     bpf_program__fd(b->skel->progs.tpr_beat_start_pulse),
                     &opts)
                 || opts.retval);
        n++;
    }
    ignore(sched_setaffinity(0, sizeof all, &all));
    if (!error) {
        __atomic_store_n(&b->state->n_cpus, n, __ATOMIC_RELEASE);
    }
}

/* ## Pins. ## */

/* The maps outlive us by their pins: above all the timer's, which ends with
 * its last user otherwise, and with it the program that it runs. */
static void
pin(struct tpr_beat *b, const char *parent)
{
    char *dir = tpr_beat_pin_dir(parent, &b->state->owner);
    struct bpf_map *map;
    int error = 0;

    b->unpinned_why = tpr_bpffs_mount(parent);
    if (!b->unpinned_why && mkdir(dir, 0700)) {
        b->unpinned_why = xasprintf("cannot make the folder %s (%s)", dir,
                                    ovs_strerror(errno));
    }
    if (b->unpinned_why) {
        free(dir);
        return;
    }
    bpf_object__for_each_map (map, b->skel->obj) {
        char *path = xasprintf("%s/%s%s", dir,
                               bpf_map__is_internal(map) ? "beat_bpf_" : "",
                               bpf_map__is_internal(map)
                               ? bpf_map__name(map) + strcspn(
                                   bpf_map__name(map), ".") + 1
                               : bpf_map__name(map));

        error = error ? error : -bpf_obj_pin(bpf_map__fd(map), path);
        free(path);
    }
    if (error) {
        b->unpinned_why = xasprintf("cannot pin BPF maps in %s (%s)", dir,
                                    ovs_strerror(error));
        tpr_beat_unpin(dir);
        free(dir);
        return;
    }
    b->pin_dir = dir;
}

/* Returns NULL, or why detection ends when this process dies. */
const char *
tpr_beat_unpinned_why(const struct tpr_beat *b)
{
    return b->unpinned_why;
}

/* ## Life. ## */

static int
take_event(void *b_, void *data, size_t size)
{
    const struct tpr_beat_event *event = data;
    struct tpr_beat *b = b_;

    /* It woke us up, which is all that it is for. */
    if (size >= sizeof *event && event->type != TPR_BEAT_EVENT_TOKEN
        && b->event_func) {
        b->event_func(b->event_aux, event);
    }
    return 0;
}

static char *
set_up(struct tpr_beat *b)
{
    size_t size = ROUND_UP(sizeof(struct tpr_beat_session), 8)
                  * TPR_BEAT_SESSIONS;
    char *sentence;
    void *p;
    int error;

    b->skel = tpr_beat_skel__open();
    if (!b->skel) {
        return xasprintf("libbpf cannot read the heartbeats' BPF programs "
                         "(%s)", ovs_strerror(errno));
    }
    sentence = load(b);
    if (sentence) {
        return sentence;
    }
    p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
             bpf_map__fd(b->skel->maps.tpr_beat_table), 0);
    if (p == MAP_FAILED) {
        return xasprintf("cannot map the table of heartbeats (%s)",
                         ovs_strerror(errno));
    }
    b->sessions = p;
    b->mapped = size;
    b->state = &b->skel->bss->tpr_beat;
    tpr_beat_own(&b->state->owner, b->name);
    b->events = ring_buffer__new(bpf_map__fd(b->skel->maps.tpr_beat_events),
                                 take_event, b, NULL);
    if (!b->events) {
        return xasprintf("cannot read events of heartbeats (%s)",
                         ovs_strerror(errno));
    }
    b->state->tick_us = TPR_BEAT_TICK_MAX_US;
    start_pulses(b);
    error = start_timer(b);
    return (error ? xasprintf("this kernel starts no BPF timer (%s)",
                              ovs_strerror(error))
            : NULL);
}

/* Loads everything, for a program called 'name'.  Pins it in a folder of this
 * process's in 'pins', which is made a BPF file system, unless that is NULL.
 * Stores the result in '*bp', or NULL with a sentence that says what the
 * kernel lacks. */
char *
tpr_beat_create(const char *name, const char *pins, struct tpr_beat **bp)
{
    struct tpr_beat *b = xzalloc(sizeof *b);
    char *sentence;

    *bp = NULL;
    b->name = xstrdup(name);
    b->token.lost = true;
    sentence = set_up(b);
    if (sentence) {
        tpr_beat_destroy(b);
        return sentence;
    }
    if (pins) {
        pin(b, pins);
    } else {
        b->unpinned_why = xstrdup("there is no folder for it");
    }
    *bp = b;
    return NULL;
}

/* Ends everything: nothing is detected or sent any more.  Liveness words stay.
 * NULL is allowed. */
void
tpr_beat_destroy(struct tpr_beat *b)
{
    if (!b) {
        return;
    }
    if (b->state) {
        PUT(&b->state->tick_us, 0);
    }
    for (uint32_t i = 0; b->sessions && i < TPR_BEAT_SESSIONS; i++) {
        tpr_beat_quiet(b, i);
    }
    tpr_beat_stop_token(b);
    while (b->n_ports) {
        b->ports[0].n = 1;
        tpr_beat_detach(b, b->ports[0].ifindex);
    }
    if (b->pin_dir) {
        tpr_beat_unpin(b->pin_dir);
    }
    ring_buffer__free(b->events);
    if (b->sessions) {
        munmap(b->sessions, b->mapped);
    }
    tpr_beat_skel__destroy(b->skel);
    free(b->ports);
    free(b->name);
    free(b->pin_dir);
    free(b->unpinned_why);
    free(b->loop_trouble);
    free(b);
}

/* Takes session 'id' back before its port goes, whoever has it: silence that
 * we make ourselves takes nobody down.  The heartbeat thread, which may not
 * know yet, finds it disarmed, and cannot arm it before tpr_beat_unquiet(). */
void
tpr_beat_quiet(struct tpr_beat *b, uint32_t id)
{
    __atomic_store_n(&b->quiet[id], true, __ATOMIC_SEQ_CST);
    __atomic_exchange_n(&b->sessions[id].rx.armed, TPR_BEAT_OFF,
                        __ATOMIC_SEQ_CST);
}

/* ## Liveness pages. ## */

/* Stores "down" in the page that is map 'map_fd', too. */
char *
tpr_beat_add_page(struct tpr_beat *b, int map_fd)
{
    int maps = bpf_map__fd(b->skel->maps.tpr_beat_pages);

    for (uint32_t i = 0; i < TPR_BEAT_PAGES; i++) {
        if (!b->pages[i]) {
            int error = -bpf_map_update_elem(maps, &i, &map_fd, 0);

            if (error) {
                return xasprintf("heartbeats in the kernel cannot use a "
                                 "liveness page (%s)", ovs_strerror(error));
            }
            b->pages[i] = map_fd + 1;
            return NULL;
        }
    }
    return xasprintf("heartbeats in the kernel have room for %d liveness "
                     "pages", TPR_BEAT_PAGES);
}

void
tpr_beat_del_page(struct tpr_beat *b, int map_fd)
{
    for (uint32_t i = 0; i < TPR_BEAT_PAGES; i++) {
        if (b->pages[i] == map_fd + 1) {
            bpf_map_delete_elem(bpf_map__fd(b->skel->maps.tpr_beat_pages),
                                &i);
            b->pages[i] = 0;
        }
    }
}

/* Runs the program on 'frame', as if it had come in at no interface; stores
 * what it returns in '*verdict'.  Returns 0 or an errno. */
int
tpr_beat_test_packet(struct tpr_beat *b, bool xdp, const void *frame,
                     uint32_t size, uint32_t *verdict)
{
    LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame,
                .data_size_in = size);
    int error = bpf_prog_test_run_opts(
        bpf_program__fd(xdp ? b->skel->progs.tpr_beat_xdp
                        : b->skel->progs.tpr_beat_tc), &opts);

    *verdict = opts.retval;
    return -error;
}

int
tpr_beat_token_program(const struct tpr_beat *b)
{
    return bpf_program__fd(b->skel->progs.tpr_beat_token);
}

int
tpr_beat_port_program(const struct tpr_beat *b)
{
    return bpf_program__fd(b->skel->progs.tpr_beat_tc);
}

int
tpr_beat_ear_program(const struct tpr_beat *b)
{
    return bpf_program__fd(b->skel->progs.tpr_beat_ear);
}

/* ## The heartbeat thread's. ## */

const struct tpr_beat_state *
tpr_beat_state(const struct tpr_beat *b)
{
    return b->state;
}

const struct tpr_beat_session *
tpr_beat_session(const struct tpr_beat *b, uint32_t id)
{
    return &b->sessions[id];
}

/* The timer looks at sessions often enough for the fastest, and for the token
 * if any is sent. */
static void
set_tick(struct tpr_beat *b)
{
    int64_t tick_us = TPR_BEAT_TICK_MAX_US;
    int64_t lost_after_us = 0;

    for (uint32_t i = 0; i < b->state->n_sessions; i++) {
        const struct tpr_beat_session *s = &b->sessions[i];

        if (b->armed[i]) {
            tick_us = MIN(tick_us, s->rx.interval_us / TPR_BEAT_LOOKS);
        }
        if (s->tx.active) {
            int64_t us = tpr_beat_lost_after(s->tx.interval_us);

            lost_after_us = lost_after_us ? MIN(lost_after_us, us) : us;
            tick_us = MIN(tick_us, us / TPR_BEAT_LOOKS);
        }
    }
    PUT(&b->state->lost_after_us, lost_after_us);
    PUT(&b->state->tick_us, MAX(tick_us, TPR_BEAT_TICK_MIN_US));
}

static void
use_session(struct tpr_beat *b, uint32_t id)
{
    if (id >= b->state->n_sessions) {
        PUT(&b->state->n_sessions, id + 1);
    }
}

/* Describes session 'id' to the kernel, and makes it 'armed'. */
static int
describe(struct tpr_beat *b, uint32_t id, const struct tpr_beat_arming *a,
         uint32_t armed)
{
    int discrs = bpf_map__fd(b->skel->maps.tpr_beat_discrs);
    struct tpr_beat_rx *rx = &b->sessions[id].rx;
    uint32_t discr = htonl(a->discr);
    int error = 0;

    tpr_beat_disarm(b, id);
    if (b->discrs[id] != discr) {
        if (b->discrs[id]) {
            bpf_map_delete_elem(discrs, &b->discrs[id]);
        }
        b->discrs[id] = 0;
        error = -bpf_map_update_elem(discrs, &discr, &id, 0);
        if (error) {
            return error;
        }
        b->discrs[id] = discr;
    }
    memcpy(rx->expected, a->expected, sizeof rx->expected);
    memcpy(rx->addr, a->addr, sizeof rx->addr);
    rx->ipv6 = a->ipv6;
    rx->ifindex = a->ifindex;
    rx->vlan = a->vlan;
    rx->max_excuses = a->max_excuses;
    rx->interval_us = a->interval_us;
    rx->detect_us = a->detect_us;
    rx->tx_interval_us = a->tx_interval_us;
    rx->blame_us = a->blame_us;
    rx->consume = a->consume;
    rx->rx_us = a->rx_us;
    rx->has_macs = 0;
    use_session(b, id);
    b->armed[id] = armed == TPR_BEAT_ARMED;
    set_tick(b);
    /* Either we see that it is quiet, or who makes it so sees it armed. */
    b->n_armings++;
    __atomic_store_n(&rx->armed, armed + b->n_armings * TPR_BEAT_ARMING,
                     __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&b->quiet[id], __ATOMIC_SEQ_CST)) {
        tpr_beat_disarm(b, id);
        return ECANCELED;
    }
    return 0;
}

/* Lets the kernel count beats of session 'id', in 'n_listened'.  Returns 0 or
 * an errno. */
int
tpr_beat_listen(struct tpr_beat *b, uint32_t id,
                const struct tpr_beat_arming *a)
{
    return describe(b, id, a, TPR_BEAT_LISTENING);
}

/* Hands session 'id', which is up, to the kernel, or changes it there.
 * Returns 0 or an errno; then it is not armed. */
int
tpr_beat_arm(struct tpr_beat *b, uint32_t id, const struct tpr_beat_arming *a)
{
    return describe(b, id, a, TPR_BEAT_ARMED);
}

/* Takes session 'id' back.  Returns false if it was not armed (any more): the
 * kernel may have taken it down. */
bool
tpr_beat_disarm(struct tpr_beat *b, uint32_t id)
{
    uint32_t armed = __atomic_exchange_n(&b->sessions[id].rx.armed,
                                         TPR_BEAT_OFF, __ATOMIC_ACQ_REL);

    if (b->armed[id]) {
        b->armed[id] = false;
        set_tick(b);
    }
    return (armed & TPR_BEAT_ARMED_MASK) == TPR_BEAT_ARMED;
}

/* Should be called when tpr_beat_attach() has been called for session 'id',
 * after tpr_beat_quiet(). */
void
tpr_beat_unquiet(struct tpr_beat *b, uint32_t id)
{
    __atomic_store_n(&b->quiet[id], false, __ATOMIC_SEQ_CST);
}

/* Should be called when user space has sent a beat of session 'id'. */
void
tpr_beat_sent(struct tpr_beat *b, uint32_t id, int64_t now_us)
{
    PUT(&b->sessions[id].tx.sent_us, now_us);
}

/* Sends beats of session 'id' from 'now_us' on, or others than before. */
void
tpr_beat_send(struct tpr_beat *b, uint32_t id,
              const struct tpr_beat_sending *s, int64_t now_us)
{
    struct tpr_beat_tx *tx = &b->sessions[id].tx;
    bool was = tx->active;

    PUT(&tx->seq, tx->seq + 1);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    tx->ifindex = s->ifindex;
    tx->single = s->single;
    tx->interval_us = s->interval_us;
    memcpy(tx->len, s->len, sizeof tx->len);
    memcpy(tx->frame, s->frame, sizeof tx->frame);
    PUT(&tx->lease_until_us, s->lease_until_us);
    if (!was) {
        tx->random = s->random | 1;
        PUT(&tx->next_us, now_us);
    }
    PUT(&tx->seq, tx->seq + 1);
    use_session(b, id);
    PUT(&tx->active, 1);
    set_tick(b);
}

void
tpr_beat_unsend(struct tpr_beat *b, uint32_t id)
{
    PUT(&b->sessions[id].tx.active, 0);
    set_tick(b);
}

void
tpr_beat_renew(struct tpr_beat *b, uint32_t id, int64_t lease_until_us)
{
    PUT(&b->sessions[id].tx.lease_until_us, lease_until_us);
}

/* Returns a descriptor that is readable when there are events. */
int
tpr_beat_fd(const struct tpr_beat *b)
{
    return ring_buffer__epoll_fd(b->events);
}

/* Calls 'func' for each event, and looks after the token. */
void
tpr_beat_run(struct tpr_beat *b, int64_t now_us, tpr_beat_event_func *func,
             void *aux)
{
    b->event_func = func;
    b->event_aux = aux;
    ring_buffer__consume(b->events);
    if (b->has_token
        && tpr_beat_watch_token(&b->token, now_us, GET(&b->state->token_us),
                                b->state->lost_after_us
                                ? b->state->lost_after_us
                                : TPR_BEAT_LOST_MAX_US)) {
        tpr_beat_emit_token(b);
    }
}

/* Returns the state of the token as of the last tpr_beat_run(); without a
 * token, of one that is lost. */
const struct tpr_beat_token_watch *
tpr_beat_token(const struct tpr_beat *b)
{
    return &b->token;
}
