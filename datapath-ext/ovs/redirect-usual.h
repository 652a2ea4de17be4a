/* SPDX-License-Identifier: Apache-2.0 */

/* The shortcut for what nearly all packets are: data of an established TCP
 * connection over IPv4, untagged, in one piece, whose client is where it was
 * and whose backend lives.
 *
 * tpr_usual() does with them what the long way in redirect-process.c does, in
 * a quarter of the instructions, because the flow extractor has found the
 * headers already and nothing but two numbers is to be remembered.
 * Whatever is not exactly so is left to the long way, untouched: taking this
 * file away changes nothing but the cost.
 *
 * Included by redirect-process.c alone. */

#ifndef TPR_REDIRECT_USUAL_H
#define TPR_REDIRECT_USUAL_H 1

#include "dp-packet.h"
#include "packets.h"
#include "redirect-check.h"
#include "redirect-choose.h"
#include "redirect-dp-private.h"
#include "redirect-hash.h"
#include "redirect-rewrite.h"

enum { TPR_USUAL_L3 = TPR_ETH_LEN, TPR_USUAL_L4 = TPR_ETH_LEN + 20 };

/* Are these headers of that shape?  The flow extractor has seen to the version
 * and the lengths of IP where it has set 'l4_ofs'.  Stores how many bytes TCP
 * carries in '*payload'. */
static inline bool
tpr_usual_headers(const struct dp_packet *packet, const uint8_t *data,
                  uint32_t *payload)
{
    const uint8_t *tcp = data + TPR_USUAL_L4;
    uint32_t l4_len, header;

    if (packet->l3_ofs != TPR_USUAL_L3 || packet->l4_ofs != TPR_USUAL_L4
        || dp_packet_size(packet) < TPR_USUAL_L4 + 20
        || tpr_get16(data + 12) != TPR_ETH_IP4
        || data[TPR_USUAL_L3] != 0x45
        || tpr_get16(data + TPR_USUAL_L3 + 6) & 0x3fff
        || data[TPR_USUAL_L3 + 9] != TPR_PROTO_TCP
        || (tcp[13] & (TPR_TCP_SYN | TPR_TCP_FIN | TPR_TCP_RST | TPR_TCP_ACK))
           != TPR_TCP_ACK) {
        return false;
    }
    l4_len = tpr_get16(data + TPR_USUAL_L3 + 2) - 20U;
    header = (tcp[12] >> 4) * 4U;
    *payload = l4_len - header;
    return l4_len <= dp_packet_size(packet) - TPR_USUAL_L4
           && header <= l4_len && header >= 20;
}

/* The connection of these headers with object 'id', or NULL, with its sequence
 * number.  Only the first of its bucket is looked at. */
static inline struct tpr_conn *
tpr_usual_find(const struct tpr_dp *dp, const struct tpr_action *action,
               const uint8_t *data, uint32_t *seq)
{
    const struct tpr_table *t = &dp->table;
    const uint32_t src = tpr_raw32(data + TPR_USUAL_L3 + 12);
    const uint16_t sport = tpr_raw16(data + TPR_USUAL_L4);
    const uint16_t dport = tpr_raw16(data + TPR_USUAL_L4 + 2);
    const uint32_t hash = tpr_hash_finish(tpr_hash_ends(
        src, tpr_raw32(data + TPR_USUAL_L3 + 16),
        (uint32_t) sport << 16 | dport, TPR_PROTO_TCP, dp->seed));
    const tpr_conn_no number = __atomic_load_n(&t->forward[hash & t->mask],
                                               __ATOMIC_ACQUIRE);
    struct tpr_conn *conn;

    if (!number) {
        return NULL;
    }
    conn = &t->conns[number - 1];
    *seq = __atomic_load_n(&conn->seq, __ATOMIC_ACQUIRE);
    return (!(*seq & 1) && conn->hash_forward == hash
            && conn->client.w[3] == src && tpr_addr_is_ip4(&conn->client)
            && conn->client_port == sport && conn->vip_port == dport
            && conn->proto == TPR_PROTO_TCP && conn->redirect == action->id
            && conn->scope == action->scope ? conn : NULL);
}

