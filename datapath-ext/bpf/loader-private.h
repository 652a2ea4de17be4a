/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* What the files behind loader.h share. */

#ifndef TPR_BPF_LOADER_PRIVATE_H
#define TPR_BPF_LOADER_PRIVATE_H 1

#include "loader.h"
#include "openvswitch/hmap.h"
#include "ring.h"

struct ds;
struct tpr_bpf_skel;

/* The maps that are one long value, as user space sees them. */
#define TPR_BPF_VALUES                                          \
    TPR_BPF_VALUE(heads, uint32_t)                              \
    TPR_BPF_VALUE(conns, struct tpr_bpf_conn)                   \
    TPR_BPF_VALUE(syns, struct tpr_bpf_syn)                     \
    TPR_BPF_VALUE(frags, struct tpr_bpf_frag)                   \
    TPR_BPF_VALUE(current, uint32_t)                            \
    TPR_BPF_VALUE(objects, struct tpr_bpf_object)               \
    TPR_BPF_VALUE(lists, struct tpr_bpf_entry)                  \
    TPR_BPF_VALUE(rings, uint16_t)                              \
    TPR_BPF_VALUE(records, struct tpr_bpf_record)               \
    TPR_BPF_VALUE(page, struct tpr_page)
enum tpr_bpf_value {
#define TPR_BPF_VALUE(NAME, TYPE) VALUE_##NAME,
    TPR_BPF_VALUES
#undef TPR_BPF_VALUE
    N_VALUES
};

/* Parts of a row of things that are free, in order. */
struct span {
    uint32_t first, n;
};
struct space {
    struct span *spans;
    size_t n, allocated;
};

/* A ring that objects with equal lists of backends share. */
struct ring_ref {
    struct hmap_node node;      /* In struct tpr_bpf's 'rings', by hash. */
    uint32_t first, size;       /* In the map. */
    unsigned int n;             /* Objects that have it. */
    bool maglev;                /* Of that policy, which has greater ones. */
    uint16_t n_backends;
    struct tpr_redirect_backend *backends;
};

/* A VIP, and how many objects have it. */
struct vip {
    struct hmap_node node;      /* In struct tpr_bpf's 'vips'. */
    struct tpr_addr addr;
    unsigned int n;
};

/* What has been given up and may still be looked at by a program. */
struct limbo {
    bool is_ring;
    struct span span;
};

/* An object as it is now; 'r.backends' is NULL if there is none. */
struct loaded {
    struct tpr_redirect r;
    uint32_t *records;          /* By backend's index. */
    uint32_t list;
    struct ring_ref *ring;
    unsigned long long int created_ms;
    uint32_t serial;            /* As struct tpr_bpf_object's. */
    uint64_t changed;           /* In this epoch. */
    uint32_t suspect_ms;        /* 0: silence is not looked for. */
};

struct tpr_bpf {
    struct tpr_bpf_skel *skel;
    struct tpr_bpf_sizes sizes;
    void *values[N_VALUES];     /* Mapped. */
    size_t value_sizes[N_VALUES];
    int map_fds[N_VALUES];
    struct tpr_bpf_limits *limits;
    struct tpr_bpf_state *state;
    struct tpr_bpf_test *test;
    struct tpr_bpf_command *command;
    uint8_t *filter;
    uint32_t *shortcuts;
    int n_cpus;
    uint32_t max_ports;         /* Targets of XDP. */

    struct loaded *loaded;      /* By id. */
    uint16_t *filter_counts[2];
    struct hmap vips;
    struct hmap rings;
    struct space list_space, ring_space;
    uint32_t n_records;         /* That were ever used. */
    uint32_t *spares;           /* Of those, such as nobody looks at. */
    uint32_t n_spares;
    struct loaded *dying;       /* Deleted, but not yet settled. */
    size_t n_dying, allocated_dying;

