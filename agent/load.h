/* SPDX-License-Identifier: Apache-2.0 */

/* How loaded a server is, and what weight that is worth.
 *
 * A curve is a list of points, "50:100,90:10,95:0": up to load 50 the weight
 * is 100 percent, from there it falls in straight lines to 10 at 90 and 0 at
 * 95, where it stays.  What a load is measured in is the metric's: percent of
 * a processor, connections, packets/s.
 *
 * The other functions find figures in what the kernel shows in files.
 *
 * Pure.  Threads: any; no state. */

#ifndef TPR_LOAD_H
#define TPR_LOAD_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LOAD_MAX_POINTS = 16,
    LOAD_MAX_WEIGHT = 1000,     /* Percent. */
};

struct load_curve {
    size_t n;                   /* At least 1. */
    struct load_point {
        uint32_t load;          /* Ascending. */
        uint32_t weight;        /* Percent. */
    } points[LOAD_MAX_POINTS];
};

char *load_curve_parse(const char *, struct load_curve *)
    __attribute__((warn_unused_result));
unsigned int load_curve_weight(const struct load_curve *, double load);

/* What time the processors had, in ticks since boot. */
struct load_ticks {
    uint64_t busy, all;
};
bool load_parse_stat(const char *text, struct load_ticks *);
double load_ticks_percent(const struct load_ticks *before,
                          const struct load_ticks *now);

bool load_parse_cpu_stat(const char *text, uint64_t *usage_us);
double load_parse_cpu_max(const char *text, double n_cpus);
unsigned int load_parse_cpu_list(const char *text);
bool load_parse_net_dev(const char *text, const char *device,
                        uint64_t *rx_packets);

#endif /* load.h */
