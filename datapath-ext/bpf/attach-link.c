/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Links, filters and their pins: see attach-link.h. */

#include <config.h>
#include "attach-link.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "attach-dispatcher.h"
#include "attach-next.h"
#include "tc-filter.h"
#include "util.h"

/* A pin's name begins with this, by mode. */
static const char *const prefixes[][2] = {
    [TPR_ATTACH_XDP] = { "xdp-", "xdp-" },
    [TPR_ATTACH_GENERIC] = { "generic-", "generic-" },
    [TPR_ATTACH_NEXT] = { "next-", "next-" },
    [TPR_ATTACH_DISPATCHER] = { "part-", "part-" },
    [TPR_ATTACH_TC] = { "tc-", "tcq-" },    /* [made_qdisc] */
};

static char *
pin_path(const struct tpr_link *l, const char *pins, const char *suffix)
{
    return xasprintf("%s/%s%"PRIu32"%s", pins,
                     prefixes[l->mode][l->made_qdisc], l->ifindex, suffix);
}

static uint32_t
program_id(int fd)
{
    struct bpf_prog_info info = { .id = 0 };
    uint32_t size = sizeof info;

    return bpf_obj_get_info_by_fd(fd, &info, &size) ? 0 : info.id;
}

/* Pins 'fd' in the place of what is pinned there. */
static int
pin(const struct tpr_link *l, int fd, const char *pins)
{
    char *path, *new;
    int error;

    if (!pins) {
        return 0;
    }
    path = pin_path(l, pins, "");
    new = pin_path(l, pins, "-new");
    unlink(new);
    error = -bpf_obj_pin(fd, new);
    if (!error && rename(new, path)) {
        error = errno;
        unlink(new);
    }
    free(path);
    free(new);
    return error;
}

static void
unpin(const struct tpr_link *l, const char *pins)
{
    if (pins) {
        char *path = pin_path(l, pins, "");

        unlink(path);
        free(path);
    }
}

/* ## tc. ## */

/* The id of the program at our place, 0: there is none. */
static uint32_t
tc_query(uint32_t ifindex)
{
    bool ours;

    return tpr_tc_get(ifindex, &tpr_tc_redirect, &ours);
}

/* Whether the qdisc came with the filter; the pin says so, too. */
static void
set_made_qdisc(struct tpr_link *l, bool made, const char *pins)
{
    char *from = pins ? pin_path(l, pins, "") : NULL;

    l->made_qdisc = made;
    if (from) {
        char *to = pin_path(l, pins, "");

        rename(from, to);
        free(from);
        free(to);
    }
}

/* Makes the qdisc if it is missing, and puts the filter there; one that is
 * there all the same, 'stray', is replaced.  '*made': the qdisc was made. */
static int
tc_put(uint32_t ifindex, int fd, bool stray, bool *made)
{
    int error = tpr_tc_add_qdisc(ifindex);

    *made = !error;
    if (!error || error == EEXIST) {
        error = tpr_tc_put(ifindex, &tpr_tc_redirect, fd, stray);
        if (error && *made) {
            tpr_tc_del_qdisc(ifindex);
        }
    }
    return error;
}

/* Pinned first: a filter of ours that nobody has pinned would stay if we died
 * in between. */
static int
tc_attach(struct tpr_link *l, int fd, bool stray, const char *pins)
{
    bool made;
    int error;

    l->made_qdisc = true;
    error = pin(l, fd, pins);
    if (!error) {
        error = tc_put(l->ifindex, fd, stray, &made);
        if (!made) {
            set_made_qdisc(l, false, pins);
        }
    }
    if (error) {
        unpin(l, pins);
    }
    return error;
}

int
tpr_link_repair(struct tpr_link *l, bool new_qdisc, const char *pins,
                bool *missed)
{
    uint32_t program;
    bool ours, made;
    int error;

    *missed = false;
    if (l->mode != TPR_ATTACH_TC) {
        return 0;
    }
    program = tpr_tc_get(l->ifindex, &tpr_tc_redirect, &ours);
    if (program == l->program) {
        return 0;
    }
    *missed = true;
    error = (l->fd < 0 ? EPERM
             : program && !ours ? EEXIST
             : tc_put(l->ifindex, l->fd, program, &made));
    if (!error && made != l->made_qdisc && (made || new_qdisc)) {
        set_made_qdisc(l, made, pins);
    }
    return error;
}

static int
tc_detach(const struct tpr_link *l)
{
    int error;

    if (tc_query(l->ifindex) != l->program) {
        return 0;
    }
    error = tpr_tc_del(l->ifindex, &tpr_tc_redirect);
    if (!error && l->made_qdisc) {
        tpr_tc_del_qdisc(l->ifindex);
    }
    return error;
}

