/* SPDX-License-Identifier: Apache-2.0 */

/* The command line of tpr-regiond: see regiond.h. */

#include <config.h>
#include "regiond.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include "command-line.h"
#include "daemon.h"
#include "http.h"
#include "openvswitch/vlog.h"
#include "tpr-config.h"
#include "util.h"

enum {
    OPT_UNIXCTL = UCHAR_MAX + 1,
    OPT_PEER,
    OPT_LOCAL,
    OPT_INTERVAL,
    OPT_FALL,
    OPT_NO_BFD,
    OPT_PASSIVE,
    OPT_OFFLOAD,
    OPT_AUTH,
    OPT_AUTH_KEY_ID,
    OPT_AUTH_KEY_FILE,
    OPT_CHECK,
    OPT_CHECK_INTERVAL,
    OPT_CHECK_FAST_INTERVAL,
    OPT_CHECK_TIMEOUT,
    OPT_CHECK_FALL,
    OPT_CHECK_RISE,
    OPT_AGENT_CHECK,
    OPT_AGENT_INTERVAL,
    OPT_AGENT_METRIC,
    VLOG_OPTION_ENUMS,
    DAEMON_OPTION_ENUMS,
};

/* What is put together when all options are known. */
struct state {
    const char *auth;
    bool has_key_id;
    const char *key_file;
    struct tpr_check defaults;  /* Timing of all checks. */
    bool has_timeout;
};

static void OVS_NO_RETURN
usage(void)
{
    printf("%s: BFD at the region's side of ovs-tpr\n"
           "usage: %s [OPTIONS]\n"
           "\nSessions:\n"
           "  --peer=ADDRESS            with this switch; may be repeated\n"
           "                            (default: whoever begins, up to %d)\n"
           "  --local=ADDRESS           our address (default: any)\n"
           "  --interval=TIME           least time between two beats; the\n"
           "                            slower end's counts (default: 1ms)\n"
           "  --fall=N                  beats missed before down (default: "
           "3)\n"
           "  --no-bfd                  none: only --agent-check answers\n"
           "  --passive                 send only to peers that began\n"
           "  --offload=auto|on|off     let the kernel receive and send "
           "beats\n"
           "                            (default: off; auto: below 10ms)\n"
           "  --auth=simple|sha1|meticulous-sha1\n"
           "  --auth-key-id=N           0 to 255\n"
           "  --auth-key-file=FILE      its first line is the key\n"
           "\nHealth checks; while one fails, all sessions are AdminDown:\n"
           "  --check=http://ADDRESS[:PORT]/PATH[,host=NAME][,expect=STATUS]\n"
           "  --check=https://...[,verify=no][,ca=FILE][,sni=NAME]\n"
           "  --check=tcp://ADDRESS:PORT[,send=BYTES][,expect=BYTES]\n"
           "  --check=udp://ADDRESS:PORT[,send=BYTES][,expect=BYTES]\n"
           "  --check=icmp://ADDRESS\n"
           "                            may be repeated\n"
           "  --check-interval=TIME     start to start (default: 1s)\n"
           "  --check-fast-interval=TIME\n"
           "                            while in doubt (default: interval)\n"
           "  --check-timeout=TIME      for one check (default: interval)\n"
           "  --check-fall=N            misses before down (default: 3)\n"
           "  --check-rise=N            good ones before up (default: 2)\n"
           "\nAgent-check, for HAProxy or ovs-tprd to ask; off by default:\n"
           "  --agent-check=[ADDRESS:]PORT\n"
           "                            where to answer\n"
           "  --agent-metric=cpu|cgroup:FOLDER[,CURVE]\n"
           "  --agent-metric=flows:PORT|packets:DEVICE,CURVE\n"
           "                            what the weight follows; may be\n"
           "                            repeated, the least counts\n"
           "                            CURVE is LOAD:PERCENT,... (default\n"
           "                            of the first two: 0:100,100:1)\n"
           "  --agent-interval=TIME     between measurements (default: 1s)\n",
           ovs_get_program_name(), ovs_get_program_name(),
           REGIOND_MAX_PEERS);
    daemon_usage();
    vlog_usage();
    printf("\nOther options:\n"
           "  --unixctl=SOCKET          override default control socket name\n"
           "  -h, --help                display this help message\n"
           "  -V, --version             display version information\n");
    exit(EXIT_SUCCESS);
}

