/* SPDX-License-Identifier: Apache-2.0 */

/* Commands of ovs-appctl that show what the agent knows; show.h says what and
 * why. */

#include <config.h>
#include "show.h"

#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "openvswitch/json.h"
#include "show-private.h"
#include "unixctl.h"
#include "util.h"

/* Parses [--json] [N].  Returns false after an error reply. */
static bool
parse_args(struct unixctl_conn *conn, int argc, const char *argv[],
           bool *json, size_t *n)
{
    *json = false;
    for (int i = 1; i < argc; i++) {
        unsigned int value;

        if (!strcmp(argv[i], "--json")) {
            *json = true;
        } else if (n && str_to_uint(argv[i], 10, &value) && value) {
            *n = value;
        } else {
            char *error = xasprintf("%s: unknown argument; the command takes "
                                    "%s", argv[i], n ? "[--json] [N]"
                                    : "[--json]");

            unixctl_command_reply_error(conn, error);
            free(error);
            return false;
        }
    }
    return true;
}

/* Answers with 'j', as it is or as 'to_text' prints it; frees 'j'. */
static void
reply(struct unixctl_conn *conn, struct json *j, bool json,
      char *(*to_text)(const struct json *))
{
    char *text = json ? json_to_string(j, JSSF_SORT) : to_text(j);

    unixctl_command_reply(conn, text);
    free(text);
    json_destroy(j);
}

static void
show_all(struct unixctl_conn *conn, int argc, const char *argv[],
         void *agent)
{
    struct agent_view v;
    bool json;

    if (parse_args(conn, argc, argv, &json, NULL)) {
        agent_view(agent, &v);
        reply(conn, show_to_json(&v), json, show_text);
    }
}

static void
show_heartbeats(struct unixctl_conn *conn, int argc, const char *argv[],
                void *agent)
{
    struct agent_view v;
    bool json;

    if (parse_args(conn, argc, argv, &json, NULL)) {
        agent_view(agent, &v);
        reply(conn, show_regions_to_json(&v), json, show_heartbeats_text);
    }
}

static void
show_services(struct unixctl_conn *conn, int argc, const char *argv[],
              void *agent)
{
    struct agent_view v;
    bool json;

    if (parse_args(conn, argc, argv, &json, NULL)) {
        agent_view(agent, &v);
        reply(conn, show_services_to_json(&v), json, show_services_text);
    }
}

static void
show_history(struct unixctl_conn *conn, int argc, const char *argv[],
             void *agent)
{
    size_t n = SIZE_MAX;
    struct agent_view v;
    bool json;

    if (parse_args(conn, argc, argv, &json, &n)) {
        agent_view(agent, &v);
        reply(conn, show_history_to_json(&v, n), json, show_history_text);
    }
}

/* Registers the commands that look at 'agent', which must outlive them. */
void
show_init(struct agent *agent)
{
    unixctl_command_register("tpr/show", "[--json]", 0, 1, show_all, agent);
    unixctl_command_register("tpr/heartbeats", "[--json]", 0, 1,
                             show_heartbeats, agent);
    unixctl_command_register("tpr/services", "[--json]", 0, 1, show_services,
                             agent);
    unixctl_command_register("tpr/history", "[--json] [N]", 0, 2,
                             show_history, agent);
}
