/* SPDX-License-Identifier: Apache-2.0 */

/* Single rows of the TPR database: judged and turned into objects.
 *
 * Every function takes a row as the IDL shows it, fills in the defaults for
 * what is empty, and says what is wrong in 'row'.  The object that it returns
 * is complete enough to be judged further, but must not be used if 'row->bad'.
 *
 * Threads: main thread. */

#include <config.h>
#include "config-row.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "sset.h"
#include "tpr-idl.h"
#include "util.h"

/* Complaints. */

/* Prepares 'row' for the object that 'what_format' names.  'kept' says that it
 * has a last good form. */
void
row_init(struct row *row, struct sset *complaints, bool kept,
         const char *what_format, ...)
{
    va_list args;

    va_start(args, what_format);
    row->what = xvasprintf(what_format, args);
    va_end(args);
    row->complaints = complaints;
    row->kept = kept;
    row->bad = false;
}

void
row_destroy(struct row *row)
{
    free(row->what);
}

static void
add_sentence(struct row *row, const char *column, const char *sentence,
             const char *consequence)
{
    sset_add_and_free(row->complaints,
                      xasprintf("%s: %s: %s (%s)", row->what, column,
                                sentence, consequence));
}

/* Says that 'column' of 'row' is wrong. */
void
row_complain(struct row *row, const char *column, const char *format, ...)
{
    va_list args;
    char *s;

    va_start(args, format);
    s = xvasprintf(format, args);
    va_end(args);
    row_take_error(row, column, s);
}

/* Says that 'column' of 'row' is wrong, by 'error', which is freed; NULL is no
 * error. */
void
row_take_error(struct row *row, const char *column, char *error)
{
    if (error) {
        row->bad = true;
        add_sentence(row, column, error,
                     row->kept ? "the last good form stays in force"
                     : "left out");
        free(error);
    }
}

/* Says that 'row' is refused, by 'error', a sentence that names the object
 * itself and is freed; NULL is no error. */
void
row_refuse(struct row *row, char *error)
{
    if (error) {
        row->bad = true;
        /* Rows find their complaint by how it begins. */
        error[0] = toupper((unsigned char) error[0]);
        sset_add_and_free(row->complaints,
                          xasprintf("%s (%s)", error, row->kept
                                    ? "the last good form stays in force"
                                    : "left out"));
        free(error);
    }
}

/* Says that 'column' is set although this version does not know it. */
void
row_reserved(struct row *row, const char *column, bool is_set)
{
    if (is_set) {
        add_sentence(row, column, "this version does not have it", "ignored");
    }
}

/* Columns.  Each leaves '*value' as it is where the column is empty. */

void
row_duration(struct row *row, const char *column, const char *text,
             long long int min_us, long long int max_us,
             long long int *value)
{
    if (text) {
        long long int us;
        char *error = tpr_parse_duration_range(text, min_us, max_us, &us);

        if (!error) {
            *value = us;
        }
        row_take_error(row, column, error);
    }
}

void
row_interval(struct row *row, const char *column, const char *text,
             long long int *value)
{
    row_duration(row, column, text, TPR_INTERVAL_MIN_US, TPR_INTERVAL_MAX_US,
                 value);
}

static void
row_hold(struct row *row, const char *column, const char *text,
         long long int *value)
{
    row_duration(row, column, text, 0, TPR_HOLD_LIMIT_US, value);
}

static void
row_address(struct row *row, const char *column, const char *text,
            struct in6_addr *value)
{
    if (text) {
        row_take_error(row, column, tpr_parse_host_address(text, value));
    }
}

static void
row_mac(struct row *row, const char *column, const char *text,
        struct eth_addr *value)
{
    if (text) {
        row_take_error(row, column, tpr_parse_mac(text, value));
    }
}

/* Returns the integer of an optional column, which must be in 'min'...'max',
 * or 'default_'. */
int64_t
row_integer(struct row *row, const char *column, const int64_t *value,
            size_t n, int64_t min, int64_t max, int64_t default_)
{
    if (!n) {
        return default_;
    }
    if (*value < min || *value > max) {
        row_complain(row, column, "%"PRId64" is out of range: "
                     "use %"PRId64" to %"PRId64, *value, min, max);
        return default_;
    }
    return *value;
}

