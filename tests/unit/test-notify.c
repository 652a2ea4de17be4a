/* SPDX-License-Identifier: Apache-2.0 */

/* Tests notify hooks with real executables in a folder of their own, which
 * write what they see into files there. */

#include <config.h>
#include "notify.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "openvswitch/poll-loop.h"
#include "svec.h"
#include "timeval.h"
#include "unit.h"

enum { LIMIT_MS = 20 * 1000 };

static char dir[] = "/tmp/test-notify-XXXXXX";
static struct notify *notify;
static struct svec files;       /* To remove. */

static char *
path_of(const char *name)
{
    return xasprintf("%s/%s", dir, name);
}

/* Makes an executable of the shell script 'body', where $dir is the
 * folder. */
static char *
make_hook(const char *name, const char *body)
{
    char *path = path_of(name);
    FILE *f = fopen(path, "w");

    ck_assert_ptr_nonnull(f);
    fprintf(f, "#! /bin/sh\ndir=%s\n%s\n", dir, body);
    fclose(f);
    ck_assert_int_eq(chmod(path, 0755), 0);
    svec_add(&files, name);
    return path;
}

/* Returns what the file 'name' holds, "" if there is none yet. */
static char *
contents(const char *name)
{
    char *path = path_of(name);
    char *s = xzalloc(4096);
    FILE *f = fopen(path, "r");

    if (f) {
        s[fread(s, 1, 4095, f)] = '\0';
        fclose(f);
    }
    free(path);
    return s;
}

static void
setup(void)
{
    ck_assert_ptr_nonnull(mkdtemp(dir));
    svec_init(&files);
    notify = notify_create();
}

static void
teardown(void)
{
    const char *name;
    size_t i;

    notify_destroy(notify);
    SVEC_FOR_EACH (i, name, &files) {
        char *path = path_of(name);
        unlink(path);
        free(path);
    }
    svec_destroy(&files);
    ck_assert_msg(!rmdir(dir), "%s: %s", dir, ovs_strerror(errno));
}

static struct notify_stats
stats(void)
{
    struct notify_stats st;

    notify_get_stats(notify, &st);
    return st;
}

/* Runs the poll loop until no hook waits or runs. */
static void
finish(void)
{
    long long int end = time_msec() + LIMIT_MS;

    for (;;) {
        notify_run(notify);
        if (!stats().n_waiting && !stats().n_running) {
            return;
        }
        ck_assert_int_lt(time_msec(), end);
        notify_wait(notify);
        poll_timer_wait_until(end);
        poll_block();
    }
}

/* Runs the poll loop until the file 'name' holds something, then says that the
 * time of every hook is over. */
static void
time_out_when(char *hook, const char *name)
{
    long long int end = time_msec() + LIMIT_MS;

    for (;;) {
        char *s = contents(name);
        bool ready = *s;

        free(s);
        if (ready) {
            notify_configure(notify, &hook, 1, 0);
            return;
        }
        ck_assert_int_lt(time_msec(), end);
        notify_run(notify);
        poll_timer_wait(1);
        poll_block();
    }
}

static void
send_one(void)
{
    notify_send(notify, "TPR-101", "region r1", "up", "down",
                "3 beats missed; $(touch $dir/shell)", 31200);
}

START_TEST(hook_learns_everything)
{
    setup();
    char *hook = make_hook("hook", "env | grep ^TPR_ | sort > $dir/out");
    svec_add(&files, "out");
    setenv("TPR_OBJECT", "not this", 1);
    notify_configure(notify, &hook, 1, 10000);
    send_one();
    finish();

    char *out = contents("out");
    ck_assert_str_eq(out, "TPR_EVENT=TPR-101\n"
                     "TPR_FROM=up\n"
                     "TPR_OBJECT=region r1\n"
                     "TPR_REASON=3 beats missed; $(touch $dir/shell)\n"
                     "TPR_TO=down\n"
                     "TPR_T_US=31200\n");
    free(out);
    ck_assert_uint_eq(stats().n_started, 1);
    ck_assert_uint_eq(stats().n_failed, 0);
    free(hook);
    teardown();
}
END_TEST

