/* SPDX-License-Identifier: Apache-2.0 */

/* Bundles of flow changes on their way: see flow-bundles.h. */

#include <config.h>
#include "flow-bundles.h"
#include <stdlib.h>
#include "coverage.h"
#include "flow-table.h"
#include "ofconn.h"
#include "openvswitch/ofp-flow.h"
#include "openvswitch/ofp-group.h"
#include "util.h"

COVERAGE_DEFINE(tpr_flow_mod);

/* Makes 'bs' empty.  'conn' and 'table' must outlive it. */
void
flow_bundles_init(struct flow_bundles *bs, struct ofconn *conn,
                  struct flow_table *table)
{
    bs->conn = conn;
    bs->table = table;
    ovs_list_init(&bs->sent);
    bs->open = NULL;
    bs->n_flow_mods = 0;
}

/* Frees 'b', which is in no list. */
void
flow_bundle_destroy(struct flow_bundles *bs, struct flow_bundle *b)
{
    for (size_t i = 0; i < b->n; i++) {
        if (b->entries[i].entry) {
            flow_entry_unref(bs->table, b->entries[i].entry);
        }
    }
    free(b->entries);
    free(b);
}

/* Forgets all bundles: the connection is gone. */
void
flow_bundles_drop(struct flow_bundles *bs)
{
    struct flow_bundle *b;

    LIST_FOR_EACH_POP (b, node, &bs->sent) {
        flow_bundle_destroy(bs, b);
    }
}

static struct flow_bundle *
get_open(struct flow_bundles *bs)
{
    if (!bs->open) {
        bs->open = xzalloc(sizeof *bs->open);
        bs->open->id = ofconn_bundle_open(bs->conn);
    }
    return bs->open;
}

/* Notes that request 'xid' of bundle 'b' is about 'e' or, NULL, 'group'. */
static void
bundle_note(struct flow_bundle *b, ovs_be32 xid, struct flow_entry *e,
            uint32_t group)
{
    if (b->n >= b->allocated) {
        b->entries = x2nrealloc(b->entries, &b->allocated,
                                sizeof *b->entries);
    }
    b->entries[b->n++] = (struct flow_bundle_entry) {
        .xid = xid,
        .entry = e,
        .group = group,
    };
}

/* Adds the change 'fm' of 'e', whose reference is taken over. */
void
flow_bundles_add(struct flow_bundles *bs, const struct ofputil_flow_mod *fm,
                 struct flow_entry *e, bool critical)
{
    struct flow_bundle *b = get_open(bs);

    COVERAGE_INC(tpr_flow_mod);
    bs->n_flow_mods++;
    bundle_note(b, ofconn_bundle_add(bs->conn, fm), e, 0);
    b->critical |= critical;
}

/* Adds a change of a group: always critical. */
void
flow_bundles_add_group(struct flow_bundles *bs,
                       const struct ofputil_group_mod *gm)
{
    struct flow_bundle *b = get_open(bs);

    bs->n_flow_mods++;
    bundle_note(b, ofconn_bundle_add_group(bs->conn, gm), NULL, gm->group_id);
    b->critical = true;
}

/* Adds the deletion of flows by cookie, in all tables: learned ones. */
void
flow_bundles_delete(struct flow_bundles *bs, uint64_t cookie, uint64_t mask)
{
    struct ofputil_flow_mod fm = {
        .command = OFPFC_DELETE,
        .table_id = OFPTT_ALL,
        .cookie = htonll(cookie),
        .cookie_mask = htonll(mask),
        .buffer_id = UINT32_MAX,
        .out_port = OFPP_ANY,
        .out_group = OFPG_ANY,
    };

    get_open(bs)->critical = true;
    minimatch_init_catchall(&fm.match);
    ofconn_bundle_add(bs->conn, &fm);
    minimatch_destroy(&fm.match);
    bs->n_flow_mods++;
}

/* Sends the open bundle, if there is one, as part of set() number 'seq'. */
void
flow_bundles_commit(struct flow_bundles *bs, uint64_t seq)
{
    struct flow_bundle *b = bs->open;

    if (b) {
        bs->open = NULL;
        b->seq = seq;
        ovs_list_push_back(&bs->sent, &b->node);
        ofconn_bundle_commit(bs->conn);
    }
}

/* Returns the newest critical bundle on its way, or NULL. */
struct flow_bundle *
flow_bundles_last_critical(const struct flow_bundles *bs)
{
    struct flow_bundle *b;

    LIST_FOR_EACH_REVERSE (b, node, &bs->sent) {
        if (b->critical) {
            return b;
        }
    }
    return NULL;
}

/* Returns the flow whose change had transaction id 'xid', after marking its
 * bundle, or NULL.  Where it was a group's, stores that in '*group', else
 * 0. */
struct flow_entry *
flow_bundles_refused(struct flow_bundles *bs, ovs_be32 xid, uint32_t *group)
{
    struct flow_bundle *b;

    *group = 0;
    LIST_FOR_EACH (b, node, &bs->sent) {
        for (size_t i = 0; i < b->n; i++) {
            if (b->entries[i].xid == xid) {
                b->refused = true;
                *group = b->entries[i].group;
                return b->entries[i].entry;
            }
        }
    }
    return NULL;
}

/* Takes bundle 'id' out, which the switch has answered; NULL if there is no
 * such bundle.  The caller destroys it. */
struct flow_bundle *
flow_bundles_take(struct flow_bundles *bs, uint32_t id)
{
    struct flow_bundle *b;

    LIST_FOR_EACH (b, node, &bs->sent) {
        if (b->id == id) {
            ovs_list_remove(&b->node);
            return b;
        }
    }
    return NULL;
}
