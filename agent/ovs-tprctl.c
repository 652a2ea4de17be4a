/* SPDX-License-Identifier: Apache-2.0 */

/* ovs-tprctl: the tool for the TPR database, as ovs-vsctl is for
 * Open_vSwitch.
 *
 * All commands of one call make one transaction.  Before it is committed, the
 * rows are judged as the agent would; afterwards the tool waits until the
 * agent has carried the change out.
 *
 * Threads: main thread. */

#include <config.h>
#include "tprctl.h"

#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command-line.h"
#include "config.h"
#include "fatal-signal.h"
#include "model.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "ovsdb-data.h"
#include "ovsdb-idl.h"
#include "lib/process.h"
#include "sset.h"
#include "stream.h"
#include "stream-ssl.h"
#include "lib/table.h"
#include "timeval.h"
#include "tpr-config.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(tprctl);

struct tprctl tprctl;

/* --db. */
static const char *db;

/* --oneline. */
static bool oneline;

/* Negated by --no-wait: wait for the agent. */
static bool wait_for_agent = true;

/* --timeout, in seconds; 0: for ever. */
static unsigned int timeout;

/* --retry: keep trying to connect. */
static bool retry;

static int leader_only = true;
static int shuffle_remotes = true;
static struct table_style table_style = TABLE_STYLE_DEFAULT;

/* For tprctl_exit() only. */
static struct ovsdb_idl *the_idl;
static struct ovsdb_idl_txn *the_idl_txn;

/* Ends the program; ctl_fatal() comes here. */
OVS_NO_RETURN static void
tprctl_exit(int status)
{
    if (the_idl_txn) {
        ovsdb_idl_txn_abort(the_idl_txn);
        ovsdb_idl_txn_destroy(the_idl_txn);
    }
    ovsdb_idl_destroy(the_idl);
    exit(status);
}

OVS_NO_RETURN static void
usage(void)
{
    printf("\
%s: configures transparent packet redirection\n\
usage: %s [OPTIONS] COMMAND [ARG...] [-- COMMAND [ARG...]]...\n\
\n\
Looking:\n\
  show                        what there is and how it is\n\
  status [-q]                 one line; exit status 0 OK, 1 degraded,\n\
                              2 failed, 3 unknown\n\
  history [--limit=N]         every transition, the newest last\n\
  top [--interval=TIME] [--sort=KEY] [--count=N]\n\
                              who has how much to do, over and over; on the\n\
                              agent's host\n\
\n\
Regions:\n\
  add-region REGION PORT [KEY=VALUE]...\n\
  set-region REGION KEY=VALUE...\n\
  del-region [--cascade] REGION\n\
  list-regions\n\
  set-heartbeat REGION bfd|icmp|link [KEY=VALUE]...\n\
  del-heartbeat REGION\n\
\n\
Services:\n\
  add-service SERVICE VIP [KEY=VALUE]...\n\
  set-service SERVICE KEY=VALUE...\n\
  del-service SERVICE\n\
  list-services\n\
  add-backend SERVICE REGION ADDRESS[:PORT] [KEY=VALUE]...\n\
  set-backend SERVICE/BACKEND KEY=VALUE...\n\
  del-backend SERVICE REGION|NAME\n\
  list-backends [SERVICE]\n\
  set-check SERVICE[/BACKEND] http|https|tcp|udp|icmp [KEY=VALUE]...\n\
  del-check SERVICE[/BACKEND]\n\
  set-agent-check SERVICE[/BACKEND] port=PORT [KEY=VALUE]...\n\
  del-agent-check SERVICE[/BACKEND]\n\
\n\
Steering:\n\
  drain REGION|SERVICE/BACKEND    no new connections\n\
  undrain REGION|SERVICE/BACKEND\n\
  failover SERVICE REGION         use this region\n\
  failback SERVICE                use the best one again\n\
  bypass on|off                   take all flows out of the switch\n\
  [--for DURATION | --until TIME] [--reason TEXT] [--wait]\n\
\n\
The whole:\n\
  init                        make the database's first row\n\
  set-option KEY=VALUE...     settings of the agent\n\
  add-notify PATH, del-notify PATH\n\
  export                      print the commands that make the configuration\n\
  import [--replace] FILE     carry them out\n\
  diff FILE                   what import --replace would change\n\
\n\
%s\
%s\
\n\
Options:\n\
  --db=DATABASE               connect to DATABASE\n\
                              (default: %s)\n\
  --no-wait                   do not wait for ovs-tprd to carry it out\n\
  --retry                     keep trying to connect to server forever\n\
  -t, --timeout=SECS          wait at most SECS seconds\n\
  --dry-run                   do not commit changes to database\n\
  --oneline                   print exactly one line of output per command\n",
           program_name, program_name, ctl_get_db_cmd_usage(),
           ctl_list_db_tables_usage(), ctl_default_db());
    table_usage();
    vlog_usage();
    stream_usage("database", true, true, true);
    printf("\n\
Other options:\n\
  -h, --help                  display this help message\n\
  -V, --version               display version information\n");
    exit(EXIT_SUCCESS);
}

