/* SPDX-License-Identifier: Apache-2.0 */

/* Datapath provider "dummy", for tests: see datapath-dummy.h. */

#include <config.h>
#include "datapath-dummy.h"
#include <stdlib.h>
#include <string.h>
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/shash.h"
#include "packets.h"
#include "util.h"

struct datapath_dummy {
    struct datapath up;
    struct shash ports;         /* Name -> struct dp_port. */
    unsigned int port_seqno;
    bool connected;
    bool hold;                  /* Do not apply. */
    uint64_t seq, applied_seq;
    long long int set_us, applied_us;
    unsigned int n_sets;
    struct ds last;             /* Last state, a line a thing. */
};

static char *refuse;            /* Name of the service to refuse. */

static struct datapath_dummy *
datapath_dummy_cast(const struct datapath *dp)
{
    ovs_assert(dp->class == &datapath_dummy_class);
    return CONTAINER_OF(dp, struct datapath_dummy, up);
}

static struct datapath *
dummy_open(const char *bridge)
{
    struct datapath_dummy *dd = xzalloc(sizeof *dd);

    dd->up.class = &datapath_dummy_class;
    dd->up.bridge = xstrdup(bridge);
    shash_init(&dd->ports);
    dd->connected = true;
    ds_init(&dd->last);
    return &dd->up;
}

static void
dummy_close(struct datapath *dp)
{
    struct datapath_dummy *dd = datapath_dummy_cast(dp);

    shash_destroy_free_data(&dd->ports);
    ds_destroy(&dd->last);
    free(dd->up.bridge);
    free(dd);
}

static char *
dummy_check(const struct tpr_service *s)
{
    return (refuse && !strcmp(refuse, s->name)
            ? xasprintf("service %s: refused by the test", s->name) : NULL);
}

static void
format_service(struct ds *s, const struct dp_service *service)
{
    ds_put_format(s, "service %s", service->name);
    if (service->identity) {
        ds_put_cstr(s, " identity");
    }
    if (service->answer) {
        ds_put_format(s, " answer="ETH_ADDR_FMT,
                      ETH_ADDR_ARGS(service->vip_mac));
    }
    if (service->pure) {
        ds_put_cstr(s, " pure");
    }
    if (service->active) {
        ds_put_format(s, " active=%s,%s,", service->active->name,
                      service->active->port);
        ipv6_format_mapped(&service->active->addr, s);
        ds_put_format(s, ","ETH_ADDR_FMT, ETH_ADDR_ARGS(service->active->mac));
    } else {
        ds_put_cstr(s, " none");
    }
    ds_put_char(s, '\n');
}

static void
dummy_apply(struct datapath_dummy *dd)
{
    if (dd->connected && !dd->hold && dd->applied_seq != dd->seq) {
        dd->applied_seq = dd->seq;
        dd->applied_us = dd->set_us;
        poll_immediate_wake();
    }
}

static uint64_t
dummy_set(struct datapath *dp, const struct dp_state *state,
          long long int now_us)
{
    struct datapath_dummy *dd = datapath_dummy_cast(dp);

    ds_clear(&dd->last);
    for (size_t i = 0; i < state->n_services; i++) {
        format_service(&dd->last, &state->services[i]);
    }
    for (size_t i = 0; i < state->n_paths; i++) {
        const struct dp_path *path = &state->paths[i];

        ds_put_format(&dd->last, "path %s%s ", path->port,
                      path->through_switch ? " through" : "");
        ipv6_format_mapped(&path->peer, &dd->last);
        ds_put_char(&dd->last, '\n');
    }
    dd->n_sets++;
    dd->seq++;
    dd->set_us = now_us;
    dummy_apply(dd);
    return dd->seq;
}

static void
dummy_clear(struct datapath *dp)
{
    struct datapath_dummy *dd = datapath_dummy_cast(dp);

    ds_clear(&dd->last);
    dd->seq++;
    dummy_apply(dd);
}

static void
dummy_run(struct datapath *dp, long long int now_us)
{
    struct datapath_dummy *dd = datapath_dummy_cast(dp);

    dd->set_us = MAX(dd->set_us, now_us);
    dummy_apply(dd);
}

static void
dummy_wait(struct datapath *dp OVS_UNUSED)
{
    /* Nothing happens by itself. */
}

static bool
dummy_applied(const struct datapath *dp, uint64_t *seq, long long int *when_us)
{
    const struct datapath_dummy *dd = datapath_dummy_cast(dp);

    *seq = dd->applied_seq;
    *when_us = dd->applied_us;
    return dd->applied_seq == dd->seq;
}

static bool
dummy_connected(const struct datapath *dp)
{
    return datapath_dummy_cast(dp)->connected;
}

static bool
dummy_port(const struct datapath *dp, const char *name, struct dp_port *port)
{
    const struct dp_port *p
        = shash_find_data(&datapath_dummy_cast(dp)->ports, name);

    if (p) {
        *port = *p;
    }
    return p != NULL;
}

static unsigned int
dummy_port_seqno(const struct datapath *dp)
{
    return datapath_dummy_cast(dp)->port_seqno;
}

static void
dummy_show(const struct datapath *dp, struct json *json)
{
    json_object_put_string(json, "datapath", "dummy");
    json_object_put(json, "sets",
                    json_integer_create(datapath_dummy_n_sets(dp)));
}

const struct datapath_class datapath_dummy_class = {
    .name = "dummy",
    .open = dummy_open,
    .close = dummy_close,
    .check = dummy_check,
    .set = dummy_set,
    .clear = dummy_clear,
    .run = dummy_run,
    .wait = dummy_wait,
    .applied = dummy_applied,
    .connected = dummy_connected,
    .port = dummy_port,
    .port_seqno = dummy_port_seqno,
    .show = dummy_show,
};

/* Adds port 'name', or changes it. */
void
datapath_dummy_add_port(struct datapath *dp, const char *name,
                        const struct dp_port *port)
{
    struct datapath_dummy *dd = datapath_dummy_cast(dp);

    free(shash_replace(&dd->ports, name, xmemdup(port, sizeof *port)));
    dd->port_seqno++;
}

/* Deletes port 'name'. */
void
datapath_dummy_del_port(struct datapath *dp, const char *name)
{
    struct datapath_dummy *dd = datapath_dummy_cast(dp);

    free(shash_find_and_delete(&dd->ports, name));
    dd->port_seqno++;
}

/* Says whether the switch is there. */
void
datapath_dummy_set_connected(struct datapath *dp, bool connected)
{
    datapath_dummy_cast(dp)->connected = connected;
}

/* With 'hold', sets are not applied until it is taken back and run() comes. */
void
datapath_dummy_hold(struct datapath *dp, bool hold)
{
    datapath_dummy_cast(dp)->hold = hold;
}

/* Makes check() refuse the service called 'service'; NULL: none. */
void
datapath_dummy_refuse(const char *service)
{
    free(refuse);
    refuse = nullable_xstrdup(service);
}

/* Number of calls of set(). */
unsigned int
datapath_dummy_n_sets(const struct datapath *dp)
{
    return datapath_dummy_cast(dp)->n_sets;
}

/* The last state set, as text: "service web answer=.. active=NAME,PORT,..",
 * "path eth1 through 192.0.2.1". */
const char *
datapath_dummy_last(const struct datapath *dp)
{
    return ds_cstr(&datapath_dummy_cast(dp)->last);
}
