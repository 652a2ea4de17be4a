/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* The ports of a bridge and what they have: see attach.h. */

#include <config.h>
#include "attach.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "attach-dispatcher.h"
#include "attach-facts.h"
#include "attach-link.h"
#include "attach-netns.h"
#include "attach-next.h"
#include "attach-watch.h"
#include "loader-private.h"
#include "openvswitch/vlog.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(bpf_attach);

/* What a device refused, by mode: the kernel's words, or NULL. */
struct refusals {
    char *why[TPR_N_ATTACH_MODES];
    bool busy[TPR_N_ATTACH_MODES];      /* For it had somebody else's, which
                                         * may go, or memory was short. */
};

/* A port; its 'pub' is at the same place in 'list'. */
struct port {
    struct tpr_attached pub;
    struct tpr_device dev;
    struct tpr_parts parts;     /* Of libxdp's dispatcher there. */
    char *no_parts;             /* It is none to join, or NULL. */
    uint32_t refused_by;        /* That, when ours could not join. */
    struct tpr_link link;
    struct refusals refusals;
    char *no_room;              /* It does not fit among the targets. */
    bool proven;                /* A frame did leave. */
    bool in_map;                /* A target. */
    bool taken_over;
};

struct tpr_attach {
    struct tpr_bpf *b;
    char *pins;
    struct tpr_watch *watch;    /* NULL: see 'no_watch'. */
    char *no_watch;
    struct tpr_netns *netns;    /* Of those who send. */
    struct port *ports;
    size_t n;
    struct tpr_attached *list;  /* For the owner. */

    int part;                   /* The program for dispatchers; -1: none of
                                 * them was met. */
    char *no_part;              /* This kernel refuses it, or NULL. */

    struct tpr_link *found;     /* Of those who were here before. */
    size_t n_found;
};

struct tpr_attach *
tpr_attach_create(struct tpr_bpf *b, const char *pins)
{
    struct tpr_attach *a = xzalloc(sizeof *a);

    a->b = b;
    a->part = -1;
    a->pins = nullable_xstrdup(pins);
    a->no_watch = tpr_watch_create(tpr_bpf_map(b, "tpr_ports"), &a->watch);
    a->netns = tpr_netns_create();
    tpr_netns_survey(a->netns);
    if (pins) {
        a->found = tpr_link_find(pins, &a->n_found);
    }
    return a;
}

/* ## Ports come and go. ## */

static void
drop_target(struct tpr_attach *a, struct port *p)
{
    tpr_bpf_del_port(a->b, p->pub.port.ifindex);
    p->in_map = false;
    if (a->watch) {
        tpr_watch_del(a->watch, p->pub.port.ifindex);
    }
}

/* Might the same be possible a little later? */
static bool
may_pass(int error)
{
    return (error == EBUSY || error == EEXIST || error == EAGAIN
            || error == ENOMEM || error == EMFILE || error == ENFILE);
}

/* All of them, or those 'busy' ones only. */
static void
forget_refusals(struct port *p, bool busy)
{
    for (int i = 0; i < TPR_N_ATTACH_MODES; i++) {
        if (!busy || p->refusals.busy[i]) {
            free(p->refusals.why[i]);
            p->refusals.why[i] = NULL;
            p->refusals.busy[i] = false;
        }
    }
}

static void
forget_port(struct port *p)
{
    forget_refusals(p, false);
    free(p->no_parts);
    free(p->no_room);
    free(p->pub.why);
    free(p->pub.no_target);
}

/* Those that cannot be detached yet are kept, for the next time. */
static void
detach_found(struct tpr_attach *a)
{
    size_t n = 0;

    for (size_t i = 0; i < a->n_found; i++) {
        if (tpr_link_detach(&a->found[i], a->pins)) {
            a->found[n++] = a->found[i];
        }
    }
    a->n_found = n;
}

/* Detaches what its port, which is gone, had, now or later. */
static void
abandon(struct tpr_attach *a, const struct tpr_link *l)
{
    a->found = xrealloc(a->found, (a->n_found + 1) * sizeof *a->found);
    a->found[a->n_found++] = *l;
}

