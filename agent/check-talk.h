/* SPDX-License-Identifier: Apache-2.0 */

/* One conversation of a health check: connect, talk, verdict.
 *
 * check-talk.c does what all conversations share: a non-blocking socket, TCP
 * and UDP from the reserved source ports, and whose fault an error is.  What
 * is said once the connection stands is the class's: check-http.c,
 * check-tcp.c, check-udp.c, check-icmp.c, check-agent.c.
 *
 * Whose fault:
 *   - what the peer or the network tells (refused, reset, unreachable, wrong
 *     answer) is a miss, and so is what they keep to themselves (silence);
 *   - what our own kernel refuses before a packet has left (no route, no free
 *     port, no memory, no permission) is not.
 *
 * Use: check_talk_open(); then check_talk_run() whenever the socket may be
 * ready, until it returns other than CHECK_TALKING, or check_talk_timeout();
 * then check_talk_close().
 *
 * Or, after CHECK_GOOD, check_talk_keep(); if that is true, the connection may
 * have another conversation, begun with check_talk_again() instead of
 * check_talk_open().  If 'stale' is true after a verdict of that one, the
 * peer ended the connection before it knew of the request, which proves
 * nothing: it is to be closed and the conversation to be had anew.
 *
 * Threads: main thread. */

#ifndef TPR_CHECK_TALK_H
#define TPR_CHECK_TALK_H 1

#include <stdint.h>
#include "check.h"
#include "openvswitch/compiler.h"

enum check_verdict {
    CHECK_TALKING,              /* None yet. */
    CHECK_GOOD,
    CHECK_MISS,
    CHECK_SILENCE,              /* A miss: no answer in time. */
    CHECK_OWN_ERROR,            /* Ours; says nothing about the backend. */
};

struct check_talk {
    const struct check_class *class;
    int fd;
    bool connected;
    bool again;                 /* Not the connection's first conversation. */
    bool stale;                 /* With a verdict: it proves nothing. */
    bool raw;                   /* ICMP: no "ping" socket. */
    void *aux;                  /* The class's own, or NULL. */
    const struct agent_words *said;     /* What an agent has said, with
                                         * CHECK_GOOD, or NULL. */
    char clause[128];           /* Why, with any verdict. */
};

struct check_class {
    enum tpr_check_type type;

    /* Should be called when the connection stands, with 'talk' connected to
     * 'addr', port 'port', as 'check' wants it.  CHECK_TALKING is success. */
    enum check_verdict (*start)(struct check_talk *talk,
                                const struct tpr_check *check,
                                const struct in6_addr *addr, uint16_t port);

    /* Goes on as far as it can without blocking.  Fills in 'talk->clause' with
     * any verdict. */
    enum check_verdict (*run)(struct check_talk *talk,
                              const struct tpr_check *check);

    /* Should be called when the time, 'us', is over: the verdict, with its
     * clause.  NULL: silence. */
    enum check_verdict (*timeout)(struct check_talk *talk,
                                  const struct tpr_check *check,
                                  long long int us);

    /* Should be called between two conversations: can the connection have
     * another one?  'look': at the socket, too.  NULL: it never can. */
    bool (*keep)(struct check_talk *talk, bool look);

    /* Should be called to begin another one; the same, and nothing of the last
     * one is left.  Not NULL if 'keep' is not. */
    bool (*again)(struct check_talk *talk);

    /* Frees 'talk->aux'.  NULL: nothing to do. */
    void (*finish)(struct check_talk *talk);
};

extern const struct check_class check_agent_class;
extern const struct check_class check_http_class;
extern const struct check_class check_https_class;
extern const struct check_class check_icmp_class;
extern const struct check_class check_tcp_class;
extern const struct check_class check_udp_class;

enum check_verdict check_talk_open(struct check_talk *,
                                   const struct tpr_check *,
                                   const struct in6_addr *addr, uint16_t port,
                                   unsigned int *src_port_hint);
enum check_verdict check_talk_run(struct check_talk *,
                                  const struct tpr_check *,
                                  const struct in6_addr *addr, uint16_t port);
enum check_verdict check_talk_timeout(struct check_talk *,
                                      const struct tpr_check *,
                                      long long int us);
bool check_talk_keep(struct check_talk *, bool look);
bool check_talk_again(struct check_talk *);
void check_talk_close(struct check_talk *);

/* For classes. */
int check_talk_send(const struct check_talk *, const struct tpr_bytes *,
                    size_t *n_sent);
enum check_verdict check_talk_error(struct check_talk *, int error);
enum check_verdict check_talk_own_error(struct check_talk *,
                                        const char *format, ...)
    OVS_PRINTF_FORMAT(2, 3);
void check_talk_no_answer(struct check_talk *, const struct tpr_check *,
                          long long int us);

#endif /* check-talk.h */
