/* SPDX-License-Identifier: Apache-2.0 */

/* Asks all providers what they have counted; counts.h says what for. */

#include <config.h>
#include "counts.h"

#include <stdlib.h>

#include "agent.h"
#include "datapath.h"
#include "json-get.h"
#include "tpr-time.h"
#include "util.h"

/* A question on its way. */
struct question {
    struct counts *counts;
    unsigned int n_waiting;     /* Providers that have not answered. */
    counts_func *cb;
    void *aux;
};

/* Returns the name of 'count' in providers' answers. */
const char *
count_name(enum count count)
{
    static const char *const names[] = {
#define COUNT(ENUM, NAME) [COUNT_##ENUM] = NAME,
        COUNTS
#undef COUNT
    };

    return names[count];
}

/* Returns counts with room for words 0...'n' - 1, none of them known. */
struct counts *
counts_create(size_t n)
{
    struct counts *counts = xmalloc(sizeof *counts);

    *counts = (struct counts) {
        .n = n, .by_word = xmalloc(MAX(n, 1) * sizeof *counts->by_word),
    };
    for (size_t i = 0; i < n; i++) {
        for (int j = 0; j < COUNT_N; j++) {
            counts->by_word[i][j] = -1;
        }
    }
    return counts;
}

void
counts_destroy(struct counts *counts)
{
    if (counts) {
        free(counts->by_word);
        free(counts);
    }
}

/* Adds 'value' to what is known of 'word'; there may be no such word. */
void
counts_add(struct counts *counts, long long int word, enum count count,
           int64_t value)
{
    if (word >= 0 && word < counts->n) {
        int64_t *sum = &counts->by_word[word][count];

        *sum = MAX(*sum, 0) + value;
    }
}

/* Returns what is known of 'word', or -1; 'counts' may be NULL. */
int64_t
counts_get(const struct counts *counts, long long int word, enum count count)
{
    return (counts && word >= 0 && word < counts->n
            ? counts->by_word[word][count] : -1);
}

static void
finish(struct question *q)
{
    if (!q->n_waiting) {
        q->counts->when_us = tpr_now_us();
        q->cb(q->aux, q->counts);
        free(q);
    }
}

/* A provider has counted, or cannot. */
static void
counted(void *q_, struct json *answer, const char *error OVS_UNUSED)
{
    struct question *q = q_;
    const struct json *list
        = answer ? json_get(answer, "counts", JSON_ARRAY) : NULL;
    const struct json *c;

    JSON_FOR_EACH_ELEM (c, i, list) {
        for (int j = 0; j < COUNT_N; j++) {
            if (json_get(c, count_name(j), JSON_INTEGER)) {
                counts_add(q->counts, json_get_int(c, "word"), j,
                           json_get_int(c, count_name(j)));
            }
        }
    }
    q->n_waiting--;
    finish(q);
}

/* Returns a number that is greater than every liveness word of a backend. */
static size_t
words_end(const struct tpr_config *config)
{
    struct shash_node *node;
    size_t end = 0;

    SHASH_FOR_EACH (node, &config->services) {
        const struct tpr_service *svc = node->data;

        for (size_t i = 0; i < svc->n_backends; i++) {
            end = MAX(end, svc->backends[i]->index + 1);
        }
    }
    return end;
}

/* Asks all providers of 'v'.  'cb' is called with 'aux' exactly once: perhaps
 * during this call, at the latest when the providers are closed. */
void
counts_ask(const struct agent_view *v, counts_func *cb, void *aux)
{
    const struct dp_conn_query query = {
        .region = TPR_NO_WORD, .word = TPR_NO_WORD,
    };
    struct question *q = xmalloc(sizeof *q);
    struct shash_node *node;

    *q = (struct question) {
        .counts = counts_create(v->config ? words_end(v->config) : 0),
        .n_waiting = 1,         /* This function itself. */
        .cb = cb,
        .aux = aux,
    };
    SHASH_FOR_EACH (node, v->bridges) {
        struct datapath *dp = node->data;

        if (dp->class->connections) {
            q->n_waiting++;
            dp->class->connections(dp, &query, counted, q);
        }
    }
    q->n_waiting--;
    finish(q);
}
