/* SPDX-License-Identifier: Apache-2.0 */

/* Drives a datapath provider from a script, against a real switch.
 *
 * Usage: flows-probe BRIDGE [PROVIDER].  PROVIDER is "flows" unless it is
 * given.  Reads commands from standard input, one a line,
 * answers each with one line on standard output:
 *
 *   local ADDR                         an address of the bridge
 *   service NAME KEY=VALUE..           vip= proto= ports= mac= on_none= via=
 *                                      to= port= tomac= vlan= routed= answer=
 *                                      pure= identity= policy= on_down=
 *                                      state= unproven=
 *   backend KEY=VALUE..                one more of that service: via= to=
 *                                      port= tomac= vlan= routed= region=
 *                                      word= weight= priority= max= usable=
 *   path PORT KEY=VALUE..              type= local= peer= mac= vlan= answer=
 *                                      through=
 *   client_table N                     where learned flows go
 *   many N                             N services on 10.200/16
 *   forget                             all of the above is gone
 *   set                                hand it to the provider and wait:
 *                                      "applied US" since set()
 *   send                               the same without waiting
 *   wait                               "applied WALL", seconds since 1970
 *   lost | back                        wait for the connection to go, come
 *   port NAME                          "OFPORT up|down" or "none"
 *   region N STATE | word N STATE      liveness: up, down, drain, unknown
 *   how                                provider in force, and why
 *   show                               JSON
 *   clear                              remove all flows of ours
 *
 * Each wait ends after 15 s with "timeout". */

#include <config.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "datapath.h"
#include "dirs.h"
#include "fatal-signal.h"
#include "liveness.h"
#include "openvswitch/json.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "timeval.h"
#include "util.h"

enum { MAX_THINGS = 20000, MAX_BACKENDS = 8, MAX_WITH_BACKENDS = 64,
       WAIT_MS = 15000 };

static struct dp_service services[MAX_THINGS];
static struct dp_target targets[MAX_THINGS];
static struct dp_target backends[MAX_WITH_BACKENDS][MAX_BACKENDS];
static struct dp_path paths[64];
static struct in6_addr locals[16];
static struct dp_state state = {
    .services = services,
    .paths = paths,
    .locals = locals,
    .client_table = 250,
    .flow_priority = 30000,
};

static struct in6_addr
parse_addr(const char *s)
{
    struct in6_addr addr;
    ovs_be32 ip;

    if (inet_pton(AF_INET, s, &ip) == 1) {
        in6_addr_set_mapped_ipv4(&addr, ip);
    } else if (inet_pton(AF_INET6, s, &addr) != 1) {
        ovs_fatal(0, "%s: no address", s);
    }
    return addr;
}

static struct eth_addr
parse_mac(const char *s)
{
    struct eth_addr mac;

    if (!eth_addr_from_string(s, &mac)) {
        ovs_fatal(0, "%s: no MAC", s);
    }
    return mac;
}

static void
parse_ports(const char *s, struct tpr_vip *vip)
{
    int first, last, n;

    while (*s) {
        if (sscanf(s, "%d-%d%n", &first, &last, &n) < 2) {
            if (sscanf(s, "%d%n", &first, &n) < 1) {
                ovs_fatal(0, "%s: no ports", s);
            }
            last = first;
        }
        vip->ports[vip->n_ports].first = first;
        vip->ports[vip->n_ports++].last = last;
        s += n + (s[n] == ',');
    }
}

static int
number(const char *s)
{
    int value;

    return str_to_int(s, 10, &value) ? value : 0;
}

/* Options of a backend; returns false if 'key' is none. */
static bool
target_option(struct dp_target *t, const char *key, const char *value)
{
    if (!strcmp(key, "via")) {
        t->port = xstrdup(value);
    } else if (!strcmp(key, "to")) {
        t->addr = parse_addr(value);
    } else if (!strcmp(key, "port")) {
        t->l4_port = number(value);
    } else if (!strcmp(key, "tomac")) {
        t->mac = parse_mac(value);
    } else if (!strcmp(key, "vlan")) {
        t->vlan = number(value);
    } else if (!strcmp(key, "routed")) {
        t->routed = number(value);
    } else if (!strcmp(key, "region")) {
        t->region = number(value);
    } else if (!strcmp(key, "word")) {
        t->word = number(value);
    } else if (!strcmp(key, "weight")) {
        t->weight = t->full_weight = number(value);
    } else if (!strcmp(key, "priority")) {
        t->priority = number(value);
    } else if (!strcmp(key, "usable")) {
        t->usable = number(value);
    } else if (!strcmp(key, "max")) {
        t->max_connections = number(value);
    } else {
        return false;
    }
    return true;
}

