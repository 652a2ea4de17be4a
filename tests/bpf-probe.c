/* SPDX-License-Identifier: Apache-2.0 */

/* Loads the BPF programs and attaches them by hand, for system tests and
 * measurements:
 *
 *     bpf-probe [--pins DIR] [--connections N] [--objects N] [--ports N]
 *               [--refuse-next] [--refuse-part] [--renew-part] [--repair]
 *
 * --refuse-next: as on a kernel without jumps for programs with functions.
 * --refuse-part: as on one that lets no program replace a part of another.
 * --renew-part: what an earlier process has in dispatchers is exchanged.
 * --repair: tc filters that somebody removes are put back, as the agent does.
 * A folder of pins that is missing is made; that above it becomes a bpffs.
 *
 * Reads commands from its standard input, a line each, and answers with lines
 * of which the last is "."; what went wrong is a line "error: ...".
 *
 *     ports NAME:KIND[:tagged]...  the ports of the bridge, all of them
 *     list                         a line a port
 *     set OBJECT                   an object in the words of ovs-ofctl(8)
 *     del ID
 *     ids                          of all objects, one line
 *     liveness WORD                such as region=1,state=down
 *     stats ID                     an object's statistics
 *     counters                     those of all packets that are not 0
 *     connections                  how many there are
 *     detach                       from all ports, and ends; pins are removed
 *     quit                         without detaching
 *
 * Time passes for connections while it waits.  Ends at the end of its input,
 * without detaching. */

#include <config.h>
#include <errno.h>
#include <getopt.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "attach.h"
#include "loader.h"
#include "ofp-redirect.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/poll-loop.h"
#include "redirect-text.h"
#include "tc-repair.h"
#include "util.h"

enum { MAX_PORTS = 1024, RUN_MS = 100 };

static struct tpr_bpf *bpf;
static struct tpr_attach *attach;
static struct tc_repair *repair;        /* NULL: not wanted. */
static int input;               /* Standard input, by a number that the poll
                                 * loop takes. */

/* Says what is wrong, if anything is. */
static void
say_error(char *error)
{
    if (error) {
        printf("error: %s\n", error);
        free(error);
    }
}

static uint32_t
now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
    return tpr_bpf_ms(ts.tv_sec * 1000000000ULL + ts.tv_nsec);
}

/* ## Ports. ## */

static bool
parse_port(char *text, struct tpr_port *port)
{
    char *save = NULL;
    const char *name = strtok_r(text, ":", &save);
    const char *kind = strtok_r(NULL, ":", &save);
    const char *flag = strtok_r(NULL, ":", &save);

    memset(port, 0, sizeof *port);
    if (!name || !kind || !tpr_port_kind_from_name(kind, &port->kind)) {
        return false;
    }
    ovs_strlcpy(port->name, name, sizeof port->name);
    port->ifindex = if_nametoindex(name);
    port->tagged = flag && !strcmp(flag, "tagged");
    return true;
}

static void
do_ports(char *args)
{
    struct tpr_port ports[MAX_PORTS];
    char *save = NULL;
    size_t n = 0;

    for (char *word = strtok_r(args, " ", &save); word && n < MAX_PORTS;
         word = strtok_r(NULL, " ", &save)) {
        if (parse_port(word, &ports[n])) {
            n++;
        } else {
            printf("error: %s is no port\n", word);
        }
    }
    tpr_attach_set_ports(attach, ports, n);
}

static void
do_list(char *args OVS_UNUSED)
{
    const char *no_drops = tpr_attach_no_drops(attach);
    const struct tpr_attached *list;
    size_t n;

    list = tpr_attach_list(attach, &n);
    for (size_t i = 0; i < n; i++) {
        const struct tpr_attached *p = &list[i];

        printf("%s mode=%s target=%s mtu=%"PRIu32" drops=%"PRIu64
               " last_drop=%d taken_over=%s reachable=%s why=%s",
               p->port.name, tpr_attach_mode_name(p->mode),
               p->target ? "yes" : "no", p->mtu, p->drops, p->last_drop,
               p->taken_over ? "yes" : "no", p->reachable ? "yes" : "no",
               p->why);
        printf("%s%s\n", p->no_target ? " no_target=" : "",
               p->no_target ? p->no_target : "");
    }
    if (no_drops) {
        printf("drops are not counted: %s\n", no_drops);
    }
}

/* ## Objects. ## */

static void
do_set(char *args)
{
    struct tpr_redirect r;
    char *error = tpr_redirect_parse(&r, args, NULL);

    if (!error) {
        error = tpr_bpf_set(bpf, &r);
        tpr_redirect_uninit(&r);
    }
    say_error(error);
}

static void
do_del(char *args)
{
    if (tpr_bpf_del(bpf, strtoul(args, NULL, 10))) {
        printf("error: there is no object %s\n", args);
    }
    tpr_bpf_settle(bpf);
}

static void
do_ids(char *args OVS_UNUSED)
{
    const struct tpr_redirect *r;

    for (uint32_t id = 0; (r = tpr_bpf_next(bpf, id)); id = r->id) {
        printf("%"PRIu32" ", r->id);
    }
    printf("\n");
}

static void
do_liveness(char *args)
{
    struct tpr_liveness_mod mod;
    char *error = tpr_liveness_parse(&mod, args);

    if (!error && tpr_bpf_set_liveness(bpf, &mod)) {
        error = xstrdup("there is no such word");
    }
    say_error(error);
}

