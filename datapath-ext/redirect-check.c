/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Whether a redirect's description makes sense: see redirect-check.h. */

#include <config.h>
#include "redirect-check.h"

#include <stdlib.h>
#include <string.h>
#include "util.h"

/* Fills 'r' with what a description says that says nothing else than 'id':
 * no VIP, no backends, policy failover, every other field its default. */
void
tpr_redirect_init(struct tpr_redirect *r, uint32_t id)
{
    static const uint32_t timeouts[] = {
#define TPR_TIMEOUT(ENUM, NAME, DEFAULT_MS) DEFAULT_MS,
        TPR_TIMEOUTS
#undef TPR_TIMEOUT
    };

    memset(r, 0, sizeof *r);
    r->id = id;
    memcpy(r->timeouts, timeouts, sizeof r->timeouts);
}

const char *
tpr_policy_name(enum tpr_policy policy)
{
    static const char *const names[] = {
#define TPR_POLICY(ENUM, NAME) NAME,
        TPR_POLICIES
#undef TPR_POLICY
    };

    return policy < ARRAY_SIZE(names) ? names[policy] : "?";
}

const char *
tpr_why_name(enum tpr_why why)
{
    static const char *const names[] = {
#define TPR_WHY(ENUM, NAME) NAME,
        TPR_WHYS
#undef TPR_WHY
    };

    return why < ARRAY_SIZE(names) ? names[why] : "?";
}

const char *
tpr_counter_name(enum tpr_counter counter)
{
    static const char *const names[] = {
#define TPR_COUNTER(ENUM, NAME) NAME,
        TPR_COUNTERS
#undef TPR_COUNTER
    };

    return counter < ARRAY_SIZE(names) ? names[counter] : "?";
}

const char *
tpr_timeout_name(enum tpr_timeout timeout)
{
    static const char *const names[] = {
#define TPR_TIMEOUT(ENUM, NAME, DEFAULT_MS) NAME,
        TPR_TIMEOUTS
#undef TPR_TIMEOUT
    };

    return timeout < ARRAY_SIZE(names) ? names[timeout] : "?";
}

/* Could one host have 'a'?  Not so unspecified, multicast and broadcast
 * addresses. */
static bool
is_unicast(const struct tpr_addr *a)
{
    uint8_t bytes[16];

    memcpy(bytes, a, sizeof bytes);
    return tpr_addr_is_ip4(a)
           ? bytes[12] && bytes[12] < 224
           : (a->w[0] | a->w[1] | a->w[2] | a->w[3]) && bytes[0] != 0xff;
}

static bool
is_zero_mac(const uint8_t mac[6])
{
    static const uint8_t zero[6];

    return !memcmp(mac, zero, sizeof zero);
}

static char *
check_service(const struct tpr_redirect *r)
{
    bool has_ports = tpr_proto_has_ports(r->proto);

    if (!r->id || r->id == UINT32_MAX) {
        return xasprintf("id must be between 1 and %u", UINT32_MAX - 1);
    } else if (!is_unicast(&r->vip)) {
        return xstrdup("vip must be a unicast address");
    } else if (r->proto && !has_ports) {
        return xasprintf("protocol %d is not tcp, udp, sctp or any",
                         r->proto);
    } else if (r->policy > TPR_POLICY_SPILLOVER) {
        return xasprintf("this switch does not have policy %d", r->policy);
    } else if (r->on_down > TPR_ON_DOWN_KEEP) {
        return xasprintf("on_down %d is unknown", r->on_down);
    } else if (r->on_none > TPR_ON_NONE_PASS) {
        return xasprintf("on_none %d is unknown", r->on_none);
    } else if (r->on_down == TPR_ON_DOWN_RESET
               && r->proto != TPR_PROTO_TCP) {
        return xstrdup("on_down=reset needs protocol tcp");
    } else if (r->stateless > 1) {
        return xasprintf("stateless %d is neither true nor false",
                         r->stateless);
    } else if (r->stateless && r->policy != TPR_POLICY_FAILOVER
               && r->policy != TPR_POLICY_MAGLEV) {
        return xasprintf("policy %s needs connections: a stateless redirect "
                         "has failover or maglev", tpr_policy_name(r->policy));
    } else if (r->stateless && (r->on_down == TPR_ON_DOWN_RESET
                                || r->on_down == TPR_ON_DOWN_KEEP)) {
        return xasprintf("on_down=%s needs connections: a stateless redirect "
                         "reselects",
                         r->on_down == TPR_ON_DOWN_RESET ? "reset" : "keep");
    } else if (r->n_ports > TPR_MAX_PORT_RANGES) {
        return xasprintf("at most %d ranges of ports", TPR_MAX_PORT_RANGES);
    } else if (r->n_ports && !has_ports) {
        return xstrdup("ports need protocol tcp, udp or sctp");
    }
    if (r->affinity_ms > TPR_TIMEOUT_MAX_MS) {
        return xstrdup("affinity must be at most 24 h");
    } else if (r->affinity_ms && r->stateless) {
        return xstrdup("affinity needs connections: a stateless redirect has "
                       "none");
    }
    for (int i = 0; i < r->n_ports; i++) {
        if (!r->ports[i].first || r->ports[i].first > r->ports[i].last) {
            return xasprintf("%d-%d is no range of ports", r->ports[i].first,
                             r->ports[i].last);
        }
    }
    for (int i = 0; i < TPR_N_TIMEOUTS; i++) {
        if (!r->timeouts[i] || r->timeouts[i] > TPR_TIMEOUT_MAX_MS) {
            return xasprintf("timeout %s must be between 1 ms and 24 h",
                             tpr_timeout_name(i));
        }
    }
    return NULL;
}

