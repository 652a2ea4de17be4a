/* SPDX-License-Identifier: Apache-2.0 */

/* Redirects as text, see redirect-text.h. */

#include <config.h>
#include "redirect-text.h"
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include "flow.h"
#include "ofp-redirect.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/ofp-parse.h"
#include "openvswitch/ofp-port.h"
#include "packets.h"
#include "redirect-check.h"
#include "util.h"

/* ## Names. ## */

static const char *const policy_names[] = {
#define TPR_POLICY(ENUM, NAME) [TPR_POLICY_##ENUM] = NAME,
    TPR_POLICIES
#undef TPR_POLICY
};

static const char *const on_down_names[] = {
    [TPR_ON_DOWN_DEFAULT] = "default",
    [TPR_ON_DOWN_RESET] = "reset",
    [TPR_ON_DOWN_RESELECT] = "reselect",
    [TPR_ON_DOWN_KEEP] = "keep",
};

static const char *const on_none_names[] = {
    [TPR_ON_NONE_DROP] = "drop",
    [TPR_ON_NONE_RESET] = "reset",
    [TPR_ON_NONE_PASS] = "pass",
};

static const char *const stateless_names[] = { "false", "true" };

static const char *const liveness_names[] = {
    [TPR_LIVENESS_UNKNOWN] = "unknown",
    [TPR_LIVENESS_UP] = "up",
    [TPR_LIVENESS_DOWN] = "down",
    [TPR_LIVENESS_DRAIN] = "drain",
};

