#include "host/app/bench_workload.h"

#include "clearbox/wire.h"
#include "host/base/assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct cb_bench_size cb_bench_sizes[] = {
    {"small", 256, 20, 256, 4, 4096},
    {"p13", 100000, 20, 4096, 64, 65536},
    {NULL, 0, 0, 0, 0, 0},
};

const char *const cb_bench_kind_names[CB_BENCH_KINDS] = {
    "price_in_band", "margin_check", "fill", "cancel", "deposit", "heartbeat", "price_that_rolls", "trade",
};

const uint32_t cb_bench_mix[CB_BENCH_KINDS] = {
    [CB_BENCH_PRICE] = 600, [CB_BENCH_CHECK] = 180,  [CB_BENCH_TRADE] = 100,
    [CB_BENCH_CANCEL] = 80, [CB_BENCH_DEPOSIT] = 30, [CB_BENCH_HEARTBEAT] = 10,
};

enum { SESSION_ORACLE, SESSION_OPERATOR, SESSION_TRADER, SESSION_VENUE, SESSION_CUSTODIAN, SESSIONS };

#define START_NS     (INT64_C(1700000000) * CB_NS_PER_S)
#define SOURCES      3u
#define LINEAR       4u   /* spot, perpetual and two futures come first of a factor's instruments */
#define BAND_E6      3000 /* the walk's range: +- 0.3 % in millionths, inside the epoch band of 0.5 % */
#define BODIES_BYTES (CB_WIRE_MESSAGE_BYTES_MAX + 8u)

static void set_name(char *to, size_t bytes, const char *kind, uint32_t index, char pad)
{
    char text[32];
    int length = snprintf(text, sizeof text, "%s%u", kind, index);
    memset(to, pad, bytes);
    memcpy(to, text, (size_t)length < bytes ? (size_t)length : bytes);
}

static int64_t base_price_e8(uint32_t factor)
{
    return (100 + 37 * (int64_t)factor) * CB_E8;
}

static void configure_sessions(struct cb_config *config)
{
    static const uint8_t roles[SESSIONS] = {CB_ROLE_ORACLE, CB_ROLE_OPERATOR, CB_ROLE_TRADER, CB_ROLE_VENUE,
                                            CB_ROLE_CUSTODIAN};
    config->sessions_count = SESSIONS;
    for (uint32_t i = 0; i < SESSIONS; i++) {
        set_name(config->sessions[i].name, sizeof config->sessions[i].name, "BENCH", i, ' ');
        config->sessions[i].class = i == SESSION_ORACLE ? CB_SESSION_LATEST : CB_SESSION_ORDERED;
        config->sessions[i].role = roles[i];
    }
}

static void configure_factors(struct cb_config *config, uint32_t factors)
{
    config->factors_count = factors;
    for (uint32_t f = 0; f < factors; f++) {
        struct cb_factor_config *row = &config->factors[f];
        set_name(row->name, sizeof row->name, "F", f, 0);
        row->scan_range.e9 = 200000000;
        row->vol.e9 = 700000000;
        row->vol_floor.e9 = 100000000;
        row->heartbeat_ns = 3600 * CB_NS_PER_S;
        row->sources = SOURCES;
        row->quorum = 2;
        row->price_tick.e8 = 1000000;
    }
}

/* Of each factor: spot, perpetual, two futures, then calls and puts by turns over strikes and four expiries.
 */
static void configure_instruments(struct cb_config *config, uint32_t count)
{
    static const int64_t days[4] = {7, 30, 90, 180};
    config->instruments_count = count;
    for (uint32_t i = 0; i < count; i++) {
        struct cb_instrument_config *row = &config->instruments[i];
        uint32_t factor = i % config->factors_count, number = i / config->factors_count;
        set_name(row->name, sizeof row->name, "I", i, 0);
        row->factor = (uint16_t)factor;
        if (number < LINEAR) {
            static const uint8_t kinds[LINEAR] = {CB_SPOT, CB_PERPETUAL, CB_FUTURE, CB_FUTURE};
            row->kind = kinds[number];
            row->expiry_ns = kinds[number] == CB_FUTURE ? START_NS + days[number % 4] * CB_NS_PER_DAY : 0;
            continue;
        }
        uint32_t option = number - LINEAR;
        row->kind = option % 2 == 0 ? CB_CALL : CB_PUT;
        row->expiry_ns = START_NS + days[option / 2 % 4] * CB_NS_PER_DAY;
        row->strike.e8 = base_price_e8(factor) / 100 * (70 + 4 * (int64_t)(option / 8 % 16));
    }
}

