/* SPDX-License-Identifier: Apache-2.0 */

/* What tpr-perf is told on its command line, word by word.
 *
 * Each function returns NULL and stores the value, or returns a sentence,
 * which the caller frees, and stores nothing.  Pure.  Threads: any. */

#ifndef TPR_PERF_ARGS_H
#define TPR_PERF_ARGS_H 1

#include <stdbool.h>
#include <stdint.h>

/* A time with its unit, in nanoseconds: "5ms", "1.5s", "500us", "250ns",
 * "2min".  A bare number is refused, for it could be anything. */
char *perf_parse_time(const char *word, int64_t *ns)
    __attribute__((warn_unused_result));

/* A whole number from 'min' to 'max'; 'what' names it in the sentence. */
char *perf_parse_number(const char *what, const char *word, uint64_t min,
                        uint64_t max, uint64_t *number)
    __attribute__((warn_unused_result));

/* A rate a second: "1000", "0.5", "200/s". */
char *perf_parse_rate(const char *word, double *rate)
    __attribute__((warn_unused_result));

/* Is 'word' a header line, "Name: value"? */
char *perf_check_header(const char *word)
    __attribute__((warn_unused_result));

/* "http://HOST[:PORT][/PATH]"; IPv6 addresses in brackets. */
struct perf_url {
    char host[256];             /* Without brackets, maybe "%zone". */
    char port[6];               /* Decimal; "80" by default. */
    char authority[300];        /* For "Host:"; without zone. */
    const char *path;           /* In the word itself; "/" by default. */
};
char *perf_parse_url(const char *word, struct perf_url *url)
    __attribute__((warn_unused_result));

#endif /* tools/perf-args.h */