/* Returns the descriptors of process 'pid', "N FILE" a line, without those
 * that are the script 'hook'. */
static char *
descriptors_of(pid_t pid, const char *hook)
{
    struct svec lines = SVEC_EMPTY_INITIALIZER;
    char *fds = xasprintf("/proc/%d/fd", pid);
    DIR *stream = opendir(fds);
    const struct dirent *entry;

    while (stream && (entry = readdir(stream)) != NULL) {
        char target[256] = "";
        ssize_t n = readlinkat(dirfd(stream), entry->d_name, target,
                               sizeof target - 1);

        if (n > 0 && strcmp(target, hook)) {
            svec_add_nocopy(&lines, xasprintf("%s %s", entry->d_name, target));
        }
    }
    if (stream) {
        closedir(stream);
    }
    free(fds);
    svec_sort(&lines);
    char *s = svec_join(&lines, "\n", "\n");
    svec_destroy(&lines);
    return s;
}

/* Waits until the hook that wrote its process id into the file "pid" has no
 * descriptors but the standard ones; a shell may have others for a moment. */
static void
expect_no_descriptors(const char *hook)
{
    long long int end = time_msec() + LIMIT_MS;
    bool ok = false;

    while (!ok) {
        char *pid = contents("pid");

        if (*pid) {
            char *s = descriptors_of(strtol(pid, NULL, 10), hook);

            ok = !strcmp(s, "0 /dev/null\n1 /dev/null\n2 /dev/null\n");
            ck_assert_msg(ok || time_msec() < end, "%s", s);
            free(s);
        }
        free(pid);
        ck_assert_int_lt(time_msec(), end);
        notify_run(notify);
        poll_timer_wait(1);
        poll_block();
    }
}

/* Nothing of ours leaks: descriptors, blocked or ignored signals, the process
 * group. */
START_TEST(hook_starts_clean)
{
    sigset_t set;

    setup();
    char *hook = make_hook("hook",
                           "cat /proc/self/status > $dir/status\n"
                           "cut -d' ' -f5 < /proc/$$/stat > $dir/group\n"
                           "echo $$ > $dir/pid\n"
                           "until test -e $dir/go; do sleep 0.01; done");
    char *go = path_of("go");
    svec_add(&files, "status");
    svec_add(&files, "group");
    svec_add(&files, "pid");
    svec_add(&files, "go");
    int fd = open("/dev/zero", O_RDONLY);   /* Without O_CLOEXEC. */
    ck_assert_int_ge(fd, 3);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    notify_configure(notify, &hook, 1, 60000);
    send_one();
    expect_no_descriptors(hook);
    close(creat(go, 0600));
    finish();
    close(fd);

    /* glibc leaves its two internal signals, 32 and 33, ignored. */
    unsigned long long int blocked, ignored;
    char *out = contents("status");
    ck_assert_int_eq(sscanf(strstr(out, "SigBlk:"), "SigBlk: %llx SigIgn: %llx",
                            &blocked, &ignored), 2);
    ck_assert_uint_eq(blocked, 0);
    ck_assert_uint_eq(ignored & ~(3ULL << 31), 0);
    free(out);

    char *pid = contents("pid");
    out = contents("group");
    ck_assert_str_eq(out, pid);
    free(out);
    free(pid);
    free(go);
    free(hook);
    teardown();
}
END_TEST

/* SIGTERM ends a hook that takes too long, with all that it has started. */
START_TEST(slow_hook_is_ended)
{
    setup();
    char *hook = make_hook("hook", "trap 'echo term > $dir/out; exit 3' TERM\n"
                           "sleep 1000 &\n"
                           "echo $! > $dir/child\n"
                           "wait");
    svec_add(&files, "out");
    svec_add(&files, "child");
    notify_configure(notify, &hook, 1, 60000);
    send_one();
    time_out_when(hook, "child");
    finish();

    char *out = contents("out");
    ck_assert_str_eq(out, "term\n");
    free(out);
    ck_assert_uint_eq(stats().n_failed, 1);

    /* Init or a reaper takes the child that was killed with its group. */
    out = contents("child");
    pid_t child = strtol(out, NULL, 10);
    ck_assert_int_gt(child, 1);
    free(out);
    char *stat_path = xasprintf("/proc/%d/stat", child);
    long long int end = time_msec() + LIMIT_MS;
    for (;;) {
        FILE *f = fopen(stat_path, "r");
        char state = 'X';

        if (f) {
            if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1) {
                state = 'X';
            }
            fclose(f);
        }
        if (state == 'X' || state == 'Z') {
            break;
        }
        ck_assert_int_lt(time_msec(), end);
        poll_timer_wait(1);
        poll_block();
    }
    free(stat_path);
    free(hook);
    teardown();
}
END_TEST

