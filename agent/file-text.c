/* SPDX-License-Identifier: Apache-2.0 */

/* Whole small files: see file-text.h. */

#include <config.h>
#include "file-text.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include "openvswitch/dynamic-string.h"
#include "util.h"

enum { PART = 16384 };          /* Bytes of one read. */

/* Makes the contents of 'path' the text.  Returns 0 or an errno value; then
 * 'text' has what could be read. */
int
file_text(const char *path, struct ds *text)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int error = 0;
    ssize_t n;

    ds_clear(text);
    if (fd < 0) {
        return errno;
    }
    do {
        ds_reserve(text, text->length + PART);
        n = read(fd, text->string + text->length, PART);
        if (n > 0) {
            text->length += n;
        } else if (n < 0) {
            error = errno;
        }
    } while (n > 0 && text->length < FILE_TEXT_MAX);
    close(fd);
    return error;
}
