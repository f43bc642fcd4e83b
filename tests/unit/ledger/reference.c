#include "tests/unit/ledger/reference.h"

#include <criterion/criterion.h>
#include <string.h>

#define TWO62 ((wide)1 << 62)
#define TWO59 ((wide)1 << 59)

typedef cb_ledger_wide wide;

/* Floor and ceil by another way than the ledger's: through the non-negative remainder. */
static wide down(wide number, wide divisor)
{
    wide remainder = ((number % divisor) + divisor) % divisor;
    return (number - remainder) / divisor;
}
static wide up(wide number, wide divisor)
{
    return -down(-number, divisor);
}

static bool option(uint16_t instrument)
{
    return instrument == BTC_CALL || instrument == BTC_PUT;
}
static bool usd(uint16_t holding)
{
    return holding == USD || holding == USD_ON_1;
}
static bool money(wide amount)
{
    return amount > -TWO62 && amount < TWO62;
}
static bool quantity(wide amount)
{
    return amount > -TWO59 && amount < TWO59;
}
static bool cash_good(wide cash, wide held)
{
    return cash < TWO62 && cash - held > -TWO62;
}

void ref_open(struct ref *ref, const struct cb_capacity_config *capacity)
{
    memset(ref, 0, sizeof *ref);
    ref->capacity = *capacity;
}

static bool known(const struct ref *ref, uint32_t account)
{
    return account < ref->capacity.accounts && ref->open[account];
}

static enum cb_reject amount_check(const struct ref *ref, uint32_t account, uint16_t holding, int64_t qty)
{
    if (!known(ref, account)) {
        return CB_REJECT_UNKNOWN_ACCOUNT;
    }
    if (holding >= HOLDINGS) {
        return CB_REJECT_UNKNOWN_HOLDING;
    }
    if (qty <= 0 || !quantity(qty) || (usd(holding) && qty % 100 != 0)) {
        return CB_REJECT_QUANTITY;
    }
    return CB_REJECT_NONE;
}

enum cb_reject ref_deposit(struct ref *ref, uint32_t account, uint16_t holding, int64_t qty)
{
    enum cb_reject reject = amount_check(ref, account, holding, qty);
    if (reject != CB_REJECT_NONE) {
        return reject;
    }
    if (usd(holding)) {
        if (!cash_good((wide)ref->cash[account] + qty / 100, ref->cash_held[account])) {
            return CB_REJECT_RANGE;
        }
        ref->cash[account] += qty / 100;
        return CB_REJECT_NONE;
    }
    uint32_t rows = 0;
    for (uint32_t a = 0; a < REF_ACCOUNTS; a++) {
        for (uint32_t h = 0; h < HOLDINGS; h++) {
            rows += ref->coins[a][h] != 0;
        }
    }
    if (!quantity((wide)ref->coins[account][holding] + qty)) {
        return CB_REJECT_RANGE;
    }
    if (ref->coins[account][holding] == 0 && rows == ref->capacity.balances) {
        return CB_REJECT_BALANCES_FULL;
    }
    ref->coins[account][holding] += qty;
    return CB_REJECT_NONE;
}

enum cb_reject ref_hold_open(struct ref *ref, uint32_t *slot, uint64_t request, uint32_t account,
                             uint16_t holding, int64_t qty)
{
    enum cb_reject reject = amount_check(ref, account, holding, qty);
    if (reject != CB_REJECT_NONE) {
        return reject;
    }
    for (uint32_t i = 0; i < REF_HOLDS; i++) {
        if (ref->holds[i].qty != 0 && ref->holds[i].account == account && ref->holds[i].request == request) {
            return CB_REJECT_REQUEST_ID;
        }
    }
    if (request == 0) {
        return CB_REJECT_REQUEST_ID;
    }
    int64_t *held = usd(holding) ? &ref->cash_held[account] : &ref->coins_held[account][holding];
    wide have = usd(holding) ? ref->cash[account] : ref->coins[account][holding];
    int64_t amount = usd(holding) ? qty / 100 : qty;
    if (amount > have - *held) {
        return CB_REJECT_BALANCE;
    }
    for (uint32_t i = 0; i < ref->capacity.holds; i++) {
        if (ref->holds[i].qty == 0) {
            ref->holds[i] =
                (struct ref_hold){.request = request, .qty = qty, .account = account, .holding = holding};
            *held += amount;
            *slot = i;
            return CB_REJECT_NONE;
        }
    }
    return CB_REJECT_HOLDS_FULL;
}

