/* SPDX-License-Identifier: Apache-2.0 */

/* Tests the index of complaints, against a look at all of them, too. */

#include <config.h>
#include <string.h>
#include "complaints.h"
#include "sset.h"
#include "unit.h"
#include "util.h"

START_TEST(nothing)
{
    struct sset set = SSET_INITIALIZER(&set);
    struct complaint_index index;

    complaint_index_init(&index, &set);
    ck_assert_ptr_null(complaint_index_find(&index, "Region r1: "));
    complaint_index_destroy(&index);
    sset_destroy(&set);
}
END_TEST

START_TEST(first_of_an_object)
{
    struct sset set = SSET_INITIALIZER(&set);
    struct complaint_index index;

    sset_add(&set, "Region r1: port: b");
    sset_add(&set, "Region r1: port: a");
    sset_add(&set, "Region r10: vlan");
    sset_add(&set, "Heartbeat of region r2: peer");
    sset_add(&set, "Service a: b: vip");
    complaint_index_init(&index, &set);
    ck_assert_str_eq(complaint_index_find(&index, "Region r1: "),
                     "Region r1: port: a");
    ck_assert_str_eq(complaint_index_find(&index, "Region r10: "),
                     "Region r10: vlan");
    ck_assert_str_eq(complaint_index_find(&index, "Service a: b: "),
                     "Service a: b: vip");
    ck_assert_ptr_null(complaint_index_find(&index, "Region r: "));
    ck_assert_ptr_null(complaint_index_find(&index, "Region r2: "));
    ck_assert_ptr_null(complaint_index_find(&index, "Z"));
    ck_assert_ptr_null(complaint_index_find(&index, "A"));
    complaint_index_destroy(&index);
    sset_destroy(&set);
}
END_TEST

START_TEST(many)
{
    enum { N = 1000 };
    struct sset set = SSET_INITIALIZER(&set);
    struct complaint_index index;

    for (int i = 0; i < N; i += 3) {
        sset_add_and_free(&set, xasprintf("Backend web/r%d: mac", i));
    }
    complaint_index_init(&index, &set);
    for (int i = 0; i < N; i++) {
        char *prefix = xasprintf("Backend web/r%d: ", i);
        const char *found = complaint_index_find(&index, prefix);

        ck_assert_int_eq(found != NULL, i % 3 == 0);
        ck_assert(!found || !strncmp(found, prefix, strlen(prefix)));
        free(prefix);
    }
    complaint_index_destroy(&index);
    sset_destroy(&set);
}
END_TEST

UNIT_MAIN("complaints", nothing, first_of_an_object, many)
