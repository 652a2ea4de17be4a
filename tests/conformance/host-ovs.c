/* SPDX-License-Identifier: Apache-2.0 */

/* The redirects of a real ovs-vswitchd with dummy ports: see host.h, switch.h.
 *
 * Redirects go in as texts that ovs-ofctl would take, packets by packet-outs,
 * whose actions are "redirect(..),output:9", so that what passes leaves by
 * port 9.
 *
 * The switch has a sender of its own, which acts at once.  After whatever may
 * be a death, this waits until the sender is done, with two witnesses: each is
 * a connection of its own on a backend of its own.  The first one's death
 * comes after what is waited for, so that the round of the sender that resets
 * it, or one before, has seen that.  The second's comes after the first's
 * reset: its own reset comes from a later round, and the first one's is over.
 * Witnesses use ports, words and addresses that cases do not. */

#include <config.h>
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ofp-redirect.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/ofpbuf.h"
#include "packets.h"
#include "redirect-check.h"
#include "redirect-text.h"
#include "switch.h"
#include "util.h"

enum {
    N_WORDS = 16,
    N_WITNESSES = 2,
    WITNESS_ID = 9001,
    WITNESS_WORD = N_WORDS,
    WITNESS_PORT = 6,           /* Of its client; its backend's is 7. */
};

struct host_ovs {
    struct switch_ *s;
    struct host_options options;
    uint64_t counters[TPR_N_COUNTERS];  /* When the case began. */
    uint64_t own_resets;                /* Of witnesses, since then. */
    uint32_t own_connections;
    bool touched[2][N_WORDS];
    uint32_t without;           /* Port that was withdrawn; 0: none. */
    struct originated sent;             /* By the sender, not yet asked for. */
};

