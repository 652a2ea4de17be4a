/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of the connection table: against a naive twin, its memory, its pools,
 * and readers beside a writer. */

#include <config.h>
#include <pthread.h>
#include <string.h>
#include "random.h"
#include "redirect-hash.h"
#include "redirect-table.h"
#include "unit.h"

enum { SCOPE = 5, SEED = 17 };

/* The key of number 'i': many differ in one thing only. */
struct key {
    struct tpr_tuple tuple;
    struct tpr_addr backend;
    uint32_t hash;
};

static struct key
make_key(uint32_t i, uint32_t hash_mask)
{
    struct key k = {
        .tuple = {
            .src = tpr_addr_from_ip4(1000 + i / 64),
            .dst = tpr_addr_from_ip4(1),
            .sport = i % 64,
            .dport = 80,
            .proto = TPR_PROTO_TCP,
        },
        .backend = tpr_addr_from_ip4(2 + i % 3),
    };

    k.hash = tpr_hash_tuple(&k.tuple, SEED) & hash_mask;
    return k;
}

static struct tpr_reverse_key
reverse_key(const struct key *k)
{
    return (struct tpr_reverse_key) {
        .backend = &k->backend,
        .client = &k->tuple.src,
        .backend_port = k->tuple.dport,
        .client_port = k->tuple.sport,
        .proto = k->tuple.proto,
        .scope = SCOPE,
    };
}

/* The table does not know backends' addresses; here the slot says which. */
static bool
is_backend(const struct tpr_conn *conn, const void *slot)
{
    return conn->backend == *(const uint32_t *) slot;
}

static struct tpr_conn *
insert(struct tpr_table *t, uint32_t i, const struct key *k)
{
    const struct tpr_reverse_key reverse = reverse_key(k);
    const struct tpr_conn init = {
        .client = k->tuple.src,
        .hash_forward = k->hash,
        .scope = SCOPE,
        .redirect = i,
        .backend = i % 3,
        .client_port = k->tuple.sport,
        .vip_port = k->tuple.dport,
        .proto = k->tuple.proto,
    };

    return tpr_table_insert(t, &init, &reverse);
}

static struct tpr_conn *
find_forward(const struct tpr_table *t, const struct key *k, uint32_t *seq)
{
    return tpr_table_forward(t, &k->tuple, SCOPE, k->hash, NULL, NULL, seq);
}

static struct tpr_conn *
find_reverse(const struct tpr_table *t, uint32_t i, const struct key *k,
             uint32_t *seq)
{
    const struct tpr_reverse_key reverse = reverse_key(k);
    const uint32_t slot = i % 3;

    return tpr_table_reverse(t, &reverse, is_backend, &slot, seq);
}

/* Random insertions and removals in a table with few hashes; the twin is an
 * array by key. */
START_TEST(is_like_its_twin)
{
    enum { N_KEYS = 300, CAPACITY = 100, ROUNDS = 20000 };
    struct tpr_conn *twin[N_KEYS] = { NULL };
    struct tpr_table t;
    uint32_t n = 0;

    random_set_seed(1);
    tpr_table_init(&t, CAPACITY, 8, SEED);
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t i = random_range(N_KEYS);
        const struct key k = make_key(i, 3);
        uint32_t seq;

        ck_assert_ptr_eq(find_forward(&t, &k, &seq), twin[i]);
        ck_assert_ptr_eq(find_reverse(&t, i, &k, &seq), twin[i]);
        if (twin[i]) {
            ck_assert(tpr_conn_unchanged(twin[i], seq));
            ck_assert_uint_eq(twin[i]->redirect, i);
            tpr_table_remove(&t, twin[i]);
            ck_assert(!tpr_conn_unchanged(twin[i], seq));
            ck_assert(!tpr_conn_used(twin[i]));
            twin[i] = NULL;
            n--;
        } else {
            ck_assert_int_eq(tpr_table_full(&t), n == CAPACITY);
            twin[i] = insert(&t, i, &k);
            ck_assert_int_eq(twin[i] != NULL, n < CAPACITY);
            n += twin[i] != NULL;
        }
        ck_assert_uint_eq(t.n, n);
    }
    tpr_table_destroy(&t);
}
END_TEST

