/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Records of backends, and the filter of addresses: see loader-private.h and
 * layout.h. */

#include <config.h>
#include "loader-private.h"

#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>
#include "util.h"

/* ## The filter. ## */

void
tpr_bpf_filter_add(struct tpr_bpf *b, const struct tpr_addr *a, uint8_t flag)
{
    const uint32_t bucket = tpr_bpf_filter_bucket(a);

    b->filter_counts[flag == TPR_BPF_IS_VIP][bucket]++;
    b->filter[bucket] |= flag;
}

void
tpr_bpf_filter_del(struct tpr_bpf *b, const struct tpr_addr *a, uint8_t flag)
{
    const uint32_t bucket = tpr_bpf_filter_bucket(a);

    if (!--b->filter_counts[flag == TPR_BPF_IS_VIP][bucket]) {
        b->filter[bucket] &= ~flag;
    }
}

/* ## Records. ## */

static bool
is_free(const struct tpr_bpf *b, uint32_t slot)
{
    const struct tpr_bpf_record *record = tpr_bpf_record(b, slot);

    return !record->in_object
           && !__atomic_load_n(&record->n_entries, __ATOMIC_RELAXED);
}

/* Finds the records that neither an object nor a connection has.  A program
 * may still be looking at one, or just be giving it a connection: they are
 * looked at again when no such program runs any more. */
static void
find_spares(struct tpr_bpf *b)
{
    uint32_t n = 0;

    tpr_bpf_settle(b);
    for (uint32_t i = 0; i < b->n_records; i++) {
        if (is_free(b, i)) {
            b->spares[n++] = i;
        }
    }
    if (n) {
        tpr_bpf_grace(b);
    }
    for (uint32_t i = 0; i < n; i++) {
        if (is_free(b, b->spares[i])) {
            b->spares[b->n_spares++] = b->spares[i];
        }
    }
}

/* A record that nobody has or looks at; TPR_BPF_NONE if there is none. */
static uint32_t
record_take(struct tpr_bpf *b)
{
    static const struct tpr_addr none;
    const struct tpr_addr *addr;
    uint32_t slot;

    if (b->n_records < b->sizes.records) {
        return b->n_records++;
    }
    if (!b->n_spares) {
        find_spares(b);
    }
    if (!b->n_spares) {
        return TPR_BPF_NONE;
    }
    slot = b->spares[--b->n_spares];
    addr = &tpr_bpf_conf(b, slot)->addr;
    if (!tpr_addr_equal(addr, &none)) {
        tpr_bpf_filter_del(b, addr, TPR_BPF_IS_BACKEND);
    }
    return slot;
}

static void
stats_clear(struct tpr_bpf *b, uint32_t slot)
{
    struct tpr_bpf_stats *zero = xcalloc(b->n_cpus, sizeof *zero);

    bpf_map_update_elem(tpr_bpf_map(b, "tpr_stats"), &slot, zero, 0);
    free(zero);
}

/* A new record, for a backend that is 'conf'; TPR_BPF_NONE: there is no room
 * for it. */
uint32_t
tpr_bpf_record_create(struct tpr_bpf *b,
                      const struct tpr_redirect_backend *conf)
{
    uint32_t slot = record_take(b);

    if (slot != TPR_BPF_NONE) {
        struct tpr_bpf_record *record = tpr_bpf_record(b, slot);

        memset(record, 0, sizeof *record);
        record->in_object = 1;
        record->serial = ++b->limits->last_serial;
        record->conf[0].b = *conf;
        tpr_bpf_filter_add(b, &conf->addr, TPR_BPF_IS_BACKEND);
        stats_clear(b, slot);
    }
    return slot;
}

/* Makes 'conf' what the record's backend is.  There must have been a grace
 * since the last time. */
void
tpr_bpf_record_configure(struct tpr_bpf *b, uint32_t slot,
                 const struct tpr_redirect_backend *conf)
{
    struct tpr_bpf_record *record = tpr_bpf_record(b, slot);
    const uint32_t other = (record->current & 1) ^ 1;

    if (conf->withdrawn & ~tpr_bpf_conf(b, slot)->withdrawn
        & TPR_WITHDRAWN_PORT) {
        record->kept = 1;               /* Whatever did is at its end. */
    }
    if (memcmp(tpr_bpf_conf(b, slot), conf, sizeof *conf)) {
        record->conf[other].b = *conf;
        __atomic_store_n(&record->current, other, __ATOMIC_RELEASE);
    }
}

/* No object lists the backend any more: its connections see it as down, those
 * that are kept all the same stay as long as its port does.  The filter keeps
 * its address for them until the record is used again. */
void
tpr_bpf_record_orphan(struct tpr_bpf *b, uint32_t slot)
{
    tpr_bpf_conf(b, slot)->withdrawn |= TPR_WITHDRAWN_REMOVED;
    tpr_bpf_record(b, slot)->in_object = 0;
}
