/* SPDX-License-Identifier: Apache-2.0 */

/* Neighbours and links; neigh.h says what and why.
 *
 * Links, addresses and the kernel's neighbours come through libnl's cache
 * manager.  Our own questions and their answers go through one packet socket
 * a device, opened when the first wish for that device appears. */

#include <config.h>
#include "neigh.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netlink/cache.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/neighbour.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "arp-nd.h"
#include "coverage.h"
#include "hash.h"
#include "openvswitch/hmap.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/shash.h"
#include "openvswitch/util.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(neigh);

COVERAGE_DEFINE(neigh_ask);
COVERAGE_DEFINE(neigh_answer);
COVERAGE_DEFINE(neigh_send_error);
COVERAGE_DEFINE(neigh_unasked);

enum {
    ASK_FIRST_US = 100 * 1000,          /* Between questions, at first; */
    ASK_MAX_US = 2 * 1000 * 1000,       /* doubles up to this. */
    REFRESH_US = 20 * 1000 * 1000,      /* Once known. */
    ANSWER_US = 3 * 1000 * 1000,        /* An answer may take so long. */
    RX_BUDGET = 64,                     /* Frames a run and socket. */
};

/* A wish: resolve 'addr' on 'ifname'. */
struct entry {
    struct hmap_node node;      /* In struct neigh's 'entries'. */
    char ifname[IFNAMSIZ];
    uint16_t vlan;
    struct in6_addr addr;
    bool wanted;                /* Named since neigh_want_begin(). */

    bool known;                 /* 'mac' is valid. */
    bool proven;                /* ...and from an answer, not a hint. */
    struct eth_addr mac;
    long long int asked_us;     /* Time of the last question, 0: none. */
    long long int ask_us;       /* Time of the next question. */
    long long int backoff_us;
};

/* The packet socket of one device. */
struct port_sock {
    int fd;
    int ifindex;
};

struct neigh {
    struct nl_cache_mngr *mngr;
    struct nl_cache *links, *addrs, *neighs;    /* Owned by 'mngr'. */
    struct hmap entries;        /* struct entry. */
    struct shash socks;         /* ifname -> struct port_sock. */
    long long int next_us;      /* Earliest 'ask_us' of 'entries'. */
    unsigned int seqno;
};

/* Links, addresses, kernel neighbours. */

static void
cache_changed(struct nl_cache *cache OVS_UNUSED,
              struct nl_object *obj OVS_UNUSED, int action OVS_UNUSED,
              void *neigh_)
{
    struct neigh *neigh = neigh_;

    neigh->seqno++;
}

/* The kernel's neighbours change all the time (reachable, stale, ...): they
 * are looked at when a wish is due, and wake nobody. */
static void
neighbours_changed(struct nl_cache *cache OVS_UNUSED,
                   struct nl_object *obj OVS_UNUSED, int action OVS_UNUSED,
                   void *neigh OVS_UNUSED)
{
}

static void
open_caches(struct neigh *neigh)
{
    int error = nl_cache_mngr_alloc(NULL, NETLINK_ROUTE, 0, &neigh->mngr);

    if (!error) {
        error = nl_cache_mngr_add(neigh->mngr, "route/link", cache_changed,
                                  neigh, &neigh->links);
    }
    if (!error) {
        error = nl_cache_mngr_add(neigh->mngr, "route/addr", cache_changed,
                                  neigh, &neigh->addrs);
    }
    if (!error) {
        error = nl_cache_mngr_add(neigh->mngr, "route/neigh",
                                  neighbours_changed, neigh, &neigh->neighs);
    }
    if (error) {
        VLOG_ERR("cannot watch links and addresses: %s",
                 nl_geterror(error));
        if (neigh->mngr) {
            nl_cache_mngr_free(neigh->mngr);
            neigh->mngr = NULL;
        }
    }
}

/* Returns a new 'struct neigh'.  If the kernel's tables can't be watched, that
 * is logged, and nothing will be known of links. */