static const struct {
    const char *name;
    uint32_t default_ms;
} timeouts[] = {
#define TPR_TIMEOUT(ENUM, NAME, DEFAULT_MS) \
    [TPR_TIMEOUT_##ENUM] = { NAME, DEFAULT_MS },
    TPR_TIMEOUTS
#undef TPR_TIMEOUT
};

static const struct {
    const char *name;
    enum tpr_proto proto;
} protos[] = {
    { "any", TPR_PROTO_ANY },
    { "tcp", TPR_PROTO_TCP },
    { "udp", TPR_PROTO_UDP },
    { "sctp", TPR_PROTO_SCTP },
};

static const char *
name_of(const char *const names[], size_t n, uint32_t i)
{
    return i < n ? names[i] : "unknown";
}
#define NAME_OF(NAMES, I) name_of(NAMES, ARRAY_SIZE(NAMES), I)

const char *
tpr_on_down_name(uint8_t on_down)
{
    return NAME_OF(on_down_names, on_down);
}

const char *
tpr_on_none_name(uint8_t on_none)
{
    return NAME_OF(on_none_names, on_none);
}

const char *
tpr_liveness_name(uint8_t state)
{
    return NAME_OF(liveness_names, state);
}

/* ## Values. ## */

/* Each parser of a value returns NULL or what is wrong, to be freed; the
 * caller puts the field's name before it. */

/* Whether 's' is a decimal number of at most 'max', or a hexadecimal one after
 * "0x"; it goes to '*n'. */
static bool
str_is_number(const char *s, uint64_t max, uint64_t *n)
{
    bool hex = !strncmp(s, "0x", 2);
    const char *digits = hex ? s + 2 : s;
    size_t len = strlen(digits);

    if (!len || len > 10
        || strspn(digits, hex ? "0123456789abcdefABCDEF"
                  : "0123456789") != len) {
        return false;
    }
    *n = strtoull(digits, NULL, hex ? 16 : 10);
    return *n <= max;
}

static char *
parse_number(const char *s, uint64_t min, uint64_t max, uint64_t *n)
{
    return (str_is_number(s, max, n) && *n >= min ? NULL
            : xasprintf("\"%s\" is not a number from %"PRIu64" to %"PRIu64,
                        s, min, max));
}

static char *
parse_u32(const char *s, uint32_t min, uint32_t max, uint32_t *value)
{
    uint64_t n = 0;
    char *error = parse_number(s, min, max, &n);

    *value = n;
    return error;
}

static char *
parse_u16(const char *s, uint16_t min, uint16_t max, uint16_t *value)
{
    uint64_t n = 0;
    char *error = parse_number(s, min, max, &n);

    *value = n;
    return error;
}

/* Parses one of 'names'. */
static char *
parse_name(const char *s, const char *const names[], size_t n, uint8_t *value)
{
    for (size_t i = 0; i < n; i++) {
        if (!strcmp(s, names[i])) {
            *value = i;
            return NULL;
        }
    }

    struct ds ds = DS_EMPTY_INITIALIZER;
    ds_put_format(&ds, "\"%s\" is none of", s);
    for (size_t i = 0; i < n; i++) {
        ds_put_format(&ds, "%s %s", i ? "," : "", names[i]);
    }
    return ds_steal_cstr(&ds);
}
#define PARSE_NAME(S, NAMES, VALUE) \
    parse_name(S, NAMES, ARRAY_SIZE(NAMES), VALUE)

bool
tpr_addr_parse(const char *s, struct tpr_addr *addr)
{
    struct in6_addr ipv6;
    ovs_be32 ipv4;

    if (ip_parse(s, &ipv4)) {
        ipv6 = in6_addr_mapped_ipv4(ipv4);
    } else if (!ipv6_parse(s, &ipv6)) {
        return false;
    }
    memcpy(addr, &ipv6, sizeof *addr);
    return true;
}

void
tpr_addr_format(const struct tpr_addr *addr, struct ds *ds)
{
    struct in6_addr ipv6;

    memcpy(&ipv6, addr, sizeof ipv6);
    ipv6_format_mapped(&ipv6, ds);
}

static char *
parse_addr(const char *s, struct tpr_addr *addr)
{
    return (tpr_addr_parse(s, addr) ? NULL
            : xasprintf("\"%s\" is not an IPv4 or IPv6 address", s));
}

/* Parses "ADDR", "[ADDR]", "IPV4:PORT" or "[ADDR]:PORT"; 's' is changed. */
static char *
parse_addr_port(char *s, struct tpr_addr *addr, uint16_t *port)
{
    char *end = NULL;

    if (*s == '[') {
        s++;
        end = strchr(s, ']');
        if (!end || (end[1] && end[1] != ':')) {
            return xasprintf("\"[%s\" is not an address in brackets", s);
        }
        *end++ = '\0';
    } else if (strchr(s, ':') == strrchr(s, ':')) {
        end = strchr(s, ':');
    }
    if (end && *end) {
        *end++ = '\0';

        char *error = parse_u16(end, 1, UINT16_MAX, port);
        if (error) {
            return error;
        }
    }
    return parse_addr(s, addr);
}

static char *
parse_mac(const char *s, uint8_t mac[6])
{
    struct eth_addr ea;

    if (!eth_addr_from_string(s, &ea)) {
        return xasprintf("\"%s\" is not an Ethernet address", s);
    }
    memcpy(mac, &ea, sizeof ea);
    return NULL;
}

/* Parses "80" or "8000-8010" as one more range of 'r'. */
static char *
parse_port_range(char *s, struct tpr_redirect *r)
{
    if (r->n_ports >= TPR_MAX_PORT_RANGES) {
        return xasprintf("more than %d ranges", TPR_MAX_PORT_RANGES);
    }

    struct tpr_port_range *range = &r->ports[r->n_ports];
    char *dash = strchr(s, '-');
    if (dash) {
        *dash++ = '\0';
    }

    char *error = parse_u16(s, 1, UINT16_MAX, &range->first);
    if (!error) {
        error = parse_u16(dash ? dash : s, 1, UINT16_MAX, &range->last);
    }
    r->n_ports++;
    return error;
}

/* Parses a time with its unit. */
static char *
parse_time(const char *s, uint32_t *ms)
{
    static const struct {
        const char *unit;
        uint32_t ms;
    } units[] = {
        { "ms", 1 }, { "s", 1000 }, { "m", 60 * 1000 }, { "h", 3600 * 1000 },
    };
    size_t digits = strspn(s, "0123456789");

    for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
        if (digits && digits < 10 && !strcmp(s + digits, units[i].unit)) {
            uint64_t n = strtoull(s, NULL, 10) * units[i].ms;

            if (!n || n > TPR_TIMEOUT_MAX_MS) {
                return xasprintf("%s is not from 1ms to %dh", s,
                                 TPR_TIMEOUT_MAX_MS / (3600 * 1000));
            }
            *ms = n;
            return NULL;
        }
    }
    return xasprintf("\"%s\" is not a number with unit ms, s, m or h", s);
}

