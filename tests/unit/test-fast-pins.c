/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of fast-pins.c: where a bridge's programs are pinned. */

#include <config.h>
#include "fast-pins.h"
#include <stdlib.h>
#include <string.h>
#include "dirs.h"
#include "unit.h"
#include "util.h"

/* The folder's name for 'bridge' in the project's bpffs. */
static char *
folder(const char *bridge)
{
    char *parent = xasprintf("%s/bpf/", ovs_rundir());
    char *pins = fast_pins(bridge), *name;

    ck_assert(!strncmp(pins, parent, strlen(parent)));
    name = xstrdup(pins + strlen(parent));
    free(parent);
    free(pins);
    return name;
}

/* Every bridge has a folder of its own, which nothing else has. */
START_TEST(no_two_share_one)
{
    static const char *const bridges[] = {
        "br0", "br.0", "br:0", "br:2e0", "br/0", "..", ".", "", "ovs-tprd",
        "tpr-regiond", "bridge-br0", "br 0", "br\n0", "BR0", "br_0", "br-0",
        "../ovs-tprd", "br\xc3\xa4",
    };
    static const char *const others[] = { "ovs-tprd", "tpr-regiond", ".." };

    for (size_t i = 0; i < ARRAY_SIZE(bridges); i++) {
        char *a = folder(bridges[i]);

        /* A bpffs allows neither. */
        ck_assert_msg(!strpbrk(a, "./"), "%s", a);
        for (size_t j = 0; j < ARRAY_SIZE(others); j++) {
            ck_assert_str_ne(a, others[j]);
        }
        for (size_t j = 0; j < i; j++) {
            char *b = folder(bridges[j]);

            ck_assert_str_ne(a, b);
            free(b);
        }
        free(a);
    }
}
END_TEST

START_TEST(names_can_be_read)
{
    char *name = folder("br-int_0");

    ck_assert_str_eq(name, "bridge-br-int_0");
    free(name);
}
END_TEST

/* Where nothing was left, there is nothing to say. */
START_TEST(nothing_is_nothing)
{
    char *pins = fast_pins("a-bridge-that-nobody-has");

    ck_assert(!fast_pins_exist(pins));
    ck_assert_ptr_eq(fast_pins_remove(pins), NULL);
    free(pins);
}
END_TEST

UNIT_MAIN("fast-pins", no_two_share_one, names_can_be_read,
          nothing_is_nothing)
