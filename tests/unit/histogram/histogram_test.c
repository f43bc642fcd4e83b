/* Goal: percentiles are right to 0.1 %, count, mean and extremes exactly. Method: every bucket edge of the
 * range, then random samples against their sorted list. */
#include "host/base/histogram.h"

#include "tests/support/random.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct cb_histogram histogram, other, both;

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

Test(histogram, empty_one_answers_zero)
{
    cb_histogram_init(&histogram);
    cr_assert_eq(cb_histogram_count(&histogram), 0);
    cr_assert_eq(cb_histogram_percentile(&histogram, 500000), 0);
    cr_assert_eq(cb_histogram_mean(&histogram), 0);
    cr_assert_eq(cb_histogram_min(&histogram), 0);
    cr_assert_eq(cb_histogram_max(&histogram), 0);
}

Test(histogram, single_value_is_every_percentile_exactly)
{
    struct random random = random_start("histogram single");
    for (uint32_t i = 0; i < 200; i++) {
        int64_t value = (int64_t)(random_u64(&random) >> (1 + random_below(&random, 62)));
        cb_histogram_init(&histogram);
        cb_histogram_record(&histogram, value);
        cr_assert_eq(cb_histogram_percentile(&histogram, 0), (uint64_t)value);
        cr_assert_eq(cb_histogram_percentile(&histogram, 1000000), (uint64_t)value);
        cr_assert_eq(cb_histogram_mean(&histogram), (uint64_t)value);
        cr_assert_eq(cb_histogram_min(&histogram), (uint64_t)value);
    }
}

Test(histogram, value_and_its_percentile_differ_by_less_than_a_thousandth_at_every_power_of_two)
{
    for (uint32_t bits = 0; bits < 40; bits++) {
        for (int64_t offset = -2; offset <= 2; offset++) {
            int64_t value = (INT64_C(1) << bits) + offset;
            if (value < 0) {
                continue;
            }
            cb_histogram_init(&histogram);
            cb_histogram_record(&histogram, value);
            cb_histogram_record(&histogram, INT64_MAX); /* so that max does not hide the bucket's end */
            uint64_t found = cb_histogram_percentile(&histogram, 500000);
            cr_assert_geq(found, (uint64_t)value);
            if (value < 2 * (int64_t)CB_HISTOGRAM_SUB) {
                cr_assert_eq(found, (uint64_t)value);
            } else {
                cr_assert_lt((found - (uint64_t)value) * CB_HISTOGRAM_SUB, (uint64_t)value);
            }
        }
    }
}

Test(histogram, buckets_are_in_order_and_each_is_reached)
{
    cb_histogram_init(&histogram);
    uint64_t value = 0;
    for (uint32_t i = 0; i < CB_HISTOGRAM_BUCKETS; i++) {
        cb_histogram_record(&histogram, (int64_t)value);
        cr_assert_eq(histogram.bucket[i], 1, "the first value of bucket %u", i);
        uint64_t width = i < 2 * CB_HISTOGRAM_SUB ? 1 : UINT64_C(1) << (i / CB_HISTOGRAM_SUB - 1);
        value += width;
    }
    cr_assert_eq(value, CB_HISTOGRAM_VALUE_MAX + 1);
}

Test(histogram, values_beyond_the_range_keep_count_mean_and_max)
{
    cb_histogram_init(&histogram);
    cb_histogram_record(&histogram, -5);
    cb_histogram_record(&histogram, (int64_t)CB_HISTOGRAM_VALUE_MAX);
    cb_histogram_record(&histogram, (int64_t)CB_HISTOGRAM_VALUE_MAX + 1);
    for (uint32_t i = 0; i < 3; i++) {
        cb_histogram_record(&histogram, INT64_MAX);
    }
    cr_assert_eq(cb_histogram_count(&histogram), 6);
    cr_assert_eq(cb_histogram_min(&histogram), 0);
    cr_assert_eq(cb_histogram_max(&histogram), (uint64_t)INT64_MAX);
    cr_assert_eq(cb_histogram_percentile(&histogram, 1), 0);
    cr_assert_eq(cb_histogram_percentile(&histogram, 999999), (uint64_t)INT64_MAX);
    cr_assert_eq(histogram.bucket[CB_HISTOGRAM_BUCKETS - 1], 5);
    /* 3 * (2^63 - 1) + 2 * 2^40 - 1 needs more than 64 bits: the mean has not wrapped. */
    cr_assert_eq(cb_histogram_mean(&histogram), UINT64_C(4611686018427387903) + UINT64_C(366503875925));
}

Test(histogram, percentiles_of_samples_are_the_sorted_ones_within_a_thousandth)
{
    struct random random = random_start("histogram");
    uint32_t rounds = random_effort(20);
    static int64_t sample[5000];
    for (uint32_t round = 0; round < rounds; round++) {
        uint32_t count = 1 + (uint32_t)random_below(&random, 5000);
        unsigned shift = 24 + (unsigned)random_below(&random, 30);
        cb_histogram_init(&histogram);
        uint64_t sum = 0;
        for (uint32_t i = 0; i < count; i++) {
            sample[i] = (int64_t)(random_u64(&random) >> shift);
            sum += (uint64_t)sample[i];
            cb_histogram_record(&histogram, sample[i]);
        }
        qsort(sample, count, sizeof sample[0], compare);
        cr_assert_eq(cb_histogram_mean(&histogram), sum / count);
        cr_assert_eq(cb_histogram_max(&histogram), (uint64_t)sample[count - 1]);
        static const uint32_t ppm[] = {0, 1, 10000, 250000, 500000, 990000, 999000, 999999, 1000000};
        uint64_t before = 0;
        for (size_t k = 0; k < sizeof ppm / sizeof ppm[0]; k++) {
            uint64_t rank = ((uint64_t)count * ppm[k] + 999999) / 1000000;
            uint64_t exact = (uint64_t)sample[rank == 0 ? 0 : rank - 1];
            uint64_t found = cb_histogram_percentile(&histogram, ppm[k]);
            cr_assert_geq(found, before);
            cr_assert_geq(found, exact);
            cr_assert_leq((found - exact) * CB_HISTOGRAM_SUB, exact);
            before = found;
        }
    }
}

Test(histogram, merge_is_as_if_all_had_been_recorded_into_one)
{
    struct random random = random_start("histogram merge");
    cb_histogram_init(&histogram);
    cb_histogram_init(&other);
    cb_histogram_init(&both);
    cb_histogram_merge(&histogram, &other);
    cr_assert_eq(memcmp(&histogram, &both, sizeof both), 0, "nothing and nothing");
    for (uint32_t i = 0; i < 20000; i++) {
        int64_t value = (int64_t)(random_u64(&random) >> (1 + random_below(&random, 50)));
        cb_histogram_record(random_below(&random, 3) == 0 ? &histogram : &other, value);
        cb_histogram_record(&both, value);
    }
    cb_histogram_merge(&histogram, &other);
    cr_assert_eq(memcmp(&histogram, &both, sizeof both), 0);
}
