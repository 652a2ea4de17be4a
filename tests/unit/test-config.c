/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of rows -> configuration (agent/config*.c), with rows made by hand.
 *
 * A test starts from the two regions and one service of DESIGN.md, changes
 * rows, builds, and looks at complaints and at what is in force. */

#include <config.h>
#include "config.h"
#include "model.h"
#include "sset.h"
#include "tpr-idl.h"
#include "unit.h"

enum { MAX = 70, MAX_REGIONS = TPR_MAX_REGIONS + 1 };

/* The database of a test: plain rows, and the configurations made of them. */
static struct {
    struct tprrec_tpr tpr;
    struct tprrec_heartbeat heartbeats[MAX_REGIONS];
    struct tprrec_region regions[MAX_REGIONS];
    struct tprrec_backend backends[MAX];
    struct tprrec_backend *backend_sets[MAX][MAX];
    struct tprrec_service services[MAX];
    struct tprrec_intent intents[MAX];
    size_t n_regions, n_backends, n_services, n_intents;
    struct tpr_config *config;          /* In force. */
    struct sset complaints;             /* Of the last build. */
    config_check_func *check;
} db;

static int64_t integers[1000];
static size_t n_integers;

static char strings[MAX_REGIONS][32];
static size_t n_strings;

static char *
str(const char *format, int number)
{
    ovs_assert(n_strings < ARRAY_SIZE(strings));
    snprintf(strings[n_strings], sizeof strings[0], format, number);
    return strings[n_strings++];
}

/* Sets an optional integer column. */
#define SET(ROW, COLUMN, VALUE)                         \
    do {                                                \
        ovs_assert(n_integers < ARRAY_SIZE(integers));  \
        integers[n_integers] = (VALUE);                 \
        (ROW)->COLUMN = &integers[n_integers++];        \
        (ROW)->n_##COLUMN = 1;                          \
    } while (0)

static struct tprrec_region *
add_region(const char *name, const char *port, const char *peer)
{
    struct tprrec_region *region = &db.regions[db.n_regions];
    struct tprrec_heartbeat *hb = &db.heartbeats[db.n_regions++];

    region->name = CONST_CAST(char *, name);
    region->port = CONST_CAST(char *, port);
    if (peer) {
        hb->type = CONST_CAST(char *, "bfd");
        hb->peer = CONST_CAST(char *, peer);
        region->heartbeat = hb;
    }
    return region;
}

static struct tprrec_service *
add_service(const char *name, const char *vip)
{
    struct tprrec_service *service = &db.services[db.n_services];

    service->name = CONST_CAST(char *, name);
    service->vip = CONST_CAST(char *, vip);
    service->backends = db.backend_sets[db.n_services++];
    return service;
}

static struct tprrec_backend *
add_backend(struct tprrec_service *service, struct tprrec_region *region,
            const char *address, int priority)
{
    struct tprrec_backend *backend = &db.backends[db.n_backends++];

    backend->region = region;
    backend->address = CONST_CAST(char *, address);
    SET(backend, priority, priority);
    service->backends[service->n_backends++] = backend;
    return backend;
}

static struct tprrec_intent *
add_intent(const char *kind, const char *object, const char *to)
{
    struct tprrec_intent *intent = &db.intents[db.n_intents++];

    intent->kind = CONST_CAST(char *, kind);
    intent->object = CONST_CAST(char *, object);
    intent->to = CONST_CAST(char *, to);
    intent->who = intent->reason = CONST_CAST(char *, "");
    return intent;
}

/* Builds and returns how many complaints there are. */
static size_t
build(void)
{
    const struct tprrec_region *regions[MAX_REGIONS];
    const struct tprrec_service *services[MAX];
    const struct tprrec_intent *intents[MAX];
    struct config_rows rows = {
        .tpr = &db.tpr,
        .regions = regions, .n_regions = db.n_regions,
        .services = services, .n_services = db.n_services,
        .intents = intents, .n_intents = db.n_intents,
    };
    struct tpr_config *config;

    for (size_t i = 0; i < MAX_REGIONS; i++) {
        regions[i] = &db.regions[i];
    }
    for (size_t i = 0; i < MAX; i++) {
        services[i] = &db.services[i];
        intents[i] = &db.intents[i];
    }
    sset_clear(&db.complaints);
    config = config_build_rows(&rows, db.config, db.check, NULL, &db.complaints);
    tpr_config_destroy(db.config);
    db.config = config;
    return sset_count(&db.complaints);
}

static struct tprrec_region *r1, *r2;
static struct tprrec_service *web;
static struct tprrec_backend *web_r1, *web_r2;

static void
setup(void)
{
    memset(&db, 0, sizeof db);
    n_integers = n_strings = 0;
    sset_init(&db.complaints);
    r1 = add_region("r1", "eth1", "172.20.126.50");
    r2 = add_region("r2", "eth2", "172.20.126.60");
    web = add_service("web", "172.20.126.50:80/tcp");
    web_r1 = add_backend(web, r1, "172.20.126.50", 1);
    web_r2 = add_backend(web, r2, "172.20.126.60", 2);
}

static void
teardown(void)
{
    tpr_config_destroy(db.config);
    sset_destroy(&db.complaints);
}

/* Returns one of the complaints. */
static const char *
first_complaint(void)
{
    const char *s;

    SSET_FOR_EACH (s, &db.complaints) {
        return s;
    }
    ck_abort_msg("no complaint");
}

