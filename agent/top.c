/* SPDX-License-Identifier: Apache-2.0 */

/* The busiest services and backends; top.h says what and how. */

#include <config.h>
#include "top.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "counts.h"
#include "json-get.h"
#include "openvswitch/dynamic-string.h"
#include "util.h"

/* Rates, and the counts that each sums up. */
static const struct {
    const char *name;
    enum count first, second;   /* COUNT_N: none. */
} rates[] = {
    { "new_per_s", COUNT_TOTAL, COUNT_N },
    { "packets_per_s", COUNT_PACKETS, COUNT_REV_PACKETS },
    { "bytes_per_s", COUNT_BYTES, COUNT_REV_BYTES },
};

/* Returns true and stores in '*key' what 's' names. */
bool
top_key_from_string(const char *s, enum top_key *key)
{
#define TOP_KEY(ENUM, NAME) if (!strcmp(s, NAME)) { \
        *key = TOP_##ENUM;                          \
        return true;                                \
    }
    TOP_KEYS
#undef TOP_KEY
    return false;
}

/* JSON. */

static double
get_real(const struct json *o, const char *name)
{
    const struct json *j = json_get(o, name, JSON_REAL);

    return j ? json_real(j) : json_get_int(o, name);
}

static bool
has_number(const struct json *o, const char *name)
{
    return json_get(o, name, JSON_REAL) || json_get(o, name, JSON_INTEGER);
}

static void
put_real(struct json *o, const char *name, double value)
{
    json_object_put(o, name, json_real_create(value));
}

/* Returns how much 'count' of 'word' has grown, or -1: not known.  Where it
 * has shrunk, somebody has begun anew. */
static int64_t
growth(const struct counts *before, const struct counts *after,
       long long int word, enum count count)
{
    int64_t old, new;

    if (count == COUNT_N) {
        return 0;
    }
    old = counts_get(before, word, count);
    new = counts_get(after, word, count);
    return old < 0 || new < 0 ? -1 : MAX(0, new - old);
}

/* Puts what 'word' has to do into 'o'. */
static void
put_load(struct json *o, const struct counts *before,
         const struct counts *after, long long int word)
{
    const double s = MAX(1, after->when_us - before->when_us) / 1e6;

    if (counts_get(after, word, COUNT_OPEN) >= 0) {
        json_put_int(o, "connections", counts_get(after, word, COUNT_OPEN));
    }
    if (counts_get(after, word, COUNT_TOTAL) >= 0) {
        json_put_int(o, "total", counts_get(after, word, COUNT_TOTAL));
    }
    for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
        int64_t a = growth(before, after, word, rates[i].first);
        int64_t b = growth(before, after, word, rates[i].second);

        if (a >= 0 && b >= 0) {
            put_real(o, rates[i].name, (a + b) / s);
        }
    }
}

static struct json *
make_backend(const struct json *b, const struct counts *before,
             const struct counts *after)
{
    const struct json *agent = json_get(b, "agent", JSON_OBJECT);
    struct json *o = json_object_create();

    json_object_put_string(o, "name", json_get_string(b, "name"));
    json_object_put_string(o, "region", json_get_string(b, "region"));
    json_object_put_string(o, "state", json_get_string(b, "reason"));
    json_put_bool(o, "usable", json_get_bool(b, "usable"));
    json_put_bool(o, "active", json_get_bool(b, "active"));
    json_put_bool(o, "serves", json_get_bool(b, "serves"));
    json_put_int(o, "weight", json_get_int(b, "weight"));
    if (json_get(b, "max_connections", JSON_INTEGER)) {
        json_put_int(o, "max_connections", json_get_int(b,
                                                        "max_connections"));
    }
    if (agent) {
        json_object_put_string(o, "agent", json_get_string(agent, "says"));
        if (json_get(agent, "cpu_pct", JSON_INTEGER)) {
            json_put_int(o, "cpu_pct", json_get_int(agent, "cpu_pct"));
        }
    }
    put_load(o, before, after, json_get_int(b, "index"));
    return o;
}

