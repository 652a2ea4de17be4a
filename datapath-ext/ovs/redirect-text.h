/* SPDX-License-Identifier: Apache-2.0 */

/* Redirects and liveness words as text, the form of ovs-ofctl and of dumps:
 *
 *     id=7,vip=172.20.126.50,tcp,port=80,port=8000-8010,policy=failover,
 *     on_down=reset,on_none=drop,timeout=established:7200s,
 *     backend=172.20.126.60,output=2,mac=00:00:5e:00:53:01,l4_port=8080,...
 *
 * How: "KEY=VALUE" separated by commas (or white space).  Keys after a
 * "backend=ADDRESS" are that backend's, up to the next "backend=".  What is
 * left out has its default, and formatting leaves defaults out, so that
 * parsing what was formatted gives an equal redirect.  ovs-ofctl(8) has the
 * keys.
 *
 * Errors: one sentence that names the field; the caller frees it.
 *
 * Threads: pure functions. */

#ifndef TPR_REDIRECT_TEXT_H
#define TPR_REDIRECT_TEXT_H 1

#include "openvswitch/compiler.h"
#include "redirect.h"

struct ds;
struct ofputil_port_map;

/* Parses 's' into '*r', which the caller must tpr_redirect_uninit() after
 * success.  'port_map' translates names of ports in "output=", or is NULL.
 * The description is checked as a whole too (tpr_redirect_check()). */
char *tpr_redirect_parse(struct tpr_redirect *r, const char *s,
                         const struct ofputil_port_map *port_map)
    OVS_WARN_UNUSED_RESULT;

/* Appends 'r' to 'ds', without a new-line.  'port_map' translates numbers of
 * ports to names, or is NULL. */
void tpr_redirect_format(const struct tpr_redirect *r,
                         const struct ofputil_port_map *port_map,
                         struct ds *ds);

/* Parses a redirect's id out of "7", "id=7", or "all" where 'all'
 * (OFPRD_ALL). */
char *tpr_redirect_id_parse(const char *s, bool all, uint32_t *id)
    OVS_WARN_UNUSED_RESULT;

/* Appends 'stats' to 'ds': a line for the redirect, one more for each
 * backend, each with a new-line. */
void tpr_redirect_stats_format(const struct tpr_redirect_stats *stats,
                               struct ds *ds);

/* Parses "region=3,state=down" or "word=5,state=up". */
char *tpr_liveness_parse(struct tpr_liveness_mod *, const char *s)
    OVS_WARN_UNUSED_RESULT;

/* Appends the same. */
void tpr_liveness_format(const struct tpr_liveness_mod *, struct ds *);

/* Names for logs and traces, like those in redirect-check.h; "unknown" for
 * what has none. */
const char *tpr_on_down_name(uint8_t on_down);
const char *tpr_on_none_name(uint8_t on_none);
const char *tpr_liveness_name(uint8_t state);

/* Appends an address, IPv4 in dotted form. */
void tpr_addr_format(const struct tpr_addr *, struct ds *);

/* Parses an IPv4 or IPv6 address. */
bool tpr_addr_parse(const char *s, struct tpr_addr *) OVS_WARN_UNUSED_RESULT;

#endif /* redirect-text.h */
