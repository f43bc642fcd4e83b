/* Goal: Black-76 is right to 1e-12 and the same bits everywhere. Method: pinned bits, published vectors,
 * identities that hold for any correct pricer, and a slower pricer of another kind (the C library's erfc in
 * long double). tests/reference checks it against 60-digit arithmetic. */
#include "host/risk/black76.h"
#include "host/risk/real.h"
#include "tests/unit/risk/black76_pins.h"
#include "tests/unit/risk/random.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Test(black76, bits_are_those_pinned_with_every_compiler)
{
    for (size_t i = 0; i < sizeof black76_pins / sizeof black76_pins[0]; i++) {
        const struct black76_pin *pin = &black76_pins[i];
        struct cb_black76 v = cb_black76_value(pin->call, pin->forward, pin->strike, pin->vol, pin->years);
        uint64_t bits[4];
        memcpy(&bits[0], &v.price, 8);
        memcpy(&bits[1], &v.delta, 8);
        memcpy(&bits[2], &v.gamma, 8);
        memcpy(&bits[3], &v.vega, 8);
        for (int k = 0; k < 4; k++) {
            cr_assert_eq(bits[k], pin->bits[k], "pin %zu figure %d: %016llx", i, k,
                         (unsigned long long)bits[k]);
        }
        double alone = cb_black76_price(pin->call, pin->forward, pin->strike, pin->vol, pin->years);
        cr_assert_eq(memcmp(&alone, &v.price, 8), 0);
    }
}

static long double normal_long(long double x)
{
    return 0.5L * erfcl(-x / sqrtl(2.0L));
}

Test(black76, price_agrees_with_long_double_erfc)
{
    struct random random = random_from_environment();
    for (int i = 0; i < 20000 * effort(); i++) {
        double forward = pow(10.0, random_real(&random, -4.0, 5.5));
        double strike = forward * pow(10.0, i % 3 == 0 ? random_real(&random, -2.0, 2.0)
                                                       : random_real(&random, -0.1, 0.1));
        double vol = pow(10.0, random_real(&random, -2.0, 0.7));
        double years = 1.0 / 8766.0 * pow(10.0, random_real(&random, 0.0, 4.64));
        bool call = i % 2 == 0;
        long double s = (long double)vol * sqrtl((long double)years);
        long double d1 = logl((long double)forward / (long double)strike) / s + s / 2;
        long double sign = call ? 1 : -1;
        long double want = sign * ((long double)forward * normal_long(sign * d1) -
                                   (long double)strike * normal_long(sign * (d1 - s)));
        long double got = cb_black76_price(call, forward, strike, vol, years);
        /* The reference cancels: its own error is some 1e-19 of forward and strike. */
        long double allowed = 1e-12L * want + 4e-18L * (long double)(forward + strike);
        cr_assert(fabsl(got - want) <= allowed, "F %a K %a vol %a T %a: %La, want %La", forward, strike, vol,
                  years, got, want);
    }
}

Test(black76, prices_stay_inside_their_bounds_and_rise_with_volatility)
{
    struct random random = random_from_environment();
    for (int i = 0; i < 20000 * effort(); i++) {
        double forward = pow(10.0, random_real(&random, -8.0, 10.0));
        double strike = pow(10.0, random_real(&random, -8.0, 10.0));
        double vol = pow(10.0, random_real(&random, -9.0, 2.0));
        double years = pow(10.0, random_real(&random, -7.5, 2.4));
        for (int call = 0; call < 2; call++) {
            double intrinsic = call ? forward - strike : strike - forward;
            double low = cb_black76_price(call, forward, strike, vol, years);
            double high = cb_black76_price(call, forward, strike, vol * 1.25, years);
            cr_assert_geq(low, intrinsic > 0.0 ? intrinsic : 0.0);
            cr_assert_leq(high, (call ? forward : strike) * (1.0 + 1e-14));
            cr_assert_geq(high, low * (1.0 - 1e-12));
        }
    }
}

Test(black76, put_and_call_differ_by_forward_less_strike)
{
    struct random random = random_from_environment();
    for (int i = 0; i < 20000 * effort(); i++) {
        double forward = random_real(&random, 1.0, 200.0), strike = random_real(&random, 1.0, 200.0);
        double vol = random_real(&random, 0.01, 5.0), years = random_real(&random, 1e-4, 5.0);
        struct cb_black76 call = cb_black76_value(true, forward, strike, vol, years);
        struct cb_black76 put = cb_black76_value(false, forward, strike, vol, years);
        cr_assert_float_eq(call.price - put.price, forward - strike, 1e-12);
        cr_assert_float_eq(call.delta - put.delta, 1.0, 1e-15);
        cr_assert_eq(call.gamma, put.gamma);
        cr_assert_eq(call.vega, put.vega);
    }
}

Test(black76, greeks_are_the_slopes_of_the_price)
{
    struct random random = random_from_environment();
    for (int i = 0; i < 5000 * effort(); i++) {
        double strike = 100.0, forward = random_real(&random, 60.0, 160.0),
               vol = random_real(&random, 0.2, 2.0), years = random_real(&random, 0.05, 2.0);
        bool call = i % 2 == 0;
        struct cb_black76 v = cb_black76_value(call, forward, strike, vol, years);
        double df = 1e-3, dv = 1e-5;
        double up = cb_black76_price(call, forward + df, strike, vol, years);
        double down = cb_black76_price(call, forward - df, strike, vol, years);
        cr_assert_float_eq(v.delta, (up - down) / (2 * df), 1e-8);
        cr_assert_float_eq(v.gamma, (up - 2 * v.price + down) / (df * df), 1e-6);
        double more = cb_black76_price(call, forward, strike, vol + dv, years);
        double less = cb_black76_price(call, forward, strike, vol - dv, years);
        cr_assert_float_eq(v.vega, (more - less) / (2 * dv), 1e-6);
    }
}

