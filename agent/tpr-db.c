/* SPDX-License-Identifier: Apache-2.0 */

/* The agent's connection to the TPR database; tpr-db.h says what and why. */

#include <config.h>
#include "tpr-db.h"

#include <limits.h>
#include <stdlib.h>

#include "db-socket.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "ovsdb-idl.h"
#include "timeval.h"
#include "tpr-idl.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(tpr_db);

struct tpr_db {
    struct ovsdb_idl *idl;
    struct db_socket socket;
    unsigned int seqno;         /* Of the contents last seen. */
    long long int contended;    /* time_msec() since when another agent holds
                                 * the lock, 0 if none does, LLONG_MAX once
                                 * that was said. */
};

/* The server may notice the end of a killed agent a little later than the
 * start of the next one. */
enum { CONTENTION_MS = 2000 };

/* The columns that the agent writes. */
static const struct ovsdb_idl_column *const status_columns[] = {
    &tprrec_tpr_col_cur_cfg, &tprrec_tpr_col_version, &tprrec_tpr_col_state,
    &tprrec_tpr_col_since, &tprrec_tpr_col_complaints,
    &tprrec_tpr_col_status, &tprrec_tpr_col_statistics,

    &tprrec_region_col_index, &tprrec_region_col_state,
    &tprrec_region_col_since, &tprrec_region_col_reason,
    &tprrec_region_col_draining, &tprrec_region_col_hold_until,
    &tprrec_region_col_path, &tprrec_region_col_complaint,
    &tprrec_region_col_negotiated, &tprrec_region_col_status,
    &tprrec_region_col_statistics,

    &tprrec_service_col_state, &tprrec_service_col_active,
    &tprrec_service_col_mode, &tprrec_service_col_since,
    &tprrec_service_col_reason, &tprrec_service_col_provider,
    &tprrec_service_col_why, &tprrec_service_col_learned_vip_mac,
    &tprrec_service_col_complaint, &tprrec_service_col_statistics,

    &tprrec_backend_col_index, &tprrec_backend_col_state,
    &tprrec_backend_col_reason, &tprrec_backend_col_since,
    &tprrec_backend_col_check_state, &tprrec_backend_col_resolved_mac,
    &tprrec_backend_col_effective_weight, &tprrec_backend_col_complaint,
    &tprrec_backend_col_agent, &tprrec_backend_col_statistics,

    &tprrec_intent_col_state, &tprrec_intent_col_complaint,
    &tprrec_intent_col_done,
};

/* History is written, and read once at start. */
static void
omit_history_alerts(struct ovsdb_idl *idl)
{
    for (size_t i = 0; i < TPRREC_HISTORY_N_COLUMNS; i++) {
        ovsdb_idl_omit_alert(idl, &tprrec_history_columns[i]);
    }
}

/* Starts following the TPR database at 'remote'. */
struct tpr_db *
tpr_db_create(const char *remote)
{
    struct tpr_db *db = xzalloc(sizeof *db);

    db_socket_init(&db->socket, remote);
    db->idl = ovsdb_idl_create(remote, &tprrec_idl_class, true, true);
    for (size_t i = 0; i < ARRAY_SIZE(status_columns); i++) {
        ovsdb_idl_omit_alert(db->idl, status_columns[i]);
    }
    omit_history_alerts(db->idl);
    ovsdb_idl_set_lock(db->idl, "ovs_tprd");
    ovsdb_idl_verify_write_only(db->idl);
    return db;
}

void
tpr_db_destroy(struct tpr_db *db)
{
    if (db) {
        ovsdb_idl_destroy(db->idl);
        db_socket_uninit(&db->socket);
        free(db);
    }
}

void
tpr_db_run(struct tpr_db *db)
{
    db_socket_run(&db->socket, db->idl);
    ovsdb_idl_run(db->idl);
    if (!ovsdb_idl_is_lock_contended(db->idl)) {
        db->contended = 0;
    } else if (!db->contended) {
        db->contended = time_msec();
    } else if (db->contended != LLONG_MAX
               && time_msec() - db->contended >= CONTENTION_MS) {
        VLOG_WARN("another ovs-tprd acts on this database: waiting until it "
                  "ends");
        db->contended = LLONG_MAX;
    }
}

void
tpr_db_wait(struct tpr_db *db)
{
    ovsdb_idl_wait(db->idl);
    db_socket_wait(&db->socket, db->idl);
    if (db->contended && db->contended != LLONG_MAX) {
        poll_timer_wait_until(db->contended + CONTENTION_MS);
    }
}

/* Returns the database's contents, which 'db' keeps owning. */
struct ovsdb_idl *
tpr_db_idl(const struct tpr_db *db)
{
    return db->idl;
}

bool
tpr_db_connected(const struct tpr_db *db)
{
    return ovsdb_idl_is_connected(db->idl);
}

/* Returns true if this agent is the one that may write. */
bool
tpr_db_locked(const struct tpr_db *db)
{
    return ovsdb_idl_has_lock(db->idl);
}

/* Returns true if another agent acts on the database: then this one must not.
 * While the database is out of reach nobody can tell, and the last
 * configuration stays in force. */
bool
tpr_db_standby(const struct tpr_db *db)
{
    return ovsdb_idl_is_lock_contended(db->idl);
}

/* Returns true if the contents changed since this function last did. */
bool
tpr_db_changed(struct tpr_db *db)
{
    unsigned int seqno = ovsdb_idl_get_seqno(db->idl);

    if (!ovsdb_idl_has_ever_connected(db->idl)
        || !ovsdb_idl_has_lock(db->idl) || seqno == db->seqno) {
        return false;
    }
    db->seqno = seqno;
    return true;
}

/* Returns what ovs-tprctl waits for: the number of the newest
 * configuration. */
int64_t
tpr_db_next_cfg(const struct tpr_db *db)
{
    const struct tprrec_tpr *tpr = tprrec_tpr_first(db->idl);

    return tpr ? tpr->next_cfg : 0;
}
