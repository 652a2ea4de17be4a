/* SPDX-License-Identifier: Apache-2.0 */

/* Encoders and decoders of redirects, see ofp-redirect.h. */

#include <config.h>
#include "ofp-redirect.h"
#include <errno.h>
#include <stdarg.h>
#include "byte-order.h"
#include "flow.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/list.h"
#include "openvswitch/ofp-msgs.h"
#include "openvswitch/ofp-port.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "redirect-check.h"
#include "redirect-text.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(ofp_redirect);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 5);

BUILD_ASSERT_DECL(sizeof(struct in6_addr) == sizeof(struct tpr_addr));
BUILD_ASSERT_DECL(TPR_N_TIMEOUTS
                  == ARRAY_SIZE(((struct tpr_ofp_redirect *) 0)->timeouts));
/* The longest description must fit into one message. */
BUILD_ASSERT_DECL(sizeof(struct tpr_ofp_redirect)
                  + TPR_MAX_PORT_RANGES * sizeof(struct tpr_ofp_ports)
                  + TPR_MAX_REDIRECT_BACKENDS * sizeof(struct tpr_ofp_backend)
                  + 64 < UINT16_MAX);
BUILD_ASSERT_DECL(sizeof(struct tpr_ofp_redirect_stats)
                  + TPR_N_COUNTERS * sizeof(ovs_be64)
                  + TPR_MAX_REDIRECT_BACKENDS
                  * sizeof(struct tpr_ofp_backend_stats) + 64 < UINT16_MAX);

/* Logs why a message is refused, leaves the sentence in '*errorp' if 'errorp'
 * is nonnull, and returns 'error'. */
static enum ofperr OVS_PRINTF_FORMAT(3, 4)
refuse(enum ofperr error, char **errorp, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *sentence = xvasprintf(format, args);
    va_end(args);

    VLOG_WARN_RL(&rl, "bad OpenFlow message: %s", sentence);
    if (errorp) {
        *errorp = sentence;
    } else {
        free(sentence);
    }
    return error;
}

/* Reserved bytes that are not zero. */
static enum ofperr
refuse_reserved(char **errorp, const char *where)
{
    return refuse(OFPERR_NXBRC_MUST_BE_ZERO, errorp,
                  "reserved bytes of %s are not zero", where);
}

/* ## Descriptions as such. ## */

void
tpr_redirect_clone(struct tpr_redirect *dst, const struct tpr_redirect *src)
{
    *dst = *src;
    dst->backends = (src->n_backends
                     ? xmemdup(src->backends,
                               src->n_backends * sizeof *src->backends)
                     : NULL);
}

void
tpr_redirect_uninit(struct tpr_redirect *r)
{
    free(r->backends);
    r->backends = NULL;
    r->n_backends = 0;
}

static bool
backend_equal(const struct tpr_redirect_backend *a,
              const struct tpr_redirect_backend *b)
{
    return (!memcmp(&a->addr, &b->addr, sizeof a->addr)
            && a->output == b->output && a->region == b->region
            && a->word == b->word && a->max_connections == b->max_connections
            && a->max_pps == b->max_pps
            && a->l4_port == b->l4_port && a->vlan == b->vlan
            && a->weight == b->weight && a->priority == b->priority
            && !memcmp(a->mac, b->mac, sizeof a->mac)
            && !memcmp(a->src_mac, b->src_mac, sizeof a->src_mac));
}

bool
tpr_redirect_equal(const struct tpr_redirect *a, const struct tpr_redirect *b)
{
    if (a->id != b->id || a->proto != b->proto || a->policy != b->policy
        || a->on_down != b->on_down || a->on_none != b->on_none
        || a->stateless != b->stateless || a->affinity_ms != b->affinity_ms
        || memcmp(&a->vip, &b->vip, sizeof a->vip)
        || a->n_ports != b->n_ports || a->n_backends != b->n_backends
        || memcmp(a->ports, b->ports, a->n_ports * sizeof *a->ports)
        || memcmp(a->timeouts, b->timeouts, sizeof a->timeouts)) {
        return false;
    }
    for (size_t i = 0; i < a->n_backends; i++) {
        if (!backend_equal(&a->backends[i], &b->backends[i])) {
            return false;
        }
    }
    return true;
}