/* Puts the load of the busiest of 'backends' into 'o'. */
static void
put_busiest(struct json *o, const struct json *backends)
{
    long long int max = 0;
    bool known = false;
    const struct json *b;

    JSON_FOR_EACH_ELEM (b, i, backends) {
        known |= has_number(b, "cpu_pct");
        max = MAX(max, json_get_int(b, "cpu_pct"));
    }
    if (known) {
        json_put_int(o, "cpu_pct", max);
    }
}

/* Puts the sums of 'backends' into 'o', and each one's share of the new
 * connections into it. */
static void
put_sums(struct json *o, struct json *backends)
{
    static const char *const ints[] = { "connections", "total" };
    double new;
    size_t i;

    for (i = 0; i < ARRAY_SIZE(ints); i++) {
        long long int sum = 0;
        bool known = false;

        for (size_t j = 0; j < json_array(backends)->n; j++) {
            const struct json *b = json_array(backends)->elems[j];

            known |= has_number(b, ints[i]);
            sum += json_get_int(b, ints[i]);
        }
        if (known) {
            json_put_int(o, ints[i], sum);
        }
    }
    for (i = 0; i < ARRAY_SIZE(rates); i++) {
        bool known = false;
        double sum = 0;

        for (size_t j = 0; j < json_array(backends)->n; j++) {
            const struct json *b = json_array(backends)->elems[j];

            known |= has_number(b, rates[i].name);
            sum += get_real(b, rates[i].name);
        }
        if (known) {
            put_real(o, rates[i].name, sum);
        }
    }
    new = get_real(o, "new_per_s");
    for (i = 0; new > 0 && i < json_array(backends)->n; i++) {
        struct json *b = json_array(backends)->elems[i];

        if (has_number(b, "new_per_s")) {
            put_real(b, "share_pct", 100 * get_real(b, "new_per_s") / new);
        }
    }
}

static const char *
key_name(enum top_key key)
{
    switch (key) {
    case TOP_NEW: return "new_per_s";
    case TOP_OPEN: return "connections";
    case TOP_PACKETS: return "packets_per_s";
    case TOP_BYTES: return "bytes_per_s";
    case TOP_CPU: return "cpu_pct";
    case TOP_NAME: break;
    }
    return NULL;
}

/* An element to sort: qsort() has no argument for the key. */
struct line {
    struct json *o;
    double value;
};

static int
compare_lines(const void *a_, const void *b_)
{
    const struct line *a = a_, *b = b_;

    return (a->value != b->value ? (a->value > b->value ? -1 : 1)
            : strcmp(json_get_string(a->o, "name"),
                     json_get_string(b->o, "name")));
}

static void
sort(struct json *list, enum top_key key)
{
    struct json **elems = json_array(list)->elems;
    size_t n = json_array(list)->n;
    struct line *lines = xcalloc(MAX(n, 1), sizeof *lines);

    for (size_t i = 0; i < n; i++) {
        lines[i].o = elems[i];
        lines[i].value = key_name(key) ? get_real(elems[i], key_name(key)) : 0;
    }
    qsort(lines, n, sizeof *lines, compare_lines);
    for (size_t i = 0; i < n; i++) {
        elems[i] = lines[i].o;
    }
    free(lines);
}

static struct json *
make_service(const struct json *svc, const struct counts *before,
             const struct counts *after, enum top_key key)
{
    const struct json *backends = json_get(svc, "backends", JSON_ARRAY);
    struct json *list = json_array_create_empty();
    struct json *o = json_object_create();
    const struct json *b;

    json_object_put_string(o, "name", json_get_string(svc, "name"));
    json_object_put_string(o, "vip", json_get_string(svc, "vip"));
    json_object_put_string(o, "provider", json_get_string(svc, "provider"));
    JSON_FOR_EACH_ELEM (b, i, backends) {
        json_array_add(list, make_backend(b, before, after));
    }
    put_sums(o, list);
    put_busiest(o, list);
    sort(list, key);
    json_object_put(o, "backends", list);
    return o;
}

