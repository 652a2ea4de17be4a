/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Pins maps and programs, and finds them there again.
 *
 * In the folder stand all maps but the one of constants, by name; the
 * programs, by name; and "header" (struct tpr_bpf_header), which is removed
 * before anything else changes and written last: with it, the maps are
 * complete.  attach-link.h tells what stands beside them. */

#include <config.h>
#include "loader-private.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "attach-link.h"
#include "bpffs.h"
#include "hash.h"
#include "tpr.skel.h"
#include "util.h"

/* See bpffs.h. */
char *
tpr_bpf_mount(const char *dir)
{
    return tpr_bpffs_mount(dir);
}

/* ## Names. ## */

static char *
path_of(const char *dir, const char *name)
{
    const char *dot = strrchr(name, '.');       /* Not allowed there. */

    return xasprintf("%s/%s", dir, dot ? dot + 1 : name);
}

/* Constants belong to the programs that are loaded with them. */
static bool
is_constant(const struct bpf_map *map)
{
    return strstr(bpf_map__name(map), ".rodata");
}

static int
pin(int fd, const char *dir, const char *name)
{
    char *path = path_of(dir, name);
    int error;

    unlink(path);
    error = -bpf_obj_pin(fd, path);
    free(path);
    return error;
}

static void
unpin(const char *dir, const char *name)
{
    char *path = path_of(dir, name);

    unlink(path);
    free(path);
}

static int
get(const char *dir, const char *name)
{
    char *path = path_of(dir, name);
    int fd = bpf_obj_get(path);

    free(path);
    return fd;
}

/* ## Layout. ## */

/* Of one struct, or of the variables, 't': names and places. */
static uint32_t
hash_type(const struct btf *btf, const struct btf_type *t)
{
    const bool is_section = btf_is_datasec(t);
    uint32_t hash = hash_string(btf__name_by_offset(btf, t->name_off),
                                t->size);

    for (int i = 0; i < btf_vlen(t); i++) {
        uint32_t type = (is_section ? btf_var_secinfos(t)[i].type
                         : btf_members(t)[i].type);
        uint32_t name = (is_section ? btf__type_by_id(btf, type)->name_off
                         : btf_members(t)[i].name_off);
        uint32_t at = (is_section ? btf_var_secinfos(t)[i].offset
                       : btf_member_bit_offset(t, i));

        hash = hash_string(btf__name_by_offset(btf, name), hash);
        hash = hash_2words(hash ^ at,
                           (uint32_t) btf__resolve_size(btf, type));
    }
    return hash;
}

/* Of all that an older program must have alike to share the maps. */
static uint32_t
make_fingerprint(const struct tpr_bpf *b)
{
    const struct btf *btf = bpf_object__btf(b->skel->obj);
    const struct bpf_map *map;
    uint32_t sum = 0;

    for (uint32_t i = 1; btf && i < btf__type_cnt(btf); i++) {
        const struct btf_type *t = btf__type_by_id(btf, i);
        const char *name = btf__name_by_offset(btf, t->name_off);

        if (btf_is_struct(t) ? !strncmp(name, "tpr_", 4)
            : btf_is_datasec(t) && !strcmp(name, ".bss")) {
            sum += hash_type(btf, t);
        }
    }
    bpf_object__for_each_map (map, b->skel->obj) {
        if (!is_constant(map)) {
            const uint32_t words[] = {
                bpf_map__type(map), bpf_map__key_size(map),
                bpf_map__value_size(map), bpf_map__max_entries(map),
                bpf_map__map_flags(map),
            };

            sum += hash_bytes(words, sizeof words,
                              hash_string(bpf_map__name(map), 0));
        }
    }
    return sum;
}

static struct tpr_bpf_header
make_header(const struct tpr_bpf *b)
{
    return (struct tpr_bpf_header) {
        .magic = TPR_BPF_MAGIC,
        .version = TPR_BPF_LAYOUT,
        .fingerprint = make_fingerprint(b),
        .n_cpus = b->n_cpus,
        .sizes = b->sizes,
    };
}

/* ## Taking over. ## */

/* Why maps with 'header' cannot be used, or NULL. */
static const char *
compare_headers(const struct tpr_bpf *b, const struct tpr_bpf_header *header)
{
    const struct tpr_bpf_header ours = make_header(b);

    return (header->magic != ours.magic ? "they are not this program's"
            : memcmp(&header->sizes, &ours.sizes, sizeof ours.sizes)
            ? "they have other sizes"
            : header->version != ours.version
              || header->fingerprint != ours.fingerprint
              || header->n_cpus != ours.n_cpus
            ? "they have another layout"
            : NULL);
}

/* Opens every map that is pinned and, if 'reuse', makes it 'b''s. */
static bool
open_maps(struct tpr_bpf *b, bool reuse)
{
    struct bpf_map *map;

    bpf_object__for_each_map (map, b->skel->obj) {
        if (!is_constant(map)) {
            const int fd = get(b->pins, bpf_map__name(map));
            const bool ok = (fd >= 0
                             && (!reuse || !bpf_map__reuse_fd(map, fd)));

            if (fd >= 0) {
                close(fd);
            }
            if (!ok) {
                return false;
            }
        }
    }
    return true;
}

