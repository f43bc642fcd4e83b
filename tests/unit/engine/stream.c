#include "tests/unit/engine/stream.h"

#include "clearbox/units.h"

#include <criterion/criterion.h>

struct world stream_world;
struct stream stream;

uint64_t stream_below(uint64_t bound)
{
    return random_below(&stream.random, bound);
}

bool stream_once_in(uint64_t bound)
{
    return stream_below(bound) == 0;
}

/* A number as it should be, or one near an edge. */
static int64_t number(int64_t right)
{
    static const int64_t wrong[] = {
        0, -1, 1, INT64_MAX, INT64_MIN, CB_QTY_E8_MAX, CB_QTY_E8_MAX - 1, -CB_QTY_E8_MAX};
    return stream_once_in(24) ? wrong[stream_below(sizeof wrong / sizeof wrong[0])] : right;
}

static uint16_t index_below(uint64_t count)
{
    return (uint16_t)(stream_once_in(40) ? (stream_once_in(2) ? count : CB_NONE_U16) : stream_below(count));
}

static uint32_t any_account(void)
{
    return stream_once_in(40) ? (stream_once_in(2) ? stream_world.config.capacity.accounts : UINT32_MAX)
                              : (uint32_t)stream_below(ACCOUNTS);
}

static int64_t any_qty(void)
{
    int64_t qty = (int64_t)stream_below(4 * CB_E8) + 1;
    return number(stream_once_in(2) ? qty : -qty);
}

static uint64_t used_id(void)
{
    uint64_t back = stream_below(70);
    return back < stream.next_id ? stream.next_id - back : 0;
}

static uint64_t any_id(void)
{
    return stream_once_in(8) ? used_id() : ++stream.next_id;
}

/* Mostly the session that owns the account. */
static uint8_t trader_of(uint32_t account)
{
    bool first = (account < 4) != stream_once_in(12);
    return first ? WORLD_TRADER : WORLD_OTHER_TRADER;
}

/* An open order of the account, mostly, where it has one. */
static struct cb_book_order any_order(uint32_t account)
{
    struct cb_book_order order = {.order_id = used_id(), .instrument = index_below(5), .qty_e8 = any_qty()};
    struct cb_book *book = &stream_world.core.book;
    if (cb_ledger_is_open(&stream_world.core.ledger, account) && !stream_once_in(5)) {
        cb_ledger_book(&stream_world.core.ledger, account, book);
        if (book->orders_count > 0) {
            order = book->orders[stream_below(book->orders_count)];
        }
    }
    return order;
}

/* ---- messages ---- */

#define PUT(to, type, ...)                                                                                   \
    do {                                                                                                     \
        struct cb_wire_##type out_ = {__VA_ARGS__};                                                          \
        stream.session = (uint8_t)(to);                                                                      \
        stream.bytes = cb_wire_##type##_encode(stream.message, &out_);                                       \
    } while (0)

static void put_price(void)
{
    uint16_t factor = index_below(2);
    int64_t *price = &stream.price[factor & 1u];
    int64_t step = stream_once_in(30) ? *price / 3 : *price / 200;
    *price += random_between(&stream.random, -step, step);
    *price = *price < 100 ? 100 : *price > 100000 ? 100000 : *price;
    PUT(WORLD_ORACLE, price, .factor = factor, .source = (uint16_t)(stream_once_in(60) ? 1 : 0),
        .price_e8 = number(*price * CB_E8),
        .source_time_ns = stream_once_in(40) ? number(1) : stream_world.now_ns);
}

static void put_volatility(void)
{
    PUT(WORLD_ORACLE, volatility, .factor = index_below(2),
        .vol_e9 = number((int64_t)stream_below(2 * CB_E9) + 1), .source_time_ns = stream_world.now_ns);
}

static void put_heartbeat(void)
{
    PUT(WORLD_ORACLE, oracle_heartbeat, .source = (uint16_t)stream_below(2),
        .source_time_ns = stream_world.now_ns);
}

static void put_account(void)
{
    PUT(WORLD_OPERATOR, account_open, .account = any_account(),
        .owner = (uint16_t)(stream_once_in(10) ? stream_below(70) : WORLD_TRADER + stream_below(2)));
}

static void put_deposit(void)
{
    uint16_t asset = index_below(3);
    PUT(stream_once_in(8) ? WORLD_OPERATOR : WORLD_CUSTODIAN, deposit, .deposit_id = stream_below(100),
        .account = any_account(), .asset = asset,
        .chain = (uint16_t)(stream_once_in(20) ? stream_below(3) : asset == 2),
        .qty_e8 = number((int64_t)stream_below(asset == 0 ? 100000 : 20) * CB_E8));
}

static int64_t near_price(uint16_t instrument)
{
    int64_t price_e8 = stream.price[instrument == WORLD_ETH_PERPETUAL] * CB_E8;
    price_e8 = instrument == WORLD_CALL ? price_e8 / 10 : price_e8;
    int64_t band = price_e8 / (stream_once_in(4) ? 5 : 40);
    return price_e8 + random_between(&stream.random, -band, band);
}

static void put_trade(void)
{
    uint32_t account = any_account();
    struct cb_book_order order = any_order(account);
    int64_t qty = stream_once_in(2) ? order.qty_e8 : number(order.qty_e8 / 2 + 1);
    PUT(WORLD_VENUE, trade, .trade_id = stream_below(1000),
        .order_id = stream_once_in(6) ? 0 : order.order_id, .account = account,
        .instrument = order.instrument, .venue = index_below(1), .qty_e8 = qty,
        .price_e8 = number(near_price(order.instrument)),
        .fee_e6 = stream_once_in(4) ? number((int64_t)stream_below(100) * CB_E6) : 0);
}

