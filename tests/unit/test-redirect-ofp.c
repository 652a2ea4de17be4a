/* SPDX-License-Identifier: Apache-2.0 */

/* Redirects in OpenFlow messages and as text: everything that the model allows
 * goes there and back, the largest fit, and no cut message is accepted. */

#include <config.h>
#include <string.h>
#include "flow.h"
#include "ofp-redirect.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/list.h"
#include "openvswitch/ofp-msgs.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/vlog.h"
#include "random.h"
#include "redirect-check.h"
#include "redirect-codec.h"
#include "redirect-ext.h"
#include "redirect-text.h"
#include "unit.h"

/* An address of the family, different for different 'i'. */
static struct tpr_addr
make_addr(bool ipv6, uint32_t i)
{
    struct tpr_addr addr = { { 0, 0, htonl(0xffff), htonl(0x0a000001 + i) } };

    if (ipv6) {
        addr.w[0] = htonl(0x20010db8);
        addr.w[2] = htonl(i);
    }
    return addr;
}

static void
random_backend(const struct tpr_redirect *r, bool ipv6, uint32_t i,
               struct tpr_redirect_backend *b)
{
    static const uint16_t vlans[] = { TPR_VLAN_KEEP, TPR_VLAN_NONE, 1, 4094 };
    static const uint32_t outputs[] = { 1, 2, 0xfeff, 0xfffe };

    b->addr = make_addr(ipv6, i + 1);
    b->output = outputs[random_range(ARRAY_SIZE(outputs))];
    b->region = random_range(2) ? random_range(TPR_MAX_REGIONS) : TPR_NO_WORD;
    b->word = random_range(2) ? random_range(TPR_MAX_BACKENDS) : TPR_NO_WORD;
    b->max_connections = random_range(2) ? random_uint32() : 0;
    b->max_pps = random_range(2) ? random_range(TPR_MAX_PPS + 1) : 0;
    b->vlan = vlans[random_range(ARRAY_SIZE(vlans))];
    b->weight = random_uint16();
    b->priority = random_uint16();
    b->mac[5] = 1 + random_range(255);
    b->src_mac[5] = random_range(3);
    if (r->n_ports && r->proto != TPR_PROTO_SCTP) {
        b->l4_port = random_range(3) * 8080;
    }
}

/* Any description that makes sense. */
static void
random_redirect(struct tpr_redirect *r, size_t n_backends)
{
    static const uint8_t protos[] = { TPR_PROTO_ANY, TPR_PROTO_TCP,
                                      TPR_PROTO_UDP, TPR_PROTO_SCTP };
    bool ipv6 = random_range(2);

    tpr_redirect_init(r, 1 + random_range(INT32_MAX));
    r->proto = protos[random_range(ARRAY_SIZE(protos))];
    r->policy = random_range(TPR_POLICY_MAGLEV + 1);
    r->on_down = random_range(TPR_ON_DOWN_KEEP + 1);
    if (r->on_down == TPR_ON_DOWN_RESET && r->proto != TPR_PROTO_TCP) {
        r->on_down = TPR_ON_DOWN_RESELECT;
    }
    r->on_none = random_range(TPR_ON_NONE_PASS + 1);
    r->stateless = !random_range(4);
    if (r->stateless) {
        r->policy = (random_range(2) ? TPR_POLICY_FAILOVER
                     : TPR_POLICY_MAGLEV);
        r->on_down = TPR_ON_DOWN_RESELECT;
    } else if (random_range(2)) {
        r->affinity_ms = 1 + random_range(TPR_TIMEOUT_MAX_MS);
    }
    r->vip = make_addr(ipv6, 0);
    for (int i = 0; i < TPR_N_TIMEOUTS; i++) {
        if (random_range(2)) {
            r->timeouts[i] = 1 + random_range(TPR_TIMEOUT_MAX_MS);
        }
    }
    if (r->proto) {
        r->n_ports = random_range(TPR_MAX_PORT_RANGES + 1);
    }
    for (int i = 0; i < r->n_ports; i++) {
        r->ports[i].first = 1 + random_range(30000);
        r->ports[i].last = r->ports[i].first + random_range(2) * i;
    }
    r->n_backends = n_backends;
    r->backends = xcalloc(n_backends, sizeof *r->backends);
    for (size_t i = 0; i < n_backends; i++) {
        random_backend(r, ipv6, i, &r->backends[i]);
        if (r->stateless) {
            r->backends[i].l4_port = 0;
            r->backends[i].max_connections = 0;
            r->backends[i].max_pps = 0;
        }
    }
}

