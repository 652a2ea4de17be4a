/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Mounts a BPF file system: see bpffs.h. */

#include <config.h>
#include "bpffs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "util.h"

/* Makes 'dir' a bpffs, and the folder itself if that is missing.  One that is
 * mounted there stays, also if somebody else does the same just now: a second
 * one would hide what is pinned in the first.  Returns a sentence to free(),
 * or NULL.
 *
 * What is pinned in one that only this mount namespace has ends with it: "ip
 * netns exec" makes such namespaces. */
char *
tpr_bpffs_mount(const char *dir)
{
    char *sentence = NULL;
    struct statfs fs;
    int fd;

    if (mkdir(dir, 0700) && errno != EEXIST) {
        return xasprintf("cannot make the folder %s (%s)", dir,
                         ovs_strerror(errno));
    }
    /* Either the folder below, which all lock that may mount, or the bpffs. */
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX)) {
        sentence = xasprintf("cannot lock the folder %s (%s)", dir,
                             ovs_strerror(errno));
    } else if ((statfs(dir, &fs) || (uint32_t) fs.f_type != BPF_FS_MAGIC)
               && mount("ovs-tpr", dir, "bpf",
                        MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700")) {
        sentence = xasprintf("cannot mount a bpffs at %s (%s)", dir,
                             ovs_strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
    return sentence;
}
