/* Goal: timers fire by (deadline, id), and nothing of the heap's history shows. Method: edges, then random
 * operations against a plain array that is searched. */
#include "host/sequence/timers.h"

#include "tests/support/random.h"
#include "tests/support/state_stream.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define IDS 257

static void *memory[2];
static struct cb_timers timers;

static struct cb_timers make(uint32_t count, void **block)
{
    struct cb_timers made;
    size_t bytes = cb_timers_footprint(count);
    *block = aligned_alloc(CB_ARENA_ALIGN, bytes > 0 ? bytes : CB_ARENA_ALIGN);
    memset(*block, 0, bytes);
    struct cb_arena arena = cb_arena_over(*block, bytes);
    cb_timers_init(&made, &arena, count);
    cr_assert_eq(arena.used, bytes);
    return made;
}

static void set_up(void)
{
    timers = make(IDS, &memory[0]);
}

static void tear_down(void)
{
    free(memory[0]);
    free(memory[1]);
}

TestSuite(timers, .init = set_up, .fini = tear_down);

Test(timers, none_is_armed_at_first)
{
    int64_t deadline = 42;
    uint32_t id = 42;
    cr_assert(!cb_timers_next(&timers, &deadline));
    cr_assert(!cb_timers_pop(&timers, INT64_MAX, &id, &deadline));
    cr_assert(!cb_timers_get(&timers, 0, &deadline));
    cr_assert_eq(deadline, 42);
    cr_assert_eq(id, 42);
    cb_timers_cancel(&timers, 0);
    struct cb_timers none = make(0, &memory[1]);
    cr_assert(!cb_timers_next(&none, &deadline));
}

Test(timers, timer_is_due_at_its_deadline_and_not_before)
{
    uint32_t id;
    int64_t deadline;
    cb_timers_set(&timers, 3, 1000);
    cr_assert(!cb_timers_pop(&timers, 999, &id, &deadline));
    cr_assert(cb_timers_pop(&timers, 1000, &id, &deadline));
    cr_assert_eq(id, 3);
    cr_assert_eq(deadline, 1000);
    cr_assert(!cb_timers_pop(&timers, 1000, &id, &deadline), "it fires once");
}

Test(timers, equal_deadlines_fire_by_id)
{
    for (uint32_t i = 0; i < IDS; i++) {
        cb_timers_set(&timers, (i * 100) % IDS, 7);
    }
    uint32_t id;
    int64_t deadline;
    for (uint32_t i = 0; i < IDS; i++) {
        cr_assert(cb_timers_pop(&timers, 7, &id, &deadline));
        cr_assert_eq(id, i);
    }
}

Test(timers, setting_again_moves_the_one_deadline_either_way)
{
    int64_t deadline;
    cb_timers_set(&timers, 1, 50);
    cb_timers_set(&timers, 2, 60);
    cb_timers_set(&timers, 1, 70);
    cr_assert(cb_timers_next(&timers, &deadline));
    cr_assert_eq(deadline, 60);
    cb_timers_set(&timers, 1, INT64_MIN);
    cr_assert(cb_timers_next(&timers, &deadline));
    cr_assert_eq(deadline, INT64_MIN);
    cb_timers_set(&timers, 1, INT64_MAX);
    cb_timers_cancel(&timers, 2);
    cr_assert(cb_timers_next(&timers, &deadline));
    cr_assert_eq(deadline, INT64_MAX);
    cr_assert_eq(timers.armed, 1);
}

Test(timers, handler_that_sets_a_due_timer_is_seen_by_the_same_loop)
{
    cb_timers_set(&timers, 0, 10);
    cb_timers_set(&timers, 1, 30);
    uint32_t fired[4], count = 0, id;
    int64_t deadline;
    while (cb_timers_pop(&timers, 30, &id, &deadline)) {
        cr_assert_lt(count, 4);
        fired[count++] = id;
        if (id == 0 && deadline == 10) {
            cb_timers_set(&timers, 0, 20);
        }
    }
    cr_assert_eq(count, 3);
    cr_assert(fired[0] == 0 && fired[1] == 0 && fired[2] == 1);
}

/* The reference: an array by id, searched. */
static struct {
    bool armed;
    int64_t deadline;
} reference[IDS];

static uint32_t reference_first(void)
{
    uint32_t best = IDS;
    for (uint32_t id = 0; id < IDS; id++) {
        if (reference[id].armed && (best == IDS || reference[id].deadline < reference[best].deadline)) {
            best = id;
        }
    }
    return best;
}

