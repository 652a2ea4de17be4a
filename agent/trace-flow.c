/* SPDX-License-Identifier: Apache-2.0 */

/* Flows for "tpr/trace": see trace-flow.h. */

#include <config.h>
#include "trace-flow.h"

#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "util.h"

enum { MADE_UP_PORT = 65000 };  /* Of a client that nobody named. */

/* In. */

/* Words that name Ethernet type and protocol. */
static const struct {
    const char *word;
    int family;
    int proto;                  /* -1: says nothing of it. */
} protocols[] = {
    { "ip", 4, -1 }, { "ipv4", 4, -1 }, { "ipv6", 6, -1 },
    { "tcp", 4, IPPROTO_TCP }, { "tcp6", 6, IPPROTO_TCP },
    { "udp", 4, IPPROTO_UDP }, { "udp6", 6, IPPROTO_UDP },
    { "sctp", 4, IPPROTO_SCTP }, { "sctp6", 6, IPPROTO_SCTP },
    { "icmp", 4, IPPROTO_ICMP }, { "icmp6", 6, IPPROTO_ICMPV6 },
};

static bool
parse_word(struct trace_flow *f, const char *word)
{
    for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
        if (!strcmp(word, protocols[i].word)) {
            f->family = protocols[i].family;
            if (protocols[i].proto >= 0) {
                f->proto = protocols[i].proto;
                f->has[TRACE_PROTO] = true;
            }
            return true;
        }
    }
    return false;
}

/* Keys, as ovs-ofctl calls them, and what they mean. */
static const struct {
    const char *key;
    enum trace_field field;
} keys[] = {
    { "in_port", TRACE_IN_PORT },
    { "dl_src", TRACE_DL_SRC }, { "eth_src", TRACE_DL_SRC },
    { "dl_dst", TRACE_DL_DST }, { "eth_dst", TRACE_DL_DST },
    { "dl_vlan", TRACE_DL_VLAN }, { "vlan_vid", TRACE_DL_VLAN },
    { "nw_proto", TRACE_PROTO }, { "ip_proto", TRACE_PROTO },
    { "nw_src", TRACE_SRC }, { "ip_src", TRACE_SRC },
    { "ipv6_src", TRACE_SRC },
    { "nw_dst", TRACE_DST }, { "ip_dst", TRACE_DST },
    { "ipv6_dst", TRACE_DST },
    { "tp_src", TRACE_TP_SRC }, { "tcp_src", TRACE_TP_SRC },
    { "udp_src", TRACE_TP_SRC }, { "sctp_src", TRACE_TP_SRC },
    { "tp_dst", TRACE_TP_DST }, { "tcp_dst", TRACE_TP_DST },
    { "udp_dst", TRACE_TP_DST }, { "sctp_dst", TRACE_TP_DST },
};

static char *
parse_number(const char *key, const char *value, unsigned int max,
             unsigned int *number)
{
    return (str_to_uint(value, 0, number) && *number <= max ? NULL
            : xasprintf("%s=%s is not a number from 0 to %u", key, value,
                        max));
}

static char *
parse_in_port(struct trace_flow *f, const char *value)
{
    if (!value[0] || strpbrk(value, " \t\"'")) {
        return xasprintf("in_port=%s is no port", value);
    }
    free(f->in_port);
    f->in_port = xstrdup(value);
    return NULL;
}

static char *
parse_value(struct trace_flow *f, enum trace_field field, const char *key,
            const char *value)
{
    unsigned int n = 0;
    char *error = NULL;

    switch (field) {
    case TRACE_IN_PORT:
        return parse_in_port(f, value);
    case TRACE_DL_SRC:
        return tpr_parse_mac(value, &f->dl_src);
    case TRACE_DL_DST:
        return tpr_parse_mac(value, &f->dl_dst);
    case TRACE_DL_VLAN:
        error = parse_number(key, value, 4095, &n);
        f->dl_vlan = n;
        return error;
    case TRACE_PROTO:
        error = parse_number(key, value, 255, &n);
        f->proto = n;
        return error;
    case TRACE_SRC:
        return tpr_parse_address(value, &f->src);
    case TRACE_DST:
        return tpr_parse_address(value, &f->dst);
    case TRACE_TP_SRC:
        error = parse_number(key, value, UINT16_MAX, &n);
        f->tp_src = n;
        return error;
    case TRACE_TP_DST:
        error = parse_number(key, value, UINT16_MAX, &n);
        f->tp_dst = n;
        return error;
    case TRACE_N_FIELDS:
        break;
    }
    OVS_NOT_REACHED();
}

