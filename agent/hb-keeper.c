/* SPDX-License-Identifier: Apache-2.0 */

/* The thread that keeps the heartbeats' BPF programs: see hb-keeper.h. */

#include <config.h>
#include "hb-keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <netlink/netlink.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "beat-loader.h"
#include "dirs.h"
#include "openvswitch/list.h"
#include "tpr-time.h"
#include "util.h"

enum {
    CHECK_US = 1000 * 1000,     /* Between two looks at everything. */
    HURRY_US = 10 * 1000,       /* The same if something has changed. */
    CALM_US = 500 * 1000,       /* After a repair, which costs packets that the
                                 * device is sending: don't fight. */
    STACK_SIZE = 512 * 1024,    /* All of it may be locked memory. */
};

/* What the main thread wants. */
struct order {
    struct ovs_list node;
    enum { ATTACH, DETACH, ADD_PAGE, DEL_PAGE, QUIT } type;
    uint32_t id, ifindex;
    int fd;                     /* ADD_PAGE: the keeper's own copy. */
    int map_fd;                 /* *_PAGE: the main thread's number. */
};

struct result {
    struct ovs_list node;
    struct hb_kept kept;
};

/* A liveness page. */
struct page {
    int fd;                     /* The keeper's own copy. */
    int map_fd;                 /* The main thread's number. */
};

/* A session of the main thread's. */
struct keeping {
    uint32_t ifindex;           /* 0: not wanted. */
    bool attached;
    bool told;                  /* The main thread knows... */
    bool told_attached;         /* ...this... */
    char *told_why;             /* ...and this. */
    char *trouble;              /* Why it could not be attached, or NULL. */
};

struct hb_keeper {
    /* Constant. */
    pthread_t thread;
    int order_fd;               /* Wakes the keeper. */
    int wake_fd;                /* Wakes the main thread. */
    unsigned int max;

    /* Both threads'. */
    pthread_mutex_t mutex;
    struct ovs_list orders, results;
    unsigned int n_results;     /* Also read without the mutex. */

    /* The keeper's. */
    struct nl_sock *changes;    /* rtnetlink's news, or NULL. */
    struct tpr_beat *beat;      /* Made when first asked for... */
    char *no_beat;              /* ...or why there is none. */
    char *no_token;             /* Why it cannot send, or NULL. */
    struct keeping *sessions;   /* 'max' of them. */
    struct page *pages;
    size_t n_pages;
    long long int check_us;     /* When to look again... */
    long long int calm_us;      /* ...and not before, whatever changes. */
    bool quit;
};

static void
wake(int fd)
{
    uint64_t one = 1;

    ignore(write(fd, &one, sizeof one) < 0);
}

/* ## The keeper's thread. ## */

static void
tell(struct hb_keeper *k, const struct hb_kept *kept)
{
    struct result *r = xmalloc(sizeof *r);

    r->kept = *kept;
    pthread_mutex_lock(&k->mutex);
    ovs_list_push_back(&k->results, &r->node);
    __atomic_store_n(&k->n_results, k->n_results + 1, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&k->mutex);
    wake(k->wake_fd);
}

/* Tells a sentence, which it frees. */
static void
say(struct hb_keeper *k, bool warning, char *sentence)
{
    struct hb_kept kept = {
        .type = warning ? HB_KEPT_WARNING : HB_KEPT_INFO, .why = sentence,
    };

    if (sentence) {
        tell(k, &kept);
    }
}

/* Where what outlives us in the kernel is found again. */
static char *
pins(void)
{
    return xasprintf("%s/bpf", ovs_rundir());
}

static void
remove_old(void)
{
    char *dir = pins();

    tpr_beat_remove_old(program_name, dir);
    free(dir);
}

