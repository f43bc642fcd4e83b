/* A margin that can be checked by hand, behind cb_margin_fn: every instrument and coin has a price, the
 * requirement is a tenth of |value| per factor, netted between positions, coins and the worse side of open
 * orders. It also checks each book it is shown (sorted, no empty rows, held within the balance) and keeps a
 * copy. */
#ifndef CB_TESTS_UNIT_CLEARING_LINEAR_MARGIN_H
#define CB_TESTS_UNIT_CLEARING_LINEAR_MARGIN_H

#include "host/types/book.h"
#include "host/types/config.h"

#include <criterion/criterion.h>
#include <string.h>

#define LINEAR_ROWS 16

struct linear_margin {
    const struct cb_config *config;
    int64_t price[CB_FACTORS_MAX]; /* 1e-6 USD per 1e-8 unit: plain products */
    bool stale, overflow;
    uint32_t calls;
    struct cb_book last; /* the figures of the last book; its arrays are below */
    struct cb_book_order orders[LINEAR_ROWS];
    struct cb_book_balance balances[LINEAR_ROWS];
};

static inline void linear_check_orders(const struct cb_config *config, const struct cb_book *book)
{
    for (uint32_t i = 0; i < book->orders_count; i++) {
        cr_assert_neq(book->orders[i].qty_e8, 0);
        if (i == 0) {
            continue;
        }
        const struct cb_book_order *a = &book->orders[i - 1], *b = &book->orders[i];
        uint16_t fa = config->instruments[a->instrument].factor,
                 fb = config->instruments[b->instrument].factor;
        cr_assert(fa < fb || (fa == fb && (a->instrument < b->instrument ||
                                           (a->instrument == b->instrument && a->order_id < b->order_id))),
                  "orders are sorted");
    }
}

static inline int64_t linear_worse_side(const struct linear_margin *self, const struct cb_book *book,
                                        uint32_t factor, int64_t net)
{
    int64_t buys = 0, sells = 0;
    for (uint32_t i = 0; i < book->orders_count; i++) {
        if (self->config->instruments[book->orders[i].instrument].factor == factor) {
            int64_t qty = book->orders[i].qty_e8;
            buys += qty > 0 ? qty : 0;
            sells += qty < 0 ? qty : 0;
        }
    }
    int64_t up = net + buys, down = net + sells;
    up = up < 0 ? -up : up;
    down = down < 0 ? -down : down;
    return up > down ? up : down;
}

static inline void linear_margin(void *context, const struct cb_book *book, struct cb_margin *out)
{
    struct linear_margin *self = context;
    self->calls++;
    self->last = *book;
    memcpy(self->orders, book->orders, book->orders_count * sizeof *book->orders);
    memcpy(self->balances, book->balances, book->balances_count * sizeof *book->balances);
    linear_check_orders(self->config, book);

    int64_t net[CB_FACTORS_MAX] = {0};
    memset(out, 0, sizeof *out);
    out->e_im_e6 = book->cash_e6;
    out->holds_e6 = book->cash_held_e6;
    for (uint32_t i = 0; i < book->positions_count; i++) {
        const struct cb_book_position *row = &book->positions[i];
        uint16_t factor = self->config->instruments[row->instrument].factor;
        net[factor] += row->qty_e8;
        out->e_im_e6 += row->qty_e8 * self->price[factor] - row->cost_e6;
    }
    for (uint32_t i = 0; i < book->balances_count; i++) {
        const struct cb_book_balance *row = &book->balances[i];
        cr_assert_neq(row->qty_e8, 0);
        cr_assert(row->held_e8 == 0 || row->held_e8 <= row->qty_e8);
        uint16_t factor = self->config->assets[self->config->holdings[row->holding].asset].factor;
        net[factor] += row->qty_e8;
        out->e_im_e6 += row->qty_e8 * self->price[factor];
        out->holds_e6 += row->held_e8 * self->price[factor];
    }
    for (uint32_t factor = 0; factor < self->config->factors_count; factor++) {
        out->im_e6 += (linear_worse_side(self, book, factor, net[factor]) * self->price[factor] + 9) / 10;
    }
    out->m_o_e6 = out->im_e6;
    out->free_e6 = out->e_im_e6 - out->im_e6 - out->holds_e6;
    out->stale = self->stale;
    out->overflow = self->overflow;
}

#endif
