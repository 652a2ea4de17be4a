/* SPDX-License-Identifier: Apache-2.0 */

/* The journal; journal.h says what and why. */

#include <config.h>
#include "journal.h"

#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "notify.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/list.h"
#include "openvswitch/vlog.h"
#include "policy.h"
#include "socket-util.h"
#include "svec.h"
#include "timeval.h"
#include "tpr-time.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(journal);

enum { DEFAULT_LIMIT = 1000, EXCUSE_SPACING_US = 1000 * 1000 };

struct node {
    struct ovs_list list;       /* In struct journal's 'entries'. */
    struct journal_entry e;
};

struct journal {
    struct ovs_list entries;    /* struct node, oldest first. */
    size_t n_entries, limit;
    uint64_t seq;               /* Of the newest entry. */
    uint64_t written;           /* Of the newest one in the database. */
    uint64_t n_loaded;          /* Rows of earlier lives read so far. */
    struct ovs_list loading;    /* struct node: rows of earlier lives. */
    char boot_id[40];
    struct notify *notify;
    struct svec intents;        /* Keys of the intents in force. */
    bool intents_known;
    long long int excused_us;   /* Last excuse that was reported. */
};

static const struct {
    const char *id, *title;
} events[] = {
#define JOURNAL_EVENT(ENUM, ID, TITLE) { ID, TITLE },
    JOURNAL_EVENTS
#undef JOURNAL_EVENT
};

/* Returns the event's stable id. */
const char *
journal_event_id(enum journal_event event)
{
    return events[event].id;
}

static void
read_boot_id(char *id, size_t size)
{
    FILE *f = fopen("/proc/sys/kernel/random/boot_id", "r");

    if (!f || !fgets(id, size, f)) {
        ovs_strlcpy(id, "unknown", size);
    }
    id[strcspn(id, "\n")] = '\0';
    if (f) {
        fclose(f);
    }
}

struct journal *
journal_create(void)
{
    struct journal *j = xzalloc(sizeof *j);

    ovs_list_init(&j->entries);
    ovs_list_init(&j->loading);
    j->limit = DEFAULT_LIMIT;
    j->notify = notify_create();
    svec_init(&j->intents);
    read_boot_id(j->boot_id, sizeof j->boot_id);
    return j;
}

static void
node_destroy(struct node *n)
{
    free(n->e.event);
    free(n->e.object);
    free(n->e.from);
    free(n->e.to);
    free(n->e.reason);
    free(n);
}

static void
list_destroy(struct ovs_list *list)
{
    struct node *n;

    LIST_FOR_EACH_POP (n, list, list) {
        node_destroy(n);
    }
}

void
journal_destroy(struct journal *j)
{
    if (j) {
        list_destroy(&j->entries);
        list_destroy(&j->loading);
        notify_destroy(j->notify);
        svec_destroy(&j->intents);
        free(j);
    }
}

void
journal_run(struct journal *j)
{
    notify_run(j->notify);
}

void
journal_wait(struct journal *j)
{
    notify_wait(j->notify);
}

/* Entries. */

static void
trim(struct journal *j)
{
    while (j->n_entries > j->limit) {
        node_destroy(CONTAINER_OF(ovs_list_pop_front(&j->entries),
                                  struct node, list));
        j->n_entries--;
    }
}

static void
append(struct journal *j, enum journal_event event, const char *object,
       const char *from, const char *to, const char *reason,
       long long int last_beat_us, long long int decided_us,
       long long int applied_us)
{
    struct node *n = xzalloc(sizeof *n);
    struct journal_entry *e = &n->e;

    e->seq = ++j->seq;
    e->when_ms = time_wall_msec() - (tpr_now_us() - decided_us) / 1000;
    e->last_beat_us = last_beat_us;
    e->decided_us = decided_us;
    e->applied_us = applied_us;
    e->event = xstrdup(events[event].id);
    e->object = xstrdup(object);
    e->from = xstrdup(from);
    e->to = xstrdup(to);
    e->reason = xstrdup(reason);
    ovs_list_push_back(&j->entries, &n->list);
    j->n_entries++;
    trim(j);
    notify_send(j->notify, e->event, object, from, to, reason,
                applied_us && last_beat_us ? applied_us - last_beat_us : 0);
}

