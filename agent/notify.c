/* SPDX-License-Identifier: Apache-2.0 */

/* Notify hooks; notify.h says what and why. */

#include <config.h>
#include "notify.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "coverage.h"
#include "openvswitch/list.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "svec.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(notify);

COVERAGE_DEFINE(notify_started);
COVERAGE_DEFINE(notify_failed);
COVERAGE_DEFINE(notify_dropped);

/* A hook that always fails says so a few times a minute. */
static struct vlog_rate_limit fail_rl = VLOG_RATE_LIMIT_INIT(5, 5);

extern char **environ;

/* One run of one hook: waiting, then running. */
struct hook_run {
    struct ovs_list node;       /* In 'queue' or 'running'. */
    char *path;
    struct svec env;            /* Complete environment. */

    pid_t pid;                  /* Running only. */
    int pidfd;                  /* -1: none to be had; reaped all the same. */
    long long int started_ms;   /* time_msec() of its start... */
    long long int terminated_ms;        /* ...and of the last signal, or 0. */
};

struct notify {
    struct svec hooks;
    struct ovs_list queue, running;     /* struct hook_run. */
    size_t n_queue, n_running;
    long long int timeout_ms;   /* For one run. */
    uint64_t n_started, n_failed, n_dropped;
};

struct notify *
notify_create(void)
{
    struct notify *n = xzalloc(sizeof *n);

    svec_init(&n->hooks);
    ovs_list_init(&n->queue);
    ovs_list_init(&n->running);
    return n;
}

static void
hook_run_destroy(struct hook_run *run)
{
    if (run->pidfd >= 0) {
        close(run->pidfd);
    }
    free(run->path);
    svec_destroy(&run->env);
    free(run);
}

/* Ends 'n'.  Hooks that run still are left to finish. */
void
notify_destroy(struct notify *n)
{
    struct hook_run *run;

    if (!n) {
        return;
    }
    LIST_FOR_EACH_POP (run, node, &n->queue) {
        hook_run_destroy(run);
    }
    LIST_FOR_EACH_POP (run, node, &n->running) {
        hook_run_destroy(run);
    }
    svec_destroy(&n->hooks);
    free(n);
}

/* Makes the 'n_hooks' executables in 'hooks' the ones that are run, each for
 * 'timeout_ms' at most; that holds for those which run already, too. */
void
notify_configure(struct notify *n, char *const *hooks, size_t n_hooks,
                 long long int timeout_ms)
{
    n->timeout_ms = timeout_ms;
    svec_clear(&n->hooks);
    for (size_t i = 0; i < n_hooks; i++) {
        svec_add(&n->hooks, hooks[i]);
    }
}

static void
add_env(struct svec *env, const char *name, const char *value)
{
    svec_add_nocopy(env, xasprintf("%s=%s", name, value));
}

static void
make_env(struct svec *env, const char *event, const char *object,
         const char *from, const char *to, const char *reason,
         long long int t_us)
{
    char number[32];

    svec_init(env);
    for (char **e = environ; *e; e++) {
        if (strncmp(*e, "TPR_", 4)) {
            svec_add(env, *e);
        }
    }
    snprintf(number, sizeof number, "%lld", t_us);
    add_env(env, "TPR_EVENT", event);
    add_env(env, "TPR_OBJECT", object);
    add_env(env, "TPR_FROM", from);
    add_env(env, "TPR_TO", to);
    add_env(env, "TPR_REASON", reason);
    add_env(env, "TPR_T_US", number);
    svec_terminate(env);
}

/* Tells every hook of one transition; 't_us' is the time from the last sign of
 * life to the switch's confirmation, 0 if unknown.  Does not block. */
void
notify_send(struct notify *n, const char *event, const char *object,
            const char *from, const char *to, const char *reason,
            long long int t_us)
{
    for (size_t i = 0; i < n->hooks.n; i++) {
        struct hook_run *run;

        if (n->n_queue >= NOTIFY_MAX_QUEUE) {
            static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 1);

            COVERAGE_INC(notify_dropped);
            n->n_dropped++;
            VLOG_WARN_RL(&rl, "%s: too many notifications wait, one was "
                         "dropped", n->hooks.names[i]);
            continue;
        }
        run = xzalloc(sizeof *run);
        run->pidfd = -1;
        run->path = xstrdup(n->hooks.names[i]);
        make_env(&run->env, event, object, from, to, reason, t_us);
        ovs_list_push_back(&n->queue, &run->node);
        n->n_queue++;
    }
}

