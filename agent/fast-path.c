/* SPDX-License-Identifier: Apache-2.0 */

/* The BPF programs before a bridge: see fast-path.h. */

#include <config.h>
#include "fast-private.h"
#include <errno.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "datapath-of.h"
#include "dp-copy.h"
#include "eligible.h"
#include "fast-load.h"
#include "fast-pins.h"
#include "fast-ports.h"
#include "flow-make.h"
#include "flow-watch.h"
#include "foreign.h"
#include "hb-thread.h"
#include "learn.h"
#include "liveness.h"
#include "loader.h"
#include "openvswitch/json.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "redirect-plan.h"
#include "tc-repair.h"
#include "timeval.h"
#include "util.h"
#include "vswitch.h"

VLOG_DEFINE_THIS_MODULE(fast_path);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 10);

enum {
    SECOND_MS = 1000,           /* Between two sweeps of connections. */
    HURRY_MS = 5,               /* From a filter's removal to such a look if it
                                 * cannot be put back... */
    CALM_MS = 500,              /* ...and from one to the next. */
    DEVICES_MS = 10 * 1000,     /* Between two looks at devices: somebody may
                                 * change settings, and nobody tells. */
    LOOK_BACK_MS = 3 * SECOND_MS,       /* Clients noted since then. */
    LEARN_BURST = 64,           /* Frames at once. */
};

/* Life. */


/* Makes the layer before 'inner'.  It looks at nothing before fast_set(). */
struct fast *
fast_create(struct datapath *inner, const struct dp_env *env)
{
    struct fast *f = xzalloc(sizeof *f);

    f->inner = inner;
    f->env = env;
    f->bridge = inner->bridge;
    f->pins = fast_pins(inner->bridge);
    f->sock = -1;
    f->devices_ms = LLONG_MAX;
    f->tc = tc_repair_create(f->bridge);
    fast_ports_init(&f->ports, f->bridge);
    redirect_plan_init(&f->plan);
    redirect_plan_limit(&f->plan, FAST_LOAD_OBJECTS - 1);
    foreign_init(&f->foreign, 0);
    shash_init(&f->services);
    learn_init(&f->learn);
    return f;
}

static void
service_destroy(struct fast *f, struct shash_node *node)
{
    struct fast_service *s = node->data;

    redirect_plan_unwant(&f->plan, node->name);
    foreign_del_service(&f->foreign, node->name);
    dp_service_free(&s->service, &s->target);
    free(s->counted);
    free(s->why);
    free(s);
    shash_delete(&f->services, node);
}

/* The bridge's other_config:'key', a number up to 'max'; 0, the default, if it
 * is not there or is none. */
static uint32_t
bridge_number(const struct fast *f, const char *key, uint32_t max)
{
    const char *s = vswitch_bridge_option(f->env->vswitch, f->bridge, key);
    unsigned int n = 0;

    if (s && (!str_to_uint(s, 10, &n) || n > max)) {
        VLOG_WARN("Bridge %s: other_config:%s=%s is not a number from 0 to "
                  "%"PRIu32"; the default is used", f->bridge, key, s, max);
        return 0;
    }
    return n;
}

/* Starts to load the programs.  Until they are there, those of an earlier
 * agent go by what this one decides. */
static void
begin_load(struct fast *f)
{
    f->old_page = tpr_bpf_map_page(f->pins);
    if (f->old_page
        && !liveness_add_mirror(f->env->liveness, f->old_page, true)) {
        tpr_bpf_unmap_page(f->old_page);
        f->old_page = NULL;
    }
    f->load = fast_load_begin(
        f->pins,
        bridge_number(f, "tpr-connections", TPR_BPF_MAX_CONNECTIONS),
        bridge_number(f, "tpr-half-open", TPR_BPF_MAX_HALF_OPEN));
}

static void
forget_old_page(struct fast *f)
{
    if (f->old_page) {
        liveness_remove_mirror(f->env->liveness, f->old_page);
        tpr_bpf_unmap_page(f->old_page);
        f->old_page = NULL;
    }
}

