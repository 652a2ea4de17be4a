/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of the liveness page: its file, its words, its refusals. */

#include <config.h>
#include "liveness.h"
#include "unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "openvswitch/vlog.h"

/* A folder of the test's own and a page in it. */
static char dir[64];
static char *path;

static volatile bool goes_on;   /* Threads shall. */

static void
setup(void)
{
    snprintf(dir, sizeof dir, "%s/test-liveness.XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    path = xasprintf("%s/page", dir);
}

static void
teardown(void)
{
    unlink(path);
    ck_assert_int_eq(rmdir(dir), 0);    /* Nothing else was left. */
    free(path);
}

static struct liveness *
open_ok(void)
{
    struct liveness *liveness;
    char *error = liveness_open(path, &liveness);

    ck_assert_msg(!error, "%s", error);
    ck_assert_ptr_nonnull(liveness);
    return liveness;
}

static void
assert_refused(const char *sentence)
{
    struct liveness *liveness;
    char *error = liveness_open(path, &liveness);
    char *expected = xasprintf("%s: %s", path, sentence);

    ck_assert_ptr_null(liveness);
    ck_assert_str_eq(error, expected);
    free(expected);
    free(error);
}

/* Overwrites 'n' bytes of the file at 'offset'. */
static void
poke(off_t offset, const void *data, size_t n)
{
    int fd = open(path, O_WRONLY);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, data, n, offset), n);
    close(fd);
}

START_TEST(creates_an_empty_page)
{
    mode_t old = umask(077);
    struct liveness *liveness = open_ok();
    struct stat st;

    umask(old);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode, S_IFREG | 0660);
    ck_assert_int_eq(st.st_size, sizeof(struct tpr_page));
    ck_assert_int_eq(st.st_nlink, 1);
    for (unsigned int i = 0; i < TPR_MAX_REGIONS; i++) {
        ck_assert_uint_eq(liveness_get_region(liveness, i), 0);
    }
    ck_assert_uint_eq(liveness_get_backend(liveness, TPR_MAX_BACKENDS - 1),
                      0);
    liveness_close(liveness);
}
END_TEST

START_TEST(generation_grows_with_changes_only)
{
    struct liveness *liveness = open_ok();

    ck_assert(!liveness_set_region(liveness, 3, TPR_LIVENESS_UNKNOWN));
    ck_assert(liveness_set_region(liveness, 3, TPR_LIVENESS_UP));
    ck_assert(!liveness_set_region(liveness, 3, TPR_LIVENESS_UP));
    ck_assert(liveness_set_region(liveness, 3, TPR_LIVENESS_DOWN));
    ck_assert(liveness_set_region(liveness, 3, TPR_LIVENESS_UP));

    tpr_word word = liveness_get_region(liveness, 3);
    ck_assert_int_eq(tpr_word_state(word), TPR_LIVENESS_UP);
    ck_assert_uint_eq(tpr_word_generation(word), 3);

    ck_assert(liveness_set_backend(liveness, 3, TPR_LIVENESS_DRAIN));
    ck_assert_uint_eq(liveness_get_backend(liveness, 3),
                      (1 << 8) | TPR_LIVENESS_DRAIN);
    ck_assert_uint_eq(liveness_get_region(liveness, 2), 0);
    ck_assert_uint_eq(liveness_get_region(liveness, 4), 0);
    liveness_close(liveness);
}
END_TEST

START_TEST(changes_wake_who_waits)
{
    struct liveness *liveness = open_ok();
    int fd = open(path, O_RDONLY);
    const struct tpr_page *page = mmap(NULL, sizeof *page, PROT_READ,
                                       MAP_SHARED, fd, 0);

    ck_assert_ptr_ne(page, MAP_FAILED);
    ck_assert_uint_eq(page->wakeup, 0);
    liveness_set_region(liveness, 3, TPR_LIVENESS_UP);
    ck_assert_uint_eq(page->wakeup, 1);
    liveness_set_region(liveness, 3, TPR_LIVENESS_UP);
    ck_assert_uint_eq(page->wakeup, 1);
    liveness_set_backend(liveness, 3, TPR_LIVENESS_DOWN);
    ck_assert_uint_eq(page->wakeup, 2);
    munmap(CONST_CAST(struct tpr_page *, page), sizeof *page);
    close(fd);
    liveness_close(liveness);
}
END_TEST

