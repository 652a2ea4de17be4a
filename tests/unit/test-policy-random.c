/* SPDX-License-Identifier: Apache-2.0 */

/* Tests the policy under random misfortune: against a naive twin that knows
 * neither damping nor panic, and, with both, for what must always hold. */

#include <config.h>
#include "policy-world.h"

#include <string.h>
#include "random.h"
#include "unit.h"

enum { N_REGIONS = 3, N_SERVICES = 3 };

/* The naive twin. */
struct twin {
    bool region_up[N_REGIONS], region_drained[N_REGIONS];
    long long int hold_ms;
    bool manual;

    struct twin_service {
        bool has_check;
        unsigned int priority[N_REGIONS];
        bool check_up[N_REGIONS];
        int active;             /* Region, or -1. */
        long long int better_ms;        /* Since when, or -1. */
    } services[N_SERVICES];
};

static bool
is_usable(const struct twin *t, const struct twin_service *s, int region)
{
    return (t->region_up[region] && !t->region_drained[region]
            && (!s->has_check || s->check_up[region]));
}

static int
best_region(const struct twin *t, const struct twin_service *s)
{
    int best = -1;

    for (int i = 0; i < N_REGIONS; i++) {
        if (is_usable(t, s, i)
            && (best < 0 || s->priority[i] < s->priority[best])) {
            best = i;
        }
    }
    return best;
}

static void
twin_run(struct twin *t, long long int now_ms)
{
    for (struct twin_service *s = t->services;
         s < &t->services[N_SERVICES]; s++) {
        int best = best_region(t, s);

        if (s->active < 0 || !is_usable(t, s, s->active)) {
            s->active = best;
            s->better_ms = -1;
        } else if (s->priority[best] >= s->priority[s->active]) {
            s->better_ms = -1;
        } else {
            if (s->better_ms < 0) {
                s->better_ms = now_ms;
            }
            if (!t->manual && now_ms - s->better_ms >= t->hold_ms) {
                s->active = best;
                s->better_ms = -1;
            }
        }
    }
}

/* Both worlds. */

static void
do_words(struct world *w, const char *format, ...)
{
    va_list args;
    char *script;

    va_start(args, format);
    script = xvasprintf(format, args);
    va_end(args);
    world_do(w, script);
    free(script);
}

static char *
make_config(const struct twin *t, const char *options)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    ds_put_format(&s, "config %s hold=%lld r0 r1 r2", options, t->hold_ms);
    for (int i = 0; i < N_SERVICES; i++) {
        ds_put_format(&s, " s%d=", i);
        for (int j = 0; j < N_REGIONS; j++) {
            ds_put_format(&s, "r%d/%u%s,", j, t->services[i].priority[j],
                          t->services[i].has_check ? "c" : "");
        }
        if (t->manual) {
            ds_put_format(&s, " s%d!manual", i);
        }
    }
    return ds_steal_cstr(&s);
}

static void
twin_init(struct twin *t)
{
    memset(t, 0, sizeof *t);
    t->hold_ms = random_range(2) ? random_range(50) : 0;
    t->manual = !random_range(4);
    for (int i = 0; i < N_SERVICES; i++) {
        struct twin_service *s = &t->services[i];

        s->has_check = random_range(2);
        s->active = -1;
        s->better_ms = -1;
        for (int j = 0; j < N_REGIONS; j++) {
            s->priority[j] = 1 + random_range(3);
        }
    }
}

/* One random event in both worlds.  Takes no time. */
static void
misfortune(struct world *w, struct twin *t)
{
    int r = random_range(N_REGIONS);
    int s = random_range(N_SERVICES);
    bool good = random_range(2);

    switch (random_range(5)) {
    case 0:
    case 1:
        t->region_up[r] = good;
        do_words(w, "%s r%d", good ? "up" : "down", r);
        break;
    case 2:
    case 3:
        t->services[s].check_up[r] = good;
        do_words(w, "%s s%d/r%d", good ? "good" : "bad", s, r);
        break;
    case 4:
        if (good) {
            memset(t->region_drained, 0, sizeof t->region_drained);
            do_words(w, "revoke");
        } else {
            t->region_drained[r] = true;
            do_words(w, "drain r%d", r);
        }
        break;
    }
}

static const struct tpr_backend *
active_of(const struct world *w, int service)
{
    char name[16];

    snprintf(name, sizeof name, "s%d", service);
    return policy_active(w->policy, tpr_config_service(w->config, name),
                         NULL, NULL);
}

static struct twin_service *
twin_of(struct twin *t, const struct tpr_service *s)
{
    return &t->services[s->name[1] - '0'];
}

static int
region_of(const struct tpr_backend *b)
{
    return b->region->name[1] - '0';
}

