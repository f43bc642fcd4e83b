#include "host/clearing/withdrawal.h"

#include "clearbox/units.h"
#include "host/base/assert.h"

#include <string.h>

__extension__ typedef __int128 s128;

#define NOT_FOUND UINT32_MAX
#define E8_PER_E6 (CB_E8 / CB_E6)
#define ASSET_USD 0u

/* What is taken, and from where. */
struct target {
    bool cash;
    uint32_t row;   /* of the book's balances, for coins */
    int64_t amount; /* 1e-6 USD for cash, 1e-8 units for coins */
};

static uint32_t find_holding(const struct cb_config *config, uint16_t asset, uint16_t chain)
{
    for (uint32_t i = 0; i < config->holdings_count; i++) {
        if (config->holdings[i].asset == asset && config->holdings[i].chain == chain) {
            return i;
        }
    }
    return NOT_FOUND;
}

static uint32_t find_balance(const struct cb_book *book, uint32_t holding)
{
    for (uint32_t i = 0; i < book->balances_count; i++) {
        if (book->balances[i].holding == holding) {
            return i;
        }
    }
    return NOT_FOUND;
}

/* The reasons that need no margin; fills `target` for NONE. */
static enum cb_reject check_fields(struct target *target, const struct cb_book *book,
                                   const struct cb_config *config, const struct cb_withdrawal *in)
{
    if (in->request_id == 0) {
        return CB_REJECT_REQUEST_ID;
    }
    uint32_t holding = find_holding(config, in->asset, in->chain);
    if (holding == NOT_FOUND) {
        return CB_REJECT_UNKNOWN_HOLDING;
    }
    if (in->qty_e8 <= 0 || in->qty_e8 >= CB_QTY_E8_MAX) {
        return CB_REJECT_QUANTITY;
    }
    target->cash = in->asset == ASSET_USD;
    if (target->cash) {
        if (in->qty_e8 % E8_PER_E6 != 0) {
            return CB_REJECT_QUANTITY;
        }
        target->amount = in->qty_e8 / E8_PER_E6;
        return target->amount > (s128)book->cash_e6 - book->cash_held_e6 ? CB_REJECT_BALANCE : CB_REJECT_NONE;
    }
    target->amount = in->qty_e8;
    target->row = find_balance(book, holding);
    if (target->row == NOT_FOUND) {
        return CB_REJECT_BALANCE;
    }
    const struct cb_book_balance *balance = &book->balances[target->row];
    return target->amount > (s128)balance->qty_e8 - balance->held_e8 ? CB_REJECT_BALANCE : CB_REJECT_NONE;
}

static void ask_held(struct cb_margin *out, struct cb_book *book, const struct target *target,
                     cb_margin_fn *margin, void *context)
{
    int64_t *held = target->cash ? &book->cash_held_e6 : &book->balances[target->row].held_e8;
    *held += target->amount; /* at most the balance: no overflow */
    margin(context, book, out);
    *held -= target->amount;
}

static void ask_released(struct cb_margin *out, struct cb_book *book, const struct target *target,
                         cb_margin_fn *margin, void *context)
{
    if (target->cash) {
        book->cash_e6 -= target->amount;
        margin(context, book, out);
        book->cash_e6 += target->amount;
        return;
    }
    struct cb_book_balance *row = &book->balances[target->row];
    if (row->qty_e8 != target->amount) {
        row->qty_e8 -= target->amount;
        margin(context, book, out);
        row->qty_e8 += target->amount;
        return;
    }
    /* A book has no empty balance: the row goes for the time of the question. */
    struct cb_book_balance saved = *row;
    size_t behind = (book->balances_count - target->row - 1) * sizeof *row;
    memmove(row, row + 1, behind);
    book->balances_count--;
    margin(context, book, out);
    memmove(row + 1, row, behind);
    *row = saved;
    book->balances_count++;
}

static s128 slack_of(const struct cb_margin *margin)
{
    return (s128)margin->e_im_e6 - margin->im_e6 - margin->holds_e6;
}

/* Whether the book has a position whose price is fixed and not known here: past its expiry, not yet settled.
 * The margin goes on valuing it at the live price, which may be far from that. */
static bool awaits_settlement(const struct cb_book *book, const struct cb_config *config, int64_t now_ns)
{
    for (uint32_t i = 0; i < book->positions_count; i++) {
        CB_ASSERT(book->positions[i].instrument < config->instruments_count);
        int64_t expiry_ns = config->instruments[book->positions[i].instrument].expiry_ns;
        if (expiry_ns != 0 && now_ns >= expiry_ns) {
            return true;
        }
    }
    return false;
}

static enum cb_reject check_margin(uint8_t state, bool unsettled, const struct cb_margin *held,
                                   const struct cb_margin *released)
{
    if (held->overflow || released->overflow || state == CB_MARGIN_UNKNOWN) {
        return CB_REJECT_UNKNOWN;
    }
    if (unsettled || held->stale || released->stale) {
        return CB_REJECT_STALE_PRICE;
    }
    bool barred = state == CB_MARGIN_LIQUIDATE || state == CB_MARGIN_BANKRUPT;
    return barred || slack_of(held) < 0 || slack_of(released) < 0 ? CB_REJECT_MARGIN : CB_REJECT_NONE;
}

/* The one to report: figures that left their range first, then the tighter. */
static bool released_is_worse(const struct cb_margin *held, const struct cb_margin *released)
{
    if (held->overflow || released->overflow) {
        return !held->overflow;
    }
    return slack_of(released) < slack_of(held);
}

void cb_withdrawal_decide(struct cb_verdict *out, struct cb_book *book, const struct cb_config *config,
                          const struct cb_withdrawal *in, cb_margin_fn *margin, void *context)
{
    CB_ASSERT(in->state <= CB_MARGIN_UNKNOWN);
    memset(out, 0, sizeof *out);
    out->seq = in->seq;
    out->as_of_ns = in->as_of_ns;
    out->request_id = in->request_id;
    out->account = in->account;
    out->state = in->state;
    out->previous = in->state;

    struct target target = {0};
    enum cb_reject reason = check_fields(&target, book, config, in);
    if (reason != CB_REJECT_NONE) {
        out->reason = (uint16_t)reason;
        return;
    }
    struct cb_margin held, released;
    memset(&held, 0, sizeof held);
    memset(&released, 0, sizeof released);
    ask_held(&held, book, &target, margin, context);
    ask_released(&released, book, &target, margin, context);
    bool unsettled = awaits_settlement(book, config, in->as_of_ns);
    out->reason = (uint16_t)check_margin(in->state, unsettled, &held, &released);
    out->margin = released_is_worse(&held, &released) ? released : held;
}
