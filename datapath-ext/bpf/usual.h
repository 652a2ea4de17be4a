/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* The shortcut for what nearly all packets are: data of an established TCP
 * connection, or of UDP, over IPv4, untagged, in one piece, whose client is
 * where it was and whose backend lives.
 *
 * usual() does with them what the long way does, without writing down what it
 * parsed and without a call.  Whatever is not exactly so is left to the long
 * way, untouched: taking this file away changes nothing but the cost.  For XDP
 * alone; tc's helpers cost more than this saves. */

#ifndef TPR_BPF_USUAL_H
#define TPR_BPF_USUAL_H 1

#include "send.h"

enum { USUAL_IP = TPR_ETH_LEN, USUAL_L4 = TPR_ETH_LEN + 20,
       USUAL_LEN = USUAL_L4 + 20 };

/* What usual() has found. */
struct usual {
    struct tpr_bpf_conn *conn;
    const struct tpr_bpf_object *object;
    const struct tpr_redirect_backend *b;
    uint32_t record;
    uint32_t payload;           /* TCP. */
    uint8_t proto, flags;       /* Its track's. */
};

/* Are these headers of that shape?  USUAL_LEN bytes are there. */
TPR_INLINE bool
usual_headers(const uint8_t *data, uint32_t len, struct usual *u)
{
    const uint8_t *ip = data + USUAL_IP, *l4 = data + USUAL_L4;
    const uint32_t l4_len = tpr_get16(ip + 2) - 20U;

    if (*(const uint16_t *) (data + 12) != tpr_swap16(TPR_ETH_IP4)
        || ip[0] != 0x45
        || *(const uint16_t *) (ip + 6) & tpr_swap16(0x3fff)
        || l4_len > len - USUAL_L4) {
        return false;
    }
    u->proto = ip[9];
    if (u->proto == TPR_PROTO_TCP) {
        const uint32_t header = (l4[12] >> 4) * 4U;

        u->payload = l4_len - header;
        return header >= 20 && header <= l4_len
               && (l4[13] & (TPR_TCP_SYN | TPR_TCP_FIN | TPR_TCP_RST
                             | TPR_TCP_ACK)) == TPR_TCP_ACK;
    } else if (u->proto == TPR_PROTO_UDP) {
        const uint32_t length = tpr_get16(l4 + 4);

        return length >= 8 && length <= l4_len;
    }
    return false;
}

/* What either direction's connection must be like. */
TPR_INLINE bool
usual_connection(struct usual *u, uint32_t now_ms, bool reverse)
{
    const struct tpr_bpf_record *record
        = record_at(VALUE_OF(tpr_records), u->conn->record);
    const uint8_t flags = u->conn->track.flags;

    u->object = object_of(u->conn->object);
    if (!record || !u->object || u->conn->seq & 1
        || tpr_bpf_reached(now_ms, u->conn->expires)
        || u->conn->tci || !tpr_addr_is_ip4(&u->conn->client)) {
        return false;
    }
    u->record = u->conn->record;
    u->b = conf_of(record);
    u->flags = flags;
    if (u->proto == TPR_PROTO_TCP) {
        return ((flags & ~TPR_TRACK_SYN)
                == (TPR_TRACK_ANSWERED | TPR_TRACK_ACKED | TPR_TRACK_SEEN));
    }
    return (reverse ? flags == TPR_TRACK_ANSWERED
            : !(flags & ~TPR_TRACK_ANSWERED));
}

TPR_INLINE void
usual_refresh(const struct usual *u, uint32_t now_ms, bool reverse)
{
    const uint32_t expires
        = now_ms + (u->proto == TPR_PROTO_TCP
                    ? u->object->timeouts[TPR_TIMEOUT_ESTABLISHED]
                    : u->flags
                    ? u->object->timeouts[TPR_TIMEOUT_ANSWERED]
                    : u->object->timeouts[TPR_TIMEOUT_NEW]);

    if (expires - u->conn->expires > TPR_BPF_EXPIRES_GRAIN) {
        u->conn->expires = expires;
        if (!reverse) {
            tell_client(u->conn, now_ms);
        }
    }
}

