/* SPDX-License-Identifier: Apache-2.0 */

/* Pins of the BPF programs before bridges: see fast-pins.h. */

#include <config.h>
#include "fast-pins.h"
#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "attach-link.h"
#include "dirs.h"
#include "fast-path.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/vlog.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(fast_pins);

/* Nothing else there has such a name. */
static const char prefix[] = "bridge-";

static char *
parent_dir(void)
{
    return xasprintf("%s/bpf", ovs_rundir());
}

/* The folder's name for 'bridge': a bpffs takes no dots, and no two bridges
 * share one. */
static char *
folder_name(const char *bridge)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    ds_put_cstr(&s, prefix);
    for (const char *p = bridge; *p; p++) {
        const unsigned char c = *p;

        if (isalnum(c) || c == '-' || c == '_') {
            ds_put_char(&s, c);
        } else {
            ds_put_format(&s, ":%02x", c);
        }
    }
    return ds_steal_cstr(&s);
}

/* Returns the folder of the pins of 'bridge', which the caller frees. */
char *
fast_pins(const char *bridge)
{
    char *parent = parent_dir(), *name = folder_name(bridge);
    char *pins = xasprintf("%s/%s", parent, name);

    free(parent);
    free(name);
    return pins;
}

/* Has an agent left something there? */
bool
fast_pins_exist(const char *pins)
{
    return !access(pins, F_OK);
}

/* Removal. */

/* Detaches all that is pinned in 'pins'.  Returns NULL if there was nothing,
 * else what became of it: a clause that the caller frees. */
char *
fast_pins_remove(const char *pins)
{
    size_t n;
    char *error = tpr_link_remove_all(pins, &n);

    if (error) {
        VLOG_WARN("%s: %s", pins, error);
    } else if (n) {
        VLOG_INFO("%s: programs of an earlier agent were detached from "
                  "%"PRIuSIZE" ports", pins, n);
        error = xasprintf("what an earlier agent had attached to %"PRIuSIZE
                          " port%s was detached", n, n == 1 ? "" : "s");
    }
    return error;
}

/* Detaches and removes what an agent before this one has left at 'bridge'. */
void
fast_remove(const char *bridge)
{
    char *pins = fast_pins(bridge);

    if (fast_pins_exist(pins)) {
        free(fast_pins_remove(pins));
    }
    free(pins);
}

/* The same for all bridges but 'bridges': nobody else cares for them. */
void
fast_pins_sweep(const struct sset *bridges)
{
    struct sset keep = SSET_INITIALIZER(&keep);
    char *parent = parent_dir();
    DIR *dir = opendir(parent);
    const struct dirent *e;
    const char *bridge;

    SSET_FOR_EACH (bridge, bridges) {
        sset_add_and_free(&keep, folder_name(bridge));
    }
    while (dir && (e = readdir(dir))) {
        if (!strncmp(e->d_name, prefix, strlen(prefix))
            && !sset_contains(&keep, e->d_name)) {
            char *pins = xasprintf("%s/%s", parent, e->d_name);

            free(fast_pins_remove(pins));
            free(pins);
        }
    }
    if (dir) {
        closedir(dir);
    }
    free(parent);
    sset_destroy(&keep);
}
