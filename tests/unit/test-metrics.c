/* SPDX-License-Identifier: Apache-2.0 */

/* Tests metrics: the text, and that the dashboard asks for nothing that there
 * is not. */

#include <config.h>
#include <ctype.h>
#include <string.h>
#include "counts.h"
#include "metrics.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "policy.h"
#include "sset.h"
#include "unit.h"
#include "util.h"

/* All that tpr/show may say; ' stands for ". */
static const char everything[] =
    "{'state':'degraded','version':'1.2','uptime_s':77,'database_connected':true,"
    "'complaints':['a','b'],"
    "'bridges':[{'name':'br0','connected':true,'bpf_lost':5,"
    "  'bpf_ports':[{'name':'eth1','drops':6},{'name':'eth2','drops':0}]}],"
    "'regions':[{'name':'r1','state':'up','since_us':1500000,'draining':false,'link_up':true,"
    "  'detect_us':30000,'last_beat_age_us':4100,'beats':100,'tx':101,'rx':102,'tx_errors':3,"
    "  'went_up':2,'went_down':1,'stalls_excused':4,'max_gap_us':11000,'max_late_us':-90,"
    "  'rx_bad':{'bad ttl':7,'bad \\'auth\\'':8},'kernel':{'detection':true}},"
    " {'name':'r2','state':'down','since_us':2,'draining':true,'held_for_us':3}],"
    "'services':[{'name':'we\\\\b\\n','vip':'10.0.0.1:80/tcp','provider':'ovs','mode':'held',"
    "  'active':'web/r1','since_us':9,"
    "  'backends':[{'name':'web/r1','region':'r1','index':2,'usable':true,'active':true,"
    "    'weight':50,'max_connections':1000,"
    "    'check':{'state':'up','ok':10,'failed':1,'own_errors':2,'latency_us':310,"
    "             'max_late_us':20},"
    "    'suspicion':{'suspect':true,'times':3,'refused':4,'silent':5},"
    "    'agent':{'answers':false,'cpu_pct':83,'ok':6,'failed':7,'own_errors':8}},"
    "   {'name':'web/r2','region':'r2','index':3,'usable':false,'active':false,'weight':100}]}]}";

static struct json *
parse(const char *text)
{
    char *copy = xstrdup(text);
    struct json *json;

    for (char *p = copy; *p; p++) {
        if (*p == '\'') {
            *p = '"';
        }
    }
    json = json_from_string(copy);
    if (json->type == JSON_STRING) {
        ck_abort_msg("%s", json_string(json));
    }
    free(copy);
    return json;
}

static struct ds text = DS_EMPTY_INITIALIZER;

/* For tests in one process. */
static void
forget(void)
{
    ds_destroy(&text);
    ds_init(&text);
}

static void
render(const char *show, const struct counts *counts)
{
    struct json *json = parse(show);

    ds_clear(&text);
    metrics_render(json, counts, &text);
    json_destroy(json);
}

static bool
has_line(const char *line)
{
    char *middle = xasprintf("\n%s\n", line);
    bool has = strstr(ds_cstr(&text), middle);

    free(middle);
    return has;
}

static struct counts *
some_counts(void)
{
    struct counts *counts = counts_create(4);

    for (int i = 0; i < COUNT_N; i++) {
        counts_add(counts, 2, i, 10 + i);
        counts_add(counts, 2, i, 100);
        counts_add(counts, 4, i, 1);    /* No room: is none of ours. */
        counts_add(counts, -1, i, 1);
    }
    return counts;
}

