/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Heartbeats in the kernel: the BPF programs; see beat.h.
 *
 * An object of its own: it works without the redirect programs.  Needs Linux
 * 5.15 for its timer; tried on 6.18. */

#include <stdbool.h>
#include <stdint.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "beat.h"

#define INLINE static __attribute__((always_inline))
/* BPF_F_TIMER_CPU_PIN, of Linux 6.7. */
#define TPR_BEAT_CPU_PIN 2

#define LOAD(P) (*(const volatile __typeof__(*(P)) *) (P))
#define STORE(P, X) (*(volatile __typeof__(*(P)) *) (P) = (X))

struct tpr_beat_state tpr_beat;

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __type(key, uint32_t);
    __type(value, struct tpr_beat_session);
    __uint(max_entries, TPR_BEAT_SESSIONS);
} tpr_beat_table SEC(".maps");

/* Our discriminator, as in packets, to the session's number. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __type(key, uint32_t);
    __type(value, uint32_t);
    __uint(max_entries, 4 * TPR_BEAT_SESSIONS);
} tpr_beat_discrs SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 256 * TPR_BEAT_SESSIONS);   /* Five each. */
} tpr_beat_events SEC(".maps");

struct tpr_beat_timer_value {
    struct bpf_timer timer;
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __type(key, uint32_t);
    __type(value, struct tpr_beat_timer_value);
    __uint(max_entries, 1);
} tpr_beat_timer SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __type(key, uint32_t);
    __type(value, struct tpr_beat_timer_value);
    __uint(max_entries, TPR_BEAT_CPUS);
} tpr_beat_pulses SEC(".maps");

/* Liveness pages, each a map of one struct tpr_page. */
struct tpr_beat_page {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(key_size, 4);
    __uint(value_size, sizeof(struct tpr_page));
    __uint(max_entries, 1);
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
    __uint(max_entries, TPR_BEAT_PAGES);
    __type(key, uint32_t);
    __array(values, struct tpr_beat_page);
} tpr_beat_pages SEC(".maps");

INLINE int64_t
get_us(void)
{
    return bpf_ktime_get_ns() / 1000;
}

INLINE struct tpr_beat_session *
session(uint32_t id)
{
    return bpf_map_lookup_elem(&tpr_beat_table, &id);
}

/* ## Facts and words. ## */

static __attribute__((noinline)) int
tell(uint32_t id, uint32_t type, int64_t rx_us, int64_t now_us,
     int64_t late_us)
{
    struct tpr_beat_event event = {
        .id = id, .type = type, .now_us = now_us,
        .rx_us = rx_us, .late_us = late_us,
    };

    return bpf_ringbuf_output(&tpr_beat_events, &event, sizeof event, 0);
}

/* Makes an "up" in the word of region 'id' a "down", in every page. */
static __attribute__((noinline)) int
store_down(uint32_t id)
{
    if (id >= TPR_MAX_REGIONS) {
        return 0;
    }
    for (uint32_t i = 0; i < TPR_BEAT_PAGES; i++) {
        uint32_t key = i;
        void *map = bpf_map_lookup_elem(&tpr_beat_pages, &key);
        struct tpr_page *page;
        uint32_t region = id;
        tpr_word word;

        if (!map) {
            continue;
        }
        page = bpf_map_lookup_elem(map, &(uint32_t) { 0 });
        if (!page) {
            continue;
        }
        /* For the verifier: this very register is an index. */
        asm volatile("" : "+r"(region));
        region &= TPR_MAX_REGIONS - 1;
        word = LOAD(&page->region[region]);
        if (tpr_word_state(word) == TPR_LIVENESS_UP
            || tpr_word_state(word) == TPR_LIVENESS_DRAIN) {
            __sync_val_compare_and_swap(&page->region[region], word,
                                        tpr_word_next(word,
                                                      TPR_LIVENESS_DOWN));
        }
    }
    return 0;
}

INLINE bool
is_armed(uint32_t armed)
{
    return (armed & TPR_BEAT_ARMED_MASK) == TPR_BEAT_ARMED;
}

/* Takes a session away from everybody else, if it is still the one that was
 * 'armed' when it was looked at. */