static char *
parse_output(const char *s, const struct ofputil_port_map *port_map,
             uint32_t *output)
{
    ofp_port_t port;

    if (!ofputil_port_from_string(s, port_map, &port)) {
        return xasprintf("\"%s\" is not a port", s);
    }
    *output = ofp_to_u16(port);
    return NULL;
}

static char *
parse_vlan(const char *s, uint16_t *vlan)
{
    if (!strcmp(s, "keep")) {
        *vlan = TPR_VLAN_KEEP;
        return NULL;
    } else if (!strcmp(s, "none")) {
        *vlan = TPR_VLAN_NONE;
        return NULL;
    }
    return parse_u16(s, 1, 4094, vlan);
}

/* ## Parsing a redirect. ## */

/* Keys: name, whether it is a backend's, whether it may come twice. */
#define KEYS                                    \
    KEY(ID, "id", false, false)                 \
    KEY(VIP, "vip", false, false)               \
    KEY(PROTO, "proto", false, false)           \
    KEY(PORT, "port", false, true)              \
    KEY(POLICY, "policy", false, false)         \
    KEY(ON_DOWN, "on_down", false, false)       \
    KEY(ON_NONE, "on_none", false, false)       \
    KEY(STATELESS, "stateless", false, false)   \
    KEY(AFFINITY, "affinity", false, false)     \
    KEY(TIMEOUT, "timeout", false, true)        \
    KEY(BACKEND, "backend", true, true)         \
    KEY(OUTPUT, "output", true, false)          \
    KEY(MAC, "mac", true, false)                \
    KEY(SRC_MAC, "src_mac", true, false)        \
    KEY(L4_PORT, "l4_port", true, false)        \
    KEY(VLAN, "vlan", true, false)              \
    KEY(WEIGHT, "weight", true, false)          \
    KEY(PRIORITY, "priority", true, false)      \
    KEY(MAX, "max_connections", true, false)    \
    KEY(MAX_PPS, "max_pps", true, false)        \
    KEY(REGION, "region", true, false)          \
    KEY(WORD, "word", true, false)              \
    KEY(WITHDRAWN, "withdrawn", true, false)

enum key {
#define KEY(ENUM, NAME, OF_BACKEND, REPEATS) KEY_##ENUM,
    KEYS
#undef KEY
    N_KEYS
};

static const struct {
    const char *name;
    bool of_backend;
    bool repeats;
} keys[] = {
#define KEY(ENUM, NAME, OF_BACKEND, REPEATS) { NAME, OF_BACKEND, REPEATS },
    KEYS
#undef KEY
};

enum { DEFAULT_WEIGHT = 100, DEFAULT_PRIORITY = 100 };

struct parser {
    struct tpr_redirect *r;
    size_t allocated;                   /* Backends that fit so far. */
    uint32_t seen;                      /* 1 << KEY_*; those of a backend start
                                         * anew with each. */
    uint32_t timeouts_seen;             /* 1 << enum tpr_timeout. */
    const struct ofputil_port_map *port_map;
};