void
tpr_attach_destroy(struct tpr_attach *a, bool detach)
{
    if (!a) {
        return;
    }
    for (size_t i = 0; i < a->n; i++) {
        struct port *p = &a->ports[i];

        if (detach) {
            tpr_link_detach(&p->link, a->pins);
            drop_target(a, p);
        }
        tpr_link_forget(&p->link, a->pins);
        forget_port(p);
    }
    if (detach) {
        detach_found(a);
    }
    for (size_t i = 0; i < a->n_found; i++) {
        tpr_link_forget(&a->found[i], a->pins);
    }
    free(a->found);
    if (a->part >= 0) {
        close(a->part);
    }
    free(a->no_part);
    tpr_watch_destroy(a->watch);
    tpr_netns_destroy(a->netns);
    free(a->no_watch);
    free(a->ports);
    free(a->list);
    free(a->pins);
    free(a);
}

static struct port *
find_port(struct port *ports, size_t n, uint32_t ifindex)
{
    for (size_t i = 0; i < n; i++) {
        if (ports[i].pub.port.ifindex == ifindex) {
            return &ports[i];
        }
    }
    return NULL;
}

/* What was attached to the new port before this process came. */
static void
take_over(struct tpr_attach *a, struct port *p)
{
    for (size_t i = 0; i < a->n_found; i++) {
        if (a->found[i].ifindex == p->pub.port.ifindex) {
            if (p->link.mode != TPR_ATTACH_NONE) {
                tpr_link_detach(&p->link, a->pins);
            }
            p->link = a->found[i];
            p->taken_over = true;
            a->found[i] = a->found[--a->n_found];
            i--;
        }
    }
    tpr_link_remove_stray(p->pub.port.ifindex, &p->link);
}

/* Removes targets that no port is, of an earlier process. */
static void
purge_targets(struct tpr_attach *a)
{
    const int fd = tpr_bpf_map(a->b, "tpr_ports");
    uint32_t key, next;
    bool more = !bpf_map_get_next_key(fd, NULL, &next);

    while (more) {
        key = next;
        more = !bpf_map_get_next_key(fd, &key, &next);
        if (!find_port(a->ports, a->n, key)) {
            bpf_map_delete_elem(fd, &key);
        }
    }
}

/* Makes 'ports' those that are there. */
static void
replace_ports(struct tpr_attach *a, const struct tpr_port *ports, size_t n)
{
    struct port *new = xcalloc(MAX(n, 1), sizeof *new);
    size_t n_new = 0;

    for (size_t i = 0; i < n; i++) {
        struct port *old = find_port(a->ports, a->n, ports[i].ifindex);
        struct port *p = &new[n_new];

        if (!ports[i].ifindex || find_port(new, n_new, ports[i].ifindex)) {
            continue;
        }
        n_new++;
        if (old) {
            *p = *old;
            old->pub.port.ifindex = 0;
        } else {
            p->link.fd = -1;
        }
        p->pub.port = ports[i];
        if (!old) {
            take_over(a, p);
        }
    }
    for (size_t i = 0; i < a->n; i++) {
        struct port *p = &a->ports[i];

        if (p->pub.port.ifindex) {
            abandon(a, &p->link);
            drop_target(a, p);
            forget_port(p);
        }
    }
    free(a->ports);
    a->ports = new;
    a->n = n_new;
    detach_found(a);
    purge_targets(a);
}

/* ## Facts. ## */

/* Whether libxdp's dispatcher is at the port, and what it has. */
static void
look_at_dispatcher(struct port *p)
{
    int error = tpr_dispatcher_look(p->pub.port.ifindex, &p->parts);

    free(p->no_parts);
    p->no_parts
        = (error == EOPNOTSUPP ? xstrdup("this build has no libxdp")
           : error ? xasprintf("its programs are not found in %s: %s",
                               tpr_dispatcher_folder(), ovs_strerror(error))
           : !p->parts.dispatcher ? xstrdup("it is a generic one")
           : NULL);
}

static void
look_at_device(struct tpr_attach *a, struct port *p)
{
    tpr_device_probe(p->pub.port.ifindex, a->netns, &p->dev);
    look_at_dispatcher(p);
}