static void compare(int64_t now)
{
    int64_t deadline = 0;
    uint32_t first = reference_first();
    cr_assert_eq(cb_timers_next(&timers, &deadline), first != IDS);
    if (first != IDS) {
        cr_assert_eq(deadline, reference[first].deadline);
    }
    uint32_t id = 0;
    bool due = first != IDS && reference[first].deadline <= now;
    cr_assert_eq(cb_timers_pop(&timers, now, &id, &deadline), due);
    if (due) {
        cr_assert_eq(id, first);
        cr_assert_eq(deadline, reference[first].deadline);
        reference[first].armed = false;
    }
}

static void restored_equals(struct cb_timers *copy)
{
    struct state_bytes first = {0}, second = {0};
    struct cb_writer writer = state_writer(&first);
    cb_timers_serialize(&timers, &writer);
    struct cb_reader reader = state_reader(&first);
    cr_assert(cb_timers_restore(copy, &reader));
    cr_assert_eq(first.at, first.bytes);
    writer = state_writer(&second);
    cb_timers_serialize(copy, &writer);
    cr_assert(state_equal(&first, &second));
    for (uint32_t id = 0; id < IDS; id++) {
        int64_t a = 0, b = 0;
        cr_assert_eq(cb_timers_get(&timers, id, &a), cb_timers_get(copy, id, &b));
        cr_assert_eq(a, b);
        cr_assert_eq(cb_timers_get(&timers, id, &a), reference[id].armed);
    }
    state_free(&first);
    state_free(&second);
}

Test(timers, random_operations_agree_with_a_searched_array)
{
    struct random random = random_start("timers");
    struct cb_timers copy = make(IDS, &memory[1]);
    uint32_t rounds = random_effort(60000);
    int64_t now = 0;
    for (uint32_t round = 0; round < rounds; round++) {
        uint32_t id = (uint32_t)random_below(&random, IDS);
        switch (random_below(&random, 4)) {
        case 0:
        case 1:
            reference[id].armed = true;
            reference[id].deadline = now + random_between(&random, -5, 60); /* many ties */
            cb_timers_set(&timers, id, reference[id].deadline);
            break;
        case 2:
            reference[id].armed = false;
            cb_timers_cancel(&timers, id);
            break;
        default:
            now += (int64_t)random_below(&random, 2);
            compare(now);
        }
        if (round % 1024 == 0) {
            restored_equals(&copy);
        }
    }
    uint32_t id_a, id_b;
    int64_t at_a, at_b;
    restored_equals(&copy);
    while (cb_timers_pop(&timers, INT64_MAX, &id_a, &at_a)) { /* another layout, the same order */
        cr_assert(cb_timers_pop(&copy, INT64_MAX, &id_b, &at_b));
        cr_assert(id_a == id_b && at_a == at_b);
    }
    cr_assert(!cb_timers_pop(&copy, INT64_MAX, &id_b, &at_b));
}

Test(timers, restore_refuses_what_can_not_be)
{
    cb_timers_set(&timers, 4, 10);
    cb_timers_set(&timers, 2, 30);
    struct state_bytes good = {0};
    struct cb_writer writer = state_writer(&good);
    cb_timers_serialize(&timers, &writer);
    size_t whole = good.bytes;
    cr_assert_eq(whole, 4 + 2 * 12);
    for (good.bytes = 0; good.bytes < whole; good.bytes++) {
        struct cb_reader reader = state_reader(&good);
        cr_assert(!cb_timers_restore(&timers, &reader));
    }
    static const struct {
        size_t at;
        uint32_t value;
    } wrong[] = {{0, IDS + 1}, {0, UINT32_MAX}, {4, 4}, {4, 5}, {16, IDS}, {16, 2}, {16, UINT32_MAX}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint32_t saved;
        memcpy(&saved, good.data + wrong[i].at, 4);
        memcpy(good.data + wrong[i].at, &wrong[i].value, 4);
        struct cb_reader reader = state_reader(&good);
        cr_assert(!cb_timers_restore(&timers, &reader), "case %zu", i);
        memcpy(good.data + wrong[i].at, &saved, 4);
    }
    struct cb_reader reader = state_reader(&good);
    cr_assert(cb_timers_restore(&timers, &reader), "usable again after a refusal");
    cr_assert_eq(timers.armed, 2);
    state_free(&good);
}
