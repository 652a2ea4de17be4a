/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* The XDP program: bytes are the packet's own, checksums whole, tags in the
 * frame. */

#ifndef TPR_BPF_XDP_H
#define TPR_BPF_XDP_H 1

#include "send.h"
#include "usual.h"

__attribute__((noinline)) int
tpr_xdp_parse(struct xdp_md *ctx, struct way *w)
{
    const uint8_t *data = (const uint8_t *) (long) ctx->data;
    const uint8_t *limit = (const uint8_t *) (long) ctx->data_end;
    struct tpr_cursor c = { data, data, limit, limit };

    return w ? tpr_parse_at(&c, &w->p) : TPR_PARSED_OTHER;
}

__attribute__((noinline)) int
tpr_xdp_parse_quoted(struct xdp_md *ctx, struct way *w)
{
    const uint8_t *data = (const uint8_t *) (long) ctx->data;
    const uint8_t *limit = (const uint8_t *) (long) ctx->data_end;
    struct tpr_cursor c = { data, data, limit, limit };

    return w && parse_quoted(&c, &w->p);
}

STEP int
xdp_keep_syn(struct xdp_md *ctx, const struct way *w)
{
    struct tpr_bpf_syn *syn = AT(struct tpr_bpf_syn, VALUE_OF(tpr_syns),
                                 w->syn - 1, tpr_sizes.half_open);
    uint32_t len = w->len;

    len--;                              /* For Linux 6.1's verifier. */
    OPAQUE(len);
    if (syn && len < TPR_BPF_SYN_MAX
        && !bpf_xdp_load_bytes(ctx, 0, syn->data, ++len)) {
        syn->tci = 0;
        syn->len = (uint16_t) len;
    }
    return 0;
}

/* Makes the packet the answer to itself: a reset. */
__attribute__((noinline)) int
tpr_xdp_reply(struct xdp_md *ctx, struct way *w)
{
    uint8_t buf[TPR_BUILD_MAX + 2] = { 0 };
    struct tpr_rst rst;
    uint32_t len;

    if (!w || !tpr_answer_rst(&w->p, &rst)) {
        return XDP_DROP;
    }
    len = tpr_build_rst(buf, &rst);
    OPAQUE(len);
    if (len < TPR_ETH_LEN || len > TPR_BUILD_MAX
        || bpf_xdp_adjust_tail(ctx, (int) len - (int) w->len)
        || bpf_xdp_store_bytes(ctx, 0, buf, len)) {
        return XDP_DROP;
    }
    count(w->id, TPR_COUNTER_RESET_ANSWERED);
    return XDP_TX;
}

/* Makes 'tci' the tag of the frame, which has 'old'. */
__attribute__((noinline)) int
tpr_xdp_tag(struct xdp_md *ctx, uint32_t old, uint32_t tci)
{
    uint8_t macs[12];
    uint16_t tag[2] = { tpr_swap16(TPR_ETH_VLAN),
                        tpr_swap16((uint16_t) (tci & ~TPR_TCI_PRESENT)) };

    if (old && tci) {
        return bpf_xdp_store_bytes(ctx, 14, &tag[1], 2);
    }
    if (bpf_xdp_load_bytes(ctx, 0, macs, 12)
        || bpf_xdp_adjust_head(ctx, tci ? -TPR_VLAN_LEN : TPR_VLAN_LEN)
        || bpf_xdp_store_bytes(ctx, 0, macs, 12)) {
        return -1;
    }
    return tci ? bpf_xdp_store_bytes(ctx, 12, tag, 4) : 0;
}

TPR_INLINE int
xdp_leave(uint32_t port, bool testing)
{
    int result;

    if (testing) {
        tell_test(testing, TPR_SEND, port, 0);
        return XDP_TX;
    }
    result = (int) bpf_redirect_map(&tpr_ports, port, XDP_DROP);
    if (unlikely(result != XDP_REDIRECT)) {
        count(TPR_BPF_NONE, TPR_COUNTER_NO_PORT);
    }
    return result;
}

