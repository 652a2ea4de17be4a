/* SPDX-License-Identifier: Apache-2.0 */

/* A heartbeat by ICMP or ICMPv6 echo, for regions where nothing answers BFD.
 *
 * Pure: replies (already parsed) and 'now' in; requests to send, decisions and
 * the next deadline out.
 *
 * A beat is a reply to one of the last ICMP_ECHO_WINDOW requests, with the
 * random bytes that were sent in it; each request counts at most once.  So
 * neither a replayed reply nor one from somebody who does not see our requests
 * keeps a dead region alive.
 *
 * Threads: an instance belongs to one thread.  Time: *_us, CLOCK_MONOTONIC. */

#ifndef TPR_ICMP_ECHO_H
#define TPR_ICMP_ECHO_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "heartbeat.h"

enum {
    ICMP_ECHO_WINDOW = 256,     /* Requests that may still be answered. */
    ICMP_ECHO_PAYLOAD = 16,     /* Bytes of each request. */
};

struct icmp_echo {
    struct heartbeat hb;
    uint16_t id;                /* Identifier of all our requests. */
    uint16_t seq;               /* Of the next request. */
    long long int next_us;      /* When it is due. */
    uint64_t random;            /* Generator of 'nonce's. */
    uint64_t token;             /* First half of each payload. */
    uint64_t nonce[ICMP_ECHO_WINDOW];   /* Second half, by sequence number;
                                         * 0: answered or never sent. */
};

void icmp_echo_init(struct icmp_echo *, const struct heartbeat_config *,
                    long long int override_us, uint64_t seed,
                    long long int now_us);
void icmp_echo_configure(struct icmp_echo *, const struct heartbeat_config *,
                         long long int override_us, long long int now_us);

bool icmp_echo_receive(struct icmp_echo *, uint16_t id, uint16_t seq,
                       const uint8_t *payload, size_t size,
                       long long int now_us, enum heartbeat_decision *);
long long int icmp_echo_deadline(const struct icmp_echo *);
bool icmp_echo_must_send(const struct icmp_echo *, long long int now_us);
void icmp_echo_build(struct icmp_echo *, uint16_t *id, uint16_t *seq,
                     uint8_t payload[ICMP_ECHO_PAYLOAD],
                     long long int now_us);

#endif /* icmp-echo.h */