struct neigh *
neigh_create(void)
{
    struct neigh *neigh = xzalloc(sizeof *neigh);

    hmap_init(&neigh->entries);
    shash_init(&neigh->socks);
    neigh->next_us = LLONG_MAX;
    open_caches(neigh);
    return neigh;
}

static void
close_sock(struct neigh *neigh, struct shash_node *node)
{
    struct port_sock *sock = node->data;

    close(sock->fd);
    free(sock);
    shash_delete(&neigh->socks, node);
}

void
neigh_destroy(struct neigh *neigh)
{
    struct shash_node *node;
    struct entry *e;

    if (!neigh) {
        return;
    }
    HMAP_FOR_EACH_POP (e, node, &neigh->entries) {
        free(e);
    }
    hmap_destroy(&neigh->entries);
    SHASH_FOR_EACH_SAFE (node, &neigh->socks) {
        close_sock(neigh, node);
    }
    shash_destroy(&neigh->socks);
    if (neigh->mngr) {
        nl_cache_mngr_free(neigh->mngr);
    }
    free(neigh);
}

static bool
from_nl_addr(const struct nl_addr *nl, struct in6_addr *addr)
{
    if (!nl) {
        return false;
    }
    const uint8_t *p = nl_addr_get_binary_addr(nl);

    switch (nl_addr_get_family(nl)) {
    case AF_INET:
        memset(addr, 0, sizeof *addr);
        addr->s6_addr[10] = addr->s6_addr[11] = 0xff;
        memcpy(&addr->s6_addr[12], p, 4);
        return nl_addr_get_len(nl) == 4;
    case AF_INET6:
        memcpy(addr, p, sizeof *addr);
        return nl_addr_get_len(nl) == 16;
    default:
        return false;
    }
}

static struct rtnl_link *
find_link(const struct neigh *neigh, const char *ifname)
{
    return (neigh->mngr
            ? rtnl_link_get_by_name(neigh->links, ifname) : NULL);
}

/* Stores in '*out' what the kernel knows of device 'ifname'.  Returns false if
 * there is no such device. */
bool
neigh_link(const struct neigh *neigh, const char *ifname,
           struct neigh_link *out)
{
    struct rtnl_link *link = find_link(neigh, ifname);
    struct nl_addr *mac;

    if (!link) {
        return false;
    }
    memset(out, 0, sizeof *out);
    mac = rtnl_link_get_addr(link);
    if (mac && nl_addr_get_len(mac) == 6) {
        memcpy(out->mac.ea, nl_addr_get_binary_addr(mac), 6);
    }
    out->ifindex = rtnl_link_get_ifindex(link);
    out->carrier = (rtnl_link_get_flags(link) & (IFF_UP | IFF_RUNNING))
                   == (IFF_UP | IFF_RUNNING);
    out->mtu = rtnl_link_get_mtu(link);
    rtnl_link_put(link);
    return true;
}

/* Calls 'cb' for each address of this host until it returns true; returns
 * whether it did. */
static bool
for_each_address(const struct neigh *neigh,
                 bool (*cb)(struct rtnl_addr *, const struct in6_addr *,
                            void *aux),
                 void *aux)
{
    struct nl_object *obj;

    if (!neigh->mngr) {
        return false;
    }
    for (obj = nl_cache_get_first(neigh->addrs); obj;
         obj = nl_cache_get_next(obj)) {
        struct rtnl_addr *ra = (struct rtnl_addr *) obj;
        struct in6_addr addr;

        if (from_nl_addr(rtnl_addr_get_local(ra), &addr)
            && cb(ra, &addr, aux)) {
            return true;
        }
    }
    return false;
}

struct collect_aux {
    int ifindex;
    struct in6_addr *addrs;
    size_t n, allocated;
};

static bool
collect_address(struct rtnl_addr *ra, const struct in6_addr *addr, void *aux_)
{
    struct collect_aux *aux = aux_;

    if (rtnl_addr_get_ifindex(ra) == aux->ifindex) {
        if (aux->n >= aux->allocated) {
            aux->addrs = x2nrealloc(aux->addrs, &aux->allocated,
                                    sizeof *aux->addrs);
        }
        aux->addrs[aux->n++] = *addr;
    }
    return false;
}

