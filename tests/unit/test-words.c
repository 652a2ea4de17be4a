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

START_TEST(agents)
{
    struct world w;

    world_init(&w);
    expect(&w, "config r1 r2 web=r1/1a,r2/2a; up r1; up r2; +3000", "UU");
    expect(&w, "says web/r2 drain; +1", "Ud");
    expect(&w, "says web/r2 ready stopped; +1", "UD");
    expect(&w, "says web/r2 up maint; +1", "Ud");
    expect(&w, "says web/r2 ready; says web/r1 0%; +1", "dU");
    world_destroy(&w);
}
END_TEST

/* Connections end when a drain has lasted too long: its own or its region's,
 * by order or by its agent.  Who is merely busy keeps them. */
START_TEST(drain_timeout)
{
    struct world w;

    world_init(&w);
    expect(&w, "config drain=500 r1 r2 web=r1/1a,r2/2a; up r1; up r2; +3000; "
           "drain r1; +499", "dU");
    expect(&w, "drain web/r1; +1", "DU");       /* One more order. */
    expect(&w, "+1000", "DU");
    expect(&w, "revoke; +3000", "UU");
    expect(&w, "drain web/r1; +499", "dU");
    expect(&w, "revoke; drain web/r1; +499", "dU");
    expect(&w, "+1", "DU");
    expect(&w, "revoke; says web/r1 maint; +499", "dU");
    expect(&w, "+1", "DU");
    expect(&w, "says web/r1 ready; +3000; says web/r1 #cpu=90; +3000", "dU");
    expect(&w, "says web/r1 drain; +499", "dU");
    expect(&w, "+1", "DU");
    world_destroy(&w);
}
END_TEST

/* So they do at one that its service has left though it could be used: for a
 * moment, for it is the one that comes next. */
START_TEST(drain_timeout_after_a_failback)
{
    struct world w;

    world_init(&w);
    expect(&w, "config drain=5000 r1 r2 r3 web=r1/1,r2/2,r3/3; up r1; up r2; "
           "up r3; +9000", "UUU");
    expect(&w, "failover web r2; +4999", "dUU");
    expect(&w, "+1", "DUU");
    expect(&w, "+1999", "DUU");
    expect(&w, "+1", "dUU");
    expect(&w, "+9000", "dUU");
    expect(&w, "revoke; +4999", "UUU");         /* It is back. */
    expect(&w, "+1", "UDU");
    expect(&w, "+1999", "UDU");
    expect(&w, "+1", "UUU");
    expect(&w, "+9000", "UUU");

    /* Whoever died has none. */
    expect(&w, "down r1 3; +9000", "DUU");
    expect(&w, "up r1; +4000; down r2 3; +1; up r2; +2000", "UUU");
    expect(&w, "+9000", "UUU");

    /* Whoever serves again keeps what it has. */
    expect(&w, "failover web r2; +4000; revoke; +4000", "UUU");
    expect(&w, "+1000", "UDU");
    expect(&w, "down r1 3", "DUU");
    expect(&w, "+9000", "DUU");
    world_destroy(&w);
}
END_TEST

/* Who drains, too, has until the first of the two is over. */
START_TEST(drain_timeout_of_one_who_was_left)
{
    struct world w;

    world_init(&w);
    expect(&w, "config drain=5000 r1 r2 web=r1/1,r2/2; up r1; up r2; +9000; "
           "failover web r2; +1000; revoke; +1000; drain web/r2; +3999", "Ud");
    expect(&w, "+1", "UD");
    expect(&w, "+2000", "UD");
    expect(&w, "revoke; +1", "UU");
    expect(&w, "+9000", "UU");
    world_destroy(&w);
}
END_TEST

/* Where all have connections by turns, nobody was left. */
START_TEST(drain_timeout_is_for_failover)
{
    struct world w;

    world_init(&w);
    expect(&w, "config drain=5000 r1 r2 web=r1/1,r2/2 web^spillover; up r1; "
           "up r2; +9000; failover web r2; +1; revoke; +5000", "UU");
    expect(&w, "config drain=5000 r1 r2 web=r1/1,r2/2 web^weighted; +9000; "
           "failover web r2; +1; revoke; +5000", "UU");
    expect(&w, "config r1 r2 web=r1/1,r2/2; +9000; failover web r2; +1; "
           "revoke; +5000", "UU");
    world_destroy(&w);
}
END_TEST

/* An agent that was away does not know who was left; when it was, it does. */
START_TEST(drain_timeout_after_a_failback_and_a_restart)
{
    struct world w;

    world_init(&w);
    expect(&w, "batch; config drain=5000 r1:up r2:up web=r1/1,r2/2 "
           "web@web/r1:4000; up r1; up r2; end; +999", "UU");
    expect(&w, "+1", "UD");
    expect(&w, "+2000", "UU");
    world_destroy(&w);

    world_init(&w);
    expect(&w, "batch; config drain=5000 r1:up r2:up web=r1/1,r2/2 "
           "web@web/r1:5000; up r1; up r2; end; +1", "UU");
    expect(&w, "+5000", "UU");
    world_destroy(&w);
}
END_TEST