static void
service_option(struct dp_service *s, struct dp_target *t,
               const char *key, const char *value)
{
    if (!strcmp(key, "vip")) {
        s->vip.addr = parse_addr(value);
    } else if (!strcmp(key, "proto")) {
        s->vip.proto = number(value);
    } else if (!strcmp(key, "ports")) {
        parse_ports(value, &s->vip);
    } else if (!strcmp(key, "mac")) {
        s->vip_mac = parse_mac(value);
    } else if (!strcmp(key, "on_none")) {
        s->on_none = (!strcmp(value, "pass") ? TPR_ON_NONE_PASS
                      : TPR_ON_NONE_DROP);
    } else if (!strcmp(key, "policy")) {
        ignore(tpr_policy_from_string(value, &s->policy));
    } else if (!strcmp(key, "on_down")) {
        s->on_down = (!strcmp(value, "keep") ? TPR_ON_DOWN_KEEP
                      : !strcmp(value, "reset") ? TPR_ON_DOWN_RESET
                      : TPR_ON_DOWN_RESELECT);
    } else if (!strcmp(key, "state")) {
        s->needs_state = number(value);
    } else if (!strcmp(key, "unproven")) {
        s->unproven = number(value);
    } else if (!strcmp(key, "answer")) {
        s->answer = number(value);
    } else if (!strcmp(key, "pure")) {
        s->pure = number(value);
    } else if (!strcmp(key, "identity")) {
        s->identity = number(value);
    } else if (target_option(t, key, value)) {
        s->active = t->port ? t : NULL;
    } else {
        ovs_fatal(0, "%s: unknown", key);
    }
}

static void
target_init(struct dp_target *t)
{
    t->name = "backend";
    t->region = t->word = TPR_NO_WORD;
    t->weight = t->full_weight = t->priority = 100;
    t->usable = true;
}

static void
path_option(struct dp_path *p, const char *key, const char *value)
{
    if (!strcmp(key, "type")) {
        p->type = !strcmp(value, "bfd") ? HB_BFD : HB_ICMP;
    } else if (!strcmp(key, "local")) {
        p->local = parse_addr(value);
    } else if (!strcmp(key, "peer")) {
        p->peer = parse_addr(value);
    } else if (!strcmp(key, "mac")) {
        p->local_mac = parse_mac(value);
    } else if (!strcmp(key, "vlan")) {
        p->vlan = number(value);
    } else if (!strcmp(key, "answer")) {
        p->answer = number(value);
    } else if (!strcmp(key, "through")) {
        p->through_switch = number(value);
    } else {
        ovs_fatal(0, "%s: unknown", key);
    }
}

static void
cmd_service(const char *name, char **save)
{
    struct dp_service *s = &services[state.n_services];
    struct dp_target *t = &targets[state.n_services++];
    char *word;

    s->name = xstrdup(name);
    target_init(t);
    while ((word = strtok_r(NULL, " \n", save))) {
        char *value = strchr(word, '=');

        *value++ = '\0';
        service_option(s, t, word, value);
    }
    if (s->active) {
        s->targets = s->active;
        s->n_targets = 1;
    }
}

/* One more backend of the last service, which names none itself. */
static void
cmd_backend(char **save)
{
    struct dp_service *s = &services[state.n_services - 1];
    struct dp_target *t = &backends[state.n_services - 1][s->n_targets++];
    char *word;

    target_init(t);
    while ((word = strtok_r(NULL, " \n", save))) {
        char *value = strchr(word, '=');

        *value++ = '\0';
        if (!target_option(t, word, value)) {
            ovs_fatal(0, "%s: unknown", word);
        }
    }
    s->targets = backends[state.n_services - 1];
    if (!s->active) {
        s->active = t;
    }
}

