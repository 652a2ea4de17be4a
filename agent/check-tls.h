/* SPDX-License-Identifier: Apache-2.0 */

/* TLS for health checks: a client on a socket that never blocks.
 *
 * The certificate must be valid and be the server's: for the name in 'sni', or
 * 'host', else for its address.  'verify' off takes any.  What the authorities
 * in 'ca_file', by default the host's, do not vouch for is a miss; a file that
 * cannot be read is our own fault.  A file that changes is read again.
 *
 * Functions return 0, EAGAIN, an errno of the socket, or EPROTO if TLS failed;
 * check_tls_clause() then says why.
 *
 * SIGPIPE must be ignored.  Threads: main thread. */

#ifndef TPR_CHECK_TLS_H
#define TPR_CHECK_TLS_H 1

#include <stddef.h>

struct check_tls;
struct in6_addr;
struct tpr_check;

char *check_tls_open(int fd, const struct tpr_check *,
                     const struct in6_addr *, struct check_tls **)
    __attribute__((warn_unused_result));
void check_tls_close(struct check_tls *);
int check_tls_handshake(struct check_tls *);
int check_tls_send(struct check_tls *, const void *, size_t, size_t *n_sent);
int check_tls_recv(struct check_tls *, void *, size_t, size_t *n_received);
const char *check_tls_clause(const struct check_tls *);

#endif /* check-tls.h */