/* Names of ports and bridges: whatever Open vSwitch takes. */
static void
row_ovs_name(struct row *row, const char *column, const char *name)
{
    size_t n = strlen(name);

    if (!n || n > TPR_NAME_MAX || strpbrk(name, " /\t\r\n")) {
        char *quoted = tpr_quote(name);

        row_complain(row, column, "%s is not the name of a port or bridge",
                     quoted);
        free(quoted);
    }
}

/* Returns the index of 'word' among the 'n' 'words'; 'default_' if 'word' is
 * NULL, or if it is unknown, which is complained. */
int
row_word(struct row *row, const char *column, const char *word,
         const char *const *words, size_t n, int default_)
{
    char *quoted;

    if (!word) {
        return default_;
    }
    for (size_t i = 0; i < n; i++) {
        if (words[i] && !strcmp(words[i], word)) {
            return i;
        }
    }
    quoted = tpr_quote(word);
    row_complain(row, column, "%s is an unknown word", quoted);
    free(quoted);
    return default_;
}

/* Liveness word that the database remembers, or ROW_NO_INDEX. */
static unsigned int
row_index(const int64_t *value, size_t n, int64_t limit)
{
    return n && *value >= 0 && *value < limit ? *value : ROW_NO_INDEX;
}

/* TPR. */

static void
tpr_notify(struct row *row, const struct tprrec_tpr *in,
           struct tpr_config *cfg)
{
    cfg->notify = xcalloc(MAX(in->n_notify, 1), sizeof *cfg->notify);
    for (size_t i = 0; i < in->n_notify; i++) {
        if (in->notify[i][0] == '/') {
            cfg->notify[cfg->n_notify++] = xstrdup(in->notify[i]);
        } else {
            char *quoted = tpr_quote(in->notify[i]);

            row_complain(row, "notify", "%s is not an absolute path", quoted);
            free(quoted);
        }
    }
}

static void
tpr_metrics(struct row *row, const struct tprrec_tpr *in,
            const struct tpr_config *last_good, struct tpr_config *cfg)
{
    char *error = (in->metrics
                   ? tpr_parse_listener(in->metrics, &cfg->metrics_addr,
                                        &cfg->metrics_port)
                   : NULL);

    if (error) {
        cfg->metrics_port = last_good ? last_good->metrics_port : 0;
        if (last_good) {
            cfg->metrics_addr = last_good->metrics_addr;
        }
    }
    row_take_error(row, "metrics", error);
}

/* Fills in the settings of 'cfg' from 'in'.  What is wrong stays as in
 * 'last_good' or, without one, at its default: column by column. */
void
row_tpr(struct row *row, const struct tprrec_tpr *in,
        const struct tpr_config *last_good, struct tpr_config *cfg)
{
    int64_t flow_table, client_table;

    cfg->panic_threshold = row_integer(
        row, "panic_threshold", in->panic_threshold, in->n_panic_threshold,
        0, 100, TPR_PANIC_THRESHOLD);
    cfg->history_limit = row_integer(
        row, "history_limit", in->history_limit, in->n_history_limit,
        0, 1000000, TPR_HISTORY_LIMIT);
    cfg->flow_priority = row_integer(
        row, "flow_priority", in->flow_priority, in->n_flow_priority,
        1, 65000, TPR_FLOW_PRIORITY);
    flow_table = row_integer(row, "flow_table", in->flow_table,
                             in->n_flow_table, 0, 253, TPR_FLOW_TABLE);
    client_table = row_integer(row, "client_table", in->client_table,
                               in->n_client_table, 1, 253, TPR_CLIENT_TABLE);
    if (flow_table == client_table) {
        row_complain(row, "client_table", "%"PRId64" is the flow_table, too",
                     client_table);
        flow_table = last_good ? last_good->flow_table : TPR_FLOW_TABLE;
        client_table = last_good ? last_good->client_table : TPR_CLIENT_TABLE;
    }
    cfg->flow_table = flow_table;
    cfg->client_table = client_table;
    if (in->datapath) {
        free(cfg->datapath);
        cfg->datapath = xstrdup(in->datapath);
    }
    if (in->bridge) {
        bool was_bad = row->bad;

        row->bad = false;
        row_ovs_name(row, "bridge", in->bridge);
        cfg->bridge = (!row->bad ? xstrdup(in->bridge)
                       : last_good ? nullable_xstrdup(last_good->bridge)
                       : NULL);
        row->bad |= was_bad;
    }
    tpr_notify(row, in, cfg);
    cfg->notify_timeout_us = TPR_NOTIFY_TIMEOUT_US;
    row_interval(row, "notify_timeout", in->notify_timeout,
                 &cfg->notify_timeout_us);
    tpr_metrics(row, in, last_good, cfg);
}

