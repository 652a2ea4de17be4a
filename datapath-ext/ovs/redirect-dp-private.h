/* SPDX-License-Identifier: Apache-2.0 */

/* What the files behind redirect-dp.h share.
 *
 * A backend's *record* outlives modifications of its object: connections
 * point to it by its slot, and it has the counters.  Its slot and its identity
 * never change while a connection or an object has it; its configuration is
 * replaced by RCU.  Records are used again but never freed, so that a reader
 * with an old slot reads a record, if not the right one; the connection's
 * sequence number tells. */

#ifndef TPR_REDIRECT_DP_PRIVATE_H
#define TPR_REDIRECT_DP_PRIVATE_H 1

#include "openvswitch/hmap.h"
#include "openvswitch/thread.h"
#include "ovs-rcu.h"
#include "page.h"
#include "redirect-affinity.h"
#include "redirect-dp.h"
#include "redirect-sender.h"
#include "ring.h"

typedef OVSRCU_TYPE(struct tpr_redirect_backend *) tpr_conf_ptr;

enum { TPR_EXPIRES_GRAIN_MS = 64 }; /* An idle time may be that much short. */

/* A backend of an object. */
struct tpr_record {
    uint32_t slot;              /* In struct tpr_dp's 'records'. */
    uint32_t serial;            /* No other record's, ever; never 0. */
    struct tpr_addr addr;       /* Identity, with the words. */
    uint16_t l4_port;           /* Host byte order; 0: as the client asked. */
    uint32_t region, word;
    tpr_conf_ptr conf;          /* Never NULL. */
    struct tpr_shared *shared;  /* Of its object; writer. */

    uint32_t n_connections;     /* Counted for limits; writer. */
    uint32_t n_entries;         /* Connections in the table; writer. */
    uint32_t pps;               /* Packets/s in the last full second, if it
                                 * has a limit of them; writer. */
    uint64_t paced;             /* 'packets' at its end, */
    uint32_t paced_ms;          /* and when that was; writer. */
    bool in_object;             /* An object lists it; writer. */
    bool kept;                  /* It kept connections when last seen;
                                 * atomic. */
    bool died;                  /* ...and stopped to: this turn of it;
                                 * atomic. */

    /* Atomic. */
    uint64_t packets, bytes, rev_packets, rev_bytes, total_connections;
};

/* What an object keeps through modifications. */
struct tpr_shared {
    uint64_t created_ms;
    uint32_t serial;            /* No other object's, ever; never 0. */
    uint64_t counters[TPR_N_COUNTERS];  /* Atomic. */
    int32_t *smooth;            /* By backend's index; writer. */
    tpr_conn_no conns;          /* Its connections in the table; writer. */
};

/* An object as one description made it; never changes. */
struct tpr_object {
    struct hmap_node node;      /* In struct tpr_dp's 'vips'. */
    struct tpr_redirect r;
    uint32_t dp_id, scope;
    struct tpr_shared *shared;
    struct tpr_record **records;        /* By backend's index. */
    struct tpr_ring *ring;      /* Of all backends, NULL: there are none;
                                 * writer, shared by a reference count. */
    struct tpr_ring_ref *ring_ref;
};

typedef OVSRCU_TYPE(struct tpr_object *) tpr_object_ptr;

struct tpr_dp {
    struct ovs_mutex mutex;     /* Writer. */
    uint32_t n_waiting;         /* Threads in tpr_lock(); atomic. */
    tpr_object_ptr *objects;    /* By datapath's id. */
    uint32_t n_objects;
    uint32_t n_backends;        /* Of all objects. */
    struct hmap vips;           /* Of struct tpr_object, by scope and VIP. */
    struct hmap rings;          /* Of struct tpr_ring_ref. */

    struct tpr_record **records;        /* By slot; TPR_DP_MAX_RECORDS. */
    uint32_t n_records;         /* Slots that were ever used. */
    uint32_t *free_records;     /* Slots to use again. */
    uint32_t n_free_records;

    struct tpr_affinity *affinity;      /* NULL: no object has asked for it
                                         * yet; writer. */
    uint32_t last_serial;       /* Of objects and records; writer. */

    struct tpr_table table;
    struct tpr_page *page;
    char *page_path;
    struct tpr_page_id page_id; /* Of tpr_dp_run(), as the next one. */
    uint32_t page_ms;           /* When the file was last looked at. */
    uint32_t seed;
    uint32_t now_ms;            /* The last that a caller said; atomic. */
    uint32_t swept_ms;          /* When tpr_dp_run() last did something. */
    uint32_t pressed_ms;        /* When a placement last swept for room, if
                                 * 'pressed'; writer. */
    bool pressed;
    uint32_t paced_ms;          /* When packets/s were last looked at. */
    bool has_paces;             /* A backend has, or had, a limit of
                                 * packets/s; writer. */
    uint32_t gone_port;         /* Whose clients are being forgotten, 0: none;
                                 * writer. */
    uint64_t counters[TPR_N_COUNTERS];  /* Atomic. */
    struct tpr_sender *sender;

    /* Ports that may not send; atomic. */
    uint32_t n_blocked;
    uint64_t blocked[TPR_DP_MAX_PORTS / 64];    /* By port's number. */
};

