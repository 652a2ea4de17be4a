/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Heartbeats in the kernel, for builds without BPF: there are none.
 *
 * So nobody has a struct tpr_beat, and whoever takes one is never called:
 * those functions are a line each, whose types the compiler compares with
 * beat-loader.h. */

#include <config.h>
#include "beat-loader.h"

#include <stdlib.h>
#include "util.h"

#pragma GCC diagnostic ignored "-Wunused-parameter"

void
tpr_beat_remove_old(const char *name, const char *pins)
{
}

char *
tpr_beat_create(const char *name, const char *pins, struct tpr_beat **bp)
{
    *bp = NULL;
    return xstrdup("this build has no BPF programs (--disable-bpf)");
}

void
tpr_beat_destroy(struct tpr_beat *b)
{
    ovs_assert(!b);
}

#define NEVER(TYPE, NAME, ...) \
    TYPE tpr_beat_##NAME(struct tpr_beat *b, ##__VA_ARGS__) \
    { OVS_NOT_REACHED(); }
#define NEVER_CONST(TYPE, NAME, ...) \
    TYPE tpr_beat_##NAME(const struct tpr_beat *b, ##__VA_ARGS__) \
    { OVS_NOT_REACHED(); }

NEVER_CONST(const char *, unpinned_why)
NEVER(char *, attach, uint32_t ifindex)
NEVER(void, detach, uint32_t ifindex)
NEVER(void, quiet, uint32_t id)
NEVER(char *, check, int64_t now_us)
NEVER(const char *, port_trouble, uint32_t ifindex)
NEVER_CONST(const char *, loop_trouble)
NEVER(char *, add_page, int map_fd)
NEVER(void, del_page, int map_fd)
NEVER(char *, start_token)
NEVER_CONST(bool, has_token)
NEVER(int, test_packet, bool xdp, const void *frame, uint32_t size,
      uint32_t *verdict)

NEVER_CONST(const struct tpr_beat_state *, state)
NEVER_CONST(const struct tpr_beat_session *, session, uint32_t id)
NEVER(int, listen, uint32_t id, const struct tpr_beat_arming *a)
NEVER(int, arm, uint32_t id, const struct tpr_beat_arming *a)
NEVER(bool, disarm, uint32_t id)
NEVER(void, unquiet, uint32_t id)
NEVER(void, sent, uint32_t id, int64_t now_us)
NEVER(void, send, uint32_t id, const struct tpr_beat_sending *s,
      int64_t now_us)
NEVER(void, unsend, uint32_t id)
NEVER(void, renew, uint32_t id, int64_t lease_until_us)
NEVER_CONST(int, fd)
NEVER(void, run, int64_t now_us, tpr_beat_event_func *func, void *aux)
NEVER_CONST(const struct tpr_beat_token_watch *, token)
