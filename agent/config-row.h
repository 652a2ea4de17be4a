/* SPDX-License-Identifier: Apache-2.0 */

/* Single rows of the TPR database: judged and turned into objects.
 *
 * Private to config.c, config-row.c and config-check.c.  A 'struct row'
 * collects what is wrong with one row; the functions go on after an error, so
 * that everything that is wrong is said at once.
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

/* Columns; config-row.c documents each. */
void row_reserved(struct row *, const char *column, bool is_set);
void row_duration(struct row *, const char *column, const char *text,
                  long long int min_us, long long int max_us,
                  long long int *value);
void row_interval(struct row *, const char *column, const char *text,
                  long long int *value);
int64_t row_integer(struct row *, const char *column, const int64_t *value,
                    size_t n, int64_t min, int64_t max, int64_t default_);
int row_word(struct row *, const char *column, const char *word,
             const char *const *words, size_t n, int default_);

void row_tpr(struct row *, const struct tprrec_tpr *,
             const struct tpr_config *last_good, struct tpr_config *);
struct tpr_region *row_region(struct row *, const struct tprrec_region *);
struct tpr_service *row_service(struct row *, const struct tprrec_service *);
struct tpr_backend *row_backend(struct row *, const struct tprrec_backend *,
                                const struct tprrec_service *,
                                const struct tpr_service *,
                                struct tpr_region *);

/* config-check.c. */
void row_backend_checks(struct row *, const struct tprrec_backend *,
                        const struct tprrec_service *,
                        const struct tpr_service *, struct tpr_backend *);
void row_service_checks(struct row *, const struct tprrec_service *,
                        const struct tpr_service *);

#endif /* config-row.h */
