/* SPDX-License-Identifier: Apache-2.0 */

/* The configuration as the agent works with it: regions, services, backends.
 *
 * config.c makes it from database rows and throws the old one away whole;
 * everybody else only reads it.  Rows that make no sense never get here: they
 * are complaints (see config.h), and the last good form of them stays.
 *
 * model-text.c has the words' textual forms, for the agent and ovs-tprctl
 * alike: durations, addresses, "[2001:db8::1]:80,443,8000-8010/tcp".
 *
 * Pure: no socket, clock or OVSDB header.  Threads: main thread. */

#ifndef TPR_MODEL_H
#define TPR_MODEL_H 1

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "agent-words.h"
#include "heartbeat.h"
#include "hb-thread.h"
#include "openvswitch/shash.h"
#include "openvswitch/types.h"
#include "packets.h"
#include "redirect.h"

struct ds;

/* VIP, ports and protocol of a service. */
struct tpr_vip {
    struct in6_addr addr;       /* IPv4 as IPv4-mapped. */
    enum tpr_proto proto;
    size_t n_ports;             /* 0: all ports (or proto without ports). */
    struct tpr_port_range ports[TPR_MAX_PORT_RANGES];
};

/* Every limit and default of the configuration.  Times in microseconds.  The
 * database leaves a column empty where the operator said nothing; these are
 * what "nothing" means. */
enum {
    TPR_NAME_MAX = 63,                  /* Bytes of a region's, service's or
                                         * backend's name. */
    TPR_INTERVAL_MIN_US = 1000,         /* Heartbeat, check: 1 ms .. */
    TPR_INTERVAL_MAX_US = 600 * 1000 * 1000,            /* .. 10 min. */
    TPR_HB_INTERVAL_US = 100 * 1000,    /* T_h. */
    TPR_HB_FALL = 3,                    /* n. */
    TPR_HB_RISE = 3,
    TPR_HB_MAX_EXCUSES = 3,             /* k. */
    TPR_CHECK_INTERVAL_US = 1000 * 1000,
    TPR_CHECK_FALL = 3,
    TPR_CHECK_RISE = 2,
    TPR_CHECK_EXPECT_MIN = 200,         /* HTTP status. */
    TPR_CHECK_EXPECT_MAX = 399,
    TPR_DRAIN_TIMEOUT_MIN_US = 1000,
    TPR_PASSIVE_MIN_US = 10 * 1000,     /* Passive detection's bound: below
                                         * the 5 s of half-open ones. */
    TPR_PASSIVE_MAX_US = 4 * 1000 * 1000,
    TPR_CHECK_BYTES_MAX = 255,          /* To send, or expected. */
    TPR_DAMPING_HOLD_US = 1000 * 1000,
    TPR_DAMPING_HOLD_MAX_US = 60 * 1000 * 1000,
    TPR_DAMPING_RESET_US = 120 * 1000 * 1000,
    TPR_FAILBACK_HOLD_US = 2000 * 1000,
    TPR_PRIORITY = 100,
    TPR_WEIGHT = 100,
    TPR_PANIC_THRESHOLD = 75,           /* Percent. */
    TPR_HISTORY_LIMIT = 1000,           /* Rows. */
    TPR_NOTIFY_TIMEOUT_US = 10 * 1000 * 1000,
    TPR_FLOW_TABLE = 0,
    TPR_CLIENT_TABLE = 250,
    TPR_FLOW_PRIORITY = 40000,          /* Above ovs-ofctl's default. */
};
#define TPR_HOUR_US (3600LL * 1000 * 1000)
#define TPR_HOLD_LIMIT_US (24 * TPR_HOUR_US)    /* Holds, damping. */
#define TPR_AFFINITY_US (5 * 60 * 1000 * 1000LL)        /* By default. */
#define TPR_AFFINITY_MIN_US (1000 * 1000LL)
#define TPR_AFFINITY_MAX_US (24 * TPR_HOUR_US)

