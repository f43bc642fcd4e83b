/* Uses every function of risk_math.h as a device kernel would. Compiled, not run: risk_math_test.c runs them. */
#include "clearbox/risk_math.h"

__kernel void net(__global const cb_s64 *qty, __global const cb_s32 *m, __global cb_s64 *loss, cb_u32 count,
                  cb_u32 e)
{
    cb_s64 limb[CB_NET_LIMBS] = {0, 0, 0};
    cb_u32 saturated = 0;
    for (cb_u32 i = 0; i < count && i < CB_NET_ADDS_MAX; i++) {
        limb[0] += cb_net_product(cb_net_limb(qty[i], 0), m[i]);
        limb[1] += cb_net_product(cb_net_limb(qty[i], 1), m[i]);
        limb[2] += cb_net_order_product(cb_net_limb(qty[i], 2), m[i]);
    }
    cb_net_acc acc = cb_net_total(limb[0], limb[1], limb[2]);
    loss[0] = cb_net_loss_cell(cb_net_sum(acc, cb_net_negative(acc)), e, &saturated);
    loss[1] = cb_net_floor_cell(acc, e, &saturated);
    loss[2] = saturated;
}
