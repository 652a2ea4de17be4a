/* SPDX-License-Identifier: Apache-2.0 */

/* Command "top" of ovs-tprctl: what services and backends have to do, over and
 * over.
 *
 * Rates are the agent's, which counts twice for each answer, so this command
 * asks ovs-tprd of this host by its control socket, not the database.
 *
 * Threads: main thread. */

#include <config.h>
#include "tprctl.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon.h"
#include "dirs.h"
#include "jsonrpc.h"
#include "model.h"
#include "unixctl.h"
#include "util.h"

/* Connects to ovs-tprd, or ends the program. */
static struct jsonrpc *
connect_to_agent(void)
{
    char *pidfile = xasprintf("%s/ovs-tprd.pid", ovs_rundir());
    pid_t pid = read_pidfile(pidfile);
    struct jsonrpc *rpc;
    char *socket;
    int error;

    if (pid < 0) {
        ctl_fatal("top: cannot find ovs-tprd, which must run on this host, by "
                  "%s (%s)", pidfile, ovs_strerror((int) -pid));
    }
    socket = xasprintf("%s/ovs-tprd.%ld.ctl", ovs_rundir(), (long int) pid);
    error = unixctl_client_create(socket, &rpc);
    if (error) {
        ctl_fatal("top: cannot connect to %s (%s)", socket,
                  ovs_strerror(error));
    }
    free(socket);
    free(pidfile);
    return rpc;
}

/* Asks once and prints the answer. */
static void
print_top(struct jsonrpc *rpc, int argc, char *argv[], bool clear)
{
    char *result, *failure;
    int error = unixctl_client_transact(rpc, "tpr/top", argc, argv, &result,
                                        &failure);

    if (error) {
        ctl_fatal("top: ovs-tprd does not answer (%s)", ovs_strerror(error));
    } else if (failure) {
        ctl_fatal("top: %s", failure);
    }
    if (clear) {
        fputs("\033[H\033[J", stdout);          /* ECMA-48: home, erase. */
    }
    fputs(result, stdout);
    if (*result && result[strlen(result) - 1] != '\n') {
        putchar('\n');
    }
    if (fflush(stdout)) {
        ctl_fatal("top: cannot write (%s)", ovs_strerror(errno));
    }
    free(result);
}

static bool
wants_top(const struct ctl_command *commands, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!strcmp(commands[i].syntax->name, "top")) {
            if (n > 1) {
                ctl_fatal("top: no other command can go with it");
            }
            return true;
        }
    }
    return false;
}

/* If the commands are "top" alone, carries it out and returns true. */
bool
tprctl_top(struct ctl_command *commands, size_t n)
{
    const struct shash *options = &commands[0].options;
    const bool clear = isatty(STDOUT_FILENO);
    unsigned long long int count = clear ? ULLONG_MAX : 1;
    struct jsonrpc *rpc;
    char *argv[3], *error;
    const char *value;
    int argc = 0;

    if (!wants_top(commands, n)) {
        return false;
    }
    value = shash_find_data(options, "--count");
    if (value) {
        error = tpr_parse_unsigned(value, 1, INT_MAX, &count);
        if (error) {
            ctl_fatal("top: --count: %s", error);
        }
    }
    value = shash_find_data(options, "--interval");
    if (value) {
        argv[argc++] = xasprintf("--interval=%s", value);
    }
    value = shash_find_data(options, "--sort");
    if (value) {
        argv[argc++] = xasprintf("--sort=%s", value);
    }
    if (tprctl.json || shash_find(options, "--json")) {
        argv[argc++] = xstrdup("--json");
    }
    rpc = connect_to_agent();
    for (unsigned long long int i = 0; i < count; i++) {
        print_top(rpc, argc, argv, clear);
    }
    jsonrpc_close(rpc);
    for (int i = 0; i < argc; i++) {
        free(argv[i]);
    }
    return true;
}

/* main() has carried it out before the database is asked. */
static void
cmd_top(struct ctl_context *ctx OVS_UNUSED)
{
    OVS_NOT_REACHED();
}

const struct ctl_command_syntax tprctl_top_commands[] = {
    {"top", 0, 0, "", NULL, cmd_top, NULL,
     "--json,--interval=,--count=,--sort=", RO},
    {NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, RO},
};
