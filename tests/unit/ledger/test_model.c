/* Goal: the ledger does what the naive reference does. Method: all sequences of a small set of operations to
 * a fixed depth; then long random streams, in which a second ledger is again and again restored from the
 * first and both must go on alike to the byte. */
#include "tests/unit/ledger/reference.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { DEPOSIT, HOLD, DONE, FAILED, ORDER, CANCEL, TRADE, SETTLE };

struct operation {
    enum kind kind;
    uint32_t account; /* or the slot of DONE and FAILED */
    uint16_t where;   /* holding or instrument */
    uint16_t venue;
    int64_t qty, price, fee;
    uint64_t id;
};

struct effect {
    enum cb_reject reject;
    uint32_t slot;
    uint32_t calls; /* of the settlement */
    enum cb_ledger_fill fill;
    struct cb_postings legs;
};

static void on_settled(void *context, uint32_t account, const struct cb_postings *legs)
{
    struct effect *effect = context;
    effect->calls = effect->calls * 31 + account + 1;
    check_legs(legs, 1);
    if (legs->count > 0 && effect->legs.count + 2 <= CB_POSTINGS_MAX) {
        effect->legs.row[effect->legs.count++] = legs->row[0];
        effect->legs.row[effect->legs.count++] = legs->row[1];
    }
}

static struct effect apply(struct cb_ledger *ledger, const struct operation *op)
{
    struct effect effect = {.slot = UINT32_MAX};
    const struct cb_ledger_order_in order = {.order_id = op->id,
                                             .qty_e8 = op->qty,
                                             .limit_e8 = op->price,
                                             .account = op->account,
                                             .instrument = op->where,
                                             .venue = op->venue};
    const struct cb_ledger_trade trade = {.order_id = op->id,
                                          .qty_e8 = op->qty,
                                          .price_e8 = op->price,
                                          .fee_e6 = op->fee,
                                          .account = op->account,
                                          .instrument = op->where,
                                          .venue = op->venue};
    switch (op->kind) {
    case DEPOSIT:
        effect.reject = cb_ledger_deposit(ledger, &effect.legs, 1, op->account, op->where, op->qty);
        break;
    case HOLD:
        effect.reject = cb_ledger_hold_open(ledger, &effect.slot, 9, op->id, op->account, op->where, op->qty);
        break;
    case DONE:
        effect.reject = cb_ledger_hold_done(ledger, &effect.legs, 1, op->account);
        break;
    case FAILED:
        effect.reject = cb_ledger_hold_failed(ledger, op->account);
        break;
    case ORDER:
        effect.reject = cb_ledger_order_open(ledger, &order);
        break;
    case CANCEL:
        effect.reject = cb_ledger_order_cancel(ledger, op->account, op->id);
        break;
    case TRADE:
        effect.reject = cb_ledger_trade(ledger, &effect.legs, 1, &trade, &effect.fill);
        break;
    case SETTLE:
        effect.reject = cb_ledger_settle(ledger, 1, op->where, op->price, on_settled, &effect);
        break;
    }
    check_legs(&effect.legs, 1);
    return effect;
}

static struct effect apply_ref(struct ref *ref, const struct cb_config *config, const struct operation *op)
{
    struct effect effect = {.slot = UINT32_MAX};
    const struct cb_ledger_order_in order = {.order_id = op->id,
                                             .qty_e8 = op->qty,
                                             .limit_e8 = op->price,
                                             .account = op->account,
                                             .instrument = op->where,
                                             .venue = op->venue};
    const struct cb_ledger_trade trade = {.order_id = op->id,
                                          .qty_e8 = op->qty,
                                          .price_e8 = op->price,
                                          .fee_e6 = op->fee,
                                          .account = op->account,
                                          .instrument = op->where,
                                          .venue = op->venue};
    switch (op->kind) {
    case DEPOSIT:
        effect.reject = ref_deposit(ref, op->account, op->where, op->qty);
        break;
    case HOLD:
        effect.reject = ref_hold_open(ref, &effect.slot, op->id, op->account, op->where, op->qty);
        break;
    case DONE:
    case FAILED:
        effect.reject = ref_hold_end(ref, op->account, op->kind == DONE);
        break;
    case ORDER:
        effect.reject = ref_order_open(ref, &order);
        break;
    case CANCEL:
        effect.reject = ref_order_cancel(ref, op->account, op->id);
        break;
    case TRADE:
        effect.reject = ref_trade(ref, &trade, &effect.fill);
        break;
    case SETTLE:
        effect.reject = ref_settle(ref, config, op->where, op->price);
        break;
    }
    return effect;
}

