/* SPDX-License-Identifier: Apache-2.0 */

/* What becomes of a liveness page whose file was cut short: see
 * page-guard.h. */

#include <config.h>
#include "page-guard.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include "openvswitch/compiler.h"

/* A guarded page; all members but the last are accessed atomically. */
struct guard {
    struct tpr_page *page;      /* NULL: this one is free. */
    struct tpr_page *copy;      /* NULL: it is being put in place, or is. */
    bool lost;                  /* The copy is in place, or will be soon. */
    unsigned int n_rescuing;    /* Threads that may be putting it there. */
    struct tpr_page *spare;     /* Memory for the next copy, or NULL.  Mapping
                                 * some each time would interrupt all threads
                                 * of the process; the owner's. */
};

static struct guard guards[TPR_GUARD_MAX];
static struct sigaction other_action;   /* For any other SIGBUS. */

/* Returns the guard of the page that 'addr' is in, or NULL. */
static struct guard *
find(const void *addr)
{
    for (int i = 0; i < TPR_GUARD_MAX; i++) {
        const char *page = (const char *) __atomic_load_n(&guards[i].page,
                                                          __ATOMIC_ACQUIRE);

        if (page && (const char *) addr >= page
            && (const char *) addr < page + sizeof(struct tpr_page)) {
            return &guards[i];
        }
    }
    return NULL;
}

