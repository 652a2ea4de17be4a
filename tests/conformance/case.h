/* SPDX-License-Identifier: Apache-2.0 */

/* The named cases: text files that say what goes in and what must come out.
 *
 *     case NAME                        begins one; # is a comment
 *     not HOST REASON                  the host cannot do it: skipped
 *     families 4 6                     the cases below run once a family:
 *                                      @c @d clients, @v @w VIPs, @a @b @e
 *                                      backends
 *     table N | pool N | seed N        connections, kept SYNs, the hash's seed
 *                                      (first lines)
 *     redirect id=7 vip=@v proto=tcp port=80 policy=maglev on_down=keep
 *              backend=@a mac=60 output=2 ...  add, or change; one line
 *     refused id=7 ...                 the same, which must be refused
 *     del ID | withdraw PORT
 *     region N STATE | word N STATE | time MS
 *     in PORT MODE PACKET              MODE: a redirect's id, any, reverse
 *     out PORT PACKET | reply PACKET | pass | drop     what became of it;
 *                                      a PACKET that is expected may be
 *                                      "hex DIGITS"
 *     sender N                         the sender's turn: N packets
 *     sent PORT PACKET                 one of them
 *     connections N | counter NAME N
 *     stats ID BACKEND PACKETS REVERSE_PACKETS CONNECTIONS */

#ifndef CONFORMANCE_CASE_H
#define CONFORMANCE_CASE_H 1

#include "host.h"

struct redirect_text {
    struct tpr_redirect r;
    struct tpr_redirect_backend backends[64];
};

const char *redirect_parse(char *text, struct redirect_text *);
void case_run_file(const char *path, const struct host_ops *,
                   unsigned int *n_tests, unsigned int *n_failed);
int random_run(const struct host_ops *, uint64_t packets, uint32_t seed);

#endif /* case.h */
