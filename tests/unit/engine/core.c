/* Goal: the core as a whole does what the stages do apart, in the order core.h promises, and says so to the
 * outside. Method: a small world, one message at a time; the ledger is audited after every event. */
#include "tests/unit/engine/world.h"

#include <criterion/criterion.h>

static struct world world;

static void open_funded(void)
{
    world_open(&world);
    world_price(&world, WORLD_BTC, 10000);
    world_price(&world, WORLD_ETH, 400);
    world_account(&world, 3, WORLD_TRADER);
    world_deposit(&world, 3, 0, 0, 10000 * CB_E8); /* 10,000 USD */
    world_deposit(&world, 3, 1, 0, 2 * CB_E8);     /* 2 BTC */
}

TestSuite(engine_core, .init = open_funded);

static struct cb_wire_margin_check_reply last_reply(void)
{
    struct cb_wire_margin_check_reply reply;
    const struct world_sent *sent = world_last(&world, CB_WIRE_MARGIN_CHECK_REPLY);
    cr_assert_not_null(sent);
    cb_wire_margin_check_reply_decode(&reply, sent->message);
    return reply;
}

static struct cb_wire_withdrawal_reply last_withdrawal(void)
{
    struct cb_wire_withdrawal_reply reply;
    const struct world_sent *sent = world_last(&world, CB_WIRE_WITHDRAWAL_REPLY);
    cr_assert_not_null(sent);
    cb_wire_withdrawal_reply_decode(&reply, sent->message);
    return reply;
}

static struct cb_wire_release last_release(void)
{
    struct cb_wire_release release;
    const struct world_sent *sent = world_last(&world, CB_WIRE_RELEASE);
    cr_assert_not_null(sent);
    cb_wire_release_decode(&release, sent->message);
    return release;
}

static struct cb_wire_refused last_refused(void)
{
    struct cb_wire_refused refused;
    const struct world_sent *sent = world_last(&world, CB_WIRE_REFUSED);
    cr_assert_not_null(sent);
    cb_wire_refused_decode(&refused, sent->message);
    return refused;
}

Test(engine_core, a_small_order_is_approved_and_held_and_a_huge_one_is_refused_for_margin)
{
    struct cb_book_order order;
    uint64_t seq = world_check(&world, WORLD_TRADER, 50, 3, WORLD_PERPETUAL, CB_E8, 10000);
    struct cb_wire_margin_check_reply reply = last_reply();
    cr_assert_eq(reply.reason, CB_REJECT_NONE, "%s", cb_reject_name(reply.reason));
    cr_assert_eq(reply.seq, seq);
    cr_assert_eq(world_last(&world, CB_WIRE_MARGIN_CHECK_REPLY)->cause_seq, seq);
    cr_assert(cb_ledger_order(&world.core.ledger, 3, 50, &order));
    cr_assert_eq(order.qty_e8, CB_E8);
    /* E_im = 10,000 + 2 * 10,000 * 0.95 = 29,000; W = (1 + 2 * 0.95) * 10,000 * 20 % = 5,800. */
    cr_assert_eq(reply.e_im_e6, 29000 * CB_E6);
    cr_assert_eq(reply.im_e6, 5800 * CB_E6);
    cr_assert_eq(reply.free_e6, 23200 * CB_E6);
    world_check(&world, WORLD_TRADER, 51, 3, WORLD_PERPETUAL, 100 * CB_E8, 10000);
    cr_assert_eq(last_reply().reason, CB_REJECT_MARGIN);
    cr_assert_not(cb_ledger_order(&world.core.ledger, 3, 51, &order));
}

Test(engine_core, the_same_request_gets_the_same_answer_and_is_decided_once)
{
    world_check(&world, WORLD_TRADER, 50, 3, WORLD_PERPETUAL, CB_E8, 10000);
    struct world_sent first = *world_last(&world, CB_WIRE_MARGIN_CHECK_REPLY);
    world_price(&world, WORLD_BTC, 9000);
    world_check(&world, WORLD_TRADER, 50, 3, WORLD_PERPETUAL, CB_E8, 10000);
    const struct world_sent *again = world_last(&world, CB_WIRE_MARGIN_CHECK_REPLY);
    cr_assert_eq(world_count(&world, CB_WIRE_MARGIN_CHECK_REPLY), 2u);
    cr_assert_eq(again->bytes, first.bytes);
    cr_assert_arr_eq(again->message, first.message, first.bytes);
    cr_assert_eq(cb_ledger_usage(&world.core.ledger).orders, 1u);
    world_check(&world, WORLD_TRADER, 50, 3, WORLD_PERPETUAL, 2 * CB_E8, 10000);
    cr_assert_eq(last_reply().reason, CB_REJECT_REQUEST_ID, "the id with other content");
    cr_assert_eq(cb_ledger_usage(&world.core.ledger).orders, 1u);
}

