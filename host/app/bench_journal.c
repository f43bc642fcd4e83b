/* clearbox bench journal -C DIR: the production journal writer over both disk drivers, then replay.
 *
 * For each driver and each of three frame sizes, by turns with the bare disk operation (one write and its
 * data sync of as many bytes, on slots of its own in the same directory): commits a second one at a time, and
 * their latency from the poll that seals the frame to `durable`. Then a stream: frames of 512 KiB with up to
 * four in flight, on both sides. Everything is written below DIR/bench.tmp, which is removed at the end.
 * tests/bench/journal_fio.py sets fio beside it. */
#include "drivers/file/file.h"
#include "host/app/disk.h"
#include "host/app/bench.h"
#include "host/app/bench_disk.h"
#include "host/app/store.h"
#include "host/base/crc32c.h"
#include "host/journal/frame.h"
#include "host/journal/journal.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLOTS        10u
#define BARE_SLOTS   2u
#define SLOT_BYTES   (UINT64_C(64) << 20)
#define BODY_BYTES   112u /* a record of 128 */
#define CLUSTER      0xBE7C4u
#define STREAM_BYTES (UINT64_C(16) << 20) /* of one round */

struct disk { /* one set of slots behind one driver */
    struct cb_file_slots slots;
    struct cb_app_disk driver;
    struct cb_disk *port;
};

struct bench {
    const struct cb_options *options;
    struct cb_bench_report *report;
    const char *directory, *driver;
    struct disk journal_disk, bare_disk;
    struct cb_memory memory;
    struct cb_journal journal;
    uint8_t *frame; /* the bare side's bytes */
    uint64_t bare_at;
    struct cb_histogram latency, bare_latency;
    uint64_t seq;
};

static bool complain(const struct cb_options *options, const char *text)
{
    cb_message_print(options->errors, CB_MESSAGE_4005, "%s", text);
    return false;
}

bool cb_bench_scratch_make(char path[CB_FILE_PATH_BYTES], const struct cb_options *options, const char *name)
{
    snprintf(path, CB_FILE_PATH_BYTES, "%.900s/bench.tmp", options->data);
    bool made = mkdir(path, 0777) == 0 || errno == EEXIST;
    snprintf(path, CB_FILE_PATH_BYTES, "%.900s/bench.tmp/%s", options->data, name);
    cb_bench_scratch_remove(path);
    return (made && mkdir(path, 0777) == 0) || complain(options, path);
}

void cb_bench_scratch_remove(const char *path)
{
    char file[CB_FILE_PATH_BYTES + 300];
    DIR *listing = opendir(path);
    for (struct dirent *entry = listing == NULL ? NULL : readdir(listing); entry != NULL;
         entry = readdir(listing)) {
        if (entry->d_name[0] != '.') {
            snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
            unlink(file);
        }
    }
    if (listing != NULL) {
        closedir(listing);
        rmdir(path);
    }
}

static bool open_disk(struct disk *disk, const struct bench *bench, const char *name, uint32_t slots)
{
    char path[CB_FILE_PATH_BYTES];
    struct cb_file_error error = {0};
    if (!cb_bench_scratch_make(path, bench->options, name)) {
        return false;
    }
    if (!cb_file_format(&error, path, slots, SLOT_BYTES) ||
        !cb_file_open(&disk->slots, &error, path, CB_FILE_DIRECT)) {
        return complain(bench->options, error.text);
    }
    bool uring = strcmp(bench->driver, "uring") == 0;
    if (cb_app_disk_open(&disk->driver, &disk->slots, path, uring ? CB_JOURNAL_URING : CB_JOURNAL_FILE,
                         bench->options->errors) != CB_EXIT_OK) {
        cb_file_close(&disk->slots);
        return false;
    }
    disk->port = disk->driver.port;
    return true;
}

static void close_disk(struct disk *disk, const struct bench *bench, const char *name)
{
    char path[CB_FILE_PATH_BYTES];
    cb_app_disk_close(&disk->driver);
    cb_file_close(&disk->slots);
    snprintf(path, sizeof path, "%.900s/bench.tmp/%s", bench->options->data, name);
    cb_bench_scratch_remove(path);
}

