/* SPDX-License-Identifier: Apache-2.0 */

/* tpr-perf: what a client sees of a service, request by request.
 *
 * Reads the command line, sets the engine up (perf-client.h), lets it run, and
 * has its figures told (perf-report.h, perf-svg.h).  Needs nothing but libc,
 * so that it runs on any client.  One thread. */

#include <config.h>
#include "tpr-config.h"
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netdb.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>
#include "perf-args.h"
#include "perf-client.h"
#include "perf-report.h"
#include "perf-shares.h"
#include "perf-svg.h"

#define DEFAULT_DURATION_NS INT64_C(60000000000)
#define DEFAULT_TIMEOUT_NS INT64_C(5000000)
#define PROGRESS_NS INT64_C(1000000000)

enum {
    MAX_CONCURRENCY = 100000,
    SPARE_FDS = 32,             /* Beside the connections. */
    MAX_HEADERS = 64,
};

struct options {
    struct perf_client_config client;
    const char *url_word;
    struct perf_url url;
    const char *headers[MAX_HEADERS];
    size_t n_headers;
    const char *bind;
    bool has_duration, json, shares;
    const char *timeline;       /* File, or NULL. */
    const char *shares_file;    /* The same. */
    const char *log;            /* File, or NULL. */
};

static void fatal(const char *format, ...)
    __attribute__((format(printf, 1, 2), noreturn));

/* Usage and setup errors end here, in one sentence. */
static void
fatal(const char *format, ...)
{
    va_list args;

    fprintf(stderr, "tpr-perf: ");
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    putc('\n', stderr);
    exit(EXIT_FAILURE);
}

/* Ends with 'error' if there is one. */
static void
check(const char *option, char *error)
{
    if (error) {
        fatal("%s%s%s", option, *option ? ": " : "", error);
    }
}

static void
usage(void)
{
    printf("\
tpr-perf: what a client sees of a service, request by request\n\
usage: tpr-perf [OPTIONS] http://HOST[:PORT][/PATH]\n\
\n\
How often and how long (times need a unit: 500us, 5ms, 60s):\n\
  -c N                     requests at a time (default: 1)\n\
  -d, --duration TIME      start requests for TIME (default: 60s)\n\
  --requests N             end after N requests (then -d has no default)\n\
  -t, --timeout TIME       for each, from connect to last byte"
" (default: 5ms)\n\
  -i, --interval TIME      pause after each (default: none)\n\
  --rate N                 start N a second\n\
  --keepalive              use connections again (default: one a request)\n\
\n\
What is asked and expected:\n\
  -H 'NAME: VALUE'         header to send; may be repeated\n\
  --expect STATUS          status of a success (default: 200)\n\
  --bind ADDRESS           source address\n\
  --server-header NAME     field that says who answered"
" (default: X-Served-By)\n\
  --server-body            where it is missing: the body's first line does\n\
\n\
What is told:\n\
  --json                   one JSON object instead of text\n\
  --shares[=FILE.svg]      bars: who answered how many; or a picture of them\n\
  --timeline FILE.svg      a picture of the run\n\
  --log FILE               one line a request, written at the end\n\
  --progress               one line a second on standard error\n\
  -h, --help               this help\n\
  -V, --version            the version\n\
\n\
Exit status: 0 if it ran, however the requests went; 1 if it could not.\n");
    exit(EXIT_SUCCESS);
}

/* Options ------------------------------------------------------------------*/

enum {
    OPT_REQUESTS = 256, OPT_RATE, OPT_KEEPALIVE, OPT_EXPECT, OPT_BIND,
    OPT_SERVER_HEADER, OPT_SERVER_BODY, OPT_JSON, OPT_SHARES, OPT_TIMELINE,
    OPT_LOG, OPT_PROGRESS,
};

