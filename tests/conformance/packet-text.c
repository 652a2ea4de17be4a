/* SPDX-License-Identifier: Apache-2.0 */

/* Packets in words: see packet.h. */

#include <config.h>
#include "packet.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Returns NULL, or what is wrong. */
const char *
parse_addr(const char *text, struct tpr_addr *a, bool *is_v6)
{
    *is_v6 = strchr(text, ':') != NULL;
    memset(a, 0, sizeof *a);
    if (*is_v6) {
        return inet_pton(AF_INET6, text, a) == 1 ? NULL : "bad address";
    }
    a->w[2] = htonl(0xffff);
    return inet_pton(AF_INET, text, &a->w[3]) == 1 ? NULL : "bad address";
}

/* "61" is 02:00:00:00:00:61. */
void
parse_mac(const char *text, uint8_t mac[6])
{
    memset(mac, 0, 6);
    mac[0] = 2;
    mac[5] = (uint8_t) strtoul(text, NULL, 16);
}

/* "10.0.0.9:80", "[::1]:80", or without a port. */
static const char *
parse_end(char *text, struct tpr_addr *a, uint16_t *port, bool *is_v6)
{
    char *colon = strrchr(text, ':');

    *port = 0;
    if (*text == '[') {
        char *close = strchr(text, ']');

        if (!close) {
            return "no ]";
        }
        *close = '\0';
        *port = close[1] == ':' ? (uint16_t) number(close + 2) : 0;
        text++;
    } else if (colon) {
        *colon = '\0';
        *port = (uint16_t) number(colon + 1);
    }
    return parse_addr(text, a, is_v6);
}

static bool
parse_proto(const char *word, struct pkt *p)
{
    static const struct { const char *name; uint8_t proto; } protos[] = {
        { "tcp", TPR_PROTO_TCP }, { "udp", TPR_PROTO_UDP },
        { "sctp", TPR_PROTO_SCTP }, { "icmp", PROTO_ICMP },
        { "icmp6", PROTO_ICMP6 }, { "gre", 47 }, { "ah", 51 },
    };

    for (size_t i = 0; i < sizeof protos / sizeof *protos; i++) {
        if (!strcmp(word, protos[i].name)) {
            p->proto = protos[i].proto;
            return true;
        }
    }
    return false;
}

static bool
parse_flags(const char *word, struct pkt *p)
{
    static const char letters[] = "FSRPA";

    for (; *word; word++) {
        const char *letter = strchr(letters, *word);

        if (!letter) {
            return false;
        }
        p->flags |= (uint8_t) (1 << (letter - letters));
    }
    return true;
}

static const char *
parse_number(const char *key, unsigned long x, struct pkt *p)
{
    const struct { const char *key; int *value; } ints[] = {
        { "cut", &p->cut }, { "iplen", &p->ip_len }, { "ihl", &p->ihl },
        { "doff", &p->doff }, { "udplen", &p->udp_len },
        { "version", &p->version }, { "extlen", &p->ext_len },
        { "l4cut", &p->l4_cut }, { "routing", &p->routing },
        { "outer", &p->outer }, { "chunk", &p->chunk },
    };

    for (size_t i = 0; i < sizeof ints / sizeof *ints; i++) {
        if (!strcmp(key, ints[i].key)) {
            *ints[i].value = (int) x;
            return NULL;
        }
    }
    if (!strcmp(key, "seq")) {
        p->seq = (uint32_t) x;
    } else if (!strcmp(key, "ack")) {
        p->ack = (uint32_t) x;
    } else if (!strcmp(key, "len")) {
        p->payload = (uint16_t) x;
    } else if (!strcmp(key, "vlan")) {
        p->tci = (int) ((p->tci < 0 ? 0 : p->tci & 0xe000) | x);
    } else if (!strcmp(key, "pcp")) {
        p->tci = (int) ((p->tci < 0 ? 0 : p->tci & 0xfff) | x << 13);
    } else if (!strcmp(key, "ttl")) {
        p->ttl = (uint8_t) x;
    } else if (!strcmp(key, "id")) {
        p->id = (uint32_t) x;
    } else if (!strcmp(key, "badcsum")) {
        p->badcsum = (uint16_t) x;
    } else if (!strcmp(key, "type")) {
        p->type = (uint8_t) x;
    } else if (!strcmp(key, "code")) {
        p->code = (uint8_t) x;
    } else if (!strcmp(key, "options")) {
        p->options = (uint8_t) x;
    } else if (!strcmp(key, "ext")) {
        p->ext = (uint8_t) x;
    } else if (!strcmp(key, "pad")) {
        p->pad = (uint8_t) x;
    } else if (!strcmp(key, "quoted")) {
        p->quote_bytes = (uint16_t) x;
    } else {
        return "unknown key";
    }
    return NULL;
}

static const char *
parse_flag(const char *word, struct pkt *p)
{
    const struct { const char *word; bool *value; } flags[] = {
        { "nocsum", &p->nocsum }, { "reset", &p->reset_style },
        { "ah", &p->ah }, { "atomic", &p->atomic },
        { "partial", &p->partial }, { "tbit", &p->tbit },
    };

    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        if (!strcmp(word, flags[i].word)) {
            *flags[i].value = true;
            return NULL;
        }
    }
    return parse_flags(word, p) ? NULL : "unknown word";
}

static const char *
parse_word(char *word, struct pkt *p)
{
    char *value = strchr(word, '=');

    if (!value) {
        return parse_flag(word, p);
    }
    *value++ = '\0';
    if (!strcmp(word, "smac")) {
        parse_mac(value, p->smac);
    } else if (!strcmp(word, "dmac")) {
        parse_mac(value, p->dmac);
    } else if (!strcmp(word, "frag")) {
        p->frag = *value == 'f' ? FIRST_FRAGMENT : LATER_FRAGMENT;
    } else {
        return parse_number(word, strtoul(value, NULL, 0), p);
    }
    return NULL;
}

static const char *
parse_ends(char *word, struct pkt *p)
{
    char *to = word ? strchr(word, '>') : NULL;
    const char *error;

    if (!to) {
        return "source>destination expected";
    }
    *to++ = '\0';
    error = parse_end(word, &p->src, &p->sport, &p->is_v6);
    return error ? error : parse_end(to, &p->dst, &p->dport, &p->is_v6);
}

/* Parses 'text', which it changes, into 'p'; what an ICMP error quotes goes
 * into 'quote'.  Returns NULL, or what is wrong. */
const char *
pkt_parse(char *text, struct pkt *p, struct pkt *quote)
{
    char *save = NULL;
    char *word = strtok_r(text, " ", &save);
    const char *error = NULL;

    pkt_init(p);
    if (word && !strcmp(word, "arp")) {
        p->is_ip = false;
        return NULL;
    } else if (!word || !parse_proto(word, p)) {
        return "unknown protocol";
    }
    error = parse_ends(strtok_r(NULL, " ", &save), p);
    while (!error && (word = strtok_r(NULL, " ", &save))) {
        if (!strcmp(word, "quote")) {
            if (!quote) {
                return "a quoted packet quotes";
            }
            p->quote = quote;
            return pkt_parse(save, quote, NULL);
        }
        error = parse_word(word, p);
    }
    return error;
}
