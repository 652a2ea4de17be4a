/* SPDX-License-Identifier: Apache-2.0 */

/* ovs-tprd: the agent's main program.  Options, daemon manners, main loop. */

#include <config.h>

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "agent.h"
#include "ask.h"
#include "command-line.h"
#include "coverage.h"
#include "daemon.h"
#include "dirs.h"
#include "fatal-signal.h"
#include "memory.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "ovsdb-idl.h"
#include "show.h"
#include "simap.h"
#include "stream-ssl.h"
#include "stream.h"
#include "timeval.h"
#include "tpr-config.h"
#include "unixctl.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(ovs_tprd);

static char *unixctl_path;
static char *tpr_db, *ovs_db;

struct exit_args {
    bool exiting;
    bool cleanup;
    struct unixctl_conn **conns;
    size_t n_conns;
};

static void OVS_NO_RETURN
usage(void)
{
    printf("\
%s: transparent packet redirection agent\n\
usage: %s [OPTIONS] [DATABASE]\n\
where DATABASE is the server of the TPR database\n\
      (default: unix:%s/db.sock).\n",
           program_name, program_name, ovs_rundir());
    stream_usage("DATABASE", true, false, true);
    printf("\n\
Options:\n\
  --ovs-db=DATABASE       server of the switch's Open_vSwitch database\n\
                          (default: unix:%s/db.sock)\n\
  --unixctl=SOCKET        override default control socket name\n\
  -h, --help              display this help message\n\
  -V, --version           display version information\n", ovs_rundir());
    daemon_usage();
    vlog_usage();
    printf("\n\
Inspect a running agent with ovs-appctl -t ovs-tprd COMMAND:\n\
  tpr/show [--json]         all: state, regions, services, backends\n\
  tpr/heartbeats [--json]   sessions of the regions, timers, counters\n\
  tpr/services [--json]     services and what serves them\n\
  tpr/history [--json] [N]  transitions with their time budgets\n\
  tpr/top [--json] [--interval=TIME] [--sort=KEY]\n\
                            who has how much to do\n\
  exit [--cleanup]          end; --cleanup takes the agent's flows along\n\
Configure it with ovs-tprctl(8).\n");
    exit(EXIT_SUCCESS);
}

static void
print_version(void)
{
    ovs_print_version(0, 0);
    printf("ovs-tpr %s\n", TPR_VERSION);
}

static void
parse_options(int argc, char *argv[])
{
    enum {
        OPT_OVS_DB = UCHAR_MAX + 1,
        OPT_UNIXCTL,
        OPT_BOOTSTRAP_CA_CERT,
        VLOG_OPTION_ENUMS,
        DAEMON_OPTION_ENUMS,
        SSL_OPTION_ENUMS,
    };
    static const struct option long_options[] = {
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {"ovs-db", required_argument, NULL, OPT_OVS_DB},
        {"unixctl", required_argument, NULL, OPT_UNIXCTL},
        DAEMON_LONG_OPTIONS,
        VLOG_LONG_OPTIONS,
        STREAM_SSL_LONG_OPTIONS,
        {"bootstrap-ca-cert", required_argument, NULL,
         OPT_BOOTSTRAP_CA_CERT},
        {NULL, 0, NULL, 0},
    };
    char *short_options = ovs_cmdl_long_options_to_short_options(
        long_options);

    for (;;) {
        int c = getopt_long(argc, argv, short_options, long_options, NULL);

        if (c == -1) {
            break;
        }
        switch (c) {
        case 'h':
            usage();

        case 'V':
            print_version();
            exit(EXIT_SUCCESS);

        case OPT_OVS_DB:
            free(ovs_db);
            ovs_db = xstrdup(optarg);
            break;

        case OPT_UNIXCTL:
            unixctl_path = optarg;
            break;

        DAEMON_OPTION_HANDLERS
        VLOG_OPTION_HANDLERS
        STREAM_SSL_OPTION_HANDLERS

        case OPT_BOOTSTRAP_CA_CERT:
            stream_ssl_set_ca_cert_file(optarg, true);
            break;

        case '?':
            exit(EXIT_FAILURE);

        default:
            abort();
        }
    }
    free(short_options);

    argc -= optind;
    argv += optind;
    if (argc > 1) {
        ovs_fatal(0, "at most one DATABASE may be given; use --help for "
                  "usage");
    }
    tpr_db = argc ? xstrdup(argv[0])
             : xasprintf("unix:%s/db.sock", ovs_rundir());
    if (!ovs_db) {
        ovs_db = xasprintf("unix:%s/db.sock", ovs_rundir());
    }
}

static void
tpr_exit(struct unixctl_conn *conn, int argc, const char *argv[],
         void *args_)
{
    struct exit_args *args = args_;

    if (argc == 2 && strcmp(argv[1], "--cleanup")) {
        unixctl_command_reply_error(conn, "the only option is --cleanup");
        return;
    }
    args->exiting = true;
    args->cleanup = argc == 2;
    args->conns = xrealloc(args->conns,
                           (args->n_conns + 1) * sizeof *args->conns);
    args->conns[args->n_conns++] = conn;
}

static void
report_memory(void)
{
    if (memory_should_report()) {
        struct simap usage = SIMAP_INITIALIZER(&usage);

        memory_report(&usage);
        simap_destroy(&usage);
    }
}

static void
main_loop(struct agent *agent, struct unixctl_server *unixctl,
          struct exit_args *args)
{
    while (!args->exiting) {
        memory_run();
        agent_run(agent);
        ask_top_run();
        unixctl_server_run(unixctl);
        report_memory();

        memory_wait();
        agent_wait(agent);
        ask_top_wait();
        unixctl_server_wait(unixctl);
        if (args->exiting) {
            poll_immediate_wake();
        }
        poll_block();
        if (should_service_stop()) {
            args->exiting = true;
        }
    }
}

/* A region takes a socket, a check another one while it goes on: as many
 * descriptors as we may have. */
static void
raise_limits(void)
{
    enum { MAX_FDS = 65536 };
    struct rlimit limit;

    if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = MAX(limit.rlim_cur,
                             MIN(limit.rlim_max, MAX_FDS));
        if (setrlimit(RLIMIT_NOFILE, &limit)) {
            VLOG_WARN("cannot have more descriptors (%s)",
                      ovs_strerror(errno));
        }
    }
}

int
main(int argc, char *argv[])
{
    struct exit_args args = { .exiting = false };
    struct unixctl_server *unixctl;
    struct agent *agent;
    int error;

    ovs_cmdl_proctitle_init(argc, argv);
    set_program_name(argv[0]);
    service_start(&argc, &argv);
    parse_options(argc, argv);
    fatal_ignore_sigpipe();
    raise_limits();

    daemonize_start(true);
    error = unixctl_server_create(unixctl_path, &unixctl);
    if (error) {
        exit(EXIT_FAILURE);
    }
    unixctl_command_register("exit", "[--cleanup]", 0, 1, tpr_exit, &args);

    agent = agent_create(tpr_db, ovs_db);
    show_init(agent);
    ask_init(agent);
    daemonize_complete();
    VLOG_INFO("ovs-tpr %s", TPR_VERSION);

    main_loop(agent, unixctl, &args);

    if (args.cleanup) {
        agent_clear(agent);
    }
    agent_destroy(agent);
    for (size_t i = 0; i < args.n_conns; i++) {
        unixctl_command_reply(args.conns[i], NULL);
    }
    free(args.conns);
    unixctl_server_destroy(unixctl);
    service_stop();
    free(tpr_db);
    free(ovs_db);
    return 0;
}
