/* SPDX-License-Identifier: Apache-2.0 */

/* What tpr-regiond measures for its agent-check: processors of the host or of
 * a cgroup, connections of the service, packets/s.  load.[ch] knows the
 * formats.
 *
 * A load is that of the time between the last two measurements; connections
 * are counted. */

#include <config.h>
#include "regiond.h"

#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdlib.h>
#include <string.h>
#include "file-text.h"
#include "openvswitch/dynamic-string.h"
#include "ovs-thread.h"
#include "tpr-time.h"
#include "util.h"

/* Reads 'path' into 'text'.  Returns false, with the trouble in '*m', if it
 * cannot be read. */
static bool
must_read(struct regiond_metric *m, const char *path, struct ds *text)
{
    int error = file_text(path, text);

    if (error) {
        snprintf(m->trouble, sizeof m->trouble, "cannot read %s (%s)", path,
                 ovs_strerror(error));
    }
    return !error;
}

static bool
misread(struct regiond_metric *m, const char *path)
{
    snprintf(m->trouble, sizeof m->trouble, "%s is not as expected", path);
    return false;
}

/* Turns 'value', which only grows, into its growth per second since the last
 * time.  Returns false the first time. */
static bool
rate(struct regiond_metric *m, uint64_t value, long long int now_us,
     double *per_s)
{
    bool ok = m->last_us && now_us > m->last_us;

    *per_s = (ok && value > m->last
              ? (value - m->last) * 1e6 / (now_us - m->last_us) : 0);
    m->last = value;
    m->last_us = now_us;
    return ok;
}

static bool
measure_cpu(struct regiond_metric *m, struct ds *text)
{
    struct load_ticks now, before = m->ticks;
    bool ok;

    if (!must_read(m, "/proc/stat", text)) {
        return false;
    } else if (!load_parse_stat(ds_cstr(text), &now)) {
        return misread(m, "/proc/stat");
    }
    ok = before.all != 0;
    m->ticks = now;
    m->load = ok ? load_ticks_percent(&before, &now) : 0;
    return ok;
}

/* Reads 'file' of 'folder' into 'text'.  Returns false if it cannot be
 * read. */
static bool
read_in(const char *folder, const char *file, struct ds *text)
{
    char *path = xasprintf("%s/%s", folder, file);
    int error = file_text(path, text);

    free(path);
    return !error;
}

/* Returns how many processors the cgroup of 'folder' may use: those that it
 * and the cgroups around it are limited to. */
double
regiond_cgroup_cpus(const char *folder)
{
    double n = MAX(1, count_total_cores());
    struct ds text = DS_EMPTY_INITIALIZER;
    char *dir = xstrdup(folder);
    bool listed = false;
    char *end;

    while (read_in(dir, "cgroup.controllers", &text)) {
        /* The first one says what all of them leave. */
        if (!listed && read_in(dir, "cpuset.cpus.effective", &text)) {
            unsigned int n_listed = load_parse_cpu_list(ds_cstr(&text));

            listed = n_listed > 0;
            n = listed ? MIN(n, n_listed) : n;
        }
        /* The root of cgroups has no such file. */
        if (read_in(dir, "cpu.max", &text)) {
            n = load_parse_cpu_max(ds_cstr(&text), n);
        }
        end = strrchr(dir, '/');
        if (!end) {
            break;
        }
        *end = '\0';
    }
    free(dir);
    ds_destroy(&text);
    return n;
}

/* In percent of what the cgroup may use. */
static bool
measure_cgroup(struct regiond_metric *m, struct ds *text,
               long long int now_us)
{
    char *stat = xasprintf("%s/cpu.stat", m->name);
    uint64_t usage_us = 0;
    double per_s;
    bool ok = must_read(m, stat, text);

    if (ok && !load_parse_cpu_stat(ds_cstr(text), &usage_us)) {
        ok = misread(m, stat);
    }
    if (ok) {
        ok = rate(m, usage_us, now_us, &per_s);
        m->load = per_s / 1e4 / regiond_cgroup_cpus(m->name);
    }
    free(stat);
    return ok;
}