static void put_check(void)
{
    uint16_t instrument = index_below(5);
    uint32_t account = any_account();
    PUT(trader_of(account), margin_check, .request_id = any_id(), .account = account,
        .instrument = instrument, .venue = index_below(1), .qty_e8 = any_qty(),
        .limit_e8 = number(near_price(instrument)));
}

static void put_withdrawal(void)
{
    uint16_t asset = index_below(3);
    uint32_t account = any_account();
    PUT(trader_of(account), withdrawal, .request_id = any_id(), .account = account, .asset = asset,
        .chain = (uint16_t)(stream_once_in(20) ? stream_below(3) : asset == 2),
        .qty_e8 = number((int64_t)stream_below(asset == 0 ? 10000 : 4) * CB_E8 + 100));
}

static void put_repeat(void)
{
    uint8_t session = stream_once_in(3) ? WORLD_OTHER_TRADER : WORLD_TRADER;
    uint32_t count = stream.requests_count[session];
    if (count == 0) {
        put_check();
        return;
    }
    const struct request *request = &stream.requests[session][stream_below(count)];
    stream.session = session;
    stream.bytes = request->bytes;
    memcpy(stream.message, request->message, request->bytes);
    if (stream_once_in(4)) {
        stream.message[request->bytes - 1] ^= 1; /* the id with other content */
    }
}

static void put_cancel(void)
{
    uint32_t account = any_account();
    PUT(stream_once_in(10) ? trader_of(account) : WORLD_VENUE, order_cancel,
        .order_id = any_order(account).order_id, .account = account);
}

static void put_result(void)
{
    uint32_t i = (uint32_t)stream_below(64);
    PUT(stream_once_in(10) ? WORLD_OPERATOR : WORLD_CUSTODIAN, release_result,
        .action_hi = stream.recent_hi[i], .action_lo = stream.recent_lo[i] + stream_once_in(20),
        .outcome = (uint8_t)(stream_once_in(20) ? stream_below(256) : 1 + stream_below(2)));
}

static void put_acknowledge(void)
{
    static const uint8_t sessions[] = {WORLD_CUSTODIAN, WORLD_TRADER, WORLD_OTHER_TRADER, WORLD_OPERATOR};
    uint32_t i = (uint32_t)stream_below(64);
    PUT(sessions[stream_below(4)], acknowledge, .action_hi = stream.recent_hi[i],
        .action_lo = stream.recent_lo[i] + stream_once_in(20));
}

static void put_reset(void)
{
    uint16_t session = index_below(stream_world.config.sessions_count);
    uint64_t next = session < stream_world.config.sessions_count ? stream_world.session_next[session] : 1;
    PUT(WORLD_OPERATOR, session_reset, .session = session,
        .next_seq = stream_once_in(10) ? UINT64_MAX : next + stream_below(4) - stream_once_in(4));
}

static void put_settlement(void)
{
    PUT(WORLD_OPERATOR, settlement, .instrument = index_below(5),
        .price_e8 = number(stream.price[0] * CB_E8));
}

/* One message damaged on its way, or from a session that may not send it. */
static void damage(void)
{
    switch (stream_below(4)) {
    case 0:
        stream.bytes = (uint32_t)stream_below(stream.bytes + 1);
        break;
    case 1:
        stream.message[stream_below(stream.bytes)] ^= (uint8_t)(1u << stream_below(8));
        break;
    case 2:
        stream.session = (uint8_t)stream_below(stream_world.config.sessions_count);
        break;
    default:
        for (uint32_t i = 0; i < stream.bytes; i++) {
            stream.message[i] = (uint8_t)stream_below(256);
        }
    }
}

void stream_put_any(void)
{
    static const struct {
        void (*put)(void);
        uint32_t weight;
    } kinds[] = {{put_price, 30},  {put_volatility, 3}, {put_heartbeat, 3}, {put_account, 4},
                 {put_deposit, 8}, {put_trade, 14},     {put_check, 24},    {put_withdrawal, 8},
                 {put_repeat, 8},  {put_cancel, 12},    {put_result, 8},    {put_acknowledge, 5},
                 {put_reset, 1},   {put_settlement, 1}};
    uint32_t all = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        all += kinds[i].weight;
    }
    uint64_t at = stream_below(all);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (at < kinds[i].weight) {
            kinds[i].put();
            break;
        }
        at -= kinds[i].weight;
    }
    if (stream_once_in(25)) {
        damage();
    }
}

void stream_pass_time(void)
{
    if (stream_once_in(3)) {
        stream_world.now_ns += (int64_t)stream_below(CB_NS_PER_MS);
    }
    if (stream_once_in(20)) {
        stream_world.now_ns += (int64_t)stream_below(10 * CB_NS_PER_S);
    }
    if (stream_once_in(3000)) {
        stream_world.now_ns += (int64_t)stream_below(10 * CB_NS_PER_DAY);
    }
}

void stream_open(const char *what)
{
    memset(&stream, 0, sizeof stream);
    world_open(&stream_world);
    stream.random = random_start(what);
    stream.price[WORLD_BTC] = 10000;
    stream.price[WORLD_ETH] = 400;
    world_price(&stream_world, WORLD_BTC, 10000);
    world_price(&stream_world, WORLD_ETH, 400);
    for (uint32_t account = 0; account < ACCOUNTS; account++) {
        world_account(&stream_world, account, account < 4 ? WORLD_TRADER : WORLD_OTHER_TRADER);
        world_deposit(&stream_world, account, 0, 0, 30000 * CB_E8);
    }
}

void stream_close(void)
{
    world_close(&stream_world);
    free(stream.twin_memory);
    state_free(&stream.sent);
    state_free(&stream.twin_sent);
}
