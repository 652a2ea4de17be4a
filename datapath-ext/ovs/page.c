/* SPDX-License-Identifier: Apache-2.0 */

/* The liveness page's file, mapping and futex: see page.h. */

#include <config.h>
#include "page.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "page-guard.h"
#include "util.h"

/* The beginning of struct tpr_page, which is half a megabyte. */
struct page_header {
    uint64_t magic;
    uint32_t version;
    uint32_t size;
};
BUILD_ASSERT_DECL(offsetof(struct page_header, version)
                  == offsetof(struct tpr_page, version));
BUILD_ASSERT_DECL(offsetof(struct page_header, size)
                  == offsetof(struct tpr_page, size));

enum { PAGE_MODE = 0660 };  /* Agent and its group. */

/* Writes an empty page to 'fd'.  Space is reserved, so that no later store
 * meets a full file system.  Returns 0 or an errno. */
static int
write_empty_page(int fd)
{
    const struct page_header header = {
        .magic = TPR_PAGE_MAGIC,
        .version = TPR_PAGE_VERSION,
        .size = sizeof(struct tpr_page),
    };
    int error = posix_fallocate(fd, 0, sizeof(struct tpr_page));

    if (error) {
        return error;
    }

    ssize_t n = pwrite(fd, &header, sizeof header, 0);
    if (n < 0) {
        return errno;
    } else if (n != sizeof header) {
        return ENOSPC;
    }
    return fchmod(fd, PAGE_MODE) ? errno : 0;
}

/* Creates the file under a name of its own and gives it 'path' when it is
 * complete: nobody ever maps half a page.  Somebody else's file that appears
 * meanwhile stays.  Returns 0 or an errno. */
static int
create_file(const char *path)
{
    char *temp = xasprintf("%s.XXXXXX", path);
    int fd = mkostemp(temp, O_CLOEXEC);
    int error;

    if (fd < 0) {
        error = errno;
        free(temp);
        return error;
    }

    error = write_empty_page(fd);
    if (!error && link(temp, path) && errno != EEXIST) {
        error = errno;
    }
    unlink(temp);
    free(temp);
    close(fd);
    return error;
}

/* Returns NULL if the file behind 'fd' is a liveness page of this version,
 * otherwise a sentence. */
static char *
check_file(int fd, const char *path)
{
    const size_t size = sizeof(struct tpr_page);
    struct page_header header;
    struct stat st;

    if (fstat(fd, &st)) {
        return xasprintf("%s: cannot examine the liveness page (%s)",
                         path, ovs_strerror(errno));
    } else if (!S_ISREG(st.st_mode)) {
        return xasprintf("%s: not a regular file", path);
    } else if (st.st_size < (off_t) sizeof header) {
        return xasprintf("%s: not a liveness page, only %lld bytes long; "
                         "remove it", path, (long long int) st.st_size);
    }

    ssize_t n = pread(fd, &header, sizeof header, 0);
    if (n != sizeof header) {
        return xasprintf("%s: cannot read the liveness page (%s)",
                         path, n < 0 ? ovs_strerror(errno) : "short read");
    } else if (header.magic != TPR_PAGE_MAGIC) {
        return xasprintf("%s: not a liveness page; remove it", path);
    } else if (header.version != TPR_PAGE_VERSION) {
        return xasprintf("%s: liveness page has version %u, this program "
                         "needs %d; stop what uses it and remove it",
                         path, header.version, TPR_PAGE_VERSION);
    } else if (header.size != size || st.st_size != (off_t) size) {
        return xasprintf("%s: liveness page is damaged (%lld bytes, its "
                         "header says %u, should be %"PRIuSIZE"); remove it",
                         path, (long long int) st.st_size, header.size, size);
    }
    return NULL;
}

static int
open_file(const char *path)
{
    return open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
}

/* Opens the liveness page at 'path' and maps it; creates it, empty and with
 * mode 0660, if it does not exist.  The words of a page that exists stay as
 * they are.
 *
 * Returns NULL and stores the page in '*pagep', which the caller must
 * tpr_page_close(), or returns a sentence to free() and stores NULL. */
