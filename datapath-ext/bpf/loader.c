/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Loads the programs and maps the maps: see loader.h. */

#include <config.h>
#include "loader-private.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "libbpf-log.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/vlog.h"
#include "random.h"
#include "tpr.skel.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(bpf_loader);

enum {
    DEFAULT_CONNECTIONS = 65536,
    DEFAULT_HALF_OPEN = 4096,
    DEFAULT_OBJECTS = 1024,
    DEFAULT_RECORDS = 16384,
    DEFAULT_RINGS = 1 << 21,
    DEFAULT_PORTS = 4096,
    LOG_TAIL = 2000,            /* What of it is said. */
};

static const char *const value_names[] = {
#define TPR_BPF_VALUE(NAME, TYPE) "tpr_" #NAME,
    TPR_BPF_VALUES
#undef TPR_BPF_VALUE
};

/* Programs; 'kind' says with whom they are loaded. */
enum { ALWAYS, TESTING, BENCHING };
static const struct {
    const char *name;
    int kind;
} programs[] = {
#define TPR_BPF_PROGRAM(ENUM, NAME, KIND) { #NAME, KIND },
    TPR_BPF_PROGRAMS
#undef TPR_BPF_PROGRAM
};

static struct bpf_program *
program(const struct tpr_bpf *b, enum tpr_bpf_program which)
{
    return bpf_object__find_program_by_name(b->skel->obj,
                                            programs[which].name);
}

/* The power of 2 that is not below 'min'. */
static uint32_t
power_of_2(uint32_t min)
{
    uint32_t n = 1;

    while (n < min) {
        n *= 2;
    }
    return n;
}

static void
choose_sizes(const struct tpr_bpf_options *o, struct tpr_bpf_sizes *s)
{
    s->connections = o->connections ? o->connections : DEFAULT_CONNECTIONS;
    s->connections = MIN(s->connections, TPR_BPF_MAX_CONNECTIONS);
    s->mask = power_of_2(s->connections) - 1;
    s->half_open = o->half_open ? o->half_open : DEFAULT_HALF_OPEN;
    s->half_open = MIN(s->half_open, TPR_BPF_MAX_HALF_OPEN);
    s->objects = o->objects ? o->objects : DEFAULT_OBJECTS;
    s->records = o->records ? o->records : DEFAULT_RECORDS;
    s->lists = power_of_2(2 * s->records);
    s->rings = o->rings ? o->rings : DEFAULT_RINGS;
}

static size_t
value_size(const struct tpr_bpf_sizes *s, enum tpr_bpf_value value)
{
    switch (value) {
    case VALUE_heads: return 2 * sizeof(uint32_t) * (s->mask + 1);
    case VALUE_conns: return sizeof(struct tpr_bpf_conn) * s->connections;
    case VALUE_syns: return sizeof(struct tpr_bpf_syn) * s->half_open;
    case VALUE_frags: return sizeof(struct tpr_bpf_frag) * TPR_BPF_FRAGS;
    case VALUE_current: return sizeof(uint32_t) * s->objects;
    case VALUE_objects: return 2 * sizeof(struct tpr_bpf_object) * s->objects;
    case VALUE_lists: return sizeof(struct tpr_bpf_entry) * s->lists;
    case VALUE_rings: return sizeof(uint16_t) * s->rings;
    case VALUE_records: return sizeof(struct tpr_bpf_record) * s->records;
    case VALUE_page: return sizeof(struct tpr_page);
    case N_VALUES:
    default: OVS_NOT_REACHED();
    }
}