/* Options. */

enum {
    OPT_DB = UCHAR_MAX + 1,
    OPT_ONELINE,
    OPT_NO_SYSLOG,
    OPT_NO_WAIT,
    OPT_DRY_RUN,
    OPT_BOOTSTRAP_CA_CERT,
    OPT_PEER_CA_CERT,
    OPT_LOCAL,
    OPT_RETRY,
    OPT_COMMANDS,
    OPT_OPTIONS,
    VLOG_OPTION_ENUMS,
    TABLE_OPTION_ENUMS,
    SSL_OPTION_ENUMS,
};

static const struct option global_long_options[] = {
    {"db", required_argument, NULL, OPT_DB},
    {"no-syslog", no_argument, NULL, OPT_NO_SYSLOG},
    {"no-wait", no_argument, NULL, OPT_NO_WAIT},
    {"dry-run", no_argument, NULL, OPT_DRY_RUN},
    {"oneline", no_argument, NULL, OPT_ONELINE},
    {"timeout", required_argument, NULL, 't'},
    {"retry", no_argument, NULL, OPT_RETRY},
    {"help", no_argument, NULL, 'h'},
    {"commands", no_argument, NULL, OPT_COMMANDS},
    {"options", no_argument, NULL, OPT_OPTIONS},
    {"leader-only", no_argument, &leader_only, true},
    {"no-leader-only", no_argument, &leader_only, false},
    {"shuffle-remotes", no_argument, &shuffle_remotes, true},
    {"no-shuffle-remotes", no_argument, &shuffle_remotes, false},
    {"version", no_argument, NULL, 'V'},
    VLOG_LONG_OPTIONS,
    TABLE_LONG_OPTIONS,
    STREAM_SSL_LONG_OPTIONS,
    {"bootstrap-ca-cert", required_argument, NULL, OPT_BOOTSTRAP_CA_CERT},
    {"peer-ca-cert", required_argument, NULL, OPT_PEER_CA_CERT},
    {NULL, 0, NULL, 0},
};

static void
handle_option(int c, const struct option *option,
              struct shash *local_options)
{
    switch (c) {
    case OPT_DB:
        db = optarg;
        break;

    case OPT_ONELINE:
        oneline = true;
        break;

    case OPT_NO_SYSLOG:
        vlog_set_levels(&this_module, VLF_SYSLOG, VLL_WARN);
        break;

    case OPT_NO_WAIT:
        wait_for_agent = false;
        break;

    case OPT_DRY_RUN:
        tprctl.dry_run = true;
        break;

    case OPT_LOCAL: {
        char *name = xasprintf("--%s", option->name);

        if (shash_find(local_options, name)) {
            ctl_fatal("'%s' option specified multiple times", name);
        }
        shash_add_nocopy(local_options, name, nullable_xstrdup(optarg));
        break;
    }

    case 'h':
        usage();

    case OPT_COMMANDS:
        ctl_print_commands();
        exit(EXIT_SUCCESS);

    case OPT_OPTIONS:
        ctl_print_options(global_long_options);
        exit(EXIT_SUCCESS);

    case 'V':
        ovs_print_version(0, 0);
        printf("DB Schema %s\n", tprrec_get_db_version());
        exit(EXIT_SUCCESS);

    case 't':
        if (!str_to_uint(optarg, 10, &timeout) || !timeout) {
            ctl_fatal("value %s on -t or --timeout is invalid", optarg);
        }
        break;

    case OPT_RETRY:
        retry = true;
        break;

    VLOG_OPTION_HANDLERS
    TABLE_OPTION_HANDLERS(&table_style)

    STREAM_SSL_OPTION_HANDLERS

    case OPT_PEER_CA_CERT:
        stream_ssl_set_peer_ca_cert_file(optarg);
        break;

    case OPT_BOOTSTRAP_CA_CERT:
        stream_ssl_set_ca_cert_file(optarg, true);
        break;

    case '?':
        exit(EXIT_FAILURE);

    case 0:
        break;

    default:
        abort();
    }
}