enum { CHANGERS = 2, TRIES = 200000 };

/* Sets word 3 to one state after the other; returns how often it changed. */
static void *
change_main(void *liveness)
{
    uintptr_t n = 0;

    for (int i = 0; i < TRIES; i++) {
        n += liveness_set_backend(liveness, 3, i % 4);
    }
    return (void *) n;
}

/* Each change counts, whoever else changes the word. */
START_TEST(no_change_is_lost)
{
    struct liveness *liveness = open_ok();
    pthread_t threads[CHANGERS];
    uint64_t changes = 0;

    for (int i = 0; i < CHANGERS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, change_main,
                                        liveness), 0);
    }
    for (int i = 0; i < CHANGERS; i++) {
        void *n;

        pthread_join(threads[i], &n);
        changes += (uintptr_t) n;
    }
    ck_assert_uint_eq(tpr_word_generation(liveness_get_backend(liveness, 3)),
                      changes);
    liveness_close(liveness);
}
END_TEST

START_TEST(words_outlive_the_agent_and_are_shared)
{
    struct liveness *a = open_ok();

    liveness_set_region(a, TPR_MAX_REGIONS - 1, TPR_LIVENESS_UP);
    liveness_set_backend(a, TPR_MAX_BACKENDS - 1, TPR_LIVENESS_DOWN);

    struct liveness *b = open_ok();
    ck_assert_uint_eq(liveness_get_region(b, TPR_MAX_REGIONS - 1),
                      liveness_get_region(a, TPR_MAX_REGIONS - 1));
    liveness_close(a);
    ck_assert(liveness_set_backend(b, TPR_MAX_BACKENDS - 1,
                                   TPR_LIVENESS_UP));
    liveness_close(b);

    a = open_ok();
    ck_assert_uint_eq(liveness_get_region(a, TPR_MAX_REGIONS - 1),
                      (1 << 8) | TPR_LIVENESS_UP);
    ck_assert_uint_eq(liveness_get_backend(a, TPR_MAX_BACKENDS - 1),
                      (2 << 8) | TPR_LIVENESS_UP);
    liveness_close(a);
}
END_TEST

START_TEST(words_of_others_are_put_back)
{
    struct liveness *a = open_ok();
    struct liveness *other = open_ok();

    liveness_set_region(a, 3, TPR_LIVENESS_UP);
    liveness_set_backend(a, 7, TPR_LIVENESS_DRAIN);
    ck_assert_uint_eq(liveness_repair(a), 0);

    liveness_set_region(other, 3, TPR_LIVENESS_DOWN);
    liveness_set_backend(other, 7, TPR_LIVENESS_UP);
    /* Not ours: theirs. */
    liveness_set_region(other, 4, TPR_LIVENESS_DOWN);
    liveness_set_backend(other, 6, TPR_LIVENESS_DOWN);
    liveness_set_backend(other, 8, TPR_LIVENESS_DOWN);
    ck_assert_uint_eq(liveness_repair(a), 2);
    ck_assert_uint_eq(liveness_get_region(a, 3), (3 << 8) | TPR_LIVENESS_UP);
    ck_assert_uint_eq(liveness_get_backend(a, 7),
                      (3 << 8) | TPR_LIVENESS_DRAIN);
    ck_assert_int_eq(tpr_word_state(liveness_get_region(a, 4)),
                     TPR_LIVENESS_DOWN);
    ck_assert_int_eq(tpr_word_state(liveness_get_backend(a, 6)),
                     TPR_LIVENESS_DOWN);
    ck_assert_uint_eq(liveness_repair(a), 0);
    liveness_close(other);
    liveness_close(a);
}
END_TEST

/* A page that is removed is made anew by who comes next; who is still there
 * goes on with that one. */