static void
set_sizes(struct tpr_bpf *b, const struct tpr_bpf_options *o)
{
    const struct tpr_bpf_sizes *s = &b->sizes;
    struct tpr_bpf_skel *skel = b->skel;

    for (int i = 0; i < N_VALUES; i++) {
        struct bpf_map *map = bpf_object__find_map_by_name(skel->obj,
                                                           value_names[i]);

        b->value_sizes[i] = value_size(s, i);
        bpf_map__set_value_size(map, b->value_sizes[i]);
    }
    b->max_ports = o->ports ? o->ports : DEFAULT_PORTS;
    bpf_map__set_max_entries(skel->maps.tpr_ports, b->max_ports);
    bpf_map__set_max_entries(skel->maps.tpr_services, 4 * s->objects);
    bpf_map__set_max_entries(skel->maps.tpr_stats, s->records);
    bpf_map__set_max_entries(skel->maps.tpr_counters, s->objects + 1);
    for (int i = 0; i < TPR_BPF_N_PROGRAMS; i++) {
        const int kind = programs[i].kind;

        bpf_program__set_autoload(program(b, i),
                                  kind == ALWAYS
                                  || (kind == TESTING && o->testing)
                                  || (kind == BENCHING && o->benching));
    }
    skel->rodata->tpr_sizes = *s;
}

/* What is said when a load fails: libbpf's words, and the end of what the
 * verifier wrote about the program that it refused. */
char *
tpr_bpf_load_error(int error, const struct ds *said, char *const *logs)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    ds_put_format(&s, "cannot load the BPF programs (%s)",
                  ovs_strerror(error));
    if (error == EPERM) {
        ds_put_cstr(&s, ": that takes CAP_BPF, CAP_NET_ADMIN and "
                    "CAP_PERFMON, or root");
    }
    if (said->length) {
        ds_put_format(&s, ": %s", said->string);
    }
    for (int i = 0; logs[i]; i++) {
        size_t n = strlen(logs[i]);

        if (n) {
            ds_put_format(&s, "\nthe verifier's last words:\n%s",
                          logs[i] + (n > LOG_TAIL ? n - LOG_TAIL : 0));
        }
    }
    return ds_steal_cstr(&s);
}

/* Stores the kernel's error in '*errorp', or 0. */
static char *
load(struct tpr_bpf *b, int *errorp)
{
    char *logs[TPR_BPF_N_PROGRAMS + 1] = { NULL };
    struct ds said = DS_EMPTY_INITIALIZER;
    struct ds *before = tpr_libbpf_listen(&said);
    char *sentence = NULL;
    int error;

    for (int i = 0; i < TPR_BPF_N_PROGRAMS; i++) {
        logs[i] = xzalloc(TPR_BPF_LOG_SIZE);
        bpf_program__set_log_buf(program(b, i), logs[i], TPR_BPF_LOG_SIZE);
        bpf_program__set_log_level(program(b, i), 0);
    }
    error = -tpr_bpf_skel__load(b->skel);
    *errorp = error;
    if (error) {
        sentence = tpr_bpf_load_error(error, &said, logs);
    }
    for (int i = 0; i < TPR_BPF_N_PROGRAMS; i++) {
        free(logs[i]);
    }
    tpr_libbpf_listen(before);
    ds_destroy(&said);
    return sentence;
}

int
tpr_bpf_map(const struct tpr_bpf *b, const char *name)
{
    return bpf_object__find_map_fd_by_name(b->skel->obj, name);
}

static char *
map_values(struct tpr_bpf *b)
{
    for (int i = 0; i < N_VALUES; i++) {
        void *p = mmap(NULL, b->value_sizes[i], PROT_READ | PROT_WRITE,
                       MAP_SHARED, tpr_bpf_map(b, value_names[i]), 0);

        if (p == MAP_FAILED) {
            return xasprintf("cannot map the BPF map %s (%s)",
                             value_names[i], ovs_strerror(errno));
        }
        b->values[i] = p;
    }
    b->limits = &b->skel->bss->tpr_limits;
    b->state = &b->skel->bss->tpr_state;
    b->test = &b->skel->bss->tpr_test;
    b->command = &b->skel->bss->tpr_command;
    b->filter = b->skel->bss->tpr_filter;
    b->shortcuts = b->skel->bss->tpr_shortcuts;
    return NULL;
}

/* A map of maps: changing it waits until no program runs that was running
 * before. */