/* Appends "in 410 us" for a change that the switch has confirmed. */
static void
format_applied(struct ds *s, long long int decided_us,
               long long int applied_us)
{
    if (applied_us > decided_us) {
        ds_put_cstr(s, " in ");
        tpr_put_us(s, applied_us - decided_us);
    }
}

/* Where the services went that 'region' lost. */
static void
format_moves(struct ds *s, const struct policy_change *changes, size_t n,
             const struct tpr_region *region, long long int applied_us)
{
    const char *to_region = NULL;
    size_t n_moved = 0, n_lost = 0, n_targets = 0;
    long long int decided_us = 0;

    for (size_t i = 0; i < n; i++) {
        const struct policy_change *c = &changes[i];
        const char *slash;

        if (c->what != POLICY_SERVICE || c->culprit != region) {
            continue;
        }
        decided_us = c->decided_us;
        if (!strcmp(c->to, "none")) {
            n_lost++;
            continue;
        }
        slash = strrchr(c->to, '/');
        slash = slash ? slash + 1 : c->to;
        n_targets += !to_region || strcmp(to_region, slash);
        to_region = slash;
        n_moved++;
    }
    if (n_moved) {
        ds_put_format(s, "; %"PRIuSIZE" service%s to %s", n_moved,
                      n_moved == 1 ? "" : "s",
                      n_targets == 1 ? to_region : "several regions");
        format_applied(s, decided_us, applied_us);
    }
    if (n_lost) {
        ds_put_format(s, "; %"PRIuSIZE" service%s left without a backend",
                      n_lost, n_lost == 1 ? "" : "s");
    }
}

static void
log_line(enum journal_event event, const char *text)
{
    VLOG_INFO("%s %s", events[event].id, text);
}

static void
report_region(struct journal *j, const struct policy_change *c,
              const struct policy_change *all, size_t n,
              long long int applied_us)
{
    const struct tpr_region *region = c->object;
    bool up = !strcmp(c->to, "up");
    enum journal_event event = up ? JOURNAL_REGION_UP : JOURNAL_REGION_DOWN;
    struct ds s = DS_EMPTY_INITIALIZER;
    char *object = xasprintf("region %s", region->name);

    ds_put_format(&s, "%s %s: %s", object, c->to, c->cause);
    format_moves(&s, all, n, region, applied_us);
    log_line(event, ds_cstr(&s));
    append(j, event, object, c->from, c->to,
           ds_cstr(&s) + strlen(object) + strlen(c->to) + 3,
           c->last_beat_us, c->decided_us, applied_us);
    ds_destroy(&s);
    free(object);
}

static void
report_backend(struct journal *j, const struct policy_change *c,
               long long int applied_us)
{
    const struct tpr_backend *b = c->object;
    enum journal_event event = (!strcmp(c->to, "up") ? JOURNAL_BACKEND_UP
                                : !strcmp(c->to, "drained")
                                ? JOURNAL_BACKEND_DRAINED
                                : JOURNAL_BACKEND_DOWN);
    char *object = xasprintf("backend %s", b->name);
    char *line = xasprintf("%s %s: %s", object, c->to, c->cause);

    log_line(event, line);
    append(j, event, object, c->from, c->to, c->cause, c->last_beat_us,
           c->decided_us, applied_us);
    free(line);
    free(object);
}

static void
report_service(struct journal *j, const struct policy_change *c,
               long long int applied_us)
{
    const struct tpr_service *svc = c->object;
    enum journal_event event = (!strcmp(c->to, "none") ? JOURNAL_SERVICE_DOWN
                                : !strcmp(c->from, "none")
                                ? JOURNAL_SERVICE_UP
                                : JOURNAL_SERVICE_MOVED);
    char *object = xasprintf("service %s", svc->name);
    struct ds s = DS_EMPTY_INITIALIZER;

    ds_put_format(&s, "%s from %s to %s: %s", object, c->from, c->to,
                  c->cause);
    format_applied(&s, c->decided_us, applied_us);
    log_line(event, ds_cstr(&s));
    append(j, event, object, c->from, c->to, c->cause, 0, c->decided_us,
           applied_us);
    ds_destroy(&s);
    free(object);
}

