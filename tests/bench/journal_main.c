/* bench_journal DIR [commits]: commit latency and rate of the production journal in DIR, over io_uring and
 * over plain files. One line per case, to be read by tests/bench/journal_fio.py or by a person. */
#include "drivers/file/file.h"
#include "drivers/uring/uring.h"
#include "tests/bench/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SLOTS       44u /* both drivers' cases at 1,000 commits, so that nothing need be recycled */
#define COMMITS_MAX 1000u
#define SLOT_BYTES  (64u * 1024u * 1024u)

static int64_t steady_ns(void *self)
{
    (void)self;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static const struct {
    const char *name;
    uint32_t records, body_bytes;
    bool pipelined, retain;
} CASES[] = {
    {"4KiB", 1, 3936, false, false},         /* one block, one record */
    {"32KiB", 1, 32608, false, false},       /* one record of the greatest size */
    {"32KiB-256", 256, 104, false, false},   /* 256 records in 32 KiB */
    {"512KiB", 363, 1424, false, false},     /* the greatest frame, one after the other */
    {"512KiB-deep", 363, 1424, true, false}, /* the same with four in flight */
    {"512KiB-ring", 363, 1424, true, true}   /* and with all that is durable being recycled */
};

static bool measure(const char *driver, struct cb_disk *disk, uint32_t commits, uint64_t *epoch)
{
    const struct cb_clock clock = {.steady_ns = steady_ns};
    for (uint32_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct cb_bench_journal_config config = {.disk = disk,
                                                 .clock = &clock,
                                                 .records = CASES[i].records,
                                                 .body_bytes = CASES[i].body_bytes,
                                                 .commits = commits,
                                                 .pipelined = CASES[i].pipelined,
                                                 .retain = CASES[i].retain,
                                                 .epoch = (*epoch)++};
        struct cb_bench_journal_result r;
        if (!cb_bench_journal(&r, &config)) {
            fprintf(stderr, "%s %s: the journal failed\n", driver, CASES[i].name);
            return false;
        }
        double seconds = (double)r.elapsed_ns / 1e9;
        printf("%-6s %-12s commits/s %9.0f  records/s %9.0f  MB/s %7.1f  p50_us %8.1f  p99_us %8.1f  max_us "
               "%8.1f  frames %lu\n",
               driver, CASES[i].name, (double)r.commits / seconds, (double)r.records / seconds,
               (double)r.bytes / seconds / 1e6, (double)r.latency_ns_p50 / 1e3,
               (double)r.latency_ns_p99 / 1e3, (double)r.latency_ns_max / 1e3, r.frames);
    }
    return true;
}

int main(int argc, char **argv)
{
    static struct cb_file_slots slots;
    static struct cb_file_disk file_disk;
    static struct cb_file_error error;
    static struct cb_uring_error uring_error;
    if (argc < 2) {
        fprintf(stderr, "usage: %s DIR [commits]   DIR is made, and must hold no journal\n", argv[0]);
        return 2;
    }
    uint32_t commits = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 1000u;
    commits = commits == 0 ? 1 : commits > COMMITS_MAX ? COMMITS_MAX : commits;
    if (!cb_file_format(&error, argv[1], SLOTS, SLOT_BYTES) ||
        !cb_file_open(&slots, &error, argv[1], CB_FILE_BUFFERED)) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    printf("# %s, %u slots of %u MiB, %u commits each\n",
           slots.direct ? "O_DIRECT" : "buffered (O_DIRECT refused)", SLOTS, SLOT_BYTES >> 20, commits);
    uint64_t epoch = 1;
    bool good = true;
    if (cb_uring_probe(&uring_error, argv[1])) {
        struct cb_uring_files files = {.files = slots.files,
                                       .count = slots.count,
                                       .slot_bytes = slots.slot_bytes,
                                       .writable = slots.writable};
        struct cb_disk *disk = cb_uring_open(&files, &uring_error);
        if (disk != NULL) {
            good = measure("uring", disk, commits, &epoch);
            disk->close(disk->self);
        }
    } else {
        printf("# uring skipped, because: %s\n", uring_error.text);
    }
    cb_file_disk_init(&file_disk, &slots);
    good = good && measure("file", &file_disk.disk, commits, &epoch);
    cb_file_close(&slots);
    return good ? 0 : 1;
}