/* Ends the program if 'error' is a sentence; frees it. */
static void
must(const char *option, char *error)
{
    if (error) {
        ovs_fatal(0, "--%s: %s", option, error);
    }
}

static unsigned int
parse_number(const char *option, const char *s, unsigned int min,
             unsigned int max)
{
    unsigned long long int value = 0;

    must(option, tpr_parse_unsigned(s, min, max, &value));
    return value;
}

static long long int
parse_time(const char *option, const char *s)
{
    long long int us = 0;

    must(option, tpr_parse_duration_range(s, TPR_INTERVAL_MIN_US,
                                          TPR_INTERVAL_MAX_US, &us));
    return us;
}

static enum tpr_offload
parse_offload(const char *s)
{
    if (!strcmp(s, "on")) {
        return TPR_OFFLOAD_ON;
    } else if (!strcmp(s, "off")) {
        return TPR_OFFLOAD_OFF;
    } else if (strcmp(s, "auto")) {
        ovs_fatal(0, "--offload: \"%s\" is none of auto, on, off", s);
    }
    return TPR_OFFLOAD_AUTO;
}

static void
add_peer(struct regiond_options *o, const char *s)
{
    if (o->n_peers >= REGIOND_MAX_PEERS) {
        ovs_fatal(0, "--peer: at most %d peers", REGIOND_MAX_PEERS);
    }

    struct in6_addr *peer = &o->peers[o->n_peers++];
    must("peer", tpr_parse_host_address(s, peer));
    for (size_t i = 0; i + 1 < o->n_peers; i++) {
        if (IN6_ARE_ADDR_EQUAL(peer, &o->peers[i])) {
            ovs_fatal(0, "--peer: %s is there twice", s);
        }
    }
}

/* Authentication. */

static void
read_key(const char *file, struct bfd_auth *auth)
{
    size_t max = (auth->type == BFD_AUTH_SIMPLE
                  ? BFD_SIMPLE_MAX : BFD_SHA1_LEN);
    char line[64];
    FILE *stream = fopen(file, "r");

    if (!stream || !fgets(line, sizeof line, stream)) {
        ovs_fatal(stream ? 0 : errno, "--auth-key-file: %s has no key", file);
    }
    fclose(stream);

    size_t len = strcspn(line, "\r\n");
    if (!len || len > max) {
        ovs_fatal(0, "--auth-key-file: the key in %s has %"PRIuSIZE" bytes; "
                  "it must have 1 to %"PRIuSIZE, file, len, max);
    }
    memcpy(auth->key, line, len);
    auth->key_len = len;
}

static void
set_auth(struct regiond_options *o, const struct state *s)
{
    if (!s->auth) {
        if (s->has_key_id || s->key_file) {
            ovs_fatal(0, "--auth-key-id and --auth-key-file need --auth");
        }
        return;
    }
    if (!s->has_key_id || !s->key_file) {
        ovs_fatal(0, "--auth needs --auth-key-id and --auth-key-file");
    }
    if (!strcmp(s->auth, "simple")) {
        o->auth.type = BFD_AUTH_SIMPLE;
    } else if (!strcmp(s->auth, "sha1")) {
        o->auth.type = BFD_AUTH_SHA1;
    } else if (!strcmp(s->auth, "meticulous-sha1")) {
        o->auth.type = BFD_AUTH_METICULOUS_SHA1;
    } else {
        ovs_fatal(0, "--auth: %s is not simple, sha1 or meticulous-sha1",
                  s->auth);
    }
    read_key(s->key_file, &o->auth);
}

/* Checks. */

/* Takes one of the words that follow a URL.  Returns false if 'check' knows
 * no such word. */