/* Another scope, protocol, port or address is another connection. */
START_TEST(compares_the_whole_key)
{
    struct key k = make_key(7, UINT32_MAX);
    struct tpr_table t;
    uint32_t seq;

    tpr_table_init(&t, 16, 8, SEED);
    insert(&t, 7, &k);
    ck_assert_ptr_nonnull(find_forward(&t, &k, &seq));
    ck_assert_ptr_null(tpr_table_forward(&t, &k.tuple, SCOPE + 1, k.hash,
                                         NULL, NULL, &seq));
    k.tuple.proto = TPR_PROTO_UDP;
    ck_assert_ptr_null(find_forward(&t, &k, &seq));
    ck_assert_ptr_null(find_reverse(&t, 7, &k, &seq));
    k = make_key(7, UINT32_MAX);
    k.tuple.sport++;
    ck_assert_ptr_null(find_forward(&t, &k, &seq));
    ck_assert_ptr_null(find_reverse(&t, 7, &k, &seq));
    k = make_key(7, UINT32_MAX);
    k.tuple.src.w[0]++;
    ck_assert_ptr_null(find_forward(&t, &k, &seq));
    ck_assert_ptr_null(find_reverse(&t, 7, &k, &seq));
    k = make_key(7, UINT32_MAX);
    ck_assert_ptr_null(find_reverse(&t, 8, &k, &seq));
    tpr_table_destroy(&t);
}
END_TEST

START_TEST(entries_are_used_again_late)
{
    enum { CAPACITY = 8 };
    struct tpr_conn *conns[CAPACITY];
    struct tpr_table t;

    tpr_table_init(&t, CAPACITY, 8, SEED);
    for (uint32_t i = 0; i < CAPACITY; i++) {
        const struct key k = make_key(i, UINT32_MAX);

        conns[i] = insert(&t, i, &k);
    }
    for (int i = CAPACITY - 1; i >= 0; i--) {
        tpr_table_remove(&t, conns[i]);
    }
    for (int i = CAPACITY - 1; i >= 0; i--) {
        const struct key k = make_key(100 + i, UINT32_MAX);

        ck_assert_ptr_eq(insert(&t, 100 + i, &k), conns[i]);
    }
    tpr_table_destroy(&t);
}
END_TEST

START_TEST(a_connection_needs_128_bytes_at_most)
{
    static const uint32_t capacities[] = {
        1, 2, 3, 1000, 65535, 65536, 65537, 262144, 1000000,
    };

    ck_assert_uint_eq(sizeof(struct tpr_syn), 128);
    for (size_t i = 0; i < ARRAY_SIZE(capacities); i++) {
        struct tpr_table t;

        tpr_table_init(&t, capacities[i], 8, SEED);
        ck_assert_uint_ge(tpr_table_memory(&t),
                          capacities[i] * sizeof(struct tpr_conn));
        ck_assert_uint_le(tpr_table_memory(&t), 128ull * capacities[i]);
        tpr_table_destroy(&t);
    }
}
END_TEST

START_TEST(the_oldest_half_open_one_goes)
{
    struct tpr_conn *conns[5];
    const uint8_t frame[TPR_SYN_MAX + 1] = { 1, 2, 3 };
    struct tpr_table t;

    tpr_table_init(&t, 16, 3, SEED);
    for (uint32_t i = 0; i < ARRAY_SIZE(conns); i++) {
        const struct key k = make_key(i, UINT32_MAX);

        conns[i] = insert(&t, i, &k);
        conns[i]->track.flags = TPR_TRACK_SYN;
        ck_assert_ptr_null(tpr_table_syn(&t, conns[i]));
    }
    for (int i = 0; i < 3; i++) {
        ck_assert_ptr_null(tpr_table_keep_syn(&t, conns[i], frame, 60 + i));
        ck_assert_uint_eq(tpr_table_syn(&t, conns[i])->len, 60 + i);
        ck_assert_mem_eq(tpr_table_syn(&t, conns[i])->data, frame, 60 + i);
    }
    ck_assert_ptr_eq(tpr_table_keep_syn(&t, conns[3], frame, 60), conns[0]);
    ck_assert_ptr_null(tpr_table_syn(&t, conns[0]));

    /* One that was answered makes room, whoever came before. */
    ck_assert_ptr_eq(tpr_table_oldest_half_open(&t), conns[1]);
    conns[2]->track.flags |= TPR_TRACK_ANSWERED;
    tpr_table_leave_pool(&t, conns[2]);
    tpr_table_leave_pool(&t, conns[2]);
    ck_assert_ptr_null(tpr_table_keep_syn(&t, conns[4], frame, 60));
    ck_assert_ptr_eq(tpr_table_oldest_half_open(&t), conns[1]);

    /* So does the oldest if it was answered just now, or removed. */
    conns[1]->track.flags |= TPR_TRACK_ANSWERED;
    ck_assert_ptr_null(tpr_table_keep_syn(&t, conns[0], frame, 60));
    ck_assert_ptr_eq(tpr_table_oldest_half_open(&t), conns[3]);
    tpr_table_remove(&t, conns[3]);
    ck_assert_ptr_eq(tpr_table_oldest_half_open(&t), conns[4]);

    /* Too long: not kept, but counted as half open. */
    conns[2]->track.flags = TPR_TRACK_SYN;
    ck_assert_ptr_null(tpr_table_keep_syn(&t, conns[2], frame,
                                          sizeof frame));
    ck_assert_ptr_null(tpr_table_syn(&t, conns[2]));
    tpr_table_remove(&t, conns[4]);
    tpr_table_remove(&t, conns[0]);
    ck_assert_ptr_eq(tpr_table_oldest_half_open(&t), conns[2]);
    tpr_table_remove(&t, conns[2]);
    ck_assert_ptr_null(tpr_table_oldest_half_open(&t));
    tpr_table_destroy(&t);
}
END_TEST

