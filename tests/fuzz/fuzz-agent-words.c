/* SPDX-License-Identifier: Apache-2.0 */

/* Fuzzes the parser of agent-check lines: in any portions an input must lead
 * to the same words, and what they are written as must be read as the same. */

#include <config.h>
#include <stdint.h>
#include "agent-words.h"
#include "openvswitch/dynamic-string.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* Feeds 'n' bytes at 'data' in portions of 'portion' bytes. */
static enum agent_line_result
read_line(struct agent_line *line, const uint8_t *data, size_t n,
          size_t portion)
{
    enum agent_line_result result = AGENT_LINE_MORE;

    agent_line_init(line);
    for (size_t i = 0; i < n && result == AGENT_LINE_MORE; i += portion) {
        result = agent_line_feed(line, data + i, MIN(portion, n - i));
    }
    return result;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct agent_line whole, parts;
    enum agent_line_result result = read_line(&whole, data, n, MAX(n, 1));
    struct agent_words words, again;
    struct ds s = DS_EMPTY_INITIALIZER;
    char *error;

    ovs_assert(read_line(&parts, data, n, 1) == result);
    ovs_assert(!strcmp(whole.text, parts.text));
    ovs_assert(read_line(&parts, data, n, n / 2 + 1) == result);
    ovs_assert(!strcmp(whole.text, parts.text));
    ovs_assert(whole.n <= AGENT_LINE_MAX && strlen(whole.text) == whole.n);

    free(agent_words_parse(whole.text, &words));
    ovs_assert(words.percent <= AGENT_PERCENT_MAX);
    ovs_assert(strlen(words.reason) <= AGENT_REASON_MAX);
    ovs_assert(!words.reason[0] || agent_words_is_down(&words));
    ovs_assert(agent_words_weight(&words, 100) <= UINT16_MAX);
    agent_words_put(&words, &s);
    error = agent_words_parse(ds_cstr(&s), &again);
    ovs_assert(!error && agent_words_equal(&words, &again));
    ds_destroy(&s);
    return 0;
}
