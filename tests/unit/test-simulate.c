/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of simulate.c: what would happen, and that nothing does. */

#include <config.h>
#include "simulate.h"
#include "openvswitch/dynamic-string.h"
#include "policy-world.h"
#include "unit.h"

static const char *
name_of(const struct tpr_backend *b)
{
    return b ? b->name : "-";
}

/* After 'script', "OBJECT down|up" would have the outcome 'want': for each
 * service that changes "SERVICE FROM>AT_ONCE>TO+MS", with the numbers of the
 * backends that die. */
static void
expect(struct world *w, const char *script, const char *object, bool up,
       const char *want)
{
    const struct tpr_region *region;
    struct ds s = DS_EMPTY_INITIALIZER;
    struct simulation *sim;

    world_do(w, script);
    ds_clear(&w->out);
    region = tpr_config_region(w->config, object);
    sim = (region
           ? simulate_region(w->policy, w->config, region, up, w->now_us)
           : simulate_backend(w->policy, w->config,
                              tpr_config_backend(w->config, object), up,
                              w->now_us));
    ds_put_cstr(&s, sim->no_news ? "as it is " : "");
    ds_put_cstr(&s, sim->panic ? "panic " : "");
    for (size_t i = 0; i < sim->n; i++) {
        const struct sim_service *svc = &sim->services[i];

        if (!svc->changes) {
            continue;
        }
        ds_put_format(&s, "%s %s>%s>%s+%lld", svc->svc->name,
                      name_of(svc->from), name_of(svc->at_once),
                      name_of(svc->to), svc->after_us / 1000);
        for (size_t j = 0; j < svc->svc->n_backends; j++) {
            if (svc->backends[j].dies) {
                ds_put_format(&s, " x%"PRIuSIZE, j);
            }
        }
        ds_put_cstr(&s, "; ");
    }
    ck_assert_msg(!strcmp(ds_cstr(&s), want), "after \"%s\": \"%s\", not "
                  "\"%s\"", script, ds_cstr(&s), want);
    ds_destroy(&s);
    simulation_destroy(sim);

    /* The policy itself has not noticed. */
    world_do(w, "+0");
    ck_assert_str_eq(ds_cstr(&w->out), "");
}

START_TEST(region_dies)
{
    struct world w;

    world_init(&w);
    expect(&w, "config hold=2000 r1 r2 web=r1/1,r2/2 dns=r2/1,r1/2 "
           "one=r1/1; up r1; up r2; +3000", "r1", false,
           "dns dns/r2>dns/r2>dns/r2+0 x1; "
           "one one/r1>->-+0 x0; web web/r1>web/r2>web/r2+0 x0; ");
    expect(&w, "down r1 3; +10", "r1", false, "as it is ");
    expect(&w, "", "r2", false, "dns dns/r2>->-+0 x0; "
           "web web/r2>->-+0 x1; ");
    world_destroy(&w);
}
END_TEST

START_TEST(region_returns_after_hold)
{
    struct world w;

    world_init(&w);
    expect(&w, "config hold=2000 r1 r2 web=r1/1,r2/2; up r1; up r2; +3000; "
           "down r1 3; +10", "r1", true, "web web/r2>web/r2>web/r1+2000; ");
    world_destroy(&w);
}
END_TEST

START_TEST(manual_failback_stays)
{
    struct world w;

    world_init(&w);
    expect(&w, "config hold=2000 r1 r2 web=r1/1,r2/2 web!manual; up r1; "
           "up r2; +3000; down r1 3; +10", "r1", true, "");
    world_destroy(&w);
}
END_TEST

START_TEST(unconfirmed_after_restart)
{
    struct world w;

    world_init(&w);
    expect(&w, "config r1:up r2:up web=r1/1,r2/2 web@web/r1; up r2; +1",
           "r1", false, "web web/r1>web/r2>web/r2+0 x0; ");
    world_destroy(&w);
}
END_TEST

START_TEST(check_fails)
{
    struct world w;

    world_init(&w);
    expect(&w, "config r1 r2 web=r1/1c,r2/2c; up r1; up r2; good web/r1; "
           "good web/r2; +10", "web/r1", false,
           "web web/r1>web/r2>web/r2+0 x0; ");
    expect(&w, "bad web/r1; +10", "web/r1", false, "as it is ");
    world_destroy(&w);
}
END_TEST

START_TEST(region_returns_with_its_servers)
{
    struct world w;

    world_init(&w);
    expect(&w, "config hold=0 r1 r2 web=r1/1c,r2/2; up r1; up r2; "
           "good web/r1; +10; down r1 3; bad web/r1; +10", "r1", true,
           "web web/r2>web/r1>web/r1+0; ");
    world_destroy(&w);
}
END_TEST

START_TEST(panic_shows)
{
    struct world w;

    world_init(&w);
    expect(&w, "config panic=75 r1 a=r1/1 b=r1/1 c=r1/1 d=r1/1; up r1; "
           "+3000", "r1", false,
           "panic a a/r1>a/r1>-+30000; b b/r1>b/r1>-+30000; "
           "c c/r1>c/r1>-+30000; d d/r1>d/r1>-+30000; ");
    world_destroy(&w);
}
END_TEST

UNIT_MAIN("simulate", region_dies, region_returns_after_hold,
          manual_failback_stays, unconfirmed_after_restart, check_fails,
          region_returns_with_its_servers, panic_shows)