static const char *figure_name(const struct bench *bench, const char *what, uint32_t frame_bytes)
{
    static char name[96];
    snprintf(name, sizeof name, "%s_%s_%u_KiB", bench->driver, what, frame_bytes >> 10);
    return name;
}

static void append(struct bench *bench, uint32_t records)
{
    static uint8_t body[BODY_BYTES];
    for (uint32_t i = 0; i < records; i++) {
        memcpy(body, &bench->seq, sizeof bench->seq);
        struct cb_event event = {.seq = ++bench->seq,
                                 .ingest_ns = (int64_t)bench->seq,
                                 .kind = CB_EVENT_MESSAGE,
                                 .session_seq = bench->seq,
                                 .body = body,
                                 .body_bytes = BODY_BYTES};
        cb_journal_append(&bench->journal, &event);
    }
}

static uint32_t records_in(uint32_t frame_bytes)
{
    return (frame_bytes - CB_JOURNAL_FRAME_HEADER_BYTES) / CB_JOURNAL_RECORD_BYTES(BODY_BYTES);
}

/* Commits of one frame each, one after the other. Returns commits a second; 0: the journal failed. */
static double commit_ours(struct bench *bench, uint32_t frame_bytes, uint32_t commits,
                          struct cb_histogram *latency)
{
    int64_t begin = cb_bench_now_ns();
    for (uint32_t i = 0; i < commits; i++) {
        append(bench, records_in(frame_bytes));
        int64_t start = cb_bench_now_ns();
        while (cb_journal_durable(&bench->journal) < bench->seq) {
            (void)cb_journal_poll(&bench->journal, 0);
            if (bench->journal.state == CB_JOURNAL_FAILED) {
                return 0.0;
            }
        }
        cb_histogram_record(latency, cb_bench_now_ns() - start);
    }
    return commits / (double)(cb_bench_now_ns() - begin) * 1e9;
}

static void submit_bare(struct bench *bench, uint32_t frame_bytes)
{
    uint64_t per_slot = SLOT_BYTES / frame_bytes, at = bench->bare_at++;
    struct cb_disk_op op = {.kind = CB_DISK_WRITE_SYNC,
                            .slot = (uint32_t)(at / per_slot % BARE_SLOTS),
                            .offset = at % per_slot * frame_bytes,
                            .data = bench->frame,
                            .bytes = frame_bytes};
    bool taken = bench->bare_disk.port->submit(bench->bare_disk.port->self, &op);
    CB_ASSERT(taken); /* four at most are in flight */
}

/* Reaps at least one. Returns how many, 0: the disk failed. */
static uint32_t reap_bare(struct bench *bench, uint32_t frame_bytes)
{
    struct cb_disk_done done[CB_JOURNAL_FRAMES_IN_FLIGHT];
    uint32_t count = 0;
    while (count == 0) {
        count = bench->bare_disk.port->reap(bench->bare_disk.port->self, done, CB_JOURNAL_FRAMES_IN_FLIGHT);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (done[i].result != (int32_t)frame_bytes) {
            return 0;
        }
    }
    return count;
}

static double commit_bare(struct bench *bench, uint32_t frame_bytes, uint32_t commits,
                          struct cb_histogram *latency)
{
    int64_t begin = cb_bench_now_ns();
    for (uint32_t i = 0; i < commits; i++) {
        int64_t start = cb_bench_now_ns();
        submit_bare(bench, frame_bytes);
        if (reap_bare(bench, frame_bytes) == 0) {
            return 0.0;
        }
        cb_histogram_record(latency, cb_bench_now_ns() - start);
    }
    return commits / (double)(cb_bench_now_ns() - begin) * 1e9;
}

/* Appends whenever there is room, so that frames fill and up to four are in flight. Returns frames of 512 KiB
 * a second. */