INLINE bool
disarm(struct tpr_beat_session *s, uint32_t armed)
{
    return (is_armed(armed)
            && __sync_val_compare_and_swap(&s->rx.armed, armed, TPR_BEAT_OFF)
               == armed);
}

INLINE void
go_down(uint32_t id, struct tpr_beat_session *s, uint32_t armed,
        uint32_t type, int64_t now_us, int64_t late_us)
{
    if (disarm(s, armed)) {
        store_down(id);
        s->rx.n_down++;
        tell(id, type, s->rx.rx_us, now_us, late_us);
    }
}

/* ## Reception. ## */

/* A BFD packet in 'data' to 'end': where its parts are. */
struct beat {
    const uint8_t *macs;        /* Destination and source. */
    const uint8_t *addr;        /* Source and destination. */
    const uint8_t *bfd;
    uint32_t size;              /* Of the UDP payload. */
    uint32_t vlan;
    bool ipv6;
};

/* Finds the parts of a BFD packet; false for everything else. */
INLINE bool
parse(const uint8_t *data, const uint8_t *end, struct beat *b)
{
    const struct ethhdr *eth = (const void *) data;
    const uint8_t *p = data + sizeof *eth;
    const struct udphdr *udp;
    uint16_t proto;

    if (p > end) {
        return false;
    }
    proto = eth->h_proto;
    b->macs = data;
    b->vlan = 0;
    if (proto == bpf_htons(ETH_P_8021Q)) {
        if (p + 4 > end) {
            return false;
        }
        b->vlan = (p[0] << 8 | p[1]) & 0xfff;
        proto = *(const uint16_t *) (p + 2);
        p += 4;
    }
    if (proto == bpf_htons(ETH_P_IP)) {
        const struct iphdr *ip = (const void *) p;

        if (p + sizeof *ip > end || p[0] != 0x45 || p[8] != TPR_BEAT_TTL
            || p[9] != IPPROTO_UDP || ip->frag_off & bpf_htons(0x3fff)) {
            return false;
        }
        b->ipv6 = false;
        b->addr = p + 12;
        p += sizeof *ip;
    } else if (proto == bpf_htons(ETH_P_IPV6)) {
        const struct ipv6hdr *ip = (const void *) p;

        if (p + sizeof *ip > end || p[7] != TPR_BEAT_TTL
            || p[6] != IPPROTO_UDP) {
            return false;
        }
        b->ipv6 = true;
        b->addr = p + 8;
        p += sizeof *ip;
    } else {
        return false;
    }
    udp = (const void *) p;
    if (p + sizeof *udp + TPR_BEAT_LEN > end
        || udp->dest != bpf_htons(TPR_BEAT_PORT)) {
        return false;
    }
    b->size = (uint32_t) bpf_ntohs(udp->len) - sizeof *udp;
    b->bfd = p + sizeof *udp;
    return true;
}

INLINE bool
is_of(const struct tpr_beat_rx *rx, const struct beat *b, uint32_t ifindex)
{
    const uint32_t *addr = (const uint32_t *) b->addr;

    if (b->ipv6 != rx->ipv6 || b->vlan != rx->vlan
        || (rx->ifindex && rx->ifindex != ifindex)
        || addr[0] != rx->addr[0] || addr[1] != rx->addr[1]) {
        return false;
    }
    if (b->ipv6) {
        for (int i = 2; i < 8; i++) {
            if (addr[i] != rx->addr[i]) {
                return false;
            }
        }
    }
    return true;
}

/* A beat came. */
INLINE void
note_beat(struct tpr_beat_rx *rx, const struct beat *b, int64_t now_us)
{
    int64_t gap_us = now_us - LOAD(&rx->rx_us);

    if (gap_us > rx->max_gap_us) {
        rx->max_gap_us = gap_us;
    }
    STORE(&rx->rx_us, now_us);
    if (!LOAD(&rx->has_macs)) {
        __builtin_memcpy(rx->macs, b->macs, sizeof rx->macs);
        __sync_fetch_and_or(&rx->has_macs, 1);
    }
}

/* The session that listens or is armed for a packet that came in at 'ifindex',
 * its number in '*id' and how it is 'armed'; NULL: none. */
