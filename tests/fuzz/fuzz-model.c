/* SPDX-License-Identifier: Apache-2.0 */

/* Fuzzes the text parsers of agent/model-text.c: every input goes through all
 * of them; what is accepted must survive a round trip through its formatter. */

#include <config.h>
#include "model.h"
#include "openvswitch/dynamic-string.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
fuzz_duration(const char *text)
{
    long long int us, again;
    char *error = tpr_parse_duration(text, &us);

    if (!error) {
        char *s = tpr_format_duration(us);

        error = tpr_parse_duration(s, &again);
        ovs_assert(!error && again == us);
        free(s);
    }
    free(error);
}

static void
fuzz_vip(const char *text)
{
    struct tpr_vip vip, again;
    char *error = tpr_parse_vip(text, &vip);

    if (!error) {
        char *s = tpr_format_vip(&vip);

        error = tpr_parse_vip(s, &again);
        ovs_assert(!error);
        ovs_assert(!memcmp(&vip, &again, sizeof vip));
        ovs_assert(tpr_vip_overlaps(&vip, &again));
        free(s);
    }
    free(error);
}

static void
fuzz_address(const char *text)
{
    struct in6_addr addr, again;
    uint16_t port;
    char *error = tpr_parse_address(text, &addr);

    if (!error) {
        char *s = tpr_format_address(&addr);

        error = tpr_parse_address(s, &again);
        ovs_assert(!error && !memcmp(&addr, &again, sizeof addr));
        free(s);
    }
    free(error);
    free(tpr_parse_host_address(text, &addr));
    free(tpr_parse_address_port(text, &addr, &port));
    free(tpr_parse_listener(text, &addr, &port));
}

static void
fuzz_bytes(const char *text)
{
    struct tpr_bytes bytes, again;
    char *error = tpr_parse_bytes(text, &bytes);

    if (!error) {
        struct ds s = DS_EMPTY_INITIALIZER;

        tpr_put_escaped(&s, bytes.data, bytes.n);
        error = tpr_parse_bytes(ds_cstr(&s), &again);
        ovs_assert(!error && again.n == bytes.n
                   && !memcmp(again.data, bytes.data, bytes.n));
        free(again.data);
        free(bytes.data);
        ds_destroy(&s);
    }
    free(error);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = xmemdup0((const char *) data, size);
    unsigned long long int number;
    uint16_t min, max;
    struct eth_addr mac;
    char *quoted;

    fuzz_duration(text);
    fuzz_vip(text);
    fuzz_address(text);
    fuzz_bytes(text);
    free(tpr_parse_mac(text, &mac));
    free(tpr_parse_status_range(text, &min, &max));
    free(tpr_parse_unsigned(text, 1, 65535, &number));
    free(tpr_check_name(text));
    free(tpr_check_path(text));
    free(tpr_check_host(text));
    quoted = tpr_quote(text);
    for (const char *p = quoted; *p; p++) {
        ovs_assert(*p >= 0x20 && *p < 0x7f);
    }
    free(quoted);
    free(text);
    return 0;
}