static void
make_grace(struct tpr_bpf *b)
{
    LIBBPF_OPTS(bpf_map_create_opts, opts);

    b->inner_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "tpr_grace_in", 4, 4, 1,
                                 NULL);
    opts.inner_map_fd = b->inner_fd;
    b->outer_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "tpr_grace", 4,
                                 4, 1, &opts);
}

/* Waits until no program can look any more at what was given up; that may be
 * used again then.  Some milliseconds. */
void
tpr_bpf_grace(struct tpr_bpf *b)
{
    bpf_map_update_elem(b->outer_fd, &(uint32_t) { 0 }, &b->inner_fd, 0);
    tpr_bpf_release_limbo(b);
    b->epoch++;
}

struct tpr_bpf_work
tpr_bpf_work(const struct tpr_bpf *b)
{
    return (struct tpr_bpf_work) { .graces = b->epoch, .runs = b->n_runs };
}

/* Runs the control program. */
void
tpr_bpf_control(struct tpr_bpf *b)
{
    uint8_t frame[64] = { 0 };
    LIBBPF_OPTS(bpf_test_run_opts, opts,
                .data_in = frame, .data_size_in = sizeof frame);
    int error = bpf_prog_test_run_opts(tpr_bpf_fd(b, TPR_BPF_CONTROL),
                                       &opts);

    b->n_runs++;
    if (error) {
        static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);

        VLOG_ERR_RL(&rl, "the control program does not run (%s)",
                    ovs_strerror(-error));
    }
}

/* Whether 'b' goes on with the maps of an earlier process.  If not, '*why_not'
 * is NULL when there were none, else a sentence, 'b''s, why connections are
 * lost. */
bool
tpr_bpf_taken_over(const struct tpr_bpf *b, const char **why_not)
{
    *why_not = b->why_not;
    return b->taken_over;
}

static void
set_limits(struct tpr_bpf *b, const struct tpr_bpf_options *o)
{
    b->limits->connections = MIN(o->connections ? o->connections : UINT32_MAX,
                                 b->sizes.connections);
    b->limits->half_open = MIN(o->half_open ? o->half_open : UINT32_MAX,
                               b->sizes.half_open);
}

/* Opens the programs, finds pinned maps and loads everything, but for
 * TPR_BPF_XDP_NEXT unless 'with_next'. */
static char *
open_and_load(struct tpr_bpf *b, const struct tpr_bpf_options *o,
              bool with_next, int *error)
{
    struct ds *before = tpr_libbpf_listen(NULL);
    char *sentence;

    *error = 0;
    b->skel = tpr_bpf_skel__open();     /* It knows not all sections. */
    tpr_libbpf_listen(before);
    if (!b->skel) {
        return xasprintf("libbpf cannot read the BPF programs (%s)",
                         ovs_strerror(errno));
    }
    set_sizes(b, o);
    if (!with_next) {
        bpf_program__set_autoload(program(b, TPR_BPF_XDP_NEXT), false);
    } else if (o->refuse_next) {
        /* Its context is none of such a program's. */
        bpf_program__set_type(program(b, TPR_BPF_XDP_NEXT),
                              BPF_PROG_TYPE_SOCKET_FILTER);
    }
    sentence = b->pins ? tpr_bpf_find_pins(b) : NULL;
    return sentence ? sentence : load(b, error);
}

/* The same with all that this kernel takes. */
static char *
load_what_it_takes(struct tpr_bpf *b, const struct tpr_bpf_options *o)
{
    int error, again;
    char *sentence = open_and_load(b, o, true, &error);
    char *without;

    if (!error || error == EPERM) {
        return sentence;
    }
    tpr_bpf_skel__destroy(b->skel);
    free(b->why_not);
    b->why_not = NULL;
    b->taken_over = false;
    without = open_and_load(b, o, false, &again);
    if (without) {
        free(without);
        return sentence;        /* It was not that one. */
    }
    VLOG_INFO("nothing can come before AF_XDP ports' own programs: %s",
              sentence);
    free(sentence);
    b->no_next = xasprintf("this kernel refuses the program for that: %s",
                           ovs_strerror(error));
    return NULL;
}

