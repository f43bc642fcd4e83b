#include "host/clearing/margin_check.h"

#include "host/base/assert.h"

#include <string.h>

__extension__ typedef __int128 s128;

_Static_assert(CB_VENUES_MAX <= 64, "the venues of an instrument are a 64-bit mask");

/* What one pass over the open orders finds. */
struct survey {
    s128 same_side_e8;       /* open orders in the instrument, on the order's side */
    s128 same_side_venue_e8; /* of these, the ones on the order's venue */
    uint32_t place;          /* where the order belongs */
    bool duplicate;          /* an open order has its id */
};

/* (factor, instrument): what a book's positions and orders are sorted by first. */
static bool instrument_before(const struct cb_config *config, uint16_t a, uint16_t b)
{
    uint16_t factor_a = config->instruments[a].factor, factor_b = config->instruments[b].factor;
    return factor_a != factor_b ? factor_a < factor_b : a < b;
}

/* (factor, instrument, order id): the order of a book's orders. */
static bool order_before(const struct cb_config *config, const struct cb_book_order *order,
                         const struct cb_margin_check *in)
{
    if (order->instrument != in->instrument) {
        return instrument_before(config, order->instrument, in->instrument);
    }
    return order->order_id < in->request_id;
}

static struct survey survey_orders(const struct cb_book *book, const struct cb_config *config,
                                   const struct cb_margin_check *in)
{
    struct survey survey = {0};
    for (uint32_t i = 0; i < book->orders_count; i++) {
        const struct cb_book_order *order = &book->orders[i];
        CB_ASSERT(order->instrument < config->instruments_count);
        survey.duplicate |= order->order_id == in->request_id;
        if (order->instrument == in->instrument && (order->qty_e8 > 0) == (in->qty_e8 > 0)) {
            survey.same_side_e8 += order->qty_e8;
            survey.same_side_venue_e8 += order->venue == in->venue ? order->qty_e8 : 0;
        }
        if (order_before(config, order, in)) {
            survey.place = i + 1;
        }
    }
    return survey;
}

static bool reduces(const struct cb_book *book, const struct cb_margin_check *in, s128 same_side_e8)
{
    s128 position_e8 = 0;
    for (uint32_t i = 0; i < book->positions_count; i++) {
        if (book->positions[i].instrument == in->instrument) {
            position_e8 += book->positions[i].qty_e8;
        }
    }
    s128 after_e8 = position_e8 + same_side_e8 + in->qty_e8;
    if (in->qty_e8 < 0) {
        return position_e8 > 0 && after_e8 >= 0;
    }
    return position_e8 < 0 && after_e8 <= 0;
}

/* The reasons that need no margin. */
static enum cb_reject check_fields(const struct cb_book *book, const struct cb_config *config,
                                   const struct cb_margin_check *in)
{
    if (in->request_id == 0) {
        return CB_REJECT_REQUEST_ID;
    }
    if (in->instrument >= config->instruments_count) {
        return CB_REJECT_UNKNOWN_INSTRUMENT;
    }
    if (in->venue >= config->venues_count) {
        return CB_REJECT_UNKNOWN_VENUE;
    }
    if (in->qty_e8 == 0 || in->qty_e8 <= -CB_QTY_E8_MAX || in->qty_e8 >= CB_QTY_E8_MAX) {
        return CB_REJECT_QUANTITY;
    }
    if (in->limit_e8 <= 0 || in->limit_e8 > CB_MARGIN_CHECK_LIMIT_MAX_E8) {
        return CB_REJECT_PRICE;
    }
    int64_t expiry_ns = config->instruments[in->instrument].expiry_ns;
    if (in->settled || (expiry_ns != 0 && in->as_of_ns >= expiry_ns)) {
        return CB_REJECT_EXPIRED;
    }
    return book->orders_count >= book->orders_max ? CB_REJECT_ORDERS_FULL : CB_REJECT_NONE;
}

static void insert_order(struct cb_book *book, const struct cb_margin_check *in, uint32_t place)
{
    CB_ASSERT(place <= book->orders_count && book->orders_count < book->orders_max);
    struct cb_book_order *at = &book->orders[place];
    memmove(at + 1, at, (book->orders_count - place) * sizeof *at);
    memset(at, 0, sizeof *at);
    at->qty_e8 = in->qty_e8;
    at->limit_e8 = in->limit_e8;
    at->order_id = in->request_id;
    at->instrument = in->instrument;
    at->venue = in->venue;
    book->orders_count++;
}

static void remove_order(struct cb_book *book, uint32_t place)
{
    struct cb_book_order *at = &book->orders[place];
    book->orders_count--;
    memmove(at, at + 1, (book->orders_count - place) * sizeof *at);
}

/* Whether the account may have as many positions as it has now or has an open order for, one for each
 * instrument and venue. `book` holds the new order. Bounds: each position and order once. */