enum cb_reject ref_hold_end(struct ref *ref, uint32_t slot, bool done)
{
    if (slot >= ref->capacity.holds || ref->holds[slot].qty == 0) {
        return CB_REJECT_UNKNOWN_ACTION;
    }
    struct ref_hold *hold = &ref->holds[slot];
    if (usd(hold->holding)) {
        ref->cash_held[hold->account] -= hold->qty / 100;
        ref->cash[hold->account] -= done ? hold->qty / 100 : 0;
    } else {
        ref->coins_held[hold->account][hold->holding] -= hold->qty;
        ref->coins[hold->account][hold->holding] -= done ? hold->qty : 0;
    }
    *hold = (struct ref_hold){0};
    return CB_REJECT_NONE;
}

/* --- orders and trades --------------------------------------------------------------------------------- */

static enum cb_reject market_check(const struct ref *ref, uint32_t account, uint16_t instrument,
                                   uint16_t venue, int64_t qty, int64_t price)
{
    if (!known(ref, account)) {
        return CB_REJECT_UNKNOWN_ACCOUNT;
    }
    if (instrument >= INSTRUMENTS) {
        return CB_REJECT_UNKNOWN_INSTRUMENT;
    }
    if (venue >= VENUES) {
        return CB_REJECT_UNKNOWN_VENUE;
    }
    if (ref->settled[instrument]) {
        return CB_REJECT_EXPIRED;
    }
    if (qty == 0 || !quantity(qty)) {
        return CB_REJECT_QUANTITY;
    }
    return price > 0 ? CB_REJECT_NONE : CB_REJECT_PRICE;
}

enum cb_reject ref_order_open(struct ref *ref, const struct cb_ledger_order_in *order)
{
    enum cb_reject reject =
        market_check(ref, order->account, order->instrument, order->venue, order->qty_e8, order->limit_e8);
    if (reject != CB_REJECT_NONE) {
        return reject;
    }
    if (order->order_id == 0 || ref->orders[order->account][order->order_id].qty != 0) {
        return CB_REJECT_REQUEST_ID;
    }
    uint32_t rows = 0;
    for (uint32_t a = 0; a < REF_ACCOUNTS; a++) {
        for (uint32_t i = 0; i < REF_ORDER_IDS; i++) {
            rows += ref->orders[a][i].qty != 0;
        }
    }
    if (rows == ref->capacity.orders) {
        return CB_REJECT_ORDERS_FULL;
    }
    ref->orders[order->account][order->order_id] = (struct ref_order){.qty = order->qty_e8,
                                                                      .limit = order->limit_e8,
                                                                      .instrument = order->instrument,
                                                                      .venue = order->venue};
    return CB_REJECT_NONE;
}

enum cb_reject ref_order_cancel(struct ref *ref, uint32_t account, uint64_t id)
{
    if (!known(ref, account)) {
        return CB_REJECT_UNKNOWN_ACCOUNT;
    }
    if (ref->orders[account][id].qty == 0) {
        return CB_REJECT_UNKNOWN_ORDER;
    }
    ref->orders[account][id] = (struct ref_order){0};
    return CB_REJECT_NONE;
}

static enum cb_ledger_fill ref_fill(struct ref *ref, const struct cb_ledger_trade *trade)
{
    if (trade->order_id == 0) {
        return CB_FILL_PLAIN;
    }
    struct ref_order *order = &ref->orders[trade->account][trade->order_id];
    if (order->qty == 0) {
        return CB_FILL_UNKNOWN;
    }
    if (order->instrument != trade->instrument || order->venue != trade->venue ||
        (order->qty < 0) != (trade->qty_e8 < 0)) {
        return CB_FILL_OTHER;
    }
    int64_t before = order->qty;
    int64_t after = before - trade->qty_e8;
    if (after != 0 && (after < 0) == (before < 0)) {
        order->qty = after;
        return CB_FILL_PART;
    }
    *order = (struct ref_order){0};
    return after == 0 ? CB_FILL_WHOLE : CB_FILL_EXCESS;
}

