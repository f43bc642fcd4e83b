/* Elementary functions in IEEE double whose bits do not depend on compiler, optimisation level or libm.
 * exp and log follow the well-known reductions and minimax polynomials of Sun's fdlibm; the scaled
 * complementary error function uses W. J. Cody's rational approximations (Math. Comp. 23, 1969). Each is
 * within 8 units in the last place, but the density far out, whose argument is what limits it. */
#ifndef CB_HOST_RISK_REAL_H
#define CB_HOST_RISK_REAL_H

#include <stdint.h>

/* e^x. Finite x; 0 below -745, and x <= 709 is required. */
double cb_real_exp(double x);

/* Natural logarithm of a / b, accurate also where a is close to b. Requires: a, b > 0, finite, normal. */
double cb_real_log_ratio(double a, double b);

/* Square root, correctly rounded (the SSE2 instruction). Requires: x >= 0. */
double cb_real_sqrt(double x);

/* x^p for x > 0, as exp(p ln x): relative error below 1e-14 for |p ln x| <= 10. */
double cb_real_power(double x, double p);

/* Standard normal density, without the error of squaring a rounded argument. */
double cb_real_normal_density(double x);

/* Standard normal distribution function, relative accuracy kept in the lower tail. */
double cb_real_normal(double x);

/* Mills' function Phi(x) / phi(x). Requires: x <= 0. Slowly varying, so differences of it keep accuracy where
 * differences of Phi do not. */
double cb_real_mills(double x);

/* x * 2^n. Exact unless the result is subnormal or above the range. Requires: |n| <= 1000. */
double cb_real_scale(double x, int n);

/* Nearest integer, ties to even. Requires: |x| < 2^51. */
int64_t cb_real_round(double x);

#endif
