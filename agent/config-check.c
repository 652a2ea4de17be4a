/* SPDX-License-Identifier: Apache-2.0 */

/* Rows of Health_Check: judged and turned into checks of backends.
 *
 * See config-row.h.  Threads: main thread. */

#include <config.h>
#include "config-row.h"

#include <stdlib.h>
#include <string.h>

#include "sset.h"
#include "tpr-idl.h"
#include "util.h"

static void
check_http(struct row *row, const struct tprrec_health_check *in,
           struct tpr_check *out)
{
    if (in->path) {
        row_take_error(row, "path", tpr_check_path(in->path));
    }
    if (in->host) {
        row_take_error(row, "host", tpr_check_host(in->host));
    }
    out->path = xstrdup(in->path ? in->path : "/");
    out->host = nullable_xstrdup(in->host);
    out->keepalive = in->n_keepalive && *in->keepalive;
    out->expect_min = TPR_CHECK_EXPECT_MIN;
    out->expect_max = TPR_CHECK_EXPECT_MAX;
    if (in->expect) {
        row_take_error(row, "expect",
                       tpr_parse_status_range(in->expect, &out->expect_min,
                                              &out->expect_max));
    }
}

static void
row_bytes(struct row *row, const char *column, const char *text,
          struct tpr_bytes *value)
{
    if (text) {
        row_take_error(row, column, tpr_parse_bytes(text, value));
    }
}

/* What a host's name is good for in a handshake: a name, not an address. */
static void
check_https(struct row *row, const struct tprrec_health_check *in,
            struct tpr_check *out)
{
    if (in->sni) {
        row_take_error(row, "sni", tpr_check_host(in->sni));
    }
    if (in->ca_file && in->ca_file[0] != '/') {
        row_complain(row, "ca_file", "\"%s\" is not an absolute path",
                     in->ca_file);
    }
    out->sni = nullable_xstrdup(in->sni);
    out->ca_file = nullable_xstrdup(in->ca_file);
    out->no_verify = in->n_verify && !*in->verify;
    if (out->no_verify && in->ca_file) {
        row_complain(row, "ca_file", "verify=false makes no use of it");
    }
}

/* Complains about columns that check of 'type' makes no use of. */
static void
check_misfits(struct row *row, const struct tprrec_health_check *in,
              enum tpr_check_type type)
{
    bool http = type == TPR_CHECK_HTTP || type == TPR_CHECK_HTTPS;
    bool talk = type == TPR_CHECK_TCP || type == TPR_CHECK_UDP;
    const struct {
        const char *name;
        bool is_set, fits;
    } columns[] = {
        { "path", in->path != NULL, http },
        { "host", in->host != NULL, http },
        { "expect", in->expect != NULL, http || talk },
        { "keepalive", in->n_keepalive > 0, http },
        { "send", in->send != NULL, talk || type == TPR_CHECK_AGENT },
        { "port", in->n_port > 0, type != TPR_CHECK_ICMP },
        { "verify", in->n_verify > 0, type == TPR_CHECK_HTTPS },
        { "ca_file", in->ca_file != NULL, type == TPR_CHECK_HTTPS },
        { "sni", in->sni != NULL, type == TPR_CHECK_HTTPS },
        { "fast_interval", in->fast_interval != NULL,
          type != TPR_CHECK_AGENT },
        { "fall", in->n_fall > 0, type != TPR_CHECK_AGENT },
        { "rise", in->n_rise > 0, type != TPR_CHECK_AGENT },
    };

    for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
        if (columns[i].is_set && !columns[i].fits) {
            row_complain(row, columns[i].name, "means nothing for type %s",
                         tpr_check_type_to_string(type));
        }
    }
}

