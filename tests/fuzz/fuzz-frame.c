/* SPDX-License-Identifier: Apache-2.0 */

/* Fuzzes the parser of heartbeat frames.
 *
 * The first byte of an input says whether checksums count, the rest is the
 * frame.  What parses must survive building and parsing again. */

#include <config.h>
#include <stdint.h>
#include <string.h>
#include "frame.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct frame f, again;
    uint8_t buf[FRAME_MAX];

    if (!size || !frame_parse(data + 1, size - 1, data[0] & 1, &f)) {
        return 0;
    }
    ovs_assert(f.payload >= data + 1);
    ovs_assert(f.payload + f.size <= data + size);
    if (f.size > FRAME_MAX_PAYLOAD) {
        return 0;
    }

    size_t n = frame_build(&f, buf);
    ovs_assert(n <= sizeof buf);
    ovs_assert(frame_parse(buf, n, true, &again));
    ovs_assert(again.kind == f.kind && again.size == f.size);
    ovs_assert(again.port_dst == f.port_dst && again.echo_id == f.echo_id);
    ovs_assert(again.ttl == f.ttl && again.vlan == f.vlan);
    ovs_assert(!memcmp(&again.src, &f.src, sizeof f.src));
    ovs_assert(!memcmp(again.payload, f.payload, f.size));
    return 0;
}