/* Parses "established:7200s". */
static char *
parse_timeout(struct parser *p, char *s)
{
    char *colon = strchr(s, ':');

    if (!colon) {
        return xasprintf("\"%s\" is not NAME:TIME", s);
    }
    *colon = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(timeouts); i++) {
        if (!strcmp(s, timeouts[i].name)) {
            if (p->timeouts_seen & (1u << i)) {
                return xasprintf("\"%s\" is given twice", s);
            }
            p->timeouts_seen |= 1u << i;
            return parse_time(colon + 1, &p->r->timeouts[i]);
        }
    }
    return xasprintf("\"%s\" is no timeout's name", s);
}

/* Says what the last backend lacks. */
static char *
end_backend(const struct parser *p)
{
    static const enum key needed[] = { KEY_MAC, KEY_OUTPUT };

    for (size_t i = 0; p->r->n_backends && i < ARRAY_SIZE(needed); i++) {
        if (!(p->seen & (1u << needed[i]))) {
            return xasprintf("backend %d: %s is missing",
                             p->r->n_backends - 1, keys[needed[i]].name);
        }
    }
    return NULL;
}

/* Begins another backend with the defaults. */
static char *
parse_backend(struct parser *p, char *value)
{
    struct tpr_redirect *r = p->r;

    if (r->n_backends >= TPR_MAX_REDIRECT_BACKENDS) {
        return xasprintf("more than %d backends", TPR_MAX_REDIRECT_BACKENDS);
    }
    if (r->n_backends >= p->allocated) {
        r->backends = x2nrealloc(r->backends, &p->allocated,
                                 sizeof *r->backends);
    }

    struct tpr_redirect_backend *b = &r->backends[r->n_backends++];
    memset(b, 0, sizeof *b);
    b->region = b->word = TPR_NO_WORD;
    b->vlan = TPR_VLAN_KEEP;
    b->weight = DEFAULT_WEIGHT;
    b->priority = DEFAULT_PRIORITY;
    for (size_t i = KEY_BACKEND; i < N_KEYS; i++) {
        p->seen &= ~(1u << i);
    }

    char *error = parse_addr_port(value, &b->addr, &b->l4_port);
    if (b->l4_port) {
        p->seen |= 1u << KEY_L4_PORT;
    }
    return error;
}

/* Parses the value of a backend's key. */
static char *
parse_backend_key(struct parser *p, enum key key, char *value)
{
    struct tpr_redirect *r = p->r;

    if (key == KEY_BACKEND) {
        return parse_backend(p, value);
    } else if (!r->n_backends) {
        return xstrdup("comes before the first backend");
    }

    struct tpr_redirect_backend *b = &r->backends[r->n_backends - 1];
    if (key == KEY_OUTPUT) {
        return parse_output(value, p->port_map, &b->output);
    } else if (key == KEY_MAC) {
        return parse_mac(value, b->mac);
    } else if (key == KEY_SRC_MAC) {
        return parse_mac(value, b->src_mac);
    } else if (key == KEY_L4_PORT) {
        return parse_u16(value, 1, UINT16_MAX, &b->l4_port);
    } else if (key == KEY_VLAN) {
        return parse_vlan(value, &b->vlan);
    } else if (key == KEY_WEIGHT) {
        return parse_u16(value, 0, UINT16_MAX, &b->weight);
    } else if (key == KEY_PRIORITY) {
        return parse_u16(value, 0, UINT16_MAX, &b->priority);
    } else if (key == KEY_MAX) {
        return parse_u32(value, 0, UINT32_MAX, &b->max_connections);
    } else if (key == KEY_MAX_PPS) {
        return parse_u32(value, 0, TPR_MAX_PPS, &b->max_pps);
    } else if (key == KEY_REGION) {
        return parse_u32(value, 0, TPR_MAX_REGIONS - 1, &b->region);
    } else if (key == KEY_WORD) {
        return parse_u32(value, 0, TPR_MAX_BACKENDS - 1, &b->word);
    } else {
        b->withdrawn = true;
        return *value ? xstrdup("takes no value") : NULL;
    }
}

static char *
parse_proto(struct parser *p, const char *value)
{
    for (size_t i = 0; i < ARRAY_SIZE(protos); i++) {
        if (!strcmp(value, protos[i].name)) {
            p->r->proto = protos[i].proto;
            return NULL;
        }
    }
    return xasprintf("\"%s\" is none of any, tcp, udp, sctp", value);
}

