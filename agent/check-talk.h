/* SPDX-License-Identifier: Apache-2.0 */

/* One conversation of a health check: connect, talk, verdict.
 *
 * check-talk.c does what all conversations share: a non-blocking TCP socket
 * from the reserved source ports, and whose fault an error is.  What is said
 * once the connection stands is the class's: check-http.c, check-tcp.c.
 *
 * Whose fault:
 *   - what the peer or the network tells (refused, reset, unreachable, wrong
 *     answer) or keeps to itself (no answer) is a miss;
 *   - what our own kernel refuses before a packet has left (no route, no free
 *     port, no memory, no permission) is not.
 *
 * Use: check_talk_open(); then check_talk_run() whenever the socket may be
 * ready, until it returns other than CHECK_TALKING, or check_talk_timeout();
 * then check_talk_close().
 *
 * Threads: main thread. */

#ifndef TPR_CHECK_TALK_H
#define TPR_CHECK_TALK_H 1

#include <stdint.h>
#include "check.h"

enum check_verdict {
    CHECK_TALKING,              /* None yet. */
    CHECK_GOOD,
    CHECK_MISS,
    CHECK_OWN_ERROR,            /* Ours; says nothing about the backend. */
};

struct check_talk {
    const struct check_class *class;
    int fd;
    bool connected;
    void *aux;                  /* The class's own, or NULL. */
    char clause[128];           /* Why, with any verdict. */
};

struct check_class {
    enum tpr_check_type type;

    /* Should be called when the connection stands, with 'talk' connected to
     * 'addr', port 'port', as 'check' wants it.  NULL: nothing to do. */
    void (*start)(struct check_talk *talk, const struct tpr_check *check,
                  const struct in6_addr *addr, uint16_t port);

    /* Goes on as far as it can without blocking.  Fills in 'talk->clause' with
     * any verdict. */
    enum check_verdict (*run)(struct check_talk *talk,
                              const struct tpr_check *check);

    /* Frees 'talk->aux'.  NULL: nothing to do. */
    void (*finish)(struct check_talk *talk);
};

extern const struct check_class check_http_class;
extern const struct check_class check_tcp_class;

enum check_verdict check_talk_open(struct check_talk *,
                                   const struct tpr_check *,
                                   const struct in6_addr *addr, uint16_t port,
                                   unsigned int *src_port_hint);
enum check_verdict check_talk_run(struct check_talk *,
                                  const struct tpr_check *,
                                  const struct in6_addr *addr, uint16_t port);
void check_talk_timeout(struct check_talk *, const struct tpr_check *);
void check_talk_close(struct check_talk *);

/* For classes. */
enum check_verdict check_talk_error(struct check_talk *, int error);

#endif /* check-talk.h */
