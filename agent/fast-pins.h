/* SPDX-License-Identifier: Apache-2.0 */

/* Where the BPF programs of a bridge are pinned, and how all of them go.
 *
 * Programs outlive the agent by their pins.  Whoever starts later and cannot,
 * or shall not, have programs takes away what is there: else it would go on
 * by what was right when its agent died.  That takes the pins only: no program
 * is loaded for it, and an agent that was built without BPF does it, too.
 *
 * Threads: any for fast_pins_remove(), main thread for the others. */

#ifndef TPR_FAST_PINS_H
#define TPR_FAST_PINS_H 1

#include <stdbool.h>
#include <stddef.h>
#include "sset.h"

char *fast_pins(const char *bridge);
bool fast_pins_exist(const char *pins);

char *fast_pins_remove(const char *pins);
void fast_pins_sweep(const struct sset *bridges);

#endif /* fast-pins.h */
