/* SPDX-License-Identifier: Apache-2.0 */

/* The language for tests of the policy: see policy-world.h. */

#include <config.h>
#include "policy-world.h"

#include <check.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "svec.h"
#include "util.h"

/* Wall clock at the beginning. */
enum { WALL_MS = 1000000 };

static long long int
elapsed_ms(const struct world *w, long long int us)
{
    return (us - w->start_us) / 1000;
}

/* Settings for the objects that follow in 'config'. */
struct settings {
    struct tpr_damping damping;
    long long int hold_us;
    long long int slow_us;
    long long int drain_us;
};

/* Configuration. */

/* Returns the wall clock in ms of ":N", N ms before the beginning. */
static long long int
scan_since(const char *s)
{
    return s ? WALL_MS - strtoll(s + 1, NULL, 10) : 0;
}

static void
add_region(struct tpr_config *config, const char *word,
           const struct settings *st)
{
    struct tpr_region *r = xzalloc(sizeof *r);
    const char *colon = strchr(word, ':');

    r->name = colon ? xmemdup0(word, colon - word) : xstrdup(word);
    r->port = xstrdup(r->name);
    r->index = shash_count(&config->regions);
    r->damping = st->damping;
    r->has_heartbeat = true;
    r->hb.interval_us = 10 * 1000;
    r->hb.fall = 3;
    r->last_state = (!colon ? HEARTBEAT_UNKNOWN
                     : !strncmp(colon, ":up", 3) ? HEARTBEAT_UP
                     : HEARTBEAT_DOWN);
    r->last_since_ms = colon ? scan_since(strchr(colon + 1, ':')) : 0;
    shash_add(&config->regions, r->name, r);
}

static void
add_backend(struct tpr_config *config, struct tpr_service *s, char *word,
            const struct settings *st)
{
    struct tpr_backend *b = xzalloc(sizeof *b);
    char *save = NULL;
    const char *region = strtok_r(word, "/", &save);
    char *rest = strtok_r(NULL, "/", &save);

    b->name = xasprintf("%s/%s", s->name, region);
    b->region = tpr_config_region(config, region);
    ck_assert_ptr_nonnull(b->region);
    b->priority = rest ? strtoul(rest, &rest, 10) : 100;
    b->last_up = -1;
    b->weight = 200;
    b->max_connections = 50;
    b->slow_start_us = st->slow_us;
    b->drain_timeout_us = st->drain_us;
    for (; rest && *rest; rest++) {
        struct tpr_check *check = xzalloc(sizeof *check);

        if (*rest == 'c') {
            b->check = check;
        } else {
            b->agent_check = check;
            b->max_cpu = 80;
        }
    }
    tpr_service_add_backend(s, b);
}

static void
add_service(struct tpr_config *config, char *word, const struct settings *st)
{
    struct tpr_service *s = xzalloc(sizeof *s);
    char *save = NULL;
    char *backend;

    s->name = xstrdup(strtok_r(word, "=", &save));
    s->failback = TPR_FAILBACK_AUTO;
    s->failback_hold_us = st->hold_us;
    s->vip.addr = in6addr_loopback;
    while ((backend = strtok_r(NULL, ",", &save)) != NULL) {
        add_backend(config, s, backend, st);
    }
    tpr_service_sort(s);
    shash_add(&config->services, s->name, s);
}

static struct tpr_backend *
find_backend(const struct tpr_config *config, const char *name)
{
    struct tpr_backend *b = tpr_config_backend(config, name);

    ck_assert_msg(b != NULL, "no backend %s", name);
    return b;
}

static long long int
scan_ms(const char *s)
{
    return strtoll(s, NULL, 10) * 1000;
}