INLINE struct tpr_beat_session *
find(const struct beat *b, uint32_t ifindex, uint32_t *id, uint32_t *armed)
{
    uint32_t *found = bpf_map_lookup_elem(&tpr_beat_discrs, b->bfd + 8);
    struct tpr_beat_session *s = found ? session(*found) : NULL;

    *armed = s ? LOAD(&s->rx.armed) : TPR_BEAT_OFF;
    if (!*armed || !is_of(&s->rx, b, ifindex)) {
        return NULL;
    }
    *id = *found;
    return s;
}

/* Does what a packet means that came in at 'ifindex'.  Returns true if it ends
 * here. */
INLINE bool
receive(const struct beat *b, uint32_t ifindex)
{
    uint32_t id = 0, armed;
    struct tpr_beat_session *s = find(b, ifindex, &id, &armed);
    enum tpr_beat_kind kind;
    int64_t now_us;

    if (!s) {
        return false;
    }
    now_us = get_us();
    kind = tpr_beat_classify(b->bfd, b->size, s->rx.expected);
    if (!is_armed(armed)) {
        if (kind == TPR_BEAT_ORDINARY) {
            note_beat(&s->rx, b, now_us);
            __sync_fetch_and_add(&s->rx.n_listened, 1);
        }
        return false;
    }
    switch (kind) {
    case TPR_BEAT_ORDINARY:
        note_beat(&s->rx, b, now_us);
        __sync_fetch_and_add(&s->rx.n_rx, 1);
        return s->rx.consume;
    case TPR_BEAT_LIVING:
        note_beat(&s->rx, b, now_us);
        break;
    case TPR_BEAT_SAYS_DOWN:
        if (!tpr_beat_is_blame(b->bfd, now_us, LOAD(&s->rx.blame_until_us))) {
            go_down(id, s, armed, TPR_BEAT_EVENT_PEER_DOWN, now_us, 0);
        }
        break;
    case TPR_BEAT_STRANGE:
        break;
    }
    __sync_fetch_and_add(&s->rx.n_news, 1);
    return false;
}

