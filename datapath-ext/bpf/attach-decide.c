/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* The matrix of attach-decide.h. */

#include <config.h>
#include "attach-decide.h"

#include <string.h>
#include "util.h"

static const char *const kind_names[] = {
#define TPR_PORT_KIND(ENUM, NAME) NAME,
    TPR_PORT_KINDS
#undef TPR_PORT_KIND
};

static const char *const mode_names[] = {
#define TPR_ATTACH_MODE(ENUM, NAME) NAME,
    TPR_ATTACH_MODES
#undef TPR_ATTACH_MODE
};

const char *
tpr_port_kind_name(enum tpr_port_kind kind)
{
    return kind < TPR_N_PORT_KINDS ? kind_names[kind] : "unknown";
}

const char *
tpr_attach_mode_name(enum tpr_attach_mode mode)
{
    return mode < TPR_N_ATTACH_MODES ? mode_names[mode] : "unknown";
}

bool
tpr_port_kind_from_name(const char *name, enum tpr_port_kind *kind)
{
    for (int i = 0; i < TPR_N_PORT_KINDS; i++) {
        if (!strcmp(name, kind_names[i])) {
            *kind = i;
            return true;
        }
    }
    return false;
}

/* Why no XDP program, native or generic, may have the packets of the port, or
 * NULL. */
static char *
no_xdp(const struct tpr_attach_facts *f)
{
    if (f->no_room) {
        return xstrdup(f->no_room);
    } else if (f->foreign && f->dispatcher && f->no_join) {
        return xasprintf("%s has XDP programs of somebody else's behind "
                         "libxdp's dispatcher (id %"PRIu32"), which is "
                         "not replaced and cannot be joined (%s)",
                         f->name, f->foreign, f->no_join);
    } else if (f->foreign && !f->dispatcher) {
        return xasprintf("%s has an XDP program of somebody else's (id "
                         "%"PRIu32"), which is not replaced",
                         f->name, f->foreign);
    } else if (f->whole == TPR_NO) {
        return (f->sender
                ? xasprintf("what %s sends to %s has unfinished checksums "
                            "(\"ethtool -K %s tx off\" there makes them "
                            "whole)", f->sender, f->name, f->sender)
                : xasprintf("packets may arrive at %s with unfinished "
                            "checksums: its user asked for that", f->name));
    } else if (f->whole == TPR_UNKNOWN) {
        return xasprintf("nobody can say whether packets arrive at %s with "
                         "whole checksums: its other end cannot be looked "
                         "at",
                         f->name);
    } else if (f->tagged && f->tags_aside) {
        return xasprintf("VLAN tags of what arrives at %s are hidden from "
                         "XDP (\"ethtool -K %s %s off\" shows them)",
                         f->name, f->sender ? f->sender : f->name,
                         f->sender ? "txvlan" : "rxvlan");
    }
    return NULL;
}

/* Why it cannot be native XDP, or NULL.  In a dispatcher, that is what there
 * is. */
static char *
no_native(const struct tpr_attach_facts *f)
{
    if (f->no_native && !f->foreign) {
        return xasprintf("%s refuses native XDP (%s)", f->name,
                         f->no_native);
    } else if (f->no_target) {
        return xasprintf("native XDP cannot transmit by %s", f->no_target);
    }
    return NULL;
}

/* What there is nothing against is attached alone, or joins others. */
static enum tpr_attach_mode
native(const struct tpr_attach_facts *f, char **why)
{
    if (f->foreign) {
        *why = xasprintf("native XDP, in libxdp's dispatcher (id %"PRIu32
                         "): checksums are whole, all targets can transmit",
                         f->foreign);
        return TPR_ATTACH_DISPATCHER;
    }
    *why = xstrdup("native XDP: checksums are whole, all targets can "
                   "transmit");
    return TPR_ATTACH_XDP;
}

static enum tpr_attach_mode
decide_kernel(const struct tpr_attach_facts *f, char **why)
{
    char *no = no_xdp(f);

    if (!no) {
        no = no_native(f);
    }
    if (!no) {
        return native(f, why);
    }
    if (f->no_tc) {
        *why = xasprintf("%s; nor is there tc (%s)", no, f->no_tc);
    } else {
        *why = xasprintf("tc, before the kernel's bridge: %s", no);
    }
    free(no);
    return f->no_tc ? TPR_ATTACH_NONE : TPR_ATTACH_TC;
}

