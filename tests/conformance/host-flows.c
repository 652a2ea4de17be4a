/* SPDX-License-Identifier: Apache-2.0 */

/* The agent's plain flows on a switch's usual abilities: see host.h, switch.h,
 * agent/flow-make.h.
 *
 * tests/flows-probe hands services to the agent's provider "flows", which
 * writes them into bridge br0; which backend is the active one or, with policy
 * weighted, which are usable, decided here, is the agent's part.  Packets go
 * through the flow table, whatever redirect or mode the case names: the flows
 * find out by themselves.  What no flow of the agent's takes is NORMAL's,
 * which floods it: a packet that leaves unchanged has passed.
 *
 * There are no connections, counters, sender or time. */

#include <config.h>
#include "host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "switch.h"
#include "util.h"

enum { MAX_SERVICES = 16, MAX_BACKENDS_ = 64, N_WORDS = 16 };

struct host_flows {
    struct switch_ *s;
    struct {
        struct tpr_redirect r;
        struct tpr_redirect_backend backends[MAX_BACKENDS_];
    } services[MAX_SERVICES];
    size_t n_services;
    uint8_t words[2][N_WORDS];  /* enum tpr_liveness, by 'is_region'. */
};

/* The probe: one for all cases; it ends with its standard input. */
static FILE *probe_in, *probe_out;
static pid_t probe_pid;

static void
stop_probe(void)
{
    fclose(probe_in);
    waitpid(probe_pid, NULL, 0);
}

