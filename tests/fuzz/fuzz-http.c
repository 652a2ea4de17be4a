/* SPDX-License-Identifier: Apache-2.0 */

/* Fuzzes the parser of HTTP replies: whole, byte by byte and in two parts, an
 * input must lead to the same result. */

#include <config.h>
#include <stdint.h>
#include "http.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* Feeds 'n' bytes at 'data' in portions of 'portion' bytes. */
static struct http_reply
parse(const uint8_t *data, size_t n, size_t portion)
{
    struct http_reply reply;

    http_reply_init(&reply);
    for (size_t i = 0; i < n; i += portion) {
        http_reply_feed(&reply, data + i, MIN(portion, n - i));
    }
    http_reply_eof(&reply);
    return reply;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct http_reply whole = parse(data, n, MAX(n, 1));
    struct http_reply bytes = parse(data, n, 1);
    struct http_reply parts = parse(data, n, n / 2 + 1);

    ovs_assert(whole.result != HTTP_REPLY_MORE);
    ovs_assert(whole.result == bytes.result && whole.error == bytes.error
               && whole.status == bytes.status);
    ovs_assert(whole.result == parts.result && whole.error == parts.error
               && whole.status == parts.status);
    ovs_assert(http_reply_rest(&whole) == http_reply_rest(&bytes)
               && http_reply_rest(&whole) == http_reply_rest(&parts));
    ovs_assert(whole.result == HTTP_REPLY_BAD
               ? whole.error != HTTP_ERR_NONE
               : whole.status >= 101 && whole.status <= 999);
    ovs_assert(whole.head_len <= HTTP_MAX_HEAD + 1
               && whole.n_interim <= HTTP_MAX_INTERIM + 1);
    return 0;
}
