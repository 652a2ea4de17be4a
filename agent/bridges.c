/* SPDX-License-Identifier: Apache-2.0 */

/* The bridges that the agent acts on: see bridges.h. */

#include <config.h>
#include "bridges.h"

#include <ctype.h>
#include <stdlib.h>
#include "datapath.h"
#include "fast-path.h"
#include "fast-pins.h"
#include "model.h"
#include "openvswitch/vlog.h"
#include "plan.h"
#include "sset.h"
#include "tpr-time.h"
#include "util.h"
#include "vswitch.h"

VLOG_DEFINE_THIS_MODULE(bridges);

enum { BACK_US = 500 * 1000 };  /* So long is a switch just back. */

/* Makes 'bs' empty.  What 'env' points to must outlive it. */
void
bridges_init(struct bridges *bs, const struct dp_env *env)
{
    bs->env = *env;
    shash_init(&bs->datapaths);
    shash_init(&bs->set_seqs);
    shash_init(&bs->away);
    bs->swept = false;
}

static void
close_bridge(struct bridges *bs, struct shash_node *node)
{
    struct datapath *dp = node->data;

    free(shash_find_and_delete(&bs->set_seqs, node->name));
    free(shash_find_and_delete(&bs->away, node->name));
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
    shash_destroy(&bs->away);
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

/* What bridge 'name' itself asks for, NULL if nothing. */
static const char *
own_provider(const struct bridges *bs, const char *name)
{
    return (bs->env.vswitch
            ? vswitch_bridge_option(bs->env.vswitch, name, "tpr-datapath")
            : NULL);
}

/* The provider that bridge 'name' shall have. */
static const struct datapath_class *
wanted_class(const struct bridges *bs, const struct tpr_config *config,
             const char *name)
{
    const char *own = own_provider(bs, name);
    const struct datapath_class *class = own ? datapath_lookup(own) : NULL;

    if (!class) {
        class = datapath_lookup(config->datapath);
    }
    return class ? class : datapath_lookup("auto");
}

/* Returns bridge 'name', opened with the provider that 'config' asks for. */
struct datapath *
bridges_get(struct bridges *bs, const struct tpr_config *config,
            const char *name)
{
    struct shash_node *node = shash_find(&bs->datapaths, name);
    const struct datapath_class *class = wanted_class(bs, config, name);
    struct datapath *dp = node ? node->data : NULL;
    bool first = !dp;

    if (dp && dp->class != class) {
        if (dp->class->retire) {
            dp->class->retire(dp, class);
        }
        close_bridge(bs, node);
        dp = NULL;
    }
    if (!dp) {
        dp = class->open(name);
        if (class->equip) {
            class->equip(dp, &bs->env);
        } else if (first && bs->env.liveness) {
            fast_remove(name);  /* Of an agent that had another provider. */
        }
        shash_add(&bs->datapaths, name, dp);
        shash_add(&bs->set_seqs, name, xzalloc(sizeof(uint64_t)));
        shash_add(&bs->away, name, xzalloc(sizeof(long long int)));
        VLOG_INFO("bridge %s: datapath provider %s", name, class->name);
    }
    return dp;
}

/* Once, when the switch has told its bridges: detaches BPF programs that an
 * agent before this one has left at bridges that nothing is planned for. */
static void
sweep_once(struct bridges *bs)
{
    if (!bs->swept && bs->env.liveness && bs->env.vswitch
        && vswitch_ready(bs->env.vswitch)) {
        struct sset names = SSET_INITIALIZER(&names);
        struct shash_node *node;

        SHASH_FOR_EACH (node, &bs->datapaths) {
            sset_add(&names, node->name);
        }
        fast_pins_sweep(&names);
        sset_destroy(&names);
        bs->swept = true;
    }
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
    sweep_once(bs);
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

/* Complains about bridges that ask for a provider that there is not, or that
 * does less than it is asked for. */
static void
complain_of_providers(const struct bridges *bs, struct sset *complaints)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &bs->datapaths) {
        const struct datapath *dp = node->data;
        const char *own = own_provider(bs, node->name);

        if (own && !datapath_lookup(own)) {
            sset_add_and_free(complaints, xasprintf(
                "Bridge %s: other_config:tpr-datapath: this ovs-tprd has no "
                "provider \"%s\", it uses \"%s\"", node->name, own,
                dp->class->name));
        }
        if (dp->class->warns) {
            char *s = dp->class->warns(dp);

            if (s) {
                sset_add_and_free(complaints, s);
            }
        }
    }
}

/* Why the provider of 'svc', or its switch as it is, cannot carry it out. */
static char *
refusal(const struct bridges *bs, const struct datapath *dp,
        const struct tpr_service *svc)
{
    char *s = NULL;

    if (own_provider(bs, dp->bridge)) {
        /* config_build() has asked another one. */
        s = dp->class->check(svc);
    }
    return s || !dp->class->refuses ? s : dp->class->refuses(dp, svc);
}

/* Says that passive detection of 'svc' sees nothing in 'dp', or NULL. */
static char *
blindness(const struct datapath *dp, const struct tpr_service *svc)
{
    const char *why = NULL;

    if (!svc->passive_us) {
        return NULL;
    } else if (!dp->class->blind) {
        why = "only BPF programs see how connections begin";
    } else {
        why = dp->class->blind(dp, svc->name);
    }
    return (why ? xasprintf("Service %s: passive_detection: %s (only health "
                            "checks tell)", svc->name, why)
            : NULL);
}

/* Complains about services that their switch, as it is, cannot carry out. */
void
bridges_complain(struct bridges *bs, const struct tpr_config *config,
                 const struct plan *plan, struct sset *complaints)
{
    struct shash_node *node;

    complain_of_providers(bs, complaints);
    SHASH_FOR_EACH (node, &config->services) {
        const struct tpr_service *svc = node->data;
        const char *bridge = plan_service_bridge(plan, svc);
        const struct datapath *dp = (bridge ? bridges_get(bs, config, bridge)
                                     : NULL);
        char *s = dp ? refusal(bs, dp, svc) : NULL;

        if (s) {
            s[0] = toupper((unsigned char) s[0]);
            sset_add_and_free(complaints, xasprintf("%s (left out)", s));
            free(s);
        } else if (dp && (s = blindness(dp, svc))) {
            sset_add_and_free(complaints, s);
        }
    }
}

/* Stores a backend that real traffic speaks against in '*suspect' and returns
 * true, or returns false if there is none.  Should be called until it returns
 * false. */
bool
bridges_next_suspect(struct bridges *bs, struct dp_suspect *suspect)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &bs->datapaths) {
        struct datapath *dp = node->data;

        if (dp->class->next_suspect && dp->class->next_suspect(dp, suspect)) {
            return true;
        }
    }
    return false;
}

/* Does whatever the providers have to do. */
void
bridges_run(struct bridges *bs)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &bs->datapaths) {
        struct datapath *dp = node->data;
        long long int *away_us = shash_find_data(&bs->away, node->name);

        dp->class->run(dp, tpr_now_us());
        if (!dp->class->connected(dp)) {
            *away_us = tpr_now_us();
        }
    }
}

/* Has the switch had bridge 'name' since 'since_us'?  It needs a moment to be
 * itself again when it comes back. */
bool
bridges_here_since(const struct bridges *bs, const char *name,
                   long long int since_us)
{
    const long long int *away_us = shash_find_data(&bs->away, name);

    return !away_us || !*away_us || since_us - *away_us >= BACK_US;
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