static void
probe(struct tpr_attach *a, struct port *p)
{
    struct tpr_device dev;

    tpr_device_probe(p->pub.port.ifindex, a->netns, &dev);
    /* Another MTU or set of offloads may change a driver's mind. */
    forget_refusals(p, dev.mtu == p->dev.mtu && dev.gro == p->dev.gro
                       && dev.whole == p->dev.whole && dev.up == p->dev.up);
    p->dev = dev;
    if (p->link.mode != TPR_ATTACH_NONE && !tpr_link_is_there(&p->link)) {
        tpr_link_detach(&p->link, a->pins);
    }
    look_at_dispatcher(p);
}

/* What there is to know of an AF_XDP port besides. */
static void
look_at_own(const struct port *p, struct tpr_attach_facts *f)
{
    const uint32_t native = p->dev.xdp[0];

    f->no_next = p->refusals.why[TPR_ATTACH_NEXT];
    f->generic = (p->dev.xdp[1]
                  && tpr_next_owner(p->dev.xdp[1]) == TPR_NEXT_SWITCH);
    if (p->link.mode == TPR_ATTACH_NEXT && native == p->link.program) {
        f->own = native;        /* It is behind ours. */
    } else if (native && tpr_next_owner(native) == TPR_NEXT_SWITCH) {
        f->own = native;
        f->foreign = 0;
    } else if (native && native == p->parts.dispatcher) {
        f->own = tpr_parts_find(&p->parts, TPR_NEXT_NAME);
    }
    if (f->generic && f->foreign == p->dev.xdp[1]) {
        f->foreign = 0;
    }
}

static enum tpr_attach_mode
decide(const struct port *p, const char *no_target, char **why)
{
    const struct tpr_device *d = &p->dev;
    struct tpr_attach_facts f = {
        .name = p->pub.port.name,
        .kind = p->pub.port.kind,
        .exists = d->exists,
        .tagged = p->pub.port.tagged,
        .whole = d->whole,
        .sender = d->sender[0] ? d->sender : NULL,
        .tags_aside = d->tags_aside,
        .guest = d->guest,
        .gro = d->gro,
        .no_target = no_target,
        .no_room = p->no_room,
        .no_native = p->refusals.why[TPR_ATTACH_XDP],
        .no_generic = p->refusals.why[TPR_ATTACH_GENERIC],
        .no_tc = p->refusals.why[TPR_ATTACH_TC],
    };

    for (size_t i = 0; i < ARRAY_SIZE(d->xdp); i++) {
        const bool ours = (p->link.mode != TPR_ATTACH_NONE
                           && d->xdp[i] == p->link.program);

        if (d->xdp[i] && !ours) {
            f.foreign = d->xdp[i];
        }
    }
    if (f.kind == TPR_PORT_AF_XDP) {
        look_at_own(p, &f);
    }
    f.dispatcher = (f.foreign
                    && tpr_next_owner(f.foreign) == TPR_NEXT_DISPATCHER);
    f.no_join = (p->no_parts ? p->no_parts
                 : p->refusals.why[TPR_ATTACH_DISPATCHER]);
    return tpr_attach_decide(&f, why);
}

/* Could the port ever have a program?  If not, no packet of ours is to leave
 * by it either. */
static bool
is_candidate(const struct port *p)
{
    char *why;
    enum tpr_attach_mode mode = decide(p, NULL, &why);

    free(why);
    return mode != TPR_ATTACH_NONE;
}

/* Finds out whether XDP can send by the port.  One that is down stays what it
 * was: it will be tried when it is up. */
static void
prove(struct tpr_attach *a, struct port *p)
{
    if (p->dev.up) {
        free(p->pub.no_target);
        p->pub.no_target = (a->watch
                            ? tpr_watch_prove(a->watch, p->pub.port.ifindex)
                            : xstrdup(a->no_watch));
        p->proven = !p->pub.no_target;
    } else if (!p->proven) {
        free(p->pub.no_target);
        p->pub.no_target = xasprintf("%s is down", p->pub.port.name);
    }
}

/* ## Attaching. ## */

/* Two devices in a bridge may have the same slot, one in thousands. */
static bool
slot_is_taken(const struct tpr_attach *a, const struct port *p)
{
    for (size_t i = 0; i < a->n; i++) {
        if (a->ports[i].link.mode == TPR_ATTACH_NEXT
            && tpr_next_collide(a->ports[i].pub.port.ifindex,
                                p->pub.port.ifindex)) {
            return true;
        }
    }
    return false;
}

