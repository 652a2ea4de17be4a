/* SPDX-License-Identifier: Apache-2.0 */

/* ovs-tprctl: what its files share.
 *
 *   ovs-tprctl.c      options, transaction, waiting for the agent
 *   tprctl-args.c     options may follow a command
 *   tprctl-keys.c     KEY=VALUE arguments
 *   tprctl-config.c   add-, set-, del-, list-
 *   tprctl-intent.c   drain, failover, failback, bypass
 *   tprctl-show.c     show, status, history
 *   tprctl-export.c   export, import, diff
 *
 * A command changes rows in the transaction of 'struct ctl_context'.  Before
 * the commit, the rows go through the same judgement as in the agent
 * (config.h): what would be a complaint there is an error here.
 *
 * Threads: main thread. */

#ifndef TPRCTL_H
#define TPRCTL_H 1

#include <stdbool.h>
#include <stdint.h>
#include "db-ctl-base.h"
#include "tpr-idl.h"

struct svec;
struct uuid;

/* Kinds of objects that take KEY=VALUE arguments. */
enum tprctl_kind {
    TPRCTL_TPR,
    TPRCTL_REGION,
    TPRCTL_HEARTBEAT,
    TPRCTL_SERVICE,
    TPRCTL_BACKEND,
    TPRCTL_CHECK,
};

/* What the commands of one call leave for the main program. */
struct tprctl {
    bool dry_run;               /* --dry-run. */
    bool json;                  /* --format=json. */
    int json_flags;             /* JSSF_PRETTY for --pretty. */
    bool importing;             /* add- commands accept what exists, */
    bool replacing;             /* .. and bring it back to defaults. */
    bool judge;                 /* A command wants the rows judged. */
    int exit_status;            /* Of the whole program. */
    const struct uuid **await;  /* Intents that --wait waits for: UUIDs in the
                                 * transaction. */
    size_t n_await;
};
extern struct tprctl tprctl;

/* ovs-tprctl.c */
const struct tprrec_tpr *tprctl_root(struct ctl_context *);

/* tprctl-args.c */
char **tprctl_move_options(int *argcp, char *argv[]);

/* tprctl-keys.c */
const char *const *tprctl_keys(enum tprctl_kind);
bool tprctl_set_key(struct ctl_context *, enum tprctl_kind,
                    const struct ovsdb_idl_row *, const char *key,
                    const char *value);
bool tprctl_set_keys(struct ctl_context *, enum tprctl_kind,
                     const struct ovsdb_idl_row *, size_t first);
void tprctl_reset_keys(enum tprctl_kind, const struct ovsdb_idl_row *);
void tprctl_get_key(enum tprctl_kind, const struct ovsdb_idl_row *,
                    const char *key, struct svec *words);

/* tprctl-config.c */
extern const struct ctl_command_syntax tprctl_config_commands[];
const struct tprrec_region *tprctl_find_region(struct ctl_context *,
                                               const char *name);
const struct tprrec_service *tprctl_find_service(struct ctl_context *,
                                                 const char *name);
const char *tprctl_backend_name(const struct tprrec_backend *);
const struct tprrec_backend *tprctl_find_backend(
    const struct tprrec_service *, const char *name);
const struct tprrec_backend *tprctl_find_full_backend(
    struct ctl_context *, const char *full_name);
void tprctl_delete_region(struct ctl_context *, const struct tprrec_region *);
void tprctl_delete_service(struct ctl_context *,
                           const struct tprrec_service *);
void tprctl_remove_backend(struct ctl_context *,
                           const struct tprrec_service *,
                           const struct tprrec_backend *);
size_t tprctl_regions(struct ctl_context *, const struct tprrec_region ***);
size_t tprctl_services(struct ctl_context *, const struct tprrec_service ***);
size_t tprctl_backends(const struct tprrec_service *,
                       const struct tprrec_backend ***);

/* tprctl-intent.c */
extern const struct ctl_command_syntax tprctl_intent_commands[];
void tprctl_forget(struct ctl_context *, const char *name);
void tprctl_forget_failover(struct ctl_context *, const char *service,
                            const char *region);
const char *tprctl_format_time(int64_t ms, char *buf, size_t size);

/* tprctl-show.c */
extern const struct ctl_command_syntax tprctl_show_commands[];

/* tprctl-top.c */
extern const struct ctl_command_syntax tprctl_top_commands[];
bool tprctl_top(struct ctl_command *, size_t n);

/* tprctl-export.c */
extern const struct ctl_command_syntax tprctl_export_commands[];

#endif /* tprctl.h */
