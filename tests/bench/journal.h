/* The measure of the journal: the production writer over a disk port, at three commit sizes. Shared by the
 * bench program here and by the `bench journal` command. */
#ifndef CB_TESTS_BENCH_JOURNAL_H
#define CB_TESTS_BENCH_JOURNAL_H

#include "clearbox/clock.h"
#include "clearbox/disk.h"

#include <stdbool.h>
#include <stdint.h>

#define CB_BENCH_COMMITS_MAX 65536u

struct cb_bench_journal_config {
    struct cb_disk *disk; /* with room for the run, or retain; what is on it stays in front, or is recycled */
    const struct cb_clock *clock;
    uint32_t records; /* in one commit */
    uint32_t body_bytes;
    uint32_t commits; /* <= CB_BENCH_COMMITS_MAX */
    bool pipelined;   /* append as long as there is room, instead of one commit after the other */
    bool retain; /* recycle what is durable all the time: each byte is then written twice, once as zero */
    uint64_t epoch;
};

struct cb_bench_journal_result {
    uint64_t commits, records, bytes, frames;
    int64_t elapsed_ns;
    int64_t latency_ns_p50, latency_ns_p99, latency_ns_max; /* append of the first record to durable */
};

/* Returns: whether the journal ran through. Ownership: takes and frees its own memory (a bench, not the box).
 */
bool cb_bench_journal(struct cb_bench_journal_result *result, const struct cb_bench_journal_config *config);

#endif
