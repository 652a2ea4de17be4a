/* SPDX-License-Identifier: Apache-2.0 */

/* What fast-path.c and fast-show.c share. */

#ifndef TPR_FAST_PRIVATE_H
#define TPR_FAST_PRIVATE_H 1

#include "datapath.h"
#include "fast-load.h"
#include "fast-path.h"
#include "fast-ports.h"
#include "foreign.h"
#include "learn.h"
#include "loader.h"
#include "openvswitch/shash.h"
#include "redirect-plan.h"

struct fast_service {
    struct dp_service service;  /* Copies of what was set. */
    struct dp_target target;
    unsigned int generation;    /* Of the set() that named it last. */
    bool taken;
    char *why;                  /* Why not; taken: how. */
    uint64_t rev_packets[TPR_MAX_REDIRECT_BACKENDS];    /* When looked at. */
    struct dp_suspect *counted; /* Likewise, of each backend. */
    size_t n_counted;
};

struct fast {
    struct datapath *inner;
    const struct dp_env *env;
    const char *bridge;

    struct tpr_bpf *bpf;        /* NULL: not needed yet, or refused. */
    struct fast_load *load;     /* Under way, or NULL. */
    struct tpr_page *old_page;  /* Meanwhile, that of programs of an earlier
                                 * agent, or NULL. */
    char *pins;                 /* Folder. */
    char *refusal;              /* Why there are no programs, or NULL. */
    struct fast_ports ports;
    struct redirect_plan plan;
    bool repeat;                /* All objects must be set again. */
    int sock;                   /* For packets that nobody received. */

    struct foreign foreign;
    struct flow_watch *watch;
    struct shash services;      /* Name -> struct fast_service. */
    unsigned int generation;
    unsigned int flow_table;
    bool have_state;            /* fast_set() was called. */

    /* What ports and services were judged by. */
    unsigned int vswitch_seqno, inner_seqno, foreign_seqno;
    bool judged;
    unsigned int seqno;         /* Changes with any answer. */

    struct learn learn;
    struct tc_repair *tc;
    long long int second_ms, devices_ms;
    long long int calm_ms;      /* No hurried look at devices before. */
    uint64_t n_sent;            /* Packets that nobody received. */

    /* fast-suspect.c. */
    unsigned int look_every_ms; /* 0: nobody asks for passive detection. */
    long long int look_ms;      /* Next look. */
    struct dp_suspect *suspects;        /* To be told, the last one first. */
    size_t n_suspects, allocated_suspects;
};

/* What the programs call the plan's object 'id'. */
static inline uint32_t
bpf_id(uint32_t id)
{
    return id - REDIRECT_ID_FIRST + 1;
}

/* fast-suspect.c */
void fast_suspect_set(struct fast *);
void fast_suspect_run(struct fast *, uint32_t now_bpf_ms);
void fast_suspect_wait(const struct fast *);

#endif /* fast-private.h */