static void
add_word(struct tpr_config *config, char *word, struct settings *st)
{
    char *save = NULL;

    if (!strncmp(word, "hold=", 5)) {
        st->hold_us = scan_ms(word + 5);
    } else if (!strncmp(word, "slow=", 5)) {
        st->slow_us = scan_ms(word + 5);
    } else if (!strncmp(word, "drain=", 6)) {
        st->drain_us = scan_ms(word + 6);
    } else if (!strncmp(word, "panic=", 6)) {
        config->panic_threshold = strtoul(word + 6, NULL, 10);
    } else if (!strncmp(word, "damp=", 5)) {
        st->damping.hold_us = scan_ms(strtok_r(word + 5, ",", &save));
        st->damping.hold_max_us = scan_ms(strtok_r(NULL, ",", &save));
        st->damping.reset_us = scan_ms(strtok_r(NULL, ",", &save));
    } else if (strchr(word, '!')) {
        tpr_config_service(config, strtok_r(word, "!", &save))->failback
            = TPR_FAILBACK_MANUAL;
    } else if (strchr(word, '^')) {
        struct tpr_service *s
            = tpr_config_service(config, strtok_r(word, "^", &save));

        s->policy = (!strcmp(save, "spillover") ? TPR_POLICY_SPILLOVER
                     : TPR_POLICY_WEIGHTED);
    } else if (strchr(word, '@')) {
        struct tpr_service *s
            = tpr_config_service(config, strtok_r(word, "@", &save));
        s->last_active = xstrdup(strtok_r(NULL, "@:", &save));
        s->last_since_ms = *save ? scan_since(save - 1) : 0;
    } else if (strchr(word, '%')) {
        struct tpr_service *s
            = tpr_config_service(config, strtok_r(word, "%", &save));
        char *name = xasprintf("%s/%s", s->name, strtok_r(NULL, "%", &save));
        find_backend(config, name)->addr = s->vip.addr;
        free(name);
    } else if (strchr(word, '=')) {
        add_service(config, word, st);
    } else if (strchr(word, '/')) {
        struct tpr_backend *b
            = find_backend(config, strtok_r(word, ":", &save));
        const char *state = strtok_r(NULL, ":", &save);

        b->last_up = !strcmp(state, "up");
        b->last_state = (b->last_up ? TPR_BACKEND_UP
                         : !strcmp(state, "draining") ? TPR_BACKEND_DRAINING
                         : TPR_BACKEND_DOWN);
        b->last_since_ms = *save ? scan_since(save - 1) : 0;
    } else {
        add_region(config, word, st);
    }
}

static void
add_intents(struct tpr_config *config, const struct world *w)
{
    config->n_intents = w->n_intents;
    config->intents = xcalloc(MAX(1, w->n_intents), sizeof *config->intents);
    for (size_t i = 0; i < w->n_intents; i++) {
        config->intents[i] = w->intents[i];
        config->intents[i].object = xstrdup(w->intents[i].object);
        config->intents[i].to = nullable_xstrdup(w->intents[i].to);
        config->intents[i].who = xstrdup("me");
        config->intents[i].reason = xstrdup("");
    }
}

static void
configure(struct world *w)
{
    struct tpr_config *old = w->config;
    struct settings st = { .hold_us = 0 };
    char *words = xstrdup(w->spec);
    char *save = NULL;
    char *word;

    w->config = tpr_config_create();
    w->config->panic_threshold = 0;
    policy_set_now_wall(w->policy, WALL_MS + elapsed_ms(w, w->now_us));
    for (word = strtok_r(words, " ", &save); word;
         word = strtok_r(NULL, " ", &save)) {
        add_word(w->config, word, &st);
    }
    free(words);
    add_intents(w->config, w);
    policy_set_config(w->policy, w->config, w->now_us);
    tpr_config_destroy(old);
}

static void
forget_intents(struct world *w)
{
    for (size_t i = 0; i < w->n_intents; i++) {
        free(w->intents[i].object);
        free(w->intents[i].to);
    }
    free(w->intents);
    w->intents = NULL;
    w->n_intents = 0;
}

static void
add_intent(struct world *w, enum tpr_intent_kind kind, char *args[])
{
    struct tpr_intent *intent;
    size_t i = 2;

    w->intents = xrealloc(w->intents,
                          (w->n_intents + 1) * sizeof *w->intents);
    intent = &w->intents[w->n_intents++];
    memset(intent, 0, sizeof *intent);
    intent->kind = kind;
    intent->object = xstrdup(args[1]);
    if (kind == TPR_INTENT_FAILOVER) {
        intent->to = xstrdup(args[i++]);
    }
    if (args[i] && !strncmp(args[i], "until=", 6)) {
        intent->until_ms = WALL_MS + strtoll(args[i] + 6, NULL, 10);
    }
    configure(w);
}

/* Time. */

static const char *
object_name(const struct policy_change *c)
{
    switch (c->what) {
    case POLICY_REGION: return ((const struct tpr_region *) c->object)->name;
    case POLICY_BACKEND: return ((const struct tpr_backend *) c->object)->name;
    case POLICY_SERVICE: return ((const struct tpr_service *) c->object)->name;
    case POLICY_AGENT: return "agent";
    }
    OVS_NOT_REACHED();
}

