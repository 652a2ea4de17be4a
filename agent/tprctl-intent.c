/* SPDX-License-Identifier: Apache-2.0 */

/* Commands of ovs-tprctl that steer: drain, undrain, failover, failback,
 * bypass.  Each writes a row of Intent with who, when, why and until.
 *
 * Threads: main thread. */

#include <config.h>
#include "tprctl.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "model.h"
#include "openvswitch/dynamic-string.h"
#include "timeval.h"
#include "util.h"

/* Returns who gives the order: "user@host"; under sudo(8) the user behind
 * it. */
static char *
get_who(void)
{
    const char *user = getenv("SUDO_USER");
    const struct passwd *pw;
    char host[256];

    if (!user || !*user) {
        pw = getpwuid(geteuid());
        user = pw ? pw->pw_name : "unknown";
    }
    if (gethostname(host, sizeof host)) {
        ovs_strlcpy(host, "localhost", sizeof host);
    }
    host[sizeof host - 1] = '\0';
    return xasprintf("%s@%s", user, host);
}

/* Prints 'ms', a wall clock time, as local time. */
const char *
tprctl_format_time(int64_t ms, char *buf, size_t size)
{
    time_t t = ms / 1000;
    struct tm tm;

    if (!localtime_r(&t, &tm)
        || !strftime(buf, size, "%Y-%m-%d %H:%M:%S", &tm)) {
        snprintf(buf, size, "%lld ms", (long long int) ms);
    }
    return buf;
}

/* Parses 's', a time of today or tomorrow ("18:30") or a date and time
 * ("2026-11-21 18:30[:00]", also with a T), in local time. */
static bool
parse_until(const char *s, int64_t *ms)
{
    static const char *const dates[] = {
        "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S",
        "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M",
    };
    time_t now = time_wall();
    const char *end;
    struct tm tm;

    for (size_t i = 0; i < ARRAY_SIZE(dates); i++) {
        memset(&tm, 0, sizeof tm);
        end = strptime(s, dates[i], &tm);
        if (end && !*end) {
            tm.tm_isdst = -1;
            *ms = mktime(&tm) * 1000LL;
            return true;
        }
    }
    localtime_r(&now, &tm);
    tm.tm_sec = 0;
    end = strptime(s, "%H:%M", &tm);
    if (!end || *end) {
        return false;
    }
    tm.tm_isdst = -1;
    if (mktime(&tm) <= now) {
        tm.tm_mday++;
    }
    tm.tm_isdst = -1;
    *ms = mktime(&tm) * 1000LL;
    return true;
}

/* Reads --for and --until into '*until_ms', 0 if there is neither.  Returns
 * false after ctl_error(). */
static bool
get_until(struct ctl_context *ctx, int64_t *until_ms)
{
    const char *for_ = shash_find_data(&ctx->options, "--for");
    const char *until = shash_find_data(&ctx->options, "--until");

    *until_ms = 0;
    if (for_ && until) {
        ctl_error(ctx, "%s: --for and --until exclude each other",
                  ctx->argv[0]);
        return false;
    }
    if (for_) {
        long long int us;
        char *error = tpr_parse_duration_range(for_, 1000 * 1000,
                                               10000 * TPR_HOUR_US, &us);

        if (error) {
            ctl_error(ctx, "%s: --for: %s", ctx->argv[0], error);
            free(error);
            return false;
        }
        *until_ms = time_wall_msec() + us / 1000;
    }
    if (until) {
        if (!parse_until(until, until_ms)) {
            ctl_error(ctx, "%s: --until: \"%s\" is not a time: write 18:30 or "
                      "\"2026-11-21 18:30\"", ctx->argv[0], until);
            return false;
        }
        if (*until_ms <= time_wall_msec()) {
            ctl_error(ctx, "%s: --until: \"%s\" is over", ctx->argv[0], until);
            return false;
        }
    }
    return true;
}

/* Deletes the intents of 'kind' for 'object'.  Returns how many. */
static size_t
delete_intents(struct ctl_context *ctx, enum tpr_intent_kind kind,
               const char *object)
{
    const struct tprrec_intent *intent, *next;
    size_t n = 0;

    TPRREC_INTENT_FOR_EACH_SAFE (intent, next, ctx->idl) {
        if (!strcmp(intent->kind, tpr_intent_kind_to_string(kind))
            && !strcmp(intent->object, object)) {
            tprrec_intent_delete(intent);
            n++;
        }
    }
    return n;
}

/* Deletes the intents that would outlive what they are about: a region, a
 * service, or "SERVICE/BACKEND". */
void
tprctl_forget(struct ctl_context *ctx, const char *name)
{
    const struct tprrec_intent *intent, *next;
    size_t n = strlen(name);

    TPRREC_INTENT_FOR_EACH_SAFE (intent, next, ctx->idl) {
        if (!strcmp(intent->object, name)
            || (!strncmp(intent->object, name, n) && intent->object[n] == '/')
            || (intent->to && !strcmp(intent->to, name))) {
            tprrec_intent_delete(intent);
        }
    }
}

/* Deletes the order that moves 'service' to 'region', where it has no backend
 * any more, and says so. */
void
tprctl_forget_failover(struct ctl_context *ctx, const char *service,
                       const char *region)
{
    const struct tprrec_intent *intent, *next;

    TPRREC_INTENT_FOR_EACH_SAFE (intent, next, ctx->idl) {
        if (!strcmp(intent->kind,
                    tpr_intent_kind_to_string(TPR_INTENT_FAILOVER))
            && !strcmp(intent->object, service)
            && intent->to && !strcmp(intent->to, region)) {
            tprrec_intent_delete(intent);
            ds_put_format(&ctx->output, "failover of %s to %s ends: it has "
                          "no backend there any more\n", service, region);
        }
    }
}