static void configure_risk(struct cb_risk_config *risk)
{
    *risk = (struct cb_risk_config){
        .maintenance.e9 = 800000000,
        .unrealised.e9 = 900000000,
        .warning_enter.e9 = 1100000000,
        .warning_leave.e9 = 1120000000,
        .call_leave.e9 = 1020000000,
        .epoch_band.e9 = 5000000,
        .epoch_ns =
            86400 * CB_NS_PER_S, /* rolls by time are not part of the mix: a roll is timed by itself */
        .price_band.e9 = 50000000,
        .vol_up.e9 = 500000000,
        .vol_down.e9 = 350000000,
        .skew.e9 = 100000000,
    };
}

void cb_bench_config(struct cb_config *config, const struct cb_bench_size *size)
{
    memset(config, 0, sizeof *config);
    config->cluster = 0xBE7C4;
    config->clock = CB_CLOCK_WALL;
    config->future_ns = CB_NS_PER_S;
    config->resend_ns = CB_NS_PER_S;
    config->resend_max_ns = 8 * CB_NS_PER_S;
    config->capacity = (struct cb_capacity_config){
        .accounts = size->accounts,
        .positions = size->accounts * size->positions,
        .positions_per_account = size->positions,
        .balances = size->accounts,
        .orders = size->orders,
        .holds = 1024,
        .answers = size->orders,
    };
    configure_risk(&config->risk);
    configure_sessions(config);
    configure_factors(config, size->factors);
    config->assets_count = 2;
    set_name(config->assets[0].name, CB_NAME_BYTES, "USD", 0, 0);
    config->assets[0].factor = CB_NONE_U16;
    set_name(config->assets[1].name, CB_NAME_BYTES, "A", 0, 0);
    config->chains_count = 1;
    set_name(config->chains[0].name, CB_NAME_BYTES, "CHAIN", 0, 0);
    config->chains[0].session = SESSION_CUSTODIAN;
    config->chains[0].event_loss.e9 = 10000000;
    config->holdings_count = 2; /* row 0 is USD */
    config->holdings[1] =
        (struct cb_holding_config){.asset = 1, .haircut.e9 = 50000000, .debt_haircut.e9 = 50000000};
    config->venues_count = 1;
    set_name(config->venues[0].name, CB_NAME_BYTES, "VENUE", 0, 0);
    config->venues[0].session = SESSION_VENUE;
    configure_instruments(config, size->instruments);
}

uint16_t cb_bench_instrument(const struct cb_bench_size *size, uint32_t account, uint32_t position)
{
    uint32_t block = position / CB_BENCH_BLOCK, place = position % CB_BENCH_BLOCK;
    uint32_t options = size->instruments / size->factors - LINEAR;
    uint32_t factor = (account * 13 + block * (size->factors / 4)) % size->factors;
    uint32_t number = place < 3 ? place : LINEAR + (account * 2 + place) % options;
    return (uint16_t)(number * size->factors + factor);
}

bool cb_bench_world_open(struct cb_bench_world *world, const struct cb_bench_size *size,
                         const struct cb_config *config, uint64_t seed)
{
    CB_ASSERT(size->positions % CB_BENCH_BLOCK == 0 && size->positions / CB_BENCH_BLOCK <= 4);
    memset(world, 0, sizeof *world);
    world->size = size;
    world->config = config;
    world->random.state = seed;
    world->now_ns = START_NS;
    world->step_ns = 500; /* 2 M events a second of the box's time */
    world->open_max = size->orders / 2;
    world->open = calloc(world->open_max, sizeof *world->open);
    for (uint32_t s = 0; s < SESSIONS; s++) {
        world->session_next[s] = 1;
    }
    for (uint32_t f = 0; f < size->factors; f++) {
        world->base_e8[f] = world->price_e8[f] = base_price_e8(f);
    }
    return world->open != NULL;
}