static bool room_for_position(const struct ref *ref, uint32_t account)
{
    uint32_t all = 0;
    uint32_t own = 0;
    for (uint32_t a = 0; a < REF_ACCOUNTS; a++) {
        for (uint32_t i = 0; i < INSTRUMENTS * VENUES; i++) {
            bool used = ref->positions[a][i / VENUES][i % VENUES].qty != 0;
            all += used;
            own += used && a == account;
        }
    }
    return all < ref->capacity.positions && own < ref->capacity.positions_per_account;
}

enum cb_reject ref_trade(struct ref *ref, const struct cb_ledger_trade *trade, enum cb_ledger_fill *fill)
{
    wide qty = trade->qty_e8;
    wide price = trade->price_e8;
    enum cb_reject reject =
        market_check(ref, trade->account, trade->instrument, trade->venue, trade->qty_e8, trade->price_e8);
    if (reject != CB_REJECT_NONE) {
        return reject;
    }
    struct ref_position *at = &ref->positions[trade->account][trade->instrument][trade->venue];
    wide held = at->qty;
    wide cost = at->cost;
    wide realised = 0;
    wide premium = 0;
    if (option(trade->instrument)) {
        premium = up(qty * price, CB_E10);
    } else {
        /* In signed parts: closing takes the position toward 0, the rest goes on from there. */
        wide closing = 0;
        if (held > 0 && qty < 0) {
            closing = -qty < held ? qty : -held;
        } else if (held < 0 && qty > 0) {
            closing = qty < -held ? qty : -held;
        }
        if (closing != 0) {
            wide part = closing < 0 ? -closing : closing;
            wide released = down(cost * part, held < 0 ? -held : held);
            realised = -up(closing * price, CB_E10) - released; /* the proceeds are a negative cost */
            cost -= released;
        }
        if (qty - closing != 0) {
            cost += up((qty - closing) * price, CB_E10);
        }
    }
    wide cash = ref->cash[trade->account] + realised - premium - trade->fee_e6;
    if (!money(trade->fee_e6) || !quantity(held + qty) || !money(cost) || !money(realised) ||
        !money(premium) || !cash_good(cash, ref->cash_held[trade->account])) {
        return CB_REJECT_RANGE;
    }
    if (held == 0 && !room_for_position(ref, trade->account)) {
        return CB_REJECT_POSITIONS_FULL;
    }
    at->qty = (int64_t)(held + qty);
    at->cost = (int64_t)cost;
    ref->cash[trade->account] = (int64_t)cash;
    *fill = ref_fill(ref, trade);
    return CB_REJECT_NONE;
}

static wide ref_pays(const struct ref *ref, uint32_t account, uint16_t instrument, wide price, wide strike)
{
    wide unit = price;
    if (instrument == BTC_CALL) {
        unit = price > strike ? price - strike : 0;
    } else if (instrument == BTC_PUT) {
        unit = strike > price ? strike - price : 0;
    }
    wide sum = 0;
    for (uint32_t v = 0; v < VENUES; v++) {
        const struct ref_position *at = &ref->positions[account][instrument][v];
        sum += down(at->qty * unit, CB_E10) - at->cost;
    }
    return sum;
}

enum cb_reject ref_settle(struct ref *ref, const struct cb_config *config, uint16_t instrument, int64_t price)
{
    if (instrument >= INSTRUMENTS) {
        return CB_REJECT_UNKNOWN_INSTRUMENT;
    }
    if (!option(instrument) && instrument != BTC_FUTURE) {
        return CB_REJECT_NOT_EXPIRED;
    }
    if (ref->settled[instrument]) {
        return CB_REJECT_EXPIRED;
    }
    if (price <= 0) {
        return CB_REJECT_PRICE;
    }
    wide strike = config->instruments[instrument].strike.e8;
    for (uint32_t a = 0; a < REF_ACCOUNTS; a++) {
        wide pays = ref_pays(ref, a, instrument, price, strike);
        if (!cash_good(ref->cash[a] + pays, ref->cash_held[a])) {
            return CB_REJECT_RANGE;
        }
    }
    for (uint32_t a = 0; a < REF_ACCOUNTS; a++) {
        ref->cash[a] += (int64_t)ref_pays(ref, a, instrument, price, strike);
        memset(ref->positions[a][instrument], 0, sizeof ref->positions[a][instrument]);
        for (uint32_t i = 0; i < REF_ORDER_IDS; i++) {
            if (ref->orders[a][i].instrument == instrument) {
                ref->orders[a][i] = (struct ref_order){0};
            }
        }
    }
    ref->settled[instrument] = true;
    return CB_REJECT_NONE;
}