/* Parses the value of a key that is not a backend's. */
static char *
parse_redirect_key(struct parser *p, enum key key, char *value)
{
    struct tpr_redirect *r = p->r;

    if (r->n_backends) {
        return xstrdup("must come before the first backend");
    } else if (key == KEY_ID) {
        return parse_u32(value, 1, OFPRD_ALL - 1, &r->id);
    } else if (key == KEY_VIP) {
        return parse_addr(value, &r->vip);
    } else if (key == KEY_PROTO) {
        return parse_proto(p, value);
    } else if (key == KEY_PORT) {
        return parse_port_range(value, r);
    } else if (key == KEY_POLICY) {
        return PARSE_NAME(value, policy_names, &r->policy);
    } else if (key == KEY_ON_DOWN) {
        return PARSE_NAME(value, on_down_names, &r->on_down);
    } else if (key == KEY_ON_NONE) {
        return PARSE_NAME(value, on_none_names, &r->on_none);
    } else if (key == KEY_STATELESS) {
        return PARSE_NAME(value, stateless_names, &r->stateless);
    } else if (key == KEY_AFFINITY) {
        return parse_time(value, &r->affinity_ms);
    } else {
        return parse_timeout(p, value);
    }
}

/* Which key 'name' is; N_KEYS if it is none.  A protocol's name alone is as
 * good as "proto=NAME". */
static enum key
find_key(const char *name, char **value)
{
    for (size_t i = 0; i < ARRAY_SIZE(protos); i++) {
        if (!strcmp(name, protos[i].name) && !**value) {
            *value = CONST_CAST(char *, protos[i].name);
            return KEY_PROTO;
        }
    }
    for (enum key key = 0; key < N_KEYS; key++) {
        if (!strcmp(name, keys[key].name)) {
            return key;
        }
    }
    return N_KEYS;
}

/* Parses one key and value. */
static char *
parse_item(struct parser *p, const char *name, char *value)
{
    enum key key = find_key(name, &value);
    char *error = key == KEY_BACKEND ? end_backend(p) : NULL;

    if (error) {
        return error;
    }
    if (key == N_KEYS) {
        return xasprintf("%s: not a redirect's or a backend's key", name);
    } else if (p->seen & (1u << key) && !keys[key].repeats) {
        error = xstrdup("given twice");
    } else if (keys[key].of_backend) {
        error = parse_backend_key(p, key, value);
    } else {
        error = parse_redirect_key(p, key, value);
    }
    p->seen |= 1u << key;

    if (error) {
        char *sentence = xasprintf("%s: %s", name, error);
        free(error);
        return sentence;
    }
    return NULL;
}

char *
tpr_redirect_parse(struct tpr_redirect *r, const char *s,
                   const struct ofputil_port_map *port_map)
{
    struct parser p = { .r = r, .port_map = port_map };
    char *copy = xstrdup(s);
    char *pos = copy;
    char *name, *value;
    char *error = NULL;

    tpr_redirect_init(r, 0);
    while (!error && ofputil_parse_key_value(&pos, &name, &value)) {
        error = parse_item(&p, name, value);
    }
    free(copy);

    if (!error && !(p.seen & (1u << KEY_ID))) {
        error = xstrdup("id: is missing");
    }
    if (!error && !(p.seen & (1u << KEY_VIP))) {
        error = xstrdup("vip: is missing");
    }
    if (!error) {
        error = end_backend(&p);
    }
    if (!error) {
        error = ofputil_check_redirect(r);
    }
    if (error) {
        tpr_redirect_uninit(r);
    }
    return error;
}

