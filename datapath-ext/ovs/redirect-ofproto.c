/* SPDX-License-Identifier: Apache-2.0 */

/* Redirects of a bridge: see redirect-ofproto.h. */

#include <config.h>
#include "redirect-ofproto.h"

#include <stdlib.h>
#include <string.h>
#include "hash.h"
#include "odp-util.h"
#include "ofp-redirect.h"
#include "ofproto/connmgr.h"
#include "ofproto/ofproto-provider.h"
#include "netdev.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/hmap.h"
#include "openvswitch/json.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofp-parse.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "redirect-dp.h"
#include "unixctl.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(ofproto_redirect);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(20, 60);

/* A redirect of a bridge. */
struct ofredirect {
    struct hmap_node node;      /* In struct ofproto_redirects, by 'of.id'. */
    struct tpr_redirect of;     /* As OpenFlow described it. */
    struct tpr_redirect dp;     /* The same with the datapath's ports. */
    uint32_t provider_id;       /* The datapath's number. */
    unsigned int n_flows;       /* That use it. */
};

struct ofproto_redirects {
    uint32_t scope;
    struct hmap all;            /* Contains "struct ofredirect"s. */
    uint32_t ports_hash;        /* Of the ports that 'all' were told of. */
};

static unixctl_cb_func show_connections;

struct ofproto_redirects *
ofproto_redirects_create(void)
{
    static uint32_t last_scope = 0;
    struct ofproto_redirects *redirects = xzalloc(sizeof *redirects);

    if (!last_scope) {
        unixctl_command_register("tpr/connections", "BRIDGE [id=N] [limit=N] "
                                 "[client=ADDRESS] [region=N] [word=N]",
                                 1, 6, show_connections, NULL);
    }
    redirects->scope = ++last_scope;
    hmap_init(&redirects->all);
    return redirects;
}

/* ofproto_redirects_flush() must have been called. */
void
ofproto_redirects_destroy(struct ofproto_redirects *redirects)
{
    hmap_destroy(&redirects->all);
    free(redirects);
}

uint32_t
ofproto_redirects_scope(const struct ofproto_redirects *redirects)
{
    return redirects->scope;
}

static struct ofredirect *
find(const struct ofproto *ofproto, uint32_t id)
{
    struct ofredirect *redirect;

    HMAP_FOR_EACH_WITH_HASH (redirect, node, hash_int(id, 0),
                             &ofproto->redirects->all) {
        if (redirect->of.id == id) {
            return redirect;
        }
    }
    return NULL;
}

static enum ofperr
get_datapath(struct ofproto *ofproto, bool create, struct tpr_dp **tprp)
{
    const struct ofproto_class *class = ofproto->ofproto_class;

    *tprp = NULL;
    return (class->get_redirects
            && !class->get_redirects(ofproto, create, tprp)
            ? 0 : OFPERR_TPRC_UNSUPPORTED);
}

/* Returns a number that no redirect of 'tpr' has, 0 if there is none.  Flows
 * in the datapath may still name one that was deleted: numbers are used again
 * as late as possible. */
static uint32_t
alloc_id(const struct tpr_dp *tpr)
{
    static uint32_t last = 0;

    for (int i = 0; i < TPR_DP_MAX_REDIRECTS; i++) {
        last = last + 1 < TPR_DP_MAX_REDIRECTS ? last + 1 : 1;
        if (!tpr_dp_has(tpr, last)) {
            return last;
        }
    }
    return 0;
}

/* Makes 'dp' the description 'of' with the datapath's ports.  A backend whose
 * port does not exist is withdrawn, as is one whose port cannot be used; why
 * the first of the latter cannot is returned, otherwise NULL. */
static char *
translate(const struct ofproto *ofproto, const struct tpr_redirect *of,
          struct tpr_redirect *dp)
{
    char *error = NULL;