/* What is added to the priority of backends that are for want of others. */
enum { TPR_BACKUP = 65536 };

enum tpr_failback { TPR_FAILBACK_AUTO, TPR_FAILBACK_MANUAL };

/* Which limit policy spillover goes by. */
enum tpr_spill { TPR_SPILL_CONNECTIONS, TPR_SPILL_PACKETS, TPR_SPILL_CPU };

#define TPR_CHECKS                              \
    TPR_CHECK(HTTP, "http")                     \
    TPR_CHECK(HTTPS, "https")                   \
    TPR_CHECK(TCP, "tcp")                       \
    TPR_CHECK(UDP, "udp")                       \
    TPR_CHECK(ICMP, "icmp")                     \
    TPR_CHECK(AGENT, "agent")
enum tpr_check_type {
#define TPR_CHECK(ENUM, NAME) TPR_CHECK_##ENUM,
    TPR_CHECKS
#undef TPR_CHECK
};

/* Bytes that a check sends or expects; any, zero included. */
struct tpr_bytes {
    uint8_t *data;              /* NULL: not given. */
    size_t n;                   /* At most TPR_CHECK_BYTES_MAX. */
};

/* A health check; every backend that it applies to has a copy. */
struct tpr_check {
    enum tpr_check_type type;
    long long int interval_us;  /* Start to start. */
    long long int fast_us;      /* The same while the state is in doubt, at
                                 * most interval_us; 0: interval_us. */
    long long int timeout_us;   /* For one check, connect to verdict. */
    unsigned int fall, rise;    /* Consecutive. */
    uint16_t port;              /* The check's own, else the backend's, else
                                 * the service's first; 0 with ICMP only. */
    char *path;                 /* HTTP(S); "/" by default. */
    char *host;                 /* HTTP(S) Host header, NULL: the address. */
    uint16_t expect_min, expect_max;    /* HTTP(S) status, inclusive. */
    bool keepalive;             /* HTTP(S): one connection for many. */
    struct tpr_bytes send;      /* TCP, UDP, AGENT. */
    struct tpr_bytes expect;    /* TCP, UDP: what an answer contains. */
    bool no_verify;             /* HTTPS: any certificate will do. */
    char *ca_file;              /* HTTPS: PEM, NULL: the host's. */
    char *sni;                  /* HTTPS: server's name, NULL: 'host'. */
};

/* Flap damping: a thing that comes back is held down for 'hold', which doubles
 * with each return within 'reset', up to 'hold_max'. */
struct tpr_damping {
    long long int hold_us;      /* First hold, 0: damping off. */
    long long int hold_max_us;
    long long int reset_us;     /* Quiet time after which hold is first. */
};

/* Whether the kernel receives and sends heartbeats. */
enum tpr_offload {
    TPR_OFFLOAD_OFF,
    TPR_OFFLOAD_ON,
    TPR_OFFLOAD_AUTO,           /* Short intervals. */
};
enum {
    /* Below, user space is late too often. */
    TPR_OFFLOAD_BELOW_US = 10 * 1000,

    /* How long the switch's beats go on without the agent.  At its end the
     * region hears that we are down, and the kernel takes nobody down any
     * more: long, as an agent that is gone needs its switch to go on. */
    TPR_OFFLOAD_LEASE_US = 60 * 1000 * 1000,
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
    enum tpr_offload offload;

    /* What the database remembers from before a restart. */
    enum heartbeat_state last_state;
    long long int last_since_ms;        /* Wall clock, 0: not known. */
};

/* What 'show' and the database say of a backend in one word. */
#define TPR_BACKEND_STATES                      \
    TPR_BACKEND_STATE(NONE, "")                 \
    TPR_BACKEND_STATE(UP, "up")                 \
    TPR_BACKEND_STATE(DRAINING, "draining")     \
    TPR_BACKEND_STATE(MAINTENANCE, "maintenance") \
    TPR_BACKEND_STATE(DOWN, "down")