static void expect_alike(const struct effect *got, const struct effect *want, uint64_t step,
                         const struct operation *op)
{
    cr_assert(got->reject == want->reject && got->slot == want->slot && got->fill == want->fill,
              "step %llu, operation %d: reject %d not %d, slot %u not %u, fill %d not %d",
              (unsigned long long)step, (int)op->kind, (int)got->reject, (int)want->reject, got->slot,
              want->slot, (int)got->fill, (int)want->fill);
}

/* --- all sequences ------------------------------------------------------------------------------------- */

#define P1 5000000001L
#define P2 3333333333L
#define P3 17777777777L

static const struct operation small_set[] = {
    {.kind = DEPOSIT, .where = USD, .qty = 300},
    {.kind = HOLD, .where = USD, .qty = 200, .id = 1},
    {.kind = DEPOSIT, .where = BTC_ON_0, .qty = 5},
    {.kind = HOLD, .where = BTC_ON_0, .qty = 5, .id = 2},
    {.kind = DONE, .account = 0},
    {.kind = FAILED, .account = 0},
    {.kind = ORDER, .where = BTC_PERPETUAL, .qty = -4, .price = P1, .id = 7},
    {.kind = TRADE, .where = BTC_PERPETUAL, .qty = 3, .price = P1},
    {.kind = TRADE, .where = BTC_PERPETUAL, .qty = -2, .price = P2, .id = 7},
    {.kind = TRADE, .where = BTC_PERPETUAL, .qty = -7, .price = P3, .id = 7, .fee = 2},
    {.kind = TRADE, .account = 1, .where = BTC_FUTURE, .venue = 1, .qty = 5, .price = P1, .fee = -1},
    {.kind = TRADE, .account = 1, .where = BTC_FUTURE, .qty = -3, .price = P3},
    {.kind = TRADE, .account = 1, .where = BTC_CALL, .qty = 3, .price = P2},
    {.kind = SETTLE, .where = BTC_FUTURE, .price = P2},
    {.kind = SETTLE, .where = BTC_CALL, .price = 100 * CB_E8 + P1},
};
enum { SMALL = sizeof small_set / sizeof small_set[0], DEPTH_MAX = 7 };

struct saved {
    struct cb_ledger ledger;
    struct ref ref;
    uint8_t *memory;
};

static void save(struct saved *to, const struct world *world, const struct ref *ref)
{
    to->ledger = world->ledger;
    to->ref = *ref;
    memcpy(to->memory, world->memory, world->memory_bytes);
}

static void load(const struct saved *from, struct world *world, struct ref *ref)
{
    world->ledger = from->ledger;
    *ref = from->ref;
    memcpy(world->memory, from->memory, world->memory_bytes);
}

/* Counts through all sequences as an odometer; the state before each digit is kept. */
Test(ledger_model, all_short_sequences_agree_with_the_reference, .timeout = 280)
{
    uint32_t depth = effort() >= 10 ? 6 : 5;
    struct cb_capacity_config capacity = small_capacity;
    capacity.accounts = 2;
    capacity.holds = 1; /* so that full and unknown handles are met */
    struct world *world = world_open(&capacity);
    struct ref ref;
    ref_open(&ref, &capacity);
    for (uint32_t id = 0; id < 2; id++) {
        cr_assert_eq(cb_ledger_open_account(&world->ledger, id, 0), CB_REJECT_NONE);
        ref.open[id] = true;
    }
    struct saved saved[DEPTH_MAX];
    for (uint32_t level = 0; level < depth; level++) {
        saved[level].memory = malloc(world->memory_bytes);
        cr_assert_not_null(saved[level].memory);
    }
    uint32_t digit[DEPTH_MAX] = {0};
    uint32_t level = 0;
    uint64_t visited = 0;
    save(&saved[0], world, &ref);
    for (;;) {
        const struct operation *op = &small_set[digit[level]];
        struct effect got = apply(&world->ledger, op);
        struct effect want = apply_ref(&ref, &world->config, op);
        expect_alike(&got, &want, visited, op);
        ref_compare(&ref, &world->ledger);
        check_audit(&world->ledger);
        visited++;
        if (level + 1 < depth) {
            level++;
            digit[level] = 0;
            save(&saved[level], world, &ref);
            continue;
        }
        while (++digit[level] == SMALL && level > 0) {
            level--;
        }
        if (digit[level] == SMALL) {
            break;
        }
        load(&saved[level], world, &ref);
    }
    uint64_t want_visited = 0;
    for (uint64_t k = 0, power = 1; k < depth; k++) {
        power *= SMALL;
        want_visited += power;
    }
    cr_assert_eq(visited, want_visited);
    printf("sequences to depth %u: %llu states\n", depth, (unsigned long long)visited);
    for (uint32_t i = 0; i < depth; i++) {
        free(saved[i].memory);
    }
    world_close(world);
}

