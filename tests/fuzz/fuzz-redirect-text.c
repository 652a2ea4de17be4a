/* SPDX-License-Identifier: Apache-2.0 */

/* Fuzzes redirects and liveness words as text: what is accepted must survive
 * being formatted and parsed again, and being carried in a message. */

#include <config.h>
#include <stdlib.h>
#include <string.h>
#include "ofp-redirect.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/vlog.h"
#include "redirect-text.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* Through a message and back. */
static void
carry(const struct tpr_redirect *r)
{
    struct ofputil_redirect_mod rm = { OFPRDC_MODIFY, *r };
    struct ofpbuf *b = ofputil_encode_redirect_mod(OFP15_VERSION, &rm);

    ovs_assert(!ofputil_decode_redirect_mod(b->data, &rm, NULL));
    ovs_assert(rm.command == OFPRDC_MODIFY);
    ovs_assert(tpr_redirect_equal(&rm.redirect, r));
    tpr_redirect_uninit(&rm.redirect);
    ofpbuf_delete(b);
}

static void
fuzz_redirect(const char *text)
{
    struct tpr_redirect r, again;
    char *error = tpr_redirect_parse(&r, text, NULL);

    if (!error) {
        struct ds ds = DS_EMPTY_INITIALIZER;

        tpr_redirect_format(&r, NULL, &ds);
        error = tpr_redirect_parse(&again, ds_cstr(&ds), NULL);
        ovs_assert(!error && tpr_redirect_equal(&r, &again));
        carry(&r);
        tpr_redirect_uninit(&again);
        tpr_redirect_uninit(&r);
        ds_destroy(&ds);
    }
    free(error);
}

static void
fuzz_liveness(const char *text)
{
    struct tpr_liveness_mod lm, again;
    char *error = tpr_liveness_parse(&lm, text);

    if (!error) {
        struct ds ds = DS_EMPTY_INITIALIZER;

        tpr_liveness_format(&lm, &ds);
        error = tpr_liveness_parse(&again, ds_cstr(&ds));
        ovs_assert(!error && !memcmp(&lm, &again, sizeof lm));
        ds_destroy(&ds);
    }
    free(error);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = xmemdup0((const char *) data, size);
    uint32_t mode, id;

    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    fuzz_redirect(text);
    fuzz_liveness(text);

    char *error = tpr_action_parse(text, &mode, &id);
    ovs_assert(error || mode != TPR_MODE_FORWARD || (id && id != OFPRD_ALL));
    free(error);
    free(text);
    return 0;
}
