/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Looks at devices: see attach-facts.h. */

#include <config.h>
#include "attach-facts.h"

#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "attach-netns.h"
#include "netlink.h"
#include "netlink-socket.h"
#include "openvswitch/ofpbuf.h"
#include "util.h"

enum {
    LOWER_UP = 1 << 16,         /* IFF_LOWER_UP of <linux/if.h>, which does
                                 * not go together with <net/if.h>. */
};

/* ## ethtool. ## */

/* A setting by one of ethtool's oldest commands, which every kernel has; 0 if
 * there is none. */
static uint32_t
get_setting(int fd, const char *name, uint32_t command)
{
    struct ethtool_value value = { .cmd = command };
    struct ifreq r;

    memset(&r, 0, sizeof r);
    ovs_strlcpy(r.ifr_name, name, sizeof r.ifr_name);
    r.ifr_data = (void *) &value;
    return ioctl(fd, SIOCETHTOOL, &r) ? 0 : value.data;
}

/* Whose driver is it?  "" if nobody says. */
static void
get_driver(int fd, const char *name, char driver[32])
{
    struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
    struct ifreq r;

    memset(&r, 0, sizeof r);
    ovs_strlcpy(r.ifr_name, name, sizeof r.ifr_name);
    r.ifr_data = (void *) &info;
    if (ioctl(fd, SIOCETHTOOL, &r)) {
        info.driver[0] = '\0';
    }
    ovs_strlcpy(driver, info.driver, sizeof info.driver);
}

/* What is asked about who sends to the port. */
struct sender {
    char name[IFNAMSIZ];
    bool unfinished;            /* Leaves checksums to others. */
    bool tags_aside;            /* Keeps tags beside the frame. */
};

/* The same of a veth's end 'ifindex', by a socket of its namespace. */
static bool
look_at_end(int fd, uint32_t ifindex, struct sender *sender)
{
    struct ifreq r;

    memset(&r, 0, sizeof r);
    r.ifr_ifindex = ifindex;
    if (ioctl(fd, SIOCGIFNAME, &r)) {
        return false;
    }
    ovs_strlcpy(sender->name, r.ifr_name, sizeof sender->name);
    sender->unfinished = get_setting(fd, r.ifr_name, ETHTOOL_GTXCSUM);
    sender->tags_aside = (get_setting(fd, r.ifr_name, ETHTOOL_GFLAGS)
                          & ETH_FLAG_TXVLAN);
    return true;
}

/* ## Other network namespaces. ## */

struct visit {
    int netns;                  /* -1: here. */
    uint32_t ifindex;
    struct sender *sender;
    bool ok;
};

static void *
visit_main(void *visit_)
{
    struct visit *visit = visit_;
    int fd;

    if (visit->netns >= 0 && setns(visit->netns, CLONE_NEWNET)) {
        return NULL;
    }
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        visit->ok = look_at_end(fd, visit->ifindex, visit->sender);
        close(fd);
    }
    return NULL;
}

/* Looks at a veth's other end, 'ifindex' in the namespace '*nsid' (NULL:
 * ours).  Returns false if that is not possible, and '*again_ms'. */
static bool
look_at_peer(struct tpr_netns *ns, const int *nsid, uint32_t ifindex,
             struct sender *sender, long long int *again_ms)
{
    struct visit visit = { -1, ifindex, sender, false };
    pthread_t thread;

    if (nsid) {
        /* Below 0: it has no number here. */
        visit.netns = *nsid >= 0 ? tpr_netns_open(ns, *nsid, again_ms) : -1;
        if (visit.netns < 0) {
            return false;
        }
    }
    if (!pthread_create(&thread, NULL, visit_main, &visit)) {
        pthread_join(thread, NULL);
    }
    if (visit.netns >= 0) {
        close(visit.netns);
    }
    return visit.ok;
}

/* ## rtnetlink. ## */

static struct ofpbuf *
get_link(uint32_t ifindex)
{
    struct ofpbuf request, *reply = NULL;
    struct ifinfomsg *info;

    ofpbuf_init(&request, 0);
    nl_msg_put_nlmsghdr(&request, sizeof *info, RTM_GETLINK, NLM_F_REQUEST);
    info = ofpbuf_put_zeros(&request, sizeof *info);
    info->ifi_index = ifindex;
    if (nl_transact(NETLINK_ROUTE, &request, &reply)) {
        ofpbuf_delete(reply);
        reply = NULL;
    }
    ofpbuf_uninit(&request);
    return reply;
}

