/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of the configuration's words and objects (agent/model*.c). */

#include <config.h>
#include "model.h"
#include "openvswitch/dynamic-string.h"
#include "unit.h"

/* Checks that 'error' is a sentence that contains 'part'; frees it. */
static void
expect_error(char *error, const char *part)
{
    ck_assert_msg(error != NULL, "no error, expected \"%s\"", part);
    ck_assert_msg(strstr(error, part) != NULL, "\"%s\" lacks \"%s\"", error, part);
    free(error);
}

static void
expect_ok(char *error)
{
    ck_assert_msg(!error, "%s", error);
}

static void
expect_string(char *s, const char *expected)
{
    ck_assert_str_eq(s, expected);
    free(s);
}

static long long int
duration(const char *s)
{
    long long int us;

    expect_ok(tpr_parse_duration(s, &us));
    return us;
}

START_TEST(durations_have_units)
{
    long long int us;

    ck_assert_int_eq(duration("7us"), 7);
    ck_assert_int_eq(duration("10ms"), 10000);
    ck_assert_int_eq(duration("0.5s"), 500000);
    ck_assert_int_eq(duration("0.000001s"), 1);
    ck_assert_int_eq(duration("1.5ms"), 1500);
    ck_assert_int_eq(duration("3m"), 180000000);
    ck_assert_int_eq(duration("2h"), 2 * TPR_HOUR_US);
    ck_assert_int_eq(duration("0s"), 0);
    ck_assert_int_eq(duration("999999h"), 999999 * TPR_HOUR_US);

    expect_error(tpr_parse_duration("10", &us), "has no unit");
    expect_error(tpr_parse_duration("1.5", &us), "has no unit");
    expect_error(tpr_parse_duration("", &us), "is not a duration");
    expect_error(tpr_parse_duration("ms", &us), "is not a duration");
    expect_error(tpr_parse_duration("-1s", &us), "is not a duration");
    expect_error(tpr_parse_duration(" 1s", &us), "is not a duration");
    expect_error(tpr_parse_duration("1000000h", &us), "is too long");
    expect_error(tpr_parse_duration("1.s", &us), "one to six digits");
    expect_error(tpr_parse_duration("1.0000000s", &us), "one to six digits");
    expect_error(tpr_parse_duration("1 s", &us), "unknown unit");
    expect_error(tpr_parse_duration("1sec", &us), "unknown unit");
    expect_error(tpr_parse_duration("1d", &us), "unknown unit");
    expect_error(tpr_parse_duration("0.5us", &us), "whole number of microseconds");
    expect_error(tpr_parse_duration("99999999999999999999s", &us), "is not a duration");
}
END_TEST

START_TEST(durations_have_ranges)
{
    long long int us;

    expect_ok(tpr_parse_duration_range("1ms", 1000, 2000000, &us));
    expect_ok(tpr_parse_duration_range("2s", 1000, 2000000, &us));
    expect_error(tpr_parse_duration_range("999us", 1000, 2000000, &us),
                 "\"999us\" is out of range: use 1ms to 2s");
    expect_error(tpr_parse_duration_range("3s", 1000, 2000000, &us), "out of range");
    expect_error(tpr_parse_duration_range("3", 1000, 2000000, &us), "has no unit");
}
END_TEST

START_TEST(durations_round_trip)
{
    static const long long int values[] = {
        1, 999, 1000, 1001, 1500000, 60000000, 61000000, 3600000000LL, 90 * 60000000LL,
    };

    expect_string(tpr_format_duration(0), "0s");
    expect_string(tpr_format_duration(1500000), "1500ms");
    expect_string(tpr_format_duration(7200LL * 1000000), "2h");
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        char *s = tpr_format_duration(values[i]);

        ck_assert_int_eq(duration(s), values[i]);
        free(s);
    }
}
END_TEST