/* Gives the programs up; if 'detach', they end and nothing of them stays. */
static void
unload(struct fast *f, bool detach)
{
    forget_old_page(f);
    if (f->load) {
        fast_load_abandon(f->load);
        f->load = NULL;
    }
    fast_ports_destroy(&f->ports, detach);
    if (f->bpf) {
        if (f->env->hb) {
            hb_thread_del_page(f->env->hb, tpr_bpf_page_fd(f->bpf));
        }
        liveness_remove_mirror(f->env->liveness, tpr_bpf_page(f->bpf));
        if (detach) {
            tpr_bpf_unpin(f->bpf);
        }
        tpr_bpf_destroy(f->bpf);
        f->bpf = NULL;
    }
    if (detach && fast_pins_exist(f->pins)) {
        free(fast_pins_remove(f->pins));
    }
}

/* Ends the layer.  Programs go on as they are, if the switch still has the
 * bridge. */
void
fast_destroy(struct fast *f)
{
    struct shash_node *node;

    if (!f) {
        return;
    }
    unload(f, vswitch_ready(f->env->vswitch)
              && !vswitch_has_bridge(f->env->vswitch, f->bridge));
    SHASH_FOR_EACH_SAFE (node, &f->services) {
        service_destroy(f, node);
    }
    shash_destroy(&f->services);
    flow_watch_destroy(f->watch);
    tc_repair_destroy(f->tc);
    foreign_destroy(&f->foreign);
    redirect_plan_destroy(&f->plan);
    learn_destroy(&f->learn);
    if (f->sock >= 0) {
        close(f->sock);
    }
    free(f->pins);
    free(f->suspects);
    free(f->refusal);
    free(f);
}

/* Detaches everything. */
void
fast_clear(struct fast *f)
{
    struct shash_node *node;

    if (f) {
        unload(f, true);
        SHASH_FOR_EACH_SAFE (node, &f->services) {
            service_destroy(f, node);
        }
        f->have_state = f->judged = false;
    }
}

/* Programs. */

static uint32_t
now_bpf_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return tpr_bpf_ms(now.tv_sec * 1000000000ULL + now.tv_nsec);
}

/* Tells the plan what is there from before a restart. */
static void
recall_objects(struct fast *f)
{
    const struct tpr_redirect *r;

    redirect_plan_dump_begin(&f->plan);
    for (r = tpr_bpf_next(f->bpf, 0); r; r = tpr_bpf_next(f->bpf, r->id)) {
        struct tpr_redirect copy = *r;

        copy.id = REDIRECT_ID_FIRST + r->id - 1;
        redirect_plan_dumped(&f->plan, &copy);
    }
    redirect_plan_dump_end(&f->plan);
}

/* Puts what was loaded into use. */
static char *
finish_load(struct fast *f)
{
    const char *why_not;
    struct tpr_attach *attach;
    bool taken_over;
    char *error = fast_load_end(f->load, &f->bpf, &attach);

    f->load = NULL;
    forget_old_page(f);
    if (error) {
        return error;
    }
    fast_ports_load(&f->ports, f->bpf, attach);
    taken_over = tpr_bpf_taken_over(f->bpf, &why_not);
    if (!liveness_add_mirror(f->env->liveness, tpr_bpf_page(f->bpf),
                             taken_over)) {
        unload(f, true);
        return xasprintf("no more than %d bridges can have programs",
                         LIVENESS_MAX_MIRRORS);
    }
    if (f->env->hb) {
        error = hb_thread_add_page(f->env->hb, tpr_bpf_page_fd(f->bpf));
        if (error) {
            VLOG_WARN("%s: %s: only the agent takes regions down there",
                      f->bridge, error);
            free(error);
        }
    }
    recall_objects(f);
    f->repeat = true;
    f->sock = f->sock >= 0 ? f->sock : socket(AF_PACKET, SOCK_RAW, 0);
    VLOG_INFO("%s: BPF programs %s", f->bridge,
              taken_over ? "taken over from before" : "loaded");
    if (why_not) {
        VLOG_WARN("%s: %s", f->bridge, why_not);
    }
    return NULL;
}