/* Parses the global options and those of the first command. */
static void
parse_options(int argc, char *argv[], struct shash *local_options)
{
    const size_t n_global = ARRAY_SIZE(global_long_options) - 1;
    size_t n_options = n_global;
    size_t allocated_options = ARRAY_SIZE(global_long_options);
    char *tmp, *short_options;
    struct option *options;

    tmp = ovs_cmdl_long_options_to_short_options(global_long_options);
    short_options = xasprintf("+%s", tmp);
    free(tmp);
    options = xmemdup(global_long_options, sizeof global_long_options);
    ctl_add_cmd_options(&options, &n_options, &allocated_options, OPT_LOCAL);
    for (;;) {
        int idx = 0;
        int c = getopt_long(argc, argv, short_options, options, &idx);

        if (c == -1) {
            break;
        }
        handle_option(c, &options[idx], local_options);
    }
    free(short_options);
    if (!db) {
        db = ctl_default_db();
    }
    for (size_t i = n_global; options[i].name; i++) {
        free(CONST_CAST(char *, options[i].name));
    }
    free(options);
    tprctl.json = table_style.format == TF_JSON;
    tprctl.json_flags = table_style.json_flags;
}

/* Judgement. */

/* Removes the consequence, "(left out)", from the end of 'sentence'. */
static char *
without_consequence(const char *sentence)
{
    const char *paren = strrchr(sentence, '(');

    return (paren && paren > sentence
            ? xmemdup0(sentence, paren - 1 - sentence)
            : xstrdup(sentence));
}

/* Returns the configuration of the rows as they are now, and what is wrong
 * with them in 'complaints'. */
static struct tpr_config *
judge(struct ovsdb_idl *idl, const struct tpr_config *before,
      struct sset *complaints)
{
    struct sset raw = SSET_INITIALIZER(&raw);
    struct tpr_config *config;
    const char *s;

    config = config_build(idl, before, NULL, NULL, &raw);
    SSET_FOR_EACH (s, &raw) {
        sset_add_and_free(complaints, without_consequence(s));
    }
    sset_destroy(&raw);
    return config;
}

/* Ends the program if the rows have got worse than 'old_complaints'. */
static void
refuse_complaints(struct ovsdb_idl *idl, const struct tpr_config *before,
                  const struct sset *old_complaints)
{
    struct sset complaints = SSET_INITIALIZER(&complaints);
    struct ds ds = DS_EMPTY_INITIALIZER;
    const char **sorted;

    tpr_config_destroy(judge(idl, before, &complaints));
    sorted = sset_sort(&complaints);
    for (size_t i = 0; i < sset_count(&complaints); i++) {
        if (!sset_contains(old_complaints, sorted[i])) {
            ds_put_format(&ds, "%s%s", ds.length ? "\n" : "", sorted[i]);
        }
    }
    free(sorted);
    sset_destroy(&complaints);
    if (ds.length) {
        ctl_fatal("%s", ds_cstr(&ds));
    }
    ds_destroy(&ds);
}

/* The transaction. */

/* Returns the row of table TPR; makes it if there is none. */
const struct tprrec_tpr *
tprctl_root(struct ctl_context *ctx)
{
    const struct tprrec_tpr *tpr = tprrec_tpr_first(ctx->idl);

    return tpr ? tpr : tprrec_tpr_insert(ctx->txn);
}