/* Checks that there is exactly one complaint and that it is 'sentence'. */
#define ONE_COMPLAINT(SENTENCE)                                         \
    do {                                                                \
        build();                                                        \
        ck_assert_uint_eq(sset_count(&db.complaints), 1);               \
        ck_assert_str_eq(first_complaint(), SENTENCE);         \
    } while (0)

static const struct tpr_region *
region(const char *name)
{
    return tpr_config_region(db.config, name);
}

static const struct tpr_service *
service(const char *name)
{
    return tpr_config_service(db.config, name);
}

static const struct tpr_backend *
backend(const char *name)
{
    return tpr_config_backend(db.config, name);
}

START_TEST(defaults_are_filled_in)
{
    ck_assert_uint_eq(build(), 0);
    ck_assert_str_eq(db.config->datapath, "auto");
    ck_assert_uint_eq(db.config->panic_threshold, 75);
    ck_assert_uint_eq(db.config->history_limit, 1000);
    ck_assert_uint_eq(db.config->client_table, 250);
    ck_assert_ptr_null(db.config->bridge);

    const struct tpr_region *r = region("r1");
    ck_assert_str_eq(r->port, "eth1");
    ck_assert_int_eq(r->hb_type, HB_BFD);
    ck_assert_int_eq(r->hb.interval_us, 100000);
    ck_assert_uint_eq(r->hb.fall, 3);
    ck_assert_uint_eq(r->hb.rise, 3);
    ck_assert_uint_eq(r->hb.max_excuses, 3);
    ck_assert_uint_eq(r->bfd.min_tx_us, 100000);
    ck_assert_uint_eq(r->bfd.mult, 3);
    ck_assert_int_eq(r->damping.hold_us, 1000000);
    ck_assert_int_eq(r->last_state, HEARTBEAT_UNKNOWN);

    const struct tpr_service *s = service("web");
    ck_assert_int_eq(s->policy, TPR_POLICY_FAILOVER);
    ck_assert_int_eq(s->failback, TPR_FAILBACK_AUTO);
    ck_assert_int_eq(s->on_none, TPR_ON_NONE_DROP);
    ck_assert_uint_eq(s->n_backends, 2);
    ck_assert_str_eq(s->backends[0]->name, "web/r1");
    ck_assert_ptr_eq(s->backends[0]->region, r);
    ck_assert_uint_eq(s->backends[0]->weight, 100);
    ck_assert_ptr_null(s->backends[0]->check);
    ck_assert_int_eq(s->backends[0]->last_up, -1);
}
END_TEST

START_TEST(passive_detection_brings_a_check)
{
    struct tprrec_health_check http = {
        .type = CONST_CAST(char *, "http"), .interval = CONST_CAST(char *, "5s"),
    };
    const struct tpr_check *c;

    ck_assert_int_eq(build(), 0);
    ck_assert_int_eq(service("web")->passive_us, 0);
    ck_assert_ptr_null(backend("web/r1")->check);

    web->passive_detection = CONST_CAST(char *, "200ms");
    web_r2->check = &http;
    ck_assert_uint_eq(build(), 0);
    ck_assert_int_eq(service("web")->passive_us, 200000);
    c = backend("web/r1")->check;
    ck_assert_int_eq(c->type, TPR_CHECK_TCP);
    ck_assert_uint_eq(c->port, 80);
    ck_assert_int_eq(c->interval_us, 1000000);
    ck_assert_int_eq(c->timeout_us, 1000000);
    ck_assert_uint_eq(c->fall, 3);
    ck_assert_uint_eq(c->rise, 2);
    ck_assert_int_eq(backend("web/r2")->check->type, TPR_CHECK_HTTP);

    web->passive_detection = NULL;
    ck_assert_uint_eq(build(), 0);
    ck_assert_ptr_null(backend("web/r1")->check);
}
END_TEST

START_TEST(passive_detection_is_judged)
{
    static const struct {
        const char *vip, *bound, *complaint;
    } cases[] = {
        { "10.1.2.3:80/tcp", "200", "has no unit" },
        { "10.1.2.3:80/tcp", "5ms", "Service x: passive_detection: " },
        { "10.1.2.3:80/tcp", "5s", "Service x: passive_detection: " },
        { "10.1.2.3:53/udp", "1s", "a service of udp cannot have it" },
        { "10.1.2.3:53/sctp", "1s", "a service of sctp cannot have it" },
        { "10.1.2.3/tcp", "1s", "give the service a check with a port" },
        { "10.1.2.3/any", "1s", "give the service a check with a port" },
    };

    struct tprrec_service *x = add_service("x", "10.1.2.3:80/tcp");
    add_backend(x, r1, "10.0.0.1", 1);
    ck_assert_uint_eq(build(), 0);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        x->vip = CONST_CAST(char *, cases[i].vip);
        x->passive_detection = CONST_CAST(char *, cases[i].bound);
        ck_assert_uint_eq(build(), 1);
        ck_assert_msg(strstr(first_complaint(), cases[i].complaint), "%s",
                      first_complaint());
    }
}
END_TEST

START_TEST(empty_database)
{
    db.n_regions = db.n_services = 0;
    ck_assert_uint_eq(build(), 0);
    ck_assert_uint_eq(shash_count(&db.config->regions), 0);
}
END_TEST

