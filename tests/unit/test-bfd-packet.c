/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of BFD control packets against bytes written down by hand; the hashes
 * come from another implementation of SHA1. */

#include <config.h>
#include "bfd-packet.h"
#include "unit.h"

#include <string.h>
#include "openvswitch/dynamic-string.h"

/* The first packet of a three-way handshake: Down, mult 3, 1 s both ways. */
static const char *const down_hex =
    "20400318" "00000001" "00000000" "000f4240" "000f4240" "00000000";

static const struct bfd_auth simple = {
    .type = BFD_AUTH_SIMPLE, .key_id = 9, .key_len = 4, .key = "pass",
};
static const struct bfd_auth sha1 = {
    .type = BFD_AUTH_SHA1, .key_id = 7, .key_len = 6, .key = "secret",
};
static const struct bfd_auth meticulous = {
    .type = BFD_AUTH_METICULOUS_SHA1, .key_id = 7, .key_len = 6,
    .key = "secret",
};

static const struct bfd_packet up = {
    .state = BFD_STATE_UP, .poll = true, .mult = 3,
    .my_discr = 0x11223344, .your_discr = 0x55667788,
    .min_tx_us = 10000, .min_rx_us = 10000,
};

static size_t
from_hex(const char *hex, uint8_t *buf)
{
    size_t n = strlen(hex) / 2;

    for (size_t i = 0; i < n; i++) {
        bool ok;

        buf[i] = hexits_value(hex + 2 * i, 2, &ok);
        ck_assert(ok);
    }
    return n;
}

static void
assert_hex(const uint8_t *buf, size_t n, const char *hex)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    for (size_t i = 0; i < n; i++) {
        ds_put_format(&s, "%02x", buf[i]);
    }
    ck_assert_str_eq(ds_cstr(&s), hex);
    ds_destroy(&s);
}

/* Decodes 'base' with byte 'offset' replaced by 'value'. */
static enum bfd_error
decode_with(const char *base, size_t offset, uint8_t value)
{
    uint8_t buf[BFD_MAX_LEN];
    struct bfd_packet p;
    size_t n = from_hex(base, buf);

    buf[offset] = value;
    return bfd_packet_decode(buf, n, &p);
}

START_TEST(encodes_known_bytes)
{
    struct bfd_packet p = {
        .state = BFD_STATE_DOWN, .mult = 3, .my_discr = 1,
        .min_tx_us = 1000000, .min_rx_us = 1000000,
    };
    uint8_t buf[BFD_MAX_LEN];

    assert_hex(buf, bfd_packet_encode(&p, NULL, 0, buf), down_hex);
}
END_TEST

START_TEST(decodes_known_bytes)
{
    static const char *hex =
        "27fd0518" "80000001" "deadbeef" "00000001" "00000002" "00000003";
    uint8_t buf[BFD_MAX_LEN];
    struct bfd_packet p;
    size_t n = from_hex(hex, buf);

    buf[1] = 0xea;              /* Up, poll, cpi, demand. */
    ck_assert_int_eq(bfd_packet_decode(buf, n, &p), BFD_ERR_NONE);
    ck_assert_int_eq(p.diag, BFD_DIAG_ADMIN_DOWN);
    ck_assert_int_eq(p.state, BFD_STATE_UP);
    ck_assert(p.poll && !p.final && p.cpi && !p.auth_present && p.demand
              && !p.multipoint);
    ck_assert_uint_eq(p.mult, 5);
    ck_assert_uint_eq(p.my_discr, 0x80000001);
    ck_assert_uint_eq(p.your_discr, 0xdeadbeef);
    ck_assert_uint_eq(p.min_tx_us, 1);
    ck_assert_uint_eq(p.min_rx_us, 2);
    ck_assert_uint_eq(p.min_echo_rx_us, 3);

    buf[1] = 0x50;              /* Down, final. */
    ck_assert_int_eq(bfd_packet_decode(buf, n, &p), BFD_ERR_NONE);
    ck_assert_int_eq(p.state, BFD_STATE_DOWN);
    ck_assert(!p.poll && p.final);
}
END_TEST

