/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* The tc program: headers may lie beyond what can be read at once, a tag may
 * stand beside the frame, and a checksum may be unfinished, or known for the
 * whole packet.  The kernel's helpers know of the latter, programs do not:
 * what apply() made of the transport's checksum is taken back and left to
 * them. */

#ifndef TPR_BPF_TC_H
#define TPR_BPF_TC_H 1

#include <linux/pkt_cls.h>
#include "send.h"

enum { TC_HEADERS = 256 };      /* All that is ever looked at, mostly. */

__attribute__((noinline)) int
tpr_tc_parse(struct __sk_buff *skb, struct way *w)
{
    const uint8_t *data = (const uint8_t *) (long) skb->data;
    const uint8_t *limit = (const uint8_t *) (long) skb->data_end;
    uint32_t len = skb->len;
    struct tpr_cursor c = { data, data, data, limit };
    int result;

    OPAQUE(len);
    if (!w || len > 0xffff) {
        return TPR_PARSED_OTHER;
    }
    c.end = data + len;
    result = tpr_parse_at(&c, &w->p);
    if (skb->vlan_present && !w->p.tci) {
        w->p.tci = (uint16_t) (skb->vlan_tci | TPR_TCI_PRESENT);
    }
    return result;
}

__attribute__((noinline)) int
tpr_tc_parse_quoted(struct __sk_buff *skb, struct way *w)
{
    const uint8_t *data = (const uint8_t *) (long) skb->data;
    const uint8_t *limit = (const uint8_t *) (long) skb->data_end;
    uint32_t len = skb->len;
    struct tpr_cursor c = { data, data, data, limit };

    OPAQUE(len);
    if (!w || len > 0xffff) {
        return 0;
    }
    c.end = data + len;
    return parse_quoted(&c, &w->p);
}

/* Is the transport's checksum at 'at' unfinished?  A change of what is not of
 * the pseudo header shows: it is then none of its. */
STEP int
tc_is_partial(struct __sk_buff *skb, uint32_t at)
{
    uint16_t before = 0, after = 0;

    if (bpf_skb_load_bytes(skb, at, &before, 2)
        || bpf_l4_csum_replace(skb, at, 0, 1, 0)
        || bpf_skb_load_bytes(skb, at, &after, 2)) {
        return 0;
    }
    if (before != after) {
        bpf_skb_store_bytes(skb, at, &before, 2, 0);
    }
    return before == after;
}

STEP int
tc_keep_syn(struct __sk_buff *skb, const struct way *w)
{
    struct tpr_bpf_syn *syn = AT(struct tpr_bpf_syn, VALUE_OF(tpr_syns),
                                 w->syn - 1, tpr_sizes.half_open);
    uint32_t len = skb->len;

    len--;                              /* For Linux 6.1's verifier. */
    OPAQUE(len);
    if (syn && len < TPR_BPF_SYN_MAX
        && !bpf_skb_load_bytes(skb, 0, syn->data, ++len)) {
        syn->tci = (skb->vlan_present
                    ? (uint16_t) (skb->vlan_tci | TPR_TCI_PRESENT) : 0);
        syn->partial = tc_is_partial(skb, w->p.l4_ofs + 16);
        syn->len = (uint16_t) len;
    }
    return 0;
}