static void
do_stats(char *args)
{
    struct tpr_redirect_stats stats;
    struct ds s = DS_EMPTY_INITIALIZER;

    if (tpr_bpf_get_stats(bpf, strtoul(args, NULL, 10), &stats)) {
        printf("error: there is no object %s\n", args);
        return;
    }
    tpr_redirect_stats_format(&stats, &s);
    fputs(ds_cstr(&s), stdout);
    ds_destroy(&s);
    tpr_redirect_stats_uninit(&stats);
}

static void
do_counters(char *args OVS_UNUSED)
{
    static const char *const names[] = {
#define TPR_COUNTER(ENUM, NAME) NAME,
        TPR_COUNTERS
#undef TPR_COUNTER
    };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        uint64_t n = tpr_bpf_counter(bpf, i);

        if (n) {
            printf("%s=%"PRIu64"\n", names[i], n);
        }
    }
}

static void
do_connections(char *args OVS_UNUSED)
{
    printf("%"PRIu32"\n", tpr_bpf_connections(bpf));
}

/* ## Commands. ## */

static const struct {
    const char *name;
    void (*run)(char *args);
} commands[] = {
    { "ports", do_ports },
    { "list", do_list },
    { "set", do_set },
    { "del", do_del },
    { "ids", do_ids },
    { "liveness", do_liveness },
    { "stats", do_stats },
    { "counters", do_counters },
    { "connections", do_connections },
};

/* Returns false at the last command. */
static bool
run_command(char *line)
{
    char *args = line + strcspn(line, " \n");
    bool goes_on = true, found = false;

    line[strcspn(line, "\n")] = '\0';
    if (*args) {
        *args++ = '\0';
    }
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (!strcmp(line, commands[i].name)) {
            commands[i].run(args);
            found = true;
        }
    }
    if (!strcmp(line, "detach")) {
        tpr_attach_destroy(attach, true);
        attach = NULL;
        tpr_bpf_unpin(bpf);
        goes_on = false;
    } else if (!strcmp(line, "quit")) {
        goes_on = false;
    } else if (!found) {
        printf("error: there is no command %s\n", line);
    }
    printf(".\n");
    fflush(stdout);
    return goes_on;
}

/* Resets are not sent: the programs answer clients' next packets. */
static void
send_nothing(void *aux OVS_UNUSED, const void *frame OVS_UNUSED,
             uint32_t len OVS_UNUSED, uint32_t output OVS_UNUSED)
{
}

/* Waits for something to read, while time passes. */
static void
wait_for_input(void)
{
    const struct tpr_bpf_ops ops = { .send = send_nothing };
    struct pollfd pollfd = { .fd = input, .events = POLLIN };

    do {
        if (repair) {
            tc_repair_run(repair, attach);
            tc_repair_wait(repair);
        }
        tpr_bpf_run(bpf, now_ms());
        tpr_bpf_handle_deaths(bpf, now_ms(), &ops);
        poll_fd_wait(input, POLLIN);
        poll_timer_wait(RUN_MS);
        poll_block();
    } while (poll(&pollfd, 1, 0) <= 0);
}

static void
run(void)
{
    static char line[65536];
    size_t n = 0;

    for (;;) {
        char *end;
        ssize_t got;

        wait_for_input();
        got = read(input, line + n, sizeof line - n - 1);
        if (got <= 0) {
            return;
        }
        n += got;
        line[n] = '\0';
        while ((end = strchr(line, '\n'))) {
            *end = '\0';
            if (!run_command(line)) {
                return;
            }
            n -= end + 1 - line;
            memmove(line, end + 1, n + 1);
        }
    }
}

static char *
start(const struct tpr_bpf_options *o)
{
    const char *why_not;
    char *error = NULL;

    if (o->pins) {
        char *parent = dir_name(o->pins);

        error = tpr_bpf_mount(parent);
        free(parent);
    }
    if (!error) {
        error = tpr_bpf_create(o, &bpf);
    }
    if (!error) {
        attach = tpr_attach_create(bpf, o->pins);
        printf("%s\n", tpr_bpf_taken_over(bpf, &why_not) ? "taken over"
               : why_not ? why_not : "new");
    }
    return error;
}

int
main(int argc, char *argv[])
{
    static const struct option long_options[] = {
        { "pins", required_argument, NULL, 'p' },
        { "connections", required_argument, NULL, 'c' },
        { "objects", required_argument, NULL, 'o' },
        { "ports", required_argument, NULL, 'P' },
        { "refuse-next", no_argument, NULL, 'n' },
        { "refuse-part", no_argument, NULL, 'R' },
        { "renew-part", no_argument, NULL, 'N' },
        { "repair", no_argument, NULL, 'r' },
        { NULL, 0, NULL, 0 },
    };
    struct tpr_bpf_options o = { .connections = 0 };
    char *error;
    int c;

    while ((c = getopt_long(argc, argv, "", long_options, NULL)) >= 0) {
        switch (c) {
        case 'p': o.pins = optarg; break;
        case 'c': o.connections = strtoul(optarg, NULL, 10); break;
        case 'o': o.objects = strtoul(optarg, NULL, 10); break;
        case 'P': o.ports = strtoul(optarg, NULL, 10); break;
        case 'n': o.refuse_next = true; break;
        case 'R': o.refuse_part = true; break;
        case 'N': o.renew_part = true; break;
        case 'r': repair = tc_repair_create("br0"); break;
        default: return 1;
        }
    }
    set_program_name(argv[0]);
    input = dup(STDIN_FILENO);
    error = start(&o);
    say_error(error);
    printf(".\n");
    fflush(stdout);
    if (!error) {
        run();
    }
    tc_repair_destroy(repair);
    tpr_attach_destroy(attach, false);
    tpr_bpf_destroy(bpf);
    return error ? 1 : 0;
}