START_TEST(all_complaints_come_at_once)
{
    db.heartbeats[0].interval = CONST_CAST(char *, "5");
    db.heartbeats[0].local = CONST_CAST(char *, "2001:db8::9");
    r2->damping_hold = CONST_CAST(char *, "1d");
    web->vip = CONST_CAST(char *, "nonsense");
    web_r1->mac = CONST_CAST(char *, "ff:ff:ff:ff:ff:ff");
    SET(web_r2, port, 8080);
    SET(&db.tpr, flow_table, 250);
    build();
    ck_assert(sset_contains(
        &db.complaints, "Heartbeat of region r1: interval: \"5\" has no unit: add us, ms, s, m "
        "or h (left out)"));
    ck_assert(sset_contains(
        &db.complaints, "Region r2: damping_hold: \"1d\" has an unknown unit: use us, ms, s, m "
        "or h (left out)"));
    ck_assert(sset_contains(
        &db.complaints, "Service web: vip: \"nonsense\" is not an IPv4 or IPv6 address (left "
        "out)"));
    ck_assert(sset_contains(
        &db.complaints, "Backend web/r1: mac: \"ff:ff:ff:ff:ff:ff\" is not the Ethernet address "
        "of one host (left out)"));
    ck_assert(sset_contains(
        &db.complaints, "TPR .: client_table: 250 is the flow_table, too (left out)"));
    ck_assert_uint_eq(shash_count(&db.config->regions), 0);
    ck_assert_uint_eq(shash_count(&db.config->services), 0);
    ck_assert_uint_eq(db.config->flow_table, 0);
}
END_TEST

START_TEST(last_good_region_stays)
{
    ck_assert_uint_eq(build(), 0);
    r1->port = CONST_CAST(char *, "");
    ONE_COMPLAINT("Region r1: port: \"\" is not the name of a port or bridge (the last good form "
                  "stays in force)");
    ck_assert_str_eq(region("r1")->port, "eth1");
    ck_assert_ptr_eq(backend("web/r1")->region, region("r1"));
    r1->port = CONST_CAST(char *, "eth7");
    ck_assert_uint_eq(build(), 0);
    ck_assert_str_eq(region("r1")->port, "eth7");
}
END_TEST

START_TEST(last_good_service_stays)
{
    ck_assert_uint_eq(build(), 0);
    web->failback_hold = CONST_CAST(char *, "soon");
    build();
    ck_assert_uint_eq(sset_count(&db.complaints), 1);
    ck_assert_uint_eq(service("web")->n_backends, 2);
    ck_assert_int_eq(service("web")->failback_hold_us, 2000000);
    /* Again: the last good form has been copied, not moved. */
    build();
    ck_assert_uint_eq(service("web")->n_backends, 2);
    /* A backend that is gone is gone, even so. */
    web->n_backends = 1;
    build();
    ck_assert_uint_eq(service("web")->n_backends, 1);
}
END_TEST

START_TEST(last_good_backend_stays)
{
    ck_assert_uint_eq(build(), 0);
    web_r2->address = CONST_CAST(char *, "2001:db8::60");
    SET(web_r1, weight, 7);
    ONE_COMPLAINT("Backend web/r2: address: \"2001:db8::60\" and the VIP are not of one family "
                  "(the last good form stays in force)");
    ck_assert_uint_eq(backend("web/r1")->weight, 7);
    char *s = tpr_format_address(&backend("web/r2")->addr);
    ck_assert_str_eq(s, "172.20.126.60");
    free(s);
}
END_TEST

START_TEST(deletion_deletes)
{
    ck_assert_uint_eq(build(), 0);
    db.n_services = 0;
    ck_assert_uint_eq(build(), 0);
    ck_assert_ptr_null(service("web"));
    db.n_regions = 1;
    ck_assert_uint_eq(build(), 0);
    ck_assert_ptr_null(region("r2"));
}
END_TEST

START_TEST(equal_priorities_are_refused)
{
    SET(web_r2, priority, 1);
    ONE_COMPLAINT("Backend web/r2: priority: 1 is that of backend web/r1, too: policy failover "
                  "wants an order (left out)");
    ck_assert_uint_eq(service("web")->n_backends, 1);
    web->policy = CONST_CAST(char *, "spillover");
    ONE_COMPLAINT("Backend web/r2: priority: 1 is that of backend web/r1, too: policy spillover "
                  "wants an order (left out)");
    web->policy = CONST_CAST(char *, "maglev");
    ck_assert_uint_eq(build(), 0);
    ck_assert_uint_eq(service("web")->n_backends, 2);
}
END_TEST

START_TEST(priorities_swap_in_one_step_and_in_two)
{
    ck_assert_uint_eq(build(), 0);
    SET(web_r1, priority, 2);
    SET(web_r2, priority, 1);
    ck_assert_uint_eq(build(), 0);
    ck_assert_str_eq(service("web")->backends[0]->name, "web/r2");
    /* Two steps: the first is refused, the old order stays. */
    SET(web_r1, priority, 1);
    ck_assert_uint_eq(build(), 1);
    ck_assert_str_eq(service("web")->backends[0]->name, "web/r2");
    ck_assert_uint_eq(service("web")->n_backends, 2);
    SET(web_r2, priority, 2);
    ck_assert_uint_eq(build(), 0);
    ck_assert_str_eq(service("web")->backends[0]->name, "web/r1");
}
END_TEST