/* Stores the addresses of device 'ifname' in '*addrs' (the caller frees it)
 * and returns their number. */
size_t
neigh_addresses(const struct neigh *neigh, const char *ifname,
                struct in6_addr **addrs)
{
    struct collect_aux aux = { .addrs = NULL };
    struct neigh_link link;

    *addrs = NULL;
    if (!neigh_link(neigh, ifname, &link)) {
        return 0;
    }
    aux.ifindex = link.ifindex;
    for_each_address(neigh, collect_address, &aux);
    *addrs = aux.addrs;
    return aux.n;
}

struct source_aux {
    int ifindex;
    const struct in6_addr *peer;
    struct in6_addr *source;
};

static bool
same_subnet(const struct in6_addr *a, const struct in6_addr *b,
            unsigned int plen)
{
    struct in6_addr mask = ipv6_create_mask(plen);
    struct in6_addr x = ipv6_addr_bitand(a, &mask);
    struct in6_addr y = ipv6_addr_bitand(b, &mask);

    return ipv6_addr_equals(&x, &y);
}

static bool
pick_source(struct rtnl_addr *ra, const struct in6_addr *addr, void *aux_)
{
    struct source_aux *aux = aux_;
    unsigned int plen = rtnl_addr_get_prefixlen(ra);

    if ((aux->ifindex && rtnl_addr_get_ifindex(ra) != aux->ifindex)
        || IN6_IS_ADDR_V4MAPPED(addr) != IN6_IS_ADDR_V4MAPPED(aux->peer)) {
        return false;
    }
    if (IN6_IS_ADDR_V4MAPPED(addr)) {
        plen += 96;
    }
    if (!same_subnet(addr, aux->peer, plen)) {
        return false;
    }
    *aux->source = *addr;
    return true;
}

/* Stores in '*source' an address of 'ifname' (NULL: of any device) whose
 * subnet 'peer' is in.  Returns false if there is none. */
bool
neigh_choose_source(const struct neigh *neigh, const char *ifname,
                    const struct in6_addr *peer, struct in6_addr *source)
{
    struct source_aux aux = { .peer = peer, .source = source };
    struct neigh_link link;

    if (ifname) {
        if (!neigh_link(neigh, ifname, &link)) {
            return false;
        }
        aux.ifindex = link.ifindex;
    }
    return for_each_address(neigh, pick_source, &aux);
}

struct owner_aux {
    const struct in6_addr *addr;
    int ifindex;
};

static bool
is_owner(struct rtnl_addr *ra, const struct in6_addr *addr, void *aux_)
{
    struct owner_aux *aux = aux_;

    if (!ipv6_addr_equals(addr, aux->addr)) {
        return false;
    }
    aux->ifindex = rtnl_addr_get_ifindex(ra);
    return true;
}

/* Returns true if 'addr' is an address of this host, and stores its device's
 * name in 'ifname' (IFNAMSIZ bytes) and MAC address in '*mac'. */
bool
neigh_owns(const struct neigh *neigh, const struct in6_addr *addr,
           char *ifname, struct eth_addr *mac)
{
    struct owner_aux aux = { .addr = addr };
    struct rtnl_link *link;
    struct neigh_link info;

    if (!for_each_address(neigh, is_owner, &aux)) {
        return false;
    }
    link = rtnl_link_get(neigh->links, aux.ifindex);
    if (!link) {
        return false;
    }
    ovs_strlcpy(ifname, rtnl_link_get_name(link), IFNAMSIZ);
    rtnl_link_put(link);
    if (!neigh_link(neigh, ifname, &info)) {
        return false;
    }
    *mac = info.mac;
    return true;
}