/* Takes "KEY=VALUE" or a protocol's word. */
static char *
parse_token(struct trace_flow *f, char *token)
{
    char *value = strchr(token, '=');

    if (!value) {
        return (parse_word(f, token) ? NULL
                : xasprintf("%s is no protocol that a flow can name",
                            token));
    }
    *value++ = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        if (!strcmp(token, keys[i].key)) {
            f->has[keys[i].field] = true;
            return parse_value(f, keys[i].field, token, value);
        }
    }
    return xasprintf("%s is no field that tpr/trace knows; it knows in_port, "
                     "dl_src, dl_dst, dl_vlan, nw_proto, nw_src, nw_dst, "
                     "ipv6_src, ipv6_dst, tp_src and tp_dst", token);
}

/* Parses "ADDRESS[:PORT]" of a client. */
static char *
parse_client(struct trace_flow *f, const char *s)
{
    char *error = tpr_parse_address_port(s, &f->src, &f->tp_src);

    f->has[TRACE_TP_SRC] = !error && f->tp_src;
    f->has[TRACE_SRC] = !error;
    return error;
}

/* Finds out of what family 'f' is; says where its parts contradict each
 * other. */
static char *
check(struct trace_flow *f)
{
    const struct in6_addr *addrs[] = {
        f->has[TRACE_SRC] ? &f->src : NULL,
        f->has[TRACE_DST] ? &f->dst : NULL,
    };

    for (size_t i = 0; i < ARRAY_SIZE(addrs); i++) {
        int family = (!addrs[i] ? f->family
                      : IN6_IS_ADDR_V4MAPPED(addrs[i]) ? 4 : 6);

        if (f->family && family != f->family) {
            return xstrdup("the flow mixes IPv4 and IPv6");
        }
        f->family = family;
    }
    return NULL;
}

/* Parses 's' into '*f', to be freed by trace_flow_uninit() whatever this
 * returns: NULL, or a sentence to free(). */
char *
trace_flow_parse(const char *s, struct trace_flow *f)
{
    char *copy = xstrdup(s);
    char *save = NULL;
    char *error = NULL;
    char *token;

    *f = (struct trace_flow) { .in_port = NULL };
    if (!strchr(s, '=') && strpbrk(s, ".:")) {
        error = parse_client(f, s);
    } else {
        for (token = strtok_r(copy, ", \t", &save); token && !error;
             token = strtok_r(NULL, ", \t", &save)) {
            error = parse_token(f, token);
        }
    }
    free(copy);
    return error ? error : check(f);
}

void
trace_flow_uninit(struct trace_flow *f)
{
    free(f->in_port);
    f->in_port = NULL;
}

/* Adds to 'f' what it does not say: as a new client of 'svc', whose VIP has
 * 'vip_mac', on the switch itself would send. */
void
trace_flow_complete(struct trace_flow *f, const struct tpr_service *svc,
                    const struct eth_addr *vip_mac)
{
    static const struct eth_addr mac = ETH_ADDR_C(02,00,00,00,00,01);
    bool v4 = IN6_IS_ADDR_V4MAPPED(&svc->vip.addr);

    if (!f->has[TRACE_IN_PORT]) {
        f->in_port = xstrdup("LOCAL");
    }
    if (!f->has[TRACE_DL_SRC]) {
        f->dl_src = mac;
    }
    if (!f->has[TRACE_DL_DST]) {
        f->dl_dst = *vip_mac;
    }
    if (!f->has[TRACE_PROTO]) {
        f->proto = (svc->vip.proto != TPR_PROTO_ANY ? svc->vip.proto
                    : IPPROTO_TCP);
    }
    if (!f->has[TRACE_DST]) {
        f->dst = svc->vip.addr;
    }
    if (!f->has[TRACE_SRC]) {
        /* RFC 5737, RFC 3849: documentation. */
        inet_pton(AF_INET6, v4 ? "::ffff:192.0.2.1" : "2001:db8::1",
                  &f->src);
    }
    if (!f->has[TRACE_TP_SRC]) {
        f->tp_src = MADE_UP_PORT;
    }
    if (!f->has[TRACE_TP_DST]) {
        f->tp_dst = svc->vip.n_ports ? svc->vip.ports[0].first : 80;
    }
}

