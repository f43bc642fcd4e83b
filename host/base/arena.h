/* An arena: memory is asked for once, at start. The caller gives one block; init functions carve it; after
 * seal any further request is a programmer error. Everything it returns is zeroed if the block was (the
 * caller's duty). */
#ifndef CB_HOST_BASE_ARENA_H
#define CB_HOST_BASE_ARENA_H

#include "host/base/assert.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CB_ARENA_ALIGN 64u

struct cb_arena {
    uint8_t *base;
    size_t bytes, used;
    bool sealed;
};

/* How much a request of `bytes` takes from an arena: for footprint functions, which add these up. */
static inline size_t cb_arena_room(size_t bytes)
{
    return (bytes + (CB_ARENA_ALIGN - 1u)) & ~(size_t)(CB_ARENA_ALIGN - 1u);
}

/* Requires: base aligned to CB_ARENA_ALIGN and zeroed. */
static inline struct cb_arena cb_arena_over(void *base, size_t bytes)
{
    CB_ASSERT(((uintptr_t)base & (CB_ARENA_ALIGN - 1u)) == 0);
    return (struct cb_arena){.base = base, .bytes = bytes, .used = 0, .sealed = false};
}

/* Never NULL: running out means a footprint function is wrong. */
static inline void *cb_arena_take(struct cb_arena *arena, size_t bytes)
{
    CB_ASSERT(!arena->sealed);
    size_t room = cb_arena_room(bytes);
    CB_ASSERT(room >= bytes && room <= arena->bytes - arena->used);
    void *memory = arena->base + arena->used;
    arena->used += room;
    return memory;
}

static inline void cb_arena_seal(struct cb_arena *arena)
{
    arena->sealed = true;
}

#endif