static void
start_probe(void)
{
    const char *dir = getenv("TPR_BUILDDIR");
    char *path = xasprintf("%s/tests/flows-probe", dir ? dir : ".");
    int in[2], out[2];

    if (pipe(in) || pipe(out)) {
        ovs_fatal(errno, "pipe");
    }
    probe_pid = fork();
    if (!probe_pid) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        close(in[1]);
        close(out[0]);
        execl(path, path, "br0", "flows", (char *) NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    probe_in = fdopen(in[1], "w");
    probe_out = fdopen(out[0], "r");
    free(path);
    atexit(stop_probe);
}

/* Says 'text' to the probe; its answer must begin with 'answer'. */
static void
tell(const char *text, const char *answer)
{
    char line[256];

    fprintf(probe_in, "%s\n", text);
    fflush(probe_in);
    if (!fgets(line, sizeof line, probe_out)
        || strncmp(line, answer, strlen(answer))) {
        ovs_fatal(0, "flows-probe does not take: %s", text);
    }
}

static bool
is_up(const struct host_flows *h, bool is_region, uint32_t index)
{
    return (index == TPR_NO_WORD
            || h->words[is_region][index % N_WORDS] == TPR_LIVENESS_UP);
}

static bool
is_usable(const struct host_flows *h, const struct tpr_redirect_backend *b)
{
    return is_up(h, true, b->region) && is_up(h, false, b->word);
}

/* Failover's: the first that is up, lowest priority number first. */
static const struct tpr_redirect_backend *
active_backend(const struct host_flows *h, const struct tpr_redirect *r)
{
    const struct tpr_redirect_backend *best = NULL;

    for (int i = 0; i < r->n_backends; i++) {
        const struct tpr_redirect_backend *b = &r->backends[i];

        if (is_usable(h, b) && (!best || b->priority < best->priority)) {
            best = b;
        }
    }
    return best;
}

static void
put_addr(struct ds *s, const char *key, const struct tpr_addr *a)
{
    ds_put_format(s, " %s=", key);
    ipv6_format_mapped((const struct in6_addr *) a, s);
}

static void
put_backend(struct ds *s, const struct tpr_redirect_backend *b)
{
    struct eth_addr src_mac;

    memcpy(&src_mac, b->src_mac, sizeof src_mac);
    ds_put_format(s, " via=p%u", b->output);
    put_addr(s, "to", &b->addr);
    ds_put_format(s, " port=%u routed=%d tomac="ETH_ADDR_FMT" vlan=%u",
                  b->l4_port, !eth_addr_is_zero(src_mac),
                  b->mac[0], b->mac[1], b->mac[2], b->mac[3], b->mac[4],
                  b->mac[5], b->vlan == TPR_VLAN_KEEP ? 0 : b->vlan);
}

/* Tells the probe all backends of 'r'. */
static void
tell_backends(const struct host_flows *h, const struct tpr_redirect *r)
{
    for (int i = 0; i < r->n_backends; i++) {
        const struct tpr_redirect_backend *b = &r->backends[i];
        struct ds s = DS_EMPTY_INITIALIZER;

        ds_put_cstr(&s, "backend");
        put_backend(&s, b);
        ds_put_format(&s, " priority=%u weight=%u usable=%d", b->priority,
                      b->weight, is_usable(h, b));
        tell(ds_cstr(&s), "ok");
        ds_destroy(&s);
    }
}

/* Puts what the services are now into force. */
static void
apply(const struct host_flows *h)
{
    tell("forget", "ok");
    for (size_t i = 0; i < h->n_services; i++) {
        const struct tpr_redirect *r = &h->services[i].r;
        const struct tpr_redirect_backend *active = active_backend(h, r);
        struct ds s = DS_EMPTY_INITIALIZER;

        ds_put_format(&s, "service s%u", r->id);
        put_addr(&s, "vip", &r->vip);
        ds_put_format(&s, " proto=%u mac=02:00:00:00:00:50 on_none=%s",
                      r->proto, r->on_none == TPR_ON_NONE_PASS ? "pass"
                      : "drop");
        for (int j = 0; j < r->n_ports; j++) {
            ds_put_format(&s, "%s%u-%u", j ? "," : " ports=",
                          r->ports[j].first, r->ports[j].last);
        }
        if (r->policy == TPR_POLICY_WEIGHTED) {
            ds_put_cstr(&s, " policy=weighted");
        } else if (active) {
            put_backend(&s, active);
        }
        tell(ds_cstr(&s), "ok");
        ds_destroy(&s);
        if (r->policy == TPR_POLICY_WEIGHTED) {
            tell_backends(h, r);
        }
    }
    tell("set", "applied");
}

static void *
flows_create(const struct host_options *o OVS_UNUSED)
{
    struct host_flows *h = xzalloc(sizeof *h);

    if (!probe_in) {
        ovs_assert(switch_shell(xstrdup(
            "ovs-ofctl add-flow br0 priority=0,actions=NORMAL")));
        start_probe();
    }
    h->s = switch_open();
    return h;
}

static void
flows_destroy(void *h_)
{
    struct host_flows *h = h_;

    h->n_services = 0;
    apply(h);
    /* What flows have learned outlives their service. */
    ovs_assert(switch_shell(xstrdup(
        "ovs-ofctl del-flows br0 cookie=0x7470722080000000/"
        "0xffffffff80000000")));
    switch_close(h->s);
    free(h);
}

/* Refuses what the provider's check does, see agent/flow-check.c. */
static bool
flows_set(void *h_, const struct tpr_redirect *r)
{
    struct host_flows *h = h_;
    size_t i = 0;

    while (i < h->n_services && h->services[i].r.id != r->id) {
        i++;
    }
    if ((r->policy != TPR_POLICY_FAILOVER && r->policy != TPR_POLICY_WEIGHTED)
        || r->stateless || r->affinity_ms
        || r->on_none == TPR_ON_NONE_RESET
        || i == MAX_SERVICES || r->n_backends > MAX_BACKENDS_) {
        return false;
    }
    h->n_services = MAX(h->n_services, i + 1);
    h->services[i].r = *r;
    h->services[i].r.backends = h->services[i].backends;
    memcpy(h->services[i].backends, r->backends,
           r->n_backends * sizeof *r->backends);
    apply(h);
    return true;
}

static bool
flows_del(void *h_, uint32_t id)
{
    struct host_flows *h = h_;

    for (size_t i = 0; i < h->n_services; i++) {
        if (h->services[i].r.id == id) {
            h->services[i] = h->services[--h->n_services];
            h->services[i].r.backends = h->services[i].backends;
            apply(h);
            return true;
        }
    }
    return false;
}

static void
flows_word(void *h_, const struct tpr_liveness_mod *mod)
{
    struct host_flows *h = h_;

    h->words[mod->is_region][mod->index % N_WORDS] = mod->state;
    apply(h);
}

static void
flows_process(void *h_, enum tpr_mode mode OVS_UNUSED, uint32_t id OVS_UNUSED,
              uint32_t in_port, const struct pkt *p, struct outcome *out)
{
    struct host_flows *h = h_;
    struct frame f, other;
    bool changed = false;
    int n = 0;

    pkt_build(p, &f);
    free(switch_appctl(h->s, "fdb/flush", NULL));
    ovs_assert(switch_packet_out(h->s, in_port, &f, "output:TABLE"));
    for (uint32_t port = 0; switch_next(h->s, &port, &other); port = 0) {
        changed |= other.len != f.len || memcmp(other.data, f.data, f.len);
        out->port = port;
        out->frame = other;
        n++;
    }
    out->verdict = (!n ? TPR_DROP : !changed ? TPR_PASS
                    : out->port == in_port ? TPR_REPLY : TPR_SEND);
    out->more = n > 1 && changed;
}

const struct host_ops host_flows = {
    .name = "flows", .create = flows_create, .destroy = flows_destroy,
    .set = flows_set, .del = flows_del, .word = flows_word,
    .process = flows_process,
};