/* Lets the policy decide and prints its changes. */
static void
run(struct world *w)
{
    static const char *const whats[] = { "region", "backend", "service",
                                         "agent" };
    struct svec lines = SVEC_EMPTY_INITIALIZER;
    struct policy_change c;
    const char *line;
    size_t i;

    policy_set_now_wall(w->policy, WALL_MS + elapsed_ms(w, w->now_us));
    policy_run(w->policy, w->now_us);
    while (policy_next_change(w->policy, &c)) {
        ck_assert_str_ne(c.from, c.to);
        svec_add_nocopy(&lines, xasprintf("%lld %s %s %s>%s (%s)\n",
                                          elapsed_ms(w, c.decided_us),
                                          whats[c.what], object_name(&c),
                                          c.from, c.to, c.cause));
        free(c.cause);
    }
    svec_sort(&lines);
    SVEC_FOR_EACH (i, line, &lines) {
        ds_put_cstr(&w->out, line);
    }
    svec_destroy(&lines);
}

static void
pass(struct world *w, long long int us)
{
    long long int end_us = w->now_us + us;
    long long int deadline_us;

    while ((deadline_us = policy_deadline(w->policy)) <= end_us) {
        /* The main loop wakes up at the next millisecond. */
        w->now_us = MAX(w->now_us + 1000, ROUND_UP(deadline_us, 1000));
        if (w->now_us > end_us) {
            break;
        }
        run(w);
    }
    w->now_us = end_us;
    run(w);
}

/* Commands. */

static void
do_heartbeat(struct world *w, char *args[])
{
    const struct tpr_region *r = tpr_config_region(w->config, args[1]);
    const char *why = args[2] ? args[2] : "3";
    enum heartbeat_cause cause
        = (!strcmp(why, "link") ? HEARTBEAT_CAUSE_LINK_DOWN
           : !strcmp(why, "admin") ? HEARTBEAT_CAUSE_PEER_ADMIN_DOWN
           : !strcmp(why, "peer") ? HEARTBEAT_CAUSE_PEER_DOWN
           : HEARTBEAT_CAUSE_MISSED);

    ck_assert_ptr_nonnull(r);
    if (!strcmp(args[0], "up")) {
        policy_region(w->policy, r, HEARTBEAT_UP, HEARTBEAT_CAUSE_BEATS, 0,
                      w->now_us, w->now_us);
    } else {
        unsigned int missed = strtoul(why, NULL, 10);

        policy_region(w->policy, r, HEARTBEAT_DOWN, cause, missed,
                      missed ? w->now_us - missed * 10000 : 0, w->now_us);
    }
}

/* As check.c does: what is known, and what is said now. */
static void
do_agent(struct world *w, const struct tpr_backend *b, char *args[])
{
    struct agent_words known, said;
    struct ds line = DS_EMPTY_INITIALIZER;

    for (; *args; args++) {
        ds_put_format(&line, "%s ", *args);
    }
    ck_assert_ptr_null(agent_words_parse(ds_cstr(&line), &said));
    policy_backend_words(w->policy, b, &known);
    agent_words_merge(&known, &said);
    policy_backend_agent(w->policy, b, &known);
    ds_destroy(&line);
}

static void
do_backend(struct world *w, char *args[])
{
    const struct tpr_backend *b = find_backend(w->config, args[1]);
    const char *verb = args[0];

    if (!strcmp(verb, "says")) {
        do_agent(w, b, args + 2);
    } else if (!strcmp(verb, "good")) {
        policy_backend_check(w->policy, b, true, "HTTP status 200",
                             w->now_us, w->now_us);
    } else if (!strcmp(verb, "bad")) {
        policy_backend_check(w->policy, b, false, "HTTP status 500", 0,
                             w->now_us);
    } else {
        policy_backend_reachable(w->policy, b, strcmp(verb, "noport"),
                                 strcmp(verb, "nomac"));
    }
}

static void
show_service(struct world *w, const char *name)
{
    const struct tpr_service *s = tpr_config_service(w->config, name);
    enum policy_mode mode;
    const struct tpr_backend *b = policy_active(w->policy, s, &mode, NULL);

    ds_put_format(&w->out, "%s: %s %s\n", name, b ? b->name : "none",
                  policy_mode_to_string(mode));
}

static void
show_region(struct world *w, const char *name)
{
    long long int hold_us, since_us;
    bool draining;
    enum heartbeat_state state
        = policy_region_state(w->policy, tpr_config_region(w->config, name),
                              &draining, &hold_us, &since_us);

    ds_put_format(&w->out, "%s: %s", name, heartbeat_state_to_string(state));
    if (hold_us) {
        ds_put_format(&w->out, " held until %lld", elapsed_ms(w, hold_us));
    }
    ds_put_cstr(&w->out, draining ? " draining\n" : "\n");
}