/* Finds the program for the dispatcher at the port, '*fd', which stays 'a''s:
 * what is in there of an earlier process, if it is the same, or one that is
 * loaded now. */
static int
find_part(struct tpr_attach *a, const struct port *p, int *fd)
{
    int dispatcher, error;
    char *sentence;

    if (a->part < 0 && p->link.mode == TPR_ATTACH_DISPATCHER
        && tpr_bpf_is_part(a->b, p->link.fd)) {
        a->part = dup(p->link.fd);
    }
    *fd = a->part;
    if (a->part >= 0) {
        return 0;
    }
    dispatcher = bpf_prog_get_fd_by_id(p->parts.dispatcher);
    if (dispatcher < 0) {
        return -dispatcher;
    }
    sentence = tpr_bpf_make_part(a->b, dispatcher, &a->part, &error);
    close(dispatcher);
    if (sentence) {
        VLOG_INFO("no program of ours becomes a part of libxdp's dispatcher: "
                  "%s", sentence);
        free(sentence);
        if (error != ENOMEM && error != EAGAIN) {
            a->no_part = xasprintf("this kernel refuses the program for that: "
                                   "%s", ovs_strerror(error));
        }
    }
    *fd = a->part;
    return error;
}

/* The program for 'mode', '*fd', which stays 'a''s. */
static int
find_program(struct tpr_attach *a, const struct port *p,
             enum tpr_attach_mode mode, int *fd)
{
    if (mode == TPR_ATTACH_DISPATCHER) {
        return find_part(a, p, fd);
    }
    *fd = tpr_bpf_fd(a->b, (mode == TPR_ATTACH_TC ? TPR_BPF_TC
                            : mode == TPR_ATTACH_NEXT ? TPR_BPF_XDP_NEXT
                            : TPR_BPF_XDP));
    return 0;
}

/* Why the device refused 'mode', in words. */
static char *
refusal(const struct tpr_attach *a, enum tpr_attach_mode mode, int error)
{
    return xstrdup(mode == TPR_ATTACH_TC && error == EEXIST
                   ? "our place among its filters is taken"
                   : mode == TPR_ATTACH_DISPATCHER && a->no_part
                   ? a->no_part
                   : mode == TPR_ATTACH_DISPATCHER && error == E2BIG
                   ? "it has as many programs as it can"
                   : ovs_strerror(error));
}

static int
attach_anew(struct tpr_attach *a, struct port *p, enum tpr_attach_mode mode,
            int fd)
{
    int error = (mode == TPR_ATTACH_NEXT && slot_is_taken(a, p) ? EEXIST
                 : tpr_link_attach(&p->link, mode, p->pub.port.ifindex, fd,
                                   a->pins));

    if (error) {
        p->link.mode = TPR_ATTACH_NONE;
        p->link.fd = -1;
        p->taken_over = false;
    }
    return error;
}

static bool
attach(struct tpr_attach *a, struct port *p, enum tpr_attach_mode mode)
{
    int fd;
    int error = find_program(a, p, mode, &fd);

    if (!error && p->link.mode == mode) {
        if (!tpr_link_update(&p->link, fd, a->pins)) {
            return true;
        }
        error = tpr_link_detach(&p->link, a->pins);
    }
    error = error ? error : attach_anew(a, p, mode, fd);
    if (error) {
        free(p->refusals.why[mode]);
        p->refusals.why[mode] = refusal(a, mode, error);
        p->refusals.busy[mode] = may_pass(error);
        if (mode == TPR_ATTACH_DISPATCHER) {
            p->refused_by = p->parts.dispatcher;
        }
        if (p->refusals.busy[mode]) {
            look_at_device(a, p);
        }
    }
    return !error;
}

/* Detaches 'l', which is or was the port's, so that what is known of the
 * device does not name its program as somebody else's. */
