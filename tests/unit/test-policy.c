/* SPDX-License-Identifier: Apache-2.0 */

/* Tests the policy, damping and panic in the language of policy-world.h. */

#include <config.h>
#include "policy-world.h"

#include <string.h>
#include "damping.h"
#include "panic.h"
#include "unit.h"

#define TWO "config hold=2000 r1 r2 web=r1/1,r2/2; "
#define TWO_UP TWO "up r1; up r2; "
#define CHECKED "config r1 r2 web=r1/1c,r2/2c; up r1; up r2; " \
                "good web/r1; good web/r2; "

/* What is printed by the setups above. */
#define TWO_UP_OUT \
    "0 region r1 unknown>up (beats received)\n" \
    "0 service web none>web/r1 (usable backend found)\n" \
    "0 region r2 unknown>up (beats received)\n"

static const struct test {
    const char *title, *script, *expected;
} tests[] = {
    /* DESIGN.md section 3, the table of events. */
    { "nothing is chosen before something is proven",
      TWO "show web; usable web/r1; +10; up r2; show web",
      "web: none starting\n"
      "web/r1: region not yet proven alive\n"
      "10 region r2 unknown>up (beats received)\n"
      "10 service web none>web/r2 (usable backend found)\n"
      "web: web/r2 auto\n" },
    { "region down: next usable backend",
      TWO_UP "+100; down r1; show web; usable web/r1",
      TWO_UP_OUT
      "100 region r1 up>down (3 beats missed, last 30.0 ms ago)\n"
      "100 service web web/r1>web/r2 (region r1 down)\n"
      "web: web/r2 auto\n"
      "web/r1: region down\n" },
    { "causes other than silence",
      TWO_UP "down r1 link; down r2 admin; show web",
      TWO_UP_OUT
      "0 region r1 up>down (link down)\n"
      "0 service web web/r1>web/r2 (region r1 down)\n"
      "0 region r2 up>down (peer is administratively down)\n"
      "0 service web web/r2>none (region r2 down)\n"
      "web: none auto\n" },
    { "backend down, region up: next usable backend",
      CHECKED "+50; bad web/r1; usable web/r1; region r1",
      "0 region r1 unknown>up (beats received)\n"
      "0 region r2 unknown>up (beats received)\n"
      "0 backend web/r1 unknown>up (HTTP status 200)\n"
      "0 service web none>web/r1 (usable backend found)\n"
      "0 backend web/r2 unknown>up (HTTP status 200)\n"
      "50 backend web/r1 up>down (HTTP status 500)\n"
      "50 service web web/r1>web/r2 "
      "(backend web/r1: health check fails)\n"
      "web/r1: health check fails\n"
      "r1: up\n" },
    { "a check that was never passed is not usable",
      "config r1 web=r1/1c; up r1; usable web/r1; show web; bad web/r1; "
      "usable web/r1; show web",
      "0 region r1 unknown>up (beats received)\n"
      "web/r1: health check not yet passed\n"
      "web: none starting\n"
      "0 backend web/r1 unknown>down (HTTP status 500)\n"
      "web/r1: health check fails\n"
      "web: none auto\n" },
    { "nothing usable, then something again",
      TWO_UP "down r1; down r2; +1000; up r2; show web",
      TWO_UP_OUT
      "0 region r1 up>down (3 beats missed, last 30.0 ms ago)\n"
      "0 service web web/r1>web/r2 (region r1 down)\n"
      "0 region r2 up>down (3 beats missed, last 30.0 ms ago)\n"
      "0 service web web/r2>none (region r2 down)\n"
      "1000 region r2 down>up (beats received)\n"
      "1000 service web none>web/r2 (usable backend found)\n"
      "web: web/r2 auto\n" },
    { "no port, no MAC address",
      TWO_UP "noport web/r1; usable web/r1; nomac web/r2; usable web/r2; "
      "mac web/r2; show web",
      TWO_UP_OUT
      "0 service web web/r1>web/r2 (backend web/r1: switch has no such port)\n"
      "web/r1: switch has no such port\n"
      "0 service web web/r2>none (backend web/r2: MAC address not resolved)\n"
      "web/r2: MAC address not resolved\n"
      "0 service web none>web/r2 (usable backend found)\n"
      "web: web/r2 auto\n" },

    /* Failback. */
    { "failback waits for its hold time",
      TWO_UP "down r1; +100; up r1; show web; +1999; show web; +1; show web",
      TWO_UP_OUT
      "0 region r1 up>down (3 beats missed, last 30.0 ms ago)\n"
      "0 service web web/r1>web/r2 (region r1 down)\n"
      "100 region r1 down>up (beats received)\n"
      "web: web/r2 held\n"
      "web: web/r2 held\n"
      "2100 service web web/r2>web/r1 "
      "(failback: preferred backend is usable)\n"
      "web: web/r1 auto\n" },
    { "the hold time starts again after a break",
      TWO_UP "down r1; up r1; +1500; down r1; up r1; +1500; show web; +500; "
      "show web",
      TWO_UP_OUT
      "0 region r1 up>down (3 beats missed, last 30.0 ms ago)\n"
      "0 service web web/r1>web/r2 (region r1 down)\n"
      "0 region r1 down>up (beats received)\n"
      "1500 region r1 up>down (3 beats missed, last 30.0 ms ago)\n"
      "1500 region r1 down>up (beats received)\n"
      "web: web/r2 held\n"
      "3500 service web web/r2>web/r1 "
      "(failback: preferred backend is usable)\n"
      "web: web/r1 auto\n" },
    { "a death ends the hold",
      TWO_UP "down r1; up r1; +100; down r2; show web",
      TWO_UP_OUT
      "0 region r1 up>down (3 beats missed, last 30.0 ms ago)\n"
      "0 service web web/r1>web/r2 (region r1 down)\n"
      "0 region r1 down>up (beats received)\n"
      "100 region r2 up>down (3 beats missed, last 30.0 ms ago)\n"
      "100 service web web/r2>web/r1 (region r2 down)\n"
      "web: web/r1 auto\n" },
    { "manual failback stays until ordered",
      "config hold=2000 r1 r2 web=r1/1,r2/2 web!manual; up r1; up r2; "
      "down r1; up r1; +100000; show web; failback web; show web; revoke; "
      "show web",
      TWO_UP_OUT
      "0 region r1 up>down (3 beats missed, last 30.0 ms ago)\n"
      "0 service web web/r1>web/r2 (region r1 down)\n"
      "0 region r1 down>up (beats received)\n"
      "web: web/r2 held\n"
      "100000 service web web/r2>web/r1 (failback by me)\n"
      "web: web/r1 auto\n"
      "web: web/r1 auto\n" },
    { "manual failback stays until the active one dies",
      "config hold=2000 r1 r2 web=r1/1,r2/2 web!manual; up r1; up r2; "
      "down r1; up r1; +1000; down r2; show web",
      TWO_UP_OUT
      "0 region r1 up>down (3 beats missed, last 30.0 ms ago)\n"
      "0 service web web/r1>web/r2 (region r1 down)\n"
      "0 region r1 down>up (beats received)\n"
      "1000 region r2 up>down (3 beats missed, last 30.0 ms ago)\n"
      "1000 service web web/r2>web/r1 (region r2 down)\n"
      "web: web/r1 auto\n" },
    { "an ordered failback cuts the hold time short",
      TWO_UP "down r1; up r1; +10; failback web",
      TWO_UP_OUT
      "0 region r1 up>down (3 beats missed, last 30.0 ms ago)\n"
      "0 service web web/r1>web/r2 (region r1 down)\n"
      "0 region r1 down>up (beats received)\n"
      "10 service web web/r2>web/r1 (failback by me)\n" },
    { "equals are not better",
      "config r1 r2 web=r1,r2; up r1; up r2; down r1; up r1; +5000; show web",
      TWO_UP_OUT
      "0 region r1 up>down (3 beats missed, last 30.0 ms ago)\n"
      "0 service web web/r1>web/r2 (region r1 down)\n"
      "0 region r1 down>up (beats received)\n"
      "web: web/r2 auto\n" },

    /* Orders. */
    { "drain and its end",
      TWO_UP "drain r1 until=5000; show web; usable web/r1; region r1; "
      "+4999; show web; +1; show web; region r1; +2000",
      TWO_UP_OUT
      "0 service web web/r1>web/r2 (backend web/r1: draining)\n"
      "web: web/r2 auto\n"
      "web/r1: draining\n"
      "r1: up draining\n"
      "web: web/r2 auto\n"
      "web: web/r2 held\n"
      "r1: up\n"
      "7000 service web web/r2>web/r1 "
      "(failback: preferred backend is usable)\n" },
    { "drain of one backend",
      "config r1 r2 web=r1/1,r2/2 app=r1/1,r2/2; up r1; up r2; "
      "drain web/r1; show web; show app",
      "0 region r1 unknown>up (beats received)\n"
      "0 service app none>app/r1 (usable backend found)\n"
      "0 service web none>web/r1 (usable backend found)\n"
      "0 region r2 unknown>up (beats received)\n"
      "0 service web web/r1>web/r2 (backend web/r1: draining)\n"
      "web: web/r2 auto\n"
      "app: app/r1 auto\n" },
    { "drain of the last one leaves nothing",
      TWO_UP "down r2; drain r1; show web; revoke; show web",
      TWO_UP_OUT
      "0 region r2 up>down (3 beats missed, last 30.0 ms ago)\n"
      "0 service web web/r1>none (backend web/r1: draining)\n"
      "web: none auto\n"
      "0 service web none>web/r1 (usable backend found)\n"
      "web: web/r1 auto\n" },
    /* Agents. */
    { "an agent takes its server down and up",
      "config hold=0 r1 r2 web=r1/1a,r2/2a; up r1; up r2; "
      "says web/r1 down #full; usable web/r1; since web/r1; show web; "
      "says web/r1 50%; usable web/r1; says web/r1 up; show web",
      TWO_UP_OUT
      "0 service web web/r1>web/r2 (backend web/r1: its agent says it is "
      "down)\n"
      "web/r1: its agent says it is down\n"
      "web/r1: down since 0\n"
      "web: web/r2 auto\n"
      "web/r1: its agent says it is down\n"
      "0 service web web/r2>web/r1 (failback: preferred backend is "
      "usable)\n"
      "web: web/r1 auto\n" },
    { "an agent drains, and maintains",
      "config hold=0 r1 r2 web=r1/1a,r2/2; up r1; up r2; says web/r1 drain; "
      "since web/r1; says web/r1 maint; since web/r1; usable web/r1; "
      "says web/r1 ready; says web/r1 0%; since web/r1; says web/r1 1%",
      TWO_UP_OUT
      "0 service web web/r1>web/r2 (backend web/r1: draining)\n"
      "web/r1: draining since 0\n"
      "web/r1: maintenance since 0\n"
      "web/r1: in maintenance by its agent\n"
      "0 service web web/r2>web/r1 (failback: preferred backend is "
      "usable)\n"
      "0 service web web/r1>web/r2 (backend web/r1: draining)\n"
      "web/r1: draining since 0\n"
      "0 service web web/r2>web/r1 (failback: preferred backend is "
      "usable)\n" },
    { "an agent's up does not overrule a check",
      "config r1 r2 web=r1/1ca,r2/2; up r1; up r2; good web/r1; "
      "says web/r1 up; bad web/r1; usable web/r1",
      "0 region r1 unknown>up (beats received)\n"
      "0 region r2 unknown>up (beats received)\n"
      "0 service web none>web/r2 (usable backend found)\n"
      "0 backend web/r1 unknown>up (HTTP status 200)\n"
      "0 service web web/r2>web/r1 (failback: preferred backend is "
      "usable)\n"
      "0 backend web/r1 up>down (HTTP status 500)\n"
      "0 service web web/r1>web/r2 (backend web/r1: health check fails)\n"
      "web/r1: health check fails\n" },
    { "an agent's weight and limit",
      "config r1 web=r1/1a; up r1; weight web/r1; says web/r1 75%; "
      "weight web/r1; says web/r1 maxconn:7; weight web/r1; "
      "config r1 web=r1/1a; weight web/r1; config r1 web=r1/1; "
      "weight web/r1; config r1 web=r1/1a; weight web/r1",
      "0 region r1 unknown>up (beats received)\n"
      "0 service web none>web/r1 (usable backend found)\n"
      "web/r1: weight 200, limit 50\n"
      "web/r1: weight 150, limit 50\n"
      "web/r1: weight 150, limit 7\n"
      "web/r1: weight 150, limit 7\n"
      "web/r1: weight 200, limit 50\n"
      "web/r1: weight 200, limit 50\n" },
    { "slow start",
      "config slow=1000 r1 web=r1/1a; up r1; weight web/r1; +199; "
      "weight web/r1; +1; weight web/r1; says web/r1 50%; weight web/r1; "
      "+799; weight web/r1; +1; weight web/r1; says web/r1 drain; +5; "
      "weight web/r1; says web/r1 ready 1%; weight web/r1; "
      "says web/r1 0%; weight web/r1; says web/r1 100%; +2000; "
      "weight web/r1",
      "0 region r1 unknown>up (beats received)\n"
      "0 service web none>web/r1 (usable backend found)\n"
      "web/r1: weight 20, limit 50\n"
      "web/r1: weight 20, limit 50\n"
      "web/r1: weight 40, limit 50\n"
      "web/r1: weight 20, limit 50\n"
      "web/r1: weight 90, limit 50\n"
      "web/r1: weight 100, limit 50\n"
      "1000 service web web/r1>none (backend web/r1: draining)\n"
      "web/r1: weight 100, limit 50\n"
      "1005 service web none>web/r1 (usable backend found)\n"
      "web/r1: weight 1, limit 50\n"
      "1005 service web web/r1>none (backend web/r1: draining)\n"
      "web/r1: weight 0, limit 50\n"
      "1005 service web none>web/r1 (usable backend found)\n"
      "web/r1: weight 200, limit 50\n" },

    { "an agent's load",
      "config hold=0 r1 r2 web=r1/1a,r2/2a; up r1; up r2; "
      "says web/r1 #cpu=79; says web/r1 #cpu=80; since web/r1; "
      "usable web/r1; says web/r1 #cpu=72; says web/r2 #cpu=90; show web; "
      "says web/r1 #cpu=71; show web",
      TWO_UP_OUT
      "0 service web web/r1>web/r2 (backend web/r1: its processors are "
      "busy)\n"
      "web/r1: draining since 0\n"
      "web/r1: its processors are busy\n"
      "web: web/r2 loaded\n"
      "0 service web web/r2>web/r1 (backend web/r2: its processors are "
      "busy)\n"
      "web: web/r1 auto\n" },

    { "failover by hand stays",
      TWO_UP "failover web r2; show web; +100000; show web; revoke; "
      "show web; +2000",
      TWO_UP_OUT
      "0 service web web/r1>web/r2 (failover by me)\n"
      "web: web/r2 manual\n"
      "web: web/r2 manual\n"
      "web: web/r2 held\n"
      "102000 service web web/r2>web/r1 "
      "(failback: preferred backend is usable)\n" },
    { "the target of a failover by hand dies and returns",
      TWO_UP "failover web r2; +10; down r2; show web; +10; up r2; show web",
      TWO_UP_OUT
      "0 service web web/r1>web/r2 (failover by me)\n"
      "10 region r2 up>down (3 beats missed, last 30.0 ms ago)\n"
      "10 service web web/r2>web/r1 (region r2 down)\n"
      "web: web/r1 auto\n"
      "20 region r2 down>up (beats received)\n"
      "20 service web web/r1>web/r2 (failover by me)\n"
      "web: web/r2 manual\n" },
    { "a failover by hand ends by itself",
      TWO_UP "failover web r2 until=1000; +1000; show web; +2000",
      TWO_UP_OUT
      "0 service web web/r1>web/r2 (failover by me)\n"
      "web: web/r2 held\n"
      "3000 service web web/r2>web/r1 "
      "(failback: preferred backend is usable)\n" },
    { "an order that was over before the start is none",
      TWO_UP "+5000; drain r1 until=4000; show web",
      TWO_UP_OUT
      "web: web/r1 auto\n" },

    /* Damping. */
    { "the first return is believed, the next ones are held, doubling",
      "config damp=100,300,60000 r1 web=r1/1; up r1; "
      "+1000; down r1; +10; up r1; "
      "+1000; down r1; +10; up r1; region r1; usable web/r1; +100; "
      "+1000; down r1; +10; up r1; region r1; +200; "
      "+1000; down r1; +10; up r1; region r1",
      "0 region r1 unknown>up (beats received)\n"
      "0 service web none>web/r1 (usable backend found)\n"
      "1000 region r1 up>down (3 beats missed, last 30.0 ms ago)\n"
      "1000 service web web/r1>none (region r1 down)\n"
      "1010 region r1 down>up (beats received)\n"
      "1010 service web none>web/r1 (usable backend found)\n"
      "2010 region r1 up>down (3 beats missed, last 30.0 ms ago)\n"
      "2010 service web web/r1>none (region r1 down)\n"
      "2020 service web none>web/r1 "
      "(web/r1 held down by damping, but nothing else is left)\n"
      "r1: down held until 2120\n"
      "web/r1: held down after flapping\n"
      "2120 region r1 down>up (alive for 100 ms after flapping)\n"
      "3120 region r1 up>down (3 beats missed, last 30.0 ms ago)\n"
      "3120 service web web/r1>none (region r1 down)\n"
      "3130 service web none>web/r1 "
      "(web/r1 held down by damping, but nothing else is left)\n"
      "r1: down held until 3330\n"
      "3330 region r1 down>up (alive for 200 ms after flapping)\n"
      "4330 region r1 up>down (3 beats missed, last 30.0 ms ago)\n"
      "4330 service web web/r1>none (region r1 down)\n"
      "4340 service web none>web/r1 "
      "(web/r1 held down by damping, but nothing else is left)\n"
      "r1: down held until 4640\n" },
    { "held down, but nothing else is left: it serves",
      "config damp=100,300,60000 r1 r2 web=r1/1,r2/2; up r1; up r2; +10; "
      "down r2; up r2; +10; down r1; +10; down r2; show web; +10; up r2; "
      "show web; usable web/r2; region r2; +100; show web",
      TWO_UP_OUT
      "10 region r2 up>down (3 beats missed, last 30.0 ms ago)\n"
      "10 region r2 down>up (beats received)\n"
      "20 region r1 up>down (3 beats missed, last 30.0 ms ago)\n"
      "20 service web web/r1>web/r2 (region r1 down)\n"
      "30 region r2 up>down (3 beats missed, last 30.0 ms ago)\n"
      "30 service web web/r2>none (region r2 down)\n"
      "web: none auto\n"
      "40 service web none>web/r2 "
      "(web/r2 held down by damping, but nothing else is left)\n"
      "web: web/r2 damped\n"
      "web/r2: held down after flapping\n"
      "r2: down held until 140\n"
      "140 region r2 down>up (alive for 100 ms after flapping)\n"
      "web: web/r2 auto\n" },
    { "straight from a dead region to one that is held down",
      "config damp=100,300,60000 r1 r2 web=r1/1,r2/2; up r1; up r2; "
      "down r2; up r2; down r2; up r2; +10; down r1; +10; down r2; +10; "
      "up r2; show web",
      "0 region r1 unknown>up (beats received)\n"
      "0 service web none>web/r1 (usable backend found)\n"
      "0 region r2 unknown>up (beats received)\n"
      "0 region r2 up>down (3 beats missed, last 30.0 ms ago)\n"
      "0 region r2 down>up (beats received)\n"
      "0 region r2 up>down (3 beats missed, last 30.0 ms ago)\n"
      "10 region r1 up>down (3 beats missed, last 30.0 ms ago)\n"
      "10 service web web/r1>web/r2 (region r1 down; "
      "web/r2 held down by damping, but nothing else is left)\n"
      "20 service web web/r2>none (region r2 down)\n"
      "30 service web none>web/r2 "
      "(web/r2 held down by damping, but nothing else is left)\n"
      "web: web/r2 damped\n" },
    { "a clean backend is better at once, even a worse one",
      "config hold=2000 damp=100,300,60000 r1 r2 web=r1/1,r2/2; up r1; "
      "down r1; up r1; down r1; up r1; show web; +10; up r2; show web",
      "0 region r1 unknown>up (beats received)\n"
      "0 service web none>web/r1 (usable backend found)\n"
      "0 region r1 up>down (3 beats missed, last 30.0 ms ago)\n"
      "0 service web web/r1>none (region r1 down)\n"
      "0 region r1 down>up (beats received)\n"
      "0 service web none>web/r1 (usable backend found)\n"
      "0 region r1 up>down (3 beats missed, last 30.0 ms ago)\n"
      "0 service web web/r1>none (region r1 down)\n"
      "0 service web none>web/r1 "
      "(web/r1 held down by damping, but nothing else is left)\n"
      "web: web/r1 damped\n"
      "10 region r2 unknown>up (beats received)\n"
      "10 service web web/r1>web/r2 "
      "(backend web/r1: held down after flapping)\n"
      "web: web/r2 auto\n" },
    { "what is draining, too, or cannot be reached is nothing to fall back on",
      "config damp=100,300,60000 r1 web=r1/1; up r1; down r1; up r1; "
      "drain r1; down r1; up r1; show web; revoke; show web; "
      "noport web/r1; show web",
      "0 region r1 unknown>up (beats received)\n"
      "0 service web none>web/r1 (usable backend found)\n"
      "0 region r1 up>down (3 beats missed, last 30.0 ms ago)\n"
      "0 service web web/r1>none (region r1 down)\n"
      "0 region r1 down>up (beats received)\n"
      "0 service web none>web/r1 (usable backend found)\n"
      "0 service web web/r1>none (backend web/r1: draining)\n"
      "0 region r1 up>down (3 beats missed, last 30.0 ms ago)\n"
      "web: none auto\n"
      "0 service web none>web/r1 "
      "(web/r1 held down by damping, but nothing else is left)\n"
      "web: web/r1 damped\n"
      "0 service web web/r1>none "
      "(backend web/r1: held down after flapping)\n"
      "web: none auto\n" },
    { "a backend whose check flaps serves where nothing else is left",
      "config damp=100,300,60000 r1 web=r1/1c; up r1; good web/r1; "
      "bad web/r1; good web/r1; bad web/r1; +10; good web/r1; show web; "
      "+100; show web",
      "0 region r1 unknown>up (beats received)\n"
      "0 backend web/r1 unknown>up (HTTP status 200)\n"
      "0 service web none>web/r1 (usable backend found)\n"
      "0 backend web/r1 up>down (HTTP status 500)\n"
      "0 service web web/r1>none (backend web/r1: health check fails)\n"
      "0 backend web/r1 down>up (HTTP status 200)\n"
      "0 service web none>web/r1 (usable backend found)\n"
      "0 backend web/r1 up>down (HTTP status 500)\n"
      "0 service web web/r1>none (backend web/r1: health check fails)\n"
      "10 backend web/r1 down>up (HTTP status 200)\n"
      "10 service web none>web/r1 "
      "(web/r1 held down by damping, but nothing else is left)\n"
      "web: web/r1 damped\n"
      "web: web/r1 auto\n" },
    { "a flap while held starts the hold again",
      "config damp=100,300,60000 r1; up r1; down r1; up r1; +10; down r1; "
      "up r1; region r1; +50; down r1; region r1; +10; up r1; region r1; "
      "+200; region r1",
      "0 region r1 unknown>up (beats received)\n"
      "0 region r1 up>down (3 beats missed, last 30.0 ms ago)\n"
      "0 region r1 down>up (beats received)\n"
      "10 region r1 up>down (3 beats missed, last 30.0 ms ago)\n"
      "r1: down held until 110\n"
      "r1: down\n"
      "r1: down held until 270\n"
      "270 region r1 down>up (alive for 200 ms after flapping)\n"
      "r1: up\n" },
    { "quiet forgives",
      "config damp=100,300,1000 r1; up r1; down r1; up r1; +500; down r1; "
      "up r1; region r1; +2000; down r1; up r1; region r1",
      "0 region r1 unknown>up (beats received)\n"
      "0 region r1 up>down (3 beats missed, last 30.0 ms ago)\n"
      "0 region r1 down>up (beats received)\n"
      "500 region r1 up>down (3 beats missed, last 30.0 ms ago)\n"
      "r1: down held until 600\n"
      "600 region r1 down>up (alive for 100 ms after flapping)\n"
      "2500 region r1 up>down (3 beats missed, last 30.0 ms ago)\n"
      "2500 region r1 down>up (beats received)\n"
      "r1: up\n" },
    { "a flapping backend is held, too",
      "config damp=100,300,60000 r1 r2 web=r1/1c,r2/2c; up r1; up r2; "
      "good web/r1; good web/r2; +10; bad web/r1; good web/r1; +10; "
      "bad web/r1; good web/r1; usable web/r1; +100; usable web/r1",
      "0 region r1 unknown>up (beats received)\n"
      "0 region r2 unknown>up (beats received)\n"
      "0 backend web/r1 unknown>up (HTTP status 200)\n"
      "0 service web none>web/r1 (usable backend found)\n"
      "0 backend web/r2 unknown>up (HTTP status 200)\n"
      "10 backend web/r1 up>down (HTTP status 500)\n"
      "10 service web web/r1>web/r2 "
      "(backend web/r1: health check fails)\n"
      "10 backend web/r1 down>up (HTTP status 200)\n"
      "10 service web web/r2>web/r1 "
      "(failback: preferred backend is usable)\n"
      "20 backend web/r1 up>down (HTTP status 500)\n"
      "20 service web web/r1>web/r2 "
      "(backend web/r1: health check fails)\n"
      "20 backend web/r1 down>up (HTTP status 200)\n"
      "web/r1: held down after flapping\n"
      "120 service web web/r2>web/r1 "
      "(failback: preferred backend is usable)\n"
      "web/r1: usable\n" },
    { "two facts in one turn are two transitions",
      TWO_UP "+10; batch; down r1; up r1; end; show web; "
      "config r1 r2 web=r1/1c,r2/2; good web/r1; "
      "batch; bad web/r1; good web/r1; end",
      TWO_UP_OUT
      "10 region r1 down>up (beats received)\n"
      "10 region r1 up>down (3 beats missed, last 30.0 ms ago)\n"
      "web: web/r1 auto\n"
      "10 service web web/r1>web/r2 "
      "(backend web/r1: health check not yet passed)\n"
      "10 backend web/r1 unknown>up (HTTP status 200)\n"
      "10 service web web/r2>web/r1 "
      "(failback: preferred backend is usable)\n"
      "10 backend web/r1 down>up (HTTP status 200)\n"
      "10 backend web/r1 up>down (HTTP status 500)\n" },

    /* Panic. */
    { "everybody dies at once: the last good set stays, then the truth",
      "config panic=75 r1 r2 a=r1/1,r2/2 b=r1/1,r2/2; up r1; up r2; +10; "
      "batch; down r1; down r2; end; show a; usable a/r1; +29999; show a; "
      "+1; show a; usable a/r1",
      "0 region r1 unknown>up (beats received)\n"
      "0 service a none>a/r1 (usable backend found)\n"
      "0 service b none>b/r1 (usable backend found)\n"
      "0 region r2 unknown>up (beats received)\n"
      "10 agent agent normal>panic (4 of 4 backends failed at once)\n"
      "10 region r1 up>down (3 beats missed, last 30.0 ms ago)\n"
      "10 region r2 up>down (3 beats missed, last 30.0 ms ago)\n"
      "a: a/r1 panic\n"
      "a/r1: too many failed at once\n"
      "a: a/r1 panic\n"
      "30010 agent agent panic>normal (4 of 4 backends failed at once)\n"
      "30010 service a a/r1>none (region r1 down)\n"
      "30010 service b b/r1>none (region r1 down)\n"
      "a: none auto\n"
      "a/r1: region down\n" },
    { "one by one within a second is at once",
      "config panic=75 r1 r2 a=r1/1,r2/2 b=r1/1,r2/2; up r1; up r2; +10; "
      "down r1; +999; down r2; show a",
      "0 region r1 unknown>up (beats received)\n"
      "0 service a none>a/r1 (usable backend found)\n"
      "0 service b none>b/r1 (usable backend found)\n"
      "0 region r2 unknown>up (beats received)\n"
      "10 region r1 up>down (3 beats missed, last 30.0 ms ago)\n"
      "10 service a a/r1>a/r2 (region r1 down)\n"
      "10 service b b/r1>b/r2 (region r1 down)\n"
      "1009 agent agent normal>panic (4 of 4 backends failed at once)\n"
      "1009 region r2 up>down (3 beats missed, last 30.0 ms ago)\n"
      "a: a/r2 panic\n" },
    { "panic ends when enough are back",
      "config panic=60 r1 r2 a=r1/1,r2/2 b=r1/1,r2/2; up r1; up r2; +10; "
      "batch; down r1; down r2; end; +100; up r2; show a",
      "0 region r1 unknown>up (beats received)\n"
      "0 service a none>a/r1 (usable backend found)\n"
      "0 service b none>b/r1 (usable backend found)\n"
      "0 region r2 unknown>up (beats received)\n"
      "10 agent agent normal>panic (4 of 4 backends failed at once)\n"
      "10 region r1 up>down (3 beats missed, last 30.0 ms ago)\n"
      "10 region r2 up>down (3 beats missed, last 30.0 ms ago)\n"
      "110 agent agent panic>normal (2 of 4 backends failed at once)\n"
      "110 region r2 down>up (beats received)\n"
      "110 service a a/r1>a/r2 (region r1 down)\n"
      "110 service b b/r1>b/r2 (region r1 down)\n"
      "a: a/r2 auto\n" },
    { "who has another one that is proven good does not wait for panic",
      "config panic=75 r1 r2 a=r1/1 b=r1/1 c=r1/1 d=r1/1,r2/2; up r1; up r2; "
      "+10; down r1; show a; show d; usable d/r1",
      "0 region r1 unknown>up (beats received)\n"
      "0 service a none>a/r1 (usable backend found)\n"
      "0 service b none>b/r1 (usable backend found)\n"
      "0 service c none>c/r1 (usable backend found)\n"
      "0 service d none>d/r1 (usable backend found)\n"
      "0 region r2 unknown>up (beats received)\n"
      "10 agent agent normal>panic (4 of 5 backends failed at once)\n"
      "10 region r1 up>down (3 beats missed, last 30.0 ms ago)\n"
      "10 service d d/r1>d/r2 (region r1 down)\n"
      "a: a/r1 panic\n"
      "d: d/r2 auto\n"
      "d/r1: too many failed at once\n" },
    { "a few are no crowd",
      "config panic=50 r1 r2 a=r1/1,r2/2; up r1; up r2; "
      "batch; down r1; down r2; end",
      "0 region r1 unknown>up (beats received)\n"
      "0 service a none>a/r1 (usable backend found)\n"
      "0 region r2 unknown>up (beats received)\n"
      "0 region r1 up>down (3 beats missed, last 30.0 ms ago)\n"
      "0 region r2 up>down (3 beats missed, last 30.0 ms ago)\n"
      "0 service a a/r1>none (region r1 down)\n" },

    /* Restart of the agent. */
    { "what does not change keeps its age over a restart",
      "batch; config r1:up:5000 r2:down:4000 web=r1/1,r2/2 "
      "web@web/r1:3000 web/r1:up:2000 web/r2:down:1000; nomac web/r1; end; "
      "since web/r1; "
      "mac web/r1; +100; up r1; since r1; since r2; since web; since web/r1; "
      "since web/r2; +10000; since r1; since r2; since web",
      "web/r1: up since -2000\n"
      "r1: since -5000\n"
      "r2: since -4000\n"
      "web: since -3000\n"
      "web/r1: up since -2000\n"
      "web/r2: down since -1000\n"
      "r1: since -5000\n"
      "r2: since -4000\n"
      "web: since -3000\n" },
    { "what has changed meanwhile is young",
      "config r1:up:5000 r2:down:4000 r3 web=r1/1,r2/2 web@web/r1:3000 "
      "x=r3/1 x@x/r9:3000 web/r1:up:2000 web/r2:down:1000; +100; up r2; "
      "down r1 link; since r1; since r2; since r3; since web; since web/r1; "
      "since web/r2; since x; since x/r3",
      "100 region r2 down>up (beats received)\n"
      "100 region r1 up>down (link down)\n"
      "100 service web web/r1>web/r2 (region r1 down)\n"
      "r1: since 100 (link down)\n"
      "r2: since 100 (beats received)\n"
      "r3: since 0\n"
      "web: since 100 (region r1 down)\n"
      "web/r1: down since 100\n"
      "web/r2: up since 100\n"
      "x: since 0\n"
      "x/r3: down since 0\n" },
    { "a clock that was set back makes nothing older than it is",
      "config r1:up:-5000 web=r1/1 web@web/r1:-1; since r1; since web",
      "r1: since 0\n"
      "web: since 0\n" },
    { "what is remembered stays until it is confirmed",
      "config r1:up r2:up web=r1/1,r2/2 web@web/r2; show web; +500; down r1; "
      "+500; up r1; up r2; +10000; show web",
      "web: web/r2 auto\n"
      "1000 service web web/r2>web/r1 "
      "(failback: preferred backend is usable)\n"
      "web: web/r1 auto\n" },
    { "a remembered failover is no flap",
      "config hold=60000 r1:down r2:up web=r1/1,r2/2 web@web/r2; show web; "
      "region r1; down r1; +3030; show web; up r2; show web",
      "web: web/r2 auto\n"
      "r1: down\n"
      "3030 region r2 up>down (not confirmed after a restart)\n"
      "3030 service web web/r2>none (region r2 down)\n"
      "web: none auto\n"
      "3030 region r2 down>up (beats received)\n"
      "3030 service web none>web/r2 (usable backend found)\n"
      "web: web/r2 auto\n" },
    { "silence within the grace time is our own, a cut link is not",
      "config r1:up r2:up web=r1/1,r2/2 web@web/r1; +100; down r1; down r2; "
      "show web; +100; down r1 link; show web; up r2; +10000; show web",
      "web: web/r1 auto\n"
      "200 region r1 up>down (link down)\n"
      "200 service web web/r1>web/r2 (region r1 down)\n"
      "web: web/r2 auto\n"
      "web: web/r2 auto\n" },
    { "silence through all of the grace time is death",
      "config r1:up r2:up web=r1/1,r2/2 web@web/r1; +100; down r1; up r2; "
      "+10000; show web",
      "3030 region r1 up>down (3 beats missed, last 30.0 ms ago)\n"
      "3030 service web web/r1>web/r2 (region r1 down)\n"
      "web: web/r2 auto\n" },
    { "the switch may come after us",
      "batch; config r1:up r2:up web=r1/1,r2/2 web@web/r1; noport web/r1; "
      "noport web/r2; end; show web; +1000; port web/r1; port web/r2; "
      "show web",
      "web: web/r1 starting\n"
      "web: web/r1 auto\n" },
    { "but not for ever",
      "batch; config r1:up r2:up web=r1/1,r2/2 web@web/r1; noport web/r1; "
      "end; up r1; up r2; +2999; show web; +1; show web",
      "web: web/r1 starting\n"
      "3000 service web web/r1>web/r2 "
      "(backend web/r1: switch has no such port)\n"
      "web: web/r2 auto\n" },
    { "checks are remembered",
      "config r1:up r2:up web=r1/1c,r2/2c web@web/r2 web/r1:down web/r2:up; "
      "usable web/r1; usable web/r2; show web",
      "web/r1: health check fails\n"
      "web/r2: usable\n"
      "web: web/r2 auto\n" },

    /* A new configuration. */
    { "configuration keeps states",
      TWO_UP "down r1; config hold=2000 r2 r1 web=r2/2,r1/1 app=r2/1; "
      "show web; region r1; show app",
      TWO_UP_OUT
      "0 region r1 up>down (3 beats missed, last 30.0 ms ago)\n"
      "0 service web web/r1>web/r2 (region r1 down)\n"
      "0 service app none>app/r2 (usable backend found)\n"
      "web: web/r2 auto\n"
      "r1: down\n"
      "app: app/r2 auto\n" },
    { "the active backend is removed",
      TWO_UP "config r1 r2 web=r2/2; show web; config r1 r2 web=; show web",
      TWO_UP_OUT
      "0 service web web/r1>web/r2 (backend web/r1 removed)\n"
      "web: web/r2 auto\n"
      "0 service web web/r2>none (backend web/r2 removed)\n"
      "web: none auto\n" },
    { "a region is removed and comes back as a new one",
      TWO_UP "config r2 web=r2/2; " TWO "region r1; show web",
      TWO_UP_OUT
      "0 service web web/r1>web/r2 (backend web/r1 removed)\n"
      "r1: unknown\n"
      "web: web/r2 auto\n" },
    { "priorities change",
      TWO_UP "config r1 r2 web=r1/2,r2/1; show web",
      TWO_UP_OUT
      "0 service web web/r1>web/r2 (failback: preferred backend is usable)\n"
      "web: web/r2 auto\n" },

    /* Who answers ARP for the VIP. */
    { "the owner answers while its region lives",
      "config r1 r2 web=r1/1,r2/2 web%r1 app=r1/1; owner web; owner app; "
      "up r1; up r2; owner web; down r1; owner web; up r1; owner web",
      "web: owner answers\n"
      "app: owner silent\n"
      "0 region r1 unknown>up (beats received)\n"
      "0 service app none>app/r1 (usable backend found)\n"
      "0 service web none>web/r1 (usable backend found)\n"
      "0 region r2 unknown>up (beats received)\n"
      "web: owner answers\n"
      "0 region r1 up>down (3 beats missed, last 30.0 ms ago)\n"
      "0 service app app/r1>none (region r1 down)\n"
      "0 service web web/r1>web/r2 (region r1 down)\n"
      "web: owner silent\n"
      "0 region r1 down>up (beats received)\n"
      "0 service app none>app/r1 (usable backend found)\n"
      "0 service web web/r2>web/r1 (failback: preferred backend is usable)\n"
      "web: owner answers\n" },
    { "a dead owner does not answer just because we restart",
      "config r1:down r2:up web=r1/1,r2/2 web%r1 web@web/r2; owner web; "
      "+100; down r1; owner web; +5000; owner web; up r1; owner web",
      "web: owner silent\n"
      "web: owner silent\n"
      "3030 region r2 up>down (not confirmed after a restart)\n"
      "3030 service web web/r2>none (region r2 down)\n"
      "web: owner silent\n"
      "5100 region r1 down>up (beats received)\n"
      "5100 service web none>web/r1 (usable backend found)\n"
      "web: owner answers\n" },
};