/* Is the client where it was?  'data' is untagged. */
static inline bool
tpr_usual_client(const struct tpr_conn *conn, const uint8_t *data,
                 uint32_t in_port)
{
    return conn->in_port == in_port && !conn->tci
           && !((tpr_raw32(conn->vip_mac) ^ tpr_raw32(data))
                | (uint32_t) (tpr_raw16(conn->vip_mac + 4)
                              ^ tpr_raw16(data + 4)))
           && !((tpr_raw32(conn->client_mac) ^ tpr_raw32(data + 6))
                | (uint32_t) (tpr_raw16(conn->client_mac + 4)
                              ^ tpr_raw16(data + 10)));
}

static inline void
tpr_usual_rewrite(uint8_t *data, const struct tpr_redirect_backend *b)
{
    uint8_t *ip = data + TPR_USUAL_L3, *tcp = data + TPR_USUAL_L4;
    tpr_diff diff = 0, ignored = 0;

    memcpy(data, b->mac, sizeof b->mac);
    tpr_put32(ip + 16, b->addr.w[3], &diff);
    tpr_csum_update(ip + 10, diff, &ignored);
    if (b->l4_port) {
        tpr_put16(tcp + 2, tpr_swap16(b->l4_port), &diff);
    }
    tpr_csum_update(tcp + 16, diff, &ignored);
}

/* Takes 'packet' if it is a usual one: stores where to send it in '*output',
 * and returns true.  Otherwise returns false, and nothing has changed.
 *
 * The object's protocol need not be looked at: it would not have the
 * connection, or another version of it would have removed that. */
static inline bool
tpr_usual(struct tpr_dp *dp, const struct tpr_action *action,
          struct dp_packet *packet, uint32_t in_port, uint32_t now_ms,
          uint32_t *output)
{
    uint8_t *data = dp_packet_data(packet);
    const struct tpr_redirect_backend *b;
    const struct tpr_object *object;
    struct tpr_record *record;
    struct tpr_conn *conn;
    uint32_t seq, expires, ack, end, payload;

    if (action->mode != TPR_MODE_FORWARD
        || !tpr_usual_headers(packet, data, &payload)
        || dp_packet_hwol_l4_mask(packet)) {
        return false;
    }
    conn = tpr_usual_find(dp, action, data, &seq);
    object = conn ? tpr_object_get(dp, action->id) : NULL;
    if (!object
        || (conn->track.flags & ~TPR_TRACK_SYN)
           != (TPR_TRACK_ANSWERED | TPR_TRACK_ACKED | TPR_TRACK_SEEN)
        || tpr_raw32(data + TPR_USUAL_L3 + 16) != object->r.vip.w[3]
        || !tpr_redirect_covers_port(&object->r, conn->vip_port)
        || !tpr_usual_client(conn, data, in_port)
        || tpr_time_reached(now_ms, conn->expires)) {
        return false;
    }
    ack = tpr_get32(data + TPR_USUAL_L4 + 8);
    record = dp->records[conn->backend];
    b = tpr_record_conf(record);
    if (ack - conn->track.cli_ack > conn->track.rev_end - conn->track.cli_ack
        || !tpr_keeps(b, dp->page)
        || (b->vlan != TPR_VLAN_KEEP && b->vlan != TPR_VLAN_NONE)
        || tpr_raw32(b->src_mac) | tpr_raw16(b->src_mac + 4)
        || !tpr_conn_unchanged(conn, seq)) {
        return false;
    }
    conn->track.cli_ack = ack;
    end = tpr_get32(data + TPR_USUAL_L4 + 4) + payload;
    if (tpr_seq_after(end, conn->track.cli_end)) {
        conn->track.cli_end = end;
    }
    expires = now_ms + object->r.timeouts[TPR_TIMEOUT_ESTABLISHED];
    if (expires - conn->expires > TPR_EXPIRES_GRAIN_MS) {
        __atomic_store_n(&conn->expires, expires, __ATOMIC_RELAXED);
    }
    tpr_add(&record->packets, 1);
    tpr_add(&record->bytes, dp_packet_size(packet));
    tpr_usual_rewrite(data, b);
    pkt_metadata_init_conn(&packet->md);
    *output = b->output;
    return true;
}

#endif /* redirect-usual.h */