char *
ofputil_check_redirect(const struct tpr_redirect *r)
{
    char *error = tpr_redirect_check(r);

    for (size_t i = 0; !error && i < r->n_backends; i++) {
        uint32_t port = r->backends[i].output;

        if (port >= ofp_to_u16(OFPP_MAX) && port != ofp_to_u16(OFPP_LOCAL)) {
            error = xasprintf("backend %"PRIuSIZE": output must be a port of "
                              "the switch", i);
        }
    }
    return error;
}

/* ## Descriptions on the wire. ## */

static void
put_backend(struct ofpbuf *b, const struct tpr_redirect_backend *src,
            bool state)
{
    struct tpr_ofp_backend *dst = ofpbuf_put_zeros(b, sizeof *dst);

    memcpy(&dst->addr, &src->addr, sizeof dst->addr);
    dst->output = ofputil_port_to_ofp11(u16_to_ofp(src->output));
    dst->region = htonl(src->region);
    dst->word = htonl(src->word);
    dst->max_connections = htonl(src->max_connections);
    dst->l4_port = htons(src->l4_port);
    dst->vlan = htons(src->vlan);
    dst->weight = htons(src->weight);
    dst->priority = htons(src->priority);
    memcpy(&dst->mac, src->mac, sizeof dst->mac);
    memcpy(&dst->src_mac, src->src_mac, sizeof dst->src_mac);
    dst->flags = state && src->withdrawn ? TPRBF_WITHDRAWN : 0;
    dst->max_pps[0] = src->max_pps >> 16;
    dst->max_pps[1] = src->max_pps >> 8;
    dst->max_pps[2] = src->max_pps;
}

static size_t
redirect_length(size_t n_ports, size_t n_backends)
{
    return (sizeof(struct tpr_ofp_redirect)
            + ROUND_UP(n_ports * sizeof(struct tpr_ofp_ports), 8)
            + n_backends * sizeof(struct tpr_ofp_backend));
}

/* Appends 'r' to 'b', with the state of backends where 'state'. */
static void
put_redirect(struct ofpbuf *b, const struct tpr_redirect *r, bool state)
{
    struct tpr_ofp_redirect *hdr = ofpbuf_put_zeros(b, sizeof *hdr);
    size_t ports_len = r->n_ports * sizeof(struct tpr_ofp_ports);

    hdr->length = htons(redirect_length(r->n_ports, r->n_backends));
    hdr->version = TPR_REDIRECT_VERSION;
    hdr->proto = r->proto;
    hdr->id = htonl(r->id);
    hdr->policy = r->policy;
    hdr->on_down = r->on_down;
    hdr->on_none = r->on_none;
    hdr->flags = r->stateless ? TPRRF_STATELESS : 0;
    hdr->n_ports = htons(r->n_ports);
    hdr->n_backends = htons(r->n_backends);
    memcpy(&hdr->vip, &r->vip, sizeof hdr->vip);
    for (size_t i = 0; i < TPR_N_TIMEOUTS; i++) {
        hdr->timeouts[i] = htonl(r->timeouts[i]);
    }
    hdr->affinity = htonl(r->affinity_ms);

    struct tpr_ofp_ports *ports = ofpbuf_put_zeros(b, ROUND_UP(ports_len, 8));
    for (size_t i = 0; i < r->n_ports; i++) {
        ports[i].first = htons(r->ports[i].first);
        ports[i].last = htons(r->ports[i].last);
    }
    for (size_t i = 0; i < r->n_backends; i++) {
        put_backend(b, &r->backends[i], state);
    }
}

