/* Goal: netting is exact and its cells round as named. Method: the limbs against 128-bit integers, every
 * kernel variant against the plain one, edges of the cells by hand. */
#include "clearbox/fixed.h"
#include "host/risk/net.h"
#include "tests/unit/risk/random.h"

#include <criterion/criterion.h>
#include <string.h>

static cb_s128 wide(cb_net_acc acc)
{
    return (cb_s128)acc.hi * ((cb_s128)1 << 64) + (cb_s128)(cb_u128)acc.lo;
}

static cb_net_acc narrow(cb_s128 value)
{
    return (cb_net_acc){.hi = (int64_t)(value >> 64), .lo = (uint64_t)value};
}

static cb_net_acc total(const struct cb_net_sums *sums, unsigned lane)
{
    return cb_net_total(sums->limb[0][lane], sums->limb[1][lane], sums->limb[2][lane]);
}

static struct cb_risk_row random_row(struct random *random)
{
    struct cb_risk_row row;
    for (unsigned lane = 0; lane < CB_RISK_LANES; lane++) {
        row.m[lane] = (int32_t)random_sized(random, 31);
    }
    return row;
}

Test(net, limbs_make_up_their_quantity)
{
    struct random random = random_from_environment();
    for (int i = 0; i < 100000 * effort(); i++) {
        int64_t q = i == 0 ? (1L << 60) - 1 : i == 1 ? -(1L << 60) + 1 : random_sized(&random, 60);
        int64_t sum = cb_net_limb(q, 0) + cb_net_limb(q, 1) * (1L << 26) + cb_net_limb(q, 2) * (1L << 52);
        cr_assert_eq(sum, q);
    }
}

Test(net, sums_are_exact_past_many_carries)
{
    struct random random = random_from_environment();
    for (int round = 0; round < 20 * effort(); round++) {
        struct cb_net_sums sums;
        cb_s128 want[CB_RISK_LANES] = {0};
        cb_net_clear(&sums);
        cb_net_add_fn *add;
        cb_net_order_fn *order;
        cr_assert(cb_net_select(CB_NET_PLAIN, &add, &order));
        for (int i = 0; i < 500; i++) {
            struct cb_risk_row row = random_row(&random);
            int64_t q = random_sized(&random, 60);
            bool is_order = (random_u64(&random) & 3u) == 0;
            (is_order ? order : add)(&sums, &row, q);
            for (unsigned lane = 0; lane < CB_RISK_LANES; lane++) {
                cb_s128 product = (cb_s128)q * row.m[lane];
                want[lane] += is_order && product > 0 ? 0 : product;
            }
        }
        for (unsigned lane = 0; lane < CB_RISK_LANES; lane++) {
            cr_assert(wide(total(&sums, lane)) == want[lane], "lane %u", lane);
        }
    }
}

Test(net, the_worst_possible_account_does_not_overflow)
{
    struct cb_net_sums sums;
    struct cb_risk_row row;
    for (int sign = -1; sign <= 1; sign += 2) {
        for (unsigned lane = 0; lane < CB_RISK_LANES; lane++) {
            row.m[lane] = (lane % 2 == 0 ? 1 : -1) * 2147483647;
        }
        cb_net_clear(&sums);
        cb_net_add_fn *add;
        cb_net_order_fn *order;
        cr_assert(cb_net_select(CB_NET_PLAIN, &add, &order));
        const int64_t q = sign * ((1L << 60) - 1);
        for (unsigned i = 0; i < CB_POSITIONS_PER_ACCOUNT_MAX + CB_HOLDINGS_MAX; i++) {
            add(&sums, &row, q);
        }
        cb_s128 want = (cb_s128)q * 2147483647 * (CB_POSITIONS_PER_ACCOUNT_MAX + CB_HOLDINGS_MAX);
        cr_assert(wide(total(&sums, 0)) == want);
        cr_assert(wide(total(&sums, 1)) == -want);
    }
}

Test(net, every_variant_gives_the_plain_ones_bits)
{
    struct random random = random_from_environment();
    for (int variant = CB_NET_AVX2; variant < CB_NET_VARIANTS; variant++) {
        cb_net_add_fn *add, *plain_add;
        cb_net_order_fn *order, *plain_order;
        cr_assert(cb_net_select(CB_NET_PLAIN, &plain_add, &plain_order));
        if (!cb_net_select((enum cb_net_variant)variant, &add, &order)) {
            fprintf(stderr, "variant %d skipped, because this processor does not run it\n", variant);
            continue;
        }
        struct cb_net_sums fast, plain;
        cb_net_clear(&fast);
        cb_net_clear(&plain);
        for (int i = 0; i < 20000 * effort(); i++) {
            struct cb_risk_row row = random_row(&random);
            int64_t q = random_sized(&random, 60);
            bool is_order = (random_u64(&random) & 1u) == 0;
            (is_order ? order : add)(&fast, &row, q);
            (is_order ? plain_order : plain_add)(&plain, &row, q);
            cr_assert_eq(memcmp(&fast, &plain, sizeof fast), 0, "variant %d step %d", variant, i);
        }
    }
}

