/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* The BPF programs: XDP, tc, and what user space has done by one.
 *
 * All are in this one object, for they share maps and most functions:
 *
 *     layout.h  maps.h  conns.h   connections and everything they lead to
 *     place.h  way.h              the packet's way, for both
 *     rewrite.h  send.h           its headers
 *     xdp.h  tc.h                 bytes, tags, checksums, actions
 *     usual.h                     XDP's shortcut
 *     control.h                   user space's wishes
 *     bench.h                     measurements
 *
 * They need Linux 6.1: bpf_loop() and bpf_xdp_load_bytes() are the youngest
 * (5.17, 5.18), and no kernel before was tried. */

#include <stdbool.h>
#include <stdint.h>

/* BPF has atomic operations on words, not on bytes; a track's flags are in the
 * first byte of one. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define TPR_ADD_FLAGS(P, BITS) \
    __sync_fetch_and_or((uint32_t *) (P), (uint32_t) (BITS))
#define TPR_CLEAR_FLAGS(P, BITS) \
    __sync_fetch_and_and((uint32_t *) (P), ~(uint32_t) (BITS))
#else
#define TPR_ADD_FLAGS(P, BITS) \
    __sync_fetch_and_or((uint32_t *) (P), (uint32_t) (BITS) << 24)
#define TPR_CLEAR_FLAGS(P, BITS) \
    __sync_fetch_and_and((uint32_t *) (P), ~((uint32_t) (BITS) << 24))
#endif

/* The packet that an ICMP error quotes is parsed in a second step: the
 * verifier would follow all ways through both headers. */
#define TPR_PARSE_QUOTED(C, P) \
    ((P)->inner_l3_ofs = (uint16_t) ((C)->pos - (C)->data), true)

#include "xdp.h"
#include "tc.h"
#include "control.h"
#include "bench.h"

char tpr_licence[] SEC("license") = "Dual BSD/GPL";
