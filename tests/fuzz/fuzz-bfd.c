/* SPDX-License-Identifier: Apache-2.0 */

/* Fuzzes what a BFD peer can send: decoder, authentication and session.
 *
 * Input: a byte of options, then records of a byte of waiting time, a byte of
 * length and so many bytes of packet.  Options choose the authentication (bits
 * 0-1), whether the fuzzer knows the key (bit 2: the packet is authenticated
 * anew, as the fuzzer never guesses a hash), whether it knows our
 * discriminator (bit 3), passive role (bit 4) and AdminDown (bit 5).
 *
 * After each packet the session does all that is due.  It must keep its
 * promises: bounded bursts, deadlines that come, never faster than allowed. */

#include <config.h>
#include "bfd-session.h"

#include <limits.h>
#include <string.h>
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

enum { MY_DISCR = 0x12345678, MAX_BURST = 3 };

static const enum bfd_auth_type auth_types[] = {
    BFD_AUTH_NONE, BFD_AUTH_SIMPLE, BFD_AUTH_SHA1, BFD_AUTH_METICULOUS_SHA1,
};

/* What decoded is encoded to the same bytes: parser and printer agree. */
static void
check_round_trip(const uint8_t *data, const struct bfd_packet *p)
{
    uint8_t again[BFD_MAX_LEN];

    if (!p->auth_present && data[3] == BFD_LEN) {
        ovs_assert(bfd_packet_encode(p, NULL, 0, again) == BFD_LEN);
        ovs_assert(!memcmp(again, data, BFD_LEN));
    }
}

static void
receive(struct bfd_session *s, const uint8_t *data, size_t size,
        uint8_t options, long long int now_us)
{
    const struct bfd_auth *auth = &s->cfg.auth;
    enum heartbeat_decision decision;
    uint8_t forged[BFD_MAX_LEN];
    struct bfd_packet p;
    uint32_t seq;

    enum bfd_error error = bfd_packet_decode(data, size, &p);
    ovs_assert(error < BFD_N_ERRORS);
    if (error) {
        /* Must still not read beyond the end. */
        bfd_packet_check_auth(data, size, auth, &seq);
        return;
    }
    check_round_trip(data, &p);
    if (options & 8 && p.your_discr) {
        p.your_discr = MY_DISCR;
    }
    if (options & 4) {
        size = bfd_packet_encode(&p, auth, data[size - 1], forged);
        data = forged;
    }
    if (bfd_packet_check_auth(data, size, auth, &seq)) {
        return;
    }
    error = bfd_session_receive(s, &p, seq, now_us, &decision);
    ovs_assert(error == BFD_ERR_NONE || error == BFD_ERR_YOUR_DISCR
               || error == BFD_ERR_AUTH_SEQ);
}

/* Does what an owner does. */
static void
serve(struct bfd_session *s, long long int now_us)
{
    uint8_t buf[BFD_MAX_LEN];
    struct bfd_packet p;
    int burst = 0;

    bfd_session_run(s, now_us);
    while (bfd_session_must_send(s, now_us)) {
        size_t size = bfd_session_build(s, buf, now_us);

        ovs_assert(size <= sizeof buf);
        ovs_assert(!bfd_packet_decode(buf, size, &p));
        ovs_assert(++burst <= MAX_BURST);
    }
    ovs_assert(bfd_session_deadline(s) > now_us);
    ovs_assert(s->hb.state != HEARTBEAT_UP || s->state == BFD_STATE_UP);
    ovs_assert(!s->cfg.admin_down || s->state == BFD_STATE_ADMIN_DOWN);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct heartbeat_config hb_cfg = {
        .interval_us = 10000, .fall = 3, .rise = 2, .max_excuses = 2,
    };
    struct bfd_session_config cfg = {
        .min_tx_us = 10000, .min_rx_us = 10000, .mult = 3,
        .auth = { .key_id = 1, .key_len = 3, .key = "key" },
    };
    struct bfd_session_status status;
    long long int now_us = 1000000;
    struct bfd_session s;

    if (!size) {
        return 0;
    }
    uint8_t options = *data++;
    size--;
    cfg.auth.type = auth_types[options & 3];
    cfg.passive = (options & 16) != 0;
    cfg.admin_down = (options & 32) != 0;
    bfd_session_init(&s, &cfg, &hb_cfg, 0, MY_DISCR, 1, now_us);
    serve(&s, now_us);

    while (size >= 2) {
        size_t n = MIN(data[1], size - 2);

        /* Up to 4 s, finer at the lower end. */
        now_us += 1 + data[0] * data[0] * 64LL;
        receive(&s, data + 2, n, options, now_us);
        serve(&s, now_us);
        data += 2 + n;
        size -= 2 + n;
    }
    bfd_session_status(&s, &status);
    return 0;
}
