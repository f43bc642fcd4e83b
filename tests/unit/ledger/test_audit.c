/* Goal: the audit is a real check: it names each kind of damage. Method: one field of a sound ledger is
 * damaged, the audit must say so, and the field is put back. Rows of busy_world are in known slots. */
#include "host/ledger/state.h"
#include "tests/unit/ledger/fixture.h"

#include <criterion/criterion.h>
#include <string.h>

/* Damages, audits, repairs. A macro, so that any integer field will do. */
#define EXPECT_DAMAGE(field, damaged, sentence)                                                              \
    do {                                                                                                     \
        __typeof__(field) sound = (field);                                                                   \
        check_audit(ledger);                                                                                 \
        (field) = (__typeof__(field))(damaged);                                                              \
        const char *wrong = cb_ledger_audit(ledger);                                                         \
        cr_assert_not_null(wrong, "not seen: %s", sentence);                                                 \
        cr_assert_str_eq(wrong, sentence);                                                                   \
        (field) = sound;                                                                                     \
    } while (0)

Test(ledger_audit, sees_damaged_totals_and_accounts)
{
    struct world *world = busy_world();
    struct cb_ledger *ledger = &world->ledger;
    EXPECT_DAMAGE(ledger->fees_e6, ledger->fees_e6 + 1, "cash is not conserved");
    EXPECT_DAMAGE(ledger->clearing_e6, 0, "cash is not conserved");
    EXPECT_DAMAGE(ledger->external[USD], 0, "cash is not conserved");
    EXPECT_DAMAGE(ledger->external[BTC_ON_1], 0, "a coin is not conserved");
    EXPECT_DAMAGE(ledger->external[BTC_ON_0], 1, "a coin is not conserved");
    EXPECT_DAMAGE(ledger->accounts_open, 3, "the count of open accounts is wrong");
    EXPECT_DAMAGE(ledger->settled[BTC_FUTURE], 1, "a position is in a settled instrument");
    EXPECT_DAMAGE(ledger->settled[BTC_PUT], 2, "an instrument without expiry is settled");
    EXPECT_DAMAGE(ledger->settled[ETH_PERPETUAL], 1, "an instrument without expiry is settled");
    EXPECT_DAMAGE(ledger->exposure[3], 1, "a closed account has exposure");
    EXPECT_DAMAGE(ledger->exposure[0], 0, "an account's exposure is not the union of its lists'");
    struct cb_ledger_account *account = &ledger->accounts[0];
    EXPECT_DAMAGE(account->owner, SESSIONS, "an account's owner or margin state is not one");
    EXPECT_DAMAGE(account->state, 6, "an account's owner or margin state is not one");
    EXPECT_DAMAGE(account->cash_e6, CB_MONEY_E6_MAX, "an account's cash is out of range");
    EXPECT_DAMAGE(account->cash_e6, -CB_MONEY_E6_MAX, "an account's cash is out of range");
    EXPECT_DAMAGE(account->cash_held_e6, -1, "an account's cash is out of range");
    EXPECT_DAMAGE(account->cash_held_e6, 1, "held cash is not the sum of its holds");
    EXPECT_DAMAGE(account->positions_count, 1, "an account's count of positions is wrong");
    EXPECT_DAMAGE(account->orders_count, 1, "an account's count of orders is wrong");
    EXPECT_DAMAGE(account->position_factors, 0, "an account's factors of positions are wrong");
    EXPECT_DAMAGE(account->order_factors, 0, "an account's factors of orders are wrong");
    EXPECT_DAMAGE(account->balance_factors, 1, "an account's factors of balances are wrong");
    EXPECT_DAMAGE(ledger->accounts[1].balances_count, 3, "an account's count of balances is wrong");
    EXPECT_DAMAGE(ledger->order_index.count, 3, "an index holds a row that is gone");
    EXPECT_DAMAGE(ledger->position_slots.used, 5, "a slot is in use by no account");
    EXPECT_DAMAGE(ledger->order_slots.used, 3, "a slot is in use by no account");
    EXPECT_DAMAGE(ledger->balance_slots.used, 3, "a slot is in use by no account");
    EXPECT_DAMAGE(ledger->hold_slots.used, 3, "a slot is in use by no account");
    check_audit(ledger);
    world_close(world);
}