Test(engine_core, a_fill_reduces_its_order_and_becomes_a_position)
{
    struct cb_book_order order;
    world_check(&world, WORLD_TRADER, 50, 3, WORLD_PERPETUAL, CB_E8, 10000);
    world_trade(&world, 3, WORLD_PERPETUAL, CB_E8 / 4, 10000, 50);
    cr_assert(cb_ledger_order(&world.core.ledger, 3, 50, &order));
    cr_assert_eq(order.qty_e8, 3 * CB_E8 / 4);
    world_trade(&world, 3, WORLD_PERPETUAL, 3 * CB_E8 / 4, 10000, 50);
    cr_assert_not(cb_ledger_order(&world.core.ledger, 3, 50, &order));
    cr_assert_eq(cb_ledger_usage(&world.core.ledger).positions, 1u);
}

Test(engine_core, an_order_is_cancelled_by_its_venue_and_not_by_its_trader)
{
    uint8_t message[CB_WIRE_ORDER_CANCEL_BYTES];
    struct cb_book_order order;
    struct cb_wire_order_cancel out = {.order_id = 50, .account = 3};
    uint32_t bytes = cb_wire_order_cancel_encode(message, &out);
    world_check(&world, WORLD_TRADER, 50, 3, WORLD_PERPETUAL, CB_E8, 10000);
    world_message(&world, WORLD_TRADER, message, bytes);
    cr_assert_eq(last_refused().reason, CB_REJECT_PERMISSION);
    cr_assert(cb_ledger_order(&world.core.ledger, 3, 50, &order), "it may still be live on the venue");
    world_message(&world, WORLD_VENUE, message, bytes);
    cr_assert_not(cb_ledger_order(&world.core.ledger, 3, 50, &order));
    world_message(&world, WORLD_VENUE, message, bytes);
    cr_assert_eq(last_refused().reason, CB_REJECT_UNKNOWN_ORDER);
}

Test(engine_core, another_traders_account_is_refused)
{
    world_check(&world, WORLD_OTHER_TRADER, 50, 3, WORLD_PERPETUAL, CB_E8, 10000);
    cr_assert_eq(last_reply().reason, CB_REJECT_PERMISSION);
    world_check(&world, WORLD_TRADER, 51, 4, WORLD_PERPETUAL, CB_E8, 10000);
    cr_assert_eq(last_reply().reason, CB_REJECT_UNKNOWN_ACCOUNT);
    world_check(&world, WORLD_TRADER, 0, 3, WORLD_PERPETUAL, CB_E8, 10000);
    cr_assert_eq(last_reply().reason, CB_REJECT_REQUEST_ID);
}

Test(engine_core, a_withdrawal_is_held_released_and_confirmed_once)
{
    world_withdraw(&world, 60, 3, 1, 0, CB_E8);
    cr_assert_eq(last_withdrawal().status, CB_WITHDRAWAL_STATUS_HELD);
    struct cb_wire_release release = last_release();
    cr_assert_eq(release.qty_e8, CB_E8);
    cr_assert_eq(release.epoch, 1u);
    cr_assert_eq(world_last(&world, CB_WIRE_RELEASE)->session, WORLD_CUSTODIAN);
    world_acknowledge(&world, WORLD_CUSTODIAN, release.action_hi, release.action_lo);
    world.now_ns += 20 * CB_NS_PER_S;
    world_time(&world);
    cr_assert_eq(world_count(&world, CB_WIRE_RELEASE), 1u, "acknowledged: not sent again");
    world_result(&world, release.action_hi, release.action_lo, CB_OUTCOME_DONE);
    cr_assert_eq(last_withdrawal().status, CB_WITHDRAWAL_STATUS_DONE);
    cr_assert_eq(cb_ledger_usage(&world.core.ledger).holds, 0u);
    world_result(&world, release.action_hi, release.action_lo, CB_OUTCOME_DONE);
    cr_assert_eq(last_refused().reason, CB_REJECT_UNKNOWN_ACTION, "a second result changes nothing");
    world_withdraw(&world, 60, 3, 1, 0, CB_E8);
    cr_assert_eq(last_withdrawal().status, CB_WITHDRAWAL_STATUS_DONE, "a repeat hears how it ended");
    cr_assert_eq(world_count(&world, CB_WIRE_RELEASE), 1u);
}

