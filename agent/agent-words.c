/* SPDX-License-Identifier: Apache-2.0 */

/* HAProxy's agent-check protocol: see agent-words.h. */

#include <config.h>
#include "agent-words.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include "openvswitch/dynamic-string.h"
#include "util.h"

static const char separators[] = " \t,";

static const char *const healths[] = {
#define AGENT_HEALTH(ENUM, NAME) [AGENT_HEALTH_##ENUM] = NAME,
    AGENT_HEALTHS
#undef AGENT_HEALTH
};
static const char *const admins[] = {
#define AGENT_ADMIN(ENUM, NAME) [AGENT_ADMIN_##ENUM] = NAME,
    AGENT_ADMINS
#undef AGENT_ADMIN
};

/* Lines. */

/* Makes 'line' expect the first byte. */
void
agent_line_init(struct agent_line *line)
{
    line->n = 0;
    line->text[0] = '\0';
}

/* Should be called for each portion of the stream, 'n' bytes at 'data'.  What
 * follows the line is ignored. */
enum agent_line_result
agent_line_feed(struct agent_line *line, const void *data, size_t n)
{
    const char *p = data;

    for (size_t i = 0; i < n; i++) {
        if (p[i] == '\r' || p[i] == '\n') {
            return AGENT_LINE_DONE;
        } else if (!p[i]) {
            return AGENT_LINE_ZERO;
        } else if (line->n >= AGENT_LINE_MAX) {
            return AGENT_LINE_TOO_LONG;
        }
        line->text[line->n++] = p[i];
        line->text[line->n] = '\0';
    }
    return AGENT_LINE_MORE;
}

/* Words. */

/* Makes 'words' say nothing. */
void
agent_words_init(struct agent_words *words)
{
    memset(words, 0, sizeof *words);
}

/* Returns the index of the 'n' bytes at 'word' among the 'n_names' 'names', or
 * 0. */
static int
find_name(const char *word, size_t n, const char *const *names,
          size_t n_names)
{
    for (size_t i = 1; i < n_names; i++) {
        if (strlen(names[i]) == n && !strncasecmp(names[i], word, n)) {
            return i;
        }
    }
    return 0;
}

/* Parses the decimal number at '*p', ending at 'end', up to 'max', which
 * greater ones become.  Returns false if there is none. */
static bool
scan_number(const char **p, const char *end, uint32_t max, uint32_t *value)
{
    const char *start = *p;
    uint64_t number = 0;

    for (; *p < end && **p >= '0' && **p <= '9'; ++*p) {
        number = MIN(number * 10 + (**p - '0'), max);
    }
    *value = number;
    return *p > start;
}

static bool
take_percent(const char *word, const char *end, struct agent_words *words)
{
    uint32_t percent;

    if (!scan_number(&word, end, AGENT_PERCENT_MAX, &percent)
        || end - word != 1 || *word != '%') {
        return false;
    }
    words->has_percent = true;
    words->percent = percent;
    return true;
}

static bool
take_limit(const char *word, const char *end, struct agent_words *words)
{
    static const char prefix[] = "maxconn:";
    size_t n = sizeof prefix - 1;
    uint32_t limit;

    if (end - word < n || strncasecmp(word, prefix, n)) {
        return false;
    }
    word += n;
    if (!scan_number(&word, end, UINT32_MAX, &limit) || word != end) {
        return false;
    }
    words->has_limit = true;
    words->limit = limit;
    return true;
}

/* Takes the load out of what follows "#", if it is there. */
static void
take_load(const char *s, struct agent_words *words)
{
    static const char key[] = "cpu=";
    size_t n = sizeof key - 1;

    for (s += strspn(s, separators); *s; s += strspn(s, separators)) {
        const char *end = s + strcspn(s, separators);
        bool is_load = end - s > n && !strncmp(s, key, n);
        const char *p = s + n;
        uint32_t cpu;

        if (is_load && end - p == 1 && *p == '-') {
            words->has_cpu = false;
            words->no_cpu = true;
            words->cpu = 0;
        } else if (is_load && scan_number(&p, end, AGENT_CPU_MAX, &cpu)
                   && p == end) {
            words->has_cpu = true;
            words->no_cpu = false;
            words->cpu = cpu;
        }
        s = end;
    }
}

static bool
take_word(const char *word, const char *end, struct agent_words *words)
{
    size_t n = end - word;
    int health = find_name(word, n, healths, ARRAY_SIZE(healths));
    int admin = find_name(word, n, admins, ARRAY_SIZE(admins));

    if (health) {
        words->health = health;
    } else if (admin) {
        words->admin = admin;
    } else {
        return take_percent(word, end, words) || take_limit(word, end, words);
    }
    return true;
}