void cb_bench_world_close(struct cb_bench_world *world)
{
    free(world->open);
}

bool cb_bench_tape_open(struct cb_bench_tape *tape, uint32_t max)
{
    memset(tape, 0, sizeof *tape);
    tape->max = max;
    tape->bodies_max = (size_t)max * BODIES_BYTES;
    tape->events = calloc(max, sizeof *tape->events);
    tape->bodies = calloc(max, BODIES_BYTES);
    tape->kinds = calloc(max, 1);
    return tape->events != NULL && tape->bodies != NULL && tape->kinds != NULL;
}

void cb_bench_tape_close(struct cb_bench_tape *tape)
{
    free(tape->events);
    free(tape->bodies);
    free(tape->kinds);
}

static void rewind_tape(struct cb_bench_tape *tape)
{
    tape->count = 0;
    tape->bodies_bytes = 0;
}

/* Where the next message's bytes go. */
static uint8_t *room(struct cb_bench_tape *tape)
{
    CB_ASSERT(tape->count < tape->max && tape->bodies_max - tape->bodies_bytes >= CB_WIRE_MESSAGE_BYTES_MAX);
    return tape->bodies + tape->bodies_bytes;
}

static void put(struct cb_bench_tape *tape, struct cb_bench_world *world, uint8_t session, uint32_t bytes,
                enum cb_bench_kind kind)
{
    const uint8_t *body = room(tape);
    world->now_ns += world->step_ns;
    tape->kinds[tape->count] = (uint8_t)kind;
    tape->events[tape->count++] = (struct cb_event){
        .seq = ++world->seq,
        .ingest_ns = world->now_ns,
        .kind = CB_EVENT_MESSAGE,
        .session = session,
        .session_seq = world->session_next[session]++,
        .body = body,
        .body_bytes = bytes,
    };
    tape->bodies_bytes += (bytes + 7u) & ~7u;
}

static uint64_t below(struct cb_bench_world *world, uint64_t bound)
{
    return cb_market_random_below(&world->random, bound);
}

static void put_price(struct cb_bench_tape *tape, struct cb_bench_world *world, uint32_t factor,
                      uint32_t source, int64_t price_e8, enum cb_bench_kind kind)
{
    world->told_ns = world->now_ns + world->step_ns; /* the time of its own record */
    struct cb_wire_price out = {.factor = (uint16_t)factor,
                                .source = (uint16_t)source,
                                .price_e8 = price_e8,
                                .source_time_ns = world->told_ns};
    put(tape, world, SESSION_ORACLE, cb_wire_price_encode(room(tape), &out), kind);
}

static void put_walk(struct cb_bench_tape *tape, struct cb_bench_world *world)
{
    uint32_t factor = (uint32_t)below(world, world->size->factors);
    int64_t base = world->base_e8[factor];
    int64_t price = world->price_e8[factor] + base / 1000000 * ((int64_t)below(world, 401) - 200);
    int64_t reach = base / 1000000 * BAND_E6;
    price = price > base + reach ? base + reach : price < base - reach ? base - reach : price;
    world->price_e8[factor] = price;
    put_price(tape, world, factor, (uint32_t)below(world, SOURCES), price, CB_BENCH_PRICE);
}

/* Two of three sources move by 1 %: the second one moves the median, so that its record rolls the epoch. */
static void put_roll(struct cb_bench_tape *tape, struct cb_bench_world *world)
{
    uint32_t factor = (uint32_t)(world->seq / 2 % world->size->factors);
    int64_t price = world->base_e8[factor] == base_price_e8(factor) ? base_price_e8(factor) / 100 * 101
                                                                    : base_price_e8(factor);
    world->base_e8[factor] = world->price_e8[factor] = price;
    for (uint32_t source = 0; source < SOURCES; source++) {
        put_price(tape, world, factor, source, price, source == 1 ? CB_BENCH_ROLL : CB_BENCH_PRICE);
    }
}