/* Decodes one backend.  'state': descriptions from a switch may carry it. */
static enum ofperr
get_backend(const struct tpr_ofp_backend *src, bool state,
            struct tpr_redirect_backend *dst, char **errorp)
{
    ofp_port_t port;

    if (src->flags & ~(state ? TPRBF_WITHDRAWN : 0)) {
        return refuse_reserved(errorp, "a redirect's backend");
    }
    if (ofputil_port_from_ofp11(src->output, &port)) {
        return refuse(OFPERR_TPRC_BAD_OUTPUT, errorp,
                      "output %#"PRIx32" of a backend is not a port",
                      ntohl(src->output));
    }

    memset(dst, 0, sizeof *dst);
    memcpy(&dst->addr, &src->addr, sizeof dst->addr);
    dst->output = ofp_to_u16(port);
    dst->region = ntohl(src->region);
    dst->word = ntohl(src->word);
    dst->max_connections = ntohl(src->max_connections);
    dst->l4_port = ntohs(src->l4_port);
    dst->vlan = ntohs(src->vlan);
    dst->weight = ntohs(src->weight);
    dst->priority = ntohs(src->priority);
    memcpy(dst->mac, &src->mac, sizeof dst->mac);
    memcpy(dst->src_mac, &src->src_mac, sizeof dst->src_mac);
    dst->max_pps = (src->max_pps[0] << 16 | src->max_pps[1] << 8
                    | src->max_pps[2]);
    dst->withdrawn = (src->flags & TPRBF_WITHDRAWN) != 0;
    return 0;
}

/* Pulls the fixed part of a description off 'b' and checks that the rest of
 * it is there too and as long as it says. */
static enum ofperr
pull_header(struct ofpbuf *b, const struct tpr_ofp_redirect **hdrp,
            char **errorp)
{
    const struct tpr_ofp_redirect *hdr = b->data;

    if (b->size < sizeof *hdr) {
        return refuse(OFPERR_OFPBRC_BAD_LEN, errorp,
                      "a redirect's description is cut short, %"PRIu32" bytes",
                      b->size);
    }
    if (hdr->version != TPR_REDIRECT_VERSION) {
        return refuse(OFPERR_TPRC_BAD_VERSION, errorp,
                      "version of a redirect's description is %"PRIu8
                      ", not %d", hdr->version, TPR_REDIRECT_VERSION);
    }
    if (hdr->flags & ~TPRRF_STATELESS) {
        return refuse_reserved(errorp, "a redirect's description");
    }

    unsigned int n_ports = ntohs(hdr->n_ports);
    unsigned int n_backends = ntohs(hdr->n_backends);
    size_t length = ntohs(hdr->length);

    if (n_ports > TPR_MAX_PORT_RANGES) {
        return refuse(OFPERR_TPRC_BAD_REDIRECT, errorp,
                      "%u ranges of ports are more than %d",
                      n_ports, TPR_MAX_PORT_RANGES);
    }
    if (n_backends > TPR_MAX_REDIRECT_BACKENDS) {
        return refuse(OFPERR_TPRC_BAD_REDIRECT, errorp,
                      "%u backends are more than %d",
                      n_backends, TPR_MAX_REDIRECT_BACKENDS);
    }
    if (length != redirect_length(n_ports, n_backends) || length > b->size) {
        return refuse(OFPERR_OFPBRC_BAD_LEN, errorp,
                      "length of a redirect's description is %"PRIuSIZE", not "
                      "%"PRIuSIZE", in a message with %"PRIu32" bytes left",
                      length, redirect_length(n_ports, n_backends), b->size);
    }
    *hdrp = ofpbuf_pull(b, sizeof *hdr);
    return 0;
}

