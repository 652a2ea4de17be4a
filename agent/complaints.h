/* SPDX-License-Identifier: Apache-2.0 */

/* Complaints by the object that they are about: "Region r1: ...".
 *
 * With thousands of objects and as many complaints nobody can look through all
 * of them for each: an index finds those of one object by bisection.
 *
 * Pure.  Threads: none of its own. */

#ifndef TPR_COMPLAINTS_H
#define TPR_COMPLAINTS_H 1

#include <stddef.h>

struct sset;

struct complaint_index {
    const char **sorted;        /* Sentences, owned by the set. */
    size_t n;
};

void complaint_index_init(struct complaint_index *, const struct sset *);
void complaint_index_destroy(struct complaint_index *);
const char *complaint_index_find(const struct complaint_index *,
                                 const char *prefix);

#endif /* complaints.h */
