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
#include "openvswitch/hmap.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/vlog.h"
#include "redirect-dp.h"
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

struct ofproto_redirects *
ofproto_redirects_create(void)
{
    static uint32_t last_scope = 0;
    struct ofproto_redirects *redirects = xzalloc(sizeof *redirects);

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
        odp_port_t odp_port = ODPP_NONE;
        const char *why = ofproto->ofproto_class->get_redirect_port(
            ofproto, u16_to_ofp(b->output), &odp_port);

        if (why && !error) {
            error = xasprintf("port %"PRIu32" of backend %d is a %s port: "
                              "cannot redirect to it", b->output, i, why);
        }
        b->withdrawn = (why || odp_port == ODPP_NONE
                        ? TPR_WITHDRAWN_PORT : 0);
        b->output = b->withdrawn ? UINT32_MAX : odp_to_u32(odp_port);
    }
    return error;
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

static void
refresh(struct ofproto *ofproto, struct tpr_dp *tpr,
        struct ofredirect *redirect)
{
    struct tpr_redirect dp;
    char *why = translate(ofproto, &redirect->of, &dp);

    if (memcmp(dp.backends, redirect->dp.backends,
               dp.n_backends * sizeof *dp.backends)
        && !set(ofproto, tpr, redirect->provider_id, &dp)) {
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
}

void
ofproto_redirects_withdraw(struct ofproto *ofproto, ofp_port_t port)
{
    struct ofproto_redirects *redirects = ofproto->redirects;
    struct ofredirect *redirect;

    HMAP_FOR_EACH (redirect, node, &redirects->all) {
        for (int i = 0; i < redirect->dp.n_backends; i++) {
            if (redirect->of.backends[i].output == ofp_to_u16(port)) {
                redirect->dp.backends[i].withdrawn = true;
                redirect->dp.backends[i].output = UINT32_MAX;
                redirects->ports_hash = 0;
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
        const char *why = ofproto->ofproto_class->get_redirect_port(
            ofproto, port->ofp_port, &odp_port);

        /* In any order. */
        hash += hash_3words(ofp_to_u16(port->ofp_port), odp_to_u32(odp_port),
                            why ? hash_string(why, 0) : 0);
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
    redirects->ports_hash = hash;
    ovs_mutex_lock(&ofproto_mutex);
    if (!get_datapath(ofproto, false, &tpr) && tpr) {
        HMAP_FOR_EACH (redirect, node, &redirects->all) {
            refresh(ofproto, tpr, redirect);
        }
    }
    ovs_mutex_unlock(&ofproto_mutex);
}

void
ofproto_redirects_flush(struct ofproto *ofproto)
{
    ovs_mutex_lock(&ofproto_mutex);
    delete_all(ofproto, true);
    ovs_mutex_unlock(&ofproto_mutex);
}
