/* SPDX-License-Identifier: Apache-2.0 */

/* A bridge's redirects: see ofproto-redirect.h. */

#include <config.h>
#include "ofproto-redirect.h"

#include <stdlib.h>
#include <string.h>
#include "hash.h"
#include "ofp-redirect.h"
#include "ofproto/connmgr.h"
#include "openvswitch/hmap.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofp-msgs.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/vlog.h"
#include "redirect-dp.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(ofproto_redirect);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(10, 20);

/* A redirect of a bridge. */
struct ofproto_redirect {
    struct hmap_node node;      /* In struct ofproto's 'redirects'. */
    struct tpr_redirect r;      /* As OpenFlow described it. */
    uint32_t *outputs;          /* As the datapath has them, by backend;
                                 * UINT32_MAX: withdrawn. */
    uint32_t provider_id;       /* The datapath's id. */
    unsigned int n_rules;       /* References by flows. */
};

static struct ofproto_redirect *
find(const struct ofproto *ofproto, uint32_t id)
{
    struct ofproto_redirect *redirect;

    HMAP_FOR_EACH_WITH_HASH (redirect, node, hash_int(id, 0),
                             &ofproto->redirects) {
        if (redirect->r.id == id) {
            return redirect;
        }
    }
    return NULL;
}

void
ofproto_redirects_init(struct ofproto *ofproto)
{
    hmap_init(&ofproto->redirects);
}

void
ofproto_redirects_destroy(struct ofproto *ofproto)
{
    hmap_destroy(&ofproto->redirects);
}

/* The bridge's datapath's redirects, created if need be.  NULL, with a
 * sentence in the log, if it has none. */
static struct tpr_dp *
get_dp(struct ofproto *ofproto, uint32_t *scope)
{
    char *error = NULL;
    struct tpr_dp *dp = NULL;

    if (ofproto->ofproto_class->get_redirects) {
        dp = ofproto->ofproto_class->get_redirects(ofproto, true, scope,
                                                   &error);
    }
    if (!dp) {
        VLOG_WARN_RL(&rl, "%s: %s", ofproto->name,
                     error ? error : "the datapath has no redirect action");
        free(error);
    }
    return dp;
}

/* ## Ports. ## */

/* Finds the datapath's ports of the backends of 'r'; UINT32_MAX for one that
 * does not exist now.  Returns NULL, or a sentence to free() about a port that
 * can never serve. */
static char *
find_outputs(const struct ofproto *ofproto, const struct tpr_redirect *r,
             uint32_t *outputs)
{
    for (int i = 0; i < r->n_backends; i++) {
        const ofp_port_t port = u16_to_ofp(r->backends[i].output);
        const char *why = ofproto->ofproto_class->redirect_output(
            ofproto, port, &outputs[i]);

        if (why) {
            return xasprintf("backend %d: port %"PRIu16" is %s", i,
                             ofp_to_u16(port), why);
        }
    }
    return NULL;
}

/* Sends 'r' to the datapath with 'outputs'.  Returns NULL or a sentence. */
static char *
send_to_dp(struct ofproto *ofproto, uint32_t provider_id,
           const struct tpr_redirect *r, const uint32_t *outputs)
{
    struct tpr_redirect translated;
    uint32_t scope;
    struct tpr_dp *dp = get_dp(ofproto, &scope);
    char *error;

    if (!dp) {
        return xstrdup("the datapath has no redirect action");
    }
    tpr_redirect_clone(&translated, r);
    for (int i = 0; i < r->n_backends; i++) {
        translated.backends[i].output = outputs[i];
        translated.backends[i].withdrawn = outputs[i] == UINT32_MAX;
    }
    error = tpr_dp_set(dp, provider_id, scope, &translated);
    tpr_redirect_uninit(&translated);
    return error;
}

/* Ports were added, removed or changed: brings every redirect up to date whose
 * backends are concerned. */