    tpr_redirect_clone(dp, of);
    for (int i = 0; i < dp->n_backends; i++) {
        struct tpr_redirect_backend *b = &dp->backends[i];
        bool forwards;
        odp_port_t odp_port;
        const char *why = ofproto->ofproto_class->get_redirect_port(
            ofproto, u16_to_ofp(b->output), &odp_port, &forwards);

        if (why && !error) {
            error = xasprintf("port %"PRIu32" of backend %d is a %s port: "
                              "cannot redirect to it", b->output, i, why);
        }
        b->withdrawn = (why || odp_port == ODPP_NONE || !forwards
                        ? TPR_WITHDRAWN_PORT : 0);
        b->output = b->withdrawn ? UINT32_MAX : odp_to_u32(odp_port);
    }
    return error;
}

/* Tells the datapath which ports may not send: behind these there may be
 * clients, too.  None, if the bridge has no redirects: nobody looks after
 * them then. */
static void
tell_ports(const struct ofproto *ofproto, struct tpr_dp *tpr,
           bool has_redirects)
{
    const struct ofport *port;

    HMAP_FOR_EACH (port, hmap_node, &ofproto->ports) {
        odp_port_t odp_port;
        bool forwards;

        ofproto->ofproto_class->get_redirect_port(ofproto, port->ofp_port,
                                                  &odp_port, &forwards);
        if (odp_port != ODPP_NONE) {
            tpr_dp_block_port(tpr, odp_to_u32(odp_port),
                              has_redirects && !forwards);
        }
    }
}

/* Hands 'redirect->dp' to the datapath. */
static enum ofperr
set(struct ofproto *ofproto, struct tpr_dp *tpr, uint32_t provider_id,
    const struct tpr_redirect *dp)
{
    char *error = tpr_dp_set(tpr, provider_id, ofproto->redirects->scope, dp);

    if (error) {
        VLOG_WARN_RL(&rl, "%s: redirect %"PRIu32" refused: %s",
                     ofproto->name, dp->id, error);
        free(error);
        return OFPERR_TPRC_TABLE_FULL;
    }
    return 0;
}

static enum ofperr
add_or_modify(struct ofproto *ofproto, const struct tpr_redirect *of,
              bool modify)
{
    struct ofredirect *redirect = find(ofproto, of->id);
    struct tpr_redirect dp;
    struct tpr_dp *tpr;
    uint32_t provider_id;
    enum ofperr error;
    char *why;

    if (!redirect != !modify) {
        return (modify ? OFPERR_TPRC_UNKNOWN_REDIRECT
                : OFPERR_TPRC_REDIRECT_EXISTS);
    }
    error = get_datapath(ofproto, true, &tpr);
    if (error) {
        return error;
    }
    why = translate(ofproto, of, &dp);
    if (why) {
        VLOG_WARN_RL(&rl, "%s: redirect %"PRIu32" refused: %s",
                     ofproto->name, of->id, why);
        free(why);
        tpr_redirect_uninit(&dp);
        return OFPERR_TPRC_BAD_OUTPUT;
    }
    provider_id = redirect ? redirect->provider_id : alloc_id(tpr);
    error = (provider_id ? set(ofproto, tpr, provider_id, &dp)
             : OFPERR_TPRC_TABLE_FULL);
    if (error) {
        tpr_redirect_uninit(&dp);
        return error;
    }
    if (redirect) {
        tpr_redirect_uninit(&redirect->of);
        tpr_redirect_uninit(&redirect->dp);
    } else {
        if (hmap_is_empty(&ofproto->redirects->all)) {
            tell_ports(ofproto, tpr, true); /* Nobody asked before. */
        }
        redirect = xzalloc(sizeof *redirect);
        redirect->provider_id = provider_id;
        hmap_insert(&ofproto->redirects->all, &redirect->node,
                    hash_int(of->id, 0));
    }
    tpr_redirect_clone(&redirect->of, of);
    redirect->dp = dp;
    return 0;
}