static char *
check_backend(const struct tpr_redirect *r,
              const struct tpr_redirect_backend *b)
{
    if (!is_unicast(&b->addr)) {
        return xstrdup("its address must be a unicast address");
    } else if (tpr_addr_is_ip4(&b->addr) != tpr_addr_is_ip4(&r->vip)) {
        return xstrdup("its address and the vip must both be IPv4 or both "
                       "IPv6");
    } else if (is_zero_mac(b->mac) || b->mac[0] & 1) {
        return xstrdup("mac must be a unicast Ethernet address");
    } else if (b->src_mac[0] & 1) {
        return xstrdup("src_mac must be a unicast Ethernet address");
    } else if (!b->output) {
        return xstrdup("output must be a port");
    } else if (b->l4_port && r->proto != TPR_PROTO_TCP
               && r->proto != TPR_PROTO_UDP) {
        return xstrdup("l4_port needs protocol tcp or udp");
    } else if (b->l4_port && r->n_ports == 0) {
        return xstrdup("l4_port needs a service with ports");
    } else if (r->stateless && b->l4_port) {
        return xstrdup("l4_port needs connections: a stateless redirect "
                       "changes no ports");
    } else if (r->stateless && b->max_connections) {
        return xstrdup("max_connections needs connections: a stateless "
                       "redirect has none");
    } else if (r->stateless && b->max_pps) {
        return xstrdup("max_pps needs connections: a stateless redirect has "
                       "none");
    } else if (b->max_pps > TPR_MAX_PPS) {
        return xasprintf("max_pps %u is above %d", b->max_pps, TPR_MAX_PPS);
    } else if (b->vlan > 4094 && b->vlan != TPR_VLAN_KEEP) {
        return xasprintf("vlan %d is above 4094", b->vlan);
    } else if (b->region >= TPR_MAX_REGIONS && b->region != TPR_NO_WORD) {
        return xasprintf("region %u is above %d", b->region,
                         TPR_MAX_REGIONS - 1);
    } else if (b->word >= TPR_MAX_BACKENDS && b->word != TPR_NO_WORD) {
        return xasprintf("word %u is above %d", b->word,
                         TPR_MAX_BACKENDS - 1);
    }
    return NULL;
}

/* What makes a backend: its address and its port. */
static int
compare_backends(const void *a_, const void *b_)
{
    const struct tpr_redirect_backend *const *a = a_;
    const struct tpr_redirect_backend *const *b = b_;
    int order = memcmp(&(*a)->addr, &(*b)->addr, sizeof (*a)->addr);

    return order ? order : (int) (*a)->l4_port - (*b)->l4_port;
}

static char *
check_duplicates(const struct tpr_redirect *r)
{
    const struct tpr_redirect_backend **sorted;
    char *error = NULL;

    sorted = xmalloc(r->n_backends * sizeof *sorted);
    for (int i = 0; i < r->n_backends; i++) {
        sorted[i] = &r->backends[i];
    }
    qsort(sorted, r->n_backends, sizeof *sorted, compare_backends);
    for (int i = 1; i < r->n_backends; i++) {
        if (!compare_backends(&sorted[i - 1], &sorted[i])) {
            error = xasprintf("backends %d and %d are the same",
                              (int) (MIN(sorted[i - 1], sorted[i])
                                     - r->backends),
                              (int) (MAX(sorted[i - 1], sorted[i])
                                     - r->backends));
            break;
        }
    }
    free(sorted);
    return error;
}

/* Returns NULL if a datapath can have 'r', otherwise one sentence (without a
 * full stop) that the caller must free(). */
char *
tpr_redirect_check(const struct tpr_redirect *r)
{
    char *error = check_service(r);

    if (error) {
        return error;
    } else if (r->n_backends > TPR_MAX_REDIRECT_BACKENDS) {
        return xasprintf("at most %d backends", TPR_MAX_REDIRECT_BACKENDS);
    }
    for (int i = 0; i < r->n_backends; i++) {
        error = check_backend(r, &r->backends[i]);
        if (error) {
            char *sentence = xasprintf("backend %d: %s", i, error);

            free(error);
            return sentence;
        }
    }
    return r->n_backends ? check_duplicates(r) : NULL;
}
