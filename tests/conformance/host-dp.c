/* SPDX-License-Identifier: Apache-2.0 */

/* The redirects of the userspace datapath (datapath-ext/ovs), in this
 * process: see host.h. */

#include <config.h>
#include "host.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "dp-packet.h"
#include "flow.h"
#include "ovs-rcu.h"
#include "redirect-dp.h"
#include "util.h"

struct host_dp {
    struct tpr_dp *dp;
    uint32_t now;
};

enum { START_MS = 0xffff0000 };         /* The clock wraps soon. */

static void *
dp_create(const struct host_options *o)
{
    char path[] = "/tmp/tpr-conformance.XXXXXX";
    char *dir = mkdtemp(path);
    struct host_dp *h = xzalloc(sizeof *h);
    char *page = xasprintf("%s/page", dir ? dir : ".");
    const struct tpr_dp_options options = {
        .connections = o->connections,
        .half_open = o->half_open,
        .seed = o->seed,
        .page = page,
    };
    char *error = tpr_dp_create(&options, &h->dp);

    if (error) {
        ovs_fatal(0, "%s", error);
    }
    unlink(page);
    rmdir(path);
    free(page);
    h->now = START_MS;
    return h;
}

static void
dp_destroy(void *h_)
{
    struct host_dp *h = h_;

    tpr_dp_destroy(h->dp);
    free(h);
    ovsrcu_quiesce();
}

static bool
dp_set(void *h_, const struct tpr_redirect *r)
{
    char *error = tpr_dp_set(((struct host_dp *) h_)->dp, r->id, SCOPE, r);

    free(error);
    return !error;
}

static bool
dp_del(void *h_, uint32_t id)
{
    return !tpr_dp_del(((struct host_dp *) h_)->dp, id);
}

static void
dp_word(void *h_, const struct tpr_liveness_mod *mod)
{
    ovs_assert(!tpr_dp_set_liveness(((struct host_dp *) h_)->dp, mod));
}

static void
dp_withdraw(void *h_, uint32_t port)
{
    tpr_dp_withdraw_port(((struct host_dp *) h_)->dp, port);
}

static void
copy_frame(struct frame *f, const struct dp_packet *packet)
{
    f->len = dp_packet_size(packet);
    memcpy(f->data, dp_packet_data(packet), f->len);
}

static void
dp_process(void *h_, enum tpr_mode mode, uint32_t id, uint32_t in_port,
           const struct pkt *p, struct outcome *out)
{
    struct host_dp *h = h_;
    const struct tpr_action action = {
        .id = mode == TPR_MODE_FORWARD ? id : 0, .scope = SCOPE, .mode = mode,
    };
    struct tpr_dp_result result;
    struct dp_packet_batch batch;
    struct dp_packet *packet;
    struct frame f;
    struct flow flow;

    pkt_build(p, &f);
    packet = dp_packet_clone_data_with_headroom(f.data, f.len, 64);
    flow_extract(packet, &flow);        /* Sets offsets, as a port does. */
    if (p->partial && p->proto == TPR_PROTO_UDP) {
        dp_packet_hwol_set_csum_udp(packet);
    } else if (p->partial) {
        dp_packet_hwol_set_csum_tcp(packet);
    }
    dp_packet_batch_init_packet(&batch, packet);
    dp_packet_batch_add(&batch, packet);
    tpr_dp_expect(h->dp, &action, &batch);      /* Of one there is no use. */
    tpr_dp_process(h->dp, &action, packet, in_port, h->now, &result);
    out->verdict = result.verdict;
    out->port = result.output;
    if (result.verdict != TPR_DROP) {
        copy_frame(&out->frame, result.reply ? result.reply : packet);
    }
    dp_packet_delete(packet);
    dp_packet_delete(result.reply);
}

static void
take_packets(void *o_, struct dp_packet *packets[], const uint32_t outputs[],
             size_t n)
{
    struct originated *o = o_;

    for (size_t i = 0; i < n; i++) {
        struct outcome *out = &o->out[o->n++];

        out->verdict = TPR_SEND;
        out->port = outputs[i];
        copy_frame(&out->frame, packets[i]);
        dp_packet_delete(packets[i]);
    }
}

static void
dp_originate(void *h_, struct originated *o)
{
    struct host_dp *h = h_;
    const struct tpr_dp_ops ops = { take_packets, o };

    o->n = 0;
    tpr_dp_handle_deaths(h->dp, h->now, &ops);
    ovsrcu_quiesce();
}

static void
dp_time(void *h_, uint32_t ms)
{
    struct host_dp *h = h_;

    h->now += ms;
    tpr_dp_run(h->dp, h->now);
}

static uint64_t
dp_counter(void *h_, enum tpr_counter c)
{
    return tpr_dp_counter(((struct host_dp *) h_)->dp, c);
}

static uint32_t
dp_connections(void *h_)
{
    return tpr_dp_connections(((struct host_dp *) h_)->dp);
}

static bool
dp_stats(void *h_, uint32_t id, uint16_t i, struct tpr_backend_stats *s)
{
    struct tpr_redirect_stats stats;
    bool found;

    if (tpr_dp_get_stats(((struct host_dp *) h_)->dp, id, &stats)) {
        return false;
    }
    found = i < stats.n_backends;
    if (found) {
        *s = stats.backends[i];
    }
    free(stats.backends);
    return found;
}

const struct host_ops host_dp = {
    .name = "dp", .create = dp_create, .destroy = dp_destroy, .set = dp_set,
    .del = dp_del, .word = dp_word, .withdraw = dp_withdraw,
    .process = dp_process, .originate = dp_originate, .time = dp_time,
    .counter = dp_counter, .connections = dp_connections, .stats = dp_stats,
    .paces = true,
};