static void
delete(struct ofproto *ofproto, struct tpr_dp *tpr,
       struct ofredirect *redirect)
{
    if (tpr) {
        tpr_dp_del(tpr, redirect->provider_id);
    }
    hmap_remove(&ofproto->redirects->all, &redirect->node);
    tpr_redirect_uninit(&redirect->of);
    tpr_redirect_uninit(&redirect->dp);
    free(redirect);
    if (tpr && hmap_is_empty(&ofproto->redirects->all)) {
        tell_ports(ofproto, tpr, false);
    }
}

static enum ofperr
delete_one(struct ofproto *ofproto, uint32_t id)
{
    struct ofredirect *redirect = find(ofproto, id);
    struct tpr_dp *tpr;

    if (!redirect) {
        return OFPERR_TPRC_UNKNOWN_REDIRECT;
    } else if (redirect->n_flows) {
        return OFPERR_TPRC_REDIRECT_IN_USE;
    }
    get_datapath(ofproto, false, &tpr);
    delete(ofproto, tpr, redirect);
    return 0;
}

/* All or, if one is in use, none. */
static enum ofperr
delete_all(struct ofproto *ofproto, bool even_in_use)
{
    struct ofredirect *redirect;
    struct tpr_dp *tpr;

    HMAP_FOR_EACH (redirect, node, &ofproto->redirects->all) {
        if (redirect->n_flows && !even_in_use) {
            return OFPERR_TPRC_REDIRECT_IN_USE;
        }
    }
    get_datapath(ofproto, false, &tpr);
    HMAP_FOR_EACH_SAFE (redirect, node, &ofproto->redirects->all) {
        delete(ofproto, tpr, redirect);
    }
    return 0;
}

static enum ofperr
handle_mod(struct ofproto *ofproto, const struct ofp_header *oh)
{
    struct ofputil_redirect_mod rm;
    enum ofperr error = ofputil_decode_redirect_mod(oh, &rm, NULL);

    if (error) {
        return error;
    }
    ovs_mutex_lock(&ofproto_mutex);
    switch (rm.command) {
    case OFPRDC_ADD:
    case OFPRDC_MODIFY:
        error = add_or_modify(ofproto, &rm.redirect,
                              rm.command == OFPRDC_MODIFY);
        break;

    case OFPRDC_DELETE:
        error = (rm.redirect.id == OFPRD_ALL ? delete_all(ofproto, false)
                 : delete_one(ofproto, rm.redirect.id));
        break;

    default:
        error = OFPERR_TPRC_BAD_COMMAND;
        break;
    }
    ovs_mutex_unlock(&ofproto_mutex);
    tpr_redirect_uninit(&rm.redirect);
    return error;
}

static enum ofperr
handle_liveness(struct ofproto *ofproto, const struct ofp_header *oh)
{
    struct tpr_liveness_mod lm;
    struct tpr_dp *tpr;
    enum ofperr error = ofputil_decode_liveness_mod(oh, &lm);

    if (!error) {
        error = get_datapath(ofproto, true, &tpr);
    }
    if (!error && tpr_dp_set_liveness(tpr, &lm)) {
        error = OFPERR_TPRC_BAD_LIVENESS;
    }
    return error;
}

/* The description as it was given, and which backends have no port now. */
static void
describe(const struct ofredirect *redirect, struct ovs_list *replies)
{
    struct tpr_redirect desc;

    tpr_redirect_clone(&desc, &redirect->of);
    for (int i = 0; i < desc.n_backends; i++) {
        desc.backends[i].withdrawn |= redirect->dp.backends[i].withdrawn;
    }
    ofputil_append_redirect_desc(replies, &desc);
    tpr_redirect_uninit(&desc);
}

static void
reply_with(const struct ofredirect *redirect, struct tpr_dp *tpr,
           enum ofptype type, struct ovs_list *replies)
{
    struct tpr_redirect_stats stats;

