/* A latency histogram: log-linear, three significant digits, no allocation, for benches and statistics.
 *
 * Values below 2,048 have a bucket each; above, every power of two is divided into 1,024 equal buckets, so
 * that a bucket is narrower than 1/1,024 of its values (0.1 %), up to 2^40 ns (18 minutes). Greater values
 * count in the last bucket; count, mean and max stay exact for them. Never state, never serialised. About 248
 * KiB: static or arena memory, not the stack. Threads: one writer; merge per-thread ones afterwards. */
#ifndef CB_HOST_BASE_HISTOGRAM_H
#define CB_HOST_BASE_HISTOGRAM_H

#include <stdint.h>

#define CB_HISTOGRAM_SUB_BITS  10u
#define CB_HISTOGRAM_SUB       (1u << CB_HISTOGRAM_SUB_BITS)
#define CB_HISTOGRAM_VALUE_MAX ((UINT64_C(1) << 40) - 1u)
#define CB_HISTOGRAM_BUCKETS   (2u * CB_HISTOGRAM_SUB + (40u - CB_HISTOGRAM_SUB_BITS - 1u) * CB_HISTOGRAM_SUB)

struct cb_histogram {
    uint64_t count;
    uint64_t sum_lo, sum_hi; /* 128 bits, so that the mean can not wrap */
    uint64_t min, max;       /* exact; meaningless while count is 0 */
    uint64_t bucket[CB_HISTOGRAM_BUCKETS];
};

/* Empties it. */
void cb_histogram_init(struct cb_histogram *histogram);

/* Counts one value, in ns; a negative one (a clock that stepped) counts as 0. */
void cb_histogram_record(struct cb_histogram *histogram, int64_t value_ns);

/* Adds all that `other` counted: the same as having recorded both into one. */
void cb_histogram_merge(struct cb_histogram *histogram, const struct cb_histogram *other);

/* The value that at least ppm / 1e6 of the recorded values do not exceed: the upper end of the bucket with
 * rank ceil(count * ppm / 1e6) (at least 1), never above max; the last bucket answers max. 0 when empty.
 * Requires: ppm <= 1,000,000. 500,000 is the median, 999,000 p99.9. */
uint64_t cb_histogram_percentile(const struct cb_histogram *histogram, uint32_t ppm);

/* Rounded down; 0 when empty. */
uint64_t cb_histogram_mean(const struct cb_histogram *histogram);

/* 0 when empty. */
uint64_t cb_histogram_min(const struct cb_histogram *histogram);
uint64_t cb_histogram_max(const struct cb_histogram *histogram);
uint64_t cb_histogram_count(const struct cb_histogram *histogram);

#endif
