/* SPDX-License-Identifier: Apache-2.0 */

/* The thread that originates packets: it waits for the liveness page to
 * change and then acts on the connections of every backend that has died.
 *
 *   on_down=reset   a RST to the client where it can be sure to be believed
 *                   (RFC 5961 3.2): at the highest sequence number that the
 *                   client was sent, and at its last ACK where that differs.
 *                   From then on each of its packets is answered.
 *   half open       the SYN that was kept goes to the next usable backend.
 *   others          nothing: their next packet finds its own way.
 *
 * The datapath works without it: a client's next packet meets the same fate.
 * Hence it takes its time: after each batch it rests as long as it has worked
 * for that, so that many deaths leave locks and processor to those who
 * forward.
 *
 * Threads: one of its own, an OVS thread.  tpr_dp_handle_deaths() does a round
 * of its work in the caller's thread, for tests. */

#ifndef TPR_REDIRECT_SENDER_H
#define TPR_REDIRECT_SENDER_H 1

#include "redirect-dp.h"

struct tpr_sender;

struct tpr_sender *tpr_sender_create(struct tpr_dp *,
                                     const struct tpr_dp_ops *);
void tpr_sender_destroy(struct tpr_sender *);

#endif /* redirect-sender.h */
