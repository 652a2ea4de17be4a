/* SPDX-License-Identifier: Apache-2.0 */

/* Heartbeat by ICMP echo: see icmp-echo.h. */

#include <config.h>
#include "icmp-echo.h"

#include <string.h>
#include "util.h"

/* xorshift64*.  Never 0, which stands for "answered". */
static uint64_t
next_random(struct icmp_echo *e)
{
    e->random ^= e->random >> 12;
    e->random ^= e->random << 25;
    e->random ^= e->random >> 27;
    return e->random * UINT64_C(0x2545f4914f6cdd1d);
}

/* Makes 'e' a session in state UNKNOWN whose first request is due at 'now_us'.
 * 'seed' should be hard to guess.  'override_us', if nonzero, is a silence
 * that means "down" even if it is shorter than interval * fall. */
void
icmp_echo_init(struct icmp_echo *e, const struct heartbeat_config *cfg,
               long long int override_us, uint64_t seed, long long int now_us)
{
    memset(e, 0, sizeof *e);
    e->random = seed ? seed : 1;
    e->token = next_random(e);
    e->id = next_random(e) >> 48;
    e->next_us = now_us;
    heartbeat_init(&e->hb, cfg, now_us);
    icmp_echo_configure(e, cfg, override_us, now_us);
}

/* Changes the configuration of a living session. */
void
icmp_echo_configure(struct icmp_echo *e, const struct heartbeat_config *cfg,
                    long long int override_us, long long int now_us)
{
    heartbeat_configure(&e->hb, cfg, now_us);

    long long int interval_us = e->hb.cfg.interval_us;
    if (override_us && override_us < e->hb.detect_us) {
        /* Less than one and a half intervals would take every beat for the
         * last. */
        override_us = MAX(override_us, interval_us + interval_us / 2);
        heartbeat_set_detection(&e->hb, interval_us,
                                MIN(override_us, e->hb.detect_us), now_us);
    }
    e->next_us = MIN(e->next_us, now_us + interval_us);
}

/* Should be called for each echo reply from the peer to us: identifier 'id',
 * sequence number 'seq' and 'size' bytes of 'payload'.  Returns false if it
 * answers no request of ours; that changes nothing. */
bool
icmp_echo_receive(struct icmp_echo *e, uint16_t id, uint16_t seq,
                  const uint8_t *payload, size_t size, long long int now_us,
                  enum heartbeat_decision *decision)
{
    uint64_t *nonce = &e->nonce[seq % ICMP_ECHO_WINDOW];
    uint16_t age = e->seq - seq;

    *decision = HEARTBEAT_NOTHING;
    if (id != e->id || size != ICMP_ECHO_PAYLOAD
        || !age || age > ICMP_ECHO_WINDOW || !*nonce
        || memcmp(payload, &e->token, sizeof e->token)
        || memcmp(payload + sizeof e->token, nonce, sizeof *nonce)) {
        return false;
    }
    *nonce = 0;
    *decision = heartbeat_beat(&e->hb, now_us);
    return true;
}

/* Returns when a request or heartbeat_run(&e->hb) is due next. */
long long int
icmp_echo_deadline(const struct icmp_echo *e)
{
    return MIN(e->next_us, heartbeat_deadline(&e->hb));
}

/* Returns true if a request is due at 'now_us'. */
bool
icmp_echo_must_send(const struct icmp_echo *e, long long int now_us)
{
    return now_us >= e->next_us;
}

/* Makes the next request, to be sent at once.  A delay does not shift the ones
 * that follow, nor do missed ones come in a burst. */
void
icmp_echo_build(struct icmp_echo *e, uint16_t *id, uint16_t *seq,
                uint8_t payload[ICMP_ECHO_PAYLOAD], long long int now_us)
{
    uint64_t *nonce = &e->nonce[e->seq % ICMP_ECHO_WINDOW];

    *nonce = next_random(e);
    memcpy(payload, &e->token, sizeof e->token);
    memcpy(payload + sizeof e->token, nonce, sizeof *nonce);
    *id = e->id;
    *seq = e->seq++;

    e->next_us += e->hb.cfg.interval_us;
    if (e->next_us <= now_us) {
        e->next_us = now_us + e->hb.cfg.interval_us;
    }
}