START_TEST(another_file_is_followed)
{
    struct liveness *a = open_ok(), *other;
    FILE *file;

    liveness_set_region(a, 3, TPR_LIVENESS_UP);
    liveness_set_backend(a, 7, TPR_LIVENESS_DOWN);
    ck_assert_uint_eq(liveness_repair(a), 0);
    unlink(path);
    ck_assert_uint_eq(liveness_repair(a), 0);   /* The words stay. */
    ck_assert_int_eq(tpr_word_state(liveness_get_region(a, 3)),
                     TPR_LIVENESS_UP);

    file = fopen(path, "w");                    /* So they do here. */
    ck_assert_ptr_nonnull(file);
    fclose(file);
    ck_assert_uint_eq(liveness_repair(a), 0);
    ck_assert_int_eq(tpr_word_state(liveness_get_region(a, 3)),
                     TPR_LIVENESS_UP);
    unlink(path);

    other = open_ok();
    liveness_set_backend(other, 8, TPR_LIVENESS_UP);
    ck_assert_int_eq(tpr_word_state(liveness_get_region(other, 3)),
                     TPR_LIVENESS_UNKNOWN);
    ck_assert_uint_eq(liveness_repair(a), 2);
    ck_assert_int_eq(tpr_word_state(liveness_get_region(other, 3)),
                     TPR_LIVENESS_UP);
    ck_assert_int_eq(tpr_word_state(liveness_get_backend(other, 7)),
                     TPR_LIVENESS_DOWN);
    ck_assert_int_eq(tpr_word_state(liveness_get_backend(a, 8)),
                     TPR_LIVENESS_UP);
    liveness_set_region(a, 3, TPR_LIVENESS_DOWN);
    ck_assert_int_eq(tpr_word_state(liveness_get_region(other, 3)),
                     TPR_LIVENESS_DOWN);
    ck_assert_uint_eq(liveness_repair(a), 0);
    liveness_close(other);
    liveness_close(a);
}
END_TEST

enum { N_TURNS = 200000 };

static void *
turn_main(void *liveness)
{
    for (int i = 0; i < N_TURNS; i++) {
        liveness_set_region(liveness, 3, i % 2 ? TPR_LIVENESS_UP
                                         : TPR_LIVENESS_DOWN);
    }
    return NULL;
}

/* A word that the heartbeat thread is just storing is nobody else's. */
START_TEST(own_words_are_not_put_back)
{
    struct liveness *liveness = open_ok();
    struct tpr_page *mirror = xzalloc(sizeof *mirror);
    pthread_t thread;
    unsigned int n = 0;

    ck_assert(liveness_add_mirror(liveness, mirror, false));
    ck_assert_int_eq(pthread_create(&thread, NULL, turn_main, liveness), 0);
    while (tpr_word_generation(liveness_get_region(liveness, 3))
           < N_TURNS - 1) {
        n += liveness_repair(liveness);
    }
    pthread_join(thread, NULL);
    ck_assert_uint_eq(n, 0);
    liveness_remove_mirror(liveness, mirror);
    free(mirror);
    liveness_close(liveness);
}
END_TEST

START_TEST(layout_of_the_file)
{
    struct liveness *liveness = open_ok();
    struct tpr_page *page = xzalloc(sizeof *page);

    liveness_set_region(liveness, 1, TPR_LIVENESS_DOWN);
    liveness_set_backend(liveness, 2, TPR_LIVENESS_UP);
    int fd = open(path, O_RDONLY);
    ck_assert_int_eq(read(fd, page, sizeof *page), sizeof *page);
    close(fd);
    ck_assert_uint_eq(page->magic, TPR_PAGE_MAGIC);
    ck_assert_uint_eq(page->version, TPR_PAGE_VERSION);
    ck_assert_uint_eq(page->size, sizeof *page);
    ck_assert_uint_eq(page->region[1], 0x102);
    ck_assert_uint_eq(page->backend[2], 0x101);
    free(page);
    liveness_close(liveness);
}
END_TEST

/* The page is whole again for who had it cut short, 'a', for who follows, 'b',
 * and for whoever comes: its words are as they were. */
