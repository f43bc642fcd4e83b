#include "host/base/histogram.h"

#include "host/base/assert.h"

#include <string.h>

__extension__ typedef unsigned __int128 u128;

static uint32_t bucket_of(uint64_t value)
{
    if (value > CB_HISTOGRAM_VALUE_MAX) {
        return CB_HISTOGRAM_BUCKETS - 1;
    }
    if (value < 2 * CB_HISTOGRAM_SUB) {
        return (uint32_t)value;
    }
    /* The top 11 bits of the value, of which the first is 1, and how far they were shifted. */
    uint32_t shift = 63u - CB_HISTOGRAM_SUB_BITS - (uint32_t)__builtin_clzll(value);
    return shift * CB_HISTOGRAM_SUB + (uint32_t)(value >> shift);
}

/* The greatest value of a bucket. */
static uint64_t bucket_end(uint32_t bucket)
{
    if (bucket < 2 * CB_HISTOGRAM_SUB) {
        return bucket;
    }
    uint32_t shift = bucket / CB_HISTOGRAM_SUB - 1;
    uint64_t top = bucket - shift * CB_HISTOGRAM_SUB;
    return ((top + 1) << shift) - 1;
}

static void add_to_sum(struct cb_histogram *histogram, uint64_t hi, uint64_t lo)
{
    histogram->sum_hi += hi + (__builtin_add_overflow(histogram->sum_lo, lo, &histogram->sum_lo) ? 1 : 0);
}

void cb_histogram_init(struct cb_histogram *histogram)
{
    memset(histogram, 0, sizeof *histogram);
    histogram->min = UINT64_MAX;
}

void cb_histogram_record(struct cb_histogram *histogram, int64_t value_ns)
{
    uint64_t value = value_ns < 0 ? 0 : (uint64_t)value_ns;
    histogram->count++;
    histogram->min = value < histogram->min ? value : histogram->min;
    histogram->max = value > histogram->max ? value : histogram->max;
    histogram->bucket[bucket_of(value)]++;
    add_to_sum(histogram, 0, value);
}

void cb_histogram_merge(struct cb_histogram *histogram, const struct cb_histogram *other)
{
    histogram->count += other->count;
    histogram->min = other->min < histogram->min ? other->min : histogram->min;
    histogram->max = other->max > histogram->max ? other->max : histogram->max;
    add_to_sum(histogram, other->sum_hi, other->sum_lo);
    for (uint32_t i = 0; i < CB_HISTOGRAM_BUCKETS; i++) {
        histogram->bucket[i] += other->bucket[i];
    }
}

uint64_t cb_histogram_percentile(const struct cb_histogram *histogram, uint32_t ppm)
{
    CB_ASSERT(ppm <= 1000000u);
    if (histogram->count == 0) {
        return 0;
    }
    uint64_t rank = (uint64_t)(((u128)histogram->count * ppm + 999999u) / 1000000u);
    rank = rank == 0 ? 1 : rank;
    uint64_t seen = 0;
    for (uint32_t i = 0; i < CB_HISTOGRAM_BUCKETS - 1; i++) {
        seen += histogram->bucket[i];
        if (seen >= rank) {
            uint64_t end = bucket_end(i);
            return end < histogram->max ? end : histogram->max;
        }
    }
    return histogram->max; /* the last bucket also has what is beyond its end */
}

uint64_t cb_histogram_mean(const struct cb_histogram *histogram)
{
    if (histogram->count == 0) {
        return 0;
    }
    return (uint64_t)(((u128)histogram->sum_hi << 64 | histogram->sum_lo) / histogram->count);
}

uint64_t cb_histogram_min(const struct cb_histogram *histogram)
{
    return histogram->count == 0 ? 0 : histogram->min;
}

uint64_t cb_histogram_max(const struct cb_histogram *histogram)
{
    return histogram->max;
}

uint64_t cb_histogram_count(const struct cb_histogram *histogram)
{
    return histogram->count;
}
