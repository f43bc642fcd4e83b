#include "host/risk/net.h"

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

INLINE void add_limb(cb_s64 *restrict sum, const cb_s32 *restrict m, cb_s32 limb)
{
    for (unsigned lane = 0; lane < CB_RISK_LANES; lane++) {
        sum[lane] += cb_net_product(limb, m[lane]);
    }
}

INLINE void add_order_limb(cb_s64 *restrict sum, const cb_s32 *restrict m, cb_s32 limb)
{
    for (unsigned lane = 0; lane < CB_RISK_LANES; lane++) {
        sum[lane] += cb_net_order_product(limb, m[lane]);
    }
}

INLINE void add_row(struct cb_net_sums *sums, const struct cb_risk_row *row, cb_s64 qty_e8, bool order)
{
    CB_ASSERT(qty_e8 > -(1L << 60) && qty_e8 < (1L << 60));
    if (sums->count == CB_NET_ADDS_MAX) {
        move_carries(sums);
    }
    sums->count++;
    sums->used = 1;
    for (cb_u32 i = 0; i < CB_NET_LIMBS; i++) {
        cb_s32 limb = cb_net_limb(qty_e8, i);
        if (limb == 0) {
            continue; /* the third limb of any quantity below 2^52 */
        }
        if (order) {
            add_order_limb(sums->limb[i], row->m, limb);
        } else {
            add_limb(sums->limb[i], row->m, limb);
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

#define AVX2   __attribute__((target("avx2")))
#define AVX512 __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl")))

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
