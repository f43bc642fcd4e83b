/* Risk arithmetic shared by every backend: netting a risk array in limbs, and turning the sums into money.
 *
 * A sum of quantity times array entry, over up to 4,096 positions and 256 balances, needs 104 bits
 * (docs/numbers.md). It is kept as three signed limbs of 26 bits, sum = l0 + l1 2^26 + l2 2^52, because the
 * product of a limb and an entry is a 32 x 32 multiply that every vector unit has. Nothing rounds or
 * saturates before the loss cell, so the order of additions is irrelevant.
 *
 * Right shifts of negative values below are arithmetic, as OpenCL C demands and gcc and clang define; they
 * divide toward minus infinity, which is what is meant in each place.
 *
 * This header also compiles as OpenCL C. */
#ifndef CB_CLEARBOX_RISK_MATH_H
#define CB_CLEARBOX_RISK_MATH_H

#include "clearbox/units.h"

#define CB_NET_LIMBS     3
#define CB_NET_LIMB_BITS 26
#define CB_NET_LIMB_MASK ((1L << CB_NET_LIMB_BITS) - 1)

/* Products of limb and entry are below 2^57; after a carry step limbs are below 2^26, so this many may be
 * added before the next one: 60 * 2^57 + 2^26 < 2^63. */
#define CB_NET_ADDS_MAX 60u

/* Limb number 0, 1 or 2 of a quantity, with the quantity's sign. Requires: |qty| < 2^60; then limb 2 is below
 * 2^8 in magnitude. */
static inline cb_s32 cb_net_limb(cb_s64 qty, cb_u32 number)
{
    cb_u64 magnitude = qty < 0 ? 0 - (cb_u64)qty : (cb_u64)qty;
    cb_s32 limb = (cb_s32)((magnitude >> (number * CB_NET_LIMB_BITS)) & (cb_u64)CB_NET_LIMB_MASK);
    return qty < 0 ? -limb : limb;
}

/* One product. |limb| < 2^26 and |m| <= 2^31 - 1: below 2^57. */
static inline cb_s64 cb_net_product(cb_s32 limb, cb_s32 m)
{
    return (cb_s64)limb * (cb_s64)m;
}

/* What an open order adds to the sum: the position it would make, in the scenarios where that loses, so
 * min(0, qty * m) limb by limb. Exact, because all limbs of qty have qty's sign. */
static inline cb_s64 cb_net_order_product(cb_s32 limb, cb_s32 m)
{
    cb_s64 product = (cb_s64)limb * (cb_s64)m;
    return product < 0 ? product : 0;
}

/* An exact sum, two's complement: hi * 2^64 + lo. */
typedef struct {
    cb_s64 hi;
    cb_u64 lo;
} cb_net_acc;

/* Moves carries up: afterwards limbs 0 and 1 are in 0 .. 2^26-1 and limb 2 has the rest and the sign. These
 * are the new limbs 1 and 2 given the old ones; limb 0 keeps its low bits. */
static inline cb_s64 cb_net_carry(cb_s64 lower, cb_s64 upper)
{
    return upper + (lower >> CB_NET_LIMB_BITS);
}
static inline cb_s64 cb_net_rest(cb_s64 limb)
{
    return limb & CB_NET_LIMB_MASK;
}

/* The value of three limbs, of which only the sum need be below 2^115. */
static inline cb_net_acc cb_net_total(cb_s64 l0, cb_s64 l1, cb_s64 l2)
{
    cb_net_acc acc;
    cb_s64 m1 = cb_net_carry(l0, l1);
    cb_s64 m2 = cb_net_carry(m1, l2);
    acc.lo = ((cb_u64)m2 << (2 * CB_NET_LIMB_BITS)) | ((cb_u64)cb_net_rest(m1) << CB_NET_LIMB_BITS) |
             (cb_u64)cb_net_rest(l0);
    acc.hi = m2 >> (64 - 2 * CB_NET_LIMB_BITS);
    return acc;
}

static inline cb_net_acc cb_net_sum(cb_net_acc a, cb_net_acc b)
{
    cb_net_acc acc;
    acc.lo = a.lo + b.lo;
    acc.hi = (cb_s64)((cb_u64)a.hi + (cb_u64)b.hi + (acc.lo < a.lo ? 1u : 0u));
    return acc;
}

static inline cb_net_acc cb_net_negative(cb_net_acc a)
{
    cb_net_acc acc;
    acc.lo = 0 - a.lo;
    acc.hi = (cb_s64)(0 - (cb_u64)a.hi - (a.lo != 0 ? 1u : 0u));
    return acc;
}

/* floor(acc / 2^e), saturated to 64 bits; then *saturated is set, and it is never cleared here. For credit
 * and Greeks. Requires: e in 0 .. 63. */
static inline cb_s64 cb_net_floor_cell(cb_net_acc acc, cb_u32 e, cb_u32 *saturated)
{
    cb_s64 hi = acc.hi >> e;
    cb_u64 lo = (acc.lo >> e) | (((cb_u64)acc.hi << 1) << (63u - e));
    cb_u32 out = hi != ((cb_s64)lo >> 63) ? 1u : 0u;
    *saturated |= out;
    return out == 0 ? (cb_s64)lo : (acc.hi < 0 ? (-9223372036854775807L - 1) : 9223372036854775807L);
}

/* The loss ceil(-acc / 2^e) in 1e-6 USD, saturated likewise. Requires: e in 0 .. 63, |acc| < 2^126. */
static inline cb_s64 cb_net_loss_cell(cb_net_acc acc, cb_u32 e, cb_u32 *saturated)
{
    cb_net_acc up;
    up.hi = 0;
    up.lo = ((cb_u64)1 << e) - 1u;
    return cb_net_floor_cell(cb_net_sum(cb_net_negative(acc), up), e, saturated);
}

#endif