/* Takes note that the programs are loaded, or cannot be. */
static void
run_load(struct fast *f)
{
    char *end;

    if (!f->load || !fast_load_has_ended(f->load)) {
        return;
    }
    f->refusal = finish_load(f);
    f->judged = false;
    if (f->refusal) {
        VLOG_INFO("%s: no BPF programs: %s", f->bridge, f->refusal);
        /* People need not read the verifier's words in every table. */
        end = strchr(f->refusal, '\n');
        if (end) {
            *end = '\0';
        }
        f->seqno++;
    }
}

/* Objects. */

static uint32_t
find_ifindex(void *f_, const char *name)
{
    const struct fast *f = f_;
    const struct fast_port *p = fast_ports_find(&f->ports, name);

    return p ? p->ifindex : 0;
}

static uint32_t
find_ofport(void *f_, const char *name)
{
    const struct fast *f = f_;
    struct dp_port port;

    return of_port(f->inner, name, &port) ? port.ofport : 0;
}

static void
send_object(void *f_, uint32_t id, const struct tpr_redirect *r,
            bool is_new OVS_UNUSED)
{
    struct fast *f = f_;
    struct tpr_redirect copy;
    char *error;

    if (!r) {
        tpr_bpf_del(f->bpf, bpf_id(id));
        return;
    }
    copy = *r;
    copy.id = bpf_id(id);
    error = tpr_bpf_set(f->bpf, &copy);
    if (error) {
        VLOG_WARN_RL(&rl, "%s: redirect 0x%"PRIx32" is left to the switch: "
                     "%s", f->bridge, id, error);
        redirect_plan_refuse(&f->plan, id, is_new, error);
        free(error);
    }
}

/* Brings the programs' objects up to date. */
static void
flush(struct fast *f)
{
    struct shash_node *node;

    if (!f->bpf) {
        return;
    }
    redirect_plan_flush_stale(&f->plan, send_object, f);
    redirect_plan_flush(&f->plan, send_object, f);
    tpr_bpf_settle(f->bpf);
    if (!f->repeat) {
        return;
    }
    f->repeat = false;
    SHASH_FOR_EACH (node, &f->services) {
        const struct redirect_object *o = redirect_plan_find(&f->plan,
                                                             node->name);

        if (o && o->want && !o->refused) {
            send_object(f, o->id, o->want, false);
        }
    }
}

/* Judgement. */

/* Says whether 's' is taken, with 'why', which becomes the service's. */
static void
conclude(struct fast *f, struct fast_service *s, bool taken, char *why)
{
    if (s->taken != taken || !s->why || strcmp(s->why, why)) {
        if (s->taken != taken) {
            VLOG_INFO("%s: service %s is %s BPF programs (%s)", f->bridge,
                      s->service.name, taken ? "taken by" : "not taken by",
                      why);
        }
        f->seqno++;
        s->taken = taken;
        free(s->why);
        s->why = why;
    } else {
        free(why);
    }
}

static bool
has_limit(const struct dp_service *s)
{
    for (size_t i = 0; i < s->n_targets; i++) {
        if (s->targets[i].max_connections || s->targets[i].max_pps) {
            return true;
        }
    }
    return false;
}

/* Why 's' may not be taken, or NULL. */
static char *
check_service(struct fast *f, const struct dp_service *s)
{
    const char **outputs = xmalloc((s->n_targets + 1) * sizeof *outputs);
    char *foreign = foreign_find(&f->foreign, s->name);
    struct eligible_service facts = {
        .outputs = outputs,
        .n_outputs = s->n_targets,
        .limited = has_limit(s),
        .flows_known = f->foreign.known,
        .foreign = foreign,
    };
    char *why;

    for (size_t i = 0; i < s->n_targets; i++) {
        outputs[i] = s->targets[i].port;
    }
    why = eligible_check_service(f->ports.facts, &facts);
    free(foreign);
    free(outputs);
    return why;
}

