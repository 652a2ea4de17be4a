/* SPDX-License-Identifier: Apache-2.0 */

/* Single rows of the TPR database: judged and turned into objects.
 *
 * Private to config.c and config-row.c.  A 'struct row' collects what is wrong
 * with one row; the functions go on after an error, so that everything that
 * is wrong is said at once.
 *
 * Threads: main thread. */

#ifndef TPR_CONFIG_ROW_H
#define TPR_CONFIG_ROW_H 1

#include <stdbool.h>
#include "model.h"
#include "openvswitch/compiler.h"
#include "redirect.h"

struct sset;
struct tprrec_backend;
struct tprrec_health_check;
struct tprrec_region;
struct tprrec_service;
struct tprrec_tpr;

struct row {
    struct sset *complaints;    /* Where sentences go. */
    char *what;                 /* "Region r1". */
    bool kept;                  /* There is a last good form of it. */
    bool bad;                   /* Something is wrong with it. */
};

/* No index yet. */
enum { ROW_NO_INDEX = -1 };

void row_init(struct row *, struct sset *complaints, bool kept,
              const char *what_format, ...)
    OVS_PRINTF_FORMAT(4, 5);
void row_destroy(struct row *);
void row_complain(struct row *, const char *column, const char *format, ...)
    OVS_PRINTF_FORMAT(3, 4);
void row_take_error(struct row *, const char *column, char *error);
void row_refuse(struct row *, char *error);

void row_tpr(struct row *, const struct tprrec_tpr *,
             const struct tpr_config *last_good, struct tpr_config *);
struct tpr_region *row_region(struct row *, const struct tprrec_region *);
struct tpr_service *row_service(struct row *, const struct tprrec_service *);
struct tpr_backend *row_backend(struct row *, const struct tprrec_backend *,
                                const struct tprrec_health_check *,
                                const struct tpr_service *,
                                struct tpr_region *);
void row_service_check(struct row *, const struct tprrec_health_check *,
                       const struct tpr_service *);

#endif /* config-row.h */