START_TEST(backups_come_last)
{
    SET(web_r1, priority, 65535);
    web_r2->backup = true;
    ck_assert_uint_eq(build(), 0);
    ck_assert_str_eq(service("web")->backends[0]->name, "web/r1");
    ck_assert_uint_eq(service("web")->backends[0]->priority, 65535);
    ck_assert_uint_eq(service("web")->backends[1]->priority,
                      TPR_BACKUP + 2);
    web_r1->backup = true;
    SET(web_r1, priority, 2);
    ONE_COMPLAINT("Backend web/r1: priority: 2 is that of backend web/r2, too: policy failover "
                  "wants an order (the last good form stays in force)");
}
END_TEST

START_TEST(slow_start_of_a_backend_comes_first)
{
    web->slow_start = CONST_CAST(char *, "30s");
    web_r2->slow_start = CONST_CAST(char *, "0s");
    ck_assert_uint_eq(build(), 0);
    ck_assert_int_eq(backend("web/r1")->slow_start_us, 30 * 1000 * 1000);
    ck_assert_int_eq(backend("web/r2")->slow_start_us, 0);
    web_r2->slow_start = CONST_CAST(char *, "soon");
    ck_assert_uint_eq(build(), 1);
    ck_assert_int_eq(backend("web/r2")->slow_start_us, 0);
}
END_TEST

START_TEST(drain_timeout)
{
    ck_assert_uint_eq(build(), 0);
    ck_assert_int_eq(backend("web/r1")->drain_timeout_us, 0);
    web->drain_timeout = CONST_CAST(char *, "30s");
    ck_assert_uint_eq(build(), 0);
    ck_assert_int_eq(service("web")->drain_timeout_us, 30 * 1000 * 1000);
    ck_assert_int_eq(backend("web/r1")->drain_timeout_us, 30 * 1000 * 1000);
    web->drain_timeout = CONST_CAST(char *, "0s");
    ck_assert_uint_eq(build(), 1);
    ck_assert_int_eq(service("web")->drain_timeout_us, 30 * 1000 * 1000);
}
END_TEST

START_TEST(affinity)
{
    web->affinity = CONST_CAST(char *, "none");
    web->affinity_timeout = CONST_CAST(char *, "30s");
    ck_assert_uint_eq(build(), 0);
    ck_assert_int_eq(service("web")->affinity_us, 0);
    web->affinity = CONST_CAST(char *, "source");
    ck_assert_uint_eq(build(), 0);
    ck_assert_int_eq(service("web")->affinity_us, 30 * 1000 * 1000);
    web->affinity_timeout = NULL;
    ck_assert_uint_eq(build(), 0);
    ck_assert_int_eq(service("web")->affinity_us, TPR_AFFINITY_US);
    web->affinity_timeout = CONST_CAST(char *, "25h");
    ck_assert_uint_eq(build(), 1);
    web->affinity_timeout = NULL;
    web->stateless = true;
    ck_assert_uint_eq(build(), 1);
}
END_TEST

START_TEST(two_backends_in_one_region_need_names)
{
    struct tprrec_backend *b = add_backend(web, r1, "172.20.126.51", 3);

    ONE_COMPLAINT("Backend web/r1: name: there are two of them: give each backend in a region a "
                  "name of its own (left out)");
    b->name = CONST_CAST(char *, "r1b");
    ck_assert_uint_eq(build(), 0);
    ck_assert_uint_eq(service("web")->n_backends, 3);
    ck_assert_ptr_eq(backend("web/r1b")->region, region("r1"));
    b->name = CONST_CAST(char *, "web/x");
    build();
    ck_assert_uint_eq(sset_count(&db.complaints), 1);
    ck_assert(strstr(first_complaint(), "is not a name"));
}
END_TEST

START_TEST(duplicate_endpoints_are_refused)
{
    web_r2->address = CONST_CAST(char *, "172.20.126.50");
    ONE_COMPLAINT("Backend web/r2: address: 172.20.126.50 with this port is backend web/r1 "
                  "already (left out)");
    SET(web_r2, port, 81);
    ck_assert_uint_eq(build(), 0);
}
END_TEST

START_TEST(backend_port_wants_one_service_port)
{
    web->vip = CONST_CAST(char *, "172.20.126.50:80,443/tcp");
    SET(web_r1, port, 8080);
    ONE_COMPLAINT("Backend web/r1: port: 8080 is for services with exactly one port (left out)");
    web->vip = CONST_CAST(char *, "172.20.126.50:80/sctp");
    build();
    ck_assert(strstr(first_complaint(), "checksum of SCTP"));
    SET(web_r1, port, 80);
    ck_assert_uint_eq(build(), 0);
}
END_TEST

START_TEST(overlapping_vips_are_refused)
{
    struct tprrec_service *api = add_service("api", "172.20.126.50:80-90/tcp");

    /* Among newcomers the name decides. */
    ONE_COMPLAINT("Service web: vip: 172.20.126.50:80/tcp overlaps with service api (left out)");
    ck_assert_ptr_null(service("web"));
    api->vip = CONST_CAST(char *, "172.20.126.50:81-90/tcp");
    ck_assert_uint_eq(build(), 0);
    /* Later, who was there first. */
    api->vip = CONST_CAST(char *, "172.20.126.50:80-90/tcp");
    ONE_COMPLAINT("Service api: vip: 172.20.126.50:80-90/tcp overlaps with service web (the last "
                  "good form stays in force)");
    ck_assert_uint_eq(service("api")->vip.ports[0].first, 81);
    /* Both at once: no conflict. */
    web->vip = CONST_CAST(char *, "172.20.126.50:99/tcp");
    ck_assert_uint_eq(build(), 0);
    ck_assert_uint_eq(service("api")->vip.ports[0].first, 80);
}
END_TEST