/* --- comparison ---------------------------------------------------------------------------------------- */

/* All instruments by (factor, instrument): ETH is factor 0. */
static const uint16_t by_factor[INSTRUMENTS] = {ETH_SPOT,   ETH_PERPETUAL, BTC_PERPETUAL,
                                                BTC_FUTURE, BTC_CALL,      BTC_PUT};

static uint64_t factor_of(uint16_t instrument)
{
    return instrument == ETH_SPOT || instrument == ETH_PERPETUAL ? 1u << FACTOR_ETH : 1u << FACTOR_BTC;
}

static void compare_account(const struct ref *ref, const struct cb_ledger *ledger, uint32_t account)
{
    const struct cb_book *book = book_of(ledger, account);
    bool same = book->cash_e6 == ref->cash[account] && book->cash_held_e6 == ref->cash_held[account];
    uint32_t positions = 0;
    uint32_t orders = 0;
    uint32_t balances = 0;
    uint64_t exposure = 0;
    for (uint32_t k = 0; k < INSTRUMENTS; k++) {
        uint16_t i = by_factor[k];
        for (uint16_t v = 0; v < VENUES; v++) {
            const struct ref_position *want = &ref->positions[account][i][v];
            if (want->qty == 0) {
                continue;
            }
            const struct cb_book_position *got = &book->positions[positions++];
            same = same && positions <= book->positions_count && got->qty_e8 == want->qty &&
                   got->cost_e6 == want->cost && got->instrument == i && got->venue == v;
            exposure |= factor_of(i);
        }
        for (uint32_t id = 0; id < REF_ORDER_IDS; id++) {
            const struct ref_order *want = &ref->orders[account][id];
            if (want->qty == 0 || want->instrument != i) {
                continue;
            }
            const struct cb_book_order *got = &book->orders[orders++];
            same = same && orders <= book->orders_count && got->qty_e8 == want->qty &&
                   got->limit_e8 == want->limit && got->order_id == id && got->instrument == i &&
                   got->venue == want->venue;
            exposure |= factor_of(i);
        }
    }
    for (uint16_t h = 0; h < HOLDINGS; h++) {
        if (ref->coins[account][h] == 0) {
            continue;
        }
        const struct cb_book_balance *got = &book->balances[balances++];
        same = same && balances <= book->balances_count && got->qty_e8 == ref->coins[account][h] &&
               got->held_e8 == ref->coins_held[account][h] && got->holding == h;
        exposure |= h == ETH_ON_0 ? 1u << FACTOR_ETH : 1u << FACTOR_BTC;
    }
    same = same && positions == book->positions_count && orders == book->orders_count &&
           balances == book->balances_count;
    cr_assert(same, "the book of account %u differs from the reference's", account);
    cr_assert(cb_ledger_exposure(ledger, account) == exposure, "exposure of account %u", account);
}

void ref_compare(const struct ref *ref, const struct cb_ledger *ledger)
{
    for (uint32_t a = 0; a < ref->capacity.accounts; a++) {
        cr_assert(cb_ledger_is_open(ledger, a) == ref->open[a]);
        if (ref->open[a]) {
            compare_account(ref, ledger, a);
        }
    }
    for (uint32_t i = 0; i < REF_HOLDS; i++) {
        struct cb_ledger_hold hold;
        bool live = cb_ledger_hold(ledger, i, &hold);
        const struct ref_hold *want = &ref->holds[i];
        cr_assert(live == (want->qty != 0), "hold %u", i);
        cr_assert(!live || (hold.request_id == want->request && hold.qty_e8 == want->qty &&
                            hold.account == want->account && hold.holding == want->holding));
    }
    for (uint16_t i = 0; i < INSTRUMENTS; i++) {
        cr_assert(cb_ledger_is_settled(ledger, i) == ref->settled[i]);
    }
}
