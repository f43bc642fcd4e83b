/* Seeded randomness for property tests. CB_SEED replaces the seed, which is printed; CB_EFFORT (1: the gate,
 * 100: closing) scales how much is tried. The generator is SplitMix64. */
#ifndef CB_TESTS_SUPPORT_RANDOM_H
#define CB_TESTS_SUPPORT_RANDOM_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct random {
    uint64_t state;
};

static inline struct random random_start(const char *what)
{
    const char *text = getenv("CB_SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : 20240229u;
    fprintf(stderr, "%s: CB_SEED=%" PRIu64 "\n", what, seed);
    return (struct random){.state = seed};
}

static inline uint32_t random_effort(uint32_t rounds)
{
    const char *text = getenv("CB_EFFORT");
    unsigned long effort = text != NULL ? strtoul(text, NULL, 10) : 1;
    return rounds * (uint32_t)(effort > 0 && effort <= 1000 ? effort : 1);
}

static inline uint64_t random_u64(struct random *random)
{
    uint64_t z = random->state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

/* 0 .. bound-1; the bias is below bound / 2^64. */
static inline uint64_t random_below(struct random *random, uint64_t bound)
{
    return random_u64(random) % bound;
}

static inline int64_t random_between(struct random *random, int64_t least, int64_t most)
{
    return least + (int64_t)random_below(random, (uint64_t)(most - least) + 1);
}

#endif