START_TEST(regions_need_ports_or_peers_of_their_own)
{
    r2->port = CONST_CAST(char *, "eth1");
    ck_assert_uint_eq(build(), 0);
    db.heartbeats[1].peer = CONST_CAST(char *, "172.20.126.50");
    ONE_COMPLAINT("Region r2: port: \"eth1\" with this VLAN and peer is region r1 already (the "
                  "last good form stays in force)");
    SET(r2, vlan, 20);
    ck_assert_uint_eq(build(), 0);
}
END_TEST

START_TEST(heartbeat_values)
{
    struct tprrec_heartbeat *hb = &db.heartbeats[0];

    db.n_services = 0;
    hb->peer = NULL;
    ONE_COMPLAINT("Heartbeat of region r1: peer: a heartbeat of type bfd needs the address that "
                  "answers (left out)");
    hb->peer = CONST_CAST(char *, "172.20.126.50");
    hb->interval = CONST_CAST(char *, "0.9ms");
    ONE_COMPLAINT("Heartbeat of region r1: interval: \"0.9ms\" is out of range: use 1ms to 10m "
                  "(left out)");
    hb->interval = CONST_CAST(char *, "10m");
    hb->min_rx = CONST_CAST(char *, "1ms");
    hb->auth_type = CONST_CAST(char *, "simple");
    ONE_COMPLAINT("Heartbeat of region r1: auth_key: the key has 0 bytes: auth_type simple wants "
                  "1 to 16 (left out)");
    hb->auth_key = CONST_CAST(char *, "12345678901234567");
    build();
    ck_assert_uint_eq(sset_count(&db.complaints), 1);
    ck_assert(strstr(first_complaint(), "17 bytes"));
    hb->auth_type = CONST_CAST(char *, "meticulous-keyed-sha1");
    SET(hb, auth_key_id, 9);
    ck_assert_uint_eq(build(), 0);
    ck_assert_uint_eq(region("r1")->bfd.min_tx_us, 600000000);
    ck_assert_uint_eq(region("r1")->bfd.min_rx_us, 1000);
    ck_assert_int_eq(region("r1")->bfd.auth.type, BFD_AUTH_METICULOUS_SHA1);
    ck_assert_uint_eq(region("r1")->bfd.auth.key_id, 9);
    ck_assert_uint_eq(region("r1")->bfd.auth.key_len, 17);
    hb->auth_type = NULL;
    build();
    ck_assert(strstr(first_complaint(), "there is a key, but no auth_type"));
    hb->auth_key = NULL;
    hb->detect_override = CONST_CAST(char *, "1s");
    build();
    ck_assert(strstr(first_complaint(), "shorter than the interval"));
    hb->detect_override = NULL;
    SET(hb, fall, 0);
    build();
    ck_assert(strstr(first_complaint(), "fall: 0 is out of range: use 1 to 255"));
    SET(hb, fall, 5);
    hb->type = CONST_CAST(char *, "link");
    hb->peer = NULL;
    ck_assert_uint_eq(build(), 0);
    ck_assert_int_eq(region("r1")->hb_type, HB_LINK);
}
END_TEST

START_TEST(checks_are_inherited)
{
    struct tprrec_health_check http = {
        .type = CONST_CAST(char *, "http"),
        .path = CONST_CAST(char *, "/health"),
        .expect = CONST_CAST(char *, "200"),
        .interval = CONST_CAST(char *, "100ms"),
    };
    struct tprrec_health_check tcp = { .type = CONST_CAST(char *, "tcp") };

    web->check = &http;
    web_r2->check = &tcp;
    SET(web_r2, port, 8080);
    ck_assert_uint_eq(build(), 0);
    const struct tpr_check *c = backend("web/r1")->check;
    ck_assert_int_eq(c->type, TPR_CHECK_HTTP);
    ck_assert_str_eq(c->path, "/health");
    ck_assert_uint_eq(c->expect_min, 200);
    ck_assert_uint_eq(c->expect_max, 200);
    ck_assert_int_eq(c->interval_us, 100000);
    ck_assert_int_eq(c->timeout_us, 100000);
    ck_assert_uint_eq(c->port, 80);
    c = backend("web/r2")->check;
    ck_assert_int_eq(c->type, TPR_CHECK_TCP);
    ck_assert_uint_eq(c->port, 8080);
    ck_assert_int_eq(c->interval_us, 1000000);

    http.timeout = CONST_CAST(char *, "2s");
    ONE_COMPLAINT("Health_Check of service web: timeout: \"2s\" is longer than the interval (the "
                  "last good form stays in force)");
    ck_assert_int_eq(backend("web/r1")->check->timeout_us, 100000);
    http.timeout = NULL;
    tcp.sni = CONST_CAST(char *, "x");
    ONE_COMPLAINT("Health_Check of backend web/r2: sni: means nothing for type tcp (the last good "
                  "form stays in force)");
    tcp.sni = NULL;
    web->vip = CONST_CAST(char *, "172.20.126.50:80/udp");
    build();
    ck_assert_uint_eq(sset_count(&db.complaints), 2);
    ck_assert(strstr(first_complaint(), "needs a port"));
}
END_TEST

