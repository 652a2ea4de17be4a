/* SPDX-License-Identifier: Apache-2.0 */

/* A real ovs-vswitchd with dummy ports: see host.h.
 *
 * tests/conformance/run-ovs starts the switch and leaves its folder in
 * TPR_CONFORMANCE_DIR.  Everything goes the way a user's goes: redirects and
 * words by ovs-ofctl, packets in by packet-outs, whose action is "redirect(..),
 * output:9", so that what passes leaves by port 9; packets out are read from
 * the files that dummy ports write.  ovs-ofctl returns when the packet is
 * through. */

#include <config.h>
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "redirect-check.h"
#include "util.h"

enum { PASS_PORT = 9, N_WORDS = 16 };
static const int ports[] = { 1, 2, 3, 4, 5, PASS_PORT };

struct host_ovs {
    const char *dir;
    long read[ARRAY_SIZE(ports)];       /* Of the ports' files. */
    uint64_t counters[TPR_N_COUNTERS];  /* When the case began. */
    bool touched[2][N_WORDS];
};

/* Runs 'command', frees it; returns what it printed, for free(), or NULL if it
 * failed. */
static char *
run(char *command)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    char line[1024];
    FILE *pipe = popen(command, "r");

    free(command);
    while (pipe && fgets(line, sizeof line, pipe)) {
        ds_put_cstr(&s, line);
    }
    if (!pipe || pclose(pipe)) {
        ds_destroy(&s);
        return NULL;
    }
    return ds_steal_cstr(&s);
}

static bool
run_only(char *command)
{
    char *output = run(command);

    free(output);
    return output != NULL;
}

#define OFCTL "ovs-ofctl -O OpenFlow14 "
#define QUIET " > /dev/null 2>&1"

static uint64_t
read_counter(enum tpr_counter c)
{
    char *text = run(xstrdup("ovs-appctl dpctl/dump-redirects 2> /dev/null"));
    char *name = xasprintf(" %s ", tpr_counter_name(c));
    const char *at = text ? strstr(text, name) : NULL;
    uint64_t value = at ? strtoull(at + strlen(name), NULL, 10) : 0;

    free(name);
    free(text);
    return value;
}

/* The next packet that port 'i' has sent; false if there is none. */
static bool
next_packet(struct host_ovs *h, size_t i, struct frame *f)
{
    char *path = xasprintf("%s/p%d.pcap", h->dir, ports[i]);
    FILE *file = fopen(path, "rb");
    uint32_t header[4];
    bool found = false;

    free(path);
    if (file && !fseek(file, h->read[i], SEEK_SET)
        && fread(header, sizeof header, 1, file) == 1
        && header[2] <= FRAME_MAX
        && fread(f->data, header[2], 1, file) == 1) {
        f->len = header[2];
        h->read[i] = ftell(file);
        found = true;
    }
    if (file) {
        fclose(file);
    }
    return found;
}

static void *
ovs_create(const struct host_options *o OVS_UNUSED)
{
    struct host_ovs *h = xzalloc(sizeof *h);
    struct frame f;

    h->dir = getenv("TPR_CONFORMANCE_DIR");
    for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
        h->read[i] = 24;                /* The file's header. */
        while (next_packet(h, i, &f)) {
            continue;
        }
    }
    for (int c = 0; c < TPR_N_COUNTERS; c++) {
        h->counters[c] = read_counter(c);
    }
    return h;
}

static void
ovs_word(void *h_, const struct tpr_liveness_mod *mod)
{
    static const char *const states[] = { "unknown", "up", "down", "drain" };
    struct host_ovs *h = h_;

    ovs_assert(run_only(xasprintf(OFCTL "set-liveness br0 %s=%u,state=%s"
                                  QUIET, mod->is_region ? "region" : "word",
                                  mod->index, states[mod->state])));
    h->touched[mod->is_region][mod->index % N_WORDS] = true;
}

