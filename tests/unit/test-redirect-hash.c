/* SPDX-License-Identifier: Apache-2.0 */

/* Tests the hash of connections: everything counts, and it spreads. */

#include <config.h>
#include <arpa/inet.h>
#include <string.h>
#include "redirect-hash.h"
#include "unit.h"

static struct tpr_tuple
example(bool ip6)
{
    struct tpr_tuple t = {
        .src = tpr_addr_from_ip4(htonl(0x0a000001)),
        .dst = tpr_addr_from_ip4(htonl(0x0a000002)),
        .sport = htons(40000),
        .dport = htons(80),
        .proto = 6,
    };

    if (ip6) {
        t.src.w[0] = t.dst.w[0] = htonl(0x20010db8);
    }
    return t;
}

/* Every bit of the tuple, and of the seed, changes the hash. */
START_TEST(everything_counts)
{
    for (int ip6 = 0; ip6 < 2; ip6++) {
        const struct tpr_tuple t = example(ip6);
        const uint32_t hash = tpr_hash_tuple(&t, 1);

        for (size_t bit = 0; bit < offsetof(struct tpr_tuple, pad) * 8;
             bit++) {
            struct tpr_tuple other = t;

            ((uint8_t *) &other)[bit / 8] ^= 1 << bit % 8;
            ck_assert_uint_ne(tpr_hash_tuple(&other, 1), hash);
        }
        for (int bit = 0; bit < 32; bit++) {
            ck_assert_uint_ne(tpr_hash_tuple(&t, 1 ^ 1u << bit), hash);
        }
        ck_assert_uint_eq(tpr_hash_tuple(&t, 1), hash);
    }
}
END_TEST

/* Client ports in a row, as real clients have them: chi-square of the spread
 * over 256 buckets stays in the range of chance (255 degrees of freedom,
 * six standard deviations of sqrt(510)). */
START_TEST(spreads)
{
    for (uint32_t seed = 0; seed < 8; seed++) {
        struct tpr_tuple t = example(seed & 1);
        uint32_t got[256] = { 0 };
        double chi_square = 0;

        for (uint32_t port = 0; port < 65536; port++) {
            t.sport = htons(port);
            got[tpr_hash_tuple(&t, seed) % 256]++;
        }
        for (int i = 0; i < 256; i++) {
            chi_square += (got[i] - 256.0) * (got[i] - 256.0) / 256;
        }
        ck_assert_double_lt(chi_square, 255 + 6 * 22.6);
    }
}
END_TEST

UNIT_MAIN("redirect-hash", everything_counts, spreads)
