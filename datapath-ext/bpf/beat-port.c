/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* The ports where beats come in: a tc filter at each, and an ear beside it
 * (beat.h).  See beat-loader.h.
 *
 * A filter's handle has the process's tag in it, so that several processes
 * have one at the same port.  Whoever polices a port, or takes its qdisc away,
 * takes our filter away: tpr_beat_check() puts it back. */

#include <config.h>
#include "beat-private.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tc-filter.h"
#include "util.h"

enum {
    TC_HANDLE = 0x74000000,     /* And 24 bits of the tag. */
    TC_PRIORITY = 10,           /* Before the redirect program. */
};

static struct tpr_tc_place
place_of(uint32_t tag)
{
    return (struct tpr_tc_place) {
        .handle = TC_HANDLE | (tag & 0xffffff),
        .priority = TC_PRIORITY,
        .name = "tpr_beat_tc",
    };
}

/* Returns the number of the program 'fd', 0 if it has none. */
uint32_t
tpr_beat_program_id(int fd)
{
    struct bpf_prog_info info = { .id = 0 };
    uint32_t size = sizeof info;

    return bpf_obj_get_info_by_fd(fd, &info, &size) ? 0 : info.id;
}

/* Lets 'program' see what comes in at 'ifindex', before other filters. */
char *
tpr_beat_attach_tc(uint32_t ifindex, int program, uint32_t tag,
                   bool *made_qdisc)
{
    const struct tpr_tc_place place = place_of(tag);
    int error = tpr_tc_add_qdisc(ifindex);

    *made_qdisc = !error;
    if (error && error != EEXIST) {
        return xasprintf("cannot make a qdisc for filters at interface %u "
                         "(%s)", ifindex, ovs_strerror(error));
    }
    error = tpr_tc_put(ifindex, &place, program, true);
    return (error ? xasprintf("cannot attach to tc at interface %u (%s)",
                              ifindex, ovs_strerror(error))
            : NULL);
}

/* Removes the filter with 'tag', and the qdisc if that came with it and nobody
 * else has a filter there.  The interface may be gone. */
void
tpr_beat_detach_tc(uint32_t ifindex, uint32_t tag, bool made_qdisc)
{
    const struct tpr_tc_place place = place_of(tag);

    tpr_tc_del(ifindex, &place);
    if (made_qdisc) {
        tpr_tc_del_qdisc(ifindex);
    }
}

/* Returns the number of the program in the filter with 'tag', 0: none. */
uint32_t
tpr_beat_query_tc(uint32_t ifindex, uint32_t tag)
{
    const struct tpr_tc_place place = place_of(tag);
    bool ours;

    return tpr_tc_get(ifindex, &place, &ours);
}

/* ## The ear. ## */

/* Opens a packet socket at 'ifindex' that nothing gets into.  Returns its
 * descriptor, or a negative errno. */
static int
open_ear(uint32_t ifindex, int program)
{
    struct sockaddr_ll sll = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
        .sll_ifindex = ifindex,
    };
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int one = 1;

    if (fd < 0) {
        return -errno;
    }
    /* A matter of speed only. */
    ignore(setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one,
                      sizeof one));
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &program, sizeof program)
        || bind(fd, (struct sockaddr *) &sll, sizeof sll)) {
        int error = errno;

        close(fd);
        return -error;
    }
    return fd;
}

/* ## Ports. ## */

static struct tpr_beat_port *
find_port(struct tpr_beat *b, uint32_t ifindex)
{
    for (size_t i = 0; i < b->n_ports; i++) {
        if (b->ports[i].ifindex == ifindex) {
            return &b->ports[i];
        }
    }
    return NULL;
}

/* Whoever comes after us finds there what to remove. */
static void
note_ports(struct tpr_beat *b)
{
    struct tpr_beat_owner *owner = &b->state->owner;

    owner->n_ports = MIN(b->n_ports, TPR_BEAT_SESSIONS);
    for (size_t i = 0; i < owner->n_ports; i++) {
        owner->ports[i].ifindex = b->ports[i].ifindex;
        owner->ports[i].made_qdisc = b->ports[i].made_qdisc;
    }
}

static char *
attach(struct tpr_beat *b, struct tpr_beat_port *port)
{
    int program = tpr_beat_port_program(b);

    port->program_id = tpr_beat_program_id(program);
    return tpr_beat_attach_tc(port->ifindex, program, b->state->owner.tag,
                              &port->made_qdisc);
}

/* Receives at interface 'ifindex', until tpr_beat_detach() was called as
 * often. */
char *
tpr_beat_attach(struct tpr_beat *b, uint32_t ifindex)
{
    struct tpr_beat_port *port = find_port(b, ifindex);
    struct tpr_beat_port new = { .ifindex = ifindex, .n = 1 };
    char *sentence;

    if (port) {
        port->n++;
        return NULL;
    }
    sentence = attach(b, &new);
    if (sentence) {
        return sentence;
    }
    new.ear_fd = open_ear(ifindex, tpr_beat_ear_program(b));
    if (new.ear_fd < 0) {
        tpr_beat_detach_tc(ifindex, b->state->owner.tag, new.made_qdisc);
        return xasprintf("cannot listen at interface %u (%s)", ifindex,
                         ovs_strerror(-new.ear_fd));
    }
    b->ports = xrealloc(b->ports, (b->n_ports + 1) * sizeof *b->ports);
    b->ports[b->n_ports++] = new;
    note_ports(b);
    return NULL;
}

/* Takes one tpr_beat_attach() back.  The interface may be gone. */
void
tpr_beat_detach(struct tpr_beat *b, uint32_t ifindex)
{
    struct tpr_beat_port *port = find_port(b, ifindex);

    if (port && !--port->n) {
        tpr_beat_detach_tc(ifindex, b->state->owner.tag, port->made_qdisc);
        close(port->ear_fd);
        free(port->trouble);
        *port = b->ports[--b->n_ports];
        note_ports(b);
    }
}

/* Returns why there is no filter of ours at 'ifindex', where there was one, or
 * NULL. */
const char *
tpr_beat_port_trouble(struct tpr_beat *b, uint32_t ifindex)
{
    const struct tpr_beat_port *port = find_port(b, ifindex);

    return port ? port->trouble : NULL;
}

/* Puts the filter back where somebody has removed it.  Returns true if it
 * was. */
static bool
check_port(struct tpr_beat *b, struct tpr_beat_port *port)
{
    const bool made = port->made_qdisc;

    if (tpr_beat_query_tc(port->ifindex, b->state->owner.tag)
        == port->program_id) {
        return false;
    }
    free(port->trouble);
    port->trouble = attach(b, port);
    port->made_qdisc |= made;   /* It may still be the one that we made. */
    note_ports(b);
    return !port->trouble;
}

/* Should be called from time to time, and when somebody has changed something
 * about tc or devices.  Puts back what is missing.  Returns a sentence that
 * says what it was, to free(), or NULL. */
char *
tpr_beat_check(struct tpr_beat *b, int64_t now_us)
{
    char *sentence = NULL;

    b->state->owner.seen_us = now_us;
    for (size_t i = 0; i < b->n_ports; i++) {
        if (check_port(b, &b->ports[i]) && !sentence) {
            sentence = xasprintf("somebody had removed the filter that "
                                 "receives heartbeats at interface %u: it is "
                                 "there again", b->ports[i].ifindex);
        }
    }
    if (b->has_token && tpr_beat_check_loop(b, now_us) && !sentence) {
        sentence = xstrdup("somebody had broken the loop that paces "
                           "heartbeats: it is made anew");
    }
    return sentence;
}