static bool
has_ports(uint8_t proto)
{
    return (proto == IPPROTO_TCP || proto == IPPROTO_UDP
            || proto == IPPROTO_SCTP);
}

/* Returns NULL if 'f', which is complete, is a packet to 'svc', else a clause
 * about why not. */
char *
trace_flow_mismatch(const struct trace_flow *f, const struct tpr_service *svc)
{
    const struct tpr_vip *vip = &svc->vip;

    if (f->family && f->family != (IN6_IS_ADDR_V4MAPPED(&vip->addr) ? 4 : 6)) {
        return xasprintf("it is IPv%d", f->family);
    } else if (!ipv6_addr_equals(&f->dst, &vip->addr)) {
        return xstrdup("it goes to another address");
    } else if (vip->proto != TPR_PROTO_ANY && f->proto != vip->proto) {
        return xstrdup("it has another protocol");
    } else if (vip->proto == TPR_PROTO_ANY || !vip->n_ports) {
        return NULL;
    }
    for (size_t i = 0; i < vip->n_ports; i++) {
        if (f->tp_dst >= vip->ports[i].first
            && f->tp_dst <= vip->ports[i].last) {
            return NULL;
        }
    }
    return xstrdup("it goes to another port");
}

static void
format_proto(struct ds *s, const struct trace_flow *f, bool v4)
{
    for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
        if (protocols[i].proto == f->proto
            && protocols[i].family == (v4 ? 4 : 6)) {
            ds_put_cstr(s, protocols[i].word);
            return;
        }
    }
    ds_put_format(s, "%s,nw_proto=%d", v4 ? "ip" : "ipv6", f->proto);
}

/* Returns 'f', which is complete, as "ofproto/trace" reads it. */
char *
trace_flow_format(const struct trace_flow *f)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    bool v4 = IN6_IS_ADDR_V4MAPPED(&f->dst);
    char *src = tpr_format_address(&f->src);
    char *dst = tpr_format_address(&f->dst);

    ds_put_format(&s, "in_port=%s,dl_src="ETH_ADDR_FMT",dl_dst="ETH_ADDR_FMT
                  ",", f->in_port, ETH_ADDR_ARGS(f->dl_src),
                  ETH_ADDR_ARGS(f->dl_dst));
    if (f->dl_vlan) {
        ds_put_format(&s, "dl_vlan=%d,", f->dl_vlan);
    }
    format_proto(&s, f, v4);
    ds_put_format(&s, v4 ? ",nw_src=%s,nw_dst=%s" : ",ipv6_src=%s,ipv6_dst=%s",
                  src, dst);
    ds_put_cstr(&s, ",nw_ttl=64");
    if (has_ports(f->proto)) {
        ds_put_format(&s, ",tp_src=%d,tp_dst=%d", f->tp_src, f->tp_dst);
    }
    free(src);
    free(dst);
    return ds_steal_cstr(&s);
}

/* Appends the names of the fields that nobody named, with commas. */
void
trace_flow_format_assumed(const struct trace_flow *f, struct ds *s)
{
    static const char *const names[] = {
#define TRACE_FIELD(ENUM, NAME) NAME,
        TRACE_FIELDS
#undef TRACE_FIELD
    };
    const char *separator = "";

    for (int i = 0; i < TRACE_N_FIELDS; i++) {
        bool ports = i == TRACE_TP_SRC || i == TRACE_TP_DST;

        if (!f->has[i] && i != TRACE_DL_VLAN
            && (!ports || has_ports(f->proto))) {
            ds_put_format(s, "%s%s", separator, names[i]);
            separator = ", ";
        }
    }
}

/* Out. */

/* If 'line' is a flow, such as " 0. tcp, priority 3, cookie 0x7", returns
 * where it begins. */
static const char *
skip_table(const char *line)
{
    const char *s = line + strspn(line, " ");
    size_t digits = strspn(s, "0123456789");

    return digits && !strncmp(s + digits, ". ", 2) ? s + digits + 2 : NULL;
}