START_TEST(script)
{
    const struct test *t = &tests[_i];
    struct world w;

    world_init(&w);
    world_do(&w, t->script);
    ck_assert_msg(!strcmp(ds_cstr(&w.out), t->expected),
                  "%s:\nexpected:\n%sgot:\n%s", t->title, t->expected,
                  ds_cstr(&w.out));
    world_destroy(&w);
}
END_TEST

/* Pure parts by themselves. */

START_TEST(damping_holds)
{
    const struct tpr_damping cfg = { .hold_us = 10, .hold_max_us = 35,
                                     .reset_us = 100 };
    const struct tpr_damping off = { .hold_us = 0, .reset_us = 100 };
    struct damping d = { .returned_us = 0 };

    ck_assert_int_eq(damping_return(&d, &cfg, 1000), 0);
    ck_assert_int_eq(damping_return(&d, &cfg, 1050), 1060);
    ck_assert_int_eq(damping_return(&d, &cfg, 1100), 1120);
    ck_assert_int_eq(damping_return(&d, &cfg, 1150), 1185);
    ck_assert_int_eq(damping_return(&d, &cfg, 1200), 1235);
    /* The quiet time begins when the hold is over. */
    ck_assert_int_eq(damping_return(&d, &cfg, 1334), 1369);
    ck_assert_int_eq(damping_return(&d, &cfg, 1469), 0);
    ck_assert_int_eq(damping_return(&d, &off, 1470), 0);
    ck_assert_int_eq(damping_return(&d, &off, 1471), 0);
}
END_TEST