char *
tpr_page_open(const char *path, struct tpr_page **pagep)
{
    *pagep = NULL;

    int fd = open_file(path);
    if (fd < 0 && errno == ENOENT) {
        int error = create_file(path);
        if (error) {
            return xasprintf("%s: cannot create the liveness page (%s)",
                             path, ovs_strerror(error));
        }
        fd = open_file(path);
    }
    if (fd < 0) {
        return xasprintf("%s: cannot open the liveness page (%s)",
                         path, ovs_strerror(errno));
    }

    char *error = check_file(fd, path);
    if (error) {
        close(fd);
        return error;
    }

    struct tpr_page *page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_POPULATE, fd, 0);
    if (page == MAP_FAILED) {
        error = xasprintf("%s: cannot map the liveness page (%s)",
                          path, ovs_strerror(errno));
    } else {
        tpr_guard_add(page);
        *pagep = page;
    }
    close(fd);
    return error;
}

/* Unmaps the page; the file and its words stay.  NULL is allowed. */
void
tpr_page_close(struct tpr_page *page)
{
    if (page) {
        tpr_guard_remove(page);
        munmap(page, sizeof *page);
    }
}

/* Maps 'fd' where 'page' is.  If that fails, sets errno and returns false, and
 * 'page' is what it was: an mmap() in its place might leave nothing there. */
static bool
replace_mapping(struct tpr_page *page, int fd)
{
    void *new = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_POPULATE, fd, 0);

    if (new == MAP_FAILED) {
        return false;
    }
    if (mremap(new, sizeof *page, sizeof *page,
               MREMAP_MAYMOVE | MREMAP_FIXED, page) != page) {
        const int error = errno;

        munmap(new, sizeof *page);
        errno = error;
        return false;
    }
    return true;
}

/* The page and the file that it is mapped from. */
struct whole {
    const struct tpr_page *page;
    const char *path;
    const struct tpr_page_id *id;
};

/* Is the page still what it was mapped as, whatever stands at its path?  A
 * file that was cut short may have its old size again, with zeroes. */
static bool
is_whole(const void *whole_)
{
    const struct whole *whole = whole_;
    const struct tpr_page *page = whole->page;
    struct stat st;

    /* Either load finds out where the file ends now. */
    __atomic_load_n(&page->backend[TPR_MAX_BACKENDS - 1], __ATOMIC_RELAXED);
    return (__atomic_load_n(&page->magic, __ATOMIC_RELAXED) == TPR_PAGE_MAGIC
            && !tpr_guard_is_lost(page)
            && (stat(whole->path, &st) || st.st_dev != whole->id->dev
                || st.st_ino != whole->id->ino
                || st.st_size == (off_t) sizeof *page));
}

/* Maps the file behind 'fd', which is whole, where 'page' is, and notes in
 * '*id' which it is.  Returns NULL or a sentence to free(). */
static char *
map_instead(struct tpr_page *page, const char *path, int fd,
            struct tpr_page_id *id)
{
    const bool was_lost = tpr_guard_is_lost(page);
    struct stat st;

    if (fstat(fd, &st)) {
        return xasprintf("%s: cannot examine the liveness page (%s)",
                         path, ovs_strerror(errno));
    }
    if (!tpr_guard_renew(page) || !replace_mapping(page, fd)) {
        const int error = errno;

        if (was_lost) {
            tpr_guard_rescue(page);
        }
        return xasprintf("%s: cannot map the liveness page (%s)",
                         path, ovs_strerror(error));
    }
    id->dev = st.st_dev;
    id->ino = st.st_ino;
    return NULL;
}

/* Writes the words of 'page' to 'fd', and gives it to the owner of the file at
 * 'path' if there is one, or at least to its group.  Returns 0 or an errno. */
static int
write_page(int fd, const struct tpr_page *page, const char *path)
{
    int error = write_empty_page(fd);
    struct stat st;

    if (!error) {
        ssize_t n = pwrite(fd, page, sizeof *page, 0);

        error = n < 0 ? errno : n != sizeof *page ? ENOSPC : 0;
    }
    if (!error && !stat(path, &st) && fchown(fd, st.st_uid, st.st_gid)
        && fchown(fd, (uid_t) -1, st.st_gid) && errno != EPERM) {
        error = errno;
    }
    return error;
}

