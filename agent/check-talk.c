/* SPDX-License-Identifier: Apache-2.0 */

/* What all conversations of health checks share: see check-talk.h. */

#include <config.h>
#include "check-talk.h"

#include <errno.h>
#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "util.h"

enum {
    N_SRC_PORTS = 0x10000 - CHECK_SRC_PORT_MASK,
    MAX_TRIES = 64,             /* Ports that one conversation tries: all of
                                 * them would take milliseconds. */
};

static const struct check_class *
lookup_class(enum tpr_check_type type)
{
    switch (type) {
    case TPR_CHECK_HTTP: return &check_http_class;
    case TPR_CHECK_HTTPS: return &check_https_class;
    case TPR_CHECK_TCP: return &check_tcp_class;
    case TPR_CHECK_UDP: return &check_udp_class;
    case TPR_CHECK_ICMP: return &check_icmp_class;
    case TPR_CHECK_AGENT: return &check_agent_class;
    }
    OVS_NOT_REACHED();
}

/* Says by 'format' what of our own has failed. */
enum check_verdict
check_talk_own_error(struct check_talk *talk, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(talk->clause, sizeof talk->clause, format, args);
    va_end(args);
    return CHECK_OWN_ERROR;
}

/* Fills in 'ss' with 'addr', IPv4 if it is IPv4-mapped, and 'port'.  Returns
 * the length of the address. */
static socklen_t
make_sockaddr(struct sockaddr_storage *ss, const struct in6_addr *addr,
              uint16_t port)
{
    memset(ss, 0, sizeof *ss);
    if (IN6_IS_ADDR_V4MAPPED(addr)) {
        struct sockaddr_in *sin = ALIGNED_CAST(struct sockaddr_in *, ss);

        sin->sin_family = AF_INET;
        memcpy(&sin->sin_addr, &addr->s6_addr[12], sizeof sin->sin_addr);
        sin->sin_port = htons(port);
        return sizeof *sin;
    } else {
        struct sockaddr_in6 *sin6 = ALIGNED_CAST(struct sockaddr_in6 *, ss);

        sin6->sin6_family = AF_INET6;
        sin6->sin6_addr = *addr;
        sin6->sin6_port = htons(port);
        return sizeof *sin6;
    }
}

/* Binds 'fd' to source port 'port' of any address.  SO_REUSEADDR lets several
 * conversations share a port as long as they lead to different peers.  Returns
 * 0 or an errno. */
static int
bind_src_port(int fd, sa_family_t family, uint16_t port)
{
    struct in6_addr any = in6addr_any;
    struct sockaddr_storage ss;
    socklen_t len;

    if (family == AF_INET) {
        any.s6_addr[10] = any.s6_addr[11] = 0xff;
    }
    len = make_sockaddr(&ss, &any, port);
    return bind(fd, (struct sockaddr *) &ss, len) ? errno : 0;
}

/* Makes a TCP socket.  Returns 0 or an errno. */
static int
make_tcp(sa_family_t family, int *fdp)
{
    const struct linger linger = { .l_onoff = 1, .l_linger = 0 };
    const int on = 1;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    *fdp = fd;
    return (fd < 0
            || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on)
            || setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger)
            || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on)
            ? errno : 0);
}

/* Makes 'fd' hear of all ICMP errors.  Returns 0 or an errno. */
static int
hear_errors(int fd, sa_family_t family)
{
    const int on = 1;

    return ((family == AF_INET
             ? setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof on)
             : setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on))
            ? errno : 0);
}

static int
make_udp(sa_family_t family, int *fdp)
{
    const int on = 1;
    int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    *fdp = fd;
    return (fd < 0
            || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on)
            ? errno : hear_errors(fd, family));
}

/* Makes a raw socket that receives echo replies only. */
static int
make_raw(sa_family_t family, int *fdp)
{
    bool v4 = family == AF_INET;
    int fd = socket(family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
                    v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);

    *fdp = fd;
    if (fd < 0) {
        return errno;
    } else if (v4) {
        const struct icmp_filter filter = { ~(1u << ICMP_ECHOREPLY) };

        return (setsockopt(fd, SOL_RAW, ICMP_FILTER, &filter, sizeof filter)
                ? errno : 0);
    } else {
        struct icmp6_filter filter;

        ICMP6_FILTER_SETBLOCKALL(&filter);
        ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
        return (setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter,
                           sizeof filter) ? errno : 0);
    }
}