START_TEST(panic_begins_and_ends)
{
    struct panic p = { .active = false };

    ck_assert_int_eq(panic_run(&p, 0, 0, 100, 1), PANIC_NO_CHANGE);
    ck_assert_int_eq(panic_run(&p, 50, 0, 3, 1), PANIC_NO_CHANGE);
    ck_assert_int_eq(panic_run(&p, 50, 5, 5, 1), PANIC_NO_CHANGE);
    ck_assert_int_eq(panic_run(&p, 50, 4, 5, 1), PANIC_BEGIN);
    ck_assert_int_eq(panic_run(&p, 50, 4, 5, 2), PANIC_NO_CHANGE);
    ck_assert_int_eq(panic_deadline(&p), PANIC_MAX_US + 1);
    ck_assert_int_eq(panic_run(&p, 50, 5, 4, 3), PANIC_END);
    ck_assert_int_eq(panic_run(&p, 50, 4, 5, 4), PANIC_BEGIN);
    ck_assert_int_eq(panic_run(&p, 50, 4, 5, PANIC_MAX_US + 4), PANIC_END);
}
END_TEST

static Suite *
policy_suite(void)
{
    Suite *suite = suite_create("policy");
    TCase *tcase = tcase_create("policy");

    tcase_add_loop_test(tcase, script, 0, ARRAY_SIZE(tests));
    tcase_add_test(tcase, damping_holds);
    tcase_add_test(tcase, panic_begins_and_ends);
    suite_add_tcase(suite, tcase);
    return suite;
}
UNIT_MAIN_SUITE(policy_suite)