static double stream_ours(struct bench *bench)
{
    uint64_t bytes = bench->journal.stats.bytes, records = 0;
    uint64_t wanted = STREAM_BYTES / CB_JOURNAL_FRAME_BYTES_MAX * records_in(CB_JOURNAL_FRAME_BYTES_MAX);
    int64_t begin = cb_bench_now_ns();
    while (cb_journal_durable(&bench->journal) < bench->seq || records < wanted) {
        uint64_t room = cb_journal_room(&bench->journal, BODY_BYTES);
        room = room < wanted - records ? room : wanted - records;
        append(bench, (uint32_t)room);
        records += room;
        (void)cb_journal_poll(&bench->journal, 0);
        if (bench->journal.state == CB_JOURNAL_FAILED ||
            (room == 0 && bench->journal.state == CB_JOURNAL_FULL)) {
            return 0.0;
        }
    }
    double ns = (double)(cb_bench_now_ns() - begin);
    return (double)(bench->journal.stats.bytes - bytes) / CB_JOURNAL_FRAME_BYTES_MAX / ns * 1e9;
}

static double stream_bare(struct bench *bench)
{
    uint32_t frames = STREAM_BYTES / CB_JOURNAL_FRAME_BYTES_MAX, submitted = 0, done = 0;
    int64_t begin = cb_bench_now_ns();
    while (done < frames) {
        while (submitted < frames && submitted - done < CB_JOURNAL_FRAMES_IN_FLIGHT) {
            submit_bare(bench, CB_JOURNAL_FRAME_BYTES_MAX);
            submitted++;
        }
        uint32_t count = reap_bare(bench, CB_JOURNAL_FRAME_BYTES_MAX);
        if (count == 0) {
            return 0.0;
        }
        done += count;
    }
    return frames / (double)(cb_bench_now_ns() - begin) * 1e9;
}

static bool bench_commits(struct bench *bench, uint32_t frame_bytes, uint32_t commits)
{
    struct cb_bench_rounds ours = {0}, bare = {0};
    cb_histogram_init(&bench->latency);
    cb_histogram_init(&bench->bare_latency);
    bench->bare_at = 0;
    for (uint32_t round = 0; round < CB_BENCH_ROUNDS + 1; round++) {
        if (round == 1) { /* what came before warmed up */
            cb_histogram_init(&bench->latency);
            cb_histogram_init(&bench->bare_latency);
        }
        double rate = commit_ours(bench, frame_bytes, commits, &bench->latency);
        double bare_rate = commit_bare(bench, frame_bytes, commits, &bench->bare_latency);
        if (rate <= 0.0 || bare_rate <= 0.0) {
            return complain(bench->options, "the disk failed during the bench");
        }
        if (round > 0) {
            cb_bench_rounds_add(&ours, rate);
            cb_bench_rounds_add(&bare, bare_rate);
        }
    }
    cb_bench_report_against(bench->report, figure_name(bench, "commits", frame_bytes), "commits/s", &ours,
                            "bare_write_and_sync", &bare);
    cb_bench_report_latency(bench->report, figure_name(bench, "commit_latency", frame_bytes),
                            &bench->latency);
    cb_bench_report_latency(bench->report, figure_name(bench, "bare_latency", frame_bytes),
                            &bench->bare_latency);
    return true;
}

/* What one thread must spend on a frame beside the disk: its CRC and its hash. */
static void bench_seal(struct bench *bench, uint32_t frame_bytes)
{
    struct cb_bench_rounds hash = {0}, crc = {0};
    struct cb_journal_hasher hasher;
    uint8_t digest[CB_JOURNAL_HASH_BYTES];
    uint32_t repeats = 16 * CB_JOURNAL_FRAME_BYTES_MAX / frame_bytes, sum = 0;
    char name[64];
    cb_journal_hasher_open(&hasher);
    for (uint32_t round = 0; round < CB_BENCH_ROUNDS; round++) {
        int64_t start = cb_bench_now_ns();
        for (uint32_t i = 0; i < repeats; i++) {
            cb_journal_hash(&hasher, digest, bench->frame, frame_bytes);
        }
        int64_t middle = cb_bench_now_ns();
        for (uint32_t i = 0; i < repeats; i++) {
            sum += cb_crc32c(sum, bench->frame, frame_bytes);
        }
        cb_bench_rounds_add(&hash, (double)(middle - start) / repeats);
        cb_bench_rounds_add(&crc, (double)(cb_bench_now_ns() - middle) / repeats);
    }
    cb_bench_keep(sum);
    cb_journal_hasher_close(&hasher);
    snprintf(name, sizeof name, "sha256_alone_%u_KiB", frame_bytes >> 10);
    cb_bench_report_rounds(bench->report, name, "ns", &hash);
    snprintf(name, sizeof name, "crc32c_alone_%u_KiB", frame_bytes >> 10);
    cb_bench_report_rounds(bench->report, name, "ns", &crc);
}