/* ## All. ## */

void
tpr_link_remove_stray(uint32_t ifindex, const struct tpr_link *l)
{
    bool ours;

    if (l->mode != TPR_ATTACH_TC
        && tpr_tc_get(ifindex, &tpr_tc_redirect, &ours) && ours) {
        tpr_tc_del(ifindex, &tpr_tc_redirect);
    }
    tpr_dispatcher_remove_stray(ifindex, (l->mode == TPR_ATTACH_DISPATCHER
                                          ? l->program : 0));
}

/* What it takes to detach is not in a link: it may fail, and then the pin has
 * to stay. */
static bool
is_by_exchange(enum tpr_attach_mode mode)
{
    return mode == TPR_ATTACH_NEXT || mode == TPR_ATTACH_DISPATCHER;
}

/* In such a mode. */
static int
enter(const struct tpr_link *l, int fd)
{
    return (l->mode == TPR_ATTACH_NEXT ? tpr_next_attach(l->ifindex, fd)
            : tpr_dispatcher_join(l->ifindex, fd));
}

static int
leave(const struct tpr_link *l)
{
    return (l->mode == TPR_ATTACH_NEXT ? tpr_next_detach(l->ifindex, l->fd)
            : tpr_dispatcher_leave(l->ifindex, l->fd));
}

int
tpr_link_attach(struct tpr_link *l, enum tpr_attach_mode mode,
                uint32_t ifindex, int fd, const char *pins)
{
    LIBBPF_OPTS(bpf_link_create_opts, opts,
                .flags = (mode == TPR_ATTACH_XDP ? XDP_FLAGS_DRV_MODE
                          : XDP_FLAGS_SKB_MODE));
    int error;

    *l = (struct tpr_link) { mode, ifindex, program_id(fd), -1, false };
    if (mode == TPR_ATTACH_TC) {
        bool ours, stray = tpr_tc_get(ifindex, &tpr_tc_redirect, &ours);

        error = stray && !ours ? EEXIST : tc_attach(l, fd, stray, pins);
        l->fd = error ? -1 : dup(fd);
    } else if (is_by_exchange(mode)) {
        /* Pinned first, as with tc. */
        error = pin(l, fd, pins);
        if (!error) {
            error = enter(l, fd);
            if (error) {
                unpin(l, pins);
            }
        }
        l->fd = error ? -1 : dup(fd);
    } else {
        l->fd = bpf_link_create(fd, ifindex, BPF_XDP, &opts);
        error = l->fd < 0 ? -l->fd : pin(l, l->fd, pins);
        if (error) {
            tpr_link_detach(l, pins);
        }
    }
    if (error) {
        l->mode = TPR_ATTACH_NONE;
    }
    return error;
}

/* What is attached to is the program itself. */
static bool
holds_program(const struct tpr_link *l)
{
    return l->mode == TPR_ATTACH_TC || is_by_exchange(l->mode);
}

/* Puts 'fd' in the place of what is attached and no link. */
static int
exchange(const struct tpr_link *l, int fd)
{
    int error;

    if (l->mode == TPR_ATTACH_TC) {
        return tpr_tc_put(l->ifindex, &tpr_tc_redirect, fd, true);
    } else if (l->mode == TPR_ATTACH_NEXT) {
        return tpr_next_update(l->ifindex, l->fd, fd);
    }
    error = tpr_dispatcher_join(l->ifindex, fd);
    if (!error) {
        error = tpr_dispatcher_leave(l->ifindex, l->fd);
        if (error) {
            tpr_dispatcher_leave(l->ifindex, fd);
        }
    }
    return error;
}

int
tpr_link_update(struct tpr_link *l, int fd, const char *pins)
{
    int error;

    if (l->program == program_id(fd)) {
        return 0;
    }
    if (!holds_program(l)) {
        error = -bpf_link_update(l->fd, fd, NULL);
    } else {
        /* Pinned first: who finds both knows either as ours. */
        char *new = pins ? pin_path(l, pins, "-new") : NULL;

        if (new) {
            unlink(new);
            error = -bpf_obj_pin(fd, new);
        } else {
            error = 0;
        }
        if (!error) {
            error = exchange(l, fd);
        }
        if (!error && new) {
            error = pin(l, fd, pins);
        }
        if (!error) {
            if (l->fd >= 0) {
                close(l->fd);
            }
            l->fd = dup(fd);
        }
        free(new);
    }
    if (!error) {
        l->program = program_id(fd);
    }
    return error;
}