/* --- random streams ------------------------------------------------------------------------------------ */

static int64_t some_qty(struct random *random)
{
    static const int64_t edges[] = {
        0,         1,         -1,         CB_QTY_E8_MAX - 1, 1 - CB_QTY_E8_MAX, CB_E8, -CB_E8, CB_QTY_E8_MAX,
        INT64_MIN, INT64_MAX, CB_E10 * 3, 1L << 58,          -(1L << 58)};
    if (random_below(random, 12) == 0) {
        return edges[random_below(random, sizeof edges / sizeof edges[0])];
    }
    if (random_below(random, 2) == 0) { /* small ones meet each other: whole fills, whole closes, flips */
        return (int64_t)random_below(random, 9) - 4;
    }
    int64_t qty = (int64_t)(random_next(random) >> (5 + random_below(random, 58)));
    return random_below(random, 2) == 0 ? qty : -qty;
}

static int64_t some_price(struct random *random)
{
    static const int64_t edges[] = {0, 1, -1, INT64_MAX, INT64_MIN, 1L << 62, (1L << 62) - 1, CB_E10};
    if (random_below(random, 16) == 0) {
        return edges[random_below(random, sizeof edges / sizeof edges[0])];
    }
    return (int64_t)(random_next(random) >> (4 + random_below(random, 59))) + 1;
}

static int64_t some_fee(struct random *random)
{
    static const int64_t edges[] = {CB_MONEY_E6_MAX - 1, 1 - CB_MONEY_E6_MAX, CB_MONEY_E6_MAX, INT64_MIN};
    if (random_below(random, 64) == 0) {
        return edges[random_below(random, 4)];
    }
    return random_below(random, 4) != 0 ? 0 : (int64_t)random_below(random, 2000) - 300;
}

/* Turns a trade into a fill of an order that is open, if the account has one: all, half, or twice of it. */
static void aim_at_order(struct random *random, const struct ref *ref, struct operation *op)
{
    for (uint64_t id = 1; id < REF_ORDER_IDS; id++) {
        const struct ref_order *order = &ref->orders[op->account][id];
        if (order->qty != 0 && random_below(random, 2) == 0) {
            static const int64_t times[] = {1, 2, 4};
            op->id = id;
            op->where = order->instrument;
            op->venue = order->venue;
            op->qty = order->qty / 2 * times[random_below(random, 3)];
            return;
        }
    }
}

static struct operation some_operation(struct random *random, const struct ref *ref)
{
    static const enum kind kinds[] = {DEPOSIT, DEPOSIT, HOLD,  HOLD,  DONE,  FAILED, ORDER, ORDER,
                                      CANCEL,  TRADE,   TRADE, TRADE, TRADE, TRADE,  TRADE, TRADE};
    struct operation op = {.kind = kinds[random_below(random, 16)]};
    bool odd = random_below(random, 50) == 0; /* ids that do not exist */
    op.account = random_below(random, odd ? 6 : 3);
    op.venue = (uint16_t)random_below(random, odd ? 3 : VENUES);
    op.id = random_below(random, REF_ORDER_IDS);
    op.qty = some_qty(random);
    op.price = some_price(random);
    op.fee = some_fee(random);
    op.where = (uint16_t)random_below(random, odd ? 8 : INSTRUMENTS);
    if (op.kind == DEPOSIT || op.kind == HOLD) {
        op.where = (uint16_t)random_below(random, odd ? 8 : HOLDINGS);
        op.qty = op.qty < 0 && op.qty != INT64_MIN && random_below(random, 8) != 0 ? -op.qty : op.qty;
        if ((op.where == USD || op.where == USD_ON_1) && random_below(random, 8) != 0) {
            op.qty -= op.qty % 100;
        }
    }
    if (op.kind == TRADE && random_below(random, 2) == 0) {
        op.id = 0;
        op.where = (uint16_t)(op.where % 2 == 0 ? BTC_PERPETUAL : BTC_CALL);
    } else if (op.kind == TRADE && op.account < 3 && random_below(random, 2) == 0) {
        aim_at_order(random, ref, &op);
    }
    return op;
}

/* Now and then an instrument settles, or is asked to. */
static struct operation next_operation(struct random *random, const struct ref *ref, uint32_t step)
{
    if (step % 197 == 196) {
        return (struct operation){.kind = SETTLE,
                                  .where = (uint16_t)random_below(random, INSTRUMENTS + 1),
                                  .price = some_price(random)};
    }
    return some_operation(random, ref);
}