static FILE *vectors(const char *name)
{
    const char *folder = getenv("CLEARBOX_VECTORS");
    char path[1024];
    snprintf(path, sizeof path, "%s/margin/%s", folder != NULL ? folder : "../shared/vectors", name);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        fprintf(stderr, "skipped, because there is no %s (set CLEARBOX_VECTORS)\n", path);
        cr_skip_test("no vectors");
    }
    return file;
}

Test(black76, published_undiscounted_calls_are_met_to_1e12)
{
    FILE *file = vectors("strata_black76_undiscounted_calls.csv");
    char line[256];
    int rows = 0;
    cr_assert_not_null(fgets(line, sizeof line, file));
    while (fgets(line, sizeof line, file) != NULL) {
        double forward, strike, years, vol, want;
        cr_assert_eq(sscanf(line, "%lf,%lf,%lf,%lf,%lf", &forward, &strike, &years, &vol, &want), 5, "%s",
                     line);
        cr_assert_float_eq(cb_black76_price(true, forward, strike, vol, years), want, 1e-12 * (1.0 + want),
                           "%s", line);
        rows++;
    }
    fclose(file);
    cr_assert_eq(rows, 21);
}

/* Haug's table has a spot, a dividend yield and a discount; the forward and the factor are made from them. */
Test(black76, published_textbook_values_and_greeks_are_met)
{
    FILE *file = vectors("haug_european_black_scholes.csv");
    char line[256];
    int rows = 0;
    cr_assert_not_null(fgets(line, sizeof line, file));
    while (fgets(line, sizeof line, file) != NULL) {
        char measure[32], type[8];
        double strike, spot, yield, rate, years, vol, rounded, want, got;
        cr_assert_eq(sscanf(line, "%31[^,],%7[^,],%lf,%lf,%lf,%lf,%lf,%lf,%lf,%lf", measure, type, &strike,
                            &spot, &yield, &rate, &years, &vol, &rounded, &want),
                     10, "%s", line);
        double growth = exp((rate - yield) * years), discount = exp(-rate * years);
        struct cb_black76 v = cb_black76_value(strcmp(type, "Call") == 0, spot * growth, strike, vol, years);
        if (strcmp(measure, "value") == 0) {
            got = discount * v.price;
        } else if (strcmp(measure, "delta") == 0) {
            got = discount * growth * v.delta;
        } else if (strcmp(measure, "gamma") == 0) {
            got = discount * growth * growth * v.gamma;
        } else if (strcmp(measure, "vega") == 0) {
            got = discount * v.vega;
        } else {
            continue; /* theta, rho, elasticity: not ours */
        }
        cr_assert_float_eq(got, want, 1e-9, "%s", line);
        rows++;
    }
    fclose(file);
    cr_assert_eq(rows, 49);
}

Test(real, rounding_is_to_nearest_and_ties_to_even)
{
    cr_assert_eq(cb_real_round(0.5), 0);
    cr_assert_eq(cb_real_round(1.5), 2);
    cr_assert_eq(cb_real_round(2.5), 2);
    cr_assert_eq(cb_real_round(-0.5), 0);
    cr_assert_eq(cb_real_round(-1.5), -2);
    cr_assert_eq(cb_real_round(2147483646.4999998), 2147483646);
    cr_assert_eq(cb_real_round(-2251799813685247.5), -2251799813685248);
}

Test(real, elementary_functions_stay_within_their_stated_errors)
{
    struct random random = random_from_environment();
    long double ulp = 0x1p-53L;
    for (int i = 0; i < 100000 * effort(); i++) {
        double x = i % 2 == 0 ? random_real(&random, -708.0, 708.0) : random_real(&random, -1.0, 1.0);
        cr_assert(fabsl(cb_real_exp(x) / expl(x) - 1) <= 2 * ulp, "exp %a", x);
        double a = pow(10.0, random_real(&random, -10.0, 10.0));
        double b =
            i % 2 == 0 ? pow(10.0, random_real(&random, -10.0, 10.0)) : a * random_real(&random, 0.6, 1.6);
        long double gap = ((long double)a - b) / b;
        long double log = fabsl(gap) < 0.75L ? log1pl(gap) : logl((long double)a / b);
        cr_assert(fabsl(cb_real_log_ratio(a, b) - log) <= 6 * ulp * fabsl(log), "log %a / %a", a, b);
        double y = random_real(&random, -6.0, 6.0);
        cr_assert(fabsl(cb_real_normal(y) / normal_long(y) - 1) <= 10 * ulp, "normal %a", y);
        double base = random_real(&random, 0.01, 30.0);
        cr_assert(fabsl(cb_real_power(base, 0.3) / powl(base, (long double)0.3) - 1) <= 20 * ulp, "power %a",
                  base);
    }
    cr_assert_eq(cb_real_exp(0.0), 1.0);
    cr_assert_eq(cb_real_log_ratio(7.0, 7.0), 0.0);
    cr_assert_eq(cb_real_power(1.0, 0.13), 1.0);
    cr_assert_eq(cb_real_exp(-746.0), 0.0);
    cr_assert_gt(cb_real_exp(-745.0), 0.0);
}