static struct tpr_packet
fragment(uint32_t id)
{
    return (struct tpr_packet) {
        .tuple = make_key(1, 0).tuple,
        .frag_id = id,
    };
}

static bool passed;             /* What find_frag() said of that. */

static struct tpr_conn *
find_frag(struct tpr_table *t, const struct tpr_packet *p, uint32_t scope,
          bool reverse, uint32_t now_ms)
{
    return tpr_table_find_frag(t, p, scope, reverse, now_ms, &passed);
}

START_TEST(fragments_find_their_connection)
{
    const struct tpr_packet p = fragment(77), other = fragment(78);
    const struct key k = make_key(1, UINT32_MAX);
    struct tpr_conn *conn;
    struct tpr_table t;

    tpr_table_init(&t, 16, 8, SEED);
    conn = insert(&t, 1, &k);
    ck_assert(!tpr_table_add_frag(&t, &p, SCOPE, false, conn, 1000));
    ck_assert_ptr_eq(find_frag(&t, &p, SCOPE, false, 1000), conn);
    ck_assert_ptr_null(find_frag(&t, &p, SCOPE, true, 1000));
    ck_assert_ptr_null(find_frag(&t, &p, SCOPE + 1, false, 1000));
    ck_assert_ptr_null(find_frag(&t, &other, SCOPE, false, 1000));
    ck_assert_ptr_eq(find_frag(&t, &p, SCOPE, false, 999 + TPR_FRAG_MS),
                     conn);
    ck_assert_ptr_null(find_frag(&t, &p, SCOPE, false, 1000 + TPR_FRAG_MS));
    tpr_table_remove(&t, conn);
    ck_assert_ptr_null(find_frag(&t, &p, SCOPE, false, 1000));
    ck_assert(!passed);

    /* One whose first was not taken; the same datagram is but once there. */
    ck_assert(!tpr_table_add_frag(&t, &p, SCOPE, false, NULL, 1000));
    ck_assert_ptr_null(find_frag(&t, &p, SCOPE, false, 1000));
    ck_assert(passed);
    ck_assert_ptr_null(find_frag(&t, &other, SCOPE, false, 1000));
    ck_assert(!passed);
    ck_assert_ptr_null(find_frag(&t, &p, SCOPE, false, 1000 + TPR_FRAG_MS));
    ck_assert(!passed);
    tpr_table_destroy(&t);
}
END_TEST

/* More datagrams than places: as many are pushed out as are missing. */
START_TEST(fragments_are_pushed_out)
{
    enum { N = 3 * TPR_N_FRAGS };
    const struct key k = make_key(1, UINT32_MAX);
    struct tpr_conn *conn;
    uint32_t evicted = 0, found = 0;
    struct tpr_table t;

    tpr_table_init(&t, 16, 8, SEED);
    conn = insert(&t, 1, &k);
    for (uint32_t i = 0; i < N; i++) {
        const struct tpr_packet p = fragment(i);

        evicted += tpr_table_add_frag(&t, &p, SCOPE, false, conn, i);
    }
    for (uint32_t i = 0; i < N; i++) {
        const struct tpr_packet p = fragment(i);

        found += find_frag(&t, &p, SCOPE, false, N) != NULL;
    }
    ck_assert_uint_eq(found, N - evicted);
    ck_assert_uint_gt(found, TPR_N_FRAGS / 2);
    tpr_table_destroy(&t);
}
END_TEST