    if (type == OFPTYPE_REDIRECT_DESC_REQUEST) {
        describe(redirect, replies);
    } else if (tpr && !tpr_dp_get_stats(tpr, redirect->provider_id, &stats)) {
        ofputil_append_redirect_stats(replies, &stats);
        tpr_redirect_stats_uninit(&stats);
    }
}

static int
compare_ids(const void *a_, const void *b_)
{
    const struct ofredirect *const *a = a_;
    const struct ofredirect *const *b = b_;

    return (*a)->of.id < (*b)->of.id ? -1 : (*a)->of.id > (*b)->of.id;
}

static void
reply_with_all(struct ofproto *ofproto, struct tpr_dp *tpr,
               enum ofptype type, struct ovs_list *replies)
{
    const struct ofredirect **sorted, *redirect;
    size_t n = 0;

    sorted = xmalloc((hmap_count(&ofproto->redirects->all) + 1)
                     * sizeof *sorted);
    HMAP_FOR_EACH (redirect, node, &ofproto->redirects->all) {
        sorted[n++] = redirect;
    }
    qsort(sorted, n, sizeof *sorted, compare_ids);
    for (size_t i = 0; i < n; i++) {
        reply_with(sorted[i], tpr, type, replies);
    }
    free(sorted);
}

static enum ofperr
handle_request(struct ofconn *ofconn, struct ofproto *ofproto,
               const struct ofp_header *oh, enum ofptype type)
{
    struct ofredirect *redirect;
    struct ovs_list replies;
    struct tpr_dp *tpr;
    uint32_t id;
    enum ofperr error = ofputil_decode_redirect_request(oh, &id);

    if (error) {
        return error;
    }
    ovs_mutex_lock(&ofproto_mutex);
    redirect = id == OFPRD_ALL ? NULL : find(ofproto, id);
    if (!redirect && id != OFPRD_ALL) {
        ovs_mutex_unlock(&ofproto_mutex);
        return OFPERR_TPRC_UNKNOWN_REDIRECT;
    }
    get_datapath(ofproto, false, &tpr);
    ofpmp_init(&replies, oh);
    if (redirect) {
        reply_with(redirect, tpr, type, &replies);
    } else {
        reply_with_all(ofproto, tpr, type, &replies);
    }
    ovs_mutex_unlock(&ofproto_mutex);
    ofconn_send_replies(ofconn, &replies);
    return 0;
}

enum ofperr
ofproto_redirects_handle(struct ofconn *ofconn, const struct ofp_header *oh,
                         enum ofptype type)
{
    struct ofproto *ofproto = ofconn_get_ofproto(ofconn);

    if (type == OFPTYPE_REDIRECT_DESC_REQUEST
        || type == OFPTYPE_REDIRECT_STATS_REQUEST) {
        return handle_request(ofconn, ofproto, oh, type);
    } else if (ofconn_get_role(ofconn) == OFPCR12_ROLE_SECONDARY) {
        return OFPERR_OFPBRC_IS_SECONDARY;
    }
    return (type == OFPTYPE_REDIRECT_MOD ? handle_mod(ofproto, oh)
            : handle_liveness(ofproto, oh));
}

enum ofperr
ofproto_redirects_fix_action(struct ofproto *ofproto,
                             struct ofpact_redirect *action)
{
    const struct ofredirect *redirect;
    struct tpr_dp *tpr;

    if (action->mode != TPR_MODE_FORWARD) {
        return get_datapath(ofproto, false, &tpr);
    }
    redirect = find(ofproto, action->redirect_id);
    if (!redirect) {
        return OFPERR_TPRC_UNKNOWN_REDIRECT;
    }
    action->provider_id = redirect->provider_id;
    return 0;
}

void
ofproto_redirects_count(struct ofproto *ofproto,
                        const struct ofpact *ofpacts, size_t ofpacts_len,
                        int change)
{
    const struct ofpact_redirect *action;

    OFPACT_FOR_EACH_TYPE_FLATTENED (action, REDIRECT, ofpacts, ofpacts_len) {
        struct ofredirect *redirect
            = (action->mode == TPR_MODE_FORWARD
               ? find(ofproto, action->redirect_id) : NULL);

        if (redirect) {
            redirect->n_flows += change;
        }
    }
}