static void
run_prerequisites(struct ctl_command *commands, size_t n,
                  struct ovsdb_idl *idl)
{
    for (size_t i = 0; i < n; i++) {
        struct ctl_command *c = &commands[i];
        struct ctl_context ctx;

        if (!c->syntax->prerequisites) {
            continue;
        }
        ds_init(&c->output);
        c->table = NULL;
        ctl_context_init(&ctx, c, idl, NULL, NULL, NULL);
        c->syntax->prerequisites(&ctx);
        if (ctx.error) {
            ctl_fatal("%s", ctx.error);
        }
        ctl_context_done(&ctx, c);
    }
}

static void
check_symbols(const struct ovsdb_symbol_table *symtab)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &symtab->sh) {
        const struct ovsdb_symbol *symbol = node->data;

        if (!symbol->created) {
            ctl_fatal("row id \"%s\" is referenced but never created (e.g. "
                      "with \"-- --id=%s create ...\")",
                      node->name, node->name);
        }
    }
}

/* Runs the commands.  Returns false if they are to be tried again. */
static bool
run_commands(struct ctl_command *commands, size_t n, struct ovsdb_idl *idl,
             struct ovsdb_idl_txn *txn, struct ovsdb_symbol_table *symtab)
{
    struct sset complaints = SSET_INITIALIZER(&complaints);
    struct tpr_config *before = judge(idl, NULL, &complaints);
    struct ctl_context ctx;
    bool again = false;

    tprctl.judge = false;
    tprctl.n_await = 0;
    for (size_t i = 0; i < n; i++) {
        ds_init(&commands[i].output);
        commands[i].table = NULL;
    }
    ctl_context_init(&ctx, NULL, idl, txn, symtab, NULL);
    for (size_t i = 0; i < n && !again; i++) {
        struct ctl_command *c = &commands[i];

        ctl_context_init_command(&ctx, c, false);
        if (c->syntax->run) {
            c->syntax->run(&ctx);
        }
        if (ctx.error) {
            ctl_fatal("%s", ctx.error);
        }
        ctl_context_done_command(&ctx, c);
        again = ctx.try_again;
    }
    ctl_context_done(&ctx, NULL);
    if (!again) {
        check_symbols(symtab);
        if (tprctl.judge) {
            refuse_complaints(idl, before, &complaints);
        }
    }
    tpr_config_destroy(before);
    sset_destroy(&complaints);
    return !again;
}

static void
run_postprocess(struct ctl_command *commands, size_t n, struct ovsdb_idl *idl,
                struct ovsdb_idl_txn *txn, struct ovsdb_symbol_table *symtab)
{
    for (size_t i = 0; i < n; i++) {
        struct ctl_command *c = &commands[i];
        struct ctl_context ctx;

        if (c->syntax->postprocess) {
            ctl_context_init(&ctx, c, idl, txn, symtab, NULL);
            c->syntax->postprocess(&ctx);
            if (ctx.error) {
                ctl_fatal("%s", ctx.error);
            }
            ctl_context_done(&ctx, c);
        }
    }
}

static void
print_oneline(struct ds *ds)
{
    ds_chomp(ds, '\n');
    for (size_t i = 0; i < ds->length; i++) {
        if (ds->string[i] == '\n') {
            fputs("\\n", stdout);
        } else if (ds->string[i] == '\\') {
            fputs("\\\\", stdout);
        } else {
            putchar(ds->string[i]);
        }
    }
    putchar('\n');
}

static void
print_output(struct ctl_command *commands, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct ctl_command *c = &commands[i];

        if (c->table) {
            table_print(c->table, &table_style);
        } else if (oneline) {
            print_oneline(&c->output);
        } else {
            fputs(ds_cstr(&c->output), stdout);
        }
        fflush(stdout);
    }
}

static void
free_output(struct ctl_command *commands, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ds_destroy(&commands[i].output);
        table_destroy(commands[i].table);
        free(commands[i].table);
    }
}

/* Waiting. */

