/* SPDX-License-Identifier: Apache-2.0 */

/* KEY=VALUE arguments of ovs-tprctl.
 *
 * Every key is a column of the object's row.  Strings are taken as they are,
 * without OVSDB's quoting; the schema's own constraints are judged here,
 * the meaning of the text later, with all rows at hand.  An empty value
 * empties the column: the default holds again.
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
#include "util.h"

/* The keys, in the order of 'export'. */
static const char *const tpr_keys[] = {
    "bridge", "datapath", "panic_threshold", "history_limit",
    "notify_timeout", "flow_table", "client_table", "flow_priority", NULL,
};
static const char *const region_keys[] = {
    "port", "vlan", "gateway", "damping_hold", "damping_hold_max",
    "damping_reset", NULL,
};
static const char *const heartbeat_keys[] = {
    "type", "peer", "local", "peer_mac", "interval", "fall", "rise",
    "detect_override", "max_excuses", "min_tx", "min_rx", "passive",
    "auth_type", "auth_key_id", "auth_key", NULL,
};
static const char *const service_keys[] = {
    "vip", "vip_mac", "policy", "failback", "failback_hold", "on_down",
    "on_none", NULL,
};
static const char *const backend_keys[] = {
    "name", "address", "port", "mac", "priority", "weight",
    "max_connections", NULL,
};
static const char *const check_keys[] = {
    "type", "path", "host", "expect", "port", "interval", "timeout", "fall",
    "rise", NULL,
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

    if (!column) {
        struct ds ds = DS_EMPTY_INITIALIZER;

        for (size_t i = 0; kinds[kind].keys[i]; i++) {
            ds_put_format(&ds, "%s%s", i ? ", " : "", kinds[kind].keys[i]);
        }
        ctl_error(ctx, "%s: unknown key \"%s\" (the keys are %s)",
                  ctx->argv[0], key, ds_cstr(&ds));
        ds_destroy(&ds);
        return false;
    }
    if (!*value && !column->type.n_min) {
        ovsdb_datum_init_empty(&datum);
        ovsdb_idl_txn_write(row, column, &datum);
        return true;
    }
    error = parse_atom(column, value, &atom);
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

/* Sets all KEY=VALUE arguments of 'ctx' from 'first' on.  Returns false after
 * ctl_error(). */
bool
tprctl_set_keys(struct ctl_context *ctx, enum tprctl_kind kind,
                const struct ovsdb_idl_row *row, size_t first)
{
    tprctl.judge = true;
    for (size_t i = first; i < ctx->argc; i++) {
        const char *equals = strchr(ctx->argv[i], '=');
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

        if (!column->type.n_min || column->type.key.type
            == OVSDB_TYPE_BOOLEAN) {
            ovsdb_datum_init_default(&datum, &column->type);
            ovsdb_idl_txn_write(row, column, &datum);
        }
    }
}

/* Returns the value of 'key' of 'row' as its KEY=VALUE argument has it, to be
 * freed, or NULL if it has its default. */
char *
tprctl_get_key(enum tprctl_kind kind, const struct ovsdb_idl_row *row,
               const char *key)
{
    const struct ovsdb_idl_column *column = find_column(kind, key);
    const struct ovsdb_datum *datum = ovsdb_idl_read(row, column);
    struct ds ds = DS_EMPTY_INITIALIZER;

    if (!datum->n || (column->type.n_min
                      && ovsdb_datum_is_default(datum, &column->type))) {
        return NULL;
    }
    if (column->type.key.type == OVSDB_TYPE_STRING) {
        return xstrdup(datum->keys[0].s->string);
    }
    ovsdb_atom_to_string(&datum->keys[0], column->type.key.type, &ds);
    return ds_steal_cstr(&ds);
}
