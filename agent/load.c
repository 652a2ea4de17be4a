/* SPDX-License-Identifier: Apache-2.0 */

/* Loads and weights: see load.h. */

#include <config.h>
#include "load.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "model.h"
#include "util.h"

/* Curves. */

/* Parses "LOAD:WEIGHT", which it changes.  Returns NULL or a sentence. */
static char *
parse_point(char *s, struct load_point *point)
{
    char *colon = strchr(s, ':');
    unsigned long long int load, weight;
    char *error;

    if (!colon) {
        return xasprintf("\"%s\" is not LOAD:WEIGHT", s);
    }
    *colon = '\0';
    error = tpr_parse_unsigned(s, 0, UINT32_MAX, &load);
    if (!error) {
        error = tpr_parse_unsigned(colon + 1, 0, LOAD_MAX_WEIGHT, &weight);
    }
    *colon = ':';
    if (!error) {
        point->load = load;
        point->weight = weight;
    }
    return error;
}

/* Parses 's', a list of points as above, into '*curve'.  Returns NULL or a
 * sentence to be freed. */
char *
load_curve_parse(const char *s, struct load_curve *curve)
{
    char *copy = xstrdup(s), *save = NULL;
    char *error = NULL;

    memset(curve, 0, sizeof *curve);
    for (char *word = strtok_r(copy, ",", &save); word && !error;
         word = strtok_r(NULL, ",", &save)) {
        struct load_point *point = &curve->points[curve->n];

        if (curve->n >= LOAD_MAX_POINTS) {
            error = xasprintf("a curve has at most %d points",
                              LOAD_MAX_POINTS);
            break;
        }
        error = parse_point(word, point);
        if (!error && curve->n && point->load <= point[-1].load) {
            error = xasprintf("loads must ascend, but %"PRIu32" follows "
                              "%"PRIu32, point->load, point[-1].load);
        }
        curve->n++;
    }
    if (!error && !curve->n) {
        error = xstrdup("a curve needs a point, LOAD:WEIGHT");
    }
    free(copy);
    return error;
}

/* Returns the weight, in percent, that 'load' is worth.  One that is not 0 at
 * both ends of a line is not 0 in between. */
unsigned int
load_curve_weight(const struct load_curve *curve, double load)
{
    const struct load_point *p = curve->points;
    double share;

    if (load <= p->load) {
        return p->weight;
    }
    for (size_t i = 1; i < curve->n; i++, p++) {
        if (load < p[1].load) {
            share = (load - p->load) / (p[1].load - (double) p->load);
            return (p->weight + share * ((double) p[1].weight - p->weight)
                    + 0.5);
        }
    }
    return p->weight;
}

/* Files of the kernel. */

/* Finds the times of all processors in 'text', the contents of /proc/stat.
 * Waiting for disks is idleness; time that the hypervisor gave to others is
 * not. */
bool
load_parse_stat(const char *text, struct load_ticks *ticks)
{
    uint64_t user, nice, system, idle, iowait, irq, softirq, steal;

    if (sscanf(text, "cpu %"SCNu64" %"SCNu64" %"SCNu64" %"SCNu64" %"SCNu64
               " %"SCNu64" %"SCNu64" %"SCNu64, &user, &nice, &system, &idle,
               &iowait, &irq, &softirq, &steal) != 8) {
        return false;
    }
    ticks->busy = user + nice + system + irq + softirq + steal;
    ticks->all = ticks->busy + idle + iowait;
    return true;
}

/* Returns how busy the processors were between 'before' and 'now', in percent
 * of all of them. */
double
load_ticks_percent(const struct load_ticks *before,
                   const struct load_ticks *now)
{
    return (now->all > before->all && now->busy > before->busy
            ? MIN(100.0, (100.0 * (now->busy - before->busy)
                          / (now->all - before->all)))
            : 0);
}

/* Finds the time that the processes of a cgroup have had in 'text', the
 * contents of its cpu.stat. */
bool
load_parse_cpu_stat(const char *text, uint64_t *usage_us)
{
    return sscanf(text, "usage_usec %"SCNu64, usage_us) == 1;
}

/* Returns how many processors a cgroup may use, of 'n_cpus', by 'text', the
 * contents of its cpu.max; it may be "". */
double
load_parse_cpu_max(const char *text, double n_cpus)
{
    uint64_t quota, period;

    return (sscanf(text, "%"SCNu64" %"SCNu64, &quota, &period) == 2
            && quota && period
            ? MIN((double) quota / period, n_cpus) : n_cpus);
}

/* Returns how many processors 'text', such as "0-3,8", names; 0 if it makes no
 * sense. */
unsigned int
load_parse_cpu_list(const char *text)
{
    unsigned int n = 0;
    int length;

    do {
        uint16_t first, last;

        if (sscanf(text, "%"SCNu16"%n", &first, &length) != 1) {
            return 0;
        }
        text += length;
        last = first;
        if (*text == '-') {
            if (sscanf(text, "-%"SCNu16"%n", &last, &length) != 1
                || last < first) {
                return 0;
            }
            text += length;
        }
        n += last - first + 1;
    } while (*text++ == ',');
    return n;
}

/* Finds the number of packets that 'device' has received in 'text', the
 * contents of /proc/net/dev. */
bool
load_parse_net_dev(const char *text, const char *device,
                   uint64_t *rx_packets)
{
    size_t n = strlen(device);

    for (const char *p = text; p; p = strchr(p, '\n')) {
        p += strspn(p, " \n");
        if (!strncmp(p, device, n) && p[n] == ':') {
            uint64_t rx_bytes;

            return sscanf(p + n + 1, "%"SCNu64" %"SCNu64, &rx_bytes,
                          rx_packets) == 2;
        }
    }
    return false;
}
