#include "host/app/bench.h"

#include "host/base/assert.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

void cb_bench_rounds_add(struct cb_bench_rounds *rounds, double value)
{
    CB_ASSERT(rounds->count < CB_BENCH_ROUNDS_MAX);
    rounds->value[rounds->count++] = value;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y ? 1 : 0;
}

static struct cb_bench_rounds sorted(const struct cb_bench_rounds *rounds)
{
    struct cb_bench_rounds copy = *rounds;
    CB_ASSERT(copy.count > 0);
    qsort(copy.value, copy.count, sizeof copy.value[0], ascending);
    return copy;
}

double cb_bench_median(const struct cb_bench_rounds *rounds)
{
    struct cb_bench_rounds order = sorted(rounds);
    uint32_t middle = order.count / 2;
    return order.count % 2 == 1 ? order.value[middle] : (order.value[middle - 1] + order.value[middle]) / 2.0;
}

double cb_bench_least(const struct cb_bench_rounds *rounds)
{
    return sorted(rounds).value[0];
}

double cb_bench_greatest(const struct cb_bench_rounds *rounds)
{
    return sorted(rounds).value[rounds->count - 1];
}

int64_t cb_bench_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t cb_bench_cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

double cb_bench_clock_ns(void)
{
    double least = 1e9;
    for (uint32_t round = 0; round < 50; round++) {
        int64_t start = cb_bench_now_ns(), last = start;
        for (uint32_t i = 0; i < 1000; i++) {
            last = cb_bench_now_ns();
        }
        double each = (double)(last - start) / 1000.0;
        least = each < least ? each : least;
    }
    return least;
}

uint64_t cb_bench_resident_bytes(void)
{
    uint64_t size = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL) {
        return 0;
    }
    int fields = fscanf(file, "%" SCNu64 " %" SCNu64, &size, &resident);
    fclose(file);
    return fields == 2 ? resident * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static void processor_model(char *text, size_t bytes)
{
    char line[256];
    snprintf(text, bytes, "unknown");
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && colon != NULL) {
            snprintf(text, bytes, "%.*s", (int)strcspn(colon + 2, "\n\"\\"), colon + 2);
            break;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
}

static double load_now(void)
{
    double load = -1.0;
    return getloadavg(&load, 1) == 1 ? load : -1.0;
}

void cb_bench_report_begin(struct cb_bench_report *report, const struct cb_options *options,
                           const char *bench)
{
    char model[128];
    struct utsname system = {0};
    processor_model(model, sizeof model);
    (void)uname(&system);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    *report = (struct cb_bench_report){
        .out = options->out, .json = options->output != CB_OUTPUT_TEXT, .load_at_start = load_now()};
    if (report->json) {
        fprintf(report->out,
                "{\"bench\": \"%s\", \"processor\": \"%s\", \"processors\": %ld, \"kernel\": \"%s\", ", bench,
                model, cores, system.release);
        fprintf(report->out, "\"load_at_start\": %.2f, \"figures\": {", report->load_at_start);
    } else {
        fprintf(report->out, "bench %s: %s, %ld processors, Linux %s, load %.2f\n", bench, model, cores,
                system.release, report->load_at_start);
    }
    fflush(report->out);
}

/* What stands before each figure. */
static void figure(struct cb_bench_report *report, const char *name)
{
    if (report->json) {
        fprintf(report->out, "%s\"%s\": {", report->open ? ", " : "", name);
    } else {
        fprintf(report->out, "%-44s ", name);
    }
    report->open = true;
}

static void figure_end(struct cb_bench_report *report)
{
    fputs(report->json ? "}" : "\n", report->out);
    fflush(report->out);
}

/* Enough digits for small figures, none behind the point for great ones. */
static int digits(double value)
{
    return value >= 1000.0 || value <= -1000.0 ? 0 : value >= 100.0 ? 1 : 3;
}

static void put_rounds(struct cb_bench_report *report, const char *unit, const struct cb_bench_rounds *rounds)
{
    double median = cb_bench_median(rounds), least = cb_bench_least(rounds),
           greatest = cb_bench_greatest(rounds);
    if (report->json) {
        fprintf(report->out,
                "\"unit\": \"%s\", \"median\": %.4f, \"least\": %.4f, \"greatest\": %.4f, \"rounds\": %u",
                unit, median, least, greatest, rounds->count);
    } else {
        fprintf(report->out, "%14.*f %-10s (%.*f .. %.*f)", digits(median), median, unit, digits(median),
                least, digits(median), greatest);
    }
}

void cb_bench_report_rounds(struct cb_bench_report *report, const char *name, const char *unit,
                            const struct cb_bench_rounds *rounds)
{
    figure(report, name);
    put_rounds(report, unit, rounds);
    figure_end(report);
}

void cb_bench_report_against(struct cb_bench_report *report, const char *name, const char *unit,
                             const struct cb_bench_rounds *rounds, const char *reference_name,
                             const struct cb_bench_rounds *reference)
{
    double median = cb_bench_median(reference), ratio = cb_bench_median(rounds) / median;
    figure(report, name);
    put_rounds(report, unit, rounds);
    if (report->json) {
        fprintf(report->out, ", \"reference\": \"%s\", \"reference_median\": %.4f, \"ratio\": %.4f",
                reference_name, median, ratio);
    } else {
        fprintf(report->out, "  %s %.*f, ratio %.3f", reference_name, digits(median), median, ratio);
    }
    figure_end(report);
}

void cb_bench_report_latency(struct cb_bench_report *report, const char *name,
                             const struct cb_histogram *histogram)
{
    uint64_t p50 = cb_histogram_percentile(histogram, 500000),
             p99 = cb_histogram_percentile(histogram, 990000),
             p999 = cb_histogram_percentile(histogram, 999000), max = cb_histogram_max(histogram);
    figure(report, name);
    const char *form = report->json ? "\"unit\": \"ns\", \"p50\": %" PRIu64 ", \"p99\": %" PRIu64
                                      ", \"p999\": %" PRIu64 ", \"max\": %" PRIu64 ", \"count\": %" PRIu64
                                    : "p50 %" PRIu64 "  p99 %" PRIu64 "  p99.9 %" PRIu64 "  max %" PRIu64
                                      " ns (%" PRIu64 " of them)";
    fprintf(report->out, form, p50, p99, p999, max, cb_histogram_count(histogram));
    figure_end(report);
}

void cb_bench_report_number(struct cb_bench_report *report, const char *name, const char *unit, double value)
{
    figure(report, name);
    if (report->json) {
        fprintf(report->out, "\"unit\": \"%s\", \"value\": %.4f", unit, value);
    } else {
        fprintf(report->out, "%14.*f %s", digits(value), value, unit);
    }
    figure_end(report);
}

void cb_bench_report_end(struct cb_bench_report *report, double packets_per_second)
{
    if (!report->json) {
        fprintf(report->out, "load at the end %.2f\n", load_now());
        return;
    }
    fputs("}", report->out);
    if (packets_per_second >= 0.0) {
        fprintf(report->out, ", \"packets_per_second\": %.1f", packets_per_second);
    }
    fprintf(report->out, ", \"load_at_end\": %.2f}\n", load_now());
}
