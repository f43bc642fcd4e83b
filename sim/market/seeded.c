#include "sim/market/seeded.h"

#include "host/base/assert.h"

#include <string.h>

#define YEAR_NS        (365.25 * 86400.0 * 1e9)
#define CORRELATION    0.8 /* c: weight of the common shock */
#define OWN_SHARE      0.6 /* sqrt(1 - c * c) */
#define JUMPS_PER_YEAR 2.0
#define JUMP_MAX       0.20
#define STABLE_VOL     0.10 /* at most this much annual volatility: a stablecoin */
#define STABLE_PULL    0.02 /* of its distance from the start, per step */
#define PRICE_MAX      1e9  /* USD: far above any factor and safely inside 1e-8 units of 64 bits */
#define PRICE_MIN      1e-6

double cb_seeded_sqrt(double x)
{
    CB_ASSERT(x >= 0.0);
    if (x == 0.0) {
        return 0.0;
    }
    double root = x > 1.0 ? x : 1.0; /* at or above the root: the iteration falls towards it */
    for (int i = 0; i < 2000; i++) {
        double better = 0.5 * (root + x / root);
        if (better >= root) {
            break;
        }
        root = better;
    }
    return root;
}

int64_t cb_seeded_start_e8(const char *name)
{
    static const struct {
        const char *name;
        int64_t e8;
    } known[] = {{"BTC", 60000 * CB_E8}, {"ETH", 3000 * CB_E8}, {"SOL", 150 * CB_E8}, {"USDC", CB_E8},
                 {"USDT", CB_E8},        {"ADA", CB_E8 / 2},    {"DOGE", 15000000},   {"LTC", 80 * CB_E8}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strncmp(name, known[i].name, CB_NAME_BYTES) == 0) {
            return known[i].e8;
        }
    }
    return 100 * CB_E8;
}

void cb_seeded_init(struct cb_seeded *seeded, const struct cb_config *config, uint64_t seed, int64_t start_ns,
                    int64_t step_ns, uint64_t steps)
{
    CB_ASSERT(step_ns > 0);
    memset(seeded, 0, sizeof *seeded);
    seeded->config = config;
    seeded->random.state = cb_market_mix(seed ^ 0x7072696365u); /* a stream of its own */
    seeded->time_ns = start_ns;
    seeded->step_ns = step_ns;
    seeded->left = steps;
    double year_share = (double)step_ns / YEAR_NS;
    double jump = JUMPS_PER_YEAR * year_share;
    seeded->common_jump = jump < 0.5 ? jump : 0.5;
    for (uint32_t i = 0; i < config->factors_count; i++) {
        double vol = (double)config->factors[i].vol.e9 / 1e9;
        seeded->factor[i].start = seeded->factor[i].price =
            (double)cb_seeded_start_e8(config->factors[i].name) / 1e8;
        seeded->factor[i].sigma_step = vol * cb_seeded_sqrt(year_share);
        seeded->factor[i].stable = vol <= STABLE_VOL;
    }
}

/* A size in -20 % .. +20 %, mostly down: markets fall faster than they rise. */
static double draw_jump(struct cb_market_random *random)
{
    double size = JUMP_MAX * cb_market_random_unit(random);
    return cb_market_random_below(random, 10) < 7 ? -size : size;
}

bool cb_seeded_next(struct cb_seeded *seeded, struct cb_price_step *step)
{
    if (seeded->left == 0) {
        return false;
    }
    seeded->left--;
    struct cb_market_random *random = &seeded->random;
    double common = cb_market_random_normal(random), common_jump = 0.0;
    if (cb_market_random_unit(random) < seeded->common_jump) {
        common_jump = draw_jump(random);
    }
    step->time_ns = seeded->time_ns;
    step->count = seeded->config->factors_count;
    for (uint32_t i = 0; i < step->count; i++) {
        double own = cb_market_random_normal(random), jump = 0.0, price = seeded->factor[i].price;
        if (cb_market_random_unit(random) < seeded->common_jump) {
            jump = draw_jump(random);
        }
        double sigma = seeded->factor[i].sigma_step;
        if (seeded->factor[i].stable) {
            /* Its own noise, its own (half as large, downward only) jumps, and the pull of its issuer. */
            jump = jump > 0.0 ? -jump : jump;
            price *= 1.0 + sigma * own + 0.5 * jump;
            price += (seeded->factor[i].start - price) * STABLE_PULL;
        } else {
            double move = sigma * (CORRELATION * common + OWN_SHARE * own) + jump + common_jump;
            price *= 1.0 + (move > -0.5 ? move : -0.5);
        }
        price = price < PRICE_MIN ? PRICE_MIN : price > PRICE_MAX ? PRICE_MAX : price;
        seeded->factor[i].price = price;
        step->row[i] = (struct cb_price_row){.factor = (uint16_t)i, .price_e8 = (int64_t)(price * 1e8 + 0.5)};
    }
    seeded->time_ns += seeded->step_ns;
    return true;
}
