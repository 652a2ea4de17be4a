/* SPDX-License-Identifier: Apache-2.0 */

/* Redirect objects on their way to the switch: see redirects.h. */

#include <config.h>
#include "redirects.h"
#include <stdlib.h>
#include <string.h>
#include "coverage.h"
#include "ofconn.h"
#include "openvswitch/json.h"
#include "util.h"

COVERAGE_DEFINE(tpr_redirect_mod);

/* Makes 'rs' empty.  'conn' must outlive its use. */
void
redirects_init(struct redirects *rs, struct ofconn *conn)
{
    *rs = (struct redirects) { .conn = conn };
    redirect_plan_init(&rs->plan);
}

/* Frees all that 'rs' owns; the switch keeps its objects. */
void
redirects_destroy(struct redirects *rs)
{
    redirect_plan_destroy(&rs->plan);
    free(rs->sent);
}

/* The switch begins to tell its objects, */
void
redirects_begin(struct redirects *rs)
{
    redirect_plan_dump_begin(&rs->plan);
}

/* tells one, */
void
redirects_told(struct redirects *rs, const struct tpr_redirect *r)
{
    redirect_plan_dumped(&rs->plan, r);
}

/* and has told all; or, 'native' false, knows no such thing. */
void
redirects_end(struct redirects *rs, bool native)
{
    rs->asked = true;
    rs->have = native;
    redirect_plan_dump_end(&rs->plan);
}

/* The connection is gone.  What was refused may be tried again. */
void
redirects_lost(struct redirects *rs)
{
    rs->waiting = false;
    rs->unsupported = false;
    rs->n_sent = rs->n_unsupported = 0;
    redirect_plan_forgive(&rs->plan);
}

static void
send_mod(void *rs_, uint32_t id, const struct tpr_redirect *r, bool is_new)
{
    struct redirects *rs = rs_;

    COVERAGE_INC(tpr_redirect_mod);
    rs->n_mods++;
    if (rs->n_sent >= rs->allocated_sent) {
        rs->sent = x2nrealloc(rs->sent, &rs->allocated_sent,
                              sizeof *rs->sent);
    }
    rs->sent[rs->n_sent++] = (struct redirect_sent) {
        .xid = ofconn_redirect_mod(rs->conn, id, r, is_new),
        .id = id,
        .is_new = is_new,
        .is_deletion = !r,
    };
}

static bool
end_flush(struct redirects *rs, size_t n)
{
    if (n) {
        rs->waiting = true;
        rs->barrier = ofconn_barrier(rs->conn);
    }
    return n > 0;
}

/* Sends additions and changes.  Returns true if there were any. */
bool
redirects_flush(struct redirects *rs)
{
    return (rs->have && !rs->unsupported
            && end_flush(rs, redirect_plan_flush(&rs->plan, send_mod, rs)));
}

/* Sends deletions of what nobody wants.  Returns true if there were any. */
bool
redirects_flush_stale(struct redirects *rs)
{
    return rs->have && end_flush(rs, redirect_plan_flush_stale(&rs->plan,
                                                               send_mod, rs));
}

/* True while the switch has not answered the last barrier. */
bool
redirects_busy(const struct redirects *rs)
{
    return rs->waiting;
}

/* Takes note of the answer to barrier 'xid'; returns true if it is the one
 * that is waited for.  If all that went before it was beyond the switch's
 * datapath, no redirect object will do on this connection. */
bool
redirects_answered(struct redirects *rs, ovs_be32 xid)
{
    if (!rs->waiting || xid != rs->barrier) {
        return false;
    }
    rs->unsupported |= rs->n_sent && rs->n_unsupported == rs->n_sent;
    rs->waiting = false;
    rs->n_sent = rs->n_unsupported = 0;
    return true;
}

/* Takes note that the switch refused request 'xid' because of 'error', the
 * name of an OpenFlow error.  If that was about an object, returns true and
 * stores its id, and the name of the service that wants it, NULL for a
 * deletion. */
bool
redirects_refused(struct redirects *rs, ovs_be32 xid, uint32_t *id,
                  const char *error, const char **service)
{
    for (size_t i = 0; i < rs->n_sent; i++) {
        const struct redirect_sent *s = &rs->sent[i];

        if (s->xid == xid) {
            *id = s->id;
            *service = (s->is_deletion ? NULL
                        : redirect_plan_refuse(&rs->plan, s->id, s->is_new,
                                               error));
            rs->n_unsupported += (s->is_new
                                  && strstr(error, "TPRC_UNSUPPORTED"));
            return true;
        }
    }
    return false;
}

/* Adds what people ask for to the object 'json'. */
void
redirects_show(const struct redirects *rs, struct json *json)
{
    json_object_put(json, "redirects",
                    json_integer_create(redirect_plan_n_wanted(&rs->plan)));
    json_object_put(json, "redirects_refused",
                    json_integer_create(redirect_plan_n_refused(&rs->plan)));
    json_object_put(json, "redirect_mods", json_integer_create(rs->n_mods));
}