/* The time counts from the drain's begin on, whoever was the agent then. */
START_TEST(drain_timeout_after_a_restart)
{
    struct world w;

    world_init(&w);
    expect(&w, "batch; config drain=5000 r1:up r2:up web=r1/1,r2/2 web@web/r2 "
           "web/r1:draining:4000; drain r1; up r1; up r2; end; +999", "dU");
    expect(&w, "+1", "DU");
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

START_TEST(busy)
{
    struct world w;

    world_init(&w);
    expect(&w, "config r1 r2 r3 web=r1/1a,r2/1a,r3/1a web^weighted; up r1; "
           "up r2; up r3; +3000", "UUU");
    expect(&w, "says web/r1 #cpu=90; +1", "dUU");
    expect(&w, "says web/r2 #cpu=90; +1", "ddU");
    /* All go on where nobody else is left. */
    expect(&w, "says web/r3 #cpu=90; +1", "UUU");
    expect(&w, "down r1 3; +1", "DUU");
    expect(&w, "says web/r2 #cpu=10; +1", "DUd");
    world_destroy(&w);

    /* An order counts, whoever is busy. */
    world_init(&w);
    expect(&w, "config r1 r2 web=r1/1a,r2/2a; up r1; up r2; +3000; "
           "failover web r2; +1", "dU");
    expect(&w, "says web/r2 #cpu=90; +1", "dU");
    world_destroy(&w);
}
END_TEST

START_TEST(who_is_busy_lives)
{
    struct world w;

    world_init(&w);
    expect(&w, "config panic=50 r1 r2 r3 r4 r5 "
           "web=r1/1a,r2/1a,r3/1a,r4/1a,r5/1a web^weighted; up r1; up r2; "
           "up r3; up r4; up r5; +3000; says web/r1 #cpu=90; "
           "says web/r2 #cpu=90; says web/r3 #cpu=90; +1", "dddUU");
    expect(&w, "down r4 3; +1", "dddDU");
    expect(&w, "down r5 3; +1", "UUUDD");
    world_destroy(&w);
}
END_TEST

/* Failback waits where several serve, too, from reserve to better ones. */
START_TEST(reserves_where_several_serve)
{
    struct world w;

    world_init(&w);
    expect(&w, "config hold=2000 r1 r2 r3 web=r1/1,r2/1,r3/2 web^weighted; "
           "up r1; up r2; up r3; +3000", "UUU");
    expect(&w, "down r1 3; +1; down r2 3; +1", "DDU");
    expect(&w, "up r1; +1999", "dDU");
    expect(&w, "+1", "UDU");
    expect(&w, "up r2; +1", "UUU");     /* Its equal serves already. */
    world_destroy(&w);

    world_init(&w);
    expect(&w, "config hold=2000 r1 r2 web=r1/1,r2/2 web^weighted web!manual; "
           "up r1; up r2; +3000", "UU");
    expect(&w, "down r1 3; +1; up r1; +9000", "dU");
    expect(&w, "down r2 3; +1", "UD");
    expect(&w, "up r2; +1", "UU");
    expect(&w, "down r1 3; +1; up r1; +9000; failback web; +1", "UU");
    world_destroy(&w);
}
END_TEST

/* Where several serve, an order to fail over leaves those in one region. */
START_TEST(orders_where_several_serve)
{
    struct world w;

    world_init(&w);
    expect(&w, "config r1 r2 r3 web=r1/1a,r2/1a,r3/1a web^weighted; up r1; "
           "up r2; up r3; +3000; failover web r2; +1", "dUd");
    expect(&w, "says web/r2 #cpu=90; +1", "dUd");
    expect(&w, "says web/r2 #cpu=10; says web/r2 drain; +1", "UdU");
    expect(&w, "says web/r2 ready; +1", "dUd");
    expect(&w, "down r1 3; +1", "DUd");
    expect(&w, "down r2 3; +1", "DDU");
    expect(&w, "up r1; up r2; +1", "dUd");
    expect(&w, "revoke; +1", "UUU");
    expect(&w, "failover web web/r3; +1", "ddU");
    world_destroy(&w);
}
END_TEST

START_TEST(spillover_is_an_order)
{
    struct world w;

    world_init(&w);
    expect(&w, "config hold=2000 panic=75 r1 r2 web=r1/1,r2/2 b=r1/1,r2/2 "
           "web^spillover; up r1; up r2; +3000", "UU");
    expect(&w, "failover web r2; +1", "dU");
    expect(&w, "revoke; +3000", "UU");
    expect(&w, "batch; down r1 3; down r2 3; end; +1", "UD");
    world_destroy(&w);
}
END_TEST

UNIT_MAIN("words", busy, who_is_busy_lives, reserves_where_several_serve,
          orders_where_several_serve, spillover_is_an_order,
          dead_and_alive, returning_region_waits, manual_failback,
          orders, checks, agents, drain_timeout,
          drain_timeout_after_a_restart, drain_timeout_after_a_failback,
          drain_timeout_of_one_who_was_left, drain_timeout_is_for_failover,
          drain_timeout_after_a_failback_and_a_restart,
          restart_leaves_what_is_remembered, panic_keeps_one)
