/* SPDX-License-Identifier: Apache-2.0 */

/* In place of fast-path.c, where this was built without BPF programs
 * (configure --disable-bpf): nothing is ever taken, and what is attached is
 * detached. */

#include <config.h>
#include "fast-path.h"
#include <stdlib.h>
#include "fast-pins.h"
#include "util.h"

struct fast {
    char *refusal;
};

/* Detaches what an agent that was built with programs has left. */
struct fast *
fast_create(struct datapath *inner, const struct dp_env *env OVS_UNUSED)
{
    struct fast *f = xzalloc(sizeof *f);
    char *pins = fast_pins(inner->bridge);
    char *left = fast_pins_exist(pins) ? fast_pins_remove(pins) : NULL;

    f->refusal = xasprintf("this ovs-tprd was built without BPF programs%s%s",
                           left ? "; " : "", left ? left : "");
    free(left);
    free(pins);
    return f;
}

void
fast_destroy(struct fast *f)
{
    if (f) {
        free(f->refusal);
        free(f);
    }
}

void
fast_clear(struct fast *f OVS_UNUSED)
{
}

void
fast_deaths(struct fast *f OVS_UNUSED)
{
}

void
fast_set(struct fast *f OVS_UNUSED, const struct dp_state *state OVS_UNUSED)
{
}

void
fast_run(struct fast *f OVS_UNUSED)
{
}

void
fast_wait(struct fast *f OVS_UNUSED)
{
}

const char *
fast_refusal(const struct fast *f)
{
    return f ? f->refusal : "this ovs-tprd was built without BPF programs";
}

size_t
fast_n_taken(const struct fast *f OVS_UNUSED, size_t *n)
{
    *n = 0;
    return 0;
}

bool
fast_is_settled(const struct fast *f OVS_UNUSED)
{
    return true;
}

bool
fast_takes(const struct fast *f, const char *service OVS_UNUSED,
           const char **why)
{
    *why = fast_refusal(f);
    return false;
}

unsigned int
fast_seqno(const struct fast *f OVS_UNUSED)
{
    return 0;
}

void
fast_show(const struct fast *f OVS_UNUSED, struct json *json OVS_UNUSED)
{
}

void
fast_add_connections(struct fast *f OVS_UNUSED,
                     const struct dp_conn_query *query OVS_UNUSED,
                     struct json *answer OVS_UNUSED)
{
}

void
fast_add_trace(struct fast *f OVS_UNUSED, const char *service OVS_UNUSED,
               const struct trace_flow *flow OVS_UNUSED,
               struct json *answer OVS_UNUSED)
{
}

bool
fast_next_suspect(struct fast *f OVS_UNUSED,
                  struct dp_suspect *suspect OVS_UNUSED)
{
    return false;
}