static void
take_reason(const char *s, struct agent_words *words)
{
    size_t n;

    s += strspn(s, " \t");
    n = strnlen(s, AGENT_REASON_MAX);
    for (size_t i = 0; i < n; i++) {
        words->reason[i] = s[i] >= 0x20 && s[i] < 0x7f ? s[i] : '?';
    }
    while (n && words->reason[n - 1] == ' ') {
        words->reason[--n] = '\0';
    }
}

/* Parses 'line', without its end, into 'words'.  Returns NULL, or a clause
 * about its first word that means nothing, to be freed; the others count all
 * the same. */
char *
agent_words_parse(const char *line, struct agent_words *words)
{
    const char *p = line;
    char *error = NULL;

    agent_words_init(words);
    for (;;) {
        const char *end;

        p += strspn(p, separators);
        if (!*p || *p == '#') {
            break;
        }
        end = p + strcspn(p, separators);
        if (!take_word(p, end, words) && !error) {
            struct ds s = DS_EMPTY_INITIALIZER;

            ds_put_cstr(&s, "unknown word \"");
            for (const char *c = p; c < end && c < p + 32; c++) {
                ds_put_char(&s, *c >= 0x20 && *c < 0x7f ? *c : '?');
            }
            ds_put_char(&s, '"');
            error = ds_steal_cstr(&s);
        }
        p = end;
    }
    if (*p == '#' && agent_words_is_down(words)) {
        take_reason(p + 1, words);
    } else if (*p == '#') {
        take_load(p + 1, words);
    }
    return error;
}

/* Adds to 'words', what is known, what the agent has 'said' now. */
void
agent_words_merge(struct agent_words *words, const struct agent_words *said)
{
    if (said->has_percent) {
        words->has_percent = true;
        words->percent = said->percent;
    }
    if (said->has_limit) {
        words->has_limit = true;
        words->limit = said->limit;
    }
    if (said->has_cpu || said->no_cpu) {
        words->has_cpu = said->has_cpu;
        words->cpu = said->cpu;
    }
    if (said->admin) {
        words->admin = said->admin;
    }
    if (said->health) {
        words->health = said->health;
        memcpy(words->reason, said->reason, sizeof words->reason);
    }
}

/* Returns true if 'a' and 'b' say the same. */
bool
agent_words_equal(const struct agent_words *a, const struct agent_words *b)
{
    return (a->has_percent == b->has_percent && a->percent == b->percent
            && a->has_limit == b->has_limit && a->limit == b->limit
            && a->has_cpu == b->has_cpu && a->cpu == b->cpu
            && a->health == b->health && a->admin == b->admin
            && !strcmp(a->reason, b->reason));
}

/* Appends 'words' as a line without its end; agent_words_parse() takes it. */
void
agent_words_put(const struct agent_words *words, struct ds *s)
{
    size_t start = s->length;

    if (words->has_percent) {
        ds_put_format(s, "%"PRIu32"%% ", words->percent);
    }
    if (words->has_limit) {
        ds_put_format(s, "maxconn:%"PRIu32" ", words->limit);
    }
    if (words->admin) {
        ds_put_format(s, "%s ", admins[words->admin]);
    }
    if (words->health) {
        ds_put_format(s, "%s ", healths[words->health]);
    }
    if (words->reason[0]) {
        ds_put_format(s, "# %s ", words->reason);
    } else if (words->has_cpu && !agent_words_is_down(words)) {
        ds_put_format(s, "# cpu=%"PRIu32" ", words->cpu);
    } else if (words->no_cpu && !agent_words_is_down(words)) {
        ds_put_cstr(s, "# cpu=- ");
    }
    if (s->length > start) {
        ds_truncate(s, s->length - 1);
    }
}

/* What they mean. */

/* Returns true if the service does not serve. */
bool
agent_words_is_down(const struct agent_words *words)
{
    return (words->health == AGENT_HEALTH_DOWN
            || words->health == AGENT_HEALTH_STOPPED
            || words->health == AGENT_HEALTH_FAIL);
}

/* Returns true if the server wants no new connections: a weight of nothing is
 * that, too. */
bool
agent_words_is_draining(const struct agent_words *words)
{
    return (words->admin == AGENT_ADMIN_DRAIN
            || (words->has_percent && !words->percent));
}

/* Returns what becomes of the configured 'weight'.  A percentage above nothing
 * leaves something. */
uint32_t
agent_words_weight(const struct agent_words *words, uint32_t weight)
{
    uint64_t product = (uint64_t) weight * words->percent;

    return (!words->has_percent ? weight
            : !product ? 0
            : MAX(1, MIN(product / 100, UINT16_MAX)));
}

/* Returns what becomes of the configured 'limit' of connections, 0: none. */
uint32_t
agent_words_limit(const struct agent_words *words, uint32_t limit)
{
    return words->has_limit ? words->limit : limit;
}
