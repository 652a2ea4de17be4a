/* SPDX-License-Identifier: Apache-2.0 */

/* Members of JSON objects that may be missing, or of another type: reading
 * never fails.  And the two types that json_object_put_*() lacks.
 *
 * Threads: any; no state. */

#ifndef TPR_JSON_GET_H
#define TPR_JSON_GET_H 1

#include <stdbool.h>
#include "openvswitch/json.h"
#include "openvswitch/shash.h"

/* Returns member 'name' of 'o' if it has 'type', else NULL. */
static inline const struct json *
json_get(const struct json *o, const char *name, enum json_type type)
{
    const struct json *j = (o->type == JSON_OBJECT
                            ? shash_find_data(json_object(o), name) : NULL);

    return j && j->type == type ? j : NULL;
}

/* Returns a string that 'o' owns; "" if it has none. */
static inline const char *
json_get_string(const struct json *o, const char *name)
{
    const struct json *j = json_get(o, name, JSON_STRING);

    return j ? json_string(j) : "";
}

static inline long long int
json_get_int(const struct json *o, const char *name)
{
    const struct json *j = json_get(o, name, JSON_INTEGER);

    return j ? json_integer(j) : 0;
}

static inline bool
json_get_bool(const struct json *o, const char *name)
{
    return json_get(o, name, JSON_TRUE) != NULL;
}

static inline void
json_put_int(struct json *o, const char *name, long long int value)
{
    json_object_put(o, name, json_integer_create(value));
}

static inline void
json_put_bool(struct json *o, const char *name, bool value)
{
    json_object_put(o, name, json_boolean_create(value));
}

/* Takes 'value'. */
static inline void
json_put_nocopy(struct json *o, const char *name, char *value)
{
    json_object_put(o, name, json_string_create_nocopy(value));
}

/* Takes 'list' for reading, NULL as an empty one. */
#define JSON_FOR_EACH_ELEM(ELEM, I, LIST)                               \
    for (size_t I = 0; (LIST) && I < json_array(LIST)->n                \
         && ((ELEM) = json_array(LIST)->elems[I], true); I++)

#endif /* json-get.h */