static void
check_timing(struct row *row, const struct tprrec_health_check *in,
             struct tpr_check *out)
{
    out->interval_us = TPR_CHECK_INTERVAL_US;
    row_interval(row, "interval", in->interval, &out->interval_us);
    out->timeout_us = out->interval_us;
    row_interval(row, "timeout", in->timeout, &out->timeout_us);
    if (out->timeout_us > out->interval_us) {
        row_complain(row, "timeout", "\"%s\" is longer than the interval",
                     in->timeout);
    }
    out->fast_us = out->interval_us;
    row_interval(row, "fast_interval", in->fast_interval, &out->fast_us);
    if (out->fast_us > out->interval_us) {
        row_complain(row, "fast_interval", "\"%s\" is longer than the "
                     "interval", in->fast_interval);
    }
    out->fall = row_integer(row, "fall", in->fall, in->n_fall, 1, 255,
                            TPR_CHECK_FALL);
    out->rise = row_integer(row, "rise", in->rise, in->n_rise, 1, 255,
                            TPR_CHECK_RISE);
}

/* The port that a check by 'proto' of a backend of 'vip' asks by itself, 0 if
 * there is none. */
static uint16_t
default_port(const struct tpr_vip *vip, enum tpr_proto proto,
             uint16_t backend_port)
{
    return (vip->proto != proto ? 0
            : backend_port ? backend_port
            : vip->n_ports ? vip->ports[0].first : 0);
}

/* Finds out the port of 'out' for a backend of 'vip' that listens on
 * 'backend_port' (0: where the client asked). */
static void
check_port(struct row *row, const struct tprrec_health_check *in,
           const struct tpr_vip *vip, uint16_t backend_port,
           struct tpr_check *out)
{
    enum tpr_proto proto = (out->type == TPR_CHECK_UDP
                            ? TPR_PROTO_UDP : TPR_PROTO_TCP);

    if (out->type == TPR_CHECK_ICMP) {
        return;
    }
    out->port = row_integer(row, "port", in->port, in->n_port, 1, UINT16_MAX,
                            0);
    if (out->type == TPR_CHECK_AGENT) {
        if (!out->port) {
            row_complain(row, "port", "an agent-check needs the port of the "
                         "agent");
        }
        return;
    }
    out->port = out->port ? out->port : default_port(vip, proto, backend_port);
    if (!out->port) {
        row_complain(row, "port", "a check of this service needs a port, for "
                     "the VIP names no %s port",
                     proto == TPR_PROTO_UDP ? "UDP" : "TCP");
    }
}

/* Returns the check that 'in' describes for a backend of 'service' that
 * listens on 'backend_port' (0: where the client asked). */
static struct tpr_check *
row_check(struct row *row, const struct tprrec_health_check *in,
          const struct tpr_service *service, uint16_t backend_port)
{
    static const char *const words[] = {
#define TPR_CHECK(ENUM, NAME) [TPR_CHECK_##ENUM] = NAME,
        TPR_CHECKS
#undef TPR_CHECK
    };
    struct tpr_check *out = xzalloc(sizeof *out);

    out->type = row_word(row, "type", in->type, words, ARRAY_SIZE(words),
                         TPR_CHECK_TCP);
    check_misfits(row, in, out->type);
    switch (out->type) {
    case TPR_CHECK_HTTPS:
        check_https(row, in, out);
        /* fall through */
    case TPR_CHECK_HTTP:
        check_http(row, in, out);
        break;
    case TPR_CHECK_TCP:
    case TPR_CHECK_UDP:
        row_bytes(row, "send", in->send, &out->send);
        row_bytes(row, "expect", in->expect, &out->expect);
        break;
    case TPR_CHECK_AGENT:
        row_bytes(row, "send", in->send, &out->send);
        break;
    case TPR_CHECK_ICMP:
        if (service->vip.proto == TPR_PROTO_ANY
            && ipv6_addr_is_set(&service->vip.addr)) {
            row_complain(row, "type", "echo requests go where a service of "
                         "all protocols is redirected to");
        }
        break;
    }
    check_timing(row, in, out);
    check_port(row, in, &service->vip, backend_port, out);
    return out;
}