struct stream {
    struct world *live, *other;
    struct ref ref;
    uint64_t refused[CB_REJECT_COUNT], fills[CB_FILL_OTHER + 1];
};

static void check_both(struct stream *stream, bool restore)
{
    check_audit(&stream->live->ledger);
    check_audit(&stream->other->ledger);
    struct bytes a = state_of(&stream->live->ledger);
    struct bytes b = state_of(&stream->other->ledger);
    cr_assert(bytes_equal(&a, &b), "the restored ledger went another way");
    if (restore) {
        struct cb_reader reader = bytes_reader(&a);
        cr_assert(cb_ledger_restore(&stream->other->ledger, &reader));
        bytes_free(&b);
        b = state_of(&stream->other->ledger);
        cr_assert(bytes_equal(&a, &b));
    }
    bytes_free(&a);
    bytes_free(&b);
}

static void run_stream(struct stream *stream, struct random *random, uint32_t steps)
{
    struct cb_capacity_config capacity = small_capacity;
    if (random_below(random, 2) == 0) { /* roomy: no table of positions is ever full */
        capacity.positions = REF_ACCOUNTS * INSTRUMENTS * VENUES;
        capacity.positions_per_account = INSTRUMENTS * VENUES;
    }
    ref_open(&stream->ref, &capacity);
    stream->live = world_open(&capacity);
    stream->other = world_open(&capacity);
    for (uint32_t id = 0; id < 3; id++) { /* 3 stays closed */
        cr_assert_eq(cb_ledger_open_account(&stream->live->ledger, id, 1), CB_REJECT_NONE);
        cr_assert_eq(cb_ledger_open_account(&stream->other->ledger, id, 1), CB_REJECT_NONE);
        stream->ref.open[id] = true;
    }
    for (uint32_t step = 0; step < steps; step++) {
        struct operation op = next_operation(random, &stream->ref, step);
        struct effect got = apply(&stream->live->ledger, &op);
        struct effect twin = apply(&stream->other->ledger, &op);
        struct effect want = apply_ref(&stream->ref, &stream->live->config, &op);
        expect_alike(&got, &want, step, &op);
        expect_alike(&twin, &want, step, &op);
        cr_assert(got.calls == twin.calls && memcmp(&got.legs, &twin.legs, sizeof got.legs) == 0);
        ref_compare(&stream->ref, &stream->live->ledger);
        stream->refused[got.reject]++;
        stream->fills[got.fill] += op.kind == TRADE && got.reject == CB_REJECT_NONE;
        if (step % 16 == 15) {
            check_both(stream, random_below(random, 4) == 0);
        }
    }
    world_close(stream->live);
    world_close(stream->other);
}

Test(ledger_model, random_streams_agree_with_the_reference_and_a_restored_twin, .timeout = 280)
{
    struct random random = random_open("random streams", 4);
    struct stream stream = {0};
    for (uint32_t i = 0; i < 300 * effort(); i++) {
        run_stream(&stream, &random, 400);
    }
    /* The streams are worth something only if they meet every refusal there is. */
    static const enum cb_reject all[] = {
        CB_REJECT_NONE,          CB_REJECT_UNKNOWN_ACCOUNT, CB_REJECT_UNKNOWN_INSTRUMENT,
        CB_REJECT_UNKNOWN_VENUE, CB_REJECT_UNKNOWN_HOLDING, CB_REJECT_UNKNOWN_ORDER,
        CB_REJECT_PRICE,         CB_REJECT_QUANTITY,        CB_REJECT_RANGE,
        CB_REJECT_REQUEST_ID,    CB_REJECT_BALANCE,         CB_REJECT_UNKNOWN_ACTION,
        CB_REJECT_EXPIRED,       CB_REJECT_NOT_EXPIRED,     CB_REJECT_POSITIONS_FULL,
        CB_REJECT_ORDERS_FULL,   CB_REJECT_HOLDS_FULL,      CB_REJECT_BALANCES_FULL};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        printf("reject %d: %llu\n", (int)all[i], (unsigned long long)stream.refused[all[i]]);
        cr_assert_gt(stream.refused[all[i]], 0u, "reject %d was never met", (int)all[i]);
    }
    for (int i = CB_FILL_PLAIN; i <= CB_FILL_OTHER; i++) {
        printf("fill %d: %llu\n", i, (unsigned long long)stream.fills[i]);
        cr_assert_gt(stream.fills[i], 0u, "fill %d was never met", i);
    }
}