/* Pulls 'r->n_ports' ranges and their padding off 'b'. */
static enum ofperr
pull_ports(struct ofpbuf *b, struct tpr_redirect *r, char **errorp)
{
    size_t len = r->n_ports * sizeof(struct tpr_ofp_ports);
    size_t padding = ROUND_UP(len, 8) - len;
    const struct tpr_ofp_ports *ports = ofpbuf_pull(b, len);

    for (size_t i = 0; i < r->n_ports; i++) {
        r->ports[i].first = ntohs(ports[i].first);
        r->ports[i].last = ntohs(ports[i].last);
    }
    return (is_all_zeros(ofpbuf_pull(b, padding), padding)
            ? 0 : refuse_reserved(errorp, "a redirect's ports"));
}

/* Pulls one description off 'b' into '*r'.  'state': it comes from a switch,
 * which may know more than we: only its structure is checked. */
static enum ofperr
pull_redirect(struct ofpbuf *b, bool state, struct tpr_redirect *r,
              char **errorp)
{
    const struct tpr_ofp_redirect *hdr = NULL;
    enum ofperr error;

    tpr_redirect_init(r, 0);
    error = pull_header(b, &hdr, errorp);
    if (error) {
        return error;
    }

    r->id = ntohl(hdr->id);
    r->proto = hdr->proto;
    r->policy = hdr->policy;
    r->on_down = hdr->on_down;
    r->on_none = hdr->on_none;
    r->stateless = (hdr->flags & TPRRF_STATELESS) != 0;
    memcpy(&r->vip, &hdr->vip, sizeof r->vip);
    for (size_t i = 0; i < TPR_N_TIMEOUTS; i++) {
        r->timeouts[i] = ntohl(hdr->timeouts[i]);
    }
    r->affinity_ms = ntohl(hdr->affinity);
    r->n_ports = ntohs(hdr->n_ports);
    error = pull_ports(b, r, errorp);
    if (error) {
        return error;
    }

    size_t n_backends = ntohs(hdr->n_backends);
    r->backends = (n_backends ? xcalloc(n_backends, sizeof *r->backends)
                   : NULL);
    for (size_t i = 0; i < n_backends; i++) {
        const struct tpr_ofp_backend *src = ofpbuf_pull(b, sizeof *src);

        error = get_backend(src, state, &r->backends[i], errorp);
        if (error) {
            tpr_redirect_uninit(r);
            return error;
        }
    }
    r->n_backends = n_backends;
    return 0;
}

/* ## TPRT_REDIRECT_MOD. ## */

struct ofpbuf *
ofputil_encode_redirect_mod(enum ofp_version version,
                            const struct ofputil_redirect_mod *rm)
{
    struct ofpbuf *b = ofpraw_alloc(OFPRAW_TPRT_REDIRECT_MOD, version, 0);
    struct tpr_ofp_redirect_mod *hdr = ofpbuf_put_zeros(b, sizeof *hdr);

    hdr->command = htons(rm->command);
    if (rm->command == OFPRDC_DELETE) {
        struct tpr_redirect only_id;

        tpr_redirect_init(&only_id, rm->redirect.id);
        put_redirect(b, &only_id, false);
    } else {
        put_redirect(b, &rm->redirect, false);
    }
    ofpmsg_update_length(b);
    return b;
}

/* Checks the contents of a redirect mod whose structure is right. */
static enum ofperr
check_redirect_mod(const struct ofputil_redirect_mod *rm, char **errorp)
{
    const struct tpr_redirect *r = &rm->redirect;

    if (rm->command == OFPRDC_DELETE) {
        return (!r->id ? refuse(OFPERR_TPRC_BAD_REDIRECT, errorp,
                                "0 is no redirect's id")
                : r->n_ports || r->n_backends
                ? refuse(OFPERR_TPRC_BAD_REDIRECT, errorp,
                         "deleting a redirect takes only its id")
                : 0);
    }

    char *sentence = ofputil_check_redirect(r);
    if (!sentence) {
        return 0;
    }
    enum ofperr error = refuse(OFPERR_TPRC_BAD_REDIRECT, errorp,
                               "redirect %"PRIu32": %s", r->id, sentence);
    free(sentence);
    return error;
}

