/* SPDX-License-Identifier: Apache-2.0 */

/* Notices that somebody removes filters or the qdisc of a device's tc ingress:
 * ours may be among them.  Open vSwitch removes all of a port's, policing it
 * or not, whenever it looks at its policing anew.
 *
 * Threads: main thread. */

#ifndef TPR_TC_WATCH_H
#define TPR_TC_WATCH_H 1

#include <stdint.h>

enum tc_event {
    TC_FILTER_GONE,             /* Some filter of the device is. */
    TC_QDISC_GONE,              /* With all filters of ingress. */
    TC_QDISC_NEW,               /* Somebody has made another. */
    TC_UNKNOWN,                 /* More happened, to any device, than was
                                 * heard. */
};

/* 'ifindex' is 0 with TC_UNKNOWN. */
typedef void tc_watch_func(void *aux, enum tc_event, uint32_t ifindex);

struct tc_watch;

struct tc_watch *tc_watch_create(void);
void tc_watch_destroy(struct tc_watch *);
void tc_watch_run(struct tc_watch *, tc_watch_func *, void *aux);
void tc_watch_wait(struct tc_watch *);

#endif /* tc-watch.h */