/* Makes the packet the answer to itself: a reset. */
__attribute__((noinline)) int
tpr_tc_reply(struct __sk_buff *skb, struct way *w)
{
    uint8_t buf[TPR_BUILD_MAX + 2] = { 0 };
    struct tpr_rst rst;
    uint32_t len;
    int partial;

    if (!w || !tpr_answer_rst(&w->p, &rst)) {
        return TC_ACT_SHOT;
    }
    partial = tc_is_partial(skb, w->p.l4_ofs + 16);
    if (skb->vlan_present) {
        rst.tci = 0;                    /* It stays beside the frame. */
    }
    len = tpr_build_rst(buf, &rst);
    OPAQUE(len);
    if (len < TPR_ETH_LEN || len > TPR_BUILD_MAX
        || bpf_skb_change_tail(skb, len, 0)
        || bpf_skb_store_bytes(skb, 0, buf, len, BPF_F_INVALIDATE_HASH)) {
        return TC_ACT_SHOT;
    }
    if (partial) {
        const uint32_t skip = tpr_addr_is_ip4(&rst.src) ? 12 : 0;
        uint16_t sum = tpr_fold(
            tpr_sum((const uint8_t *) &rst.src + skip, 16 - skip)
            + tpr_sum((const uint8_t *) &rst.dst + skip, 16 - skip)
            + tpr_swap16(20) + tpr_swap16(TPR_PROTO_TCP));

        bpf_skb_store_bytes(skb, len - 4, &sum, 2, 0);
    }
    count(w->id, TPR_COUNTER_RESET_ANSWERED);
    return TC_ACT_REDIRECT;
}

/* Where the outer packet has a checksum that may be unfinished; 0: it has
 * none. */
TPR_INLINE uint32_t
tc_csum_at(const struct tpr_packet *p)
{
    return (p->frag == TPR_FRAG_LATER ? 0
            : p->tuple.proto == TPR_PROTO_TCP ? p->l4_ofs + 16
            : p->tuple.proto == TPR_PROTO_UDP ? p->l4_ofs + 6 : 0);
}

/* The transport's checksum at 'at', 'old' before, after 'change'.
 *
 * For IPv6 nothing else but the packet's bytes balances a change of addresses
 * in the sum over the whole packet: what the first helper took off it is put
 * back (newer kernels have a flag for that). */
TPR_INLINE void
tc_csum(struct __sk_buff *skb, const struct way *w, uint32_t at,
        const struct change *change)
{
    const uint64_t udp = (w->p.tuple.proto == TPR_PROTO_UDP
                          ? BPF_F_MARK_MANGLED_0 : 0);
    const uint16_t addr = tpr_fold(change->addr);

    bpf_l4_csum_replace(skb, at, 0, addr, BPF_F_PSEUDO_HDR | udp);
    if (w->p.family == 6) {
        bpf_csum_update(skb, addr);
    }
    if (change->ports) {
        bpf_l4_csum_replace(skb, at, 0, tpr_fold(change->ports), udp);
    }
}

/* Is the packet too large for the port?  Nobody would notice later: a switch
 * drops it.  It may be large if it is cut on its way. */
TPR_INLINE bool
tc_is_too_large(struct __sk_buff *skb, uint32_t port)
{
    uint32_t mtu = 0;

    return bpf_check_mtu(skb, port, &mtu, 0, 0) == BPF_MTU_CHK_RET_FRAG_NEEDED;
}

/* Rewrites and sends the packet. */
TPR_INLINE int
tc_send(struct __sk_buff *skb, struct way *w, bool testing)
{
    uint8_t *data = (uint8_t *) (long) skb->data;
    uint8_t *limit = (uint8_t *) (long) skb->data_end;
    uint32_t at = tc_csum_at(&w->p) & REWRITE_L4_MASK;
    uint32_t pushed = 0, segments = skb->gso_segs;
    uint8_t *csum = NULL;
    struct leave leave;
    uint16_t old = 0;

    OPAQUE(at);
    if (at) {
        csum = data + at;
        if (csum + 2 > limit) {
            return TC_ACT_SHOT;
        }
        old = *(uint16_t *) csum;
    }
    if (!apply(data, limit, w, segments ? segments : 1, &leave)) {
        tell_test(testing, TPR_DROP, 0, 0);
        return TC_ACT_SHOT;
    }
    if (csum) {
        *(uint16_t *) csum = old;
        tc_csum(skb, w, at, &leave.change);
    }
    if (unlikely(leave.tci != w->p.tci)) {
        if (w->p.tci) {
            bpf_skb_vlan_pop(skb);
        }
        if (leave.tci) {
            bpf_skb_vlan_push(skb, tpr_swap16(TPR_ETH_VLAN),
                              leave.tci & ~TPR_TCI_PRESENT);
            pushed = leave.tci;
        }
    }
    if (testing) {
        tell_test(testing, TPR_SEND, leave.port, pushed);
        return TC_ACT_REDIRECT;
    }
    if (unlikely(tc_is_too_large(skb, leave.port))) {
        count(w->id, TPR_COUNTER_NO_PORT);      /* None of use to it. */
        return TC_ACT_SHOT;
    }
    return (int) bpf_redirect(leave.port, 0);
}