Test(engine_core, a_failed_release_gives_the_quantity_back)
{
    world_withdraw(&world, 60, 3, 1, 0, CB_E8);
    struct cb_wire_release release = last_release();
    world_result(&world, release.action_hi, release.action_lo, CB_OUTCOME_FAILED);
    cr_assert_eq(last_withdrawal().status, CB_WITHDRAWAL_STATUS_FAILED);
    world_withdraw(&world, 61, 3, 1, 0, 2 * CB_E8);
    cr_assert_eq(last_withdrawal().status, CB_WITHDRAWAL_STATUS_HELD, "all of it is free again");
    world_withdraw(&world, 62, 3, 1, 0, 1);
    cr_assert_eq(last_withdrawal().reason, CB_REJECT_BALANCE, "and now none is");
}

Test(engine_core, a_result_of_another_session_or_for_another_cause_is_refused)
{
    uint8_t message[CB_WIRE_RELEASE_RESULT_BYTES];
    world_withdraw(&world, 60, 3, 1, 0, CB_E8);
    struct cb_wire_release release = last_release();
    world_result(&world, release.action_hi, release.action_lo + 1, CB_OUTCOME_DONE);
    cr_assert_eq(last_refused().reason, CB_REJECT_UNKNOWN_ACTION);
    world_result(&world, release.action_hi + 1, release.action_lo, CB_OUTCOME_DONE);
    cr_assert_eq(last_refused().reason, CB_REJECT_UNKNOWN_ACTION);
    world_result(&world, release.action_hi, release.action_lo, 3);
    cr_assert_eq(last_refused().reason, CB_REJECT_OUTCOME);
    struct cb_wire_release_result out = {
        .action_hi = release.action_hi, .action_lo = release.action_lo, .outcome = CB_OUTCOME_DONE};
    world_message(&world, WORLD_VENUE, message, cb_wire_release_result_encode(message, &out));
    cr_assert_eq(last_refused().reason, CB_REJECT_PERMISSION);
    cr_assert_eq(cb_ledger_usage(&world.core.ledger).holds, 1u);
}

Test(engine_core, an_unacknowledged_action_is_sent_again_with_growing_waits_and_the_same_bytes)
{
    world_withdraw(&world, 60, 3, 1, 0, CB_E8);
    struct world_sent first = *world_last(&world, CB_WIRE_RELEASE);
    static const int64_t waits_s[] = {1, 2, 4, 8, 8, 8};
    for (uint32_t i = 0; i < sizeof waits_s / sizeof waits_s[0]; i++) {
        world.now_ns += waits_s[i] * CB_NS_PER_S - 1;
        world_time(&world);
        cr_assert_eq(world_count(&world, CB_WIRE_RELEASE), i + 1, "not before its time");
        world.now_ns += 1;
        world_time(&world);
        cr_assert_eq(world_count(&world, CB_WIRE_RELEASE), i + 2);
        cr_assert_arr_eq(world_last(&world, CB_WIRE_RELEASE)->message, first.message, first.bytes);
    }
}

Test(engine_core, a_falling_price_moves_the_margin_state_once_a_record_and_tells_the_owner)
{
    struct cb_wire_margin_state state;
    world_trade(&world, 3, WORLD_PERPETUAL, 8 * CB_E8, 10000, 0);
    uint32_t before = world_count(&world, CB_WIRE_MARGIN_STATE);
    world.now_ns += CB_NS_PER_S;
    uint64_t seq = world_price(&world, WORLD_BTC, 8000);
    cr_assert_eq(world_count(&world, CB_WIRE_MARGIN_STATE), before + 1);
    cb_wire_margin_state_decode(&state, world_last(&world, CB_WIRE_MARGIN_STATE)->message);
    cr_assert_eq(state.cause_seq, seq);
    cr_assert_eq(state.account, 3u);
    cr_assert_eq(state.worst_factor, WORLD_BTC);
    cr_assert_eq(state.state, (uint8_t)cb_ledger_margin_state(&world.core.ledger, 3));
    cr_assert_gt(state.state, state.previous);
    cr_assert_eq(world_last(&world, CB_WIRE_MARGIN_STATE)->session, WORLD_TRADER);
    /* E_raw = 10,000 + 2 * 8,000 - 8 * 2,000 = 10,000. */
    cr_assert_eq(state.e_raw_e6, 10000 * CB_E6);
}

