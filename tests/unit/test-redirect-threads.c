/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of a datapath's redirects with several threads: limits are exact,
 * nothing is lost or seen after it went, and the sender's thread acts by
 * itself. */

#include <config.h>
#include <semaphore.h>
#include <string.h>
#include "dp-packet.h"
#include "ovs-rcu.h"
#include "ovs-thread.h"
#include "random.h"
#include "redirect-dp-private.h"
#include "redirect-world.h"
#include "unit.h"

enum { TCP = TPR_PROTO_TCP, UDP = TPR_PROTO_UDP, THREADS = 4 };

/* ## Limits. ## */

enum { LIMIT = 500, EACH = 250 };       /* Twice as many want in. */

static void *
place_main(void *number_)
{
    const int number = *(int *) number_;

    for (int i = 0; i < EACH; i++) {
        const struct made m = from_client(UDP, 1000 + i * THREADS + number,
                                          0);

        forward(&m);
        ovsrcu_quiesce();
    }
    return NULL;
}

START_TEST(a_limit_of_500_gives_500)
{
    const struct tpr_dp_options o = { .connections = 4096,
                                      .half_open = 2 * LIMIT };
    pthread_t threads[THREADS];
    int numbers[THREADS];

    world_open(&o, false);
    world_redirect(UDP, TPR_POLICY_FAILOVER, 1);
    w.b[0].max_connections = LIMIT;
    world_set(3);
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        threads[i] = ovs_thread_create("place", place_main, &numbers[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        xpthread_join(threads[i], NULL);
    }
    ck_assert_uint_eq(world_connections(3, 0), LIMIT);
    ck_assert_uint_eq(tpr_dp_connections(w.dp), LIMIT);
    ck_assert_uint_eq(tpr_dp_counter(w.dp, TPR_COUNTER_NONE_DROPPED),
                      THREADS * EACH - LIMIT);
    world_close();
}
END_TEST

/* ## The mutex. ## */

static void *
place_one_main(void *unused OVS_UNUSED)
{
    const struct made m = from_client(UDP, 1000, 0);

    forward(&m);
    return NULL;
}

/* Who holds the mutex for long lets those go first that wait. */
START_TEST(who_waits_is_let_in)
{
    pthread_t thread;

    world_open(NULL, false);
    world_redirect(UDP, TPR_POLICY_FAILOVER, 1);
    world_set(3);
    ovs_mutex_lock(&w.dp->mutex);
    tpr_pause(w.dp);                    /* Nobody waits. */
    thread = ovs_thread_create("place", place_one_main, NULL);
    while (!__atomic_load_n(&w.dp->n_waiting, __ATOMIC_RELAXED)) {
        sched_yield();
    }
    ck_assert_uint_eq(w.dp->table.n, 0);
    while (!w.dp->table.n) {
        tpr_pause(w.dp);
    }
    ovs_mutex_unlock(&w.dp->mutex);
    xpthread_join(thread, NULL);
    ck_assert_uint_eq(w.dp->n_waiting, 0);
    world_close();
}
END_TEST

/* ## Threads beside the test's own. ## */

static bool stop;               /* They shall end. */
static pthread_t workers[THREADS - 1];

/* Starts them; 'main' gets a number of its own, a uint32_t. */
static void
start_workers(const char *name, void *(*main)(void *))
{
    static uint32_t numbers[THREADS - 1];

    stop = false;
    for (int i = 0; i < THREADS - 1; i++) {
        numbers[i] = i;
        workers[i] = ovs_thread_create(name, main, &numbers[i]);
    }
}

static void
stop_workers(void)
{
    __atomic_store_n(&stop, true, __ATOMIC_RELEASE);
    for (int i = 0; i < THREADS - 1; i++) {
        xpthread_join(workers[i], NULL);
    }
}

/* ## Deletion. ## */

enum { KNOWN = 200, DELETIONS = 100 };

/* Established packets of one client after the other. */
static void *
established_main(void *unused OVS_UNUSED)
{
    for (uint16_t i = 0; !__atomic_load_n(&stop, __ATOMIC_ACQUIRE); i++) {
        const struct made m = from_client(UDP, 1000 + i % KNOWN, 0);
        const struct made r = from_backend(UDP, 0, 1000 + i % KNOWN, 0);

        forward(&m);
        reverse(&r);
        ovsrcu_quiesce();
    }
    return NULL;
}

/* Packets of its connections come all the time; when the deletion returns
 * there are none of them, and the next object begins from nothing. */
START_TEST(a_deleted_object_has_no_connections)
{
    /* No connection has to go because others come between its first packet
     * and the answer. */
    const struct tpr_dp_options o = { .connections = 1024, .half_open = 1024 };

    world_open(&o, false);
    start_workers("talk", established_main);
    for (int i = 0; i < DELETIONS; i++) {
        struct tpr_redirect_stats stats;

        world_redirect(UDP, TPR_POLICY_FAILOVER, 1);
        world_set(3);
        ck_assert_int_eq(tpr_dp_get_stats(w.dp, 3, &stats), 0);
        /* None of its predecessor's. */
        ck_assert_uint_le(stats.backends[0].total_connections, KNOWN);
        free(stats.backends);
        for (int j = 0; j < KNOWN; j += 1 + i % 7) {
            const struct made m = from_client(UDP, 1000 + j, 0);

            ck_assert_int_eq(forward(&m).verdict, TPR_SEND);
        }
        ck_assert_int_eq(tpr_dp_del(w.dp, 3), 0);
        ck_assert(!tpr_dp_has(w.dp, 3));
        ck_assert_uint_eq(tpr_dp_connections(w.dp), 0);
        ovsrcu_quiesce();
    }
    stop_workers();
    world_close();
}
END_TEST

/* ## Everything at once. ## */

enum { TURNS = 4000, PORTS = 300 };

/* Clients and backends talk; what they may get is little, but never a packet
 * that went to nobody. */
static void *
talk_main(void *seed_)
{
    uint32_t x = *(uint32_t *) seed_;

    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
        static const uint8_t flags[] = {
            TPR_TCP_SYN, TPR_TCP_ACK, TPR_TCP_ACK, TPR_TCP_ACK,
            TPR_TCP_ACK | TPR_TCP_FIN, TPR_TCP_RST, TPR_TCP_ACK, TPR_TCP_SYN,
        };
        uint16_t port;
        struct passed p;
        struct made m;

        x = x * 1664525 + 1013904223;
        port = 1000 + (x >> 20) % PORTS;
        if (x & 0x80000) {
            m = from_client(TCP, port, flags[(x >> 16) & 7]);
            p = forward(&m);
        } else {
            m = from_backend(TCP, (x >> 12) % 3, port, flags[(x >> 16) & 7]);
            p = reverse(&m);
        }
        ovs_assert(p.verdict != TPR_SEND || p.output);
        ovs_assert(p.verdict != TPR_REPLY || p.frame[47] & TPR_TCP_RST);
        ovsrcu_quiesce();
    }
    return NULL;
}