static void
judge_service(struct fast *f, struct fast_service *s)
{
    struct redirect_plan *plan = &f->plan;
    const struct dp_service *svc = &s->service;
    const struct redirect_object *o;
    struct tpr_redirect *r = NULL;
    char *why;

    why = (f->refusal ? xstrdup(f->refusal)
           : f->ports.refusal ? xstrdup(f->ports.refusal)
           : !f->bpf ? xstrdup("the programs are being loaded")
           : check_service(f, svc));
    if (!why) {
        r = redirect_make(svc, find_ifindex, f);
    }
    if (r && redirect_plan_want(plan, svc->name, r)) {
        o = redirect_plan_find(plan, svc->name);
        why = o->refused ? xstrdup(o->error) : NULL;
        conclude(f, s, !why, why ? why : xstrdup("plain ports, and no flow "
                                                 "of others comes first"));
        return;
    }
    redirect_plan_unwant(plan, svc->name);
    conclude(f, s, false, why ? why : xstrdup("no room for its object"));
}

static void
judge_services(struct fast *f)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &f->services) {
        struct fast_service *s = node->data;

        foreign_set_service(&f->foreign, &s->service, find_ofport, f);
    }
    SHASH_FOR_EACH (node, &f->services) {
        judge_service(f, node->data);
    }
    while (foreign_next_changed(&f->foreign)) {
        /* All have been judged. */
    }
    f->foreign_seqno = f->foreign.seqno;
    flush(f);
}

/* Only those that flows of others have come before, or left. */
static void
judge_changed(struct fast *f)
{
    const char *name;

    while ((name = foreign_next_changed(&f->foreign))) {
        struct fast_service *s = shash_find_data(&f->services, name);

        if (s) {
            judge_service(f, s);
        }
    }
    f->foreign_seqno = f->foreign.seqno;
    flush(f);
}

/* Looks at the ports anew.  Objects are told of ports that go before these
 * lose their programs. */
static void
judge_ports(struct fast *f)
{
    bool wanted = !shash_is_empty(&f->services);

    f->vswitch_seqno = vswitch_seqno(f->env->vswitch);
    f->inner_seqno = of_port_seqno(f->inner);
    fast_ports_update(&f->ports, f->env->vswitch, f->inner, f->flow_table,
                      wanted);
    f->devices_ms = MIN(time_msec() + DEVICES_MS,
                        fast_ports_again_ms(&f->ports));
    if (!f->bpf && !f->load && !f->refusal
        && ((wanted && fast_ports_attachable(&f->ports))
            || fast_pins_exist(f->pins))) {
        /* What is there from before a restart is taken over, if only to be
         * detached. */
        begin_load(f);
    }
}

/* Judges ports, if anything may have changed about them or 'again', and then
 * services: 'all' of them, or those that flows of others have to do with.
 * While the switch has not told its ports and flows, or is away, programs go
 * on as they are. */
static void
judge(struct fast *f, bool again, bool all)
{
    if (!f->have_state || !vswitch_ready(f->env->vswitch)
        || (!f->foreign.known && !shash_is_empty(&f->services))
        || !of_connected(f->inner)) {
        f->judged &= !all;
        return;
    }
    if (again || !f->judged
        || f->vswitch_seqno != vswitch_seqno(f->env->vswitch)
        || f->inner_seqno != of_port_seqno(f->inner)) {
        judge_ports(f);
        all = true;
    }
    f->judged = true;
    if (all) {
        judge_services(f);
    } else {
        judge_changed(f);
    }
}

/* State. */