/* Finds the client's connection. */
TPR_INLINE bool
usual_forward(const uint8_t *data, uint32_t hash, uint32_t now_ms,
              uint32_t in_port, struct usual *u)
{
    const struct tpr_page *page = VALUE_OF(tpr_page);
    tpr_bpf_no *heads = VALUE_OF(tpr_heads);
    const struct tpr_bpf_conn *conn;

    if (!page || !heads) {
        return false;
    }
    u->conn = conn_at(VALUE_OF(tpr_conns), *forward_head(heads, hash));
    conn = u->conn;
    return (conn && conn->hash_forward == hash
            && conn->client.w[3] == *(const uint32_t *) (data + 26)
            && conn->client_port == *(const uint16_t *) (data + USUAL_L4)
            && conn->vip_port == *(const uint16_t *) (data + USUAL_L4 + 2)
            && conn->proto == u->proto
            && usual_connection(u, now_ms, false)
            && u->object->vip.w[3] == *(const uint32_t *) (data + 30)
            && conn->in_port == in_port
            && same_mac(conn->vip_mac, data)
            && same_mac(conn->client_mac, data + 6)
            && is_kept(u->b, page)
            && (u->b->vlan == TPR_VLAN_KEEP || u->b->vlan == TPR_VLAN_NONE));
}

/* Finds the connection of a backend's packet. */
TPR_INLINE bool
usual_reverse(const uint8_t *data, uint32_t hash, uint32_t now_ms,
              struct usual *u)
{
    tpr_bpf_no *heads = VALUE_OF(tpr_heads);
    const struct tpr_bpf_conn *conn;

    if (!heads) {
        return false;
    }
    u->conn = conn_at(VALUE_OF(tpr_conns), *reverse_head(heads, hash));
    conn = u->conn;
    return (conn && conn->hash_reverse == hash
            && conn->client.w[3] == *(const uint32_t *) (data + 30)
            && conn->client_port == *(const uint16_t *) (data + USUAL_L4 + 2)
            && conn->proto == u->proto && conn->in_port
            && usual_connection(u, now_ms, true)
            && u->b->addr.w[3] == *(const uint32_t *) (data + 26)
            && port_at(u->b, conn->vip_port)
               == *(const uint16_t *) (data + USUAL_L4));
}

/* Writes an end of the packet and updates its checksums. */
TPR_INLINE void
usual_rewrite(uint8_t *data, uint8_t proto, bool is_src, uint32_t addr,
              uint16_t port)
{
    uint8_t *l4 = data + USUAL_L4;
    tpr_diff own = 0, ports = 0, ignored = 0;

    tpr_put32(is_src ? data + 26 : data + 30, addr, &own);
    tpr_csum_update(data + 24, own, &ignored);
    tpr_put16(is_src ? l4 : l4 + 2, port, &ports);
    if (proto == TPR_PROTO_TCP) {
        tpr_l4_csum_update(l4, 20, TPR_PROTO_TCP, own, ports, false,
                           &ignored);
    } else {
        tpr_l4_csum_update(l4, 20, TPR_PROTO_UDP, own, ports, false,
                           &ignored);
    }
}

TPR_INLINE void
usual_macs(uint8_t *data, const struct tpr_redirect_backend *b)
{
    put_mac(data, b->mac);
    if (*(const uint16_t *) b->src_mac | *(const uint16_t *) (b->src_mac + 2)
        | *(const uint16_t *) (b->src_mac + 4)) {
        put_mac(data + 6, b->src_mac);
    }
}

TPR_INLINE void
usual_count(const struct usual *u, uint32_t len, bool reverse)
{
    const uint32_t record = u->record;
    struct tpr_bpf_stats *stats = bpf_map_lookup_elem(&tpr_stats, &record);
    struct tpr_bpf_record *limited;

    if (stats && reverse) {
        stats->rev_packets++;
        stats->rev_bytes += len;
    } else if (stats) {
        stats->packets++;
        stats->bytes += len;
    }
    if (!reverse && u->b->max_pps) {
        limited = record_at(VALUE_OF(tpr_records), record);
        if (limited) {
            count_limited(limited, 1);
        }
    }
}

