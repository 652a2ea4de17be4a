/* SPDX-License-Identifier: Apache-2.0 */

/* KEY=VALUE arguments of ovs-tprctl.
 *
 * Every key is a column of the object's row.  Strings are taken as they are,
 * without OVSDB's quoting; the schema's own constraints are judged here,
 * the meaning of the text later, with all rows at hand.  An empty value
 * empties the column: the default holds again.  In "MAP:NAME=VALUE" a "=" or
 * "\" that belongs to the name has a "\" before it, and VALUE may be empty.
 *
 * Threads: main thread. */

#include <config.h>
#include "tprctl.h"

#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "ovsdb-data.h"
#include "ovsdb-error.h"
#include "ovsdb-idl-provider.h"
#include "smap.h"
#include "svec.h"
#include "util.h"

/* Columns of every kind that are maps: "external_ids:NAME=VALUE". */
#define MAPS "other_config", "external_ids",

/* The keys, in the order of 'export'. */
static const char *const tpr_keys[] = {
    "bridge", "datapath", "panic_threshold", "history_limit",
    "notify_timeout", "flow_table", "client_table", "flow_priority", "metrics",
    MAPS NULL,
};
static const char *const region_keys[] = {
    "port", "vlan", "gateway", "damping_hold", "damping_hold_max",
    "damping_reset", MAPS NULL,
};
static const char *const heartbeat_keys[] = {
    "type", "peer", "local", "peer_mac", "interval", "fall", "rise",
    "detect_override", "max_excuses", "min_tx", "min_rx", "passive",
    "auth_type", "auth_key_id", "auth_key", "offload", MAPS NULL,
};
static const char *const service_keys[] = {
    "vip", "vip_mac", "policy", "spill_metric", "failback", "failback_hold",
    "slow_start", "drain_timeout", "on_down", "on_none", "stateless",
    "affinity", "affinity_timeout", "passive_detection", MAPS NULL,
};
static const char *const backend_keys[] = {
    "name", "address", "port", "mac", "priority", "backup", "weight",
    "slow_start", "max_connections", "max_pps", "max_cpu", MAPS NULL,
};
static const char *const check_keys[] = {
    "type", "path", "host", "send", "expect", "keepalive", "port", "verify",
    "ca_file", "sni", "interval", "fast_interval", "timeout", "fall", "rise",
    MAPS NULL,
};

static const struct {
    const char *const *keys;
    size_t table;
} kinds[] = {
    [TPRCTL_TPR] = { tpr_keys, TPRREC_TABLE_TPR },
    [TPRCTL_REGION] = { region_keys, TPRREC_TABLE_REGION },
    [TPRCTL_HEARTBEAT] = { heartbeat_keys, TPRREC_TABLE_HEARTBEAT },
    [TPRCTL_SERVICE] = { service_keys, TPRREC_TABLE_SERVICE },
    [TPRCTL_BACKEND] = { backend_keys, TPRREC_TABLE_BACKEND },
    [TPRCTL_CHECK] = { check_keys, TPRREC_TABLE_HEALTH_CHECK },
};

/* Returns the keys of 'kind', ended by NULL. */
const char *const *
tprctl_keys(enum tprctl_kind kind)
{
    return kinds[kind].keys;
}

/* Returns the column called 'key' if it is a key of 'kind', else NULL. */
static const struct ovsdb_idl_column *
find_column(enum tprctl_kind kind, const char *key)
{
    const struct ovsdb_idl_table_class *class
        = &tprrec_table_classes[kinds[kind].table];

    for (size_t i = 0; kinds[kind].keys[i]; i++) {
        if (!strcmp(kinds[kind].keys[i], key)) {
            for (size_t j = 0; j < class->n_columns; j++) {
                if (!strcmp(class->columns[j].name, key)) {
                    return &class->columns[j];
                }
            }
        }
    }
    return NULL;
}

/* Is there a default for 'column': nothing at all, or "false"? */
static bool
has_default(const struct ovsdb_idl_column *column)
{
    return (!column->type.n_min
            || column->type.key.type == OVSDB_TYPE_BOOLEAN);
}