static struct tpr_page *
map_copy(void)
{
    void *copy = mmap(NULL, sizeof(struct tpr_page), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    return copy == MAP_FAILED ? NULL : copy;
}

static void
unmap_copy(struct tpr_page *copy)
{
    if (copy) {
        munmap(copy, sizeof *copy);
    }
}

/* Makes sure that 'g' has a spare; returns false if there is no memory. */
static bool
have_spare(struct guard *g)
{
    if (!g->spare) {
        g->spare = map_copy();
    }
    return g->spare != NULL;
}

/* Makes the spare of 'g' its copy, and the former copy the spare. */
static void
use_spare(struct guard *g)
{
    g->spare = __atomic_exchange_n(&g->copy, g->spare, __ATOMIC_ACQ_REL);
}

/* Copies all words, which others may change meanwhile. */
static void
copy_words(struct tpr_page *to, const struct tpr_page *from)
{
    const uint64_t *src = (const uint64_t *) from;
    uint64_t *dst = (uint64_t *) to;

    for (size_t i = 0; i < sizeof *to / sizeof *dst; i++) {
        dst[i] = __atomic_load_n(&src[i], __ATOMIC_RELAXED);
    }
}

/* Puts the copy of 'g' in place, unless another thread does or did.  If that
 * fails, returns false, and the page is guarded no more.  Safe in a signal
 * handler: only system calls. */
static bool
rescue(struct guard *g)
{
    struct tpr_page *copy;
    bool ok = true;

    __atomic_fetch_add(&g->n_rescuing, 1, __ATOMIC_SEQ_CST);
    copy = __atomic_exchange_n(&g->copy, NULL, __ATOMIC_SEQ_CST);
    if (copy) {
        __atomic_store_n(&g->lost, true, __ATOMIC_SEQ_CST);
        if (mremap(copy, sizeof *copy, sizeof *copy,
                   MREMAP_MAYMOVE | MREMAP_FIXED, g->page) != g->page) {
            __atomic_store_n(&g->page, NULL, __ATOMIC_RELEASE);
            ok = false;
        }
    }
    __atomic_fetch_sub(&g->n_rescuing, 1, __ATOMIC_SEQ_CST);
    return ok;
}

/* Does somebody's handler come with 'action'? */
static bool
has_handler(const struct sigaction *action)
{
    /* Both members are the same memory. */
    return (action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN);
}

/* Lets the handler have the signal that was there before ours, as the kernel
 * would. */
static void
call_other(int signr, siginfo_t *info, void *context)
{
    const struct sigaction other = other_action;
    sigset_t mask = other.sa_mask, old;

    if (other.sa_flags & SA_RESETHAND) {
        other_action.sa_handler = SIG_DFL;
    }
    pthread_sigmask(SIG_BLOCK, &mask, &old);
    if (other.sa_flags & SA_NODEFER && !sigismember(&mask, signr)) {
        sigemptyset(&mask);
        sigaddset(&mask, signr);
        pthread_sigmask(SIG_UNBLOCK, &mask, NULL);
    }
    if (other.sa_flags & SA_SIGINFO) {
        other.sa_sigaction(signr, info, context);
    } else {
        other.sa_handler(signr);
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* The signal is about something else: does what it did before. */
static void
pass_on(int signr, siginfo_t *info, void *context)
{
    const bool was_sent = info->si_code <= 0;   /* By somebody. */

    if (has_handler(&other_action)) {
        call_other(signr, info, context);
    } else if (!was_sent || other_action.sa_handler == SIG_DFL) {
        signal(signr, SIG_DFL);         /* This is the end. */
        if (was_sent) {
            raise(signr);
        }                               /* Else it will happen again. */
    }
}

static void
handle_sigbus(int signr, siginfo_t *info, void *context)
{
    const int error = errno;
    struct guard *g = info->si_code == BUS_ADRERR ? find(info->si_addr) : NULL;

    if (!g || !rescue(g)) {
        pass_on(signr, info, context);
    }
    errno = error;
}

/* On the other handler's stack, if it asked for one. */
static void
install_handler(void)
{
    static bool installed = false;
    struct sigaction action = {
        .sa_sigaction = handle_sigbus,
        .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK,
    };

    if (!installed) {
        installed = true;
        sigemptyset(&action.sa_mask);
        sigaction(SIGBUS, NULL, &other_action);     /* Before ours needs it. */
        sigaction(SIGBUS, &action, NULL);
    }
}

void
tpr_guard_add(struct tpr_page *page)
{
    for (int i = 0; i < TPR_GUARD_MAX; i++) {
        struct guard *g = &guards[i];

        if (!g->page && have_spare(g)) {
            install_handler();
            copy_words(g->spare, page);
            g->lost = false;
            use_spare(g);
            __atomic_store_n(&g->page, page, __ATOMIC_RELEASE);
            return;
        }
    }
}

void
tpr_guard_remove(struct tpr_page *page)
{
    struct guard *g = find(page);

    if (g) {
        __atomic_store_n(&g->page, NULL, __ATOMIC_RELEASE);
        unmap_copy(g->spare);
        g->spare = NULL;
        use_spare(g);
        unmap_copy(g->spare);
        g->spare = NULL;
    }
}

void
tpr_guard_save(struct tpr_page *page, bool (*is_whole)(const void *aux),
               const void *aux)
{
    struct guard *g = find(page);

    if (!g || !have_spare(g)) {
        return;                 /* The last copy has to do. */
    }
    /* This may raise SIGBUS itself, hence not into the copy in use. */
    copy_words(g->spare, page);
    if (!tpr_guard_is_lost(page) && is_whole(aux)) {
        use_spare(g);
    }
}

void
tpr_guard_rescue(struct tpr_page *page)
{
    struct guard *g = find(page);

    if (g) {
        rescue(g);
    }
}

bool
tpr_guard_is_lost(const struct tpr_page *page)
{
    const struct guard *g = find(page);

    return g && __atomic_load_n(&g->lost, __ATOMIC_ACQUIRE);
}

bool
tpr_guard_renew(struct tpr_page *page)
{
    struct guard *g = find(page);

    /* Whoever puts the copy in place must not do so after our caller has
     * mapped something else there.  One that takes it later says so in 'lost',
     * after us. */
    while (g && __atomic_load_n(&g->n_rescuing, __ATOMIC_SEQ_CST)) {
        sched_yield();
    }
    if (tpr_guard_is_lost(page)) {
        if (!have_spare(g)) {
            return false;
        }
        copy_words(g->spare, page);
        __atomic_store_n(&g->lost, false, __ATOMIC_SEQ_CST);
        use_spare(g);
    }
    return true;
}
