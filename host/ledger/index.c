#include "host/ledger/index.h"

#include "host/base/assert.h"
#include "host/ledger/slots.h"

#include <string.h>

static uint32_t entries_of(uint32_t capacity)
{
    uint32_t entries = 2;
    while (entries < 2 * capacity) {
        entries *= 2;
    }
    return entries;
}

/* The finaliser of splitmix64. */
static uint32_t home_of(const struct cb_index *index, uint32_t account, uint64_t id)
{
    uint64_t x = id + account * UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return (uint32_t)(x ^ (x >> 31)) & index->mask;
}

size_t cb_index_footprint(uint32_t capacity)
{
    return cb_arena_room(entries_of(capacity) * sizeof(struct cb_index_entry));
}

void cb_index_init(struct cb_index *index, struct cb_arena *arena, uint32_t capacity)
{
    CB_ASSERT(capacity >= 1 && capacity <= CB_SLOTS_MAX);
    index->capacity = capacity;
    index->mask = entries_of(capacity) - 1;
    index->entries = cb_arena_take(arena, entries_of(capacity) * sizeof(struct cb_index_entry));
    cb_index_reset(index);
}

void cb_index_reset(struct cb_index *index)
{
    memset(index->entries, 0, ((size_t)index->mask + 1) * sizeof(struct cb_index_entry));
    index->count = 0;
}

/* The entry of (account, id), or the empty one where it would go: half the entries are empty, so it ends. */
static uint32_t probe(const struct cb_index *index, uint32_t account, uint64_t id)
{
    uint32_t i = home_of(index, account, id);
    for (;;) {
        const struct cb_index_entry *entry = &index->entries[i];
        if (entry->slot_plus_1 == 0 || (entry->id == id && entry->account == account)) {
            return i;
        }
        i = (i + 1) & index->mask;
    }
}

uint32_t cb_index_find(const struct cb_index *index, uint32_t account, uint64_t id)
{
    return index->entries[probe(index, account, id)].slot_plus_1 - 1; /* 0 - 1 is CB_SLOT_NONE */
}

void cb_index_expect(const struct cb_index *index, uint32_t account, uint64_t id)
{
    __builtin_prefetch(&index->entries[home_of(index, account, id)]);
}

void cb_index_insert(struct cb_index *index, uint32_t account, uint64_t id, uint32_t slot)
{
    CB_ASSERT(index->count < index->capacity);
    CB_ASSERT(slot < index->capacity);
    struct cb_index_entry *entry = &index->entries[probe(index, account, id)];
    CB_ASSERT(entry->slot_plus_1 == 0);
    *entry = (struct cb_index_entry){.id = id, .account = account, .slot_plus_1 = slot + 1};
    index->count++;
}

void cb_index_remove(struct cb_index *index, uint32_t account, uint64_t id)
{
    uint32_t hole = probe(index, account, id);
    CB_ASSERT(index->entries[hole].slot_plus_1 != 0);
    uint32_t i = hole;
    for (;;) {
        i = (i + 1) & index->mask;
        const struct cb_index_entry *entry = &index->entries[i];
        if (entry->slot_plus_1 == 0) {
            break;
        }
        /* An entry may fill the hole if its home is not between the hole (exclusive) and itself. */
        uint32_t home = home_of(index, entry->account, entry->id);
        if (((i - home) & index->mask) >= ((i - hole) & index->mask)) {
            index->entries[hole] = *entry;
            hole = i;
        }
    }
    index->entries[hole] = (struct cb_index_entry){0};
    index->count--;
}
