/* SPDX-License-Identifier: Apache-2.0 */

/* Objects of a datapath and their backends: see redirect-dp.h. */

#include <config.h>
#include "redirect-dp-private.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "hash.h"
#include "dirs.h"
#include "openvswitch/vlog.h"
#include "random.h"
#include "redirect-check.h"
#include "redirect-choose.h"
#include "smap.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(redirect);

/* A ring that objects with equal sets of backends share. */
struct tpr_ring_ref {
    struct hmap_node node;      /* In struct tpr_dp's 'rings', by 'hash'. */
    struct tpr_ring *ring;
    unsigned int n;             /* Objects that have it. */
    bool maglev;                /* Of that policy, which has greater ones. */
    uint16_t n_backends;
    struct tpr_redirect_backend *backends;      /* As far as they matter. */
};

enum {
    PAUSE_EVERY = 64,           /* Steps of what takes long. */
    PAUSE_TURNS = 1000,         /* Looks at whether others are done waiting. */
};

/* Lets those in that wait in tpr_lock(), if any.  Should be called often by
 * whoever holds the mutex for long; others may change anything meanwhile.  A
 * mere unlock and lock would seldom let anybody in. */
void
tpr_pause(struct tpr_dp *dp)
{
    if (OVS_UNLIKELY(__atomic_load_n(&dp->n_waiting, __ATOMIC_RELAXED))) {
        ovs_mutex_unlock(&dp->mutex);
        for (int i = 0; i < PAUSE_TURNS
             && __atomic_load_n(&dp->n_waiting, __ATOMIC_RELAXED); i++) {
            sched_yield();
        }
        ovs_mutex_lock(&dp->mutex);
    }
}

/* ## Records. ## */

/* How many more records there can be. */
static uint32_t
records_left(const struct tpr_dp *dp)
    OVS_REQUIRES(dp->mutex)
{
    return TPR_DP_MAX_RECORDS - dp->n_records + dp->n_free_records;
}

/* Makes a record of an object with 'shared'; records_left() must be above
 * 0. */
static struct tpr_record *
record_create(struct tpr_dp *dp, struct tpr_shared *shared,
              const struct tpr_redirect_backend *b)
    OVS_REQUIRES(dp->mutex)
{
    struct tpr_record *record;
    uint32_t slot;

    if (dp->n_free_records) {
        slot = dp->free_records[--dp->n_free_records];
        record = dp->records[slot];
    } else {
        slot = dp->n_records;
        record = xzalloc(sizeof *record);
    }
    record->slot = slot;
    record->serial = ++dp->last_serial;
    record->shared = shared;
    record->addr = b->addr;
    record->l4_port = b->l4_port;
    record->region = b->region;
    record->word = b->word;
    record->n_connections = record->n_entries = 0;
    record->pps = 0;
    record->paced = 0;
    record->paced_ms = __atomic_load_n(&dp->now_ms, __ATOMIC_RELAXED);
    record->in_object = true;
    record->kept = record->died = false;
    record->packets = record->bytes = 0;
    record->rev_packets = record->rev_bytes = 0;
    record->total_connections = 0;
    if (slot == dp->n_records) {
        ovsrcu_init(&record->conf, NULL);
        dp->records[slot] = record;
        __atomic_store_n(&dp->n_records, slot + 1, __ATOMIC_RELEASE);
    }
    return record;
}

static void
record_configure(const struct tpr_dp *dp, struct tpr_record *record,
                 const struct tpr_redirect_backend *b)
{
    struct tpr_redirect_backend *old
        = ovsrcu_get_protected(struct tpr_redirect_backend *, &record->conf);

    if (old && b->withdrawn & ~old->withdrawn & TPR_WITHDRAWN_PORT) {
        record->kept = true;            /* Whatever did is at its end. */
    }
    if (b->max_pps && !(old && old->max_pps)) {
        record->pps = 0;                /* Its first second begins. */
        record->paced = __atomic_load_n(&record->packets, __ATOMIC_RELAXED);
        record->paced_ms = __atomic_load_n(&dp->now_ms, __ATOMIC_RELAXED);
    }
    ovsrcu_set(&record->conf, xmemdup(b, sizeof *b));
    if (old) {
        ovsrcu_postpone(free, old);
    }
}