char *
tpr_redirect_id_parse(const char *s, bool all, uint32_t *id)
{
    const char *number = !strncmp(s, "id=", 3) ? s + 3 : s;

    if (all && !strcmp(number, "all")) {
        *id = OFPRD_ALL;
        return NULL;
    }

    char *error = parse_u32(number, 1, OFPRD_ALL - 1, id);
    if (error) {
        char *sentence = xasprintf("id: %s", error);
        free(error);
        return sentence;
    }
    return NULL;
}

/* ## Formatting. ## */

static void
format_time(uint32_t ms, struct ds *ds)
{
    if (ms % 1000) {
        ds_put_format(ds, "%"PRIu32"ms", ms);
    } else {
        ds_put_format(ds, "%"PRIu32"s", ms / 1000);
    }
}

static void
format_mac(const char *key, const uint8_t mac[6], struct ds *ds)
{
    struct eth_addr ea;

    memcpy(&ea, mac, sizeof ea);
    ds_put_format(ds, ",%s="ETH_ADDR_FMT, key, ETH_ADDR_ARGS(ea));
}

static void
format_backend(const struct tpr_redirect_backend *b,
               const struct ofputil_port_map *port_map, struct ds *ds)
{
    static const uint8_t no_mac[6];

    ds_put_cstr(ds, ",backend=");
    tpr_addr_format(&b->addr, ds);
    ds_put_cstr(ds, ",output=");
    ofputil_format_port(u16_to_ofp(b->output), port_map, ds);
    format_mac("mac", b->mac, ds);
    if (memcmp(b->src_mac, no_mac, sizeof no_mac)) {
        format_mac("src_mac", b->src_mac, ds);
    }
    if (b->l4_port) {
        ds_put_format(ds, ",l4_port=%"PRIu16, b->l4_port);
    }
    if (b->vlan == TPR_VLAN_NONE) {
        ds_put_cstr(ds, ",vlan=none");
    } else if (b->vlan != TPR_VLAN_KEEP) {
        ds_put_format(ds, ",vlan=%"PRIu16, b->vlan);
    }
    if (b->weight != DEFAULT_WEIGHT) {
        ds_put_format(ds, ",weight=%"PRIu16, b->weight);
    }
    if (b->priority != DEFAULT_PRIORITY) {
        ds_put_format(ds, ",priority=%"PRIu16, b->priority);
    }
    if (b->max_connections) {
        ds_put_format(ds, ",max_connections=%"PRIu32, b->max_connections);
    }
    if (b->max_pps) {
        ds_put_format(ds, ",max_pps=%"PRIu32, b->max_pps);
    }
    if (b->region != TPR_NO_WORD) {
        ds_put_format(ds, ",region=%"PRIu32, b->region);
    }
    if (b->word != TPR_NO_WORD) {
        ds_put_format(ds, ",word=%"PRIu32, b->word);
    }
    if (b->withdrawn) {
        ds_put_cstr(ds, ",withdrawn");
    }
}

static void
format_proto(uint8_t proto, struct ds *ds)
{
    for (size_t i = 0; i < ARRAY_SIZE(protos); i++) {
        if (proto == protos[i].proto) {
            ds_put_format(ds, ",%s", protos[i].name);
            return;
        }
    }
    ds_put_format(ds, ",proto=%"PRIu8, proto);
}

static void
format_port_range(const struct tpr_port_range *range, struct ds *ds)
{
    ds_put_format(ds, ",port=%"PRIu16, range->first);
    if (range->last != range->first) {
        ds_put_format(ds, "-%"PRIu16, range->last);
    }
}