/* Returns false if the datapath has refused what has changed. */
static bool
refresh(struct ofproto *ofproto, struct tpr_dp *tpr,
        struct ofredirect *redirect)
{
    struct tpr_redirect dp;
    char *why = translate(ofproto, &redirect->of, &dp);
    const bool changed = (dp.n_backends
                          && memcmp(dp.backends, redirect->dp.backends,
                                    dp.n_backends * sizeof *dp.backends));
    const bool ok = (!changed
                     || !set(ofproto, tpr, redirect->provider_id, &dp));

    if (changed && ok) {
        if (why) {
            VLOG_WARN_RL(&rl, "%s: redirect %"PRIu32": %s", ofproto->name,
                         dp.id, why);
        }
        tpr_redirect_uninit(&redirect->dp);
        redirect->dp = dp;
    } else {
        tpr_redirect_uninit(&dp);
    }
    free(why);
    return ok;
}

void
ofproto_redirects_withdraw(struct ofproto *ofproto, ofp_port_t port)
{
    struct ofproto_redirects *redirects = ofproto->redirects;
    struct ofredirect *redirect;

    redirects->ports_hash = 0;
    HMAP_FOR_EACH (redirect, node, &redirects->all) {
        for (int i = 0; i < redirect->dp.n_backends; i++) {
            if (redirect->of.backends[i].output == ofp_to_u16(port)) {
                redirect->dp.backends[i].withdrawn = true;
                redirect->dp.backends[i].output = UINT32_MAX;
            }
        }
    }
}

/* Of what translate() knows of ports; not 0. */
static uint32_t
hash_ports(const struct ofproto *ofproto)
{
    const struct ofport *port;
    uint32_t hash = 0;

    HMAP_FOR_EACH (port, hmap_node, &ofproto->ports) {
        odp_port_t odp_port;
        bool forwards;
        const char *why = ofproto->ofproto_class->get_redirect_port(
            ofproto, port->ofp_port, &odp_port, &forwards);

        /* In any order. */
        hash += hash_3words(ofp_to_u16(port->ofp_port), odp_to_u32(odp_port),
                            why ? hash_string(why, forwards) : forwards);
    }
    return hash | 1;
}

void
ofproto_redirects_refresh(struct ofproto *ofproto)
{
    struct ofproto_redirects *redirects = ofproto->redirects;
    struct ofredirect *redirect;
    struct tpr_dp *tpr;
    uint32_t hash;

    if (hmap_is_empty(&redirects->all)) {
        redirects->ports_hash = 0;
        return;
    }
    hash = hash_ports(ofproto);
    if (hash == redirects->ports_hash) {
        return;
    }
    ovs_mutex_lock(&ofproto_mutex);
    if (!get_datapath(ofproto, false, &tpr) && tpr) {
        tell_ports(ofproto, tpr, true);
        HMAP_FOR_EACH (redirect, node, &redirects->all) {
            if (!refresh(ofproto, tpr, redirect)) {
                hash = 0;               /* Once more, next time. */
            }
        }
    }
    ovs_mutex_unlock(&ofproto_mutex);
    redirects->ports_hash = hash;
}

void
ofproto_redirects_flush(struct ofproto *ofproto)
{
    ovs_mutex_lock(&ofproto_mutex);
    delete_all(ofproto, true);
    ovs_mutex_unlock(&ofproto_mutex);
}

/* ## ovs-appctl tpr/connections: JSON for the agent. ## */

enum { DEFAULT_LIMIT = 100, MAX_LIMIT = 10000 };        /* Connections. */