Test(engine_core, a_newer_margin_state_replaces_an_unacknowledged_older_one)
{
    struct cb_wire_margin_state old, new;
    world_trade(&world, 3, WORLD_PERPETUAL, 8 * CB_E8, 10000, 0);
    world.now_ns += CB_NS_PER_S;
    world_price(&world, WORLD_BTC, 8000);
    cb_wire_margin_state_decode(&old, world_last(&world, CB_WIRE_MARGIN_STATE)->message);
    world.now_ns += CB_NS_PER_S;
    world_price(&world, WORLD_BTC, 6000);
    cb_wire_margin_state_decode(&new, world_last(&world, CB_WIRE_MARGIN_STATE)->message);
    cr_assert_neq(old.cause_seq, new.cause_seq);
    cr_assert_eq(new.state, CB_MARGIN_BANKRUPT);
    world_acknowledge(&world, WORLD_TRADER, old.action_hi, old.action_lo);
    cr_assert_eq(world.core.outbox.live, 1u, "too late for the old one, too early for the new one");
    cr_assert_eq(world_count(&world, CB_WIRE_REFUSED), 0u);
    world_acknowledge(&world, WORLD_OTHER_TRADER, new.action_hi, new.action_lo);
    cr_assert_eq(last_refused().reason, CB_REJECT_PERMISSION);
    world_acknowledge(&world, WORLD_TRADER, new.action_hi, new.action_lo);
    cr_assert_eq(world.core.outbox.live, 0u);
    uint32_t refused = world_count(&world, CB_WIRE_REFUSED);
    world_acknowledge(&world, WORLD_TRADER, new.action_hi, new.action_lo);
    cr_assert_eq(world_count(&world, CB_WIRE_REFUSED), refused, "twice is once");
    world_acknowledge(&world, WORLD_TRADER, new.action_hi, world.core.sequence.seq + 1);
    cr_assert_eq(last_refused().reason, CB_REJECT_UNKNOWN_ACTION, "of a record that was not yet");
    world_acknowledge(&world, WORLD_TRADER, new.action_hi + 1, new.action_lo);
    cr_assert_eq(last_refused().reason, CB_REJECT_UNKNOWN_ACTION, "of an account that is not");
}

Test(engine_core, a_stale_price_refuses_new_risk_and_withdrawals_but_not_reducing_orders)
{
    world_trade(&world, 3, WORLD_PERPETUAL, CB_E8, 10000, 0);
    world.now_ns += 121 * CB_NS_PER_S;
    world_check(&world, WORLD_TRADER, 50, 3, WORLD_PERPETUAL, CB_E8, 10000);
    cr_assert_eq(last_reply().reason, CB_REJECT_STALE_PRICE);
    world_withdraw(&world, 60, 3, 1, 0, CB_E8);
    cr_assert_eq(last_withdrawal().reason, CB_REJECT_STALE_PRICE);
    world_check(&world, WORLD_TRADER, 51, 3, WORLD_PERPETUAL, -CB_E8, 10000);
    cr_assert_eq(last_reply().reason, CB_REJECT_NONE);
}

Test(engine_core, a_hedge_whose_collateral_was_withdrawn_is_not_taken_apart)
{
    world_account(&world, 4, WORLD_TRADER);
    world_deposit(&world, 4, 0, 0, 2000 * CB_E8);
    world_trade(&world, 4, WORLD_PERPETUAL, CB_E8, 10000, 0);
    world_trade(&world, 4, WORLD_FUTURE, -CB_E8, 10000, 0);
    world_withdraw(&world, 60, 4, 0, 0, 2000 * CB_E8);
    cr_assert_eq(last_withdrawal().reason, CB_REJECT_NONE, "the two net to nothing");
    world_check(&world, WORLD_TRADER, 50, 4, WORLD_PERPETUAL, -CB_E8, 10000);
    cr_assert_eq(last_reply().reason, CB_REJECT_MARGIN, "a future short of 10,000 USD and no money");
}

