/* SPDX-License-Identifier: Apache-2.0 */

/* HAProxy's agent-check protocol: one line that a server's agent says about
 * it, for whoever connects.
 *
 *     "75% maxconn:30 up\n"
 *     "drain\n"
 *     "down # disk full\n"
 *
 * The line ends at the first CR or LF.  Words are separated by spaces, tabs
 * and commas, in any order and case; of several of a kind the last counts; "#"
 * at the beginning of a word begins the reason, up to the end of the line.
 * What a line does not mention stays as it was: only the agent takes back what
 * it has said.  (HAProxy Configuration Manual, "agent-check"; where that is
 * silent, as HAProxy 2.6 does it.)
 *
 * A reason belongs to "down" and its like.  In its place, other lines may say
 * how busy the server's processors are, in percent, as tpr-regiond does; to
 * HAProxy that means nothing:
 *
 *     "40% ready up # cpu=83\n"
 *     "100% ready up # cpu=-\n"        it does not know any more
 *
 * Use: agent_line_feed() until it returns other than AGENT_LINE_MORE, then
 * agent_words_parse(), then agent_words_merge() into what is known.
 *
 * Pure.  Threads: none; an instance belongs to one thread. */

#ifndef TPR_AGENT_WORDS_H
#define TPR_AGENT_WORDS_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ds;

enum {
    AGENT_LINE_MAX = 1024,      /* Bytes of a line. */
    AGENT_REASON_MAX = 63,      /* Bytes of a reason that are kept. */
    AGENT_PERCENT_MAX = 25600,  /* As HAProxy's. */
    AGENT_CPU_MAX = 100,
};

/* The service's health, by the agent. */
#define AGENT_HEALTHS                           \
    AGENT_HEALTH(NONE, "")                      \
    AGENT_HEALTH(UP, "up")                      \
    AGENT_HEALTH(DOWN, "down")                  \
    AGENT_HEALTH(STOPPED, "stopped")            \
    AGENT_HEALTH(FAIL, "fail")
enum agent_health {
#define AGENT_HEALTH(ENUM, NAME) AGENT_HEALTH_##ENUM,
    AGENT_HEALTHS
#undef AGENT_HEALTH
};

/* What an administrator wants. */
#define AGENT_ADMINS                            \
    AGENT_ADMIN(NONE, "")                       \
    AGENT_ADMIN(READY, "ready")                 \
    AGENT_ADMIN(DRAIN, "drain")                 \
    AGENT_ADMIN(MAINT, "maint")
enum agent_admin {
#define AGENT_ADMIN(ENUM, NAME) AGENT_ADMIN_##ENUM,
    AGENT_ADMINS
#undef AGENT_ADMIN
};

/* What one line says, or what is known after many.  All bytes count for
 * memcmp(). */
struct agent_words {
    bool has_percent, has_limit, has_cpu;
    uint32_t percent;           /* Of the configured weight. */
    uint32_t limit;             /* "maxconn:", 0: none. */
    uint32_t cpu;               /* Load, percent. */
    bool no_cpu;                /* A line says that its load is not known. */
    enum agent_health health;
    enum agent_admin admin;
    char reason[AGENT_REASON_MAX + 1];  /* With DOWN, STOPPED and FAIL;
                                         * printable ASCII. */
};

/* A line as far as it has come. */
struct agent_line {
    char text[AGENT_LINE_MAX + 1];
    size_t n;
};
enum agent_line_result {
    AGENT_LINE_MORE,            /* It has no end yet. */
    AGENT_LINE_DONE,            /* 'text' is the line. */
    AGENT_LINE_TOO_LONG,
    AGENT_LINE_ZERO,            /* A zero byte. */
};
void agent_line_init(struct agent_line *);
enum agent_line_result agent_line_feed(struct agent_line *, const void *,
                                       size_t);

void agent_words_init(struct agent_words *);
char *agent_words_parse(const char *line, struct agent_words *)
    __attribute__((warn_unused_result));
void agent_words_merge(struct agent_words *, const struct agent_words *said);
bool agent_words_equal(const struct agent_words *, const struct agent_words *);
void agent_words_put(const struct agent_words *, struct ds *);

bool agent_words_is_down(const struct agent_words *);
bool agent_words_is_draining(const struct agent_words *);
uint32_t agent_words_weight(const struct agent_words *, uint32_t weight);
uint32_t agent_words_limit(const struct agent_words *, uint32_t limit);

#endif /* agent-words.h */
