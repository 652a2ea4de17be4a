/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* The token's loop: a veth pair of our own.
 *
 *        +---- token bucket ----- beat0-TAG ===veth=== beat1-TAG -----+
 *        |                                                            |
 *        +--------------- bpf_redirect() -------- tpr_beat_token <----+
 *
 * A token of N bytes waits N microseconds in the bucket.  See beat.h. */

#include <config.h>
#include "beat-private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/link/inet6.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/qdisc.h>
#include <netlink/route/qdisc/tbf.h>
#include <netlink/route/tc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>
#include "util.h"

enum { PATIENCE_US = 1000 * 1000 };

/* The name of device 0 or 1 of whoever has 'tag'. */
static const char *
device(uint32_t tag, int number, char buf[IFNAMSIZ])
{
    snprintf(buf, IFNAMSIZ, "beat%d-%08"PRIx32, number, tag);
    return buf;
}

/* Sends a new token on its way; one that is still about is none any more. */
void
tpr_beat_emit_token(struct tpr_beat *b)
{
    uint8_t frame[TPR_BEAT_TOKEN_MIN] = {
        [0] = 0x02, [5] = 1, [6] = 0x02,
        [12] = TPR_BEAT_ETHERTYPE >> 8, [13] = TPR_BEAT_ETHERTYPE & 0xff,
    };
    uint32_t generation = b->state->token_generation + 1;

    memcpy(&frame[14], &generation, sizeof generation);
    __atomic_store_n(&b->state->token_generation, generation,
                     __ATOMIC_RELEASE);
    ignore(send(b->token_fd, frame, sizeof frame, MSG_DONTWAIT) < 0);
}

static char *
nl_sentence(const char *what, int error)
{
    return xasprintf("%s (%s)", what, nl_geterror(error));
}

static void
delete_veth(struct nl_sock *sock, const char *out_name)
{
    struct rtnl_link *link = rtnl_link_alloc();

    rtnl_link_set_name(link, out_name);
    rtnl_link_delete(sock, link);
    rtnl_link_put(link);
}

static int
set_up(struct nl_sock *sock, const char *name)
{
    struct rtnl_link *change = rtnl_link_alloc();
    struct rtnl_link *old = rtnl_link_alloc();
    int error;

    rtnl_link_set_name(old, name);
    rtnl_link_set_ifindex(old, if_nametoindex(name));
    /* Nobody speaks IPv6 here. */
    rtnl_link_inet6_set_addr_gen_mode(change, rtnl_link_inet6_str2addrgenmode(
                                          "none"));
    rtnl_link_set_flags(change, IFF_UP | IFF_NOARP);
    error = rtnl_link_change(sock, old, change, 0);
    if (error) {
        rtnl_link_put(change);
        change = rtnl_link_alloc();
        rtnl_link_set_flags(change, IFF_UP | IFF_NOARP);
        error = rtnl_link_change(sock, old, change, 0);
    }
    rtnl_link_put(old);
    rtnl_link_put(change);
    return error;
}

static int
add_bucket(struct nl_sock *sock, const char *out_name)
{
    struct rtnl_qdisc *qdisc = rtnl_qdisc_alloc();
    int error;

    rtnl_tc_set_ifindex(TC_CAST(qdisc), if_nametoindex(out_name));
    rtnl_tc_set_parent(TC_CAST(qdisc), TC_H_ROOT);
    rtnl_tc_set_handle(TC_CAST(qdisc), TC_HANDLE(1, 0));
    error = rtnl_tc_set_kind(TC_CAST(qdisc), "tbf");
    if (!error) {
        rtnl_qdisc_tbf_set_rate(qdisc, TPR_BEAT_RATE,
                                TPR_BEAT_TOKEN_MAX + 100, 0);
        rtnl_qdisc_tbf_set_limit(qdisc, 4 * TPR_BEAT_TOKEN_MAX);
        error = rtnl_qdisc_add(sock, qdisc, NLM_F_CREATE | NLM_F_REPLACE);
    }
    rtnl_qdisc_put(qdisc);
    return error;
}

/* The heartbeat thread may be using b->token_fd. */
static int
open_out(struct tpr_beat *b, uint32_t ifindex)
{
    struct sockaddr_ll sll = {
        .sll_family = AF_PACKET, .sll_ifindex = ifindex,
    };
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error = 0;

    if (fd < 0) {
        return errno;
    }
    if (bind(fd, (struct sockaddr *) &sll, sizeof sll)) {
        error = errno;
    } else if (b->token_fd < 0) {
        b->token_fd = fd;
        return 0;
    } else if (dup3(fd, b->token_fd, O_CLOEXEC) < 0) {
        error = errno;
    }
    close(fd);
    return error;
}