    /* Grace: in an epoch, nothing that was given up is used again. */
    uint64_t epoch;
    uint64_t n_runs;            /* Of the control program. */
    struct limbo *limbo;
    size_t n_limbo, allocated_limbo;
    int outer_fd, inner_fd;
    int old_jumps;              /* What programs of before jump by, or -1: it
                                 * is empty as soon as nobody has it open. */

    uint32_t swept;             /* Where the next sweep begins. */

    char *pins;                 /* Folder, or NULL. */
    bool taken_over;            /* Maps were there already. */
    char *why_not;              /* What was there is of no use: a sentence. */
    bool refuse_part, renew_part;       /* As in the options. */
    char *no_next;              /* Why there is no TPR_BPF_XDP_NEXT, a clause,
                                 * or NULL. */
};

#define VALUE(B, NAME, TYPE) ((TYPE *) (B)->values[VALUE_##NAME])

static inline struct tpr_bpf_record *
tpr_bpf_record(const struct tpr_bpf *b, uint32_t slot)
{
    return &VALUE(b, records, struct tpr_bpf_record)[slot];
}

static inline struct tpr_redirect_backend *
tpr_bpf_conf(const struct tpr_bpf *b, uint32_t slot)
{
    struct tpr_bpf_record *record = tpr_bpf_record(b, slot);

    return &record->conf[record->current & 1].b;
}

enum {
    TPR_BPF_LOG_SIZE = (1 << 24) - 1,   /* Of the verifier: as much as old
                                         * kernels take, for those keep the
                                         * begin of it, not the end.  Memory
                                         * that is not touched costs
                                         * nothing. */
};

/* loader.c */
char *tpr_bpf_load_error(int error, const struct ds *said,
                         char *const *logs) OVS_WARN_UNUSED_RESULT;
void tpr_bpf_grace(struct tpr_bpf *);
void tpr_bpf_control(struct tpr_bpf *);
int tpr_bpf_map(const struct tpr_bpf *, const char *name);

/* loader-pins.c */
char *tpr_bpf_find_pins(struct tpr_bpf *) OVS_WARN_UNUSED_RESULT;

/* loader-adopt.c */
void tpr_bpf_adopt(struct tpr_bpf *);

/* loader-space.c */
void tpr_bpf_space_give(struct space *, uint32_t first, uint32_t n);
uint32_t tpr_bpf_take(struct tpr_bpf *, struct space *, uint32_t n);
void tpr_bpf_give_up(struct tpr_bpf *, bool is_ring, uint32_t first,
                     uint32_t n);
void tpr_bpf_release_limbo(struct tpr_bpf *);

/* loader-records.c */
void tpr_bpf_filter_add(struct tpr_bpf *, const struct tpr_addr *,
                        uint8_t flag);
void tpr_bpf_filter_del(struct tpr_bpf *, const struct tpr_addr *,
                        uint8_t flag);
uint32_t tpr_bpf_record_create(struct tpr_bpf *,
                               const struct tpr_redirect_backend *);
void tpr_bpf_record_configure(struct tpr_bpf *, uint32_t slot,
                              const struct tpr_redirect_backend *);
void tpr_bpf_record_orphan(struct tpr_bpf *, uint32_t slot);

/* loader-set.c */
void tpr_bpf_serve(struct tpr_bpf *, const struct tpr_redirect *);
bool tpr_bpf_is_wide(const struct tpr_redirect *);
struct tpr_bpf_object *tpr_bpf_current(struct tpr_bpf *, uint32_t id);
void tpr_bpf_adopt_record(struct tpr_bpf *, uint32_t slot, bool in_object);
void tpr_bpf_adopt_object(struct tpr_bpf *, uint32_t id,
                          struct tpr_redirect *, uint32_t *records);
void tpr_bpf_init_objects(struct tpr_bpf *);
void tpr_bpf_free_objects(struct tpr_bpf *);

/* loader-conns.c */
void tpr_bpf_for_connections(struct tpr_bpf *, enum tpr_bpf_op, uint32_t arg);
uint32_t tpr_bpf_why(struct tpr_bpf *, uint32_t slot);

#endif /* loader-private.h */