/* Looks 'addr' up in the kernel's neighbour table of device 'ifindex'. */
static bool
kernel_neighbour(const struct neigh *neigh, int ifindex,
                 const struct in6_addr *addr, struct eth_addr *mac)
{
    enum { GOOD = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE
                  | NUD_PERMANENT };
    bool v4 = IN6_IS_ADDR_V4MAPPED(addr);
    struct rtnl_neigh *rn;
    struct nl_addr *dst;
    bool found = false;

    if (!neigh->mngr) {
        return false;
    }
    dst = nl_addr_build(v4 ? AF_INET : AF_INET6,
                        v4 ? &addr->s6_addr[12] : addr->s6_addr,
                        v4 ? 4 : 16);
    if (!dst) {
        return false;
    }
    rn = rtnl_neigh_get(neigh->neighs, ifindex, dst);
    if (rn) {
        struct nl_addr *ll = rtnl_neigh_get_lladdr(rn);

        if (ll && nl_addr_get_len(ll) == 6
            && rtnl_neigh_get_state(rn) & GOOD) {
            memcpy(mac->ea, nl_addr_get_binary_addr(ll), 6);
            found = !eth_addr_is_zero(*mac);
        }
        rtnl_neigh_put(rn);
    }
    nl_addr_put(dst);
    return found;
}

/* Packet sockets. */

/* Accepts ARP replies, neighbour advertisements, and nothing else. */
static const struct sock_filter answers_only[] = {
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_ARP, 0, 2),
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 20),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 2, 5, 6),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_IPV6, 0, 5),
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 20),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ICMPV6, 0, 3),
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 54),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 136, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, 2048),
    BPF_STMT(BPF_RET | BPF_K, 0),
};

static int
open_sock(int ifindex)
{
    const struct sock_fprog fprog = {
        .len = ARRAY_SIZE(answers_only),
        .filter = CONST_CAST(struct sock_filter *, answers_only),
    };
    struct sockaddr_ll sll = {
        .sll_family = AF_PACKET,
        .sll_protocol = htons(ETH_P_ALL),
        .sll_ifindex = ifindex,
    };
    int one = 1;
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return -errno;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &fprog, sizeof fprog)
        || setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof one)
        || bind(fd, (struct sockaddr *) &sll, sizeof sll)) {
        int error = errno;

        close(fd);
        return -error;
    }
    return fd;
}

/* Returns the packet socket of 'ifname', opened if it must be, or NULL. */
static struct port_sock *
get_sock(struct neigh *neigh, const char *ifname, int ifindex)
{
    static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);
    struct shash_node *node = shash_find(&neigh->socks, ifname);
    struct port_sock *sock;
    int fd;

    if (node) {
        sock = node->data;
        if (sock->ifindex == ifindex) {
            return sock;
        }
        close_sock(neigh, node);        /* Device was made anew. */
    }
    fd = open_sock(ifindex);
    if (fd < 0) {
        VLOG_WARN_RL(&rl, "%s: cannot open a packet socket (%s)", ifname,
                     ovs_strerror(-fd));
        return NULL;
    }
    sock = xmalloc(sizeof *sock);
    sock->fd = fd;
    sock->ifindex = ifindex;
    shash_add(&neigh->socks, ifname, sock);
    return sock;
}

/* Entries. */

static uint32_t
entry_hash(const char *ifname, uint16_t vlan, const struct in6_addr *addr)
{
    return hash_bytes(addr, sizeof *addr, hash_string(ifname, vlan));
}

static struct entry *
find_entry(const struct neigh *neigh, const char *ifname, uint16_t vlan,
           const struct in6_addr *addr)
{
    struct entry *e;

    HMAP_FOR_EACH_WITH_HASH (e, node, entry_hash(ifname, vlan, addr),
                             &neigh->entries) {
        if (e->vlan == vlan && !strcmp(e->ifname, ifname)
            && ipv6_addr_equals(&e->addr, addr)) {
            return e;
        }
    }
    return NULL;
}

static void
learn(struct neigh *neigh, struct entry *e, const struct eth_addr *mac,
      bool proven)
{
    if (!e->known || !eth_addr_equals(e->mac, *mac)) {
        e->mac = *mac;
        neigh->seqno++;
    }
    e->known = true;
    e->proven |= proven;
}

/* Starts the list of wishes anew: what is not named by neigh_want() until
 * neigh_want_end() is forgotten. */
void
neigh_want_begin(struct neigh *neigh)
{
    struct entry *e;

    HMAP_FOR_EACH (e, node, &neigh->entries) {
        e->wanted = false;
    }
}