START_TEST(checks_of_all_types)
{
    const bool no = false, yes = true;
    struct tprrec_health_check in = {
        .type = CONST_CAST(char *, "https"),
        .host = CONST_CAST(char *, "www.example.org"),
        .sni = CONST_CAST(char *, "web.example.org"),
        .ca_file = CONST_CAST(char *, "/etc/ca.pem"),
        .interval = CONST_CAST(char *, "1s"),
        .fast_interval = CONST_CAST(char *, "100ms"),
    };
    const struct tpr_check *c;

    web->check = &in;
    ck_assert_uint_eq(build(), 0);
    c = backend("web/r1")->check;
    ck_assert_int_eq(c->type, TPR_CHECK_HTTPS);
    ck_assert_str_eq(c->sni, "web.example.org");
    ck_assert_str_eq(c->ca_file, "/etc/ca.pem");
    ck_assert(!c->no_verify);
    ck_assert(!c->keepalive);
    ck_assert_str_eq(c->path, "/");
    ck_assert_int_eq(c->fast_us, 100000);

    in.ca_file = NULL;
    in.verify = CONST_CAST(bool *, &no);
    in.n_verify = 1;
    in.keepalive = CONST_CAST(bool *, &yes);
    in.n_keepalive = 1;
    ck_assert_uint_eq(build(), 0);
    ck_assert(backend("web/r1")->check->no_verify);
    ck_assert(backend("web/r1")->check->keepalive);
    in.fast_interval = CONST_CAST(char *, "2s");
    build();
    ck_assert(strstr(first_complaint(), "fast_interval: \"2s\" is longer than the interval"));
    in.fast_interval = NULL;
    in.ca_file = CONST_CAST(char *, "ca.pem");
    in.n_verify = 0;
    build();
    ck_assert(strstr(first_complaint(), "ca_file: \"ca.pem\" is not an absolute path"));

    memset(&in, 0, sizeof in);
    in.type = CONST_CAST(char *, "tcp");
    in.send = CONST_CAST(char *, "PING\\r\\n");
    in.expect = CONST_CAST(char *, "+PONG");
    ck_assert_uint_eq(build(), 0);
    c = backend("web/r2")->check;
    ck_assert_uint_eq(c->send.n, 6);
    ck_assert(!memcmp(c->expect.data, "+PONG", c->expect.n));
    ck_assert_int_eq(c->fast_us, c->interval_us);
    in.keepalive = CONST_CAST(bool *, &yes);
    in.n_keepalive = 1;
    build();
    ck_assert(strstr(first_complaint(), "keepalive: means nothing for type tcp"));
    in.n_keepalive = 0;
    in.send = CONST_CAST(char *, "\\z");
    build();
    ck_assert(strstr(first_complaint(), "send: \"\\x5cz\" has a backslash before"));

    /* No port of UDP in sight, then one of its own. */
    in.send = NULL;
    in.type = CONST_CAST(char *, "udp");
    build();
    ck_assert(strstr(first_complaint(), "the VIP names no UDP port"));
    SET(&in, port, 53);
    ck_assert_uint_eq(build(), 0);
    ck_assert_uint_eq(backend("web/r1")->check->port, 53);
}
END_TEST

START_TEST(agents_are_inherited)
{
    struct tprrec_health_check all = { .type = CONST_CAST(char *, "agent") };
    struct tprrec_health_check own = { .type = CONST_CAST(char *, "agent") };
    const struct tpr_backend *b;

    web->agent_check = &all;
    web_r2->agent_check = &own;
    SET(&all, port, 9777);
    SET(&own, port, 9778);
    own.send = CONST_CAST(char *, "r2\\n");
    web_r1->agent = CONST_CAST(char *, "75% drain");
    ck_assert_uint_eq(build(), 0);
    b = backend("web/r1");
    ck_assert_int_eq(b->agent_check->type, TPR_CHECK_AGENT);
    ck_assert_uint_eq(b->agent_check->port, 9777);
    ck_assert_int_eq(b->last_agent.admin, AGENT_ADMIN_DRAIN);
    ck_assert_uint_eq(b->last_agent.percent, 75);
    ck_assert_ptr_null(b->check);
    b = backend("web/r2");
    ck_assert_uint_eq(b->agent_check->port, 9778);
    ck_assert_uint_eq(b->agent_check->send.n, 3);

    own.n_port = 0;
    build();
    ck_assert(strstr(first_complaint(), "Agent-check of backend web/r2: port: an agent-check needs "
                     "the port of the agent"));
    SET(&own, port, 1);
    SET(&own, fall, 2);
    build();
    ck_assert(strstr(first_complaint(), "fall: means nothing for type agent"));
    own.n_fall = 0;
    own.type = CONST_CAST(char *, "tcp");
    build();
    ck_assert(strstr(first_complaint(), "type: \"tcp\" is not \"agent\""));
    web_r2->agent_check = NULL;
    web->check = &all;
    build();
    ck_assert(strstr(first_complaint(), "type: \"agent\" is for agent_check"));
}
END_TEST

