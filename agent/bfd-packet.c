/* SPDX-License-Identifier: Apache-2.0 */

/* BFD control packets: see bfd-packet.h.
 *
 * Everything here runs on the heartbeat thread too: nothing allocates. */

#include <config.h>
#include "bfd-packet.h"

#include <arpa/inet.h>
#include <string.h>
#include "sha1.h"
#include "util.h"

/* RFC 5880 section 4.1.
 *
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |Vers |  Diag   |Sta|P|F|C|A|D|M|  Detect Mult  |    Length     |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                       My Discriminator                        |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                      Your Discriminator                       |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                    Desired Min TX Interval                    |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                   Required Min RX Interval                    |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                 Required Min Echo RX Interval                 |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
struct bfd_wire {
    uint8_t vers_diag;          /* Version in the upper 3 bits. */
    uint8_t flags;              /* State in the upper 2 bits. */
    uint8_t mult;
    uint8_t length;
    ovs_be32 my_discr;
    ovs_be32 your_discr;
    ovs_be32 min_tx;
    ovs_be32 min_rx;
    ovs_be32 min_echo_rx;
};
BUILD_ASSERT_DECL(sizeof(struct bfd_wire) == BFD_LEN);

/* Bits of bfd_wire.flags. */
enum {
    BFD_FLAG_POLL = 1 << 5,
    BFD_FLAG_FINAL = 1 << 4,
    BFD_FLAG_CPI = 1 << 3,
    BFD_FLAG_AUTH = 1 << 2,
    BFD_FLAG_DEMAND = 1 << 1,
    BFD_FLAG_MULTIPOINT = 1 << 0,
};

/* Authentication section, from the packet's 24th byte.
 *
 * RFC 5880 section 4.2, simple password:
 *
 *  |  Auth Type=1  |   Auth Len    |  Auth Key ID  |  Password...  |
 *
 * RFC 5880 section 4.4, keyed SHA1 and meticulous keyed SHA1:
 *
 *  | Auth Type=4,5 |  Auth Len=28  |  Auth Key ID  |   Reserved    |
 *  |                        Sequence Number                        |
 *  |                   Auth Key/Hash (20 bytes)                    |
 */
enum {
    BFD_AUTH_MIN_LEN = 2,       /* Type and length. */
    BFD_SIMPLE_HEADER_LEN = 3,
};

struct bfd_sha1_section {
    uint8_t type;
    uint8_t len;
    uint8_t key_id;
    uint8_t reserved;
    ovs_be32 seq;
    uint8_t hash[BFD_SHA1_LEN];
};
BUILD_ASSERT_DECL(sizeof(struct bfd_sha1_section) == BFD_SHA1_SECTION_LEN);
BUILD_ASSERT_DECL(BFD_LEN + BFD_SHA1_SECTION_LEN <= BFD_MAX_LEN);

/* Returns the name of 'state', as 'show' prints it. */
const char *
bfd_state_to_string(enum bfd_state state)
{
    switch (state) {
#define BFD_STATE(ENUM, VALUE, NAME) case BFD_STATE_##ENUM: return NAME;
        BFD_STATES
#undef BFD_STATE
    }
    return "invalid";
}

/* Returns a sentence for 'diag', which may be any value of the field. */
const char *
bfd_diag_to_string(enum bfd_diag diag)
{
    switch (diag) {
#define BFD_DIAG(ENUM, VALUE, NAME) case BFD_DIAG_##ENUM: return NAME;
        BFD_DIAGS
#undef BFD_DIAG
    }
    return "reserved diagnostic";
}

/* Returns a sentence for 'error'. */
const char *
bfd_error_to_string(enum bfd_error error)
{
    switch (error) {
#define BFD_ERROR(ENUM, SENTENCE) case BFD_ERR_##ENUM: return SENTENCE;
        BFD_ERRORS
#undef BFD_ERROR
    case BFD_N_ERRORS:
        break;
    }
    return "invalid error";
}