Test(engine_core, a_param_epoch_rolls_outside_the_band_and_after_its_time_and_not_else)
{
    uint64_t epoch = cb_risk_epoch(&world.core.risk, WORLD_BTC);
    world.now_ns += 1;
    world_price(&world, WORLD_BTC, 10050); /* exactly 0.5 % */
    cr_assert_eq(cb_risk_epoch(&world.core.risk, WORLD_BTC), epoch);
    world.now_ns += 1;
    world_price(&world, WORLD_BTC, 10051);
    cr_assert_eq(cb_risk_epoch(&world.core.risk, WORLD_BTC), epoch + 1);
    world.now_ns += 60 * CB_NS_PER_S - 1;
    world_time(&world);
    cr_assert_eq(cb_risk_epoch(&world.core.risk, WORLD_BTC), epoch + 1);
    world.now_ns += 1;
    world_time(&world);
    cr_assert_eq(cb_risk_epoch(&world.core.risk, WORLD_BTC), epoch + 2);
}

Test(engine_core, a_settlement_waits_for_expiry_and_turns_positions_into_cash)
{
    uint8_t message[CB_WIRE_SETTLEMENT_BYTES];
    struct cb_margin margin;
    world_trade(&world, 3, WORLD_CALL, CB_E8, 500, 0);
    struct cb_wire_settlement out = {.instrument = WORLD_CALL, .price_e8 = 12000 * CB_E8};
    world.now_ns = WORLD_EXPIRY_NS - 1;
    world_message(&world, WORLD_OPERATOR, message, cb_wire_settlement_encode(message, &out));
    cr_assert_eq(last_refused().reason, CB_REJECT_NOT_EXPIRED);
    world.now_ns = WORLD_EXPIRY_NS;
    world_message(&world, WORLD_OPERATOR, message, cb_wire_settlement_encode(message, &out));
    cr_assert_eq(cb_ledger_usage(&world.core.ledger).positions, 0u);
    world_price(&world, WORLD_BTC, 10000);
    cb_core_margin(&world.core, 3, &margin);
    cr_assert_eq(margin.e_raw_e6, (10000 - 500 + 2000 + 20000) * CB_E6);
    world_check(&world, WORLD_TRADER, 50, 3, WORLD_CALL, CB_E8, 500);
    cr_assert_eq(last_reply().reason, CB_REJECT_EXPIRED);
    world_message(&world, WORLD_OPERATOR, message, cb_wire_settlement_encode(message, &out));
    cr_assert_eq(last_refused().reason, CB_REJECT_EXPIRED, "once");
}

Test(engine_core, nothing_is_paid_out_between_an_expiry_and_its_settlement)
{
    uint8_t message[CB_WIRE_SETTLEMENT_BYTES];
    world_trade(&world, 3, WORLD_CALL, CB_E8, 500, 0);
    world_trade(&world, 3, WORLD_PERPETUAL, -CB_E8, 10000, 0);
    world.now_ns = WORLD_EXPIRY_NS;
    world_price(&world, WORLD_BTC, 9000); /* at which the call dies worthless */
    world.now_ns += CB_NS_PER_S;
    world_price(&world, WORLD_BTC, 13000);
    world_withdraw(&world, 60, 3, 1, 0, CB_E8);
    cr_assert_eq(last_withdrawal().reason, CB_REJECT_STALE_PRICE, "the call is not worth 3,000 USD");
    struct cb_wire_settlement out = {.instrument = WORLD_CALL, .price_e8 = 9000 * CB_E8};
    world_message(&world, WORLD_OPERATOR, message, cb_wire_settlement_encode(message, &out));
    world_withdraw(&world, 61, 3, 1, 0, CB_E8);
    cr_assert_eq(last_withdrawal().reason, CB_REJECT_NONE);
}