static void
assert_restored(struct liveness *a, struct liveness *b)
{
    struct liveness *other;

    liveness_repair(a);
    liveness_repair(b);
    ck_assert(liveness_set_region(a, 3, TPR_LIVENESS_UP));
    ck_assert(liveness_set_region(b, 4, TPR_LIVENESS_UP));
    other = open_ok();
    for (int i = 1; i <= 4; i++) {
        ck_assert_int_eq(tpr_word_state(liveness_get_region(other, i)),
                         i == 2 ? TPR_LIVENESS_DOWN : TPR_LIVENESS_UP);
    }
    ck_assert_int_eq(tpr_word_state(liveness_get_backend(other, 65000)),
                     TPR_LIVENESS_DRAIN);
    liveness_close(other);
}

/* Two processes have a page that somebody cuts to 'size' bytes and then makes
 * 'after' bytes long. */
static void
assert_survives_cut(off_t size, off_t after)
{
    struct liveness *a = open_ok(), *b = open_ok();

    liveness_set_region(a, 1, TPR_LIVENESS_UP);
    liveness_set_region(b, 2, TPR_LIVENESS_DOWN);
    liveness_set_backend(b, 65000, TPR_LIVENESS_DRAIN);
    liveness_repair(a);
    liveness_repair(b);
    ck_assert_int_eq(truncate(path, size), 0);
    ck_assert_int_eq(truncate(path, after), 0);
    assert_restored(a, b);
    liveness_close(a);
    liveness_close(b);
}

START_TEST(a_page_cut_short_is_made_anew)
{
    static const off_t sizes[][2] = {
        { 0, 0 },
        { 100, 100 },
        { 5000, 5000 },                 /* Some words read as zero. */
        { sizeof(struct tpr_page) - 8, sizeof(struct tpr_page) - 8 },
        { 0, sizeof(struct tpr_page) }, /* All do. */
        { 0, 2 * sizeof(struct tpr_page) },
    };

    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        assert_survives_cut(sizes[i][0], sizes[i][1]);
        unlink(path);
    }
}
END_TEST

START_TEST(a_page_cut_short_keeps_its_words)
{
    struct liveness *a = open_ok(), *b = open_ok();

    liveness_set_region(a, 1, TPR_LIVENESS_UP);
    liveness_set_region(a, 2, TPR_LIVENESS_UP);
    liveness_set_backend(a, 65000, TPR_LIVENESS_DRAIN);
    liveness_repair(a);
    liveness_repair(b);
    ck_assert_int_eq(truncate(path, 0), 0);
    unlink(path);                       /* Nor is it there any more. */

    /* Each has them for itself, and goes on. */
    ck_assert_int_eq(tpr_word_state(liveness_get_backend(b, 65000)),
                     TPR_LIVENESS_DRAIN);
    ck_assert_int_eq(tpr_word_state(liveness_get_region(b, 1)),
                     TPR_LIVENESS_UP);
    ck_assert(liveness_set_region(a, 2, TPR_LIVENESS_DOWN));
    ck_assert_int_eq(tpr_word_state(liveness_get_region(a, 1)),
                     TPR_LIVENESS_UP);

    /* Whoever is first: what the agent has stored counts. */
    liveness_repair(b);
    assert_restored(a, b);
    liveness_close(a);
    liveness_close(b);
}
END_TEST

START_TEST(a_page_cut_short_before_anybody_looked)
{
    struct liveness *liveness = open_ok();

    liveness_set_region(liveness, 1, TPR_LIVENESS_UP);
    ck_assert_int_eq(truncate(path, 0), 0);
    liveness_repair(liveness);
    ck_assert_int_eq(tpr_word_state(liveness_get_region(liveness, 1)),
                     TPR_LIVENESS_UP);
    liveness_close(liveness);
    liveness = open_ok();
    ck_assert_int_eq(tpr_word_state(liveness_get_region(liveness, 1)),
                     TPR_LIVENESS_UP);
    liveness_close(liveness);
}
END_TEST