static void
check_message(const struct tpr_redirect *r)
{
    struct ofputil_redirect_mod rm = { OFPRDC_ADD, *r };
    struct ofpbuf *b = ofputil_encode_redirect_mod(OFP13_VERSION, &rm);
    char *error;

    ck_assert_int_eq(ofputil_decode_redirect_mod(b->data, &rm, &error), 0);
    ck_assert_ptr_null(error);
    ck_assert_int_eq(rm.command, OFPRDC_ADD);
    ck_assert(tpr_redirect_equal(r, &rm.redirect));
    tpr_redirect_uninit(&rm.redirect);
    ofpbuf_delete(b);
}

static void
check_text(const struct tpr_redirect *r)
{
    struct ds ds = DS_EMPTY_INITIALIZER;
    struct tpr_redirect again;

    tpr_redirect_format(r, NULL, &ds);
    char *error = tpr_redirect_parse(&again, ds_cstr(&ds), NULL);
    ck_assert_msg(!error, "%s: %s", ds_cstr(&ds), error);
    ck_assert_msg(tpr_redirect_equal(r, &again), "%s", ds_cstr(&ds));
    tpr_redirect_uninit(&again);
    ds_destroy(&ds);
}

START_TEST(there_and_back)
{
    random_set_seed(1);
    for (int i = 0; i < 300; i++) {
        struct tpr_redirect r;

        random_redirect(&r, random_range(6));
        char *error = ofputil_check_redirect(&r);
        ck_assert_msg(!error, "%s", error);
        check_message(&r);
        check_text(&r);
        tpr_redirect_uninit(&r);
    }
}
END_TEST

START_TEST(largest_fits)
{
    struct tpr_redirect r;

    random_set_seed(2);
    do {
        random_redirect(&r, TPR_MAX_REDIRECT_BACKENDS);
    } while (!r.proto && (tpr_redirect_uninit(&r), true));
    r.n_ports = TPR_MAX_PORT_RANGES;
    for (int i = 0; i < r.n_ports; i++) {
        r.ports[i].first = r.ports[i].last = i + 1;
    }
    check_message(&r);
    check_text(&r);
    tpr_redirect_uninit(&r);
}
END_TEST

START_TEST(equal_sees_every_field)
{
    struct tpr_redirect r, other;

    random_set_seed(3);
    random_redirect(&r, 2);
    tpr_redirect_clone(&other, &r);
    ck_assert(tpr_redirect_equal(&r, &other));

    /* State is no part of a description. */
    other.backends[1].withdrawn = true;
    ck_assert(tpr_redirect_equal(&r, &other));

    other.backends[1].src_mac[0] ^= 2;
    ck_assert(!tpr_redirect_equal(&r, &other));
    other.backends[1].src_mac[0] ^= 2;
    other.timeouts[TPR_N_TIMEOUTS - 1]++;
    ck_assert(!tpr_redirect_equal(&r, &other));
    other.timeouts[TPR_N_TIMEOUTS - 1]--;
    other.n_backends = 1;
    ck_assert(!tpr_redirect_equal(&r, &other));

    tpr_redirect_uninit(&r);
    tpr_redirect_uninit(&other);
}
END_TEST

/* Every cut of a message is refused, with a sentence. */
START_TEST(cut_is_refused)
{
    struct ofputil_redirect_mod rm = { .command = OFPRDC_ADD };

    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    random_set_seed(4);
    random_redirect(&rm.redirect, 3);
    struct ofpbuf *b = ofputil_encode_redirect_mod(OFP15_VERSION, &rm);
    tpr_redirect_uninit(&rm.redirect);

    for (size_t len = sizeof(struct ofp_header); len < b->size; len++) {
        struct ofp_header *oh = xmemdup(b->data, len);
        enum ofptype type;
        char *error = NULL;

        oh->length = htons(len);
        if (!ofptype_decode(&type, oh)) {
            ck_assert_int_ne(ofputil_decode_redirect_mod(oh, &rm, &error), 0);
            ck_assert_ptr_nonnull(error);
            free(error);
        }
        free(oh);
    }
    ofpbuf_delete(b);
}
END_TEST

