/* SPDX-License-Identifier: Apache-2.0 */

/* Commands of ovs-tprctl for the configuration as a whole: export, import,
 * diff.
 *
 * The form is a text of commands, one a line, quoted as a shell does, so that
 * people can read, keep and edit it.  An import is part of the transaction:
 * all of it or nothing.
 *
 * Threads: main thread. */

#include <config.h>
#include "tprctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "sset.h"
#include "svec.h"
#include "util.h"

/* export */

/* Appends 'word' to 'ds', quoted where a shell would need it. */
static void
put_word(struct ds *ds, const char *word)
{
    const char *safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                       "0123456789%+,-./:=@_[]";

    if (*word && word[strspn(word, safe)] == '\0') {
        ds_put_cstr(ds, word);
        return;
    }
    ds_put_char(ds, '\'');
    for (; *word; word++) {
        if (*word == '\'') {
            ds_put_cstr(ds, "'\\''");
        } else {
            ds_put_char(ds, *word);
        }
    }
    ds_put_char(ds, '\'');
}

/* Appends " KEY=VALUE" for each key of 'row' that is set, but not those in
 * 'omit', which ends with NULL.  Returns true if there are any. */
static bool
put_keys(struct ds *ds, enum tprctl_kind kind,
         const struct ovsdb_idl_row *row, const char *const *omit)
{
    const char *const *keys = tprctl_keys(kind);
    struct svec words = SVEC_EMPTY_INITIALIZER;
    const char *word;
    size_t i;
    bool any;

    for (i = 0; keys[i]; i++) {
        const char *const *o = omit;

        while (*o && strcmp(*o, keys[i])) {
            o++;
        }
        if (!*o) {
            tprctl_get_key(kind, row, keys[i], &words);
        }
    }
    SVEC_FOR_EACH (i, word, &words) {
        ds_put_char(ds, ' ');
        put_word(ds, word);
    }
    any = !svec_is_empty(&words);
    svec_destroy(&words);
    return any;
}

static void
add_line(struct svec *lines, struct ds *ds)
{
    svec_add(lines, ds_cstr(ds));
    ds_clear(ds);
}

static void
export_settings(struct ctl_context *ctx, struct svec *lines, struct ds *ds)
{
    static const char *const omit[] = { NULL };
    const struct tprrec_tpr *tpr = tprrec_tpr_first(ctx->idl);

    if (!tpr) {
        return;
    }
    ds_put_cstr(ds, "set-option");
    if (put_keys(ds, TPRCTL_TPR, &tpr->header_, omit)) {
        add_line(lines, ds);
    }
    ds_clear(ds);
    for (size_t i = 0; i < tpr->n_notify; i++) {
        ds_put_cstr(ds, "add-notify ");
        put_word(ds, tpr->notify[i]);
        add_line(lines, ds);
    }
}

static void
export_region(const struct tprrec_region *r, struct svec *lines,
              struct ds *ds)
{
    static const char *const region_omit[] = { "port", NULL };
    static const char *const hb_omit[] = { "type", NULL };

    ds_put_cstr(ds, "add-region ");
    put_word(ds, r->name);
    ds_put_char(ds, ' ');
    put_word(ds, r->port);
    put_keys(ds, TPRCTL_REGION, &r->header_, region_omit);
    add_line(lines, ds);
    if (r->heartbeat) {
        ds_put_cstr(ds, "set-heartbeat ");
        put_word(ds, r->name);
        ds_put_format(ds, " %s", r->heartbeat->type);
        put_keys(ds, TPRCTL_HEARTBEAT, &r->heartbeat->header_, hb_omit);
        add_line(lines, ds);
    }
}

static void
export_checks(const char *owner, const struct tprrec_health_check *check,
              const struct tprrec_health_check *agent, struct svec *lines,
              struct ds *ds)
{
    static const char *const omit[] = { "type", NULL };

    if (check) {
        ds_put_cstr(ds, "set-check ");
        put_word(ds, owner);
        ds_put_format(ds, " %s", check->type);
        put_keys(ds, TPRCTL_CHECK, &check->header_, omit);
        add_line(lines, ds);
    }
    if (agent) {
        ds_put_cstr(ds, "set-agent-check ");
        put_word(ds, owner);
        put_keys(ds, TPRCTL_CHECK, &agent->header_, omit);
        add_line(lines, ds);
    }
}