/* Where no page can be made, the words are still there. */
START_TEST(a_page_that_stays_cut_short)
{
    struct liveness *liveness = open_ok();
    char *moved = xasprintf("%s-moved", dir);

    liveness_set_region(liveness, 1, TPR_LIVENESS_UP);
    liveness_repair(liveness);
    ck_assert_int_eq(truncate(path, 0), 0);
    ck_assert_int_eq(rename(dir, moved), 0);
    for (int i = 0; i < 3; i++) {
        liveness_repair(liveness);
        ck_assert_int_eq(tpr_word_state(liveness_get_region(liveness, 1)),
                         TPR_LIVENESS_UP);
    }
    ck_assert_int_eq(rename(moved, dir), 0);
    liveness_repair(liveness);
    liveness_close(liveness);
    liveness = open_ok();
    ck_assert_int_eq(tpr_word_state(liveness_get_region(liveness, 1)),
                     TPR_LIVENESS_UP);
    liveness_close(liveness);
    free(moved);
}
END_TEST

/* Fills in 'text' with what the process has mapped. */
static void
read_maps(char *text, size_t size)
{
    int fd = open("/proc/self/maps", O_RDONLY);
    ssize_t n = 1;

    ck_assert_int_ge(fd, 0);
    memset(text, 0, size);
    for (size_t at = 0; n > 0 && at < size - 1; at += n) {
        n = read(fd, text + at, size - 1 - at);
        ck_assert_int_ge(n, 0);
    }
    close(fd);
}

START_TEST(looking_after_a_page_maps_nothing)
{
    static char before[1 << 17], after[1 << 17];
    struct liveness *liveness = open_ok();

    for (int i = 0; i < 5; i++) {       /* The first needs memory. */
        liveness_set_region(liveness, i, TPR_LIVENESS_UP);
        liveness_repair(liveness);
        if (i) {
            read_maps(after, sizeof after);
        }
        if (i > 1) {
            ck_assert(!strcmp(before, after));
        }
        memcpy(before, after, sizeof before);
    }
    liveness_close(liveness);
}
END_TEST

/* Whoever reads of one trouble is to read of another, too. */
START_TEST(each_warning_is_limited_by_itself)
{
    struct liveness *liveness = open_ok();
    char *moved = xasprintf("%s-moved", path);
    char *log = xasprintf("%s/log", dir);
    char text[4096] = "";
    int fd;

    vlog_set_levels(NULL, VLF_FILE, VLL_WARN);
    ck_assert_int_eq(vlog_set_log_file(log), 0);
    liveness_repair(liveness);

    /* Something else is at its path, and then its own file is cut short. */
    ck_assert_int_eq(rename(path, moved), 0);
    fd = open(path, O_WRONLY | O_CREAT, 0600);
    ck_assert_int_ge(fd, 0);
    close(fd);
    liveness_repair(liveness);
    ck_assert_int_eq(truncate(moved, 0), 0);
    liveness_repair(liveness);

    fd = open(log, O_RDONLY);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_gt(read(fd, text, sizeof text - 1), 0);
    close(fd);
    ck_assert_ptr_nonnull(strstr(text, "others may not see what is stored"));
    ck_assert_ptr_nonnull(strstr(text, "made anew"));
    liveness_close(liveness);
    unlink(moved);
    unlink(log);
    free(moved);
    free(log);
}
END_TEST

/* Looks at the words until one that was up is not. */
static void *
look(void *liveness)
{
    while (goes_on) {
        if (tpr_word_state(liveness_get_backend(liveness, 65000))
            != TPR_LIVENESS_UP) {
            return liveness;
        }
    }
    return NULL;
}

START_TEST(threads_meet_the_end_at_once)
{
    struct liveness *liveness = open_ok();
    pthread_t threads[3];
    void *saw_none;

    liveness_set_backend(liveness, 65000, TPR_LIVENESS_UP);
    liveness_repair(liveness);
    goes_on = true;
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, look, liveness),
                         0);
    }
    for (int i = 0; i < 200; i++) {
        ck_assert_int_eq(truncate(path, 0), 0);
        sched_yield();
        liveness_repair(liveness);
    }
    goes_on = false;
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
        pthread_join(threads[i], &saw_none);
        ck_assert_ptr_null(saw_none);
    }
    liveness_close(liveness);
}
END_TEST

