/* Goal: slots always give the lowest free one; the index finds what is in it and nothing else. Method:
 * against plain arrays, at capacities around the edges of the bit words. */
#include "tests/unit/ledger/fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void *open_arena(struct cb_arena *arena, size_t bytes)
{
    void *memory = aligned_alloc(CB_ARENA_ALIGN, bytes);
    cr_assert_not_null(memory);
    memset(memory, 0, bytes);
    *arena = cb_arena_over(memory, bytes);
    return memory;
}

Test(ledger_slots, near_is_taken_from_its_word_and_the_next_before_the_lowest)
{
    static const uint32_t capacities[] = {1, 2, 63, 64, 65, 128, 129, 4097};
    struct random random = random_open("slots_near", 1);
    for (size_t c = 0; c < sizeof capacities / sizeof capacities[0]; c++) {
        uint32_t capacity = capacities[c];
        struct cb_arena arena;
        void *memory = open_arena(&arena, cb_slots_footprint(capacity));
        struct cb_slots slots;
        cb_slots_init(&slots, &arena, capacity);
        bool *used = calloc(capacity, sizeof *used);
        cr_assert_not_null(used);
        for (uint32_t step = 0; step < 20000; step++) {
            uint32_t near = random_below(&random, capacity), want = near, end = (near / 64 + 2) * 64;
            if (random_below(&random, 5) < 2) {
                if (used[near]) {
                    cb_slots_give(&slots, near);
                    used[near] = false;
                }
                continue;
            }
            end = end < capacity ? end : capacity;
            while (want < end && used[want]) {
                want++;
            }
            if (want == end) {
                for (want = 0; want < capacity && used[want]; want++) {
                }
            }
            if (want == capacity) {
                cr_assert_eq(cb_slots_take_near(&slots, near), CB_SLOT_NONE);
                continue;
            }
            cr_assert_eq(cb_slots_take_near(&slots, near), want, "capacity %u near %u", capacity, near);
            used[want] = true;
        }
        free(used);
        free(memory);
    }
}

Test(ledger_slots, the_lowest_free_slot_is_always_next)
{
    static const uint32_t capacities[] = {1, 2, 63, 64, 65, 4095, 4096, 4097, 5000};
    struct random random = random_open("slots", 1);
    for (size_t c = 0; c < sizeof capacities / sizeof capacities[0]; c++) {
        uint32_t capacity = capacities[c];
        struct cb_arena arena;
        void *memory = open_arena(&arena, cb_slots_footprint(capacity));
        struct cb_slots slots;
        cb_slots_init(&slots, &arena, capacity);
        bool *used = calloc(capacity, sizeof *used);
        cr_assert_not_null(used);
        for (uint32_t i = 0; i < capacity; i++) {
            cr_assert_eq(cb_slots_take(&slots), i);
            used[i] = true;
        }
        cr_assert_eq(cb_slots_take(&slots), CB_SLOT_NONE);
        cr_assert(cb_slots_full(&slots));
        cr_assert_not(cb_slots_take_at(&slots, capacity));
        cr_assert_not(cb_slots_in_use(&slots, capacity));
        for (uint32_t step = 0; step < 3000; step++) {
            uint32_t at = random_below(&random, capacity);
            if (used[at]) {
                cb_slots_give(&slots, at);
                used[at] = false;
            } else if (step % 3 == 0) {
                cr_assert(cb_slots_take_at(&slots, at));
                cr_assert_not(cb_slots_take_at(&slots, at));
                used[at] = true;
            } else {
                uint32_t lowest = 0;
                while (used[lowest]) {
                    lowest++;
                }
                cr_assert_eq(cb_slots_take(&slots), lowest);
                used[lowest] = true;
            }
            uint32_t next = at;
            while (next < capacity && !used[next]) {
                next++;
            }
            cr_assert_eq(cb_slots_next_used(&slots, at), next < capacity ? next : CB_SLOT_NONE);
        }
        cb_slots_reset(&slots);
        cr_assert_eq(cb_slots_next_used(&slots, 0), CB_SLOT_NONE);
        cr_assert_eq(slots.used, 0u);
        free(used);
        free(memory);
    }
}

Test(ledger_slots, the_index_agrees_with_a_plain_table_under_random_inserts_and_removals)
{
    enum { IDS = 40, ACCOUNTS = 3, CAPACITY = 64 };
    struct random random = random_open("index", 2);
    struct cb_arena arena;
    void *memory = open_arena(&arena, cb_index_footprint(CAPACITY));
    struct cb_index index;
    cb_index_init(&index, &arena, CAPACITY);
    uint32_t slots[ACCOUNTS][IDS]; /* CB_SLOT_NONE: absent */
    memset(slots, 0xFF, sizeof slots);
    uint32_t count = 0;
    for (uint32_t step = 0; step < 20000 * effort(); step++) {
        uint32_t account = random_below(&random, ACCOUNTS);
        uint32_t id = random_below(&random, IDS);
        if (slots[account][id] != CB_SLOT_NONE) {
            cb_index_remove(&index, account, id);
            slots[account][id] = CB_SLOT_NONE;
            count--;
        } else if (count < CAPACITY) {
            slots[account][id] = random_below(&random, CAPACITY);
            cb_index_insert(&index, account, id, slots[account][id]);
            count++;
        }
        cr_assert_eq(index.count, count);
        for (uint32_t a = 0; a < ACCOUNTS; a++) {
            for (uint32_t i = 0; i < IDS; i++) {
                if (cb_index_find(&index, a, i) != slots[a][i]) {
                    cr_assert_fail("step %u: account %u id %u", step, a, i);
                }
            }
        }
    }
    free(memory);
}