START_TEST(everything_is_there)
{
    static const char *const lines[] = {
        "tpr_build_info{version=\"1.2\"} 1",
        "tpr_state{state=\"ok\"} 0",
        "tpr_state{state=\"degraded\"} 1",
        "tpr_uptime_seconds 77",
        "tpr_database_connected 1",
        "tpr_complaints 2",
        "tpr_bridge_connected{bridge=\"br0\"} 1",
        "# TYPE tpr_bridge_dropped_packets_total counter",
        "tpr_bridge_dropped_packets_total{bridge=\"br0\"} 5",
        "tpr_port_dropped_packets_total{bridge=\"br0\",port=\"eth1\"} 6",
        "tpr_port_dropped_packets_total{bridge=\"br0\",port=\"eth2\"} 0",
        "# HELP tpr_region_state 1 for the state that the region is in.",
        "# TYPE tpr_region_state gauge",
        "tpr_region_state{region=\"r1\",state=\"up\"} 1",
        "tpr_region_state{region=\"r1\",state=\"down\"} 0",
        "tpr_region_state{region=\"r2\",state=\"down\"} 1",
        "tpr_region_state_seconds{region=\"r1\"} 1.500000",
        "tpr_region_draining{region=\"r2\"} 1",
        "tpr_region_held{region=\"r1\"} 0",
        "tpr_region_held{region=\"r2\"} 1",
        "tpr_region_link_up{region=\"r1\"} 1",
        "tpr_region_detection_seconds{region=\"r1\"} 0.030000",
        "tpr_region_last_beat_seconds{region=\"r1\"} 0.004100",
        "tpr_region_beats_total{region=\"r1\"} 100",
        "tpr_region_sent_packets_total{region=\"r1\"} 101",
        "tpr_region_received_packets_total{region=\"r1\"} 102",
        "tpr_region_send_errors_total{region=\"r1\"} 3",
        "tpr_region_discarded_packets_total{region=\"r1\",reason=\"bad ttl\"} 7",
        "tpr_region_discarded_packets_total{region=\"r1\",reason=\"bad \\\"auth\\\"\"} 8",
        "tpr_region_transitions_total{region=\"r1\",to=\"up\"} 2",
        "tpr_region_transitions_total{region=\"r1\",to=\"down\"} 1",
        "tpr_region_stalls_excused_total{region=\"r1\"} 4",
        "tpr_region_beat_gap_max_seconds{region=\"r1\"} 0.011000",
        "tpr_region_lateness_max_seconds{region=\"r1\"} -0.000090",
        "tpr_region_kernel_detection{region=\"r1\"} 1",
        "tpr_service_info{service=\"we\\\\b\\n\",vip=\"10.0.0.1:80/tcp\",provider=\"ovs\"} 1",
        "tpr_service_up{service=\"we\\\\b\\n\"} 1",
        "tpr_service_mode{service=\"we\\\\b\\n\",mode=\"held\"} 1",
        "tpr_service_state_seconds{service=\"we\\\\b\\n\"} 0.000009",
#define B1 "{service=\"we\\\\b\\n\",backend=\"web/r1\",region=\"r1\""
#define B2 "{service=\"we\\\\b\\n\",backend=\"web/r2\",region=\"r2\""
        "tpr_backend_usable" B1 "} 1",
        "tpr_backend_usable" B2 "} 0",
        "tpr_backend_active" B1 "} 1",
        "tpr_backend_weight" B1 "} 50",
        "tpr_backend_max_connections" B1 "} 1000",
        "tpr_backend_check_up" B1 "} 1",
        "tpr_backend_checks_total" B1 ",result=\"ok\"} 10",
        "tpr_backend_checks_total" B1 ",result=\"failed\"} 1",
        "tpr_backend_checks_total" B1 ",result=\"own_error\"} 2",
        "tpr_backend_check_latency_seconds" B1 "} 0.000310",
        "tpr_backend_check_lateness_max_seconds" B1 "} 0.000020",
        "tpr_backend_suspect" B1 "} 1",
        "tpr_backend_suspicions_total" B1 "} 3",
        "tpr_backend_unserved_connections_total" B1 ",why=\"refused\"} 4",
        "tpr_backend_unserved_connections_total" B1 ",why=\"silent\"} 5",
        "tpr_backend_agent_answers" B1 "} 0",
        "tpr_backend_cpu_ratio" B1 "} 0.83",
        "tpr_backend_agent_checks_total" B1 ",result=\"failed\"} 7",
        "tpr_backend_open_connections" B1 "} 110",
        "tpr_backend_connections_total" B1 "} 111",
        "tpr_backend_packets_total" B1 ",direction=\"to\"} 112",
        "tpr_backend_packets_total" B1 ",direction=\"from\"} 114",
        "tpr_backend_bytes_total" B1 ",direction=\"to\"} 113",
        "tpr_backend_bytes_total" B1 ",direction=\"from\"} 115",
    };
    struct counts *counts = some_counts();

    render(everything, counts);
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        ck_assert_msg(has_line(lines[i]), "no \"%s\" in\n%s", lines[i], ds_cstr(&text));
    }
    counts_destroy(counts);
    forget();
}
END_TEST

/* Whatever way a service came to its backend, one of the samples is 1. */
START_TEST(every_mode_has_its_sample)
{
    for (int mode = 0; mode <= POLICY_MODE_STARTING; mode++) {
        const char *name = policy_mode_to_string(mode);
        char *show = xasprintf("{'services':[{'name':'web','mode':'%s'}]}",
                               name);
        char *line = xasprintf("tpr_service_mode{service=\"web\",mode=\"%s\"}"
                               " 1", name);

        render(show, NULL);
        ck_assert_msg(has_line(line), "no %s in: %s", line, ds_cstr(&text));
        free(line);
        free(show);
    }
    forget();
}
END_TEST

START_TEST(unknown_has_no_sample)
{
    static const char *const never[] = {
        "tpr_backend_check", "tpr_backend_suspect", "tpr_backend_agent",
        "tpr_backend_cpu_ratio",
        "tpr_backend_max_connections", "tpr_backend_open_connections",
        "tpr_backend_connections_total", "tpr_backend_packets_total",
        "tpr_bridge_dropped_packets_total", "tpr_region_beats_total", "tpr_region_kernel",
    };

    render("{'state':'starting','version':'','bridges':[{'name':'br0','connected':false}],"
           "'regions':[{'name':'r1','state':'unknown'}],"
           "'services':[{'name':'web','active':'','backends':["
           "{'name':'web/r1','region':'r1','index':0,'weight':1}]}]}", NULL);
    for (size_t i = 0; i < ARRAY_SIZE(never); i++) {
        ck_assert_msg(!strstr(ds_cstr(&text), never[i]), "%s", never[i]);
    }
    ck_assert(has_line("tpr_service_up{service=\"web\"} 0"));
    ck_assert(has_line("tpr_bridge_connected{bridge=\"br0\"} 0"));
    ck_assert(has_line("tpr_region_state{region=\"r1\",state=\"unknown\"} 1"));

    /* No configuration yet, and nothing at all. */
    render("{'state':'starting','regions':[],'services':[],'bridges':[]}", NULL);
    ck_assert(has_line("tpr_state{state=\"starting\"} 1"));
    render("{}", NULL);
    forget();
}
END_TEST

