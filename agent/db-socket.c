/* SPDX-License-Identifier: Apache-2.0 */

/* Has a database server come to life?  See db-socket.h. */

#include <config.h>
#include "db-socket.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "openvswitch/poll-loop.h"
#include "ovsdb-idl.h"
#include "timeval.h"
#include "util.h"

enum { LOOK_MS = 200 };         /* Between two looks at the socket. */

/* Looks at the socket; returns true if it is not as it was. */
static bool
look(struct db_socket *s)
{
    struct stat st;
    bool changed;

    if (stat(s->path, &st)) {
        memset(&st, 0, sizeof st);
    }
    changed = (st.st_ino != s->inode
               || st.st_ctim.tv_sec != s->changed.tv_sec
               || st.st_ctim.tv_nsec != s->changed.tv_nsec);
    s->inode = st.st_ino;
    s->changed = st.st_ctim;
    return changed;
}

/* Makes 's' look at 'remote', such as "unix:/run/openvswitch/db.sock". */
void
db_socket_init(struct db_socket *s, const char *remote)
{
    *s = (struct db_socket) { .remote = xstrdup(remote) };
    if (!strncmp(s->remote, "unix:", 5) && !strchr(s->remote, ',')) {
        s->path = s->remote + 5;
        look(s);
    }
}

void
db_socket_uninit(struct db_socket *s)
{
    free(s->remote);
}

/* Returns true, once, if the socket is there and was not before, or is
 * another one. */
bool
db_socket_appeared(struct db_socket *s)
{
    if (!s->path || time_msec() < s->look_ms) {
        return false;
    }
    s->look_ms = time_msec() + LOOK_MS;
    return look(s) && s->inode;
}

/* Has 'idl', which follows the database, connect at once when the socket
 * appears. */
void
db_socket_run(struct db_socket *s, struct ovsdb_idl *idl)
{
    if (!ovsdb_idl_is_connected(idl) && db_socket_appeared(s)) {
        ovsdb_idl_set_remote(idl, NULL, true);
        ovsdb_idl_set_remote(idl, s->remote, true);
    }
}

/* Wakes the poll loop for db_socket_run(). */
void
db_socket_wait(const struct db_socket *s, const struct ovsdb_idl *idl)
{
    if (s->path && !ovsdb_idl_is_connected(idl)) {
        poll_timer_wait_until(s->look_ms);
    }
}
