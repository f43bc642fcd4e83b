/* Goal: edges of the core that once were wrong, each by itself.
 * Method: the small world, one message at a time. */
#include "tests/unit/engine/world.h"

#include <criterion/criterion.h>

static struct world world;

static void open_funded(void)
{
    world_open(&world);
    world_price(&world, WORLD_BTC, 10000);
    world_price(&world, WORLD_ETH, 400);
    for (uint32_t account = 3; account <= 4; account++) {
        world_account(&world, account, WORLD_TRADER);
        world_deposit(&world, account, 0, 0, 10000 * CB_E8);
        world_deposit(&world, account, 1, 0, 2 * CB_E8);
    }
    world.sent_count = 0;
}

TestSuite(engine_core_edges, .init = open_funded);

static struct cb_wire_refused the_refusal(uint8_t session)
{
    struct cb_wire_refused refused;
    cr_assert_eq(world.sent_count, 1u);
    cr_assert_eq(world.sent[0].session, session);
    cr_assert_eq(world_count(&world, CB_WIRE_REFUSED), 1u);
    cb_wire_refused_decode(&refused, world.sent[0].message);
    world.sent_count = 0;
    return refused;
}

Test(engine_core_edges, a_request_that_can_not_be_read_is_answered_too)
{
    uint8_t message[CB_WIRE_MESSAGE_BYTES_MAX] = {0};
    struct cb_wire_margin_check check = {.request_id = 9, .account = 3};
    struct cb_wire_withdrawal withdrawal = {.request_id = 9, .account = 3};
    uint32_t bytes = cb_wire_margin_check_encode(message, &check);
    world_message(&world, WORLD_TRADER, message, bytes - 1);
    struct cb_wire_refused refused = the_refusal(WORLD_TRADER);
    cr_assert_eq(refused.reason, CB_REJECT_MALFORMED);
    cr_assert_eq(refused.template, CB_WIRE_MARGIN_CHECK);
    bytes = cb_wire_withdrawal_encode(message, &withdrawal);
    message[6]++; /* version */
    world_message(&world, WORLD_TRADER, message, bytes);
    refused = the_refusal(WORLD_TRADER);
    cr_assert_eq(refused.reason, CB_REJECT_SCHEMA);
    cr_assert_eq(refused.template, CB_WIRE_WITHDRAWAL);
}

Test(engine_core_edges, a_request_of_a_session_that_is_no_trader_is_refused_by_its_template)
{
    uint8_t message[CB_WIRE_MESSAGE_BYTES_MAX];
    struct cb_wire_margin_check check = {.request_id = 9, .account = 3};
    world_message(&world, WORLD_VENUE, message, cb_wire_margin_check_encode(message, &check));
    struct cb_wire_refused refused = the_refusal(WORLD_VENUE);
    cr_assert_eq(refused.reason, CB_REJECT_PERMISSION);
    cr_assert_eq(refused.template, CB_WIRE_MARGIN_CHECK);
}

static struct cb_wire_withdrawal_reply last_withdrawal(void)
{
    struct cb_wire_withdrawal_reply reply;
    const struct world_sent *sent = world_last(&world, CB_WIRE_WITHDRAWAL_REPLY);
    cr_assert_not_null(sent);
    cb_wire_withdrawal_reply_decode(&reply, sent->message);
    return reply;
}

Test(engine_core_edges, a_result_does_not_reach_another_withdrawal_that_took_a_forgotten_id)
{
    struct cb_wire_release first;
    world_withdraw(&world, 60, 3, 1, 0, CB_E8);
    cb_wire_release_decode(&first, world_last(&world, CB_WIRE_RELEASE)->message);
    for (uint32_t i = 0; i < world.config.capacity.answers / 2; i++) { /* two traders share */
        world_check(&world, WORLD_TRADER, 100 + i, 3, WORLD_PERPETUAL, 0, 10000);
    }
    world_withdraw(&world, 60, 4, 1, 0, CB_E8);
    cr_assert_eq(last_withdrawal().status, CB_WITHDRAWAL_STATUS_HELD);
    world_result(&world, first.action_hi, first.action_lo, CB_OUTCOME_DONE);
    cr_assert_eq(last_withdrawal().account, 3u);
    cr_assert_eq(last_withdrawal().status, CB_WITHDRAWAL_STATUS_DONE);
    world_withdraw(&world, 60, 4, 1, 0, CB_E8);
    cr_assert_eq(last_withdrawal().account, 4u);
    cr_assert_eq(last_withdrawal().status, CB_WITHDRAWAL_STATUS_HELD, "the second one is still pending");
}

Test(engine_core_edges, a_restored_core_reports_margins_before_any_event)
{
    struct cb_core core;
    struct cb_margin here, there;
    world_check(&world, WORLD_TRADER, 50, 3, WORLD_PERPETUAL, CB_E8, 10000);
    void *memory = world_core(&world.config, &core);
    struct state_bytes bytes = world_state(&world.core);
    struct cb_reader reader = state_reader(&bytes);
    cr_assert(cb_core_restore(&core, &reader));
    cb_core_margin(&world.core, 3, &here);
    cb_core_margin(&core, 3, &there);
    cr_assert_eq(there.im_e6, here.im_e6);
    cr_assert_eq(there.e_im_e6, here.e_im_e6);
    cr_assert_not(there.stale);
    free(memory);
    state_free(&bytes);
}

/* Restores the world's state after `change` was done to the outbox of a restored one. */
static bool restored_with(void (*change)(struct cb_outbox *outbox))
{
    struct cb_core core, changed;
    void *memory = world_core(&world.config, &changed), *other = world_core(&world.config, &core);
    struct state_bytes bytes = world_state(&world.core), altered;
    struct cb_reader reader = state_reader(&bytes);
    cr_assert(cb_core_restore(&changed, &reader));
    change(&changed.outbox);
    altered = world_state(&changed);
    reader = state_reader(&altered);
    bool restored = cb_core_restore(&core, &reader);
    free(memory);
    free(other);
    state_free(&bytes);
    state_free(&altered);
    return restored;
}

static void change_nothing(struct cb_outbox *outbox)
{
    (void)outbox;
}

static void change_template(struct cb_outbox *outbox)
{
    outbox->places[0].message[2] = CB_WIRE_MARGIN_STATE;
}

static void change_length(struct cb_outbox *outbox)
{
    outbox->places[0].bytes--;
}

static void change_id(struct cb_outbox *outbox)
{
    outbox->places[0].message[CB_WIRE_HEADER_BYTES]++;
}

static void change_epoch(struct cb_outbox *outbox)
{
    outbox->places[0].message[CB_WIRE_HEADER_BYTES + 24] = 1;
}

static void change_session(struct cb_outbox *outbox)
{
    outbox->places[0].session = WORLD_VENUE;
}

static void change_cause(struct cb_outbox *outbox)
{
    outbox->places[0].id.lo++;
    outbox->places[0].message[CB_WIRE_HEADER_BYTES + 8]++;
}

Test(engine_core_edges, an_action_that_the_ledger_does_not_know_is_no_state)
{
    world_withdraw(&world, 60, 3, 1, 0, CB_E8);
    cr_assert_eq(world.core.outbox.live, 1u);
    cr_assert(restored_with(change_nothing));
    cr_assert_not(restored_with(change_template));
    cr_assert_not(restored_with(change_length));
    cr_assert_not(restored_with(change_id));
    cr_assert_not(restored_with(change_epoch));
    cr_assert_not(restored_with(change_session));
    cr_assert_not(restored_with(change_cause));
}