/* Every sample is under the HELP and TYPE of its metric, which are there once;
 * counters, and only they, end in "_total"; each metric of the table comes. */
START_TEST(format)
{
    struct sset seen = SSET_INITIALIZER(&seen);
    struct counts *counts = some_counts();
    char *save = NULL, *metric = xstrdup("");
    bool is_counter = false;

    render(everything, counts);
    for (char *line = strtok_r(ds_cstr(&text), "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        if (!strncmp(line, "# HELP ", 7)) {
            free(metric);
            metric = xmemdup0(line + 7, strcspn(line + 7, " "));
            ck_assert_msg(sset_add(&seen, metric), "%s", metric);
            ck_assert(!strncmp(metric, "tpr_", 4));
            ck_assert_int_eq(line[strlen(line) - 1], '.');
        } else if (!strncmp(line, "# TYPE ", 7)) {
            char *want = xasprintf("# TYPE %s ", metric);

            ck_assert_msg(!strncmp(line, want, strlen(want)), "%s", line);
            is_counter = !strcmp(line + strlen(want), "counter");
            ck_assert(is_counter || !strcmp(line + strlen(want), "gauge"));
            ck_assert_int_eq(is_counter, strlen(metric) > 6
                             && !strcmp(metric + strlen(metric) - 6, "_total"));
            free(want);
        } else {
            size_t n = strcspn(line, "{ ");

            ck_assert_msg(n == strlen(metric) && !strncmp(line, metric, n), "%s", line);
            for (const char *p = line; p < line + n; p++) {
                ck_assert(islower((unsigned char) *p) || *p == '_');
            }
        }
    }
    for (size_t i = 0; metrics_name(i); i++) {
        ck_assert_msg(sset_contains(&seen, metrics_name(i)), "%s", metrics_name(i));
    }
    ck_assert_uint_gt(sset_count(&seen), 40);
    sset_destroy(&seen);
    counts_destroy(counts);
    free(metric);
    forget();
}
END_TEST

/* Returns the text of 'name' in the sources. */
static char *
read_source(const char *name)
{
    enum { MAX_SIZE = 1 << 20 };
    char *file = xasprintf(TPR_SRCDIR "/%s", name);
    FILE *stream = fopen(file, "r");
    char *s = xmalloc(MAX_SIZE);
    size_t n;

    ck_assert_msg(stream, "%s", file);
    n = fread(s, 1, MAX_SIZE - 1, stream);
    s[n] = '\0';
    fclose(stream);
    free(file);
    return s;
}

/* Puts all words in 's' that look like metrics into 'found'. */
static void
find_names(const char *s, struct sset *found)
{
    while ((s = strstr(s, "tpr_")) != NULL) {
        char *name = xmemdup0(s, strspn(s, "abcdefghijklmnopqrstuvwxyz_"));

        s += strlen(name);
        sset_add_and_free(found, name);
    }
}

START_TEST(dashboard_asks_for_what_there_is)
{
    struct sset names = SSET_INITIALIZER(&names);
    struct sset asked = SSET_INITIALIZER(&asked);
    char *dashboard = read_source("tools/grafana/ovs-tpr.json");
    const char *name;
    struct json *json;

    for (size_t i = 0; metrics_name(i); i++) {
        sset_add(&names, metrics_name(i));
    }
    find_names(dashboard, &asked);
    ck_assert_uint_ge(sset_count(&asked), 20);
    SSET_FOR_EACH (name, &asked) {
        ck_assert_msg(sset_contains(&names, name), "there is no %s", name);
    }
    json = json_from_string(dashboard);
    ck_assert_int_eq(json->type, JSON_OBJECT);
    json_destroy(json);
    free(dashboard);
    sset_destroy(&names);
    sset_destroy(&asked);
}
END_TEST

START_TEST(manual_has_them_all)
{
    struct sset named = SSET_INITIALIZER(&named);
    char *manual = read_source("agent/ovs-tprd.8");

    find_names(manual, &named);
    for (size_t i = 0; metrics_name(i); i++) {
        ck_assert_msg(sset_find_and_delete(&named, metrics_name(i)), "no %s", metrics_name(i));
    }
    ck_assert(sset_is_empty(&named));
    free(manual);
    sset_destroy(&named);
}
END_TEST

UNIT_MAIN("metrics", everything_is_there, every_mode_has_its_sample,
          unknown_has_no_sample, format,
          dashboard_asks_for_what_there_is, manual_has_them_all)