static bool
measure_packets(struct regiond_metric *m, struct ds *text,
                long long int now_us)
{
    uint64_t packets;

    if (!must_read(m, "/proc/self/net/dev", text)) {
        return false;
    } else if (!load_parse_net_dev(ds_cstr(text), m->name, &packets)) {
        snprintf(m->trouble, sizeof m->trouble, "there is no device %s",
                 m->name);
        return false;
    }
    return rate(m, packets, now_us, &m->load);
}

/* Connections, by inet_diag. */

/* A question whose answer has only sockets of local port 'port': a program of
 * the kernel's inet_diag, "port >= P and port <= P". */
struct diag_program {
    struct inet_diag_bc_op ge, ge_port, le, le_port;
};

static struct nl_msg *
diag_question(uint8_t family, uint16_t port)
{
    const struct inet_diag_req_v2 req = {
        .sdiag_family = family,
        .sdiag_protocol = IPPROTO_TCP,
        .idiag_states = 1u << TCP_ESTABLISHED,
    };
    const unsigned char size = sizeof(struct diag_program);
    const unsigned char op = sizeof(struct inet_diag_bc_op);
    struct diag_program program = {
        /* Onwards, or behind the end, which refuses. */
        .ge = { INET_DIAG_BC_S_GE, 2 * op, size + 4 },
        .ge_port = { .no = port },
        .le = { INET_DIAG_BC_S_LE, 2 * op, size / 2 + 4 },
        .le_port = { .no = port },
    };
    struct nl_msg *msg = nlmsg_alloc_simple(SOCK_DIAG_BY_FAMILY,
                                            NLM_F_REQUEST | NLM_F_DUMP);

    ovs_assert(msg && !nlmsg_append(msg, CONST_CAST(void *,
                                                    (const void *) &req),
                                    sizeof req, NLMSG_ALIGNTO)
               && !nla_put(msg, INET_DIAG_REQ_BYTECODE, sizeof program,
                           &program));
    return msg;
}

static int
count_socket(struct nl_msg *msg OVS_UNUSED, void *n_)
{
    unsigned int *n = n_;

    ++*n;
    return NL_OK;
}

/* Adds the connections of 'family' to local port 'port' to '*n'.  Returns 0 or
 * libnl's error. */
static int
count_connections(struct nl_sock *sock, uint8_t family, uint16_t port,
                  unsigned int *n)
{
    struct nl_msg *msg = diag_question(family, port);
    int error = nl_send_auto(sock, msg);

    nlmsg_free(msg);
    if (error < 0) {
        return error;
    }
    nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, count_socket, n);
    return nl_recvmsgs_default(sock);
}

static bool
measure_flows(struct regiond_metric *m)
{
    struct nl_sock *sock = nl_socket_alloc();
    unsigned int n = 0;
    int error;

    ovs_assert(sock);
    error = nl_connect(sock, NETLINK_SOCK_DIAG);
    if (!error) {
        error = count_connections(sock, AF_INET, m->port, &n);
    }
    if (!error) {
        error = count_connections(sock, AF_INET6, m->port, &n);
    }
    if (error) {
        snprintf(m->trouble, sizeof m->trouble, "cannot count connections "
                 "(%s)", nl_geterror(error));
    }
    nl_socket_free(sock);
    m->load = n;
    return !error;
}

/* Measures 'm' once more.  m->known tells afterwards whether m->load and
 * m->weight are, and m->trouble, if not empty, why not. */
void
regiond_measure(struct regiond_metric *m)
{
    struct ds text = DS_EMPTY_INITIALIZER;
    long long int now_us = tpr_now_us();

    m->trouble[0] = '\0';
    switch (m->type) {
    case REGIOND_CPU:
        m->known = measure_cpu(m, &text);
        break;
    case REGIOND_CGROUP:
        m->known = measure_cgroup(m, &text, now_us);
        break;
    case REGIOND_FLOWS:
        m->known = measure_flows(m);
        break;
    case REGIOND_PACKETS:
        m->known = measure_packets(m, &text, now_us);
        break;
    }
    ds_destroy(&text);
    if (m->known) {
        m->weight = load_curve_weight(&m->curve, m->load);
    }
}