void
ofproto_redirects_refresh(struct ofproto *ofproto)
{
    struct ofproto_redirect *redirect;

    HMAP_FOR_EACH (redirect, node, &ofproto->redirects) {
        const struct tpr_redirect *r = &redirect->r;
        const size_t size = r->n_backends * sizeof(uint32_t);
        uint32_t *outputs = xmalloc(MAX(size, 1));
        char *error;

        for (int i = 0; i < r->n_backends; i++) {
            if (ofproto->ofproto_class->redirect_output(
                    ofproto, u16_to_ofp(r->backends[i].output),
                    &outputs[i])) {
                outputs[i] = UINT32_MAX;
            }
        }
        if (!memcmp(outputs, redirect->outputs, size)) {
            free(outputs);
            continue;
        }
        error = send_to_dp(ofproto, redirect->provider_id, r, outputs);
        if (error) {
            VLOG_WARN_RL(&rl, "%s: redirect %"PRIu32": %s", ofproto->name,
                         r->id, error);
            free(error);
        }
        free(redirect->outputs);
        redirect->outputs = outputs;
    }
}

/* ## Who uses them. ## */

/* Checks a flow's or group's action; fills in the datapath's id. */
enum ofperr
ofproto_redirect_check_action(const struct ofproto *ofproto,
                              struct ofpact_redirect *action)
{
    const struct ofproto_redirect *redirect;

    if (!ofproto->ofproto_class->redirect_supported
        || !ofproto->ofproto_class->redirect_supported(ofproto)) {
        return OFPERR_TPRC_UNSUPPORTED;
    } else if (action->mode != TPR_MODE_FORWARD) {
        action->provider_id = 0;
        return 0;
    }
    redirect = find(ofproto, action->redirect_id);
    if (!redirect) {
        return OFPERR_TPRC_UNKNOWN_REDIRECT;
    }
    action->provider_id = redirect->provider_id;
    return 0;
}

/* A flow with 'actions' is added ('delta' 1) or removed (-1). */
void
ofproto_redirects_count(struct ofproto *ofproto,
                        const struct rule_actions *actions, int delta)
{
    const struct ofpact_redirect *action;

    if (hmap_is_empty(&ofproto->redirects)) {
        return;
    }
    OFPACT_FOR_EACH_TYPE_FLATTENED (action, REDIRECT, actions->ofpacts,
                                    actions->ofpacts_len) {
        if (action->mode == TPR_MODE_FORWARD) {
            struct ofproto_redirect *redirect = find(ofproto,
                                                     action->redirect_id);

            if (redirect) {
                redirect->n_rules += delta;
            }
        }
    }
}

static bool
ofpacts_use(const struct ofpact ofpacts[], size_t ofpacts_len, uint32_t id)
{
    const struct ofpact_redirect *action;

    OFPACT_FOR_EACH_TYPE_FLATTENED (action, REDIRECT, ofpacts, ofpacts_len) {
        if (action->mode == TPR_MODE_FORWARD && action->redirect_id == id) {
            return true;
        }
    }
    return false;
}

static bool
groups_use(const struct ofproto *ofproto, uint32_t id)
{
    const struct ofgroup *group;

    CMAP_FOR_EACH (group, cmap_node, &ofproto->groups) {
        const struct ofputil_bucket *bucket;

        LIST_FOR_EACH (bucket, list_node, &group->buckets) {
            if (ofpacts_use(bucket->ofpacts, bucket->ofpacts_len, id)) {
                return true;
            }
        }
    }
    return false;
}

/* ## Messages. ## */

static void
redirect_free(struct ofproto_redirect *redirect)
{
    tpr_redirect_uninit(&redirect->r);
    free(redirect->outputs);
    free(redirect);
}

static void
redirect_delete(struct ofproto *ofproto, struct ofproto_redirect *redirect)
{
    hmap_remove(&ofproto->redirects, &redirect->node);
    ofproto->ofproto_class->redirect_free_id(ofproto, redirect->provider_id);
    redirect_free(redirect);
}

/* Deletes all redirects of a bridge that goes; its flows have gone. */
void
ofproto_redirects_delete_all(struct ofproto *ofproto)
{
    struct ofproto_redirect *redirect;

    HMAP_FOR_EACH_SAFE (redirect, node, &ofproto->redirects) {
        redirect_delete(ofproto, redirect);
    }
}