/* The table of 6.8.6: one byte of a good packet changed. */
START_TEST(discards_as_the_rfc_says)
{
    static const struct {
        size_t offset;
        uint8_t value;
        enum bfd_error error;
    } cases[] = {
        { 0, 0x20, BFD_ERR_NONE },
        { 0, 0x00, BFD_ERR_VERSION },
        { 0, 0x40, BFD_ERR_VERSION },
        { 0, 0x3f, BFD_ERR_NONE },          /* Reserved diagnostic. */
        { 1, 0x41, BFD_ERR_MULTIPOINT },
        { 1, 0x70, BFD_ERR_FLAGS },         /* Poll and final. */
        { 1, 0x44, BFD_ERR_LENGTH },        /* A bit, no section. */
        { 1, 0x00, BFD_ERR_NONE },          /* AdminDown. */
        { 1, 0x80, BFD_ERR_YOUR_DISCR },    /* Init, but your discr 0. */
        { 1, 0xc0, BFD_ERR_YOUR_DISCR },    /* Up, the same. */
        { 2, 0, BFD_ERR_MULT },
        { 3, 23, BFD_ERR_LENGTH },
        { 3, 0, BFD_ERR_LENGTH },
        { 3, 25, BFD_ERR_SHORT },
        { 3, 255, BFD_ERR_SHORT },
        { 7, 0, BFD_ERR_MY_DISCR },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        ck_assert_msg(decode_with(down_hex, cases[i].offset, cases[i].value)
                      == cases[i].error, "case %"PRIuSIZE, i);
    }
}
END_TEST

START_TEST(every_short_packet_is_discarded)
{
    uint8_t buf[BFD_MAX_LEN];
    struct bfd_packet p;
    size_t n = from_hex(down_hex, buf);

    for (size_t i = 0; i < n; i++) {
        ck_assert_int_eq(bfd_packet_decode(buf, i, &p), BFD_ERR_SHORT);
    }
}
END_TEST

START_TEST(padding_is_ignored)
{
    uint8_t buf[BFD_MAX_LEN] = { 0 };
    struct bfd_packet p;
    uint32_t seq;

    from_hex(down_hex, buf);
    ck_assert_int_eq(bfd_packet_decode(buf, 46, &p), BFD_ERR_NONE);

    ck_assert_int_eq(bfd_packet_encode(&up, &sha1, 5, buf), 52);
    ck_assert_int_eq(bfd_packet_check_auth(buf, 60, &sha1, &seq),
                     BFD_ERR_NONE);
    ck_assert_uint_eq(seq, 5);
}
END_TEST

START_TEST(simple_password_bytes)
{
    static const char *hex =
        "2144051f" "00000001" "00000000" "000f4240" "000493e0" "00000000"
        "01070970617373";
    struct bfd_packet p = {
        .state = BFD_STATE_DOWN, .diag = BFD_DIAG_EXPIRED, .mult = 5,
        .my_discr = 1, .min_tx_us = 1000000, .min_rx_us = 300000,
    };
    uint8_t buf[BFD_MAX_LEN];
    uint32_t seq;
    size_t n = bfd_packet_encode(&p, &simple, 77, buf);

    assert_hex(buf, n, hex);
    ck_assert_int_eq(bfd_packet_check_auth(buf, n, &simple, &seq),
                     BFD_ERR_NONE);
    ck_assert_uint_eq(seq, 0);
}
END_TEST