static void
cmd_word(bool is_region, int index, const char *word)
{
    enum tpr_liveness state_ = (!strcmp(word, "up") ? TPR_LIVENESS_UP
                                : !strcmp(word, "down") ? TPR_LIVENESS_DOWN
                                : !strcmp(word, "drain") ? TPR_LIVENESS_DRAIN
                                : TPR_LIVENESS_UNKNOWN);
    char *path = xasprintf("%s/tpr-liveness", ovs_rundir());
    struct liveness *liveness;
    char *error = liveness_open(path, &liveness);

    if (error) {
        ovs_fatal(0, "%s", error);
    }
    if (is_region) {
        liveness_set_region(liveness, index, state_);
    } else {
        liveness_set_backend(liveness, index, state_);
    }
    liveness_close(liveness);
    free(path);
}

static void
cmd_path(const char *port, char **save)
{
    struct dp_path *p = &paths[state.n_paths++];
    char *word;

    p->port = xstrdup(port);
    while ((word = strtok_r(NULL, " \n", save))) {
        char *value = strchr(word, '=');

        *value++ = '\0';
        path_option(p, word, value);
    }
}

static void
cmd_many(int n, char **save)
{
    const char *port = strtok_r(NULL, " \n", save);

    for (int i = 0; i < n; i++) {
        struct dp_service *s = &services[state.n_services];
        struct dp_target *t = &targets[state.n_services++];

        s->name = xasprintf("many%d", i);
        in6_addr_set_mapped_ipv4(&s->vip.addr, htonl(0x0ac80000 + i));
        s->vip.proto = TPR_PROTO_TCP;
        s->vip.n_ports = 1;
        s->vip.ports[0].first = s->vip.ports[0].last = 80;
        s->vip_mac = parse_mac("02:00:00:00:00:50");
        s->answer = true;
        s->active = t;
        in6_addr_set_mapped_ipv4(&t->addr, htonl(0x0ac90000 + i));
        target_init(t);
        s->targets = t;
        s->n_targets = 1;
        t->port = xstrdup(port);
        t->mac = parse_mac("02:00:00:00:00:60");
    }
}

static void
cmd_forget(void)
{
    for (size_t i = 0; i < state.n_services; i++) {
        free(CONST_CAST(char *, services[i].name));
        free(targets[i].port);
    }
    for (size_t i = 0; i < MAX_WITH_BACKENDS; i++) {
        for (size_t j = 0; j < MAX_BACKENDS; j++) {
            free(backends[i][j].port);
        }
    }
    memset(backends, 0, sizeof backends);
    for (size_t i = 0; i < state.n_paths; i++) {
        free(paths[i].port);
    }
    memset(services, 0, state.n_services * sizeof *services);
    memset(targets, 0, state.n_services * sizeof *targets);
    memset(paths, 0, sizeof paths);
    state.n_services = state.n_paths = state.n_locals = 0;
}

static bool
is_applied(const struct datapath *dp)
{
    long long int when;
    uint64_t seq;

    return dp->class->connected(dp) && dp->class->applied(dp, &seq, &when);
}

static bool
is_lost(const struct datapath *dp)
{
    return !dp->class->connected(dp);
}

static bool
is_back(const struct datapath *dp)
{
    return dp->class->connected(dp);
}

static bool
wait_for(struct datapath *dp, bool (*condition)(const struct datapath *))
{
    long long int end = time_msec() + WAIT_MS;

    for (;;) {
        dp->class->run(dp, time_usec());
        if (condition(dp)) {
            return true;
        } else if (time_msec() >= end) {
            puts("timeout");
            return false;
        }
        dp->class->wait(dp);
        poll_timer_wait_until(end);
        poll_block();
    }
}

static void
cmd_set(struct datapath *dp)
{
    long long int start = time_usec(), when;
    uint64_t seq;

    dp->class->set(dp, &state, start);
    if (wait_for(dp, is_applied)) {
        dp->class->applied(dp, &seq, &when);
        printf("applied %lld\n", when - start);
    }
}

static void
cmd_wait(struct datapath *dp, const char *word)
{
    if (wait_for(dp, !strcmp(word, "lost") ? is_lost
                 : !strcmp(word, "back") ? is_back : is_applied)) {
        printf("%s %.6f\n", word, time_wall_usec() / 1e6);
    }
}

static void
cmd_port(struct datapath *dp, const char *name)
{
    struct dp_port port;

    if (dp->class->port(dp, name, &port)) {
        printf("%"PRIu32" %s\n", port.ofport, port.link_up ? "up" : "down");
    } else {
        puts("none");
    }
}

