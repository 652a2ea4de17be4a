/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* The rules of heartbeats that the agent's thread and the BPF programs share.
 *
 * Why: silence is judged, and beats are spread, in user space (agent/
 * heartbeat.c, agent/bfd-session.c) and in the kernel (bpf/beat.bpf.c).  Both
 * shall decide the same, so the decisions are here, once.
 *
 * Pure: numbers in, a decision out; compiles for C and for BPF.  Numbers in
 * comments are sections of RFC 5880.
 *
 * Threads: none; no state but what the caller hands in.
 * Time: microseconds of CLOCK_MONOTONIC, named *_us. */

#ifndef TPR_BEAT_RULES_H
#define TPR_BEAT_RULES_H 1

#include <stdbool.h>
#include <stdint.h>

/* ## Silence. ## */

enum { TPR_BEAT_LOOKS = 4 };    /* Of the timer in the shortest interval. */

enum tpr_beat_judgement {
    TPR_BEAT_ALIVE,             /* Not silent for long enough. */
    TPR_BEAT_EXCUSED,           /* Silent, but we were late ourselves. */
    TPR_BEAT_STILL_EXCUSED,     /* Likewise: that stall goes on. */
    TPR_BEAT_DEAD,
};

/* A stall that goes on is one stall, but not for ever. */
enum { TPR_BEAT_HOLD_US = 100 * 1000 };

/* How late we were: what excuses silence. */
struct tpr_beat_guard {
    int64_t late_us;            /* At worst, since the last beat. */
    bool again;                 /* Late since the last excuse. */
    uint32_t excuses;           /* Since the last beat. */
};

/* Should be called when we were late by 'late_us'. */
static inline void
tpr_beat_late(struct tpr_beat_guard *g, int64_t late_us, int64_t interval_us)
{
    if (late_us > g->late_us) {
        g->late_us = late_us;
    }
    if (2 * late_us > interval_us) {
        g->again = true;
    }
}

/* Should be called for each beat. */
static inline void
tpr_beat_clear(struct tpr_beat_guard *g)
{
    g->late_us = 0;
    g->again = false;
    g->excuses = 0;
}

/* Judges silence that means death at 'dead_us', or, by an excuse, at
 * 'deadline_us'.  The self-stall guard: if we ourselves were late by more than
 * half an interval, that proves nothing.  It is excused at most 'max_excuses'
 * times, of which one that finds us late again is none. */
static inline enum tpr_beat_judgement
tpr_beat_judge(struct tpr_beat_guard *g, int64_t now_us, int64_t dead_us,
               int64_t deadline_us, int64_t interval_us,
               uint32_t max_excuses)
{
    bool again = g->again;

    if (now_us < deadline_us) {
        return TPR_BEAT_ALIVE;
    }
    g->again = false;
    if (again && g->excuses && g->excuses <= max_excuses
        && now_us - dead_us < TPR_BEAT_HOLD_US) {
        return TPR_BEAT_STILL_EXCUSED;
    }
    if (2 * g->late_us > interval_us && g->excuses < max_excuses) {
        g->excuses++;
        return TPR_BEAT_EXCUSED;
    }
    return TPR_BEAT_DEAD;
}

/* The last stall of this machine that the timer found: silence of that time
 * proves nothing to whoever else judges it. */
struct tpr_beat_stall {
    int64_t late_us;            /* How late something was, at worst. */
    int64_t seen_us;            /* When it last was; 0: never. */
};

/* Remembers what a look at 'now_us' found, 'late_us' late, if looks come every
 * 'tick_us', TPR_BEAT_LOOKS in the shortest interval.  Less than half of that
 * excuses nobody.  Lateness within an interval of the last is one stall. */
static inline void
tpr_beat_note_stall(struct tpr_beat_stall *stall, int64_t now_us,
                    int64_t late_us, int64_t tick_us)
{
    if (2 * late_us > TPR_BEAT_LOOKS * tick_us) {
        if (late_us > stall->late_us
            || now_us - stall->seen_us > TPR_BEAT_LOOKS * tick_us) {
            stall->late_us = late_us;
        }
        stall->seen_us = now_us;
    }
}

/* How late this machine was in a silence that began at 'since_us', as far as
 * '*stall' says, and whoever has '*told_us' was not told yet.  Another thread
 * may be writing '*stall'. */
static inline int64_t
tpr_beat_ask_stall(const struct tpr_beat_stall *stall, int64_t since_us,
                   int64_t *told_us)
{
    int64_t seen_us = *(const volatile int64_t *) &stall->seen_us;

    if (seen_us <= since_us || seen_us == *told_us) {
        return 0;
    }
    *told_us = seen_us;
    return *(const volatile int64_t *) &stall->late_us;
}

