/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* What the files behind beat-loader.h share. */

#ifndef TPR_BPF_BEAT_PRIVATE_H
#define TPR_BPF_BEAT_PRIVATE_H 1

#include "beat-loader.h"

struct tpr_beat_skel;
struct ring_buffer;

/* An interface where beats are received. */
struct tpr_beat_port {
    uint32_t ifindex;
    unsigned int n;             /* How often it was asked for. */
    uint32_t program_id;        /* Of our filter. */
    bool made_qdisc;            /* A qdisc came with it. */
    int ear_fd;                 /* Packet socket. */
    char *trouble;              /* Why there is no filter, or NULL. */
};

struct tpr_beat {
    struct tpr_beat_skel *skel;
    struct tpr_beat_session *sessions;  /* The mapped table... */
    size_t mapped;                      /* ...its size in bytes. */
    struct tpr_beat_state *state;       /* Mapped, too. */
    char *name;
    char *pin_dir, *unpinned_why;       /* One of them. */

    /* The first thread's. */
    struct tpr_beat_port *ports;
    size_t n_ports;
    int pages[TPR_BEAT_PAGES];  /* Descriptors plus 1, 0: free. */
    char *loop_trouble;         /* Why the token has no loop, or NULL. */
    uint32_t in_program_id;     /* Of the filter in the loop. */
    int64_t built_us;           /* When it was made. */

    /* Both threads'. */
    bool quiet[TPR_BEAT_SESSIONS];      /* Not to be armed, nor listened for:
                                         * its port may go at any time. */

    /* The heartbeat thread's. */
    struct ring_buffer *events;
    tpr_beat_event_func *event_func;
    void *event_aux;
    bool armed[TPR_BEAT_SESSIONS];      /* As far as we know. */
    uint32_t n_armings;
    uint32_t discrs[TPR_BEAT_SESSIONS]; /* In the map, 0: none. */
    struct tpr_beat_token_watch token;  /* 'broken' is read by others. */

    /* The token (beat-token.c).  Constant once there is one. */
    bool has_token;
    int token_fd;               /* Packet socket that a new one leaves by.  The
                                 * number stays if the loop is made anew. */
};

/* beat-owner.c */
void tpr_beat_own(struct tpr_beat_owner *, const char *name);
char *tpr_beat_pin_dir(const char *parent, const struct tpr_beat_owner *);
void tpr_beat_unpin(const char *dir);

/* beat-port.c */
uint32_t tpr_beat_program_id(int fd);
char *tpr_beat_attach_tc(uint32_t ifindex, int program, uint32_t tag,
                         bool *made_qdisc);
void tpr_beat_detach_tc(uint32_t ifindex, uint32_t tag, bool made_qdisc);
uint32_t tpr_beat_query_tc(uint32_t ifindex, uint32_t tag);

/* beat-token.c */
int tpr_beat_token_program(const struct tpr_beat *);
int tpr_beat_port_program(const struct tpr_beat *);
int tpr_beat_ear_program(const struct tpr_beat *);
void tpr_beat_emit_token(struct tpr_beat *);
void tpr_beat_stop_token(struct tpr_beat *);
bool tpr_beat_check_loop(struct tpr_beat *, int64_t now_us);
void tpr_beat_remove_loop(uint32_t tag);

#endif /* beat-private.h */
