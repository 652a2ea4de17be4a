/* SPDX-License-Identifier: Apache-2.0 */

/* What tests may ask of, and do to, the datapath provider "dummy".
 *
 * It records every set() as text, has the ports that the test gives it, and
 * applies at once or when the test says so.  check() refuses the service that
 * the test named.
 *
 * Threads: main thread. */

#ifndef TPR_DATAPATH_DUMMY_H
#define TPR_DATAPATH_DUMMY_H 1

#include "datapath.h"

void datapath_dummy_add_port(struct datapath *, const char *name,
                             const struct dp_port *);
void datapath_dummy_del_port(struct datapath *, const char *name);
void datapath_dummy_set_connected(struct datapath *, bool connected);
void datapath_dummy_hold(struct datapath *, bool hold);
void datapath_dummy_refuse(const char *service);
unsigned int datapath_dummy_n_sets(const struct datapath *);
const char *datapath_dummy_last(const struct datapath *);

#endif /* datapath-dummy.h */
