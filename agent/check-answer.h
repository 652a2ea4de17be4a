/* SPDX-License-Identifier: Apache-2.0 */

/* Whether an answer contains what a health check expects.
 *
 * The answer comes in any portions and is not kept, but for its first bytes,
 * which show people what came instead.  What is expected may lie across
 * portions: the search is that of Knuth, Morris and Pratt.
 *
 * Use:
 *     struct check_answer answer;
 *
 *     check_answer_init(&answer, &want);
 *     ...for each portion: check_answer_feed(&answer, &want, data, n);
 *     until it returns other than CHECK_ANSWER_MORE.
 *
 * 'want' is the same bytes each time, not necessarily in the same place.
 *
 * Pure.  Threads: none; an instance belongs to one thread. */

#ifndef TPR_CHECK_ANSWER_H
#define TPR_CHECK_ANSWER_H 1

#include "model.h"

enum {
    CHECK_ANSWER_MAX = 16384,   /* Bytes in which it must be. */
    CHECK_ANSWER_HEAD = 24,     /* Bytes that are shown. */
};

enum check_answer_result {
    CHECK_ANSWER_MORE,          /* Not yet. */
    CHECK_ANSWER_FOUND,
    CHECK_ANSWER_TOO_LONG,      /* Not in the first CHECK_ANSWER_MAX bytes. */
};

struct check_answer {
    uint8_t border[TPR_CHECK_BYTES_MAX];        /* Of each prefix: length of
                                                 * the longest proper prefix
                                                 * that is its suffix. */
    size_t n_found;             /* Bytes of what is expected, so far. */
    size_t n;                   /* Bytes of the answer. */
    uint8_t head[CHECK_ANSWER_HEAD];    /* The first of them. */
};

void check_answer_init(struct check_answer *, const struct tpr_bytes *want);
enum check_answer_result check_answer_feed(struct check_answer *,
                                           const struct tpr_bytes *want,
                                           const void *, size_t n);
void check_answer_show(const struct check_answer *, const char *what,
                       char *clause, size_t size);

#endif /* check-answer.h */
