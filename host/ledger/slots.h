/* Slots of a pool: which are free, and always the lowest free one next. The order of allocation is thus a
 * function of what is in use, not of the history: a restored pool goes on exactly as the live one. A tree of
 * bit words, four levels of 64: a few word operations a call, 1/8 byte a slot. */
#ifndef CB_HOST_LEDGER_SLOTS_H
#define CB_HOST_LEDGER_SLOTS_H

#include "host/base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CB_SLOTS_LEVELS 4u
#define CB_SLOTS_MAX    (1u << 24) /* 64 to the power of the levels */
#define CB_SLOT_NONE    UINT32_MAX

struct cb_slots {
    uint64_t *words[CB_SLOTS_LEVELS]; /* level 0: bit set = slot free; above: bit set = that word is not 0 */
    uint32_t capacity, used;
};

size_t cb_slots_footprint(uint32_t capacity);
/* Requires: 1 <= capacity <= CB_SLOTS_MAX. All slots are free. */
void cb_slots_init(struct cb_slots *slots, struct cb_arena *arena, uint32_t capacity);
/* All slots are free again. */
void cb_slots_reset(struct cb_slots *slots);
/* Returns: the lowest free slot, now in use; CB_SLOT_NONE when full. */
uint32_t cb_slots_take(struct cb_slots *slots);
/* As cb_slots_take, but a free slot in the 64 to 128 from `near` on is taken before the lowest: rows that are
 * used together can so be kept together. It too is a function of what is in use. Requires: near < capacity.
 */
uint32_t cb_slots_take_near(struct cb_slots *slots, uint32_t near);
/* Takes this very slot. Returns: false if it is out of range or in use. */
bool cb_slots_take_at(struct cb_slots *slots, uint32_t slot);
/* Requires: in use. */
void cb_slots_give(struct cb_slots *slots, uint32_t slot);
/* Any number may be asked about. */
bool cb_slots_in_use(const struct cb_slots *slots, uint32_t slot);
/* Returns: the least slot >= from that is in use, or CB_SLOT_NONE. */
uint32_t cb_slots_next_used(const struct cb_slots *slots, uint32_t from);

static inline bool cb_slots_full(const struct cb_slots *slots)
{
    return slots->used == slots->capacity;
}

#endif
