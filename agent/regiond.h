/* SPDX-License-Identifier: Apache-2.0 */

/* tpr-regiond: what its parts share.
 *
 *   tpr-regiond.c      the daemon: BFD sessions, checks, and what one means to
 *                      the other
 *   regiond-options.c  the command line
 *   regiond-show.c     answers to ovs-appctl
 *   regiond-agent.c    the agent-check server
 *   regiond-measure.c  what it measures
 *
 * Threads: main thread; BFD runs on the heartbeat thread (hb-thread.h). */

#ifndef TPR_REGIOND_H
#define TPR_REGIOND_H 1

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include "agent-words.h"
#include "bfd-packet.h"
#include "load.h"
#include "model.h"

struct check_set;
struct hb_thread;
struct json;
struct regiond_agent;

enum {
    REGIOND_MAX_PEERS = 64,
    REGIOND_INTERVAL_US = 1000, /* The slower end's counts: the switch's. */
    REGIOND_FALL = 3,
    REGIOND_MAX_EXCUSES = 3,
    REGIOND_MAX_METRICS = 16,
    REGIOND_AGENT_INTERVAL_US = 1000 * 1000,
    REGIOND_LEASE_US = 10 * 1000 * 1000,    /* Beats of the kernel go on so
                                             * long without us. */
};

/* Something that weights follow. */
enum regiond_metric_type {
    REGIOND_CPU,                /* Percent of the host's processors. */
    REGIOND_CGROUP,             /* Percent of what a cgroup may have. */
    REGIOND_FLOWS,              /* TCP connections to a port. */
    REGIOND_PACKETS,            /* Packets received by a device, per s. */
};
struct regiond_metric {
    enum regiond_metric_type type;
    char *text;                 /* As on the command line, "cpu,50:100". */
    char *name;                 /* CGROUP: its folder.  PACKETS: device. */
    uint16_t port;              /* FLOWS. */
    struct load_curve curve;

    /* Last measurement. */
    bool known;                 /* 'load' and 'weight' are. */
    double load;
    unsigned int weight;        /* Percent. */
    char trouble[128];          /* Why it could not be measured, or "". */
    bool said;                  /* 'trouble' is in the log. */
    struct load_ticks ticks;    /* CPU: then. */
    uint64_t last;              /* CGROUP, PACKETS: the counter then. */
    long long int last_us;
};

/* The command line. */
struct regiond_options {
    struct in6_addr peers[REGIOND_MAX_PEERS];
    size_t n_peers;             /* 0: whoever begins a session. */
    bool no_bfd;                /* No sessions, no port 3784. */
    struct in6_addr local;      /* Unspecified: any. */
    long long int interval_us;
    unsigned int fall;
    bool passive;
    enum tpr_offload offload;
    struct bfd_auth auth;
    struct tpr_config *checks;  /* The checks, as those of the backends of one
                                 * service; their names are the URLs. */
    struct tpr_service *service;        /* That service. */
    uint16_t agent_port;        /* Agent-check; 0: none. */
    struct in6_addr agent_addr; /* Unspecified: any. */
    long long int agent_interval_us;
    struct regiond_metric metrics[REGIOND_MAX_METRICS];
    size_t n_metrics;
    char *unixctl;              /* NULL: the default. */
};

void regiond_options_parse(struct regiond_options *, int argc, char *argv[]);
void regiond_options_destroy(struct regiond_options *);

struct regiond {
    struct regiond_options options;
    struct hb_thread *hb;
    struct check_set *checks;
    struct regiond_agent *agent;        /* NULL: none. */
    size_t n_sessions;
    uint32_t offloaded[REGIOND_MAX_PEERS];  /* Device on which the kernel has
                                             * the session, or 0. */
    char *told_why[REGIOND_MAX_PEERS];      /* What the kernel cannot, or
                                             * NULL, as the log has it. */

    /* Why sessions are held in AdminDown.  The operator's reason comes
     * first. */
    bool admin_down;
    char *admin_reason;         /* The operator's, or NULL. */
    bool serving;               /* All checks are good, or there are none. */
    bool told_down;             /* What the heartbeat thread was told last. */
    enum bfd_diag told_diag;
};

/* regiond-measure.c. */
void regiond_measure(struct regiond_metric *);
double regiond_cgroup_cpus(const char *folder);

/* regiond-agent.c. */
struct regiond_agent *regiond_agent_create(const struct regiond_options *);
void regiond_agent_destroy(struct regiond_agent *);
void regiond_agent_run(struct regiond_agent *, struct regiond *);
void regiond_agent_wait(struct regiond_agent *, const struct regiond *);
void regiond_agent_words(const struct regiond *, struct agent_words *);
unsigned long long int regiond_agent_asked(const struct regiond_agent *);

bool regiond_wants_down(const struct regiond *, enum bfd_diag *);
struct json *regiond_to_json(const struct regiond *);
char *regiond_to_text(const struct regiond *);

#endif /* regiond.h */