static void
report_panic(struct journal *j, const struct policy_change *c)
{
    bool begin = !strcmp(c->to, "panic");
    char *text = xasprintf(begin ? "%s: suspecting this switch, the last "
                           "good set stays" : "over (%s then): states count "
                           "again", c->cause);

    journal_note(j, begin ? JOURNAL_PANIC_BEGIN : JOURNAL_PANIC_END, "agent",
                 c->from, c->to, text);
    free(text);
}

/* Reports the 'n' 'changes' that were decided together; the switch confirmed
 * them at 'applied_us', 0 if it did not or had nothing to do. */
void
journal_report(struct journal *j, const struct policy_change *changes,
               size_t n, long long int applied_us)
{
    size_t n_services = 0;

    for (size_t i = 0; i < n; i++) {
        n_services += changes[i].what == POLICY_SERVICE;
    }
    for (size_t i = 0; i < n; i++) {
        const struct policy_change *c = &changes[i];

        switch (c->what) {
        case POLICY_REGION:
            report_region(j, c, changes, n, applied_us);
            break;
        case POLICY_BACKEND:
            report_backend(j, c, applied_us);
            break;
        case POLICY_SERVICE:
            if (n_services <= JOURNAL_SERVICES_MAX || !c->culprit) {
                report_service(j, c, applied_us);
            }
            break;
        case POLICY_AGENT:
            report_panic(j, c);
            break;
        default:
            OVS_NOT_REACHED();
        }
    }
}

/* Reports a death that was not believed because we were 'late_us' late.  A
 * busy machine can have many of these: one a second is reported, all of them
 * are counted in the region's statistics. */
void
journal_excused(struct journal *j, const char *region, long long int late_us,
                long long int now_us)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    char *object;

    if (j->excused_us && now_us - j->excused_us < EXCUSE_SPACING_US) {
        return;
    }
    j->excused_us = now_us;
    object = xasprintf("region %s", region);
    ds_put_cstr(&s, "silence excused, this switch was ");
    tpr_put_us(&s, late_us);
    ds_put_cstr(&s, " late itself");
    VLOG_INFO("%s %s: %s", events[JOURNAL_STALL_EXCUSED].id, object,
              ds_cstr(&s));
    append(j, JOURNAL_STALL_EXCUSED, object, "up", "up", ds_cstr(&s), 0,
           now_us, 0);
    ds_destroy(&s);
    free(object);
}

/* Reports something that needs no confirmation by the switch. */
void
journal_note(struct journal *j, enum journal_event event, const char *object,
             const char *from, const char *to, const char *reason)
{
    char *line = xasprintf("%s: %s", object, reason);

    log_line(event, line);
    append(j, event, object, from, to, reason, 0, tpr_now_us(), 0);
    free(line);
}

/* Configuration. */

static char *
intent_key(const struct tpr_intent *intent)
{
    static const char *const kinds[] = { "drain", "failover", "failback",
                                         "bypass" };

    return xasprintf("%s%s%s%s%s", kinds[intent->kind],
                     intent->object[0] ? " " : "", intent->object,
                     intent->to ? " to " : "", intent->to ? intent->to : "");
}

static void
note_new_intents(struct journal *j, const struct tpr_config *config,
                 const struct svec *now)
{
    for (size_t i = 0; i < config->n_intents; i++) {
        const struct tpr_intent *intent = &config->intents[i];

        if (!svec_contains(&j->intents, now->names[i])) {
            char *reason = xasprintf("ordered by %s%s%s", intent->who,
                                     intent->reason[0] ? ": " : "",
                                     intent->reason);

            journal_note(j, JOURNAL_INTENT_BEGIN, now->names[i], "", "",
                         reason);
            free(reason);
        }
    }
}

/* Takes over limits and hooks, and notes what the operator has ordered or
 * revoked since the last call.  Orders found at start are old news. */