static void
set_service(struct fast *f, const struct dp_service *svc)
{
    struct fast_service *s = shash_find_data(&f->services, svc->name);

    if (!s) {
        s = xzalloc(sizeof *s);
        shash_add(&f->services, svc->name, s);
    }
    s->generation = f->generation;
    dp_service_free(&s->service, &s->target);
    dp_service_copy(&s->service, &s->target, svc);
}

/* Takes over which services there shall be. */
void
fast_set(struct fast *f, const struct dp_state *state)
{
    bool had_any;
    struct shash_node *node;

    if (!f) {
        return;
    }
    had_any = !shash_is_empty(&f->services);
    f->generation++;
    for (size_t i = 0; i < state->n_services; i++) {
        set_service(f, &state->services[i]);
    }
    SHASH_FOR_EACH_SAFE (node, &f->services) {
        const struct fast_service *s = node->data;

        if (s->generation != f->generation) {
            service_destroy(f, node);
        }
    }
    if (state->n_services && !f->watch) {
        foreign_set_priority(&f->foreign, state->flow_priority);
        f->watch = flow_watch_create(f->bridge, &f->foreign);
    } else if (f->watch && state->flow_priority
               && state->flow_priority != f->foreign.priority) {
        foreign_set_priority(&f->foreign, state->flow_priority);
        flow_watch_again(f->watch);
    }
    f->flow_table = state->flow_table;
    f->have_state = true;
    fast_suspect_set(f);
    judge(f, had_any == shash_is_empty(&f->services), true);
}

/* Views. */

static bool
find_object(const struct fast *f, const struct redirect_object *o,
            struct fast_found *found)
{
    if (!f->bpf || !o || !o->want || o->refused) {
        return false;
    }
    *found = (struct fast_found) {
        .bpf = f->bpf, .id = bpf_id(o->id), .r = o->want,
    };
    return true;
}

/* Finds the object of 'service'; returns false if the programs do not take
 * it. */
bool
fast_find(const struct fast *f, const char *service, struct fast_found *found)
{
    return f && find_object(f, redirect_plan_find(&f->plan, service), found);
}

/* Calls 'cb' for the object of each service that has one. */
void
fast_for_each(const struct fast *f,
              void (*cb)(void *aux, const struct fast_found *), void *aux)
{
    struct fast_found found;
    struct shash_node *node;

    if (f) {
        SHASH_FOR_EACH (node, &f->plan.services) {
            if (find_object(f, node->data, &found)) {
                cb(aux, &found);
            }
        }
    }
}

/* Do the programs see what comes in by 'port'? */
bool
fast_has_program(const struct fast *f, const char *port)
{
    const struct fast_port *p = f ? fast_ports_find(&f->ports, port) : NULL;

    return p && p->ifindex;
}

/* Packets that nobody received. */

static void
send_frame(void *f_, const void *frame, uint32_t len, uint32_t ifindex)
{
    struct fast *f = f_;
    struct sockaddr_ll to = {
        .sll_family = AF_PACKET, .sll_ifindex = ifindex,
    };

    f->n_sent++;
    if (sendto(f->sock, frame, len, MSG_DONTWAIT, (struct sockaddr *) &to,
               sizeof to) < 0) {
        VLOG_WARN_RL(&rl, "%s: cannot send a reset or a repeated SYN by "
                     "interface %u (%s)", f->bridge, ifindex,
                     ovs_strerror(errno));
    }
}

/* Tells clients of backends that have died. */
void
fast_deaths(struct fast *f)
{
    if (f && f->bpf) {
        const struct tpr_bpf_ops ops = { .send = send_frame, .aux = f };

        tpr_bpf_handle_deaths(f->bpf, now_bpf_ms(), &ops);
    }
}

/* MAC learning. */

/* The programs noted client 'c' at 'seen_ms', on their clock. */
static void
saw_client(void *f_, const struct tpr_bpf_client *c, uint32_t seen_ms)
{
    struct fast *f = f_;
    struct eth_addr mac;

    memcpy(&mac, c->mac, sizeof mac);
    learn_saw(&f->learn, &mac, c->port,
              c->vlan & TPR_TCI_PRESENT ? c->vlan & 0xfff : 0,
              time_msec() - (int32_t) (now_bpf_ms() - seen_ms));
}