__attribute__((noinline)) int
tpr_tc_send(struct __sk_buff *skb, struct way *w)
{
    return w ? tc_send(skb, w, false) : TC_ACT_SHOT;
}

__attribute__((noinline)) int
tpr_tc_send_test(struct __sk_buff *skb, struct way *w)
{
    return w ? tc_send(skb, w, true) : TC_ACT_SHOT;
}

TPR_INLINE int
tc_main(struct __sk_buff *skb, bool testing)
{
    struct way *w = bpf_map_lookup_elem(&tpr_ways,
                                        &(uint32_t) { WAY_PACKET });
    int result;

    tell_test(testing, TPR_PASS, 0, 0);
    if ((!testing || tpr_test.mode == TPR_BPF_MODE_AUTO)
        && is_foreign((const uint8_t *) (long) skb->data,
                      (const uint8_t *) (long) skb->data_end)) {
        return TC_ACT_UNSPEC;
    }
    if (!w) {
        return TC_ACT_UNSPEC;
    }
    if (unlikely(skb->data + TC_HEADERS > skb->data_end)
        && skb->len > skb->data_end - skb->data) {
        bpf_skb_pull_data(skb, skb->len < TC_HEADERS ? skb->len
                                                     : TC_HEADERS);
    }
    w->len = skb->len + (skb->vlan_present ? TPR_VLAN_LEN : 0);
    w->in_port = testing ? tpr_test.in_port : skb->ifindex;
    w->now_ms = (testing ? tpr_test.now_ms
                 : tpr_bpf_ms(bpf_ktime_get_coarse_ns()));
    result = tpr_tc_parse(skb, w);
    if (unlikely(result == TPR_PARSED_OK && w->p.icmp_error)
        && !tpr_tc_parse_quoted(skb, w)) {
        result = TPR_PARSED_ODD;
    }
    if (result != TPR_PARSED_OK) {
        if (result == TPR_PARSED_ODD) {
            count(TPR_BPF_NONE, TPR_COUNTER_ODD);
        }
        return TC_ACT_UNSPEC;
    }
    process(w, testing);
    switch (w->verdict) {
    case TPR_SEND:
        if (unlikely(w->syn)) {
            tc_keep_syn(skb, w);
        }
        return (testing ? tpr_tc_send_test(skb, w)
                : tpr_tc_send(skb, w));

    case TPR_REPLY:
        result = tpr_tc_reply(skb, w);
        tell_test(testing, result == TC_ACT_REDIRECT ? TPR_REPLY : TPR_DROP,
                  w->in_port, 0);
        return (testing || result != TC_ACT_REDIRECT
                ? result : (int) bpf_redirect(w->in_port, 0));

    case TPR_DROP:
        tell_test(testing, TPR_DROP, 0, 0);
        return TC_ACT_SHOT;

    default:
        return TC_ACT_UNSPEC;
    }
}

SEC("tc") int
tpr_tc(struct __sk_buff *skb)
{
    return tc_main(skb, false);
}

/* For tests: sends nothing, but tells in tpr_test what it would do. */
SEC("tc") int
tpr_tc_test(struct __sk_buff *skb)
{
    return tc_main(skb, true);
}

#endif /* tc.h */