static bool
parse_check_word(const char *word, struct tpr_check *check)
{
    bool https = check->type == TPR_CHECK_HTTPS;
    bool http = https || check->type == TPR_CHECK_HTTP;
    bool talk = (check->type == TPR_CHECK_TCP
                 || check->type == TPR_CHECK_UDP);
    const char *value = strchr(word, '=');

    if (!value++) {
        return false;
    } else if (http && !strncmp(word, "host=", 5)) {
        must("check", tpr_check_host(value));
        free(check->host);
        check->host = xstrdup(value);
    } else if (http && !strncmp(word, "expect=", 7)) {
        must("check", tpr_parse_status_range(value, &check->expect_min,
                                             &check->expect_max));
    } else if (https && (!strcmp(word, "verify=no")
                         || !strcmp(word, "verify=false"))) {
        check->no_verify = true;
    } else if (https && !strncmp(word, "ca=", 3)) {
        free(check->ca_file);
        check->ca_file = abs_file_name(NULL, value);
    } else if (https && !strncmp(word, "sni=", 4)) {
        must("check", tpr_check_host(value));
        free(check->sni);
        check->sni = xstrdup(value);
    } else if (talk && !strncmp(word, "send=", 5)) {
        free(check->send.data);
        must("check", tpr_parse_bytes(value, &check->send));
    } else if (talk && !strncmp(word, "expect=", 7)) {
        free(check->expect.data);
        must("check", tpr_parse_bytes(value, &check->expect));
    } else {
        return false;
    }
    return true;
}

/* Parses the words that follow the URL. */
static void
parse_check_words(char *words, struct tpr_check *check)
{
    char *save = NULL;

    for (char *word = strtok_r(words, ",", &save); word;
         word = strtok_r(NULL, ",", &save)) {
        if (!parse_check_word(word, check)) {
            ovs_fatal(0, "--check: \"%s\" means nothing for %s", word,
                      tpr_check_type_to_string(check->type));
        }
    }
}

/* Parses "IPV4[:PORT]" or "[IPV6][:PORT]", which may be a loopback address. */
static void
parse_check_target(const char *url, char *s, struct tpr_backend *b)
{
    char *end = *s == '[' ? strchr(s, ']') : strchr(s, ':');
    const char *port = NULL;

    if (*s == '[') {
        s++;
        if (!end || (end[1] && end[1] != ':')) {
            ovs_fatal(0, "--check: %s is not [IPV6]:PORT", url);
        }
        port = end[1] ? &end[2] : NULL;
    } else if (end) {
        port = end + 1;
    }
    if (end) {
        *end = '\0';
    }
    must("check", tpr_parse_address(s, &b->addr));
    if (b->check->type == TPR_CHECK_ICMP) {
        if (port) {
            ovs_fatal(0, "--check: %s: icmp has no ports", url);
        }
    } else if (port) {
        b->port = parse_number("check", port, 1, UINT16_MAX);
    } else if (b->check->type == TPR_CHECK_HTTP) {
        b->port = 80;
    } else if (b->check->type == TPR_CHECK_HTTPS) {
        b->port = 443;
    } else {
        ovs_fatal(0, "--check: %s has no port", url);
    }
}

/* Parses what comes before "://".  Returns what follows, or NULL. */
static char *
parse_check_scheme(char *url, enum tpr_check_type *type)
{
    char *end = strstr(url, "://");
    bool known;

    if (!end) {
        return NULL;
    }
    *end = '\0';
    known = tpr_check_type_from_string(url, type);
    *end = ':';
    return known ? end + 3 : NULL;
}

static struct tpr_backend *
parse_check(const char *url)
{
    struct tpr_backend *b = xzalloc(sizeof *b);
    struct tpr_check *check = b->check = xzalloc(sizeof *b->check);
    char *copy = xstrdup(url);
    char *words = copy + strcspn(copy, ",");    /* A URL has no comma here. */

    if (*words) {
        *words++ = '\0';
    }
    b->name = xstrdup(url);
    b->last_up = -1;
    check->expect_min = TPR_CHECK_EXPECT_MIN;
    check->expect_max = TPR_CHECK_EXPECT_MAX;
    char *target = parse_check_scheme(copy, &check->type);
    if (!target) {
        ovs_fatal(0, "--check: %s does not begin with http://, https://, "
                  "tcp://, udp:// or icmp://", url);
    }
    if (check->type == TPR_CHECK_HTTP || check->type == TPR_CHECK_HTTPS) {
        char *slash = strchr(target, '/');

        check->path = xstrdup(slash ? slash : "/");
        must("check", tpr_check_path(check->path));
        if (slash) {
            *slash = '\0';
        }
    }
    parse_check_target(url, target, b);
    parse_check_words(words, check);
    free(copy);
    return b;
}