/* Region and Heartbeat. */

static void
heartbeat_auth(struct row *row, const struct tprrec_heartbeat *in,
               struct bfd_auth *auth)
{
    static const char *const words[] = {
        [BFD_AUTH_NONE] = "none",
        [BFD_AUTH_SIMPLE] = "simple",
        [BFD_AUTH_SHA1] = "keyed-sha1",
        [BFD_AUTH_METICULOUS_SHA1] = "meticulous-keyed-sha1",
    };
    size_t max, n = in->auth_key ? strlen(in->auth_key) : 0;

    auth->type = row_word(row, "auth_type", in->auth_type, words,
                          ARRAY_SIZE(words), BFD_AUTH_NONE);
    auth->key_id = row_integer(row, "auth_key_id", in->auth_key_id,
                               in->n_auth_key_id, 0, 255, 0);
    if (auth->type == BFD_AUTH_NONE) {
        if (n) {
            row_complain(row, "auth_key", "there is a key, but no auth_type");
        }
        return;
    }
    max = auth->type == BFD_AUTH_SIMPLE ? BFD_SIMPLE_MAX : BFD_SHA1_LEN;
    if (!n || n > max) {            /* Say nothing about the key itself. */
        row_complain(row, "auth_key", "the key has %"PRIuSIZE" bytes: "
                     "auth_type %s wants 1 to %"PRIuSIZE, n,
                     words[auth->type], max);
        return;
    }
    auth->key_len = n;
    memcpy(auth->key, in->auth_key, n);
}

static void
heartbeat_addresses(struct row *row, const struct tprrec_heartbeat *in,
                    struct tpr_region *out)
{
    if (!in->peer) {
        if (out->hb_type != HB_LINK) {
            row_complain(row, "peer", "a heartbeat of type %s needs the "
                         "address that answers", in->type);
        }
        return;
    }
    row_address(row, "peer", in->peer, &out->peer);
    row_address(row, "local", in->local, &out->local);
    if (in->local && !row->bad && !tpr_same_family(&out->peer, &out->local)) {
        row_complain(row, "local", "%s and the peer %s are not of one family",
                     in->local, in->peer);
    }
    row_mac(row, "peer_mac", in->peer_mac, &out->peer_mac);
}

static void
heartbeat_timing(struct row *row, const struct tprrec_heartbeat *in,
                 struct tpr_region *out)
{
    long long int min_tx_us, min_rx_us;

    out->hb = (struct heartbeat_config) {
        .interval_us = TPR_HB_INTERVAL_US,
        .fall = row_integer(row, "fall", in->fall, in->n_fall, 1, 255,
                            TPR_HB_FALL),
        .rise = row_integer(row, "rise", in->rise, in->n_rise, 1, 255,
                            TPR_HB_RISE),
        .max_excuses = row_integer(row, "max_excuses", in->max_excuses,
                                   in->n_max_excuses, 0, 255,
                                   TPR_HB_MAX_EXCUSES),
    };
    row_interval(row, "interval", in->interval, &out->hb.interval_us);
    row_duration(row, "detect_override", in->detect_override,
                 TPR_INTERVAL_MIN_US, TPR_HOLD_LIMIT_US,
                 &out->detect_override_us);
    if (out->detect_override_us
        && out->detect_override_us < out->hb.interval_us) {
        row_complain(row, "detect_override", "\"%s\" is shorter than the "
                     "interval", in->detect_override);
    }
    min_tx_us = min_rx_us = out->hb.interval_us;
    row_interval(row, "min_tx", in->min_tx, &min_tx_us);
    row_interval(row, "min_rx", in->min_rx, &min_rx_us);
    out->bfd.min_tx_us = min_tx_us;
    out->bfd.min_rx_us = min_rx_us;
    out->bfd.mult = out->hb.fall;
    out->bfd.passive = in->passive;
}