int
tpr_link_detach(struct tpr_link *l, const char *pins)
{
    if (l->mode == TPR_ATTACH_NONE) {
        return 0;
    }
    if (l->mode == TPR_ATTACH_TC) {
        tc_detach(l);
    } else if (is_by_exchange(l->mode)) {
        int error = leave(l);

        if (error) {
            return error;
        }
    } else if (l->fd >= 0) {
        bpf_link_detach(l->fd);
    }
    unpin(l, pins);
    if (l->fd >= 0) {
        close(l->fd);
    }
    l->mode = TPR_ATTACH_NONE;
    l->fd = -1;
    return 0;
}

void
tpr_link_forget(struct tpr_link *l, const char *pins)
{
    if (!pins) {
        tpr_link_detach(l, NULL);
    }
    if (l->mode != TPR_ATTACH_NONE) {
        if (l->fd >= 0) {
            close(l->fd);
        }
        l->mode = TPR_ATTACH_NONE;
        l->fd = -1;
    }
}

static bool
xdp_is_there(const struct tpr_link *l)
{
    struct bpf_link_info info = { .id = 0 };
    uint32_t size = sizeof info;

    return (!bpf_obj_get_info_by_fd(l->fd, &info, &size)
            && info.type == BPF_LINK_TYPE_XDP
            && info.xdp.ifindex == l->ifindex);
}

/* In a dispatcher of which nobody knows what it has, it may be. */
static bool
part_is_there(const struct tpr_link *l)
{
    struct tpr_parts parts;

    return (tpr_dispatcher_look(l->ifindex, &parts)
            || tpr_parts_have(&parts, l->program));
}

bool
tpr_link_is_there(const struct tpr_link *l)
{
    return (l->mode == TPR_ATTACH_NONE ? false
            : l->mode == TPR_ATTACH_TC ? tc_query(l->ifindex) == l->program
            : l->mode == TPR_ATTACH_NEXT
            ? tpr_next_is_there(l->ifindex, l->program)
            : l->mode == TPR_ATTACH_DISPATCHER ? part_is_there(l)
            : xdp_is_there(l));
}

/* ## Taking over. ## */

/* What the pin named 'name' stands for. */
static bool
parse_pin(const char *name, struct tpr_link *l)
{
    for (int mode = TPR_ATTACH_XDP; mode < TPR_N_ATTACH_MODES; mode++) {
        for (int i = 0; i < 2; i++) {
            const size_t n = strlen(prefixes[mode][i]);
            char *tail;

            if (!strncmp(name, prefixes[mode][i], n)) {
                *l = (struct tpr_link) { .mode = mode, .made_qdisc = i,
                                         .fd = -1 };
                if (mode != TPR_ATTACH_TC) {
                    l->made_qdisc = false;
                }
                l->ifindex = strtoul(name + n, &tail, 10);
                return l->ifindex && (!*tail || !strcmp(tail, "-new"));
            }
        }
    }
    return false;
}

/* Opens it.  Returns false if it is not attached any more, or that cannot be
 * told: the kernel may not let us have what is pinned, but our filter can be
 * told by its name. */
static bool
open_pin(const char *path, struct tpr_link *l)
{
    l->fd = bpf_obj_get(path);
    if (l->fd < 0) {
        bool ours = false;

        if (l->mode == TPR_ATTACH_TC) {
            l->program = tpr_tc_get(l->ifindex, &tpr_tc_redirect, &ours);
        }
        return ours;
    }
    if (holds_program(l)) {
        l->program = program_id(l->fd);
    } else {
        struct bpf_link_info info = { .id = 0 };
        uint32_t size = sizeof info;

        if (!bpf_obj_get_info_by_fd(l->fd, &info, &size)) {
            l->program = info.prog_id;
        }
    }
    return l->program && tpr_link_is_there(l);
}

/* A pin that was to replace another takes its place. */
static void
settle_pin(const struct tpr_link *l, const char *path, const char *pins)
{
    char *proper = pin_path(l, pins, "");

    if (strcmp(path, proper)) {
        rename(path, proper);
    }
    free(proper);
}

static bool
is_found(const struct tpr_link *links, size_t n, const struct tpr_link *l)
{
    for (size_t i = 0; i < n; i++) {
        if (links[i].ifindex == l->ifindex && links[i].mode == l->mode) {
            return true;
        }
    }
    return false;
}

/* Lets go of what is pinned at 'path' and is not attached any more, as far as
 * that is known. */
