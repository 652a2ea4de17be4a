/* SPDX-License-Identifier: Apache-2.0 */

/* Rows of the TPR database become the agent's configuration.
 *
 * A bad row never stops the agent: it is a complaint, one sentence that names
 * table, object, column and value, and the last good form of that object stays
 * in force.  All complaints come at once.  A row that is gone takes its object
 * along.
 *
 * config.c judges the objects against each other (overlapping VIPs, equal
 * priorities, liveness words); config-row.c judges single rows.  Both read
 * the plain structs of tpr-idl.h and call no IDL function, except that
 * config_build() collects the rows: so tests and fuzzers hand in rows of
 * their own by config_build_rows().
 *
 * Threads: main thread. */

#ifndef TPR_ROWS_CONFIG_H
#define TPR_ROWS_CONFIG_H 1

#include <stddef.h>

struct ovsdb_idl;
struct sset;
struct tpr_config;
struct tpr_service;
struct tprrec_intent;
struct tprrec_region;
struct tprrec_service;
struct tprrec_tpr;

/* The rows of a database, in any order. */
struct config_rows {
    const struct tprrec_tpr *tpr;       /* NULL: none yet. */
    const struct tprrec_region **regions;
    size_t n_regions;
    const struct tprrec_service **services;
    size_t n_services;
    const struct tprrec_intent **intents;
    size_t n_intents;
};

/* Judges a service for the datapath: NULL, or a sentence that names the
 * service and is free()d. */
typedef char *config_check_func(const struct tpr_service *, void *aux);

struct tpr_config *config_build(const struct ovsdb_idl *,
                                const struct tpr_config *last_good,
                                config_check_func *, void *aux,
                                struct sset *complaints);
struct tpr_config *config_build_rows(const struct config_rows *,
                                     const struct tpr_config *last_good,
                                     config_check_func *, void *aux,
                                     struct sset *complaints);

#endif /* config.h */