/* Is the way that a test wants the packet to go the one it would go? */
TPR_INLINE bool
usual_test(const struct usual *u, uint16_t port)
{
    return (tpr_test.mode != TPR_MODE_FORWARD
            || (u->conn->object == tpr_test.id && has_port(u->object, port)));
}

/* Which direction may it be?  By the addresses, or as a test wants it. */
TPR_INLINE bool
usual_direction(const uint8_t *data, bool testing, bool reverse)
{
    const struct tpr_addr a = tpr_addr_from_ip4(
        *(const uint32_t *) (reverse ? data + 26 : data + 30));

    if (testing && tpr_test.mode != TPR_BPF_MODE_AUTO) {
        return (tpr_test.mode == TPR_MODE_REVERSE) == reverse;
    }
    return filter(&a) & (reverse ? TPR_BPF_IS_BACKEND : TPR_BPF_IS_VIP);
}

/* Notes what a client's TCP headers say, as tpr_track_forward() does.  Returns
 * false if they cannot be the client's. */
TPR_INLINE bool
usual_track_forward(const uint8_t *data, const struct usual *u)
{
    const uint32_t end = tpr_get32(data + USUAL_L4 + 4) + u->payload;
    const uint32_t ack = tpr_get32(data + USUAL_L4 + 8);
    struct tpr_track *track = &u->conn->track;

    if (ack - track->cli_ack > track->rev_end - track->cli_ack) {
        return false;
    }
    track->cli_ack = ack;
    if (tpr_seq_after(end, track->cli_end)) {
        track->cli_end = end;
    }
    return true;
}

/* The same of a backend's. */
TPR_INLINE void
usual_track_reverse(const uint8_t *data, const struct usual *u)
{
    const uint32_t end = tpr_get32(data + USUAL_L4 + 4) + u->payload;
    struct tpr_track *track = &u->conn->track;

    if (tpr_seq_after(end, track->rev_end)) {
        track->rev_end = end;
    }
    track->rev_ack = tpr_get32(data + USUAL_L4 + 8);
}

/* ## Stateless objects. ## */

enum { USUAL_BACKENDS = 4 };    /* Of one object. */

/* Whom does the stateless object give a client's packet to 'vip', 'port', that
 * has one port and few backends?  Returns its record plus 1, 0 if that is to
 * be found out the long way.  'only': by object tpr_test.id. */
__attribute__((noinline)) uint32_t
tpr_usual_direct(uint32_t vip, uint32_t port_proto, uint32_t hash,
                 uint32_t only)
{
    const uint16_t port = (uint16_t) port_proto;
    const uint8_t proto = (uint8_t) (port_proto >> 16);
    const struct tpr_page *page = VALUE_OF(tpr_page);
    void *lists = VALUE_OF(tpr_lists), *records = VALUE_OF(tpr_records);
    uint32_t priority = UINT32_MAX, wanted = TPR_BPF_NONE;
    uint32_t slot = TPR_BPF_NONE, found = 0;
    const struct tpr_bpf_object *object;
    uint32_t id;

    if (!page || !lists || !records) {
        return 0;
    }
    id = tpr_shortcuts[tpr_bpf_shortcut(vip, port, proto)
                       & (TPR_BPF_SHORTCUTS - 1)] - 1;
    object = object_of(id);
    if (!object || !object->stateless || object->n_ports != 1
        || object->n_backends > USUAL_BACKENDS || object->proto != proto
        || object->vip.w[3] != vip || !tpr_addr_is_ip4(&object->vip)
        || tpr_swap16(port) != object->ports[0].first
        || (only && id != tpr_test.id)) {
        return 0;
    }
    if (object->policy == TPR_POLICY_MAGLEV && object->ring_size) {
        const uint16_t *ring = AT(uint16_t, VALUE_OF(tpr_rings),
                                  object->ring + hash % object->ring_size,
                                  tpr_sizes.rings);

        if (!ring) {
            return 0;
        }
        wanted = *ring;
    }
    for (uint32_t i = 0; i < USUAL_BACKENDS && i < object->n_backends; i++) {
        const struct tpr_bpf_entry *entry
            = AT(struct tpr_bpf_entry, lists, object->list + i,
                 tpr_sizes.lists);
        const struct tpr_bpf_record *record
            = entry ? record_at(records, entry->record) : NULL;

        if (!record) {
            return 0;
        }
        if (is_usable(conf_of(record), page)
            && (entry->priority < priority
                || (entry->priority == priority && i == wanted))) {
            priority = entry->priority;
            slot = i;
            found = entry->record + 1;
        }
    }
    return wanted == TPR_BPF_NONE || slot == wanted ? found : 0;
}

