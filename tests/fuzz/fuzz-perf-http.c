/* SPDX-License-Identifier: Apache-2.0 */

/* Fuzz target: tpr-perf's parser of HTTP replies.
 *
 * The input is a reply.  It is fed whole and byte by byte; both must agree on
 * everything, and what they say must keep the parser's promises. */

#include <config.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "perf-http.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
require(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* Feeds all of 'data' in pieces and the connection's end; returns how many
 * bytes were used. */
static size_t
feed(struct perf_http *http, const uint8_t *data, size_t n, size_t piece,
     enum perf_http_result *result)
{
    size_t used = 0;

    perf_http_init(http, "X-Served-By", true);
    *result = PERF_HTTP_MORE;
    while (used < n && *result == PERF_HTTP_MORE) {
        size_t take = n - used < piece ? n - used : piece;
        size_t took;

        *result = perf_http_feed(http, data + used, take, &took);
        require(took <= take);
        require(took == take || *result != PERF_HTTP_MORE);
        used += took;
    }
    if (*result == PERF_HTTP_MORE) {
        *result = perf_http_eof(http);
    }
    return used;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct perf_http whole, bytes;
    enum perf_http_result result, result2;
    size_t used = feed(&whole, data, n, n, &result);

    require(used == feed(&bytes, data, n, 1, &result2));
    require(result == result2);
    if (result == PERF_HTTP_BAD) {
        require(whole.error && !strcmp(whole.error, bytes.error));
        require(strcmp(whole.error, "not reachable"));
        return 0;
    }

    require(result == PERF_HTTP_DONE);
    require(whole.status >= 200 && whole.status <= 999);
    require(whole.status == bytes.status);
    require(whole.keepalive == bytes.keepalive);
    require(!strcmp(whole.server, bytes.server));
    for (const char *p = whole.server; *p; p++) {
        require(*p >= 0x20 && *p < 0x7f);
    }
    return 0;
}
