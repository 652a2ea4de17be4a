/* SPDX-License-Identifier: Apache-2.0 */

/* Backends that real traffic makes suspect: see suspect-bpf.c. */

#ifndef CONFORMANCE_SUSPECT_BPF_H
#define CONFORMANCE_SUSPECT_BPF_H 1

#include "host-bpf.h"

unsigned int suspect_run(struct tpr_bpf *, unsigned int *n_tests);

#endif /* suspect-bpf.h */