/* Writes an intent in place of earlier ones of 'kind' for 'object'. */
static void
add_intent(struct ctl_context *ctx, enum tpr_intent_kind kind,
           const char *object, const char *to)
{
    const char *reason = shash_find_data(&ctx->options, "--reason");
    const struct tprrec_intent *intent;
    int64_t until_ms;
    char *who;

    if (!get_until(ctx, &until_ms)) {
        return;
    }
    tprctl_root(ctx);
    delete_intents(ctx, kind, object);
    who = get_who();
    intent = tprrec_intent_insert(ctx->txn);
    tprrec_intent_set_kind(intent, tpr_intent_kind_to_string(kind));
    tprrec_intent_set_object(intent, object);
    tprrec_intent_set_to(intent, to);
    tprrec_intent_set_who(intent, who);
    tprrec_intent_set_when(intent, time_wall_msec());
    if (until_ms) {
        tprrec_intent_set_until(intent, &until_ms, 1);
    }
    tprrec_intent_set_reason(intent, reason ? reason : "");
    free(who);
    tprctl.judge = true;
    if (shash_find(&ctx->options, "--wait")) {
        tprctl.await = xrealloc(tprctl.await, (tprctl.n_await + 1)
                                * sizeof *tprctl.await);
        tprctl.await[tprctl.n_await++] = xmemdup(&intent->header_.uuid,
                                                 sizeof(struct uuid));
    }
}

/* Returns the name under which drains know 'object', a region or
 * SERVICE/BACKEND; NULL after ctl_error().  The caller frees it. */
static char *
drain_object(struct ctl_context *ctx, const char *object)
{
    const struct tprrec_backend *backend;

    if (!strchr(object, '/')) {
        return tprctl_find_region(ctx, object) ? xstrdup(object) : NULL;
    }
    backend = tprctl_find_full_backend(ctx, object);
    return (backend
            ? xasprintf("%.*s/%s", (int) strcspn(object, "/"), object,
                        tprctl_backend_name(backend))
            : NULL);
}

/* "drain REGION|SERVICE/BACKEND" */
static void
cmd_drain(struct ctl_context *ctx)
{
    char *object = drain_object(ctx, ctx->argv[1]);

    if (object) {
        add_intent(ctx, TPR_INTENT_DRAIN, object, NULL);
        free(object);
    }
}

static void
cmd_undrain(struct ctl_context *ctx)
{
    if (!delete_intents(ctx, TPR_INTENT_DRAIN, ctx->argv[1])
        && !shash_find(&ctx->options, "--if-exists")) {
        ctl_error(ctx, "undrain: \"%s\" is not being drained", ctx->argv[1]);
    }
}

/* "failover SERVICE REGION" */
static void
cmd_failover(struct ctl_context *ctx)
{
    const struct tprrec_service *service
        = tprctl_find_service(ctx, ctx->argv[1]);
    const struct tprrec_region *region
        = service ? tprctl_find_region(ctx, ctx->argv[2]) : NULL;
    bool found = false;

    if (!region) {
        return;
    }
    for (size_t i = 0; i < service->n_backends; i++) {
        found |= service->backends[i]->region == region;
    }
    if (!found) {
        ctl_error(ctx, "failover: service \"%s\" has no backend in region "
                  "\"%s\"", service->name, region->name);
        return;
    }
    delete_intents(ctx, TPR_INTENT_FAILBACK, service->name);
    add_intent(ctx, TPR_INTENT_FAILOVER, service->name, region->name);
}

/* "failback SERVICE" */
static void
cmd_failback(struct ctl_context *ctx)
{
    const struct tprrec_service *service
        = tprctl_find_service(ctx, ctx->argv[1]);

    if (service) {
        delete_intents(ctx, TPR_INTENT_FAILOVER, service->name);
        add_intent(ctx, TPR_INTENT_FAILBACK, service->name, NULL);
    }
}

/* "bypass on|off" */
static void
cmd_bypass(struct ctl_context *ctx)
{
    if (!strcmp(ctx->argv[1], "on")) {
        add_intent(ctx, TPR_INTENT_BYPASS, "", NULL);
    } else if (!strcmp(ctx->argv[1], "off")) {
        delete_intents(ctx, TPR_INTENT_BYPASS, "");
    } else {
        ctl_error(ctx, "bypass: \"%s\" is neither on nor off", ctx->argv[1]);
    }
}

#define HOW "--for=,--until=,--reason=,--wait"

const struct ctl_command_syntax tprctl_intent_commands[] = {
    {"drain", 1, 1, "REGION|SERVICE/BACKEND", NULL, cmd_drain, NULL, HOW, RW},
    {"undrain", 1, 1, "REGION|SERVICE/BACKEND", NULL, cmd_undrain, NULL,
     "--if-exists", RW},
    {"failover", 2, 2, "SERVICE REGION", NULL, cmd_failover, NULL, HOW, RW},
    {"failback", 1, 1, "SERVICE", NULL, cmd_failback, NULL,
     "--reason=,--wait", RW},
    {"bypass", 1, 1, "on|off", NULL, cmd_bypass, NULL, HOW, RW},
    {NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, RO},
};