static int
make_icmp(sa_family_t family, int *fdp, bool *raw)
{
    int error = 0;

    *raw = false;
    *fdp = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                  family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);
    if (*fdp < 0) {
        *raw = true;
        error = make_raw(family, fdp);
    }
    return error ? error : hear_errors(*fdp, family);
}

/* Makes a socket that is bound to 'src_port', if its protocol has ports, and
 * connects to 'addr', port 'port'.  Returns 0 or an errno. */
static int
try_connect(struct check_talk *talk, const struct in6_addr *addr,
            uint16_t port, uint16_t src_port)
{
    bool icmp = talk->class->type == TPR_CHECK_ICMP;
    struct sockaddr_storage ss;
    socklen_t len = make_sockaddr(&ss, addr, icmp ? 0 : port);
    int error;
    int fd;

    error = (icmp ? make_icmp(ss.ss_family, &fd, &talk->raw)
             : talk->class->type == TPR_CHECK_UDP ? make_udp(ss.ss_family, &fd)
             : make_tcp(ss.ss_family, &fd));
    if (!error && !icmp) {
        error = bind_src_port(fd, ss.ss_family, src_port);
    }
    if (!error && connect(fd, (struct sockaddr *) &ss, len)
        && errno != EINPROGRESS) {
        error = errno;
    }
    if (error) {
        if (fd >= 0) {
            close(fd);
        }
        return error;
    }
    talk->fd = fd;
    return 0;
}

/* Opens a conversation with 'addr', port 'port', as 'check' wants it.
 * '*src_port_hint' tells which source port to try first and is moved on, so
 * that one conversation's leftovers do not meet the next.
 *
 * Returns CHECK_TALKING, or CHECK_MISS or CHECK_OWN_ERROR; then there is
 * nothing to close. */
enum check_verdict
check_talk_open(struct check_talk *talk, const struct tpr_check *check,
                const struct in6_addr *addr, uint16_t port,
                unsigned int *src_port_hint)
{
    int error = EADDRINUSE;

    memset(talk, 0, sizeof *talk);
    talk->class = lookup_class(check->type);
    talk->fd = -1;
    if (!port && check->type != TPR_CHECK_ICMP) {
        return check_talk_own_error(talk, "neither check nor backend has a "
                                    "port");
    }
    for (int i = 0; i < MAX_TRIES; i++) {
        uint16_t src_port = CHECK_SRC_PORT + (*src_port_hint)++ % N_SRC_PORTS;

        if (src_port == port) {
            continue;           /* A local address would meet itself. */
        }
        error = try_connect(talk, addr, port, src_port);
        if (error != EADDRINUSE && error != EADDRNOTAVAIL) {
            break;
        }
    }
    switch (error) {
    case 0:
        return CHECK_TALKING;
    case ECONNREFUSED:          /* Loopback answers at once. */
    case ECONNRESET:
        return check_talk_error(talk, error);
    case EADDRINUSE:
    case EADDRNOTAVAIL:
        return check_talk_own_error(talk, "no free source port in %d-%d",
                                    CHECK_SRC_PORT,
                                    CHECK_SRC_PORT + N_SRC_PORTS - 1);
    case EACCES:
    case EPERM:
        return check_talk_own_error(talk, "not allowed (%s)%s",
                                    ovs_strerror(error),
                                    check->type == TPR_CHECK_ICMP
                                    ? ": needs CAP_NET_RAW" : "");
    case ENETUNREACH:
    case EHOSTUNREACH:
        return check_talk_own_error(talk, "no route to it (%s)",
                                    ovs_strerror(error));
    default:
        return check_talk_own_error(talk, "cannot connect (%s)",
                                    ovs_strerror(error));
    }
}

/* Sends what is left of 'bytes' behind '*n_sent', which it moves on.  Returns
 * 0 when all are sent, or an errno. */
int
check_talk_send(const struct check_talk *talk, const struct tpr_bytes *bytes,
                size_t *n_sent)
{
    while (*n_sent < bytes->n) {
        ssize_t n = send(talk->fd, bytes->data + *n_sent, bytes->n - *n_sent,
                         MSG_NOSIGNAL);
        if (n < 0) {
            return errno;
        }
        *n_sent += n;
    }
    return 0;
}