/* Returns the check that passive detection makes where the configuration has
 * none: suspicion alone takes nobody down. */
static struct tpr_check *
passive_check(struct row *row, const struct tpr_service *service,
              uint16_t backend_port)
{
    struct tpr_check *out = xzalloc(sizeof *out);

    out->type = TPR_CHECK_TCP;
    out->interval_us = out->timeout_us = TPR_CHECK_INTERVAL_US;
    out->fall = TPR_CHECK_FALL;
    out->rise = TPR_CHECK_RISE;
    out->port = default_port(&service->vip, TPR_PROTO_TCP, backend_port);
    if (!out->port) {
        row_complain(row, "check", "passive_detection needs a check, and the "
                     "VIP names no TCP port: give the service a check with a "
                     "port");
    }
    return out;
}

/* Judges that 'in' is in column "agent_check", if 'agent', or "check". */
static void
check_place(struct row *row, const struct tprrec_health_check *in, bool agent)
{
    if (agent != !strcmp(in->type, "agent")) {
        row_complain(row, "type", agent
                     ? "\"%s\" is not \"agent\", which agent_check wants"
                     : "\"%s\" is for agent_check", in->type);
    }
}

static void
judge_service_check(struct row *row, const struct tprrec_health_check *in,
                    const struct tpr_service *service, bool agent)
{
    struct row check;

    row_init(&check, row->complaints, row->kept, "%s of service %s",
             agent ? "Agent-check" : "Health_Check", service->name);
    check_place(&check, in, agent);
    tpr_check_destroy(row_check(&check, in, service, 0));
    row->bad |= check.bad;
    row_destroy(&check);
}

/* Judges the checks of 'service' that its backends inherit. */
void
row_service_checks(struct row *row, const struct tprrec_service *in,
                   const struct tpr_service *service)
{
    if (in->check) {
        judge_service_check(row, in->check, service, false);
    }
    if (in->agent_check) {
        judge_service_check(row, in->agent_check, service, true);
    }
}

/* Returns what 'own', the row of 'backend' itself, describes, else what
 * 'inherited' does; both may be NULL. */
static struct tpr_check *
make_check(struct row *row, const struct tprrec_health_check *own,
           const struct tprrec_health_check *inherited, bool agent,
           const struct tpr_service *service,
           const struct tpr_backend *backend)
{
    struct sset dummy = SSET_INITIALIZER(&dummy);
    struct tpr_check *check = NULL;
    struct row sub;

    if (own) {
        row_init(&sub, row->complaints, row->kept, "%s of backend %s",
                 agent ? "Agent-check" : "Health_Check", backend->name);
        check_place(&sub, own, agent);
        check = row_check(&sub, own, service, backend->port);
        row->bad |= sub.bad;
        row_destroy(&sub);
    } else if (inherited) {
        /* row_service_checks() has complained, once for all backends. */
        row_init(&sub, &dummy, false, "dummy");
        check = row_check(&sub, inherited, service, backend->port);
        row_destroy(&sub);
    } else if (service->passive_us && !agent) {
        check = passive_check(row, service, backend->port);
    }
    sset_destroy(&dummy);
    return check;
}

/* Gives 'out' its own checks, or those of 'service_row', if any. */
void
row_backend_checks(struct row *row, const struct tprrec_backend *in,
                   const struct tprrec_service *service_row,
                   const struct tpr_service *service,
                   struct tpr_backend *out)
{
    out->check = make_check(row, in->check, service_row->check, false,
                            service, out);
    out->agent_check = make_check(row, in->agent_check,
                                  service_row->agent_check, true, service,
                                  out);
    if (out->check && out->check->type == TPR_CHECK_ICMP
        && !memcmp(&out->addr, &service->vip.addr, sizeof out->addr)) {
        row_complain(row, "check", "the backend's address is the VIP: the "
                     "switch may answer echo requests in its place");
    }
    if (out->agent_check && in->agent) {
        free(agent_words_parse(in->agent, &out->last_agent));
    }
}
