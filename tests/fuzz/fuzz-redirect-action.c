/* SPDX-License-Identifier: Apache-2.0 */

/* Fuzzes the redirect action in all its forms: after one byte that says which,
 * the input is the datapath's action as text, the datapath's attribute, or the
 * body of the OpenFlow action.  What is accepted must survive being formatted
 * and parsed again; what is not must be printable. */

#include <config.h>
#include <stdlib.h>
#include <string.h>
#include "odp-netlink.h"
#include "odp-util.h"
#include "ofp-redirect.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/vlog.h"
#include "netlink.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* The action that stands in 'attributes' must be one that its own text
 * says. */
static void
check_text(const struct ofpbuf *attributes)
{
    struct ds text = DS_EMPTY_INITIALIZER;
    struct ofpbuf again;

    ofpbuf_init(&again, 0);
    format_odp_actions(&text, attributes->data, attributes->size, NULL);
    ovs_assert(!odp_actions_from_string(ds_cstr(&text), NULL, &again));
    ovs_assert(ofpbuf_equal(attributes, &again));
    ofpbuf_uninit(&again);
    ds_destroy(&text);
}

/* Only one action: the others are upstream's. */
static void
fuzz_text(const uint8_t *data, size_t size)
{
    const uint8_t *end = memchr(data, ')', size);
    struct ofpbuf attributes;
    char *input, *text;

    if (!end) {
        return;
    }
    input = xmemdup0((const char *) data, (size_t) (end - data) + 1);
    text = xasprintf("redirect(%s", input);
    ofpbuf_init(&attributes, 0);
    if (!odp_actions_from_string(text, NULL, &attributes)) {
        check_text(&attributes);
    }
    ofpbuf_uninit(&attributes);
    free(text);
    free(input);
}

static void
fuzz_attribute(const uint8_t *data, size_t size)
{
    struct ds text = DS_EMPTY_INITIALIZER;
    struct ofpbuf attributes;
    struct tpr_action action;

    if (size > 1024) {
        return;
    }
    ofpbuf_init(&attributes, 0);
    nl_msg_put_unspec(&attributes, OVS_ACTION_ATTR_REDIRECT, data, size);
    format_odp_actions(&text, attributes.data, attributes.size, NULL);
    if (size == sizeof action) {
        memcpy(&action, data, sizeof action);
        if (action.scope && action.mode <= TPR_MODE_ANY
            && !action.id == (action.mode != TPR_MODE_FORWARD)) {
            check_text(&attributes);
        }
    }
    ofpbuf_uninit(&attributes);
    ds_destroy(&text);
}

/* Parses 'text' back: must be 'ofpacts'. */
static void
check_ofpacts(const char *text, const struct ofpbuf *ofpacts)
{
    enum ofputil_protocol usable;
    struct ofpbuf again;
    const struct ofpact_parse_params params = {
        .ofpacts = &again, .usable_protocols = &usable,
    };
    char *error;

    ofpbuf_init(&again, 0);
    error = ofpacts_parse_actions(text, &params);
    ovs_assert(!error);
    ovs_assert(ofpacts_equal(ofpacts->data, ofpacts->size, again.data,
                             again.size));
    ofpbuf_uninit(&again);
}

static void
fuzz_openflow(const uint8_t *data, size_t size)
{
    struct tpr_action_redirect *wire = xzalloc(sizeof *wire);
    struct ds text = DS_EMPTY_INITIALIZER;
    struct ofpbuf b, ofpacts;

    wire->type = htons(0xffff);
    wire->len = htons(sizeof *wire);
    wire->vendor = htonl(TPR_VENDOR_ID);
    memcpy(&wire->subtype, data, MIN(size, sizeof *wire - 8));
    b = ofpbuf_const_initializer(wire, sizeof *wire);
    ofpbuf_init(&ofpacts, 0);
    if (!ofpacts_pull_openflow_actions(&b, sizeof *wire, OFP13_VERSION, NULL,
                                       NULL, &ofpacts)) {
        const struct ofpact_format_params params = { .s = &text };
        struct ofpbuf again;

        ofpacts_format(ofpacts.data, ofpacts.size, &params);
        check_ofpacts(ds_cstr(&text), &ofpacts);
        ofpbuf_init(&again, 0);
        ofpacts_put_openflow_actions(ofpacts.data, ofpacts.size, &again,
                                     OFP13_VERSION);
        ovs_assert(again.size == sizeof *wire
                   && !memcmp(again.data, wire, sizeof *wire));
        ofpbuf_uninit(&again);
    }
    ofpbuf_uninit(&ofpacts);
    ds_destroy(&text);
    free(wire);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size) {
        return 0;
    }
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    switch (data[0] % 3) {
    case 0:
        fuzz_text(data + 1, size - 1);
        break;

    case 1:
        fuzz_attribute(data + 1, size - 1);
        break;

    default:
        fuzz_openflow(data + 1, size - 1);
        break;
    }
    return 0;
}