enum ofperr
ofputil_decode_redirect_mod(const struct ofp_header *oh,
                            struct ofputil_redirect_mod *rm, char **errorp)
{
    struct ofpbuf b = ofpbuf_const_initializer(oh, ntohs(oh->length));

    if (errorp) {
        *errorp = NULL;
    }
    ofpraw_pull_assert(&b);

    const struct tpr_ofp_redirect_mod *hdr = ofpbuf_pull(&b, sizeof *hdr);
    uint16_t command = ntohs(hdr->command);

    if (command > TPRRMC_DELETE) {
        return refuse(OFPERR_TPRC_BAD_COMMAND, errorp,
                      "command of a redirect mod is %"PRIu16, command);
    }
    if (!is_all_zeros(hdr->pad, sizeof hdr->pad)) {
        return refuse_reserved(errorp, "a redirect mod");
    }

    enum ofperr error = pull_redirect(&b, false, &rm->redirect, errorp);
    if (error) {
        return error;
    }
    rm->command = (enum ofputil_redirect_command) command;
    error = (b.size
             ? refuse(OFPERR_OFPBRC_BAD_LEN, errorp, "%"PRIu32" bytes after a "
                      "redirect's description", b.size)
             : check_redirect_mod(rm, errorp));
    if (error) {
        tpr_redirect_uninit(&rm->redirect);
    }
    return error;
}

/* ## TPRT_SET_LIVENESS. ## */

struct ofpbuf *
ofputil_encode_liveness_mod(enum ofp_version version,
                            const struct tpr_liveness_mod *lm)
{
    struct ofpbuf *b = ofpraw_alloc(OFPRAW_TPRT_SET_LIVENESS, version, 0);
    struct tpr_ofp_liveness_mod *wire = ofpbuf_put_zeros(b, sizeof *wire);

    wire->index = htonl(lm->index);
    wire->is_region = lm->is_region != 0;
    wire->state = lm->state;
    return b;
}

enum ofperr
ofputil_decode_liveness_mod(const struct ofp_header *oh,
                            struct tpr_liveness_mod *lm)
{
    const struct tpr_ofp_liveness_mod *wire = ofpmsg_body(oh);

    lm->index = ntohl(wire->index);
    lm->is_region = wire->is_region;
    lm->state = wire->state;
    if (!is_all_zeros(wire->pad, sizeof wire->pad)) {
        return refuse_reserved(NULL, "a liveness word's change");
    }
    if (lm->is_region > 1) {
        return refuse(OFPERR_TPRC_BAD_LIVENESS, NULL,
                      "kind of a liveness word is %"PRIu8, lm->is_region);
    }
    if (lm->index >= (lm->is_region ? TPR_MAX_REGIONS : TPR_MAX_BACKENDS)) {
        return refuse(OFPERR_TPRC_BAD_LIVENESS, NULL,
                      "there is no %s's liveness word %"PRIu32,
                      lm->is_region ? "region" : "backend", lm->index);
    }
    if (lm->state > TPR_LIVENESS_DRAIN) {
        return refuse(OFPERR_TPRC_BAD_LIVENESS, NULL,
                      "liveness state %"PRIu8" is not known", lm->state);
    }
    return 0;
}

/* ## TPRST_REDIRECT_DESC and TPRST_REDIRECT_STATS. ## */

static struct ofpbuf *
encode_request(enum ofpraw raw, enum ofp_version version, uint32_t id)
{
    struct ofpbuf *b = ofpraw_alloc(raw, version, 0);
    struct tpr_ofp_redirect_request *wire = ofpbuf_put_zeros(b, sizeof *wire);

    wire->id = htonl(id);
    return b;
}