Test(net, cells_round_a_loss_up_and_a_credit_down)
{
    cb_u32 flag = 0;
    cr_assert_eq(cb_net_loss_cell(narrow(-5), 2, &flag), 2);
    cr_assert_eq(cb_net_loss_cell(narrow(-4), 2, &flag), 1);
    cr_assert_eq(cb_net_loss_cell(narrow(5), 2, &flag), -1);
    cr_assert_eq(cb_net_loss_cell(narrow(-1), 63, &flag), 1);
    cr_assert_eq(cb_net_loss_cell(narrow(1), 63, &flag), 0);
    cr_assert_eq(cb_net_loss_cell(narrow(0), 63, &flag), 0);
    cr_assert_eq(cb_net_loss_cell(narrow(-7), 0, &flag), 7);
    cr_assert_eq(cb_net_floor_cell(narrow(5), 2, &flag), 1);
    cr_assert_eq(cb_net_floor_cell(narrow(-5), 2, &flag), -2);
    cr_assert_eq(cb_net_floor_cell(narrow(-1), 63, &flag), -1);
    cr_assert_eq(flag, 0);
}

Test(net, cells_saturate_with_a_sticky_flag_exactly_at_the_edge)
{
    const cb_s128 top = INT64_MAX, bottom = INT64_MIN;
    for (cb_u32 e = 0; e < 40; e++) {
        cb_u32 flag = 0;
        cr_assert_eq(cb_net_loss_cell(narrow(-(top << e)), e, &flag), INT64_MAX);
        cr_assert_eq(cb_net_loss_cell(narrow((top + 1) << e), e, &flag), INT64_MIN);
        cr_assert_eq(cb_net_floor_cell(narrow(bottom * ((cb_s128)1 << e)), e, &flag), INT64_MIN);
        cr_assert_eq(flag, 0, "e %u", e);
        cr_assert_eq(cb_net_loss_cell(narrow(-(top << e) - 1), e, &flag), INT64_MAX);
        cr_assert_eq(flag, 1);
        flag = 0;
        cr_assert_eq(cb_net_floor_cell(narrow(bottom * ((cb_s128)1 << e) - 1), e, &flag), INT64_MIN);
        cr_assert_eq(flag, 1);
        cr_assert_eq(cb_net_loss_cell(narrow(0), e, &flag), 0);
        cr_assert_eq(flag, 1, "the flag must not be cleared");
    }
}

Test(net, cells_match_wide_integers)
{
    struct random random = random_from_environment();
    for (int i = 0; i < 200000 * effort(); i++) {
        cb_s128 acc = (cb_s128)random_sized(&random, 60) * random_sized(&random, 50);
        cb_u32 e = (cb_u32)(random_u64(&random) % 64u), flag = 0;
        cb_s128 unit = (cb_s128)1 << e;
        cb_s128 floor = acc / unit - (acc % unit < 0);
        cb_s128 loss = -acc / unit + (-acc % unit > 0);
        bool fits = floor >= INT64_MIN && floor <= INT64_MAX;
        int64_t got = cb_net_floor_cell(narrow(acc), e, &flag);
        cr_assert(flag == !fits && (!fits || got == floor));
        flag = 0;
        fits = loss >= INT64_MIN && loss <= INT64_MAX;
        got = cb_net_loss_cell(narrow(acc), e, &flag);
        cr_assert(flag == !fits && (!fits || got == loss));
    }
}

/* The definition: a loss cell per scenario, the greatest, ties to the lowest. */
static int64_t worst_by_definition(const struct cb_net_sums *sums, const struct cb_net_sums *orders, cb_u32 e,
                                   uint8_t *scenario, cb_u32 *flag)
{
    int64_t worst = 0;
    *scenario = 0;
    for (unsigned lane = 0; lane < CB_SCENARIOS_MAX; lane++) {
        cb_net_acc acc = total(sums, lane);
        if (orders != NULL) {
            acc = cb_net_sum(acc, total(orders, lane));
        }
        int64_t loss = cb_net_loss_cell(acc, e, flag);
        if (loss > worst) {
            worst = loss;
            *scenario = (uint8_t)lane;
        }
    }
    return worst;
}

