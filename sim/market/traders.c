/* The traders: which margin checks and withdrawals they ask for, and that they ask again. */
#include "sim/market/engine.h"

#include "host/base/assert.h"

#define MILLION            1000000u
#define CHOICES            16u /* instruments that one account ever trades */
#define DRAWS              8u  /* tries to find one that can be traded now */
#define SCANS_PER_POLL     64u
#define ASKS_DOUBLING_MAX  6u
#define RELEASING_ASKS_MAX 3u
#define EXPIRY_STEPS       5 /* nothing is traded in the last steps before its expiry */
#define YEAR_NS            (365.25 * 86400.0 * 1e9)

uint8_t cb_market_owner(const struct cb_market *market, uint32_t account)
{
    return market->trader[account % market->traders];
}

struct cb_market_request *cb_market_request_find(struct cb_market *market, uint64_t id)
{
    uint64_t number = id - market->first_id;
    if (id < market->first_id || number >= market->asked) {
        return NULL;
    }
    struct cb_market_request *request = &market->request[number & (market->options.requests - 1)];
    return request->number == number ? request : NULL;
}

void cb_market_request_close(struct cb_market *market, struct cb_market_request *request)
{
    request->state = CB_REQUEST_CLOSED;
    uint32_t mask = market->options.requests - 1;
    while (market->oldest < market->asked &&
           market->request[market->oldest & mask].state == CB_REQUEST_CLOSED) {
        market->oldest++;
    }
}

bool cb_market_trade_room(const struct cb_market *market)
{
    uint32_t most = 2 * market->options.checks_per_step; /* each check may be followed by a withdrawal */
    if (market->asked - market->oldest + most > market->options.requests) {
        return false;
    }
    for (uint32_t i = 0; i < market->traders; i++) {
        if (!cb_market_sender_room(&market->sender[market->trader[i]], most)) {
            return false;
        }
    }
    return true;
}

/* Returns false when there is no room; the request stays as it was. */
static bool send_request(struct cb_market *market, struct cb_market_request *request)
{
    uint8_t message[CB_WIRE_MESSAGE_BYTES_MAX];
    uint32_t bytes;
    uint64_t id = market->first_id + request->number, number;
    if (request->kind == CB_REQUEST_CHECK) {
        struct cb_wire_margin_check check = {.request_id = id,
                                             .account = request->account,
                                             .instrument = request->what,
                                             .venue = request->where,
                                             .qty_e8 = request->qty_e8,
                                             .limit_e8 = request->limit_e8};
        bytes = cb_wire_margin_check_encode(message, &check);
    } else {
        struct cb_wire_withdrawal withdrawal = {.request_id = id,
                                                .account = request->account,
                                                .asset = request->what,
                                                .chain = request->where,
                                                .qty_e8 = request->qty_e8};
        bytes = cb_wire_withdrawal_encode(message, &withdrawal);
    }
    if (!cb_market_put(market, cb_market_owner(market, request->account), message, bytes, &number)) {
        return false;
    }
    uint32_t doubling = request->asks < ASKS_DOUBLING_MAX ? request->asks : ASKS_DOUBLING_MAX;
    request->due_ns = market->now_ns + (market->options.answer_ns << doubling);
    request->asks = (uint8_t)(request->asks < UINT8_MAX ? request->asks + 1 : UINT8_MAX);
    return true;
}

/* Requires: room was checked. */
static void ask(struct cb_market *market, struct cb_market_request request)
{
    struct cb_market_request *slot = &market->request[market->asked & (market->options.requests - 1)];
    CB_ASSERT(slot->state == CB_REQUEST_CLOSED);
    *slot = request;
    slot->number = market->asked++;
    slot->state = CB_REQUEST_ASKED;
    bool sent = send_request(market, slot);
    CB_ASSERT(sent);
    market->waiting++;
    if (request.kind == CB_REQUEST_CHECK) {
        market->summary.checks_asked++;
    } else {
        market->summary.withdrawals_asked++;
    }
}

/* About what an option is worth: its intrinsic value and, near the money, 0.4 * P * vol * sqrt(T). The box
 * does not depend on it; it only keeps the limits of a sane size. */
static int64_t option_limit_e8(const struct cb_market *market, const struct cb_instrument_config *instrument,
                               int64_t price_e8)
{
    int64_t inside = price_e8 - instrument->strike.e8;
    inside = instrument->kind == CB_CALL ? inside : -inside;
    double years = (double)(instrument->expiry_ns - market->feed_ns) / YEAR_NS;
    double vol = (double)market->config->factors[instrument->factor].vol.e9 / 1e9;
    double distance = (double)(inside < 0 ? -inside : inside) / (double)price_e8;
    double time_value =
        0.4 * (double)price_e8 * vol * cb_seeded_sqrt(years > 0.0 ? years : 0.0) / (1.0 + 4.0 * distance);
    return (inside > 0 ? inside : 0) + (int64_t)time_value + 1;
}

static bool tradable(const struct cb_market *market, const struct cb_instrument_config *instrument)
{
    return cb_market_fresh(market, instrument->factor) &&
           (instrument->expiry_ns == 0 ||
            instrument->expiry_ns - market->feed_ns > EXPIRY_STEPS * market->spacing_ns);
}

static bool draw_instrument(struct cb_market *market, uint32_t account, uint16_t *out)
{
    const struct cb_config *config = market->config;
    for (unsigned i = 0; i < DRAWS; i++) {
        uint64_t choice = cb_market_random_below(&market->random, CHOICES);
        uint64_t key = market->options.seed ^ ((uint64_t)account << 8 | choice);
        uint16_t index = (uint16_t)(cb_market_mix(key) % config->instruments_count);
        if (tradable(market, &config->instruments[index])) {
            *out = index;
            return true;
        }
    }
    return false;
}