static bool positions_have_room(const struct cb_book *book, const struct cb_config *config)
{
    uint64_t rows = book->positions_count;
    uint32_t p = 0, o = 0;
    while (o < book->orders_count) {
        uint16_t instrument = book->orders[o].instrument;
        uint64_t ordered = 0, held = 0; /* venues, by bit */
        for (; o < book->orders_count && book->orders[o].instrument == instrument; o++) {
            ordered |= UINT64_C(1) << book->orders[o].venue;
        }
        for (; p < book->positions_count &&
               !instrument_before(config, instrument, book->positions[p].instrument);
             p++) {
            if (book->positions[p].instrument == instrument) {
                held |= UINT64_C(1) << book->positions[p].venue;
            }
        }
        rows += (uint64_t)__builtin_popcountll(ordered & ~held);
    }
    return rows <= config->capacity.positions_per_account;
}

/* A fill is a fact, and one that the ledger can not book is a loss on nobody's account: so what may be filled
 * must have its place, in the range of a position and in the table. `book` holds the new order. */
static enum cb_reject check_fill(const struct cb_book *book, const struct cb_config *config,
                                 const struct cb_margin_check *in, s128 same_side_venue_e8)
{
    s128 after_e8 = same_side_venue_e8 + in->qty_e8;
    for (uint32_t i = 0; i < book->positions_count; i++) {
        if (book->positions[i].instrument == in->instrument && book->positions[i].venue == in->venue) {
            after_e8 += book->positions[i].qty_e8;
        }
    }
    if (after_e8 <= -CB_QTY_E8_MAX || after_e8 >= CB_QTY_E8_MAX) {
        return CB_REJECT_QUANTITY;
    }
    /* Most accounts are far from their bound, and then nothing need be counted. */
    bool near_full =
        (uint64_t)book->positions_count + book->orders_count > config->capacity.positions_per_account;
    return near_full && !positions_have_room(book, config) ? CB_REJECT_POSITIONS_FULL : CB_REJECT_NONE;
}

/* The margin test, which every order may pass. A reducing one whose state bars new risk may, too. */
static enum cb_reject check_margin(const struct cb_margin_check *in, const struct cb_margin *margin,
                                   bool reducing)
{
    bool new_risk_barred = in->state == CB_MARGIN_LIQUIDATE || in->state == CB_MARGIN_BANKRUPT;
    if (margin->overflow || in->state == CB_MARGIN_UNKNOWN) {
        return CB_REJECT_UNKNOWN;
    }
    if (margin->stale) {
        return CB_REJECT_STALE_PRICE;
    }
    bool covered = margin->e_im_e6 >= (s128)margin->im_e6 + margin->holds_e6;
    return covered && (reducing || !new_risk_barred) ? CB_REJECT_NONE : CB_REJECT_MARGIN;
}

/* Whether the order adds to the requirement of the book it would join: one leg of a hedge does. Where the
 * book's own figures are out of range there is nothing to compare with. */
static bool raises_requirement(const struct cb_margin *with_order, const struct cb_margin *without)
{
    if (without->overflow) {
        return false;
    }
    return with_order->overflow || with_order->m_o_e6 > without->m_o_e6;
}

bool cb_margin_check_in_band(int64_t limit_e8, int64_t mark_e8, cb_rate_e9 band)
{
    if (mark_e8 <= 0) {
        return false;
    }
    s128 distance_e8 = (s128)limit_e8 - mark_e8;
    distance_e8 = distance_e8 < 0 ? -distance_e8 : distance_e8;
    return distance_e8 * CB_E9 <= (s128)band.e9 * mark_e8;
}

void cb_margin_check_decide(struct cb_verdict *out, struct cb_book *book, const struct cb_config *config,
                            const struct cb_margin_check *in, cb_margin_fn *margin, void *context)
{
    CB_ASSERT(in->state <= CB_MARGIN_UNKNOWN);
    memset(out, 0, sizeof *out);
    out->seq = in->seq;
    out->as_of_ns = in->as_of_ns;
    out->request_id = in->request_id;
    out->account = in->account;
    out->state = in->state;
    out->previous = in->state;

    enum cb_reject reason = check_fields(book, config, in);
    if (reason != CB_REJECT_NONE) {
        out->reason = (uint16_t)reason;
        return;
    }
    struct survey survey = survey_orders(book, config, in);
    if (survey.duplicate) {
        out->reason = CB_REJECT_REQUEST_ID;
        return;
    }
    bool reducing = reduces(book, in, survey.same_side_e8);
    insert_order(book, in, survey.place);
    reason = check_fill(book, config, in, survey.same_side_venue_e8);
    if (reason == CB_REJECT_NONE) {
        margin(context, book, &out->margin);
    }
    remove_order(book, survey.place);
    if (reason != CB_REJECT_NONE) {
        out->reason = (uint16_t)reason;
        return;
    }
    reason = check_margin(in, &out->margin, reducing);
    if (reason != CB_REJECT_NONE && reducing) {
        struct cb_margin without;
        if (cb_margin_check_in_band(in->limit_e8, in->mark_e8, config->risk.price_band)) {
            margin(context, book, &without);
            reason = raises_requirement(&out->margin, &without) ? reason : CB_REJECT_NONE;
        } else if (reason == CB_REJECT_MARGIN) {
            reason = CB_REJECT_PRICE_BAND;
        }
    }
    out->reason = (uint16_t)reason;
}
