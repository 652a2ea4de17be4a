/* SPDX-License-Identifier: Apache-2.0 */

/* Redirects and liveness words in OpenFlow: messages to and from structs.
 *
 * Why: the switch, its tools and the agent exchange redirect objects in
 * OpenFlow messages; all of them use this one codec.
 *
 * How: "encode" functions never fail (callers pass what the model's limits
 * allow), "decode" functions believe nothing: each bad message is one OFPERR_*
 * and one rate-limited sentence in the log.  The wire formats are in
 * redirect-ext.h, the text form in redirect-text.[ch].
 *
 * Ports: struct tpr_redirect_backend's 'output' is ofp_to_u16() of an
 * ofp_port_t in everything here.
 *
 * Threads: pure functions. */

#ifndef TPR_OFP_REDIRECT_H
#define TPR_OFP_REDIRECT_H 1

#include <stdbool.h>
#include "openvswitch/compiler.h"
#include "openvswitch/ofp-errors.h"
#include "openvswitch/ofp-protocol.h"
#include "redirect.h"
#include "redirect-ext.h"

struct ds;
struct ofp_header;
struct ofpbuf;
struct ofputil_port_map;
struct ovs_list;

/* ## Descriptions as such. ## */

/* Copies 'src' to '*dst', which then owns its backends. */
void tpr_redirect_clone(struct tpr_redirect *dst, const struct tpr_redirect *);

/* Frees what 'r' owns and leaves it without backends. */
void tpr_redirect_uninit(struct tpr_redirect *r);

/* Whether both say the same.  'withdrawn' is state, not description, and
 * does not count. */
bool tpr_redirect_equal(const struct tpr_redirect *,
                        const struct tpr_redirect *);

/* Returns NULL if OpenFlow may carry 'r' to a switch, or a sentence that the
 * caller must free: tpr_redirect_check() and what it cannot know, ports. */
char *ofputil_check_redirect(const struct tpr_redirect *r)
    OVS_WARN_UNUSED_RESULT;

/* ## TPRT_REDIRECT_MOD. ## */

enum ofputil_redirect_command {
    OFPRDC_ADD = TPRRMC_ADD,
    OFPRDC_MODIFY = TPRRMC_MODIFY,
    OFPRDC_DELETE = TPRRMC_DELETE,
};

struct ofputil_redirect_mod {
    enum ofputil_redirect_command command;
    struct tpr_redirect redirect;       /* OFPRDC_DELETE: only 'id', which may
                                         * be OFPRD_ALL. */
};

/* Version must be 1.3 or later, here and below. */
struct ofpbuf *ofputil_encode_redirect_mod(
    enum ofp_version, const struct ofputil_redirect_mod *);

/* Returns 0 and fills '*rm', whose 'redirect' the caller must uninit, or an
 * OFPERR_* with nothing to free and, if 'errorp' is nonnull, in '*errorp' a
 * sentence that the caller must free (NULL on success). */
enum ofperr ofputil_decode_redirect_mod(const struct ofp_header *,
                                        struct ofputil_redirect_mod *rm,
                                        char **errorp);
void ofputil_format_redirect_mod(struct ds *,
                                 const struct ofputil_redirect_mod *,
                                 const struct ofputil_port_map *);

/* ## TPRT_SET_LIVENESS. ## */

struct ofpbuf *ofputil_encode_liveness_mod(enum ofp_version,
                                           const struct tpr_liveness_mod *);
enum ofperr ofputil_decode_liveness_mod(const struct ofp_header *,
                                        struct tpr_liveness_mod *);

/* ## TPRST_REDIRECT_DESC and TPRST_REDIRECT_STATS. ## */

/* 'id' of one redirect or OFPRD_ALL. */
struct ofpbuf *ofputil_encode_redirect_desc_request(enum ofp_version,
                                                    uint32_t id);
struct ofpbuf *ofputil_encode_redirect_stats_request(enum ofp_version,
                                                     uint32_t id);
enum ofperr ofputil_decode_redirect_request(const struct ofp_header *,
                                            uint32_t *id);

/* Append one object to 'replies', which ofpmp_init() made. */
void ofputil_append_redirect_desc(struct ovs_list *replies,
                                  const struct tpr_redirect *);
void ofputil_append_redirect_stats(struct ovs_list *replies,
                                   const struct tpr_redirect_stats *);

/* Take the next object out of the reply in 'msg' (an ofpbuf made of the whole
 * message).  Return 0 and an object that the caller must uninit, EOF at the
 * end, or an OFPERR_*. */
int ofputil_decode_redirect_desc(struct ofpbuf *msg, struct tpr_redirect *);
int ofputil_decode_redirect_stats(struct ofpbuf *msg,
                                  struct tpr_redirect_stats *);

/* Frees 'stats''s backends. */
void tpr_redirect_stats_uninit(struct tpr_redirect_stats *stats);

/* ## The messages for ofp-print.c. ## */

enum ofperr ofp_print_redirect_mod(struct ds *, const struct ofp_header *,
                                   const struct ofputil_port_map *);
enum ofperr ofp_print_liveness_mod(struct ds *, const struct ofp_header *);
enum ofperr ofp_print_redirect_request(struct ds *,
                                       const struct ofp_header *);
enum ofperr ofp_print_redirect_desc_reply(struct ds *,
                                          const struct ofp_header *,
                                          const struct ofputil_port_map *);
enum ofperr ofp_print_redirect_stats_reply(struct ds *,
                                           const struct ofp_header *);

/* ## The action, for ofp-actions.c. ## */

/* What the action says.  For TPR_MODE_FORWARD 'id' is a redirect's (not 0 or
 * OFPRD_ALL), else 0. */
enum ofperr tpr_action_decode(const struct tpr_action_redirect *,
                              uint32_t *mode, uint32_t *id);
void tpr_action_encode(uint32_t mode, uint32_t id,
                       struct tpr_action_redirect *);

/* Parses "7", "reverse" or "any"; returns NULL or a sentence to be freed. */
char *tpr_action_parse(const char *arg, uint32_t *mode, uint32_t *id)
    OVS_WARN_UNUSED_RESULT;

/* Appends "7", "reverse" or "any". */
void tpr_action_format(uint32_t mode, uint32_t id, struct ds *);

#endif /* ofp-redirect.h */