static void
region_heartbeat(struct row *row, const struct tprrec_heartbeat *in,
                 struct tpr_region *out)
{
    static const char *const words[] = {
        [HB_BFD] = "bfd", [HB_ICMP] = "icmp", [HB_LINK] = "link",
    };
    static const char *const offloads[] = {
        [TPR_OFFLOAD_AUTO] = "auto", [TPR_OFFLOAD_ON] = "on",
        [TPR_OFFLOAD_OFF] = "off",
    };

    out->has_heartbeat = true;
    out->hb_type = row_word(row, "type", in->type, words, ARRAY_SIZE(words),
                            HB_LINK);
    heartbeat_addresses(row, in, out);
    heartbeat_timing(row, in, out);
    heartbeat_auth(row, in, &out->bfd.auth);
    out->offload = row_word(row, "offload", in->offload, offloads,
                            ARRAY_SIZE(offloads), TPR_OFFLOAD_OFF);
}

static void
region_damping(struct row *row, const struct tprrec_region *in,
               struct tpr_damping *out)
{
    out->hold_us = TPR_DAMPING_HOLD_US;
    out->hold_max_us = TPR_DAMPING_HOLD_MAX_US;
    out->reset_us = TPR_DAMPING_RESET_US;
    row_hold(row, "damping_hold", in->damping_hold, &out->hold_us);
    row_hold(row, "damping_hold_max", in->damping_hold_max,
             &out->hold_max_us);
    row_hold(row, "damping_reset", in->damping_reset, &out->reset_us);
    if (out->hold_max_us < out->hold_us) {
        if (in->damping_hold_max) {
            row_complain(row, "damping_hold_max", "\"%s\" is shorter than "
                         "damping_hold", in->damping_hold_max);
        } else {
            out->hold_max_us = out->hold_us;
        }
    }
}

/* Returns the state that the database remembers. */
static enum heartbeat_state
last_state(const char *state)
{
    static const char *const words[] = {
#define HEARTBEAT_STATE(ENUM, NAME) [HEARTBEAT_##ENUM] = NAME,
        HEARTBEAT_STATES
#undef HEARTBEAT_STATE
    };

    for (size_t i = 0; state && i < ARRAY_SIZE(words); i++) {
        if (!strcmp(words[i], state)) {
            return i;
        }
    }
    return HEARTBEAT_UNKNOWN;
}

/* Returns the region that 'in' describes, owned by the caller. */
struct tpr_region *
row_region(struct row *row, const struct tprrec_region *in)
{
    struct tpr_region *out = xzalloc(sizeof *out);

    out->name = xstrdup(in->name);
    out->port = xstrdup(in->port);
    out->index = row_index(in->index, in->n_index, TPR_MAX_REGIONS);
    out->last_state = last_state(in->state);
    out->last_since_ms = in->n_since ? *in->since : 0;
    row_take_error(row, "name", tpr_check_name(in->name));
    row_ovs_name(row, "port", in->port);
    out->vlan = row_integer(row, "vlan", in->vlan, in->n_vlan, 1, 4094, 0);
    out->has_gateway = in->gateway != NULL;
    row_address(row, "gateway", in->gateway, &out->gateway);
    region_damping(row, in, &out->damping);
    if (in->heartbeat) {
        struct row hb;

        row_init(&hb, row->complaints, row->kept, "Heartbeat of region %s",
                 in->name);
        region_heartbeat(&hb, in->heartbeat, out);
        row->bad |= hb.bad;
        row_destroy(&hb);
    }
    return out;
}

/* Backend. */

static void
backend_endpoint(struct row *row, const struct tprrec_backend *in,
                 const struct tpr_service *service, struct tpr_backend *out)
{
    const struct tpr_vip *vip = &service->vip;

    row_address(row, "address", in->address, &out->addr);
    if (!row->bad && ipv6_addr_is_set(&vip->addr)
        && !tpr_same_family(&out->addr, &vip->addr)) {
        row_complain(row, "address", "\"%s\" and the VIP are not of one "
                     "family", in->address);
    }
    out->port = row_integer(row, "port", in->port, in->n_port, 1, UINT16_MAX,
                            0);
    if (!out->port || !ipv6_addr_is_set(&vip->addr)) {
        return;
    }
    if (vip->n_ports != 1 || vip->ports[0].first != vip->ports[0].last) {
        row_complain(row, "port", "%"PRIu16" is for services with exactly one "
                     "port", out->port);
    } else if (vip->proto == TPR_PROTO_SCTP
               && out->port != vip->ports[0].first) {
        row_complain(row, "port", "%"PRIu16" is not the service's: a port "
                     "change would break the checksum of SCTP", out->port);
    }
}