static void
take_rule(struct trace_answer *a, const char *rule, uint64_t cookie,
          uint64_t mask)
{
    const char *s = strstr(rule, ", cookie ");
    bool ours = s && (strtoull(s + 9, NULL, 0) & mask) == cookie;

    if (!a->rule || (ours && !a->ours)) {
        free(a->rule);
        a->rule = xstrdup(rule);
        a->ours = ours;
    }
}

/* Takes "redirect 1 proto 6 CLIENT -> VIP -> BACKEND in_port 3 ...". */
static void
take_connection(struct trace_answer *a, const char *s)
{
    const char *proto = strstr(s, " proto ");
    const char *backend = strstr(s, " -> ");
    char *end, *error;

    free(a->connection);
    proto = proto ? strchr(proto + 7, ' ') : NULL;
    a->connection = xstrdup(proto ? proto + 1 : s);
    backend = backend ? strstr(backend + 4, " -> ") : NULL;
    if (backend) {
        end = xmemdup0(backend + 4, strcspn(backend + 4, " "));
        error = tpr_parse_address_port(end, &a->backend, &a->backend_port);
        free(error);
        free(end);
    }
}

/* Takes "0: 10.0.0.1 priority 1, usable, policy chooses it, by ...", or "...,
 * chosen by affinity". */
static void
take_backend(struct trace_answer *a, const char *s)
{
    static const char choice[] = ", policy chooses it";
    const char *why = strstr(s, ", ");
    const char *chosen, *held;

    if (!why || strtoul(s, NULL, 10) != a->n_whys) {
        return;
    }
    why += 2;
    held = strstr(why, ", chosen by affinity");
    chosen = held ? held : strstr(why, choice);
    a->whys = xrealloc(a->whys, (a->n_whys + 1) * sizeof *a->whys);
    a->whys[a->n_whys] = chosen ? xmemdup0(why, chosen - why) : xstrdup(why);
    if (chosen) {
        const char *how = held ? "" : chosen + sizeof choice - 1;

        a->chosen = a->n_whys;
        a->held = held != NULL;
        free(a->how);
        a->how = !strncmp(how, ", ", 2) ? xstrdup(how + 2) : NULL;
    }
    a->n_whys++;
}

static void
take_detail(struct trace_answer *a, const char *s)
{
    if (!strncmp(s, "connection: ", 12)) {
        take_connection(a, s + 12);
    } else if (!strncmp(s, "backend ", 8)) {
        take_backend(a, s + 8);
    } else if (!a->note) {
        a->note = xstrdup(s);
    }
}

static void
take_line(struct trace_answer *a, const char *line, uint64_t cookie,
          uint64_t mask, bool *in_redirect)
{
    static const char actions[] = "Datapath actions: ";
    static const char bucket[] = "-> using bucket ";
    const char *s = line + strspn(line, " ");
    const char *rule = skip_table(line);

    if (rule) {
        take_rule(a, rule, cookie, mask);
    } else if (!strncmp(s, "redirect(", 9)) {
        *in_redirect = a->met = true;
        return;
    } else if (*in_redirect && (!strncmp(s, "-> ", 3)
                                || !strncmp(s, ">> ", 3))) {
        take_detail(a, s + 3);
        return;
    } else if (!strncmp(s, bucket, sizeof bucket - 1)) {
        a->bucket = strtoul(s + sizeof bucket - 1, NULL, 10);
    } else if (!strncmp(line, actions, sizeof actions - 1)) {
        free(a->actions);
        a->actions = xstrdup(line + sizeof actions - 1);
    }
    *in_redirect = false;
}

/* Takes from 'text', the output of "ofproto/trace", what concerns redirection
 * by flows whose cookie under 'mask' is 'cookie'.  To be freed by
 * trace_answer_uninit(). */
void
trace_answer_parse(struct trace_answer *a, const char *text, uint64_t cookie,
                   uint64_t mask)
{
    char *copy = xstrdup(text);
    bool in_redirect = false;
    char *save = NULL;

    *a = (struct trace_answer) { .chosen = -1, .bucket = UINT32_MAX };
    for (char *line = strtok_r(copy, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        take_line(a, line, cookie, mask, &in_redirect);
    }
    free(copy);
}

void
trace_answer_uninit(struct trace_answer *a)
{
    free(a->rule);
    free(a->connection);
    free(a->how);
    free(a->note);
    free(a->actions);
    for (size_t i = 0; i < a->n_whys; i++) {
        free(a->whys[i]);
    }
    free(a->whys);
}