static void
cmd_show(struct datapath *dp)
{
    struct json *json = json_object_create();
    char *s;

    dp->class->show(dp, json);
    s = json_to_string(json, JSSF_SORT);
    puts(s);
    free(s);
    json_destroy(json);
}

static void
cmd_how(struct datapath *dp)
{
    const char *why, *how = dp->class->how(dp, &why);

    printf("%s, %s\n", how, why);
}

static void
command(struct datapath *dp, char *line)
{
    char *save = NULL;
    const char *word = strtok_r(line, " \n", &save);

    if (!word) {
        return;
    } else if (!strcmp(word, "set")) {
        cmd_set(dp);
    } else if (!strcmp(word, "wait") || !strcmp(word, "lost")
               || !strcmp(word, "back")) {
        cmd_wait(dp, word);
    } else if (!strcmp(word, "port")) {
        cmd_port(dp, strtok_r(NULL, " \n", &save));
    } else if (!strcmp(word, "show")) {
        cmd_show(dp);
    } else if (!strcmp(word, "how")) {
        cmd_how(dp);
    } else {
        if (!strcmp(word, "local")) {
            locals[state.n_locals++]
                = parse_addr(strtok_r(NULL, " \n", &save));
        } else if (!strcmp(word, "service")) {
            cmd_service(strtok_r(NULL, " \n", &save), &save);
        } else if (!strcmp(word, "backend")) {
            cmd_backend(&save);
        } else if (!strcmp(word, "region") || !strcmp(word, "word")) {
            int index = number(strtok_r(NULL, " \n", &save));

            cmd_word(word[0] == 'r', index, strtok_r(NULL, " \n", &save));
        } else if (!strcmp(word, "path")) {
            cmd_path(strtok_r(NULL, " \n", &save), &save);
        } else if (!strcmp(word, "many")) {
            cmd_many(number(strtok_r(NULL, " \n", &save)), &save);
        } else if (!strcmp(word, "client_table")) {
            state.client_table = number(strtok_r(NULL, " \n", &save));
        } else if (!strcmp(word, "forget")) {
            cmd_forget();
        } else if (!strcmp(word, "send")) {
            dp->class->set(dp, &state, time_usec());
        } else if (!strcmp(word, "clear")) {
            dp->class->clear(dp);
        } else {
            ovs_fatal(0, "%s: unknown command", word);
        }
        puts("ok");
    }
}

/* Returns the next line of 'fd', NULL at its end.  Keeps the
 * connection alive meanwhile. */
static char *
next_line(struct datapath *dp, int fd)
{
    static char buf[8192];
    static size_t used, consumed;

    memmove(buf, buf + consumed, used - consumed);
    used -= consumed;
    consumed = 0;
    for (;;) {
        char *end = memchr(buf, '\n', used);

        if (end) {
            *end = '\0';
            consumed = end + 1 - buf;
            return buf;
        }
        ssize_t n = read(fd, buf + used, sizeof buf - used);
        if (n > 0) {
            used += n;
            continue;
        } else if (!n || errno != EAGAIN) {
            return NULL;
        }
        dp->class->run(dp, time_usec());
        dp->class->wait(dp);
        poll_fd_wait(fd, POLLIN);
        poll_block();
    }
}

int
main(int argc, char *argv[])
{
    ovs_set_program_name(argv[0], "test");
    const struct datapath_class *class
        = datapath_lookup(argc > 2 ? argv[2] : "flows");

    if (argc < 2 || !class) {
        ovs_fatal(0, "usage: %s BRIDGE [PROVIDER]", argv[0]);
    }
    fatal_ignore_sigpipe();
    vlog_set_levels(NULL, VLF_CONSOLE,
                    getenv("FLOWS_PROBE_DEBUG") ? VLL_DBG : VLL_WARN);
    setvbuf(stdout, NULL, _IOLBF, 0);

    /* The poll loop takes no file descriptor 0. */
    int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    fcntl(fd, F_SETFL, O_NONBLOCK);

    struct datapath *dp = class->open(argv[1]);
    char *line;

    while ((line = next_line(dp, fd))) {
        command(dp, line);
    }
    class->close(dp);
    cmd_forget();
    return 0;
}
