/* SPDX-License-Identifier: Apache-2.0 */

/* What tools/bench forward runs: sends UDP packets of 64 bytes into one device
 * and counts what comes out of another one at the far end.  For each line that
 * it reads,
 *
 *     METHOD CLIENT INGRESS EGRESS SERVER FLOWS MILLISECONDS
 *
 * it writes one: millions of packets a second, and connections.
 *
 * CLIENT-INGRESS and EGRESS-SERVER are pairs of veth devices.  METHOD is
 * "plain", "ours" or "stateless", which attach a program to INGRESS, or
 * "other", where somebody else forwards.  Frames are sent by BPF_PROG_RUN,
 * alive, by a program that writes each of them anew. */

#include <config.h>
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "loader.h"
#include "redirect-check.h"
#include "timeval.h"
#include "util.h"

enum { VIP = 0xac147e32, BACKEND = 0xac147e3c };    /* 172.20.126.50, .60 */
enum { LEN = TPR_BPF_BENCH_SHORT, CHUNK = 50000, WARM_MS = 300 };

static struct tpr_bpf *bpf;

static void
check(char *error)
{
    if (error) {
        ovs_fatal(0, "%s", error);
    }
}

static uint32_t
device(const char *name)
{
    uint32_t ifindex = if_nametoindex(name);

    if (!ifindex) {
        ovs_fatal(errno, "%s", name);
    }
    return ifindex;
}

static void
attach(uint32_t ifindex, enum tpr_bpf_program program)
{
    int error = -bpf_xdp_attach((int) ifindex, tpr_bpf_fd(bpf, program),
                                XDP_FLAGS_DRV_MODE
                                | XDP_FLAGS_UPDATE_IF_NOEXIST, NULL);

    if (error) {
        ovs_fatal(error, "cannot attach an XDP program");
    }
}

static void
detach(uint32_t ifindex)
{
    bpf_xdp_detach((int) ifindex, XDP_FLAGS_DRV_MODE, NULL);
}

static uint16_t
checksum(const uint8_t *data, size_t n, uint32_t sum)
{
    for (size_t i = 0; i < n; i += 2) {
        sum += data[i] << 8 | data[i + 1];
    }
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t) ~sum;
}

static void
put16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t) (value >> 8);
    at[1] = (uint8_t) value;
}

/* A packet from 0.0.0.0, port 0, to the VIP. */
static void
make_frame(uint8_t *f)
{
    const uint32_t vip = htonl(VIP);

    memset(f, 0, LEN);
    memcpy(f, "\x02\x54\0\0\0\x09\x02\x54\0\0\0\x01\x08\0\x45", 15);
    put16(f + 16, LEN - 14);
    f[20] = 0x40;               /* Not to be fragmented. */
    f[22] = 64;
    f[23] = TPR_PROTO_UDP;
    memcpy(f + 30, &vip, 4);
    put16(f + 24, checksum(f + 14, 20, 0));
    f[37] = 53;
    put16(f + 38, LEN - 34);
    put16(f + 40, checksum(f + 26, LEN - 26, LEN - 34 + TPR_PROTO_UDP));
}

static void
add_service(uint32_t output, bool stateless)
{
    struct tpr_redirect_backend b = {
        .addr = tpr_addr_from_ip4(htonl(BACKEND)), .output = output,
        .region = TPR_NO_WORD, .word = TPR_NO_WORD, .vlan = TPR_VLAN_KEEP,
        .weight = 100, .mac = { 2, 0x54, 0, 0, 0, 2 },
    };
    struct tpr_redirect r;

    tpr_redirect_init(&r, 1);
    r.vip = tpr_addr_from_ip4(htonl(VIP));
    r.proto = TPR_PROTO_UDP;
    r.policy = TPR_POLICY_FAILOVER;
    r.stateless = stateless;
    r.n_ports = 1;
    r.ports[0].first = r.ports[0].last = 53;
    r.backends = &b;
    r.n_backends = 1;
    check(tpr_bpf_set(bpf, &r));
}

/* Sends for 'ms'.  Returns how long it took, in microseconds. */
static long long int
send_for(int ms)
{
    uint8_t in[LEN] = { 0 };
    const long long int start = time_usec();
    long long int now;

    do {
        LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in,
                    .data_size_in = sizeof in, .repeat = CHUNK,
                    .flags = BPF_F_TEST_XDP_LIVE_FRAMES);
        int error = -bpf_prog_test_run_opts(
            tpr_bpf_fd(bpf, TPR_BPF_BENCH_SEND), &opts);

        if (error) {
            ovs_fatal(error, "BPF_PROG_RUN");
        }
        now = time_usec();
    } while (now - start < ms * 1000LL);
    return now - start;
}

static void
set_bench(bool keeps_vip, uint32_t n_flows, uint32_t client, uint32_t egress)
{
    struct tpr_bpf_bench *b = tpr_bpf_bench(bpf);

    make_frame((uint8_t *) b->frame);
    b->n_flows = n_flows;
    b->step = n_flows > 1 ? 611953 % n_flows : 1;
    b->send_port = client;
    b->forward_port = egress;
    b->expected = htonl(keeps_vip ? VIP : BACKEND);
}

static const struct tpr_bpf_options options = {
    .connections = 1 << 17, .half_open = 1 << 17, .benching = true,
};

static void
measure(const char *method, const char *const devices[4], uint32_t n_flows,
        int ms)
{
    const uint32_t client = device(devices[0]), ingress = device(devices[1]);
    const uint32_t egress = device(devices[2]), server = device(devices[3]);
    const bool is_plain = !strcmp(method, "plain");
    const bool is_stateless = !strcmp(method, "stateless");
    const bool is_ours = is_stateless || !strcmp(method, "ours");
    long long int us;
    uint64_t n;

    tpr_bpf_reset(bpf, &options);
    check(tpr_bpf_add_port(bpf, client));
    check(tpr_bpf_add_port(bpf, egress));
    add_service(egress, is_stateless);
    set_bench(is_plain || is_stateless, n_flows, client, egress);
    attach(server, TPR_BPF_BENCH_SINK);
    if (is_plain || is_ours) {
        attach(ingress, is_plain ? TPR_BPF_BENCH_PLAIN : TPR_BPF_XDP);
    }
    send_for(WARM_MS);
    n = tpr_bpf_bench_received(bpf);
    us = send_for(ms);
    n = tpr_bpf_bench_received(bpf) - n;
    if (is_plain || is_ours) {
        detach(ingress);
    }
    detach(server);
    tpr_bpf_del_port(bpf, client);
    tpr_bpf_del_port(bpf, egress);
    printf("%.4f %u\n", (double) n / (double) us, tpr_bpf_connections(bpf));
    fflush(stdout);
}

int
main(int argc OVS_UNUSED, char *argv[])
{
    char method[16], names[4][IF_NAMESIZE];
    unsigned int n_flows;
    int ms;

    set_program_name(argv[0]);
    check(tpr_bpf_create(&options, &bpf));
    while (scanf("%15s %15s %15s %15s %15s %u %d", method, names[0], names[1],
                 names[2], names[3], &n_flows, &ms) == 7) {
        const char *const devices[] = { names[0], names[1], names[2],
                                        names[3] };

        measure(method, devices, n_flows, ms);
    }
    tpr_bpf_destroy(bpf);
    return 0;
}