static void
parse_xdp(const struct nlattr *xdp, struct tpr_device *d)
{
    static const int types[] = {
        IFLA_XDP_DRV_PROG_ID, IFLA_XDP_SKB_PROG_ID, IFLA_XDP_HW_PROG_ID,
    };

    for (size_t i = 0; xdp && i < ARRAY_SIZE(types); i++) {
        const struct nlattr *a = nl_attr_find_nested(xdp, types[i]);

        d->xdp[i] = a ? nl_attr_get_u32(a) : 0;
    }
}

/* Who sends to a veth is its other end. */
static void
probe_veth(const struct ofpbuf *msg, size_t ofs, struct tpr_netns *ns,
           struct tpr_device *d)
{
    const struct nlattr *link = nl_attr_find(msg, ofs, IFLA_LINK);
    const struct nlattr *a = nl_attr_find(msg, ofs, IFLA_LINK_NETNSID);
    const int nsid = a ? (int) nl_attr_get_u32(a) : 0;
    struct sender sender = { .unfinished = false };

    if (link && look_at_peer(ns, a ? &nsid : NULL, nl_attr_get_u32(link),
                             &sender, &d->again_ms)) {
        d->whole = sender.unfinished ? TPR_NO : TPR_YES;
        d->tags_aside = sender.tags_aside;
        ovs_strlcpy(d->sender, sender.name, sizeof d->sender);
    } else {
        d->whole = TPR_UNKNOWN;
        d->tags_aside = true;
    }
}

/* Who sends to a tap is a process, mostly a guest's. */
static void
probe_tun(const struct nlattr *info, struct tpr_device *d)
{
    const struct nlattr *data = nl_attr_find_nested(info, IFLA_INFO_DATA);
    const struct nlattr *header
        = data ? nl_attr_find_nested(data, IFLA_TUN_VNET_HDR) : NULL;

    /* With this header, what is sent may say that its checksum is not. */
    d->whole = !header ? TPR_UNKNOWN : nl_attr_get_u8(header) ? TPR_NO
               : TPR_YES;
}

/* Hardware, or what a hypervisor has instead: then senders may be on the same
 * machine.  virtio_net asks for whole checksums as long as it has native
 * XDP. */
static void
probe_hardware(int fd, struct tpr_device *d)
{
    char driver[32];

    get_driver(fd, d->name, driver);
    d->whole = strncmp(driver, "xen", 3) ? TPR_YES : TPR_UNKNOWN;
    d->guest = !strcmp(driver, "virtio_net");
    d->tags_aside = get_setting(fd, d->name, ETHTOOL_GFLAGS) & ETH_FLAG_RXVLAN;
}

static void
probe_sender(const struct ofpbuf *msg, size_t ofs, int fd,
             struct tpr_netns *ns, struct tpr_device *d)
{
    const struct nlattr *info = nl_attr_find(msg, ofs, IFLA_LINKINFO);
    const struct nlattr *kind
        = info ? nl_attr_find_nested(info, IFLA_INFO_KIND) : NULL;

    if (!kind) {
        probe_hardware(fd, d);
    } else if (!strcmp(nl_attr_get_string(kind), "veth")) {
        probe_veth(msg, ofs, ns, d);
    } else if (!strcmp(nl_attr_get_string(kind), "tun")) {
        probe_tun(info, d);
    } else {
        d->whole = TPR_UNKNOWN;
        d->tags_aside = true;
    }
}

void
tpr_device_probe(uint32_t ifindex, struct tpr_netns *ns,
                 struct tpr_device *d)
{
    const size_t ofs = NLMSG_HDRLEN + sizeof(struct ifinfomsg);
    struct ofpbuf *msg = get_link(ifindex);
    const struct ifinfomsg *info;
    const struct nlattr *name, *mtu;
    int fd;

    memset(d, 0, sizeof *d);
    name = msg ? nl_attr_find(msg, ofs, IFLA_IFNAME) : NULL;
    if (!name) {
        ofpbuf_delete(msg);
        return;
    }
    info = ofpbuf_at_assert(msg, NLMSG_HDRLEN, sizeof *info);
    mtu = nl_attr_find(msg, ofs, IFLA_MTU);
    d->exists = true;
    d->up = (info->ifi_flags & (IFF_UP | LOWER_UP)) == (IFF_UP | LOWER_UP);
    d->mtu = mtu ? nl_attr_get_u32(mtu) : 0;
    ovs_strlcpy(d->name, nl_attr_get_string(name), sizeof d->name);
    parse_xdp(nl_attr_find(msg, ofs, IFLA_XDP), d);
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        d->gro = get_setting(fd, d->name, ETHTOOL_GGRO);
        probe_sender(msg, ofs, fd, ns, d);
        close(fd);
    }
    ofpbuf_delete(msg);
}
