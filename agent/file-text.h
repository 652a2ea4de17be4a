/* SPDX-License-Identifier: Apache-2.0 */

/* Whole small files, as the kernel shows many: their size is known only when
 * they have been read.
 *
 * Threads: any; no state. */

#ifndef TPR_FILE_TEXT_H
#define TPR_FILE_TEXT_H 1

struct ds;

enum { FILE_TEXT_MAX = 16 << 20 };      /* Bytes; no more are read. */

int file_text(const char *path, struct ds *text);

#endif /* file-text.h */