static void put_check(struct cb_bench_tape *tape, struct cb_bench_world *world)
{
    uint32_t account = (uint32_t)below(world, world->size->accounts);
    uint16_t instrument =
        cb_bench_instrument(world->size, account, (uint32_t)below(world, world->size->positions));
    const struct cb_instrument_config *terms = &world->config->instruments[instrument];
    int64_t qty_e8 = (1 + (int64_t)below(world, 100)) * CB_E8 / 100;
    bool option = terms->kind == CB_CALL || terms->kind == CB_PUT;
    struct cb_bench_order order = {
        .id = ++world->request_id,
        .qty_e8 = below(world, 2) == 0 ? qty_e8 : -qty_e8,
        .limit_e8 = option ? world->price_e8[terms->factor] / 10 : world->price_e8[terms->factor],
        .account = account,
        .instrument = instrument,
    };
    struct cb_wire_margin_check out = {.request_id = order.id,
                                       .account = account,
                                       .instrument = instrument,
                                       .qty_e8 = order.qty_e8,
                                       .limit_e8 = order.limit_e8};
    CB_ASSERT(world->open_count < world->open_max);
    world->open[(world->open_first + world->open_count++) % world->open_max] = order;
    put(tape, world, SESSION_TRADER, cb_wire_margin_check_encode(room(tape), &out), CB_BENCH_CHECK);
}

static struct cb_bench_order oldest_order(struct cb_bench_world *world)
{
    CB_ASSERT(world->open_count > 0);
    struct cb_bench_order order = world->open[world->open_first];
    world->open_first = (world->open_first + 1) % world->open_max;
    world->open_count--;
    return order;
}

static void put_trade(struct cb_bench_tape *tape, struct cb_bench_world *world,
                      const struct cb_bench_order *order, enum cb_bench_kind kind)
{
    struct cb_wire_trade out = {.trade_id = ++world->trade_id,
                                .order_id = order->id,
                                .account = order->account,
                                .instrument = order->instrument,
                                .qty_e8 = order->qty_e8,
                                .price_e8 = order->limit_e8,
                                .fee_e6 = 1000};
    put(tape, world, SESSION_VENUE, cb_wire_trade_encode(room(tape), &out), kind);
}

static void put_cancel(struct cb_bench_tape *tape, struct cb_bench_world *world,
                       const struct cb_bench_order *order)
{
    struct cb_wire_order_cancel out = {.order_id = order->id, .account = order->account};
    put(tape, world, SESSION_VENUE, cb_wire_order_cancel_encode(room(tape), &out), CB_BENCH_CANCEL);
}

static void put_deposit(struct cb_bench_tape *tape, struct cb_bench_world *world, uint32_t account,
                        uint16_t asset, int64_t qty_e8)
{
    struct cb_wire_deposit out = {
        .deposit_id = world->seq + 1, .account = account, .asset = asset, .qty_e8 = qty_e8};
    put(tape, world, SESSION_CUSTODIAN, cb_wire_deposit_encode(room(tape), &out), CB_BENCH_DEPOSIT);
}

static void put_heartbeat(struct cb_bench_tape *tape, struct cb_bench_world *world)
{
    world->told_ns = world->now_ns + world->step_ns;
    struct cb_wire_oracle_heartbeat out = {.source = (uint16_t)below(world, SOURCES),
                                           .source_time_ns = world->told_ns};
    put(tape, world, SESSION_ORACLE, cb_wire_oracle_heartbeat_encode(room(tape), &out), CB_BENCH_HEARTBEAT);
}

/* Buys or sells by turns; the seed of the sign is the account, so that books are long and short. */
static void put_plain(struct cb_bench_tape *tape, struct cb_bench_world *world, uint32_t account,
                      uint32_t position)
{
    uint16_t instrument = cb_bench_instrument(world->size, account, position);
    const struct cb_instrument_config *terms = &world->config->instruments[instrument];
    bool option = terms->kind == CB_CALL || terms->kind == CB_PUT;
    int64_t qty_e8 = (1 + (int64_t)below(world, 500)) * CB_E8 / 100;
    struct cb_bench_order order = {
        .qty_e8 = below(world, 2) == 0 ? qty_e8 : -qty_e8,
        .limit_e8 = option ? world->price_e8[terms->factor] / 10 : world->price_e8[terms->factor],
        .account = account,
        .instrument = instrument,
    };
    put_trade(tape, world, &order, CB_BENCH_PLAIN);
}

