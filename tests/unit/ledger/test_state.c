/* Goal: state survives serialise and restore exactly; bytes that no ledger wrote are refused and never crash.
 * Method: truncation at every byte, every single-bit flip, and named impossible values. */
#include "tests/unit/ledger/fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static bool restore(struct cb_ledger *ledger, struct bytes *bytes)
{
    struct cb_reader reader = bytes_reader(bytes);
    return cb_ledger_restore(ledger, &reader);
}

Test(ledger_state, a_restored_ledger_says_and_does_the_same)
{
    struct world *live = busy_world();
    struct world *other = world_open(&small_capacity);
    struct bytes before = state_of(&live->ledger);
    cr_assert(restore(&other->ledger, &before));
    struct bytes after = state_of(&other->ledger);
    cr_assert(bytes_equal(&before, &after));
    cr_assert_eq(before.taken, before.count, "restore reads all of it and no more");
    cr_assert_eq(cb_ledger_margin_state(&other->ledger, 1), CB_MARGIN_CALL);
    cr_assert_eq(cb_ledger_owner(&other->ledger, 1), 2);
    cr_assert_eq(cb_ledger_exposure(&other->ledger, 0), cb_ledger_exposure(&live->ledger, 0));
    cr_assert_eq(book_of(&other->ledger, 1)->balances[0].held_e8, 50);
    uint32_t slot_live = 9;
    uint32_t slot_other = 8;
    cr_assert_eq(cb_ledger_hold_open(&live->ledger, &slot_live, 9, 5, 0, USD, 100), CB_REJECT_NONE);
    cr_assert_eq(cb_ledger_hold_open(&other->ledger, &slot_other, 9, 5, 0, USD, 100), CB_REJECT_NONE);
    cr_assert_eq(slot_live, 0u);
    cr_assert_eq(slot_other, 0u);
    bytes_free(&before);
    bytes_free(&after);
    world_close(live);
    world_close(other);
}

Test(ledger_state, an_empty_ledger_restores)
{
    struct world *world = world_open(&small_capacity);
    struct bytes empty = state_of(&world->ledger);
    struct world *busy = busy_world();
    cr_assert(restore(&busy->ledger, &empty));
    struct bytes after = state_of(&busy->ledger);
    cr_assert(bytes_equal(&empty, &after), "what was there before is gone");
    check_audit(&busy->ledger);
    bytes_free(&empty);
    bytes_free(&after);
    world_close(world);
    world_close(busy);
}

Test(ledger_state, every_truncation_is_refused_and_leaves_an_empty_ledger)
{
    struct world *world = busy_world();
    struct bytes good = state_of(&world->ledger);
    size_t whole = good.count;
    for (size_t count = 0; count < whole; count++) {
        good.count = count;
        cr_assert_not(restore(&world->ledger, &good), "cut to %zu of %zu", count, whole);
        cr_assert_eq(cb_ledger_usage(&world->ledger).accounts, 0u);
    }
    good.count = whole;
    cr_assert(restore(&world->ledger, &good));
    bytes_free(&good);
    world_close(world);
}

/* A flip may make another possible state (an owner, an order's limit, no hold), but then it is that state
 * exactly; most break conservation or a bound and are refused. */
