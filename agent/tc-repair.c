/* SPDX-License-Identifier: Apache-2.0 */

/* Puts tc filters back: see tc-repair.h. */

#include <config.h>
#include "tc-repair.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include "attach.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "tc-watch.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(tc_repair);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(10, 10);

enum {
    REPAIR_MS = 2,              /* From a qdisc's removal. */
    MAX_DEVICES = 64,           /* More at once are as good as all. */
};

/* A device that may lack its filter. */
struct suspect {
    uint32_t ifindex;           /* 0: any. */
    long long int when_ms;      /* It is looked at then. */
    bool new_qdisc;             /* It may have another one now. */
};

struct tc_repair {
    struct tc_watch *watch;
    char *name;                 /* For people. */
    struct suspect suspects[MAX_DEVICES + 1];
    size_t n;
};

/* Watches the ports of the bridge 'name'. */
struct tc_repair *
tc_repair_create(const char *name)
{
    struct tc_repair *r = xzalloc(sizeof *r);

    r->watch = tc_watch_create();
    r->name = xstrdup(name);
    return r;
}

/* NULL is allowed. */
void
tc_repair_destroy(struct tc_repair *r)
{
    if (r) {
        tc_watch_destroy(r->watch);
        free(r->name);
        free(r);
    }
}

static struct suspect *
find_suspect(struct tc_repair *r, uint32_t ifindex)
{
    for (size_t i = 0; i < r->n; i++) {
        if (r->suspects[i].ifindex == ifindex) {
            return &r->suspects[i];
        }
    }
    return NULL;
}

static void
hear(void *r_, enum tc_event event, uint32_t ifindex)
{
    const bool may_come = event == TC_QDISC_GONE || event == TC_UNKNOWN;
    const long long int now = time_msec();
    struct tc_repair *r = r_;
    struct suspect *s;

    if (r->n >= MAX_DEVICES) {
        ifindex = 0;
    }
    s = find_suspect(r, ifindex);
    if (!s) {
        s = &r->suspects[r->n++];
        *s = (struct suspect) { ifindex, now, false };
    }
    /* That another filter went, in between, makes the new qdisc come no
     * sooner. */
    s->when_ms = (event == TC_QDISC_NEW ? now
                  : may_come ? now + REPAIR_MS : s->when_ms);
    s->new_qdisc |= event == TC_QDISC_NEW || event == TC_UNKNOWN;
}

/* Puts back what is missing of 'attach', which may be NULL.  Returns false if
 * something is in the way: tpr_attach_set_ports() finds out what. */
bool
tc_repair_run(struct tc_repair *r, struct tpr_attach *attach)
{
    long long int now;
    bool ok = true;
    size_t n = 0;

    tc_watch_run(r->watch, hear, r);
    now = time_msec();
    for (size_t i = 0; i < r->n; i++) {
        const struct suspect *s = &r->suspects[i];

        if (attach && s->when_ms > now) {
            r->suspects[n++] = *s;
        } else if (attach) {
            size_t n_repaired;

            ok &= tpr_attach_repair(attach, s->ifindex, s->new_qdisc,
                                    &n_repaired);
            if (n_repaired) {
                VLOG_INFO_RL(&rl, "%s: somebody removed our tc filter at "
                             "%"PRIuSIZE" port%s: put back", r->name,
                             n_repaired, n_repaired == 1 ? "" : "s");
            }
        }
    }
    r->n = n;
    return ok;
}

/* Wakes the poll loop when tc_repair_run() has something to do. */
void
tc_repair_wait(struct tc_repair *r)
{
    tc_watch_wait(r->watch);
    for (size_t i = 0; i < r->n; i++) {
        poll_timer_wait_until(r->suspects[i].when_ms);
    }
}
