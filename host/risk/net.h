/* Netting: the multiply-accumulate that adds one position's risk array, times its quantity, to a factor's
 * sums.
 *
 * The inner loops run over 36 contiguous lanes and are written for the vectoriser; variants for wider vector
 * units are compiled from the same source and chosen once at start. Integers throughout: all variants give
 * the same bits, and a test says so. */
#ifndef CB_HOST_RISK_NET_H
#define CB_HOST_RISK_NET_H

#include "clearbox/limits.h"
#include "clearbox/risk_math.h"

#include <stdint.h>

/* Lanes of a row: the scenarios, then what the screens use. */
#define CB_RISK_LANE_DELTA  CB_SCENARIOS_MAX /* dollar delta: P dV/dP */
#define CB_RISK_LANE_GAMMA  (CB_SCENARIOS_MAX + 1u)
#define CB_RISK_LANE_VEGA   (CB_SCENARIOS_MAX + 2u)
#define CB_RISK_LANE_CREDIT (CB_SCENARIOS_MAX + 3u)
#define CB_RISK_LANES       (CB_SCENARIOS_MAX + 4u)

/* Lanes that share one exponent: scenarios, delta, gamma, vega, credit. */
#define CB_RISK_GROUPS 5u

/* One instrument's or holding's array, per long unit: value in USD = m * 100 / 2^e. */
struct cb_risk_row {
    cb_s32 m[CB_RISK_LANES];
};

/* A factor's running sums of quantity times m, in signed limbs of 26 bits (risk_math.h). */
struct cb_net_sums {
    cb_s64 limb[CB_NET_LIMBS][CB_RISK_LANES];
    cb_u32 count; /* additions since the carries were last moved on */
    cb_u32 used;  /* 1: some row was added; 0: the sums are zero, whatever the limbs say */
};

/* sums += qty * row. Requires: |qty| < 2^60. */
typedef void cb_net_add_fn(struct cb_net_sums *sums, const struct cb_risk_row *row, cb_s64 qty_e8);

/* sums -= the loss of an open order: in each lane max(0, -qty * m), qty signed as the order is.
 * Requires: |qty| < 2^60. */
typedef void cb_net_order_fn(struct cb_net_sums *sums, const struct cb_risk_row *row, cb_s64 qty_e8);

/* The greatest loss over the scenarios, at least 0, with the lowest scenario that has it (0 where nothing is
 * lost): max over lanes of cb_net_loss_cell(sums, exponent). `orders` is added to the sums first; NULL: none.
 * *saturated is set when any lane's cell saturates and is never cleared. Requires: every lane's sum below
 * 2^114 in magnitude. */
typedef cb_s64 cb_net_worst_fn(const struct cb_net_sums *sums, const struct cb_net_sums *orders,
                               cb_u32 exponent, uint8_t *scenario, cb_u32 *saturated);

enum cb_net_variant { CB_NET_PLAIN = 0, CB_NET_AVX2 = 1, CB_NET_AVX512 = 2, CB_NET_VARIANTS = 3 };

/* The kernels of a variant. Returns 0 if this processor does not run it. */
int cb_net_select(enum cb_net_variant variant, cb_net_add_fn **add, cb_net_order_fn **add_order);
int cb_net_select_worst(enum cb_net_variant variant, cb_net_worst_fn **worst);

void cb_net_clear(struct cb_net_sums *sums);

/* As cb_net_clear, but leaves the limbs to the first addition: until then `used` is 0 and they are not to be
 * read. */
static inline void cb_net_start(struct cb_net_sums *sums)
{
    sums->count = 0;
    sums->used = 0;
}

#endif
