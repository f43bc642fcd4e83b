/* Goal: state survives serialise and restore exactly; bytes that no ledger wrote are refused and never crash.
 * Method: truncation at every byte, every single-bit flip, and named impossible values. */
#include "tests/unit/ledger/fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* A state with something in every table. */
static struct world *busy_world(void)
{
    struct world *world = world_of_two();
    struct cb_ledger *ledger = &world->ledger;
    uint32_t slot;
    cr_assert_eq(deposit(world, 0, USD, 123400), CB_REJECT_NONE);
    cr_assert_eq(deposit(world, 1, BTC_ON_1, 50), CB_REJECT_NONE);
    cr_assert_eq(deposit(world, 1, ETH_ON_0, 60), CB_REJECT_NONE);
    cr_assert_eq(trade(world, 0, BTC_FUTURE, 2, CB_E10), CB_REJECT_NONE);
    enum cb_ledger_fill what;
    const struct cb_ledger_trade paid = {
        .qty_e8 = -3, .price_e8 = CB_E10, .fee_e6 = 5, .account = 1, .instrument = BTC_PERPETUAL, .venue = 1};
    cr_assert_eq(cb_ledger_trade(ledger, &world->legs, 1, &paid, &what), CB_REJECT_NONE);
    cr_assert_eq(trade(world, 1, BTC_CALL, -4, CB_E10), CB_REJECT_NONE);
    cr_assert_eq(trade(world, 0, ETH_SPOT, 4, CB_E10), CB_REJECT_NONE);
    struct cb_ledger_order_in order = {
        .order_id = 7, .qty_e8 = 9, .limit_e8 = 5, .account = 0, .instrument = BTC_PERPETUAL, .venue = 1};
    cr_assert_eq(cb_ledger_order_open(ledger, &order), CB_REJECT_NONE);
    order.order_id = 3;
    order.venue = 0;
    cr_assert_eq(cb_ledger_order_open(ledger, &order), CB_REJECT_NONE);
    cr_assert_eq(cb_ledger_hold_open(ledger, &slot, 9, 1, 0, USD, 100), CB_REJECT_NONE);
    cr_assert_eq(cb_ledger_hold_open(ledger, &slot, 9, 2, 1, BTC_ON_1, 20), CB_REJECT_NONE);
    cr_assert_eq(cb_ledger_hold_open(ledger, &slot, 9, 3, 1, BTC_ON_1, 30), CB_REJECT_NONE);
    cr_assert_eq(cb_ledger_hold_failed(ledger, 0), CB_REJECT_NONE); /* a gap in the handles */
    cb_ledger_set_margin_state(ledger, 1, CB_MARGIN_CALL);
    return world;
}

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

Test(ledger_state, the_audit_sees_each_kind_of_damage)
{
    struct world *world = busy_world();
    struct cb_ledger *ledger = &world->ledger;
    check_audit(ledger);
    ledger->fees_e6 += 1;
    cr_assert_str_eq(cb_ledger_audit(ledger), "cash is not conserved");
    ledger->fees_e6 -= 1;
    ledger->external[BTC_ON_1] -= 1;
    cr_assert_str_eq(cb_ledger_audit(ledger), "a coin is not conserved");
    ledger->external[BTC_ON_1] += 1;
    ledger->exposure[0] ^= 2;
    cr_assert_str_eq(cb_ledger_audit(ledger), "an account's exposure is not the union of its lists'");
    ledger->exposure[0] ^= 2;
    ledger->exposure[3] = 1;
    cr_assert_str_eq(cb_ledger_audit(ledger), "a closed account has exposure");
    ledger->exposure[3] = 0;
    ledger->settled[BTC_FUTURE] = 1;
    cr_assert_str_eq(cb_ledger_audit(ledger), "a position is in a settled instrument");
    ledger->settled[BTC_FUTURE] = 0;
    ledger->settled[ETH_PERPETUAL] = 1;
    cr_assert_str_eq(cb_ledger_audit(ledger), "an instrument without expiry is settled");
    ledger->settled[ETH_PERPETUAL] = 0;
    cr_assert_neq(cb_slots_take(&ledger->position_slots), CB_SLOT_NONE);
    cr_assert_str_eq(cb_ledger_audit(ledger), "a slot is in use by no account");
    cb_slots_give(&ledger->position_slots, 4);
    cb_index_insert(&ledger->order_index, 3, 3, 3);
    cr_assert_str_eq(cb_ledger_audit(ledger), "an index holds a row that is gone");
    cb_index_remove(&ledger->order_index, 3, 3);
    cb_index_remove(&ledger->order_index, 0, 7);
    cr_assert_str_eq(cb_ledger_audit(ledger), "an order is not in the index");
    ledger->accounts_open++;
    world_close(world);
}
