/* SPDX-License-Identifier: Apache-2.0 */

/* Commands about redirects, see ofctl-redirect.h. */

#include <config.h>
#include "ofctl-redirect.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "command-line.h"
#include "ofp-redirect.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/list.h"
#include "openvswitch/ofpbuf.h"
#include "redirect-text.h"
#include "util.h"

/* What the messages of one command have in common. */
struct maker {
    const struct ofputil_port_map *port_map;
    enum ofp_version version;
    struct ovs_list *requests;
};

static void
put(const struct maker *m, struct ofpbuf *request)
{
    ovs_list_push_back(m->requests, &request->list_node);
}

static char *
put_mod(const struct maker *m, enum ofputil_redirect_command command,
        const char *s)
{
    struct ofputil_redirect_mod rm = { .command = command };
    char *error = tpr_redirect_parse(&rm.redirect, s, m->port_map);

    if (!error) {
        put(m, ofputil_encode_redirect_mod(m->version, &rm));
        tpr_redirect_uninit(&rm.redirect);
    }
    return error;
}

static char *
put_file(const struct maker *m, const char *file_name)
{
    bool is_stdin = !strcmp(file_name, "-");
    FILE *stream = is_stdin ? stdin : fopen(file_name, "r");
    struct ds s = DS_EMPTY_INITIALIZER;
    char *error = NULL;
    int line = 0;

    if (!stream) {
        return xasprintf("%s: open failed (%s)", file_name,
                         ovs_strerror(errno));
    }
    while (!error && !ds_get_preprocessed_line(&s, stream, &line)) {
        char *complaint = put_mod(m, OFPRDC_ADD, ds_cstr(&s));

        if (complaint) {
            error = xasprintf("%s:%d: %s", file_name, line, complaint);
            free(complaint);
        }
    }
    if (!is_stdin) {
        fclose(stream);
    }
    ds_destroy(&s);
    return error;
}

static char *
put_liveness(const struct maker *m, const char *s)
{
    struct tpr_liveness_mod lm;
    char *error = tpr_liveness_parse(&lm, s);

    if (!error) {
        put(m, ofputil_encode_liveness_mod(m->version, &lm));
    }
    return error;
}

/* The commands whose argument is an id, by default that of all redirects. */
static char *
put_by_id(const struct maker *m, const char *command, const char *s)
{
    struct ofputil_redirect_mod rm = { .command = OFPRDC_DELETE };
    uint32_t id = OFPRD_ALL;
    char *error = s ? tpr_redirect_id_parse(s, true, &id) : NULL;

    if (error) {
        return error;
    } else if (!strcmp(command, "dump-redirects")) {
        put(m, ofputil_encode_redirect_desc_request(m->version, id));
    } else if (!strcmp(command, "dump-redirect-stats")) {
        put(m, ofputil_encode_redirect_stats_request(m->version, id));
    } else {
        rm.redirect.id = id;
        put(m, ofputil_encode_redirect_mod(m->version, &rm));
    }
    return NULL;
}

char *
ofctl_redirect_requests(const struct ovs_cmdl_context *ctx,
                        const struct ofputil_port_map *port_map,
                        enum ofp_version version, struct ovs_list *requests)
{
    const struct maker m = { port_map, version, requests };
    const char *command = ctx->argv[0];
    const char *arg = ctx->argc > 2 ? ctx->argv[2] : NULL;

    return (!strcmp(command, "add-redirect") ? put_mod(&m, OFPRDC_ADD, arg)
            : !strcmp(command, "mod-redirect")
            ? put_mod(&m, OFPRDC_MODIFY, arg)
            : !strcmp(command, "add-redirects") ? put_file(&m, arg)
            : !strcmp(command, "set-liveness") ? put_liveness(&m, arg)
            : put_by_id(&m, command, arg));
}