static void
export_service(const struct tprrec_service *s, struct svec *lines,
               struct ds *ds)
{
    static const char *const service_omit[] = { "vip", NULL };
    static const char *const backend_omit[] = { "address", NULL };
    const struct tprrec_backend **backends;
    size_t n = tprctl_backends(s, &backends);

    ds_put_cstr(ds, "add-service ");
    put_word(ds, s->name);
    ds_put_char(ds, ' ');
    put_word(ds, s->vip);
    put_keys(ds, TPRCTL_SERVICE, &s->header_, service_omit);
    add_line(lines, ds);
    export_checks(s->name, s->check, s->agent_check, lines, ds);
    for (size_t i = 0; i < n; i++) {
        const struct tprrec_backend *b = backends[i];
        char *owner = xasprintf("%s/%s", s->name, tprctl_backend_name(b));

        ds_put_cstr(ds, "add-backend ");
        put_word(ds, s->name);
        ds_put_char(ds, ' ');
        put_word(ds, b->region ? b->region->name : "?");
        ds_put_char(ds, ' ');
        put_word(ds, b->address);
        put_keys(ds, TPRCTL_BACKEND, &b->header_, backend_omit);
        add_line(lines, ds);
        export_checks(owner, b->check, b->agent_check, lines, ds);
        free(owner);
    }
    free(backends);
}

/* Appends the commands that make the configuration to 'lines'. */
static void
export_lines(struct ctl_context *ctx, struct svec *lines)
{
    const struct tprrec_service **services;
    const struct tprrec_region **regions;
    struct ds ds = DS_EMPTY_INITIALIZER;
    size_t n;

    export_settings(ctx, lines, &ds);
    n = tprctl_regions(ctx, &regions);
    for (size_t i = 0; i < n; i++) {
        export_region(regions[i], lines, &ds);
    }
    free(regions);
    n = tprctl_services(ctx, &services);
    for (size_t i = 0; i < n; i++) {
        export_service(services[i], lines, &ds);
    }
    free(services);
    ds_destroy(&ds);
}

static void
cmd_export(struct ctl_context *ctx)
{
    struct svec lines = SVEC_EMPTY_INITIALIZER;

    export_lines(ctx, &lines);
    for (size_t i = 0; i < lines.n; i++) {
        ds_put_format(&ctx->output, "%s\n", lines.names[i]);
    }
    svec_destroy(&lines);
}

/* import */

/* Splits 'line' into words as a shell does.  Returns NULL or a sentence. */
static char *
split_line(const char *line, struct svec *words)
{
    struct ds word = DS_EMPTY_INITIALIZER;
    const char *p = line;

    while (p[strspn(p, " \t\r")]) {
        p += strspn(p, " \t\r");
        if (*p == '#') {
            break;
        }
        ds_clear(&word);
        while (*p && !strchr(" \t\r", *p)) {
            if (*p == '\\' && p[1]) {
                ds_put_char(&word, p[1]);
                p += 2;
            } else if (*p == '\'' || *p == '"') {
                const char *end = strchr(p + 1, *p);

                if (!end) {
                    ds_destroy(&word);
                    return xasprintf("there is no closing %c", *p);
                }
                ds_put_buffer(&word, p + 1, end - p - 1);
                p = end + 1;
            } else {
                ds_put_char(&word, *p++);
            }
        }
        svec_add(words, ds_cstr(&word));
    }
    ds_destroy(&word);
    return NULL;
}

/* Notes in 'touched' what the command 'words' is about. */
static void
note_touched(const struct svec *words, struct sset *touched)
{
    const char *command = words->names[0];
    const char *object = words->n > 1 ? words->names[1] : "";

    if (!strcmp(command, "add-backend") && words->n > 2) {
        const char *name = words->names[2];

        for (size_t i = 4; i < words->n; i++) {
            if (!strncmp(words->names[i], "name=", 5)
                && words->names[i][5]) {
                name = words->names[i] + 5;
            }
        }
        sset_add_and_free(touched, xasprintf("add-backend %s/%s", object,
                                             name));
    } else {
        sset_add_and_free(touched, xasprintf("%s %s", command, object));
    }
}