/* Makes an atom for 'column' out of 'text'.  Returns NULL or a sentence. */
static char *
parse_atom(const struct ovsdb_idl_column *column, const char *text,
           union ovsdb_atom *atom)
{
    const struct ovsdb_base_type *base = &column->type.key;
    struct ovsdb_error *error;
    char *sentence = NULL;

    if (base->type != OVSDB_TYPE_STRING) {
        return ovsdb_atom_from_string(atom, NULL, base, text, NULL);
    }
    atom->s = ovsdb_atom_string_create(text);
    error = ovsdb_atom_check_constraints(atom, base);
    if (error) {
        sentence = ovsdb_error_to_string_free(error);
        if (base->enum_) {
            struct ds ds = DS_EMPTY_INITIALIZER;

            for (size_t i = 0; i < base->enum_->n; i++) {
                ds_put_format(&ds, "%s%s", i ? ", " : "",
                              base->enum_->keys[i].s->string);
            }
            free(sentence);
            sentence = xasprintf("\"%s\" is not one of %s", text,
                                 ds_cstr(&ds));
            ds_destroy(&ds);
        }
        ovsdb_atom_destroy(atom, OVSDB_TYPE_STRING);
    }
    return sentence;
}

static bool
is_map(const struct ovsdb_idl_column *column)
{
    return column->type.value.type != OVSDB_TYPE_VOID;
}

/* Returns what 'text' means without its backslashes, to be freed. */
static char *
unescape(const char *text)
{
    struct ds ds = DS_EMPTY_INITIALIZER;

    for (; *text; text++) {
        text += *text == '\\' && text[1];
        ds_put_char(&ds, *text);
    }
    return ds_steal_cstr(&ds);
}

/* Puts 'value' into the map 'column' of 'row' as 'name'. */
static void
put_into_map(const struct ovsdb_idl_row *row,
             const struct ovsdb_idl_column *column, const char *name,
             const char *value)
{
    const struct ovsdb_datum *old = ovsdb_idl_read(row, column);
    struct smap map = SMAP_INITIALIZER(&map);
    struct ovsdb_datum datum;

    for (size_t i = 0; i < old->n; i++) {
        smap_add(&map, old->keys[i].s->string, old->values[i].s->string);
    }
    smap_replace(&map, name, value);
    ovsdb_datum_from_smap(&datum, &map);
    ovsdb_idl_txn_write(row, column, &datum);
    smap_destroy(&map);
}

/* Sets the pair 'pair', "MAP:NAME", of 'row' to 'value'.  Returns false if
 * 'kind' has no such map. */
static bool
set_pair(enum tprctl_kind kind, const struct ovsdb_idl_row *row,
         const char *pair, const char *value)
{
    size_t n = strcspn(pair, ":");
    char *map = xmemdup0(pair, n);
    const struct ovsdb_idl_column *column = find_column(kind, map);
    bool ok = pair[n] == ':' && column && is_map(column);

    if (ok) {
        char *name = unescape(pair + n + 1);

        put_into_map(row, column, name, value);
        free(name);
    }
    free(map);
    return ok;
}

/* Sets 'key' of 'row', an object of 'kind', to 'value'.  Returns false after
 * ctl_error(). */
bool
tprctl_set_key(struct ctl_context *ctx, enum tprctl_kind kind,
               const struct ovsdb_idl_row *row, const char *key,
               const char *value)
{
    const struct ovsdb_idl_column *column = find_column(kind, key);
    struct ovsdb_datum datum;
    union ovsdb_atom atom;
    char *error;

    if (!column && set_pair(kind, row, key, value)) {
        return true;
    }
    if (!column) {
        struct ds ds = DS_EMPTY_INITIALIZER;

        for (size_t i = 0; kinds[kind].keys[i]; i++) {
            if (!is_map(find_column(kind, kinds[kind].keys[i]))) {
                ds_put_format(&ds, "%s%s", i ? ", " : "",
                              kinds[kind].keys[i]);
            }
        }
        ctl_error(ctx, "%s: unknown key \"%s\" (the keys are %s)",
                  ctx->argv[0], key, ds_cstr(&ds));
        ds_destroy(&ds);
        return false;
    }
    if (!*value && has_default(column)) {
        ovsdb_datum_init_default(&datum, &column->type);
        ovsdb_idl_txn_write(row, column, &datum);
        return true;
    }
    error = (is_map(column)
             ? xasprintf("write %s:NAME=%s for one pair", key, value)
             : parse_atom(column, value, &atom));
    if (error) {
        ctl_error(ctx, "%s: %s: %s", ctx->argv[0], key, error);
        free(error);
        return false;
    }
    ovsdb_datum_init_empty(&datum);
    ovsdb_datum_add_unsafe(&datum, &atom, NULL, &column->type, NULL);
    ovsdb_atom_destroy(&atom, column->type.key.type);
    ovsdb_idl_txn_write(row, column, &datum);
    return true;
}

