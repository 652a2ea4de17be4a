/* SPDX-License-Identifier: Apache-2.0 */

/* Fuzzes the judgement of database rows (agent/config*.c).
 *
 * The input is a text of lines; each becomes a column of one of two regions,
 * two services or four backends.  An empty line leaves the column empty.  The
 * first build starts from nothing; the second, with the lines shifted by one,
 * falls back on the first. */

#include <config.h>
#include "config.h"
#include "config-row.h"
#include "model.h"
#include "sset.h"
#include "tpr-idl.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

enum { MAX_LINES = 128 };

struct lines {
    char *line[MAX_LINES];
    size_t n, next;
};

/* Returns the next line; it goes round. */
static char *
required(struct lines *lines)
{
    static char empty[] = "";

    return lines->n ? lines->line[lines->next++ % lines->n] : empty;
}

static char *
optional(struct lines *lines)
{
    char *s = required(lines);

    return *s ? s : NULL;
}

/* Stores a small number in '*value' and returns how many there are: 0 or 1. */
static size_t
integer(struct lines *lines, int64_t *value)
{
    const char *s = required(lines);

    *value = strtoll(s, NULL, 10);
    return *s != '\0';
}

struct world {
    struct tprrec_tpr tpr;
    struct tprrec_heartbeat hb[2];
    struct tprrec_region region[2];
    struct tprrec_health_check check[2];
    struct tprrec_backend backend[4];
    struct tprrec_backend *sets[2][3];
    struct tprrec_service service[2];
    struct tprrec_intent intent[2];
    int64_t integers[64];
    size_t n_integers;
};

#define INTEGER(ROW, COLUMN)                                            \
    ((ROW)->n_##COLUMN = integer(lines, &w->integers[w->n_integers]),   \
     (ROW)->COLUMN = &w->integers[w->n_integers++])

static void
make_region(struct world *w, struct lines *lines, int i)
{
    struct tprrec_region *r = &w->region[i];
    struct tprrec_heartbeat *hb = &w->hb[i];

    r->name = required(lines);
    r->port = required(lines);
    r->gateway = optional(lines);
    r->damping_hold = optional(lines);
    r->damping_hold_max = optional(lines);
    r->damping_reset = optional(lines);
    r->state = optional(lines);
    INTEGER(r, vlan);
    INTEGER(r, index);
    r->heartbeat = hb;
    hb->type = required(lines);
    hb->peer = optional(lines);
    hb->local = optional(lines);
    hb->peer_mac = optional(lines);
    hb->interval = optional(lines);
    hb->detect_override = optional(lines);
    hb->min_tx = optional(lines);
    hb->auth_type = optional(lines);
    hb->auth_key = optional(lines);
    INTEGER(hb, fall);
    INTEGER(hb, max_excuses);
}

static void
make_service(struct world *w, struct lines *lines, int i)
{
    struct tprrec_service *s = &w->service[i];
    struct tprrec_health_check *c = &w->check[i];

    s->name = required(lines);
    s->vip = required(lines);
    s->vip_mac = optional(lines);
    s->policy = optional(lines);
    s->failback = optional(lines);
    s->failback_hold = optional(lines);
    s->on_none = optional(lines);
    s->learned_vip_mac = optional(lines);
    s->check = c;
    c->type = required(lines);
    c->path = optional(lines);
    c->host = optional(lines);
    c->expect = optional(lines);
    c->interval = optional(lines);
    c->timeout = optional(lines);
    INTEGER(c, port);
    s->backends = w->sets[i];
    for (int j = 0; j < 2; j++) {
        struct tprrec_backend *b = &w->backend[i * 2 + j];

        b->name = optional(lines);
        b->region = &w->region[j];
        b->address = required(lines);
        b->mac = optional(lines);
        b->resolved_mac = optional(lines);
        b->check_state = optional(lines);
        INTEGER(b, port);
        INTEGER(b, priority);
        INTEGER(b, index);
        s->backends[s->n_backends++] = b;
    }
    if (i && *required(lines)) {
        s->backends[s->n_backends++] = &w->backend[0];
    }
}

static struct tpr_config *
build(struct lines *lines, const struct tpr_config *last_good)
{
    struct world *w = xzalloc(sizeof *w);
    const struct tprrec_region *regions[] = { &w->region[0], &w->region[1] };
    const struct tprrec_service *services[] = { &w->service[0], &w->service[1] };
    const struct tprrec_intent *intents[] = { &w->intent[0], &w->intent[1] };
    const struct config_rows rows = {
        .tpr = &w->tpr,
        .regions = regions, .n_regions = 2,
        .services = services, .n_services = 2,
        .intents = intents, .n_intents = 2,
    };
    struct sset complaints = SSET_INITIALIZER(&complaints);
    struct tpr_config *config;

    INTEGER(&w->tpr, flow_table);
    INTEGER(&w->tpr, client_table);
    w->tpr.bridge = optional(lines);
    for (int i = 0; i < 2; i++) {
        make_region(w, lines, i);
        make_service(w, lines, i);
        w->intent[i].kind = required(lines);
        w->intent[i].object = required(lines);
        w->intent[i].to = optional(lines);
        w->intent[i].who = w->intent[i].reason = required(lines);
    }
    config = config_build_rows(&rows, last_good, NULL, NULL, &complaints);

    struct shash_node *node;
    SHASH_FOR_EACH (node, &config->regions) {
        const struct tpr_region *region = node->data;

        ovs_assert(region->index < TPR_MAX_REGIONS);
    }
    SHASH_FOR_EACH (node, &config->services) {
        const struct tpr_service *service = node->data;

        for (size_t i = 0; i < service->n_backends; i++) {
            ovs_assert(service->backends[i]->index < TPR_MAX_BACKENDS);
            ovs_assert(service->backends[i]->region
                       == tpr_config_region(config, service->backends[i]->region->name));
        }
    }
    sset_destroy(&complaints);
    free(w);
    return config;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = xmemdup0((const char *) data, size), *p = text;
    struct tpr_config *first, *second;
    struct lines lines = { .n = 0 };

    while (lines.n < MAX_LINES && p) {
        lines.line[lines.n++] = strsep(&p, "\n");
    }
    first = build(&lines, NULL);
    lines.next = 1;
    second = build(&lines, first);
    tpr_config_destroy(first);
    tpr_config_destroy(second);
    free(text);
    return 0;
}
