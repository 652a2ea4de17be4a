/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* A part among others: see attach-dispatcher.h. */

#include <config.h>
#include "attach-dispatcher.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xdp/libxdp.h>
#include "attach-next.h"
#include "libbpf-log.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/vlog.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(bpf_dispatcher);

enum { MAX_TRIES = 10 };        /* Others may exchange it meanwhile. */

static uint32_t
program_id(int fd)
{
    struct bpf_prog_info info = { .id = 0 };
    uint32_t size = sizeof info;

    return bpf_obj_get_info_by_fd(fd, &info, &size) ? 0 : info.id;
}

/* What 'ifindex' has natively, 0: nothing, or it is gone. */
static int
get_attached(uint32_t ifindex, uint32_t *id)
{
    int error = -bpf_xdp_query_id((int) ifindex, XDP_FLAGS_DRV_MODE, id);

    if (error) {
        *id = 0;
    }
    return error == ENODEV ? 0 : error;
}

/* ## Looking. ## */

const char *
tpr_dispatcher_folder(void)
{
    static char folder[4096];
    const char *bpffs = secure_getenv(XDP_BPFFS_ENVVAR);

    snprintf(folder, sizeof folder, "%s/xdp",
             bpffs ? bpffs : "/sys/fs/bpf");
    return folder;
}

/* Reads the parts that are pinned in 'dir', by number. */
static int
read_parts(const char *dir, struct tpr_parts *parts)
{
    for (int i = 0; i < TPR_MAX_PARTS; i++) {
        char *path = xasprintf("%s/prog%d-prog", dir, i);
        int fd = bpf_obj_get(path);
        struct bpf_prog_info info = { .id = 0 };
        uint32_t size = sizeof info;
        int error = fd < 0 ? -fd : -bpf_obj_get_info_by_fd(fd, &info, &size);

        free(path);
        if (fd >= 0) {
            close(fd);
        }
        if (error == ENOENT && i) {
            return 0;           /* That was the last one. */
        } else if (error) {
            return error;
        }
        parts->part[i].id = info.id;
        ovs_strlcpy(parts->part[i].name, info.name,
                    sizeof parts->part[i].name);
        parts->n = i + 1;
    }
    return 0;
}

int
tpr_dispatcher_look(uint32_t ifindex, struct tpr_parts *parts)
{
    int error = 0;

    /* libxdp removes pins after the exchange: they are whole if there was
     * none. */
    for (int i = 0; i < MAX_TRIES; i++) {
        uint32_t id, now;
        char *dir;

        memset(parts, 0, sizeof *parts);
        error = get_attached(ifindex, &id);
        if (error) {
            return error;
        } else if (!id || tpr_next_owner(id) != TPR_NEXT_DISPATCHER) {
            return 0;
        }
        parts->dispatcher = id;
        dir = xasprintf("%s/dispatch-%"PRIu32"-%"PRIu32,
                        tpr_dispatcher_folder(), ifindex, id);
        error = read_parts(dir, parts);
        free(dir);
        if (!get_attached(ifindex, &now) && now == id) {
            break;
        }
        error = EAGAIN;
    }
    return error;
}

bool
tpr_parts_have(const struct tpr_parts *parts, uint32_t id)
{
    for (size_t i = 0; i < parts->n; i++) {
        if (parts->part[i].id == id) {
            return true;
        }
    }
    return false;
}

uint32_t
tpr_parts_find(const struct tpr_parts *parts, const char *name)
{
    for (size_t i = 0; i < parts->n; i++) {
        if (!strncmp(parts->part[i].name, name, strlen(name))) {
            return parts->part[i].id;
        }
    }
    return 0;
}

/* ## Joining and leaving. ## */

static __thread struct ds *listener;

static int
hear(enum libxdp_print_level level, const char *format, va_list args)
{
    if (listener && level != LIBXDP_DEBUG) {
        ds_put_format_valist(listener, format, args);
    }
    return 0;
}

/* libxdp before 1.4.1 leaves a descriptor of the dispatcher open that it found
 * at the device.  Nobody else of this process has one. */
static void
close_forgotten(uint32_t dispatcher)
{
    DIR *dir = opendir("/proc/self/fd");
    const struct dirent *e;

    while (dir && (e = readdir(dir))) {
        char target[32] = "";
        ssize_t n = readlinkat(dirfd(dir), e->d_name, target,
                               sizeof target - 1);

        if (n > 0 && !strcmp(target, "anon_inode:bpf-prog")) {
            const int fd = strtol(e->d_name, NULL, 10);

            if (program_id(fd) == dispatcher) {
                close(fd);
            }
        }
    }
    if (dir) {
        closedir(dir);
    }
}