void
journal_configure(struct journal *j, const struct tpr_config *config)
{
    struct svec now = SVEC_EMPTY_INITIALIZER;

    j->limit = MAX(config->history_limit, 1);
    trim(j);
    notify_configure(j->notify, config->notify, config->n_notify,
                     config->notify_timeout_us / 1000);
    for (size_t i = 0; i < config->n_intents; i++) {
        svec_add_nocopy(&now, intent_key(&config->intents[i]));
    }
    if (j->intents_known) {
        note_new_intents(j, config, &now);
        svec_sort(&now);
        for (size_t i = 0; i < j->intents.n; i++) {
            if (!svec_contains(&now, j->intents.names[i])) {
                journal_note(j, JOURNAL_INTENT_END, j->intents.names[i], "",
                             "", "no longer in force");
            }
        }
    }
    svec_sort(&now);
    svec_swap(&j->intents, &now);
    svec_destroy(&now);
    j->intents_known = true;
}

/* The database's side. */

/* Returns what tells this boot of the machine, whose monotonic clock the
 * entries' times are on, from others. */
const char *
journal_boot_id(const struct journal *j)
{
    return j->boot_id;
}

/* Returns the number of the newest entry that the database has. */
uint64_t
journal_written(const struct journal *j)
{
    return j->written;
}

void
journal_set_written(struct journal *j, uint64_t seq)
{
    j->written = MAX(j->written, seq);
}

bool
journal_has_unwritten(const struct journal *j)
{
    return j->seq > j->written;
}

/* Returns the oldest entry with a number above 'after', NULL if there is
 * none. */
const struct journal_entry *
journal_first(const struct journal *j, uint64_t after)
{
    const struct node *n, *found = NULL;

    /* What is new is near the end. */
    LIST_FOR_EACH_REVERSE (n, list, &j->entries) {
        if (n->e.seq <= after) {
            break;
        }
        found = n;
    }
    return found ? &found->e : NULL;
}

/* Returns the entry after 'e', NULL if 'e' is the newest. */
const struct journal_entry *
journal_next(const struct journal *j, const struct journal_entry *e)
{
    const struct node *n = CONTAINER_OF(e, struct node, e);

    return (n->list.next == &j->entries ? NULL
            : &CONTAINER_OF(n->list.next, struct node, list)->e);
}

/* Adds a copy of an entry from an earlier life. */
void
journal_load(struct journal *j, const struct journal_entry *e)
{
    struct node *n = xmemdup(&(struct node) { .e = *e }, sizeof *n);
    struct ovs_list *before = &j->loading;
    const struct node *pos;

    n->e.event = xstrdup(e->event);
    n->e.object = xstrdup(e->object);
    n->e.from = xstrdup(e->from);
    n->e.to = xstrdup(e->to);
    n->e.reason = xstrdup(e->reason);
    LIST_FOR_EACH_REVERSE (pos, list, &j->loading) {
        if (pos->e.seq <= e->seq) {
            break;
        }
        before = before->prev;
    }
    ovs_list_insert(before, &n->list);
    j->n_loaded++;
}

/* Puts the entries from earlier lives before those of this one, which get new
 * numbers. */
void
journal_load_done(struct journal *j)
{
    uint64_t base = 0;
    struct node *n;

    if (!ovs_list_is_empty(&j->loading)) {
        n = CONTAINER_OF(ovs_list_back(&j->loading), struct node, list);
        base = n->e.seq;
    }
    LIST_FOR_EACH (n, list, &j->entries) {
        n->e.seq += base;
    }
    j->seq += base;
    j->written = base;
    ovs_list_splice(j->entries.next, j->loading.next, &j->loading);
    j->n_entries += j->n_loaded;
    j->n_loaded = 0;
    trim(j);
}

/* Returns 'e' as a JSON object, which the caller owns. */
struct json *
journal_entry_to_json(const struct journal_entry *e)
{
    struct json *o = json_object_create();

    json_object_put(o, "seq", json_integer_create(e->seq));
    json_object_put(o, "when_ms", json_integer_create(e->when_ms));
    json_object_put_string(o, "event", e->event);
    json_object_put_string(o, "object", e->object);
    json_object_put_string(o, "from", e->from);
    json_object_put_string(o, "to", e->to);
    json_object_put_string(o, "reason", e->reason);
    json_object_put(o, "decided_us", json_integer_create(e->decided_us));
    if (e->last_beat_us) {
        json_object_put(o, "silence_us",
                        json_integer_create(e->decided_us
                                            - e->last_beat_us));
    }
    if (e->applied_us) {
        json_object_put(o, "applied_us",
                        json_integer_create(MAX(0, e->applied_us
                                                   - e->decided_us)));
    }
    return o;
}
