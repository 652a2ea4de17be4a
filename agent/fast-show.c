/* SPDX-License-Identifier: Apache-2.0 */

/* What there is to see of the BPF programs before a bridge: see
 * fast-path.h. */

#include <config.h>
#include "fast-private.h"
#include <stdlib.h>
#include "openvswitch/json.h"

/* Why no service at all is taken, or NULL. */
const char *
fast_refusal(const struct fast *f)
{
    return (!f ? "the agent has nothing to do with this switch's database"
            : f->refusal ? f->refusal : f->ports.refusal);
}

/* Returns how many services are taken, of '*n'. */
size_t
fast_n_taken(const struct fast *f, size_t *n)
{
    struct shash_node *node;
    size_t n_taken = 0;

    *n = f ? shash_count(&f->services) : 0;
    if (f) {
        SHASH_FOR_EACH (node, &f->services) {
            const struct fast_service *s = node->data;

            n_taken += s->taken;
        }
    }
    return n_taken;
}

/* True once all services were judged, with or without programs. */
bool
fast_is_settled(const struct fast *f)
{
    return !f || (f->judged && !f->load);
}

/* Is 'service' taken?  '*why' is a clause about that, which lives until the
 * next fast_set() or fast_run(). */
bool
fast_takes(const struct fast *f, const char *service, const char **why)
{
    const struct fast_service *s = (f ? shash_find_data(&f->services, service)
                                    : NULL);

    *why = (s && s->why ? s->why
            : fast_refusal(f) ? fast_refusal(f)
            : "the switch has not told yet what it has");
    return s && s->taken;
}

/* A number that changes with any answer. */
unsigned int
fast_seqno(const struct fast *f)
{
    return f ? f->seqno : 0;
}

/* Adds counters of 's' to the object 'json'. */
static void
show_service(const struct fast *f, const struct fast_service *s,
             struct json *json)
{
    const struct redirect_object *o = redirect_plan_find(&f->plan,
                                                         s->service.name);
    struct json *j = json_object_create();
    uint64_t packets = 0, rev = 0, placed = 0;
    struct tpr_redirect_stats stats;

    if (s->taken && f->bpf && o
        && !tpr_bpf_get_stats(f->bpf, bpf_id(o->id), &stats)) {
        for (size_t i = 0; i < stats.n_backends; i++) {
            packets += stats.backends[i].packets;
            rev += stats.backends[i].rev_packets;
            placed += stats.backends[i].total_connections;
        }
        free(stats.backends);
    }
    json_object_put(j, "taken", json_boolean_create(s->taken));
    json_object_put_string(j, "why", s->why ? s->why : "");
    json_object_put(j, "packets", json_integer_create(packets));
    json_object_put(j, "rev_packets", json_integer_create(rev));
    json_object_put(j, "total_connections", json_integer_create(placed));
    json_object_put(json, s->service.name, j);
}

/* Adds what people ask for to the object 'json'. */
void
fast_show(const struct fast *f, struct json *json)
{
    struct json *services = json_object_create();
    struct shash_node *node;

    SHASH_FOR_EACH (node, &f->services) {
        show_service(f, node->data, services);
    }
    json_object_put(json, "bpf_services", services);
    fast_ports_show(&f->ports, json);
    json_object_put(json, "bpf_connections",
                    json_integer_create(f->bpf ? tpr_bpf_connections(f->bpf)
                                        : 0));
    json_object_put(json, "bpf_connections_max",
                    json_integer_create(f->bpf ? tpr_bpf_capacity(f->bpf)
                                        : 0));
    json_object_put(json, "bpf_lost",
                    json_integer_create(
                        f->bpf ? tpr_bpf_counter(f->bpf, TPR_COUNTER_NO_PORT)
                        : 0));
    json_object_put(json, "bpf_sent", json_integer_create(f->n_sent));
    json_object_put(json, "bpf_taught",
                    json_integer_create(f->learn.n_frames));
}
