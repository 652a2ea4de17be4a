/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Before the switch's own XDP program: see attach-next.h. */

#include <config.h>
#include "attach-next.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <string.h>
#include <unistd.h>
#include "layout.h"
#include "util.h"

enum { MAX_MAPS = 64 };         /* Of one program. */

static uint32_t
slot_of(uint32_t ifindex)
{
    return ifindex % TPR_BPF_NEXT;
}

bool
tpr_next_collide(uint32_t ifindex, uint32_t other)
{
    return ifindex != other && slot_of(ifindex) == slot_of(other);
}

static uint32_t
program_id(int fd)
{
    struct bpf_prog_info info = { .id = 0 };
    uint32_t size = sizeof info;

    return bpf_obj_get_info_by_fd(fd, &info, &size) ? 0 : info.id;
}

static enum tpr_next_owner
owner_of(int fd)
{
    struct bpf_prog_info info = { .id = 0 };
    uint32_t size = sizeof info;

    if (bpf_obj_get_info_by_fd(fd, &info, &size)) {
        return TPR_NEXT_FOREIGN;
    }
    return (!strncmp(info.name, TPR_NEXT_NAME, strlen(TPR_NEXT_NAME))
            ? TPR_NEXT_SWITCH
            : !strncmp(info.name, "xdp_dispatcher", 14) ? TPR_NEXT_DISPATCHER
            : TPR_NEXT_FOREIGN);
}

enum tpr_next_owner
tpr_next_owner(uint32_t program)
{
    enum tpr_next_owner owner;
    int fd = program ? bpf_prog_get_fd_by_id(program) : -1;

    if (fd < 0) {
        return TPR_NEXT_FOREIGN;
    }
    owner = owner_of(fd);
    close(fd);
    return owner;
}

/* Opens the map of jumps that program 'fd' has; -1: it has none. */
static int
open_jumps(int fd)
{
    uint32_t ids[MAX_MAPS];
    struct bpf_prog_info info = { .nr_map_ids = MAX_MAPS,
                                  .map_ids = (uintptr_t) ids };
    uint32_t size = sizeof info;

    if (bpf_obj_get_info_by_fd(fd, &info, &size)) {
        return -1;
    }
    for (uint32_t i = 0; i < MIN(info.nr_map_ids, MAX_MAPS); i++) {
        struct bpf_map_info map = { .id = 0 };
        uint32_t map_size = sizeof map;
        int map_fd = bpf_map_get_fd_by_id(ids[i]);

        if (map_fd >= 0) {
            if (!bpf_obj_get_info_by_fd(map_fd, &map, &map_size)
                && map.type == BPF_MAP_TYPE_PROG_ARRAY) {
                return map_fd;
            }
            close(map_fd);
        }
    }
    return -1;
}

static int
set_jump(int fd, uint32_t ifindex, int to_fd)
{
    const uint32_t slot = slot_of(ifindex);
    int jumps = open_jumps(fd);
    int error;

    if (jumps < 0) {
        return ENOENT;
    }
    error = -bpf_map_update_elem(jumps, &slot, &to_fd, 0);
    close(jumps);
    return error;
}

/* Opens the program that 'fd' jumps to with packets of 'ifindex': '*own', -1
 * if there is none. */
static int
open_jump(int fd, uint32_t ifindex, int *own)
{
    const uint32_t slot = slot_of(ifindex);
    int jumps = open_jumps(fd);
    uint32_t id = 0;
    int error;

    *own = -1;
    if (jumps < 0) {
        return ENOENT;
    }
    error = -bpf_map_lookup_elem(jumps, &slot, &id);
    close(jumps);
    if (error) {
        return error == ENOENT ? 0 : error;
    }
    *own = bpf_prog_get_fd_by_id(id);
    return *own < 0 ? -*own : 0;
}

static void
clear_jump(int fd, uint32_t ifindex)
{
    const uint32_t slot = slot_of(ifindex);
    int jumps = open_jumps(fd);

    if (jumps >= 0) {
        bpf_map_delete_elem(jumps, &slot);
        close(jumps);
    }
}

/* 'fd', or nothing if that is -1, instead of 'old_fd'. */
static int
replace(uint32_t ifindex, int old_fd, int fd)
{
    LIBBPF_OPTS(bpf_xdp_attach_opts, opts, .old_prog_fd = old_fd);

    return -bpf_xdp_attach((int) ifindex, fd,
                           XDP_FLAGS_DRV_MODE | XDP_FLAGS_REPLACE, &opts);
}

static uint32_t
attached(uint32_t ifindex)
{
    uint32_t id = 0;

    return (bpf_xdp_query_id((int) ifindex, XDP_FLAGS_DRV_MODE, &id) ? 0
            : id);
}

bool
tpr_next_is_there(uint32_t ifindex, uint32_t id)
{
    return id && attached(ifindex) == id;
}

int
tpr_next_attach(uint32_t ifindex, int fd)
{
    uint32_t id = attached(ifindex);
    int own = id ? bpf_prog_get_fd_by_id(id) : -1;
    int error;

    if (own < 0) {
        return ENOENT;
    }
    error = (owner_of(own) != TPR_NEXT_SWITCH ? EEXIST
             : set_jump(fd, ifindex, own));
    if (!error) {
        error = replace(ifindex, own, fd);
        if (error) {
            clear_jump(fd, ifindex);
        }
    }
    close(own);
    return error;
}

int
tpr_next_update(uint32_t ifindex, int old_fd, int fd)
{
    int own;
    int error = open_jump(old_fd, ifindex, &own);

    if (error || own < 0) {
        return error ? error : ENOENT;
    }
    error = set_jump(fd, ifindex, own);
    if (!error) {
        error = replace(ifindex, old_fd, fd);
    }
    close(own);
    return error;
}

int
tpr_next_detach(uint32_t ifindex, int fd)
{
    const uint32_t id = program_id(fd);

    if (tpr_next_is_there(ifindex, id)) {
        int own;
        int error = open_jump(fd, ifindex, &own);

        if (!error) {
            error = replace(ifindex, fd, own);
        }
        if (own >= 0) {
            close(own);
        }
        if (error && tpr_next_is_there(ifindex, id)) {
            return error;
        }
    }
    clear_jump(fd, ifindex);
    return 0;
}
