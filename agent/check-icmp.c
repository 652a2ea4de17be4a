/* SPDX-License-Identifier: Apache-2.0 */

/* The icmp health check: one echo request, and the reply to it.
 *
 * The kernel's "ping" sockets, which hand over only replies to what they have
 * sent, need no privilege but the leave of net.ipv4.ping_group_range; without
 * it a raw socket, which needs CAP_NET_RAW, does the same.  A reply counts if
 * it brings back the random bytes of this very request. */

#include <config.h>
#include "check-talk.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "csum.h"
#include "packets.h"
#include "random.h"
#include "util.h"

enum { NONCE_WORDS = 4 };

/* RFC 792 and RFC 4443, echo request and reply: the same in both. */
struct echo {
    uint8_t type;
    uint8_t code;
    ovs_be16 csum;
    ovs_be16 id;
    ovs_be16 seq;
    uint32_t nonce[NONCE_WORDS];
};
BUILD_ASSERT_DECL(sizeof(struct echo) == 8 + 4 * NONCE_WORDS);

struct talk_icmp {
    bool v4;
    struct echo request;
};

static enum check_verdict
check_icmp_start(struct check_talk *talk,
                 const struct tpr_check *check OVS_UNUSED,
                 const struct in6_addr *addr, uint16_t port OVS_UNUSED)
{
    struct talk_icmp *t = xzalloc(sizeof *t);

    talk->aux = t;
    t->v4 = IN6_IS_ADDR_V4MAPPED(addr);
    t->request.type = t->v4 ? ICMP4_ECHO_REQUEST : ICMP6_ECHO_REQUEST;
    t->request.id = htons(random_uint16());
    t->request.seq = htons(1);
    random_bytes(t->request.nonce, sizeof t->request.nonce);
    /* The kernel's for all but raw IPv4 sockets. */
    t->request.csum = csum(&t->request, sizeof t->request);
    return (send(talk->fd, &t->request, sizeof t->request, MSG_NOSIGNAL) < 0
            ? check_talk_error(talk, errno) : CHECK_TALKING);
}

/* Returns true if the 'n' bytes at 'data', which begin with an IP header if
 * the socket is 'raw' and IPv4, are the reply to the request of 't'.  A ping
 * socket has an identifier of its own. */
static bool
is_reply(const struct talk_icmp *t, bool raw, const uint8_t *data, size_t n)
{
    struct echo reply;

    if (raw && t->v4) {
        size_t ip_len = n ? (data[0] & 0xf) * 4 : 0;

        if (n < ip_len) {
            return false;
        }
        data += ip_len;
        n -= ip_len;
    }
    if (n != sizeof reply) {
        return false;
    }
    memcpy(&reply, data, sizeof reply);
    return (reply.type == (t->v4 ? ICMP4_ECHO_REPLY : ICMP6_ECHO_REPLY)
            && !reply.code && reply.seq == t->request.seq
            && (!raw || reply.id == t->request.id)
            && !memcmp(reply.nonce, t->request.nonce, sizeof reply.nonce));
}

static enum check_verdict
check_icmp_run(struct check_talk *talk,
               const struct tpr_check *check OVS_UNUSED)
{
    const struct talk_icmp *t = talk->aux;
    uint8_t buf[512];

    for (;;) {
        ssize_t n = recv(talk->fd, buf, sizeof buf, 0);

        if (n < 0) {
            return (errno == EAGAIN || errno == EINTR ? CHECK_TALKING
                    : check_talk_error(talk, errno));
        } else if (is_reply(t, talk->raw, buf, n)) {
            ovs_strlcpy(talk->clause, "echo reply", sizeof talk->clause);
            return CHECK_GOOD;
        }
    }
}

static enum check_verdict
check_icmp_timeout(struct check_talk *talk, const struct tpr_check *check,
                   long long int us)
{
    if (!talk->connected) {
        return check_talk_own_error(talk, "we were too late to send");
    }
    check_talk_no_answer(talk, check, us);
    return CHECK_SILENCE;
}

static void
check_icmp_finish(struct check_talk *talk)
{
    free(talk->aux);
    talk->aux = NULL;
}

const struct check_class check_icmp_class = {
    .type = TPR_CHECK_ICMP,
    .start = check_icmp_start,
    .run = check_icmp_run,
    .timeout = check_icmp_timeout,
    .finish = check_icmp_finish,
};