/* What was asked for, and what was found. */
struct question {
    const struct ofproto *ofproto;
    uint32_t id;                /* OpenFlow's; 0: all, only counted. */
    uint32_t limit;             /* Connections in the answer, at most.  Where
                                 * all are only counted, 0 asks for packets
                                 * and bytes, too. */
    uint32_t region, word;      /* TPR_NO_WORD: any. */
    bool has_client;
    struct in6_addr client;

    const struct ofredirect *current;   /* Being looked through. */
    struct json *connections;
    uint32_t n_listed;
    uint64_t n_matching;
};

/* Returns what stands after "KEY=" in 'arg', or NULL if that is not there. */
static const char *
value_of(const char *arg, const char *key)
{
    size_t n = strlen(key);

    return !strncmp(arg, key, n) && arg[n] == '=' ? arg + n + 1 : NULL;
}

/* Takes 'arg' into 'q'; returns NULL or a sentence to free(). */
static char *
parse_question(struct question *q, const char *arg)
{
    const struct {
        const char *key;
        uint32_t *number;
    } numbers[] = {
        { "id", &q->id }, { "limit", &q->limit }, { "region", &q->region },
        { "word", &q->word },
    };
    const char *value;

    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        value = value_of(arg, numbers[i].key);
        if (value) {
            return str_to_u32(value, numbers[i].number);
        }
    }
    value = value_of(arg, "client");
    if (value) {
        ovs_be32 ip;

        q->has_client = true;
        if (ip_parse(value, &ip)) {
            in6_addr_set_mapped_ipv4(&q->client, ip);
        } else if (!ipv6_parse(value, &q->client)) {
            return xasprintf("%s is no address", value);
        }
        return NULL;
    }
    return xasprintf("%s: unknown argument", arg);
}

static void
put_number(struct json *object, const char *name, uint64_t value)
{
    json_object_put(object, name, json_integer_create(value));
}

static void
put_address(struct json *object, const char *name,
            const struct tpr_addr *addr)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    struct in6_addr in6;

    memcpy(&in6, addr, sizeof in6);
    ipv6_format_mapped(&in6, &s);
    json_object_put(object, name, json_string_create_nocopy(
        ds_steal_cstr(&s)));
}

/* Returns the name of the port that is 'output' in the datapath, or NULL. */
static const char *
port_name(const struct ofproto *ofproto, uint32_t output)
{
    const struct ofport *port;

    HMAP_FOR_EACH (port, hmap_node, &ofproto->ports) {
        odp_port_t odp_port;
        bool forwards;

        ofproto->ofproto_class->get_redirect_port(ofproto, port->ofp_port,
                                                  &odp_port, &forwards);
        if (odp_to_u32(odp_port) == output) {
            return netdev_get_name(port->netdev);
        }
    }
    return NULL;
}

static struct json *
connection_to_json(const struct question *q, const struct tpr_conn_view *view)
{
    struct json *object = json_object_create();
    const char *port = (view->in_port
                        ? port_name(q->ofproto, view->in_port) : NULL);

    put_number(object, "id", q->current->of.id);
    put_number(object, "proto", view->proto);
    put_address(object, "client", &view->client);
    put_number(object, "client_port", view->client_port);
    put_address(object, "vip", &view->vip);
    put_number(object, "vip_port", view->vip_port);
    put_address(object, "backend_address", &view->backend);
    put_number(object, "backend_port", view->backend_port);
    put_number(object, "region", view->region);
    put_number(object, "word", view->word);
    json_object_put_string(object, "state", view->state);
    put_number(object, "idle_ms", view->idle_ms);
    put_number(object, "expires_ms", view->expires_ms);
    if (port) {
        json_object_put_string(object, "in_port", port);
    }
    return object;
}

static void
add_connection(void *q_, const struct tpr_conn_view *view)
{
    struct question *q = q_;

    if ((q->has_client && memcmp(&q->client, &view->client,
                                 sizeof q->client))
        || (q->region != TPR_NO_WORD && q->region != view->region)
        || (q->word != TPR_NO_WORD && q->word != view->word)) {
        return;
    }
    q->n_matching++;
    if (q->n_listed < q->limit) {
        q->n_listed++;
        json_array_add(q->connections, connection_to_json(q, view));
    }
}