/* Every change of an object must begin where the one before ended. */
static void
check_chain(const char *out)
{
    struct shash last = SHASH_INITIALIZER(&last);
    char *copy = xstrdup(out);
    char *save = NULL;

    for (char *line = strtok_r(copy, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        char what[32], name[32], states[64];
        char *to, *before;

        ck_assert_int_eq(sscanf(line, "%*d %31s %31s %63s", what, name,
                                states), 3);
        to = strchr(states, '>');
        *to++ = '\0';
        before = shash_find_data(&last, name);
        ck_assert_msg(!before || !strcmp(before, states),
                      "%s: %s was \"%s\" before", line, name, before);
        free(shash_replace(&last, name, xstrdup(to)));
    }
    shash_destroy_free_data(&last);
    free(copy);
}

START_TEST(naive_twin_agrees)
{
    random_set_seed(_i + 1);
    for (int round = 0; round < 6; round++) {
        long long int now_ms = 0;
        struct world w;
        struct twin t;
        char *config;

        twin_init(&t);
        world_init(&w);
        config = make_config(&t, "");
        world_do(&w, config);
        for (int step = 0; step < 150; step++) {
            misfortune(&w, &t);
            twin_run(&t, now_ms);
            for (int ms = random_range(2) ? 0 : random_range(40); ms >= 0;
                 ms--) {
                for (int i = 0; i < N_SERVICES; i++) {
                    const struct tpr_backend *b = active_of(&w, i);
                    int twin = t.services[i].active;
                    char expected[32];

                    snprintf(expected, sizeof expected, "s%d/r%d", i, twin);
                    ck_assert_msg(b ? !strcmp(b->name, expected)
                                  : twin < 0,
                                  "round %d, %lld ms: %s, not %s\n%s\n%s",
                                  round, now_ms, b ? b->name : "none",
                                  expected, config, ds_cstr(&w.out));
                }
                if (ms) {
                    world_do(&w, "+1");
                    twin_run(&t, ++now_ms);
                }
            }
        }
        free(config);
        world_destroy(&w);
    }
}
END_TEST

/* With damping and panic: services are never left alone while the naive twin
 * has a backend that lives, nothing unusable serves unless nothing better is
 * left, and changes form chains. */
START_TEST(service_is_never_left_alone)
{
    random_set_seed(_i + 1);
    for (int round = 0; round < 6; round++) {
        struct world w;
        struct twin t;
        char *config;

        twin_init(&t);
        world_init(&w);
        config = make_config(&t, "panic=50 damp=20,100,300");
        world_do(&w, config);
        for (int step = 0; step < 150; step++) {
            struct shash_node *node;

            misfortune(&w, &t);
            do_words(&w, "+%u", random_range(3) ? random_range(60) : 2000);
            SHASH_FOR_EACH (node, &w.config->services) {
                const struct tpr_service *s = node->data;
                const struct tpr_backend *active
                    = policy_active(w.policy, s, NULL, NULL);
                bool any = false, any_alive = false, alive = false;

                for (size_t i = 0; i < s->n_backends; i++) {
                    const struct tpr_backend *b = s->backends[i];
                    bool lives = is_usable(&t, twin_of(&t, s), region_of(b));

                    any |= policy_usable(w.policy, b) == POLICY_OK;
                    any_alive |= lives;
                    alive |= lives && b == active;
                }
                ck_assert(!any || any_alive);
                ck_assert(active || !any_alive);
                if (active) {
                    enum policy_reason why = policy_usable(w.policy, active);

                    ck_assert_int_eq(alive, why != POLICY_PANIC);
                    ck_assert(why == POLICY_OK
                              || (why == POLICY_DAMPED && !any)
                              || (why == POLICY_PANIC && !any_alive));
                }
            }
        }
        check_chain(ds_cstr(&w.out));
        free(config);
        world_destroy(&w);
    }
}
END_TEST

/* Ten thousand services in one region: all move in one run, each once. */
START_TEST(many_services_move_at_once)
{
    enum { N = 10000 };
    struct ds s = DS_EMPTY_INITIALIZER;
    struct policy_change c;
    unsigned int n = 0;
    struct world w;

    world_init(&w);
    ds_put_cstr(&s, "config r1 r2");
    for (int i = 0; i < N; i++) {
        ds_put_format(&s, " s%d=r1/1,r2/2", i);
    }
    ds_put_cstr(&s, "; up r1; up r2");
    world_do(&w, ds_cstr(&s));
    policy_region(w.policy, tpr_config_region(w.config, "r1"),
                  HEARTBEAT_DOWN, HEARTBEAT_CAUSE_MISSED, 3, w.now_us,
                  w.now_us);
    policy_run(w.policy, w.now_us);
    while (policy_next_change(w.policy, &c)) {
        ck_assert_int_eq(c.what, n ? POLICY_SERVICE : POLICY_REGION);
        free(c.cause);
        n++;
    }
    ck_assert_uint_eq(n, N + 1);
    ds_destroy(&s);
    world_destroy(&w);
}
END_TEST

static Suite *
policy_suite(void)
{
    Suite *suite = suite_create("policy-random");
    TCase *tcase = tcase_create("policy-random");

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, naive_twin_agrees, 0, 4);
    tcase_add_loop_test(tcase, service_is_never_left_alone, 0, 4);
    tcase_add_test(tcase, many_services_move_at_once);
    suite_add_tcase(suite, tcase);
    return suite;
}
UNIT_MAIN_SUITE(policy_suite)
