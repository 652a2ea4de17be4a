/* SPDX-License-Identifier: Apache-2.0 */

/* tpr-regiond, the region's side: answers BFD for as long as the region's
 * services are well.
 *
 * While a health check fails, or before the first ones have passed, or while
 * the operator says so, all sessions are in AdminDown: the switch learns of it
 * within one packet's time instead of a detection time.  The diagnostic says
 * why:
 *
 *     6, concatenated path down     a health check fails (RFC 5880 6.8.17:
 *                                   the path beyond this system has failed)
 *     7, administratively down      the operator's order, or a regular exit
 *
 * State Down could not serve: a session in Down comes up again as soon as the
 * peer answers. */

#include <config.h>
#include "regiond.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "check.h"
#include "command-line.h"
#include "daemon.h"
#include "fatal-signal.h"
#include "hb-thread.h"
#include "openvswitch/json.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "ovs-thread.h"
#include "tpr-config.h"
#include "tpr-time.h"
#include "unixctl.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(regiond);

/* Returns true if the sessions should be in AdminDown, with 'diag'. */
bool
regiond_wants_down(const struct regiond *r, enum bfd_diag *diag)
{
    *diag = (r->admin_down ? BFD_DIAG_ADMIN_DOWN
             : !r->serving ? BFD_DIAG_CONCAT_DOWN
             : BFD_DIAG_NONE);
    return r->admin_down || !r->serving;
}

static struct hb_session_config
session_config(const struct regiond *r, size_t i)
{
    const struct regiond_options *o = &r->options;
    struct hb_session_config cfg;

    /* To the last byte, padding included. */
    memset(&cfg, 0, sizeof cfg);
    cfg.id = i;
    snprintf(cfg.name, sizeof cfg.name, "%"PRIuSIZE, i);
    cfg.type = HB_BFD;
    cfg.path = HB_PATH_UDP;
    cfg.local = o->local;
    if (o->n_peers) {
        cfg.peer = o->peers[i];
    }
    cfg.hb.interval_us = o->interval_us;
    cfg.hb.fall = o->fall;
    cfg.hb.rise = 1;
    cfg.hb.max_excuses = REGIOND_MAX_EXCUSES;
    cfg.bfd.min_tx_us = cfg.bfd.min_rx_us = o->interval_us;
    cfg.bfd.mult = o->fall;
    cfg.bfd.passive = o->passive || !o->n_peers;
    cfg.bfd.admin_down = r->told_down;
    cfg.bfd.admin_diag = r->told_diag;
    cfg.bfd.auth = o->auth;
    return cfg;
}

/* Opens the sessions; ends the program if that is impossible. */
static void
open_sessions(struct regiond *r)
{
    const struct regiond_options *o = &r->options;

    r->n_sessions = (o->no_bfd ? 0
                     : o->n_peers ? o->n_peers : REGIOND_MAX_PEERS);
    r->hb = hb_thread_create(NULL, r->n_sessions);
    r->told_down = regiond_wants_down(r, &r->told_diag);
    for (size_t i = 0; i < r->n_sessions; i++) {
        struct hb_session_config cfg = session_config(r, i);
        int error = hb_thread_set(r->hb, &cfg);

        if (error) {
            char *local = tpr_format_address(&o->local);

            VLOG_FATAL("cannot open UDP port %d at %s (%s)%s", BFD_PORT,
                       local, ovs_strerror(error),
                       error == EADDRINUSE
                       ? ": does another BFD daemon run here?" : "");
        }
    }
}

/* Makes the sessions follow checks and operator. */
static void
update_sessions(struct regiond *r)
{
    enum bfd_diag diag;
    bool down = regiond_wants_down(r, &diag);

    if (down == r->told_down && diag == r->told_diag) {
        return;
    }
    for (size_t i = 0; i < r->n_sessions; i++) {
        if (hb_thread_set_admin(r->hb, i, down, diag)) {
            return;             /* Its queue is full: next time. */
        }
    }
    r->told_down = down;
    r->told_diag = diag;
}

/* Facts from the heartbeat thread. */