static bool
has_check(const struct tpr_service *svc, const char *name)
{
    for (size_t i = 0; i < svc->n_backends; i++) {
        if (!strcmp(svc->backends[i]->name, name)) {
            return true;
        }
    }
    return false;
}

static void
add_check(struct regiond_options *o, const char *url)
{
    struct tpr_service *svc = o->service;
    struct tpr_backend *b = parse_check(url);

    if (has_check(svc, b->name)) {
        ovs_fatal(0, "--check: %s is there twice", b->name);
    }
    svc->backends = xrealloc(svc->backends, ((svc->n_backends + 1)
                                             * sizeof *svc->backends));
    svc->backends[svc->n_backends++] = b;
}

/* Is 's', up to its first comma, what the name of no other check begins
 * with? */
static bool
is_only_url(const struct tpr_service *svc, const char *s)
{
    size_t len = strcspn(s, ","), n = 0;

    for (size_t i = 0; i < svc->n_backends; i++) {
        const char *name = svc->backends[i]->name;

        n += strcspn(name, ",") == len && !strncmp(name, s, len);
    }
    return n == 1;
}

/* What follows a check's URL is part of its name only where others have the
 * same: other hosts of one server, say. */
static void
shorten_check_names(struct tpr_service *svc)
{
    for (size_t i = 0; i < svc->n_backends; i++) {
        char *name = svc->backends[i]->name;

        if (is_only_url(svc, name)) {
            name[strcspn(name, ",")] = '\0';
        }
    }
}

/* All checks have the same timing. */
static void
set_check_timing(struct regiond_options *o, struct state *s)
{
    struct tpr_check *d = &s->defaults;

    if (!s->has_timeout) {
        d->timeout_us = d->interval_us;
    }
    for (size_t i = 0; i < o->service->n_backends; i++) {
        struct tpr_check *check = o->service->backends[i]->check;

        check->interval_us = d->interval_us;
        check->fast_us = MIN(d->fast_us, d->interval_us);
        check->timeout_us = d->timeout_us;
        check->fall = d->fall;
        check->rise = d->rise;
    }
}

/* Agent-check. */

static void
parse_agent(struct regiond_options *o, const char *s)
{
    if (strspn(s, "0123456789") == strlen(s)) {
        o->agent_addr = in6addr_any;
        o->agent_port = parse_number("agent-check", s, 1, UINT16_MAX);
    } else {
        must("agent-check", tpr_parse_listener(s, &o->agent_addr,
                                               &o->agent_port));
    }
}

/* Fills in what 's', "TYPE[:NAME]", says; returns false if it makes no
 * sense. */
static bool
parse_metric_name(const char *s, struct regiond_metric *m)
{
    if (!strcmp(s, "cpu")) {
        m->type = REGIOND_CPU;
    } else if (!strncmp(s, "cgroup:/", 8)) {
        m->type = REGIOND_CGROUP;
        m->name = xstrdup(s + 7);
    } else if (!strncmp(s, "flows:", 6)) {
        m->type = REGIOND_FLOWS;
        m->port = parse_number("agent-metric", s + 6, 1, UINT16_MAX);
    } else if (!strncmp(s, "packets:", 8) && s[8]) {
        m->type = REGIOND_PACKETS;
        m->name = xstrdup(s + 8);
    } else {
        return false;
    }
    return true;
}

