/* SPDX-License-Identifier: Apache-2.0 */

/* Heartbeat: decides from single beats whether a region lives.
 *
 * Pure: facts and 'now' in, a decision and the next deadline out.  No socket,
 * no clock, no allocation, no log.  BFD and ICMP echo feed the same machine;
 * for BFD the detection time is the negotiated one (RFC 5880 6.8.4) and the
 * owner sets it again whenever it changes.
 *
 *                 rise good beats in a row
 *      +------+ ---------------------------> +----+
 *      | DOWN |                              | UP |--+ detection time over,
 *      +------+ <--------------------------- +----+<-+ but we were late:
 *          ^     detection time over, or        ^      EXCUSED, once more
 *          |     the peer or the link says down |      (at most 'max_excuses'
 *      +---------+                              |      in a row)
 *      | UNKNOWN |------------------------------+
 *      +---------+   'rise' beats lead to UP as from DOWN; a detection time
 *                    of silence, or a "down", leads to DOWN as from UP
 *
 * "In a row": no detection time of silence between two beats.  A beat that
 * comes less than half an interval after the last counted one (a duplicate, or
 * several read at once after a stall) proves life but does not count for
 * 'rise'.
 *
 * The self-stall guard: a deadline that passes proves nothing if this process
 * was not running when the beats should have been read, or did not send its
 * own.  The owner reports its lateness (heartbeat_late()); see
 * heartbeat_run().
 *
 * Threads: none of its own; an instance belongs to one thread.
 * Time: microseconds of CLOCK_MONOTONIC, 'long long int', named *_us. */

#ifndef TPR_HEARTBEAT_H
#define TPR_HEARTBEAT_H 1

#include <stdbool.h>
#include <stdint.h>
#include "beat-rules.h"

#define HEARTBEAT_STATES                        \
    HEARTBEAT_STATE(UNKNOWN, "unknown")         \
    HEARTBEAT_STATE(UP, "up")                   \
    HEARTBEAT_STATE(DOWN, "down")

enum heartbeat_state {
#define HEARTBEAT_STATE(ENUM, NAME) HEARTBEAT_##ENUM,
    HEARTBEAT_STATES
#undef HEARTBEAT_STATE
};
const char *heartbeat_state_to_string(enum heartbeat_state);

/* Why the state is what it is. */
#define HEARTBEAT_CAUSES                                                    \
    HEARTBEAT_CAUSE(NONE, "none")                                           \
    HEARTBEAT_CAUSE(BEATS, "beats received")         /* -> UP */            \
    HEARTBEAT_CAUSE(MISSED, "beats missed")          /* detection time. */  \
    HEARTBEAT_CAUSE(PEER_DOWN, "peer signalled down")                       \
    HEARTBEAT_CAUSE(PEER_ADMIN_DOWN, "peer is administratively down")       \
    HEARTBEAT_CAUSE(LINK_DOWN, "link down")                                 \
    HEARTBEAT_CAUSE(DISABLED, "heartbeat disabled")

enum heartbeat_cause {
#define HEARTBEAT_CAUSE(ENUM, NAME) HEARTBEAT_CAUSE_##ENUM,
    HEARTBEAT_CAUSES
#undef HEARTBEAT_CAUSE
};
const char *heartbeat_cause_to_string(enum heartbeat_cause);

/* What heartbeat_run() and the fact functions decide. */
enum heartbeat_decision {
    HEARTBEAT_NOTHING,          /* No change. */
    HEARTBEAT_WENT_UP,
    HEARTBEAT_WENT_DOWN,
    HEARTBEAT_EXCUSED,          /* Would be down, but we were late. */
};

struct heartbeat_config {
    long long int interval_us;  /* T_h: expected time between two beats. */
    unsigned int fall;          /* n: beats missed before "down", >= 1. */
    unsigned int rise;          /* Good beats in a row before "up", >= 1. */
    unsigned int max_excuses;   /* k: extensions in a row, 0 disables. */
};

struct heartbeat {
    /* Configuration. */
    struct heartbeat_config cfg;
    long long int detect_us;    /* Detection time; interval * fall, or set. */

    /* State. */
    enum heartbeat_state state;
    enum heartbeat_cause cause;         /* Of the last transition. */
    long long int since_us;             /* Time of the last transition. */
    long long int last_beat_us;         /* Last good beat, 0 before any. */
    long long int silent_us;            /* Last good beat or initialization:
                                         * silence counts from here. */
    long long int deadline_us;          /* When silence becomes "down". */
    unsigned int good;                  /* Good beats in a row while not UP. */
    long long int counted_us;           /* The last beat that 'good' counts. */
    struct tpr_beat_guard guard;        /* Our own lateness since the last
                                         * good beat. */

    /* Statistics, never reset. */
    uint64_t n_beats, n_up, n_down, n_excused;
    long long int max_gap_us;           /* Longest gap between beats while
                                         * UP. */
    long long int max_late_us;          /* Our own worst lateness. */
};

/* heartbeat.c documents each function. */
void heartbeat_init(struct heartbeat *, const struct heartbeat_config *,
                    long long int now_us);
void heartbeat_configure(struct heartbeat *, const struct heartbeat_config *,
                         long long int now_us);
void heartbeat_set_detection(struct heartbeat *, long long int interval_us,
                             long long int detect_us, long long int now_us);

enum heartbeat_decision heartbeat_beat(struct heartbeat *,
                                       long long int now_us);
enum heartbeat_decision heartbeat_down(struct heartbeat *,
                                       enum heartbeat_cause,
                                       long long int now_us);
enum heartbeat_decision heartbeat_excuse(struct heartbeat *,
                                         long long int late_us,
                                         long long int grace_us,
                                         long long int now_us);
void heartbeat_relay(struct heartbeat *, uint64_t n, long long int last_us,
                     long long int max_gap_us);
void heartbeat_late(struct heartbeat *, long long int late_us);
enum heartbeat_decision heartbeat_run(struct heartbeat *,
                                      long long int now_us);
long long int heartbeat_deadline(const struct heartbeat *);
unsigned int heartbeat_missed(const struct heartbeat *, long long int now_us);

#endif /* heartbeat.h */
