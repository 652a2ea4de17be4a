/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Finds network namespaces: see attach-netns.h. */

#include <config.h>
#include "attach-netns.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "hash.h"
#include "netlink.h"
#include "netlink-socket.h"
#include "openvswitch/hmap.h"
#include "openvswitch/ofpbuf.h"
#include "sset.h"
#include "svec.h"
#include "timeval.h"
#include "util.h"

enum {
    SURVEY_MS = 1000,           /* Between two surveys, at least... */
    AGAIN_MS = 60 * 1000,       /* ...and between two for a namespace that
                                 * was not found. */
    SURVEY_MAX = 500,           /* Processes looked at, by who may not take
                                 * long: 20 to 50 us each. */
    FRESH_MS = 100,             /* A folder that changed so recently may
                                 * change without another time. */
    MAX_NEWS = 4096,            /* Messages read at once. */
};

static const char names_dir[] = "/run/netns";

/* The number that 'msg' is about, or -1. */
static int
parse_nsid(const struct ofpbuf *msg)
{
    const struct nlattr *a = nl_attr_find(
        msg, NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct rtgenmsg)),
        NETNSA_NSID);

    return a ? (int) nl_attr_get_u32(a) : -1;
}

/* The number by which our namespace knows the one of 'netns', or -1. */
static int
get_nsid(int netns)
{
    struct ofpbuf request, *reply = NULL;
    int nsid = -1;

    ofpbuf_init(&request, 0);
    nl_msg_put_nlmsghdr(&request, sizeof(struct rtgenmsg), RTM_GETNSID,
                        NLM_F_REQUEST);
    ofpbuf_put_zeros(&request, NLMSG_ALIGN(sizeof(struct rtgenmsg)));
    nl_msg_put_u32(&request, NETNSA_FD, netns);
    if (!nl_transact(NETLINK_ROUTE, &request, &reply)) {
        nsid = parse_nsid(reply);
    }
    ofpbuf_uninit(&request);
    ofpbuf_delete(reply);
    return nsid;
}

/* One of them. */
struct place {
    struct hmap_node node;      /* In struct tpr_netns's 'places'. */
    int nsid;
    char *path;                 /* NULL: it was not found, */
    long long int again_ms;     /* and no survey is made for it before. */
};

struct tpr_netns {
    struct hmap places;         /* By 'nsid'. */
    long long int again_ms;     /* No survey before. */
    unsigned int n_surveys;
    struct nl_sock *news;       /* Of numbers; NULL: there are none. */
    struct timespec names;      /* When 'names_dir' was last changed, as we
                                 * saw it, */
    bool names_fresh;           /* just before. */
};

struct tpr_netns *
tpr_netns_create(void)
{
    struct tpr_netns *ns = xzalloc(sizeof *ns);

    hmap_init(&ns->places);
    if (!nl_sock_create(NETLINK_ROUTE, &ns->news)
        && nl_sock_join_mcgroup(ns->news, RTNLGRP_NSID)) {
        nl_sock_destroy(ns->news);
        ns->news = NULL;
    }
    return ns;
}

/* NULL is allowed. */
void
tpr_netns_destroy(struct tpr_netns *ns)
{
    if (ns) {
        struct place *p;

        HMAP_FOR_EACH_POP (p, node, &ns->places) {
            free(p->path);
            free(p);
        }
        hmap_destroy(&ns->places);
        nl_sock_destroy(ns->news);
        free(ns);
    }
}

/* The place of 'nsid', which is made if there is none. */
static struct place *
get_place(struct tpr_netns *ns, int nsid)
{
    struct place *p;

    HMAP_FOR_EACH_WITH_HASH (p, node, hash_int(nsid, 0), &ns->places) {
        if (p->nsid == nsid) {
            return p;
        }
    }
    p = xzalloc(sizeof *p);
    p->nsid = nsid;
    hmap_insert(&ns->places, &p->node, hash_int(nsid, 0));
    return p;
}

/* Notes the namespace at 'path', unless it was 'seen'. */
static void
note_place(struct tpr_netns *ns, const char *path, struct sset *seen)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat s;

    if (fd < 0) {
        return;
    }
    if (!fstat(fd, &s)) {
        char *inode = xasprintf("%llu", (unsigned long long) s.st_ino);
        /* Most processes share few. */
        int nsid = sset_add(seen, inode) ? get_nsid(fd) : -1;

        if (nsid >= 0) {
            struct place *p = get_place(ns, nsid);

            free(p->path);
            p->path = xstrdup(path);
        }
        free(inode);
    }
    close(fd);
}

/* Notes those at 'dir', with 'suffix' after each entry's name: of the last
 * 'max' entries, which are the youngest processes. */
