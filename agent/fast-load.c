/* SPDX-License-Identifier: Apache-2.0 */

/* BPF programs on their way into the kernel: see fast-load.h. */

#include <config.h>
#include "fast-load.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "attach.h"
#include "fast-pins.h"
#include "latch.h"
#include "loader.h"
#include "openvswitch/thread.h"
#include "openvswitch/vlog.h"
#include "ovs-thread.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(fast_load);

struct fast_load {
    char *pins;
    uint32_t connections, half_open;
    struct latch done;
    struct ovs_mutex mutex;
    bool abandoned OVS_GUARDED; /* The main thread needs them no more. */
    bool ended OVS_GUARDED;     /* The rest is the main thread's. */
    struct tpr_bpf *bpf;
    struct tpr_attach *attach;
    char *error;
};

static void
load_destroy(struct fast_load *load)
{
    latch_destroy(&load->done);
    ovs_mutex_destroy(&load->mutex);
    free(load->pins);
    free(load->error);
    free(load);
}

/* Adds 'more', which it frees, to the first line of 'error', which it frees,
 * too.  What the verifier has to say comes after that. */
static char *
add_clause(char *error, char *more)
{
    size_t n = strcspn(error, "\n");
    char *s = xasprintf("%.*s; %s%s", (int) n, error, more, error + n);

    free(error);
    free(more);
    return s;
}

static char *
load_programs(struct fast_load *load)
{
    const struct tpr_bpf_options options = {
        .connections = load->connections, .half_open = load->half_open,
        .objects = FAST_LOAD_OBJECTS, .pins = load->pins, .pin_later = true,
    };
    char *parent = dir_name(load->pins);
    char *error = tpr_bpf_mount(parent);

    free(parent);
    if (!error) {
        error = tpr_bpf_create(&options, &load->bpf);
    }
    if (!error) {
        load->attach = tpr_attach_create(load->bpf, load->pins);
    }
    return error;
}

/* Forgets what was loaded; what is attached and pinned stays. */
static void
drop_programs(struct fast_load *load)
{
    tpr_attach_destroy(load->attach, false);
    tpr_bpf_destroy(load->bpf);
    load->attach = NULL;
    load->bpf = NULL;
}

/* Where nothing can be loaded, nothing that is there has an owner. */
static void
give_up(struct fast_load *load)
{
    char *left;

    drop_programs(load);
    left = fast_pins_remove(load->pins);
    if (left) {
        load->error = add_clause(load->error, left);
    }
}

/* One at a time.  Up to its end, the folder of pins has what it had. */
static void *
load_thread(void *load_)
{
    static struct ovs_mutex one = OVS_MUTEX_INITIALIZER;
    struct fast_load *load = load_;
    bool abandoned;

    ovs_mutex_lock(&one);
    load->error = load_programs(load);
    ovs_mutex_lock(&load->mutex);
    abandoned = load->abandoned;
    load->ended = true;
    if (abandoned) {
        drop_programs(load);
    } else {
        if (!load->error) {
            load->error = tpr_bpf_pin(load->bpf);
        }
        if (load->error) {
            give_up(load);
        }
        latch_set(&load->done);
    }
    ovs_mutex_unlock(&load->mutex);
    ovs_mutex_unlock(&one);
    if (abandoned) {
        load_destroy(load);
    }
    return NULL;
}

/* Starts to load with the pins in the folder 'pins', and room for so many
 * connections and half-open ones; 0: the default. */
struct fast_load *
fast_load_begin(const char *pins, uint32_t connections, uint32_t half_open)
{
    struct fast_load *load = xzalloc(sizeof *load);

    load->pins = xstrdup(pins);
    load->connections = connections;
    load->half_open = half_open;
    latch_init(&load->done);
    ovs_mutex_init(&load->mutex);
    pthread_detach(ovs_thread_create("bpf_load", load_thread, load));
    return load;
}

/* Is there a result for fast_load_end()? */
bool
fast_load_has_ended(const struct fast_load *load)
{
    return latch_is_set(&load->done);
}

/* Wakes the poll loop when there is. */
void
fast_load_wait(const struct fast_load *load)
{
    latch_wait(&load->done);
}

/* Stores what was loaded in '*bpf' and '*attach', which become the caller's,
 * and frees 'load'.  Returns NULL, or a sentence to free() and stores NULL;
 * then nothing that was there before is attached any more, or the sentence
 * says that it is. */
char *
fast_load_end(struct fast_load *load, struct tpr_bpf **bpf,
              struct tpr_attach **attach)
{
    char *error = load->error;

    ovs_mutex_lock(&load->mutex);       /* It may be about to let go. */
    ovs_mutex_unlock(&load->mutex);
    *bpf = load->bpf;
    *attach = load->attach;
    load->error = NULL;
    load_destroy(load);
    return error;
}

/* Gives 'load' up.  From now on it pins nothing. */
void
fast_load_abandon(struct fast_load *load)
{
    bool ended;

    ovs_mutex_lock(&load->mutex);
    ended = load->ended;
    load->abandoned = true;
    ovs_mutex_unlock(&load->mutex);
    if (ended) {
        drop_programs(load);
        load_destroy(load);
    }
}
