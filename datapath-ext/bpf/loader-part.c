/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* The XDP program once more, as a part of a dispatcher's
 * (attach-dispatcher.h): of the same instructions and with the same maps, but
 * of a kind of its own. */

#include <config.h>
#include "loader-private.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "libbpf-log.h"
#include "openvswitch/dynamic-string.h"
#include "tpr.skel.h"
#include "util.h"

enum { MAX_MAPS = 64 };         /* Of one program. */

/* Lets 'skel' have 'b''s maps, but for the one of constants, which gets the
 * same. */
static int
share_maps(const struct tpr_bpf *b, struct tpr_bpf_skel *skel)
{
    struct bpf_map *map;
    int error = 0;

    bpf_object__for_each_map (map, skel->obj) {
        const char *name = bpf_map__name(map);

        if (!error && !strstr(name, ".rodata")) {
            error = -bpf_map__reuse_fd(map, tpr_bpf_map(b, name));
        }
    }
    skel->rodata->tpr_sizes = b->sizes;
    return error;
}

static int
load_part(const struct tpr_bpf *b, struct tpr_bpf_skel *skel,
          int dispatcher_fd, char *log)
{
    const char *ours
        = bpf_program__name(b->skel->progs.tpr_xdp);
    struct bpf_program *program, *part = skel->progs.tpr_xdp;
    int error = share_maps(b, skel);

    bpf_object__for_each_program (program, skel->obj) {
        bpf_program__set_autoload(program,
                                  !strcmp(bpf_program__name(program), ours));
    }
    bpf_program__set_log_buf(part, log, TPR_BPF_LOG_SIZE);
    bpf_program__set_log_level(part, 0);
    bpf_program__set_type(part, BPF_PROG_TYPE_EXT);
    bpf_program__set_expected_attach_type(part, 0);
    /* Without a target there is nothing that it could be a part of. */
    if (!error && !b->refuse_part) {
        error = -bpf_program__set_attach_target(part, dispatcher_fd,
                                                "xdp_dispatcher");
    }
    return error ? error : -tpr_bpf_skel__load(skel);
}

/* Loads the XDP program as a part for libxdp's dispatchers, of which
 * 'dispatcher_fd' is one; any other may get it as well.  Stores a descriptor
 * that becomes the caller's in '*fdp'; or returns a sentence and stores the
 * kernel's error in '*error'. */
char *
tpr_bpf_make_part(struct tpr_bpf *b, int dispatcher_fd, int *fdp, int *error)
{
    struct tpr_bpf_skel *skel = tpr_bpf_skel__open();
    char *logs[] = { xzalloc(TPR_BPF_LOG_SIZE), NULL };
    struct ds said = DS_EMPTY_INITIALIZER;
    struct ds *before = tpr_libbpf_listen(&said);
    char *sentence = NULL;

    *fdp = -1;
    *error = skel ? load_part(b, skel, dispatcher_fd, logs[0]) : errno;
    if (!*error) {
        *fdp = dup(bpf_program__fd(skel->progs.tpr_xdp));
        *error = *fdp < 0 ? errno : 0;
    }
    if (*error) {
        sentence = tpr_bpf_load_error(*error, &said, logs);
    }
    tpr_libbpf_listen(before);
    ds_destroy(&said);
    free(logs[0]);
    tpr_bpf_skel__destroy(skel);
    return sentence;
}

static size_t
common_ids(const struct bpf_prog_info *a, const struct bpf_prog_info *b)
{
    const uint32_t *as = (const uint32_t *) (uintptr_t) a->map_ids;
    const uint32_t *bs = (const uint32_t *) (uintptr_t) b->map_ids;
    size_t n = 0;

    for (uint32_t i = 0; i < MIN(a->nr_map_ids, MAX_MAPS); i++) {
        for (uint32_t j = 0; j < MIN(b->nr_map_ids, MAX_MAPS); j++) {
            n += as[i] == bs[j];
        }
    }
    return n;
}

/* Is 'fd' a part that tpr_bpf_make_part() might have made: the same
 * instructions with the same maps, but for the one of constants? */
bool
tpr_bpf_is_part(const struct tpr_bpf *b, int fd)
{
    uint32_t ids[2][MAX_MAPS];
    struct bpf_prog_info ours = { .nr_map_ids = MAX_MAPS,
                                  .map_ids = (uintptr_t) ids[0] };
    struct bpf_prog_info part = { .nr_map_ids = MAX_MAPS,
                                  .map_ids = (uintptr_t) ids[1] };
    uint32_t size = sizeof ours;
    const int ours_fd = tpr_bpf_fd(b, TPR_BPF_XDP);

    return (!b->renew_part
            && !bpf_obj_get_info_by_fd(ours_fd, &ours, &size)
            && !bpf_obj_get_info_by_fd(fd, &part, &size)
            && part.type == BPF_PROG_TYPE_EXT
            && !memcmp(part.tag, ours.tag, sizeof part.tag)
            && part.nr_map_ids == ours.nr_map_ids
            && common_ids(&part, &ours) + 1 >= ours.nr_map_ids);
}