static const struct option long_options[] = {
    { "duration", required_argument, NULL, 'd' },
    { "timeout", required_argument, NULL, 't' },
    { "interval", required_argument, NULL, 'i' },
    { "requests", required_argument, NULL, OPT_REQUESTS },
    { "rate", required_argument, NULL, OPT_RATE },
    { "keepalive", no_argument, NULL, OPT_KEEPALIVE },
    { "expect", required_argument, NULL, OPT_EXPECT },
    { "bind", required_argument, NULL, OPT_BIND },
    { "server-header", required_argument, NULL, OPT_SERVER_HEADER },
    { "server-body", no_argument, NULL, OPT_SERVER_BODY },
    { "json", no_argument, NULL, OPT_JSON },
    { "shares", optional_argument, NULL, OPT_SHARES },
    { "timeline", required_argument, NULL, OPT_TIMELINE },
    { "log", required_argument, NULL, OPT_LOG },
    { "progress", no_argument, NULL, OPT_PROGRESS },
    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'V' },
    { NULL, 0, NULL, 0 },
};

/* A line a second: what was seen so far, and the last second. */
static void
print_progress(const struct perf_run *run, int64_t now_ns)
{
    static size_t seen, failed, failed_before;
    size_t before = seen;

    for (; seen < run->n; seen++) {
        failed += run->records[seen].kind != PERF_OK;
    }
    fprintf(stderr, "%6.1f s: %zu requests, %zu failed; in the last second "
            "%zu, %zu failed\n", now_ns / 1e9, seen, failed, seen - before,
            failed - failed_before);
    failed_before = failed;
}

static uint64_t
number_option(const char *option, uint64_t min, uint64_t max)
{
    uint64_t number = 0;

    check(option, perf_parse_number("it", optarg, min, max, &number));
    return number;
}

static int64_t
time_option(const char *option, int64_t min_ns)
{
    int64_t ns = 0;

    check(option, perf_parse_time(optarg, &ns));
    if (ns < min_ns) {
        fatal("%s: '%s' is too short", option, optarg);
    }
    return ns;
}

static void
parse_option(int c, struct options *options)
{
    struct perf_client_config *client = &options->client;

    switch (c) {
    case 'c':
        client->concurrency = number_option("-c", 1, MAX_CONCURRENCY);
        break;
    case 'd':
        client->duration_ns = time_option("--duration", 1);
        options->has_duration = true;
        break;
    case 't':
        client->timeout_ns = time_option("--timeout", 1000);
        break;
    case 'i':
        client->interval_ns = time_option("--interval", 0);
        break;
    case OPT_REQUESTS:
        client->max_requests = number_option("--requests", 1, 1000000000);
        break;
    case OPT_RATE:
        check("--rate", perf_parse_rate(optarg, &client->rate));
        break;
    case OPT_KEEPALIVE:
        client->keepalive = true;
        break;
    case 'H':
        check("-H", perf_check_header(optarg));
        if (options->n_headers >= MAX_HEADERS) {
            fatal("-H: more than %d headers", MAX_HEADERS);
        }
        options->headers[options->n_headers++] = optarg;
        break;
    case OPT_EXPECT:
        client->expect = number_option("--expect", 200, 999);
        break;
    case OPT_BIND:
        options->bind = optarg;
        break;
    case OPT_SERVER_HEADER:
        client->server_header = optarg;
        break;
    case OPT_SERVER_BODY:
        client->server_body = true;
        break;
    case OPT_JSON:
        options->json = true;
        break;
    case OPT_SHARES:
        options->shares = !optarg;
        options->shares_file = optarg;
        break;
    case OPT_TIMELINE:
        options->timeline = optarg;
        break;
    case OPT_LOG:
        options->log = optarg;
        break;
    case OPT_PROGRESS:
        client->progress = print_progress;
        break;
    case 'h':
        usage();
        break;
    case 'V':
        printf("tpr-perf (ovs-tpr) %s\n", PACKAGE_VERSION);
        exit(EXIT_SUCCESS);
    default:
        fprintf(stderr, "tpr-perf: see tpr-perf --help\n");
        exit(EXIT_FAILURE);
    }
}

