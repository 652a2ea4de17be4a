/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Whose heartbeats in the kernel are these, and what have the dead left there?
 *
 * A process that is killed leaves programs that go on (beat.h), a loop of
 * devices, filters at ports, perhaps a qdisc, and pins.  All of it is written
 * down in its programs' state (struct tpr_beat_owner), where the next process
 * finds it: it goes through the programs that the kernel has. */

#include <config.h>
#include "beat-private.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "svec.h"
#include "util.h"

enum {
    MAX_MAPS = 16,              /* Of one program. */

    /* A process of another PID namespace that has said nothing for so long is
     * dead, and so is one of another name whose last beats are long gone. */
    SILENT_US = 60 * 1000 * 1000,
};

static int64_t
get_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

static uint64_t
inode(const char *path)
{
    struct stat st;

    return stat(path, &st) ? 0 : st.st_ino;
}

/* When process 'pid' began, 0: there is none, or it is a zombie. */
static uint64_t
started(uint64_t pid)
{
    char path[64], buf[1024];
    unsigned long long int ticks = 0;
    size_t n = 0;
    char state;
    FILE *file;
    char *p;

    snprintf(path, sizeof path, "/proc/%"PRIu64"/stat", pid);
    file = fopen(path, "r");
    if (file) {
        n = fread(buf, 1, sizeof buf - 1, file);
        fclose(file);
    }
    buf[n] = '\0';
    p = strrchr(buf, ')');      /* The name may contain anything. */
    if (!p || sscanf(p, ") %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
                     "%*s %*s %*s %*s %*s %*s %*s %llu", &state, &ticks) != 2
        || state == 'Z' || state == 'X') {
        return 0;
    }
    return ticks;
}

/* Makes '*o' this process, which is 'name'. */
void
tpr_beat_own(struct tpr_beat_owner *o, const char *name)
{
    memset(o, 0, sizeof *o);
    o->magic = TPR_BEAT_MAGIC;
    while (!o->tag) {
        ignore(getrandom(&o->tag, sizeof o->tag, 0) < 0);
    }
    ovs_strlcpy(o->name, name, sizeof o->name);
    o->pid = getpid();
    o->started = started(o->pid);
    o->pid_ns = inode("/proc/self/ns/pid");
    o->net_ns = inode("/proc/self/ns/net");
    o->seen_us = get_us();
}

static bool
is_dead(const struct tpr_beat_owner *o, const struct tpr_beat_owner *self)
{
    return (o->pid_ns == self->pid_ns
            ? started(o->pid) != o->started
            : get_us() - o->seen_us > SILENT_US);
}

/* ## Pins. ## */

/* The folder in 'parent' that 'o' has pins in. */
char *
tpr_beat_pin_dir(const char *parent, const struct tpr_beat_owner *o)
{
    return xasprintf("%s/%s-%08"PRIx32, parent, o->name, o->tag);
}

/* Removes all pins in 'dir', and that. */
void
tpr_beat_unpin(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *entry;

    while (d && (entry = readdir(d))) {
        if (!strncmp(entry->d_name, "tpr_beat", 8)
            || !strncmp(entry->d_name, "beat_bpf", 8)) {
            char *path = xasprintf("%s/%s", dir, entry->d_name);

            unlink(path);
            free(path);
        }
    }
    if (d) {
        closedir(d);
        rmdir(dir);
    }
}

/* The folders in 'parent' that belong to some process of 'name'. */
static void
list_pin_dirs(const char *parent, const char *name, struct svec *dirs)
{
    DIR *d = opendir(parent);
    size_t n = strlen(name);
    struct dirent *entry;

    while (d && (entry = readdir(d))) {
        const char *tag = &entry->d_name[n + 1];

        if (!strncmp(entry->d_name, name, n) && entry->d_name[n] == '-'
            && strlen(tag) == 8
            && strspn(tag, "0123456789abcdef") == 8) {
            svec_add_nocopy(dirs, xasprintf("%s/%s", parent, entry->d_name));
        }
    }
    if (d) {
        closedir(d);
    }
}

/* ## Programs of others. ## */

