/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of words.c: what a datapath that chooses by itself is told, so that it
 * chooses what the policy has decided. */

#include <config.h>
#include "words.h"
#include "openvswitch/dynamic-string.h"
#include "policy-world.h"
#include "unit.h"

/* Letters of the states, by backend: U(p), D(own), d(rain), ?; "." is left as
 * it was. */
static void
expect(struct world *w, const char *script, const char *words)
{
    const struct tpr_service *svc;
    struct ds s = DS_EMPTY_INITIALIZER;

    world_do(w, script);
    svc = tpr_config_service(w->config, "web");
    for (size_t i = 0; i < svc->n_backends; i++) {
        int word = words_backend(w->policy, svc, i);

        ds_put_char(&s, word == WORDS_LEAVE ? '.' : "?UDd"[word]);
    }
    ck_assert_msg(!strcmp(ds_cstr(&s), words), "after \"%s\": %s, not %s",
                  script, ds_cstr(&s), words);
    ds_destroy(&s);
}

START_TEST(dead_and_alive)
{
    struct world w;

    world_init(&w);
    expect(&w, "config hold=2000 r1 r2 web=r1/1,r2/2", "??");
    expect(&w, "up r2", "?U");
    expect(&w, "up r1", "dU");          /* Failback waits. */
    expect(&w, "+2500", "UU");          /* The standby comes next. */
    expect(&w, "down r1 3", "DU");
    expect(&w, "down r2 3", "DD");
    world_destroy(&w);
}
END_TEST

START_TEST(returning_region_waits)
{
    struct world w;

    world_init(&w);
    expect(&w, "config hold=2000 damp=1000,60000,120000 r1 r2 "
           "web=r1/1,r2/2; up r1; up r2; +3000; down r1 3; +100; up r1; "
           "+3000", "UU");
    expect(&w, "down r1 3; +100", "DU");
    expect(&w, "up r1", "dU");          /* Damped. */
    expect(&w, "+1100", "dU");          /* Failback's hold. */
    expect(&w, "+2100", "UU");
    world_destroy(&w);
}
END_TEST

START_TEST(manual_failback)
{
    struct world w;

    world_init(&w);
    expect(&w, "config hold=2000 r1 r2 r3 web=r1/1,r2/2,r3/3 web!manual; "
           "up r1; up r2; up r3; +3000", "UUU");
    expect(&w, "down r1 3; +100; up r1; +10000", "dUU");
    expect(&w, "failback web; +10", "UUU");
    world_destroy(&w);
}
END_TEST

START_TEST(orders)
{
    struct world w;

    world_init(&w);
    expect(&w, "config hold=2000 r1 r2 r3 web=r1/1,r2/2,r3/3; up r1; up r2; "
           "up r3; +3000; drain r1; +1", "dUU");
    expect(&w, "revoke; +3000", "UUU");
    expect(&w, "failover web r3; +1", "ddU");
    expect(&w, "drain web/r2; +1", "ddU");
    expect(&w, "down r3 3", "UdD");
    world_destroy(&w);
}
END_TEST

START_TEST(checks)
{
    struct world w;

    world_init(&w);
    expect(&w, "config r1 r2 web=r1/1c,r2/2c; up r1; up r2; +1", "??");
    expect(&w, "good web/r1; +1", "U?");
    expect(&w, "good web/r2; +1", "UU");
    expect(&w, "bad web/r1; +1", "DU");
    world_destroy(&w);
}
END_TEST

START_TEST(restart_leaves_what_is_remembered)
{
    struct world w;

    world_init(&w);
    expect(&w, "config r1:up r2:up web=r1/1,r2/2 web@web/r1; nomac web/r1; "
           "nomac web/r2; +1", "..");
    expect(&w, "mac web/r1; mac web/r2; up r1; up r2; +1", "UU");
    world_destroy(&w);
}
END_TEST

START_TEST(panic_keeps_one)
{
    struct world w;

    world_init(&w);
    expect(&w, "config panic=75 r1 r2 web=r1/1,r2/2 b=r1/1,r2/2; up r1; "
           "up r2; +3000", "UU");
    expect(&w, "batch; down r1 3; down r2 3; end; +1", "UD");
    world_destroy(&w);
}
END_TEST

UNIT_MAIN("words", dead_and_alive, returning_region_waits, manual_failback,
          orders, checks, restart_leaves_what_is_remembered, panic_keeps_one)