static void
ovs_destroy(void *h_)
{
    struct host_ovs *h = h_;

    run_only(xstrdup(OFCTL "del-redirects br0" QUIET));
    for (uint32_t i = 0; i < 2 * N_WORDS; i++) {
        const struct tpr_liveness_mod mod = {
            .is_region = i / N_WORDS, .index = i % N_WORDS,
        };

        if (h->touched[mod.is_region][mod.index]) {
            ovs_word(h, &mod);
        }
    }
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

/* Adds 'r', or changes it if it is there. */
static bool
ovs_set(void *h_ OVS_UNUSED, const struct tpr_redirect *r)
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
    ok = (run_only(xasprintf(OFCTL "add-redirect br0 '%s'" QUIET,
                             ds_cstr(&s)))
          || run_only(xasprintf(OFCTL "mod-redirect br0 '%s'" QUIET,
                                ds_cstr(&s))));
    ds_destroy(&s);
    return ok;
}

static bool
ovs_del(void *h_ OVS_UNUSED, uint32_t id)
{
    return run_only(xasprintf(OFCTL "del-redirects br0 %u" QUIET, id));
}

static void
ovs_process(void *h_, enum tpr_mode mode, uint32_t id, uint32_t in_port,
            const struct pkt *p, struct outcome *out)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    struct host_ovs *h = h_;
    struct frame f;

    pkt_build(p, &f);
    ds_put_format(&s, OFCTL "packet-out br0 'in_port=%u,packet=", in_port);
    for (size_t i = 0; i < f.len; i++) {
        ds_put_format(&s, "%02x", f.data[i]);
    }
    ds_put_cstr(&s, ",actions=redirect(");
    if (mode == TPR_MODE_FORWARD) {
        ds_put_format(&s, "%u", id);
    } else {
        ds_put_cstr(&s, mode == TPR_MODE_ANY ? "any" : "reverse");
    }
    ds_put_format(&s, "),output:%d'" QUIET, PASS_PORT);
    out->verdict = TPR_DROP;
    if (!run_only(ds_steal_cstr(&s))) {
        /* An object that is not there is refused: nothing happens. */
        out->verdict = TPR_PASS;
        out->frame = f;
    }
    for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
        if (next_packet(h, i, &out->frame)) {
            out->port = ports[i];
            out->verdict = (ports[i] == PASS_PORT ? TPR_PASS
                            : out->port == in_port ? TPR_REPLY : TPR_SEND);
            break;
        }
    }
}

static uint64_t
ovs_counter(void *h_, enum tpr_counter c)
{
    return read_counter(c) - ((struct host_ovs *) h_)->counters[c];
}

static uint32_t
ovs_connections(void *h_ OVS_UNUSED)
{
    char *text = run(xstrdup("ovs-appctl dpctl/dump-redirects 2> /dev/null"));
    const char *at = text ? strstr(text, "connections: ") : NULL;
    uint32_t n = at ? (uint32_t) number(at + 13) : UINT32_MAX;

    free(text);
    return n;
}

static uint64_t
number_after(const char *line, const char *key)
{
    const char *at = strstr(line, key);

    return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

static bool
ovs_stats(void *h_ OVS_UNUSED, uint32_t id, uint16_t i,
          struct tpr_backend_stats *s)
{
    char *text = run(xasprintf(OFCTL "dump-redirect-stats br0 %u", id));
    char *key = xasprintf("backend %u:", i);
    char *line = text ? strstr(text, key) : NULL;

    free(key);
    if (line) {
        line[strcspn(line, "\n")] = '\0';
        memset(s, 0, sizeof *s);
        s->packets = number_after(line, " packets=");
        s->rev_packets = number_after(line, " rev_packets=");
        s->connections = (uint32_t) number_after(line, " connections=");
    }
    free(text);
    return line != NULL;
}

/* Without what only a host in this process can show at a known moment: the
 * clock, the sender's turn, a table's size. */
const struct host_ops host_ovs = {
    .name = "ovs", .create = ovs_create, .destroy = ovs_destroy,
    .set = ovs_set, .del = ovs_del, .word = ovs_word,
    .process = ovs_process, .counter = ovs_counter,
    .connections = ovs_connections, .stats = ovs_stats,
};