START_TEST(addresses_of_both_families)
{
    struct in6_addr a, b;

    expect_ok(tpr_parse_address("172.20.126.50", &a));
    ck_assert(IN6_IS_ADDR_V4MAPPED(&a));
    expect_string(tpr_format_address(&a), "172.20.126.50");
    expect_ok(tpr_parse_address("2001:DB8:0::1", &b));
    expect_string(tpr_format_address(&b), "2001:db8::1");
    ck_assert(!tpr_same_family(&a, &b));
    ck_assert(tpr_same_family(&a, &a));

    expect_error(tpr_parse_address("", &a), "is not an IPv4 or IPv6 address");
    expect_error(tpr_parse_address("10.0.0", &a), "is not an IPv4");
    expect_error(tpr_parse_address("10.0.0.256", &a), "is not an IPv4");
    expect_error(tpr_parse_address("10.0.0.1/24", &a), "is not an IPv4");
    expect_error(tpr_parse_address("[::1]", &a), "is not an IPv4");
    expect_error(tpr_parse_address("fe80::1%eth0", &a), "is not an IPv4");
    expect_error(tpr_parse_address("::ffff:10.0.0.1", &a), "IPv4-mapped");
}
END_TEST

START_TEST(addresses_of_hosts)
{
    static const char *const bad[] = {
        "0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "239.255.255.255", "255.255.255.255",
        "240.0.0.1", "::", "::1", "ff02::1",
    };
    struct in6_addr a;

    expect_ok(tpr_parse_host_address("10.0.0.1", &a));
    expect_ok(tpr_parse_host_address("2001:db8::1", &a));
    expect_ok(tpr_parse_host_address("fe80::1", &a));
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        expect_error(tpr_parse_host_address(bad[i], &a), "no host can have");
    }
}
END_TEST

START_TEST(addresses_with_ports)
{
    struct in6_addr a;
    uint16_t port;

    expect_ok(tpr_parse_address_port("10.0.0.1:8080", &a, &port));
    ck_assert_uint_eq(port, 8080);
    expect_ok(tpr_parse_address_port("10.0.0.1", &a, &port));
    ck_assert_uint_eq(port, 0);
    expect_ok(tpr_parse_address_port("2001:db8::1", &a, &port));
    ck_assert_uint_eq(port, 0);
    expect_ok(tpr_parse_address_port("[2001:db8::1]:81", &a, &port));
    ck_assert_uint_eq(port, 81);
    expect_string(tpr_format_address(&a), "2001:db8::1");

    expect_error(tpr_parse_address_port("10.0.0.1:0", &a, &port), "1 to 65535");
    expect_error(tpr_parse_address_port("10.0.0.1:65536", &a, &port), "1 to 65535");
    expect_error(tpr_parse_address_port("10.0.0.1:", &a, &port), "1 to 65535");
    expect_error(tpr_parse_address_port("10.0.0.1:80/tcp", &a, &port), "1 to 65535");
    expect_error(tpr_parse_address_port("10.0.0.1/24", &a, &port), "ADDRESS:PORT");
    expect_error(tpr_parse_address_port("[10.0.0.1]:80", &a, &port), "brackets are for IPv6");
    expect_error(tpr_parse_address_port("[2001:db8::1", &a, &port), "without a closing one");
    expect_error(tpr_parse_address_port("nowhere:80", &a, &port), "is not an IPv4");
}
END_TEST

START_TEST(ethernet_addresses)
{
    struct eth_addr mac;

    expect_ok(tpr_parse_mac("02:00:00:aa:BB:01", &mac));
    ck_assert_uint_eq(mac.ea[5], 1);
    expect_error(tpr_parse_mac("02:00:00:aa:bb", &mac), "is not an Ethernet address");
    expect_error(tpr_parse_mac("02:00:00:aa:bb:01:02", &mac), "is not an Ethernet address");
    expect_error(tpr_parse_mac("ff:ff:ff:ff:ff:ff", &mac), "of one host");
    expect_error(tpr_parse_mac("00:00:00:00:00:00", &mac), "of one host");
    expect_error(tpr_parse_mac("01:00:5e:00:00:01", &mac), "of one host");
}
END_TEST