static void
drop_found(const struct tpr_link *l, const char *path)
{
    bool drop = l->fd >= 0 || !is_by_exchange(l->mode);

    if (l->fd >= 0) {
        if (l->mode == TPR_ATTACH_DISPATCHER) {
            drop = !tpr_dispatcher_leave(l->ifindex, l->fd);
        }
        close(l->fd);
    }
    if (drop) {
        unlink(path);
    }
}

struct tpr_link *
tpr_link_find(const char *pins, size_t *n)
{
    struct tpr_link *links = NULL;
    size_t allocated = 0;
    DIR *dir = opendir(pins);
    const struct dirent *e;

    *n = 0;
    while (dir && (e = readdir(dir))) {
        char *path = xasprintf("%s/%s", pins, e->d_name);
        struct tpr_link l;

        if (parse_pin(e->d_name, &l)) {
            if (open_pin(path, &l) && !is_found(links, *n, &l)) {
                if (l.mode == TPR_ATTACH_DISPATCHER) {
                    tpr_dispatcher_remove_stray(l.ifindex, l.program);
                }
                settle_pin(&l, path, pins);
                if (*n == allocated) {
                    links = x2nrealloc(links, &allocated, sizeof *links);
                }
                links[(*n)++] = l;
            } else {
                drop_found(&l, path);
            }
        }
        free(path);
    }
    if (dir) {
        closedir(dir);
    }
    return links;
}

bool
tpr_link_has_next(const char *pins)
{
    DIR *dir = opendir(pins);
    const struct dirent *e;
    bool found = false;

    while (dir && (e = readdir(dir))) {
        struct tpr_link l;

        found |= parse_pin(e->d_name, &l) && l.mode == TPR_ATTACH_NEXT;
    }
    if (dir) {
        closedir(dir);
    }
    return found;
}

/* ## Removal. ## */

/* Detaches what is pinned at 'path' and parsed to 'l'.  An XDP link ends with
 * its last pin and descriptor, so that its pin is enough; not so a program
 * before the switch's own, or among others. */
static int
remove_link(struct tpr_link *l, const char *path)
{
    int error = 0;

    if (open_pin(path, l)) {
        if (l->mode == TPR_ATTACH_TC) {
            error = tc_detach(l);
        } else if (is_by_exchange(l->mode)) {
            error = leave(l);
        } else {
            bpf_link_detach(l->fd);
        }
    } else if (l->fd < 0 && is_by_exchange(l->mode)) {
        error = EPERM;
    } else if (l->mode == TPR_ATTACH_DISPATCHER) {
        error = leave(l);       /* Pins of libxdp's may be left. */
    }
    if (error && is_by_exchange(l->mode)) {
        if (l->fd >= 0) {
            close(l->fd);
        }
        return error;           /* Its pin stays, for whoever can. */
    }
    if (l->fd >= 0) {
        close(l->fd);
    }
    if (unlink(path) && l->mode != TPR_ATTACH_TC) {
        error = errno;
    }
    return error;
}

/* Removes the pins in 'dir', of the folder 'pins', that are no links; but not
 * what programs that are left jump by: without a pin it would be empty, and
 * the switch deaf. */
static void
remove_others(DIR *dir, const char *pins, bool any_left)
{
    const struct dirent *e;

    rewinddir(dir);
    while ((e = readdir(dir))) {
        char *path = xasprintf("%s/%s", pins, e->d_name);
        struct tpr_link l;

        if (e->d_name[0] != '.' && !parse_pin(e->d_name, &l)
            && !(any_left && !strcmp(e->d_name, "tpr_next"))) {
            unlink(path);
        }
        free(path);
    }
}

char *
tpr_link_remove_all(const char *pins, size_t *n)
{
    DIR *dir = opendir(pins);
    const struct dirent *e;
    int error = !dir && errno != ENOENT ? errno : 0;
    size_t n_left = 0;

    *n = 0;
    while (dir && (e = readdir(dir))) {
        char *path = xasprintf("%s/%s", pins, e->d_name);
        struct tpr_link l;

        if (parse_pin(e->d_name, &l)) {
            int result = remove_link(&l, path);

            n_left += result != 0;
            *n += !result;
            error = result ? result : error;
        }
        free(path);
    }
    if (dir) {
        remove_others(dir, pins, n_left > 0);
        closedir(dir);
        rmdir(pins);
    }
    return (!error ? NULL
            : !dir ? xasprintf("programs of an earlier process may still be "
                               "attached: cannot read %s (%s)", pins,
                               ovs_strerror(error))
            : xasprintf("programs of an earlier process are still attached "
                        "to %"PRIuSIZE" devices: cannot detach them (%s)",
                        n_left, ovs_strerror(error)));
}