/* Why nothing can come before the switch's own program at AF_XDP ports, a
 * clause that 'b' owns, or NULL: it can. */
const char *
tpr_bpf_no_next(const struct tpr_bpf *b)
{
    return b->no_next;
}

/* Loads everything, or takes it over.  Stores the result in '*bp', or NULL
 * with a sentence. */
char *
tpr_bpf_create(const struct tpr_bpf_options *o, struct tpr_bpf **bp)
{
    struct tpr_bpf *b = xzalloc(sizeof *b);
    char *sentence;

    *bp = NULL;
    b->inner_fd = b->outer_fd = b->old_jumps = -1;
    choose_sizes(o, &b->sizes);
    tpr_bpf_init_objects(b);
    b->n_cpus = libbpf_num_possible_cpus();
    b->refuse_part = o->refuse_part;
    b->renew_part = o->renew_part;
    b->pins = nullable_xstrdup(o->pins);
    sentence = load_what_it_takes(b, o);
    if (!sentence) {
        sentence = map_values(b);
    }
    if (!sentence) {
        make_grace(b);
        if (b->taken_over) {
            set_limits(b, o);
            tpr_bpf_adopt(b);
        } else {
            tpr_bpf_reset(b, o);
        }
        if (b->pins && !o->pin_later) {
            sentence = tpr_bpf_pin(b);
        }
    }
    if (sentence) {
        tpr_bpf_destroy(b);
        return sentence;
    }
    *bp = b;
    return NULL;
}

/* Forgets everything.  Programs and maps that are pinned or attached stay.
 * NULL is allowed. */
void
tpr_bpf_destroy(struct tpr_bpf *b)
{
    if (!b) {
        return;
    }
    tpr_bpf_free_objects(b);
    for (int i = 0; i < N_VALUES; i++) {
        if (b->values[i]) {
            munmap(b->values[i], b->value_sizes[i]);
        }
    }
    if (b->inner_fd >= 0) {
        close(b->inner_fd);
    }
    if (b->outer_fd >= 0) {
        close(b->outer_fd);
    }
    if (b->old_jumps >= 0) {
        close(b->old_jumps);
    }
    tpr_bpf_skel__destroy(b->skel);
    free(b->pins);
    free(b->why_not);
    free(b->no_next);
    free(b);
}

static void
clear_map(int fd, uint32_t n, size_t size)
{
    void *zero = xzalloc(size);

    for (uint32_t i = 0; i < n; i++) {
        bpf_map_update_elem(fd, &i, zero, 0);
    }
    free(zero);
}

/* Removes all of a hash, whose keys have 'size' bytes. */
static void
clear_hash(int fd, size_t size)
{
    void *key = xmalloc(size);

    while (!bpf_map_get_next_key(fd, NULL, key)) {
        bpf_map_delete_elem(fd, key);
    }
    free(key);
}

/* Makes 'b' as if it had just been created, with the connections, half-open
 * ones and seed of 'o'; no packet may come meanwhile. */
