#include "host/risk/net.h"

#include "clearbox/fixed.h"
#include "host/base/assert.h"

#include <stdbool.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

void cb_net_clear(struct cb_net_sums *sums)
{
    memset(sums, 0, sizeof *sums);
}

/* Before limbs could leave 64 bits: carries up, the value unchanged. Once in CB_NET_ADDS_MAX additions. */
static void move_carries(struct cb_net_sums *sums)
{
    for (unsigned lane = 0; lane < CB_RISK_LANES; lane++) {
        cb_s64 l0 = sums->limb[0][lane];
        cb_s64 l1 = cb_net_carry(l0, sums->limb[1][lane]);
        sums->limb[0][lane] = cb_net_rest(l0);
        sums->limb[1][lane] = cb_net_rest(l1);
        sums->limb[2][lane] = cb_net_carry(l1, sums->limb[2][lane]);
    }
    sums->count = 0;
}

/* sum = or += limb times m, or of an order only where that loses. `first` and `order` are constants where
 * this is inlined. */
INLINE void add_lanes(cb_s64 *restrict sum, const cb_s32 *restrict m, cb_s32 limb, unsigned lanes, bool first,
                      bool order)
{
    for (unsigned lane = 0; lane < lanes; lane++) {
        cb_s64 product = order ? cb_net_order_product(limb, m[lane]) : cb_net_product(limb, m[lane]);
        sum[lane] = first ? product : sum[lane] + product;
    }
}

/* The scenarios fill whole vectors; the four lanes behind them are a vector of their own, not a scalar rest.
 */
INLINE void add_limb(cb_s64 *restrict sum, const cb_s32 *restrict m, cb_s32 limb, bool first, bool order)
{
    add_lanes(sum, m, limb, CB_SCENARIOS_MAX, first, order);
    add_lanes(sum + CB_SCENARIOS_MAX, m + CB_SCENARIOS_MAX, limb, CB_RISK_LANES - CB_SCENARIOS_MAX, first,
              order);
}

INLINE void add_row(struct cb_net_sums *sums, const struct cb_risk_row *row, cb_s64 qty_e8, bool order)
{
    CB_ASSERT(qty_e8 > -(1L << 60) && qty_e8 < (1L << 60));
    if (sums->count == CB_NET_ADDS_MAX) {
        move_carries(sums);
    }
    sums->count++;
    if (sums->used == 0) { /* the limbs hold what an evaluation before left there */
        sums->used = 1;
        for (cb_u32 i = 0; i < CB_NET_LIMBS; i++) {
            add_limb(sums->limb[i], row->m, cb_net_limb(qty_e8, i), true, order);
        }
        return;
    }
    for (cb_u32 i = 0; i < CB_NET_LIMBS; i++) {
        cb_s32 limb = cb_net_limb(qty_e8, i);
        if (limb != 0) { /* the third limb of any quantity below 2^52 is */
            add_limb(sums->limb[i], row->m, limb, false, order);
        }
    }
}

static void add_plain(struct cb_net_sums *sums, const struct cb_risk_row *row, cb_s64 qty_e8)
{
    add_row(sums, row, qty_e8, false);
}
static void order_plain(struct cb_net_sums *sums, const struct cb_risk_row *row, cb_s64 qty_e8)
{
    add_row(sums, row, qty_e8, true);
}

/* Exact sums as hi * 2^52 + lo with 0 <= lo < 2^52: they compare by hi, then by lo, which vector units can
 * do. */
struct folded {
    cb_s64 hi[CB_SCENARIOS_MAX], lo[CB_SCENARIOS_MAX];
};

#define FOLD_BITS (2 * CB_NET_LIMB_BITS)
#define FOLD_MASK ((1L << FOLD_BITS) - 1)

INLINE void fold(struct folded *restrict out, const struct cb_net_sums *restrict sums)
{
    for (unsigned lane = 0; lane < CB_SCENARIOS_MAX; lane++) {
        cb_s64 l0 = sums->limb[0][lane], l1 = cb_net_carry(l0, sums->limb[1][lane]);
        out->lo[lane] = cb_net_rest(l1) << CB_NET_LIMB_BITS | cb_net_rest(l0);
        out->hi[lane] = cb_net_carry(l1, sums->limb[2][lane]);
    }
}

INLINE void fold_more(struct folded *restrict out, const struct cb_net_sums *restrict sums)
{
    struct folded more;
    fold(&more, sums);
    for (unsigned lane = 0; lane < CB_SCENARIOS_MAX; lane++) {
        cb_s64 lo = out->lo[lane] + more.lo[lane];
        out->lo[lane] = lo & FOLD_MASK;
        out->hi[lane] += more.hi[lane] + (lo >> FOLD_BITS);
    }
}

/* The loss cell of one folded sum. */
INLINE cb_s64 loss_of(cb_s64 hi, cb_s64 lo, cb_u32 exponent, cb_u32 *saturated)
{
    cb_net_acc acc = {.hi = hi >> (64 - FOLD_BITS), .lo = (cb_u64)hi << FOLD_BITS | (cb_u64)lo};
    return cb_net_loss_cell(acc, exponent, saturated);
}

/* The lowest lane whose loss is at least `loss`: ceil(-sum / 2^e) >= loss, so sum <= -(loss - 1) 2^e - 1.
 * There is one: the bound is not below the least sum, and so its hi fits. */