void
tpr_redirect_format(const struct tpr_redirect *r,
                    const struct ofputil_port_map *port_map, struct ds *ds)
{
    ds_put_format(ds, "id=%"PRIu32",vip=", r->id);
    tpr_addr_format(&r->vip, ds);
    format_proto(r->proto, ds);
    for (size_t i = 0; i < r->n_ports; i++) {
        format_port_range(&r->ports[i], ds);
    }
    ds_put_format(ds, ",policy=%s", tpr_policy_name(r->policy));
    if (r->on_down != TPR_ON_DOWN_DEFAULT) {
        ds_put_format(ds, ",on_down=%s", tpr_on_down_name(r->on_down));
    }
    if (r->on_none != TPR_ON_NONE_DROP) {
        ds_put_format(ds, ",on_none=%s", tpr_on_none_name(r->on_none));
    }
    if (r->stateless) {
        ds_put_cstr(ds, ",stateless=true");
    }
    if (r->affinity_ms) {
        ds_put_cstr(ds, ",affinity=");
        format_time(r->affinity_ms, ds);
    }
    for (size_t i = 0; i < ARRAY_SIZE(timeouts); i++) {
        if (r->timeouts[i] != timeouts[i].default_ms) {
            ds_put_format(ds, ",timeout=%s:", timeouts[i].name);
            format_time(r->timeouts[i], ds);
        }
    }
    for (size_t i = 0; i < r->n_backends; i++) {
        format_backend(&r->backends[i], port_map, ds);
    }
}

void
tpr_redirect_stats_format(const struct tpr_redirect_stats *stats,
                          struct ds *ds)
{
    uint64_t connections = 0;

    for (size_t i = 0; i < stats->n_backends; i++) {
        connections += stats->backends[i].connections;
    }
    ds_put_format(ds, " id=%"PRIu32": duration=%"PRIu64".%03us, "
                  "connections=%"PRIu64, stats->id, stats->duration_ms / 1000,
                  (unsigned int) (stats->duration_ms % 1000), connections);
    for (size_t i = 0; i < TPR_N_COUNTERS; i++) {
        if (stats->counters[i]) {
            ds_put_format(ds, ", %s=%"PRIu64, tpr_counter_name(i),
                          stats->counters[i]);
        }
    }
    ds_put_char(ds, '\n');
    for (size_t i = 0; i < stats->n_backends; i++) {
        const struct tpr_backend_stats *b = &stats->backends[i];

        ds_put_format(ds, "  backend %"PRIuSIZE": %s, "
                      "connections=%"PRIu32", total_connections=%"PRIu64", "
                      "packets=%"PRIu64", bytes=%"PRIu64", "
                      "rev_packets=%"PRIu64", rev_bytes=%"PRIu64"\n",
                      i, tpr_why_name(b->why), b->connections,
                      b->total_connections, b->packets, b->bytes,
                      b->rev_packets, b->rev_bytes);
    }
}

/* ## Liveness words. ## */

char *
tpr_liveness_parse(struct tpr_liveness_mod *lm, const char *s)
{
    char *copy = xstrdup(s);
    char *pos = copy;
    bool have_index = false;
    bool have_state = false;
    char *name, *value;
    char *error = NULL;

    memset(lm, 0, sizeof *lm);
    while (!error && ofputil_parse_key_value(&pos, &name, &value)) {
        bool is_region = !strcmp(name, "region");
        char *what;

        if (is_region || !strcmp(name, "word")) {
            what = (have_index ? xstrdup("only one word can be set")
                    : parse_u32(value, 0, (is_region ? TPR_MAX_REGIONS
                                           : TPR_MAX_BACKENDS) - 1,
                                &lm->index));
            lm->is_region = is_region;
            have_index = true;
        } else if (!strcmp(name, "state")) {
            what = (have_state ? xstrdup("given twice")
                    : PARSE_NAME(value, liveness_names, &lm->state));
            have_state = true;
        } else {
            what = xstrdup("not a liveness word's key");
        }
        if (what) {
            error = xasprintf("%s: %s", name, what);
            free(what);
        }
    }
    free(copy);

    if (!error && !have_index) {
        error = xstrdup("word: a region or a word is missing");
    } else if (!error && !have_state) {
        error = xstrdup("state: is missing");
    }
    return error;
}

void
tpr_liveness_format(const struct tpr_liveness_mod *lm, struct ds *ds)
{
    ds_put_format(ds, "%s=%"PRIu32",state=%s",
                  lm->is_region ? "region" : "word", lm->index,
                  tpr_liveness_name(lm->state));
}
