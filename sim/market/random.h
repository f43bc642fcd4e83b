/* The generator's own random numbers: splitmix64, one 64-bit word of state. Every draw is a pure function of
 * the seed and of how many were drawn before, on every machine and compiler. */
#ifndef CB_SIM_MARKET_RANDOM_H
#define CB_SIM_MARKET_RANDOM_H

#include <stdint.h>

__extension__ typedef unsigned __int128 cb_market_u128;

struct cb_market_random {
    uint64_t state;
};

/* The output function of splitmix64: a bijection that spreads every input bit over the word. Unsigned wrap is
 * meant. */
static inline uint64_t cb_market_mix(uint64_t z)
{
    z += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static inline uint64_t cb_market_random_next(struct cb_market_random *random)
{
    uint64_t value = cb_market_mix(random->state);
    random->state += 0x9E3779B97F4A7C15u;
    return value;
}

/* Uniform in 0 .. bound-1 (the bias of the multiply is below bound / 2^64). Requires: bound > 0. */
static inline uint64_t cb_market_random_below(struct cb_market_random *random, uint64_t bound)
{
    return (uint64_t)(((cb_market_u128)cb_market_random_next(random) * bound) >> 64);
}

/* Uniform in [0, 1), a multiple of 2^-53. */
static inline double cb_market_random_unit(struct cb_market_random *random)
{
    return (double)(cb_market_random_next(random) >> 11) * 0x1.0p-53;
}

/* Nearly normal, mean 0, variance 1, |z| <= 6: the sum of twelve uniforms. Only + and -, so that compilers
 * agree on every bit; the generator needs no better tails, its jumps make them. */
static inline double cb_market_random_normal(struct cb_market_random *random)
{
    double sum = -6.0;
    for (int i = 0; i < 12; i++) {
        sum += cb_market_random_unit(random);
    }
    return sum;
}

#endif