/* One session's silence as a periodic look sees it. */
struct tpr_beat_watch {
    int64_t seen_us;            /* The last beat that a look has seen. */
    int64_t extended_us;        /* Not dead before, by an excuse. */
    struct tpr_beat_guard guard;
    uint64_t n_excused;         /* Ever. */
};

/* Looks at a session whose last beat came at 'rx_us'; this look is 'late_us'
 * later than it should be. */
static inline enum tpr_beat_judgement
tpr_beat_look(struct tpr_beat_watch *w, int64_t now_us, int64_t rx_us,
              int64_t late_us, int64_t interval_us, int64_t detect_us,
              uint32_t max_excuses)
{
    enum tpr_beat_judgement judgement;
    int64_t dead_us = rx_us + detect_us;

    if (rx_us != w->seen_us) {
        w->seen_us = rx_us;
        w->extended_us = 0;
        tpr_beat_clear(&w->guard);
    }
    tpr_beat_late(&w->guard, late_us, interval_us);
    judgement = tpr_beat_judge(&w->guard, now_us, dead_us,
                               w->extended_us > dead_us
                               ? w->extended_us : dead_us,
                               interval_us, max_excuses);
    if (judgement == TPR_BEAT_EXCUSED) {
        w->n_excused++;
    }
    if (judgement == TPR_BEAT_EXCUSED
        || judgement == TPR_BEAT_STILL_EXCUSED) {
        w->extended_us = now_us + interval_us;
    }
    return judgement;
}

/* Has whoever counts a session's beats gone deaf?  The last one that it
 * counted came at 'rx_us', 'detect_us' or more ago; but another ear at the
 * same port heard one at 'heard_us'. */
static inline bool
tpr_beat_is_deaf(int64_t now_us, int64_t rx_us, int64_t heard_us,
                 int64_t detect_us)
{
    return now_us - rx_us >= detect_us && now_us - heard_us < detect_us;
}

/* How long after its time our own next beat is, if the last one left at
 * 'sent_us' and 'interval_us' is the longest time between two. */
static inline int64_t
tpr_beat_own_silence(int64_t now_us, int64_t sent_us, int64_t interval_us)
{
    int64_t silence_us = now_us - sent_us - interval_us;

    return silence_us > 0 ? silence_us : 0;
}

/* ## Received packets. ## */

enum {
    TPR_BEAT_LEN = 24,          /* BFD's mandatory section, 4.1. */
    TPR_BEAT_PORT = 3784,       /* RFC 5881 section 4. */
    TPR_BEAT_TTL = 255,         /* RFC 5881 section 5. */
};

enum tpr_beat_kind {
    TPR_BEAT_STRANGE,           /* Proves nothing by itself: for the agent. */
    TPR_BEAT_ORDINARY,          /* As the one before: just a beat. */
    TPR_BEAT_LIVING,            /* A beat with news for the agent. */
    TPR_BEAT_SAYS_DOWN,         /* The peer says Down or AdminDown. */
};

/* What is a UDP payload of 'size' bytes to a session whose last packet was
 * 'expected', without Poll and Final?  The first 'TPR_BEAT_LEN' bytes of both
 * can be read. */
static inline enum tpr_beat_kind
tpr_beat_classify(const uint8_t *p, uint32_t size, const uint8_t *expected)
{
    /* Version; length; both discriminators. */
    bool same = (size == TPR_BEAT_LEN && (p[0] ^ expected[0]) < 32
                 && p[3] == TPR_BEAT_LEN);
    bool equal;
    int i;

    for (i = 4; i < 12; i++) {
        same = same && p[i] == expected[i];
    }
    /* No authentication, demand or multipoint. */
    if (!same || p[1] & 0x07) {
        return TPR_BEAT_STRANGE;
    }
    if (p[1] >> 6 < 2) {
        return TPR_BEAT_SAYS_DOWN;
    }
    if (p[1] >> 6 != 3 || !p[2]) {
        return TPR_BEAT_STRANGE;
    }
    equal = p[0] == expected[0] && p[1] == expected[1] && p[2] == expected[2];
    for (i = 12; i < TPR_BEAT_LEN; i++) {
        equal = equal && p[i] == expected[i];
    }
    return equal ? TPR_BEAT_ORDINARY : TPR_BEAT_LIVING;
}

/* What a peer that was stalled, too, may need to complain of our stall.  A
 * complaint that is taken for such wrongly costs one more detection time. */
enum { TPR_BEAT_COMPLAINT_US = 50 * 1000 };

/* Is this SAYS_DOWN the peer's answer to a stall of our own, which it may
 * complain of (diagnostic 1) until 'blame_until_us'? */