INLINE uint8_t first_with(const struct folded *sums, cb_s64 loss, cb_u32 exponent)
{
    cb_s128 bound = -((cb_s128)(loss - 1) * ((cb_s128)1 << exponent)) - 1;
    cb_s64 hi = (cb_s64)(bound >> FOLD_BITS), lo = (cb_s64)(bound & FOLD_MASK);
    cb_s64 first = CB_SCENARIOS_MAX;
    for (unsigned lane = 0; lane < CB_SCENARIOS_MAX; lane++) {
        cb_s64 at_equal = sums->lo[lane] <= lo ? (cb_s64)lane : CB_SCENARIOS_MAX;
        cb_s64 above = sums->hi[lane] < hi ? (cb_s64)lane : CB_SCENARIOS_MAX;
        cb_s64 found = sums->hi[lane] == hi ? at_equal : above;
        first = found < first ? found : first;
    }
    CB_ASSERT(first < (cb_s64)CB_SCENARIOS_MAX);
    return (uint8_t)first;
}

/* Losses rise as sums fall, and a cell saturates only beyond all that do not: so the least and the greatest
 * sum say it all, and one cell each is made instead of 32. */
INLINE cb_s64 worst_row(const struct cb_net_sums *sums, const struct cb_net_sums *orders, cb_u32 exponent,
                        uint8_t *scenario, cb_u32 *saturated)
{
    struct folded all;
    fold(&all, sums);
    if (orders != NULL) {
        fold_more(&all, orders);
    }
    cb_s64 least = all.hi[0], greatest = all.hi[0];
    for (unsigned lane = 1; lane < CB_SCENARIOS_MAX; lane++) {
        least = all.hi[lane] < least ? all.hi[lane] : least;
        greatest = all.hi[lane] > greatest ? all.hi[lane] : greatest;
    }
    cb_s64 least_lo = FOLD_MASK, greatest_lo = 0;
    for (unsigned lane = 0; lane < CB_SCENARIOS_MAX; lane++) {
        cb_s64 low = all.hi[lane] == least ? all.lo[lane] : FOLD_MASK;
        cb_s64 high = all.hi[lane] == greatest ? all.lo[lane] : 0;
        least_lo = low < least_lo ? low : least_lo;
        greatest_lo = high > greatest_lo ? high : greatest_lo;
    }
    cb_s64 loss = loss_of(least, least_lo, exponent, saturated);
    (void)loss_of(greatest, greatest_lo, exponent, saturated);
    *scenario = loss > 0 ? first_with(&all, loss, exponent) : 0;
    return loss > 0 ? loss : 0;
}

static cb_s64 worst_plain(const struct cb_net_sums *sums, const struct cb_net_sums *orders, cb_u32 exponent,
                          uint8_t *scenario, cb_u32 *saturated)
{
    return worst_row(sums, orders, exponent, scenario, saturated);
}

#define AVX2 __attribute__((target("avx2")))
/* gcc would use half of the width it may use; clang has no such word. */
#ifdef __clang__
#define AVX512 __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl")))
#else
#define AVX512 __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,prefer-vector-width=512")))
#endif

AVX2 static void add_avx2(struct cb_net_sums *sums, const struct cb_risk_row *row, cb_s64 qty_e8)
{
    add_row(sums, row, qty_e8, false);
}
AVX2 static void order_avx2(struct cb_net_sums *sums, const struct cb_risk_row *row, cb_s64 qty_e8)
{
    add_row(sums, row, qty_e8, true);
}
AVX512 static void add_avx512(struct cb_net_sums *sums, const struct cb_risk_row *row, cb_s64 qty_e8)
{
    add_row(sums, row, qty_e8, false);
}
AVX512 static void order_avx512(struct cb_net_sums *sums, const struct cb_risk_row *row, cb_s64 qty_e8)
{
    add_row(sums, row, qty_e8, true);
}

AVX2 static cb_s64 worst_avx2(const struct cb_net_sums *sums, const struct cb_net_sums *orders,
                              cb_u32 exponent, uint8_t *scenario, cb_u32 *saturated)
{
    return worst_row(sums, orders, exponent, scenario, saturated);
}
AVX512 static cb_s64 worst_avx512(const struct cb_net_sums *sums, const struct cb_net_sums *orders,
                                  cb_u32 exponent, uint8_t *scenario, cb_u32 *saturated)
{
    return worst_row(sums, orders, exponent, scenario, saturated);
}

static bool processor_runs(enum cb_net_variant variant)
{
    switch (variant) {
    case CB_NET_PLAIN:
        return true;
    case CB_NET_AVX2:
        return __builtin_cpu_supports("avx2");
    case CB_NET_AVX512:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    case CB_NET_VARIANTS:
        break;
    }
    return false;
}

int cb_net_select(enum cb_net_variant variant, cb_net_add_fn **add, cb_net_order_fn **add_order)
{
    static cb_net_add_fn *const adds[CB_NET_VARIANTS] = {add_plain, add_avx2, add_avx512};
    static cb_net_order_fn *const orders[CB_NET_VARIANTS] = {order_plain, order_avx2, order_avx512};
    if (!processor_runs(variant)) {
        return 0;
    }
    *add = adds[variant];
    *add_order = orders[variant];
    return 1;
}

int cb_net_select_worst(enum cb_net_variant variant, cb_net_worst_fn **worst)
{
    static cb_net_worst_fn *const worsts[CB_NET_VARIANTS] = {worst_plain, worst_avx2, worst_avx512};
    if (!processor_runs(variant)) {
        return 0;
    }
    *worst = worsts[variant];
    return 1;
}