/* Echo requests to the VIP may be answered by the switch. */
START_TEST(checks_by_echo_need_addresses_of_their_own)
{
    struct tprrec_health_check in = { .type = CONST_CAST(char *, "icmp") };

    web_r2->check = &in;
    ck_assert_uint_eq(build(), 0);
    ck_assert_int_eq(backend("web/r2")->check->type, TPR_CHECK_ICMP);
    SET(&in, port, 7);
    ONE_COMPLAINT("Health_Check of backend web/r2: port: means nothing for type icmp (the last "
                  "good form stays in force)");
    in.n_port = 0;
    web->check = &in;
    ONE_COMPLAINT("Backend web/r1: check: the backend's address is the VIP: the switch may answer "
                  "echo requests in its place (the last good form stays in force)");
    web->check = NULL;
    web->vip = CONST_CAST(char *, "172.20.126.50/any");
    build();
    ck_assert(strstr(first_complaint(), "echo requests go where a service of all protocols"));
}
END_TEST

START_TEST(indexes_are_stable)
{
    SET(r2, index, 5);
    SET(web_r1, index, 9);
    ck_assert_uint_eq(build(), 0);
    ck_assert_uint_eq(region("r1")->index, 0);
    ck_assert_uint_eq(region("r2")->index, 5);
    ck_assert_uint_eq(backend("web/r1")->index, 9);
    ck_assert_uint_eq(backend("web/r2")->index, 0);
    /* What is in force counts more than what the row says. */
    SET(r2, index, 0);
    add_region("r0", "eth0", NULL);
    ck_assert_uint_eq(build(), 0);
    ck_assert_uint_eq(region("r2")->index, 5);
    ck_assert_uint_eq(region("r0")->index, 1);
    /* Nonsense in the row is passed over. */
    struct tprrec_region *r9 = add_region("r9", "eth9", NULL);
    SET(r9, index, TPR_MAX_REGIONS);
    ck_assert_uint_eq(build(), 0);
    ck_assert_uint_eq(region("r9")->index, 2);
}
END_TEST

START_TEST(limit_of_regions)
{
    while (db.n_regions < MAX_REGIONS) {
        char *name = str("x%04d", db.n_regions);

        add_region(name, name, NULL);
    }
    ck_assert_uint_eq(build(), 1);
    ck_assert_uint_eq(shash_count(&db.config->regions),
                      TPR_MAX_REGIONS);
    ck_assert(strstr(first_complaint(), "1024 regions already"));
}
END_TEST

START_TEST(memory_of_the_database)
{
    char *active = CONST_CAST(char *, "web/r2");

    r1->state = CONST_CAST(char *, "down");
    web->active = &active;
    web->n_active = 1;
    web->learned_vip_mac = CONST_CAST(char *, "02:00:00:00:00:01");
    web_r1->check_state = CONST_CAST(char *, "down");
    web_r2->check_state = CONST_CAST(char *, "up");
    web_r2->resolved_mac = CONST_CAST(char *, "02:00:00:00:00:02");
    web_r1->resolved_mac = CONST_CAST(char *, "garbage");
    ck_assert_uint_eq(build(), 0);
    ck_assert_int_eq(region("r1")->last_state, HEARTBEAT_DOWN);
    ck_assert_str_eq(service("web")->last_active, "web/r2");
    ck_assert_uint_eq(service("web")->last_vip_mac.ea[5], 1);
    ck_assert_int_eq(backend("web/r1")->last_up, 0);
    ck_assert_int_eq(backend("web/r2")->last_up, 1);
    ck_assert_uint_eq(backend("web/r2")->last_mac.ea[5], 2);
    ck_assert(eth_addr_is_zero(backend("web/r1")->last_mac));
}
END_TEST

START_TEST(intents_are_judged)
{
    struct tprrec_intent *first = add_intent("drain", "r1", NULL);

    first->when = 2;
    SET(first, until, 99);
    add_intent("failover", "web", "r2")->when = 1;
    add_intent("bypass", "", NULL)->when = 3;
    ck_assert_uint_eq(build(), 0);
    ck_assert_uint_eq(db.config->n_intents, 3);
    ck_assert_int_eq(db.config->intents[0].kind, TPR_INTENT_FAILOVER);
    ck_assert_str_eq(db.config->intents[0].to, "r2");
    ck_assert_int_eq(db.config->intents[1].until_ms, 99);
    ck_assert(db.config->bypass);
    db.n_intents = 0;
    add_intent("drain", "r9", NULL);
    add_intent("failover", "web", "r9");
    add_intent("failback", "mail", NULL);
    add_intent("failover", "web", NULL)->object = CONST_CAST(char *, "web");
    build();
    ck_assert_uint_eq(db.config->n_intents, 0);
    ck_assert(!db.config->bypass);
    ck_assert(sset_contains(&db.complaints, "Intent drain r9: object: there is no good region or "
                            "backend \"r9\" (left out)"));
    ck_assert(sset_contains(&db.complaints, "Intent failover web: to: service web has no backend "
                            "in region \"r9\" (left out)"));
    ck_assert(sset_contains(&db.complaints, "Intent failback mail: object: there is no good "
                            "service \"mail\" (left out)"));
}
END_TEST

