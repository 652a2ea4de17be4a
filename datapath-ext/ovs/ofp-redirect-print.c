/* SPDX-License-Identifier: Apache-2.0 */

/* Messages about redirects as text, for ofp-print.c; see ofp-redirect.h. */

#include <config.h>
#include "ofp-redirect.h"
#include <inttypes.h>
#include <stdio.h>
#include "openflow/openflow.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/ofpbuf.h"
#include "redirect-text.h"

static void
format_id(struct ds *s, uint32_t id)
{
    if (id == OFPRD_ALL) {
        ds_put_cstr(s, " id=all");
    } else {
        ds_put_format(s, " id=%"PRIu32, id);
    }
}

void
ofputil_format_redirect_mod(struct ds *s,
                            const struct ofputil_redirect_mod *rm,
                            const struct ofputil_port_map *port_map)
{
    switch (rm->command) {
    case OFPRDC_ADD:
        ds_put_cstr(s, " ADD ");
        break;
    case OFPRDC_MODIFY:
        ds_put_cstr(s, " MOD ");
        break;
    case OFPRDC_DELETE:
        ds_put_cstr(s, " DEL");
        format_id(s, rm->redirect.id);
        return;
    }
    tpr_redirect_format(&rm->redirect, port_map, s);
}

enum ofperr
ofp_print_redirect_mod(struct ds *s, const struct ofp_header *oh,
                       const struct ofputil_port_map *port_map)
{
    struct ofputil_redirect_mod rm;
    enum ofperr error = ofputil_decode_redirect_mod(oh, &rm, NULL);

    if (!error) {
        ofputil_format_redirect_mod(s, &rm, port_map);
        tpr_redirect_uninit(&rm.redirect);
    }
    return error;
}

enum ofperr
ofp_print_liveness_mod(struct ds *s, const struct ofp_header *oh)
{
    struct tpr_liveness_mod lm;
    enum ofperr error = ofputil_decode_liveness_mod(oh, &lm);

    if (!error) {
        ds_put_char(s, ' ');
        tpr_liveness_format(&lm, s);
    }
    return error;
}

enum ofperr
ofp_print_redirect_request(struct ds *s, const struct ofp_header *oh)
{
    uint32_t id;
    enum ofperr error = ofputil_decode_redirect_request(oh, &id);

    if (!error) {
        format_id(s, id);
    }
    return error;
}

enum ofperr
ofp_print_redirect_desc_reply(struct ds *s, const struct ofp_header *oh,
                              const struct ofputil_port_map *port_map)
{
    struct ofpbuf b = ofpbuf_const_initializer(oh, ntohs(oh->length));
    struct tpr_redirect r;
    int retval;

    while (!(retval = ofputil_decode_redirect_desc(&b, &r))) {
        ds_put_cstr(s, "\n ");
        tpr_redirect_format(&r, port_map, s);
        tpr_redirect_uninit(&r);
    }
    return retval == EOF ? 0 : retval;
}

enum ofperr
ofp_print_redirect_stats_reply(struct ds *s, const struct ofp_header *oh)
{
    struct ofpbuf b = ofpbuf_const_initializer(oh, ntohs(oh->length));
    struct tpr_redirect_stats stats;
    int retval;

    ds_put_char(s, '\n');
    while (!(retval = ofputil_decode_redirect_stats(&b, &stats))) {
        tpr_redirect_stats_format(&stats, s);
        tpr_redirect_stats_uninit(&stats);
    }
    return retval == EOF ? 0 : retval;
}
