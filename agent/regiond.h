/* SPDX-License-Identifier: Apache-2.0 */

/* tpr-regiond: what its parts share.
 *
 *   tpr-regiond.c      the daemon: BFD sessions, checks, and what one means to
 *                      the other
 *   regiond-options.c  the command line
 *   regiond-show.c     answers to ovs-appctl
 *
 * Threads: main thread; BFD runs on the heartbeat thread (hb-thread.h). */

#ifndef TPR_REGIOND_H
#define TPR_REGIOND_H 1

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include "bfd-packet.h"
#include "model.h"

struct check_set;
struct hb_thread;
struct json;

enum {
    REGIOND_MAX_PEERS = 64,
    REGIOND_INTERVAL_US = 1000, /* The slower end's counts: the switch's. */
    REGIOND_FALL = 3,
    REGIOND_MAX_EXCUSES = 3,
};

/* The command line. */
struct regiond_options {
    struct in6_addr peers[REGIOND_MAX_PEERS];
    size_t n_peers;             /* 0: whoever begins a session. */
    struct in6_addr local;      /* Unspecified: any. */
    long long int interval_us;
    unsigned int fall;
    bool passive;
    struct bfd_auth auth;
    struct tpr_config *checks;  /* The checks, as those of the backends of one
                                 * service; their names are the URLs. */
    struct tpr_service *service;        /* That service. */
    char *unixctl;              /* NULL: the default. */
};

void regiond_options_parse(struct regiond_options *, int argc, char *argv[]);
void regiond_options_destroy(struct regiond_options *);

struct regiond {
    struct regiond_options options;
    struct hb_thread *hb;
    struct check_set *checks;
    size_t n_sessions;

    /* Why sessions are held in AdminDown.  The operator's reason comes
     * first. */
    bool admin_down;
    char *admin_reason;         /* The operator's, or NULL. */
    bool serving;               /* All checks are good, or there are none. */
    bool told_down;             /* What the heartbeat thread was told last. */
    enum bfd_diag told_diag;
};

bool regiond_wants_down(const struct regiond *, enum bfd_diag *);
struct json *regiond_to_json(const struct regiond *);
char *regiond_to_text(const struct regiond *);

#endif /* regiond.h */