static int
spawn(struct hook_run *run)
{
    char *argv[] = { run->path, NULL };
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t all, none;
    int error;

    sigfillset(&all);
    sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
    posix_spawn_file_actions_adddup2(&actions, 0, 1);
    posix_spawn_file_actions_adddup2(&actions, 0, 2);
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP
                             | POSIX_SPAWN_SETSIGDEF
                             | POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setsigmask(&attr, &none);
    error = posix_spawn(&run->pid, run->path, &actions, &attr, argv,
                        run->env.names);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static void
start(struct notify *n, struct hook_run *run)
{
    int error = spawn(run);

    if (error) {
        VLOG_WARN_RL(&fail_rl, "%s: cannot run this notify hook (%s)",
                     run->path, ovs_strerror(error));
        COVERAGE_INC(notify_failed);
        n->n_failed++;
        hook_run_destroy(run);
        return;
    }
    COVERAGE_INC(notify_started);
    n->n_started++;
    run->pidfd = syscall(SYS_pidfd_open, run->pid, 0);
    run->started_ms = time_msec();
    ovs_list_push_back(&n->running, &run->node);
    n->n_running++;
}

/* Returns true if the hook has ended, after saying so where it failed. */
static bool
reap(struct notify *n, struct hook_run *run)
{
    siginfo_t info = { .si_pid = 0 };

    if (waitid(P_PID, run->pid, &info, WEXITED | WNOHANG | WNOWAIT)) {
        return errno == ECHILD;
    }
    if (!info.si_pid) {
        return false;
    }
    if (run->terminated_ms) {
        /* What it leaves behind goes, too; its id is its own until it is
         * reaped. */
        kill(-run->pid, SIGKILL);
    }
    waitid(P_PID, run->pid, &info, WEXITED);
    if (info.si_code != CLD_EXITED || info.si_status) {
        COVERAGE_INC(notify_failed);
        n->n_failed++;
        VLOG_WARN_RL(&fail_rl, "%s: notify hook ended by %s %d%s", run->path,
                     info.si_code == CLD_EXITED ? "exit status" : "signal",
                     info.si_status,
                     run->terminated_ms ? " after its time" : "");
    }
    return true;
}

/* Returns when 'run' must have ended, or be killed after SIGTERM. */
static long long int
hook_deadline(const struct notify *n, const struct hook_run *run)
{
    return (run->terminated_ms ? run->terminated_ms + NOTIFY_KILL_MS
            : run->started_ms + n->timeout_ms);
}

static void
enforce_deadline(const struct notify *n, struct hook_run *run)
{
    if (time_msec() >= hook_deadline(n, run)) {
        kill(-run->pid, run->terminated_ms ? SIGKILL : SIGTERM);
        run->terminated_ms = time_msec();
    }
}

/* Reaps what has ended, ends what takes too long, starts what waits. */
void
notify_run(struct notify *n)
{
    struct hook_run *run, *next;

    LIST_FOR_EACH_SAFE (run, next, node, &n->running) {
        if (reap(n, run)) {
            ovs_list_remove(&run->node);
            n->n_running--;
            hook_run_destroy(run);
        } else {
            enforce_deadline(n, run);
        }
    }
    while (n->n_running < NOTIFY_MAX_RUNNING && n->n_queue) {
        run = CONTAINER_OF(ovs_list_pop_front(&n->queue), struct hook_run,
                           node);
        n->n_queue--;
        start(n, run);
    }
}

/* Wakes the poll loop when notify_run() has something to do. */
void
notify_wait(struct notify *n)
{
    struct hook_run *run;

    LIST_FOR_EACH (run, node, &n->running) {
        if (run->pidfd >= 0) {
            poll_fd_wait(run->pidfd, POLLIN);
        }
        poll_timer_wait_until(hook_deadline(n, run));
    }
    if (n->n_queue && n->n_running < NOTIFY_MAX_RUNNING) {
        poll_immediate_wake();
    }
}

/* Stores in '*stats' what became of hooks so far. */
void
notify_get_stats(const struct notify *n, struct notify_stats *stats)
{
    *stats = (struct notify_stats) {
        .n_started = n->n_started,
        .n_failed = n->n_failed,
        .n_dropped = n->n_dropped,
        .n_waiting = n->n_queue,
        .n_running = n->n_running,
    };
}
