/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* The maps of the BPF programs and how they are reached: see layout.h.
 *
 * A number that comes from a map is compared with the length, a constant to
 * the verifier, before it leads anywhere. */

#ifndef TPR_BPF_MAPS_H
#define TPR_BPF_MAPS_H 1

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "layout.h"

#ifndef likely
#define likely(X) __builtin_expect(!!(X), 1)
#define unlikely(X) __builtin_expect(!!(X), 0)
#endif

/* The compiler forgets what it knows of 'X': it shall compare, and use, the
 * same register. */
#define OPAQUE(X) asm volatile("" : "+r"(X))

/* Not inlined, but verified with its caller's knowledge. */
#define STEP static __attribute__((noinline))

const volatile struct tpr_bpf_sizes tpr_sizes = { .mask = 1 };

struct tpr_bpf_limits tpr_limits;
struct tpr_bpf_state tpr_state;
struct tpr_bpf_test tpr_test;
struct tpr_bpf_command tpr_command;
uint8_t tpr_filter[TPR_BPF_FILTER];
uint32_t tpr_shortcuts[TPR_BPF_SHORTCUTS];      /* Id plus 1; 0: none. */

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __type(key, struct tpr_bpf_client);
    __type(value, uint32_t);    /* When it was seen, milliseconds. */
    __uint(max_entries, TPR_BPF_CLIENTS);
} tpr_clients SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __type(key, struct tpr_bpf_holder);
    __type(value, struct tpr_bpf_held);
    __uint(max_entries, TPR_BPF_HOLDERS);
} tpr_holders SEC(".maps");

/* One long value, in which user space chooses the length. */
#define LONG_VALUE(NAME)                        \
    struct {                                    \
        __uint(type, BPF_MAP_TYPE_ARRAY);       \
        __uint(map_flags, BPF_F_MMAPABLE);      \
        __uint(key_size, 4);                    \
        __uint(value_size, 64);                 \
        __uint(max_entries, 1);                 \
    } NAME SEC(".maps")

LONG_VALUE(tpr_heads);          /* tpr_bpf_no: forward, then reverse. */
LONG_VALUE(tpr_conns);          /* struct tpr_bpf_conn. */
LONG_VALUE(tpr_syns);           /* struct tpr_bpf_syn. */
LONG_VALUE(tpr_frags);          /* struct tpr_bpf_frag. */
LONG_VALUE(tpr_current);        /* uint32_t: slot of object plus 1, by id. */
LONG_VALUE(tpr_objects);        /* struct tpr_bpf_object, two each. */
LONG_VALUE(tpr_lists);          /* struct tpr_bpf_entry. */
LONG_VALUE(tpr_rings);          /* uint16_t. */
LONG_VALUE(tpr_records);        /* struct tpr_bpf_record. */
LONG_VALUE(tpr_page);           /* struct tpr_page. */

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __type(key, struct tpr_bpf_service);
    __type(value, uint32_t);    /* Id plus 1. */
    __uint(max_entries, 1);
} tpr_services SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __type(key, uint32_t);      /* Record. */
    __type(value, struct tpr_bpf_stats);
    __uint(max_entries, 1);
} tpr_stats SEC(".maps");

struct tpr_bpf_counters {
    uint64_t n[TPR_N_COUNTERS];
};

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __type(key, uint32_t);      /* 0: all; else an object's id plus 1. */
    __type(value, struct tpr_bpf_counters);
    __uint(max_entries, 1);
} tpr_counters SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
    __uint(key_size, 4);        /* Interface's index. */
    __uint(value_size, 4);
    __uint(max_entries, 1);     /* User space chooses. */
} tpr_ports SEC(".maps");

/* At AF_XDP ports, the switch's own programs (attach-next.h). */
struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(key_size, 4);        /* Interface's index % TPR_BPF_NEXT. */
    __uint(value_size, 4);
    __uint(max_entries, TPR_BPF_NEXT);
} tpr_next SEC(".maps");

struct tpr_lock {
    struct bpf_spin_lock lock;
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __type(key, uint32_t);
    __type(value, struct tpr_lock);
    __uint(max_entries, 1);
} tpr_locks SEC(".maps");

/* What one placement writes down; packets are handled with softirqs off, one
 * at a time on a processor.  The control program may be interrupted by them,
 * and has its own. */
