/* SPDX-License-Identifier: Apache-2.0 */

/* What deleting objects costs, and what it leaves: see objects-bpf.c. */

#ifndef CONFORMANCE_OBJECTS_BPF_H
#define CONFORMANCE_OBJECTS_BPF_H 1

#include "host-bpf.h"

unsigned int objects_run(struct tpr_bpf *, unsigned int *n_tests);

#endif /* objects-bpf.h */