/* Statistics of more redirects than one message can carry. */
START_TEST(statistics_in_parts)
{
    enum { N = 5 };
    struct ovs_list replies;
    struct ofpbuf *request = ofputil_encode_redirect_stats_request(
        OFP13_VERSION, OFPRD_ALL);

    ofpmp_init(&replies, request->data);
    for (uint32_t id = 1; id <= N; id++) {
        struct tpr_redirect_stats stats = {
            .id = id, .n_backends = TPR_MAX_REDIRECT_BACKENDS,
            .duration_ms = id * 1000ULL,
        };
        stats.counters[TPR_N_COUNTERS - 1] = id;
        stats.backends = xcalloc(stats.n_backends, sizeof *stats.backends);
        stats.backends[stats.n_backends - 1].connections = id;
        stats.backends[stats.n_backends - 1].why = TPR_WHY_DRAIN;
        ofputil_append_redirect_stats(&replies, &stats);
        tpr_redirect_stats_uninit(&stats);
    }
    ofpbuf_delete(request);
    ck_assert_uint_eq(ovs_list_size(&replies), N);

    uint32_t id = 0;
    struct ofpbuf *reply;
    LIST_FOR_EACH_POP (reply, list_node, &replies) {
        ofpmsg_update_length(reply);
        struct ofpbuf b = ofpbuf_const_initializer(reply->data, reply->size);
        struct tpr_redirect_stats stats;

        while (!ofputil_decode_redirect_stats(&b, &stats)) {
            const struct tpr_backend_stats *last
                = &stats.backends[TPR_MAX_REDIRECT_BACKENDS - 1];

            ck_assert_uint_eq(stats.id, ++id);
            ck_assert_uint_eq(stats.n_backends, TPR_MAX_REDIRECT_BACKENDS);
            ck_assert_uint_eq(stats.duration_ms, id * 1000ULL);
            ck_assert_uint_eq(stats.counters[TPR_N_COUNTERS - 1], id);
            ck_assert_uint_eq(last->connections, id);
            ck_assert_uint_eq(last->why, TPR_WHY_DRAIN);
            tpr_redirect_stats_uninit(&stats);
        }
        ofpbuf_delete(reply);
    }
    ck_assert_uint_eq(id, N);
}
END_TEST

/* A reply with descriptions 1, 2, 3, the second with 'version' and 'more'
 * bytes. */
static struct ofpbuf *
make_descriptions(uint8_t version, uint16_t more)
{
    struct ofpbuf *request = redirect_encode_desc_request(OFP15_VERSION);
    struct ofpbuf *reply = ofpraw_alloc_stats_reply(request->data, 0);

    for (uint32_t id = 1; id <= 3; id++) {
        struct tpr_redirect r;
        struct ovs_list one;
        struct ofpbuf *b;

        random_redirect(&r, 2);
        r.id = id;
        ofpmp_init(&one, request->data);
        ofputil_append_redirect_desc(&one, &r);
        tpr_redirect_uninit(&r);
        b = ofpbuf_from_list(ovs_list_pop_front(&one));
        ofpraw_pull_assert(b);

        struct tpr_ofp_redirect *hdr = b->data;
        size_t size = b->size;

        if (id == 2) {
            hdr->version = version;
            hdr->length = htons(size + more);
        }
        ofpbuf_put(reply, hdr, size);
        if (id == 2) {
            ofpbuf_put_zeros(reply, more);
        }
        ofpbuf_delete(b);
    }
    ofpbuf_delete(request);
    ofpmsg_update_length(reply);
    reply->header = NULL;               /* As it is received. */
    return reply;
}

/* What the agent makes of a description that a later release has sent: it
 * hides no other. */
START_TEST(unknown_descriptions_are_skipped)
{
    static const struct {
        uint8_t version;
        uint16_t more;
    } forms[] = { { 1, 0 }, { 2, 0 }, { 2, 24 }, { 1, 8 } };

    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    random_set_seed(5);
    for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
        struct ofpbuf *b = make_descriptions(forms[i].version,
                                             forms[i].more);
        struct tpr_redirect r;

        for (uint32_t id = 1; id <= 3; id++) {
            int error = redirect_decode_desc(b, &r);

            ck_assert_int_eq(error != 0, id == 2 && i);
            ck_assert_int_ne(error, EOF);
            ck_assert_uint_eq(r.id, id);
            ck_assert_uint_eq(r.n_backends, error ? 0 : 2);
            tpr_redirect_uninit(&r);
        }
        ck_assert_int_eq(redirect_decode_desc(b, &r), EOF);
        ofpbuf_delete(b);
    }
}
END_TEST

/* Where the next one begins cannot be known. */
START_TEST(lengths_that_lead_nowhere)
{
    static const uint16_t lengths[] = { 0, 4, 7, UINT16_MAX };

    random_set_seed(6);
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        struct ofpbuf *b = make_descriptions(1, 0);
        struct tpr_ofp_redirect *hdr;
        struct tpr_redirect r;

        ck_assert_int_eq(redirect_decode_desc(b, &r), 0);
        tpr_redirect_uninit(&r);
        hdr = b->data;
        hdr->length = htons(lengths[i]);
        ck_assert_int_ne(redirect_decode_desc(b, &r), 0);
        ck_assert_uint_eq(r.id, 0);
        ofpbuf_delete(b);
    }
}
END_TEST

UNIT_MAIN("redirect-ofp", there_and_back, largest_fits,
          equal_sees_every_field, cut_is_refused, statistics_in_parts,
          unknown_descriptions_are_skipped, lengths_that_lead_nowhere)