/* Compares in a time that does not depend on where the first difference is. */
static bool
equal_in_constant_time(const uint8_t *a, const uint8_t *b, size_t n)
{
    volatile uint8_t diff = 0;

    for (size_t i = 0; i < n; i++) {
        diff |= a[i] ^ b[i];
    }
    return !diff;
}

/* RFC 5880 6.7.4: the hash over 'size' bytes of 'packet' with the key, padded
 * with zeros, in the hash's place.  'packet' is changed.
 *
 * ovs_sha1_bytes() rather than sha1_bytes(): the latter allocates when it goes
 * to OpenSSL, which the heartbeat thread must not. */
static void
keyed_sha1(uint8_t *packet, size_t size, const struct bfd_auth *auth,
           uint8_t digest[BFD_SHA1_LEN])
{
    uint8_t *hash = packet + BFD_LEN + offsetof(struct bfd_sha1_section, hash);

    memset(hash, 0, BFD_SHA1_LEN);
    memcpy(hash, auth->key, MIN(auth->key_len, BFD_SHA1_LEN));
    ovs_sha1_bytes(packet, size, digest);
}

/* Returns the bytes that the authentication section of 'auth' takes. */
static size_t
auth_section_len(const struct bfd_auth *auth)
{
    switch (auth->type) {
    case BFD_AUTH_NONE:
        return 0;
    case BFD_AUTH_SIMPLE:
        return BFD_SIMPLE_HEADER_LEN + MIN(auth->key_len, BFD_SIMPLE_MAX);
    case BFD_AUTH_SHA1:
    case BFD_AUTH_METICULOUS_SHA1:
        return BFD_SHA1_SECTION_LEN;
    }
    OVS_NOT_REACHED();
}

static void
encode_auth(const struct bfd_auth *auth, uint32_t seq, uint8_t *buf,
            size_t size)
{
    uint8_t *section = buf + BFD_LEN;

    if (auth->type == BFD_AUTH_SIMPLE) {
        section[0] = auth->type;
        section[1] = size - BFD_LEN;
        section[2] = auth->key_id;
        memcpy(section + BFD_SIMPLE_HEADER_LEN, auth->key,
               size - BFD_LEN - BFD_SIMPLE_HEADER_LEN);
    } else if (auth->type != BFD_AUTH_NONE) {
        struct bfd_sha1_section sha1 = {
            .type = auth->type,
            .len = BFD_SHA1_SECTION_LEN,
            .key_id = auth->key_id,
            .seq = htonl(seq),
        };
        uint8_t digest[BFD_SHA1_LEN];

        memcpy(section, &sha1, sizeof sha1);
        keyed_sha1(buf, size, auth, digest);
        memcpy(section + offsetof(struct bfd_sha1_section, hash), digest,
               sizeof digest);
    }
}

/* Writes 'p' to 'buf', authenticated as 'auth' says (NULL: not at all) with
 * sequence number 'seq' (keyed SHA1 only), and returns its size in bytes.
 * p->auth_present is ignored: the A bit follows from 'auth'. */
size_t
bfd_packet_encode(const struct bfd_packet *p, const struct bfd_auth *auth,
                  uint32_t seq, uint8_t buf[BFD_MAX_LEN])
{
    static const struct bfd_auth none = { .type = BFD_AUTH_NONE };

    auth = auth ? auth : &none;
    size_t size = BFD_LEN + auth_section_len(auth);
    struct bfd_wire wire = {
        .vers_diag = (BFD_VERSION << 5) | (p->diag & 0x1f),
        .flags = ((p->state << 6)
                  | (p->poll ? BFD_FLAG_POLL : 0)
                  | (p->final ? BFD_FLAG_FINAL : 0)
                  | (p->cpi ? BFD_FLAG_CPI : 0)
                  | (auth->type != BFD_AUTH_NONE ? BFD_FLAG_AUTH : 0)
                  | (p->demand ? BFD_FLAG_DEMAND : 0)
                  | (p->multipoint ? BFD_FLAG_MULTIPOINT : 0)),
        .mult = p->mult,
        .length = size,
        .my_discr = htonl(p->my_discr),
        .your_discr = htonl(p->your_discr),
        .min_tx = htonl(p->min_tx_us),
        .min_rx = htonl(p->min_rx_us),
        .min_echo_rx = htonl(p->min_echo_rx_us),
    };

    memcpy(buf, &wire, sizeof wire);
    encode_auth(auth, seq, buf, size);
    return size;
}