static void
parse_options(int argc, char *argv[], struct options *options)
{
    int c;

    options->client = (struct perf_client_config) {
        .expect = 200,
        .server_header = "X-Served-By",
        .concurrency = 1,
        .timeout_ns = DEFAULT_TIMEOUT_NS,
        .progress_ns = PROGRESS_NS,
        .stop_fd = -1,
    };
    while ((c = getopt_long(argc, argv, "c:d:t:i:H:hV", long_options, NULL))
           != -1) {
        parse_option(c, options);
    }
    if (optind != argc - 1) {
        fatal("%s; see tpr-perf --help",
              optind == argc ? "it needs a URL" : "it takes one URL only");
    }
    options->url_word = argv[optind];
    check("", perf_parse_url(options->url_word, &options->url));
    if (options->client.rate > 0 && options->client.interval_ns) {
        fatal("--rate and --interval contradict each other");
    }
    if (!options->has_duration && !options->client.max_requests) {
        options->client.duration_ns = DEFAULT_DURATION_NS;
    }
}

/* Setup --------------------------------------------------------------------*/

static void
resolve(const char *host, const char *port, int family, int flags,
        struct sockaddr_storage *address, socklen_t *len)
{
    struct addrinfo hints = {
        .ai_family = family,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = flags,
    };
    struct addrinfo *found;
    int error = getaddrinfo(host, port, &hints, &found);

    if (error) {
        fatal("%s: %s", host, error == EAI_SYSTEM ? strerror(errno)
              : gai_strerror(error));
    }
    memcpy(address, found->ai_addr, found->ai_addrlen);
    *len = found->ai_addrlen;
    freeaddrinfo(found);
}

/* The server's address, and ours; names are looked up once, here. */
static void
set_addresses(struct options *options)
{
    struct perf_client_config *client = &options->client;

    resolve(options->url.host, options->url.port, AF_UNSPEC, 0,
            &client->peer, &client->peer_len);
    if (!options->bind) {
        return;
    }
    resolve(options->bind, NULL, client->peer.ss_family, AI_NUMERICHOST,
            &client->local, &client->local_len);

    int fd = socket(client->peer.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *) &client->local,
                       client->local_len)) {
        fatal("--bind: %s: %s", options->bind, strerror(errno));
    }
    close(fd);
}

static bool
has_header(const struct options *options, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < options->n_headers; i++) {
        if (!strncasecmp(options->headers[i], name, len)
            && options->headers[i][len] == ':') {
            return true;
        }
    }
    return false;
}

/* The request, which is always the same; to be freed. */
static char *
compose_request(const struct options *options, size_t *len)
{
    char *request;
    FILE *stream = open_memstream(&request, len);

    if (!stream) {
        fatal("out of memory");
    }
    fprintf(stream, "GET %s HTTP/1.1\r\n", options->url.path);
    if (!has_header(options, "Host")) {
        fprintf(stream, "Host: %s\r\n", options->url.authority);
    }
    if (!has_header(options, "User-Agent")) {
        fprintf(stream, "User-Agent: tpr-perf\r\n");
    }
    for (size_t i = 0; i < options->n_headers; i++) {
        fprintf(stream, "%s\r\n", options->headers[i]);
    }
    fprintf(stream, "%s\r\n",
            options->client.keepalive ? "" : "Connection: close\r\n");
    if (fclose(stream)) {
        fatal("out of memory");
    }
    return request;
}

/* Room for a descriptor a connection. */
static void
raise_fd_limit(unsigned int concurrency)
{
    struct rlimit limit;
    rlim_t need = concurrency + SPARE_FDS;

    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= need) {
        return;
    }
    if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < need) {
        fatal("-c %u needs %llu file descriptors, but the limit is %llu; "
              "raise it with ulimit -n", concurrency,
              (unsigned long long) need, (unsigned long long) limit.rlim_max);
    }
    limit.rlim_cur = need;
    if (setrlimit(RLIMIT_NOFILE, &limit)) {
        fatal("cannot raise the limit of file descriptors: %s",
              strerror(errno));
    }
}