/* The redirect's backends, and how many connections each has; with 'all', what
 * else is counted, too. */
static struct json *
redirect_to_json(struct tpr_dp *tpr, const struct ofredirect *redirect,
                 bool all)
{
    struct json *backends = json_array_create_empty();
    struct json *object = json_object_create();
    struct tpr_redirect_stats stats;

    put_number(object, "id", redirect->of.id);
    if (!tpr_dp_get_stats(tpr, redirect->provider_id, &stats)) {
        for (uint32_t i = 0; i < stats.n_backends
             && i < redirect->of.n_backends; i++) {
            const struct tpr_redirect_backend *b = &redirect->of.backends[i];
            const struct tpr_backend_stats *s = &stats.backends[i];
            struct json *backend = json_object_create();

            put_number(backend, "word", b->word);
            put_number(backend, "connections", s->connections);
            if (all) {
                put_address(backend, "address", &b->addr);
                put_number(backend, "region", b->region);
                put_number(backend, "total", s->total_connections);
                put_number(backend, "packets", s->packets);
                put_number(backend, "bytes", s->bytes);
                put_number(backend, "rev_packets", s->rev_packets);
                put_number(backend, "rev_bytes", s->rev_bytes);
            }
            json_array_add(backends, backend);
        }
        tpr_redirect_stats_uninit(&stats);
    }
    json_object_put(object, "backends", backends);
    return object;
}

/* Answers 'q' with what 'tpr', which may be NULL, has. */
static char *
answer(struct question *q, struct tpr_dp *tpr)
{
    struct json *redirects = json_array_create_empty();
    struct json *object = json_object_create();
    const struct ofredirect *redirect;
    char *text;

    q->connections = json_array_create_empty();
    HMAP_FOR_EACH (redirect, node, &q->ofproto->redirects->all) {
        if (!tpr || (q->id && q->id != redirect->of.id)) {
            continue;
        }
        json_array_add(redirects, redirect_to_json(tpr, redirect,
                                                   q->id || !q->limit));
        if (q->id) {
            q->current = redirect;
            tpr_dp_each_connection(tpr, redirect->provider_id,
                                   add_connection, q);
        }
    }
    json_object_put(object, "redirects", redirects);
    json_object_put(object, "connections", q->connections);
    put_number(object, "matching", q->n_matching);
    text = json_to_string(object, JSSF_SORT);
    json_destroy(object);
    return text;
}

static void
show_connections(struct unixctl_conn *conn, int argc, const char *argv[],
                 void *aux OVS_UNUSED)
{
    struct question q = {
        .ofproto = ofproto_lookup(argv[1]),
        .limit = DEFAULT_LIMIT, .region = TPR_NO_WORD, .word = TPR_NO_WORD,
    };
    char *error = (q.ofproto ? NULL
                   : xasprintf("there is no bridge %s", argv[1]));
    struct tpr_dp *tpr = NULL;
    char *text;

    for (int i = 2; i < argc && !error; i++) {
        error = parse_question(&q, argv[i]);
    }
    if (!error && q.limit > MAX_LIMIT) {
        error = xasprintf("limit=%"PRIu32" is above %d", q.limit, MAX_LIMIT);
    }
    if (!error && get_datapath(CONST_CAST(struct ofproto *, q.ofproto),
                               false, &tpr)) {
        error = xasprintf("the datapath of bridge %s cannot redirect",
                          argv[1]);
    }
    if (!error && q.id && !find(q.ofproto, q.id)) {
        error = xasprintf("bridge %s has no redirect %"PRIu32, argv[1], q.id);
    }
    if (error) {
        unixctl_command_reply_error(conn, error);
        free(error);
        return;
    }
    text = answer(&q, tpr);
    unixctl_command_reply(conn, text);
    free(text);
}