static void
listen_to_changes(struct hb_keeper *k)
{
    k->changes = nl_socket_alloc();
    if (k->changes) {
        nl_socket_disable_seq_check(k->changes);
        if (nl_connect(k->changes, NETLINK_ROUTE)
            || nl_socket_add_memberships(k->changes, RTNLGRP_TC, RTNLGRP_LINK,
                                         0)) {
            nl_socket_free(k->changes);
            k->changes = NULL;
        } else {
            nl_socket_set_nonblocking(k->changes);
        }
    }
}

static void
load(struct hb_keeper *k)
{
    char *dir = pins();

    k->no_beat = tpr_beat_create(program_name, dir, &k->beat);
    free(dir);
    if (!k->beat) {
        say(k, false, xasprintf("heartbeats stay in user space: %s",
                                k->no_beat));
        return;
    }
    for (size_t i = 0; i < k->n_pages; i++) {
        say(k, true, tpr_beat_add_page(k->beat, k->pages[i].fd));
    }
    k->no_token = tpr_beat_start_token(k->beat);
    say(k, false, xasprintf("heartbeats can be received%s in the kernel%s%s",
                            k->no_token ? "" : " and sent",
                            k->no_token ? ": " : "",
                            k->no_token ? k->no_token : ""));
    if (tpr_beat_unpinned_why(k->beat)) {
        say(k, false, xasprintf("heartbeats in the kernel end with this "
                                "process: %s",
                                tpr_beat_unpinned_why(k->beat)));
    }
    listen_to_changes(k);
}

static void
try_to_attach(struct hb_keeper *k, struct keeping *s)
{
    if (!k->beat && !k->no_beat) {
        load(k);
    }
    if (k->beat && s->ifindex && !s->attached) {
        free(s->trouble);
        s->trouble = tpr_beat_attach(k->beat, s->ifindex);
        s->attached = !s->trouble;
    }
}

static const char *
why(struct hb_keeper *k, const struct keeping *s)
{
    return (!k->beat ? k->no_beat
            : s->trouble ? s->trouble
            : tpr_beat_port_trouble(k->beat, s->ifindex)
            ? tpr_beat_port_trouble(k->beat, s->ifindex)
            : k->no_token ? k->no_token
            : tpr_beat_loop_trouble(k->beat));
}

/* Tells the main thread of session 'id' if there is anything new. */
static void
report(struct hb_keeper *k, uint32_t id)
{
    struct keeping *s = &k->sessions[id];
    const char *new = why(k, s);

    if (s->told && s->told_attached == s->attached
        && (new && s->told_why
            ? !strcmp(new, s->told_why) : new == s->told_why)) {
        return;
    }
    free(s->told_why);
    s->told_why = nullable_xstrdup(new);
    s->told_attached = s->attached;
    s->told = true;

    struct hb_kept kept = {
        .type = HB_KEPT_SESSION, .id = id, .ifindex = s->ifindex,
        .beat = s->attached ? k->beat : NULL,
        .can_send = s->attached && !k->no_token,
        .why = nullable_xstrdup(new),
    };
    tell(k, &kept);
}

static void
forget(struct keeping *s)
{
    free(s->told_why);
    free(s->trouble);
    memset(s, 0, sizeof *s);
}

static void
obey_detach(struct hb_keeper *k, uint32_t id)
{
    struct keeping *s = &k->sessions[id];

    if (s->attached) {
        tpr_beat_quiet(k->beat, id);
        tpr_beat_detach(k->beat, s->ifindex);
    }
    forget(s);
}

static void
obey_attach(struct hb_keeper *k, uint32_t id, uint32_t ifindex)
{
    obey_detach(k, id);
    k->sessions[id].ifindex = ifindex;
    try_to_attach(k, &k->sessions[id]);
    report(k, id);
}

static void
obey_del_page(struct hb_keeper *k, const struct order *o)
{
    for (size_t i = 0; i < k->n_pages; i++) {
        if (k->pages[i].map_fd == o->map_fd) {
            if (k->beat) {
                tpr_beat_del_page(k->beat, k->pages[i].fd);
            }
            close(k->pages[i].fd);
            k->pages[i] = k->pages[--k->n_pages];
            break;
        }
    }
}