/* Returns what the services of 'show', what show_to_json() returns, have done
 * from 'before' to 'after', sorted by 'key'. */
struct json *
top_make(const struct json *show, const struct counts *before,
         const struct counts *after, enum top_key key)
{
    const struct json *services = json_get(show, "services", JSON_ARRAY);
    struct json *list = json_array_create_empty();
    struct json *o = json_object_create();
    const struct json *svc;

    json_object_put_string(o, "summary", json_get_string(show, "summary"));
    json_put_int(o, "interval_us", after->when_us - before->when_us);
    JSON_FOR_EACH_ELEM (svc, i, services) {
        json_array_add(list, make_service(svc, before, after, key));
    }
    sort(list, key);
    json_object_put(o, "services", list);
    return o;
}

/* Text. */

/* Appends number 'name' of 'o' in 8 columns: "12.3", "1234", "1.23M". */
static void
put_rate(struct ds *s, const struct json *o, const char *name)
{
    double v = get_real(o, name);

    if (!has_number(o, name)) {
        ds_put_format(s, " %8s", "-");
    } else if (v < 99.95) {
        ds_put_format(s, " %8.1f", v);
    } else if (v < 999999.5) {
        ds_put_format(s, " %8.0f", v);
    } else if (v < 999.995e6) {
        ds_put_format(s, " %7.2fM", v / 1e6);
    } else {
        ds_put_format(s, " %7.2fG", v / 1e9);
    }
}

static void
put_line(struct ds *s, const struct json *o, int indent)
{
    ds_put_format(s, "%*s%-*s", indent, "", 26 - indent,
                  json_get_string(o, "name"));
    if (has_number(o, "connections")) {
        ds_put_format(s, " %8lld", json_get_int(o, "connections"));
    } else {
        ds_put_format(s, " %8s", "-");
    }
    for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
        put_rate(s, o, rates[i].name);
    }
}

static void
put_backend(struct ds *s, const struct json *b)
{
    const char *agent = json_get_string(b, "agent");

    put_line(s, b, 2);
    if (has_number(b, "share_pct")) {
        ds_put_format(s, " %5.1f%%", get_real(b, "share_pct"));
    } else {
        ds_put_format(s, " %6s", "-");
    }
    if (json_get(b, "cpu_pct", JSON_INTEGER)) {
        ds_put_format(s, " %3lld%%", json_get_int(b, "cpu_pct"));
    } else {
        ds_put_format(s, " %4s", "-");
    }
    ds_put_format(s, " %6lld  %s%s", json_get_int(b, "weight"),
                  json_get_bool(b, "serves") ? "-> " : "",
                  json_get_string(b, "state"));
    if (*agent) {
        ds_put_format(s, ", agent says \"%s\"", agent);
    }
    ds_put_char(s, '\n');
}

/* Returns 'top', of top_make(), as text, to be freed. */
char *
top_text(const struct json *top)
{
    const struct json *services = json_get(top, "services", JSON_ARRAY);
    struct ds s = DS_EMPTY_INITIALIZER;
    const struct json *svc, *b;

    ds_put_format(&s, "%s\nin %.2f s:\n", json_get_string(top, "summary"),
                  json_get_int(top, "interval_us") / 1e6);
    ds_put_format(&s, "%-26s %8s %8s %8s %8s %6s %4s %6s\n",
                  "SERVICE, BACKENDS", "CONNS", "NEW/s", "PKTS/s", "BYTES/s",
                  "SHARE", "CPU", "WEIGHT");
    JSON_FOR_EACH_ELEM (svc, i, services) {
        const struct json *backends = json_get(svc, "backends", JSON_ARRAY);

        put_line(&s, svc, 0);
        ds_put_format(&s, "                     %s by %s\n",
                      json_get_string(svc, "vip"),
                      (*json_get_string(svc, "provider")
                       ? json_get_string(svc, "provider") : "nobody"));
        JSON_FOR_EACH_ELEM (b, j, backends) {
            put_backend(&s, b);
        }
    }
    return ds_steal_cstr(&s);
}