void
tpr_bpf_reset(struct tpr_bpf *b, const struct tpr_bpf_options *o)
{
    const struct tpr_page header = {
        .magic = TPR_PAGE_MAGIC, .version = TPR_PAGE_VERSION,
        .size = sizeof header,
    };
    uint32_t n_objects = b->sizes.objects;

    clear_map(tpr_bpf_map(b, "tpr_stats"), b->n_records,
              b->n_cpus * sizeof(struct tpr_bpf_stats));
    while (n_objects && !b->loaded[n_objects - 1].created_ms) {
        n_objects--;
    }
    clear_map(tpr_bpf_map(b, "tpr_counters"), n_objects + 1,
              b->n_cpus * ROUND_UP(TPR_N_COUNTERS * sizeof(uint64_t), 8));
    clear_hash(tpr_bpf_map(b, "tpr_services"),
               sizeof(struct tpr_bpf_service));
    clear_hash(tpr_bpf_map(b, "tpr_clients"), sizeof(struct tpr_bpf_client));
    clear_hash(tpr_bpf_map(b, "tpr_holders"), sizeof(struct tpr_bpf_holder));
    tpr_bpf_free_objects(b);
    tpr_bpf_init_objects(b);
    for (int i = 0; i < N_VALUES; i++) {
        if (i == VALUE_conns) {
            memset(b->values[i], 0,
                   b->state->fresh * sizeof(struct tpr_bpf_conn));
        } else if (i != VALUE_rings && i != VALUE_objects) {
            memset(b->values[i], 0, b->value_sizes[i]);
        }
    }
    memset(b->state, 0, sizeof *b->state);
    memset(b->test, 0, sizeof *b->test);
    memset(b->filter, 0, TPR_BPF_FILTER);
    *VALUE(b, page, struct tpr_page) = header;
    set_limits(b, o);
    b->limits->stateless = 0;
    memset(b->shortcuts, 0, TPR_BPF_SHORTCUTS * sizeof *b->shortcuts);
    b->limits->seed = o->seed ? o->seed : random_uint32() | 1;
}

/* The program's descriptor, which stays 'b''s. */
int
tpr_bpf_fd(const struct tpr_bpf *b, enum tpr_bpf_program which)
{
    return bpf_program__fd(program(b, which));
}

/* How many instructions the verifier went through for the program; 0 if the
 * kernel does not say. */
uint32_t
tpr_bpf_verified(const struct tpr_bpf *b, enum tpr_bpf_program which)
{
    struct bpf_prog_info info = { 0 };
    uint32_t size = sizeof info;

    return (bpf_obj_get_info_by_fd(tpr_bpf_fd(b, which), &info, &size)
            ? 0 : info.verified_insns);
}

/* The liveness page that the programs look at, mapped; it stays 'b''s. */
struct tpr_page *
tpr_bpf_page(struct tpr_bpf *b)
{
    return VALUE(b, page, struct tpr_page);
}

/* The descriptor of that page's map, which stays 'b''s: for heartbeats that
 * the kernel misses (beat-loader.h). */
int
tpr_bpf_page_fd(const struct tpr_bpf *b)
{
    return tpr_bpf_map(b, "tpr_page");
}

struct tpr_bpf_test *
tpr_bpf_test(struct tpr_bpf *b)
{
    return b->test;
}

struct tpr_bpf_bench *
tpr_bpf_bench(struct tpr_bpf *b)
{
    return &b->skel->bss->tpr_bench;
}

/* Packets that the program at the far end has counted. */
uint64_t
tpr_bpf_bench_received(struct tpr_bpf *b)
{
    uint64_t *counts = xcalloc(b->n_cpus, sizeof *counts), sum = 0;

    bpf_map_lookup_elem(tpr_bpf_map(b, "tpr_received"), &(uint32_t) { 0 },
                        counts);
    for (int i = 0; i < b->n_cpus; i++) {
        sum += counts[i];
    }
    free(counts);
    return sum;
}

/* Lets the XDP program send by interface 'ifindex'.  Returns a sentence,
 * without full stop, if that cannot be: there may be too many. */
char *
tpr_bpf_add_port(struct tpr_bpf *b, uint32_t ifindex)
{
    int error = -bpf_map_update_elem(tpr_bpf_map(b, "tpr_ports"), &ifindex,
                                     &ifindex, 0);

    return (!error ? NULL
            : error == E2BIG
            ? xasprintf("XDP can send by no more than %"PRIu32" ports",
                        b->max_ports)
            : xasprintf("interface %"PRIu32" cannot be a target of XDP (%s)",
                        ifindex, ovs_strerror(error)));
}

void
tpr_bpf_del_port(struct tpr_bpf *b, uint32_t ifindex)
{
    bpf_map_delete_elem(tpr_bpf_map(b, "tpr_ports"), &ifindex);
}