static void
obey(struct hb_keeper *k, const struct order *o)
{
    switch (o->type) {
    case ATTACH:
        obey_attach(k, o->id, o->ifindex);
        break;
    case DETACH:
        obey_detach(k, o->id);
        break;
    case ADD_PAGE:
        k->pages = xrealloc(k->pages, (k->n_pages + 1) * sizeof *k->pages);
        k->pages[k->n_pages++] = (struct page) { o->fd, o->map_fd };
        if (k->beat) {
            say(k, true, tpr_beat_add_page(k->beat, o->fd));
        }
        break;
    case DEL_PAGE:
        obey_del_page(k, o);
        break;
    case QUIT:
        k->quit = true;
        break;
    }
}

static void
obey_all(struct hb_keeper *k)
{
    uint64_t count;

    ignore(read(k->order_fd, &count, sizeof count) < 0);
    for (;;) {
        struct order *o = NULL;

        pthread_mutex_lock(&k->mutex);
        if (!ovs_list_is_empty(&k->orders)) {
            o = CONTAINER_OF(ovs_list_pop_front(&k->orders), struct order,
                             node);
        }
        pthread_mutex_unlock(&k->mutex);
        if (!o) {
            break;
        }
        obey(k, o);
        free(o);
    }
}

/* Returns true if rtnetlink has told of any change. */
static bool
drain_changes(struct hb_keeper *k)
{
    char buf[16384];
    bool any = false;

    while (k->changes) {
        ssize_t n = recv(nl_socket_get_fd(k->changes), buf, sizeof buf,
                         MSG_DONTWAIT);

        /* ENOBUFS: more than we could read. */
        if (n < 0 && errno != ENOBUFS && errno != EINTR) {
            break;
        }
        any = true;
    }
    return any;
}

static void
check(struct hb_keeper *k)
{
    char *repaired = tpr_beat_check(k->beat, tpr_now_us());

    if (repaired) {
        k->calm_us = tpr_now_us() + CALM_US;
        say(k, true, repaired);
    }
    for (unsigned int id = 0; id < k->max; id++) {
        struct keeping *s = &k->sessions[id];

        if (s->ifindex) {
            try_to_attach(k, s);
            report(k, id);
        }
    }
    k->check_us = tpr_now_us() + CHECK_US;
}

static void
wait_for_work(struct hb_keeper *k)
{
    struct pollfd fds[2] = {
        { .fd = k->order_fd, .events = POLLIN },
        { .fd = k->changes ? nl_socket_get_fd(k->changes) : -1,
          .events = POLLIN },
    };
    long long int left_us = MAX(k->check_us - tpr_now_us(), 0);
    struct timespec ts = { left_us / 1000000, left_us % 1000000 * 1000 };

    ignore(ppoll(fds, 2, k->beat ? &ts : NULL, NULL));
}

static void *
keeper_main(void *k_)
{
    struct hb_keeper *k = k_;

    prctl(PR_SET_NAME, "keeper");
    remove_old();
    while (!k->quit) {
        wait_for_work(k);
        obey_all(k);
        if (!k->beat || k->quit) {
            continue;
        }
        if (drain_changes(k)) {
            k->check_us = MIN(k->check_us,
                              MAX(tpr_now_us() + HURRY_US, k->calm_us));
        }
        if (tpr_now_us() >= k->check_us) {
            check(k);
        }
    }
    tpr_beat_destroy(k->beat);
    return NULL;
}

/* ## The main thread's. ## */

/* Starts the keeper, for sessions below 'max'.  It writes to 'wake_fd', an
 * eventfd, when hb_keeper_next() has something.  Aborts if the system lacks
 * the resources. */
