/* SPDX-License-Identifier: Apache-2.0 */

/* What services and backends have to do just now, the busiest first:
 * connections, and by two counts (counts.h) some time apart connections,
 * packets and bytes a second, and each backend's share.
 *
 * As in show.h, there is JSON first, and text is made of it.  What nobody
 * counts is left out of the JSON, and "-" in the text.
 *
 * Pure: no socket, clock or OVSDB header.  Threads: main thread. */

#ifndef TPR_TOP_H
#define TPR_TOP_H 1

#include <stdbool.h>

struct counts;
struct json;

/* What to sort by; all but the name with the greatest first. */
#define TOP_KEYS                                \
    TOP_KEY(NEW, "new")                         \
    TOP_KEY(OPEN, "connections")                \
    TOP_KEY(PACKETS, "packets")                 \
    TOP_KEY(BYTES, "bytes")                     \
    TOP_KEY(CPU, "cpu")                         \
    TOP_KEY(NAME, "name")
enum top_key {
#define TOP_KEY(ENUM, NAME) TOP_##ENUM,
    TOP_KEYS
#undef TOP_KEY
};
bool top_key_from_string(const char *, enum top_key *);

struct json *top_make(const struct json *show, const struct counts *before,
                      const struct counts *after, enum top_key);
char *top_text(const struct json *);

#endif /* top.h */
