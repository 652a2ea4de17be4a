/* SPDX-License-Identifier: Apache-2.0 */

/* The agent-check: a connection to a server's agent, and the line that it
 * says.  agent-words.[ch] knows the protocol.
 *
 * A whole line is good, whatever it says: health is one thing that it may
 * speak of. */

#include <config.h>
#include "check-talk.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include "agent-words.h"
#include "openvswitch/dynamic-string.h"
#include "util.h"

struct talk_agent {
    size_t n_sent;
    struct agent_line line;
    struct agent_words words;
};

static enum check_verdict
check_agent_start(struct check_talk *talk,
                  const struct tpr_check *check OVS_UNUSED,
                  const struct in6_addr *addr OVS_UNUSED,
                  uint16_t port OVS_UNUSED)
{
    struct talk_agent *t = xzalloc(sizeof *t);

    agent_line_init(&t->line);
    talk->aux = t;
    return CHECK_TALKING;
}

static enum check_verdict
understand(struct check_talk *talk)
{
    struct talk_agent *t = talk->aux;
    struct ds s = DS_EMPTY_INITIALIZER;
    char *error = agent_words_parse(t->line.text, &t->words);

    ds_put_cstr(&s, "says \"");
    agent_words_put(&t->words, &s);
    ds_put_format(&s, "\"%s%s", error ? " and an " : "", error ? error : "");
    ovs_strlcpy(talk->clause, ds_cstr(&s), sizeof talk->clause);
    talk->said = &t->words;
    ds_destroy(&s);
    free(error);
    return CHECK_GOOD;
}

static enum check_verdict
miss(struct check_talk *talk, const char *clause)
{
    ovs_strlcpy(talk->clause, clause, sizeof talk->clause);
    return CHECK_MISS;
}

static enum check_verdict
check_agent_run(struct check_talk *talk, const struct tpr_check *check)
{
    struct talk_agent *t = talk->aux;
    char buf[AGENT_LINE_MAX];

    /* What it says counts all the same. */
    ignore(check_talk_send(talk, &check->send, &t->n_sent));
    for (;;) {
        ssize_t n = recv(talk->fd, buf, sizeof buf, 0);

        if (n < 0) {
            return (errno == EAGAIN || errno == EINTR ? CHECK_TALKING
                    : check_talk_error(talk, errno));
        } else if (!n) {
            return miss(talk, (t->line.n
                               ? "connection closed within a line"
                               : "connection closed without a line"));
        }
        switch (agent_line_feed(&t->line, buf, n)) {
        case AGENT_LINE_MORE:
            break;
        case AGENT_LINE_DONE:
            return understand(talk);
        case AGENT_LINE_TOO_LONG:
            return miss(talk, "line of more than 1024 bytes");
        case AGENT_LINE_ZERO:
            return miss(talk, "line with a zero byte");
        }
    }
}

static void
check_agent_finish(struct check_talk *talk)
{
    free(talk->aux);
    talk->aux = NULL;
    talk->said = NULL;
}

const struct check_class check_agent_class = {
    .type = TPR_CHECK_AGENT,
    .start = check_agent_start,
    .run = check_agent_run,
    .finish = check_agent_finish,
};
