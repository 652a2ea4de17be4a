/* SPDX-License-Identifier: Apache-2.0 */

/* The BPF programs on several processors at once: see threads-bpf.c. */

#ifndef CONFORMANCE_THREADS_BPF_H
#define CONFORMANCE_THREADS_BPF_H 1

#include "host-bpf.h"

unsigned int threads_run(struct tpr_bpf *, unsigned int *n_tests);

#endif /* threads-bpf.h */
