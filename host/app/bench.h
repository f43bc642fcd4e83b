/* What the benches share: rounds, medians, the state of the machine, and one report in text or JSON.
 *
 * Every figure is measured in the run that prints it. A figure is the median of its rounds, with the least
 * and the greatest; where it is compared, the reference was measured between its rounds (A B A B) in the same
 * process or script. Nothing here passes or fails: docs/performance.md names the goals. */
#ifndef CB_HOST_APP_BENCH_H
#define CB_HOST_APP_BENCH_H

#include "host/app/options.h"
#include "host/base/histogram.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define CB_BENCH_ROUNDS     7u /* at least five; odd, so that the median is one of them */
#define CB_BENCH_ROUNDS_MAX 64u

/* The rounds of one figure. Zeroed before the first. */
struct cb_bench_rounds {
    uint32_t count;
    double value[CB_BENCH_ROUNDS_MAX];
};

void cb_bench_rounds_add(struct cb_bench_rounds *rounds, double value);
/* The middle one, or the mean of the two middle ones. Requires: count > 0 for all three. */
double cb_bench_median(const struct cb_bench_rounds *rounds);
double cb_bench_least(const struct cb_bench_rounds *rounds);
double cb_bench_greatest(const struct cb_bench_rounds *rounds);

/* CLOCK_MONOTONIC. */
int64_t cb_bench_now_ns(void);
/* What this thread has used of a core: on a machine that others use too, the time that counts for work a
 * core. */
int64_t cb_bench_cpu_ns(void);
/* What reading the first twice costs, in ns: the least of many. */
double cb_bench_clock_ns(void);

/* Resident bytes of this process now; 0 where /proc does not say. */
uint64_t cb_bench_resident_bytes(void);

/* Keeps the compiler from leaving out what computed `value`. */
static inline void cb_bench_keep(uint64_t value)
{
    __asm__ volatile("" : : "r"(value) : "memory");
}

struct cb_bench_report {
    FILE *out;
    bool json, open; /* open: a figure was printed */
    double load_at_start;
};

/* Prints what is measured and on what: processor, kernel, cores, load. */
void cb_bench_report_begin(struct cb_bench_report *report, const struct cb_options *options,
                           const char *bench);
/* One figure: `name` in words joined by underscores, unique in the report; `unit` like "ns", "events/s". */
void cb_bench_report_rounds(struct cb_bench_report *report, const char *name, const char *unit,
                            const struct cb_bench_rounds *rounds);
/* The same with the reference that was measured beside it; the ratio is median / median. */
void cb_bench_report_against(struct cb_bench_report *report, const char *name, const char *unit,
                             const struct cb_bench_rounds *rounds, const char *reference_name,
                             const struct cb_bench_rounds *reference);
/* p50, p99, p99.9 and the maximum of a histogram in ns. */
void cb_bench_report_latency(struct cb_bench_report *report, const char *name,
                             const struct cb_histogram *histogram);
/* One exact number. */
void cb_bench_report_number(struct cb_bench_report *report, const char *name, const char *unit, double value);
/* Ends it with the load as it is now. `packets_per_second` below 0: left out, else a key of that name in the
 * JSON. */
void cb_bench_report_end(struct cb_bench_report *report, double packets_per_second);

/* The benches; each returns an enum cb_exit after its own message. */
int cb_bench_engine(const struct cb_options *options);
int cb_bench_ingest(const struct cb_options *options);
int cb_bench_journal(const struct cb_options *options);

#endif