/* Gives the record back if neither an object nor a connection has it.  What
 * it was last stays readable. */
void
tpr_record_release(struct tpr_dp *dp, struct tpr_record *record)
{
    if (!record->in_object && !record->n_entries) {
        dp->free_records[dp->n_free_records++] = record->slot;
    }
}

/* No object lists the backend any more: its connections see it as down, those
 * that are kept all the same stay as long as its port does. */
static void
record_orphan(struct tpr_dp *dp, struct tpr_record *record)
    OVS_REQUIRES(dp->mutex)
{
    struct tpr_redirect_backend conf = *tpr_record_conf(record);

    conf.withdrawn |= TPR_WITHDRAWN_REMOVED;
    record_configure(dp, record, &conf);
    record->in_object = false;
    tpr_record_release(dp, record);
}

static bool
record_is(const struct tpr_record *record,
          const struct tpr_redirect_backend *b)
{
    return tpr_addr_equal(&record->addr, &b->addr)
           && record->l4_port == b->l4_port && record->word == b->word
           && record->region == b->region;
}

/* ## Rings. ## */

static uint32_t
hash_backends(const struct tpr_redirect *r)
{
    uint32_t hash = r->n_backends;

    for (int i = 0; i < r->n_backends; i++) {
        const struct tpr_redirect_backend *b = &r->backends[i];

        hash = hash_bytes(&b->addr, sizeof b->addr, hash);
        hash = hash_2words(hash, (uint32_t) b->l4_port << 16 | b->weight);
    }
    return hash;
}

static bool
same_members(const struct tpr_ring_ref *ref, const struct tpr_redirect *r)
{
    if (ref->n_backends != r->n_backends
        || ref->maglev != (r->policy == TPR_POLICY_MAGLEV)) {
        return false;
    }
    for (int i = 0; i < r->n_backends; i++) {
        const struct tpr_redirect_backend *a = &ref->backends[i];
        const struct tpr_redirect_backend *b = &r->backends[i];

        if (!tpr_addr_equal(&a->addr, &b->addr) || a->l4_port != b->l4_port
            || a->weight != b->weight) {
            return false;
        }
    }
    return true;
}

static struct tpr_ring_ref *
ring_find(struct tpr_dp *dp, const struct tpr_redirect *r, uint32_t hash)
{
    struct tpr_ring_ref *ref;

    HMAP_FOR_EACH_WITH_HASH (ref, node, hash, &dp->rings) {
        if (same_members(ref, r)) {
            return ref;
        }
    }
    return NULL;
}

static struct tpr_ring_ref *
ring_create(const struct tpr_redirect *r)
{
    struct tpr_ring_ref *ref = xzalloc(sizeof *ref);
    bool *all = xmalloc(r->n_backends * sizeof *all);

    memset(all, true, r->n_backends * sizeof *all);
    ref->n = 1;
    ref->ring = tpr_ring_create(r, all);
    ref->maglev = r->policy == TPR_POLICY_MAGLEV;
    ref->n_backends = r->n_backends;
    ref->backends = xmemdup(r->backends,
                            r->n_backends * sizeof *r->backends);
    free(all);
    return ref;
}

/* Returns the ring of all backends of 'r' with a reference for the caller, or
 * NULL if it has none.  Making one takes milliseconds, hence not under the
 * mutex, and not when the table is full for the first time. */
static struct tpr_ring_ref *
ring_get(struct tpr_dp *dp, const struct tpr_redirect *r)
    OVS_EXCLUDED(dp->mutex)
{
    uint32_t hash = hash_backends(r);
    struct tpr_ring_ref *ref;

    if (!r->n_backends) {
        return NULL;
    }
    ovs_mutex_lock(&dp->mutex);
    ref = ring_find(dp, r, hash);
    if (ref) {
        ref->n++;
    }
    ovs_mutex_unlock(&dp->mutex);
    if (!ref) {
        ref = ring_create(r);
        ovs_mutex_lock(&dp->mutex);
        hmap_insert(&dp->rings, &ref->node, hash);
        ovs_mutex_unlock(&dp->mutex);
    }
    return ref;
}