START_TEST(vips_round_trip)
{
    static const char *const canonical[] = {
        "172.20.126.50:80/tcp",
        "172.20.126.50:80,443,8000-8010/tcp",
        "[2001:db8::1]:80,443,8000-8010/tcp",
        "10.0.0.1/udp",
        "[2001:db8::1]/any",
        "10.0.0.1:1-65535/sctp",
    };
    struct tpr_vip vip;

    for (size_t i = 0; i < ARRAY_SIZE(canonical); i++) {
        expect_ok(tpr_parse_vip(canonical[i], &vip));
        expect_string(tpr_format_vip(&vip), canonical[i]);
    }
    expect_ok(tpr_parse_vip("10.0.0.1:443,80,90-99,81/tcp", &vip));
    expect_string(tpr_format_vip(&vip), "10.0.0.1:80,81,90-99,443/tcp");
}
END_TEST

START_TEST(vips_have_sentences)
{
    static const struct {
        const char *text, *part;
    } bad[] = {
        { "", "is not an IPv4 or IPv6 address" },
        { "10.0.0.1", "has no protocol" },
        { "10.0.0.1:80", "has no protocol" },
        { "10.0.0.1:80/icmp", "unknown protocol" },
        { "10.0.0.1:80/", "unknown protocol" },
        { "10.0.0.1:80/TCP", "unknown protocol" },
        { "10.0.0.1:/tcp", "bad port" },
        { "10.0.0.1:0/tcp", "bad port" },
        { "10.0.0.1:65536/tcp", "bad port" },
        { "10.0.0.1:80,/tcp", "bad port" },
        { "10.0.0.1:80-/tcp", "bad port" },
        { "10.0.0.1:90-80/tcp", "ends before it starts" },
        { "10.0.0.1:80,80/tcp", "names a port twice" },
        { "10.0.0.1:80-90,85/tcp", "names a port twice" },
        { "10.0.0.1:80 /tcp", "is not ADDRESS:PORTS/PROTOCOL" },
        { "10.0.0.1:80/any", "protocol any has none" },
        { "2001:db8::1/tcp", "in brackets" },
        { "2001:db8::1:80/tcp", "in brackets" },
        { "[2001:db8::1:80/tcp", "without a closing one" },
        { "[10.0.0.1]:80/tcp", "brackets are for IPv6" },
        { "[2001:db8::1]80/tcp", "is not ADDRESS:PORTS/PROTOCOL" },
        { "224.0.0.1:80/tcp", "no host can have" },
        { "web:80/tcp", "is not an IPv4" },
        { "10.0.0.1:1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,"
          "29,30,31,32,33/tcp", "too many ports" },
    };
    struct tpr_vip vip;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        expect_error(tpr_parse_vip(bad[i].text, &vip), bad[i].part);
    }
}
END_TEST

static bool
overlaps(const char *a_, const char *b_)
{
    struct tpr_vip a, b;

    expect_ok(tpr_parse_vip(a_, &a));
    expect_ok(tpr_parse_vip(b_, &b));
    ck_assert_int_eq(tpr_vip_overlaps(&a, &b), tpr_vip_overlaps(&b, &a));
    return tpr_vip_overlaps(&a, &b);
}

START_TEST(vips_overlap)
{
    ck_assert(overlaps("10.0.0.1:80/tcp", "10.0.0.1:80/tcp"));
    ck_assert(overlaps("10.0.0.1:80,443/tcp", "10.0.0.1:100-500/tcp"));
    ck_assert(overlaps("10.0.0.1/tcp", "10.0.0.1:80/tcp"));
    ck_assert(overlaps("10.0.0.1/any", "10.0.0.1:80/tcp"));
    ck_assert(!overlaps("10.0.0.1:80/tcp", "10.0.0.1:80/udp"));
    ck_assert(!overlaps("10.0.0.1:80/tcp", "10.0.0.1:81/tcp"));
    ck_assert(!overlaps("10.0.0.1:80/tcp", "10.0.0.2:80/tcp"));
    ck_assert(!overlaps("10.0.0.1/any", "[2001:db8::1]/any"));
}
END_TEST

