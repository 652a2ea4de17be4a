/* SPDX-License-Identifier: Apache-2.0 */

/* OpenFlow extensions for transparent packet redirection: the wire formats.
 *
 * Why: redirect objects are configured like meters, but OpenFlow has no such
 * thing, so it takes an experimenter's messages, multiparts, errors and one
 * action.  All start with the headers that Nicira's extensions have (a 32-bit
 * subtype after the experimenter id, in the action a 16-bit one), so that
 * Open vSwitch's generators serve them too.
 *
 * How: everything is in network byte order and a multiple of 8 bytes long.
 * Reserved bytes are sent as zeros and anything else is refused.  Encoders
 * and decoders are in ofp-redirect.[ch].
 *
 * TPR_VENDOR_ID (openflow-common.h) is 72-54-50: an OUI out of the range that
 * IEEE 802 leaves to local administrators, assigned to nobody; the project
 * has neither an OUI of its own nor an id from the ONF. */

#ifndef TPR_REDIRECT_EXT_H
#define TPR_REDIRECT_EXT_H 1

#include <netinet/in.h>
#include "openflow/openflow.h"
#include "openvswitch/types.h"

/* A redirect id that stands for all redirects, in requests and deletions. */
#define OFPRD_ALL 0xffffffff

/* What TPRT_REDIRECT_MOD asks for. */
enum tpr_ofp_redirect_command {
    TPRRMC_ADD,                 /* A new redirect, refused if there is one. */
    TPRRMC_MODIFY,              /* Replaces one; connections of backends that
                                 * stay are kept. */
    TPRRMC_DELETE,              /* One, or all (OFPRD_ALL). */
};

/* TPRT_REDIRECT_MOD: followed by one struct tpr_ofp_redirect, for
 * TPRRMC_DELETE one without ports and backends of which only 'id' counts. */
struct tpr_ofp_redirect_mod {
    ovs_be16 command;           /* TPRRMC_*. */
    uint8_t pad[6];
};
OFP_ASSERT(sizeof(struct tpr_ofp_redirect_mod) == 8);

/* A redirect's description.
 *
 *   +----------------------------+
 *   | struct tpr_ofp_redirect    |
 *   +----------------------------+
 *   | n_ports * tpr_ofp_ports    |  padded with zeros to 8 bytes
 *   +----------------------------+
 *   | n_backends * tpr_ofp_      |
 *   |   backend                  |
 *   +----------------------------+
 *
 * The body of TPRT_REDIRECT_MOD, and of TPRST_REDIRECT_DESC replies (any
 * number of them one after the other). */
struct tpr_ofp_redirect {
    ovs_be16 length;            /* Of all of it, a multiple of 8. */
    uint8_t version;            /* TPR_REDIRECT_VERSION. */
    uint8_t proto;              /* IP protocol; 0: any. */
    ovs_be32 id;                /* Never 0. */
    uint8_t policy;             /* enum tpr_policy. */
    uint8_t on_down;            /* enum tpr_on_down. */
    uint8_t on_none;            /* enum tpr_on_none. */
    uint8_t flags;              /* TPRRF_*; the others are zero. */
    ovs_be16 n_ports;
    ovs_be16 n_backends;
    struct in6_addr vip;        /* IPv4: ::ffff:a.b.c.d. */
    ovs_be32 timeouts[5];       /* ms, indexed by enum tpr_timeout. */
    ovs_be32 affinity;          /* ms; 0: none, and all that switches take
                                 * that do not know affinity. */
};
OFP_ASSERT(sizeof(struct tpr_ofp_redirect) == 56);

/* Of a redirect. */
enum tpr_ofp_redirect_flags {
    TPRRF_STATELESS = 1 << 0,   /* No connections, no rewriting of what frames
                                 * carry. */
};

/* A range of ports. */
struct tpr_ofp_ports {
    ovs_be16 first, last;       /* Inclusive. */
};
OFP_ASSERT(sizeof(struct tpr_ofp_ports) == 4);

