/* SPDX-License-Identifier: Apache-2.0 */

/* A port that has its packets in memory, for tools/bench ovs-cost.
 *
 * Linked into an ovs-vswitchd of its own, it adds a type of port, "memory",
 * that a forwarding thread polls.  It receives as drivers in userspace do:
 * whole batches, without a system call or a lock; what it sends is forgotten.
 * The time between a batch's arrival and the next look at the port, less what
 * the ports themselves take, is what a forwarding thread needs for that batch:
 *
 *     poll port --> batch ... flow, actions ... send --> ... --> poll port
 *                        [==== counted ====]    [== counted ==]
 *
 * Commands of ovs-vswitchd's control socket:
 *
 *     memory/load FILE LEN      FILE has frames of LEN bytes each
 *     memory/run PORT FIRST N   PORT receives N of them, from FIRST on
 *     memory/result             "busy", or how many packets were sent and the
 *                               nanoseconds that each batch took
 *
 * Threads: the main thread asks, one forwarding thread answers; 'run.end' and
 * 'run.done' pass the run from one to the other. */

#include <config.h>
#include <errno.h>
#include <string.h>
#include <time.h>
#include "dp-packet.h"
#include "dpif-netdev.h"
#include "netdev-provider.h"
#include "openvswitch/dynamic-string.h"
#include "unixctl.h"
#include "util.h"

struct memory_port {
    struct netdev up;
    struct eth_addr mac;
    enum netdev_flags flags;
};

static uint8_t *frames;         /* Of memory/load. */
static size_t n_frames, frame_len;

/* What is being received. */
static struct {
    const struct netdev *port;
    size_t next, end, done;     /* Frames; 'end' and 'done' are atomic. */
    uint64_t since;             /* A batch arrived, 0: there is none. */
    uint64_t sending;           /* Nanoseconds in send() since then. */
    uint64_t n_sent;            /* Packets. */
    uint64_t *ns;               /* Of each batch. */
    size_t n_ns;
} run;

static uint64_t
clock_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t) t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ## The port. ## */

static struct netdev *
port_alloc(void)
{
    struct memory_port *port = xzalloc(sizeof *port);

    return &port->up;
}

static int
port_construct(struct netdev *netdev)
{
    struct memory_port *port = CONTAINER_OF(netdev, struct memory_port, up);

    eth_addr_random(&port->mac);
    port->flags = NETDEV_UP;
    netdev->n_txq = 16;                 /* No thread waits for another. */
    return 0;
}

static void
port_destruct(struct netdev *netdev OVS_UNUSED)
{
}

static void
port_dealloc(struct netdev *netdev)
{
    free(CONTAINER_OF(netdev, struct memory_port, up));
}

static int
port_set_etheraddr(struct netdev *netdev, const struct eth_addr mac)
{
    CONTAINER_OF(netdev, struct memory_port, up)->mac = mac;
    return 0;
}

static int
port_get_etheraddr(const struct netdev *netdev, struct eth_addr *mac)
{
    *mac = CONTAINER_OF(netdev, struct memory_port, up)->mac;
    return 0;
}

static int
port_update_flags(struct netdev *netdev, enum netdev_flags off,
                  enum netdev_flags on, enum netdev_flags *old)
{
    struct memory_port *port = CONTAINER_OF(netdev, struct memory_port, up);

    *old = port->flags;
    port->flags = (port->flags & ~off) | on;
    return 0;
}

static struct netdev_rxq *
rxq_alloc(void)
{
    return xzalloc(sizeof(struct netdev_rxq));
}

static int
rxq_construct(struct netdev_rxq *rxq OVS_UNUSED)
{
    return 0;
}

static void
rxq_destruct(struct netdev_rxq *rxq OVS_UNUSED)
{
}

static void
rxq_dealloc(struct netdev_rxq *rxq)
{
    free(rxq);
}

/* The forwarding thread has nothing more to do for the batch before. */
static void
finish_batch(uint64_t now)
{
    if (run.since) {
        run.ns[run.n_ns++] = now - run.since - run.sending;
        run.since = 0;
        __atomic_store_n(&run.done, run.next, __ATOMIC_RELEASE);
    }
}

