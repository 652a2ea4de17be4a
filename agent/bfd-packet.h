/* SPDX-License-Identifier: Apache-2.0 */

/* BFD control packets: encode, decode, authenticate.
 *
 * RFC 5880 section 4 (format), 6.7 (authentication), 6.8.6 (the checks that
 * need no session).  Pure: bytes in, a struct or a reason out.
 *
 * Threads: none; no state.  The heartbeat thread calls these. */

#ifndef TPR_BFD_PACKET_H
#define TPR_BFD_PACKET_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BFD_PORT = 3784,            /* RFC 5881 section 4: single hop. */
    BFD_SRC_PORT_MIN = 49152,   /* RFC 5881 section 4. */
    BFD_SRC_PORT_MAX = 65535,
    BFD_TTL = 255,              /* RFC 5881 section 5 (GTSM). */
    BFD_VERSION = 1,
    BFD_LEN = 24,               /* Mandatory section. */
    BFD_MAX_LEN = 64,           /* Longest we accept or send. */
    BFD_SIMPLE_MAX = 16,        /* Simple password, bytes. */
    BFD_SHA1_LEN = 20,
    BFD_SHA1_SECTION_LEN = 28,  /* RFC 5880 section 4.4. */
};

/* RFC 5880 section 4.1, "State". */
#define BFD_STATES                              \
    BFD_STATE(ADMIN_DOWN, 0, "admin-down")      \
    BFD_STATE(DOWN, 1, "down")                  \
    BFD_STATE(INIT, 2, "init")                  \
    BFD_STATE(UP, 3, "up")
enum bfd_state {
#define BFD_STATE(ENUM, VALUE, NAME) BFD_STATE_##ENUM = VALUE,
    BFD_STATES
#undef BFD_STATE
};
const char *bfd_state_to_string(enum bfd_state);

/* RFC 5880 section 4.1, "Diagnostic". */
#define BFD_DIAGS                                                           \
    BFD_DIAG(NONE, 0, "no diagnostic")                                      \
    BFD_DIAG(EXPIRED, 1, "control detection time expired")                  \
    BFD_DIAG(ECHO, 2, "echo function failed")                               \
    BFD_DIAG(NEIGHBOR_DOWN, 3, "neighbor signaled session down")            \
    BFD_DIAG(FORWARDING, 4, "forwarding plane reset")                       \
    BFD_DIAG(PATH_DOWN, 5, "path down")                                     \
    BFD_DIAG(CONCAT_DOWN, 6, "concatenated path down")                      \
    BFD_DIAG(ADMIN_DOWN, 7, "administratively down")                        \
    BFD_DIAG(REV_CONCAT_DOWN, 8, "reverse concatenated path down")
enum bfd_diag {
#define BFD_DIAG(ENUM, VALUE, NAME) BFD_DIAG_##ENUM = VALUE,
    BFD_DIAGS
#undef BFD_DIAG
};
const char *bfd_diag_to_string(enum bfd_diag);

/* RFC 5880 section 4.1, "Auth Type". */
enum bfd_auth_type {
    BFD_AUTH_NONE = 0,
    BFD_AUTH_SIMPLE = 1,
    BFD_AUTH_SHA1 = 4,              /* Keyed SHA1. */
    BFD_AUTH_METICULOUS_SHA1 = 5,
};

/* Authentication of a session, both directions. */
struct bfd_auth {
    enum bfd_auth_type type;
    uint8_t key_id;
    uint8_t key_len;            /* SIMPLE: 1 to 16; SHA1: 1 to 20. */
    uint8_t key[BFD_SHA1_LEN];
};

/* Why a packet was discarded: counted, never logged one by one. */
#define BFD_ERRORS                                                          \
    BFD_ERROR(NONE, "ok")                                                   \
    BFD_ERROR(SHORT, "shorter than its headers say")                        \
    BFD_ERROR(VERSION, "version is not 1")                                  \
    BFD_ERROR(LENGTH, "length field is wrong")                              \
    BFD_ERROR(MULT, "detection multiplier is zero")                         \
    BFD_ERROR(MULTIPOINT, "multipoint bit is set")                          \
    BFD_ERROR(MY_DISCR, "my discriminator is zero")                         \
    BFD_ERROR(YOUR_DISCR, "your discriminator is unknown or missing")       \
    BFD_ERROR(FLAGS, "poll and final are both set")                         \
    BFD_ERROR(AUTH_MISMATCH, "authentication is missing or unexpected")     \
    BFD_ERROR(AUTH_FAILED, "authentication failed")                         \
    BFD_ERROR(AUTH_SEQ, "authentication sequence number is out of range")   \
    BFD_ERROR(TTL, "TTL is not 255")                                        \
    BFD_ERROR(ADDRESS, "addresses belong to no session")                    \
    BFD_ERROR(FRAME, "malformed Ethernet, IP or UDP header")
enum bfd_error {
#define BFD_ERROR(ENUM, SENTENCE) BFD_ERR_##ENUM,
    BFD_ERRORS
#undef BFD_ERROR
    BFD_N_ERRORS
};
const char *bfd_error_to_string(enum bfd_error);

/* The mandatory section in host byte order, intervals in microseconds. */
struct bfd_packet {
    enum bfd_diag diag;
    enum bfd_state state;
    bool poll, final, cpi, auth_present, demand, multipoint;
    uint8_t mult;
    uint32_t my_discr, your_discr;
    uint32_t min_tx_us;         /* Desired Min TX Interval. */
    uint32_t min_rx_us;         /* Required Min RX Interval. */
    uint32_t min_echo_rx_us;    /* Required Min Echo RX Interval. */
};

size_t bfd_packet_encode(const struct bfd_packet *, const struct bfd_auth *,
                         uint32_t seq, uint8_t buf[BFD_MAX_LEN]);
enum bfd_error bfd_packet_decode(const uint8_t *data, size_t size,
                                 struct bfd_packet *);
enum bfd_error bfd_packet_check_auth(const uint8_t *data, size_t size,
                                     const struct bfd_auth *,
                                     uint32_t *seq);
bool bfd_auth_equal(const struct bfd_auth *, const struct bfd_auth *);
bool bfd_auth_has_seq(const struct bfd_auth *);
bool bfd_auth_seq_ok(enum bfd_auth_type, uint32_t known, uint32_t seq,
                     uint8_t mult);

#endif /* bfd-packet.h */