static void
ring_unref(struct tpr_dp *dp, struct tpr_ring_ref *ref)
{
    if (ref && !--ref->n) {
        hmap_remove(&dp->rings, &ref->node);
        tpr_ring_destroy(ref->ring);    /* Only the writer looks at it. */
        free(ref->backends);
        free(ref);
    }
}

/* ## Objects. ## */

static uint32_t
hash_vip(uint32_t scope, const struct tpr_addr *vip)
{
    return hash_bytes(vip, sizeof *vip, scope);
}

/* The object of 'scope' that covers 'tuple', or NULL. */
struct tpr_object *
tpr_object_covering(const struct tpr_dp *dp, uint32_t scope,
                    const struct tpr_tuple *tuple)
{
    struct tpr_object *object;

    HMAP_FOR_EACH_WITH_HASH (object, node, hash_vip(scope, &tuple->dst),
                             &dp->vips) {
        if (object->scope == scope
            && tpr_redirect_covers(&object->r, &tuple->dst, tuple->proto,
                                   tuple->dport)) {
            return object;
        }
    }
    return NULL;
}

/* Does an object of 'scope' whose VIP is 'vip' cover protocol 'proto', on
 * whatever ports? */
bool
tpr_vip_serves(const struct tpr_dp *dp, uint32_t scope,
               const struct tpr_addr *vip, uint8_t proto)
{
    struct tpr_object *object;

    HMAP_FOR_EACH_WITH_HASH (object, node, hash_vip(scope, vip), &dp->vips) {
        if (object->scope == scope && tpr_addr_equal(&object->r.vip, vip)
            && (!object->r.proto || object->r.proto == proto)) {
            return true;
        }
    }
    return false;
}

static void
object_free(struct tpr_object *object)
{
    free(object->r.backends);
    free(object->records);
    free(object);
}

static void
shared_free(struct tpr_shared *shared)
{
    free(shared->smooth);
    free(shared);
}

static struct tpr_object *
object_create(uint32_t dp_id, uint32_t scope, const struct tpr_redirect *r)
{
    struct tpr_object *object = xzalloc(sizeof *object);

    object->dp_id = dp_id;
    object->scope = scope;
    object->r = *r;
    object->r.backends = (r->n_backends
                          ? xmemdup(r->backends,
                                    r->n_backends * sizeof *r->backends)
                          : NULL);
    object->records = xcalloc(MAX(r->n_backends, 1),
                              sizeof *object->records);
    return object;
}

static int
find_backend(const struct tpr_object *old,
             const struct tpr_redirect_backend *b)
{
    for (int i = 0; old && i < old->r.n_backends; i++) {
        if (record_is(old->records[i], b)) {
            return i;
        }
    }
    return -1;
}

/* Gives the backends of 'object' records, those of 'old', of which it is a
 * new version, where they are the same.  Those that are gone are orphans.
 * There must be as many records left as it has new backends. */
static void
adopt_records(struct tpr_dp *dp, struct tpr_object *object,
              struct tpr_object *old)
    OVS_REQUIRES(dp->mutex)
{
    const struct tpr_redirect *r = &object->r;
    const int32_t most = old ? tpr_smooth_most(&old->r, r) : 0;
    int32_t *smooth = xcalloc(MAX(r->n_backends, 1), sizeof *smooth);

    for (int i = 0; old && i < old->r.n_backends; i++) {
        old->records[i]->in_object = false;
    }
    for (int i = 0; i < r->n_backends; i++) {
        int j = find_backend(old, &r->backends[i]);

        if (j >= 0) {
            object->records[i] = old->records[j];
            object->records[i]->in_object = true;
            smooth[i] = tpr_smooth_clamp(old->shared->smooth[j], most);
        } else {
            object->records[i] = record_create(dp, object->shared,
                                               &r->backends[i]);
        }
        record_configure(dp, object->records[i], &r->backends[i]);
        dp->has_paces |= r->backends[i].max_pps != 0;
    }
    for (int i = 0; old && i < old->r.n_backends; i++) {
        if (!old->records[i]->in_object) {
            record_orphan(dp, old->records[i]);
        }
    }
    free(object->shared->smooth);
    object->shared->smooth = smooth;
}