/* An order of 2 to 30 % of what the account had deposited; an oversized one 20 to 60 times that. */
static void ask_check(struct cb_market *market, uint32_t account, bool oversize)
{
    uint16_t index;
    struct cb_market_random *random = &market->random;
    uint64_t percent =
        oversize ? 2000 + cb_market_random_below(random, 4000) : 2 + cb_market_random_below(random, 29);
    uint64_t venue = cb_market_random_below(random, market->config->venues_count);
    bool buy = cb_market_random_below(random, 100) < 55;
    uint64_t slack = cb_market_random_below(random, 50); /* of 1e-4: the limit's distance from the price */
    if (!draw_instrument(market, account, &index)) {
        return;
    }
    const struct cb_instrument_config *instrument = &market->config->instruments[index];
    int64_t price_e8 = market->factor[instrument->factor].price_e8;
    cb_market_u128 notional_e6 = (cb_market_u128)(uint64_t)market->equity_e6[account] * percent / 100u;
    cb_market_u128 qty = notional_e6 * (uint64_t)CB_E10 / (uint64_t)price_e8;
    int64_t most = CB_QTY_E8_MAX / 1024; /* leaves room for many of them in one position */
    int64_t qty_e8 = qty < (cb_market_u128)most ? (int64_t)qty : most;
    if (qty_e8 == 0) {
        return;
    }
    bool option = instrument->kind == CB_CALL || instrument->kind == CB_PUT;
    int64_t worth_e8 = option ? option_limit_e8(market, instrument, price_e8) : price_e8;
    int64_t away_e8 = (int64_t)((cb_market_u128)(uint64_t)worth_e8 * slack / 10000u);
    int64_t limit_e8 = buy ? worth_e8 + away_e8 : worth_e8 - away_e8;
    ask(market, (struct cb_market_request){.kind = CB_REQUEST_CHECK,
                                           .account = account,
                                           .what = index,
                                           .where = (uint16_t)venue,
                                           .qty_e8 = buy ? qty_e8 : -qty_e8,
                                           .limit_e8 = limit_e8 > 0 ? limit_e8 : 1});
}

/* 1 to 5 % of what was deposited of one holding; an oversized one ten times what was deposited. */
static void ask_withdrawal(struct cb_market *market, uint32_t account, bool oversize)
{
    struct cb_market_random *random = &market->random;
    uint32_t index = (uint32_t)cb_market_random_below(random, market->config->holdings_count);
    uint64_t percent = oversize ? 1000 : 1 + cb_market_random_below(random, 5);
    const struct cb_holding_config *holding = &market->config->holdings[index];
    uint16_t factor = market->config->assets[holding->asset].factor;
    if (!market->deposited[index] || (factor != CB_NONE_U16 && !cb_market_fresh(market, factor))) {
        return;
    }
    int64_t held_e8 = cb_market_deposit_qty(market, account, index);
    cb_market_u128 qty = (cb_market_u128)(uint64_t)held_e8 * percent / 100u;
    if (factor == CB_NONE_U16) {
        qty -= qty % 100u; /* USD has six decimals */
    }
    if (qty == 0 || qty >= (cb_market_u128)CB_QTY_E8_MAX) {
        return;
    }
    ask(market, (struct cb_market_request){.kind = CB_REQUEST_WITHDRAWAL,
                                           .account = account,
                                           .what = holding->asset,
                                           .where = holding->chain,
                                           .qty_e8 = (int64_t)qty});
}

void cb_market_trade_step(struct cb_market *market)
{
    const struct cb_market_options *options = &market->options;
    struct cb_market_random *random = &market->random;
    if (cb_market_random_below(random, MILLION) >= options->act_ppm) {
        return;
    }
    for (uint32_t i = 0; i < options->checks_per_step; i++) {
        uint32_t account = (uint32_t)cb_market_random_below(random, options->accounts);
        bool oversize = cb_market_random_below(random, MILLION) < options->oversize_ppm;
        ask_check(market, account, oversize);
        if (cb_market_random_below(random, MILLION) < options->withdraw_ppm) {
            oversize = cb_market_random_below(random, MILLION) < options->oversize_ppm;
            ask_withdrawal(market, account, oversize);
        }
    }
}

/* A withdrawal that is held waits for its chain. When the chain's result is durable at the box and the box,
 * asked again, still says `held`, its final answer is not known to us: it is counted, not waited for. */
static bool give_up_final(struct cb_market *market, struct cb_market_request *request)
{
    uint32_t session = market->config->chains[request->where].session;
    if (request->asks < RELEASING_ASKS_MAX || !request->released ||
        !cb_market_sender_drained(&market->sender[session])) {
        return false;
    }
    market->summary.withdrawals_not_final++;
    cb_market_request_close(market, request);
    return true;
}

uint32_t cb_market_ask_again(struct cb_market *market)
{
    uint32_t done = 0;
    for (unsigned i = 0; i < SCANS_PER_POLL && market->oldest < market->asked; i++, market->scan++) {
        if (market->scan < market->oldest || market->scan >= market->asked) {
            market->scan = market->oldest;
        }
        struct cb_market_request *request = &market->request[market->scan & (market->options.requests - 1)];
        bool open = request->state == CB_REQUEST_ASKED || request->state == CB_REQUEST_RELEASING;
        if (!open || request->due_ns > market->now_ns) {
            continue;
        }
        if (request->state == CB_REQUEST_RELEASING && give_up_final(market, request)) {
            done++;
        } else if (send_request(market, request)) {
            market->summary.asked_again++;
            done++;
        }
    }
    return done;
}
