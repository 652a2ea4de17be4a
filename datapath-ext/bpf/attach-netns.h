/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Where the network namespaces of veths' other ends are, by the number that
 * ours has for each.
 *
 * Those with a name (/run/netns) are found at once: they are looked through
 * again whenever names came or went.  To find one without takes a look at
 * every process, a survey; so what was found is remembered, one survey is for
 * all that are missing, there is one a second at most, and what it does not
 * find is not looked for by another for a minute, unless its number becomes
 * another namespace's.
 *
 * Threads: its owner's. */

#ifndef TPR_BPF_ATTACH_NETNS_H
#define TPR_BPF_ATTACH_NETNS_H 1

struct tpr_netns;

/* Is to be called in the network namespace whose numbers are meant. */
struct tpr_netns *tpr_netns_create(void);
void tpr_netns_destroy(struct tpr_netns *);

/* Finds them all.  One that is missing later is looked for by
 * tpr_netns_open(), among a limited number of processes. */
void tpr_netns_survey(struct tpr_netns *);

/* How often it has made a survey. */
unsigned int tpr_netns_surveys(const struct tpr_netns *);

/* Opens the namespace of number 'nsid': a descriptor, or -1 and '*again_ms',
 * when (time_msec()) another call may find it. */
int tpr_netns_open(struct tpr_netns *, int nsid, long long int *again_ms);

#endif /* attach-netns.h */