static void
add_metric(struct regiond_options *o, const char *s)
{
    const char *comma = strchr(s, ',');
    const char *curve = comma ? comma + 1 : NULL;
    char *name = xmemdup0(s, comma ? comma - s : strlen(s));
    struct regiond_metric *m;

    if (o->n_metrics >= REGIOND_MAX_METRICS) {
        ovs_fatal(0, "--agent-metric: at most %d", REGIOND_MAX_METRICS);
    }
    m = &o->metrics[o->n_metrics++];
    m->text = xstrdup(s);
    if (!parse_metric_name(name, m)) {
        ovs_fatal(0, "--agent-metric: \"%s\" is none of cpu, cgroup:FOLDER, "
                  "flows:PORT, packets:DEVICE", name);
    }
    if (!curve) {
        if (m->type != REGIOND_CPU && m->type != REGIOND_CGROUP) {
            ovs_fatal(0, "--agent-metric: %s needs a curve", name);
        }
        curve = "0:100,100:1";
    }
    must("agent-metric", load_curve_parse(curve, &m->curve));
    free(name);
}

static void
init(struct regiond_options *o, struct state *s)
{
    memset(o, 0, sizeof *o);
    o->interval_us = REGIOND_INTERVAL_US;
    o->fall = REGIOND_FALL;
    o->agent_interval_us = REGIOND_AGENT_INTERVAL_US;
    o->checks = tpr_config_create();
    o->service = xzalloc(sizeof *o->service);
    o->service->name = xstrdup("checks");
    shash_add(&o->checks->services, o->service->name, o->service);

    memset(s, 0, sizeof *s);
    s->defaults.interval_us = TPR_CHECK_INTERVAL_US;
    s->defaults.fall = TPR_CHECK_FALL;
    s->defaults.rise = TPR_CHECK_RISE;
}

/* Handles the options about sessions; returns false if 'c' is none. */
static bool
parse_session_option(int c, struct regiond_options *o, struct state *s)
{
    switch (c) {
    case OPT_PEER:
        add_peer(o, optarg);
        return true;
    case OPT_LOCAL:
        must("local", tpr_parse_host_address(optarg, &o->local));
        return true;
    case OPT_INTERVAL:
        o->interval_us = parse_time("interval", optarg);
        return true;
    case OPT_FALL:
        o->fall = parse_number("fall", optarg, 1, UINT8_MAX);
        return true;
    case OPT_OFFLOAD:
        o->offload = parse_offload(optarg);
        return true;
    case OPT_NO_BFD:
        o->no_bfd = true;
        return true;
    case OPT_PASSIVE:
        o->passive = true;
        return true;
    case OPT_AUTH:
        s->auth = optarg;
        return true;
    case OPT_AUTH_KEY_ID:
        o->auth.key_id = parse_number("auth-key-id", optarg, 0, UINT8_MAX);
        s->has_key_id = true;
        return true;
    case OPT_AUTH_KEY_FILE:
        s->key_file = optarg;
        return true;
    default:
        return false;
    }
}

/* The same for checks. */
static bool
parse_check_option(int c, struct regiond_options *o, struct state *s)
{
    switch (c) {
    case OPT_CHECK:
        add_check(o, optarg);
        return true;
    case OPT_CHECK_INTERVAL:
        s->defaults.interval_us = parse_time("check-interval", optarg);
        return true;
    case OPT_CHECK_FAST_INTERVAL:
        s->defaults.fast_us = parse_time("check-fast-interval", optarg);
        return true;
    case OPT_CHECK_TIMEOUT:
        s->defaults.timeout_us = parse_time("check-timeout", optarg);
        s->has_timeout = true;
        return true;
    case OPT_CHECK_FALL:
        s->defaults.fall = parse_number("check-fall", optarg, 1, 1000);
        return true;
    case OPT_CHECK_RISE:
        s->defaults.rise = parse_number("check-rise", optarg, 1, 1000);
        return true;
    default:
        return false;
    }
}

/* The same for the agent-check. */
static bool
parse_agent_option(int c, struct regiond_options *o)
{
    switch (c) {
    case OPT_AGENT_CHECK:
        parse_agent(o, optarg);
        return true;
    case OPT_AGENT_INTERVAL:
        o->agent_interval_us = parse_time("agent-interval", optarg);
        return true;
    case OPT_AGENT_METRIC:
        add_metric(o, optarg);
        return true;
    default:
        return false;
    }
}