/* The checks of RFC 5880 6.8.6 that need no session. */
static enum bfd_error
check_packet(const struct bfd_wire *wire, size_t size,
             const struct bfd_packet *p)
{
    size_t min_length = BFD_LEN + (p->auth_present ? BFD_AUTH_MIN_LEN : 0);

    if (wire->vers_diag >> 5 != BFD_VERSION) {
        return BFD_ERR_VERSION;
    } else if (wire->length < min_length) {
        return BFD_ERR_LENGTH;
    } else if (wire->length > size) {
        return BFD_ERR_SHORT;
    } else if (!p->mult) {
        return BFD_ERR_MULT;
    } else if (p->multipoint) {
        return BFD_ERR_MULTIPOINT;
    } else if (!p->my_discr) {
        return BFD_ERR_MY_DISCR;
    } else if (!p->your_discr && p->state != BFD_STATE_DOWN
               && p->state != BFD_STATE_ADMIN_DOWN) {
        return BFD_ERR_YOUR_DISCR;
    } else if (p->poll && p->final) {
        return BFD_ERR_FLAGS;
    } else {
        return BFD_ERR_NONE;
    }
}

/* Parses the 'size' bytes at 'data', the payload of UDP, into '*p' and checks
 * all that RFC 5880 6.8.6 asks before a session is looked up.  Bytes beyond
 * the packet's own length (Ethernet padding) are ignored.
 *
 * Returns BFD_ERR_NONE or why the packet must be discarded; '*p' then holds
 * what was read, all zero if nothing was.  Authentication is not checked:
 * bfd_packet_check_auth() follows when the session is known. */
enum bfd_error
bfd_packet_decode(const uint8_t *data, size_t size, struct bfd_packet *p)
{
    struct bfd_wire wire;

    memset(p, 0, sizeof *p);
    if (size < sizeof wire) {
        return BFD_ERR_SHORT;
    }
    memcpy(&wire, data, sizeof wire);

    p->diag = wire.vers_diag & 0x1f;
    p->state = wire.flags >> 6;
    p->poll = (wire.flags & BFD_FLAG_POLL) != 0;
    p->final = (wire.flags & BFD_FLAG_FINAL) != 0;
    p->cpi = (wire.flags & BFD_FLAG_CPI) != 0;
    p->auth_present = (wire.flags & BFD_FLAG_AUTH) != 0;
    p->demand = (wire.flags & BFD_FLAG_DEMAND) != 0;
    p->multipoint = (wire.flags & BFD_FLAG_MULTIPOINT) != 0;
    p->mult = wire.mult;
    p->my_discr = ntohl(wire.my_discr);
    p->your_discr = ntohl(wire.your_discr);
    p->min_tx_us = ntohl(wire.min_tx);
    p->min_rx_us = ntohl(wire.min_rx);
    p->min_echo_rx_us = ntohl(wire.min_echo_rx);

    return check_packet(&wire, size, p);
}

static enum bfd_error
check_simple(const uint8_t *section, const struct bfd_auth *auth)
{
    bool ok = equal_in_constant_time(section + BFD_SIMPLE_HEADER_LEN,
                                     auth->key,
                                     auth_section_len(auth)
                                     - BFD_SIMPLE_HEADER_LEN);
    return ok ? BFD_ERR_NONE : BFD_ERR_AUTH_FAILED;
}

