/* SPDX-License-Identifier: Apache-2.0 */

/* The clients that the BPF programs note: see clients-bpf.c. */

#ifndef CONFORMANCE_CLIENTS_BPF_H
#define CONFORMANCE_CLIENTS_BPF_H 1

#include "host-bpf.h"

unsigned int clients_run(struct tpr_bpf *, unsigned int *n_tests);

#endif /* clients-bpf.h */
