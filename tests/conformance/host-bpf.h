/* SPDX-License-Identifier: Apache-2.0 */

/* The BPF programs as hosts of the conformance suite, by BPF_PROG_RUN and
 * without attaching them: see host.h.
 *
 * The -auto hosts are not told how to look at a packet, but go by its
 * addresses, as the programs do in service. */

#ifndef CONFORMANCE_HOST_BPF_H
#define CONFORMANCE_HOST_BPF_H 1

#include "host.h"

struct tpr_bpf;

extern const struct host_ops host_xdp, host_tc, host_xdp_auto, host_tc_auto;

struct tpr_bpf *host_bpf_open(char **error);
void host_bpf_close(void);

#endif /* host-bpf.h */
