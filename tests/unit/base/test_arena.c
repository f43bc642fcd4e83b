/* The arena: rooms, alignment, and that misuse ends the process. */
#include "host/base/arena.h"

#include <criterion/criterion.h>

#include <signal.h>

static _Alignas(CB_ARENA_ALIGN) uint8_t block[8 * CB_ARENA_ALIGN];

Test(base_arena, a_room_is_the_next_multiple_of_the_alignment)
{
    cr_assert_eq(cb_arena_room(0), 0);
    cr_assert_eq(cb_arena_room(1), CB_ARENA_ALIGN);
    cr_assert_eq(cb_arena_room(CB_ARENA_ALIGN), CB_ARENA_ALIGN);
    cr_assert_eq(cb_arena_room(CB_ARENA_ALIGN + 1), 2 * CB_ARENA_ALIGN);
}

Test(base_arena, what_is_taken_is_aligned_apart_and_inside)
{
    struct cb_arena arena = cb_arena_over(block, sizeof block);
    uint8_t *a = cb_arena_take(&arena, 1), *b = cb_arena_take(&arena, 65), *c = cb_arena_take(&arena, 5 * 64);
    cr_assert(a == block && b == block + 64 && c == block + 192);
    cr_assert_eq(arena.used, sizeof block);
    cr_assert_eq((uint8_t *)cb_arena_take(&arena, 0), block + sizeof block, "nothing still fits");
}

Test(base_arena, one_byte_too_many_ends_the_process, .signal = SIGABRT)
{
    struct cb_arena arena = cb_arena_over(block, sizeof block);
    cb_arena_take(&arena, sizeof block + 1);
}

Test(base_arena, a_size_that_wraps_ends_the_process, .signal = SIGABRT)
{
    struct cb_arena arena = cb_arena_over(block, sizeof block);
    cb_arena_take(&arena, SIZE_MAX);
}

Test(base_arena, taking_after_seal_ends_the_process, .signal = SIGABRT)
{
    struct cb_arena arena = cb_arena_over(block, sizeof block);
    cb_arena_seal(&arena);
    cb_arena_take(&arena, 1);
}

Test(base_arena, an_unaligned_block_ends_the_process, .signal = SIGABRT)
{
    cb_arena_over(block + 8, sizeof block - 8);
}
