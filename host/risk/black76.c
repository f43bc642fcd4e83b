#include "host/risk/black76.h"

#include "host/base/assert.h"
#include "host/risk/real.h"

/* The out-of-the-money option on (low, high): by the symmetry of the undiscounted formula a put at (F, K) is
 * a call at (K, F), so one case serves all. x = ln(low/high) <= 0, s = sigma sqrt(T), h = x/s, t = s/2:
 *
 *     value = low Phi(h+t) - high Phi(h-t) = low phi(h+t) (Y(h+t) - Y(h-t)),   Y = Phi/phi
 *
 * since low phi(h+t) = high phi(h-t). Three ways, each used where it does not cancel:
 *   - t small and |h| t < 1: the odd Taylor series of Y around h, whose derivatives follow from Y' = 1 + hY
 * and Y(n+1) = h Y(n) + n Y(n-1). Below t = 0.21 eight terms leave less than 2e-16 of the value;
 *   - else, h+t > 0: the textbook difference, which then keeps at least a tenth of its first term;
 *   - else: the difference of Y, which changes slowly. */
static double taylor_difference(double h, double t)
{
    double older = cb_real_mills(h); /* Y(n-1), n = 1 */
    double old = 1.0 + h * older;    /* Y(n) */
    double sum = old, power = 1.0, square = t * t;
    for (int n = 1; n < 15; n += 2) {
        double next = h * old + (double)n * older;
        double after = h * next + (double)(n + 1) * old;
        older = next;
        old = after;
        power *= square / (double)((n + 1) * (n + 2));
        sum += power * after;
    }
    return 2.0 * t * sum;
}

static double out_of_the_money(double low, double high, double s)
{
    double h = cb_real_log_ratio(low, high) / s;
    double t = 0.5 * s;
    double d1 = h + t;
    double density = cb_real_normal_density(d1);
    double value;
    if (t < 0.21 && -h * t < 1.0) {
        value = low * density * taylor_difference(h, t);
    } else if (d1 > 0.0) {
        value = low * (cb_real_normal(d1) - density * cb_real_mills(h - t));
    } else {
        value = low * density * (cb_real_mills(d1) - cb_real_mills(h - t));
    }
    return value > 0.0 ? value : 0.0;
}

double cb_black76_price(bool call, double forward, double strike, double vol, double years)
{
    CB_ASSERT(forward > 0.0 && strike > 0.0);
    CB_ASSERT(vol > 0.0 && years > 0.0);
    double s = vol * cb_real_sqrt(years);
    double low = forward < strike ? forward : strike;
    double high = forward < strike ? strike : forward;
    double value = out_of_the_money(low, high, s);
    double intrinsic = call ? forward - strike : strike - forward;
    return intrinsic > 0.0 ? value + intrinsic : value;
}

struct cb_black76 cb_black76_value(bool call, double forward, double strike, double vol, double years)
{
    struct cb_black76 out;
    out.price = cb_black76_price(call, forward, strike, vol, years);
    double root = cb_real_sqrt(years);
    double s = vol * root;
    double d1 = cb_real_log_ratio(forward, strike) / s + 0.5 * s;
    double density = cb_real_normal_density(d1);
    out.delta = call ? cb_real_normal(d1) : -cb_real_normal(-d1);
    out.gamma = density / (forward * s);
    out.vega = forward * density * root;
    return out;
}