enum tpr_backend_state {
#define TPR_BACKEND_STATE(ENUM, NAME) TPR_BACKEND_##ENUM,
    TPR_BACKEND_STATES
#undef TPR_BACKEND_STATE
};

struct tpr_backend {
    char *name;                 /* "SERVICE/REGION", or "SERVICE/" and the
                                 * name that the row gives; unique. */
    struct tpr_region *region;
    unsigned int index;         /* Liveness word; stable while it exists. */
    struct in6_addr addr;
    uint16_t port;              /* 0: as the client asked. */
    struct eth_addr mac;        /* Zero: resolve. */
    struct eth_addr last_mac;   /* What the database remembers. */
    unsigned int priority;      /* Lowest first; TPR_BACKUP and more: only
                                 * if no other is usable. */
    unsigned int weight;
    uint32_t max_connections;   /* 0: no limit. */
    long long int slow_start_us;        /* 0: the whole weight at once. */
    long long int drain_timeout_us;     /* The service's. */
    uint32_t max_pps;           /* Packets/s, at most TPR_MAX_PPS; 0: no
                                 * limit. */
    unsigned int max_cpu;       /* Percent, by its agent; 0: no limit. */
    struct tpr_check *check;    /* NULL: none. */
    struct tpr_check *agent_check;      /* NULL: none. */
    struct agent_words last_agent;      /* Database: what the agent said. */
    int last_up;                /* Database: -1 unknown, 0 down, 1 up. */
    enum tpr_backend_state last_state;  /* Database. */
    long long int last_since_ms;        /* Database: wall clock, or 0. */
};

struct tpr_service {
    char *name;
    struct tpr_vip vip;
    struct eth_addr vip_mac;    /* Zero: the owner's, or derived. */
    struct eth_addr last_vip_mac;       /* What the database remembers. */
    enum tpr_policy policy;
    enum tpr_spill spill;
    enum tpr_on_down on_down;
    enum tpr_on_none on_none;
    enum tpr_failback failback;
    bool stateless;             /* No connections: backends have the VIP as
                                 * well and answer clients themselves. */
    long long int failback_hold_us;
    long long int slow_start_us;        /* 0: the whole weight at once. */
    long long int drain_timeout_us;     /* Connections of who is drained so
                                         * long end; 0: none does. */
    long long int affinity_us;  /* A client's new connection goes to the
                                 * backend of its last new one, if that was
                                 * less long ago; 0: by policy alone. */
    long long int passive_us;   /* A SYN without an answer for so long makes
                                 * its backend suspect; 0: nobody looks. */
    struct tpr_backend **backends;      /* By priority, then name. */
    size_t n_backends;
    char *last_active;          /* Database: name of the backend in use. */
    long long int last_since_ms;        /* Database: wall clock, or 0. */
};

/* An order of the operator (DESIGN.md section 5), kept in the database. */
#define TPR_INTENTS                             \
    TPR_INTENT(DRAIN, "drain")                  \
    TPR_INTENT(FAILOVER, "failover")            \
    TPR_INTENT(FAILBACK, "failback")            \
    TPR_INTENT(BYPASS, "bypass")
enum tpr_intent_kind {
#define TPR_INTENT(ENUM, NAME) TPR_INTENT_##ENUM,
    TPR_INTENTS
#undef TPR_INTENT
};
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
    long long int notify_timeout_us;    /* For one run of one of them. */
    struct in6_addr metrics_addr;       /* Where metrics are served; */
    uint16_t metrics_port;              /* 0: nowhere. */
    struct shash regions;       /* name -> struct tpr_region. */
    struct shash services;      /* name -> struct tpr_service. */
    struct tpr_intent *intents;
    size_t n_intents;
};

struct tpr_config *tpr_config_create(void);
void tpr_config_destroy(struct tpr_config *);