START_TEST(sha1_bytes_of_both_kinds)
{
    static const struct {
        const struct bfd_auth *auth;
        const char *hex;
    } cases[] = {
        { &sha1,
          "20e4033411223344556677880000271000002710000000000"
          "41c070001020304468c1db345921a3e6eddc3e67fe8930e1369a9a9" },
        { &meticulous,
          "20e4033411223344556677880000271000002710000000000"
          "51c070001020304fc51fefc6f8544dd05fa26ebdb53a5f25cecafb9" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint8_t buf[BFD_MAX_LEN];
        uint32_t seq;
        size_t n = bfd_packet_encode(&up, cases[i].auth, 0x01020304, buf);

        assert_hex(buf, n, cases[i].hex);
        ck_assert_int_eq(bfd_packet_check_auth(buf, n, cases[i].auth, &seq),
                         BFD_ERR_NONE);
        ck_assert_uint_eq(seq, 0x01020304);
    }
}
END_TEST

START_TEST(every_changed_bit_fails)
{
    const struct bfd_auth *auths[] = { &simple, &sha1, &meticulous };
    uint8_t buf[BFD_MAX_LEN];

    for (size_t i = 0; i < ARRAY_SIZE(auths); i++) {
        size_t n = bfd_packet_encode(&up, auths[i], 1, buf);
        /* A password protects nothing but itself. */
        size_t start = auths[i] == &simple ? BFD_LEN : 0;

        for (size_t bit = 8 * start; bit < 8 * n; bit++) {
            struct bfd_packet p;
            uint32_t seq;

            buf[bit / 8] ^= 1 << bit % 8;
            ck_assert_msg(bfd_packet_decode(buf, n, &p) != BFD_ERR_NONE
                          || bfd_packet_check_auth(buf, n, auths[i], &seq)
                             != BFD_ERR_NONE, "bit %"PRIuSIZE, bit);
            buf[bit / 8] ^= 1 << bit % 8;
        }
    }
}
END_TEST

START_TEST(authentication_must_match)
{
    const struct bfd_auth *auths[] = { NULL, &simple, &sha1, &meticulous };
    uint8_t buf[BFD_MAX_LEN];
    uint32_t seq;

    for (size_t i = 0; i < ARRAY_SIZE(auths); i++) {
        size_t n = bfd_packet_encode(&up, auths[i], 1, buf);

        for (size_t j = 0; j < ARRAY_SIZE(auths); j++) {
            ck_assert_int_eq(bfd_packet_check_auth(buf, n, auths[j], &seq),
                             i == j ? BFD_ERR_NONE : BFD_ERR_AUTH_MISMATCH);
        }
    }
}
END_TEST

START_TEST(wrong_key_or_key_id_fails)
{
    const struct bfd_auth *auths[] = { &simple, &sha1, &meticulous };
    uint8_t buf[BFD_MAX_LEN];
    uint32_t seq;

    for (size_t i = 0; i < ARRAY_SIZE(auths); i++) {
        size_t n = bfd_packet_encode(&up, auths[i], 1, buf);
        struct bfd_auth other = *auths[i];

        other.key_id++;
        ck_assert_int_eq(bfd_packet_check_auth(buf, n, &other, &seq),
                         BFD_ERR_AUTH_FAILED);
        other = *auths[i];
        other.key[0] ^= 1;
        ck_assert_int_eq(bfd_packet_check_auth(buf, n, &other, &seq),
                         BFD_ERR_AUTH_FAILED);
        other = *auths[i];
        other.key_len--;
        ck_assert_int_eq(bfd_packet_check_auth(buf, n, &other, &seq),
                         BFD_ERR_AUTH_FAILED);
    }
}
END_TEST

START_TEST(longest_keys)
{
    struct bfd_auth auth = { .type = BFD_AUTH_SIMPLE, .key_len = 16 };
    uint8_t buf[BFD_MAX_LEN];
    uint32_t seq;

    memset(auth.key, 'k', sizeof auth.key);
    ck_assert_int_eq(bfd_packet_encode(&up, &auth, 0, buf), 24 + 3 + 16);
    ck_assert_int_eq(bfd_packet_check_auth(buf, 43, &auth, &seq),
                     BFD_ERR_NONE);

    auth.type = BFD_AUTH_SHA1;
    auth.key_len = 20;
    ck_assert_int_eq(bfd_packet_encode(&up, &auth, 3, buf), 52);
    ck_assert_int_eq(bfd_packet_check_auth(buf, 52, &auth, &seq),
                     BFD_ERR_NONE);
}
END_TEST

START_TEST(sequence_window)
{
    /* 6.7.4: 3 * mult ahead, circularly. */
    ck_assert(bfd_auth_seq_ok(BFD_AUTH_SHA1, 100, 100, 3));
    ck_assert(bfd_auth_seq_ok(BFD_AUTH_SHA1, 100, 109, 3));
    ck_assert(!bfd_auth_seq_ok(BFD_AUTH_SHA1, 100, 110, 3));
    ck_assert(!bfd_auth_seq_ok(BFD_AUTH_SHA1, 100, 99, 3));
    ck_assert(!bfd_auth_seq_ok(BFD_AUTH_METICULOUS_SHA1, 100, 100, 3));
    ck_assert(bfd_auth_seq_ok(BFD_AUTH_METICULOUS_SHA1, 100, 101, 3));
    ck_assert(bfd_auth_seq_ok(BFD_AUTH_SHA1, UINT32_MAX, 2, 1));
    ck_assert(!bfd_auth_seq_ok(BFD_AUTH_SHA1, UINT32_MAX, 3, 1));
    ck_assert(bfd_auth_seq_ok(BFD_AUTH_SHA1, 0, 765, 255));
    ck_assert(!bfd_auth_seq_ok(BFD_AUTH_SHA1, 0, 766, 255));
}
END_TEST

START_TEST(names)
{
    ck_assert_str_eq(bfd_state_to_string(BFD_STATE_UP), "up");
    ck_assert_str_eq(bfd_state_to_string(9), "invalid");
    ck_assert_str_eq(bfd_diag_to_string(BFD_DIAG_EXPIRED),
                     "control detection time expired");
    ck_assert_str_eq(bfd_diag_to_string(31), "reserved diagnostic");
    for (int i = 0; i < BFD_N_ERRORS; i++) {
        ck_assert_str_ne(bfd_error_to_string(i), "invalid error");
    }
    ck_assert_str_eq(bfd_error_to_string(BFD_N_ERRORS), "invalid error");
}
END_TEST

UNIT_MAIN("bfd-packet",
          encodes_known_bytes, decodes_known_bytes, discards_as_the_rfc_says,
          every_short_packet_is_discarded, padding_is_ignored,
          simple_password_bytes, sha1_bytes_of_both_kinds,
          every_changed_bit_fails, authentication_must_match,
          wrong_key_or_key_id_fails, longest_keys, sequence_window, names)