START_TEST(status_ranges)
{
    uint16_t min, max;

    expect_ok(tpr_parse_status_range("200", &min, &max));
    ck_assert(min == 200 && max == 200);
    expect_ok(tpr_parse_status_range("200-399", &min, &max));
    ck_assert(min == 200 && max == 399);
    expect_error(tpr_parse_status_range("", &min, &max), "is not an HTTP status");
    expect_error(tpr_parse_status_range("99", &min, &max), "is not an HTTP status");
    expect_error(tpr_parse_status_range("600", &min, &max), "is not an HTTP status");
    expect_error(tpr_parse_status_range("399-200", &min, &max), "is not an HTTP status");
    expect_error(tpr_parse_status_range("200-", &min, &max), "is not an HTTP status");
    expect_error(tpr_parse_status_range("2xx", &min, &max), "is not an HTTP status");
    expect_error(tpr_parse_status_range("200,301", &min, &max), "is not an HTTP status");
}
END_TEST

static void
expect_bytes(const char *text, const char *expected, size_t n)
{
    struct tpr_bytes bytes;
    struct ds s = DS_EMPTY_INITIALIZER;

    expect_ok(tpr_parse_bytes(text, &bytes));
    ck_assert_uint_eq(bytes.n, n);
    ck_assert(!memcmp(bytes.data, expected, n));
    tpr_put_escaped(&s, bytes.data, bytes.n);
    free(bytes.data);

    /* The form for people means the same. */
    expect_ok(tpr_parse_bytes(ds_cstr(&s), &bytes));
    ck_assert_uint_eq(bytes.n, n);
    ck_assert(!memcmp(bytes.data, expected, n));
    free(bytes.data);
    ds_destroy(&s);
}

START_TEST(bytes_have_escapes)
{
    struct tpr_bytes bytes;
    char *many = xmalloc(300);

    expect_bytes("", "", 0);
    expect_bytes("PING\\r\\n", "PING\r\n", 6);
    expect_bytes("\\t\\0\\\\ \\xfF\\x00x", "\t\0\\ \xff\0x", 7);
    expect_bytes("\xc3\xa9", "\xc3\xa9", 2);
    expect_error(tpr_parse_bytes("a\\", &bytes), "has a backslash before");
    expect_error(tpr_parse_bytes("\\q", &bytes), "has a backslash before");
    expect_error(tpr_parse_bytes("\\x1", &bytes), "has a backslash before");
    expect_error(tpr_parse_bytes("\\xg0", &bytes), "has a backslash before");
    ck_assert_ptr_null(bytes.data);
    memset(many, 'a', 299);
    many[299] = '\0';
    expect_error(tpr_parse_bytes(many, &bytes), "has more than 255 bytes");
    many[255] = '\0';
    expect_ok(tpr_parse_bytes(many, &bytes));
    ck_assert_uint_eq(bytes.n, 255);
    free(bytes.data);
    free(many);
}
END_TEST

START_TEST(names_paths_hosts)
{
    expect_ok(tpr_check_name("r1"));
    expect_ok(tpr_check_name("Web-2_a.example"));
    expect_error(tpr_check_name(""), "is not a name");
    expect_error(tpr_check_name("-r1"), "is not a name");
    expect_error(tpr_check_name("web/r1"), "is not a name");
    expect_error(tpr_check_name("a b"), "is not a name");
    expect_error(tpr_check_name("0123456789012345678901234567890123456789012345678901234567890123"),
                 "is not a name");
    expect_ok(tpr_check_path("/health?a=b"));
    expect_error(tpr_check_path("health"), "is not a path");
    expect_error(tpr_check_path("/a b"), "is not a path");
    expect_error(tpr_check_path("/a\r\nX: y"), "is not a path");
    expect_ok(tpr_check_host("example.com:80"));
    expect_error(tpr_check_host(""), "is not a host name");
    expect_error(tpr_check_host("a\r\nb"), "is not a host name");
    expect_error(tpr_check_host("a/b"), "is not a host name");
}
END_TEST

START_TEST(quotes_are_safe)
{
    char *long_text = xmalloc(1001);

    memset(long_text, 'a', 1000);
    long_text[1000] = '\0';
    expect_string(tpr_quote("a\"b\n\xc3\xa9"), "\"a\\x22b\\x0a\\xc3\\xa9\"");
    char *quoted = tpr_quote(long_text);
    ck_assert_uint_lt(strlen(quoted), 100);
    free(quoted);
    free(long_text);
}
END_TEST