static void
parse_all(struct regiond_options *o, struct state *s, int argc, char *argv[])
{
    static const struct option long_options[] = {
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {"unixctl", required_argument, NULL, OPT_UNIXCTL},
        {"peer", required_argument, NULL, OPT_PEER},
        {"local", required_argument, NULL, OPT_LOCAL},
        {"interval", required_argument, NULL, OPT_INTERVAL},
        {"fall", required_argument, NULL, OPT_FALL},
        {"no-bfd", no_argument, NULL, OPT_NO_BFD},
        {"passive", no_argument, NULL, OPT_PASSIVE},
        {"offload", required_argument, NULL, OPT_OFFLOAD},
        {"auth", required_argument, NULL, OPT_AUTH},
        {"auth-key-id", required_argument, NULL, OPT_AUTH_KEY_ID},
        {"auth-key-file", required_argument, NULL, OPT_AUTH_KEY_FILE},
        {"check", required_argument, NULL, OPT_CHECK},
        {"check-interval", required_argument, NULL, OPT_CHECK_INTERVAL},
        {"check-fast-interval", required_argument, NULL,
         OPT_CHECK_FAST_INTERVAL},
        {"check-timeout", required_argument, NULL, OPT_CHECK_TIMEOUT},
        {"check-fall", required_argument, NULL, OPT_CHECK_FALL},
        {"check-rise", required_argument, NULL, OPT_CHECK_RISE},
        {"agent-check", required_argument, NULL, OPT_AGENT_CHECK},
        {"agent-interval", required_argument, NULL, OPT_AGENT_INTERVAL},
        {"agent-metric", required_argument, NULL, OPT_AGENT_METRIC},
        DAEMON_LONG_OPTIONS,
        VLOG_LONG_OPTIONS,
        {NULL, 0, NULL, 0},
    };
    char *short_options = ovs_cmdl_long_options_to_short_options(long_options);
    int c;

    while ((c = getopt_long(argc, argv, short_options, long_options,
                            NULL)) != -1) {
        if (parse_session_option(c, o, s) || parse_check_option(c, o, s)
            || parse_agent_option(c, o)) {
            continue;
        }
        switch (c) {
        case OPT_UNIXCTL:
            o->unixctl = xstrdup(optarg);
            break;
        case 'h':
            usage();
        case 'V':
            printf("%s (ovs-tpr) %s\n", ovs_get_program_name(), TPR_VERSION);
            exit(EXIT_SUCCESS);
        VLOG_OPTION_HANDLERS
        DAEMON_OPTION_HANDLERS
        case '?':
            exit(EXIT_FAILURE);
        default:
            abort();
        }
    }
    free(short_options);
}

/* Parses the command line into 'o'.  Ends the program if it makes no sense. */
void
regiond_options_parse(struct regiond_options *o, int argc, char *argv[])
{
    struct state s;

    init(o, &s);
    parse_all(o, &s, argc, argv);
    if (optind < argc) {
        ovs_fatal(0, "non-option argument \"%s\" not understood; use --help",
                  argv[optind]);
    }
    for (size_t i = 0; i < o->n_peers; i++) {
        if (!IN6_IS_ADDR_UNSPECIFIED(&o->local)
            && !tpr_same_family(&o->local, &o->peers[i])) {
            ovs_fatal(0, "--local and --peer are of different families");
        }
    }
    if (o->no_bfd && o->n_peers) {
        ovs_fatal(0, "--no-bfd and --peer contradict each other");
    }
    if (o->no_bfd && !o->agent_port) {
        ovs_fatal(0, "--no-bfd without --agent-check leaves nothing to do");
    }
    if (o->n_metrics && !o->agent_port) {
        ovs_fatal(0, "--agent-metric needs --agent-check");
    }
    set_auth(o, &s);
    shorten_check_names(o->service);
    set_check_timing(o, &s);
}

/* Frees what 'o' holds. */
void
regiond_options_destroy(struct regiond_options *o)
{
    for (size_t i = 0; i < o->n_metrics; i++) {
        free(o->metrics[i].text);
        free(o->metrics[i].name);
    }
    tpr_config_destroy(o->checks);
    free(o->unixctl);
}
