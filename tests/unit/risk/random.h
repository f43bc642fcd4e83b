/* A seeded generator for property tests: CB_SEED overrides the seed, CB_EFFORT scales the counts. */
#ifndef CB_TESTS_UNIT_RISK_RANDOM_H
#define CB_TESTS_UNIT_RISK_RANDOM_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct random {
    uint64_t state;
};

static inline struct random random_from_environment(void)
{
    const char *text = getenv("CB_SEED");
    struct random random = {text != NULL ? strtoull(text, NULL, 10) : 20240229u};
    fprintf(stderr, "CB_SEED=%llu\n", (unsigned long long)random.state);
    return random;
}

static inline int effort(void)
{
    const char *text = getenv("CB_EFFORT");
    return text != NULL ? atoi(text) : 1;
}

/* splitmix64 */
static inline uint64_t random_u64(struct random *random)
{
    uint64_t z = random->state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* In low .. high, inclusive. */
static inline int64_t random_between(struct random *random, int64_t low, int64_t high)
{
    return low + (int64_t)(random_u64(random) % ((uint64_t)(high - low) + 1u));
}

/* Any size: a random number of random bits, below 2^bits, either sign. */
static inline int64_t random_sized(struct random *random, unsigned bits)
{
    uint64_t width = random_u64(random) % bits + 1u;
    int64_t value = (int64_t)(random_u64(random) >> (64u - width));
    return (random_u64(random) & 1u) != 0 ? -value : value;
}

static inline double random_real(struct random *random, double low, double high)
{
    return low + (high - low) * (double)(random_u64(random) >> 11) * 0x1p-53;
}

#endif
