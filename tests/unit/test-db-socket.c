/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of db-socket.c: a socket appears, goes, and is another one. */

#include <config.h>
#include "db-socket.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "unit.h"
#include "util.h"

static char dir[64];

/* Looks at once, whenever the last look was. */
static bool
appeared(struct db_socket *s)
{
    s->look_ms = 0;
    return db_socket_appeared(s);
}

static void
touch(const char *path)
{
    FILE *f = fopen(path, "w");

    ck_assert_ptr_nonnull(f);
    fclose(f);
}

START_TEST(comes_and_goes)
{
    struct db_socket s;

    snprintf(dir, sizeof dir, "%s/test-db-socket.XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(dir));

    char *remote = xasprintf("unix:%s/sock", dir);
    const char *path = remote + 5;

    db_socket_init(&s, remote);
    ck_assert(!appeared(&s));
    touch(path);
    ck_assert(appeared(&s));
    ck_assert(!appeared(&s));           /* Once. */
    unlink(path);
    ck_assert(!appeared(&s));
    touch(path);
    ck_assert(appeared(&s));
    s.look_ms = 0;
    ck_assert(!db_socket_appeared(&s));
    unlink(path);
    touch(path);
    ck_assert(!db_socket_appeared(&s)); /* Not looked at that often. */
    unlink(path);
    rmdir(dir);
    db_socket_uninit(&s);
    free(remote);
}
END_TEST

START_TEST(there_before)
{
    struct db_socket s;

    snprintf(dir, sizeof dir, "%s/test-db-socket.XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(dir));

    char *remote = xasprintf("unix:%s/sock", dir);

    touch(remote + 5);
    db_socket_init(&s, remote);
    ck_assert(!appeared(&s));
    unlink(remote + 5);
    rmdir(dir);
    db_socket_uninit(&s);
    free(remote);
}
END_TEST

START_TEST(others_never_appear)
{
    struct db_socket s;

    db_socket_init(&s, "tcp:127.0.0.1:6640");
    ck_assert(!appeared(&s));
    db_socket_uninit(&s);
    db_socket_init(&s, "unix:/a,unix:/b");
    ck_assert(!appeared(&s));
    db_socket_uninit(&s);
}
END_TEST

UNIT_MAIN("db-socket", comes_and_goes, there_before, others_never_appear)