/* Prints since when 'name', a region, service or backend, is what it is. */
static void
show_since(struct world *w, const char *name)
{
    const struct tpr_region *r = tpr_config_region(w->config, name);
    const struct tpr_service *s = tpr_config_service(w->config, name);
    const char *reason = NULL;
    long long int since_us;

    ds_put_format(&w->out, "%s: ", name);
    if (r) {
        long long int hold_us;
        bool draining;

        policy_region_state(w->policy, r, &draining, &hold_us, &since_us);
        reason = policy_region_reason(w->policy, r);
    } else if (s) {
        policy_active(w->policy, s, NULL, &since_us);
        reason = policy_service_reason(w->policy, s);
    } else {
        ds_put_format(&w->out, "%s ", tpr_backend_state_to_string(
                          policy_backend_state(
                              w->policy, find_backend(w->config, name),
                              &since_us)));
    }
    ds_put_format(&w->out, "since %lld", elapsed_ms(w, since_us));
    if (reason) {
        ds_put_format(&w->out, " (%s)", reason);
    }
    ds_put_char(&w->out, '\n');
}

/* Returns true if the command was a view, which changes nothing. */
static bool
do_view(struct world *w, char *args[])
{
    if (!strcmp(args[0], "show")) {
        show_service(w, args[1]);
    } else if (!strcmp(args[0], "region")) {
        show_region(w, args[1]);
    } else if (!strcmp(args[0], "since")) {
        show_since(w, args[1]);
    } else if (!strcmp(args[0], "usable")) {
        ds_put_format(&w->out, "%s: %s\n", args[1],
                      policy_reason_to_string(
                          policy_usable(w->policy,
                                        find_backend(w->config, args[1]))));
    } else if (!strcmp(args[0], "weight")) {
        const struct tpr_backend *b = find_backend(w->config, args[1]);

        ds_put_format(&w->out, "%s: weight %u, limit %"PRIu32"\n", args[1],
                      policy_weight(w->policy, b),
                      policy_limit(w->policy, b));
    } else if (!strcmp(args[0], "owner")) {
        ds_put_format(&w->out, "%s: owner %s\n", args[1],
                      (policy_owner_answers(w->policy,
                                            tpr_config_service(w->config,
                                                               args[1]))
                       ? "answers" : "silent"));
    } else {
        return false;
    }
    return true;
}

static void
do_words(struct world *w, char *args[])
{
    const char *verb = args[0];

    if (do_view(w, args)) {
        return;
    } else if (*verb == '+') {
        pass(w, scan_ms(verb + 1));
    } else if (!strcmp(verb, "batch")) {
        w->batch = true;
    } else if (!strcmp(verb, "end")) {
        w->batch = false;
    } else if (!strcmp(verb, "up") || !strcmp(verb, "down")) {
        do_heartbeat(w, args);
    } else if (!strcmp(verb, "drain")) {
        add_intent(w, TPR_INTENT_DRAIN, args);
    } else if (!strcmp(verb, "failover")) {
        add_intent(w, TPR_INTENT_FAILOVER, args);
    } else if (!strcmp(verb, "failback")) {
        add_intent(w, TPR_INTENT_FAILBACK, args);
    } else if (!strcmp(verb, "revoke")) {
        forget_intents(w);
        configure(w);
    } else {
        do_backend(w, args);
    }
    if (!w->batch) {
        run(w);
    }
}

static void
do_command(struct world *w, char *command)
{
    char *args[6] = { NULL };
    char *save = NULL;
    size_t n = 0;

    command += strspn(command, " ");
    if (!strncmp(command, "config ", 7)) {
        free(w->spec);
        w->spec = xstrdup(command + 7);
        configure(w);
        if (!w->batch) {
            run(w);
        }
        return;
    }
    for (char *word = strtok_r(command, " ", &save);
         word && n < ARRAY_SIZE(args) - 1;
         word = strtok_r(NULL, " ", &save)) {
        args[n++] = word;
    }
    if (n) {
        do_words(w, args);
    }
}

/* Carries out 'script'; output is appended to w->out. */
void
world_do(struct world *w, const char *script)
{
    char *copy = xstrdup(script);
    char *save = NULL;

    for (char *command = strtok_r(copy, ";\n", &save); command;
         command = strtok_r(NULL, ";\n", &save)) {
        do_command(w, command);
    }
    free(copy);
}

void
world_init(struct world *w)
{
    memset(w, 0, sizeof *w);
    w->policy = policy_create();
    w->start_us = w->now_us = 5000 * 1000 * 1000LL;
    ds_init(&w->out);
}

void
world_destroy(struct world *w)
{
    policy_destroy(w->policy);
    tpr_config_destroy(w->config);
    forget_intents(w);
    free(w->spec);
    ds_destroy(&w->out);
}
