/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Watches what becomes of packets that XDP redirects to a map of targets.
 *
 * A packet that cannot be sent is dropped far from the program that redirected
 * it, and mostly without a counter: where the device is looked up and has no
 * way to send for XDP, is down, or has a smaller MTU (tracepoint
 * xdp_redirect_err); or where its driver does not take it (xdp_devmap_xmit).
 *
 * tpr_trial_xdp sends one frame to the device on trial. */

#include <stdbool.h>
#include <stdint.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "watch.h"

/* The kernel's structs, as far as they are looked at; libbpf finds out where
 * the members are. */
#define KERNELS __attribute__((preserve_access_index))
struct ns_common {
    unsigned int inum;
} KERNELS;
struct net {
    struct ns_common ns;
} KERNELS;
struct tpr_net_ref {
    struct net *net;
} KERNELS;
struct net_device {
    int ifindex;
    struct tpr_net_ref nd_net;
} KERNELS;

struct tpr_watch_conf tpr_watch_conf;
struct tpr_watch_trial tpr_watch_trial;

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __type(key, uint32_t);      /* Interface index. */
    __type(value, struct tpr_watch_drops);
    __uint(max_entries, TPR_WATCH_PORTS);
} tpr_watch_drops SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_DEVMAP);
    __uint(key_size, 4);
    __uint(value_size, 4);
    __uint(max_entries, 1);
} tpr_trial_port SEC(".maps");

static __attribute__((always_inline)) void
note_drops(uint32_t ifindex, uint64_t n, int32_t error)
{
    struct tpr_watch_drops *drops
        = bpf_map_lookup_elem(&tpr_watch_drops, &ifindex);

    if (drops) {
        __sync_fetch_and_add(&drops->n, n);
        drops->last = error < 0 ? -error : error;
    }
}

/* (from, program, target, error, map's type, map's id, index) */
SEC("tp_btf/xdp_redirect_err") int
tpr_watch_redirect(uint64_t *ctx)
{
    const int32_t error = (int32_t) ctx[3];
    const uint32_t map = (uint32_t) ctx[5];

    if (map == tpr_watch_conf.map) {
        note_drops((uint32_t) ctx[6], 1, error);
    } else if (map == tpr_watch_conf.trial_map && tpr_watch_conf.trial) {
        tpr_watch_trial.error = -error;
    }
    return 0;
}

/* (from, to, sent, drops, error) */
SEC("tp_btf/xdp_devmap_xmit") int
tpr_watch_xmit(uint64_t *ctx)
{
    const uint32_t trial = tpr_watch_conf.trial;
    const int32_t sent = (int32_t) ctx[2], drops = (int32_t) ctx[3];
    const int32_t error = (int32_t) ctx[4];
    const struct net_device *to;
    uint32_t ifindex;

    if (drops <= 0 && !trial) {
        return 0;
    }
    to = (const struct net_device *) ctx[1];
    if (to->nd_net.net->ns.inum != tpr_watch_conf.netns) {
        return 0;
    }
    ifindex = (uint32_t) to->ifindex;
    if (ifindex == trial && sent > 0) {
        tpr_watch_trial.sent += sent;
    }
    if (ifindex == trial && error) {
        tpr_watch_trial.error = -error;
    }
    if (drops > 0) {
        note_drops(ifindex, (uint64_t) drops, error);
    }
    return 0;
}

SEC("xdp") int
tpr_trial_xdp(struct xdp_md *ctx)
{
    (void) ctx;
    return (int) bpf_redirect_map(&tpr_trial_port, 0, XDP_DROP);
}

char tpr_watch_licence[] SEC("license") = "Dual BSD/GPL";