static void
retire(struct tpr_dp *dp, struct tpr_object *old)
    OVS_REQUIRES(dp->mutex)
{
    hmap_remove(&dp->vips, &old->node);
    ring_unref(dp, old->ring_ref);
    ovsrcu_postpone(object_free, old);
}

/* Ends the service of 'object', the current version: from now on packets pass
 * by it and its connections, and then these are gone.  Others are let in
 * meanwhile, so that this may take its time. */
static void
end_service(struct tpr_dp *dp, struct tpr_object *object)
    OVS_REQUIRES(dp->mutex)
{
    struct tpr_shared *shared = object->shared;

    ovsrcu_set(&dp->objects[object->dp_id], NULL);
    for (unsigned int n = 1; shared->conns; n++) {
        tpr_conn_remove(dp, &dp->table.conns[shared->conns - 1]);
        if (!(n % PAUSE_EVERY)) {
            tpr_pause(dp);
        }
    }
}

/* How many backends of 'r', a new version of 'old', which may be NULL, need
 * records of their own. */
static uint32_t
count_new_records(const struct tpr_object *old, const struct tpr_redirect *r)
{
    uint32_t n = 0;

    for (int i = 0; i < r->n_backends; i++) {
        n += find_backend(old, &r->backends[i]) < 0;
    }
    return n;
}

static char *
dp_set(struct tpr_dp *dp, uint32_t dp_id, uint32_t scope,
       const struct tpr_redirect *r, struct tpr_ring_ref *ring_ref)
    OVS_REQUIRES(dp->mutex)
{
    struct tpr_object *old = tpr_object_get(dp, dp_id);
    struct tpr_object *object;
    uint32_t n_others = dp->n_backends - (old ? old->r.n_backends : 0);

    if (!old && dp->n_objects >= TPR_MAX_SERVICES) {
        return xasprintf("the datapath has %d redirects, the limit",
                         TPR_MAX_SERVICES);
    } else if (n_others + r->n_backends > TPR_MAX_BACKENDS) {
        return xasprintf("with %"PRIu16" more backends the datapath would "
                         "have %"PRIu32", the limit is %d", r->n_backends,
                         n_others + r->n_backends, TPR_MAX_BACKENDS);
    } else if (records_left(dp) < r->n_backends
               && records_left(dp) < count_new_records(old, r)) {
        return xasprintf("more than %d backends, those included that were "
                         "removed and still have connections",
                         TPR_DP_MAX_RECORDS);
    }
    dp->n_backends = n_others + r->n_backends;
    object = object_create(dp_id, scope, r);
    object->ring_ref = ring_ref;
    object->ring = ring_ref ? ring_ref->ring : NULL;
    if (!old) {
        object->shared = xzalloc(sizeof *object->shared);
        object->shared->created_ms = time_msec();
        dp->n_objects++;
    } else {
        object->shared = old->shared;
        if (!tpr_addr_equal(&old->r.vip, &r->vip)
            || old->r.proto != r->proto) {
            end_service(dp, old);       /* It is another one's now. */
        }
    }
    if (!old || !tpr_redirect_is_version(&old->r, r)) {
        object->shared->serial = ++dp->last_serial;
    }
    adopt_records(dp, object, old);
    if (r->affinity_ms && !dp->affinity) {
        dp->affinity = tpr_affinity_create(TPR_AFFINITY_MAX, dp->seed);
    }
    hmap_insert(&dp->vips, &object->node, hash_vip(scope, &r->vip));
    ovsrcu_set(&dp->objects[dp_id], object);
    if (old) {
        retire(dp, old);
    }
    return NULL;
}

/* Adds the object 'r' as 'dp_id', or makes it the new version of the one that
 * is there: backends that stay keep connections and counters.  Returns NULL or
 * a sentence to free(); then nothing has changed.
 *
 * Only one thread at a time may set or delete the same 'dp_id'. */
