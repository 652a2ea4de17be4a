/* SPDX-License-Identifier: Apache-2.0 */

/* The agent's connection to the TPR database.
 *
 * Only one agent may act on a database: the OVSDB lock "ovs_tprd" decides
 * which.  Columns that the agent itself writes raise no alarm, so that its own
 * status does not look like a new configuration.
 *
 * Threads: main thread. */

#ifndef TPR_DB_H
#define TPR_DB_H 1

#include <stdbool.h>
#include <stdint.h>

struct ovsdb_idl;
struct tpr_db;

struct tpr_db *tpr_db_create(const char *remote);
void tpr_db_destroy(struct tpr_db *);
void tpr_db_run(struct tpr_db *);
void tpr_db_wait(struct tpr_db *);

struct ovsdb_idl *tpr_db_idl(const struct tpr_db *);
bool tpr_db_connected(const struct tpr_db *);
bool tpr_db_locked(const struct tpr_db *);
bool tpr_db_standby(const struct tpr_db *);
bool tpr_db_changed(struct tpr_db *);
int64_t tpr_db_next_cfg(const struct tpr_db *);

#endif /* tpr-db.h */