static enum tpr_attach_mode
decide_af_packet(const struct tpr_attach_facts *f, char **why)
{
    char *no = no_xdp(f);

    if (no) {
        *why = xasprintf("%s; and what tc takes, the switch's packet socket "
                         "forwards a second time", no);
        free(no);
        return TPR_ATTACH_NONE;
    }
    no = no_native(f);
    if (!no) {
        return native(f, why);
    }
    if (f->foreign) {
        *why = xasprintf("%s; and generic XDP has no place beside libxdp's "
                         "dispatcher (id %"PRIu32")", no, f->foreign);
    } else if (f->no_generic) {
        *why = xasprintf("%s; %s refuses generic XDP, too (%s)", no, f->name,
                         f->no_generic);
    } else if (f->guest) {
        *why = xasprintf("%s; and other guests' checksums may arrive at %s "
                         "unfinished for generic XDP", no, f->name);
    } else if (f->gro) {
        *why = xasprintf("%s; and generic XDP would get packets that were "
                         "put together, too large to send (\"ethtool -K %s "
                         "gro off\" prevents that)", no, f->name);
    } else {
        *why = xasprintf("generic XDP: %s", no);
        free(no);
        return TPR_ATTACH_GENERIC;
    }
    free(no);
    return TPR_ATTACH_NONE;
}

static enum tpr_attach_mode
decide_af_xdp(const struct tpr_attach_facts *f, char **why)
{
    char *no;

    if (f->foreign && f->dispatcher && f->no_join) {
        no = xasprintf("the switch's own XDP program at %s is behind libxdp's "
                       "dispatcher (id %"PRIu32"), which is not replaced and "
                       "cannot be joined (%s; \"LIBXDP_SKIP_DISPATCHER=1\" "
                       "in ovs-vswitchd's environment keeps it from there)",
                       f->name, f->foreign, f->no_join);
    } else {
        no = no_xdp(f);
    }
    if (!no && f->generic) {
        no = xasprintf("the switch's own XDP program at %s is a generic one, "
                       "which ours does not come before", f->name);
    } else if (!no && f->no_next && !f->foreign) {
        no = xasprintf("ours cannot come before the switch's own XDP program "
                       "at %s (%s)", f->name, f->no_next);
    } else if (!no && !f->own) {
        no = xasprintf("the switch has no XDP program at %s yet", f->name);
    } else if (!no && f->no_target) {
        no = xasprintf("native XDP cannot transmit by %s", f->no_target);
    }
    if (no) {
        *why = no;
        return TPR_ATTACH_NONE;
    }
    if (f->foreign) {
        return native(f, why);
    }
    *why = xstrdup("native XDP, before the switch's own program for AF_XDP: "
                   "checksums are whole, all targets can transmit");
    return TPR_ATTACH_NEXT;
}

enum tpr_attach_mode
tpr_attach_decide(const struct tpr_attach_facts *f, char **why)
{
    switch (f->kind) {
    case TPR_PORT_DPDK:
        *why = xstrdup("packets of a DPDK port do not pass through the "
                       "kernel");
        return TPR_ATTACH_NONE;

    case TPR_PORT_INTERNAL:
        *why = xstrdup("an internal port is the switch's own device, and no "
                       "target of XDP");
        return TPR_ATTACH_NONE;

    case TPR_PORT_VIRTUAL:
        *why = xstrdup("a patch or tunnel port has no device of its own");
        return TPR_ATTACH_NONE;

    case TPR_PORT_KERNEL:
    case TPR_PORT_AF_PACKET:
    case TPR_PORT_AF_XDP:
        break;

    case TPR_N_PORT_KINDS:
    default:
        OVS_NOT_REACHED();
    }
    if (!f->exists) {
        *why = xasprintf("there is no device %s here", f->name);
        return TPR_ATTACH_NONE;
    }
    return (f->kind == TPR_PORT_KERNEL ? decide_kernel(f, why)
            : f->kind == TPR_PORT_AF_XDP ? decide_af_xdp(f, why)
            : decide_af_packet(f, why));
}