/* What is not ours ends the process as before. */
START_TEST(other_mappings_are_not_guarded)
{
    void *other;
    int fd;

    signal(SIGBUS, SIG_DFL);            /* And not what a sanitizer does. */
    liveness_close(open_ok());
    fd = open(path, O_RDWR);
    other = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    ck_assert_ptr_ne(other, MAP_FAILED);
    ck_assert_int_eq(truncate(path, 0), 0);
    unlink(path);
    rmdir(dir);
    ck_assert_int_eq(*(volatile char *) other, -1);
}
END_TEST

START_TEST(who_sends_the_signal_is_heard)
{
    signal(SIGBUS, SIG_DFL);
    liveness_close(open_ok());
    unlink(path);
    rmdir(dir);
    raise(SIGBUS);
}
END_TEST

/* A handler that is to be called once, and does not help. */
static void
useless_handler(int signr OVS_UNUSED)
{
    static int n;

    if (++n > 1) {
        _exit(1);
    }
    unlink(path);
    rmdir(dir);
}

START_TEST(who_is_called_once_is_called_once)
{
    const struct sigaction once = {
        .sa_handler = useless_handler, .sa_flags = SA_RESETHAND,
    };
    void *other;
    int fd;

    ck_assert_int_eq(sigaction(SIGBUS, &once, NULL), 0);
    liveness_close(open_ok());
    fd = open(path, O_RDWR);
    other = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    ck_assert_ptr_ne(other, MAP_FAILED);
    ck_assert_int_eq(truncate(path, 0), 0);
    ck_assert_int_eq(*(volatile char *) other, -1);
}
END_TEST

/* A handler of somebody else's, from before ours: lets go on what has met the
 * end of a file. */
static volatile int n_met, n_sent;