/* SIGINT and SIGTERM end the run in order; a descriptor says so. */
static int
open_signals(void)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);

    int fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0) {
        fatal("cannot watch signals: %s", strerror(errno));
    }
    return fd;
}

/* Opened before the run: an hour's figures aren't lost to a typing error. */
static FILE *
open_output(const char *option, const char *file)
{
    if (!file) {
        return NULL;
    }

    FILE *stream = fopen(file, "we");
    if (!stream) {
        fatal("%s: %s: %s", option, file, strerror(errno));
    }
    return stream;
}

/* Outcome ------------------------------------------------------------------*/

/* Closes 'stream'; false, and a sentence, if not all could be written. */
static bool
close_output(const char *file, FILE *stream, bool ok)
{
    bool failed = ferror(stream);

    if (fclose(stream) || failed || !ok) {
        fprintf(stderr, "tpr-perf: %s: not written: %s\n", file,
                ok ? strerror(errno) : "out of memory");
        return false;
    }
    return true;
}

/* Figures of the run, in all ways asked for; false if one of them failed. */
static bool
tell(struct perf_report *report, const struct options *options,
     FILE *timeline, FILE *shares, FILE *log)
{
    bool ok = true;

    struct perf_summary *summary = calloc(1, sizeof *summary);
    if (!summary) {
        fatal("out of memory");
    }
    if (!perf_summarize(report->run, summary)) {
        fprintf(stderr, "tpr-perf: no memory for latencies\n");
        ok = false;
    }
    report->summary = summary;

    if (timeline) {
        ok &= close_output(options->timeline, timeline,
                           perf_svg_write(report, timeline));
    }
    if (shares) {
        perf_shares_svg_write(report, shares);
        ok &= close_output(options->shares_file, shares, true);
    }
    if (log) {
        perf_report_log(report, log);
        ok &= close_output(options->log, log, true);
    }
    (options->json ? perf_report_json : perf_report_text)(report, stdout);
    if (fflush(stdout) || ferror(stdout)) {
        fprintf(stderr, "tpr-perf: standard output: %s\n", strerror(errno));
        ok = false;
    }
    free(summary);
    return ok;
}

int
main(int argc, char *argv[])
{
    struct options options = { .url_word = NULL };
    struct perf_client_config *client = &options.client;
    struct perf_run run;

    parse_options(argc, argv, &options);
    set_addresses(&options);
    raise_fd_limit(client->concurrency);
    char *request = compose_request(&options, &client->request_len);
    client->request = request;
    FILE *timeline = open_output("--timeline", options.timeline);
    FILE *shares = open_output("--shares", options.shares_file);
    FILE *log = open_output("--log", options.log);
    client->stop_fd = open_signals();
    if (!perf_run_init(&run)) {
        fatal("out of memory");
    }

    struct perf_report report = {
        .url = options.url_word,
        .concurrency = client->concurrency,
        .keepalive = client->keepalive,
        .timeout_ns = client->timeout_ns,
        .interval_ns = client->interval_ns,
        .rate = client->rate,
        .shares = options.shares,
        .run = &run,
    };
    clock_gettime(CLOCK_REALTIME, &report.started);
    char *error = perf_client_run(client, &run, &report.started_ns);
    struct signalfd_siginfo info;
    report.interrupted = read(client->stop_fd, &info, sizeof info) > 0;
    report.error = error;

    bool ok = tell(&report, &options, timeline, shares, log);
    if (error) {
        fprintf(stderr, "tpr-perf: %s\n", error);
        ok = false;
    }
    free(error);
    perf_run_destroy(&run);
    close(client->stop_fd);
    free(request);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
