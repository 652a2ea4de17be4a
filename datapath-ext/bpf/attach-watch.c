/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Loads the watching programs: see attach-watch.h. */

#include <config.h>
#include "attach-watch.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "libbpf-log.h"
#include "socket-util.h"
#include "util.h"
#include "watch.skel.h"

enum { FRAME_LEN = 60 };

struct tpr_watch {
    struct tpr_watch_skel *skel;
};

static uint32_t
map_id(int fd)
{
    struct bpf_map_info info = { .id = 0 };
    uint32_t size = sizeof info;

    return bpf_obj_get_info_by_fd(fd, &info, &size) ? 0 : info.id;
}

static int
load(struct tpr_watch *w, int map_fd)
{
    struct tpr_watch_skel *skel = w->skel = tpr_watch_skel__open_and_load();
    struct stat s;

    if (!skel) {
        return errno;
    }
    if (stat("/proc/thread-self/ns/net", &s)) {
        return errno;
    }
    skel->bss->tpr_watch_conf = (struct tpr_watch_conf) {
        .netns = s.st_ino,
        .map = map_id(map_fd),
        .trial_map = map_id(bpf_map__fd(skel->maps.tpr_trial_port)),
    };
    return -tpr_watch_skel__attach(skel);
}

char *
tpr_watch_create(int map_fd, struct tpr_watch **wp)
{
    struct tpr_watch *w = xzalloc(sizeof *w);
    struct ds *before = tpr_libbpf_listen(NULL);
    int error = load(w, map_fd);

    tpr_libbpf_listen(before);
    *wp = w;
    if (error) {
        tpr_watch_destroy(w);
        *wp = NULL;
        return xasprintf("what XDP redirects cannot be watched (%s): that "
                         "takes CAP_BPF, CAP_PERFMON and a kernel with BTF",
                         ovs_strerror(error));
    }
    return NULL;
}

/* NULL is allowed. */
void
tpr_watch_destroy(struct tpr_watch *w)
{
    if (w) {
        tpr_watch_skel__destroy(w->skel);
        free(w);
    }
}

/* ## Trial. ## */

/* The interface's name and MAC. */
static int
get_device(uint32_t ifindex, struct ifreq *r)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int error = 0;

    memset(r, 0, sizeof *r);
    r->ifr_ifindex = ifindex;
    if (fd < 0) {
        return errno;
    }
    if (ioctl(fd, SIOCGIFNAME, r) || ioctl(fd, SIOCGIFHWADDR, r)) {
        error = errno;
    }
    close(fd);
    return error;
}

/* Sends the frame; what became of it stands in the trial. */
static int
send_frame(struct tpr_watch *w, const uint8_t src[6])
{
    static const uint8_t nearest_bridge[6] = { 1, 0x80, 0xc2, 0, 0, 0x0e };
    uint8_t frame[FRAME_LEN] = { 0 };
    LIBBPF_OPTS(bpf_test_run_opts, opts,
                .data_in = frame, .data_size_in = sizeof frame,
                .repeat = 1, .flags = BPF_F_TEST_XDP_LIVE_FRAMES);

    memcpy(frame, nearest_bridge, 6);
    memcpy(frame + 6, src, 6);
    frame[12] = 0x88;
    frame[13] = 0xb5;
    return -bpf_prog_test_run_opts(
        bpf_program__fd(w->skel->progs.tpr_trial_xdp), &opts);
}

static char *
why_not(const char *name, int error)
{
    switch (error) {
    case EOPNOTSUPP:
    case ENXIO:
        return xasprintf("the driver of %s cannot transmit for XDP (a veth "
                         "can once its other end has GRO on, or an XDP "
                         "program)", name);
    case ENETDOWN:
        return xasprintf("%s is down", name);
    case 0:
        return xasprintf("nothing was heard of a frame sent by %s", name);
    default:
        return xasprintf("%s does not take frames of XDP (%s)", name,
                         ovs_strerror(error));
    }
}

char *
tpr_watch_prove(struct tpr_watch *w, uint32_t ifindex)
{
    int fd = bpf_map__fd(w->skel->maps.tpr_trial_port);
    volatile struct tpr_watch_trial *trial = &w->skel->bss->tpr_watch_trial;
    struct ifreq r;
    int error = get_device(ifindex, &r);

    if (error) {
        return xasprintf("there is no device %"PRIu32" (%s)", ifindex,
                         ovs_strerror(error));
    }
    error = -bpf_map_update_elem(fd, &(uint32_t) { 0 }, &ifindex, 0);
    if (!error) {
        trial->sent = 0;
        trial->error = 0;
        w->skel->bss->tpr_watch_conf.trial = ifindex;
        error = send_frame(w, (const uint8_t *) r.ifr_hwaddr.sa_data);
        w->skel->bss->tpr_watch_conf.trial = 0;
        bpf_map_delete_elem(fd, &(uint32_t) { 0 });
        if (!error && trial->sent) {
            return NULL;
        }
    }
    return why_not(r.ifr_name, error ? error : trial->error);
}

/* ## Drops. ## */

void
tpr_watch_add(struct tpr_watch *w, uint32_t ifindex)
{
    const struct tpr_watch_drops none = { .n = 0 };

    bpf_map_update_elem(bpf_map__fd(w->skel->maps.tpr_watch_drops), &ifindex,
                        &none, BPF_NOEXIST);
}

void
tpr_watch_del(struct tpr_watch *w, uint32_t ifindex)
{
    bpf_map_delete_elem(bpf_map__fd(w->skel->maps.tpr_watch_drops),
                        &ifindex);
}

struct tpr_watch_drops
tpr_watch_get(const struct tpr_watch *w, uint32_t ifindex)
{
    struct tpr_watch_drops drops = { .n = 0 };

    bpf_map_lookup_elem(bpf_map__fd(w->skel->maps.tpr_watch_drops), &ifindex,
                        &drops);
    return drops;
}
