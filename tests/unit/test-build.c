/* SPDX-License-Identifier: Apache-2.0 */

/* Tests that the build is put together rightly: our settings, Open vSwitch's
 * settings, its library and the generated database code belong together. */

#include <config.h>
#include "tpr-config.h"
#include "openvswitch/json.h"
#include "ovsdb-idl.h"
#include "tpr-idl.h"
#include "unit.h"

/* <config.h> is Open vSwitch's, "tpr-config.h" is ours. */
START_TEST(settings_are_told_apart)
{
    ck_assert_str_eq(PACKAGE_NAME, "openvswitch");
    ck_assert_str_eq(PACKAGE_VERSION, TPR_OVS_VERSION);
    ck_assert_uint_gt(strlen(TPR_VERSION), 0);
}
END_TEST

/* The library that is linked is the one whose headers were included. */
START_TEST(library_matches_headers)
{
    ck_assert_str_eq(ovs_get_program_name(), "test-build");
    ck_assert_ptr_nonnull(strstr(ovs_get_program_version(),
                                 "Open vSwitch Library " TPR_OVS_VERSION));

    struct json *json = json_from_string("{\"regions\":[1,2]}");
    ck_assert_int_eq(json->type, JSON_OBJECT);
    const struct json *regions = shash_find_data(json_object(json),
                                                 "regions");
    ck_assert_uint_eq(json_array(regions)->n, 2);
    json_destroy(json);
}
END_TEST

/* The generated code describes the database TPR. */
START_TEST(database_is_tpr)
{
    ck_assert_str_eq(tprrec_idl_class.database, "TPR");
}
END_TEST

UNIT_MAIN("build", settings_are_told_apart, library_matches_headers,
          database_is_tpr)
