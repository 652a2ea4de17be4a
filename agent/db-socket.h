/* SPDX-License-Identifier: Apache-2.0 */

/* Has a database server come to life?
 *
 * An OVSDB connection that failed backs off, to 8 s in the end.  A server on
 * this host says earlier that it is there: its socket appears, or is another
 * file than before.  Whoever follows a database asks db_socket_appeared() in
 * each turn of its loop, and connects at once when it says so.
 *
 * Remotes that are no sockets of this host never appear: these have the
 * back-off alone.
 *
 * Threads: the caller's. */

#ifndef TPR_DB_SOCKET_H
#define TPR_DB_SOCKET_H 1

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

struct ovsdb_idl;

struct db_socket {
    char *remote;
    const char *path;           /* In 'remote'; NULL: no local socket. */
    ino_t inode;                /* When last seen; 0: not there. */
    struct timespec changed;
    long long int look_ms;      /* Next look. */
};

void db_socket_init(struct db_socket *, const char *remote);
void db_socket_uninit(struct db_socket *);
bool db_socket_appeared(struct db_socket *);
void db_socket_run(struct db_socket *, struct ovsdb_idl *);
void db_socket_wait(const struct db_socket *, const struct ovsdb_idl *);

#endif /* db-socket.h */