/* Asks for the MAC address of 'addr' on device 'ifname', VID 'vlan' (0:
 * untagged).  'hint', if not NULL and not zero, is believed until an answer
 * says otherwise. */
void
neigh_want(struct neigh *neigh, const char *ifname, uint16_t vlan,
           const struct in6_addr *addr, const struct eth_addr *hint)
{
    struct entry *e = find_entry(neigh, ifname, vlan, addr);

    if (!e) {
        e = xzalloc(sizeof *e);
        ovs_strlcpy(e->ifname, ifname, sizeof e->ifname);
        e->vlan = vlan;
        e->addr = *addr;
        e->backoff_us = ASK_FIRST_US;
        hmap_insert(&neigh->entries, &e->node,
                    entry_hash(ifname, vlan, addr));
        neigh->next_us = 0;
    }
    e->wanted = true;
    if (!e->known && hint && !eth_addr_is_zero(*hint)) {
        learn(neigh, e, hint, false);
    }
}

void
neigh_want_end(struct neigh *neigh)
{
    struct entry *e;

    HMAP_FOR_EACH_SAFE (e, node, &neigh->entries) {
        if (!e->wanted) {
            hmap_remove(&neigh->entries, &e->node);
            free(e);
        }
    }
}

/* Stores the MAC address in '*mac' and returns true if one is known. */
bool
neigh_lookup(const struct neigh *neigh, const char *ifname, uint16_t vlan,
             const struct in6_addr *addr, struct eth_addr *mac)
{
    const struct entry *e = find_entry(neigh, ifname, vlan, addr);

    if (!e || !e->known) {
        return false;
    }
    *mac = e->mac;
    return true;
}

/* Asks for 'e', or takes the kernel's word. */
static void
ask(struct neigh *neigh, struct entry *e, long long int now_us)
{
    char owner[IFNAMSIZ] = "";
    uint8_t frame[ARP_ND_MAX_FRAME];
    struct in6_addr source;
    struct neigh_link link;
    struct port_sock *sock;
    struct eth_addr mac;
    bool has_source;
    size_t size;

    e->ask_us = now_us + e->backoff_us;
    e->backoff_us = MIN(e->backoff_us * 2, ASK_MAX_US);

    if (!neigh_link(neigh, e->ifname, &link)
        || !(sock = get_sock(neigh, e->ifname, link.ifindex))) {
        return;
    }
    if (!e->known
        && kernel_neighbour(neigh, link.ifindex, &e->addr, &mac)) {
        learn(neigh, e, &mac, false);
    }
    mac = link.mac;
    has_source = neigh_choose_source(neigh, NULL, &e->addr, &source);
    if (has_source && (!neigh_owns(neigh, &source, owner, &mac)
                       || eth_addr_is_zero(mac))) {
        has_source = false;
        mac = link.mac;
    }
    size = arp_nd_request(&e->addr, has_source ? &source : NULL, &mac,
                          e->vlan, frame);
    COVERAGE_INC(neigh_ask);
    e->asked_us = now_us;
    if (send(sock->fd, frame, size, MSG_DONTWAIT) < 0) {
        COVERAGE_INC(neigh_send_error);
    }
}

static void
answer(struct neigh *neigh, const char *ifname, uint16_t vlan,
       const struct in6_addr *addr, const struct eth_addr *mac,
       long long int now_us)
{
    struct entry *e = find_entry(neigh, ifname, vlan, addr);

    if (!e) {
        return;
    }
    /* Who was not asked has nothing to say: a host that shouts a wrong address
     * must not move anybody's packets. */
    if (!e->asked_us || now_us - e->asked_us > ANSWER_US) {
        COVERAGE_INC(neigh_unasked);
    } else {
        COVERAGE_INC(neigh_answer);
        e->asked_us = 0;
        learn(neigh, e, mac, true);
        e->ask_us = now_us + REFRESH_US;
        e->backoff_us = ASK_FIRST_US;
    }
}