static void
log_fact(const struct hb_fact *fact, const char *peer,
         const struct hb_stats *stats)
{
    static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(10, 20);

    switch (fact->type) {
    case HB_FACT_UP:
        VLOG_INFO("TPR-602 peer %s up", peer);
        break;
    case HB_FACT_DOWN:
        if (fact->cause == HEARTBEAT_CAUSE_MISSED) {
            VLOG_WARN("TPR-601 peer %s down: %u beats missed, last %.1f ms "
                      "ago", peer, fact->missed,
                      fact->last_beat_us
                      ? (fact->now_us - fact->last_beat_us) / 1e3 : 0.0);
        } else if (fact->cause != HEARTBEAT_CAUSE_DISABLED) {
            VLOG_WARN("TPR-601 peer %s down: %s (%s)", peer,
                      heartbeat_cause_to_string(fact->cause),
                      bfd_diag_to_string(stats->bfd.remote_diag));
        }
        break;
    case HB_FACT_EXCUSED:
        VLOG_WARN_RL(&rl, "TPR-603 silence of peer %s excused: we were late "
                     "by %.1f ms ourselves", peer, fact->late_us / 1e3);
        break;
    case HB_FACT_SESSION:
        VLOG_DBG("session with %s: local %s, remote %s", peer,
                 bfd_state_to_string(stats->bfd.state),
                 bfd_state_to_string(stats->bfd.remote_state));
        break;
    case HB_FACT_ERROR:
        VLOG_WARN_RL(&rl, "cannot send to peer %s (%s)", peer,
                     ovs_strerror(fact->error));
        break;
    }
}

/* Lets the kernel have session 'id', or takes it back: now it is known what
 * was negotiated, and by which device its packets come. */
static void
update_offload(struct regiond *r, uint32_t id, const struct hb_stats *stats)
{
    const struct regiond_options *o = &r->options;
    bool wanted = (stats->bfd.state == BFD_STATE_UP && stats->ifindex
                   && o->auth.type == BFD_AUTH_NONE
                   && (o->offload == TPR_OFFLOAD_ON
                       || (o->offload == TPR_OFFLOAD_AUTO
                           && (MAX(stats->bfd.tx_interval_us, o->interval_us)
                               < TPR_OFFLOAD_BELOW_US))));
    struct hb_offload offload = {
        .receive = wanted, .send = wanted, .ifindex = stats->ifindex,
        .lease_us = REGIOND_LEASE_US,
    };

    /* One that fell comes back: it stays where it is. */
    if (wanted && r->offloaded[id] != stats->ifindex
        && !hb_thread_offload(r->hb, id, &offload)) {
        r->offloaded[id] = stats->ifindex;
    }
}

/* Logs what the kernel cannot do that it was asked for, once. */
static void
log_offload(struct regiond *r)
{
    static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);

    for (size_t i = 0; i < r->n_sessions; i++) {
        const char *why = hb_thread_offload_why(r->hb, i);
        char **told = &r->told_why[i];

        if (why && (!*told || strcmp(why, *told))) {
            VLOG_INFO_RL(&rl, "beats stay in user space, partly at least: "
                         "%s", why);
        }
        free(*told);
        *told = nullable_xstrdup(why);
    }
}

static void
run_facts(struct regiond *r)
{
    struct hb_fact fact;

    while (hb_thread_next_fact(r->hb, &fact)) {
        struct hb_stats stats;

        if (hb_thread_stats(r->hb, fact.id, &stats)
            && !IN6_IS_ADDR_UNSPECIFIED(&stats.peer)) {
            char *peer = tpr_format_address(&stats.peer);

            log_fact(&fact, peer, &stats);
            update_offload(r, fact.id, &stats);
            free(peer);
        }
    }
    log_offload(r);
}

/* Checks. */

static bool
all_checks_are_good(const struct regiond *r)
{
    const struct tpr_service *svc = r->options.service;

    for (size_t i = 0; i < svc->n_backends; i++) {
        struct check_stats stats;

        if (!check_set_stats(r->checks, svc->backends[i], &stats)
            || stats.state != CHECK_UP) {
            return false;
        }
    }
    return true;
}

static void
run_checks(struct regiond *r)
{
    struct check_change change;
    bool changed = false;

    check_set_run(r->checks, tpr_now_us());
    while (check_set_next_change(r->checks, &change)) {
        changed = true;
        if (change.up) {
            VLOG_INFO("TPR-612 check %s up: %s", change.backend->name,
                      change.cause);
        } else {
            VLOG_WARN("TPR-611 check %s down: %s", change.backend->name,
                      change.cause);
        }
    }

    bool serving = changed ? all_checks_are_good(r) : r->serving;
    if (serving != r->serving) {
        r->serving = serving;
        if (serving) {
            VLOG_INFO("TPR-614 region serves: all checks are good");
        } else {
            VLOG_WARN("TPR-613 region fails: sessions go to AdminDown");
        }
    }
}

/* The operator. */

static void
cmd_show(struct unixctl_conn *conn, int argc, const char *argv[], void *r_)
{
    if (argc > 1 && strcmp(argv[1], "--json")) {
        unixctl_command_reply_error(conn, "use --json or nothing");
        return;
    }

    char *reply;
    if (argc > 1) {
        struct json *json = regiond_to_json(r_);

        reply = json_to_string(json, JSSF_SORT);
        json_destroy(json);
    } else {
        reply = regiond_to_text(r_);
    }
    unixctl_command_reply(conn, reply);
    free(reply);
}

