/* SPDX-License-Identifier: Apache-2.0 */

/* The configuration as the agent works with it: regions, services, backends.
 *
 * config.c makes it from database rows and throws the old one away whole;
 * everybody else only reads it.  Rows that make no sense never get here: they
 * are complaints (see config.h), and the last good form of them stays.
 *
 * model.c has the words' textual forms, for the agent and ovs-tprctl alike:
 * durations, addresses, "[2001:db8::1]:80,443,8000-8010/tcp".
 *
 * Pure: no socket, clock or OVSDB header.  Threads: main thread. */

#ifndef TPR_MODEL_H
#define TPR_MODEL_H 1

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "heartbeat.h"
#include "hb-thread.h"
#include "openvswitch/shash.h"
#include "openvswitch/types.h"
#include "packets.h"

/* A service's protocol; IP protocol numbers, 0 is "any". */
enum tpr_proto {
    TPR_PROTO_ANY = 0,
    TPR_PROTO_TCP = 6,
    TPR_PROTO_UDP = 17,
    TPR_PROTO_SCTP = 132,
};

struct tpr_port_range {
    uint16_t first, last;       /* Host byte order, inclusive. */
};

enum { TPR_MAX_PORT_RANGES = 32 };

/* VIP, ports and protocol of a service. */
struct tpr_vip {
    struct in6_addr addr;       /* IPv4 as IPv4-mapped. */
    enum tpr_proto proto;
    size_t n_ports;             /* 0: all ports (or proto without ports). */
    struct tpr_port_range ports[TPR_MAX_PORT_RANGES];
};

#define TPR_POLICIES                                        \
    TPR_POLICY(FAILOVER, "failover")                        \
    TPR_POLICY(WEIGHTED, "weighted")                        \
    TPR_POLICY(ROUND_ROBIN, "round-robin")                  \
    TPR_POLICY(MAGLEV, "maglev")                            \
    TPR_POLICY(LEAST_CONNECTIONS, "least-connections")      \
    TPR_POLICY(SPILLOVER, "spillover")
enum tpr_policy {
#define TPR_POLICY(ENUM, NAME) TPR_POLICY_##ENUM,
    TPR_POLICIES
#undef TPR_POLICY
};

enum tpr_on_down { TPR_ON_DOWN_DEFAULT, TPR_ON_DOWN_RESET,
                   TPR_ON_DOWN_RESELECT, TPR_ON_DOWN_KEEP };
enum tpr_on_none { TPR_ON_NONE_DROP, TPR_ON_NONE_RESET, TPR_ON_NONE_PASS };
enum tpr_failback { TPR_FAILBACK_AUTO, TPR_FAILBACK_MANUAL };

#define TPR_CHECKS                              \
    TPR_CHECK(HTTP, "http")                     \
    TPR_CHECK(TCP, "tcp")
enum tpr_check_type {
#define TPR_CHECK(ENUM, NAME) TPR_CHECK_##ENUM,
    TPR_CHECKS
#undef TPR_CHECK
};

/* A health check; every backend that it applies to has a copy. */
struct tpr_check {
    enum tpr_check_type type;
    long long int interval_us;  /* Start to start. */
    long long int timeout_us;   /* For one check, connect to verdict. */
    unsigned int fall, rise;    /* Consecutive. */
    uint16_t port;              /* 0: the backend's. */
    char *path;                 /* HTTP; "/" by default. */
    char *host;                 /* HTTP Host header, NULL: the address. */
    uint16_t expect_min, expect_max;    /* HTTP status, inclusive. */
};

/* Flap damping: a thing that comes back is held down for 'hold', which doubles
 * with each return within 'reset', up to 'hold_max'. */
struct tpr_damping {
    long long int hold_us;      /* First hold, 0: damping off. */
    long long int hold_max_us;
    long long int reset_us;     /* Quiet time after which hold is first. */
};

struct tpr_region {
    char *name;
    char *port;                 /* Name of the switch's port. */
    unsigned int index;         /* Liveness word; stable while it exists. */
    uint16_t vlan;              /* VID towards the region, 0: none. */
    bool has_gateway;           /* Backends are behind this router: */
    struct in6_addr gateway;
    struct tpr_damping damping;