/* Makes a new file at 'path' with the words of 'page', whose own was cut
 * short.  Others follow; if they do the same meanwhile, the last one's counts.
 * Returns NULL or a sentence to free(). */
static char *
restore(struct tpr_page *page, const char *path, struct tpr_page_id *id)
{
    char *temp = xasprintf("%s.XXXXXX", path);
    int fd = mkostemp(temp, O_CLOEXEC);
    char *sentence = NULL;
    int error;

    tpr_guard_rescue(page);
    error = fd < 0 ? errno : write_page(fd, page, path);
    if (!error && rename(temp, path)) {
        error = errno;
    }
    if (error) {
        sentence = xasprintf("%s: was cut short, and cannot be made anew (%s)",
                             path, ovs_strerror(error));
    } else {
        sentence = map_instead(page, path, fd, id);
    }
    if (fd >= 0) {
        if (error) {
            unlink(temp);
        }
        close(fd);
    }
    free(temp);
    return sentence;
}

/* Maps the file at 'path' in place of the one that 'page' is, whose words then
 * count no more, if it is another: '*id' says which it is, or with zeroes that
 * this is not known.  'page' stays where it is in memory; other threads, which
 * may use it meanwhile, meet either file's words.  A file that is gone is not
 * missed.  One that was cut short is made anew, with the words as they were
 * when this was called last.  Should be called now and then.
 *
 * Returns NULL, or a sentence to free() about what is wrong, where the words
 * stay as they are.  Sets '*news'. */
char *
tpr_page_follow(struct tpr_page *page, const char *path,
                struct tpr_page_id *id, enum tpr_page_news *news)
{
    const struct whole whole = { page, path, id };
    struct stat st;
    char *error;
    int fd;

    *news = TPR_PAGE_SAME;
    fd = -1;
    error = NULL;
    if (!stat(path, &st) && (st.st_dev != id->dev || st.st_ino != id->ino)) {
        fd = open_file(path);
        error = (fd >= 0 ? check_file(fd, path)
                 : errno == ENOENT ? NULL
                 : xasprintf("%s: cannot open the liveness page (%s)",
                             path, ovs_strerror(errno)));
    }
    if (fd >= 0 && !error) {
        *news = id->ino ? TPR_PAGE_FOLLOWED : TPR_PAGE_SAME;
        error = map_instead(page, path, fd, id);
    } else if (!is_whole(&whole)) {
        free(error);
        *news = TPR_PAGE_RESTORED;
        error = restore(page, path, id);
    }
    if (fd >= 0) {
        close(fd);
    }
    if (error) {
        *news = TPR_PAGE_SAME;
    } else {
        tpr_guard_save(page, is_whole, &whole);
    }
    return error;
}

/* Gives region or backend 'index', which must be below its limit, the state
 * 'state'; its generation grows if that is a change.  Returns true if it was.
 *
 * Whoever sees the word also sees what led to it.  Others may change the same
 * word meanwhile: each change counts, none is undone unseen. */
bool
tpr_page_set(struct tpr_page *page, bool is_region, uint32_t index,
             enum tpr_liveness state)
{
    tpr_word *word = is_region ? &page->region[index] : &page->backend[index];
    tpr_word old = __atomic_load_n(word, __ATOMIC_RELAXED);

    do {
        if (tpr_word_state(old) == state) {
            return false;
        }
    } while (!__atomic_compare_exchange_n(word, &old,
                                          tpr_word_next(old, state), false,
                                          __ATOMIC_RELEASE,
                                          __ATOMIC_RELAXED));
    tpr_page_wake(page);
    return true;
}

/* Wakes whoever waits for changes, in all processes. */
void
tpr_page_wake(struct tpr_page *page)
{
    __atomic_fetch_add(&page->wakeup, 1, __ATOMIC_RELEASE);
    syscall(SYS_futex, &page->wakeup, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* Waits until page->wakeup is no longer 'seen', at most 'timeout_ms'. */
void
tpr_page_wait(struct tpr_page *page, uint32_t seen, unsigned int timeout_ms)
{
    const struct timespec timeout = {
        .tv_sec = timeout_ms / 1000,
        .tv_nsec = timeout_ms % 1000 * 1000000L,
    };

    syscall(SYS_futex, &page->wakeup, FUTEX_WAIT, seen, &timeout, NULL, 0);
}