Test(ledger_state, a_flipped_bit_is_refused_or_is_another_sound_state)
{
    struct world *world = busy_world();
    struct bytes bytes = state_of(&world->ledger);
    uint32_t refused = 0;
    for (size_t bit = 0; bit < bytes.count * 8; bit++) {
        bytes.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        if (restore(&world->ledger, &bytes)) {
            struct bytes again = state_of(&world->ledger);
            cr_assert_eq(again.count, bytes.taken, "bit %zu", bit);
            cr_assert_eq(memcmp(bytes.data, again.data, again.count), 0, "bit %zu", bit);
            check_audit(&world->ledger);
            bytes_free(&again);
        } else {
            refused++;
            cr_assert_eq(cb_ledger_usage(&world->ledger).accounts, 0u);
        }
        bytes.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    cr_assert_gt(refused, bytes.count * 4, "%u of %zu", refused, bytes.count * 8);
    cr_assert(restore(&world->ledger, &bytes));
    bytes_free(&bytes);
    world_close(world);
}

Test(ledger_state, random_bytes_never_crash_a_restore)
{
    struct random random = random_open("random bytes", 3);
    struct world *world = busy_world();
    struct bytes good = state_of(&world->ledger);
    uint8_t *copy = malloc(good.count);
    cr_assert_not_null(copy);
    memcpy(copy, good.data, good.count);
    for (uint32_t i = 0; i < 20000 * effort(); i++) {
        uint32_t changes = 1 + random_below(&random, 6);
        for (uint32_t c = 0; c < changes; c++) {
            static const uint8_t bytes[] = {0, 1, 2, 0x7F, 0x80, 0xFF};
            good.data[random_below(&random, (uint32_t)good.count)] = bytes[random_below(&random, 6)];
        }
        if (restore(&world->ledger, &good)) {
            check_audit(&world->ledger);
        }
        memcpy(good.data, copy, good.count);
    }
    free(copy);
    bytes_free(&good);
    world_close(world);
}

/* The same bytes under a configuration whose tables are one row too small, and just large enough. */
Test(ledger_state, what_does_not_fit_the_tables_is_refused)
{
    struct world *world = busy_world();
    struct bytes bytes = state_of(&world->ledger);
    struct cb_ledger_usage used = cb_ledger_usage(&world->ledger);
    const struct cb_capacity_config fits = {.accounts = used.accounts,
                                            .positions = used.positions,
                                            .positions_per_account = 2,
                                            .balances = used.balances,
                                            .orders = used.orders,
                                            .holds = 3, /* handles 1 and 2 are live */
                                            .answers = 1};
    for (uint32_t i = 0; i < 7; i++) {
        struct cb_capacity_config capacity = fits;
        uint32_t *const fields[] = {&capacity.accounts, &capacity.positions, &capacity.positions_per_account,
                                    &capacity.balances, &capacity.orders,    &capacity.holds};
        if (i < 6) {
            (*fields[i])--;
        }
        struct world *other = world_open(&capacity);
        cr_assert_eq(restore(&other->ledger, &bytes), i == 6, "field %u", i);
        world_close(other);
    }
    bytes_free(&bytes);
    world_close(world);
}

/* Each hold alone is possible; their sum would leave its range, or even 64 bits. Held cash may exceed cash,
 * for losses come after holds; held coins may not exceed the balance. */
static bool restore_with_holds(uint16_t holding, uint32_t count)
{
    struct cb_capacity_config capacity = small_capacity;
    capacity.holds = 1024;
    struct world *world = world_open(&capacity);
    cr_assert_eq(cb_ledger_open_account(&world->ledger, 0, 0), CB_REJECT_NONE);
    cr_assert_eq(deposit(world, 0, BTC_ON_0, CB_QTY_E8_MAX - 1), CB_REJECT_NONE);
    struct bytes bytes = state_of(&world->ledger);
    bytes.count -= 4; /* the count of holds, 0 */
    struct cb_writer writer = bytes_writer(&bytes);
    cb_put_u32(&writer, count);
    for (uint32_t i = 0; i < count; i++) {
        cb_put_u32(&writer, i);
        cb_put_u64(&writer, 9);     /* the record that opened it */
        cb_put_u64(&writer, i + 1); /* request id */
        cb_put_u32(&writer, 0);
        cb_put_u16(&writer, holding);
        cb_put_s64(&writer, (CB_QTY_E8_MAX - 1) / 100 * 100);
    }
    bool good = restore(&world->ledger, &bytes);
    bytes_free(&bytes);
    world_close(world);
    return good;
}

Test(ledger_state, holds_beyond_what_can_be_held_are_refused_before_they_overflow)
{
    cr_assert(restore_with_holds(BTC_ON_0, 1));
    cr_assert_not(restore_with_holds(BTC_ON_0, 2));
    cr_assert_not(restore_with_holds(BTC_ON_0, 900));
    cr_assert_not(restore_with_holds(ETH_ON_0, 1), "there is no such balance");
    cr_assert(restore_with_holds(USD, 64));
    cr_assert(restore_with_holds(USD, 799)); /* 799 * 5.76e15 < 2^62 */
    cr_assert_not(restore_with_holds(USD, 801));
}

Test(ledger_state, money_out_of_nothing_is_refused)
{
    struct world *world = world_open(&small_capacity);
    cr_assert_eq(cb_ledger_open_account(&world->ledger, 0, 0), CB_REJECT_NONE);
    struct bytes bytes = state_of(&world->ledger);
    /* settled, 2 + holdings totals, one count, then id 4, owner 2, state 1, cash. */
    size_t cash_at = INSTRUMENTS + (2 + HOLDINGS) * 16 + 4 + 7;
    bytes.data[cash_at] = 1;
    cr_assert_not(restore(&world->ledger, &bytes));
    bytes.data[INSTRUMENTS] = 0xFF; /* clearing = -1: now it is someone's loss */
    memset(bytes.data + INSTRUMENTS, 0xFF, 16);
    cr_assert(restore(&world->ledger, &bytes));
    cr_assert_eq(cash_of(world, 0), 1);
    bytes_free(&bytes);
    world_close(world);
}