struct ofpbuf *
ofputil_encode_redirect_desc_request(enum ofp_version version, uint32_t id)
{
    return encode_request(OFPRAW_TPRST_REDIRECT_DESC_REQUEST, version, id);
}

struct ofpbuf *
ofputil_encode_redirect_stats_request(enum ofp_version version, uint32_t id)
{
    return encode_request(OFPRAW_TPRST_REDIRECT_STATS_REQUEST, version, id);
}

enum ofperr
ofputil_decode_redirect_request(const struct ofp_header *oh, uint32_t *id)
{
    const struct tpr_ofp_redirect_request *wire = ofpmsg_body(oh);

    *id = ntohl(wire->id);
    if (!is_all_zeros(wire->pad, sizeof wire->pad)) {
        return refuse_reserved(NULL, "a request for redirects");
    }
    return 0;
}

void
ofputil_append_redirect_desc(struct ovs_list *replies,
                             const struct tpr_redirect *r)
{
    put_redirect(ofpmp_reserve(replies, redirect_length(r->n_ports,
                                                        r->n_backends)),
                 r, true);
}

int
ofputil_decode_redirect_desc(struct ofpbuf *msg, struct tpr_redirect *r)
{
    if (!msg->header) {
        ofpraw_pull_assert(msg);
    }
    return msg->size ? pull_redirect(msg, true, r, NULL) : EOF;
}

static void
put_backend_stats(struct ofpbuf *b, const struct tpr_backend_stats *src)
{
    struct tpr_ofp_backend_stats *dst = ofpbuf_put_zeros(b, sizeof *dst);

    dst->packets = htonll(src->packets);
    dst->bytes = htonll(src->bytes);
    dst->rev_packets = htonll(src->rev_packets);
    dst->rev_bytes = htonll(src->rev_bytes);
    dst->total_connections = htonll(src->total_connections);
    dst->connections = htonl(src->connections);
    dst->why = src->why;
}

static size_t
stats_length(size_t n_counters, size_t n_backends)
{
    return (sizeof(struct tpr_ofp_redirect_stats)
            + n_counters * sizeof(ovs_be64)
            + n_backends * sizeof(struct tpr_ofp_backend_stats));
}

void
ofputil_append_redirect_stats(struct ovs_list *replies,
                              const struct tpr_redirect_stats *stats)
{
    size_t length = stats_length(TPR_N_COUNTERS, stats->n_backends);
    struct ofpbuf *b = ofpmp_reserve(replies, length);
    struct tpr_ofp_redirect_stats *hdr = ofpbuf_put_zeros(b, sizeof *hdr);

    hdr->length = htons(length);
    hdr->n_counters = htons(TPR_N_COUNTERS);
    hdr->n_backends = htons(stats->n_backends);
    hdr->id = htonl(stats->id);
    hdr->duration_ms = htonll(stats->duration_ms);
    for (size_t i = 0; i < TPR_N_COUNTERS; i++) {
        ovs_be64 counter = htonll(stats->counters[i]);

        ofpbuf_put(b, &counter, sizeof counter);
    }
    for (size_t i = 0; i < stats->n_backends; i++) {
        put_backend_stats(b, &stats->backends[i]);
    }
}

static void
get_backend_stats(const struct tpr_ofp_backend_stats *src,
                  struct tpr_backend_stats *dst)
{
    dst->packets = ntohll(src->packets);
    dst->bytes = ntohll(src->bytes);
    dst->rev_packets = ntohll(src->rev_packets);
    dst->rev_bytes = ntohll(src->rev_bytes);
    dst->total_connections = ntohll(src->total_connections);
    dst->connections = ntohl(src->connections);
    dst->why = src->why;
}

int
ofputil_decode_redirect_stats(struct ofpbuf *msg,
                              struct tpr_redirect_stats *stats)
{
    if (!msg->header) {
        ofpraw_pull_assert(msg);
    }
    if (!msg->size) {
        return EOF;
    }

