/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Whether a redirect's description makes sense, and which packets it covers.
 *
 * Every way in (OpenFlow, ovs-ofctl, the agent) asks tpr_redirect_check(), so
 * that all refuse the same with the same sentence.
 *
 * Pure; tpr_redirect_check() allocates its sentence.  Any thread. */

#ifndef TPR_REDIRECT_CHECK_H
#define TPR_REDIRECT_CHECK_H 1

#include "redirect-parse.h"

char *tpr_redirect_check(const struct tpr_redirect *)
    __attribute__((warn_unused_result));
void tpr_redirect_init(struct tpr_redirect *, uint32_t id);

const char *tpr_policy_name(enum tpr_policy);
const char *tpr_why_name(enum tpr_why);
const char *tpr_counter_name(enum tpr_counter);
const char *tpr_timeout_name(enum tpr_timeout);

/* Is 'proto' one whose packets have ports? */
TPR_INLINE bool
tpr_proto_has_ports(uint8_t proto)
{
    return proto == TPR_PROTO_TCP || proto == TPR_PROTO_UDP
           || proto == TPR_PROTO_SCTP;
}

/* Does 'r' serve port 'dport' (network byte order)? */
TPR_INLINE bool
tpr_redirect_covers_port(const struct tpr_redirect *r, uint16_t dport)
{
    uint16_t port = tpr_swap16(dport);

    for (int i = 0; i < r->n_ports; i++) {
        if (port >= r->ports[i].first && port <= r->ports[i].last) {
            return true;
        }
    }
    return !r->n_ports;
}

/* Does 'r' serve address 'dst', protocol 'proto' and port 'dport' (network
 * byte order)? */
TPR_INLINE bool
tpr_redirect_covers(const struct tpr_redirect *r, const struct tpr_addr *dst,
                    uint8_t proto, uint16_t dport)
{
    return (!r->proto || r->proto == proto) && tpr_addr_equal(&r->vip, dst)
           && tpr_redirect_covers_port(r, dport);
}

/* Are 'a' and 'b' versions of one service: the same VIP and protocol, and at
 * least one port of both?  If not, what clients had of the one says nothing
 * about the other. */
TPR_INLINE bool
tpr_redirect_is_version(const struct tpr_redirect *a,
                        const struct tpr_redirect *b)
{
    if (!tpr_addr_equal(&a->vip, &b->vip) || a->proto != b->proto) {
        return false;
    }
    for (int i = 0; i < a->n_ports; i++) {
        for (int j = 0; j < b->n_ports; j++) {
            if (a->ports[i].first <= b->ports[j].last
                && b->ports[j].first <= a->ports[i].last) {
                return true;
            }
        }
    }
    return !a->n_ports || !b->n_ports;
}

#endif /* redirect-check.h */