/* ## Readers beside a writer. ## */

enum {
    STAYING = 40,               /* Keys that are always there, */
    GOING = 60,                 /* and those that come and go. */
    READS = 100000,             /* Of each reader. */
    READERS = 2,
};

static struct tpr_table shared;
static int n_reading;           /* Readers that are not done. */

static void *
read_main(void *seed_)
{
    uint32_t x = *(uint32_t *) seed_;

    for (int n = 0; n < READS; n++) {
        x = x * 1664525 + 1013904223;

        const uint32_t i = (x >> 8) % (STAYING + GOING);
        const struct key k = make_key(i, 7);
        const bool is_reverse = x >> 31;
        struct tpr_conn *conn;
        uint32_t seq;

        conn = (is_reverse ? find_reverse(&shared, i, &k, &seq)
                : find_forward(&shared, &k, &seq));
        if (!conn) {
            ovs_assert(i >= STAYING);
        } else {
            const uint32_t redirect = __atomic_load_n(&conn->redirect,
                                                      __ATOMIC_RELAXED);

            ovs_assert(!tpr_conn_unchanged(conn, seq) || redirect == i);
        }
    }
    __atomic_fetch_sub(&n_reading, 1, __ATOMIC_RELEASE);
    return NULL;
}

START_TEST(readers_see_whole_connections)
{
    struct tpr_conn *twin[STAYING + GOING] = { NULL };
    uint32_t seeds[READERS];
    pthread_t readers[READERS];

    random_set_seed(2);
    /* So small that entries are used again at once. */
    tpr_table_init(&shared, STAYING + GOING / 2, 8, SEED);
    for (uint32_t i = 0; i < STAYING; i++) {
        const struct key k = make_key(i, 7);

        twin[i] = insert(&shared, i, &k);
    }
    n_reading = READERS;
    for (int i = 0; i < READERS; i++) {
        seeds[i] = i;
        ck_assert_int_eq(pthread_create(&readers[i], NULL, read_main,
                                        &seeds[i]), 0);
    }
    while (__atomic_load_n(&n_reading, __ATOMIC_ACQUIRE)) {
        const uint32_t i = STAYING + random_range(GOING);
        const struct key k = make_key(i, 7);

        if (twin[i]) {
            tpr_table_remove(&shared, twin[i]);
            twin[i] = NULL;
        } else {
            twin[i] = insert(&shared, i, &k);
        }
    }
    for (int i = 0; i < READERS; i++) {
        pthread_join(readers[i], NULL);
    }
    tpr_table_destroy(&shared);
}
END_TEST

/* The writer is always faster: whenever it is looked at, the entry has gone
 * and come back. */
static bool
moves_away(const struct tpr_conn *conn, const void *key_)
{
    const struct key *key = key_;

    tpr_table_remove(&shared, CONST_CAST(struct tpr_conn *, conn));
    ck_assert_ptr_nonnull(insert(&shared, 1, key));
    return true;
}

START_TEST(readers_do_not_wait_forever)
{
    const struct key k = make_key(1, UINT32_MAX);
    const struct tpr_reverse_key reverse = reverse_key(&k);
    uint32_t seq;

    tpr_table_init(&shared, 2, 8, SEED);
    insert(&shared, 1, &k);
    ck_assert_ptr_null(tpr_table_forward(&shared, &k.tuple, SCOPE, k.hash,
                                         moves_away, &k, &seq));
    ck_assert_uint_eq(seq, TPR_SEQ_UNSURE);
    ck_assert_ptr_null(tpr_table_reverse(&shared, &reverse, moves_away, &k,
                                         &seq));
    ck_assert_uint_eq(seq, TPR_SEQ_UNSURE);
    ck_assert_ptr_nonnull(find_forward(&shared, &k, &seq));
    ck_assert_ptr_nonnull(find_reverse(&shared, 1, &k, &seq));
    tpr_table_destroy(&shared);
}
END_TEST

UNIT_MAIN("redirect-table",
          is_like_its_twin,
          compares_the_whole_key,
          entries_are_used_again_late,
          a_connection_needs_128_bytes_at_most,
          the_oldest_half_open_one_goes,
          fragments_find_their_connection,
          fragments_are_pushed_out,
          readers_see_whole_connections,
          readers_do_not_wait_forever)
