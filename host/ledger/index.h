/* An index from (account, id) to a slot: open addressing with linear probing, at most half full, deletion by
 * backward shift, so that there are no tombstones and no rehash. Derived from the rows it indexes, never
 * serialised: nothing outside depends on its layout. The mixing is fixed; a trader who chooses ids that
 * collide lengthens probes by at most as many rows as it has open, which are bounded. */
#ifndef CB_HOST_LEDGER_INDEX_H
#define CB_HOST_LEDGER_INDEX_H

#include "host/base/arena.h"

#include <stddef.h>
#include <stdint.h>

struct cb_index_entry {
    uint64_t id;
    uint32_t account;
    uint32_t slot_plus_1; /* 0: empty */
};

struct cb_index {
    struct cb_index_entry *entries;
    uint32_t mask;  /* entries - 1, a power of two less one */
    uint32_t count; /* in use */
    uint32_t capacity;
};

size_t cb_index_footprint(uint32_t capacity);
/* Requires: 1 <= capacity <= 2^24. */
void cb_index_init(struct cb_index *index, struct cb_arena *arena, uint32_t capacity);
void cb_index_reset(struct cb_index *index);
/* Returns: the slot, or CB_SLOT_NONE. */
uint32_t cb_index_find(const struct cb_index *index, uint32_t account, uint64_t id);
/* A hint that (account, id) is looked for next. */
void cb_index_expect(const struct cb_index *index, uint32_t account, uint64_t id);
/* Requires: not in the index; fewer than its capacity in it. */
void cb_index_insert(struct cb_index *index, uint32_t account, uint64_t id, uint32_t slot);
/* Requires: in the index. */
void cb_index_remove(struct cb_index *index, uint32_t account, uint64_t id);

#endif