static void
drop(void *aux OVS_UNUSED, struct dp_packet *packets[],
     const uint32_t outputs[] OVS_UNUSED, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        dp_packet_delete(packets[i]);
    }
}

START_TEST(everything_at_once)
{
    static const enum tpr_liveness states[] = {
        TPR_LIVENESS_UP, TPR_LIVENESS_UP, TPR_LIVENESS_DOWN,
        TPR_LIVENESS_DRAIN,
    };
    static const struct tpr_dp_ops ops = { .send = drop };
    const struct tpr_dp_options o = {
        .connections = 128, .half_open = 16, .ops = &ops,
    };
    const enum tpr_policy policies[] = {
        TPR_POLICY_FAILOVER, TPR_POLICY_MAGLEV, TPR_POLICY_WEIGHTED,
    };

    random_set_seed(3);
    world_open(&o, false);
    world_redirect(TCP, TPR_POLICY_MAGLEV, 3);
    world_set(3);
    start_workers("talk", talk_main);
    for (int i = 0; i < TURNS; i++) {
        switch (random_range(8)) {
        case 0:
            world_redirect(TCP, policies[random_range(3)],
                           1 + random_range(3));
            world_set(3);
            break;
        case 1:
            if (!random_range(10)) {
                tpr_dp_del(w.dp, 3);
            } else {
                tpr_dp_withdraw_port(w.dp, BACKEND_PORT + random_range(3));
            }
            world_set(3);
            break;
        case 2:
            tpr_dp_run(w.dp, w.now_ms + i * 20);
            break;
        default:
            world_word(random_range(3), states[random_range(4)]);
            break;
        }
        ovsrcu_quiesce();
    }
    stop_workers();

    /* What was counted in was counted out. */
    w.now_ms += TURNS * 20 + 7200 * 1000;
    tpr_dp_run(w.dp, w.now_ms);
    ck_assert_uint_eq(tpr_dp_connections(w.dp), 0);
    for (int i = 0; i < w.r.n_backends; i++) {
        ck_assert_uint_eq(world_connections(3, i), 0);
    }
    world_close();
}
END_TEST

/* ## A full table. ## */

enum { ROOM = 64, NEWCOMERS = 20000, FIRST_NEWCOMER = 2000 };

static uint16_t newcomer;       /* The last one's port. */

static void *
answer_main(void *unused OVS_UNUSED)
{
    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
        const uint16_t port = __atomic_load_n(&newcomer, __ATOMIC_RELAXED);
        const struct made m = from_backend(UDP, 0, port, 0);

        reverse(&m);
        ovsrcu_quiesce();
    }
    return NULL;
}

/* The only half-open one, which has to go for the next, is answered just
 * then. */
