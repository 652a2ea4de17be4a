/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* What libbpf says.  It has one function for the whole process that is told
 * everything; this one sorts it by thread.
 *
 *     struct ds said = DS_EMPTY_INITIALIZER;
 *     struct ds *before = tpr_libbpf_listen(&said);
 *     ...calls of libbpf...
 *     tpr_libbpf_listen(before);
 *
 * Threads: any; each hears what it caused itself. */

#ifndef TPR_BPF_LIBBPF_LOG_H
#define TPR_BPF_LIBBPF_LOG_H 1

struct ds;

/* From now on warnings of libbpf in this thread are added to 'said'; NULL:
 * nobody hears them.  Returns what it was before. */
struct ds *tpr_libbpf_listen(struct ds *said);

#endif /* libbpf-log.h */
