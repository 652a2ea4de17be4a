/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* The model that Open vSwitch, BPF programs and the agent share.
 *
 * Why: a failure costs one write.  Flows name a redirect, a redirect lists
 * backends, and every backend points to two liveness words: its region's and
 * its own.  Whoever decides that something died stores one 64-bit word here,
 * and every forwarding thread sees it with its next packet.
 *
 * How: the words live in one page that is a file in the run directory, mapped
 * shared by all.  This header holds its layout and the accessors that need no
 * operating system; agent/liveness.[ch] maps it.
 *
 * Threads: a word has one writer at a time (the heartbeat thread for regions,
 * the main thread for backends) and any number of readers; loads and stores
 * are single 64-bit accesses.
 *
 * The sizes are asserted and the layout is versioned: a reader that finds
 * another magic or version must not use the page. */

#ifndef TPR_REDIRECT_H
#define TPR_REDIRECT_H 1

#include <stdint.h>

/* Every limit of the model. */
enum {
    TPR_MAX_REGIONS = 64,
    TPR_MAX_BACKENDS = 65536,
    TPR_MAX_SERVICES = 16384,
};

/* State of a region or a backend, the low 8 bits of a liveness word. */
enum tpr_liveness {
    TPR_LIVENESS_UNKNOWN = 0,   /* No proof yet: not usable. */
    TPR_LIVENESS_UP = 1,        /* Usable for new and old connections. */
    TPR_LIVENESS_DOWN = 2,      /* Proven dead. */
    TPR_LIVENESS_DRAIN = 3,     /* Old connections only. */
};

/* A liveness word: generation in the upper 56 bits, state in the low 8.  The
 * generation grows with every change, so that a reader that remembers the
 * word notices "down, up again" between two of its looks. */
typedef uint64_t tpr_word;

static inline enum tpr_liveness
tpr_word_state(tpr_word word)
{
    return (enum tpr_liveness) (word & 0xff);
}

static inline uint64_t
tpr_word_generation(tpr_word word)
{
    return word >> 8;
}

/* Returns the word that follows 'old' when the state becomes 'state'. */
static inline tpr_word
tpr_word_next(tpr_word old, enum tpr_liveness state)
{
    return ((tpr_word_generation(old) + 1) << 8) | (uint64_t) state;
}

#define TPR_PAGE_MAGIC   0x7470722d6c697665ULL    /* "tpr-live". */
#define TPR_PAGE_VERSION 1

/* The liveness page. */
struct tpr_page {
    uint64_t magic;             /* TPR_PAGE_MAGIC. */
    uint32_t version;           /* TPR_PAGE_VERSION. */
    uint32_t size;              /* sizeof(struct tpr_page). */
    uint64_t pad[6];            /* Up to a cache line; zero. */
    tpr_word region[TPR_MAX_REGIONS];
    tpr_word backend[TPR_MAX_BACKENDS];
};

_Static_assert(sizeof(struct tpr_page)
               == 64 + 8 * (TPR_MAX_REGIONS + TPR_MAX_BACKENDS),
               "the liveness page's layout is part of the interface");

#endif /* redirect.h */