    const struct tpr_ofp_redirect_stats *hdr = msg->data;
    if (msg->size < sizeof *hdr) {
        return refuse(OFPERR_OFPBRC_BAD_LEN, NULL, "a redirect's statistics "
                      "are cut short, %"PRIu32" bytes", msg->size);
    }

    size_t n_counters = ntohs(hdr->n_counters);
    size_t n_backends = ntohs(hdr->n_backends);
    size_t length = ntohs(hdr->length);
    if (length != stats_length(n_counters, n_backends)
        || length > msg->size) {
        return refuse(OFPERR_OFPBRC_BAD_LEN, NULL, "length of a redirect's "
                      "statistics is %"PRIuSIZE", not %"PRIuSIZE", in a "
                      "message with %"PRIu32" bytes left", length,
                      stats_length(n_counters, n_backends), msg->size);
    }

    memset(stats, 0, sizeof *stats);
    stats->id = ntohl(hdr->id);
    stats->n_backends = n_backends;
    stats->duration_ms = ntohll(hdr->duration_ms);
    ofpbuf_pull(msg, sizeof *hdr);

    const ovs_be64 *counters = ofpbuf_pull(msg, n_counters * sizeof *counters);
    for (size_t i = 0; i < MIN(n_counters, TPR_N_COUNTERS); i++) {
        stats->counters[i] = ntohll(get_unaligned_be64(&counters[i]));
    }
    stats->backends = (n_backends ? xcalloc(n_backends,
                                            sizeof *stats->backends) : NULL);
    for (size_t i = 0; i < n_backends; i++) {
        const struct tpr_ofp_backend_stats *src = ofpbuf_pull(msg,
                                                              sizeof *src);

        get_backend_stats(src, &stats->backends[i]);
    }
    return 0;
}

void
tpr_redirect_stats_uninit(struct tpr_redirect_stats *stats)
{
    free(stats->backends);
    stats->backends = NULL;
    stats->n_backends = 0;
}

/* ## The action, for ofp-actions.c. ## */

enum ofperr
tpr_action_decode(const struct tpr_action_redirect *wire,
                  uint32_t *mode, uint32_t *id)
{
    *mode = wire->mode;
    *id = ntohl(wire->id);
    if (wire->pad) {
        return refuse_reserved(NULL, "a redirect action");
    }
    if (wire->mode > TPR_MODE_ANY) {
        return refuse(OFPERR_TPRC_BAD_ACTION, NULL,
                      "mode of a redirect action is %"PRIu8, wire->mode);
    }
    if (wire->mode == TPR_MODE_FORWARD
        ? !*id || *id == OFPRD_ALL : *id != 0) {
        return refuse(OFPERR_TPRC_BAD_ACTION, NULL,
                      "id of a redirect action is %"PRIu32, *id);
    }
    return 0;
}

void
tpr_action_encode(uint32_t mode, uint32_t id,
                  struct tpr_action_redirect *wire)
{
    wire->mode = mode;
    wire->pad = 0;
    wire->id = htonl(mode == TPR_MODE_FORWARD ? id : 0);
}

char *
tpr_action_parse(const char *arg, uint32_t *mode, uint32_t *id)
{
    *id = 0;
    if (!strcmp(arg, "reverse")) {
        *mode = TPR_MODE_REVERSE;
        return NULL;
    }
    if (!strcmp(arg, "any")) {
        *mode = TPR_MODE_ANY;
        return NULL;
    }
    *mode = TPR_MODE_FORWARD;
    return tpr_redirect_id_parse(arg, false, id);
}

void
tpr_action_format(uint32_t mode, uint32_t id, struct ds *s)
{
    if (mode == TPR_MODE_FORWARD) {
        ds_put_format(s, "%"PRIu32, id);
    } else {
        ds_put_cstr(s, mode == TPR_MODE_REVERSE ? "reverse" : "any");
    }
}
