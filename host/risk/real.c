#include "host/risk/real.h"

#include "host/base/assert.h"

#include <emmintrin.h>
#include <string.h>

/* Every constant below is the published decimal, read by the compiler to the nearest double; every expression
 * is evaluated as written, since this project compiles without contraction and without fast-math. */

static uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static double of_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* 2^n for a normal result. */
static double power_of_two(int n)
{
    return of_bits((uint64_t)(n + 1023) << 52);
}

double cb_real_scale(double x, int n)
{
    CB_ASSERT(n >= -1000 && n <= 1000);
    return x * power_of_two(n);
}

int64_t cb_real_round(double x)
{
    CB_ASSERT(x > -2251799813685248.0 && x < 2251799813685248.0);
    /* Adding 1.5 * 2^52 leaves no bits for a fraction: the addition itself rounds to nearest even. */
    const double anchor = 6755399441055744.0;
    return (int64_t)((x + anchor) - anchor);
}

double cb_real_sqrt(double x)
{
    __m128d v = _mm_set_sd(x);
    return _mm_cvtsd_f64(_mm_sqrt_sd(v, v));
}

double cb_real_exp(double x)
{
    if (x < -745.2) {
        return 0.0;
    }
    CB_ASSERT(x <= 709.0);
    /* x = k ln 2 + r, |r| <= ln 2 / 2; ln 2 in two parts so that k times the high one is exact. */
    int k = (int)cb_real_round(x * 1.44269504088896338700e+00);
    double high = x - (double)k * 6.93147180369123816490e-01;
    double low = (double)k * 1.90821492927058770002e-10;
    double r = high - low;
    double t = r * r;
    double c = r - t * (1.66666666666666019037e-01 +
                        t * (-2.77777777770155933842e-03 +
                             t * (6.61375632143793436117e-05 +
                                  t * (-1.65339022054652515390e-06 + t * 4.13813679705723846039e-08))));
    double y = 1.0 - ((low - (r * c) / (2.0 - c)) - high);
    if (k >= -1021) {
        return y * power_of_two(k);
    }
    return y * power_of_two(k + 100) * power_of_two(-100); /* a subnormal result is rounded once, here */
}

/* x = 2^k m with m in sqrt(1/2) .. sqrt(2). */
static double split_exponent(double x, int *k)
{
    uint64_t bits = bits_of(x);
    int exponent = (int)(bits >> 52) - 1023;
    double m = of_bits((bits & 0x000FFFFFFFFFFFFFu) | 0x3FF0000000000000u);
    if (m > 1.41421356237309504880) {
        m *= 0.5;
        exponent++;
    }
    *k = exponent;
    return m;
}

double cb_real_log_ratio(double a, double b)
{
    /* ln(a/b) = 2 atanh((a-b)/(a+b)): where a and b are close, a-b is exact, so the ratio is good to its last
     * bits; a rounded a/b would not be. */
    int k = 0;
    if (!(a < b * 1.4 && b < a * 1.4)) {
        a = split_exponent(a / b, &k);
        b = 1.0;
    }
    double s = (a - b) / (a + b);
    double z = s * s;
    double w = z * z;
    double even =
        w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01));
    double odd =
        z * (6.666666666666735130e-01 +
             w * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01)));
    double r = odd + even;
    return (double)k * 6.93147180369123816490e-01 +
           (2.0 * s + (s * r + (double)k * 1.90821492927058770002e-10));
}

double cb_real_power(double x, double p)
{
    return cb_real_exp(p * cb_real_log_ratio(x, 1.0));
}

/* exp(-x^2/2). The square of x's leading bits is exact; what is left is small, so that rounding it does no
 * harm (Cody). */
static double gauss(double x)
{
    double y = x < 0.0 ? -x : x;
    if (y > 39.0) {
        return 0.0;
    }
    double head = (double)(int)(y * 16.0) * 0.0625;
    double tail = (y - head) * (y + head);
    return cb_real_exp(-0.5 * head * head) * cb_real_exp(-0.5 * tail);
}

double cb_real_normal_density(double x)
{
    return 3.98942280401432677940e-01 * gauss(x);
}

/* erf(y) for |y| <= 0.46875. */
static double erf_small(double y)
{
    double z = y * y;
    double above =
        (((1.85777706184603153e-01 * z + 3.16112374387056560e+00) * z + 1.13864154151050156e+02) * z +
         3.77485237685302021e+02) *
            z +
        3.20937758913846947e+03;
    double below =
        (((z + 2.36012909523441209e+01) * z + 2.44024637934444173e+02) * z + 1.28261652607737228e+03) * z +
        2.84423683343917062e+03;
    return y * (above / below);
}

static double polynomial(const double *coefficients, int count, double x)
{
    double value = coefficients[0];
    for (int i = 1; i < count; i++) {
        value = value * x + coefficients[i];
    }
    return value;
}

/* exp(y^2) erfc(y) for y > 0.46875. */
static double erfcx_large(double y)
{
    static const double above_mid[9] = {
        2.15311535474403846e-08, 5.64188496988670089e-01, 8.88314979438837594e+00,
        6.61191906371416295e+01, 2.98635138197400131e+02, 8.81952221241769090e+02,
        1.71204761263407058e+03, 2.05107837782607147e+03, 1.23033935479799725e+03};
    static const double below_mid[9] = {1.0,
                                        1.57449261107098347e+01,
                                        1.17693950891312499e+02,
                                        5.37181101862009858e+02,
                                        1.62138957456669019e+03,
                                        3.29079923573345963e+03,
                                        4.36261909014324716e+03,
                                        3.43936767414372164e+03,
                                        1.23033935480374942e+03};
    static const double above_far[6] = {1.63153871373020978e-02, 3.05326634961232344e-01,
                                        3.60344899949804439e-01, 1.25781726111229246e-01,
                                        1.60837851487422766e-02, 6.58749161529837803e-04};
    static const double below_far[6] = {1.0,
                                        2.56852019228982242e+00,
                                        1.87295284992346725e+00,
                                        5.27905102951428412e-01,
                                        6.05183413124413191e-02,
                                        2.33520497626869185e-03};
    if (y <= 4.0) {
        return polynomial(above_mid, 9, y) / polynomial(below_mid, 9, y);
    }
    double z = 1.0 / (y * y);
    double r = z * polynomial(above_far, 6, z) / polynomial(below_far, 6, z);
    return (5.64189583547756286950e-01 - r) / y;
}

double cb_real_mills(double x)
{
    CB_ASSERT(x <= 0.0);
    double y = -x * 7.07106781186547524400e-01;
    double scaled;
    if (y <= 0.46875) {
        scaled = cb_real_exp(0.5 * x * x) * (1.0 - erf_small(y));
    } else {
        scaled = erfcx_large(y);
    }
    return 1.25331413731550025120e+00 * scaled;
}

double cb_real_normal(double x)
{
    double y = (x < 0.0 ? -x : x) * 7.07106781186547524400e-01;
    if (y <= 0.46875) {
        double half = 0.5 * erf_small(y);
        return x < 0.0 ? 0.5 - half : 0.5 + half;
    }
    double tail = 0.5 * erfcx_large(y) * gauss(x);
    return x < 0.0 ? tail : 1.0 - tail;
}