/* Returns the first "=" in 's' that has no "\\" before it, or NULL. */
static const char *
find_equals(const char *s)
{
    for (; *s && *s != '='; s++) {
        s += *s == '\\' && s[1];
    }
    return *s ? s : NULL;
}

/* Sets all KEY=VALUE arguments of 'ctx' from 'first' on.  Returns false after
 * ctl_error(). */
bool
tprctl_set_keys(struct ctl_context *ctx, enum tprctl_kind kind,
                const struct ovsdb_idl_row *row, size_t first)
{
    tprctl.judge = true;
    for (size_t i = first; i < ctx->argc; i++) {
        const char *equals = find_equals(ctx->argv[i]);
        char *key;
        bool ok;

        if (!equals) {
            ctl_error(ctx, "%s: \"%s\" is not KEY=VALUE", ctx->argv[0],
                      ctx->argv[i]);
            return false;
        }
        key = xmemdup0(ctx->argv[i], equals - ctx->argv[i]);
        ok = tprctl_set_key(ctx, kind, row, key, equals + 1);
        free(key);
        if (!ok) {
            return false;
        }
    }
    return true;
}

/* Empties every key of 'row': the defaults hold again. */
void
tprctl_reset_keys(enum tprctl_kind kind, const struct ovsdb_idl_row *row)
{
    for (size_t i = 0; kinds[kind].keys[i]; i++) {
        const struct ovsdb_idl_column *column
            = find_column(kind, kinds[kind].keys[i]);
        struct ovsdb_datum datum;

        if (has_default(column)) {
            ovsdb_datum_init_default(&datum, &column->type);
            ovsdb_idl_txn_write(row, column, &datum);
        }
    }
}

/* Appends the name of a pair of a map, with backslashes. */
static void
put_name(struct ds *ds, const char *name)
{
    for (; *name; name++) {
        if (*name == '=' || *name == '\\') {
            ds_put_char(ds, '\\');
        }
        ds_put_char(ds, *name);
    }
}

/* Appends to 'words' what KEY=VALUE arguments would say of 'key' of 'row':
 * nothing if it has its default, a word for every pair of a map. */
void
tprctl_get_key(enum tprctl_kind kind, const struct ovsdb_idl_row *row,
               const char *key, struct svec *words)
{
    const struct ovsdb_idl_column *column = find_column(kind, key);
    const struct ovsdb_datum *datum = ovsdb_idl_read(row, column);

    if (column->type.n_min
        && ovsdb_datum_is_default(datum, &column->type)) {
        return;
    }
    for (size_t i = 0; i < datum->n; i++) {
        struct ds ds = DS_EMPTY_INITIALIZER;

        ds_put_cstr(&ds, key);
        if (is_map(column)) {
            ds_put_char(&ds, ':');
            put_name(&ds, datum->keys[i].s->string);
            ds_put_format(&ds, "=%s", datum->values[i].s->string);
        } else {
            ds_put_char(&ds, '=');
            if (column->type.key.type == OVSDB_TYPE_STRING) {
                ds_put_cstr(&ds, datum->keys[i].s->string);
            } else {
                ovsdb_atom_to_string(&datum->keys[i], column->type.key.type,
                                     &ds);
            }
        }
        svec_add_nocopy(words, ds_steal_cstr(&ds));
    }
}