START_TEST(the_last_half_open_one_is_answered)
{
    const struct tpr_dp_options o = { .connections = ROOM, .half_open = 16 };
    unsigned int n_placed = 0;

    world_open(&o, false);
    world_redirect(UDP, TPR_POLICY_FAILOVER, 1);
    world_set(3);
    for (uint16_t port = 1000; port < 1000 + ROOM - 1; port++) {
        const struct made m = from_client(UDP, port, 0);
        const struct made r = from_backend(UDP, 0, port, 0);

        assert_goes_to(&m, 0);
        assert_comes_back(&r);
    }
    w.r.timeouts[TPR_TIMEOUT_ANSWERED] = 1;
    world_set(3);
    newcomer = FIRST_NEWCOMER;
    start_workers("answer", answer_main);
    for (int i = 0; i < NEWCOMERS; i++) {
        const struct made m = from_client(UDP, FIRST_NEWCOMER + i, 0);

        __atomic_store_n(&newcomer, FIRST_NEWCOMER + i, __ATOMIC_RELAXED);
        n_placed += forward(&m).verdict == TPR_SEND;
        w.now_ms++;
        ovsrcu_quiesce();
    }
    stop_workers();
    ck_assert_uint_gt(n_placed, NEWCOMERS / 2);
    ck_assert_uint_le(tpr_dp_connections(w.dp), ROOM);
    world_close();
}
END_TEST

/* ## Entries that change hands. ## */

/* Each client is at a port of the switch of its own. */
static uint32_t
port_of(uint16_t client_port)
{
    return 100 + client_port;
}

/* What comes out is right in itself, whatever became of the connection
 * meanwhile: who has the port has the address, too. */
static void
check_passed(const struct passed *p, uint16_t client_port, bool is_reverse)
{
    if (p->verdict == TPR_SEND && is_reverse) {
        ovs_assert(p->output == port_of(client_port));
        ovs_assert(p->frame[5] == (client_port & 0xff));
    } else if (p->verdict == TPR_SEND) {
        ovs_assert(p->output - BACKEND_PORT + 1 == p->frame[33]);
    }
}

static void *
churn_main(void *seed_)
{
    uint32_t x = *(uint32_t *) seed_;

    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
        struct passed p;
        uint16_t port;
        struct made m;

        x = x * 1664525 + 1013904223;
        port = 1000 + (x >> 20) % PORTS;
        if (x & 0x80000) {
            m = from_client(UDP, port, 0);
            m.eth_src[5] = port;
            p = world_pass(TPR_MODE_FORWARD, 3, &m, port_of(port));
        } else {
            m = from_backend(UDP, (x >> 12) % 3, port, 0);
            p = reverse(&m);
        }
        check_passed(&p, port, !(x & 0x80000));
        ovsrcu_quiesce();
    }
    return NULL;
}

START_TEST(nobody_gets_what_is_anothers)
{
    const struct tpr_dp_options o = { .connections = 16 };

    random_set_seed(4);
    world_open(&o, false);
    world_redirect(UDP, TPR_POLICY_ROUND_ROBIN, 3);
    world_set(3);
    start_workers("churn", churn_main);
    for (int i = 0; i < TURNS; i++) {
        /* All entries are free again, and some records. */
        if (i % 4) {
            w.r.vip.w[3] ^= htonl(1);
            world_set(3);
            w.r.vip.w[3] ^= htonl(1);
            world_set(3);
        } else {
            world_redirect(UDP, TPR_POLICY_ROUND_ROBIN, 1 + random_range(3));
            for (int j = 0; j < w.r.n_backends; j++) {
                w.b[j].region = random_range(N_BACKENDS);
            }
            world_set(3);
        }
        ovsrcu_quiesce();
    }
    stop_workers();
    world_close();
}
END_TEST

/* ## The sender. ## */

static sem_t sent;
static uint32_t sent_by;

static void
note(void *aux OVS_UNUSED, struct dp_packet *packets[],
     const uint32_t outputs[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        sent_by = outputs[i];
        dp_packet_delete(packets[i]);
        sem_post(&sent);
    }
}

/* Nobody calls it: a word changes, and it acts. */
START_TEST(the_sender_wakes_up)
{
    const struct tpr_dp_ops ops = { .send = note };
    const struct tpr_dp_options o = { .ops = &ops };
    struct made syn;

    sem_init(&sent, 0, 0);
    world_open(&o, false);
    world_redirect(TCP, TPR_POLICY_FAILOVER, 2);
    world_set(3);
    establish(4000, 0);
    world_word(0, TPR_LIVENESS_DOWN);
    while (sem_wait(&sent)) {
        continue;                       /* EINTR. */
    }
    ck_assert_uint_eq(sent_by, CLIENT_PORT);

    syn = from_client(TCP, 4001, TPR_TCP_SYN);
    assert_goes_to(&syn, 1);
    world_word(0, TPR_LIVENESS_UP);
    world_region(1, TPR_LIVENESS_DOWN);
    while (sem_wait(&sent)) {
        continue;
    }
    ck_assert_uint_eq(sent_by, BACKEND_PORT);
    world_close();
    sem_destroy(&sent);
}
END_TEST

UNIT_MAIN("redirect-threads",
          a_limit_of_500_gives_500,
          who_waits_is_let_in,
          a_deleted_object_has_no_connections,
          everything_at_once,
          the_last_half_open_one_is_answered,
          nobody_gets_what_is_anothers,
          the_sender_wakes_up)