/* Before 'b' is loaded: finds the maps to go on with.  If there are others,
 * 'b->why_not' says why they are left. */
char *
tpr_bpf_find_pins(struct tpr_bpf *b)
{
    struct tpr_bpf_header header = { .magic = 0 };
    const char *why;
    int fd;

    fd = get(b->pins, "header");
    if (fd < 0) {
        return NULL;
    }
    why = (bpf_map_lookup_elem(fd, &(uint32_t) { 0 }, &header)
           ? "they cannot be read" : compare_headers(b, &header));
    close(fd);
    if (!why && !open_maps(b, false)) {
        why = "some are missing";
    }
    if (!why && !open_maps(b, true)) {
        return xasprintf("libbpf does not take over the maps in %s",
                         b->pins);
    }
    if (why) {
        b->why_not = xasprintf("all connections are lost: the BPF maps in "
                               "%s cannot be taken over, for %s", b->pins,
                               why);
    }
    b->taken_over = !why;
    return NULL;
}

/* Maps the liveness page that the programs pinned in the folder 'dir' look at:
 * whoever takes them over can steer them before that has come to its end.
 * NULL if there is none, or one of another layout.  It becomes the caller's,
 * for tpr_bpf_unmap_page().  Any thread. */
struct tpr_page *
tpr_bpf_map_page(const char *dir)
{
    const int header = get(dir, "header"), fd = get(dir, "tpr_page");
    struct bpf_map_info info = { 0 };
    uint32_t size = sizeof info;
    struct tpr_page *page = NULL;

    if (header >= 0 && fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size)
        && info.type == BPF_MAP_TYPE_ARRAY
        && info.value_size == sizeof *page) {
        page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED,
                    fd, 0);
        page = page == MAP_FAILED ? NULL : page;
    }
    if (page && (page->magic != TPR_PAGE_MAGIC
                 || page->version != TPR_PAGE_VERSION)) {
        tpr_bpf_unmap_page(page);
        page = NULL;
    }
    if (header >= 0) {
        close(header);
    }
    if (fd >= 0) {
        close(fd);
    }
    return page;
}

void
tpr_bpf_unmap_page(struct tpr_page *page)
{
    munmap(page, sizeof *page);
}

/* ## Pinning. ## */

static int
pin_header(struct tpr_bpf *b)
{
    const struct tpr_bpf_header header = make_header(b);
    int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "tpr_header", 4,
                            sizeof header, 1, NULL);
    int error = fd < 0 ? -fd : 0;

    if (!error) {
        error = -bpf_map_update_elem(fd, &(uint32_t) { 0 }, &header, 0);
    }
    if (!error) {
        error = pin(fd, b->pins, "header");
    }
    if (fd >= 0) {
        close(fd);
    }
    return error;
}

static int
pin_maps(struct tpr_bpf *b)
{
    struct bpf_map *map;
    int error = 0;

    unpin(b->pins, "header");
    bpf_object__for_each_map (map, b->skel->obj) {
        if (!error && !is_constant(map)) {
            error = pin(bpf_map__fd(map), b->pins, bpf_map__name(map));
        }
    }
    return error ? error : pin_header(b);
}

/* Makes the folder, unless it is there, and pins the maps, unless they were
 * taken over, and the programs. */
char *
tpr_bpf_pin(struct tpr_bpf *b)
{
    struct bpf_program *program;
    int error;

    if (mkdir(b->pins, 0700) && errno != EEXIST) {
        return xasprintf("cannot make the folder %s (%s)", b->pins,
                         ovs_strerror(errno));
    }
    if (!b->taken_over) {
        char *path = xasprintf("%s/tpr_next", b->pins);

        b->old_jumps = bpf_obj_get(path);
        free(path);
    }
    error = b->taken_over ? 0 : pin_maps(b);
    bpf_object__for_each_program (program, b->skel->obj) {
        const int fd = bpf_program__fd(program);

        if (!error && fd >= 0) {
            error = pin(fd, b->pins, bpf_program__name(program));
        }
    }
    return (error ? xasprintf("cannot pin BPF maps and programs in %s (%s)",
                              b->pins, ovs_strerror(error))
            : NULL);
}

/* Removes the pins, if there are any, and their folder, if nothing else is
 * left in it.  What a program that could not be detached jumps by stays: it
 * were empty without a pin, and the switch deaf. */
void
tpr_bpf_unpin(struct tpr_bpf *b)
{
    const char *jumps = bpf_map__name(b->skel->maps.tpr_next);
    struct bpf_program *program;
    struct bpf_map *map;

    if (!b->pins) {
        return;
    }
    unpin(b->pins, "header");
    bpf_object__for_each_map (map, b->skel->obj) {
        if (bpf_map__name(map) != jumps || !tpr_link_has_next(b->pins)) {
            unpin(b->pins, bpf_map__name(map));
        }
    }
    bpf_object__for_each_program (program, b->skel->obj) {
        unpin(b->pins, bpf_program__name(program));
    }
    rmdir(b->pins);
}
