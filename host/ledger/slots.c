#include "host/ledger/slots.h"

#include "host/base/assert.h"

static uint32_t words_of(uint32_t capacity, unsigned level)
{
    uint64_t span = 64;
    for (unsigned i = 0; i < level; i++) {
        span *= 64;
    }
    return (uint32_t)((capacity + span - 1) / span);
}

size_t cb_slots_footprint(uint32_t capacity)
{
    size_t bytes = 0;
    for (unsigned level = 0; level < CB_SLOTS_LEVELS; level++) {
        bytes += cb_arena_room(words_of(capacity, level) * sizeof(uint64_t));
    }
    return bytes;
}

void cb_slots_init(struct cb_slots *slots, struct cb_arena *arena, uint32_t capacity)
{
    CB_ASSERT(capacity >= 1 && capacity <= CB_SLOTS_MAX);
    slots->capacity = capacity;
    for (unsigned level = 0; level < CB_SLOTS_LEVELS; level++) {
        slots->words[level] = cb_arena_take(arena, words_of(capacity, level) * sizeof(uint64_t));
    }
    cb_slots_reset(slots);
}

void cb_slots_reset(struct cb_slots *slots)
{
    uint32_t bits = slots->capacity;
    for (unsigned level = 0; level < CB_SLOTS_LEVELS; level++) {
        uint32_t count = words_of(slots->capacity, level);
        for (uint32_t i = 0; i < count; i++) {
            uint32_t left = bits - i * 64;
            slots->words[level][i] = left >= 64 ? UINT64_MAX : (UINT64_C(1) << left) - 1;
        }
        bits = count;
    }
    slots->used = 0;
}

static void mark_used(struct cb_slots *slots, uint32_t slot)
{
    uint32_t i = slot;
    for (unsigned level = 0; level < CB_SLOTS_LEVELS; level++) {
        uint64_t *word = &slots->words[level][i / 64];
        *word &= ~(UINT64_C(1) << (i % 64));
        if (*word != 0) {
            break;
        }
        i /= 64;
    }
    slots->used++;
}

uint32_t cb_slots_take(struct cb_slots *slots)
{
    if (cb_slots_full(slots)) {
        return CB_SLOT_NONE;
    }
    uint32_t i = 0;
    for (unsigned level = CB_SLOTS_LEVELS; level-- > 0;) {
        uint64_t word = slots->words[level][i];
        CB_ASSERT(word != 0);
        i = i * 64 + (uint32_t)__builtin_ctzll(word);
    }
    mark_used(slots, i);
    return i;
}

uint32_t cb_slots_take_near(struct cb_slots *slots, uint32_t near)
{
    CB_ASSERT(near < slots->capacity);
    uint32_t word = near / 64;
    uint64_t free = slots->words[0][word] & UINT64_MAX << (near % 64);
    if (free == 0 && word + 1 < words_of(slots->capacity, 0)) {
        free = slots->words[0][++word];
    }
    if (free == 0) {
        return cb_slots_take(slots);
    }
    uint32_t slot = word * 64 + (uint32_t)__builtin_ctzll(free);
    mark_used(slots, slot);
    return slot;
}

bool cb_slots_in_use(const struct cb_slots *slots, uint32_t slot)
{
    return slot < slots->capacity && (slots->words[0][slot / 64] >> (slot % 64) & 1) == 0;
}

bool cb_slots_take_at(struct cb_slots *slots, uint32_t slot)
{
    if (slot >= slots->capacity || cb_slots_in_use(slots, slot)) {
        return false;
    }
    mark_used(slots, slot);
    return true;
}

void cb_slots_give(struct cb_slots *slots, uint32_t slot)
{
    CB_ASSERT(cb_slots_in_use(slots, slot));
    uint32_t i = slot;
    for (unsigned level = 0; level < CB_SLOTS_LEVELS; level++) {
        uint64_t *word = &slots->words[level][i / 64];
        uint64_t before = *word;
        *word |= UINT64_C(1) << (i % 64);
        if (before != 0) {
            break; /* the levels above know already */
        }
        i /= 64;
    }
    slots->used--;
}

uint32_t cb_slots_next_used(const struct cb_slots *slots, uint32_t from)
{
    for (uint32_t base = from & ~63u; base < slots->capacity && from < slots->capacity; base += 64) {
        uint64_t used = ~slots->words[0][base / 64];
        if (base < from) {
            used &= UINT64_MAX << (from - base);
        }
        if (used != 0) {
            uint32_t slot = base + (uint32_t)__builtin_ctzll(used);
            return slot < slots->capacity ? slot : CB_SLOT_NONE; /* the bits past the end read as used */
        }
    }
    return CB_SLOT_NONE;
}