static void
survey_dir(struct tpr_netns *ns, const char *dir, const char *suffix,
           size_t max, struct sset *seen)
{
    struct svec names = SVEC_EMPTY_INITIALIZER;
    DIR *d = opendir(dir);
    const struct dirent *e;

    while (d && (e = readdir(d))) {
        if (e->d_name[0] != '.'
            && (!*suffix || isdigit((unsigned char) e->d_name[0]))) {
            svec_add(&names, e->d_name);
        }
    }
    for (size_t i = names.n; i && names.n - i < max; i--) {
        char *path = xasprintf("%s/%s%s", dir, names.names[i - 1], suffix);

        note_place(ns, path, seen);
        free(path);
    }
    if (d) {
        closedir(d);
    }
    svec_destroy(&names);
}

/* ## Numbers. ## */

/* Takes note that numbers have become others': a survey for these does not
 * wait. */
static void
read_news(struct tpr_netns *ns)
{
    for (int i = 0; ns->news && i < MAX_NEWS; i++) {
        uint64_t stub[512 / 8];
        struct ofpbuf buf;
        struct place *p;
        int error, nsid;

        ofpbuf_use_stub(&buf, stub, sizeof stub);
        error = nl_sock_recv(ns->news, &buf, NULL, false);
        nsid = error ? -1 : parse_nsid(&buf);
        ofpbuf_uninit(&buf);
        if (error == EAGAIN) {
            return;
        }
        /* ENOBUFS: of any. */
        HMAP_FOR_EACH (p, node, &ns->places) {
            if (error || p->nsid == nsid) {
                p->again_ms = 0;
            }
        }
    }
}

/* ## Surveys. ## */

/* Did names come or go since survey_names()? */
static bool
names_changed(const struct tpr_netns *ns)
{
    struct stat s;

    return (!stat(names_dir, &s)
            && (ns->names_fresh || s.st_mtim.tv_sec != ns->names.tv_sec
                || s.st_mtim.tv_nsec != ns->names.tv_nsec));
}

static void
survey_names(struct tpr_netns *ns, struct sset *seen)
{
    struct stat s;

    ns->names_fresh = false;
    if (!stat(names_dir, &s)) {
        long long int age_ms = time_wall_msec() - timespec_to_msec(&s.st_mtim);

        ns->names = s.st_mtim;
        ns->names_fresh = age_ms < FRESH_MS;
        survey_dir(ns, names_dir, "", SIZE_MAX, seen);
    }
}

/* A name stays longer than a process: it comes first. */
static void
survey(struct tpr_netns *ns, size_t max)
{
    struct sset seen = SSET_INITIALIZER(&seen);

    survey_names(ns, &seen);
    survey_dir(ns, "/proc", "/ns/net", max, &seen);
    sset_destroy(&seen);
    ns->n_surveys++;
    ns->again_ms = time_msec() + SURVEY_MS;
}

unsigned int
tpr_netns_surveys(const struct tpr_netns *ns)
{
    return ns->n_surveys;
}

void
tpr_netns_survey(struct tpr_netns *ns)
{
    survey(ns, SIZE_MAX);
}

/* One survey is for all that are missing: whom it does not find is not looked
 * for again for a while. */
static void
survey_again(struct tpr_netns *ns)
{
    struct place *p;

    survey(ns, SURVEY_MAX);
    HMAP_FOR_EACH (p, node, &ns->places) {
        if (!p->path) {
            p->again_ms = time_msec() + AGAIN_MS;
        }
    }
}

/* ## Finding one. ## */

/* Opens the namespace 'p' where it was found last.  The path may be another's
 * now: its number tells. */
static int
open_place(struct place *p)
{
    int fd = p->path ? open(p->path, O_RDONLY | O_CLOEXEC) : -1;

    if (fd >= 0 && get_nsid(fd) != p->nsid) {
        close(fd);
        fd = -1;
    }
    if (fd < 0) {
        free(p->path);
        p->path = NULL;
    }
    return fd;
}

int
tpr_netns_open(struct tpr_netns *ns, int nsid, long long int *again_ms)
{
    struct place *p = get_place(ns, nsid);
    int fd;

    read_news(ns);
    fd = open_place(p);
    if (fd < 0 && names_changed(ns)) {
        struct sset seen = SSET_INITIALIZER(&seen);

        survey_names(ns, &seen);
        sset_destroy(&seen);
        fd = open_place(p);
    }
    if (fd < 0 && time_msec() >= MAX(p->again_ms, ns->again_ms)) {
        survey_again(ns);
        fd = open_place(p);
    }
    *again_ms = fd < 0 ? MAX(p->again_ms, ns->again_ms) : 0;
    return fd;
}