START_TEST(words_round_trip)
{
    enum tpr_policy policy;
    enum tpr_check_type type;
    enum tpr_intent_kind kind;

    ck_assert(tpr_policy_from_string("least-connections", &policy));
    ck_assert_str_eq(tpr_policy_to_string(policy), "least-connections");
    ck_assert(!tpr_policy_from_string("fail", &policy));
    ck_assert(tpr_check_type_from_string("http", &type));
    ck_assert_str_eq(tpr_check_type_to_string(type), "http");
    ck_assert(!tpr_check_type_from_string("ftp", &type));
    ck_assert(tpr_intent_kind_from_string("bypass", &kind));
    ck_assert_str_eq(tpr_intent_kind_to_string(kind), "bypass");
    ck_assert(!tpr_intent_kind_from_string("", &kind));
}
END_TEST

/* A clone shares nothing with the original and follows its regions. */
START_TEST(services_are_cloned_deeply)
{
    struct tpr_config *old = tpr_config_create(), *new = tpr_config_create();
    struct tpr_region region = { .name = "r1", .port = "eth1" };
    struct tpr_service *service = xzalloc(sizeof *service), *copy;
    struct tpr_backend *backend;
    struct tpr_check check = { .path = "/" };

    shash_add(&old->regions, "r1", tpr_region_clone(&region));
    shash_add(&new->regions, "r1", tpr_region_clone(&region));
    service->name = xstrdup("web");
    backend = tpr_backend_clone(&(struct tpr_backend) { .name = "web/b2", .priority = 2,
                                                        .check = &check },
                                tpr_config_region(old, "r1"));
    tpr_service_add_backend(service, backend);
    backend = tpr_backend_clone(&(struct tpr_backend) { .name = "web/b1", .priority = 1 },
                                tpr_config_region(old, "r1"));
    tpr_service_add_backend(service, backend);
    tpr_service_sort(service);
    ck_assert_str_eq(service->backends[0]->name, "web/b1");
    shash_add(&old->services, "web", service);

    copy = tpr_service_clone(service, &new->regions);
    shash_add(&new->services, "web", copy);
    ck_assert_uint_eq(copy->n_backends, 2);
    tpr_config_destroy(old);
    backend = tpr_config_backend(new, "web/b2");
    ck_assert_ptr_eq(backend->region, tpr_config_region(new, "r1"));
    ck_assert_str_eq(backend->check->path, "/");
    ck_assert_str_eq(tpr_backend_short_name(backend), "b2");
    ck_assert_ptr_null(tpr_config_backend(new, "web"));
    ck_assert_ptr_null(tpr_config_backend(new, "web/b3"));
    ck_assert_ptr_null(tpr_config_backend(new, "mail/b1"));
    tpr_config_destroy(new);
}
END_TEST

START_TEST(measured_times_are_readable)
{
    static const struct {
        long long int us;
        const char *s;
    } times[] = {
        { 0, "0 us" },
        { 999, "999 us" },
        { 31250, "31.2 ms" },
        { 999999, "999.9 ms" },
        { 1250000, "1.250 s" },
        { 99999999, "99.999 s" },
        { 192 * 1000000LL, "00:03:12" },
        { 360000 * 1000000LL, "100:00:00" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
        struct ds s = DS_EMPTY_INITIALIZER;

        tpr_put_us(&s, times[i].us);
        expect_string(ds_steal_cstr(&s), times[i].s);
    }
}
END_TEST

UNIT_MAIN("model", measured_times_are_readable,
          durations_have_units, durations_have_ranges, durations_round_trip,
          addresses_of_both_families, addresses_of_hosts, addresses_with_ports,
          ethernet_addresses, vips_round_trip, vips_have_sentences, vips_overlap, status_ranges,
          bytes_have_escapes, names_paths_hosts, quotes_are_safe, words_round_trip,
          services_are_cloned_deeply)