/* Carries out one command of a file.  Returns NULL or a sentence. */
static char *
run_line(struct ctl_context *ctx, const struct svec *words)
{
    struct shash no_options = SHASH_INITIALIZER(&no_options);
    const struct ctl_command_syntax *s = tprctl_config_commands;
    struct ctl_command *commands;
    struct ctl_context sub;
    char *error, **argv;
    size_t n;

    while (s->name && strcmp(s->name, words->names[0])) {
        s++;
    }
    if (!s->name) {
        return xasprintf("\"%s\" is not a command for configuration",
                         words->names[0]);
    }
    argv = xmemdup(words->names, words->n * sizeof *argv);
    error = ctl_parse_commands(words->n, argv, &no_options, &commands, &n);
    shash_destroy(&no_options);
    if (error) {
        free(argv);
        return error;
    }
    ds_init(&commands->output);
    commands->table = NULL;
    ctl_context_init(&sub, commands, ctx->idl, ctx->txn, ctx->symtab, NULL);
    commands->syntax->run(&sub);
    error = nullable_xstrdup(sub.error);
    free(sub.error);
    sub.error = NULL;
    ctl_context_done(&sub, commands);
    ds_destroy(&commands->output);
    shash_destroy_free_data(&commands->options);
    free(commands);
    free(argv);
    return error;
}

/* Reads 'path', "-" for standard input, once: a transaction may be repeated.
 * Ends the program where that fails. */
static const char *
read_file(const char *path)
{
    static struct ds contents = DS_EMPTY_INITIALIZER;
    static char *last;
    FILE *stream;

    if (last && !strcmp(last, path)) {
        return ds_cstr(&contents);
    }
    stream = strcmp(path, "-") ? fopen(path, "r") : stdin;
    if (!stream) {
        ctl_fatal("%s: %s", path, ovs_strerror(errno));
    }
    ds_clear(&contents);
    for (int c; (c = getc(stream)) != EOF;) {
        ds_put_char(&contents, c);
    }
    if (ferror(stream)) {
        ctl_fatal("%s: %s", path, ovs_strerror(errno));
    }
    if (stream != stdin) {
        fclose(stream);
    }
    free(last);
    last = xstrdup(path);
    return ds_cstr(&contents);
}

/* Carries out the commands in 'path'.  Returns false after ctl_error(). */
static bool
run_file(struct ctl_context *ctx, const char *path, struct sset *touched)
{
    char *copy = xstrdup(read_file(path)), *p = copy, *line;
    bool ok = true;

    for (int number = 1; ok && (line = strsep(&p, "\n")); number++) {
        struct svec words = SVEC_EMPTY_INITIALIZER;
        char *error = split_line(line, &words);

        if (!error && words.n) {
            error = run_line(ctx, &words);
            note_touched(&words, touched);
        }
        if (error) {
            ctl_error(ctx, "%s:%d: %s", path, number, error);
            free(error);
            ok = false;
        }
        svec_destroy(&words);
    }
    free(copy);
    return ok;
}

static bool
is_touched(const struct sset *touched, const char *command,
           const char *object)
{
    char *s = xasprintf("%s %s", command, object);
    bool found = sset_contains(touched, s);

    free(s);
    return found;
}