static inline bool
tpr_beat_is_blame(const uint8_t *p, int64_t now_us, int64_t blame_until_us)
{
    return (p[1] >> 6) == 1 && (p[0] & 31) == 1 && now_us < blame_until_us;
}

/* ## Transmission. ## */

/* Jitter, in 1/65536 of the interval (6.8.7). */
enum {
    TPR_BEAT_JITTER_ONE = 65536,
    TPR_BEAT_JITTER_MIN = TPR_BEAT_JITTER_ONE * 3 / 4,
    TPR_BEAT_JITTER_MAX_SINGLE = TPR_BEAT_JITTER_ONE * 9 / 10,
};

/* xorshift64*: good enough to keep neighbours out of step.  '*state' is never
 * 0. */
static inline uint32_t
tpr_beat_random(uint64_t *state)
{
    uint64_t x = *state;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return (x * 0x2545f4914f6cdd1dULL) >> 32;
}

/* 75 to 100 % of the interval, 75 to 90 % if a 'single' packet's loss ends
 * the session. */
static inline uint32_t
tpr_beat_jitter(uint64_t *state, bool single)
{
    uint32_t max = single ? TPR_BEAT_JITTER_MAX_SINGLE : TPR_BEAT_JITTER_ONE;

    return (TPR_BEAT_JITTER_MIN
            + tpr_beat_random(state) % (max - TPR_BEAT_JITTER_MIN + 1));
}

/* What a beat says whose sender may be dead: the truth while the lease lasts,
 * AdminDown for a while after it, then nothing. */
enum tpr_beat_lease {
    TPR_BEAT_LEASE_VALID,
    TPR_BEAT_LEASE_OVER,
    TPR_BEAT_LEASE_GONE,
};
enum { TPR_BEAT_FAREWELL_US = 10 * 1000 * 1000 };

static inline enum tpr_beat_lease
tpr_beat_lease(int64_t now_us, int64_t lease_until_us)
{
    return (now_us < lease_until_us ? TPR_BEAT_LEASE_VALID
            : now_us < lease_until_us + TPR_BEAT_FAREWELL_US
            ? TPR_BEAT_LEASE_OVER
            : TPR_BEAT_LEASE_GONE);
}

/* ## The token (beat.h), without which nothing is sent. ## */

enum {
    TPR_BEAT_LOST_MIN_US = 1500,    /* A token away for longer, or than an */
    TPR_BEAT_LOST_MAX_US = 10000,   /* interval between these, is lost. */
    TPR_BEAT_RETRY_US = 5 * 1000,   /* Between two new ones. */
    TPR_BEAT_BROKEN_US = 20 * 1000, /* Then it is not the token. */
    TPR_BEAT_SETTLE_US = 10 * 1000, /* It is to run for so long. */
};

struct tpr_beat_token_watch {
    bool lost;                  /* Somebody else shall send. */
    bool broken;                /* New tokens do not come round, either. */
    int64_t lost_us;            /* Since when... */
    int64_t back_us;            /* ...and since when it runs again, or 0. */
    int64_t retry_us;           /* When to send another. */
    uint64_t n_lost;            /* Ever. */
};

/* How old the token may be if the fastest beats go out every 'interval_us'. */
static inline int64_t
tpr_beat_lost_after(int64_t interval_us)
{
    return (interval_us < TPR_BEAT_LOST_MIN_US ? TPR_BEAT_LOST_MIN_US
            : interval_us > TPR_BEAT_LOST_MAX_US ? TPR_BEAT_LOST_MAX_US
            : interval_us);
}

/* Looks at the token, which last passed at 'token_us'.  Returns true if a new
 * one should be sent on its way. */
static inline bool
tpr_beat_watch_token(struct tpr_beat_token_watch *w, int64_t now_us,
                     int64_t token_us, int64_t lost_after_us)
{
    if (now_us - token_us <= lost_after_us) {
        if (w->lost && !w->back_us) {
            w->back_us = now_us;
        }
        if (w->lost && now_us - w->back_us >= TPR_BEAT_SETTLE_US) {
            w->lost = w->broken = false;
        }
        return false;
    }
    if (!w->lost) {
        w->lost = true;
        w->lost_us = now_us;
        w->retry_us = now_us;
        w->n_lost++;
    } else if (w->back_us) {
        w->lost_us = now_us;        /* It was there meanwhile. */
    }
    w->back_us = 0;
    w->broken = w->broken || now_us - w->lost_us >= TPR_BEAT_BROKEN_US;
    if (now_us < w->retry_us) {
        return false;
    }
    w->retry_us = now_us + TPR_BEAT_RETRY_US;
    return true;
}

#endif /* beat-rules.h */