SEC("tc") int
tpr_beat_tc(struct __sk_buff *skb)
{
    struct beat b;

    /* The longest beat: tag, IPv6, authentication. */
    if (skb->len > 14 + 4 + 40 + 8 + 64) {
        return TC_ACT_UNSPEC;
    }
    if (skb->data_end - skb->data < skb->len
        && bpf_skb_pull_data(skb, skb->len)) {
        return TC_ACT_UNSPEC;
    }
    if (!parse((const uint8_t *) (long) skb->data,
               (const uint8_t *) (long) skb->data_end, &b)) {
        return TC_ACT_UNSPEC;
    }
    if (skb->vlan_present) {
        b.vlan = skb->vlan_tci & 0xfff;
    }
    return receive(&b, skb->ingress_ifindex) ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

SEC("xdp") int
tpr_beat_xdp(struct xdp_md *ctx)
{
    struct beat b;

    return (parse((const uint8_t *) (long) ctx->data,
                  (const uint8_t *) (long) ctx->data_end, &b)
            && receive(&b, ctx->ingress_ifindex)
            ? XDP_DROP : XDP_PASS);
}

/* ## The ear. ## */

enum {
    SHORTEST = 14 + 20 + 8 + TPR_BEAT_LEN,
    LONGEST = 14 + 4 + 40 + 8 + TPR_BEAT_LEN,
    SHIFT = 2,                  /* Aligns what follows Ethernet's header. */
};

/* Nothing ever gets into the socket. */
SEC("socket") int
tpr_beat_ear(struct __sk_buff *skb)
{
    uint8_t frame[SHIFT + LONGEST + 4] __attribute__((aligned(8))) = { 0 };
    struct tpr_beat_session *s;
    uint32_t len = skb->len, id = 0, armed;
    enum tpr_beat_kind kind;
    struct beat b;

    if (len < SHORTEST || len > LONGEST
        || bpf_skb_load_bytes(skb, 0, frame + SHIFT, len)
        || !parse(frame + SHIFT, frame + SHIFT + len, &b)) {
        return 0;
    }
    if (skb->vlan_present) {
        b.vlan = skb->vlan_tci & 0xfff;
    }
    s = find(&b, skb->ifindex, &id, &armed);
    if (s) {
        kind = tpr_beat_classify(b.bfd, b.size, s->rx.expected);
        if (kind == TPR_BEAT_ORDINARY || kind == TPR_BEAT_LIVING) {
            STORE(&s->rx.heard_us, get_us());
        }
    }
    return 0;
}

/* ## Detection. ## */

/* Looks at one session.  Not inlined: the verifier goes through it once a
 * session otherwise. */
__attribute__((noinline)) int
tpr_beat_look_at(uint32_t id, uint64_t now, uint64_t late)
{
    struct tpr_beat_session *s = session(id);
    int64_t now_us = now, late_us = late, silence_us = 0, rx_us, heard_us;
    uint32_t armed = s ? LOAD(&s->rx.armed) : TPR_BEAT_OFF;

    if (!s || !is_armed(armed)) {
        return 0;
    }
    if (s->rx.tx_interval_us) {
        silence_us = tpr_beat_own_silence(now_us, LOAD(&s->tx.sent_us),
                                          s->rx.tx_interval_us);
        if (silence_us > s->rx.blame_us && !LOAD(&s->tx.active)) {
            /* The peer cannot but have given us up; whoever sends may be
             * dead. */
            if (disarm(s, armed)) {
                s->rx.n_suspended++;
                tell(id, TPR_BEAT_EVENT_SUSPENDED, s->rx.rx_us, now_us,
                     silence_us);
            }
            return 0;
        }
    }
    if (silence_us > late_us) {
        late_us = silence_us;
    }
    if (2 * late_us > s->rx.interval_us) {
        STORE(&s->rx.stall_us, late_us);
        STORE(&s->rx.blame_until_us,
              now_us + s->rx.blame_us + TPR_BEAT_COMPLAINT_US);
    }
    rx_us = LOAD(&s->rx.rx_us);
    heard_us = LOAD(&s->rx.heard_us);
    if (tpr_beat_is_deaf(now_us, rx_us, heard_us, s->rx.detect_us)) {
        if (disarm(s, armed)) {
            s->rx.n_deaf++;
            tell(id, TPR_BEAT_EVENT_DEAF, heard_us, now_us, 0);
        }
        return 0;
    }
    switch (tpr_beat_look(&s->rx.watch, now_us, rx_us, late_us,
                          s->rx.interval_us, s->rx.detect_us,
                          s->rx.max_excuses)) {
    case TPR_BEAT_ALIVE:
    case TPR_BEAT_STILL_EXCUSED:
        break;
    case TPR_BEAT_EXCUSED:
        tell(id, TPR_BEAT_EVENT_EXCUSED, rx_us, now_us,
             s->rx.watch.guard.late_us);
        break;
    case TPR_BEAT_DEAD:
        go_down(id, s, armed, TPR_BEAT_EVENT_DOWN, now_us,
                s->rx.watch.guard.late_us);
        break;
    }
    return 0;
}

/* Misses the token, once for each that is lost. */
static __attribute__((noinline)) int
look_for_token(int64_t now_us)
{
    uint32_t lost_after_us = LOAD(&tpr_beat.lost_after_us);
    int64_t token_us = LOAD(&tpr_beat.token_us);

    if (lost_after_us && now_us - token_us > lost_after_us
        && tpr_beat.missed_token_us != token_us) {
        tpr_beat.missed_token_us = token_us;
        tell(UINT32_MAX, TPR_BEAT_EVENT_TOKEN, 0, now_us, now_us - token_us);
    }
    return 0;
}

INLINE int64_t *
pulse_due(uint32_t cpu)
{
    /* For the verifier: this very register is an index. */
    asm volatile("" : "+r"(cpu));
    return &tpr_beat.pulse_due_us[cpu & (TPR_BEAT_CPUS - 1)];
}

/* How late the latest pulse is. */
static __attribute__((noinline)) int64_t
pulse_lateness(int64_t now_us)
{
    int64_t late_us = 0;

    for (uint32_t i = 0; i < TPR_BEAT_CPUS; i++) {
        if (i >= LOAD(&tpr_beat.n_cpus)) {
            break;
        }
        if (now_us - LOAD(pulse_due(i)) > late_us) {
            late_us = now_us - LOAD(pulse_due(i));
        }
    }
    return late_us;
}

static int
scan(void *map, uint32_t *key, struct tpr_beat_timer_value *value)
{
    uint32_t tick_us = LOAD(&tpr_beat.tick_us);
    int64_t now_us = get_us();
    int64_t late_us = now_us - tpr_beat.planned_us, pulse_us;

    (void) map;
    (void) key;
    if (!tick_us) {
        return 0;
    }
    if (late_us < 0) {
        late_us = 0;
    }
    if (late_us > tpr_beat.max_late_us) {
        tpr_beat.max_late_us = late_us;
    }
    pulse_us = pulse_lateness(now_us);
    if (pulse_us > late_us) {
        late_us = pulse_us;
    }
    tpr_beat_note_stall(&tpr_beat.stall, now_us, late_us, tick_us);
    for (uint32_t i = 0; i < TPR_BEAT_SESSIONS; i++) {
        if (i >= LOAD(&tpr_beat.n_sessions)) {
            break;
        }
        tpr_beat_look_at(i, now_us, late_us);
    }
    look_for_token(now_us);
    STORE(&tpr_beat.scanned_us, now_us);
    tpr_beat.n_scans++;
    tpr_beat.planned_us = get_us() + tick_us;
    bpf_timer_start(&value->timer, tick_us * 1000ULL, 0);
    return 0;
}

static int
pulse(void *map, uint32_t *key, struct tpr_beat_timer_value *value)
{
    uint32_t tick_us = LOAD(&tpr_beat.tick_us), cpu = *key;

    (void) map;
    if (tick_us && cpu < TPR_BEAT_CPUS) {
        STORE(pulse_due(cpu), get_us() + tick_us);
        bpf_timer_start(&value->timer, tick_us * 1000ULL,
                        TPR_BEAT_CPU_PIN);
    }
    return 0;
}

/* Starts the pulse of processor '*cpu', on which user space runs it.  Returns
 * 0 or a negative errno. */
SEC("syscall") int
tpr_beat_start_pulse(uint32_t *cpu)
{
    uint32_t key = *cpu;
    struct tpr_beat_timer_value *value
        = bpf_map_lookup_elem(&tpr_beat_pulses, &key);
    int error;

    if (!value || key >= TPR_BEAT_CPUS) {
        return -2;
    }
    error = bpf_timer_init(&value->timer, &tpr_beat_pulses, 1);
    error = error ? error : bpf_timer_set_callback(&value->timer, pulse);
    if (error) {
        return error;
    }
    STORE(pulse_due(key), get_us() + TPR_BEAT_TICK_MAX_US);
    return bpf_timer_start(&value->timer, TPR_BEAT_TICK_MIN_US * 1000ULL,
                           TPR_BEAT_CPU_PIN);
}

/* Starts the timer; user space runs it.  Returns 0 or a negative errno. */
SEC("syscall") int
tpr_beat_start(void *ctx)
{
    struct tpr_beat_timer_value *value
        = bpf_map_lookup_elem(&tpr_beat_timer, &(uint32_t) { 0 });
    uint32_t tick_us = LOAD(&tpr_beat.tick_us);
    int error;

    (void) ctx;
    if (!value) {
        return -2;
    }
    error = bpf_timer_init(&value->timer, &tpr_beat_timer, 1);
    if (error && error != -16) {        /* EBUSY: it is one already. */
        return error;
    }
    error = bpf_timer_set_callback(&value->timer, scan);
    if (error) {
        return error;
    }
    tpr_beat.planned_us = get_us() + tick_us;
    return bpf_timer_start(&value->timer, tick_us * 1000ULL, 0);
}

/* ## Transmission. ## */

/* Sends the beat of one session if it is due.  Returns how many microseconds
 * the next one has time, TPR_BEAT_TOKEN_IDLE if there will be none.  'skb'
 * changes. */
__attribute__((noinline)) int
tpr_beat_send(struct __sk_buff *skb, uint32_t id)
{
    struct tpr_beat_session *s = session(id);
    enum tpr_beat_lease lease;
    int64_t now_us, late_us;
    uint32_t seq, len, which;
    uint64_t random;

    if (!s || !LOAD(&s->tx.active)) {
        return TPR_BEAT_TOKEN_IDLE;
    }
    now_us = get_us();
    late_us = now_us - s->tx.next_us;
    if (late_us < 0) {
        return -late_us < TPR_BEAT_TOKEN_MAX ? -late_us : TPR_BEAT_TOKEN_MAX;
    }
    lease = tpr_beat_lease(now_us, LOAD(&s->tx.lease_until_us));
    if (lease == TPR_BEAT_LEASE_GONE) {
        return TPR_BEAT_TOKEN_IDLE;
    }
    which = lease != TPR_BEAT_LEASE_VALID;
    if (which) {
        /* The peer will say Down: that is about us, not about it. */
        disarm(s, LOAD(&s->rx.armed));
        s->tx.n_farewells++;
    }

    seq = LOAD(&s->tx.seq);
    len = s->tx.len[which];
    if (seq & 1 || len < 60 || len > TPR_BEAT_FRAME
        || bpf_skb_change_tail(skb, len, 0)
        || bpf_skb_store_bytes(skb, 0, s->tx.frame[which], len, 0)
        || LOAD(&s->tx.seq) != seq) {
        return TPR_BEAT_TOKEN_MIN;      /* Being changed: soon again. */
    }
    if (bpf_clone_redirect(skb, s->tx.ifindex, 0)) {
        s->tx.n_errors++;
    } else {
        s->tx.n_tx++;
        STORE(&s->tx.sent_us, now_us);
    }
    if (late_us > s->tx.max_late_us) {
        s->tx.max_late_us = late_us;
    }
    random = s->tx.random;
    late_us = (uint64_t) s->tx.interval_us
              * tpr_beat_jitter(&random, s->tx.single)
              / TPR_BEAT_JITTER_ONE;
    s->tx.random = random;
    s->tx.next_us = now_us + late_us;
    return late_us < TPR_BEAT_TOKEN_MAX ? late_us : TPR_BEAT_TOKEN_MAX;
}

/* The token's header. */
struct token {
    struct ethhdr eth;
    uint32_t generation;
    uint8_t pad[46];            /* With it, an Ethernet frame. */
} __attribute__((packed));

SEC("tc") int
tpr_beat_token(struct __sk_buff *skb)
{
    struct token token;
    int wait_us = TPR_BEAT_TOKEN_IDLE;
    int64_t now_us;

    if (bpf_skb_load_bytes(skb, 0, &token, sizeof token)
        || token.eth.h_proto != bpf_htons(TPR_BEAT_ETHERTYPE)
        || token.generation != LOAD(&tpr_beat.token_generation)) {
        __sync_fetch_and_add(&tpr_beat.n_foreign, 1);
        return TC_ACT_SHOT;
    }
    now_us = get_us();
    if (now_us - LOAD(&tpr_beat.token_us) >= TPR_BEAT_HASTE_US) {
        tpr_beat.n_hasty = 0;
    } else if (++tpr_beat.n_hasty > TPR_BEAT_HASTE_MAX) {
        return TC_ACT_SHOT;
    }
    STORE(&tpr_beat.token_us, now_us);
    tpr_beat.n_tokens++;
    for (uint32_t i = 0; i < TPR_BEAT_SESSIONS; i++) {
        int us;

        if (i >= LOAD(&tpr_beat.n_sessions)) {
            break;
        }
        us = tpr_beat_send(skb, i);
        if (us < wait_us) {
            wait_us = us;
        }
    }
    if (wait_us == TPR_BEAT_TOKEN_IDLE) {
        if (now_us - LOAD(&tpr_beat.owner.seen_us) > TPR_BEAT_ABANDONED_US) {
            return TC_ACT_SHOT;
        }
        wait_us = TPR_BEAT_TOKEN_MAX;
    }
    if (wait_us < TPR_BEAT_TOKEN_MIN) {
        wait_us = TPR_BEAT_TOKEN_MIN;
    }
    if (bpf_skb_change_tail(skb, wait_us, 0)
        || bpf_skb_store_bytes(skb, 0, &token, sizeof token, 0)) {
        return TC_ACT_SHOT;     /* User space makes another. */
    }
    return bpf_redirect(LOAD(&tpr_beat.token_ifindex), 0);
}

char tpr_beat_licence[] SEC("license") = "Dual BSD/GPL";
