/* SPDX-License-Identifier: Apache-2.0 */

/* Copies of what datapath_set() was handed, and whether it has changed.
 *
 * A provider keeps a copy of every service and path and compares it with the
 * next set(): only what differs is work.
 *
 * Pure.  Threads: any; no state. */

#ifndef TPR_DP_COPY_H
#define TPR_DP_COPY_H 1

#include "datapath.h"

bool dp_service_equal(const struct dp_service *, const struct dp_service *);
void dp_service_copy(struct dp_service *, struct dp_target *,
                     const struct dp_service *);
void dp_service_free(struct dp_service *, struct dp_target *);

bool dp_service_same_usable(const struct dp_service *,
                            const struct dp_service *);
bool dp_path_equal(const struct dp_path *, const struct dp_path *);
void dp_path_copy(struct dp_path *, const struct dp_path *);
void dp_path_free(struct dp_path *);

#endif /* dp-copy.h */