struct hb_keeper *
hb_keeper_create(unsigned int max, int wake_fd)
{
    struct hb_keeper *k = xzalloc(sizeof *k);
    pthread_attr_t attr;
    sigset_t all, old;

    k->max = max;
    k->wake_fd = wake_fd;
    k->sessions = xcalloc(max, sizeof *k->sessions);
    pthread_mutex_init(&k->mutex, NULL);
    ovs_list_init(&k->orders);
    ovs_list_init(&k->results);
    k->order_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (k->order_fd < 0) {
        ovs_abort(errno, "cannot set up the keeper of heartbeats");
    }
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_SIZE);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int error = pthread_create(&k->thread, &attr, keeper_main, k);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    if (error) {
        ovs_abort(error, "cannot create the keeper of heartbeats");
    }
    return k;
}

static void
order(struct hb_keeper *k, const struct order *o)
{
    struct order *copy = xmemdup(o, sizeof *o);

    pthread_mutex_lock(&k->mutex);
    ovs_list_push_back(&k->orders, &copy->node);
    pthread_mutex_unlock(&k->mutex);
    wake(k->order_fd);
}

/* Ends the keeper, and all that it has loaded: nobody uses that any more.
 * NULL is allowed. */
void
hb_keeper_destroy(struct hb_keeper *k)
{
    struct order *o;
    struct result *r;

    if (!k) {
        return;
    }
    order(k, &(struct order) { .type = QUIT });
    pthread_join(k->thread, NULL);
    LIST_FOR_EACH_POP (o, node, &k->orders) {
        if (o->type == ADD_PAGE) {
            close(o->fd);
        }
        free(o);
    }
    LIST_FOR_EACH_POP (r, node, &k->results) {
        free(r->kept.why);
        free(r);
    }
    for (unsigned int i = 0; i < k->max; i++) {
        forget(&k->sessions[i]);
    }
    for (size_t i = 0; i < k->n_pages; i++) {
        close(k->pages[i].fd);
    }
    nl_socket_free(k->changes);
    pthread_mutex_destroy(&k->mutex);
    close(k->order_fd);
    free(k->sessions);
    free(k->pages);
    free(k->no_beat);
    free(k->no_token);
    free(k);
}

/* Lets session 'id' be received at interface 'ifindex', and nowhere else, from
 * now on or as soon as that is possible: a result says. */
void
hb_keeper_attach(struct hb_keeper *k, uint32_t id, uint32_t ifindex)
{
    order(k, &(struct order) {
        .type = ATTACH, .id = id, .ifindex = ifindex,
    });
}

/* Takes hb_keeper_attach() back.  A result that is under way may still
 * come. */
void
hb_keeper_detach(struct hb_keeper *k, uint32_t id)
{
    order(k, &(struct order) { .type = DETACH, .id = id });
}

/* For each BPF map that holds a liveness page: see hb_thread_add_page().
 * Returns 0 or an errno. */
int
hb_keeper_add_page(struct hb_keeper *k, int map_fd)
{
    int fd = fcntl(map_fd, F_DUPFD_CLOEXEC, 0);

    if (fd < 0) {
        return errno;
    }
    order(k, &(struct order) {
        .type = ADD_PAGE, .fd = fd, .map_fd = map_fd,
    });
    return 0;
}

/* 'map_fd' may be closed then. */
void
hb_keeper_del_page(struct hb_keeper *k, int map_fd)
{
    order(k, &(struct order) { .type = DEL_PAGE, .map_fd = map_fd });
}

/* Takes the next result. */
bool
hb_keeper_next(struct hb_keeper *k, struct hb_kept *kept)
{
    struct result *r = NULL;

    if (!__atomic_load_n(&k->n_results, __ATOMIC_RELAXED)) {
        return false;
    }
    pthread_mutex_lock(&k->mutex);
    if (!ovs_list_is_empty(&k->results)) {
        r = CONTAINER_OF(ovs_list_pop_front(&k->results), struct result,
                         node);
        __atomic_store_n(&k->n_results, k->n_results - 1, __ATOMIC_RELAXED);
    }
    pthread_mutex_unlock(&k->mutex);
    if (r) {
        *kept = r->kept;
        free(r);
    }
    return r != NULL;
}