/* Backends of 's' that have answered since the last look. */
static void
see_backends(struct fast *f, struct fast_service *s)
{
    const struct redirect_object *o = redirect_plan_find(&f->plan,
                                                         s->service.name);
    struct tpr_redirect_stats stats;

    if (!o || !o->want || tpr_bpf_get_stats(f->bpf, bpf_id(o->id), &stats)) {
        return;
    }
    for (size_t i = 0; i < MIN(stats.n_backends, o->want->n_backends); i++) {
        const struct tpr_redirect_backend *b = &o->want->backends[i];
        struct eth_addr mac;

        if (stats.backends[i].rev_packets != s->rev_packets[i]) {
            memcpy(&mac, b->mac, sizeof mac);
            learn_saw(&f->learn, &mac, b->output,
                      b->vlan != TPR_VLAN_KEEP ? b->vlan : 0, time_msec());
        }
        s->rev_packets[i] = stats.backends[i].rev_packets;
    }
    free(stats.backends);
}

/* Gives the switch the frames that are due. */
static void
teach(struct fast *f)
{
    const struct learn_entry *e;
    struct dp_port local;

    if (!of_connected(f->inner) || !of_port(f->inner, f->bridge, &local)) {
        return;
    }
    for (int i = 0; i < LEARN_BURST && (e = learn_next(&f->learn,
                                                       time_msec())); i++) {
        const struct fast_port *p = fast_ports_by_ifindex(&f->ports,
                                                          e->ifindex);
        uint8_t frame[LEARN_FRAME_MAX];
        size_t size = learn_frame(e, &local.mac, frame);

        if (p && p->ofport) {
            of_learn(f->inner, p->ofport, frame, size);
        }
    }
}

static void
run_second(struct fast *f)
{
    uint32_t now_ms = now_bpf_ms();
    struct shash_node *node;

    tpr_bpf_run(f->bpf, now_ms);
    tpr_bpf_for_clients(f->bpf, now_ms, LOOK_BACK_MS, saw_client, f);
    SHASH_FOR_EACH (node, &f->services) {
        struct fast_service *s = node->data;

        if (s->taken) {
            see_backends(f, s);
        }
    }
    teach(f);
}

/* Running. */

/* Does whatever is due. */
void
fast_run(struct fast *f)
{
    long long int now = time_msec();

    if (!f) {
        return;
    }
    if (f->watch) {
        flow_watch_run(f->watch);
    }
    run_load(f);
    if (!tc_repair_run(f->tc, f->ports.attach)) {
        f->devices_ms = MIN(f->devices_ms, MAX(now + HURRY_MS, f->calm_ms));
    }
    if (!f->judged || f->foreign_seqno != f->foreign.seqno
        || now >= f->devices_ms) {
        bool due = now >= f->devices_ms;

        if (due) {
            f->calm_ms = now + CALM_MS;
            f->devices_ms = now + DEVICES_MS;
        }
        judge(f, due, due);
    }
    if (f->bpf && now >= f->second_ms) {
        f->second_ms = now + SECOND_MS;
        run_second(f);
    }
    fast_suspect_run(f, now_bpf_ms());
}

/* Wakes the poll loop when fast_run() has something to do. */
void
fast_wait(struct fast *f)
{
    if (!f) {
        return;
    }
    if (f->watch) {
        flow_watch_wait(f->watch);
    }
    if (f->load) {
        fast_load_wait(f->load);
    }
    tc_repair_wait(f->tc);
    if (f->devices_ms != LLONG_MAX) {
        poll_timer_wait_until(f->devices_ms);
    }
    if (f->bpf) {
        poll_timer_wait_until(f->second_ms);
    }
    fast_suspect_wait(f);
}
