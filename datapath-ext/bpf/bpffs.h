/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* The BPF file system of this project's, where what outlives a process is
 * pinned.
 *
 * Threads: any. */

#ifndef TPR_BPFFS_H
#define TPR_BPFFS_H 1

#include "openvswitch/compiler.h"

char *tpr_bpffs_mount(const char *dir) OVS_WARN_UNUSED_RESULT;

#endif /* bpffs.h */
