/* SPDX-License-Identifier: Apache-2.0 */

/* See switch.h. */

#include <config.h>
#include "switch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "jsonrpc.h"
#include "ofp-redirect.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/list.h"
#include "openvswitch/ofp-msgs.h"
#include "openvswitch/ofp-packet.h"
#include "openvswitch/ofp-util.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/vconn.h"
#include "socket-util.h"
#include "unixctl.h"
#include "util.h"

enum {
    OWN_PORT = 6,               /* The first of the suite's own. */
    PCAP_HEADER = 24,
    AWAIT_MS = 10000,
};
static const uint32_t ports[] = { 1, 2, 3, 4, 5, PASS_PORT, OWN_PORT };

struct switch_ {
    const char *dir;
    struct vconn *vconn;        /* NULL: not yet open. */
    struct jsonrpc *unixctl;
    struct { int fd; off_t read; } files[ARRAY_SIZE(ports)];
};

static struct vconn *
connection(struct switch_ *s)
{
    if (!s->vconn) {
        char *name = xasprintf("unix:%s/br0.mgmt", s->dir);
        int error = vconn_open_block(name, 1u << OFP14_VERSION, DSCP_DEFAULT,
                                     -1, &s->vconn);

        if (error) {
            ovs_fatal(error, "%s", name);
        }
        free(name);
    }
    return s->vconn;
}

static void
open_unixctl(struct switch_ *s)
{
    char *path = xasprintf("%s/ovs-vswitchd.pid", s->dir);
    FILE *file = fopen(path, "r");
    int pid = 0, error;

    if (!file || fscanf(file, "%d", &pid) != 1) {
        ovs_fatal(0, "%s: no switch", path);
    }
    fclose(file);
    free(path);
    path = xasprintf("%s/ovs-vswitchd.%d.ctl", s->dir, pid);
    error = unixctl_client_create(path, &s->unixctl);
    if (error) {
        ovs_fatal(error, "%s", path);
    }
    free(path);
}

/* Connects; what ports have sent so far is forgotten. */
struct switch_ *
switch_open(void)
{
    struct switch_ *s = xzalloc(sizeof *s);

    s->dir = getenv("TPR_CONFORMANCE_DIR");
    if (!s->dir) {
        ovs_fatal(0, "TPR_CONFORMANCE_DIR is not set, see run-ovs");
    }
    open_unixctl(s);
    for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
        char *path = xasprintf("%s/p%u.pcap", s->dir, ports[i]);

        s->files[i].fd = open(path, O_RDONLY);
        if (s->files[i].fd < 0) {
            ovs_fatal(errno, "%s", path);
        }
        s->files[i].read = MAX(PCAP_HEADER,
                               lseek(s->files[i].fd, 0, SEEK_END));
        free(path);
    }
    return s;
}

void
switch_close(struct switch_ *s)
{
    vconn_close(s->vconn);
    jsonrpc_close(s->unixctl);
    for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
        close(s->files[i].fd);
    }
    free(s);
}

bool
switch_send(struct switch_ *s, struct ofpbuf *request)
{
    struct ofpbuf *reply;
    int error = vconn_transact_noreply(connection(s), request, &reply);
    bool ok = !reply;

    if (error) {
        ovs_fatal(error, "the switch's connection");
    }
    ofpbuf_delete(reply);
    return ok;
}

/* Sends 'f' through 'actions', as 'in_port' received it. */
bool
switch_packet_out(struct switch_ *s, uint32_t in_port, const struct frame *f,
                  const char *actions)
{
    struct ds text = DS_EMPTY_INITIALIZER;
    enum ofputil_protocol usable;
    struct ofputil_packet_out po;
    struct ofpbuf *request;
    char *error;

    ds_put_format(&text, "in_port=%u,packet=", in_port);
    for (size_t i = 0; i < f->len; i++) {
        ds_put_format(&text, "%02x", f->data[i]);
    }
    ds_put_format(&text, ",actions=%s", actions);
    error = parse_ofp_packet_out_str(&po, ds_cstr(&text), NULL, NULL,
                                     &usable);
    if (error) {
        ovs_fatal(0, "%s: %s", ds_cstr(&text), error);
    }
    ds_destroy(&text);
    request = ofputil_encode_packet_out(&po, OFPUTIL_P_OF14_OXM);
    free(CONST_CAST(void *, po.packet));
    free(po.ofpacts);
    return switch_send(s, request);
}

/* Returns false if there is no such redirect.  The caller must
 * tpr_redirect_stats_uninit() what it gets. */
bool
switch_get_stats(struct switch_ *s, uint32_t id, struct tpr_redirect_stats *r)
{
    struct ovs_list requests, replies;
    struct ofpbuf *reply;
    bool found = false;

    ovs_list_init(&requests);
    ovs_list_push_back(&requests, &ofputil_encode_redirect_stats_request(
                                       OFP14_VERSION, id)->list_node);
    if (vconn_transact_multipart(connection(s), &requests, &replies)) {
        return false;
    }
    LIST_FOR_EACH_POP (reply, list_node, &replies) {
        enum ofptype type;

        if (!found && !ofptype_decode(&type, reply->data)
            && type != OFPTYPE_ERROR) {
            found = !ofputil_decode_redirect_stats(reply, r);
        }
        ofpbuf_delete(reply);
    }
    return found;
}

char *
switch_appctl(struct switch_ *s, const char *command, const char *arg)
{
    char *argv[] = { CONST_CAST(char *, arg), NULL };
    char *result, *error;
    int code = unixctl_client_transact(s->unixctl, command, arg ? 1 : 0, argv,
                                       &result, &error);

    if (code) {
        ovs_fatal(code, "%s", command);
    }
    free(error);
    return result;
}

/* Runs 'command', which it frees. */
bool
switch_shell(char *command)
{
    int code = system(command);

    free(command);
    return !code;
}

static bool
read_packet(struct switch_ *s, size_t i, struct frame *f)
{
    int fd = s->files[i].fd;
    off_t at = s->files[i].read;
    uint32_t header[4];

    if (pread(fd, header, sizeof header, at) != (ssize_t) sizeof header
        || header[2] > FRAME_MAX
        || pread(fd, f->data, header[2], at + sizeof header) != header[2]) {
        return false;
    }
    f->len = header[2];
    s->files[i].read = at + sizeof header + header[2];
    return true;
}

bool
switch_next(struct switch_ *s, uint32_t *port, struct frame *f)
{
    for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
        if ((*port ? ports[i] == *port : ports[i] != OWN_PORT)
            && read_packet(s, i, f)) {
            *port = ports[i];
            return true;
        }
    }
    return false;
}

/* Waits for the next packet of 'port'. */
void
switch_await(struct switch_ *s, uint32_t port, struct frame *f)
{
    const struct timespec tick = { 0, 50 * 1000 };
    struct timespec start, now;

    clock_gettime(CLOCK_MONOTONIC, &start);
    while (!switch_next(s, &port, f)) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        if ((now.tv_sec - start.tv_sec) * 1000 > AWAIT_MS) {
            ovs_fatal(0, "no packet from port %u", port);
        }
        nanosleep(&tick, NULL);
    }
}

void
switch_warp(struct switch_ *s, uint32_t ms)
{
    char *text = xasprintf("%u", ms);

    free(switch_appctl(s, "time/warp", text));
    free(text);
    /* The connection has been idle for too long, by that clock.  On a new one,
     * messages are served after the datapath has run. */
    vconn_close(s->vconn);
    s->vconn = NULL;
    for (int i = 0; i < 2; i++) {
        switch_send(s, ofputil_encode_barrier_request(OFP14_VERSION));
    }
}
