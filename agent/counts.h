/* SPDX-License-Identifier: Apache-2.0 */

/* How much backends have to do: connections, packets and bytes, as those count
 * them that carry the services.
 *
 * Several may carry one service (BPF programs and the switch behind them), and
 * one backend's numbers then are the sum.  Plain flows count nothing; what
 * nobody tells is not known, which is not 0.
 *
 * Threads: main thread.  The providers' answers come when they come. */

#ifndef TPR_COUNTS_H
#define TPR_COUNTS_H 1

#include <stddef.h>
#include <stdint.h>

struct agent_view;

/* Names as in dp_answer_func's "counts" (datapath.h). */
#define COUNTS                              \
    COUNT(OPEN, "connections")              \
    COUNT(TOTAL, "total")                   \
    COUNT(PACKETS, "packets")               \
    COUNT(BYTES, "bytes")                   \
    COUNT(REV_PACKETS, "rev_packets")       \
    COUNT(REV_BYTES, "rev_bytes")
enum count {
#define COUNT(ENUM, NAME) COUNT_##ENUM,
    COUNTS
#undef COUNT
    COUNT_N
};
const char *count_name(enum count);

struct counts {
    long long int when_us;      /* When the last one answered. */
    size_t n;                   /* Words that there is room for. */
    int64_t (*by_word)[COUNT_N];        /* -1: not known. */
};

struct counts *counts_create(size_t n);
void counts_destroy(struct counts *);
void counts_add(struct counts *, long long int word, enum count,
                int64_t value);
int64_t counts_get(const struct counts *, long long int word, enum count);

/* Gets 'counts', which it owns from then on. */
typedef void counts_func(void *aux, struct counts *counts);

void counts_ask(const struct agent_view *, counts_func *, void *aux);

#endif /* counts.h */