/* Returns the backend of 'service' that 'in' describes, in 'region' (NULL:
 * only to be judged); 'service_row' is the service's.  Owned by the
 * caller.  'row->what' names it. */
struct tpr_backend *
row_backend(struct row *row, const struct tprrec_backend *in,
            const struct tprrec_service *service_row,
            const struct tpr_service *service, struct tpr_region *region)
{
    struct tpr_backend *out = xzalloc(sizeof *out);
    const char *short_name = (in->name ? in->name
                              : in->region ? in->region->name : "?");

    out->name = xasprintf("%s/%s", service->name, short_name);
    out->region = region;
    out->index = row_index(in->index, in->n_index, TPR_MAX_BACKENDS);
    if (in->name) {
        row_take_error(row, "name", tpr_check_name(in->name));
    }
    if (!region) {
        row_complain(row, "region", "there is no good region %s",
                     in->region ? in->region->name : "at all");
    }
    backend_endpoint(row, in, service, out);
    row_mac(row, "mac", in->mac, &out->mac);
    if (in->resolved_mac
        && !eth_addr_from_string(in->resolved_mac, &out->last_mac)) {
        memset(&out->last_mac, 0, sizeof out->last_mac);
    }
    out->priority = row_integer(row, "priority", in->priority, in->n_priority,
                                0, 65535, TPR_PRIORITY);
    if (in->backup) {
        out->priority += TPR_BACKUP;
    }
    out->slow_start_us = service->slow_start_us;
    out->drain_timeout_us = service->drain_timeout_us;
    row_hold(row, "slow_start", in->slow_start, &out->slow_start_us);
    out->weight = row_integer(row, "weight", in->weight, in->n_weight,
                              0, 65535, TPR_WEIGHT);
    out->max_connections = row_integer(row, "max_connections",
                                       in->max_connections,
                                       in->n_max_connections, 0, UINT32_MAX,
                                       0);
    out->max_pps = row_integer(row, "max_pps", in->max_pps, in->n_max_pps, 0,
                               TPR_MAX_PPS, 0);
    out->max_cpu = row_integer(row, "max_cpu", in->max_cpu, in->n_max_cpu, 0,
                               100, 0);
    out->last_up = (!in->check_state ? -1
                    : !strcmp(in->check_state, "up") ? 1
                    : !strcmp(in->check_state, "down") ? 0 : -1);
    out->last_state = (in->state ? tpr_backend_state_from_string(in->state)
                       : TPR_BACKEND_NONE);
    out->last_since_ms = in->n_since ? *in->since : 0;
    row_backend_checks(row, in, service_row, service, out);
    if (out->max_cpu && !out->agent_check) {
        row_complain(row, "max_cpu", "it takes an agent_check to know how "
                     "busy the server is");
    }
    return out;
}

/* Service. */

static void
service_reserved(struct row *row, const struct tprrec_service *in)
{
    row_reserved(row, "timeouts", !smap_is_empty(&in->timeouts));
    row_reserved(row, "datapath", in->datapath != NULL);
}

static void
service_affinity(struct row *row, const struct tprrec_service *in,
                 struct tpr_service *out)
{
    long long int timeout_us = TPR_AFFINITY_US;

    row_duration(row, "affinity_timeout", in->affinity_timeout,
                 TPR_AFFINITY_MIN_US, TPR_AFFINITY_MAX_US, &timeout_us);
    if (!in->affinity || !strcmp(in->affinity, "none")) {
        out->affinity_us = 0;
    } else if (out->stateless) {
        row_complain(row, "affinity", "it is about connections, and a "
                     "stateless service has none");
    } else {
        out->affinity_us = timeout_us;
    }
}

