/* SPDX-License-Identifier: Apache-2.0 */

/* main() of a fuzz target without libFuzzer: replays its corpus.
 *
 * Runs LLVMFuzzerTestOneInput() once for the empty input and once for each
 * file in the folder $FUZZ_CORPUS_DIR/NAME, or for each file named as an
 * argument, and prints one line of TAP for each.  The target is named
 * fuzz-NAME.  A crash is the target's own. */

#include <config.h>
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sset.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* An input is read whole; a longer one is cut. */
enum { INPUT_BYTES_MAX = 1 << 20 };

/* Adds the files in the folder 'dir' to 'files'.  A target without a corpus
 * still meets the empty input. */
static void
list_corpus(const char *dir, struct sset *files)
{
    DIR *stream = opendir(dir);
    if (!stream) {
        return;
    }

    const struct dirent *entry;
    while ((entry = readdir(stream)) != NULL) {
        if (entry->d_name[0] != '.') {
            sset_add_and_free(files, xasprintf("%s/%s", dir, entry->d_name));
        }
    }
    closedir(stream);
}

/* Runs the target on the contents of 'file'; returns 0 or an errno. */
static int
replay(const char *file)
{
    FILE *stream = fopen(file, "rb");
    if (!stream) {
        return errno;
    }

    uint8_t *buffer = xmalloc(INPUT_BYTES_MAX);
    size_t n = fread(buffer, 1, INPUT_BYTES_MAX, stream);
    int error = ferror(stream) ? EIO : 0;
    fclose(stream);
    if (!error) {
        /* Of exactly the right size, so that AddressSanitizer sees the end. */
        uint8_t *input = xmemdup(buffer, n ? n : 1);
        LLVMFuzzerTestOneInput(input, n);
        free(input);
    }
    free(buffer);
    return error;
}

int
main(int argc, char *argv[])
{
    struct sset files = SSET_INITIALIZER(&files);

    ovs_set_program_name(argv[0], "test");
    if (argc > 1) {
        for (int i = 1; i < argc; i++) {
            sset_add(&files, argv[i]);
        }
    } else if (getenv("FUZZ_CORPUS_DIR")) {
        const char *name = ovs_get_program_name();
        const char *dash = strchr(name, '-');
        char *dir = xasprintf("%s/%s", getenv("FUZZ_CORPUS_DIR"),
                              dash ? dash + 1 : name);
        list_corpus(dir, &files);
        free(dir);
    }

    size_t n_files = sset_count(&files);
    const char **names = sset_sort(&files);
    int status = EXIT_SUCCESS;

    printf("1..%"PRIuSIZE"\n", n_files + 1);
    LLVMFuzzerTestOneInput((const uint8_t *) "", 0);
    printf("ok 1 - empty input\n");
    for (size_t i = 0; i < n_files; i++) {
        int error = replay(names[i]);
        const char *slash = strrchr(names[i], '/');

        printf("%sok %"PRIuSIZE" - %s%s%s\n", error ? "not " : "", i + 2,
               slash ? slash + 1 : names[i],
               error ? ": " : "", error ? ovs_strerror(error) : "");
        fflush(stdout);
        if (error) {
            status = EXIT_FAILURE;
        }
    }
    free(names);
    sset_destroy(&files);
    return status;
}
