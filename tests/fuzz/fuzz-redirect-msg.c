/* SPDX-License-Identifier: Apache-2.0 */

/* Fuzzes the decoders of OpenFlow messages about redirects: the input is the
 * body of an experimenter message, after one byte that says which.  What is
 * accepted must come out of its encoder as it went in, and everything must be
 * printable. */

#include <config.h>
#include <stdlib.h>
#include <string.h>
#include "ofp-redirect.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/list.h"
#include "openvswitch/ofp-msgs.h"
#include "openvswitch/ofp-print.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/vlog.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* The bodies of 'a' and 'b' must be the same. */
static void
assert_same_body(const struct ofp_header *a, const struct ofpbuf *b)
{
    size_t len = ntohs(a->length);

    ovs_assert(b->size == len);
    ovs_assert(!memcmp((const char *) a + sizeof *a,
                       (const char *) b->data + sizeof *a, len - sizeof *a));
}

static void
fuzz_mod(const struct ofp_header *oh)
{
    struct ofputil_redirect_mod rm;
    char *sentence;
    enum ofperr error = ofputil_decode_redirect_mod(oh, &rm, &sentence);

    ovs_assert(!error == !sentence);
    if (!error) {
        struct ofpbuf *again = ofputil_encode_redirect_mod(OFP13_VERSION, &rm);

        if (rm.command != OFPRDC_DELETE) {
            assert_same_body(oh, again);
        }
        tpr_redirect_uninit(&rm.redirect);
        ofpbuf_delete(again);
    }
    free(sentence);
}

static void
fuzz_liveness(const struct ofp_header *oh)
{
    struct tpr_liveness_mod lm;

    if (!ofputil_decode_liveness_mod(oh, &lm)) {
        struct ofpbuf *again = ofputil_encode_liveness_mod(OFP13_VERSION, &lm);

        assert_same_body(oh, again);
        ofpbuf_delete(again);
    }
}

static void
fuzz_desc(const struct ofp_header *oh)
{
    struct ofpbuf b = ofpbuf_const_initializer(oh, ntohs(oh->length));
    struct tpr_redirect r, copy;

    while (!ofputil_decode_redirect_desc(&b, &r)) {
        tpr_redirect_clone(&copy, &r);
        ovs_assert(tpr_redirect_equal(&copy, &r));
        tpr_redirect_uninit(&copy);
        tpr_redirect_uninit(&r);
    }
}

static void
fuzz_stats(const struct ofp_header *oh)
{
    struct ofpbuf b = ofpbuf_const_initializer(oh, ntohs(oh->length));
    struct tpr_redirect_stats stats;

    while (!ofputil_decode_redirect_stats(&b, &stats)) {
        tpr_redirect_stats_uninit(&stats);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum ofpraw raws[] = {
        OFPRAW_TPRT_REDIRECT_MOD,
        OFPRAW_TPRT_SET_LIVENESS,
        OFPRAW_TPRST_REDIRECT_DESC_REQUEST,
        OFPRAW_TPRST_REDIRECT_DESC_REPLY,
        OFPRAW_TPRST_REDIRECT_STATS_REQUEST,
        OFPRAW_TPRST_REDIRECT_STATS_REPLY,
    };

    if (!size || size > UINT16_MAX - 64) {
        return 0;
    }
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);

    struct ofpbuf *b = ofpraw_alloc(raws[data[0] % ARRAY_SIZE(raws)],
                                    OFP13_VERSION, size);
    ofpbuf_put(b, data + 1, size - 1);
    ofpmsg_update_length(b);

    /* A copy of exactly this size, so that reading beyond it shows. */
    struct ofp_header *oh = xmemdup(b->data, b->size);
    enum ofptype type;
    uint32_t id;

    if (!ofptype_decode(&type, oh)) {
        if (type == OFPTYPE_REDIRECT_MOD) {
            fuzz_mod(oh);
        } else if (type == OFPTYPE_SET_LIVENESS) {
            fuzz_liveness(oh);
        } else if (type == OFPTYPE_REDIRECT_DESC_REPLY) {
            fuzz_desc(oh);
        } else if (type == OFPTYPE_REDIRECT_STATS_REPLY) {
            fuzz_stats(oh);
        } else {
            ofputil_decode_redirect_request(oh, &id);
        }
    }
    free(ofp_to_string(oh, b->size, NULL, NULL, 1));
    free(oh);
    ofpbuf_delete(b);
    return 0;
}