static void
service_passive(struct row *row, const struct tprrec_service *in,
                struct tpr_service *out)
{
    row_duration(row, "passive_detection", in->passive_detection,
                 TPR_PASSIVE_MIN_US, TPR_PASSIVE_MAX_US, &out->passive_us);
    if (out->passive_us && ipv6_addr_is_set(&out->vip.addr)
        && out->vip.proto != TPR_PROTO_TCP
        && out->vip.proto != TPR_PROTO_ANY) {
        row_complain(row, "passive_detection", "only TCP answers the first "
                     "packet of a connection: a service of %s cannot have it",
                     tpr_proto_to_string(out->vip.proto));
        out->passive_us = 0;
    } else if (out->passive_us && out->stateless) {
        row_complain(row, "passive_detection", "it looks at connections, and "
                     "a stateless service has none");
        out->passive_us = 0;
    }
}

/* Returns the service that 'in' describes, without its backends, owned by the
 * caller.  If the VIP is wrong, its address is unset. */
struct tpr_service *
row_service(struct row *row, const struct tprrec_service *in)
{
    static const char *const policies[] = {
#define TPR_POLICY(ENUM, NAME) [TPR_POLICY_##ENUM] = NAME,
        TPR_POLICIES
#undef TPR_POLICY
    };
    static const char *const spills[] = {
        [TPR_SPILL_CONNECTIONS] = "connections",
        [TPR_SPILL_PACKETS] = "packets",
        [TPR_SPILL_CPU] = "cpu",
    };
    static const char *const on_down[] = {
        [TPR_ON_DOWN_RESET] = "reset",
        [TPR_ON_DOWN_RESELECT] = "reselect",
        [TPR_ON_DOWN_KEEP] = "keep",
    };
    static const char *const on_none[] = {
        [TPR_ON_NONE_DROP] = "drop",
        [TPR_ON_NONE_RESET] = "reset",
        [TPR_ON_NONE_PASS] = "pass",
    };
    static const char *const failback[] = {
        [TPR_FAILBACK_AUTO] = "auto",
        [TPR_FAILBACK_MANUAL] = "manual",
    };
    struct tpr_service *out = xzalloc(sizeof *out);
    char *error;

    out->name = xstrdup(in->name);
    row_take_error(row, "name", tpr_check_name(in->name));
    error = tpr_parse_vip(in->vip, &out->vip);
    if (error) {
        memset(&out->vip, 0, sizeof out->vip);
        row_take_error(row, "vip", error);
    }
    row_mac(row, "vip_mac", in->vip_mac, &out->vip_mac);
    if (in->learned_vip_mac
        && !eth_addr_from_string(in->learned_vip_mac, &out->last_vip_mac)) {
        memset(&out->last_vip_mac, 0, sizeof out->last_vip_mac);
    }
    out->policy = row_word(row, "policy", in->policy, policies,
                           ARRAY_SIZE(policies), TPR_POLICY_FAILOVER);
    out->spill = row_word(row, "spill_metric", in->spill_metric, spills,
                          ARRAY_SIZE(spills), TPR_SPILL_CONNECTIONS);
    out->on_down = row_word(row, "on_down", in->on_down, on_down,
                            ARRAY_SIZE(on_down), TPR_ON_DOWN_DEFAULT);
    out->on_none = row_word(row, "on_none", in->on_none, on_none,
                            ARRAY_SIZE(on_none), TPR_ON_NONE_DROP);
    out->failback = row_word(row, "failback", in->failback, failback,
                             ARRAY_SIZE(failback), TPR_FAILBACK_AUTO);
    out->failback_hold_us = TPR_FAILBACK_HOLD_US;
    row_hold(row, "failback_hold", in->failback_hold, &out->failback_hold_us);
    row_hold(row, "slow_start", in->slow_start, &out->slow_start_us);
    out->stateless = in->stateless;
    row_duration(row, "drain_timeout", in->drain_timeout,
                 TPR_DRAIN_TIMEOUT_MIN_US, TPR_HOLD_LIMIT_US,
                 &out->drain_timeout_us);
    service_affinity(row, in, out);
    service_passive(row, in, out);
    out->last_active = in->n_active ? xstrdup(in->active[0]) : NULL;
    out->last_since_ms = in->n_since ? *in->since : 0;
    service_reserved(row, in);
    return out;
}