static char *
build(struct tpr_beat *b, struct nl_sock *sock)
{
    uint32_t tag = b->state->owner.tag, out;
    char out_name[IFNAMSIZ], in_name[IFNAMSIZ];
    char *sentence;
    bool made;
    int error;

    device(tag, 0, out_name);
    device(tag, 1, in_name);
    delete_veth(sock, out_name);
    delete_veth(sock, in_name);     /* The other one may be called else. */
    error = rtnl_link_veth_add(sock, out_name, in_name, getpid());
    if (error) {
        return nl_sentence("cannot make the pair of veth devices that paces "
                           "beats", error);
    }
    error = add_bucket(sock, out_name);
    if (error) {
        return nl_sentence("this kernel has no token bucket (tbf) to pace "
                           "beats", error);
    }
    sentence = tpr_beat_attach_tc(if_nametoindex(in_name),
                                  tpr_beat_token_program(b), tag, &made);
    if (sentence) {
        return sentence;
    }
    b->in_program_id = tpr_beat_program_id(tpr_beat_token_program(b));
    error = set_up(sock, in_name);
    error = error ? error : set_up(sock, out_name);
    if (error) {
        return nl_sentence("cannot start the devices that pace beats",
                           error);
    }
    out = if_nametoindex(out_name);
    __atomic_store_n(&b->state->token_ifindex, out, __ATOMIC_RELEASE);
    error = open_out(b, out);
    return (error ? xasprintf("cannot send by %s (%s)", out_name,
                              ovs_strerror(error))
            : NULL);
}

/* Makes the loop, in the place of any that there is. */
static char *
build_loop(struct tpr_beat *b)
{
    struct nl_sock *sock = nl_socket_alloc();
    char *sentence;

    if (!sock || nl_connect(sock, NETLINK_ROUTE)) {
        nl_socket_free(sock);
        return xstrdup("cannot ask the kernel for devices that pace beats");
    }
    sentence = build(b, sock);
    if (sentence) {
        char out_name[IFNAMSIZ];

        delete_veth(sock, device(b->state->owner.tag, 0, out_name));
    }
    nl_socket_free(sock);
    return sentence;
}

/* Makes the loop and sets the token in motion: beats can be sent by the
 * kernel. */
char *
tpr_beat_start_token(struct tpr_beat *b)
{
    char *sentence;
    uint32_t generation;

    if (b->has_token) {
        return NULL;
    }
    ignore(getrandom(&generation, sizeof generation, 0) < 0);
    b->state->token_generation = generation;
    b->token_fd = -1;
    sentence = build_loop(b);
    if (sentence) {
        if (b->token_fd >= 0) {
            close(b->token_fd);
        }
    } else {
        tpr_beat_emit_token(b);
        b->has_token = true;
    }
    return sentence;
}

/* Returns true if there is, or shall be, a loop. */
bool
tpr_beat_has_token(const struct tpr_beat *b)
{
    return b->has_token;
}

/* Returns why there is no loop, although there shall be one, or NULL. */
const char *
tpr_beat_loop_trouble(const struct tpr_beat *b)
{
    return b->loop_trouble;
}

static bool
is_up(struct nl_sock *sock, const char *name)
{
    struct rtnl_link *link;
    bool up;

    if (rtnl_link_get_kernel(sock, 0, name, &link)) {
        return false;
    }
    up = rtnl_link_get_flags(link) & IFF_UP;
    rtnl_link_put(link);
    return up;
}

static bool
loop_is_whole(const struct tpr_beat *b)
{
    uint32_t tag = b->state->owner.tag;
    char out_name[IFNAMSIZ], in_name[IFNAMSIZ];
    struct nl_sock *sock = nl_socket_alloc();
    bool whole;

    whole = (sock && !nl_connect(sock, NETLINK_ROUTE)
             && is_up(sock, device(tag, 0, out_name))
             && is_up(sock, device(tag, 1, in_name))
             && if_nametoindex(out_name) == b->state->token_ifindex
             && (tpr_beat_query_tc(if_nametoindex(in_name), tag)
                 == b->in_program_id));
    nl_socket_free(sock);
    return whole;
}

/* Makes the loop anew if somebody has broken it, or if no token comes round
 * for whatever reason, once it had time to.  Returns true if it was. */
bool
tpr_beat_check_loop(struct tpr_beat *b, int64_t now_us)
{
    if (loop_is_whole(b)
        && (!__atomic_load_n(&b->token.broken, __ATOMIC_RELAXED)
            || now_us - b->built_us < PATIENCE_US)) {
        return false;
    }
    b->built_us = now_us;
    free(b->loop_trouble);
    b->loop_trouble = build_loop(b);
    return !b->loop_trouble;
}

/* Removes the loop of whoever had 'tag', if there is one. */
void
tpr_beat_remove_loop(uint32_t tag)
{
    char out_name[IFNAMSIZ];
    struct nl_sock *sock;

    if (!if_nametoindex(device(tag, 0, out_name))) {
        return;
    }
    sock = nl_socket_alloc();
    if (sock && !nl_connect(sock, NETLINK_ROUTE)) {
        delete_veth(sock, out_name);
    }
    nl_socket_free(sock);
}

/* Ends transmission and removes the loop. */
void
tpr_beat_stop_token(struct tpr_beat *b)
{
    if (b->has_token) {
        tpr_beat_remove_loop(b->state->owner.tag);
        close(b->token_fd);
        b->has_token = false;
    }
}