static int
rxq_recv(struct netdev_rxq *rxq, struct dp_packet_batch *batch, int *qfill)
{
    const size_t end = __atomic_load_n(&run.end, __ATOMIC_ACQUIRE);

    if (rxq->netdev != run.port) {
        return EAGAIN;
    }
    finish_batch(clock_ns());
    if (run.next == end) {
        return EAGAIN;
    }
    dp_packet_batch_init(batch);
    while (run.next < end && !dp_packet_batch_is_full(batch)) {
        dp_packet_batch_add(batch, dp_packet_clone_data_with_headroom(
            frames + frame_len * run.next++, frame_len, DP_NETDEV_HEADROOM));
    }
    if (qfill) {
        *qfill = -ENOTSUP;
    }
    run.sending = 0;
    run.since = clock_ns();
    return 0;
}

static int
port_send(struct netdev *netdev OVS_UNUSED, int qid OVS_UNUSED,
          struct dp_packet_batch *batch, bool concurrent OVS_UNUSED)
{
    const uint64_t since = clock_ns();

    run.n_sent += dp_packet_batch_size(batch);
    dp_packet_delete_batch(batch, true);
    run.sending += clock_ns() - since;
    return 0;
}

static const struct netdev_class memory_class = {
    .type = "memory",
    .is_pmd = true,
    .alloc = port_alloc,
    .construct = port_construct,
    .destruct = port_destruct,
    .dealloc = port_dealloc,
    .send = port_send,
    .set_etheraddr = port_set_etheraddr,
    .get_etheraddr = port_get_etheraddr,
    .update_flags = port_update_flags,
    .rxq_alloc = rxq_alloc,
    .rxq_construct = rxq_construct,
    .rxq_destruct = rxq_destruct,
    .rxq_dealloc = rxq_dealloc,
    .rxq_recv = rxq_recv,
};

/* ## Commands. ## */

static bool
is_busy(void)
{
    return __atomic_load_n(&run.done, __ATOMIC_ACQUIRE) != run.end;
}

static void
memory_load(struct unixctl_conn *conn, int argc OVS_UNUSED,
            const char *argv[], void *aux OVS_UNUSED)
{
    unsigned int len;
    FILE *file;
    long size;

    if (is_busy() || !str_to_uint(argv[2], 10, &len) || !len) {
        unixctl_command_reply_error(conn, "busy, or no length");
        return;
    }
    file = fopen(argv[1], "rb");
    if (!file || fseek(file, 0, SEEK_END) || (size = ftell(file)) < 0
        || fseek(file, 0, SEEK_SET)) {
        ovs_fatal(errno, "%s", argv[1]);
    }
    free(frames);
    frame_len = len;
    n_frames = size / len;
    frames = xmalloc(size);
    ignore(fread(frames, 1, size, file));
    fclose(file);
    unixctl_command_reply(conn, NULL);
}

static void
memory_run(struct unixctl_conn *conn, int argc OVS_UNUSED, const char *argv[],
           void *aux OVS_UNUSED)
{
    struct netdev *port = netdev_from_name(argv[1]);
    unsigned int first, n;

    if (is_busy() || !port || !str_to_uint(argv[2], 10, &first)
        || !str_to_uint(argv[3], 10, &n) || !n || first + n > n_frames) {
        unixctl_command_reply_error(conn, "busy, or no such frames or port");
        netdev_close(port);
        return;
    }
    free(run.ns);
    run.ns = xcalloc(n, sizeof *run.ns);
    run.n_ns = run.n_sent = 0;
    run.port = port;
    run.next = first;
    run.done = first;
    __atomic_store_n(&run.end, first + n, __ATOMIC_RELEASE);
    netdev_close(port);                 /* The datapath has it. */
    unixctl_command_reply(conn, NULL);
}

static void
memory_result(struct unixctl_conn *conn, int argc OVS_UNUSED,
              const char *argv[] OVS_UNUSED, void *aux OVS_UNUSED)
{
    struct ds text = DS_EMPTY_INITIALIZER;

    if (is_busy()) {
        unixctl_command_reply(conn, "busy");
        return;
    }
    ds_put_format(&text, "%"PRIu64, run.n_sent);
    for (size_t i = 0; i < run.n_ns; i++) {
        ds_put_format(&text, " %"PRIu64, run.ns[i]);
    }
    unixctl_command_reply(conn, ds_cstr(&text));
    ds_destroy(&text);
}

__attribute__((constructor))
static void
memory_port_register(void)
{
    netdev_register_provider(&memory_class);
    unixctl_command_register("memory/load", "FILE LEN", 2, 2, memory_load,
                             NULL);
    unixctl_command_register("memory/run", "PORT FIRST N", 3, 3, memory_run,
                             NULL);
    unixctl_command_register("memory/result", "", 0, 0, memory_result, NULL);
}
