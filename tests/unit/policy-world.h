/* SPDX-License-Identifier: Apache-2.0 */

/* A small language for tests of the policy: words in, changes out.
 *
 * A script is a list of commands separated by ";" or newlines.  Times are
 * milliseconds from the beginning.
 *
 *   config WORD...         a new configuration; the words are
 *       r1 r1:up r1:down   region (and what the database remembers of it)
 *       web=r1/1,r2/2c     service: backends web/r1, priority 1, and web/r2,
 *                          priority 2, which has a check; "a" for an
 *                          agent-check
 *       web!manual         failback by hand
 *       web@web/r1         the database remembers web/r1 as active
 *       web/r1:up          ...and that its check was good (or :down; or that
 *                          it was :draining)
 *                          "r1:up:N", "web@web/r1:N", "web/r1:up:N": it does
 *                          so since N ms before the beginning
 *       web%r1             backend web/r1 owns the VIP
 *       hold=N             failback_hold of services that follow
 *       drain=N            drain timeout of services that follow
 *       damp=H,M,R         damping of regions that follow: hold, max, reset
 *       panic=P            threshold in percent
 *   +N                     N ms pass; deadlines are met on the way
 *   up R, down R [WHY]     heartbeat: WHY is N (missed), link, admin or peer
 *   good B, bad B          health check of a backend
 *   says B WORD...         its agent, at most three words
 *   port B, noport B, mac B, nomac B       the switch, the neighbours
 *   drain X, failover S R, failback S      orders, with optional until=N
 *   revoke                 takes back all orders
 *   show S                 prints "S: BACKEND MODE"
 *   usable B, region R     prints the view
 *   weight B               prints its weight and its limit
 *   since X                prints since when, and the reason for it
 *   owner S                prints whether the owner answers ARP
 *   batch ... end          what stands between is handed in before the policy
 *                          runs
 *
 * Every change is printed as "N WHAT NAME FROM>TO (CAUSE)"; those of one run
 * in alphabetic order. */

#ifndef TESTS_UNIT_POLICY_WORLD_H
#define TESTS_UNIT_POLICY_WORLD_H 1

#include "openvswitch/dynamic-string.h"
#include "policy.h"

struct world {
    struct policy *policy;
    struct tpr_config *config;
    long long int start_us, now_us;
    char *spec;                 /* Words of the last 'config'. */
    struct tpr_intent *intents;
    size_t n_intents;
    bool batch;
    struct ds out;
};

void world_init(struct world *);
void world_destroy(struct world *);
void world_do(struct world *, const char *script);

#endif /* policy-world.h */