static int
detach_link(struct tpr_attach *a, struct port *p, struct tpr_link *l)
{
    const bool in_dispatcher = l->mode == TPR_ATTACH_DISPATCHER;
    const uint32_t program = l->program;
    int error;

    if (l->mode == TPR_ATTACH_NONE) {
        return 0;
    }
    error = tpr_link_detach(l, a->pins);
    if (in_dispatcher) {
        look_at_device(a, p);   /* Another one is there, or none. */
    }
    for (size_t i = 0; !error && i < ARRAY_SIZE(p->dev.xdp); i++) {
        if (p->dev.xdp[i] == program) {
            p->dev.xdp[i] = 0;
        }
    }
    return error;
}

/* A device may have tc and XDP together, of which XDP comes first and tc gets
 * what that did not take: so the new one is there before the old one goes. */
static bool
can_overlap(enum tpr_attach_mode a, enum tpr_attach_mode b)
{
    return (a != TPR_ATTACH_NONE && b != TPR_ATTACH_NONE
            && (a == TPR_ATTACH_TC) != (b == TPR_ATTACH_TC));
}

/* Puts 'mode' in the place of what is attached.  Returns false if the device
 * refused it. */
static bool
change_mode(struct tpr_attach *a, struct port *p, enum tpr_attach_mode mode)
{
    struct tpr_link old = p->link;

    if (!can_overlap(old.mode, mode)) {
        return mode == TPR_ATTACH_NONE || attach(a, p, mode);
    }
    p->link = (struct tpr_link) { .mode = TPR_ATTACH_NONE, .fd = -1 };
    if (!attach(a, p, mode)) {
        p->link = old;
        return false;
    }
    if (detach_link(a, p, &old)) {
        abandon(a, &old);
    }
    return true;
}

/* Whoever joins a dispatcher makes another of it, which is what the sentence
 * shall name. */
static void
say_dispatcher(struct tpr_attach *a, struct port *p, const char *no_target)
{
    look_at_device(a, p);
    free(p->pub.why);
    decide(p, no_target, &p->pub.why);
}

/* Gives the port what 'no_target' and its facts allow. */
static void
settle(struct tpr_attach *a, struct port *p, const char *no_target)
{
    for (;;) {
        enum tpr_attach_mode mode;
        int error;

        free(p->pub.why);
        mode = decide(p, no_target, &p->pub.why);
        error = (p->link.mode != mode && !can_overlap(p->link.mode, mode)
                 ? detach_link(a, p, &p->link) : 0);
        if (error) {
            free(p->pub.why);
            p->pub.why = (p->link.mode == TPR_ATTACH_DISPATCHER
                          ? xasprintf("libxdp's dispatcher at %s cannot be "
                                      "left (%s): tried again",
                                      p->pub.port.name, ovs_strerror(error))
                          : xasprintf("%s cannot have the switch's own "
                                      "program back (%s): tried again",
                                      p->pub.port.name,
                                      ovs_strerror(error)));
            p->pub.mode = p->link.mode;
            return;
        }
        if (p->link.mode != mode) {
            p->taken_over = false;
        }
        if (change_mode(a, p, mode)) {
            if (mode == TPR_ATTACH_DISPATCHER) {
                say_dispatcher(a, p, no_target);
            }
            p->pub.mode = mode;
            return;
        }
    }
}

/* Makes the port a target, or no longer.  Where there is no room for it, it
 * stays without XDP: what others would send there were lost. */
static void
set_target(struct tpr_attach *a, struct port *p, bool on)
{
    if (!on) {
        drop_target(a, p);
    } else if (!p->no_room) {
        p->no_room = tpr_bpf_add_port(a->b, p->pub.port.ifindex);
        p->in_map = !p->no_room;
        if (a->watch) {
            tpr_watch_add(a->watch, p->pub.port.ifindex);
        }
    }
    p->pub.reachable = p->in_map;
    p->pub.target = p->in_map && !p->pub.no_target;
}

/* Another dispatcher may let ours in. */
static void
forget_dispatcher(const struct tpr_attach *a, struct port *p)
{
    char **why = &p->refusals.why[TPR_ATTACH_DISPATCHER];

    if (p->refused_by != p->parts.dispatcher) {
        free(*why);
        *why = NULL;
    }
    if (!*why) {
        *why = nullable_xstrdup(a->no_part);
        p->refused_by = p->parts.dispatcher;
    }
}

/* Looks at all ports.  Returns the name of one by which native XDP cannot
 * send, or NULL. */
