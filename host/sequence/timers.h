/* Timers are state: what is to happen later, and when.
 *
 * Ids are dense, 0 .. count-1, given out by the engine (an account's deadline, an action's next sending). At
 * most one deadline an id. Before a record of time t is applied, every timer with deadline <= t fires in
 * (deadline, id) order. An indexed binary heap: set, cancel and pop are O(log count), next is O(1). The
 * heap's layout depends on history and is never serialised; (deadline, id) is a total order, so it is never
 * seen.
 *
 * Threads: the owning thread. Memory: from the arena, for all ids, at start. */
#ifndef CB_HOST_SEQUENCE_TIMERS_H
#define CB_HOST_SEQUENCE_TIMERS_H

#include "host/base/arena.h"
#include "host/base/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cb_timers {
    uint32_t count;       /* ids */
    uint32_t armed;       /* ids with a deadline: the heap's length */
    int64_t *deadline_ns; /* by id; meaningful while armed */
    uint32_t *place;      /* by id: index into heap, or UINT32_MAX while not armed */
    uint32_t *heap;       /* ids, least (deadline, id) first */
};

/* Bytes that init takes for `count` ids. */
size_t cb_timers_footprint(uint32_t count);

/* Requires: count < UINT32_MAX. All are disarmed. */
void cb_timers_init(struct cb_timers *timers, struct cb_arena *arena, uint32_t count);

/* Arms a timer, or moves one that is armed. Requires: id < count. */
void cb_timers_set(struct cb_timers *timers, uint32_t id, int64_t deadline_ns);

/* Disarms; nothing happens to one that is not armed. Requires: id < count. */
void cb_timers_cancel(struct cb_timers *timers, uint32_t id);

/* Requires: id < count. Returns whether it is armed and, if so, its deadline (untouched otherwise). */
bool cb_timers_get(const struct cb_timers *timers, uint32_t id, int64_t *deadline_ns);

/* The least deadline. Returns false, leaving it untouched, when none is armed. */
bool cb_timers_next(const struct cb_timers *timers, int64_t *deadline_ns);

/* Takes the first due timer, by (deadline, id), and disarms it. Returns false, leaving `id` and `deadline_ns`
 * untouched, when none has deadline <= now_ns. A handler may set timers that are due at once: the caller's
 * loop sees them. */
bool cb_timers_pop(struct cb_timers *timers, int64_t now_ns, uint32_t *id, int64_t *deadline_ns);

/* By ascending id. */
void cb_timers_serialize(const struct cb_timers *timers, struct cb_writer *writer);

/* Requires: initialised with the same count. Returns false on anything impossible. */
bool cb_timers_restore(struct cb_timers *timers, struct cb_reader *reader);

#endif
