/* SPDX-License-Identifier: Apache-2.0 */

/* The datapath with a mistake, to test that the random runs find it and shrink
 * what shows it: a client's reset does not reach the backend of its connection.
 * See host.h. */

#include <config.h>
#include "host.h"

static void
wrong_process(void *h, enum tpr_mode mode, uint32_t id, uint32_t in_port,
              const struct pkt *p, struct outcome *out)
{
    host_dp.process(h, mode, id, in_port, p, out);
    if (mode == TPR_MODE_FORWARD && out->verdict == TPR_SEND
        && p->proto == TPR_PROTO_TCP && p->flags & F_RST) {
        out->verdict = TPR_DROP;
    }
}

/* Returns it; the datapath in all else. */
const struct host_ops *
host_wrong(void)
{
    static struct host_ops ops;

    ops = host_dp;
    ops.name = "wrong";
    ops.process = wrong_process;
    return &ops;
}