static const char *
look(struct tpr_attach *a, bool *candidates)
{
    const char *no_target = NULL;

    for (size_t i = 0; i < a->n; i++) {
        struct port *p = &a->ports[i];

        free(p->no_room);
        p->no_room = NULL;
        probe(a, p);
        /* The switch may just have been opening the port. */
        free(p->refusals.why[TPR_ATTACH_NEXT]);
        p->refusals.why[TPR_ATTACH_NEXT]
            = nullable_xstrdup(tpr_bpf_no_next(a->b));
        forget_dispatcher(a, p);
        candidates[i] = is_candidate(p);
        if (candidates[i]) {
            prove(a, p);
            if (!no_target && p->dev.up && !p->proven) {
                no_target = p->pub.port.name;
            }
        } else {
            p->proven = false;
            free(p->pub.no_target);
            p->pub.no_target = xstrdup("nothing can be attached to it");
        }
    }
    return no_target;
}

/* Makes those ports targets that can be.  Returns the name of one that should
 * be and has no room, or NULL. */
static const char *
set_targets(struct tpr_attach *a, const bool *candidates, bool all)
{
    const char *no_room = NULL;

    for (size_t i = 0; i < a->n; i++) {
        struct port *p = &a->ports[i];

        if (all && (p->link.mode == TPR_ATTACH_XDP
                    || p->link.mode == TPR_ATTACH_NEXT
                    || p->link.mode == TPR_ATTACH_DISPATCHER)) {
            detach_link(a, p, &p->link);
        }
        set_target(a, p, candidates[i] && (p->proven || all));
        no_room = !no_room && p->no_room ? p->pub.port.name : no_room;
    }
    return no_room;
}

/* Native XDP needs all targets to transmit; generic XDP can send by any
 * device, and then all are in the map. */
void
tpr_attach_set_ports(struct tpr_attach *a, const struct tpr_port *ports,
                     size_t n)
{
    const char *no_target;
    bool *candidates;

    replace_ports(a, ports, n);
    candidates = xcalloc(MAX(a->n, 1), sizeof *candidates);
    no_target = look(a, candidates);
    if (!no_target) {
        no_target = set_targets(a, candidates, false);
    }
    if (no_target) {
        set_targets(a, candidates, true);
    }
    for (size_t i = 0; i < a->n; i++) {
        settle(a, &a->ports[i], no_target);
    }
    free(candidates);
}

bool
tpr_attach_repair(struct tpr_attach *a, uint32_t ifindex, bool new_qdisc,
                  size_t *n_repaired)
{
    bool ok = true;

    *n_repaired = 0;
    for (size_t i = 0; i < a->n; i++) {
        struct port *p = &a->ports[i];

        if (!ifindex || ifindex == p->pub.port.ifindex) {
            bool missed;
            int error = tpr_link_repair(&p->link, new_qdisc, a->pins,
                                        &missed);

            *n_repaired += missed && !error;
            ok &= !error;
        }
    }
    return ok;
}

/* ## Looking. ## */

long long int
tpr_attach_again_ms(const struct tpr_attach *a)
{
    long long int again_ms = LLONG_MAX;

    for (size_t i = 0; i < a->n; i++) {
        if (a->ports[i].dev.again_ms) {
            again_ms = MIN(again_ms, a->ports[i].dev.again_ms);
        }
    }
    return again_ms;
}

const struct tpr_attached *
tpr_attach_list(struct tpr_attach *a, size_t *n)
{
    free(a->list);
    a->list = xcalloc(MAX(a->n, 1), sizeof *a->list);
    for (size_t i = 0; i < a->n; i++) {
        struct port *p = &a->ports[i];

        if (a->watch) {
            struct tpr_watch_drops drops
                = tpr_watch_get(a->watch, p->pub.port.ifindex);

            p->pub.drops = drops.n;
            p->pub.last_drop = drops.last;
        }
        p->pub.mtu = p->dev.mtu;
        p->pub.taken_over = p->taken_over;
        a->list[i] = p->pub;
    }
    *n = a->n;
    return a->list;
}

const char *
tpr_attach_no_drops(const struct tpr_attach *a)
{
    return a->no_watch;
}
