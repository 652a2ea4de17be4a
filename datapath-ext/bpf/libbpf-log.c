/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* What libbpf says: see libbpf-log.h. */

#include <config.h>
#include "libbpf-log.h"

#include <bpf/libbpf.h>
#include <stdarg.h>
#include "openvswitch/dynamic-string.h"
#include "ovs-thread.h"

static __thread struct ds *listener;

static int
hear(enum libbpf_print_level level, const char *format, va_list args)
{
    if (listener && level == LIBBPF_WARN) {
        ds_put_format_valist(listener, format, args);
    }
    return 0;
}

struct ds *
tpr_libbpf_listen(struct ds *said)
{
    static struct ovsthread_once once = OVSTHREAD_ONCE_INITIALIZER;
    struct ds *before = listener;

    if (ovsthread_once_start(&once)) {
        libbpf_set_print(hear);
        ovsthread_once_done(&once);
    }
    listener = said;
    return before;
}