Test(ledger_audit, sees_damaged_positions)
{
    struct world *world = busy_world();
    struct cb_ledger *ledger = &world->ledger;
    uint32_t head = ledger->accounts[0].positions; /* the spot, then the future */
    struct cb_ledger_position *first = &ledger->positions[head];
    struct cb_ledger_position *second = &ledger->positions[first->next];
    struct cb_ledger_position *call =
        &ledger->positions[ledger->positions[ledger->accounts[1].positions].next];
    EXPECT_DAMAGE(first->account, 1, "a position's slot is not in use by its account");
    EXPECT_DAMAGE(first->next, 7, "a position's slot is not in use by its account");
    EXPECT_DAMAGE(first->key, first->key + 2, "a position's key is not of a configured instrument and venue");
    EXPECT_DAMAGE(first->key, first->key ^ (UINT64_C(1) << 32),
                  "a position's key is not of a configured instrument and venue");
    EXPECT_DAMAGE(first->key, first->key + (UINT64_C(9) << 16),
                  "a position's key is not of a configured instrument and venue");
    EXPECT_DAMAGE(second->key, first->key, "an account's positions do not ascend");
    EXPECT_DAMAGE(first->qty_e8, 0, "a position is out of range");
    EXPECT_DAMAGE(first->qty_e8, CB_QTY_E8_MAX, "a position is out of range");
    EXPECT_DAMAGE(first->cost_e6, -CB_MONEY_E6_MAX, "a position is out of range");
    EXPECT_DAMAGE(call->cost_e6, 1, "an option has a cost");
    check_audit(ledger);
    world_close(world);
}

Test(ledger_audit, sees_damaged_orders)
{
    struct world *world = busy_world();
    struct cb_ledger *ledger = &world->ledger;
    struct cb_ledger_order *first = &ledger->orders[ledger->accounts[0].orders]; /* id 3, then 7 */
    struct cb_ledger_order *second = &ledger->orders[first->next];
    EXPECT_DAMAGE(first->account, 1, "an order's slot is not in use by its account");
    EXPECT_DAMAGE(first->key, first->key + 2, "an order's key is not of a configured instrument and venue");
    EXPECT_DAMAGE(first->qty_e8, 0, "an order is out of range");
    EXPECT_DAMAGE(first->limit_e8, 0, "an order is out of range");
    EXPECT_DAMAGE(first->id, 0, "an order is out of range");
    EXPECT_DAMAGE(first->id, 5, "an order is not in the index");
    EXPECT_DAMAGE(second->previous, CB_SLOT_NONE, "an order's backward link is wrong");
    uint64_t later = cb_ledger_key(ledger->config, BTC_FUTURE, 0);
    EXPECT_DAMAGE(first->key, later, "an account's orders do not ascend");
    const struct cb_ledger_order_in call = {
        .order_id = 1, .qty_e8 = 1, .limit_e8 = 1, .account = 1, .instrument = BTC_PUT};
    cr_assert_eq(cb_ledger_order_open(ledger, &call), CB_REJECT_NONE);
    EXPECT_DAMAGE(ledger->settled[BTC_PUT], 1, "an order is in a settled instrument");
    check_audit(ledger);
    world_close(world);
}

Test(ledger_audit, sees_damaged_balances_and_holds)
{
    struct world *world = busy_world();
    struct cb_ledger *ledger = &world->ledger;
    struct cb_ledger_balance *btc = &ledger->balances[ledger->accounts[1].balances];
    struct cb_ledger_balance *eth = &ledger->balances[btc->next];
    struct cb_ledger_hold_row *hold = &ledger->holds[1];
    EXPECT_DAMAGE(eth->account, 0, "a balance's slot is not in use by its account");
    EXPECT_DAMAGE(eth->holding, HOLDINGS, "a balance is not of a configured coin holding");
    EXPECT_DAMAGE(eth->holding, USD_ON_1, "a balance is not of a configured coin holding");
    EXPECT_DAMAGE(eth->holding, BTC_ON_0, "an account's balances do not ascend");
    EXPECT_DAMAGE(eth->qty_e8, 0, "a balance is out of range");
    EXPECT_DAMAGE(eth->qty_e8, CB_QTY_E8_MAX, "a balance is out of range");
    EXPECT_DAMAGE(btc->held_e8, 51, "more of a balance is held than there is");
    EXPECT_DAMAGE(btc->held_e8, -1, "more of a balance is held than there is");
    EXPECT_DAMAGE(btc->held_e8, 49, "a balance's held part is not the sum of its holds");
    EXPECT_DAMAGE(hold->qty_e8, 19, "a balance's held part is not the sum of its holds");
    EXPECT_DAMAGE(hold->account, 0, "a hold's slot is not in use by its account");
    EXPECT_DAMAGE(hold->previous, CB_SLOT_NONE, "a hold's slot is not in use by its account");
    EXPECT_DAMAGE(hold->request_id, 0, "a hold is out of range");
    EXPECT_DAMAGE(hold->qty_e8, 0, "a hold is out of range");
    EXPECT_DAMAGE(hold->qty_e8, CB_QTY_E8_MAX, "a hold is out of range");
    EXPECT_DAMAGE(hold->holding, HOLDINGS, "a hold is out of range");
    EXPECT_DAMAGE(hold->request_id, 9, "a hold is not in the index");
    EXPECT_DAMAGE(hold->holding, BTC_ON_0, "a hold has no balance");
    EXPECT_DAMAGE(hold->holding, USD, "held cash is not the sum of its holds");
    EXPECT_DAMAGE(hold->next, 2, "a hold's slot is not in use by its account");
    check_audit(ledger);
    world_close(world);
}
