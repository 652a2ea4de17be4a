/* SPDX-License-Identifier: Apache-2.0 */

/* The BPF programs as hosts: see host-bpf.h.  They are loaded once; every case
 * begins with empty maps. */

#include <config.h>
#include "host-bpf.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "loader.h"
#include "util.h"

enum { START_MS = 0xffff0000 };         /* The clock wraps soon. */
enum { MAX_CONNECTIONS = 8192, MAX_HALF_OPEN = 8192 };

struct host_bpf {
    enum tpr_bpf_program program;
    bool is_auto;
    uint32_t now;
};

static struct tpr_bpf *bpf;

/* Loads the programs.  Returns NULL with a sentence to free() if they cannot
 * be loaded. */
struct tpr_bpf *
host_bpf_open(char **error)
{
    const struct tpr_bpf_options options = {
        .connections = MAX_CONNECTIONS,
        .half_open = MAX_HALF_OPEN,
        .objects = 1100,
        .records = 4096,
        .testing = true,
    };

    *error = tpr_bpf_create(&options, &bpf);
    return bpf;
}

void
host_bpf_close(void)
{
    tpr_bpf_destroy(bpf);
    bpf = NULL;
}

static void *
create(const struct host_options *o, enum tpr_bpf_program program,
       bool is_auto)
{
    const struct tpr_bpf_options options = {
        .connections = o->connections,
        .half_open = o->half_open,
        .seed = o->seed,
    };
    struct host_bpf *h = xzalloc(sizeof *h);

    ovs_assert(o->connections <= MAX_CONNECTIONS
               && o->half_open <= MAX_HALF_OPEN);
    tpr_bpf_reset(bpf, &options);
    h->program = program;
    h->is_auto = is_auto;
    h->now = START_MS;
    return h;
}

static void *
xdp_create(const struct host_options *o)
{
    return create(o, TPR_BPF_XDP_TEST, false);
}

static void *
tc_create(const struct host_options *o)
{
    return create(o, TPR_BPF_TC_TEST, false);
}

static void *
xdp_auto_create(const struct host_options *o)
{
    return create(o, TPR_BPF_XDP_TEST, true);
}

static void *
tc_auto_create(const struct host_options *o)
{
    return create(o, TPR_BPF_TC_TEST, true);
}

static void
bpf_destroy(void *h)
{
    free(h);
}

static bool
bpf_set(void *h OVS_UNUSED, const struct tpr_redirect *r)
{
    char *error = tpr_bpf_set(bpf, r);

    free(error);
    return !error;
}

static bool
bpf_del(void *h OVS_UNUSED, uint32_t id)
{
    bool found = !tpr_bpf_del(bpf, id);

    tpr_bpf_settle(bpf);
    return found;
}

static void
bpf_word(void *h OVS_UNUSED, const struct tpr_liveness_mod *mod)
{
    ovs_assert(!tpr_bpf_set_liveness(bpf, mod));
}

static void
bpf_withdraw(void *h OVS_UNUSED, uint32_t port)
{
    tpr_bpf_withdraw_port(bpf, port);
}

/* Puts a tag that stands beside the frame into it. */
static void
put_tag(struct frame *f, uint32_t tci)
{
    memmove(f->data + 16, f->data + 12, f->len - 12);
    f->data[12] = TPR_ETH_VLAN >> 8;
    f->data[13] = TPR_ETH_VLAN & 0xff;
    f->data[14] = (uint8_t) ((tci & ~TPR_TCI_PRESENT) >> 8);
    f->data[15] = (uint8_t) tci;
    f->len += TPR_VLAN_LEN;
}

static void
bpf_process(void *h_, enum tpr_mode mode, uint32_t id, uint32_t in_port,
            const struct pkt *p, struct outcome *out)
{
    const struct host_bpf *h = h_;
    struct tpr_bpf_test *test = tpr_bpf_test(bpf);
    LIBBPF_OPTS(bpf_test_run_opts, opts, .repeat = 1);
    struct frame f;
    int error;

    pkt_build(p, &f);
    test->now_ms = h->now;
    test->in_port = in_port;
    test->mode = h->is_auto ? TPR_BPF_MODE_AUTO : (uint32_t) mode;
    test->id = id;
    opts.data_in = f.data;
    opts.data_size_in = (uint32_t) f.len;
    opts.data_out = out->frame.data;
    opts.data_size_out = sizeof out->frame.data;
    error = -bpf_prog_test_run_opts(tpr_bpf_fd(bpf, h->program), &opts);
    if (error == EINVAL && h->program == TPR_BPF_TC_TEST) {
        /* The kernel makes no skb for tc of a frame whose IP header is cut
         * off.  Parsing is the same in XDP. */
        error = -bpf_prog_test_run_opts(tpr_bpf_fd(bpf, TPR_BPF_XDP_TEST),
                                        &opts);
    }
    if (error) {
        ovs_fatal(error, "BPF_PROG_RUN");
    }
    out->verdict = test->verdict;
    out->port = test->port;
    out->frame.len = opts.data_size_out;
    if (test->tci && out->verdict == TPR_SEND) {
        put_tag(&out->frame, test->tci);
    }
}

static void
take_packet(void *o_, const void *frame, uint32_t len, uint32_t output)
{
    struct originated *o = o_;
    struct outcome *out = &o->out[o->n++];

    out->verdict = TPR_SEND;
    out->port = output;
    out->frame.len = len;
    memcpy(out->frame.data, frame, len);
}

static void
bpf_originate(void *h, struct originated *o)
{
    const struct tpr_bpf_ops ops = { take_packet, o };

    o->n = 0;
    tpr_bpf_handle_deaths(bpf, ((struct host_bpf *) h)->now, &ops);
}

static void
bpf_time(void *h_, uint32_t ms)
{
    struct host_bpf *h = h_;

    h->now += ms;
    tpr_bpf_run(bpf, h->now);
}

static uint64_t
bpf_counter(void *h OVS_UNUSED, enum tpr_counter c)
{
    return tpr_bpf_counter(bpf, c);
}

static uint32_t
bpf_connections(void *h OVS_UNUSED)
{
    return tpr_bpf_connections(bpf);
}

static bool
bpf_stats(void *h OVS_UNUSED, uint32_t id, uint16_t i,
          struct tpr_backend_stats *s)
{
    struct tpr_redirect_stats stats;
    bool found;

    if (tpr_bpf_get_stats(bpf, id, &stats)) {
        return false;
    }
    found = i < stats.n_backends;
    if (found) {
        *s = stats.backends[i];
    }
    free(stats.backends);
    return found;
}

#define HOST_BPF(NAME, CREATE)                                          \
    {                                                                   \
        .name = NAME, .create = CREATE, .destroy = bpf_destroy,         \
        .set = bpf_set, .del = bpf_del, .word = bpf_word,               \
        .withdraw = bpf_withdraw, .process = bpf_process,               \
        .originate = bpf_originate, .time = bpf_time,                   \
        .counter = bpf_counter, .connections = bpf_connections,         \
        .stats = bpf_stats, .pool_of_newest = true,                     \
    }

const struct host_ops host_xdp = HOST_BPF("xdp", xdp_create);
const struct host_ops host_tc = HOST_BPF("tc", tc_create);
const struct host_ops host_xdp_auto = HOST_BPF("xdp-auto", xdp_auto_create);
const struct host_ops host_tc_auto = HOST_BPF("tc-auto", tc_auto_create);
