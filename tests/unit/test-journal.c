/* SPDX-License-Identifier: Apache-2.0 */

/* Tests the journal: which entries a batch of changes becomes, what they say,
 * and how entries of earlier lives come in. */

#include <config.h>
#include "journal.h"
#include <string.h>
#include "model.h"
#include "openvswitch/json.h"
#include "openvswitch/vlog.h"
#include "policy.h"
#include "tpr-time.h"
#include "unit.h"

static struct tpr_region r1 = { .name = "r1" };
static struct tpr_service web = { .name = "web" };
static struct tpr_backend web_r1 = { .name = "web/r1", .region = &r1 };

static struct journal *
make_journal(void)
{
    vlog_set_levels(NULL, VLF_CONSOLE, VLL_OFF);
    return journal_create();
}

/* The change of a region, 30.1 ms after its last beat. */
static struct policy_change
region_change(const char *from, const char *to, long long int now_us)
{
    return (struct policy_change) {
        .what = POLICY_REGION, .object = &r1, .from = from, .to = to,
        .cause = CONST_CAST(char *, "3 beats missed, last 30.1 ms ago"),
        .decided_us = now_us, .last_beat_us = now_us - 30100,
    };
}

static struct policy_change
service_change(const char *from, const char *to, long long int now_us)
{
    return (struct policy_change) {
        .what = POLICY_SERVICE, .object = &web, .from = from, .to = to,
        .cause = CONST_CAST(char *, "region r1 down"), .culprit = &r1,
        .decided_us = now_us,
    };
}

static size_t
count(const struct journal *j)
{
    const struct journal_entry *e;
    size_t n = 0;

    JOURNAL_FOR_EACH (e, j) {
        n++;
    }
    return n;
}

static const struct journal_entry *
nth(const struct journal *j, size_t n)
{
    const struct journal_entry *e;

    JOURNAL_FOR_EACH (e, j) {
        if (!n--) {
            return e;
        }
    }
    ck_abort_msg("no such entry");
    return NULL;
}

START_TEST(death_is_one_entry_with_budget)
{
    long long int now_us = tpr_now_us();
    struct policy_change changes[] = {
        region_change("up", "down", now_us),
        service_change("web/r1", "web/r2", now_us),
    };
    struct journal *j = make_journal();

    journal_report(j, changes, ARRAY_SIZE(changes), now_us + 410);
    ck_assert_uint_eq(count(j), 2);
    ck_assert_str_eq(nth(j, 0)->event, "TPR-101");
    ck_assert_str_eq(nth(j, 0)->object, "region r1");
    ck_assert_str_eq(nth(j, 0)->reason, "3 beats missed, last 30.1 ms ago; "
                     "1 service to r2 in 410 us");
    ck_assert_int_eq(nth(j, 0)->decided_us - nth(j, 0)->last_beat_us, 30100);
    ck_assert_int_eq(nth(j, 0)->applied_us - nth(j, 0)->decided_us, 410);
    ck_assert_str_eq(nth(j, 1)->event, "TPR-301");
    journal_destroy(j);
}
END_TEST

START_TEST(service_without_backend_has_its_own_event)
{
    long long int now_us = tpr_now_us();
    struct policy_change changes[] = {
        region_change("up", "down", now_us),
        service_change("web/r1", "none", now_us),
        service_change("none", "web/r1", now_us),
    };
    struct journal *j = make_journal();

    journal_report(j, changes, ARRAY_SIZE(changes), 0);
    ck_assert_ptr_nonnull(strstr(nth(j, 0)->reason,
                                 "1 service left without a backend"));
    ck_assert_str_eq(nth(j, 1)->event, "TPR-302");
    ck_assert_str_eq(nth(j, 2)->event, "TPR-303");
    ck_assert_int_eq(nth(j, 0)->applied_us, 0);
    journal_destroy(j);
}
END_TEST

START_TEST(backend_has_the_words_of_its_check)
{
    long long int now_us = tpr_now_us();
    struct policy_change change = {
        .what = POLICY_BACKEND, .object = &web_r1, .from = "up", .to = "down",
        .cause = CONST_CAST(char *, "HTTP status 500"),
        .decided_us = now_us,
    };
    struct journal *j = make_journal();

    journal_report(j, &change, 1, 0);
    ck_assert_str_eq(nth(j, 0)->event, "TPR-201");
    ck_assert_str_eq(nth(j, 0)->object, "backend web/r1");
    ck_assert_str_eq(nth(j, 0)->reason, "HTTP status 500");
    journal_destroy(j);
}
END_TEST

/* Beyond the limit services are summed up in the region's entry. */
START_TEST(many_services_are_summed_up)
{
    enum { N = JOURNAL_SERVICES_MAX + 2 };
    long long int now_us = tpr_now_us();
    struct policy_change changes[N];
    struct journal *j = make_journal();

    changes[0] = region_change("up", "down", now_us);
    for (size_t i = 1; i < N; i++) {
        changes[i] = service_change("web/r1", "web/r2", now_us);
    }
    journal_report(j, changes, N, now_us + 2500);
    ck_assert_uint_eq(count(j), 1);
    ck_assert_ptr_nonnull(strstr(nth(j, 0)->reason,
                                 "33 services to r2 in 2.5 ms"));
    journal_destroy(j);
}
END_TEST