/* Has libxdp do it, and says what that says. */
static int
by_libxdp(uint32_t ifindex, int fd, uint32_t dispatcher,
          int (*function)(struct xdp_program *, int, enum xdp_attach_mode,
                          unsigned int),
          const char *what)
{
    struct ds said = DS_EMPTY_INITIALIZER;
    struct ds *before = tpr_libbpf_listen(&said);
    libxdp_print_fn_t print = libxdp_set_print(hear);
    struct xdp_program *program;
    int error;

    listener = &said;
    program = xdp_program__from_fd(fd);
    error = -libxdp_get_error(program);
    if (!error) {
        error = -function(program, (int) ifindex, XDP_MODE_NATIVE, 0);
        xdp_program__close(program);
    }
    if (dispatcher) {
        close_forgotten(dispatcher);
    }
    if (error) {
        static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);

        VLOG_INFO_RL(&rl, "cannot %s libxdp's dispatcher at interface %"PRIu32
                  " (%s): %s", what, ifindex, ovs_strerror(error),
                  ds_cstr(&said));
    }
    listener = NULL;
    libxdp_set_print(print);
    tpr_libbpf_listen(before);
    ds_destroy(&said);
    return error;
}

/* Removes the pins of program 'id' that are left when somebody took a whole
 * dispatcher away from 'ifindex', as Open vSwitch does, or ended in the middle
 * of an exchange: they would keep it, and its maps, for ever. */
static void
clean_up(uint32_t ifindex, uint32_t id)
{
    char *prefix = xasprintf("dispatch-%"PRIu32"-", ifindex);
    uint32_t now;
    bool known = !get_attached(ifindex, &now);
    char *present = xasprintf("%s%"PRIu32, prefix, now);
    DIR *dir = known ? opendir(tpr_dispatcher_folder()) : NULL;
    const struct dirent *e;

    while (dir && (e = readdir(dir))) {
        char *path = xasprintf("%s/%s", tpr_dispatcher_folder(), e->d_name);
        struct tpr_parts parts = { .n = 0 };

        if (!strncmp(e->d_name, prefix, strlen(prefix))
            && strcmp(e->d_name, present)) {
            read_parts(path, &parts);
        }
        for (size_t i = 0; i < parts.n; i++) {
            if (parts.part[i].id == id) {
                char *pin = xasprintf("%s/prog%"PRIuSIZE"-prog", path, i);
                char *link = xasprintf("%s/prog%"PRIuSIZE"-link", path, i);

                unlink(link);
                unlink(pin);
                rmdir(path);
                free(link);
                free(pin);
            }
        }
        free(path);
    }
    if (dir) {
        closedir(dir);
    }
    free(present);
    free(prefix);
}

int
tpr_dispatcher_join(uint32_t ifindex, int fd)
{
    const uint32_t id = program_id(fd);
    struct tpr_parts parts;
    int error = tpr_dispatcher_look(ifindex, &parts);

    if (error) {
        return error;
    } else if (tpr_parts_have(&parts, id)) {
        return 0;
    } else if (parts.n >= TPR_MAX_PARTS) {
        return E2BIG;
    }
    return by_libxdp(ifindex, fd, parts.dispatcher, xdp_program__attach,
                     "join");
}

int
tpr_dispatcher_leave(uint32_t ifindex, int fd)
{
    const uint32_t id = program_id(fd);
    struct tpr_parts parts;
    int error = tpr_dispatcher_look(ifindex, &parts);

    if (!error && tpr_parts_have(&parts, id)) {
        error = by_libxdp(ifindex, fd, parts.dispatcher, xdp_program__detach,
                          "leave");
        if (error && !tpr_dispatcher_look(ifindex, &parts)
            && !tpr_parts_have(&parts, id)) {
            error = 0;          /* Somebody else took it away. */
        }
    }
    if (!error) {
        clean_up(ifindex, id);
    }
    return error;
}

void
tpr_dispatcher_remove_stray(uint32_t ifindex, uint32_t keep)
{
    struct tpr_parts parts;

    if (tpr_dispatcher_look(ifindex, &parts)) {
        return;
    }
    for (size_t i = 0; i < parts.n; i++) {
        if (parts.part[i].id != keep
            && !strcmp(parts.part[i].name, TPR_PART_NAME)) {
            int fd = bpf_prog_get_fd_by_id(parts.part[i].id);

            if (fd >= 0) {
                tpr_dispatcher_leave(ifindex, fd);
                close(fd);
            }
        }
    }
}
