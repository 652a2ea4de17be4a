/* SPDX-License-Identifier: Apache-2.0 */

/* Gets a bridge's BPF programs into the kernel, or takes over those that are
 * pinned there, in a thread: the verifier takes a second or more, and the main
 * thread has deaths to handle meanwhile.  If that fails, the thread detaches
 * what an earlier agent has left.
 *
 *   fast_load_begin() --> (thread) --> fast_load_has_ended() --> _end()
 *                            `--> fast_load_abandon() at any time
 *
 * Threads: main thread. */

#ifndef TPR_FAST_LOAD_H
#define TPR_FAST_LOAD_H 1

#include <stdbool.h>
#include <stdint.h>

enum { FAST_LOAD_OBJECTS = 4096 };      /* Room for services in a bridge. */

struct fast_load;
struct tpr_attach;
struct tpr_bpf;

struct fast_load *fast_load_begin(const char *pins, uint32_t connections,
                                  uint32_t half_open);
bool fast_load_has_ended(const struct fast_load *);
void fast_load_wait(const struct fast_load *);
char *fast_load_end(struct fast_load *, struct tpr_bpf **,
                    struct tpr_attach **)
    __attribute__((warn_unused_result));
void fast_load_abandon(struct fast_load *);

#endif /* fast-load.h */
