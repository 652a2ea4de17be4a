/* SPDX-License-Identifier: Apache-2.0 */

/* One word and one line about the whole; summary.h says what for. */

#include <config.h>
#include "summary.h"

#include <ctype.h>
#include <stdlib.h>

#include "agent.h"
#include "model.h"
#include "openvswitch/dynamic-string.h"
#include "policy.h"
#include "tpr-time.h"
#include "util.h"

/* What there is to count. */
struct tally {
    unsigned int services, backup, down, starting, manual;
    unsigned int regions_down, draining;
};

static void
put_clause(struct ds *s, const char *format, ...)
    OVS_PRINTF_FORMAT(2, 3);

static void
put_clause(struct ds *s, const char *format, ...)
{
    va_list args;

    if (s->length) {
        ds_put_cstr(s, ", ");
    }
    va_start(args, format);
    ds_put_format_valist(s, format, args);
    va_end(args);
}

static void
tally_regions(const struct agent_view *v, struct tally *t, struct ds *s)
{
    const struct shash_node **sorted = shash_sort(&v->config->regions);
    size_t n = shash_count(&v->config->regions);

    for (size_t i = 0; i < n; i++) {
        const struct tpr_region *region = sorted[i]->data;
        long long int hold_us, since_us;
        bool draining;
        enum heartbeat_state state = policy_region_state(
            v->policy, region, &draining, &hold_us, &since_us);

        if (state == HEARTBEAT_DOWN) {
            long long int sec = (tpr_now_us() - since_us) / 1000000;

            t->regions_down++;
            put_clause(s, "%s %s %02lld:%02lld:%02lld", region->name,
                       hold_us ? "held down after flapping" : "down",
                       sec / 3600, sec / 60 % 60, sec % 60);
        }
        if (draining) {
            t->draining++;
            put_clause(s, "%s draining", region->name);
        }
    }
    free(sorted);
}

static void
tally_services(const struct agent_view *v, struct tally *t)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &v->config->services) {
        const struct tpr_service *svc = node->data;
        enum policy_mode mode;
        const struct tpr_backend *active = policy_active(v->policy, svc,
                                                         &mode, NULL);

        t->services++;
        t->manual += mode == POLICY_MODE_MANUAL;
        if (!active) {
            t->starting += mode == POLICY_MODE_STARTING;
            t->down += mode != POLICY_MODE_STARTING;
        } else {
            t->backup += policy_on_backup(v->policy, svc);
        }
    }
}

static const char *
choose_word(const struct agent_view *v, const struct tally *t)
{
    return (v->config->bypass ? "bypass"
            : t->down ? "down"
            : t->regions_down || t->backup || t->draining
            || policy_panic(v->policy) ? "degraded"
            : t->starting ? "starting" : "ok");
}

static const char *
plural(unsigned int n)
{
    return n == 1 ? "" : "s";
}

/* Sums up 'v' in '*out', which the caller must give to summary_destroy(). */
void
summary_make(const struct agent_view *v, struct summary *out)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    struct tally t = { .services = 0 };
    char *word;

    if (v->standby) {
        out->word = "standby";
        out->line = xstrdup("STANDBY: another ovs-tprd acts on this database");
        return;
    }
    if (!v->config) {
        out->word = "starting";
        out->line = xstrdup("STARTING: no configuration yet");
        return;
    }
    if (v->config->bypass) {
        put_clause(&s, "the switch works as if ovs-tpr were not there");
    }
    if (policy_panic(v->policy)) {
        put_clause(&s, "too many backends failed at once, the last good set "
                   "stays");
    }
    tally_regions(v, &t, &s);
    tally_services(v, &t);
    if (t.down) {
        put_clause(&s, "%u service%s without a backend", t.down,
                   plural(t.down));
    }
    if (t.backup) {
        put_clause(&s, "%u service%s on backup", t.backup, plural(t.backup));
    }
    if (t.manual) {
        put_clause(&s, "%u service%s MANUAL", t.manual, plural(t.manual));
    }
    if (t.starting) {
        put_clause(&s, "%u service%s not yet proven", t.starting,
                   plural(t.starting));
    }
    if (!s.length) {
        put_clause(&s, "%u service%s", t.services, plural(t.services));
    }
    out->word = choose_word(v, &t);
    word = xstrdup(out->word);
    for (char *p = word; *p; p++) {
        *p = toupper((unsigned char) *p);
    }
    out->line = xasprintf("%s: %s", word, ds_cstr(&s));
    free(word);
    ds_destroy(&s);
}

void
summary_destroy(struct summary *summary)
{
    free(summary->line);
}
