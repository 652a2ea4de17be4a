/* SPDX-License-Identifier: Apache-2.0 */

/* The index of complaints; complaints.h says what and why. */

#include <config.h>
#include "complaints.h"

#include <stdlib.h>
#include <string.h>

#include "sset.h"

/* Makes an index of 'complaints', which must outlive it unchanged. */
void
complaint_index_init(struct complaint_index *index,
                     const struct sset *complaints)
{
    index->sorted = sset_sort(complaints);
    index->n = sset_count(complaints);
}

void
complaint_index_destroy(struct complaint_index *index)
{
    free(index->sorted);
}

/* Returns the first complaint, in alphabetic order, that begins with 'prefix',
 * owned by the set; NULL if there is none. */
const char *
complaint_index_find(const struct complaint_index *index, const char *prefix)
{
    size_t low = 0, high = index->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(index->sorted[middle], prefix) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return (low < index->n
            && !strncmp(index->sorted[low], prefix, strlen(prefix))
            ? index->sorted[low] : NULL);
}