Test(engine_core, bad_bytes_are_counted_answered_and_change_nothing_but_the_order)
{
    uint8_t message[CB_WIRE_MESSAGE_BYTES_MAX] = {0};
    struct cb_wire_deposit deposit = {.account = 3, .asset = 1, .qty_e8 = CB_E8};
    uint32_t bytes = cb_wire_deposit_encode(message, &deposit);
    struct cb_margin before, after;
    cb_core_margin(&world.core, 3, &before);
    world_message(&world, WORLD_CUSTODIAN, message, 0);
    cr_assert_eq(last_refused().reason, CB_REJECT_MALFORMED);
    world_message(&world, WORLD_CUSTODIAN, message, bytes - 1);
    cr_assert_eq(last_refused().reason, CB_REJECT_MALFORMED);
    message[6]++; /* version */
    world_message(&world, WORLD_CUSTODIAN, message, bytes);
    cr_assert_eq(last_refused().reason, CB_REJECT_SCHEMA);
    message[6]--;
    message[2] = 200; /* template */
    world_message(&world, WORLD_CUSTODIAN, message, bytes);
    cr_assert_eq(last_refused().reason, CB_REJECT_TEMPLATE);
    cb_wire_deposit_encode(message, &deposit);
    world_message(&world, WORLD_TRADER, message, bytes);
    cr_assert_eq(last_refused().reason, CB_REJECT_PERMISSION);
    struct cb_wire_account_open open = {.account = 5, .owner = WORLD_TRADER};
    bytes = cb_wire_account_open_encode(message, &open);
    message[bytes - 1] = 1; /* reserved */
    world_message(&world, WORLD_OPERATOR, message, bytes);
    cr_assert_eq(last_refused().reason, CB_REJECT_RESERVED);
    world_message(&world, WORLD_OPERATOR, message, bytes - 8);
    cr_assert_eq(last_refused().reason, CB_REJECT_MALFORMED);
    cb_core_margin(&world.core, 3, &after);
    cr_assert_eq(memcmp(&before, &after, sizeof before), 0);
    cr_assert_eq(world.core.stats.refused[CB_REJECT_MALFORMED], 3u);
}

Test(engine_core, prices_that_are_zero_old_or_from_the_future_are_refused)
{
    uint8_t message[CB_WIRE_PRICE_BYTES];
    struct cb_wire_price price = {.factor = WORLD_BTC, .price_e8 = 0, .source_time_ns = world.now_ns + 1};
    world_message(&world, WORLD_ORACLE, message, cb_wire_price_encode(message, &price));
    price.price_e8 = 1;
    price.source_time_ns = world.now_ns + world.config.future_ns + 1;
    world_message(&world, WORLD_ORACLE, message, cb_wire_price_encode(message, &price));
    price.source_time_ns = world.now_ns;
    world_message(&world, WORLD_ORACLE, message, cb_wire_price_encode(message, &price));
    price.factor = 2;
    world_message(&world, WORLD_ORACLE, message, cb_wire_price_encode(message, &price));
    price.factor = WORLD_BTC;
    price.source = 1;
    world_message(&world, WORLD_ORACLE, message, cb_wire_price_encode(message, &price));
    cr_assert_eq(world.core.stats.refused[CB_REJECT_PRICE], 1u);
    cr_assert_eq(world.core.stats.refused[CB_REJECT_FUTURE_TIME], 1u);
    cr_assert_eq(world.core.stats.refused[CB_REJECT_OLD_TIME], 1u);
    cr_assert_eq(world.core.stats.refused[CB_REJECT_UNKNOWN_FACTOR], 1u);
    cr_assert_eq(world.core.stats.refused[CB_REJECT_UNKNOWN_SOURCE], 1u);
    cr_assert_eq(world_count(&world, CB_WIRE_REFUSED), 0u,
                 "a feed that only the latest matters of is not answered");
}

Test(engine_core, an_event_that_does_not_follow_is_refused_and_changes_nothing)
{
    struct state_bytes before = world_state(&world.core);
    struct cb_event event = {.seq = world.core.sequence.seq + 2,
                             .ingest_ns = world.now_ns,
                             .kind = CB_EVENT_TIME,
                             .session = CB_SESSION_NONE};
    cr_assert_not(cb_core_apply(&world.core, &event), "a hole in seq");
    event.seq--;
    event.ingest_ns--;
    cr_assert_not(cb_core_apply(&world.core, &event), "time runs back");
    event.ingest_ns++;
    event.kind = CB_EVENT_MESSAGE;
    event.session = WORLD_TRADER;
    event.session_seq = world.session_next[WORLD_TRADER] + 1;
    cr_assert_not(cb_core_apply(&world.core, &event), "a hole in an ordered session");
    event.session = (uint8_t)world.config.sessions_count;
    cr_assert_not(cb_core_apply(&world.core, &event), "no such session");
    struct state_bytes after = world_state(&world.core);
    cr_assert_eq(before.bytes, after.bytes);
    cr_assert_arr_eq(before.data, after.data, before.bytes);
    state_free(&before);
    state_free(&after);
}