static bool bench_stream(struct bench *bench)
{
    struct cb_bench_rounds ours = {0}, bare = {0};
    bench->bare_at = 0;
    for (uint32_t round = 0; round < CB_BENCH_ROUNDS + 1; round++) {
        double rate = stream_ours(bench), bare_rate = stream_bare(bench);
        if (rate <= 0.0 || bare_rate <= 0.0) {
            return complain(bench->options, "the disk failed, or the journal was full, during the bench");
        }
        if (round > 0) {
            cb_bench_rounds_add(&ours, rate);
            cb_bench_rounds_add(&bare, bare_rate);
        }
    }
    cb_bench_report_against(bench->report,
                            figure_name(bench, "stream_four_in_flight", CB_JOURNAL_FRAME_BYTES_MAX),
                            "frames/s", &ours, "bare_write_and_sync", &bare);
    return true;
}

static bool run_driver(struct bench *bench)
{
    struct cb_journal_recovery recovery;
    struct cb_journal_config config = {.disk = bench->journal_disk.port, .cluster = CLUSTER};
    if (!cb_memory_take(&bench->memory, cb_journal_footprint(&config), true, bench->options->errors)) {
        return false;
    }
    struct cb_arena arena = cb_arena_over(bench->memory.base, bench->memory.bytes);
    cb_journal_init(&bench->journal, &arena, &config);
    bench->seq = 0;
    bool good =
        cb_journal_recover(&bench->journal, &recovery, 1) || complain(bench->options, "recovery refused");
    good = good && bench_commits(bench, 4096, 400) && bench_commits(bench, 32768, 200) &&
           bench_commits(bench, CB_JOURNAL_FRAME_BYTES_MAX, 40) && bench_stream(bench);
    cb_journal_close(&bench->journal);
    cb_memory_give(&bench->memory);
    return good;
}

static bool bench_driver(struct bench *bench, const char *driver)
{
    bench->driver = driver;
    if (!open_disk(&bench->journal_disk, bench, "journal", SLOTS)) {
        return false;
    }
    bool good = open_disk(&bench->bare_disk, bench, "bare", BARE_SLOTS);
    if (good) {
        good = run_driver(bench);
        close_disk(&bench->bare_disk, bench, "bare");
    }
    close_disk(&bench->journal_disk, bench, "journal");
    return good;
}

int cb_bench_journal(const struct cb_options *options)
{
    struct cb_bench_report report;
    char path[CB_FILE_PATH_BYTES];
    if (options->data == NULL) {
        cb_message_print(options->errors, CB_MESSAGE_2005, "bench journal: say with -C DIR on which disk");
        return CB_EXIT_USAGE;
    }
    struct bench *bench = calloc(1, sizeof *bench);
    uint8_t *frame = aligned_alloc(4096, CB_JOURNAL_FRAME_BYTES_MAX);
    bool good = bench != NULL && frame != NULL;
    if (good) {
        memset(frame, 0x5A, CB_JOURNAL_FRAME_BYTES_MAX);
        bench->options = options;
        bench->report = &report;
        bench->frame = frame;
        cb_bench_report_begin(&report, options, "journal");
        bench_seal(bench, 4096);
        bench_seal(bench, 32768);
        bench_seal(bench, CB_JOURNAL_FRAME_BYTES_MAX);
        good =
            bench_driver(bench, "uring") && bench_driver(bench, "file") && cb_bench_replay(options, &report);
        cb_bench_report_end(&report, -1.0);
    }
    snprintf(path, sizeof path, "%.900s/bench.tmp", options->data);
    rmdir(path);
    free(frame);
    free(bench);
    return good ? CB_EXIT_OK : CB_EXIT_ENVIRONMENT;
}