/* Returns true if every intent of --wait has been carried out. */
static bool
intents_are_done(struct ovsdb_idl *idl, const struct uuid *uuids, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct tprrec_intent *intent
            = tprrec_intent_get_for_uuid(idl, &uuids[i]);

        if (!intent) {
            continue;           /* Carried out and gone. */
        }
        if (intent->state && !strcmp(intent->state, "refused")) {
            ctl_fatal("%s %s: %s", intent->kind, intent->object,
                      intent->complaint ? intent->complaint : "refused");
        }
        if (!intent->state || strcmp(intent->state, "done")) {
            return false;
        }
    }
    return true;
}

static bool
agent_is_done(struct ovsdb_idl *idl, int64_t next_cfg)
{
    const struct tprrec_tpr *tpr = tprrec_tpr_first(idl);

    return tpr && tpr->cur_cfg >= next_cfg;
}

/* Waits until the agent has seen the transaction and done what --wait asks
 * for. */
static void
wait_until_done(struct ovsdb_idl *idl, struct ovsdb_idl_txn *txn,
                int64_t next_cfg)
{
    size_t n = tprctl.n_await;
    struct uuid *uuids = xcalloc(MAX(n, 1), sizeof *uuids);

    for (size_t i = 0; i < n; i++) {
        uuids[i] = *ovsdb_idl_txn_get_insert_uuid(txn, tprctl.await[i]);
    }
    ovsdb_idl_enable_reconnect(idl);
    for (;;) {
        ovsdb_idl_run(idl);
        if (agent_is_done(idl, next_cfg) && intents_are_done(idl, uuids, n)) {
            break;
        }
        ovsdb_idl_wait(idl);
        poll_block();
    }
    free(uuids);
}

/* Tries the whole transaction once.  Returns false if it is to be tried again
 * with a new view of the database. */
static bool
do_tprctl(const char *args, struct ctl_command *commands, size_t n,
          struct ovsdb_idl *idl)
{
    struct ovsdb_symbol_table *symtab = ovsdb_symbol_table_create();
    const struct tprrec_tpr *tpr = tprrec_tpr_first(idl);
    enum ovsdb_idl_txn_status status = TXN_TRY_AGAIN;
    bool wait = wait_for_agent;
    struct ovsdb_idl_txn *txn;
    int64_t next_cfg = 0;

    txn = the_idl_txn = ovsdb_idl_txn_create(idl);
    if (tprctl.dry_run) {
        ovsdb_idl_txn_set_dry_run(txn);
    }
    ovsdb_idl_txn_add_comment(txn, "ovs-tprctl: %s", args);
    if (!tpr && ctl_might_write_to_db(commands, n)) {
        tpr = tprrec_tpr_insert(txn);
    }
    if (tpr) {
        ovsdb_idl_txn_increment(txn, &tpr->header_, &tprrec_tpr_col_next_cfg,
                                false);
    }
    if (run_commands(commands, n, idl, txn, symtab)) {
        if (tprrec_tpr_first(idl) != tpr) {
            ctl_fatal("the row of table TPR cannot be destroyed: an empty "
                      "configuration is made by \"import --replace "
                      "/dev/null\"");
        }
        status = ovsdb_idl_txn_commit_block(txn);
    }
    if (status == TXN_SUCCESS) {
        next_cfg = tpr ? ovsdb_idl_txn_get_increment_new_value(txn) : 0;
    }
    if (status == TXN_SUCCESS || status == TXN_UNCHANGED) {
        run_postprocess(commands, n, idl, txn, symtab);
        print_output(commands, n);
        if (status == TXN_SUCCESS && !tprctl.dry_run
            && (wait || tprctl.n_await)) {
            wait_until_done(idl, txn, next_cfg);
        }
    } else if (status != TXN_TRY_AGAIN) {
        ctl_fatal("transaction error: %s", ovsdb_idl_txn_get_error(txn));
    } else {
        ovsdb_idl_txn_abort(txn);
    }
    ovsdb_idl_txn_destroy(txn);
    the_idl_txn = NULL;
    ovsdb_symbol_table_destroy(symtab);
    free_output(commands, n);
    return status != TXN_TRY_AGAIN;
}

