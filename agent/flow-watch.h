/* SPDX-License-Identifier: Apache-2.0 */

/* Watches the flows that others have in a bridge, and tells foreign.h.
 *
 * The switch itself tells: all flows of table 0 first, and then each that is
 * added or removed, within a millisecond (OpenFlow 1.4, 7.3.5.17, flow
 * monitors).  Nothing is asked for again while the connection lasts.  The
 * connection is one of its own, so that a table of 10,000 flows delays nothing
 * on the provider's; what arrives is taken in pieces, a few hundred flows in a
 * turn of the poll loop.
 *
 * While the switch is away, what was known holds.
 *
 * Threads: main thread; run() and wait() in its poll loop. */

#ifndef TPR_FLOW_WATCH_H
#define TPR_FLOW_WATCH_H 1

struct flow_watch;
struct foreign;

struct flow_watch *flow_watch_create(const char *bridge, struct foreign *);
void flow_watch_destroy(struct flow_watch *);
void flow_watch_again(struct flow_watch *);
void flow_watch_run(struct flow_watch *);
void flow_watch_wait(struct flow_watch *);

#endif /* flow-watch.h */