/* The same for the frame in 'data'.  Says by which port it leaves. */
TPR_INLINE bool
usual_stateless(uint8_t *data, uint32_t len, uint32_t hash, uint32_t now_ms,
                bool testing, struct usual *u, uint32_t *port)
{
    tpr_bpf_no *heads = VALUE_OF(tpr_heads);
    const struct tpr_bpf_record *record;
    uint32_t found;

    if (!tpr_limits.stateless || !heads || *forward_head(heads, hash)
        || notes_client(hash, now_ms)
        || (testing && tpr_test.mode == TPR_MODE_ANY)) {
        return false;
    }
    found = tpr_usual_direct(
        *(const uint32_t *) (data + 30),
        *(const uint16_t *) (data + USUAL_L4 + 2)
        | (uint32_t) u->proto << 16, hash,
        testing && tpr_test.mode == TPR_MODE_FORWARD);
    record = record_at(VALUE_OF(tpr_records), found - 1);
    if (!record) {
        return false;
    }
    u->b = conf_of(record);
    u->record = found - 1;
    if (u->b->vlan != TPR_VLAN_KEEP && u->b->vlan != TPR_VLAN_NONE) {
        return false;
    }
    usual_macs(data, u->b);
    usual_count(u, len, false);
    *port = u->b->output;
    return true;
}

/* Rewrites the packet and stores the port to send it by in '*port', if it is a
 * usual one; otherwise returns false, and nothing has changed. */
TPR_INLINE bool
usual(uint8_t *data, uint8_t *limit, uint32_t in_port, uint32_t now_ms,
      bool testing, uint32_t *port)
{
    const uint32_t len = (uint32_t) (limit - data);
    struct usual u;
    uint32_t hash;

    if (data + USUAL_LEN > limit || !usual_headers(data, len, &u)) {
        return false;
    }
    hash = tpr_hash_finish(tpr_hash_ends(
        *(const uint32_t *) (data + 26), *(const uint32_t *) (data + 30),
        (uint32_t) *(const uint16_t *) (data + USUAL_L4) << 16
        | *(const uint16_t *) (data + USUAL_L4 + 2), u.proto,
        tpr_limits.seed));
    if (usual_direction(data, testing, false)) {
        if (!usual_forward(data, hash, now_ms, in_port, &u)) {
            return (!u.conn
                    && usual_stateless(data, len, hash, now_ms, testing, &u,
                                       port));
        }
        if ((testing && !usual_test(&u, u.conn->vip_port))
            || (u.proto == TPR_PROTO_TCP
                && !usual_track_forward(data, &u))) {
            return false;
        }
        usual_macs(data, u.b);
        usual_rewrite(data, u.proto, false, u.b->addr.w[3],
                      port_at(u.b, u.conn->vip_port));
        usual_count(&u, len, false);
        usual_refresh(&u, now_ms, false);
        *port = u.b->output;
    } else if (usual_direction(data, testing, true)) {
        if (!usual_reverse(data, hash, now_ms, &u)) {
            return false;
        }
        if (u.proto == TPR_PROTO_TCP) {
            usual_track_reverse(data, &u);
        }
        put_mac(data, u.conn->client_mac);
        put_mac(data + 6, u.conn->vip_mac);
        usual_rewrite(data, u.proto, true, u.object->vip.w[3],
                      u.conn->vip_port);
        usual_count(&u, len, true);
        usual_refresh(&u, now_ms, true);
        *port = u.conn->in_port;
    } else {
        return false;
    }
    return true;
}

#endif /* usual.h */