static void
cmd_admin_down(struct unixctl_conn *conn, int argc, const char *argv[],
               void *r_)
{
    struct regiond *r = r_;

    r->admin_down = true;
    free(r->admin_reason);
    r->admin_reason = argc > 1 ? xstrdup(argv[1]) : NULL;
    update_sessions(r);
    VLOG_WARN("TPR-615 operator takes the region down: %s",
              r->admin_reason ? r->admin_reason : "no reason given");
    unixctl_command_reply(conn, NULL);
}

static void
cmd_admin_up(struct unixctl_conn *conn, int argc OVS_UNUSED,
             const char *argv[] OVS_UNUSED, void *r_)
{
    struct regiond *r = r_;

    if (r->admin_down) {
        r->admin_down = false;
        free(r->admin_reason);
        r->admin_reason = NULL;
        update_sessions(r);
        VLOG_INFO("TPR-616 operator lets the region come up");
    }
    unixctl_command_reply(conn, NULL);
}

static void
cmd_exit(struct unixctl_conn *conn, int argc OVS_UNUSED,
         const char *argv[] OVS_UNUSED, void *exiting_)
{
    bool *exiting = exiting_;

    *exiting = true;
    unixctl_command_reply(conn, NULL);
}

static struct unixctl_server *
open_unixctl(struct regiond *r, bool *exiting)
{
    struct unixctl_server *server;

    if (unixctl_server_create(r->options.unixctl, &server)) {
        exit(EXIT_FAILURE);
    }
    unixctl_command_register("exit", "", 0, 0, cmd_exit, exiting);
    unixctl_command_register("regiond/show", "[--json]", 0, 1, cmd_show, r);
    unixctl_command_register("regiond/admin-down", "[REASON]", 0, 1,
                             cmd_admin_down, r);
    unixctl_command_register("regiond/admin-up", "", 0, 0, cmd_admin_up, r);
    return server;
}

/* Tells all peers that we go, so that they need not find out, and closes the
 * sessions.  Also on a fatal signal. */
static void
say_goodbye(void *r_)
{
    struct regiond *r = r_;

    if (r->hb) {
        for (size_t i = 0; i < r->n_sessions; i++) {
            ignore(hb_thread_set_admin(r->hb, i, true, BFD_DIAG_ADMIN_DOWN));
        }
        hb_thread_destroy(r->hb);
        r->hb = NULL;
    }
}

static void
run(struct regiond *r, struct unixctl_server *unixctl, const bool *exiting)
{
    while (!*exiting) {
        run_facts(r);
        run_checks(r);
        if (r->agent) {
            regiond_agent_run(r->agent, r);
        }
        update_sessions(r);
        unixctl_server_run(unixctl);

        poll_fd_wait(hb_thread_fd(r->hb), POLLIN);
        check_set_wait(r->checks);
        if (r->agent) {
            regiond_agent_wait(r->agent, r);
        }
        unixctl_server_wait(unixctl);
        if (*exiting) {
            poll_immediate_wake();
        }
        poll_block();
    }
}

int
main(int argc, char *argv[])
{
    static struct regiond r;
    bool exiting = false;

    ovs_set_program_name(argv[0], TPR_VERSION);
    ovs_cmdl_proctitle_init(argc, argv);
    service_start(&argc, &argv);
    regiond_options_parse(&r.options, argc, argv);
    fatal_ignore_sigpipe();

    daemon_become_new_user(false);
    daemonize_start(false);
    struct unixctl_server *unixctl = open_unixctl(&r, &exiting);
    r.checks = check_set_create();
    check_set_configure(r.checks, r.options.checks, tpr_now_us());
    r.serving = all_checks_are_good(&r);
    open_sessions(&r);
    r.agent = (r.options.agent_port ? regiond_agent_create(&r.options)
               : NULL);
    fatal_signal_add_hook(say_goodbye, NULL, &r, true);
    daemonize_complete();
    VLOG_INFO("%s %s starts with %"PRIuSIZE" peers, %"PRIuSIZE" checks",
              ovs_get_program_name(), TPR_VERSION, r.options.n_peers,
              r.options.service->n_backends);

    run(&r, unixctl, &exiting);

    say_goodbye(&r);
    regiond_agent_destroy(r.agent);
    check_set_destroy(r.checks);
    unixctl_server_destroy(unixctl);
    free(r.admin_reason);
    for (size_t i = 0; i < REGIOND_MAX_PEERS; i++) {
        free(r.told_why[i]);
    }
    regiond_options_destroy(&r.options);
    service_stop();
    return 0;
}