static enum bfd_error
check_sha1(const uint8_t *data, size_t length, const struct bfd_auth *auth,
           uint32_t *seq)
{
    uint8_t copy[BFD_LEN + BFD_SHA1_SECTION_LEN];
    struct bfd_sha1_section section;
    uint8_t digest[BFD_SHA1_LEN];

    memcpy(copy, data, length);
    memcpy(&section, copy + BFD_LEN, sizeof section);
    keyed_sha1(copy, length, auth, digest);
    if (!equal_in_constant_time(digest, section.hash, sizeof digest)) {
        return BFD_ERR_AUTH_FAILED;
    }
    *seq = ntohl(section.seq);
    return BFD_ERR_NONE;
}

/* Checks the authentication of the 'size' bytes at 'data', for which
 * bfd_packet_decode() returned BFD_ERR_NONE, against 'auth' (NULL: none in
 * use), as RFC 5880 6.7.2 and 6.7.4 say.  Stores the sequence number of keyed
 * SHA1 in '*seq', 0 without one; whether it is in range depends on the session
 * (bfd_auth_seq_ok()).
 *
 * Returns BFD_ERR_NONE, BFD_ERR_AUTH_MISMATCH (authentication is missing,
 * unexpected or of another type) or BFD_ERR_AUTH_FAILED. */
enum bfd_error
bfd_packet_check_auth(const uint8_t *data, size_t size,
                      const struct bfd_auth *auth, uint32_t *seq)
{
    struct bfd_wire wire;

    *seq = 0;
    if (size < sizeof wire) {
        return BFD_ERR_SHORT;
    }
    memcpy(&wire, data, sizeof wire);

    bool present = (wire.flags & BFD_FLAG_AUTH) != 0;
    bool wanted = auth && auth->type != BFD_AUTH_NONE;
    if (!present || !wanted) {
        return present == wanted ? BFD_ERR_NONE : BFD_ERR_AUTH_MISMATCH;
    } else if (wire.length > size) {
        return BFD_ERR_SHORT;
    } else if (wire.length < BFD_LEN + BFD_AUTH_MIN_LEN) {
        return BFD_ERR_LENGTH;
    }

    const uint8_t *section = data + BFD_LEN;
    size_t len = auth_section_len(auth);
    if (section[0] != auth->type) {
        return BFD_ERR_AUTH_MISMATCH;
    } else if (section[1] != len || wire.length != BFD_LEN + len
               || section[2] != auth->key_id) {
        return BFD_ERR_AUTH_FAILED;
    } else if (auth->type == BFD_AUTH_SIMPLE) {
        return check_simple(section, auth);
    } else {
        return check_sha1(data, wire.length, auth, seq);
    }
}

/* Returns true if 'a' and 'b' are the same key. */
bool
bfd_auth_equal(const struct bfd_auth *a, const struct bfd_auth *b)
{
    return (a->type == b->type && a->key_id == b->key_id
            && a->key_len == b->key_len
            && !memcmp(a->key, b->key, MIN(a->key_len, sizeof a->key)));
}

/* Returns true if packets authenticated by 'auth' carry sequence numbers. */
bool
bfd_auth_has_seq(const struct bfd_auth *auth)
{
    return (auth->type == BFD_AUTH_SHA1
            || auth->type == BFD_AUTH_METICULOUS_SHA1);
}

/* RFC 5880 6.7.4: returns true if 'seq' may follow 'known' (bfd.RcvAuthSeq) in
 * a packet with detection multiplier 'mult': at most 3 * mult further,
 * circularly, and for the meticulous variant not the same. */
bool
bfd_auth_seq_ok(enum bfd_auth_type type, uint32_t known, uint32_t seq,
                uint8_t mult)
{
    uint32_t ahead = seq - known;

    return (ahead <= 3 * (uint32_t) mult
            && (ahead || type != BFD_AUTH_METICULOUS_SHA1));
}