/* Maps the state of whoever has map 'fd', if it is one; else NULL. */
static struct tpr_beat_state *
map_state(int fd, size_t *mapped)
{
    struct bpf_map_info info = { .id = 0 };
    uint32_t size = sizeof info;
    size_t n;
    void *p;

    if (bpf_obj_get_info_by_fd(fd, &info, &size)
        || info.type != BPF_MAP_TYPE_ARRAY || info.max_entries != 1
        || info.value_size < sizeof(struct tpr_beat_state)
        || !(info.map_flags & BPF_F_MMAPABLE)) {
        return NULL;
    }
    n = strlen(info.name);
    if (n < 4 || strcmp(&info.name[n - 4], ".bss")) {
        return NULL;
    }
    *mapped = ROUND_UP(info.value_size, getpagesize());
    p = mmap(NULL, *mapped, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return p == MAP_FAILED ? NULL : p;
}

/* The state that program 'fd' works with, if it is one of ours. */
static struct tpr_beat_state *
state_of(int fd, size_t *mapped)
{
    uint32_t maps[MAX_MAPS];
    struct bpf_prog_info info = {
        .nr_map_ids = MAX_MAPS, .map_ids = (uintptr_t) maps,
    };
    struct tpr_beat_state *state = NULL;
    uint32_t size = sizeof info;

    if (bpf_obj_get_info_by_fd(fd, &info, &size)
        || strncmp(info.name, "tpr_beat_", 9)) {
        return NULL;
    }
    for (uint32_t i = 0; i < MIN(info.nr_map_ids, MAX_MAPS) && !state; i++) {
        int map_fd = bpf_map_get_fd_by_id(maps[i]);

        if (map_fd >= 0) {
            state = map_state(map_fd, mapped);
            close(map_fd);
        }
    }
    return state;
}

/* Ends what a dead process has left. */
static void
clean(struct tpr_beat_state *state, const char *parent)
{
    const struct tpr_beat_owner *o = &state->owner;
    char *dir = tpr_beat_pin_dir(parent, o);

    __atomic_store_n(&state->tick_us, 0, __ATOMIC_RELEASE);
    tpr_beat_remove_loop(o->tag);
    for (uint32_t i = 0; i < MIN(o->n_ports, TPR_BEAT_SESSIONS); i++) {
        tpr_beat_detach_tc(o->ports[i].ifindex, o->tag,
                           o->ports[i].made_qdisc);
    }
    tpr_beat_unpin(dir);
    free(dir);
}

static void
look_at(struct tpr_beat_state *state, const struct tpr_beat_owner *self,
        const char *parent, struct svec *living)
{
    struct tpr_beat_owner *o = &state->owner;

    if (o->magic != TPR_BEAT_MAGIC) {
        return;
    }
    o->name[sizeof o->name - 1] = '\0';
    if (o->net_ns == self->net_ns && is_dead(o, self)
        && (!strcmp(o->name, self->name)
            || get_us() - o->seen_us > SILENT_US)) {
        clean(state, parent);
    } else {
        svec_add_nocopy(living, tpr_beat_pin_dir(parent, o));
    }
}

/* Removes what processes of 'name' in this network namespace have left that
 * died, and pins of theirs in 'parent': beats end at once, and so do timers.
 * So does what others left long ago.  Without CAP_SYS_ADMIN nothing is
 * found. */
void
tpr_beat_remove_old(const char *name, const char *parent)
{
    struct svec dirs = SVEC_EMPTY_INITIALIZER;
    struct svec living = SVEC_EMPTY_INITIALIZER;
    struct tpr_beat_owner self;
    uint32_t id = 0;
    int error;

    tpr_beat_own(&self, name);
    /* First, as whoever pins has programs already. */
    list_pin_dirs(parent, name, &dirs);
    while (!(error = -bpf_prog_get_next_id(id, &id))) {
        int fd = bpf_prog_get_fd_by_id(id);
        struct tpr_beat_state *state;
        size_t mapped;

        if (fd < 0) {
            continue;
        }
        state = state_of(fd, &mapped);
        close(fd);
        if (state) {
            look_at(state, &self, parent, &living);
            munmap(state, mapped);
        }
    }
    svec_sort(&living);
    for (size_t i = 0; i < dirs.n && error == ENOENT; i++) {
        if (!svec_contains(&living, dirs.names[i])) {
            tpr_beat_unpin(dirs.names[i]);
        }
    }
    svec_destroy(&dirs);
    svec_destroy(&living);
}