struct tpr_region *tpr_region_clone(const struct tpr_region *);
void tpr_region_destroy(struct tpr_region *);
struct tpr_backend *tpr_backend_clone(const struct tpr_backend *,
                                      struct tpr_region *);
void tpr_backend_destroy(struct tpr_backend *);
struct tpr_service *tpr_service_clone(const struct tpr_service *,
                                      const struct shash *regions);
void tpr_service_add_backend(struct tpr_service *, struct tpr_backend *);
void tpr_service_sort(struct tpr_service *);
void tpr_service_destroy(struct tpr_service *);
struct tpr_check *tpr_check_clone(const struct tpr_check *);
void tpr_check_destroy(struct tpr_check *);

struct tpr_region *tpr_config_region(const struct tpr_config *,
                                     const char *name);
struct tpr_service *tpr_config_service(const struct tpr_config *,
                                       const char *name);
struct tpr_backend *tpr_config_backend(const struct tpr_config *,
                                       const char *name);
struct tpr_backend *tpr_service_find_backend(const struct tpr_service *,
                                             const char *short_name);
const char *tpr_backend_short_name(const struct tpr_backend *);

/* Words. */
const char *tpr_proto_to_string(enum tpr_proto);
const char *tpr_backend_state_to_string(enum tpr_backend_state);
enum tpr_backend_state tpr_backend_state_from_string(const char *);
const char *tpr_policy_to_string(enum tpr_policy);
bool tpr_policy_from_string(const char *, enum tpr_policy *);
const char *tpr_check_type_to_string(enum tpr_check_type);
bool tpr_check_type_from_string(const char *, enum tpr_check_type *);
const char *tpr_intent_kind_to_string(enum tpr_intent_kind);
bool tpr_intent_kind_from_string(const char *, enum tpr_intent_kind *);

/* Textual forms.  Parsers return NULL or a sentence to free(); what they fill
 * in is then undefined.  model-text.c documents each. */
char *tpr_parse_duration(const char *, long long int *us)
    __attribute__((warn_unused_result));
char *tpr_parse_duration_range(const char *, long long int min_us,
                               long long int max_us, long long int *us)
    __attribute__((warn_unused_result));
char *tpr_format_duration(long long int us);
void tpr_put_us(struct ds *, long long int us);
char *tpr_parse_address(const char *, struct in6_addr *)
    __attribute__((warn_unused_result));
char *tpr_parse_host_address(const char *, struct in6_addr *)
    __attribute__((warn_unused_result));
char *tpr_format_address(const struct in6_addr *);
char *tpr_parse_address_port(const char *, struct in6_addr *, uint16_t *port)
    __attribute__((warn_unused_result));
char *tpr_parse_listener(const char *, struct in6_addr *, uint16_t *port)
    __attribute__((warn_unused_result));
char *tpr_parse_mac(const char *, struct eth_addr *)
    __attribute__((warn_unused_result));
char *tpr_parse_vip(const char *, struct tpr_vip *)
    __attribute__((warn_unused_result));
char *tpr_format_vip(const struct tpr_vip *);
char *tpr_parse_status_range(const char *, uint16_t *min, uint16_t *max)
    __attribute__((warn_unused_result));
char *tpr_parse_unsigned(const char *, unsigned long long int min,
                         unsigned long long int max,
                         unsigned long long int *)
    __attribute__((warn_unused_result));
char *tpr_parse_bytes(const char *, struct tpr_bytes *)
    __attribute__((warn_unused_result));
char *tpr_check_name(const char *)
    __attribute__((warn_unused_result));
char *tpr_check_path(const char *)
    __attribute__((warn_unused_result));
char *tpr_check_host(const char *)
    __attribute__((warn_unused_result));
char *tpr_quote(const char *);
void tpr_put_escaped(struct ds *, const uint8_t *, size_t);
bool tpr_vip_overlaps(const struct tpr_vip *, const struct tpr_vip *);
bool tpr_same_family(const struct in6_addr *, const struct in6_addr *);

#endif /* model.h */