char *
tpr_dp_set(struct tpr_dp *dp, uint32_t dp_id, uint32_t scope,
           const struct tpr_redirect *r)
{
    char *error = tpr_redirect_check(r);
    struct tpr_ring_ref *ring_ref;
    bool wake;

    if (error) {
        return error;
    } else if (dp_id >= TPR_DP_MAX_REDIRECTS) {
        return xasprintf("more than %d redirects", TPR_DP_MAX_REDIRECTS);
    }
    ring_ref = ring_get(dp, r);
    ovs_mutex_lock(&dp->mutex);
    /* A backend with connections may be gone. */
    wake = tpr_object_get(dp, dp_id) && dp->table.n;
    error = dp_set(dp, dp_id, scope, r, ring_ref);
    if (error) {
        ring_unref(dp, ring_ref);
    }
    ovs_mutex_unlock(&dp->mutex);
    if (wake) {
        tpr_page_wake(dp->page);
    }
    return error;
}

/* Deletes the object 'dp_id' with its connections: when this returns, no
 * packet meets them any more.  Takes as long as it has connections, in which
 * forwarding goes on.  Returns 0 or ENOENT. */
int
tpr_dp_del(struct tpr_dp *dp, uint32_t dp_id)
{
    struct tpr_object *object;

    ovs_mutex_lock(&dp->mutex);
    object = tpr_object_get(dp, dp_id);
    if (object) {
        end_service(dp, object);
        for (int i = 0; i < object->r.n_backends; i++) {
            record_orphan(dp, object->records[i]);
        }
        ovsrcu_postpone(shared_free, object->shared);
        retire(dp, object);
        dp->n_objects--;
        dp->n_backends -= object->r.n_backends;
    }
    ovs_mutex_unlock(&dp->mutex);
    return object ? 0 : ENOENT;
}

bool
tpr_dp_has(const struct tpr_dp *dp, uint32_t dp_id)
{
    return tpr_object_get(dp, dp_id) != NULL;
}

/* Port 'output' is about to go: no backend behind it is usable any more, and
 * no client behind it gets replies.  To be called before its number can be
 * given to another port.
 *
 * Packets that came in by it before may still be on their way; they make their
 * senders its clients again.  When there are none any more,
 * tpr_dp_forget_clients() should be called. */
void
tpr_dp_withdraw_port(struct tpr_dp *dp, uint32_t output)
{
    ovs_mutex_lock(&dp->mutex);
    for (uint32_t i = 0; i < dp->n_records; i++) {
        struct tpr_record *record = dp->records[i];

        if (tpr_record_conf(record)->output == output
            && !(tpr_record_conf(record)->withdrawn & TPR_WITHDRAWN_PORT)) {
            struct tpr_redirect_backend conf = *tpr_record_conf(record);

            conf.withdrawn |= TPR_WITHDRAWN_PORT;
            record_configure(dp, record, &conf);
        }
        if (!(i % PAUSE_EVERY)) {
            tpr_pause(dp);
        }
    }
    ovs_mutex_unlock(&dp->mutex);
    tpr_page_wake(dp->page);
    tpr_dp_forget_clients(dp, output);
}

/* Port 'in_port' is gone, and no forwarding thread has a packet from there any
 * more: no client was behind it.  Their replies are dropped until they send
 * something by another port.  To be called before its number can be given to
 * another port; one thread at a time. */
void
tpr_dp_forget_clients(struct tpr_dp *dp, uint32_t in_port)
{
    ovs_mutex_lock(&dp->mutex);
    dp->gone_port = in_port;
    for (uint32_t i = 0; i < dp->table.fresh; i++) {
        struct tpr_conn *conn = &dp->table.conns[i];

        if (tpr_conn_used(conn)
            && __atomic_load_n(&conn->in_port, __ATOMIC_RELAXED) == in_port) {
            __atomic_store_n(&conn->in_port, 0, __ATOMIC_RELAXED);
        }
        if (!(i % PAUSE_EVERY)) {
            tpr_pause(dp);
        }
    }
    dp->gone_port = 0;
    ovs_mutex_unlock(&dp->mutex);
    tpr_dp_block_port(dp, in_port, false);      /* Another one, next time. */
}