static void
foreign_action(int signr, siginfo_t *info, void *context OVS_UNUSED)
{
    const uintptr_t at = (uintptr_t) info->si_addr & ~(uintptr_t) 4095;

    if (signr != SIGBUS || info->si_code <= 0) {
        n_sent += signr == SIGBUS;
    } else {
        n_met++;
        mmap((void *) at, 4096, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    }
}

static void
foreign_handler(int signr)
{
    n_sent += signr == SIGBUS;
}

/* The page is cut short: its words are there all the same. */
static void
assert_guarded(struct liveness *liveness)
{
    liveness_set_region(liveness, 1, TPR_LIVENESS_UP);
    liveness_repair(liveness);
    ck_assert_int_eq(truncate(path, 0), 0);
    ck_assert_int_eq(tpr_word_state(liveness_get_region(liveness, 1)),
                     TPR_LIVENESS_UP);
    liveness_repair(liveness);
}

START_TEST(another_handler_is_called_and_the_page_guarded)
{
    const struct sigaction foreign = {
        .sa_sigaction = foreign_action, .sa_flags = SA_SIGINFO,
    };
    char *name = xasprintf("%s/other", dir);
    int fd = open(name, O_RDWR | O_CREAT, 0600);
    struct liveness *liveness;
    const volatile char *other;

    ck_assert_int_eq(ftruncate(fd, 4096), 0);
    other = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    ck_assert_ptr_ne((void *) other, MAP_FAILED);
    ck_assert_int_eq(ftruncate(fd, 0), 0);
    ck_assert_int_eq(sigaction(SIGBUS, &foreign, NULL), 0);
    liveness = open_ok();
    ck_assert_int_eq(*other, 0);
    ck_assert_int_eq(n_met, 1);
    assert_guarded(liveness);
    raise(SIGBUS);
    ck_assert_int_eq(n_sent, 1);
    assert_guarded(liveness);
    ck_assert_int_eq(n_met, 1);
    ck_assert_int_eq(n_sent, 1);
    liveness_close(liveness);
    close(fd);
    unlink(name);
    free(name);
}
END_TEST

START_TEST(a_plain_handler_is_called_and_the_page_guarded)
{
    struct liveness *liveness;

    signal(SIGBUS, foreign_handler);
    liveness = open_ok();
    for (int i = 1; i <= 2; i++) {
        raise(SIGBUS);
        ck_assert_int_eq(n_sent, i);
        assert_guarded(liveness);
    }
    liveness_close(liveness);
}
END_TEST

START_TEST(who_ignores_the_signal_still_does)
{
    const struct sigaction ignore = {
        .sa_handler = SIG_IGN, .sa_flags = SA_SIGINFO,
    };
    struct liveness *liveness;

    ck_assert_int_eq(sigaction(SIGBUS, &ignore, NULL), 0);
    liveness = open_ok();
    raise(SIGBUS);
    assert_guarded(liveness);
    raise(SIGBUS);
    liveness_close(liveness);
}
END_TEST

START_TEST(refuses_what_is_no_page)
{
    uint32_t other = TPR_PAGE_VERSION + 1, size = 100;

    liveness_close(open_ok());
    poke(offsetof(struct tpr_page, version), &other, sizeof other);
    assert_refused("liveness page has version 4, this program needs 3; "
                   "stop what uses it and remove it");

    other = TPR_PAGE_VERSION;
    poke(offsetof(struct tpr_page, version), &other, sizeof other);
    poke(offsetof(struct tpr_page, size), &size, sizeof size);
    assert_refused("liveness page is damaged (532544 bytes, its header says "
                   "100, should be 532544); remove it");

    size = sizeof(struct tpr_page);
    poke(offsetof(struct tpr_page, size), &size, sizeof size);
    ck_assert_int_eq(truncate(path, 5000), 0);
    assert_refused("liveness page is damaged (5000 bytes, its header says "
                   "532544, should be 532544); remove it");

    poke(0, "x", 1);
    assert_refused("not a liveness page; remove it");

    ck_assert_int_eq(truncate(path, 7), 0);
    assert_refused("not a liveness page, only 7 bytes long; remove it");
}
END_TEST

START_TEST(refuses_what_cannot_be_opened)
{
    char *target = xasprintf("%s/target", dir);
    ck_assert_int_eq(symlink(target, path), 0);
    assert_refused("cannot open the liveness page "
                   "(Too many levels of symbolic links)");
    ck_assert_int_ne(access(target, F_OK), 0);
    free(target);
    unlink(path);

    ck_assert_int_eq(mkdir(path, 0700), 0);
    assert_refused("cannot open the liveness page (Is a directory)");
    rmdir(path);

    ck_assert_int_eq(mkfifo(path, 0600), 0);
    assert_refused("not a regular file");
    unlink(path);

    free(path);
    path = xasprintf("%s/missing/page", dir);
    assert_refused("cannot create the liveness page "
                   "(No such file or directory)");
}
END_TEST

START_TEST(close_of_nothing)
{
    liveness_close(NULL);
}
END_TEST

/* Stores words for as long as 'goes_on'. */
static void *
store_words(void *liveness)
{
    unsigned int i = 0;

    while (goes_on) {
        liveness_set_region(liveness, 7, (i++ & 1 ? TPR_LIVENESS_UP
                                          : TPR_LIVENESS_DOWN));
    }
    return NULL;
}

START_TEST(mirrors_have_the_same_words)
{
    struct liveness *liveness = open_ok();
    struct tpr_page *mirror = xzalloc(sizeof *mirror);
    struct tpr_page *other = xzalloc(sizeof *other);
    pthread_t thread;

    liveness_set_region(liveness, 1, TPR_LIVENESS_UP);
    liveness_set_backend(liveness, 9, TPR_LIVENESS_DRAIN);
    ck_assert(liveness_add_mirror(liveness, mirror, false));
    ck_assert_int_eq(tpr_word_state(mirror->region[1]), TPR_LIVENESS_UP);
    ck_assert_int_eq(tpr_word_state(mirror->backend[9]), TPR_LIVENESS_DRAIN);
    liveness_set_region(liveness, 1, TPR_LIVENESS_DOWN);
    liveness_set_backend(liveness, 9, TPR_LIVENESS_UP);
    ck_assert_int_eq(tpr_word_state(mirror->region[1]), TPR_LIVENESS_DOWN);
    ck_assert_int_eq(tpr_word_state(mirror->backend[9]), TPR_LIVENESS_UP);

    /* Others come and go while words change; none is stored behind. */
    goes_on = true;
    ck_assert_int_eq(pthread_create(&thread, NULL, store_words, liveness), 0);
    for (int i = 0; i < 100; i++) {
        tpr_word word;

        ck_assert(liveness_add_mirror(liveness, other, false));
        liveness_remove_mirror(liveness, other);
        word = other->region[7];
        sched_yield();
        ck_assert_uint_eq(other->region[7], word);
    }
    goes_on = false;
    pthread_join(thread, NULL);
    ck_assert_int_eq(tpr_word_state(mirror->region[7]),
                     tpr_word_state(liveness_get_region(liveness, 7)));
    liveness_remove_mirror(liveness, mirror);
    liveness_close(liveness);
    free(mirror);
    free(other);
}
END_TEST

START_TEST(the_kernel_may_know_better)
{
    struct liveness *liveness = open_ok();
    struct tpr_page *mirror = xzalloc(sizeof *mirror);

    for (int i = 1; i <= 3; i++) {
        liveness_set_region(liveness, i, TPR_LIVENESS_UP);
    }
    liveness_close(liveness);

    /* No agent: the kernel sees two deaths. */
    mirror->region[1] = tpr_word_next(0, TPR_LIVENESS_DOWN);
    mirror->region[2] = tpr_word_next(0, TPR_LIVENESS_DOWN);
    liveness = open_ok();
    liveness_set_region(liveness, 2, TPR_LIVENESS_UP);  /* It came back. */
    ck_assert(liveness_add_mirror(liveness, mirror, true));
    ck_assert_int_eq(tpr_word_state(liveness_get_region(liveness, 1)),
                     TPR_LIVENESS_DOWN);
    ck_assert_int_eq(tpr_word_state(mirror->region[1]), TPR_LIVENESS_DOWN);
    ck_assert_int_eq(tpr_word_state(mirror->region[2]), TPR_LIVENESS_UP);
    ck_assert_int_eq(tpr_word_state(mirror->region[3]), TPR_LIVENESS_UP);
    liveness_close(liveness);
    free(mirror);
}
END_TEST

static Suite *
liveness_suite(void)
{
    const TTest *const tests[] = {
        creates_an_empty_page, generation_grows_with_changes_only,
        changes_wake_who_waits, no_change_is_lost,
        words_outlive_the_agent_and_are_shared,
        words_of_others_are_put_back, own_words_are_not_put_back,
        another_file_is_followed,
        mirrors_have_the_same_words,
        the_kernel_may_know_better, layout_of_the_file,
        refuses_what_is_no_page, refuses_what_cannot_be_opened,
        close_of_nothing,
        a_page_cut_short_is_made_anew, a_page_cut_short_keeps_its_words,
        a_page_cut_short_before_anybody_looked, a_page_that_stays_cut_short,
        looking_after_a_page_maps_nothing,
        each_warning_is_limited_by_itself, threads_meet_the_end_at_once,
        another_handler_is_called_and_the_page_guarded,
        a_plain_handler_is_called_and_the_page_guarded,
        who_ignores_the_signal_still_does,
    };
    const TTest *const fatal[] = {
        other_mappings_are_not_guarded, who_sends_the_signal_is_heard,
        who_is_called_once_is_called_once,
    };
    Suite *suite = suite_create("liveness");

    for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
        TCase *tcase = tcase_create(tests[i]->name);

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, tests[i]);
        suite_add_tcase(suite, tcase);
    }
    for (size_t i = 0; i < ARRAY_SIZE(fatal); i++) {
        TCase *tcase = tcase_create(fatal[i]->name);

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test_raise_signal(tcase, fatal[i], SIGBUS);
        suite_add_tcase(suite, tcase);
    }
    return suite;
}

UNIT_MAIN_SUITE(liveness_suite)