/* Says why a description was refused. */
static enum ofperr
refuse(const struct ofproto *ofproto, uint32_t id, char *sentence,
       enum ofperr error)
{
    VLOG_WARN_RL(&rl, "%s: redirect %"PRIu32": %s", ofproto->name, id,
                 sentence);
    free(sentence);
    return error;
}

static enum ofperr
add(struct ofproto *ofproto, const struct tpr_redirect *r, uint32_t *outputs)
{
    struct ofproto_redirect *redirect;
    uint32_t provider_id;
    char *error;

    if (!ofproto->ofproto_class->redirect_alloc_id(ofproto, &provider_id)) {
        return OFPERR_TPRC_TABLE_FULL;
    }
    error = send_to_dp(ofproto, provider_id, r, outputs);
    if (error) {
        ofproto->ofproto_class->redirect_free_id(ofproto, provider_id);
        return refuse(ofproto, r->id, error, OFPERR_TPRC_BAD_REDIRECT);
    }
    redirect = xzalloc(sizeof *redirect);
    tpr_redirect_clone(&redirect->r, r);
    redirect->outputs = outputs;
    redirect->provider_id = provider_id;
    hmap_insert(&ofproto->redirects, &redirect->node, hash_int(r->id, 0));
    return 0;
}

static enum ofperr
modify(struct ofproto *ofproto, struct ofproto_redirect *redirect,
       const struct tpr_redirect *r, uint32_t *outputs)
{
    char *error = send_to_dp(ofproto, redirect->provider_id, r, outputs);

    if (error) {
        return refuse(ofproto, r->id, error, OFPERR_TPRC_BAD_REDIRECT);
    }
    tpr_redirect_uninit(&redirect->r);
    tpr_redirect_clone(&redirect->r, r);
    free(redirect->outputs);
    redirect->outputs = outputs;
    return 0;
}

static enum ofperr
add_or_modify(struct ofproto *ofproto, const struct ofputil_redirect_mod *rm)
{
    const struct tpr_redirect *r = &rm->redirect;
    struct ofproto_redirect *redirect = find(ofproto, r->id);
    uint32_t *outputs;
    enum ofperr error;
    char *sentence;

    if (rm->command == OFPRDC_ADD && redirect) {
        return OFPERR_TPRC_REDIRECT_EXISTS;
    } else if (rm->command == OFPRDC_MODIFY && !redirect) {
        return OFPERR_TPRC_UNKNOWN_REDIRECT;
    }
    outputs = xmalloc(MAX(r->n_backends, 1) * sizeof *outputs);
    sentence = find_outputs(ofproto, r, outputs);
    if (sentence) {
        free(outputs);
        return refuse(ofproto, r->id, sentence, OFPERR_TPRC_BAD_OUTPUT);
    }
    error = (redirect ? modify(ofproto, redirect, r, outputs)
             : add(ofproto, r, outputs));
    if (error) {
        free(outputs);
    }
    return error;
}

/* Deletes one redirect, or with OFPRD_ALL all of them: then either all go or
 * none.  Deleting what is not there is no error, as for flows and meters. */
static enum ofperr
delete(struct ofproto *ofproto, uint32_t id)
{
    struct ofproto_redirect *redirect;

    HMAP_FOR_EACH (redirect, node, &ofproto->redirects) {
        if ((id == OFPRD_ALL || redirect->r.id == id)
            && (redirect->n_rules || groups_use(ofproto, redirect->r.id))) {
            return OFPERR_TPRC_REDIRECT_IN_USE;
        }
    }
    HMAP_FOR_EACH_SAFE (redirect, node, &ofproto->redirects) {
        if (id == OFPRD_ALL || redirect->r.id == id) {
            redirect_delete(ofproto, redirect);
        }
    }
    return 0;
}