/* Port 'port' may not send at present, or may again: replies and resets to
 * clients behind it are dropped meanwhile.  Their connections stay.  One
 * thread at a time. */
void
tpr_dp_block_port(struct tpr_dp *dp, uint32_t port, bool blocked)
{
    const uint64_t bit = UINT64_C(1) << port % 64;

    if (port >= TPR_DP_MAX_PORTS
        || !(dp->blocked[port / 64] & bit) == !blocked) {
        return;
    }
    __atomic_fetch_xor(&dp->blocked[port / 64], bit, __ATOMIC_RELAXED);
    __atomic_fetch_add(&dp->n_blocked, blocked ? 1 : -1, __ATOMIC_RELAXED);
}

/* ## The datapath. ## */

/* Returns the number that 's' is, or 0, which means the default.  What is no
 * number from 0 to 'max' is said, once: '*said' remembers what was. */
static uint32_t
option_value(const char *key, const char *s, unsigned long long int max,
             uint32_t *said)
{
    unsigned long long int value;
    uint32_t hash;
    char *end;

    if (!s) {
        return 0;
    }
    errno = 0;
    value = strtoull(s, &end, 0);
    if (isdigit((unsigned char) s[0]) && !*end && !errno && value <= max) {
        return (uint32_t) value;
    }
    hash = hash_string(s, 0) | 1;
    if (*said != hash) {
        *said = hash;
        VLOG_WARN("other_config:%s=%s is not a number from 0 to %llu; the "
                  "default is used", key, s, max);
    }
    return 0;
}

/* Takes from 'other_config' what a datapath is created with: tpr-connections
 * (how many it can track), tpr-half-open (SYNs kept), tpr-seed (of its hashes,
 * for tests).  What is out of range is said and its default used. */
void
tpr_dp_configure(struct tpr_dp_options *o, const struct smap *other_config)
{
    static const struct {
        const char *key;
        size_t offset;
        unsigned long long int max;
    } keys[] = {
        { "tpr-connections", offsetof(struct tpr_dp_options, connections),
          TPR_DP_MAX_CONNECTIONS },
        { "tpr-half-open", offsetof(struct tpr_dp_options, half_open),
          TPR_DP_MAX_CONNECTIONS },
        { "tpr-seed", offsetof(struct tpr_dp_options, seed), UINT32_MAX },
    };

    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        uint32_t value = option_value(keys[i].key,
                                      smap_get(other_config, keys[i].key),
                                      keys[i].max, &o->said[i]);

        BUILD_ASSERT_DECL(ARRAY_SIZE(keys) == TPR_DP_N_OPTIONS);

        memcpy((char *) o + keys[i].offset, &value, sizeof value);
    }
}

/* Returns the seed that is kept beside the page 'path', so that maglev places
 * as before when the switch comes back; without one, a new one. */
static uint32_t
keep_seed(const char *path_)
{
    char *path = xasprintf("%s.seed", path_);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    uint32_t seed = 0;
    int error = 0;

    if (fd >= 0) {
        if (read(fd, &seed, sizeof seed) != (ssize_t) sizeof seed) {
            seed = 0;
        }
        close(fd);
    }
    if (!seed) {
        seed = random_uint32() | 1;
        /* Nobody but us has to know it. */
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                  0600);
        error = (fd < 0 ? errno
                 : write(fd, &seed, sizeof seed) != (ssize_t) sizeof seed ? EIO
                 : 0);
        if (fd >= 0) {
            close(fd);
        }
    }
    if (error) {
        VLOG_WARN("%s: cannot be written (%s): policy maglev will place "
                  "otherwise after a restart", path, ovs_strerror(error));
    }
    free(path);
    return seed;
}

/* Creates a datapath's redirects.  Returns NULL and stores them in '*dpp', or
 * returns a sentence to free() about the liveness page. */
