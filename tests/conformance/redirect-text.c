/* SPDX-License-Identifier: Apache-2.0 */

/* Redirects in words: see case.h. */

#include <config.h>
#include "case.h"

#include <stdlib.h>
#include <string.h>
#include "redirect-check.h"

static int
find_name(const char *const *names, int n, const char *name)
{
    for (int i = 0; i < n; i++) {
        if (!strcmp(names[i], name)) {
            return i;
        }
    }
    return 255;
}

static const char *
addr_in_brackets(char *text, struct tpr_addr *a)
{
    char *close = strchr(text, ']');
    bool is_v6;

    if (*text == '[' && close) {
        *close = '\0';
        text++;
    }
    return parse_addr(text, a, &is_v6);
}

static uint32_t
word_index(const char *value)
{
    return !strcmp(value, "none") ? TPR_NO_WORD : (uint32_t) atol(value);
}

static const char *
backend_key(const char *key, const char *value,
            struct tpr_redirect_backend *b)
{
    if (!strcmp(key, "mac")) {
        parse_mac(value, b->mac);
    } else if (!strcmp(key, "src_mac")) {
        parse_mac(value, b->src_mac);
    } else if (!strcmp(key, "output")) {
        b->output = (uint32_t) number(value);
    } else if (!strcmp(key, "l4_port")) {
        b->l4_port = (uint16_t) number(value);
    } else if (!strcmp(key, "vlan")) {
        b->vlan = (!strcmp(value, "keep") ? TPR_VLAN_KEEP
                   : (uint16_t) number(value));
    } else if (!strcmp(key, "weight")) {
        b->weight = (uint16_t) number(value);
    } else if (!strcmp(key, "priority")) {
        b->priority = (uint16_t) number(value);
    } else if (!strcmp(key, "max")) {
        b->max_connections = (uint32_t) number(value);
    } else if (!strcmp(key, "pps")) {
        b->max_pps = (uint32_t) number(value);
    } else if (!strcmp(key, "region")) {
        b->region = word_index(value);
    } else if (!strcmp(key, "word")) {
        b->word = word_index(value);
    } else {
        return "unknown key of a backend";
    }
    return NULL;
}

static const char *
add_ports(const char *value, struct tpr_redirect *r)
{
    const char *dash = strchr(value, '-');

    if (r->n_ports == TPR_MAX_PORT_RANGES) {
        return "too many ports";
    }
    r->ports[r->n_ports].first = (uint16_t) number(value);
    r->ports[r->n_ports++].last = (uint16_t) number(dash ? dash + 1 : value);
    return NULL;
}

static const char *
service_key(const char *key, char *value, struct tpr_redirect *r)
{
    static const char *const policies[] = {
        "failover", "weighted", "round-robin", "maglev", "least-connections",
        "spillover",
    };
    static const char *const downs[] = { "default", "reset", "reselect",
                                         "keep" };
    static const char *const nones[] = { "drop", "reset", "pass" };

    if (!strcmp(key, "id")) {
        r->id = (uint32_t) atol(value);
    } else if (!strcmp(key, "vip")) {
        return addr_in_brackets(value, &r->vip);
    } else if (!strcmp(key, "proto")) {
        r->proto = (!strcmp(value, "tcp") ? TPR_PROTO_TCP
                    : !strcmp(value, "udp") ? TPR_PROTO_UDP
                    : !strcmp(value, "sctp") ? TPR_PROTO_SCTP
                    : (uint8_t) number(value));
    } else if (!strcmp(key, "port")) {
        return add_ports(value, r);
    } else if (!strcmp(key, "policy")) {
        r->policy = (uint8_t) find_name(policies, 6, value);
    } else if (!strcmp(key, "on_down")) {
        r->on_down = (uint8_t) find_name(downs, 4, value);
    } else if (!strcmp(key, "on_none")) {
        r->on_none = (uint8_t) find_name(nones, 3, value);
    } else if (!strcmp(key, "affinity")) {
        r->affinity_ms = (uint32_t) atol(value);
    } else if (!strcmp(key, "stateless")) {
        r->stateless = number(value) != 0;
    } else {
        for (int i = 0; i < TPR_N_TIMEOUTS; i++) {
            if (!strcmp(key, tpr_timeout_name(i))) {
                r->timeouts[i] = (uint32_t) atol(value);
                return NULL;
            }
        }
        return "unknown key of a redirect";
    }
    return NULL;
}

/* Parses 'text', which it changes.  Returns NULL, or what is wrong. */
const char *
redirect_parse(char *text, struct redirect_text *t)
{
    struct tpr_redirect_backend *b = NULL;
    const char *error = NULL;
    char *save = NULL;

    memset(t, 0, sizeof *t);
    tpr_redirect_init(&t->r, 0);
    t->r.backends = t->backends;
    for (char *key = strtok_r(text, " ", &save); key && !error;
         key = strtok_r(NULL, " ", &save)) {
        char *value = strchr(key, '=');

        if (!value) {
            return "key=value expected";
        }
        *value++ = '\0';
        if (!strcmp(key, "backend")) {
            b = &t->backends[t->r.n_backends++];
            b->vlan = TPR_VLAN_KEEP;
            b->weight = 100;
            b->region = b->word = TPR_NO_WORD;
            error = addr_in_brackets(value, &b->addr);
        } else {
            error = b ? backend_key(key, value, b)
                      : service_key(key, value, &t->r);
        }
    }
    return error;
}
