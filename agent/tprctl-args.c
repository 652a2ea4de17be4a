/* SPDX-License-Identifier: Apache-2.0 */

/* Options of a command may follow it: "drain r1 --for 2h --wait".
 *
 * db-ctl-base wants options before the command and their values after an
 * equals sign; here the arguments are put into that order.  Commands that
 * db-ctl-base brings along ("set", "list", ..) stay as they are.
 *
 * Threads: main thread. */

#include <config.h>
#include "tprctl.h"

#include <string.h>

#include "svec.h"
#include "util.h"

/* Arguments that this file made; they live as long as the program. */
static struct svec made = SVEC_EMPTY_INITIALIZER;

/* Takes 'arg' over and returns it. */
static char *
keep(char *arg)
{
    svec_add_nocopy(&made, arg);
    return arg;
}

static const struct ctl_command_syntax *
find_syntax(const char *name)
{
    const struct ctl_command_syntax *const tables[] = {
        tprctl_config_commands, tprctl_intent_commands,
        tprctl_show_commands, tprctl_top_commands, tprctl_export_commands,
    };

    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        for (const struct ctl_command_syntax *s = tables[i]; s->name; s++) {
            if (!strcmp(s->name, name)) {
                return s;
            }
        }
    }
    return NULL;
}

/* Returns true if 'arg' is a global option whose value is the next one. */
static bool
takes_next(const char *arg)
{
    static const char *const options[] = {
        "--db", "--timeout", "-t", "--format", "-f", "--data", "-d",
        "--private-key", "-p", "--certificate", "-c", "--ca-cert", "-C",
        "--bootstrap-ca-cert", "--peer-ca-cert",
    };

    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        if (!strcmp(options[i], arg)) {
            return true;
        }
    }
    return false;
}

/* Returns true if 'option', "--for", of the command 's' has a value. */
static bool
has_value(const struct ctl_command_syntax *s, const char *option)
{
    const char *p = strstr(s->options, option);

    return p && p[strlen(option)] == '=';
}

/* Puts the arguments of one command, 'argv[0]' to 'argv[argc - 1]', into
 * 'out', and those that are global into 'front'. */
static void
move_segment(int argc, char *argv[], char **out, int *n_out,
             char **front, int *n_front)
{
    const struct ctl_command_syntax *syntax = NULL;
    int command;

    for (command = 0; command < argc; command++) {
        if (argv[command][0] != '-') {
            syntax = find_syntax(argv[command]);
            break;
        } else if (takes_next(argv[command])) {
            command++;
        }
    }
    if (!syntax) {
        memcpy(out + *n_out, argv, argc * sizeof *out);
        *n_out += argc;
        return;
    }
    memcpy(out + *n_out, argv, command * sizeof *out);
    *n_out += command;
    for (int i = command + 1; i < argc; i++) {
        if (!strcmp(argv[i], "--dry-run") || !strcmp(argv[i], "--pretty")) {
            front[(*n_front)++] = argv[i];
        } else if (!strcmp(argv[i], "-q")) {
            out[(*n_out)++] = keep(xstrdup("--quiet"));
        } else if (!strncmp(argv[i], "--", 2)) {
            if (has_value(syntax, argv[i]) && i + 1 < argc) {
                out[(*n_out)++] = keep(xasprintf("%s=%s", argv[i],
                                              argv[i + 1]));
                i++;
            } else {
                out[(*n_out)++] = argv[i];
            }
        }
    }
    out[(*n_out)++] = argv[command];
    for (int i = command + 1; i < argc; i++) {
        if (strcmp(argv[i], "-q") && strncmp(argv[i], "--", 2)) {
            out[(*n_out)++] = argv[i];
        } else if (has_value(syntax, argv[i])) {
            i++;
        }
    }
}

/* Returns the arguments 'argv' in the order that db-ctl-base wants, ended by
 * NULL, and updates '*argcp'.  What is new lives as long as the program. */
char **
tprctl_move_options(int *argcp, char *argv[])
{
    int argc = *argcp, n_out = 0, n_front = 0;
    char **out = xcalloc(2 * argc + 2, sizeof *out);
    char **front = xcalloc(argc + 1, sizeof *front);
    char **all = xcalloc(3 * argc + 3, sizeof *all);

    for (int start = 1, i = 1; i <= argc; i++) {
        if (i == argc || !strcmp(argv[i], "--")) {
            move_segment(i - start, argv + start, out, &n_out, front,
                         &n_front);
            if (i < argc) {
                out[n_out++] = argv[i];
            }
            start = i + 1;
        }
    }
    all[0] = argv[0];
    memcpy(all + 1, front, n_front * sizeof *all);
    memcpy(all + 1 + n_front, out, n_out * sizeof *all);
    *argcp = 1 + n_front + n_out;
    free(out);
    free(front);
    return all;
}