/* Deletes what a replacing import did not name. */
static void
delete_untouched(struct ctl_context *ctx, const struct sset *touched)
{
    const struct tprrec_service *service, *next_service;
    const struct tprrec_region *region, *next_region;

    TPRREC_SERVICE_FOR_EACH_SAFE (service, next_service, ctx->idl) {
        if (!is_touched(touched, "add-service", service->name)) {
            tprctl_delete_service(ctx, service);
            continue;
        }
        if (!is_touched(touched, "set-check", service->name)) {
            tprrec_service_set_check(service, NULL);
        }
        if (!is_touched(touched, "set-agent-check", service->name)) {
            tprrec_service_set_agent_check(service, NULL);
        }
        for (size_t i = service->n_backends; i-- > 0;) {
            const struct tprrec_backend *b = service->backends[i];
            char *name = xasprintf("%s/%s", service->name,
                                   tprctl_backend_name(b));

            if (!is_touched(touched, "add-backend", name)) {
                tprctl_remove_backend(ctx, service, b);
            } else {
                if (!is_touched(touched, "set-check", name)) {
                    tprrec_backend_set_check(b, NULL);
                }
                if (!is_touched(touched, "set-agent-check", name)) {
                    tprrec_backend_set_agent_check(b, NULL);
                }
            }
            free(name);
        }
    }
    TPRREC_REGION_FOR_EACH_SAFE (region, next_region, ctx->idl) {
        if (!is_touched(touched, "add-region", region->name)) {
            tprctl_delete_region(ctx, region);
        } else if (!is_touched(touched, "set-heartbeat", region->name)) {
            tprrec_region_set_heartbeat(region, NULL);
        }
    }
}

/* Imports 'path'.  Objects that stay keep their rows, and with them their
 * state.  Returns false after ctl_error(). */
static bool
import_file(struct ctl_context *ctx, const char *path, bool replace)
{
    struct sset touched = SSET_INITIALIZER(&touched);
    const struct tprrec_tpr *tpr = tprctl_root(ctx);
    bool ok;

    tprctl.importing = true;
    tprctl.replacing = replace;
    tprctl.judge = true;
    if (replace) {
        tprctl_reset_keys(TPRCTL_TPR, &tpr->header_);
        tprrec_tpr_set_notify(tpr, NULL, 0);
    }
    ok = run_file(ctx, path, &touched);
    if (ok && replace) {
        delete_untouched(ctx, &touched);
    }
    tprctl.importing = tprctl.replacing = false;
    sset_destroy(&touched);
    return ok;
}

/* Appends what is different between 'before' and 'after'. */
static bool
put_difference(struct ds *ds, const struct svec *before,
               const struct svec *after)
{
    bool differs = false;

    for (size_t i = 0; i < before->n; i++) {
        if (!svec_contains_unsorted(after, before->names[i])) {
            ds_put_format(ds, "-%s\n", before->names[i]);
            differs = true;
        }
    }
    for (size_t i = 0; i < after->n; i++) {
        if (!svec_contains_unsorted(before, after->names[i])) {
            ds_put_format(ds, "+%s\n", after->names[i]);
            differs = true;
        }
    }
    return differs;
}

/* Imports and prints the difference.  Returns true if there is one. */
static bool
import_and_compare(struct ctl_context *ctx, const char *path, bool replace)
{
    struct svec before = SVEC_EMPTY_INITIALIZER;
    struct svec after = SVEC_EMPTY_INITIALIZER;
    bool differs = false;

    export_lines(ctx, &before);
    if (import_file(ctx, path, replace)) {
        export_lines(ctx, &after);
        differs = put_difference(&ctx->output, &before, &after);
    }
    svec_destroy(&before);
    svec_destroy(&after);
    return differs;
}

/* "import [--replace] FILE"; with --dry-run it says what would change. */
static void
cmd_import(struct ctl_context *ctx)
{
    bool replace = shash_find(&ctx->options, "--replace");

    if (tprctl.dry_run) {
        import_and_compare(ctx, ctx->argv[1], replace);
    } else {
        import_file(ctx, ctx->argv[1], replace);
    }
}

/* "diff FILE": as "--dry-run import --replace", with an exit status. */
static void
cmd_diff(struct ctl_context *ctx)
{
    tprctl.dry_run = true;
    ovsdb_idl_txn_set_dry_run(ctx->txn);
    if (import_and_compare(ctx, ctx->argv[1], true)) {
        tprctl.exit_status = 1;
    }
}

const struct ctl_command_syntax tprctl_export_commands[] = {
    {"export", 0, 0, "", NULL, cmd_export, NULL, "", RO},
    {"import", 1, 1, "FILE", NULL, cmd_import, NULL, "--replace", RW},
    {"diff", 1, 1, "FILE", NULL, cmd_diff, NULL, "", RO},
    {NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, RO},
};