/* Returns false when this kind can not be made now. */
static bool put_kind(struct cb_bench_tape *tape, struct cb_bench_world *world, enum cb_bench_kind kind)
{
    bool taker = kind == CB_BENCH_TRADE || kind == CB_BENCH_CANCEL;
    if ((taker && world->open_count == 0) ||
        (kind == CB_BENCH_CHECK && world->open_count == world->open_max) ||
        (kind == CB_BENCH_ROLL && tape->max - tape->count < SOURCES)) {
        return false;
    }
    struct cb_bench_order order = taker ? oldest_order(world) : (struct cb_bench_order){0};
    uint32_t account = (uint32_t)below(world, world->size->accounts);
    switch (kind) {
    case CB_BENCH_PRICE:
        put_walk(tape, world);
        break;
    case CB_BENCH_CHECK:
        put_check(tape, world);
        break;
    case CB_BENCH_TRADE:
        put_trade(tape, world, &order, kind);
        break;
    case CB_BENCH_CANCEL:
        put_cancel(tape, world, &order);
        break;
    case CB_BENCH_DEPOSIT:
        put_deposit(tape, world, account, (uint16_t)below(world, 2), CB_E8);
        break;
    case CB_BENCH_HEARTBEAT:
        put_heartbeat(tape, world);
        break;
    case CB_BENCH_ROLL:
        put_roll(tape, world);
        break;
    default:
        put_plain(tape, world, account, (uint32_t)below(world, world->size->positions));
        break;
    }
    return true;
}

void cb_bench_tape_genesis(struct cb_bench_tape *tape, struct cb_bench_world *world)
{
    rewind_tape(tape);
    world->now_ns += world->step_ns;
    tape->kinds[tape->count] = CB_BENCH_HEARTBEAT;
    tape->events[tape->count++] = (struct cb_event){.seq = ++world->seq,
                                                    .ingest_ns = world->now_ns,
                                                    .kind = CB_EVENT_EPOCH,
                                                    .session = CB_SESSION_NONE,
                                                    .session_seq = 1};
    for (uint32_t f = 0; f < world->size->factors; f++) {
        for (uint32_t source = 0; source < SOURCES; source++) {
            put_price(tape, world, f, source, world->price_e8[f], CB_BENCH_ROLL);
        }
    }
}

void cb_bench_tape_accounts(struct cb_bench_tape *tape, struct cb_bench_world *world, uint32_t from,
                            uint32_t to)
{
    rewind_tape(tape);
    for (uint32_t account = from; account < to; account++) {
        struct cb_wire_account_open out = {.account = account, .owner = SESSION_TRADER};
        put(tape, world, SESSION_OPERATOR, cb_wire_account_open_encode(room(tape), &out), CB_BENCH_DEPOSIT);
        put_deposit(tape, world, account, 0, 1000000 * CB_E8);
        put_deposit(tape, world, account, 1, 100 * CB_E8);
    }
}

void cb_bench_tape_positions(struct cb_bench_tape *tape, struct cb_bench_world *world, uint32_t position,
                             uint32_t from, uint32_t to)
{
    rewind_tape(tape);
    for (uint32_t account = from; account < to; account++) {
        put_plain(tape, world, account, position);
    }
}

void cb_bench_tape_mixed(struct cb_bench_tape *tape, struct cb_bench_world *world, uint32_t count,
                         const uint32_t shares[CB_BENCH_KINDS])
{
    rewind_tape(tape);
    while (tape->count < count) {
        uint64_t draw = below(world, 1000);
        uint32_t kind = 0;
        while (draw >= shares[kind]) {
            draw -= shares[kind++];
            CB_ASSERT(kind < CB_BENCH_KINDS);
        }
        (void)put_kind(tape, world, (enum cb_bench_kind)kind);
    }
}

void cb_bench_tape_single(struct cb_bench_tape *tape, struct cb_bench_world *world, uint32_t count,
                          enum cb_bench_kind kind)
{
    rewind_tape(tape);
    while (tape->count < count && put_kind(tape, world, kind)) {
    }
}
