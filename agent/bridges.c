/* SPDX-License-Identifier: Apache-2.0 */

/* The bridges that the agent acts on: see bridges.h. */

#include <config.h>
#include "bridges.h"

#include <ctype.h>
#include <stdlib.h>
#include "datapath.h"
#include "model.h"
#include "openvswitch/vlog.h"
#include "plan.h"
#include "sset.h"
#include "tpr-time.h"
#include "util.h"
#include "vswitch.h"

VLOG_DEFINE_THIS_MODULE(bridges);

/* Makes 'bs' empty. */
void
bridges_init(struct bridges *bs)
{
    shash_init(&bs->datapaths);
    shash_init(&bs->set_seqs);
}

static void
close_bridge(struct bridges *bs, struct shash_node *node)
{
    struct datapath *dp = node->data;

    free(shash_find_and_delete(&bs->set_seqs, node->name));
    dp->class->close(dp);
    shash_delete(&bs->datapaths, node);
}

/* Closes all bridges; the switch keeps what it has. */
void
bridges_close_all(struct bridges *bs)
{
    struct shash_node *node;

    SHASH_FOR_EACH_SAFE (node, &bs->datapaths) {
        close_bridge(bs, node);
    }
}

/* Frees all that 'bs' owns; the switch keeps what it has. */
void
bridges_destroy(struct bridges *bs)
{
    bridges_close_all(bs);
    shash_destroy(&bs->datapaths);
    shash_destroy(&bs->set_seqs);
}

/* Takes everything that is the agent's own out of the switch.  Blocks until
 * the switch has confirmed, 2 s a bridge at most. */
void
bridges_clear(struct bridges *bs)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &bs->datapaths) {
        struct datapath *dp = node->data;

        dp->class->clear(dp);
    }
}

/* Returns bridge 'name', opened with the provider that 'config' asks for. */
struct datapath *
bridges_get(struct bridges *bs, const struct tpr_config *config,
            const char *name)
{
    struct shash_node *node = shash_find(&bs->datapaths, name);
    const struct datapath_class *class = datapath_lookup(config->datapath);
    struct datapath *dp = node ? node->data : NULL;

    if (!class) {
        class = datapath_lookup("auto");
    }
    if (dp && dp->class != class) {
        close_bridge(bs, node);
        dp = NULL;
    }
    if (!dp) {
        dp = class->open(name);
        shash_add(&bs->datapaths, name, dp);
        shash_add(&bs->set_seqs, name, xzalloc(sizeof(uint64_t)));
        VLOG_INFO("bridge %s: datapath provider %s", name, class->name);
    }
    return dp;
}

/* Opens every bridge that has a region. */
void
bridges_open(struct bridges *bs, const struct tpr_config *config,
             const struct plan *plan)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &plan->regions) {
        const struct plan_region *pr = node->data;

        if (pr->bridge) {
            bridges_get(bs, config, pr->bridge);
        }
    }
}

/* Forgets bridges that nothing is in and that the switch no longer has. */
static void
close_unused(struct bridges *bs, const struct plan *plan,
             const struct vswitch *vswitch)
{
    struct shash_node *node;

    SHASH_FOR_EACH_SAFE (node, &bs->datapaths) {
        if (!shash_find(&plan->bridges, node->name) && vswitch_ready(vswitch)
            && !vswitch_has_bridge(vswitch, node->name)) {
            close_bridge(bs, node);
        }
    }
}

/* Hands the desired state to every bridge's provider; bridges that are no
 * longer in use get an empty one.  The backends' words were stored at
 * 'words_us'. */
void
bridges_set(struct bridges *bs, const struct tpr_config *config,
            const struct plan *plan, const struct vswitch *vswitch,
            long long int words_us)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &plan->bridges) {
        bridges_get(bs, config, node->name);
    }
    close_unused(bs, plan, vswitch);
    SHASH_FOR_EACH (node, &bs->datapaths) {
        static const struct dp_state empty;
        const struct plan_bridge *pb = shash_find_data(&plan->bridges,
                                                       node->name);
        struct datapath *dp = node->data;
        uint64_t *seq = shash_find_data(&bs->set_seqs, node->name);

        *seq = dp->class->set(dp, pb ? &pb->state : &empty, words_us);
    }
}

/* Complains about services that their switch, as it is, cannot carry out. */
void
bridges_complain(struct bridges *bs, const struct tpr_config *config,
                 const struct plan *plan, struct sset *complaints)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &config->services) {
        const struct tpr_service *svc = node->data;
        const char *bridge = plan_service_bridge(plan, svc);
        const struct datapath *dp = (bridge ? bridges_get(bs, config, bridge)
                                     : NULL);
        char *s = (dp && dp->class->refuses ? dp->class->refuses(dp, svc)
                   : NULL);

        if (s) {
            s[0] = toupper((unsigned char) s[0]);
            sset_add_and_free(complaints, xasprintf("%s (left out)", s));
            free(s);
        }
    }
}

/* Does whatever the providers have to do. */
void
bridges_run(struct bridges *bs)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &bs->datapaths) {
        struct datapath *dp = node->data;

        dp->class->run(dp, tpr_now_us());
    }
}

/* Wakes the poll loop when bridges_run() has something to do. */
void
bridges_wait(struct bridges *bs)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &bs->datapaths) {
        struct datapath *dp = node->data;

        dp->class->wait(dp);
    }
}

/* True if every bridge carries out what was handed over last. */
bool
bridges_applied(const struct bridges *bs)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &bs->datapaths) {
        const struct datapath *dp = node->data;
        const uint64_t *need = shash_find_data(&bs->set_seqs, node->name);
        long long int when_us;
        uint64_t seq;

        if (!dp->class->applied(dp, &seq, &when_us) || seq < *need) {
            return false;
        }
    }
    return true;
}

/* A number that changes when a port of any bridge does, or what its provider
 * refuses. */
unsigned int
bridges_ports_seqno(const struct bridges *bs)
{
    struct shash_node *node;
    unsigned int sum = 0;

    SHASH_FOR_EACH (node, &bs->datapaths) {
        const struct datapath *dp = node->data;

        sum += dp->class->port_seqno(dp);
    }
    return sum;
}
