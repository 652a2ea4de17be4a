/* SPDX-License-Identifier: Apache-2.0 */

/* The views of show.h, each in two steps: show-json.c makes JSON of what the
 * agent knows, show-text.c prints text from nothing but that JSON.  show.c has
 * the commands.
 *
 * Threads: main thread; show-text.c is pure. */

#ifndef TPR_SHOW_PRIVATE_H
#define TPR_SHOW_PRIVATE_H 1

#include <stddef.h>

struct agent_view;
struct json;

/* show-json.c, which has show_to_json() as well. */
struct json *show_regions_to_json(const struct agent_view *);
struct json *show_services_to_json(const struct agent_view *);
struct json *show_history_to_json(const struct agent_view *, size_t n);

/* show-text.c. */
char *show_text(const struct json *);
char *show_heartbeats_text(const struct json *regions);
char *show_services_text(const struct json *services);
char *show_history_text(const struct json *history);

#endif /* show-private.h */