/* The words of 'dpctl/dump-redirects' behind 'key'. */
static uint64_t
number_after(const char *text, const char *key)
{
    const char *at = text ? strstr(text, key) : NULL;

    return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

static void
read_counters(struct host_ovs *h, uint64_t counters[TPR_N_COUNTERS])
{
    char *text = switch_appctl(h->s, "dpctl/dump-redirects", NULL);

    for (int c = 0; c < TPR_N_COUNTERS; c++) {
        char *name = xasprintf(" %s ", tpr_counter_name(c));

        counters[c] = number_after(text, name);
        free(name);
    }
    free(text);
}

/* Takes what the sender has sent. */
static void
take_sent(struct host_ovs *h)
{
    struct outcome *o = &h->sent.out[h->sent.n];

    for (o->port = 0; switch_next(h->s, &o->port, &o->frame); o->port = 0) {
        o->verdict = TPR_SEND;
        ovs_assert(++h->sent.n < MAX_ORIGINATED);
        o++;
    }
}

static void
set_liveness(struct host_ovs *h, bool is_region, uint32_t index,
             enum tpr_liveness state)
{
    const struct tpr_liveness_mod mod = { index, is_region, state };

    ovs_assert(switch_send(h->s, ofputil_encode_liveness_mod(OFP14_VERSION,
                                                             &mod)));
}

/* ## Witnesses. ## */

static void
witness_speak(struct host_ovs *h, int i, uint8_t flags)
{
    char *text = xasprintf("tcp 192.0.2.9:4000>192.0.2.%d:80 %s ack=%d",
                           i + 1, flags & F_SYN ? "S" : "A",
                           flags & F_SYN ? 0 : 100);
    char *actions = xasprintf("redirect(%d),output:%d", WITNESS_ID + i,
                              PASS_PORT);
    struct pkt p, quote;
    struct frame f;

    ovs_assert(!pkt_parse(text, &p, &quote));
    pkt_build(&p, &f);
    ovs_assert(switch_packet_out(h->s, WITNESS_PORT, &f, actions));
    free(actions);
    free(text);
}

/* Gives witness 'i' a connection whose end would be noticed. */
static void
witness_connect(struct host_ovs *h, int i)
{
    set_liveness(h, false, WITNESS_WORD + i, TPR_LIVENESS_UP);
    witness_speak(h, i, F_SYN);
    witness_speak(h, i, F_ACK);
}

static void
witness_die(struct host_ovs *h, int i)
{
    struct frame f;

    set_liveness(h, false, WITNESS_WORD + i, TPR_LIVENESS_DOWN);
    switch_await(h->s, WITNESS_PORT, &f);
    h->own_resets++;
}

static bool mod_redirect(struct host_ovs *, const char *text);

static void
witnesses_create(struct host_ovs *h)
{
    for (int i = 0; i < N_WITNESSES; i++) {
        char *text = xasprintf(
            "id=%d,vip=192.0.2.%d,tcp,port=80,timeout=established:86400000ms,"
            "timeout=syn:86400000ms,timeout=closing:86400000ms,"
            "backend=192.0.2.%d,mac=02:00:00:00:00:99,output=7,word=%d",
            WITNESS_ID + i, i + 1, i + 5, WITNESS_WORD + i);

        ovs_assert(mod_redirect(h, text));
        free(text);
        witness_connect(h, i);
    }
    h->own_connections = N_WITNESSES;
}

static bool
has_room(const struct host_ovs *h)
{
    return h->options.connections > 16 && h->options.half_open > 4;
}

/* Waits until the sender has acted on all that has died.  In small tables
 * there is no room for witnesses: nothing may die there. */
static void
await_sender(struct host_ovs *h)
{
    if (!has_room(h)) {
        return;
    }
    for (int i = 0; i < N_WITNESSES; i++) {
        witness_die(h, i);
    }
    take_sent(h);
    for (int i = 0; i < N_WITNESSES; i++) {
        witness_connect(h, i);
    }
}

/* ## Set-up. ## */

/* Makes another datapath, with such tables; 0: the usual ones. */
static void
remake_bridge(uint32_t connections, uint32_t half_open)
{
    ovs_assert(switch_shell(xasprintf(
        "ovs-vsctl del-br br0 -- set Open_vSwitch . "
        "other_config:tpr-connections=%u other_config:tpr-half-open=%u",
        connections, half_open)));
    ovs_assert(switch_shell(xstrdup("$TPR_CONFORMANCE_MAKE_BRIDGE")));
}

static void *
ovs_create(const struct host_options *o)
{
    static bool was_special;
    struct host_ovs *h = xzalloc(sizeof *h);

    h->options = *o;
    h->sent.out = xmalloc(MAX_ORIGINATED * sizeof *h->sent.out);
    if (o->is_special) {
        remake_bridge(o->connections, o->half_open);
    } else if (was_special) {
        remake_bridge(0, 0);
    }
    was_special = o->is_special;
    h->s = switch_open();
    read_counters(h, h->counters);
    if (has_room(h)) {
        witnesses_create(h);
    }
    return h;
}

static void
ovs_word(void *h_, const struct tpr_liveness_mod *mod)
{
    struct host_ovs *h = h_;

    set_liveness(h, mod->is_region, mod->index, mod->state);
    ovs_assert(mod->index < N_WORDS);
    h->touched[mod->is_region][mod->index] = true;
    await_sender(h);
}

static bool
delete_redirects(struct host_ovs *h, uint32_t id)
{
    struct ofputil_redirect_mod rm = {
        .command = OFPRDC_DELETE, .redirect.id = id,
    };

    return switch_send(h->s, ofputil_encode_redirect_mod(OFP14_VERSION, &rm));
}

static void
ovs_destroy(void *h_)
{
    struct host_ovs *h = h_;
    uint32_t all;

    ovs_assert(!tpr_redirect_id_parse("all", true, &all));
    ovs_assert(delete_redirects(h, all));
    for (uint32_t i = 0; i < 2 * N_WORDS; i++) {
        if (h->touched[i / N_WORDS][i % N_WORDS]) {
            set_liveness(h, i / N_WORDS, i % N_WORDS, TPR_LIVENESS_UNKNOWN);
        }
    }
    if (h->without) {
        ovs_assert(switch_shell(xasprintf("$TPR_CONFORMANCE_ADD_PORT %u",
                                          h->without)));
    }
    switch_close(h->s);
    free(h->sent.out);
    free(h);
}

static void
put_addr(struct ds *s, const struct tpr_addr *a)
{
    if (tpr_addr_is_ip4(a)) {
        ds_put_format(s, IP_FMT, IP_ARGS((OVS_FORCE ovs_be32) a->w[3]));
    } else {
        ipv6_format_addr((const struct in6_addr *) a, s);
    }
}

static void
put_mac(struct ds *s, const char *key, const uint8_t mac[6])
{
    ds_put_format(s, ",%s=%02x:%02x:%02x:%02x:%02x:%02x", key, mac[0],
                  mac[1], mac[2], mac[3], mac[4], mac[5]);
}

static void
put_backend(struct ds *s, const struct tpr_redirect_backend *b)
{
    static const uint8_t zero[6];

    ds_put_cstr(s, ",backend=");
    put_addr(s, &b->addr);
    put_mac(s, "mac", b->mac);
    if (memcmp(b->src_mac, zero, 6)) {
        put_mac(s, "src_mac", b->src_mac);
    }
    ds_put_format(s, ",output=%u,weight=%u,priority=%u", b->output,
                  b->weight, b->priority);
    if (b->vlan == TPR_VLAN_KEEP || b->vlan == TPR_VLAN_NONE) {
        ds_put_format(s, ",vlan=%s", b->vlan ? "keep" : "none");
    } else {
        ds_put_format(s, ",vlan=%u", b->vlan);
    }
    if (b->l4_port) {
        ds_put_format(s, ",l4_port=%u", b->l4_port);
    }
    if (b->max_connections) {
        ds_put_format(s, ",max_connections=%u", b->max_connections);
    }
    if (b->region != TPR_NO_WORD) {
        ds_put_format(s, ",region=%u", b->region);
    }
    if (b->word != TPR_NO_WORD) {
        ds_put_format(s, ",word=%u", b->word);
    }
}

/* Adds or changes what 'text' says. */
static bool
mod_redirect(struct host_ovs *h, const char *text)
{
    struct ofputil_redirect_mod rm = { .command = OFPRDC_ADD };
    char *error = tpr_redirect_parse(&rm.redirect, text, NULL);
    bool ok = !error;

    free(error);
    if (ok) {
        ok = switch_send(h->s, ofputil_encode_redirect_mod(OFP14_VERSION,
                                                           &rm));
        if (!ok) {
            rm.command = OFPRDC_MODIFY;
            ok = switch_send(h->s, ofputil_encode_redirect_mod(OFP14_VERSION,
                                                               &rm));
        }
        tpr_redirect_uninit(&rm.redirect);
    }
    return ok;
}

/* Adds 'r', or changes it if it is there. */
static bool
ovs_set(void *h_, const struct tpr_redirect *r)
{
    static const char *const downs[] = { NULL, "reset", "reselect", "keep" };
    static const char *const nones[] = { "drop", "reset", "pass" };
    struct ds s = DS_EMPTY_INITIALIZER;
    bool ok;

    ds_put_format(&s, "id=%u,vip=", r->id);
    put_addr(&s, &r->vip);
    ds_put_format(&s, "%s,policy=%s,on_none=%s",
                  r->proto == TPR_PROTO_TCP ? ",tcp"
                  : r->proto == TPR_PROTO_UDP ? ",udp"
                  : r->proto == TPR_PROTO_SCTP ? ",sctp" : "",
                  tpr_policy_name(r->policy), nones[r->on_none]);
    if (r->on_down) {
        ds_put_format(&s, ",on_down=%s", downs[r->on_down]);
    }
    if (r->stateless) {
        ds_put_cstr(&s, ",stateless=true");
    }
    if (r->affinity_ms) {
        ds_put_format(&s, ",affinity=%ums", r->affinity_ms);
    }
    for (int i = 0; i < r->n_ports; i++) {
        ds_put_format(&s, ",port=%u-%u", r->ports[i].first,
                      r->ports[i].last);
    }
    for (int i = 0; i < TPR_N_TIMEOUTS; i++) {
        ds_put_format(&s, ",timeout=%s:%ums", tpr_timeout_name(i),
                      r->timeouts[i]);
    }
    for (int i = 0; i < r->n_backends; i++) {
        put_backend(&s, &r->backends[i]);
    }
    ok = mod_redirect(h_, ds_cstr(&s));
    ds_destroy(&s);
    await_sender(h_);           /* Backends may be gone. */
    return ok;
}

static bool
ovs_del(void *h_, uint32_t id)
{
    bool ok = delete_redirects(h_, id);

    await_sender(h_);
    return ok;
}

/* The port goes.  It comes again at the end: at once, with that number, it
 * would be of use to the same backends. */
static void
ovs_withdraw(void *h_, uint32_t port)
{
    struct host_ovs *h = h_;

    ovs_assert(switch_shell(xasprintf("ovs-vsctl del-port br0 p%u", port)));
    h->without = port;
    await_sender(h);
}

static void
ovs_process(void *h_, enum tpr_mode mode, uint32_t id, uint32_t in_port,
            const struct pkt *p, struct outcome *out)
{
    struct host_ovs *h = h_;
    char *actions = (mode == TPR_MODE_FORWARD
                     ? xasprintf("redirect(%u),output:%d", id, PASS_PORT)
                     : xasprintf("redirect(%s),output:%d",
                                 mode == TPR_MODE_ANY ? "any" : "reverse",
                                 PASS_PORT));
    struct frame f, more;
    uint32_t port = 0;

    pkt_build(p, &f);
    out->verdict = TPR_DROP;
    out->more = false;
    if (!switch_packet_out(h->s, in_port, &f, actions)) {
        /* An object that is not there is refused: nothing happens. */
        out->verdict = TPR_PASS;
        out->frame = f;
    }
    if (switch_next(h->s, &port, &out->frame)) {
        out->port = port;
        out->verdict = (port == PASS_PORT ? TPR_PASS
                        : port == in_port ? TPR_REPLY : TPR_SEND);
        port = 0;
        while (switch_next(h->s, &port, &more)) {
            out->more = true;
            port = 0;
        }
    }
    free(actions);
}

static void
ovs_originate(void *h_, struct originated *o)
{
    struct host_ovs *h = h_;

    o->n = h->sent.n;
    memcpy(o->out, h->sent.out, o->n * sizeof *o->out);
    h->sent.n = 0;
}

static void
ovs_time(void *h_, uint32_t ms)
{
    switch_warp(((struct host_ovs *) h_)->s, ms);
}

static uint64_t
ovs_counter(void *h_, enum tpr_counter c)
{
    struct host_ovs *h = h_;
    uint64_t now[TPR_N_COUNTERS];

    read_counters(h, now);
    return (now[c] - h->counters[c]
            - (c == TPR_COUNTER_RESET_SENT ? h->own_resets : 0));
}

static uint32_t
ovs_connections(void *h_)
{
    struct host_ovs *h = h_;
    char *text = switch_appctl(h->s, "dpctl/dump-redirects", NULL);
    uint32_t n = (uint32_t) number_after(text, "connections: ");

    free(text);
    return n - h->own_connections;
}

static bool
ovs_stats(void *h_, uint32_t id, uint16_t i, struct tpr_backend_stats *s)
{
    struct tpr_redirect_stats stats;
    bool found;

    if (!switch_get_stats(((struct host_ovs *) h_)->s, id, &stats)) {
        return false;
    }
    found = i < stats.n_backends;
    if (found) {
        *s = stats.backends[i];
    }
    tpr_redirect_stats_uninit(&stats);
    return found;
}

const struct host_ops host_ovs = {
    .name = "ovs", .create = ovs_create, .destroy = ovs_destroy,
    .set = ovs_set, .del = ovs_del, .word = ovs_word,
    .withdraw = ovs_withdraw, .process = ovs_process,
    .originate = ovs_originate, .time = ovs_time, .counter = ovs_counter,
    .connections = ovs_connections, .stats = ovs_stats,
    .acts_at_once = true, .seed = 12345,                /* As run-ovs says. */
};