/* Backends of objects, and removed ones that still have connections. */
enum { TPR_DP_MAX_RECORDS = 4 * TPR_MAX_BACKENDS };

static inline void
tpr_add(uint64_t *counter, uint64_t n)
{
    __atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

/* Counts an event, of 'object' too unless that is NULL. */
static inline void
tpr_count(struct tpr_dp *dp, const struct tpr_object *object,
          enum tpr_counter counter)
{
    tpr_add(&dp->counters[counter], 1);
    if (object) {
        tpr_add(&object->shared->counters[counter], 1);
    }
}

static inline struct tpr_object *
tpr_object_get(const struct tpr_dp *dp, uint32_t dp_id)
{
    return (dp_id < TPR_DP_MAX_REDIRECTS
            ? ovsrcu_get(struct tpr_object *, &dp->objects[dp_id]) : NULL);
}

static inline const struct tpr_redirect_backend *
tpr_record_conf(const struct tpr_record *record)
{
    return ovsrcu_get(struct tpr_redirect_backend *, &record->conf);
}

/* Must nothing be sent to clients behind 'port'? */
static inline bool
tpr_is_blocked(const struct tpr_dp *dp, uint32_t port)
{
    return OVS_UNLIKELY(__atomic_load_n(&dp->n_blocked, __ATOMIC_RELAXED))
           && port < TPR_DP_MAX_PORTS
           && __atomic_load_n(&dp->blocked[port / 64], __ATOMIC_RELAXED)
              >> port % 64 & 1;
}

/* The port (network byte order) that a client's packet to 'port' has at the
 * backend. */
static inline uint16_t
tpr_record_port(const struct tpr_record *record, uint16_t port)
{
    return record->l4_port ? tpr_swap16(record->l4_port) : port;
}

/* Takes the mutex in a forwarding thread, or in one that sends: whoever has
 * much to do under it lets those go first, see tpr_pause(). */
static inline void
tpr_lock(struct tpr_dp *dp)
    OVS_ACQUIRES(dp->mutex)
{
    if (ovs_mutex_trylock(&dp->mutex)) {
        __atomic_fetch_add(&dp->n_waiting, 1, __ATOMIC_RELAXED);
        ovs_mutex_lock(&dp->mutex);
        __atomic_fetch_sub(&dp->n_waiting, 1, __ATOMIC_RELAXED);
    }
}

/* redirect-object.c */
void tpr_follow_page(struct tpr_dp *);
void tpr_pause(struct tpr_dp *dp)
    OVS_REQUIRES(dp->mutex);
struct tpr_object *tpr_object_covering(const struct tpr_dp *dp, uint32_t scope,
                                       const struct tpr_tuple *)
    OVS_REQUIRES(dp->mutex);
bool tpr_vip_serves(const struct tpr_dp *dp, uint32_t scope,
                    const struct tpr_addr *, uint8_t proto)
    OVS_REQUIRES(dp->mutex);
void tpr_record_release(struct tpr_dp *dp, struct tpr_record *)
    OVS_REQUIRES(dp->mutex);

/* redirect-place.c */
struct tpr_placement {
    enum tpr_verdict verdict;   /* TPR_SEND: to 'record'. */
    struct tpr_record *record;
    struct tpr_conn *conn;      /* NULL: stateless, the table is full. */
};
struct tpr_frame {
    const void *data;
    uint32_t len;
    bool partial;               /* Of TCP's checksum, only the
                                 * pseudo-header's sum is there. */
};
void tpr_place(struct tpr_dp *dp, struct tpr_object *,
               const struct tpr_packet *, const struct tpr_frame *,
               uint32_t in_port, uint32_t now_ms, struct tpr_placement *)
    OVS_REQUIRES(dp->mutex);
void tpr_conn_remove(struct tpr_dp *dp, struct tpr_conn *)
    OVS_REQUIRES(dp->mutex);
void tpr_conn_release(struct tpr_dp *dp, struct tpr_conn *)
    OVS_REQUIRES(dp->mutex);
void tpr_why_all(const struct tpr_dp *dp, const struct tpr_object *,
                 uint8_t *why)
    OVS_REQUIRES(dp->mutex);
int tpr_held(const struct tpr_dp *dp, const struct tpr_object *,
             const struct tpr_addr *client, const uint8_t *why,
             uint32_t now_ms)
    OVS_REQUIRES(dp->mutex);
void tpr_count_connections(const struct tpr_object *, uint32_t *connections);
bool tpr_needs_no_entry(const struct tpr_redirect *,
                        const struct tpr_redirect_backend *, uint16_t dport);
bool tpr_match_vip(const struct tpr_conn *, const void *aux);
bool tpr_match_backend(const struct tpr_conn *, const void *aux);

/* What tpr_match_vip() and tpr_match_backend() compare with. */
struct tpr_match {
    const struct tpr_dp *dp;
    const struct tpr_addr *addr;        /* The VIP or the backend. */
    uint16_t port;              /* The backend's, network byte order. */
    uint32_t redirect;          /* This object only, UINT32_MAX: any. */
};

/* redirect-process.c: the rewriting half, for the sender too. */
void tpr_send_forward(const struct tpr_redirect_backend *, bool direct,
                      struct dp_packet *,
                      const struct tpr_packet *);

#endif /* redirect-dp-private.h */