/* SIGKILL ends what does not listen to SIGTERM. */
START_TEST(stubborn_hook_is_killed)
{
    setup();
    char *hook = make_hook("hook", "trap '' TERM\n"
                           "echo x > $dir/out\n"
                           "while :; do sleep 0.1; done");
    svec_add(&files, "out");
    notify_configure(notify, &hook, 1, 60000);
    send_one();
    time_out_when(hook, "out");
    finish();
    ck_assert_uint_eq(stats().n_started, 1);
    ck_assert_uint_eq(stats().n_failed, 1);
    free(hook);
    teardown();
}
END_TEST

START_TEST(failures_are_counted)
{
    setup();
    char *hooks[] = { make_hook("false", "exit 1"), path_of("missing"),
                      make_hook("true", "exit 0"),
                      make_hook("plain", "exit 0") };
    ck_assert_int_eq(chmod(hooks[3], 0644), 0);
    notify_configure(notify, hooks, 4, 10000);
    send_one();
    finish();
    ck_assert_uint_eq(stats().n_started, 2);
    ck_assert_uint_eq(stats().n_failed, 3);
    for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
        free(hooks[i]);
    }
    teardown();
}
END_TEST

/* The number of hooks that run and wait is bounded; what does not fit is
 * counted, the rest runs. */
START_TEST(storm_is_bounded)
{
    setup();
    char *hook = make_hook("hook", "until test -e $dir/go; do sleep 0.01; done\n"
                           "echo x >> $dir/out");
    char *go = path_of("go");
    svec_add(&files, "out");
    svec_add(&files, "go");
    notify_configure(notify, &hook, 1, 60000);
    for (int i = 0; i < NOTIFY_MAX_RUNNING; i++) {
        send_one();
    }
    notify_run(notify);
    ck_assert_uint_eq(stats().n_running, NOTIFY_MAX_RUNNING);
    for (int i = 0; i < 10; i++) {
        send_one();
    }
    notify_run(notify);
    ck_assert_uint_eq(stats().n_running, NOTIFY_MAX_RUNNING);
    ck_assert_uint_eq(stats().n_waiting, 10);

    for (int i = 0; i < NOTIFY_MAX_QUEUE; i++) {
        send_one();
    }
    ck_assert_uint_eq(stats().n_waiting, NOTIFY_MAX_QUEUE);
    ck_assert_uint_eq(stats().n_dropped, 10);

    close(creat(go, 0600));
    finish();
    ck_assert_uint_eq(stats().n_started,
                      NOTIFY_MAX_RUNNING + NOTIFY_MAX_QUEUE);
    char *out = contents("out");
    ck_assert_uint_eq(strlen(out), 2 * (NOTIFY_MAX_RUNNING + NOTIFY_MAX_QUEUE));
    free(out);
    free(go);
    free(hook);
    teardown();
}
END_TEST

static Suite *
notify_suite(void)
{
    Suite *suite = suite_create("notify");
    TCase *tcase = tcase_create("notify");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, hook_learns_everything);
    tcase_add_test(tcase, hook_starts_clean);
    tcase_add_test(tcase, slow_hook_is_ended);
    tcase_add_test(tcase, stubborn_hook_is_killed);
    tcase_add_test(tcase, failures_are_counted);
    tcase_add_test(tcase, storm_is_bounded);
    suite_add_tcase(suite, tcase);
    return suite;
}
UNIT_MAIN_SUITE(notify_suite)