static void compare_worst(const struct cb_net_sums *sums, const struct cb_net_sums *orders, cb_u32 e)
{
    uint8_t want_scenario, scenario = 77;
    cb_u32 want_flag = 0, flag;
    int64_t want = worst_by_definition(sums, orders, e, &want_scenario, &want_flag);
    for (int variant = CB_NET_PLAIN; variant < CB_NET_VARIANTS; variant++) {
        cb_net_worst_fn *worst;
        if (cb_net_select_worst((enum cb_net_variant)variant, &worst)) {
            flag = 0;
            cr_assert_eq(worst(sums, orders, e, &scenario, &flag), want, "variant %d e %u", variant, e);
            cr_assert_eq(scenario, want_scenario, "variant %d e %u", variant, e);
            cr_assert_eq(flag != 0, want_flag != 0, "variant %d e %u", variant, e);
            flag = 1;
            (void)worst(sums, orders, e, &scenario, &flag);
            cr_assert_eq(flag, 1, "the flag must not be cleared");
        }
    }
}

Test(net, the_worst_loss_is_the_greatest_cell_of_the_lowest_scenario_in_every_variant)
{
    struct random random = random_from_environment();
    for (int i = 0; i < 20000 * effort(); i++) {
        struct cb_net_sums sums, orders;
        unsigned bits = 2u + (unsigned)(random_u64(&random) % 61u);
        cb_net_clear(&sums);
        cb_net_clear(&orders);
        for (unsigned lane = 0; lane < CB_RISK_LANES; lane++) {
            for (unsigned limb = 0; limb < CB_NET_LIMBS; limb++) {
                /* Few bits make ties, many make saturation. */
                sums.limb[limb][lane] = random_sized(&random, limb == 2 ? bits * 3 / 4 : bits);
                orders.limb[limb][lane] = random_sized(&random, limb == 2 ? bits / 2 : bits);
            }
        }
        if (i % 3 == 0) { /* nothing in the upper limbs: the usual account */
            memset(sums.limb[1], 0, 2 * sizeof sums.limb[1]);
            memset(orders.limb[1], 0, 2 * sizeof orders.limb[1]);
        }
        cb_u32 e = (cb_u32)(random_u64(&random) % 64u);
        compare_worst(&sums, NULL, e);
        compare_worst(&sums, &orders, e);
    }
}

Test(net, the_worst_loss_at_the_edges)
{
    struct cb_net_sums sums;
    cb_net_clear(&sums);
    for (cb_u32 e = 0; e < 64; e++) {
        compare_worst(&sums, NULL, e); /* nothing lost anywhere: 0, scenario 0 */
    }
    sums.limb[0][7] = -1;
    sums.limb[0][9] = -1;
    sums.limb[0][3] = 1;
    for (cb_u32 e = 0; e < 64; e++) {
        compare_worst(&sums, NULL, e); /* the smallest loss, twice: rounds up to 1, scenario 7 */
        compare_worst(&sums, &sums, e);
    }
    for (unsigned limb = 0; limb < 2; limb++) { /* exactly at, and one past, where a cell saturates: 2^63 */
        for (int64_t past = -2; past <= 2; past++) {
            for (int sign = -1; sign <= 1; sign += 2) {
                cb_net_clear(&sums);
                sums.limb[2][30] = sign * (1L << 11);
                sums.limb[0][30] = past;
                sums.limb[0][31] = limb == 0 ? 0 : sign * 5;
                compare_worst(&sums, NULL, 0);
                compare_worst(&sums, NULL, 1);
            }
        }
    }
}

Test(net, a_started_sum_forgets_what_its_limbs_held)
{
    struct random random = random_from_environment();
    for (int variant = CB_NET_PLAIN; variant < CB_NET_VARIANTS; variant++) {
        cb_net_add_fn *add;
        cb_net_order_fn *order;
        if (!cb_net_select((enum cb_net_variant)variant, &add, &order)) {
            continue;
        }
        for (int i = 0; i < 1000; i++) {
            struct cb_net_sums dirty, clean;
            memset(&dirty, 0x5A, sizeof dirty);
            cb_net_start(&dirty);
            cb_net_clear(&clean);
            cr_assert_eq(dirty.used, 0);
            struct cb_risk_row row = random_row(&random);
            int64_t q = random_sized(&random, 60);
            (i % 2 == 0 ? add : order)(&dirty, &row, q);
            (i % 2 == 0 ? add : order)(&clean, &row, q);
            cr_assert_eq(memcmp(&dirty, &clean, sizeof dirty), 0);
            cr_assert_eq(dirty.used, 1);
        }
    }
}