struct tpr_scratch {
    uint8_t why[TPR_MAX_REDIRECT_BACKENDS];
    uint32_t connections[TPR_MAX_REDIRECT_BACKENDS];    /* 0 where the policy
                                                         * does not ask. */
    uint16_t gain[TPR_MAX_REDIRECT_BACKENDS];   /* Of a turn; 0: takes no
                                                 * part. */
};

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __type(key, uint32_t);
    __type(value, struct tpr_scratch);
    __uint(max_entries, 2);      /* WAY_PACKET, WAY_CONTROL. */
} tpr_scratches SEC(".maps");

#define VALUE_OF(MAP) bpf_map_lookup_elem(&(MAP), &(uint32_t) { 0 })

/* The 'I'th 'TYPE' of the 'N' in the long value 'BASE', or NULL.  The address
 * is made of the very register that was compared, and afterwards. */
#define AT(TYPE, BASE, I, N)                    \
    ({ uint32_t at_i = (I);                     \
       TYPE *at_p = (BASE);                     \
                                                \
       OPAQUE(at_i);                            \
       if (at_p && at_i < (N)) {                \
           OPAQUE(at_i);                        \
           at_p += at_i;                        \
       } else {                                 \
           at_p = NULL;                         \
       }                                        \
       at_p; })

TPR_INLINE struct tpr_bpf_conn *
conn_at(void *conns, tpr_bpf_no no)
{
    return AT(struct tpr_bpf_conn, conns, no - 1, tpr_sizes.connections);
}

TPR_INLINE struct tpr_bpf_record *
record_at(void *records, uint32_t record)
{
    return AT(struct tpr_bpf_record, records, record, tpr_sizes.records);
}

TPR_INLINE struct tpr_bpf_object *
object_of(uint32_t id)
{
    uint32_t *current = AT(uint32_t, VALUE_OF(tpr_current), id,
                           tpr_sizes.objects);

    return (current
            ? AT(struct tpr_bpf_object, VALUE_OF(tpr_objects), *current - 1,
                 2 * tpr_sizes.objects)
            : NULL);
}

TPR_INLINE const struct tpr_redirect_backend *
conf_of(const struct tpr_bpf_record *record)
{
    return record->current & 1 ? &record->conf[1].b : &record->conf[0].b;
}

/* ## Liveness. ## */

TPR_INLINE uint32_t
word_state(const tpr_word *words, uint32_t n, uint32_t index)
{
    const volatile tpr_word *word;

    if (index == TPR_NO_WORD) {
        return TPR_LIVENESS_UP;
    }
    word = AT(const tpr_word, words, index, n);
    return word ? tpr_word_state(*word) : TPR_LIVENESS_UNKNOWN;
}

TPR_INLINE bool
is_kept(const struct tpr_redirect_backend *b, const struct tpr_page *page)
{
    return !b->withdrawn
           && word_state(page->region, TPR_MAX_REGIONS, b->region)
              != TPR_LIVENESS_DOWN
           && word_state(page->backend, TPR_MAX_BACKENDS, b->word)
              != TPR_LIVENESS_DOWN;
}

TPR_INLINE bool
is_usable(const struct tpr_redirect_backend *b, const struct tpr_page *page)
{
    return !b->withdrawn && b->weight
           && word_state(page->region, TPR_MAX_REGIONS, b->region)
              == TPR_LIVENESS_UP
           && word_state(page->backend, TPR_MAX_BACKENDS, b->word)
              == TPR_LIVENESS_UP;
}

/* ## Clients. ## */

/* A client's frame came by 'port' with 'tci' and 'mac'. */
STEP int
note_client(uint32_t port, uint16_t tci, const uint8_t mac[6],
            uint32_t now_ms)
{
    struct tpr_bpf_client key = {
        .port = port,
        .vlan = tci & (TPR_TCI_PRESENT | 0xfff),
    };
    uint32_t *seen;

    __builtin_memcpy(key.mac, mac, 6);
    seen = bpf_map_lookup_elem(&tpr_clients, &key);
    if (!seen) {
        bpf_map_update_elem(&tpr_clients, &key, &now_ms, BPF_ANY);
    } else if (*seen != now_ms) {
        *seen = now_ms;
    }
    return 0;
}

/* ## Counters. ## */

STEP int
count_one(uint32_t key, uint32_t counter)
{
    struct tpr_bpf_counters *c = bpf_map_lookup_elem(&tpr_counters, &key);

    if (c && counter < TPR_N_COUNTERS) {
        c->n[counter]++;
    }
    return 0;
}

/* Counts an event, of object 'id' too unless that is TPR_BPF_NONE. */
TPR_INLINE void
count(uint32_t id, enum tpr_counter counter)
{
    count_one(0, counter);
    if (id != TPR_BPF_NONE) {
        count_one(id + 1, counter);
    }
}

#endif /* maps.h */