START_TEST(excuses_are_one_a_second)
{
    struct journal *j = make_journal();

    journal_excused(j, "r1", 4800, 1000000);
    journal_excused(j, "r1", 4800, 1000100);
    ck_assert_uint_eq(count(j), 1);
    journal_excused(j, "r1", 4800, 2000000);
    ck_assert_uint_eq(count(j), 2);
    ck_assert_str_eq(nth(j, 0)->event, "TPR-103");
    ck_assert_ptr_nonnull(strstr(nth(j, 0)->reason, "4.8 ms late"));
    journal_destroy(j);
}
END_TEST

START_TEST(limit_drops_the_oldest)
{
    struct tpr_config *config = tpr_config_create();
    struct journal *j = make_journal();

    config->history_limit = 3;
    journal_configure(j, config);
    for (int i = 0; i < 5; i++) {
        journal_note(j, JOURNAL_START, "agent", "", "", "started");
    }
    ck_assert_uint_eq(count(j), 3);
    ck_assert_uint_eq(nth(j, 0)->seq, 3);
    ck_assert_uint_eq(nth(j, 2)->seq, 5);
    journal_destroy(j);
    tpr_config_destroy(config);
}
END_TEST

/* Rows arrive in any order; entries made meanwhile get numbers after them. */
START_TEST(earlier_lives_come_first)
{
    static const uint64_t order[] = { 8, 7, 9 };
    struct journal *j = make_journal();
    const struct journal_entry *e;
    uint64_t want = 7;

    journal_note(j, JOURNAL_START, "agent", "", "", "started");
    for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
        struct journal_entry old = {
            .seq = order[i], .event = CONST_CAST(char *, "TPR-101"),
            .object = CONST_CAST(char *, "region r1"),
            .from = CONST_CAST(char *, "up"), .to = CONST_CAST(char *, "down"),
            .reason = CONST_CAST(char *, "old"),
        };

        journal_load(j, &old);
    }
    journal_load_done(j);
    ck_assert_uint_eq(count(j), 4);
    JOURNAL_FOR_EACH (e, j) {
        ck_assert_uint_eq(e->seq, want++);
    }
    /* Only what is new must be written. */
    ck_assert(journal_has_unwritten(j));
    ck_assert_uint_eq(journal_written(j), 9);
    journal_set_written(j, 10);
    ck_assert(!journal_has_unwritten(j));
    journal_destroy(j);
}
END_TEST

/* Orders found at start are old news; later ones are noted, and their end. */
START_TEST(orders_are_noted_once)
{
    struct tpr_intent drain = {
        .kind = TPR_INTENT_DRAIN, .object = CONST_CAST(char *, "r1"),
        .who = CONST_CAST(char *, "op@host"),
        .reason = CONST_CAST(char *, "rack move"),
    };
    struct tpr_config *config = tpr_config_create();
    struct journal *j = make_journal();

    config->history_limit = 10;
    journal_configure(j, config);
    config->intents = xmemdup(&drain, sizeof drain);
    config->n_intents = 1;
    journal_configure(j, config);
    journal_configure(j, config);
    ck_assert_uint_eq(count(j), 1);
    ck_assert_str_eq(nth(j, 0)->event, "TPR-401");
    ck_assert_ptr_nonnull(strstr(nth(j, 0)->reason, "op@host: rack move"));
    config->n_intents = 0;
    journal_configure(j, config);
    ck_assert_uint_eq(count(j), 2);
    ck_assert_str_eq(nth(j, 1)->event, "TPR-402");
    free(config->intents);
    config->intents = NULL;
    journal_destroy(j);
    tpr_config_destroy(config);
}
END_TEST

START_TEST(json_has_the_budget)
{
    struct journal_entry e = {
        .seq = 1, .last_beat_us = 1000, .decided_us = 31000,
        .applied_us = 31410, .event = CONST_CAST(char *, "TPR-101"),
        .object = CONST_CAST(char *, "region r1"),
        .from = CONST_CAST(char *, "up"), .to = CONST_CAST(char *, "down"),
        .reason = CONST_CAST(char *, "why"),
    };
    struct json *json = journal_entry_to_json(&e);
    char *s = json_to_string(json, JSSF_SORT);

    ck_assert_ptr_nonnull(strstr(s, "\"silence_us\":30000"));
    ck_assert_ptr_nonnull(strstr(s, "\"applied_us\":410"));
    free(s);
    json_destroy(json);
}
END_TEST

UNIT_MAIN("journal", death_is_one_entry_with_budget,
          service_without_backend_has_its_own_event,
          backend_has_the_words_of_its_check, many_services_are_summed_up,
          excuses_are_one_a_second, limit_drops_the_oldest,
          earlier_lives_come_first, orders_are_noted_once,
          json_has_the_budget)
