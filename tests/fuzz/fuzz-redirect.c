/* SPDX-License-Identifier: Apache-2.0 */

/* Fuzzes the parser and the rewriting of packets.
 *
 * The first byte of an input says which way it goes and whether its checksum
 * is partial, the rest is the frame.  What is rewritten towards a backend and
 * looked at again must be for the backend, and have kept everything but its
 * addresses, ports and checksums. */

#include <config.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "redirect-build.h"
#include "redirect-hash.h"
#include "redirect-track.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

enum { REVERSE = 1, PARTIAL = 2 };

static const uint8_t mac[2][6] = { { 2, 0, 0, 0, 0, 1 }, { 2, 0, 0, 0, 0, 2 } };

/* What must hold of every packet that parses. */
static void
check_offsets(const struct tpr_packet *p, size_t size)
{
    ovs_assert(p->family == 4 || p->family == 6);
    ovs_assert(p->l3_ofs < p->l4_ofs);
    ovs_assert((size_t) p->l4_ofs + p->l4_len <= size);
    if (p->icmp_error) {
        ovs_assert(p->inner_l3_ofs == p->l4_ofs + 8);
        ovs_assert(p->inner_l3_ofs < p->inner_l4_ofs);
        ovs_assert(p->inner_l4_len >= 8);
        ovs_assert(p->inner_l4_ofs + p->inner_l4_len
                   <= p->l4_ofs + p->l4_len);
    }
}

/* What a rewrite leaves alone. */
static void
check_same(const struct tpr_packet *a, const struct tpr_packet *b)
{
    ovs_assert(a->family == b->family && a->frag == b->frag);
    ovs_assert(a->l3_ofs == b->l3_ofs && a->l4_ofs == b->l4_ofs);
    ovs_assert(a->l4_len == b->l4_len && a->tci == b->tci);
    ovs_assert(a->tuple.proto == b->tuple.proto);
    ovs_assert(a->tcp_flags == b->tcp_flags && a->frag_id == b->frag_id);
    ovs_assert(a->seq == b->seq && a->ack == b->ack);
    ovs_assert(a->icmp_error == b->icmp_error);
    ovs_assert(a->inner_l4_ofs == b->inner_l4_ofs);
    ovs_assert(a->inner_l4_len == b->inner_l4_len);
}

/* Is 't' of a protocol whose ports a rewrite changes? */
static bool
ports_change(const struct tpr_packet *p, const struct tpr_tuple *t)
{
    return p->frag != TPR_FRAG_LATER
           && (t->proto == TPR_PROTO_TCP || t->proto == TPR_PROTO_UDP);
}

static void
forward(uint8_t *frame, size_t size, const struct tpr_packet *p, bool partial)
{
    struct tpr_redirect_backend b = { .mac = { 2, 0, 0, 0, 0, 3 } };
    struct tpr_packet after;

    b.addr = p->tuple.dst;
    b.addr.w[3] ^= 0x5a5a5a5a;
    tpr_rewrite_forward(frame, p, &b, 0x1234, partial);
    ovs_assert(tpr_parse(frame, size, &after) == TPR_PARSED_OK);
    check_same(p, &after);
    ovs_assert(tpr_addr_equal(&after.tuple.dst, &b.addr));
    ovs_assert(tpr_addr_equal(&after.tuple.src, &p->tuple.src));
    ovs_assert(after.tuple.sport == p->tuple.sport);
    if (p->icmp_error) {
        ovs_assert(tpr_addr_equal(&after.inner.src, &b.addr));
        ovs_assert(tpr_addr_equal(&after.inner.dst, &p->inner.dst));
        ovs_assert(after.inner.sport == (ports_change(p, &p->inner)
                                         ? 0x1234 : p->inner.sport));
    } else {
        ovs_assert(after.tuple.dport == (ports_change(p, &p->tuple)
                                         ? 0x1234 : p->tuple.dport));
    }
}

static void
reverse(uint8_t *frame, size_t size, const struct tpr_packet *p, bool partial)
{
    struct tpr_addr vip = p->tuple.src;
    struct tpr_packet after;

    vip.w[3] ^= 0x5a5a5a5a;
    tpr_rewrite_reverse(frame, p, &p->tuple.src, &vip, 0x1234, mac[0], mac[1],
                        partial);
    ovs_assert(tpr_parse(frame, size, &after) == TPR_PARSED_OK);
    check_same(p, &after);
    ovs_assert(!memcmp(after.eth_src, mac[0], 6));
    ovs_assert(!memcmp(after.eth_dst, mac[1], 6));
    ovs_assert(tpr_addr_equal(&after.tuple.src, &vip));
    ovs_assert(tpr_addr_equal(&after.tuple.dst, &p->tuple.dst));
    if (p->icmp_error) {
        ovs_assert(tpr_addr_equal(&after.inner.dst, &vip));
    }
}

/* An answer must be a good packet itself, which nobody answers. */
static void
answer(const struct tpr_packet *p)
{
    uint8_t buf[TPR_BUILD_MAX];
    struct tpr_packet parsed;
    struct tpr_rst rst, again;

    if (tpr_answer_rst(p, &rst)) {
        size_t n = tpr_build_rst(buf, &rst);

        ovs_assert(n <= sizeof buf);
        ovs_assert(tpr_parse(buf, n, &parsed) == TPR_PARSED_OK);
        ovs_assert(parsed.tcp_flags & TPR_TCP_RST);
        ovs_assert(tpr_addr_equal(&parsed.tuple.dst, &p->tuple.src));
        ovs_assert(!tpr_answer_rst(&parsed, &again));
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tpr_track track = { .flags = 0 };
    struct tpr_packet p;

    if (size < 2) {
        return 0;
    }

    bool partial = data[0] & PARTIAL;
    uint8_t *frame = xmemdup(data + 1, size - 1);
    if (tpr_parse(frame, size - 1, &p) == TPR_PARSED_OK) {
        check_offsets(&p, size - 1);
        ovs_assert(tpr_hash_tuple(&p.tuple, 1)
                   == tpr_hash_tuple(&p.tuple, 1));
        tpr_track_forward(&track, &p);
        tpr_track_reverse(&track, &p);
        answer(&p);
        if (data[0] & REVERSE) {
            reverse(frame, size - 1, &p, partial);
        } else {
            forward(frame, size - 1, &p, partial);
        }
    }
    free(frame);
    return 0;
}