static char *
only_failover(const struct tpr_service *s, void *aux OVS_UNUSED)
{
    return (s->policy == TPR_POLICY_FAILOVER ? NULL
            : xasprintf("service %s: %s is not for plain flows", s->name,
                        tpr_policy_to_string(s->policy)));
}

START_TEST(datapath_may_refuse)
{
    db.check = only_failover;
    ck_assert_uint_eq(build(), 0);
    web->policy = CONST_CAST(char *, "maglev");
    ONE_COMPLAINT("Service web: maglev is not for plain flows (the last good form stays "
                  "in force)");
    ck_assert_int_eq(service("web")->policy, TPR_POLICY_FAILOVER);
}
END_TEST

START_TEST(settings_stay_column_by_column)
{
    char *notify[] = { CONST_CAST(char *, "/bin/true"), CONST_CAST(char *, "true") };

    db.tpr.bridge = CONST_CAST(char *, "br0");
    SET(&db.tpr, panic_threshold, 50);
    ck_assert_uint_eq(build(), 0);
    db.tpr.bridge = CONST_CAST(char *, "br 0");
    SET(&db.tpr, panic_threshold, 0);
    db.tpr.notify = notify;
    db.tpr.n_notify = 2;
    ck_assert_uint_eq(build(), 2);
    ck_assert_str_eq(db.config->bridge, "br0");
    ck_assert_uint_eq(db.config->panic_threshold, 0);
    ck_assert_uint_eq(db.config->n_notify, 1);
    ck_assert_str_eq(db.config->notify[0], "/bin/true");
    ck_assert_int_eq(db.config->notify_timeout_us, 10000000);

    db.tpr.notify_timeout = CONST_CAST(char *, "500ms");
    db.tpr.n_notify = 0;
    build();
    ck_assert_int_eq(db.config->notify_timeout_us, 500000);
}
END_TEST

START_TEST(metrics_are_bound_to_loopback_unless_told)
{
    static const struct { const char *text, *addr; int port; } good[] = {
        { "9850", "127.0.0.1", 9850 },
        { "127.0.0.2:1", "127.0.0.2", 1 },
        { "0.0.0.0:65535", "0.0.0.0", 65535 },
        { "[::1]:9850", "::1", 9850 },
        { "[::]:9850", "::", 9850 },
    };
    static const char *const bad[] = {
        "", "0", "65536", "x", "127.0.0.1", "127.0.0.1:", ":9850", "::1:9850", "[::1]", "[::1]9850",
        "[127.0.0.1]:9850", "localhost:9850", "127.0.0.1:9850/metrics", "127.0.0.1:-1", "[]:1",
        "[:1",
    };

    ck_assert_uint_eq(build(), 0);
    ck_assert_uint_eq(db.config->metrics_port, 0);
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        char *addr;

        db.tpr.metrics = CONST_CAST(char *, good[i].text);
        ck_assert_uint_eq(build(), 0);
        addr = tpr_format_address(&db.config->metrics_addr);
        ck_assert_str_eq(addr, good[i].addr);
        ck_assert_uint_eq(db.config->metrics_port, good[i].port);
        free(addr);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        db.tpr.metrics = CONST_CAST(char *, bad[i]);
        ck_assert_uint_eq(build(), 1);
        ck_assert(strstr(first_complaint(), "TPR .: metrics: "));
        ck_assert(strstr(first_complaint(), "(the last good form stays in force)"));
        ck_assert_uint_eq(db.config->metrics_port, 9850);
        ck_assert(IN6_IS_ADDR_UNSPECIFIED(&db.config->metrics_addr));
    }
    db.tpr.metrics = NULL;
    ck_assert_uint_eq(build(), 0);
    ck_assert_uint_eq(db.config->metrics_port, 0);
}
END_TEST

START_TEST(shared_backend_rows_are_refused)
{
    struct tprrec_service *mail = add_service("mail", "172.20.126.50:25/tcp");

    mail->backends[mail->n_backends++] = web_r1;
    build();
    ck_assert_uint_eq(sset_count(&db.complaints), 1);
    ck_assert(strstr(first_complaint(), "belongs to another service"));
}
END_TEST

static Suite *
config_suite(void)
{
    const TTest *const tests[] = {
        passive_detection_brings_a_check, passive_detection_is_judged,
        defaults_are_filled_in, empty_database, all_complaints_come_at_once,
        last_good_region_stays, last_good_service_stays, last_good_backend_stays,
        deletion_deletes, equal_priorities_are_refused, priorities_swap_in_one_step_and_in_two,
        backups_come_last, slow_start_of_a_backend_comes_first, drain_timeout,
        affinity,
        two_backends_in_one_region_need_names, duplicate_endpoints_are_refused,
        backend_port_wants_one_service_port, overlapping_vips_are_refused,
        regions_need_ports_or_peers_of_their_own, heartbeat_values, checks_are_inherited,
        checks_of_all_types, agents_are_inherited, checks_by_echo_need_addresses_of_their_own,
        indexes_are_stable, limit_of_regions, memory_of_the_database, intents_are_judged,
        datapath_may_refuse, settings_stay_column_by_column,
        metrics_are_bound_to_loopback_unless_told, shared_backend_rows_are_refused,
    };
    Suite *suite = suite_create("config");

    for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
        TCase *tcase = tcase_create(tests[i]->name);

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, tests[i]);
        suite_add_tcase(suite, tcase);
    }
    return suite;
}

UNIT_MAIN_SUITE(config_suite)