/* A backend of a redirect. */
enum {
    TPRBF_WITHDRAWN = 1 << 0,   /* Only in descriptions from the switch: its
                                 * port is gone or not eligible. */
};

struct tpr_ofp_backend {
    struct in6_addr addr;       /* IPv4: ::ffff:a.b.c.d. */
    ovs_be32 output;            /* Port, as in OpenFlow 1.1+. */
    ovs_be32 region;            /* Liveness word of its region. */
    ovs_be32 word;              /* Its own; TPR_NO_WORD: none. */
    ovs_be32 max_connections;   /* 0: no limit. */
    ovs_be16 l4_port;           /* 0: as the client asked. */
    ovs_be16 vlan;              /* TPR_VLAN_*, or a VID. */
    ovs_be16 weight;
    ovs_be16 priority;          /* Lowest first. */
    struct eth_addr mac;        /* Ethernet destination. */
    struct eth_addr src_mac;    /* Ethernet source; zero: keep. */
    uint8_t flags;              /* TPRBF_*. */
    uint8_t max_pps[3];         /* Packets/s; 0: no limit. */
};
OFP_ASSERT(sizeof(struct tpr_ofp_backend) == 56);

/* TPRT_SET_LIVENESS: changes one liveness word. */
struct tpr_ofp_liveness_mod {
    ovs_be32 index;
    uint8_t is_region;          /* 1: a region's word; 0: a backend's. */
    uint8_t state;              /* enum tpr_liveness. */
    uint8_t pad[2];
};
OFP_ASSERT(sizeof(struct tpr_ofp_liveness_mod) == 8);

/* Body of the requests TPRST_REDIRECT_DESC and TPRST_REDIRECT_STATS. */
struct tpr_ofp_redirect_request {
    ovs_be32 id;                /* Of one redirect, or OFPRD_ALL. */
    uint8_t pad[4];
};
OFP_ASSERT(sizeof(struct tpr_ofp_redirect_request) == 8);

/* Body of replies TPRST_REDIRECT_STATS: any number of these, each followed by
 * n_counters 64-bit counters in the order of enum tpr_counter (a later
 * release may append some) and n_backends struct tpr_ofp_backend_stats in the
 * description's order. */
struct tpr_ofp_redirect_stats {
    ovs_be16 length;            /* Of all of it, a multiple of 8. */
    ovs_be16 n_counters;
    ovs_be16 n_backends;
    uint8_t pad[2];
    ovs_be32 id;
    uint8_t pad2[4];
    ovs_be64 duration_ms;       /* Since it was added. */
};
OFP_ASSERT(sizeof(struct tpr_ofp_redirect_stats) == 24);

struct tpr_ofp_backend_stats {
    ovs_be64 packets;           /* Towards the backend. */
    ovs_be64 bytes;
    ovs_be64 rev_packets;       /* Back from it. */
    ovs_be64 rev_bytes;
    ovs_be64 total_connections; /* Ever placed. */
    ovs_be32 connections;       /* Now. */
    uint8_t why;                /* enum tpr_why, now. */
    uint8_t pad[3];
};
OFP_ASSERT(sizeof(struct tpr_ofp_backend_stats) == 48);

/* TPRAST_REDIRECT: the action. */
struct tpr_action_redirect {
    ovs_be16 type;              /* OFPAT_VENDOR. */
    ovs_be16 len;               /* 16. */
    ovs_be32 vendor;            /* TPR_VENDOR_ID. */
    ovs_be16 subtype;           /* TPRAST_REDIRECT. */
    uint8_t mode;               /* enum tpr_mode. */
    uint8_t pad;
    ovs_be32 id;                /* TPR_MODE_FORWARD: the redirect; else 0. */
};
OFP_ASSERT(sizeof(struct tpr_action_redirect) == 16);

#endif /* redirect-ext.h */
