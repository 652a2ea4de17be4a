/* SPDX-License-Identifier: Apache-2.0 */

/* Fuzz target: what people write after "tpr/trace", and what the switch
 * answers.
 *
 * The first byte chooses: an even one is followed by a flow, an odd one by the
 * output of "ofproto/trace".  A flow that is taken must be taken again as
 * written for the switch, and mean the same. */

#include <config.h>
#include <stdlib.h>
#include <string.h>
#include "trace-flow.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* 'f', which is complete, is the same when read again. */
static void
try_again(const struct trace_flow *f, const struct tpr_service *svc,
          const struct eth_addr *mac)
{
    static const char ttl[] = ",nw_ttl=64";     /* The switch's only. */
    char *text = trace_flow_format(f);
    char *copy = xstrdup(text);
    char *at = strstr(copy, ttl);
    struct trace_flow again;
    char *error, *text_again;

    memmove(at, at + sizeof ttl - 1, strlen(at + sizeof ttl - 1) + 1);
    error = trace_flow_parse(copy, &again);
    ovs_assert(!error);
    trace_flow_complete(&again, svc, mac);
    text_again = trace_flow_format(&again);
    ovs_assert(!strcmp(text, text_again));
    free(text_again);
    free(text);
    free(copy);
    trace_flow_uninit(&again);
}

static void
try_flow(const char *s)
{
    static const struct eth_addr mac = ETH_ADDR_C(02,00,00,00,00,50);
    struct tpr_service svc = { .vip = { .proto = TPR_PROTO_TCP } };
    struct trace_flow f;
    char *error = trace_flow_parse(s, &f);

    ovs_assert(!tpr_parse_address("10.0.0.1", &svc.vip.addr));
    if (error) {
        free(error);
    } else {
        trace_flow_complete(&f, &svc, &mac);
        error = trace_flow_mismatch(&f, &svc);
        if (!error) {
            try_again(&f, &svc, &mac);
        }
        free(error);
    }
    trace_flow_uninit(&f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size) {
        char *s = xmemdup0((const char *) data + 1, size - 1);

        if (data[0] & 1) {
            struct trace_answer a;

            trace_answer_parse(&a, s, 0x7470722000000000ULL,
                               0xffffffff00000000ULL);
            trace_answer_uninit(&a);
        } else {
            try_flow(s);
        }
        free(s);
    }
    return 0;
}