/* Rewrites and sends the packet. */
TPR_INLINE int
xdp_send(struct xdp_md *ctx, struct way *w, bool testing)
{
    struct leave leave;

    if (!apply((uint8_t *) (long) ctx->data, (uint8_t *) (long) ctx->data_end,
               w, 1, &leave)
        || (unlikely(leave.tci != w->p.tci)
            && tpr_xdp_tag(ctx, w->p.tci, leave.tci))) {
        tell_test(testing, TPR_DROP, 0, 0);
        return XDP_DROP;
    }
    return xdp_leave(leave.port, testing);
}

__attribute__((noinline)) int
tpr_xdp_send(struct xdp_md *ctx, struct way *w)
{
    return w ? xdp_send(ctx, w, false) : XDP_DROP;
}

__attribute__((noinline)) int
tpr_xdp_send_test(struct xdp_md *ctx, struct way *w)
{
    return w ? xdp_send(ctx, w, true) : XDP_DROP;
}

TPR_INLINE int
xdp_main(struct xdp_md *ctx, bool testing)
{
    uint8_t *data = (uint8_t *) (long) ctx->data;
    uint8_t *limit = (uint8_t *) (long) ctx->data_end;
    uint32_t now_ms, in_port, port;
    struct way *w;
    int result;

    tell_test(testing, TPR_PASS, 0, 0);
    if ((!testing || tpr_test.mode == TPR_BPF_MODE_AUTO)
        && is_foreign(data, limit)) {
        return XDP_PASS;
    }
    in_port = testing ? tpr_test.in_port : ctx->ingress_ifindex;
    now_ms = (testing ? tpr_test.now_ms
              : tpr_bpf_ms(bpf_ktime_get_coarse_ns()));
    if (likely(usual(data, limit, in_port, now_ms, testing, &port))) {
        return xdp_leave(port, testing);
    }
    w = bpf_map_lookup_elem(&tpr_ways, &(uint32_t) { WAY_PACKET });
    if (!w) {
        return XDP_PASS;
    }
    w->len = (uint32_t) (limit - data);
    w->in_port = in_port;
    w->now_ms = now_ms;
    result = tpr_xdp_parse(ctx, w);
    if (unlikely(result == TPR_PARSED_OK && w->p.icmp_error)
        && !tpr_xdp_parse_quoted(ctx, w)) {
        result = TPR_PARSED_ODD;
    }
    if (result != TPR_PARSED_OK) {
        if (result == TPR_PARSED_ODD) {
            count(TPR_BPF_NONE, TPR_COUNTER_ODD);
        }
        return XDP_PASS;
    }
    process(w, testing);
    switch (w->verdict) {
    case TPR_SEND:
        if (unlikely(w->syn)) {
            xdp_keep_syn(ctx, w);
        }
        return (testing ? tpr_xdp_send_test(ctx, w)
                : tpr_xdp_send(ctx, w));

    case TPR_REPLY:
        result = tpr_xdp_reply(ctx, w);
        tell_test(testing, result == XDP_TX ? TPR_REPLY : TPR_DROP,
                  w->in_port, 0);
        return result;

    case TPR_DROP:
        tell_test(testing, TPR_DROP, 0, 0);
        return XDP_DROP;

    default:
        return XDP_PASS;
    }
}

SEC("xdp") int
tpr_xdp(struct xdp_md *ctx)
{
    return xdp_main(ctx, false);
}

/* What libxdp reads of it where it becomes a part of a dispatcher
 * (attach-dispatcher.h): its place among the others, and that they get what it
 * passes. */
struct {
    __uint(priority, TPR_BPF_PRIORITY);
    __uint(XDP_PASS, 1);
} _tpr_xdp SEC(".xdp_run_config");

/* The same before a program of the switch's own, which gets what is not
 * taken. */
SEC("xdp") int
tpr_xdp_next(struct xdp_md *ctx)
{
    int result = xdp_main(ctx, false);

    if (result == XDP_PASS) {
        bpf_tail_call(ctx, &tpr_next,
                      ctx->ingress_ifindex & (TPR_BPF_NEXT - 1));
    }
    return result;
}

/* For tests: sends nothing, but tells in tpr_test what it would do. */
SEC("xdp") int
tpr_xdp_test(struct xdp_md *ctx)
{
    return xdp_main(ctx, true);
}

#endif /* xdp.h */