char *
tpr_dp_create(const struct tpr_dp_options *o, struct tpr_dp **dpp)
{
    char *path = (o->page ? xstrdup(o->page)
                  : xasprintf("%s/tpr-liveness", ovs_rundir()));
    struct tpr_page *page;
    char *error = tpr_page_open(path, &page);
    struct tpr_dp *dp;

    *dpp = NULL;
    if (error) {
        free(path);
        return error;
    }
    dp = xzalloc(sizeof *dp);
    dp->seed = o->seed ? o->seed : keep_seed(path);
    dp->page_path = path;
    ovs_mutex_init(&dp->mutex);
    dp->objects = xcalloc(TPR_DP_MAX_REDIRECTS, sizeof *dp->objects);
    hmap_init(&dp->vips);
    hmap_init(&dp->rings);
    dp->records = xcalloc(TPR_DP_MAX_RECORDS, sizeof *dp->records);
    dp->free_records = xcalloc(TPR_DP_MAX_RECORDS,
                               sizeof *dp->free_records);
    tpr_table_init(&dp->table,
                   o->connections ? o->connections : TPR_DP_CONNECTIONS,
                   o->half_open ? o->half_open : TPR_DP_HALF_OPEN, dp->seed);
    dp->page = page;
    dp->sender = o->ops ? tpr_sender_create(dp, o->ops) : NULL;
    *dpp = dp;
    return NULL;
}

/* The liveness page's file may be another one now: the agent was started when
 * it was gone, or somebody has cut it short.  Nobody wants to look for that
 * with every packet. */
void
tpr_follow_page(struct tpr_dp *dp)
{
    static struct vlog_rate_limit wrong_rl = VLOG_RATE_LIMIT_INIT(1, 1);
    static struct vlog_rate_limit cut_rl = VLOG_RATE_LIMIT_INIT(1, 1);
    static struct vlog_rate_limit other_rl = VLOG_RATE_LIMIT_INIT(1, 1);
    enum tpr_page_news news;
    char *error = tpr_page_follow(dp->page, dp->page_path, &dp->page_id,
                                  &news);

    if (error) {
        VLOG_WARN_RL(&wrong_rl, "%s; the words from before stay in force",
                     error);
        free(error);
    } else if (news == TPR_PAGE_FOLLOWED) {
        VLOG_INFO_RL(&other_rl, "%s: the liveness page is another file, "
                     "whose words are in force now", dp->page_path);
    } else if (news == TPR_PAGE_RESTORED) {
        VLOG_WARN_RL(&cut_rl, "%s: somebody has cut the liveness page short; "
                     "it was made anew, with the last words known",
                     dp->page_path);
    }
}

/* Frees 'dp' and everything in it; no thread may use it any more.  NULL is
 * allowed. */
void
tpr_dp_destroy(struct tpr_dp *dp)
{
    if (!dp) {
        return;
    }
    tpr_sender_destroy(dp->sender);
    for (uint32_t i = 0; dp->n_objects && i < TPR_DP_MAX_REDIRECTS; i++) {
        tpr_dp_del(dp, i);
    }
    for (uint32_t i = 0; i < dp->n_records; i++) {
        free(ovsrcu_get_protected(struct tpr_redirect_backend *,
                                  &dp->records[i]->conf));
        free(dp->records[i]);
    }
    free(dp->records);
    free(dp->free_records);
    free(dp->objects);
    hmap_destroy(&dp->vips);
    hmap_destroy(&dp->rings);
    tpr_affinity_destroy(dp->affinity);
    tpr_table_destroy(&dp->table);
    tpr_page_close(dp->page);
    free(dp->page_path);
    ovs_mutex_destroy(&dp->mutex);
    free(dp);
}

/* Changes a liveness word.  Returns 0 or ERANGE. */
int
tpr_dp_set_liveness(struct tpr_dp *dp, const struct tpr_liveness_mod *mod)
{
    if (mod->index >= (mod->is_region ? TPR_MAX_REGIONS : TPR_MAX_BACKENDS)
        || mod->state > TPR_LIVENESS_DRAIN) {
        return ERANGE;
    }
    tpr_page_set(dp->page, mod->is_region, mod->index, mod->state);
    return 0;
}