static const struct ctl_table_class tables[TPRREC_N_TABLES] = {
    [TPRREC_TABLE_REGION].row_ids[0] = {&tprrec_region_col_name, NULL, NULL},
    [TPRREC_TABLE_SERVICE].row_ids[0] = {&tprrec_service_col_name, NULL,
                                         NULL},
    [TPRREC_TABLE_BACKEND].row_ids[0] = {&tprrec_backend_col_name, NULL,
                                         NULL},
    [TPRREC_TABLE_HEARTBEAT].row_ids[0]
    = {&tprrec_region_col_name, NULL, &tprrec_region_col_heartbeat},
    [TPRREC_TABLE_HEALTH_CHECK].row_ids[0]
    = {&tprrec_service_col_name, NULL, &tprrec_service_col_check},
    [TPRREC_TABLE_INTENT].row_ids[0] = {&tprrec_intent_col_object, NULL,
                                        NULL},
    [TPRREC_TABLE_HISTORY].row_ids[0] = {&tprrec_history_col_seq, NULL, NULL},
};

static struct ovsdb_idl *
connect_to_database(void)
{
    struct ovsdb_idl *idl;

    idl = the_idl = ovsdb_idl_create_unconnected(&tprrec_idl_class, true);
    ovsdb_idl_set_shuffle_remotes(idl, shuffle_remotes);
    ovsdb_idl_set_remote(idl, db, retry);
    ovsdb_idl_set_leader_only(idl, leader_only);
    ovsdb_idl_set_db_change_aware(idl, false);
    return idl;
}

int
main(int argc, char *argv[])
{
    struct shash local_options = SHASH_INITIALIZER(&local_options);
    struct ctl_command *commands;
    struct ovsdb_idl *idl;
    unsigned int seqno;
    size_t n_commands;
    char *args, *error, **moved;

    ovs_set_program_name(argv[0], TPR_VERSION);
    fatal_ignore_sigpipe();
    vlog_set_levels(NULL, VLF_CONSOLE, VLL_WARN);
    vlog_set_levels_from_string_assert("reconnect:warn");
    ctl_init(&tprrec_idl_class, tprrec_table_classes, tables, NULL,
             tprctl_exit);
    ctl_register_commands(tprctl_config_commands);
    ctl_register_commands(tprctl_intent_commands);
    ctl_register_commands(tprctl_show_commands);
    ctl_register_commands(tprctl_top_commands);
    ctl_register_commands(tprctl_export_commands);

    args = process_escape_args(argv);
    moved = tprctl_move_options(&argc, argv);
    parse_options(argc, moved, &local_options);
    error = ctl_parse_commands(argc - optind, moved + optind, &local_options,
                               &commands, &n_commands);
    if (error) {
        ctl_fatal("%s", error);
    }
    VLOG(ctl_might_write_to_db(commands, n_commands) ? VLL_INFO : VLL_DBG,
         "Called as %s", args);
    ctl_timeout_setup(timeout);
    if (tprctl_top(commands, n_commands)) {
        return EXIT_SUCCESS;
    }

    idl = connect_to_database();
    run_prerequisites(commands, n_commands, idl);
    seqno = ovsdb_idl_get_seqno(idl);
    for (;;) {
        ovsdb_idl_run(idl);
        if (!ovsdb_idl_is_alive(idl)) {
            ctl_fatal("%s: database connection failed (%s)", db,
                      ovs_retval_to_string(ovsdb_idl_get_last_error(idl)));
        }
        if (seqno != ovsdb_idl_get_seqno(idl)) {
            seqno = ovsdb_idl_get_seqno(idl);
            if (do_tprctl(args, commands, n_commands, idl)) {
                break;
            }
        }
        if (seqno == ovsdb_idl_get_seqno(idl)) {
            ovsdb_idl_wait(idl);
            poll_block();
        }
    }
    for (size_t i = 0; i < n_commands; i++) {
        shash_destroy_free_data(&commands[i].options);
    }
    free(commands);
    free(moved);
    free(args);
    ovsdb_idl_destroy(idl);
    the_idl = NULL;
    return tprctl.exit_status;
}
