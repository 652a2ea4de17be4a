/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Programs for measurements.
 *
 * By BPF_PROG_RUN (tools/bench xdp): a packet that is run many times is not
 * restored between, so that each program writes it anew first, as the next of
 * many flows: what that costs is seen in the one that does nothing else.
 *
 * Over devices (tools/bench forward): one that sends, with live frames, one
 * that forwards without a look, and one that counts at the far end. */

#ifndef TPR_BPF_BENCH_H
#define TPR_BPF_BENCH_H 1

#include "xdp.h"

struct tpr_bpf_bench tpr_bench;

/* Writes the ends of flow 'flow' with 'service', the last words of whose
 * addresses are at 'src' and 'dst', and the ports at 'ports'. */
TPR_INLINE void
bench_ends(uint8_t *src, uint8_t *dst, uint8_t *ports,
           const struct tpr_bpf_bench *b, uint32_t flow, uint32_t service)
{
    const uint32_t client = tpr_swap32((10u << 24) + (flow >> 4));
    const uint32_t server = tpr_swap32(b->first_server + service);
    const uint16_t port = tpr_swap16(1024 + (flow & 15));

    if (b->reverse) {
        *(uint32_t *) src = server;
        *(uint32_t *) dst = client;
        *(uint16_t *) (ports + 2) = port;
    } else {
        *(uint32_t *) src = client;
        *(uint32_t *) dst = server;
        *(uint16_t *) ports = port;
    }
}

/* Writes the next flow's packet. */
TPR_INLINE bool
bench_packet(struct xdp_md *ctx)
{
    uint8_t *data = (uint8_t *) (long) ctx->data;
    const struct tpr_bpf_bench *b = &tpr_bench;
    uint32_t flow = tpr_bench.flow + b->step, service;

    if (data + TPR_BPF_BENCH_LEN > (uint8_t *) (long) ctx->data_end) {
        return false;
    }
    if (flow >= b->n_flows) {
        flow -= b->n_flows;
    }
    tpr_bench.flow = flow;
    service = b->n_services > 1 ? flow % b->n_services : 0;
    for (int i = 0; i < TPR_BPF_BENCH_LEN / 8; i++) {
        ((uint64_t *) data)[i] = b->frame[i];
    }
    if (b->is_v6) {
        bench_ends(data + 34, data + 50, data + 54, b, flow, service);
    } else {
        bench_ends(data + 26, data + 30, data + 34, b, flow, service);
    }
    return true;
}

/* What the others cost besides. */
SEC("xdp") int
tpr_bench_bare(struct xdp_md *ctx)
{
    return bench_packet(ctx) ? XDP_TX : XDP_ABORTED;
}

/* A rewrite without any thought, and a redirect. */
SEC("xdp") int
tpr_bench_rewrite(struct xdp_md *ctx)
{
    uint8_t *data = (uint8_t *) (long) ctx->data;
    tpr_diff diff = 0, ignored = 0;

    if (!bench_packet(ctx)
        || data + TPR_BPF_BENCH_LEN > (uint8_t *) (long) ctx->data_end) {
        return XDP_ABORTED;
    }
    put_mac(data, data + 6);
    tpr_put32(data + 30, 0x12345678, &diff);
    tpr_csum_update(data + 24, diff, &ignored);
    tpr_csum_update(data + 50, diff, &ignored);
    return (int) bpf_redirect_map(&tpr_ports, 1, XDP_DROP);
}

SEC("xdp") int
tpr_bench_ours(struct xdp_md *ctx)
{
    return bench_packet(ctx) ? xdp_main(ctx, false) : XDP_ABORTED;
}

/* A live frame becomes the next flow's, and leaves.  'frame' is whole, its
 * client all zero; so that its checksums are right, too. */
SEC("xdp") int
tpr_bench_send(struct xdp_md *ctx)
{
    uint8_t *data = (uint8_t *) (long) ctx->data;
    uint32_t flow = tpr_bench.flow + tpr_bench.step;
    tpr_diff addr = 0, all, ignored = 0;

    if (data + TPR_BPF_BENCH_SHORT > (uint8_t *) (long) ctx->data_end) {
        return XDP_ABORTED;
    }
    if (flow >= tpr_bench.n_flows) {
        flow -= tpr_bench.n_flows;
    }
    tpr_bench.flow = flow;
    for (int i = 0; i < TPR_BPF_BENCH_SHORT / 8; i++) {
        ((uint64_t *) data)[i] = tpr_bench.frame[i];
    }
    tpr_put32(data + 26, tpr_swap32((10u << 24) + (flow >> 4)), &addr);
    all = addr;
    tpr_put16(data + 34, tpr_swap16(1024 + (flow & 15)), &all);
    tpr_csum_update(data + 24, addr, &ignored);
    tpr_csum_update(data + 40, all, &ignored);
    return (int) bpf_redirect_map(&tpr_ports, tpr_bench.send_port, XDP_DROP);
}

/* Forwards without a look. */
SEC("xdp") int
tpr_bench_plain(struct xdp_md *ctx)
{
    (void) ctx;
    return (int) bpf_redirect_map(&tpr_ports, tpr_bench.forward_port,
                                  XDP_DROP);
}

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __type(key, uint32_t);
    __type(value, uint64_t);
    __uint(max_entries, 1);
} tpr_received SEC(".maps");

/* Counts what has the address that it should have. */
SEC("xdp") int
tpr_bench_sink(struct xdp_md *ctx)
{
    const uint8_t *data = (const uint8_t *) (long) ctx->data;
    uint64_t *received = VALUE_OF(tpr_received);

    if (received && data + 34 <= (const uint8_t *) (long) ctx->data_end
        && *(const uint32_t *) (data + 30) == tpr_bench.expected) {
        ++*received;
    }
    return XDP_DROP;
}

/* Nothing at all. */
SEC("xdp") int
tpr_bench_tx(struct xdp_md *ctx)
{
    (void) ctx;
    return XDP_TX;
}

#endif /* bench.h */