enum ofperr
ofproto_handle_redirect_mod(struct ofproto *ofproto,
                            const struct ofp_header *oh)
{
    struct ofputil_redirect_mod rm;
    enum ofperr error;

    if (!ofproto->ofproto_class->redirect_supported
        || !ofproto->ofproto_class->redirect_supported(ofproto)) {
        return OFPERR_TPRC_UNSUPPORTED;
    }
    error = ofputil_decode_redirect_mod(oh, &rm, NULL);
    if (error) {
        return error;
    }
    ovs_mutex_lock(&ofproto_mutex);
    error = (rm.command == OFPRDC_DELETE
             ? delete(ofproto, rm.redirect.id)
             : add_or_modify(ofproto, &rm));
    ovs_mutex_unlock(&ofproto_mutex);
    tpr_redirect_uninit(&rm.redirect);
    return error;
}

enum ofperr
ofproto_handle_set_liveness(struct ofproto *ofproto,
                            const struct ofp_header *oh)
{
    struct tpr_liveness_mod lm;
    struct tpr_dp *dp;
    uint32_t scope;
    enum ofperr error = ofputil_decode_liveness_mod(oh, &lm);

    if (error) {
        return error;
    }
    dp = get_dp(ofproto, &scope);
    if (!dp) {
        return OFPERR_TPRC_UNSUPPORTED;
    }
    return tpr_dp_set_liveness(dp, &lm) ? OFPERR_TPRC_BAD_LIVENESS : 0;
}

static void
append_stats(struct ofproto *ofproto, const struct ofproto_redirect *redirect,
             struct ovs_list *replies)
{
    struct tpr_redirect_stats stats;
    uint32_t scope;
    struct tpr_dp *dp = get_dp(ofproto, &scope);

    if (dp && !tpr_dp_get_stats(dp, redirect->provider_id, &stats)) {
        ofputil_append_redirect_stats(replies, &stats);
        tpr_redirect_stats_uninit(&stats);
    }
}

static int
compare_ids(const void *a_, const void *b_)
{
    const struct ofproto_redirect *const *a = a_;
    const struct ofproto_redirect *const *b = b_;

    return (*a)->r.id < (*b)->r.id ? -1 : (*a)->r.id > (*b)->r.id;
}

/* All redirects of 'ofproto', or the one with 'id', by id; to be freed. */
static const struct ofproto_redirect **
collect(const struct ofproto *ofproto, uint32_t id, size_t *n)
{
    const struct ofproto_redirect **all;
    const struct ofproto_redirect *redirect;

    *n = 0;
    all = xmalloc((hmap_count(&ofproto->redirects) + 1) * sizeof *all);
    HMAP_FOR_EACH (redirect, node, &ofproto->redirects) {
        if (id == OFPRD_ALL || redirect->r.id == id) {
            all[(*n)++] = redirect;
        }
    }
    qsort(all, *n, sizeof *all, compare_ids);
    return all;
}

/* Descriptions or statistics, as 'oh' asks. */
enum ofperr
ofproto_handle_redirect_request(struct ofproto *ofproto,
                                struct ofconn *ofconn,
                                const struct ofp_header *oh)
{
    const struct ofproto_redirect **all;
    struct ovs_list replies;
    enum ofptype type;
    enum ofperr error;
    uint32_t id;
    size_t n;

    if (!ofproto->ofproto_class->redirect_supported
        || !ofproto->ofproto_class->redirect_supported(ofproto)) {
        return OFPERR_TPRC_UNSUPPORTED;
    }
    error = ofptype_decode(&type, oh);
    if (!error) {
        error = ofputil_decode_redirect_request(oh, &id);
    }
    if (error) {
        return error;
    }
    ofpmp_init(&replies, oh);
    ovs_mutex_lock(&ofproto_mutex);
    all = collect(ofproto, id, &n);
    for (size_t i = 0; i < n; i++) {
        if (type == OFPTYPE_REDIRECT_DESC_REQUEST) {
            ofputil_append_redirect_desc(&replies, &all[i]->r);
        } else {
            append_stats(ofproto, all[i], &replies);
        }
    }
    free(all);
    ovs_mutex_unlock(&ofproto_mutex);
    if (id != OFPRD_ALL && !n) {
        ofpbuf_list_delete(&replies);
        return OFPERR_TPRC_UNKNOWN_REDIRECT;
    }
    ofconn_send_replies(ofconn, &replies);
    return 0;
}