/* The VID that the kernel took out of the frame, or 0. */
static uint16_t
stripped_vlan(struct msghdr *msg)
{
    struct cmsghdr *cmsg;

    for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
        if (cmsg->cmsg_level == SOL_PACKET
            && cmsg->cmsg_type == PACKET_AUXDATA) {
            struct tpacket_auxdata aux;

            memcpy(&aux, CMSG_DATA(cmsg), sizeof aux);
            if (aux.tp_status & TP_STATUS_VLAN_VALID) {
                return aux.tp_vlan_tci & 0xfff;
            }
        }
    }
    return 0;
}

/* Reads what came in on 'sock'.  Returns false if the device is gone. */
static bool
receive(struct neigh *neigh, const char *ifname, struct port_sock *sock,
        long long int now_us)
{
    for (int i = 0; i < RX_BUDGET; i++) {
        union {
            struct cmsghdr cmsg;
            char space[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
        } ctl;
        uint8_t buf[2048];
        struct iovec iov = { buf, sizeof buf };
        struct sockaddr_ll from;
        struct msghdr msg = {
            .msg_name = &from, .msg_namelen = sizeof from,
            .msg_iov = &iov, .msg_iovlen = 1,
            .msg_control = &ctl, .msg_controllen = sizeof ctl,
        };
        struct in6_addr addr;
        struct eth_addr mac;
        uint16_t vlan, outer;
        ssize_t n = recvmsg(sock->fd, &msg, MSG_DONTWAIT);

        if (n < 0) {
            return errno == EAGAIN || errno == EINTR || errno == ENETDOWN;
        }
        outer = stripped_vlan(&msg);
        if (from.sll_pkttype != PACKET_OUTGOING     /* The switch's own. */
            && arp_nd_parse_answer(buf, n, &addr, &mac, &vlan)) {
            answer(neigh, ifname, outer ? outer : vlan, &addr, &mac, now_us);
        }
    }
    return true;
}

static void
ask_all_due(struct neigh *neigh, long long int now_us)
{
    struct entry *e;

    neigh->next_us = LLONG_MAX;
    HMAP_FOR_EACH (e, node, &neigh->entries) {
        if (e->ask_us <= now_us) {
            ask(neigh, e, now_us);
        }
        neigh->next_us = MIN(neigh->next_us, e->ask_us);
    }
}

/* Takes in what the kernel has to tell of links and addresses.  After an
 * overrun the tables are read anew. */
static void
read_news(struct neigh *neigh)
{
    int error = neigh->mngr ? nl_cache_mngr_data_ready(neigh->mngr) : 0;

    if (error < 0 && error != -NLE_AGAIN) {
        static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);

        VLOG_INFO_RL(&rl, "reading links and addresses anew (%s)",
                     nl_geterror(error));
        nl_cache_mngr_free(neigh->mngr);
        neigh->mngr = NULL;
        open_caches(neigh);
        neigh->seqno++;
    }
}

/* Reads news of the kernel and answers of neighbours, and asks what is due. */
void
neigh_run(struct neigh *neigh, long long int now_us)
{
    struct shash_node *node;

    read_news(neigh);
    SHASH_FOR_EACH_SAFE (node, &neigh->socks) {
        if (!receive(neigh, node->name, node->data, now_us)) {
            close_sock(neigh, node);
        }
    }
    if (neigh->next_us <= now_us) {
        ask_all_due(neigh, now_us);
    }
}

/* Wakes the poll loop when neigh_run() has something to do. */
void
neigh_wait(struct neigh *neigh)
{
    struct shash_node *node;

    if (neigh->mngr) {
        poll_fd_wait(nl_cache_mngr_get_fd(neigh->mngr), POLLIN);
    }
    SHASH_FOR_EACH (node, &neigh->socks) {
        struct port_sock *sock = node->data;

        poll_fd_wait(sock->fd, POLLIN);
    }
    if (neigh->next_us != LLONG_MAX) {
        poll_timer_wait_until(neigh->next_us / 1000 + 1);
    }
}

/* Returns a number that changes with every new MAC address, and with every
 * change of a link or an address of this host. */
unsigned int
neigh_seqno(const struct neigh *neigh)
{
    return neigh->seqno;
}
