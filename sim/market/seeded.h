/* A market from a seed: the configured factors as a correlated jump-diffusion.
 *
 * Per step of dt: r = sigma * sqrt(dt) * (c * z0 + sqrt(1 - c^2) * z) + jump, P *= 1 + r, z0 common to all, c
 * = 0.8; a jump (about two a year and factor, and as many common ones) has a size of up to +-20 %. A factor
 * whose volatility is at most 10 % is a stablecoin: it is drawn back to where it started, and its jump is a
 * de-peg. Double with + - * / only (its own square root), never contracted: the same prices on every compiler
 * and machine. */
#ifndef CB_SIM_MARKET_SEEDED_H
#define CB_SIM_MARKET_SEEDED_H

#include "sim/market/prices.h"
#include "sim/market/random.h"

struct cb_seeded {
    const struct cb_config *config;
    struct cb_market_random random;
    int64_t time_ns, step_ns;
    uint64_t left;
    double common_jump; /* probability per step */
    struct {
        double price, start, sigma_step;
        bool stable;
    } factor[CB_FACTORS_MAX];
};

/* Requires: step_ns > 0. The first step has the time start_ns. Lifetime: config. */
void cb_seeded_init(struct cb_seeded *seeded, const struct cb_config *config, uint64_t seed, int64_t start_ns,
                    int64_t step_ns, uint64_t steps);

/* Returns true with the next step (every factor has a row), false when all steps were given. */
bool cb_seeded_next(struct cb_seeded *seeded, struct cb_price_step *step);

/* Where a factor of this name starts, in 1e-8 USD: a usual price for the names used in the scenarios, 100 USD
 * otherwise. */
int64_t cb_seeded_start_e8(const char *name);

/* The square root by Newton's method. Requires: x >= 0. */
double cb_seeded_sqrt(double x);

#endif
