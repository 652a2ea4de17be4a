/* SPDX-License-Identifier: Apache-2.0 */

/* Whether an answer contains what is expected: see check-answer.h. */

#include <config.h>
#include "check-answer.h"

#include <string.h>
#include "openvswitch/dynamic-string.h"
#include "util.h"

/* Makes 'a' wait for 'want'.  If that is empty, any answer will do. */
void
check_answer_init(struct check_answer *a, const struct tpr_bytes *want)
{
    size_t k = 0;

    ovs_assert(want->n <= TPR_CHECK_BYTES_MAX);
    memset(a, 0, sizeof *a);
    for (size_t i = 1; i < want->n; i++) {
        while (k && want->data[k] != want->data[i]) {
            k = a->border[k - 1];
        }
        k += want->data[k] == want->data[i];
        a->border[i] = k;
    }
}

/* Should be called for each portion of the answer, 'n' bytes at 'data'. */
enum check_answer_result
check_answer_feed(struct check_answer *a, const struct tpr_bytes *want,
                  const void *data, size_t n)
{
    const uint8_t *p = data;

    if (!want->n) {
        return CHECK_ANSWER_FOUND;
    }
    for (size_t i = 0; i < n; i++) {
        if (a->n >= CHECK_ANSWER_MAX) {
            return CHECK_ANSWER_TOO_LONG;
        }
        if (a->n < CHECK_ANSWER_HEAD) {
            a->head[a->n] = p[i];
        }
        a->n++;
        while (a->n_found && want->data[a->n_found] != p[i]) {
            a->n_found = a->border[a->n_found - 1];
        }
        a->n_found += want->data[a->n_found] == p[i];
        if (a->n_found == want->n) {
            return CHECK_ANSWER_FOUND;
        }
    }
    return CHECK_ANSWER_MORE;
}

/* Stores 'what' in 'clause', which has 'size' bytes, followed by what came
 * instead, if anything. */
void
check_answer_show(const struct check_answer *a, const char *what,
                  char *clause, size_t size)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    ds_put_cstr(&s, what);
    if (a->n) {
        ds_put_cstr(&s, ": \"");
        tpr_put_escaped(&s, a->head, MIN(a->n, CHECK_ANSWER_HEAD));
        ds_put_cstr(&s, a->n > CHECK_ANSWER_HEAD ? "\"..." : "\"");
    }
    ovs_strlcpy(clause, ds_cstr(&s), size);
    ds_destroy(&s);
}