/* Turns 'error' of a socket on its way into a verdict and a clause. */
enum check_verdict
check_talk_error(struct check_talk *talk, int error)
{
    const char *clause;

    switch (error) {
    case ECONNREFUSED: clause = "connection refused"; break;
    case EPIPE:
    case ECONNRESET: clause = "connection reset"; break;
    case ETIMEDOUT: clause = "connection timed out"; break;
    case EHOSTUNREACH: clause = "host unreachable"; break;
    case ENETUNREACH: clause = "network unreachable"; break;
    case EPROTO:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
    case EHOSTDOWN:
    case ENONET: clause = ovs_strerror(error); break;
    default:
        return check_talk_own_error(talk, "socket failed (%s)",
                                    ovs_strerror(error));
    }
    ovs_strlcpy(talk->clause, clause, sizeof talk->clause);
    return error == ETIMEDOUT ? CHECK_SILENCE : CHECK_MISS;
}

/* Finds out whether the connection stands. */
static enum check_verdict
run_connect(struct check_talk *talk)
{
    struct pollfd pfd = { .fd = talk->fd, .events = POLLOUT };
    socklen_t len = sizeof(int);
    int error = 0;

    if (poll(&pfd, 1, 0) <= 0) {
        return CHECK_TALKING;
    }
    if (getsockopt(talk->fd, SOL_SOCKET, SO_ERROR, &error, &len)) {
        error = errno;
    }
    if (error) {
        return check_talk_error(talk, error);
    }
    talk->connected = true;
    return CHECK_TALKING;
}

/* Goes on with the conversation as far as it can without blocking.  The
 * arguments are those of check_talk_open(). */
enum check_verdict
check_talk_run(struct check_talk *talk, const struct tpr_check *check,
               const struct in6_addr *addr, uint16_t port)
{
    if (!talk->connected) {
        enum check_verdict verdict = run_connect(talk);

        if (verdict != CHECK_TALKING || !talk->connected) {
            return verdict;
        }
        if (talk->class->start) {
            verdict = talk->class->start(talk, check, addr, port);
            if (verdict != CHECK_TALKING) {
                return verdict;
            }
        }
    }
    return talk->class->run(talk, check);
}

/* Fills in the clause: nothing came in 'us'. */
void
check_talk_no_answer(struct check_talk *talk, const struct tpr_check *check,
                     long long int us)
{
    bool tcp = (check->type != TPR_CHECK_UDP
                && check->type != TPR_CHECK_ICMP);
    const char *connected = talk->connected && tcp ? "connected, but " : "";

    if (us % 1000) {
        snprintf(talk->clause, sizeof talk->clause,
                 "%sno answer in %lld.%03lld ms", connected, us / 1000,
                 us % 1000);
    } else {
        snprintf(talk->clause, sizeof talk->clause, "%sno answer in %lld ms",
                 connected, us / 1000);
    }
}

/* Should be called when the conversation has had its time, 'us', and is still
 * without a verdict.  Returns it, other than CHECK_TALKING. */
enum check_verdict
check_talk_timeout(struct check_talk *talk, const struct tpr_check *check,
                   long long int us)
{
    if (talk->class->timeout) {
        return talk->class->timeout(talk, check, us);
    }
    check_talk_no_answer(talk, check, us);
    return CHECK_SILENCE;
}

/* Should be called after a conversation with CHECK_GOOD, and, with 'look',
 * when something has happened to the socket since.  Returns true if the
 * connection may have another one. */
bool
check_talk_keep(struct check_talk *talk, bool look)
{
    return talk->class->keep && talk->class->keep(talk, look);
}

/* Begins another conversation on a connection that check_talk_keep() was true
 * for.  Returns false if that cannot be. */
bool
check_talk_again(struct check_talk *talk)
{
    talk->again = talk->class->again(talk);
    talk->stale = false;
    return talk->again;
}

/* Ends the conversation.  SO_LINGER makes that a reset: neither side keeps
 * anything of it. */
void
check_talk_close(struct check_talk *talk)
{
    if (talk->connected && talk->class->finish) {
        talk->class->finish(talk);
    }
    if (talk->fd >= 0) {
        close(talk->fd);
        talk->fd = -1;
    }
}