    bool has_heartbeat;         /* Without one only the link counts. */
    enum hb_type hb_type;
    struct in6_addr local;      /* Unspecified: choose by 'peer'. */
    struct in6_addr peer;
    struct eth_addr peer_mac;   /* Zero: learn. */
    struct heartbeat_config hb; /* T_h, n, rise, k. */
    long long int detect_override_us;   /* 0: none. */
    struct bfd_session_config bfd;

    /* What the database remembers from before a restart. */
    enum heartbeat_state last_state;
};

struct tpr_backend {
    char *name;                 /* "SERVICE/REGION" or given; unique. */
    struct tpr_region *region;
    unsigned int index;         /* Liveness word; stable while it exists. */
    struct in6_addr addr;
    uint16_t port;              /* 0: as the client asked. */
    struct eth_addr mac;        /* Zero: resolve. */
    struct eth_addr last_mac;   /* What the database remembers. */
    unsigned int priority;      /* Lowest first. */
    unsigned int weight;
    uint32_t max_connections;   /* 0: no limit. */
    struct tpr_check *check;    /* NULL: none. */
    int last_up;                /* Database: -1 unknown, 0 down, 1 up. */
};

struct tpr_service {
    char *name;
    struct tpr_vip vip;
    struct eth_addr vip_mac;    /* Zero: the owner's, or derived. */
    struct eth_addr last_vip_mac;       /* What the database remembers. */
    enum tpr_policy policy;
    enum tpr_on_down on_down;
    enum tpr_on_none on_none;
    enum tpr_failback failback;
    long long int failback_hold_us;
    struct tpr_backend **backends;      /* By priority, then name. */
    size_t n_backends;
    char *last_active;          /* Database: name of the backend in use. */
};

/* An order of the operator (DESIGN.md section 5), kept in the database. */
enum tpr_intent_kind { TPR_INTENT_DRAIN, TPR_INTENT_FAILOVER,
                       TPR_INTENT_FAILBACK, TPR_INTENT_BYPASS };
struct tpr_intent {
    enum tpr_intent_kind kind;
    char *object;               /* DRAIN: "r1" or "web/r1"; others: "web". */
    char *to;                   /* FAILOVER: region's name. */
    char *who, *reason;
    long long int when_ms;      /* Wall clock. */
    long long int until_ms;     /* Wall clock, 0: until revoked. */
};

struct tpr_config {
    char *bridge;               /* NULL: the one that has the ports. */
    char *datapath;             /* "auto", "flows", ... */
    bool bypass;                /* Stock switch, no flows of ours. */
    unsigned int panic_threshold;       /* Percent, 0: off. */
    unsigned int history_limit; /* Rows. */
    uint16_t flow_table, client_table;  /* OpenFlow tables of our flows. */
    uint16_t flow_priority;     /* Base priority of our flows. */
    char **notify;              /* Executables. */
    size_t n_notify;
    struct shash regions;       /* name -> struct tpr_region. */
    struct shash services;      /* name -> struct tpr_service. */
    struct tpr_intent *intents;
    size_t n_intents;
};

struct tpr_config *tpr_config_create(void);
void tpr_config_destroy(struct tpr_config *);

/* Textual forms.  Parsers return NULL or a sentence to free(). */
char *tpr_parse_duration(const char *, long long int *us)
    __attribute__((warn_unused_result));
char *tpr_format_duration(long long int us);
char *tpr_parse_address(const char *, struct in6_addr *)
    __attribute__((warn_unused_result));
char *tpr_format_address(const struct in6_addr *);
char *tpr_parse_vip(const char *, struct tpr_vip *)
    __attribute__((warn_unused_result));
char *tpr_format_vip(const struct tpr_vip *);
char *tpr_parse_status_range(const char *, uint16_t *min, uint16_t *max)
    __attribute__((warn_unused_result));
bool tpr_vip_overlaps(const struct tpr_vip *, const struct tpr_vip *);

#endif /* model.h */
